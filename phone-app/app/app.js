/** What every view is given, and what it gives back. Types only. */

/**
 * A place in the app; kept in the browser's history, so that its own back button works.
 * @typedef {{name: "home"} | {name: "set-up", fault?: "broken" | "other"} | {name: "scan"} | {name: "settings"} | {name: "token", tokenId: string} | {name: "details", tokenId: string} | {name: "done", tokenId: string, wasHere: boolean}} Page
 */

/**
 * What was typed into 初期設定. In memory only: it outlives a change of language and a failed try, not the page.
 * @typedef {{serviceId: string, userId: string, startPassword: string, link: {serviceId: string, userId: string, qrSecret: string} | null}} Draft
 */

/**
 * Chromium's offer to install; other browsers have only their own menus.
 * @typedef {Event & {prompt: () => Promise<unknown>}} InstallOffer
 */

/**
 * Everything a view may use.
 * @typedef {object} App
 * @property {import("./texts.js").Texts} texts
 * @property {import("./texts.js").Config} config
 * @property {import("./clock.js").Clock} clock
 * @property {import("./activation.js").Outside} outside
 * @property {EventTarget} events  `clock` when something was learned of it, `install` when the offer changed
 * @property {Draft} draft
 * @property {InstallOffer | null} installOffer
 * @property {import("./storage.js").Settings} settings
 * @property {boolean} isOffline  whether the app cannot be opened without a network: its worker is missing
 * @property {(settings: import("./storage.js").Settings) => Promise<void>} keepSettings
 * @property {() => void} unlock  opens what the lock number was in front of
 * @property {() => void} forget  lets go of the memory that there were tokens: they were deleted on purpose
 * @property {(page: Page) => void} go       opens a page
 * @property {(page: Page) => void} replace  opens a page in this one's place: back leads past it
 * @property {(serverNow: number, sentAt: number, receivedAt: number) => void} learnClock
 * @property {() => void} acknowledge  tells the server of tokens that have arrived, in the background
 */

/**
 * A view: its node, and what to stop when it is left.
 * @typedef {{node: HTMLElement, leave?: () => void}} View
 */

export {};

/** Starts the app and opens its pages. Owns what happens by itself: the clock, acknowledgements, the worker. */

import { onLink } from "./link.js";
import { acknowledge } from "./activation.js";
import { checkClock, Clock } from "./clock.js";
import { isApple, placeOf } from "./platform.js";
import { ask } from "./server.js";
import { checkTokens } from "./status.js";
import { FIRST_SETTINGS, loadClock, loadSettings, loadTokens, saveClock, saveSettings } from "./storage.js";
import { inFours, languageOf, Texts } from "./texts.js";
import { detailsView } from "./views/details.js";
import { doneView } from "./views/done.js";
import { emptyView } from "./views/empty.js";
import { foot, head, updateOffer } from "./views/frame.js";
import { passcodeView } from "./views/passcode.js";
import { placeView } from "./views/place.js";
import { scanView } from "./views/scan.js";
import { setUpView } from "./views/set-up.js";
import { lockView, settingsView } from "./views/settings.js";
import { tokensView } from "./views/tokens.js";
import { registerWorker } from "./worker.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./app.js").Page} Page */
/** @typedef {import("./app.js").View} View */
/** @typedef {import("./storage.js").TokenRecord} TokenRecord */

const outside = {
  /** @type {typeof globalThis.fetch} */
  fetch: (input, init) => globalThis.fetch(input, init),
  now: () => Date.now(),
};

/** @returns {Promise<void>} */
async function start() {
  const config = /** @type {import("./texts.js").Config} */ (await ask(outside.fetch, "/app/config.json"));
  paint(config.institution.color);
  const texts = new Texts(config.texts, languageOf(remembered(LANGUAGE), navigator.language), config.zone);
  const clock = new Clock(outside.now, await loadClock().catch(() => null));
  /** @type {App} */
  const app = {
    texts,
    config,
    clock,
    outside,
    events: new EventTarget(),
    draft: { serviceId: "", userId: "", startPassword: "", link: null },
    installOffer: null,
    settings: await loadSettings().catch(() => FIRST_SETTINGS),
    isOffline: false,
    keepSettings: async (settings) => {
      app.settings = settings;
      await saveSettings(settings).catch(() => undefined);
    },
    unlock: () => {
      isLocked = false;
      void render(app, true);
    },
    forget: () => remember(HAD_TOKENS, "no"),
    go: (page) => open(page, "pushState"),
    replace: (page) => open(page, "replaceState"),
    learnClock: (...moments) => learned(app, clock.learn(...moments)),
    acknowledge: () => tell(false),
  };
  /** @param {Page} page @param {"pushState" | "replaceState"} how */
  const open = (page, how) => {
    history[how](page, "");
    void render(app, true);
  };
  addEventListener("popstate", () => void render(app, true));
  const page = pageNow();
  if (page.name === "done") {
    // A tab restored days later says what the passcode is, not that the set-up has just ended.
    history.replaceState({ name: "token", tokenId: page.tokenId }, "");
  }
  isLocked = app.settings.lock !== null;
  lockWhenAway(app);
  listenForInstallOffer(app);
  onLink((link) => {
    const how = history.state === null ? "pushState" : "replaceState";
    if (link === null || link.serviceId !== config.institution.service_id) {
      app.draft.link = null;
      open({ name: "set-up", fault: link === null ? "broken" : "other" }, how);
      return;
    }
    Object.assign(app.draft, { serviceId: inFours(link.serviceId), userId: inFours(link.userId), link });
    open({ name: "set-up" }, how);
  });
  await render(app, false);
  keepUp(app);
  await registerWorker({
    missing: () => {
      app.isOffline = true;
    },
    waiting: (take) => {
      takeUpdate = take;
      void render(app, false);
    },
  });
}

/**
 * Tells the server of tokens that have arrived, in the background.
 * @param {boolean} isStart
 */
function tell(isStart) {
  void acknowledge(outside, isStart).catch(() => undefined);
}

/**
 * Draws the page that the history is at.
 * @param {App} app
 * @param {boolean} takesFocus whether a screen reader is led to the new page's title
 */
async function render(app, takesFocus) {
  const turn = (renders += 1);
  const tokens = await loadTokens().catch(() => []);
  if (turn !== renders) {
    return;
  }
  remember(HAD_TOKENS, tokens.length > 0 ? "yes" : remembered(HAD_TOKENS));
  document.documentElement.lang = app.texts.language;
  document.documentElement.className = `text-${app.settings.textSize}`;
  document.title = app.texts.of("app-name");
  const view = viewOf(app, pageNow(), tokens);
  const main = document.createElement("main");
  main.id = "main";
  main.className = "page";
  main.append(view.node);
  shown.leave?.();
  shown = view;
  const offer = takeUpdate === null ? [] : [updateOffer(app, takeUpdate, () => (takeUpdate = null))];
  document.body.replaceChildren(head(app, () => switchLanguage(app)), ...offer, main, foot(app));
  if (takesFocus) {
    scrollTo(0, 0);
    main.querySelector("h1")?.focus();
  }
}

/**
 * @param {App} app
 * @param {Page} page
 * @param {TokenRecord[]} tokens
 * @returns {View}
 */
function viewOf(app, page, tokens) {
  if (isLocked && app.settings.lock !== null) {
    return lockView(app, app.settings.lock);
  }
  if (page.name === "settings") {
    return settingsView(app);
  }
  const place = placeHere();
  const wantsSetUp = page.name === "set-up" || page.name === "scan" || tokens.length === 0;
  if (wantsSetUp && place !== "ready") {
    const fault = page.name === "set-up" ? page.fault : undefined;
    return placeView(app, place, isApple(navigator.userAgent, navigator.maxTouchPoints), fault);
  }
  if (page.name === "set-up") {
    return setUpView(app, page.fault);
  }
  if (page.name === "scan") {
    return scanView(app);
  }
  if (tokens.length === 0) {
    return emptyView(app, remembered(HAD_TOKENS) === "yes");
  }
  const token = "tokenId" in page ? tokens.find(({ tokenId }) => tokenId === page.tokenId) : undefined;
  if (page.name === "details" && token !== undefined) {
    return detailsView(app, token);
  }
  if (page.name === "done" && token !== undefined) {
    return doneView(app, token, { wasHere: page.wasHere, isInstalled: isInstalled() });
  }
  const one = token ?? (tokens.length === 1 ? tokens[0] : undefined);
  if (one === undefined) {
    return tokensView(app, tokens);
  }
  return passcodeView(app, one, tokens.length, () => showLost(app));
}

/** @param {App} app */
function showLost(app) {
  shown.leave?.();
  shown = emptyView(app, true);
  document.getElementById("main")?.replaceChildren(shown.node);
}

/** @returns {Page} */
function pageNow() {
  return history.state ?? { name: "home" };
}

/** Whether the app was opened from the home screen. */
function isInstalled() {
  const isStandalone = matchMedia("(display-mode: standalone), (display-mode: fullscreen)").matches;
  return isStandalone || ("standalone" in navigator && navigator.standalone === true);
}

function placeHere() {
  return placeOf({
    userAgent: navigator.userAgent,
    touchPoints: navigator.maxTouchPoints,
    isInstalled: isInstalled(),
    isSecure: isSecureContext,
    hasKeys: globalThis.crypto?.subtle !== undefined,
    hasDatabase: globalThis.indexedDB !== undefined,
  });
}

/**
 * Asks for the time and sends what is owed, at the start and whenever the phone comes back.
 * @param {App} app
 */
function keepUp(app) {
  let askedAt = -Infinity;
  let isStart = true;
  const catchUp = async () => {
    // By the monotonic clock: the other one is what is being checked.
    if (document.visibilityState === "hidden" || performance.now() - askedAt < SHORTEST_PAUSE) {
      return;
    }
    askedAt = performance.now();
    tell(isStart);
    isStart = false;
    learned(app, await checkClock(app.clock, outside.fetch));
    if (await checkTokens(app.clock, outside.fetch).catch(() => false)) {
      void render(app, false);
    }
  };
  addEventListener("online", () => {
    askedAt = -Infinity;
    void catchUp();
  });
  document.addEventListener("visibilitychange", () => void catchUp());
  setInterval(() => void catchUp(), LONGEST_PAUSE);
  void catchUp();
}

/**
 * @param {App} app
 * @param {import("./storage.js").ClockRecord | null} record
 */
function learned(app, record) {
  if (record !== null) {
    void saveClock(record).catch(() => undefined);
  }
  app.events.dispatchEvent(new Event("clock"));
}

/**
 * What lies about for a while shows nothing any more.
 * @param {App} app
 */
function lockWhenAway(app) {
  let leftAt = Infinity;
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      leftAt = performance.now();
    } else if (app.settings.lock !== null && performance.now() - leftAt > AWAY) {
      isLocked = true;
      void render(app, true);
    }
  });
}

/** @param {App} app */
function listenForInstallOffer(app) {
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    app.installOffer = /** @type {import("./app.js").InstallOffer} */ (event);
    app.events.dispatchEvent(new Event("install"));
  });
  addEventListener("appinstalled", () => {
    app.installOffer = null;
    app.events.dispatchEvent(new Event("install"));
  });
}

/** @param {App} app */
function switchLanguage(app) {
  app.texts.language = app.texts.language === "ja" ? "en" : "ja";
  remember(LANGUAGE, app.texts.language);
  void render(app, false);
}

/**
 * The institution's colour; through the style object, which the policy allows where a style attribute is forbidden.
 * @param {string} color
 */
function paint(color) {
  if (/^#[0-9a-f]{6}$/i.test(color)) {
    document.documentElement.style.setProperty("--brand", color);
  }
}

/**
 * @param {string} name
 * @returns {string | null}
 */
function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/**
 * @param {string} name
 * @param {string | null} value
 */
function remember(name, value) {
  try {
    if (value !== null) {
      localStorage.setItem(name, value);
    }
  } catch {
    // A browser that forbids it forgets the language; nothing else hangs on it.
  }
}

const LANGUAGE = "warifu-language";
const HAD_TOKENS = "warifu-had-tokens";
const SHORTEST_PAUSE = 30_000;
const LONGEST_PAUSE = 600_000;
const AWAY = 60_000;

/** @type {View} */
let shown = { node: document.body };
let renders = 0;
let isLocked = false;
/** @type {(() => void) | null} */
let takeUpdate = null;

await start();

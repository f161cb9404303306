/** The list of tokens, where there is more than one; and the way to one more. */

import { isOver } from "../status.js";
import { inFours } from "../texts.js";
import { h } from "./dom.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../storage.js").TokenRecord} TokenRecord */

/** How many tokens a phone keeps. */
export const MOST_TOKENS = 10;

/**
 * All tokens, each a large button.
 * @param {App} app
 * @param {TokenRecord[]} tokens
 * @returns {import("../app.js").View}
 */
export function tokensView(app, tokens) {
  const { texts } = app;
  /**
   * @param {TokenRecord} token
   * @param {number} at
   */
  const item = (token, at) =>
    h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "row", click: () => app.go({ name: "token", tokenId: token.tokenId }) },
        h("strong", {}, nameOf(app, token, at)),
        h("span", {}, texts.of("app-token-user", { user: inFours(token.userId) })),
        isDead(app, token) ? h("span", { class: "strong" }, texts.of("app-dead-mark")) : null,
      ),
    );
  const node = h(
    "div",
    {},
    h("h1", { tabindex: -1 }, texts.of("app-tokens-title")),
    h("p", {}, texts.of("app-tokens-lead")),
    h("ul", { class: "rows" }, ...tokens.map(item)),
    addToken(app, tokens.length),
    settingsLink(app),
  );
  return { node };
}

/**
 * What a token is called: its name, or its number; one of before there were numbers, its place in the list.
 * @param {App} app
 * @param {TokenRecord} token
 * @param {number} at
 */
function nameOf({ texts }, { name, number }, at) {
  return name === undefined || name === "" ? texts.of("app-token", { number: number ?? at + 1 }) : name;
}

/**
 * Whether a token is over, as far as the phone knows.
 * @param {App} app
 * @param {TokenRecord} token
 */
function isDead({ clock }, { state, validUntil }) {
  return isOver(state) || clock.now() >= validUntil;
}

/**
 * トークン追加, or why there is no room for one.
 * @param {App} app
 * @param {number} count how many there are
 * @returns {HTMLElement}
 */
export function addToken(app, count) {
  const { texts } = app;
  if (count >= MOST_TOKENS) {
    return h("p", { class: "note" }, texts.of("app-add-full", { count: MOST_TOKENS }));
  }
  return h("button", { type: "button", class: "secondary", click: () => app.go({ name: "set-up" }) }, texts.of("app-add"));
}

/**
 * The way to the settings of the app.
 * @param {App} app
 * @returns {HTMLElement}
 */
export function settingsLink(app) {
  return h("button", { type: "button", class: "quiet", click: () => app.go({ name: "settings" }) }, app.texts.of("app-settings"));
}

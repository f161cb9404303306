/** The first page on a phone without a token, and the page that says a token was lost. */

import { h, sign } from "./dom.js";
import { installOffer } from "./install.js";

/**
 * Offers the set-up and, where the browser can, to install the app first.
 * @param {import("../app.js").App} app
 * @param {boolean} isLost whether a token had been here
 * @returns {import("../app.js").View}
 */
export function emptyView(app, isLost) {
  const { texts } = app;
  const offer = installOffer(app);
  const lost = h("div", { class: "message" }, sign(), h("p", {}, texts.of("app-lost")));
  const node = h(
    "div",
    {},
    h("h1", { tabindex: -1 }, texts.of("app-code-label")),
    isLost ? lost : h("p", {}, texts.of("app-empty")),
    offer.node,
    h("button", { type: "button", class: "primary", click: () => app.go({ name: "set-up" }) }, texts.of("app-begin")),
  );
  return { node, leave: offer.leave };
}

/** The first page on a phone without a token, and the page that says a token was lost. */

import { h, sign } from "./dom.js";

/**
 * Offers the set-up and, where the browser can, to install the app first.
 * @param {import("../app.js").App} app
 * @param {boolean} isLost whether a token had been here
 * @returns {import("../app.js").View}
 */
export function emptyView(app, isLost) {
  const { texts } = app;
  const offer = h("div", {});
  const drawOffer = () => offer.replaceChildren(...(app.installOffer === null ? [] : installing(app)));
  drawOffer();
  app.events.addEventListener("install", drawOffer);
  const lost = h("div", { class: "message" }, sign(), h("p", {}, texts.of("app-lost")));
  const node = h(
    "div",
    {},
    h("h1", { tabindex: -1 }, texts.of("app-code-label")),
    isLost ? lost : h("p", {}, texts.of("app-empty")),
    offer,
    h("button", { type: "button", class: "primary", click: () => app.go({ name: "set-up" }) }, texts.of("app-begin")),
  );
  return { node, leave: () => app.events.removeEventListener("install", drawOffer) };
}

/** @param {import("../app.js").App} app */
function installing(app) {
  const { texts } = app;
  const install = async () => {
    const offer = app.installOffer;
    // A browser lets its offer be used once.
    app.installOffer = null;
    await offer?.prompt();
    app.events.dispatchEvent(new Event("install"));
  };
  return [
    h("p", {}, texts.of("guide-android")),
    h("p", { class: "note" }, texts.of("guide-why")),
    h("button", { type: "button", class: "secondary", click: () => void install() }, texts.of("app-install")),
  ];
}

/** Adding the app to the home screen, where the browser offers that. */

import { h } from "./dom.js";

/**
 * Draws the browser's offer, for as long as it stands.
 * @param {import("../app.js").App} app
 * @param {Node[]} otherwise what stands there without an offer
 * @returns {{node: HTMLElement, leave: () => void}}
 */
export function installOffer(app, otherwise = []) {
  const node = h("div", {});
  const draw = () => node.replaceChildren(...(app.installOffer === null ? otherwise : installing(app)));
  draw();
  app.events.addEventListener("install", draw);
  return { node, leave: () => app.events.removeEventListener("install", draw) };
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

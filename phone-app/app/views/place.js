/** The pages for places where nothing can be set up: a tab on iOS, another app's window, an old browser. */

import { h, svg } from "./dom.js";

/**
 * Explains how to get to a place where the app works.
 * @param {import("../app.js").App} app
 * @param {"install" | "in-app" | "unsupported"} place
 * @param {boolean} isApple
 * @returns {import("../app.js").View}
 */
export function placeView({ texts }, place, isApple) {
  const title = h("h1", { tabindex: -1 }, texts.of("guide-title"));
  switch (place) {
    case "install":
      return {
        node: h(
          "div",
          {},
          title,
          h("p", {}, texts.of("guide-lead")),
          h(
            "div",
            { class: "steps" },
            h("p", {}, texts.of("guide-ios-1"), share()),
            h("p", {}, texts.of("guide-ios-2")),
            h("p", {}, texts.of("guide-ios-3")),
          ),
          h("p", { class: "note" }, texts.of("guide-why")),
          h("p", { class: "note" }, texts.of("guide-private")),
        ),
      };
    case "in-app":
      return {
        node: h("div", {}, title, h("p", {}, texts.of("guide-inapp", { browser: isApple ? "Safari" : "Chrome" }))),
      };
    case "unsupported":
      return { node: h("div", {}, title, h("p", {}, texts.of("guide-unsupported")), h("p", {}, texts.of("guide-private"))) };
  }
}

/** The sign of iOS for sharing, as it looks on the phone. */
function share() {
  const line = { fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round" };
  return svg(
    "svg",
    { class: "share", viewBox: "0 0 24 28", "aria-hidden": "true" },
    svg("path", { d: "M8 10H4v15h16V10h-4M12 18V2.500M7.500 7 12 2.500 16.500 7", ...line }),
  );
}

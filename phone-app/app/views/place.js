/** The pages for places where nothing can be set up: a tab on iOS, another app's window, an old browser. */

import { inFours } from "../texts.js";
import { h, svg } from "./dom.js";
import { linkFault } from "./set-up.js";

/** @typedef {import("../app.js").App} App */

/**
 * Explains how to get to a place where the app works.
 * @param {App} app
 * @param {"install" | "in-app" | "unsupported"} place
 * @param {boolean} isApple
 * @param {"broken" | "other"} [fault] what was wrong with the link that led here
 * @returns {import("../app.js").View}
 */
export function placeView({ texts, draft }, place, isApple, fault) {
  const title = h("h1", { tabindex: -1 }, texts.of("guide-title"));
  switch (place) {
    case "install":
      return {
        node: h(
          "div",
          {},
          title,
          h("p", {}, texts.of("guide-lead")),
          fault === undefined ? null : linkFault(texts, fault),
          draft.link === null ? null : carrying(texts, draft.link),
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
        node: h(
          "div",
          {},
          title,
          h("p", {}, texts.of("guide-inapp", { browser: isApple ? "Safari" : "Chrome" })),
          ...(fault === undefined ? [] : [linkFault(texts, fault)]),
          ...(draft.link === null ? [] : [carrying(texts, draft.link)]),
        ),
      };
    case "unsupported":
      return { node: h("div", {}, title, h("p", {}, texts.of("guide-unsupported")), h("p", {}, texts.of("guide-private"))) };
  }
}

/**
 * The numbers of a link that was opened here: the installed app has a storage of its own and will not know them.
 * @param {App["texts"]} texts
 * @param {NonNullable<App["draft"]["link"]>} link
 */
function carrying(texts, { serviceId, userId }) {
  const numbers = [
    [texts.of("app-set-service"), inFours(serviceId)],
    [texts.of("app-set-user"), inFours(userId)],
  ];
  const told = h("p", { class: "note", role: "status" });
  const copy = async () => {
    const text = numbers.map(([name, number]) => `${name} ${number}`).join("\n");
    const isCopied = await navigator.clipboard.writeText(text).then(() => true, () => false);
    told.textContent = texts.of(isCopied ? "app-carry-copied" : "app-carry-not");
  };
  return h(
    "div",
    { class: "steps" },
    h("p", {}, texts.of("app-carry")),
    ...numbers.map(([name, number]) => h("p", { class: "strong" }, `${name}${texts.language === "ja" ? "　" : ": "}${number}`)),
    navigator.clipboard === undefined ? null : h("button", { type: "button", class: "secondary", click: () => void copy() }, texts.of("app-carry-copy")),
    told,
  );
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

/** The frame around every view: whose app it is, the language, whom to call. */

import { h, svg } from "./dom.js";

/** @typedef {import("../app.js").App} App */

/**
 * The head: the institution's name and the switch to the other language.
 * @param {App} app
 * @param {() => void} switchLanguage
 * @returns {HTMLElement}
 */
export function head({ texts, config }, switchLanguage) {
  const other = texts.language === "ja" ? "en" : "ja";
  return h(
    "header",
    { class: "head" },
    h("p", { class: "bank" }, tally(), h("span", {}, config.institution.name[texts.language])),
    h("button", { type: "button", class: "quiet", lang: other, click: switchLanguage }, texts.of("app-language")),
  );
}

/**
 * Offers a newer version; it begins when the customer says so, never by itself.
 * @param {App} app
 * @param {() => void} take
 * @param {() => void} later
 * @returns {HTMLElement}
 */
export function updateOffer({ texts }, take, later) {
  const box = h("div", { class: "update", role: "status" });
  const close = () => {
    later();
    box.remove();
  };
  box.append(
    h("p", {}, texts.of("app-update")),
    h("button", { type: "button", class: "secondary", click: take }, texts.of("app-update-now")),
    h("button", { type: "button", class: "quiet", click: close }, texts.of("app-update-later")),
  );
  return box;
}

/**
 * The foot: whom to call, pressable where the number is known.
 * @param {App} app
 * @returns {HTMLElement}
 */
export function foot({ texts, config }) {
  const { contact, emergency } = config.institution;
  return h(
    "footer",
    { class: "foot" },
    h("p", {}, texts.of("app-contact")),
    h("p", {}, callable(texts.of("app-contact-phone"), contact?.phone)),
    h("p", {}, texts.of("app-emergency")),
    h("p", {}, callable(texts.of("app-emergency-phone"), emergency?.phone)),
  );
}

/**
 * @param {string} text
 * @param {string} [phone]
 */
function callable(text, phone) {
  return phone === undefined ? text : h("a", { href: `tel:${phone.replace(/[^0-9+]/g, "")}` }, text);
}

/** The two halves of a tally. */
function tally() {
  return svg(
    "svg",
    { class: "tally", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: "M5.500 2.500h6.200v5.700l-2.300 2.300 4.200 4.200-2.300 2.200v4.600H5.500Z", fill: "currentColor" }),
    svg("path", { d: "M13 2.500h5.500v19h-5.900v-4.100l2.500-2.600-4.200-4.300 2.100-2Z", fill: "currentColor", opacity: 0.55 }),
  );
}

/** The page after 初期設定: what is done, and what is still to do in Internet banking. */

import { check, h } from "./dom.js";
import { installOffer } from "./install.js";

/**
 * Says that the token is on the phone.
 * @param {import("../app.js").App} app
 * @param {import("../storage.js").TokenRecord} token
 * @param {{wasHere: boolean, isInstalled: boolean}} how whether it had been set up on this phone before, and whether this
 *   is the home screen's app
 * @returns {import("../app.js").View}
 */
export function doneView(app, token, { wasHere, isInstalled }) {
  const { texts } = app;
  const { portal } = app.config.institution;
  const deadline = texts.moment(token.startDeadline);
  const open = () => app.go({ name: "token", tokenId: token.tokenId });
  // A tab's storage may be cleared when it has not been used for a while.
  const advice = isInstalled ? null : installOffer(app, [h("p", { class: "note" }, `${texts.of("app-set-home")} ${texts.of("guide-android-menu")}`)]);
  const node = h(
    "div",
    {},
    check(),
    h("h1", { tabindex: -1 }, texts.of(wasHere ? "app-set-already" : "app-set-done")),
    wasHere ? null : h("p", {}, texts.of("app-set-next", { deadline })),
    h("button", { type: "button", class: "primary", click: open }, texts.of("app-set-open")),
    portal === undefined || wasHere ? null : h("p", {}, h("a", { href: portal }, texts.of("app-set-portal"))),
    advice?.node ?? null,
  );
  return { node, leave: () => advice?.leave() };
}

/** The QR's link. Loaded before every other module: takes the secret out of the address before anything else runs. */

import { parseLink } from "./protocol.js";

/** @typedef {NonNullable<ReturnType<typeof parseLink>>} Link */

/** @type {Link | null} */
let link = null;
/** @type {((link: Link) => void) | null} */
let listener = null;

take();
// An app that is open already is not loaded anew by a link; only the fragment changes.
addEventListener("hashchange", take);

/**
 * Hands over what the link held, now and whenever another is opened; in memory only, and once.
 * @param {(link: Link) => void} listen
 */
export function onLink(listen) {
  listener = listen;
  tell();
}

function take() {
  if (location.hash !== "") {
    link = parseLink(location.hash) ?? link;
    history.replaceState(history.state, "", location.pathname);
    tell();
  }
}

function tell() {
  if (link !== null && listener !== null) {
    const taken = link;
    link = null;
    listener(taken);
  }
}

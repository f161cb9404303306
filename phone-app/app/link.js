/** The QR's link. Loaded before every other module: takes the secret out of the address before anything else runs. */

import { parseLink } from "./protocol.js";

/** @typedef {NonNullable<ReturnType<typeof parseLink>>} Link */

/** What arrived and was not yet handed over: a link, or null for one that cannot be read. @type {Link | null | undefined} */
let link;
/** @type {((link: Link | null) => void) | null} */
let listener = null;

take();
// An app that is open already is not loaded anew by a link; only the fragment changes.
addEventListener("hashchange", take);

/**
 * Hands over what the link held, now and whenever another is opened; in memory only, and once.
 * A link that was cut off arrives as null.
 * @param {(link: Link | null) => void} listen
 */
export function onLink(listen) {
  listener = listen;
  tell();
}

function take() {
  if (location.hash !== "") {
    // Other fragments are places on a page; ours begin with the number of their version.
    if (/^#\d/.test(location.hash)) {
      link = parseLink(location.hash);
    }
    history.replaceState(history.state, "", location.pathname);
    tell();
  }
}

function tell() {
  if (link !== undefined && listener !== null) {
    const taken = link;
    link = undefined;
    listener(taken);
  }
}

/** What kind of place the app runs in, and what follows for setting up. Pure: the facts are passed in. */

/**
 * `install`: on iOS a browser's tab keeps its storage apart from the installed app's, so it only explains installing.
 * `in-app`: inside another app, where storage may vanish with that app's.
 * @typedef {"install" | "in-app" | "unsupported" | "ready"} Place
 */

/**
 * Where the app runs.
 * @param {{userAgent: string, touchPoints: number, isInstalled: boolean, isSecure: boolean, hasKeys: boolean, hasDatabase: boolean}} facts
 * @returns {Place}
 */
export function placeOf({ userAgent, touchPoints, isInstalled, isSecure, hasKeys, hasDatabase }) {
  if (!isInstalled && IN_APP.test(userAgent)) {
    return "in-app";
  }
  if (!isSecure || !hasKeys || !hasDatabase) {
    return "unsupported";
  }
  return isApple(userAgent, touchPoints) && !isInstalled ? "install" : "ready";
}

/**
 * Whether this is an iPhone or iPad; the latter calls itself a Macintosh, but none of those has a touch screen.
 * @param {string} userAgent
 * @param {number} touchPoints
 * @returns {boolean}
 */
export function isApple(userAgent, touchPoints) {
  return /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && touchPoints > 1);
}

// LINE, Facebook, Instagram, Yahoo! JAPAN, X and Android's bare web view.
const IN_APP = /\bLine\/|FBAN|FBAV|Instagram|YJApp|Twitter|; wv\)/;

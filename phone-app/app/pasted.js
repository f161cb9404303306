/** What is found in a text that was pasted, or in a QR code: the link, or the two numbers of a mail. Pure. */

import { isUserId, normaliseDigits, parseLink } from "./protocol.js";

/**
 * What a text holds: the numbers, "" for one that is not in it, with the QR's secret where it was a link; null when
 * there is nothing of use.
 * @typedef {{serviceId: string, userId: string, qrSecret: string | null}} Found
 */

/**
 * Reads a pasted text: a link, or the service ID and the user ID of a mail or a page, with whatever stands around them.
 * @param {string} text
 * @returns {Found | null}
 */
export function readPasted(text) {
  const link = readLink(text.trim());
  if (link !== null) {
    return link;
  }
  // Groups of digits with nothing but spaces or dashes between them.
  const runs = text.normalize("NFKC").match(/\d[\d \u3000\p{Dash}]*/gu) ?? [];
  const numbers = runs.map(normaliseDigits);
  const userId = numbers.find(isUserId);
  const serviceId = numbers.find((number) => /^\d{8}$/.test(number));
  // One alone: what a page's button copies.
  if (userId === undefined && numbers.join("") !== serviceId) {
    return null;
  }
  return { serviceId: serviceId ?? "", userId: userId ?? "", qrSecret: null };
}

/**
 * Reads what a QR code says: only a link of ours.
 * @param {string} text
 * @returns {Found | null}
 */
export function readLink(text) {
  const at = text.indexOf("#1.");
  return at < 0 ? null : parseLink(text.slice(at));
}

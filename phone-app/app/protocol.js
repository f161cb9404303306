/** The words of the activation protocol, version 1: what is typed, signed and bound. Pure; no key is made or used here. */

import { bigEndian, concat, fromBase64url, toBase64url, utf8 } from "./bytes.js";

/**
 * A public P-256 key as sent: nothing but its four RFC 7638 members.
 * @typedef {{kty: "EC", crv: "P-256", x: string, y: string}} PublicJwk
 */

/**
 * What the customer typed or the QR gave, normalised.
 * @typedef {{serviceId: string, userId: string, startPassword: string, qrSecret: string | null}} Entry
 */

/** The protocol's version: first in the QR's link and in each request. */
export const VERSION = 1;

const NAME = "warifu-activation-1";

/**
 * Digits as typed by anyone, by any keyboard: full-width ones become plain, separators go.
 * Anything else stays, so that a letter is reported and never silently dropped.
 * @param {string} typed
 * @returns {string}
 */
export function normaliseDigits(typed) {
  return typed.normalize("NFKC").replace(/[\s\p{Dash}\u30FC\u200B-\u200F\u2066-\u2069\uFEFF]/gu, "");
}

/**
 * Whether eleven digits and their Damm check digit fit together.
 * @param {string} userId
 * @returns {boolean}
 */
export function isUserId(userId) {
  if (!/^\d{12}$/.test(userId)) {
    return false;
  }
  return [...userId].reduce((interim, digit) => Number(DAMM[interim]?.[Number(digit)]), 0) === 0;
}

/**
 * The fields that cannot be right, before anything is sent.
 * @param {Entry} entry
 * @param {string | null} ownServiceId this installation's service ID, when it is known
 * @returns {Array<"service_id" | "user_id" | "start_password">}
 */
export function wrongFields(entry, ownServiceId) {
  /** @type {Array<"service_id" | "user_id" | "start_password">} */
  const wrong = [];
  if (!/^\d{8}$/.test(entry.serviceId) || (ownServiceId !== null && entry.serviceId !== ownServiceId)) {
    wrong.push("service_id");
  }
  if (!isUserId(entry.userId)) {
    wrong.push("user_id");
  }
  if (!/^\d{4,8}$/.test(entry.startPassword)) {
    wrong.push("start_password");
  }
  return wrong;
}

/**
 * Reads the fragment of the QR's link; null when it is none of ours.
 * @param {string} fragment
 * @returns {{serviceId: string, userId: string, qrSecret: string} | null}
 */
export function parseLink(fragment) {
  const found = /^#1\.(\d{8})\.(\d{12})\.([A-Za-z0-9_-]{22})$/.exec(fragment);
  if (found === null) {
    return null;
  }
  const [, serviceId = "", userId = "", qrSecret = ""] = found;
  return { serviceId, userId, qrSecret };
}

/**
 * The thumbprint of a public key (RFC 7638, SHA-256).
 * @param {PublicJwk} jwk
 * @returns {Promise<string>}
 */
export async function thumbprint({ crv, kty, x, y }) {
  // The members in the order of their names, no space: the RFC's own spelling.
  return toBase64url(await crypto.subtle.digest("SHA-256", utf8(JSON.stringify({ crv, kty, x, y }))));
}

/**
 * A public key reduced to its four members; throws when it is not P-256.
 * @param {unknown} value
 * @returns {PublicJwk}
 */
export function publicJwk(value) {
  const { kty, crv, x, y } = /** @type {Record<string, unknown>} */ (value ?? {});
  if (kty !== "EC" || crv !== "P-256" || fromBase64url(x).length !== 32 || fromBase64url(y).length !== 32) {
    throw new TypeError("not a P-256 public key");
  }
  return { kty, crv, x: String(x), y: String(y) };
}

/**
 * The text the phone signs to ask for its token.
 * @param {Entry} entry
 * @param {{ecdh: string, ecdsa: string}} thumbprints
 * @returns {string}
 */
export function activationMessage({ serviceId, userId, startPassword, qrSecret }, { ecdh, ecdsa }) {
  return [NAME, serviceId, userId, startPassword, qrSecret ?? "", ecdh, ecdsa].join("\n");
}

/**
 * The text the phone signs to say that the token has arrived.
 * @param {string} activationId
 * @returns {string}
 */
export function acknowledgementMessage(activationId) {
  return `warifu-ack-1\n${activationId}`;
}

/**
 * The text the phone signs to ask how its token stands.
 * @param {string} tokenId
 * @param {number} at milliseconds since 1970 by the server's clock
 * @returns {string}
 */
export function statusMessage(tokenId, at) {
  return `warifu-token-1\n${tokenId}\n${at}`;
}

/**
 * The associated data of the box: a digest of everything both sides must agree on.
 * @param {{institutionId: string, issueId: string, userId: string, ecdh: string, ecdsa: string, server: string}} bound
 * @returns {Promise<ArrayBuffer>}
 */
export function boxBinding({ institutionId, issueId, userId, ecdh, ecdsa, server }) {
  // Each part carries its length, so that no two lists of parts share their bytes.
  const parts = [NAME, institutionId, issueId, userId, ecdh, ecdsa, server].map(utf8);
  return crypto.subtle.digest("SHA-256", concat(parts.flatMap((part) => [bigEndian(part.length, 4), part])));
}

/** The quasigroup of H. Michael Damm's thesis: row = interim digit, column = next digit. */
const DAMM = [
  "0317598642",
  "7092154863",
  "4206871359",
  "1750983426",
  "6123045978",
  "3674209581",
  "5869720134",
  "8945362017",
  "9438617205",
  "2581436790",
];

/** RFC 4226 and RFC 6238: digits from a key and a moment. Owns no clock: the moment is passed in. */

import { bigEndian } from "./bytes.js";

/**
 * How a token's passcodes are made; sent by the server at activation.
 * @typedef {{algorithm: "SHA-256", digits: number, period: number}} PasscodeRule
 */

/**
 * The passcode of a moment.
 * @param {CryptoKey} key an HMAC SHA-256 key
 * @param {PasscodeRule} rule
 * @param {number} now milliseconds since 1970 by the server's clock
 * @returns {Promise<string>}
 */
export async function passcodeAt(key, rule, now) {
  const counter = bigEndian(stepAt(rule, now), 8);
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, counter));
  // RFC 4226 section 5.3: the low four bits of the last byte say where to cut.
  const offset = mac.getUint8(mac.byteLength - 1) & 0x0f;
  const number = mac.getUint32(offset) & 0x7fff_ffff;
  return String(number % 10 ** rule.digits).padStart(rule.digits, "0");
}

/**
 * The number of the time step a moment lies in.
 * @param {{period: number}} rule
 * @param {number} now
 * @returns {number}
 */
export function stepAt(rule, now) {
  return Math.floor(now / 1000 / rule.period);
}

/**
 * Whole seconds until the step ends: from `period` at its first moment down to 1.
 * @param {{period: number}} rule
 * @param {number} now
 * @returns {number}
 */
export function secondsLeft(rule, now) {
  return rule.period - (Math.floor(now / 1000) % rule.period);
}

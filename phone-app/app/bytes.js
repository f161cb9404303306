/** Bytes and their spellings: UTF-8, base64url without padding, joining. Knows nothing of protocols. */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * The UTF-8 bytes of a text.
 * @param {string} text
 * @returns {Bytes}
 */
export function utf8(text) {
  return /** @type {Bytes} */ (new TextEncoder().encode(text));
}

/**
 * Bytes as base64url without padding (RFC 4648 section 5).
 * @param {ArrayBuffer | Bytes} bytes
 * @returns {string}
 */
export function toBase64url(bytes) {
  const binary = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * The bytes behind base64url without padding; throws when the text is anything else.
 * @param {unknown} text
 * @returns {Bytes}
 */
export function fromBase64url(text) {
  // atob() forgives padding and the other alphabet; one spelling per value is enough here.
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]*$/.test(text)) {
    throw new TypeError("not base64url");
  }
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/**
 * One array of all the parts, in their order.
 * @param {Bytes[]} parts
 * @returns {Bytes}
 */
export function concat(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * A non-negative integer as big-endian bytes of a fixed width.
 * @param {number} value
 * @param {number} width
 * @returns {Bytes}
 */
export function bigEndian(value, width) {
  const bytes = new Uint8Array(width);
  // Division, not shifts: JavaScript shifts wrap at 32 bits and time steps may not.
  for (let at = width - 1, rest = value; at >= 0; at -= 1, rest = Math.floor(rest / 256)) {
    bytes[at] = rest % 256;
  }
  return bytes;
}

/** The phone's keys: making them, signing, opening the server's box. No private key ever leaves WebCrypto. */

import { fromBase64url, toBase64url, utf8 } from "./bytes.js";
import { boxBinding, publicJwk, thumbprint } from "./protocol.js";

/** @typedef {import("./bytes.js").Bytes} Bytes */
/** @typedef {import("./protocol.js").PublicJwk} PublicJwk */

/**
 * The two key pairs of one activation: ECDH for the delivery alone, ECDSA for everything later.
 * @typedef {{ecdh: CryptoKeyPair, ecdsa: CryptoKeyPair}} DeviceKeys
 */

/**
 * What comes out of the root secret; each key can do one thing and none can be exported.
 * @typedef {{passcode: CryptoKey, challenge: CryptoKey, qr: CryptoKey}} TokenKeys
 */

/**
 * The public halves and their thumbprints.
 * @typedef {{ecdhJwk: PublicJwk, ecdsaJwk: PublicJwk, thumbprints: {ecdh: string, ecdsa: string}}} PublicKeys
 */

/**
 * Makes the two key pairs of a new activation.
 * @returns {Promise<DeviceKeys>}
 */
export async function makeDeviceKeys() {
  const [ecdh, ecdsa] = await Promise.all([
    crypto.subtle.generateKey(ECDH, false, ["deriveKey"]),
    crypto.subtle.generateKey(ECDSA, false, ["sign", "verify"]),
  ]);
  return { ecdh, ecdsa };
}

/**
 * Uses both keys once; throws or answers false where a browser gave back something that only looks like a key.
 * @param {DeviceKeys} keys
 * @returns {Promise<boolean>}
 */
export async function deviceKeysWork(keys) {
  const probe = utf8("warifu");
  const signature = await crypto.subtle.sign(SIGNING, keys.ecdsa.privateKey, probe);
  await sharedKey(keys.ecdh.privateKey, keys.ecdh.publicKey);
  return crypto.subtle.verify(SIGNING, keys.ecdsa.publicKey, signature, probe);
}

/**
 * The public halves, as the server wants them.
 * @param {DeviceKeys} keys
 * @returns {Promise<PublicKeys>}
 */
export async function publicKeys(keys) {
  const [ecdhJwk, ecdsaJwk] = await Promise.all(
    [keys.ecdh, keys.ecdsa].map(async (pair) => publicJwk(await crypto.subtle.exportKey("jwk", pair.publicKey))),
  );
  if (ecdhJwk === undefined || ecdsaJwk === undefined) {
    throw new TypeError("a device key is missing");
  }
  const thumbprints = { ecdh: await thumbprint(ecdhJwk), ecdsa: await thumbprint(ecdsaJwk) };
  return { ecdhJwk, ecdsaJwk, thumbprints };
}

/**
 * Signs a text with the device's signing key: 64 bytes r‖s, base64url.
 * @param {CryptoKey} privateKey
 * @param {string} text
 * @returns {Promise<string>}
 */
export async function sign(privateKey, text) {
  return toBase64url(await crypto.subtle.sign(SIGNING, privateKey, utf8(text)));
}

/**
 * Opens the server's box; throws when one bit of anything it is bound to differs.
 * @param {CryptoKey} ecdhPrivateKey
 * @param {{serverJwk: PublicJwk, nonce: string, box: string}} sealed
 * @param {{institutionId: string, issueId: string, userId: string, ecdh: string, ecdsa: string}} bound
 * @returns {Promise<TokenKeys>}
 */
export async function openBox(ecdhPrivateKey, { serverJwk, nonce, box }, bound) {
  const serverKey = await crypto.subtle.importKey("jwk", { ...serverJwk }, ECDH, true, []);
  const boxKey = await sharedKey(ecdhPrivateKey, serverKey);
  const additionalData = await boxBinding({ ...bound, server: await thumbprint(serverJwk) });
  const opening = { name: "AES-GCM", iv: fromBase64url(nonce), additionalData };
  const root = await crypto.subtle.unwrapKey("raw", fromBase64url(box), boxKey, opening, "HKDF", false, ["deriveKey"]);
  return tokenKeys(root);
}

/**
 * The three keys of a token from its root, which is kept nowhere.
 * @param {CryptoKey} root an HKDF key
 * @returns {Promise<TokenKeys>}
 */
export async function tokenKeys(root) {
  const mac = { name: "HMAC", hash: "SHA-256", length: 256 };
  const [passcode, challenge, qr] = await Promise.all([
    crypto.subtle.deriveKey(label("passcode"), root, mac, false, ["sign"]),
    crypto.subtle.deriveKey(label("challenge"), root, mac, false, ["sign"]),
    crypto.subtle.deriveKey(label("qr"), root, { name: "AES-GCM", length: 256 }, false, ["decrypt"]),
  ]);
  return { passcode, challenge, qr };
}

/**
 * ECDH straight to an AES key: older WebKit stumbles over ECDH followed by HKDF, and both keys are fresh.
 * @param {CryptoKey} privateKey
 * @param {CryptoKey} publicKey
 */
function sharedKey(privateKey, publicKey) {
  const aes = { name: "AES-GCM", length: 256 };
  return crypto.subtle.deriveKey({ name: "ECDH", public: publicKey }, privateKey, aes, false, ["unwrapKey"]);
}

/** @param {string} purpose */
function label(purpose) {
  return { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(`warifu/1/${purpose}`) };
}

const ECDH = { name: "ECDH", namedCurve: "P-256" };
const ECDSA = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING = { name: "ECDSA", hash: "SHA-256" };

/** 初期設定: from three typed values to a kept token, in one act that may be repeated. Owns the order of its steps. */

import { deviceKeysWork, makeDeviceKeys, openBox, publicKeys, sign } from "./keys.js";
import { acknowledgementMessage, activationMessage, publicJwk, VERSION } from "./protocol.js";
import { ask, Refusal } from "./server.js";
import {
  claimPending,
  closeDatabase,
  dropPending,
  loadPending,
  loadTokens,
  noteRefused,
  saveToken,
  settleToken,
} from "./storage.js";

/** @typedef {import("./keys.js").DeviceKeys} DeviceKeys */
/** @typedef {import("./protocol.js").Entry} Entry */
/** @typedef {import("./storage.js").TokenRecord} TokenRecord */

/**
 * What an activation needs from outside: the network and the phone's own clock.
 * @typedef {{fetch: typeof globalThis.fetch, now: () => number}} Outside
 */

/**
 * Sets a token up and keeps it; throws a Refusal, and then nothing but the device keys is kept, if they are of any use.
 * The entry is normalised and its form checked by the caller (`normaliseDigits`, `wrongFields`).
 * A repeat with the same IDs sends the same two keys, so that a lost answer leads to the same token.
 * @param {Entry} entry
 * @param {Outside} outside
 * @returns {Promise<{token: TokenRecord, serverNow: number | null}>} `serverNow` is null when the token was here already
 */
export async function activate(entry, outside) {
  // Made first: between the look at what is here and the keys' being kept no time may pass, or another tab could set
  // the token up in it, and these keys would be those of a second phone, which kills the issue.
  const fresh = await stored(makeDeviceKeys());
  const present = await stored(claimPending(entry.serviceId, entry.userId, fresh, outside.now()));
  if (present !== null) {
    return { token: present, serverNow: null };
  }
  try {
    const keys = await stored(keptKeys(entry));
    const { token, serverNow } = await receive(entry, keys, outside);
    await stored(saveToken(token));
    return { token, serverNow };
  } catch (error) {
    const token = await broughtByAnotherTab(entry, error);
    if (token === undefined) {
      throw error;
    }
    return { token, serverNow: null };
  }
}

/**
 * Tells the server of each token whose arrival it does not know yet. What does not get through is sent again next time;
 * what is refused, once a day at most, when the app starts.
 * @param {Outside} outside
 * @param {boolean} isStart whether the app has just been started
 * @returns {Promise<void>}
 */
export async function acknowledge(outside, isStart) {
  const tokens = await loadTokens();
  for (const token of tokens.filter((token) => isOwed(token, isStart, outside.now()))) {
    // A token whose key has stopped working must not keep the others' acknowledgements back.
    await acknowledgeOne(token, outside).catch(() => undefined);
  }
}

/**
 * @param {TokenRecord} token
 * @param {boolean} isStart
 * @param {number} now
 */
function isOwed({ acknowledged, refusedAt }, isStart, now) {
  const isDue = refusedAt === undefined || (isStart && Math.abs(now - refusedAt) >= DAY);
  return !acknowledged && isDue;
}

/**
 * @param {TokenRecord} token
 * @param {Outside} outside
 */
async function acknowledgeOne(token, { fetch, now }) {
  const { activationId, deviceKey } = token;
  const signature = await sign(deviceKey.privateKey, acknowledgementMessage(activationId));
  const path = `/phone/v1/activations/${encodeURIComponent(activationId)}/ack`;
  const status = await ask(fetch, path, { signature }).then(
    () => 204,
    (/** @type {Refusal} */ refusal) => refusal.status,
  );
  if (status === 204 || status === 404 || status === 410) {
    // Known, or never wanted again: either way the delivery's keys have no use left.
    await settleToken(token);
  } else if (status === 403) {
    await noteRefused(token.tokenId, now());
  }
}

/**
 * Keys that are on the disk and come back from it able to work; only such keys are ever sent.
 * @param {Entry} entry
 * @returns {Promise<DeviceKeys>}
 */
async function keptKeys({ serviceId, userId }) {
  await closeDatabase();
  const keys = await loadPending(serviceId, userId);
  if (keys === null || !(await deviceKeysWork(keys))) {
    throw new Error("the keys did not come back");
  }
  return keys;
}

/**
 * The token that another tab has set up with the same keys while this one failed: its acknowledgement ends repeats.
 * A dead issue stays one, whatever is here.
 * @param {Entry} entry
 * @param {unknown} error
 * @returns {Promise<TokenRecord | undefined>}
 */
async function broughtByAnotherTab({ serviceId, userId }, error) {
  if (error instanceof Refusal && error.reason === "other-phone") {
    return undefined;
  }
  const tokens = await loadTokens().catch(() => []);
  return tokens.find((token) => token.serviceId === serviceId && token.userId === userId);
}

/**
 * @param {Entry} entry
 * @param {DeviceKeys} keys
 * @param {Outside} outside
 */
async function receive(entry, keys, { fetch, now }) {
  const { serviceId, userId, startPassword, qrSecret } = entry;
  const { ecdhJwk, ecdsaJwk, thumbprints } = await publicKeys(keys);
  const signature = await sign(keys.ecdsa.privateKey, activationMessage(entry, thumbprints));
  const request = {
    version: VERSION,
    service_id: serviceId,
    user_id: userId,
    start_password: startPassword,
    ...(qrSecret === null ? {} : { qr_secret: qrSecret }),
    ecdh_jwk: ecdhJwk,
    ecdsa_jwk: ecdsaJwk,
    signature,
  };
  try {
    const answer = await ask(fetch, "/phone/v1/activations", request);
    return await tokenFrom(/** @type {Answer} */ (answer), entry, keys, thumbprints, now());
  } catch (error) {
    if (error instanceof Refusal) {
      if (error.reason === "other-phone") {
        await dropPending(serviceId, userId);
      }
      throw error;
    }
    throw new Refusal("failed", { cause: error });
  }
}

/**
 * The server's answer to an activation.
 * @typedef {object} Answer
 * @property {string} activation_id
 * @property {string} institution_id
 * @property {string} issue_id
 * @property {string} token_id
 * @property {string} institution_name
 * @property {unknown} server_jwk
 * @property {string} nonce
 * @property {string} box
 * @property {{algorithm: string, digits: number, period: number}} passcode
 * @property {number} valid_until
 * @property {number} start_deadline
 * @property {number} now
 */

/**
 * @param {Answer} answer
 * @param {Entry} entry
 * @param {DeviceKeys} device
 * @param {{ecdh: string, ecdsa: string}} thumbprints
 * @param {number} phoneNow
 * @returns {Promise<{token: TokenRecord, serverNow: number | null}>}
 */
async function tokenFrom(answer, { serviceId, userId }, device, thumbprints, phoneNow) {
  const { institution_id: institutionId, issue_id: issueId, nonce, box } = answer;
  const sealed = { serverJwk: publicJwk(answer.server_jwk), nonce, box };
  const keys = await openBox(device.ecdh.privateKey, sealed, { institutionId, issueId, userId, ...thumbprints });
  const serverNow = Number.isFinite(answer.now) ? answer.now : null;
  /** @type {TokenRecord} */
  const token = {
    tokenId: answer.token_id,
    activationId: answer.activation_id,
    issueId,
    institutionId,
    institutionName: answer.institution_name,
    serviceId,
    userId,
    passcode: passcodeRule(answer.passcode),
    keys,
    deviceKey: device.ecdsa,
    validUntil: answer.valid_until,
    startDeadline: answer.start_deadline,
    addedAt: serverNow ?? phoneNow,
    acknowledged: false,
  };
  return { token, serverNow };
}

/**
 * @param {{algorithm: string, digits: number, period: number}} rule
 * @returns {import("./oath.js").PasscodeRule}
 */
function passcodeRule({ algorithm, digits, period }) {
  if (algorithm !== "SHA-256" || ![6, 7, 8].includes(digits) || !Number.isInteger(period) || period < 1) {
    throw new TypeError("a kind of passcode this version does not know");
  }
  return { algorithm, digits, period };
}

/**
 * What the disk refuses, the customer reads as one text, and the server never hears of it.
 * @template T
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
async function stored(work) {
  try {
    return await work;
  } catch (cause) {
    throw new Refusal("store", { cause });
  }
}

const DAY = 86_400_000;

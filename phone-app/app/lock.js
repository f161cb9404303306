/** アプリのロック番号: keeps the digits from the eyes of others. It guards no key: whoever reads the storage does not need it. */

import { utf8 } from "./bytes.js";

/**
 * What is kept of a lock number: a check value that takes a while to compute, and how often it was wrong.
 * @typedef {{salt: Uint8Array<ArrayBuffer>, rounds: number, check: Uint8Array<ArrayBuffer>, failures: number, waitUntil: number}} LockRecord
 */

/**
 * How a try ended.
 * @typedef {{isRight: boolean, waitSeconds: number, record: LockRecord}} Tried
 */

/**
 * Why a number cannot be a lock number; null when it can.
 * @param {string} number
 * @returns {"form" | "weak" | null}
 */
export function faultOf(number) {
  if (!/^\d{4,6}$/.test(number)) {
    return "form";
  }
  const steps = [...number].map((digit, at) => (Number(digit) - Number(number[at - 1] ?? digit) + 10) % 10).slice(1);
  const isEven = steps.every((step) => step === steps[0]);
  // 0000, 1234, 9876: what everyone tries first.
  return isEven && [0, 1, 9].includes(steps[0] ?? 0) ? "weak" : null;
}

/**
 * A new lock.
 * @param {string} number
 * @param {number} [rounds] fewer in tests
 * @returns {Promise<LockRecord>}
 */
export async function makeLock(number, rounds = ROUNDS) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  return { salt, rounds, check: await derive(number, salt, rounds), failures: 0, waitUntil: 0 };
}

/**
 * Tries a number. While there is something to wait for, nothing is computed and nothing counts.
 * @param {LockRecord} record
 * @param {string} number
 * @param {number} now by the phone's own clock
 * @returns {Promise<Tried>}
 */
export async function tryLock(record, number, now) {
  const waiting = secondsToWait(record, now);
  if (waiting > 0) {
    return { isRight: false, waitSeconds: waiting, record };
  }
  const check = await derive(number, record.salt, record.rounds);
  if (isSame(check, record.check)) {
    return { isRight: true, waitSeconds: 0, record: { ...record, failures: 0, waitUntil: 0 } };
  }
  const failures = record.failures + 1;
  const wait = failures < FREE_TRIES ? 0 : Math.min(FIRST_WAIT * 2 ** (failures - FREE_TRIES), LONGEST_WAIT);
  const after = { ...record, failures, waitUntil: wait === 0 ? 0 : now + wait };
  return { isRight: false, waitSeconds: Math.ceil(wait / 1000), record: after };
}

/**
 * How long nothing is tried. A clock set back makes nobody wait longer than the longest wait.
 * @param {LockRecord} record
 * @param {number} now
 */
export function secondsToWait({ waitUntil }, now) {
  return waitUntil - now > LONGEST_WAIT ? 0 : Math.max(0, Math.ceil((waitUntil - now) / 1000));
}

/**
 * @param {string} number
 * @param {Uint8Array<ArrayBuffer>} salt
 * @param {number} iterations
 */
async function derive(number, salt, iterations) {
  const key = await crypto.subtle.importKey("raw", utf8(number), "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, key, 256));
}

/**
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 */
function isSame(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

// OWASP's count for PBKDF2 with SHA-256; a second on an old phone.
const ROUNDS = 600_000;
const FREE_TRIES = 3;
const FIRST_WAIT = 30_000;
const LONGEST_WAIT = 600_000;

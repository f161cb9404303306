/** The server's time on a phone whose clock may be wrong. Keeps the difference; reads no clock but the one passed in. */

import { ask } from "./server.js";

/** @typedef {import("./storage.js").ClockRecord} ClockRecord */

/**
 * What there is to say about the phone's clock.
 * @typedef {{kind: "not-asked" | "unknown"} | {kind: "ok", checkedAt: number} | {kind: "fast" | "slow", minutes: number} | {kind: "far"}} ClockState
 */

/** The server's time, as far as the phone has learned it. */
export class Clock {
  /**
   * @param {() => number} phoneNow
   * @param {ClockRecord | null} learned what was kept from the last time
   */
  constructor(phoneNow, learned) {
    this.phoneNow = phoneNow;
    this.offset = learned?.offset ?? 0;
    /** @type {"not-asked" | "lost" | "known"} */
    this.contact = "not-asked";
    this.checkedAt = learned?.checkedAt ?? 0;
  }

  /** Milliseconds since 1970 by the server's clock. */
  now() {
    return this.phoneNow() + this.offset;
  }

  /**
   * Takes a server time that came back between two moments of the phone.
   * @param {number} serverNow
   * @param {number} sentAt
   * @param {number} receivedAt
   * @returns {ClockRecord | null} what to keep; null when the answer took too long to mean anything
   */
  learn(serverNow, sentAt, receivedAt) {
    if (!Number.isFinite(serverNow) || receivedAt < sentAt || receivedAt - sentAt > SLOWEST) {
      return null;
    }
    this.offset = Math.round(serverNow - (sentAt + receivedAt) / 2);
    this.checkedAt = serverNow;
    this.contact = "known";
    return { offset: this.offset, checkedAt: this.checkedAt };
  }

  /** Notes that the server could not be asked; the offset stays. */
  lose() {
    this.contact = "lost";
  }

  /** @returns {ClockState} */
  state() {
    if (this.contact !== "known") {
      return { kind: this.contact === "lost" ? "unknown" : "not-asked" };
    }
    const wrong = Math.abs(this.offset);
    if (wrong < TOLERANCE) {
      return { kind: "ok", checkedAt: this.checkedAt };
    }
    if (wrong >= FAR) {
      return { kind: "far" };
    }
    return { kind: this.offset < 0 ? "fast" : "slow", minutes: Math.max(1, Math.round(wrong / MINUTE)) };
  }
}

/**
 * Asks the server for its time.
 * @param {Clock} clock
 * @param {typeof globalThis.fetch} fetch
 * @returns {Promise<ClockRecord | null>} what to keep, if anything was learned
 */
export async function checkClock(clock, fetch) {
  const sentAt = clock.phoneNow();
  try {
    const { now } = /** @type {{now: number}} */ (await ask(fetch, "/phone/v1/clock"));
    const learned = clock.learn(now, sentAt, clock.phoneNow());
    if (learned === null) {
      clock.lose();
    }
    return learned;
  } catch {
    clock.lose();
    return null;
  }
}

const MINUTE = 60_000;
// Half a step: below it the passcode of the moment is right even offline and uncorrected.
const TOLERANCE = 30_000;
// From an hour on, minutes say nothing: the date or the time zone was set by hand.
const FAR = 60 * MINUTE;
// The error of the offset is at most half of this.
const SLOWEST = 10_000;

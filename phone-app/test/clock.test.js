/** The app's clock: wrong phones show right passcodes, and the customer is told what is wrong. */

import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { test } from "node:test";

import { checkClock, Clock } from "../app/clock.js";
import { loadClock, saveClock } from "../app/storage.js";

const NOW = Date.UTC(2026, 10, 22, 5, 40);
const MINUTE = 60_000;

function phone(ahead, learned = null) {
  return new Clock(() => NOW + ahead, learned);
}

const answering = (now) => async () => Response.json({ now });
const silent = async () => {
  throw new TypeError("offline");
};

test("a_phone_three_minutes_ahead_is_corrected_and_told", async () => {
  const clock = phone(3 * MINUTE);
  await checkClock(clock, answering(NOW));
  assert.equal(clock.now(), NOW);
  assert.deepEqual(clock.state(), { kind: "fast", minutes: 3 });
});

test("a_phone_behind_is_told_so", async () => {
  const clock = phone(-90_000);
  await checkClock(clock, answering(NOW));
  assert.equal(clock.now(), NOW);
  assert.deepEqual(clock.state(), { kind: "slow", minutes: 2 });
});

test("a_phone_a_day_off_hears_of_its_date_and_not_of_minutes", async () => {
  const clock = phone(1440 * MINUTE);
  await checkClock(clock, answering(NOW));
  assert.equal(clock.now(), NOW);
  assert.deepEqual(clock.state(), { kind: "far" });
});

test("a_small_difference_is_corrected_without_a_word_of_blame", async () => {
  const clock = phone(4_000);
  await checkClock(clock, answering(NOW));
  assert.equal(clock.now(), NOW);
  assert.deepEqual(clock.state(), { kind: "ok", checkedAt: NOW });
});

test("what_was_learned_holds_without_a_network_and_over_a_restart", async () => {
  const online = phone(3 * MINUTE);
  await saveClock(await checkClock(online, answering(NOW)));
  const offline = phone(3 * MINUTE, await loadClock());
  assert.deepEqual(offline.state(), { kind: "not-asked" });
  assert.equal(await checkClock(offline, silent), null);
  assert.equal(offline.now(), NOW);
  assert.deepEqual(offline.state(), { kind: "unknown" });
});

test("a_clock_set_right_by_hand_is_believed_at_the_next_check", async () => {
  const clock = phone(0, { offset: -3 * MINUTE, checkedAt: NOW });
  await checkClock(clock, answering(NOW));
  assert.equal(clock.now(), NOW);
  assert.equal(clock.state().kind, "ok");
});

test("an_answer_that_took_too_long_teaches_nothing", () => {
  const clock = phone(0);
  assert.equal(clock.learn(NOW + MINUTE, NOW - 11_000, NOW), null);
  assert.equal(clock.now(), NOW);
});

test("an_answer_is_taken_at_the_middle_of_its_way", () => {
  const clock = phone(0);
  assert.deepEqual(clock.learn(NOW + 500, NOW - 1_000, NOW + 1_000), { offset: 500, checkedAt: NOW + 500 });
});

test("an_answer_without_a_time_teaches_nothing", async () => {
  const clock = phone(0);
  assert.equal(await checkClock(clock, async () => Response.json({})), null);
  assert.deepEqual(clock.state(), { kind: "unknown" });
});

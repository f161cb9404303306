/** The lock number: what it may be, how it opens, how long it makes one wait. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { faultOf, makeLock, secondsToWait, tryLock } from "../app/lock.js";

const FEW = 10;
const NOW = 1_800_000_000_000;

test("a_lock_number_has_four_to_six_digits_that_are_not_the_first_guess", () => {
  for (const good of ["4071", "40718", "407182", "1357", "2020", "0912"]) assert.equal(faultOf(good), null, good);
  for (const form of ["", "407", "4071829", "40a1", "４０７１", " 4071"]) assert.equal(faultOf(form), "form", form);
  for (const weak of ["0000", "11111", "999999", "1234", "3210", "45678", "8901"]) assert.equal(faultOf(weak), "weak", weak);
});

test("the_right_number_opens_and_nothing_of_it_is_kept", async () => {
  const lock = await makeLock("4071", FEW);
  assert.ok(!JSON.stringify([...lock.check, ...lock.salt]).includes("4071"));
  assert.equal((await tryLock(lock, "4071", NOW)).isRight, true);
  assert.equal((await tryLock(lock, "4072", NOW)).isRight, false);
  const other = await makeLock("4071", FEW);
  assert.notDeepEqual(other.check, lock.check, "each lock has a salt of its own");
});

test("wrong_numbers_make_one_wait_longer_each_time_and_the_right_one_ends_that", async () => {
  let record = await makeLock("4071", FEW);
  let now = NOW;
  const waits = [];
  for (let times = 0; times < 10; times += 1) {
    const tried = await tryLock(record, "0000", now);
    ({ record } = tried);
    waits.push(tried.waitSeconds);
    now += tried.waitSeconds * 1000;
  }
  assert.deepEqual(waits, [0, 0, 30, 60, 120, 240, 480, 600, 600, 600]);
  const opened = await tryLock(record, "4071", now);
  assert.equal(opened.isRight, true);
  assert.equal(opened.record.failures, 0);
});

test("while_one_waits_even_the_right_number_is_not_looked_at", async () => {
  const lock = { ...(await makeLock("4071", FEW)), failures: 3, waitUntil: NOW + 30_000 };
  const tried = await tryLock(lock, "4071", NOW + 1_000);
  assert.deepEqual([tried.isRight, tried.waitSeconds, tried.record], [false, 29, lock]);
  assert.equal((await tryLock(lock, "4071", NOW + 30_000)).isRight, true);
});

test("a_clock_that_was_set_back_locks_nobody_out_for_years", async () => {
  const lock = { ...(await makeLock("4071", FEW)), failures: 3, waitUntil: NOW + 30_000 };
  assert.equal(secondsToWait(lock, NOW - 365 * 86_400_000), 0);
});

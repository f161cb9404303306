/** Tokens after their set-up: names, deletion, and how they stand by the server's word. */

import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, test } from "node:test";

import { acknowledge, activate } from "../app/activation.js";
import { Clock } from "../app/clock.js";
import { checkTokens, isOver } from "../app/status.js";
import { changeToken, closeDatabase, deleteToken, loadSettings, loadTokens, saveSettings, saveToken } from "../app/storage.js";
import { Bank, userIdOf } from "./bank.js";

const USER = userIdOf("48291370561");

/** @type {Bank} */
let bank;
/** @type {Clock} */
let clock;

beforeEach(async () => {
  await closeDatabase();
  globalThis.indexedDB = new IDBFactory();
  bank = new Bank(USER, "24681357");
  clock = new Clock(() => bank.now, null);
});

const outside = () => ({ fetch: bank.fetch, now: () => bank.now });
const setUp = () => activate({ serviceId: bank.serviceId, userId: USER, startPassword: "24681357", qrSecret: null }, outside());
const state = async () => (await loadTokens())[0]?.state;

test("a_phone_learns_that_its_customer_is_stopped_and_that_the_use_goes_on", async () => {
  await setUp();
  const isStopped = async () => (await loadTokens())[0]?.isStopped;
  await checkTokens(clock, bank.fetch);
  assert.equal(await isStopped(), false);
  bank.stopped = true;
  assert.equal(await checkTokens(clock, bank.fetch), true);
  assert.deepEqual([await isStopped(), isOver(await state())], [true, false]);
  assert.equal(await checkTokens(clock, bank.fetch), false, "nothing new");
  bank.stopped = false;
  assert.equal(await checkTokens(clock, bank.fetch), true);
  assert.equal(await isStopped(), false);
});

test("a_phone_learns_that_its_token_was_released_and_asks_no_more", async () => {
  await setUp();
  assert.equal(await checkTokens(clock, bank.fetch), true);
  assert.equal(await state(), "activated");
  assert.equal(await checkTokens(clock, bank.fetch), false, "nothing new");
  bank.state = "released";
  assert.equal(await checkTokens(clock, bank.fetch), true);
  assert.equal(isOver(await state()), true);
  const before = bank.requests.length;
  await checkTokens(clock, bank.fetch);
  assert.equal(bank.requests.length, before);
});

test("without_a_network_or_an_answer_a_token_stays_what_it_was", async () => {
  await setUp();
  bank.state = "in_use";
  await checkTokens(clock, bank.fetch);
  bank.state = null;
  assert.equal(await checkTokens(clock, bank.fetch), false);
  const down = () => Promise.reject(new TypeError("no network"));
  assert.equal(await checkTokens(clock, down), false);
  const odd = async () => new Response(JSON.stringify({ state: 7 }), { status: 200 });
  assert.equal(await checkTokens(clock, odd), false);
  assert.equal(await state(), "in_use");
  for (const known of [undefined, "activated", "in_use", "suspended", "nonsense"]) assert.equal(isOver(known), false);
});

test("a_name_is_kept_beside_what_else_changes", async () => {
  const { token } = await setUp();
  await Promise.all([
    changeToken(token.tokenId, (kept) => ({ ...kept, name: "お父さん用" })),
    acknowledge(outside(), true),
    checkTokens(clock, bank.fetch),
  ]);
  const [kept] = await loadTokens();
  assert.deepEqual([kept.name, kept.acknowledged, kept.state], ["お父さん用", true, "activated"]);
});

test("a_deleted_token_does_not_come_back", async () => {
  const { token } = await setUp();
  const late = acknowledge(outside(), true);
  await deleteToken(token.tokenId);
  await late;
  await checkTokens(clock, bank.fetch);
  await changeToken(token.tokenId, (kept) => ({ ...kept, name: "x" }));
  assert.deepEqual(await loadTokens(), []);
});

test("the_numbers_of_the_others_stay_when_a_token_is_deleted", async () => {
  const { token } = await setUp();
  const numbers = async () => (await loadTokens()).map(({ tokenId, number }) => [tokenId, number]);
  for (const tokenId of ["tok_b", "tok_c"]) await saveToken({ ...token, number: undefined, tokenId, addedAt: token.addedAt + 1 });
  assert.deepEqual(await numbers(), [[token.tokenId, 1], ["tok_b", 2], ["tok_c", 3]]);
  await deleteToken(token.tokenId);
  assert.deepEqual(await numbers(), [["tok_b", 2], ["tok_c", 3]]);
  await saveToken({ ...token, number: undefined, tokenId: "tok_d", addedAt: token.addedAt + 2 });
  assert.deepEqual(await numbers(), [["tok_b", 2], ["tok_c", 3], ["tok_d", 4]]);
});

test("settings_are_kept_and_begin_open", async () => {
  assert.deepEqual(await loadSettings(), { isHidden: false, textSize: "standard", lock: null });
  await saveSettings({ isHidden: true, textSize: "largest", lock: null });
  await closeDatabase();
  assert.deepEqual(await loadSettings(), { isHidden: true, textSize: "largest", lock: null });
});

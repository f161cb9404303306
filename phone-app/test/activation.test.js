/** Whole activations against the other half of the protocol, on a real IndexedDB implementation and real keys. */

import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, test } from "node:test";

import { acknowledge, activate } from "../app/activation.js";
import { passcodeAt } from "../app/oath.js";
import { closeDatabase, loadPending, loadTokens, noteRefused, saveToken } from "../app/storage.js";
import { Bank, passcodeKey, userIdOf } from "./bank.js";

const USER = userIdOf("48291370561");
const DAY = 86_400_000;

/** @type {Bank} */
let bank;
/** @type {{serviceId: string, userId: string, startPassword: string, qrSecret: string | null}} */
let entry;

beforeEach(async () => {
  await closeDatabase();
  globalThis.indexedDB = new IDBFactory();
  bank = new Bank(USER, "24681357");
  entry = { serviceId: bank.serviceId, userId: USER, startPassword: "24681357", qrSecret: null };
});

const outside = (fetch = bank.fetch) => ({ fetch, now: () => bank.now });
const refusal = (reason) => (error) => error.reason === reason;
const answering = (status) => async () => new Response("{}", { status });
/** Makes sure that no acknowledgement is sent now. */
async function staysQuiet(isStart) {
  let asked = 0;
  const counts = async () => {
    asked += 1;
    return new Response("{}", { status: 500 });
  };
  await acknowledge(outside(counts), isStart);
  assert.equal(asked, 0, "the server was asked");
}
const sent = () => bank.requests.filter(({ path }) => path === "/phone/v1/activations").map(({ body }) => body);
const devices = () => new Set(sent().map(({ ecdh_jwk, ecdsa_jwk }) => ecdh_jwk.x + ecdsa_jwk.x));

test("a_token_is_set_up_and_its_passcodes_are_the_bank's", async () => {
  const { token, serverNow } = await activate(entry, outside());
  assert.equal(serverNow, bank.now);
  await closeDatabase();
  const [kept] = await loadTokens();
  assert.equal(kept.tokenId, token.tokenId);
  for (const later of [0, 60_000, 365 * 86_400_000]) {
    const now = bank.now + later;
    const when = new Date(now).toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC");
    const key = passcodeKey(bank.root).toString("hex");
    const theirs = execFileSync("oathtool", ["--totp=sha256", "-s", "60s", "-d", "6", "-N", when, key], { encoding: "utf8" });
    assert.equal(await passcodeAt(kept.keys.passcode, kept.passcode, now), theirs.trim());
  }
});

test("no_private_or_secret_key_can_be_taken_out_of_the_phone", async () => {
  await activate(entry, outside());
  const [{ keys, deviceKey }] = await loadTokens();
  const pending = await loadPending(entry.serviceId, entry.userId);
  const secrets = [keys.passcode, keys.challenge, keys.qr, deviceKey.privateKey, pending.ecdh.privateKey, pending.ecdsa.privateKey];
  for (const key of secrets) {
    assert.equal(key.extractable, false);
    await assert.rejects(crypto.subtle.exportKey(key.type === "private" ? "jwk" : "raw", key));
  }
  assert.deepEqual([keys.passcode.usages, keys.challenge.usages, keys.qr.usages], [["sign"], ["sign"], ["decrypt"]]);
  assert.equal(keys.passcode.algorithm.length, 256);
});

test("the_qr_secret_is_sent_and_signed_when_there_is_one", async () => {
  await activate({ ...entry, qrSecret: bank.qrSecret }, outside());
  assert.equal(sent()[0].qr_secret, bank.qrSecret);
});

test("a_lost_answer_is_repeated_with_the_same_keys_and_gives_the_same_token", async () => {
  const loses = async (path, options) => {
    await bank.fetch(path, options);
    throw new TypeError("the network went away");
  };
  await assert.rejects(activate(entry, outside(loses)), refusal("offline"));
  assert.equal((await loadTokens()).length, 0);
  await closeDatabase();
  const { token } = await activate(entry, outside());
  assert.equal(devices().size, 1);
  assert.equal(sent().length, 2);
  assert.equal(bank.isDead, false);
  assert.equal(token.tokenId, "tok_01jd0000000000000000000003");
});

test("an_answer_cut_off_in_its_body_is_a_lost_answer", async () => {
  const cuts = async (path, options) => {
    await bank.fetch(path, options);
    return new Response('{"activation_id":"act_', { status: 200 });
  };
  await assert.rejects(activate(entry, outside(cuts)), refusal("offline"));
  await activate(entry, outside());
  assert.equal(devices().size, 1);
});

test("two_tabs_at_once_send_the_same_keys", async () => {
  await Promise.all([activate(entry, outside()), activate(entry, outside())]);
  assert.equal(devices().size, 1);
  assert.equal(bank.isDead, false);
  assert.equal((await loadTokens()).length, 1);
});

/**
 * Begins to set up in one tab and stops it at the n-th thing it waits for: a use of keys, or the server. Lets another
 * tab do the whole of it meanwhile, then the first one go on. False when it was finished before it came so far.
 */
async function overtaken(context, nth) {
  let waits = 0;
  let letGo;
  const gate = new Promise((resolve) => (letGo = resolve));
  let arrive;
  const arrived = new Promise((resolve) => (arrive = resolve));
  const waiting = (work) => async (...args) => {
    waits += 1;
    if (waits === nth) {
      arrive("held");
      await gate;
    }
    return work(...args);
  };
  for (const name of ["generateKey", "sign", "verify", "exportKey", "digest", "importKey", "unwrapKey", "deriveKey"]) {
    context.mock.method(crypto.subtle, name, waiting(crypto.subtle[name].bind(crypto.subtle)));
  }
  const slow = activate(entry, outside(waiting(bank.fetch)));
  const isHeld = (await Promise.race([arrived, slow])) === "held";
  if (isHeld) {
    await activate(entry, outside());
    await acknowledge(outside(), true);
    letGo();
  }
  const { token } = await slow;
  context.mock.restoreAll();
  assert.equal(devices().size, 1, `held at ${nth}: two phones`);
  assert.equal(bank.isDead, false, `held at ${nth}: the issue is dead`);
  const [kept, ...others] = await loadTokens();
  assert.equal(kept.tokenId, token.tokenId, `held at ${nth}`);
  assert.deepEqual(others, []);
  return isHeld;
}

test("a_tab_that_another_one_overtakes_at_any_step_kills_no_issue_and_shows_the_token", async (context) => {
  let nth = 1;
  while (await overtaken(context, nth)) {
    nth += 1;
    await closeDatabase();
    globalThis.indexedDB = new IDBFactory();
    bank = new Bank(USER, "24681357");
  }
  // Two pairs of keys, their trial, two exports, two thumbprints, one signature, one request: 10 at the least.
  assert.ok(nth > 10, `held at ${nth - 1} steps only`);
});

test("an_issue_that_died_is_told_even_where_its_token_is_here", async () => {
  const dies = async (path, options) => {
    await activate(entry, outside());
    bank.device = "another phone's";
    return bank.fetch(path, options);
  };
  await assert.rejects(activate(entry, outside(dies)), refusal("other-phone"));
});

test("a_wrong_start_password_is_refused_and_the_right_one_then_accepted_for_the_same_phone", async () => {
  await assert.rejects(activate({ ...entry, startPassword: "1111" }, outside()), refusal("refused"));
  await activate(entry, outside());
  assert.equal(devices().size, 1);
});

test("a_token_that_is_here_is_never_asked_for_again", async () => {
  await activate(entry, outside());
  await acknowledge(outside(), false);
  const { token, serverNow } = await activate(entry, outside());
  assert.equal(serverNow, null);
  assert.equal(token.userId, USER);
  assert.equal(sent().length, 1);
  assert.equal(bank.isDead, false);
});

test("a_second_phone_is_told_so_and_forgets_its_keys", async () => {
  await activate(entry, outside());
  await closeDatabase();
  globalThis.indexedDB = new IDBFactory();
  await assert.rejects(activate(entry, outside()), refusal("other-phone"));
  assert.equal(bank.isDead, true);
  assert.equal(await loadPending(entry.serviceId, entry.userId), null);
  assert.equal((await loadTokens()).length, 0);
});

test("after_the_acknowledgement_the_delivery_key_is_gone_and_the_passcodes_stay", async () => {
  const { token } = await activate(entry, outside());
  assert.notEqual(await loadPending(entry.serviceId, entry.userId), null);
  await acknowledge(outside(), false);
  assert.equal(bank.acknowledged, 1);
  assert.equal(await loadPending(entry.serviceId, entry.userId), null);
  const [kept] = await loadTokens();
  assert.equal(kept.acknowledged, true);
  assert.equal(
    await passcodeAt(kept.keys.passcode, kept.passcode, bank.now),
    await passcodeAt(token.keys.passcode, token.passcode, bank.now),
  );
  await acknowledge(outside(), false);
  assert.equal(bank.acknowledged, 1);
});

test("an_acknowledgement_that_did_not_arrive_is_sent_again_next_time", async () => {
  await activate(entry, outside());
  await acknowledge(outside(() => Promise.reject(new TypeError("offline"))), true);
  assert.equal((await loadTokens())[0].acknowledged, false);
  assert.notEqual(await loadPending(entry.serviceId, entry.userId), null);
  await acknowledge(outside(), false);
  assert.equal((await loadTokens())[0].acknowledged, true);
});

for (const status of [404, 410]) {
  test(`an_acknowledgement_answered_by_${status}_is_the_last_one`, async () => {
    await activate(entry, outside());
    await acknowledge(outside(answering(status)), true);
    assert.equal((await loadTokens())[0].acknowledged, true);
    assert.equal(await loadPending(entry.serviceId, entry.userId), null);
    await staysQuiet(true);
  });
}

test("a_refused_acknowledgement_waits_for_the_next_start_and_a_day", async () => {
  await activate(entry, outside());
  await acknowledge(outside(answering(403)), true);
  await staysQuiet(false);
  await staysQuiet(true);
  bank.now += DAY - 1;
  await staysQuiet(true);
  bank.now += 1;
  await staysQuiet(false);
  assert.equal((await loadTokens())[0].acknowledged, false);
  await acknowledge(outside(), true);
  assert.equal((await loadTokens())[0].acknowledged, true);
});

test("a_server_in_trouble_is_told_again_before_a_day_is_over", async () => {
  await activate(entry, outside());
  for (const status of [429, 500, 503]) {
    await acknowledge(outside(answering(status)), false);
    assert.equal((await loadTokens())[0].acknowledged, false);
  }
  await acknowledge(outside(), false);
  assert.equal((await loadTokens())[0].acknowledged, true);
});

test("a_token_whose_key_has_gone_keeps_no_other_acknowledgement_back", async () => {
  const { token } = await activate(entry, outside());
  await saveToken({ ...token, tokenId: "tok_hollow", deviceKey: { privateKey: null, publicKey: null }, addedAt: 0 });
  await acknowledge(outside(), true);
  const told = (await loadTokens()).map(({ tokenId, acknowledged }) => [tokenId, acknowledged]);
  assert.deepEqual(told, [["tok_hollow", false], [token.tokenId, true]]);
});

test("a_refusal_that_comes_late_undoes_no_acknowledgement", async () => {
  const { token } = await activate(entry, outside());
  await acknowledge(outside(), true);
  await noteRefused(token.tokenId, bank.now);
  const [kept] = await loadTokens();
  assert.deepEqual([kept.acknowledged, kept.refusedAt], [true, undefined]);
});

test("a_phone_that_cannot_keep_keys_sends_nothing", async () => {
  globalThis.indexedDB = { open: () => { throw new DOMException("no", "SecurityError"); } };
  await assert.rejects(activate(entry, outside()), refusal("store"));
  assert.equal(bank.requests.length, 0);
});

test("keys_that_come_back_unable_to_work_are_never_sent", async () => {
  // As WebKit does for a database restored from a backup: the record is there, its keys are not.
  const { get } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.get = function hollow(...args) {
    const request = get.apply(this, args);
    request.addEventListener("success", () => {
      request.result.keys.ecdsa.privateKey = null;
    });
    return request;
  };
  try {
    await assert.rejects(activate(entry, outside()), refusal("store"));
    assert.equal(bank.requests.length, 0);
  } finally {
    IDBObjectStore.prototype.get = get;
  }
});

for (const [what, change] of [
  ["the_box", (answer) => ({ ...answer, box: flipped(answer.box) })],
  ["the_nonce", (answer) => ({ ...answer, nonce: flipped(answer.nonce) })],
  ["the_issue", (answer) => ({ ...answer, issue_id: "iss_other" })],
  ["the_institution", (answer) => ({ ...answer, institution_id: "ins_other" })],
  ["the_kind_of_passcode", (answer) => ({ ...answer, passcode: { algorithm: "SHA-1", digits: 6, period: 30 } })],
]) {
  test(`an_answer_with_${what}_changed_on_the_way_is_not_kept`, async () => {
    const changes = async (path, options) => Response.json(change(await (await bank.fetch(path, options)).json()));
    await assert.rejects(activate(entry, outside(changes)), refusal("failed"));
    assert.equal((await loadTokens()).length, 0);
  });
}

test("each_answer_of_the_server_has_its_reason", async () => {
  const answers = [
    [422, { code: "invalid_field", fields: [{ name: "user_id", code: "check_digit" }] }, "invalid"],
    [403, { code: "forbidden" }, "refused"],
    [429, { code: "too_many" }, "many"],
    [503, { code: "overloaded" }, "busy"],
    [500, { code: "internal" }, "failed"],
    [502, "<html>bad gateway</html>", "busy"],
  ];
  for (const [status, body, reason] of answers) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const headers = { "retry-after": "120" };
    await assert.rejects(activate(entry, outside(async () => new Response(text, { status, headers }))), (error) => {
      assert.equal(error.reason, reason);
      assert.equal(error.waitSeconds, reason === "many" ? 120 : null);
      assert.deepEqual(error.fields, reason === "invalid" ? ["user_id"] : []);
      return true;
    });
  }
});

function flipped(text) {
  return (text[0] === "A" ? "B" : "A") + text.slice(1);
}

/** The protocol's words: fixed vectors, so that neither side can change them unnoticed. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64url, toBase64url } from "../app/bytes.js";
import {
  acknowledgementMessage,
  activationMessage,
  boxBinding,
  isUserId,
  normaliseDigits,
  parseLink,
  publicJwk,
  thumbprint,
  wrongFields,
} from "../app/protocol.js";
import * as bank from "./bank.js";

// The public key of RFC 7515 appendix A.3; its thumbprint was computed apart from the app, with python3's hashlib.
const RFC_KEY = {
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
};

test("a_thumbprint_is_that_of_rfc_7638", async () => {
  assert.equal(await thumbprint(RFC_KEY), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
  assert.equal(await thumbprint({ y: RFC_KEY.y, kty: "EC", x: RFC_KEY.x, crv: "P-256" }), bank.thumbprint(RFC_KEY));
});

test("the_box_is_bound_to_this_digest", async () => {
  const bound = { institutionId: "ins_1", issueId: "iss_2", userId: "123456789012", ecdh: "A", ecdsa: "BB", server: "CCC" };
  const digest = Buffer.from(await boxBinding(bound));
  assert.equal(digest.toString("hex"), "92a24b0d509a22f208d88b6eb7a8cfad6ec37d0c28407b07a58a4b2d90650b12");
  assert.deepEqual(digest, bank.binding(["ins_1", "iss_2", "123456789012", "A", "BB", "CCC"]));
});

test("a_character_moved_from_one_bound_part_to_the_next_changes_the_digest", async () => {
  const bound = { institutionId: "ins_1", issueId: "iss_2", userId: "3", ecdh: "A", ecdsa: "B", server: "C" };
  const moved = { ...bound, institutionId: "ins_", issueId: "1iss_2" };
  assert.notDeepEqual(Buffer.from(await boxBinding(bound)), Buffer.from(await boxBinding(moved)));
});

test("the_signed_texts_are_these_lines", () => {
  const entry = { serviceId: "10010001", userId: "123456789012", startPassword: "2468", qrSecret: null };
  const prints = { ecdh: "one", ecdsa: "two" };
  assert.equal(activationMessage(entry, prints), "warifu-activation-1\n10010001\n123456789012\n2468\n\none\ntwo");
  assert.equal(
    activationMessage({ ...entry, qrSecret: "AAAAAAAAAAAAAAAAAAAAAA" }, prints),
    "warifu-activation-1\n10010001\n123456789012\n2468\nAAAAAAAAAAAAAAAAAAAAAA\none\ntwo",
  );
  assert.equal(acknowledgementMessage("act_1"), "warifu-ack-1\nact_1");
});

test("digits_are_taken_as_any_keyboard_types_them", () => {
  assert.equal(normaliseDigits(" １２３４　５６７８ "), "12345678");
  assert.equal(normaliseDigits("1234-5678−9012"), "123456789012");
  assert.equal(normaliseDigits("1234ー5678"), "12345678");
  assert.equal(normaliseDigits("\u20681234\u2069"), "1234");
});

test("a_letter_among_digits_is_reported_and_not_dropped", () => {
  assert.equal(normaliseDigits("12O45678"), "12O45678");
  const entry = { serviceId: "12O45678", userId: bank.userIdOf("12345678901"), startPassword: "24a8", qrSecret: null };
  assert.deepEqual(wrongFields(entry, null), ["service_id", "start_password"]);
});

test("a_user_id_with_one_slip_or_two_swapped_digits_is_noticed", () => {
  // 572 → 4 is the example in Damm's own work.
  assert.equal(bank.userIdOf("00000000572"), "000000005724");
  const id = bank.userIdOf("48291370561");
  assert.ok(isUserId(id));
  for (let at = 0; at < 12; at += 1) {
    for (const digit of "0123456789") {
      const slipped = id.slice(0, at) + digit + id.slice(at + 1);
      assert.equal(isUserId(slipped), slipped === id);
    }
    const swapped = id.slice(0, at) + (id[at + 1] ?? "") + id[at] + id.slice(at + 2);
    assert.equal(isUserId(swapped), swapped === id);
  }
  assert.equal(isUserId(id.slice(1)), false);
});

test("another_bank's_service_id_is_noticed_before_anything_is_sent", () => {
  const entry = { serviceId: "10010002", userId: bank.userIdOf("12345678901"), startPassword: "2468", qrSecret: null };
  assert.deepEqual(wrongFields(entry, "10010001"), ["service_id"]);
  assert.deepEqual(wrongFields({ ...entry, serviceId: "10010001" }, "10010001"), []);
});

test("a_link_is_read_only_in_its_own_version_and_form", () => {
  const secret = "AbCdEfGhIjKlMnOpQrSt-_";
  assert.deepEqual(parseLink(`#1.10010001.123456789012.${secret}`), {
    serviceId: "10010001",
    userId: "123456789012",
    qrSecret: secret,
  });
  for (const other of ["", "#", "#service_id", `#2.10010001.123456789012.${secret}`, `#1.10010001.123456789012.${secret}A`]) {
    assert.equal(parseLink(other), null);
  }
});

test("a_key_that_is_not_p_256_is_refused", () => {
  assert.deepEqual(publicJwk({ ...RFC_KEY, ext: true, key_ops: [] }), RFC_KEY);
  for (const wrong of [null, {}, { ...RFC_KEY, crv: "P-384" }, { ...RFC_KEY, x: "AAAA" }, { ...RFC_KEY, y: undefined }]) {
    assert.throws(() => publicJwk(wrong), TypeError);
  }
});

test("base64url_comes_back_as_it_went_and_takes_no_other_spelling", () => {
  for (let length = 0; length < 50; length += 1) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    assert.equal(toBase64url(bytes), Buffer.from(bytes).toString("base64url"));
    assert.deepEqual(fromBase64url(toBase64url(bytes)), bytes);
  }
  for (const other of ["ab+/", "YQ==", "a b", null]) {
    assert.throws(() => fromBase64url(other));
  }
});

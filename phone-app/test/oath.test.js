/** The digits: against the RFC's own table, and against oathtool, which shares no code with us. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { passcodeAt, secondsLeft, stepAt } from "../app/oath.js";
import { tokenKeys } from "../app/keys.js";

const hmacKey = (bytes) => crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);

test("the_table_of_rfc_6238_for_sha_256_comes_out_digit_by_digit", async () => {
  const key = await hmacKey(Buffer.from("12345678901234567890123456789012"));
  const rule = { algorithm: "SHA-256", digits: 8, period: 30 };
  const table = [
    [59, "46119246"],
    [1111111109, "68084774"],
    [1111111111, "67062674"],
    [1234567890, "91819424"],
    [2000000000, "90698825"],
    [20000000000, "77737706"],
  ];
  for (const [seconds, expected] of table) {
    assert.equal(await passcodeAt(key, rule, seconds * 1000), expected);
  }
});

test("oathtool_shows_the_same_digits_for_the_key_made_from_a_root", async () => {
  // Roots from a fixed pattern; the passcode keys were computed apart from the app, with python3's hmac, by RFC 5869.
  const roots = [
    ["00".repeat(32), PASSCODE_KEYS[0]],
    [Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString("hex"), PASSCODE_KEYS[1]],
    ["ff".repeat(32), PASSCODE_KEYS[2]],
  ];
  const rule = { algorithm: "SHA-256", digits: 6, period: 60 };
  for (const [rootHex, keyHex] of roots) {
    const root = await crypto.subtle.importKey("raw", Buffer.from(rootHex, "hex"), "HKDF", false, ["deriveKey"]);
    const { passcode } = await tokenKeys(root);
    for (const seconds of [0, 59, 60, 1_795_326_750, 4_102_444_800, 20_000_000_000]) {
      const when = new Date(seconds * 1000).toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC");
      const theirs = execFileSync(
        "oathtool",
        ["--totp=sha256", "-s", "60s", "-d", "6", "-N", when, keyHex],
        { encoding: "utf8" },
      ).trim();
      assert.equal(await passcodeAt(passcode, rule, seconds * 1000), theirs, `${rootHex} at ${when}`);
    }
  }
});

test("a_step_counts_down_from_its_period_to_one", () => {
  const rule = { period: 60 };
  assert.equal(secondsLeft(rule, 120_000), 60);
  assert.equal(secondsLeft(rule, 120_999), 60);
  assert.equal(secondsLeft(rule, 121_000), 59);
  assert.equal(secondsLeft(rule, 179_999), 1);
  assert.equal(stepAt(rule, 179_999), 2);
  assert.equal(stepAt(rule, 180_000), 3);
});

test("a_passcode_keeps_its_leading_zeros", async () => {
  const key = await hmacKey(Buffer.from("12345678901234567890123456789012"));
  const rule = { algorithm: "SHA-256", digits: 6, period: 60 };
  const codes = await Promise.all(Array.from({ length: 200 }, (_, step) => passcodeAt(key, rule, step * 60_000)));
  assert.ok(codes.every((code) => /^\d{6}$/.test(code)));
  assert.ok(codes.some((code) => code.startsWith("0")));
});

const PASSCODE_KEYS = [
  "b7c0ab5f852f01259a71f0a4a42acbeaa9f97f51372163cc5df88055741ef2c1",
  "91b71008e81c10d7ad5bfc7a3b3a7f24127dde68a1fc58a08e816765150b3ca4",
  "74d87dda342b0c3f0700ad112c17f3e367f353e890966701b106fb31aee41927",
];

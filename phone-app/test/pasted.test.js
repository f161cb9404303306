/** What is found in a pasted text, and what a QR code may say. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { readLink, readPasted } from "../app/pasted.js";
import { userIdOf } from "./bank.js";

const USER = userIdOf("48291370561");
const FOURS = USER.replace(/(.{4})(?=.)/g, "$1 ");
const SECRET = "AbCdEfGhIjKlMnOpQrStUv";
const LINK = `https://token.bank.example/app/#1.10010001.${USER}.${SECRET}`;

test("a_link_gives_its_numbers_and_its_secret", () => {
  const found = { serviceId: "10010001", userId: USER, qrSecret: SECRET };
  for (const text of [LINK, `  ${LINK}\n`, `#1.10010001.${USER}.${SECRET}`]) assert.deepEqual(readPasted(text), found, text);
  assert.deepEqual(readLink(LINK), found);
});

test("the_numbers_of_a_mail_are_found_among_its_other_numbers", () => {
  const mail = `トークン発行のお申込みをありがとうございます。\r\n\r\nサービスID　1001 0001\r\nユーザID　　${FOURS}\r\n初期設定の期限　2026年11月25日 14時35分08秒\r\n受付番号　　R-4821-0937\r\n電話 0120-111-222`;
  assert.deepEqual(readPasted(mail), { serviceId: "10010001", userId: USER, qrSecret: null });
  const wide = mail.replace(/[0-9]/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0));
  assert.deepEqual(readPasted(wide), { serviceId: "10010001", userId: USER, qrSecret: null });
});

test("one_number_alone_is_taken_and_the_other_is_left_to_be_typed", () => {
  assert.deepEqual(readPasted("1001 0001"), { serviceId: "10010001", userId: "", qrSecret: null });
  assert.deepEqual(readPasted(FOURS), { serviceId: "", userId: USER, qrSecret: null });
  assert.deepEqual(readPasted(USER.replace(/(.{4})(?=.)/g, "$1-")), { serviceId: "", userId: USER, qrSecret: null });
});

test("nonsense_gives_nothing", () => {
  const wrong = `${USER.slice(0, 11)}${(Number(USER.at(-1)) + 1) % 10}`;
  for (const text of ["", "こんにちは", "1234567", "12345678 1", wrong, "#1.1.2.3", "\u0000", "9".repeat(100_000)]) {
    assert.equal(readPasted(text), null, text.slice(0, 40));
  }
  assert.equal(readLink("https://elsewhere.example/"), null);
  assert.equal(readLink(`#2.10010001.${USER}.${SECRET}`), null, "a version of the future");
  assert.equal(readLink(`https://token.bank.example/app/#1.10010001.${USER}.${SECRET}0`), null);
});

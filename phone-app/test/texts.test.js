/** The words: each text the app and the guide use exists in both languages, and none lies unused. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { inFours, languageOf, Texts } from "../app/texts.js";
import { messages, placeables, resolved } from "./ftl.js";

const APP = new URL("../app/", import.meta.url);
const GUIDE = new URL("../../crates/server/templates/phone/guide.html", import.meta.url);
const JA = messages("ja");
const EN = messages("en");

function sources() {
  const names = readdirSync(APP, { recursive: true }).filter((name) => name.endsWith(".js"));
  return [...names.map((name) => readFileSync(new URL(name, APP), "utf8")), readFileSync(GUIDE, "utf8")];
}

function usedKeys() {
  const inCode = sources().flatMap((text) => [...text.matchAll(/"((?:app|guide)-[a-z0-9-]+)"/g)].map(([, key]) => key));
  const inTexts = Object.values(JA).flatMap((text) => [...text.matchAll(/\{ ((?:app|guide)-[a-z0-9-]+) \}/g)].map(([, key]) => key));
  return [...new Set([...inCode, ...inTexts])].sort();
}

test("each_text_is_used_and_each_used_text_exists_in_both_languages", () => {
  assert.deepEqual(Object.keys(JA).sort(), usedKeys());
  assert.deepEqual(Object.keys(EN).sort(), usedKeys());
});

test("both_languages_fill_in_the_same_values", () => {
  for (const key of Object.keys(JA)) {
    assert.deepEqual(placeables(EN[key]), placeables(JA[key]), key);
  }
});

test("the_files_name_every_value_the_app_fills_in", () => {
  const known = ["bank", "contact", "emergency", "emergency-phone", "phone"];
  const used = [...new Set(Object.values(JA).flatMap(placeables))].filter((name) => !known.includes(name)).sort();
  const heading = readFileSync(new URL("../../crates/server/locales/ja/phone.ftl", import.meta.url), "utf8");
  const named = /the app: ([a-z, ]+)\./.exec(heading)[1].split(", ");
  assert.deepEqual(named, used);
});

test("a_guide_text_needs_no_value_but_the_institution's", () => {
  const guide = readFileSync(GUIDE, "utf8");
  for (const [, key] of guide.matchAll(/text\.of\("([a-z0-9-]+)"\)/g)) {
    assert.doesNotMatch(resolved("ja", INSTITUTION)[key], /\{/, key);
  }
});

test("no_japanese_text_uses_a_word_that_frightens_or_names_another_secret", () => {
  // Named once, to say that it is not what is asked for.
  const warning = JA["app-lock-origin"].replace("キャッシュカードの暗証番号とは別の番号に", "");
  for (const [key, text] of Object.entries({ ...JA, "app-lock-origin": warning })) {
    assert.doesNotMatch(text, /PIN|OTP|エラーコード|セッション|タイムアウト|無効|不正|アクティベーション|シード|認証に失敗|暗証番号|！/, key);
    assert.doesNotMatch(text, /[()]/, `${key}: brackets are full-width`);
  }
});

test("values_are_filled_in_and_a_missing_one_is_seen", () => {
  const texts = new Texts({ ja: resolved("ja", INSTITUTION), en: resolved("en", INSTITUTION) }, "ja");
  assert.equal(texts.of("app-code-left", { seconds: 23 }), "あと23秒で切り替わります");
  assert.equal(texts.of("app-name"), "みらい銀行 ワンタイムパスワード");
  assert.equal(texts.of("app-code-left"), "あと{seconds}秒で切り替わります");
});

test("moments_are_written_in_the_institution's_zone_and_not_in_the_phone's", () => {
  const at = Date.UTC(2026, 10, 22, 15, 5, 8);
  const zones = [
    ["Asia/Tokyo", "2026年11月23日 00時05分", "23 November 2026, 00:05"],
    ["Pacific/Honolulu", "2026年11月22日 05時05分", "22 November 2026, 05:05"],
    ["Asia/Kathmandu", "2026年11月22日 20時50分", "22 November 2026, 20:50"],
  ];
  for (const [zone, japanese, english] of zones) {
    const ja = new Texts(NO_TEXTS, "ja", zone);
    assert.deepEqual([ja.moment(at), `${ja.date(at)} ${ja.time(at)}`], [`${japanese}08秒`, japanese]);
    const en = new Texts(NO_TEXTS, "en", zone);
    assert.deepEqual([en.moment(at), `${en.date(at)}, ${en.time(at)}`], [`${english}:08`, english]);
  }
});

test("summer_time_is_the_zone's_own", () => {
  const texts = new Texts(NO_TEXTS, "en", "Europe/Berlin");
  assert.equal(texts.moment(Date.UTC(2026, 2, 29, 0, 59, 59)), "29 March 2026, 01:59:59");
  assert.equal(texts.moment(Date.UTC(2026, 2, 29, 1, 0, 0)), "29 March 2026, 03:00:00");
});

test("without_a_zone_from_the_server_moments_are_tokyo's", () => {
  assert.equal(new Texts(NO_TEXTS, "ja", undefined).moment(Date.UTC(2026, 11, 31, 15)), "2027年1月1日 00時00分00秒");
});

test("a_zone_that_the_browser_does_not_know_is_taken_to_be_the_phone's", () => {
  const at = Date.UTC(2026, 5, 1, 12);
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  assert.equal(new Texts(NO_TEXTS, "en", "Asia/Edo").moment(at), new Texts(NO_TEXTS, "en", timeZone).moment(at));
});

test("the_language_is_japanese_unless_chosen_or_an_english_phone", () => {
  assert.equal(languageOf(null, "ja-JP"), "ja");
  assert.equal(languageOf(null, "en-GB"), "en");
  assert.equal(languageOf(null, "fr"), "ja");
  assert.equal(languageOf("ja", "en"), "ja");
  assert.equal(languageOf("en", "ja"), "en");
});

test("ids_stand_in_groups_of_four", () => {
  assert.equal(inFours("10010001"), "1001 0001");
  assert.equal(inFours("123456789012"), "1234 5678 9012");
});

const NO_TEXTS = { ja: {}, en: {} };
const INSTITUTION = {
  name: { ja: "みらい銀行", en: "Mirai Bank" },
  contact: { name: "ヘルプデスク", phone: "0120-000-000" },
  emergency: { name: "緊急連絡先", phone: "0120-999-999" },
};

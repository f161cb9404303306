/** The app's files as the browser gets them: what the policy forbids must not be in them, what the manifest names must. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { isApple, placeOf } from "../app/platform.js";
import { jsqr } from "../tools/vendor.js";

const APP = new URL("../app/", import.meta.url);
const names = readdirSync(APP, { recursive: true, withFileTypes: true })
  .filter((file) => file.isFile())
  .map((file) => `${file.parentPath ?? file.path}/${file.name}`.replace(/\/+/g, "/").split("/app/").at(-1));
/** What somebody else wrote; it has a test of its own. */
const ours = names.filter((name) => !name.startsWith("vendor/"));
const read = (name) => readFileSync(new URL(name, APP), "utf8");

test("every_icon_of_the_manifest_exists_in_its_size", () => {
  const { icons } = JSON.parse(read("manifest.webmanifest"));
  assert.equal(icons.length, 3);
  for (const { src, sizes } of icons) {
    const png = readFileSync(new URL(src.replace("/app/", ""), APP));
    assert.equal(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`, sizes);
  }
});

test("no_page_carries_a_script_or_style_of_its_own", () => {
  const guide = readFileSync(new URL("../../crates/server/templates/phone/guide.html", import.meta.url), "utf8");
  for (const page of [read("index.html"), guide]) {
    assert.doesNotMatch(page, /<style|style=|<script(?![^>]* src="\/app\/)|\son[a-z]+=/);
  }
  assert.doesNotMatch(guide, /<input|<textarea|<form/);
});

test("no_module_parses_html_or_makes_code_from_text", () => {
  const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\("style"|https?:\/\/(?!www\.w3\.org\/2000\/svg)/;
  for (const name of ours.filter((name) => name.endsWith(".js"))) {
    assert.doesNotMatch(read(name), forbidden, name);
  }
  const vendored = read("vendor/jsqr.js").replace(/^.*\n.*\n/, "");
  assert.ok(!forbidden.test(vendored), "the decoder parses HTML, makes code or names an address");
});

test("every_import_names_a_file_of_the_app", () => {
  for (const name of names.filter((name) => name.endsWith(".js"))) {
    for (const [, target] of read(name).matchAll(/(?:from|import) "([^"]+)"/g)) {
      const path = new URL(target, new URL(name, APP)).pathname.split("/app/").at(-1);
      assert.ok(names.includes(path), `${name} imports ${target}`);
    }
  }
});

test("every_style_sheet_is_linked_by_the_page_after_the_one_they_build_on", () => {
  const linked = [...read("index.html").matchAll(/<link rel="stylesheet" href="\/app\/([^"]+)">/g)].map(([, name]) => name);
  assert.equal(linked[0], "app.css");
  assert.deepEqual([...linked].sort(), names.filter((name) => name.endsWith(".css")).sort());
  for (const name of linked) {
    // One that fetches another comes later than the page, and what it names the worker does not keep.
    assert.doesNotMatch(read(name), /@import|url\(/, name);
  }
});

test("the_link_is_taken_out_of_the_address_by_the_first_script", () => {
  const scripts = [...read("index.html").matchAll(/<script[^>]* src="([^"]+)"/g)].map(([, src]) => src);
  assert.deepEqual(scripts, ["/app/link.js", "/app/main.js"]);
});

test("the_worker_holds_the_two_lines_the_server_fills_in", () => {
  const lines = read("sw.js").split("\n");
  assert.ok(lines.includes('const VERSION = "__VERSION__";'));
  assert.ok(lines.includes('const FILES = ["__FILES__"];'));
});

test("each_file_says_on_its_first_line_what_it_owns", () => {
  for (const name of ours.filter((name) => /\.(?:js|css)$/.test(name))) {
    assert.match(read(name).split("\n")[0], /^\/\*\*? .+\. .*\*\/$|^\/\*\*? .+\.\s\*\/$/, name);
  }
});

test("the_decoder_is_the_one_that_the_tool_makes", async () => {
  const made = await jsqr();
  // Not by assert.equal: that would print both.
  assert.ok(read("vendor/jsqr.js") === made, "run `npm run vendor`");
  assert.match(made, /Apache License 2\.0/);
});

test("an_iphone's_tab_only_explains_installing_and_the_installed_app_sets_up", () => {
  const facts = { touchPoints: 5, isInstalled: false, isSecure: true, hasKeys: true, hasDatabase: true };
  assert.equal(placeOf({ ...facts, userAgent: IPHONE }), "install");
  assert.equal(placeOf({ ...facts, userAgent: IPHONE, isInstalled: true }), "ready");
  assert.equal(placeOf({ ...facts, userAgent: `${IPHONE} Line/14.0` }), "in-app");
  assert.equal(placeOf({ ...facts, userAgent: ANDROID }), "ready");
  assert.equal(placeOf({ ...facts, userAgent: ANDROID, hasKeys: false }), "unsupported");
  assert.equal(placeOf({ ...facts, userAgent: MAC }), "install");
  assert.equal(placeOf({ ...facts, userAgent: MAC, touchPoints: 0 }), "ready");
  assert.equal(isApple(ANDROID, 5), false);
});

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1";
const ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36";
const MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15";

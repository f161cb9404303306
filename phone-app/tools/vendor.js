/**
 * Makes `app/vendor/jsqr.js`: the decoder for browsers without a `BarcodeDetector`, as a module of its own,
 * loaded when the camera is used. Run by `npm run vendor`; a test compares the file with what this makes.
 */

import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

import { minify } from "terser";

const HEAD = "// @ts-nocheck\n/*! jsQR 1.4.0, Copyright Cosmo Wolfe, Apache License 2.0, https://github.com/cozmo/jsQR; packed as a module. */\n";

/** @returns {Promise<string>} */
export async function jsqr() {
  const source = await readFile(new URL("../node_modules/jsqr/dist/jsQR.js", import.meta.url), "utf8");
  // It looks for a CommonJS module; this is one, and what it leaves there is the module's own.
  const wrapped = `const module = { exports: {} };\nconst exports = module.exports;\n${source}\nexport default module.exports.default ?? module.exports;\n`;
  const { code } = await minify(wrapped, { module: true, format: { comments: false } });
  return `${HEAD}${code}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await writeFile(new URL("../app/vendor/jsqr.js", import.meta.url), await jsqr());
}

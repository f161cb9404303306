/**
 * WebKitGTK by its WebDriver (W3C): the nearest to an iPhone's engine that runs here. Owns the screen in
 * memory, the driver and the browser, and their ends.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { PATIENCE, freePorts } from './process.js';

// Debian keeps libraries under the machine's own name.
const FOLDERS = '/usr/lib';
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** One window of WebKitGTK, new and empty. */
export class Webkit {
  /** Opens one; it closes with its test. @param {import('node:test').TestContext} t */
  static async open(t) {
    const [port, display] = await freePorts(2);
    const screen = start('Xvfb', [`:${display}`, '-screen', '0', '1024x1024x24']);
    t.after(() => end(screen));
    const driver = start('WebKitWebDriver', [`--port=${port}`], { DISPLAY: `:${display}` });
    t.after(() => end(driver));
    const webkit = new Webkit(`http://127.0.0.1:${port}`);
    await webkit.#begin();
    t.after(() => webkit.#ask('DELETE', '').catch(() => {}));
    return webkit;
  }

  #address;
  #session = '';

  constructor(address) {
    this.#address = address;
  }

  async #begin() {
    const options = { binary: browser(), args: ['--automation'] };
    const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': options } };
    for (let tries = 0; ; tries += 1) {
      try {
        const { sessionId } = await this.#call('POST', '/session', { capabilities });
        this.#session = sessionId;
        return;
      } catch (error) {
        if (tries > 40) throw error;
        await pause(250);
      }
    }
  }

  async #call(method, path, body) {
    const answer = await fetch(this.#address + path, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  #ask(method, path, body) {
    return this.#call(method, `/session/${this.#session}${path}`, body);
  }

  /** Opens an address. */
  go(url) {
    return this.#ask('POST', '/url', { url });
  }

  /** Runs a function of the page's own; its result comes back as JSON. */
  run(work, ...args) {
    const script = `const done = arguments[arguments.length - 1]; Promise.resolve((${work})(...[...arguments].slice(0, -1))).then(done, (error) => done({ failed: String(error) }));`;
    return this.#ask('POST', '/execute/async', { script, args });
  }

  /** Waits until a function of the page's own gives something true; gives that. */
  async until(work, ...args) {
    for (const deadline = Date.now() + PATIENCE; ; await pause(100)) {
      const value = await this.run(work, ...args).catch(() => null);
      if (value && !value.failed) return value;
      if (Date.now() > deadline) throw new Error(`never: ${work}\n${await this.run(() => document.body.innerText)}`);
    }
  }

  /** Presses what is found by a selector and, where one is given, by its text. */
  async press(selector, text = '') {
    await this.until((s, t) => [...document.querySelectorAll(s)].some((e) => e.textContent.includes(t)), selector, text);
    const element = await this.#ask('POST', '/execute/sync', {
      script: 'return [...document.querySelectorAll(arguments[0])].find((e) => e.textContent.includes(arguments[1]));',
      args: [selector, text],
    });
    await this.#ask('POST', `/element/${element[ELEMENT]}/click`, {});
  }

  /** Types into a field. */
  async type(selector, text) {
    const element = await this.#ask('POST', '/element', { using: 'css selector', value: selector });
    await this.#ask('POST', `/element/${element[ELEMENT]}/clear`, {});
    await this.#ask('POST', `/element/${element[ELEMENT]}/value`, { text });
  }
}

function start(program, words, more = {}) {
  const child = spawn(program, words, { stdio: 'ignore', env: { ...process.env, ...more } });
  child.once('error', () => {});
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 3_000);
  await ended;
  clearTimeout(late);
}

function browser() {
  for (const machine of readdirSync(FOLDERS)) {
    for (const version of ['webkit2gtk-4.1', 'webkit2gtk-4.0']) {
      const path = `${FOLDERS}/${machine}/${version}/MiniBrowser`;
      try {
        readdirSync(`${FOLDERS}/${machine}/${version}`);
        return path;
      } catch {
        // Another version.
      }
    }
  }
  throw new Error('WebKitGTK has no MiniBrowser here');
}

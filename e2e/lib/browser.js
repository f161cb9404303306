/**
 * The walks' browser: Debian's Chromium, headless, each launch new and empty.
 * Two launches share no cookie, no storage and no cache, as a customer's PC and phone share nothing.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.WARIFU_CHROMIUM ?? '/usr/bin/chromium';

const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const PC = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

/**
 * Launches a browser in Japanese and Tokyo's time.
 * A phone has a profile on the disk, as real ones have; PCs are windows of one program, each its own.
 * `profile` keeps the profile in that folder (to close and open the same phone again);
 * everything else goes to Playwright (`javaScriptEnabled`, `colorScheme`, `locale` …).
 * `complaints` gathers what the browser complains of: script errors and broken policies.
 * A phone can be given more `flags`, such as what its camera sees.
 * @param {{phone?: boolean, profile?: string, flags?: string[]} & import('playwright-core').BrowserContextOptions} [options]
 */
export async function launch({ phone = false, profile, flags = [], ...options } = {}) {
  const all = { locale: 'ja-JP', timezoneId: 'Asia/Tokyo', ...(phone ? PHONE : PC), ...options };
  const { context, close } = phone || profile ? await onDisk(profile, flags, all) : await inProgram(all);
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints = [];
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`);
  });
  // Once, however often it is asked for: by the walk, and at its end.
  let closed = null;
  return { context, page, complaints, close: () => (closed ??= close()) };
}

const PROGRAM = {
  executablePath: EXECUTABLE,
  headless: true,
  // Chromium refuses to start its sandbox as root.
  chromiumSandbox: process.getuid() !== 0,
  args: FLAGS,
  // As browsers are: pages come back from memory by the back button.
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
};

/** Some browsers crash before they have begun, which says nothing of what is walked: started again, they do not. */
async function started(start) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      if (tries === 3 || !error.message.includes('has been closed')) throw error;
    }
  }
}

async function onDisk(profile, flags, options) {
  const directory = profile ?? (await mkdtemp(join(tmpdir(), 'warifu-browser-')));
  const all = { ...PROGRAM, args: [...FLAGS, ...flags], ...options };
  const context = await started(() => chromium.launchPersistentContext(directory, all));
  const close = async () => {
    await context.close();
    if (!profile) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  return { context, close };
}

/** The program that PCs are windows of, while there is one open. */
let program = null;
let windows = 0;

async function inProgram(options) {
  windows += 1;
  program ??= started(() => chromium.launch(PROGRAM));
  const context = await (await program).newContext(options);
  const close = async () => {
    await context.close();
    windows -= 1;
    if (windows > 0) return;
    const idle = program;
    program = null;
    await (await idle).close();
  };
  return { context, close };
}

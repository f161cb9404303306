/**
 * The walks' browser: Debian's Chromium, headless, each with a new and empty profile.
 * Two launches share nothing, as a customer's PC and phone share nothing.
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
 * `profile` keeps the profile in that folder (to close and open the same phone again);
 * everything else goes to Playwright (`javaScriptEnabled`, `colorScheme`, `locale` …).
 * `complaints` gathers what the browser complains of: script errors and broken policies.
 * @param {{phone?: boolean, profile?: string} & import('playwright-core').BrowserContextOptions} [options]
 */
export async function launch({ phone = false, profile, ...options } = {}) {
  const directory = profile ?? (await mkdtemp(join(tmpdir(), 'warifu-browser-')));
  const context = await chromium.launchPersistentContext(directory, {
    executablePath: EXECUTABLE,
    headless: true,
    // Chromium refuses to start its sandbox as root.
    chromiumSandbox: process.getuid() !== 0,
    args: FLAGS,
    locale: 'ja-JP',
    timezoneId: 'Asia/Tokyo',
    ...(phone ? PHONE : PC),
    ...options,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints = [];
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`);
  });
  const close = async () => {
    await context.close();
    if (!profile) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  return { context, page, complaints, close };
}

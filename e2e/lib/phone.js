/**
 * A customer's phone: the installable app in a browser of a phone's size and touch, its clock in step
 * with the server's where that is moved by hand. Owns the ways through the app.
 */

import assert from 'node:assert/strict';

import { launch } from './browser.js';
import { PATIENCE } from './process.js';
import { closesWith } from './scene.js';
import { wordsIn } from './words.js';

const DAY = 86_400_000;
const ANDROID = 'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36';

/** One phone with one bank's app. */
export class Phone {
  /**
   * A new phone, nothing on it; it is switched off with its test. `slow` is how far its clock is behind, in milliseconds.
   * @param {import('node:test').TestContext} t
   * @param {object} bank
   * @param {{language?: 'ja' | 'en', look?: Function, slow?: number} & Parameters<typeof launch>[0]} [options]
   */
  static async open(t, bank, { language = 'ja', look = async () => {}, slow = 0, ...options } = {}) {
    const browser = await launch({ phone: true, userAgent: ANDROID, locale: language === 'en' ? 'en-GB' : 'ja-JP', ...options });
    browser.context.setDefaultTimeout(PATIENCE);
    const phone = new Phone(bank, browser, language, look);
    phone.leave = await bank.banks.follow((now) => browser.context.clock.setFixedTime(now - slow));
    closesWith(t, phone);
    return phone;
  }

  constructor(bank, browser, language, look) {
    Object.assign(this, { bank, browser, language, page: browser.page, look, words: wordsIn(language).phone });
  }

  /** Another tab of the same phone: it shares everything that the app keeps. */
  async tab() {
    const page = await this.browser.context.newPage();
    return Object.assign(new Phone(this.bank, this.browser, this.language, this.look), { page });
  }

  /** Switches the phone off; fails when the app complained of anything but a cut or refused line. */
  async close() {
    this.leave();
    await this.browser.close();
    const complaints = this.browser.complaints.filter((line) => !line.startsWith('Failed to load resource'));
    assert.deepEqual(complaints, [], 'the app complained');
  }

  /** Opens the app from its guide, as one who types the address. */
  async openApp() {
    await this.page.goto(`${this.bank.token}/`);
    await this.heading(this.words.guide);
    await this.look(this.page, 'guide');
    await this.tap(this.words.openApp);
    await this.heading(this.words.title);
    await this.says(this.words.empty);
    await this.look(this.page, 'empty');
  }

  /**
   * Has the phone's tokens be these and no others, as set-ups of long ago would have left them, and opens the app.
   * @param {Array<Record<string, unknown>>} tokens what differs from a token in its best years
   */
  async keep(tokens) {
    const now = await this.bank.banks.now();
    const { serviceId, name, rules } = this.bank;
    const records = tokens.map((different, at) => ({
      tokenId: `tok_${at + 1}`,
      activationId: `act_${at + 1}`,
      issueId: `iss_${at + 1}`,
      institutionId: 'ins_1',
      institutionName: name.ja,
      serviceId,
      userId: String(100_000_000_001 + at),
      passcode: { algorithm: 'SHA-256', digits: rules.passcodeDigits, period: rules.period },
      validUntil: now + 2 * 365 * DAY,
      startDeadline: now,
      addedAt: now - 365 * DAY + at,
      acknowledged: true,
      ...different,
    }));
    await this.page.goto(`${this.bank.token}/app/`);
    await this.page.getByRole('contentinfo').waitFor();
    await this.page.evaluate(keepAll, records);
    await this.page.reload();
  }

  /** Touches the button or link of that name. */
  async tap(name) {
    const { page } = this;
    await page.getByRole('button', { name, exact: true }).or(page.getByRole('link', { name, exact: true })).tap();
  }

  /** Waits for the page of that title. */
  async heading(name) {
    await this.page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
  }

  /** Waits until the page says something. */
  async says(sentence) {
    await this.page.getByRole('main').getByText(sentence).first().waitFor();
  }

  /** Opens the settings of the app, from any page with a token. */
  async openSettings() {
    await this.tap(this.words.settings);
    await this.heading(this.words.settings);
  }

  /** From the empty app to the form of the set-up. */
  async beginSetUp() {
    await this.tap(this.words.begin);
    await this.heading(this.words.setUp);
    await this.look(this.page, 'set-up');
  }

  /** Types the numbers and the start password. */
  async type({ service, user }, startPassword) {
    await this.field('service').fill(service);
    await this.field('user').fill(user);
    await this.field('startPassword').fill(startPassword);
  }

  /** A field of the set-up. @param {'service' | 'user' | 'startPassword'} name */
  field(name) {
    return this.page.getByRole('main').getByLabel(this.words[name]);
  }

  /** What stands in the fields of the set-up. */
  async typed() {
    const values = ['service', 'user', 'startPassword'].map((name) => this.field(name).inputValue());
    const [service, user, startPassword] = await Promise.all(values);
    return { service, user, startPassword };
  }

  /** The whole set-up, from the guide to the passcode. */
  async setUp(ids, startPassword) {
    await this.openApp();
    await this.beginSetUp();
    await this.type(ids, startPassword);
    await this.tap(this.words.set);
    await this.showPasscode();
  }

  /** From the end of the set-up to the passcode. */
  async showPasscode() {
    await this.heading(this.words.done);
    await this.look(this.page, 'done');
    await this.tap(this.words.open);
    await this.heading(this.words.title);
    await this.passcode();
    await this.look(this.page, 'passcode');
  }

  /** The passcode on the screen, the same for eyes and ears. */
  async passcode() {
    const digits = this.page.locator('#passcode');
    await digits.getByText(/\d/).first().waitFor();
    const [seen, heard] = [await digits.textContent(), await this.page.locator('.spoken').textContent()];
    assert.equal(heard.replaceAll(/\D/g, ''), seen, 'a screen reader hears other digits');
    assert.match(seen, new RegExp(`^\\d{${this.bank.rules.passcodeDigits}}$`));
    return seen;
  }

  /** Waits for the next passcode: by moving the clock, or by waiting. */
  async nextPasscode() {
    const before = await this.passcode();
    const period = this.bank.rules.period * 1000;
    if (this.bank.banks.isManual) {
      await this.bank.banks.advance(period);
      await this.wake();
    }
    // A step may show the digits of the one before, but not in the life of this test.
    await this.page.waitForFunction((old) => document.querySelector('#passcode')?.textContent !== old, before, {
      timeout: period + PATIENCE,
    });
    return this.passcode();
  }

  /** Waits until the server knows that every token has arrived. */
  async acknowledged() {
    await this.page.waitForFunction(async () => {
      const { loadTokens } = await import('/app/storage.js');
      return (await loadTokens()).every((token) => token.acknowledged);
    });
  }

  /** Takes the phone in the hand again: the app looks at the clock. */
  async wake() {
    await this.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  }
}

/** In the page: by the app's own modules, with keys such as it makes. */
async function keepAll(records) {
  const { closeDatabase, saveToken } = await import('/app/storage.js');
  const { makeDeviceKeys, tokenKeys } = await import('/app/keys.js');
  await closeDatabase();
  await new Promise((resolve) => (indexedDB.deleteDatabase('warifu').onsuccess = resolve));
  for (const record of records) {
    const root = await crypto.subtle.importKey('raw', crypto.getRandomValues(new Uint8Array(32)), 'HKDF', false, ['deriveKey']);
    const { ecdsa } = await makeDeviceKeys();
    await saveToken({ keys: await tokenKeys(root), deviceKey: ecdsa, ...record });
  }
}

/** A passcode that is certainly not the one of the moment. */
export function notThis(passcode) {
  const other = (Number(passcode) + 271_828) % 10 ** passcode.length;
  return String(other).padStart(passcode.length, '0');
}

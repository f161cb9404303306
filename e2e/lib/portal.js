/**
 * The bank's pages on a PC, by what a customer sees and presses: labels, buttons, screen IDs.
 * Owns the ways through them; what must follow from a way stands with the walk.
 */

import assert from 'node:assert/strict';

import { launch } from './browser.js';
import { mailPassword } from './mailbox.js';
import { PATIENCE } from './process.js';
import { closesWith } from './scene.js';
import { wordsIn } from './words.js';

/** The numbers of an issue as BOT003 shows them. @typedef {{service: string, user: string, deadline: string}} Ids */

/** One browser at one bank. */
export class Portal {
  /**
   * Opens a new browser, as empty as one that was just bought; it closes with its test.
   * @param {import('node:test').TestContext} t
   * @param {object} bank
   * @param {{language?: 'ja' | 'en', look?: Function} & Parameters<typeof launch>[0]} [options]
   */
  static async open(t, bank, { language = 'ja', look = async () => {}, ...options } = {}) {
    const browser = await launch({ locale: language === 'en' ? 'en-GB' : 'ja-JP', ...options });
    browser.context.setDefaultTimeout(PATIENCE);
    const portal = new Portal(bank, browser, browser.page, language, look);
    closesWith(t, portal);
    return portal;
  }

  constructor(bank, browser, page, language, look) {
    Object.assign(this, { bank, browser, page, language, look, words: wordsIn(language) });
  }

  /** Another tab of the same browser, empty. */
  async tab() {
    return new Portal(this.bank, this.browser, await this.browser.context.newPage(), this.language, this.look);
  }

  /** Closes the browser; fails when it complained of anything but a refused form or a cut line. */
  async close() {
    await this.browser.close();
    const complaints = this.browser.complaints.filter((line) => !line.startsWith('Failed to load resource'));
    assert.deepEqual(complaints, [], 'the browser complained');
  }

  /** Opens a path of the bank. */
  async go(path) {
    await this.page.goto(this.bank.ib + path);
  }

  /** Presses the button or link of that name and waits for the page that follows. */
  async press(name) {
    await this.#follow(() => this.#target(name).click());
  }

  /** Double-clicks the button or link of that name, as many people do, and waits for the page that follows. */
  async doublePress(name) {
    await this.#follow(() => this.#target(name).dblclick());
  }

  /**
   * Sends the form of that button twice at once, past the page's own guard; gives the screens of both answers.
   * The page stays as it was.
   */
  async sendTwice(name) {
    return this.#target(name).evaluate(async (button) => {
      const form = button.form;
      const send = async () => {
        const body = new URLSearchParams(new FormData(form, button));
        // By attribute: a form's own buttons may be called "action" too.
        const answer = await fetch(form.getAttribute('action'), { method: 'POST', body });
        const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
        return page.querySelector('.screen-id')?.textContent.replace(/^.*: /, '') ?? `${answer.status}`;
      };
      return Promise.all([send(), send()]);
    });
  }

  /** Loads the page anew. */
  async reload() {
    await this.page.reload();
  }

  /** Goes back as the browser's own button does. */
  async back() {
    await this.page.goBack();
  }

  /** Fills fields by their labels. @param {Record<string, string>} entries */
  async fill(entries) {
    for (const [label, value] of Object.entries(entries)) {
      await this.page.getByLabel(`${this.words.required} ${label}`, { exact: true }).fill(value);
    }
  }

  /**
   * Makes sure which page this is: its screen ID, its title, its window's title.
   * `as` tells states of one screen apart.
   * @param {string} id
   * @param {{as?: string, erring?: boolean, title?: string}} [more]
   */
  async at(id, { as = '', erring = false, title = this.words.titles[id] ?? this.words.titles.BER } = {}) {
    const { page, words, bank } = this;
    const shown = await page.locator('.screen-id').textContent();
    assert.equal(shown, words.screenId(id), `at ${page.url()}: ${await this.text()}`);
    assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), title);
    const window = words.windowTitle(id, title, bank.name[this.language]);
    assert.equal(await page.title(), (erring ? words.erring : '') + window);
    await this.look(page, as ? `${id}-${as}` : id);
  }

  /** What the page says. */
  async text() {
    return (await this.page.getByRole('main').innerText()).replaceAll(/\n+/g, '\n');
  }

  /** Makes sure that the page says something. @param {...string} sentences */
  async says(...sentences) {
    const text = await this.text();
    for (const sentence of sentences) assert.ok(text.includes(sentence), `“${sentence}” is not on the page:\n${text}`);
  }

  /** Makes sure that the page does not say something. */
  async saysNot(sentence) {
    const text = await this.text();
    assert.ok(!text.includes(sentence), `“${sentence}” is on the page:\n${text}`);
  }

  /** Whether a button or link of that name can be seen. */
  async offers(name) {
    return (await this.#target(name).count()) > 0;
  }

  /** The values beside a name in a list of facts, in the order of the alphabet. */
  async facts(name) {
    const term = this.page.getByRole('term').filter({ hasText: new RegExp(`^${name}$`) });
    const texts = await this.page.locator('dl > div').filter({ has: term }).locator('dd').allInnerTexts();
    return texts.map((text) => text.trim().replaceAll(/\s+/g, ' ')).sort();
  }

  /** The one value beside a name in a list of facts. */
  async fact(name) {
    const values = await this.facts(name);
    assert.equal(values.length, 1, `${name}: ${values}`);
    return values[0];
  }

  /** Login ID and login password, from the login page. */
  async logIn({ loginId, loginPassword }) {
    await this.go('/login');
    await this.at('BLI001');
    await this.fill({ [this.words.loginId]: loginId, [this.words.loginPassword]: loginPassword });
    await this.press(this.words.logIn);
  }

  /** The passcode at BLI002, from BLI002. */
  async verify(passcode) {
    await this.fill({ [this.words.passcode]: passcode });
    await this.press(this.words.verify);
  }

  /** Logs out, whatever the page. */
  async logOut() {
    await this.press(this.words.logOut);
    await this.at('BLI001', { as: 'out', title: this.words.titles['BLI001-out'] });
    await this.says(this.words.loggedOut);
  }

  /** From the login page to BOP001, with the passcode where one is given. */
  async logInToOtp(person, passcode) {
    await this.logIn(person);
    if (passcode) {
      await this.at('BLI002');
      await this.verify(passcode);
    }
    await this.at('BPT001', { as: 'again' });
    await this.press(this.words.otp);
    await this.at('BOP001', { as: 'again' });
  }

  /** From BOP001 to BOT001: chooses the software token and has the mail password sent. */
  async toInput({ again = false } = {}) {
    const { words } = this;
    await this.press(again ? words.issueAgain : words.issue);
    await this.at('BOT000');
    await this.press(words.choose);
    await this.at('BMP001');
    await this.press(words.ok);
    await this.at('BOT001');
  }

  /** From BOT001 to BOT002. */
  async enter({ phoneAddress, startPassword }) {
    const { words } = this;
    await this.fill({
      [words.address]: phoneAddress,
      [words.address2]: phoneAddress,
      [words.startPassword]: startPassword,
      [words.startPassword2]: startPassword,
    });
    await this.press(words.next);
    await this.at('BOT002');
  }

  /** From BOT002 to BOT003; gives the numbers shown there. */
  async commit({ confirmationPassword }, mailPassword) {
    const { words } = this;
    await this.fill({ [words.confirmationPassword]: confirmationPassword, [words.mailPassword]: mailPassword });
    await this.press(words.commit);
    await this.at('BOT003');
    return this.ids();
  }

  /** The numbers on BOT003 or BOP001. @returns {Promise<Ids>} */
  async ids() {
    const [service, user] = [await this.page.locator('#service-id').innerText(), await this.page.locator('#user-id').innerText()];
    return { service, user, deadline: await this.fact(this.words.deadline) };
  }

  /** The whole issue, from BOP001 to BOT003, with the mail password out of the mail. */
  async issue(person, { again = false } = {}) {
    const after = (await this.bank.banks.smtp.mails()).length;
    await this.toInput({ again });
    await this.enter(person);
    return this.commit(person, await mailPassword(this.bank, person, after));
  }

  /** The start of use, from BOP001 to BOK003. */
  async startUse(passcode) {
    const { words } = this;
    await this.press(words.start);
    await this.at('BOK001');
    await this.press(words.next);
    await this.at('BOK002');
    await this.fill({ [words.passcode]: passcode });
    await this.press(words.startUse);
    await this.at('BOK003');
    await this.says(words.started);
  }

  // A name may stand on a button or on a link; to the customer both are things to press.
  #target(name) {
    return this.page.getByRole('button', { name, exact: true }).or(this.page.getByRole('link', { name, exact: true })).first();
  }

  async #follow(act) {
    await Promise.all([this.page.waitForEvent('load'), act()]);
  }
}

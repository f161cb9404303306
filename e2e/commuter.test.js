/** A customer who has a phone and nothing else: the bank's pages and the app side by side in one browser. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { looker } from './lib/look.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';

const MINUTE = 60_000;

for (const language of ['ja', 'en']) {
  test(`a customer with only a phone issues, sets up, starts, logs in and releases, in ${language}`, async (t) => {
    const banks = await startBanks({ language });
    t.after(() => banks.stop());
    const bank = banks.a;
    const [person] = bank.people;
    const look = looker({ walk: `commuter-${language}`, axe: language === 'ja' });
    const app = await Phone.open(t, bank, { language, look });
    const pages = new Portal(bank, app.browser, await app.browser.context.newPage(), language, look);
    const { words } = pages;

    await pages.logInToOtp(person);
    const ids = await pages.issue(person);
    // A phone does not photograph itself: a link stands where others see a picture.
    assert.equal(await pages.page.locator('.qr-code').isVisible(), false);
    await pages.page.getByRole('link', { name: words.samePhone }).tap();
    app.page = pages.page;
    await app.heading(app.words.setUp);
    assert.deepEqual(await app.typed(), { service: ids.service, user: ids.user, startPassword: '' });
    await app.look(app.page, 'set-up-by-link');
    await app.field('startPassword').fill(person.startPassword);
    await app.tap(app.words.set);
    await app.heading(app.words.done);
    await app.look(app.page, 'done');

    // Back to the bank's pages where they were left; the app goes on in another tab.
    await app.tap(app.words.portal);
    await pages.at('BOP001', { as: 'set-up' });
    app.page = await app.browser.context.newPage();
    await app.page.goto(`${bank.token}/app/`);
    await app.heading(app.words.title);
    await app.passcode();
    await pages.startUse(await app.passcode());
    await pages.logOut();
    await banks.advance(MINUTE);
    await app.wake();
    await pages.logInToOtp(person, await app.passcode());
    await banks.advance(MINUTE);
    await app.wake();
    await pages.press(words.release);
    await pages.at('BOS001');
    await pages.fill({ [words.passcode]: await app.passcode() });
    await pages.press(words.releaseNow);
    await pages.at('BOS002');
  });
}

/**
 * The app in a customer's hands: the camera, pasting, names, deletion, hiding, the lock number, copying,
 * and what the app says of a token that is over.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { seeing } from './lib/camera.js';
import { looker } from './lib/look.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { wordsIn } from './lib/words.js';

const words = wordsIn('ja');
const look = looker({ walk: 'app-hands' });

describe('the app in a customer’s hands', () => {
  let banks;
  let bank;
  before(async () => {
    banks = await startBanks();
    bank = banks.a;
  });
  after(() => banks.stop());

  /** A customer's PC at BOT003, with the numbers of a new issue. */
  async function issued(t, person) {
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    return { pc, ids: await pc.issue(person) };
  }

  test('the app scans the picture on the PC, and asks for the start password only', async (t) => {
    const [person] = bank.people;
    const { pc, ids } = await issued(t, person);
    const png = await pc.page.locator('.qr-code svg').screenshot();
    const phone = await Phone.open(t, bank, { look, flags: await seeing(join(banks.directory, 'qr.y4m'), png) });
    await phone.openApp();
    await phone.beginSetUp();
    await phone.tap(phone.words.scan);
    await phone.says(phone.words.read);
    assert.deepEqual(await phone.typed(), { service: ids.service, user: ids.user, startPassword: '' });
    await phone.field('startPassword').fill(person.startPassword);
    await phone.tap(phone.words.set);
    await phone.showPasscode();
  });

  test('a picture of another bank, and a phone without a camera, lead to typing', async (t) => {
    const other = await Portal.open(t, banks.b);
    const [person] = banks.b.people;
    await other.logInToOtp(person);
    await other.issue(person);
    const png = await other.page.locator('.qr-code svg').screenshot();
    const phone = await Phone.open(t, bank, { look, flags: await seeing(join(banks.directory, 'other.y4m'), png) });
    await phone.openApp();
    await phone.beginSetUp();
    await phone.tap(phone.words.scan);
    await phone.says(phone.words.scanOther);
    await phone.look(phone.page, 'scan-other');
    await phone.tap(phone.words.typeNumbers);
    await phone.heading(phone.words.setUp);
    const blind = await Phone.open(t, bank, { look });
    await blind.openApp();
    await blind.beginSetUp();
    await blind.tap(blind.words.scan);
    await blind.says(blind.words.scanDenied);
    await blind.look(blind.page, 'scan-denied');
  });

  test('what was copied from the mail fills both numbers', async (t) => {
    const person = bank.people[1];
    const { ids } = await issued(t, person);
    const phone = await Phone.open(t, bank, { permissions: ['clipboard-read', 'clipboard-write'] });
    await phone.openApp();
    await phone.beginSetUp();
    await phone.page.evaluate(() => navigator.clipboard.writeText('こんにちは'));
    await phone.tap(phone.words.paste);
    await phone.says(phone.words.pastedNothing);
    const mail = `サービスID　${ids.service}\r\nユーザID　　${ids.user}\r\n受付番号　　R-4821-0937`;
    await phone.page.evaluate((text) => navigator.clipboard.writeText(text), mail);
    await phone.tap(phone.words.paste);
    await phone.says(phone.words.pasted);
    assert.deepEqual(await phone.typed(), { service: ids.service, user: ids.user, startPassword: '' });
  });

  test('a token gets a name, and is deleted only when that is said twice', async (t) => {
    const phone = await Phone.open(t, bank, { look });
    await phone.keep([{}, {}]);
    await phone.page.getByRole('button', { name: /トークン1/ }).tap();
    await phone.tap(phone.words.details);
    await phone.heading(phone.words.details);
    const name = phone.page.getByLabel(phone.words.name);
    await name.fill('𠮷'.repeat(21));
    await phone.tap(phone.words.rename);
    await phone.page.getByText(phone.words.tooLong).waitFor();
    await phone.look(phone.page, 'details-wrong');
    await name.fill('ﾊﾟパ👨‍👩‍👧 用\u202e');
    await phone.tap(phone.words.rename);
    await phone.says(phone.words.renamed);
    await phone.tap(phone.words.remove);
    await phone.look(phone.page, 'delete-asked');
    await phone.tap(phone.words.removeNot);
    assert.equal((await kept(phone)).length, 2);
    await phone.tap(phone.words.remove);
    await phone.tap(phone.words.removeReally);
    await phone.heading(phone.words.title);
    assert.equal((await kept(phone)).length, 1);
  });

  test('the digits wait for a touch, are copied, and leave the clipboard again', async (t) => {
    const phone = await Phone.open(t, bank, { look, permissions: ['clipboard-read', 'clipboard-write'] });
    await phone.keep([{}]);
    const shown = await phone.passcode();
    await phone.tap(phone.words.copy);
    await phone.says(phone.words.copied);
    const clipboard = () => phone.page.evaluate(() => navigator.clipboard.readText());
    assert.equal(await clipboard(), shown);
    await phone.openSettings();
    // Leaving the page takes it out of the clipboard.
    await phone.page.waitForFunction(async () => (await navigator.clipboard.readText()) === '');
    await phone.page.getByLabel(phone.words.hide).tap();
    await phone.look(phone.page, 'settings');
    await phone.page.reload();
    await phone.page.goBack();
    await phone.page.getByRole('button', { name: phone.words.show }).waitFor();
    assert.equal(await phone.page.locator('#passcode').isVisible(), false);
    await phone.look(phone.page, 'hidden');
    await phone.tap(phone.words.show);
    assert.equal(await phone.page.locator('#passcode').isVisible(), true);
  });

  test('the letters grow, stay so, and nothing is cut off', async (t) => {
    const phone = await Phone.open(t, bank, { look });
    await phone.keep([{}]);
    await phone.passcode();
    const height = () => phone.page.evaluate(() => parseFloat(getComputedStyle(document.documentElement).fontSize));
    const before = await height();
    await phone.openSettings();
    await phone.page.getByLabel(phone.words.largest).tap();
    await phone.page.waitForFunction((small) => parseFloat(getComputedStyle(document.documentElement).fontSize) > 1.3 * small, before);
    await phone.look(phone.page, 'settings-largest');
    await phone.page.reload();
    await phone.heading(phone.words.settings);
    assert.ok((await height()) > 1.3 * before);
    assert.equal(await phone.page.getByLabel(phone.words.largest).isChecked(), true);
    await phone.page.goBack();
    await phone.passcode();
    await phone.look(phone.page, 'passcode-largest');
    const [inside, outside] = await phone.page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
    assert.ok(outside <= inside, `${outside} in ${inside}`);
  });

  test('a customer who has stopped everything sees it in the app', async (t) => {
    const phone = await Phone.open(t, bank, { look });
    await phone.keep([{ isStopped: true }]);
    await phone.says(phone.words.stopped);
    await phone.look(phone.page, 'stopped');
  });

  test('a lock number stands in front of the tokens, and wrong ones make one wait', async (t) => {
    const phone = await Phone.open(t, bank, { look });
    await phone.keep([{}]);
    await phone.openSettings();
    const number = phone.page.locator('#lock');
    const set = async (one, two) => {
      await number.fill(one);
      await phone.page.locator('#lock2').fill(two);
      await phone.tap(phone.words.lockSet);
    };
    await set('1111', '1111');
    await phone.page.getByText(phone.words.lockWeak).waitFor();
    await phone.look(phone.page, 'lock-weak');
    await set('4071', '4071');
    await phone.page.getByRole('heading', { name: phone.words.lockRemove }).waitFor();
    await phone.page.reload();
    await phone.heading(phone.words.lockTitle);
    await phone.look(phone.page, 'locked');
    assert.equal(await phone.page.locator('#passcode').count(), 0);
    for (const slip of ['', '40']) {
      await number.fill(slip);
      await phone.tap(phone.words.lockOpen);
      await phone.page.getByText(phone.words.lockForm).waitFor();
    }
    for (const wrong of ['0000', '1234', '4070']) {
      await number.fill(wrong);
      await phone.tap(phone.words.lockOpen);
      // Computing it takes a while, and the field is emptied only then.
      await phone.page.waitForFunction(() => document.querySelector('#lock')?.value === '');
      await phone.page.getByText(phone.words.lockWrong).waitFor();
    }
    await phone.page.getByText('30秒待ってから').waitFor();
    await number.fill('4071');
    await phone.tap(phone.words.lockOpen);
    await phone.page.waitForFunction(() => document.querySelector('#lock')?.value === '');
    await phone.page.getByText(/あと\d+秒待ってから/).waitFor();
    await banks.advance(31_000);
    await number.fill('４０７１');
    await phone.tap(phone.words.lockOpen);
    // Where it was before, with the field that takes the lock away.
    await phone.page.getByRole('heading', { name: phone.words.lockRemove }).waitFor();
  });

  test('a released token says that it is over, and may be deleted', async (t) => {
    const person = bank.people[2];
    const { pc, ids } = await issued(t, person);
    const phone = await Phone.open(t, bank, { look });
    await phone.setUp(ids, person.startPassword);
    await pc.press(words.toOtp);
    await pc.startUse(await phone.passcode());
    await pc.press(words.backToOtp);
    await pc.press(words.release);
    await pc.fill({ [words.passcode]: await phone.nextPasscode() });
    await pc.press(words.releaseNow);
    await pc.at('BOS002');
    await phone.page.reload();
    await phone.says(phone.words.dead);
    await phone.look(phone.page, 'dead');
    assert.equal(await phone.page.locator('#passcode').count(), 0);
  });

  test('the guide inside another app says which browser to use', async (t) => {
    const phone = await Phone.open(t, bank, { look, userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 Line/15.0' });
    await phone.page.goto(`${bank.token}/`);
    await phone.page.getByText('「Safariで開く」').waitFor();
    await phone.look(phone.page, 'guide-in-app');
  });
});

async function kept(phone) {
  return phone.page.evaluate(async () => {
    const { loadTokens } = await import('/app/storage.js');
    return (await loadTokens()).map(({ name }) => name);
  });
}

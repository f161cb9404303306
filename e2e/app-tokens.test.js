/** More than one on a phone: two customers' tokens, and two tabs of the app that share what it keeps. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { wordsIn } from './lib/words.js';

const words = wordsIn('ja');

describe('more than one on a phone', () => {
  let banks;
  let bank;
  before(async () => {
    banks = await startBanks();
    bank = banks.a;
  });
  after(() => banks.stop());

  /** A customer at BOT003, with the numbers shown there. */
  async function issued(t, person) {
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    return { pc, ids: await pc.issue(person) };
  }

  test('two customers have their tokens on one phone, and each token proves its own customer', async (t) => {
    const [mother, father] = bank.people;
    const hers = await issued(t, mother);
    const his = await issued(t, father);
    const phone = await Phone.open(t, bank);
    await phone.setUp(hers.ids, mother.startPassword);
    await phone.tap('トークン追加');
    await phone.heading(phone.words.setUp);
    assert.deepEqual(await phone.typed(), { service: '', user: '', startPassword: '' });
    await phone.type(his.ids, father.startPassword);
    await phone.tap(phone.words.set);
    await phone.showPasscode();
    await phone.says(`ユーザID　${his.ids.user}`);
    const hisPasscode = await phone.passcode();

    await phone.tap('トークンの選択');
    await phone.heading('トークンの選択');
    await phone.page.getByRole('button', { name: hers.ids.user }).tap();
    await phone.heading(phone.words.title);
    await phone.says(`ユーザID　${hers.ids.user}`);
    const herPasscode = await phone.passcode();
    assert.notEqual(herPasscode, hisPasscode);
    await phone.acknowledged();

    await hers.pc.press(words.toOtp);
    await hers.pc.press(words.start);
    await hers.pc.press(words.next);
    await hers.pc.fill({ [words.passcode]: hisPasscode });
    await hers.pc.press(words.startUse);
    await hers.pc.at('BOK002', { as: 'wrong', erring: true });
    await hers.pc.says(words.wrong);
    await hers.pc.fill({ [words.passcode]: herPasscode });
    await hers.pc.press(words.startUse);
    await hers.pc.at('BOK003');
    await his.pc.press(words.toOtp);
    await his.pc.startUse(hisPasscode);

    // Both stay when the app is opened again without a network.
    await phone.page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    await phone.browser.context.setOffline(true);
    await phone.page.reload();
    await phone.says(`ユーザID　${hers.ids.user}`);
    assert.equal(await phone.passcode(), herPasscode);
    await phone.page.goBack();
    await phone.page.getByRole('button', { name: his.ids.user }).tap();
    await phone.says(`ユーザID　${his.ids.user}`);
    assert.equal(await phone.passcode(), hisPasscode);
  });

  test('a tab that the installed app overtakes asks for nothing and shows the token', async (t) => {
    const [, , person] = bank.people;
    const { pc, ids } = await issued(t, person);
    const slow = await Phone.open(t, bank);
    const asked = [];
    slow.browser.context.on('request', (request) => request.url().endsWith('/activations') && asked.push(request.url()));
    await slow.openApp();
    await slow.beginSetUp();
    await slow.type(ids, person.startPassword);
    await slow.page.evaluate(() => {
      const make = crypto.subtle.generateKey.bind(crypto.subtle);
      const gate = new Promise((resolve) => (globalThis.letGo = resolve));
      crypto.subtle.generateKey = (...wanted) => gate.then(() => make(...wanted));
    });
    await slow.tap(slow.words.set);
    await slow.says('設定しています。画面を閉じずにお待ちください。');

    const fast = await slow.tab();
    await fast.setUp(ids, person.startPassword);
    await fast.acknowledged();
    await slow.page.evaluate(() => globalThis.letGo());
    await slow.heading('このトークンは、この携帯電話に設定済みです。');
    await slow.tap(slow.words.open);
    assert.equal(await slow.passcode(), await fast.passcode());
    assert.equal(asked.length, 1);
    assert.deepEqual((await bank.show(person)).tokens.map((token) => token.state), ['activated']);
    await pc.press(words.toOtp);
    await pc.startUse(await slow.passcode());
  });
});

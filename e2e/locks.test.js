/** What a customer is told at the very guess that locks, and how locks of the other secrets are told. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { arrived, mailPassword } from './lib/mailbox.js';
import { Phone, notThis } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { told, wordsIn } from './lib/words.js';

const words = wordsIn('ja');
const MINUTE = 60_000;

describe('locks', () => {
  let banks;
  let bank;
  before(async () => {
    banks = await startBanks();
    bank = banks.a;
  });
  after(() => banks.stop());

  test('the fifth wrong passcode already says until when', async (t) => {
    const [person] = bank.people;
    const pc = await Portal.open(t, bank);
    const phone = await Phone.open(t, bank);
    await pc.logInToOtp(person);
    await phone.setUp(await pc.issue(person), person.startPassword);
    await pc.press(words.toOtp);
    await pc.startUse(await phone.passcode());
    await pc.logOut();
    await pc.logIn(person);
    const wrong = notThis(await phone.passcode());
    for (let guess = 1; guess <= 4; guess += 1) {
      await pc.verify(wrong);
      await pc.says(words.wrong);
    }
    await pc.verify(wrong);
    await pc.says(words.lockedUntil(told('ja', (await banks.now()) + 30 * MINUTE).time));
  });

  test('five wrong confirmation passwords stop the issue and tell every address', async (t) => {
    const [, person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const start = (await banks.smtp.mails()).length;
    await pc.toInput();
    await pc.enter(person);
    const secret = await mailPassword(bank, person, start);
    const guess = async () => {
      await pc.fill({ [words.confirmationPassword]: person.loginPassword, [words.mailPassword]: secret });
      await pc.press(words.commit);
    };
    for (let times = 1; times <= 4; times += 1) {
      await guess();
      await pc.at('BOT002', { as: 'wrong', erring: true });
    }
    await guess();
    await pc.at('BER001');
    const until = told('ja', (await banks.now()) + 30 * MINUTE).moment;
    await pc.says('安全のため、このお手続きを中止しました。', 'トークンは発行されていません。', `${until} 以降にもう一度行うか`);
    await arrived(bank, person, 'lockedIssue', { to: person.addresses, after: start });
    assert.deepEqual((await bank.show(person)).tokens, []);
  });

  test('five wrong mail passwords stop the issue, and a new procedure gets a new one', async (t) => {
    const [, , person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const start = (await banks.smtp.mails()).length;
    await pc.toInput();
    await pc.enter(person);
    const secret = await mailPassword(bank, person, start);
    for (let times = 1; times <= 5; times += 1) {
      await pc.fill({ [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: notThis(secret) });
      await pc.press(words.commit);
    }
    await pc.at('BER001');
    await pc.says('安全のため、このお手続きを中止しました。', 'トークンは発行されていません。');
    await banks.advance(1000);
    await pc.press(words.backToOtp);
    await pc.at('BOP001');
    const { user } = await pc.issue(person);
    assert.match(user, /^\d{4} \d{4} \d{4}$/);
  });

  test('wrong login passwords make wait longer and longer, and the right one waits too', async (t) => {
    const [, , , person] = bank.people;
    const pc = await Portal.open(t, bank);
    const wrong = { ...person, loginPassword: 'Nanika-chigau-1' };
    for (let times = 1; times <= 3; times += 1) await pc.logIn(wrong);
    await pc.at('BLI001', { erring: true });
    await pc.says(words.loginRefused);
    await pc.logIn(person);
    await pc.at('BLI001', { erring: true });
    await pc.says('ログインできませんでした。5秒ほど待ってから、もう一度入力してください。');
    await banks.advance(5000);
    await pc.logIn(wrong);
    await pc.logIn(person);
    await pc.says('10秒ほど待ってから');
    await banks.advance(10_000);
    await pc.logIn(person);
    await pc.at('BPT001');
  });
});

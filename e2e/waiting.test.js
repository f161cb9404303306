/** Walks that wait for real time, side by side: deadlines, the program itself. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { arrived, mailPassword } from './lib/mailbox.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { ask } from './lib/process.js';
import { wordsIn } from './lib/words.js';

const SECOND = 1000;
const DAY = 86_400_000;
// The server looks for what is overdue twice a minute.
const SWEEP = 45;
const words = wordsIn('ja');

describe('walks that wait', { concurrency: 8 }, () => {
  test('an issue dies by its deadlines to the second, says so, is told by mail, and can be made again', async (t) => {
    const banks = await startBanks();
    t.after(() => banks.stop());
    const bank = banks.a;
    const [late, slow] = bank.people;
    const [latePc, slowPc] = await Promise.all([Portal.open(t, bank), Portal.open(t, bank)]);
    await latePc.logInToOtp(late);
    const lateIds = await latePc.issue(late);
    await slowPc.logInToOtp(slow);
    const slowIds = await slowPc.issue(slow);
    const slowPhone = await Phone.open(t, bank);
    await slowPhone.setUp(slowIds, slow.startPassword);
    const after = (await banks.smtp.mails()).length;

    await banks.advance(3 * DAY - SECOND);
    await latePc.logInToOtp(late);
    await latePc.says(words.issued(lateIds.deadline));
    const latePhone = await Phone.open(t, bank);
    await latePhone.openApp();
    await latePhone.beginSetUp();
    await latePhone.type(lateIds, late.startPassword);
    await banks.advance(SECOND);
    await latePhone.tap(latePhone.words.set);
    await latePhone.says(latePhone.words.refused);
    await latePc.reload();
    await latePc.at('BOP001');
    await latePc.says('期限までに初期設定が行われなかったため、トークンの発行は取り消されました。もう一度「トークン発行」から行ってください。');
    assert.equal(await latePc.offers(words.issue), true);

    await slowPc.logInToOtp(slow);
    assert.equal(await slowPc.offers(words.start), true);
    await banks.advance(4 * DAY - SECOND);
    await slowPc.logInToOtp(slow);
    await slowPc.press(words.start);
    await slowPc.at('BOK001');
    await slowPc.press(words.next);
    await slowPc.at('BOK002');
    await slowPhone.wake();
    const passcode = await slowPhone.nextPasscode();
    await slowPc.fill({ [words.passcode]: passcode });
    await slowPc.press(words.startUse);
    await slowPc.at('BER003');
    await slowPc.press(words.backToOtp);
    await slowPc.at('BOP001');
    assert.equal(await slowPc.offers(words.start), false);
    assert.equal(await slowPc.offers(words.issue), true);
    for (const person of [late, slow]) {
      await arrived(bank, person, 'dead', { after, seconds: SWEEP });
      assert.deepEqual((await bank.show(person)).tokens.map((token) => token.state), ['expired']);
    }
    await slowPc.reload();
    await slowPc.issue(slow);
    await latePc.logInToOtp(late);
    await latePc.issue(late);
    await latePc.press(words.toOtp);
    await latePc.at('BOP001');
    await latePc.says('【手順2が残っています】');
  });

  test('what was set up but not started in time is not said to lack its set-up', async (t) => {
    const banks = await startBanks();
    t.after(() => banks.stop());
    const bank = banks.a;
    const [person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const phone = await Phone.open(t, bank);
    await phone.setUp(await pc.issue(person), person.startPassword);
    await banks.advance(7 * DAY);
    await pc.logInToOtp(person);
    await pc.says('期限までに', '取り消されました');
    await pc.saysNot('期限までに初期設定が行われなかったため');
  });

  test('a customer walks to the first login with a passcode in real time', async (t) => {
    const banks = await startBanks({ clock: 'real' });
    t.after(() => banks.stop());
    const bank = banks.b;
    const [person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const ids = await pc.issue(person);
    await arrived(bank, person, 'token', { to: [person.phoneAddress] });
    const phone = await Phone.open(t, bank);
    await phone.setUp(ids, person.startPassword);
    await pc.press(words.toOtp);
    const first = await phone.passcode();
    await pc.startUse(first);
    await pc.logOut();
    const second = await phone.nextPasscode();
    await pc.logInToOtp(person, second);
    await pc.says(words.inUse);
    await arrived(bank, person, 'started');

    const log = await banks.server.text();
    assert.match(log, /request.*path="\/otp\/start\/passcode" status=303/);
    const cookies = await pc.browser.context.cookies(bank.ib);
    const secrets = [first, second, await mailPassword(bank, person), ids.user.replaceAll(' ', ''), ...cookies.map(({ value }) => value)];
    secrets.push(person.startPassword, person.loginPassword, person.confirmationPassword, ...person.addresses, person.phoneAddress);
    for (const secret of secrets) assert.ok(!log.includes(secret), 'the log holds a secret or an address');

    // Behind its proxy it serves TLS only, and says so.
    const { headers } = await ask(banks.port, { host: bank.ibHost, path: '/login' });
    assert.equal(headers['strict-transport-security'], 'max-age=63072000');
    assert.equal(headers['cache-control'], 'no-store');
  });
});

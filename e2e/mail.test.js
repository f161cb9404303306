/** A mail server that refuses for a while, or hangs up: pages say so, nothing is lost, nothing arrives twice. */

import assert from 'node:assert/strict';
import { afterEach, after, before, describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { arrived, mailPassword, sentAtIn } from './lib/mailbox.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { PATIENCE } from './lib/process.js';
import { wordsIn } from './lib/words.js';

const words = wordsIn('ja');
const SECOND = 1000;

describe('a mail server in trouble', () => {
  let banks;
  let bank;
  before(async () => {
    banks = await startBanks();
    bank = banks.a;
  });
  afterEach(() => banks.smtp.mode('accept'));
  after(() => banks.stop());
  const mailsNow = async () => (await banks.smtp.mails()).length;

  for (const [mode, at] of [['refuse4xx', 0], ['drop', 1]]) {
    test(`a mail password waits while the server does “${mode}”, BOT002 says so, and it arrives once`, async (t) => {
      const person = bank.people[at];
      const pc = await Portal.open(t, bank);
      await pc.logInToOtp(person);
      const start = await mailsNow();
      await banks.smtp.mode(mode);
      await pc.toInput();
      await pc.enter(person);
      await pc.says(words.queued);
      await pc.saysNot(words.sent);
      const sentAt = await pc.fact(words.sentAt);
      // Tried again, still in vain.
      await banks.advance(6 * SECOND);
      await pc.press(words.look);
      await pc.at('BOT002');
      await pc.says(words.queued);
      assert.equal(await mailsNow(), start);

      await banks.smtp.mode('accept');
      await banks.advance(60 * SECOND);
      const mail = await arrived(bank, person, 'code', { to: person.addresses, after: start });
      assert.equal(sentAtIn(mail), sentAt);
      await eventually(async () => {
        await pc.press(words.look);
        await pc.says(words.sent);
      });
      await pc.commit(person, await mailPassword(bank, person, start));
      // Every later try is long due: nothing comes twice.
      await banks.advance(3_600 * SECOND);
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await arrived(bank, person, 'code', { to: person.addresses, after: start });
    });
  }

  test('the numbers on BOT003 can be used while the token mail cannot be sent', async (t) => {
    const person = bank.people[2];
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const start = await mailsNow();
    await pc.toInput();
    await pc.enter(person);
    const secret = await mailPassword(bank, person, start);
    await arrived(bank, person, 'code', { to: person.addresses, after: start });
    await banks.smtp.mode('refuse4xx');
    const ids = await pc.commit(person, secret);
    const phone = await Phone.open(t, bank);
    await phone.setUp(ids, person.startPassword);
    await pc.press(words.toOtp);
    await pc.startUse(await phone.passcode());
    await pc.logOut();
    await pc.logIn(person);
    await pc.verify(await phone.nextPasscode());
    await pc.at('BPT001');
    assert.equal(await mailsNow(), start + person.addresses.length);

    await banks.smtp.mode('accept');
    await banks.advance(60 * SECOND);
    await arrived(bank, person, 'token', { to: [person.phoneAddress], after: start });
    await arrived(bank, person, 'issued', { to: person.addresses, after: start });
    for (const kind of ['activated', 'started']) await arrived(bank, person, kind, { after: start });
  });

  test('a mail password sent again replaces the first', async (t) => {
    const person = bank.people[3];
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const start = await mailsNow();
    await pc.toInput();
    await pc.enter(person);
    const first = await mailPassword(bank, person, start);
    await arrived(bank, person, 'code', { to: person.addresses, after: start });
    await banks.advance(30 * SECOND);
    const between = await mailsNow();
    await pc.press(words.resend);
    await pc.at('BOT002', { as: 'resent' });
    await pc.says('新しいメール通知パスワードをお送りしました。');
    const second = await mailPassword(bank, person, between);
    await pc.fill({ [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: first });
    await pc.press(words.commit);
    await pc.at('BOT002', { as: 'wrong', erring: true });
    await pc.commit(person, second);
  });

  /** Tries until it holds. */
  async function eventually(act) {
    for (const deadline = Date.now() + PATIENCE; ; ) {
      try {
        return await act();
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }
});

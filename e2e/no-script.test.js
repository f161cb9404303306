/** The whole PC side in a browser without scripts, its customer double-clicking everything. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { arrived, mailPassword } from './lib/mailbox.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { wordsIn } from './lib/words.js';

const words = wordsIn('ja');

test('a customer walks from login to release without JavaScript', async (t) => {
  const banks = await startBanks();
  t.after(() => banks.stop());
  const bank = banks.a;
  const [person] = bank.people;
  const pc = await Portal.open(t, bank, { javaScriptEnabled: false });
  await pc.logInToOtp(person);
  const ids = await pc.issue(person);
  // What needs a script is not offered.
  for (const name of ['コピーする', '入力した文字を表示する', 'この画面を印刷する']) {
    assert.equal(await pc.page.getByText(name, { exact: true }).first().isVisible(), false, name);
  }
  const phone = await Phone.open(t, bank);
  await phone.setUp(ids, person.startPassword);
  await pc.press('表示を更新する');
  await pc.at('BOT003', { as: 'set-up' });
  await pc.press('ワンタイムパスワード利用開始へ');
  await pc.at('BOK001');
  await pc.press(words.next);
  await pc.at('BOK002');
  await pc.fill({ [words.passcode]: await phone.passcode() });
  await pc.press(words.startUse);
  await pc.at('BOK003');
  await pc.logOut();
  await pc.logInToOtp(person, await phone.nextPasscode());
  const extend = pc.page.getByRole('link', { name: /^時間を延長する/ }).first();
  const [tab] = await Promise.all([pc.browser.context.waitForEvent('page'), extend.click()]);
  await tab.getByRole('heading', { level: 1, name: '利用時間の延長' }).waitFor();
  await tab.close();
  await pc.press(words.release);
  await pc.at('BOS001');
  await pc.fill({ [words.passcode]: await phone.nextPasscode() });
  await pc.press(words.releaseNow);
  await pc.at('BOS002');
  await pc.logOut();
});

test('double clicks without JavaScript have one effect and end on a clear page', async (t) => {
  const banks = await startBanks();
  t.after(() => banks.stop());
  const bank = banks.a;
  const [, person] = bank.people;
  const pc = await Portal.open(t, bank, { javaScriptEnabled: false });
  await pc.go('/login');
  await pc.fill({ [words.loginId]: person.loginId, [words.loginPassword]: person.loginPassword });
  await pc.doublePress(words.logIn);
  await pc.at('BPT001');
  await pc.press(words.otp);
  await pc.doublePress(words.issue);
  await pc.at('BOT000');
  await pc.doublePress(words.choose);
  await pc.at('BMP001');
  await pc.doublePress(words.ok);
  await pc.at('BOT001');
  await pc.fill({
    [words.address]: person.phoneAddress,
    [words.address2]: person.phoneAddress,
    [words.startPassword]: person.startPassword,
    [words.startPassword2]: person.startPassword,
  });
  await pc.doublePress(words.next);
  await pc.at('BOT002');
  await pc.fill({ [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: await mailPassword(bank, person) });
  await pc.doublePress(words.commit);
  await pc.at('BOT003');
  const phone = await Phone.open(t, bank);
  await phone.setUp(await pc.ids(), person.startPassword);
  await pc.press(words.toOtp);
  await pc.press(words.start);
  await pc.doublePress(words.next);
  await pc.at('BOK002');
  await pc.fill({ [words.passcode]: await phone.passcode() });
  await pc.doublePress(words.startUse);
  await pc.at('BOK003');
  assert.deepEqual((await bank.show(person)).tokens.map((token) => token.state), ['in_use']);
  await arrived(bank, person, 'started');
  await arrived(bank, person, 'code', { to: person.addresses });
  await arrived(bank, person, 'token', { to: [person.phoneAddress] });
});

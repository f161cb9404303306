/** What people type by mistake, at each field of the pages: the message they see, where, and what stays. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { mailPassword } from './lib/mailbox.js';
import { Portal } from './lib/portal.js';
import { wordsIn } from './lib/words.js';

const words = wordsIn('ja');
const MINUTE = 60_000;

describe('bad input', () => {
  let banks;
  let bank;
  before(async () => {
    banks = await startBanks();
    bank = banks.a;
  });
  after(() => banks.stop());

  const field = (pc, label) => pc.page.getByLabel(`${words.required} ${label}`, { exact: true });

  /** The message under a field, as it is announced with it. */
  async function under(pc, label) {
    const input = field(pc, label);
    assert.equal(await input.getAttribute('aria-invalid'), 'true', label);
    const [id] = (await input.getAttribute('aria-describedby')).split(' ');
    return pc.page.locator(`#${id}`).innerText();
  }

  test('at the login empty fields are told beside them, and the login ID stays', async (t) => {
    const pc = await Portal.open(t, bank);
    await pc.go('/login');
    await pc.press(words.logIn);
    await pc.at('BLI001', { as: 'empty', erring: true });
    assert.match(await under(pc, words.loginId), /ログインIDを入力してください。/);
    assert.match(await under(pc, words.loginPassword), /ログインパスワードを入力してください。/);
    await pc.fill({ [words.loginId]: 'だれか👵' });
    await pc.press(words.logIn);
    assert.equal(await field(pc, words.loginId).inputValue(), 'だれか👵');
    // The summary leads to the field.
    await pc.page.getByRole('link', { name: 'ログインパスワードを入力してください。' }).click();
    assert.equal(await pc.page.evaluate(() => document.activeElement.id), 'login_password');
  });

  test('at BOT001 each wrong entry has its own message, and all but the secrets stays', async (t) => {
    const [person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    await pc.toInput();
    const right = person.phoneAddress;
    for (const [address, again, start, startAgain, told] of [
      ['', '', '', '', { [words.address]: '携帯電話メールアドレスを入力してください。', [words.startPassword]: '利用開始パスワードを入力してください。' }],
      ['taro', 'taro', '4829', '4829', { [words.address]: 'メールアドレスの形を確認してください。' }],
      ['taro@', 'taro@', '4829', '4829', { [words.address]: /確認してください/ }],
      ['taro@localhost', 'taro@localhost', '4829', '4829', { [words.address]: '「@」のあとを確認してください' }],
      ['ta👵ro@example.ne.jp', 'ta👵ro@example.ne.jp', '4829', '4829', { [words.address]: 'メールアドレスに使えない文字「👵」が入っています。' }],
      [`${'a'.repeat(65)}@example.ne.jp`, `${'a'.repeat(65)}@example.ne.jp`, '4829', '4829', { [words.address]: 'メールアドレスが長すぎます' }],
      [right, 'hanako@example.ne.jp', '4829', '4829', { [words.address2]: '2つの携帯電話メールアドレスが同じではありません。' }],
      [right, right, '482', '482', { [words.startPassword]: '4桁以上8桁以下の数字で' }],
      [right, right, '482913570', '482913570', { [words.startPassword]: '4桁以上8桁以下の数字で' }],
      [right, right, 'abcd', 'abcd', { [words.startPassword]: '数字だけを入力してください。' }],
      [right, right, '1111', '1111', { [words.startPassword]: '推測されやすい番号です。' }],
      [right, right, '19510402', '19510402', { [words.startPassword]: '推測されやすい番号です。' }],
      [right, right, '4829', '4830', { [words.startPassword2]: '2つの利用開始パスワードが同じではありません。' }],
    ]) {
      await pc.fill({ [words.address]: address, [words.address2]: again, [words.startPassword]: start, [words.startPassword2]: startAgain });
      await pc.press(words.next);
      await pc.at('BOT001', { as: 'wrong', erring: true });
      for (const [label, sentence] of Object.entries(told)) assert.match(await under(pc, label), sentence instanceof RegExp ? sentence : new RegExp(sentence));
      assert.equal(await field(pc, words.address).inputValue(), address);
      assert.equal(await field(pc, words.address2).inputValue(), again);
      assert.equal(await field(pc, words.startPassword).inputValue(), '');
      assert.equal(await field(pc, words.startPassword2).inputValue(), '');
    }
    // Full-width letters and digits of an input method are read, and shown back as they will be used.
    const wide = [...right].map((c) => String.fromCodePoint(c.codePointAt(0) + 0xfee0)).join('');
    await pc.fill({ [words.address]: wide, [words.address2]: right, [words.startPassword]: '４８２９', [words.startPassword2]: '4829' });
    await pc.press(words.next);
    await pc.at('BOT002');
    await pc.says(right);
  });

  test('at BOT002 an expired mail password says so, and a new one leads on', async (t) => {
    const [, person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const start = (await banks.smtp.mails()).length;
    await pc.toInput();
    await pc.enter(person);
    const check = new URL(pc.page.url());
    await pc.press(words.commit);
    await pc.at('BOT002', { as: 'empty', erring: true });
    assert.match(await under(pc, words.confirmationPassword), /確認用パスワードを入力してください。/);
    assert.match(await under(pc, words.mailPassword), /メール通知パスワードを入力してください。/);
    const old = await mailPassword(bank, person, start);
    for (let times = 0; times < 6; times += 1) {
      await banks.advance(5 * MINUTE);
      await pc.go('/session');
    }
    await pc.go(check.pathname + check.search);
    await pc.fill({ [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: old });
    await pc.press(words.commit);
    await pc.at('BOT002', { as: 'late', erring: true });
    assert.match(await under(pc, words.mailPassword), /有効期限が過ぎました。/);
    const after = (await banks.smtp.mails()).length;
    await pc.press(words.resend);
    await pc.commit(person, await mailPassword(bank, person, after));
  });

  test('a step opened by its address leads nowhere, and says so', async (t) => {
    const [, , person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    await pc.go('/otp/issue/confirm');
    await pc.at('BER004');
    await pc.go('/otp/issue/input?procedure=prc_00000000000000000000000000');
    await pc.at('BER003');
    await pc.go('/otp/start/done');
    await pc.at('BER004');
    await pc.press(words.backToOtp);
    await pc.at('BOP001', { as: 'again' });
  });

  test('a form that another site sends does nothing', async (t) => {
    const [, , , person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    // The other bank's host is another site: its page sends a form into this one's session.
    const thief = await pc.tab();
    await thief.page.goto(`${banks.b.ib}/login`);
    await thief.page.route(`${banks.b.ib}/trap`, (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<form method="post" action="${bank.ib}/otp/issue"><button>当選しました</button></form>`,
      }),
    );
    await thief.page.goto(`${banks.b.ib}/trap`);
    await Promise.all([thief.page.waitForEvent('load'), thief.page.getByRole('button').click()]);
    assert.ok(['BER004', 'BER006'].includes((await thief.page.locator('.screen-id').textContent()).replace(/^.*: /, '')));
    assert.deepEqual((await bank.show(person)).tokens, []);
    await pc.reload();
    await pc.at('BOP001', { as: 'again' });
  });
});

/** Hands that press twice, go back, open a second tab, reload, or are logged in elsewhere: one effect, a clear page. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { looker } from './lib/look.js';
import { arrived, mailPassword } from './lib/mailbox.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { wordsIn } from './lib/words.js';

const words = wordsIn('ja');
const done = 'このお手続き（トークン発行）はすでに完了しています。二重には行われていません。';
const stale = 'この画面からはお手続きを続けられません。';
const signedOut = 'この画面では、ログインされていません。';
const replaced = '別の画面または別の機器でログインされたため、この画面でのご利用を終了しました。';

describe('interrupted hands', () => {
  let banks;
  let bank;
  before(async () => {
    banks = await startBanks();
    bank = banks.a;
  });
  after(() => banks.stop());
  const mailsNow = async () => (await banks.smtp.mails()).length;

  test('each form sent twice at once has one effect', async (t) => {
    const [person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.go('/login');
    await pc.fill({ [words.loginId]: person.loginId, [words.loginPassword]: person.loginPassword });
    assert.deepEqual(await pc.sendTwice(words.logIn), ['BPT001', 'BPT001']);
    await pc.go('/otp');
    await pc.at('BOP001');

    await pc.press(words.issue);
    const start = await mailsNow();
    assert.deepEqual(await pc.sendTwice(words.choose), ['BMP001', 'BMP001']);
    await pc.press(words.choose);
    assert.deepEqual(await pc.sendTwice(words.ok), ['BOT001', 'BOT001']);
    await pc.press(words.ok);
    await arrived(bank, person, 'code', { to: person.addresses, after: start });
    await pc.fill({
      [words.address]: person.phoneAddress,
      [words.address2]: person.phoneAddress,
      [words.startPassword]: person.startPassword,
      [words.startPassword2]: person.startPassword,
    });
    assert.deepEqual(await pc.sendTwice(words.next), ['BOT002', 'BOT002']);
    await pc.press(words.next);
    await pc.at('BOT002');
    const secret = await mailPassword(bank, person, start);
    await pc.fill({ [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: secret });
    assert.deepEqual(await pc.sendTwice(words.commit), ['BOT003', 'BOT003']);
    await pc.press(words.commit);
    await pc.at('BOT003');
    const ids = await pc.ids();
    assert.equal((await bank.show(person)).tokens.length, 1);

    const phone = await Phone.open(t, bank);
    await phone.openApp();
    await phone.beginSetUp();
    await phone.type(ids, person.startPassword);
    const asked = [];
    phone.page.on('request', (request) => request.url().endsWith('/activations') && asked.push(request.url()));
    await phone.page.getByRole('button', { name: phone.words.set }).dblclick();
    await phone.showPasscode();
    assert.equal(asked.length, 1);

    await pc.go('/otp');
    await pc.press(words.start);
    assert.deepEqual(await pc.sendTwice(words.next), ['BOK002', 'BOK002']);
    await pc.press(words.next);
    await pc.fill({ [words.passcode]: await phone.passcode() });
    assert.deepEqual(await pc.sendTwice(words.startUse), ['BOK003', 'BOK003']);
    await arrived(bank, person, 'started', { after: start });
    await pc.go('/otp');
    await pc.at('BOP001');
    await pc.says(words.inUse);

    await pc.press(words.release);
    await pc.fill({ [words.passcode]: await phone.nextPasscode() });
    assert.deepEqual(await pc.sendTwice(words.releaseNow), ['BOS002', 'BOS002']);
    // Last, so that every mail of a second effect would be there by now.
    await arrived(bank, person, 'released', { after: start });
    for (const kind of ['issued', 'code']) await arrived(bank, person, kind, { to: person.addresses, after: start });
    await arrived(bank, person, 'token', { to: [person.phoneAddress], after: start });
    for (const kind of ['activated', 'started']) await arrived(bank, person, kind, { after: start });
    assert.deepEqual((await bank.show(person)).tokens.map((token) => token.state), ['released']);
  });

  test('a passcode of a login sent twice at once logs in, and counts as no wrong one', async (t) => {
    const person = bank.people[8];
    const pc = await Portal.open(t, bank);
    const phone = await Phone.open(t, bank);
    await pc.logInToOtp(person);
    await phone.setUp(await pc.issue(person), person.startPassword);
    await pc.press(words.toOtp);
    await pc.startUse(await phone.passcode());
    await pc.logOut();
    await pc.logIn(person);
    await pc.fill({ [words.passcode]: await phone.nextPasscode() });
    const screens = await pc.sendTwice(words.verify);
    const [token] = (await bank.show(person)).tokens;
    assert.deepEqual({ screens, failures: token.failures }, { screens: ['BPT001', 'BPT001'], failures: 0 });
  });

  test('a double click sends a form once', async (t) => {
    const [, person] = bank.people;
    const pc = await Portal.open(t, bank);
    const posts = [];
    pc.page.on('request', (request) => request.method() === 'POST' && posts.push(new URL(request.url()).pathname));
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
    assert.deepEqual(posts, ['/login', '/otp/issue', '/otp/issue/select', '/otp/issue/mail']);
  });

  test('going back after the end leads to a page that says so', async (t) => {
    const [, , person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const { user } = await pc.issue(person);
    for (let steps = 0; steps < 3; steps += 1) {
      await pc.back();
      await pc.at('BER002');
      await pc.says(done);
    }
    await pc.press(words.backToOtp);
    await pc.at('BOP001');
    assert.equal((await pc.ids()).user, user);
    await pc.logOut();
    await pc.back();
    await pc.at('BLI001');
    await pc.back();
    await pc.saysNot(user);
  });

  test('a refused form can be loaded again and gone back to, and nothing is sent a second time', async (t) => {
    const person = bank.people[7];
    const pc = await Portal.open(t, bank);
    const sent = [];
    pc.page.on('request', (request) => {
      if (request.method() === 'POST') sent.push(new URL(request.url()).pathname);
    });
    await pc.go('/login');
    await pc.press(words.logIn);
    await pc.at('BLI001', { erring: true });
    await pc.logInToOtp(person);
    await pc.toInput();
    await pc.press(words.next);
    await pc.at('BOT001', { erring: true });
    const before = sent.length;
    await pc.page.reload();
    await pc.at('BOT001');
    await pc.press(words.next);
    await pc.at('BOT001', { erring: true });
    await pc.go('/otp');
    await pc.page.goBack();
    await pc.at('BOT001');
    assert.deepEqual(sent.slice(before), ['/otp/issue/input']);

    // Other letters are another page: what was typed comes with it, but for passwords.
    await pc.fill({ [words.address]: person.phoneAddress, [words.startPassword]: person.startPassword });
    const typed = () => pc.page.evaluate(() => [...document.querySelectorAll('main input:not([type=hidden])')].map(({ value }) => value));
    for (const size of ['特大', '標準']) {
      await pc.press(size);
      assert.deepEqual(await typed(), [person.phoneAddress, '', '', ''], size);
    }
    assert.equal(await pc.page.evaluate(() => sessionStorage.length), 0);
  });

  test('an older tab of the same procedure is told to begin again, and the newer one goes on', async (t) => {
    const [, , , person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    await pc.toInput();
    const newer = await pc.tab();
    await newer.go('/otp');
    const start = await mailsNow();
    await newer.toInput();

    await pc.fill({ [words.address]: 'older@phone.example', [words.address2]: 'older@phone.example' });
    await pc.press(words.next);
    await pc.at('BER003');
    await pc.says(stale);
    await pc.press(words.backToOtp);
    await pc.at('BOP001');

    await newer.enter(person);
    await newer.commit(person, await mailPassword(bank, person, start));
    assert.equal((await bank.show(person)).tokens.length, 1);
  });

  test('every page can be loaded again', async (t) => {
    const [, , , , person] = bank.people;
    const reloading = async (page, name) => {
      if (/-(wrong|out)/.test(name)) return;
      await page.reload();
      assert.equal(await page.locator('.screen-id').textContent(), words.screenId(name.split('-')[0]), name);
    };
    const pc = await Portal.open(t, bank, { look: reloading });
    await pc.logInToOtp(person);
    const ids = await pc.issue(person);
    assert.deepEqual(await pc.ids(), ids);
    const phone = await Phone.open(t, bank);
    await phone.setUp(ids, person.startPassword);
    await phone.page.reload();
    await phone.heading(phone.words.title);
    await pc.press(words.toOtp);
    await pc.at('BOP001');
    await pc.startUse(await phone.passcode());
    await pc.logOut();
    await pc.logInToOtp(person, await phone.nextPasscode());
    await pc.press(words.release);
    await pc.at('BOS001');
    await pc.fill({ [words.passcode]: await phone.nextPasscode() });
    await pc.press(words.releaseNow);
    await pc.at('BOS002');
  });

  test('a page whose session was logged out in another tab does nothing', async (t) => {
    const [, , , , , person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const start = await mailsNow();
    await pc.toInput();
    await pc.enter(person);
    const secret = await mailPassword(bank, person, start);
    const other = await pc.tab();
    await other.go('/top');
    await other.logOut();

    await pc.fill({ [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: secret });
    await pc.press(words.commit);
    await pc.at('BER006');
    await pc.says(signedOut);
    assert.deepEqual((await bank.show(person)).tokens, []);
    await pc.reload();
    // The mail password has died with its session.
    await pc.logInToOtp(person);
    await pc.toInput();
    await pc.enter(person);
    await pc.fill({ [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: secret });
    await pc.press(words.commit);
    await pc.at('BOT002', { as: 'wrong', erring: true });
    assert.deepEqual((await bank.show(person)).tokens, []);
  });

  test('a login elsewhere ends the one before, and half a login ends nothing', async (t) => {
    const [, , , , , , person] = bank.people;
    const first = await Portal.open(t, bank);
    await first.logInToOtp(person);
    const second = await Portal.open(t, bank);
    await second.logIn(person);
    await second.at('BPT001');
    await first.reload();
    await first.at('BER005');
    await first.says(replaced);

    await second.press(words.otp);
    const phone = await Phone.open(t, bank);
    await phone.setUp(await second.issue(person), person.startPassword);
    await second.press(words.toOtp);
    await second.startUse(await phone.passcode());
    // Whoever knows the password alone must not be able to log the customer out.
    await first.logIn(person);
    await first.at('BLI002');
    await second.go('/top');
    await second.at('BPT001');
    await first.verify(await phone.nextPasscode());
    await first.at('BPT001');
    await second.press(words.logOut);
    await second.at('BER005');
  });

  test('a cancelled issue leaves nothing behind', async (t) => {
    const person = bank.people[7];
    const pc = await Portal.open(t, bank, { look: looker({ walk: 'hands' }) });
    await pc.logInToOtp(person);
    const start = await mailsNow();
    await pc.toInput();
    await pc.enter(person);
    await mailPassword(bank, person, start);
    await pc.press(words.cancel);
    await pc.at('BER001');
    await pc.says('お手続きを取りやめました。', 'トークンは発行されていません。');
    await pc.back();
    await pc.at('BER003');
    await pc.says(stale);
    assert.deepEqual((await bank.show(person)).tokens, []);
  });

  test('a page left alone is logged out by time and says so', async (t) => {
    const person = bank.people[7];
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    await banks.advance(10 * 60_000 - 1000);
    await pc.reload();
    await pc.at('BOP001');
    await banks.advance(10 * 60_000);
    await pc.press(words.issue);
    await pc.at('BER006', { title: words.titles['BER006-idle'] });
  });

  test('a page that stays open tells the end ahead, and by itself that it has come', async (t) => {
    const person = bank.people[7];
    const pc = await Portal.open(t, bank);
    await pc.page.clock.install();
    await pc.logInToOtp(person);
    const soon = pc.page.locator('#session-soon');
    assert.equal(await soon.isVisible(), false);
    await pc.page.clock.fastForward('08:30');
    await soon.waitFor();
    await pc.at('BOP001');
    await banks.advance(10 * 60_000 + 1000);
    await Promise.all([pc.page.waitForURL('**/top'), pc.page.clock.fastForward('01:35')]);
    await pc.at('BER006', { title: words.titles['BER006-idle'] });
  });

  test('after a logout and after a stop the back button shows nothing of the session', async (t) => {
    const person = bank.people[7];
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    await pc.go('/customer');
    await pc.back();
    await pc.at('BOP001');
    await pc.logOut();
    await pc.back();
    await pc.at('BLI001');
    await pc.logInToOtp(person);
    await pc.go('/stop');
    await pc.fill({ [words.loginId]: person.loginId, [words.loginPassword]: person.loginPassword });
    await pc.press(words.stopNow);
    await pc.at('BES001', { as: 'done', title: words.titles['BES001-done'] });
    await pc.back();
    await pc.back();
    await pc.at('BLI001');
  });
});

/**
 * The customer's own affairs: the guide, an emergency stop, passwords, notice addresses, the language of
 * mails; each page looked at on a PC and on a phone's width, in both languages.
 */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { looker } from './lib/look.js';
import { arrived, mailPassword, numberIn } from './lib/mailbox.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { subject } from './lib/words.js';

const TOPICS = ['apply', 'enter', 'finish', 'phone', 'start', 'login', 'release', 'renew', 'password', 'address', 'stop'];
const VIEWS = {
  'on a PC, in Japanese': { language: 'ja', walk: 'account-pc-ja' },
  'on a phone, in English': { language: 'en', walk: 'account-phone-en', viewport: { width: 390, height: 844 } },
};

for (const [name, { language, walk, viewport }] of Object.entries(VIEWS)) {
  describe(`a customer looks after their affairs ${name}`, () => {
    let banks;
    let bank;
    before(async () => {
      banks = await startBanks({ language });
      bank = banks.a;
    });
    after(() => banks.stop());
    const look = looker({ walk });
    const open = (t) => Portal.open(t, bank, { language, look, ...(viewport ? { viewport } : {}) });
    const mailsNow = async () => (await banks.smtp.mails()).length;
    test('the guide shows each step with its picture, and leads on', async (t) => {
      const pc = await open(t);
      const { page, words } = pc;
      await pc.go('/help');
      await pc.at('BHP001');
      for (const topic of TOPICS) {
        await pc.go(`/help/${topic}`);
        const title = await page.getByRole('heading', { level: 1 }).textContent();
        await pc.at('BHP001', { as: topic, title });
        const pictures = await page.locator('.shots img').evaluateAll((all) => all.map((image) => [image.complete && image.naturalWidth > 0, image.alt]));
        assert.ok(pictures.length > 0 && pictures.every(([isThere, alt]) => isThere && alt), `${topic}: ${JSON.stringify(pictures)}`);
      }
      // A picture opens large, on a page that leads back.
      await page.locator('.shots a').first().click();
      await pc.at('BHP001', { as: 'picture', title: await page.getByRole('heading', { level: 1 }).textContent() });
      await page.locator('main .actions a').click();
      await pc.press(words.allTopics);
      for (const nowhere of ['/help/nonsense', '/help/stop/0', '/help/stop/9', '/help/stop/x']) {
        await pc.go(nowhere);
        await pc.at('BER008');
      }
    });

    test('a password is changed with the present one', async (t) => {
      const person = { ...bank.people[0] };
      const pc = await open(t);
      const { words } = pc;
      const since = await mailsNow();
      await pc.logIn(person);
      await pc.press(words.customer);
      await pc.at('BCI001');
      await pc.press(words.password);
      await pc.at('BPW001');
      await pc.press(words.next);
      await pc.at('BPW001', { as: 'wrong', erring: true });
      const changed = 'Atarashii-Mado-77';
      await pc.page.locator('input[value=login]').check();
      await pc.fill({ [words.newPassword]: changed, [words.newPassword2]: changed });
      await pc.press(words.next);
      await pc.at('BPW002');
      await pc.fill({ [words.presentLogin]: person.confirmationPassword });
      await pc.press(words.changePassword);
      await pc.at('BPW002', { as: 'wrong', erring: true });
      await pc.fill({ [words.presentLogin]: person.loginPassword });
      await pc.press(words.changePassword);
      await pc.at('BPW003');
      await arrived(bank, person, 'password', { to: person.addresses, after: since });
      await pc.press(words.toTop);
      await pc.at('BPT001', { as: 'told' });
      await pc.logOut();
      await pc.logIn({ ...person, loginPassword: changed });
      await pc.at('BPT001', { as: 'again' });
    });

    test('an address is added once its number is typed, and every address hears of it', async (t) => {
      const person = bank.people[1];
      const pc = await open(t);
      const { words } = pc;
      await pc.logIn(person);
      await pc.press(words.customer);
      await pc.press(words.addresses);
      await pc.at('BMA001');
      const fresh = `${person.loginId}@new.example`;
      const enter = async (address) => {
        await pc.page.getByLabel(words.addAddress).check();
        await pc.fill({ [words.newAddress]: address, [words.newAddress2]: address });
        await pc.press(words.next);
      };
      await enter('not-an-address');
      await pc.at('BMA001', { as: 'wrong', erring: true });
      const since = await mailsNow();
      await enter(fresh);
      await pc.at('BMA002');
      const secret = await mailPassword(bank, person, since);
      await pc.fill({ [words.confirmationPassword]: person.loginPassword, [words.mailPassword]: secret });
      await pc.press(words.commit);
      await pc.at('BMA002', { as: 'wrong', erring: true });
      await pc.fill({ [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: secret });
      await pc.press(words.commit);
      await pc.at('BMA003');
      const mail = await banks.smtp.waitForMail({ to: fresh, subject: subject(bank, language, 'addressNumber'), after: since });
      await pc.fill({ [words.number]: '00000000' });
      await pc.press(words.register);
      await pc.at('BMA003', { as: 'wrong', erring: true });
      await pc.fill({ [words.number]: numberIn(mail) });
      await pc.press(words.register);
      await pc.at('BMA003', { as: 'done', title: words.titles['BMA003-done'] });
      await arrived(bank, person, 'address', { to: [...person.addresses, fresh], after: since });
    });

    test('a stop by the customer ends everything at once', async (t) => {
      const person = bank.people[2];
      const pc = await open(t);
      const { words } = pc;
      await pc.logIn(person);
      const other = await open(t);
      const since = await mailsNow();
      await other.go('/login');
      await other.press(words.stop);
      await other.at('BES001');
      await other.fill({ [words.loginId]: person.loginId, [words.loginPassword]: 'Chigau-mono-1' });
      await other.press(words.stopNow);
      await other.at('BES001', { as: 'wrong', erring: true });
      await other.fill({ [words.loginId]: person.loginId, [words.loginPassword]: person.loginPassword });
      await other.press(words.stopNow);
      await other.at('BES001', { as: 'done', title: words.titles['BES001-done'] });
      await arrived(bank, person, 'stopped', { to: person.addresses, after: since });
      await pc.reload();
      await pc.at('BER005', { as: 'stopped' });
      await other.logIn(person);
      await other.at('BLI001', { as: 'stopped', erring: true });
      const shown = await bank.show(person);
      assert.equal(shown.stopped_by, 'customer');
    });

    test('mails come in the language that the customer chose', async (t) => {
      const person = bank.people[3];
      const pc = await open(t);
      const { words } = pc;
      const [other, name] = language === 'ja' ? ['en', 'English'] : ['ja', '日本語'];
      await pc.logIn(person);
      await pc.press(words.customer);
      await pc.page.getByLabel(name, { exact: true }).check();
      const since = await mailsNow();
      await pc.page.locator('form[action="/customer"] button').click();
      await pc.page.waitForURL('**/customer?language');
      assert.equal(await pc.page.locator('html').getAttribute('lang'), other);
      await pc.go('/otp');
      await pc.page.locator('form[action="/otp/issue"] button').click();
      await pc.page.locator('form[action="/otp/issue/select"] button').click();
      await pc.page.locator('form[action="/otp/issue/mail"] button').click();
      await banks.smtp.waitForMail({ to: person.addresses[0], subject: subject(bank, other, 'code'), after: since });
    });
  });
}

test('a page that waits shows by itself what has come', async (t) => {
  const banks = await startBanks();
  t.after(() => banks.stop());
  const bank = banks.a;
  const person = bank.people[0];
  const pc = await Portal.open(t, bank);
  await pc.logInToOtp(person);
  const ids = await pc.issue(person);
  // What the phone does is made known to the page within some seconds, without a key pressed.
  const phone = await Phone.open(t, bank);
  await phone.setUp(ids, person.startPassword);
  await pc.page.getByText('携帯電話の初期設定が完了しました。').waitFor();
  assert.equal(await pc.page.evaluate(() => document.activeElement?.id), 'main', 'a screen reader is led to what is new');
  await pc.press('ワンタイムパスワード利用開始へ');
  await pc.at('BOK001');
});

/** What can happen on phones: a second one, a scanned QR code, a late one, a clock that is wrong. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import jsQR from 'jsqr';
import { PNG } from 'pngjs';

import { startBanks } from './lib/bank.js';
import { looker } from './lib/look.js';
import { arrived } from './lib/mailbox.js';
import { Phone, notThis } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { told, wordsIn } from './lib/words.js';

const MINUTE = 60_000;
const words = wordsIn('ja');

describe('phones', () => {
  let banks;
  let bank;
  before(async () => {
    banks = await startBanks();
    bank = banks.a;
  });
  after(() => banks.stop());

  /** A customer at BOT003, with the numbers shown there. */
  async function issued(t, person, options) {
    const pc = await Portal.open(t, bank, options);
    await pc.logInToOtp(person);
    return { pc, ids: await pc.issue(person) };
  }

  test('a second phone with the right start password kills the issue, and everybody is told', async (t) => {
    const [person] = bank.people;
    const { pc, ids } = await issued(t, person);
    const first = await Phone.open(t, bank);
    await first.setUp(ids, person.startPassword);
    const after = (await banks.smtp.mails()).length;

    const second = await Phone.open(t, bank);
    await second.openApp();
    await second.beginSetUp();
    await second.type(ids, person.startPassword);
    await second.tap(second.words.set);
    await second.says(second.words.other);
    const at = await banks.now();
    assert.equal((await second.typed()).startPassword, '');
    assert.deepEqual((await bank.show(person)).tokens.map((token) => token.state), ['revoked']);
    await arrived(bank, person, 'secondPhone', { after });
    await pc.reload();
    await pc.at('BER001');
    await pc.says(words.overSecondPhone);

    await pc.press(words.backToOtp);
    await pc.at('BOP001');
    const sentence = `別の携帯電話で初期設定が行われたため、安全のためトークンの発行を取り消しました（${told('ja', at).moment}）。`;
    await pc.says(sentence);
    assert.equal(await pc.offers(words.start), false);
    // Neither phone's passcode, nor the numbers once more, lead anywhere.
    await second.type(ids, person.startPassword);
    await second.tap(second.words.set);
    await second.says(second.words.refused);
    await banks.advance(MINUTE);
    await pc.issue(person);
    await pc.press(words.toOtp);
    await pc.saysNot(sentence);
  });

  test('five wrong start passwords kill the issue, and everybody is told', async (t) => {
    const [, person] = bank.people;
    const { pc, ids } = await issued(t, person);
    const after = (await banks.smtp.mails()).length;
    const phone = await Phone.open(t, bank);
    await phone.openApp();
    await phone.beginSetUp();
    for (let tries = 0; tries < 5; tries += 1) {
      assert.deepEqual((await bank.show(person)).tokens.map((token) => token.state), ['issued']);
      await phone.type(ids, notThis(person.startPassword));
      const answer = phone.page.waitForResponse('**/phone/v1/activations');
      await phone.tap(phone.words.set);
      assert.equal((await answer).status(), 403);
      await phone.says(phone.words.refused);
    }
    await arrived(bank, person, 'dead', { after });
    await pc.page.getByText(words.overStartPassword).waitFor();
    await pc.at('BER001');
    await phone.type(ids, person.startPassword);
    await phone.tap(phone.words.set);
    await phone.says(phone.words.refused);
    await pc.press(words.backToOtp);
    await pc.at('BOP001');
    await pc.says('トークンの発行は取り消されました。');
    assert.equal(await pc.offers(words.issue), true);
  });

  /** Reads the QR code off the screen, as a camera does. */
  async function scan(pc) {
    const picture = await pc.page.getByRole('img', { name: words.qr }).screenshot();
    const { width, height, data } = PNG.sync.read(picture);
    const code = jsQR(new Uint8ClampedArray(data), width, height);
    assert.ok(code, 'no QR code can be read off the screen');
    return code.data;
  }

  /** Opens a scanned link on a phone: nothing of it stays in the address. */
  async function follow(phone, link, ids) {
    await phone.page.goto(link);
    await phone.heading(phone.words.setUp);
    await phone.says(phone.words.read);
    assert.equal(phone.page.url(), `${bank.token}/app/`);
    assert.equal(await phone.page.evaluate(() => `${location.hash}${JSON.stringify(history.state)}`.includes('1.')), false);
    assert.deepEqual(await phone.typed(), { service: ids.service, user: ids.user, startPassword: '' });
  }

  test('a link of another bank, and one that was cut off, are told; the numbers can be typed', async (t) => {
    const phone = await Phone.open(t, bank, { look: looker({ walk: 'phones-links' }) });
    const secret = 'A'.repeat(22);
    for (const [link, told] of [
      [`#1.${banks.b.serviceId}.100000000001.${secret}`, phone.words.linkOther],
      [`#1.${bank.serviceId}.100000000001.${secret.slice(3)}`, phone.words.linkBroken],
    ]) {
      await phone.page.goto('about:blank');
      await phone.page.goto(`${bank.token}/app/${link}`);
      await phone.heading(phone.words.setUp);
      await phone.says(told);
      await phone.look(phone.page, 'link-refused');
      assert.equal(phone.page.url(), `${bank.token}/app/`);
      assert.deepEqual(await phone.typed(), { service: '', user: '', startPassword: '' });
    }
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`a QR code scanned off a ${colorScheme} page leaves only the start password to type`, async (t) => {
      const person = bank.people[colorScheme === 'light' ? 2 : 3];
      const { pc, ids } = await issued(t, person, { colorScheme });
      const link = await scan(pc);
      assert.match(link, new RegExp(`^${bank.token}/app/#1\\.${ids.service.replaceAll(' ', '')}\\.${ids.user.replaceAll(' ', '')}\\.[\\w-]{22}$`));
      const phone = await Phone.open(t, bank);
      await follow(phone, link, ids);
      await phone.field('startPassword').fill(person.startPassword);
      const request = phone.page.waitForRequest('**/phone/v1/activations');
      await phone.tap(phone.words.set);
      assert.equal((await request).postDataJSON().qr_secret, link.split('.').at(-1));
      await phone.showPasscode();
      await pc.press(words.toOtp);
      await pc.startUse(await phone.passcode());
    });
  }

  test('a QR code is refused after ten minutes, typing goes on working, and so does a new code', async (t) => {
    const person = bank.people[4];
    const { pc, ids } = await issued(t, person);
    const link = await scan(pc);
    await banks.advance(10 * MINUTE + 1000);
    const phone = await Phone.open(t, bank);
    await follow(phone, link, ids);
    await phone.field('startPassword').fill(person.startPassword);
    await phone.tap(phone.words.set);
    await phone.says(phone.words.refused);
    assert.equal((await phone.typed()).user, ids.user);

    // BOP001 offers a new one while the issue waits; the late one is not shown again.
    await pc.press(words.toOtp);
    await pc.at('BOP001');
    await pc.press(words.showQr);
    await pc.at('BOP001');
    const fresh = await scan(pc);
    assert.notEqual(fresh, link);
    const other = await Phone.open(t, bank);
    await follow(other, fresh, ids);

    await phone.field('startPassword').fill(person.startPassword);
    await phone.tap(phone.words.set);
    await phone.showPasscode();
    await pc.page.goto(`${bank.ib}/otp`);
    await pc.startUse(await phone.passcode());
  });

  test('a link on the page itself leads a phone to its set-up', async (t) => {
    const person = bank.people[5];
    const { pc, ids } = await issued(t, person, { phone: true, look: looker({ walk: 'pc-on-phone' }) });
    assert.equal(await pc.page.getByRole('link', { name: words.samePhone }).isVisible(), true);
    const link = await pc.page.getByRole('link', { name: words.samePhone }).getAttribute('href');
    const phone = await Phone.open(t, bank);
    await follow(phone, link, ids);
  });

  test('a phone whose clock is seven minutes slow says so and shows the right passcode', async (t) => {
    const person = bank.people[6];
    const { pc, ids } = await issued(t, person);
    const phone = await Phone.open(t, bank, { slow: 7 * MINUTE });
    await phone.setUp(ids, person.startPassword);
    await phone.says(phone.words.clockSlow(7));
    await pc.press(words.toOtp);
    await pc.startUse(await phone.passcode());
    // Without a network it keeps what it has learned.
    await phone.page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    await phone.browser.context.setOffline(true);
    await banks.advance(MINUTE);
    await phone.page.reload();
    await pc.logOut();
    await pc.logIn(person);
    await pc.verify(await phone.passcode());
    await pc.at('BPT001');
  });
});

/** Two banks in one installation: nothing of one is anything at the other. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { ask } from './lib/process.js';
import { wordsIn } from './lib/words.js';

const words = wordsIn('ja');

describe('two banks', () => {
  let banks;
  before(async () => (banks = await startBanks()));
  after(() => banks.stop());

  test('a customer of one bank cannot log in at the other', async (t) => {
    const [person] = banks.a.people;
    const pc = await Portal.open(t, banks.b);
    await pc.logIn(person);
    await pc.at('BLI001', { erring: true });
    await pc.says(words.loginRefused);
    // The same words as for somebody whom nobody knows.
    const refused = await pc.text();
    await pc.logIn({ ...person, loginId: 'nobody-at-all' });
    await pc.at('BLI001', { erring: true });
    assert.equal(await pc.text(), refused);
  });

  test('a session of one bank is nobody at the other', async (t) => {
    const [, person] = banks.a.people;
    const pc = await Portal.open(t, banks.a);
    await pc.logIn(person);
    await pc.at('BPT001');
    const cookies = await pc.browser.context.cookies(banks.a.ib);
    const session = cookies.find(({ name }) => name === '__Host-ib');
    assert.ok(session?.secure && session.httpOnly && session.sameSite === 'Lax', JSON.stringify(session));

    const headers = { cookie: `__Host-ib=${session.value}` };
    for (const path of ['/top', '/otp', '/customer']) {
      const there = await ask(banks.port, { host: banks.b.ibHost, path, headers });
      assert.deepEqual([there.status, there.headers.location], [303, '/login'], path);
      const here = await ask(banks.port, { host: banks.a.ibHost, path, headers });
      assert.equal(here.status, 200, path);
    }
    // In the browser too: the other bank's host never gets to see the cookie.
    await pc.page.goto(`${banks.b.ib}/top`);
    assert.equal(new URL(pc.page.url()).pathname, '/login');
    await pc.go('/top');
    await pc.at('BPT001');
  });

  test('a user ID of one bank is refused by the other bank’s app like one that nobody has', async (t) => {
    const [, , person] = banks.a.people;
    const pc = await Portal.open(t, banks.a);
    await pc.logIn(person);
    await pc.press(words.otp);
    const ids = await pc.issue(person);

    const phone = await Phone.open(t, banks.b);
    await phone.openApp();
    await phone.beginSetUp();
    // With its own service ID the app sees at once that this is another bank's.
    await phone.type(ids, person.startPassword);
    await phone.tap(phone.words.set);
    await phone.says(phone.words.wrongService(banks.b.name.ja));
    const heard = [];
    const refuse = async (user) => {
      await phone.type({ service: banks.b.serviceId, user }, person.startPassword);
      const answer = phone.page.waitForResponse('**/phone/v1/activations');
      await phone.tap(phone.words.set);
      const { status, body } = await answer.then(async (a) => ({ status: a.status(), body: await a.text() }));
      await phone.says(phone.words.refused);
      heard.push({ status, body, text: await phone.page.getByRole('alert').innerText() });
    };
    await refuse(ids.user);
    // Its check digit is right, but nobody was given it.
    await refuse('0000 0000 0000');
    assert.deepEqual(heard[0], heard[1]);
    assert.equal(heard[0].status, 403);
    assert.deepEqual((await banks.a.show(person)).tokens.map((token) => token.state), ['issued']);
  });

  test('no page and no mail of one bank names the other', async (t) => {
    const [, , , person] = banks.a.people;
    const pc = await Portal.open(t, banks.a);
    const pages = [];
    pc.page.on('response', async (response) => {
      if (response.request().resourceType() === 'document' && response.status() < 300) pages.push(await response.text());
    });
    await pc.logIn(person);
    await pc.press(words.customer);
    await pc.press(words.otp);
    await pc.issue(person);
    await pc.press(words.toOtp);
    await pc.logOut();
    const phone = await Phone.open(t, banks.a);
    await phone.openApp();
    pages.push(await phone.page.content());
    const config = await ask(banks.port, { host: banks.a.tokenHost, path: '/app/config.json' });
    const files = ['/app/manifest.webmanifest', '/assets/institution.css', '/app/sw.js'];
    for (const path of files) {
      const host = path.startsWith('/assets') ? banks.a.ibHost : banks.a.tokenHost;
      pages.push((await ask(banks.port, { host, path })).body.toString());
    }
    pages.push(config.body.toString());
    const mails = (await banks.smtp.mails()).filter(({ to }) => to.some((address) => address.startsWith('a-')));
    assert.ok(mails.length >= 4 && pages.length >= 12, `${mails.length} mails, ${pages.length} pages`);
    const { b } = banks;
    for (const text of [...pages, ...mails.map((mail) => JSON.stringify(mail))]) {
      for (const other of [b.name.ja, b.name.en, b.serviceId, 'bank-b', b.sender, b.phone, b.color]) {
        assert.ok(!text.includes(other), `${other} is in:\n${text.slice(0, 2000)}`);
      }
    }
  });

  test('a host of nobody’s gets nothing', async () => {
    const { status, body } = await ask(banks.port, { host: 'ib.bank-c.localhost', path: '/login' });
    assert.equal(status, 421);
    assert.ok(!/bank-[ab]/.test(body.toString()));
    assert.equal((await ask(banks.port, { host: banks.a.tokenHost, path: '/login' })).status, 404);
    assert.equal((await ask(banks.port, { host: banks.a.ibHost, path: '/app/' })).status, 404);
  });
});

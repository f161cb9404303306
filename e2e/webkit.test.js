/**
 * The app in WebKit: keys in its storage, the set-up, a passcode that the bank accepts, and the same token
 * after the page was loaded anew. What only a real iPhone shows is said in docs/phone.md.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { Portal } from './lib/portal.js';
import { Webkit } from './lib/webkit.js';
import { wordsIn } from './lib/words.js';

const words = wordsIn('ja');

test('the app is set up in WebKit, and its passcode starts the use', async (t) => {
  // The browser's clock cannot be moved here.
  const banks = await startBanks({ clock: 'real' });
  t.after(() => banks.stop());
  const bank = banks.a;
  const [person] = bank.people;
  const pc = await Portal.open(t, bank);
  await pc.logInToOtp(person);
  const ids = await pc.issue(person);

  const webkit = await Webkit.open(t);
  await webkit.go(`${bank.token}/app/`);
  await webkit.until(() => document.querySelector('footer') !== null);
  // The driver's browser speaks English.
  if ((await webkit.run(() => document.documentElement.lang)) !== 'ja') await webkit.press('header button');
  await webkit.press('button', words.phone.begin);
  await webkit.type('#service_id', ids.service);
  await webkit.type('#user_id', ids.user);
  await webkit.type('#start_password', person.startPassword);
  await webkit.press('button[type=submit]');
  await webkit.until((done) => document.querySelector('h1')?.textContent === done, words.phone.done);
  await webkit.press('button', words.phone.open);
  const shown = () => webkit.until(() => document.querySelector('#passcode')?.textContent);
  assert.match(await shown(), /^\d{6}$/);
  // Nothing that could be copied off the phone is in its storage.
  const kinds = await webkit.run(async () => {
    const { loadTokens } = await import('/app/storage.js');
    const [{ keys, deviceKey }] = await loadTokens();
    return [...Object.values(keys), deviceKey.privateKey].map((key) => key.extractable);
  });
  assert.deepEqual(kinds, [false, false, false, false]);

  await webkit.go(`${bank.token}/app/`);
  const passcode = await shown();
  await pc.press(words.toOtp);
  await pc.startUse(passcode);
  const offline = await webkit.until(() => navigator.serviceWorker?.getRegistration('/app/').then((it) => Boolean(it?.active)));
  assert.equal(offline, true, 'the worker keeps the app for use without a network');
});

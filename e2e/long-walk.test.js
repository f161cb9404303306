/** The long walk: one customer from the first login to the second issue, on each database, in each language. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { looker } from './lib/look.js';
import { arrived, idsIn, secretIn, sentAtIn } from './lib/mailbox.js';
import { Phone, notThis } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { ask } from './lib/process.js';
import { step } from './lib/step.js';
import { told } from './lib/words.js';

const MINUTE = 60_000;

test('a customer walks from the first login to the second issue, on SQLite, in Japanese', (t) => walk(t, 'sqlite', 'ja'));
test('a customer walks from the first login to the second issue, on PostgreSQL, in English', (t) => walk(t, 'postgres', 'en'));

async function walk(t, engine, language) {
  const banks = await startBanks({ engine, language });
  t.after(() => banks.stop());
  const bank = banks.a;
  const person = bank.people[0];
  // Axe judges what is the same in both languages once.
  const axe = language === 'ja';
  const pc = await Portal.open(t, bank, { language, look: looker({ walk: `pc-${language}`, axe }) });
  const phone = await Phone.open(t, bank, { language, look: looker({ walk: `phone-${language}`, axe }) });
  const walker = { banks, bank, person, pc, phone, language, words: pc.words };

  await step(t, 'the first login leads to the top page, the menu and BOP001', () => firstLogin(walker));
  await step(t, 'the token is issued with a mail password out of a mail sent over STARTTLS', () => issueToken(walker));
  await step(t, 'the set-up survives a cut line and a lost answer and gives one token', () => setUp(walker));
  await step(t, 'the passcode is the same without a network', () => offline(walker));
  await step(t, 'the use is started with the phone’s passcode', () => startUse(walker));
  await step(t, 'the login asks for the passcode, and takes each one once', () => logInWithPasscode(walker));
  await step(t, 'five wrong passcodes lock for half an hour, the right one included', () => lockForATime(walker));
  await step(t, 'ten wrong passcodes lock until somebody unlocks', () => lockUntilUnlocked(walker));
  await step(t, 'the use is released with a passcode, and a token is offered again after the wait', () => release(walker));
}

async function firstLogin({ pc, person, words }) {
  await pc.logIn({ ...person, loginPassword: person.confirmationPassword });
  await pc.at('BLI001', { as: 'wrong', erring: true });
  await pc.says(words.loginRefused);
  await pc.logIn(person);
  await pc.at('BPT001');
  await pc.says(person.name, words.firstLogin, words.none);
  await pc.press(words.customer);
  await pc.at('BCI001');
  await pc.press(words.otp);
  await pc.at('BOP001');
  await pc.says(words.none);
}

async function issueToken(walker) {
  const { banks, bank, pc, person, language, words } = walker;
  const { smtp } = banks;
  await pc.toInput();
  const sentAt = await banks.now();
  await banks.advance(70_000);
  const code = await arrived(bank, person, 'code', { to: person.addresses });
  await refuseEntries(walker);
  await pc.enter(person);
  await pc.says(words.sent, person.phoneAddress);
  assert.equal(await pc.fact(words.sentAt), told(language, sentAt).moment);
  assert.equal(sentAtIn(code), await pc.fact(words.sentAt));
  assert.deepEqual(await pc.facts(words.sentTo), ['a-***@mail.example', 'a-***@work.example']);

  await refuseProofs(walker, secretIn(code));
  const after = (await smtp.mails()).length;
  const issuedAt = await banks.now();
  walker.ids = await pc.commit(person, secretIn(code));
  assert.equal(walker.ids.service, '4021 0735');
  assert.match(walker.ids.user, /^\d{4} \d{4} \d{4}$/);
  assert.equal(walker.ids.deadline, told(language, issuedAt + 72 * 60 * MINUTE).moment);
  const token = await arrived(bank, person, 'token', { to: [person.phoneAddress], after });
  assert.deepEqual(idsIn(token), walker.ids);
  assert.ok(!token.body.includes(person.startPassword));
  await arrived(bank, person, 'issued', { to: person.addresses, after });

  await pc.press(words.toOtp);
  await pc.at('BOP001', { as: 'issued' });
  await pc.says(words.afterIssue, words.issued(walker.ids.deadline));
  assert.deepEqual(await pc.ids(), walker.ids);
  await pc.logOut();
  await pc.says(walker.ids.deadline);
}

/** Wrong entries at BOT001: each field says so, and what is no secret stays. */
async function refuseEntries({ pc, person, words }) {
  const field = (label) => pc.page.getByLabel(`${words.required} ${label}`, { exact: true });
  await pc.fill({
    [words.address]: person.phoneAddress,
    [words.address2]: 'other@phone.example',
    [words.startPassword]: '１２３４',
    [words.startPassword2]: '1234',
  });
  await pc.press(words.next);
  await pc.at('BOT001', { as: 'wrong', erring: true });
  await pc.says(words.addressesDiffer, words.weak);
  const kept = [words.address, words.address2, words.startPassword].map((label) => field(label).inputValue());
  assert.deepEqual(await Promise.all(kept), [person.phoneAddress, 'other@phone.example', '']);
  // The list at the top leads to the field.
  await pc.page.getByRole('alert').getByRole('link', { name: words.addressesDiffer }).click();
  assert.equal(await field(words.address2).evaluate((input) => input === document.activeElement), true);
}

/** Wrong proofs at BOT002: both are told, neither is kept, nothing is issued. */
async function refuseProofs({ pc, bank, person, words }, secret) {
  await pc.fill({ [words.confirmationPassword]: person.loginPassword, [words.mailPassword]: notThis(secret) });
  await pc.press(words.commit);
  await pc.at('BOT002', { as: 'wrong', erring: true });
  await pc.says(words.confirmationWrong, words.mailPasswordWrong);
  assert.equal(await pc.page.getByLabel(`${words.required} ${words.mailPassword}`, { exact: true }).inputValue(), '');
  assert.deepEqual((await bank.show(person)).tokens, []);
}

async function setUp(walker) {
  const { banks, bank, phone, person, ids, language } = walker;
  const { page, words } = phone;
  const kept = { ...ids, startPassword: person.startPassword };
  delete kept.deadline;
  await phone.openApp();
  await phone.beginSetUp();
  await phone.type(ids, person.startPassword);

  await phone.browser.context.setOffline(true);
  await phone.tap(words.set);
  await phone.says(words.offline);
  await phone.look(page, 'set-up-offline');
  assert.deepEqual(await phone.typed(), kept);
  await phone.browser.context.setOffline(false);
  assert.deepEqual((await bank.show(person)).tokens.map((token) => token.state), ['issued']);

  // The server hears, answers, and the answer is lost on its way.
  const answers = [];
  await page.route('**/phone/v1/activations', async (route) => {
    const call = route.request();
    const headers = { 'content-type': 'application/json', 'user-agent': call.headers()['user-agent'] };
    const heard = { host: bank.tokenHost, path: '/phone/v1/activations', method: 'POST', headers, body: call.postData() };
    answers.push(JSON.parse((await ask(banks.port, heard)).body));
    await route.abort('connectionreset');
  });
  await phone.tap(words.retry);
  await phone.says(words.offline);
  assert.deepEqual(await phone.typed(), kept);
  assert.equal(answers.length, 1);
  assert.deepEqual((await bank.show(person)).tokens.map((token) => token.state), ['activated']);
  await page.unroute('**/phone/v1/activations');

  const again = page.waitForResponse('**/phone/v1/activations');
  await phone.tap(words.retry);
  const answer = await (await again).json();
  assert.equal(answer.activation_id, answers[0].activation_id);
  assert.equal(answer.token_id, answers[0].token_id);
  assert.equal(answer.box, answers[0].box);
  await phone.says(told(language, (await banks.now()) + 7 * 24 * 60 * MINUTE).moment);
  await phone.showPasscode();
  await arrived(bank, person, 'activated');
}

async function offline({ phone }) {
  const { page } = phone;
  const before = await phone.passcode();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await phone.browser.context.setOffline(true);
  await page.reload();
  await phone.heading(phone.words.title);
  assert.equal(await phone.passcode(), before);
  await phone.says(phone.words.clockUnknown);
  await phone.look(page, 'passcode-offline');
}

async function startUse(walker) {
  const { bank, pc, phone, person, words, language, banks } = walker;
  await pc.logIn(person);
  await pc.at('BPT001', { as: 'activated' });
  await pc.says(words.lastLogin(''));
  await pc.press(words.otp);
  await pc.at('BOP001', { as: 'activated' });
  await pc.says(words.activated(told(language, (await banks.now()) + 7 * 24 * 60 * MINUTE).moment));
  // The phone is still offline: its passcode needs nobody.
  walker.last = await phone.passcode();
  await pc.press(words.start);
  await pc.at('BOK001');
  assert.equal(await pc.fact(words.phoneKind), language === 'en' ? 'Android (Chrome)' : 'Android（Chrome）');
  await pc.press(words.next);
  await pc.at('BOK002');
  await pc.fill({ [words.passcode]: notThis(walker.last) });
  await pc.press(words.startUse);
  await pc.at('BOK002', { as: 'wrong', erring: true });
  await pc.says(words.wrong);
  await pc.fill({ [words.passcode]: walker.last });
  await pc.press(words.startUse);
  await pc.at('BOK003');
  await pc.says(words.started, told(language, (await banks.now()) + 120 * 60 * MINUTE).moment);
  await arrived(bank, person, 'started');
  await pc.press(words.backToOtp);
  await pc.at('BOP001', { as: 'in-use' });
  await pc.says(words.inUse);
  assert.equal(await pc.offers(words.issue), false);
  await pc.logOut();
  await phone.browser.context.setOffline(false);
}

async function logInWithPasscode(walker) {
  const { pc, phone, person, words } = walker;
  await pc.logIn(person);
  await pc.at('BLI002');
  await pc.verify(walker.last);
  await pc.at('BLI002', { as: 'used', erring: true });
  await pc.says(words.used);
  // A half session opens nothing.
  await pc.go('/top');
  await pc.at('BLI002');
  walker.last = await phone.nextPasscode();
  await pc.verify([...walker.last].map((digit) => String.fromCodePoint(digit.codePointAt(0) + 0xfee0)).join(''));
  await pc.at('BPT001', { as: 'in-use' });
  await pc.says(words.inUse);
  await pc.logOut();
  await pc.logIn(person);
  await pc.at('BLI002');
  await pc.verify(walker.last);
  await pc.at('BLI002', { as: 'used', erring: true });
  await pc.says(words.used);
  walker.last = await phone.nextPasscode();
  await pc.verify(walker.last);
  await pc.at('BPT001', { as: 'in-use' });
  await pc.logOut();
}

/** Guesses wrong some times, from BLI002; gives when the last guess was made. */
async function guess({ banks, pc, phone }, times) {
  const wrong = notThis(await phone.passcode());
  for (let time = 0; time < times; time += 1) {
    await pc.at('BLI002', { as: time === 0 ? '' : 'wrong', erring: time > 0 });
    await pc.verify(wrong);
  }
  return banks.now();
}

async function lockForATime(walker) {
  const { banks, bank, pc, phone, person, words, language } = walker;
  const after = (await banks.smtp.mails()).length;
  await phone.nextPasscode();
  await pc.logIn(person);
  const until = (await guess(walker, 5)) + 30 * MINUTE;
  const { time } = told(language, until);
  // The guess that locks is told so, and asked for no other.
  await pc.at('BLI002', { as: 'locked-for-a-time' });
  await pc.says(words.lockedUntil(time));
  assert.equal(await pc.offers(words.verify), false);
  const mail = await arrived(bank, person, 'lockedTime', { after });
  assert.ok(mail.body.includes(told(language, until).moment), mail.body);

  // Still locked a second before; nothing that was asked meanwhile has made it longer.
  await banks.advance(30 * MINUTE - 1000);
  await phone.wake();
  await pc.logIn(person);
  await pc.at('BLI002', { as: 'locked-for-a-time' });
  await pc.says(words.lockedUntil(time));
  assert.equal(await pc.offers(words.verify), false);
  await banks.advance(1000);
}

async function lockUntilUnlocked(walker) {
  const { banks, bank, pc, phone, person, words } = walker;
  const after = (await banks.smtp.mails()).length;
  await pc.logIn(person);
  await guess(walker, 5);
  await pc.at('BLI002', { as: 'locked' });
  await pc.says(words.locked);
  await arrived(bank, person, 'locked', { after });

  // Time alone does not help.
  await banks.advance(24 * 60 * MINUTE);
  await pc.logIn(person);
  await pc.at('BLI002', { as: 'locked' });
  await pc.says(words.locked);
  assert.equal(await pc.offers(words.verify), false);

  await bank.unlock(person);
  await pc.reload();
  await pc.at('BLI002');
  await pc.verify(await phone.nextPasscode());
  await pc.at('BPT001', { as: 'in-use' });
}

async function release(walker) {
  const { banks, bank, pc, phone, person, words, language } = walker;
  const after = (await banks.smtp.mails()).length;
  await pc.press(words.otp);
  await pc.at('BOP001', { as: 'in-use' });
  await pc.press(words.release);
  await pc.at('BOS001');
  await pc.fill({ [words.passcode]: notThis(await phone.passcode()) });
  await pc.press(words.releaseNow);
  await pc.at('BOS001', { as: 'wrong', erring: true });
  await pc.fill({ [words.passcode]: await phone.nextPasscode() });
  await pc.press(words.releaseNow);
  await pc.at('BOS002');
  const from = (await banks.now()) + 30 * MINUTE;
  await pc.says(words.released(told(language, from).moment));
  await arrived(bank, person, 'released', { after });
  await pc.press(words.backToOtp);
  await pc.at('BOP001', { as: 'released' });
  await pc.says(words.waitAfterRelease(told(language, from).time));
  assert.equal(await pc.offers(words.issue), false);
  await pc.logOut();

  // The passcode is asked no more, and the wait is kept to the second.
  await banks.advance(30 * MINUTE - 1000);
  await pc.logIn(person);
  await pc.at('BPT001', { as: 'released' });
  await pc.press(words.otp);
  await pc.at('BOP001', { as: 'released' });
  assert.equal(await pc.offers(words.issue), false);
  await banks.advance(1000);
  await pc.reload();
  await pc.at('BOP001', { as: 'released-waited' });
  const ids = await pc.issue(person);
  assert.notEqual(ids.user, walker.ids.user);
}

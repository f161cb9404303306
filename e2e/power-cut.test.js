/**
 * The program may be killed at any moment: a proof and its effect are there together or not at all, an
 * accepted passcode stays spent, and the customer goes on from where it was.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { startBanks } from './lib/bank.js';
import { secretIn } from './lib/mailbox.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { subject, wordsIn } from './lib/words.js';

const words = wordsIn('ja');
/** Milliseconds between the press of the button and the cut: before, in the middle of and after the work. */
const CUTS = [0, 8, 20, 60];

for (const engine of ['sqlite', 'postgres']) {
  test(`a power cut leaves a start whole or undone, on ${engine}`, async (t) => {
    const banks = await startBanks({ engine });
    t.after(() => banks.stop());
    const outcomes = [];
    for (const [at, wait] of CUTS.entries()) outcomes.push(await cutAtStart(t, banks, banks.a.people[at], wait));
    t.diagnostic(`after ${CUTS.join(', ')} ms: ${outcomes.join(', ')}`);
  });
}

for (const engine of ['sqlite', 'postgres']) {
  test(`the program is killed between each two steps, and in the middle of each, and the customer goes on, on ${engine}`, async (t) => {
    const banks = await startBanks({ engine });
    t.after(() => banks.stop());
    await cutEverywhere(t, banks, banks.a.people[0]);
  });
}

/** The steps of an issue: where each is, where it leads, and what is done there. */
const ISSUE = [
  { screen: 'BOT000', step: 'select', press: words.choose },
  { screen: 'BMP001', step: 'mail', press: words.ok },
  { screen: 'BOT001', step: 'input', press: words.next },
  { screen: 'BOT002', step: 'confirm', press: words.commit },
  { screen: 'BOT003', step: 'done' },
];

async function cutEverywhere(t, banks, person) {
  const bank = banks.a;
  const pc = await Portal.open(t, bank);
  const phone = await Phone.open(t, bank);
  await pc.logIn(person);
  await banks.crash();
  await pc.go('/otp');
  await pressAndCut(pc, banks, words.issue);
  // Nothing is lost by beginning again: the newer procedure ends the older.
  await pc.go('/otp');
  await pc.press(words.issue);
  await pc.at('BOT000');
  const procedure = await pc.page.locator('input[name=procedure]').first().inputValue();
  const page = ({ step }) => `/otp/issue/${step}?procedure=${procedure}`;
  for (const [at, { screen, press }] of ISSUE.entries()) {
    await banks.crash();
    await pc.go(page(ISSUE[at]));
    await pc.at(screen);
    if (!press) break;
    for (let tries = 0; ; tries += 1) {
      assert.ok(tries < 4, `${screen} never led on`);
      await fillIn(pc, bank, person, screen);
      await (tries === 0 ? pressAndCut(pc, banks, press) : pc.press(press));
      await pc.go(page(ISSUE[at + 1]));
      if ((await screenOf(pc)) === ISSUE[at + 1].screen) break;
      await pc.go(page(ISSUE[at]));
      if ((await screenOf(pc)) === screen) continue;
      // A browser sends a form again by itself when the line is cut: its effect may come between the two looks.
      await pc.go(page(ISSUE[at + 1]));
      await pc.at(ISSUE[at + 1].screen);
      break;
    }
  }
  const ids = await pc.ids();

  await phone.openApp();
  await phone.beginSetUp();
  await phone.type(ids, person.startPassword);
  await phone.page.getByRole('button', { name: phone.words.set, exact: true }).tap();
  await pause(10);
  await banks.crash();
  if ((await phone.page.getByRole('heading', { level: 1 }).textContent()) !== phone.words.done) {
    await phone.page.getByRole('button', { name: phone.words.retry, exact: true }).tap({ timeout: 10_000 }).catch(() => {});
  }
  await phone.showPasscode();

  await pc.go('/otp');
  await pressAndCut(pc, banks, words.start);
  await pc.go('/otp');
  await pc.press(words.start);
  await pc.at('BOK001');
  await banks.crash();
  await pc.press(words.next);
  await pc.at('BOK002');
  await banks.crash();
  await banks.advance(61_000);
  await pc.fill({ [words.passcode]: await phone.nextPasscode() });
  await pc.press(words.startUse);
  await pc.at('BOK003');
  await banks.crash();
  await pc.go('/otp');
  await pc.press(words.release);
  await pc.at('BOS001');
  await banks.crash();
  await pc.fill({ [words.passcode]: await phone.nextPasscode() });
  await pc.press(words.releaseNow);
  await pc.at('BOS002');
  await banks.crash();

  const { tokens, otp_required: required } = await bank.show(person);
  assert.deepEqual([tokens.map((token) => token.state), required], [['released'], false]);
  // A mail that was on its way at the last cut is taken up again when the lease of the dead worker ends.
  await banks.advance(61_000);
  for (const kind of ['token', 'issued', 'activated', 'started', 'released']) await sentOnce(banks, bank, person, kind);
}

/** Each mail was sent at least once; what was sent twice is the same mail, by its Message-ID. */
async function sentOnce(banks, bank, person, kind) {
  const wanted = subject(bank, person.language, kind);
  const to = kind === 'token' ? person.phoneAddress : person.addresses[0];
  await banks.smtp.waitForMail({ to, subject: wanted, seconds: 90 });
  const mails = (await banks.smtp.mails()).filter((mail) => mail.subject === wanted && mail.to.includes(to));
  const ids = new Set(mails.map((mail) => mail.headers['message-id']));
  assert.equal(ids.size, 1, `${kind} to ${to}: ${[...ids].join(', ')}`);
}

async function screenOf(pc) {
  return (await pc.page.locator('.screen-id').textContent()).replace(/^.*: /, '');
}

/** What a page of the issue asks for. */
async function fillIn(pc, bank, person, screen) {
  if (screen === 'BOT001') {
    await pc.fill({
      [words.address]: person.phoneAddress,
      [words.address2]: person.phoneAddress,
      [words.startPassword]: person.startPassword,
      [words.startPassword2]: person.startPassword,
    });
  }
  if (screen === 'BOT002') {
    const secret = await newestSecret(bank, person, await pc.fact(words.sentAt));
    await pc.fill({ [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: secret });
  }
}

/** The mail password of the mail whose time of sending the page shows. */
async function newestSecret(bank, person, sentAt) {
  for (let tries = 0; tries < 600; tries += 1) {
    const mails = await bank.banks.smtp.mails();
    const mail = mails.find((one) => one.to.includes(person.addresses[0]) && one.body.includes(sentAt) && one.subject === subject(bank, person.language, 'code'));
    if (mail) return secretIn(mail);
    // One that was on its way at the cut is taken up again when the lease of the dead worker ends.
    if (tries === 50) await bank.banks.advance(61_000);
    await pause(100);
  }
  throw new Error(`no mail password of ${sentAt}`);
}

/** Presses a button and kills the program while it may be at work; nobody waits for the answer. */
async function pressAndCut(pc, banks, name) {
  await pc.page.evaluate((label) => [...document.querySelectorAll('button')].find((b) => b.textContent === label).click(), name);
  await pause(Math.round(Math.random() * 30));
  await banks.crash();
  await afterCut(pc);
}

/**
 * What the browser shows of a cut line may come late, and would interrupt where one goes next; so may a page
 * that was gone to and given up. Goes on when one navigation has come to its end undisturbed.
 */
async function afterCut(pc) {
  await pc.page.waitForLoadState('networkidle').catch(() => {});
  for (let tries = 1; ; tries += 1) {
    try {
      await pc.go('/');
      return;
    } catch (error) {
      if (tries === 10) throw error;
    }
  }
}

async function cutAtStart(t, banks, person, wait) {
  const bank = banks.a;
  const pc = await Portal.open(t, bank);
  const phone = await Phone.open(t, bank);
  await pc.logInToOtp(person);
  await phone.setUp(await pc.issue(person), person.startPassword);
  await pc.press(words.toOtp);
  await pc.press(words.start);
  await pc.press(words.next);
  await pc.at('BOK002');
  const passcode = await phone.passcode();
  await pc.fill({ [words.passcode]: passcode });
  // The answer may never come: nobody waits for it.
  await pc.page.evaluate((name) => [...document.querySelectorAll('button')].find((b) => b.textContent === name).click(), words.startUse);
  await pause(wait);
  await banks.crash();
  await afterCut(pc);

  const { tokens, otp_required: required } = await bank.show(person);
  assert.equal(tokens.length, 1);
  const [{ state }] = tokens;
  assert.equal(required, state === 'in_use', `${state}, and the passcode is ${required ? '' : 'not '}demanded`);
  await pc.logIn(person);
  if (state === 'in_use') {
    await pc.at('BLI002');
    await pc.verify(passcode);
    await pc.says(words.used);
    await pc.verify(await phone.nextPasscode());
    await pc.at('BPT001', { as: 'in-use' });
  } else {
    assert.equal(state, 'activated');
    await pc.at('BPT001', { as: 'activated' });
    await pc.press(words.otp);
    await pc.startUse(await phone.nextPasscode());
  }
  assert.deepEqual((await bank.show(person)).tokens.map((token) => token.state), ['in_use']);
  await pc.logOut();
  return state;
}

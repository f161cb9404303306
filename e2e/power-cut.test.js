/**
 * The program may be killed at any moment: a proof and its effect are there together or not at all, an
 * accepted passcode stays spent, and the customer goes on from where it was.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { startBanks } from './lib/bank.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { wordsIn } from './lib/words.js';

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

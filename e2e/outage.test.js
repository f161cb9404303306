/** The database goes away in the middle of a procedure: the page says so, nothing is half done, and the customer goes on. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { looker } from './lib/look.js';
import { mailPassword } from './lib/mailbox.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { wordsIn } from './lib/words.js';

const words = wordsIn('ja');
const AWAY = 'ただいま、ご利用いただけません。';

test('a procedure survives a database that goes and comes back before each of its steps', async (t) => {
  const banks = await startBanks({ engine: 'postgres' });
  // Its log has errors, and must: the database was away.
  t.after(() => banks.stop().catch((error) => assert.match(error.message, /the server's log has errors/)));
  const bank = banks.a;
  const [person] = bank.people;
  const pc = await Portal.open(t, bank, { look: looker({ walk: 'outage' }) });
  const phone = await Phone.open(t, bank);

  /** What is pressed without a database is told as not done, and done when it is back. */
  const through = async (screen, fill, press) => {
    const { pathname, search } = new URL(pc.page.url());
    await fill();
    await banks.databaseGoes();
    await pc.press(press);
    await pc.at('BER008', { as: 'away' });
    await pc.says(AWAY);
    await banks.databaseComes();
    await pc.go(pathname + search);
    await pc.at(screen);
    await fill();
    await pc.press(press);
  };
  const nothing = async () => {};

  await pc.logInToOtp(person);
  await through('BOP001', nothing, words.issue);
  await through('BOT000', nothing, words.choose);
  const after = (await banks.smtp.mails()).length;
  await through('BMP001', nothing, words.ok);
  const entry = {
    [words.address]: person.phoneAddress,
    [words.address2]: person.phoneAddress,
    [words.startPassword]: person.startPassword,
    [words.startPassword2]: person.startPassword,
  };
  await through('BOT001', () => pc.fill(entry), words.next);
  const secret = await mailPassword(bank, person, after);
  const proofs = { [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: secret };
  await through('BOT002', () => pc.fill(proofs), words.commit);
  await pc.at('BOT003');
  const ids = await pc.ids();

  await phone.openApp();
  await phone.beginSetUp();
  await phone.type(ids, person.startPassword);
  await banks.databaseGoes();
  await phone.tap(phone.words.set);
  await phone.page.getByRole('button', { name: phone.words.retry }).waitFor();
  await banks.databaseComes();
  await phone.tap(phone.words.retry);
  await phone.showPasscode();

  await pc.go('/otp');
  await pc.startUse(await phone.passcode());
  assert.deepEqual((await bank.show(person)).tokens.map(({ state }) => state), ['in_use']);
});

/** The whole way on the bank's pages with the keyboard alone; each stop of the focus can be seen. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { Keyboard } from './lib/keyboard.js';
import { Phone } from './lib/phone.js';
import { wordsIn } from './lib/words.js';

for (const language of ['ja', 'en']) {
  test(`a customer without a mouse issues, starts, logs in, mends an entry and releases (${language})`, async (t) => {
    const words = wordsIn(language);
    const banks = await startBanks({ language });
    t.after(() => banks.stop());
    const bank = banks.a;
    const [person] = bank.people;
    const pc = await Keyboard.open(t, bank, { language });
    const phone = await Phone.open(t, bank, { language });

    await pc.logInToOtp(person);
    await pc.page.keyboard.press('Tab');
    assert.equal(await focused(pc), words.skip, 'the first stop leads past the head of the page');
    await pc.page.keyboard.press('Enter');
    await pc.page.keyboard.press('Tab');
    assert.equal(await pc.page.evaluate(() => document.activeElement.closest('main') !== null), true);

    await pc.toInput();
    await pc.fill({ [words.address]: 'not an address' });
    await pc.press(words.next);
    await pc.at('BOT001', { as: 'wrong', erring: true });
    // What is wrong is told first, and leads to its field.
    const first = pc.page.locator('#errors').getByRole('link').first();
    await pc.reach(first, 'the first error');
    await pc.page.keyboard.press('Enter');
    assert.equal(await pc.page.evaluate(() => document.activeElement.getAttribute('aria-invalid')), 'true');
    await pc.go('/otp');
    const ids = await pc.issue(person);

    await phone.setUp(ids, person.startPassword);
    await pc.press(words.toOtp);
    await pc.startUse(await phone.passcode());
    await pc.logOut();
    await banks.advance(61_000);
    await phone.wake();
    await pc.logInToOtp(person, await phone.passcode());
    await pc.press(words.release);
    await pc.at('BOS001');
    await pc.fill({ [words.passcode]: await phone.nextPasscode() });
    await pc.press(words.releaseNow);
    await pc.at('BOS002');
    const { tokens } = await bank.show(person);
    assert.deepEqual(tokens.map(({ state }) => state), ['released']);
  });
}

/** What the focus stands on, by its text. */
async function focused(pc) {
  return pc.page.evaluate(() => document.activeElement?.textContent.trim());
}

/** Walks that wait for real time, side by side: deadlines, the program itself, the demo. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { looker } from './lib/look.js';
import { arrived, mailPassword } from './lib/mailbox.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { Server, ask, freePorts, needed } from './lib/process.js';
import { wordsIn } from './lib/words.js';

const SECOND = 1000;
const DAY = 86_400_000;
// The server looks for what is overdue twice a minute.
const SWEEP = 45;
const words = wordsIn('ja');

describe('walks that wait', { concurrency: 8 }, () => {
  test('an issue dies by its deadlines to the second, says so, is told by mail, and can be made again', async (t) => {
    const banks = await startBanks();
    t.after(() => banks.stop());
    const bank = banks.a;
    const [late, slow] = bank.people;
    const [latePc, slowPc] = await Promise.all([Portal.open(t, bank), Portal.open(t, bank)]);
    await latePc.logInToOtp(late);
    const lateIds = await latePc.issue(late);
    await slowPc.logInToOtp(slow);
    const slowIds = await slowPc.issue(slow);
    const slowPhone = await Phone.open(t, bank);
    await slowPhone.setUp(slowIds, slow.startPassword);
    const after = (await banks.smtp.mails()).length;

    await banks.advance(3 * DAY - SECOND);
    await latePc.logInToOtp(late);
    await latePc.says(words.issued(lateIds.deadline));
    const latePhone = await Phone.open(t, bank);
    await latePhone.openApp();
    await latePhone.beginSetUp();
    await latePhone.type(lateIds, late.startPassword);
    await banks.advance(SECOND);
    await latePhone.tap(latePhone.words.set);
    await latePhone.says(latePhone.words.refused);
    await latePc.reload();
    await latePc.at('BOP001');
    await latePc.says('期限までに初期設定が行われなかったため、トークンの発行は取り消されました。もう一度「トークン発行」から行ってください。');
    assert.equal(await latePc.offers(words.issue), true);

    await slowPc.logInToOtp(slow);
    assert.equal(await slowPc.offers(words.start), true);
    await banks.advance(4 * DAY - SECOND);
    await slowPc.logInToOtp(slow);
    await slowPc.press(words.start);
    await slowPc.at('BOK001');
    await slowPc.press(words.next);
    await slowPc.at('BOK002');
    await slowPhone.wake();
    const passcode = await slowPhone.nextPasscode();
    await slowPc.fill({ [words.passcode]: passcode });
    await slowPc.press(words.startUse);
    await slowPc.at('BER003');
    await slowPc.press(words.backToOtp);
    await slowPc.at('BOP001');
    assert.equal(await slowPc.offers(words.start), false);
    assert.equal(await slowPc.offers(words.issue), true);
    for (const person of [late, slow]) {
      await arrived(bank, person, 'dead', { after, seconds: SWEEP });
      assert.deepEqual((await bank.show(person)).tokens.map((token) => token.state), ['expired']);
    }
    await slowPc.reload();
    await slowPc.issue(slow);
    await latePc.logInToOtp(late);
    await latePc.issue(late);
    await latePc.press(words.toOtp);
    await latePc.at('BOP001');
    await latePc.says('【手順2が残っています】');
  });

  test('what was set up but not started in time is not said to lack its set-up', async (t) => {
    const banks = await startBanks();
    t.after(() => banks.stop());
    const bank = banks.a;
    const [person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const phone = await Phone.open(t, bank);
    await phone.setUp(await pc.issue(person), person.startPassword);
    await banks.advance(7 * DAY);
    await pc.logInToOtp(person);
    await pc.says('期限までに', '取り消されました');
    await pc.saysNot('期限までに初期設定が行われなかったため');
  });

  test('a customer walks to the first login with a passcode in real time', async (t) => {
    const banks = await startBanks({ clock: 'real' });
    t.after(() => banks.stop());
    const bank = banks.b;
    const [person] = bank.people;
    const pc = await Portal.open(t, bank);
    await pc.logInToOtp(person);
    const ids = await pc.issue(person);
    await arrived(bank, person, 'token', { to: [person.phoneAddress] });
    const phone = await Phone.open(t, bank);
    await phone.setUp(ids, person.startPassword);
    await pc.press(words.toOtp);
    const first = await phone.passcode();
    await pc.startUse(first);
    await pc.logOut();
    const second = await phone.nextPasscode();
    await pc.logInToOtp(person, second);
    await pc.says(words.inUse);
    await arrived(bank, person, 'started');

    const log = await banks.server.text();
    assert.match(log, /request.*path="\/otp\/start\/passcode" status=303/);
    const cookies = await pc.browser.context.cookies(bank.ib);
    const secrets = [first, second, await mailPassword(bank, person), ids.user.replaceAll(' ', ''), ...cookies.map(({ value }) => value)];
    secrets.push(person.startPassword, person.loginPassword, person.confirmationPassword, ...person.addresses, person.phoneAddress);
    for (const secret of secrets) assert.ok(!log.includes(secret), 'the log holds a secret or an address');

    // Behind its proxy it serves TLS only, and says so.
    const { headers } = await ask(banks.port, { host: bank.ibHost, path: '/login' });
    assert.equal(headers['strict-transport-security'], 'max-age=63072000');
    assert.equal(headers['cache-control'], 'no-store');
  });

  test('the demo shows every step, carries on when started again, and begins anew when asked', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'warifu-demo-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const [port] = await freePorts(1);
    const bank = await startDemo(t, directory, port);
    const printed = await bank.server.text();
    for (const part of [`${bank.ib}/`, `${bank.ib}/demo/mailbox`, `${bank.token}/demo/phone`, ...Object.values(PEOPLE).flatMap(Object.values)]) {
      assert.ok(printed.includes(part), `${part} is not among what was printed:\n${printed}`);
    }

    const look = looker({ walk: 'demo' });
    const pc = await Portal.open(t, bank);
    await pc.logIn(PEOPLE.fresh);
    await pc.at('BPT001', { as: 'fresh' });
    await pc.says(words.none);
    await pc.logOut();

    const [phone, other] = [await Phone.open(t, bank), await Phone.open(t, bank)];
    await phone.page.goto(`${bank.token}/demo/phone`);
    await look(phone.page, 'phone');
    const both = await Promise.all([putOn(phone, bank, PEOPLE.inUse), putOn(other, bank, PEOPLE.inUse)]);
    // They may have been read in two steps.
    if (both[0] !== both[1]) assert.equal(await phone.passcode(), await other.passcode());

    await pc.logIn(PEOPLE.activated);
    await pc.at('BPT001', { as: 'activated' });
    const theirs = await Phone.open(t, bank);
    await putOn(theirs, bank, PEOPLE.activated);
    await pc.press(words.otp);
    await pc.at('BOP001', { as: 'activated' });
    await pc.startUse(await theirs.passcode());
    await pc.logOut();

    await pc.logIn(PEOPLE.inUse);
    await pc.at('BLI002');
    const used = await phone.nextPasscode();
    await pc.verify(used);
    await pc.at('BPT001', { as: 'in-use' });
    await pc.logOut();

    await pc.go('/demo/mailbox');
    await pc.page.getByRole('heading', { level: 1, name: 'デモ用のメールボックス' }).waitFor();
    await look(pc.page, 'mailbox');
    for (const kind of ['code', 'token', 'issued', 'activated', 'started']) {
      const subject = `【割符デモ銀行】${words.mails[kind]}`;
      assert.ok((await pc.page.getByRole('heading', { level: 2, name: subject, exact: true }).count()) > 0, subject);
    }
    const mails = await pc.page.getByRole('listitem').count();

    await bank.server.stop();
    const again = await startDemo(t, directory, port);
    await pc.logIn(PEOPLE.inUse);
    await pc.at('BLI002');
    await pc.verify(used);
    await pc.at('BLI002', { as: 'used', erring: true });
    await pc.logIn(PEOPLE.activated);
    await pc.at('BLI002');
    await pc.go('/demo/mailbox');
    assert.equal(await pc.page.getByRole('listitem').count(), mails);

    await again.server.stop();
    await startDemo(t, directory, port, '--reset');
    await pc.logIn(PEOPLE.activated);
    await pc.at('BPT001', { as: 'activated' });
    await pc.press(words.otp);
    assert.equal(await pc.offers(words.start), true);
  });

  test('the demo is only where it is asked for, and only on this machine', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'warifu-demo-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const [port] = await freePorts(1);
    const bank = await startDemo(t, directory, port);
    for (const path of ['/demo/mailbox', '/demo/phone']) {
      assert.equal((await ask(port, { host: 'evil.example', path })).status, 421, path);
    }
    // Seen by a person: every page says that this is no real bank.
    const pc = await Portal.open(t, bank);
    await pc.go('/login');
    await pc.page.getByText('お試し用の画面です。本当の銀行のものではありません。').waitFor();
  });
});

/** Who one can be in the demo. */
const PEOPLE = {
  fresh: { loginId: 'sakura01', loginPassword: 'Hajimete-2026', confirmationPassword: 'Kakunin-1951' },
  activated: { loginId: 'minato02', loginPassword: 'Tochuu-2026', confirmationPassword: 'Kakunin-1988' },
  inUse: { loginId: 'kaede003', loginPassword: 'Riyouchuu-2026', confirmationPassword: 'Kakunin-1974' },
};

/** Starts the demo; gives it as a bank, in real time. */
async function startDemo(t, directory, port, ...more) {
  const log = join(directory, `demo-${more.join('')}${Date.now()}.log`);
  const line = ['demo', '--dir', join(directory, 'demo'), '--port', String(port), ...more];
  const server = new Server(needed('WARIFU_PROGRAM'), line, { directory, log });
  t.after(() => server.stop());
  await server.ready(port, { host: 'ib.localhost', path: '/login' });
  return {
    server,
    ib: `http://ib.localhost:${port}`,
    token: `http://token.localhost:${port}`,
    name: { ja: '割符デモ銀行', en: 'Warifu Demo Bank' },
    rules: { passcodeDigits: 6, period: 60 },
    banks: { isManual: false, follow: async () => () => {} },
  };
}

/** Puts a customer's token on a phone, from the demo's own page. */
async function putOn(phone, bank, { loginId }) {
  await phone.page.goto(`${bank.token}/demo/phone`);
  const item = phone.page.getByRole('listitem').filter({ hasText: loginId });
  await item.getByRole('button', { name: 'この携帯電話に入れる' }).tap();
  await phone.heading(phone.words.title);
  return phone.passcode();
}

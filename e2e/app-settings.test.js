/** What an institution sets reaches its app: the zone in which times are told, and from when on an end is near. */

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { startBanks } from './lib/bank.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { ask } from './lib/process.js';
import { told, wordsIn } from './lib/words.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const words = wordsIn('ja');

/** A moment in Honolulu, which knows no summer time: 19 hours behind Tokyo. */
const toldThere = (at) => told('ja', at - 19 * HOUR).moment;

test('an app of a bank in Honolulu tells the times of Honolulu, as the bank’s pages do', async (t) => {
  const banks = await startBanks();
  t.after(() => banks.stop());
  const bank = banks.a;
  const file = (path) => ask(banks.port, { host: bank.tokenHost, path }).then(({ body }) => body.toString());
  const before = await file('/app/sw.js');
  assert.equal(await file('/app/sw.js'), before);
  const others = await ask(banks.port, { host: banks.b.tokenHost, path: '/app/config.json' });

  const path = join(banks.directory, 'bank-a.toml');
  const document = (await readFile(path, 'utf8')).replace('Asia/Tokyo', 'Pacific/Honolulu');
  await writeFile(path, `${document}[policy.token]\nexpiry_notice = "60d"\n`);
  await banks.run('institution', 'apply', path);
  const config = await applied(() => file('/app/config.json'));
  assert.deepEqual([config.zone, config.expiry_notice_days], ['Pacific/Honolulu', 60]);
  assert.notEqual(await file('/app/sw.js'), before, 'a phone that has the app would not take the new words up');
  const still = await ask(banks.port, { host: banks.b.tokenHost, path: '/app/config.json' });
  assert.deepEqual(still.body, others.body);

  const [person] = bank.people;
  const pc = await Portal.open(t, bank);
  await pc.logInToOtp(person);
  const ids = await pc.issue(person);
  const phone = await Phone.open(t, bank);
  await phone.openApp();
  await phone.beginSetUp();
  await phone.type(ids, person.startPassword);
  await phone.tap(phone.words.set);
  await phone.heading(phone.words.done);
  const deadline = toldThere((await banks.now()) + 7 * DAY);
  await phone.says(`（期限：${deadline}）`);
  await pc.press(words.toOtp);
  await pc.says(words.activated(deadline));

  const end = (await banks.now()) + 60 * DAY;
  await phone.keep([{ validUntil: end }]);
  await phone.says(`有効期限　${toldThere(end).split(' ')[0]}`);
  await phone.says('有効期限まで、あと60日です。');
  const [hour, minute] = toldThere(await banks.now()).split(' ')[1].split(/[時分]/);
  await phone.says(`（${hour}時${minute}分に確認）`);
});

/** The configuration once it is the new one: a running server looks every two seconds. */
async function applied(read) {
  for (const deadline = Date.now() + 15_000; ; await pause(100)) {
    const config = JSON.parse(await read());
    if (config.zone !== 'Asia/Tokyo') return config;
    if (Date.now() > deadline) throw new Error('the server does not take the new document up');
  }
}

/** `warifu backup` and `warifu restore`, as an engineer runs them beside and without a server. */

import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { CONFIGURATION, Place, REFUSED, customers } from './lib/place.js';

describe('copies', { concurrency: true }, () => {
  test('a backup is made beside a server, and put in place once that has ended; what was stopped since stays so', async (t) => {
    const place = await Place.ready(t);
    await place.must(['customers', 'import', await place.write('customers.csv', customers({ broken: false }))]);
    const { server } = await place.serve(t);
    const { bytes } = await place.json(['backup', 'copy.db']);
    const { size, mode } = await stat(join(place.directory, 'copy.db'));
    assert.deepEqual([size, mode & 0o777], [bytes, 0o600]);
    await place.refuses(REFUSED, ['backup', 'copy.db'], ['copy.db is there already']);
    await place.must(['customers', 'stop', 'sakura01']);
    await place.refuses(REFUSED, ['restore', 'copy.db'], ['another Warifu uses this database', 'stop `warifu serve`']);
    await server.stop();

    const told = await place.must(['restore', 'copy.db']);
    assert.match(told, /^warifu\.db is the copy now\.$/m);
    assert.match(told, /^Taken over from what stood there: used tokens 0, ended tokens 0, customers 1, revoked API keys 0\.$/m);
    const [, aside] = /^What stood there is kept as (warifu\.db\.replaced-\d{8}T\d{6}Z); destroy/m.exec(told);
    await stat(join(place.directory, aside));
    const { suspended_at: since } = await place.json(['customers', 'show', 'sakura01']);
    assert.ok(since);
    assert.match(await place.must(['customers', 'history', 'sakura01']), /customer\.stopped/);
    const { checks } = await place.json(['doctor'], { WARIFU_LISTEN__IB: '127.0.0.1:8080' });
    assert.deepEqual(checks.filter(({ mark }) => mark === 'fail'), []);
    const again = await place.serve(t);
    await again.server.stop();
  });

  test('a copy that cannot be used changes nothing, and what stood there may be beyond reading', async (t) => {
    const place = await Place.ready(t);
    await place.must(['backup', 'copy.db']);
    await place.write('letter.txt', 'Dear customer, '.repeat(1_000));
    for (const [words, said] of [
      [['restore'], 'name the copy: `warifu restore FILE`'],
      [['restore', 'gone.db'], 'gone.db: there is no such file'],
      [['restore', 'letter.txt'], 'letter.txt cannot be used: '],
      [['restore', 'warifu.db'], 'warifu.db is the database itself'],
    ]) {
      await place.refuses(REFUSED, words, [said]);
    }
    await place.must(['keys', 'create'], { WARIFU_KEYS__FILE: 'other.keys' });
    await place.refuses(CONFIGURATION, ['restore', 'copy.db'], ['this key does not open the institutions'], { WARIFU_KEYS__FILE: 'other.keys' });
    await place.must(['institution', 'list']);
    const files = (await readdir(place.directory)).filter((name) => name.includes('restoring') || name.includes('replaced'));
    assert.deepEqual(files, []);

    await place.write('warifu.db', 'not a database any more'.repeat(500));
    // A log that was left behind would be played into whatever takes the name.
    await place.write('warifu.db-wal', 'left by a server that died');
    await place.refuses(REFUSED, ['restore', 'copy.db'], ['nothing can be taken over', '--without-takeover']);
    const told = await place.must(['restore', 'copy.db', '--without-takeover']);
    assert.match(told, /^Nothing could be taken over from what stood there \(.+\): stops, revocations, .+ Do them again before you serve\.$/m);
    const aside = (await readdir(place.directory)).filter((name) => name.includes('replaced'));
    assert.ok(aside.some((name) => /^warifu\.db\.replaced-\d{8}T\d{6}Z$/.test(name)), aside.join(', '));
    const log = await readFile(join(place.directory, 'warifu.db-wal'), 'utf8').catch(() => '');
    assert.ok(!log.includes('left by'));
    assert.match(await place.must(['institution', 'list']), /10203040/);
  });
});

/**
 * The command line as the bank's engineers meet it: what each verb says, with which exit code, and that none
 * ever says a secret. The real program, a database of its own.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { CONFIGURATION, DOCUMENT, FAILED, Place, REFUSED, SECRETS, SERVICE, USAGE, customers } from './lib/place.js';
import { ask, freePorts } from './lib/process.js';

describe('usage', { concurrency: true }, () => {
  test('every noun and verb explains itself', async (t) => {
    const place = await Place.make(t);
    const nouns = {
      keys: ['create'],
      'api-keys': ['create', 'list', 'revoke'],
      institution: ['create', 'apply', 'list'],
      customers: ['import', 'show', 'unlock'],
    };
    for (const [noun, verbs] of Object.entries(nouns)) {
      const help = await place.must([noun, '--help']);
      for (const verb of verbs) {
        assert.match(help, new RegExp(`^  ${verb} +\\S`, 'm'), `${noun} --help`);
        assert.ok((await place.must([noun, verb, '--help'])).includes(`Usage: warifu ${noun} ${verb}`));
      }
    }
    const all = await place.must(['help']);
    for (const command of ['serve', 'demo', 'migrate', 'doctor', 'backup', 'restore', ...Object.keys(nouns)]) {
      assert.match(all, new RegExp(`^  ${command} +\\S`, 'm'));
      assert.ok((await place.must([command, '--help'])).includes(`Usage: warifu ${command}`));
    }
    assert.match(await place.must(['--version']), /^warifu \d+\.\d+\.\d+\n$/);
  });

  test('words that are not known are a wrong usage', async (t) => {
    const place = await Place.make(t);
    await place.refuses(USAGE, [], ['Usage: warifu']);
    await place.refuses(USAGE, ['customer', 'show'], ["'customers'"]);
    await place.refuses(USAGE, ['customers', 'delete', 'x'], ["'delete'"]);
    await place.refuses(USAGE, ['customers', 'show'], ['<CUSTOMER>']);
    await place.refuses(USAGE, ['serve', '--port', '1'], ["'--port'"]);
    await place.refuses(USAGE, ['demo', '--host', 'demo.test'], ['--tls-cert']);
  });
});

describe('configuration', { concurrency: true }, () => {
  test('an unknown key is refused with the nearest known one', async (t) => {
    const place = await Place.make(t);
    await place.write('warifu.toml', '[database]\nulr = "sqlite:x.db"\n');
    const said = ['database.ulr: there is no such setting; the nearest is database.url'];
    await place.refuses(CONFIGURATION, ['--config', 'warifu.toml', 'doctor'], said);
    await place.refuses(CONFIGURATION, ['doctor'], said, { WARIFU_CONFIG: 'warifu.toml' });
  });

  test('an unknown variable is refused like an unknown key', async (t) => {
    const place = await Place.make(t);
    const said = ['proxies.trsuted', 'the nearest is proxies.trusted'];
    await place.refuses(CONFIGURATION, ['migrate'], said, { WARIFU_PROXIES__TRSUTED: '127.0.0.1' });
    await place.refuses(CONFIGURATION, ['migrate'], ['smtp.password_file'], { WARIFU_SMTP__PASSWORD: SECRETS.relay });
  });

  test('a wrong value is refused with its key', async (t) => {
    const place = await Place.make(t);
    const wrong = {
      WARIFU_LISTEN__IB: 'here',
      WARIFU_DATABASE__URL: `mysql://warifu:${SECRETS.database}@db.example/warifu`,
      WARIFU_DATABASE__MAX_CONNECTIONS: '501',
      WARIFU_SMTP__PORT: '587',
      WARIFU_LOG__LEVEL: 'loud',
    };
    for (const [name, value] of Object.entries(wrong)) {
      const key = name.replace('WARIFU_', '').replace('__', '.').toLowerCase();
      await place.refuses(CONFIGURATION, ['doctor'], [`configuration: ${key}: `], { [name]: value });
    }
  });

  test('a file that is not there, or no TOML, is refused without its lines', async (t) => {
    const place = await Place.make(t);
    await place.refuses(CONFIGURATION, ['--config', 'none.toml', 'doctor'], ['cannot read none.toml']);
    await place.write('broken.toml', `[database]\nurl = "postgres://warifu:${SECRETS.database}@db/warifu\n`);
    await place.refuses(CONFIGURATION, ['--config', 'broken.toml', 'doctor'], ['broken.toml is not TOML: line 2']);
  });

  test('a key file that is missing, open to others, or none is refused', async (t) => {
    const place = await Place.ready(t, { bank: false });
    const list = ['institution', 'list'];
    await place.refuses(CONFIGURATION, list, ['keys.file: cannot read gone.keys', '`warifu keys create` makes one'], { WARIFU_KEYS__FILE: 'gone.keys' });
    await chmod(join(place.directory, 'warifu.keys'), 0o640);
    await place.refuses(CONFIGURATION, list, ['keys.file: warifu.keys can be read by others']);
    await chmod(await place.write('other.keys', SECRETS.relay), 0o600);
    await place.refuses(CONFIGURATION, list, ['keys.file: other.keys is no key file'], { WARIFU_KEYS__FILE: 'other.keys' });
  });

  test('the key of another installation is told as what it is', async (t) => {
    const place = await Place.ready(t);
    const other = { WARIFU_KEYS__FILE: 'another.keys' };
    await place.must(['keys', 'create'], other);
    for (const verb of [['institution', 'list'], ['customers', 'list'], ['serve']]) {
      await place.refuses(CONFIGURATION, verb, ['keys.file: this key does not open the institutions of this database'], other);
    }
  });

  test('serve without an address, or with one that is taken, says which key', async (t) => {
    const place = await Place.ready(t);
    await place.refuses(CONFIGURATION, ['serve'], ['listen.ib, listen.token, listen.api: none is set']);
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    const address = `127.0.0.1:${other.address().port}`;
    await place.refuses(CONFIGURATION, ['serve'], [`listen.token: cannot listen on ${address}`], { WARIFU_LISTEN__TOKEN: address });
  });
});

describe('keys, tables and institutions', { concurrency: true }, () => {
  test('a key file is made once, for its owner only', async (t) => {
    const place = await Place.make(t);
    assert.match(await place.must(['keys', 'create']), /^Made warifu\.keys\. Keep a copy/);
    const { mode } = await stat(join(place.directory, 'warifu.keys'));
    assert.equal(mode & 0o777, 0o600);
    await place.refuses(REFUSED, ['keys', 'create'], ['warifu.keys is there already; it stays as it is']);
    assert.deepEqual(await place.json(['keys', 'create'], { WARIFU_KEYS__FILE: 'more.keys' }), { file: 'more.keys' });
  });

  test('a database without tables is refused with what makes them', async (t) => {
    const place = await Place.make(t);
    await place.must(['keys', 'create']);
    const settings = { WARIFU_LISTEN__IB: '127.0.0.1:1' };
    for (const words of ['serve', 'institution list', 'customers show 1']) {
      await place.refuses(REFUSED, words.split(' '), ['there is no database yet: run `warifu migrate`'], settings);
    }
    // A file that is there and empty is a database with the oldest schema of all.
    await place.write('warifu.db', '');
    await place.refuses(REFUSED, ['serve'], ['the database has schema 0', 'run `warifu migrate`'], settings);
  });

  test('migrate can be run again', async (t) => {
    const place = await Place.make(t);
    assert.deepEqual(await place.json(['migrate']), { engine: 'sqlite', changed: true });
    assert.deepEqual(await place.json(['migrate']), { engine: 'sqlite', changed: false });
    assert.equal(await place.must(['migrate']), 'The database (sqlite) has the schema of this version.\n');
  });

  test('migrate leaves the schema of a newer Warifu alone', async (t) => {
    const place = await Place.ready(t);
    await place.sql("INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, success, checksum, 0 FROM _sqlx_migrations LIMIT 1");
    await place.refuses(REFUSED, ['migrate'], ['the database has schema 9999', 'use a newer Warifu']);
    await place.refuses(REFUSED, ['institution', 'list'], ['use a newer Warifu']);
  });

  test('an institution is set up, changed and listed', async (t) => {
    const place = await Place.ready(t, { bank: false });
    assert.equal(await place.must(['institution', 'list']), 'There is no institution yet.\n');
    assert.deepEqual(await place.json(['institution', 'list']), []);
    const bank = await place.write('bank.toml', DOCUMENT);
    const { id, version } = await place.json(['institution', 'create', bank]);
    assert.match(id, /^ins_/);
    assert.equal(version, 1);
    await place.refuses(REFUSED, ['institution', 'create', bank], ['an institution has this service ID', '`institution apply`']);
    assert.deepEqual(await place.json(['institution', 'apply', bank]), { version: 2 });
    assert.equal(await place.must(['institution', 'apply', bank]), 'Applied as version 3.\n');
    const listed = { service_id: SERVICE, id, version: 3, name: '割符デモ銀行', ib: 'https://ib.localhost/' };
    assert.deepEqual(await place.json(['institution', 'list']), [listed]);
    assert.equal(await place.must(['institution', 'list']), `${SERVICE}  ${id}  version 3  割符デモ銀行  https://ib.localhost/\n`);
  });

  test('a value outside of its bounds is refused with key, floor and ceiling', async (t) => {
    const place = await Place.ready(t);
    const outside = await place.write('outside.toml', `${DOCUMENT}[policy.session]\nidle = "45m"\n`);
    const said = ['policy.session.idle', '45m', '5m to 30m'];
    await place.refuses(REFUSED, ['institution', 'create', outside], said);
    await place.refuses(REFUSED, ['institution', 'apply', outside], said);
    assert.equal((await place.json(['institution', 'list']))[0].version, 1);
  });

  test('a document of nobody is not applied, and one that is no document not taken', async (t) => {
    const place = await Place.ready(t);
    const other = await place.write('other.toml', DOCUMENT.replace(SERVICE, '10203041'));
    await place.refuses(REFUSED, ['institution', 'apply', other], ['no institution with this service ID', 'institution create']);
    const half = await place.write('half.toml', 'service_id = "10203041"\n');
    await place.refuses(REFUSED, ['institution', 'create', half], ['the document was not taken']);
    await place.refuses(FAILED, ['institution', 'create', 'none.toml'], ['cannot read none.toml']);
  });
});

describe('customers', { concurrency: true }, () => {
  test('one broken line and nothing is imported; the line is named with its reason', async (t) => {
    const place = await Place.ready(t);
    const file = await place.write('customers.csv', customers({ broken: true }));
    const { stdout } = await place.refuses(REFUSED, ['customers', 'import', file], ['line 3: birthday: a day like 1985-03-09', '--skip-bad']);
    assert.equal(stdout, 'Customers imported: 0. Bad lines: 1.\n');
    await place.refuses(REFUSED, ['customers', 'show', 'sakura01'], ['there is no such customer']);

    const told = await place.refuses(REFUSED, ['--json', 'customers', 'import', file], ['--skip-bad']);
    const bad = [{ line: 3, reason: 'birthday: a day like 1985-03-09' }];
    assert.deepEqual(JSON.parse(told.stdout), { imported: 0, bad });
    assert.deepEqual(await place.json(['customers', 'import', file, '--skip-bad']), { imported: 1, bad });
    await place.must(['customers', 'show', 'sakura01']);
    await place.refuses(REFUSED, ['customers', 'show', 'minato02'], ['there is no such customer']);
  });

  test('a whole file is imported once', async (t) => {
    const place = await Place.ready(t);
    const file = await place.write('customers.csv', customers({ broken: false }));
    assert.equal(await place.must(['customers', 'import', file]), 'Customers imported: 2. Lines not taken: 0.\n');
    await place.refuses(REFUSED, ['customers', 'import', file], ['line 2: ', 'line 3: ', 'a registered customer has it']);
    await place.refuses(FAILED, ['customers', 'import', 'none.csv'], ['cannot read none.csv']);
  });

  test('a customer is shown and unlocked by number, login ID or id, and one whom nobody knows is refused', async (t) => {
    const place = await Place.ready(t);
    await place.must(['customers', 'import', await place.write('customers.csv', customers({ broken: false }))]);
    const shown = await place.json(['customers', 'show', 'sakura01']);
    assert.deepEqual([shown.customer_number, shown.name, shown.tokens], ['0000001', '青木 さくら', []]);
    for (const word of ['0000001', shown.id]) assert.deepEqual(await place.json(['customers', 'show', word]), shown);
    const words = await place.must(['customers', 'show', 'sakura01']);
    for (const line of ['login_id: sakura01', 'tokens: none', 'hold_until: -', '  address: sakura@mail.example']) {
      assert.ok(words.split('\n').includes(line), words);
    }
    assert.deepEqual(await place.json(['customers', 'unlock', 'sakura01']), { cleared: 0 });
    assert.equal(await place.must(['customers', 'unlock', '0000001']), '0 counters cleared.\n');
    for (const verb of ['show', 'unlock']) await place.refuses(REFUSED, ['customers', verb, 'kaede003'], ['there is no such customer']);
  });

  test('whose customers are meant must be said where there are several banks', async (t) => {
    const place = await Place.ready(t);
    const other = DOCUMENT.replace(SERVICE, '10203041').replaceAll('.localhost"', '.other.localhost"');
    await place.must(['institution', 'create', await place.write('other.toml', other)]);
    await place.refuses(REFUSED, ['customers', 'show', 'sakura01'], ['there are several: say --institution SERVICE_ID']);
    await place.refuses(REFUSED, ['customers', 'show', 'sakura01', '--institution', SERVICE], ['there is no such customer']);
    await place.refuses(REFUSED, ['customers', 'show', 'sakura01', '--institution', '10203042'], ['no institution has 10203042']);
  });
});

describe('doctor', { concurrency: true }, () => {
  test('shows every setting in force and warns of what may be missing', async (t) => {
    const place = await Place.ready(t);
    const settings = { WARIFU_LISTEN__IB: '127.0.0.1:8080', WARIFU_LOG__LEVEL: 'error' };
    const text = await place.must(['doctor'], settings);
    const lines = [
      /^ {2}listen\.ib +127\.0\.0\.1:8080$/m,
      /^ {2}database\.url +sqlite:warifu\.db$/m,
      /^ {2}database\.max_connections +16$/m,
      /^ {2}smtp\.host +not set; mail relay$/m,
      /^ {2}ok {4}keys\.file +can be read$/m,
      /^ {2}ok {4}schema +that of this version$/m,
      /^ {2}ok {4}database\.file +every page and index is in order$/m,
      /^ {2}ok {4}verifiers +says of every customer what its own row says$/m,
      /^ {2}ok {4}institution +10203040 割符デモ銀行, https:\/\/ib\.localhost\/, version 1$/m,
      /^ {2}warn {2}proxies\.trusted +not set: behind a proxy all customers count as one network$/m,
      /^ {2}warn {2}smtp\.host +not set: mails wait in the outbox$/m,
    ];
    for (const line of lines) assert.match(text, line);
    // Every value begins in the same column of its part.
    const columns = (part) => new Set([...part.matchAll(/^ {2}(?:ok {4}|warn {2})?[a-z._0-9]+ +/gm)].map(([start]) => start.length));
    for (const part of text.split('\nChecks\n')) assert.equal(columns(part).size, 1, part);

    const { settings: shown, checks } = await place.json(['doctor'], settings);
    assert.equal(shown['log.level'], 'error');
    assert.equal(shown['smtp.host'], null);
    const warned = checks.filter(({ mark }) => mark === 'warn').map(({ name }) => name);
    assert.deepEqual(warned, ['proxies.trusted', 'smtp.host']);
  });

  test('has nothing to warn of where everything is set, and shows no secret', async (t) => {
    const place = await Place.ready(t);
    const settings = {
      WARIFU_LISTEN__IB: '127.0.0.1:8080',
      WARIFU_PROXIES__TRUSTED: '127.0.0.1',
      WARIFU_SMTP__HOST: 'mail.example',
      WARIFU_SMTP__USERNAME: 'warifu',
      WARIFU_SMTP__PASSWORD_FILE: await place.write('relay', SECRETS.relay),
    };
    const { settings: shown, checks } = await place.json(['doctor'], settings);
    assert.equal(shown['smtp.password_file'], settings.WARIFU_SMTP__PASSWORD_FILE);
    assert.deepEqual([shown['smtp.port'], shown['smtp.tls']], ['587', 'starttls']);
    assert.deepEqual(checks.filter(({ mark }) => mark !== 'ok'), []);
  });

  test('knows the settings that the document explains, and no others', async (t) => {
    const place = await Place.ready(t, { bank: false });
    const { settings } = await place.json(['doctor']);
    const document = await readFile(new URL('../docs/configuration.md', import.meta.url), 'utf8');
    const rows = [...document.matchAll(/^\| (`[a-z_.*0-9`, ]+) \|/gm)].map(([, names]) => names.matchAll(/`([^`]+)`/g));
    const told = rows.flatMap((names) => [...names].map(([, name]) => name));
    const isTold = (name) => told.includes(name) || told.includes(name.replace(/\..*/, '.*'));
    assert.deepEqual(Object.keys(settings).filter((name) => !isTold(name)), []);
    assert.deepEqual(told.filter((name) => !name.endsWith('*') && !(name in settings)), []);
  });

  test('fails where a check does, and still tells the rest', async (t) => {
    const place = await Place.ready(t);
    await place.write('other.keys', 'no key');
    const { stdout } = await place.refuses(FAILED, ['doctor'], ['one check failed'], { WARIFU_KEYS__FILE: 'other.keys' });
    assert.match(stdout, /^ {2}fail {2}keys\.file +other\.keys can be read by others/m);
    assert.match(stdout, /^ {2}ok {4}schema /m);
    const settings = { WARIFU_SMTP__HOST: 'mail.example', WARIFU_SMTP__USERNAME: 'warifu', WARIFU_SMTP__PASSWORD_FILE: 'gone', WARIFU_DATABASE__URL: 'sqlite:gone.db' };
    const told = await place.refuses(FAILED, ['--json', 'doctor'], ['2 checks failed'], settings);
    const failed = JSON.parse(told.stdout).checks.filter(({ mark }) => mark === 'fail');
    assert.deepEqual(failed.map(({ name }) => name), ['smtp.host', 'database.url']);
  });

  test('hides the password of a database that does not answer', async (t) => {
    const place = await Place.ready(t);
    const [port] = await freePorts(1);
    const settings = { WARIFU_DATABASE__URL: `postgres://warifu:${SECRETS.database}@127.0.0.1:${port}/warifu` };
    const { stdout } = await place.refuses(FAILED, ['doctor'], ['one check failed'], settings);
    assert.match(stdout, new RegExp(`^ {2}database\\.url +postgres://warifu:\\*\\*\\*@127\\.0\\.0\\.1:${port}/warifu$`, 'm'));
    assert.match(stdout, /^ {2}fail {2}database\.url /m);
    await place.refuses(FAILED, ['institution', 'list'], ['database'], settings);
  });
});

test('serve tells on its own address whether it lives and is ready, and ends well when it is asked to', async (t) => {
  const place = await Place.ready(t);
  const { server, port, ops } = await place.serve(t);
  const health = async (path) => {
    const { status, body } = await ask(ops, { path: `/health/${path}` });
    return `${status} ${body}`;
  };
  assert.equal(await health('live'), '200 ok\n');
  assert.equal(await health('ready'), '200 ready\n');
  // Not for customers: neither is health on their address, nor are their pages on its.
  assert.equal((await ask(port, { host: 'ib.localhost', path: '/health/ready' })).status, 404);
  assert.equal((await ask(ops, { host: 'ib.localhost', path: '/login' })).status, 404);
  // Nor are the demo's pages anywhere but in the demo.
  for (const host of ['ib.localhost', 'token.localhost']) {
    for (const path of ['/demo/mailbox', '/demo/phone']) assert.equal((await ask(port, { host, path })).status, 404, host + path);
  }

  await place.sql('CREATE TABLE kept AS SELECT * FROM _sqlx_migrations');
  await place.sql('DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)');
  assert.equal(await health('ready'), '503 not ready\n');
  await place.sql('DROP TABLE _sqlx_migrations');
  assert.equal(await health('ready'), '503 not ready\n');
  assert.equal(await health('live'), '200 ok\n');
  await place.sql('ALTER TABLE kept RENAME TO _sqlx_migrations');
  assert.equal(await health('ready'), '200 ready\n');

  await server.stop();
  await assert.rejects(ask(ops, { path: '/health/live' }));
});

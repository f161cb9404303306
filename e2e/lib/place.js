/** An installation at the command line: a folder of its own, the real program, and no output that says a secret. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Server, freePorts, needed, outcome } from './process.js';

export const OK = 0;
export const FAILED = 1;
export const USAGE = 2;
export const CONFIGURATION = 3;
export const REFUSED = 4;

/** What no output may hold. */
export const SECRETS = { login: 'Nishi-no-mado-7', confirmation: 'Higashi-no-to-7', database: 'Minami-no-kagi-7', relay: 'Kita-no-ido-7' };

export const DOCUMENT = await readFile(new URL('../../crates/server/src/demo/institution.toml', import.meta.url), 'utf8');
export const SERVICE = '10203040';

/** A folder of an installation, as empty as one that was just made. */
export class Place {
  static async make(t) {
    const place = new Place();
    place.directory = await mkdtemp(join(tmpdir(), 'warifu-cli-'));
    t.after(() => rm(place.directory, { recursive: true, force: true }));
    return place;
  }

  /** One with key file, tables, and a bank unless it is not wanted. */
  static async ready(t, { bank = true } = {}) {
    const place = await Place.make(t);
    for (const words of ['keys create', 'migrate']) await place.must(words.split(' '));
    if (bank) await place.must(['institution', 'create', await place.write('bank.toml', DOCUMENT)]);
    return place;
  }

  /** Runs the program and makes sure that it says no secret, whatever it says. */
  async run(words, settings = {}) {
    const { code, stdout, stderr } = await outcome(this.directory, words, settings);
    const said = stdout + stderr;
    for (const secret of [...Object.values(SECRETS), await this.key()]) {
      assert.ok(!secret || !said.includes(secret), `${words.join(' ')} says ${secret}`);
    }
    return { code, stdout, stderr };
  }

  /** Runs the program, which must succeed; gives what it prints. */
  async must(words, settings = {}) {
    const { code, stdout, stderr } = await this.run(words, settings);
    assert.equal(code, OK, `${words.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  }

  /** The same with --json, read. */
  async json(words, settings = {}) {
    return JSON.parse(await this.must(['--json', ...words], settings));
  }

  /** Makes sure that the program ends with that code and says each of these on its way out. */
  async refuses(code, words, said, settings = {}) {
    const found = await this.run(words, settings);
    assert.equal(found.code, code, `${words.join(' ')}: ${found.stdout}${found.stderr}`);
    for (const part of said) assert.ok(found.stderr.includes(part), `${words.join(' ')} does not say “${part}”: ${found.stderr}`);
    return found;
  }

  async write(name, text) {
    const path = join(this.directory, name);
    await writeFile(path, text);
    return path;
  }

  /** The key that this installation's key file holds. */
  async key() {
    const line = await readFile(join(this.directory, 'warifu.keys'), 'utf8').catch(() => '');
    return line.trim().split(' ')[2];
  }

  async sql(statement) {
    const script = 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as line: line.execute(sys.argv[2])';
    await promisify(execFile)(needed('WARIFU_TEST_PYTHON'), ['-c', script, join(this.directory, 'warifu.db'), statement]);
  }

  /** Starts the server on addresses of its own; gives it with them, when it is ready. */
  async serve(t) {
    const [port, ops] = await freePorts(2);
    const listen = `[listen]\nib = ["127.0.0.1:${port}"]\ntoken = ["127.0.0.1:${port}"]\nops = ["127.0.0.1:${ops}"]\n`;
    await this.write('serving.toml', listen);
    const log = join(this.directory, 'server.log');
    const server = new Server(needed('WARIFU_PROGRAM'), ['--config', 'serving.toml', 'serve'], { directory: this.directory, log });
    t.after(() => server.kill());
    await server.ready(ops);
    return { server, port, ops };
  }
}

/** Lines of the bank's file; the second is broken where it is wanted so. */
export function customers({ broken }) {
  const line = (number, login, birthday) =>
    [number, login, '青木 さくら', birthday, 'ja', 'sakura@mail.example', '2026-01-05', SECRETS.login, SECRETS.confirmation].join(',');
  return [
    'customer_number,login_id,name,birthday,locale,notice_addresses,addresses_confirmed_at,login_password,confirmation_password',
    line('0000001', 'sakura01', '1951-04-02'),
    line('0000002', 'minato02', broken ? '2 April 1951' : '1951-04-02'),
    '',
  ].join('\n');
}

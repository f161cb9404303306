/**
 * An installation with two banks, set up as its engineers would: by configuration file and command line.
 * Owns the folder, the database, the mail server, the server, and the clock where it is moved by hand.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Server, ask, freePorts, needed, sql, warifu } from './process.js';
import { startSmtp } from './smtp.js';

/**
 * @typedef {object} Person a customer of one of the banks
 * @property {string} loginId
 * @property {string} name
 * @property {'ja' | 'en'} language
 * @property {string} loginPassword
 * @property {string} confirmationPassword
 * @property {string[]} addresses notice addresses
 * @property {string} phoneAddress
 * @property {string} startPassword
 */

const DAY = 86_400_000;

/** What differs between the two: names, hosts, colours, and rules. */
const BANKS = {
  a: {
    serviceId: '40210735',
    name: { ja: 'みどり野信託', en: 'Midorino Trust' },
    sender: 'otp@midorino.example',
    phone: '0120-111-222',
    color: '#0b5c50',
    policy: '',
    rules: { passcodeDigits: 6, period: 60, mailDigits: 8 },
  },
  b: {
    serviceId: '58119024',
    name: { ja: 'しらなみ商業', en: 'Shiranami Commercial' },
    sender: 'token@shiranami.example',
    phone: '0120-333-444',
    color: '#7a1f4b',
    policy: '[policy.passcode]\ndigits = 8\nperiod = "30s"\n[policy.mail_password]\ndigits = 6\n',
    rules: { passcodeDigits: 8, period: 30, mailDigits: 6 },
  },
};

const NAMES = ['青木 さくら', '石川 湊', '上田 楓', '遠藤 凪', '小川 紬', '加藤 蓮', '木村 澪', '工藤 朔', '小池 樹'];

/**
 * Starts an installation. The clock is moved by hand (`advance`) unless `clock` is `real`.
 * @param {{engine?: 'sqlite' | 'postgres', clock?: 'manual' | 'real', language?: 'ja' | 'en', level?: string}} [options] `level` is how much is logged
 */
export async function startBanks({ engine = 'sqlite', clock = 'manual', language = 'ja', level = 'trace' } = {}) {
  const banks = new Banks(clock === 'manual');
  try {
    await setUp(banks, { engine, language, level });
  } catch (error) {
    // What was begun must end, or the test would never do so.
    await banks.stop().catch(() => {});
    throw error;
  }
  return banks;
}

async function setUp(banks, { engine, language, level }) {
  const directory = await mkdtemp(join(tmpdir(), 'warifu-walk-'));
  banks.ends.push(() => rm(directory, { recursive: true, force: true }));
  const smtp = await startSmtp();
  banks.ends.push(() => smtp.stop());
  const [port, ops, control] = await freePorts(3);
  const url = engine === 'postgres' ? await postgres(banks.ends) : `sqlite:${join(directory, 'warifu.db')}`;
  Object.assign(banks, { directory, smtp, port, ops, control, url });
  await writeFile(join(directory, 'smtp-password'), smtp.password);
  await writeFile(join(directory, 'warifu.toml'), configuration(banks, { smtp, level }));
  await banks.run('keys', 'create');
  await banks.run('migrate');
  for (const [key, bank] of Object.entries(BANKS)) banks[key] = await found(banks, key, bank, language);
  await serve(banks);
}

/** Two banks, and the world around them. */
class Banks {
  /** What is to be done at the end, the last first. @type {Array<() => Promise<unknown>>} */
  ends = [];
  crashes = 0;
  #followers = new Set();

  constructor(isManual) {
    this.isManual = isManual;
    // Ten in the morning of tomorrow: no walk meets a midnight that it does not ask for.
    this.start = Math.floor((Date.now() + 9 * 3_600_000) / DAY + 1) * DAY + 3_600_000 + 5_000;
  }

  /** The command line. @param {...string} words */
  run(...words) {
    return warifu(this.directory, '--config', 'warifu.toml', ...words);
  }

  /** The server's time in milliseconds. */
  async now() {
    if (!this.isManual) return Date.now();
    const { body } = await ask(this.control, { path: '/now' });
    return Number(body);
  }

  /** Moves the clock of the server, and of every phone that follows it. @param {number} milliseconds */
  async advance(milliseconds) {
    const { status, body } = await ask(this.control, { path: '/advance', method: 'POST', body: String(milliseconds) });
    if (status !== 200) throw new Error(`the clock did not move: ${status}`);
    for (const follower of this.#followers) await follower(Number(body));
  }

  /** Tells somebody the time, now and whenever it is moved; gives the way to stop that. */
  async follow(follower) {
    if (!this.isManual) return () => {};
    this.#followers.add(follower);
    await follower(await this.now());
    return () => this.#followers.delete(follower);
  }

  /** The server's power is cut, and comes back a second later. */
  async crash() {
    const now = await this.now();
    await this.server.crash();
    if (this.isManual) this.start = now + 1_000;
    this.crashes += 1;
    await serve(this);
  }

  /** Takes the PostgreSQL database away from the server, in the middle of whatever it does. */
  async databaseGoes() {
    const name = new URL(this.url).pathname.slice(1);
    await sql(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
  }

  /** Gives it back. */
  async databaseComes() {
    await sql(`ALTER DATABASE ${new URL(this.url).pathname.slice(1)} ALLOW_CONNECTIONS true`);
  }

  /** Starts the server again after it was stopped. */
  restart() {
    return serve(this);
  }

  /** Ends everything; fails when the server had something to complain of. */
  async stop() {
    const problems = [];
    for (const end of this.ends.splice(0).reverse()) await end().catch((error) => problems.push(error));
    if (problems.length > 0) throw problems[0];
  }
}

async function serve(banks) {
  const place = { directory: banks.directory, log: join(banks.directory, 'server.log') };
  // Another seed each time: no program draws the same randomness twice.
  const manual = ['warifu.toml', banks.control, banks.start, 7 + banks.crashes].map(String);
  const server = banks.isManual
    ? new Server(needed('WARIFU_WALK_SERVER'), manual, place)
    : new Server(needed('WARIFU_PROGRAM'), ['--config', 'warifu.toml', 'serve'], place);
  if (!banks.server) banks.ends.push(() => stopQuietly(banks.server));
  banks.server = server;
  await server.ready(banks.ops);
}

/** Stops a server that must have had nothing to complain of. */
async function stopQuietly(server) {
  await server.stop();
  const errors = (await server.text()).split('\n').filter((line) => line.includes('ERROR'));
  if (errors.length > 0) throw new Error(`the server's log has errors:\n${errors.join('\n')}`);
}

/** Sets one bank up and imports its customers. */
async function found(banks, key, bank, language) {
  const people = NAMES.map((name, at) => person(key, name, at, language));
  const document = join(banks.directory, `bank-${key}.toml`);
  const file = join(banks.directory, `customers-${key}.csv`);
  await writeFile(document, documentOf(key, bank));
  await writeFile(file, customersFile(people));
  await banks.run('institution', 'create', document);
  await banks.run('customers', 'import', file, '--institution', bank.serviceId);
  const url = (kind) => `http://${kind}.bank-${key}.localhost:${banks.port}`;
  const of = (...words) => banks.run(...words, '--institution', bank.serviceId);
  return {
    ...bank,
    banks,
    people,
    ibHost: `ib.bank-${key}.localhost`,
    tokenHost: `token.bank-${key}.localhost`,
    ib: url('ib'),
    token: url('token'),
    /** Unlocks a customer, as the branch would ask the bank's engineers to. */
    unlock: ({ loginId }) => of('customers', 'unlock', loginId),
    /** What stands of a customer. */
    show: async ({ loginId }) => JSON.parse(await of('--json', 'customers', 'show', loginId)),
  };
}

/** @returns {Person} */
function person(key, name, at, language) {
  const loginId = `${key}-kokyaku${at}`;
  return {
    loginId,
    name,
    language,
    loginPassword: `Nishi-no-mado-${key}${at}`,
    confirmationPassword: `Higashi-no-to-${key}${at}`,
    addresses: [`${loginId}@mail.example`, `${loginId}@work.example`],
    phoneAddress: `${loginId}@phone.example`,
    startPassword: `40718${at}`,
  };
}

function customersFile(people) {
  const confirmed = new Date(Date.now() - 30 * DAY).toISOString();
  const head =
    'customer_number,login_id,name,birthday,locale,notice_addresses,addresses_confirmed_at,login_password,confirmation_password';
  const lines = people.map((p, at) =>
    [`000${at}`, p.loginId, p.name, '1951-04-02', p.language, p.addresses.join(';'), confirmed, p.loginPassword, p.confirmationPassword].join(','),
  );
  return [head, ...lines, ''].join('\n');
}

function documentOf(key, { serviceId, name, sender, phone, color, policy }) {
  const hosts = ['ib', 'token', 'console', 'api'].map((kind) => `${kind} = "${kind}.bank-${key}.localhost"`);
  const both = ({ ja, en }) => `{ ja = "${ja}", en = "${en}" }`;
  return `service_id = "${serviceId}"
zone = "Asia/Tokyo"
name = ${both(name)}
[hosts]
${hosts.join('\n')}
[contact]
name = ${both({ ja: 'ネット窓口', en: 'Internet Desk' })}
phone = "${phone}"
hours = ${both({ ja: '平日 9時～17時', en: 'weekdays 9:00–17:00' })}
[emergency]
name = ${both({ ja: '緊急連絡先', en: 'Emergency desk' })}
phone = "${phone}"
[mail]
sender = "${sender}"
sender_name = ${both(name)}
[look]
color = "${color}"
[policy.password]
change_first = false
${policy}`;
}

function configuration({ directory, port, ops, url, isManual }, { smtp, level }) {
  // In real time it runs as behind its proxy, where links begin with https.
  const links = isManual ? `[links]\nscheme = "http"\nport = ${port}\n` : '';
  return `[listen]
ib = ["127.0.0.1:${port}"]
token = ["127.0.0.1:${port}"]
ops = ["127.0.0.1:${ops}"]
${links}[database]
url = "${url}"
[keys]
file = "${join(directory, 'warifu.keys')}"
[smtp]
host = "${smtp.host}"
port = ${smtp.port}
tls = "starttls"
username = "${smtp.user}"
password_file = "${join(directory, 'smtp-password')}"
ca_file = "${smtp.caFile}"
[log]
level = "${level}"
`;
}

/** The address of a database of its own in the run's cluster. */
async function postgres(ends) {
  const name = `walk_${process.pid}_${Math.random().toString(36).slice(2, 10)}`;
  await sql(`CREATE DATABASE ${name}`);
  ends.push(() => sql(`DROP DATABASE ${name} WITH (FORCE)`));
  const url = new URL(needed('TEST_POSTGRES_URL'));
  url.pathname = `/${name}`;
  return url.href;
}

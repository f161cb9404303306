/**
 * Measures what `cargo xtask bench pages` prints: start, memory, sizes, weights and times of pages, an
 * import. Against the release program, on SQLite, with real mail; nothing here asserts.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { brotliCompressSync } from 'node:zlib';

import { startBanks } from './lib/bank.js';
import { mailPassword } from './lib/mailbox.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { ask, needed } from './lib/process.js';

const STARTS = 20;
const REQUESTS = 1000;
const WARM_UP = 500;
const IDLE = 60_000;
const CUSTOMERS = Number(process.env.BENCH_CUSTOMERS ?? 100_000);
// Python: hashlib.pbkdf2_hmac('sha256', b'From-The-Bank-9', b'saltsaltsaltsalt', 4096, 32)
const HASH = '$pbkdf2-sha256$i=4096,l=32$c2FsdHNhbHRzYWx0c2FsdA$Q0T3BCioZj5WtxifLqZRG0vJoXFq3VlaKpRpJWyGr7g';

const rows = [];
const row = (what, measured, wanted) => {
  rows.push([what, measured, wanted]);
  console.error(`${what}: ${measured} (${wanted})`);
};
const kilo = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

const ends = [];
const t = { after: (end) => ends.push(end), diagnostic: () => {} };
try {
  const banks = await startBanks({ clock: 'real', level: 'info' });
  ends.push(() => banks.stop());
  await sizes(banks);
  await starts(banks);
  await pages(banks);
  await memory(banks, 'all of the above');
  await imports(banks);
} finally {
  for (const end of ends.reverse()) await end().catch((error) => console.error(error.message));
}
console.log(table());

function table() {
  const [first] = cpus();
  const shape = `${cpus().length} × ${first.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const lines = rows.map((cells) => `| ${cells.join(' | ')} |`);
  return [`${new Date().toISOString().slice(0, 10)}, ${shape}, SQLite`, '', '| what | measured | wanted |', '|---|---|---|', ...lines].join('\n');
}

async function sizes(banks) {
  row('release binary', kilo((await stat(needed('WARIFU_PROGRAM'))).size), 'under 40 MB');
  const files = await appFiles(banks.a);
  let sum = 0;
  for (const path of files) {
    const { body } = await ask(banks.port, { host: banks.a.tokenHost, path });
    sum += /\.png$/.test(path) ? body.length : brotliCompressSync(body).length;
  }
  row(`phone app, ${files.length} files, compressed`, kilo(sum), 'under 150 kB');
}

/** All that the app's worker keeps, and the worker. */
async function appFiles(bank) {
  const { body } = await ask(bank.banks.port, { host: bank.tokenHost, path: '/app/sw.js' });
  const [, list] = /const FILES = \[(.*)\]/.exec(body.toString());
  return ['/app/sw.js', ...JSON.parse(`[${list}]`)];
}

/** From exec to the first 200, on a migrated database. */
async function starts(banks) {
  await banks.server.stop();
  const times = [];
  for (let n = 0; n < STARTS; n += 1) {
    const begun = performance.now();
    const child = spawn(needed('WARIFU_PROGRAM'), ['--config', 'warifu.toml', 'serve'], { cwd: banks.directory, stdio: 'ignore', env: plain() });
    while ((await ask(banks.ops, { path: '/health/ready' }).then((answer) => answer.status, () => 0)) !== 200) await pause(1);
    times.push(performance.now() - begun);
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  times.sort((a, b) => a - b);
  row(`cold start, median of ${STARTS}`, `${at(times, 0.5).toFixed(0)} ms`, 'under 200 ms');
  await banks.restart();
  await memory(banks, 'the start');
}

function plain() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WARIFU_')));
}

/** The weight of each page with all it loads, and how long the server takes for it. */
async function pages(banks) {
  const bank = banks.a;
  const person = bank.people[0];
  const pc = await Portal.open(t, bank);
  const phone = await Phone.open(t, bank);
  const weights = [];
  const weigh = async (name) => weights.push([name, await weightOf(pc)]);
  await pc.go('/login');
  await weigh('BLI001');
  for (const topic of ['', '/apply', '/enter', '/finish', '/phone', '/start', '/login', '/release', '/renew', '/password', '/address', '/stop']) {
    await pc.go(`/help${topic}`);
    await weigh(`BHP001${topic}`);
  }
  await pc.go('/stop');
  await weigh('BES001');
  await pc.logInToOtp(person);
  await weigh('BOP001');
  await pc.go('/top');
  await weigh('BPT001');
  await pc.go('/password');
  await weigh('BPW001');
  await pc.go('/address');
  await weigh('BMA001');
  await pc.go('/otp');
  const after = (await banks.smtp.mails()).length;
  await pc.toInput();
  await weigh('BOT001');
  await pc.enter(person);
  await weigh('BOT002');
  const secret = await mailPassword(bank, person, after);
  const ids = await pc.commit(person, secret);
  await weigh('BOT003');
  await phone.setUp(ids, person.startPassword);
  weights.sort((a, b) => b[1] - a[1]);
  row(`heaviest of ${weights.length} pages with all it loads, compressed (${weights[0][0]})`, kilo(weights[0][1]), 'under 50 kB');
  const others = weights.find(([name]) => !name.startsWith('BHP'));
  row(`heaviest page without pictures (${others[0]})`, kilo(others[1]), 'under 50 kB');

  const cookies = await pc.browser.context.cookies();
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  // Browsers that draw and poll would be measured too.
  await pc.close();
  await phone.close();
  for (const path of ['/login', '/top', '/otp', '/customer', '/help/enter']) {
    const times = await timesOf(bank, path, cookie);
    row(`${path}, p50 / p99 of ${REQUESTS}`, `${at(times, 0.5).toFixed(2)} / ${at(times, 0.99).toFixed(2)} ms`, 'p99 under 5 ms');
  }
}

/** What comes over the line when a page is loaded by a browser that has nothing of it yet. */
async function weightOf(pc) {
  const lines = await pc.page.context().newCDPSession(pc.page);
  await lines.send('Network.enable');
  await lines.send('Network.setCacheDisabled', { cacheDisabled: true });
  let bytes = 0;
  lines.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await pc.page.reload({ waitUntil: 'networkidle' });
  await lines.detach();
  return bytes;
}

async function timesOf(bank, path, cookie) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times = [];
  for (let n = 0; n < REQUESTS + WARM_UP; n += 1) {
    const begun = performance.now();
    const status = await get(agent, bank, path, cookie);
    if (status !== 200) throw new Error(`${path}: ${status}`);
    // The first ones warm up both sides.
    if (n >= WARM_UP) times.push(performance.now() - begun);
  }
  agent.destroy();
  return times.sort((a, b) => a - b);
}

function get(agent, bank, path, cookie) {
  return new Promise((resolve, reject) => {
    const headers = { host: `${bank.ibHost}:${bank.banks.port}`, cookie, 'accept-language': 'ja' };
    const call = request({ agent, host: '127.0.0.1', port: bank.banks.port, path, headers }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    });
    call.on('error', reject);
    call.end();
  });
}

async function memory(banks, what) {
  await pause(IDLE);
  const status = readFileSync(`/proc/${banks.server.pid}/status`, 'utf8');
  const [, rss] = /VmRSS:\s+(\d+) kB/.exec(status);
  row(`idle memory, ${IDLE / 1000} s after ${what}`, `${(Number(rss) / 1024).toFixed(0)} MiB`, 'under 60 MB');
}

/** Customers whose passwords come hashed, as a bank's old system gives them. */
async function imports(banks) {
  const file = join(banks.directory, 'many.csv');
  const lines = ['customer_number,login_id,name,name_kana,birthday,locale,notice_addresses,addresses_confirmed_at,login_password_hash,confirmation_password_hash'];
  for (let n = 0; n < CUSTOMERS; n += 1) {
    lines.push(`M-${n},moved-${n},移行 太郎,イコウ タロウ,1970-01-01,ja,moved-${n}@mail.example,2026-01-01,"${HASH}","${HASH}"`);
  }
  await writeFile(file, `${lines.join('\n')}\n`);
  const begun = performance.now();
  await banks.run('customers', 'import', file, '--institution', banks.a.serviceId);
  const seconds = (performance.now() - begun) / 1000;
  row(`import of ${CUSTOMERS} customers with hashes of another scheme`, `${seconds.toFixed(1)} s`, 'under 60 s');
}

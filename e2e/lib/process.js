/**
 * Programs that the walks start: the product's command line, its servers, free ports for them.
 * Owns their ends: what was started here is stopped here.
 */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify, stripVTControlCharacters } from 'node:util';

/** What the environment names, or a sentence that says who sets it. @param {string} name */
export function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the walks by \`cargo xtask test --only walks\``);
  return value;
}

// The product refuses settings that it does not know, and the walks' own names begin like its settings.
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WARIFU_')));

/** Runs the product's command line in a folder; gives what it printed. */
export async function warifu(directory, ...words) {
  const { stdout } = await promisify(execFile)(needed('WARIFU_PROGRAM'), words, { cwd: directory, env: ENVIRONMENT });
  return stdout;
}

/**
 * Runs the product's command line in a folder, whatever comes of it; `settings` are more of its environment.
 * @param {string} directory @param {string[]} words @param {Record<string, string>} [settings]
 * @returns {Promise<{code: number | string, stdout: string, stderr: string}>}
 */
export function outcome(directory, words, settings = {}) {
  const options = { cwd: directory, env: { ...ENVIRONMENT, ...settings }, timeout: 60_000 };
  return new Promise((resolve) => {
    execFile(needed('WARIFU_PROGRAM'), words, options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? error.signal) : 0, stdout, stderr: stripVTControlCharacters(stderr) });
    });
  });
}

/** Runs one SQL statement as the superuser of the run's own PostgreSQL. */
export async function sql(statement) {
  await promisify(execFile)('psql', ['--quiet', '--no-psqlrc', needed('TEST_POSTGRES_URL'), '--command', statement]);
}

// Below those that the system gives to outgoing connections, which could take one before its server does.
const PORTS = { from: 20_000, count: 12_000 };
const given = new Set();

/** Ports that nobody listens on now. @param {number} count */
export async function freePorts(count) {
  const ports = [];
  while (ports.length < count) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      ports.push(port);
    }
  }
  return ports;
}

function isFree(port) {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** How long a walk waits for what must come, in milliseconds: only a busy machine ever needs most of it. */
export const PATIENCE = 45_000;

/** A server of the product, its output kept in `log`. */
export class Server {
  #child;
  /** What the log said when it ended: its folder may be gone before it is asked for. */
  #kept = '';

  /** @param {string} program @param {string[]} words @param {{directory: string, log: string}} place */
  constructor(program, words, { directory, log }) {
    this.log = log;
    const file = createWriteStream(log, { flags: 'a' });
    this.#child = spawn(program, words, { cwd: directory, env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout.pipe(file, { end: false });
    this.#child.stderr.pipe(file, { end: false });
    // Beside the process's own end, so that it never outlives a walk that broke off.
    this.kill = () => this.#child.kill('SIGKILL');
    process.once('exit', this.kill);
  }

  /** Waits until an address of the machine answers with 200. */
  async ready(port, { host = 'localhost', path = '/health/ready' } = {}) {
    for (const deadline = Date.now() + PATIENCE; ; await pause(50)) {
      if (this.#child.exitCode !== null) throw new Error(`the server ended:\n${await this.text()}`);
      const status = await ask(port, { host, path }).then((answer) => answer.status, () => 0);
      if (status === 200) return;
      if (Date.now() > deadline) throw new Error(`the server does not answer (${status}):\n${await this.text()}`);
    }
  }

  /** The number of its process. */
  get pid() {
    return this.#child.pid;
  }

  /** Everything it has printed, without colours. */
  async text() {
    const text = await readFile(this.log, 'utf8').catch(() => this.#kept);
    return stripVTControlCharacters(text);
  }

  /** Ends it as a power cut would: at once, in the middle of whatever it does. */
  async crash() {
    process.removeListener('exit', this.kill);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.kill();
    await ended;
  }

  /** Ends it as its operator would, and fails when it does not end well. */
  async stop() {
    const child = this.#child;
    process.removeListener('exit', this.kill);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const late = setTimeout(this.kill, 15_000);
      await once(child, 'exit');
      clearTimeout(late);
    }
    this.#kept = await this.text();
    if (child.exitCode !== 0) throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}:\n${await this.text()}`);
  }
}

/** Asks a server of this machine past any browser: any host name, nothing resolved. */
export function ask(port, { address = '127.0.0.1', host = 'localhost', path = '/', method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const options = { host: address, port, path, method, headers: { ...headers, host: `${host}:${port}` } };
    const call = request(options, async (answer) => {
      const pieces = await answer.toArray();
      resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces) });
    });
    call.on('error', reject);
    call.end(body);
  });
}

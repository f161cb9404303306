/**
 * The walks' mail server: starts `smtp.py` and reads what it kept.
 * Owns no mail itself; each server has a directory of its own, removed when it stops.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { PATIENCE } from './process.js';

/**
 * @typedef {object} Mail
 * @property {string} from envelope sender
 * @property {string[]} to envelope recipients
 * @property {string} subject decoded
 * @property {string} body decoded text
 * @property {string} message_id
 * @property {Record<string, string>} headers by lower-case name, decoded
 */

const SCRIPT = fileURLToPath(new URL('./smtp.py', import.meta.url));
const USER = 'warifu';
const PASSWORD = 'walk-mail-password';

/** Starts a mail server on 127.0.0.1 that demands STARTTLS (trust `caFile`) and AUTH. */
export async function startSmtp() {
  const python = process.env.WARIFU_TEST_PYTHON;
  if (!python) {
    throw new Error('WARIFU_TEST_PYTHON is not set: run the walks by `cargo xtask test --only walks`');
  }
  const directory = await mkdtemp(join(tmpdir(), 'warifu-mail-'));
  const child = spawn(python, [SCRIPT, directory, USER, PASSWORD], { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = await ready(child);
  return new Smtp(directory, child, port);
}

/** A running mail server. */
class Smtp {
  host = 'localhost';
  user = USER;
  password = PASSWORD;
  #directory;
  #child;

  constructor(directory, child, port) {
    this.#directory = directory;
    this.#child = child;
    this.port = port;
    this.caFile = join(directory, 'ca.pem');
  }

  /** Every mail kept so far, oldest first. @returns {Promise<Mail[]>} */
  async mails() {
    const text = await readFile(join(this.#directory, 'mails.jsonl'), 'utf8');
    // The last piece is empty, or a line that is still being written.
    return text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
  }

  /**
   * Waits for a mail to that address whose subject holds (or matches) that text.
   * `after` passes over the mails that were there before: `(await smtp.mails()).length`.
   * @param {{to?: string, subject?: string | RegExp, after?: number, seconds?: number}} wanted
   * @returns {Promise<Mail>}
   */
  async waitForMail({ to, subject, after = 0, seconds = PATIENCE / 1000 }) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const mails = (await this.mails()).slice(after);
      const found = mails.find((mail) => isTo(mail, to) && isAbout(mail, subject));
      if (found) return found;
      if (Date.now() > deadline) {
        const seen = mails.map((mail) => `  ${mail.to}: ${mail.subject}`).join('\n') || '  none';
        throw new Error(`no mail to ${to ?? 'anyone'} about ${subject ?? 'anything'} in ${seconds} s; there were:\n${seen}`);
      }
      await pause(50);
    }
  }

  /** How the server behaves from now on. @param {'accept' | 'refuse4xx' | 'drop'} mode */
  async mode(mode) {
    await writeFile(join(this.#directory, 'mode'), mode);
  }

  /** Ends the server and removes its directory. */
  async stop() {
    if (this.#child.exitCode === null) {
      this.#child.stdin.end();
      await once(this.#child, 'exit');
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** The port from the line `READY <port>`; throws when the server ends before it. */
async function ready(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    const port = /^READY (\d+)$/.exec(line)?.[1];
    if (port) return Number(port);
  }
  throw new Error('the mail server ended before it was ready; its message stands above');
}

const isTo = (mail, to) => to === undefined || mail.to.includes(to);

const isAbout = (mail, subject) =>
  subject === undefined || (subject instanceof RegExp ? subject.test(mail.subject) : mail.subject.includes(subject));

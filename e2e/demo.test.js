/** The demo, as somebody meets it who has just built Warifu: on this machine, and for other devices over TLS. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

import { looker } from './lib/look.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';
import { Server, ask, freePorts, needed, outcome } from './lib/process.js';
import { wordsIn } from './lib/words.js';

const words = wordsIn('ja');
const CONFIGURATION = 3;
const REFUSED = 4;

/** Who one can be in the demo. */
const PEOPLE = {
  fresh: { loginId: 'sakura01', loginPassword: 'Hajimete-2026', confirmationPassword: 'Kakunin-1951' },
  activated: { loginId: 'minato02', loginPassword: 'Tochuu-2026', confirmationPassword: 'Kakunin-1988' },
  inUse: { loginId: 'kaede003', loginPassword: 'Riyouchuu-2026', confirmationPassword: 'Kakunin-1974' },
};

/** What the demo's own pages call their ways. */
const WAYS = { small: '携帯電話の大きさのウィンドウで開く', phone: 'デモ用の携帯電話を開く', mailbox: '届いたメールを見る' };

describe('the demo on this machine', { concurrency: 3 }, () => {
  test('it shows every step, carries on when started again, and begins anew when asked', async (t) => {
    const directory = await folder(t);
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
    const told = theirs.page.waitForResponse('**/phone/v1/tokens/*');
    await theirs.page.reload();
    assert.equal((await (await told).json()).state, 'in_use');
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
    const mails = await letters(pc);

    await bank.server.stop();
    const again = await startDemo(t, directory, port);
    await pc.logIn(PEOPLE.inUse);
    await pc.at('BLI002');
    await pc.verify(used);
    await pc.at('BLI002', { as: 'used', erring: true });
    await pc.logIn(PEOPLE.activated);
    await pc.at('BLI002');
    await pc.go('/demo/mailbox');
    assert.equal(await letters(pc), mails);

    await again.server.stop();
    await startDemo(t, directory, port, '--reset');
    await pc.logIn(PEOPLE.activated);
    await pc.at('BPT001', { as: 'activated' });
    await pc.press(words.otp);
    assert.equal(await pc.offers(words.start), true);
  });

  test('a log that nobody takes any more changes nothing for customers', async (t) => {
    for (const where of ['2>/dev/full', '2> >(true)']) {
      const directory = await folder(t);
      const [port] = await freePorts(1);
      const words = ['-c', `exec "$0" "$@" ${where}`, needed('WARIFU_PROGRAM'), 'demo', '--dir', 'demo', '--port', String(port)];
      const server = new Server('bash', words, { directory, log: join(directory, 'demo.log') });
      await server.ready(port, { host: 'ib.localhost', path: '/login' });
      for (let times = 0; times < 5; times += 1) {
        const { status } = await ask(port, { host: 'ib.localhost', path: '/login' });
        assert.equal(status, 200, where);
      }
      await server.stop();
    }
  });

  test('its phone opens in a window of a phone’s size, and finds the mailbox and back', async (t) => {
    const [port] = await freePorts(1);
    const bank = await startDemo(t, await folder(t), port);
    const pc = await Portal.open(t, bank);
    // From the foot of the bank's pages.
    await pc.go('/login');
    await pc.page.locator('a[href="/demo/phone"]').click();
    await pc.page.getByRole('heading', { level: 1, name: 'デモ用の携帯電話' }).waitFor();
    await looker({ walk: 'demo' })(pc.page, 'phone-large');
    const [small] = await Promise.all([pc.page.waitForEvent('popup'), pc.page.getByRole('link', { name: WAYS.small }).click()]);
    const item = small.getByRole('listitem').filter({ hasText: PEOPLE.inUse.loginId });
    await item.waitFor();
    assert.deepEqual(await small.evaluate(() => [innerWidth, innerHeight]), [390, 844]);
    assert.equal(await small.getByRole('link', { name: WAYS.small }).isVisible(), false);
    await item.getByRole('button', { name: 'この携帯電話に入れる' }).click();
    await small.locator('#passcode').getByText(/\d/).first().waitFor();
    assert.equal(pc.page.url(), `${bank.token}/demo/phone?lang=ja`);

    await pc.press(WAYS.mailbox);
    assert.equal(pc.page.url(), `${bank.ib}/demo/mailbox?lang=ja`);
    await pc.press(WAYS.phone);
    assert.equal(pc.page.url(), `${bank.token}/demo/phone?lang=ja`);
    // In the other language, on both hosts and into the bank's pages.
    await pc.press('English');
    await pc.page.getByRole('heading', { level: 1, name: 'Demonstration phone' }).waitFor();
    await pc.press('Read the mail that has arrived');
    await pc.page.getByRole('heading', { level: 1, name: 'Mailbox of the demo' }).waitFor();
    await pc.press('To the login page');
    await pc.page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();

    const plain = await Portal.open(t, bank, { javaScriptEnabled: false });
    await plain.page.goto(`${bank.token}/demo/phone`);
    const [tab] = await Promise.all([plain.browser.context.waitForEvent('page'), plain.page.getByRole('link', { name: WAYS.small }).click()]);
    await tab.getByRole('heading', { level: 1, name: 'デモ用の携帯電話' }).waitFor();
  });

  test('it answers this machine only, and the hosts of its bank only', async (t) => {
    const [port] = await freePorts(1);
    const bank = await startDemo(t, await folder(t), port);
    for (const address of ['127.0.0.1', '::1']) {
      for (const [host, path] of [['ib.localhost', '/demo/mailbox'], ['token.localhost', '/demo/phone']]) {
        const { status, headers } = await ask(port, { address, host, path });
        assert.equal(status, 200, address + path);
        assert.match(headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self';/);
        assert.ok(!headers['content-security-policy'].includes('unsafe'));
      }
    }
    // Linux gives a machine more loopback addresses than one: a socket for all addresses would answer here.
    await assert.rejects(ask(port, { address: '127.0.0.2', host: 'ib.localhost', path: '/demo/mailbox' }), { code: 'ECONNREFUSED' });
    for (const path of ['/demo/mailbox', '/demo/phone', '/login']) {
      assert.equal((await ask(port, { host: 'evil.example', path })).status, 421, path);
    }
    // Who typed the machine's name alone is shown the way.
    assert.match((await ask(port, { host: 'localhost', path: '/' })).body.toString(), /The demo is at http:\/\/ib\.localhost:/);
    // Seen by a person: every page says that this is no real bank.
    const pc = await Portal.open(t, bank);
    await pc.go('/login');
    await pc.page.getByText('本当の銀行のものではありません。').waitFor();
  });

  test('a port that is taken is told, on either address', async (t) => {
    const directory = await folder(t);
    for (const address of ['127.0.0.1', '::1']) {
      const other = createServer().listen(0, address);
      t.after(() => other.close());
      await once(other, 'listening');
      const { code, stderr } = await outcome(directory, ['demo', '--dir', 'demo', '--port', String(other.address().port)]);
      assert.equal(code, REFUSED, stderr);
      assert.match(stderr, /cannot listen on .*: Address already in use.*; --port takes another one/);
      assert.ok(stderr.includes(address));
    }
    assert.deepEqual(await readdir(directory), []);
  });

  test('a folder that is none of the demo’s is neither used nor deleted', async (t) => {
    const directory = await folder(t);
    await mkdir(join(directory, 'bank'));
    // As a bank's own folder may look.
    for (const name of ['warifu.keys', 'warifu.db']) await writeFile(join(directory, 'bank', name), 'precious');
    const [port] = await freePorts(1);
    for (const more of [[], ['--reset']]) {
      const { code, stderr } = await outcome(directory, ['demo', '--dir', 'bank', '--port', String(port), ...more]);
      assert.equal(code, REFUSED, stderr);
      assert.ok(stderr.includes('bank is no folder of the demo: see --dir'), stderr);
    }
    assert.deepEqual(await readdir(join(directory, 'bank')), ['warifu.db', 'warifu.keys']);
    assert.equal(await readFile(join(directory, 'bank', 'warifu.db'), 'utf8'), 'precious');
  });
});

describe('the demo for other devices', { concurrency: 2 }, () => {
  test('it serves both hosts over TLS on every address, and its own pages on loopback only', async (t) => {
    const place = await Place.make(t);
    const bank = await place.start(t);
    assert.ok((await bank.server.text()).includes(`https://ib.demo.test:${place.port}/`));
    const silent = connect(place.port, '127.0.0.1');
    const letGo = once(silent, 'close');

    const login = await place.ask({ path: '/login' });
    assert.equal(login.status, 200);
    assert.match(login.body, /割符デモ銀行/);
    assert.equal(login.headers['strict-transport-security'], 'max-age=63072000');
    assert.equal(login.headers['cache-control'], 'no-store');
    assert.match(login.headers['content-security-policy'], /^default-src 'none'; script-src 'self';/);
    const cookies = login.headers['set-cookie'];
    assert.ok(cookies.length > 0);
    for (const cookie of cookies) assert.match(cookie, /^__Host-[a-z]+=[^;]+; Path=\/; Secure; HttpOnly/);

    const app = await place.ask({ name: 'token.demo.test', path: '/app/' });
    assert.equal(app.status, 200);
    assert.match(app.headers['content-security-policy'], /require-trusted-types-for 'script'/);
    assert.equal((await place.ask({ name: 'token.demo.test', path: '/login' })).status, 404);
    for (const address of ['127.0.0.1', '::1']) {
      assert.equal((await place.ask({ address, path: '/login' })).status, 200, address);
      assert.equal((await place.askHttp2({ address, path: '/login' })).status, 200, address);
    }
    const h2 = await place.askHttp2({ path: '/login' });
    assert.match(h2.body, /割符デモ銀行/);
    assert.equal(h2.headers['strict-transport-security'], 'max-age=63072000');

    const own = [['GET', '/demo/mailbox'], ['GET', '/demo/phone'], ['GET', '/demo/phone.js'], ['POST', '/demo/activations']];
    for (const [method, path] of own) {
      for (const name of ['ib.demo.test', 'token.demo.test']) {
        assert.equal((await place.ask({ name, method, path })).status, 404, `${method} ${name}${path}`);
        assert.equal((await place.askHttp2({ name, method, path })).status, 404, `${method} ${name}${path} by HTTP/2`);
      }
      for (const host of ['ib.localhost', 'token.localhost', `ib.localhost:${bank.port}`, 'localhost', '127.0.0.1', 'demo.test']) {
        assert.equal((await place.ask({ host, method, path })).status, 421, `${method} ${host}${path}`);
      }
    }
    for (const address of ['127.0.0.1', '::1']) {
      for (const host of ['ib.localhost', 'token.localhost']) {
        const here = (path, method) => ask(bank.port, { address, host, path, method }).then(({ status }) => status);
        assert.equal(await here('/demo/mailbox'), 200);
        assert.equal(await here('/demo/phone'), host.startsWith('ib') ? 303 : 200);
        // There, and refuses what asks for nobody.
        assert.equal(await here('/demo/activations', 'POST'), 403);
      }
    }

    // Who speaks without TLS, or not at all, is let go and keeps nobody else.
    await assert.rejects(ask(place.port, { host: 'ib.demo.test', path: '/login' }));
    assert.equal((await place.ask({ path: '/login' })).status, 200);
    await letGo;
    assert.equal((await place.ask({ path: '/login' })).status, 200);
  });

  test('started again it carries on, with --reset it begins anew', async (t) => {
    const place = await Place.make(t);
    const first = await place.start(t);
    const cookie = await place.logIn(PEOPLE.fresh);
    const top = async () => {
      const { status, headers } = await place.ask({ path: '/top', headers: { cookie } });
      return headers.location ?? status;
    };
    assert.equal(await top(), 200);
    await first.server.stop();
    const second = await place.start(t);
    assert.equal(await top(), 200);
    await second.server.stop();
    await place.start(t, '--reset');
    assert.equal(await top(), '/login');
    await place.logIn(PEOPLE.fresh);
  });

  test('the same demo can be for this machine first and for others later', async (t) => {
    const place = await Place.make(t);
    const here = await startDemo(t, place.directory, place.plainPort);
    await here.server.stop();
    await place.start(t);
    await place.logIn(PEOPLE.activated);
  });

  test('a certificate or key that cannot be used stops the start before anything is touched', async (t) => {
    const place = await Place.make(t);
    const other = join(place.directory, 'other');
    await mkdir(other);
    await certificate(other);
    await writeFile(join(place.directory, 'empty.pem'), '');
    const start = (cert, key) =>
      outcome(place.directory, ['demo', '--dir', 'demo', '--reset', '--port', String(place.plainPort), ...place.tls, '--tls-cert', cert, '--tls-key', key]);
    const wrong = [
      ['gone.pem', 'key.pem', /^warifu: configuration: certificate gone\.pem: .*\n$/],
      ['empty.pem', 'key.pem', /^warifu: configuration: certificate empty\.pem: no items found\n$/],
      ['key.pem', 'key.pem', /^warifu: configuration: certificate key\.pem: no items found\n$/],
      ['cert.pem', 'gone.pem', /^warifu: configuration: key gone\.pem: .*\n$/],
      ['cert.pem', 'cert.pem', /^warifu: configuration: key cert\.pem: .*\n$/],
      ['cert.pem', 'other/key.pem', /^warifu: configuration: certificate and key do not belong together: .*\n$/],
    ];
    for (const [cert, key, said] of wrong) {
      const { code, stderr } = await start(cert, key);
      assert.equal(code, CONFIGURATION, stderr);
      assert.match(stderr, said);
    }
    const taken = createServer().listen(0, '::');
    t.after(() => taken.close());
    await once(taken, 'listening');
    place.tls[3] = String(taken.address().port);
    const { code, stderr } = await start('cert.pem', 'key.pem');
    assert.equal(code, REFUSED, stderr);
    assert.match(stderr, /cannot listen on \[::\]:\d+: Address already in use.*; --tls-port takes another one/);
    await assert.rejects(access(join(place.directory, 'demo')), { code: 'ENOENT' });
  });
});

/** A folder of its own, gone with its test. */
async function folder(t) {
  const directory = await mkdtemp(join(tmpdir(), 'warifu-demo-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts the demo; gives it as a bank, in real time. */
async function startDemo(t, directory, port, ...more) {
  const log = join(directory, `demo-${Date.now()}.log`);
  const line = ['demo', '--dir', 'demo', '--port', String(port), ...more];
  const server = new Server(needed('WARIFU_PROGRAM'), line, { directory, log });
  t.after(() => server.stop());
  await server.ready(port, { host: 'ib.localhost', path: '/login' });
  return {
    server,
    port,
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

/** How many letters the mailbox shows. */
function letters(pc) {
  return pc.page.locator('.letters > li').count();
}

/** Makes cert.pem for demo.test and its hosts, its own authority, and key.pem. */
async function certificate(directory) {
  const names = ['demo.test', 'ib.demo.test', 'token.demo.test'].map((name) => `DNS:${name}`);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-keyout', 'key.pem'];
  const line = ['req', '-x509', ...key, '-out', 'cert.pem', '-days', '2', '-subj', '/CN=demo.test', '-addext', `subjectAltName=${names}`];
  await promisify(execFile)('openssl', line, { cwd: directory });
}

/** A folder with a certificate, and the ways to a demo that is served with it. */
class Place {
  static async make(t) {
    const place = new Place();
    place.directory = await folder(t);
    await certificate(place.directory);
    place.ca = await readFile(join(place.directory, 'cert.pem'));
    [place.plainPort, place.port] = await freePorts(2);
    place.tls = ['--host', 'demo.test', '--tls-port', String(place.port)];
    return place;
  }

  start(t, ...more) {
    return startDemo(t, this.directory, this.plainPort, ...this.tls, '--tls-cert', 'cert.pem', '--tls-key', 'key.pem', ...more);
  }

  /** Asks as another device would: a name, resolved to one of this machine's addresses; `host` is another Host header. */
  ask({ name = 'ib.demo.test', host = `${name}:${this.port}`, address = '127.0.0.1', path, method = 'GET', headers = {}, body }) {
    const { port, ca } = this;
    return new Promise((resolve, reject) => {
      const options = { host: name, servername: name, port, path, method, ca, agent: false, lookup: always(address), headers: { ...headers, host } };
      const call = request(options, async (answer) => {
        resolve({ status: answer.statusCode, headers: answer.headers, body: await text(answer) });
      });
      call.on('error', reject);
      call.end(body);
    });
  }

  /** The same by HTTP/2. */
  async askHttp2({ name = 'ib.demo.test', address = '127.0.0.1', path, method = 'GET' }) {
    const line = connectHttp2(`https://${name}:${this.port}`, { ca: this.ca, lookup: always(address) });
    const stream = line.request({ ':path': path, ':method': method }, { endStream: true });
    const [headers] = await once(stream, 'response');
    assert.equal(line.alpnProtocol, 'h2');
    const body = await text(stream);
    line.close();
    return { status: headers[':status'], headers, body };
  }

  /** Logs a customer in; gives the cookies that say so. */
  async logIn({ loginId, loginPassword }) {
    const page = await this.ask({ path: '/login' });
    const csrf = /name="csrf" value="([^"]+)"/.exec(page.body)[1];
    const answer = await this.ask({
      path: '/login',
      method: 'POST',
      headers: { cookie: cookiesOf(page), 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ csrf, login_id: loginId, login_password: loginPassword }).toString(),
    });
    assert.deepEqual([answer.status, answer.headers.location], [303, '/top']);
    return cookiesOf(answer);
  }
}

const cookiesOf = ({ headers }) => headers['set-cookie'].map((cookie) => cookie.split(';')[0]).join('; ');

/** A look-up that always finds that address. */
function always(address) {
  const family = address.includes(':') ? 6 : 4;
  return (_name, { all }, found) => (all ? found(null, [{ address, family }]) : found(null, address, family));
}

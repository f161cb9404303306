/** The walks' own tools, tried before anything is built on them: the mail server and the browser. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { AxeBuilder } from '@axe-core/playwright';

import { launch } from './lib/browser.js';
import { startSmtp } from './lib/smtp.js';

/** Python's own client, so that the server is judged by somebody else. */
const CLIENT = `
import smtplib, ssl, sys
from email.message import EmailMessage
port, ca, user, password, to, subject, tls = sys.argv[1:]
message = EmailMessage()
message["From"], message["To"], message["Subject"] = "bank@example.jp", "customer@example.jp", subject
message["Message-ID"] = "<walk-1@example.jp>"
message.set_content("ユーザID：1234 5678 9018\\n")
with smtplib.SMTP("localhost", int(port), timeout=10) as client:
    if tls == "tls":
        client.starttls(context=ssl.create_default_context(cafile=ca))
    if user:
        client.login(user, password)
    client.send_message(message, "bounce@example.jp", [to])
`;

async function send(smtp, { to = 'customer@example.jp', subject = 'お知らせ', user = smtp.user, password = smtp.password, tls = 'tls' } = {}) {
  const run = promisify(execFile)(process.env.WARIFU_TEST_PYTHON, ['-c', CLIENT, smtp.port, smtp.caFile, user, password, to, subject, tls]);
  const { stderr } = await run.catch((error) => error);
  return stderr.trim().split('\n').at(-1);
}

describe('the mail server', () => {
  let smtp;
  before(async () => (smtp = await startSmtp()));
  beforeEach(() => smtp.mode('accept'));
  after(() => smtp.stop());

  test('keeps a mail with its envelope and decodes it', async () => {
    assert.equal(await send(smtp, { subject: 'トークン発行のお知らせ' }), '');
    const mail = await smtp.waitForMail({ to: 'customer@example.jp', subject: 'トークン発行' });
    assert.equal(mail.from, 'bounce@example.jp');
    assert.deepEqual(mail.to, ['customer@example.jp']);
    assert.equal(mail.subject, 'トークン発行のお知らせ');
    assert.equal(mail.body, 'ユーザID：1234 5678 9018\n');
    assert.equal(mail.message_id, '<walk-1@example.jp>');
    assert.equal(mail.headers.from, 'bank@example.jp');
  });

  test('takes the addresses that carriers once gave out', async () => {
    for (const to of ['a..b@docomo.ne.jp', 'a.@ezweb.ne.jp']) {
      assert.equal(await send(smtp, { to }), '');
      assert.ok(await smtp.waitForMail({ to }));
    }
    // Quoted, it is the same address: the quotes belong to the wire.
    const seen = (await smtp.mails()).length;
    assert.equal(await send(smtp, { to: '"a..b"@docomo.ne.jp' }), '');
    assert.ok(await smtp.waitForMail({ to: 'a..b@docomo.ne.jp', after: seen }));
  });

  test('passes over mails that were there before', async () => {
    await send(smtp, { subject: 'twice' });
    const seen = (await smtp.mails()).length;
    await assert.rejects(smtp.waitForMail({ subject: 'twice', after: seen, seconds: 0.2 }), /no mail to anyone about twice/);
    await send(smtp, { subject: 'twice' });
    assert.equal((await smtp.waitForMail({ subject: /^twice$/, after: seen })).subject, 'twice');
  });

  test('demands TLS, then the right password', async () => {
    const seen = (await smtp.mails()).length;
    assert.match(await send(smtp, { tls: 'clear', user: '' }), /530/);
    assert.match(await send(smtp, { user: '' }), /530/);
    assert.match(await send(smtp, { password: 'wrong' }), /SMTPAuthenticationError/);
    assert.equal((await smtp.mails()).length, seen);
  });

  test('refuses for now, or hangs up, when told so', async () => {
    const seen = (await smtp.mails()).length;
    await smtp.mode('refuse4xx');
    assert.match(await send(smtp), /SMTPDataError.*451/);
    await smtp.mode('drop');
    assert.match(await send(smtp), /SMTPServerDisconnected|ConnectionResetError/);
    assert.equal((await smtp.mails()).length, seen);
    await smtp.mode('accept');
    assert.equal(await send(smtp), '');
    assert.equal((await smtp.mails()).length, seen + 1);
  });
});

describe('the browser', () => {
  let server;
  before(async () => {
    server = createServer((request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end('<title>割符</title><script>document.title += isSecureContext ? " safe" : " unsafe"</script>');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => server.close());
  const address = () => `http://ib.localhost:${server.address().port}/`;

  test('reaches institution hosts under localhost as secure contexts', async () => {
    const { page, close } = await launch();
    await page.goto(address());
    assert.equal(await page.title(), '割符 safe');
    assert.equal(await page.evaluate(() => navigator.language), 'ja-JP');
    await close();
  });

  test('starts empty, and a kept profile remembers', async () => {
    const profile = await mkdtemp(join(tmpdir(), 'warifu-profile-'));
    const remembered = async (options) => {
      const { page, close } = await launch(options);
      await page.goto(address());
      const before = await page.evaluate(() => localStorage.getItem('mark'));
      await page.evaluate(() => localStorage.setItem('mark', 'here'));
      await close();
      return before;
    };
    assert.equal(await remembered({ profile }), null);
    assert.equal(await remembered({}), null);
    assert.equal(await remembered({ profile, phone: true }), 'here');
    await rm(profile, { recursive: true });
  });

  test('is judged by axe as it stands', async () => {
    const { page, close } = await launch();
    await page.goto(address());
    await page.setContent('<html lang="ja"><title>割符</title><main><h1>見出し</h1><input></main></html>');
    const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag22aa']).analyze();
    assert.deepEqual(violations.map((violation) => violation.id), ['label']);
    await close();
  });

  test('writes down what it complains of', async () => {
    const { page, complaints, close } = await launch();
    await page.goto(address());
    assert.deepEqual(complaints.filter((line) => !line.includes('favicon')), []);
    await page.evaluate(() => console.error('broken on purpose'));
    await page.evaluate(() => setTimeout(() => { throw new Error('thrown on purpose'); }));
    await page.waitForTimeout(200);
    assert.equal(complaints.filter((line) => line.includes('on purpose')).length, 2);
    await close();
  });
});

/**
 * Makes the pictures of the user guide: the real screens of a walk, in both languages, as small WebP
 * files. Run by `cargo xtask guide`, which names the folder to write to.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { startBanks } from './lib/bank.js';
import { mailPassword } from './lib/mailbox.js';
import { Phone } from './lib/phone.js';
import { Portal } from './lib/portal.js';

const FOLDER = process.argv[2];
const QUALITY = 6;
// No wider than what can still be read on a phone, and no higher than what is looked at in one piece.
const PC = { width: 600, height: 640, scale: 1 };
// What is chosen and what is typed for it belong together.
const TALL = 1000;
const PHONE = { width: 360, height: 640, scale: 0.9 };

/** Takes what a customer sees from an element of the page on, down to what is to be pressed there, or to where another part begins. */
async function shoot(page, name, view, { from = 'h1', press, until, height = view.height } = {}) {
  const { width, scale } = view;
  const anchor = await page.locator(from).first().boundingBox();
  const button = press && (await page.getByRole('main').getByRole('button', { name: press, exact: true }).first().boundingBox());
  const scrolled = await page.evaluate(() => window.scrollY);
  const first = scrolled + anchor.y - SPACE;
  const end = until && (await page.locator(until).first().boundingBox());
  const pressed = button ? scrolled + button.y + button.height + SPACE : first + height;
  const last = end ? scrolled + end.y - SPACE : pressed;
  const [top, bottom] = await page.evaluate(betweenBlocks, [Math.max(0, first, last - height), last, SPACE]);
  await page.evaluate(hideHosts);
  const lines = await page.context().newCDPSession(page);
  const { data } = await lines.send('Page.captureScreenshot', {
    format: 'webp',
    quality: QUALITY,
    captureBeyondViewport: true,
    clip: { x: 0, y: top, width, height: bottom - top, scale },
  });
  await lines.detach();
  await writeFile(join(FOLDER, name), bare(Buffer.from(data, 'base64')));
}

/** A WebP file of nothing but its picture (RFC 9649, section 2.5): without the colour profile, which says what everybody assumes. */
function bare(file) {
  for (let at = 12; at < file.length; ) {
    const size = file.readUInt32LE(at + 4);
    const chunk = file.subarray(at, at + 8 + size + (size % 2));
    if (chunk.toString('latin1', 0, 4) === 'VP8 ') {
      const head = Buffer.from('RIFF    WEBP', 'latin1');
      head.writeUInt32LE(4 + chunk.length, 4);
      return Buffer.concat([head, chunk]);
    }
    at += chunk.length;
  }
  throw new Error('a picture without a picture');
}

const SPACE = 16;

/** The same part of the page without what would be cut at its edges. Runs in the page. */
function betweenBlocks([top, bottom, space]) {
  const whole = '.field, .told, .actions > *, fieldset, dl, li, p, h1, h2, h3, button, canvas';
  const blocks = [...document.querySelectorAll(whole)].filter((part) => !part.parentElement.closest(whole));
  const boxes = blocks.map((part) => part.getBoundingClientRect()).filter(({ height }) => height > 0);
  const edges = boxes.map((box) => [box.top + scrollY, box.bottom + scrollY]);
  // What holds the button may reach a little beyond it.
  const inside = edges.filter(([from, to]) => from >= top && from < bottom && to <= bottom + 48);
  if (inside.length === 0) return [top, bottom];
  const from = Math.min(...inside.map(([start]) => start)) - space / 2;
  const to = Math.max(...inside.map(([, end]) => end)) + space;
  return [Math.max(0, Math.round(from)), Math.round(to)];
}

/** Addresses of this machine say nothing to a reader. Runs in the page. */
function hideHosts() {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    texts.currentNode.data = texts.currentNode.data.replaceAll(/(ib|token)\.bank-a\.localhost(:\d+)?/g, '$1.example.jp');
  }
}

async function pictures(language) {
  const ends = [];
  const t = { after: (end) => ends.push(end), diagnostic: () => {} };
  const banks = await startBanks({ language });
  ends.push(() => banks.stop());
  try {
    await walk(t, banks, language);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function walk(t, banks, language) {
  const bank = banks.a;
  const person = bank.people[0];
  const size = (view) => ({ viewport: { width: view.width, height: view.height }, deviceScaleFactor: 1 });
  const pc = await Portal.open(t, bank, { language, ...size(PC) });
  const phone = await Phone.open(t, bank, { language, ...size(PHONE) });
  const { words } = pc;
  const take = (name, what) => shoot(pc.page, `${name}-${language}.webp`, PC, what);
  const touch = (name, what) => shoot(phone.page, `${name}-${language}.webp`, PHONE, what);

  await pc.go('/stop');
  await take('bes001', { press: words.stopNow });
  await pc.go('/login');
  await take('bli001', { press: words.logIn });
  await pc.logInToOtp(person);
  await take('bop001', { from: '#offers', press: words.issue });
  await pc.press(words.issue);
  await take('bot000');
  await pc.press(words.choose);
  await take('bmp001', { press: words.ok });
  const after = (await banks.smtp.mails()).length;
  await pc.press(words.ok);
  await take('bot001', { from: '#for-address', until: '#for-start' });
  await take('bot001-start', { from: '#for-start', press: words.next, height: TALL });
  await pc.enter(person);
  const secret = await mailPassword(bank, person, after);
  await pc.reload();
  await take('bot002', { from: '#for-confirm', press: words.commit });
  const ids = await pc.commit(person, secret);
  await take('bot003', { from: '#ids' });

  await phone.openApp();
  await touch('app-empty');
  await phone.beginSetUp();
  await phone.type(ids, person.startPassword);
  await touch('app-set-up', { press: phone.words.set });
  await phone.tap(phone.words.set);
  await phone.heading(phone.words.done);
  await touch('app-done');
  await phone.tap(phone.words.open);
  const passcode = await phone.passcode();
  await touch('app-passcode');

  await pc.press(words.toOtp);
  await pc.press(words.start);
  await take('bok001', { press: words.next });
  await pc.press(words.next);
  await take('bok002', { press: words.startUse });
  await pc.fill({ [words.passcode]: passcode });
  await pc.press(words.startUse);
  await pc.logOut();
  await pc.logIn(person);
  await take('bli002', { press: words.verify });
  await pc.verify(await phone.nextPasscode());
  await pc.press(words.otp);
  await pc.press(words.release);
  await take('bos001', { press: words.releaseNow });
  await pc.logOut();
  await change(pc, take, bank.people[1]);
}

/** A password and an address are about to be changed, by somebody without a token. */
async function change(pc, take, person) {
  const { words, page, bank } = pc;
  const changed = 'Atarashii-Mado-77';
  const fresh = 'atarashii@example.jp';
  await pc.logIn(person);
  await pc.go('/password');
  await page.locator('input[value=login]').check();
  await pc.fill({ [words.newPassword]: changed, [words.newPassword2]: changed });
  await take('bpw001', { from: '#which', press: words.next, height: TALL });
  await pc.press(words.next);
  await take('bpw002', { press: words.changePassword });
  await pc.go('/address');
  await page.getByLabel(words.addAddress).check();
  await pc.fill({ [words.newAddress]: fresh, [words.newAddress2]: fresh });
  await take('bma001', { from: 'fieldset', until: '.notes', height: TALL });
  const after = (await bank.banks.smtp.mails()).length;
  await pc.press(words.next);
  const secret = await mailPassword(bank, person, after);
  await pc.reload();
  await pc.fill({ [words.confirmationPassword]: person.confirmationPassword, [words.mailPassword]: secret });
  await take('bma002', { from: '#for-proofs', press: words.commit });
  await pc.press(words.commit);
  await take('bma003', { from: '#for-number', press: words.register });
}

await mkdir(FOLDER, { recursive: true });
for (const language of ['ja', 'en']) await pictures(language);

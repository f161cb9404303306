/** The pages of the app that a customer meets seldom or on other phones: each in both languages, for all eyes, at 320 px too. */

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startBanks } from './lib/bank.js';
import { looker } from './lib/look.js';
import { Phone } from './lib/phone.js';
import { told } from './lib/words.js';

const DAY = 86_400_000;
const ANDROID = 'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/156.0.0.0 Mobile Safari/537.36';
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1';

const SAID = {
  ja: {
    call: 'ネット窓口（電話 0120-111-222）へご連絡ください。',
    add: 'トークン追加',
    choose: 'トークンの選択',
    token: (number) => `トークン${number}`,
    user: (id) => `ユーザID　${id}`,
    full: '登録できるトークンは10個までです。',
    inApp: (browser) => `ほかのアプリの中で開いています。右上または右下のしるしから「${browser}で開く」を選んでください。`,
    install: '3　この画面を閉じ、ホーム画面にできた「みどり野信託 ワンタイムパスワード」を押して開きます。',
    carry: 'このリンクの番号は、ホーム画面に追加したアプリや別のブラウザーには引き継がれません。',
    carryCopy: 'サービスIDとユーザIDをコピーする',
    carried: 'コピーしました。',
    unsupported: 'この携帯電話またはブラウザーでは、ご利用いただけません。',
    offer: 'アプリを追加する',
    lost: 'この携帯電話に保存されていたトークンが見つかりません。',
    ended: (date) => `このトークンの有効期限（${date}）が過ぎました。`,
    valid: (date) => `有効期限　${date}`,
    expiring: (days) => `有効期限まで、あと${days}日です。`,
    renew: 'インターネットバンキングの「ワンタイムパスワード設定」で「ワンタイムパスワード利用解除」のあと、もう一度「トークン発行」を行ってください。',
    many: 'ただいまアクセスが集中しています。3分ほど待ってから、「もう一度試す」を押してください。入力した内容は残っています。',
    busy: 'ただいま、ご利用いただけません。しばらくしてから、「もう一度試す」を押してください。入力した内容は残っています。',
    failed: '申し訳ございません。設定を完了できませんでした。「もう一度試す」を押してください。',
    notKept: 'この携帯電話には、トークンを安全に保存できませんでした。設定は行われていません。',
    summary: '入力内容に確認が必要な項目が3件あります。下の項目を押すと、その入力欄へ移動します。',
  },
  en: {
    call: 'lease call our Internet Desk (telephone 0120-111-222)',
    add: 'Add a token',
    choose: 'Choose a token',
    token: (number) => `Token ${number}`,
    user: (id) => `User ID ${id}`,
    full: 'At most 10 tokens can be kept.',
    inApp: (browser) => `This page is open inside another app. Press the sign at the top or bottom right and choose “Open in ${browser}”.`,
    install: '3. Close this page and open “Midorino Trust One-Time Password” from your home screen.',
    carry: 'The app on your home screen, or another browser, will not know the numbers of this link.',
    carryCopy: 'Copy the service ID and user ID',
    carried: 'Copied.',
    unsupported: 'This phone or browser cannot be used.',
    offer: 'Add the app',
    lost: 'The token that was kept on this phone cannot be found.',
    ended: (date) => `This token was valid until ${date}.`,
    valid: (date) => `Valid until ${date}`,
    expiring: (days) => `Days until the end of validity: ${days}.`,
    renew: 'carry out “Stop using one-time passwords” and then “Issue a token”.',
    many: 'We are receiving very many requests. Please wait about 3 min and press “Try again”. What you typed is still here.',
    busy: 'The service is not available at the moment. Please press “Try again” in a while. What you typed is still here.',
    failed: 'We are sorry: the set-up could not be completed. Please press “Try again”.',
    notKept: 'The token cannot be kept safely on this phone. Nothing has been set up.',
    summary: 'Please check what you entered. Items: 3. Press an item below to go to its field.',
  },
};

/** What should stand on one line and does not at 320 px: telephone numbers, days, words with hyphens, names of buttons. */
async function broken(page) {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 320, height: 640 });
  const texts = await page.locator('.whole, .word').evaluateAll((parts) =>
    parts.filter((part) => part.getClientRects().length > 1).map((part) => part.textContent),
  );
  await page.setViewportSize(before);
  return texts;
}

describe('the app’s seldom pages', () => {
  let banks;
  let bank;
  before(async () => {
    banks = await startBanks();
    bank = banks.a;
  });
  after(() => banks.stop());

  for (const language of ['ja', 'en']) {
    const said = SAID[language];
    const judge = looker({ walk: `app-${language}` });
    const look = async (page, name) => {
      await judge(page, name);
      assert.deepEqual(await broken(page), [], `broken between two lines on ${name}`);
    };
    const open = (t, options) => Phone.open(t, bank, { language, look, ...options });
    const dated = (at) => told(language, at).moment.split(language === 'ja' ? ' ' : ', ')[0];

    /** An empty phone at the form of the set-up, filled in with what can be right. */
    async function atSetUp(t) {
      const phone = await open(t);
      await phone.openApp();
      await phone.beginSetUp();
      await phone.type({ service: bank.serviceId, user: '0000 0000 0000' }, '407182');
      return phone;
    }

    test(`two tokens are chosen from a list, and a third can be added (${language})`, async (t) => {
      const phone = await open(t);
      await phone.keep([{}, {}]);
      await phone.heading(said.choose);
      await look(phone.page, 'tokens');
      const rows = await phone.page.getByRole('listitem').allInnerTexts();
      assert.deepEqual(rows.map((row) => row.split('\n').filter(Boolean)), [
        [said.token(1), said.user('1000 0000 0001')],
        [said.token(2), said.user('1000 0000 0002')],
      ]);
      await phone.page.getByRole('button', { name: said.token(2) }).tap();
      await phone.heading(phone.words.title);
      await phone.says(said.user('1000 0000 0002'));
      await phone.passcode();
      await look(phone.page, 'token-of-two');
      await phone.tap(said.choose);
      await phone.heading(said.choose);
      await phone.tap(said.add);
      await phone.heading(phone.words.setUp);
    });

    test(`with ten tokens the page says that there is no room for another (${language})`, async (t) => {
      const phone = await open(t);
      await phone.keep(Array.from({ length: 9 }, () => ({})));
      await phone.page.getByRole('button', { name: said.add, exact: true }).waitFor();
      await phone.keep(Array.from({ length: 10 }, () => ({})));
      await phone.says(said.full);
      await phone.says(said.call);
      assert.equal(await phone.page.getByRole('button', { name: said.add, exact: true }).count(), 0);
      await look(phone.page, 'tokens-full');
    });

    for (const [name, userAgent, browser] of [
      ['android', ANDROID.replace('Version', 'Line/26.0.0 Version'), 'Chrome'],
      ['iphone', `${IPHONE} Instagram 400.0.0.0`, 'Safari'],
    ]) {
      test(`inside another app on ${name} the page leads to the browser (${language})`, async (t) => {
        const phone = await open(t, { userAgent });
        await phone.page.goto(`${bank.token}/app/`);
        await phone.heading(phone.words.guide);
        await phone.says(said.inApp(browser));
        assert.equal(await phone.page.getByRole('main').getByRole('button').count(), 0);
        await look(phone.page, `in-app-${name}`);
      });
    }

    test(`a tab on an iPhone explains installing and nothing else (${language})`, async (t) => {
      const phone = await open(t, { userAgent: IPHONE });
      await phone.page.goto(`${bank.token}/app/`);
      await phone.heading(phone.words.guide);
      await phone.says(said.install);
      assert.equal(await phone.page.getByRole('main').locator('button, input').count(), 0);
      await look(phone.page, 'install-iphone');
    });

    test(`a code scanned on an iPhone gives its numbers to be carried over into the app (${language})`, async (t) => {
      const phone = await open(t, { userAgent: IPHONE, permissions: ['clipboard-read', 'clipboard-write'] });
      await phone.page.goto(`${bank.token}/app/#1.${bank.serviceId}.000000000000.${'A'.repeat(22)}`);
      await phone.heading(phone.words.guide);
      await phone.says(said.carry);
      assert.equal(await phone.page.getByRole('main').locator('input').count(), 0);
      assert.equal(phone.page.url(), `${bank.token}/app/`, 'the secret is gone from the address');
      await phone.tap(said.carryCopy);
      await phone.says(said.carried);
      const copied = await phone.page.evaluate(() => navigator.clipboard.readText());
      assert.deepEqual(copied.replaceAll(/[^\d\n]/g, '').split('\n'), [bank.serviceId, '000000000000']);
      await look(phone.page, 'install-iphone-carry');
    });

    test(`a browser without the means is told so and whom to call (${language})`, async (t) => {
      const phone = await open(t);
      await phone.browser.context.addInitScript(() => Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined }));
      await phone.page.goto(`${bank.token}/app/`);
      await phone.heading(phone.words.guide);
      await phone.says(said.unsupported);
      await phone.says(said.call);
      assert.equal(await phone.page.getByRole('main').getByRole('button').count(), 0);
      await look(phone.page, 'unsupported');
    });

    test(`a browser that offers to install is asked once, by a button (${language})`, async (t) => {
      const phone = await open(t);
      await phone.page.goto(`${bank.token}/app/`);
      await phone.says(phone.words.empty);
      const offered = phone.page.evaluate(
        () =>
          new Promise((resolve) => {
            const offer = new Event('beforeinstallprompt', { cancelable: true });
            dispatchEvent(Object.assign(offer, { prompt: async () => resolve(offer.defaultPrevented) }));
          }),
      );
      await phone.page.getByRole('button', { name: said.offer }).waitFor();
      await look(phone.page, 'install-android');
      await phone.tap(said.offer);
      assert.equal(await offered, true, 'the browser shows its own offer too');
      assert.equal(await phone.page.getByRole('button', { name: said.offer }).count(), 0);
    });

    test(`tokens that the browser has dropped are told as lost, and whom to call (${language})`, async (t) => {
      const phone = await open(t);
      await phone.keep([{}]);
      await phone.passcode();
      await phone.page.evaluate(async () => {
        const { closeDatabase } = await import('/app/storage.js');
        await closeDatabase();
        await new Promise((resolve) => (indexedDB.deleteDatabase('warifu').onsuccess = resolve));
      });
      await phone.page.reload();
      await phone.says(said.lost);
      await phone.says(said.call);
      await look(phone.page, 'lost');
      await phone.tap(phone.words.begin);
      await phone.heading(phone.words.setUp);
    });

    test(`a token that a restore has left without its keys is told as lost (${language})`, async (t) => {
      const phone = await open(t);
      await phone.keep([{ keys: { passcode: {}, challenge: {}, qr: {} } }]);
      await phone.says(said.lost);
      assert.equal(await phone.page.locator('#passcode').count(), 0);
    });

    test(`an ended token shows no passcode, and one near its end says so (${language})`, async (t) => {
      const now = await banks.now();
      const phone = await open(t);
      await phone.keep([{ validUntil: now }]);
      await phone.says(said.ended(dated(now)));
      await phone.says(said.call);
      assert.equal(await phone.page.locator('#passcode').count(), 0);
      await look(phone.page, 'ended');

      await phone.keep([{ validUntil: now + 5 * DAY }]);
      await phone.passcode();
      await phone.says(said.valid(dated(now + 5 * DAY)));
      await phone.says(said.expiring(5));
      await phone.says(said.renew);
      await look(phone.page, 'expiring');

      await phone.keep([{ validUntil: now + 30 * DAY }]);
      await phone.says(said.expiring(30));
      await phone.keep([{ validUntil: now + 30 * DAY + 1 }]);
      await phone.passcode();
      assert.equal(await phone.page.getByText(said.expiring(31)).count(), 0);
    });

    test(`answers that ask to wait keep what was typed (${language})`, async (t) => {
      const phone = await atSetUp(t);
      const { page, words } = phone;
      const typed = await phone.typed();
      const problem = (status, code) => ({ status, contentType: 'application/problem+json', body: JSON.stringify({ status, code }) });
      const answers = [
        ['many', said.many, { ...problem(429, 'too_many'), headers: { 'retry-after': '150' } }],
        ['busy', said.busy, problem(503, 'overloaded')],
        ['gateway', said.busy, { status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }],
        ['failed', said.failed, problem(500, 'internal')],
      ];
      let button = words.set;
      for (const [name, sentence, answer] of answers) {
        await page.route('**/phone/v1/activations', (route) => route.fulfill(answer));
        await phone.tap(button);
        await phone.says(sentence);
        button = words.retry;
        assert.deepEqual(await phone.typed(), typed, name);
        await look(page, `set-up-${name}`);
        await page.unroute('**/phone/v1/activations');
      }
      // Nobody has these numbers: the server's own answer, after which the secret is typed anew.
      await phone.tap(words.retry);
      await phone.says(words.refused);
      await look(page, 'set-up-refused');
      assert.deepEqual(await phone.typed(), { ...typed, startPassword: '' });
      await page.getByRole('button', { name: words.set, exact: true }).waitFor();
    });

    test(`an issue that a second phone has ended is told at the set-up (${language})`, async (t) => {
      const phone = await atSetUp(t);
      await phone.page.route('**/phone/v1/activations', (route) => route.fulfill({ status: 410, body: '{"code":"gone"}' }));
      await phone.tap(phone.words.set);
      await phone.says(phone.words.other);
      await look(phone.page, 'set-up-second-phone');
    });

    test(`each field that cannot be right is named above and beside it (${language})`, async (t) => {
      const phone = await atSetUp(t);
      await phone.type({ service: '1234 5678', user: '0000 0000 0001' }, '12a');
      await phone.tap(phone.words.set);
      await phone.says(said.summary);
      assert.equal(await phone.page.locator('[aria-invalid]').count(), 3);
      await look(phone.page, 'set-up-fields');
      await phone.page.getByRole('alert').getByRole('link').nth(1).tap();
      assert.equal(await phone.field('user').evaluate((field) => field === document.activeElement), true);
    });

    test(`a phone that cannot keep keys is told so, and the server is never asked (${language})`, async (t) => {
      const phone = await atSetUp(t);
      const asked = [];
      phone.page.on('request', (request) => request.url().endsWith('/activations') && asked.push(request.url()));
      await phone.page.evaluate(() => {
        IDBFactory.prototype.open = () => {
          throw new DOMException('as in a private window', 'SecurityError');
        };
      });
      await phone.tap(phone.words.set);
      await phone.says(said.notKept);
      await look(phone.page, 'set-up-not-kept');
      assert.deepEqual(asked, []);
    });
  }
});

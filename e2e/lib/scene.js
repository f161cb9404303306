/** What a walk that failed had before it: without that, a failure on another machine cannot be understood. */

/** The most that is told of a page, and of each server's log. */
const CHARACTERS = 1_500;
const LINES = 25;

/**
 * Closes a browser with its test. To the error of one that failed it first adds what the browser showed and what the
 * server logged last.
 * @param {import('node:test').TestContext} t
 * @param {{page: import('playwright-core').Page, bank: object, browser: {complaints: string[]}, close: () => Promise<void>}} it
 */
export function closesWith(t, it) {
  t.after(async () => {
    const error = t.error?.cause ?? t.error;
    if (error instanceof Error) error.stack += `\n${await scene(it).catch((why) => `(no scene: ${why})`)}`;
    await it.close();
  });
}

async function scene({ page, bank, browser }) {
  const text = await page.evaluate(() => document.body.innerText, undefined).catch((why) => String(why));
  const server = bank.banks.server ?? bank.server;
  const log = server ? (await server.text()).split('\n').filter((line) => !line.includes(' TRACE ')) : [];
  return [
    `--- ${page.url()}`,
    text.replace(/\n+/g, '\n').slice(0, CHARACTERS),
    ...browser.complaints.map((line) => `--- the browser complained: ${line}`),
    '--- the server logged last:',
    ...log.slice(-LINES),
    '---',
  ].join('\n');
}

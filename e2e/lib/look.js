/**
 * Looks at a page as people with other eyes do: axe in light and dark, reflow on a narrow window, and
 * pictures for the designer where WARIFU_SHOTS names a folder. Leaves the page as it was.
 */

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { AxeBuilder } from '@axe-core/playwright';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
// The dark scheme changes colours and nothing else.
const COLOURS = ['color-contrast', 'link-in-text-block'];
// WCAG 2.2, 1.4.10: nothing may need to be scrolled sideways at this width.
const NARROW = 320;

/**
 * Gives the function that looks at each page of a walk once.
 * @param {{walk: string, axe?: boolean}} options
 */
export function looker({ walk, axe = true }) {
  const seen = new Set();
  const folder = process.env.WARIFU_SHOTS;
  return async (page, name) => {
    if (seen.has(name) || (!axe && !folder)) return;
    seen.add(name);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      if (axe) await judge(page, `${name}, ${colorScheme}`, colorScheme === 'dark');
      if (folder) await shoot(page, folder, `${walk}-${name}-${colorScheme}`);
    }
    await page.emulateMedia({ colorScheme: null });
    if (folder) {
      await page.emulateMedia({ forcedColors: 'active' });
      await shoot(page, folder, `${walk}-${name}-forced`);
      await page.emulateMedia({ forcedColors: null });
    }
    if (axe) await narrow(page, name);
  };
}

async function judge(page, name, coloursOnly) {
  // There are no frames; without this, each look would open a window of its own to gather what they say.
  const builder = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (coloursOnly ? builder.withRules(COLOURS) : builder.withTags(TAGS)).analyze();
  const told = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `  ${node.html}\n  ${node.failureSummary}`).join('\n')}`);
  assert.deepEqual(told, [], `axe on ${name}`);
}

async function narrow(page, name) {
  const before = page.viewportSize();
  await page.setViewportSize({ width: NARROW, height: 640 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await page.setViewportSize(before);
  assert.ok(wide <= 0, `${name} must be scrolled sideways at ${NARROW} px: ${wide} px too wide`);
}

async function shoot(page, folder, name) {
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

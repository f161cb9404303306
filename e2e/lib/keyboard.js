/** The bank's pages without a mouse: only Tab, Enter and the letters, and always a mark that shows where one is. */

import assert from 'node:assert/strict';

import { launch } from './browser.js';
import { Portal } from './portal.js';
import { PATIENCE } from './process.js';
import { closesWith } from './scene.js';

/** More stops than any page has. */
const STOPS = 80;

/** A customer who uses the keyboard for everything. */
export class Keyboard extends Portal {
  /** Like the portal's own. */
  static async open(t, bank, { language = 'ja', look = async () => {}, ...options } = {}) {
    const browser = await launch({ locale: language === 'en' ? 'en-GB' : 'ja-JP', ...options });
    browser.context.setDefaultTimeout(PATIENCE);
    const portal = new Keyboard(bank, browser, browser.page, language, look);
    closesWith(t, portal);
    return portal;
  }

  async press(name) {
    const { page } = this;
    await this.reach(page.getByRole('button', { name, exact: true }).or(page.getByRole('link', { name, exact: true })).first(), name);
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
  }

  async fill(entries) {
    for (const [label, value] of Object.entries(entries)) {
      await this.reach(this.page.getByLabel(`${this.words.required} ${label}`, { exact: true }), label);
      await this.page.keyboard.press('ControlOrMeta+a');
      await this.page.keyboard.type(value);
    }
  }

  /** Presses Tab until the focus stands on something, and makes sure that each stop on the way can be seen. */
  async reach(target, name) {
    await target.waitFor();
    for (let stop = 0; stop < STOPS; stop += 1) {
      if (await target.evaluate((element) => element === document.activeElement)) return;
      await this.page.keyboard.press('Tab');
      const at = await this.page.evaluate(seen);
      if (at) assert.ok(at.isMarked && at.isInView, `the focus cannot be seen on ${at.what} (${this.page.url()})`);
    }
    assert.fail(`the keyboard does not come to ${name} (${this.page.url()})`);
  }
}

/** In the page: whether one sees where the focus is; null between the end of the page and its beginning. */
function seen() {
  const element = document.activeElement;
  // A page that has loaded itself anew puts it at its beginning.
  if (!element || element === document.body || element.id === 'main') return null;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  const { top, bottom, left, right } = element.getBoundingClientRect();
  return {
    what: element.outerHTML.slice(0, 120),
    isMarked: (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || boxShadow !== 'none',
    isInView: bottom > 0 && right > 0 && top < innerHeight && left < innerWidth,
  };
}

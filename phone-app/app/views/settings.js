/** アプリの設定: whether the digits wait for a touch, how large the letters are, and the lock number. */

import { faultOf, makeLock, secondsToWait, tryLock } from "../lock.js";
import { normaliseDigits } from "../protocol.js";
import { h } from "./dom.js";
import { secretField } from "./field.js";

/** @typedef {import("../app.js").App} App */

/**
 * The settings of the whole app.
 * @param {App} app
 * @returns {import("../app.js").View}
 */
export function settingsView(app) {
  const { texts } = app;
  const node = h(
    "div",
    {},
    h("h1", { tabindex: -1 }, texts.of("app-settings")),
    hiding(app),
    sizing(app),
    app.settings.lock === null ? setting(app) : removing(app, app.settings.lock),
    h("button", { type: "button", class: "secondary", click: () => app.go({ name: "home" }) }, texts.of("app-back")),
  );
  return { node };
}

/** @param {App} app */
function hiding(app) {
  const { texts, settings } = app;
  const box = h("input", { type: "checkbox", id: "hidden", checked: settings.isHidden });
  box.addEventListener("change", () => void app.keepSettings({ ...app.settings, isHidden: box.checked }));
  return h("div", { class: "choice" }, box, h("label", { for: "hidden" }, texts.of("app-hide-setting")));
}

/** @type {Array<[import("../storage.js").TextSize, string]>} */
const SIZES = [
  ["standard", "app-size-standard"],
  ["large", "app-size-large"],
  ["largest", "app-size-largest"],
];

/** @param {App} app */
function sizing(app) {
  const { texts } = app;
  const choices = SIZES.map(([textSize, key]) => {
    const id = `size-${textSize}`;
    const box = h("input", { type: "radio", name: "size", id, checked: app.settings.textSize === textSize });
    const keep = async () => {
      await app.keepSettings({ ...app.settings, textSize });
      document.documentElement.className = `text-${textSize}`;
    };
    box.addEventListener("change", () => void keep());
    return h("div", { class: "choice" }, box, h("label", { for: id }, texts.of(key)));
  });
  return h("fieldset", {}, h("legend", {}, texts.of("app-size")), ...choices);
}

/** @param {App} app */
function setting(app) {
  const { texts } = app;
  const number = lockField(app, "lock", "app-lock-number", "app-lock-origin");
  const again = lockField(app, "lock2", "app-lock-again", "app-lock-again-hint");
  const button = h("button", { type: "submit", class: "secondary" }, texts.of("app-lock-set"));
  const form = h("form", { novalidate: true, autocomplete: "off" }, number.node, again.node, button);
  const save = async () => {
    const digits = normaliseDigits(number.input.value);
    const fault = faultOf(digits);
    number.setError(fault === null ? null : texts.of(fault === "form" ? "app-lock-form" : "app-lock-weak"));
    const differs = fault === null && normaliseDigits(again.input.value) !== digits;
    again.setError(differs ? texts.of("app-lock-differs") : null);
    if (fault !== null || differs) {
      (fault === null ? again : number).input.focus();
      return;
    }
    button.disabled = true;
    await app.keepSettings({ ...app.settings, lock: await makeLock(digits) });
    app.replace({ name: "settings" });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void save();
  });
  return h("section", {}, h("h2", {}, texts.of("app-lock-set")), h("p", {}, texts.of("app-lock-about")), form);
}

/**
 * @param {App} app
 * @param {import("../lock.js").LockRecord} lock
 */
function removing(app, lock) {
  const { texts } = app;
  const number = lockField(app, "lock", "app-lock-number", "app-lock-typed");
  const button = h("button", { type: "submit", class: "secondary" }, texts.of("app-lock-remove"));
  const form = h("form", { novalidate: true, autocomplete: "off" }, number.node, button);
  trying(app, lock, { form, number, button }, async () => {
    await app.keepSettings({ ...app.settings, lock: null });
    app.replace({ name: "settings" });
  });
  return h("section", {}, h("h2", {}, texts.of("app-lock-remove")), h("p", {}, texts.of("app-lock-on")), form);
}

/**
 * The page in front of everything, until the lock number is typed.
 * @param {App} app
 * @param {import("../lock.js").LockRecord} lock
 * @returns {import("../app.js").View}
 */
export function lockView(app, lock) {
  const { texts } = app;
  const number = lockField(app, "lock", "app-lock-number", "app-lock-typed");
  const button = h("button", { type: "submit", class: "primary" }, texts.of("app-lock-open"));
  const form = h("form", { novalidate: true, autocomplete: "off" }, number.node, button);
  trying(app, lock, { form, number, button }, async () => app.unlock());
  const node = h("div", {}, h("h1", { tabindex: -1 }, texts.of("app-lock-title")), form, h("p", { class: "note" }, texts.of("app-lock-forgot")));
  return { node };
}

/**
 * Tries the number that is typed, one at a time: two at once would count as one.
 * @param {App} app
 * @param {import("../lock.js").LockRecord} lock
 * @param {{form: HTMLFormElement, number: import("./field.js").Field, button: HTMLButtonElement}} parts
 * @param {() => Promise<void> | void} open what the right number leads to
 */
function trying(app, lock, { form, number, button }, open) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!button.disabled) {
      void attempt();
    }
  });
  const attempt = async () => {
    button.disabled = true;
    number.setError(null);
    const [typed, kept, now] = [normaliseDigits(number.input.value), app.settings.lock ?? lock, app.outside.now()];
    const seconds = secondsToWait(kept, now);
    // What cannot be one, or is not looked at yet, is no try.
    if (seconds > 0 || faultOf(typed) === "form") {
      button.disabled = false;
      number.input.value = "";
      number.setError(seconds > 0 ? app.texts.of("app-lock-waiting", { seconds }) : app.texts.of("app-lock-form"));
      number.input.focus();
      return;
    }
    const tried = await tryLock(kept, typed, now);
    await app.keepSettings({ ...app.settings, lock: tried.record });
    button.disabled = false;
    number.input.value = "";
    if (tried.isRight) {
      await open();
      return;
    }
    number.setError(wrongText(app, tried.waitSeconds));
    number.input.focus();
  };
}

/**
 * @param {App} app
 * @param {number} seconds
 */
function wrongText({ texts }, seconds) {
  return seconds > 0 ? texts.of("app-lock-wait", { seconds }) : texts.of("app-lock-wrong");
}

/**
 * @param {App} app
 * @param {string} id
 * @param {string} label
 * @param {string} hint
 */
function lockField({ texts }, id, label, hint) {
  return secretField(texts, { id, label: texts.of(label), hint: texts.of(hint), value: "", input: () => {} });
}

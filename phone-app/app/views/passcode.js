/** ワンタイムパスワード: the digits, the time left, and nothing that competes with them. */

import { passcodeAt, secondsLeft, stepAt } from "../oath.js";
import { inFours } from "../texts.js";
import { h, lines, sign } from "./dom.js";
import { ring } from "./ring.js";
import { isOver } from "../status.js";
import { addToken, settingsLink } from "./tokens.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../storage.js").TokenRecord} TokenRecord */

/**
 * The page with one token's passcode.
 * @param {App} app
 * @param {TokenRecord} token
 * @param {number} count how many tokens the phone has
 * @param {() => void} lose called when the token's keys no longer work
 * @returns {import("../app.js").View}
 */
export function passcodeView(app, token, count, lose) {
  const { texts, clock } = app;
  const isEnded = isOver(token.state) || clock.now() >= token.validUntil;
  const date = texts.date(token.validUntil);
  const code = isEnded ? ended(app, token, date) : running(app, token, lose);
  const time = h("p", { class: "note", id: "clock" });
  const drawTime = () => time.replaceChildren(...clockNote(app));
  drawTime();
  app.events.addEventListener("clock", drawTime);
  const node = h(
    "div",
    {},
    h("h1", { tabindex: -1, class: "code-label" }, texts.of("app-code-label")),
    token.name ? h("p", { class: "token-name" }, token.name) : null,
    token.isStopped && !isEnded ? h("div", { class: "message" }, sign(), h("p", {}, texts.of("app-stopped"))) : null,
    code.node,
    isEnded ? null : h("p", { class: "warn" }, texts.of("app-code-warn")),
    h(
      "div",
      { class: "facts" },
      isEnded ? null : h("p", {}, texts.of("app-code-valid", { date })),
      h("p", {}, texts.of("app-token-user", { user: inFours(token.userId) })),
      expiring(app, token),
      time,
      app.isOffline ? h("p", { class: "note" }, texts.of("app-no-worker")) : null,
    ),
    count > 1
      ? h("button", { type: "button", class: "secondary", click: () => app.go({ name: "home" }) }, texts.of("app-tokens-title"))
      : addToken(app, count),
    h("button", { type: "button", class: "quiet", click: () => app.go({ name: "details", tokenId: token.tokenId }) }, texts.of("app-details")),
    settingsLink(app),
  );
  const leave = () => {
    app.events.removeEventListener("clock", drawTime);
    code.leave();
  };
  return { node, leave };
}

/**
 * The panel that lives: it draws itself at each second of the server's clock.
 * @param {App} app
 * @param {TokenRecord} token
 * @param {() => void} lose
 */
function running(app, token, lose) {
  const { texts, clock, events, settings } = app;
  const rule = token.passcode;
  const digits = h("p", { class: `digits of-${rule.digits}`, "aria-hidden": "true", id: "passcode" });
  const spoken = h("p", { class: "spoken" });
  const left = h("span", {});
  const circle = ring();
  let shownStep = -1;
  let timer = 0;

  const draw = async () => {
    clearTimeout(timer);
    const now = clock.now();
    // A hair past the full second, so that a timer that fires early does not show the same second twice.
    timer = setTimeout(() => void draw(), 1000 - (now % 1000) + 15);
    const step = stepAt(rule, now);
    const seconds = secondsLeft(rule, now);
    left.replaceChildren(...lines(texts.of(seconds > SOON ? "app-code-left" : "app-code-soon", { seconds })));
    circle.show(seconds, rule.period);
    if (step !== shownStep) {
      shownStep = step;
      const code = await codeOf(token, now);
      if (code === null) {
        lose();
        return;
      }
      if (step !== shownStep) {
        return;
      }
      digits.replaceChildren(...groups(code));
      spoken.textContent = texts.of("app-code-reader", { reader: [...code].join(texts.language === "ja" ? "、" : ", ") });
    }
  };
  const wake = () => void draw();
  document.addEventListener("visibilitychange", wake);
  events.addEventListener("clock", wake);
  wake();

  const leave = () => {
    // Marks a passcode still being computed as unwanted.
    shownStep = -1;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", wake);
    events.removeEventListener("clock", wake);
  };
  const sentence = h("p", { class: "left", role: "timer", "aria-live": "off" }, left);
  const time = h("div", { class: "time" }, circle.node, sentence);
  const copy = copying(app, () => digits.textContent ?? "");
  const shown = h("div", {}, digits, spoken, time, copy.node);
  const end = () => {
    leave();
    copy.leave();
  };
  if (!settings.isHidden) {
    return { node: h("div", { class: "code" }, shown), leave: end };
  }
  shown.hidden = true;
  const button = h("button", { type: "button", class: "secondary", "aria-expanded": "false" }, texts.of("app-code-show"));
  button.addEventListener("click", () => {
    shown.hidden = !shown.hidden;
    button.setAttribute("aria-expanded", String(!shown.hidden));
    button.replaceChildren(texts.of(shown.hidden ? "app-code-show" : "app-code-hide"));
  });
  return { node: h("div", { class: "code" }, shown, button), leave: end };
}

/**
 * Copies the digits, and takes them out of the clipboard again a minute later, if they are still there.
 * @param {App} app
 * @param {() => string} read
 */
function copying({ texts }, read) {
  const told = h("span", { class: "note", role: "status" });
  if (navigator.clipboard === undefined) {
    return { node: told, leave: () => {} };
  }
  let timer = 0;
  let isOurs = false;
  const clear = async () => {
    if (!isOurs || document.visibilityState === "hidden") {
      return;
    }
    isOurs = false;
    // Not what somebody has copied since; where that may not be looked at, nothing of ours is left there.
    await navigator.clipboard.writeText("").catch(() => undefined);
    told.textContent = "";
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(read());
    } catch {
      told.textContent = texts.of("app-copy-not");
      return;
    }
    isOurs = true;
    told.textContent = texts.of("app-copied");
    clearTimeout(timer);
    timer = setTimeout(() => void clear(), CLIPBOARD);
  };
  const theirs = () => {
    isOurs = false;
  };
  document.addEventListener("copy", theirs);
  const leave = () => {
    document.removeEventListener("copy", theirs);
    clearTimeout(timer);
    void clear();
  };
  const button = h("button", { type: "button", class: "quiet", click: () => void copy() }, texts.of("app-copy"));
  return { node: h("p", { class: "copy" }, button, told), leave };
}

/**
 * Null where the phone was restored from a backup: its browser then gives back records without their keys.
 * @param {TokenRecord} token
 * @param {number} now
 */
async function codeOf(token, now) {
  try {
    return await passcodeAt(token.keys.passcode, token.passcode, now);
  } catch {
    return null;
  }
}

/**
 * @param {App} app
 * @param {TokenRecord} token
 * @param {string} date
 */
function ended({ texts }, { state }, date) {
  const text = state === "released" || state === "revoked" ? texts.of("app-dead") : texts.of("app-code-ended", { date });
  return { node: h("div", { class: "message" }, sign(), h("p", {}, text)), leave: () => {} };
}

/**
 * Two groups, each digit in a cell of its own: nothing moves when the digits change.
 * @param {string} code
 */
function groups(code) {
  const half = Math.floor(code.length / 2);
  /** @param {string} part */
  const group = (part) => h("span", { class: "group" }, ...[...part].map((digit) => h("span", {}, digit)));
  return [group(code.slice(0, half)), group(code.slice(half))];
}

/**
 * @param {App} app
 * @param {TokenRecord} token
 */
function expiring({ texts, clock, config }, token) {
  const days = Math.ceil((token.validUntil - clock.now()) / DAY);
  return days < 1 || days > (config.expiry_notice_days ?? NOTICE_DAYS) ? null : h("p", { class: "strong" }, texts.of("app-expiring", { days }));
}

/** @param {App} app */
function clockNote({ texts, clock }) {
  const state = clock.state();
  switch (state.kind) {
    case "ok":
      return lines(texts.of("app-clock-ok", { time: texts.time(state.checkedAt) }));
    case "fast":
      return [sign(), ...lines(texts.of("app-clock-fast", { minutes: state.minutes }))];
    case "slow":
      return [sign(), ...lines(texts.of("app-clock-slow", { minutes: state.minutes }))];
    case "far":
      return [sign(), ...lines(texts.of("app-clock-far"))];
    case "not-asked":
      return [];
    case "unknown":
      return lines(texts.of("app-clock-unknown"));
  }
}

const SOON = 10;
const CLIPBOARD = 60_000;
const DAY = 86_400_000;
// Where the server is older than the setting.
const NOTICE_DAYS = 30;

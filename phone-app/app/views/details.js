/** One token's own page: its name, and its end on this phone. */

import { changeToken, deleteToken } from "../storage.js";
import { isOver } from "../status.js";
import { inFours } from "../texts.js";
import { h, sign } from "./dom.js";
import { textField } from "./field.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../storage.js").TokenRecord} TokenRecord */

/** The longest name that still stands on one line of a list. */
const LONGEST = 20;

/**
 * Renames and deletes a token; a deletion is asked for twice.
 * @param {App} app
 * @param {TokenRecord} token
 * @returns {import("../app.js").View}
 */
export function detailsView(app, token) {
  const { texts } = app;
  const node = h(
    "div",
    {},
    h("h1", { tabindex: -1 }, texts.of("app-details")),
    h("p", {}, texts.of("app-token-user", { user: inFours(token.userId) })),
    h("p", {}, texts.of("app-code-valid", { date: texts.date(token.validUntil) })),
    naming(app, token),
    deleting(app, token),
    h("button", { type: "button", class: "secondary", click: () => app.go({ name: "token", tokenId: token.tokenId }) }, texts.of("app-back")),
  );
  return { node };
}

/**
 * @param {App} app
 * @param {TokenRecord} token
 */
function naming(app, token) {
  const { texts } = app;
  const field = textField(texts, {
    id: "name",
    label: texts.of("app-rename"),
    hint: texts.of("app-rename-hint", { count: LONGEST }),
    value: token.name ?? "",
  });
  const done = h("p", { role: "status" });
  const form = h("form", { novalidate: true, autocomplete: "off" }, field.node, h("button", { type: "submit", class: "secondary" }, texts.of("app-rename-save")), done);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void save();
  });
  const save = async () => {
    done.textContent = "";
    const name = field.input.value.normalize("NFC").replaceAll(/[\p{Cc}\p{Cf}]/gu, "").trim();
    // By what a reader counts, not by what the computer does.
    const length = [...new Intl.Segmenter(texts.language).segment(name)].length;
    if (length > LONGEST) {
      field.setError(texts.of("app-rename-long", { count: LONGEST }));
      return;
    }
    field.setError(null);
    try {
      await changeToken(token.tokenId, (kept) => ({ ...kept, name }));
      field.input.value = name;
      done.textContent = texts.of("app-rename-done");
    } catch {
      field.setError(texts.of("app-err-keep"));
    }
  };
  return form;
}

/**
 * @param {App} app
 * @param {TokenRecord} token
 */
function deleting(app, token) {
  const { texts } = app;
  const box = h("div", {});
  const ask = () => {
    const cancel = h("button", { type: "button", class: "secondary", click: () => rest(true) }, texts.of("app-delete-not"));
    const really = h("button", { type: "button", class: "danger", click: () => void destroy() }, texts.of("app-delete-really"));
    const question = h("div", { class: "message", role: "alert", tabindex: -1 }, sign(), h("p", {}, texts.of(isOver(token.state) ? "app-delete-ask-dead" : "app-delete-ask")));
    box.replaceChildren(question, cancel, really);
    question.focus();
  };
  const destroy = async () => {
    try {
      await deleteToken(token.tokenId);
      app.forget();
      app.replace({ name: "home" });
    } catch {
      box.replaceChildren(h("div", { class: "message", role: "alert" }, sign(), h("p", {}, texts.of("app-err-keep"))));
    }
  };
  /** @param {boolean} takesFocus */
  const rest = (takesFocus) => {
    const begin = h("button", { type: "button", class: "secondary ends", click: ask }, texts.of("app-delete"));
    box.replaceChildren(h("h2", {}, texts.of("app-delete")), begin);
    if (takesFocus) {
      begin.focus();
    }
  };
  rest(false);
  return box;
}

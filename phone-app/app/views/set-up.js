/** 初期設定: three fields and one button. Owns what the customer reads while and after the phone asks for its token. */

import { activate } from "../activation.js";
import { readPasted } from "../pasted.js";
import { normaliseDigits, wrongFields } from "../protocol.js";
import { Refusal } from "../server.js";
import { inFours } from "../texts.js";
import { h, sign } from "./dom.js";
import { digitsField, secretField } from "./field.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("./field.js").Field} Field */

/**
 * The page on which a token is set up.
 * @param {App} app
 * @param {"broken" | "other"} [fault] what was wrong with the link that led here
 * @returns {import("../app.js").View}
 */
export function setUpView(app, fault) {
  const { texts, draft } = app;
  const fields = fieldsOf(app);
  const lead = h("p", {}, texts.of(fault === undefined ? leadOf(draft) : "app-set-lead"));
  const message = h("div", { class: "message", role: "alert", tabindex: -1, hidden: true });
  const working = h("p", { class: "working", role: "status" });
  const button = h("button", { type: "submit", class: "primary" }, texts.of("app-set-button"));
  const form = h(
    "form",
    { novalidate: true, autocomplete: "off" },
    ...Object.values(fields).map((field) => field.node),
    working,
    button,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit(app, { fields, lead, message, working, button });
  });
  const back = () => {
    draft.startPassword = "";
    app.go({ name: "home" });
  };
  const node = h(
    "div",
    {},
    h("h1", { tabindex: -1 }, texts.of("app-set-title")),
    lead,
    shortcuts(app, fields, message),
    fault === undefined ? null : linkFault(texts, fault),
    message,
    form,
    h("button", { type: "button", class: "secondary", click: back }, texts.of("app-back")),
  );
  return { node };
}

/**
 * What is left to do: all of it, or what a link does not bring.
 * @param {import("../app.js").Draft} draft
 */
function leadOf({ link }) {
  return link === null ? "app-set-lead" : "app-set-read";
}

/**
 * Says what was wrong with a link.
 * @param {App["texts"]} texts
 * @param {"broken" | "other"} fault
 */
export function linkFault(texts, fault) {
  return h("div", { class: "message" }, sign(), h("p", {}, texts.of(LINK_TEXTS[fault])));
}

/**
 * Ways around typing: the camera, and what was copied from the mail or the page.
 * @param {App} app
 * @param {Record<FieldName, Field>} fields
 * @param {HTMLElement} message
 */
function shortcuts(app, fields, message) {
  const { texts } = app;
  const told = h("p", { class: "note", role: "status" });
  /** @param {string} text */
  const take = (text) => {
    const found = readPasted(text);
    if (found === null) {
      return false;
    }
    fillIn(app, fields, found);
    message.hidden = true;
    const { service_id: service, user_id: user, start_password: start } = fields;
    if (service.input.value === "") {
      told.textContent = texts.of("app-paste-user");
      service.input.focus();
    } else if (user.input.value === "") {
      told.textContent = texts.of("app-paste-service");
      user.input.focus();
    } else {
      told.textContent = texts.of("app-paste-done");
      start.input.focus();
    }
    return true;
  };
  for (const field of [fields.service_id, fields.user_id]) {
    field.input.addEventListener("paste", (event) => {
      // A whole mail, or a link: one number alone goes into its field as it is.
      const text = event.clipboardData?.getData("text") ?? "";
      if (normaliseDigits(text).length > 12 && take(text)) {
        event.preventDefault();
      }
    });
  }
  const paste = async () => {
    const text = await navigator.clipboard.readText().catch(() => "");
    if (!take(text)) {
      // What was said of the try before is not said of this.
      message.hidden = true;
      told.textContent = texts.of("app-paste-nothing");
    }
  };
  const hasCamera = navigator.mediaDevices?.getUserMedia !== undefined;
  const hasClipboard = navigator.clipboard?.readText !== undefined;
  return h(
    "div",
    { class: "shortcuts" },
    hasCamera ? h("button", { type: "button", class: "secondary", click: () => app.go({ name: "scan" }) }, texts.of("app-scan")) : null,
    hasClipboard ? h("button", { type: "button", class: "quiet", click: () => void paste() }, texts.of("app-paste")) : null,
    told,
  );
}

/**
 * @param {App} app
 * @param {Record<FieldName, Field>} fields
 * @param {import("../pasted.js").Found} found
 */
function fillIn({ draft }, fields, { serviceId, userId, qrSecret }) {
  draft.serviceId = serviceId === "" ? draft.serviceId : inFours(serviceId);
  draft.userId = userId === "" ? draft.userId : inFours(userId);
  draft.link = qrSecret === null ? null : { serviceId, userId, qrSecret };
  fields.service_id.input.value = draft.serviceId;
  fields.user_id.input.value = draft.userId;
}

/**
 * @typedef {object} Parts
 * @property {Record<FieldName, Field>} fields
 * @property {HTMLElement} lead
 * @property {HTMLElement} message
 * @property {HTMLElement} working
 * @property {HTMLButtonElement} button
 */

/** @typedef {"service_id" | "user_id" | "start_password"} FieldName */

/** @type {Record<FieldName, string>} */
const FIELD_TEXTS = { service_id: "app-err-service", user_id: "app-err-user", start_password: "app-err-start" };

/** What was wrong with a link. */
const LINK_TEXTS = { broken: "app-link-broken", other: "app-link-other" };

/** @type {Record<FieldName, string>} */
const EMPTY_TEXTS = { service_id: "app-err-service-empty", user_id: "app-err-user-empty", start_password: "app-err-start-empty" };

/**
 * @param {App} app
 * @returns {Record<FieldName, Field>}
 */
function fieldsOf({ texts, draft }) {
  return {
    service_id: digitsField(texts, {
      id: "service_id",
      label: texts.of("app-set-service"),
      hint: texts.of("app-set-service-hint"),
      value: draft.serviceId,
      length: 8,
      input: (value) => (draft.serviceId = value),
    }),
    user_id: digitsField(texts, {
      id: "user_id",
      label: texts.of("app-set-user"),
      hint: texts.of("app-set-user-hint"),
      value: draft.userId,
      length: 12,
      input: (value) => (draft.userId = value),
    }),
    start_password: secretField(texts, {
      id: "start_password",
      label: texts.of("app-set-start"),
      hint: texts.of("app-set-start-hint"),
      value: draft.startPassword,
      input: (value) => (draft.startPassword = value),
    }),
  };
}

/**
 * @param {App} app
 * @param {Parts} parts
 */
async function submit(app, parts) {
  if (parts.button.disabled) {
    return;
  }
  const entry = entryOf(app.draft);
  showWorking(app, parts, true);
  try {
    const wrong = wrongFields(entry, app.config.institution.service_id);
    if (wrong.length > 0) {
      throw new Refusal("invalid", { fields: wrong });
    }
    // Asked once there is something to keep; a refusal changes nothing but how long the browser promises to keep it.
    void navigator.storage?.persist?.().catch(() => false);
    const sentAt = app.outside.now();
    const { token, serverNow } = await activate(entry, app.outside);
    if (serverNow !== null) {
      app.learnClock(serverNow, sentAt, app.outside.now());
    }
    app.acknowledge();
    Object.assign(app.draft, { serviceId: "", userId: "", startPassword: "", link: null });
    app.replace({ name: "done", tokenId: token.tokenId, wasHere: serverNow === null });
  } catch (error) {
    showWorking(app, parts, false);
    showRefusal(app, parts, error instanceof Refusal ? error : new Refusal("failed", { cause: error }));
  }
}

/**
 * What will be signed and sent. The QR's secret goes only with the very IDs it came with.
 * @param {import("../app.js").Draft} draft
 * @returns {import("../protocol.js").Entry}
 */
function entryOf({ serviceId, userId, startPassword, link }) {
  const typed = { serviceId: normaliseDigits(serviceId), userId: normaliseDigits(userId) };
  const isLinks = link?.serviceId === typed.serviceId && link.userId === typed.userId;
  return { ...typed, startPassword: normaliseDigits(startPassword), qrSecret: isLinks ? link.qrSecret : null };
}

/**
 * @param {App} app
 * @param {Parts} parts
 * @param {boolean} isWorking
 */
function showWorking({ texts }, { fields, message, working, button }, isWorking) {
  button.disabled = isWorking;
  working.textContent = isWorking ? texts.of("app-set-working") : "";
  for (const field of Object.values(fields)) {
    field.input.readOnly = isWorking;
    field.setError(null);
  }
  message.hidden = true;
}

/**
 * @param {App} app
 * @param {Parts} parts
 * @param {Refusal} refusal
 */
function showRefusal(app, { fields, lead, message, button }, refusal) {
  const { texts, draft } = app;
  if (refusal.reason === "refused" || refusal.reason === "other-phone") {
    // The secret is not kept beyond a try that was judged. An aged QR secret must not spoil the next one.
    draft.startPassword = "";
    fields.start_password.input.value = "";
    draft.link = null;
    lead.textContent = texts.of(leadOf(draft));
  }
  button.textContent = texts.of(CAN_REPEAT.includes(refusal.reason) ? "app-retry" : "app-set-button");
  const wrong = refusal.fields.filter((name) => name in FIELD_TEXTS).map((name) => /** @type {FieldName} */ (name));
  for (const name of wrong) {
    fields[name].setError(faultText(app, fields, name));
  }
  message.replaceChildren(sign(), wrong.length > 0 ? summary(app, fields, wrong) : h("p", {}, sentence(app, refusal)));
  message.hidden = false;
  message.focus();
}

/**
 * @param {App} app
 * @param {Record<FieldName, Field>} fields
 * @param {FieldName} name
 */
function faultText({ texts }, fields, name) {
  return texts.of(fields[name].input.value.trim() === "" ? EMPTY_TEXTS[name] : FIELD_TEXTS[name]);
}

/**
 * @param {App} app
 * @param {Record<FieldName, Field>} fields
 * @param {FieldName[]} wrong
 */
function summary(app, fields, wrong) {
  const { texts } = app;
  /** @param {FieldName} name */
  const item = (name) => {
    const link = h("a", { href: `#${name}` }, faultText(app, fields, name));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      fields[name].input.focus();
    });
    return h("li", {}, link);
  };
  return h(
    "div",
    {},
    h("p", {}, texts.of("app-err-summary", { count: wrong.length })),
    h("ul", {}, ...wrong.map(item)),
  );
}

/**
 * @param {App} app
 * @param {Refusal} refusal
 */
function sentence({ texts, config }, { reason, waitSeconds }) {
  const minutes = Math.max(1, Math.ceil((waitSeconds ?? 60) / 60));
  return texts.of(SENTENCES[reason], { count: config.start_tries ?? 5, minutes });
}

/** @type {Record<import("../server.js").Reason, string>} */
const SENTENCES = {
  invalid: "app-err-failed",
  refused: "app-err-refused",
  "other-phone": "app-err-other-phone",
  offline: "app-err-offline",
  many: "app-err-many",
  busy: "app-err-busy",
  failed: "app-err-failed",
  store: "app-err-store",
};

/** @type {Array<import("../server.js").Reason>} */
const CAN_REPEAT = ["offline", "many", "busy", "failed", "store"];

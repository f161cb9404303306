/** One labelled field: label above, hint and error under it, and for a secret the button that shows it. */

import { normaliseDigits } from "../protocol.js";
import { inFours } from "../texts.js";
import { h, sign } from "./dom.js";

/**
 * A field of a form.
 * @typedef {{node: HTMLElement, input: HTMLInputElement, setError: (text: string | null) => void}} Field
 */

/**
 * A field for digits that are no secret; what was typed is shown back in groups of four, as it will be used.
 * @param {import("../texts.js").Texts} texts
 * @param {{id: string, label: string, hint: string, value: string, length: number, input: (value: string) => void}} options
 * @returns {Field}
 */
export function digitsField(texts, { id, label, hint, value, length, input: tell }) {
  const input = inputFor(id, "text", value);
  // Room for the digits, the gaps between the groups and a slip.
  input.classList.add("digits-input", `digits-${length}`);
  input.addEventListener("input", () => tell(input.value));
  input.addEventListener("change", () => {
    const digits = normaliseDigits(input.value);
    if (/^\d+$/.test(digits)) {
      input.value = inFours(digits);
      tell(input.value);
    }
  });
  return field(texts, { id, label, hint, input, extra: null });
}

/**
 * A field for a secret of digits; hidden until the customer asks to see it.
 * @param {import("../texts.js").Texts} texts
 * @param {{id: string, label: string, hint: string, value: string, input: (value: string) => void}} options
 * @returns {Field}
 */
export function secretField(texts, { id, label, hint, value, input: tell }) {
  const input = inputFor(id, "password", value);
  input.classList.add("digits-input", "digits-8");
  input.addEventListener("input", () => tell(input.value));
  const show = h("button", { type: "button", class: "quiet", "aria-controls": id }, texts.of("app-show"));
  show.addEventListener("click", () => {
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    show.textContent = texts.of(hidden ? "app-hide" : "app-show");
  });
  return field(texts, { id, label, hint, input, extra: show });
}

/**
 * A field for any text; it may stay empty.
 * @param {import("../texts.js").Texts} texts
 * @param {{id: string, label: string, hint: string, value: string}} options
 * @returns {Field}
 */
export function textField(texts, { id, label, hint, value }) {
  const input = inputFor(id, "text", value);
  input.removeAttribute("inputmode");
  input.removeAttribute("required");
  input.classList.add("text-input");
  return field(texts, { id, label, hint, input, extra: null });
}

/**
 * @param {string} id
 * @param {"text" | "password"} type
 * @param {string} value
 */
function inputFor(id, type, value) {
  const input = h("input", {
    id,
    name: id,
    type,
    inputmode: "numeric",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": `${id}-hint`,
  });
  input.value = value;
  return input;
}

/**
 * @param {import("../texts.js").Texts} texts
 * @param {{id: string, label: string, hint: string, input: HTMLInputElement, extra: HTMLElement | null}} parts
 * @returns {Field}
 */
function field(texts, { id, label, hint, input, extra }) {
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const node = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label, input.required ? h("span", { class: "required" }, texts.of("app-required")) : null),
    h("p", { class: "hint", id: `${id}-hint` }, hint),
    input,
    error,
    extra,
  );
  return { node, input, setError: (text) => setError(input, error, text) };
}

/**
 * @param {HTMLInputElement} input
 * @param {HTMLElement} error
 * @param {string | null} text
 */
function setError(input, error, text) {
  error.hidden = text === null;
  error.replaceChildren(...(text === null ? [] : [sign(), h("span", {}, text)]));
  input.setAttribute("aria-describedby", text === null ? `${input.id}-hint` : `${input.id}-error ${input.id}-hint`);
  if (text === null) {
    input.removeAttribute("aria-invalid");
  } else {
    input.setAttribute("aria-invalid", "true");
  }
}

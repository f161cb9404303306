/** Makes elements. Text always becomes text nodes: nothing in the app parses HTML. Owns what stays on one line. */

/** @typedef {string | number | boolean | null | undefined | ((event: Event) => void)} Value */

/**
 * An element with attributes, listeners (functions, by the event's name) and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, Value>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  dress(element, attributes);
  element.append(...children.flatMap((child) => (typeof child === "string" ? lines(child) : (child ?? []))));
  return element;
}

/**
 * Text as nodes, with what must not be broken between two lines in elements of their own.
 * @param {string} text
 * @returns {Array<Node | string>}
 */
export function lines(text) {
  return text.split(WHOLE).map((part, at) => {
    if (at % 2 === 0) {
      return part;
    }
    const whole = document.createElement("span");
    whole.className = /[\u3040-\u9fff]/.test(part) ? "word" : "whole";
    whole.textContent = part;
    return whole;
  });
}

/**
 * An SVG element.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, Value>} [attributes]
 * @param {...Node} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  dress(element, attributes);
  element.append(...children);
  return element;
}

/**
 * The triangle beside each message that wants attention, so that colour never says it alone.
 * @returns {SVGSVGElement}
 */
export function sign() {
  return svg(
    "svg",
    { class: "sign", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: "M12 3 22.5 21h-21Z", fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linejoin": "round" }),
    svg("path", { d: "M12 9.5v5.5m0 2v1.6", fill: "none", stroke: "currentColor", "stroke-width": 2.2 }),
  );
}

/**
 * The sign of something done.
 * @returns {SVGSVGElement}
 */
export function check() {
  const line = { fill: "none", stroke: "currentColor", "stroke-width": 3, "stroke-linecap": "round", "stroke-linejoin": "round" };
  return svg(
    "svg",
    { class: "check", viewBox: "0 0 48 48", "aria-hidden": "true" },
    svg("circle", { cx: 24, cy: 24, r: 21, ...line }),
    svg("path", { d: "m14.500 24.500 6.700 6.700 12.700-13.700", ...line }),
  );
}

const WHOLES = [
  /\d+(?:-\d+)+/, // telephone numbers
  /[A-Za-z]+(?:-[A-Za-z]+)+|\d+ (?:min|s)\b/,
  /\d+年\d+月\d+日|\d+時\d+分(?:\d+秒)?/,
  /「[^「」 ]{1,13}」/, // what is to be pressed
  /(?:サービス|ユーザ)ID|もう一度|機種変更|切り替わります/, // words that browsers take for two
];
const WHOLE = new RegExp(`(${WHOLES.map(({ source }) => source).join("|")})`);

/**
 * @param {Element} element
 * @param {Record<string, Value>} attributes
 */
function dress(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name, value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
}

/** The ring that empties as a passcode's time passes, the seconds inside it. It never changes its colour. */

import { svg } from "./dom.js";

/**
 * A ring and the way to set what is left of it. Hidden from screen readers: a sentence beside it says the same.
 * @returns {{node: SVGSVGElement, show: (seconds: number, period: number) => void}}
 */
export function ring() {
  const circle = { cx: 32, cy: 32, r: RADIUS, fill: "none", "stroke-width": 5 };
  const rest = svg("circle", { ...circle, class: "ring-rest", "stroke-dasharray": LENGTH, transform: "rotate(-90 32 32)" });
  const number = svg("text", { class: "ring-number", x: 32, y: 32, "text-anchor": "middle", "dominant-baseline": "central" });
  const node = svg(
    "svg",
    { class: "ring", viewBox: "0 0 64 64", "aria-hidden": "true" },
    svg("circle", { ...circle, class: "ring-track" }),
    rest,
    number,
  );
  /** @param {number} seconds @param {number} period */
  const show = (seconds, period) => {
    rest.setAttribute("stroke-dashoffset", String(LENGTH * (1 - seconds / period)));
    number.textContent = String(seconds);
  };
  return { node, show };
}

const RADIUS = 28;
const LENGTH = 2 * Math.PI * RADIUS;

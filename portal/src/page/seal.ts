// The seal: the state of a receipt as a drawing. Its shape says what its colour says.

import { shape, svg } from "./dom";
import type { Word } from "./judge";

/** Unchanged: a tick inside three arcs, as many of them solid as witnesses stand behind it. */
export function seal(word: Word, witnesses: number, className: string): SVGSVGElement {
  if (word === "changed") return svg("0 0 48 48", `${className} changed`, ...BROKEN.map(stroke));
  if (word === "unknown") {
    return svg(
      "0 0 48 48",
      `${className} unknown`,
      shape("circle", { cx: "24", cy: "24", r: "18", class: "dots" }),
      shape("path", { d: "M19 20c0-7 10.5-7 10.5-.5 0 4.5-5.2 4.5-5.2 8.5M24.3 33.5v.2", class: "mark" }),
    );
  }
  const arcs = ARCS.map((d, at) => shape("path", { d, class: at < witnesses ? "arc" : "arc pale" }));
  return svg("0 0 48 48", `${className} unchanged`, ...arcs, DISC(), TICK());
}

const stroke = (d: string) => shape("path", { d, class: "arc" });
const DISC = () => shape("circle", { cx: "24", cy: "24", r: "15", class: "disc" });
const TICK = () => shape("path", { d: "M17.1 24.4l4.8 4.8L31.3 19.3", class: "tick" });

const ARCS = [
  "M28.61 4.03A20.5 20.5 0 0 1 43.60 29.99",
  "M38.99 37.98A20.5 20.5 0 0 1 9.01 37.98",
  "M4.40 29.99A20.5 20.5 0 0 1 19.39 4.03",
];
const BROKEN = ["M33.5 8.7A18 18 0 0 0 8.9 33.8", "M14.5 39.3A18 18 0 0 0 39.1 14.2", "M38.5 6L9.5 42"];

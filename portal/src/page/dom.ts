// Elements and drawings, made without any text being read as HTML.

type Child = Node | string | null;
type Attributes = Readonly<Record<string, string | boolean>>;

export function el<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  set(element, attributes);
  for (const child of children) if (child !== null) element.append(child);
  return element;
}

export function svg(viewBox: string, className: string, ...shapes: SVGElement[]): SVGSVGElement {
  const drawing = document.createElementNS(SVG, "svg");
  set(drawing, { viewBox, class: className, "aria-hidden": "true", focusable: "false" });
  drawing.append(...shapes);
  return drawing;
}

export function shape(
  name: "path" | "circle" | "g",
  attributes: Attributes,
  ...inside: SVGElement[]
): SVGElement {
  const element = document.createElementNS(SVG, name);
  set(element, attributes);
  element.append(...inside);
  return element;
}

/** A stroked icon of 24 units. */
export function icon(path: string, className = "icon"): SVGSVGElement {
  return svg("0 0 24 24", className, shape("path", { d: path }));
}

export const ICONS = {
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6L6 18",
  minus: "M5 12h14",
  file: "M7 3.5h7l4 4V18.5a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-13a2 2 0 0 1 2-2zM13.5 3.5V8H18",
  cloudOff: "M7.5 18.5a4.5 4.5 0 0 1-.6-9M9.5 6.5A5.5 5.5 0 0 1 17.5 11a4 4 0 0 1 2.3 6.5M4 3.5l16.5 17",
  code: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2.5v2.5H14zM20 14v6h-3M14 20h.1",
  pen: "M5 19l1-4L16.5 4.5l3 3L9 18l-4 1zM14.5 6.5l3 3",
  people:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3.5 2.5-6 6-6s6 2.5 6 6M16 4.5a3.5 3.5 0 0 1 0 6.5M17.5 14.5c2.1.8 3.5 2.8 3.5 5.5",
} as const;

function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "string") element.setAttribute(name, value);
    else if (value) element.setAttribute(name, "");
  }
}

const SVG = "http://www.w3.org/2000/svg";

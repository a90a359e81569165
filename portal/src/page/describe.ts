// What a record's shown fields say, in words.
//
// The verifier checked that they are those that were sealed; what they mean is read here. A field
// that is not of the kind its place asks for is shown as such, never guessed.

import { hex, unhex } from "../receipt/bytes";
import { CborMap, Decimal, decode, type Value } from "../receipt/cbor";
import type { Disclosed } from "../receipt/disclosure";
import type { Words } from "./words";

export interface Row {
  readonly label: string;
  readonly text: string;
}

/** The fields in words; what says nothing (an id, an absent end) is left out. */
export function describe(disclosed: Disclosed, words: Words): Row[] {
  const values = new Map(disclosed.fields.map(([slot, encoded]) => [slot, decode(unhex(encoded))]));
  const reader = new FieldReader(values, words);
  const rows: Row[] = [];
  const add = (label: string, text: string | null) => {
    if (text !== null) rows.push({ label, text: printable(text) });
  };
  const kind = KINDS[disclosed.schema];
  if (kind === undefined) return rows;
  if (disclosed.schema !== "obs/1") add(words.say("field.what"), words.find(`schema.${disclosed.schema}`));
  if (disclosed.schema === "obs/1") {
    const code = values.get(4);
    const name = typeof code === "string" ? reader.code(code) : words.say("field.value");
    if (values.has(5)) add(name, reader.read(5, "observed"));
    else if (values.has(4)) add(words.say("field.what"), name);
    add(words.say("receipt.measured"), reader.read(1, "start"));
  }
  for (const [slot, field] of kind) add(words.say(field.label), reader.read(slot, field.kind));
  if (rows.length === 0 || disclosed.fields.every(([slot]) => slot === 0)) {
    return [{ label: words.say("field.hidden"), text: words.say("field.hidden.none") }];
  }
  return rows;
}

/** One line for a table: what and its value, when, from where; empty where it is not shown. */
export function summary(disclosed: Disclosed | null, words: Words): [string, string, string] {
  if (disclosed === null) return [words.say("field.hidden.all"), "", ""];
  const values = new Map(disclosed.fields.map(([slot, encoded]) => [slot, decode(unhex(encoded))]));
  const reader = new FieldReader(values, words);
  const code = values.get(4);
  const name =
    disclosed.schema === "obs/1"
      ? typeof code === "string"
        ? reader.code(code)
        : ""
      : (words.find(`schema.${disclosed.schema}`) ?? disclosed.schema);
  const value = disclosed.schema === "obs/1" ? reader.read(5, "observed") : reader.read(4, "text");
  const what = [name, value ?? ""].filter((part) => part !== "").join(": ");
  const last = (KINDS[disclosed.schema]?.length ?? 0) + 0;
  const source = KINDS[disclosed.schema]?.find(([, field]) => field.kind === "origin")?.[0] ?? last;
  return [
    printable(what) || words.say("field.hidden.none"),
    reader.read(1, "start") ?? "",
    reader.read(source, "origin") ?? "",
  ];
}

type Kind =
  | "start"
  | "end"
  | "observed"
  | "text"
  | "code"
  | "dose"
  | "taken"
  | "decided"
  | "body"
  | "price"
  | "amount"
  | "refers"
  | "origin"
  | "context"
  | "count"
  | "detail";

class FieldReader {
  private readonly values: ReadonlyMap<number, Value>;
  private readonly words: Words;

  constructor(values: ReadonlyMap<number, Value>, words: Words) {
    this.values = values;
    this.words = words;
  }

  /** A slot in words; null where it is not shown or says nothing. */
  read(slot: number, kind: Kind): string | null {
    const value = this.values.get(slot);
    if (value === undefined || value === null) return null;
    return this.text(value, kind) ?? this.words.say("field.unreadable");
  }

  code(code: string): string {
    return this.words.find(`code.${code}`) ?? printable(code);
  }

  private text(value: Value, kind: Kind): string | null {
    switch (kind) {
      case "start":
      case "end":
        return this.time(value);
      case "observed":
        return this.observed(value);
      case "code":
        return typeof value === "string" ? this.code(value) : null;
      case "text":
        return typeof value === "string" ? value : null;
      case "dose":
        return typeof value === "string" ? value : this.quantity(value);
      case "taken":
      case "decided":
        return typeof value === "bigint" ? this.words.find(`${kind}.${value}`) : null;
      case "body":
        return this.body(value);
      case "price":
        return this.price(value);
      case "amount":
        return this.amount(value);
      case "refers":
        return value instanceof Uint8Array
          ? this.words.say("field.refers.record", { id: `${hex(value).slice(0, 8)}…` })
          : null;
      case "origin": {
        const grade = Array.isArray(value) ? value[0] : null;
        return typeof grade === "bigint" ? this.words.find(`from.${grade}`) : null;
      }
      case "context":
        return this.context(value);
      case "count":
        return typeof value === "bigint" ? this.words.count(value) : null;
      case "detail": {
        const name = Array.isArray(value) ? value[0] : null;
        return typeof name === "string" ? (this.words.find(`field.detail.${name}`) ?? name) : null;
      }
    }
  }

  /** At the place's own clock where the offset is shown, else in the reader's zone. */
  private time(value: Value): string | null {
    if (typeof value !== "bigint") return null;
    const offset = this.values.get(3);
    const known = typeof offset === "bigint" && offset >= -1440n && offset <= 1440n;
    return this.words.time(value, known ? Number(offset) : undefined);
  }

  private observed(value: Value): string | null {
    if (typeof value === "string") return value;
    if (!Array.isArray(value)) return null;
    const [first, second, third, unit] = value;
    if (first instanceof Decimal) return this.quantity(value);
    if (first instanceof Uint8Array && typeof second === "bigint" && third instanceof Decimal) {
      if (typeof unit !== "string") return null;
      const period = this.words.decimal(third.toString());
      return this.words.say("field.curve", { count: second, period, unit: this.unit(unit) });
    }
    return this.components(value);
  }

  /** Upper and lower pressure together, as people say it; all else one by one. */
  private components(value: Value[]): string | null {
    const parts: { code: string; number: string; unit: string }[] = [];
    for (const item of value) {
      if (!Array.isArray(item)) return null;
      const [code, number, unit] = item;
      if (typeof code !== "string" || !(number instanceof Decimal) || typeof unit !== "string") return null;
      parts.push({ code, number: this.words.decimal(number.toString()), unit });
    }
    const [upper, lower] = parts;
    if (upper?.code === SYSTOLIC && lower?.code === DIASTOLIC && upper.unit === lower.unit) {
      const rest = parts
        .slice(2)
        .map((part) => `${this.code(part.code)} ${this.withUnit(part.number, part.unit)}`);
      return [this.withUnit(`${upper.number}/${lower.number}`, upper.unit), ...rest].join(", ");
    }
    return parts.map((part) => `${this.code(part.code)} ${this.withUnit(part.number, part.unit)}`).join(", ");
  }

  private quantity(value: Value): string | null {
    if (!Array.isArray(value)) return null;
    const [number, unit] = value;
    if (!(number instanceof Decimal) || typeof unit !== "string") return null;
    return this.withUnit(this.words.decimal(number.toString()), unit);
  }

  private amount(value: Value): string | null {
    if (!Array.isArray(value)) return null;
    const [number, currency] = value;
    if (!(number instanceof Decimal) || typeof currency !== "string") return null;
    return `${this.words.decimal(number.toString())} ${currency}`;
  }

  private price(value: Value): string | null {
    const price = this.amount(value);
    const period = Array.isArray(value) ? value[2] : null;
    if (price === null) return null;
    if (period === "mo") return this.words.say("field.perMonth", { price });
    if (period === "a") return this.words.say("field.perYear", { price });
    return typeof period === "string" ? `${price} / ${period}` : null;
  }

  private body(value: Value): string | null {
    if (typeof value === "string") return value;
    if (!Array.isArray(value)) return null;
    const [hash, kind, count] = value;
    if (!(hash instanceof Uint8Array) || typeof kind !== "string" || typeof count !== "bigint") return null;
    return this.words.say("field.file", { count, kind });
  }

  private context(value: Value): string | null {
    if (!(value instanceof CborMap)) return null;
    return value.pairs
      .map(([key, item]) => {
        if (key === 5n) return this.words.say("context.5", { reason: typeof item === "string" ? item : "…" });
        if (typeof key === "bigint") return this.words.find(`context.${key}`) ?? `${key}`;
        return `${typeof key === "string" ? key : "…"}: ${typeof item === "string" ? item : "…"}`;
      })
      .join("; ");
  }

  private withUnit(number: string, ucum: string): string {
    const unit = this.unit(ucum);
    return unit === "" ? number : `${number} ${unit}`;
  }

  private unit(ucum: string): string {
    return this.words.find(`unit.${ucum}`) ?? UNITS[ucum] ?? ucum;
  }
}

/** Text without control characters or marks that turn the reading direction. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ");
}

type FieldLabel = "receipt.measured" | "receipt.from" | `field.${string}`;
interface FieldKind {
  readonly label: Parameters<Words["say"]>[0] & FieldLabel;
  readonly kind: Kind;
}

const field = (label: FieldKind["label"], kind: Kind): FieldKind => ({ label, kind });
const ends = (last: number): [number, FieldKind][] => [
  [2, field("field.until", "end")],
  [last - 1, field("receipt.from", "origin")],
  [last, field("field.note", "context")],
];
const when: [number, FieldKind] = [1, field("receipt.measured", "start")];

/** Of each schema: its slots in the order they are shown. */
const KINDS: Readonly<Record<string, readonly [number, FieldKind][]>> = {
  "obs/1": ends(7),
  "med/1": [
    [4, field("field.medicine", "text")],
    [5, field("field.dose", "dose")],
    [6, field("field.status", "taken")],
    when,
    ...ends(8),
  ],
  "note/1": [[4, field("field.topic", "text")], [5, field("field.text", "body")], when, ...ends(7)],
  "episode/1": [[4, field("field.topic", "text")], [5, field("field.title", "text")], when, ...ends(7)],
  "offer/1": [
    [4, field("field.plan", "text")],
    [5, field("field.price", "price")],
    [6, field("field.text", "body")],
    when,
    ...ends(8),
  ],
  "cover/1": [
    [4, field("field.policy", "text")],
    [5, field("field.refers", "refers")],
    [6, field("field.text", "body")],
    when,
    ...ends(8),
  ],
  "claim/1": [
    [4, field("field.topic", "text")],
    [5, field("field.refers", "refers")],
    [6, field("field.amount", "amount")],
    when,
    ...ends(8),
  ],
  "decision/1": [
    [4, field("field.topic", "text")],
    [5, field("field.refers", "refers")],
    [6, field("field.status", "decided")],
    [7, field("field.amount", "amount")],
    when,
    ...ends(9),
  ],
  "batch/1": [
    [1, field("field.first", "start")],
    [2, field("field.last", "start")],
    [3, field("field.topic", "code")],
    [4, field("field.count", "count")],
    [5, field("field.detail", "detail")],
  ],
};

/** UCUM as people write it, where that differs and is the same in every language. */
const UNITS: Readonly<Record<string, string>> = {
  "1": "",
  us: "µs",
  "[in_i]": "in",
  "[ft_i]": "ft",
  "[yd_i]": "yd",
  "[mi_i]": "mi",
  "[mi_i]/h": "mph",
  ug: "µg",
  "[oz_av]": "oz",
  "[lb_av]": "lb",
  "[stone_av]": "st",
  "kg/m2": "kg/m²",
  "mm[Hg]": "mmHg",
  Cel: "°C",
  "[degF]": "°F",
};

const SYSTOLIC = "loinc|8480-6";
const DIASTOLIC = "loinc|8462-4";

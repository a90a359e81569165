// The encoding of docs/receipt-format.md section 0: deterministic CBOR (RFC 8949 section 4.2.1),
// restricted to what receipts need.
//
// Answers one question: what do these bytes say, in the one way of saying it that is allowed?
// The first defect in byte order decides the code. Nothing is allocated by a claimed length, and no
// more than `MAX_ITEMS` items are kept: later ones are read and stand as null, which no reader
// takes where it looks for something. A file within its limits has fewer.
//
// Why no library: docs/adr/0001-own-cbor-codec.md.

import { type Bytes, compare, concat } from "./bytes";
import { need, reject } from "./rejection";

/** mantissa × 10^exponent, as measured: 6.10 and 6.1 are two values. */
export class Decimal {
  readonly exponent: number;
  readonly mantissa: bigint;

  constructor(exponent: number, mantissa: bigint) {
    this.exponent = exponent;
    this.mantissa = mantissa;
  }

  /** With all its digits: 610 × 10^-2 = "6.10". */
  toString(): string {
    const sign = this.mantissa < 0n ? "-" : "";
    let digits = (this.mantissa < 0n ? -this.mantissa : this.mantissa).toString();
    if (this.exponent >= 0) return sign + digits + (digits === "0" ? "" : "0".repeat(this.exponent));
    const places = -this.exponent;
    digits = digits.padStart(places + 1, "0");
    return `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}`;
  }
}

export type Value = bigint | Bytes | string | boolean | null | Decimal | Value[] | CborMap;

/** A map with its keys in ascending order of their encoding. */
export class CborMap {
  readonly pairs: readonly (readonly [Value, Value])[];

  constructor(pairs: readonly (readonly [Value, Value])[]) {
    this.pairs = pairs;
  }
}

/** Reads exactly one item. Refuses: `NON_CANONICAL`, `LIMIT_EXCEEDED`, `MALFORMED`. */
export function decode(bytes: Uint8Array): Value {
  const reader = new Reader(bytes);
  const value = reader.item(1);
  need(reader.at === bytes.length, "MALFORMED");
  return value;
}

/** The one encoding of a value. */
export function encode(value: Value): Bytes {
  if (typeof value === "bigint") return value >= 0n ? head(INT, value) : head(NEGATIVE, -1n - value);
  if (typeof value === "string") {
    const text = new TextEncoder().encode(value);
    return concat(head(TEXT, BigInt(text.length)), text);
  }
  if (value === null) return Uint8Array.of(NULL);
  if (typeof value === "boolean") return Uint8Array.of(value ? TRUE : FALSE);
  if (value instanceof Uint8Array) return concat(head(BYTES, BigInt(value.length)), value);
  if (value instanceof Decimal) {
    return concat(Uint8Array.of(DECIMAL, PAIR), encode(BigInt(value.exponent)), encode(value.mantissa));
  }
  if (value instanceof CborMap) {
    const pairs = value.pairs.map(([key, item]) => [encode(key), encode(item)] as const);
    pairs.sort(([a], [b]) => compare(a, b));
    return concat(head(MAP, BigInt(pairs.length)), ...pairs.flat());
  }
  return concat(head(ARRAY, BigInt(value.length)), ...value.map(encode));
}

class Reader {
  readonly bytes: Uint8Array;
  at = 0;
  private items = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  item(level: number): Value {
    const initial = this.begin(level);
    need(canStand(initial), "MALFORMED");
    this.items++;
    switch (initial >> 5) {
      case INT:
      case NEGATIVE: {
        const integer = this.integer();
        return this.keeps() ? integer : null;
      }
      case BYTES:
        return this.byteString();
      case TEXT:
        return this.text();
      case ARRAY:
        return this.array(level);
      case MAP:
        return this.map(level);
      case TAG:
        return this.decimal(level);
      default:
        this.at++;
        return initial === NULL ? null : initial === TRUE;
    }
  }

  /** Whether what is read now is kept. */
  private keeps(): boolean {
    return this.items <= MAX_ITEMS;
  }

  /** The initial byte of an item; its level is looked at before its kind. */
  private begin(level: number): number {
    const initial = this.peek();
    need(level <= MAX_LEVEL, "LIMIT_EXCEEDED");
    return initial;
  }

  private peek(): number {
    return this.bytes[this.at] ?? reject("MALFORMED");
  }

  /** The argument of the head here. One that would fit a shorter head is `NON_CANONICAL`. */
  private head(): bigint {
    const info = this.peek() & 0x1f;
    need(info !== INDEFINITE, "NON_CANONICAL");
    this.at++;
    if (info < ONE_BYTE) return SMALL[info] ?? 0n;
    const length = 1 << (info - ONE_BYTE);
    let argument = 0n;
    for (let i = 0; i < length; i++) {
      argument = (argument << 8n) | BigInt(this.peek());
      this.at++;
    }
    const least = info === ONE_BYTE ? BigInt(ONE_BYTE) : 1n << BigInt(4 * length);
    need(argument >= least, "NON_CANONICAL");
    return argument;
  }

  private integer(): bigint {
    const negative = this.peek() >> 5 === NEGATIVE;
    const argument = this.head();
    need(argument <= MAX_INT, "MALFORMED");
    return negative ? -1n - argument : argument;
  }

  /** Goes on past the bytes that the head here announces; where they begin. */
  private past(): number {
    const length = this.head();
    need(length <= BigInt(this.bytes.length - this.at), "MALFORMED");
    const from = this.at;
    this.at += Number(length);
    return from;
  }

  private byteString(): Bytes | null {
    const from = this.past();
    return this.keeps() ? (this.bytes.slice(from, this.at) as Bytes) : null;
  }

  private text(): string | null {
    const from = this.past();
    if (!this.keeps() && this.isAscii(from)) return null;
    try {
      return UTF8.decode(this.bytes.subarray(from, this.at));
    } catch {
      return reject("MALFORMED");
    }
  }

  private isAscii(from: number): boolean {
    for (let at = from; at < this.at; at++) if ((this.bytes[at] ?? 0) > 0x7f) return false;
    return true;
  }

  private array(level: number): Value[] | null {
    const items: Value[] | null = this.keeps() ? [] : null;
    const length = this.head();
    for (let i = 0n; i < length; i++) {
      const item = this.item(level + 1);
      items?.push(item);
    }
    return items;
  }

  private map(level: number): CborMap | null {
    const pairs: [Value, Value][] | null = this.keeps() ? [] : null;
    const length = this.head();
    let before: Uint8Array | null = null;
    for (let i = 0n; i < length; i++) {
      const from = this.at;
      need(this.begin(level + 1) >> 5 <= TEXT, "MALFORMED");
      const key = this.item(level + 1);
      const encoded = this.bytes.subarray(from, this.at);
      need(before === null || compare(before, encoded) < 0, "NON_CANONICAL");
      before = encoded;
      const item = this.item(level + 1);
      pairs?.push([key, item]);
    }
    return pairs && new CborMap(pairs);
  }

  /** Tag 4, its pair one level down, the two numbers two. */
  private decimal(level: number): Decimal {
    need(this.head() === 4n, "MALFORMED");
    const initial = this.begin(level + 1);
    need(initial >> 5 === ARRAY && canStand(initial), "MALFORMED");
    need(this.head() === 2n, "MALFORMED");
    const exponent = this.number(level + 2);
    need(exponent >= -MAX_EXPONENT && exponent <= MAX_EXPONENT, "MALFORMED");
    return new Decimal(Number(exponent), this.number(level + 2));
  }

  private number(level: number): bigint {
    const initial = this.begin(level);
    need(initial >> 5 <= NEGATIVE && canStand(initial), "MALFORMED");
    return this.integer();
  }
}

/** Whether an item of the subset can begin with this byte, in a canonical form or a longer one. */
function canStand(initial: number): boolean {
  const major = initial >> 5;
  const info = initial & 0x1f;
  if (major === SIMPLE) return initial === FALSE || initial === TRUE || initial === NULL;
  if (major === TAG && info < ONE_BYTE) return initial === DECIMAL;
  if (info === INDEFINITE) return major >= BYTES && major <= MAP;
  return info <= EIGHT_BYTES;
}

function head(major: number, argument: bigint): Bytes {
  const initial = major << 5;
  if (argument < BigInt(ONE_BYTE)) return Uint8Array.of(initial | Number(argument));
  for (const [info, length] of [
    [24, 1],
    [25, 2],
    [26, 4],
  ] as const) {
    if (argument < 1n << BigInt(8 * length)) {
      const bytes = new Uint8Array(1 + length);
      bytes[0] = initial | info;
      for (let i = length; i > 0; i--) bytes[i] = Number((argument >> BigInt(8 * (length - i))) & 0xffn);
      return bytes;
    }
  }
  const bytes = new Uint8Array(9);
  bytes[0] = initial | EIGHT_BYTES;
  new DataView(bytes.buffer).setBigUint64(1, argument);
  return bytes;
}

const SMALL = Array.from({ length: 24 }, (_, value) => BigInt(value));
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const INT = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;
const SIMPLE = 7;

const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const DECIMAL = 0xc4;
const PAIR = 0x82;

const ONE_BYTE = 24;
const EIGHT_BYTES = 27;
const INDEFINITE = 31;

/** More than the 65,536 records of a bundle have, or the records and entries that fit 16 MiB. */
const MAX_ITEMS = 1 << 20;
const MAX_LEVEL = 16;
const MAX_EXPONENT = 18n;
const MAX_INT = (1n << 63n) - 1n;

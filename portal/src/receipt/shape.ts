// What a decoded item must be. Anything else is `MALFORMED`.

import type { Bytes } from "./bytes";
import { CborMap, type Value } from "./cbor";
import { need, reject } from "./rejection";

export function bytesOf(value: Value | undefined, length?: number): Bytes {
  if (!(value instanceof Uint8Array)) return reject("MALFORMED");
  need(length === undefined || value.length === length, "MALFORMED");
  return value;
}

export function bytesOrNull(value: Value | undefined, length: number): Bytes | null {
  return value === null ? null : bytesOf(value, length);
}

export function textOf(value: Value | undefined): string {
  return typeof value === "string" ? value : reject("MALFORMED");
}

export function intOf(value: Value | undefined): bigint {
  return typeof value === "bigint" ? value : reject("MALFORMED");
}

export function uintOf(value: Value | undefined): bigint {
  const int = intOf(value);
  need(int >= 0n, "MALFORMED");
  return int;
}

/** An array, of exactly `length` items if that is given. */
export function arrayOf(value: Value | undefined, length?: number): Value[] {
  if (!Array.isArray(value)) return reject("MALFORMED");
  need(length === undefined || value.length === length, "MALFORMED");
  return value;
}

/** A list of 1 to `limit` items; more is `LIMIT_EXCEEDED`, before any is looked at. */
export function listOf(value: Value | undefined, limit: number): Value[] {
  const items = arrayOf(value);
  need(items.length <= limit, "LIMIT_EXCEEDED");
  need(items.length > 0, "MALFORMED");
  return items;
}

/** The nodes of a path: 32 bytes each, at most `limit` of them. */
export function nodesOf(value: Value | undefined, limit = Number.POSITIVE_INFINITY): Bytes[] {
  const bytes = bytesOf(value);
  need(bytes.length <= limit * 32, "LIMIT_EXCEEDED");
  need(bytes.length % 32 === 0, "MALFORMED");
  const nodes: Bytes[] = [];
  for (let at = 0; at < bytes.length; at += 32) nodes.push(bytes.slice(at, at + 32));
  return nodes;
}

/** Origins and names: 1-128 of `A-Z a-z 0-9 . - _ : /`. */
export function isName(text: string): boolean {
  return /^[A-Za-z0-9.\-_:/]{1,128}$/.test(text);
}

export function nameOf(value: Value | undefined): string {
  const text = textOf(value);
  need(isName(text), "MALFORMED");
  return text;
}

/** A map whose key 0 is 1: the version is looked at before anything else. */
export function versioned(value: Value): CborMap {
  if (!(value instanceof CborMap)) return reject("MALFORMED");
  const version = value.pairs[0];
  if (version === undefined || version[0] !== 0n) return reject("MALFORMED");
  need(intOf(version[1]) === 1n, "UNSUPPORTED_VERSION");
  return value;
}

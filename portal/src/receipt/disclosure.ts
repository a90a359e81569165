// Records and what is shown of them (docs/receipt-format.md section 1).
//
// Answers: which record hash does this disclosure give, and which values does it show?

import { type Bytes, concat, equal, hex, u16, utf8 } from "./bytes";
import { decode, encode, type Value } from "./cbor";
import { sha256 } from "./crypto";
import { need, reject } from "./rejection";
import { arrayOf, bytesOf, textOf, uintOf } from "./shape";

/** Schema and number of its slots. */
export const SCHEMAS: ReadonlyMap<string, number> = new Map([
  ["obs/1", 8],
  ["med/1", 9],
  ["note/1", 8],
  ["episode/1", 8],
  ["offer/1", 9],
  ["cover/1", 9],
  ["claim/1", 9],
  ["decision/1", 10],
  ["batch/1", 6],
]);

export const HEADER_SCHEMA = "batch/1";
export const MAX_DISCLOSURE = 65_536;

export type Disclosure =
  | { readonly schema: string; readonly seed: Bytes; readonly values: readonly Value[] }
  | { readonly schema: string; readonly fields: readonly Field[]; readonly digests: readonly Bytes[] };

export interface Field {
  readonly slot: number;
  readonly salt: Bytes;
  readonly value: Value;
}

/** What a disclosure shows, as in the facts: slots and enc(value) in hex. */
export interface Disclosed {
  readonly schema: string;
  readonly whole: boolean;
  readonly fields: readonly (readonly [number, string])[];
}

/** Its shape, without knowing the schema: `MALFORMED`. */
export function disclosureOf(value: Value): Disclosure {
  const items = arrayOf(value, 3);
  const schema = textOf(items[0]);
  const second = items[1];
  if (second instanceof Uint8Array) {
    return { schema, seed: bytesOf(second, 32), values: arrayOf(items[2]) };
  }
  let before = -1n;
  const fields = arrayOf(second).map((item) => {
    const [slot, salt, shown] = arrayOf(item, 3);
    const number = uintOf(slot);
    need(number > before, "MALFORMED");
    before = number;
    if (shown === undefined) return reject("MALFORMED");
    return { slot: Number(number), salt: bytesOf(salt, 16), value: shown };
  });
  const joined = bytesOf(items[2]);
  need(joined.length % 32 === 0, "MALFORMED");
  const digests: Bytes[] = [];
  for (let at = 0; at < joined.length; at += 32) digests.push(joined.slice(at, at + 32));
  return { schema, fields, digests };
}

/** As `disclosureOf`, of a disclosure kept by itself: `LIMIT_EXCEEDED` above 64 KiB. */
export function readDisclosure(bytes: Uint8Array): Disclosure {
  need(bytes.length <= MAX_DISCLOSURE, "LIMIT_EXCEEDED");
  return disclosureOf(decode(bytes));
}

/**
 * The record hash that a disclosure gives, and what it shows.
 * Refuses: `SCHEMA_UNKNOWN`, `RECORD_MISMATCH` where values, slots or digests are not the schema's.
 */
export async function open(disclosure: Disclosure): Promise<{ rc: Bytes; disclosed: Disclosed }> {
  const slots = SCHEMAS.get(disclosure.schema) ?? reject("SCHEMA_UNKNOWN");
  const digests: Bytes[] = [];
  const shown: [number, string][] = [];
  if ("seed" in disclosure) {
    need(disclosure.values.length === slots, "RECORD_MISMATCH");
    for (const [slot, value] of disclosure.values.entries()) {
      digests.push(await fieldDigest(slot, await saltOf(disclosure.seed, slot), value));
      shown.push([slot, hex(encode(value))]);
    }
  } else {
    const { fields, digests: hidden } = disclosure;
    need(
      fields.every((field) => field.slot < slots),
      "RECORD_MISMATCH",
    );
    need(fields.length + hidden.length === slots, "RECORD_MISMATCH");
    const open = new Map(fields.map((field) => [field.slot, field]));
    const rest = hidden.values();
    for (let slot = 0; slot < slots; slot++) {
      const field = open.get(slot);
      if (field === undefined) {
        digests.push(rest.next().value as Bytes);
      } else {
        digests.push(await fieldDigest(slot, field.salt, field.value));
        shown.push([slot, hex(encode(field.value))]);
      }
    }
  }
  return {
    rc: await recordHash(disclosure.schema, digests),
    disclosed: { schema: disclosure.schema, whole: "seed" in disclosure, fields: shown },
  };
}

/** As `open`; the record hash must be `rc`, and the schema `batch/1` where and only where `isHeader`. */
export async function openAs(disclosure: Disclosure, rc: Bytes, isHeader: boolean): Promise<Disclosed> {
  const opened = await open(disclosure);
  need(equal(opened.rc, rc), "RECORD_MISMATCH");
  need((disclosure.schema === HEADER_SCHEMA) === isHeader, "RECORD_MISMATCH");
  return opened.disclosed;
}

export async function saltOf(seed: Uint8Array, slot: number): Promise<Bytes> {
  return (await sha256(utf8("vwT1"), seed, u16(slot))).slice(0, 16);
}

export function fieldDigest(slot: number, salt: Uint8Array, value: Value): Promise<Bytes> {
  return sha256(utf8("vwF1"), salt, u16(slot), encode(value));
}

export function recordHash(schema: string, digests: readonly Bytes[]): Promise<Bytes> {
  return sha256(utf8("vwR1"), u16(digests.length), encode(schema), concat(...digests));
}

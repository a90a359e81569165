// The native receipt (docs/receipt-format.md section 5): its bytes, version and shape.

import { type Anchor, anchorsOf } from "./anchor";
import type { Bytes } from "./bytes";
import { decode, type Value } from "./cbor";
import { type Line, linesOf } from "./checkpoint";
import { type PublicKey, publicKey } from "./crypto";
import { type Disclosure, disclosureOf } from "./disclosure";
import { MAX_ENTRY } from "./entry";
import { need, reject } from "./rejection";
import { arrayOf, bytesOf, listOf, nameOf, nodesOf, uintOf, versioned } from "./shape";

export interface Receipt {
  readonly rc: Bytes | null;
  readonly batch: BatchPath | null;
  readonly entry: Bytes;
  readonly log: LogPath;
  readonly lines: readonly Line[];
  readonly anchors: readonly Anchor[];
  readonly disclosure: Disclosure | null;
  readonly keys: readonly PublicKey[];
  readonly author: Author | null;
  readonly enrol: SignedEvent | null;
}

export interface BatchPath {
  readonly size: bigint;
  readonly index: bigint;
  readonly path: readonly Bytes[];
}

export interface LogPath extends BatchPath {
  readonly origin: string;
}

export interface Author {
  readonly key: PublicKey;
  readonly signature: Bytes;
}

export interface SignedEvent {
  readonly event: Bytes;
  readonly signature: Bytes;
}

export const MAX_RECEIPT = 65_536;
export const MAX_NODES = 64;

/** Length, bytes, version, then shape in byte order. */
export async function readReceipt(bytes: Uint8Array): Promise<Receipt> {
  need(bytes.length <= MAX_RECEIPT, "LIMIT_EXCEEDED");
  const map = versioned(decode(bytes));
  let rc: Bytes | null = null;
  let batch: BatchPath | null = null;
  let entry: Bytes | null = null;
  let log: LogPath | null = null;
  let lines: Line[] | null = null;
  let anchors: Anchor[] = [];
  let disclosure: Disclosure | null = null;
  let keys: PublicKey[] = [];
  let author: Author | null = null;
  let enrol: SignedEvent | null = null;
  for (const [key, value] of map.pairs.slice(1)) {
    switch (key) {
      case 1n:
        rc = bytesOf(value, 32);
        break;
      case 2n:
        batch = batchOf(value);
        break;
      case 3n:
        entry = bytesOf(value);
        need(entry.length <= MAX_ENTRY, "LIMIT_EXCEEDED");
        break;
      case 4n:
        log = logOf(value);
        break;
      case 5n:
        lines = linesOf(value);
        break;
      case 6n:
        anchors = anchorsOf(value);
        break;
      case 7n:
        disclosure = disclosureOf(value);
        break;
      case 8n:
        keys = await keysOf(value, MAX_KEYS);
        break;
      case 9n:
        author = await authorOf(value);
        break;
      case 10n:
        enrol = signedEventOf(value);
        break;
      default:
        reject("MALFORMED");
    }
  }
  if (entry === null || log === null || lines === null) return reject("MALFORMED");
  need((rc === null) === (batch === null), "MALFORMED");
  need(rc !== null || (disclosure === null && author === null), "MALFORMED");
  return { rc, batch, entry, log, lines, anchors, disclosure, keys, author, enrol };
}

/** `[SPKI...]`, each a key. */
export async function keysOf(value: Value, limit: number): Promise<PublicKey[]> {
  const keys: PublicKey[] = [];
  for (const item of listOf(value, limit)) keys.push(await publicKey(bytesOf(item)));
  return keys;
}

/** Receipt key 9. */
export async function authorOf(value: Value): Promise<Author> {
  const pair = arrayOf(value, 2);
  const key = await publicKey(bytesOf(pair[0]));
  need(key.algorithm === "P-256", "MALFORMED");
  return { key, signature: bytesOf(pair[1], 64) };
}

/** Receipt key 10. */
export function signedEventOf(value: Value): SignedEvent {
  const pair = arrayOf(value, 2);
  return { event: bytesOf(pair[0]), signature: bytesOf(pair[1], 64) };
}

/** The number of a batch's leaves: 8 to 2^14, a power of two. */
export function batchSizeOf(value: Value | undefined): bigint {
  const size = uintOf(value);
  need(size >= 8n && size <= 16_384n && (size & (size - 1n)) === 0n, "MALFORMED");
  return size;
}

/** The number of a log's entries: it has two before it issues receipts. */
export function logSizeOf(value: Value | undefined): bigint {
  const size = uintOf(value);
  need(size >= 2n, "MALFORMED");
  return size;
}

function batchOf(value: Value): BatchPath {
  const items = arrayOf(value, 3);
  return { size: batchSizeOf(items[0]), index: uintOf(items[1]), path: nodesOf(items[2], MAX_NODES) };
}

function logOf(value: Value): LogPath {
  const items = arrayOf(value, 4);
  return {
    origin: nameOf(items[0]),
    size: logSizeOf(items[1]),
    index: uintOf(items[2]),
    path: nodesOf(items[3], MAX_NODES),
  };
}

const MAX_KEYS = 4;

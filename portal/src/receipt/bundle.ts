// Bundles (docs/receipt-format.md section 12): many records of one log under one checkpoint, what
// they share written once.
//
// Answers what the receipts of its records would, in one pass; a refusal says which record or
// entry it is about.

import { type Anchor, type AnchorFacts, anchorsOf, judgeAnchor } from "./anchor";
import { type Bytes, equal, hex } from "./bytes";
import { decode, type Value } from "./cbor";
import { checkNote, type Line, linesOf, noteBody, type Witnessed } from "./checkpoint";
import type { PublicKey } from "./crypto";
import { type Disclosed, type Disclosure, MAX_DISCLOSURE, openAs, readDisclosure } from "./disclosure";
import { type Entry, type Event, MAX_ENTRY, readEntry, readEvent, Type } from "./entry";
import type { AuthorFacts, EntryFacts } from "./facts";
import {
  type Author,
  authorOf,
  batchSizeOf,
  keysOf,
  logSizeOf,
  type SignedEvent,
  signedEventOf,
} from "./receipt";
import { type Code, need, Rejection, reject } from "./rejection";
import { arrayOf, bytesOf, listOf, nameOf, nodesOf, uintOf, versioned } from "./shape";
import { rootOfShared } from "./shared";
import type { Trust } from "./trust";
import { checkAuthor, checkEntry, keysAtHand } from "./verify";

export interface BundleFacts {
  readonly logged: { readonly origin: string; readonly size: bigint; readonly root: string };
  readonly witnessed: Witnessed;
  readonly anchors: readonly AnchorFacts[];
  readonly existed_by: bigint | null;
  readonly entries: readonly {
    readonly index: bigint;
    readonly entry: EntryFacts;
    readonly size: bigint;
    readonly records: readonly {
      readonly index: bigint;
      readonly rc: string;
      readonly disclosed: Disclosed | null;
      readonly author: AuthorFacts | null;
    }[];
  }[];
}

/** What a refusal is about; null where it is about the bundle. */
export type At = { readonly entry: bigint; readonly leaf: bigint | null } | null;

export type BundleVerdict = { readonly facts: BundleFacts } | { readonly reject: Code; readonly at: At };

export const MAX_BUNDLE = 16 << 20;

/** The facts that a bundle proves, or the code of the first step that fails. */
export async function verifyBundle(bytes: Uint8Array, trust: Trust): Promise<BundleVerdict> {
  const place: Place = { at: null };
  try {
    return { facts: await prove(bytes, trust, place) };
  } catch (error) {
    if (error instanceof Rejection) return { reject: error.code, at: place.at };
    throw error;
  }
}

export interface Bundle {
  readonly entries: readonly BundleEntry[];
  readonly origin: string;
  readonly size: bigint;
  readonly nodes: readonly Bytes[];
  readonly lines: readonly Line[];
  readonly anchors: readonly Anchor[];
  readonly keys: readonly PublicKey[];
  readonly enrols: readonly SignedEvent[];
}

export interface BundleEntry {
  readonly entry: Bytes;
  readonly index: bigint;
  readonly size: bigint;
  readonly nodes: readonly Bytes[];
  readonly records: readonly BundleRecord[];
  readonly enrol: number | null;
}

export interface BundleRecord {
  readonly index: bigint;
  readonly rc: Bytes;
  readonly disclosure: Bytes | null;
  readonly author: Author | null;
}

/** What is being looked at. */
interface Place {
  at: At;
}

async function prove(bytes: Uint8Array, trust: Trust, place: Place): Promise<BundleFacts> {
  // 1. Decode.
  const bundle = await readBundle(bytes);
  const entries: Entry[] = [];
  const disclosures = new Map<BundleRecord, Disclosure>();
  for (const item of bundle.entries) {
    place.at = { entry: item.index, leaf: null };
    entries.push(readEntry(item.entry));
    for (const record of item.records) {
      place.at = { entry: item.index, leaf: record.index };
      if (record.disclosure !== null) disclosures.set(record, readDisclosure(record.disclosure));
    }
  }
  place.at = null;
  const enrols: { event: Event; signature: Bytes }[] = [];
  for (const { event, signature } of bundle.enrols) enrols.push({ event: readEvent(event), signature });

  // 2. Disclosures and authors.
  const shown = new Map<BundleRecord, { disclosed: Disclosed | null; author: AuthorFacts | null }>();
  for (const item of bundle.entries) {
    for (const record of item.records) {
      place.at = { entry: item.index, leaf: record.index };
      const disclosure = disclosures.get(record);
      const disclosed = disclosure ? await openAs(disclosure, record.rc, record.index === 0n) : null;
      const author = record.author && (await checkAuthor(record.author, record.rc, trust));
      shown.set(record, { disclosed, author });
    }
  }

  // 3. Batches.
  const roots: Bytes[] = [];
  for (const item of bundle.entries) {
    const leaves: [bigint, Bytes][] = [];
    for (const record of item.records) {
      place.at = { entry: item.index, leaf: record.index };
      need(record.index < item.size, "INDEX_OUT_OF_RANGE");
      leaves.push([record.index, record.rc]);
    }
    place.at = { entry: item.index, leaf: null };
    roots.push(await rootOfShared(leaves, item.size, item.nodes));
  }

  // 4. Entries.
  const keys = keysAtHand(trust, bundle.keys);
  const told: EntryFacts[] = [];
  for (const [at, item] of bundle.entries.entries()) {
    place.at = { entry: item.index, leaf: null };
    const entry = entries[at] as Entry;
    const root = roots[at] as Bytes;
    const batch = entry.event.type === Type.BATCH && equal(entry.event.recordhash, root);
    need(batch && item.index > 0n, "ENTRY_MISMATCH");
    const enrol = item.enrol === null ? null : (enrols[item.enrol] ?? reject("MALFORMED"));
    told.push(await checkEntry(entry, enrol, root, bundle.origin, item.index, keys));
  }

  // 5. Log.
  for (const item of bundle.entries) {
    place.at = { entry: item.index, leaf: null };
    need(item.index < bundle.size, "INDEX_OUT_OF_RANGE");
  }
  place.at = null;
  const leaves = bundle.entries.map((item): [bigint, Bytes] => [item.index, item.entry]);
  const root = await rootOfShared(leaves, bundle.size, bundle.nodes);

  // 6. Checkpoint.
  const body = noteBody(bundle.origin, bundle.size, root);
  const { witnessed, existedBy } = await checkNote(bundle.origin, body, bundle.lines, trust);

  // 7. Anchors.
  return {
    logged: { origin: bundle.origin, size: bundle.size, root: hex(root) },
    witnessed,
    anchors: bundle.anchors.map((anchor) => judgeAnchor(anchor, trust)),
    existed_by: existedBy,
    entries: bundle.entries.map((item, at) => ({
      index: item.index,
      entry: told[at] as EntryFacts,
      size: item.size,
      records: item.records.map((record) => ({
        index: record.index,
        rc: hex(record.rc),
        disclosed: shown.get(record)?.disclosed ?? null,
        author: shown.get(record)?.author ?? null,
      })),
    })),
  };
}

/** Length, bytes, version, then shape in byte order. */
export async function readBundle(bytes: Uint8Array): Promise<Bundle> {
  need(bytes.length <= MAX_BUNDLE, "LIMIT_EXCEEDED");
  const map = versioned(decode(bytes));
  const counts: Counts = { records: 0, enrols: 0, index: -1n };
  let entries: BundleEntry[] | null = null;
  let log: { origin: string; size: bigint; nodes: Bytes[] } | null = null;
  let lines: Line[] | null = null;
  let anchors: Anchor[] = [];
  let keys: PublicKey[] = [];
  let enrols: SignedEvent[] = [];
  for (const [key, value] of map.pairs.slice(1)) {
    switch (key) {
      case 1n:
        entries = [];
        for (const item of listOf(value, MAX_ENTRIES)) entries.push(await entryOf(item, counts));
        break;
      case 2n: {
        const [origin, size, nodes] = arrayOf(value, 3);
        log = { origin: nameOf(origin), size: logSizeOf(size), nodes: nodesOf(nodes) };
        break;
      }
      case 3n:
        lines = linesOf(value);
        break;
      case 4n:
        anchors = anchorsOf(value);
        break;
      case 5n:
        keys = await keysOf(value, MAX_KEYS);
        break;
      case 6n:
        enrols = listOf(value, MAX_ENROLS).map(signedEventOf);
        break;
      default:
        reject("MALFORMED");
    }
  }
  if (entries === null || log === null || lines === null) return reject("MALFORMED");
  need(enrols.length === counts.enrols, "MALFORMED");
  return { entries, ...log, lines, anchors, keys, enrols };
}

/** What was read so far: records in all, ENROLs used, the last log index. */
interface Counts {
  records: number;
  enrols: number;
  index: bigint;
}

async function entryOf(value: Value, counts: Counts): Promise<BundleEntry> {
  const items = arrayOf(value, 6);
  const entry = bytesOf(items[0]);
  need(entry.length <= MAX_ENTRY, "LIMIT_EXCEEDED");
  const index = uintOf(items[1]);
  need(index > counts.index, "MALFORMED");
  counts.index = index;
  const size = batchSizeOf(items[2]);
  const nodes = nodesOf(items[3]);
  const list = listOf(items[4], MAX_RECORDS - counts.records);
  counts.records += list.length;
  const records: BundleRecord[] = [];
  let before = -1n;
  for (const item of list) {
    const record = await recordOf(item);
    need(record.index > before, "MALFORMED");
    before = record.index;
    records.push(record);
  }
  let enrol: number | null = null;
  if (items[5] !== null) {
    const number = uintOf(items[5]);
    need(number <= BigInt(counts.enrols), "MALFORMED");
    enrol = Number(number);
    counts.enrols = Math.max(counts.enrols, enrol + 1);
  }
  return { entry, index, size, nodes, records, enrol };
}

async function recordOf(value: Value): Promise<BundleRecord> {
  const items = arrayOf(value, 4);
  const index = uintOf(items[0]);
  const rc = bytesOf(items[1], 32);
  const disclosure = items[2] === null ? null : bytesOf(items[2]);
  need(disclosure === null || disclosure.length <= MAX_DISCLOSURE, "LIMIT_EXCEEDED");
  const author = items[3] === null ? null : await authorOf(items[3] ?? reject("MALFORMED"));
  return { index, rc, disclosure, author };
}

const MAX_ENTRIES = 4096;
const MAX_RECORDS = 65_536;
const MAX_KEYS = 256;
const MAX_ENROLS = 256;

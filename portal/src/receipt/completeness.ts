// Completeness proofs (docs/receipt-format.md section 11): "11 of 12 shown".
//
// Answers: of all records that the channel's authors stated for a period, up to entry K, how many
// are shown here, and what holds them together?

import { type Bytes, concat, equal, hex, toBigInt, utf8 } from "./bytes";
import { decode, type Value } from "./cbor";
import type { Witnessed } from "./checkpoint";
import { type PublicKey, sha256, verifies } from "./crypto";
import { type Disclosed, type Disclosure, HEADER_SCHEMA, open, readDisclosure, SCHEMAS } from "./disclosure";
import { checkSignature, covers, type Entry, isOwnersOwn, readEntry, Type } from "./entry";
import type { Facts, Verdict } from "./facts";
import { batchSizeOf, keysOf, MAX_NODES } from "./receipt";
import { need, reject } from "./rejection";
import { arrayOf, bytesOf, intOf, nameOf, nodesOf, uintOf, versioned } from "./shape";
import { leafHash, rootOf } from "./tree";
import { keyOfId, logOfOrigin, type Trust } from "./trust";
import { type Decoded, decoded, judged, prove } from "./verify";

export interface CompletenessFacts {
  readonly channel: string;
  readonly owner: string;
  /** Milliseconds UTC, from inside, to outside. */
  readonly period: readonly [bigint, bigint];
  readonly entries: bigint;
  readonly entry_hash: string;
  readonly logged: Facts["logged"];
  readonly witnessed: Witnessed;
  readonly existed_by: bigint | null;
  readonly shown: bigint;
  readonly of: bigint;
  readonly unopened: bigint;
  readonly uncounted: readonly bigint[];
  readonly batches: readonly BatchFacts[];
  readonly head: HeadFacts | null;
}

export interface BatchFacts {
  readonly seq: bigint;
  readonly by: "OWNER" | "GRANTEE";
  readonly header: HeaderFacts | null;
  readonly shown: bigint;
  readonly of: bigint;
  readonly records: readonly {
    readonly index: bigint;
    readonly rc: string;
    readonly shown: boolean;
    readonly disclosed: Disclosed;
  }[];
}

export interface HeaderFacts {
  readonly n: bigint;
  readonly first: bigint;
  readonly last: bigint;
  readonly records: bigint;
  readonly disclosed: Disclosed;
}

export interface HeadFacts {
  readonly origin: string;
  readonly channel: string;
  readonly seq: bigint;
  readonly entry_hash: string;
  readonly size: bigint;
  readonly time: bigint;
}

export const MAX_COMPLETENESS = 16 << 20;

/** The facts that a completeness proof proves, or the code of the first step that fails. */
export function verifyCompleteness(bytes: Uint8Array, trust: Trust): Promise<Verdict<CompletenessFacts>> {
  return judged(async () => proveAll(await readProof(bytes), trust));
}

/** A channel head by itself: its statement and the log's signature. */
export function verifyHead(statement: Bytes, signature: Bytes, trust: Trust): Promise<Verdict<HeadFacts>> {
  return judged(async () => {
    const head = readHead(statement);
    await checkHead(head, signature, trust);
    return headFacts(head);
  });
}

interface Proof {
  readonly from: bigint;
  readonly to: bigint;
  readonly receipt: Decoded;
  /** 1 to K. */
  readonly entries: readonly Entry[];
  readonly keys: readonly PublicKey[];
  readonly items: readonly Item[];
  readonly head: { readonly head: Head; readonly signature: Bytes } | null;
}

interface Item<D = Disclosure> {
  readonly seq: bigint;
  readonly size: bigint;
  readonly header: D;
  readonly path: readonly Bytes[];
  readonly records: readonly {
    readonly index: bigint;
    readonly disclosure: D;
    readonly path: readonly Bytes[];
  }[];
}

interface Head {
  readonly bytes: Bytes;
  readonly origin: string;
  readonly channel: Bytes;
  readonly seq: bigint;
  readonly hash: Bytes;
  readonly size: bigint;
  readonly time: bigint;
}

/** Length, bytes, version, shape in byte order; then each byte string in it. */
async function readProof(bytes: Uint8Array): Promise<Proof> {
  need(bytes.length <= MAX_COMPLETENESS, "LIMIT_EXCEEDED");
  const map = versioned(decode(bytes));
  let period: [bigint, bigint] | null = null;
  let receipt: Bytes | null = null;
  let before: Bytes[] | null = null;
  let keys: PublicKey[] | null = null;
  let items: Item<Bytes>[] | null = null;
  let head: [Bytes, Bytes] | null = null;
  for (const [key, value] of map.pairs.slice(1)) {
    switch (key) {
      case 1n: {
        const [from, to] = arrayOf(value, 2).map(intOf) as [bigint, bigint];
        need(from < to, "MALFORMED");
        period = [from, to];
        break;
      }
      case 2n:
        receipt = bytesOf(value);
        break;
      case 3n: {
        const entries = arrayOf(value);
        need(entries.length <= MAX_ENTRIES, "LIMIT_EXCEEDED");
        before = entries.map((entry) => bytesOf(entry));
        break;
      }
      case 4n:
        keys = await keysOf(value, MAX_KEYS);
        break;
      case 5n:
        items = itemsOf(value);
        break;
      case 6n: {
        const [statement, signature] = arrayOf(value, 2);
        head = [bytesOf(statement), bytesOf(signature, 68)];
        break;
      }
      default:
        reject("MALFORMED");
    }
  }
  if (period === null || receipt === null || before === null) return reject("MALFORMED");
  if (keys === null || items === null) return reject("MALFORMED");

  const last = await decoded(receipt, null);
  need(last.rc === null, "MALFORMED");
  const entries = [...before.map(readEntry), last.entry];
  const opened = items.map((item) => ({
    ...item,
    header: readDisclosure(item.header),
    records: item.records.map((record) => ({ ...record, disclosure: readDisclosure(record.disclosure) })),
  }));
  return {
    from: period[0],
    to: period[1],
    receipt: last,
    entries,
    keys,
    items: opened,
    head: head && { head: readHead(head[0]), signature: head[1] },
  };
}

function itemsOf(value: Value): Item<Bytes>[] {
  let seqBefore = 0n;
  return arrayOf(value).map((item) => {
    const parts = arrayOf(item, 5);
    const seq = uintOf(parts[0]);
    need(seq > seqBefore, "MALFORMED");
    seqBefore = seq;
    const size = batchSizeOf(parts[1]);
    const header = bytesOf(parts[2]);
    const path = nodesOf(parts[3], MAX_NODES);
    let indexBefore = 0n;
    const records = arrayOf(parts[4]).map((record) => {
      const leaf = arrayOf(record, 3);
      const index = uintOf(leaf[0]);
      need(index > indexBefore, "MALFORMED");
      indexBefore = index;
      return { index, disclosure: bytesOf(leaf[1]), path: nodesOf(leaf[2], MAX_NODES) };
    });
    return { seq, size, header, path, records };
  });
}

function readHead(bytes: Bytes): Head {
  const items = arrayOf(decode(bytes));
  need(intOf(items[0]) === 1n, "UNSUPPORTED_VERSION");
  need(items.length === 7, "MALFORMED");
  return {
    bytes,
    origin: nameOf(items[1]),
    channel: bytesOf(items[2], 16),
    seq: uintOf(items[3]),
    hash: bytesOf(items[4], 32),
    size: uintOf(items[5]),
    time: uintOf(items[6]),
  };
}

async function proveAll(proof: Proof, trust: Trust): Promise<CompletenessFacts> {
  // 1. The receipt of entry K.
  const told = await prove(proof.receipt, trust);
  const last = proof.receipt.entry;

  // 2. No entry of the channel is left out.
  const hashes = await checkChain(proof.entries, last);

  // 3. Which batches count.
  const counted = await countBatches(proof.entries, proof.keys);

  // 4. What is shown of them.
  const opened = new Map<bigint, BatchFacts>();
  for (const item of proof.items) {
    const by = counted.get(item.seq);
    if (by === undefined || by === "UNCOUNTED") return reject("ENTRY_MISMATCH");
    const root = proof.entries[Number(item.seq) - 1]?.event.recordhash ?? reject("ENTRY_MISMATCH");
    opened.set(item.seq, await openBatch(item, by, root, proof.from, proof.to));
  }

  // 5. The channel's head.
  if (proof.head !== null) {
    const { head, signature } = proof.head;
    await checkHead(head, signature, trust);
    const same = head.origin === told.logged.origin && equal(head.channel, last.event.channel);
    need(same, "ENTRY_MISMATCH");
    const there = head.seq <= last.seq ? hashes[Number(head.seq)] : undefined;
    need(there === undefined || equal(there, head.hash), "FORK");
  }

  const batches: BatchFacts[] = [];
  const uncounted: bigint[] = [];
  for (const [seq, by] of counted) {
    if (by === "UNCOUNTED") uncounted.push(seq);
    else batches.push(opened.get(seq) ?? { seq, by, header: null, shown: 0n, of: 0n, records: [] });
  }
  const sum = (of: (batch: BatchFacts) => bigint) => batches.reduce((total, batch) => total + of(batch), 0n);
  return {
    channel: hex(last.event.channel),
    owner: hex(last.event.owner),
    period: [proof.from, proof.to],
    entries: last.seq,
    entry_hash: hex(hashes[proof.entries.length] as Bytes),
    logged: told.logged,
    witnessed: told.witnessed,
    existed_by: told.existed_by,
    shown: sum((batch) => batch.shown),
    of: sum((batch) => batch.of),
    unopened: sum((batch) => (batch.header === null ? 1n : 0n)),
    uncounted,
    batches,
    head: proof.head && headFacts(proof.head.head),
  };
}

/** The entries' hashes, that of entry i at i, zeros at 0. */
async function checkChain(entries: readonly Entry[], last: Entry): Promise<Bytes[]> {
  const hashes: Bytes[] = [new Uint8Array(32)];
  for (const [at, entry] of entries.entries()) {
    const { event } = entry;
    const follows =
      entry.seq === BigInt(at + 1) &&
      equal(entry.prev, hashes[at] as Bytes) &&
      equal(event.channel, last.event.channel);
    need(follows, "SEQ_GAP");
    need(equal(event.owner, last.event.owner), "ENTRY_MISMATCH");
    if (at === 0) need(isOwnersOwn(event) && equal(entry.signer, event.owner), "ENTRY_MISMATCH");
    hashes.push(await sha256(entry.bytes));
  }
  return hashes;
}

/** By seq, of each BATCH: whose it is, or that it does not count. */
async function countBatches(
  entries: readonly Entry[],
  keys: readonly PublicKey[],
): Promise<Map<bigint, "OWNER" | "GRANTEE" | "UNCOUNTED">> {
  const enrols = new Map<string, Entry>();
  const revoked = new Set<string>();
  const counted = new Map<bigint, "OWNER" | "GRANTEE" | "UNCOUNTED">();
  const check = async (entry: Entry) => {
    const key = keyOfId(keys, entry.signer) ?? reject("KEY_UNKNOWN");
    await checkSignature(entry.event, entry.signer, entry.signature, { key, by: "CARRIED" });
  };
  for (const entry of entries) {
    const { event, signer, seq } = entry;
    const byOwner = equal(signer, event.owner);
    if (event.type === Type.ENROL && byOwner) {
      await check(entry);
      const id = hex(event.recordhash.subarray(0, 16));
      if (!enrols.has(id)) enrols.set(id, entry);
    } else if (event.type === Type.REVOKE && byOwner) {
      await check(entry);
      revoked.add(hex(event.recordhash));
    } else if (event.type === Type.BATCH && event.receiver !== null) {
      counted.set(seq, "GRANTEE");
    } else if (event.type === Type.BATCH) {
      const enrol = enrols.get(hex(signer))?.event;
      const may = enrol !== undefined && covers(enrol, Type.BATCH) && !revoked.has(hex(enrol.recordhash));
      if (may) await check(entry);
      counted.set(seq, may ? "OWNER" : "UNCOUNTED");
    }
  }
  return counted;
}

async function openBatch(
  item: Item,
  by: "OWNER" | "GRANTEE",
  root: Bytes,
  from: bigint,
  to: bigint,
): Promise<BatchFacts> {
  const header = await openHeader(item, root);
  const records: BatchFacts["records"][number][] = [];
  const starts: [bigint, bigint][] = [
    [1n, header.first],
    [header.records, header.last],
  ];
  let before = header.first;
  for (const { index, disclosure, path } of item.records) {
    need(index <= header.records, "INDEX_OUT_OF_RANGE");
    const { rc, disclosed } = await open(disclosure);
    need(disclosure.schema !== HEADER_SCHEMA, "RECORD_MISMATCH");
    need(equal(await rootOf(await leafHash(rc), index, item.size, path), root), "ENTRY_MISMATCH");
    const start = whole(disclosure, 1);
    need(start >= before && start >= header.first && start <= header.last, "HEADER_MISMATCH");
    need(index !== 1n || start === header.first, "HEADER_MISMATCH");
    need(index !== header.records || start === header.last, "HEADER_MISMATCH");
    before = start;
    starts.push([index, start]);
    const shown = start >= from && start < to && isShown(disclosed);
    records.push({ index, rc: hex(rc), shown, disclosed });
  }
  let lo = 0n;
  let hi = header.records + 1n;
  for (const [index, start] of starts) {
    if (start < from && index > lo) lo = index;
    if (start >= to && index < hi) hi = index;
  }
  const shown = BigInt(records.filter((record) => record.shown).length);
  return { seq: item.seq, by, header, shown, of: hi - lo - 1n, records };
}

async function openHeader(item: Item, root: Bytes): Promise<HeaderFacts> {
  const { rc, disclosed } = await open(item.header);
  need(item.header.schema === HEADER_SCHEMA, "RECORD_MISMATCH");
  need(equal(await rootOf(await leafHash(rc), 0n, item.size, item.path), root), "ENTRY_MISMATCH");
  const [first, last, records] = [1, 2, 4].map((slot) => whole(item.header, slot)) as [
    bigint,
    bigint,
    bigint,
  ];
  need(first >= 0n && first <= last && records >= 1n, "HEADER_MISMATCH");
  need(records > 1n || first === last, "HEADER_MISMATCH");
  let padded = 8n;
  while (padded < records + 1n && padded < item.size) padded *= 2n;
  need(records < item.size && padded === item.size, "HEADER_MISMATCH");
  return { n: item.size, first, last, records, disclosed };
}

/** A whole number in a slot that is shown. Refuses: `HEADER_MISMATCH`. */
function whole(disclosure: Disclosure, slot: number): bigint {
  const value =
    "seed" in disclosure
      ? disclosure.values[slot]
      : disclosure.fields.find((field) => field.slot === slot)?.value;
  return typeof value === "bigint" ? value : reject("HEADER_MISMATCH");
}

/** Whether what was recorded is shown: slots 4 to N-3, all but its time, source and context. */
function isShown(disclosed: Disclosed): boolean {
  const slots = SCHEMAS.get(disclosed.schema) ?? 0;
  const shown = new Set(disclosed.fields.map(([slot]) => slot));
  for (let slot = 4; slot <= slots - 3; slot++) if (!shown.has(slot)) return false;
  return true;
}

async function checkHead(head: Head, signature: Bytes, trust: Trust): Promise<void> {
  const log = logOfOrigin(trust, head.origin) ?? reject("ORIGIN_UNKNOWN");
  need(signature.length === 68, "MALFORMED");
  const id = toBigInt(signature.subarray(0, 4));
  const key = log.keys.find((candidate) => toBigInt(candidate.id) === id) ?? reject("KEY_UNKNOWN");
  const message = concat(utf8("vwH1"), head.bytes);
  need(await verifies(key.key, message, signature.subarray(4)), "CHECKPOINT_SIGNATURE");
}

function headFacts(head: Head): HeadFacts {
  return {
    origin: head.origin,
    channel: hex(head.channel),
    seq: head.seq,
    entry_hash: hex(head.hash),
    size: head.size,
    time: head.time,
  };
}

const MAX_ENTRIES = 65_536;
const MAX_KEYS = 256;

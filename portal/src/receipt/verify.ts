// Verify, offline (docs/receipt-format.md section 7).
//
// Answers: what does this receipt prove to who trusts this bundle? The first failing step gives
// the code. No request, no clock, memory bounded by the limits of section 5.

import { judgeAnchor } from "./anchor";
import { type Bytes, concat, equal, hex, utf8 } from "./bytes";
import { checkNote, noteBody } from "./checkpoint";
import { isWellFormed, type PublicKey, verifies } from "./crypto";
import { openAs, readDisclosure } from "./disclosure";
import {
  checkSignature,
  covers,
  type Entry,
  type Event,
  type KnownKey,
  readEntry,
  readEvent,
  Type,
} from "./entry";
import { type AuthorFacts, type EntryFacts, entryFacts, type Facts, type Verdict } from "./facts";
import { type Author, type Receipt, readReceipt } from "./receipt";
import { need, Rejection } from "./rejection";
import { leafHash, rootOf } from "./tree";
import { keyOfId, logOfOrigin, type Trust } from "./trust";

/** The facts that a receipt proves, or the code of the first step that fails. */
export function verify(receipt: Uint8Array, disclosure: Uint8Array | null, trust: Trust): Promise<Verdict> {
  return judged(() => facts(receipt, disclosure, trust));
}

/** What `check` gives, or the code with which it refuses. */
export async function judged<F>(check: () => Promise<F>): Promise<Verdict<F>> {
  try {
    return { facts: await check() };
  } catch (error) {
    if (error instanceof Rejection) return { reject: error.code };
    throw error;
  }
}

/** As `verify`; refuses by throwing a `Rejection`. */
export async function facts(bytes: Uint8Array, beside: Uint8Array | null, trust: Trust): Promise<Facts> {
  return prove(await decoded(bytes, beside), trust);
}

export interface Decoded extends Omit<Receipt, "entry" | "enrol"> {
  readonly entry: Entry;
  readonly enrol: { readonly event: Event; readonly signature: Bytes } | null;
}

/** Step 1: all that is to be read is read, in this order. */
export async function decoded(bytes: Uint8Array, beside: Uint8Array | null): Promise<Decoded> {
  const receipt = await readReceipt(bytes);
  need(beside === null || (receipt.rc !== null && receipt.disclosure === null), "MALFORMED");
  const disclosure = beside === null ? receipt.disclosure : readDisclosure(beside);
  const entry = readEntry(receipt.entry);
  const enrol = receipt.enrol && { ...receipt.enrol, event: readEvent(receipt.enrol.event) };
  return { ...receipt, disclosure, entry, enrol };
}

/** A step of section 7 after the first. */
export type Step = "disclosure" | "batch" | "entry" | "log" | "checkpoint" | "anchors";

/** Steps 2 to 7; `begin` is told of each as it begins. */
export async function prove(
  receipt: Decoded,
  trust: Trust,
  begin: (step: Step) => void = () => {},
): Promise<Facts> {
  const { rc, batch, log, entry, enrol, disclosure } = receipt;

  // 2. Disclosure and author.
  begin("disclosure");
  const disclosed = disclosure && rc && (await openAs(disclosure, rc, batch?.index === 0n));
  const author = receipt.author && rc && (await checkAuthor(receipt.author, rc, trust));

  // 3. Batch.
  begin("batch");
  const root = rc && batch && (await rootOf(await leafHash(rc), batch.index, batch.size, batch.path));

  // 4. Entry.
  begin("entry");
  const keys = keysAtHand(trust, receipt.keys);
  const entryAs = await checkEntry(entry, enrol, root, log.origin, log.index, keys);

  // 5. Log.
  begin("log");
  const logRoot = await rootOf(await leafHash(entry.bytes), log.index, log.size, log.path);

  // 6. Checkpoint.
  begin("checkpoint");
  const body = noteBody(log.origin, log.size, logRoot);
  const { witnessed, existedBy } = await checkNote(log.origin, body, receipt.lines, trust);

  // 7. Anchors.
  begin("anchors");
  return {
    rc: rc && hex(rc),
    batch: batch && { size: batch.size, index: batch.index },
    disclosed,
    author,
    entry: entryAs,
    logged: { origin: log.origin, size: log.size, index: log.index, root: hex(logRoot) },
    witnessed,
    anchors: receipt.anchors.map((anchor) => judgeAnchor(anchor, trust)),
    existed_by: existedBy,
  };
}

/** Finds the key of an id: one of the bundle first, then one that rode along. */
export interface KeysAtHand {
  find(id: Bytes): KnownKey | undefined;
  /** As `find`; for GENESIS the keys of the log of that origin. */
  findFor(event: Event, signer: Bytes, origin: string): KnownKey | undefined;
}

export function keysAtHand(trust: Trust, carried: readonly PublicKey[]): KeysAtHand {
  const find = (id: Bytes, pinned: readonly PublicKey[]): KnownKey | undefined => {
    const own = keyOfId(pinned, id);
    if (own !== undefined) return { key: own, by: "PINNED" };
    const rode = keyOfId(carried, id);
    return rode && { key: rode, by: "CARRIED" };
  };
  return {
    find: (id) => find(id, trust.keys),
    findFor: (event, signer, origin) => {
      if (event.type !== Type.GENESIS) return find(signer, trust.keys);
      return find(signer, logOfOrigin(trust, origin)?.keys.map((key) => key.key) ?? []);
    },
  };
}

/**
 * Step 4: the entry against the batch root and its place in the log, its signature, its signer's
 * ENROL. Refuses: `ENTRY_MISMATCH`, `ENTRY_SIGNATURE`.
 */
export async function checkEntry(
  entry: Entry,
  enrol: { event: Event; signature: Bytes } | null,
  root: Bytes | null,
  origin: string,
  index: bigint,
  keys: KeysAtHand,
): Promise<EntryFacts> {
  const { event, signer } = entry;
  if (root !== null) need(event.type === Type.BATCH && equal(event.recordhash, root), "ENTRY_MISMATCH");
  need((event.type === Type.GENESIS) === (index === 0n), "ENTRY_MISMATCH");
  const signature = await checkSignature(event, signer, entry.signature, keys.findFor(event, signer, origin));
  let checked = signature !== "UNCHECKED";
  if (enrol !== null) {
    need(enrols(enrol.event, entry, keys.find(signer)), "ENTRY_MISMATCH");
    const { owner } = enrol.event;
    const ownerKey = keys.find(owner);
    checked =
      (await checkSignature(enrol.event, owner, enrol.signature, ownerKey)) !== "UNCHECKED" && checked;
  }
  const byOwner = checked && event.type !== Type.GENESIS && (enrol !== null || equal(signer, event.owner));
  return entryFacts(entry, signature, byOwner ? "BY_OWNER" : "UNCHECKED", enrol?.event.purpose ?? null);
}

/** Receipt key 9: who made the record, when that is not the owner. Refuses: `AUTHOR_SIGNATURE`. */
export async function checkAuthor(author: Author, rc: Bytes, trust: Trust): Promise<AuthorFacts> {
  const { key, signature } = author;
  const message = concat(utf8("vwA1"), key.id, rc);
  need(isWellFormed(signature) && (await verifies(key, message, signature)), "AUTHOR_SIGNATURE");
  return { id: hex(key.id), signature: keyOfId(trust.keys, key.id) === undefined ? "CARRIED" : "PINNED" };
}

function enrols(enrol: Event, entry: Entry, known: KnownKey | undefined): boolean {
  const { event, signer } = entry;
  const key =
    known === undefined
      ? equal(enrol.recordhash.subarray(0, 16), signer)
      : equal(enrol.recordhash, known.key.hash);
  return (
    enrol.type === Type.ENROL &&
    equal(enrol.channel, event.channel) &&
    equal(enrol.owner, event.owner) &&
    key &&
    covers(enrol, event.type)
  );
}

// Events and the log's entries (docs/receipt-format.md section 3): the paper's tuple.
//
// Answers: what does this entry say, and did who it names sign it?

import { type Bytes, concat, equal, utf8 } from "./bytes";
import { decode, type Value } from "./cbor";
import { isWellFormed, type PublicKey, verifies } from "./crypto";
import { need, reject } from "./rejection";
import { arrayOf, bytesOf, bytesOrNull, intOf, uintOf } from "./shape";

export const Type = {
  GENESIS: 0,
  ENROL: 1,
  BATCH: 2,
  REQUEST: 3,
  GRANT: 4,
  DENY: 5,
  REVOKE: 6,
  ACCESS: 7,
  EMERGENCY: 8,
} as const;

export interface Event {
  /** As they are signed. */
  readonly bytes: Bytes;
  readonly type: number;
  readonly channel: Bytes;
  readonly owner: Bytes;
  readonly receiver: Bytes | null;
  readonly recordhash: Bytes;
  /** Milliseconds UTC. */
  readonly time: bigint;
  readonly location: Bytes | null;
  /** Milliseconds UTC. */
  readonly expiry: bigint | null;
  /** 1 device, 2 grant, 3 delegate; null where none is stated. */
  readonly purpose: number | null;
}

export interface Entry {
  readonly bytes: Bytes;
  readonly event: Event;
  readonly signer: Bytes;
  readonly signature: Bytes;
  readonly seq: bigint;
  readonly prev: Bytes;
}

/** What is known of a signature: by a key of the bundle, by a key that rode along, not checked. */
export type Signature = "PINNED" | "CARRIED" | "UNCHECKED";

/** A key and where it came from. */
export interface KnownKey {
  readonly key: PublicKey;
  readonly by: "PINNED" | "CARRIED";
}

export const MAX_ENTRY = 1024;

/** Bytes, then shape; the entry before the event in it. */
export function readEntry(bytes: Bytes): Entry {
  need(bytes.length <= MAX_ENTRY, "LIMIT_EXCEEDED");
  const items = arrayOf(decode(bytes), 5);
  const event = bytesOf(items[0]);
  const signer = bytesOf(items[1], 16);
  const signature = bytesOf(items[2], 64);
  const seq = uintOf(items[3]);
  need(seq >= 1n, "MALFORMED");
  const prev = bytesOf(items[4], 32);
  need(seq > 1n || prev.every((byte) => byte === 0), "MALFORMED");
  return { bytes, event: readEvent(event), signer, signature, seq, prev };
}

/** Bytes, version, then shape. */
export function readEvent(bytes: Bytes): Event {
  const items = arrayOf(decode(bytes));
  need(intOf(items[0]) === 1n, "UNSUPPORTED_VERSION");
  need(items.length === 9 || items.length === 10, "MALFORMED");
  const type = Number(uintOf(items[1]));
  need(type <= Type.EMERGENCY, "MALFORMED");
  const channel = bytesOf(items[2], 16);
  const owner = bytesOf(items[3], 16);
  const receiver = bytesOrNull(items[4], 16);
  const recordhash = bytesOf(items[5], 32);
  const time = uintOf(items[6]);
  const location = bytesOrNull(items[7], 32);
  const expiry = items[8] === null ? null : uintOf(items[8]);
  const purpose = items.length === 10 ? purposeOf(items[9], type, channel, owner, recordhash) : null;
  return { bytes, type, channel, owner, receiver, recordhash, time, location, expiry, purpose };
}

/** Whether this is the ENROL of its channel's owner key by itself. */
export function isOwnersOwn(event: Event): boolean {
  return event.type === Type.ENROL && equal(event.recordhash.subarray(0, 16), event.owner);
}

/** Whether the key that `enrol` enrols may sign an event of this type. */
export function covers(enrol: Event, type: number): boolean {
  if (isOwnersOwn(enrol)) return type === Type.ENROL || type === Type.REVOKE;
  if (enrol.purpose === null || enrol.purpose === 1) return type === Type.BATCH;
  return type === Type.GRANT || type === Type.DENY || type === Type.REVOKE;
}

/**
 * Checks the actor's signature with the key, if it is at hand. The range of a P-256 signature is
 * checked also without one. Refuses: `ENTRY_SIGNATURE`.
 */
export async function checkSignature(
  event: Event,
  signer: Bytes,
  signature: Bytes,
  known: KnownKey | undefined,
): Promise<Signature> {
  const algorithm = event.type === Type.GENESIS ? "Ed25519" : "P-256";
  need(event.type === Type.GENESIS || isWellFormed(signature), "ENTRY_SIGNATURE");
  if (known === undefined) return "UNCHECKED";
  const message = concat(utf8("vwE1"), signer, event.bytes);
  const holds = known.key.algorithm === algorithm && (await verifies(known.key, message, signature));
  need(holds, "ENTRY_SIGNATURE");
  return known.by;
}

/** The tenth element: of an ENROL outside the directory, of another key than the owner's. */
function purposeOf(
  value: Value | undefined,
  type: number,
  channel: Bytes,
  owner: Bytes,
  recordhash: Bytes,
): number {
  const purpose = intOf(value);
  need(purpose >= 1n && purpose <= 3n, "MALFORMED");
  const allowed =
    type === Type.ENROL && channel.some((byte) => byte !== 0) && !equal(recordhash.subarray(0, 16), owner);
  return allowed ? Number(purpose) : reject("MALFORMED");
}

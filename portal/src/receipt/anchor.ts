// Anchors (docs/receipt-format.md section 6): what a receipt says was told elsewhere too.
//
// Says `VALID` of nothing yet: the shape of a Fabric read is looked at, its signatures are not.

import type { Bytes } from "./bytes";
import { CborMap, decode, type Value } from "./cbor";
import { type Code, need, Rejection } from "./rejection";
import { arrayOf, bytesOf, listOf, textOf, uintOf } from "./shape";
import type { Trust } from "./trust";

export interface Anchor {
  readonly type: bigint;
  readonly bytes: Bytes;
}

export interface AnchorFacts {
  readonly type: bigint;
  readonly status: Code | "UNSUPPORTED" | "NEEDS_TRUST";
}

export const MAX_ANCHORS = 8;

/** Receipt key 6. */
export function anchorsOf(value: Value): Anchor[] {
  return listOf(value, MAX_ANCHORS).map((item) => {
    const pair = arrayOf(item, 2);
    return { type: uintOf(pair[0]), bytes: bytesOf(pair[1]) };
  });
}

/** What is known of an anchor. It refuses no receipt. */
export function judgeAnchor(anchor: Anchor, trust: Trust): AnchorFacts {
  if (anchor.type !== FABRIC_READ) return { type: anchor.type, status: "UNSUPPORTED" };
  try {
    const pinned = trust.channels.includes(fabricChannel(anchor.bytes));
    return { type: anchor.type, status: pinned ? "UNSUPPORTED" : "NEEDS_TRUST" };
  } catch (error) {
    if (error instanceof Rejection) return { type: anchor.type, status: error.code };
    throw error;
  }
}

function fabricChannel(bytes: Bytes): string {
  const items = arrayOf(decode(bytes), 9);
  const channel = textOf(items[0]);
  bytesOf(items[1]);
  bytesOf(items[2]);
  bytesOf(items[3]);
  bytesOf(items[4], 8);
  textOf(items[5]);
  bytesOf(items[6]);
  for (const item of arrayOf(items[7])) {
    const endorsement = arrayOf(item, 3);
    textOf(endorsement[0]);
    bytesOf(endorsement[1], 8);
    bytesOf(endorsement[2]);
  }
  const certificates = items[8];
  need(certificates instanceof CborMap, "MALFORMED");
  for (const [reference, der] of certificates.pairs) {
    bytesOf(reference, 8);
    bytesOf(der);
  }
  return channel;
}

const FABRIC_READ = 1n;

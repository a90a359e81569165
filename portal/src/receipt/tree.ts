// Merkle trees and inclusion paths (RFC 9162 sections 2.1.1 and 2.1.3).
//
// Invariant: a path of the wrong length is refused before anything is hashed.

import type { Bytes } from "./bytes";
import { sha256 } from "./crypto";
import { need } from "./rejection";

export function leafHash(leafData: Uint8Array): Promise<Bytes> {
  return sha256(LEAF, leafData);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Bytes> {
  return sha256(NODE, left, right);
}

/**
 * The root that `leaf` at `index` of `size` leaves and the siblings in `path`, leaf to root, give.
 * Refuses: `INDEX_OUT_OF_RANGE`, `PATH_LENGTH`.
 */
export async function rootOf(
  leaf: Bytes,
  index: bigint,
  size: bigint,
  path: readonly Bytes[],
): Promise<Bytes> {
  need(index < size, "INDEX_OUT_OF_RANGE");
  let siblings = 0;
  for (let width = size, at = index; width > 1n; width = (width + 1n) / 2n, at /= 2n) {
    if ((at ^ 1n) < width) siblings++;
  }
  need(path.length === siblings, "PATH_LENGTH");

  let hash = leaf;
  const rest = path.values();
  for (let width = size, at = index; width > 1n; width = (width + 1n) / 2n, at /= 2n) {
    if ((at ^ 1n) >= width) continue;
    const sibling = rest.next().value as Bytes;
    hash = at % 2n === 0n ? await nodeHash(hash, sibling) : await nodeHash(sibling, hash);
  }
  return hash;
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

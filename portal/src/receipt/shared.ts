// The path that several leaves of one tree share (docs/receipt-format.md section 12): the nodes
// that lead them to the root, each once.
//
// Invariant: nodes of the wrong number are refused before anything is hashed.

import type { Bytes } from "./bytes";
import { need } from "./rejection";
import { leafHash, nodeHash } from "./tree";

/**
 * The root that leaves (position and leaf data, ascending, each below `size`) and the other nodes
 * give. Refuses: `PATH_LENGTH`.
 */
export async function rootOfShared(
  leaves: readonly (readonly [bigint, Bytes])[],
  size: bigint,
  nodes: readonly Bytes[],
): Promise<Bytes> {
  const positions = leaves.map(([position]) => position);
  need(missing(positions, size) === nodes.length, "PATH_LENGTH");

  const rest = nodes.values();
  let known: [bigint, Bytes][] = [];
  for (const [position, data] of leaves) known.push([position, await leafHash(data)]);
  for (let width = size; width > 1n; width = (width + 1n) / 2n) {
    const above: [bigint, Bytes][] = [];
    for (let at = 0; at < known.length; at++) {
      const [position, hash] = known[at] as [bigint, Bytes];
      const sibling = position ^ 1n;
      let parent = hash;
      if (sibling < width) {
        const next = known[at + 1];
        const pair = next !== undefined && next[0] === sibling;
        const other = pair ? next[1] : (rest.next().value as Bytes);
        if (pair) at++;
        parent = position % 2n === 0n ? await nodeHash(hash, other) : await nodeHash(other, hash);
      }
      above.push([position / 2n, parent]);
    }
    known = above;
  }
  return known[0]?.[1] as Bytes;
}

function missing(leaves: readonly bigint[], size: bigint): number {
  let count = 0;
  let known = leaves;
  for (let width = size; width > 1n; width = (width + 1n) / 2n) {
    const above: bigint[] = [];
    for (let at = 0; at < known.length; at++) {
      const position = known[at] as bigint;
      if ((position ^ 1n) < width) {
        if (known[at + 1] === (position ^ 1n)) at++;
        else count++;
      }
      above.push(position / 2n);
    }
    known = above;
  }
  return count;
}

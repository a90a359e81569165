// Checkpoints (docs/receipt-format.md section 4): C2SP signed notes and cosignatures.
//
// Answers: did this log sign that root, who else saw it, and since when did it exist?

import { type Bytes, concat, equal, toBase64, toBigInt, utf8 } from "./bytes";
import type { Value } from "./cbor";
import { verifies } from "./crypto";
import { need, reject } from "./rejection";
import { arrayOf, bytesOf, listOf, nameOf } from "./shape";
import { logOfOrigin, type NoteKey, type Trust } from "./trust";

/** One line of signatures: a name, and key id || signature or cosignature. */
export interface Line {
  readonly name: string;
  readonly id: Bytes;
  readonly blob: Bytes;
}

export interface Witnessed {
  readonly valid: bigint;
  readonly of: bigint;
  readonly quorum: bigint;
  readonly names: readonly string[];
}

export const MAX_LINES = 16;

/** Receipt key 5. */
export function linesOf(value: Value | undefined): Line[] {
  const lines: Line[] = [];
  for (const item of listOf(value, MAX_LINES)) {
    const pair = arrayOf(item, 2);
    const name = nameOf(pair[0]);
    const bytes = bytesOf(pair[1]);
    need(bytes.length >= 5, "MALFORMED");
    const id = bytes.slice(0, 4);
    need(!lines.some((line) => line.name === name && equal(line.id, id)), "MALFORMED");
    lines.push({ name, id, blob: bytes.slice(4) });
  }
  return lines;
}

/** The note's text, which all sign. */
export function noteBody(origin: string, size: bigint, root: Uint8Array): Bytes {
  return utf8(`${origin}\n${size}\n${toBase64(root)}\n`);
}

/**
 * The note's signatures under the bundle. `existedBy` is in seconds, null without a quorum.
 * Refuses: `ORIGIN_UNKNOWN`, `KEY_UNKNOWN`, `CHECKPOINT_SIGNATURE`, `QUORUM_NOT_MET`.
 */
export async function checkNote(
  origin: string,
  body: Bytes,
  lines: readonly Line[],
  trust: Trust,
): Promise<{ witnessed: Witnessed; existedBy: bigint | null }> {
  const log = logOfOrigin(trust, origin) ?? reject("ORIGIN_UNKNOWN");
  need(
    lines.some((line) => find(log.keys, line) !== undefined),
    "KEY_UNKNOWN",
  );
  const names: string[] = [];
  const times: bigint[] = [];
  for (const line of lines) {
    const signer = find(log.keys, line);
    const witness = find(log.witnesses, line);
    if (signer !== undefined) {
      const holds = line.blob.length === 64 && (await verifies(signer.key, body, line.blob));
      need(holds, "CHECKPOINT_SIGNATURE");
    } else if (witness !== undefined) {
      need(line.blob.length === 72, "CHECKPOINT_SIGNATURE");
      const time = toBigInt(line.blob.subarray(0, 8));
      const message = concat(utf8(`cosignature/v1\ntime ${time}\n`), body);
      need(await verifies(witness.key, message, line.blob.subarray(8)), "CHECKPOINT_SIGNATURE");
      names.push(line.name);
      times.push(time);
    }
  }
  need(times.length >= log.quorum, "QUORUM_NOT_MET");
  times.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const witnessed = {
    valid: BigInt(times.length),
    of: BigInt(log.witnesses.length),
    quorum: BigInt(log.quorum),
    names,
  };
  return { witnessed, existedBy: log.quorum === 0 ? null : (times[log.quorum - 1] ?? null) };
}

function find(keys: readonly NoteKey[], line: Line): NoteKey | undefined {
  return keys.find((key) => key.name === line.name && equal(key.id, line.id));
}

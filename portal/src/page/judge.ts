// From bytes to what the page draws: a verdict in one word, the steps, what is shown.

import { type At, type BundleFacts, readBundle, verifyBundle } from "../receipt/bundle";
import { type Bytes, hex } from "../receipt/bytes";
import { CborMap, decode, encode } from "../receipt/cbor";
import { type CompletenessFacts, verifyCompleteness } from "../receipt/completeness";
import { type Disclosed, type Disclosure, readDisclosure } from "../receipt/disclosure";
import type { Facts } from "../receipt/facts";
import { type Code, Rejection } from "../receipt/rejection";
import type { Trust } from "../receipt/trust";
import { type Decoded, decoded, prove, type Step } from "../receipt/verify";

export type Word = "unchanged" | "changed" | "unknown";

export type Outcome =
  | {
      readonly kind: "receipt";
      readonly code: Code | null;
      /** Where it failed; null in reading the file. */
      readonly step: Step | null;
      readonly read: Decoded | null;
      readonly disclosed: Disclosed | null;
      readonly facts: Facts | null;
    }
  | {
      readonly kind: "bundle";
      readonly code: Code | null;
      readonly at: At;
      /** What the record that does not fit shows. */
      readonly changed: Disclosed | null;
      readonly origin: string | null;
      readonly facts: BundleFacts | null;
    }
  | {
      readonly kind: "completeness";
      readonly code: Code | null;
      readonly origin: string | null;
      readonly facts: CompletenessFacts | null;
    };

/** Judges a file under each bundle in turn; the first that knows its log decides. */
export async function judge(
  kind: Outcome["kind"],
  bytes: Bytes,
  beside: Bytes | null,
  trusts: readonly Trust[],
): Promise<Outcome> {
  let last: Outcome | null = null;
  for (const trust of trusts.length > 0 ? trusts : [NOBODY]) {
    const outcome = await judgeUnder(kind, bytes, beside, trust);
    if (outcome.code !== "ORIGIN_UNKNOWN") return outcome;
    last ??= outcome;
  }
  return last ?? judgeUnder(kind, bytes, beside, NOBODY);
}

/** The one word. Nobody trusted stands behind it, or a newer page is needed: cannot tell. */
export function wordOf(code: Code | null): Word {
  if (code === null) return "unchanged";
  return UNKNOWN.has(code) ? "unknown" : "changed";
}

async function judgeUnder(
  kind: Outcome["kind"],
  bytes: Bytes,
  beside: Bytes | null,
  trust: Trust,
): Promise<Outcome> {
  if (kind === "bundle") return judgeBundle(bytes, trust);
  if (kind === "completeness") return judgeCompleteness(bytes, trust);
  let read: Decoded | null = null;
  let step: Step | null = null;
  let facts: Facts | null = null;
  let code: Code | null = null;
  try {
    read = await decoded(bytes, beside);
    facts = await prove(read, trust, (begun) => {
      step = begun;
    });
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    code = error.code;
  }
  const disclosed = read?.disclosure ? claimed(read.disclosure) : null;
  return { kind, code, step: code === null ? null : step, read, disclosed, facts };
}

async function judgeBundle(bytes: Bytes, trust: Trust): Promise<Outcome> {
  const verdict = await verifyBundle(bytes, trust);
  if ("facts" in verdict) {
    const { facts } = verdict;
    return { kind: "bundle", code: null, at: null, changed: null, origin: facts.logged.origin, facts };
  }
  const { at } = verdict;
  let changed: Disclosed | null = null;
  let origin: string | null = null;
  try {
    const bundle = await readBundle(bytes);
    origin = bundle.origin;
    const entry = bundle.entries.find((item) => item.index === at?.entry);
    const record = entry?.records.find((item) => item.index === at?.leaf);
    if (record?.disclosure) changed = claimed(readDisclosure(record.disclosure));
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
  }
  return { kind: "bundle", code: verdict.reject, at, changed, origin, facts: null };
}

async function judgeCompleteness(bytes: Bytes, trust: Trust): Promise<Outcome> {
  const verdict = await verifyCompleteness(bytes, trust);
  if ("facts" in verdict) {
    const { facts } = verdict;
    return { kind: "completeness", code: null, origin: facts.logged.origin, facts };
  }
  let origin: string | null = null;
  try {
    const map = decode(bytes);
    const receipt = map instanceof CborMap ? map.pairs.find(([key]) => key === 2n)?.[1] : null;
    if (receipt instanceof Uint8Array) origin = (await decoded(receipt, null)).log.origin;
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
  }
  return { kind: "completeness", code: verdict.reject, origin, facts: null };
}

/** What a disclosure shows, before anything is checked. */
function claimed(disclosure: Disclosure): Disclosed {
  const shown =
    "seed" in disclosure
      ? disclosure.values.map((value, slot) => ({ slot, value }))
      : disclosure.fields.map(({ slot, value }) => ({ slot, value }));
  return {
    schema: disclosure.schema,
    whole: "seed" in disclosure,
    fields: shown.map(({ slot, value }) => [slot, hex(encode(value))] as const),
  };
}

/**
 * Who runs what is called `name`: the last two labels of its host. Erring here says "the operator's
 * own word" too often, never too seldom for hosts of one domain.
 */
export function operatorOf(name: string): string {
  const host = name.split("/")[0]?.split(":")[0] ?? name;
  return host.split(".").slice(-2).join(".");
}

const NOBODY: Trust = { logs: [], keys: [], channels: [] };
const UNKNOWN: ReadonlySet<Code> = new Set<Code>([
  "ORIGIN_UNKNOWN",
  "KEY_UNKNOWN",
  "QUORUM_NOT_MET",
  "UNSUPPORTED_VERSION",
  "SCHEMA_UNKNOWN",
]);

// The steps of a check, each with a tick, a cross, a question mark, or not reached.

import type { Facts } from "../receipt/facts";
import type { Step as Reached } from "../receipt/verify";
import { type Outcome, wordOf } from "./judge";
import type { Words } from "./words";

export type Status = "holds" | "fails" | "unknown" | "unreached";

export interface StepLine {
  readonly text: string;
  readonly status: Status;
}

/** The steps of an outcome, in order. */
export function stepsOf(outcome: Outcome, words: Words): StepLine[] {
  switch (outcome.kind) {
    case "receipt":
      return receiptSteps(outcome, words);
    case "bundle":
      return summed(outcome, words, words.say("step.records"), words.say("step.sets"), BUNDLE_PLACES);
    case "completeness": {
      const chain = outcome.facts
        ? words.say("step.chain", { count: words.count(outcome.facts.entries) })
        : words.say("step.chain.part");
      return summed(outcome, words, chain, words.say("step.counted"), COMPLETENESS_PLACES);
    }
  }
}

function receiptSteps(outcome: Extract<Outcome, { kind: "receipt" }>, words: Words): StepLine[] {
  const { read, facts, code } = outcome;
  if (read === null) return [line(words.say("step.file"), code)];
  const places: [string, Reached, (reached: Reached) => boolean][] = [];
  const add = (text: string, step: Reached, last?: (reached: Reached) => boolean) =>
    places.push([text, step, last ?? ((reached) => reached === step)]);
  if (read.rc === null) {
    add(words.say("step.event"), "entry");
  } else {
    // without a field there is nothing that could fit or not
    if (outcome.disclosed !== null || outcome.step === "disclosure")
      add(words.say("verify.step.record"), "disclosure");
    add(words.say("verify.step.set"), "batch", (reached) => reached === "batch" || reached === "entry");
  }
  const signed = code === "ENTRY_SIGNATURE";
  const origin = read.log.origin;
  const lines: StepLine[] = [];
  const failed = outcome.step;
  let stopped = false;
  const push = (text: string, fails: boolean) => {
    if (stopped) lines.push({ text, status: "unreached" });
    else lines.push(line(text, fails ? code : null));
    stopped ||= fails;
  };
  for (const [text, , fails] of places) push(text, failed !== null && !signed && fails(failed));
  const unchecked = facts?.entry.signature === "UNCHECKED";
  if (unchecked) lines.push({ text: words.say("step.signed.unchecked"), status: "unknown" });
  else push(words.say("step.signed"), signed);
  const isQuorum = code === "QUORUM_NOT_MET";
  push(
    words.say("verify.step.listed", { origin }),
    failed === "log" || (failed === "checkpoint" && !isQuorum),
  );
  push(witnessText(facts, words), isQuorum);
  for (const anchor of facts?.anchors ?? []) {
    const name = words.say(
      anchor.type <= 2n ? "held.fabric" : anchor.type <= 4n ? "held.stamp" : "held.other",
    );
    lines.push({ text: words.say("step.held.unchecked", { name }), status: "unknown" });
  }
  return lines;
}

/** Bundles and completeness proofs: two steps of their own, then the list and its witnesses. */
function summed(
  outcome: Extract<Outcome, { kind: "bundle" | "completeness" }>,
  words: Words,
  first: string,
  second: string,
  places: Readonly<Record<string, number>>,
): StepLine[] {
  const { code, facts } = outcome;
  if (code !== null && outcome.origin === null) return [line(words.say("step.file"), code)];
  const texts = [
    first,
    second,
    words.say("verify.step.listed", { origin: outcome.origin ?? "?" }),
    witnessText(facts, words),
  ];
  const failed = code === null ? texts.length : (places[code] ?? 0);
  return texts.map((text, at) =>
    at > failed ? { text, status: "unreached" } : line(text, at === failed ? code : null),
  );
}

function witnessText(facts: Pick<Facts, "witnessed"> | null, words: Words): string {
  if (facts === null) return words.say("step.witnesses");
  const { valid, of } = facts.witnessed;
  return words.say("verify.step.witness", { count: valid, total: of });
}

function line(text: string, code: Outcome["code"]): StepLine {
  const status = { unchanged: "holds", changed: "fails", unknown: "unknown" } as const;
  return { text, status: status[wordOf(code)] };
}

const LISTED = { ORIGIN_UNKNOWN: 2, KEY_UNKNOWN: 2, CHECKPOINT_SIGNATURE: 2, QUORUM_NOT_MET: 3 };
const BUNDLE_PLACES = {
  ...LISTED,
  ENTRY_MISMATCH: 1,
  ENTRY_SIGNATURE: 1,
  INDEX_OUT_OF_RANGE: 1,
  PATH_LENGTH: 1,
};
const COMPLETENESS_PLACES = {
  ...LISTED,
  HEADER_MISMATCH: 1,
  RECORD_MISMATCH: 1,
  ENTRY_MISMATCH: 1,
  PATH_LENGTH: 1,
  INDEX_OUT_OF_RANGE: 1,
  SCHEMA_UNKNOWN: 1,
};

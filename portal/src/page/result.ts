// The paper: what was found, drawn.

import type { AuthorFacts, EntryFacts, Facts } from "../receipt/facts";
import { toJson } from "../receipt/facts";
import { describe, type Row, summary } from "./describe";
import { el, ICONS, icon } from "./dom";
import type { Other } from "./given";
import { type Outcome, operatorOf, wordOf } from "./judge";
import { seal } from "./seal";
import { type Status, stepsOf } from "./steps";
import type { Key, Words } from "./words";

/** The paper of an outcome; `addTrust` is the way on where nobody known stands behind it. */
export function paper(outcome: Outcome, words: Words, addTrust: () => void): HTMLElement {
  const word = wordOf(outcome.code);
  const witnesses = Number(outcome.facts?.witnessed.valid ?? 0n);
  const heading = el("h2", { id: "verdict", tabindex: "-1", class: word }, title(outcome, words));
  const said = el("div", { class: "said" }, ...sentences(outcome, words).map((text) => el("p", {}, text)));
  const verdict = el("div", { class: "verdict" }, seal(word, witnesses, "seal"), heading, said);
  if (outcome.code !== null) {
    verdict.append(el("p", { class: "cap num" }, words.say("page.code", { code: outcome.code })));
  }
  if (outcome.code === "ORIGIN_UNKNOWN" || outcome.code === "KEY_UNKNOWN") {
    const button = el("button", { type: "button", class: "btn soft" }, words.say("verify.unknown.action"));
    button.addEventListener("click", addTrust);
    verdict.append(button);
  }

  const found = el("div", { class: "found" });
  const facts = rows(outcome, words);
  if (facts.length > 0) found.append(list(facts), el("hr"));
  found.append(steps(outcome, words));
  const behind = outcome.facts === null ? [] : standing(outcome, words);
  if (behind.length > 0) found.append(el("hr"), el("h3", {}, words.say("who.title")), list(behind));
  if (outcome.facts !== null && byOwnWord(outcome.facts)) {
    found.append(el("p", { class: "note decide" }, words.say("who.ownWord")));
  }

  return el(
    "article",
    { class: "paper", "aria-labelledby": "verdict" },
    verdict,
    found,
    table(outcome, words),
    notSaid(outcome, words),
    outcome.facts === null
      ? null
      : el(
          "details",
          { class: "wide" },
          el("summary", {}, words.say("page.details")),
          el("pre", { class: "num", tabindex: "0" }, toJson(outcome.facts)),
        ),
  );
}

/** The paper of what is no receipt of ours: what it is, and what to give instead. */
export function otherPaper(what: Other, name: string, words: Words): HTMLElement {
  const said = el("div", { class: "said" }, el("p", {}, sayOther(`other.${what}`, name, words)));
  if (what !== "evidence" && what !== "fields") said.append(el("p", {}, words.say("other.next")));
  const heading = el("h2", { id: "verdict", tabindex: "-1", class: "unknown" }, words.say("verify.unknown"));
  const verdict = el("div", { class: "verdict" }, seal("unknown", 0, "seal"), heading, said);
  return el("article", { class: "paper alone", "aria-labelledby": "verdict" }, verdict);
}

/** A sentence about what was given, by its name if it has one. */
export function sayOther(key: Key, name: string, words: Words): string {
  return words.say(key, { name: name || words.say("other.text"), command: EVIDENCE_COMMAND });
}

function title(outcome: Outcome, words: Words): string {
  if (outcome.kind === "completeness" && outcome.facts) {
    const { shown, of } = outcome.facts;
    return of === 0n ? words.say("complete.none") : words.say("complete.title", { shown, count: of });
  }
  return words.say(`verify.${wordOf(outcome.code) === "unchanged" ? "valid" : wordOf(outcome.code)}` as Key);
}

function sentences(outcome: Outcome, words: Words): string[] {
  const { code } = outcome;
  if (code === "ORIGIN_UNKNOWN") {
    const origin = outcome.kind === "receipt" ? outcome.read?.log.origin : outcome.origin;
    return [words.say("verify.unknown.body", { origin: origin ?? "?" })];
  }
  if (outcome.kind === "bundle" && code !== null && outcome.at !== null) {
    const { entry, leaf } = outcome.at;
    if (leaf === null) return [words.say("body.bundle.changedSet", { line: entry }), why(code, words)];
    const [what, when] = summary(outcome.changed, words);
    const at = words.say("body.bundle.at", { line: entry, leaf });
    const named = outcome.changed === null ? at : [what, when].filter(Boolean).join(", ");
    return [words.say("body.bundle.changed", { what: named }), why(code, words)];
  }
  if (code === "RECORD_MISMATCH" && outcome.kind === "receipt") return [words.say("verify.changed.body")];
  if (code !== null) return [why(code, words)];
  return outcome.facts === null ? [] : holds(outcome, words);
}

function why(code: string, words: Words): string {
  return words.find(`why.${code}`) ?? words.say("verify.changed.body");
}

function holds(outcome: Outcome, words: Words): string[] {
  const { facts } = outcome;
  if (facts === null) return [];
  const date = facts.existed_by === null ? null : words.time(facts.existed_by * 1000n);
  if (outcome.kind === "bundle") {
    const records = outcome.facts?.entries.flatMap((entry) => entry.records) ?? [];
    const count = records.length;
    const hidden = records.filter((record) => record.disclosed === null).length;
    if (hidden > 0) return [sealed(date, words), words.say("body.bundle.hidden", { hidden, count })];
    return [date ? words.say("body.bundle", { count, date }) : words.say("body.bundle.noTime", { count })];
  }
  if (outcome.kind === "completeness" && outcome.facts) return completeness(outcome.facts, date, words);
  const isRecord = outcome.kind === "receipt" && outcome.facts?.rc !== null;
  if (isRecord && outcome.disclosed === null) return [sealed(date, words)];
  if (isRecord) return [date ? words.say("verify.valid.body", { date }) : words.say("body.noTime")];
  return [date ? words.say("body.event", { date }) : words.say("body.event.noTime")];
}

/** Of what discloses nothing nobody can tell whether it is a record: sets are filled up with leaves. */
function sealed(date: string | null, words: Words): string {
  return date ? words.say("body.sealed", { date }) : words.say("body.sealed.noTime");
}

function completeness(
  facts: NonNullable<Extract<Outcome, { kind: "completeness" }>["facts"]>,
  date: string | null,
  words: Words,
): string[] {
  const { shown, of, period, unopened, uncounted, head, entries, batches } = facts;
  const [from, to] = period.map((ms) => words.time(ms)) as [string, string];
  const body = of === 0n ? "complete.empty" : shown === 0n ? "complete.withheld" : "complete.body";
  const said = [words.say(body, { shown, count: of, from, to })];
  if (date !== null) said.push(words.say("complete.by", { date }));
  if (unopened > 0n) said.push(words.say("complete.unopened", { count: unopened }));
  if (uncounted.length > 0) said.push(words.say("complete.uncounted", { count: uncounted.length }));
  if (batches.some((batch) => batch.by === "GRANTEE")) said.push(words.say("complete.grantee"));
  if (head === null) said.push(words.say("complete.head.none"));
  else if (head.seq > entries) said.push(words.say("complete.head.later", { line: head.seq }));
  else said.push(words.say("complete.head.same", { date: words.time(head.time) }));
  return said;
}

/** What is shown of the record, or what happened. */
function rows(outcome: Outcome, words: Words): Row[] {
  if (outcome.kind !== "receipt" || outcome.read === null) return [];
  if (outcome.disclosed !== null) return describe(outcome.disclosed, words);
  if (outcome.read.rc !== null) {
    return [{ label: words.say("field.hidden"), text: words.say("field.hidden.all") }];
  }
  const { event } = outcome.read.entry;
  const happened = words.find(`event.${event.type}`) ?? `${event.type}`;
  const shown = [
    { label: words.say("event"), text: happened },
    { label: words.say("event.at"), text: words.time(event.time) },
  ];
  if (event.expiry !== null) shown.push({ label: words.say("event.until"), text: words.time(event.expiry) });
  return shown;
}

function standing(outcome: Outcome, words: Words): Row[] {
  const { facts } = outcome;
  if (facts === null) return [];
  const shown: Row[] = [];
  const row = (label: Key, text: string) => shown.push({ label: words.say(label), text });
  if (outcome.kind === "receipt" && outcome.facts) {
    const { entry, logged, author } = outcome.facts;
    // Entries have the log's own numbers, from 0, as everywhere else.
    row("who.listed", words.say("who.listed.line", { line: logged.index, count: logged.size }));
    row("who.signed", words.say(signedBy(entry)));
    if (author !== null) row("who.author", words.say(writtenBy(author)));
  }
  const { names } = facts.witnessed;
  row("who.witnesses", names.length > 0 ? names.join(", ") : words.say("who.nobody"));
  const operators = [...new Set(names.map(operatorOf))].sort();
  if (operators.length > 0) row("who.run", operators.join(", "));
  return shown;
}

function signedBy(entry: EntryFacts): Key {
  if (entry.signature === "UNCHECKED") return "who.signed.unchecked";
  if (entry.enrolled === "BY_OWNER") return "who.signed.owner";
  return entry.signature === "PINNED" ? "who.signed.pinned" : "who.signed.carried";
}

function writtenBy(author: AuthorFacts): Key {
  return author.signature === "PINNED" ? "who.author.pinned" : "who.author.carried";
}

/** Whether the log's operator alone speaks for the time. */
function byOwnWord(facts: Pick<Facts, "witnessed"> & { logged: { origin: string } }): boolean {
  const operator = operatorOf(facts.logged.origin);
  return facts.witnessed.names.every((name) => operatorOf(name) === operator);
}

function list(shown: readonly Row[]): HTMLElement {
  return el(
    "dl",
    { class: "facts num" },
    ...shown.flatMap(({ label, text }) => [el("dt", {}, label), el("dd", {}, text)]),
  );
}

function steps(outcome: Outcome, words: Words): HTMLElement {
  return el(
    "ol",
    { class: "steps" },
    ...stepsOf(outcome, words).map(({ text, status }) =>
      el(
        "li",
        { class: status },
        el("span", { class: "mark" }, MARKS[status]()),
        el("span", {}, text, el("span", { class: "hidden" }, `: ${words.say(`status.${status}`)}`)),
      ),
    ),
  );
}

/** The records of a bundle or of a completeness proof. */
function table(outcome: Outcome, words: Words): HTMLElement | null {
  const records =
    outcome.kind === "bundle"
      ? outcome.facts?.entries.flatMap((entry) => entry.records)
      : outcome.kind === "completeness"
        ? outcome.facts?.batches.flatMap((batch) => batch.records.filter((record) => record.shown))
        : undefined;
  if (records === undefined || records.length === 0) return null;
  const labels: Key[] = ["field.what", "receipt.measured", "receipt.from"];
  const lines = records.slice(0, MAX_ROWS).map((record) => summary(record.disclosed, words));
  // A column that says nothing is left out.
  const columns = [0, 1, 2].filter((at) => lines.some((line) => line[at] !== ""));
  const left = records.length - MAX_ROWS;
  return el(
    "div",
    { class: "wide records" },
    el(
      "table",
      { class: "num" },
      el("caption", {}, words.say("page.table")),
      el(
        "thead",
        {},
        el("tr", {}, ...columns.map((at) => el("th", { scope: "col" }, words.say(labels[at] as Key)))),
      ),
      el(
        "tbody",
        {},
        ...lines.map((line) => el("tr", {}, ...columns.map((at) => el("td", {}, line[at] ?? "")))),
      ),
    ),
    left > 0 ? el("p", { class: "sub" }, words.say("page.table.more", { count: left })) : null,
  );
}

function notSaid(outcome: Outcome, words: Words): HTMLElement {
  const keys: Key[] = ["verify.notSaid.true", "verify.notSaid.whose", "verify.notSaid.bearer"];
  if (outcome.kind === "completeness") {
    keys.push("complete.notSaid.withheld", "complete.notSaid.never", "complete.notSaid.later");
  }
  const isEvent = outcome.kind === "receipt" && outcome.read !== null && outcome.read.rc === null;
  if (isEvent) keys.splice(0, 2, "notSaid.looked", "notSaid.still");
  return el(
    "section",
    { class: "not-said", "aria-labelledby": "not-said" },
    el("h3", { id: "not-said" }, words.say("verify.notSaid")),
    el("ul", {}, ...keys.map((key) => el("li", {}, words.say(key)))),
  );
}

const EVIDENCE_COMMAND = "vitalwitness verify --evidence FILE --trust BUNDLE";
const MAX_ROWS = 500;
const MARKS: Readonly<Record<Status, () => Node>> = {
  holds: () => icon(ICONS.check),
  fails: () => icon(ICONS.cross),
  unknown: () => el("b", { "aria-hidden": "true" }, "?"),
  unreached: () => icon(ICONS.minus),
};

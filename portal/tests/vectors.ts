// The cases that every implementation shares: tests/vectors/*.json.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Bytes, concat, unhex } from "../src/receipt/bytes";
import { Rejection } from "../src/receipt/rejection";
import { parseTrust, type Trust } from "../src/receipt/trust";

/**
 * Bytes in hex, or as parts in order: hex, that hex so often, or bytes `from` to `to` of the same
 * member of a case.
 */
export type Parts = string | (string | [string, number] | [string, number, number])[];

export interface Case {
  readonly id: string;
  readonly why: string;
  // biome-ignore lint/suspicious/noExplicitAny: each file has inputs and expectations of its own
  readonly input: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly expect: any;
}

export function cases(name: string): Case[] {
  const text = readFileSync(new URL(`../../tests/vectors/${name}.json`, import.meta.url), "utf8");
  return JSON.parse(text.replace(/([:[,]\s*)(-?\d{16,})(?=\s*[,\]}])/g, '$1"$2n"')).cases;
}

/** The bytes of a member whose parts may be cut from other cases. */
export function bytesOf(all: readonly Case[], member: string, parts: Parts): Bytes {
  if (typeof parts === "string") return unhex(parts);
  return concat(
    ...parts.map((part) => {
      if (typeof part === "string") return unhex(part);
      const [id, from, to] = part;
      if (to === undefined) return unhex(id.repeat(from));
      return bytesOf(all, member, caseOf(all, id).input[member]).slice(from, to);
    }),
  );
}

/** The bundle of a case, which may be that of another. */
export function trustOf(all: readonly Case[], trust: unknown): Promise<Trust> {
  if (typeof trust === "string") return trustOf(all, caseOf(all, trust).input.trust);
  return parseTrust(JSON.stringify(trust));
}

/** One test per case: what `run` gives is what the case expects, a rejection as its code. */
export function conform(name: string, run: (input: Case["input"], all: Case[]) => Promise<unknown>): void {
  const all = cases(name);
  test.each(all)(`${name}: $id: $why`, async (one) => {
    let got: unknown;
    try {
      got = await run(one.input, all);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      got = { reject: error.code };
    }
    expect(plain(got)).toEqual(one.expect);
  });
}

/** Numbers as `cases` reads them: those of 16 digits and more as text. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, member) => {
      if (typeof member !== "bigint") return member;
      return /\d{16}/.test(`${member}`) ? `${member}n` : Number(member);
    }),
  );
}

function caseOf(all: readonly Case[], id: string): Case {
  const found = all.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no case ${id}`);
  return found;
}

// Receipts at random, good and mutated, that core/proof judged: this verifier says the same of
// each, to the last digit of the facts. VW_JUDGED names the file (tests/portal.sh judged).

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { verifyBundle } from "../src/receipt/bundle";
import { unhex } from "../src/receipt/bytes";
import { verifyCompleteness } from "../src/receipt/completeness";
import { toJson } from "../src/receipt/facts";
import { BadTrust, parseTrust, type Trust } from "../src/receipt/trust";
import { verify } from "../src/receipt/verify";

interface Judged {
  readonly trust: number;
  readonly receipt?: string;
  readonly disclosure?: string | null;
  readonly bundle?: string;
  readonly proof?: string;
  readonly verdict: string;
}

const file = process.env.VW_JUDGED;

test.runIf(file)(
  "both verifiers say the same of each receipt, bundle and completeness proof",
  { timeout: 600_000 },
  async () => {
    const lines = createInterface({
      input: createReadStream(file ?? ""),
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    let trusts: (Trust | null)[] | null = null;
    const said = new Map<string, number>();
    const differ: string[] = [];
    let waiting: Promise<void>[] = [];
    let count = 0;
    const judge = async (line: string, at: number, trust: Trust | null) => {
      const judged: Judged = JSON.parse(line);
      const ours = trust === null ? BAD_TRUST : await verdict(judged, trust);
      if (ours !== judged.verdict) {
        const text = `line ${at}, bundle ${judged.trust}:\n  first  ${judged.verdict}\n  second ${ours}`;
        differ.push(text);
      }
      const what = judged.bundle ? "bundle " : judged.proof ? "proof " : "";
      const kind = what + (ours.startsWith('{"facts"') ? "facts" : (/[A-Z_]{4,}/.exec(ours)?.[0] ?? ours));
      said.set(kind, (said.get(kind) ?? 0) + 1);
    };
    for await (const line of lines) {
      if (trusts === null) {
        trusts = await Promise.all(JSON.parse(line).trusts.map(trustOrNull));
        continue;
      }
      count++;
      waiting.push(judge(line, count + 1, trusts[JSON.parse(line).trust] ?? null));
      if (waiting.length === 64) {
        await Promise.all(waiting);
        waiting = [];
      }
    }
    await Promise.all(waiting);
    console.log(`${count} judged: ${[...said].map(([kind, times]) => `${kind} ${times}`).join(", ")}`);
    expect(count).toBeGreaterThan(0);
    expect(differ.length, differ.slice(0, 20).join("\n")).toBe(0);
  },
);

async function verdict(judged: Judged, trust: Trust): Promise<string> {
  if (judged.bundle !== undefined) return toJson(await verifyBundle(unhex(judged.bundle), trust));
  if (judged.proof !== undefined) return toJson(await verifyCompleteness(unhex(judged.proof), trust));
  const beside = judged.disclosure == null ? null : unhex(judged.disclosure);
  return toJson(await verify(unhex(judged.receipt ?? ""), beside, trust));
}

async function trustOrNull(text: string): Promise<Trust | null> {
  try {
    return await parseTrust(text);
  } catch (error) {
    if (error instanceof BadTrust) return null;
    throw error;
  }
}

const BAD_TRUST = "no trust bundle";

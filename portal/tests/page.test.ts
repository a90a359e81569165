// The page's words and the small readers around the verifier.

import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { fromBase45 } from "../src/page/base45";
import de from "../src/page/copy.de.json";
import en from "../src/page/copy.en.json";
import { describe as inWords } from "../src/page/describe";
import { givenAs } from "../src/page/given";
import { judge, operatorOf, wordOf } from "../src/page/judge";
import { preferred, Words } from "../src/page/words";
import { MAX_BUNDLE, verifyBundle } from "../src/receipt/bundle";
import { type Bytes, concat, hex, unhex, utf8 } from "../src/receipt/bytes";
import { Decimal, decode, encode, type Value } from "../src/receipt/cbor";
import { Rejection } from "../src/receipt/rejection";
import { BadTrust, parseTrust } from "../src/receipt/trust";
import { toBase45 } from "./browser/files";
import { bytesOf, cases, trustOf } from "./vectors";

const KINDS = ["receipt", "bundle", "completeness"];
const decks: Record<string, Record<string, string>> = { en, de };

test("the decks have the same keys and the same placeholders", () => {
  expect(Object.keys(de)).toEqual(Object.keys(en));
  const places = (text: string) => [...text.matchAll(/\{(\w+)[,}]/g)].map((match) => match[1]).sort();
  for (const [key, text] of Object.entries(en))
    expect(places(decks.de?.[key] ?? ""), key).toEqual(places(text));
});

test("no word of the trade stands on the page", () => {
  const never =
    /\b(blockchain|chain|ledger|node|anchor|hash|root|proof|commitment|token|wallet|key pair|verif\w*|user|subject|grantee|invalid|illegal|failed|fatal|abort|Kette|Wurzel|Knoten|Nutzer|ungültig|fehlgeschlagen|verifiziert)\b/i;
  for (const deck of Object.values(decks)) {
    for (const [key, text] of Object.entries(deck)) expect(text, key).not.toMatch(never);
  }
});

test("every code that the phone records has a name in both languages", () => {
  const source = readFileSync(
    new URL("../../core/domain/src/observation/catalogue.rs", import.meta.url),
    "utf8",
  );
  const kinds = source.slice(source.indexOf("..kind("));
  const codes = [...source.matchAll(/"((?:loinc|vw)\|[^"]+)"/g)].map((match) => match[1] ?? "");
  const also = [...kinds.matchAll(/also: &\[([^\]]*)\]/g)].flatMap((match) => match[1] ?? "").join();
  const named = codes.filter((code) => !also.includes(code));
  expect(named.length).toBeGreaterThan(30);
  for (const code of named)
    for (const deck of Object.values(decks)) expect(deck, code).toHaveProperty([`code.${code}`]);
});

test("every code of a refusal has a sentence", () => {
  const codes = ["receipt", "receipt-more", "enrol-purpose", "bundle", "completeness", "completeness-more"]
    .flatMap((name) => cases(name))
    .map((one) => one.expect.reject)
    .filter((code) => code !== undefined && code !== "RECORD_MISMATCH" && code !== "ORIGIN_UNKNOWN");
  for (const code of new Set<string>(codes)) expect(en, code).toHaveProperty([`why.${code}`]);
});

test("plurals and numbers are those of the language", () => {
  const words = new Words("de");
  expect(words.say("complete.unopened", { count: 1n })).toContain("1 versiegelter Satz ist");
  expect(words.say("complete.unopened", { count: 1200n })).toContain("1.200 versiegelte Sätze sind");
  expect(words.decimal("6.10")).toBe("6,10");
  expect(words.decimal("-0.050")).toBe("-0,050");
  expect(words.time(1_764_000_000_000n, 60)).toBe("24. November 2025, 17:00 UTC+01:00");
  expect(words.time(1_764_000_000_000n, -570)).toBe("24. November 2025, 06:30 UTC-09:30");
  expect(words.time(2n ** 62n)).toContain("ms");
  expect([preferred(["fr", "de-AT", "en"]), preferred(["ja"])]).toEqual(["de", "en"]);
});

test("a decimal keeps the digits it was measured with", () => {
  const shown = [
    new Decimal(-2, 610n),
    new Decimal(-1, 61n),
    new Decimal(2, 5n),
    new Decimal(-3, -7n),
    new Decimal(3, 0n),
  ];
  expect(shown.map(String)).toEqual(["6.10", "6.1", "500", "-0.007", "0"]);
});

test("at one byte the level comes before the kind", () => {
  const verdict = (text: string) => {
    try {
      decode(unhex("81".repeat(14) + text));
      return "read";
    } catch (error) {
      return error instanceof Rejection ? error.code : "another error";
    }
  };
  const below = ["8181f9", "818118", "81c420", "81c482", "c48240", "81a180", "8181ff"];
  for (const text of below) expect(verdict(text), text).toBe("LIMIT_EXCEEDED");
  for (const text of ["81f9", "8118", "81c4", "c482", "81a1", "8181"])
    expect(verdict(text), text).toBe("MALFORMED");
  for (const text of ["81d804", "817f"]) expect(verdict(text), text).toBe("NON_CANONICAL");
});

test("the largest file is refused in seconds, whatever it is full of", async () => {
  const head = unhex("a20001019a00fffff7");
  for (const filler of [0x00, 0x40, 0x60, 0x80, 0xa0, 0xf6]) {
    const file = concat(head, new Uint8Array(MAX_BUNDLE - head.length).fill(filler));
    const began = performance.now();
    const verdict = await verifyBundle(file, { logs: [], keys: [], channels: [] });
    expect(verdict, `${filler}`).toEqual({ reject: "LIMIT_EXCEEDED", at: null });
    expect(performance.now() - began, `${filler}`).toBeLessThan(30_000);
  }
});

test("what is not of its place's kind is shown as such", () => {
  const words = new Words("en");
  const fields = (values: Value[]) =>
    inWords(
      { schema: "obs/1", whole: true, fields: values.map((value, slot) => [slot, hex(encode(value))]) },
      words,
    );
  const rid = new Uint8Array(16);
  const shown = fields([rid, 0n, null, 0n, "loinc|8310-5", [new Decimal(-1, 372n), "Cel"], [0n, null], null]);
  expect(shown).toEqual([
    { label: "Body temperature", text: "37.2 °C" },
    { label: "Measured", text: "1 Jan 1970, 00:00 UTC+00:00" },
    { label: "Came from", text: "Typed by hand" },
  ]);
  const odd = fields([rid, "now", null, 0n, "x\u202ey", true, [9n, null], null]);
  expect(odd.map((row) => row.text)).toEqual(Array(3).fill("not readable: of another kind than its place"));
  expect(odd[0]?.label).toBe("x y");
});

test("a trust file that is deeper than any is refused, at any depth", async () => {
  for (const depth of [10, 3_000, 20_000]) {
    const text = `{"schema":"vw-trust/1","logs":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    await expect(parseTrust(text), `${depth}`).rejects.toBeInstanceOf(BadTrust);
  }
});

test("base45 is that of RFC 9285", () => {
  for (const [text, code] of [
    ["AB", "BB8"],
    ["Hello!!", "%69 VD92EX0"],
    ["base-45", "UJCLQE7W581"],
    ["ietf!", "QED8WEX0"],
  ] as const) {
    expect(hex(fromBase45(code) ?? utf8("none"))).toBe(hex(utf8(text)));
    expect(toBase45(utf8(text))).toBe(code);
  }
  for (const wrong of ["A", "AAAA", ":::", "::", "ab", "BB8\n"]) expect(fromBase45(wrong), wrong).toBeNull();
});

/** What the page takes a file for. */
async function takenFor(name: string, bytes: Bytes): Promise<string> {
  const given = await givenAs(name, bytes);
  return given.is === "ours" ? given.kind : given.is === "other" ? given.what : given.is;
}

function firstOf(name: string, member: string): Bytes {
  const all = cases(name);
  const one = all.find((candidate) => candidate.expect.facts);
  return bytesOf(all, member, one?.input[member]);
}

test("a file is known by how it begins, whatever its name", async () => {
  const receipt = firstOf("receipt", "receipt");
  const packed = (text: string) => new Uint8Array(deflateSync(text));
  const files: [string, Bytes, string][] = [
    ["receipt", receipt, "receipt"],
    ["code", utf8(`${toBase45(receipt)}\r\n`), "receipt"],
    ["bundle", firstOf("bundle", "bundle"), "bundle"],
    ["completeness", firstOf("completeness", "proof"), "completeness"],
    ["newer", unhex("a300020102"), "receipt"],
    ["trust", utf8('\ufeff {"schema": "vw-trust/1"'), "trust"],
    ["evidence", utf8('{\n  "schema": "vw-evidence/1"}'), "evidence"],
    ["chainpoint", utf8('{"@context":"https:\\/\\/w3id.org\\/chainpoint\\/v3"}'), "chainpoint"],
    ["packed", packed("\x86\xa8@context\xbehttps://w3id.org/chainpoint/v4"), "chainpoint"],
    ["other zlib", packed("something else"), "none"],
    ["tlog", utf8("c2sp.org/tlog-proof@v1\nindex 5\n"), "tlog"],
    ["cose", unhex("d28458381a"), "cose"],
    ["certificate", utf8("<!doctype html>\n<html>"), "page"],
    ["printed", utf8("%PDF-1.4\n"), "page"],
    ["drawing", utf8('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">'), "picture"],
    ["image", unhex("89504e470d0a1a0a"), "picture"],
    ["empty", utf8(""), "none"],
    ["text", utf8("no receipt"), "none"],
    ["code of something else", utf8("HTTPS://EXAMPLE.ORG/ABC"), "none"],
    ["json", utf8("{}"), "none"],
    ["icon", unhex("00000100010010100000"), "none"],
  ];
  for (const [name, bytes, wanted] of files) {
    const names = bytes.length > 0 && wanted !== "none" ? [name, `${name}.vwr`] : [name];
    for (const one of names) expect(await takenFor(one, bytes), one).toBe(wanted);
  }
  for (const [name, wanted] of Object.entries({
    "a.chp": "chainpoint",
    "a.cose": "cose",
    "a.tlog-proof": "tlog",
  }))
    expect(await takenFor(name, unhex("7766")), name).toBe(wanted);
});

test("a receipt that is cut or has a bit changed stays a receipt", async () => {
  const receipt = firstOf("receipt", "receipt");
  for (let bit = 0; bit < 64; bit++) {
    const changed = receipt.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(KINDS, `bit ${bit}`).toContain(await takenFor("", changed));
    expect(KINDS, `bit ${bit}`).toContain(await takenFor("a.vwr", changed));
  }
  for (let length = 1; length < 12; length++)
    expect(await takenFor("", receipt.slice(0, length)), `${length}`).toBe("receipt");
  expect(await takenFor("a.VWB", new Uint8Array(100))).toBe("bundle");
});

test("no length is decoded that a file may not have", async () => {
  const zeros = concat(unhex("9a03938700"), new Uint8Array(60_000_000));
  const began = performance.now();
  for (const name of ["zeros", "zeros.vwr", "zeros.vwb"]) expect(await takenFor(name, zeros)).toBe("none");
  expect(performance.now() - began).toBeLessThan(10_000);
  const fields = concat(unhex("8363612f315820"), new Uint8Array(32), unhex("80"));
  expect(await takenFor("", fields)).toBe("fields");
  expect(
    await takenFor(
      "",
      concat(unhex("8363612f315820"), new Uint8Array(32), unhex("5a00010000"), new Uint8Array(65_536)),
    ),
  ).toBe("none");
});

test("the first bundle that knows the log decides, and none decides nothing", async () => {
  const all = cases("receipt");
  const receipt = bytesOf(all, "receipt", all[0]?.input.receipt);
  const trust = await trustOf(all, "record");
  const other = { ...trust, logs: trust.logs.map((log) => ({ ...log, origin: "log.example/other" })) };
  expect((await judge("receipt", receipt, null, [other, trust])).code).toBeNull();
  expect((await judge("receipt", receipt, null, [other])).code).toBe("ORIGIN_UNKNOWN");
  expect((await judge("receipt", receipt, null, [])).code).toBe("ORIGIN_UNKNOWN");
  expect([wordOf(null), wordOf("QUORUM_NOT_MET"), wordOf("MALFORMED")]).toEqual([
    "unchanged",
    "unknown",
    "changed",
  ]);
});

test("one operator is known by its domain", () => {
  const names = ["log.example/vw1", "w2.clinic.example:8443/w", "log.clinic.example", "local"];
  expect(names.map(operatorOf)).toEqual(["log.example", "clinic.example", "clinic.example", "local"]);
});

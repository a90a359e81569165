// What a file that should be checked turns out to be: by how it begins, or, where that is damaged,
// by the ending of its name. Nothing is decoded before its length is one that it may have.

import { MAX_BUNDLE } from "../receipt/bundle";
import type { Bytes } from "../receipt/bytes";
import { decode } from "../receipt/cbor";
import { MAX_COMPLETENESS } from "../receipt/completeness";
import { MAX_DISCLOSURE } from "../receipt/disclosure";
import { MAX_RECEIPT } from "../receipt/receipt";
import { Rejection } from "../receipt/rejection";
import { fromBase45 } from "./base45";

export type Kind = "receipt" | "bundle" | "completeness";

/** What is no receipt of ours, as far as that can be told. */
export type Other = "chainpoint" | "tlog" | "cose" | "evidence" | "page" | "fields" | "big" | "none";

export type Given =
  | { readonly is: "ours"; readonly kind: Kind; readonly bytes: Bytes }
  | { readonly is: "fields"; readonly bytes: Bytes }
  | { readonly is: "trust"; readonly text: string }
  | { readonly is: "picture" }
  | { readonly is: "other"; readonly what: Other };

/** The longest of all files that are read, pictures aside. */
export const MAX_FILE = Math.max(MAX_BUNDLE, MAX_COMPLETENESS);

/** Tells what `bytes` are; `name` is empty where they have none. */
export async function givenAs(name: string, bytes: Bytes): Promise<Given> {
  const kind = kindOf(bytes);
  if (kind !== null) return { is: "ours", kind, bytes };
  const text = bytes.length > MAX_TEXT ? "" : new TextDecoder().decode(bytes);
  const code = codeOf(text);
  if (code !== null) return { is: "ours", kind: kindOf(code) ?? "receipt", bytes: code };
  if (/^\s*\{/.test(text)) {
    if (/"schema"\s*:\s*"vw-trust\//.test(text)) return { is: "trust", text };
    if (/"schema"\s*:\s*"vw-evidence\//.test(text)) return other("evidence");
    return other(
      /"@context"\s*:\s*"https:(\\?\/){2}w3id\.org\\?\/chainpoint\b/.test(text) ? "chainpoint" : "none",
    );
  }
  if (PICTURES.some((begin) => begins(bytes, begin)) || isDrawing(text)) return { is: "picture" };
  if (/^c2sp\.org\/tlog-proof@/.test(text)) return other("tlog");
  if (/^\s*<(!doctype\s+html|html)\b/i.test(text) || text.startsWith("%PDF-")) return other("page");
  if (begins(bytes, COSE_SIGN1)) return other("cose");
  if (await isChainpoint(bytes)) return other("chainpoint");
  if (isDisclosure(bytes)) return { is: "fields", bytes };
  const ending = /\.(\w+|tlog-proof)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const named = OURS.get(ending);
  if (named !== undefined && bytes.length > 0 && bytes.length <= MAX[named]) {
    return { is: "ours", kind: named, bytes };
  }
  if (isLikeOurs(bytes)) return { is: "ours", kind: "receipt", bytes };
  return other(EXPORTS.get(ending) ?? "none");
}

/** The receipt in the text of a code; a receipt is a CBOR map. Null where there is none. */
export function codeOf(text: string): Bytes | null {
  // a mail program breaks lines; no letter of a code is a break
  const line = text.replace(/[\r\n]+/g, "");
  if (line === "" || !/^[0-9A-Z $%*+\-./:]+$/.test(line)) return null;
  const bytes = fromBase45(line);
  return bytes !== null && (bytes[0] ?? 0) >> 5 === MAP ? bytes : null;
}

/**
 * Of a map that begins with a version, what its next key tells: an array of arrays, an array of
 * numbers, or, of a receipt, no array. Null where it begins otherwise.
 */
export function kindOf(bytes: Uint8Array): Kind | null {
  const [map = 0, first, version, second, item = 0] = bytes;
  if (map >> 5 !== MAP || first !== 0 || version === undefined || version >= ONE_BYTE) return null;
  if (second === 3) return "receipt";
  if (second !== 1) return null;
  if (item >> 5 !== ARRAY || item === EMPTY) return "receipt";
  const info = item & 0x1f;
  const inside = bytes[5 + (info < ONE_BYTE ? 0 : 1 << (info - ONE_BYTE))] ?? 0;
  return inside >> 5 === ARRAY ? "bundle" : "completeness";
}

/** Whether a receipt may have begun so: of its first four bytes one may be damaged. */
function isLikeOurs(bytes: Uint8Array): boolean {
  const [map, first, version, second] = bytes;
  if (map === undefined) return false;
  const fits = [
    map >> 5 === MAP,
    first === undefined || first === 0,
    version === undefined || version < ONE_BYTE,
    second === undefined || second === 1 || second === 3,
  ];
  return fits.filter(Boolean).length >= (bytes.length < fits.length ? 4 : 3);
}

function isDisclosure(bytes: Uint8Array): boolean {
  if ((bytes[0] ?? 0) >> 5 !== ARRAY || bytes.length > MAX_DISCLOSURE) return false;
  try {
    const value = decode(bytes);
    return Array.isArray(value) && value.length === 3 && typeof value[0] === "string";
  } catch (error) {
    if (error instanceof Rejection) return false;
    throw error;
  }
}

/** Whether it is zlib of something that names Chainpoint in its first bytes. */
async function isChainpoint(bytes: Bytes): Promise<boolean> {
  const [first = 0, second = 0] = bytes;
  if (first !== ZLIB || ((first << 8) | second) % 31 !== 0) return false;
  try {
    const packed = new Blob([bytes.subarray(0, 4096)]).stream();
    const reader = packed.pipeThrough(new DecompressionStream("deflate")).getReader();
    const { value } = await reader.read();
    void reader.cancel().catch(() => {});
    return new TextDecoder().decode(value?.subarray(0, 4096)).includes("://w3id.org/chainpoint/");
  } catch {
    return false;
  }
}

/** SVG, also after a prolog or a comment. */
function isDrawing(text: string): boolean {
  return /^\s*<(svg\b|\?xml\b|!--|!doctype svg\b)/i.test(text) && /<svg\b/i.test(text.slice(0, 4096));
}

function begins(bytes: Uint8Array, begin: readonly number[]): boolean {
  return begin.every((byte, at) => bytes[at] === byte);
}

function other(what: Other): Given {
  return { is: "other", what };
}

const MAX_TEXT = 4 << 20;
const MAX: Readonly<Record<Kind, number>> = {
  receipt: MAX_RECEIPT,
  bundle: MAX_BUNDLE,
  completeness: MAX_COMPLETENESS,
};
const OURS: ReadonlyMap<string, Kind> = new Map([
  ["vwr", "receipt"],
  ["vwb", "bundle"],
  ["vwc", "completeness"],
]);
const EXPORTS: ReadonlyMap<string, Other> = new Map([
  ["chp", "chainpoint"],
  ["cose", "cose"],
  ["tlog-proof", "tlog"],
]);

/** PNG, JPEG, GIF and WebP. */
const PICTURES = [
  [0x89, 0x50, 0x4e, 0x47],
  [0xff, 0xd8, 0xff],
  [0x47, 0x49, 0x46, 0x38],
  [0x52, 0x49, 0x46, 0x46],
];
/** Tag 18, an array of four. */
const COSE_SIGN1 = [0xd2, 0x84];
const ZLIB = 0x78;

const ARRAY = 4;
const MAP = 5;
const EMPTY = 0x80;
const ONE_BYTE = 24;

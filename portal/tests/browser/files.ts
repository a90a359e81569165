// Files to give the page, from the shared vectors, and pictures of a receipt's code.

import encodeQR from "qr";
import type { Bytes } from "../../src/receipt/bytes";
import { CborMap, decode, encode, type Value } from "../../src/receipt/cbor";
import { bytesOf, type Case, cases } from "../vectors";

const receipts = cases("receipt");
const bundles = cases("bundle");
const proofs = cases("completeness");

export interface Given {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

export function receipt(id: string): Given {
  return given(`${id}.vwr`, bytesOf(receipts, "receipt", one(receipts, id).input.receipt));
}

export function bundle(id: string): Given {
  return given(`${id}.vwb`, bytesOf(bundles, "bundle", one(bundles, id).input.bundle));
}

export function completeness(id: string): Given {
  return given(`${id}.vwc`, bytesOf(proofs, "proof", one(proofs, id).input.proof));
}

/** A trust bundle that names the logs of the receipts and of the bundles. */
export function trust(): string {
  const [first, second] = [one(receipts, "record").input.trust, one(bundles, "week").input.trust];
  return JSON.stringify({ ...first, logs: [...first.logs, ...second.logs] });
}

/** The trust bundle of a case, as a file to add. */
export function trustOf(kind: "receipt" | "completeness", id: string): Given {
  const text = JSON.stringify(one(kind === "receipt" ? receipts : proofs, id).input.trust);
  return { name: "trust.json", mimeType: "application/json", buffer: Buffer.from(text) };
}

/** RFC 9285. */
export function toBase45(bytes: Uint8Array): string {
  const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
  let text = "";
  for (let at = 0; at < bytes.length; at += 2) {
    const pair = at + 1 < bytes.length;
    let value = pair ? (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0) : (bytes[at] ?? 0);
    for (let place = 0; place < (pair ? 3 : 2); place++, value = Math.floor(value / 45))
      text += letters[value % 45];
  }
  return text;
}

/** A picture of a code, a few pixels a module. */
export function picture(text: string): Given {
  const gif = encodeQR(text, "gif", { ecc: "low", scale: 4 });
  return { name: "code.gif", mimeType: "image/gif", buffer: Buffer.from(gif) };
}

/** The same code as SVG, one unit to a module, as `vitalwitness export --as qr-svg` draws it. */
export function drawing(text: string, beside = ""): Given {
  const modules = encodeQR(text, "raw", { ecc: "low", border: 4 });
  const side = modules.length;
  let dark = "";
  for (const [y, row] of modules.entries())
    for (const [x, isDark] of row.entries()) if (isDark) dark += `M${x} ${y}h1v1h-1z`;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges">` +
    `<path fill="#fff" d="M0 0h${side}v${side}H0z"/><path fill="#000" d="${dark}"/>${beside}</svg>\n`;
  return { name: "code.svg", mimeType: "image/svg+xml", buffer: Buffer.from(svg) };
}

/** The receipt of a case with another code of what was measured: no longer what was sealed. */
export function coded(id: string, code: string): Given {
  const { name, buffer } = receipt(id);
  const map = decode(Uint8Array.from(buffer));
  if (!(map instanceof CborMap)) throw new Error(`no map: ${id}`);
  const pairs = map.pairs.map(([key, value]): [Value, Value] => {
    if (key !== 7n || !Array.isArray(value)) return [key, value];
    const [schema, seed, values] = value;
    if (!Array.isArray(values)) throw new Error(`not whole: ${id}`);
    return [key, [schema ?? null, seed ?? null, values.map((shown, slot) => (slot === 4 ? code : shown))]];
  });
  return given(name, encode(new CborMap(pairs)));
}

/** A file of no kind of ours. */
export function strange(name: string, content: string | Uint8Array): Given {
  return { name, mimeType: "application/octet-stream", buffer: Buffer.from(content) };
}

/** What a camera in front of the code sees: two frames of YUV4MPEG2. */
export function film(text: string): Buffer {
  const modules = encodeQR(text, "raw", { ecc: "low", border: 4 });
  const scale = 6;
  const side = modules.length * scale + ((modules.length * scale) % 2);
  const luma = Buffer.alloc(side * side, 235);
  for (const [y, row] of modules.entries()) {
    for (const [x, dark] of row.entries()) {
      if (!dark) continue;
      for (let line = 0; line < scale; line++)
        luma.fill(16, (y * scale + line) * side + x * scale, (y * scale + line) * side + (x + 1) * scale);
    }
  }
  const chroma = Buffer.alloc((side * side) / 2, 128);
  const frame = Buffer.concat([Buffer.from("FRAME\n"), luma, chroma]);
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${side} H${side} F10:1 Ip A1:1 C420jpeg\n`), frame, frame]);
}

function given(name: string, bytes: Bytes): Given {
  return { name, mimeType: "application/octet-stream", buffer: Buffer.from(bytes) };
}

function one(all: readonly Case[], id: string): Case {
  const found = all.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no case ${id}`);
  return found;
}

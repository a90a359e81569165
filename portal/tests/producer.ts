// What a producer does (docs/receipt-format.md sections 1, 2 and 4), so that the vectors' digests,
// batches and notes can be made anew here. The verifier needs none of it.

import { type Bytes, concat, hex, toBase64, u16, unhex, utf8 } from "../src/receipt/bytes";
import { encode, type Value } from "../src/receipt/cbor";
import { noteBody } from "../src/receipt/checkpoint";
import { ed25519Spki, sha256 } from "../src/receipt/crypto";
import { fieldDigest, recordHash, saltOf } from "../src/receipt/disclosure";
import { leafHash, nodeHash } from "../src/receipt/tree";

/** KS of a batch. */
export async function saltKey(batchSecret: Uint8Array): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", concat(batchSecret), "HKDF", false, ["deriveBits"]);
  const info = utf8("vitalwitness salt v1");
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 256));
}

export async function hmac(key: Uint8Array, ...parts: Uint8Array[]): Promise<Bytes> {
  const imported = await crypto.subtle.importKey(
    "raw",
    concat(key),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, concat(...parts)));
}

export async function ridOf(ks: Uint8Array, arrival: number): Promise<Bytes> {
  return (await hmac(ks, utf8("vwI1"), u32(arrival))).slice(0, 16);
}

export function seedOf(ks: Uint8Array, rid: Uint8Array): Promise<Bytes> {
  return hmac(ks, utf8("vwS1"), rid);
}

/** A record's salts, digests and hash, from the values of its slots. */
export async function record(schema: string, seed: Uint8Array, values: readonly Value[]) {
  const salts: Bytes[] = [];
  const digests: Bytes[] = [];
  for (const [slot, value] of values.entries()) {
    const salt = await saltOf(seed, slot);
    salts.push(salt);
    digests.push(await fieldDigest(slot, salt, value));
  }
  return { salts, digests, rc: await recordHash(schema, digests) };
}

/** Leaf data of a waveform: blocks of 256 samples. */
export async function waveformLeaves(seed: Uint8Array, samples: readonly Value[]): Promise<Bytes[]> {
  const leaves: Bytes[] = [];
  for (let from = 0; from < samples.length; from += 256) {
    const salt = (await sha256(utf8("vwW1"), seed, u32(leaves.length))).slice(0, 16);
    leaves.push(concat(salt, encode(samples.slice(from, from + 256))));
  }
  return leaves;
}

/** The root over leaf hashes (RFC 9162 section 2.1.1), and each leaf's path. */
export async function tree(leaves: readonly Bytes[]): Promise<{ root: Bytes; paths: Bytes[][] }> {
  const [only] = leaves;
  if (leaves.length === 1 && only) return { root: only, paths: [[]] };
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const left = await tree(leaves.slice(0, split));
  const right = await tree(leaves.slice(split));
  return {
    root: await nodeHash(left.root, right.root),
    paths: [
      ...left.paths.map((path) => [...path, right.root]),
      ...right.paths.map((path) => [...path, left.root]),
    ],
  };
}

/** Leaf data of a batch: its header's record hash, the records', fillers. */
export async function seal(batch: {
  readonly secret: Uint8Array;
  readonly id: Uint8Array;
  readonly code: string | null;
  readonly granularity: string;
  readonly device: Uint8Array | null;
  readonly records: readonly { readonly start: bigint; readonly rid: Uint8Array; readonly rc: Bytes }[];
}): Promise<{ header: Value[]; leaves: Bytes[] }> {
  const ks = await saltKey(batch.secret);
  const rid = await ridOf(ks, 0xffff_ffff);
  const sorted = [...batch.records].sort((a, b) =>
    a.start === b.start ? (hex(a.rid) < hex(b.rid) ? -1 : 1) : a.start < b.start ? -1 : 1,
  );
  const header: Value[] = [
    rid,
    sorted[0]?.start ?? 0n,
    sorted.at(-1)?.start ?? 0n,
    batch.code,
    BigInt(sorted.length),
    [batch.granularity, batch.device && concat(batch.device)],
  ];
  const leaves = [
    (await record("batch/1", await seedOf(ks, rid), header)).rc,
    ...sorted.map((one) => one.rc),
  ];
  let size = 8;
  while (size < leaves.length) size *= 2;
  while (leaves.length < size) leaves.push(await hmac(ks, utf8("vwP1"), batch.id, u32(leaves.length)));
  return { header, leaves };
}

export function leafHashes(leaves: readonly Bytes[]): Promise<Bytes[]> {
  return Promise.all(leaves.map(leafHash));
}

/** An Ed25519 key from its 32 secret bytes. */
export async function ed25519(
  secret: Uint8Array,
): Promise<{ raw: Bytes; sign(message: Bytes): Promise<Bytes> }> {
  const pkcs8 = concat(unhex("302e020100300506032b657004220420"), secret);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", key);
  return {
    raw: Uint8Array.from(Buffer.from(x ?? "", "base64url")),
    sign: async (message) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, message)),
  };
}

/** A signer of notes: its vkey, and its line's bytes over a body (`time`: a witness, in seconds). */
export async function noteSigner(name: string, secret: Uint8Array, witness: boolean) {
  const { raw, sign } = await ed25519(secret);
  const encoded = concat(Uint8Array.of(witness ? 4 : 1), raw);
  const id = (await sha256(utf8(name), Uint8Array.of(0x0a), encoded)).slice(0, 4);
  return {
    id,
    spki: ed25519Spki(raw),
    vkey: `${name}+${hex(id)}+${toBase64(encoded)}`,
    async line(body: Bytes, time?: bigint): Promise<Bytes> {
      if (time === undefined) return concat(id, await sign(body));
      const message = concat(utf8(`cosignature/v1\ntime ${time}\n`), body);
      const seconds = new Uint8Array(8);
      new DataView(seconds.buffer).setBigUint64(0, time);
      return concat(id, seconds, await sign(message));
    },
  };
}

export { noteBody, u16 };

function u32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

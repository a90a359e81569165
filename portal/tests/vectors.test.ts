// Every case of tests/vectors that a verifier of receipts can be asked.

import { verifyBundle } from "../src/receipt/bundle";
import { hex, toBase64, unhex } from "../src/receipt/bytes";
import { decode, encode, type Value } from "../src/receipt/cbor";
import { verifyCompleteness, verifyHead } from "../src/receipt/completeness";
import { ed25519Spki, publicKey, sha256 } from "../src/receipt/crypto";
import { open, readDisclosure } from "../src/receipt/disclosure";
import { checkSignature, readEntry, Type } from "../src/receipt/entry";
import { reject } from "../src/receipt/rejection";
import { leafHash, rootOf } from "../src/receipt/tree";
import { BadTrust, type NoteKey, parseTrust } from "../src/receipt/trust";
import { verify } from "../src/receipt/verify";
import * as producer from "./producer";
import { bytesOf, conform, type Parts, trustOf } from "./vectors";

conform("record", async (input) => {
  switch (input.op) {
    case "cbor":
      return { reencoded: hex(encode(decode(unhex(input.cbor)))) };
    case "record": {
      const values = decode(unhex(input.values)) as Value[];
      const ks = await producer.saltKey(unhex(input.batch_secret));
      const seed = await producer.seedOf(ks, values[0] as Uint8Array);
      const { salts, digests, rc } = await producer.record(input.schema, seed, values);
      return { ks: hex(ks), seed: hex(seed), salts: salts.map(hex), digests: digests.map(hex), rc: hex(rc) };
    }
    case "rid":
      return { rid: hex(await producer.ridOf(await producer.saltKey(unhex(input.batch_secret)), input.j)) };
    case "waveform": {
      const samples = decode(unhex(input.samples)) as Value[];
      const hashes = await producer.leafHashes(await producer.waveformLeaves(unhex(input.seed), samples));
      return {
        count: samples.length,
        leaf_hashes: hashes.map(hex),
        root: hex((await producer.tree(hashes)).root),
      };
    }
    case "disclosure": {
      const { rc, disclosed } = await open(readDisclosure(unhex(input.disclosure)));
      return { rc: hex(rc), disclosed };
    }
    default:
      throw new Error(`no such op: ${input.op}`);
  }
});

conform("batch", async (input) => {
  if (input.op === "path") {
    const path = unhex(Array.isArray(input.path) ? input.path.join("") : input.path);
    const nodes = [];
    for (let at = 0; at < path.length; at += 32) nodes.push(path.slice(at, at + 32));
    const leaf = await leafHash(unhex(input.leaf_data));
    return { root: hex(await rootOf(leaf, BigInt(input.index), BigInt(input.size), nodes)) };
  }
  const { header, leaves } = await producer.seal({
    secret: unhex(input.batch_secret),
    id: unhex(input.batch_id),
    code: input.code,
    granularity: input.granularity,
    device: input.device && unhex(input.device),
    records: input.records.map(([start, rid, rc]: [number, string, string]) => ({
      start: BigInt(start),
      rid: unhex(rid),
      rc: unhex(rc),
    })),
  });
  const { root, paths } = await producer.tree(await producer.leafHashes(leaves));
  return {
    header: hex(encode(header)),
    size: leaves.length,
    leaf_data: leaves.map(hex),
    root: hex(root),
    // Of the header, the first and the last record.
    paths: [0, 1, input.records.length].map((index) => paths[index]?.map(hex).join("")),
  };
});

conform("entry", async (input) => {
  const entry = readEntry(unhex(input.entry));
  const raw: string[] = entry.event.type === Type.GENESIS ? input.log_keys : input.keys;
  let known: Awaited<ReturnType<typeof publicKey>> | undefined;
  for (const key of raw) {
    const spki = unhex(key);
    const candidate = await publicKey(spki.length === 32 ? ed25519Spki(spki) : spki);
    if (hex(candidate.id) === hex(entry.signer)) known = candidate;
  }
  const by = known && { key: known, by: "PINNED" as const };
  const signature = await checkSignature(entry.event, entry.signer, entry.signature, by);
  return {
    type: entry.event.type,
    channel: hex(entry.event.channel),
    seq: entry.seq,
    prev: hex(entry.prev),
    signer: hex(entry.signer),
    event_hash: hex(await sha256(entry.event.bytes)),
    entry_hash: hex(await sha256(entry.bytes)),
    leaf_hash: hex(await leafHash(entry.bytes)),
    signature,
  };
});

conform("checkpoint", async (input) => {
  switch (input.op) {
    case "note": {
      const body = producer.noteBody(input.origin, BigInt(input.size), unhex(input.root));
      const log = await producer.noteSigner(input.origin, unhex(input.log_secret), false);
      const lines: [string, Uint8Array][] = [[input.origin, await log.line(body)]];
      const vkeys: string[] = [];
      for (const { name, secret, time } of input.witnesses) {
        const witness = await producer.noteSigner(name, unhex(secret), true);
        vkeys.push(witness.vkey);
        lines.push([name, await witness.line(body, BigInt(time))]);
      }
      const text = new TextDecoder().decode(body);
      return {
        body: text,
        log_vkey: log.vkey,
        note: `${text}\n${lines.map(([name, line]) => `— ${name} ${toBase64(line)}\n`).join("")}`,
        signatures: lines.map(([, line]) => hex(line)),
        witness_vkeys: vkeys,
      };
    }
    case "root": {
      const hashes = await producer.leafHashes(input.entries.map(unhex));
      return { root: hex((await producer.tree(hashes)).root) };
    }
    case "leaf-root":
      return { root: hex((await producer.tree(input.leaf_hashes.map(unhex))).root) };
    case "trust":
      try {
        const trust = await parseTrust(input.trust);
        const ids = (keys: readonly NoteKey[] | undefined) => keys?.map((key) => hex(key.id));
        return {
          log_key_ids: ids(trust.logs[0]?.keys),
          witness_key_ids: ids(trust.logs[0]?.witnesses),
          keys: trust.keys.map((key) => hex(key.id)),
        };
      } catch (error) {
        if (error instanceof BadTrust) return { bad_trust: true };
        throw error;
      }
    default:
      throw new Error(`no such op: ${input.op}`);
  }
});

for (const name of ["receipt", "receipt-more", "enrol-purpose"]) {
  conform(name, async (input, all) => {
    const fill = input.receipt_fill as [string, number] | undefined;
    const receipt = fill
      ? new Uint8Array(fill[1]).fill(Number.parseInt(fill[0], 16))
      : bytesOf(all, "receipt", input.receipt as Parts);
    const beside = input.disclosure === undefined ? null : bytesOf(all, "disclosure", input.disclosure);
    const verdict = await verify(receipt, beside, await trustOf(all, input.trust));
    return "reject" in verdict ? reject(verdict.reject) : verdict;
  });
}

conform("bundle", async (input, all) =>
  verifyBundle(bytesOf(all, "bundle", input.bundle), await trustOf(all, input.trust)),
);

for (const name of ["completeness", "completeness-more"]) {
  conform(name, async (input, all) => {
    const trust = await trustOf(all, input.trust);
    if (input.op === "head") {
      const verdict = await verifyHead(unhex(input.statement), unhex(input.signature), trust);
      return "reject" in verdict ? verdict : { head: verdict.facts };
    }
    return verifyCompleteness(bytesOf(all, "proof", input.proof), trust);
  });
}

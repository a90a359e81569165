// SHA-256 and the two signature algorithms, all by WebCrypto (Node 20 and current browsers have
// Ed25519 there too), and the public keys of docs/receipt-format.md section 3.
//
// A key is its SPKI bytes; its id is H(SPKI)[0..16].

import { type Bytes, concat, equal, toBigInt, unhex } from "./bytes";
import { need, reject } from "./rejection";

export async function sha256(...parts: Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

/** A public key that was checked to be one. */
export interface PublicKey {
  readonly algorithm: "P-256" | "Ed25519";
  readonly spki: Bytes;
  readonly hash: Bytes;
  readonly id: Bytes;
  readonly key: CryptoKey;
}

/**
 * P-256 as 91 bytes with its point uncompressed and on the curve, Ed25519 as 44; all else is
 * `MALFORMED`.
 */
export async function publicKey(spki: Uint8Array): Promise<PublicKey> {
  for (const [algorithm, prefix, length] of FORMS) {
    if (spki.length === length && equal(spki.subarray(0, prefix.length), prefix)) {
      const copy = concat(spki);
      const key = await imported(algorithm, copy.slice(length - (algorithm === "P-256" ? 65 : 32)));
      const hash = await sha256(copy);
      return { algorithm, spki: copy, hash, id: hash.slice(0, 16), key };
    }
  }
  return reject("MALFORMED");
}

/** The SPKI of a raw Ed25519 key of 32 bytes. */
export function ed25519Spki(raw: Uint8Array): Bytes {
  return concat(ED25519_PREFIX, raw);
}

/** Whether `signature` is this key's over `message`. */
export async function verifies(key: PublicKey, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const parameters = key.algorithm === "P-256" ? { name: "ECDSA", hash: "SHA-256" } : "Ed25519";
  return crypto.subtle.verify(parameters, key.key, concat(signature), concat(message));
}

/** Whether a P-256 signature r||s has 1 <= r < q and 1 <= s <= (q-1)/2. */
export function isWellFormed(signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const r = toBigInt(signature.subarray(0, 32));
  const s = toBigInt(signature.subarray(32));
  return r >= 1n && r < ORDER && s >= 1n && s <= (ORDER - 1n) / 2n;
}

async function imported(algorithm: "P-256" | "Ed25519", raw: Bytes): Promise<CryptoKey> {
  const parameters = algorithm === "P-256" ? { name: "ECDSA", namedCurve: "P-256" } : "Ed25519";
  if (algorithm === "P-256") need(raw[0] === UNCOMPRESSED, "MALFORMED");
  try {
    return await crypto.subtle.importKey("raw", raw, parameters, true, ["verify"]);
  } catch (error) {
    // NotSupportedError is this browser's lack, not the key's defect.
    if (error instanceof DOMException && error.name === "NotSupportedError") throw error;
    return reject("MALFORMED");
  }
}

const P256_PREFIX = unhex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
const ED25519_PREFIX = unhex("302a300506032b6570032100");
const FORMS = [
  ["P-256", P256_PREFIX, 91],
  ["Ed25519", ED25519_PREFIX, 44],
] as const;
const UNCOMPRESSED = 4;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

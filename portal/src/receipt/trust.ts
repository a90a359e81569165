// The trust bundle (docs/receipt-format.md section 7): which logs, witnesses and keys the reader
// relies on. It is the reader's own file, so what is wrong with it is the caller's error, no code.

import { type DocumentNode, evaluate, type ObjectNode, parse } from "@humanwhocodes/momoa";
import { type Bytes, equal, fromBase64, hex, utf8 } from "./bytes";
import { ed25519Spki, type PublicKey, publicKey, sha256 } from "./crypto";
import { isName } from "./shape";

/** A key that signs notes: C2SP `name+hex id+base64(type || key)`. */
export interface NoteKey {
  readonly name: string;
  readonly id: Bytes;
  readonly key: PublicKey;
}

export interface TrustedLog {
  readonly origin: string;
  readonly keys: readonly NoteKey[];
  readonly witnesses: readonly NoteKey[];
  readonly quorum: number;
}

export interface Trust {
  readonly logs: readonly TrustedLog[];
  readonly keys: readonly PublicKey[];
  /** Names of the Fabric channels it pins. */
  readonly channels: readonly string[];
}

/** The text is no trust bundle. */
export class BadTrust extends Error {
  constructor(why: string) {
    super(why);
    this.name = "BadTrust";
  }
}

/** Reads a bundle. Throws `BadTrust`. */
export async function parseTrust(text: string): Promise<Trust> {
  const bundle = members(json(text), ["schema", "logs"], ["keys", "fabric", "tsa"]);
  if (bundle.schema !== "vw-trust/1") throw new BadTrust("another schema");
  const logs: TrustedLog[] = [];
  for (const item of list(bundle.logs)) logs.push(await logOf(item));
  if (new Set(logs.map((log) => log.origin)).size !== logs.length) throw new BadTrust("an origin twice");
  const keys: PublicKey[] = [];
  for (const item of optionalList(bundle.keys)) keys.push(await keyOf(base64(item)));
  const channels = optionalList(bundle.fabric).map(channelOf);
  if (new Set(channels).size !== channels.length) throw new BadTrust("a channel twice");
  for (const item of optionalList(bundle.tsa)) base64(item);
  return { logs, keys, channels };
}

async function logOf(item: unknown): Promise<TrustedLog> {
  const log = members(item, ["origin", "keys", "witnesses", "quorum"], []);
  const origin = string(log.origin);
  if (!isName(origin)) throw new BadTrust("an origin of other characters");
  const keys: NoteKey[] = [];
  for (const vkey of list(log.keys)) keys.push(await noteKey(string(vkey), LOG_KEY));
  const witnesses: NoteKey[] = [];
  for (const vkey of list(log.witnesses)) witnesses.push(await noteKey(string(vkey), WITNESS_KEY));
  if (keys.length === 0) throw new BadTrust("a log without a key");
  if (keys.some((key) => key.name !== origin)) throw new BadTrust("a log's key has its origin as name");
  const all = [...keys, ...witnesses].map((key) => hex(key.key.spki));
  if (new Set(all).size !== all.length) throw new BadTrust("a key twice");
  const quorum = number(log.quorum);
  if (quorum > witnesses.length) throw new BadTrust("a quorum above the number of witnesses");
  return { origin, keys, witnesses, quorum };
}

async function noteKey(vkey: string, type: number): Promise<NoteKey> {
  const [, name, id, encoded] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/s.exec(vkey) ?? [];
  if (name === undefined || id === undefined || !isName(name)) throw new BadTrust("no vkey");
  const bytes = base64(encoded);
  if (bytes.length !== 33 || bytes[0] !== type) throw new BadTrust("a key of another type");
  const expected = (await sha256(utf8(name), Uint8Array.of(0x0a), bytes)).slice(0, 4);
  if (hex(expected) !== id) throw new BadTrust("a key with another id");
  return { name, id: expected, key: await keyOf(ed25519Spki(bytes.subarray(1))) };
}

/** The shape of a Fabric anchor's trust, and a policy that can hold; its keys are not used yet. */
function channelOf(item: unknown): string {
  const fabric = members(item, ["channel", "chaincode", "msps", "policy"], ["certs"]);
  string(fabric.chaincode);
  const ids = list(fabric.msps).map((entry) => {
    const msp = members(entry, ["id", "roots", "crls"], []);
    for (const der of [...list(msp.roots), ...list(msp.crls)]) base64(der);
    return string(msp.id);
  });
  if (new Set(ids).size !== ids.length) throw new BadTrust("an MSP twice");
  const policy = list(fabric.policy);
  if (policy.length === 0) throw new BadTrust("a policy that anything satisfies");
  for (const entry of policy) {
    const rule = list(entry);
    if (rule.length !== 2) throw new BadTrust("a policy of another shape");
    const named = list(rule[1]).map(string);
    const least = number(rule[0]);
    const distinct = new Set(named).size === named.length && named.every((id) => ids.includes(id));
    if (!distinct || least < 1 || least > named.length) throw new BadTrust("a policy that cannot hold");
  }
  for (const der of optionalList(fabric.certs)) base64(der);
  return string(fabric.channel);
}

async function keyOf(spki: Uint8Array): Promise<PublicKey> {
  try {
    return await publicKey(spki);
  } catch (error) {
    if (error instanceof DOMException) throw error;
    throw new BadTrust("a key of another form");
  }
}

/** JSON as it stands, with numbers as their text, and no member twice. */
function json(text: string): unknown {
  let document: DocumentNode;
  let value: unknown;
  try {
    JSON.parse(text);
    document = parse(text, { mode: "json", ranges: true });
    // both go as deep as the text does: too deep is no bundle
    value = evaluate(document);
  } catch {
    throw new BadTrust("no JSON");
  }
  const waiting: unknown[] = [document.body];
  while (waiting.length > 0) {
    const node = waiting.pop() as DocumentNode["body"];
    if (node.type === "Object") {
      const names = (node as ObjectNode).members.map((member) => evaluate(member.name));
      if (new Set(names).size !== names.length) throw new BadTrust("a member twice");
      waiting.push(...node.members.map((member) => member.value));
    } else if (node.type === "Array") {
      waiting.push(...node.elements.map((element) => element.value));
    } else if (node.type === "Number") {
      const [from, to] = node.range ?? [0, 0];
      if (!/^(?:0|[1-9][0-9]*)$/.test(text.slice(from, to))) throw new BadTrust("no whole number");
    }
  }
  return value;
}

function members<Name extends string, Optional extends string>(
  value: unknown,
  names: readonly Name[],
  optional: readonly Optional[],
): Record<Name, unknown> & Partial<Record<Optional, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadTrust("no object");
  const known: readonly string[] = [...names, ...optional];
  if (!Object.keys(value).every((name) => known.includes(name))) throw new BadTrust("an unknown member");
  if (!names.every((name) => Object.hasOwn(value, name))) throw new BadTrust("a member is missing");
  return value as Record<Name, unknown> & Partial<Record<Optional, unknown>>;
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new BadTrust("no list");
  return value;
}

function optionalList(value: unknown): unknown[] {
  return value === undefined ? [] : list(value);
}

function string(value: unknown): string {
  if (typeof value !== "string" || /\p{Surrogate}/u.test(value)) throw new BadTrust("no text");
  return value;
}

function number(value: unknown): number {
  if (typeof value !== "number") throw new BadTrust("no number");
  return value;
}

function base64(value: unknown): Bytes {
  const bytes = fromBase64(string(value));
  if (bytes === null) throw new BadTrust("no base64");
  return bytes;
}

const LOG_KEY = 1;
const WITNESS_KEY = 4;

export function logOfOrigin(trust: Trust, origin: string): TrustedLog | undefined {
  return trust.logs.find((log) => log.origin === origin);
}

export function keyOfId(keys: readonly PublicKey[], id: Uint8Array): PublicKey | undefined {
  return keys.find((key) => equal(key.id, id));
}

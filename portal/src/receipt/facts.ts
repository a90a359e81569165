// What a receipt proves, as `vitalwitness verify` prints it: bytes in hex, what is absent null.
// Numbers are bigint where the format allows more than a double holds.

import type { AnchorFacts } from "./anchor";
import { hex } from "./bytes";
import type { Witnessed } from "./checkpoint";
import type { Disclosed } from "./disclosure";
import type { Entry, Signature } from "./entry";
import type { Code } from "./rejection";

export interface Facts {
  readonly rc: string | null;
  readonly batch: { readonly size: bigint; readonly index: bigint } | null;
  readonly disclosed: Disclosed | null;
  readonly author: AuthorFacts | null;
  readonly entry: EntryFacts;
  readonly logged: {
    readonly origin: string;
    readonly size: bigint;
    readonly index: bigint;
    readonly root: string;
  };
  readonly witnessed: Witnessed;
  readonly anchors: readonly AnchorFacts[];
  /** Seconds. */
  readonly existed_by: bigint | null;
}

export interface AuthorFacts {
  readonly id: string;
  readonly signature: Signature;
}

export interface EntryFacts {
  readonly type: number;
  readonly channel: string;
  readonly owner: string;
  readonly receiver: string | null;
  readonly recordhash: string;
  readonly time: bigint;
  readonly location: string | null;
  readonly expiry: bigint | null;
  readonly purpose?: number;
  readonly signer: string;
  readonly signature: Signature;
  readonly enrolled: "BY_OWNER" | "UNCHECKED";
  readonly enrol_purpose?: number;
  readonly seq: bigint;
  readonly prev: string;
}

export type Verdict<F = Facts> = { readonly facts: F } | { readonly reject: Code };

export function entryFacts(
  entry: Entry,
  signature: Signature,
  enrolled: "BY_OWNER" | "UNCHECKED",
  enrolPurpose: number | null,
): EntryFacts {
  const event = entry.event;
  return {
    type: event.type,
    channel: hex(event.channel),
    owner: hex(event.owner),
    receiver: event.receiver && hex(event.receiver),
    recordhash: hex(event.recordhash),
    time: event.time,
    location: event.location && hex(event.location),
    expiry: event.expiry,
    ...(event.purpose !== null && { purpose: event.purpose }),
    signer: hex(entry.signer),
    signature,
    enrolled,
    ...(enrolPurpose !== null && { enrol_purpose: enrolPurpose }),
    seq: entry.seq,
    prev: hex(entry.prev),
  };
}

/** JSON with its members in order of their names, no spaces, and every digit of a number. */
export function toJson(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${toJson(member)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

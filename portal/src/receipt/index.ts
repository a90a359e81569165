// The second verifier, written from docs/receipt-format.md.

export type { Facts, Verdict } from "./facts";
export { toJson } from "./facts";
export type { Code } from "./rejection";
export { BadTrust, parseTrust, type Trust } from "./trust";
export { verify } from "./verify";

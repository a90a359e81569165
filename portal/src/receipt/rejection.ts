// Why something is refused: the codes of docs/receipt-format.md section 7, stable.

export type Code =
  | "MALFORMED"
  | "NON_CANONICAL"
  | "UNSUPPORTED_VERSION"
  | "LIMIT_EXCEEDED"
  | "SCHEMA_UNKNOWN"
  | "RECORD_MISMATCH"
  | "AUTHOR_SIGNATURE"
  | "HEADER_MISMATCH"
  | "INDEX_OUT_OF_RANGE"
  | "PATH_LENGTH"
  | "ENTRY_MISMATCH"
  | "ENTRY_SIGNATURE"
  | "ORIGIN_UNKNOWN"
  | "KEY_UNKNOWN"
  | "CHECKPOINT_SIGNATURE"
  | "QUORUM_NOT_MET"
  | "SEQ_GAP"
  | "FORK";

/** The first failing check. Carries a code and nothing of what was checked. */
export class Rejection extends Error {
  readonly code: Code;

  constructor(code: Code) {
    super(code);
    this.name = "Rejection";
    this.code = code;
  }
}

/** Refuses with `code`. */
export function reject(code: Code): never {
  throw new Rejection(code);
}

/** Refuses with `code` unless `holds`. */
export function need(holds: boolean, code: Code): asserts holds {
  if (!holds) throw new Rejection(code);
}

//! Why something was refused, as a code that is the same in every language.

use core::fmt;

macro_rules! rejections {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Why a verifier refused. The first failing step gives the code.
        ///
        /// Carries no text and no input: nothing about a person can leak through it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Rejection {
            $($(#[$doc])* $name,)*
        }

        impl Rejection {
            /// Every rejection, in the order of `docs/receipt-format.md` section 7.
            pub const ALL: &'static [Rejection] = &[$(Rejection::$name,)*];

            /// The stable code of `docs/receipt-format.md` section 7.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Rejection::$name => $code,)*
                }
            }
        }
    };
}

rejections! {
    /// The bytes do not have the shape the format asks for.
    Malformed = "MALFORMED",
    /// A long head, an indefinite length, or map keys twice or out of order.
    NonCanonical = "NON_CANONICAL",
    /// A version this reader does not know; a newer reader may.
    UnsupportedVersion = "UNSUPPORTED_VERSION",
    /// Larger, longer or deeper than the format allows.
    LimitExceeded = "LIMIT_EXCEEDED",
    /// The disclosure names a schema this reader does not know.
    SchemaUnknown = "SCHEMA_UNKNOWN",
    /// The disclosed values are not those of the record hash.
    RecordMismatch = "RECORD_MISMATCH",
    /// The record's author did not sign this record hash.
    AuthorSignature = "AUTHOR_SIGNATURE",
    /// A batch header contradicts the batch it heads.
    HeaderMismatch = "HEADER_MISMATCH",
    /// The leaf index is not below the tree size.
    IndexOutOfRange = "INDEX_OUT_OF_RANGE",
    /// The path has not the length that index and size ask for.
    PathLength = "PATH_LENGTH",
    /// The entry is not the one the rest of the receipt speaks of.
    EntryMismatch = "ENTRY_MISMATCH",
    /// The actor did not sign this event.
    EntrySignature = "ENTRY_SIGNATURE",
    /// No log of this origin is trusted.
    OriginUnknown = "ORIGIN_UNKNOWN",
    /// No signature line is by a trusted key of the log.
    KeyUnknown = "KEY_UNKNOWN",
    /// A line of a trusted key does not sign this checkpoint.
    CheckpointSignature = "CHECKPOINT_SIGNATURE",
    /// Fewer witnesses cosigned than the trust bundle asks for.
    QuorumNotMet = "QUORUM_NOT_MET",
    /// The log shows fewer entries than it did before.
    Rollback = "ROLLBACK",
    /// The log shows two histories of one size.
    Fork = "FORK",
    /// The new checkpoint does not extend the old one.
    Inconsistent = "INCONSISTENT",
    /// The newest cosignature is over 24 hours old.
    Stale = "STALE",
    /// A claimed time is over five minutes ahead of the clock.
    FromFuture = "FROM_FUTURE",
    /// An entry does not follow the one before it in its channel.
    SeqGap = "SEQ_GAP",
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl core::error::Error for Rejection {}

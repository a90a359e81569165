//! The parts of a record, how each is read from CBOR, and why one is refused.

use crate::decimal::Decimal;
use std::borrow::Cow;
use std::fmt;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use vitalwitness_proof::cbor;

/// Why a record is refused. The slot says where; nothing says what stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Written by a newer app, or not a record.
    #[error("unknown record schema")]
    Schema,
    /// The schema has another number of slots.
    #[error("wrong number of slots")]
    SlotCount,
    /// A slot holds another kind of value than its schema says.
    #[error("{0} is of the wrong kind")]
    SlotType(Slot),
    /// Say something, or leave the record out.
    #[error("{0} is empty")]
    Empty(Slot),
    /// Shorten it.
    #[error("{0} is too long")]
    TooLong(Slot),
    /// Not `system|code` in printable ASCII.
    #[error("code is malformed")]
    Code,
    /// It ends before it starts.
    #[error("end is before start")]
    EndBeforeStart,
    /// The offset from UTC is beyond 18 hours.
    #[error("offset from UTC is out of range")]
    Offset,
    /// Before the year 1900 or after 9999.
    #[error("time is out of range")]
    Time,
}

/// The part of a record an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Slot {
    /// The record's id.
    Rid,
    /// Effective start.
    Start,
    /// Effective end.
    End,
    /// Offset from UTC.
    Offset,
    /// Code, kind, plan, policy or the medicine's name.
    Code,
    /// Value, dose, title, amount or premium.
    Value,
    /// Status.
    Status,
    /// The record hash it refers to.
    Reference,
    /// Text of a note.
    Text,
    /// Where it comes from.
    Source,
    /// Context and notes.
    Context,
}

impl RecordError {
    /// Stable in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Schema => "schema_unknown",
            Self::SlotCount => "slot_count",
            Self::SlotType(_) => "slot_type",
            Self::Empty(_) => "text_empty",
            Self::TooLong(_) => "text_too_long",
            Self::Code => "code_malformed",
            Self::EndBeforeStart => "end_before_start",
            Self::Offset => "offset_out_of_range",
            Self::Time => "time_out_of_range",
        }
    }
}

/// Readers of one CBOR value, each naming its slot when the value is of another kind.
impl Slot {
    pub(crate) fn wrong(self) -> RecordError {
        RecordError::SlotType(self)
    }

    pub(super) fn int(self, value: &cbor::Value) -> Result<i64, RecordError> {
        match value {
            cbor::Value::Int(number) => Ok(*number),
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn size(self, value: &cbor::Value) -> Result<u64, RecordError> {
        u64::try_from(self.int(value)?).map_err(|_| self.wrong())
    }

    pub(crate) fn string(self, value: &cbor::Value) -> Result<String, RecordError> {
        match value {
            cbor::Value::Text(words) => Ok(words.clone()),
            _ => Err(self.wrong()),
        }
    }

    pub(crate) fn bytes<const N: usize>(self, value: &cbor::Value) -> Result<[u8; N], RecordError> {
        match value {
            cbor::Value::Bytes(bytes) => bytes.as_slice().try_into().map_err(|_| self.wrong()),
            _ => Err(self.wrong()),
        }
    }

    pub(crate) fn array(self, value: &cbor::Value) -> Result<&[cbor::Value], RecordError> {
        match value {
            cbor::Value::Array(items) => Ok(items),
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn decimal(self, value: &cbor::Value) -> Result<Decimal, RecordError> {
        match value {
            cbor::Value::Decimal { exponent, mantissa } => {
                Decimal::new(*mantissa, *exponent).map_err(|_| self.wrong())
            }
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn quantity(self, value: &cbor::Value) -> Result<(Decimal, String), RecordError> {
        match self.array(value)? {
            [number, unit] => Ok((self.decimal(number)?, self.string(unit)?)),
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn one_of<T: Copy>(
        self,
        words: &[T],
        value: &cbor::Value,
    ) -> Result<T, RecordError> {
        usize::try_from(self.int(value)?)
            .ok()
            .and_then(|index| words.get(index).copied())
            .ok_or_else(|| self.wrong())
    }

    /// Refuses text that is empty, blank or longer than `limit` bytes.
    pub(crate) fn text(self, text: &str, limit: usize) -> Result<(), RecordError> {
        if text.trim().is_empty() {
            Err(RecordError::Empty(self))
        } else if nfc(text).len() > limit {
            Err(RecordError::TooLong(self))
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rid => "id",
            Self::Start => "start",
            Self::End => "end",
            Self::Offset => "offset",
            Self::Code => "code",
            Self::Value => "value",
            Self::Status => "status",
            Self::Reference => "reference",
            Self::Text => "text",
            Self::Source => "source",
            Self::Context => "context",
        })
    }
}

/// `text` in Unicode normalisation form C.
pub(crate) fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

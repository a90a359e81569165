//! What a request asks for and a grant covers: categories, codes, months, an episode.
//!
//! Matching is per stream, the unit that has keys: a stream is in or out as a whole.
//! enc(scope) = `[[category, codes | null, from, to, episode | null]...]`, months as
//! text, codes ascending, null for all; the hash of a REQUEST covers it.

use crate::policy::Category;
use crate::record::{Hash, Id, Record};
use crate::stream::{Granularity, Month, StreamId};
use std::collections::BTreeSet;
use std::fmt;
use vitalwitness_proof::cbor;

/// What a request asks for or a grant covers. Debug shows how many items.
#[derive(Clone, PartialEq, Eq)]
pub struct Scope {
    items: Vec<ScopeItem>,
}

/// One row of a scope.
#[derive(Clone, PartialEq, Eq)]
pub struct ScopeItem {
    /// The category.
    pub category: Category,
    /// Which codes.
    pub codes: Codes,
    /// First month, included.
    pub from: Month,
    /// Last month, included.
    pub to: Month,
    /// Only records of this episode of treatment; none: of any and of none.
    pub episode: Option<Id>,
}

/// Which codes of a category.
#[derive(Clone, PartialEq, Eq)]
pub enum Codes {
    /// All, also those not yet measured.
    All,
    /// These stream codes: `loinc|8867-4`, `medicine`, `dentistry`.
    Only(BTreeSet<String>),
}

/// Why a scope is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// Not the encoding of a scope.
    #[error("scope is malformed")]
    Malformed,
    /// No item, an item without codes, or months that end before they begin.
    #[error("scope covers nothing")]
    Empty,
    /// More than 64 items, 256 codes in one, or a code above 1,024 bytes.
    #[error("scope is too large")]
    TooLarge,
}

impl Scope {
    /// A scope of `items`: what any of them covers.
    ///
    /// # Errors
    ///
    /// Empty or too large.
    pub fn new(items: Vec<ScopeItem>) -> Result<Self, ScopeError> {
        if items.is_empty() {
            return Err(ScopeError::Empty);
        }
        if items.len() > MAX_ITEMS {
            return Err(ScopeError::TooLarge);
        }
        items.iter().try_for_each(ScopeItem::check)?;
        Ok(Self { items })
    }

    /// Its rows.
    pub fn items(&self) -> &[ScopeItem] {
        &self.items
    }

    /// Whether `stream` is in it, at whatever granularity.
    pub fn covers(&self, stream: &StreamId) -> bool {
        self.items.iter().any(|item| item.covers(stream))
    }

    /// Whether the stream of `record` is in it.
    pub fn covers_record(&self, record: &Record) -> bool {
        record
            .stream(Granularity::Raw)
            .is_ok_and(|stream| self.covers(&stream))
    }

    /// Whether every item is of `category`, as a grant in one channel needs.
    pub fn is_within(&self, category: Category) -> bool {
        self.items.iter().all(|item| item.category == category)
    }

    /// Its one encoding.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(&self.to_cbor())
    }

    /// Reads what [`Scope::encode`] writes.
    ///
    /// # Errors
    ///
    /// Malformed, also for codes that do not ascend; empty or too large.
    pub fn decode(bytes: &[u8]) -> Result<Self, ScopeError> {
        let value = cbor::decode(bytes).map_err(|_| ScopeError::Malformed)?;
        Self::from_cbor(&value)
    }

    pub(crate) fn to_cbor(&self) -> cbor::Value {
        cbor::Value::Array(self.items.iter().map(ScopeItem::to_cbor).collect())
    }

    pub(crate) fn from_cbor(value: &cbor::Value) -> Result<Self, ScopeError> {
        let cbor::Value::Array(items) = value else {
            return Err(ScopeError::Malformed);
        };
        Self::new(
            items
                .iter()
                .map(ScopeItem::from_cbor)
                .collect::<Result<_, _>>()?,
        )
    }

    /// The recordhash of a REQUEST: H("vwQ1" || salt || enc(scope)).
    pub fn request_hash(&self, salt: &Id) -> Hash {
        use sha2::Digest;
        let mut hasher = sha2::Sha256::new();
        hasher.update(b"vwQ1");
        hasher.update(salt);
        hasher.update(self.encode());
        hasher.finalize().into()
    }
}

impl ScopeItem {
    fn covers(&self, stream: &StreamId) -> bool {
        self.category.byte() == stream.category
            && (self.from..=self.to).contains(&stream.month)
            && self.codes.contain(&stream.code)
            && self
                .episode
                .is_none_or(|episode| stream.episode == Some(episode))
    }

    fn check(&self) -> Result<(), ScopeError> {
        if self.from > self.to {
            return Err(ScopeError::Empty);
        }
        match &self.codes {
            Codes::Only(codes) if codes.is_empty() => Err(ScopeError::Empty),
            Codes::Only(codes)
                if codes.len() > MAX_CODES || codes.iter().any(|code| code.len() > MAX_CODE) =>
            {
                Err(ScopeError::TooLarge)
            }
            Codes::Only(codes) if codes.iter().any(String::is_empty) => Err(ScopeError::Malformed),
            Codes::All | Codes::Only(_) => Ok(()),
        }
    }

    fn to_cbor(&self) -> cbor::Value {
        use cbor::Value::{Array, Bytes, Int, Null, Text};
        let codes = match &self.codes {
            Codes::All => Null,
            Codes::Only(codes) => Array(codes.iter().cloned().map(Text).collect()),
        };
        Array(vec![
            Int(i64::from(self.category.byte())),
            codes,
            Text(self.from.to_string()),
            Text(self.to.to_string()),
            self.episode.map_or(Null, |id| Bytes(id.to_vec())),
        ])
    }

    fn from_cbor(value: &cbor::Value) -> Result<Self, ScopeError> {
        use cbor::Value::{Array, Bytes, Int, Null, Text};
        let malformed = ScopeError::Malformed;
        let Array(parts) = value else {
            return Err(malformed);
        };
        let [Int(category), codes, Text(from), Text(to), episode] = parts.as_slice() else {
            return Err(malformed);
        };
        let codes = match codes {
            Null => Codes::All,
            Array(list) => {
                let mut codes = BTreeSet::new();
                for code in list {
                    let Text(code) = code else {
                        return Err(malformed);
                    };
                    if codes.last().is_some_and(|last| last >= code) {
                        return Err(malformed);
                    }
                    codes.insert(code.clone());
                }
                Codes::Only(codes)
            }
            _ => return Err(malformed),
        };
        Ok(Self {
            category: u8::try_from(*category)
                .ok()
                .and_then(Category::from_byte)
                .ok_or(malformed)?,
            codes,
            from: from.parse().map_err(|_| malformed)?,
            to: to.parse().map_err(|_| malformed)?,
            episode: match episode {
                Null => None,
                Bytes(id) => Some(id.as_slice().try_into().map_err(|_| malformed)?),
                _ => return Err(malformed),
            },
        })
    }
}

impl Codes {
    /// These codes only.
    pub fn only<T: Into<String>>(codes: impl IntoIterator<Item = T>) -> Self {
        Self::Only(codes.into_iter().map(Into::into).collect())
    }

    fn contain(&self, code: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(codes) => codes.contains(code),
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({} items)", self.items.len())
    }
}

impl fmt::Debug for ScopeItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeItem")
            .field("category", &self.category)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("All"),
            Self::Only(codes) => write!(f, "Only({})", codes.len()),
        }
    }
}

const MAX_ITEMS: usize = 64;
const MAX_CODES: usize = 256;
const MAX_CODE: usize = 1_024;

#[cfg(test)]
mod tests;

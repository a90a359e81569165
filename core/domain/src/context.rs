//! The last slot of a record: what it corrects, what it belongs to, and notes.

use crate::record::{Hash, Id, RecordError, Slot, TEXT_LIMIT};
use std::collections::BTreeMap;
use std::fmt;
use vitalwitness_proof::cbor;

/// How a record hangs together with others, and notes on it. Debug shows which parts are there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Record hash of the record this one replaces.
    pub supersedes: Option<Hash>,
    /// Record hash of the record this one takes back.
    pub voids: Option<Hash>,
    /// Id (rid) of the episode of treatment it belongs to.
    pub episode: Option<Id>,
    /// Batch roots or record hashes it was computed from, at most 64.
    pub derived_from: Vec<Hash>,
    /// Why absent, not taken, refused or corrected.
    pub reason: Option<String>,
    /// Free notes by name, at most 32; `type` of a training, `arm` of a blood pressure.
    pub notes: BTreeMap<String, String>,
}

impl Context {
    /// Whether it says nothing; it is then encoded as null.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn check(&self) -> Result<(), RecordError> {
        if let Some(reason) = &self.reason {
            Slot::Context.text(reason, TEXT_LIMIT)?;
        }
        if self.derived_from.len() > MAX_DERIVED || self.notes.len() > MAX_NOTES {
            return Err(RecordError::TooLong(Slot::Context));
        }
        for (name, text) in &self.notes {
            Slot::Context.text(name, MAX_NAME)?;
            Slot::Context.text(text, TEXT_LIMIT)?;
        }
        Ok(())
    }

    pub(crate) fn to_slot(&self, text: impl Fn(&str) -> cbor::Value) -> cbor::Value {
        use cbor::Value::{Array, Bytes, Int, Map};
        if self.is_empty() {
            return cbor::Value::Null;
        }
        let mut pairs = Vec::new();
        if let Some(hash) = self.supersedes {
            pairs.push((Int(SUPERSEDES), Bytes(hash.to_vec())));
        }
        if let Some(hash) = self.voids {
            pairs.push((Int(VOIDS), Bytes(hash.to_vec())));
        }
        if let Some(id) = self.episode {
            pairs.push((Int(EPISODE), Bytes(id.to_vec())));
        }
        if !self.derived_from.is_empty() {
            let hashes = self.derived_from.iter();
            let hashes = hashes.map(|hash| Bytes(hash.to_vec())).collect();
            pairs.push((Int(DERIVED_FROM), Array(hashes)));
        }
        if let Some(reason) = &self.reason {
            pairs.push((Int(REASON), text(reason)));
        }
        // Two spellings of one name meet in NFC: the later one stands, a map holds a key once.
        for (name, note) in &self.notes {
            let name = text(name);
            pairs.retain(|(key, _)| *key != name);
            pairs.push((name, text(note)));
        }
        pairs.sort_by_cached_key(|(key, _)| cbor::encode(key));
        Map(pairs)
    }

    pub(crate) fn from_slot(slot: &cbor::Value) -> Result<Option<Self>, RecordError> {
        let pairs = match slot {
            cbor::Value::Null => return Ok(None),
            cbor::Value::Map(pairs) => pairs,
            _ => return Err(Slot::Context.wrong()),
        };
        let mut context = Self::default();
        for (key, value) in pairs {
            match key {
                cbor::Value::Int(SUPERSEDES) => {
                    context.supersedes = Some(Slot::Context.bytes(value)?);
                }
                cbor::Value::Int(VOIDS) => context.voids = Some(Slot::Context.bytes(value)?),
                cbor::Value::Int(EPISODE) => context.episode = Some(Slot::Context.bytes(value)?),
                cbor::Value::Int(DERIVED_FROM) => {
                    let hashes = Slot::Context.array(value)?.iter();
                    context.derived_from = hashes
                        .map(|hash| Slot::Context.bytes(hash))
                        .collect::<Result<_, _>>()?;
                }
                cbor::Value::Int(REASON) => {
                    context.reason = Some(Slot::Context.string(value)?);
                }
                cbor::Value::Text(name) => {
                    let note = Slot::Context.string(value)?;
                    context.notes.insert(name.clone(), note);
                }
                _ => return Err(Slot::Context.wrong()),
            }
        }
        Ok(Some(context))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("supersedes", &self.supersedes.is_some())
            .field("voids", &self.voids.is_some())
            .field("episode", &self.episode.is_some())
            .field("derived_from", &self.derived_from.len())
            .field("reason", &self.reason.is_some())
            .field("notes", &self.notes.len())
            .finish()
    }
}

const SUPERSEDES: i64 = 1;
const VOIDS: i64 = 2;
const EPISODE: i64 = 3;
const DERIVED_FROM: i64 = 4;
const REASON: i64 = 5;
const MAX_DERIVED: usize = 64;
const MAX_NOTES: usize = 32;
const MAX_NAME: usize = 64;

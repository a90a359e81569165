//! A bundle's verdict: `{"facts": F}` or `{"reject": code, "at": A}`.

use super::{AnchorJson, AuthorJson, DisclosedJson, EntryJson, WitnessedJson};
use crate::wire::Hash32;
use serde::Serialize;
use vitalwitness_proof::bundle::{At, BundleFacts, EntryRecords, RecordFacts, Refused};

/// The verdict on a bundle, ready to be serialised. No Debug: it holds what was disclosed.
#[derive(Serialize)]
#[serde(untagged)]
#[allow(
    missing_debug_implementations,
    reason = "holds the disclosed values of records"
)]
pub enum BundleVerdict {
    /// What the bundle proves.
    Facts {
        /// F of section 12.
        facts: BundleFactsJson,
    },
    /// The first step that failed.
    Reject {
        /// Its code.
        reject: &'static str,
        /// What it is about.
        at: Option<AtJson>,
    },
}

/// Which record or entry.
#[derive(Serialize)]
#[allow(missing_debug_implementations, reason = "as the verdict it is part of")]
pub struct AtJson {
    entry: u64,
    leaf: Option<u64>,
}

/// F of `docs/receipt-format.md`, section 12.
#[derive(Serialize)]
#[allow(
    missing_debug_implementations,
    reason = "holds the disclosed values of records"
)]
pub struct BundleFactsJson {
    logged: LoggedJson,
    witnessed: WitnessedJson,
    anchors: Vec<AnchorJson>,
    existed_by: Option<u64>,
    entries: Vec<EntryRecordsJson>,
}

#[derive(Serialize)]
struct LoggedJson {
    origin: String,
    size: u64,
    root: Hash32,
}

#[derive(Serialize)]
struct EntryRecordsJson {
    index: u64,
    entry: EntryJson,
    size: u64,
    records: Vec<RecordJson>,
}

#[derive(Serialize)]
struct RecordJson {
    index: u64,
    rc: Hash32,
    disclosed: Option<DisclosedJson>,
    author: Option<AuthorJson>,
}

impl From<&Result<BundleFacts, Refused>> for BundleVerdict {
    fn from(result: &Result<BundleFacts, Refused>) -> Self {
        match result {
            Ok(facts) => BundleVerdict::Facts {
                facts: facts.into(),
            },
            Err(refused) => BundleVerdict::Reject {
                reject: refused.rejection.code(),
                at: refused.at.map(AtJson::from),
            },
        }
    }
}

impl From<At> for AtJson {
    fn from(at: At) -> Self {
        Self {
            entry: at.entry,
            leaf: at.leaf,
        }
    }
}

impl From<&BundleFacts> for BundleFactsJson {
    fn from(facts: &BundleFacts) -> Self {
        Self {
            logged: LoggedJson {
                origin: facts.logged.origin.clone(),
                size: facts.logged.size,
                root: Hash32(facts.logged.root),
            },
            witnessed: WitnessedJson::from(&facts.witnessed),
            anchors: facts.anchors.iter().map(AnchorJson::from).collect(),
            existed_by: facts.existed_by,
            entries: facts.entries.iter().map(EntryRecordsJson::from).collect(),
        }
    }
}

impl From<&EntryRecords> for EntryRecordsJson {
    fn from(of: &EntryRecords) -> Self {
        Self {
            index: of.index,
            entry: EntryJson::from(&of.entry),
            size: of.size,
            records: of.records.iter().map(RecordJson::from).collect(),
        }
    }
}

impl From<&RecordFacts> for RecordJson {
    fn from(record: &RecordFacts) -> Self {
        Self {
            index: record.index,
            rc: Hash32(record.record_hash),
            disclosed: record.disclosed.as_ref().map(DisclosedJson::from),
            author: record.author.as_ref().map(AuthorJson::from),
        }
    }
}

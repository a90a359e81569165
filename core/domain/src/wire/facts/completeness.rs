//! The verdict on a completeness proof: `{"facts": F}` or `{"reject": code}`.

use super::{DisclosedJson, LoggedJson, WitnessedJson};
use crate::wire::{Hash32, Id16};
use serde::Serialize;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::completeness::{BatchFacts, CompletenessFacts, HeaderFacts, ShownRecord};
use vitalwitness_proof::entry::ChannelHead;

/// The verdict on a completeness proof, ready to be serialised. No Debug: it holds what was disclosed.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    missing_debug_implementations,
    reason = "holds the disclosed values of records"
)]
pub enum CompletenessVerdict {
    /// What the proof proves.
    Facts(Box<CompletenessFactsJson>),
    /// The code of the first step that failed.
    Reject(&'static str),
}

/// F of `docs/receipt-format.md`, section 11.
#[derive(Serialize)]
#[allow(
    missing_debug_implementations,
    reason = "holds the disclosed values of records"
)]
pub struct CompletenessFactsJson {
    channel: Id16,
    owner: Id16,
    period: (i64, i64),
    entries: u64,
    entry_hash: Hash32,
    logged: LoggedJson,
    witnessed: WitnessedJson,
    existed_by: Option<u64>,
    shown: u64,
    of: u64,
    unopened: u64,
    uncounted: Vec<u64>,
    batches: Vec<BatchJson>,
    head: Option<HeadJson>,
}

#[derive(Serialize)]
struct BatchJson {
    seq: u64,
    by: &'static str,
    header: Option<HeaderJson>,
    shown: u64,
    of: u64,
    records: Vec<RecordJson>,
}

#[derive(Serialize)]
struct HeaderJson {
    n: u64,
    first: i64,
    last: i64,
    records: u64,
    disclosed: DisclosedJson,
}

#[derive(Serialize)]
struct RecordJson {
    index: u64,
    rc: Hash32,
    shown: bool,
    disclosed: DisclosedJson,
}

/// A channel head.
#[derive(Debug, Serialize)]
pub struct HeadJson {
    origin: String,
    channel: Id16,
    seq: u64,
    entry_hash: Hash32,
    size: u64,
    time: i64,
}

impl From<&Result<CompletenessFacts, Rejection>> for CompletenessVerdict {
    fn from(result: &Result<CompletenessFacts, Rejection>) -> Self {
        match result {
            Ok(facts) => CompletenessVerdict::Facts(Box::new(facts.into())),
            Err(rejection) => CompletenessVerdict::Reject(rejection.code()),
        }
    }
}

impl From<&CompletenessFacts> for CompletenessFactsJson {
    fn from(facts: &CompletenessFacts) -> Self {
        Self {
            channel: Id16(facts.channel),
            owner: Id16(facts.owner),
            period: facts.period,
            entries: facts.entries,
            entry_hash: Hash32(facts.entry_hash),
            logged: LoggedJson {
                origin: facts.logged.origin.clone(),
                size: facts.logged.size,
                index: facts.index,
                root: Hash32(facts.logged.root),
            },
            witnessed: WitnessedJson::from(&facts.witnessed),
            existed_by: facts.existed_by,
            shown: facts.shown,
            of: facts.of,
            unopened: facts.unopened,
            uncounted: facts.uncounted.clone(),
            batches: facts.batches.iter().map(BatchJson::from).collect(),
            head: facts.head.as_ref().map(HeadJson::from),
        }
    }
}

impl From<&BatchFacts> for BatchJson {
    fn from(batch: &BatchFacts) -> Self {
        Self {
            seq: batch.seq,
            by: batch.by.code(),
            header: batch.header.as_ref().map(HeaderJson::from),
            shown: batch.shown,
            of: batch.of,
            records: batch.records.iter().map(RecordJson::from).collect(),
        }
    }
}

impl From<&HeaderFacts> for HeaderJson {
    fn from(header: &HeaderFacts) -> Self {
        Self {
            n: header.size,
            first: header.first,
            last: header.last,
            records: header.records,
            disclosed: DisclosedJson::from(&header.disclosed),
        }
    }
}

impl From<&ShownRecord> for RecordJson {
    fn from(record: &ShownRecord) -> Self {
        Self {
            index: record.index,
            rc: Hash32(record.record_hash),
            shown: record.shown,
            disclosed: DisclosedJson::from(&record.disclosed),
        }
    }
}

impl From<&ChannelHead> for HeadJson {
    fn from(head: &ChannelHead) -> Self {
        Self {
            origin: head.origin.clone(),
            channel: Id16(head.channel),
            seq: head.seq,
            entry_hash: Hash32(head.entry_hash),
            size: head.size,
            time: head.time,
        }
    }
}

//! A verdict as JSON: `{"facts": F}` or `{"reject": code}`.
//!
//! Bytes are lower-case hex, what is absent is null. `purpose` (of an ENROL
//! entry) and `enrol_purpose` (of the signer's ENROL) are there only when stated.

mod bundle;
mod completeness;

pub use bundle::{AtJson, BundleFactsJson, BundleVerdict};
pub use completeness::{CompletenessFactsJson, CompletenessVerdict, HeadJson};

use super::{Hash32, Id16};
use serde::Serialize;
use vitalwitness_proof::checkpoint::Witnessed;
use vitalwitness_proof::entry::Purpose;
use vitalwitness_proof::{Facts, Rejection, verify};

/// The verdict on a receipt, ready to be serialised. No Debug: it holds what was disclosed.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(
    missing_debug_implementations,
    reason = "holds the disclosed values of a record"
)]
pub enum Verdict {
    /// What the receipt proves.
    Facts(Box<FactsJson>),
    /// The code of the first step that failed.
    Reject(&'static str),
}

impl From<&Result<Facts, Rejection>> for Verdict {
    fn from(result: &Result<Facts, Rejection>) -> Self {
        match result {
            Ok(facts) => Verdict::Facts(Box::new(facts.into())),
            Err(rejection) => Verdict::Reject(rejection.code()),
        }
    }
}

/// F of `docs/receipt-format.md`, section 7.
#[derive(Serialize)]
#[allow(
    missing_debug_implementations,
    reason = "holds the disclosed values of a record"
)]
pub struct FactsJson {
    rc: Option<Hash32>,
    batch: Option<BatchJson>,
    disclosed: Option<DisclosedJson>,
    author: Option<AuthorJson>,
    entry: EntryJson,
    logged: LoggedJson,
    witnessed: WitnessedJson,
    anchors: Vec<AnchorJson>,
    existed_by: Option<u64>,
}

#[derive(Serialize)]
struct BatchJson {
    size: u64,
    index: u64,
}

#[derive(Serialize)]
struct DisclosedJson {
    schema: &'static str,
    whole: bool,
    fields: Vec<(u16, String)>,
}

#[derive(Serialize)]
struct AuthorJson {
    id: Id16,
    signature: &'static str,
}

#[derive(Serialize)]
struct EntryJson {
    #[serde(rename = "type")]
    kind: u8,
    channel: Id16,
    owner: Id16,
    receiver: Option<Id16>,
    recordhash: Hash32,
    time: i64,
    location: Option<Hash32>,
    expiry: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<u8>,
    signer: Id16,
    signature: &'static str,
    enrolled: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    enrol_purpose: Option<u8>,
    seq: u64,
    prev: Hash32,
}

#[derive(Serialize)]
struct LoggedJson {
    origin: String,
    size: u64,
    index: u64,
    root: Hash32,
}

#[derive(Serialize)]
struct WitnessedJson {
    valid: usize,
    of: usize,
    quorum: usize,
    names: Vec<String>,
}

#[derive(Serialize)]
struct AnchorJson {
    #[serde(rename = "type")]
    kind: u64,
    status: &'static str,
}

impl From<&Facts> for FactsJson {
    fn from(facts: &Facts) -> Self {
        Self {
            rc: facts.record_hash.map(Hash32),
            batch: facts.batch.map(|place| BatchJson {
                size: place.size,
                index: place.index,
            }),
            disclosed: facts.disclosed.as_ref().map(DisclosedJson::from),
            author: facts.author.as_ref().map(AuthorJson::from),
            entry: EntryJson::from(&facts.entry),
            logged: LoggedJson {
                origin: facts.logged.origin.clone(),
                size: facts.logged.size,
                index: facts.index,
                root: Hash32(facts.logged.root),
            },
            witnessed: WitnessedJson::from(&facts.witnessed),
            anchors: facts.anchors.iter().map(AnchorJson::from).collect(),
            existed_by: facts.existed_by,
        }
    }
}

impl From<&verify::AuthorFacts> for AuthorJson {
    fn from(author: &verify::AuthorFacts) -> Self {
        Self {
            id: Id16(author.id),
            signature: author.signature.code(),
        }
    }
}

impl From<&Witnessed> for WitnessedJson {
    fn from(witnessed: &Witnessed) -> Self {
        Self {
            valid: witnessed.names.len(),
            of: witnessed.of,
            quorum: witnessed.quorum,
            names: witnessed.names.clone(),
        }
    }
}

impl From<&verify::AnchorFacts> for AnchorJson {
    fn from(anchor: &verify::AnchorFacts) -> Self {
        Self {
            kind: anchor.kind,
            status: anchor.status.code(),
        }
    }
}

impl From<&verify::Disclosed> for DisclosedJson {
    fn from(disclosed: &verify::Disclosed) -> Self {
        Self {
            schema: disclosed.schema.name(),
            whole: disclosed.whole,
            fields: disclosed
                .fields
                .iter()
                .map(|(slot, value)| (*slot, hex::encode(value)))
                .collect(),
        }
    }
}

impl From<&verify::EntryFacts> for EntryJson {
    fn from(entry: &verify::EntryFacts) -> Self {
        let event = &entry.event;
        Self {
            kind: event.kind.number(),
            channel: Id16(event.channel),
            owner: Id16(event.owner),
            receiver: event.receiver.map(Id16),
            recordhash: Hash32(event.recordhash),
            time: event.time,
            location: event.location.map(Hash32),
            expiry: event.expiry,
            purpose: event.purpose.map(Purpose::number),
            signer: Id16(entry.signer),
            signature: entry.signature.code(),
            enrolled: entry.enrolled.code(),
            enrol_purpose: entry.enrol_purpose.map(Purpose::number),
            seq: entry.seq,
            prev: Hash32(entry.prev),
        }
    }
}

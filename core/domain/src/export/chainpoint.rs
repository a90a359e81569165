//! Chainpoint v4: a receipt as a chain of byte operations, JSON or binary.
//!
//! It leads from the record hash to the log's root and names where that root
//! can be looked up. It carries no signature: who reads it must know the root.

use super::Source;
use chrono::{DateTime, SecondsFormat};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use std::io::Write as _;
use vitalwitness_proof::merkle::path_length;
use vitalwitness_proof::{Hash, Rejection, sha256};

/// A proof, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chainpoint {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    hash: String,
    proof_id: String,
    hash_received: String,
    branches: [Branch; 1],
}

/// The one chain of operations, from the hash to the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Branch {
    label: &'static str,
    ops: Vec<Step>,
}

/// One step. What is put beside the value is even hex, one key to a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
enum Step {
    #[serde(rename = "l")]
    Left(String),
    #[serde(rename = "r")]
    Right(String),
    #[serde(rename = "op")]
    Hash(&'static str),
    #[serde(rename = "anchors")]
    Anchors(Vec<Anchor>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Anchor {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "anchor_id")]
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uris: Option<[String; 1]>,
}

/// What names the root of a log's first `size` entries: `vw.<origin, / as ~>.<size>`.
pub fn anchor_id(origin: &str, size: u64) -> String {
    format!("vw.{}.{size}", origin.replace('/', "~"))
}

impl Chainpoint {
    /// The proof that `source` holds. `base_url` is where the log is read, without a slash at
    /// its end; with it the proof says where its root can be looked up.
    ///
    /// # Errors
    ///
    /// `LIMIT_EXCEEDED` for a time after the year 9999 or an address over 512 bytes, which the
    /// form cannot hold; `MALFORMED` for an entry that is not spelled as entries are.
    pub fn of(source: &Source<'_>, base_url: Option<&str>) -> Result<Self, Rejection> {
        let hash = source.hash();
        let (before, after) = around_recordhash(source)?;
        let mut ops = Vec::new();
        if let Some(record) = &source.receipt.record {
            leaf(&mut ops);
            climb(&mut ops, record.index, record.size, record.path)?;
        }
        ops.push(Step::Right(hex::encode(after)));
        ops.push(Step::Left(hex::encode(before)));
        leaf(&mut ops);
        let log = &source.receipt.log;
        climb(&mut ops, log.index, log.size, log.path)?;
        let id = anchor_id(log.origin, log.size);
        let uris = base_url.map(|base| [format!("{base}/calendar/{id}/data")]);
        if uris.iter().flatten().any(|uri| uri.len() > 512) {
            return Err(Rejection::LimitExceeded);
        }
        ops.push(Step::Anchors(vec![Anchor {
            kind: "cal",
            id,
            uris,
        }]));
        let time = source.entry.event.time;
        Ok(Self {
            context: "https://w3id.org/chainpoint/v4",
            kind: "Chainpoint",
            hash: hex::encode(hash),
            proof_id: proof_id(time, &hash).ok_or(Rejection::LimitExceeded)?,
            hash_received: seconds(time).ok_or(Rejection::LimitExceeded)?,
            branches: [Branch {
                label: "cal_anchor_branch",
                ops,
            }],
        })
    }

    /// As JSON, for a file named `.chp.json`.
    ///
    /// # Errors
    ///
    /// `LIMIT_EXCEEDED` where it cannot be written, which does not happen.
    pub fn to_json(&self) -> Result<String, Rejection> {
        serde_json::to_string(self).map_err(|_| Rejection::LimitExceeded)
    }

    /// As zlib of `MessagePack`, for a file named `.chp`.
    ///
    /// # Errors
    ///
    /// As [`Chainpoint::to_json`].
    pub fn to_binary(&self) -> Result<Vec<u8>, Rejection> {
        let packed = rmp_serde::to_vec_named(self).map_err(|_| Rejection::LimitExceeded)?;
        let mut out = ZlibEncoder::new(Vec::new(), Compression::best());
        out.write_all(&packed)
            .and_then(|()| out.finish())
            .map_err(|_| Rejection::LimitExceeded)
    }
}

/// The value becomes the hash of a leaf that holds it.
fn leaf(ops: &mut Vec<Step>) {
    ops.push(Step::Left("00".to_owned()));
    ops.push(SHA_256);
}

/// The value goes from a leaf's hash to the root.
fn climb(ops: &mut Vec<Step>, index: u64, size: u64, path: &[Hash]) -> Result<(), Rejection> {
    let length = path_length(index, size)?;
    if usize::try_from(length) != Ok(path.len()) {
        return Err(Rejection::PathLength);
    }
    let (mut index, mut last) = (index, size - 1);
    for sibling in path {
        // at the tree's right edge, levels without a sibling are passed over
        while index != 0 && index & 1 == 0 && index == last {
            index >>= 1;
            last >>= 1;
        }
        if index & 1 == 1 {
            ops.push(Step::Left(format!("01{}", hex::encode(sibling))));
        } else {
            ops.push(Step::Right(hex::encode(sibling)));
            ops.push(Step::Left("01".to_owned()));
        }
        ops.push(SHA_256);
        index >>= 1;
        last >>= 1;
    }
    Ok(())
}

/// The entry's bytes before and after the recordhash of its event.
fn around_recordhash<'a>(source: &Source<'a>) -> Result<(&'a [u8], &'a [u8]), Rejection> {
    let entry = source.receipt.entry;
    let event = &source.entry.event;
    // entry: array head, byte string head with its length; event: array head, version, type,
    // channel, owner, receiver or null, byte string head with its length
    let receiver = if event.receiver.is_some() { 17 } else { 1 };
    let start = 1 + 2 + 1 + 1 + 1 + 17 + 17 + receiver + 2;
    let (before, rest) = entry.split_at_checked(start).ok_or(Rejection::Malformed)?;
    match rest.split_at_checked(32) {
        Some((middle, after)) if middle == event.recordhash => Ok((before, after)),
        _ => Err(Rejection::Malformed),
    }
}

/// A ULID: the event's time, then bytes that the hash fixes.
fn proof_id(time_ms: i64, hash: &Hash) -> Option<String> {
    let time = u64::try_from(time_ms).ok().filter(|ms| *ms < 1 << 48)?;
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&time.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&sha256(&[hash])[..10]);
    let number = u128::from_be_bytes(bytes);
    let letter = |place: u32| {
        let digit = usize::try_from(number >> (5 * place) & 31).ok()?;
        CROCKFORD.get(digit).map(|letter| char::from(*letter))
    };
    (0..26).rev().map(letter).collect()
}

/// `2025-11-24T16:16:50Z`, rounded down.
fn seconds(time_ms: i64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(time_ms)?;
    let text = time.to_rfc3339_opts(SecondsFormat::Secs, true);
    (text.len() == 20).then_some(text)
}

const SHA_256: Step = Step::Hash("sha-256");
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

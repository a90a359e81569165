//! Sealing: which leaf holds what, and the tree over it.
//!
//! Leaf 0 is the header, then the records by effective start and rid, then
//! fillers up to a power of two of at least 8. Records may arrive late and out
//! of order; the same records give the same batch in any order of arrival.

use crate::Rejection;
use crate::cbor::Value;
use crate::hash::Hash;
use crate::merkle::Tree;
use crate::record::{HEADER_ARRIVAL, Rid, SaltKey, Schema, record_hash};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A record as it waits to be sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Effective start, ms UTC.
    pub start: i64,
    /// Its rid.
    pub rid: Rid,
    /// Its record hash.
    pub record_hash: Hash,
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Arrival")
    }
}

/// What a batch says of itself at leaf 0 (`batch/1`).
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Derived: [`HEADER_ARRIVAL`].
    pub rid: Rid,
    /// Effective start of leaf 1, ms UTC.
    pub first: i64,
    /// Effective start of leaf k, ms UTC.
    pub last: i64,
    /// The code all records share, if they do.
    pub code: Option<String>,
    /// How many records, k.
    pub records: u32,
    /// `raw` or `daily`.
    pub granularity: String,
    /// Which device sealed it.
    pub device: Option<[u8; 16]>,
}

impl Header {
    /// The slots of `batch/1`.
    pub fn values(&self) -> Vec<Value> {
        let text = |text: &str| Value::Text(text.into());
        Vec::from([
            Value::Bytes(self.rid.into()),
            Value::Int(self.first),
            Value::Int(self.last),
            self.code.as_deref().map_or(Value::Null, text),
            Value::Int(i64::from(self.records)),
            Value::Array(Vec::from([
                text(&self.granularity),
                self.device
                    .map_or(Value::Null, |device| Value::Bytes(device.into())),
            ])),
        ])
    }

    /// Reads the slots of `batch/1`.
    ///
    /// # Errors
    ///
    /// `HEADER_MISMATCH`: not a header's slots.
    pub fn from_values(values: &[Value]) -> Result<Self, Rejection> {
        Self::parse(values).ok_or(Rejection::HeaderMismatch)
    }

    fn parse(values: &[Value]) -> Option<Self> {
        let [
            Value::Bytes(rid),
            Value::Int(first),
            Value::Int(last),
            code,
            Value::Int(records),
            Value::Array(source),
        ] = values
        else {
            return None;
        };
        let [Value::Text(granularity), device] = source.as_slice() else {
            return None;
        };
        Some(Self {
            rid: rid.as_slice().try_into().ok()?,
            first: *first,
            last: *last,
            code: match code {
                Value::Null => None,
                Value::Text(code) => Some(code.clone()),
                _ => return None,
            },
            records: u32::try_from(*records).ok()?,
            granularity: granularity.clone(),
            device: match device {
                Value::Null => None,
                Value::Bytes(device) => Some(device.as_slice().try_into().ok()?),
                _ => return None,
            },
        })
    }

    /// Checks the header against what it heads: the effective starts of leaves
    /// 1..=k in leaf order, and the tree size.
    ///
    /// # Errors
    ///
    /// `HEADER_MISMATCH`: another count, first or last start, order or size.
    pub fn check(&self, starts: &[i64], size: usize) -> Result<(), Rejection> {
        let heads = self.first >= 0
            && starts.first() == Some(&self.first)
            && starts.last() == Some(&self.last)
            && starts.is_sorted()
            && usize::try_from(self.records) == Ok(starts.len())
            && padded_size(starts.len()) == Some(size);
        if heads {
            Ok(())
        } else {
            Err(Rejection::HeaderMismatch)
        }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({} records)", self.records)
    }
}

/// A sealed batch: what was sealed where, and the tree that proves it.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// What leaf 0 says.
    pub header: Header,
    /// `order[i]` = which arrival is at leaf i + 1.
    pub order: Vec<usize>,
    /// Leaf data: header, records, fillers.
    pub leaves: Vec<Hash>,
    /// The tree over the leaves; its root is BR.
    pub tree: Tree,
}

impl Sealed {
    /// The batch root BR.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Which leaf holds arrival `arrival`.
    pub fn leaf_of(&self, arrival: usize) -> Option<usize> {
        let place = self.order.iter().position(|sealed| *sealed == arrival)?;
        place.checked_add(1)
    }
}

/// Seals 1 to 16,383 records, in whatever order they arrived.
///
/// # Errors
///
/// `LIMIT_EXCEEDED`: no record, or too many.
pub fn seal(
    key: &SaltKey,
    batch_id: &[u8; 16],
    code: Option<&str>,
    granularity: &str,
    device: Option<[u8; 16]>,
    records: &[Arrival],
) -> Result<Sealed, Rejection> {
    let size = padded_size(records.len()).ok_or(Rejection::LimitExceeded)?;
    let mut order: Vec<(i64, Rid, usize)> = records
        .iter()
        .enumerate()
        .map(|(arrival, record)| (record.start, record.rid, arrival))
        .collect();
    order.sort_unstable();
    let (Some((first, ..)), Some((last, ..))) = (order.first(), order.last()) else {
        return Err(Rejection::LimitExceeded);
    };
    let header = Header {
        rid: key.rid(HEADER_ARRIVAL),
        first: *first,
        last: *last,
        code: code.map(String::from),
        records: u32::try_from(records.len()).map_err(|_| Rejection::LimitExceeded)?,
        granularity: granularity.into(),
        device,
    };
    let order: Vec<usize> = order.into_iter().map(|(_, _, arrival)| arrival).collect();
    let hashes = order
        .iter()
        .filter_map(|arrival| records.get(*arrival))
        .map(|record| record.record_hash);
    let leaves = assemble(key, batch_id, header_hash(key, &header)?, hashes, size);
    Ok(Sealed {
        header,
        order,
        tree: Tree::of_leaves(&leaves),
        leaves,
    })
}

/// The leaf data of a batch whose header hash and record hashes (in leaf order) are known.
///
/// A reader of a sealed batch builds its tree from this and compares the root.
///
/// # Errors
///
/// `LIMIT_EXCEEDED`: no record, or too many.
pub fn leaves(
    key: &SaltKey,
    batch_id: &[u8; 16],
    header_hash: Hash,
    record_hashes: &[Hash],
) -> Result<Vec<Hash>, Rejection> {
    let size = padded_size(record_hashes.len()).ok_or(Rejection::LimitExceeded)?;
    let hashes = record_hashes.iter().copied();
    Ok(assemble(key, batch_id, header_hash, hashes, size))
}

/// The record hash of a header.
///
/// # Errors
///
/// None for a header; the type is that of every record hash.
pub fn header_hash(key: &SaltKey, header: &Header) -> Result<Hash, Rejection> {
    record_hash(
        Schema::BatchHeader,
        &key.seed(&header.rid),
        &header.values(),
    )
}

/// How many leaves a batch of `records` records has; None if there is no such batch.
pub fn padded_size(records: usize) -> Option<usize> {
    (1..=MAX_RECORDS)
        .contains(&records)
        .then(|| records.saturating_add(1).next_power_of_two().max(MIN_SIZE))
}

fn assemble(
    key: &SaltKey,
    batch_id: &[u8; 16],
    header_hash: Hash,
    record_hashes: impl Iterator<Item = Hash>,
    size: usize,
) -> Vec<Hash> {
    let mut leaves = Vec::with_capacity(size);
    leaves.push(header_hash);
    leaves.extend(record_hashes);
    while leaves.len() < size {
        let place = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
        leaves.push(key.filler(batch_id, place));
    }
    leaves
}

/// The largest k.
pub const MAX_RECORDS: usize = 16_383;
/// At how many records a batch is sealed unless asked earlier.
pub const DEFAULT_RECORDS: usize = 4_095;
const MIN_SIZE: usize = 8;

//! The completeness proof (`.vwc`): "11 of 12 shown".
//!
//! All entries of one channel up to entry K, and of each batch what its author
//! stated when sealing: period and count. So what was left out can be counted,
//! though nothing of it is shown. `docs/receipt-format.md` section 11.

mod proven;

pub use proven::{BatchFacts, By, CompletenessFacts, HeaderFacts, ShownRecord};

use crate::Rejection;
use crate::cbor::{self, Encoder, Reader};
use crate::hash::Hash;
use crate::keys::PublicKey;
use crate::merkle::Tree;
use crate::receipt;
use alloc::vec::Vec;
use core::fmt;

/// A completeness proof, its byte strings borrowed.
#[derive(Clone, PartialEq, Eq)]
pub struct Completeness<'a> {
    /// Key 1: from ms (inside) to ms (outside), UTC.
    pub period: (i64, i64),
    /// Key 2: the receipt of entry K of the channel, of no record.
    pub receipt: &'a [u8],
    /// Key 3: entries 1 to K - 1.
    pub entries: Vec<&'a [u8]>,
    /// Key 4: the owner key and those it enrolled.
    pub keys: Vec<PublicKey>,
    /// Key 5: the opened batches, by ascending seq.
    pub batches: Vec<OpenedBatch<'a>>,
    /// Key 6: a channel head and the log's line over it.
    pub head: Option<(&'a [u8], [u8; 68])>,
}

/// A batch whose header is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedBatch<'a> {
    /// Which entry of the channel, from 1.
    pub seq: u64,
    /// How many leaves the batch has.
    pub size: u64,
    /// The disclosure of its header.
    pub header: &'a [u8],
    /// The header's path.
    pub path: Vec<Hash>,
    /// Records by ascending leaf index.
    pub records: Vec<OpenedRecord<'a>>,
}

/// A record of which at least the start is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedRecord<'a> {
    /// Which leaf, from 1.
    pub index: u64,
    /// Its disclosure.
    pub disclosure: &'a [u8],
    /// Its path.
    pub path: Vec<Hash>,
}

impl<'a> OpenedBatch<'a> {
    /// Opens entry `seq`'s batch: the disclosures of its header, and of records by leaf index.
    ///
    /// None if a record is not in the tree.
    pub fn of_tree(
        seq: u64,
        tree: &Tree,
        header: &'a [u8],
        records: &[(usize, &'a [u8])],
    ) -> Option<Self> {
        let path = |leaf| Some(tree.path(leaf)?.copied().collect());
        let open = |(leaf, disclosure): &(usize, &'a [u8])| {
            Some(OpenedRecord {
                index: u64::try_from(*leaf).ok()?,
                disclosure,
                path: path(*leaf)?,
            })
        };
        Some(Self {
            seq,
            size: u64::try_from(tree.len()).ok()?,
            header,
            path: path(0)?,
            records: records.iter().map(open).collect::<Option<_>>()?,
        })
    }
}

impl<'a> Completeness<'a> {
    /// Reads the outer map; what its byte strings hold is read by
    /// [`Completeness::verify`].
    ///
    /// # Errors
    ///
    /// `LIMIT_EXCEEDED` above 16 MiB; then of the bytes `NON_CANONICAL`, `MALFORMED`,
    /// `LIMIT_EXCEEDED`; then `UNSUPPORTED_VERSION`; then of the shape `MALFORMED`, `LIMIT_EXCEEDED`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Rejection> {
        let (mut reader, pairs) = cbor::versioned(bytes, MAX_COMPLETENESS, VERSION)?;
        let (mut period, mut receipt, mut entries) = (None, None, None);
        let (mut keys, mut batches, mut head) = (Vec::new(), None, None);
        for _ in 0..pairs {
            match reader.int()? {
                1 => period = Some(self::period(&mut reader)?),
                2 => receipt = Some(reader.bytes()?),
                3 => entries = Some(self::entries(&mut reader)?),
                4 => keys = receipt::keys(&mut reader, MAX_KEYS)?,
                5 => batches = Some(self::batches(&mut reader)?),
                6 => {
                    reader.array_of(2)?;
                    head = Some((reader.bytes()?, reader.byte_array()?));
                }
                _ => return Err(Rejection::Malformed),
            }
        }
        match (period, receipt, entries, batches) {
            (Some(period), Some(receipt), Some(entries), Some(batches)) if !keys.is_empty() => {
                Ok(Self {
                    period,
                    receipt,
                    entries,
                    keys,
                    batches,
                    head,
                })
            }
            _ => Err(Rejection::Malformed),
        }
    }

    /// The proof's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.map(if self.head.is_some() { 7 } else { 6 });
        out.int(0).int(VERSION);
        out.int(1).array(2).int(self.period.0).int(self.period.1);
        out.int(2).bytes(self.receipt);
        out.int(3).array(self.entries.len());
        for entry in &self.entries {
            out.bytes(entry);
        }
        receipt::encode_keys(out.int(4), &self.keys);
        out.int(5).array(self.batches.len());
        for batch in &self.batches {
            out.array(5).uint(batch.seq).uint(batch.size);
            out.bytes(batch.header).bytes(batch.path.as_flattened());
            out.array(batch.records.len());
            for record in &batch.records {
                out.array(3).uint(record.index).bytes(record.disclosure);
                out.bytes(record.path.as_flattened());
            }
        }
        if let Some((head, line)) = &self.head {
            out.int(6).array(2).bytes(head).bytes(line);
        }
        out.finish()
    }
}

fn period(reader: &mut Reader<'_>) -> Result<(i64, i64), Rejection> {
    reader.array_of(2)?;
    let (from, to) = (reader.int()?, reader.int()?);
    if from < to {
        Ok((from, to))
    } else {
        Err(Rejection::Malformed)
    }
}

fn entries<'a>(reader: &mut Reader<'a>) -> Result<Vec<&'a [u8]>, Rejection> {
    let count = reader.array()?;
    if count > MAX_ENTRIES {
        return Err(Rejection::LimitExceeded);
    }
    (0..count).map(|_| reader.bytes()).collect()
}

fn batches<'a>(reader: &mut Reader<'a>) -> Result<Vec<OpenedBatch<'a>>, Rejection> {
    let mut batches: Vec<OpenedBatch<'a>> = Vec::new();
    for _ in 0..reader.array()? {
        reader.array_of(5)?;
        let seq = reader.uint()?;
        let before = batches.last().map_or(0, |before| before.seq);
        if seq <= before {
            return Err(Rejection::Malformed);
        }
        batches.push(OpenedBatch {
            seq,
            size: receipt::batch_size(reader)?,
            header: reader.bytes()?,
            path: receipt::path(reader)?.into(),
            records: records(reader)?,
        });
    }
    Ok(batches)
}

fn records<'a>(reader: &mut Reader<'a>) -> Result<Vec<OpenedRecord<'a>>, Rejection> {
    let mut records: Vec<OpenedRecord<'a>> = Vec::new();
    for _ in 0..reader.array()? {
        reader.array_of(3)?;
        let index = reader.uint()?;
        let before = records.last().map_or(0, |before| before.index);
        if index <= before {
            return Err(Rejection::Malformed);
        }
        records.push(OpenedRecord {
            index,
            disclosure: reader.bytes()?,
            path: receipt::path(reader)?.into(),
        });
    }
    Ok(records)
}

impl fmt::Debug for Completeness<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completeness")
            .field("period", &self.period)
            .field("entries", &self.entries.len())
            .field("batches", &self.batches)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OpenedBatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "OpenedBatch({}, {} records)",
            self.seq,
            self.records.len()
        )
    }
}

impl fmt::Debug for OpenedRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenedRecord({})", self.index)
    }
}

const VERSION: i64 = 1;
/// The longest completeness proof, in bytes.
pub const MAX_COMPLETENESS: usize = 16_777_216;
const MAX_ENTRIES: u64 = 65_536;
const MAX_KEYS: usize = 256;

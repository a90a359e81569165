//! Sealed batches: up to 16,383 records of one stream as the cloud and the phone's store keep them.
//!
//! Columns, then zstd, then padding, then AES-256-GCM under a key of the batch. The bytes are fixed
//! in `docs/sealed-batch.md` and pinned by `tests/vectors/sealed.json`.
//!
//! Pure: no I/O, no clock, no randomness. Invariant: no value leaves [`open`] before every record
//! hash and the batch root were recomputed and found to be those that are logged; AES-GCM alone
//! does not commit to its key.

mod bytes;
mod column;
mod frame;
mod opened;
mod plain;
mod series;

pub use opened::{Leaf, Opened, RecordRef};
pub use series::{Series, series};

use crate::Secret32;
use crate::stream::Granularity;
use plain::{Body, Keys, Origin, Row};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use vitalwitness_proof::batch::{self, Arrival};
use vitalwitness_proof::cbor::{self, Encoder, Reader, Value};
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::record::{
    HEADER_ARRIVAL, Rid, SaltKey, Schema, Seed, record_hash_of_encoded, verify_author,
};
use vitalwitness_proof::{Hash, Rejection};

/// Records that wait to be sealed. In order of arrival, or any other: the leaf order is the same.
pub struct Batch {
    /// Names the batch for good, 16 random bytes.
    pub id: [u8; 16],
    /// Channel of the stream.
    pub channel: [u8; 16],
    /// Id of the stream key it is sealed under.
    pub stream_key: [u8; 16],
    /// Gives rids, seeds and fillers; 32 random bytes of this batch alone.
    pub secret: Secret32,
    /// The code all records share, if they do.
    pub code: Option<String>,
    /// As measured, or one a day.
    pub granularity: Granularity,
    /// Which device seals it.
    pub device: Option<[u8; 16]>,
    /// 0 when sealed first.
    pub revision: u32,
    /// 1 to 16,383.
    pub items: Vec<Item>,
}

/// A record that waits to be sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// What its slots mean.
    pub schema: Schema,
    /// All slots; 0 is the rid (16 bytes), 1 the effective start (ms UTC).
    pub slots: Vec<Value>,
    /// Where rid and seed come from.
    pub source: RidSource,
    /// Who signed it, if not the owner.
    pub author: Option<Author>,
}

/// Where a record's rid and seed come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RidSource {
    /// Both derived from the batch secret; the rid from the order of arrival, from 0.
    Arrival(u32),
    /// The rid is random, the seed derived from it and the batch secret.
    Random,
    /// Both from another batch: a record signed by its author there and adopted here.
    Adopted(Seed),
}

/// Who signed a record hash: [`vitalwitness_proof::record::author_message`].
#[derive(Clone, PartialEq, Eq)]
pub struct Author {
    /// SPKI of a P-256 key.
    pub key: [u8; 91],
    /// r || s, low S.
    pub signature: [u8; 64],
}

/// What [`seal`] makes.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// To be stored and sent.
    pub bytes: Vec<u8>,
    /// BR, the batch root: what a BATCH entry records.
    pub root: Hash,
    /// n, the tree's size.
    pub leaves: u32,
    /// `order[i]` = which of the batch's items is at leaf i + 1.
    pub order: Vec<usize>,
    /// RC of leaf i + 1.
    pub record_hashes: Vec<Hash>,
}

/// Which batch is to be opened, from its manifest and its BATCH entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect {
    /// Channel of the BATCH entry.
    pub channel: [u8; 16],
    /// Id of the stream key.
    pub stream_key: [u8; 16],
    /// Its id.
    pub batch: [u8; 16],
    /// BR, as logged.
    pub root: Hash,
    /// n, a power of two from 8.
    pub leaves: u32,
}

/// Why a batch cannot be sealed. All are faults of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// None, or above 16,383; split it.
    #[error("a batch has 1 to 16,383 records")]
    Count,
    /// Not the schema's slots, or not encodable.
    #[error("the slots are not those of the schema")]
    Slots,
    /// The rid is not the one its arrival gives, or stands twice.
    #[error("a rid is not its own")]
    Rid,
    /// The author did not sign this record.
    #[error("an author did not sign")]
    Author,
    /// More than 16 MiB, or a record above 4 MiB; split it.
    #[error("too large for one batch")]
    TooLarge,
}

impl SealError {
    /// The same in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Count => "batch_count",
            Self::Slots => "batch_slots",
            Self::Rid => "batch_rid",
            Self::Author => "batch_author",
            Self::TooLarge => "batch_too_large",
        }
    }
}

/// Why sealed bytes give no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Made by a newer app; update, then open.
    #[error("the batch is of a newer version")]
    NewerVersion,
    /// The bytes are of another batch; fetch the right ones.
    #[error("the bytes are of another batch")]
    OtherBatch,
    /// Another stream key, channel, root or size, or changed bytes; which one cannot be told.
    #[error("the batch does not open with this key")]
    Key,
    /// Cut off, or sealed by a faulty app: decrypts, but is no batch.
    #[error("the batch is damaged")]
    Damaged,
    /// What it holds is not what was logged; show nothing, keep the bytes as evidence.
    #[error("the batch does not hold what was logged")]
    Mismatch,
    /// A record's author did not sign it; show nothing, keep the bytes as evidence.
    #[error("an author did not sign")]
    Author,
}

impl OpenError {
    /// The same in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NewerVersion => "sealed_newer",
            Self::OtherBatch => "sealed_other_batch",
            Self::Key => "sealed_key",
            Self::Damaged => "sealed_damaged",
            Self::Mismatch => "sealed_mismatch",
            Self::Author => "sealed_author",
        }
    }
}

/// Seals a batch under its stream key. `nonce` is random and never used twice with that key.
///
/// # Errors
///
/// See [`SealError`]; nothing is made that [`open`] would refuse.
pub fn seal(batch: &Batch, stream_key: &Secret32, nonce: [u8; 12]) -> Result<Sealed, SealError> {
    seal_items(batch, &[], stream_key, nonce)
}

/// A record that waits to be sealed as its store keeps it, hashed when it arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kept<'a> {
    /// What its slots mean.
    pub schema: Schema,
    /// All slots, encoded, one after another.
    pub slots: &'a [u8],
    /// Where rid and seed come from.
    pub source: RidSource,
    /// Its record hash.
    pub record_hash: Hash,
}

/// The name only.
impl fmt::Debug for Kept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

/// As [`seal`], of `kept` after the items of `batch`: their hashes are not computed again, nor is
/// their depth checked again.
///
/// # Errors
///
/// As [`seal`]. With other hashes than the slots' own, [`open`] refuses what this makes.
pub fn seal_kept(
    batch: &Batch,
    kept: &[Kept<'_>],
    stream_key: &Secret32,
    nonce: [u8; 12],
) -> Result<Sealed, SealError> {
    seal_items(batch, kept, stream_key, nonce)
}

fn seal_items(
    batch: &Batch,
    kept: &[Kept<'_>],
    stream_key: &Secret32,
    nonce: [u8; 12],
) -> Result<Sealed, SealError> {
    let key = SaltKey::derive(batch.secret.expose());
    let mut prepared = Vec::with_capacity(batch.items.len().saturating_add(kept.len()));
    for item in &batch.items {
        prepared.push(Prepared::of_item(item, &key)?);
    }
    for kept in kept {
        prepared.push(Prepared::of_kept(kept, &key)?);
    }
    let total = prepared.iter().fold(0_usize, |sum, item| {
        sum.saturating_add(item.slots.bytes.len())
    });
    if total > frame::MAX_PLAIN {
        return Err(SealError::TooLarge);
    }
    let arrivals: Vec<Arrival> = prepared.iter().map(|item| item.arrival).collect();
    let rids: HashSet<Rid> = arrivals.iter().map(|arrival| arrival.rid).collect();
    if rids.len() != arrivals.len() {
        return Err(SealError::Rid);
    }
    let sealed = batch::seal(
        &key,
        &batch.id,
        batch.code.as_deref(),
        batch.granularity.name(),
        batch.device,
        &arrivals,
    )
    .map_err(|_| SealError::Count)?;

    let mut rows = Vec::with_capacity(sealed.order.len());
    for at in &sealed.order {
        let item = prepared.get(*at).ok_or(SealError::Count)?;
        rows.push(Row::Record(plain::Record {
            schema: item.schema,
            rid: item.arrival.rid,
            // only a listed seed is written; the reader derives the others
            seed: match item.source {
                RidSource::Adopted(seed) => seed,
                RidSource::Arrival(_) | RidSource::Random => Seed::default(),
            },
            origin: match item.source {
                RidSource::Arrival(arrival) => Origin::Derived(arrival),
                RidSource::Random => Origin::Rid,
                RidSource::Adopted(_) => Origin::RidAndSeed,
            },
            author: item.author.cloned(),
        }));
    }
    let mut columns = vec![column::Column::default(); plain::widest(&rows).saturating_sub(1)];
    for at in &sealed.order {
        let item = prepared.get(*at).into_iter();
        let mut slots = item.flat_map(|item| item.slots.iter()).skip(1);
        for column in &mut columns {
            column.push(slots.next().unwrap_or_default());
        }
    }
    let body = Body {
        revision: batch.revision,
        keys: Keys::Secret(batch.secret.duplicate()),
        header: sealed.header.clone(),
        rows,
        columns,
    };
    let place = Expect {
        channel: batch.channel,
        stream_key: batch.stream_key,
        batch: batch.id,
        root: sealed.root(),
        leaves: u32::try_from(sealed.leaves.len()).map_err(|_| SealError::Count)?,
    };
    let records = sealed.order.len();
    Ok(Sealed {
        bytes: frame::close(&body.write(), stream_key, &place, nonce)?,
        root: place.root,
        leaves: place.leaves,
        record_hashes: sealed.leaves.get(1..=records).unwrap_or_default().to_vec(),
        order: sealed.order,
    })
}

/// Opens a batch and recomputes every hash of it.
///
/// Allocates no more than 16 MiB for what the bytes claim to hold.
///
/// # Errors
///
/// See [`OpenError`]; on any of them no value is given.
pub fn open(bytes: &[u8], stream_key: &Secret32, expect: &Expect) -> Result<Opened, OpenError> {
    let plain = frame::reveal(bytes, stream_key, expect)?;
    Opened::check(Body::read(&plain)?, *expect)
}

/// Reads plain bytes, decrypted and decompressed, as [`open`] does before it compares hashes: how
/// many leaves they claim. For those who fuzz or inspect; gives no value.
///
/// # Errors
///
/// `NewerVersion` or `Damaged`.
pub fn inspect_plain(plain: &[u8]) -> Result<usize, OpenError> {
    Body::read(plain).map(|body| body.rows.len())
}

impl RidSource {
    fn seed(&self, key: &SaltKey, rid: &Rid) -> Seed {
        match self {
            Self::Adopted(seed) => *seed,
            Self::Arrival(_) | Self::Random => key.seed(rid),
        }
    }
}

impl Author {
    /// Checks the signature over a record hash.
    ///
    /// # Errors
    ///
    /// `AUTHOR_SIGNATURE`: another key's, or no P-256 key.
    pub fn verify(&self, record_hash: &Hash) -> Result<(), Rejection> {
        let key = PublicKey::from_spki(&self.key).map_err(|_| Rejection::AuthorSignature)?;
        verify_author(&key, record_hash, &self.signature)
    }
}

/// The encoded slots of a record, one after another.
struct Slots<'a> {
    bytes: Cow<'a, [u8]>,
    ends: Vec<usize>,
}

impl<'a> Slots<'a> {
    fn of(values: &[Value]) -> Self {
        let mut encoder = Encoder::after(Vec::with_capacity(128));
        let ends = values.iter().map(|value| encoder.value(value).len());
        let ends = ends.collect();
        let bytes = Cow::Owned(encoder.finish());
        Self { bytes, ends }
    }

    fn read(bytes: &'a [u8], count: u16) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        let mut ends = Vec::with_capacity(usize::from(count));
        let mut end = 0_usize;
        for _ in 0..count {
            end = end.saturating_add(reader.item()?.len());
            ends.push(end);
        }
        reader.finish()?;
        let bytes = Cow::Borrowed(bytes);
        Ok(Self { bytes, ends })
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        let places = starts.zip(&self.ends);
        places.map(|(start, end)| self.bytes.get(*start..*end).unwrap_or_default())
    }
}

/// A record as the tree and the columns need it.
struct Prepared<'a> {
    schema: Schema,
    slots: Slots<'a>,
    source: RidSource,
    author: Option<&'a Author>,
    arrival: Arrival,
}

impl<'a> Prepared<'a> {
    fn of_item(item: &'a Item, key: &SaltKey) -> Result<Self, SealError> {
        let [Value::Bytes(rid), Value::Int(start), ..] = item.slots.as_slice() else {
            return Err(SealError::Slots);
        };
        let rid: Rid = rid.as_slice().try_into().map_err(|_| SealError::Slots)?;
        if item.slots.len() != usize::from(item.schema.slots()) {
            return Err(SealError::Slots);
        }
        check_kind(item.schema, item.source, &rid, key)?;
        let slots = Slots::of(&item.slots);
        if slots.bytes.len() > MAX_RECORD {
            return Err(SealError::TooLarge);
        }
        if !slots.iter().all(fits_a_disclosure) {
            return Err(SealError::Slots);
        }
        let seed = item.source.seed(key, &rid);
        let record_hash = record_hash_of_encoded(item.schema, &seed, slots.iter())
            .map_err(|_| SealError::Slots)?;
        if let Some(author) = &item.author {
            author.verify(&record_hash).map_err(|_| SealError::Author)?;
        }
        Ok(Self {
            schema: item.schema,
            slots,
            source: item.source,
            author: item.author.as_ref(),
            arrival: Arrival {
                start: *start,
                rid,
                record_hash,
            },
        })
    }

    fn of_kept(kept: &Kept<'a>, key: &SaltKey) -> Result<Self, SealError> {
        let mut reader = Reader::new(kept.slots);
        let rid: Rid = reader.byte_array().map_err(|_| SealError::Slots)?;
        let start = reader.int().map_err(|_| SealError::Slots)?;
        check_kind(kept.schema, kept.source, &rid, key)?;
        if kept.slots.len() > MAX_RECORD {
            return Err(SealError::TooLarge);
        }
        let slots = Slots::read(kept.slots, kept.schema.slots()).map_err(|_| SealError::Slots)?;
        Ok(Self {
            schema: kept.schema,
            slots,
            source: kept.source,
            author: None,
            arrival: Arrival {
                start,
                rid,
                record_hash: kept.record_hash,
            },
        })
    }
}

/// A header is no record, and a derived rid is that of its arrival.
fn check_kind(
    schema: Schema,
    source: RidSource,
    rid: &Rid,
    key: &SaltKey,
) -> Result<(), SealError> {
    if schema == Schema::BatchHeader {
        return Err(SealError::Slots);
    }
    match source {
        RidSource::Arrival(arrival) if arrival == HEADER_ARRIVAL || key.rid(arrival) != *rid => {
            Err(SealError::Rid)
        }
        _ => Ok(()),
    }
}

/// Whether a value is canonical, also as deep as a disclosure in a receipt puts it.
fn fits_a_disclosure(slot: &[u8]) -> bool {
    const ARRAY_OF_ONE: u8 = 0x81;
    let nested = [&[ARRAY_OF_ONE; RECEIPT_LEVELS], slot].concat();
    cbor::check(&nested).is_ok()
}

macro_rules! shown_by_name {
    ($($name:ident)*) => {$(
        /// The name only: what it holds is health data or a secret.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

shown_by_name!(Batch Item RidSource Author Sealed);

/// Encoded bytes of a record.
const MAX_RECORD: usize = 4 << 20;
/// Receipt, disclosure, its values.
const RECEIPT_LEVELS: usize = 3;

#[cfg(test)]
mod tests;

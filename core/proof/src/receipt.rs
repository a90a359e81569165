//! The native receipt (`.vwr`): a CBOR map that proves one record or event.
//!
//! Reading checks limits and shape, nothing more; [`verify`](crate::verify)
//! says what a receipt proves.

use crate::Rejection;
use crate::cbor::{self, Encoder, Reader};
use crate::checkpoint::{MAX_LINES, MIN_BLOB, check_distinct, is_name};
use crate::entry::MAX_ENTRY;
use crate::hash::Hash;
use crate::keys::{PublicKey, Signature};
use crate::record::Disclosure;
use alloc::vec::Vec;
use core::fmt;

/// A receipt, borrowed from its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt<'a> {
    /// Keys 1 and 2: the record and its place in the batch; None for an event's receipt.
    pub record: Option<Record<'a>>,
    /// Key 3: the entry.
    pub entry: &'a [u8],
    /// Key 4: its place in the log.
    pub log: LogPlace<'a>,
    /// Key 5: who signed the checkpoint: name, key id and signature.
    pub lines: Vec<(&'a str, &'a [u8])>,
    /// Key 6: type and bytes.
    pub anchors: Vec<(u64, &'a [u8])>,
    /// Key 7: the record shown, one encoded item.
    pub disclosure: Option<&'a [u8]>,
    /// Key 8: keys for the reader's convenience; they prove ids, not persons.
    pub keys: Vec<PublicKey>,
    /// Key 9: the record's author, when not the owner.
    pub author: Option<(PublicKey, Signature)>,
    /// Key 10: the ENROL event of the entry's signer, and the owner's signature over it.
    pub enrolment: Option<(&'a [u8], Signature)>,
}

/// A record's place in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// RC.
    pub record_hash: Hash,
    /// How many leaves the batch has.
    pub size: u64,
    /// Which of them.
    pub index: u64,
    /// Siblings from leaf to root.
    pub path: &'a [Hash],
}

/// An entry's place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace<'a> {
    /// The log.
    pub origin: &'a str,
    /// How many entries the checkpoint covers.
    pub size: u64,
    /// Which of them.
    pub index: u64,
    /// Siblings from leaf to root.
    pub path: &'a [Hash],
}

impl<'a> Receipt<'a> {
    /// Reads a receipt.
    ///
    /// # Errors
    ///
    /// `LIMIT_EXCEEDED` above 64 KiB; then of the bytes `NON_CANONICAL`, `MALFORMED`,
    /// `LIMIT_EXCEEDED`; then `UNSUPPORTED_VERSION`; then of the shape `MALFORMED`, `LIMIT_EXCEEDED`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Rejection> {
        let (mut reader, pairs) = cbor::versioned(bytes, MAX_RECEIPT, VERSION)?;
        let mut parts = Parts::default();
        for _ in 0..pairs {
            parts.read_pair(&mut reader)?;
        }
        parts.assemble()
    }

    /// The receipt's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let optional = [
            !self.anchors.is_empty(),
            self.disclosure.is_some(),
            !self.keys.is_empty(),
            self.author.is_some(),
            self.enrolment.is_some(),
        ];
        let pairs = optional.iter().filter(|there| **there).count();
        let of_record = if self.record.is_some() { 2 } else { 0 };
        let mut out = Encoder::after(Vec::with_capacity(2048));
        out.map(pairs.saturating_add(of_record).saturating_add(4));
        out.int(0).int(VERSION);
        if let Some(record) = &self.record {
            out.int(1).bytes(&record.record_hash);
            out.int(2).array(3).uint(record.size).uint(record.index);
            out.bytes(record.path.as_flattened());
        }
        out.int(3).bytes(self.entry);
        out.int(4).array(4).text(self.log.origin);
        out.uint(self.log.size).uint(self.log.index);
        out.bytes(self.log.path.as_flattened());
        encode_lines(out.int(5), &self.lines);
        if !self.anchors.is_empty() {
            encode_anchors(out.int(6), &self.anchors);
        }
        if let Some(disclosure) = self.disclosure {
            out.int(7).raw(disclosure);
        }
        if !self.keys.is_empty() {
            encode_keys(out.int(8), &self.keys);
        }
        if let Some(author) = &self.author {
            encode_author(out.int(9), author);
        }
        if let Some(enrolment) = &self.enrolment {
            encode_enrolment(out.int(10), enrolment);
        }
        out.finish()
    }
}

impl fmt::Debug for Receipt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("record", &self.record.is_some())
            .field("origin", &self.log.origin)
            .field("index", &self.log.index)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Parts<'a> {
    record_hash: Option<Hash>,
    batch: Option<(u64, u64, &'a [Hash])>,
    entry: Option<&'a [u8]>,
    log: Option<LogPlace<'a>>,
    lines: Vec<(&'a str, &'a [u8])>,
    anchors: Vec<(u64, &'a [u8])>,
    disclosure: Option<&'a [u8]>,
    keys: Vec<PublicKey>,
    author: Option<(PublicKey, Signature)>,
    enrolment: Option<(&'a [u8], Signature)>,
}

impl<'a> Parts<'a> {
    fn read_pair(&mut self, reader: &mut Reader<'a>) -> Result<(), Rejection> {
        match reader.int()? {
            1 => self.record_hash = Some(reader.byte_array()?),
            2 => self.batch = Some(batch(reader)?),
            3 => self.entry = Some(entry(reader)?),
            4 => self.log = Some(log_place(reader)?),
            5 => self.lines = lines(reader)?,
            6 => self.anchors = anchors(reader)?,
            7 => {
                let disclosure = reader.item()?;
                Disclosure::check_shape(disclosure)?;
                self.disclosure = Some(disclosure);
            }
            8 => self.keys = keys(reader, MAX_KEYS)?,
            9 => self.author = Some(author(reader)?),
            10 => self.enrolment = Some(enrolment(reader)?),
            _ => return Err(Rejection::Malformed),
        }
        Ok(())
    }

    fn assemble(self) -> Result<Receipt<'a>, Rejection> {
        let record = match (self.record_hash, self.batch) {
            (Some(record_hash), Some((size, index, path))) => Some(Record {
                record_hash,
                size,
                index,
                path,
            }),
            (None, None) if self.disclosure.is_none() && self.author.is_none() => None,
            _ => return Err(Rejection::Malformed),
        };
        let (Some(entry), Some(log)) = (self.entry, self.log) else {
            return Err(Rejection::Malformed);
        };
        if self.lines.is_empty() {
            return Err(Rejection::Malformed);
        }
        Ok(Receipt {
            record,
            entry,
            log,
            lines: self.lines,
            anchors: self.anchors,
            disclosure: self.disclosure,
            keys: self.keys,
            author: self.author,
            enrolment: self.enrolment,
        })
    }
}

fn batch<'a>(reader: &mut Reader<'a>) -> Result<(u64, u64, &'a [Hash]), Rejection> {
    reader.array_of(3)?;
    Ok((batch_size(reader)?, reader.uint()?, path(reader)?))
}

pub(crate) fn batch_size(reader: &mut Reader<'_>) -> Result<u64, Rejection> {
    let size = reader.uint()?;
    if size.is_power_of_two() && BATCH_SIZES.contains(&size) {
        Ok(size)
    } else {
        Err(Rejection::Malformed)
    }
}

/// Origin and size of a log.
pub(crate) fn log_size<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, u64), Rejection> {
    let origin = reader.text()?;
    if !is_name(origin) {
        return Err(Rejection::Malformed);
    }
    let size = reader.uint()?;
    if size < 2 {
        return Err(Rejection::Malformed);
    }
    Ok((origin, size))
}

pub(crate) fn lines<'a>(reader: &mut Reader<'a>) -> Result<Vec<(&'a str, &'a [u8])>, Rejection> {
    let mut lines = Vec::new();
    for _ in 0..some_of(reader, MAX_LINES)? {
        reader.array_of(2)?;
        let (name, blob) = (reader.text()?, reader.bytes()?);
        if !is_name(name) || blob.len() < MIN_BLOB {
            return Err(Rejection::Malformed);
        }
        lines.push((name, blob));
    }
    check_distinct(lines.iter().copied())?;
    Ok(lines)
}

pub(crate) fn anchors<'a>(reader: &mut Reader<'a>) -> Result<Vec<(u64, &'a [u8])>, Rejection> {
    let mut anchors = Vec::new();
    for _ in 0..some_of(reader, MAX_ANCHORS)? {
        reader.array_of(2)?;
        anchors.push((reader.uint()?, reader.bytes()?));
    }
    Ok(anchors)
}

pub(crate) fn keys(reader: &mut Reader<'_>, most: usize) -> Result<Vec<PublicKey>, Rejection> {
    let mut keys = Vec::new();
    for _ in 0..some_of(reader, most)? {
        keys.push(PublicKey::from_spki(reader.bytes()?)?);
    }
    Ok(keys)
}

pub(crate) fn author(reader: &mut Reader<'_>) -> Result<(PublicKey, Signature), Rejection> {
    reader.array_of(2)?;
    let key = PublicKey::from_spki(reader.bytes()?)?;
    if !matches!(key, PublicKey::P256(_)) {
        return Err(Rejection::Malformed);
    }
    Ok((key, reader.byte_array()?))
}

pub(crate) fn enrolment<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], Signature), Rejection> {
    reader.array_of(2)?;
    Ok((reader.bytes()?, reader.byte_array()?))
}

pub(crate) fn entry<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Rejection> {
    let entry = reader.bytes()?;
    if entry.len() > MAX_ENTRY {
        return Err(Rejection::LimitExceeded);
    }
    Ok(entry)
}

fn log_place<'a>(reader: &mut Reader<'a>) -> Result<LogPlace<'a>, Rejection> {
    reader.array_of(4)?;
    let (origin, size) = log_size(reader)?;
    Ok(LogPlace {
        origin,
        size,
        index: reader.uint()?,
        path: path(reader)?,
    })
}

pub(crate) fn path<'a>(reader: &mut Reader<'a>) -> Result<&'a [Hash], Rejection> {
    let (nodes, rest) = reader.bytes()?.as_chunks::<32>();
    let over = nodes.len() > MAX_PATH || (nodes.len() == MAX_PATH && !rest.is_empty());
    if over {
        Err(Rejection::LimitExceeded)
    } else if rest.is_empty() {
        Ok(nodes)
    } else {
        Err(Rejection::Malformed)
    }
}

pub(crate) fn encode_lines(out: &mut Encoder, lines: &[(&str, &[u8])]) {
    out.array(lines.len());
    for (name, blob) in lines {
        out.array(2).text(name).bytes(blob);
    }
}

pub(crate) fn encode_anchors(out: &mut Encoder, anchors: &[(u64, &[u8])]) {
    out.array(anchors.len());
    for (kind, body) in anchors {
        out.array(2).uint(*kind).bytes(body);
    }
}

pub(crate) fn encode_keys(out: &mut Encoder, keys: &[PublicKey]) {
    out.array(keys.len());
    for key in keys {
        out.bytes(&key.to_spki());
    }
}

pub(crate) fn encode_author(out: &mut Encoder, (key, signature): &(PublicKey, Signature)) {
    out.array(2).bytes(&key.to_spki()).bytes(signature);
}

pub(crate) fn encode_enrolment(out: &mut Encoder, (event, signature): &(&[u8], Signature)) {
    out.array(2).bytes(event).bytes(signature);
}

/// The head of an array of 1 to `most` items.
pub(crate) fn some_of(reader: &mut Reader<'_>, most: usize) -> Result<u64, Rejection> {
    match reader.array()? {
        0 => Err(Rejection::Malformed),
        count if usize::try_from(count).is_ok_and(|count| count <= most) => Ok(count),
        _ => Err(Rejection::LimitExceeded),
    }
}

const VERSION: i64 = 1;
const BATCH_SIZES: core::ops::RangeInclusive<u64> = 8..=16_384;
/// The longest receipt, and disclosure, in bytes.
pub const MAX_RECEIPT: usize = 65_536;
const MAX_PATH: usize = 64;
pub(crate) const MAX_ANCHORS: usize = 8;
const MAX_KEYS: usize = 4;

//! The bundle (`.vwb`): many records of one log under one checkpoint, in one file.
//!
//! What its receipts would say, with all they share written once. Reading
//! checks limits and shape; [`Bundle::verify`] says what the bundle proves.
//! `docs/receipt-format.md` section 12.

mod make;
mod proven;

pub use proven::{At, BundleFacts, EntryRecords, RecordFacts, Refused};

use crate::Rejection;
use crate::cbor::{self, Encoder, Reader};
use crate::hash::Hash;
use crate::keys::{PublicKey, Signature};
use crate::receipt::{self, MAX_RECEIPT, some_of};
use alloc::vec::Vec;
use core::fmt;

/// A bundle, borrowed from its bytes or from the receipts it is made of.
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle<'a> {
    /// Key 1: batches by ascending log index, each once.
    pub entries: Vec<BundleEntry<'a>>,
    /// Key 2: the log.
    pub origin: &'a str,
    /// Key 2: how many entries the checkpoint covers.
    pub size: u64,
    /// Key 2: the shared path of the entries in the log.
    pub nodes: Vec<Hash>,
    /// Key 3: who signed the checkpoint: name, key id and signature.
    pub lines: Vec<(&'a str, &'a [u8])>,
    /// Key 4: type and bytes.
    pub anchors: Vec<(u64, &'a [u8])>,
    /// Key 5: keys for the reader's convenience; they prove ids, not persons.
    pub keys: Vec<PublicKey>,
    /// Key 6: ENROL events and the owners' signatures over them, in order of first use.
    pub enrolments: Vec<(&'a [u8], Signature)>,
}

/// A batch's entry and some of the batch's records.
#[derive(Clone, PartialEq, Eq)]
pub struct BundleEntry<'a> {
    /// The entry.
    pub entry: &'a [u8],
    /// Which entry of the log.
    pub index: u64,
    /// How many leaves the batch has.
    pub size: u64,
    /// The shared path of the records in the batch.
    pub nodes: Vec<Hash>,
    /// Records by ascending leaf index, each once.
    pub records: Vec<BundleRecord<'a>>,
    /// Which of the bundle's ENROLs is of the entry's signer.
    pub enrolment: Option<usize>,
}

/// A record and what is shown of it.
#[derive(Clone, PartialEq, Eq)]
pub struct BundleRecord<'a> {
    /// Which leaf of the batch.
    pub index: u64,
    /// RC.
    pub record_hash: Hash,
    /// The record shown, encoded.
    pub disclosure: Option<&'a [u8]>,
    /// The record's author, when not the owner.
    pub author: Option<(PublicKey, Signature)>,
}

impl<'a> Bundle<'a> {
    /// Reads a bundle.
    ///
    /// # Errors
    ///
    /// `LIMIT_EXCEEDED` above 16 MiB; then of the bytes `NON_CANONICAL`, `MALFORMED`,
    /// `LIMIT_EXCEEDED`; then `UNSUPPORTED_VERSION`; then of the shape `MALFORMED`, `LIMIT_EXCEEDED`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Rejection> {
        let (mut reader, pairs) = cbor::versioned(bytes, MAX_BUNDLE, VERSION)?;
        let mut bundle = Self {
            entries: Vec::new(),
            origin: "",
            size: 0,
            nodes: Vec::new(),
            lines: Vec::new(),
            anchors: Vec::new(),
            keys: Vec::new(),
            enrolments: Vec::new(),
        };
        for _ in 0..pairs {
            bundle.read_pair(&mut reader)?;
        }
        // lists are not empty where they are there, and no origin is empty
        let whole = !bundle.entries.is_empty() && bundle.size > 0 && !bundle.lines.is_empty();
        if whole && bundle.uses_its_enrolments() {
            Ok(bundle)
        } else {
            Err(Rejection::Malformed)
        }
    }

    /// The bundle's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let optional = [
            !self.anchors.is_empty(),
            !self.keys.is_empty(),
            !self.enrolments.is_empty(),
        ];
        let pairs = optional.iter().filter(|there| **there).count();
        let mut out = Encoder::new();
        out.map(pairs.saturating_add(4));
        out.int(0).int(VERSION);
        out.int(1).array(self.entries.len());
        for entry in &self.entries {
            entry.encode(&mut out);
        }
        out.int(2).array(3).text(self.origin).uint(self.size);
        out.bytes(self.nodes.as_flattened());
        receipt::encode_lines(out.int(3), &self.lines);
        if !self.anchors.is_empty() {
            receipt::encode_anchors(out.int(4), &self.anchors);
        }
        if !self.keys.is_empty() {
            receipt::encode_keys(out.int(5), &self.keys);
        }
        if !self.enrolments.is_empty() {
            out.int(6).array(self.enrolments.len());
            for enrolment in &self.enrolments {
                receipt::encode_enrolment(&mut out, enrolment);
            }
        }
        out.finish()
    }

    fn read_pair(&mut self, reader: &mut Reader<'a>) -> Result<(), Rejection> {
        match reader.int()? {
            1 => {
                let mut records = 0_usize;
                for _ in 0..some_of(reader, MAX_ENTRIES)? {
                    let entry = BundleEntry::read(reader, &mut records)?;
                    let before = self.entries.last();
                    if before.is_some_and(|before| before.index >= entry.index) {
                        return Err(Rejection::Malformed);
                    }
                    self.entries.push(entry);
                }
            }
            2 => {
                reader.array_of(3)?;
                (self.origin, self.size) = receipt::log_size(reader)?;
                self.nodes = nodes(reader)?;
            }
            3 => self.lines = receipt::lines(reader)?,
            4 => self.anchors = receipt::anchors(reader)?,
            5 => self.keys = receipt::keys(reader, MAX_KEYS)?,
            6 => {
                for _ in 0..some_of(reader, MAX_ENROLMENTS)? {
                    self.enrolments.push(receipt::enrolment(reader)?);
                }
            }
            _ => return Err(Rejection::Malformed),
        }
        Ok(())
    }

    /// Whether the ENROLs are numbered by first use, and each is used.
    fn uses_its_enrolments(&self) -> bool {
        let mut used = 0_usize;
        for number in self.entries.iter().filter_map(|entry| entry.enrolment) {
            if number > used {
                return false;
            }
            used = used.max(number.saturating_add(1));
        }
        used == self.enrolments.len()
    }
}

impl<'a> BundleEntry<'a> {
    fn read(reader: &mut Reader<'a>, records: &mut usize) -> Result<Self, Rejection> {
        reader.array_of(6)?;
        let mut entry = Self {
            entry: receipt::entry(reader)?,
            index: reader.uint()?,
            size: receipt::batch_size(reader)?,
            nodes: nodes(reader)?,
            records: Vec::new(),
            enrolment: None,
        };
        let left = MAX_RECORDS.saturating_sub(*records);
        for _ in 0..some_of(reader, left)? {
            let record = BundleRecord::read(reader)?;
            let before = entry.records.last();
            if before.is_some_and(|before| before.index >= record.index) {
                return Err(Rejection::Malformed);
            }
            entry.records.push(record);
        }
        *records = records.saturating_add(entry.records.len());
        if !reader.take_null() {
            let number = usize::try_from(reader.uint()?).map_err(|_| Rejection::Malformed)?;
            entry.enrolment = Some(number);
        }
        Ok(entry)
    }

    fn encode(&self, out: &mut Encoder) {
        out.array(6).bytes(self.entry).uint(self.index);
        out.uint(self.size).bytes(self.nodes.as_flattened());
        out.array(self.records.len());
        for record in &self.records {
            out.array(4).uint(record.index).bytes(&record.record_hash);
            out.optional_bytes(record.disclosure);
            match &record.author {
                Some(author) => receipt::encode_author(out, author),
                None => {
                    out.null();
                }
            }
        }
        match self.enrolment.and_then(|number| u64::try_from(number).ok()) {
            Some(number) => out.uint(number),
            None => out.null(),
        };
    }
}

impl<'a> BundleRecord<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Rejection> {
        reader.array_of(4)?;
        let (index, record_hash) = (reader.uint()?, reader.byte_array()?);
        let disclosure = if reader.take_null() {
            None
        } else {
            Some(reader.bytes()?)
        };
        if disclosure.is_some_and(|disclosure| disclosure.len() > MAX_RECEIPT) {
            return Err(Rejection::LimitExceeded);
        }
        let author = if reader.take_null() {
            None
        } else {
            Some(receipt::author(reader)?)
        };
        Ok(Self {
            index,
            record_hash,
            disclosure,
            author,
        })
    }
}

fn nodes(reader: &mut Reader<'_>) -> Result<Vec<Hash>, Rejection> {
    match reader.bytes()?.as_chunks::<32>() {
        (nodes, []) => Ok(nodes.into()),
        _ => Err(Rejection::Malformed),
    }
}

impl fmt::Debug for Bundle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bundle")
            .field("origin", &self.origin)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for BundleEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "BundleEntry({}, {} records)",
            self.index,
            self.records.len()
        )
    }
}

impl fmt::Debug for BundleRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BundleRecord({})", self.index)
    }
}

const VERSION: i64 = 1;
/// The longest bundle, in bytes.
pub const MAX_BUNDLE: usize = 16_777_216;
const MAX_ENTRIES: usize = 4_096;
const MAX_RECORDS: usize = 65_536;
const MAX_KEYS: usize = 256;
const MAX_ENROLMENTS: usize = 256;

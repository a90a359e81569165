//! The small sealed header of a batch: what the vault must know without opening it.

use crate::summary::DaySums;
use std::fmt;
use std::sync::Arc;
use vitalwitness_domain::Secret32;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use zeroize::Zeroizing;

/// What a batch says about one record that another replaces or takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Correction {
    /// The record that no longer stands.
    pub target: Hash,
    /// The record that says so.
    pub by: Hash,
    /// Taken back, not replaced.
    pub void: bool,
}

/// What only an open or frozen batch has.
#[derive(Clone)]
pub(crate) struct Opening {
    pub(crate) secret: Arc<Secret32>,
    /// Fixed with the batch, so that sealing it again gives the same bytes.
    pub(crate) nonce: [u8; 12],
    /// How many records have arrived, with those that were erased since.
    pub(crate) arrivals: u32,
    /// How many parts there are.
    pub(crate) parts: u16,
    /// Bytes of all parts.
    pub(crate) bytes: u64,
    /// When its first record arrived, by this device's clock.
    pub(crate) opened_ms: i64,
}

/// What only a sealed batch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedAs {
    /// BR.
    pub root: Hash,
    /// Leaves of the tree.
    pub leaves: u32,
    /// From 0; one more with each erasure.
    pub revision: u32,
    /// Bytes as uploaded.
    pub bytes: u64,
}

/// Who sealed a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealer {
    /// This device.
    Own,
    /// Another device of the account.
    Device,
    /// A grantee with append.
    Grantee,
}

/// The header of a batch.
#[derive(Clone)]
pub struct Header {
    /// The batch's id.
    pub id: Id,
    /// Id of its stream key.
    pub stream_key: Id,
    /// How many records stand in it.
    pub count: u32,
    /// Earliest effective start, ms UTC.
    pub first_ms: i64,
    /// Latest effective start, ms UTC.
    pub last_ms: i64,
    /// Typed by hand: it goes up before series.
    pub manual: bool,
    /// Who sealed it.
    pub sealer: Sealer,
    /// Once sealed.
    pub sealed: Option<SealedAs>,
    pub(crate) opening: Option<Opening>,
    pub(crate) corrections: Vec<Correction>,
    pub(crate) days: DaySums,
}

impl Header {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new();
        out.array(12).int(VERSION).bytes(&self.id);
        out.bytes(&self.stream_key).uint(u64::from(self.count));
        out.int(self.first_ms).int(self.last_ms).bool(self.manual);
        out.int(match self.sealer {
            Sealer::Own => 0,
            Sealer::Device => 1,
            Sealer::Grantee => 2,
        });
        match &self.opening {
            None => out.null(),
            Some(opening) => out
                .array(6)
                .bytes(opening.secret.expose())
                .bytes(&opening.nonce)
                .uint(u64::from(opening.arrivals))
                .uint(u64::from(opening.parts))
                .uint(opening.bytes)
                .int(opening.opened_ms),
        };
        match &self.sealed {
            None => out.null(),
            Some(sealed) => out
                .array(4)
                .bytes(&sealed.root)
                .uint(u64::from(sealed.leaves))
                .uint(u64::from(sealed.revision))
                .uint(sealed.bytes),
        };
        out.array(self.corrections.len());
        for correction in &self.corrections {
            out.array(3).bytes(&correction.target);
            out.bytes(&correction.by).bool(correction.void);
        }
        self.days.encode(&mut out);
        Zeroizing::new(out.finish())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(12)?;
        if reader.int()? != VERSION {
            return Err(Rejection::UnsupportedVersion);
        }
        let mut header = Self {
            id: reader.byte_array()?,
            stream_key: reader.byte_array()?,
            count: small(reader.uint()?)?,
            first_ms: reader.int()?,
            last_ms: reader.int()?,
            manual: bool_of(&mut reader)?,
            sealer: match reader.int()? {
                0 => Sealer::Own,
                1 => Sealer::Device,
                2 => Sealer::Grantee,
                _ => return Err(Rejection::Malformed),
            },
            sealed: None,
            opening: None,
            corrections: Vec::new(),
            days: DaySums::default(),
        };
        if !reader.take_null() {
            reader.array_of(6)?;
            header.opening = Some(Opening {
                secret: Arc::new(Secret32::new(reader.byte_array()?)),
                nonce: reader.byte_array()?,
                arrivals: small(reader.uint()?)?,
                parts: u16::try_from(reader.uint()?).map_err(|_| Rejection::Malformed)?,
                bytes: reader.uint()?,
                opened_ms: reader.int()?,
            });
        }
        if !reader.take_null() {
            reader.array_of(4)?;
            header.sealed = Some(SealedAs {
                root: reader.byte_array()?,
                leaves: small(reader.uint()?)?,
                revision: small(reader.uint()?)?,
                bytes: reader.uint()?,
            });
        }
        for _ in 0..reader.array()? {
            reader.array_of(3)?;
            header.corrections.push(Correction {
                target: reader.byte_array()?,
                by: reader.byte_array()?,
                void: bool_of(&mut reader)?,
            });
        }
        header.days = DaySums::decode(&mut reader)?;
        reader.finish()?;
        Ok(header)
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({} records)", self.count)
    }
}

pub(crate) fn small(number: u64) -> Result<u32, Rejection> {
    u32::try_from(number).map_err(|_| Rejection::Malformed)
}

pub(crate) fn bool_of(reader: &mut Reader<'_>) -> Result<bool, Rejection> {
    match reader.value()? {
        vitalwitness_proof::cbor::Value::Bool(value) => Ok(value),
        _ => Err(Rejection::Malformed),
    }
}

const VERSION: i64 = 1;

//! Events, the entries the log makes of them, and heads of channels.
//!
//! An event says who did what in which channel; its actor signs it. The log
//! numbers it within the channel and chains it to the entry before.

use crate::Rejection;
use crate::cbor::{self, Encoder, Reader};
use crate::checkpoint::is_name;
use crate::hash::{Hash, sha256};
use crate::keys::{Id, PublicKey, Signature, id_of};
use crate::merkle;
use alloc::string::String;
use alloc::vec::Vec;

/// 16 bytes: category, then 15 random ones; zeros for the directory.
pub type Channel = [u8; 16];

/// What happened; fixes what `recordhash` is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EventType {
    /// The log begins. H(log policy).
    Genesis,
    /// A key belongs to the channel. H(SPKI); in the directory H(certificate).
    Enrol,
    /// Records were sealed. Batch root.
    Batch,
    /// A grantee asks. H("vwQ1" || salt || enc(scope)).
    Request,
    /// The owner allows. H(grant document).
    Grant,
    /// The owner refuses. That of the REQUEST.
    Deny,
    /// A grant or a key ends. That of the GRANT or ENROL.
    Revoke,
    /// Batches were delivered. RFC 9162 root over their roots.
    Access,
    /// Break-glass. As REQUEST, with reason.
    Emergency,
}

impl EventType {
    /// Every type, by number.
    pub const ALL: [EventType; 9] = [
        EventType::Genesis,
        EventType::Enrol,
        EventType::Batch,
        EventType::Request,
        EventType::Grant,
        EventType::Deny,
        EventType::Revoke,
        EventType::Access,
        EventType::Emergency,
    ];

    /// Its number in the signed bytes.
    pub const fn number(self) -> u8 {
        match self {
            EventType::Genesis => 0,
            EventType::Enrol => 1,
            EventType::Batch => 2,
            EventType::Request => 3,
            EventType::Grant => 4,
            EventType::Deny => 5,
            EventType::Revoke => 6,
            EventType::Access => 7,
            EventType::Emergency => 8,
        }
    }

    /// The type of that number; None if unknown.
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

/// What a key enrolled by the owner may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// BATCH.
    Device,
    /// GRANT, DENY, REVOKE; its use needs the owner's presence.
    Grant,
    /// GRANT, DENY, REVOKE, on the owner's behalf.
    Delegate,
}

impl Purpose {
    /// Its number in the signed bytes.
    pub const fn number(self) -> u8 {
        match self {
            Purpose::Device => 1,
            Purpose::Grant => 2,
            Purpose::Delegate => 3,
        }
    }

    /// The purpose of that number; None if unknown.
    pub fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Purpose::Device),
            2 => Some(Purpose::Grant),
            3 => Some(Purpose::Delegate),
            _ => None,
        }
    }

    /// Whether a key of this purpose may sign events of type `kind`.
    pub fn may_sign(self, kind: EventType) -> bool {
        match self {
            Purpose::Device => kind == EventType::Batch,
            Purpose::Grant | Purpose::Delegate => {
                matches!(kind, EventType::Grant | EventType::Deny | EventType::Revoke)
            }
        }
    }
}

/// The paper's tuple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventType,
    /// Where.
    pub channel: Channel,
    /// The id of the channel's owner key; in the directory, of who is enrolled, or the log.
    pub owner: Id,
    /// The id of the grantee.
    pub receiver: Option<Id>,
    /// The hash of what `kind` says.
    pub recordhash: Hash,
    /// When, ms UTC, as its author claims. Not negative.
    pub time: i64,
    /// A salted commitment to where.
    pub location: Option<Hash>,
    /// Until when, ms UTC. Not negative.
    pub expiry: Option<i64>,
    /// ENROL of a key other than the owner's: what that key may sign.
    pub purpose: Option<Purpose>,
}

impl Event {
    /// The signed bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::after(Vec::with_capacity(160));
        out.array(if self.purpose.is_some() { 10 } else { 9 })
            .int(VERSION)
            .int(i64::from(self.kind.number()))
            .bytes(&self.channel)
            .bytes(&self.owner)
            .optional_bytes(self.receiver.as_ref().map(AsRef::as_ref))
            .bytes(&self.recordhash)
            .int(self.time)
            .optional_bytes(self.location.as_ref().map(AsRef::as_ref));
        match self.expiry {
            Some(expiry) => out.int(expiry),
            None => out.null(),
        };
        if let Some(purpose) = self.purpose {
            out.int(i64::from(purpose.number()));
        }
        out.finish()
    }

    /// Reads the signed bytes.
    ///
    /// # Errors
    ///
    /// `MALFORMED`, `NON_CANONICAL`, `LIMIT_EXCEEDED`, `UNSUPPORTED_VERSION`. A purpose
    /// is `MALFORMED` unless it is 1, 2 or 3 in an ENROL of a key other than the
    /// owner's, outside the directory.
    pub fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        cbor::check(bytes)?;
        let mut reader = Reader::new(bytes);
        let length = reader.array()?;
        if reader.int()? != VERSION {
            return Err(Rejection::UnsupportedVersion);
        }
        if !(9..=10).contains(&length) {
            return Err(Rejection::Malformed);
        }
        let kind = EventType::from_number(reader.uint()?).ok_or(Rejection::Malformed)?;
        let channel = reader.byte_array()?;
        let owner = reader.byte_array()?;
        let receiver = reader.optional_byte_array()?;
        let recordhash = reader.byte_array()?;
        let time = time(&mut reader)?;
        let location = reader.optional_byte_array()?;
        let expiry = if reader.take_null() {
            None
        } else {
            Some(self::time(&mut reader)?)
        };
        let purpose = if length == 10 {
            let purpose = Purpose::from_number(reader.uint()?).ok_or(Rejection::Malformed)?;
            let of_another_key =
                kind == EventType::Enrol && channel != DIRECTORY && id_of(&recordhash) != owner;
            Some(purpose).filter(|_| of_another_key)
        } else {
            None
        };
        if length == 10 && purpose.is_none() {
            return Err(Rejection::Malformed);
        }
        reader.finish()?;
        Ok(Self {
            kind,
            channel,
            owner,
            receiver,
            recordhash,
            time,
            location,
            expiry,
            purpose,
        })
    }

    /// Whether this enrols the channel's owner key itself.
    pub fn enrols_owner(&self) -> bool {
        self.kind == EventType::Enrol && id_of(&self.recordhash) == self.owner
    }

    /// Whether the key this enrols may sign events of type `kind`.
    ///
    /// Without a stated purpose a key is a device; the owner key enrols and revokes.
    pub fn enrolled_may_sign(&self, kind: EventType) -> bool {
        if self.kind != EventType::Enrol {
            false
        } else if self.enrols_owner() {
            matches!(kind, EventType::Enrol | EventType::Revoke)
        } else {
            self.purpose.unwrap_or(Purpose::Device).may_sign(kind)
        }
    }
}

/// An event and its actor's signature over [`event_message`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEvent {
    /// The encoded event.
    pub event: Vec<u8>,
    /// The id of the signing key.
    pub signer: Id,
    /// P-256, low S; Ed25519 for GENESIS.
    pub signature: Signature,
}

impl SignedEvent {
    /// Checks form and range of the signature; needs no key.
    ///
    /// # Errors
    ///
    /// `ENTRY_SIGNATURE`: r or s out of range, or s in its upper half (not for GENESIS).
    pub fn check_range(&self, kind: EventType) -> Result<(), Rejection> {
        if kind == EventType::Genesis || crate::keys::is_well_formed(&self.signature) {
            Ok(())
        } else {
            Err(Rejection::EntrySignature)
        }
    }

    /// Checks the signature with the signer's key.
    ///
    /// # Errors
    ///
    /// `ENTRY_SIGNATURE`: another key than the signer's, a key of the wrong kind,
    /// or a signature that is not by it.
    pub fn verify(&self, kind: EventType, key: &PublicKey) -> Result<(), Rejection> {
        let right_kind = match key {
            PublicKey::Ed25519(_) => kind == EventType::Genesis,
            PublicKey::P256(_) => kind != EventType::Genesis,
        };
        let message = event_message(&self.signer, &self.event);
        if right_kind && key.id() == self.signer && key.verifies(&message, &self.signature) {
            Ok(())
        } else {
            Err(Rejection::EntrySignature)
        }
    }
}

/// What an actor signs: "vwE1" || signer || event.
pub fn event_message(signer: &Id, event: &[u8]) -> Vec<u8> {
    [b"vwE1".as_slice(), signer, event].concat()
}

/// A signed event at its place in its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the log was given.
    pub signed: SignedEvent,
    /// `signed.event`, read.
    pub event: Event,
    /// 1, 2, ... within the channel.
    pub seq: u64,
    /// The hash of the channel's entry before; zeros first.
    pub prev: Hash,
}

impl Entry {
    /// The bytes of the entry.
    pub fn encode(&self) -> Vec<u8> {
        encode_entry(&self.signed, self.seq, &self.prev)
    }

    /// Reads an entry and its event.
    ///
    /// # Errors
    ///
    /// `LIMIT_EXCEEDED` above 1,024 bytes; `MALFORMED`, `NON_CANONICAL`,
    /// `UNSUPPORTED_VERSION`, first of the entry, then of the event.
    pub fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.len() > MAX_ENTRY {
            return Err(Rejection::LimitExceeded);
        }
        cbor::check(bytes)?;
        let mut reader = Reader::new(bytes);
        reader.array_of(5)?;
        let event_bytes = reader.bytes()?;
        let signer = reader.byte_array()?;
        let signature = reader.byte_array()?;
        let seq = reader.uint()?;
        let prev = reader.byte_array()?;
        if seq == 0 || (seq == 1 && prev != [0; 32]) {
            return Err(Rejection::Malformed);
        }
        Ok(Self {
            signed: SignedEvent {
                event: event_bytes.into(),
                signer,
                signature,
            },
            event: Event::decode(event_bytes)?,
            seq,
            prev,
        })
    }

    /// Checks that this entry directly follows `before` (encoded) in its
    /// channel; None if this should be the channel's first.
    ///
    /// # Errors
    ///
    /// `SEQ_GAP`: another channel, number or previous hash.
    pub fn check_follows(&self, before: Option<(&Entry, &[u8])>) -> Result<(), Rejection> {
        let follows = match before {
            None => self.seq == 1,
            Some((before, bytes)) => {
                before.event.channel == self.event.channel
                    && before.seq.checked_add(1) == Some(self.seq)
                    && self.prev == entry_hash(bytes)
            }
        };
        if follows {
            Ok(())
        } else {
            Err(Rejection::SeqGap)
        }
    }
}

/// The bytes of the entry that the log makes of a signed event.
pub fn encode_entry(signed: &SignedEvent, seq: u64, prev: &Hash) -> Vec<u8> {
    let mut out = Encoder::after(Vec::with_capacity(320));
    out.array(5)
        .bytes(&signed.event)
        .bytes(&signed.signer)
        .bytes(&signed.signature)
        .uint(seq)
        .bytes(prev);
    out.finish()
}

/// The hash the next entry of the channel names as `prev`.
pub fn entry_hash(entry: &[u8]) -> Hash {
    sha256(&[entry])
}

/// The entry's leaf in the log.
pub fn entry_leaf(entry: &[u8]) -> Hash {
    merkle::leaf_hash(entry)
}

/// The log's word for where a channel ended at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelHead {
    /// The log.
    pub origin: String,
    /// The channel.
    pub channel: Channel,
    /// The number of its last entry.
    pub seq: u64,
    /// The hash of that entry.
    pub entry_hash: Hash,
    /// The log's size then.
    pub size: u64,
    /// When, ms UTC.
    pub time: i64,
}

impl ChannelHead {
    /// h: what the log signs after "vwH1".
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.array(7)
            .int(VERSION)
            .text(&self.origin)
            .bytes(&self.channel)
            .uint(self.seq)
            .bytes(&self.entry_hash)
            .uint(self.size)
            .int(self.time);
        out.finish()
    }

    /// Reads h.
    ///
    /// # Errors
    ///
    /// `MALFORMED`, `NON_CANONICAL`, `UNSUPPORTED_VERSION`.
    pub fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        cbor::check(bytes)?;
        let mut reader = Reader::new(bytes);
        let length = reader.array()?;
        if reader.int()? != VERSION {
            return Err(Rejection::UnsupportedVersion);
        }
        let origin = reader.text()?;
        if length != 7 || !is_name(origin) {
            return Err(Rejection::Malformed);
        }
        let head = Self {
            origin: origin.into(),
            channel: reader.byte_array()?,
            seq: reader.uint()?,
            entry_hash: reader.byte_array()?,
            size: reader.uint()?,
            time: time(&mut reader)?,
        };
        reader.finish()?;
        Ok(head)
    }

    /// What the log signs: "vwH1" || h.
    pub fn message(head: &[u8]) -> Vec<u8> {
        [b"vwH1".as_slice(), head].concat()
    }

    /// The signed head: [h, key id || signature].
    pub fn encode_signed(head: &[u8], key_id: [u8; 4], signature: &Signature) -> Vec<u8> {
        let blob = [key_id.as_slice(), signature].concat();
        let mut out = Encoder::new();
        out.array(2).bytes(head).bytes(&blob);
        out.finish()
    }

    /// Reads a signed head and checks it as a line of the log.
    ///
    /// # Errors
    ///
    /// `MALFORMED`, `NON_CANONICAL`, `UNSUPPORTED_VERSION`; `ENTRY_MISMATCH` for another
    /// origin than the keys'; `KEY_UNKNOWN`, `CHECKPOINT_SIGNATURE`.
    pub fn open(bytes: &[u8], log: &crate::trust::TrustedLog) -> Result<Self, Rejection> {
        cbor::check(bytes)?;
        let mut reader = Reader::new(bytes);
        reader.array_of(2)?;
        let encoded = reader.bytes()?;
        let blob: [u8; 68] = reader.byte_array()?;
        let head = Self::decode(encoded)?;
        if head.origin != log.origin {
            return Err(Rejection::EntryMismatch);
        }
        check_line(encoded, &blob, log)?;
        Ok(head)
    }

    /// Checks the log's line over this head, whose encoding is `head`: key id || signature.
    ///
    /// # Errors
    ///
    /// `ORIGIN_UNKNOWN`, `KEY_UNKNOWN`, `CHECKPOINT_SIGNATURE`.
    pub fn check_line(
        &self,
        head: &[u8],
        line: &[u8; 68],
        trust: &crate::trust::Trust,
    ) -> Result<(), Rejection> {
        let log = trust.log(&self.origin).ok_or(Rejection::OriginUnknown)?;
        check_line(head, line, log)
    }
}

fn check_line(
    head: &[u8],
    line: &[u8; 68],
    log: &crate::trust::TrustedLog,
) -> Result<(), Rejection> {
    let Some((id, signature)) = line.split_first_chunk::<4>() else {
        return Err(Rejection::Malformed);
    };
    let signature = signature.try_into().map_err(|_| Rejection::Malformed)?;
    let key = log
        .keys
        .iter()
        .find(|key| key.id() == *id)
        .ok_or(Rejection::KeyUnknown)?;
    if PublicKey::Ed25519(key.key).verifies(&ChannelHead::message(head), &signature) {
        Ok(())
    } else {
        Err(Rejection::CheckpointSignature)
    }
}

fn time(reader: &mut Reader<'_>) -> Result<i64, Rejection> {
    let time = reader.int()?;
    if time < 0 {
        return Err(Rejection::Malformed);
    }
    Ok(time)
}

/// The channel of GENESIS, organisations and persons.
pub const DIRECTORY: Channel = [0; 16];
/// The longest entry, in bytes.
pub const MAX_ENTRY: usize = 1024;
const VERSION: i64 = 1;

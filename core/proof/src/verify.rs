//! What a receipt proves, offline: facts, or the first step that failed.
//!
//! No socket, no clock, bounded memory. A fact is said only as far as it was
//! checked: PINNED and CARRIED keys are told apart, an unknown key leaves a
//! signature UNCHECKED, and times an author claims stay claims.

use crate::Rejection;
use crate::cbor::{self, Reader};
use crate::checkpoint::{Checkpoint, Witnessed, verify_lines};
use crate::entry::{Entry, Event, EventType, Purpose, SignedEvent, entry_leaf};
use crate::hash::Hash;
use crate::keys::{Id, PublicKey, Signature};
use crate::merkle::{leaf_hash_of, root_from_path};
use crate::receipt::{MAX_RECEIPT, Receipt};
use crate::record::{Disclosure, Schema, verify_author};
use crate::trust::{PinnedKey, Trust};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Verifies a receipt, with its disclosure if that is kept beside it.
///
/// # Errors
///
/// The code of the first step that fails, in the order of
/// `docs/receipt-format.md` section 7. Never panics, whatever the input.
pub fn verify(
    receipt: &[u8],
    disclosure: Option<&[u8]>,
    trust: &Trust,
) -> Result<Facts, Rejection> {
    let receipt = Receipt::decode(receipt)?;
    if disclosure.is_some() && (receipt.disclosure.is_some() || receipt.record.is_none()) {
        return Err(Rejection::Malformed);
    }
    if let Some(beside) = disclosure {
        check_beside(beside)?;
    }
    let entry = Entry::decode(receipt.entry)?;
    let enrolment = enrolment(&receipt, &entry)?;

    let disclosed = match (receipt.disclosure.or(disclosure), &receipt.record) {
        (Some(bytes), Some(record)) => Some(disclosed(bytes, &record.record_hash, record.index)?),
        _ => None,
    };
    let author = match (&receipt.author, &receipt.record) {
        (Some(by), Some(record)) => Some(author(by, &record.record_hash, trust)?),
        _ => None,
    };
    check_batch(&receipt, &entry)?;

    let log = &receipt.log;
    let carried: Vec<PinnedKey> = receipt.keys.iter().cloned().map(PinnedKey::from).collect();
    let keys = Keys {
        trust,
        carried: &carried,
        origin: log.origin,
    };
    let entry = keys.entry_facts(entry, enrolment)?;
    let root = root_from_path(&entry_leaf(receipt.entry), log.index, log.size, log.path)?;
    let (logged, witnessed) = logged(log.origin, log.size, root, &receipt.lines, trust)?;
    Ok(Facts {
        record_hash: receipt.record.map(|record| record.record_hash),
        batch: receipt.record.map(|record| Place {
            size: record.size,
            index: record.index,
        }),
        disclosed,
        author,
        entry,
        logged,
        index: log.index,
        existed_by: witnessed.time,
        witnessed,
        anchors: anchors(&receipt.anchors, trust),
    })
}

/// What a receipt proves. Debug leaves disclosed values out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The record hash, if the receipt is of a record.
    pub record_hash: Option<Hash>,
    /// Its place in the batch.
    pub batch: Option<Place>,
    /// What was shown of it.
    pub disclosed: Option<Disclosed>,
    /// Who wrote it, when not the owner.
    pub author: Option<AuthorFacts>,
    /// The entry.
    pub entry: EntryFacts,
    /// The checkpoint that has the entry in it.
    pub logged: Checkpoint,
    /// Which entry of the log.
    pub index: u64,
    /// Who cosigned the checkpoint.
    pub witnessed: Witnessed,
    /// Each anchor by itself, in order.
    pub anchors: Vec<AnchorFacts>,
    /// By when it existed, in seconds: said by a quorum, never by its author.
    pub existed_by: Option<u64>,
}

/// A leaf of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How many leaves.
    pub size: u64,
    /// Which of them.
    pub index: u64,
}

/// The shown part of a record. Debug shows which slots, not their values.
#[derive(Clone, PartialEq, Eq)]
pub struct Disclosed {
    /// The record's schema.
    pub schema: Schema,
    /// Whether all of it.
    pub whole: bool,
    /// Slot and encoded value.
    pub fields: Vec<(u16, Vec<u8>)>,
}

impl From<Disclosure<'_>> for Disclosed {
    fn from(disclosure: Disclosure<'_>) -> Self {
        Self {
            schema: disclosure.schema,
            whole: disclosure.whole,
            fields: disclosure
                .fields
                .iter()
                .map(|field| (field.slot, field.value.into()))
                .collect(),
        }
    }
}

impl fmt::Debug for Disclosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots: Vec<u16> = self.fields.iter().map(|(slot, _)| *slot).collect();
        f.debug_struct("Disclosed")
            .field("schema", &self.schema)
            .field("slots", &slots)
            .finish_non_exhaustive()
    }
}

/// The record's author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorFacts {
    /// The id of the author's key.
    pub id: Id,
    /// Whether the bundle knows that key.
    pub signature: SignatureStatus,
}

/// What the entry says, and how far it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFacts {
    /// The event.
    pub event: Event,
    /// Who signed it.
    pub signer: Id,
    /// With what key that was checked.
    pub signature: SignatureStatus,
    /// Whether the owner enrolled that key.
    pub enrolled: Enrolled,
    /// For what purpose, if the ENROL came along and states one.
    pub enrol_purpose: Option<Purpose>,
    /// Its number in the channel.
    pub seq: u64,
    /// The hash of the entry before it there.
    pub prev: Hash,
}

/// With what key a signature was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureStatus {
    /// One the trust bundle holds; for GENESIS, a key of the log.
    Pinned,
    /// One the receipt carries: an id, not who it is.
    Carried,
    /// None was at hand; only the signature's range was checked.
    Unchecked,
}

impl SignatureStatus {
    /// The stable word.
    pub const fn code(self) -> &'static str {
        match self {
            SignatureStatus::Pinned => "PINNED",
            SignatureStatus::Carried => "CARRIED",
            SignatureStatus::Unchecked => "UNCHECKED",
        }
    }
}

/// Whether the channel's owner vouches for the signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolled {
    /// The signer is the owner key or enrolled by it, all signatures checked.
    ByOwner,
    /// Not shown.
    Unchecked,
}

impl Enrolled {
    /// The stable word.
    pub const fn code(self) -> &'static str {
        match self {
            Enrolled::ByOwner => "BY_OWNER",
            Enrolled::Unchecked => "UNCHECKED",
        }
    }
}

/// One anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorFacts {
    /// 1 Fabric read, 2 Fabric block, 3 RFC 3161, 4 `OpenTimestamps`.
    pub kind: u64,
    /// What it proves.
    pub status: AnchorStatus,
}

/// What an anchor proves. A bad anchor never spoils the receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnchorStatus {
    /// It cannot be read.
    Unreadable(Rejection),
    /// This verifier does not know the type.
    Unsupported,
    /// The bundle does not hold its channel.
    NeedsTrust,
}

impl AnchorStatus {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            AnchorStatus::Unreadable(why) => why.code(),
            AnchorStatus::Unsupported => "UNSUPPORTED",
            AnchorStatus::NeedsTrust => "NEEDS_TRUST",
        }
    }
}

/// The keys at hand, and in which order they count.
pub(crate) struct Keys<'a> {
    pub(crate) trust: &'a Trust,
    pub(crate) carried: &'a [PinnedKey],
    pub(crate) origin: &'a str,
}

impl Keys<'_> {
    /// Checks the entry's signature, and its signer's ENROL if that is at hand.
    pub(crate) fn entry_facts(
        &self,
        entry: Entry,
        enrolment: Option<(Event, SignedEvent)>,
    ) -> Result<EntryFacts, Rejection> {
        let signature = self.check(&entry.signed, entry.event.kind)?;
        let enrolled = match &enrolment {
            Some((event, signed)) => {
                check_enrolment(event, &entry, self)?;
                self.check(signed, EventType::Enrol)? != SignatureStatus::Unchecked
            }
            None => {
                entry.signed.signer == entry.event.owner && entry.event.kind != EventType::Genesis
            }
        };
        Ok(EntryFacts {
            event: entry.event,
            signer: entry.signed.signer,
            signature,
            enrolled: if enrolled && signature != SignatureStatus::Unchecked {
                Enrolled::ByOwner
            } else {
                Enrolled::Unchecked
            },
            enrol_purpose: enrolment.and_then(|(event, _)| event.purpose),
            seq: entry.seq,
            prev: entry.prev,
        })
    }

    fn find(&self, id: &Id, kind: EventType) -> Option<(PublicKey, SignatureStatus)> {
        let pinned = if kind == EventType::Genesis {
            let log = self.trust.log(self.origin);
            let keys = log.map(|log| log.keys.as_slice()).unwrap_or_default();
            keys.iter()
                .map(|key| PublicKey::Ed25519(key.key))
                .find(|key| key.id() == *id)
        } else {
            self.trust.key(id).cloned()
        };
        let carried = || self.carried.iter().find(|carried| carried.id == *id);
        match pinned {
            Some(key) => Some((key, SignatureStatus::Pinned)),
            None => carried().map(|carried| (carried.key.clone(), SignatureStatus::Carried)),
        }
    }

    fn check(&self, signed: &SignedEvent, kind: EventType) -> Result<SignatureStatus, Rejection> {
        signed.check_range(kind)?;
        match self.find(&signed.signer, kind) {
            Some((key, status)) => {
                signed.verify(kind, &key)?;
                Ok(status)
            }
            None => Ok(SignatureStatus::Unchecked),
        }
    }
}

/// Checks a disclosure kept in bytes of its own: length, bytes, shape.
pub(crate) fn check_beside(disclosure: &[u8]) -> Result<(), Rejection> {
    if disclosure.len() > MAX_RECEIPT {
        return Err(Rejection::LimitExceeded);
    }
    cbor::check(disclosure)?;
    Disclosure::check_shape(disclosure)
}

fn enrolment(
    receipt: &Receipt<'_>,
    entry: &Entry,
) -> Result<Option<(Event, SignedEvent)>, Rejection> {
    match receipt.enrolment {
        Some((bytes, signature)) => {
            let event = Event::decode(bytes)?;
            Ok(Some((event, enrolment_by(entry, bytes, signature))))
        }
        None => Ok(None),
    }
}

/// The ENROL of an entry's signer, signed by the entry's owner.
pub(crate) fn enrolment_by(entry: &Entry, event: &[u8], signature: Signature) -> SignedEvent {
    SignedEvent {
        event: event.into(),
        signer: entry.event.owner,
        signature,
    }
}

/// What a disclosure whose shape was checked shows of the record at `index`.
pub(crate) fn disclosed(
    bytes: &[u8],
    record_hash: &Hash,
    index: u64,
) -> Result<Disclosed, Rejection> {
    let disclosure = Disclosure::read(bytes)?;
    let heads = disclosure.schema == Schema::BatchHeader;
    if disclosure.record_hash()? == *record_hash && heads == (index == 0) {
        Ok(disclosure.into())
    } else {
        Err(Rejection::RecordMismatch)
    }
}

pub(crate) fn author(
    (key, signature): &(PublicKey, Signature),
    record_hash: &Hash,
    trust: &Trust,
) -> Result<AuthorFacts, Rejection> {
    verify_author(key, record_hash, signature)?;
    let id = key.id();
    let signature = if trust.key(&id).is_some() {
        SignatureStatus::Pinned
    } else {
        SignatureStatus::Carried
    };
    Ok(AuthorFacts { id, signature })
}

/// The checkpoint of that root, and who signed it.
pub(crate) fn logged(
    origin: &str,
    size: u64,
    root: Hash,
    lines: &[(&str, &[u8])],
    trust: &Trust,
) -> Result<(Checkpoint, Witnessed), Rejection> {
    let note = Checkpoint {
        origin: origin.into(),
        size,
        root,
    };
    let trusted = trust.log(origin).ok_or(Rejection::OriginUnknown)?;
    let witnessed = verify_lines(&note.body(), lines.iter().copied(), trusted)?;
    Ok((note, witnessed))
}

pub(crate) fn anchors(anchors: &[(u64, &[u8])], trust: &Trust) -> Vec<AnchorFacts> {
    anchors
        .iter()
        .map(|(kind, body)| AnchorFacts {
            kind: *kind,
            status: anchor(*kind, body, trust),
        })
        .collect()
}

fn check_batch(receipt: &Receipt<'_>, entry: &Entry) -> Result<(), Rejection> {
    if let Some(record) = &receipt.record {
        let leaf = leaf_hash_of(&record.record_hash);
        let root = root_from_path(&leaf, record.index, record.size, record.path)?;
        if entry.event.kind != EventType::Batch || entry.event.recordhash != root {
            return Err(Rejection::EntryMismatch);
        }
    }
    if (entry.event.kind == EventType::Genesis) == (receipt.log.index == 0) {
        Ok(())
    } else {
        Err(Rejection::EntryMismatch)
    }
}

/// Key 10 is the ENROL of the entry's signer, for a purpose that covers the entry.
fn check_enrolment(enrol: &Event, entry: &Entry, keys: &Keys<'_>) -> Result<(), Rejection> {
    let signer = &entry.signed.signer;
    let of_signer = match keys.find(signer, entry.event.kind) {
        Some((key, _)) => key.hash() == enrol.recordhash,
        None => crate::keys::id_of(&enrol.recordhash) == *signer,
    };
    let fits = enrol.channel == entry.event.channel
        && enrol.owner == entry.event.owner
        && of_signer
        && enrol.enrolled_may_sign(entry.event.kind);
    if fits {
        Ok(())
    } else {
        Err(Rejection::EntryMismatch)
    }
}

fn anchor(kind: u64, body: &[u8], trust: &Trust) -> AnchorStatus {
    if kind != FABRIC_READ {
        return AnchorStatus::Unsupported;
    }
    match fabric_channel(body) {
        Err(why) => AnchorStatus::Unreadable(why),
        Ok(channel) if trust.fabric.iter().any(|known| known.channel == channel) => {
            AnchorStatus::Unsupported
        }
        Ok(_) => AnchorStatus::NeedsTrust,
    }
}

/// Checks the shape of an endorsed read and gives its channel.
fn fabric_channel(body: &[u8]) -> Result<String, Rejection> {
    cbor::check(body)?;
    let mut reader = Reader::new(body);
    reader.array_of(9)?;
    let channel = reader.text()?;
    // proposal response payload, channel header, nonce
    for _ in 0..3 {
        reader.bytes()?;
    }
    reader.byte_array::<8>()?;
    reader.text()?;
    reader.bytes()?;
    for _ in 0..reader.array()? {
        reader.array_of(3)?;
        reader.text()?;
        reader.byte_array::<8>()?;
        reader.bytes()?;
    }
    for _ in 0..reader.map()? {
        reader.byte_array::<8>()?;
        reader.bytes()?;
    }
    Ok(channel.into())
}

const FABRIC_READ: u64 = 1;

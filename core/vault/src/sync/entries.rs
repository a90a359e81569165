//! Entries of the owner's channels: chained, signed, kept, and what follows from them.
//!
//! An entry that does not follow the one before it in its channel, one whose signature does not
//! hold, and one in the name of this device's keys that this device did not sign: each is
//! evidence, and freezes the log.

use crate::Error;
use crate::channels::Channel;
use crate::header::bool_of;
use crate::keys::key_id;
use crate::store::{DAMAGED, Item, Kind, StoreError, Tx};
use std::collections::HashSet;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::entry::{Entry, EventType};
use vitalwitness_proof::keys::{PublicKey, Signature};
use vitalwitness_proof::{Rejection, sha256};

use super::link;

/// How far an entry's place in the log is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Checked {
    /// Told by the cloud.
    No,
    /// Included under a head that the log signed.
    Logged,
    /// Included under a head that a quorum of witnesses saw.
    Witnessed,
}

impl Checked {
    fn of(state: i64) -> Self {
        match state {
            2 => Self::Witnessed,
            1 => Self::Logged,
            _ => Self::No,
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::No => 0,
            Self::Logged => 1,
            Self::Witnessed => 2,
        }
    }
}

/// An entry that is kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) index: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) checked: Checked,
}

impl Kept {
    pub(crate) fn read(&self) -> Result<Entry, StoreError> {
        Entry::decode(&self.bytes).map_err(|_| DAMAGED)
    }

    pub(crate) fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let entry = self.read()?;
        let mut out = Encoder::new();
        out.array(2).uint(self.index).bytes(&self.bytes);
        let name = name(&entry.event.channel, entry.seq);
        tx.put(Kind::Entry, &name, self.checked.number(), &out.finish())
            .map(drop)
    }

    /// Every entry, in order of arrival.
    pub(crate) fn all(tx: &Tx<'_>) -> Result<Vec<Self>, StoreError> {
        tx.all(Kind::Entry)?.iter().map(Self::of).collect()
    }

    fn of(item: &Item) -> Result<Self, StoreError> {
        let mut reader = Reader::new(&item.plain);
        let mut parse = || {
            reader.array_of(2)?;
            Ok::<_, Rejection>((reader.uint()?, reader.bytes()?.to_vec()))
        };
        let (index, bytes) = parse().map_err(|_| DAMAGED)?;
        Ok(Self {
            index,
            bytes,
            checked: Checked::of(item.state),
        })
    }
}

fn name(channel: &Id, seq: u64) -> [u8; 24] {
    let mut name = [0; 24];
    name[..16].copy_from_slice(channel);
    name[16..].copy_from_slice(&seq.to_be_bytes());
    name
}

/// A key of an own channel, with the event that enrolled it.
#[derive(Debug, Clone)]
pub(crate) struct Enrolled {
    pub(crate) spki: Vec<u8>,
    /// The ENROL event and the owner's signature over it.
    pub(crate) event: Vec<u8>,
    pub(crate) signature: Signature,
    pub(crate) revoked: bool,
}

impl Enrolled {
    pub(crate) fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(4).bytes(&self.spki).bytes(&self.event);
        out.bytes(&self.signature).bool(self.revoked);
        tx.put(Kind::Enrolled, &key_id(&self.spki), 0, &out.finish())
            .map(drop)
    }

    pub(crate) fn load(id: &Id, tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        tx.get(Kind::Enrolled, id)?
            .map(|item| {
                let mut reader = Reader::new(&item.plain);
                let mut parse = || {
                    reader.array_of(4)?;
                    Ok::<_, Rejection>(Self {
                        spki: reader.bytes()?.to_vec(),
                        event: reader.bytes()?.to_vec(),
                        signature: reader.byte_array()?,
                        revoked: bool_of(&mut reader)?,
                    })
                };
                parse().map_err(|_| DAMAGED)
            })
            .transpose()
    }
}

/// Remembers that this device signed `event`, in the transaction that lets it leave.
pub(crate) fn remember_signed(event: &[u8], tx: &Tx<'_>) -> Result<(), StoreError> {
    link::put(&signed_name(event), Encoder::new(), tx)
}

fn signed_name(event: &[u8]) -> Vec<u8> {
    [b"signed".as_slice(), &sha256(&[event])].concat()
}

/// This device's own keys: what they sign is known here.
pub(crate) struct OwnKeys(HashSet<Id>);

impl OwnKeys {
    pub(crate) fn load(tx: &Tx<'_>, keystore: &dyn crate::keys::KeyStore) -> Result<Self, Error> {
        let mut ids = HashSet::new();
        for channel in Channel::all(tx)? {
            for alias in [&channel.dsk, &channel.gsk] {
                ids.insert(key_id(&keystore.public(alias)?));
            }
        }
        Ok(Self(ids))
    }
}

/// What is wrong with an entry: the code and what it contradicts.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) code: Rejection,
    pub(crate) before: Vec<u8>,
}

/// Checks an entry that the cloud tells of and keeps it. `Ok(Err(..))`: it is evidence.
pub(crate) fn take(
    index: u64,
    bytes: &[u8],
    spki: Option<&[u8]>,
    own: &OwnKeys,
    now_ms: i64,
    tx: &Tx<'_>,
) -> Result<Result<Entry, Wrong>, StoreError> {
    let wrong = |code, before: Vec<u8>| Ok(Err(Wrong { code, before }));
    let entry = match Entry::decode(bytes) {
        Ok(entry) => entry,
        Err(code) => return wrong(code, Vec::new()),
    };
    let event = &entry.event;
    // Told twice, after a reconcile: known if it is the same.
    let there = tx.get(Kind::Entry, &name(&event.channel, entry.seq))?;
    if let Some(there) = there.map(|item| Kept::of(&item)).transpose()? {
        return if there.bytes == bytes {
            Ok(Ok(entry))
        } else {
            wrong(Rejection::SeqGap, there.bytes)
        };
    }
    let chain = [b"chain".as_slice(), &event.channel].concat();
    let last = link::get(&chain, tx, |reader| Ok(reader.bytes()?.to_vec()))?;
    let before = last.as_deref().map(Entry::decode).transpose();
    let before = before.map_err(|_| DAMAGED)?;
    let follows = entry.check_follows(before.as_ref().zip(last.as_deref()));
    if let Err(code) = follows {
        return wrong(code, last.unwrap_or_default());
    }
    let signer = Enrolled::load(&entry.signed.signer, tx)?;
    let key = match (&signer, spki) {
        (Some(signer), _) => Some(signer.spki.clone()),
        (None, Some(spki)) if key_id(spki) == entry.signed.signer => Some(spki.to_vec()),
        _ => None,
    };
    if let Some(key) = key.and_then(|spki| PublicKey::from_spki(&spki).ok()) {
        if let Err(code) = entry.signed.verify(event.kind, &key) {
            return wrong(code, Vec::new());
        }
    } else if event.receiver.is_none() {
        // an owner's entry by a key that the owner never enrolled
        return wrong(Rejection::EntrySignature, Vec::new());
    }
    let signed_here = tx.get(Kind::Meta, &signed_name(&entry.signed.event))?;
    if own.0.contains(&entry.signed.signer) && signed_here.is_none() {
        return wrong(Rejection::SeqGap, Vec::new());
    }
    if let Err(code) = vitalwitness_proof::checkpoint::check_not_from_future(event.time, now_ms) {
        log::warn!("entry {index}: {code}");
    }
    if event.kind == EventType::Enrol {
        let Some(spki) = spki.filter(|spki| sha256(&[spki]) == event.recordhash) else {
            return wrong(Rejection::EntryMismatch, Vec::new());
        };
        let enrolled = Enrolled {
            spki: spki.to_vec(),
            event: entry.signed.event.clone(),
            signature: entry.signed.signature,
            revoked: false,
        };
        enrolled.save(tx)?;
    }
    if event.kind == EventType::Revoke
        && let Some(mut ended) = enrolled_as(&event.recordhash, tx)?
    {
        ended.revoked = true;
        ended.save(tx)?;
    }
    let kept = Kept {
        index,
        bytes: bytes.to_vec(),
        checked: Checked::No,
    };
    kept.save(tx)?;
    let mut out = Encoder::new();
    out.bytes(bytes);
    link::put(&chain, out, tx)?;
    Ok(Ok(entry))
}

/// The key whose SPKI has this hash.
fn enrolled_as(hash: &Hash, tx: &Tx<'_>) -> Result<Option<Enrolled>, StoreError> {
    Enrolled::load(&vitalwitness_proof::keys::id_of(hash), tx)
}

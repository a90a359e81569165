//! Entries of the owner's channels: chained, signed, kept, and what follows from them.
//!
//! An entry that does not follow the one before it in its channel, one whose signature does not
//! hold, one that the channel's rules forbid, and one in the name of this device's keys that this
//! device did not sign: each is evidence, and freezes the log.

use crate::Error;
use crate::channels::Channel;
use crate::header::bool_of;
use crate::keys::key_id;
use crate::store::{DAMAGED, Item, Kind, StoreError, Tx};
use std::collections::{HashMap, HashSet};
use vitalwitness_domain::record::Id;
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::entry::{Entry, Event, EventType};
use vitalwitness_proof::keys::{PublicKey, Signature, id_of};
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

    /// The entry at this place of a channel.
    pub(crate) fn load(channel: &Id, seq: u64, tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        let item = tx.get(Kind::Entry, &name(channel, seq))?;
        item.map(|item| Self::of(&item)).transpose()
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

/// When a key's end was listed; 0: it is not among the entries here.
pub(crate) fn revoked_ms(spki: &[u8], tx: &Tx<'_>) -> Result<i64, StoreError> {
    let hash = sha256(&[spki]);
    for kept in Kept::all(tx)? {
        let event = kept.read()?.event;
        if event.kind == EventType::Revoke && event.recordhash == hash {
            return Ok(event.time);
        }
    }
    Ok(0)
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

    /// Whether it was enrolled in this channel.
    pub(crate) fn is_in(&self, channel: &Id) -> bool {
        Event::decode(&self.event).is_ok_and(|enrol| enrol.channel == *channel)
    }

    /// Whether its ENROL lets it sign `kind`.
    pub(crate) fn is_for(&self, kind: EventType) -> bool {
        Event::decode(&self.event).is_ok_and(|enrol| enrol.enrolled_may_sign(kind))
    }

    /// Whether the owner enrolled it in the channel of `event` to sign what `event` says.
    pub(crate) fn may_sign(&self, event: &Event) -> bool {
        Event::decode(&self.event).is_ok_and(|enrol| {
            enrol.channel == event.channel
                && enrol.owner == event.owner
                && enrol.enrolled_may_sign(event.kind)
        })
    }

    /// Whether it signs grants in a channel of this account, and was not ended.
    pub(crate) fn may_grant(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let Ok(enrol) = Event::decode(&self.event) else {
            return Ok(false);
        };
        let channel = Channel::load(enrol.channel[0], tx)?;
        let own = channel.is_some_and(|channel| {
            channel.secrets.channel == enrol.channel && channel.secrets.owner.id() == enrol.owner
        });
        Ok(own && !self.revoked && enrol.enrolled_may_sign(EventType::Grant))
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

/// What this device knows of its own channels: its keys, whose signatures it remembers, and the
/// owner of each.
pub(crate) struct Own {
    keys: HashSet<Id>,
    owners: HashMap<Id, Id>,
}

impl Own {
    pub(crate) fn load(tx: &Tx<'_>, keystore: &dyn crate::keys::KeyStore) -> Result<Self, Error> {
        let (mut keys, mut owners) = (HashSet::new(), HashMap::new());
        for channel in Channel::all(tx)? {
            for alias in [&channel.dsk, &channel.gsk] {
                keys.insert(key_id(&keystore.public(alias)?));
            }
            owners.insert(channel.secrets.channel, channel.secrets.owner.id());
        }
        Ok(Self { keys, owners })
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
    own: &Own,
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
    if let Some(there) = Kept::load(&event.channel, entry.seq, tx)? {
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
    match key.and_then(|spki| PublicKey::from_spki(&spki).ok()) {
        Some(key) => {
            if let Err(code) = entry.signed.verify(event.kind, &key) {
                return wrong(code, Vec::new());
            }
        }
        // its key is in a certificate; who reads more than the entry checks it with that
        None if is_grantees(event) => {}
        // an owner's entry by a key that the owner never enrolled
        None => return wrong(Rejection::EntrySignature, Vec::new()),
    }
    if let Err(code) = check_rules(&entry, before.as_ref(), signer.as_ref(), own, tx)? {
        return wrong(code, last.unwrap_or_default());
    }
    let signed_here = tx.get(Kind::Meta, &signed_name(&entry.signed.event))?;
    if own.keys.contains(&entry.signed.signer) && signed_here.is_none() {
        return wrong(Rejection::SeqGap, Vec::new());
    }
    if let Err(code) = vitalwitness_proof::checkpoint::check_not_from_future(event.time, now_ms) {
        log::warn!("entry {index}: {code}");
    }
    if event.kind == EventType::Enrol {
        let Some(spki) = spki.filter(|spki| sha256(&[spki]) == event.recordhash) else {
            return wrong(Rejection::EntryMismatch, Vec::new());
        };
        // an ENROL told again does not take a key's end back
        let known = Enrolled::load(&key_id(spki), tx)?;
        let enrolled = Enrolled {
            spki: spki.to_vec(),
            event: entry.signed.event.clone(),
            signature: entry.signed.signature,
            revoked: known.is_some_and(|known| known.revoked),
        };
        enrolled.save(tx)?;
    }
    if event.kind == EventType::Revoke
        && let Some(mut ended) = Enrolled::load(&id_of(&event.recordhash), tx)?
        && ended.is_in(&event.channel)
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

/// Whether an entry is by a person of a grantee rather than by a key of the owner.
fn is_grantees(event: &Event) -> bool {
    match event.kind {
        EventType::Batch => event.receiver.is_some(),
        EventType::Request | EventType::Access | EventType::Emergency => true,
        _ => false,
    }
}

/// The channel's rules (`docs/receipt-format.md` section 3): it begins with its owner's ENROL, the
/// owner stays the same, and in the owner's name speak the owner key (ENROL, REVOKE of a key) and
/// the keys that it enrolled for that purpose and did not end before. `signer` is the key of
/// `entry` as enrolled.
fn check_rules(
    entry: &Entry,
    before: Option<&Entry>,
    signer: Option<&Enrolled>,
    own: &Own,
    tx: &Tx<'_>,
) -> Result<Result<(), Rejection>, StoreError> {
    let event = &entry.event;
    let by_owner = entry.signed.signer == event.owner;
    let owner = match before {
        Some(before) => before.event.owner,
        None if by_owner && event.enrols_owner() => event.owner,
        None => return Ok(Err(Rejection::EntryMismatch)),
    };
    let known = own.owners.get(&event.channel);
    if event.owner != owner || known.is_some_and(|known| *known != owner) {
        return Ok(Err(Rejection::EntryMismatch));
    }
    if is_grantees(event) {
        let named = event.receiver.map(drop);
        return Ok(named.ok_or(Rejection::EntryMismatch));
    }
    // the key that an ENROL or a REVOKE is about
    let key = Enrolled::load(&id_of(&event.recordhash), tx)?;
    let here = |key: &Enrolled| key.is_in(&event.channel);
    let allowed = match event.kind {
        // a key is made for one channel
        EventType::Enrol => by_owner && key.as_ref().is_none_or(here),
        EventType::Revoke if key.as_ref().is_some_and(here) => {
            by_owner && id_of(&event.recordhash) != owner
        }
        _ => signer.is_some_and(|key| !key.revoked && !by_owner && key.may_sign(event)),
    };
    Ok(allowed.then_some(()).ok_or(Rejection::EntrySignature))
}

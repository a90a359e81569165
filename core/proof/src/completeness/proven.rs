//! What a completeness proof proves: how many records were shown, and of how many.

use super::{Completeness, OpenedBatch, OpenedRecord};
use crate::Rejection;
use crate::batch::padded_size;
use crate::cbor::Reader;
use crate::checkpoint::{Checkpoint, Witnessed};
use crate::entry::{Channel, ChannelHead, Entry, Event, EventType, entry_hash};
use crate::hash::Hash;
use crate::keys::{Id, id_of};
use crate::merkle::{leaf_hash_of, root_from_path};
use crate::receipt::Receipt;
use crate::record::{Disclosure, Schema};
use crate::trust::{PinnedKey, Trust};
use crate::verify::{self, Disclosed, Facts};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// What a completeness proof proves, as its authors stated it when sealing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletenessFacts {
    /// The channel.
    pub channel: Channel,
    /// Its owner.
    pub owner: Id,
    /// From ms (inside) to ms (outside), UTC.
    pub period: (i64, i64),
    /// K: later entries are not covered.
    pub entries: u64,
    /// The hash of entry K.
    pub entry_hash: Hash,
    /// The checkpoint that has entry K in it.
    pub logged: Checkpoint,
    /// Which entry of the log that is.
    pub index: u64,
    /// Who cosigned the checkpoint.
    pub witnessed: Witnessed,
    /// By when entry K existed, in seconds.
    pub existed_by: Option<u64>,
    /// How many records of the period are shown.
    pub shown: u64,
    /// Of how many in the opened batches that may be of the period.
    pub of: u64,
    /// How many batches that count are not opened: what they hold is not in `of`.
    pub unopened: u64,
    /// The entries of batches that do not count: their signer had no right to seal.
    pub uncounted: Vec<u64>,
    /// The batches that count, in order.
    pub batches: Vec<BatchFacts>,
    /// The log's word that nothing came later, at a time.
    pub head: Option<ChannelHead>,
}

/// A batch that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchFacts {
    /// Which entry of the channel.
    pub seq: u64,
    /// Whose it is.
    pub by: By,
    /// What it says of itself; None if it is not opened.
    pub header: Option<HeaderFacts>,
    /// How many of its records are shown.
    pub shown: u64,
    /// Of how many that may be of the period.
    pub of: u64,
    /// Those of which at least the start is shown.
    pub records: Vec<ShownRecord>,
}

/// Who sealed a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A key that the owner enrolled for it, signature checked.
    Owner,
    /// A grantee; neither its rights nor its signature are checked.
    Grantee,
}

impl By {
    /// The stable word.
    pub const fn code(self) -> &'static str {
        match self {
            By::Owner => "OWNER",
            By::Grantee => "GRANTEE",
        }
    }
}

/// What a batch's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderFacts {
    /// How many leaves the batch has.
    pub size: u64,
    /// The first start, ms UTC.
    pub first: i64,
    /// The last start, ms UTC.
    pub last: i64,
    /// How many records.
    pub records: u64,
    /// What was shown of it.
    pub disclosed: Disclosed,
}

/// A record of which at least the start is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownRecord {
    /// Which leaf.
    pub index: u64,
    /// The record hash.
    pub record_hash: Hash,
    /// Whether it is of the period and shown: every slot but source, note and the times' details.
    pub shown: bool,
    /// What was shown of it.
    pub disclosed: Disclosed,
}

impl Completeness<'_> {
    /// Verifies a completeness proof.
    ///
    /// # Errors
    ///
    /// The code of the first step that fails, in the order of
    /// `docs/receipt-format.md` section 11. Never panics, whatever the input.
    pub fn verify(bytes: &[u8], trust: &Trust) -> Result<CompletenessFacts, Rejection> {
        let proof = Completeness::decode(bytes)?;
        let parts = Parts::read(&proof)?;
        let facts = verify::verify(proof.receipt, None, trust)?;
        parts.check_chain()?;
        let sealed = Sealed::of(&parts, &proof)?;
        let batches = sealed.open(&parts, &proof)?;
        let head = parts.check_head(&proof, &facts, trust)?;

        let last = &parts.last.event;
        let opened = || batches.iter().filter(|batch| batch.header.is_some());
        Ok(CompletenessFacts {
            channel: last.channel,
            owner: last.owner,
            period: proof.period,
            entries: parts.last.seq,
            entry_hash: entry_hash(parts.last_bytes),
            logged: facts.logged,
            index: facts.index,
            witnessed: facts.witnessed,
            existed_by: facts.existed_by,
            shown: opened().fold(0, |sum, batch| sum.saturating_add(batch.shown)),
            of: opened().fold(0, |sum, batch| sum.saturating_add(batch.of)),
            unopened: count(batches.len().saturating_sub(opened().count())),
            uncounted: sealed.uncounted,
            batches,
            head,
        })
    }
}

/// Everything read, nothing checked.
struct Parts<'a> {
    entries: Vec<(Entry, &'a [u8])>,
    last: Entry,
    last_bytes: &'a [u8],
    head: Option<ChannelHead>,
}

impl<'a> Parts<'a> {
    fn read(proof: &Completeness<'a>) -> Result<Self, Rejection> {
        let receipt = Receipt::decode(proof.receipt)?;
        if receipt.record.is_some() {
            return Err(Rejection::Malformed);
        }
        let last = Entry::decode(receipt.entry)?;
        if let Some((event, _)) = receipt.enrolment {
            Event::decode(event)?;
        }
        let read = |bytes: &&'a [u8]| Ok((Entry::decode(bytes)?, *bytes));
        let entries = proof.entries.iter().map(read).collect::<Result<_, _>>()?;
        for batch in &proof.batches {
            verify::check_beside(batch.header)?;
            for record in &batch.records {
                verify::check_beside(record.disclosure)?;
            }
        }
        let head = proof.head.map(|(head, _)| ChannelHead::decode(head));
        Ok(Self {
            entries,
            last,
            last_bytes: receipt.entry,
            head: head.transpose()?,
        })
    }

    /// Entries 1 to K.
    fn all(&self) -> impl Iterator<Item = (&Entry, &'a [u8])> {
        let before = self.entries.iter().map(|(entry, bytes)| (entry, *bytes));
        before.chain(core::iter::once((&self.last, self.last_bytes)))
    }

    /// The entry of that number, once the chain is checked.
    fn entry(&self, seq: u64) -> Option<(&Entry, &'a [u8])> {
        if seq == self.last.seq {
            return Some((&self.last, self.last_bytes));
        }
        let before = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.entries
            .get(before)
            .map(|(entry, bytes)| (entry, *bytes))
    }

    fn check_chain(&self) -> Result<(), Rejection> {
        let mut before = None;
        for (entry, bytes) in self.all() {
            entry.check_follows(before)?;
            if entry.event.channel != self.last.event.channel {
                return Err(Rejection::SeqGap);
            }
            let owner = entry.event.owner;
            let begins =
                before.is_some() || (entry.event.enrols_owner() && entry.signed.signer == owner);
            if owner != self.last.event.owner || !begins {
                return Err(Rejection::EntryMismatch);
            }
            before = Some((entry, bytes));
        }
        Ok(())
    }

    fn check_head(
        &self,
        proof: &Completeness<'_>,
        facts: &Facts,
        trust: &Trust,
    ) -> Result<Option<ChannelHead>, Rejection> {
        let (Some(head), Some((bytes, line))) = (&self.head, &proof.head) else {
            return Ok(None);
        };
        head.check_line(bytes, line, trust)?;
        if head.origin != facts.logged.origin || head.channel != self.last.event.channel {
            return Err(Rejection::EntryMismatch);
        }
        let known = match head.seq {
            0 => Some([0; 32]),
            seq => self.entry(seq).map(|(_, bytes)| entry_hash(bytes)),
        };
        if known.is_some_and(|known| known != head.entry_hash) {
            return Err(Rejection::Fork);
        }
        Ok(Some(head.clone()))
    }
}

/// Which batches count.
struct Sealed {
    counted: Vec<(u64, By)>,
    uncounted: Vec<u64>,
}

impl Sealed {
    /// Checks the signatures on which it depends what counts.
    fn of(parts: &Parts<'_>, proof: &Completeness<'_>) -> Result<Self, Rejection> {
        let keys: Vec<PinnedKey> = proof.keys.iter().cloned().map(PinnedKey::from).collect();
        let check = |entry: &Entry| {
            let key = keys.iter().find(|key| key.id == entry.signed.signer);
            let key = key.ok_or(Rejection::KeyUnknown)?;
            entry.signed.verify(entry.event.kind, &key.key)
        };
        let mut sealed = Self {
            counted: Vec::new(),
            uncounted: Vec::new(),
        };
        // id -> recordhash and whether it may seal; the first ENROL of a key decides
        let mut enrolled: BTreeMap<Id, (Hash, bool)> = BTreeMap::new();
        let mut revoked: BTreeSet<Hash> = BTreeSet::new();
        for (entry, _) in parts.all() {
            let (event, signer) = (&entry.event, &entry.signed.signer);
            let by_owner = *signer == event.owner;
            match event.kind {
                EventType::Enrol if by_owner => {
                    check(entry)?;
                    let may_seal = event.enrolled_may_sign(EventType::Batch);
                    enrolled
                        .entry(id_of(&event.recordhash))
                        .or_insert((event.recordhash, may_seal));
                }
                EventType::Revoke if by_owner => {
                    check(entry)?;
                    revoked.insert(event.recordhash);
                }
                EventType::Batch if event.receiver.is_some() => {
                    sealed.counted.push((entry.seq, By::Grantee));
                }
                EventType::Batch => match enrolled.get(signer) {
                    Some((key, true)) if !revoked.contains(key) => {
                        check(entry)?;
                        sealed.counted.push((entry.seq, By::Owner));
                    }
                    _ => sealed.uncounted.push(entry.seq),
                },
                _ => {}
            }
        }
        Ok(sealed)
    }

    /// Checks the opened batches, and says of each that counts what is shown.
    fn open(
        &self,
        parts: &Parts<'_>,
        proof: &Completeness<'_>,
    ) -> Result<Vec<BatchFacts>, Rejection> {
        let mut opened = BTreeMap::new();
        for batch in &proof.batches {
            let counts = self
                .counted
                .binary_search_by_key(&batch.seq, |(seq, _)| *seq);
            let (Some((entry, _)), Ok(_)) = (parts.entry(batch.seq), counts) else {
                return Err(Rejection::EntryMismatch);
            };
            let (header, records) = batch.check(&entry.event.recordhash, proof.period)?;
            opened.insert(batch.seq, (header, records));
        }
        let counted = self.counted.iter().map(|(seq, by)| {
            let (header, records) = opened.remove(seq).unzip();
            let records: Vec<ShownRecord> = records.unwrap_or_default();
            BatchFacts {
                seq: *seq,
                by: *by,
                shown: count(records.iter().filter(|record| record.shown).count()),
                of: header.as_ref().map_or(0, |header: &HeaderFacts| {
                    header.of_period(&records, proof.period)
                }),
                header,
                records,
            }
        });
        Ok(counted.collect())
    }
}

impl OpenedBatch<'_> {
    fn check(
        &self,
        root: &Hash,
        period: (i64, i64),
    ) -> Result<(HeaderFacts, Vec<ShownRecord>), Rejection> {
        let disclosure = Disclosure::read(self.header)?;
        if disclosure.schema != Schema::BatchHeader {
            return Err(Rejection::RecordMismatch);
        }
        self.check_leaf(&disclosure.record_hash()?, 0, &self.path, root)?;
        let slot = |slot| {
            let value = disclosure.value(slot).and_then(number);
            value.ok_or(Rejection::HeaderMismatch)
        };
        let header = HeaderFacts {
            size: self.size,
            first: slot(1)?,
            last: slot(2)?,
            records: u64::try_from(slot(4)?).map_err(|_| Rejection::HeaderMismatch)?,
            disclosed: disclosure.into(),
        };
        header.check()?;
        let mut records: Vec<ShownRecord> = Vec::new();
        let mut before = header.first;
        for record in &self.records {
            let shown = self.check_record(record, root, &header, before, period)?;
            before = shown.1;
            records.push(shown.0);
        }
        Ok((header, records))
    }

    /// The record and its start.
    fn check_record(
        &self,
        record: &OpenedRecord<'_>,
        root: &Hash,
        header: &HeaderFacts,
        before: i64,
        period: (i64, i64),
    ) -> Result<(ShownRecord, i64), Rejection> {
        if record.index > header.records {
            return Err(Rejection::IndexOutOfRange);
        }
        let disclosure = Disclosure::read(record.disclosure)?;
        if disclosure.schema == Schema::BatchHeader {
            return Err(Rejection::RecordMismatch);
        }
        let record_hash = disclosure.record_hash()?;
        self.check_leaf(&record_hash, record.index, &record.path, root)?;
        let start = disclosure.value(START).and_then(number);
        let start = start.ok_or(Rejection::HeaderMismatch)?;
        let fits = (before..=header.last).contains(&start)
            && (record.index != 1 || start == header.first)
            && (record.index != header.records || start == header.last);
        if !fits {
            return Err(Rejection::HeaderMismatch);
        }
        // between the times' details, and source and note
        let open = 4..disclosure.schema.slots().saturating_sub(2);
        let inside = (period.0..period.1).contains(&start);
        let shown = ShownRecord {
            index: record.index,
            record_hash,
            shown: inside
                && open
                    .into_iter()
                    .all(|slot| disclosure.value(slot).is_some()),
            disclosed: disclosure.into(),
        };
        Ok((shown, start))
    }

    fn check_leaf(
        &self,
        record_hash: &Hash,
        index: u64,
        path: &[Hash],
        root: &Hash,
    ) -> Result<(), Rejection> {
        if root_from_path(&leaf_hash_of(record_hash), index, self.size, path)? == *root {
            Ok(())
        } else {
            Err(Rejection::EntryMismatch)
        }
    }
}

impl HeaderFacts {
    fn check(&self) -> Result<(), Rejection> {
        let records = usize::try_from(self.records).ok();
        let padded = records.and_then(padded_size).map(count);
        let heads = self.first >= 0
            && self.first <= self.last
            && (self.records != 1 || self.first == self.last)
            && padded == Some(self.size);
        if heads {
            Ok(())
        } else {
            Err(Rejection::HeaderMismatch)
        }
    }

    /// How many leaves may be of the period: by their own start, or by the order of starts.
    fn of_period(&self, records: &[ShownRecord], (from, to): (i64, i64)) -> u64 {
        let shown = records.iter().map(|record| (record.index, record.start()));
        let known = [(1, Some(self.first)), (self.records, Some(self.last))];
        let (mut below, mut above) = (0, self.records.saturating_add(1));
        for (index, start) in known.into_iter().chain(shown) {
            if start.is_some_and(|start| start < from) {
                below = below.max(index);
            }
            if start.is_some_and(|start| start >= to) {
                above = above.min(index);
            }
        }
        above.saturating_sub(below).saturating_sub(1)
    }
}

impl ShownRecord {
    fn start(&self) -> Option<i64> {
        let mut fields = self.disclosed.fields.iter();
        fields
            .find(|(slot, _)| *slot == START)
            .and_then(|(_, value)| number(value))
    }
}

/// A value that is a whole number.
fn number(value: &[u8]) -> Option<i64> {
    let mut reader = Reader::new(value);
    let number = reader.int().ok()?;
    reader.finish().ok()?;
    Some(number)
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

const START: u16 = 1;

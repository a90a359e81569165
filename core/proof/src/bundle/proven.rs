//! What a bundle proves: facts, or the first step that failed and which record it is about.

use super::{Bundle, BundleEntry};
use crate::Rejection;
use crate::checkpoint::{Checkpoint, Witnessed};
use crate::entry::{Entry, Event, EventType, SignedEvent, entry_leaf};
use crate::hash::Hash;
use crate::merkle::{leaf_hash_of, root_from_shared};
use crate::trust::{PinnedKey, Trust};
use crate::verify::{self, AnchorFacts, AuthorFacts, Disclosed, EntryFacts, Keys};
use alloc::vec::Vec;
use core::fmt;

/// What a bundle proves. Debug leaves disclosed values out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFacts {
    /// The batches by log index, each with its records.
    pub entries: Vec<EntryRecords>,
    /// The checkpoint that has the entries in it.
    pub logged: Checkpoint,
    /// Who cosigned the checkpoint.
    pub witnessed: Witnessed,
    /// Each anchor by itself, in order.
    pub anchors: Vec<AnchorFacts>,
    /// By when it all existed, in seconds: said by a quorum, never by its authors.
    pub existed_by: Option<u64>,
}

/// A batch's entry and records proven to be in the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRecords {
    /// Which entry of the log.
    pub index: u64,
    /// The entry.
    pub entry: EntryFacts,
    /// How many leaves the batch has.
    pub size: u64,
    /// The records, by leaf.
    pub records: Vec<RecordFacts>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFacts {
    /// Which leaf of the batch.
    pub index: u64,
    /// The record hash.
    pub record_hash: Hash,
    /// What was shown of it.
    pub disclosed: Option<Disclosed>,
    /// Who wrote it, when not the owner.
    pub author: Option<AuthorFacts>,
}

/// Why a bundle was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code of the first step that failed.
    pub rejection: Rejection,
    /// What it is about; None for the whole bundle.
    pub at: Option<At>,
}

/// Which entry or record a rejection is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct At {
    /// The log index of its entry.
    pub entry: u64,
    /// Its leaf in the batch; None for the entry itself.
    pub leaf: Option<u64>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rejection.code())
    }
}

impl core::error::Error for Refused {}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self {
            rejection,
            at: None,
        }
    }
}

impl Bundle<'_> {
    /// Verifies a bundle in one pass: a node that several records share is hashed once.
    ///
    /// # Errors
    ///
    /// The code of the first step that fails, in the order of
    /// `docs/receipt-format.md` section 12, and the record or entry it is about.
    /// Never panics, whatever the input.
    pub fn verify(bytes: &[u8], trust: &Trust) -> Result<BundleFacts, Refused> {
        let bundle = Bundle::decode(bytes)?;
        let entries = bundle.read_entries()?;
        let enrolments = bundle.read_enrolments()?;
        let mut records = Vec::new();
        for of in &bundle.entries {
            records.push(of.records(trust)?);
        }
        let mut roots = Vec::new();
        for of in &bundle.entries {
            roots.push(of.root()?);
        }

        let carried: Vec<PinnedKey> = bundle.keys.iter().cloned().map(PinnedKey::from).collect();
        let keys = Keys {
            trust,
            carried: &carried,
            origin: bundle.origin,
        };
        let mut facts = Vec::new();
        let parts = bundle.entries.iter().zip(entries).zip(roots).zip(records);
        for (((of, entry), root), records) in parts {
            let here = of.here();
            // GENESIS, the only entry at 0, is no batch
            let holds = entry.event.kind == EventType::Batch && entry.event.recordhash == root;
            if !holds || of.index == 0 {
                return Err(here(Rejection::EntryMismatch));
            }
            let enrolment = of.enrolment.and_then(|number| enrolments.get(number));
            let enrolment = enrolment.map(|(event, signed)| {
                let by = verify::enrolment_by(&entry, &signed.event, signed.signature);
                (event.clone(), by)
            });
            facts.push(EntryRecords {
                index: of.index,
                entry: keys.entry_facts(entry, enrolment).map_err(here)?,
                size: of.size,
                records,
            });
        }

        let root = bundle.log_root()?;
        let (logged, witnessed) =
            verify::logged(bundle.origin, bundle.size, root, &bundle.lines, trust)?;
        Ok(BundleFacts {
            entries: facts,
            logged,
            existed_by: witnessed.time,
            witnessed,
            anchors: verify::anchors(&bundle.anchors, trust),
        })
    }

    /// Every record whose disclosure is not that of the record hash beside it: changed since.
    ///
    /// [`Bundle::verify`] names the first; this is for who wants to know which others to trust.
    pub fn changed_records(&self) -> Vec<At> {
        let changed = |of: &BundleEntry<'_>| {
            let records = of.records.iter().filter(|record| {
                let shown = record.disclosure.map(|bytes| {
                    verify::check_beside(bytes)?;
                    verify::disclosed(bytes, &record.record_hash, record.index)
                });
                shown.is_some_and(|shown| shown.is_err())
            });
            let named = |record: &super::BundleRecord<'_>| At {
                entry: of.index,
                leaf: Some(record.index),
            };
            records.map(named).collect::<Vec<_>>()
        };
        self.entries.iter().flat_map(changed).collect()
    }

    fn read_entries(&self) -> Result<Vec<Entry>, Refused> {
        let mut entries = Vec::new();
        for of in &self.entries {
            entries.push(Entry::decode(of.entry).map_err(of.here())?);
            for record in &of.records {
                let checked = record.disclosure.map(verify::check_beside);
                checked.transpose().map_err(of.at(record.index))?;
            }
        }
        Ok(entries)
    }

    fn read_enrolments(&self) -> Result<Vec<(Event, SignedEvent)>, Rejection> {
        let read = |(bytes, signature): &(&[u8], _)| {
            let event = Event::decode(bytes)?;
            let signed = SignedEvent {
                event: (*bytes).into(),
                signer: event.owner,
                signature: *signature,
            };
            Ok((event, signed))
        };
        self.enrolments.iter().map(read).collect()
    }

    pub(super) fn log_root(&self) -> Result<Hash, Refused> {
        if let Some(over) = self.entries.iter().find(|of| of.index >= self.size) {
            return Err(over.here()(Rejection::IndexOutOfRange));
        }
        let leaves = self
            .entries
            .iter()
            .map(|of| (of.index, entry_leaf(of.entry)))
            .collect();
        Ok(root_from_shared(leaves, self.size, &self.nodes)?)
    }
}

impl BundleEntry<'_> {
    fn here(&self) -> impl Fn(Rejection) -> Refused + Copy {
        self.refused(None)
    }

    fn at(&self, leaf: u64) -> impl Fn(Rejection) -> Refused + Copy {
        self.refused(Some(leaf))
    }

    fn refused(&self, leaf: Option<u64>) -> impl Fn(Rejection) -> Refused + Copy + use<> {
        let at = At {
            entry: self.index,
            leaf,
        };
        move |rejection| Refused {
            rejection,
            at: Some(at),
        }
    }

    fn records(&self, trust: &Trust) -> Result<Vec<RecordFacts>, Refused> {
        let mut facts = Vec::new();
        for record in &self.records {
            let (hash, index, at) = (&record.record_hash, record.index, self.at(record.index));
            let disclosed = record
                .disclosure
                .map(|bytes| verify::disclosed(bytes, hash, index));
            let disclosed = disclosed.transpose().map_err(at)?;
            let author = record.author.as_ref();
            let author = author.map(|author| verify::author(author, hash, trust));
            facts.push(RecordFacts {
                index,
                record_hash: *hash,
                disclosed,
                author: author.transpose().map_err(at)?,
            });
        }
        Ok(facts)
    }

    pub(super) fn root(&self) -> Result<Hash, Refused> {
        if let Some(over) = self.records.iter().find(|it| it.index >= self.size) {
            return Err(self.at(over.index)(Rejection::IndexOutOfRange));
        }
        let leaves = self
            .records
            .iter()
            .map(|record| (record.index, leaf_hash_of(&record.record_hash)))
            .collect();
        root_from_shared(leaves, self.size, &self.nodes).map_err(self.here())
    }
}

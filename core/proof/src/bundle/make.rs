//! Makes a bundle of receipts under one checkpoint.

use super::{
    Bundle, BundleEntry, BundleRecord, MAX_ENROLMENTS, MAX_ENTRIES, MAX_KEYS, MAX_RECORDS,
};
use crate::Rejection;
use crate::checkpoint::MAX_LINES;
use crate::hash::Hash;
use crate::merkle::share_paths;
use crate::receipt::{MAX_ANCHORS, Receipt, Record};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The receipts of one entry, with the record of each, by leaf index.
type Group<'r, 'a> = BTreeMap<u64, (&'r Receipt<'a>, &'r Record<'a>)>;

impl<'a> Bundle<'a> {
    /// The bundle of the records these receipts are of, in any order. It proves what they prove.
    ///
    /// # Errors
    ///
    /// `MALFORMED`: no receipt, one of an event, or a record twice. `ENTRY_MISMATCH`: two
    /// checkpoints, or receipts that contradict each other. `INDEX_OUT_OF_RANGE` and
    /// `PATH_LENGTH`: a receipt that would not verify. `LIMIT_EXCEEDED`: more than a bundle holds.
    pub fn of_receipts(receipts: &[Receipt<'a>]) -> Result<Self, Rejection> {
        let first = receipts.first().ok_or(Rejection::Malformed)?;
        let mut bundle = Self {
            entries: Vec::new(),
            origin: first.log.origin,
            size: first.log.size,
            nodes: Vec::new(),
            lines: Vec::new(),
            anchors: Vec::new(),
            keys: Vec::new(),
            enrolments: Vec::new(),
        };
        let mut groups: BTreeMap<u64, Group<'_, 'a>> = BTreeMap::new();
        for receipt in receipts {
            let record = receipt.record.as_ref().ok_or(Rejection::Malformed)?;
            if (receipt.log.origin, receipt.log.size) != (bundle.origin, bundle.size) {
                return Err(Rejection::EntryMismatch);
            }
            bundle.take_common(receipt);
            let group = groups.entry(receipt.log.index).or_default();
            if group.insert(record.index, (receipt, record)).is_some() {
                return Err(Rejection::Malformed);
            }
        }
        let mut paths = Vec::new();
        for (index, group) in &groups {
            let entry = bundle.entry_of(*index, group)?;
            let (receipt, _) = group.values().next().ok_or(Rejection::Malformed)?;
            paths.push((*index, receipt.log.path));
            bundle.entries.push(entry);
        }
        bundle.nodes = share_paths(&paths, bundle.size)?;
        bundle.check_limits(receipts.len())?;
        Ok(bundle)
    }

    /// Lines, anchors and keys, each once.
    fn take_common(&mut self, receipt: &Receipt<'a>) {
        for (name, blob) in &receipt.lines {
            let same =
                |(known, other): &(&str, &[u8])| known == name && other.get(..4) == blob.get(..4);
            if !self.lines.iter().any(same) {
                self.lines.push((name, blob));
            }
        }
        for anchor in &receipt.anchors {
            if !self.anchors.contains(anchor) {
                self.anchors.push(*anchor);
            }
        }
        for key in &receipt.keys {
            if !self.keys.contains(key) {
                self.keys.push(key.clone());
            }
        }
    }

    fn entry_of(
        &mut self,
        index: u64,
        group: &Group<'_, 'a>,
    ) -> Result<BundleEntry<'a>, Rejection> {
        let (first, record) = group.values().next().ok_or(Rejection::Malformed)?;
        let one = |(receipt, of): &(&Receipt<'a>, &Record<'a>)| {
            receipt.entry == first.entry
                && receipt.log.path == first.log.path
                && of.size == record.size
        };
        if !group.values().all(one) {
            return Err(Rejection::EntryMismatch);
        }
        let enrolment = group.values().find_map(|(receipt, _)| receipt.enrolment);
        let paths: Vec<(u64, &[Hash])> = group
            .iter()
            .map(|(leaf, (_, record))| (*leaf, record.path))
            .collect();
        Ok(BundleEntry {
            entry: first.entry,
            index,
            size: record.size,
            nodes: share_paths(&paths, record.size)?,
            records: group
                .values()
                .map(|(receipt, record)| BundleRecord {
                    index: record.index,
                    record_hash: record.record_hash,
                    disclosure: receipt.disclosure,
                    author: receipt.author.clone(),
                })
                .collect(),
            enrolment: enrolment.map(|enrolment| {
                let known = self.enrolments.iter().position(|it| *it == enrolment);
                known.unwrap_or_else(|| {
                    self.enrolments.push(enrolment);
                    self.enrolments.len().saturating_sub(1)
                })
            }),
        })
    }

    fn check_limits(&self, records: usize) -> Result<(), Rejection> {
        let within = self.entries.len() <= MAX_ENTRIES
            && records <= MAX_RECORDS
            && self.lines.len() <= MAX_LINES
            && self.anchors.len() <= MAX_ANCHORS
            && self.keys.len() <= MAX_KEYS
            && self.enrolments.len() <= MAX_ENROLMENTS;
        if within {
            Ok(())
        } else {
            Err(Rejection::LimitExceeded)
        }
    }
}

//! Several records in one file: bundles, and proofs that none of a period is left out.

use super::entries::{Checked, Enrolled, Kept};
use super::link::CloudSettings;
use super::pull::batch_of;
use super::round::Round;
use crate::Error;
use crate::client::{ClientError, Transport};
use crate::heads::Head;
use crate::receipts::{Disclosure, EventProof};
use crate::store::{DAMAGED, Kind};
use crate::vault::{Core, Vault};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_domain::sealed::RecordRef;
use vitalwitness_domain::sync::Network;
use vitalwitness_domain::wire::Proof;
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::bundle::Bundle;
use vitalwitness_proof::cbor::Value;
use vitalwitness_proof::completeness::{Completeness, CompletenessFacts, OpenedBatch};
use vitalwitness_proof::entry::{EventType, entry_leaf};
use vitalwitness_proof::keys::{PublicKey, id_of};
use vitalwitness_proof::merkle::verify_inclusion;
use vitalwitness_proof::receipt::Receipt;

/// A completeness proof, and what whoever gets it is told.
pub struct Complete {
    /// The proof (`.vwc`).
    pub bytes: Vec<u8>,
    /// What it proves, as its verifier finds it.
    pub facts: CompletenessFacts,
}

impl fmt::Debug for Complete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Complete({} bytes)", self.bytes.len())
    }
}

impl Vault {
    /// The bundle (`.vwb`) of these records, each with what is shown of it.
    ///
    /// # Errors
    ///
    /// As [`Vault::receipt`]; [`Error::NotLogged`] also where the records' batches were checked
    /// under different heads: [`Vault::renew_proofs`] brings them under one.
    pub fn bundle(&self, records: &[(Hash, Disclosure)]) -> Result<Vec<u8>, Error> {
        let receipts: Vec<Vec<u8>> = records
            .iter()
            .map(|(rc, disclosure)| self.receipt(rc, disclosure))
            .collect::<Result<_, _>>()?;
        let receipts: Vec<Receipt<'_>> = receipts
            .iter()
            .map(|bytes| Receipt::decode(bytes).map_err(|_| DAMAGED))
            .collect::<Result<_, _>>()?;
        match Bundle::of_receipts(&receipts) {
            Ok(bundle) => Ok(bundle.encode()),
            Err(Rejection::EntryMismatch) => Err(Error::NotLogged),
            Err(_) => Err(Error::NotFound),
        }
    }

    /// Brings the proofs of these records' batches under the newest head this phone accepted.
    ///
    /// # Errors
    ///
    /// [`Error::NotLogged`] before the first sync; [`Error::Cloud`] where the service does not
    /// answer, or answers with a path that does not lead to that head.
    pub async fn renew_proofs(
        &self,
        records: &[Hash],
        transport: &Arc<dyn Transport>,
    ) -> Result<(), Error> {
        let round = Round::new(self, transport, Network::default())?;
        let (head, batches) = self.with(|core| {
            let mut batches = BTreeSet::new();
            for rc in records {
                let row = core.row_of(rc)?;
                batches.insert(core.index.get(row).ok_or(Error::NotFound)?.header.id);
            }
            let head = Head::load(&round.settings.origin, &core.store.reader())?;
            Ok::<_, Error>((head.ok_or(Error::NotLogged)?, batches))
        })?;
        let note = head.read()?;
        let size = note.checkpoint.size;
        for batch in batches {
            let mut proof = self.with(|core| core.batch_proof(&batch))?;
            if proof.size == size {
                continue;
            }
            let target = format!("/v1/log/inclusion?index={}&size={size}", proof.index);
            let path: Proof = round.client.open("GET", &target, None::<&()>).await?;
            let path: Vec<Hash> = path.nodes.into_iter().map(|node| node.0).collect();
            let leaf = entry_leaf(&proof.entry);
            verify_inclusion(&leaf, proof.index, size, &path, &note.checkpoint.root)
                .map_err(|_| ClientError::Unreadable)?;
            proof.move_to(&note, path, &round.log);
            self.with(|core| Ok::<_, Error>(core.store.write(|tx| proof.save_batch(&batch, tx))?))?;
        }
        Ok(())
    }

    /// The proof that of the records of a category between `from_ms` and `to_ms` (not included)
    /// those with one of `codes` are shown, and how many others there are. No codes: all.
    ///
    /// Shown is what was measured and when; not the device, not the note.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] for a category without records, or an empty period;
    /// [`Error::NotLogged`] where nothing of it would verify yet: sync first.
    pub fn completeness(
        &self,
        category: u8,
        (from_ms, to_ms): (i64, i64),
        codes: &[String],
    ) -> Result<Complete, Error> {
        if from_ms >= to_ms {
            return Err(Error::NotFound);
        }
        self.with(|core| core.completeness(category, (from_ms, to_ms), codes))
    }
}

/// A batch of the channel that this phone can open.
struct Item {
    seq: u64,
    header: Vec<u8>,
    tree: vitalwitness_proof::merkle::Tree,
    records: Vec<(usize, Vec<u8>)>,
}

impl Core {
    fn batch_proof(&self, batch: &Id) -> Result<EventProof, Error> {
        let reader = self.store.reader();
        EventProof::load(Kind::BatchProof, batch, &reader)?.ok_or(Error::NotLogged)
    }

    fn completeness(
        &self,
        category: u8,
        period: (i64, i64),
        codes: &[String],
    ) -> Result<Complete, Error> {
        let reader = self.store.reader();
        let settings = CloudSettings::load(&reader)?.ok_or(ClientError::NotConnected)?;
        let trust = parse_trust(&settings.trust).map_err(|_| DAMAGED)?;
        let channel = crate::channels::Channel::brief(category, &reader)?;
        let (channel, _) = channel.ok_or(Error::NotFound)?;
        let mut entries = Vec::new();
        while let Some(kept) = Kept::load(&channel, entries.len() as u64 + 1, &reader)? {
            if kept.checked < Checked::Logged {
                break;
            }
            entries.push(kept);
        }
        // the last entry whose place in the log is kept with it
        let receipt = loop {
            let last = entries.last().ok_or(Error::NotLogged)?;
            if let Some(proof) = self.proof_of(last)? {
                break proof.receipt(None).encode();
            }
            entries.pop();
        };
        let mut keys = Vec::new();
        let mut items = Vec::new();
        for kept in &entries {
            let entry = kept.read()?;
            let event = &entry.event;
            if event.kind == EventType::Enrol {
                let key = Enrolled::load(&id_of(&event.recordhash), &reader)?;
                let key = key.and_then(|key| PublicKey::from_spki(&key.spki).ok());
                keys.extend(key.filter(|key| !keys.contains(key)));
            }
            if event.kind == EventType::Batch
                && let Some(batch) = batch_of(&event.recordhash, &reader)?
                && let Some(row) = self.index.row_of(&batch)
                && let Ok(opened) = self.open_body(row)
            {
                items.push(Item {
                    seq: entry.seq,
                    header: opened.disclose_header(&[1, 2, 4]),
                    records: shown(&opened, period, codes),
                    tree: opened.tree().clone(),
                });
            }
        }
        entries.pop();
        let shown: Vec<Vec<(usize, &[u8])>> = items
            .iter()
            .map(|item| {
                let records = item.records.iter();
                records
                    .map(|(leaf, bytes)| (*leaf, bytes.as_slice()))
                    .collect()
            })
            .collect();
        let proof = Completeness {
            period,
            receipt: &receipt,
            entries: entries.iter().map(|kept| kept.bytes.as_slice()).collect(),
            keys,
            batches: items
                .iter()
                .zip(&shown)
                .map(|(item, shown)| {
                    OpenedBatch::of_tree(item.seq, &item.tree, &item.header, shown)
                })
                .collect::<Option<_>>()
                .ok_or(DAMAGED)?,
            head: None,
        };
        let bytes = proof.encode();
        // nothing leaves that its reader would refuse
        let facts = Completeness::verify(&bytes, &trust).map_err(|why| {
            log::warn!("a completeness proof would not verify: {why}");
            Error::NotLogged
        })?;
        Ok(Complete { bytes, facts })
    }

    /// What is kept of this very entry's place in the log.
    fn proof_of(&self, kept: &Kept) -> Result<Option<EventProof>, Error> {
        let reader = self.store.reader();
        let event = kept.read()?.event;
        let batch = match event.kind {
            EventType::Batch => batch_of(&event.recordhash, &reader)?,
            _ => None,
        };
        let proof = match batch {
            Some(batch) => EventProof::load(Kind::BatchProof, &batch, &reader)?,
            None => EventProof::load(Kind::EventProof, &event.recordhash, &reader)?,
        };
        // two events may be of one recordhash: a grant and its end
        Ok(proof.filter(|proof| proof.entry == kept.bytes))
    }
}

/// What is opened of a batch: the records of the period with one of `codes`, and the starts of
/// the nearest ones outside it, which bound how many the period has; not of the batch's first and
/// last records, whose starts its header says.
fn shown(
    opened: &vitalwitness_domain::sealed::Opened,
    (from, to): (i64, i64),
    codes: &[String],
) -> Vec<(usize, Vec<u8>)> {
    let mut out = Vec::new();
    let records: Vec<_> = opened.records().collect();
    let told = |place: &usize| {
        let index = records.get(*place).map(RecordRef::index);
        index == Some(1) || index == Some(opened.len())
    };
    let before = records.iter().rposition(|record| record.start() < from);
    let before = before.filter(|place| !told(place));
    let after = records.iter().position(|record| record.start() >= to);
    let after = after.filter(|place| !told(place));
    for (place, record) in records.iter().enumerate() {
        let of_code = || match record.values().get(4) {
            Some(Value::Text(code)) => codes.iter().any(|wanted| wanted == code),
            _ => false,
        };
        if Some(place) == before || Some(place) == after {
            out.push((record.index(), record.disclose_some(&[1])));
        } else if (from..to).contains(&record.start()) && (codes.is_empty() || of_code()) {
            // without the id, the source and the note
            let slots: Vec<u16> = (1..record.schema().slots().saturating_sub(2)).collect();
            out.push((record.index(), record.disclose_some(&slots)));
        }
    }
    out
}

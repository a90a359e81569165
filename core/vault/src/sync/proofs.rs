//! The log's head and the inclusion of every entry of the owner's channels under it.

use super::entries::{self, Checked, Kept};
use super::link;
use super::pull::batch_of;
use super::round::{Asked, Round};
use crate::Error;
use crate::compare;
use crate::heads::{self, Evidence, Head, Verdict};
use crate::receipts::{self, EventProof};
use crate::store::{BatchState, DAMAGED};
use crate::vault::Core;
use std::collections::VecDeque;
use vitalwitness_domain::sync::Answer;
use vitalwitness_domain::wire::Proof;
use vitalwitness_proof::Hash;
use vitalwitness_proof::entry::{EventType, entry_leaf};
use vitalwitness_proof::merkle::verify_inclusion;

impl Round<'_> {
    pub(crate) async fn head(&mut self) -> Result<Asked, Error> {
        let note = match self.client.open_text("/v1/log/checkpoint").await {
            Ok(note) => note,
            Err(error) => return Ok(Asked::from_answer(Err(error))),
        };
        let accepted = self.vault.with(|core| {
            Ok::<_, Error>(Head::load(&self.settings.origin, &core.store.reader())?)
        })?;
        let proof = match self.consistency(accepted.as_ref(), &note).await? {
            Ok(proof) => proof,
            Err(asked) => return Ok(asked),
        };
        let now_ms = self.now_ms()?;
        let verdict = heads::judge(accepted.as_ref(), &note, &proof, &self.log, now_ms);
        match verdict {
            Verdict::Refuse(code) => {
                log::warn!("a head of the log was refused: {code}");
                Ok(Asked::Answer(Answer::Unreadable))
            }
            Verdict::Caught(code) => {
                let before = accepted.map(|head| head.note.into_bytes());
                let evidence = Evidence {
                    code: code.code().to_owned(),
                    origin: self.settings.origin.clone(),
                    before: before.unwrap_or_default(),
                    after: note.into_bytes(),
                    proof,
                    paths: Vec::new(),
                    time_ms: now_ms,
                };
                self.freeze(&evidence)?;
                Ok(Asked::Done)
            }
            Verdict::Accept(head) => {
                self.vault.with(|core| {
                    Ok::<_, Error>(
                        core.store
                            .write(|tx| head.save(&self.settings.origin, tx))?,
                    )
                })?;
                self.scan(&head)?;
                let caught = compare::settle(self.vault, &self.client, &self.settings, &head);
                if let Some(evidence) = caught.await? {
                    self.freeze(&evidence)?;
                }
                Ok(Asked::Done)
            }
        }
    }

    /// The consistency proof between the accepted head and a note, if there is one to ask for.
    async fn consistency(
        &self,
        accepted: Option<&Head>,
        note: &str,
    ) -> Result<Result<Vec<Hash>, Asked>, Error> {
        let (Some(accepted), Ok(new)) = (accepted, heads::claimed(note)) else {
            return Ok(Ok(Vec::new()));
        };
        let old = accepted.read()?.checkpoint.size;
        if old == 0 || new.size <= old {
            return Ok(Ok(Vec::new()));
        }
        let proof = compare::consistency(&self.client, old, new.size).await;
        Ok(proof.map_err(|error| Asked::from_answer(Err(error))))
    }

    pub(super) fn freeze(&mut self, evidence: &Evidence) -> Result<(), Error> {
        log::error!("the log contradicts itself: {}", evidence.code);
        self.frozen = Some(evidence.code.clone());
        self.vault.with(|core| {
            Ok(core.store.write(|tx| {
                evidence.save(tx)?;
                link::freeze(&evidence.code, tx)
            })?)
        })
    }

    /// Finds the entries whose inclusion is to be checked under `head`.
    fn scan(&mut self, head: &Head) -> Result<(), Error> {
        let size = head.read()?.checkpoint.size;
        let goal = if head.witnessed_s.is_some() {
            Checked::Witnessed
        } else {
            Checked::Logged
        };
        let found = self
            .vault
            .with(|core| Ok::<_, Error>(Kept::all(&core.store.reader())?))?;
        let wanted = found
            .into_iter()
            .filter(|kept| kept.checked < goal && kept.index < size);
        self.unchecked = Some(wanted.collect());
        Ok(())
    }

    /// Fetches and checks the inclusion of the first unchecked entry.
    pub(super) async fn check(&mut self, index: i64) -> Result<Asked, Error> {
        let front = self.unchecked.as_ref().and_then(VecDeque::front).cloned();
        let Some(kept) = front.filter(|kept| i64::try_from(kept.index) == Ok(index)) else {
            return Ok(Asked::Done);
        };
        let loaded = self.vault.with(|core| {
            Ok::<_, Error>(Head::load(&self.settings.origin, &core.store.reader())?)
        })?;
        let head = loaded.ok_or(DAMAGED)?;
        let note = head.read()?;
        let size = note.checkpoint.size;
        let path = match self.inclusion(kept.index, size).await {
            Ok(path) => path,
            Err(asked) => return Ok(asked),
        };
        let leaf = entry_leaf(&kept.bytes);
        let root = &note.checkpoint.root;
        if let Err(code) = verify_inclusion(&leaf, kept.index, size, &path, root) {
            // The cloud told of an entry that its own signed tree does not hold.
            let evidence = Evidence {
                code: code.code().to_owned(),
                origin: self.settings.origin.clone(),
                before: head.note.into_bytes(),
                after: kept.bytes,
                proof: path,
                paths: Vec::new(),
                time_ms: self.now_ms()?,
            };
            self.freeze(&evidence)?;
            return Ok(Asked::Done);
        }
        let (lines, in_cose) = receipts::sorted(&note, &self.log);
        let proof = EventProof {
            entry: kept.bytes.clone(),
            origin: self.settings.origin.clone(),
            size,
            index: kept.index,
            path,
            lines,
            in_cose,
            keys: Vec::new(),
            enrolment: None,
        };
        let witnessed = head.witnessed_s.is_some();
        self.vault
            .with(|core| core.keep_proof(kept, proof, witnessed))?;
        if let Some(unchecked) = &mut self.unchecked {
            unchecked.pop_front();
        }
        Ok(Asked::Done)
    }

    /// The path of an entry in the tree of `size`.
    pub(crate) async fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, Asked> {
        let target = format!("/v1/log/inclusion?index={index}&size={size}");
        let path: Result<Proof, _> = self.client.open("GET", &target, None::<&()>).await;
        match path {
            Ok(path) => Ok(path.nodes.into_iter().map(|node| node.0).collect()),
            Err(error) => Err(Asked::from_answer(Err(error))),
        }
    }
}

impl Core {
    /// Keeps what proves an entry, and moves on what the entry is about.
    fn keep_proof(
        &mut self,
        mut kept: Kept,
        mut proof: EventProof,
        witnessed: bool,
    ) -> Result<(), Error> {
        let entry = kept.read()?;
        kept.checked = if witnessed {
            Checked::Witnessed
        } else {
            Checked::Logged
        };
        let reader = self.store.reader();
        let owner = entries::Enrolled::load(&entry.event.owner, &reader)?;
        if let Some(signer) = entries::Enrolled::load(&entry.signed.signer, &reader)? {
            proof.keys.push(signer.spki.clone());
            if entry.signed.signer != entry.event.owner {
                proof.keys.extend(owner.map(|owner| owner.spki));
                proof.enrolment = Some((signer.event, signer.signature));
            }
        }
        let batch = match entry.event.kind {
            EventType::Batch => batch_of(&entry.event.recordhash, &reader)?,
            _ => None,
        };
        self.store.write(|tx| {
            match (&batch, entry.event.kind) {
                (Some(batch), _) => proof.save_batch(batch, tx)?,
                (None, EventType::Batch) => {}
                (None, _) => proof.save_event(&entry.event.recordhash, tx)?,
            }
            kept.save(tx)
        })?;
        if let Some(row) = batch.and_then(|batch| self.index.row_of(&batch)) {
            let state = if witnessed {
                BatchState::Witnessed
            } else {
                BatchState::Logged
            };
            self.advance(row, state)?;
        }
        Ok(())
    }
}

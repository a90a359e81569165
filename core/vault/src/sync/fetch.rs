//! Batches that were sealed elsewhere: taken in only when the channel says who sealed them.
//!
//! A batch counts when a kept BATCH entry of its channel has its root and is by one who may write:
//! a key that the owner enrolled as a device, or a certified person under a live grant that lets
//! append. That a device's key was not ended before its entry was checked when the entry was kept;
//! what it sealed before its end stays.

use super::entries::{Enrolled, Kept};
use super::pull::{batch_of, remember_batch};
use super::round::{Asked, Round};
use crate::Error;
use crate::channels::Channel;
use crate::client::ClientError;
use crate::erasing::is_erased;
use crate::handover::Adopt;
use crate::header::Sealer;
use crate::share::{May, Writers};
use crate::store::BatchState;
use crate::sync::entries::Checked;
use crate::vault::Core;
use vitalwitness_domain::policy::{self, Action, Category};
use vitalwitness_domain::record::Id;
use vitalwitness_domain::sealed::Expect;
use vitalwitness_domain::stream::StreamId;
use vitalwitness_domain::wire::BatchInfo;
use vitalwitness_proof::entry::{Entry, EventType};
use vitalwitness_proof::sha256;

impl Round<'_> {
    /// Fetches and adopts a batch that was sealed elsewhere.
    pub(super) async fn fetch(&mut self, info: &BatchInfo) -> Result<Asked, Error> {
        let known = self.vault.with(|core| core.known_of(info))?;
        if known.erased {
            return Ok(Asked::Gone);
        }
        if known.revision.is_some_and(|held| held >= info.revision) {
            return Ok(Asked::Done);
        }
        let Some(owner) = known.owner else {
            // the channel comes with the bag; until then it waits
            return Ok(Asked::Later);
        };
        let Some(entry) = self.vault.with(|core| core.covering(info, &owner))? else {
            return Ok(Asked::aside(NOT_COVERED));
        };
        let Some(stream) = known.stream else {
            return Ok(Asked::Later); // so does the key
        };
        let sealer = match self.sealer(&entry, &stream).await? {
            Ok(Some(sealer)) => sealer,
            Ok(None) => return Ok(Asked::aside(NOT_COVERED)),
            Err(asked) => return Ok(asked),
        };
        let target = format!("/v1/objects/{}", info.batch);
        let bytes = match self.client.get_bytes(&target, info.bytes).await {
            Ok(bytes) => bytes,
            // Erased since.
            Err(ClientError::Refused(problem)) if problem.status == 404 => return Ok(Asked::Gone),
            Err(error) => return Ok(Asked::from_answer(Err(error))),
        };
        if sha256(&[&bytes]) != info.digest.0 {
            return Ok(Asked::aside(OTHER_BYTES));
        }
        let adopt = Adopt {
            expect: Expect {
                channel: info.channel.0,
                stream_key: info.stream_key.0,
                batch: info.batch.0,
                root: info.root.0,
                leaves: info.leaves,
            },
            revision: info.revision,
            sealer,
        };
        self.vault.with(|core| {
            core.prove_again(info)?;
            core.adopt(&adopt, &bytes, BatchState::Stored)
        })?;
        self.rescan();
        Ok(Asked::Done)
    }

    /// Who sealed what `entry` covers; none: nobody who may. An error: it cannot be said yet.
    async fn sealer(
        &mut self,
        entry: &Entry,
        stream: &StreamId,
    ) -> Result<Result<Option<Sealer>, Asked>, Error> {
        let event = &entry.event;
        if event.receiver.is_none() {
            return self.vault.with(|core| {
                let signer = Enrolled::load(&entry.signed.signer, &core.store.reader())?;
                let category = Category::of_channel(&event.channel);
                let may = signer.is_some_and(|signer| signer.may_sign(event))
                    && category.is_some_and(|category| {
                        policy::allowed(policy::Role::Owner, category, Action::Update)
                    });
                Ok(Ok(may.then_some(Sealer::Device)))
            });
        }
        let signer = entry.signed.signer;
        let mut may = self.may_append(entry, stream, None)?;
        if may == May::Unknown {
            may = self.may_append(entry, stream, Some(&signer))?;
        }
        if may == May::Unknown {
            match self.learn_writer(entry).await? {
                Asked::Done => may = self.may_append(entry, stream, Some(&signer))?,
                asked => return Ok(Err(asked)),
            }
        }
        Ok(match may {
            May::Yes => Ok(Some(Sealer::Grantee)),
            // unknown still: listed, and neither their signature nor of the receiver
            May::No | May::Unknown => Ok(None),
        })
    }

    /// Whether a grantee's entry counts, by what is here; with what is kept of `learned`.
    fn may_append(
        &mut self,
        entry: &Entry,
        stream: &StreamId,
        learned: Option<&Id>,
    ) -> Result<May, Error> {
        let mut writers = match self.writers.take() {
            Some(writers) => writers,
            None => self
                .vault
                .with(|core| Ok::<_, Error>(Writers::load(&core.store.reader())?))?,
        };
        if let Some(signer) = learned {
            self.vault
                .with(|core| Ok::<_, Error>(writers.learn(signer, &core.store.reader())?))?;
        }
        let may = writers.may_append(entry, stream, &self.settings.ca);
        self.writers = Some(writers);
        Ok(may)
    }
}

/// What is here of a batch that the cloud tells of.
struct Known {
    /// It was erased here.
    erased: bool,
    /// The revision that is held.
    revision: Option<u32>,
    /// The owner of its channel, if that is this account's.
    owner: Option<Id>,
    /// The stream of its key.
    stream: Option<StreamId>,
}

impl Core {
    fn known_of(&self, info: &BatchInfo) -> Result<Known, Error> {
        let held = self.index.row_of(&info.batch.0);
        let sealed = held.and_then(|row| self.index.get(row)?.header.sealed);
        let own = Channel::load(info.channel.0[0], &self.store.reader())?;
        let own = own.filter(|own| own.secrets.channel == info.channel.0);
        let key = self.streams.get(&info.stream_key.0);
        Ok(Known {
            erased: is_erased(&info.batch.0, &self.store.reader())?,
            revision: sealed.map(|sealed| sealed.revision),
            owner: own.map(|own| own.secrets.owner.id()),
            stream: key.map(|key| key.stream.clone()),
        })
    }

    /// The kept BATCH entry of this channel and owner with the root of a batch.
    fn covering(&self, info: &BatchInfo, owner: &Id) -> Result<Option<Entry>, Error> {
        let reader = self.store.reader();
        let Some(kept) = Kept::load(&info.channel.0, info.seq, &reader)? else {
            return Ok(None);
        };
        let entry = kept.read()?;
        let event = &entry.event;
        let covers = event.kind == EventType::Batch
            && event.recordhash == info.root.0
            && event.owner == *owner;
        // one root is one batch: its records do not come a second time under another id
        let other = batch_of(&info.root.0, &reader)?.filter(|other| *other != info.batch.0);
        let held = other.and_then(|other| self.index.get(self.index.row_of(&other)?));
        let doubled = held.is_some_and(|held| held.header.sealed.is_some());
        Ok((covers && !doubled).then_some(entry))
    }

    /// The inclusion of a batch's entry may have been checked before the batch was here: it is
    /// checked once more, for the batch's receipts.
    fn prove_again(&mut self, info: &BatchInfo) -> Result<(), Error> {
        let reader = self.store.reader();
        let kept = Kept::load(&info.channel.0, info.seq, &reader)?;
        let kept = kept.filter(|kept| kept.checked > Checked::No);
        let told = batch_of(&info.root.0, &reader)? == Some(info.batch.0);
        if kept.is_none() && told {
            return Ok(());
        }
        self.store.write(|tx| {
            remember_batch(info, tx)?;
            kept.map_or(Ok(()), |kept| {
                let checked = Checked::No;
                Kept { checked, ..kept }.save(tx)
            })
        })?;
        Ok(())
    }
}

/// Code of a batch that no entry of one who may write covers.
const NOT_COVERED: &str = "batch_entry";
/// Code of a batch whose bytes are not those that were told.
const OTHER_BYTES: &str = "batch_bytes";

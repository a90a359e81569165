//! Items of the outbox on their way: what is sent for each, built from the keys of this moment.
//!
//! What is random in a message (a signature, an HPKE sealing) is kept before it is sent where the
//! cloud compares bytes, so that a message whose answer was lost is sent again as it was.

use super::errands::{self, Errand};
use super::link::{self, Number};
use super::round::{Asked, Round};
use super::{entries, events};
use crate::Error;
use crate::account::VaultSecret;
use crate::bag::BagSecret;
use crate::channels::Channel;
use crate::devices::{is_unchecked, keep_newest};
use crate::keys::{KeyError, key_id};
use crate::store::{BatchState, DAMAGED, Kind, Tx};
use crate::tasks::Task;
use crate::vault::Core;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vitalwitness_domain::record::Id;
use vitalwitness_domain::sync::Answer;
use vitalwitness_domain::wire::{
    BagErasure, BagItem, BatchStatus, Bytes, ChannelEntries, Hash32, Id16, Logged, NewBatch,
    NewChannel, NewRecovery, SubmittedEvent, slug,
};
use vitalwitness_proof::entry::{Event, EventType, Purpose};
use vitalwitness_proof::sha256;

impl Round<'_> {
    /// Sends an item that is no upload. `Ok`: it is done and can leave the outbox.
    pub(super) async fn send(&mut self, task: &Task) -> Result<Asked, Error> {
        match task {
            // Registering is a step of its own, before any item.
            Task::Account => Ok(Asked::Done),
            Task::VaultSecret { generation } => self.send_secret(*generation).await,
            Task::Channel { category } => self.send_channel(*category).await,
            Task::Bag { item } => self.send_bag(item).await,
            Task::Envelopes { stream_key } => self.send_envelopes(stream_key).await,
            Task::Erase { batch } => {
                let target = format!("/v1/objects/{}", Id16(*batch));
                self.tell("DELETE", &target, None::<&()>).await
            }
            Task::Other { what, bytes } => match Errand::of(*what, bytes)
                .map_err(|_| Error::NotFound)?
            {
                Errand::Grant(body) => {
                    let asked = self.post_event("/v1/grants", &body).await?;
                    if asked == Asked::Done {
                        let grant = body.terms.grant.0;
                        self.vault.with(|core| core.tell_devices(&grant))?;
                    }
                    Ok(asked)
                }
                Errand::Deny(body) => self.post_event("/v1/denials", &body).await,
                Errand::Revoke(body) => self.post_event("/v1/revocations", &body).await,
                Errand::Envelopes(body) => self.tell("POST", "/v1/envelopes", Some(&body)).await,
                Errand::Device(body) => self.tell("POST", "/v1/devices", Some(&body)).await,
                Errand::EndDevice(body) => {
                    let target = format!("/v1/devices/{}/end", body.device);
                    self.tell("POST", &target, Some(&body)).await
                }
                Errand::EraseBag(item) => {
                    let settings = &self.settings;
                    let body = self.vault.with(|core| {
                        let account = Id16(core.account.id);
                        let message = BagErasure::message(&settings.origin, account, item);
                        let (device, signature) = core.sign_as_device(&message)?;
                        Ok::<_, Error>(BagErasure { device, signature })
                    })?;
                    let target = format!("/v1/bag/{item}");
                    self.tell("DELETE", &target, Some(&body)).await
                }
                Errand::Fetch(info) => self.fetch(&info).await,
                Errand::FetchSecret(generation) => self.fetch_secret(generation).await,
                Errand::CheckRequest(hash) => self.check_request(&hash.0).await,
            },
            Task::Batch { .. } => Err(DAMAGED.into()),
        }
    }

    async fn post_event<B: Serialize + Sync>(&self, to: &str, body: &B) -> Result<Asked, Error> {
        let answer: Result<Logged, _> = self.client.call("POST", to, Some(body)).await;
        Ok(Asked::from_answer(answer.map(drop)))
    }

    pub(super) async fn tell<B: Serialize + Sync>(
        &self,
        method: &'static str,
        target: &str,
        body: Option<&B>,
    ) -> Result<Asked, Error> {
        let answer = self.client.tell(method, target, body).await;
        Ok(Asked::from_answer(answer))
    }

    /// The vault secret, sealed to the kit and to every device that is known and not ended. It was
    /// signed when it was decided; one that had to be made anew is signed now.
    async fn send_secret(&mut self, generation: u32) -> Result<Asked, Error> {
        let body = self.vault.with(|core| {
            let reader = core.store.reader();
            let Some(secret) = VaultSecret::load(&reader, Some(generation))? else {
                return Ok(Err(Asked::Done));
            };
            if BagSecret::waits_for_older(generation, &reader)? {
                return Ok(Err(Asked::Later));
            }
            let make = |core: &mut Core| {
                let deks = crate::devices::other_deks(&core.store.reader())?;
                core.recovery_of(&secret, deks, None)
            };
            match kept(core, &recovery_name(generation), make) {
                Ok(body) => Ok(Ok(body)),
                // nobody at the phone, or the kit is needed
                Err(Error::Key(KeyError::Refused | KeyError::Cancelled)) => Ok(Err(Asked::Later)),
                // a grant key of this device is on its way into the log
                Err(Error::Kit(_)) if is_enrolling(&core.store.reader())? => Ok(Err(Asked::Later)),
                Err(Error::Kit(_)) => Ok(Err(Asked::aside(slug::KIT))),
                Err(error) => Err(error),
            }
        })?;
        let mut body: NewRecovery = match body {
            Ok(body) => body,
            Err(asked) => return Ok(asked),
        };
        let settings = &self.settings;
        self.vault.with(|core| {
            let account = Id16(core.account.id);
            let message = NewRecovery::message(&settings.origin, account, &body.recovery);
            let (device, signature) = core.sign_as_device(&message)?;
            (body.device, body.device_signature) = (Some(device), Some(signature));
            Ok::<_, Error>(())
        })?;
        let asked = self.tell("PUT", "/v1/recovery", Some(&body)).await?;
        if asked == Asked::Done {
            self.vault.with(|core| {
                core.store.write(|tx| keep_newest(&body, tx))?;
                core.cut_off_ended()
            })?;
            self.try_again();
        }
        Ok(asked)
    }

    /// The channel with the ENROLs of its owner and of this device's keys.
    async fn send_channel(&mut self, category: u8) -> Result<Asked, Error> {
        let server_ms = self.client.server_now_ms();
        let opened = self.vault.with(|core| {
            let loaded = Channel::load(category, &core.store.reader())?;
            let channel = loaded.ok_or(DAMAGED)?.secrets.channel;
            if !core.is_settled(&channel)? {
                return Ok(None);
            }
            let name = core.enrol_name(category)?;
            let mut new = kept(core, &name, |core| core.new_channel(category, server_ms))?;
            let keys = new.enrol.split_off(1.min(new.enrol.len()));
            let owner: Id = new.enrol.first().ok_or(DAMAGED)?.signer.0;
            let is_open = entries::Enrolled::load(&owner, &core.store.reader())?.is_some();
            Ok::<_, Error>(Some((new, keys, is_open)))
        })?;
        let Some((new, keys, is_open)) = opened else {
            return Ok(Asked::Later);
        };
        if !is_open {
            let answer: Result<ChannelEntries, _> =
                self.client.call("POST", "/v1/channels", Some(&new)).await;
            match Asked::from_answer(answer.map(drop)) {
                Asked::Done => {}
                // Another device of the account has opened it meanwhile.
                Asked::Answer(Answer::Refused { code, .. }) if code == slug::EVENT_REFUSED => {}
                other => return Ok(other),
            }
        }
        for event in &keys {
            match self.post_event("/v1/entries", event).await? {
                Asked::Done => {}
                other => return Ok(other),
            }
        }
        self.vault.with(|core| {
            let loaded = Channel::load(category, &core.store.reader())?;
            let mut channel = loaded.ok_or(DAMAGED)?;
            channel.enrolled = true;
            let keys = core.own_keys(category)?;
            core.store.write(|tx| {
                channel.save(tx)?;
                keys.put(tx).map(drop)
            })
        })?;
        self.try_again();
        Ok(Asked::Done)
    }

    async fn send_bag(&mut self, item: &Id) -> Result<Asked, Error> {
        let body = self.vault.with(|core| {
            let reader = core.store.reader();
            let Some(secret) = BagSecret::get(item, &reader)? else {
                return Ok(Err(Asked::Done));
            };
            let under = match &secret {
                // under the one that follows it, which waits for it
                BagSecret::Secret(old) => VaultSecret::after(old.generation, &reader)?,
                _ => VaultSecret::in_cloud(&reader)?,
            };
            let Some(under) = under else {
                return Ok(Err(Asked::Later));
            };
            if is_unchecked(under.generation, &reader)? {
                return Ok(Err(Asked::Later));
            }
            let sealed = secret.seal(item, &core.account.id, &under, core.env.random.as_ref())?;
            Ok::<_, Error>(Ok(BagItem {
                item: Id16(*item),
                generation: under.generation,
                sealed: Bytes(sealed),
            }))
        })?;
        let body = match body {
            Ok(body) => body,
            Err(asked) => return Ok(asked),
        };
        let target = format!("/v1/bag/{}", body.item);
        match self.tell("PUT", &target, Some(&body)).await? {
            // Its answer was lost: the first sealing of the same secret is there.
            Asked::Answer(Answer::Refused { code, .. }) if code == slug::CONFLICT => {
                Ok(Asked::Done)
            }
            other => Ok(other),
        }
    }

    async fn send_envelopes(&mut self, stream_key: &Id) -> Result<Asked, Error> {
        let now_ms = self.client.server_now_ms();
        let all = self
            .vault
            .with(|core| core.envelopes_of_key(stream_key, now_ms))?;
        for body in all {
            match self.tell("POST", "/v1/envelopes", Some(&body)).await? {
                Asked::Done => {}
                // Over, taken back or never taken: its keys stay home.
                Asked::Answer(Answer::Refused { code, .. })
                    if [slug::REVOKED, slug::EXPIRED, slug::NOT_FOUND].contains(&code.as_str()) => {
                }
                other => return Ok(other),
            }
        }
        Ok(Asked::Done)
    }

    /// Announces a batch. None: it is no longer to be sent.
    pub(super) async fn announce(&mut self, batch: &Id, revision: u32) -> Result<Asked, Error> {
        let server_ms = self.client.server_now_ms();
        let new = self.vault.with(|core| {
            // its channel may give way to another device's until it is opened
            match core.is_enrolled_for(batch)? {
                Some(false) => Ok::<_, Error>(Err(Asked::Later)),
                _ => Ok(core
                    .announcement(batch, revision, server_ms)?
                    .ok_or(Asked::Gone)),
            }
        })?;
        let new = match new {
            Ok(new) => new,
            Err(asked) => return Ok(asked),
        };
        let answer: Result<BatchStatus, _> =
            self.client.call("POST", "/v1/batches", Some(&new)).await;
        match answer {
            Ok(status) => {
                self.note_quota(&status)?;
                Ok(Asked::Answer(Answer::Announced {
                    missing: status.missing,
                }))
            }
            Err(error) => Ok(Asked::from_answer(Err(error))),
        }
    }

    pub(super) async fn part(
        &mut self,
        batch: &Id,
        revision: u32,
        part: u32,
    ) -> Result<Asked, Error> {
        let bytes = self.vault.with(|core| {
            let size = link::part_bytes(&core.store.reader())?;
            let Some(row) = core.index.row_of(batch) else {
                return Ok(None);
            };
            let upload = core.upload(row)?;
            let mut parts = upload.bytes.chunks(size);
            Ok::<_, Error>(parts.nth(part as usize).map(<[u8]>::to_vec))
        })?;
        let Some(bytes) = bytes else {
            return Ok(Asked::Gone);
        };
        let target = format!("/v1/batches/{}/{revision}/parts/{part}", Id16(*batch));
        let answer: Result<BatchStatus, _> = self.client.put_bytes(&target, &bytes).await;
        Ok(Asked::from_answer(answer.map(drop)))
    }

    /// Asks for the batch to be logged. Done: the cloud has it, and says which entry it became.
    pub(super) async fn commit(&mut self, batch: &Id, revision: u32) -> Result<Asked, Error> {
        let target = format!("/v1/batches/{}/{revision}/commit", Id16(*batch));
        let answer: Result<BatchStatus, _> = self.client.call("POST", &target, None::<&()>).await;
        let status = match answer {
            Ok(status) => status,
            Err(error) => return Ok(Asked::from_answer(Err(error))),
        };
        if status.logged.is_none() {
            return Ok(Asked::Answer(Answer::Unreadable));
        }
        self.note_quota(&status)?;
        self.vault.with(|core| {
            if let Some(row) = core.index.row_of(batch) {
                core.advance(row, BatchState::Stored)?;
            }
            core.store.write(|tx| {
                Number::Full.save(0, tx)?;
                tx.remove(Kind::Meta, &event_name(batch))
            })?;
            Ok::<_, Error>(())
        })?;
        Ok(Asked::Done)
    }

    fn note_quota(&self, status: &BatchStatus) -> Result<(), Error> {
        let quota = status.quota.clone();
        self.vault
            .with(|core| Ok(core.store.write(|tx| link::save_quota(&quota, tx))?))
    }
}

impl Core {
    /// Under which name this device's ENROLs for a channel are kept: another channel or another
    /// device's keys are other ENROLs.
    fn enrol_name(&self, category: u8) -> Result<Vec<u8>, Error> {
        let channel = Channel::load(category, &self.store.reader())?.ok_or(DAMAGED)?;
        let dsk = key_id(&self.env.keystore.public(&channel.dsk)?);
        Ok([b"enrol".as_slice(), &channel.secrets.channel, &dsk].concat())
    }

    fn new_channel(&self, category: u8, server_ms: i64) -> Result<NewChannel, Error> {
        let channel = Channel::load(category, &self.store.reader())?.ok_or(DAMAGED)?;
        let secrets = &channel.secrets;
        let owner = &secrets.owner;
        let keystore = self.env.keystore.as_ref();
        let enrol = |spki: &[u8], purpose: Option<Purpose>| {
            let event = Event {
                purpose,
                ..events::owner_event(EventType::Enrol, secrets, sha256(&[spki]), server_ms)
            };
            let mut submitted = events::sign(&event, &owner.id(), |m| Ok(owner.sign(m)?))?;
            submitted.spki = Some(Bytes(spki.to_vec()));
            Ok::<_, Error>(submitted)
        };
        Ok(NewChannel {
            channel: Id16(secrets.channel),
            locator: Id16(secrets.locator),
            inbox: Bytes(secrets.inbox.spki().to_vec()),
            enrol: vec![
                enrol(&owner.spki(), None)?,
                enrol(&keystore.public(&channel.dsk)?, Some(Purpose::Device))?,
                enrol(&keystore.public(&channel.gsk)?, Some(Purpose::Grant))?,
            ],
        })
    }

    /// Whether the channel of a batch is open; none: there is no such batch.
    fn is_enrolled_for(&self, batch: &Id) -> Result<Option<bool>, Error> {
        let row = self.index.row_of(batch);
        let Some(indexed) = row.and_then(|row| self.index.get(row)) else {
            return Ok(None);
        };
        let channel = Channel::load(indexed.stream.category, &self.store.reader())?;
        Ok(Some(channel.is_some_and(|channel| channel.enrolled)))
    }

    /// What announces a batch; sealed anew first if its key was closed. None: this revision is no
    /// longer the newest, or the batch is gone.
    fn announcement(
        &mut self,
        batch: &Id,
        revision: u32,
        server_ms: i64,
    ) -> Result<Option<NewBatch>, Error> {
        let Some(row) = self.index.row_of(batch) else {
            return Ok(None);
        };
        let Some(indexed) = self.index.get(row) else {
            return Ok(None);
        };
        let newest = indexed.header.sealed.map(|sealed| sealed.revision);
        if newest != Some(revision) {
            return Ok(None);
        }
        if self.streams.is_closed(&indexed.header.stream_key) && indexed.state < BatchState::Stored
        {
            self.reseal(row)?;
        }
        let category = self.index.get(row).ok_or(Error::NotFound)?.stream.category;
        let upload = self.upload(row)?;
        let event = if revision == 0 {
            let name = event_name(batch);
            let (root, channel) = (upload.expect.root, upload.expect.channel);
            let make = |core: &mut Self| core.batch_event(category, root, server_ms);
            let mut event = kept(self, &name, make)?;
            if Event::decode(&event.event.0)?.channel != channel {
                // signed for a channel that gave way to another device's
                self.store.write(|tx| tx.remove(Kind::Meta, &name))?;
                event = kept(self, &name, make)?;
            }
            Some(event)
        } else {
            None
        };
        let size = link::part_bytes(&self.store.reader())?;
        let parts = upload.bytes.chunks(size);
        Ok(Some(NewBatch {
            channel: Id16(upload.expect.channel),
            batch: Id16(*batch),
            revision,
            stream_key: Id16(upload.expect.stream_key),
            root: Hash32(upload.expect.root),
            leaves: upload.expect.leaves,
            bytes: upload.bytes.len() as u64,
            digest: Hash32(sha256(&[&upload.bytes])),
            parts: parts.map(|part| Hash32(sha256(&[part]))).collect(),
            event,
        }))
    }

    fn batch_event(
        &self,
        category: u8,
        root: [u8; 32],
        server_ms: i64,
    ) -> Result<SubmittedEvent, Error> {
        let channel = Channel::load(category, &self.store.reader())?.ok_or(DAMAGED)?;
        let event = events::owner_event(EventType::Batch, &channel.secrets, root, server_ms);
        let keystore = self.env.keystore.as_ref();
        let signer = key_id(&keystore.public(&channel.dsk)?);
        events::sign(&event, &signer, |message| {
            Ok(keystore.sign(&channel.dsk, message)?)
        })
    }

    /// Signs the event of an item anew, by the corrected clock. The item as it is now; none: it
    /// is built when it is sent.
    pub(super) fn sign_anew(
        &mut self,
        id: i64,
        task: &Task,
        server_ms: i64,
    ) -> Result<Option<Task>, Error> {
        let name = match task {
            Task::Batch { batch, .. } => Some(event_name(batch)),
            Task::Channel { category } => Some(self.enrol_name(*category)?),
            _ => None,
        };
        if let Some(name) = name {
            self.store.write(|tx| tx.remove(Kind::Meta, &name))?;
            return Ok(None);
        }
        let Task::Other { what, bytes } = task else {
            return Ok(None);
        };
        let mut errand = Errand::of(*what, bytes)?;
        let submitted = match &mut errand {
            Errand::Grant(body) => &mut body.event,
            Errand::Deny(body) => &mut body.event,
            Errand::Revoke(body) => &mut body.event,
            _ => return Ok(None),
        };
        let mut event = Event::decode(&submitted.event.0)?;
        event.time = server_ms;
        let channel = Channel::load(event.channel[0], &self.store.reader())?.ok_or(DAMAGED)?;
        let owner = &channel.secrets.owner;
        *submitted = if submitted.signer.0 == owner.id() {
            events::sign(&event, &owner.id(), |m| Ok(owner.sign(m)?))?
        } else {
            self.sign_with_presence(&channel, &event)?
        };
        let signed = submitted.event.0.clone();
        let task = errand.task()?;
        self.store.write(|tx| {
            entries::remember_signed(&signed, tx)?;
            tx.requeue(id, &task.encode())
        })?;
        Ok(Some(task))
    }

    /// Moves a batch on, never back.
    pub(crate) fn advance(&mut self, row: i64, state: BatchState) -> Result<(), Error> {
        match self.index.get(row) {
            Some(batch) if batch.state < state => self.set_state(row, state),
            _ => Ok(()),
        }
    }
}

/// Whether ENROLs of this device's keys wait to be sent.
fn is_enrolling(tx: &Tx<'_>) -> Result<bool, Error> {
    let waiting = tx.first_queued()?;
    let mut waiting = waiting.iter().filter(|item| !item.quarantined);
    Ok(waiting.any(|item| matches!(Task::decode(&item.plain), Ok(Task::Channel { .. }))))
}

/// What was kept under `name`, or what `make` makes, kept first. Events in it count as signed by
/// this device.
fn kept<T: Serialize + DeserializeOwned + events::Signed>(
    core: &mut Core,
    name: &[u8],
    make: impl FnOnce(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    if let Some(item) = core.store.reader().get(Kind::Meta, name)? {
        return Ok(errands::read(&item.plain)?);
    }
    let body = make(core)?;
    let plain = errands::json(&body)?;
    core.store.write(|tx: &Tx<'_>| {
        for event in body.events() {
            entries::remember_signed(event, tx)?;
        }
        tx.put(Kind::Meta, name, 0, &plain)
    })?;
    Ok(body)
}

/// Under which name a batch's signed event is kept until the cloud has it.
pub(crate) fn event_name(batch: &Id) -> Vec<u8> {
    [b"batch event".as_slice(), batch].concat()
}

/// Under which name a vault secret is kept as it is sent.
pub(crate) fn recovery_name(generation: u32) -> Vec<u8> {
    [b"recovery".as_slice(), &generation.to_be_bytes()].concat()
}

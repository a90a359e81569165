//! Devices of an account: restoring from the kit, pairing a second one, ending one.
//!
//! ```text
//! new device                        first device                       cloud
//! code: its keys        --scan-->   states it, makes a new             DEVICE, vault secret
//!                                   vault secret, sealed to both  -->  generation + 1
//! answer: account,      <--scan--
//! cloud, statement      ------------------------------------------->  signs in, opens the bag
//! ```
//! Vault secrets before the newest travel in the bag, sealed under the newest; so what opens the
//! newest opens all. An ended device keeps what it knew and learns nothing new: a new vault
//! secret, and every stream key closed.

mod pairing;
pub(crate) mod secrets;

pub use pairing::Pairing;

use crate::Error;
use crate::account::{VaultSecret, Waiting};
use crate::bag::{BagSecret, DeviceKeys};
use crate::channels::Channel;
use crate::client::{ClientError, Transport};
use crate::header::bool_of;
use crate::keys::key_id;
use crate::kit::{Kit, KitError};
use crate::store::{DAMAGED, Kind, Priority, StoreError, Tx};
use crate::sync::errands::Errand;
use crate::sync::push::recovery_name;
use crate::sync::round::Asked;
use crate::sync::{CloudSettings, Network, SyncReport, entries, events, link};
use crate::tasks::Task;
use crate::vault::{Core, Env, Statement, Vault};
use secrets::open_secret;
use std::path::Path;
use std::sync::Arc;
use vitalwitness_domain::record::Id;
use vitalwitness_domain::sync::Answer;
use vitalwitness_domain::wire::{
    AccountDeletion, Challenge, DeviceEnd, DeviceStatement, Devices, Id16, NewRecovery,
    NewRevocation, Problem, Recovery, Sig64, slug,
};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::entry::EventType;
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::sha256;

/// Another device of the account, as its statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: Id,
    /// Ended: it cannot sign in, and learns no new secret.
    pub ended: bool,
    pub(crate) dsk: Vec<u8>,
    pub(crate) dek: Vec<u8>,
}

impl Device {
    fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(3).bytes(&self.dsk).bytes(&self.dek);
        out.bool(self.ended);
        tx.put(Kind::Device, &self.id, 0, &out.finish()).map(drop)
    }

    fn all(tx: &Tx<'_>) -> Result<Vec<Self>, StoreError> {
        let parse = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            reader.array_of(3)?;
            let dsk = reader.bytes()?.to_vec();
            let dek = reader.bytes()?.to_vec();
            let ended = bool_of(&mut reader)?;
            Ok::<_, Rejection>(Self {
                id: key_id(&dsk),
                ended,
                dsk,
                dek,
            })
        };
        let items = tx.all(Kind::Device)?.into_iter();
        items
            .map(|item| parse(&item.plain).map_err(|_| DAMAGED))
            .collect()
    }
}

/// SPKIs of the keys that other devices take vault secrets with.
pub(crate) fn other_deks(tx: &Tx<'_>) -> Result<Vec<Vec<u8>>, StoreError> {
    let devices = Device::all(tx)?.into_iter();
    Ok(devices
        .filter(|device| !device.ended)
        .map(|device| device.dek)
        .collect())
}

/// The device that stated this one; none: the kit did.
pub(crate) fn stated_by(tx: &Tx<'_>) -> Result<Option<Id>, StoreError> {
    link::get(STATED_BY, tx, link::id)
}

impl Vault {
    /// Makes a vault at `path` out of the kit and what the cloud keeps: the same records, with
    /// receipts.
    ///
    /// # Errors
    ///
    /// [`ClientError`] when the cloud cannot be reached or knows no such account; nothing is left
    /// behind then.
    pub async fn restore(
        path: &Path,
        kit: &Kit,
        settings: &CloudSettings,
        env: Env,
        transport: &Arc<dyn Transport>,
    ) -> Result<(Self, SyncReport), Error> {
        let vault = Self::join(path, &settings.origin, kit, env)?;
        let account = kit.aik().id();
        let id = kit.kk().id();
        let opened = vault
            .first_sync(settings, transport, |recovery| {
                open_secret(recovery, &id, kit.kk(), &account)
            })
            .await;
        match opened {
            Ok(report) => Ok((vault, report)),
            Err(error) => {
                vault.erase_all()?;
                Err(error)
            }
        }
    }

    /// Deletes the account at the cloud: all it holds of it but the log's entries. What is on this
    /// device stays; [`Vault::erase_all`] erases it. Nothing but the kit can do this. A cloud that
    /// knows no such account has nothing to delete.
    ///
    /// # Errors
    ///
    /// [`KitError::OtherAccount`]; as [`ClientError`], and the account is as it was, or its answer
    /// was lost: ask again.
    pub async fn delete_account(
        &self,
        kit: &Kit,
        transport: &Arc<dyn Transport>,
    ) -> Result<(), Error> {
        let account = self.with(|core| {
            core.check_kit(kit)?;
            Ok::<_, Error>(Id16(core.account.id))
        })?;
        let mut round = crate::sync::round::Round::new(self, transport, Network::default())?;
        let signed_in = round.sign_in().await?;
        if unknown_device(&signed_in) {
            return Ok(());
        }
        settled(signed_in)?;
        let client = &round.client;
        let Challenge { challenge } = client.open("POST", "/v1/challenges", None::<&()>).await?;
        let message = AccountDeletion::message(&round.settings.origin, account, challenge);
        let deletion = AccountDeletion {
            challenge,
            signature: Sig64(kit.aik().sign(&message)?),
        };
        client
            .tell("POST", "/v1/account/deletion", Some(&deletion))
            .await?;
        self.with(|core| Ok(core.store.write(link::forget_session)?))
    }

    /// Registers, signs in, opens the newest vault secret and the one before with `open`, and
    /// pulls all there is. The one before may not be in the bag: it is put there.
    pub(crate) async fn first_sync(
        &self,
        settings: &CloudSettings,
        transport: &Arc<dyn Transport>,
        open: impl Fn(&Recovery) -> Result<VaultSecret, Error>,
    ) -> Result<SyncReport, Error> {
        self.connect(settings)?;
        let mut round = crate::sync::round::Round::new(self, transport, Network::default())?;
        settled(round.register().await?)?;
        settled(round.sign_in().await?)?;
        self.learn_devices(transport).await?;
        let client = self.client(transport)?;
        // an end that only the cloud tells of refuses nothing here: it could as well not tell
        let take = |told: &NewRecovery| {
            self.with(|core| {
                core.check_recovery(told, &settings.origin, true)?;
                core.take_secret(&open(&told.recovery)?)
            })
        };
        let newest: NewRecovery = client.call("GET", "/v1/recovery", None::<&()>).await?;
        take(&newest)?;
        let generation = newest.recovery.generation;
        if generation > 1 {
            let target = format!("/v1/recovery?generation={}", generation - 1);
            match client.call("GET", &target, None::<&()>).await {
                // not sealed to a device that came later
                Ok(before) => match take(&before) {
                    Ok(()) | Err(Error::NotFound) => {}
                    Err(error) => return Err(error),
                },
                Err(ClientError::Refused(problem)) if problem.status == 404 => {}
                Err(error) => return Err(error.into()),
            }
        }
        let report = self.sync_all(transport).await?;
        if self.with(|core| core.store.write(BagSecret::put_older))? {
            return self.sync_all(transport).await;
        }
        Ok(report)
    }

    /// Other devices of the account, as far as this one was told.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn devices(&self) -> Result<Vec<Device>, Error> {
        self.with(|core| Ok(Device::all(&core.store.reader())?))
    }

    /// Asks the cloud for the account's devices, and keeps those whose statement holds.
    ///
    /// # Errors
    ///
    /// As [`ClientError`].
    pub async fn learn_devices(&self, transport: &Arc<dyn Transport>) -> Result<(), Error> {
        let client = self.client(transport)?;
        let told: Devices = client.call("GET", "/v1/devices", None::<&()>).await?;
        let settings = self.cloud()?.ok_or(ClientError::NotConnected)?;
        self.with(|core| core.keep_devices(told, &settings))
    }

    /// Ends another device: it cannot sign in any more, its keys end in every channel, every
    /// stream key closes, and a new vault secret goes to the kit and the devices that stay.
    /// Signed now, with the user present, by a key that signs grants; takes effect with the next
    /// sync.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when it is not known here; see [`Vault::learn_devices`].
    /// [`KitError::Needed`] when this device has no such key in the log yet; see
    /// [`Vault::end_device_with_kit`].
    pub fn end_device(&self, device: &Id) -> Result<(), Error> {
        self.end(device, None)
    }

    /// As [`Vault::end_device`], signed by the recovery kit.
    ///
    /// # Errors
    ///
    /// [`KitError::OtherAccount`]; [`Error::NotFound`].
    pub fn end_device_with_kit(&self, device: &Id, kit: &Kit) -> Result<(), Error> {
        self.end(device, Some(kit))
    }

    fn end(&self, device: &Id, kit: Option<&Kit>) -> Result<(), Error> {
        self.with(|core| {
            let reader = core.store.reader();
            let found = Device::all(&reader)?.into_iter().find(|d| d.id == *device);
            let mut ended = found.ok_or(Error::NotFound)?;
            ended.ended = true;
            let server_ms = core.server_ms()?;
            let end = core.sign_end(device, kit, server_ms)?;
            let revocations = core.end_keys_of(device, server_ms)?;
            let closed: Vec<Id> = core
                .streams
                .all()
                .filter(|(_, closed)| !closed)
                .map(|(key, _)| key.id)
                .collect();
            let next = core.next_secret()?;
            let mut deks = other_deks(&core.store.reader())?;
            deks.retain(|dek| *dek != ended.dek);
            let body = core.recovery_of(&next.new, deks, kit)?;
            core.store.write(|tx| {
                ended.save(tx)?;
                Errand::EndDevice(end.clone()).queue(tx)?;
                for revocation in &revocations {
                    entries::remember_signed(&revocation.event.event.0, tx)?;
                    Errand::Revoke(revocation.clone()).queue(tx)?;
                }
                for id in &closed {
                    tx.set_item_state(Kind::Stream, id, 1)?;
                }
                next.follow(Some(&body), tx)
            })?;
            for id in &closed {
                core.streams.close(id);
            }
            Ok(())
        })
    }
}

impl Core {
    /// Keeps the devices whose statement holds.
    pub(crate) fn keep_devices(
        &mut self,
        told: Devices,
        settings: &CloudSettings,
    ) -> Result<(), Error> {
        let own = self.env.keystore.public(&self.account.dsk)?;
        let mut known = Device::all(&self.store.reader())?;
        let mut left = told.devices;
        // a device that another states counts once that other one does
        loop {
            let before = left.len();
            let mut kept = Vec::new();
            for statement in left {
                let key = match statement.by {
                    None => Some(self.account.aik.clone()),
                    Some(by) if by.0 == key_id(&own) => Some(own.to_vec()),
                    Some(by) => {
                        let by = known.iter().find(|device| device.id == by.0);
                        by.map(|device| device.dsk.clone())
                    }
                };
                match key {
                    None => kept.push(statement),
                    Some(key) if holds(&statement, &key, &self.account.id, settings) => {
                        let id = key_id(&statement.dsk.0);
                        let new = known.iter().all(|device| device.id != id);
                        if new && id != key_id(&own) {
                            known.push(Device {
                                id,
                                ended: false,
                                dsk: statement.dsk.0,
                                dek: statement.dek.0,
                            });
                        }
                    }
                    Some(_) => log::warn!("a device's statement does not hold"),
                }
            }
            left = kept;
            if left.len() == before || left.is_empty() {
                break;
            }
        }
        Ok(self
            .store
            .write(|tx| known.iter().try_for_each(|device| device.save(tx)))?)
    }

    /// Now, by the server's clock as far as it is known.
    pub(crate) fn server_ms(&self) -> Result<i64, StoreError> {
        let offset = link::Number::Offset.load(&self.store.reader())?;
        Ok(self.env.clock.now_ms().saturating_add(offset))
    }

    /// The newest vault secret and the one that follows it. Those that the cloud refused are none.
    pub(crate) fn next_secret(&self) -> Result<Next, Error> {
        let reader = self.store.reader();
        let mut lost = VaultSecret::waiting(&reader)?;
        if lost.iter().all(|waiting| !waiting.aside) {
            lost.clear();
        }
        lost.retain(|waiting| waiting.generation > 1);
        let mut all = VaultSecret::all(&reader)?;
        all.retain(|secret| lost.iter().all(|lost| lost.generation != secret.generation));
        self.following(all.pop().ok_or(DAMAGED)?, lost)
    }

    fn following(&self, old: VaultSecret, lost: Vec<Waiting>) -> Result<Next, Error> {
        let generation = old.generation.checked_add(1).ok_or(DAMAGED)?;
        let new = VaultSecret::generate(generation, self.env.random.as_ref())?;
        Ok(Next { old, new, lost })
    }

    /// Another device's vault secret is in the cloud: those of this one that wait are none. What
    /// they were made for is done by one that follows it. Whether there were such.
    pub(crate) fn give_way(&mut self, newest: &VaultSecret) -> Result<bool, Error> {
        let reader = self.store.reader();
        let own = VaultSecret::load(&reader, Some(newest.generation))?;
        let same = own.is_some_and(|own| own.secret.expose() == newest.secret.expose());
        let mut lost = VaultSecret::waiting(&reader)?;
        lost.retain(|waiting| waiting.generation > 1);
        // the same: its answer was lost, and those after it still follow it
        if same || lost.is_empty() {
            return Ok(false);
        }
        let newest = VaultSecret {
            generation: newest.generation,
            secret: newest.secret.duplicate(),
        };
        let next = self.following(newest, lost)?;
        self.store.write(|tx| next.follow(None, tx))?;
        Ok(true)
    }

    /// That `device` ends, signed by the kit, or by a key of this device that signs grants.
    fn sign_end(&self, device: &Id, kit: Option<&Kit>, time: i64) -> Result<DeviceEnd, Error> {
        let reader = self.store.reader();
        let settings = CloudSettings::load(&reader)?.ok_or(ClientError::NotConnected)?;
        let (account, device) = (Id16(self.account.id), Id16(*device));
        let message = DeviceEnd::message(&settings.origin, account, device, time);
        let (by, signature) = self.sign_present(kit, &message)?;
        Ok(DeviceEnd {
            device,
            time,
            by,
            signature,
        })
    }

    /// Refuses the kit of another account, and to do without where no key can sign.
    pub(crate) fn can_sign_present(&self, kit: Option<&Kit>) -> Result<(), Error> {
        match kit {
            Some(kit) => self.check_kit(kit)?,
            None => drop(self.grant_alias()?),
        }
        Ok(())
    }

    /// A key of this device that signs grants, in the log.
    fn grant_alias(&self) -> Result<String, Error> {
        let mut channels = Channel::all(&self.store.reader())?.into_iter();
        let signer = channels.find(|channel| channel.enrolled);
        Ok(signer.ok_or(KitError::Needed)?.gsk)
    }

    /// What a session alone must not do: signed by the kit, or by a key of this device that signs
    /// grants, which the id names.
    pub(crate) fn sign_present(
        &self,
        kit: Option<&Kit>,
        message: &[u8],
    ) -> Result<(Option<Id16>, Sig64), Error> {
        if let Some(kit) = kit {
            self.check_kit(kit)?;
            return Ok((None, Sig64(kit.aik().sign(message)?)));
        }
        let alias = self.grant_alias()?;
        let id = key_id(&self.env.keystore.public(&alias)?);
        let signature = self.env.keystore.sign(&alias, message)?;
        Ok((Some(Id16(id)), Sig64(signature)))
    }

    /// Refuses the kit of another account.
    pub(crate) fn check_kit(&self, kit: &Kit) -> Result<(), KitError> {
        if kit.aik().id() == self.account.id {
            Ok(())
        } else {
            Err(KitError::OtherAccount)
        }
    }

    /// REVOKEs, by the owner keys, of a device's keys in every channel.
    fn end_keys_of(&self, device: &Id, server_ms: i64) -> Result<Vec<NewRevocation>, Error> {
        let reader = self.store.reader();
        let mut all = Vec::new();
        for (_, _, secret) in BagSecret::all(&reader)? {
            let BagSecret::Device(keys) = secret else {
                continue;
            };
            if keys.device != *device {
                continue;
            }
            let channel = Channel::load(keys.channel[0], &reader)?.ok_or(DAMAGED)?;
            let owner = &channel.secrets.owner;
            let mut closed: Vec<Id16> = self
                .streams
                .all()
                .filter(|(key, closed)| !closed && key.stream.category == channel.category())
                .map(|(key, _)| Id16(key.id))
                .collect();
            for spki in [&keys.dsk, &keys.gsk] {
                let hash = sha256(&[spki]);
                let event =
                    events::owner_event(EventType::Revoke, &channel.secrets, hash, server_ms);
                all.push(NewRevocation {
                    event: events::sign(&event, &owner.id(), |m| Ok(owner.sign(m)?))?,
                    closed: std::mem::take(&mut closed),
                });
            }
        }
        Ok(all)
    }

    /// Tells the account's other devices, through the bag, which keys are this device's.
    pub(crate) fn own_keys(&self, category: u8) -> Result<BagSecret, Error> {
        let channel = Channel::load(category, &self.store.reader())?.ok_or(DAMAGED)?;
        let keystore = self.env.keystore.as_ref();
        Ok(BagSecret::Device(DeviceKeys {
            device: key_id(&keystore.public(&self.account.dsk)?),
            channel: channel.secrets.channel,
            dsk: keystore.public(&channel.dsk)?.to_vec(),
            gsk: keystore.public(&channel.gsk)?.to_vec(),
        }))
    }
}

/// A vault secret, and the one that follows it.
pub(crate) struct Next {
    old: VaultSecret,
    pub(crate) new: VaultSecret,
    /// Secrets that will never be in the cloud.
    lost: Vec<Waiting>,
}

impl Next {
    /// Stores the new secret and queues it behind the old one, which goes into the bag under the
    /// new: a kit that opens the new secret finds the old one there, and until then it opens the
    /// old one, under which all else of the bag is.
    ///
    /// `signed`: it as it is sent; without, it is sealed and signed when it is.
    pub(crate) fn follow(self, signed: Option<&NewRecovery>, tx: &Tx<'_>) -> Result<(), Error> {
        for lost in &self.lost {
            tx.unqueue(lost.row)?;
            tx.remove(Kind::Meta, &recovery_name(lost.generation))?;
            tx.remove(Kind::VaultSecret, &lost.generation.to_be_bytes())?;
        }
        if !self.lost.is_empty() {
            for (item, _, secret) in BagSecret::all(tx)? {
                let is = |generation| self.lost.iter().any(|lost| lost.generation == generation);
                if matches!(secret, BagSecret::Secret(secret) if is(secret.generation)) {
                    tx.remove(Kind::Bag, &item)?;
                }
            }
        }
        self.old.save(tx)?;
        self.new.save(tx)?;
        let generation = self.new.generation;
        if let Some(body) = signed {
            let plain = crate::sync::errands::json(body)?;
            tx.put(Kind::Meta, &recovery_name(generation), 0, &plain)?;
        }
        BagSecret::Secret(self.old).put(tx)?;
        let task = Task::VaultSecret { generation };
        tx.queue(Priority::Account, &task.encode())?;
        Ok(())
    }
}

/// Whether a statement is of this account and log, signed by `key`.
fn holds(statement: &DeviceStatement, key: &[u8], account: &Id, settings: &CloudSettings) -> bool {
    let message = Statement::message(
        &settings.origin,
        account,
        &statement.dsk.0,
        &statement.dek.0,
        statement.time,
    );
    statement.account.0 == *account
        && PublicKey::from_spki(key).is_ok_and(|key| key.verifies(&message, &statement.signature.0))
}

/// Whether a cloud that was asked to let this device in never heard of it, or no longer knows it.
fn unknown_device(asked: &Asked) -> bool {
    let Asked::Answer(Answer::Refused { code, .. }) = asked else {
        return false;
    };
    code == slug::CERTIFICATE
}

/// Done, or the error that a caller who waits for it gets.
fn settled(asked: Asked) -> Result<(), Error> {
    Err(match asked {
        Asked::Done | Asked::Gone => return Ok(()),
        Asked::Answer(Answer::Offline { retry_after_s }) => {
            ClientError::Offline { retry_after_s }.into()
        }
        Asked::Answer(Answer::Refused {
            status,
            code,
            retry_after_s,
        }) => ClientError::Refused(Problem {
            kind: String::new(),
            title: String::new(),
            status,
            code,
            retry_after_s,
        })
        .into(),
        Asked::Skew => ClientError::ClockSkew.into(),
        Asked::Key(error) => error.into(),
        Asked::Answer(_) | Asked::Later => ClientError::Unreadable.into(),
    })
}

pub(crate) const STATED_BY: &[u8] = b"stated by";

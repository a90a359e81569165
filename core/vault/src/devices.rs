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
//! newest opens all. When a device ends, its keys end in every channel, every stream key closes and
//! a new vault secret follows, sealed to the others: an honest cloud lets it in no more, and what is
//! sealed afterwards is under keys that it never had. It keeps what it knew: earlier vault secrets,
//! and the channels' owner keys, which are not made anew. With those a cloud that cheats for it can
//! enrol a key in the owner's name.

mod cut;
mod known;
mod opening;
mod pairing;
mod proven;
pub(crate) mod secrets;

pub(crate) use cut::is_shared_with_ended;
pub use known::Device;
pub(crate) use known::other_deks;
pub(crate) use opening::{after_pull, forget_newest, is_unchecked, keep_newest};
pub use pairing::Pairing;

use crate::Error;
use crate::account::{VaultSecret, Waiting};
use crate::bag::BagSecret;
use crate::channels::Channel;
use crate::client::{ClientError, Transport};
use crate::keys::key_id;
use crate::kit::{Kit, KitError};
use crate::store::{DAMAGED, Kind, Priority, StoreError, Tx};
use crate::sync::errands::Errand;
use crate::sync::push::recovery_name;
use crate::sync::round::Asked;
use crate::sync::{CloudSettings, Network, SyncReport, entries, events, link};
use crate::tasks::Task;
use crate::vault::{Core, Env, Vault};
use secrets::open_secret;
use std::path::Path;
use std::sync::Arc;
use vitalwitness_domain::record::Id;
use vitalwitness_domain::sync::Answer;
use vitalwitness_domain::wire::{
    AccountDeletion, Challenge, DeviceEnd, Devices, Id16, NewRecovery, NewRevocation, Problem,
    Sig64, slug,
};
use vitalwitness_proof::entry::EventType;
use vitalwitness_proof::sha256;

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
    /// behind then. A newest vault secret that the kit does not open stops nothing if the one
    /// before does: [`Vault::set_aside`] says `recovery_not_sealed` as long as what is under it
    /// waits for a device that opens it.
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
            .first_sync(settings, transport, Some(kit), |recovery| {
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

    /// Other devices of the account, as far as this one was told.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn devices(&self) -> Result<Vec<Device>, Error> {
        self.with(|core| {
            let mut devices = Device::all(&core.store.reader())?;
            for device in &mut devices {
                device.ended |= device.left_out || device.stray;
            }
            Ok(devices)
        })
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
            let server_ms = core.server_ms()?;
            if !ended.ended {
                (ended.ended, ended.ended_ms) = (true, server_ms);
            }
            let end = core.sign_end(device, kit, server_ms)?;
            let revocations = core.end_keys_of(device, server_ms)?;
            let closed: Vec<Id> = core
                .streams
                .all()
                .filter(|(_, closed)| !closed)
                .map(|(key, _)| key.id)
                .collect();
            let next = core.next_secret()?;
            let generation = next.new.generation;
            let mut deks = other_deks(&core.store.reader())?;
            deks.retain(|dek| *dek != ended.dek);
            let body = core.recovery_of(&next.new, deks, kit)?;
            core.store.write(|tx| {
                ended.save(tx)?;
                cut::cut_off(device, generation, tx)?;
                Errand::EndDevice(end.clone()).queue(tx)?;
                for revocation in &revocations {
                    entries::remember_signed(&revocation.event.event.0, tx)?;
                    Errand::Revoke(revocation.clone()).queue(tx)?;
                }
                for id in &closed {
                    tx.set_item_state(Kind::Stream, id, 1)?;
                }
                next.follow(Some(&body), tx).map(drop)
            })?;
            for id in &closed {
                core.streams.close(id);
            }
            Ok(())
        })
    }
}

impl Core {
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
        let old = all.pop().ok_or(DAMAGED)?;
        // the cloud has one that this device could not open
        let after = VaultSecret::last_passed_over(&reader)?.max(old.generation);
        self.following_after(after, old, lost)
    }

    fn following(&self, old: VaultSecret, lost: Vec<Waiting>) -> Result<Next, Error> {
        let after = old.generation;
        self.following_after(after, old, lost)
    }

    /// `after`: the newest in the cloud, where that is not `old`.
    fn following_after(
        &self,
        after: u32,
        old: VaultSecret,
        lost: Vec<Waiting>,
    ) -> Result<Next, Error> {
        let generation = after.checked_add(1).filter(|it| *it < u32::MAX);
        let generation = generation.ok_or(ClientError::ForeignSecret)?;
        let new = VaultSecret::generate(generation, self.env.random.as_ref())?;
        Ok(Next {
            old,
            new,
            lost,
            passed: None,
        })
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
        let next = self.following(newest.duplicate(), lost)?;
        let closes = self.store.write(|tx| next.follow(None, tx))?;
        if closes {
            self.streams.close_all();
        }
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
        for (id, spki) in self.keys_of(device)? {
            let channel = Channel::load(id[0], &reader)?.ok_or(DAMAGED)?;
            if channel.secrets.channel != id {
                continue; // it gave way to another device's
            }
            let owner = &channel.secrets.owner;
            let open = self.streams.all().filter(|(key, closed)| {
                let told: &[NewRevocation] = &all;
                let of_it = key.stream.category == channel.category();
                !closed && of_it && told.iter().all(|it| !it.closed.contains(&Id16(key.id)))
            });
            let closed = open.map(|(key, _)| Id16(key.id)).collect();
            let hash = sha256(&[&spki]);
            let event = events::owner_event(EventType::Revoke, &channel.secrets, hash, server_ms);
            all.push(NewRevocation {
                event: events::sign(&event, &owner.id(), |m| Ok(owner.sign(m)?))?,
                closed,
            });
        }
        Ok(all)
    }
}

/// A vault secret, and the one that follows it.
pub(crate) struct Next {
    old: VaultSecret,
    pub(crate) new: VaultSecret,
    /// Secrets that will never be in the cloud.
    lost: Vec<Waiting>,
    /// The one of the cloud that is passed over for it.
    passed: Option<u32>,
}

impl Next {
    /// Stores the new secret and queues it behind the old one, which goes into the bag under the
    /// new: a kit that opens the new secret finds the old one there, and until then it opens the
    /// old one, under which all else of the bag is.
    ///
    /// `signed`: it as it is sent; without, it is sealed and signed when it is. Whether every
    /// stream key closes by it: a device was cut off by one that will never count.
    pub(crate) fn follow(self, signed: Option<&NewRecovery>, tx: &Tx<'_>) -> Result<bool, Error> {
        let again = self.sealed_under_lost(tx)?;
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
        for secret in again {
            BagSecret::Secret(secret).put(tx)?;
        }
        let task = Task::VaultSecret { generation };
        tx.queue(Priority::Account, &task.encode())?;
        let is_void =
            |it| self.passed == Some(it) || self.lost.iter().any(|lost| lost.generation == it);
        Ok(cut::cut_off_instead(is_void, generation, tx)?)
    }

    /// Older secrets that may be in the bag under one that is lost, and so for nobody.
    fn sealed_under_lost(&self, tx: &Tx<'_>) -> Result<Vec<VaultSecret>, StoreError> {
        let mut again: Vec<VaultSecret> = Vec::new();
        if self.lost.is_empty() {
            return Ok(again);
        }
        let is_lost = |generation| self.lost.iter().any(|lost| lost.generation == generation);
        for (.., secret) in BagSecret::all(tx)? {
            if let BagSecret::Secret(secret) = secret
                && !is_lost(secret.generation)
                && secret.generation != self.old.generation
                && again.iter().all(|it| it.generation != secret.generation)
                && VaultSecret::after(secret.generation, tx)?
                    .is_some_and(|it| is_lost(it.generation))
            {
                again.push(secret);
            }
        }
        Ok(again)
    }
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

//! Which vault secret this phone goes by: the newest, if a device that counts made it and all who
//! should can open it.
//!
//! One that is not so is passed over: opened to read what is in the bag under it, if that can be,
//! and followed by one of this phone's own. Nothing is sealed under it. Who restores or joins knows
//! neither the log nor the channels yet, so what it takes is checked again once it has read them.

use super::cut::cut_off_anew;
use super::secrets::{Makers, NOT_SEALED, RestoredBy, ask_newest, open_secret, set_fetch_aside};
use super::{other_deks, settled};
use crate::Error;
use crate::account::{VaultSecret, device_key};
use crate::bag::BagSecret;
use crate::client::{ClientError, Transport};
use crate::header::bool_of;
use crate::keys::key_id;
use crate::kit::Kit;
use crate::store::{Kind, StoreError, Tx};
use crate::sync::errands;
use crate::sync::link;
use crate::sync::round::Round;
use crate::sync::{CloudSettings, Network, SyncReport};
use crate::vault::{Core, Vault};
use std::sync::Arc;
use vitalwitness_domain::hpke::HpkeError;
use vitalwitness_domain::wire::{NewRecovery, Recovery, slug};
use vitalwitness_proof::cbor::Encoder;

impl Vault {
    /// Registers, signs in, opens the newest vault secret and the one before with `open`, and
    /// pulls all there is. The one before may not be in the bag: it is put there. If the newest
    /// does not open, the one before is gone by, and one that follows both is made, signed by
    /// `kit` or, once there is one, a grant key of this device.
    pub(crate) async fn first_sync(
        &self,
        settings: &CloudSettings,
        transport: &Arc<dyn Transport>,
        kit: Option<&Kit>,
        open: impl Fn(&Recovery) -> Result<VaultSecret, Error>,
    ) -> Result<SyncReport, Error> {
        self.connect(settings)?;
        let mut round = Round::new(self, transport, Network::default())?;
        settled(round.register().await?)?;
        settled(round.sign_in().await?)?;
        self.learn_devices(transport).await?;
        let client = self.client(transport)?;
        let take = |told: &NewRecovery| {
            self.with(|core| {
                core.check_recovery(told, &settings.origin, Makers::AnyTold)?;
                let opened = opened(open(&told.recovery))?;
                if let Some(secret) = &opened {
                    core.take_secret(secret)?;
                }
                Ok::<_, Error>(opened)
            })
        };
        let newest: NewRecovery = client.call("GET", "/v1/recovery", None::<&()>).await?;
        let opened = take(&newest)?;
        let generation = newest.recovery.generation;
        let mut before = None;
        if generation > 1 {
            let target = format!("/v1/recovery?generation={}", generation - 1);
            match client.call("GET", &target, None::<&()>).await {
                Ok(told) => match take(&told) {
                    Ok(secret) => before = secret,
                    // the newest opens more than it
                    Err(Error::Cloud(ClientError::ForeignSecret)) => self.with(|core| {
                        let aside =
                            |tx: &Tx<'_>| set_fetch_aside(generation - 1, slug::RECOVERY, tx);
                        Ok::<_, Error>(core.store.write(aside)?)
                    })?,
                    Err(error) => return Err(error),
                },
                Err(ClientError::Refused(problem)) if problem.status == 404 => {}
                Err(error) => return Err(error.into()),
            }
        }
        if opened.is_none() && before.is_none() {
            return Err(Error::NotFound);
        }
        self.with(|core| {
            core.begin_with(&newest, opened, kit)?;
            Ok::<_, Error>(core.store.write(begin_unchecked)?)
        })?;
        let report = self
            .sync_round(transport, u64::MAX, Network::default())
            .await?;
        if self.with(|core| core.check_after_round(report.done, kit))? {
            return self.sync_all(transport).await;
        }
        Ok(report)
    }
}

impl Core {
    /// Goes by the newest vault secret, or, where that cannot be, by one that follows it.
    fn begin_with(
        &mut self,
        newest: &NewRecovery,
        opened: Option<VaultSecret>,
        kit: Option<&Kit>,
    ) -> Result<(), Error> {
        self.store.write(|tx| keep_newest(newest, tx))?;
        let Some(secret) = opened else {
            let generation = newest.recovery.generation;
            let aside = |tx: &Tx<'_>| set_fetch_aside(generation, NOT_SEALED, tx);
            self.store.write(aside)?;
            return self.pass_over(generation, None, kit);
        };
        if kit.is_none() && !self.is_sealed_to_kit(&secret, &newest.recovery) {
            return self.pass_over(secret.generation, Some(secret), kit);
        }
        Ok(())
    }

    /// Takes the newest vault secret of the cloud, or passes it over. False: what a device that
    /// counts put into the bag under it does not open here yet.
    pub(super) fn take_newest(
        &mut self,
        newest: &NewRecovery,
        origin: &str,
    ) -> Result<bool, Error> {
        let generation = newest.recovery.generation;
        let counts = self.check_recovery(newest, origin, Makers::Counting);
        if counts.is_err() {
            self.check_recovery(newest, origin, Makers::AlsoEnded)?;
        }
        if VaultSecret::is_passed_over(generation, &self.store.reader())? {
            return Ok(true);
        }
        let opened = self.open_newest(&newest.recovery)?;
        let is_open = counts.is_err() || opened.is_some();
        let before = newest_told(&self.store.reader())?;
        let skips = |before: NewRecovery| before.recovery.generation + 1 < generation;
        let skips = before.is_some_and(skips);
        self.store.write(|tx| {
            if skips {
                cut_off_anew(tx)?;
            }
            keep_newest(newest, tx)
        })?;
        match opened {
            Some(secret) if counts.is_ok() && self.is_sealed_to_kit(&secret, &newest.recovery) => {
                self.give_way(&secret)?;
                self.take_secret(&secret)?;
            }
            opened => self.pass_over(generation, opened, None)?,
        }
        self.cut_off_ended()?;
        Ok(is_open)
    }

    fn open_newest(&self, recovery: &Recovery) -> Result<Option<VaultSecret>, Error> {
        let keystore = self.env.keystore.as_ref();
        let key = device_key(keystore, &self.account)?;
        let id = key_id(&keystore.public(&self.account.dek)?);
        let with_device = opened(open_secret(recovery, &id, &key, &self.account.id))?;
        match (with_device, RestoredBy::load(&self.store.reader())?) {
            // made before anybody knew of this device, which the kit restored
            (None, Some(RestoredBy(kk))) => {
                opened(open_secret(recovery, &kk.id(), &kk, &self.account.id))
            }
            (Some(secret), _) => Ok(Some(secret)),
            // by that kit's key, which is gone since
            (None, None) => {
                let here = VaultSecret::load(&self.store.reader(), Some(recovery.generation))?;
                Ok(here.filter(|here| self.is_sealed_to_kit(here, recovery)))
            }
        }
    }

    fn is_sealed_to_kit(&self, secret: &VaultSecret, recovery: &Recovery) -> bool {
        secret.is_sealed_to(&self.account.kk, recovery, &self.account.id)
    }

    /// After a round, which ends well whatever comes of it: checks the newest vault secret again if
    /// all was done, or if nothing is sealed under it before it is checked and all was read that
    /// tells. Whether more is to be sent now.
    pub(crate) fn check_after_round(
        &mut self,
        done: bool,
        kit: Option<&Kit>,
    ) -> Result<bool, Error> {
        let unchecked = Unchecked::load(&self.store.reader())?;
        let can_tell = unchecked.is_some_and(|it| it.pulled);
        if !can_tell && (!done || unchecked.is_some()) {
            return Ok(false);
        }
        let turned = match self.check_newest_again(kit) {
            Err(Error::Store(error)) => return Err(error.into()),
            Err(error) => {
                log::warn!("the newest vault secret cannot be followed: {error}");
                return Ok(false);
            }
            Ok(turned) => turned,
        };
        if can_tell {
            self.store.write(|tx| {
                tx.remove(Kind::Meta, UNCHECKED)?;
                BagSecret::put_older(tx)
            })?;
        }
        Ok(turned || can_tell)
    }

    /// Checks the newest vault secret again with what was learned since it was taken: by whom it is
    /// and who has ended. One that does not hold is passed over. Whether it was.
    fn check_newest_again(&mut self, kit: Option<&Kit>) -> Result<bool, Error> {
        let reader = self.store.reader();
        let (told, settings) = (newest_told(&reader)?, CloudSettings::load(&reader)?);
        let (Some(told), Some(settings)) = (told, settings) else {
            return Ok(false);
        };
        let generation = told.recovery.generation;
        let newest = VaultSecret::in_cloud(&reader)?;
        let own = key_id(&self.env.keystore.public(&self.account.dsk)?);
        if newest.is_none_or(|newest| newest.generation != generation)
            || told.device.is_some_and(|device| device.0 == own)
        {
            return Ok(false);
        }
        match self.check_recovery(&told, &settings.origin, Makers::Counting) {
            Ok(()) => Ok(false),
            Err(Error::Cloud(ClientError::ForeignSecret)) => {
                log::warn!("vault secret {generation} is by none that counts: another follows it");
                self.pass_over(generation, None, kit)?;
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// From now on the vault secret of `generation`, the newest of the cloud, is read and seals
    /// nothing; the one that follows it is this device's. `secret`: it, if this device can open it
    /// and did not take it before.
    fn pass_over(
        &mut self,
        generation: u32,
        secret: Option<VaultSecret>,
        kit: Option<&Kit>,
    ) -> Result<(), Error> {
        let reader = self.store.reader();
        if VaultSecret::is_passed_over(generation, &reader)? {
            return Ok(());
        }
        let passed = match secret {
            Some(secret) => Some(secret),
            None => VaultSecret::load(&reader, Some(generation))?,
        };
        let before = VaultSecret::in_cloud_but(generation, &reader)?;
        let only = before.is_none();
        let old = before.or_else(|| passed.as_ref().map(VaultSecret::duplicate));
        let old = old.ok_or(Error::NotFound)?;
        let mut lost = VaultSecret::waiting(&reader)?;
        lost.retain(|waiting| waiting.generation > 1);
        let mut next = self.following_after(generation, old, lost)?;
        next.passed = Some(generation);
        let deks = other_deks(&reader)?;
        let body = kit.map(|kit| self.recovery_of(&next.new, deks, Some(kit)));
        let body = body.transpose()?;
        let closes = self.store.write(|tx| {
            let closes = next.follow(body.as_ref(), tx)?;
            VaultSecret::pass_over(generation, tx)?;
            if let Some(secret) = passed.as_ref().filter(|_| !only) {
                secret.save(tx)?;
                BagSecret::Secret(secret.duplicate()).put(tx)?;
            }
            Ok::<_, Error>(closes)
        })?;
        if closes {
            self.streams.close_all();
        }
        passed.map_or(Ok(()), |secret| self.take_secret(&secret))
    }
}

/// The vault secret that was gone by before the log was read: nothing goes into the bag under it
/// until it is checked by what the log says.
#[derive(Debug, Clone, Copy)]
struct Unchecked {
    generation: u32,
    /// All changes were read since.
    pulled: bool,
}

impl Unchecked {
    fn load(tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        link::get(UNCHECKED, tx, |reader| {
            reader.array_of(2)?;
            Ok(Self {
                generation: crate::header::small(reader.uint()?)?,
                pulled: bool_of(reader)?,
            })
        })
    }

    fn save(self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(2).uint(u64::from(self.generation));
        out.bool(self.pulled);
        link::put(UNCHECKED, out, tx)
    }
}

fn begin_unchecked(tx: &Tx<'_>) -> Result<(), StoreError> {
    let Some(secret) = VaultSecret::in_cloud(tx)? else {
        return Ok(());
    };
    Unchecked {
        generation: secret.generation,
        pulled: false,
    }
    .save(tx)
}

/// Whether the vault secret of `generation` is yet to be checked by the log.
pub(crate) fn is_unchecked(generation: u32, tx: &Tx<'_>) -> Result<bool, StoreError> {
    let unchecked = Unchecked::load(tx)?;
    Ok(unchecked.is_some_and(|it| it.generation == generation))
}

/// All changes are read: what was gone by without can be checked, and what was never seen as the
/// cloud keeps it is asked for.
pub(crate) fn after_pull(tx: &Tx<'_>) -> Result<(), Error> {
    if let Some(unchecked) = Unchecked::load(tx)?.filter(|it| !it.pulled) {
        Unchecked {
            pulled: true,
            ..unchecked
        }
        .save(tx)?;
    }
    ask_newest(tx)
}

/// A device that a backup restores is another one: it asks for the newest as it is there.
pub(crate) fn forget_newest(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.remove(Kind::Meta, UNCHECKED)?;
    tx.remove(Kind::Meta, NEWEST)
}

/// None: it is sealed to another key, or cannot be opened by anybody.
fn opened(secret: Result<VaultSecret, Error>) -> Result<Option<VaultSecret>, Error> {
    match secret {
        Ok(secret) => Ok(Some(secret)),
        Err(
            Error::NotFound
            | Error::Cloud(ClientError::Unreadable)
            | Error::Hpke(HpkeError::Point | HpkeError::Open | HpkeError::TooLong),
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The newest vault secret of the cloud as it was told or sent last.
pub(super) fn newest_told(tx: &Tx<'_>) -> Result<Option<NewRecovery>, StoreError> {
    let kept = tx.get(Kind::Meta, NEWEST)?;
    kept.map(|item| errands::read(&item.plain)).transpose()
}

/// Keeps the newest vault secret of the cloud as it is there.
pub(crate) fn keep_newest(newest: &NewRecovery, tx: &Tx<'_>) -> Result<(), StoreError> {
    let plain = errands::json(newest)?;
    tx.put(Kind::Meta, NEWEST, 0, &plain).map(drop)
}

const UNCHECKED: &[u8] = b"unchecked secret";

const NEWEST: &[u8] = b"newest secret";

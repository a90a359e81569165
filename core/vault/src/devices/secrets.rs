//! Vault secrets between the account's devices and its kit: sealed, signed, fetched, checked.
//!
//! The cloud keeps them, so it could serve one of its own. A phone opens one only if the kit or a
//! device of the account signed it: the key of a device is known by statements that begin at AIK.

use super::Device;
use super::opening::newest_told;
use crate::Error;
use crate::account::VaultSecret;
use crate::bag::BagSecret;
use crate::client::ClientError;
use crate::keys::{PrivateKey, key_id};
use crate::kit::Kit;
use crate::store::{DAMAGED, Kind, StoreError, Tx};
use crate::sync::entries::Enrolled;
use crate::sync::errands::Errand;
use crate::sync::round::{Asked, Round};
use crate::sync::{CloudSettings, link, save_reason};
use crate::tasks::Task;
use crate::vault::Core;
use vitalwitness_domain::hpke::Dh;
use vitalwitness_domain::record::Id;
use vitalwitness_domain::wire::{
    Bytes, Devices, Id16, NewRecovery, Recovery, SealedTo, Sig64, slug,
};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::keys::PublicKey;
use zeroize::Zeroizing;

impl Round<'_> {
    /// Fetches the newest vault secret, checks who made it, and opens it with this device's key.
    /// The devices come first: another may have made it that this one has not heard of, and what
    /// follows it is sealed to all.
    pub(crate) async fn fetch_secret(&mut self, generation: u32) -> Result<Asked, Error> {
        let here = self.vault.with(|core| {
            let reader = core.store.reader();
            let here = VaultSecret::in_cloud(&reader)?;
            let here = here.is_some_and(|here| here.generation >= generation);
            Ok::<_, Error>(here && newest_told(&reader)?.is_some())
        })?;
        if here {
            return Ok(Asked::Done);
        }
        let told: Result<Devices, _> = self.client.call("GET", "/v1/devices", None::<&()>).await;
        let told = match told {
            Ok(told) => told,
            Err(error) => return Ok(Asked::from_answer(Err(error))),
        };
        let newest: Result<NewRecovery, _> =
            self.client.call("GET", "/v1/recovery", None::<&()>).await;
        let newest = match newest {
            Ok(newest) => newest,
            Err(error) => return Ok(Asked::from_answer(Err(error))),
        };
        let settings = &self.settings;
        let taken = self.vault.with(|core| {
            core.keep_devices(told, settings)?;
            if newest.recovery.generation < generation {
                return Err(ClientError::ForeignSecret.into());
            }
            let is_open = core.take_newest(&newest, &settings.origin)?;
            core.store.write(|tx| {
                forget_older(newest.recovery.generation, tx)?;
                // another's may have followed one that only phones like this one have
                BagSecret::put_older(tx)
            })?;
            Ok::<_, Error>(is_open)
        });
        let is_open = match taken {
            Err(Error::Cloud(ClientError::ForeignSecret)) => {
                return Ok(Asked::aside(slug::RECOVERY));
            }
            taken => taken?,
        };
        self.try_again();
        Ok(if is_open {
            Asked::Done
        } else {
            Asked::aside(NOT_SEALED)
        })
    }
}

/// Whose vault secrets are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Makers {
    /// Of devices that count, by grant keys that the log has.
    Counting,
    /// Of ended ones too, as for what was made before they did.
    AlsoEnded,
    /// The log was not read yet: of every device that was stated, whatever grant key it names.
    AnyTold,
}

/// Asks for the newest vault secret where this phone, by an earlier version or a backup, has one
/// and not how the cloud keeps it: by whom, and sealed to whom.
pub(super) fn ask_newest(tx: &Tx<'_>) -> Result<(), Error> {
    if let Some(here) = VaultSecret::in_cloud(tx)?
        && newest_told(tx)?.is_none()
        && fetches(false, tx)?.is_empty()
        && fetches(true, tx)?.is_empty()
    {
        Errand::FetchSecret(here.generation).queue(tx)?;
    }
    Ok(())
}

/// Fetches that were set aside and that this generation makes needless. What is under one that was
/// passed over and does not open here is still missing.
fn forget_older(generation: u32, tx: &Tx<'_>) -> Result<(), StoreError> {
    for (item, wanted) in fetches(true, tx)? {
        let missing = VaultSecret::is_passed_over(wanted, tx)?
            && VaultSecret::load(tx, Some(wanted))?.is_none();
        if wanted <= generation && !missing {
            tx.unqueue(item)?;
        }
    }
    Ok(())
}

/// The vault secret of `generation`, which no key here opened, came another way: in the bag.
pub(crate) fn forget_fetch(generation: u32, tx: &Tx<'_>) -> Result<(), StoreError> {
    let missed = VaultSecret::is_passed_over(generation, tx)?;
    for (item, wanted) in fetches(true, tx)? {
        if missed && wanted == generation {
            tx.unqueue(item)?;
        }
    }
    Ok(())
}

/// Says that the vault secret of `generation` was not taken, and why.
pub(super) fn set_fetch_aside(generation: u32, code: &str, tx: &Tx<'_>) -> Result<(), StoreError> {
    let item = Errand::FetchSecret(generation).queue(tx)?;
    save_reason(item, code, tx)?;
    tx.quarantine(item, true)
}

/// What of the outbox fetches a vault secret: item and generation.
fn fetches(aside: bool, tx: &Tx<'_>) -> Result<Vec<(i64, u32)>, StoreError> {
    let mut found = Vec::new();
    for item in tx.queued(aside)? {
        if let Ok(Task::Other { what, bytes }) = Task::decode(&item.plain)
            && let Ok(Errand::FetchSecret(generation)) = Errand::of(what, &bytes)
        {
            found.push((item.id, generation));
        }
    }
    Ok(found)
}

/// KK of the kit that restored this device from a backup, until it has caught up, three days at
/// most: a backup may be older than the newest vault secret, which is sealed to no key of this
/// device.
pub(crate) struct RestoredBy(pub(crate) PrivateKey);

impl RestoredBy {
    pub(crate) fn save(kit: &Kit, now_ms: i64, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(2).bytes(kit.kk().scalar().as_slice());
        out.int(now_ms.saturating_add(KEPT_MS));
        link::put(RESTORED_BY, out, tx)
    }

    pub(super) fn load(tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        Ok(Self::read(tx)?.map(|(key, _)| key))
    }

    /// It, and until when it is kept; none: by an earlier version, until this phone has caught up.
    fn read(tx: &Tx<'_>) -> Result<Option<(Self, Option<i64>)>, StoreError> {
        link::get(RESTORED_BY, tx, |reader| {
            let dated = reader.clone().array().is_ok();
            if dated {
                reader.array_of(2)?;
            }
            let scalar = Zeroizing::new(reader.byte_array()?);
            let key = PrivateKey::from_scalar(&scalar).map_err(|_| Rejection::Malformed)?;
            let until = if dated { Some(reader.int()?) } else { None };
            Ok((Self(key), until))
        })
    }

    /// Forgets it when its time is over, whatever the cloud makes this phone wait for.
    pub(crate) fn expire(core: &mut Core) -> Result<(), StoreError> {
        let now_ms = core.env.clock.now_ms();
        let kept = Self::read(&core.store.reader())?;
        // a clock that was set back gives it a day more, not years; corrected by less it costs nothing
        let over = |until: i64| now_ms >= until || until.saturating_sub(now_ms) > KEPT_MS + DAY_MS;
        if kept.is_some_and(|(_, until)| until.is_some_and(over)) {
            core.store.write(|tx| tx.remove(Kind::Meta, RESTORED_BY))?;
        }
        Ok(())
    }

    /// Forgets it after a round that came to its end, once no vault secret is to be fetched.
    pub(crate) fn forget(core: &mut Core) -> Result<(), Error> {
        let reader = core.store.reader();
        if reader.get(Kind::Meta, RESTORED_BY)?.is_some()
            && fetches(false, &reader)?.is_empty()
            && fetches(true, &reader)?.is_empty()
        {
            core.store.write(|tx| tx.remove(Kind::Meta, RESTORED_BY))?;
        }
        Ok(())
    }
}

const RESTORED_BY: &[u8] = b"restored by";

/// Three days: time enough to reach the cloud.
const KEPT_MS: i64 = 3 * DAY_MS;
/// As far as a clock may be set back meanwhile.
const DAY_MS: i64 = 86_400_000;

/// A generation beyond it is reached by counting alone: one that nothing can follow ends no device.
const FAR: u32 = 1 << 31;

/// Code of a vault secret that is sealed neither to this device nor to its kit.
pub(super) const NOT_SEALED: &str = "recovery_not_sealed";

/// Opens the sealing of `recovery` that is to the key `id`.
pub(crate) fn open_secret(
    recovery: &Recovery,
    id: &Id,
    key: &dyn Dh,
    account: &Id,
) -> Result<VaultSecret, Error> {
    if !(1..u32::MAX).contains(&recovery.generation) {
        return Err(ClientError::Unreadable.into());
    }
    let sealed = recovery.sealed.iter().find(|sealed| sealed.to.0 == *id);
    let sealed = sealed.ok_or(Error::NotFound)?;
    let enc = sealed.enc.0.as_slice().try_into();
    let enc = enc.map_err(|_| ClientError::Unreadable)?;
    VaultSecret::open(
        key,
        account,
        recovery.generation,
        &enc,
        &sealed.ciphertext.0,
    )
}

impl Core {
    /// Refuses a vault secret that neither the kit nor a device of the account signed.
    pub(crate) fn check_recovery(
        &self,
        told: &NewRecovery,
        origin: &str,
        makers: Makers,
    ) -> Result<(), Error> {
        let also_ended = makers != Makers::Counting;
        let message = NewRecovery::message(origin, Id16(self.account.id), &told.recovery);
        let signed = |spki: &[u8], signature: Option<Sig64>| {
            let key = PublicKey::from_spki(spki);
            signature.is_some_and(|it| key.is_ok_and(|key| key.verifies(&message, &it.0)))
        };
        if told.by.is_none() && signed(&self.account.aik, told.signature) {
            return Ok(());
        }
        let reader = self.store.reader();
        let known = VaultSecret::in_cloud(&reader)?.map_or(0, |known| known.generation);
        let known = known.max(VaultSecret::last_passed_over(&reader)?);
        let generation = told.recovery.generation;
        if generation > FAR && generation > known.saturating_add(1) {
            return Err(ClientError::ForeignSecret.into());
        }
        let id = told.device.ok_or(ClientError::ForeignSecret)?;
        let own = self.env.keystore.public(&self.account.dsk)?;
        let key = if id.0 == key_id(&own) {
            Some(own.to_vec())
        } else {
            let mut devices = Device::all(&reader)?.into_iter();
            let found = devices.find(|it| it.id == id.0 && (also_ended || !(it.ended || it.stray)));
            found.map(|it| it.dsk)
        };
        let presence = match &told.by {
            Some(by) => match Enrolled::load(&by.0, &reader)? {
                Some(key) => {
                    (also_ended || key.may_grant(&reader)?) && signed(&key.spki, told.signature)
                }
                None => makers == Makers::AnyTold,
            },
            // in the kit's name, and not signed by it
            None => told.recovery.generation == 1,
        };
        if presence && key.is_some_and(|key| signed(&key, told.device_signature)) {
            Ok(())
        } else {
            Err(ClientError::ForeignSecret.into())
        }
    }

    /// Signs as this device: its id and the signature.
    pub(crate) fn sign_as_device(&self, message: &[u8]) -> Result<(Id16, Sig64), Error> {
        let keystore = &self.env.keystore;
        let id = key_id(&keystore.public(&self.account.dsk)?);
        let signature = keystore.sign(&self.account.dsk, message)?;
        Ok((Id16(id), Sig64(signature)))
    }

    /// A vault secret as the cloud takes it: sealed to the kit, to this device and to `deks`, and
    /// signed by `kit` or a grant key of this device. The device signs it when it is sent.
    pub(crate) fn recovery_of(
        &self,
        secret: &VaultSecret,
        deks: Vec<Vec<u8>>,
        kit: Option<&Kit>,
    ) -> Result<NewRecovery, Error> {
        let mut to = vec![self.account.kk.clone()];
        to.push(self.env.keystore.public(&self.account.dek)?.to_vec());
        to.extend(deks);
        let seal = |spki: Vec<u8>| {
            let point = crate::keys::point_of(&spki).ok_or(DAMAGED)?;
            let sealed = secret.seal_to(&point, &self.account.id)?;
            Ok(SealedTo {
                to: Id16(key_id(&spki)),
                enc: Bytes(sealed.enc.to_vec()),
                ciphertext: Bytes(sealed.ciphertext),
            })
        };
        let recovery = Recovery {
            generation: secret.generation,
            sealed: to.into_iter().map(seal).collect::<Result<_, Error>>()?,
        };
        let (mut by, mut signature) = (None, None);
        if secret.generation > 1 {
            let settings = CloudSettings::load(&self.store.reader())?;
            let origin = settings.ok_or(ClientError::NotConnected)?.origin;
            let message = NewRecovery::message(&origin, Id16(self.account.id), &recovery);
            let signed = self.sign_present(kit, &message)?;
            (by, signature) = (signed.0, Some(signed.1));
        }
        Ok(NewRecovery {
            recovery,
            by,
            signature,
            device: None,
            device_signature: None,
        })
    }
}

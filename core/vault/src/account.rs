//! The account and this device in it: kit, vault secrets, device keys.
//!
//! A vault secret is 32 random bytes with a generation, from 1. It is sealed to the kit's key KK
//! and to each device's key DEK, and seals the bag.

use crate::Error;
use crate::keys::{
    KeyError, KeyKind, KeyStore, Point, Random, StoredKey, key_id, point_of, random_bytes,
};
use crate::kit::{Kit, KitError, ask};
use crate::store::{DAMAGED, Kind, StoreError, Tx};
use crate::tasks::Task;
use ring::hkdf;
use std::fmt;
use vitalwitness_domain::Secret32;
use vitalwitness_domain::hpke::{self, SoftwareKey};
use vitalwitness_domain::wire::{Id16, Recovery};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use zeroize::Zeroizing;

/// What this device knows of its account. Aliases name keys of the key store.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Id of the account: that of the kit's AIK.
    pub id: [u8; 16],
    /// SPKI of AIK.
    pub aik: Vec<u8>,
    /// SPKI of KK.
    pub kk: Vec<u8>,
    /// Signs at session start; its id is the device's id.
    pub dsk: String,
    /// Vault secrets are sealed to it.
    pub dek: String,
    /// Which words are asked for, and keyed hashes of them; none once the kit is confirmed.
    challenge: Option<[(u8, [u8; 16]); 3]>,
}

impl Account {
    /// A new device of the account of `kit`: makes its keys. `confirmed`: the person has shown
    /// that they hold the kit.
    ///
    /// # Errors
    ///
    /// What the key store says.
    pub(crate) fn new_device(
        kit: &Kit,
        confirmed: bool,
        keystore: &dyn KeyStore,
        random: &dyn Random,
        hash: impl Fn(&str) -> [u8; 16],
    ) -> Result<Self, Error> {
        let (dsk, dek) = (new_alias(random)?, new_alias(random)?);
        keystore.create(&dsk, KeyKind::Sign)?;
        keystore.create(&dek, KeyKind::Agree)?;
        let challenge = if confirmed {
            None
        } else {
            let words = kit.words()?;
            let words: Vec<&str> = words.split(' ').collect();
            Some(ask(random)?.map(|position| {
                let word = words.get(usize::from(position) - 1).unwrap_or(&"");
                (position, hash(word))
            }))
        };
        Ok(Self {
            id: kit.aik().id(),
            aik: kit.aik().spki().to_vec(),
            kk: kit.kk().spki().to_vec(),
            dsk,
            dek,
            challenge,
        })
    }

    /// A new device that another one of the account took in. Its keys exist.
    pub(crate) fn paired(aik: &[u8], kk: &[u8], dsk: String, dek: String) -> Self {
        Self {
            id: key_id(aik),
            aik: aik.to_vec(),
            kk: kk.to_vec(),
            dsk,
            dek,
            challenge: None,
        }
    }

    /// At which positions (from 1) words of the kit are asked for; none once it is confirmed.
    pub fn asked(&self) -> Option<[u8; 3]> {
        self.challenge
            .map(|asked| asked.map(|(position, _)| position))
    }

    /// Whether the person has shown that they hold the kit.
    pub fn is_confirmed(&self) -> bool {
        self.challenge.is_none()
    }

    pub(crate) fn confirm(
        &mut self,
        words: &[&str; 3],
        hash: impl Fn(&str) -> [u8; 16],
    ) -> Result<(), KitError> {
        for ((position, expect), word) in self.challenge.iter().flatten().zip(words) {
            if hash(word.trim().to_lowercase().as_str()) != *expect {
                return Err(KitError::Word {
                    position: usize::from(*position),
                });
            }
        }
        self.challenge = None;
        Ok(())
    }

    pub(crate) fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(7).int(1).bytes(&self.id).bytes(&self.aik);
        out.bytes(&self.kk).text(&self.dsk).text(&self.dek);
        match &self.challenge {
            None => {
                out.null();
            }
            Some(asked) => {
                out.array(asked.len());
                for (position, hash) in asked {
                    out.array(2).int(i64::from(*position)).bytes(hash);
                }
            }
        }
        tx.put(Kind::Meta, NAME, 0, &out.finish()).map(|_| ())
    }

    pub(crate) fn load(tx: &Tx<'_>) -> Result<Self, StoreError> {
        let item = tx.get(Kind::Meta, NAME)?.ok_or(DAMAGED)?;
        Self::parse(&item.plain).map_err(|_| DAMAGED)
    }

    fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(7)?;
        reader.int()?;
        let mut account = Self {
            id: reader.byte_array()?,
            aik: reader.bytes()?.to_vec(),
            kk: reader.bytes()?.to_vec(),
            dsk: reader.text()?.to_owned(),
            dek: reader.text()?.to_owned(),
            challenge: None,
        };
        if !reader.take_null() {
            reader.array_of(3)?;
            let mut asked = [(0, [0; 16]); 3];
            for (position, hash) in &mut asked {
                reader.array_of(2)?;
                *position = u8::try_from(reader.uint()?).map_err(|_| Rejection::Malformed)?;
                *hash = reader.byte_array()?;
            }
            account.challenge = Some(asked);
        }
        reader.finish()?;
        Ok(account)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(..)")
    }
}

/// A vault secret and its generation.
#[derive(Debug)]
pub struct VaultSecret {
    /// From 1, ascending.
    pub generation: u32,
    /// The secret.
    pub secret: Secret32,
}

/// A vault secret on its way to the cloud.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    /// Of the outbox.
    pub(crate) row: i64,
    pub(crate) generation: u32,
    /// The cloud refused it.
    pub(crate) aside: bool,
}

impl VaultSecret {
    /// A new one.
    ///
    /// # Errors
    ///
    /// When the randomness fails.
    pub fn generate(generation: u32, random: &dyn Random) -> Result<Self, Error> {
        let secret = Secret32::new(random_bytes(random)?);
        Ok(Self { generation, secret })
    }

    /// Seals it to a device or the kit. Returns the encapsulated key and the ciphertext.
    ///
    /// The ephemeral key follows from the secret and its receiver, so whoever opens one sealing can
    /// tell whether the others open too: see [`VaultSecret::is_sealed_to`].
    ///
    /// # Errors
    ///
    /// [`Error::Hpke`] when `to` is not a point.
    pub fn seal_to(&self, to: &Point, account: &[u8; 16]) -> Result<hpke::Sealed, Error> {
        let info = hpke::info::vault_secret(account, self.generation);
        let secret = self.secret.expose();
        let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret);
        let mut seed = Zeroizing::new([0; 32]);
        prk.expand(&[b"vwJ1 seal", &info, to], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(seed.as_mut_slice()))
            .map_err(|_| KeyError::NotValid)?;
        let ephemeral = SoftwareKey::derive(&seed).map_err(hpke::HpkeError::from)?;
        Ok(hpke::seal(to, &info, &[], secret, ephemeral)?)
    }

    /// Whether `recovery` holds this secret as [`VaultSecret::seal_to`] seals it to the key `spki`.
    pub(crate) fn is_sealed_to(
        &self,
        spki: &[u8],
        recovery: &Recovery,
        account: &[u8; 16],
    ) -> bool {
        let to = Id16(key_id(spki));
        let sealed = recovery.sealed.iter().find(|sealed| sealed.to == to);
        let expect = point_of(spki).and_then(|point| self.seal_to(&point, account).ok());
        sealed.zip(expect).is_some_and(|(sealed, expect)| {
            sealed.enc.0 == expect.enc && sealed.ciphertext.0 == expect.ciphertext
        })
    }

    /// Opens what [`VaultSecret::seal_to`] sealed.
    ///
    /// # Errors
    ///
    /// [`Error::Hpke`] when it was sealed to another key, account or generation.
    pub fn open(
        key: &dyn hpke::Dh,
        account: &[u8; 16],
        generation: u32,
        enc: &Point,
        ciphertext: &[u8],
    ) -> Result<Self, Error> {
        let info = hpke::info::vault_secret(account, generation);
        let plain = hpke::open(key, enc, &info, &[], ciphertext)?;
        let secret = plain.as_slice().try_into();
        let secret = Secret32::new(secret.map_err(|_| hpke::HpkeError::Open)?);
        Ok(Self { generation, secret })
    }

    pub(crate) fn duplicate(&self) -> Self {
        Self {
            generation: self.generation,
            secret: self.secret.duplicate(),
        }
    }

    pub(crate) fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let name = self.generation.to_be_bytes();
        let mut out = Encoder::new();
        out.array(2).uint(u64::from(self.generation));
        out.bytes(self.secret.expose());
        let plain = Zeroizing::new(out.finish());
        let state = i64::from(self.generation);
        tx.put(Kind::VaultSecret, &name, state, &plain).map(|_| ())
    }

    /// The vault secret of a generation, or the newest.
    ///
    /// # Errors
    ///
    /// As [`StoreError`]; damaged when there is none at all.
    pub fn load(tx: &Tx<'_>, generation: Option<u32>) -> Result<Option<Self>, StoreError> {
        let mut all = Self::all(tx)?;
        all.retain(|secret| generation.is_none_or(|wanted| wanted == secret.generation));
        Ok(all.pop())
    }

    /// The newest that the cloud has, sealed to the kit: secrets of the bag are sealed under no
    /// later one, so that the kit opens them at every moment, and under none that was passed over.
    /// None before the first is there.
    pub(crate) fn in_cloud(tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        Self::in_cloud_but(0, tx)
    }

    /// As [`VaultSecret::in_cloud`], as if there were none of `generation`.
    pub(crate) fn in_cloud_but(generation: u32, tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        let waiting = Self::waiting(tx)?;
        let mut all = Self::all(tx)?;
        all.retain(|secret| {
            waiting
                .iter()
                .all(|other| other.generation != secret.generation)
                && secret.generation != generation
        });
        while let Some(secret) = all.pop() {
            if !Self::is_passed_over(secret.generation, tx)? {
                return Ok(Some(secret));
            }
        }
        Ok(None)
    }

    /// What the one of `generation` is sealed under in the bag: the first that follows it and was
    /// not passed over.
    pub(crate) fn after(generation: u32, tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        for secret in Self::all(tx)? {
            if secret.generation > generation && !Self::is_passed_over(secret.generation, tx)? {
                return Ok(Some(secret));
            }
        }
        Ok(None)
    }

    /// From now on it reads what is sealed under it, and seals nothing.
    pub(crate) fn pass_over(generation: u32, tx: &Tx<'_>) -> Result<(), StoreError> {
        crate::sync::link::put(&passed_over(generation), Encoder::new(), tx)?;
        let mut out = Encoder::new();
        out.uint(u64::from(generation));
        crate::sync::link::put(PASSED_OVER, out, tx)
    }

    /// The generation that was passed over last; 0: none was.
    pub(crate) fn last_passed_over(tx: &Tx<'_>) -> Result<u32, StoreError> {
        let last = crate::sync::link::get(PASSED_OVER, tx, |reader| {
            crate::header::small(reader.uint()?)
        })?;
        Ok(last.unwrap_or(0))
    }

    pub(crate) fn is_passed_over(generation: u32, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let mark = tx.get(Kind::Meta, &passed_over(generation))?;
        Ok(mark.is_some())
    }

    /// Those that the cloud does not have, as far as is known here.
    pub(crate) fn waiting(tx: &Tx<'_>) -> Result<Vec<Waiting>, StoreError> {
        let mut waiting = Vec::new();
        for item in tx.first_queued()? {
            if let Ok(Task::VaultSecret { generation }) = Task::decode(&item.plain) {
                waiting.push(Waiting {
                    row: item.id,
                    generation,
                    aside: item.quarantined,
                });
            }
        }
        Ok(waiting)
    }

    /// Every generation that is here, ascending.
    pub(crate) fn all(tx: &Tx<'_>) -> Result<Vec<Self>, StoreError> {
        let items = tx.all(Kind::VaultSecret)?.into_iter();
        let parsed = items.map(|item| Self::parse(&item.plain).map_err(|_| DAMAGED));
        let mut all: Vec<Self> = parsed.collect::<Result<_, _>>()?;
        all.sort_by_key(|secret| secret.generation);
        Ok(all)
    }

    fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(2)?;
        let generation = u32::try_from(reader.uint()?).map_err(|_| Rejection::Malformed)?;
        let secret = Secret32::new(reader.byte_array()?);
        reader.finish()?;
        Ok(Self { generation, secret })
    }
}

/// This device's DEK, as HPKE takes it.
///
/// # Errors
///
/// What the key store says.
pub fn device_key<'a>(
    keystore: &'a dyn KeyStore,
    account: &'a Account,
) -> Result<StoredKey<'a>, Error> {
    Ok(StoredKey::new(keystore, &account.dek)?)
}

/// A new ephemeral key for one HPKE message.
pub(crate) fn ephemeral(random: &dyn Random) -> Result<SoftwareKey, Error> {
    let seed = Zeroizing::new(random_bytes::<32>(random)?);
    SoftwareKey::derive(&seed).map_err(|error| hpke::HpkeError::from(error).into())
}

/// A random name for a key of the key store.
pub(crate) fn new_alias(random: &dyn Random) -> Result<String, Error> {
    let bytes: [u8; 8] = random_bytes(random)?;
    Ok(format!("vw-{:016x}", u64::from_be_bytes(bytes)))
}

fn passed_over(generation: u32) -> Vec<u8> {
    [PASSED_OVER, &generation.to_be_bytes()].concat()
}

const PASSED_OVER: &[u8] = b"passed over";

const NAME: &[u8] = b"account";

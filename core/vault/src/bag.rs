//! The bag: secrets of the account that every device needs, kept in the cloud sealed under the
//! vault secret.
//!
//! ```text
//! key = HKDF-Expand(VS, "vwG1 bag", 32)
//! sealed = nonce (12) || AES-256-GCM(key, nonce, secret, AAD = enc([1, account, item, generation]))
//! ```

use crate::Error;
use crate::account::VaultSecret;
use crate::keys::{KeyError, Random, key_id, random_bytes};
use crate::store::{DAMAGED, Kind, Priority, StoreError, Tx};
use crate::tasks::Task;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use std::fmt;
use vitalwitness_domain::Secret32;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::keys::{PublicKey, Signature};
use zeroize::Zeroizing;

/// One secret of the account.
#[derive(Debug)]
pub enum BagSecret {
    /// A stream key.
    Stream {
        /// Names stream and generation: `StreamId::descriptor`.
        descriptor: Vec<u8>,
        /// Its id.
        id: [u8; 16],
        /// The key.
        key: Secret32,
    },
    /// A channel of the owner.
    Channel(crate::channels::ChannelSecrets),
    /// A grant as its owner keeps it; the bytes are those of the sharing module.
    Grant(GrantBytes),
    /// A vault secret from before the newest, so that what opens the newest opens all.
    Secret(VaultSecret),
    /// The keys of a device in a channel, so that another device can end them.
    Device(DeviceKeys),
}

/// The keys of a device in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceKeys {
    /// The device's id.
    pub device: [u8; 16],
    /// The channel.
    pub channel: [u8; 16],
    /// SPKI of the key that signs batches and envelopes there.
    pub dsk: Vec<u8>,
    /// SPKI of the key that signs grants there.
    pub gsk: Vec<u8>,
    /// Over [`DeviceKeys::message`], by the device's account DSK and by `dsk`; none in what was put
    /// before devices signed it.
    pub signatures: Option<[Signature; 2]>,
}

impl DeviceKeys {
    /// What is signed: `vwM1` || enc([1, account, device, channel, DSK SPKI, GSK SPKI]).
    pub fn message(&self, account: &[u8; 16]) -> Vec<u8> {
        let mut out = Encoder::after(b"vwM1".to_vec());
        out.array(6).int(1).bytes(account).bytes(&self.device);
        out.bytes(&self.channel).bytes(&self.dsk).bytes(&self.gsk);
        out.finish()
    }

    /// Whether the device whose account DSK is `by` says so, and holds the key that signs batches.
    pub(crate) fn is_signed(&self, by: &[u8], account: &[u8; 16]) -> bool {
        let message = self.message(account);
        let signed = |spki: &[u8], signature: &Signature| {
            PublicKey::from_spki(spki).is_ok_and(|key| key.verifies(&message, signature))
        };
        let Some([device, dsk]) = &self.signatures else {
            return false;
        };
        key_id(by) == self.device && signed(by, device) && signed(&self.dsk, dsk)
    }
}

/// What the sharing module stores of a grant.
#[derive(Clone, PartialEq, Eq)]
pub struct GrantBytes(pub Vec<u8>);

impl fmt::Debug for GrantBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrantBytes(..)")
    }
}

impl BagSecret {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new();
        match self {
            Self::Stream {
                descriptor,
                id,
                key,
            } => {
                out.array(4).int(1).bytes(descriptor).bytes(id);
                out.bytes(key.expose());
            }
            Self::Channel(secrets) => {
                out.array(2).int(2).bytes(&secrets.encode());
            }
            Self::Grant(bytes) => {
                out.array(2).int(3).bytes(&bytes.0);
            }
            Self::Secret(secret) => {
                out.array(3).int(4).uint(u64::from(secret.generation));
                out.bytes(secret.secret.expose());
            }
            Self::Device(keys) => {
                out.array(if keys.signatures.is_some() { 7 } else { 5 });
                out.int(DEVICE).bytes(&keys.device);
                out.bytes(&keys.channel).bytes(&keys.dsk).bytes(&keys.gsk);
                for signature in keys.signatures.iter().flatten() {
                    out.bytes(signature);
                }
            }
        }
        Zeroizing::new(out.finish())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        let len = reader.array()?;
        let secret = match (reader.int()?, len) {
            (1, 4) => Self::Stream {
                descriptor: reader.bytes()?.to_vec(),
                id: reader.byte_array()?,
                key: Secret32::new(reader.byte_array()?),
            },
            (2, 2) => Self::Channel(crate::channels::ChannelSecrets::decode(reader.bytes()?)?),
            (3, 2) => Self::Grant(GrantBytes(reader.bytes()?.to_vec())),
            (4, 3) => Self::Secret(VaultSecret {
                generation: crate::header::small(reader.uint()?)?,
                secret: Secret32::new(reader.byte_array()?),
            }),
            (DEVICE, 5 | 7) => Self::Device(DeviceKeys {
                device: reader.byte_array()?,
                channel: reader.byte_array()?,
                dsk: reader.bytes()?.to_vec(),
                gsk: reader.bytes()?.to_vec(),
                signatures: if len == 7 {
                    Some([reader.byte_array()?, reader.byte_array()?])
                } else {
                    None
                },
            }),
            _ => return Err(Rejection::Malformed),
        };
        reader.finish()?;
        Ok(secret)
    }

    /// Puts it into the bag and queues it for the cloud. Returns the item's random id.
    ///
    /// # Errors
    ///
    /// As [`StoreError`]; nothing is written when the randomness fails.
    pub fn put(&self, tx: &Tx<'_>) -> Result<[u8; 16], Error> {
        let item: [u8; 16] = random_bytes(tx.random())?;
        self.keep(&item, false, tx)?;
        // a channel is in the bag before it is opened: see `Channel::found`; a vault secret before
        // the one that follows it is the newest: see `devices::Next`
        let priority = match self {
            Self::Channel(_) | Self::Secret(_) => Priority::Account,
            _ => Priority::Grant,
        };
        tx.queue(priority, &Task::Bag { item }.encode())?;
        Ok(item)
    }

    /// Stores an item that change `cursor` of the account told of.
    pub(crate) fn keep_at(
        &self,
        item: &[u8; 16],
        cursor: i64,
        tx: &Tx<'_>,
    ) -> Result<(), StoreError> {
        let mut plain = Zeroizing::new(item.to_vec());
        plain.extend_from_slice(&self.encode());
        tx.put(Kind::Bag, item, cursor, &plain).map(|_| ())
    }

    /// Channels of the bag by the order in which the cloud got them: place (0: not yet), item,
    /// secrets.
    pub(crate) fn channels(
        tx: &Tx<'_>,
    ) -> Result<Vec<(i64, [u8; 16], crate::channels::ChannelSecrets)>, StoreError> {
        let mut found = Vec::new();
        for item in tx.all(Kind::Bag)? {
            let (id, secret) = item.plain.split_first_chunk::<16>().ok_or(DAMAGED)?;
            if let Self::Channel(secrets) = Self::decode(secret).map_err(|_| DAMAGED)? {
                found.push((item.state, *id, secrets));
            }
        }
        found.sort_by_key(|(place, ..)| *place);
        Ok(found)
    }

    /// Which device has which keys, by the order in which the cloud got it; what is not there yet
    /// comes last.
    pub(crate) fn device_keys(tx: &Tx<'_>) -> Result<Vec<DeviceKeys>, StoreError> {
        let mut found = Vec::new();
        for item in tx.all(Kind::Bag)? {
            let (_, secret) = item.plain.split_first_chunk::<16>().ok_or(DAMAGED)?;
            // an array of few elements and a small number are a byte each: spares the other kinds
            if secret.get(1).map(|kind| i64::from(*kind)) != Some(DEVICE) {
                continue;
            }
            if let Self::Device(keys) = Self::decode(secret).map_err(|_| DAMAGED)? {
                found.push((item.state == 0, item.state, keys));
            }
        }
        found.sort_by_key(|(waits, place, _)| (*waits, *place));
        Ok(found.into_iter().map(|(.., keys)| keys).collect())
    }

    /// Stores an item under its id. `in_cloud`: the cloud has it.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn keep(&self, item: &[u8; 16], in_cloud: bool, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut plain = Zeroizing::new(item.to_vec());
        plain.extend_from_slice(&self.encode());
        tx.put(Kind::Bag, item, i64::from(in_cloud), &plain)
            .map(|_| ())
    }

    /// Every item of the bag: its id, whether the cloud has it, the secret.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn all(tx: &Tx<'_>) -> Result<Vec<([u8; 16], bool, Self)>, StoreError> {
        let items = tx.all(Kind::Bag)?.into_iter();
        items
            .map(|item| {
                let (id, secret) = item.plain.split_first_chunk::<16>().ok_or(DAMAGED)?;
                let secret = Self::decode(secret).map_err(|_| DAMAGED)?;
                Ok((*id, item.state > 0, secret))
            })
            .collect()
    }

    /// Whether a vault secret from before `generation` is still on its way, into the bag or itself.
    pub(crate) fn waits_for_older(generation: u32, tx: &Tx<'_>) -> Result<bool, StoreError> {
        for queued in tx.first_queued()? {
            let older = match Task::decode(&queued.plain) {
                Ok(Task::Bag { item }) => match Self::get(&item, tx)? {
                    Some(Self::Secret(secret)) => secret.generation,
                    _ => continue,
                },
                Ok(Task::VaultSecret { generation }) => generation,
                _ => continue,
            };
            if older < generation {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts into the bag every vault secret that a later one followed and that is not in it.
    /// Whether there was one.
    pub(crate) fn put_older(tx: &Tx<'_>) -> Result<bool, Error> {
        let mut older = VaultSecret::all(tx)?;
        older.pop();
        for (_, _, secret) in Self::all(tx)? {
            if let Self::Secret(there) = secret {
                older.retain(|secret| secret.generation != there.generation);
            }
        }
        let missing = !older.is_empty();
        for secret in older {
            Self::Secret(secret).put(tx)?;
        }
        Ok(missing)
    }

    /// One item of the bag.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn get(item: &[u8; 16], tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        let Some(found) = tx.get(Kind::Bag, item)? else {
            return Ok(None);
        };
        let secret = found.plain.get(16..).ok_or(DAMAGED)?;
        Self::decode(secret).map(Some).map_err(|_| DAMAGED)
    }

    /// Seals it as the cloud keeps it.
    ///
    /// # Errors
    ///
    /// When the randomness fails.
    pub fn seal(
        &self,
        item: &[u8; 16],
        account: &[u8; 16],
        under: &VaultSecret,
        random: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE_LEN] = random_bytes(random)?;
        let mut out = nonce.to_vec();
        out.extend_from_slice(&self.encode());
        let tag = key_of(under)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context(item, account, under.generation)),
                &mut out[NONCE_LEN..],
            )
            .map_err(|_| KeyError::NotValid)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Opens what [`BagSecret::seal`] sealed.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotValid`] when it was sealed under another secret, or is of another item,
    /// account or generation.
    pub fn open(
        sealed: &[u8],
        item: &[u8; 16],
        account: &[u8; 16],
        under: &VaultSecret,
    ) -> Result<Self, Error> {
        let (nonce, sealed) = sealed
            .split_at_checked(NONCE_LEN)
            .ok_or(KeyError::NotValid)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::NotValid)?;
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let context = Aad::from(context(item, account, under.generation));
        let plain = key_of(under)?
            .open_in_place(nonce, context, &mut bytes)
            .map_err(|_| KeyError::NotValid)?;
        Ok(Self::decode(plain).map_err(|_| KeyError::NotValid)?)
    }
}

fn key_of(under: &VaultSecret) -> Result<LessSafeKey, KeyError> {
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, under.secret.expose());
    let mut key = Zeroizing::new([0; 32]);
    prk.expand(&[b"vwG1 bag"], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(key.as_mut_slice()))
        .map_err(|_| KeyError::NotValid)?;
    let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| KeyError::NotValid)?;
    Ok(LessSafeKey::new(key))
}

fn context(item: &[u8; 16], account: &[u8; 16], generation: u32) -> Vec<u8> {
    let mut out = Encoder::new();
    out.array(4).int(1).bytes(account).bytes(item);
    out.uint(u64::from(generation));
    out.finish()
}

/// Names the kind of [`DeviceKeys`].
const DEVICE: i64 = 5;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;
    use crate::keys::OsRandom;

    #[test]
    fn a_bag_item_opens_only_as_itself() {
        let secret = BagSecret::Stream {
            descriptor: vec![1, 2, 3],
            id: [4; 16],
            key: Secret32::new([5; 32]),
        };
        let under = VaultSecret::generate(1, &OsRandom).unwrap();
        let sealed = secret.seal(&[6; 16], &[7; 16], &under, &OsRandom).unwrap();
        let opened = BagSecret::open(&sealed, &[6; 16], &[7; 16], &under).unwrap();
        assert_eq!(opened.encode(), secret.encode());
        let next = VaultSecret {
            generation: 2,
            secret: under.secret.duplicate(),
        };
        assert!(BagSecret::open(&sealed, &[0; 16], &[7; 16], &under).is_err());
        assert!(BagSecret::open(&sealed, &[6; 16], &[0; 16], &under).is_err());
        assert!(BagSecret::open(&sealed, &[6; 16], &[7; 16], &next).is_err());
    }
}

//! The owner's channels: one per category, made when its first record is.
//!
//! Nothing of the owner is the same in two channels: each has its own owner key, inbox key,
//! locator and device keys. The first three travel in the bag; device keys stay in the key store.

use crate::Error;
use crate::account::new_alias;
use crate::bag::BagSecret;
use crate::keys::{KeyKind, KeyStore, PrivateKey, Random, random_bytes};
use crate::store::{DAMAGED, Kind, Priority, StoreError, Tx};
use crate::tasks::Task;
use std::fmt;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use zeroize::Zeroizing;

/// What every device of the account knows of a channel.
pub struct ChannelSecrets {
    /// Category byte and 15 random bytes.
    pub channel: [u8; 16],
    /// The channel's owner key.
    pub owner: PrivateKey,
    /// Requests are sealed to it.
    pub inbox: PrivateKey,
    /// Under which organisations find the channel.
    pub locator: [u8; 16],
    /// In the owner's QR code alone, never in the cloud: a request made from the code proves it.
    pub code_secret: [u8; 16],
}

impl ChannelSecrets {
    fn generate(category: u8, random: &dyn Random) -> Result<Self, Error> {
        let mut channel: [u8; 16] = random_bytes(random)?;
        channel[0] = category;
        Ok(Self {
            channel,
            owner: PrivateKey::generate(random)?,
            inbox: PrivateKey::generate(random)?,
            locator: random_bytes(random)?,
            code_secret: random_bytes(random)?,
        })
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Encoder::new();
        out.array(5).bytes(&self.channel);
        out.bytes(self.owner.scalar().as_slice());
        out.bytes(self.inbox.scalar().as_slice());
        out.bytes(&self.locator).bytes(&self.code_secret);
        Zeroizing::new(out.finish())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(5)?;
        let channel = reader.byte_array()?;
        let mut key = || {
            let scalar = Zeroizing::new(reader.byte_array()?);
            PrivateKey::from_scalar(&scalar).map_err(|_| Rejection::Malformed)
        };
        let (owner, inbox) = (key()?, key()?);
        let locator = reader.byte_array()?;
        let code_secret = reader.byte_array()?;
        reader.finish()?;
        Ok(Self {
            channel,
            owner,
            inbox,
            locator,
            code_secret,
        })
    }

    /// A second holder of the same secrets.
    pub(crate) fn duplicate(&self) -> Result<Self, StoreError> {
        Self::decode(&self.encode()).map_err(|_| DAMAGED)
    }
}

impl fmt::Debug for ChannelSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelSecrets(..)")
    }
}

/// A channel on this device.
pub struct Channel {
    /// What every device of the account knows of it.
    pub secrets: ChannelSecrets,
    /// Alias of this device's key that signs batches and envelopes there.
    pub dsk: String,
    /// Alias of this device's key that signs grants, denials and revocations there, with presence.
    pub gsk: String,
    /// Whether the log has the ENROLs of this device's keys.
    pub enrolled: bool,
}

impl Channel {
    /// Makes the device's keys for a channel: a new one, or one that came in the bag.
    ///
    /// # Errors
    ///
    /// What the key store says.
    pub fn new(
        category: u8,
        known: Option<ChannelSecrets>,
        keystore: &dyn KeyStore,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        let secrets = match known {
            Some(secrets) => secrets,
            None => ChannelSecrets::generate(category, random)?,
        };
        let (dsk, gsk) = (new_alias(random)?, new_alias(random)?);
        keystore.create(&dsk, KeyKind::Sign)?;
        keystore.create(&gsk, KeyKind::SignWithPresence)?;
        Ok(Self {
            secrets,
            dsk,
            gsk,
            enrolled: false,
        })
    }

    /// 1 personal data, 2 medical history, 3 insurance information.
    pub fn category(&self) -> u8 {
        self.secrets.channel[0]
    }

    /// Stores a channel made here: with its place in the bag, and its enrolment queued behind.
    ///
    /// Two devices may make a channel of one category at the same time. The one whose bag item
    /// stands first in the account's changes counts, and is opened only once that is known; the
    /// other gives way before anybody has heard of it.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub(crate) fn found(&self, tx: &Tx<'_>) -> Result<(), Error> {
        self.save(tx)?;
        BagSecret::Channel(self.secrets.duplicate()?).put(tx)?;
        self.queue_enrolment(tx)?;
        Ok(())
    }

    /// Queues the ENROLs of this device's keys.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn queue_enrolment(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let category = self.category();
        tx.queue(Priority::Account, &Task::Channel { category }.encode())
            .map(|_| ())
    }

    /// Stores it, in place of what was stored of its category.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(4).bytes(&self.secrets.encode());
        out.text(&self.dsk).text(&self.gsk).bool(self.enrolled);
        let plain = Zeroizing::new(out.finish());
        tx.put(Kind::Channel, &[self.category()], 0, &plain)
            .map(|_| ())
    }

    /// The channel of a category.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn load(category: u8, tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        tx.get(Kind::Channel, &[category])?
            .map(|item| Self::parse(&item.plain).map_err(|_| DAMAGED))
            .transpose()
    }

    /// Id of the channel of a category, and alias of this device's key that signs there; spares
    /// the curve arithmetic of [`Channel::load`].
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn brief(category: u8, tx: &Tx<'_>) -> Result<Option<([u8; 16], String)>, StoreError> {
        let read = |bytes: &[u8]| {
            let mut reader = Reader::new(bytes);
            reader.array_of(4)?;
            let mut secrets = Reader::new(reader.bytes()?);
            secrets.array_of(5)?;
            Ok((secrets.byte_array()?, reader.text()?.to_owned()))
        };
        tx.get(Kind::Channel, &[category])?
            .map(|item| read(&item.plain).map_err(|_: Rejection| DAMAGED))
            .transpose()
    }

    /// Every channel.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn all(tx: &Tx<'_>) -> Result<Vec<Self>, StoreError> {
        let items = tx.all(Kind::Channel)?.into_iter();
        items
            .map(|item| Self::parse(&item.plain).map_err(|_| DAMAGED))
            .collect()
    }

    fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(4)?;
        let secrets = ChannelSecrets::decode(reader.bytes()?)?;
        let dsk = reader.text()?.to_owned();
        let gsk = reader.text()?.to_owned();
        let enrolled = reader.value()? == vitalwitness_proof::cbor::Value::Bool(true);
        reader.finish()?;
        Ok(Self {
            secrets,
            dsk,
            gsk,
            enrolled,
        })
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Channel(..)")
    }
}

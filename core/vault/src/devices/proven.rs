//! Which device has which keys in the log's channels.
//!
//! The bag tells it, and every device writes there; so does the cloud for one that was stolen. A
//! statement counts if the device signed it itself, with its account key and with the key that it
//! says signs its batches, and if the log has the ENROLs of both keys. A grant key, which signs
//! nothing without its user, is that of the device that named it first.
//!
//! What nobody signed, from before devices did, takes nothing from anybody: it names keys to end
//! with its device, as long as no other one has signed for them or named them before. That a device
//! has signed for others since does not undo it.

use super::Device;
use crate::Error;
use crate::account::Account;
use crate::bag::{BagSecret, DeviceKeys};
use crate::channels::Channel;
use crate::keys::key_id;
use crate::store::{DAMAGED, StoreError, Tx};
use crate::sync::entries::Enrolled;
use crate::vault::Core;
use vitalwitness_domain::record::Id;
use vitalwitness_proof::entry::EventType;

/// What devices signed of their keys and the log bears out.
pub(super) struct Proven(Vec<DeviceKeys>);

impl Proven {
    /// Of the devices with these account DSKs.
    pub(super) fn load(devices: &[&[u8]], tx: &Tx<'_>) -> Result<Self, StoreError> {
        let account = Account::load(tx)?.id;
        let mut proven: Vec<DeviceKeys> = Vec::new();
        for mut keys in BagSecret::device_keys(tx)? {
            let by = devices.iter().find(|dsk| key_id(dsk) == keys.device);
            let enrolled = |spki: &[u8], kind| is_enrolled(spki, &keys.channel, kind, tx);
            if !by.is_some_and(|by| keys.is_signed(by, &account))
                || !enrolled(&keys.dsk, EventType::Batch)?
            {
                continue;
            }
            let taken = proven.iter().any(|first| first.gsk == keys.gsk);
            if taken || !enrolled(&keys.gsk, EventType::Grant)? {
                keys.gsk.clear();
            }
            proven.push(keys);
        }
        Ok(Self(proven))
    }

    /// The channels and keys that sign batches there of `device`.
    pub(super) fn batch_keys(&self, device: &Id) -> impl Iterator<Item = (&Id, &[u8])> {
        let of = self.0.iter().filter(move |keys| keys.device == *device);
        of.map(|keys| (&keys.channel, keys.dsk.as_slice()))
    }

    /// Channels and keys that end with `device`.
    fn ending_with(
        &self,
        device: &Id,
        own: &[Vec<u8>],
        tx: &Tx<'_>,
    ) -> Result<Vec<(Id, Vec<u8>)>, StoreError> {
        let mut ending = Vec::new();
        let mut add = |channel: Id, spki: &Vec<u8>| {
            let known = ending.iter().any(|(_, other)| other == spki);
            if !spki.is_empty() && !known && !own.contains(spki) {
                ending.push((channel, spki.clone()));
            }
        };
        for keys in self.0.iter().filter(|it| it.device == *device) {
            add(keys.channel, &keys.dsk);
            add(keys.channel, &keys.gsk);
        }
        let mut first: Vec<DeviceKeys> = Vec::new();
        for keys in BagSecret::device_keys(tx)? {
            let kinds = [(&keys.dsk, EventType::Batch), (&keys.gsk, EventType::Grant)];
            for (spki, kind) in kinds {
                let others = self.0.iter().chain(&first);
                let mut others = others.filter(|it| it.device != keys.device);
                let is_anothers = others.any(|it| it.dsk == *spki || it.gsk == *spki);
                let of_it = keys.device == *device && keys.signatures.is_none();
                if of_it && !is_anothers && is_enrolled(spki, &keys.channel, kind, tx)? {
                    add(keys.channel, spki);
                }
            }
            first.push(keys);
        }
        Ok(ending)
    }
}

/// Whether the log has the ENROL of a key of this channel that signs `kind`.
fn is_enrolled(
    spki: &[u8],
    channel: &Id,
    kind: EventType,
    tx: &Tx<'_>,
) -> Result<bool, StoreError> {
    let key = Enrolled::load(&key_id(spki), tx)?;
    Ok(key.is_some_and(|key| key.spki == spki && key.is_in(channel) && key.is_for(kind)))
}

impl Core {
    /// Channels and keys in the log that end with `device`.
    pub(super) fn keys_of(&self, device: &Id) -> Result<Vec<(Id, Vec<u8>)>, Error> {
        let reader = self.store.reader();
        let keystore = self.env.keystore.as_ref();
        let mut own = Vec::new();
        for channel in Channel::all(&reader)? {
            own.push(keystore.public(&channel.dsk)?.to_vec());
            own.push(keystore.public(&channel.gsk)?.to_vec());
        }
        let devices = Device::all(&reader)?;
        let account = keystore.public(&self.account.dsk)?;
        let mut known = vec![account.as_slice()];
        known.extend(devices.iter().map(|device| device.dsk.as_slice()));
        Ok(Proven::load(&known, &reader)?.ending_with(device, &own, &reader)?)
    }

    /// Tells the account's other devices, through the bag, which keys are this device's.
    pub(crate) fn own_keys(&self, category: u8) -> Result<BagSecret, Error> {
        let channel = Channel::load(category, &self.store.reader())?.ok_or(DAMAGED)?;
        let keystore = self.env.keystore.as_ref();
        let mut keys = DeviceKeys {
            device: key_id(&keystore.public(&self.account.dsk)?),
            channel: channel.secrets.channel,
            dsk: keystore.public(&channel.dsk)?.to_vec(),
            gsk: keystore.public(&channel.gsk)?.to_vec(),
            signatures: None,
        };
        let message = keys.message(&self.account.id);
        keys.signatures = Some([
            keystore.sign(&self.account.dsk, &message)?,
            keystore.sign(&channel.dsk, &message)?,
        ]);
        Ok(BagSecret::Device(keys))
    }

    /// Signs what this device once said of its keys without.
    pub(crate) fn sign_own_keys(&mut self) -> Result<(), Error> {
        let reader = self.store.reader();
        let own = key_id(&self.env.keystore.public(&self.account.dsk)?);
        let mut said = BagSecret::device_keys(&reader)?;
        said.retain(|keys| keys.device == own);
        if said.iter().all(|keys| keys.signatures.is_some()) {
            return Ok(());
        }
        for channel in Channel::all(&reader)? {
            let dsk = self.env.keystore.public(&channel.dsk)?;
            let of = |keys: &&DeviceKeys| keys.dsk == dsk;
            let signed = said.iter().filter(of).any(|it| it.signatures.is_some());
            if channel.enrolled && said.iter().any(|it| of(&it)) && !signed {
                let keys = self.own_keys(channel.category())?;
                self.store.write(|tx| keys.put(tx).map(drop))?;
            }
        }
        Ok(())
    }
}

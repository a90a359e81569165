//! Which other devices of the account this one knows, and which of them have ended.
//!
//! Ended is what was ended here or in the log, by the entries that this phone checked. What only
//! the cloud tells of an end leaves a device out of what is sealed, as long as it says so: it could
//! keep what is sealed from that device in any case.

use super::proven::Proven;
use crate::Error;
use crate::header::bool_of;
use crate::keys::key_id;
use crate::store::{DAMAGED, Kind, StoreError, Tx};
use crate::sync::CloudSettings;
use crate::sync::entries::{self, Enrolled};
use crate::vault::{Core, Statement};
use vitalwitness_domain::record::Id;
use vitalwitness_domain::wire::{DeviceStatement, Devices};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::keys::PublicKey;

/// Another device of the account, as its statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: Id,
    /// Ended: it cannot sign in, and learns no new secret.
    pub ended: bool,
    /// The cloud says that it has ended, or no longer names it.
    pub(super) left_out: bool,
    /// When that was decided, ms; 0: not known.
    pub(super) ended_ms: i64,
    /// Who stated it (none: AIK) and when, ms; none: kept before that was.
    stated: Option<(Option<Id>, i64)>,
    /// Stated by one alone that had ended by then, or that was itself stated so.
    pub(super) stray: bool,
    pub(super) dsk: Vec<u8>,
    pub(super) dek: Vec<u8>,
}

impl Device {
    /// One that this device states.
    pub(super) fn stated_by(own: Id, time: i64, dsk: Vec<u8>, dek: Vec<u8>) -> Self {
        Self {
            stated: Some((Some(own), time)),
            ..Self::new(dsk, dek)
        }
    }

    fn new(dsk: Vec<u8>, dek: Vec<u8>) -> Self {
        Self {
            id: key_id(&dsk),
            ended: false,
            left_out: false,
            ended_ms: 0,
            stated: None,
            stray: false,
            dsk,
            dek,
        }
    }

    /// Whether it has ended, or was stated by one alone that had.
    pub(super) fn is_out(&self) -> bool {
        self.ended || self.stray
    }

    /// Whether what it stated at `time` counts. That it ended, and not when, is the cloud's word
    /// alone: what it stated it could as well not show.
    fn counts_at(&self, time: i64) -> bool {
        let ended = self.ended || (self.left_out && self.ended_ms != 0);
        !self.stray && (!ended || time < self.ended_ms)
    }

    pub(super) fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(if self.stated.is_some() { 7 } else { 5 });
        out.bytes(&self.dsk).bytes(&self.dek);
        out.bool(self.ended).bool(self.left_out).int(self.ended_ms);
        if let Some((by, time)) = &self.stated {
            match by {
                Some(by) => out.bytes(by),
                None => out.null(),
            };
            out.int(*time);
        }
        tx.put(Kind::Device, &self.id, 0, &out.finish()).map(drop)
    }

    fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        let len = reader.array()?;
        let (dsk, dek) = (reader.bytes()?.to_vec(), reader.bytes()?.to_vec());
        let mut device = Self::new(dsk, dek);
        device.ended = bool_of(&mut reader)?;
        if len > 3 {
            device.left_out = bool_of(&mut reader)?;
            device.ended_ms = reader.int()?;
        }
        if len > 5 {
            let by = if reader.take_null() {
                None
            } else {
                Some(reader.byte_array()?)
            };
            device.stated = Some((by, reader.int()?));
        }
        reader.finish()?;
        Ok(device)
    }

    /// Every one; ended ones by the log as well.
    pub(super) fn all(tx: &Tx<'_>) -> Result<Vec<Self>, StoreError> {
        let items = tx.all(Kind::Device)?.into_iter();
        let parsed = items.map(|item| Self::parse(&item.plain).map_err(|_| DAMAGED));
        let mut all: Vec<Self> = parsed.collect::<Result<_, _>>()?;
        let known: Vec<&[u8]> = all.iter().map(|device| device.dsk.as_slice()).collect();
        let proven = Proven::load(&known, tx)?;
        for device in all.iter_mut().filter(|device| !device.ended) {
            for (_, spki) in proven.batch_keys(&device.id) {
                if Enrolled::load(&key_id(spki), tx)?.is_some_and(|key| key.revoked) {
                    device.ended = true;
                    device.ended_ms = entries::revoked_ms(spki, tx)?;
                    break;
                }
            }
        }
        while let Some(stray) = all.iter().position(|it| !it.stray && it.is_stray(&all)) {
            if let Some(device) = all.get_mut(stray) {
                device.stray = true;
            }
        }
        Ok(all)
    }

    fn is_stray(&self, all: &[Self]) -> bool {
        let Some((Some(by), time)) = self.stated else {
            return false;
        };
        all.iter().any(|it| it.id == by && !it.counts_at(time))
    }
}

/// SPKIs of the keys that other devices take vault secrets with.
pub(crate) fn other_deks(tx: &Tx<'_>) -> Result<Vec<Vec<u8>>, StoreError> {
    let devices = Device::all(tx)?.into_iter();
    Ok(devices
        .filter(|device| !device.ended && !device.left_out && !device.stray)
        .map(|device| device.dek)
        .collect())
}

impl Core {
    /// Keeps the devices whose statement holds: signed by AIK, or by a device that had not ended
    /// by then; and which of them the cloud says have ended.
    pub(crate) fn keep_devices(
        &mut self,
        told: Devices,
        settings: &CloudSettings,
    ) -> Result<(), Error> {
        let own = self.env.keystore.public(&self.account.dsk)?;
        let own_id = key_id(&own);
        let mut known = Device::all(&self.store.reader())?;
        let live: Vec<Id> = told.devices.iter().map(|it| key_id(&it.dsk.0)).collect();
        let ends: Vec<(Id, i64)> = told
            .ended
            .iter()
            .map(|it| (key_id(&it.statement.dsk.0), it.time))
            .collect();
        let mark = |device: &mut Device| {
            device.left_out = !live.contains(&device.id);
            if !device.ended {
                let end = ends.iter().find(|(id, _)| *id == device.id);
                device.ended_ms = end.map_or(0, |(_, time)| *time);
            }
        };
        known.iter_mut().for_each(mark);
        let ended = told.ended.into_iter().map(|it| it.statement);
        let mut left: Vec<DeviceStatement> = ended.chain(told.devices).collect();
        // a device that another states counts once that other one does
        loop {
            let before = left.len();
            let mut kept = Vec::new();
            for statement in left {
                let key = match statement.by {
                    None => Some(self.account.aik.clone()),
                    Some(by) if by.0 == own_id => Some(own.to_vec()),
                    Some(by) => {
                        let by = known.iter().find(|device| device.id == by.0);
                        if by.is_some_and(|by| !by.counts_at(statement.time)) {
                            log::warn!("a device was stated by one that had ended");
                            continue;
                        }
                        by.map(|device| device.dsk.clone())
                    }
                };
                match key {
                    None => kept.push(statement),
                    Some(key) if holds(&statement, &key, &self.account.id, settings) => {
                        let mut device = Device::new(statement.dsk.0, statement.dek.0);
                        mark(&mut device);
                        device.stated = Some((statement.by.map(|by| by.0), statement.time));
                        match known.iter_mut().find(|other| other.id == device.id) {
                            Some(other) if other.stray || other.stated.is_none() => {
                                (other.stated, other.stray) = (device.stated, false);
                            }
                            None if device.id != own_id => known.push(device),
                            _ => {}
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

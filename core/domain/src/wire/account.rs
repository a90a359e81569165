//! Lists that the cloud answers with, and what ends a device or an account.

use super::{DeviceStatement, GrantForGrantee, Hash32, Id16, Recovery, Sig64};
use serde::{Deserialize, Serialize};
use vitalwitness_proof::cbor::Encoder;

/// `GET /v1/devices`: the account's devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    /// Those that have not ended, in the order they were added.
    pub devices: Vec<DeviceStatement>,
    /// Those that have ended: what they stated before counts.
    #[serde(default)]
    pub ended: Vec<EndedDevice>,
}

/// A device that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndedDevice {
    /// Its statement.
    pub statement: DeviceStatement,
    /// When its end was decided, by who decided it; 0: not known.
    pub time: i64,
}

/// `GET /v1/grants?after=INDEX&limit=M`: grants to the caller's organisation, in order of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Live, expired and revoked ones.
    pub grants: Vec<GrantForGrantee>,
    /// What to ask `after` next; null: there were no more.
    pub next: Option<u64>,
}

/// `POST /v1/devices/{device}/end`. It ends for good, so one that comes again changes nothing: no
/// challenge is needed, and a phone may sign it while it is offline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceEnd {
    /// The device that ends.
    pub device: Id16,
    /// When it was decided, by who signs.
    pub time: i64,
    /// Who signs: null = the account's AIK, else the id of a grant key of one of its channels.
    pub by: Option<Id16>,
    /// Over [`DeviceEnd::message`].
    pub signature: Sig64,
}

/// `PUT /v1/recovery`: the vault secret that follows the newest; `GET /v1/recovery`: it, as it was
/// put, so that a phone checks for itself who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRecovery {
    /// It, sealed.
    pub recovery: Recovery,
    /// Who signs: null = the account's AIK, else the id of a grant key of one of its channels.
    pub by: Option<Id16>,
    /// Over [`NewRecovery::message`]; null for generation 1 alone, which follows none.
    pub signature: Option<Sig64>,
    /// The device that sends it; null in what was put before devices signed: no phone opens that.
    #[serde(default)]
    pub device: Option<Id16>,
    /// By that device's key, over [`NewRecovery::message`].
    #[serde(default)]
    pub device_signature: Option<Sig64>,
}

impl NewRecovery {
    /// What is signed: `vwN1` || enc([1, origin, account, generation, [[to, enc, ciphertext]...]]).
    pub fn message(origin: &str, account: Id16, recovery: &Recovery) -> Vec<u8> {
        let mut message = Encoder::after(b"vwN1".to_vec());
        message
            .array(5)
            .int(1)
            .text(origin)
            .bytes(&account.0)
            .uint(u64::from(recovery.generation))
            .array(recovery.sealed.len());
        for sealed in &recovery.sealed {
            message
                .array(3)
                .bytes(&sealed.to.0)
                .bytes(&sealed.enc.0)
                .bytes(&sealed.ciphertext.0);
        }
        message.finish()
    }
}

impl DeviceEnd {
    /// What is signed: `vwX1` || enc([1, origin, account, device, time ms]).
    pub fn message(origin: &str, account: Id16, device: Id16, time: i64) -> Vec<u8> {
        let mut message = Encoder::after(b"vwX1".to_vec());
        message
            .array(5)
            .int(1)
            .text(origin)
            .bytes(&account.0)
            .bytes(&device.0)
            .int(time);
        message.finish()
    }
}

/// `DELETE /v1/bag/{item}`. An item's name is never given away again, so one that comes again changes
/// nothing: no challenge is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BagErasure {
    /// The device that signs; one of the account that has not ended.
    pub device: Id16,
    /// By its key, over [`BagErasure::message`].
    pub signature: Sig64,
}

impl BagErasure {
    /// What is signed: `vwY1` || enc([1, origin, account, item]).
    pub fn message(origin: &str, account: Id16, item: Id16) -> Vec<u8> {
        let mut message = Encoder::after(b"vwY1".to_vec());
        message
            .array(4)
            .int(1)
            .text(origin)
            .bytes(&account.0)
            .bytes(&item.0);
        message.finish()
    }
}

/// `POST /v1/account/deletion`: signed by the account's AIK, from the recovery kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountDeletion {
    /// From `/v1/challenges`.
    pub challenge: Hash32,
    /// Over [`AccountDeletion::message`].
    pub signature: Sig64,
}

impl AccountDeletion {
    /// What is signed: `vwZ1` || enc([1, origin, account, challenge]).
    pub fn message(origin: &str, account: Id16, challenge: Hash32) -> Vec<u8> {
        let mut message = Encoder::after(b"vwZ1".to_vec());
        message
            .array(4)
            .int(1)
            .text(origin)
            .bytes(&account.0)
            .bytes(&challenge.0);
        message.finish()
    }
}

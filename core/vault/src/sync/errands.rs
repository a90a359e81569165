//! What the sync and sharing modules put into the outbox besides what the store puts there.

use crate::Error;
use crate::store::{DAMAGED, Priority, StoreError, Tx};
use crate::tasks::Task;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vitalwitness_domain::wire::{
    BatchInfo, DeviceEnd, DeviceStatement, Hash32, Id16, NewDenial, NewEnvelopes, NewGrant,
    NewRevocation,
};

/// One thing to do with the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Send a grant.
    Grant(NewGrant),
    /// Send a denial.
    Deny(NewDenial),
    /// Send a revocation.
    Revoke(NewRevocation),
    /// Send envelopes of a grant.
    Envelopes(NewEnvelopes),
    /// State another device of the account.
    Device(DeviceStatement),
    /// End a device of the account.
    EndDevice(DeviceEnd),
    /// Erase a secret of the bag.
    EraseBag(Id16),
    /// Fetch and adopt a batch that was sealed elsewhere.
    Fetch(BatchInfo),
    /// Fetch a vault secret of this generation or newer.
    FetchSecret(u32),
    /// Check a request's organisation against the log.
    CheckRequest(Hash32),
}

impl Errand {
    /// Queues it behind what is there of its priority.
    pub(crate) fn queue(&self, tx: &Tx<'_>) -> Result<i64, StoreError> {
        tx.queue(self.priority(), &self.task()?.encode())
    }

    /// Queues it with another priority than its own.
    pub(crate) fn queue_as(&self, priority: Priority, tx: &Tx<'_>) -> Result<i64, StoreError> {
        tx.queue(priority, &self.task()?.encode())
    }

    fn priority(&self) -> Priority {
        match self {
            Self::Device(_) | Self::EndDevice(_) | Self::FetchSecret(_) => Priority::Account,
            Self::Revoke(_) | Self::EraseBag(_) => Priority::Revoke,
            Self::Grant(_) | Self::Deny(_) | Self::Envelopes(_) | Self::CheckRequest(_) => {
                Priority::Grant
            }
            Self::Fetch(_) => Priority::Series,
        }
    }

    /// As it stands in the outbox.
    pub(crate) fn task(&self) -> Result<Task, StoreError> {
        let (what, bytes) = match self {
            Self::Grant(body) => (64, json(body)?),
            Self::Deny(body) => (65, json(body)?),
            Self::Revoke(body) => (66, json(body)?),
            Self::Envelopes(body) => (67, json(body)?),
            Self::Device(body) => (68, json(body)?),
            Self::EndDevice(body) => (69, json(body)?),
            Self::Fetch(info) => (70, json(info)?),
            Self::FetchSecret(generation) => (71, json(generation)?),
            Self::CheckRequest(hash) => (72, json(hash)?),
            Self::EraseBag(item) => (73, json(item)?),
        };
        Ok(Task::Other { what, bytes })
    }

    /// Reads what [`Errand::queue`] put into a task.
    pub(crate) fn of(what: u8, bytes: &[u8]) -> Result<Self, Error> {
        Ok(match what {
            64 => Self::Grant(read(bytes)?),
            65 => Self::Deny(read(bytes)?),
            66 => Self::Revoke(read(bytes)?),
            67 => Self::Envelopes(read(bytes)?),
            68 => Self::Device(read(bytes)?),
            69 => Self::EndDevice(read(bytes)?),
            70 => Self::Fetch(read(bytes)?),
            71 => Self::FetchSecret(read(bytes)?),
            72 => Self::CheckRequest(read(bytes)?),
            73 => Self::EraseBag(read(bytes)?),
            _ => return Err(DAMAGED.into()),
        })
    }
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|_| DAMAGED)
}

pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|_| DAMAGED)
}

//! The crate's error.

use crate::backup::BackupError;
use crate::client::ClientError;
use crate::keys::{KeyError, NoRandomness};
use crate::kit::KitError;
use crate::share::ShareError;
use crate::store::StoreError;
use vitalwitness_domain::hpke::HpkeError;
use vitalwitness_domain::record::RecordError;
use vitalwitness_domain::sealed::{OpenError, SealError};

/// Why the vault did not do it. Holds no health data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The local store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key store refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// These words are no kit, or not this account's.
    #[error(transparent)]
    Kit(#[from] KitError),
    /// A sealing is not for this key, or its bytes were changed.
    #[error(transparent)]
    Hpke(#[from] HpkeError),
    /// The record cannot be; say so beside the field.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A batch does not open, or does not hold what was logged; keep it as evidence.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A backup cannot be written, or gives no vault.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The cloud refused or cannot be reached.
    #[error(transparent)]
    Cloud(#[from] ClientError),
    /// Sharing was refused here, before anything left.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// Not in the log yet, or not checked yet: sync, then ask again.
    #[error("not in the log yet")]
    NotLogged,
    /// There is nothing of that name.
    #[error("not found")]
    NotFound,
    /// The vault is locked; open it again.
    #[error("the vault is locked")]
    Locked,
}

impl From<NoRandomness> for Error {
    fn from(error: NoRandomness) -> Self {
        Self::Key(error.into())
    }
}

/// A batch that cannot be sealed is a bug; its records stay as they are.
impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        log::error!("a batch was not sealed: {error}");
        Self::Store(StoreError::Sqlite(rusqlite::Error::InvalidQuery))
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

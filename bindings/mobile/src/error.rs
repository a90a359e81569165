//! What a call refuses with: one variant per different next step, a stable code in each.

use vitalwitness_domain::hpke::HpkeError;
use vitalwitness_domain::sealed::OpenError;
use vitalwitness_domain::wire::slug;
use vitalwitness_vault as core;
use vitalwitness_vault::BackupError;
use vitalwitness_vault::ble::BleError;
use vitalwitness_vault::client::ClientError;
use vitalwitness_vault::keys::KeyError;
use vitalwitness_vault::kit::KitError;
use vitalwitness_vault::share::ShareError;
use vitalwitness_vault::store::StoreError;

/// Why a call did not do it. `code` is stable in every language; [`advice`](crate::advice) has
/// words for it. Holds no health data and no free text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum VaultError {
    /// Say it beside the field, and let the person correct it.
    #[error("{code}")]
    InvalidInput {
        /// What it is about: `words`, `record`, `file`, ...
        field: String,
        /// Why.
        code: String,
    },
    /// Open the vault again.
    #[error("{code}")]
    Locked {
        /// Why.
        code: String,
    },
    /// The person, the key store or a rule said no. Nothing happened; ask again only if the person
    /// wants it.
    #[error("{code}")]
    Denied {
        /// Why.
        code: String,
    },
    /// Not now: wait, or sync first. Nothing is lost.
    #[error("{code}")]
    NotNow {
        /// Why.
        code: String,
        /// Seconds that a service asked to wait.
        retry_after_s: Option<u32>,
    },
    /// Something is to be done at the Bluetooth device or in the system's settings.
    #[error("{code}")]
    Device {
        /// What.
        code: String,
    },
    /// Free space, then call again. Nothing was written.
    #[error("{code}")]
    StorageFull {
        /// Why.
        code: String,
    },
    /// What is on this device cannot be opened any more: restore from the recovery kit, a backup or
    /// another device. Nothing was deleted.
    #[error("{code}")]
    RestoreNeeded {
        /// Why.
        code: String,
    },
    /// A newer version wrote it: update the app.
    #[error("{code}")]
    UpdateNeeded {
        /// Why.
        code: String,
    },
    /// A fault of this library or of a service: the vault is as before and stays usable. Report the
    /// code.
    #[error("{code}")]
    Internal {
        /// Why.
        code: String,
    },
}

impl VaultError {
    pub(crate) fn input(field: &str, code: &str) -> Self {
        Self::InvalidInput {
            field: field.to_owned(),
            code: code.to_owned(),
        }
    }

    pub(crate) fn not_now(code: &str) -> Self {
        Self::NotNow {
            code: code.to_owned(),
            retry_after_s: None,
        }
    }

    pub(crate) fn denied(code: &str) -> Self {
        let code = code.to_owned();
        Self::Denied { code }
    }

    pub(crate) fn internal(code: &str) -> Self {
        let code = code.to_owned();
        Self::Internal { code }
    }

    fn full() -> Self {
        let code = "storage_full".to_owned();
        Self::StorageFull { code }
    }

    fn restore(code: &str) -> Self {
        let code = code.to_owned();
        Self::RestoreNeeded { code }
    }

    fn update(code: &str) -> Self {
        let code = code.to_owned();
        Self::UpdateNeeded { code }
    }

    fn device(code: &str) -> Self {
        let code = code.to_owned();
        Self::Device { code }
    }

    fn locked(code: &str) -> Self {
        let code = code.to_owned();
        Self::Locked { code }
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        match self {
            Self::InvalidInput { code, .. }
            | Self::Locked { code }
            | Self::Denied { code }
            | Self::NotNow { code, .. }
            | Self::Device { code }
            | Self::StorageFull { code }
            | Self::RestoreNeeded { code }
            | Self::UpdateNeeded { code }
            | Self::Internal { code } => code,
        }
    }
}

impl From<core::Error> for VaultError {
    fn from(error: core::Error) -> Self {
        use core::Error;
        match error {
            Error::Store(error) => error.into(),
            Error::Key(error) => error.into(),
            Error::Kit(error) => error.into(),
            Error::Hpke(HpkeError::Key(_)) => Self::restore("key_lost"),
            Error::Hpke(_) => Self::input("file", "not_for_this_key"),
            Error::Record(error) => Self::input("record", error.code()),
            Error::Open(OpenError::NewerVersion) => Self::update("sealed_newer"),
            Error::Open(error) => Self::internal(error.code()),
            Error::Backup(error) => error.into(),
            Error::Cloud(error) => error.into(),
            Error::Share(error) => error.into(),
            Error::NotLogged => Self::not_now("not_logged"),
            Error::NotFound => Self::input("name", "not_found"),
            Error::Locked => Self::locked("locked"),
            _ => Self::internal("internal"),
        }
    }
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::full(),
            StoreError::Corrupt { .. } => Self::restore("storage_corrupt"),
            StoreError::WrongKey => Self::restore("wrong_key"),
            StoreError::NewerSchema { .. } => Self::update("newer_schema"),
            StoreError::InUse => Self::not_now("in_use"),
            StoreError::Missing => Self::input("path", "no_vault"),
            StoreError::Exists => Self::input("path", "exists"),
            _ => Self::internal("storage"),
        }
    }
}

impl From<KeyError> for VaultError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Refused => Self::denied("key_refused"),
            KeyError::Cancelled => Self::denied("key_cancelled"),
            KeyError::KeyLost => Self::restore("key_lost"),
            KeyError::NotValid => Self::restore("wrong_key"),
            KeyError::Unavailable => Self::not_now("key_unavailable"),
            KeyError::Io(std::io::ErrorKind::StorageFull) => Self::full(),
            KeyError::Io(_) => Self::not_now("file_unusable"),
            _ => Self::internal("key_store"),
        }
    }
}

impl From<KitError> for VaultError {
    fn from(error: KitError) -> Self {
        match error {
            KitError::WordCount { .. } => Self::input("words", "kit_word_count"),
            KitError::Word { position } => Self::InvalidInput {
                field: format!("word {position}"),
                code: "kit_word".to_owned(),
            },
            KitError::Checksum => Self::input("words", "kit_checksum"),
            KitError::OtherAccount => Self::input("words", "kit_other_account"),
            KitError::NotConfirmed => Self::denied("kit_not_confirmed"),
            KitError::Needed => Self::denied("kit_needed"),
            _ => Self::internal("internal"),
        }
    }
}

impl From<BackupError> for VaultError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::NotBackup => Self::input("file", "not_backup"),
            BackupError::Newer => Self::update("newer_backup"),
            BackupError::OtherKit => Self::input("words", "kit_other_account"),
            BackupError::Truncated => Self::input("file", "backup_truncated"),
            BackupError::Damaged => Self::input("file", "backup_damaged"),
            BackupError::Io(std::io::ErrorKind::StorageFull) => Self::full(),
            _ => Self::input("file", "file_unusable"),
        }
    }
}

impl From<ClientError> for VaultError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Offline { retry_after_s } => Self::NotNow {
                code: "offline".to_owned(),
                retry_after_s,
            },
            ClientError::Refused(problem) => {
                let code = problem.code.as_str();
                match known(code) {
                    Some(slug::RATE | slug::UNAVAILABLE | slug::INTERNAL) => Self::NotNow {
                        code: code.to_owned(),
                        retry_after_s: problem.retry_after_s,
                    },
                    Some(slug::SIGNATURE | slug::DIGEST | slug::BAD_REQUEST | slug::SESSION) => {
                        Self::internal(code)
                    }
                    Some(slug::NOT_FOUND) => Self::input("name", slug::NOT_FOUND),
                    Some(code) => Self::denied(code),
                    None => Self::internal("answer_unreadable"),
                }
            }
            ClientError::ClockSkew => Self::denied(slug::CLOCK),
            ClientError::Key(error) => error.into(),
            ClientError::NotConnected => Self::not_now("not_connected"),
            ClientError::Address => Self::input("url", "cloud_url"),
            _ => Self::internal("answer_unreadable"),
        }
    }
}

/// A code that the interface has: no free text of a server crosses.
fn known(code: &str) -> Option<&'static str> {
    SLUGS.iter().find(|slug| **slug == code).copied()
}

pub(crate) const SLUGS: [&str; 21] = [
    slug::BAD_REQUEST,
    slug::SESSION,
    slug::SIGNATURE,
    slug::CLOCK,
    slug::FORBIDDEN,
    slug::KIT,
    slug::REVOKED,
    slug::EXPIRED,
    slug::CERTIFICATE,
    slug::NOT_FOUND,
    slug::CONFLICT,
    slug::KEY_CLOSED,
    slug::EVENT_REFUSED,
    slug::FROM_FUTURE,
    slug::QUOTA,
    slug::TOO_LARGE,
    slug::DIGEST,
    slug::GONE,
    slug::RATE,
    slug::UNAVAILABLE,
    slug::INTERNAL,
];

impl From<ShareError> for VaultError {
    fn from(error: ShareError) -> Self {
        match error {
            ShareError::Answered => Self::denied("answered"),
            ShareError::NotChecked => Self::not_now("not_checked"),
            ShareError::Expired => Self::denied("expired"),
            ShareError::Revoked => Self::denied("revoked"),
            _ => Self::denied("not_allowed"),
        }
    }
}

impl From<BleError> for VaultError {
    fn from(error: BleError) -> Self {
        match error {
            BleError::Vault(error) => error.into(),
            BleError::NoWearer => Self::input("wearer", "wearer_not_confirmed"),
            other => Self::device(other.code().unwrap_or("device_refused")),
        }
    }
}

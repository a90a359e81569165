//! Backup, restore, the recovery kit, other devices of the account, the end of everything.

use crate::cloud::{CloudSettings, SyncReport, transport_to};
use crate::error::VaultError;
use crate::keys::{KeyLimits, KeyStore};
use crate::names::ShortId;
use crate::observer::Change;
use crate::runtime::{blocking, task};
use crate::vault::{Vault, env, held};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use vitalwitness_vault as core;
use vitalwitness_vault::Env;
use vitalwitness_vault::devices::Pairing;
use vitalwitness_vault::kit::Kit;
use vitalwitness_vault::sync;

/// The recovery kit: 24 words that bring the record back. Show it, let it be written down, drop it.
#[derive(uniffi::Object)]
pub struct RecoveryKit(pub(crate) Kit);

#[uniffi::export]
impl RecoveryKit {
    /// Reads the words, in any case and spacing, or the text of the kit's QR code.
    #[uniffi::constructor]
    pub fn read(text: String) -> Result<Arc<Self>, VaultError> {
        let text = zeroize::Zeroizing::new(text);
        let kit = Kit::from_words(&text).map_err(core::Error::from)?;
        Ok(Arc::new(Self(kit)))
    }

    /// The 24 words, for the screen alone.
    pub fn words(&self) -> Result<String, VaultError> {
        let words = self.0.words().map_err(core::Error::from)?;
        Ok((*words).clone())
    }

    /// The text of its QR code, for a screen or a printer that is the person's own.
    pub fn qr_text(&self) -> Result<String, VaultError> {
        let text = self.0.qr_text().map_err(core::Error::from)?;
        Ok((*text).clone())
    }
}

/// Another device of the account.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AccountDevice {
    /// Its id.
    pub id: ShortId,
    /// Ended: it cannot sign in, and learns no new secret.
    pub ended: bool,
}

/// A vault that came back, and how far its first sync came.
#[derive(uniffi::Record)]
pub struct RestoredVault {
    /// The vault, open.
    pub vault: Arc<Vault>,
    /// Its first sync.
    pub report: SyncReport,
}

/// A new device that waits to be taken in by another one of the account: show `code` there.
#[derive(uniffi::Object)]
pub struct NewDevice {
    pairing: Mutex<Option<Pairing>>,
    code: String,
    env: Env,
}

/// Begins on a new device: makes its keys and the code that the first device scans.
#[uniffi::export]
pub async fn new_device(
    key_store: Arc<dyn KeyStore>,
    limits: KeyLimits,
) -> Result<Arc<NewDevice>, VaultError> {
    let env = env(key_store, limits)?;
    blocking(move || {
        let pairing = Pairing::begin(&env)?;
        Ok(Arc::new(NewDevice {
            code: pairing.code().to_owned(),
            pairing: Mutex::new(Some(pairing)),
            env,
        }))
    })
    .await
}

#[uniffi::export]
impl NewDevice {
    /// What the first device scans: `Vault.pair_device_of_account` takes it there.
    pub fn code(&self) -> String {
        self.code.clone()
    }

    /// Makes the vault at `path` out of the first device's `answer`, and pulls all there is. `url`
    /// is the cloud's.
    pub async fn finish(
        &self,
        path: String,
        answer: String,
        url: String,
    ) -> Result<RestoredVault, VaultError> {
        let transport = transport_to(&url)?;
        let pairing = held(&self.pairing).take();
        let pairing = pairing.ok_or(VaultError::denied("answered"))?;
        let (path, env) = (PathBuf::from(path), self.env.clone());
        task(async move {
            let (vault, report) = pairing
                .finish(&path, &answer, env.clone(), &transport)
                .await?;
            Ok(RestoredVault {
                vault: Vault::around(path, env, vault),
                report: report.into(),
            })
        })
        .await
    }
}

/// Makes a vault at `path` out of the kit and what the cloud keeps: the same records, with receipts.
/// When the cloud cannot be reached nothing is left behind; call again.
#[uniffi::export]
pub async fn restore_from_cloud(
    path: String,
    kit: Arc<RecoveryKit>,
    cloud: CloudSettings,
    key_store: Arc<dyn KeyStore>,
    limits: KeyLimits,
) -> Result<RestoredVault, VaultError> {
    let env = env(key_store, limits)?;
    let transport = transport_to(&cloud.url)?;
    task(async move {
        let path = PathBuf::from(path);
        let settings = sync::CloudSettings::from(cloud);
        let (vault, report) =
            core::Vault::restore(&path, &kit.0, &settings, env.clone(), &transport).await?;
        Ok(RestoredVault {
            vault: Vault::around(path, env, vault),
            report: report.into(),
        })
    })
    .await
}

/// Makes a vault at `path` out of the backup `file`. `log` is the name of the cloud's log.
#[uniffi::export]
pub async fn restore_from_backup(
    file: String,
    path: String,
    kit: Arc<RecoveryKit>,
    log: Option<String>,
    key_store: Arc<dyn KeyStore>,
    limits: KeyLimits,
) -> Result<Arc<Vault>, VaultError> {
    let env = env(key_store, limits)?;
    blocking(move || {
        let (file, path) = (PathBuf::from(file), PathBuf::from(path));
        let origin = log.unwrap_or_default();
        let vault = core::Vault::restore_backup(&file, &kit.0, &path, &origin, env.clone())?;
        Ok(Vault::around(path, env, vault))
    })
    .await
}

#[uniffi::export]
impl Vault {
    /// At which positions (from 1) the person is asked for words of their kit; empty once it is
    /// confirmed.
    pub async fn asked_words(&self) -> Result<Vec<u8>, VaultError> {
        self.with(|vault| Ok(vault.asked_words()?.map(Vec::from).unwrap_or_default()))
            .await
    }

    /// Takes the words at `asked_words`, in that order. Nothing is synced before.
    pub async fn confirm_kit(&self, words: Vec<String>) -> Result<(), VaultError> {
        let count = VaultError::input("words", "kit_word_count");
        let words: [String; 3] = words.try_into().map_err(|_| count)?;
        self.changing(Change::Account, move |vault| {
            let [first, second, third] = &words;
            vault.confirm_kit(&[first, second, third])
        })
        .await
    }

    /// Checks that a kit is this record's, at any time.
    pub async fn check_kit(&self, kit: Arc<RecoveryKit>) -> Result<(), VaultError> {
        self.with(move |vault| vault.check_kit(&kit.0)).await
    }

    /// Writes a backup to `file`, in place of one that is there. Only the kit opens it, and none is
    /// needed to write it.
    pub async fn backup(&self, file: String) -> Result<(), VaultError> {
        self.changing(Change::Account, move |vault| {
            vault.backup(&PathBuf::from(file))
        })
        .await
    }

    /// Other devices of the account, as far as this one was told.
    pub async fn account_devices(&self) -> Result<Vec<AccountDevice>, VaultError> {
        self.with(|vault| {
            let devices = vault.devices()?.into_iter();
            let each = devices.map(|device| AccountDevice {
                id: ShortId(device.id),
                ended: device.ended,
            });
            Ok(each.collect())
        })
        .await
    }

    /// Asks the cloud for the account's devices, and keeps those whose statement holds.
    pub async fn learn_account_devices(&self) -> Result<(), VaultError> {
        let (vault, transport) = (self.core(), self.transport().await?);
        task(async move { Ok(vault.learn_devices(&transport).await?) }).await?;
        self.changes.tell(Change::Account);
        Ok(())
    }

    /// Takes in a new device by the code that it shows. Give what comes back to the new device.
    /// `kit` is needed before anything of this record is in the log: `Denied(kit_needed)` says so.
    pub async fn pair_device_of_account(
        &self,
        code: String,
        kit: Option<Arc<RecoveryKit>>,
    ) -> Result<String, VaultError> {
        let (vault, transport) = (self.core(), self.transport().await?);
        task(async move {
            Ok(match kit {
                Some(kit) => vault.pair_with_kit(&code, &kit.0, &transport).await?,
                None => vault.pair(&code, &transport).await?,
            })
        })
        .await
    }

    /// Ends another device: it learns nothing new from then on, and cannot sign in. Takes effect
    /// with the next sync. Needs the person present, or the kit.
    pub async fn end_account_device(
        &self,
        device: ShortId,
        kit: Option<Arc<RecoveryKit>>,
    ) -> Result<(), VaultError> {
        self.changing(Change::Account, move |vault| match kit {
            Some(kit) => vault.end_device_with_kit(&device.0, &kit.0),
            None => vault.end_device(&device.0),
        })
        .await
    }

    /// Deletes the account at the cloud: all it holds of it but the log's entries. What is on this
    /// device stays.
    pub async fn delete_account(&self, kit: Arc<RecoveryKit>) -> Result<(), VaultError> {
        let (vault, transport) = (self.core(), self.transport().await?);
        task(async move { Ok(vault.delete_account(&kit.0, &transport).await?) }).await
    }

    /// Erases the vault from this device: its file and its keys.
    pub async fn erase_everything(&self) -> Result<(), VaultError> {
        self.changing(Change::Records, core::Vault::erase_all).await
    }
}

impl fmt::Debug for RecoveryKit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKit(..)")
    }
}

impl fmt::Debug for NewDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewDevice(..)")
    }
}

impl fmt::Debug for RestoredVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RestoredVault(..)")
    }
}

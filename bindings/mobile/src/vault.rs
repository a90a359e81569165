//! The vault as an object: made, opened, locked, unlocked; entries.

use crate::error::VaultError;
use crate::keys::{self, KeyLimits, KeyStore, Platform};
use crate::names::{RecordId, ShortId};
use crate::observer::{Change, Changes};
use crate::radio::Attached;
use crate::record::{Added, NewRecord};
use crate::recovery::RecoveryKit;
use crate::runtime::blocking;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vitalwitness_domain::record::Record;
use vitalwitness_vault as core;
use vitalwitness_vault::Env;
use vitalwitness_vault::client::Transport;
use vitalwitness_vault::clock::SystemClock;
use vitalwitness_vault::keys::OsRandom;

/// A person's vault on this device. Share one object between all screens: it may be called from any
/// thread, and calls that change it take their turn.
///
/// Every call that waits may be cancelled; what it did by then is durable, and nothing is half done.
///
/// ```kotlin
/// val made = createVault("$filesDir/vault", null, keyStore, KeyLimits(10_000u, 120_000u))
/// val vault = made.vault
/// show(made.kit.words()) // 24 words, to be written down
/// vault.add(typedEntry("heart-rate", "62", Instant.now(), 60))
/// ```
/// ```swift
/// let limits = KeyLimits(quietMs: 10_000, presenceMs: 120_000)
/// let made = try await createVault(path: "\(folder)/vault", log: nil, keyStore: keyStore, limits: limits)
/// let vault = made.vault
/// show(try made.kit.words()) // 24 words, to be written down
/// _ = try await vault.add(record: typedEntry(name: "heart-rate", text: "62", start: Date(), offsetMin: 60))
/// ```
#[derive(uniffi::Object)]
pub struct Vault {
    pub(crate) path: PathBuf,
    pub(crate) env: Env,
    open: Mutex<Arc<core::Vault>>,
    /// Held while it is opened again: calls meanwhile find it locked, and do not wait.
    unlocking: Mutex<()>,
    pub(crate) changes: Arc<Changes>,
    pub(crate) radio: Mutex<Option<Attached>>,
    /// The connection to the cloud of this address.
    pub(crate) transport: Mutex<Option<(String, Arc<dyn Transport>)>>,
}

/// A vault that was just made, and its recovery kit: show it, let it be written down, drop it.
#[derive(uniffi::Record)]
pub struct NewVault {
    /// The vault, open.
    pub vault: Arc<Vault>,
    /// Its kit. Nobody else has it, and the vault does not keep it.
    pub kit: Arc<RecoveryKit>,
}

/// Makes a vault at `path` for a new account. `log` is the name of the log of the cloud it will use
/// (`CloudSettings.log`), or nothing when none is known yet.
///
/// Records can be added at once; nothing is synced before `Vault.confirm_kit`.
#[uniffi::export]
pub async fn create_vault(
    path: String,
    log: Option<String>,
    key_store: Arc<dyn KeyStore>,
    limits: KeyLimits,
) -> Result<NewVault, VaultError> {
    let env = env(key_store, limits)?;
    blocking(move || {
        let path = PathBuf::from(path);
        let origin = log.unwrap_or_default();
        let (vault, kit) = core::Vault::create(&path, &origin, env.clone())?;
        Ok(NewVault {
            vault: Vault::around(path, env, vault),
            kit: Arc::new(RecoveryKit(kit)),
        })
    })
    .await
}

/// Opens the vault at `path`.
#[uniffi::export]
pub async fn open_vault(
    path: String,
    key_store: Arc<dyn KeyStore>,
    limits: KeyLimits,
) -> Result<Arc<Vault>, VaultError> {
    let env = env(key_store, limits)?;
    blocking(move || {
        let path = PathBuf::from(path);
        let vault = core::Vault::open(&path, env.clone())?;
        Ok(Vault::around(path, env, vault))
    })
    .await
}

/// What the core is given on a phone.
pub(crate) fn env(key_store: Arc<dyn KeyStore>, limits: KeyLimits) -> Result<Env, VaultError> {
    Ok(Env {
        keystore: Arc::new(Platform {
            store: key_store,
            limits: keys::check(limits)?,
        }),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
    })
}

#[uniffi::export]
impl Vault {
    /// Drops the keys from memory and closes the file. Every later call says `Locked` until
    /// `unlock`. Waits for the call that is at work.
    pub async fn lock(&self) -> Result<(), VaultError> {
        let vault = self.core();
        blocking(move || {
            vault.lock();
            Ok(())
        })
        .await
    }

    /// Opens it again; fine when it is open.
    pub async fn unlock(self: Arc<Self>) -> Result<(), VaultError> {
        blocking(move || {
            let _turn = held(&self.unlocking);
            if !self.core().is_open() {
                let opened = core::Vault::open(&self.path, self.env.clone())?;
                *held(&self.open) = Arc::new(opened);
            }
            Ok(())
        })
        .await
    }

    /// Whether it is open.
    pub async fn is_open(&self) -> Result<bool, VaultError> {
        let vault = self.core();
        blocking(move || Ok(vault.is_open())).await
    }

    /// Id of the account: that of the recovery kit.
    pub async fn account(&self) -> Result<ShortId, VaultError> {
        self.with(|vault| vault.account_id().map(ShortId)).await
    }

    /// Adds a record. It is durable when this returns.
    pub async fn add(&self, record: NewRecord) -> Result<Added, VaultError> {
        let record = Record::from(record);
        self.changing(Change::Records, |vault| vault.add(record).map(Added::from))
            .await
    }

    /// Adds records, all or none. They are durable when this returns. One crossing for all of them:
    /// a thousand at once is a good size.
    pub async fn add_many(&self, records: Vec<NewRecord>) -> Result<Vec<Added>, VaultError> {
        let records = records.into_iter().map(Record::from).collect();
        self.changing(Change::Records, |vault| {
            let added = vault.add_many(records)?;
            Ok(added.into_iter().map(Added::from).collect())
        })
        .await
    }

    /// Adds a record that replaces another, which stays readable as replaced.
    pub async fn replace(&self, id: RecordId, record: NewRecord) -> Result<Added, VaultError> {
        let record = Record::from(record);
        self.changing(Change::Records, move |vault| {
            vault.supersede(&id.0, record).map(Added::from)
        })
        .await
    }

    /// Takes a record back, and says why.
    pub async fn take_back(
        &self,
        id: RecordId,
        reason: Option<String>,
    ) -> Result<Added, VaultError> {
        self.changing(Change::Records, move |vault| {
            vault.void(&id.0, reason).map(Added::from)
        })
        .await
    }
}

impl Vault {
    pub(crate) fn around(path: PathBuf, env: Env, vault: core::Vault) -> Arc<Self> {
        Arc::new(Self {
            path,
            env,
            open: Mutex::new(Arc::new(vault)),
            unlocking: Mutex::default(),
            changes: Arc::default(),
            radio: Mutex::default(),
            transport: Mutex::default(),
        })
    }

    /// The core's vault, as it is open now; a locked one refuses by itself.
    pub(crate) fn core(&self) -> Arc<core::Vault> {
        held(&self.open).clone()
    }

    /// Reads.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&core::Vault) -> Result<T, core::Error> + Send + 'static,
    ) -> Result<T, VaultError> {
        let vault = self.core();
        blocking(move || Ok(work(&vault)?)).await
    }

    /// Changes, and tells the observer once it is done.
    pub(crate) async fn changing<T: Send + 'static>(
        &self,
        change: Change,
        work: impl FnOnce(&core::Vault) -> Result<T, core::Error> + Send + 'static,
    ) -> Result<T, VaultError> {
        let (vault, changes) = (self.core(), self.changes.clone());
        blocking(move || {
            let done = work(&vault)?;
            // here, not after the await: a caller who went away does not stop the work
            changes.tell(change);
            Ok(done)
        })
        .await
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl fmt::Debug for NewVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewVault(..)")
    }
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The vault: made, opened, locked.
//!
//! A [`Vault`] is shared between threads; each call takes the one writer. Locking drops the keys
//! from memory; what was acknowledged is in the file.

use crate::Error;
use crate::account::{Account, VaultSecret, new_alias};
use crate::adding::AddQueue;
use crate::bag::BagSecret;
use crate::clock::Clock;
use crate::devices::secrets::RestoredBy;
use crate::index::Index;
use crate::keys::{KeyKind, KeyStore, Random};
use crate::kit::Kit;
use crate::opened::Cache;
use crate::store::{DAMAGED, Kind, Priority, Store, StoreError};
use crate::streams::Streams;
use crate::tasks::Task;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::keys::Signature;

/// What the vault is given from outside.
#[derive(Debug, Clone)]
pub struct Env {
    /// Holds the device's keys.
    pub keystore: Arc<dyn KeyStore>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub random: Arc<dyn Random>,
}

/// A person's vault on this device.
pub struct Vault {
    core: Mutex<Option<Core>>,
    pub(crate) adds: AddQueue,
    /// Held by an import: two at once would each miss what the other adds.
    pub(crate) importing: Mutex<()>,
}

/// What is in memory of an open vault.
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) account: Account,
    pub(crate) streams: Streams,
    pub(crate) index: Index,
    pub(crate) cache: Cache,
    /// At how many records a batch is sealed.
    pub(crate) batch_limit: u32,
}

impl Core {
    /// Reads what is in memory of an open vault.
    pub(crate) fn load(store: Store, env: Env) -> Result<Self, Error> {
        let reader = store.reader();
        let account = Account::load(&reader)?;
        let streams = Streams::load(&reader)?;
        let index = Index::load(&reader, &streams)?;
        Ok(Self {
            store,
            env,
            account,
            streams,
            index,
            cache: Cache::default(),
            batch_limit: DEFAULT_LIMIT,
        })
    }
}

impl Vault {
    /// Makes a vault at `path` for a new account. `origin` names the log the device is stated to.
    ///
    /// Show the kit, let it be written down, ask for [`Vault::asked_words`], then
    /// [`Vault::confirm_kit`]; nothing is synced before.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] when something is there; what the key store says.
    pub fn create(path: &Path, origin: &str, env: Env) -> Result<(Self, Kit), Error> {
        let kit = Kit::generate(env.random.as_ref())?;
        let secret = VaultSecret::generate(1, env.random.as_ref())?;
        let vault = Self::make(path, origin, env, &kit, Some(&secret))?;
        Ok((vault, kit))
    }

    /// Makes a vault at `path` for the account of `kit`, on a new device. Its records come with
    /// the first sync.
    ///
    /// # Errors
    ///
    /// As [`Vault::create`].
    pub fn join(path: &Path, origin: &str, kit: &Kit, env: Env) -> Result<Self, Error> {
        Self::make(path, origin, env, kit, None)
    }

    fn make(
        path: &Path,
        origin: &str,
        env: Env,
        kit: &Kit,
        secret: Option<&VaultSecret>,
    ) -> Result<Self, Error> {
        if path.exists() {
            return Err(StoreError::Exists.into());
        }
        let random = env.random.as_ref();
        let dbk = new_alias(random)?;
        env.keystore.create(&dbk, KeyKind::Wrap)?;
        let keystore = env.keystore.as_ref();
        let mut store = Store::create(path, &dbk, keystore, env.random.clone())?;
        let account = Account::new_device(kit, secret.is_none(), keystore, random, |word| {
            store.keys().tag(KIT_TAG, word.as_bytes())
        })?;
        let statement = Statement::sign(kit, &account, origin, &env)?;
        store.write(|tx| {
            account.save(tx)?;
            statement.save(tx)?;
            tx.queue(Priority::Account, &Task::Account.encode())?;
            if let Some(secret) = secret {
                secret.save(tx)?;
                let task = Task::VaultSecret {
                    generation: secret.generation,
                };
                tx.queue(Priority::Account, &task.encode())?;
            }
            Ok::<_, Error>(())
        })?;
        Self::with_store(store, env)
    }

    /// Opens the vault at `path`. What a crash left frozen is sealed again; what cannot be sealed
    /// stays frozen, and readable.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open(path: &Path, env: Env) -> Result<Self, Error> {
        let store = Store::open(path, env.keystore.as_ref(), env.random.clone())?;
        Self::with_store(store, env)
    }

    pub(crate) fn with_store(store: Store, env: Env) -> Result<Self, Error> {
        let mut core = Core::load(store, env)?;
        RestoredBy::expire(&mut core)?;
        if let Err(error) = core.seal_frozen() {
            // what it holds is readable all the same; sealing is tried again at the next call or open
            log::warn!("a frozen batch was not sealed: {error}");
        }
        Ok(Self::with_core(core))
    }

    pub(crate) fn with_core(core: Core) -> Self {
        Self {
            core: Mutex::new(Some(core)),
            adds: AddQueue::default(),
            importing: Mutex::default(),
        }
    }

    /// Drops the keys from memory and closes the file. Every later call says
    /// [`Error::Locked`].
    pub fn lock(&self) {
        *self.core.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        let core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.is_some()
    }

    /// Runs `work` with the one writer.
    pub(crate) fn with<T, E: From<Error>>(
        &self,
        work: impl FnOnce(&mut Core) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        work(core.as_mut().ok_or(Error::Locked)?)
    }

    /// Id of the account.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn account_id(&self) -> Result<[u8; 16], Error> {
        self.with(|core| Ok(core.account.id))
    }

    /// At which positions (from 1) the person is asked for words of their kit; none once it is
    /// confirmed.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn asked_words(&self) -> Result<Option<[u8; 3]>, Error> {
        self.with(|core| Ok(core.account.asked()))
    }

    /// Takes the words at [`Vault::asked_words`].
    ///
    /// # Errors
    ///
    /// [`crate::kit::KitError::Word`] names the first position whose word is wrong.
    pub fn confirm_kit(&self, words: &[&str; 3]) -> Result<(), Error> {
        self.with(|core| {
            let mut account = core.account.clone();
            account.confirm(words, |word| {
                core.store.keys().tag(KIT_TAG, word.as_bytes())
            })?;
            core.store.write(|tx| account.save(tx))?;
            core.account = account;
            Ok(())
        })
    }

    /// Checks that a kit is this record's, at any time.
    ///
    /// # Errors
    ///
    /// [`crate::kit::KitError::OtherAccount`] when it is not.
    pub fn check_kit(&self, kit: &Kit) -> Result<(), Error> {
        self.with(|core| Ok(core.check_kit(kit)?))
    }

    /// States this device anew, to the log `origin`: needed when the cloud is another than the
    /// one named when the vault was made.
    ///
    /// # Errors
    ///
    /// [`crate::kit::KitError::OtherAccount`] when the kit is not this account's.
    pub fn state_device(&self, kit: &Kit, origin: &str) -> Result<(), Error> {
        self.with(|core| {
            core.check_kit(kit)?;
            let statement = Statement::sign(kit, &core.account, origin, &core.env)?;
            core.store.write(|tx| statement.save(tx))?;
            Ok(())
        })
    }

    /// The secrets of the bag: each item's id, whether the cloud has it, the secret.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn bag(&self) -> Result<Vec<([u8; 16], bool, BagSecret)>, Error> {
        self.with(|core| Ok(BagSecret::all(&core.store.reader())?))
    }

    /// What waits for the cloud, in the order it would go.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn waiting(&self) -> Result<Vec<Task>, Error> {
        self.with(|core| {
            let rows = core.store.reader().queued(false)?;
            let tasks = rows.iter().map(|row| Task::decode(&row.plain));
            let tasks: Result<_, Rejection> = tasks.collect();
            Ok(tasks.map_err(|_| DAMAGED)?)
        })
    }

    /// Moves the write-ahead log into the file and empties it.
    ///
    /// # Errors
    ///
    /// As [`StoreError`]; the log stays then.
    pub fn compact(&self) -> Result<(), Error> {
        self.with(|core| Ok(core.store.checkpoint()?))
    }

    /// Lets the file grow to `pages` pages of 4 KiB and no further, until the vault is locked.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn limit_pages(&self, pages: u32) -> Result<(), Error> {
        self.with(|core| Ok(core.store.limit_pages(pages)?))
    }

    /// Checks every page of the file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when one is damaged.
    pub fn check(&self) -> Result<(), Error> {
        self.with(|core| Ok(core.store.check()?))
    }

    /// Seals batches at `records` records, 1 to 16,383 (4,095 unless told).
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn set_batch_limit(&self, records: u32) -> Result<(), Error> {
        self.with(|core| {
            core.batch_limit = records.clamp(1, MOST_LIMIT);
            Ok(())
        })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

/// "This device belongs to the account", signed by the kit's AIK:
/// `vwD1` || enc([1, origin, account, DSK SPKI, DEK SPKI, time ms]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// To which log.
    pub origin: String,
    /// When, ms UTC.
    pub time_ms: i64,
    /// The signature.
    pub signature: Signature,
}

impl Statement {
    pub(crate) fn sign(
        kit: &Kit,
        account: &Account,
        origin: &str,
        env: &Env,
    ) -> Result<Self, Error> {
        let time_ms = env.clock.now_ms();
        let dsk = env.keystore.public(&account.dsk)?;
        let dek = env.keystore.public(&account.dek)?;
        let message = Self::message(origin, &account.id, &dsk, &dek, time_ms);
        Ok(Self {
            origin: origin.to_owned(),
            time_ms,
            signature: kit.aik().sign(&message)?,
        })
    }

    /// What is signed.
    pub fn message(
        origin: &str,
        account: &[u8; 16],
        dsk: &[u8],
        dek: &[u8],
        time_ms: i64,
    ) -> Vec<u8> {
        let mut out = Encoder::after(b"vwD1".to_vec());
        out.array(6).int(1).text(origin).bytes(account);
        out.bytes(dsk).bytes(dek).int(time_ms);
        out.finish()
    }

    pub(crate) fn save(&self, tx: &crate::store::Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(3).text(&self.origin).int(self.time_ms);
        out.bytes(&self.signature);
        tx.put(Kind::Meta, STATEMENT, 0, &out.finish()).map(|_| ())
    }

    /// The statement of this device.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn load(tx: &crate::store::Tx<'_>) -> Result<Self, StoreError> {
        let item = tx.get(Kind::Meta, STATEMENT)?.ok_or(DAMAGED)?;
        let parse = || {
            let mut reader = Reader::new(&item.plain);
            reader.array_of(3)?;
            let statement = Self {
                origin: reader.text()?.to_owned(),
                time_ms: reader.int()?,
                signature: reader.byte_array()?,
            };
            reader.finish()?;
            Ok::<_, Rejection>(statement)
        };
        parse().map_err(|_| DAMAGED)
    }
}

const STATEMENT: &[u8] = b"device statement";
const KIT_TAG: u8 = 255;
const DEFAULT_LIMIT: u32 = 4_095;
const MOST_LIMIT: u32 = 16_383;

//! Making and opening the file: pragmas, key, migrations, damage.

use super::rows::Table;
use super::{DAMAGED, RowKeys, Store, StoreError};
use crate::Error;
use crate::keys::{KeyError, KeyStore, Random, random_bytes};
use rusqlite::{Connection, OpenFlags};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// One step from a schema to the next; never edited once released.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    sql: &'static str,
}

/// In order; the schema's version is how many of them have run.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        sql: include_str!("../../migrations/0001_first.sql"),
    },
    Migration {
        sql: include_str!("../../migrations/0002_sensors.sql"),
    },
];

impl Store {
    /// Makes a vault file at `path`, its database key wrapped under the new key `alias`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] when something is there; what the key store says.
    pub fn create(
        path: &Path,
        alias: &str,
        keystore: &dyn KeyStore,
        random: Arc<dyn Random>,
    ) -> Result<Self, Error> {
        if path.exists() {
            return Err(StoreError::Exists.into());
        }
        let database_key = Zeroizing::new(random_bytes::<32>(random.as_ref())?);
        let wrapped = keystore.wrap(alias, database_key.as_slice(), WRAP_CONTEXT)?;
        let keys = RowKeys::of(&database_key)?;
        let mut conn = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        let proof = keys.seal(Table::Keyring, 1, PROOF, random.as_ref())?;
        let transaction = conn.transaction().map_err(StoreError::from)?;
        let made = (|| {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            for migration in MIGRATIONS {
                transaction.execute_batch(migration.sql)?;
            }
            transaction.pragma_update(None, "user_version", newest(MIGRATIONS))?;
            transaction.execute(
                "INSERT INTO keyring (id, alias, wrapped, proof) VALUES (1, ?1, ?2, ?3)",
                (alias, &wrapped, &proof),
            )?;
            transaction.commit()
        })();
        made.map_err(StoreError::from)?;
        Ok(Self {
            conn,
            keys,
            random,
            path: path.to_path_buf(),
        })
    }

    /// Opens the vault file at `path`, moved to the newest schema first if it is older.
    ///
    /// # Errors
    ///
    /// [`StoreError::WrongKey`], [`StoreError::NewerSchema`], [`StoreError::InUse`] leave the file
    /// as it is. [`StoreError::Corrupt`] has set it aside.
    pub fn open(
        path: &Path,
        keystore: &dyn KeyStore,
        random: Arc<dyn Random>,
    ) -> Result<Self, Error> {
        Self::open_with(path, keystore, random, MIGRATIONS)
    }

    pub(crate) fn open_with(
        path: &Path,
        keystore: &dyn KeyStore,
        random: Arc<dyn Random>,
        migrations: &[Migration],
    ) -> Result<Self, Error> {
        if !path.exists() {
            return Err(StoreError::Missing.into());
        }
        match Self::try_open(path, keystore, random, migrations) {
            Err(Error::Store(StoreError::Corrupt { .. })) => {
                let set_aside = set_aside(path);
                Err(StoreError::Corrupt { set_aside }.into())
            }
            other => other,
        }
    }

    /// Gives a copied vault file to this device: its database key, wrapped under `alias`.
    ///
    /// # Errors
    ///
    /// [`StoreError::WrongKey`] when the key is not that of the file.
    pub(crate) fn rewrap(
        path: &Path,
        database_key: &[u8; 32],
        alias: &str,
        keystore: &dyn KeyStore,
    ) -> Result<(), Error> {
        let wrapped = keystore.wrap(alias, database_key, WRAP_CONTEXT)?;
        let conn = connect(path, OpenFlags::empty())?;
        conn.execute(
            "UPDATE keyring SET alias = ?1, wrapped = ?2 WHERE id = 1",
            (alias, wrapped),
        )
        .map_err(StoreError::from)?;
        Ok(())
    }

    /// Copies the file as it is committed now.
    pub(crate) fn copy_to(&self, copy: &Path) -> Result<(), StoreError> {
        self.conn
            .execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
        Ok(())
    }

    /// The database key, from the key store.
    pub(crate) fn database_key(
        &self,
        keystore: &dyn KeyStore,
    ) -> Result<Zeroizing<[u8; 32]>, Error> {
        let sql = "SELECT alias, wrapped FROM keyring WHERE id = 1";
        let (alias, wrapped): (String, Vec<u8>) = self
            .conn
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(StoreError::from)?;
        let key = keystore.unwrap(&alias, &wrapped, WRAP_CONTEXT)?;
        let key = key
            .as_slice()
            .try_into()
            .map_err(|_| StoreError::WrongKey)?;
        Ok(Zeroizing::new(key))
    }

    fn try_open(
        path: &Path,
        keystore: &dyn KeyStore,
        random: Arc<dyn Random>,
        migrations: &[Migration],
    ) -> Result<Self, Error> {
        let mut conn = connect(path, OpenFlags::empty())?;
        let number = |conn: &Connection, pragma: &str| {
            conn.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0))
                .map_err(StoreError::from)
        };
        if number(&conn, "application_id")? != APPLICATION_ID {
            return Err(DAMAGED.into());
        }
        let (found, known) = (number(&conn, "user_version")?, newest(migrations));
        if found > known {
            return Err(StoreError::NewerSchema { found, known }.into());
        }
        let (alias, wrapped, proof): (String, Vec<u8>, Vec<u8>) = conn
            .query_row(
                "SELECT alias, wrapped, proof FROM keyring WHERE id = 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .map_err(StoreError::from)?;
        let database_key = match keystore.unwrap(&alias, &wrapped, WRAP_CONTEXT) {
            Err(KeyError::NotValid) => return Err(StoreError::WrongKey.into()),
            other => other?,
        };
        let database_key =
            <&[u8; 32]>::try_from(database_key.as_slice()).map_err(|_| StoreError::WrongKey)?;
        let keys = RowKeys::of(database_key)?;
        match keys.open(Table::Keyring, 1, &proof) {
            Ok(plain) if plain.as_slice() == PROOF => {}
            _ => return Err(StoreError::WrongKey.into()),
        }
        migrate(&mut conn, path, found, migrations)?;
        let store = Self {
            conn,
            keys,
            random,
            path: path.to_path_buf(),
        };
        if found == known
            && let Err(error) = store.forget_copies()
        {
            log::warn!("a copy from before a migration stays: {error}");
        }
        Ok(store)
    }

    /// Removes the copies that migrations made of this file: it opens, so they are not needed, and
    /// they would keep what is erased.
    ///
    /// # Errors
    ///
    /// [`KeyError::Io`] when one cannot be removed.
    pub(crate) fn forget_copies(&self) -> Result<(), Error> {
        let io = |error: std::io::Error| Error::from(KeyError::Io(error.kind()));
        let (Some(folder), Some(name)) = (self.path.parent(), self.path.file_name()) else {
            return Ok(());
        };
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let mut start = name.to_os_string();
        start.push(".schema-");
        let start = start.into_encoded_bytes();
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name().into_encoded_bytes();
            let number = name.strip_prefix(start.as_slice()).unwrap_or_default();
            // `schema-1`, or `schema-1-2` where the first name was taken
            let is_copy = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
            if !number.is_empty() && number.iter().all(is_copy) {
                std::fs::remove_file(entry.path()).map_err(io)?;
            }
        }
        Ok(())
    }
}

fn connect(path: &Path, more: OpenFlags) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    // EXCLUSIVE first: then WAL needs no shared memory file, and a second writer is refused.
    conn.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = 4194304;",
    )?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn newest(migrations: &[Migration]) -> u32 {
    u32::try_from(migrations.len()).unwrap_or(u32::MAX)
}

/// Brings the schema from `found` to the newest, after a copy beside the file.
fn migrate(
    conn: &mut Connection,
    path: &Path,
    found: u32,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let steps = migrations.get(found as usize..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }
    let copy = beside(path, &format!("schema-{found}"));
    conn.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    let transaction = conn.transaction()?;
    for step in steps {
        transaction.execute_batch(step.sql)?;
    }
    transaction.pragma_update(None, "user_version", newest(migrations))?;
    transaction.commit()?;
    log::info!("vault schema {found} moved to {}", newest(migrations));
    Ok(())
}

/// Renames the file and its log to a name that is free, and says which.
fn set_aside(path: &Path) -> Option<PathBuf> {
    let aside = beside(path, "damaged");
    std::fs::rename(path, &aside).ok()?;
    for log in ["-wal", "-shm"] {
        // Often there is none.
        let _ = std::fs::rename(with_suffix(path, log), with_suffix(&aside, log));
    }
    log::error!("vault file is damaged and was set aside");
    Some(aside)
}

/// `path.word`, or `path.word-2` and so on: a name that is free.
fn beside(path: &Path, word: &str) -> PathBuf {
    let mut name = with_suffix(path, &format!(".{word}"));
    let mut number = 2;
    while name.exists() {
        name = with_suffix(path, &format!(".{word}-{number}"));
        number += 1;
    }
    name
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

/// `VWvt`.
const APPLICATION_ID: u32 = 0x5657_7674;
const WRAP_CONTEXT: &[u8] = b"vitalwitness database key v1";
const PROOF: &[u8] = b"vitalwitness vault";

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
mod tests {
    use super::*;
    use crate::keys::{KeyKind, MemoryKeyStore, OsRandom};
    use crate::store::Kind;

    fn keystore() -> MemoryKeyStore {
        let keystore = MemoryKeyStore::new();
        keystore.create("db", KeyKind::Wrap).unwrap();
        keystore
    }

    fn made(folder: &Path, keystore: &MemoryKeyStore) -> PathBuf {
        let path = folder.join("vault.db");
        let mut store = Store::create(&path, "db", keystore, Arc::new(OsRandom)).unwrap();
        store
            .write(|tx| tx.put(Kind::Meta, b"name", 0, b"kept").map(|_| ()))
            .unwrap();
        path
    }

    #[test]
    fn a_newer_schema_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let keystore = keystore();
        let path = made(folder.path(), &keystore);
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = Store::open(&path, &keystore, Arc::new(OsRandom)).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Store(StoreError::NewerSchema {
                    found: 99,
                    known: 2
                })
            ),
            "{error:?}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn another_key_store_opens_nothing_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = made(folder.path(), &keystore());
        let error = Store::open(&path, &keystore(), Arc::new(OsRandom)).unwrap_err();
        assert!(
            matches!(error, Error::Store(StoreError::WrongKey)),
            "{error:?}"
        );
        let error = Store::open(&path, &MemoryKeyStore::new(), Arc::new(OsRandom)).unwrap_err();
        assert!(matches!(error, Error::Key(KeyError::KeyLost)), "{error:?}");
        assert!(path.exists());
    }

    #[test]
    fn a_damaged_file_is_set_aside_with_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let keystore = keystore();
        let path = made(folder.path(), &keystore);
        let mut bytes = std::fs::read(&path).unwrap();
        for (index, byte) in bytes.iter_mut().enumerate().skip(100) {
            *byte ^= u8::try_from(index % 251).unwrap();
        }
        std::fs::write(&path, &bytes).unwrap();
        let error = Store::open(&path, &keystore, Arc::new(OsRandom)).unwrap_err();
        let Error::Store(StoreError::Corrupt {
            set_aside: Some(aside),
        }) = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(std::fs::read(aside).unwrap(), bytes);
        assert!(!path.exists());
    }

    #[test]
    fn a_second_opener_is_refused_while_the_first_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let keystore = keystore();
        let path = made(folder.path(), &keystore);
        let first = Store::open(&path, &keystore, Arc::new(OsRandom)).unwrap();
        let second = Connection::open(&path).unwrap();
        second.busy_timeout(Duration::ZERO).unwrap();
        let error = second
            .query_row("SELECT count(*) FROM item", [], |row| row.get::<_, i64>(0))
            .unwrap_err();
        assert!(matches!(StoreError::from(error), StoreError::InUse));
        drop(first);
    }

    #[test]
    fn a_migration_keeps_every_row_and_a_copy_of_the_file_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let keystore = keystore();
        let path = made(folder.path(), &keystore);
        let later = Migration {
            sql: "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT;",
        };
        let next = [MIGRATIONS, &[later]].concat();
        let store = Store::open_with(&path, &keystore, Arc::new(OsRandom), &next).unwrap();
        let kept = store.reader().get(Kind::Meta, b"name").unwrap().unwrap();
        assert_eq!(kept.plain.as_slice(), b"kept");
        drop(store);
        let copy = folder.path().join("vault.db.schema-2");
        let store = Store::open(&copy, &keystore, Arc::new(OsRandom)).unwrap();
        let kept = store.reader().get(Kind::Meta, b"name").unwrap().unwrap();
        assert_eq!(kept.plain.as_slice(), b"kept");
    }

    #[test]
    fn a_failing_migration_leaves_the_schema_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let keystore = keystore();
        let path = made(folder.path(), &keystore);
        let failing = Migration {
            sql: "CREATE TABLE item (id);",
        };
        let next = [MIGRATIONS, &[failing]].concat();
        Store::open_with(&path, &keystore, Arc::new(OsRandom), &next).unwrap_err();
        let store = Store::open(&path, &keystore, Arc::new(OsRandom)).unwrap();
        assert!(store.reader().get(Kind::Meta, b"name").unwrap().is_some());
    }
}

//! The vault's file: SQLite with every row sealed.
//!
//! One process, one writer. A write is durable when [`Store::write`] returns: WAL with
//! `synchronous=FULL`. Synchronous, no clock; the key store unwraps the database key at open and
//! is not asked again.
//!
//! Invariant: nothing readable is in any column, index or page of the write-ahead log.

mod batches;
mod frames;
mod items;
mod open;
mod outbox;
mod rows;

pub use batches::{BatchId, BatchState, HeaderRow};
pub use frames::{Erased, Frame};
pub use items::{Item, Kind};
pub use outbox::{OutboxItem, Priority};
pub use rows::RowKeys;

use crate::keys::Random;
use rusqlite::{Connection, TransactionBehavior};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the local store refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing is written; free space and call again.
    #[error("storage is full")]
    Full,
    /// The file is damaged. At open it was set aside, never deleted; offer export and restore.
    #[error("the vault's file is damaged")]
    Corrupt {
        /// Where it was put; none when it was found while the vault was open.
        set_aside: Option<PathBuf>,
    },
    /// The key store's key does not open this file.
    #[error("this key does not open the vault's file")]
    WrongKey,
    /// Written by a newer version; refuse rather than guess.
    #[error("schema {found} is newer than {known}")]
    NewerSchema {
        /// The file's.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// Another process has the file open.
    #[error("the vault is open elsewhere")]
    InUse,
    /// There is no vault at this path.
    #[error("there is no vault here")]
    Missing,
    /// There is a vault at this path already.
    #[error("there is a vault here already")]
    Exists,
    /// A bug or a broken disk; log the code, show "try again".
    #[error("database error")]
    Sqlite(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { set_aside: None }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            _ => Self::Sqlite(error),
        }
    }
}

/// What a row that does not open under its key, or does not parse, means.
pub(crate) const DAMAGED: StoreError = StoreError::Corrupt { set_aside: None };

/// An open vault file.
pub struct Store {
    conn: Connection,
    keys: RowKeys,
    random: Arc<dyn Random>,
    path: PathBuf,
}

impl Store {
    /// Runs `work` in one transaction: all of it is durable when this returns `Ok`, or none.
    ///
    /// # Errors
    ///
    /// What `work` gives, or why the commit failed; nothing is written then.
    pub fn write<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let out = work(&Tx {
            conn: &transaction,
            keys: &self.keys,
            random: self.random.as_ref(),
        })?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(out)
    }

    /// A view to read through; each call sees what is committed.
    pub fn reader(&self) -> Tx<'_> {
        Tx {
            conn: &self.conn,
            keys: &self.keys,
            random: self.random.as_ref(),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keys derived from the database key.
    pub fn keys(&self) -> &RowKeys {
        &self.keys
    }

    /// Alias of the key that wraps the database key.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn key_alias(&self) -> Result<String, StoreError> {
        let sql = "SELECT alias FROM keyring WHERE id = 1";
        Ok(self.conn.query_row(sql, [], |row| row.get(0))?)
    }

    /// Checks the whole file as SQLite sees it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when a page is damaged.
    pub fn check(&self) -> Result<(), StoreError> {
        let verdict: String = self
            .conn
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if verdict == "ok" {
            Ok(())
        } else {
            Err(DAMAGED)
        }
    }

    /// Moves the write-ahead log into the file and empties it, so that no deleted row lingers.
    ///
    /// # Errors
    ///
    /// As [`StoreError`]; the log stays then.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        Ok(self.conn.query_row(sql, [], |_| Ok(()))?)
    }

    /// Lets the file grow to `pages` pages of 4 KiB and no further, as a full disk would.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let sql = format!("PRAGMA max_page_count = {pages}");
        Ok(self.conn.query_row(&sql, [], |_| Ok(()))?)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store(..)")
    }
}

/// A transaction, or a view to read through. Its methods are grouped by table.
pub struct Tx<'a> {
    conn: &'a Connection,
    keys: &'a RowKeys,
    random: &'a dyn Random,
}

impl Tx<'_> {
    /// The randomness of this vault.
    pub fn random(&self) -> &dyn Random {
        self.random
    }
}

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tx(..)")
    }
}

//! What waits for the cloud, in order.

use super::rows::Table;
use super::{StoreError, Tx};
use rusqlite::OptionalExtension;
use std::fmt;
use zeroize::Zeroizing;

/// What goes first. Within a priority: first in, first out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// Account, devices, vault secrets, channels: nothing else can go before them.
    Account = 0,
    /// Revokes.
    Revoke = 1,
    /// Grants, denials, envelopes, keys of the bag.
    Grant = 2,
    /// What a person typed in.
    Manual = 3,
    /// Series.
    Series = 4,
}

/// One thing that waits.
pub struct OutboxItem {
    /// Row number, ascending.
    pub id: i64,
    /// Failed tries so far.
    pub attempts: u32,
    /// Set aside after a permanent refusal.
    pub quarantined: bool,
    /// What was queued.
    pub plain: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for OutboxItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "OutboxItem({}, attempts: {}, ..)",
            self.id, self.attempts
        )
    }
}

impl Tx<'_> {
    /// Queues something. Returns its row number.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn queue(&self, priority: Priority, plain: &[u8]) -> Result<i64, StoreError> {
        self.conn
            .prepare_cached(
                "INSERT INTO outbox (priority, state, attempts, sealed) VALUES (?1, 0, 0, x'')",
            )?
            .execute([priority as u8])?;
        let id = self.conn.last_insert_rowid();
        self.requeue(id, plain)?;
        Ok(id)
    }

    /// Changes what waits in a row; its place stays.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn requeue(&self, id: i64, plain: &[u8]) -> Result<(), StoreError> {
        let sealed = self.keys.seal(Table::Outbox, id, plain, self.random)?;
        self.conn
            .prepare_cached("UPDATE outbox SET sealed = ?2 WHERE id = ?1")?
            .execute((id, sealed))?;
        Ok(())
    }

    /// The next thing to send: of the lowest priority number the oldest.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn next_queued(&self) -> Result<Option<OutboxItem>, StoreError> {
        let row: Option<(i64, u32, Vec<u8>)> = self
            .conn
            .prepare_cached(
                "SELECT id, attempts, sealed FROM outbox WHERE state = 0
                 ORDER BY priority, id LIMIT 1",
            )?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        row.map(|(id, attempts, sealed)| self.outbox_item(id, attempts, false, &sealed))
            .transpose()
    }

    /// The newest row number ever given; changes whenever something is queued.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn newest_queued(&self) -> Result<i64, StoreError> {
        let newest: Option<i64> = self
            .conn
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        Ok(newest.unwrap_or(0))
    }

    /// Everything that waits, or everything quarantined, in the order it would go.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn queued(&self, quarantined: bool) -> Result<Vec<OutboxItem>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, attempts, sealed FROM outbox WHERE state = ?1 ORDER BY priority, id",
        )?;
        let rows = statement.query_map([quarantined], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        rows.map(|row| {
            let (id, attempts, sealed): (i64, u32, Vec<u8>) = row?;
            self.outbox_item(id, attempts, quarantined, &sealed)
        })
        .collect()
    }

    /// What waits or is quarantined at [`Priority::Account`].
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub(crate) fn first_queued(&self) -> Result<Vec<OutboxItem>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, attempts, state, sealed FROM outbox WHERE priority = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([Priority::Account as u8], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        rows.map(|row| {
            let (id, attempts, aside, sealed): (i64, u32, bool, Vec<u8>) = row?;
            self.outbox_item(id, attempts, aside, &sealed)
        })
        .collect()
    }

    /// How many wait, or are quarantined.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn queued_count(&self, quarantined: bool) -> Result<u64, StoreError> {
        let count: i64 = self
            .conn
            .prepare_cached("SELECT count(*) FROM outbox WHERE state = ?1")?
            .query_row([quarantined], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Done with it: call in the transaction that stores what the cloud answered.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn unqueue(&self, id: i64) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("DELETE FROM outbox WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// Counts a failed try.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn tried(&self, id: i64) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("UPDATE outbox SET attempts = attempts + 1 WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// Sets it aside, or back in its place with `false`.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn quarantine(&self, id: i64, aside: bool) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("UPDATE outbox SET state = ?2 WHERE id = ?1")?
            .execute((id, aside))?;
        Ok(())
    }

    fn outbox_item(
        &self,
        id: i64,
        attempts: u32,
        quarantined: bool,
        sealed: &[u8],
    ) -> Result<OutboxItem, StoreError> {
        let plain = self.keys.open(Table::Outbox, id, sealed)?;
        Ok(OutboxItem {
            id,
            attempts,
            quarantined,
            plain,
        })
    }
}

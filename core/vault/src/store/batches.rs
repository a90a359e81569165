//! Batches: headers, the parts of open ones, the bodies of sealed ones.

use super::rows::Table;
use super::{DAMAGED, StoreError, Tx};
use rusqlite::OptionalExtension;
use zeroize::Zeroizing;

/// Row number of a batch in this vault.
pub type BatchId = i64;

/// Where a batch stands. Only ever moves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum BatchState {
    /// Takes records.
    Open = 0,
    /// Takes no more; is being sealed.
    Frozen = 1,
    /// Its tree is built and signed under its stream key.
    Sealed = 2,
    /// Waits for the cloud.
    Queued = 3,
    /// The cloud has all of it.
    Stored = 4,
    /// Its entry is in the log, checked.
    Logged = 5,
    /// So it is under a quorum of witnesses.
    Witnessed = 6,
}

impl BatchState {
    fn of(code: u8) -> Result<Self, StoreError> {
        const ALL: [BatchState; 7] = [
            BatchState::Open,
            BatchState::Frozen,
            BatchState::Sealed,
            BatchState::Queued,
            BatchState::Stored,
            BatchState::Logged,
            BatchState::Witnessed,
        ];
        ALL.get(usize::from(code)).copied().ok_or(DAMAGED)
    }
}

/// A header row: its number, its state, the opened header.
pub type HeaderRow = (BatchId, BatchState, Zeroizing<Vec<u8>>);

impl Tx<'_> {
    /// Every batch.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn headers(&self) -> Result<Vec<HeaderRow>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT id, state, header FROM batch ORDER BY id")?;
        let mut rows = statement.query([])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            let header = self.keys.open(
                Table::Batch,
                id,
                row.get_ref(2)?.as_blob().map_err(|_| DAMAGED)?,
            )?;
            out.push((id, BatchState::of(row.get(1)?)?, header));
        }
        Ok(out)
    }

    /// A new open batch.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn add_batch(&self, header: &[u8]) -> Result<BatchId, StoreError> {
        self.add_batch_as(BatchState::Open, header)
    }

    /// A new batch in another state: one that another device or an organisation sealed.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn add_batch_as(&self, state: BatchState, header: &[u8]) -> Result<BatchId, StoreError> {
        let id: i64 = self
            .conn
            .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM batch")?
            .query_row([], |row| row.get(0))?;
        let sealed = self.keys.seal(Table::Batch, id, header, self.random)?;
        self.conn
            .prepare_cached("INSERT INTO batch (id, state, header) VALUES (?1, ?2, ?3)")?
            .execute((id, state as u8, sealed))?;
        Ok(id)
    }

    /// Replaces a header.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn set_header(&self, id: BatchId, header: &[u8]) -> Result<(), StoreError> {
        let sealed = self.keys.seal(Table::Batch, id, header, self.random)?;
        self.conn
            .prepare_cached("UPDATE batch SET header = ?2 WHERE id = ?1")?
            .execute((id, sealed))?;
        Ok(())
    }

    /// Moves a batch on.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn set_state(&self, id: BatchId, state: BatchState) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("UPDATE batch SET state = ?2 WHERE id = ?1")?
            .execute((id, state as u8))?;
        Ok(())
    }

    /// Destroys a batch with its records.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn remove_batch(&self, id: BatchId) -> Result<(), StoreError> {
        self.remove_parts(id)?;
        self.conn
            .prepare_cached("DELETE FROM batch WHERE id = ?1")?
            .execute([id])?;
        Ok(())
    }

    /// Adds the `number`-th group of records to an open batch.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn add_part(&self, batch: BatchId, number: u16, plain: &[u8]) -> Result<(), StoreError> {
        let id = part_id(batch, number);
        let sealed = self.keys.seal(Table::Part, id, plain, self.random)?;
        self.conn
            .prepare_cached("INSERT INTO part (id, sealed) VALUES (?1, ?2)")?
            .execute((id, sealed))?;
        Ok(())
    }

    /// The parts of an open batch, in the order they were added.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn parts(&self, batch: BatchId) -> Result<Vec<Zeroizing<Vec<u8>>>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT id, sealed FROM part WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
        let mut rows = statement.query((part_id(batch, 0), part_id(batch, u16::MAX)))?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let sealed = row.get_ref(1)?.as_blob().map_err(|_| DAMAGED)?;
            out.push(self.keys.open(Table::Part, row.get(0)?, sealed)?);
        }
        Ok(out)
    }

    /// Destroys the records of an open batch.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn remove_parts(&self, batch: BatchId) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("DELETE FROM part WHERE id BETWEEN ?1 AND ?2")?
            .execute((part_id(batch, 0), part_id(batch, u16::MAX)))?;
        Ok(())
    }

    /// Stores the sealed batch as it is uploaded, in place of an earlier revision.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn set_body(&self, batch: BatchId, sealed: &[u8], filter: &[u8]) -> Result<(), StoreError> {
        let filter = self.keys.seal(Table::Filter, batch, filter, self.random)?;
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO body (batch, sealed, filter) VALUES (?1, ?2, ?3)",
            )?
            .execute((batch, sealed, filter))?;
        Ok(())
    }

    /// The sealed batch, byte for byte as it is uploaded.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn body(&self, batch: BatchId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT sealed FROM body WHERE batch = ?1")?
            .query_row([batch], |row| row.get(0))
            .optional()?)
    }

    /// Which record hashes may be in the sealed batch.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn filter(&self, batch: BatchId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let sealed: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT filter FROM body WHERE batch = ?1")?
            .query_row([batch], |row| row.get(0))
            .optional()?;
        sealed
            .map(|sealed| self.keys.open(Table::Filter, batch, &sealed))
            .transpose()
    }
}

fn part_id(batch: BatchId, number: u16) -> i64 {
    batch * 65_536 + i64::from(number)
}

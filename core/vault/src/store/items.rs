//! The table of small sealed things.

use super::rows::Table;
use super::{StoreError, Tx};
use rusqlite::OptionalExtension;
use std::fmt;
use zeroize::Zeroizing;

/// What an item is. The name under which it is found is hashed with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// One value by its name: account, device, cloud, trust bundle, cursors, clock offsets.
    Meta = 1,
    /// A channel of the owner; name: its category byte.
    Channel = 2,
    /// A stream key; name: its id. State 0 in use, 1 closed.
    Stream = 3,
    /// What the log says of a batch; name: the batch id.
    BatchProof = 4,
    /// An entry of an own channel; name: channel || u64 seq. State: seq.
    Entry = 5,
    /// The last accepted head; name: the log's origin.
    Head = 6,
    /// Kept evidence of a log that cheats; name: H of it.
    Evidence = 7,
    /// A request; name: its recordhash. State 0 not answered, 1 granted, 2 denied.
    Request = 8,
    /// A grant document with what follows from it; name: the grant id.
    Grant = 9,
    /// A stored decision not to share; name: the request's recordhash.
    Denial = 10,
    /// A refusal the cloud told of; name: chosen by who stores it.
    Refusal = 11,
    /// A bag item of the account; name: its id. State 0 to upload, else in the cloud: the cursor
    /// of its change, or 1.
    Bag = 12,
    /// A vault secret; name: u32 generation. State: generation.
    VaultSecret = 13,
    /// What of an own event its receipt needs; name: recordhash.
    EventProof = 14,
    /// A device of the account; name: its id.
    Device = 15,
    /// A key enrolled in an own channel, or a certificate; name: its id.
    Enrolled = 16,
    /// A bag item whose vault secret is not here yet; name: its id.
    SealedBag = 17,
    /// A note somebody showed, not yet compared with the log; name: H of it.
    Seen = 18,
    /// A worn or measuring device; name: its id.
    Sensor = 19,
    /// Which source counts first of a quantity; name: its code.
    Priority = 20,
    /// What was erased here and is not taken in again: a batch, a stream key or a bag item, by its
    /// id.
    Erased = 21,
}

/// One of them, opened.
pub struct Item {
    /// Row number; ascends in order of first storing.
    pub id: i64,
    /// As [`Kind`] says.
    pub state: i64,
    /// What was stored.
    pub plain: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({}, ..)", self.id)
    }
}

impl Tx<'_> {
    /// Stores an item, in place of one of the same name. Returns its row number.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn put(
        &self,
        kind: Kind,
        name: &[u8],
        state: i64,
        plain: &[u8],
    ) -> Result<i64, StoreError> {
        let tag = self.keys.tag(kind as u8, name);
        let there: Option<i64> = self
            .conn
            .prepare_cached("SELECT id FROM item WHERE kind = ?1 AND tag = ?2")?
            .query_row((kind as u8, tag), |row| row.get(0))
            .optional()?;
        if let Some(id) = there {
            let sealed = self.keys.seal(Table::Item, id, plain, self.random)?;
            self.conn
                .prepare_cached("UPDATE item SET state = ?2, sealed = ?3 WHERE id = ?1")?
                .execute((id, state, sealed))?;
            return Ok(id);
        }
        let id: i64 = self
            .conn
            .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM item")?
            .query_row([], |row| row.get(0))?;
        let sealed = self.keys.seal(Table::Item, id, plain, self.random)?;
        self.conn
            .prepare_cached(
                "INSERT INTO item (id, kind, tag, state, sealed) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((id, kind as u8, tag, state, sealed))?;
        Ok(id)
    }

    /// Finds an item by its name.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn get(&self, kind: Kind, name: &[u8]) -> Result<Option<Item>, StoreError> {
        let tag = self.keys.tag(kind as u8, name);
        let row: Option<(i64, i64, Vec<u8>)> = self
            .conn
            .prepare_cached("SELECT id, state, sealed FROM item WHERE kind = ?1 AND tag = ?2")?
            .query_row((kind as u8, tag), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        row.map(|row| self.opened(row)).transpose()
    }

    /// All items of a kind, in order of first storing.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn all(&self, kind: Kind) -> Result<Vec<Item>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT id, state, sealed FROM item WHERE kind = ?1 ORDER BY id")?;
        let rows = statement.query_map([kind as u8], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        rows.map(|row| self.opened(row?)).collect()
    }

    /// Changes an item's state; fine when it is not there.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn set_item_state(&self, kind: Kind, name: &[u8], state: i64) -> Result<(), StoreError> {
        let tag = self.keys.tag(kind as u8, name);
        self.conn
            .prepare_cached("UPDATE item SET state = ?3 WHERE kind = ?1 AND tag = ?2")?
            .execute((kind as u8, tag, state))?;
        Ok(())
    }

    /// Destroys an item; fine when it is not there.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn remove(&self, kind: Kind, name: &[u8]) -> Result<(), StoreError> {
        let tag = self.keys.tag(kind as u8, name);
        self.conn
            .prepare_cached("DELETE FROM item WHERE kind = ?1 AND tag = ?2")?
            .execute((kind as u8, tag))?;
        Ok(())
    }

    fn opened(&self, (id, state, sealed): (i64, i64, Vec<u8>)) -> Result<Item, StoreError> {
        Ok(Item {
            id,
            state,
            plain: self.keys.open(Table::Item, id, &sealed)?,
        })
    }
}

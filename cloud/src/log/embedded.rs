//! The embedded log: entries, tiles and the right edge in the store's own transactions.
//!
//! A group of appends becomes durable with the rows it belongs to; its leaves reach the tree when
//! the group is flushed, in the same transaction.

use crate::{Error, Refusal, Result};
use rusqlite::{Connection, OptionalExtension as _, params};
use vitalwitness_proof::entry::{DIRECTORY, Event, MAX_ENTRY, SignedEvent, encode_entry};
use vitalwitness_proof::entry::{entry_hash, entry_leaf};
use vitalwitness_proof::merkle::{Frontier, node_hash};
use vitalwitness_proof::{Hash, sha256};

/// Where signed events get their place: the log alone gives `seq`, `prev` and the index.
///
/// The store calls `append` within a transaction, `flush` before it commits, and then either
/// `committed` or `rolled_back`. An outside ledger stands beside the embedded one and takes the
/// heads that `committed` gives.
pub(crate) trait Ledger: Send {
    /// Gives an admitted event its place; durable only when the transaction is.
    fn append(&mut self, db: &Connection, event: &Event, signed: &SignedEvent) -> Result<NewEntry>;
    /// How far appends have come: a point to rewind to.
    fn mark(&self) -> usize;
    /// Forgets what was appended after `mark`.
    fn rewind(&mut self, mark: usize);
    /// Writes the tree over what was appended.
    fn flush(&mut self, db: &Connection) -> Result<()>;
    /// What was flushed is durable: the head to sign, if it moved.
    fn committed(&mut self) -> Option<(u64, Hash)>;
    /// The transaction is gone.
    fn rolled_back(&mut self);
    /// The durable size and root.
    fn head(&self) -> (u64, Hash);
}

/// An entry at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewEntry {
    /// In the log.
    pub(crate) index: u64,
    /// In the channel.
    pub(crate) seq: u64,
    /// Full bytes.
    pub(crate) bytes: Vec<u8>,
}

/// The log in the store's database.
#[derive(Debug)]
pub(crate) struct Embedded {
    durable: Frontier,
    flushed: Frontier,
    pending: Vec<Hash>,
}

impl Embedded {
    /// Reads the right edge and checks that it stands on every stored entry.
    pub(crate) fn open(db: &Connection) -> Result<Self> {
        let bytes: Option<Vec<u8>> = db
            .query_row("SELECT bytes FROM frontier WHERE one = 1", [], |row| {
                row.get(0)
            })
            .optional()?;
        let frontier = match bytes {
            None => Frontier::new(),
            Some(bytes) => {
                Frontier::from_bytes(&bytes).ok_or(Error::Corrupt("the log's right edge"))?
            }
        };
        let (count, last): (u64, Option<u64>) =
            db.query_row("SELECT count(*), max(idx) FROM entry", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        if count != frontier.size() || last.map_or(0, |last| last.saturating_add(1)) != count {
            return Err(Error::Corrupt("the log's entries and its tree differ"));
        }
        Ok(Self {
            durable: frontier.clone(),
            flushed: frontier,
            pending: Vec::new(),
        })
    }
}

impl Ledger for Embedded {
    fn append(&mut self, db: &Connection, event: &Event, signed: &SignedEvent) -> Result<NewEntry> {
        let last: Option<(u64, Vec<u8>)> = db
            .prepare_cached(
                "SELECT seq, bytes FROM entry WHERE channel = ?1 ORDER BY seq DESC LIMIT 1",
            )?
            .query_row([event.channel], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (seq, prev) = match last {
            None => (1, [0; 32]),
            Some((seq, bytes)) => (seq.saturating_add(1), entry_hash(&bytes)),
        };
        let bytes = encode_entry(signed, seq, &prev);
        if bytes.len() > MAX_ENTRY {
            return Err(Refusal::event("the entry would be too long").into());
        }
        let held = db
            .prepare_cached("SELECT 1 FROM entry WHERE event_hash = ?1")?
            .exists([sha256(&[&signed.event])])?;
        if held {
            return Err(Refusal::event("the log holds this event already").into());
        }
        let index = self
            .durable
            .size()
            .saturating_add(u64::try_from(self.pending.len()).unwrap_or(u64::MAX));
        db.prepare_cached(
            "INSERT INTO entry (idx, channel, seq, type, recordhash, event_hash, receiver, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            index,
            event.channel,
            seq,
            event.kind.number(),
            event.recordhash,
            sha256(&[&signed.event]),
            event.receiver,
            bytes
        ])?;
        self.pending.push(entry_leaf(&bytes));
        Ok(NewEntry { index, seq, bytes })
    }

    fn mark(&self) -> usize {
        self.pending.len()
    }

    fn rewind(&mut self, mark: usize) {
        self.pending.truncate(mark);
    }

    fn flush(&mut self, db: &Connection) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut edge = self.durable.clone();
        let mut done: Vec<(u32, u64, Hash)> = Vec::new();
        for leaf in &self.pending {
            edge.append_with(*leaf, |level, index, hash| {
                if level % TILE_HEIGHT == 0 {
                    done.push((level / TILE_HEIGHT, index, *hash));
                }
            });
        }
        // stable: within a level hashes stay in the order of their index
        done.sort_by_key(|(level, index, _)| (*level, *index));
        for group in done.chunk_by(|a, b| (a.0, a.1 / TILE) == (b.0, b.1 / TILE)) {
            let Some((level, index, _)) = group.first() else {
                continue;
            };
            let mut hashes = read_tile(db, *level, index / TILE)?;
            if u64::try_from(hashes.len() / 32).ok() != Some(index % TILE) {
                return Err(Error::Corrupt("a tile of the log"));
            }
            for (_, _, hash) in group {
                hashes.extend_from_slice(hash);
            }
            db.prepare_cached(
                "INSERT OR REPLACE INTO tile (level, n, hashes) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![level, index / TILE, hashes])?;
        }
        db.prepare_cached("INSERT OR REPLACE INTO frontier (one, bytes) VALUES (1, ?1)")?
            .execute([edge.to_bytes()])?;
        self.flushed = edge;
        Ok(())
    }

    fn committed(&mut self) -> Option<(u64, Hash)> {
        self.pending.clear();
        if self.flushed.size() == self.durable.size() {
            return None;
        }
        self.durable = self.flushed.clone();
        Some(self.head())
    }

    fn rolled_back(&mut self) {
        self.pending.clear();
        self.flushed = self.durable.clone();
    }

    fn head(&self) -> (u64, Hash) {
        (self.durable.size(), self.durable.root())
    }
}

/// The hashes of tile `n` of `level` so far; empty if it has none.
pub(crate) fn read_tile(db: &Connection, level: u32, n: u64) -> Result<Vec<u8>> {
    Ok(db
        .prepare_cached("SELECT hashes FROM tile WHERE level = ?1 AND n = ?2")?
        .query_row(params![level, n], |row| row.get(0))
        .optional()?
        .unwrap_or_default())
}

/// The root of the perfect subtree `index` at `level`, out of the tiles.
pub(crate) fn node(db: &Connection, level: u32, index: u64) -> Result<Hash> {
    let damaged = || Error::Corrupt("a tile of the log is short");
    let within = level % TILE_HEIGHT;
    let first = index << within;
    let tile = read_tile(db, level / TILE_HEIGHT, first / TILE)?;
    let start = usize::try_from(first % TILE).map_err(|_| damaged())? * 32;
    let bytes = tile
        .get(start..start + (32 << within))
        .ok_or_else(damaged)?;
    let mut hashes = bytes.as_chunks::<32>().0.to_vec();
    while hashes.len() > 1 {
        hashes = hashes
            .chunks_exact(2)
            .map(|pair| node_hash(&pair[0], &pair[1]))
            .collect();
    }
    hashes.first().copied().ok_or_else(damaged)
}

/// Whether anybody may read a channel's entries.
pub(crate) fn is_public(channel: &[u8; 16]) -> bool {
    *channel == DIRECTORY
}

/// Hashes in a full tile (C2SP tlog-tiles).
pub(crate) const TILE: u64 = 256;
const TILE_HEIGHT: u32 = 8;

#[cfg(test)]
mod tests;

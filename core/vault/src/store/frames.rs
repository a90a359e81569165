//! What sensors sent, as it came, and which of it was taken already.
//!
//! Frames stand in groups of about 2 KiB: a page is written whole in any case, and a row of its
//! own for each heart beat would cost more than the beat.

use super::items::Kind;
use super::rows::Table;
use super::{DAMAGED, StoreError, Tx};
use rusqlite::OptionalExtension;
use std::collections::HashSet;
use std::fmt;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};

/// A value as a sensor sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Of which service.
    pub service: u16,
    /// Of which characteristic.
    pub number: u16,
    /// When it came, ms UTC.
    pub at_ms: i64,
    /// As it came.
    pub bytes: Vec<u8>,
    /// Why it became no record; empty: it became some.
    pub refused: String,
    /// The first four bytes of the hash of each record it became.
    pub records: Vec<[u8; 4]>,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:04x}, {:?}, ..)", self.number, self.refused)
    }
}

impl Tx<'_> {
    /// Appends what a sensor sent.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn add_frames(&self, sensor: &[u8], frames: &[Frame]) -> Result<(), StoreError> {
        if frames.is_empty() {
            return Ok(());
        }
        let tag = self.keys.tag(Kind::Sensor as u8, sensor);
        let last: Option<(i64, Vec<u8>)> = self
            .conn
            .prepare_cached(
                "SELECT id, sealed FROM frame WHERE sensor = ?1 ORDER BY id DESC LIMIT 1",
            )?
            .query_row([tag], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (mut row, mut group) = match last {
            Some((id, sealed)) if sealed.len() < GROUP => (
                Some(id),
                self.keys.open(Table::Frame, id, &sealed)?.to_vec(),
            ),
            _ => (None, Vec::new()),
        };
        for frame in frames {
            if group.len() >= GROUP {
                self.set_frames(row.take(), tag, &group)?;
                group.clear();
            }
            frame.encode(&mut group);
        }
        self.set_frames(row, tag, &group)
    }

    /// What a sensor sent, oldest first.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn frames(&self, sensor: &[u8]) -> Result<Vec<Frame>, StoreError> {
        let tag = self.keys.tag(Kind::Sensor as u8, sensor);
        let mut statement = self
            .conn
            .prepare_cached("SELECT id, sealed FROM frame WHERE sensor = ?1 ORDER BY id")?;
        let mut rows = statement.query([tag])?;
        let mut frames = Vec::new();
        while let Some(row) = rows.next()? {
            let sealed = row.get_ref(1)?.as_blob().map_err(|_| DAMAGED)?;
            let group = self.keys.open(Table::Frame, row.get(0)?, sealed)?;
            frames.extend(Frame::decode_all(&group).map_err(|_| DAMAGED)?);
        }
        Ok(frames)
    }

    /// Destroys the frames of records that are erased. Looks through all of them.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn erase_frames(&self, records: &HashSet<[u8; 4]>) -> Result<(), StoreError> {
        let mut changed = Vec::new();
        {
            let mut statement = self
                .conn
                .prepare_cached("SELECT id, sensor, sealed FROM frame")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                let sealed = row.get_ref(2)?.as_blob().map_err(|_| DAMAGED)?;
                let group = self.keys.open(Table::Frame, id, sealed)?;
                let frames = Frame::decode_all(&group).map_err(|_| DAMAGED)?;
                let before = frames.len();
                let erased = |frame: &Frame| frame.records.iter().any(|rc| records.contains(rc));
                let left: Vec<Frame> = frames.into_iter().filter(|it| !erased(it)).collect();
                if left.len() < before {
                    changed.push((id, row.get(1)?, left));
                }
            }
        }
        for (id, tag, left) in changed {
            if left.is_empty() {
                self.conn
                    .prepare_cached("DELETE FROM frame WHERE id = ?1")?
                    .execute([id])?;
                continue;
            }
            let mut group = Vec::new();
            for frame in &left {
                frame.encode(&mut group);
            }
            self.set_frames(Some(id), tag, &group)?;
        }
        Ok(())
    }

    /// Destroys what a sensor sent.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn remove_frames(&self, sensor: &[u8]) -> Result<(), StoreError> {
        let tag = self.keys.tag(Kind::Sensor as u8, sensor);
        self.conn
            .prepare_cached("DELETE FROM frame WHERE sensor = ?1")?
            .execute([tag])?;
        Ok(())
    }

    /// Whether the reading of this name was taken before.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn was_taken(&self, name: &[u8]) -> Result<bool, StoreError> {
        let tag = self.keys.tag(TAKEN, name);
        let found: Option<i64> = self
            .conn
            .prepare_cached("SELECT 1 FROM taken WHERE tag = ?1")?
            .query_row([tag], |row| row.get(0))
            .optional()?;
        Ok(found.is_some())
    }

    /// Remembers that the reading of this name was taken.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn take(&self, name: &[u8]) -> Result<(), StoreError> {
        let tag = self.keys.tag(TAKEN, name);
        self.conn
            .prepare_cached("INSERT OR IGNORE INTO taken (tag) VALUES (?1)")?
            .execute([tag])?;
        Ok(())
    }

    fn set_frames(&self, row: Option<i64>, tag: [u8; 16], group: &[u8]) -> Result<(), StoreError> {
        let id = match row {
            Some(id) => id,
            None => self
                .conn
                .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM frame")?
                .query_row([], |row| row.get(0))?,
        };
        let sealed = self.keys.seal(Table::Frame, id, group, self.random)?;
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO frame (id, sensor, sealed) VALUES (?1, ?2, ?3)",
            )?
            .execute((id, tag, sealed))?;
        Ok(())
    }
}

impl Frame {
    fn encode(&self, group: &mut Vec<u8>) {
        let mut out = Encoder::after(std::mem::take(group));
        out.array(6).uint(u64::from(self.service));
        out.uint(u64::from(self.number)).int(self.at_ms);
        out.bytes(&self.bytes).text(&self.refused);
        out.bytes(self.records.as_flattened());
        *group = out.finish();
    }

    fn decode_all(group: &[u8]) -> Result<Vec<Self>, Rejection> {
        let mut reader = Reader::new(group);
        let mut frames = Vec::new();
        while !reader.rest().is_empty() {
            reader.array_of(6)?;
            let short = |number| u16::try_from(number).map_err(|_| Rejection::Malformed);
            frames.push(Self {
                service: short(reader.uint()?)?,
                number: short(reader.uint()?)?,
                at_ms: reader.int()?,
                bytes: reader.bytes()?.to_vec(),
                refused: reader.text()?.to_owned(),
                records: reader.bytes()?.as_chunks::<4>().0.to_vec(),
            });
        }
        Ok(frames)
    }
}

/// Bytes after which a new group begins.
const GROUP: usize = 2_000;
/// Beside the kinds of items, for names of readings.
const TAKEN: u8 = 254;

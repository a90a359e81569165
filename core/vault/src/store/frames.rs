//! What sensors sent, as it came, and which of it was taken already.
//!
//! Frames stand in groups of about 2 KiB: a page is written whole in any case, and a row of its
//! own for each heart beat would cost more than the beat.

use super::items::Kind;
use super::rows::Table;
use super::{DAMAGED, StoreError, Tx};
use rusqlite::OptionalExtension;
use std::collections::{HashMap, HashSet};
use std::fmt;
use vitalwitness_domain::record::{Hash, Id};
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
    /// Why it, or a part of it, became no record; empty: all of it did.
    pub refused: String,
    /// The first eight bytes of the hash of each record it became.
    pub records: Vec<[u8; 8]>,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:04x}, {:?}, ..)", self.number, self.refused)
    }
}

/// Records that are erased, as frames know them.
#[derive(Default)]
pub struct Erased {
    heads: HashSet<[u8; 8]>,
    spans: HashMap<Id, Span>,
}

impl Erased {
    /// Takes in a record: its hash, the device it came from, when it begins and ends.
    pub fn take_in(&mut self, rc: &Hash, device: Option<Id>, from_ms: i64, to_ms: i64) {
        self.heads.extend(rc.first_chunk().copied());
        if let Some(device) = device {
            let span = Span { from_ms, to_ms };
            self.spans.entry(device).or_insert(span).take_in(span);
        }
    }

    fn names(&self, head: [u8; 8]) -> bool {
        self.heads.contains(&head)
    }
}

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Erased({} records)", self.heads.len())
    }
}

/// A stretch of time, both ends in it.
#[derive(Clone, Copy)]
struct Span {
    from_ms: i64,
    to_ms: i64,
}

impl Span {
    fn at(ms: i64) -> Self {
        Self {
            from_ms: ms,
            to_ms: ms,
        }
    }

    fn take_in(&mut self, other: Self) {
        self.from_ms = self.from_ms.min(other.from_ms);
        self.to_ms = self.to_ms.max(other.to_ms);
    }

    fn holds(self, ms: i64) -> bool {
        (self.from_ms..=self.to_ms).contains(&ms)
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

    /// Destroys the frames of records that are erased, and of their sensors what became no record
    /// and came in the same time. Looks through all of them.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn erase_frames(&self, erased: &Erased) -> Result<(), StoreError> {
        let mut spans: HashMap<[u8; 16], Span> = HashMap::new();
        for (sensor, span) in &erased.spans {
            let tag = self.keys.tag(Kind::Sensor as u8, sensor);
            spans.entry(tag).or_insert(*span).take_in(*span);
        }
        let mut groups = Vec::new();
        {
            let mut statement = self
                .conn
                .prepare_cached("SELECT id, sensor, sealed FROM frame")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (id, tag): (i64, [u8; 16]) = (row.get(0)?, row.get(1)?);
                let sealed = row.get_ref(2)?.as_blob().map_err(|_| DAMAGED)?;
                let group = self.keys.open(Table::Frame, id, sealed)?;
                let frames = Frame::decode_all(&group).map_err(|_| DAMAGED)?;
                let names = |frame: &Frame| frame.records.iter().any(|it| erased.names(*it));
                // when what is erased came, which may be long after it was measured
                for frame in frames.iter().filter(|it| names(it)) {
                    let span = Span::at(frame.at_ms);
                    spans.entry(tag).or_insert(span).take_in(span);
                }
                if frames.iter().any(|it| names(it) || it.records.is_empty()) {
                    groups.push((id, tag));
                }
            }
        }
        for (id, tag) in groups {
            let sealed: Vec<u8> = self
                .conn
                .prepare_cached("SELECT sealed FROM frame WHERE id = ?1")?
                .query_row([id], |row| row.get(0))?;
            let group = self.keys.open(Table::Frame, id, &sealed)?;
            let frames = Frame::decode_all(&group).map_err(|_| DAMAGED)?;
            let span = spans.get(&tag);
            let goes = |frame: &Frame| {
                frame.records.iter().any(|it| erased.names(*it))
                    || (frame.records.is_empty() && span.is_some_and(|it| it.holds(frame.at_ms)))
            };
            let before = frames.len();
            let left: Vec<Frame> = frames.into_iter().filter(|it| !goes(it)).collect();
            if left.is_empty() {
                self.conn
                    .prepare_cached("DELETE FROM frame WHERE id = ?1")?
                    .execute([id])?;
            } else if left.len() < before {
                let mut group = Vec::new();
                for frame in &left {
                    frame.encode(&mut group);
                }
                self.set_frames(Some(id), tag, &group)?;
            }
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
                records: reader.bytes()?.as_chunks::<8>().0.to_vec(),
            });
        }
        Ok(frames)
    }
}

/// Bytes after which a new group begins.
const GROUP: usize = 2_000;
/// Beside the kinds of items, for names of readings.
const TAKEN: u8 = 254;

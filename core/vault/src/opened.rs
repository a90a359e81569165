//! Batches opened for reading, and a small cache of them.

use crate::Error;
use crate::channels::Channel;
use crate::parts;
use crate::store::{BatchId, DAMAGED};
use crate::vault::Core;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use vitalwitness_domain::record::{Hash, Id, Record};
use vitalwitness_domain::sealed::{self, Expect, Opened};

/// A record as it stands in a batch.
pub(crate) struct Stored {
    pub(crate) record: Record,
    pub(crate) rc: Hash,
    pub(crate) rid: Id,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stored(..)")
    }
}

/// Batches opened lately, newest use last; at most [`MOST`] records.
#[derive(Default)]
pub(crate) struct Cache(VecDeque<(BatchId, Arc<Vec<Stored>>)>);

impl Cache {
    fn get(&mut self, row: BatchId) -> Option<Arc<Vec<Stored>>> {
        let at = self.0.iter().position(|(cached, _)| *cached == row)?;
        let hit = self.0.remove(at)?;
        let records = hit.1.clone();
        self.0.push_back(hit);
        Some(records)
    }

    fn put(&mut self, row: BatchId, records: Arc<Vec<Stored>>) {
        self.0.push_back((row, records));
        let mut total: usize = self.0.iter().map(|(_, records)| records.len()).sum();
        while total > MOST && self.0.len() > 1 {
            if let Some((_, gone)) = self.0.pop_front() {
                total -= gone.len();
            }
        }
    }

    pub(crate) fn forget(&mut self, row: BatchId) {
        self.0.retain(|(cached, _)| *cached != row);
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cache({} batches)", self.0.len())
    }
}

impl Core {
    /// The records of a batch by (effective start, rid), without erased ones.
    pub(crate) fn records_of(&mut self, row: BatchId) -> Result<Arc<Vec<Stored>>, Error> {
        if let Some(records) = self.cache.get(row) {
            return Ok(records);
        }
        let records = Arc::new(self.read_records(row)?);
        self.cache.put(row, records.clone());
        Ok(records)
    }

    /// As [`Core::records_of`], leaving the cache as it is.
    pub(crate) fn read_records(&self, row: BatchId) -> Result<Vec<Stored>, Error> {
        let batch = self.index.get(row).ok_or(Error::NotFound)?;
        if batch.header.sealed.is_some() {
            let opened = self.open_body(row)?;
            return opened
                .records()
                .map(|leaf| {
                    let record = Record::from_slots(leaf.schema().name(), &leaf.values());
                    Ok(Stored {
                        record: record.map_err(|_| DAMAGED)?,
                        rc: leaf.record_hash(),
                        rid: leaf.rid(),
                    })
                })
                .collect();
        }
        let mut records = Vec::with_capacity(batch.header.count as usize);
        for waiting in parts::waiting(&self.store.reader(), row)? {
            records.push(Stored {
                record: waiting.record()?,
                rc: waiting.rc,
                rid: waiting.rid,
            });
        }
        records.sort_by_key(|stored| (stored.record.start_ms, stored.rid));
        Ok(records)
    }

    /// Opens a sealed batch and checks every hash of it.
    pub(crate) fn open_body(&self, row: BatchId) -> Result<Opened, Error> {
        let bytes = self.store.reader().body(row)?.ok_or(Error::NotFound)?;
        let (expect, key) = self.expect(row)?;
        Ok(sealed::open(&bytes, &key.key, &expect)?)
    }

    pub(crate) fn expect(
        &self,
        row: BatchId,
    ) -> Result<(Expect, Arc<crate::streams::StreamKey>), Error> {
        let batch = self.index.get(row).ok_or(Error::NotFound)?;
        let header = &batch.header;
        let sealed = header.sealed.as_ref().ok_or(Error::NotFound)?;
        let key = self.streams.get(&header.stream_key).ok_or(DAMAGED)?;
        let expect = Expect {
            channel: self.channel_id(batch.stream.category)?,
            stream_key: header.stream_key,
            batch: header.id,
            root: sealed.root,
            leaves: sealed.leaves,
        };
        Ok((expect, key.clone()))
    }

    pub(crate) fn channel_id(&self, category: u8) -> Result<Id, Error> {
        let (channel, _) = Channel::brief(category, &self.store.reader())?.ok_or(DAMAGED)?;
        Ok(channel)
    }
}

/// About 50 MB.
const MOST: usize = 100_000;

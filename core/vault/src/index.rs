//! What is known of every batch without opening one: headers and states, read at open.

use crate::header::Header;
use crate::store::{BatchId, BatchState, DAMAGED, StoreError, Tx};
use crate::streams::Streams;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_domain::stream::StreamId;

/// A batch in the index.
#[derive(Clone)]
pub(crate) struct Indexed {
    pub(crate) header: Header,
    pub(crate) state: BatchState,
    pub(crate) stream: StreamId,
}

#[derive(Default)]
pub(crate) struct Index {
    batches: BTreeMap<BatchId, Indexed>,
    open: HashMap<StreamId, BatchId>,
    by_id: HashMap<Id, BatchId>,
    /// By record that no longer stands: who says so, and whether it was taken back.
    corrected: HashMap<Hash, (Hash, bool)>,
}

impl Index {
    pub(crate) fn load(tx: &Tx<'_>, streams: &Streams) -> Result<Self, StoreError> {
        let mut index = Self::default();
        for (row, state, header) in tx.headers()? {
            let header = Header::decode(&header).map_err(|_| DAMAGED)?;
            let key = streams.get(&header.stream_key).ok_or(DAMAGED)?;
            let stream = key.stream.clone();
            index.insert(
                row,
                Indexed {
                    header,
                    state,
                    stream,
                },
            );
        }
        Ok(index)
    }

    /// Takes a batch in, in place of what was known of it.
    pub(crate) fn insert(&mut self, row: BatchId, batch: Indexed) {
        for correction in &batch.header.corrections {
            self.corrected
                .insert(correction.target, (correction.by, correction.void));
        }
        self.by_id.insert(batch.header.id, row);
        if batch.state == BatchState::Open {
            self.open.insert(batch.stream.clone(), row);
        } else if self.open.get(&batch.stream) == Some(&row) {
            self.open.remove(&batch.stream);
        }
        self.batches.insert(row, batch);
    }

    pub(crate) fn remove(&mut self, row: BatchId) {
        if let Some(batch) = self.batches.remove(&row) {
            self.by_id.remove(&batch.header.id);
            if self.open.get(&batch.stream) == Some(&row) {
                self.open.remove(&batch.stream);
            }
            for correction in &batch.header.corrections {
                self.corrected.remove(&correction.target);
            }
        }
    }

    pub(crate) fn set_state(&mut self, row: BatchId, state: BatchState) {
        if let Some(mut batch) = self.batches.remove(&row) {
            batch.state = state;
            self.insert(row, batch);
        }
    }

    pub(crate) fn get(&self, row: BatchId) -> Option<&Indexed> {
        self.batches.get(&row)
    }

    pub(crate) fn row_of(&self, id: &Id) -> Option<BatchId> {
        self.by_id.get(id).copied()
    }

    /// The batch that takes records of `stream`.
    pub(crate) fn open_batch(&self, stream: &StreamId) -> Option<BatchId> {
        self.open.get(stream).copied()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (BatchId, &Indexed)> {
        self.batches.iter().map(|(row, batch)| (*row, batch))
    }

    pub(crate) fn corrected(&self, rc: &Hash) -> Option<(Hash, bool)> {
        self.corrected.get(rc).copied()
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({} batches)", self.batches.len())
    }
}

//! Sealing: an open batch is frozen, its tree built, and its sealed bytes stored, each step by a
//! transaction of its own. A frozen batch gives the same bytes whenever it is sealed.

use crate::Error;
use crate::channels::Channel;
use crate::filter;
use crate::header::{Header, SealedAs};
use crate::index::Indexed;
use crate::parts;
use crate::store::{BatchId, BatchState, DAMAGED, Priority, Tx};
use crate::streams::StreamKey;
use crate::tasks::Task;
use crate::vault::{Core, Vault};
use std::sync::Arc;
use vitalwitness_domain::record::Id;
use vitalwitness_domain::sealed::{self, Batch};

/// Which open batches to seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// Those that are an hour old.
    Due,
    /// All of them.
    All,
}

impl Vault {
    /// Seals open batches and queues them for the cloud. Returns how many.
    ///
    /// # Errors
    ///
    /// What was sealed before the error stays sealed.
    pub fn seal(&self, which: Seal) -> Result<usize, Error> {
        self.with(|core| core.seal_open(which))
    }
}

impl Core {
    pub(crate) fn seal_open(&mut self, which: Seal) -> Result<usize, Error> {
        let now = self.env.clock.now_ms();
        let due = |batch: &Indexed| {
            let opening = batch.header.opening.as_ref();
            batch.state == BatchState::Open
                && batch.header.count > 0
                && (which == Seal::All
                    || opening.is_some_and(|opening| now.abs_diff(opening.opened_ms) >= HOUR_MS))
        };
        let rows: Vec<BatchId> = self
            .index
            .all()
            .filter(|(_, batch)| due(batch))
            .map(|(row, _)| row)
            .collect();
        self.store.write(|tx| {
            rows.iter()
                .try_for_each(|row| tx.set_state(*row, BatchState::Frozen))
        })?;
        for row in &rows {
            self.index.set_state(*row, BatchState::Frozen);
        }
        self.seal_frozen()
    }

    /// Seals what is frozen, also what a crash left so. One that cannot be sealed stays frozen and
    /// keeps none of the others from it; the first error is told after all were tried.
    pub(crate) fn seal_frozen(&mut self) -> Result<usize, Error> {
        let frozen = self
            .index
            .all()
            .filter(|(_, batch)| batch.state == BatchState::Frozen);
        let rows: Vec<BatchId> = frozen.map(|(row, _)| row).collect();
        let mut failed = None;
        for row in &rows {
            if let Err(error) = self.seal_row(*row) {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(rows.len()), Err)
    }

    fn seal_row(&mut self, row: BatchId) -> Result<(), Error> {
        let batch = self.index.get(row).ok_or(Error::NotFound)?.clone();
        let mut header = batch.header;
        let opening = header.opening.take().ok_or(DAMAGED)?;
        let (key, new_key) = self.open_key(&header.stream_key, &batch.stream)?;
        let (channel, dsk) =
            Channel::brief(batch.stream.category, &self.store.reader())?.ok_or(DAMAGED)?;
        let device = crate::keys::key_id(&self.env.keystore.public(&dsk)?);
        let parts = self.store.reader().parts(row)?;
        let kept = parts::kept(&parts)?;
        let to_seal = Batch {
            id: header.id,
            channel,
            stream_key: key.id,
            secret: opening.secret.duplicate(),
            code: Some(batch.stream.code.clone()),
            granularity: batch.stream.granularity,
            device: Some(device),
            revision: 0,
            items: Vec::new(),
        };
        let sealed = sealed::seal_kept(&to_seal, &kept, &key.key, opening.nonce)?;
        header.stream_key = key.id;
        header.sealed = Some(SealedAs {
            root: sealed.root,
            leaves: sealed.leaves,
            revision: 0,
            bytes: sealed.bytes.len() as u64,
        });
        let filter = filter::of(&sealed.record_hashes);
        self.store.write(|tx| {
            if new_key {
                key.found(tx)?;
            }
            tx.set_body(row, &sealed.bytes, &filter)?;
            tx.set_header(row, &header.encode())?;
            tx.remove_parts(row)?;
            queue(&header, tx)?;
            tx.set_state(row, BatchState::Queued)?;
            Ok::<_, Error>(())
        })?;
        if new_key {
            self.streams.insert(key, false);
        }
        let state = BatchState::Queued;
        let stream = batch.stream;
        self.index.insert(
            row,
            Indexed {
                header,
                state,
                stream,
            },
        );
        Ok(())
    }

    /// The key of `id` unless it is closed; then the one its stream uses now. True: it is new.
    pub(crate) fn open_key(
        &self,
        id: &Id,
        stream: &vitalwitness_domain::stream::StreamId,
    ) -> Result<(Arc<StreamKey>, bool), Error> {
        match self.streams.get(id) {
            Some(key) if !self.streams.is_closed(id) => Ok((key.clone(), false)),
            _ => self.key_for(stream),
        }
    }
}

/// Queues a sealed batch for the cloud.
pub(crate) fn queue(header: &Header, tx: &Tx<'_>) -> Result<(), Error> {
    let revision = header.sealed.map_or(0, |sealed| sealed.revision);
    let batch = header.id;
    let priority = if header.manual {
        Priority::Manual
    } else {
        Priority::Series
    };
    tx.queue(priority, &Task::Batch { batch, revision }.encode())?;
    Ok(())
}

const HOUR_MS: u64 = 3_600_000;

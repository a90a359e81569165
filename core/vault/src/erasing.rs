//! Erasure: of one record, of a stream, of everything.
//!
//! A record of an open batch is gone with its row. A record of a sealed batch leaves its bare
//! hash: the batch is sealed anew (revision + 1, same id and root) and its secret destroyed. The
//! log keeps hashes that nothing opens. What a device sent for a record goes with it.

use crate::Error;
use crate::channels::Channel;
use crate::filter;
use crate::handover::record_hashes;
use crate::index::Indexed;
use crate::keys::random_bytes;
use crate::parts::{self, PartWriter};
use crate::sealing::queue;
use crate::store::{BatchId, DAMAGED, Erased, Kind, Priority, StoreError, Tx};
use crate::summary::DaySums;
use crate::sync::errands::Errand;
use crate::tasks::Task;
use crate::vault::{Core, Vault};
use std::fs;
use vitalwitness_domain::record::{Hash, Id, Record};
use vitalwitness_domain::stream::StreamId;
use vitalwitness_domain::wire::Id16;

impl Vault {
    /// Erases one record for good.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no record `rc`.
    pub fn erase(&self, rc: &Hash) -> Result<(), Error> {
        self.with(|core| {
            let row = core.row_of(rc)?;
            core.cache.forget(row);
            let sealed = core
                .index
                .get(row)
                .is_some_and(|batch| batch.header.sealed.is_some());
            if sealed {
                core.erase_sealed(row, rc)?;
            } else {
                core.erase_open(row, rc)?;
            }
            core.cache.forget(row);
            core.store.forget_copies()?;
            Ok(core.store.checkpoint()?)
        })
    }

    /// Erases all records of a stream, with every key of it. Returns how many.
    ///
    /// The cloud's copy goes with the next sync; until then, and after it, nothing that the cloud
    /// tells brings it back here. Copies on other devices of the account stay until
    /// they are erased there: a cloud's word alone deletes nothing on a device.
    ///
    /// # Errors
    ///
    /// As [`Error`]; nothing is erased then.
    pub fn erase_stream(&self, stream: &StreamId) -> Result<u64, Error> {
        self.with(|core| {
            let erased = core.erase_stream(stream)?;
            core.store.forget_copies()?;
            core.store.checkpoint()?;
            Ok(erased)
        })
    }

    /// Erases the vault from this device: its file and its keys. What the cloud holds of it is
    /// then opened by the kit or another device alone.
    ///
    /// # Errors
    ///
    /// What the key store or the file system says; what is gone by then stays gone.
    pub fn erase_all(&self) -> Result<(), Error> {
        let (path, env, aliases) = self.with(|core| {
            let mut aliases = vec![core.account.dsk.clone(), core.account.dek.clone()];
            for channel in Channel::all(&core.store.reader())? {
                aliases.extend([channel.dsk, channel.gsk]);
            }
            aliases.push(core.store.key_alias()?);
            core.store.forget_copies()?;
            Ok::<_, Error>((core.store.path().to_path_buf(), core.env.clone(), aliases))
        })?;
        self.lock();
        for alias in &aliases {
            env.keystore.delete(alias)?;
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(crate::keys::KeyError::Io(error.kind()).into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether a batch, a stream key or a bag item was erased here.
pub(crate) fn is_erased(id: &Id, tx: &Tx<'_>) -> Result<bool, StoreError> {
    Ok(tx.get(Kind::Erased, id)?.is_some())
}

fn erased<'a>(records: impl IntoIterator<Item = (&'a Hash, &'a Record)>) -> Erased {
    let mut erased = Erased::default();
    for (rc, record) in records {
        let end_ms = record.end_ms.unwrap_or(record.start_ms);
        erased.take_in(rc, record.source.device, record.start_ms, end_ms);
    }
    erased
}

impl Core {
    fn erase_sealed(&mut self, row: BatchId, rc: &Hash) -> Result<(), Error> {
        let batch = self.index.get(row).ok_or(Error::NotFound)?.clone();
        let key = self
            .streams
            .get(&batch.header.stream_key)
            .ok_or(DAMAGED)?
            .clone();
        let opened = self.open_body(row)?;
        let index = opened.find(rc).ok_or(Error::NotFound)?.index();
        let gone = opened.find(rc).ok_or(Error::NotFound)?;
        let gone = Record::from_slots(gone.schema().name(), &gone.values());
        let gone = erased([(rc, &gone.map_err(|_| DAMAGED)?)]);
        let opened = opened.erase(index).map_err(|_| Error::NotFound)?;
        let nonce = random_bytes(self.env.random.as_ref())?;
        let bytes = opened.seal(&key.key, nonce)?;

        let mut header = batch.header.clone();
        if let Some(sealed) = &mut header.sealed {
            sealed.revision = opened.revision();
            sealed.bytes = bytes.len() as u64;
        }
        header.corrections.retain(|correction| correction.by != *rc);
        (header.count, header.days) = (0, DaySums::default());
        for leaf in opened.records() {
            let record = Record::from_slots(leaf.schema().name(), &leaf.values());
            header.days.add(&record.map_err(|_| DAMAGED)?);
            header.count += 1;
        }
        let filter = filter::of(&record_hashes(&opened));
        self.store.write(|tx| {
            tx.set_body(row, &bytes, &filter)?;
            tx.set_header(row, &header.encode())?;
            tx.erase_frames(&gone)?;
            queue(&header, tx)
        })?;
        self.replace(row, Indexed { header, ..batch });
        Ok(())
    }

    fn erase_open(&mut self, row: BatchId, rc: &Hash) -> Result<(), Error> {
        let batch = self.index.get(row).ok_or(Error::NotFound)?.clone();
        let waiting = parts::waiting(&self.store.reader(), row)?;
        let mut header = batch.header.clone();
        let (mut first_ms, mut last_ms) = (i64::MAX, i64::MIN);
        (header.count, header.days) = (0, DaySums::default());
        header.corrections.retain(|correction| correction.by != *rc);
        let mut part = PartWriter::default();
        for waiting in waiting.iter().filter(|waiting| waiting.rc != *rc) {
            let record = waiting.record()?;
            part.keep(waiting);
            header.count += 1;
            header.days.add(&record);
            first_ms = first_ms.min(record.start_ms);
            last_ms = last_ms.max(record.start_ms);
        }
        (header.first_ms, header.last_ms) = (first_ms, last_ms);
        let gone = waiting.iter().find(|waiting| waiting.rc == *rc);
        let gone = gone.ok_or(Error::NotFound)?.record()?;
        let gone = erased([(rc, &gone)]);
        let empty = part.is_empty();
        let part = part.finish();
        if let Some(opening) = &mut header.opening {
            // arrivals stay counted: the rids of later ones must not come back
            (opening.parts, opening.bytes) = (1, part.len() as u64);
        }
        self.store.write(|tx| {
            tx.erase_frames(&gone)?;
            if empty {
                return tx.remove_batch(row);
            }
            tx.remove_parts(row)?;
            tx.add_part(row, 0, &part)?;
            tx.set_header(row, &header.encode())
        })?;
        self.index.remove(row);
        if !empty {
            self.index.insert(row, Indexed { header, ..batch });
        }
        Ok(())
    }

    fn erase_stream(&mut self, stream: &StreamId) -> Result<u64, Error> {
        let of_stream = self
            .index
            .all()
            .filter(|(_, batch)| batch.stream == *stream);
        let batches: Vec<(BatchId, Id, u64)> = of_stream
            .map(|(row, batch)| (row, batch.header.id, u64::from(batch.header.count)))
            .collect();
        let of_stream = self.streams.all().filter(|(key, _)| key.stream == *stream);
        let keys: Vec<Id> = of_stream.map(|(key, _)| key.id).collect();
        let mut records = Vec::new();
        for (row, ..) in &batches {
            records.extend(self.read_records(*row)?);
        }
        let gone = erased(records.iter().map(|it| (&it.rc, &it.record)));
        self.store.write(|tx| {
            tx.erase_frames(&gone)?;
            for (row, batch, _) in &batches {
                tx.remove_batch(*row)?;
                tx.remove(Kind::BatchProof, batch)?;
                tx.put(Kind::Erased, batch, 0, &[])?;
                let task = Task::Erase { batch: *batch };
                tx.queue(Priority::Revoke, &task.encode())?;
            }
            for key in &keys {
                tx.remove(Kind::Stream, key)?;
                tx.put(Kind::Erased, key, 0, &[])?;
            }
            for (item, _, secret) in crate::bag::BagSecret::all(tx)? {
                if matches!(secret, crate::bag::BagSecret::Stream { id, .. } if keys.contains(&id))
                {
                    tx.remove(Kind::Bag, &item)?;
                    tx.put(Kind::Erased, &item, 0, &[])?;
                    Errand::EraseBag(Id16(item)).queue(tx)?;
                }
            }
            Ok::<_, Error>(())
        })?;
        for (row, ..) in &batches {
            self.cache.forget(*row);
            self.index.remove(*row);
        }
        for key in &keys {
            self.streams.forget(key);
        }
        Ok(batches.iter().map(|(.., count)| count).sum())
    }

    /// Takes a batch out of the index and in again, with the corrections it has now.
    fn replace(&mut self, row: BatchId, batch: Indexed) {
        self.index.remove(row);
        self.index.insert(row, batch);
    }
}

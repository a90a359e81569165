//! Sealed batches on their way: uploaded, moved on, taken in from elsewhere, sealed anew when a
//! stream key was closed.

use crate::Error;
use crate::bag::BagSecret;
use crate::channels::{Channel, ChannelSecrets};
use crate::filter;
use crate::header::{Header, SealedAs, Sealer};
use crate::index::Indexed;
use crate::parts::{self, PartWriter};
use crate::receipts::EventProof;
use crate::store::{BatchId, BatchState, DAMAGED, Kind, StoreError, Tx};
use crate::streams::StreamKey;
use crate::summary::DaySums;
use crate::tasks::Task;
use crate::vault::{Core, Vault};
use std::collections::HashSet;
use std::sync::Arc;
use vitalwitness_domain::record::{Hash, Id, Record};
use vitalwitness_domain::sealed::{self, Expect, OpenError, Opened, RidSource};
use vitalwitness_proof::record::SaltKey;

/// A batch that another device or a grantee sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopt {
    /// As logged and listed.
    pub expect: Expect,
    /// Its newest revision.
    pub revision: u32,
    /// Who sealed it.
    pub sealer: Sealer,
}

/// A batch as it is uploaded.
#[derive(Clone, PartialEq, Eq)]
pub struct Upload {
    /// What names it.
    pub expect: Expect,
    /// From 0.
    pub revision: u32,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({} bytes)", self.bytes.len())
    }
}

impl Vault {
    /// A sealed batch as it is uploaded, by its id.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is none, or it is not sealed.
    pub fn upload(&self, batch: &Id) -> Result<Upload, Error> {
        self.with(|core| core.upload(core.row(batch)?))
    }

    /// Moves a sealed batch on. It never goes back.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn advance(&self, batch: &Id, state: BatchState) -> Result<(), Error> {
        self.with(|core| core.set_state(core.row(batch)?, state))
    }

    /// Takes in a batch that was sealed elsewhere, checked against its root. Idempotent by id; a
    /// higher revision takes the place of a lower one. Records that wait here under its id move to
    /// a batch of another.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when its stream key is not known; [`Error::Open`] when it does not
    /// hold what was logged.
    pub fn adopt(&self, adopt: &Adopt, bytes: &[u8], state: BatchState) -> Result<(), Error> {
        self.with(|core| core.adopt(adopt, bytes, state).map(|_| ()))
    }

    /// Takes in an item of the bag that the cloud has. Idempotent by item.
    ///
    /// A channel takes the place of one that this device made before it knew of it; what was
    /// sealed for that one is sealed anew.
    ///
    /// # Errors
    ///
    /// As [`Error`]; nothing is taken in then.
    pub fn adopt_secret(&self, item: &Id, secret: BagSecret) -> Result<(), Error> {
        self.with(|core| core.adopt_secret(item, secret))
    }

    /// Keeps what the log says of a batch: its receipts are made from it.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn keep_batch_proof(&self, batch: &Id, proof: &EventProof) -> Result<(), Error> {
        self.with(|core| Ok(core.store.write(|tx| proof.save_batch(batch, tx))?))
    }

    /// Keeps what the log says of an own event.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn keep_event_proof(&self, recordhash: &Hash, proof: &EventProof) -> Result<(), Error> {
        self.with(|core| Ok(core.store.write(|tx| proof.save_event(recordhash, tx))?))
    }

    /// Closes stream keys: what is open under them is sealed under new ones.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn close_streams(&self, stream_keys: &[Id]) -> Result<(), Error> {
        self.with(|core| core.close_streams(stream_keys))
    }

    /// Seals a batch that the cloud does not have anew, when its stream key was closed: same
    /// records, id, secret and root, another key. Its place in the outbox stays.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn reseal(&self, batch: &Id) -> Result<(), Error> {
        self.with(|core| core.reseal(core.row(batch)?))
    }
}

impl Core {
    /// Row of a batch.
    pub(crate) fn row(&self, batch: &Id) -> Result<BatchId, Error> {
        self.index.row_of(batch).ok_or(Error::NotFound)
    }

    pub(crate) fn adopt_secret(&mut self, item: &Id, secret: BagSecret) -> Result<(), Error> {
        match secret {
            BagSecret::Stream {
                descriptor,
                id,
                key,
            } => {
                let secret = BagSecret::Stream {
                    descriptor: descriptor.clone(),
                    id,
                    key: key.duplicate(),
                };
                let known = self.streams.get(&id).is_some();
                let key = StreamKey::of_bag(&descriptor, id, key).map_err(|_| DAMAGED)?;
                self.store.write(|tx| {
                    secret.keep(item, true, tx)?;
                    if known {
                        return Ok(());
                    }
                    key.save(false, tx)
                })?;
                if !known {
                    self.streams.insert(Arc::new(key), false);
                }
                Ok(())
            }
            BagSecret::Channel(secrets) => self.adopt_channel(item, secrets),
            BagSecret::Grant(_) | BagSecret::Secret(_) | BagSecret::Device(_) => {
                Ok(self.store.write(|tx| secret.keep(item, true, tx))?)
            }
        }
    }

    /// Whether the bag item of the channel `own` stood in the account's changes before `item`.
    fn stood_before(&self, own: &Id, item: &Id) -> Result<bool, Error> {
        let all = BagSecret::channels(&self.store.reader())?;
        let seen = |place: i64| if place > 0 { Some(place) } else { None };
        let own = all
            .iter()
            .filter(|(.., secrets)| secrets.channel == *own)
            .find_map(|(place, ..)| seen(*place));
        let other = all
            .iter()
            .filter(|(_, known, _)| known == item)
            .find_map(|(place, ..)| seen(*place));
        Ok(own.is_some_and(|own| other.is_none_or(|other| own <= other)))
    }

    /// Whether the channel counts for the account: its bag item was seen in the changes, and no
    /// item before it is sealed under a vault secret that is not here yet.
    pub(crate) fn is_settled(&self, channel: &Id) -> Result<bool, Error> {
        let reader = self.store.reader();
        let all = BagSecret::channels(&reader)?;
        let mut own = all
            .iter()
            .filter(|(place, _, secrets)| *place > 0 && secrets.channel == *channel);
        let Some((place, ..)) = own.next() else {
            return Ok(false);
        };
        let sealed = reader.all(Kind::SealedBag)?;
        Ok(sealed.iter().all(|item| item.state > *place))
    }

    /// Takes in the channels of the bag that the account counts on and this device does not yet.
    pub(crate) fn adopt_kept_channels(&mut self) -> Result<(), Error> {
        for (place, item, secrets) in BagSecret::channels(&self.store.reader())? {
            let own = Channel::brief(secrets.channel[0], &self.store.reader())?;
            if place > 0 && own.is_none_or(|(own, _)| own != secrets.channel) {
                self.adopt_channel(&item, secrets)?;
            }
        }
        self.sign_own_keys()
    }

    fn adopt_channel(&mut self, item: &Id, secrets: ChannelSecrets) -> Result<(), Error> {
        let category = secrets.channel[0];
        let kept = BagSecret::Channel(secrets.duplicate()?);
        let reader = self.store.reader();
        let known = Channel::load(category, &reader)?;
        // one that others know of stays the one this device writes to
        let enrolled = known.as_ref().is_some_and(|known| known.enrolled);
        let own = known.map(|known| known.secrets.channel);
        let stays = match &own {
            None => false,
            Some(own) => enrolled || *own == secrets.channel || self.stood_before(own, item)?,
        };
        if stays {
            let known = reader.get(Kind::Bag, item)?;
            if known.is_none_or(|known| known.state == 0) {
                self.store.write(|tx| kept.keep(item, true, tx))?;
            }
            return Ok(());
        }
        let mut resealed = Vec::new();
        let of_category = self.index.all().filter(|(_, batch)| {
            batch.stream.category == category && batch.header.sealed.is_some()
        });
        for (row, batch) in of_category {
            let key = self.streams.get(&batch.header.stream_key).ok_or(DAMAGED)?;
            let opened = self.open_body(row)?.in_channel(secrets.channel);
            let nonce = crate::keys::random_bytes(self.env.random.as_ref())?;
            let bytes = opened.seal(&key.key, nonce)?;
            resealed.push((row, bytes, filter::of(&record_hashes(&opened))));
        }
        let (keystore, random) = (self.env.keystore.as_ref(), self.env.random.as_ref());
        let channel = Channel::new(category, Some(secrets), keystore, random)?;
        self.store.write(|tx| {
            for (other, in_cloud, secret) in BagSecret::all(tx)? {
                let replaced = matches!(&secret, BagSecret::Channel(s) if Some(s.channel) == own);
                if replaced && !in_cloud {
                    tx.remove(Kind::Bag, &other)?;
                }
            }
            for (row, bytes, filter) in &resealed {
                tx.set_body(*row, bytes, filter)?;
            }
            if tx
                .get(Kind::Bag, item)?
                .is_none_or(|known| known.state == 0)
            {
                kept.keep(item, true, tx)?;
            }
            channel.save(tx)?;
            let task = Task::Channel { category }.encode();
            let queued = tx.queued(false)?;
            if queued.iter().all(|item| *item.plain != task) {
                channel.queue_enrolment(tx)?;
            }
            Ok::<_, Error>(())
        })
    }

    /// A sealed batch as it is uploaded.
    pub(crate) fn upload(&self, row: BatchId) -> Result<Upload, Error> {
        let (expect, _) = self.expect(row)?;
        let batch = self.index.get(row).ok_or(Error::NotFound)?;
        let sealed = batch.header.sealed.as_ref().ok_or(Error::NotFound)?;
        Ok(Upload {
            expect,
            revision: sealed.revision,
            bytes: self.store.reader().body(row)?.ok_or(Error::NotFound)?,
        })
    }

    /// Moves a sealed batch on.
    pub(crate) fn set_state(&mut self, row: BatchId, state: BatchState) -> Result<(), Error> {
        let batch = self.index.get(row).ok_or(Error::NotFound)?;
        if batch.header.sealed.is_some() && batch.state < state {
            self.store.write(|tx| tx.set_state(row, state))?;
            self.index.set_state(row, state);
        }
        Ok(())
    }

    /// Takes in a batch that was sealed elsewhere, checked against its root. Idempotent by id; a
    /// higher revision takes the place of a lower one.
    pub(crate) fn adopt(
        &mut self,
        adopt: &Adopt,
        bytes: &[u8],
        state: BatchState,
    ) -> Result<BatchId, Error> {
        let known = self.index.row_of(&adopt.expect.batch);
        let before = known.and_then(|row| self.index.get(row)).cloned();
        let held = before.and_then(|batch| batch.header.sealed);
        let revision = held.map(|held| held.revision);
        if let (Some(row), Some(revision)) = (known, revision)
            && revision >= adopt.revision
        {
            return Ok(row);
        }
        let key = self
            .streams
            .get(&adopt.expect.stream_key)
            .ok_or(Error::NotFound)?
            .clone();
        let opened = sealed::open(bytes, &key.key, &adopt.expect)?;
        // an older revision under a newer number would bring erased records back
        let same_tree = held.is_none_or(|held| held.root == adopt.expect.root);
        if opened.revision() != adopt.revision || !same_tree {
            return Err(OpenError::Mismatch.into());
        }
        let header = header_of(&opened, adopt, bytes.len())?;
        let hashes = record_hashes(&opened);
        let filter = filter::of(&hashes);
        // a copy of this vault sealed what is not sealed here: what waits is of another batch now
        let moved = match known {
            Some(row) if revision.is_none() => self.moved(row, &hashes)?,
            _ => None,
        };
        let (row, moved) = self.store.write(|tx| {
            let row = match known {
                Some(row) => {
                    tx.set_header(row, &header.encode())?;
                    tx.remove_parts(row)?;
                    tx.set_state(row, state)?;
                    row
                }
                None => tx.add_batch_as(state, &header.encode())?,
            };
            tx.set_body(row, bytes, &filter)?;
            let moved = moved.map(|moved| moved.write(tx)).transpose()?;
            Ok::<_, Error>((row, moved))
        })?;
        self.cache.forget(row);
        self.index.remove(row);
        if let Some((row, batch)) = moved {
            self.index.insert(row, batch);
        }
        let stream = key.stream.clone();
        self.index.insert(
            row,
            Indexed {
                header,
                state,
                stream,
            },
        );
        Ok(row)
    }

    /// Moves what is not sealed into batches of other ids, secrets and nonces: a copy of this vault
    /// may seal the old ones. Records keep their ids and hashes.
    pub(crate) fn move_unsealed(&mut self) -> Result<(), Error> {
        let unsealed = self
            .index
            .all()
            .filter(|(_, batch)| batch.header.sealed.is_none());
        let rows: Vec<BatchId> = unsealed.map(|(row, _)| row).collect();
        let moved: Vec<Moved> = rows
            .iter()
            .filter_map(|row| self.moved(*row, &[]).transpose())
            .collect::<Result<_, _>>()?;
        let moved = self.store.write(|tx| {
            rows.iter().try_for_each(|row| tx.remove_batch(*row))?;
            let moved = moved.into_iter().map(|moved| moved.write(tx));
            moved.collect::<Result<Vec<_>, StoreError>>()
        })?;
        for row in &rows {
            self.cache.forget(*row);
            self.index.remove(*row);
        }
        for (row, batch) in moved {
            self.index.insert(row, batch);
        }
        Ok(())
    }

    /// What waits in an open or frozen batch, but for `except`, as a batch of its own; none when
    /// nothing is left.
    fn moved(&self, row: BatchId, except: &[Hash]) -> Result<Option<Moved>, Error> {
        let batch = self.index.get(row).ok_or(Error::NotFound)?;
        let opening = batch.header.opening.as_ref().ok_or(DAMAGED)?;
        let except: HashSet<&Hash> = except.iter().collect();
        let salt = SaltKey::derive(opening.secret.expose());
        let random = self.env.random.as_ref();
        let mut header = Header::opened(batch.header.stream_key, opening.opened_ms, random)?;
        let mut part = PartWriter::default();
        for mut waiting in parts::waiting(&self.store.reader(), row)? {
            if except.contains(&waiting.rc) {
                continue;
            }
            if !matches!(waiting.source, RidSource::Adopted(_)) {
                waiting.source = RidSource::Adopted(salt.seed(&waiting.rid));
            }
            header.take(&waiting.record()?, &waiting.rc);
            part.keep(&waiting);
        }
        if part.is_empty() {
            return Ok(None);
        }
        let part = part.finish();
        if let Some(opening) = &mut header.opening {
            (opening.parts, opening.bytes) = (1, part.len() as u64);
        }
        let (state, stream) = (batch.state, batch.stream.clone());
        let batch = Indexed {
            header,
            state,
            stream,
        };
        Ok(Some(Moved { batch, part }))
    }

    /// Closes stream keys: what is open under them is sealed under new ones.
    pub(crate) fn close_streams(&mut self, ids: &[Id]) -> Result<(), Error> {
        let keys: Vec<Arc<StreamKey>> = ids
            .iter()
            .filter_map(|id| self.streams.get(id).cloned())
            .collect();
        self.store
            .write(|tx| keys.iter().try_for_each(|key| key.save(true, tx)))?;
        for id in ids {
            self.streams.close(id);
        }
        Ok(())
    }

    /// Seals a batch that the cloud does not have anew, when its stream key was closed: same
    /// records, id, secret and root, another key. Its place in the outbox stays.
    pub(crate) fn reseal(&mut self, row: BatchId) -> Result<(), Error> {
        let batch = self.index.get(row).ok_or(Error::NotFound)?.clone();
        let mut header = batch.header.clone();
        let (key, new_key) = self.open_key(&header.stream_key, &batch.stream)?;
        if key.id == header.stream_key {
            return Ok(());
        }
        let nonce = crate::keys::random_bytes(self.env.random.as_ref())?;
        let opened = self.open_body(row)?;
        let filter = filter::of(&record_hashes(&opened));
        let bytes = opened.under(key.id).seal(&key.key, nonce)?;
        header.stream_key = key.id;
        if let Some(sealed) = &mut header.sealed {
            sealed.bytes = bytes.len() as u64;
        }
        self.store.write(|tx| {
            if new_key {
                key.found(tx)?;
            }
            tx.set_body(row, &bytes, &filter)?;
            tx.set_header(row, &header.encode())?;
            Ok::<_, Error>(())
        })?;
        if new_key {
            self.streams.insert(key, false);
        }
        self.index.insert(row, Indexed { header, ..batch });
        Ok(())
    }
}

/// An unsealed batch under another id, with its only part.
struct Moved {
    batch: Indexed,
    part: Vec<u8>,
}

impl Moved {
    fn write(self, tx: &Tx<'_>) -> Result<(BatchId, Indexed), StoreError> {
        let row = tx.add_batch_as(self.batch.state, &self.batch.header.encode())?;
        tx.add_part(row, 0, &self.part)?;
        Ok((row, self.batch))
    }
}

/// RCs of all leaves but the header's and fillers.
pub(crate) fn record_hashes(opened: &Opened) -> Vec<Hash> {
    opened
        .leaves()
        .map(|leaf| match leaf {
            sealed::Leaf::Record(record) => record.record_hash(),
            sealed::Leaf::Erased { record_hash, .. } => record_hash,
        })
        .collect()
}

fn header_of(opened: &Opened, adopt: &Adopt, bytes: usize) -> Result<Header, Error> {
    let mut header = Header {
        id: adopt.expect.batch,
        stream_key: adopt.expect.stream_key,
        count: 0,
        first_ms: i64::MAX,
        last_ms: i64::MIN,
        manual: false,
        sealer: adopt.sealer,
        sealed: Some(SealedAs {
            root: adopt.expect.root,
            leaves: adopt.expect.leaves,
            revision: adopt.revision,
            bytes: bytes as u64,
        }),
        opening: None,
        corrections: Vec::new(),
        days: DaySums::default(),
    };
    for leaf in opened.records() {
        let record = Record::from_slots(leaf.schema().name(), &leaf.values());
        let record = record.map_err(|_| OpenError::Damaged)?;
        header.take(&record, &leaf.record_hash());
    }
    Ok(header)
}

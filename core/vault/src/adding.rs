//! Adding records: by hand, by sensor, by import.
//!
//! A call returns once its records and their hashes are durable. Calls that wait for the writer
//! at the same time are committed together, up to 500 records a transaction.
//!
//! Invariant: memory changes only after the commit.

use crate::Error;
use crate::channels::Channel;
use crate::header::{Correction, Header, Opening, Sealer};
use crate::index::Indexed;
use crate::keys::{Random, random_bytes};
use crate::parts::PartWriter;
use crate::querying::Query;
use crate::store::{BatchId, BatchState, StoreError, Tx};
use crate::streams::StreamKey;
use crate::summary::DaySums;
use crate::vault::{Core, Vault};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use vitalwitness_domain::Secret32;
use vitalwitness_domain::record::{
    Body, Grade, Hash, Id, Record, RecordError, Warning, duplicate_dose,
};
use vitalwitness_domain::stream::{Granularity, StreamId};
use vitalwitness_proof::record::SaltKey;

/// What became of an added record.
#[derive(Clone, PartialEq, Eq)]
pub struct Added {
    /// Its record hash.
    pub rc: Hash,
    /// Its id.
    pub rid: Id,
    /// What is implausible about it. It is kept all the same.
    pub warnings: Vec<Warning>,
}

/// Without its id: what names a record is destroyed when the record is erased.
impl fmt::Debug for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Added({:?})", self.warnings)
    }
}

/// Calls that wait for the writer.
#[derive(Default)]
pub(crate) struct AddQueue(Mutex<Vec<Call>>);

struct Call {
    records: Vec<Record>,
    answer: Answer,
}

type Answer = Arc<Mutex<Option<Result<Vec<Added>, Error>>>>;

impl Vault {
    /// Adds a record. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Record`] when it cannot be; [`crate::store::StoreError::Full`] when nothing more
    /// fits: then nothing was added.
    pub fn add(&self, record: Record) -> Result<Added, Error> {
        let doubled = self.doubled_dose(&record)?;
        let mut added = self.add_many(vec![record])?;
        let mut added = added.pop().ok_or(Error::NotFound)?;
        added.warnings.extend(doubled);
        Ok(added)
    }

    /// Whether the same medicine was taken a few minutes before or after.
    fn doubled_dose(&self, record: &Record) -> Result<Option<Warning>, Error> {
        if !matches!(record.body, Body::Medicine { .. }) {
            return Ok(None);
        }
        let near = self.records(&Query {
            category: Some(record.category()),
            code: Some(record.stream_code().to_owned()),
            from_ms: record.start_ms.saturating_sub(NEAR_MS),
            to_ms: record.start_ms.saturating_add(NEAR_MS),
            ..Query::default()
        })?;
        let mut standing = near
            .records
            .iter()
            .filter(|found| found.corrected_by.is_none());
        Ok(standing.find_map(|found| duplicate_dose(&found.record, record)))
    }

    /// Adds records, all or none. They are durable when this returns.
    ///
    /// # Errors
    ///
    /// As [`Vault::add`].
    pub fn add_many(&self, records: Vec<Record>) -> Result<Vec<Added>, Error> {
        for record in &records {
            check(record)?;
        }
        let answer = Answer::default();
        lock(&self.adds.0).push(Call {
            records,
            answer: answer.clone(),
        });
        self.with(|core| {
            // another call may have taken this one along
            while lock(&answer).is_none() {
                let calls = take_group(&mut lock(&self.adds.0));
                if calls.is_empty() {
                    break;
                }
                core.answer(calls);
            }
            Ok::<_, Error>(())
        })?;
        let answered = lock(&answer).take();
        answered.unwrap_or(Err(Error::Locked))
    }

    /// Adds a record that replaces the record `rc`.
    ///
    /// It stands in the stream of what it corrects. Where it belongs to another (another month or
    /// code), the old one is taken back and the new one stands for itself.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no record `rc`; else as [`Vault::add`].
    pub fn supersede(&self, rc: &Hash, mut record: Record) -> Result<Added, Error> {
        let old = self.record(rc)?;
        let same_stream =
            old.record.stream(Granularity::Raw)? == record.stream(Granularity::Raw)?;
        let mut context = record.context.take().unwrap_or_default();
        if same_stream {
            context.supersedes = Some(*rc);
            record.context = Some(context);
            return self.add(record);
        }
        context.derived_from.push(*rc);
        let void = old.record.void(*rc, context.reason.clone(), record.source);
        record.context = Some(context);
        let mut added = self.add_many(vec![void, record])?;
        added.pop().ok_or(Error::NotFound)
    }

    /// Takes the record `rc` back, and says why.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no record `rc`; else as [`Vault::add`].
    pub fn void(&self, rc: &Hash, reason: Option<String>) -> Result<Added, Error> {
        let old = self.record(rc)?;
        let source = vitalwitness_domain::record::Source::typed();
        self.add(old.record.void(*rc, reason, source))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Refuses what could never be sealed.
fn check(record: &Record) -> Result<(), RecordError> {
    record.check()?;
    // a receipt's times are not below 0
    if record.start_ms < 0 {
        return Err(RecordError::Time);
    }
    Ok(())
}

/// The first calls, up to [`GROUP`] records; at least one.
fn take_group(queue: &mut Vec<Call>) -> Vec<Call> {
    let mut records = 0;
    let mut count = 0;
    for call in queue.iter() {
        records += call.records.len();
        if count > 0 && records > GROUP {
            break;
        }
        count += 1;
    }
    queue.drain(..count).collect()
}

/// A batch as it will be once the group is durable.
struct Staged {
    row: Option<BatchId>,
    stream: StreamId,
    header: Header,
    salt: SaltKey,
    part: PartWriter,
    full: bool,
}

impl Core {
    /// Commits the calls together; if that fails, each by itself, so that each gets its own error.
    fn answer(&mut self, calls: Vec<Call>) {
        let all: Vec<&Record> = calls.iter().flat_map(|call| &call.records).collect();
        let together = self.commit(&all);
        match together {
            Ok(added) => {
                let mut added = added.into_iter();
                for call in calls {
                    let own = added.by_ref().take(call.records.len()).collect();
                    *lock(&call.answer) = Some(Ok(own));
                }
            }
            Err(error) if calls.len() == 1 => {
                for call in &calls {
                    *lock(&call.answer) = None;
                }
                if let Some(call) = calls.into_iter().next() {
                    *lock(&call.answer) = Some(Err(error));
                }
            }
            Err(_) => {
                for call in calls {
                    let own: Vec<&Record> = call.records.iter().collect();
                    *lock(&call.answer) = Some(self.commit(&own));
                }
            }
        }
        if let Err(error) = self.seal_frozen() {
            // the records are durable; sealing is tried again at the next call or open
            log::warn!("a full batch was not sealed: {error}");
        }
    }

    /// Makes checked records durable, in one transaction.
    pub(crate) fn commit(&mut self, records: &[&Record]) -> Result<Vec<Added>, Error> {
        self.commit_with(records, |_, _| Ok(()))
    }

    /// As [`Core::commit`]; what `also` writes stands or falls with the records.
    pub(crate) fn commit_with(
        &mut self,
        records: &[&Record],
        also: impl FnOnce(&Tx<'_>, &[Added]) -> Result<(), StoreError>,
    ) -> Result<Vec<Added>, Error> {
        let mut group = Group::default();
        let mut added = Vec::with_capacity(records.len());
        for record in records {
            let at = group.batch_for(record, self)?;
            added.push(group.add(at, record, self.batch_limit)?);
        }
        let channels = self.new_channels(&group)?;
        let Group {
            staged, new_keys, ..
        } = group;
        let rows = self.store.write(|tx| {
            for channel in &channels {
                channel.found(tx)?;
            }
            for key in &new_keys {
                key.found(tx)?;
            }
            let mut rows = Vec::with_capacity(staged.len());
            for batch in staged {
                rows.push(batch.write(tx)?);
            }
            also(tx, &added)?;
            Ok::<_, Error>(rows)
        })?;
        for key in new_keys {
            self.streams.insert(key, false);
        }
        for (row, batch) in rows {
            self.cache.forget(row);
            self.index.insert(row, batch);
        }
        Ok(added)
    }

    fn new_channels(&self, group: &Group) -> Result<Vec<Channel>, Error> {
        let mut channels: Vec<Channel> = Vec::new();
        for key in &group.new_keys {
            let category = key.stream.category;
            let made = channels.iter().any(|made| made.category() == category);
            if !made && Channel::brief(category, &self.store.reader())?.is_none() {
                let (keystore, random) = (self.env.keystore.as_ref(), self.env.random.as_ref());
                channels.push(Channel::new(category, None, keystore, random)?);
            }
        }
        Ok(channels)
    }

    /// A key for `stream`: the one in use, or a new one of the next generation.
    pub(crate) fn key_for(&self, stream: &StreamId) -> Result<(Arc<StreamKey>, bool), Error> {
        if let Some(key) = self.streams.in_use(stream) {
            return Ok((key.clone(), false));
        }
        let generation = self.streams.next_generation(stream);
        let random = self.env.random.as_ref();
        let key = StreamKey::generate(stream.clone(), generation, random)?;
        Ok((Arc::new(key), true))
    }
}

#[derive(Default)]
struct Group {
    staged: Vec<Staged>,
    by_stream: HashMap<StreamId, usize>,
    new_keys: Vec<Arc<StreamKey>>,
    last: Option<usize>,
}

impl Group {
    /// Which staged batch takes `record`.
    fn batch_for(&mut self, record: &Record, core: &Core) -> Result<usize, Error> {
        if let Some(at) = self.last
            && let Some(batch) = self.staged.get(at)
            && !batch.full
            && batch.stream.category == record.category()
            && batch.stream.code == record.stream_code()
            && batch.stream.episode.as_ref() == record.episode()
            && batch.stream.month == record.month()?
        {
            return Ok(at);
        }
        let stream = record.stream(Granularity::Raw)?;
        let at = match self.by_stream.get(&stream) {
            Some(at) if self.staged.get(*at).is_some_and(|batch| !batch.full) => *at,
            _ => self.stage(stream, core)?,
        };
        self.last = Some(at);
        Ok(at)
    }

    fn stage(&mut self, stream: StreamId, core: &Core) -> Result<usize, Error> {
        let seen = self.by_stream.contains_key(&stream);
        let open = core.index.open_batch(&stream).filter(|_| !seen);
        let (row, header) = match open.and_then(|row| Some((row, core.index.get(row)?))) {
            Some((row, batch)) => (Some(row), batch.header.clone()),
            None => (None, self.new_header(&stream, core)?),
        };
        let opening = header.opening.as_ref().ok_or(Error::NotFound)?;
        let salt = SaltKey::derive(opening.secret.expose());
        self.staged.push(Staged {
            row,
            stream: stream.clone(),
            header,
            salt,
            part: PartWriter::default(),
            full: false,
        });
        let at = self.staged.len() - 1;
        self.by_stream.insert(stream, at);
        Ok(at)
    }

    fn new_header(&mut self, stream: &StreamId, core: &Core) -> Result<Header, Error> {
        let random = core.env.random.as_ref();
        let staged = self.new_keys.iter().find(|key| key.stream == *stream);
        let key = if let Some(key) = staged {
            key.clone()
        } else {
            let (key, new) = core.key_for(stream)?;
            if new {
                self.new_keys.push(key.clone());
            }
            key
        };
        Header::opened(key.id, core.env.clock.now_ms(), random)
    }

    fn add(&mut self, at: usize, record: &Record, limit: u32) -> Result<Added, Error> {
        let batch = self.staged.get_mut(at).ok_or(Error::NotFound)?;
        let header = &mut batch.header;
        let opening = header.opening.as_mut().ok_or(Error::NotFound)?;
        let (rid, rc) = batch.part.add(record, opening.arrivals, &batch.salt)?;
        opening.arrivals += 1;
        header.take(record, &rc);
        let bytes = opening_bytes(header) + batch.part.len() as u64;
        batch.full = header.count >= limit || bytes >= MOST_BYTES;
        Ok(Added {
            rc,
            rid,
            warnings: record.warnings(),
        })
    }
}

fn opening_bytes(header: &Header) -> u64 {
    header.opening.as_ref().map_or(0, |opening| opening.bytes)
}

impl Header {
    /// That of a new batch, with an id, a secret and a nonce of its own.
    pub(crate) fn opened(stream_key: Id, now_ms: i64, random: &dyn Random) -> Result<Self, Error> {
        Ok(Self {
            id: random_bytes(random)?,
            stream_key,
            count: 0,
            first_ms: i64::MAX,
            last_ms: i64::MIN,
            manual: false,
            sealer: Sealer::Own,
            sealed: None,
            opening: Some(Opening {
                secret: Arc::new(Secret32::new(random_bytes(random)?)),
                nonce: random_bytes(random)?,
                arrivals: 0,
                parts: 0,
                bytes: 0,
                opened_ms: now_ms,
            }),
            corrections: Vec::new(),
            days: DaySums::default(),
        })
    }

    /// Counts a record in.
    pub(crate) fn take(&mut self, record: &Record, rc: &Hash) {
        self.count += 1;
        self.first_ms = self.first_ms.min(record.start_ms);
        self.last_ms = self.last_ms.max(record.start_ms);
        self.manual |= record.source.grade == Grade::Typed;
        self.days.add(record);
        if let Some(context) = &record.context {
            let corrected = [(context.supersedes, false), (context.voids, true)];
            for (target, void) in corrected {
                if let Some(target) = target {
                    let by = *rc;
                    self.corrections.push(Correction { target, by, void });
                }
            }
        }
    }
}

impl Staged {
    fn write(self, tx: &crate::store::Tx<'_>) -> Result<(BatchId, Indexed), Error> {
        let mut header = self.header;
        let part = self.part.finish();
        let mut number = 0;
        if let Some(opening) = &mut header.opening {
            number = opening.parts;
            opening.parts += 1;
            opening.bytes += part.len() as u64;
        }
        let row = match self.row {
            Some(row) => {
                tx.set_header(row, &header.encode())?;
                row
            }
            None => tx.add_batch(&header.encode())?,
        };
        tx.add_part(row, number, &part)?;
        let state = if self.full {
            tx.set_state(row, BatchState::Frozen)?;
            BatchState::Frozen
        } else {
            BatchState::Open
        };
        let batch = Indexed {
            header,
            state,
            stream: self.stream,
        };
        Ok((row, batch))
    }
}

impl fmt::Debug for AddQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddQueue")
    }
}

/// How far around a dose another is looked for.
const NEAR_MS: i64 = 3_600_000;
/// Records of one transaction, when several calls share it.
const GROUP: usize = 500;
/// A sealed batch holds at most 16 MiB of plain bytes.
const MOST_BYTES: u64 = 8 << 20;

//! Reading records: pages newest first, days, counts, one by its hash.

use crate::Error;
use crate::filter;
use crate::index::Indexed;
use crate::opened::Stored;
use crate::store::{BatchId, BatchState};
use crate::summary::{DAY_MS, Day, DaySums};
use crate::vault::{Core, Vault};
use std::collections::BTreeMap;
use std::fmt;
use vitalwitness_domain::record::{Hash, Id, Record};

/// Which records are wanted.
#[derive(Clone, PartialEq, Eq)]
pub struct Query {
    /// Of this category only.
    pub category: Option<u8>,
    /// Of this stream code only: `loinc|8867-4`, `medicine`, a note's kind.
    pub code: Option<String>,
    /// Of this episode of treatment only.
    pub episode: Option<Id>,
    /// Effective start from, ms UTC.
    pub from_ms: i64,
    /// Effective start before, ms UTC.
    pub to_ms: i64,
    /// Also records that only take others back.
    pub voids: bool,
    /// At most so many.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Place>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            category: None,
            code: None,
            episode: None,
            from_ms: i64::MIN,
            to_ms: i64::MAX,
            voids: false,
            limit: 100,
            after: None,
        }
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Query(limit {})", self.limit)
    }
}

/// A place in the order of records: newest first, then by hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    start_ms: i64,
    rc: Hash,
}

impl Place {
    /// The place of the record `rc` that starts at `start_ms`.
    pub fn new(start_ms: i64, rc: Hash) -> Self {
        Self { start_ms, rc }
    }

    /// Effective start of the record there, ms UTC.
    pub fn start_ms(&self) -> i64 {
        self.start_ms
    }

    /// The hash of the record there.
    pub fn rc(&self) -> &Hash {
        &self.rc
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place(..)")
    }
}

/// A record, and how it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// The record.
    pub record: Record,
    /// Its record hash.
    pub rc: Hash,
    /// Its id.
    pub rid: Id,
    /// Its batch.
    pub batch: Id,
    /// How far its batch is.
    pub state: BatchState,
    /// The record that replaces it, or takes it back.
    pub corrected_by: Option<Hash>,
    /// Taken back.
    pub voided: bool,
}

/// Without its id: what names a record is destroyed when the record is erased.
impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({:?}, {:?})", self.record, self.state)
    }
}

/// Some of the records that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub records: Vec<Found>,
    /// Where the next page begins; none: this is the last one.
    pub next: Option<Place>,
}

/// How many records there are of a code.
#[derive(Clone, PartialEq, Eq)]
pub struct Count {
    /// 1 personal data, 2 medical history, 3 insurance information.
    pub category: u8,
    /// The stream code.
    pub code: String,
    /// How many, with those that were replaced or taken back.
    pub records: u64,
    /// The earliest start, ms UTC.
    pub first_ms: i64,
    /// The latest start, ms UTC.
    pub last_ms: i64,
}

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Count(..)")
    }
}

/// How far records are on their way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// Records in open batches.
    pub open: u64,
    /// Records in batches that are sealed or queued.
    pub queued: u64,
    /// Records the cloud has.
    pub stored: u64,
    /// Records whose entry is in the log.
    pub logged: u64,
    /// Records whose entry is under witnesses.
    pub witnessed: u64,
    /// Batches of all states.
    pub batches: u64,
    /// Bytes of sealed batches.
    pub sealed_bytes: u64,
    /// What waits in the outbox.
    pub waiting: u64,
    /// What was set aside after a permanent refusal.
    pub quarantined: u64,
}

impl Vault {
    /// A page of records, newest first.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn records(&self, query: &Query) -> Result<Page, Error> {
        self.with(|core| core.page(query))
    }

    /// The record with the hash `rc`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn record(&self, rc: &Hash) -> Result<Found, Error> {
        self.with(|core| {
            let row = core.row_of(rc)?;
            let records = core.records_of(row)?;
            let stored = records.iter().find(|stored| stored.rc == *rc);
            let stored = stored.ok_or(Error::NotFound)?;
            core.found(row, stored)
        })
    }

    /// Days of a code from `from_day` to before `to_day` (days since 1970-01-01 on the wearer's
    /// wall), in order. What was replaced or taken back does not count.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn day_summary(&self, code: &str, from_day: i32, to_day: i32) -> Result<Vec<Day>, Error> {
        self.with(|core| core.day_summary(code, from_day, to_day))
    }

    /// What there is, by category and code.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn counts(&self) -> Result<Vec<Count>, Error> {
        self.with(|core| Ok(core.counts()))
    }

    /// How far records are on their way.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn status(&self) -> Result<Status, Error> {
        self.with(|core| core.status())
    }
}

impl Core {
    fn page(&mut self, query: &Query) -> Result<Page, Error> {
        let mut candidates: Vec<(i64, BatchId)> = self
            .index
            .all()
            .filter(|(_, batch)| overlaps(batch, query))
            .map(|(row, batch)| (batch.header.last_ms, row))
            .collect();
        candidates.sort_unstable_by(|a, b| b.cmp(a));
        let mut best: Vec<(Place, BatchId, usize)> = Vec::new();
        for (last_ms, row) in candidates {
            // nothing in this batch or after it is newer than the last of a full page
            if best.len() > query.limit
                && best
                    .get(query.limit)
                    .is_some_and(|(place, ..)| place.start_ms > last_ms)
            {
                break;
            }
            let records = self.records_of(row)?;
            for (at, stored) in records.iter().enumerate() {
                let place = place_of(stored);
                if wanted(stored, query) && query.after.is_none_or(|after| place < after) {
                    best.push((place, row, at));
                }
            }
            best.sort_unstable_by_key(|(place, ..)| std::cmp::Reverse(*place));
            best.truncate(query.limit.saturating_add(1));
        }
        let more = best.len() > query.limit;
        best.truncate(query.limit);
        let next = best.last().map(|(place, ..)| *place).filter(|_| more);
        let mut records = Vec::with_capacity(best.len());
        for (_, row, at) in best {
            let stored = self.records_of(row)?;
            let stored = stored.get(at).ok_or(Error::NotFound)?;
            records.push(self.found(row, stored)?);
        }
        Ok(Page { records, next })
    }

    fn found(&self, row: BatchId, stored: &Stored) -> Result<Found, Error> {
        let batch = self.index.get(row).ok_or(Error::NotFound)?;
        let corrected = self.index.corrected(&stored.rc);
        Ok(Found {
            record: stored.record.clone(),
            rc: stored.rc,
            rid: stored.rid,
            batch: batch.header.id,
            state: batch.state,
            corrected_by: corrected.map(|(by, _)| by),
            voided: corrected.is_some_and(|(_, void)| void),
        })
    }

    /// Which batch holds the record `rc`.
    pub(crate) fn row_of(&mut self, rc: &Hash) -> Result<BatchId, Error> {
        let rows: Vec<(BatchId, bool)> = self
            .index
            .all()
            .map(|(row, batch)| (row, batch.header.sealed.is_some()))
            .collect();
        for (row, sealed) in rows.into_iter().rev() {
            if sealed {
                let filter = self.store.reader().filter(row)?;
                if !filter.is_some_and(|filter| filter::may_hold(&filter, rc)) {
                    continue;
                }
            }
            if self.records_of(row)?.iter().any(|stored| stored.rc == *rc) {
                return Ok(row);
            }
        }
        Err(Error::NotFound)
    }

    fn day_summary(&mut self, code: &str, from: i32, to: i32) -> Result<Vec<Day>, Error> {
        Ok(self.day_sums(code, from, to)?.days(from, to))
    }

    /// Sums of the days of a code; also of some before and after them.
    pub(crate) fn day_sums(&mut self, code: &str, from: i32, to: i32) -> Result<DaySums, Error> {
        // a wall clock is at most 18 hours off
        let from_ms = (i64::from(from) - 1).saturating_mul(DAY_MS);
        let to_ms = (i64::from(to) + 1).saturating_mul(DAY_MS);
        let of_code: Vec<(BatchId, &Indexed)> = self
            .index
            .all()
            .filter(|(_, batch)| batch.stream.code == code)
            .collect();
        let corrected = of_code
            .iter()
            .any(|(_, batch)| !batch.header.corrections.is_empty());
        let rows: Vec<BatchId> = of_code
            .iter()
            .filter(|(_, batch)| batch.header.last_ms >= from_ms && batch.header.first_ms < to_ms)
            .map(|(row, _)| *row)
            .collect();
        let mut sums = DaySums::default();
        for row in rows {
            if !corrected {
                if let Some(batch) = self.index.get(row) {
                    sums.merge(&batch.header.days);
                }
                continue;
            }
            for stored in self.records_of(row)?.iter() {
                if self.index.corrected(&stored.rc).is_none() {
                    sums.add(&stored.record);
                }
            }
        }
        Ok(sums)
    }

    fn counts(&self) -> Vec<Count> {
        let mut counts: BTreeMap<(u8, &str), Count> = BTreeMap::new();
        for (_, batch) in self.index.all().filter(|(_, batch)| batch.header.count > 0) {
            let stream = &batch.stream;
            let count = counts
                .entry((stream.category, stream.code.as_str()))
                .or_insert_with(|| Count {
                    category: stream.category,
                    code: stream.code.clone(),
                    records: 0,
                    first_ms: i64::MAX,
                    last_ms: i64::MIN,
                });
            count.records += u64::from(batch.header.count);
            count.first_ms = count.first_ms.min(batch.header.first_ms);
            count.last_ms = count.last_ms.max(batch.header.last_ms);
        }
        counts.into_values().collect()
    }

    fn status(&self) -> Result<Status, Error> {
        let mut status = Status::default();
        for (_, batch) in self.index.all() {
            let records = u64::from(batch.header.count);
            match batch.state {
                BatchState::Open | BatchState::Frozen => status.open += records,
                BatchState::Sealed | BatchState::Queued => status.queued += records,
                BatchState::Stored => status.stored += records,
                BatchState::Logged => status.logged += records,
                BatchState::Witnessed => status.witnessed += records,
            }
            status.batches += 1;
            status.sealed_bytes += batch.header.sealed.map_or(0, |sealed| sealed.bytes);
        }
        let reader = self.store.reader();
        status.waiting = reader.queued_count(false)?;
        status.quarantined = reader.queued_count(true)?;
        Ok(status)
    }
}

fn overlaps(batch: &Indexed, query: &Query) -> bool {
    let newest = query.after.map_or(i64::MAX, |after| after.start_ms);
    query
        .category
        .is_none_or(|category| batch.stream.category == category)
        && query
            .code
            .as_ref()
            .is_none_or(|code| batch.stream.code == *code)
        && query
            .episode
            .is_none_or(|id| batch.stream.episode == Some(id))
        && batch.header.last_ms >= query.from_ms
        && batch.header.first_ms < query.to_ms
        && batch.header.first_ms <= newest
}

fn wanted(stored: &Stored, query: &Query) -> bool {
    let start = stored.record.start_ms;
    start >= query.from_ms && start < query.to_ms && (query.voids || !stored.record.is_void())
}

fn place_of(stored: &Stored) -> Place {
    Place {
        start_ms: stored.record.start_ms,
        rc: stored.rc,
    }
}

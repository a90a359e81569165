//! Where readers put what they find.

use super::{Each, Event, ImportError, Progress, Skip};
use crate::record::{Record, RecordError};
use std::collections::BTreeMap;

/// Why a reader stops before the end.
pub(super) enum Stop {
    Cancelled,
    Failed(ImportError),
}

impl From<ImportError> for Stop {
    fn from(error: ImportError) -> Self {
        Self::Failed(error)
    }
}

/// Hands events on, with progress in between.
pub(super) struct Sink<'a> {
    each: Each<'a>,
    total: Option<u64>,
    told: u64,
}

impl<'a> Sink<'a> {
    pub(super) fn new(each: Each<'a>, total: Option<u64>) -> Self {
        Self {
            each,
            total,
            told: 0,
        }
    }

    /// A record no producer may write is left out and counted.
    pub(super) fn record(&mut self, record: Record) -> Result<(), Stop> {
        match record.check() {
            Ok(()) => self.event(Event::Record(record)),
            Err(RecordError::EndBeforeStart | RecordError::Offset | RecordError::Time) => {
                self.skip(Skip::Time)
            }
            Err(_) => self.skip(Skip::Value),
        }
    }

    pub(super) fn skip(&mut self, skip: Skip) -> Result<(), Stop> {
        self.event(Event::Skipped(skip))
    }

    /// Tells how far reading is, once a megabyte.
    pub(super) fn at(&mut self, bytes: u64) -> Result<(), Stop> {
        if bytes.saturating_sub(self.told) < STEP {
            return Ok(());
        }
        self.tell(bytes)
    }

    pub(super) fn tell(&mut self, bytes: u64) -> Result<(), Stop> {
        self.told = bytes;
        let total = self.total;
        self.event(Event::Progress(Progress { bytes, total }))
    }

    fn event(&mut self, event: Event) -> Result<(), Stop> {
        if (self.each)(event).is_break() {
            return Err(Stop::Cancelled);
        }
        Ok(())
    }
}

/// What came out of a file, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records handed out.
    pub records: u64,
    /// How often each reason applied; of unknown types the first 200 names are kept apart.
    pub skipped: BTreeMap<Skip, u64>,
}

impl Tally {
    /// Counts one event.
    pub fn count(&mut self, event: &Event) {
        match event {
            Event::Record(_) => self.records += 1,
            Event::Skipped(skip) => {
                if let Some(count) = self.skipped.get_mut(skip) {
                    *count += 1;
                    return;
                }
                let full = self.skipped.len() >= MAX_REASONS;
                let skip = match skip {
                    Skip::UnknownType(_) if full => Skip::UnknownType("...".to_owned()),
                    skip => skip.clone(),
                };
                *self.skipped.entry(skip).or_default() += 1;
            }
            Event::Progress(_) => {}
        }
    }

    /// All that was skipped.
    pub fn skipped_in_all(&self) -> u64 {
        self.skipped.values().sum()
    }
}

const STEP: u64 = 1 << 20;
const MAX_REASONS: usize = 200;

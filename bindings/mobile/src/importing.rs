//! Importing a file, with progress.

use crate::error::VaultError;
use crate::names::Timestamp;
use crate::observer::{CallbackError, Change};
use crate::vault::Vault;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vitalwitness_vault as core;

/// The clock on the wall where the person is, over time: crossed once, not once a record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct WallClock {
    /// Minutes east of UTC before the first change.
    pub offset_min: i16,
    /// Changes, by time, ascending.
    pub changes: Vec<OffsetChange>,
}

/// From when the clock on the wall is so far from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct OffsetChange {
    /// From then on.
    pub from: Timestamp,
    /// Minutes east of UTC.
    pub offset_min: i16,
}

impl WallClock {
    pub(crate) fn at(&self, ms: i64) -> i16 {
        let before = self.changes.partition_point(|change| change.from.0 <= ms);
        let last = before.checked_sub(1).and_then(|at| self.changes.get(at));
        last.map_or(self.offset_min, |change| change.offset_min)
    }
}

/// Is told how far an import is, about every megabyte, on a thread of this library.
#[uniffi::export(with_foreign)]
pub trait ImportProgress: Send + Sync {
    /// So many bytes are read, of so many, where the file says. An error is noted and changes
    /// nothing.
    fn read(&self, bytes: u64, total: Option<u64>) -> Result<(), CallbackError>;
}

/// Stops an import. For callers whose language does not cancel a call by itself.
#[derive(Debug, Default, uniffi::Object)]
pub struct ImportStop(Arc<AtomicBool>);

#[uniffi::export]
impl ImportStop {
    /// Not stopped yet.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Stops at the next record. What was added stays.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ImportReport {
    /// Records in it.
    pub read: u64,
    /// Those that were added.
    pub added: u64,
    /// Those that were there already.
    pub duplicates: u64,
    /// What became no record, by reason: `unknown_type`, `value`, `unit`, `time`, ...
    pub skipped: Vec<SkipCount>,
    /// How reading ended.
    pub end: ImportEnd,
}

/// How often a reason applied.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SkipCount {
    /// The reason.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// How reading a file ended. What was added before stays; a second import adds the rest.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum ImportEnd {
    /// At its end.
    Complete,
    /// It was stopped.
    Stopped,
    /// The rest of the file cannot be read.
    Failed {
        /// Why.
        code: String,
    },
}

#[uniffi::export]
impl Vault {
    /// Imports an Apple Health export (zip or xml), a FIT or TCX activity, or a CSV. Each record
    /// once, however often the file is imported.
    ///
    /// Ends soon after the call is cancelled, or `stop` says so; what was added stays.
    pub async fn import_file(
        &self,
        file: String,
        wall: WallClock,
        progress: Option<Arc<dyn ImportProgress>>,
        stop: Option<Arc<ImportStop>>,
    ) -> Result<ImportReport, VaultError> {
        let stop = stop.unwrap_or_default();
        let mut when_dropped = StopWhenDropped(Some(stop.clone()));
        let report = self
            .changing(Change::Records, move |vault| {
                let mut tell = |at: vitalwitness_domain::import::Progress| {
                    if let Some(progress) = &progress
                        && progress.read(at.bytes, at.total).is_err()
                    {
                        log::warn!("who is told of the import failed");
                    }
                };
                let zone = |ms| wall.at(ms);
                vault.import(&PathBuf::from(file), &zone, &mut tell, &stop.0)
            })
            .await;
        // it ended by itself: the flag is the caller's
        when_dropped.0 = None;
        report.map(ImportReport::from)
    }
}

/// A call that nobody waits for any more stops its import.
struct StopWhenDropped(Option<Arc<ImportStop>>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        if let Some(stop) = &self.0 {
            stop.stop();
        }
    }
}

impl From<core::ImportReport> for ImportReport {
    fn from(report: core::ImportReport) -> Self {
        let mut skipped: Vec<SkipCount> = Vec::new();
        for (why, count) in &report.tally.skipped {
            match skipped.iter_mut().find(|it| it.code == why.code()) {
                Some(there) => there.count += count,
                None => skipped.push(SkipCount {
                    code: why.code().to_owned(),
                    count: *count,
                }),
            }
        }
        Self {
            read: report.read,
            added: report.added,
            duplicates: report.duplicates,
            skipped,
            end: match report.end {
                core::ImportEnd::Complete => ImportEnd::Complete,
                core::ImportEnd::Cancelled => ImportEnd::Stopped,
                core::ImportEnd::Failed(error) => ImportEnd::Failed {
                    code: error.code().to_owned(),
                },
            },
        }
    }
}

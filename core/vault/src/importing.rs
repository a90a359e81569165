//! Importing files: streamed, in groups, each record once.
//!
//! A record that its stream holds already, by the natural key of `domain::import`, is not added
//! again, so a second import of a file adds nothing. What was added before an error or a cancel
//! stays.

use crate::Error;
use crate::vault::{Core, Vault};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use vitalwitness_domain::import::{
    self, End, Event, ImportError, Progress, Tally, Zone, fingerprint,
};
use vitalwitness_domain::record::Record;
use vitalwitness_domain::stream::{Granularity, StreamId};

/// What became of a file.
#[derive(Debug)]
pub struct ImportReport {
    /// Records in it.
    pub read: u64,
    /// Those that were added.
    pub added: u64,
    /// Those that were there already.
    pub duplicates: u64,
    /// What became no record, by reason.
    pub tally: Tally,
    /// How reading ended.
    pub end: ImportEnd,
}

/// How reading a file ended.
#[derive(Debug)]
pub enum ImportEnd {
    /// At its end.
    Complete,
    /// The caller cancelled.
    Cancelled,
    /// The rest of the file cannot be read.
    Failed(ImportError),
}

impl Vault {
    /// Imports an Apple Health export (zip or xml), a FIT or TCX activity, or a CSV.
    ///
    /// `zone` gives minutes east of UTC at a time (ms UTC), for files that state UTC only.
    /// `progress` is told about every megabyte. `cancel` is looked at between records. One import at
    /// a time: another waits, so that each record is added once.
    ///
    /// # Errors
    ///
    /// When the vault refuses; what was added before stays. A faulty file is no error: see
    /// [`ImportReport::end`].
    pub fn import(
        &self,
        path: &Path,
        zone: Zone<'_>,
        progress: &mut dyn FnMut(Progress),
        cancel: &AtomicBool,
    ) -> Result<ImportReport, Error> {
        let _turn = self
            .importing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let file = match File::open(path) {
            Ok(file) => BufReader::with_capacity(1 << 16, file),
            Err(error) => return Ok(ImportReport::failed(ImportError::Read(error))),
        };
        let mut group = Group::default();
        let mut tally = Tally::default();
        let mut refused = None;
        let end = import::read(file, zone, &mut |event| {
            if cancel.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            tally.count(&event);
            let took = match event {
                Event::Record(record) => group.take(record, self),
                Event::Progress(at) => {
                    progress(at);
                    Ok(())
                }
                Event::Skipped(_) => Ok(()),
            };
            match took {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    refused = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(error) = refused {
            return Err(error);
        }
        group.flush(self)?;
        Ok(ImportReport {
            read: tally.records,
            added: group.added,
            duplicates: group.duplicates,
            tally,
            end: match end {
                Ok(End::Complete) => ImportEnd::Complete,
                Ok(End::Cancelled) => ImportEnd::Cancelled,
                Err(error) => ImportEnd::Failed(error),
            },
        })
    }
}

impl ImportReport {
    fn failed(error: ImportError) -> Self {
        Self {
            read: 0,
            added: 0,
            duplicates: 0,
            tally: Tally::default(),
            end: ImportEnd::Failed(error),
        }
    }
}

/// Records that wait for their transaction, and what their streams hold.
#[derive(Default)]
struct Group {
    waiting: Vec<Record>,
    known: Known,
    added: u64,
    duplicates: u64,
}

impl Group {
    fn take(&mut self, record: Record, vault: &Vault) -> Result<(), Error> {
        let stream = record.stream(Granularity::Raw)?;
        let print = short(&record);
        if self.known.insert(stream, print, vault)? {
            self.waiting.push(record);
        } else {
            self.duplicates += 1;
        }
        if self.waiting.len() >= GROUP {
            self.flush(vault)?;
        }
        Ok(())
    }

    fn flush(&mut self, vault: &Vault) -> Result<(), Error> {
        if !self.waiting.is_empty() {
            let records = std::mem::take(&mut self.waiting);
            self.added += vault.add_many(records)?.len() as u64;
        }
        Ok(())
    }
}

/// What streams hold, by fingerprint; in memory only, the least used streams forgotten first.
#[derive(Default)]
struct Known {
    streams: HashMap<StreamId, Prints>,
    total: usize,
    uses: u64,
}

struct Prints {
    prints: HashSet<u128>,
    used: u64,
}

impl Known {
    /// False: it is there already.
    fn insert(&mut self, stream: StreamId, print: u128, vault: &Vault) -> Result<bool, Error> {
        self.uses += 1;
        if let Some(known) = self.streams.get_mut(&stream) {
            known.used = self.uses;
            let new = known.prints.insert(print);
            self.total += usize::from(new);
            return Ok(new);
        }
        let mut prints = vault.with(|core| core.prints(&stream))?;
        let new = prints.insert(print);
        while self.total + prints.len() > MOST_PRINTS && self.forget_one() {}
        self.total += prints.len();
        let used = self.uses;
        self.streams.insert(stream, Prints { prints, used });
        Ok(new)
    }

    fn forget_one(&mut self) -> bool {
        let least = self.streams.iter().min_by_key(|(_, known)| known.used);
        let Some(stream) = least.map(|(stream, _)| stream.clone()) else {
            return false;
        };
        if let Some(gone) = self.streams.remove(&stream) {
            self.total -= gone.prints.len();
        }
        true
    }
}

impl Core {
    /// Fingerprints of every record of a stream.
    fn prints(&self, stream: &StreamId) -> Result<HashSet<u128>, Error> {
        let of_stream = self
            .index
            .all()
            .filter(|(_, batch)| batch.stream == *stream);
        let rows: Vec<_> = of_stream.map(|(row, _)| row).collect();
        let mut prints = HashSet::new();
        for row in rows {
            for stored in self.read_records(row)? {
                prints.insert(short(&stored.record));
            }
        }
        Ok(prints)
    }
}

fn short(record: &Record) -> u128 {
    let print = fingerprint(record);
    print
        .first_chunk()
        .map_or(0, |head| u128::from_be_bytes(*head))
}

/// Records of one transaction.
const GROUP: usize = 5_000;
/// About 100 MB.
const MOST_PRINTS: usize = 3_000_000;

//! Whether the record holds a stored reading already: from another phone of the account, from
//! before it was restored, or from a device that is forgotten here.

use crate::Error;
use crate::ble::sensor::Sensor;
use crate::store::{BatchId, Kind, StoreError};
use crate::vault::Core;
use std::collections::HashMap;
use std::sync::Arc;
use vitalwitness_domain::import::natural_key;
use vitalwitness_domain::record::{Id, Record};

/// What batches hold, by what it says; for one intake.
#[derive(Default)]
pub(super) struct Known(HashMap<BatchId, Arc<Prints>>);

type Prints = HashMap<Vec<u8>, Vec<Print>>;

struct Print {
    device: Option<Id>,
    start_ms: i64,
    time: String,
    sequence: Option<String>,
}

impl Known {
    /// Whether a record of the same code and value, stamped by a device with the same time (and
    /// number, if both have one), applies within a day of this one: another phone may have stood
    /// in another zone, or read the device's clock more exactly. With the same number, a time
    /// within 90 s is enough: a meter whose clock was set may tell all it has stored by the new one.
    /// Records of another device of the inventory do not count: two devices side by side may say
    /// the same.
    pub(super) fn holds(&mut self, record: &Record, core: &Core) -> Result<bool, Error> {
        let Some(print) = Print::of(record) else {
            return Ok(false);
        };
        let key = says(record);
        let items = core.store.reader().all(Kind::Sensor)?;
        let beside: Vec<Id> = items
            .iter()
            .map(|item| Ok(Sensor::decode(&item.plain)?.id))
            .collect::<Result<_, StoreError>>()?;
        let of_another = |print: &Print| {
            print
                .device
                .is_some_and(|id| record.source.device != Some(id) && beside.contains(&id))
        };
        let near = |batch: &crate::index::Indexed| {
            batch.stream.category == record.category()
                && batch.stream.code == record.stream_code()
                && batch.header.first_ms <= record.start_ms.saturating_add(NEAR_MS)
                && batch.header.last_ms >= record.start_ms.saturating_sub(NEAR_MS)
        };
        let all = core.index.all().filter(|(_, batch)| near(batch));
        let rows: Vec<BatchId> = all.map(|(row, _)| row).collect();
        for row in rows {
            let prints = self.of(row, core)?;
            let same = prints.get(&key).into_iter().flatten();
            if same.into_iter().any(|it| !of_another(it) && it.is(&print)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn of(&mut self, row: BatchId, core: &Core) -> Result<Arc<Prints>, Error> {
        if let Some(prints) = self.0.get(&row) {
            return Ok(prints.clone());
        }
        let mut prints = Prints::new();
        for stored in core.read_records(row)? {
            if let Some(print) = Print::of(&stored.record) {
                prints.entry(says(&stored.record)).or_default().push(print);
            }
        }
        let prints = Arc::new(prints);
        self.0.insert(row, prints.clone());
        Ok(prints)
    }
}

impl Print {
    fn of(record: &Record) -> Option<Self> {
        let notes = &record.context.as_ref()?.notes;
        Some(Self {
            device: record.source.device,
            start_ms: record.start_ms,
            time: notes.get("device-time")?.clone(),
            sequence: notes.get("sequence").cloned(),
        })
    }

    fn is(&self, other: &Self) -> bool {
        let apart = self.start_ms.abs_diff(other.start_ms);
        let numbered =
            self.sequence.is_none() || other.sequence.is_none() || self.sequence == other.sequence;
        let stamped = self.time == other.time && apart <= NEAR_MS.unsigned_abs();
        // what an elapsed time says of its clock differs between live and stored
        let elapsed = [self, other]
            .iter()
            .all(|it| it.time.starts_with("elapsed "));
        let told_anew = self.sequence.is_some() && apart <= TOLERANCE_MS.unsigned_abs();
        numbered && (stamped || (elapsed && apart == 0) || (told_anew && other.sequence.is_some()))
    }
}

fn says(record: &Record) -> Vec<u8> {
    let mut bare = record.clone();
    bare.start_ms = 0;
    bare.end_ms = None;
    bare.source.device = None;
    natural_key(&bare)
}

const NEAR_MS: i64 = 86_400_000;
/// As far as a clock that is taken for right may be off.
const TOLERANCE_MS: i64 = 90_000;

//! What came from a device becomes durable: records, raw frames, cursor and counts, in one
//! transaction.

mod known;
mod names;

use super::inventory::{load, save};
use super::sensor::{Counts, Sensor, Whose};
use super::session::{Intake, Item};
use super::timing::{self, Stamps, Timed};
use crate::Error;
use crate::store::Frame;
use crate::vault::{Core, Vault};
use known::Known;
use names::{Names, Stamp};
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use vitalwitness_domain::gatt::{Reading, uuid};
use vitalwitness_domain::import::Zone;
use vitalwitness_domain::record::{Grade, Id, Record, RecordError, Source};

/// What became of what came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Records that were made, in the order of their readings.
    pub records: Vec<Record>,
    /// Readings and values, counted.
    pub counts: Counts,
    /// Of the others' readings, those refused because nobody can say whose they are: they name a
    /// user and nobody said which one the owner is, or name none on a device of several.
    pub unclaimed: u32,
    /// Code of the last value that could not be read.
    pub refused: Option<&'static str>,
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Taken({:?})", self.counts)
    }
}

/// What one item comes to, before anything is written.
#[derive(Default)]
struct Sorted {
    records: Vec<Record>,
    frames: Vec<(Frame, Range<usize>)>,
    names: Vec<Vec<u8>>,
    seen: HashSet<Vec<u8>>,
    known: Known,
    taken: Taken,
}

impl Vault {
    /// Takes in what came from a device. Durable when this returns; all of it, or none.
    ///
    /// `zone` gives minutes east of UTC at a time, for devices, which know the wall only.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when the device was forgotten; else as [`Vault::add`]: then nothing was
    /// taken, and the device may be asked again.
    pub fn take_in(&self, id: &Id, intake: &Intake, zone: Zone<'_>) -> Result<Taken, Error> {
        let taken = self.with(|core| core.take_in(id, intake, zone))?;
        self.with(|core| {
            if let Err(error) = core.seal_frozen() {
                // the records are durable; sealing is tried again at the next call or open
                log::warn!("a full batch was not sealed: {error}");
            }
            Ok::<_, Error>(())
        })?;
        Ok(taken)
    }
}

impl Core {
    fn take_in(&mut self, id: &Id, intake: &Intake, zone: Zone<'_>) -> Result<Taken, Error> {
        let mut sensor = load(&self.store.reader(), id)?;
        let mut sorted = Sorted::default();
        for item in &intake.items {
            sorted.sort(item, intake, &sensor, self, zone)?;
        }
        let Sorted {
            records,
            mut frames,
            names,
            mut taken,
            ..
        } = sorted;
        sensor.counts.add(taken.counts);
        if let Some(missing) = intake.missing {
            taken.counts.missing = u64::from(missing);
            sensor.counts.missing = u64::from(missing);
        }
        if !records.is_empty() {
            sensor.last_ms = Some(self.env.clock.now_ms());
        }
        if let Some(code) = taken.refused {
            sensor.refused = Some(code.to_owned());
        }
        if let Some(cursor) = intake.cursor {
            sensor.set_cursor(cursor);
            if cursor.service == uuid::CGM_SERVICE {
                sensor.session_ms = intake.session_ms.or(sensor.session_ms);
            }
        }
        let borrowed: Vec<&Record> = records.iter().collect();
        self.commit_with(&borrowed, |tx, added| {
            for (frame, records) in &mut frames {
                let records = added.get(records.clone()).unwrap_or_default();
                let heads = records.iter().filter_map(|it| it.rc.first_chunk().copied());
                frame.records = heads.collect();
            }
            let frames: Vec<Frame> = frames.into_iter().map(|(frame, _)| frame).collect();
            tx.add_frames(id, &frames)?;
            for name in &names {
                tx.take(name)?;
            }
            // same transaction as the readings: a crash between the two would ask for them again,
            // or never
            save(&sensor, tx)
        })?;
        taken.records = records;
        Ok(taken)
    }
}

impl Sorted {
    fn sort(
        &mut self,
        item: &Item,
        intake: &Intake,
        sensor: &Sensor,
        core: &Core,
        zone: Zone<'_>,
    ) -> Result<(), Error> {
        let readings = match &item.says {
            Ok(readings) => readings,
            Err(refused) => {
                self.taken.counts.refused += 1;
                self.taken.refused = Some(refused.code());
                self.keep_frames(item, refused.code(), 0);
                return Ok(());
            }
        };
        let mut sum = Made::default();
        let mut theirs = false;
        for reading in readings {
            if !self.is_the_owners(reading, sensor) {
                theirs = true;
                continue;
            }
            let made = self.reading(reading, item, intake, sensor, core, zone)?;
            let counts = &mut self.taken.counts;
            counts.kept += u64::from(made.records > 0);
            counts.repeated += u64::from(made.records == 0 && made.repeated);
            counts.refused += u64::from(made.refused.is_some());
            self.taken.refused = made.refused.or(self.taken.refused);
            sum.records += made.records;
            sum.refused = made.refused.or(sum.refused);
            sum.left = made.left.or(sum.left);
        }
        // of other people nothing is kept, not even the bytes
        if sum.records > 0 {
            self.keep_frames(item, sum.refused.unwrap_or_default(), sum.records);
        } else if let Some(why) = sum.refused.or(sum.left)
            && !theirs
        {
            self.keep_frames(item, why, 0);
        }
        Ok(())
    }

    fn reading(
        &mut self,
        reading: &Reading,
        item: &Item,
        intake: &Intake,
        sensor: &Sensor,
        core: &Core,
        zone: Zone<'_>,
    ) -> Result<Made, Error> {
        let arrived_ms = item.frames.first().map_or(0, |(_, at_ms, _)| *at_ms);
        let stamps = Stamps {
            clock: intake.clock,
            before: sensor.before,
            session_ms: intake.session_ms,
        };
        let timed = timing::when(reading, arrived_ms, stamps, zone);
        let source = Source {
            grade: if sensor.bonded {
                Grade::Bonded
            } else {
                Grade::Unbonded
            },
            device: Some(sensor.id),
        };
        let kept = reading.records(timed.at, source);
        let stamp = Stamp::of(reading, &timed, arrived_ms, intake, sensor.id);
        let mut made = Made::default();
        for mut record in kept.records {
            if !timed.notes.is_empty() {
                let context = record.context.get_or_insert_default();
                context.notes.extend(timed.notes.clone());
            }
            // one record that cannot be does not cost the others
            if let Err(code) = check(&record) {
                made.refused = Some(code);
                continue;
            }
            if let Some(stamp) = &stamp {
                let names = stamp.names(&record);
                let there = self.was_taken(&names, core)?
                    || (is_stored(&timed, arrived_ms) && self.known.holds(&record, core)?);
                self.take(names);
                if there {
                    made.repeated = true;
                    continue;
                }
            }
            self.records.push(record);
            made.records += 1;
        }
        if made.records > 0 || made.repeated {
            return Ok(made);
        }
        // nothing became a record: its bytes are kept once
        if let Some(stamp) = &stamp {
            let names = stamp.of_bytes(item);
            if self.was_taken(&names, core)? {
                return Ok(Made {
                    repeated: true,
                    ..Made::default()
                });
            }
            self.take(names);
        }
        made.left = kept.left.first().map(|left| left.why);
        Ok(made)
    }

    fn was_taken(&self, names: &Names, core: &Core) -> Result<bool, Error> {
        for name in &names.known {
            if self.seen.contains(name) || core.store.reader().was_taken(name)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn take(&mut self, names: Names) {
        for name in names.own {
            if self.seen.insert(name.clone()) {
                self.names.push(name);
            }
        }
    }

    fn is_the_owners(&mut self, reading: &Reading, sensor: &Sensor) -> bool {
        let (owner, unclaimed) = match (reading.user, sensor.whose) {
            (_, Whose::Mine) => (true, false),
            (Some(user), Whose::User(owner)) => (user == owner, false),
            (Some(_), Whose::Unsaid) => (false, true),
            // of several people who measured and did not say so, it could be anyone
            (None, _) => (!sensor.about.several_users, sensor.about.several_users),
        };
        self.taken.unclaimed += u32::from(unclaimed);
        self.taken.counts.others += u64::from(!owner);
        owner
    }

    /// Keeps the bytes beside the last `made` records; each part of a split value names them all.
    fn keep_frames(&mut self, item: &Item, refused: &str, made: usize) {
        let end = self.records.len();
        for (from, at_ms, bytes) in &item.frames {
            let frame = Frame {
                service: from.service,
                number: from.number,
                at_ms: *at_ms,
                bytes: bytes.clone(),
                refused: refused.to_owned(),
                records: Vec::new(),
            };
            self.frames.push((frame, end - made..end));
        }
    }
}

/// What one reading, or all of one item, came to.
#[derive(Default)]
struct Made {
    records: usize,
    repeated: bool,
    refused: Option<&'static str>,
    left: Option<&'static str>,
}

fn check(record: &Record) -> Result<(), &'static str> {
    record.check().map_err(RecordError::code)?;
    if record.start_ms < 0 {
        return Err(RecordError::Time.code());
    }
    Ok(())
}

/// What was measured just now is nowhere else yet.
fn is_stored(timed: &Timed, arrived_ms: i64) -> bool {
    timed.is_from_arrival() || timed.at.start_ms < arrived_ms.saturating_sub(NOW_MS)
}

const NOW_MS: i64 = 60_000;

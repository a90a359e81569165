//! What came from a device becomes durable: records, raw frames, cursor and counts, in one
//! transaction.

use super::inventory::{load, save};
use super::sensor::{Counts, Sensor, Whose};
use super::session::{Intake, Item};
use super::timing::{self, Stamps};
use crate::Error;
use crate::store::Frame;
use crate::vault::{Core, Vault};
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use vitalwitness_domain::gatt::{DeviceTime, Reading};
use vitalwitness_domain::import::Zone;
use vitalwitness_domain::record::{Grade, Id, Record, Source};
use vitalwitness_proof::cbor::Encoder;

/// What became of what came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Records that were made, in the order of their readings.
    pub records: Vec<Record>,
    /// Readings and values, counted.
    pub counts: Counts,
    /// Of the others' readings, those refused because nobody said which user the owner is.
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
        taken.counts.missing = u64::from(intake.missing);
        sensor.counts.add(taken.counts);
        if !records.is_empty() {
            sensor.last_ms = Some(self.env.clock.now_ms());
        }
        if let Some(code) = taken.refused {
            sensor.refused = Some(code.to_owned());
        }
        if let Some((service, through)) = intake.cursor {
            sensor.set_cursor(service, Some(through));
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
        let mut made = 0;
        let mut left = None;
        let mut theirs = false;
        for reading in readings {
            if !self.is_the_owners(reading, sensor) {
                theirs = true;
                continue;
            }
            if let Some(name) = name_of(reading, item, intake, &sensor.id) {
                if self.seen.contains(&name) || core.store.reader().was_taken(&name)? {
                    self.taken.counts.repeated += 1;
                    continue;
                }
                self.seen.insert(name.clone());
                self.names.push(name);
            }
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
            left = kept.left.first().map(|left| left.why).or(left);
            let mut any = false;
            for mut record in kept.records {
                if !timed.notes.is_empty() {
                    let context = record.context.get_or_insert_default();
                    context.notes.extend(timed.notes.clone());
                }
                // one record that cannot be does not cost the others
                if record.check().is_ok() && record.start_ms >= 0 {
                    self.records.push(record);
                    made += 1;
                    any = true;
                }
            }
            self.taken.counts.kept += u64::from(any);
        }
        // of other people nothing is kept, not even the bytes
        if made > 0 {
            self.keep_frames(item, "", made);
        } else if let Some(why) = left
            && !theirs
        {
            self.keep_frames(item, why, 0);
        }
        Ok(())
    }

    fn is_the_owners(&mut self, reading: &Reading, sensor: &Sensor) -> bool {
        let owner = match (reading.user, sensor.whose) {
            (None, _) | (_, Whose::Mine) => true,
            (Some(user), Whose::User(owner)) => user == owner,
            (Some(_), Whose::Unsaid) => {
                self.taken.unclaimed += 1;
                false
            }
        };
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

/// What makes two stored readings of a device the same one: its number and the time it was taken
/// at, or, without a number, all of its bytes. None for what has no time of its own: it cannot be
/// sent twice.
fn name_of(reading: &Reading, item: &Item, intake: &Intake, sensor: &Id) -> Option<Vec<u8>> {
    let time = reading.time?;
    let mut out = Encoder::new();
    out.array(4).bytes(sensor);
    out.uint(u64::from(reading.characteristic))
        .text(&time.sent());
    match (reading.sequence, time) {
        (Some(sequence), _) => out.uint(u64::from(sequence)),
        (None, DeviceTime::Session { .. }) => out.int(intake.session_ms?),
        (None, _) => {
            let bytes: Vec<u8> = item.frames.iter().flat_map(|it| it.2.clone()).collect();
            out.bytes(&bytes)
        }
    };
    Some(out.finish())
}

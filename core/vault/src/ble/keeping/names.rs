//! By what a reading is known when it comes again.
//!
//! A reading comes twice in more than one form: live and then from a memory, with a number there
//! and none here, in one characteristic and in another. So its name is what it says, not its
//! bytes: device, code, value, the time on the device's clock, its number if it has one.

use crate::ble::session::{Intake, Item};
use crate::ble::timing::Timed;
use vitalwitness_domain::gatt::{DeviceTime, Reading};
use vitalwitness_domain::import::natural_key;
use vitalwitness_domain::record::{Id, Record};
use vitalwitness_proof::cbor::Encoder;

/// What the names of one reading have in common.
pub(super) struct Stamp {
    sensor: Id,
    /// What the device's clock showed, ms.
    face_ms: i64,
    sequence: Option<u32>,
    era: Era,
    start_ms: i64,
}

/// A clock that starts anew shows the same time again: of readings without a number, which time
/// that was.
#[derive(Clone, Copy)]
enum Era {
    /// Its time is trusted.
    One,
    /// Its time was corrected: to this day, or the one beside it.
    About(i64),
    /// Its time was not trusted: it came on this day.
    Day(i64),
}

/// Names to look for, and names to take.
pub(super) struct Names {
    /// It was taken if one of these was.
    pub(super) known: Vec<Vec<u8>>,
    /// To be remembered.
    pub(super) own: Vec<Vec<u8>>,
}

impl Stamp {
    /// None for what has no time of its own: it cannot be sent twice, or cannot be told apart.
    pub(super) fn of(
        reading: &Reading,
        timed: &Timed,
        arrived_ms: i64,
        intake: &Intake,
        sensor: Id,
    ) -> Option<Self> {
        let face_ms = match reading.time? {
            DeviceTime::Session { minutes } => {
                let start = intake.session_ms?;
                start.saturating_add(i64::from(minutes) * 60_000)
            }
            _ => reading.face_ms()?,
        };
        let sequence = reading.sequence.map(u32::from).or(reading.record_number);
        let era = match () {
            () if sequence.is_some() => Era::One,
            () if timed.is_from_arrival() => Era::Day(arrived_ms.div_euclid(DAY_MS)),
            () if timed.is_corrected() => Era::About(timed.at.start_ms.div_euclid(DAY_MS)),
            () => Era::One,
        };
        Some(Self {
            sensor,
            face_ms,
            sequence,
            era,
            start_ms: timed.at.start_ms,
        })
    }

    /// Of a record of the reading.
    pub(super) fn names(&self, record: &Record) -> Names {
        let mut bare = record.clone();
        // an interval begins before its reading
        bare.start_ms = record.start_ms.saturating_sub(self.start_ms);
        bare.end_ms = None;
        bare.source.device = None;
        self.all(&natural_key(&bare))
    }

    /// Of a reading that became no record.
    pub(super) fn of_bytes(&self, item: &Item) -> Names {
        let mut what = Encoder::new();
        what.array(item.frames.len() * 2);
        for (from, _, bytes) in &item.frames {
            what.uint(u64::from(from.number)).bytes(bytes);
        }
        self.all(&what.finish())
    }

    /// With a number it is itself again under that number, or where it came without one; without
    /// one, under any.
    fn all(&self, what: &[u8]) -> Names {
        let numbered = self.sequence.map(|it| self.name(what, i64::from(it), 0));
        let any = self.name(what, ANY_NUMBER, 0);
        let eras = match self.era {
            Era::One => vec![0],
            Era::Day(day) => vec![day],
            Era::About(day) => vec![day, day - 1, day + 1],
        };
        let plain: Vec<Vec<u8>> = eras
            .into_iter()
            .map(|era| self.name(what, NO_NUMBER, era))
            .collect();
        match numbered {
            Some(numbered) => Names {
                known: [vec![numbered.clone()], plain].concat(),
                own: vec![numbered, any],
            },
            None => Names {
                own: plain.iter().take(1).cloned().collect(),
                known: [plain, vec![any]].concat(),
            },
        }
    }

    fn name(&self, what: &[u8], number: i64, era: i64) -> Vec<u8> {
        let mut out = Encoder::new();
        out.array(5).bytes(&self.sensor).bytes(what);
        out.int(self.face_ms).int(number).int(era);
        out.finish()
    }
}

const NO_NUMBER: i64 = -1;
const ANY_NUMBER: i64 = -2;
const DAY_MS: i64 = 86_400_000;

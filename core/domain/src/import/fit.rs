//! FIT files of sports devices: activities with their heart rate, weights and blood pressures.
//!
//! Times are UTC from the FIT epoch, 1989-12-31. The offset from UTC is the device's own where
//! the file has it (`local_timestamp` of the activity), else the caller's.
//!
//! A file whose checksum differs is refused before its first record: a flipped bit could be in any
//! value. A file that ends too early, as when a battery dies, gives what it holds first.

mod decode;

use super::activity::{Session, heart_rate, measured};
use super::sink::{Sink, Stop};
use super::source::{sports_device, vendor};
use super::{Each, End, ImportError, Place, Zone, finish};
use crate::decimal::Decimal;
use crate::observation::{BLOOD_PRESSURE, DIASTOLIC, HEART_RATE, MEAN_PRESSURE, SYSTOLIC};
use crate::record::{Body, Record, Source, Value};
use decode::{Decoder, Message};
use std::io::Read;

/// Reads one file, or several put together.
///
/// # Errors
///
/// Says why and where reading stopped; what was handed out before stands.
pub fn read(input: impl Read, zone: Zone<'_>, each: Each<'_>) -> Result<End, ImportError> {
    let mut bytes = Vec::new();
    let limit = MAX_FILE as u64;
    input
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(ImportError::Read)?;
    if bytes.len() > MAX_FILE {
        return Err(ImportError::TooLarge(Place {
            offset: limit,
            line: None,
        }));
    }
    let mut sink = Sink::new(each, Some(bytes.len() as u64));
    finish(files(&bytes, zone, &mut sink))
}

fn files(bytes: &[u8], zone: Zone<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut from = 0;
    loop {
        let mut decoder = Decoder::open(bytes, from)?;
        let offset_min = stated_offset(Decoder::open(bytes, from)?);
        let mut file = File {
            source: vendor(""),
            offset_min,
            zone,
        };
        while let Some(message) = decoder.next()? {
            file.message(&message, sink)?;
            sink.at(decoder.position())?;
        }
        from = decoder.end();
        if from >= bytes.len() {
            return sink.tell(bytes.len() as u64);
        }
    }
}

/// The offset from UTC that the activity message states, wherever in the file it stands.
fn stated_offset(mut decoder: Decoder<'_>) -> Option<i16> {
    while let Ok(Some(message)) = decoder.next() {
        if message.global != ACTIVITY {
            continue;
        }
        let utc = message.number(TIMESTAMP)?;
        let local = message.number(5)?;
        // Watches round the two apart by a second: zones are whole quarters of an hour.
        let quarters = (local - utc + 450).div_euclid(900);
        return i16::try_from(quarters * 15)
            .ok()
            .filter(|minutes| minutes.abs() <= MAX_OFFSET);
    }
    None
}

struct File<'a> {
    source: Source,
    offset_min: Option<i16>,
    zone: Zone<'a>,
}

impl File<'_> {
    fn message(&mut self, message: &Message, sink: &mut Sink<'_>) -> Result<(), Stop> {
        match message.global {
            FILE_ID => self.source = device(message),
            RECORD => {
                if let (Some(ms), Some(bpm)) = (message.time(TIMESTAMP), message.number(3)) {
                    heart_rate(ms, self.offset(ms), bpm, self.source, sink)?;
                }
            }
            SESSION => {
                if let Some(session) = self.session(message) {
                    session.emit(sink)?;
                }
            }
            SCALE => {
                if let Some(ms) = message.time(TIMESTAMP) {
                    self.measured(ms, "loinc|29463-7", message.scaled(0, -2), "kg", sink)?;
                    self.measured(ms, "loinc|41982-0", message.scaled(1, -2), "%", sink)?;
                }
            }
            CUFF => {
                if let Some(ms) = message.time(TIMESTAMP) {
                    if let Some(panel) = self.panel(ms, message) {
                        sink.record(panel)?;
                    }
                    self.measured(ms, HEART_RATE, message.scaled(6, 0), "/min", sink)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn session(&self, message: &Message) -> Option<Session> {
        let start_ms = message.time(2)?;
        let elapsed = message.number(7).or(message.number(8)).unwrap_or(0);
        Some(Session {
            start_ms,
            end_ms: start_ms + elapsed,
            offset_min: self.offset(start_ms),
            sport: sport(message.number(5)),
            seconds: message.scaled(8, -3),
            energy_kcal: message.scaled(11, 0),
            distance_m: message.scaled(9, -2),
            source: self.source,
        })
    }

    fn panel(&self, ms: i64, message: &Message) -> Option<Record> {
        let component = |code: &str, number: Option<Decimal>| {
            number.map(|number| (code.to_owned(), number, "mm[Hg]".to_owned()))
        };
        let systolic = component(SYSTOLIC, message.scaled(0, 0))?;
        let diastolic = component(DIASTOLIC, message.scaled(1, 0))?;
        let mean = component(MEAN_PRESSURE, message.scaled(2, 0));
        let components = [systolic, diastolic].into_iter().chain(mean).collect();
        Some(Record {
            rid: None,
            start_ms: ms,
            end_ms: None,
            offset_min: self.offset(ms),
            body: Body::Observation {
                code: BLOOD_PRESSURE.to_owned(),
                value: Value::Components(components),
            },
            source: self.source,
            context: None,
        })
    }

    fn measured(
        &self,
        ms: i64,
        code: &str,
        number: Option<Decimal>,
        unit: &str,
        sink: &mut Sink<'_>,
    ) -> Result<(), Stop> {
        match number {
            Some(number) => {
                let offset = self.offset(ms);
                sink.record(measured(ms, offset, self.source, code, number, unit))
            }
            None => Ok(()),
        }
    }

    fn offset(&self, ms: i64) -> i16 {
        self.offset_min.unwrap_or_else(|| (self.zone)(ms))
    }
}

fn device(message: &Message) -> Source {
    let product = message.number(2);
    let serial = message.number(3);
    match (product, serial) {
        (Some(product), Some(serial)) => {
            sports_device(product.unsigned_abs(), serial.unsigned_abs())
        }
        _ => match message.number(1) {
            Some(maker) => vendor(&format!("maker {maker} product {}", product.unwrap_or(-1))),
            None => vendor(""),
        },
    }
}

fn sport(number: Option<i64>) -> String {
    let known = number
        .and_then(|number| usize::try_from(number).ok())
        .and_then(|number| SPORTS.get(number));
    match (known, number) {
        (Some(word), _) => (*word).to_owned(),
        (None, Some(number)) => format!("sport {number}"),
        (None, None) => "other".to_owned(),
    }
}

const FILE_ID: u16 = 0;
const SESSION: u16 = 18;
const RECORD: u16 = 20;
const SCALE: u16 = 30;
const ACTIVITY: u16 = 34;
const CUFF: u16 = 51;
const TIMESTAMP: u8 = 253;
const MAX_OFFSET: i16 = 18 * 60;
const MAX_FILE: usize = 64 << 20;
const SPORTS: [&str; 22] = [
    "other",
    "running",
    "cycling",
    "transition",
    "fitness equipment",
    "swimming",
    "basketball",
    "football",
    "tennis",
    "american football",
    "training",
    "walking",
    "cross-country skiing",
    "alpine skiing",
    "snowboarding",
    "rowing",
    "mountaineering",
    "hiking",
    "multisport",
    "paddling",
    "flying",
    "e-biking",
];

#[cfg(test)]
mod tests;

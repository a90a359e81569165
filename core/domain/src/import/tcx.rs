//! TCX (Training Center XML) activities.
//!
//! Times are UTC; the offset is the caller's. The device stands at the end of an activity, so an
//! activity comes out when it is closed, whole or not at all.

use super::activity::{Session, heart_rate};
use super::sink::{Sink, Stop};
use super::source::{sports_device, vendor};
use super::xml::{Node, Xml, attributes};
use super::{Each, End, ImportError, Place, Skip, Zone, finish, time};
use crate::decimal::{Decimal, Ratio};
use crate::record::Source;
use quick_xml::events::BytesStart;
use std::io::Read;

/// Reads every activity; `total` is the length of the file, for the progress.
///
/// # Errors
///
/// Says why and where reading stopped; activities closed before stand.
pub fn read(
    input: impl Read,
    total: Option<u64>,
    zone: Zone<'_>,
    each: Each<'_>,
) -> Result<End, ImportError> {
    let mut sink = Sink::new(each, total);
    finish(document(&mut Xml::new(input), zone, &mut sink))
}

fn document<R: Read>(xml: &mut Xml<R>, zone: Zone<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let mut path: Vec<Tag> = Vec::new();
    let mut text = String::new();
    let mut activity = Activity::default();
    loop {
        match xml.next()? {
            (Node::Start(start), place) => {
                let tag = Tag::of(start.local_name().as_ref());
                if path.is_empty() && tag != Tag::Root {
                    return Err(ImportError::UnknownFormat.into());
                }
                activity.open(tag, &start, place)?;
                path.push(tag);
                text.clear();
            }
            (Node::Empty(_), _) if path.is_empty() => return Err(ImportError::UnknownFormat.into()),
            (Node::Text(more), place) => {
                if text.len() + more.len() > MAX_TEXT {
                    return Err(ImportError::TooLarge(place).into());
                }
                text.push_str(&more);
            }
            (Node::End, place) => {
                let tag = path.pop().unwrap_or(Tag::Other);
                let parent = path.last().copied().unwrap_or(Tag::Other);
                activity.close(tag, parent, text.trim(), place)?;
                text.clear();
                if tag == Tag::Activity {
                    std::mem::take(&mut activity).emit(zone, sink)?;
                }
                sink.at(place.offset)?;
            }
            (Node::Eof, place) => return sink.tell(place.offset),
            (Node::Empty(_) | Node::DocType, _) => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Root,
    Activity,
    Lap,
    Trackpoint,
    Time,
    HeartRate,
    Value,
    Distance,
    Calories,
    TotalTime,
    Creator,
    Name,
    UnitId,
    ProductId,
    Other,
}

impl Tag {
    fn of(name: &str) -> Self {
        match name {
            "TrainingCenterDatabase" => Self::Root,
            "Activity" => Self::Activity,
            "Lap" => Self::Lap,
            "Trackpoint" => Self::Trackpoint,
            "Time" => Self::Time,
            "HeartRateBpm" => Self::HeartRate,
            "Value" => Self::Value,
            "DistanceMeters" => Self::Distance,
            "Calories" => Self::Calories,
            "TotalTimeSeconds" => Self::TotalTime,
            "Creator" => Self::Creator,
            "Name" => Self::Name,
            "UnitId" => Self::UnitId,
            "ProductID" => Self::ProductId,
            _ => Self::Other,
        }
    }
}

/// What is known of the activity that is open.
#[derive(Default)]
struct Activity {
    sport: String,
    laps: u64,
    start: Option<i64>,
    end: Option<i64>,
    seconds: Option<Decimal>,
    distance: Option<Decimal>,
    calories: Option<Decimal>,
    name: String,
    unit: Option<u64>,
    product: Option<u64>,
    point: Point,
    beats: Vec<(i64, u16)>,
    unreadable: Vec<Skip>,
}

#[derive(Default)]
struct Point {
    ms: Option<i64>,
    bpm: Option<u16>,
    bad_bpm: bool,
}

impl Activity {
    fn open(&mut self, tag: Tag, start: &BytesStart<'_>, place: Place) -> Result<(), Stop> {
        match tag {
            Tag::Activity => {
                *self = Self::default();
                attributes(start, place, |name, value| {
                    if name == "Sport" {
                        self.sport = sport(value);
                    }
                })?;
            }
            Tag::Lap => {
                self.laps += 1;
                let mut begin = None;
                attributes(start, place, |name, value| {
                    if name == "StartTime" {
                        begin = time::iso(value).map(|moment| moment.ms);
                    }
                })?;
                self.start = self.start.or(begin);
                self.end = self.end.max(begin);
            }
            Tag::Trackpoint => self.point = Point::default(),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, tag: Tag, parent: Tag, text: &str, place: Place) -> Result<(), Stop> {
        match (tag, parent) {
            (Tag::Time, Tag::Trackpoint) => {
                self.point.ms = time::iso(text).map(|moment| moment.ms);
            }
            (Tag::Value, Tag::HeartRate) => {
                self.point.bpm = text.parse().ok();
                self.point.bad_bpm = self.point.bpm.is_none();
            }
            (Tag::Trackpoint, _) => self.sample(place)?,
            (Tag::TotalTime, Tag::Lap) => add(&mut self.seconds, text, 3),
            (Tag::Distance, Tag::Lap) => add(&mut self.distance, text, 2),
            (Tag::Calories, Tag::Lap) => add(&mut self.calories, text, 0),
            (Tag::Name, Tag::Creator) => text.clone_into(&mut self.name),
            (Tag::UnitId, Tag::Creator) => self.unit = text.parse().ok(),
            (Tag::ProductId, Tag::Creator) => self.product = text.parse().ok(),
            _ => {}
        }
        Ok(())
    }

    fn sample(&mut self, place: Place) -> Result<(), Stop> {
        let point = std::mem::take(&mut self.point);
        let Some(ms) = point.ms else {
            self.unreadable.push(Skip::Time);
            return self.bounded(place);
        };
        self.end = self.end.max(Some(ms));
        if point.bad_bpm {
            self.unreadable.push(Skip::Value);
        }
        if let Some(bpm) = point.bpm {
            self.beats.push((ms, bpm));
        }
        self.bounded(place)
    }

    /// An activity of more than three weeks at one sample a second is none.
    fn bounded(&self, place: Place) -> Result<(), Stop> {
        if self.beats.len() + self.unreadable.len() > MAX_POINTS {
            return Err(ImportError::TooLarge(place).into());
        }
        Ok(())
    }

    fn emit(self, zone: Zone<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let source = self.source();
        for skip in self.unreadable {
            sink.skip(skip)?;
        }
        if self.laps == 0 && self.beats.is_empty() {
            return sink.skip(Skip::NotARecord("Activity"));
        }
        let start = self.start.or_else(|| self.beats.first().map(|beat| beat.0));
        match start {
            None => sink.skip(Skip::Time)?,
            Some(start_ms) => {
                let ran_ms = self.seconds.and_then(milliseconds).unwrap_or(0);
                let session = Session {
                    start_ms,
                    end_ms: self
                        .end
                        .unwrap_or(start_ms)
                        .max(start_ms.saturating_add(ran_ms)),
                    offset_min: zone(start_ms),
                    sport: self.sport,
                    seconds: self.seconds,
                    energy_kcal: self.calories,
                    distance_m: self.distance,
                    source,
                };
                session.emit(sink)?;
            }
        }
        for (ms, bpm) in self.beats {
            heart_rate(ms, zone(ms), i64::from(bpm), source, sink)?;
        }
        Ok(())
    }

    fn source(&self) -> Source {
        match (self.product, self.unit) {
            (Some(product), Some(unit)) if unit != 0 => sports_device(product, unit),
            _ => vendor(&self.name),
        }
    }
}

fn sport(word: &str) -> String {
    match word {
        "Biking" => "cycling".to_owned(),
        word => word.to_lowercase().chars().take(MAX_WORD).collect(),
    }
}

/// Adds a lap's number to the sum; files write noise behind the digits that devices measure.
fn add(sum: &mut Option<Decimal>, text: &str, places: u8) {
    let Ok(number) = Decimal::parse_nearest(text) else {
        return;
    };
    let before = sum.map_or(Ratio::new(0, 1), Decimal::ratio);
    let total = before
        .plus(number.ratio())
        .and_then(|all| all.round(places).ok());
    *sum = total.or(*sum);
}

fn milliseconds(seconds: Decimal) -> Option<i64> {
    let whole = seconds.ratio().times(Ratio::new(1_000, 1))?.round(0).ok()?;
    Some(whole.mantissa().max(0))
}

const MAX_TEXT: usize = 64 * 1024;
const MAX_POINTS: usize = 2_000_000;
const MAX_WORD: usize = 40;

#[cfg(test)]
mod tests;

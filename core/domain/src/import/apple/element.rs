//! One element of an export, and the record it becomes.

use super::blood_pressure::{Half, Halves};
use super::table::{self, Form};
use crate::context::Context;
use crate::decimal::Decimal;
use crate::import::sink::{Sink, Stop};
use crate::import::source::vendor;
use crate::import::time::{self, Moment};
use crate::import::{ImportError, Place, Skip, xml};
use crate::observation::{EXERCISE, SYMPTOM};
use crate::record::{Body, Grade, Record, Source, Value};
use crate::units;
use quick_xml::events::BytesStart;
use std::collections::BTreeMap;

/// Attributes of an element; reused from one to the next.
#[derive(Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) unit: String,
    pub(super) value: String,
    start: String,
    end: String,
    source_name: String,
    device: String,
    /// `key` of a metadata entry, `sum` of statistics, `duration` of a workout.
    key: String,
    sum: String,
    duration: String,
    duration_unit: String,
    totals: [String; 4],
    typed: bool,
    meal: Option<&'static str>,
}

impl Element {
    pub(super) fn read(&mut self, start: &BytesStart<'_>, place: Place) -> Result<(), ImportError> {
        self.clear();
        self.name.push_str(start.name().as_ref());
        xml::attributes(start, place, |name, value| {
            let field = match name {
                "type" | "workoutActivityType" => &mut self.kind,
                "unit" => &mut self.unit,
                "value" => &mut self.value,
                "startDate" => &mut self.start,
                "endDate" => &mut self.end,
                "sourceName" => &mut self.source_name,
                "device" => &mut self.device,
                "key" => &mut self.key,
                "sum" => &mut self.sum,
                "duration" => &mut self.duration,
                "durationUnit" => &mut self.duration_unit,
                "totalEnergyBurned" => &mut self.totals[0],
                "totalEnergyBurnedUnit" => &mut self.totals[1],
                "totalDistance" => &mut self.totals[2],
                "totalDistanceUnit" => &mut self.totals[3],
                _ => return,
            };
            field.clear();
            field.push_str(value);
        })
    }

    fn clear(&mut self) {
        for field in [
            &mut self.name,
            &mut self.kind,
            &mut self.unit,
            &mut self.value,
            &mut self.start,
            &mut self.end,
            &mut self.source_name,
            &mut self.device,
            &mut self.key,
            &mut self.sum,
            &mut self.duration,
            &mut self.duration_unit,
        ] {
            field.clear();
        }
        self.totals.iter_mut().for_each(String::clear);
        self.typed = false;
        self.meal = None;
    }

    /// Takes in what a metadata entry says about this element.
    pub(super) fn metadata(&mut self, entry: &Self) {
        match (entry.key.as_str(), entry.value.as_str()) {
            ("HKWasUserEntered", "1") => self.typed = true,
            ("HKBloodGlucoseMealTime", "1") => self.meal = Some("before"),
            ("HKBloodGlucoseMealTime", "2") => self.meal = Some("after"),
            _ => {}
        }
    }

    /// The record a `Record` element is.
    pub(super) fn sample(&self) -> Result<Record, Skip> {
        let Some(form) = table::form(&self.kind) else {
            return Err(Skip::UnknownType(short(&self.kind)));
        };
        let (start, end) = self.times()?;
        let observed = |code: &str, value| Body::Observation {
            code: code.to_owned(),
            value,
        };
        let body = match form {
            Form::Quantity(kind) => {
                let (number, unit, code) = table::measured(kind, &self.value, &self.unit)?;
                observed(code, Value::Quantity(number, unit.to_owned()))
            }
            Form::Sleep => {
                let code = table::sleep_code(&self.value).ok_or(Skip::Value)?;
                observed(code, minutes_between(start, end)?)
            }
            Form::Session(code) => observed(code, minutes_between(start, end)?),
            Form::Symptom(words) => {
                let degree = table::degree(&self.value).ok_or(Skip::Value)?;
                observed(SYMPTOM, Value::Text(format!("{words}: {degree}")))
            }
        };
        let mut record = self.record(start, end, body);
        if let Some(meal) = self.meal {
            let notes = BTreeMap::from([("meal".to_owned(), meal.to_owned())]);
            record.context = Some(Context {
                notes,
                ..Context::default()
            });
        }
        Ok(record)
    }

    pub(super) fn record(&self, start: Moment, end: Moment, body: Body) -> Record {
        Record {
            rid: None,
            start_ms: start.ms,
            end_ms: (end.ms != start.ms).then_some(end.ms),
            offset_min: start.offset_min,
            body,
            source: self.source(),
            context: None,
        }
    }

    pub(super) fn times(&self) -> Result<(Moment, Moment), Skip> {
        let start = time::apple(&self.start).ok_or(Skip::Time)?;
        let end = time::apple(&self.end).ok_or(Skip::Time)?;
        if end.ms < start.ms {
            return Err(Skip::Time);
        }
        Ok((start, end))
    }

    /// Typed by hand, or by the device's own description.
    ///
    /// That description holds a memory address and a software version, which differ from export
    /// to export: only what names the device counts.
    pub(super) fn source(&self) -> Source {
        let mut text = self.source_name.clone();
        for part in self.device.trim_end_matches('>').split(", ") {
            if let Some((name, words)) = part.split_once(':')
                && matches!(name, "name" | "manufacturer" | "model" | "hardware")
            {
                text.push('\n');
                text.push_str(words);
            }
        }
        let mut source = vendor(&text);
        if self.typed {
            source.grade = Grade::Typed;
        }
        source
    }
}

/// A `Correlation` element with what it holds.
pub(super) struct Correlation {
    pressure: bool,
    kind: String,
    typed: bool,
    halves: Vec<Result<Half, Skip>>,
    others: u64,
}

impl Correlation {
    pub(super) fn of(element: &Element) -> Self {
        Self {
            pressure: element.kind == "HKCorrelationTypeIdentifierBloodPressure",
            kind: element.kind.clone(),
            typed: false,
            halves: Vec::new(),
            others: 0,
        }
    }

    pub(super) fn child(&mut self, name: &str, child: &Element) {
        match name {
            "Record" if self.pressure => match Half::of(child) {
                Some(half) if self.halves.len() < 2 => self.halves.push(half),
                _ => self.others += 1,
            },
            "Record" => self.others += 1,
            "MetadataEntry" if child.key == "HKWasUserEntered" => self.typed = child.value == "1",
            _ => {}
        }
    }

    /// Inner records stand outside as well; only the two halves of a blood pressure meet here.
    pub(super) fn finish(self, halves: &mut Halves, sink: &mut Sink<'_>) -> Result<(), Stop> {
        for _ in 0..self.others {
            sink.skip(Skip::Repeated)?;
        }
        if !self.pressure {
            return sink.skip(Skip::UnknownType(short(&self.kind)));
        }
        let mut found = Vec::new();
        for half in self.halves {
            match half {
                Ok(mut half) => {
                    half.typed |= self.typed;
                    found.push(half);
                }
                Err(skip) => sink.skip(skip)?,
            }
        }
        halves.pair(found, sink)
    }
}

/// A `Workout` element with the notes its children add.
pub(super) struct Workout {
    record: Result<Record, Skip>,
    notes: BTreeMap<String, String>,
    typed: bool,
}

impl Workout {
    pub(super) fn of(element: &Element) -> Self {
        let mut notes = BTreeMap::new();
        let kind = element.kind.trim_start_matches("HKWorkoutActivityType");
        if !kind.is_empty() {
            notes.insert("type".to_owned(), short(&table::spaced(kind)));
        }
        // Exports before iOS 16 have the sums as attributes.
        let [energy, energy_unit, distance, distance_unit] = &element.totals;
        note(&mut notes, "energy", energy, energy_unit);
        note(&mut notes, "distance", distance, distance_unit);
        Self {
            record: exercise(element),
            notes,
            typed: false,
        }
    }

    pub(super) fn child(&mut self, name: &str, child: &Element) {
        match name {
            "WorkoutStatistics" => {
                let kind = child.kind.trim_start_matches(table::QUANTITY);
                if kind == "ActiveEnergyBurned" {
                    note(&mut self.notes, "energy", &child.sum, &child.unit);
                } else if kind.starts_with("Distance") {
                    note(&mut self.notes, "distance", &child.sum, &child.unit);
                }
            }
            "MetadataEntry" if child.key == "HKWasUserEntered" => self.typed = child.value == "1",
            _ => {}
        }
    }

    pub(super) fn finish(self) -> Result<Record, Skip> {
        let mut record = self.record?;
        if self.typed {
            record.source.grade = Grade::Typed;
        }
        record.context = Some(Context {
            notes: self.notes,
            ..Context::default()
        });
        Ok(record)
    }
}

fn exercise(element: &Element) -> Result<Record, Skip> {
    let (start, end) = element.times()?;
    let value = if element.duration.is_empty() {
        minutes_between(start, end)?
    } else {
        let unit = units::ucum(&element.duration_unit).ok_or(Skip::Unit)?;
        if !["min", "s", "h"].contains(&unit) {
            return Err(Skip::Unit);
        }
        let number = Decimal::parse_nearest(&element.duration).map_err(|_| Skip::Value)?;
        Value::Quantity(number, unit.to_owned())
    };
    let body = Body::Observation {
        code: EXERCISE.to_owned(),
        value,
    };
    Ok(element.record(start, end, body))
}

/// Notes a number with its UCUM unit; what is no number is left out.
fn note(notes: &mut BTreeMap<String, String>, name: &str, number: &str, unit: &str) {
    if let (Ok(number), Some(unit)) = (Decimal::parse_nearest(number), units::ucum(unit)) {
        notes.insert(name.to_owned(), format!("{number} {unit}"));
    }
}

fn minutes_between(start: Moment, end: Moment) -> Result<Value, Skip> {
    let number = time::minutes(Decimal::whole((end.ms - start.ms) / 1_000)).ok_or(Skip::Time)?;
    Ok(Value::Quantity(number, "min".to_owned()))
}

/// A name from the file, short enough to show.
pub(super) fn short(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

const MAX_NAME: usize = 80;

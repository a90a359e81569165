//! What can be observed: codes, units, plausible ranges, and the names phones and people use.
//!
//! One row per LOINC code of the catalogue; local codes (`vw|...`) only where LOINC has none, and
//! no code stands for what it does not mean. Ranges warn ([`crate::record::Warning`]) and never
//! refuse. Sources: LOINC 2.7x, UCUM, FHIR R4 vital signs, IEEE 11073-10101.
//!
//! Resting heart rate is 40443-4; 8867-4 goes beside it as a second coding on export, because FHIR
//! asks for it. Oxygen saturation is 2708-6 with 59408-5 beside it for the same reason.

mod catalogue;
mod device;
mod entry;

pub use catalogue::{
    BLOOD_PRESSURE, DIASTOLIC, EXERCISE, HEART_RATE, MEAN_PRESSURE, MOOD, SYMPTOM, SYSTOLIC,
};
pub use entry::{Entry, EntryError, entry};

use crate::decimal::Decimal;
use crate::units::{self, Quantity};

/// One thing that can be observed.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What a person types: `heart-rate`.
    pub name: &'static str,
    /// Other names a person may type.
    pub aliases: &'static [&'static str],
    /// `loinc|8867-4`, or `vw|...` where LOINC has none.
    pub code: &'static str,
    /// The code system's own name for it.
    pub display: &'static str,
    /// What people read.
    pub words: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// UCUM unit it is usually kept in; empty for words.
    pub unit: &'static str,
    /// Other UCUM units it may be kept in.
    pub accepts: &'static [&'static str],
    /// What is plausible; outside of it a record draws a warning.
    pub range: Option<Range>,
    /// FHIR category: `vital-signs`, `activity`, `laboratory`, `exam`, `survey`.
    pub category: &'static str,
    /// Further codings of the same thing, beside the code on export and read on import.
    pub also: &'static [&'static str],
    /// IEEE 11073 MDC code.
    pub mdc: Option<u32>,
    /// `HealthKit` type identifiers.
    pub healthkit: &'static [&'static str],
    /// Health Connect record.
    pub health_connect: Option<&'static str>,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A number and a unit.
    Number,
    /// A number, or a waveform of them.
    Series,
    /// Components with these codes.
    Panel(&'static [&'static str]),
    /// Words.
    Words,
    /// Words, or a number on the person's own scale.
    Rating,
}

/// What is plausible for a living person, ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Least.
    pub low: i32,
    /// Most.
    pub high: i32,
    /// UCUM unit of both.
    pub unit: &'static str,
    /// Whether it is for a whole day.
    pub per_day: bool,
}

/// Every kind of observation.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    catalogue::KINDS.iter().chain(&device::KINDS)
}

/// The kind of a code: its own, or a further coding of it.
pub fn by_code(code: &str) -> Option<&'static Kind> {
    all()
        .find(|kind| kind.code == code)
        .or_else(|| all().find(|kind| kind.also.contains(&code)))
}

/// The kinds a person may mean: `glucose` is by mass and by amount.
pub fn named(name: &str) -> impl Iterator<Item = &'static Kind> {
    let name = normal(name);
    all().filter(move |kind| kind.name == name || kind.aliases.contains(&name.as_str()))
}

/// The kind of a `HealthKit` type identifier; sleep analysis has several, by its value.
pub fn by_healthkit(identifier: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.healthkit.contains(&identifier))
}

/// The kind of a Health Connect record.
pub fn by_health_connect(record: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.health_connect == Some(record))
}

impl Kind {
    /// Whether a value may be kept in this UCUM unit.
    pub fn takes(&self, unit: &str) -> bool {
        self.unit == unit || self.accepts.contains(&unit)
    }

    /// How its units convert.
    pub fn quantity(&self) -> Quantity {
        match self.range {
            Some(Range { unit: "mg/dL", .. }) => Quantity::Glucose,
            _ => Quantity::Plain,
        }
    }

    /// Whether `value` in `unit` is outside the plausible range; false where that cannot be said.
    pub fn is_implausible(&self, value: Decimal, unit: &str) -> bool {
        self.range.is_some_and(|range| {
            units::outside(value, unit, &range, self.quantity()).unwrap_or(false)
        })
    }
}

/// Lower case, words joined by `-`.
fn normal(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '_'], "-")
}

#[cfg(test)]
mod tests;

//! What is unlikely, said and never refused.

use super::slot::nfc;
use super::{Body, MedStatus, Record, Value};
use crate::decimal::Decimal;
use crate::observation::{self, BLOOD_PRESSURE, DIASTOLIC, Kind, SYSTOLIC};
use crate::units::{self, Quantity};
use std::cmp::Ordering;
use std::fmt;

/// Something unlikely about a record. It is kept as entered. Debug shows its code only.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Warning {
    /// Outside what is plausible for this kind of observation.
    OutOfRange(&'static Kind),
    /// In a unit in which this kind is not measured.
    UnexpectedUnit(&'static Kind),
    /// The upper blood pressure is not above the lower one.
    PressureOrder,
    /// A code this version does not know: kept, without a check of its value.
    UnknownCode,
    /// The same medicine was taken less than five minutes before or after.
    DuplicateDose,
}

impl Warning {
    /// Stable in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OutOfRange(_) => "out_of_range",
            Self::UnexpectedUnit(_) => "unexpected_unit",
            Self::PressureOrder => "pressure_order",
            Self::UnknownCode => "unknown_code",
            Self::DuplicateDose => "duplicate_dose",
        }
    }
}

impl Record {
    /// What is unlikely about it; none of it is a reason to refuse.
    pub fn warnings(&self) -> Vec<Warning> {
        let Body::Observation { code, value } = &self.body else {
            return Vec::new();
        };
        if self.is_void() {
            return Vec::new();
        }
        let Some(kind) = observation::by_code(code) else {
            return vec![Warning::UnknownCode];
        };
        let mut warnings = Vec::new();
        match value {
            Value::Quantity(number, unit) => warnings.extend(check(kind, *number, unit)),
            Value::Components(parts) => {
                for (code, number, unit) in parts {
                    match observation::by_code(code) {
                        Some(kind) => warnings.extend(check(kind, *number, unit)),
                        None => warnings.push(Warning::UnknownCode),
                    }
                }
                if kind.code == BLOOD_PRESSURE && order_is_wrong(parts) {
                    warnings.push(Warning::PressureOrder);
                }
            }
            Value::Waveform { unit, .. } if !kind.takes(unit) => {
                warnings.push(Warning::UnexpectedUnit(kind));
            }
            Value::Text(_) | Value::Waveform { .. } => {}
        }
        warnings
    }
}

/// Whether `a` and `b` are one medicine taken twice within five minutes.
pub fn duplicate_dose(a: &Record, b: &Record) -> Option<Warning> {
    let (Some(first), Some(second)) = (taken(a), taken(b)) else {
        return None;
    };
    let close = a.start_ms.abs_diff(b.start_ms) < DUPLICATE_MS;
    let same = nfc(first).to_lowercase() == nfc(second).to_lowercase();
    (close && same).then_some(Warning::DuplicateDose)
}

fn check(kind: &'static Kind, number: Decimal, unit: &str) -> Option<Warning> {
    if !kind.takes(unit) {
        Some(Warning::UnexpectedUnit(kind))
    } else if kind.is_implausible(number, unit) {
        Some(Warning::OutOfRange(kind))
    } else {
        None
    }
}

fn order_is_wrong(parts: &[(String, Decimal, String)]) -> bool {
    let part = |wanted: &str| parts.iter().find(|(code, _, _)| code == wanted);
    let (Some((_, upper, upper_unit)), Some((_, lower, lower_unit))) =
        (part(SYSTOLIC), part(DIASTOLIC))
    else {
        return false;
    };
    units::compare((*upper, upper_unit), (*lower, lower_unit), Quantity::Plain)
        .is_some_and(|order| order != Ordering::Greater)
}

fn taken(record: &Record) -> Option<&str> {
    match &record.body {
        Body::Medicine { name, status, .. } if *status == MedStatus::Taken && !record.is_void() => {
            Some(name.trim())
        }
        _ => None,
    }
}

impl PartialEq for Warning {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OutOfRange(a), Self::OutOfRange(b))
            | (Self::UnexpectedUnit(a), Self::UnexpectedUnit(b)) => a.code == b.code,
            _ => self.code() == other.code(),
        }
    }
}

impl Eq for Warning {}

/// What people read.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange(kind) => {
                write!(f, "{} is unusual", kind.words)?;
                if let Some(range) = kind.range {
                    let unit = units::shown(range.unit);
                    write!(f, ": most are between {} and {}", range.low, range.high)?;
                    let space = if unit.is_empty() { "" } else { " " };
                    write!(f, "{space}{unit}")?;
                    if range.per_day {
                        f.write_str(" a day")?;
                    }
                }
                f.write_str(". Kept as entered.")
            }
            Self::UnexpectedUnit(kind) => {
                write!(
                    f,
                    "{} is not measured in this unit. Kept as entered.",
                    kind.words
                )
            }
            Self::PressureOrder => {
                f.write_str("The upper blood pressure is not above the lower one. Kept as entered.")
            }
            Self::UnknownCode => {
                f.write_str("This version does not know this code. Kept as entered.")
            }
            Self::DuplicateDose => f.write_str(
                "The same medicine was taken less than five minutes apart. Both are kept.",
            ),
        }
    }
}

impl fmt::Debug for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

const DUPLICATE_MS: u64 = 5 * 60 * 1_000;

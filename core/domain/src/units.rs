//! UCUM units and exact conversions between them.
//!
//! A measurement keeps its own unit and digits; converting is for showing. All factors are exact
//! fractions, rounding happens once, half to even.
//!
//! Sources: international pound 0.45359237 kg and yard 0.9144 m (1959 agreement, exact);
//! conventional millimetre of mercury 133.322387415 Pa (ISO 80000-4; UCUM rounds it to 133.322);
//! thermochemical calorie 4.184 J (UCUM `cal`); glucose 180.156 g/mol (C6H12O6 from the IUPAC
//! abridged standard atomic weights 12.011, 1.008, 15.999), so 1 mmol/L = 18.0156 mg/dL. `HealthKit`
//! uses 180.15588: the sixth digit differs, and no meter shows six.

use crate::decimal::{Decimal, DecimalError, Ratio};
use crate::observation::Range;
use core::cmp::Ordering;

/// What the number is of, where that decides the factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// The units decide alone.
    Plain,
    /// Glucose: mass and amount of substance convert by its molar mass.
    Glucose,
}

/// Why a conversion is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// Not a unit of this table.
    #[error("unknown unit")]
    Unknown,
    /// The units measure different things.
    #[error("units do not convert into each other")]
    Incompatible,
    /// The result has more digits than a decimal holds.
    #[error("too many digits")]
    Overflow,
}

/// Gives `value` in unit `to`, with `places` digits after the point (at most 18), half to even.
///
/// `from` and `to` are UCUM codes.
///
/// # Errors
///
/// Says why there is no such number.
pub fn convert(
    value: Decimal,
    from: &str,
    to: &str,
    quantity: Quantity,
    places: u8,
) -> Result<Decimal, UnitError> {
    Ok(exact(value, from, to, quantity)?.round(places)?)
}

/// Gives `value` in unit `to` with the fewest digits that lead back to it.
///
/// Converting the result back with `value`'s own number of places gives `value`.
///
/// # Errors
///
/// As [`convert`].
pub fn convert_keeping(
    value: Decimal,
    from: &str,
    to: &str,
    quantity: Quantity,
) -> Result<Decimal, UnitError> {
    let there = exact(value, from, to, quantity)?;
    for places in 0..=Decimal::MAX_EXPONENT.unsigned_abs() {
        let shown = there.round(places)?;
        let back = convert(shown, to, from, quantity, value.places());
        if back.is_ok_and(|back| back.compare(value) == Ordering::Equal) {
            return Ok(shown);
        }
    }
    Err(UnitError::Overflow)
}

/// The UCUM code of a unit as people, files and phones write it: `mmHg`, `count/min`, `°F`.
///
/// None for what this table does not hold.
pub fn ucum(written: &str) -> Option<&'static str> {
    let written = written.trim();
    if let Some(unit) = unit(written) {
        return Some(unit.code);
    }
    // Apple's large calorie; `cal` is the small one, a thousandth.
    if written == "Cal" {
        return Some("kcal");
    }
    // Apple writes the molar mass into the unit: `mmol<180.1558800000541>/L`.
    if written.starts_with("mmol<180.15") && written.ends_with(">/L") {
        return Some("mmol/L");
    }
    let lower = written.to_lowercase();
    let known = WRITTEN
        .iter()
        .find(|(_, names)| names.contains(&lower.as_str()));
    known.map(|(code, _)| *code)
}

/// How people read the unit of a UCUM code: `mmHg`, `°C`. What is not in the table reads as it is.
pub fn shown(code: &str) -> &str {
    unit(code).map_or(code, |unit| unit.shown)
}

/// Whether numbers in `from` can be given in `to`.
pub fn converts(from: &str, to: &str, quantity: Quantity) -> bool {
    exact(Decimal::whole(0), from, to, quantity).is_ok()
}

/// Compares two amounts exactly; none if their units do not meet.
pub fn compare(a: (Decimal, &str), b: (Decimal, &str), quantity: Quantity) -> Option<Ordering> {
    let a = exact(a.0, a.1, b.1, quantity).ok()?;
    let b = exact(b.0, b.1, b.1, quantity).ok()?;
    a.minus(b)?.cmp_whole(0)
}

/// Whether a UCUM code is a unit of time.
pub(crate) fn is_time(code: &str) -> bool {
    unit(code).is_some_and(|unit| unit.kind == Kind::Time)
}

/// Adds amounts in the unit of the last one, with as many digits as the most exact one has.
pub(crate) fn sum(parts: &[(Decimal, &'static str)]) -> Result<(Decimal, &'static str), UnitError> {
    let (_, to) = *parts.last().ok_or(UnitError::Unknown)?;
    let mut total = Ratio::new(0, 1);
    let mut places = 0;
    for (value, from) in parts {
        let part = exact(*value, from, to, Quantity::Plain)?;
        total = total.plus(part).ok_or(UnitError::Overflow)?;
        places = places.max(value.places());
    }
    Ok((total.round(places)?, to))
}

/// Whether `value` in `unit` is outside `range`, compared exactly; none if the units do not meet.
pub(crate) fn outside(
    value: Decimal,
    unit: &str,
    range: &Range,
    quantity: Quantity,
) -> Option<bool> {
    let value = exact(value, unit, range.unit, quantity).ok()?;
    let below = value.cmp_whole(range.low)? == Ordering::Less;
    let above = value.cmp_whole(range.high)? == Ordering::Greater;
    Some(below || above)
}

fn exact(value: Decimal, from: &str, to: &str, quantity: Quantity) -> Result<Ratio, UnitError> {
    let from = unit(from).ok_or(UnitError::Unknown)?;
    let to = unit(to).ok_or(UnitError::Unknown)?;
    let factor = if from.kind == to.kind {
        Some(Ratio::new(1, 1))
    } else {
        bridge(from.kind, to.kind, quantity)
    };
    let factor = factor.ok_or(UnitError::Incompatible)?;
    value
        .ratio()
        .times(from.ratio())
        .and_then(|base| base.plus(from.zero()))
        .and_then(|base| base.times(factor))
        .and_then(|base| base.minus(to.zero()))
        .and_then(|base| base.over(to.ratio()))
        .ok_or(UnitError::Overflow)
}

/// From the base unit of one kind to that of another.
fn bridge(from: Kind, to: Kind, quantity: Quantity) -> Option<Ratio> {
    match (quantity, from, to) {
        (Quantity::Glucose, Kind::MassDensity, Kind::Molarity) => {
            Some(Ratio::new(1_000, GLUCOSE_MG_PER_MOL))
        }
        (Quantity::Glucose, Kind::Molarity, Kind::MassDensity) => {
            Some(Ratio::new(GLUCOSE_MG_PER_MOL, 1_000))
        }
        _ => None,
    }
}

fn unit(code: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.code == code)
}

impl From<DecimalError> for UnitError {
    fn from(_: DecimalError) -> Self {
        Self::Overflow
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Base: 1.
    Number,
    /// Base: 1/min.
    Rate,
    /// Base: s.
    Time,
    /// Base: m.
    Length,
    /// Base: m/s.
    Speed,
    /// Base: kg.
    Mass,
    /// Base: kg/m2.
    BodyMassIndex,
    /// Base: kJ.
    Energy,
    /// Base: W.
    Power,
    /// Base: Pa.
    Pressure,
    /// Base: Cel.
    Temperature,
    /// Base: mg/L.
    MassDensity,
    /// Base: mmol/L.
    Molarity,
    /// Base: L.
    Volume,
    /// Base: Ohm.
    Resistance,
}

/// In the base unit of its kind: number * num / den + zero.
struct Unit {
    code: &'static str,
    shown: &'static str,
    kind: Kind,
    num: i64,
    den: i64,
}

impl Unit {
    fn ratio(&self) -> Ratio {
        Ratio::new(i128::from(self.num), i128::from(self.den))
    }

    fn zero(&self) -> Ratio {
        match self.code {
            "[degF]" => Ratio::new(-160, 9),
            "K" => Ratio::new(-27_315, 100),
            _ => Ratio::new(0, 1),
        }
    }
}

const fn row(code: &'static str, shown: &'static str, kind: Kind, num: i64, den: i64) -> Unit {
    Unit {
        code,
        shown,
        kind,
        num,
        den,
    }
}

/// 180.156 g/mol.
const GLUCOSE_MG_PER_MOL: i128 = 180_156;

const UNITS: [Unit; 44] = [
    row("1", "", Kind::Number, 1, 1),
    row("%", "%", Kind::Number, 1, 100),
    row("/min", "per minute", Kind::Rate, 1, 1),
    row("/s", "per second", Kind::Rate, 60, 1),
    row("Hz", "Hz", Kind::Rate, 60, 1),
    row("us", "µs", Kind::Time, 1, 1_000_000),
    row("ms", "ms", Kind::Time, 1, 1_000),
    row("s", "s", Kind::Time, 1, 1),
    row("min", "min", Kind::Time, 60, 1),
    row("h", "h", Kind::Time, 3_600, 1),
    row("d", "days", Kind::Time, 86_400, 1),
    row("mm", "mm", Kind::Length, 1, 1_000),
    row("cm", "cm", Kind::Length, 1, 100),
    row("m", "m", Kind::Length, 1, 1),
    row("km", "km", Kind::Length, 1_000, 1),
    row("[in_i]", "in", Kind::Length, 254, 10_000),
    row("[ft_i]", "ft", Kind::Length, 3_048, 10_000),
    row("[yd_i]", "yd", Kind::Length, 9_144, 10_000),
    row("[mi_i]", "mi", Kind::Length, 1_609_344, 1_000),
    row("m/s", "m/s", Kind::Speed, 1, 1),
    row("km/h", "km/h", Kind::Speed, 10, 36),
    row("[mi_i]/h", "mph", Kind::Speed, 1_609_344, 3_600_000),
    row("ug", "µg", Kind::Mass, 1, 1_000_000_000),
    row("mg", "mg", Kind::Mass, 1, 1_000_000),
    row("g", "g", Kind::Mass, 1, 1_000),
    row("kg", "kg", Kind::Mass, 1, 1),
    row("[oz_av]", "oz", Kind::Mass, 45_359_237, 1_600_000_000),
    row("[lb_av]", "lb", Kind::Mass, 45_359_237, 100_000_000),
    row("[stone_av]", "st", Kind::Mass, 635_029_318, 100_000_000),
    row("kg/m2", "kg/m²", Kind::BodyMassIndex, 1, 1),
    row("kJ", "kJ", Kind::Energy, 1, 1),
    row("kcal", "kcal", Kind::Energy, 4_184, 1_000),
    row("W", "W", Kind::Power, 1, 1),
    row("Pa", "Pa", Kind::Pressure, 1, 1),
    row("kPa", "kPa", Kind::Pressure, 1_000, 1),
    row(
        "mm[Hg]",
        "mmHg",
        Kind::Pressure,
        133_322_387_415,
        1_000_000_000,
    ),
    row("Cel", "°C", Kind::Temperature, 1, 1),
    row("[degF]", "°F", Kind::Temperature, 5, 9),
    row("K", "K", Kind::Temperature, 1, 1),
    row("mg/dL", "mg/dL", Kind::MassDensity, 10, 1),
    row("mmol/L", "mmol/L", Kind::Molarity, 1, 1),
    row("mL", "mL", Kind::Volume, 1, 1_000),
    row("L", "L", Kind::Volume, 1, 1),
    row("Ohm", "Ω", Kind::Resistance, 1, 1),
];

/// Other spellings, in lower case; case matters in none of them.
const WRITTEN: [(&str, &[&str]); 28] = [
    ("1", &["count", "steps", "step", "{steps}", ""]),
    ("%", &["percent", "pct"]),
    (
        "/min",
        &[
            "bpm",
            "count/min",
            "1/min",
            "per minute",
            "beats/min",
            "breaths/min",
            "{beats}/min",
        ],
    ),
    ("ms", &["msec", "milliseconds"]),
    ("s", &["sec", "second", "seconds"]),
    ("min", &["mins", "minute", "minutes"]),
    ("h", &["hr", "hrs", "hour", "hours"]),
    ("d", &["day", "days"]),
    ("cm", &["centimetres", "centimeters"]),
    ("m", &["metre", "metres", "meter", "meters"]),
    ("km", &["kilometres", "kilometers"]),
    ("[in_i]", &["in", "inch", "inches", "\""]),
    ("[ft_i]", &["ft", "foot", "feet", "'"]),
    ("[mi_i]", &["mi", "mile", "miles"]),
    ("[mi_i]/h", &["mph", "mi/hr", "mi/h"]),
    ("km/h", &["km/hr", "kph", "kmh"]),
    ("[lb_av]", &["lb", "lbs", "pound", "pounds"]),
    ("[stone_av]", &["st", "stone"]),
    ("[oz_av]", &["oz"]),
    ("ug", &["mcg", "µg", "μg"]),
    ("kcal", &["kilocalorie", "kilocalories"]),
    ("kJ", &["kj"]),
    ("mm[Hg]", &["mmhg", "mm hg"]),
    ("Cel", &["c", "°c", "degc", "celsius"]),
    ("[degF]", &["f", "°f", "degf", "fahrenheit"]),
    ("kg/m2", &["kg/m²", "kg/m^2"]),
    ("mg/dL", &["mg/dl"]),
    ("mmol/L", &["mmol/l"]),
];

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
mod tests;

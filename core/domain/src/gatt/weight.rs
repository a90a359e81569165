//! Weight scale (service 181D).
//!
//! GSS Weight Measurement: flags (bit 0 pounds and inches, 1 time, 2 user, 3 BMI and height);
//! weight in 0.005 kg or 0.01 lb, BMI in 0.1 kg/m2, height in 0.001 m or 0.1 in.

use super::bytes::{Bytes, Flags};
use super::measure::{BMI, HEIGHT, WEIGHT};
use super::{Absent, Amount, Features, Packet, Reading, Refused, uuid};
use std::borrow::Cow;

/// GSS Weight Measurement. FFFF is "measurement unsuccessful" (Weight Scale Service, section
/// 3.2.1.2).
pub(super) fn measurement(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::WEIGHT_MEASUREMENT);
    let (amount, unit) = mass(bytes.u16()?, flags);
    reading.push(WEIGHT, amount, unit);
    if flags.has(1) {
        reading.time = Some(bytes.date_time()?);
    }
    if flags.has(2) {
        reading.user = Some(bytes.u8()?);
    }
    if flags.has(3) {
        reading.push(BMI, Amount::scaled(i64::from(bytes.u16()?), -1), "kg/m2");
        let (amount, unit) = height(bytes.u16()?, flags);
        reading.push(HEIGHT, amount, unit);
    }
    reading.extra = bytes.end(flags, 0b1111)?;
    Ok(Packet::one(reading))
}

/// GSS Weight Scale Feature, 32 bits.
pub(super) fn feature(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u32()?);
    bytes.done()?;
    let mut features = Features::of(uuid::WEIGHT_SCALE_FEATURE);
    features.has = flags.words(&["time", "multiple-users", "bmi"]);
    features.words = resolutions(flags, 3);
    features.extra.reserved = flags.0 & 0xffff_fc00;
    Ok(Packet::Features(features))
}

/// A mass in the unit bit 0 says, as the scale counts it.
pub(super) fn mass(number: u16, flags: Flags) -> (Amount, &'static str) {
    let unit = if flags.has(0) { "[lb_av]" } else { "kg" };
    let amount = match (number, flags.has(0)) {
        (u16::MAX, _) => Amount::Absent(Absent::Unsuccessful),
        (number, true) => Amount::scaled(i64::from(number), -2),
        // fives of a thousandth
        (number, false) => Amount::scaled(i64::from(number).saturating_mul(5), -3),
    };
    (amount, unit)
}

/// A height in the unit bit 0 says.
pub(super) fn height(number: u16, flags: Flags) -> (Amount, &'static str) {
    if flags.has(0) {
        (Amount::scaled(i64::from(number), -1), "[in_i]")
    } else {
        (Amount::scaled(i64::from(number), -3), "m")
    }
}

/// The resolutions of weight and height, from the bit on.
pub(super) fn resolutions(flags: Flags, from: u32) -> Vec<(&'static str, Cow<'static, str>)> {
    let pick = |number: u32, words: &[&'static str]| {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        Cow::Borrowed(super::bytes::word(number, words))
    };
    vec![
        (
            "weight-resolution",
            pick(flags.field(from, 0b1111), &WEIGHTS),
        ),
        (
            "height-resolution",
            pick(flags.field(from.saturating_add(4), 0b111), &HEIGHTS),
        ),
    ]
}

const WEIGHTS: [&str; 8] = [
    "not-said",
    "0.5 kg or 1 lb",
    "0.2 kg or 0.5 lb",
    "0.1 kg or 0.2 lb",
    "0.05 kg or 0.1 lb",
    "0.02 kg or 0.05 lb",
    "0.01 kg or 0.02 lb",
    "0.005 kg or 0.01 lb",
];

const HEIGHTS: [&str; 4] = [
    "not-said",
    "0.01 m or 1 in",
    "0.005 m or 0.5 in",
    "0.001 m or 0.1 in",
];

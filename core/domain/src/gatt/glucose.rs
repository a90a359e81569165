//! Glucose (service 1808).
//!
//! GSS Glucose Measurement, Glucose Measurement Context, Glucose Feature. A measurement and its
//! context are two notifications with one sequence number; [`super::join`] brings them together.
//!
//! The concentration is sent in kg/L or mol/L and kept in mg/dL or mmol/L: only the power of ten
//! changes. (GSS calls the bit "mg/dL" and "mmol/L" and the field "kg/L" and "mol/L"; the service
//! and every meter send the latter: 0.00095 kg/L for 95 mg/dL.)

use super::bytes::{Bytes, Flags, RESERVED, word};
use super::measure::{
    CARBOHYDRATE, EXERCISE, EXERCISE_INTENSITY, HBA1C, MEDICATION_MASS, MEDICATION_VOLUME, Measure,
    glucose,
};
use super::{Absent, Amount, Features, Packet, Reading, Refused, uuid};

/// GSS Glucose Measurement: flags (bit 0 time offset, 1 concentration with type and location,
/// 2 mol/L, 3 status, 4 a context follows).
pub(super) fn measurement(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::GLUCOSE_MEASUREMENT);
    reading.sequence = Some(bytes.u16()?);
    reading.time = Some(bytes.date_time()?);
    if flags.has(0) {
        // 7FFF and 8000 are "overrun" and "underrun" (Glucose Service, section 3.1.1.4).
        match bytes.i16()? {
            i16::MAX | i16::MIN => reading.status.push("time-offset-overrun"),
            minutes => reading.offset_min = Some(minutes),
        }
    }
    if flags.has(1) {
        let sent = bytes.sfloat()?;
        let place = bytes.u8()?;
        let molar = flags.has(2);
        let (amount, unit) = if molar {
            (sent.in_smaller(3), "mmol/L")
        } else {
            (sent.in_smaller(5), "mg/dL")
        };
        let sample = sample(place, &mut reading);
        reading.push(sample_measure(sample, molar), amount, unit);
    }
    if flags.has(3) {
        let status = Flags::from(bytes.u16()?);
        reading.status.extend(status.words(&STATUS));
        if status.without(&STATUS) != 0 {
            reading.status.push(RESERVED);
        }
    }
    reading.more = flags.has(4);
    reading.extra = bytes.end(flags, 0b1_1111)?;
    Ok(Packet::one(reading))
}

/// GSS Glucose Measurement Context: flags (bit 0 carbohydrate, 1 meal, 2 tester and health,
/// 3 exercise, 4 medication, 5 medication in litres, 6 `HbA1c`, 7 eight more flags, all reserved).
pub(super) fn context(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let mut flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::GLUCOSE_CONTEXT);
    reading.sequence = Some(bytes.u16()?);
    if flags.has(7) {
        flags.0 |= u32::from(u16::from_be_bytes([bytes.u8()?, 0]));
    }
    if flags.has(0) {
        reading.say("carbohydrate", word(bytes.u8()?, &CARBOHYDRATES));
        reading.push(CARBOHYDRATE, bytes.sfloat()?.in_smaller(3), "g");
    }
    if flags.has(1) {
        reading.say("meal", word(bytes.u8()?, &MEALS));
    }
    if flags.has(2) {
        let both = Flags::from(bytes.u8()?);
        reading.say("tester", nibble(both, 0, &TESTERS));
        reading.say("health", nibble(both, 4, &HEALTH));
    }
    if flags.has(3) {
        let seconds = match bytes.u16()? {
            u16::MAX => Amount::Absent(Absent::AboveAll),
            seconds => Amount::whole(seconds),
        };
        reading.push(EXERCISE, seconds, "s");
        reading.push(EXERCISE_INTENSITY, Amount::whole(bytes.u8()?), "%");
    }
    if flags.has(4) {
        reading.say("medication", word(bytes.u8()?, &MEDICATIONS));
        let amount = bytes.sfloat()?;
        if flags.has(5) {
            reading.push(MEDICATION_VOLUME, amount.in_smaller(3), "mL");
        } else {
            reading.push(MEDICATION_MASS, amount.in_smaller(6), "mg");
        }
    }
    if flags.has(6) {
        reading.push(HBA1C, bytes.sfloat()?, "%");
    }
    reading.extra = bytes.end(flags, 0xff)?;
    Ok(Packet::one(reading))
}

/// GSS Glucose Feature, 16 bits.
pub(super) fn feature(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u16()?);
    bytes.done()?;
    let mut features = Features::of(uuid::GLUCOSE_FEATURE);
    features.has = flags.words(&FEATURES);
    features.extra.reserved = flags.without(&FEATURES);
    Ok(Packet::Features(features))
}

/// Notes type and location of a sample: two nibbles. Gives the type.
pub(super) fn sample(place: u8, reading: &mut Reading) -> &'static str {
    let both = Flags::from(place);
    let sample = nibble(both, 0, &SAMPLES);
    reading.say("sample", sample);
    reading.say("site", nibble(both, 4, &SITES));
    sample
}

/// What a concentration in this sample is called; a control solution is nobody's blood.
fn sample_measure(sample: &str, molar: bool) -> Measure {
    match (sample, molar) {
        ("capillary-blood" | "capillary-plasma", false) => glucose::CAPILLARY_MASS,
        ("capillary-blood" | "capillary-plasma", true) => glucose::CAPILLARY_MOLAR,
        ("venous-plasma" | "arterial-plasma" | "plasma", false) => glucose::PLASMA_MASS,
        ("venous-plasma" | "arterial-plasma" | "plasma", true) => glucose::PLASMA_MOLAR,
        ("interstitial", false) => glucose::INTERSTITIAL,
        ("interstitial", true) => glucose::INTERSTITIAL_MOLAR,
        ("control-solution", _) => glucose::CONTROL,
        // A meter measures blood; the word says that its type was reserved.
        (_, false) => glucose::BLOOD_MASS,
        (_, true) => glucose::BLOOD_MOLAR,
    }
}

/// The word of four bits.
pub(super) fn nibble(bits: Flags, low: u32, words: &[&'static str]) -> &'static str {
    let number = usize::try_from(bits.field(low, 0xf)).unwrap_or(usize::MAX);
    word(number, words)
}

/// GSS Glucose Measurement, Type; bit by bit the same in CGM Feature.
const SAMPLES: [&str; 11] = [
    "",
    "capillary-blood",
    "capillary-plasma",
    "venous-blood",
    "venous-plasma",
    "arterial-blood",
    "arterial-plasma",
    "blood",
    "plasma",
    "interstitial",
    "control-solution",
];

/// GSS Glucose Measurement, Sample Location; 5 is of CGM Feature.
const SITES: [&str; 16] = [
    "",
    "finger",
    "alternate-site",
    "earlobe",
    "control-solution",
    "subcutaneous",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "not-known",
];

const STATUS: [&str; 12] = [
    "low-battery",
    "sensor-malfunction",
    "sample-too-small",
    "strip-insertion",
    "strip-type",
    "result-too-high",
    "result-too-low",
    "temperature-too-high",
    "temperature-too-low",
    "read-interrupted",
    "device-fault",
    "time-fault",
];

const FEATURES: [&str; 11] = [
    "low-battery",
    "sensor-malfunction",
    "sample-size",
    "strip-insertion",
    "strip-type",
    "result-high-low",
    "temperature-high-low",
    "read-interrupted",
    "device-fault",
    "time-fault",
    "multiple-bonds",
];

const CARBOHYDRATES: [&str; 8] = [
    "",
    "breakfast",
    "lunch",
    "dinner",
    "snack",
    "drink",
    "supper",
    "brunch",
];

const MEALS: [&str; 6] = [
    "",
    "before-meal",
    "after-meal",
    "fasting",
    "casual",
    "bedtime",
];

const TESTERS: [&str; 16] = [
    "",
    "self",
    "professional",
    "laboratory",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "not-known",
];

const HEALTH: [&str; 16] = [
    "",
    "minor-issues",
    "major-issues",
    "menses",
    "stress",
    "no-issues",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "not-known",
];

const MEDICATIONS: [&str; 6] = [
    "",
    "insulin-rapid",
    "insulin-short",
    "insulin-intermediate",
    "insulin-long",
    "insulin-premixed",
];

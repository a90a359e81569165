//! Fitness machine (service 1826): treadmill, cross trainer, rower, indoor bike.
//!
//! GSS Treadmill Data, Cross Trainer Data, Rower Data, Indoor Bike Data: flags say which fields
//! follow, in order; bit 0 ("more data") is set in all packets of a record but the last, and the
//! first field is there only where it is clear. [`super::join`] brings the packets together.
//! Fitness Machine Feature, Training Status and the control point: Fitness Machine Service 1.0,
//! sections 4.3, 4.10 and 4.16; GSS has no entry for them.
//!
//! Resistance level: GSS has 8 bits now, the service's first version had 16, and machines of both
//! kinds are in use. The flags fix the length of each reading, so the length tells which one it
//! is; the longer one is marked `resistance-16-bit`. What a step of it is worth, the machine alone
//! knows: GSS gives d = 1 and "unit is 1" for one field. The number is as sent, and no record.
//!
//! FFFF, FF and 7FFF in energy, inclination, force and treadmill power are "data not available".
//! What a machine says of a session so far is shown, not kept: it is the same number growing. Only
//! heart rate, speed, cadence and power of the moment have codes.

use super::bytes::{Bytes, Flags, RESERVED, word};
use super::measure::{
    CYCLING_CADENCE, HEART_RATE, Measure, POWER, SPEED, STEP_RATE, STROKE_RATE, machine,
};
use super::{Absent, Amount, Features, Packet, Reading, Refused, uuid};
use std::borrow::Cow;

/// One field of a machine's record: which flag, how it is sent, what it is.
struct Field {
    bit: u32,
    what: Measure,
    sent: Sent,
    unit: &'static str,
}

/// How a number is sent: width and power of ten.
#[derive(Clone, Copy)]
enum Sent {
    U8(i8),
    U16(i8),
    U24,
    I16(i8),
    /// Two of them are one.
    HalfU8,
    HalfU16,
    /// FF is "not available".
    U8OrNone,
    /// FFFF is "not available".
    U16OrNone,
    /// 7FFF is "not available".
    I16OrNone(i8),
    /// 8 bits, or 16 in machines of the first version.
    Resistance,
}

const fn field(bit: u32, what: Measure, sent: Sent, unit: &'static str) -> Field {
    Field {
        bit,
        what,
        sent,
        unit,
    }
}

/// GSS Treadmill Data, Cross Trainer Data, Rower Data, Indoor Bike Data.
pub(super) fn data(characteristic: u16, value: &[u8]) -> Result<Packet, Refused> {
    match read(characteristic, value, false) {
        Err(Refused::Overlong) => read(characteristic, value, true),
        done => done,
    }
}

fn read(characteristic: u16, value: &[u8], long: bool) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let wide = characteristic == uuid::CROSS_TRAINER_DATA;
    let flags = if wide {
        Flags::from(bytes.u24()?)
    } else {
        Flags::from(bytes.u16()?)
    };
    let (fields, meant): (&[Field], u32) = match characteristic {
        uuid::TREADMILL_DATA => (&TREADMILL, 0x1fff),
        uuid::CROSS_TRAINER_DATA => (&CROSS_TRAINER, 0xffff),
        uuid::ROWER_DATA => (&ROWER, 0x1fff),
        _ => (&BIKE, 0x1fff),
    };
    let mut reading = Reading::of(characteristic);
    reading.more = flags.has(0);
    for field in fields {
        // the first field is there where "more data" is not
        if flags.has(field.bit) != (field.bit == 0) {
            let amount = number(&mut bytes, field.sent, long)?;
            reading.push(field.what, amount, field.unit);
        }
    }
    if wide {
        reading.say(
            "direction",
            if flags.has(15) { "backward" } else { "forward" },
        );
    }
    if long {
        let there = fields
            .iter()
            .any(|field| matches!(field.sent, Sent::Resistance) && flags.has(field.bit));
        if !there {
            return Err(Refused::Overlong);
        }
        reading.status.push("resistance-16-bit");
    }
    reading.extra = bytes.end(flags, meant)?;
    Ok(Packet::one(reading))
}

fn number(bytes: &mut Bytes<'_>, sent: Sent, long: bool) -> Result<Amount, Refused> {
    let unless = |none: bool, amount: Amount| {
        if none {
            Amount::Absent(Absent::NotKnown)
        } else {
            amount
        }
    };
    Ok(match sent {
        Sent::U8(power) => Amount::scaled(i64::from(bytes.u8()?), power),
        Sent::U16(power) => Amount::scaled(i64::from(bytes.u16()?), power),
        Sent::U24 => Amount::whole(bytes.u24()?),
        Sent::I16(power) => Amount::scaled(i64::from(bytes.i16()?), power),
        Sent::HalfU8 => Amount::binary(i64::from(bytes.u8()?), 1),
        Sent::HalfU16 => Amount::binary(i64::from(bytes.u16()?), 1),
        Sent::U8OrNone => {
            let number = bytes.u8()?;
            unless(number == u8::MAX, Amount::whole(number))
        }
        Sent::U16OrNone => {
            let number = bytes.u16()?;
            unless(number == u16::MAX, Amount::whole(number))
        }
        Sent::I16OrNone(power) => {
            let number = bytes.i16()?;
            unless(number == i16::MAX, Amount::scaled(i64::from(number), power))
        }
        Sent::Resistance if long => Amount::whole(bytes.i16()?),
        Sent::Resistance => Amount::whole(bytes.u8()?),
    })
}

/// Fitness Machine Service 1.0, section 4.3: two fields of 32 bits.
pub(super) fn feature(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let (machine, targets) = (Flags::from(bytes.u32()?), Flags::from(bytes.u32()?));
    bytes.done()?;
    let mut features = Features::of(uuid::FITNESS_MACHINE_FEATURE);
    features.has = machine.words(&FEATURES);
    let targeted = targets.words(&TARGETS).join(" ");
    features.words.push(("targets", Cow::Owned(targeted)));
    features.extra.reserved = machine.without(&FEATURES) | targets.without(&TARGETS);
    Ok(Packet::Features(features))
}

/// Fitness Machine Service 1.0, section 4.10: flags (bit 0 text, 1 the text goes on), status, text.
pub(super) fn training_status(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let status = word(bytes.u8()?, &STATUS);
    let mut features = Features::of(uuid::TRAINING_STATUS);
    features.words.push(("status", Cow::Borrowed(status)));
    if flags.has(0) {
        let text = std::str::from_utf8(bytes.rest()).map_err(|_| Refused::Text)?;
        features.words.push(("text", Cow::Owned(text.to_owned())));
        bytes = Bytes::new(&[]);
    }
    if flags.has(1) {
        features.has.push("text-goes-on");
    }
    features.extra = bytes.end(flags, 0b11)?;
    Ok(Packet::Features(features))
}

/// Fitness Machine Service 1.0, section 4.16: 128, the request, the result. This app controls no
/// machine; an answer to another client is shown.
pub(super) fn control(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    if bytes.u8()? != 0x80 {
        return Err(Refused::Reserved);
    }
    let request = bytes.u8()?;
    let result = bytes.u8()?;
    let result = match result {
        0 => RESERVED,
        other => word(other, &RESULTS),
    };
    let mut features = Features::of(uuid::FITNESS_MACHINE_CONTROL_POINT);
    features.words = vec![
        ("request", Cow::Owned(request.to_string())),
        ("result", Cow::Borrowed(result)),
    ];
    if !bytes.is_empty() {
        features
            .words
            .push(("parameter", Cow::Owned(hex::encode(bytes.rest()))));
    }
    Ok(Packet::Features(features))
}

const RESULTS: [&str; 6] = [
    "",
    "success",
    "unsupported",
    "invalid-parameter",
    "failed",
    "control-not-permitted",
];

const KM_H: Sent = Sent::U16(-2);

const TREADMILL: [Field; 18] = [
    field(0, SPEED, KM_H, "km/h"),
    field(1, machine::AVERAGE_SPEED, KM_H, "km/h"),
    field(2, machine::DISTANCE, Sent::U24, "m"),
    field(3, machine::INCLINATION, Sent::I16OrNone(-1), "%"),
    field(3, machine::RAMP, Sent::I16OrNone(-1), "deg"),
    field(4, machine::CLIMB, Sent::U16(-1), "m"),
    field(4, machine::DESCENT, Sent::U16(-1), "m"),
    field(5, machine::PACE, Sent::U16(0), "s"),
    field(6, machine::AVERAGE_PACE, Sent::U16(0), "s"),
    field(7, machine::ENERGY, Sent::U16OrNone, "kcal"),
    field(7, machine::ENERGY_PER_HOUR, Sent::U16OrNone, "kcal"),
    field(7, machine::ENERGY_PER_MINUTE, Sent::U8OrNone, "kcal"),
    field(8, HEART_RATE, Sent::U8(0), "/min"),
    field(9, machine::METABOLIC_EQUIVALENT, Sent::U8(-1), "[MET]"),
    field(10, machine::ELAPSED, Sent::U16(0), "s"),
    field(11, machine::REMAINING, Sent::U16(0), "s"),
    field(12, machine::FORCE, Sent::I16OrNone(0), "N"),
    field(12, POWER, Sent::I16OrNone(0), "W"),
];

const CROSS_TRAINER: [Field; 20] = [
    field(0, SPEED, KM_H, "km/h"),
    field(1, machine::AVERAGE_SPEED, KM_H, "km/h"),
    field(2, machine::DISTANCE, Sent::U24, "m"),
    field(3, STEP_RATE, Sent::U16(0), "/min"),
    field(3, machine::AVERAGE_STEP_RATE, Sent::U16(0), "/min"),
    field(4, machine::STRIDES, Sent::U16(-1), "1"),
    field(5, machine::CLIMB, Sent::U16(0), "m"),
    field(5, machine::DESCENT, Sent::U16(0), "m"),
    field(6, machine::INCLINATION, Sent::I16OrNone(-1), "%"),
    field(6, machine::RAMP, Sent::I16OrNone(-1), "deg"),
    field(7, machine::RESISTANCE, Sent::Resistance, "1"),
    field(8, POWER, Sent::I16(0), "W"),
    field(9, machine::AVERAGE_POWER, Sent::I16(0), "W"),
    field(10, machine::ENERGY, Sent::U16OrNone, "kcal"),
    field(10, machine::ENERGY_PER_HOUR, Sent::U16OrNone, "kcal"),
    field(10, machine::ENERGY_PER_MINUTE, Sent::U8OrNone, "kcal"),
    field(11, HEART_RATE, Sent::U8(0), "/min"),
    field(12, machine::METABOLIC_EQUIVALENT, Sent::U8(-1), "[MET]"),
    field(13, machine::ELAPSED, Sent::U16(0), "s"),
    field(14, machine::REMAINING, Sent::U16(0), "s"),
];

const ROWER: [Field; 16] = [
    field(0, STROKE_RATE, Sent::HalfU8, "/min"),
    field(0, machine::STROKES, Sent::U16(0), "1"),
    field(1, machine::AVERAGE_STROKE_RATE, Sent::HalfU8, "/min"),
    field(2, machine::DISTANCE, Sent::U24, "m"),
    field(3, machine::PACE, Sent::U16(0), "s"),
    field(4, machine::AVERAGE_PACE, Sent::U16(0), "s"),
    field(5, POWER, Sent::I16(0), "W"),
    field(6, machine::AVERAGE_POWER, Sent::I16(0), "W"),
    field(7, machine::RESISTANCE, Sent::Resistance, "1"),
    field(8, machine::ENERGY, Sent::U16OrNone, "kcal"),
    field(8, machine::ENERGY_PER_HOUR, Sent::U16OrNone, "kcal"),
    field(8, machine::ENERGY_PER_MINUTE, Sent::U8OrNone, "kcal"),
    field(9, HEART_RATE, Sent::U8(0), "/min"),
    field(10, machine::METABOLIC_EQUIVALENT, Sent::U8(-1), "[MET]"),
    field(11, machine::ELAPSED, Sent::U16(0), "s"),
    field(12, machine::REMAINING, Sent::U16(0), "s"),
];

const BIKE: [Field; 15] = [
    field(0, SPEED, KM_H, "km/h"),
    field(1, machine::AVERAGE_SPEED, KM_H, "km/h"),
    field(2, CYCLING_CADENCE, Sent::HalfU16, "/min"),
    field(3, machine::AVERAGE_CADENCE, Sent::HalfU16, "/min"),
    field(4, machine::DISTANCE, Sent::U24, "m"),
    field(5, machine::RESISTANCE, Sent::Resistance, "1"),
    field(6, POWER, Sent::I16(0), "W"),
    field(7, machine::AVERAGE_POWER, Sent::I16(0), "W"),
    field(8, machine::ENERGY, Sent::U16OrNone, "kcal"),
    field(8, machine::ENERGY_PER_HOUR, Sent::U16OrNone, "kcal"),
    field(8, machine::ENERGY_PER_MINUTE, Sent::U8OrNone, "kcal"),
    field(9, HEART_RATE, Sent::U8(0), "/min"),
    field(10, machine::METABOLIC_EQUIVALENT, Sent::U8(-1), "[MET]"),
    field(11, machine::ELAPSED, Sent::U16(0), "s"),
    field(12, machine::REMAINING, Sent::U16(0), "s"),
];

const FEATURES: [&str; 17] = [
    "average-speed",
    "cadence",
    "distance",
    "inclination",
    "elevation",
    "pace",
    "step-count",
    "resistance",
    "stride-count",
    "energy",
    "heart-rate",
    "metabolic-equivalent",
    "elapsed-time",
    "remaining-time",
    "power",
    "force-and-power",
    "user-data",
];

const TARGETS: [&str; 17] = [
    "speed",
    "inclination",
    "resistance",
    "power",
    "heart-rate",
    "energy",
    "steps",
    "strides",
    "distance",
    "time",
    "two-zones",
    "three-zones",
    "five-zones",
    "bike-simulation",
    "wheel",
    "spin-down",
    "cadence",
];

const STATUS: [&str; 16] = [
    "other",
    "idle",
    "warming-up",
    "low-interval",
    "high-interval",
    "recovery",
    "isometric",
    "heart-rate-control",
    "fitness-test",
    "below-control-region",
    "above-control-region",
    "cool-down",
    "watt-control",
    "manual",
    "before-workout",
    "after-workout",
];

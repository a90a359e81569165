//! Physical activity monitor (service 183E): steps, activity, heart and breath, sleep.
//!
//! Physical Activity Monitor Service 1.0. The specification was not at hand; GSS has no entry. The
//! bits are those of its tables 3.11 to 3.20 as a published parser gives them, the widths those of
//! a published sensor; both agree on every field they share. What neither settles is not read:
//! - the header octet (how a message is split) is kept in the words; a message whose length is not
//!   exactly what its flags announce is refused, so a part of a split one never passes;
//! - units that neither gives (distance, speeds, energy, light) are numbers without a unit, and
//!   become no record. Steps, pulse and breath have only one;
//! - steps are told apart as walking, intense and on floors: whether they add up to all steps is not
//!   said, so each has a local code and none is LOINC's number of steps.
//!
//! Not read, and kept as bytes by the caller: general instantaneous data (2B3C), cardiorespiratory
//! summary (2B3F), control point, current session and session descriptor (2B43 to 2B45).
//!
//! Each message: header, flags (1 to 4 octets), session, sub-session, seconds since the session's
//! start, number of the message, fields.

use super::bytes::{Bytes, Flags, RESERVED};
use super::measure::{HEART_RATE, Measure, RESPIRATORY_RATE, RESTING_HEART_RATE, activity};
use super::{Absent, Amount, DeviceTime, Features, Packet, Reading, Refused, uuid};
use std::borrow::Cow;

/// A field: its width in octets, what it is, its unit.
struct Field {
    octets: usize,
    what: Measure,
    unit: &'static str,
}

const fn field(octets: usize, what: Measure, unit: &'static str) -> Field {
    Field { octets, what, unit }
}

/// One of the seven kinds of data.
struct Layout {
    flags: usize,
    fields: &'static [Field],
    /// "Device worn", where it is a bit.
    worn: Option<u32>,
}

/// General, cardiorespiratory, step and sleep data.
pub(super) fn data(characteristic: u16, value: &[u8]) -> Result<Packet, Refused> {
    let layout = match characteristic {
        uuid::CARDIO_ACTIVITY_INSTANT => &HEART,
        uuid::STEP_ACTIVITY_SUMMARY => &STEPS,
        uuid::SLEEP_INSTANT => &SLEEP_NOW,
        uuid::SLEEP_SUMMARY => &SLEEP,
        uuid::GENERAL_ACTIVITY_SUMMARY => &GENERAL,
        _ => return Err(Refused::Unknown),
    };
    let mut bytes = Bytes::new(value);
    let header = bytes.u8()?;
    let flags = Flags::from(u32::try_from(number(&mut bytes, layout.flags)?).unwrap_or_default());
    let mut reading = Reading::of(characteristic);
    let mut word = |name: &'static str, text: String| reading.words.push((name, Cow::Owned(text)));
    word("header", format!("{header:02x}"));
    word("session", bytes.u16()?.to_string());
    word("sub-session", bytes.u16()?.to_string());
    let seconds = bytes.u32()?;
    word("message", bytes.u32()?.to_string());
    reading.time = Some(DeviceTime::Running { seconds });
    let mut meant = 0_u32;
    for (bit, field) in (0..).zip(layout.fields) {
        meant |= 1_u32.checked_shl(bit).unwrap_or(0);
        if !flags.has(bit) {
            continue;
        }
        let sent = number(&mut bytes, field.octets)?;
        if field.what == activity::SLEEP_STAGE {
            stage(sent, &mut reading);
        } else {
            let amount = i64::try_from(sent).map_or(Amount::Absent(Absent::Power), Amount::whole);
            reading.push(field.what, amount, field.unit);
        }
    }
    if let Some(worn) = layout.worn {
        meant |= 1_u32.checked_shl(worn).unwrap_or(0);
        if flags.has(worn) {
            reading.status.push("worn");
        }
    }
    // Without the specification a reserved bit explains nothing: the length must fit.
    bytes.done()?;
    reading.extra.reserved = flags.0 & !meant;
    Ok(Packet::one(reading))
}

/// Physical Activity Monitor Features: 64 bits, of which those that say what to expect are named.
pub(super) fn features(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let (low, high) = (Flags::from(bytes.u32()?), Flags::from(bytes.u32()?));
    bytes.done()?;
    let mut features = Features::of(uuid::PHYSICAL_ACTIVITY_FEATURES);
    for (flags, bit, word) in [
        (low, 0, "multiple-users"),
        (low, 1, "user-data"),
        (low, 2, "worn"),
        (low, 7, "energy"),
        (low, 12, "distance"),
        (high, 0, "heart-rate"),
        (high, 4, "respiration"),
        (high, 6, "steps"),
        (high, 9, "sleep-time"),
        (high, 21, "sleep-stage"),
    ] {
        if flags.has(bit) {
            features.has.push(word);
        }
    }
    let bits = format!("{:08x}{:08x}", high.0, low.0);
    features.words.push(("bits", Cow::Owned(bits)));
    features.extra.reserved = high.0 & 0xff80_0000;
    Ok(Packet::Features(features))
}

/// A little-endian number of 1 to 4 octets.
fn number(bytes: &mut Bytes<'_>, octets: usize) -> Result<u64, Refused> {
    let sent = bytes.slice(octets)?;
    Ok(sent.iter().rev().fold(0, |number, octet| {
        number.wrapping_shl(8) | u64::from(*octet)
    }))
}

/// Table 3.18: one bit for each stage that is told apart.
fn stage(sent: u64, reading: &mut Reading) {
    let flags = Flags::from(u32::try_from(sent).unwrap_or(u32::MAX));
    let mut words = flags.words(&STAGES);
    if flags.has(23) {
        words.push("not-known");
    }
    if flags.without(&STAGES) & !0x80_0000 != 0 {
        words.push(RESERVED);
    }
    reading.words.push(("stage", Cow::Owned(words.join(" "))));
}

const STAGES: [&str; 14] = [
    "wake",
    "sleep",
    "rem",
    "non-rem",
    "light",
    "deep",
    "n1",
    "n2",
    "n3",
    "n4",
    "active",
    "quiet",
    "intermediate",
    "arousal",
];

/// Table 3.11.
const HEART: Layout = Layout {
    flags: 2,
    fields: &[
        field(1, activity::VO2_MAX, ""),
        field(1, HEART_RATE, "/min"),
        field(2, activity::BEAT_INTERVAL, ""),
        field(1, RESTING_HEART_RATE, "/min"),
        field(2, activity::VARIABILITY, ""),
        field(1, RESPIRATORY_RATE, "/min"),
        field(1, activity::RESTING_RESPIRATION, "/min"),
    ],
    worn: Some(15),
};

/// Step Counter Activity Summary.
const STEPS: Layout = Layout {
    flags: 1,
    fields: &[
        field(3, activity::WALKING_STEPS, "1"),
        field(3, activity::INTENSE_STEPS, "1"),
        field(3, activity::FLOOR_STEPS, "1"),
        field(3, activity::DISTANCE, ""),
        field(3, activity::WORN, ""),
    ],
    worn: None,
};

/// Table 3.17. The published parser gives the stage three octets, the published sensor, which is
/// older, one; table 3.18 has bit 23.
const SLEEP_NOW: Layout = Layout {
    flags: 2,
    fields: &[
        field(3, activity::LIGHT, ""),
        field(3, activity::LIGHT_UV, ""),
        field(3, activity::LIGHT_IR, ""),
        field(3, activity::SLEEP_STAGE, ""),
        field(1, activity::SLEEPING_HEART_RATE, "/min"),
    ],
    worn: Some(15),
};

/// Table 3.20.
const SLEEP: Layout = Layout {
    flags: 3,
    fields: &[
        field(3, activity::SLEEP_TIME, ""),
        field(3, activity::WAKE_TIME, ""),
        field(3, activity::BED_TIME, ""),
        field(2, activity::AWAKENINGS, "1"),
        field(2, activity::LATENCY, ""),
        field(1, activity::EFFICIENCY, "%"),
        field(2, activity::SNOOZE, ""),
        field(2, activity::TURNS, "1"),
        field(3, activity::AFTER_ALARM, ""),
        field(3, activity::LIGHT_LEAST, ""),
        field(3, activity::LIGHT_MOST, ""),
        field(3, activity::LIGHT, ""),
        field(3, activity::LIGHT_UV_LEAST, ""),
        field(3, activity::LIGHT_UV_MOST, ""),
        field(3, activity::LIGHT_UV, ""),
        field(3, activity::LIGHT_IR_LEAST, ""),
        field(3, activity::LIGHT_IR_MOST, ""),
        field(3, activity::LIGHT_IR, ""),
        field(1, activity::SLEEPING_HEART_RATE, "/min"),
        field(3, activity::WORN, ""),
    ],
    worn: None,
};

/// General Activity Summary.
const GENERAL: Layout = Layout {
    flags: 4,
    fields: &[
        field(4, activity::WALKING_ENERGY, ""),
        field(4, activity::INTENSE_ENERGY, ""),
        field(4, activity::ENERGY, ""),
        field(2, activity::FAT_BURNED, ""),
        field(1, activity::MET_LEAST, ""),
        field(1, activity::MET_MOST, ""),
        field(1, activity::MET, ""),
        field(3, activity::DISTANCE, ""),
        field(2, activity::SPEED_LEAST, ""),
        field(2, activity::SPEED_MOST, ""),
        field(2, activity::SPEED, ""),
        field(3, activity::WALKING_TIME, ""),
        field(3, activity::INTENSE_TIME, ""),
        field(2, activity::CADENCE_LEAST, ""),
        field(2, activity::CADENCE_MOST, ""),
        field(2, activity::CADENCE, ""),
        field(1, activity::FLOORS, "1"),
        field(3, activity::CLIMB, ""),
        field(3, activity::DESCENT, ""),
        field(4, activity::COUNTS, "1"),
        field(2, activity::LEVEL_LEAST, ""),
        field(2, activity::LEVEL_MOST, ""),
        field(2, activity::LEVEL, ""),
        field(2, activity::KIND, ""),
        field(3, activity::WORN, ""),
    ],
    worn: None,
};

//! Blood pressure (service 1810, version 1.1).
//!
//! GSS Blood Pressure Measurement, Intermediate Cuff Pressure, Blood Pressure Feature, and the
//! enhanced forms, whose time is seconds since 1900 or 2000.
//!
//! Systolic, diastolic and mean are SFLOAT in mmHg or kPa; a cuff that does not give the mean sends
//! NaN. Cuffs known to send plain integers are read as such only where [`Known::plain_integers`] is
//! set: 120 is the same in both, 0x0801 is "reserved" in one and 2049 in the other, so no value
//! tells them apart. Such a reading says `plain-integers`.

use super::bytes::{Bytes, Flags};
use super::measure::{CUFF_PRESSURE, DIASTOLIC, HEART_RATE, MEAN_PRESSURE, SYSTOLIC};
use super::{Absent, Amount, DeviceTime, Features, Known, Packet, Reading, Refused, uuid};

/// GSS Blood Pressure Measurement: flags (bit 0 kPa, 1 time, 2 pulse, 3 user, 4 status).
pub(super) fn measurement(value: &[u8], known: Known) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::BLOOD_PRESSURE_MEASUREMENT);
    compound(&mut bytes, flags, known, &mut reading)?;
    if flags.has(1) {
        reading.time = Some(bytes.date_time()?);
    }
    rest(&mut bytes, flags, known, &mut reading)?;
    reading.extra = bytes.end(flags, 0b1_1111)?;
    Ok(Packet::one(reading))
}

/// GSS Enhanced Blood Pressure Measurement: as above, bit 5 time as shown to the user, bit 6
/// seconds count from 2000.
pub(super) fn enhanced(value: &[u8], known: Known) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::ENHANCED_BLOOD_PRESSURE);
    compound(&mut bytes, flags, known, &mut reading)?;
    enhanced_rest(bytes, flags, known, reading)
}

/// GSS Intermediate Cuff Pressure: the layout of a measurement, the pressure in the first of the
/// three numbers and NaN in the others. Shown while the cuff deflates; no record.
pub(super) fn cuff(value: &[u8], known: Known) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::INTERMEDIATE_CUFF_PRESSURE);
    reading.push(CUFF_PRESSURE, number(&mut bytes, known)?, unit(flags));
    if known.plain_integers {
        reading.status.push(PLAIN_INTEGERS);
    }
    for unused in [DIASTOLIC, MEAN_PRESSURE] {
        let amount = number(&mut bytes, known)?;
        if amount.number().is_some() {
            reading.push(unused, amount, unit(flags));
            reading.status.push("unused-field-set");
        }
    }
    if flags.has(1) {
        reading.time = Some(bytes.date_time()?);
    }
    rest(&mut bytes, flags, known, &mut reading)?;
    reading.extra = bytes.end(flags, 0b1_1111)?;
    Ok(Packet::one(reading))
}

/// GSS Enhanced Intermediate Cuff Pressure: one number, then as the enhanced measurement.
pub(super) fn enhanced_cuff(value: &[u8], known: Known) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::ENHANCED_CUFF_PRESSURE);
    reading.push(CUFF_PRESSURE, number(&mut bytes, known)?, unit(flags));
    if known.plain_integers {
        reading.status.push(PLAIN_INTEGERS);
    }
    enhanced_rest(bytes, flags, known, reading)
}

/// GSS Blood Pressure Record, put together: sequence number, characteristic, its value, E2E-CRC.
///
/// GSS does not say which bytes the sum covers where a record came in several messages; there it
/// is cut off and not checked, and the reading says `crc-unchecked`.
pub(super) fn record(value: &[u8], known: Known, checked: bool) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let sequence = bytes.u16()?;
    let characteristic = bytes.u16()?;
    let mut inner = bytes.rest();
    if known.crc {
        let (rest, _) = inner.split_last_chunk::<2>().ok_or(Refused::Truncated)?;
        inner = rest;
    }
    let packet = match characteristic {
        uuid::BLOOD_PRESSURE_MEASUREMENT => measurement(inner, known)?,
        uuid::ENHANCED_BLOOD_PRESSURE => enhanced(inner, known)?,
        _ => return Err(Refused::Unknown),
    };
    let Packet::Readings(mut readings) = packet else {
        return Err(Refused::Unknown);
    };
    for reading in &mut readings {
        reading.sequence = Some(sequence);
        if known.crc && !checked {
            reading.status.push("crc-unchecked");
        }
    }
    Ok(Packet::Readings(readings))
}

/// GSS Blood Pressure Feature, 16 bits.
pub(super) fn feature(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u16()?);
    let mut features = Features::of(uuid::BLOOD_PRESSURE_FEATURE);
    features.has = flags.words(&FEATURES);
    features.extra.reserved = flags.without(&FEATURES);
    bytes.done()?;
    Ok(Packet::Features(features))
}

fn compound(
    bytes: &mut Bytes<'_>,
    flags: Flags,
    known: Known,
    reading: &mut Reading,
) -> Result<(), Refused> {
    for what in [SYSTOLIC, DIASTOLIC, MEAN_PRESSURE] {
        reading.push(what, number(bytes, known)?, unit(flags));
    }
    if known.plain_integers {
        reading.status.push(PLAIN_INTEGERS);
    }
    Ok(())
}

/// Pulse, user and status.
fn rest(
    bytes: &mut Bytes<'_>,
    flags: Flags,
    known: Known,
    reading: &mut Reading,
) -> Result<(), Refused> {
    if flags.has(2) {
        reading.push(HEART_RATE, number(bytes, known)?, "/min");
    }
    if flags.has(3) {
        reading.user = Some(bytes.u8()?);
    }
    if flags.has(4) {
        let status = Flags::from(bytes.u16()?);
        reading.status.extend(status.words(&STATUS));
        match status.field(3, 0b11) {
            0 => {}
            1 => reading.status.push("pulse-above-range"),
            2 => reading.status.push("pulse-below-range"),
            _ => reading.status.push("reserved"),
        }
        if status.field(6, u32::MAX) != 0 {
            reading.status.push("reserved");
        }
    }
    Ok(())
}

fn enhanced_rest(
    mut bytes: Bytes<'_>,
    flags: Flags,
    known: Known,
    mut reading: Reading,
) -> Result<Packet, Refused> {
    let since = if flags.has(6) { 2000 } else { 1900 };
    if flags.has(1) {
        let seconds = bytes.u32()?;
        reading.time = Some(DeviceTime::Seconds { since, seconds });
    }
    rest(&mut bytes, flags, known, &mut reading)?;
    if flags.has(5) {
        let seconds = bytes.u32()?;
        reading.user_time = Some(DeviceTime::Seconds { since, seconds });
    }
    reading.extra = bytes.end(flags, 0b111_1111)?;
    Ok(Packet::one(reading))
}

fn number(bytes: &mut Bytes<'_>, known: Known) -> Result<Amount, Refused> {
    match bytes.u16()? {
        // No cuff measures 2047 mmHg: NaN is NaN in both.
        NAN => Ok(Amount::Absent(Absent::NotANumber)),
        plain if known.plain_integers => Ok(Amount::whole(plain)),
        bits => Ok(Amount::sfloat(bits)),
    }
}

fn unit(flags: Flags) -> &'static str {
    if flags.has(0) { "kPa" } else { "mm[Hg]" }
}

const PLAIN_INTEGERS: &str = "plain-integers";
const NAN: u16 = 0x07ff;

/// Bits 3 and 4 are one number.
const STATUS: [&str; 6] = [
    "body-movement",
    "cuff-loose",
    "irregular-pulse",
    "",
    "",
    "improper-position",
];

const FEATURES: [&str; 9] = [
    "body-movement",
    "cuff-fit",
    "irregular-pulse",
    "pulse-range",
    "position",
    "multiple-bonds",
    "crc",
    "user-data",
    "user-facing-time",
];

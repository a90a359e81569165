//! Continuous glucose monitoring (service 181F).
//!
//! GSS CGM Measurement (one or more records in a value, each with its own size), CGM Feature, CGM
//! Status, CGM Session Start Time, CGM Session Run Time, CGM Specific Ops Control Point.
//!
//! E2E-CRC (CGM Service, section 3.11): where [`Known::crc`] says the device has it, the last two
//! bytes of each record or value are the CCITT check sum of the rest, polynomial
//! x16 + x12 + x5 + 1, least significant bit first, starting at FFFF (CRC-16/MCRF4XX).
//! Times are minutes since the session's start, which is a characteristic of its own.

use super::bytes::{Bytes, Flags, RESERVED};
use super::glucose::sample;
use super::measure::{CGM_QUALITY, GLUCOSE_TREND, RUN_TIME, glucose};
use super::time::{Zone, zone};
use super::{Amount, DeviceTime, Features, Known, Measured, Packet, Reading, Refused, uuid};
use std::borrow::Cow;

/// GSS CGM Measurement: size, flags (bit 0 trend, 1 quality, 5 warning, 6 calibration and
/// temperature, 7 status), glucose in mg/dL, minutes since the session's start.
pub(super) fn measurement(value: &[u8], known: Known) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let mut readings = Vec::new();
    while !bytes.is_empty() || readings.is_empty() {
        let mut ahead = bytes;
        let size = usize::from(ahead.u8()?);
        // size, flags, glucose and time
        if size < 6 {
            return Err(Refused::Range);
        }
        readings.push(record(bytes.slice(size)?, known)?);
    }
    Ok(Packet::Readings(readings))
}

fn record(value: &[u8], known: Known) -> Result<Reading, Refused> {
    let mut bytes = Bytes::new(checked(value, known)?);
    bytes.u8()?;
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::CGM_MEASUREMENT);
    reading.push(glucose::INTERSTITIAL, bytes.sfloat()?, "mg/dL");
    let minutes = bytes.u16()?;
    reading.time = Some(DeviceTime::Session { minutes });
    for (bit, words) in [(7, &STATUS), (6, &CALIBRATION), (5, &WARNING)] {
        if flags.has(bit) {
            let octet = Flags::from(bytes.u8()?);
            reading.status.extend(octet.words(words));
            if octet.without(words) != 0 {
                reading.status.push(RESERVED);
            }
        }
    }
    if flags.has(0) {
        reading.push(GLUCOSE_TREND, bytes.sfloat()?, "mg/dL/min");
    }
    if flags.has(1) {
        reading.push(CGM_QUALITY, bytes.sfloat()?, "%");
    }
    reading.extra = bytes.end(flags, 0b1110_0011)?;
    Ok(reading)
}

/// GSS CGM Feature: 24 bits, type and location, and a CRC that is there always and counts where
/// bit 12 is set.
pub(super) fn feature(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u24()?);
    let place = bytes.u8()?;
    bytes.u16()?;
    bytes.done()?;
    let crc = flags.has(12);
    checked(
        value,
        Known {
            crc,
            ..Known::default()
        },
    )?;
    let mut features = Features::of(uuid::CGM_FEATURE);
    features.has = flags.words(&FEATURES);
    features.extra.reserved = flags.without(&FEATURES);
    let mut words = Reading::default();
    sample(place, &mut words);
    features.words = words.words;
    Ok(Packet::Features(features))
}

/// GSS CGM Status: minutes since the session's start, 24 bits.
pub(super) fn status(value: &[u8], known: Known) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(checked(value, known)?);
    let minutes = bytes.u16()?;
    let octets: [u8; 3] = bytes.take()?;
    bytes.done()?;
    let mut features = Features::of(uuid::CGM_STATUS);
    for (octet, words) in octets.into_iter().zip([&STATUS, &CALIBRATION, &WARNING]) {
        let octet = Flags::from(octet);
        features.has.extend(octet.words(words));
        features.extra.reserved |= octet.without(words);
    }
    let time = DeviceTime::Session { minutes };
    features.words.push(("time", Cow::Owned(time.sent())));
    Ok(Packet::Features(features))
}

/// GSS CGM Session Start Time: Date Time, time zone, DST offset.
pub(super) fn session_start(value: &[u8], known: Known) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(checked(value, known)?);
    let start = bytes.date_time()?;
    let zone = zone(&mut bytes)?;
    bytes.done()?;
    Ok(Packet::SessionStart { start, zone })
}

/// What to write to CGM Session Start Time: the time on the wall now, which begins the session.
///
/// # Errors
///
/// Range, if `start` is no calendar time.
pub fn session_start_bytes(
    start: DeviceTime,
    zone: Zone,
    known: Known,
) -> Result<Vec<u8>, Refused> {
    let mut bytes = start.bytes().ok_or(Refused::Range)?;
    bytes.extend(zone.bytes());
    if known.crc {
        let sum = crc(&bytes);
        bytes.extend(sum.to_le_bytes());
    }
    Ok(bytes)
}

/// GSS CGM Session Run Time: hours.
pub(super) fn run_time(value: &[u8], known: Known) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(checked(value, known)?);
    let hours = bytes.u16()?;
    bytes.done()?;
    let mut features = Features::of(uuid::CGM_SESSION_RUN_TIME);
    features.values.push(Measured {
        what: RUN_TIME,
        amount: Amount::whole(hours),
        unit: "h",
    });
    Ok(Packet::Features(features))
}

/// GSS CGM Specific Ops Control Point, as indicated: op code 28 with the request and its result,
/// or a value that was asked for.
pub(super) fn specific_ops(value: &[u8], known: Known) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(checked(value, known)?);
    let code = bytes.u8()?;
    let mut features = Features::of(uuid::CGM_SPECIFIC_OPS);
    match code {
        28 => {
            let (request, result) = (bytes.u8()?, bytes.u8()?);
            let result = match result {
                0 => RESERVED,
                other => super::bytes::word(other, &RESULTS),
            };
            features.words = vec![
                ("request", Cow::Owned(request.to_string())),
                ("result", Cow::Borrowed(result)),
            ];
        }
        3 => features.values.push(Measured {
            what: super::measure::INTERVAL,
            amount: Amount::whole(bytes.u8()?),
            unit: "min",
        }),
        6 | 9 | 12 | 15 | 18 | 21 | 24 => {
            features.words = vec![
                ("answer", Cow::Owned(code.to_string())),
                ("operand", Cow::Owned(hex::encode(bytes.rest()))),
            ];
            if bytes.is_empty() {
                return Err(Refused::Truncated);
            }
            bytes = Bytes::new(&[]);
        }
        _ => return Err(Refused::Reserved),
    }
    bytes.done()?;
    Ok(Packet::Features(features))
}

/// The value without its check sum, which must hold where there is one.
pub(super) fn checked(value: &[u8], known: Known) -> Result<&[u8], Refused> {
    if !known.crc {
        return Ok(value);
    }
    let (rest, sent) = value.split_last_chunk().ok_or(Refused::Truncated)?;
    if u16::from_le_bytes(*sent) == crc(rest) {
        Ok(rest)
    } else {
        Err(Refused::Checksum)
    }
}

/// CRC-16/MCRF4XX: the check sum of "123456789" is 6F91.
pub(super) fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(u16::MAX, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            crc.wrapping_shr(1) ^ if crc & 1 == 1 { 0x8408 } else { 0 }
        })
    })
}

const STATUS: [&str; 8] = [
    "session-stopped",
    "low-battery",
    "sensor-type",
    "sensor-malfunction",
    "device-alert",
    "device-fault",
    "",
    "",
];

const CALIBRATION: [&str; 8] = [
    "time-sync-required",
    "calibration-not-allowed",
    "calibration-recommended",
    "calibration-required",
    "temperature-too-high",
    "temperature-too-low",
    "calibration-pending",
    "",
];

const WARNING: [&str; 8] = [
    "below-patient-low",
    "above-patient-high",
    "below-hypo",
    "above-hyper",
    "falling-fast",
    "rising-fast",
    "result-too-low",
    "result-too-high",
];

const FEATURES: [&str; 17] = [
    "calibration",
    "patient-alerts",
    "hypo-alerts",
    "hyper-alerts",
    "rate-alerts",
    "device-alert",
    "sensor-malfunction",
    "temperature-high-low",
    "result-high-low",
    "low-battery",
    "sensor-type",
    "device-fault",
    "crc",
    "multiple-bonds",
    "multiple-sessions",
    "trend",
    "quality",
];

const RESULTS: [&str; 6] = [
    "",
    "success",
    "unsupported",
    "invalid-operand",
    "not-completed",
    "out-of-range",
];

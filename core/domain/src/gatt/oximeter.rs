//! Pulse oximeter (service 1822).
//!
//! Pulse Oximeter Service 1.0.1, tables 3.2 to 3.8; GSS has no entry. Spot check (indicated):
//! flags (bit 0 time, 1 measurement status, 2 device and sensor status, 3 pulse amplitude index,
//! 4 the clock is not set), saturation and pulse as SFLOAT. Continuous (notified): flags (bit 0
//! fast, 1 slow, 2, 3, 4 as 1, 2, 3 above), then normal, fast and slow pairs.

use super::bytes::{Bytes, Flags, RESERVED};
use super::measure::{
    FAST_PULSE, FAST_SATURATION, HEART_RATE, PULSE_AMPLITUDE, SATURATION, SLOW_PULSE,
    SLOW_SATURATION,
};
use super::{Features, Packet, Reading, Refused, uuid};
use std::borrow::Cow;

/// PLX Spot-Check Measurement, table 3.2.
pub(super) fn spot_check(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::PLX_SPOT_CHECK);
    reading.push(SATURATION, bytes.sfloat()?, "%");
    reading.push(HEART_RATE, bytes.sfloat()?, "/min");
    if flags.has(0) {
        reading.time = Some(bytes.date_time()?);
    }
    status(&mut bytes, flags, 1, &mut reading)?;
    if flags.has(4) {
        reading.status.push("clock-not-set");
    }
    reading.extra = bytes.end(flags, 0b1_1111)?;
    Ok(Packet::one(reading))
}

/// PLX Continuous Measurement, table 3.6. The normal pair becomes records, fast and slow do not:
/// they are other averages of the same beats.
pub(super) fn continuous(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::PLX_CONTINUOUS);
    reading.push(SATURATION, bytes.sfloat()?, "%");
    reading.push(HEART_RATE, bytes.sfloat()?, "/min");
    if flags.has(0) {
        reading.push(FAST_SATURATION, bytes.sfloat()?, "%");
        reading.push(FAST_PULSE, bytes.sfloat()?, "/min");
    }
    if flags.has(1) {
        reading.push(SLOW_SATURATION, bytes.sfloat()?, "%");
        reading.push(SLOW_PULSE, bytes.sfloat()?, "/min");
    }
    status(&mut bytes, flags, 2, &mut reading)?;
    reading.extra = bytes.end(flags, 0b1_1111)?;
    Ok(Packet::one(reading))
}

/// PLX Features, table 3.8: what is supported, then which status bits are.
pub(super) fn features(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u16()?);
    let mut features = Features::of(uuid::PLX_FEATURES);
    features.has = flags.words(&FEATURES);
    let mut list = |name: &'static str, words: Vec<&'static str>| {
        features.words.push((name, Cow::Owned(words.join(" "))));
    };
    if flags.has(0) {
        list(
            "measurement-status",
            Flags::from(bytes.u16()?).words(&MEASUREMENT),
        );
    }
    if flags.has(1) {
        list("device-status", Flags::from(bytes.u24()?).words(&DEVICE));
    }
    let without = flags.without(&FEATURES);
    features.extra = bytes.end(Flags::from(without), 0)?;
    Ok(Packet::Features(features))
}

/// Measurement status, device and sensor status and amplitude, whose flags begin at `from`.
fn status(
    bytes: &mut Bytes<'_>,
    flags: Flags,
    from: u32,
    reading: &mut Reading,
) -> Result<(), Refused> {
    let present = |further: u32| flags.has(from.saturating_add(further));
    let mut all = Vec::new();
    if present(0) {
        all.push((Flags::from(bytes.u16()?), &MEASUREMENT));
    }
    if present(1) {
        all.push((Flags::from(bytes.u24()?), &DEVICE));
    }
    for (bits, words) in all {
        reading.status.extend(bits.words(words));
        if bits.without(words) != 0 {
            reading.status.push(RESERVED);
        }
    }
    if present(2) {
        reading.push(PULSE_AMPLITUDE, bytes.sfloat()?, "%");
    }
    Ok(())
}

/// Table 3.4; bits 0 to 4 are reserved.
const MEASUREMENT: [&str; 16] = [
    "",
    "",
    "",
    "",
    "",
    "ongoing",
    "early-estimate",
    "validated",
    "fully-qualified",
    "from-storage",
    "demonstration",
    "testing",
    "calibrating",
    "unavailable",
    "questionable",
    "invalid",
];

/// Table 3.5; bits 16 to 23 are reserved.
const DEVICE: [&str; 16] = [
    "extended-display",
    "malfunction",
    "signal-irregular",
    "signal-inadequate",
    "signal-poor",
    "low-perfusion",
    "signal-erratic",
    "no-pulse",
    "pulse-questionable",
    "analysing",
    "interference",
    "no-finger",
    "sensor-unknown",
    "sensor-displaced",
    "sensor-malfunction",
    "sensor-disconnected",
];

const FEATURES: [&str; 8] = [
    "measurement-status",
    "device-status",
    "storage",
    "time",
    "fast",
    "slow",
    "pulse-amplitude",
    "multiple-bonds",
];

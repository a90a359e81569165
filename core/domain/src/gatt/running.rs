//! Running speed and cadence (service 1814).
//!
//! GSS RSC Measurement: flags (bit 0 stride length, 1 total distance, 2 running, else walking),
//! speed in 1/256 m/s, cadence in steps a minute, stride length in cm, distance in 0.1 m.
//!
//! The distance counts since the sensor began: a counter, no record.

use super::bytes::{Bytes, Flags};
use super::measure::{SPEED, STEP_RATE, STRIDE_LENGTH, TOTAL_DISTANCE};
use super::{Amount, Features, Packet, Reading, Refused, uuid};

/// GSS RSC Measurement.
pub(super) fn measurement(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::RSC_MEASUREMENT);
    reading.push(SPEED, Amount::binary(i64::from(bytes.u16()?), 8), "m/s");
    reading.push(STEP_RATE, Amount::whole(bytes.u8()?), "/min");
    if flags.has(0) {
        reading.push(STRIDE_LENGTH, Amount::whole(bytes.u16()?), "cm");
    }
    if flags.has(1) {
        reading.push(
            TOTAL_DISTANCE,
            Amount::scaled(i64::from(bytes.u32()?), -1),
            "m",
        );
    }
    reading.say("gait", if flags.has(2) { "running" } else { "walking" });
    reading.extra = bytes.end(flags, 0b111)?;
    Ok(Packet::one(reading))
}

/// GSS RSC Feature, 16 bits.
pub(super) fn feature(value: &[u8]) -> Result<Packet, Refused> {
    let words = [
        "stride-length",
        "total-distance",
        "gait",
        "calibration",
        "several-locations",
    ];
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u16()?);
    bytes.done()?;
    let mut features = Features::of(uuid::RSC_FEATURE);
    features.has = flags.words(&words);
    features.extra.reserved = flags.without(&words);
    Ok(Packet::Features(features))
}

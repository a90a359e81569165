//! Cycling speed and cadence (service 1816).
//!
//! GSS CSC Measurement: flags (bit 0 wheel, 1 crank), cumulative wheel revolutions (32 bits) and
//! the time of the last one in 1/1024 s, cumulative crank revolutions (16 bits) and their time.
//! Both times wrap every 64 s: [`super::cadence`] turns two packets into a difference.

use super::bytes::{Bytes, Flags, word};
use super::cadence::Turns;
use super::measure::{CRANK_TIME, CRANK_TURNS, WHEEL_TIME, WHEEL_TURNS};
use super::{Amount, Features, Packet, Reading, Refused, uuid};
use std::borrow::Cow;

/// GSS CSC Measurement.
pub(super) fn measurement(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::CSC_MEASUREMENT);
    if flags.has(0) {
        let turns = Turns {
            count: bytes.u32()?,
            at: bytes.u16()?,
        };
        reading.push(WHEEL_TURNS, Amount::whole(turns.count), "1");
        reading.push(WHEEL_TIME, Amount::binary(i64::from(turns.at), 10), "s");
        reading.wheel = Some(turns);
    }
    if flags.has(1) {
        let turns = Turns {
            count: u32::from(bytes.u16()?),
            at: bytes.u16()?,
        };
        reading.push(CRANK_TURNS, Amount::whole(turns.count), "1");
        reading.push(CRANK_TIME, Amount::binary(i64::from(turns.at), 10), "s");
        reading.crank = Some(turns);
    }
    reading.extra = bytes.end(flags, 0b11)?;
    Ok(Packet::one(reading))
}

/// GSS CSC Feature, 16 bits.
pub(super) fn feature(value: &[u8]) -> Result<Packet, Refused> {
    let words = ["wheel", "crank", "several-locations"];
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u16()?);
    bytes.done()?;
    let mut features = Features::of(uuid::CSC_FEATURE);
    features.has = flags.words(&words);
    features.extra.reserved = flags.without(&words);
    Ok(Packet::Features(features))
}

/// GSS Sensor Location: of a running or cycling sensor.
pub(super) fn location(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let place = word(bytes.u8()?, &LOCATIONS);
    bytes.done()?;
    let mut features = Features::of(uuid::SENSOR_LOCATION);
    features.words.push(("location", Cow::Borrowed(place)));
    Ok(Packet::Features(features))
}

const LOCATIONS: [&str; 17] = [
    "other",
    "top-of-shoe",
    "in-shoe",
    "hip",
    "front-wheel",
    "left-crank",
    "right-crank",
    "left-pedal",
    "right-pedal",
    "front-hub",
    "rear-dropout",
    "chainstay",
    "rear-wheel",
    "rear-hub",
    "chest",
    "spider",
    "chain-ring",
];

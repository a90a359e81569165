//! Heart rate (service 180D).
//!
//! GSS Heart Rate Measurement: flags (bit 0 16-bit rate, 1 contact detected, 2 contact supported,
//! 3 energy, 4 RR intervals), rate in beats a minute, energy, RR intervals in 1/1024 s, oldest
//! first. Above 60 beats a minute several RR intervals come in one packet.
//!
//! Energy: the service specification counts kilojoules since the last reset and stays at 65,535
//! once there; GSS writes "joule" for the same field. It is a counter, so no record by itself.

use super::bytes::{Bytes, Flags, word};
use super::measure::{ENERGY_EXPENDED, HEART_RATE};
use super::{Amount, Features, Packet, Reading, Refused, uuid};
use std::borrow::Cow;

/// GSS Heart Rate Measurement.
pub(super) fn measurement(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(uuid::HEART_RATE_MEASUREMENT);
    let rate = if flags.has(0) {
        bytes.u16()?
    } else {
        u16::from(bytes.u8()?)
    };
    reading.push(HEART_RATE, Amount::whole(rate), "/min");
    if flags.has(2) {
        reading
            .status
            .push(if flags.has(1) { "contact" } else { NO_CONTACT });
    }
    if flags.has(3) {
        let energy = bytes.u16()?;
        reading.push(ENERGY_EXPENDED, Amount::whole(energy), "kJ");
        if energy == u16::MAX {
            reading.status.push("energy-at-limit");
        }
    }
    if flags.has(4) {
        while !bytes.is_empty() {
            reading.beats.push(bytes.u16()?);
        }
    }
    reading.extra = bytes.end(flags, 0b1_1111)?;
    Ok(Packet::one(reading))
}

/// GSS Body Sensor Location.
pub(super) fn location(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let place = word(bytes.u8()?, &LOCATIONS);
    bytes.done()?;
    let mut features = Features::of(uuid::BODY_SENSOR_LOCATION);
    features.words.push(("location", Cow::Borrowed(place)));
    Ok(Packet::Features(features))
}

/// The sensor feels no skin: what it measures then is no heart.
pub(super) const NO_CONTACT: &str = "no-contact";

const LOCATIONS: [&str; 7] = [
    "other", "chest", "wrist", "finger", "hand", "ear-lobe", "foot",
];

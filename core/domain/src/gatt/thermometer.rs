//! Thermometer (service 1809).
//!
//! GSS Temperature Measurement and Intermediate Temperature (flags: bit 0 Fahrenheit, 1 time,
//! 2 site; FLOAT), Temperature Type, Measurement Interval.

use super::bytes::{Bytes, Flags, word};
use super::measure::{INTERVAL, LIVE_TEMPERATURE, ORAL_TEMPERATURE, TEMPERATURE};
use super::{Amount, Features, Measured, Packet, Reading, Refused, uuid};
use std::borrow::Cow;

/// GSS Temperature Measurement. In the mouth it has a code of its own.
pub(super) fn measurement(value: &[u8]) -> Result<Packet, Refused> {
    let mut reading = temperature(uuid::TEMPERATURE_MEASUREMENT, value)?;
    let oral = reading.words.contains(&("site", Cow::Borrowed("mouth")));
    for value in &mut reading.values {
        value.what = if oral { ORAL_TEMPERATURE } else { TEMPERATURE };
    }
    Ok(Packet::one(reading))
}

/// GSS Intermediate Temperature: shown while it settles; no record.
pub(super) fn intermediate(value: &[u8]) -> Result<Packet, Refused> {
    temperature(uuid::INTERMEDIATE_TEMPERATURE, value).map(Packet::one)
}

/// GSS Temperature Type: where this thermometer measures.
pub(super) fn site(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let site = word(bytes.u8()?, &SITES);
    bytes.done()?;
    let mut features = Features::of(uuid::TEMPERATURE_TYPE);
    features.words.push(("site", Cow::Borrowed(site)));
    Ok(Packet::Features(features))
}

/// GSS Measurement Interval: seconds, 0 for no periodic measurement.
pub(super) fn interval(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let seconds = bytes.u16()?;
    bytes.done()?;
    let mut features = Features::of(uuid::MEASUREMENT_INTERVAL);
    features.values.push(Measured {
        what: INTERVAL,
        amount: Amount::whole(seconds),
        unit: "s",
    });
    Ok(Packet::Features(features))
}

fn temperature(characteristic: u16, value: &[u8]) -> Result<Reading, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut reading = Reading::of(characteristic);
    let unit = if flags.has(0) { "[degF]" } else { "Cel" };
    reading.push(LIVE_TEMPERATURE, bytes.float()?, unit);
    if flags.has(1) {
        reading.time = Some(bytes.date_time()?);
    }
    if flags.has(2) {
        reading.say("site", word(bytes.u8()?, &SITES));
    }
    reading.extra = bytes.end(flags, 0b111)?;
    Ok(reading)
}

/// GSS Temperature Type; the numbers of IEEE 11073-10408.
const SITES: [&str; 10] = [
    "",
    "armpit",
    "body",
    "ear",
    "finger",
    "gastro-intestinal",
    "mouth",
    "rectum",
    "toe",
    "tympanum",
];

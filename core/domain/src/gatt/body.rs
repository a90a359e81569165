//! Body composition (service 181B).
//!
//! GSS Body Composition Measurement: 16 flags (bit 0 pounds and inches, 1 time, 2 user, 3 basal
//! metabolism, 4 muscle percentage, 5 muscle mass, 6 fat-free mass, 7 soft lean mass, 8 body water
//! mass, 9 impedance, 10 weight, 11 height, 12 one of several packets); body fat is always there.
//! Impedance: the service says 0.1 ohm; GSS gives d = -2 and says "1/10 of an Ohm" beside it.

use super::bytes::{Bytes, Flags};
use super::measure::{
    BASAL_METABOLISM, BODY_FAT, BODY_WATER, FAT_FREE_MASS, HEIGHT, IMPEDANCE, MUSCLE_MASS,
    MUSCLE_PERCENTAGE, SOFT_LEAN_MASS, WEIGHT,
};
use super::{Absent, Amount, Features, Packet, Reading, Refused, uuid, weight};

/// GSS Body Composition Measurement. FFFF for the fat is "measurement unsuccessful" (Body
/// Composition Service, section 3.2.1.2).
pub(super) fn measurement(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u16()?);
    let mut reading = Reading::of(uuid::BODY_COMPOSITION_MEASUREMENT);
    let fat = match bytes.u16()? {
        u16::MAX => Amount::Absent(Absent::Unsuccessful),
        tenths => Amount::scaled(i64::from(tenths), -1),
    };
    reading.push(BODY_FAT, fat, "%");
    if flags.has(1) {
        reading.time = Some(bytes.date_time()?);
    }
    if flags.has(2) {
        reading.user = Some(bytes.u8()?);
    }
    if flags.has(3) {
        reading.push(BASAL_METABOLISM, Amount::whole(bytes.u16()?), "kJ");
    }
    if flags.has(4) {
        let tenths = i64::from(bytes.u16()?);
        reading.push(MUSCLE_PERCENTAGE, Amount::scaled(tenths, -1), "%");
    }
    for (bit, what) in (5..).zip([MUSCLE_MASS, FAT_FREE_MASS, SOFT_LEAN_MASS, BODY_WATER]) {
        if flags.has(bit) {
            let (amount, unit) = weight::mass(bytes.u16()?, flags);
            reading.push(what, amount, unit);
        }
    }
    if flags.has(9) {
        let tenths = i64::from(bytes.u16()?);
        reading.push(IMPEDANCE, Amount::scaled(tenths, -1), "Ohm");
    }
    if flags.has(10) {
        let (amount, unit) = weight::mass(bytes.u16()?, flags);
        reading.push(WEIGHT, amount, unit);
    }
    if flags.has(11) {
        let (amount, unit) = weight::height(bytes.u16()?, flags);
        reading.push(HEIGHT, amount, unit);
    }
    reading.more = flags.has(12);
    reading.extra = bytes.end(flags, 0x1fff)?;
    Ok(Packet::one(reading))
}

/// GSS Body Composition Feature, 32 bits.
pub(super) fn feature(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u32()?);
    bytes.done()?;
    let mut features = Features::of(uuid::BODY_COMPOSITION_FEATURE);
    features.has = flags.words(&FEATURES);
    features.words = weight::resolutions(flags, 11);
    features.extra.reserved = flags.0 & 0xfffc_0000;
    Ok(Packet::Features(features))
}

const FEATURES: [&str; 11] = [
    "time",
    "multiple-users",
    "basal-metabolism",
    "muscle-percentage",
    "muscle-mass",
    "fat-free-mass",
    "soft-lean-mass",
    "body-water",
    "impedance",
    "weight",
    "height",
];

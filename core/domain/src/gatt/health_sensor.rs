//! Generic health sensor (service 1840): any observation of IEEE 11073-10206, by its MDC code.
//!
//! Live and Stored Health Observations: a segmentation header ([`super::segments`]), for stored
//! ones a record number of 32 bits, then the observation: class, length, flags (bit 0 type, 1 time,
//! 2 duration, 3 status, 4 id, 5 patient, 6 supplemental information, 7 derived from, 8 member of,
//! 9 TLVs), the fields the flags announce, the value.
//!
//! Generic Health Sensor Service 1.0 was not at hand, GSS has no entry. The layout is that of a
//! published sensor with its annotated examples; they show every field but duration, status, member
//! of and TLVs, whose widths (FLOAT, 16 bits, lists as for "derived from") are those of IEEE
//! 11073-10206. The length in each observation must come out exactly, so a field that is wider or
//! narrower than this is refused, never misread.
//!
//! Read: numeric (1), discrete (2) and text (3) observations, compounds (7) of numbers, bundles (255)
//! of these. Of sample arrays and events (4, 5, 6, 8) the class and the bytes are kept.

use super::bytes::{Bytes, Flags};
use super::current_time::elapsed;
use super::measure::{self, Measure};
use super::{DeviceTime, Features, Packet, Reading, Refused, uuid};
use std::borrow::Cow;

/// One or more observations, put together.
pub(super) fn observations(characteristic: u16, value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let record_number = if characteristic == uuid::STORED_HEALTH_OBSERVATIONS {
        Some(bytes.u32()?)
    } else {
        None
    };
    let mut reading = Reading::of(characteristic);
    reading.record_number = record_number;
    let mut readings = Vec::new();
    observation(&mut bytes, &reading, &mut readings, true)?;
    bytes.done()?;
    Ok(Packet::Readings(readings))
}

/// Reads one observation; what a bundle says of all its members is in `common`.
fn observation(
    bytes: &mut Bytes<'_>,
    common: &Reading,
    readings: &mut Vec<Reading>,
    may_be_bundle: bool,
) -> Result<(), Refused> {
    let class = bytes.u8()?;
    let length = usize::from(bytes.u16()?);
    let mut body = Bytes::new(bytes.slice(length)?);
    let flags = Flags::from(body.u16()?);
    if flags.field(10, u32::MAX) != 0 {
        return Err(Refused::Reserved);
    }
    let mut reading = common.clone();
    let kind = if flags.has(0) {
        Some(body.u32()?)
    } else {
        None
    };
    attributes(&mut body, flags, &mut reading)?;
    match class {
        1 => numeric(&mut body, kind, &mut reading)?,
        2 => {
            let code = body.u32()?;
            named(kind, &mut reading);
            reading.words.push(("value", mdc_word(code)));
        }
        3 => {
            let length = usize::from(body.u16()?);
            let text = std::str::from_utf8(body.slice(length)?).map_err(|_| Refused::Text)?;
            named(kind, &mut reading);
            reading.words.push(("text", Cow::Owned(text.to_owned())));
        }
        7 => compound(&mut body, kind, &mut reading)?,
        4..=6 | 8 => {
            named(kind, &mut reading);
            let word = CLASSES.get(usize::from(class)).copied().unwrap_or_default();
            reading.words.push(("class", Cow::Borrowed(word)));
            let rest = hex::encode(body.rest());
            reading.words.push(("body", Cow::Owned(rest)));
            body = Bytes::new(&[]);
        }
        255 if may_be_bundle => {
            for _ in 0..body.u8()? {
                observation(&mut body, &reading, readings, false)?;
            }
            return body.done();
        }
        _ => return Err(Refused::Reserved),
    }
    body.done()?;
    readings.push(reading);
    Ok(())
}

fn attributes(body: &mut Bytes<'_>, flags: Flags, reading: &mut Reading) -> Result<(), Refused> {
    if flags.has(1) {
        reading.time = Some(DeviceTime::Elapsed(elapsed(body)?));
    }
    if flags.has(2) {
        reading.push(measure::DURATION, body.float()?, "s");
    }
    if flags.has(3) {
        reading
            .status
            .extend(Flags::from(body.u16()?).words(&STATUS));
    }
    if flags.has(4) {
        let id = body.u32()?;
        reading
            .words
            .push(("observation", Cow::Owned(id.to_string())));
    }
    if flags.has(5) {
        reading.user = Some(body.u8()?);
    }
    for (bit, name) in [(6, "supplement"), (7, "derived-from"), (8, "member-of")] {
        if flags.has(bit) {
            let mut codes = Vec::new();
            for _ in 0..body.u8()? {
                codes.push(body.u32()?.to_string());
            }
            reading.words.push((name, Cow::Owned(codes.join(" "))));
        }
    }
    if flags.has(9) {
        let mut pairs = Vec::new();
        for _ in 0..body.u8()? {
            let (code, length) = (body.u32()?, usize::from(body.u16()?));
            body.u8()?;
            pairs.push(format!("{code}={}", hex::encode(body.slice(length)?)));
        }
        reading
            .words
            .push(("attributes", Cow::Owned(pairs.join(" "))));
    }
    Ok(())
}

/// Unit code and FLOAT.
fn numeric(body: &mut Bytes<'_>, kind: Option<u32>, reading: &mut Reading) -> Result<(), Refused> {
    let unit = body.u16()?;
    let amount = body.float()?;
    let unit = unit_of(unit, reading);
    reading.push(in_unit(measured(kind), unit), amount, unit);
    Ok(())
}

/// How many components; each its type, the class of its value, the value.
fn compound(body: &mut Bytes<'_>, kind: Option<u32>, reading: &mut Reading) -> Result<(), Refused> {
    named(kind, reading);
    for _ in 0..body.u8()? {
        let kind = body.u32()?;
        match body.u8()? {
            1 => numeric(body, Some(kind), reading)?,
            2 => {
                let code = body.u32()?;
                let pair = format!("{kind}={}", mdc_word(code));
                reading.words.push(("component", Cow::Owned(pair)));
            }
            _ => return Err(Refused::Reserved),
        }
    }
    Ok(())
}

/// Health Sensor Features: flags (bit 0 device specializations follow), the types it observes.
pub(super) fn features(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let flags = Flags::from(bytes.u8()?);
    let mut features = Features::of(uuid::HEALTH_SENSOR_FEATURES);
    let mut types = Vec::new();
    for _ in 0..bytes.u8()? {
        types.push(bytes.u32()?.to_string());
    }
    features.words.push(("types", Cow::Owned(types.join(" "))));
    if flags.has(0) {
        let mut kinds = Vec::new();
        for _ in 0..bytes.u8()? {
            let [low, high, version] = bytes.take()?;
            kinds.push(format!("{}/{version}", u16::from_le_bytes([low, high])));
        }
        features
            .words
            .push(("specializations", Cow::Owned(kinds.join(" "))));
    }
    features.extra = bytes.end(flags, 1)?;
    Ok(Packet::Features(features))
}

/// GHS Control Point, as indicated: 128 is success, 129 to 131 are refusals.
pub(super) fn control(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let result = bytes.u8()?;
    bytes.done()?;
    let word = match result {
        128 => "success",
        129..=255 => "refused",
        _ => return Err(Refused::Reserved),
    };
    let mut features = Features::of(uuid::HEALTH_SENSOR_CONTROL_POINT);
    features.words = vec![
        ("result", Cow::Borrowed(word)),
        ("code", Cow::Owned(result.to_string())),
    ];
    Ok(Packet::Features(features))
}

/// Observation Schedule Changed: type, measurement period and update interval in seconds.
pub(super) fn schedule(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let kind = bytes.u32()?;
    let mut features = Features::of(uuid::OBSERVATION_SCHEDULE_CHANGED);
    features.words.push(("type", mdc_word(kind)));
    for what in [measure::PERIOD, measure::INTERVAL] {
        features.values.push(super::Measured {
            what,
            amount: bytes.float()?,
            unit: "s",
        });
    }
    bytes.done()?;
    Ok(Packet::Features(features))
}

/// What to write to the control point: 1 starts live observations, 2 stops them.
pub const START_LIVE: [u8; 1] = [1];
/// As [`START_LIVE`].
pub const STOP_LIVE: [u8; 1] = [2];

fn named(kind: Option<u32>, reading: &mut Reading) {
    if let Some(kind) = kind {
        reading.words.push(("type", mdc_word(kind)));
    }
}

fn mdc_word(code: u32) -> Cow<'static, str> {
    Cow::Owned(format!("mdc {code}"))
}

/// What an MDC code is of; a code without a measure here stays a number with its code.
fn measured(kind: Option<u32>) -> Measure {
    let Some(kind) = kind else {
        return measure::UNTYPED;
    };
    MEASURES.iter().find(|(code, _)| *code == kind).map_or(
        Measure {
            mdc: Some(kind),
            ..measure::UNTYPED
        },
        |(_, what)| *what,
    )
}

/// A code of a mass is none of an amount of substance.
fn in_unit(what: Measure, unit: &str) -> Measure {
    match (what, unit) {
        (measure::glucose::CAPILLARY_MASS, "mmol/L") => measure::glucose::CAPILLARY_MOLAR,
        (measure::glucose::INTERSTITIAL, "mmol/L") => measure::glucose::INTERSTITIAL_MOLAR,
        (what, _) => what,
    }
}

/// UCUM of an MDC unit; what has none here is told in the words, and becomes no record.
fn unit_of(code: u16, reading: &mut Reading) -> &'static str {
    let found = UNITS.iter().find(|(known, _)| *known == code);
    found.map_or_else(
        || {
            let word = format!("mdc 4::{code}");
            reading.words.push(("unit", Cow::Owned(word)));
            ""
        },
        |(_, unit)| *unit,
    )
}

/// IEEE 11073-10101, partition 2, and the measures of the other profiles.
const MEASURES: [(u32, Measure); 16] = [
    (147_842, measure::HEART_RATE),
    (149_530, measure::HEART_RATE),
    (149_546, measure::HEART_RATE),
    (150_456, measure::SATURATION),
    (150_488, measure::PULSE_AMPLITUDE),
    (150_021, measure::SYSTOLIC),
    (150_022, measure::DIASTOLIC),
    (150_023, measure::MEAN_PRESSURE),
    (150_364, measure::TEMPERATURE),
    (151_562, measure::RESPIRATORY_RATE),
    (160_184, measure::glucose::CAPILLARY_MASS),
    (188_736, measure::WEIGHT),
    (188_740, measure::HEIGHT),
    (188_748, measure::BODY_FAT),
    (188_752, measure::BMI),
    (160_212, measure::glucose::INTERSTITIAL),
];

/// IEEE 11073-10101, partition 4 (dimensions).
const UNITS: [(u16, &str); 20] = [
    (512, "1"),
    (544, "%"),
    (1_280, "m"),
    (1_297, "cm"),
    (1_376, "[in_i]"),
    (1_731, "kg"),
    (1_728, "g"),
    (1_760, "[lb_av]"),
    (1_952, "kg/m2"),
    (2_130, "mg/dL"),
    (2_176, "s"),
    (2_194, "ms"),
    (2_208, "min"),
    (2_720, "/min"),
    (2_784, "/min"),
    (3_843, "kPa"),
    (3_872, "mm[Hg]"),
    (4_416, "[degF]"),
    (4_722, "mmol/L"),
    (6_048, "Cel"),
];

const CLASSES: [&str; 9] = [
    "",
    "",
    "",
    "",
    "sample-array",
    "compound-discrete-event",
    "compound-state-event",
    "",
    "tlv",
];

/// IEEE 11073-10206, measurement status; bits the service leaves out have no word.
const STATUS: [&str; 9] = [
    "invalid",
    "questionable",
    "unavailable",
    "calibrating",
    "testing",
    "early-estimate",
    "manual",
    "setting",
    "threshold",
];

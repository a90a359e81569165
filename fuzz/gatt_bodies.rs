//! What each fuzz target of the Bluetooth values does with its bytes. A plain test replays the
//! committed corpus, and mutations of the vectors, through the same functions.
#![allow(dead_code, reason = "each target uses one of these")]

use vitalwitness_domain::gatt::cadence::{Counter, Turns, Width};
use vitalwitness_domain::gatt::join::Join;
use vitalwitness_domain::gatt::racp::{Download, Event, Filter};
use vitalwitness_domain::gatt::segments::Segments;
use vitalwitness_domain::gatt::{self, At, Known, Packet, Reading, uuid};
use vitalwitness_domain::record::{Grade, Source};

/// Heart rate, battery, blood pressure, temperature, oxygen.
pub(crate) const VITALS: [u16; 15] = [
    uuid::HEART_RATE_MEASUREMENT,
    uuid::BODY_SENSOR_LOCATION,
    uuid::BATTERY_LEVEL,
    uuid::BLOOD_PRESSURE_MEASUREMENT,
    uuid::INTERMEDIATE_CUFF_PRESSURE,
    uuid::BLOOD_PRESSURE_FEATURE,
    uuid::ENHANCED_BLOOD_PRESSURE,
    uuid::ENHANCED_CUFF_PRESSURE,
    uuid::BLOOD_PRESSURE_RECORD,
    uuid::TEMPERATURE_MEASUREMENT,
    uuid::INTERMEDIATE_TEMPERATURE,
    uuid::TEMPERATURE_TYPE,
    uuid::PLX_SPOT_CHECK,
    uuid::PLX_CONTINUOUS,
    uuid::PLX_FEATURES,
];

/// Glucose, CGM, weight, body composition, and the control point of stored records.
pub(crate) const BODY: [u16; 14] = [
    uuid::GLUCOSE_MEASUREMENT,
    uuid::GLUCOSE_CONTEXT,
    uuid::GLUCOSE_FEATURE,
    uuid::CGM_MEASUREMENT,
    uuid::CGM_FEATURE,
    uuid::CGM_STATUS,
    uuid::CGM_SESSION_START_TIME,
    uuid::CGM_SESSION_RUN_TIME,
    uuid::CGM_SPECIFIC_OPS,
    uuid::WEIGHT_MEASUREMENT,
    uuid::WEIGHT_SCALE_FEATURE,
    uuid::BODY_COMPOSITION_MEASUREMENT,
    uuid::BODY_COMPOSITION_FEATURE,
    uuid::RECORD_ACCESS_CONTROL_POINT,
];

/// Running, cycling, machines, activity.
pub(crate) const MOTION: [u16; 18] = [
    uuid::RSC_MEASUREMENT,
    uuid::RSC_FEATURE,
    uuid::CSC_MEASUREMENT,
    uuid::CSC_FEATURE,
    uuid::SENSOR_LOCATION,
    uuid::TREADMILL_DATA,
    uuid::CROSS_TRAINER_DATA,
    uuid::ROWER_DATA,
    uuid::INDOOR_BIKE_DATA,
    uuid::FITNESS_MACHINE_FEATURE,
    uuid::TRAINING_STATUS,
    uuid::FITNESS_MACHINE_CONTROL_POINT,
    uuid::GENERAL_ACTIVITY_SUMMARY,
    uuid::CARDIO_ACTIVITY_INSTANT,
    uuid::STEP_ACTIVITY_SUMMARY,
    uuid::SLEEP_INSTANT,
    uuid::SLEEP_SUMMARY,
    uuid::PHYSICAL_ACTIVITY_FEATURES,
];

/// Device, clock, user, generic health sensor.
pub(crate) const DEVICE: [u16; 18] = [
    uuid::MANUFACTURER_NAME,
    uuid::MODEL_NUMBER,
    uuid::SERIAL_NUMBER,
    uuid::SYSTEM_ID,
    uuid::PNP_ID,
    uuid::REGULATORY_CERTIFICATION,
    uuid::CURRENT_TIME,
    uuid::LOCAL_TIME_INFORMATION,
    uuid::CURRENT_ELAPSED_TIME,
    uuid::USER_INDEX,
    uuid::USER_CONTROL_POINT,
    uuid::DATABASE_CHANGE_INCREMENT,
    uuid::MEASUREMENT_INTERVAL,
    uuid::LIVE_HEALTH_OBSERVATIONS,
    uuid::STORED_HEALTH_OBSERVATIONS,
    uuid::HEALTH_SENSOR_FEATURES,
    uuid::HEALTH_SENSOR_CONTROL_POINT,
    uuid::OBSERVATION_SCHEDULE_CHANGED,
];

pub(crate) fn vitals(bytes: &[u8]) {
    frames(&VITALS, bytes);
}

pub(crate) fn body(bytes: &[u8]) {
    frames(&BODY, bytes);
}

pub(crate) fn motion(bytes: &[u8]) {
    frames(&MOTION, bytes);
}

pub(crate) fn device(bytes: &[u8]) {
    frames(&DEVICE, bytes);
}

/// Frames as a session gets them: which characteristic, what is known, length, bytes.
fn frames(characteristics: &[u16], mut bytes: &[u8]) {
    let (mut segments, mut join) = (Segments::default(), Join::default());
    let mut parsed = 0;
    let mut given = Vec::new();
    while let [which, known_bits, length, rest @ ..] = bytes {
        let characteristic = characteristics[usize::from(*which) % characteristics.len()];
        let length = usize::from(*length).min(rest.len());
        let (value, after) = rest.split_at(length);
        bytes = after;
        let known = known(*known_bits);
        let mut found = value_of(characteristic, value, known).map(Some);
        if let Ok(Some(Packet::Segment(segment))) = found {
            (segments, found) = segments.apply(segment, known);
        }
        let Ok(Some(found)) = found else { continue };
        for reading in found.readings() {
            parsed += 1;
            let whole;
            (join, whole) = join.apply(reading.clone());
            given.extend(whole);
        }
    }
    given.extend(join.flush());
    // joining loses no reading: each comes out whole, joined with another, or marked
    assert!(given.len() <= parsed && (parsed == 0 || !given.is_empty()));
    given.iter().for_each(keeps);
}

pub(crate) fn known(bits: u8) -> Known {
    let mut known = Known::default();
    known.plain_integers = bits & 1 == 1;
    known.crc = bits & 2 == 2;
    known
}

/// Reads one value; what is read reads the same again, becomes records a producer may write, and
/// shows nothing of itself in Debug but names.
pub(crate) fn value_of(
    characteristic: u16,
    value: &[u8],
    known: Known,
) -> Result<Packet, gatt::Refused> {
    let found = gatt::parse(characteristic, value, known);
    assert!(found == gatt::parse(characteristic, value, known));
    if let Ok(found) = &found {
        found.readings().iter().for_each(keeps);
        let _ = format!("{found:?}");
    }
    found
}

fn keeps(reading: &Reading) {
    let at = At {
        start_ms: 1_700_000_000_000,
        end_ms: None,
        offset_min: 60,
    };
    let source = Source {
        grade: Grade::Bonded,
        device: Some([7; 16]),
    };
    let kept = reading.records(at, source);
    for record in &kept.records {
        assert!(record.check().is_ok());
    }
    let panels = reading
        .values
        .iter()
        .filter(|value| value.what.panel.is_some())
        .count();
    let most = kept.records.len() + kept.left.len();
    assert!(most + panels >= reading.values.len() + reading.beats.len());
    let _ = reading.face_ms();
}

/// The control point's machine: any order of events (kind, length, bytes); records are never
/// forgotten, and a delete is written only when told that all that came is durable.
pub(crate) fn racp(mut bytes: &[u8]) {
    let mut download = Download::new(Filter::All);
    while let [kind, length, rest @ ..] = bytes {
        let (value, after) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = after;
        let event = match kind % 7 {
            0 => Event::Ask,
            1 => {
                let number = uuid::RECORD_ACCESS_CONTROL_POINT;
                let Ok(Packet::Answer(answer)) = gatt::parse(number, value, Known::default())
                else {
                    continue;
                };
                Event::Answered(answer)
            }
            2 => {
                let [low, high, ..] = value else { continue };
                let sequence = u16::from_le_bytes([*low, *high]);
                Event::Record { sequence }
            }
            3 => Event::Abort,
            4 => Event::Silence,
            5 => Event::Lost,
            _ => Event::Erase {
                durable: value.len(),
            },
        };
        let Ok(next) = download.clone().apply(event) else {
            continue;
        };
        if next.write().is_some_and(|write| write.first() == Some(&2)) {
            assert_eq!(
                event,
                Event::Erase {
                    durable: download.received()
                }
            );
        }
        assert!(next.received() >= download.received());
        download = next;
    }
}

/// Counters that wrap.
pub(crate) fn cadence(bytes: &[u8]) {
    for width in [Width::Bits16, Width::Bits32] {
        let (mut counter, mut now_ms) = (Counter::new(width), 0_u64);
        for packet in bytes.chunks_exact(8) {
            let two = |at: usize| u16::from_le_bytes([packet[at], packet[at + 1]]);
            now_ms += u64::from(two(6));
            let turns = Turns {
                count: u32::from(two(0)) | (u32::from(two(2)) << 16),
                at: two(4),
            };
            let between;
            (counter, between) = counter.apply(turns, now_ms);
            if let Some(between) = between {
                assert!(between.time > 0);
                let _ = between.per_minute();
            }
        }
    }
}

//! What comes again, in whatever form and by whatever way, is there once; what only looks like it
//! is kept.

use super::found;
use crate::support::{Home, MARCH};
use vitalwitness_domain::gatt::{self, Known, Reading};
use vitalwitness_domain::record::Record;
use vitalwitness_vault::ble::{
    Characteristic, Intake, Item, Learned, Proposal, Sensor, Taken, Whose,
};
use vitalwitness_vault::{Query, Vault};

const HEALTH_SENSOR: u16 = 0x1840;
const LIVE: u16 = 0x2B8B;
const STORED: u16 = 0x2BDD;

fn paired(vault: &Vault, peripheral: &str, whose: Whose) -> Sensor {
    let mut found = found("Device", &[HEALTH_SENSOR]);
    found.peripheral = peripheral.into();
    let confirmed = Proposal::of(found).confirm("Ada", whose).unwrap();
    vault.keep_sensor(&confirmed, &Learned::default()).unwrap()
}

fn item(service: u16, number: u16, bytes: &[u8], at_ms: i64) -> Item {
    let says = gatt::parse(number, bytes, Known::default());
    let from = Characteristic { service, number };
    Item {
        frames: vec![(from, at_ms, bytes.to_vec())],
        says: says.map(|packet| packet.readings().to_vec()),
    }
}

fn give(vault: &Vault, sensor: &Sensor, items: Vec<Item>) -> Taken {
    let intake = Intake {
        items,
        ..Intake::default()
    };
    vault.take_in(&sensor.id, &intake, &|_| 60).unwrap()
}

fn all(vault: &Vault) -> Vec<Record> {
    let query = Query {
        limit: 1_000,
        ..Query::default()
    };
    let page = vault.records(&query).unwrap();
    page.records.into_iter().map(|it| it.record).collect()
}

/// Blood Pressure Measurement, 121/79/93 mmHg, with a time on 28 February 2026.
fn pressure(minute: u8) -> Vec<u8> {
    vec![0x02, 121, 0, 79, 0, 93, 0, 0xEA, 0x07, 2, 28, 10, minute, 0]
}

/// Blood Pressure Measurement whose clock starts on 1 January 2010.
fn pressure_of_a_clock_that_restarts() -> Vec<u8> {
    vec![0x02, 121, 0, 79, 0, 93, 0, 0xDA, 0x07, 1, 1, 0, 5, 0]
}

/// Weight Measurement, 72.5 kg, with a time.
fn weight(year: u16) -> Vec<u8> {
    let [low, high] = year.to_le_bytes();
    let (month, day) = if year == 0 { (0, 0) } else { (2, 28) };
    vec![0x02, 0xA4, 0x38, low, high, month, day, 7, 30, 0]
}

#[test]
fn a_stored_reading_that_the_record_holds_from_elsewhere_is_repeated() {
    let home = Home::new(3);
    let vault = home.create();
    let sensor = paired(&vault, "F0:0D:BE:EF:00:01", Whose::Mine);
    let memory = |at_ms: i64| {
        let values = (0..20).map(|minute| item(0x1810, 0x2A35, &pressure(minute), at_ms));
        values.collect::<Vec<Item>>()
    };
    let first = give(&vault, &sensor, memory(MARCH));
    assert_eq!((first.counts.kept, first.counts.repeated), (20, 0));

    // a second device of the same make may say the same: both stand in the inventory
    let beside = paired(&vault, "F0:0D:BE:EF:00:02", Whose::Mine);
    let theirs = give(&vault, &beside, memory(MARCH));
    assert_eq!((theirs.counts.kept, theirs.counts.repeated), (20, 0));
    vault.forget_sensor(&beside.id).unwrap();
    vault.forget_sensor(&sensor.id).unwrap();

    // a phone that knows the device by another name, and has never taken anything of it
    let again = paired(&vault, "6a1f7b0e-opaque", Whose::Mine);
    assert_ne!(again.id, sensor.id);
    let second = give(&vault, &again, memory(MARCH + 86_400_000 * 3));
    assert_eq!((second.counts.kept, second.counts.repeated), (0, 20));
    let more = give(
        &vault,
        &again,
        vec![item(0x1810, 0x2A35, &pressure(40), MARCH)],
    );
    assert_eq!((more.counts.kept, more.counts.repeated), (1, 0));
    assert_eq!(all(&vault).len(), 41);
}

#[test]
fn every_member_of_a_bundle_is_kept() {
    let home = Home::new(3);
    let vault = home.create();
    let sensor = paired(&vault, "F0:0D:BE:EF:00:01", Whose::Mine);
    // tests/vectors/gatt health-sensor/bundle: saturation 98 %, heart rate 72
    let bundle = hex::decode(
        "03ff2a00020022974e742d0000060002010c000100b84b0200200262000000010c0001001a480200a00a48000000",
    );
    let bundle = bundle.unwrap();
    let arrived = 946_684_800_000 + 762_597_015_000 + 1_000;
    let taken = give(
        &vault,
        &sensor,
        vec![item(HEALTH_SENSOR, LIVE, &bundle, arrived)],
    );
    assert_eq!((taken.counts.kept, taken.counts.repeated), (2, 0));
    let mut codes: Vec<String> = all(&vault)
        .iter()
        .map(|it| it.stream_code().into())
        .collect();
    codes.sort();
    assert_eq!(codes, ["loinc|2708-6", "loinc|8867-4"]);
    let taken = give(
        &vault,
        &sensor,
        vec![item(HEALTH_SENSOR, LIVE, &bundle, arrived)],
    );
    assert_eq!((taken.counts.kept, taken.counts.repeated), (0, 2));
}

#[test]
fn equal_readings_of_a_clock_that_is_not_set_or_starts_anew_are_all_kept() {
    let home = Home::new(3);
    let vault = home.create();
    let sensor = paired(&vault, "F0:0D:BE:EF:00:01", Whose::Mine);
    let day = 86_400_000;
    for (service, number, bytes) in [
        (0x181D, 0x2A9D, weight(0)),
        (0x1810, 0x2A35, pressure_of_a_clock_that_restarts()),
    ] {
        for (days, kept) in [(0, 1), (3, 1), (9, 1)] {
            let value = item(service, number, &bytes, MARCH + days * day);
            let taken = give(&vault, &sensor, vec![value]);
            assert_eq!(taken.counts.kept, kept, "{number:04x} on day {days}");
        }
    }
    // the same day: the device sends again what was not confirmed
    let value = item(
        0x1810,
        0x2A35,
        &pressure_of_a_clock_that_restarts(),
        MARCH + 9 * day + 1_000,
    );
    assert_eq!(give(&vault, &sensor, vec![value]).counts.repeated, 1);
    assert_eq!(all(&vault).len(), 6);
}

/// (what, live, stored)
type Pair = (&'static str, (u16, u16, Vec<u8>), (u16, u16, Vec<u8>));

fn pairs() -> Vec<Pair> {
    // spot check, 98 %, 72/min, a time, measurement status: validated, later also from storage
    let spot = |status: u16| {
        let mut bytes = vec![0x03, 98, 0, 72, 0, 0xEA, 0x07, 2, 28, 10, 0, 0];
        bytes.extend(status.to_le_bytes());
        bytes
    };
    let mut record = vec![0x03, 7, 0, 0x35, 0x2A];
    record.extend(pressure(0));
    // body composition: fat 25.0 %, the same time, weight 72.5 kg
    let composition = vec![0x02, 0x04, 250, 0, 0xEA, 0x07, 2, 28, 7, 30, 0, 0xA4, 0x38];
    // a heart rate of 72; stored with record number 9
    let live = hex::decode("0301150003001a48020022974e742d00000600a00a48000000").unwrap();
    let mut stored = vec![0x03, 9, 0, 0, 0];
    stored.extend(&live[1..]);
    vec![
        (
            "a spot check and the same from storage",
            (0x1822, 0x2A5E, spot(0x0080)),
            (0x1822, 0x2A5E, spot(0x0280)),
        ),
        (
            "a blood pressure and its record",
            (0x1810, 0x2A35, pressure(0)),
            (0x1810, 0x2B36, record),
        ),
        (
            "a weight and the same beside the body's composition",
            (0x181D, 0x2A9D, weight(2026)),
            (0x181B, 0x2A9C, composition),
        ),
        (
            "a live and a stored observation",
            (HEALTH_SENSOR, LIVE, live),
            (HEALTH_SENSOR, STORED, stored),
        ),
    ]
}

#[test]
fn a_live_and_a_stored_copy_of_one_reading_are_one_record() {
    for (what, live, stored) in pairs() {
        for turned in [false, true] {
            let (first, second) = if turned {
                (&stored, &live)
            } else {
                (&live, &stored)
            };
            let home = Home::new(3);
            let vault = home.create();
            let sensor = paired(&vault, "F0:0D:BE:EF:00:01", Whose::Mine);
            let mut codes: Vec<String> = Vec::new();
            for (service, number, bytes) in [first, second] {
                let value = item(*service, *number, bytes, MARCH);
                let readings: Vec<Reading> = value.says.clone().unwrap();
                assert!(!readings.is_empty(), "{what}");
                give(&vault, &sensor, vec![value]);
                codes = all(&vault)
                    .iter()
                    .map(|it| it.stream_code().into())
                    .collect();
            }
            let count = codes.len();
            codes.sort();
            codes.dedup();
            assert_eq!(codes.len(), count, "{what}, turned {turned}: {codes:?}");
        }
    }
}

#[test]
fn a_reading_that_cannot_be_a_record_is_counted_and_its_bytes_kept_with_the_reason() {
    let home = Home::new(3);
    let vault = home.create();
    let sensor = paired(&vault, "F0:0D:BE:EF:00:01", Whose::Mine);
    // a heart rate of 72 at UTC, in a zone 31 hours ahead
    let bytes = hex::decode("0301150003001a48020012974e742d0000067fa00a48000000").unwrap();
    let value = || vec![item(HEALTH_SENSOR, LIVE, &bytes, MARCH)];
    let taken = give(&vault, &sensor, value());
    assert_eq!((taken.counts.kept, taken.counts.refused), (0, 1));
    assert_eq!(taken.refused, Some("offset_out_of_range"));
    let frames = vault.frames(&sensor.id).unwrap();
    assert_eq!(frames[0].bytes, bytes);
    assert_eq!(frames[0].refused, "offset_out_of_range");
}

#[test]
fn a_reading_that_names_no_user_is_nobodys_on_a_device_of_several() {
    for (several, whose, kept) in [
        (true, Whose::User(1), 0),
        (true, Whose::Unsaid, 0),
        (true, Whose::Mine, 1),
        (false, Whose::User(1), 1),
    ] {
        let home = Home::new(3);
        let vault = home.create();
        let sensor = paired(&vault, "F0:0D:BE:EF:00:01", whose);
        let mut learned = Learned::default();
        learned.about.several_users = several;
        vault.learn_of_sensor(&sensor.id, &learned).unwrap();
        let value = item(0x181D, 0x2A9D, &weight(2026), MARCH);
        let taken = give(&vault, &sensor, vec![value]);
        assert_eq!(taken.counts.kept, kept, "{several} {whose:?}");
        assert_eq!(u64::from(taken.unclaimed), 1 - kept, "a screen asks");
        assert_eq!(taken.counts.others, 1 - kept);
    }
}

//! What is erased takes what a device sent along, also what became no record; and nothing of what
//! a device is or measures is shown by Debug.

use super::found;
use crate::support::{Home, MARCH};
use vitalwitness_domain::gatt::{self, Known};
use vitalwitness_domain::record::Record;
use vitalwitness_domain::stream::Granularity;
use vitalwitness_vault::ble::{Characteristic, Intake, Item, Learned, Proposal, Sensor, Whose};
use vitalwitness_vault::{Query, Vault};

const DAY: i64 = 86_400_000;
const GOOD: [u8; 7] = [0x00, 121, 0, 79, 0, 93, 0];
const CUT: [u8; 3] = [0x00, 121, 0];

/// A cuff and what it sent, each on a day from 1 March on.
fn cuff(vault: &Vault, sent: &[(i64, &[u8])]) -> Sensor {
    let proposal = Proposal::of(found("Cuff", &[0x1810]));
    let confirmed = proposal.confirm("Ada", Whose::Mine).unwrap();
    let sensor = vault.keep_sensor(&confirmed, &Learned::default()).unwrap();
    for (day, bytes) in sent {
        let from = Characteristic {
            service: 0x1810,
            number: 0x2A35,
        };
        let says = gatt::parse(0x2A35, bytes, Known::default());
        let item = Item {
            frames: vec![(from, MARCH + day * DAY, bytes.to_vec())],
            says: says.map(|packet| packet.readings().to_vec()),
        };
        let intake = Intake {
            items: vec![item],
            ..Intake::default()
        };
        vault.take_in(&sensor.id, &intake, &|_| 60).unwrap();
    }
    sensor
}

fn left(vault: &Vault, sensor: &Sensor) -> Vec<(i64, usize)> {
    let frames = vault.frames(&sensor.id).unwrap();
    let frames = frames.iter();
    let left = frames.map(|it| ((it.at_ms - MARCH) / DAY, it.bytes.len()));
    left.collect()
}

#[test]
fn what_became_no_record_goes_with_the_month_it_came_in() {
    let home = Home::new(5);
    let vault = home.create();
    let sent: [(i64, &[u8]); 5] = [(1, &GOOD), (5, &CUT), (9, &GOOD), (40, &CUT), (41, &GOOD)];
    let sensor = cuff(&vault, &sent);
    let found = vault.records(&Query::default()).unwrap().records;
    let march: &Record = found
        .iter()
        .map(|it| &it.record)
        .find(|it| it.start_ms == MARCH + DAY)
        .unwrap();
    let stream = march.stream(Granularity::Raw).unwrap();
    assert_eq!(vault.erase_stream(&stream).unwrap(), 2);
    assert_eq!(left(&vault, &sensor), [(40, 3), (41, 7)]);
}

#[test]
fn one_erased_record_takes_what_came_with_it_and_nothing_else() {
    let home = Home::new(5);
    let vault = home.create();
    let sent: [(i64, &[u8]); 4] = [(1, &GOOD), (1, &CUT), (5, &CUT), (9, &GOOD)];
    let sensor = cuff(&vault, &sent);
    let found = vault.records(&Query::default()).unwrap().records;
    let first = found.iter().find(|it| it.record.start_ms == MARCH + DAY);
    vault.erase(&first.unwrap().rc).unwrap();
    assert_eq!(left(&vault, &sensor), [(5, 3), (9, 7)]);
}

#[test]
fn debug_shows_nothing_of_what_a_device_is_or_measures() {
    let proposal = Proposal::of(found("Meter+ of Ada", &[0x1808, 0x180D]));
    let confirmed = proposal.clone().confirm("Ada", Whose::User(3)).unwrap();
    let home = Home::new(5);
    let vault = home.create();
    let sensor = cuff(&vault, &[(1, &GOOD), (2, &CUT)]);
    let frames = vault.frames(&sensor.id).unwrap();
    let learned = Learned {
        about: vitalwitness_vault::ble::About {
            serial: Some("SN-77".into()),
            maker: Some("Maker".into()),
            ..Default::default()
        },
        ..Learned::default()
    };
    let clock = sensor.clock;
    let shown = format!("{proposal:?} {confirmed:?} {sensor:?} {frames:?} {learned:?} {clock:?}");
    for secret in [
        "glucose", "heart", "pressure", "Meter", "Cuff", "Ada", "User(3)", "121", "SN-77", "Maker",
    ] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

//! What streams: heart rates come over lost links, once each, with the grade of the link.

use super::air::{NOTIFY, READ, Script};
use super::{World, mine, number};
use crate::support::HEART_RATE;
use vitalwitness_domain::record::Grade;
use vitalwitness_vault::Query;
use vitalwitness_vault::ble::Goal;

const SERVICE: u16 = 0x180D;
const MEASUREMENT: u16 = 0x2A37;

/// A strap that sends these lists, one a link, and is stopped after the last.
fn strap(lists: &[Vec<u8>]) -> Script {
    let frames = |rates: &Vec<u8>| rates.iter().map(|rate| vec![0x00, *rate]).collect();
    let mut script = Script {
        stop: true,
        ..Script::default()
    };
    script.offered.insert((SERVICE, MEASUREMENT), NOTIFY);
    script.offered.insert((0x180F, 0x2A19), READ);
    script.offered.insert((0x180A, 0x2A29), READ);
    script.values.insert(0x2A19, vec![87]);
    script.values.insert(0x2A29, b"Polar\0".to_vec());
    let lists = lists.iter().map(frames).collect();
    script.streams.insert(MEASUREMENT, lists);
    script
}

#[tokio::test(start_paused = true)]
async fn a_straps_heart_rates_are_all_there_once_over_two_lost_links() {
    let lists = [vec![61, 62, 63], vec![64, 65], vec![66]];
    let mut world = World::new(strap(&lists));
    let sensor = world.pair(&mine("Strap", &[SERVICE])).await.unwrap();
    assert_eq!(sensor.about.battery.map(|(percent, _)| percent), Some(87));
    assert_eq!(sensor.about.maker.as_deref(), Some("Polar"));
    world.run(&sensor, Goal::Live).await.unwrap();
    world.reopen();
    let mut rates: Vec<String> = world.records(HEART_RATE).iter().map(number).collect();
    rates.sort();
    let sent: Vec<String> = lists
        .iter()
        .flatten()
        .map(|it| format!("{it} /min"))
        .collect();
    assert_eq!(rates, sent);
    let sensor = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!(sensor.counts.kept, 6);
    let frames = world.vault.frames(&sensor.id).unwrap();
    assert_eq!(frames.len(), 6, "each beside its record, as it came");
    for record in world.records(HEART_RATE) {
        assert_eq!(record.source.grade, Grade::Unbonded);
        assert_eq!(record.source.device, Some(sensor.id));
    }
}

#[tokio::test(start_paused = true)]
async fn an_erased_reading_takes_the_bytes_it_came_in_along() {
    let mut world = World::new(strap(&[vec![61, 62]]));
    let sensor = world.pair(&mine("Strap", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::Live).await.unwrap();
    let found = world.vault.records(&Query::default()).unwrap().records;
    let erased = found.iter().find(|it| number(&it.record) == "61 /min");
    world.vault.erase(&erased.unwrap().rc).unwrap();
    let frames = world.vault.frames(&sensor.id).unwrap();
    let left: Vec<&[u8]> = frames.iter().map(|frame| frame.bytes.as_slice()).collect();
    assert_eq!(left, [[0, 62]]);
}

#[tokio::test(start_paused = true)]
async fn the_two_parts_of_a_body_composition_become_one_measurement_with_both_frames() {
    // fat 25.0 %, more follows; then weight 72.5 kg
    let parts = vec![
        vec![0x00, 0x10, 250, 0],
        vec![0x00, 0x14, 250, 0, 0xA4, 0x38],
    ];
    let mut script = Script {
        stop: true,
        ..Script::default()
    };
    script.offered.insert((0x181B, 0x2A9C), NOTIFY);
    script
        .streams
        .insert(0x2A9C, [vec![parts[0].clone(), parts[1].clone()]].into());
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Scale", &[0x181B])).await.unwrap();
    world.run(&sensor, Goal::Live).await.unwrap();
    let fat: Vec<String> = world.records("loinc|41982-0").iter().map(number).collect();
    assert_eq!(fat, ["25.0 %"]);
    let weight: Vec<String> = world.records("loinc|29463-7").iter().map(number).collect();
    assert_eq!(weight, ["72.500 kg"]);
    let sensor = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!((sensor.counts.kept, sensor.counts.refused), (1, 0));
    let frames = world.vault.frames(&sensor.id).unwrap();
    let bytes: Vec<Vec<u8>> = frames.iter().map(|it| it.bytes.clone()).collect();
    assert_eq!(bytes, parts);
    // erasing one of the records destroys both parts
    let found = world.vault.records(&Query::default()).unwrap().records;
    world.vault.erase(&found[0].rc).unwrap();
    assert!(world.vault.frames(&sensor.id).unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_file_shows_neither_a_devices_name_nor_its_address_nor_who_wears_it() {
    let mut world = World::new(strap(&[vec![61, 62]]));
    let sensor = world.pair(&mine("Marker-Strap", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::Live).await.unwrap();
    world.vault.compact().unwrap();
    let bytes = std::fs::read(world.folder.path().join("vault.db")).unwrap();
    for marker in ["Marker-Strap", "F0:0D:BE:EF", "Polar"] {
        let marker = marker.as_bytes();
        assert!(!bytes.windows(marker.len()).any(|window| window == marker));
    }
    let shown = format!("{sensor:?} {:?}", world.told);
    assert!(!shown.contains("Strap") && !shown.contains("Ada") && !shown.contains("61"));
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_device_leaves_its_records_and_paired_again_gives_none_twice() {
    use super::history::{GLUCOSE, SERVICE as METER, meter};
    let mut world = World::new(meter(0..5));
    let sensor = world.pair(&mine("Meter", &[METER])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    world.vault.forget_sensor(&sensor.id).unwrap();
    assert!(world.vault.sensors().unwrap().is_empty());
    assert!(world.vault.frames(&sensor.id).unwrap().is_empty());
    assert_eq!(world.records(GLUCOSE).len(), 5);
    let again = world.pair(&mine("Meter", &[METER])).await.unwrap();
    world.run(&again, Goal::History).await.unwrap();
    assert_eq!(world.records(GLUCOSE).len(), 5);
    let again = world.vault.sensor(&again.id).unwrap();
    assert_eq!(again.counts.repeated, 5);
}

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

//! Where the system bonds by itself and does not say so, no reading claims a bonded link.

use super::air::{FakeRadio, INDICATE, Script};
use super::{World, mine};
use std::collections::VecDeque;
use vitalwitness_domain::record::Grade;
use vitalwitness_vault::ble::{Air, Characteristic, Goal, Link, Pending, Radio};

/// As macOS and Windows: a bond is asked for, and nobody tells whether it was made.
#[derive(Debug)]
struct Silent(FakeRadio);

impl Radio for Silent {
    fn scan(&self, services: Vec<u16>) -> Pending<'_, ()> {
        self.0.scan(services)
    }
    fn stop_scan(&self) -> Pending<'_, ()> {
        self.0.stop_scan()
    }
    fn connect(&self, peripheral: String) -> Pending<'_, Link> {
        self.0.connect(peripheral)
    }
    fn bond(&self, peripheral: String) -> Pending<'_, ()> {
        self.0.bond(peripheral)
    }
    fn tells_bonds(&self) -> bool {
        false
    }
    fn unbond(&self, peripheral: String) -> Pending<'_, ()> {
        self.0.unbond(peripheral)
    }
    fn read(&self, peripheral: String, from: Characteristic) -> Pending<'_, Vec<u8>> {
        self.0.read(peripheral, from)
    }
    fn write(&self, peripheral: String, to: Characteristic, bytes: Vec<u8>) -> Pending<'_, ()> {
        self.0.write(peripheral, to, bytes)
    }
    fn subscribe(&self, peripheral: String, to: Characteristic) -> Pending<'_, ()> {
        self.0.subscribe(peripheral, to)
    }
    fn disconnect(&self, peripheral: String) -> Pending<'_, ()> {
        self.0.disconnect(peripheral)
    }
}

#[tokio::test(start_paused = true)]
async fn a_bond_that_nobody_tells_of_makes_no_reading_bonded() {
    let mut script = Script {
        stop: true,
        secured: vec![0x2A35],
        ..Script::default()
    };
    script.offered.insert((0x1810, 0x2A35), INDICATE);
    let reading = vec![0x00, 121, 0, 79, 0, 93, 0];
    script
        .streams
        .insert(0x2A35, VecDeque::from([vec![reading]]));
    let world = World::new(script);
    let radio = Silent(world.radio.clone());
    let mut events = world.radio.inbox.events();
    let air = Air {
        radio: &radio,
        events: &mut events,
        zone: &world.zone,
        tell: &mut |_| {},
    };
    let confirmed = mine("Cuff", &[0x1810]);
    let paired = world.vault.pair_sensor(&confirmed, air);
    let sensor = paired.await.unwrap();
    let mut events = world.radio.inbox.events();
    let air = Air {
        radio: &radio,
        events: &mut events,
        zone: &world.zone,
        tell: &mut |_| {},
    };
    let ran = world.vault.run_sensor(&sensor.id, Goal::Live, true, air);
    ran.await.unwrap();
    let records = world.records("loinc|85354-9");
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].source.grade, Grade::Unbonded);
    assert!(!world.vault.sensor(&sensor.id).unwrap().bonded);
}

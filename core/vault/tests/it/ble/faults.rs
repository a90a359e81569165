//! What goes wrong, and where it ends: a state a screen can explain, with nothing lost.

use super::air::{Bonding, INDICATE, NOTIFY, READ, Script};
use super::{World, found, mine, number};
use crate::support::HEART_RATE;
use std::collections::VecDeque;
use vitalwitness_domain::record::Grade;
use vitalwitness_vault::ble::{
    BleError, Fault, Goal, Next, Proposal, RadioError, State, Told, Whose, collects,
};

const CUFF: u16 = 0x1810;
const PRESSURE: u16 = 0x2A35;
const BLOOD_PRESSURE: &str = "loinc|85354-9";

/// A cuff that shows its readings only to who is paired with it.
fn secured() -> Script {
    let mut script = Script {
        stop: true,
        secured: vec![PRESSURE, 0x2A49],
        ..Script::default()
    };
    script.offered.insert((CUFF, PRESSURE), INDICATE);
    script.offered.insert((CUFF, 0x2A49), READ);
    script.values.insert(0x2A49, vec![0x00, 0x00]);
    // mmHg, 121/79, mean 93, no time
    let reading = vec![0x00, 121, 0, 79, 0, 93, 0];
    script
        .streams
        .insert(PRESSURE, VecDeque::from([vec![reading]]));
    script
}

#[tokio::test(start_paused = true)]
async fn a_cuff_that_wants_to_be_paired_is_bonded_and_its_readings_say_so() {
    let mut world = World::new(secured());
    let sensor = world.pair(&mine("Cuff", &[CUFF])).await.unwrap();
    assert!(sensor.bonded);
    world.run(&sensor, Goal::Live).await.unwrap();
    let records = world.records(BLOOD_PRESSURE);
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].source.grade, Grade::Bonded);
    assert_eq!(
        world
            .radio
            .script()
            .calls
            .iter()
            .filter(|it| *it == "bond")
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_bond_ends_pairing_and_leaves_no_device_behind() {
    let mut script = secured();
    script.bonds.push_back(Err(RadioError::BondRefused));
    let mut world = World::new(script);
    let error = world.pair(&mine("Cuff", &[CUFF])).await.unwrap_err();
    assert_eq!(error.code(), Some("bond_refused"));
    assert!(matches!(error, BleError::Stopped(fault) if fault.next() == Next::Pair));
    assert!(world.vault.sensors().unwrap().is_empty());
    // tried again with the right number
    world.pair(&mine("Cuff", &[CUFF])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bond_that_is_refused_after_the_link_went_is_refused_and_not_out_of_range() {
    let mut script = secured();
    script.bonding = Bonding::BreaksAndAnswers;
    script.bonds.push_back(Err(RadioError::BondRefused));
    let mut world = World::new(script);
    let error = world.pair(&mine("Cuff", &[CUFF])).await.unwrap_err();
    assert_eq!(error.code(), Some("bond_refused"));
}

#[tokio::test(start_paused = true)]
async fn a_bond_whose_link_went_and_of_which_nobody_tells_is_out_of_range() {
    let mut script = secured();
    script.bonding = Bonding::Breaks;
    script.bonds = VecDeque::from([Err(RadioError::BondRefused); 3]);
    let mut world = World::new(script);
    let error = world.pair(&mine("Cuff", &[CUFF])).await.unwrap_err();
    assert_eq!(error.code(), Some("out_of_range"));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_a_bond_in_the_background() {
    let mut world = World::new(secured());
    let sensor = world.pair(&mine("Cuff", &[CUFF])).await.unwrap();
    world.radio.script().bonded = false;
    let mut events = world.radio.inbox.events();
    let air = vitalwitness_vault::ble::Air {
        radio: &world.radio,
        events: &mut events,
        zone: &world.zone,
        tell: &mut |_| {},
    };
    let ran = world.vault.run_sensor(&sensor.id, Goal::Live, false, air);
    let error = ran.await.unwrap_err();
    assert!(
        matches!(error, BleError::Stopped(Fault::NeedsBonding)),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_paired_without_a_confirmed_wearer_who_saw_what_it_collects() {
    let proposal = Proposal::of(found("Cuff", &[CUFF, 0x180F]));
    assert_eq!(proposal.collects, ["blood pressure"]);
    let error = proposal.clone().confirm("  ", Whose::Mine).unwrap_err();
    assert_eq!(error.code(), Some("wearer_not_confirmed"));
    let mut world = World::new(secured());
    let confirmed = proposal.confirm(" Ada ", Whose::Mine).unwrap();
    let sensor = world.pair(&confirmed).await.unwrap();
    assert_eq!(sensor.wearer, "Ada");
    assert_eq!(collects(&sensor.about.services), ["blood pressure"]);
}

#[tokio::test(start_paused = true)]
async fn a_device_out_of_range_is_tried_with_longer_and_longer_waits_and_told() {
    let mut script = secured();
    script.secured.clear();
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Cuff", &[CUFF])).await.unwrap();
    let away = VecDeque::from([Err(RadioError::Unreachable); 4]);
    world.radio.script().connects = away;
    world.run(&sensor, Goal::Live).await.unwrap();
    let waits: Vec<u64> = world
        .told
        .iter()
        .filter_map(|told| match told {
            Told::State(State::Waiting {
                again_in_ms,
                because: Fault::OutOfRange,
            }) => Some(*again_in_ms),
            _ => None,
        })
        .collect();
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000]);
    assert_eq!(world.records(BLOOD_PRESSURE).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_switched_off_radio_ends_at_once_and_says_what_to_do() {
    let mut world = World::new(secured());
    let sensor = world.pair(&mine("Cuff", &[CUFF])).await.unwrap();
    world.radio.script().connects = VecDeque::from([Err(RadioError::Off)]);
    let error = world.run(&sensor, Goal::Live).await.unwrap_err();
    assert!(matches!(error, BleError::Stopped(fault) if fault.next() == Next::SwitchOn));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_be_read_is_kept_as_it_came_counted_and_told() {
    let mut script = secured();
    script.secured.clear();
    let cut = vec![0x00, 121, 0];
    let good = vec![0x00, 121, 0, 79, 0, 93, 0];
    script
        .streams
        .insert(PRESSURE, VecDeque::from([vec![cut.clone(), good]]));
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Cuff", &[CUFF])).await.unwrap();
    world.run(&sensor, Goal::Live).await.unwrap();
    assert_eq!(world.records(BLOOD_PRESSURE).len(), 1);
    let sensor = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!((sensor.counts.kept, sensor.counts.refused), (1, 1));
    assert_eq!(sensor.refused.as_deref(), Some("gatt_truncated"));
    let frames = world.vault.frames(&sensor.id).unwrap();
    assert_eq!(frames[0].bytes, cut);
    assert_eq!(frames[0].refused, "gatt_truncated");
    let told = world.told.iter().any(|told| {
        matches!(
            told,
            Told::State(State::Waiting {
                because: Fault::NotReadable,
                ..
            })
        )
    });
    assert!(told);
}

#[tokio::test(start_paused = true)]
async fn of_two_people_on_one_scale_only_the_owner_is_recorded_and_nothing_of_the_other_kept() {
    // kg, user present: 72.5 of user 1, 60 of user 2, 61 of an unknown one
    let weight = |kilos: f32, user: u8| {
        let pieces = (f64::from(kilos) / 0.005).round();
        let pieces = format!("{pieces}").parse::<u16>().unwrap().to_le_bytes();
        vec![0x04, pieces[0], pieces[1], user]
    };
    let values = vec![weight(72.5, 1), weight(60.0, 2), weight(61.0, 255)];
    for (whose, expect, others) in [
        (Whose::User(1), vec!["72.500 kg"], 2),
        (Whose::Unsaid, vec![], 3),
        (Whose::Mine, vec!["60.000 kg", "61.000 kg", "72.500 kg"], 0),
    ] {
        let mut script = Script {
            stop: true,
            ..Script::default()
        };
        script.offered.insert((0x181D, 0x2A9D), INDICATE);
        script
            .streams
            .insert(0x2A9D, VecDeque::from([values.clone()]));
        let mut world = World::new(script);
        let proposal = Proposal::of(found("Scale", &[0x181D]));
        let confirmed = proposal.confirm("Ada", whose).unwrap();
        let sensor = world.pair(&confirmed).await.unwrap();
        world.run(&sensor, Goal::Live).await.unwrap();
        let records = world.records("loinc|29463-7");
        let mut kilos: Vec<String> = records.iter().map(number).collect();
        kilos.sort();
        assert_eq!(kilos, expect, "{whose:?}");
        let sensor = world.vault.sensor(&sensor.id).unwrap();
        assert_eq!(sensor.counts.others, others, "{whose:?}");
        assert_eq!(world.vault.frames(&sensor.id).unwrap().len(), records.len());
        let asked = world.told.iter().any(|told| {
            matches!(
                told,
                Told::State(State::Waiting {
                    because: Fault::WhichUser,
                    ..
                })
            )
        });
        assert_eq!(asked, whose == Whose::Unsaid);
    }
}

#[tokio::test(start_paused = true)]
async fn a_strap_that_falls_silent_is_told_then_connected_anew() {
    let mut script = Script::default();
    script.offered.insert((0x180D, 0x2A37), NOTIFY);
    let frames = vec![vec![0x00, 70]];
    script.streams.insert(0x2A37, VecDeque::from([frames]));
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Strap", &[0x180D])).await.unwrap();
    let inbox = world.radio.inbox.clone();
    let peripheral = sensor.peripheral.clone();
    let mut quiet = 0;
    let mut events = inbox.events();
    let air = vitalwitness_vault::ble::Air {
        radio: &world.radio,
        events: &mut events,
        zone: &world.zone,
        tell: &mut |told| {
            if told == Told::State(State::Quiet) {
                quiet += 1;
            }
            let stop = matches!(
                told,
                Told::State(State::Waiting {
                    because: Fault::Quiet,
                    ..
                })
            );
            if stop {
                let peripheral = peripheral.clone();
                inbox.on_event(vitalwitness_vault::ble::Event::Stop { peripheral });
            }
        },
    };
    let ran = world.vault.run_sensor(&sensor.id, Goal::Live, true, air);
    ran.await.unwrap();
    assert_eq!(quiet, 1);
    assert_eq!(world.records(HEART_RATE).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_ends_the_session_with_nothing_half_taken() {
    let mut script = secured();
    script.secured.clear();
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Cuff", &[CUFF])).await.unwrap();
    world.vault.compact().unwrap();
    world.vault.limit_pages(1).unwrap();
    let reading = vec![0x00, 121, 0, 79, 0, 93, 0];
    let many = vec![reading; 4_000];
    world
        .radio
        .script()
        .streams
        .insert(PRESSURE, VecDeque::from([many]));
    let error = world.run(&sensor, Goal::Live).await.unwrap_err();
    assert!(
        matches!(error, BleError::Stopped(Fault::StorageFull)),
        "{error:?}"
    );
    world.reopen();
    let kept = world.vault.sensor(&sensor.id).unwrap().counts.kept;
    assert_eq!(world.records(BLOOD_PRESSURE).len() as u64, kept);
    assert_eq!(world.vault.frames(&sensor.id).unwrap().len() as u64, kept);
}

//! What a session does with devices that drop, fall silent, forget, or are used by several people.

use super::air::{INDICATE, NOTIFY, READ, Script, WRITE};
use super::history::{GLUCOSE, SERVICE, glucose, meter, sequences};
use super::{World, found, mine, number};
use std::collections::VecDeque;
use std::time::Duration;
use vitalwitness_vault::Query;
use vitalwitness_vault::ble::{
    Air, Answer, BleError, Call, Characteristic, Command, Event, Fault, Goal, Input, Link, Now,
    Offered, Proposal, Session, State, Told, Whose,
};

const MEASUREMENT: u16 = 0x2A18;
const CGM: u16 = 0x181F;

fn stopped(ran: Result<(), BleError>) -> Option<Fault> {
    match ran {
        Ok(()) => None,
        Err(BleError::Stopped(fault)) => Some(fault),
        Err(other) => panic!("{other:?}"),
    }
}

fn called(world: &World, name: &str) -> usize {
    let script = world.radio.script();
    script.calls.iter().filter(|it| *it == name).count()
}

#[tokio::test(start_paused = true)]
async fn a_device_that_connects_and_drops_ends_pairing_after_three_links() {
    let mut script = meter(0..3);
    script.drops = 1_000;
    let mut world = World::new(script);
    let paired = world.pair(&mine("Meter", &[SERVICE])).await;
    assert_eq!(stopped(paired.map(|_| ())), Some(Fault::OutOfRange));
    assert_eq!(called(&world, "connect"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_control_point_that_counts_and_gives_nothing_is_asked_over_three_links() {
    let mut script = meter(0..9);
    script.reports = Some(0);
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.radio.script().calls.clear();
    let ran = world.run(&sensor, Goal::History).await;
    assert_eq!(stopped(ran), Some(Fault::HistoryIncomplete));
    assert_eq!(called(&world, "connect"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_half_a_minute_for_a_passkey_is_no_silence() {
    let mut world = World::new(meter(0..9));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    // what it answers comes only once the write went through
    world.radio.script().slow_write = Some(Duration::from_secs(30));
    world.radio.script().calls.clear();
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..9).collect::<Vec<u16>>());
    assert_eq!(called(&world, "connect"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_scale_of_several_people_is_not_listened_to_until_the_owner_is_said() {
    // 72.5 kg of user 1
    let weight = vec![0x04, 0xA4, 0x38, 1];
    let mut script = Script {
        stop: true,
        ..Script::default()
    };
    script.offered.insert((0x181D, 0x2A9D), INDICATE);
    script.offered.insert((0x181D, 0x2A9E), READ);
    script.values.insert(0x2A9E, vec![0x02, 0, 0, 0]);
    script
        .streams
        .insert(0x2A9D, VecDeque::from([vec![weight]]));
    let mut world = World::new(script);
    let proposal = Proposal::of(found("Scale", &[0x181D]));
    let confirmed = proposal.confirm("Ada", Whose::Unsaid).unwrap();
    let sensor = world.pair(&confirmed).await.unwrap();
    let ran = world.run(&sensor, Goal::Live).await;
    assert_eq!(stopped(ran), Some(Fault::WhichUser));
    assert_eq!(called(&world, "subscribe 2a9d"), 0);
    world
        .vault
        .set_sensor_user(&sensor.id, Whose::User(1))
        .unwrap();
    let sensor = world.vault.sensor(&sensor.id).unwrap();
    world.run(&sensor, Goal::Live).await.unwrap();
    let kilos: Vec<String> = world.records("loinc|29463-7").iter().map(number).collect();
    assert_eq!(kilos, ["72.500 kg"]);
}

#[tokio::test(start_paused = true)]
async fn another_user_is_another_reader_of_the_memory() {
    let mut world = World::new(meter(0..4));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    let read = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!(read.through(SERVICE), Some(3));
    world
        .vault
        .set_sensor_user(&sensor.id, Whose::User(2))
        .unwrap();
    let read = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!(read.through(SERVICE), None);
}

/// CGM Measurement: size, flags, 100 mg/dL, minutes since its session began.
fn cgm(minutes: u16) -> (u16, u16, Vec<u8>) {
    let low = minutes.to_le_bytes();
    let bytes = vec![6, 0, 100, 0, low[0], low[1]];
    (minutes, 0x2AA7, bytes)
}

#[tokio::test(start_paused = true)]
async fn a_new_glucose_sensor_is_read_from_its_first_minute() {
    let mut script = Script::default();
    script.offered.insert((CGM, 0x2AA7), NOTIFY);
    script.offered.insert((CGM, 0x2A52), INDICATE | WRITE);
    script.offered.insert((CGM, 0x2AAA), READ);
    // 2026-02-20 08:00, UTC, no summer time
    let began = |day: u8| vec![0xEA, 0x07, 2, day, 8, 0, 0, 0, 0];
    script.values.insert(0x2AAA, began(20));
    script.memory = (0..=100).map(|it| cgm(it * 5)).collect();
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Sensor", &[CGM])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!((kept.counts.kept, kept.through(CGM)), (101, Some(500)));
    // changed while the phone was away
    world.radio.script().values.insert(0x2AAA, began(22));
    world.radio.script().memory = (0..=400).map(|it| cgm(it * 5)).collect();
    world.run(&kept, Goal::History).await.unwrap();
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!(kept.counts.kept, 101 + 401);
    assert_eq!(kept.through(CGM), Some(2_000));
}

#[tokio::test(start_paused = true)]
async fn a_reading_taken_meanwhile_does_not_hide_one_that_was_lost() {
    let mut world = World::new(meter(0..20));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.radio.script().lose = vec![7];
    world.radio.script().meanwhile = Some((20, MEASUREMENT, glucose(20, 2026, false)));
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..21).collect::<Vec<u16>>());
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!(kept.through(SERVICE), Some(20));
}

#[tokio::test(start_paused = true)]
async fn a_reading_taken_meanwhile_does_not_hide_one_that_was_lost_of_a_memory_read_on() {
    let mut world = World::new(meter(0..11));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    world.radio.script().memory = meter(0..21).memory;
    // the sixth of those from 10 on
    world.radio.script().lose = vec![5];
    world.radio.script().meanwhile = Some((21, MEASUREMENT, glucose(21, 2026, false)));
    let sensor = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!(sensor.through(SERVICE), Some(10));
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..22).collect::<Vec<u16>>());
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!((kept.through(SERVICE), kept.counts.missing), (Some(21), 0));
}

#[tokio::test(start_paused = true)]
async fn a_stored_reading_that_cannot_be_read_is_kept_once_and_not_missing() {
    let mut world = World::new(meter(0..9));
    world.radio.script().memory[4].2.truncate(6);
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    for _ in 0..3 {
        let sensor = world.vault.sensor(&sensor.id).unwrap();
        world.run(&sensor, Goal::History).await.unwrap();
    }
    let kept = world.vault.sensor(&sensor.id).unwrap();
    let counts = kept.counts;
    assert_eq!((counts.kept, counts.refused, counts.missing), (8, 1, 0));
    assert_eq!(kept.through(SERVICE), Some(8));
    assert_eq!(world.vault.frames(&sensor.id).unwrap().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_a_strap_ends_after_a_quiet_time_or_when_it_leaves() {
    let mut script = Script::default();
    script.offered.insert((0x180D, 0x2A37), NOTIFY);
    let beats = vec![vec![0x00, 61], vec![0x00, 62]];
    script.streams.insert(0x2A37, VecDeque::from([beats]));
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Strap", &[0x180D])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!(kept.counts.kept, 2);
    // nothing more: said
    let ran = world.run(&kept, Goal::History).await;
    assert_eq!(stopped(ran), Some(Fault::Quiet));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_held_and_kept_once_there_is_space() {
    let mut script = Script::default();
    script.offered.insert((0x180D, 0x2A37), NOTIFY);
    let beats = vec![vec![0x00, 61]; 3_000];
    script.streams.insert(0x2A37, VecDeque::from([beats]));
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Strap", &[0x180D])).await.unwrap();
    world.vault.compact().unwrap();
    world.vault.limit_pages(1).unwrap();
    let (vault, inbox) = (&world.vault, world.radio.inbox.clone());
    let mut full = 0;
    let mut events = inbox.events();
    let air = Air {
        radio: &world.radio,
        events: &mut events,
        zone: &world.zone,
        tell: &mut |told| match told {
            Told::State(State::Waiting {
                because: Fault::StorageFull,
                ..
            }) => {
                full += 1;
                vault.limit_pages(1_000_000).unwrap();
            }
            Told::State(State::Quiet) => inbox.on_event(Event::Stop {
                peripheral: sensor.peripheral.clone(),
            }),
            _ => {}
        },
    };
    let ran = vault.run_sensor(&sensor.id, Goal::Live, true, air).await;
    ran.unwrap();
    assert_eq!(full, 1);
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!(kept.counts.kept, 3_000);
}

#[tokio::test(start_paused = true)]
async fn a_bond_that_the_device_forgot_is_removed_and_made_anew() {
    let mut script = meter(0..5);
    script.secured = vec![MEASUREMENT, 0x2A51];
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    assert!(sensor.bonded);
    world.radio.script().lost_bonds = 1;
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..5).collect::<Vec<u16>>());
    assert_eq!((called(&world, "unbond"), called(&world, "bond")), (1, 2));
    // by pairing as well
    world.radio.script().lost_bonds = 1;
    world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    assert_eq!((called(&world, "unbond"), called(&world, "bond")), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn a_fact_that_may_not_be_read_is_left_out_once_bonded() {
    let mut script = meter(0..5);
    script.secured = vec![MEASUREMENT];
    script.closed = vec![0x2A51];
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..5).collect::<Vec<u16>>());
}

#[tokio::test(start_paused = true)]
async fn who_stopped_while_it_connected_is_not_asked_to_pair() {
    let mut world = World::new(meter(0..5));
    world.radio.script().bonded = true;
    world.radio.script().secured = vec![MEASUREMENT, 0x2A51];
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    let mut session = Session::new(sensor.plan(Goal::Live, true));
    let now = Now {
        wall_ms: 0,
        steady_ms: 0,
        offset_min: 0,
    };
    session.on(Input::Begin, now);
    session.on(Input::Stop, now);
    let link = Link {
        offered: Vec::new(),
        bonded: false,
    };
    let mut seen = session.on(Input::Done(Answer::Linked(link)), now);
    seen.extend(session.on(Input::Done(Answer::Done), now));
    assert!(!seen.contains(&Command::Call(Call::Bond)), "{seen:?}");
    assert!(session.is_over());
}

#[tokio::test(start_paused = true)]
async fn of_two_half_measurements_each_has_its_own_bytes_and_the_others_are_not_kept() {
    // fat 25.0 % of user 1 and 20.0 % of user 2, each with a second part that never comes
    let owner = vec![0x04, 0x10, 250, 0, 1];
    let other = vec![0x04, 0x10, 200, 0, 2];
    let mut script = Script {
        stop: true,
        ..Script::default()
    };
    script.offered.insert((0x181B, 0x2A9C), NOTIFY);
    let lists = [vec![owner.clone(), other], Vec::new()];
    script.streams.insert(0x2A9C, lists.into());
    let mut world = World::new(script);
    let proposal = Proposal::of(found("Scale", &[0x181B]));
    let confirmed = proposal.confirm("Ada", Whose::User(1)).unwrap();
    let sensor = world.pair(&confirmed).await.unwrap();
    world.run(&sensor, Goal::Live).await.unwrap();
    let fat: Vec<String> = world.records("loinc|41982-0").iter().map(number).collect();
    assert_eq!(fat, ["25.0 %"]);
    let frames = world.vault.frames(&sensor.id).unwrap();
    let bytes: Vec<Vec<u8>> = frames.into_iter().map(|it| it.bytes).collect();
    assert_eq!(bytes, [owner]);
    let counts = world.vault.sensor(&sensor.id).unwrap().counts;
    assert_eq!((counts.kept, counts.others), (1, 1), "neither is dropped");
}

#[tokio::test(start_paused = true)]
async fn seventy_readings_without_their_contexts_stand_each_beside_its_own_bytes() {
    let mut script = meter([]);
    let memory = (0..70).map(|it| (it, MEASUREMENT, glucose(it, 2026, true)));
    script.memory = memory.collect();
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..70).collect::<Vec<u16>>());
    let frames = world.vault.frames(&sensor.id).unwrap();
    assert_eq!(frames.len(), 70);
    let query = Query {
        code: Some(GLUCOSE.into()),
        limit: 1_000,
        ..Query::default()
    };
    let records = world.vault.records(&query).unwrap().records;
    for frame in frames {
        let head = frame.records[0];
        let record = records.iter().find(|it| it.rc.starts_with(&head)).unwrap();
        let notes = &record.record.context.as_ref().unwrap().notes;
        assert_eq!(notes["sequence"], frame.bytes[1].to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_with_a_reading_that_waits_shows_nothing_of_it() {
    let mut world = World::new(meter([]));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    let mut session = Session::new(sensor.plan(Goal::Live, true));
    let now = Now {
        wall_ms: 0,
        steady_ms: 0,
        offset_min: 0,
    };
    session.on(Input::Begin, now);
    let from = Characteristic {
        service: SERVICE,
        number: MEASUREMENT,
    };
    let offered = vec![Offered {
        characteristic: from,
        properties: NOTIFY,
    }];
    let link = Link {
        offered,
        bonded: false,
    };
    session.on(Input::Done(Answer::Linked(link)), now);
    let bytes = glucose(211, 2026, true);
    let shown = format!("{bytes:?}");
    session.on(
        Input::Value {
            from,
            bytes,
            at_ms: 0,
        },
        now,
    );
    let debug = format!("{session:?}");
    let within = shown.trim_matches(['[', ']']);
    assert!(!debug.contains(within) && !debug.contains("211"), "{debug}");
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_a_generic_health_sensor_is_said_not_to_be_read() {
    let mut script = Script::default();
    script.offered.insert((0x1840, 0x2B8B), NOTIFY);
    script.offered.insert((0x1840, 0x2A52), INDICATE | WRITE);
    let mut world = World::new(script);
    let sensor = world.pair(&mine("Sensor", &[0x1840])).await.unwrap();
    let ran = world.run(&sensor, Goal::History).await;
    assert_eq!(stopped(ran), Some(Fault::MemoryNotRead));
    assert!(world.radio.script().written.is_empty());
}

//! What is stored: downloads resume, gaps are asked for again, nothing comes twice, whatever
//! breaks and whenever the phone is killed.

use super::air::{ADDRESS, FakeRadio, INDICATE, NOTIFY, READ, Script, WRITE};
use super::{World, mine, number};
use std::collections::{BTreeSet, VecDeque};
use vitalwitness_vault::ble::{
    Answer, BleError, Call, Command, Event, Fault, Goal, Input, Now, Radio, RadioError, Sensor,
    Session,
};

pub(super) const SERVICE: u16 = 0x1808;
const MEASUREMENT: u16 = 0x2A18;
const CONTEXT: u16 = 0x2A34;
pub(super) const GLUCOSE: &str = "loinc|41653-7";

/// Glucose Measurement: flags, number, a base time five minutes after the one before, kg/L.
pub(super) fn glucose(sequence: u16, year: u16, with_context: bool) -> Vec<u8> {
    let minutes = u32::from(sequence) * 5;
    let mut bytes = vec![if with_context { 0x12 } else { 0x02 }];
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(year.to_le_bytes());
    let day = u8::try_from(1 + minutes / 1_440).unwrap();
    let hour = u8::try_from(minutes % 1_440 / 60).unwrap();
    let minute = u8::try_from(minutes % 60).unwrap();
    bytes.extend([1, day, hour, minute, 0]);
    // 90 + n mg/dL in kg/L: mantissa, exponent -5
    let mantissa = 90 + sequence % 100;
    bytes.extend((0xB000 | mantissa).to_le_bytes());
    bytes.push(0x11);
    bytes
}

/// Glucose Measurement Context: flags, number, a fasting meal.
fn context(sequence: u16) -> Vec<u8> {
    let mut bytes = vec![0x02];
    bytes.extend(sequence.to_le_bytes());
    bytes.push(4);
    bytes
}

/// A meter with these numbers in its memory.
pub(super) fn meter(numbers: impl IntoIterator<Item = u16>) -> Script {
    let mut script = Script::default();
    script.offered.insert((SERVICE, MEASUREMENT), NOTIFY);
    script.offered.insert((SERVICE, CONTEXT), NOTIFY);
    script.offered.insert((SERVICE, 0x2A52), INDICATE | WRITE);
    script.offered.insert((SERVICE, 0x2A51), READ);
    script.values.insert(0x2A51, vec![0, 0]);
    let records = numbers.into_iter();
    script.memory = records
        .map(|it| (it, MEASUREMENT, glucose(it, 2026, false)))
        .collect();
    script
}

pub(super) fn sequences(world: &World) -> Vec<u16> {
    let sequence = |record: &vitalwitness_domain::record::Record| {
        let notes = &record.context.as_ref().unwrap().notes;
        notes["sequence"].parse().unwrap()
    };
    let mut found: Vec<u16> = world.records(GLUCOSE).iter().map(sequence).collect();
    found.sort_unstable();
    found
}

fn requests(world: &World) -> Vec<Vec<u8>> {
    let script = world.radio.script();
    let written = script.written.iter();
    written
        .filter(|(to, _)| *to == 0x2A52)
        .map(|(_, bytes)| bytes.clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn five_hundred_stored_readings_with_a_break_in_the_middle_are_there_once() {
    let mut world = World::new(meter(0..500));
    world.radio.script().break_after = Some(250);
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..500).collect::<Vec<u16>>());
    assert_eq!(number(&world.records(GLUCOSE)[7]), "97 mg/dL");
    let resumed = requests(&world);
    assert!(
        resumed.contains(&vec![1, 3, 1, 250, 0]),
        "from where it broke: {resumed:?}"
    );
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!(kept.through(SERVICE), Some(499));
    assert_eq!((kept.counts.kept, kept.counts.missing), (500, 0));
    assert_eq!(world.vault.frames(&sensor.id).unwrap().len(), 500);

    // the next day: nothing new, then three more
    world.run(&kept, Goal::History).await.unwrap();
    let more = (500..503).map(|it| (it, MEASUREMENT, glucose(it, 2026, false)));
    world.radio.script().memory.extend(more);
    world.reopen();
    let kept = world.vault.sensor(&sensor.id).unwrap();
    world.run(&kept, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..503).collect::<Vec<u16>>());
}

#[tokio::test(start_paused = true)]
async fn readings_lost_on_the_way_are_noticed_by_the_count_and_asked_for_again() {
    let mut world = World::new(meter(0..40));
    world.radio.script().lose = vec![0, 7, 39];
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..40).collect::<Vec<u16>>());
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!((kept.counts.kept, kept.counts.repeated), (40, 37));
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_counts_anew_is_read_from_the_start() {
    let mut world = World::new(meter(100..110));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    let anew = (0..5).map(|it| (it, MEASUREMENT, glucose(it, 2026, false)));
    world.radio.script().memory = anew.collect();
    let kept = world.vault.sensor(&sensor.id).unwrap();
    world.run(&kept, Goal::History).await.unwrap();
    let expect: Vec<u16> = (0..5).chain(100..110).collect();
    assert_eq!(sequences(&world), expect);
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!(kept.through(SERVICE), Some(4));
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_counts_anew_and_has_passed_where_it_was_read_is_read_from_the_start() {
    let mut world = World::new(meter(0..50));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    // reset, and since then measured sixty times: another year, so another reading at number 49
    let anew = (0..60).map(|it| (it, MEASUREMENT, glucose(it, 2027, false)));
    world.radio.script().memory = anew.collect();
    world.reopen();
    let kept = world.vault.sensor(&sensor.id).unwrap();
    // the link breaks before all was asked for: the cursor must not have moved
    world.radio.script().break_after = Some(5);
    world.run(&kept, Goal::History).await.unwrap();
    let mut expect: Vec<u16> = (0..50).chain(0..60).collect();
    expect.sort_unstable();
    assert_eq!(sequences(&world), expect);
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!((kept.counts.kept, kept.counts.missing), (110, 0));
    assert_eq!(kept.through(SERVICE), Some(59));
}

#[tokio::test(start_paused = true)]
async fn a_meter_whose_numbers_begin_again_after_the_last_one_is_read_on() {
    let stored = |number: u16| {
        let mut bytes = glucose(number % 100, 2026, false);
        bytes[1..3].copy_from_slice(&number.to_le_bytes());
        // a week before the end, a week after it: January, February
        bytes[5] = if number > 1_000 { 1 } else { 2 };
        (number, MEASUREMENT, bytes)
    };
    let mut world = World::new(meter([]));
    world.radio.script().memory = (65_530..=65_533).map(stored).collect();
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();

    // past the end within one download, then beyond it, then without what was before it
    for (memory, newest) in [
        ((65_530..=65_535).chain(0..3).collect::<Vec<u16>>(), 65_535),
        ((65_532..=65_535).chain(0..9).collect(), 65_535),
        ((4..20).collect(), 19),
        ((4..22).collect(), 21),
    ] {
        world.radio.script().memory = memory.iter().copied().map(stored).collect();
        world.reopen();
        let kept = world.vault.sensor(&sensor.id).unwrap();
        world.run(&kept, Goal::History).await.unwrap();
        let kept = world.vault.sensor(&sensor.id).unwrap();
        assert_eq!(
            (kept.through(SERVICE), kept.counts.missing),
            (Some(newest), 0)
        );
        let there = sequences(&world);
        assert!(memory.iter().all(|it| there.contains(it)), "{there:?}");
    }
    let expect: Vec<u16> = (0..22).chain(65_530..=65_535).collect();
    assert_eq!(sequences(&world), expect);
    // the last time, only what was new was asked for
    assert_eq!(requests(&world).last(), Some(&vec![1, 3, 1, 19, 0]));
}

#[tokio::test(start_paused = true)]
async fn a_meter_whose_memory_was_emptied_and_counts_on_gives_what_is_new_and_nothing_twice() {
    let mut world = World::new(meter(0..20));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    let since = (20..25).map(|it| (it, MEASUREMENT, glucose(it, 2026, false)));
    world.radio.script().memory = since.collect();
    let kept = world.vault.sensor(&sensor.id).unwrap();
    world.run(&kept, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..25).collect::<Vec<u16>>());
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!((kept.through(SERVICE), kept.counts.missing), (Some(24), 0));
}

#[tokio::test(start_paused = true)]
async fn a_reading_taken_while_the_memory_is_counted_stands_for_none_that_was_lost() {
    let mut world = World::new(meter(5..15));
    // the first is lost, and a new one comes before the report
    world.radio.script().lose = vec![0];
    world.radio.script().before_report = Some((15, MEASUREMENT, glucose(15, 2026, false)));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (5..16).collect::<Vec<u16>>());
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert_eq!((kept.counts.kept, kept.counts.missing), (11, 0));
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_is_stopped_while_it_sends_is_told_so_and_goes_on_the_next_time() {
    let mut world = World::new(meter(0..40));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.radio.script().stop_after = Some(15);
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(requests(&world).last(), Some(&vec![3, 0]), "abort");
    assert_eq!(world.radio.script().calls.last().unwrap(), "disconnect");
    assert_eq!(sequences(&world), (0..15).collect::<Vec<u16>>());
    world.radio.script().stop_after = None;
    let kept = world.vault.sensor(&sensor.id).unwrap();
    world.run(&kept, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..40).collect::<Vec<u16>>());
}

#[tokio::test(start_paused = true)]
async fn a_reading_and_its_context_become_one_record_also_when_the_context_was_lost_once() {
    let mut world = World::new(meter([]));
    let memory = (0..6_u16).flat_map(|it| {
        [
            (it, MEASUREMENT, glucose(it, 2026, true)),
            (it, CONTEXT, context(it)),
        ]
    });
    world.radio.script().memory = memory.collect();
    world.radio.script().lose = vec![5];
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..6).collect::<Vec<u16>>());
    for record in world.records(GLUCOSE) {
        let notes = record.context.unwrap().notes;
        assert_eq!(notes.get("status"), None, "none is incomplete");
    }
}

#[tokio::test(start_paused = true)]
async fn a_control_point_out_of_range_while_it_is_written_is_asked_again() {
    let mut world = World::new(meter(0..9));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    let errors = VecDeque::from([RadioError::Unreachable, RadioError::Unreachable]);
    world.radio.script().writes.insert(0x2A52, errors);
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..9).collect::<Vec<u16>>());
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_refuses_its_memory_is_told_and_hides_nothing() {
    let mut world = World::new(meter(0..9));
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    let errors = VecDeque::from([RadioError::Refused]);
    world.radio.script().writes.insert(0x2A52, errors);
    let error = world.run(&sensor, Goal::History).await.unwrap_err();
    assert!(
        matches!(error, BleError::Stopped(Fault::HistoryRefused)),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_falls_silent_is_asked_three_times_and_said_to_be_incomplete() {
    let mut world = World::new(meter(0..9));
    // it counts, and then says nothing any more
    world.radio.script().silent_after = Some(1);
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    let error = world.run(&sensor, Goal::History).await.unwrap_err();
    assert!(
        matches!(error, BleError::Stopped(Fault::HistoryIncomplete)),
        "{error:?}"
    );
    let asked = world
        .radio
        .script()
        .calls
        .iter()
        .filter(|it| *it == "connect")
        .count();
    assert!(asked <= 4, "{asked} links");
    world.radio.script().silent_after = None;
    world.run(&sensor, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..9).collect::<Vec<u16>>());
}

/// Carries a session out by hand and ends after `limit` commands, as a killed process would.
/// True: it came to its end before.
async fn killed_after(world: &World, sensor: &Sensor, limit: usize) -> bool {
    let radio: &FakeRadio = &world.radio;
    let mut events = radio.inbox.events();
    let mut session = Session::new(sensor.plan(Goal::History, true));
    let mut commands: VecDeque<Command> = session.on(Input::Begin, now(world)).into();
    let mut wake = None;
    let mut steps = 0;
    while !session.is_over() {
        while let Some(event) = events.ready() {
            let input = match event {
                Event::Notification(value) => Input::Value {
                    from: value.from,
                    bytes: value.bytes,
                    at_ms: value.at_ms,
                },
                Event::Disconnected { .. } => Input::Lost,
                _ => continue,
            };
            commands.extend(session.on(input, now(world)));
        }
        let Some(command) = commands.pop_front() else {
            let at: u64 = wake.take().unwrap();
            let left = at.saturating_sub(now(world).steady_ms);
            tokio::time::advance(std::time::Duration::from_millis(left)).await;
            commands.extend(session.on(Input::Tick, now(world)));
            continue;
        };
        steps += 1;
        if steps == limit {
            return false;
        }
        let input = match command {
            Command::Call(call) => match called(radio, call).await {
                Ok(answer) => Input::Done(answer),
                Err(error) => Input::Failed(error),
            },
            Command::Keep(intake) => {
                let taken = world
                    .vault
                    .take_in(&sensor.id, &intake, &world.zone)
                    .unwrap();
                let unclaimed = taken.unclaimed;
                let kept = u32::try_from(taken.counts.kept).unwrap();
                Input::Kept { kept, unclaimed }
            }
            Command::Learn(learned) => {
                world.vault.learn_of_sensor(&sensor.id, &learned).unwrap();
                continue;
            }
            Command::WakeAt(at) => {
                wake = Some(at);
                continue;
            }
            Command::Tell(_) => continue,
        };
        commands.extend(session.on(input, now(world)));
    }
    true
}

fn now(world: &World) -> Now {
    let clock = &world.env.clock;
    Now {
        wall_ms: clock.now_ms(),
        steady_ms: clock.monotonic_ms(),
        offset_min: 60,
    }
}

async fn called(radio: &FakeRadio, call: Call) -> Result<Answer, RadioError> {
    let peripheral = ADDRESS.to_owned();
    match call {
        Call::Connect => radio.connect(peripheral).await.map(Answer::Linked),
        Call::Bond => radio.bond(peripheral).await.map(|()| Answer::Done),
        Call::Unbond => radio.unbond(peripheral).await.map(|()| Answer::Done),
        Call::Read(from) => radio.read(peripheral, from).await.map(Answer::Bytes),
        Call::Subscribe(to) => radio.subscribe(peripheral, to).await.map(|()| Answer::Done),
        Call::Write(to, bytes) => {
            let written = radio.write(peripheral, to, bytes).await;
            written.map(|()| Answer::Done)
        }
        Call::Disconnect => radio.disconnect(peripheral).await.map(|()| Answer::Done),
    }
}

#[tokio::test(start_paused = true)]
async fn killed_between_any_two_steps_no_reading_is_lost_or_doubled() {
    let script = || {
        let mut script = meter(1..13);
        script.lose = vec![4];
        script.break_after = Some(9);
        script
    };
    let mut limit = 1;
    loop {
        let mut world = World::new(script());
        let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
        let whole = killed_after(&world, &sensor, limit).await;
        let early: BTreeSet<u16> = sequences(&world).into_iter().collect();
        world.reopen();
        let kept: BTreeSet<u16> = sequences(&world).into_iter().collect();
        assert_eq!(early, kept, "killed after {limit}: what was there is there");
        let sensor = world.vault.sensor(&sensor.id).unwrap();
        world.run(&sensor, Goal::History).await.unwrap();
        assert_eq!(
            sequences(&world),
            (1..13).collect::<Vec<u16>>(),
            "killed after {limit} steps"
        );
        if whole {
            break;
        }
        limit += 1;
    }
    assert!(limit > 30, "{limit} steps are all of a session?");
}

/// Four readings, and a clock that shows 2010-01-01T01:00:00 where the wall shows 12:06:40 on
/// 1 March 2026.
fn meter_in_2010() -> Script {
    let mut script = meter([]);
    let memory = (0..4).map(|it| (it, MEASUREMENT, glucose(it, 2010, false)));
    script.memory = memory.collect();
    script.offered.insert((0x1805, 0x2A2B), READ | WRITE);
    script
        .values
        .insert(0x2A2B, vec![0xDA, 0x07, 1, 1, 1, 0, 0, 5, 0, 0]);
    script
}

#[tokio::test(start_paused = true)]
async fn a_meter_in_2010_is_corrected_visibly_and_its_clock_set_after_its_memory_was_read() {
    let mut world = World::new(meter_in_2010());
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    let records = world.records(GLUCOSE);
    assert_eq!(records.len(), 4);
    let now = world.env.clock.now_ms();
    for (place, record) in (0_i64..).zip(&records) {
        let notes = &record.context.as_ref().unwrap().notes;
        assert_eq!(
            notes["device-time"],
            format!("2010-01-01T00:{:02}:00", place * 5)
        );
        assert!(
            notes["clock-corrected"].starts_with('+'),
            "said in the record"
        );
        let ago_min = (now - record.start_ms) / 60_000;
        assert_eq!(ago_min, 60 - place * 5);
    }
    let script = world.radio.script();
    let order: Vec<u16> = script.written.iter().map(|(to, _)| *to).collect();
    assert_eq!(order.last(), Some(&0x2A2B), "set last: {order:04x?}");
    let (_, bytes) = script.written.last().unwrap();
    assert_eq!(
        bytes[..6],
        [0xEA, 0x07, 3, 1, 12, 6],
        "the time on the wall"
    );
    drop(script);
    let kept = world.vault.sensor(&sensor.id).unwrap();
    assert!(kept.clock.unwrap().behind_ms > 500_000_000_000);
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_tells_what_it_stored_by_the_clock_it_was_given_tells_nothing_new() {
    let mut world = World::new(meter_in_2010());
    let sensor = world.pair(&mine("Meter", &[SERVICE])).await.unwrap();
    world.run(&sensor, Goal::History).await.unwrap();
    let first = world.records(GLUCOSE);

    // an hour before 12:06:40 on the wall, and every five minutes; then one more
    let told = |number: u16| {
        let mut bytes = glucose(number, 2026, false);
        let minute = 6 + 5 * u8::try_from(number).unwrap();
        bytes[5..10].copy_from_slice(&[3, 1, 11, minute, 40]);
        (number, MEASUREMENT, bytes)
    };
    world.radio.script().memory = (0..5).map(told).collect();
    let clock = vec![0xEA, 0x07, 3, 1, 12, 6, 50, 7, 0, 0];
    world.radio.script().values.insert(0x2A2B, clock);
    world.reopen();
    let kept = world.vault.sensor(&sensor.id).unwrap();
    world.run(&kept, Goal::History).await.unwrap();
    assert_eq!(sequences(&world), (0..5).collect::<Vec<u16>>());
    let records = world.records(GLUCOSE);
    assert!(first.iter().all(|it| records.contains(it)), "as they were");
}

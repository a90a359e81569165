//! What was read, in the words of the vectors; what is not there is left out.

use serde_json::{Map, Value, json};
use std::fmt::Write;
use vitalwitness_domain::gatt::racp::{Answer, End, Event, Outcome, Stage};
use vitalwitness_domain::gatt::{
    self, Amount, Extra, Features, Measured, Packet, Reading, Zone, user,
};
use vitalwitness_domain::record::{self, Body, Record};

pub(super) fn packet(packet: &Packet) -> Value {
    match packet {
        Packet::Readings(readings) => match readings.as_slice() {
            [one] => reading(one),
            all => json!({ "readings": all.iter().map(reading).collect::<Vec<_>>() }),
        },
        Packet::Features(found) => json!({ "features": features(found) }),
        Packet::Answer(Answer::Count(count)) => json!({ "count": count }),
        Packet::Answer(Answer::Done { request, outcome }) => {
            json!({ "request": request, "outcome": self::outcome(*outcome) })
        }
        Packet::Answer(Answer::LongCount(count)) => json!({ "long_count": count }),
        Packet::User(answer) => {
            let mut said = json!({ "request": answer.request });
            said["outcome"] = json!(match answer.outcome {
                user::Outcome::Success => "success".to_owned(),
                user::Outcome::Unsupported => "unsupported".to_owned(),
                user::Outcome::InvalidParameter => "invalid-parameter".to_owned(),
                user::Outcome::Failed => "failed".to_owned(),
                user::Outcome::NotAuthorized => "not-authorized".to_owned(),
                user::Outcome::Reserved(code) => format!("reserved {code}"),
            });
            if let Some(user) = answer.user {
                said["user"] = json!(user);
            }
            said
        }
        Packet::Clock(clock) => {
            let mut said = json!({ "time": clock.time.sent(), "weekday": clock.weekday });
            said["fraction"] = json!(clock.fraction);
            said["status"] = json!(clock.status);
            if let Some(face_ms) = clock.time.face_ms() {
                said["face_ms"] = json!(face_ms);
            }
            said
        }
        Packet::Zone(found) => json!({ "zone": zone(*found) }),
        Packet::SessionStart { start, zone } => {
            json!({ "start": start.sent(), "zone": self::zone(*zone) })
        }
        Packet::Segment(segment) => json!({ "segment": {
            "first": segment.first,
            "last": segment.last,
            "counter": segment.counter,
            "part": hex::encode(&segment.part),
        }}),
        other => panic!("{other:?} has no words here"),
    }
}

fn zone(zone: Zone) -> Value {
    let mut said = Map::new();
    if let Some(minutes) = zone.standard_min {
        said.insert("standard_min".to_owned(), json!(minutes));
    }
    if let Some(minutes) = zone.summer_min {
        said.insert("summer_min".to_owned(), json!(minutes));
    }
    Value::Object(said)
}

pub(super) fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Success => "success".to_owned(),
        Outcome::Unsupported => "unsupported".to_owned(),
        Outcome::NoRecords => "no-records".to_owned(),
        Outcome::AbortFailed => "abort-failed".to_owned(),
        Outcome::NotCompleted => "not-completed".to_owned(),
        Outcome::Busy => "busy".to_owned(),
        Outcome::Reserved(code) => format!("reserved {code}"),
        other => panic!("{other:?} has no word here"),
    }
}

pub(super) fn stage(stage: Stage) -> String {
    match stage {
        Stage::Ready => "ready".to_owned(),
        Stage::Counting => "counting".to_owned(),
        Stage::Receiving => "receiving".to_owned(),
        Stage::Aborting => "aborting".to_owned(),
        Stage::Erasing => "erasing".to_owned(),
        Stage::Ended(End::Complete) => "complete".to_owned(),
        Stage::Ended(End::Gap { counted, received }) => format!("gap {received} of {counted}"),
        Stage::Ended(End::Aborted) => "aborted".to_owned(),
        Stage::Ended(End::Silent) => "silent".to_owned(),
        Stage::Ended(End::Lost) => "lost".to_owned(),
        Stage::Ended(End::Erased) => "erased".to_owned(),
        Stage::Ended(End::Refused(why)) => format!("refused {}", outcome(why)),
        other => panic!("{other:?} has no word here"),
    }
}

pub(super) fn event(event: &Value) -> Event {
    match event[0].as_str().unwrap() {
        "ask" => Event::Ask,
        "abort" => Event::Abort,
        "silence" => Event::Silence,
        "lost" => Event::Lost,
        "record" => Event::Record {
            sequence: u16::try_from(event[1].as_u64().unwrap()).unwrap(),
        },
        "erase" => Event::Erase {
            durable: usize::try_from(event[1].as_u64().unwrap()).unwrap(),
        },
        "answer" => {
            let value = hex::decode(event[1].as_str().unwrap()).unwrap();
            let number = gatt::uuid::RECORD_ACCESS_CONTROL_POINT;
            match gatt::parse(number, &value, gatt::Known::default()) {
                Ok(Packet::Answer(answer)) => Event::Answered(answer),
                other => panic!("{other:?}"),
            }
        }
        other => panic!("{other}"),
    }
}

pub(super) fn reading(reading: &Reading) -> Value {
    let mut said = Map::new();
    said.insert("values".to_owned(), json!(values(&reading.values)));
    let mut say = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            said.insert(name.to_owned(), value);
        }
    };
    say("time", reading.time.map(|time| json!(time.sent())));
    say(
        "user_time",
        reading.user_time.map(|time| json!(time.sent())),
    );
    say(
        "offset_min",
        reading.offset_min.map(|minutes| json!(minutes)),
    );
    say("sequence", reading.sequence.map(|number| json!(number)));
    say(
        "record_number",
        reading.record_number.map(|number| json!(number)),
    );
    say("user", reading.user.map(|user| json!(user)));
    say("status", some(&reading.status).map(|status| json!(status)));
    say("words", words(&reading.words));
    say("beats", some(&reading.beats).map(|beats| json!(beats)));
    say("more", reading.more.then_some(json!(true)));
    extra(&reading.extra, &mut said);
    Value::Object(said)
}

fn features(features: &Features) -> Value {
    let mut said = Map::new();
    if let Some(has) = some(&features.has) {
        said.insert("has".to_owned(), json!(has));
    }
    if let Some(words) = words(&features.words) {
        said.insert("words".to_owned(), words);
    }
    if let Some(found) = some(&features.values) {
        said.insert("values".to_owned(), json!(values(found)));
    }
    extra(&features.extra, &mut said);
    Value::Object(said)
}

fn extra(extra: &Extra, said: &mut Map<String, Value>) {
    if extra.reserved != 0 {
        said.insert("reserved".to_owned(), json!(extra.reserved));
    }
    if !extra.trailing.is_empty() {
        said.insert("trailing".to_owned(), json!(hex::encode(&extra.trailing)));
    }
}

fn some<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

fn words(words: &[(&'static str, std::borrow::Cow<'static, str>)]) -> Option<Value> {
    let words = some(words)?;
    let pairs = words
        .iter()
        .map(|(name, word)| ((*name).to_owned(), json!(word)));
    Some(Value::Object(pairs.collect()))
}

fn values(values: &[Measured]) -> Vec<String> {
    values
        .iter()
        .map(|value| {
            let amount = match value.amount {
                Amount::Number(number) => number.to_string(),
                Amount::Absent(absent) => absent.code().to_owned(),
            };
            format!("{} {amount} {}", value.what.name, value.unit)
        })
        .collect()
}

/// `code number unit @start-end`; notes after it.
pub(super) fn record(record: &Record) -> String {
    let Body::Observation { code, value } = &record.body else {
        panic!("no observation");
    };
    let value = match value {
        record::Value::Quantity(number, unit) => format!("{number} {unit}"),
        record::Value::Components(parts) => parts
            .iter()
            .map(|(code, number, unit)| format!("{code} {number} {unit}"))
            .collect::<Vec<_>>()
            .join(", "),
        record::Value::Text(text) => text.clone(),
        record::Value::Waveform { .. } => panic!("no waveform"),
    };
    let end = record.end_ms.map_or(String::new(), |end| format!("-{end}"));
    let mut notes = String::new();
    for (name, note) in record.context.iter().flat_map(|context| &context.notes) {
        write!(notes, " {name}={note};").unwrap();
    }
    format!("{code}: {value} @{}{end}{notes}", record.start_ms)
}

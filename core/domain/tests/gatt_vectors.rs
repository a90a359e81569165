//! Every vector of `tests/vectors/gatt`: bytes written by hand from the specifications, and what
//! they say.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

#[path = "gatt_vectors/shown.rs"]
mod shown;

use serde_json::{Value, json};
use shown::{packet, record};
use std::path::Path;
use vitalwitness_domain::gatt::cadence::{Counter, Ride, Turns, Width};
use vitalwitness_domain::gatt::current_time::{Reason, current_time_bytes};
use vitalwitness_domain::gatt::join::Join;
use vitalwitness_domain::gatt::racp::{Download, Filter};
use vitalwitness_domain::gatt::segments::Segments;
use vitalwitness_domain::gatt::{self, At, Known, Packet, user};
use vitalwitness_domain::record::{Grade, Source};

struct Case {
    id: String,
    input: Value,
    expect: Value,
}

/// All cases, by file.
fn cases() -> Vec<(String, Vec<Case>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/gatt");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(file["schema"], format!("vw-vectors/1 gatt/{name}"));
            let cases = file["cases"].as_array().unwrap().iter();
            let cases: Vec<_> = cases
                .map(|case| Case {
                    id: format!("{name}/{}", case["id"].as_str().unwrap()),
                    input: case["input"].clone(),
                    expect: case["expect"].clone(),
                })
                .collect();
            (name, cases)
        })
        .collect()
}

fn number(text: &Value) -> u16 {
    u16::from_str_radix(text.as_str().unwrap(), 16).unwrap()
}

fn known(input: &Value) -> Known {
    let mut known = Known::default();
    known.plain_integers = input["plain_integers"] == true;
    known.crc = input["crc"] == true;
    known
}

/// What the parser says of a case's value.
fn parsed(input: &Value) -> Value {
    let value = hex::decode(input["value"].as_str().unwrap()).unwrap();
    match gatt::parse(number(&input["characteristic"]), &value, known(input)) {
        Err(refused) => json!({ "reject": refused.code() }),
        Ok(found) => {
            let mut said = packet(&found);
            if let Some(start_ms) = input["at_ms"].as_i64() {
                let at = At {
                    start_ms,
                    end_ms: None,
                    offset_min: 60,
                };
                let (records, left) = kept(&found, at);
                said["records"] = json!(records);
                said["left"] = json!(left);
            }
            said
        }
    }
}

fn kept(found: &gatt::Packet, at: At) -> (Vec<String>, Vec<String>) {
    let source = Source {
        grade: Grade::Bonded,
        device: Some([7; 16]),
    };
    let (mut records, mut left) = (Vec::new(), Vec::new());
    for reading in found.readings() {
        let kept = reading.records(at, source);
        for kept in &kept.records {
            kept.check().unwrap();
            assert_eq!(kept.source, source);
            assert_eq!(kept.offset_min, at.offset_min);
        }
        records.extend(kept.records.iter().map(record));
        left.extend(
            kept.left
                .iter()
                .map(|left| format!("{} {}", left.what, left.why)),
        );
    }
    (records, left)
}

#[test]
fn every_value_says_what_its_specification_says() {
    let mut count = 0;
    for (_, cases) in cases() {
        for case in cases {
            if case.input["value"].is_string() {
                assert_eq!(parsed(&case.input), case.expect, "{}", case.id);
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn values_that_belong_together_come_out_together() {
    let mut count = 0;
    for (_, cases) in cases() {
        for case in cases {
            if let Some(frames) = case.input["frames"].as_array() {
                assert_eq!(
                    json!({ "packets": joined(frames, known(&case.input)) }),
                    case.expect,
                    "{}",
                    case.id
                );
                count += 1;
            }
        }
    }
    assert!(count >= 10, "{count}");
}

/// Frames through the two joining machines, as a session passes them on.
fn joined(frames: &[Value], known: Known) -> Vec<Value> {
    let (mut segments, mut join) = (Segments::default(), Join::default());
    let mut said = Vec::new();
    for frame in frames {
        let value = hex::decode(frame[1].as_str().unwrap()).unwrap();
        let mut found = gatt::parse(number(&frame[0]), &value, known).map(Some);
        if let Ok(Some(Packet::Segment(segment))) = found {
            (segments, found) = segments.apply(segment, known);
        }
        match found {
            Err(refused) => said.push(json!({ "reject": refused.code() })),
            Ok(None) => {}
            Ok(Some(found)) => {
                for reading in found.readings() {
                    let whole;
                    (join, whole) = join.apply(reading.clone());
                    said.extend(whole.iter().map(shown::reading));
                }
            }
        }
    }
    said.extend(join.flush().iter().map(shown::reading));
    said
}

#[test]
fn counters_that_wrap_give_the_turns_between_two_packets() {
    let mut count = 0;
    for (_, cases) in cases() {
        for case in cases {
            if let Some(steps) = case.input["turns"].as_array() {
                let mut counter = Counter::new(match case.input["width"].as_u64() {
                    Some(16) => Width::Bits16,
                    _ => Width::Bits32,
                });
                let mut said = Vec::new();
                for step in steps {
                    let turns = Turns {
                        count: u32::try_from(step[0].as_u64().unwrap()).unwrap(),
                        at: u16::try_from(step[1].as_u64().unwrap()).unwrap(),
                    };
                    let between;
                    (counter, between) = counter.apply(turns, step[2].as_u64().unwrap());
                    said.push(between.map(|b| json!([b.turns, b.time, b.per_minute()])));
                }
                assert_eq!(json!({ "between": said }), case.expect, "{}", case.id);
                count += 1;
            }
        }
    }
    assert!(count >= 8, "{count}");
}

#[test]
fn a_cycling_sensor_gives_a_cadence_from_its_second_packet_on() {
    let mut count = 0;
    for (_, cases) in cases() {
        for case in cases {
            if let Some(packets) = case.input["ride"].as_array() {
                let mut ride = Ride::default();
                let mut said = Vec::new();
                for packet in packets {
                    let value = hex::decode(packet[0].as_str().unwrap()).unwrap();
                    let found = gatt::parse(gatt::uuid::CSC_MEASUREMENT, &value, Known::default());
                    for reading in found.unwrap().readings() {
                        let with_rates;
                        (ride, with_rates) =
                            ride.apply(reading.clone(), packet[1].as_u64().unwrap());
                        let mut shown = shown::reading(&with_rates);
                        shown["values"]
                            .as_array_mut()
                            .unwrap()
                            .retain(|value| value.as_str().unwrap().ends_with("/min"));
                        said.push(shown);
                    }
                }
                assert_eq!(json!({ "packets": said }), case.expect, "{}", case.id);
                count += 1;
            }
        }
    }
    assert!(count >= 4, "{count}");
}

#[test]
fn a_download_asks_counts_and_erases_as_its_table_says() {
    let mut count = 0;
    for (_, cases) in cases() {
        for case in cases {
            if let Some(events) = case.input["events"].as_array() {
                let said = download(&case.input["filter"], events);
                for (name, expect) in case.expect.as_object().unwrap() {
                    assert_eq!(said[name], *expect, "{} {name}", case.id);
                }
                count += 1;
            }
        }
    }
    assert!(count >= 20, "{count}");
}

fn download(filter: &Value, events: &[Value]) -> Value {
    let number = |at: usize| u16::try_from(filter[at].as_u64().unwrap()).unwrap();
    let mut download = match filter[0].as_str().unwrap() {
        "all" => Download::new(Filter::All),
        "first" => Download::new(Filter::First),
        "last" => Download::new(Filter::Last),
        "from" => Download::new(Filter::From(number(1))),
        "up-to" => Download::new(Filter::UpTo(number(1))),
        "between" => Download::new(Filter::Between(number(1), number(2))),
        "resume" => Download::resume(filter[1].is_u64().then(|| number(1))),
        other => panic!("{other}"),
    };
    let (mut stages, mut writes) = (Vec::new(), Vec::new());
    for event in events {
        match download.clone().apply(shown::event(event)) {
            Err(refused) => {
                stages.push(format!("refused {}", refused.code()));
                writes.push(None);
            }
            Ok(next) => {
                stages.push(shown::stage(next.stage()));
                writes.push(next.write().map(hex::encode));
                download = next;
            }
        }
    }
    json!({ "stages": stages, "writes": writes, "received": download.received() })
}

#[test]
fn what_is_written_is_what_the_specification_says() {
    let mut count = 0;
    for (_, cases) in cases() {
        for case in cases {
            let input = &case.input;
            let small = |value: &Value| u16::try_from(value.as_u64().unwrap()).unwrap();
            let written = if let Some(now_ms) = input["now_ms"].as_i64() {
                let offset_min = i16::try_from(input["offset_min"].as_i64().unwrap()).unwrap();
                let reason = match input["reason"].as_str().unwrap() {
                    "manual" => Reason::Manual,
                    "reference" => Reason::Reference,
                    "time-zone" => Reason::TimeZone,
                    "summer-time" => Reason::SummerTime,
                    other => panic!("{other}"),
                };
                current_time_bytes(now_ms, offset_min, reason)
            } else if input["register"].is_u64() {
                let consent = small(&input["register"]);
                user::Request::Register { consent }.bytes()
            } else if let Some([user, consent]) = input["consent"].as_array().map(Vec::as_slice) {
                let (user, consent) = (u8::try_from(small(user)).unwrap(), small(consent));
                user::Request::Consent { user, consent }.bytes()
            } else {
                continue;
            };
            let said = match written {
                Ok(bytes) => json!({ "bytes": hex::encode(bytes) }),
                Err(refused) => json!({ "reject": refused.code() }),
            };
            assert_eq!(said, case.expect, "{}", case.id);
            count += 1;
        }
    }
    assert!(count >= 10, "{count}");
}

#[test]
fn a_value_cut_anywhere_is_refused_or_says_less() {
    for (_, cases) in cases() {
        for case in cases {
            let Some(text) = case.input["value"].as_str() else {
                continue;
            };
            let value = hex::decode(text).unwrap();
            let whole = gatt::parse(
                number(&case.input["characteristic"]),
                &value,
                known(&case.input),
            );
            for length in 0..value.len() {
                // zeros at the end of a text are no part of it
                if case.id.starts_with("device/") && value[length..].iter().all(|byte| *byte == 0) {
                    continue;
                }
                let cut = &value[..length];
                let part = gatt::parse(
                    number(&case.input["characteristic"]),
                    cut,
                    known(&case.input),
                );
                assert!(
                    part.is_err() || part != whole,
                    "{} cut to {length} bytes says the same",
                    case.id
                );
            }
        }
    }
}

#[test]
fn every_profile_has_twenty_cases_with_ids_of_their_own() {
    for (name, cases) in cases() {
        assert!(cases.len() >= 20, "{name} has {}", cases.len());
        let mut ids: Vec<_> = cases.iter().map(|case| &case.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), cases.len(), "{name}");
    }
}

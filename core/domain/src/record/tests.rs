#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use super::*;
use proptest::prelude::*;
use vitalwitness_proof::cbor;

const VECTORS: &str = include_str!("../../../../tests/vectors/record.json");
const NOON: i64 = 1_767_268_800_000;
const RID: Id = [7; 16];

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn quantity(code: &str, number: &str, unit: &str) -> Body {
    Body::Observation {
        code: code.to_owned(),
        value: Value::Quantity(decimal(number), unit.to_owned()),
    }
}

fn medicine(name: &str, status: MedStatus) -> Body {
    Body::Medicine {
        name: name.to_owned(),
        dose: Dose::Unsaid,
        status,
    }
}

fn note(text: &str) -> Body {
    Body::Note {
        kind: "dentistry".to_owned(),
        text: NoteBody::Text(text.to_owned()),
    }
}

fn money(amount: &str) -> Money {
    Money {
        amount: decimal(amount),
        currency: "EUR".to_owned(),
    }
}

/// One body of every kind and every shape of value.
fn bodies() -> Vec<Body> {
    let text = |words: &str| NoteBody::Text(words.to_owned());
    let file = || NoteBody::File {
        hash: [9; 32],
        media_type: "application/pdf".to_owned(),
        bytes: 81_234,
    };
    let observation = |value| Body::Observation {
        code: "loinc|8637-1".to_owned(),
        value,
    };
    vec![
        quantity("loinc|8867-4", "61", "/min"),
        observation(Value::Text("after a walk".to_owned())),
        observation(Value::Components(vec![(
            "loinc|8480-6".to_owned(),
            decimal("121"),
            "mm[Hg]".to_owned(),
        )])),
        observation(Value::Waveform {
            root: [3; 32],
            count: 300,
            period_ms: decimal("7.8125"),
            unit: "ms".to_owned(),
        }),
        medicine("ibuprofen", MedStatus::Planned),
        Body::Medicine {
            name: "ibuprofen".to_owned(),
            dose: Dose::Quantity(decimal("400"), "mg".to_owned()),
            status: MedStatus::Taken,
        },
        Body::Medicine {
            name: "ibuprofen".to_owned(),
            dose: Dose::Text("half a tablet".to_owned()),
            status: MedStatus::Stopped,
        },
        note("upper left"),
        Body::Note {
            kind: "dentistry".to_owned(),
            text: file(),
        },
        Body::Episode {
            kind: "dentistry".to_owned(),
            title: "Tooth 24".to_owned(),
        },
        Body::Offer {
            plan: "health-basic".to_owned(),
            premium: money("39.90"),
            period: "mo".to_owned(),
            text: file(),
        },
        Body::Cover {
            policy: "policy 4711".to_owned(),
            offer: [1; 32],
            text: text("as offered"),
        },
        Body::Claim {
            kind: "dentistry".to_owned(),
            cover: [2; 32],
            amount: money("120.00"),
        },
        Body::Decision {
            kind: "dentistry".to_owned(),
            claim: [3; 32],
            status: Decided::InPart,
            amount: Some(money("90.00")),
        },
        Body::Decision {
            kind: "dentistry".to_owned(),
            claim: [3; 32],
            status: Decided::Refused,
            amount: None,
        },
    ]
}

fn full_context() -> Context {
    let notes = [("arm", "left"), ("text", "after a walk")];
    Context {
        supersedes: Some([1; 32]),
        voids: Some([2; 32]),
        episode: Some([3; 16]),
        derived_from: vec![[4; 32], [5; 32]],
        reason: Some("typed wrong".to_owned()),
        notes: notes
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
    }
}

fn round_trip(record: &Record) {
    let slots = record.to_slots(&RID);
    let read = Record::from_slots(record.schema(), &slots).unwrap();
    let mut expect = record.clone();
    expect.rid = Some(RID);
    assert!(read == expect, "{record:?}");
    assert!(read.to_slots(&RID) == slots, "{record:?}");
}

#[test]
fn every_shared_record_is_read_and_written_byte_for_byte() {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
    let mut schemas = std::collections::BTreeSet::new();
    for case in vectors["cases"].as_array().unwrap() {
        let input = &case["input"];
        let schema = input["schema"].as_str().unwrap_or_default();
        if input["op"] != "record" || schema == "batch/1" {
            continue;
        }
        let bytes = hex::decode(input["values"].as_str().unwrap()).unwrap();
        let cbor::Value::Array(slots) = cbor::decode(&bytes).unwrap() else {
            panic!("{}", case["id"]);
        };
        let record = Record::from_slots(schema, &slots).unwrap();
        assert_eq!(record.schema(), schema, "{}", case["id"]);
        let written = record.to_slots(&record.rid.unwrap());
        assert_eq!(
            cbor::encode(&cbor::Value::Array(written)),
            bytes,
            "{}",
            case["id"]
        );
        schemas.insert(schema);
    }
    assert_eq!(schemas.len(), 8);
}

#[test]
fn every_kind_of_record_comes_back_from_its_slots() {
    for body in bodies() {
        let mut record = Record::typed(NOON, -570, body);
        round_trip(&record);
        record.end_ms = Some(NOON + 1);
        record.source = Source {
            grade: Grade::VendorFile,
            device: Some([8; 16]),
        };
        record.context = Some(full_context());
        round_trip(&record);
    }
}

#[test]
fn text_is_written_in_normal_form_c() {
    let mut record = Record::typed(NOON, 0, note("cafe\u{301}"));
    let mut context = Context::default();
    for (name, text) in [("e\u{301}", "1"), ("\u{e9}", "2")] {
        context.notes.insert(name.to_owned(), text.to_owned());
    }
    record.context = Some(context);
    let slots = record.to_slots(&RID);
    assert!(slots[5] == cbor::Value::Text("caf\u{e9}".to_owned()));
    // Two spellings of one name would be a map key twice, which no reader takes.
    let bytes = cbor::encode(&cbor::Value::Array(slots));
    assert!(cbor::decode(&bytes).is_ok());
}

#[test]
fn what_cannot_be_is_refused_with_its_code() {
    let good = || Record::typed(NOON, 60, note("fine"));
    let body = |body| Record::typed(NOON, 60, body);
    let with = |change: &dyn Fn(&mut Record)| {
        let mut record = good();
        change(&mut record);
        record
    };
    let context = |change: &dyn Fn(&mut Context)| {
        let mut context = Context::default();
        change(&mut context);
        let mut record = good();
        record.context = Some(context);
        record
    };
    let components = |count| {
        let part = ("vw|x".to_owned(), decimal("1"), "1".to_owned());
        body(Body::Observation {
            code: "vw|x".to_owned(),
            value: Value::Components(vec![part; count]),
        })
    };
    for (why, record, code) in [
        (
            "end",
            with(&|r| r.end_ms = Some(NOON - 1)),
            "end_before_start",
        ),
        (
            "offset",
            with(&|r| r.offset_min = 1_081),
            "offset_out_of_range",
        ),
        (
            "west",
            with(&|r| r.offset_min = i16::MIN),
            "offset_out_of_range",
        ),
        (
            "1899",
            with(&|r| r.start_ms = i64::MIN),
            "time_out_of_range",
        ),
        (
            "far",
            with(&|r| r.end_ms = Some(i64::MAX)),
            "time_out_of_range",
        ),
        ("blank", body(note(" \n")), "text_empty"),
        ("long", body(note(&"x".repeat(65_537))), "text_too_long"),
        ("drug", body(medicine("", MedStatus::Taken)), "text_empty"),
        (
            "code",
            body(quantity("8867-4", "1", "/min")),
            "code_malformed",
        ),
        (
            "space",
            body(quantity("loinc|8867 4", "1", "/min")),
            "code_malformed",
        ),
        (
            "system",
            body(quantity("|8867-4", "1", "/min")),
            "code_malformed",
        ),
        (
            "unit",
            body(quantity("loinc|8867-4", "1", "")),
            "text_empty",
        ),
        ("none", components(0), "text_empty"),
        ("parts", components(65), "text_too_long"),
        (
            "reason",
            context(&|c| c.reason = Some(String::new())),
            "text_empty",
        ),
        (
            "derived",
            context(&|c| c.derived_from = vec![[0; 32]; 65]),
            "text_too_long",
        ),
    ] {
        assert_eq!(record.check().unwrap_err().code(), code, "{why}");
        let slots = record.to_slots(&RID);
        let read = Record::from_slots(record.schema(), &slots);
        assert_eq!(read.unwrap_err().code(), code, "{why}");
    }
    assert_eq!(good().check(), Ok(()));
    assert_eq!(with(&|r| r.offset_min = 1_080).check(), Ok(()));
    assert_eq!(with(&|r| r.end_ms = Some(NOON)).check(), Ok(()));
}

#[test]
fn slots_of_another_shape_are_refused_by_name() {
    let slots = Record::typed(NOON, 60, quantity("loinc|8867-4", "61", "/min")).to_slots(&RID);
    let put = |index: usize, value: cbor::Value| {
        let mut slots = slots.clone();
        slots[index] = value;
        Record::from_slots("obs/1", &slots).unwrap_err()
    };
    let int = cbor::Value::Int;
    for (index, value, expect) in [
        (
            0,
            cbor::Value::Bytes(vec![1; 15]),
            RecordError::SlotType(Slot::Rid),
        ),
        (1, cbor::Value::Null, RecordError::SlotType(Slot::Start)),
        (2, cbor::Value::Bool(true), RecordError::SlotType(Slot::End)),
        (3, int(40_000), RecordError::Offset),
        (4, int(1), RecordError::SlotType(Slot::Code)),
        (5, cbor::Value::Null, RecordError::SlotType(Slot::Value)),
        (
            5,
            cbor::Value::Array(vec![]),
            RecordError::Empty(Slot::Value),
        ),
        (
            6,
            cbor::Value::Array(vec![int(5), cbor::Value::Null]),
            RecordError::SlotType(Slot::Source),
        ),
        (7, int(1), RecordError::SlotType(Slot::Context)),
        (
            7,
            cbor::Value::Map(vec![(int(6), int(0))]),
            RecordError::SlotType(Slot::Context),
        ),
    ] {
        assert_eq!(put(index, value), expect, "slot {index}");
    }
    for (schema, expect) in [
        ("obs/2", RecordError::Schema),
        ("batch/1", RecordError::Schema),
        ("med/1", RecordError::SlotCount),
    ] {
        assert_eq!(
            Record::from_slots(schema, &slots).unwrap_err(),
            expect,
            "{schema}"
        );
    }
    assert_eq!(
        Record::from_slots("obs/1", &[]).unwrap_err(),
        RecordError::SlotCount
    );
}

#[test]
fn category_and_stream_follow_who_wrote_it() {
    let place = |body, grade| {
        let mut record = Record::typed(NOON, 0, body);
        record.source.grade = grade;
        (record.category(), record.stream_code().to_owned())
    };
    let typed = Grade::Typed;
    let streams: Vec<_> = bodies()
        .into_iter()
        .map(|body| place(body, typed))
        .collect();
    let expect = [
        (1, "loinc|8867-4"),
        (1, "loinc|8637-1"),
        (1, "loinc|8637-1"),
        (1, "loinc|8637-1"),
        (1, "medicine"),
        (1, "medicine"),
        (1, "medicine"),
        (1, "dentistry"),
        (1, "dentistry"),
        (1, "episode"),
        (3, "offer"),
        (3, "cover"),
        (1, "claim"),
        (3, "decision"),
        (3, "decision"),
    ];
    assert_eq!(streams, expect.map(|(byte, code)| (byte, code.to_owned())));
    assert_eq!(
        place(note("x"), Grade::ClinicianSigned),
        (2, "dentistry".to_owned())
    );
}

#[test]
fn the_month_is_that_of_the_clock_on_the_wall() {
    // 2026-01-01 00:30 in UTC+14 is still December in UTC.
    let new_year = 1_767_225_600_000 - 14 * 3_600_000 + 1_800_000;
    let month = |offset| {
        Record::typed(new_year, offset, note("x"))
            .month()
            .unwrap()
            .to_string()
    };
    assert_eq!(month(840), "2026-01");
    assert_eq!(month(0), "2025-12");
    assert_eq!(month(-720), "2025-12");
}

#[test]
fn a_void_holds_no_value_and_stays_in_the_stream() {
    for body in bodies() {
        let mut record = Record::typed(NOON, 60, body);
        record.context = Some(full_context());
        let void = record.void([6; 32], None, Source::typed());
        assert_eq!(void.check(), Ok(()), "{record:?}");
        assert!(void.is_void(), "{record:?}");
        assert_eq!(void.schema(), record.schema());
        assert_eq!(void.stream_code(), record.stream_code());
        assert_eq!(void.month(), record.month());
        assert_eq!(void.episode(), record.episode());
        round_trip(&void);
    }
}

#[test]
fn one_medicine_twice_in_five_minutes_is_warned_of() {
    let taken = |name: &str, minute: i64| {
        Record::typed(NOON + minute * 60_000, 0, medicine(name, MedStatus::Taken))
    };
    let first = taken("Ibuprofen", 0);
    for (second, expect) in [
        (taken("ibuprofen ", 4), true),
        (taken("Ibuprofen", -4), true),
        (taken("Ibuprofen", 5), false),
        (taken("Aspirin", 1), false),
        (
            Record::typed(NOON, 0, medicine("Ibuprofen", MedStatus::NotTaken)),
            false,
        ),
        (Record::typed(NOON, 0, note("Ibuprofen")), false),
        (
            taken("Ibuprofen", 1).void([0; 32], None, Source::typed()),
            false,
        ),
    ] {
        let warned = duplicate_dose(&first, &second).is_some();
        assert_eq!(warned, expect, "{second:?}");
        assert_eq!(
            duplicate_dose(&second, &first).is_some(),
            expect,
            "{second:?}"
        );
    }
}

fn any_cbor() -> impl Strategy<Value = cbor::Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(cbor::Value::Int),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(cbor::Value::Bytes),
        ".{0,12}".prop_map(cbor::Value::Text),
        Just(cbor::Value::Null),
        (any::<i8>(), any::<i64>())
            .prop_map(|(exponent, mantissa)| cbor::Value::Decimal { exponent, mantissa }),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let pairs = proptest::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(cbor::Value::Array),
            pairs.prop_map(cbor::Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn hostile_slots_never_panic(
        schema in 0..8_usize,
        index in 0..10_usize,
        value in any_cbor(),
    ) {
        let records: Vec<_> = bodies().into_iter().map(|body| Record::typed(NOON, 0, body)).collect();
        let record = &records[schema];
        let mut slots = record.to_slots(&RID);
        let last = slots.len() - 1;
        slots[index.min(last)] = value;
        if let Ok(read) = Record::from_slots(record.schema(), &slots) {
            prop_assert!(read.month().is_ok());
            prop_assert!(Record::from_slots(read.schema(), &read.to_slots(&RID)).is_ok());
        }
    }
}

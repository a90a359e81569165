#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use super::*;
use crate::record::{Body, Context, Grade, NoteBody};
use proptest::prelude::*;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn heart_rate_in_spring() -> ScopeItem {
    ScopeItem {
        category: Category::Personal,
        codes: Codes::only(["loinc|8867-4"]),
        from: month("2026-03"),
        to: month("2026-05"),
        episode: None,
    }
}

fn stream(category: u8, code: &str, at: &str, episode: Option<Id>) -> StreamId {
    StreamId {
        category,
        code: code.to_owned(),
        episode,
        granularity: Granularity::Raw,
        month: month(at),
    }
}

#[test]
fn a_scope_covers_its_category_codes_months_and_episode_only() {
    let heart = heart_rate_in_spring();
    let treatment = ScopeItem {
        codes: Codes::All,
        episode: Some([1; 16]),
        ..heart.clone()
    };
    let hr = "loinc|8867-4";
    for (item, stream, expect) in [
        (&heart, stream(1, hr, "2026-03", None), true),
        (&heart, stream(1, hr, "2026-05", None), true),
        (&heart, stream(1, hr, "2026-04", Some([9; 16])), true),
        (&heart, stream(1, hr, "2026-02", None), false),
        (&heart, stream(1, hr, "2026-06", None), false),
        (&heart, stream(1, hr, "2025-04", None), false),
        (&heart, stream(2, hr, "2026-04", None), false),
        (&heart, stream(1, "loinc|93832-4", "2026-04", None), false),
        (
            &treatment,
            stream(1, "loinc|93832-4", "2026-04", Some([1; 16])),
            true,
        ),
        (
            &treatment,
            stream(1, "loinc|93832-4", "2026-04", Some([2; 16])),
            false,
        ),
        (
            &treatment,
            stream(1, "loinc|93832-4", "2026-04", None),
            false,
        ),
    ] {
        let scope = Scope::new(vec![item.clone()]).unwrap();
        assert_eq!(
            scope.covers(&stream),
            expect,
            "{} {}",
            stream.code,
            stream.month
        );
    }
}

#[test]
fn a_record_is_covered_where_its_stream_is() {
    let april = 1_775_200_000_000;
    let note = |grade, episode| {
        let text = NoteBody::Text("filling".to_owned());
        let kind = "dentistry".to_owned();
        let mut record = Record::typed(april, 120, Body::Note { kind, text });
        record.source.grade = grade;
        record.context = Some(Context {
            episode,
            ..Context::default()
        });
        record
    };
    let scope = Scope::new(vec![ScopeItem {
        category: Category::MedicalHistory,
        codes: Codes::only(["dentistry"]),
        episode: Some([1; 16]),
        ..heart_rate_in_spring()
    }])
    .unwrap();
    let signed = Grade::ClinicianSigned;
    for (record, expect) in [
        (note(signed, Some([1; 16])), true),
        (note(signed, None), false),
        (note(Grade::Typed, Some([1; 16])), false),
    ] {
        assert_eq!(scope.covers_record(&record), expect);
    }
}

#[test]
fn a_scope_has_one_encoding_and_comes_back_from_it() {
    let scope = Scope::new(vec![
        heart_rate_in_spring(),
        ScopeItem {
            category: Category::MedicalHistory,
            codes: Codes::All,
            from: month("1900-01"),
            to: month("9999-12"),
            episode: Some([7; 16]),
        },
    ])
    .unwrap();
    let bytes = scope.encode();
    assert_eq!(
        hex::encode(&bytes),
        "828501816c6c6f696e637c383836372d3467323032362d303367323032362d3035f6\
         8502f667313930302d303167393939392d31325007070707070707070707070707070707"
    );
    assert_eq!(Scope::decode(&bytes), Ok(scope.clone()));
    let salted = scope.request_hash(&[1; 16]);
    assert_ne!(
        salted,
        scope.request_hash(&[2; 16]),
        "the salt hides what was asked"
    );
    assert_eq!(
        salted,
        Scope::decode(&bytes).unwrap().request_hash(&[1; 16])
    );
}

#[test]
fn a_scope_that_covers_nothing_or_too_much_is_refused() {
    let with = |change: &dyn Fn(&mut ScopeItem)| {
        let mut item = heart_rate_in_spring();
        change(&mut item);
        vec![item]
    };
    let codes = |count: usize| Codes::only((0..count).map(|index| format!("vw|{index}")));
    for (why, items, error) in [
        ("no item", vec![], ScopeError::Empty),
        (
            "no code",
            with(&|item| item.codes = codes(0)),
            ScopeError::Empty,
        ),
        (
            "backwards",
            with(&|item| item.from = month("2026-06")),
            ScopeError::Empty,
        ),
        (
            "blank code",
            with(&|item| item.codes = Codes::only([""])),
            ScopeError::Malformed,
        ),
        (
            "codes",
            with(&|item| item.codes = codes(257)),
            ScopeError::TooLarge,
        ),
        (
            "items",
            vec![heart_rate_in_spring(); 65],
            ScopeError::TooLarge,
        ),
    ] {
        assert_eq!(Scope::new(items).unwrap_err(), error, "{why}");
    }
}

#[test]
fn codes_out_of_order_or_twice_are_refused() {
    use vitalwitness_proof::cbor::Value;
    let text = |text: &str| Value::Text(text.to_owned());
    for codes in [["b", "a"], ["a", "a"]] {
        let item = Value::Array(vec![
            Value::Int(1),
            Value::Array(codes.map(text).into()),
            text("2026-03"),
            text("2026-05"),
            Value::Null,
        ]);
        let bytes = vitalwitness_proof::cbor::encode(&Value::Array(vec![item]));
        assert_eq!(
            Scope::decode(&bytes),
            Err(ScopeError::Malformed),
            "{codes:?}"
        );
    }
}

proptest! {
    #[test]
    fn hostile_scopes_never_panic(index in 0..200_usize, byte: u8, cut in 0..200_usize) {
        let mut bytes = Scope::new(vec![heart_rate_in_spring()]).unwrap().encode();
        let length = bytes.len();
        bytes[index % length] = byte;
        bytes.truncate(length - cut % length);
        if let Ok(scope) = Scope::decode(&bytes) {
            prop_assert_eq!(scope.encode(), bytes);
        }
    }
}

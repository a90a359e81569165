//! The program over the receipts of `tests/vectors/receipt.json`, and over hostile ones.

use crate::program::{Ran, put, run_with};
use serde_json::{Value, json};
use std::path::Path;

fn run(args: &[&str]) -> Ran {
    run_with(args, &[], &[])
}

pub(crate) struct Case {
    id: String,
    pub(crate) receipt: Vec<u8>,
    disclosure: Option<Vec<u8>>,
    pub(crate) trust: String,
    expect: Value,
}

/// Every case, with byte strings put together.
fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/receipt.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let all = file["cases"].as_array().unwrap();
    let by_id = |id: &str| all.iter().find(|case| case["id"] == id).unwrap();
    let bytes = |input: &Value, member: &str| -> Option<Vec<u8>> {
        if let Some(fill) = input.get(format!("{member}_fill")) {
            let byte = hex::decode(fill[0].as_str().unwrap()).unwrap()[0];
            let count = usize::try_from(fill[1].as_u64().unwrap()).unwrap();
            return Some(vec![byte; count]);
        }
        let value = input.get(member)?;
        Some(assemble(value, member, &by_id))
    };
    all.iter()
        .map(|case| {
            let input = &case["input"];
            let trust = match &input["trust"] {
                Value::String(id) => &by_id(id)["input"]["trust"],
                trust => trust,
            };
            Case {
                id: case["id"].as_str().unwrap().to_owned(),
                receipt: bytes(input, "receipt").unwrap(),
                disclosure: bytes(input, "disclosure"),
                trust: trust.to_string(),
                expect: case["expect"].clone(),
            }
        })
        .collect()
}

fn assemble<'a>(value: &Value, member: &str, by_id: &impl Fn(&str) -> &'a Value) -> Vec<u8> {
    match value {
        Value::String(text) => hex::decode(text).unwrap(),
        Value::Array(parts) => parts
            .iter()
            .flat_map(|part| match part {
                Value::Array(slice) => {
                    let of = &by_id(slice[0].as_str().unwrap())["input"][member];
                    let of = assemble(of, member, by_id);
                    let at = |i: usize| usize::try_from(slice[i].as_u64().unwrap()).unwrap();
                    of[at(1)..at(2)].to_vec()
                }
                text => hex::decode(text.as_str().unwrap()).unwrap(),
            })
            .collect(),
        other => panic!("{other}"),
    }
}

pub(crate) fn case(id: &str) -> Case {
    cases().into_iter().find(|case| case.id == id).unwrap()
}

/// The exit code that a code of the vectors leads to, written down a second time on purpose.
fn exit_of(expect: &Value) -> i32 {
    match expect["reject"].as_str() {
        None => 0,
        Some(
            "ORIGIN_UNKNOWN"
            | "KEY_UNKNOWN"
            | "QUORUM_NOT_MET"
            | "UNSUPPORTED_VERSION"
            | "SCHEMA_UNKNOWN",
        ) => 3,
        Some(_) => 1,
    }
}

#[test]
fn every_vector_gives_its_json_and_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let all = cases();
    assert!(all.len() > 80, "{} cases", all.len());
    for case in all {
        let receipt = put(folder.path(), "receipt.vwr", &case.receipt);
        let trust = put(folder.path(), "trust.json", case.trust.as_bytes());
        let mut args = vec!["verify", &receipt, "--trust", &trust, "--json"];
        let beside = case
            .disclosure
            .map(|bytes| put(folder.path(), "beside.cbor", &bytes));
        if let Some(beside) = &beside {
            args.extend(["--disclosure", beside]);
        }
        let ran = run(&args);
        assert_eq!(ran.json(), case.expect, "{}", case.id);
        assert_eq!(ran.exit, exit_of(&case.expect), "{}", case.id);
        assert_eq!(ran.err, "", "{}", case.id);
    }
}

#[test]
fn a_receipt_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let whole = case("record-whole");
    let receipt = put(folder.path(), "receipt.vwr", &whole.receipt);
    let trust = put(folder.path(), "trust.json", whole.trust.as_bytes());
    let ran = run(&["verify", &receipt, "--trust", &trust]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    for words in [
        "Unchanged\n",
        "It existed by 24 November 2025 16:18 UTC.",
        "Heart rate",
        "60 per minute",
        "Witnessed by",
        "2 of 3 (2 asked for): witness.example/w1, witness.example/w2",
        "What this does not say",
        "or whose body it was",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(!ran.out.contains('\u{1b}'), "colour outside a terminal");
    for word in ["hash", "blockchain", "token", "ledger", "node", "invalid"] {
        assert!(
            !ran.out.to_lowercase().contains(word),
            "{word}: {}",
            ran.out
        );
    }
}

#[test]
fn a_receipt_comes_through_standard_input_too() {
    let folder = tempfile::tempdir().unwrap();
    let record = case("record");
    let trust = put(folder.path(), "trust.json", record.trust.as_bytes());
    let ran = run_with(
        &["verify", "-", "--trust", &trust, "--json"],
        &[],
        &record.receipt,
    );
    assert_eq!((ran.exit, ran.json()), (0, record.expect));
    let endless = vec![0xa6; 1 << 20];
    let ran = run_with(&["verify", "-", "--trust", &trust, "--json"], &[], &endless);
    let refused = json!({"reject": "LIMIT_EXCEEDED"});
    assert_eq!((ran.exit, ran.json()), (1, refused));
}

#[test]
fn any_flipped_bit_of_a_receipt_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let record = case("record-whole");
    let trust = put(folder.path(), "trust.json", record.trust.as_bytes());
    // Spread over the receipt: a run of the program costs milliseconds.
    for at in (0..record.receipt.len()).step_by(31) {
        let mut bytes = record.receipt.clone();
        bytes[at] ^= 1 << (at % 8);
        let receipt = put(folder.path(), "receipt.vwr", &bytes);
        let ran = run(&["verify", &receipt, "--trust", &trust]);
        assert!(matches!(ran.exit, 1 | 3), "byte {at}: {ran:?}");
        assert!(ran.out.contains(']'), "byte {at}: no code in {ran:?}");
        assert!(!ran.out.contains("Unchanged"), "byte {at}");
    }
}

#[test]
fn what_the_program_cannot_use_is_its_callers_error() {
    let folder = tempfile::tempdir().unwrap();
    let record = case("record");
    let receipt = put(folder.path(), "receipt.vwr", &record.receipt);
    let trust = put(folder.path(), "trust.json", record.trust.as_bytes());
    let broken = put(folder.path(), "broken.json", b"{\"schema\": \"vw-trust/1\"");
    let binary = put(folder.path(), "binary.json", &[0xff, 0xfe]);
    let array = put(folder.path(), "array.json", b"[\"vw-trust/1\", []]");
    let absent = folder.path().join("absent");
    let absent = absent.to_str().unwrap();
    for (args, code) in [
        (vec!["verify", &receipt, "--trust", absent], "[unreadable]"),
        (vec!["verify", absent, "--trust", &trust], "[unreadable]"),
        (vec!["verify", &receipt, "--trust", &broken], "[bad_trust]"),
        (vec!["verify", &receipt, "--trust", &binary], "[bad_trust]"),
        (vec!["verify", &receipt, "--trust", &array], "[bad_trust]"),
        (vec!["inspect", absent], "[unreadable]"),
        (vec!["verify", &receipt], "--trust"),
        (vec!["verify", &receipt, "--trsut", &trust], "--trsut"),
        (vec!["certify"], "certify"),
    ] {
        let ran = run(&args);
        assert_eq!(ran.exit, 2, "{args:?}: {ran:?}");
        assert!(ran.err.contains(code), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
}

#[test]
fn inspect_reads_without_trust_and_refuses_what_does_not_hang_together() {
    let folder = tempfile::tempdir().unwrap();
    let whole = case("record-whole");
    let receipt = put(folder.path(), "receipt.vwr", &whole.receipt);
    let ran = run(&["inspect", &receipt, "--json"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let (seen, facts) = (ran.json(), &whole.expect["facts"]);
    for member in ["rc", "batch", "disclosed", "logged"] {
        assert_eq!(seen["inspected"][member], facts[member], "{member}");
    }
    let ran = run(&["inspect", &receipt]);
    assert!(ran.out.contains("log.example/vw1"), "{}", ran.out);
    assert!(!ran.out.contains("Unchanged"), "{}", ran.out);

    for (id, exit) in [
        ("bad-truncated", 1),
        ("version-2", 3),
        ("limit-size", 1),
        ("record-value", 1),
    ] {
        let bad = case(id);
        let receipt = put(folder.path(), "bad.vwr", &bad.receipt);
        let ran = run(&["inspect", &receipt, "--json"]);
        assert_eq!((ran.exit, ran.json()), (exit, bad.expect), "{id}");
    }
}

#[test]
fn what_cannot_be_told_never_ends_like_what_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    for case in cases() {
        let receipt = put(folder.path(), "receipt.vwr", &case.receipt);
        let trust = put(folder.path(), "trust.json", case.trust.as_bytes());
        if case.disclosure.is_some() || case.expect["reject"].is_null() {
            continue;
        }
        let ran = run(&["verify", &receipt, "--trust", &trust]);
        let unsure = ran.out.starts_with("Cannot tell");
        assert_eq!(unsure, ran.exit == 3, "{}: {ran:?}", case.id);
        if unsure {
            told.push(case.expect["reject"].as_str().unwrap().to_owned());
        }
    }
    for code in ["UNSUPPORTED_VERSION", "SCHEMA_UNKNOWN"] {
        assert!(told.iter().any(|seen| seen == code), "{code}: {told:?}");
    }
}

#[test]
fn help_teaches_with_examples_and_lists_the_exit_codes() {
    for (args, words) in [
        (
            vec!["--help"],
            vec![
                "Exit codes:",
                "vitalwitness verify morning.vwr --trust trust.json",
            ],
        ),
        (
            vec!["verify", "--help"],
            vec![
                "Examples:",
                "Exit codes:",
                "ORIGIN_UNKNOWN, KEY_UNKNOWN, QUORUM_NOT_MET, UNSUPPORTED_VERSION",
                "SCHEMA_UNKNOWN",
            ],
        ),
        (vec!["inspect", "--help"], vec!["Examples:", "Exit codes:"]),
    ] {
        let ran = run(&args);
        assert_eq!(ran.exit, 0);
        for word in words {
            assert!(ran.out.contains(word), "{args:?} lacks {word}: {}", ran.out);
        }
    }
}

/// A set is filled up to a power of two with leaves that are no records.
#[test]
fn what_no_receipt_shows_to_be_a_record_is_not_called_one() {
    let folder = tempfile::tempdir().unwrap();
    let filler = case("filler");
    let receipt = put(folder.path(), "receipt.vwr", &filler.receipt);
    let trust = put(folder.path(), "trust.json", filler.trust.as_bytes());
    let page = folder.path().join("page.html");
    let page = page.to_str().unwrap();
    let made = |language: &str| {
        let form = [
            "export",
            &receipt,
            "--as",
            "certificate",
            "--output",
            page,
            "--replace",
        ];
        let more = ["--language", language, "--trust", &trust];
        let ran = run(&[&form[..], &more].concat());
        assert_eq!(ran.exit, 0, "{ran:?}");
        std::fs::read_to_string(page).unwrap()
    };
    let told = run(&["verify", &receipt, "--trust", &trust]).out;
    let seen = run(&["inspect", &receipt]).out;
    let not_shown = "Whether it is a record is not shown";
    for (text, words) in [
        (told, not_shown),
        (seen, not_shown),
        (made("en"), not_shown),
        (made("de"), "Ob es ein Eintrag ist, wird nicht gezeigt"),
    ] {
        assert!(text.contains(words), "{text}");
        for wrong in ["This record", "a record, none", "Dieser Eintrag"] {
            assert!(!text.contains(wrong), "{wrong}: {text}");
        }
    }
}

#[test]
fn what_is_named_like_a_receipt_and_is_no_file_does_not_hold() {
    let folder = tempfile::tempdir().unwrap();
    let whole = case("record-whole");
    let trust = put(folder.path(), "trust.json", whole.trust.as_bytes());
    let dir = folder.path().join("dir");
    std::fs::create_dir(&dir).unwrap();
    put(&dir, "good.vwr", &whole.receipt);
    let verify = || run(&["verify", dir.to_str().unwrap(), "--trust", &trust]);
    assert_eq!(verify().exit, 0);
    std::fs::create_dir(dir.join("folder.vwr")).unwrap();
    let ran = verify();
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(ran.out.contains("1 of 2 receipts hold."), "{ran:?}");
    assert!(ran.out.contains("folder.vwr"), "{ran:?}");
}

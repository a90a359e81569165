//! The program over bundles and completeness proofs: the fuzz corpus, with what the vectors say of it.

use crate::program::{Ran, put, run_with};
use serde_json::{Value, json};
use std::path::Path;
use vitalwitness_proof::bundle::Bundle;

#[test]
fn a_bundle_or_completeness_proof_gives_its_json_and_its_exit_code() {
    for (of, ending, id, exit) in [
        ("bundle", "vwb", "one", 0),
        ("bundle", "vwb", "channels", 0),
        ("bundle", "vwb", "channels-author-other", 1),
        ("bundle", "vwb", "week-shown-deep", 1),
        ("bundle", "vwb", "mixed-version-2", 3),
        ("completeness", "vwc", "withheld", 0),
        ("completeness", "vwc", "withheld-head-fork-none", 1),
        // by their content
        ("bundle", "file", "channels", 0),
        ("bundle", "file", "channels-author-other", 1),
        ("completeness", "file", "withheld", 0),
    ] {
        let (ran, expect) = verify(of, ending, id, true);
        let mut said = ran.json();
        // beyond the vectors: every changed record of a bundle, not the first alone
        if let Some(said) = said.as_object_mut() {
            said.remove("changed");
        }
        assert_eq!((ran.exit, said), (exit, expect), "{id}");
    }
}

#[test]
fn a_changed_record_of_a_bundle_is_named_in_words() {
    let (ran, _) = verify("bundle", "vwb", "channels-author-other", false);
    assert!(
        ran.out.contains("record 3 of the set listed as entry 9"),
        "{}",
        ran.out
    );
    let (ran, _) = verify("bundle", "vwb", "channels", false);
    assert!(
        ran.out.starts_with("Unchanged\n5 records are exactly"),
        "{}",
        ran.out
    );
}

#[test]
fn both_of_two_changed_records_of_a_bundle_are_named() {
    let bytes = corpus("bundle", "channels");
    let bundle = Bundle::decode(&bytes).unwrap();
    let mut changed = bytes.clone();
    let mut named = Vec::new();
    for entry in [&bundle.entries[0], &bundle.entries[2]] {
        let record = &entry.records[0];
        let shown = record.disclosure.unwrap();
        let at = bytes.windows(shown.len()).position(|it| it == shown);
        changed[at.unwrap() + shown.len() - 1] ^= 1;
        named.push((entry.index, record.index));
    }
    let (ran, _) = verify_bytes("bundle", "vwb", "channels", &changed, true);
    assert_eq!(ran.exit, 1, "{ran:?}");
    let list: Vec<Value> = named
        .iter()
        .map(|(entry, leaf)| json!({"entry": entry, "leaf": leaf}))
        .collect();
    assert_eq!(ran.json()["changed"], Value::from(list));
    let (ran, _) = verify_bytes("bundle", "vwb", "channels", &changed, false);
    for (entry, leaf) in named {
        let words = format!("Changed: record {leaf} of the set listed as entry {entry}");
        assert_eq!(ran.out.matches(&words).count(), 1, "{}", ran.out);
    }
    assert_eq!(
        ran.out.matches("the set listed as").count(),
        2,
        "{}",
        ran.out
    );
}

#[test]
fn records_outside_the_period_are_marked_as_such() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let vectors = std::fs::read(root.join("tests/vectors/completeness.json")).unwrap();
    let vectors: Value = serde_json::from_slice(&vectors).unwrap();
    let case = |id: &str| {
        let cases = vectors["cases"].as_array().unwrap();
        cases.iter().find(|case| case["id"] == id).unwrap().clone()
    };
    let whole = hex::decode(case("complete")["input"]["proof"].as_str().unwrap()).unwrap();
    // two records beside the period, two in it
    let parts = case("period-order")["input"]["proof"].clone();
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let bytes = |part: &Value| match (part.as_str(), part[0].as_str()) {
        (Some(text), _) => hex::decode(text).unwrap(),
        (None, Some("complete")) => whole[number(&part[1])..number(&part[2])].to_vec(),
        (None, text) => hex::decode(text.unwrap()).unwrap().repeat(number(&part[1])),
    };
    let proof: Vec<u8> = parts.as_array().unwrap().iter().flat_map(bytes).collect();
    let folder = tempfile::tempdir().unwrap();
    let trust = case("complete")["input"]["trust"].to_string();
    let trust = put(folder.path(), "trust.json", trust.as_bytes());
    let file = put(folder.path(), "some.vwc", &proof);
    let ran = run_with(&["verify", &file, "--trust", &trust], &[], &[]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.out.starts_with("2 of "), "{}", ran.out);
    let marks = ran.out.matches("\nOutside the period: opened only");
    assert_eq!(marks.count(), 2, "{}", ran.out);
    assert!(!ran.out.contains("In the period, but not"), "{}", ran.out);
}

#[test]
fn how_many_are_shown_is_said_first() {
    let (ran, _) = verify("completeness", "vwc", "withheld", false);
    assert!(ran.out.starts_with("4 of 10 shown\n"), "{}", ran.out);
    for words in [
        "2 sets: what they hold is not counted",
        "5 by keys that may not seal",
        "entry 18 of the list",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
}

fn verify(of: &str, ending: &str, id: &str, json: bool) -> (Ran, Value) {
    verify_bytes(of, ending, id, &corpus(of, id), json)
}

fn corpus(of: &str, id: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read(root.join("fuzz/corpus").join(of).join(id)).unwrap()
}

fn verify_bytes(of: &str, ending: &str, id: &str, file: &[u8], json: bool) -> (Ran, Value) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let name = if of == "bundle" {
        "bundle"
    } else {
        "completeness-more"
    };
    let vectors = root.join("tests/vectors").join(format!("{name}.json"));
    let vectors: Value = serde_json::from_slice(&std::fs::read(vectors).unwrap()).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let expect = cases.iter().find(|case| case["id"] == id).unwrap()["expect"].clone();
    let folder = tempfile::tempdir().unwrap();
    let file = put(folder.path(), &format!("file.{ending}"), file);
    let trust = cases[0]["input"]["trust"].to_string();
    let trust = put(folder.path(), "trust.json", trust.as_bytes());
    let mut args = vec!["verify", &file, "--trust", &trust];
    args.extend(json.then_some("--json"));
    (run_with(&args, &[], &[]), expect)
}

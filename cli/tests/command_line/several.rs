//! The program over bundles and completeness proofs: the fuzz corpus, with what the vectors say of it.

use crate::program::{Ran, put, run_with};
use serde_json::Value;
use std::path::Path;

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
        assert_eq!((ran.exit, ran.json()), (exit, expect), "{id}");
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = std::fs::read(root.join("fuzz/corpus").join(of).join(id)).unwrap();
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
    let file = put(folder.path(), &format!("file.{ending}"), &file);
    let trust = cases[0]["input"]["trust"].to_string();
    let trust = put(folder.path(), "trust.json", trust.as_bytes());
    let mut args = vec!["verify", &file, "--trust", &trust];
    args.extend(json.then_some("--json"));
    (run_with(&args, &[], &[]), expect)
}

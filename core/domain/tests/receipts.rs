//! Every case of the shared vectors about receipts and trust bundles.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod world;

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;
use vitalwitness_domain::wire::facts::{BundleVerdict, CompletenessVerdict, HeadJson, Verdict};
use vitalwitness_domain::wire::trust::{parse_trust, write_trust};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::bundle::Bundle;
use vitalwitness_proof::completeness::Completeness;
use vitalwitness_proof::entry::ChannelHead;
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::verify::verify;
use world::mutate::assemble;

#[test]
fn every_case_of_receipt_json_holds() {
    check_receipts("receipt");
}

#[test]
fn every_case_of_receipt_more_json_holds() {
    check_receipts("receipt-more");
}

#[test]
fn every_case_of_enrol_purpose_json_holds() {
    check_receipts("enrol-purpose");
}

#[test]
fn every_case_of_bundle_json_holds() {
    let cases = cases("bundle");
    for case in &cases {
        let bundle = assemble(&cases, "bundle", &case["input"]["bundle"]);
        let verdict = Bundle::verify(&bundle, &trust_of(&cases, case));
        let got = serde_json::to_value(BundleVerdict::from(&verdict)).unwrap();
        assert_eq!(got, case["expect"], "{}: {}", case["id"], case["why"]);
        if let Ok(decoded) = Bundle::decode(&bundle) {
            assert_eq!(decoded.encode(), bundle, "{}", case["id"]);
        }
    }
}

#[test]
fn every_case_of_completeness_json_holds() {
    check_completeness("completeness");
}

#[test]
fn every_case_of_completeness_more_json_holds() {
    check_completeness("completeness-more");
}

#[test]
fn every_trust_bundle_of_checkpoint_json_is_read_or_refused_as_it_says() {
    let mut seen = 0;
    for case in cases("checkpoint") {
        if case["input"]["op"] != "trust" {
            continue;
        }
        seen += 1;
        let id = &case["id"];
        let got = match parse_trust(case["input"]["trust"].as_str().unwrap()) {
            Err(_) => json!({ "bad_trust": true }),
            Ok(trust) => {
                assert_eq!(parse_trust(&write_trust(&trust).unwrap()).unwrap(), trust);
                let log = &trust.logs[0];
                json!({
                    "log_key_ids": log.keys.iter().map(|key| hex::encode(key.id())).collect::<Vec<_>>(),
                    "witness_key_ids": log.witnesses.iter().map(|key| hex::encode(key.id())).collect::<Vec<_>>(),
                    "keys": trust.keys.iter().map(|key| hex::encode(key.id)).collect::<Vec<_>>(),
                })
            }
        };
        assert_eq!(got, case["expect"], "{id}");
    }
    assert!(seen > 0);
}

/// Fabric's codes come with that format.
#[test]
fn every_rejection_code_has_three_vectors() {
    let mut hit: BTreeMap<String, usize> = BTreeMap::new();
    for name in [
        "record",
        "batch",
        "entry",
        "checkpoint",
        "receipt",
        "receipt-more",
        "enrol-purpose",
        "bundle",
        "completeness",
        "completeness-more",
        "sync",
    ] {
        for case in cases(name) {
            if let Some(code) = case["expect"]["reject"].as_str() {
                *hit.entry(code.to_owned()).or_default() += 1;
            }
            let anchors = &case["expect"]["facts"]["anchors"];
            for anchor in anchors.as_array().into_iter().flatten() {
                let status = anchor["status"].as_str().unwrap();
                *hit.entry(status.to_owned()).or_default() += 1;
            }
        }
    }
    let codes = Rejection::ALL.iter().map(|rejection| rejection.code());
    for code in codes.chain(["UNSUPPORTED", "NEEDS_TRUST"]) {
        let count = hit.get(code).copied().unwrap_or_default();
        assert!(count >= 3, "{count} vectors for {code}");
    }
}

fn check_receipts(name: &str) {
    let cases = cases(name);
    for case in &cases {
        let input = &case["input"];
        let receipt = match &input["receipt_fill"] {
            Json::Array(fill) => {
                let byte = hex::decode(fill[0].as_str().unwrap()).unwrap()[0];
                vec![byte; usize::try_from(fill[1].as_u64().unwrap()).unwrap()]
            }
            _ => assemble(&cases, "receipt", &input["receipt"]),
        };
        let disclosure = match &input["disclosure"] {
            Json::Null => None,
            parts => Some(assemble(&cases, "disclosure", parts)),
        };
        let trust = trust_of(&cases, case);
        let verdict = verify(&receipt, disclosure.as_deref(), &trust);
        let got = serde_json::to_value(Verdict::from(&verdict)).unwrap();
        assert_eq!(
            got, case["expect"],
            "{name} {}: {}",
            case["id"], case["why"]
        );
    }
}

fn check_completeness(name: &str) {
    let cases = cases(name);
    for case in &cases {
        let input = &case["input"];
        let trust = trust_of(&cases, case);
        let got = if input["op"] == "head" {
            let head = || {
                let statement = hex::decode(input["statement"].as_str().unwrap()).unwrap();
                let line = hex::decode(input["signature"].as_str().unwrap()).unwrap();
                let line = line
                    .as_slice()
                    .try_into()
                    .map_err(|_| Rejection::Malformed)?;
                let head = ChannelHead::decode(&statement)?;
                head.check_line(&statement, line, &trust)?;
                Ok(head)
            };
            match head() {
                Ok(head) => json!({ "head": HeadJson::from(&head) }),
                Err(why) => json!({ "reject": Rejection::code(why) }),
            }
        } else {
            let proof = assemble(&cases, "proof", &input["proof"]);
            if let Ok(decoded) = Completeness::decode(&proof) {
                assert_eq!(decoded.encode(), proof, "{}", case["id"]);
            }
            let verdict = Completeness::verify(&proof, &trust);
            serde_json::to_value(CompletenessVerdict::from(&verdict)).unwrap()
        };
        assert_eq!(
            got, case["expect"],
            "{name} {}: {}",
            case["id"], case["why"]
        );
    }
    assert!(!cases.is_empty());
}

fn trust_of(cases: &[Json], case: &Json) -> Trust {
    let trust = match &case["input"]["trust"] {
        Json::String(id) => &find(cases, id)["input"]["trust"],
        trust => trust,
    };
    parse_trust(&trust.to_string()).unwrap()
}

fn find<'a>(cases: &'a [Json], id: &str) -> &'a Json {
    cases.iter().find(|case| case["id"] == id).unwrap()
}

fn cases(name: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/vectors")
        .join(format!("{name}.json"));
    let file: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(file["schema"], format!("vw-vectors/1 {name}"));
    file["cases"].as_array().unwrap().clone()
}

//! The published cases of transparency-dev/merkle (`tests/vectors/foreign`).
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;
use std::path::Path;
use vitalwitness_proof::merkle::{Hash, verify_consistency, verify_inclusion};
use vitalwitness_proof::sha256;

/// There every proof from an empty tree is an error; here, as for a witness that meets a log
/// (C2SP tlog-witness), every tree extends the empty one, with an empty proof.
const FROM_EMPTY: [&str; 3] = [
    "additional/size1-is-zero-and-does-not-equal-size2",
    "additional/size1-is-zero-and-size2-is-not-zero",
    "additional/sizes-are-equal-zero-and-proof-is-empty",
];

#[test]
fn every_inclusion_case_of_transparency_dev_holds() {
    check("inclusion", |case| {
        verify_inclusion(
            &strict(&case["leafHash"])?,
            case["leafIdx"].as_u64()?,
            case["treeSize"].as_u64()?,
            &proof(case)?,
            &strict(&case["root"])?,
        )
        .ok()
    });
}

#[test]
fn every_consistency_case_of_transparency_dev_holds() {
    check("consistency", |case| {
        verify_consistency(
            case["size1"].as_u64()?,
            &hash(&case["root1"])?,
            case["size2"].as_u64()?,
            &hash(&case["root2"])?,
            &proof(case)?,
        )
        .ok()
    });
}

fn check(kind: &str, proven: impl Fn(&Json) -> Option<()>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/vectors/foreign/transparency-dev-merkle.json");
    let file: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = file[kind].as_object().unwrap();
    let (mut positive, mut negative) = (0, 0);
    for (name, case) in cases {
        let refused = case["wantErr"].as_bool().unwrap();
        if refused {
            negative += 1;
        } else {
            positive += 1;
        }
        let deviates = FROM_EMPTY.contains(&name.as_str());
        assert_eq!(
            proven(case).is_none(),
            refused && !deviates,
            "{kind} {name}"
        );
    }
    assert!(positive >= 5 && negative >= 80, "{positive} and {negative}");
}

fn strict(value: &Json) -> Option<Hash> {
    STANDARD.decode(value.as_str()?).ok()?.try_into().ok()
}

/// Some roots there are not of 32 bytes. A hash of another length cannot be stated here; it stays different from all others.
fn hash(value: &Json) -> Option<Hash> {
    let bytes = STANDARD.decode(value.as_str()?).ok()?;
    let other = |bytes: Vec<u8>| sha256(&[b"no hash: ", &bytes]);
    Some(bytes.try_into().unwrap_or_else(other))
}

fn proof(case: &Json) -> Option<Vec<Hash>> {
    match &case["proof"] {
        Json::Null => Some(Vec::new()),
        nodes => nodes.as_array()?.iter().map(hash).collect(),
    }
}

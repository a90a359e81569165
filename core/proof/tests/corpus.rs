//! The fuzz targets' committed corpus, and seeded mutations of it, as a plain test.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

#[path = "../../../fuzz/proof_bodies.rs"]
mod proof_bodies;

use std::path::Path;
use vitalwitness_proof::bundle::Bundle;
use vitalwitness_proof::completeness::Completeness;

#[test]
fn the_receipt_corpus_breaks_nothing() {
    replay("receipt", proof_bodies::receipt);
}

#[test]
fn the_bundle_corpus_breaks_nothing() {
    replay("bundle", proof_bodies::bundle);
}

#[test]
fn the_completeness_corpus_breaks_nothing() {
    replay("completeness", proof_bodies::completeness);
}

#[test]
fn the_corpora_hold_files_that_prove_something() {
    let file = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        std::fs::read(path.join(name)).unwrap()
    };
    for name in ["one", "mixed", "channels"] {
        let bundle = file(&format!("bundle/{name}"));
        assert!(
            Bundle::verify(&bundle, &proof_bodies::LOGS).is_ok(),
            "{name}"
        );
    }
    for name in ["first-entry", "head", "withheld"] {
        let proof = file(&format!("completeness/{name}"));
        assert!(
            Completeness::verify(&proof, &proof_bodies::LOGS).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn the_cbor_corpus_breaks_nothing() {
    replay("cbor", proof_bodies::cbor);
}

#[test]
fn the_checkpoint_corpus_breaks_nothing() {
    replay("checkpoint", proof_bodies::checkpoint);
}

#[test]
fn the_entry_corpus_breaks_nothing() {
    replay("entry", proof_bodies::entry);
}

/// Each input as it is, cut at every length, and 100,000 mutations shared among them.
fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut inputs: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    inputs.sort();
    let inputs: Vec<Vec<u8>> = inputs
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(!inputs.is_empty());
    for input in &inputs {
        body(input);
        for cut in 0..input.len() {
            body(&input[..cut]);
        }
    }
    let mut random = 1_u64;
    let mut below = |bound: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(random >> 33).unwrap() % bound
    };
    for round in 0..100_000 {
        let mut input = inputs[round % inputs.len()].clone();
        for _ in 0..=below(3) {
            let Some(place) = below(input.len() + 1).checked_sub(1) else {
                continue;
            };
            match below(4) {
                0 => input[place] = u8::try_from(below(256)).unwrap(),
                1 => input[place] ^= 1 << below(8),
                2 => {
                    input.remove(place);
                }
                _ => input.insert(place, u8::try_from(below(256)).unwrap()),
            }
        }
        body(&input);
    }
}

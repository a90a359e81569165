//! Own vectors of completeness proofs: key purposes, and each code three times.
//!
//! `VW_WRITE_VECTORS=1` writes them anew; otherwise they must be as they are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod channel;
mod refused;
#[path = "../world/mod.rs"]
mod world;

use channel::{Open, Story, Twist};
use vitalwitness_domain::wire::facts::CompletenessVerdict;
use vitalwitness_proof::completeness::{By, Completeness};
use vitalwitness_proof::trust::Trust;
use world::cases::Cases;
use world::keep_vectors;

#[test]
fn vectors_are_current() {
    let story = Story::new(Twist::Nothing);
    let judge = |file: &[u8], trust: &Trust| {
        let verdict = Completeness::verify(file, trust);
        serde_json::to_value(CompletenessVerdict::from(&verdict)).unwrap()
    };
    let mut cases = Cases::new("proof", judge, &story.world.trust());
    let all = story.proof(&Open::ALL, None);
    cases.holds(
        "purposes",
        "keys of every purpose seal; what only device keys sealed counts",
        all,
    );
    let some = story.proof(&[Open::Some(3), Open::Header(9)], Some(&story.head(18)));
    cases.holds(
        "withheld",
        "records withheld, batches unopened, nothing later says the log",
        some,
    );
    refused::shape(&mut cases);
    refused::bytes_inside(&mut cases);
    refused::records(&mut cases, &story);
    refused::chain(&mut cases, &story);
    refused::signatures(&mut cases, &story);
    keep_vectors("completeness-more", NOTE, &cases.made);
    cases.check_codes(&CODES);
}

#[test]
fn only_keys_enrolled_to_seal_make_a_batch_count() {
    let story = Story::new(Twist::Nothing);
    let proof = story.proof(&Open::ALL, None);
    let facts = Completeness::verify(&proof, &story.world.trust()).unwrap();
    let counted: Vec<(u64, By)> = facts.batches.iter().map(|it| (it.seq, it.by)).collect();
    assert_eq!(
        counted,
        [
            (3, By::Owner),
            (9, By::Owner),
            (12, By::Owner),
            (18, By::Owner)
        ]
    );
    assert_eq!(facts.uncounted, channel::UNCOUNTED);
    assert_eq!((facts.shown, facts.of, facts.unopened), (20, 20, 0));
}

#[test]
fn a_withheld_record_is_counted_and_nothing_of_it_is_shown() {
    let story = Story::new(Twist::Nothing);
    let trust = story.world.trust();
    let proof = story.proof(&[Open::Some(3)], None);
    let facts = Completeness::verify(&proof, &trust).unwrap();
    assert_eq!((facts.shown, facts.of, facts.unopened), (4, 5, 3));
    // no digest, salt or value of the record that is left out
    let hidden = story.disclosure(3, 2);
    for piece in hidden.windows(16) {
        let there = proof.windows(16).any(|window| window == piece);
        assert!(!there || is_shared(piece), "{}", hex::encode(piece));
    }
}

/// What disclosures have in common: not of one record.
fn is_shared(piece: &[u8]) -> bool {
    piece
        .windows(5)
        .any(|window| window == b"obs/1" || window == b"loinc")
}

const NOTE: &str = "Completeness verify(proof, trust) -> facts or code, as in completeness.json; parts also [hex, count]. One change a case. A key that the owner did not enrol to seal (docs/adr/0002) makes no batch count.";

/// All of section 7 that a proof of no record can give, and those of section 11.
const CODES: [&str; 17] = [
    "MALFORMED",
    "NON_CANONICAL",
    "UNSUPPORTED_VERSION",
    "LIMIT_EXCEEDED",
    "SCHEMA_UNKNOWN",
    "RECORD_MISMATCH",
    "HEADER_MISMATCH",
    "INDEX_OUT_OF_RANGE",
    "PATH_LENGTH",
    "ENTRY_MISMATCH",
    "ENTRY_SIGNATURE",
    "ORIGIN_UNKNOWN",
    "KEY_UNKNOWN",
    "CHECKPOINT_SIGNATURE",
    "QUORUM_NOT_MET",
    "FORK",
    "SEQ_GAP",
];

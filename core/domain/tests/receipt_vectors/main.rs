//! More vectors of receipts: each code of section 7 at least three times, one change each.
//!
//! `VW_WRITE_VECTORS=1` writes them anew; otherwise they must be as they are.
//! The shared receipt.json stays as it is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod refused;
mod shape;
#[path = "../world/mod.rs"]
mod world;

use vitalwitness_domain::wire::facts::Verdict;
use vitalwitness_proof::cbor::{self, Value};
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::verify::verify;
use world::cases::Cases;
use world::keep_vectors;
use world::mutate::deep;
use world::town::Show::{Slots, Whole};
use world::town::{HEART, NOTES, Town, Twist, WEEK};

#[test]
fn vectors_are_current() {
    let town = Town::new(Twist::Nothing);
    let judge = |file: &[u8], trust: &Trust| {
        serde_json::to_value(Verdict::from(&verify(file, None, trust))).unwrap()
    };
    let mut cases = Cases::new("receipt", judge, &town.world.trust());
    cases.holds(
        "shown",
        "value and time of one of fourteen readings",
        shown(&town),
    );
    let authored = town.receipt(NOTES, 2, Whole, true);
    cases.holds("authored", "a doctor's note, shown whole", authored);
    cases.holds("event", "a GRANT", town.world.receipt(3, None, &[], None));
    cases.holds(
        "anchored",
        "anchors that cannot be read, that need trust, of unknown types",
        anchored(&town),
    );
    for base in ["shown", "authored", "event"] {
        shape::shape(&mut cases, base);
        refused::log(&mut cases, base, &town);
    }
    shape::lengths(&mut cases);
    refused::records(&mut cases, &town);
    refused::entries(&mut cases, &town);
    refused::anchors(&mut cases);
    keep_vectors("receipt-more", NOTE, &cases.made);
    cases.check_codes(&CODES);
}

const NOTE: &str = "verify(receipt, trust) -> facts or code, as in receipt.json; parts also [hex, count] = that byte so often. One change a case.";

/// All of section 7 but `HEADER_MISMATCH`: a receipt opens no batch.
const CODES: [&str; 15] = [
    "MALFORMED",
    "NON_CANONICAL",
    "UNSUPPORTED_VERSION",
    "LIMIT_EXCEEDED",
    "SCHEMA_UNKNOWN",
    "RECORD_MISMATCH",
    "AUTHOR_SIGNATURE",
    "INDEX_OUT_OF_RANGE",
    "PATH_LENGTH",
    "ENTRY_MISMATCH",
    "ENTRY_SIGNATURE",
    "ORIGIN_UNKNOWN",
    "KEY_UNKNOWN",
    "CHECKPOINT_SIGNATURE",
    "QUORUM_NOT_MET",
];

pub(crate) fn shown(town: &Town) -> Vec<u8> {
    town.receipt(WEEK, 5, Slots(&[1, 4, 5]), false)
}

/// Three of each: what no bundle lists, what cannot be read, what is of no known type.
fn anchored(town: &Town) -> Vec<u8> {
    let read = |channel: &str| {
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.into());
        cbor::encode(&Value::Array(vec![
            Value::Text(channel.into()),
            bytes(b"payload"),
            bytes(b"header"),
            bytes(&[1; 24]),
            bytes(&[2; 8]),
            Value::Text("Org1MSP".into()),
            bytes(b"input"),
            Value::Array(vec![]),
            Value::Map(vec![(bytes(&[2; 8]), bytes(b"certificate"))]),
        ]))
    };
    let (one, two) = (read("anchors"), read("other-anchors"));
    let levels = cbor::encode(&deep(16));
    let anchors: [(u64, &[u8]); 8] = [
        (1, &one),
        (1, &two),
        (1, &one[..one.len() - 1]),
        (1, &[0x98, 1, 0]),
        (1, &levels),
        (2, &one),
        (3, b""),
        (5, b"\xff"),
    ];
    town.receipt_with(HEART, 2, Whole, false, &anchors)
}

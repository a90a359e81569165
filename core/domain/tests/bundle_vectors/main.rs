//! The vectors of bundles: some that hold, and changes of them, one each.
//!
//! `VW_WRITE_VECTORS=1` writes them anew; otherwise they must be as they are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod proofs;
mod shape;
#[path = "../world/mod.rs"]
mod world;

use vitalwitness_domain::wire::facts::{BundleVerdict, Verdict};
use vitalwitness_proof::bundle::{At, Bundle};
use vitalwitness_proof::receipt::Receipt;
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::verify::verify;
use world::cases::Cases;
use world::keep_vectors;
use world::mutate::flip;
use world::town::Show::{Nothing, Slots, Whole};
use world::town::{HEART, NOTES, Town, Twist, WEEK};

#[test]
fn vectors_are_current() {
    let cases = bundle_cases();
    keep_vectors("bundle", NOTE, &cases.made);
    cases.check_codes(&CODES);
}

#[test]
fn a_bundle_proves_what_its_receipts_prove() {
    let town = Town::new(Twist::Nothing);
    let trust = town.world.trust();
    for receipts in [week(&town), mixed(&town), channels(&town)] {
        let decoded: Vec<Receipt<'_>> = receipts
            .iter()
            .map(|it| Receipt::decode(it).unwrap())
            .collect();
        // in whatever order the receipts come
        let reversed: Vec<Receipt<'_>> = decoded.iter().rev().cloned().collect();
        let mut bundle = Bundle::of_receipts(&reversed).unwrap();
        bundle.keys = Bundle::of_receipts(&decoded).unwrap().keys;
        assert_eq!(bundle.encode(), bundle_of(&receipts));
        let facts = Bundle::verify(&bundle.encode(), &trust).unwrap();
        let mut proven = 0_usize;
        for receipt in &receipts {
            let one = verify(receipt, None, &trust).unwrap();
            let of = facts
                .entries
                .iter()
                .find(|of| of.index == one.index)
                .unwrap();
            let place = one.batch.unwrap();
            let record = of
                .records
                .iter()
                .find(|it| it.index == place.index)
                .unwrap();
            assert_eq!(Some(record.record_hash), one.record_hash);
            assert_eq!(
                (&record.disclosed, record.author),
                (&one.disclosed, one.author)
            );
            assert_eq!((&of.entry, of.size), (&one.entry, place.size));
            assert_eq!(
                (&facts.logged, &facts.witnessed),
                (&one.logged, &one.witnessed)
            );
            assert_eq!(facts.existed_by, one.existed_by);
            proven += 1;
        }
        assert_eq!(
            proven,
            facts
                .entries
                .iter()
                .map(|of| of.records.len())
                .sum::<usize>()
        );
    }
}

#[test]
fn a_week_of_blood_pressure_is_less_than_half_of_its_receipts() {
    let town = Town::new(Twist::ManyMore);
    let receipts = week(&town);
    let separate: usize = receipts.iter().map(Vec::len).sum();
    let bundle = bundle_of(&receipts).len();
    eprintln!(
        "{} records: {separate} bytes as receipts, {bundle} as a bundle ({} %)",
        receipts.len(),
        bundle * 100 / separate
    );
    assert_eq!(receipts.len(), 14);
    assert!(bundle * 2 < separate, "{bundle} of {separate}");
    assert!(Bundle::verify(&bundle_of(&receipts), &town.world.trust()).is_ok());
}

#[test]
fn every_changed_record_of_a_bundle_is_named() {
    let town = Town::new(Twist::Nothing);
    let good = bundle_of(&week(&town));
    assert_eq!(Bundle::decode(&good).unwrap().changed_records(), []);
    let disclosure = |place: i64| [1, 0, 4, place, 2];
    let mut changed = good.clone();
    for (place, byte) in [(0, 60), (6, 90), (13, 120)] {
        changed = flip(&changed, &disclosure(place), byte);
    }
    let named = Bundle::decode(&changed).unwrap().changed_records();
    let at = |leaf| At {
        entry: 4,
        leaf: Some(leaf),
    };
    assert_eq!(named, [at(1), at(7), at(14)]);
    let refused = Bundle::verify(&changed, &town.world.trust()).unwrap_err();
    assert!(named.contains(&refused.at.unwrap()));
}

#[test]
fn receipts_that_do_not_belong_together_make_no_bundle() {
    let (town, later) = (Town::new(Twist::Nothing), Town::new(Twist::ManyMore));
    let first = town.receipt(WEEK, 1, Whole, false);
    let event = town.world.receipt(2, None, &[], None);
    for (why, other, code) in [
        ("an event's", &event, "MALFORMED"),
        ("the same again", &first, "MALFORMED"),
        (
            "another checkpoint",
            &later.receipt(WEEK, 2, Whole, false),
            "ENTRY_MISMATCH",
        ),
    ] {
        let receipts = [&first, other].map(|it| Receipt::decode(it).unwrap());
        let refused = Bundle::of_receipts(&receipts).map_err(vitalwitness_proof::Rejection::code);
        assert_eq!(refused, Err(code), "{why}");
    }
    assert!(Bundle::of_receipts(&[]).is_err());
}

const NOTE: &str = "Bundle verify(bundle, trust) -> {facts} or {reject, at}. A byte string given as a list is its parts in order: hex, [hex, count] = that byte so often, or [id, from, to] = those bytes of the same member of case id. A trust given as text is that of case id. One change a case.";

/// All of section 7 but `HEADER_MISMATCH`: a bundle opens no batch.
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

/// Value and time of fourteen readings.
fn week(town: &Town) -> Vec<Vec<u8>> {
    (1..=14)
        .map(|leaf| town.receipt(WEEK, leaf, Slots(&[1, 4, 5]), false))
        .collect()
}

/// A header, a record shown whole, one not shown and a filler.
fn mixed(town: &Town) -> Vec<Vec<u8>> {
    vec![
        town.receipt(HEART, 0, Whole, false),
        town.receipt(HEART, 1, Whole, false),
        town.receipt(HEART, 4, Nothing, false),
        town.receipt(HEART, 7, Nothing, false),
    ]
}

/// Three batches of two channels, some records by another author; anchors.
fn channels(town: &Town) -> Vec<Vec<u8>> {
    let anchors: [(u64, &[u8]); 2] = [(1, b"\x80"), (9, b"")];
    vec![
        town.receipt(WEEK, 2, Slots(&[5]), false),
        town.receipt(WEEK, 3, Slots(&[5]), true),
        town.receipt(HEART, 2, Whole, false),
        town.receipt_with(NOTES, 1, Whole, true, &anchors),
        town.receipt(NOTES, 3, Slots(&[1, 4]), true),
    ]
}

pub(crate) fn bundle_of(receipts: &[Vec<u8>]) -> Vec<u8> {
    let receipts: Vec<Receipt<'_>> = receipts
        .iter()
        .map(|it| Receipt::decode(it).unwrap())
        .collect();
    Bundle::of_receipts(&receipts).unwrap().encode()
}

fn bundle_cases() -> Cases {
    let town = Town::new(Twist::Nothing);
    let judge = |file: &[u8], trust: &Trust| {
        serde_json::to_value(BundleVerdict::from(&Bundle::verify(file, trust))).unwrap()
    };
    let mut cases = Cases::new("bundle", judge, &town.world.trust());
    cases.holds(
        "week",
        "fourteen readings of one batch, value and time shown",
        bundle_of(&week(&town)),
    );
    cases.holds(
        "mixed",
        "a header, a record shown whole, one hidden, a filler",
        bundle_of(&mixed(&town)),
    );
    cases.holds(
        "channels",
        "three batches of two owners, two ENROLs, an author, anchors",
        bundle_of(&channels(&town)),
    );
    cases.holds(
        "one",
        "of one record a bundle is its receipt",
        bundle_of(&week(&town)[4..5]),
    );
    shape::shape(&mut cases);
    shape::limits(&mut cases);
    proofs::records(&mut cases, &town);
    proofs::authors(&mut cases);
    proofs::trees(&mut cases);
    proofs::entries(&mut cases);
    proofs::checkpoint(&mut cases, &town);
    let receipt = serde_json::to_value(Verdict::from(&verify(
        &week(&town)[4],
        None,
        &town.world.trust(),
    )));
    let one = cases.made.iter().find(|case| case["id"] == "one").unwrap();
    assert_eq!(
        one["expect"]["facts"]["entries"][0]["entry"],
        receipt.unwrap()["facts"]["entry"]
    );
    cases
}

pub(crate) fn week_of(twist: Twist) -> Vec<Vec<u8>> {
    week(&Town::new(twist))
}

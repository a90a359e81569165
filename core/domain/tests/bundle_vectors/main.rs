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

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use vitalwitness_domain::wire::facts::{BundleVerdict, Verdict};
use vitalwitness_domain::wire::trust::{parse_trust, write_trust};
use vitalwitness_proof::bundle::Bundle;
use vitalwitness_proof::cbor::Value;
use vitalwitness_proof::cbor::Value::{Array, Bytes, Int};
use vitalwitness_proof::receipt::Receipt;
use vitalwitness_proof::verify::verify;
use world::keep_vectors;
use world::mutate::parts;
use world::town::Show::{Nothing, Slots, Whole};
use world::town::{HEART, NOTES, Town, Twist, WEEK};

#[test]
fn vectors_are_current() {
    let cases = bundle_cases();
    keep_vectors("bundle", NOTE, &cases);
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &cases {
        let code = case["expect"]["reject"].as_str().unwrap_or("FACTS");
        *codes.entry(code).or_default() += 1;
    }
    assert!(
        cases.len() - codes["FACTS"] >= 15 * codes["FACTS"],
        "{codes:?}"
    );
    assert!(codes.values().all(|count| *count >= 3), "{codes:?}");
    assert_eq!(codes.len(), 16, "{codes:?}");
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

pub(crate) struct Cases {
    pub(crate) bases: BTreeMap<&'static str, Vec<u8>>,
    trust: Json,
    made: Vec<Json>,
}

impl Cases {
    fn holds(&mut self, id: &'static str, why: &str, bundle: Vec<u8>) {
        self.add(id, why, ("", &bundle), "FACTS", &Json::Null, None);
        self.bases.insert(id, bundle);
    }

    /// One change of base `base`, refused with `code` and nothing named.
    pub(crate) fn refuse(&mut self, code: &str, base: &str, what: &str, why: &str, bundle: &[u8]) {
        self.refuse_at(code, &Json::Null, base, what, why, bundle);
    }

    pub(crate) fn refuse_at(
        &mut self,
        code: &str,
        at: &Json,
        base: &str,
        what: &str,
        why: &str,
        bundle: &[u8],
    ) {
        let id = format!("{base}-{what}");
        assert_ne!(bundle, self.bases[base], "{id} changes nothing");
        self.add(&id, why, (base, bundle), code, at, None);
    }

    pub(crate) fn distrust(&mut self, code: &str, base: &str, what: &str, why: &str, trust: Json) {
        let bundle = self.bases[base].clone();
        let id = format!("{base}-{what}");
        self.add(&id, why, (base, &bundle), code, &Json::Null, Some(trust));
    }

    fn add(
        &mut self,
        id: &str,
        why: &str,
        (base, bundle): (&str, &[u8]),
        code: &str,
        at: &Json,
        trust: Option<Json>,
    ) {
        let first = self.made.first().map(|case| case["id"].clone());
        let known = trust.clone().unwrap_or_else(|| self.trust.clone());
        let verdict = Bundle::verify(bundle, &parse_trust(&known.to_string()).unwrap());
        let got = verdict
            .as_ref()
            .map_or_else(|no| no.rejection.code(), |_| "FACTS");
        assert_eq!(got, code, "{id}: {verdict:?}");
        let expect = serde_json::to_value(BundleVerdict::from(&verdict)).unwrap();
        if code != "FACTS" {
            assert_eq!(expect["at"], *at, "{id}");
        }
        let stored = match self.bases.get(base) {
            Some(of) => parts(base, of, bundle),
            None => json!(hex::encode(bundle)),
        };
        let trust = trust.or(first).unwrap_or(known);
        self.made.push(json!({ "id": id, "why": why,
            "input": { "bundle": stored, "trust": trust }, "expect": expect }));
    }
}

fn bundle_cases() -> Vec<Json> {
    let town = Town::new(Twist::Nothing);
    let trust: Json = serde_json::from_str(&write_trust(&town.world.trust()).unwrap()).unwrap();
    let mut cases = Cases {
        bases: BTreeMap::new(),
        trust,
        made: Vec::new(),
    };
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
    cases.made
}

pub(crate) fn week_of(twist: Twist) -> Vec<Vec<u8>> {
    week(&Town::new(twist))
}

pub(crate) fn number(value: &Value) -> u64 {
    match value {
        Int(number) => u64::try_from(*number).unwrap(),
        other => panic!("no number: {other:?}"),
    }
}

pub(crate) fn shorten(value: &mut Value) {
    match value {
        Bytes(bytes) => {
            bytes.pop();
        }
        other => panic!("no bytes: {other:?}"),
    }
}

pub(crate) fn lengthen(value: &mut Value) {
    if let Bytes(bytes) = value {
        bytes.extend([0; 32]);
    }
}

pub(crate) fn cut_node(value: &mut Value) {
    if let Bytes(bytes) = value {
        bytes.truncate(bytes.len() - 32);
    }
}

pub(crate) fn deep(levels: usize) -> Value {
    (0..levels).fold(Int(0), |inner, _| Array(vec![inner]))
}

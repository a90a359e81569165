//! Receipts cut short, mutated, and at their sizes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod world;

use serde_json::Value as Json;
use std::path::Path;
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::batch::{Arrival, seal};
use vitalwitness_proof::checkpoint::NoteLine;
use vitalwitness_proof::entry::{Event, EventType, encode_entry, entry_leaf};
use vitalwitness_proof::merkle::{Frontier, Hash, log_path};
use vitalwitness_proof::receipt::{LogPlace, Receipt, Record};
use vitalwitness_proof::record::SaltKey;
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::verify::{Facts, verify};
use vitalwitness_proof::{Rejection, sha256};
use world::{Actor, ORIGIN, World, event};

/// Receipts of which every byte is signed, hashed or shape.
const BOUND: [&str; 16] = [
    "record",
    "record-whole",
    "record-some",
    "record-last",
    "header",
    "filler",
    "enrolled",
    "enrolled-owner-signs",
    "carried-key",
    "author",
    "event-grant",
    "event-batch",
    "event-last",
    "event-genesis",
    "quorum-third",
    "no-key",
];

#[test]
fn a_receipt_cut_short_is_refused_at_every_length() {
    for (id, receipt, trust) in accepted() {
        for cut in 0..receipt.len() {
            assert!(
                verify(&receipt[..cut], None, &trust).is_err(),
                "{id} at {cut}"
            );
        }
    }
}

#[test]
fn a_hundred_thousand_mutations_neither_panic_nor_prove_the_same() {
    let receipts = accepted();
    let originals: Vec<Facts> = receipts
        .iter()
        .map(|(_, receipt, trust)| verify(receipt, None, trust).unwrap())
        .collect();
    let mut random = Random(1);
    for round in 0..100_000 {
        let pick = random.below(receipts.len());
        let (id, receipt, trust) = &receipts[pick];
        let mut mutated = receipt.clone();
        let place = random.below(mutated.len());
        match random.below(8) {
            0 => mutated[place] = u8::try_from(random.below(256)).unwrap(),
            1 => {
                mutated.remove(place);
            }
            2 => mutated.insert(place, u8::try_from(random.below(256)).unwrap()),
            bit => mutated[place] ^= 1 << bit,
        }
        if mutated == *receipt {
            continue;
        }
        let Ok(facts) = verify(&mutated, None, trust) else {
            continue;
        };
        let original = &originals[pick];
        let name = format!("round {round}: {id} at {place}");
        if BOUND.contains(&id.as_str()) {
            assert_ne!(&facts, original, "{name}");
        }
        // whatever else changed, what is proven did not
        assert_eq!(facts.record_hash, original.record_hash, "{name}");
        assert_eq!(facts.batch, original.batch, "{name}");
        assert_eq!(facts.disclosed, original.disclosed, "{name}");
        assert_eq!(facts.entry.event, original.entry.event, "{name}");
        assert_eq!(facts.logged, original.logged, "{name}");
        assert_eq!(facts.index, original.index, "{name}");
    }
}

#[test]
fn a_record_receipt_from_a_log_of_a_million_is_as_long_as_the_format_says() {
    let (witnessed, trust) = large_receipt(2);
    let (log_only, _) = large_receipt(0);
    assert!(verify(&witnessed, None, &trust).is_ok());
    // a QR code 26-L holds 1,990 letters of base45, three for two bytes; 28-L holds 2,223
    for (receipt, about, qr) in [(&log_only, 1_300, 1_990), (&witnessed, 1_470, 2_223)] {
        let letters = receipt.len().div_ceil(2) * 3;
        assert!(letters <= qr, "{} bytes", receipt.len());
        assert!(
            receipt.len().abs_diff(about) < 60,
            "{} bytes",
            receipt.len()
        );
    }
}

/// A record in a batch of 2^7 in a log of 2^20, with so many witnesses.
fn large_receipt(witnesses: usize) -> (Vec<u8>, Trust) {
    let mut world = World::new();
    world.witnesses.truncate(witnesses);
    let (owner, device) = (Actor::named("owner"), Actor::named("device"));
    let records: Vec<Arrival> = (0..100_u8)
        .map(|number| Arrival {
            start: i64::from(number),
            rid: [number; 16],
            record_hash: sha256(&[&[number]]),
        })
        .collect();
    let sealed = seal(
        &SaltKey::derive(&[1; 32]),
        &[2; 16],
        None,
        "raw",
        None,
        &records,
    )
    .unwrap();
    assert_eq!(sealed.leaves.len(), 128);
    let event = Event {
        location: Some([3; 32]),
        ..event(EventType::Batch, owner.id(), sealed.root())
    };
    let entry = encode_entry(&device.sign_event(&event.encode()), 600, &[4; 32]);
    let index = 700_000;
    let mut frontier = Frontier::new();
    let mut nodes = std::collections::HashMap::new();
    for place in 0..1_u64 << 20 {
        let leaf = if place == index {
            entry_leaf(&entry)
        } else {
            sha256(&[&place.to_be_bytes()])
        };
        frontier.append_with(leaf, |level, index, hash| {
            nodes.insert((level, index), *hash);
        });
    }
    let path = log_path(index, frontier.size(), |level, index| {
        nodes.get(&(level, index)).copied().ok_or(())
    })
    .unwrap();
    let lines = world.lines(frontier.size(), frontier.root());
    let batch_path: Vec<Hash> = sealed.tree.path(5).unwrap().copied().collect();
    let receipt = Receipt {
        record: Some(Record {
            record_hash: sealed.leaves[5],
            size: 128,
            index: 5,
            path: &batch_path,
        }),
        entry: &entry,
        log: LogPlace {
            origin: ORIGIN,
            size: frontier.size(),
            index,
            path: &path,
        },
        lines: lines.iter().map(NoteLine::borrowed).collect(),
        anchors: Vec::new(),
        disclosure: None,
        keys: Vec::new(),
        author: None,
        enrolment: None,
    };
    let bytes = receipt.encode();
    assert_eq!(Receipt::decode(&bytes), Ok(receipt));
    (bytes, world.trust())
}

#[test]
fn a_receipt_is_encoded_in_one_way() {
    for (id, receipt, _) in accepted() {
        assert_eq!(Receipt::decode(&receipt).unwrap().encode(), receipt, "{id}");
    }
}

#[test]
fn a_disclosure_beside_an_event_is_malformed() {
    let (_, receipt, trust) = accepted()
        .into_iter()
        .find(|(id, ..)| id == "event-grant")
        .unwrap();
    let refused = verify(&receipt, Some(&[0x80]), &trust);
    assert_eq!(refused, Err(Rejection::Malformed));
}

/// Every accepted receipt of receipt.json that carries its own disclosure, with its trust.
fn accepted() -> Vec<(String, Vec<u8>, Trust)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/receipt.json");
    let file: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    let accepted = cases.iter().filter(|case| {
        case["expect"]["facts"].is_object() && case["input"]["disclosure"].is_null()
    });
    accepted
        .map(|case| {
            let trust = match &case["input"]["trust"] {
                Json::String(id) => &find(cases, id)["input"]["trust"],
                trust => trust,
            };
            (
                case["id"].as_str().unwrap().to_owned(),
                assemble(cases, &case["input"]["receipt"]),
                parse_trust(&trust.to_string()).unwrap(),
            )
        })
        .collect()
}

fn assemble(cases: &[Json], parts: &Json) -> Vec<u8> {
    let Json::Array(parts) = parts else {
        return hex::decode(parts.as_str().unwrap()).unwrap();
    };
    let at = |part: &Json, place: usize| usize::try_from(part[place].as_u64().unwrap()).unwrap();
    parts
        .iter()
        .flat_map(|part| match part {
            Json::String(text) => hex::decode(text).unwrap(),
            part => {
                let source = find(cases, part[0].as_str().unwrap());
                assemble(cases, &source["input"]["receipt"])[at(part, 1)..at(part, 2)].to_vec()
            }
        })
        .collect()
}

fn find<'a>(cases: &'a [Json], id: &str) -> &'a Json {
    cases.iter().find(|case| case["id"] == id).unwrap()
}

/// xorshift64*: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from(number).unwrap() % bound
    }
}

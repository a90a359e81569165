//! Tampering is located exactly: ten thousand records, any bit.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use proptest::prelude::*;
use std::collections::BTreeSet;
use std::ops::Range;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::batch::{Arrival, seal};
use vitalwitness_proof::cbor::Value;
use vitalwitness_proof::locate::{Differences, KnownNodes, locate};
use vitalwitness_proof::merkle::{Hash, Tree, leaf_hash_of};
use vitalwitness_proof::record::{Disclosure, SaltKey, Schema, disclose_whole};
use vitalwitness_proof::sha256;

const RECORDS: usize = 10_000;

#[test]
fn any_bit_flipped_in_any_of_ten_thousand_records_names_that_record() {
    let records = records();
    let hashes: Vec<Hash> = records.iter().map(|record| hash_of(record)).collect();
    let arrivals: Vec<Arrival> = (0..)
        .zip(&hashes)
        .map(|(start, hash)| arrival(start, hash))
        .collect();
    let sealed = seal(
        &SaltKey::derive(&[1; 32]),
        &[2; 16],
        None,
        "raw",
        None,
        &arrivals,
    )
    .unwrap();
    let mut claimed = sealed.tree.clone();
    let mut random = Random(1);
    // one bit of every record, and every bit of some
    let all = (0..RECORDS).map(|nth| (nth, random.below(records[nth].len() * 8)));
    let mut flips: Vec<(usize, usize)> = all.collect();
    for _ in 0..16 {
        let nth = random.below(RECORDS);
        flips.extend((0..records[nth].len() * 8).map(|bit| (nth, bit)));
    }
    for (nth, bit) in &flips {
        let mut record = records[*nth].clone();
        record[bit / 8] ^= 1 << (bit % 8);
        let leaf = nth + 1;
        assert!(claimed.set_leaf_hash(leaf, leaf_hash_of(&hash_of(&record))));
        let only = Differences {
            changed: vec![(leaf, leaf)],
            ..Differences::default()
        };
        assert_eq!(
            locate(&sealed.tree, &claimed),
            only,
            "bit {bit} of record {nth}"
        );
        claimed.set_leaf_hash(leaf, leaf_hash_of(&hashes[*nth]));
    }
    assert!(flips.len() > 20_000, "{}", flips.len());
    assert_eq!(claimed.root(), sealed.root());
    assert!(locate(&sealed.tree, &claimed).is_empty());
}

#[test]
fn what_is_missing_added_moved_or_exchanged_is_named() {
    let sealed: Vec<Hash> = leaves(RECORDS);
    let other = |seed: u8| sha256(&[&[seed]]);
    let check = |claimed: &[Hash], expect: Differences| {
        let found = locate(&Tree::of_leaves(&sealed), &Tree::of_leaves(claimed));
        assert_eq!(found, expect);
    };
    let none = Differences::default;
    check(&sealed, none());

    let mut claimed = sealed.clone();
    claimed.remove(6_202);
    claimed.remove(17);
    check(
        &claimed,
        Differences {
            missing: vec![17, 6_202],
            ..none()
        },
    );

    let mut claimed = sealed.clone();
    claimed.insert(9_000, other(1));
    claimed.push(other(2));
    check(
        &claimed,
        Differences {
            added: vec![9_000, 10_001],
            ..none()
        },
    );

    let mut claimed = sealed.clone();
    claimed.insert(501, sealed[500]);
    check(
        &claimed,
        Differences {
            added: vec![501],
            ..none()
        },
    );

    let mut claimed = sealed.clone();
    let taken = claimed.remove(100);
    claimed.insert(5_000, taken);
    check(
        &claimed,
        Differences {
            moved: vec![(100, 5_000)],
            ..none()
        },
    );

    for (one, two) in [(3, 4), (3, 5), (0, 9_999)] {
        let mut claimed = sealed.clone();
        claimed.swap(one, two);
        check(
            &claimed,
            Differences {
                moved: vec![(one, two), (two, one)],
                ..none()
            },
        );
    }

    let mut claimed = sealed.clone();
    claimed[7] = other(3);
    claimed.remove(4_000);
    claimed.insert(7_999, other(4));
    claimed.swap(9_100, 9_500);
    check(
        &claimed,
        Differences {
            changed: vec![(7, 7)],
            missing: vec![4_000],
            added: vec![7_999],
            moved: vec![(9_100, 9_500), (9_500, 9_100)],
        },
    );
    check(
        &[],
        Differences {
            missing: (0..RECORDS).collect(),
            ..none()
        },
    );
}

#[test]
fn who_knows_the_root_and_some_receipts_names_the_smallest_part_they_tell_apart() {
    let leaves = leaves(1_024);
    let sealed = Tree::of_leaves(&leaves);
    let path = |leaf: usize| -> Vec<Hash> { sealed.path(leaf).unwrap().copied().collect() };
    let wide = |leaf: usize| u64::try_from(leaf).unwrap();
    let mut changed = leaves.clone();
    changed[700] = [0; 32];
    let claimed = Tree::of_leaves(&changed);

    let mut known = KnownNodes::of_root(1_024, sealed.root());
    assert_eq!(known.differing(&sealed), Some(vec![]));
    assert_eq!(known.differing(&claimed), Some(one(0..1_024)));
    // each receipt nearer to the changed record tells more
    for (leaf, part) in [
        (0, 512..1_024),
        (600, 640..768),
        (690, 696..704),
        (702, 700..702),
        (701, 700..701),
    ] {
        known
            .learn(wide(leaf), &leaf_hash_of(&leaves[leaf]), &path(leaf))
            .unwrap();
        assert_eq!(
            known.differing(&claimed),
            Some(one(part)),
            "with the receipt of {leaf}"
        );
    }
    // with every receipt, every record
    for (leaf, data) in leaves.iter().enumerate() {
        known
            .learn(wide(leaf), &leaf_hash_of(data), &path(leaf))
            .unwrap();
    }
    changed[0] = [1; 32];
    changed[1_023] = [2; 32];
    let found = known.differing(&Tree::of_leaves(&changed));
    assert_eq!(found, Some(vec![0..1, 700..701, 1_023..1_024]));
    // what a receipt does not prove is not learned
    let before = known.clone();
    let hash = leaf_hash_of(&leaves[5]);
    assert_eq!(
        known.learn(6, &hash, &path(5)),
        Err(Rejection::EntryMismatch)
    );
    assert_eq!(
        known.learn(5, &hash, &path(5)[1..]),
        Err(Rejection::PathLength)
    );
    assert_eq!(
        known.learn(1_024, &hash, &path(5)),
        Err(Rejection::IndexOutOfRange)
    );
    assert_eq!(known, before);
    assert_eq!(known.differing(&Tree::of_leaves(&leaves[..512])), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_mix_of_changes_is_accounted_for(
        size in 1..400_usize,
        edits in proptest::collection::vec((0..5_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..12),
    ) {
        let sealed = leaves(size);
        let mut claimed = sealed.clone();
        for (number, (kind, at, to)) in edits.iter().enumerate() {
            if claimed.is_empty() {
                break;
            }
            let fresh = sha256(&[b"fresh", &number.to_le_bytes()]);
            let (at, to) = (at.index(claimed.len()), to.index(claimed.len()));
            match kind {
                0 => claimed[at] = fresh,
                1 => { claimed.remove(at); }
                2 => claimed.insert(at, fresh),
                3 => claimed.swap(at, to),
                _ => { let taken = claimed.remove(at); claimed.insert(to, taken); }
            }
        }
        let found = locate(&Tree::of_leaves(&sealed), &Tree::of_leaves(&claimed));
        prop_assert_eq!(found.is_empty(), sealed == claimed);
        let there: BTreeSet<Hash> = claimed.iter().copied().collect();
        let gone: BTreeSet<usize> = (0..size).filter(|leaf| !there.contains(&sealed[*leaf])).collect();
        let named = found.changed.iter().map(|(leaf, _)| *leaf).chain(found.missing.iter().copied());
        prop_assert_eq!(named.collect::<BTreeSet<_>>(), gone);
        let known: BTreeSet<Hash> = sealed.iter().copied().collect();
        let fresh: BTreeSet<usize> = (0..claimed.len()).filter(|place| !known.contains(&claimed[*place])).collect();
        let named = found.changed.iter().map(|(_, place)| *place).chain(found.added.iter().copied());
        prop_assert_eq!(named.collect::<BTreeSet<_>>(), fresh);
        // without the moved ones the rest is in order
        let moved: BTreeSet<Hash> = found.moved.iter().map(|(leaf, _)| sealed[*leaf]).collect();
        let kept = |leaves: &[Hash], other: &BTreeSet<Hash>| -> Vec<Hash> {
            leaves.iter().filter(|it| other.contains(*it) && !moved.contains(*it)).copied().collect()
        };
        prop_assert_eq!(kept(&sealed, &there), kept(&claimed, &known));
        for (leaf, place) in &found.moved {
            prop_assert_eq!(sealed[*leaf], claimed[*place]);
        }
    }

    #[test]
    fn a_replaced_leaf_gives_the_tree_built_anew(size in 1..200_usize, at in any::<prop::sample::Index>()) {
        let mut leaves = leaves(size);
        let mut tree = Tree::of_leaves(&leaves);
        let at = at.index(size);
        leaves[at] = [9; 32];
        prop_assert!(tree.set_leaf_hash(at, leaf_hash_of(&[9; 32])));
        let anew = Tree::of_leaves(&leaves);
        prop_assert_eq!(tree.root(), anew.root());
        prop_assert!(tree.path(at).unwrap().eq(anew.path(at).unwrap()));
        prop_assert!(!tree.set_leaf_hash(size, [0; 32]));
    }
}

fn one(range: Range<u64>) -> Vec<Range<u64>> {
    std::iter::once(range).collect()
}

/// The record hash, or what was never sealed where the record cannot be read.
fn hash_of(record: &[u8]) -> Hash {
    Disclosure::decode(record)
        .and_then(|record| record.record_hash())
        .unwrap_or([0; 32])
}

/// Ten thousand records of several kinds, each as one disclosure of all of it.
fn records() -> Vec<Vec<u8>> {
    let key = SaltKey::derive(&[1; 32]);
    let text = |text: &str| Value::Text(text.into());
    (0..u32::try_from(RECORDS).unwrap())
        .map(|nth| {
            let rid = key.rid(nth);
            let mut values = vec![
                Value::Bytes(rid.into()),
                Value::Int(1_770_000_000_000 + i64::from(nth)),
                Value::Null,
                Value::Int(60),
            ];
            let number = Value::Decimal {
                exponent: -1,
                mantissa: i64::from(nth % 700),
            };
            let schema = match nth % 3 {
                0 => {
                    values.extend([
                        text("loinc|8867-4"),
                        Value::Array(vec![number, text("/min")]),
                    ]);
                    Schema::Observation
                }
                1 => {
                    let dose = Value::Array(vec![number, text("mg")]);
                    values.extend([text("Metformin"), dose, Value::Int(1)]);
                    Schema::Medicine
                }
                _ => {
                    values.extend([text("dentistry"), text("filling, upper left")]);
                    Schema::Note
                }
            };
            values.extend([Value::Array(vec![Value::Int(2), Value::Null]), Value::Null]);
            disclose_whole(schema, &key.seed(&rid), &values)
        })
        .collect()
}

fn arrival(start: i64, hash: &Hash) -> Arrival {
    Arrival {
        start,
        rid: [0; 16],
        record_hash: *hash,
    }
}

fn leaves(size: usize) -> Vec<Hash> {
    (0..size)
        .map(|index| sha256(&[&index.to_le_bytes()]))
        .collect()
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

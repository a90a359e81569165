//! What is not disclosed cannot be guessed, though there are few heart rates.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use vitalwitness_proof::cbor::{self, Value};
use vitalwitness_proof::record::{
    Disclosure, SaltKey, Schema, Seed, digest, disclose_some, disclose_whole, record_hash, salt,
};
use vitalwitness_proof::{Hash, sha256};

const VALUE: u16 = 5;
/// More than a million hashes a second: every search here takes milliseconds.
const RATES: std::ops::RangeInclusive<i64> = 20..=250;

#[test]
fn an_unsalted_hash_of_a_heart_rate_is_found_and_ours_is_not() {
    let (seed, values) = record(0, 73);
    // a hash without salt names its value to whoever tries all
    let unsalted = sha256(&[&encoded(73)]);
    let found: Vec<i64> = RATES
        .filter(|rate| sha256(&[&encoded(*rate)]) == unsalted)
        .collect();
    assert_eq!(found, [73]);

    // every other field is shown, with its salt; a second record is shown whole
    let others = [0, 1, 2, 3, 4, 6, 7];
    let shown = disclose_some(Schema::Observation, &seed, &values, &others);
    let disclosure = Disclosure::decode(&shown).unwrap();
    let hidden = hidden_digests(&shown);
    assert_eq!(hidden, [digest(&salt(&seed, VALUE), VALUE, &encoded(73))]);
    let (other_seed, _) = record(1, 74);
    let mut salts: Vec<[u8; 16]> = vec![[0; 16], first_16(&shown), first_16(&hidden[0])];
    salts.extend(disclosure.fields.iter().map(|field| field.salt));
    salts.extend((0..16).map(|slot| salt(&other_seed, slot)));
    // what the shown salts might be stretched to, as if one of them were a seed
    for shown in salts.clone() {
        let stretched: Seed = [shown, shown].concat().try_into().unwrap();
        salts.extend([salt(&stretched, VALUE), first_16(&sha256(&[&shown]))]);
    }
    let tries = salts
        .iter()
        .flat_map(|salt| RATES.map(move |rate| (salt, rate)));
    let mut hashes = 0;
    for (salt, rate) in tries {
        hashes += 1;
        assert!(
            !hidden.contains(&digest(salt, VALUE, &encoded(rate))),
            "{rate}"
        );
        assert!(!hidden.contains(&sha256(&[salt, &encoded(rate)])), "{rate}");
    }
    assert!(hashes > 10_000);
    // the search itself works: with the salt the rate is found
    let with_salt = salt(&seed, VALUE);
    let is = |rate: &i64| digest(&with_salt, VALUE, &encoded(*rate)) == hidden[0];
    assert_eq!(RATES.filter(is).collect::<Vec<_>>(), [73]);
}

#[test]
fn no_slot_of_a_part_shown_gives_away_another() {
    let (seed, values) = record(0, 73);
    for open in 0..8_u16 {
        let shown = disclose_some(Schema::Observation, &seed, &values, &[open]);
        for slot in (0..8).filter(|slot| *slot != open) {
            let secret = salt(&seed, slot);
            assert!(!contains(&shown, &secret), "salt {slot} beside {open}");
        }
        assert!(!contains(&shown, &seed), "the seed beside {open}");
        let hash = Disclosure::decode(&shown).unwrap().record_hash().unwrap();
        assert_eq!(
            hash,
            record_hash(Schema::Observation, &seed, &values).unwrap()
        );
    }
}

#[test]
fn one_value_in_two_records_has_two_digests() {
    let of = |nth: u32| {
        let (seed, values) = record(nth, 73);
        let shown = disclose_some(Schema::Observation, &seed, &values, &[1]);
        hidden_digests(&shown)
    };
    let (one, two) = (of(0), of(1));
    assert!(one.iter().all(|digest| !two.contains(digest)));
}

#[test]
fn without_its_seed_a_record_cannot_be_linked_to_its_leaf() {
    let (seed, values) = record(0, 73);
    let leaf = record_hash(Schema::Observation, &seed, &values).unwrap();
    // who kept the whole disclosure can; that is what erasing destroys
    let kept = disclose_whole(Schema::Observation, &seed, &values);
    assert_eq!(Disclosure::decode(&kept).unwrap().record_hash(), Ok(leaf));
    // rid, seed and batch secret gone: all values known, every seed left is another's
    let mut seeds: Vec<Seed> = (1..2_000).map(|nth| record(nth, 73).0).collect();
    seeds.extend([[0; 32], leaf, sha256(&[&encoded(73)])]);
    for seed in &seeds {
        let guess = record_hash(Schema::Observation, seed, &values).unwrap();
        assert_ne!(guess, leaf);
    }
    // and an unsalted record hash would have named it
    let unsalted = |values: &[Value]| {
        let digests: Vec<Hash> = values
            .iter()
            .map(|it| sha256(&[&cbor::encode(it)]))
            .collect();
        sha256(&[digests.as_flattened()])
    };
    assert_eq!(unsalted(&values), unsalted(&record(0, 73).1));
}

/// The batch's `nth` record, and its seed.
fn record(nth: u32, rate: i64) -> (Seed, Vec<Value>) {
    let key = SaltKey::derive(&[7; 32]);
    let rid = key.rid(nth);
    let values = vec![
        Value::Bytes(rid.into()),
        Value::Int(1_770_015_600_000),
        Value::Null,
        Value::Int(60),
        Value::Text("loinc|8867-4".into()),
        heart_rate(rate),
        Value::Array(vec![Value::Int(3), Value::Bytes([7; 16].into())]),
        Value::Null,
    ];
    (key.seed(&rid), values)
}

fn heart_rate(rate: i64) -> Value {
    let decimal = Value::Decimal {
        exponent: 0,
        mantissa: rate,
    };
    Value::Array(vec![decimal, Value::Text("/min".into())])
}

fn encoded(rate: i64) -> Vec<u8> {
    cbor::encode(&heart_rate(rate))
}

/// The last item of a disclosure of some fields.
fn hidden_digests(shown: &[u8]) -> Vec<Hash> {
    let Value::Array(items) = cbor::decode(shown).unwrap() else {
        return Vec::new();
    };
    match &items[2] {
        Value::Bytes(digests) => digests.as_chunks::<32>().0.to_vec(),
        _ => Vec::new(),
    }
}

fn first_16(bytes: &[u8]) -> [u8; 16] {
    *bytes.first_chunk().unwrap()
}

fn contains(bytes: &[u8], piece: &[u8]) -> bool {
    bytes.windows(piece.len()).any(|window| window == piece)
}

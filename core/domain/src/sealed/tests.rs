#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod erasure;
mod hostile;
mod series;
mod vectors;

use super::plain::Body;
use super::*;
use crate::testing::{Seeded, Signing};
use vitalwitness_proof::merkle;
use vitalwitness_proof::record::{author_message, record_hash};

const SECRET: [u8; 32] = [0x5e; 32];
const NONCE: [u8; 12] = [0x0c; 12];
/// 2025-03-01T07:00:00Z.
const START: i64 = 1_740_812_400_000;

fn stream_key() -> Secret32 {
    Secret32::new([0x51; 32])
}

fn salt_key() -> SaltKey {
    SaltKey::derive(&SECRET)
}

fn batch(items: Vec<Item>) -> Batch {
    Batch {
        id: [0xb1; 16],
        channel: [0xc1; 16],
        stream_key: [0x1d; 16],
        secret: Secret32::new(SECRET),
        code: Some("loinc|8867-4".into()),
        granularity: Granularity::Raw,
        device: Some([0xde; 16]),
        revision: 0,
        items,
    }
}

fn expect(sealed: &Sealed) -> Expect {
    Expect {
        channel: [0xc1; 16],
        stream_key: [0x1d; 16],
        batch: [0xb1; 16],
        root: sealed.root,
        leaves: sealed.leaves,
    }
}

fn sealed(items: Vec<Item>) -> Sealed {
    seal(&batch(items), &stream_key(), NONCE).unwrap()
}

fn opened(items: Vec<Item>) -> Opened {
    let sealed = sealed(items);
    open(&sealed.bytes, &stream_key(), &expect(&sealed)).unwrap()
}

fn quantity(mantissa: i64, exponent: i8, unit: &str) -> Value {
    Value::Array(vec![
        Value::Decimal { exponent, mantissa },
        Value::Text(unit.into()),
    ])
}

/// A heart rate as the record's slots have it.
fn heart_rate(arrival: u32, start: i64, beats: i64) -> Item {
    Item {
        schema: Schema::Observation,
        slots: vec![
            Value::Bytes(salt_key().rid(arrival).to_vec()),
            Value::Int(start),
            Value::Null,
            Value::Int(60),
            Value::Text("loinc|8867-4".into()),
            quantity(beats, 0, "/min"),
            Value::Array(vec![Value::Int(2), Value::Bytes(vec![0xaa; 16])]),
            Value::Null,
        ],
        source: RidSource::Arrival(arrival),
        author: None,
    }
}

/// Heart rate at 1 Hz: a slow walk between 48 and 180, starts a few milliseconds off the second.
fn workout(count: u32, jitter: usize) -> Vec<Item> {
    let mut random = Seeded(1);
    let mut beats = 72_i64;
    (0..count)
        .map(|arrival| {
            beats = (beats + i64::try_from(random.below(5)).unwrap() - 2).clamp(48, 180);
            let off = i64::try_from(random.below(jitter + 1)).unwrap();
            heart_rate(arrival, START + i64::from(arrival) * 1_000 + off, beats)
        })
        .collect()
}

/// Any value a slot can hold.
fn any_value(random: &mut Seeded, depth: usize) -> Value {
    let small = i64::try_from(random.below(300)).unwrap() - 150;
    match random.below(if depth == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => Value::Bool(small > 0),
        2 => Value::Int(random.next().cast_signed()),
        3 => Value::Int(small),
        4 => {
            let len = random.below(40);
            Value::Bytes(random.bytes(len))
        }
        5 => Value::Text("Überprüfung ".repeat(random.below(4))),
        6 => Value::Decimal {
            exponent: i8::try_from(random.below(37)).unwrap() - 18,
            mantissa: small,
        },
        7 => {
            let len = random.below(4);
            Value::Array((0..len).map(|_| any_value(random, depth - 1)).collect())
        }
        _ => {
            let len = i64::try_from(random.below(4)).unwrap();
            let pairs = (0..len).map(|key| (Value::Int(key), any_value(random, depth - 1)));
            Value::Map(pairs.collect())
        }
    }
}

/// Records of every schema, source and odd shape.
fn any_items(random: &mut Seeded, count: usize) -> Vec<Item> {
    let uniform = random.below(2) == 0;
    let schemas = &Schema::ALL[..8];
    let first = schemas[random.below(8)];
    let author = Signing::new(30);
    (0..count)
        .map(|at| {
            let schema = if uniform {
                first
            } else {
                schemas[random.below(8)]
            };
            let arrival = u32::try_from(count - 1 - at).unwrap();
            let mut rid: Rid = random.bytes(16).try_into().unwrap();
            let source = match random.below(3) {
                0 => {
                    rid = salt_key().rid(arrival);
                    RidSource::Arrival(arrival)
                }
                1 => RidSource::Random,
                _ => RidSource::Adopted(random.bytes(32).try_into().unwrap()),
            };
            let mut slots = vec![
                Value::Bytes(rid.to_vec()),
                Value::Int(START + i64::try_from(random.below(5_000)).unwrap()),
            ];
            while slots.len() < usize::from(schema.slots()) {
                let value = match (slots.len(), random.below(4)) {
                    (5, 1..) => quantity(i64::try_from(random.below(90)).unwrap(), -1, "kg"),
                    (3 | 6, 1..) => Value::Int(60),
                    _ => any_value(random, 3),
                };
                slots.push(value);
            }
            let signed = (random.below(6) == 0).then(|| {
                let seed = source.seed(&salt_key(), &rid);
                let hash = record_hash(schema, &seed, &slots).unwrap();
                let key = author.spki();
                let id = vitalwitness_proof::keys::spki_id(&key);
                Author {
                    key,
                    signature: author.sign(&author_message(&id, &hash)),
                }
            });
            Item {
                schema,
                slots,
                source,
                author: signed,
            }
        })
        .collect()
}

/// Opens and finds every item where the order says, value for value.
fn assert_round_trip(items: &[Item], case: usize) {
    let sealed = sealed(items.to_vec());
    let opened = open(&sealed.bytes, &stream_key(), &expect(&sealed)).unwrap();
    assert_eq!(opened.len(), items.len(), "{case}");
    for (record, at) in opened.records().zip(&sealed.order) {
        let item = &items[*at];
        let index = record.index();
        let context = format!("case {case}, leaf {index}");
        assert!(record.values() == item.slots, "{context}");
        assert!(record.author() == item.author.as_ref(), "{context}");
        assert_eq!(record.schema(), item.schema, "{context}");
        let seed = item.source.seed(&salt_key(), &record.rid());
        assert_eq!(record.seed(), seed, "{context}");
        let hash = record_hash(item.schema, &seed, &item.slots).unwrap();
        assert_eq!(record.record_hash(), hash, "{context}");
        assert_eq!(sealed.record_hashes[index - 1], hash, "{context}");
    }
    assert_eq!(opened.records().count(), items.len(), "{case}");
}

#[test]
fn records_of_any_shape_come_back_value_for_value() {
    let mut random = Seeded(1_001);
    for case in 0..300 {
        let count = 1 + random.below(40);
        let items = any_items(&mut random, count);
        assert_round_trip(&items, case);
    }
}

#[test]
fn the_smallest_and_the_largest_batch_come_back() {
    for count in [1, 2, 7, 8, 4_095, 10_000, 16_383] {
        let sealed = sealed(workout(count, 3));
        let opened = open(&sealed.bytes, &stream_key(), &expect(&sealed)).unwrap();
        assert_eq!(opened.records().count(), usize::try_from(count).unwrap());
    }
    for items in [Vec::new(), workout(16_384, 0)] {
        let refused = seal(&batch(items), &stream_key(), NONCE);
        assert_eq!(refused, Err(SealError::Count));
    }
}

#[test]
fn a_heart_rate_sample_takes_at_most_five_bytes() {
    for (count, jitter) in [(3_600, 0), (3_600, 15), (4_095, 0), (4_095, 900)] {
        let items = workout(count, jitter);
        let body = opened(items).body.write();
        let packed = zstd::bulk::compress(&body, 6).unwrap().len();
        let centi = packed * 100 / usize::try_from(count).unwrap();
        eprintln!(
            "{count} samples, jitter {jitter} ms: {packed} bytes, {}.{:02} a sample",
            centi / 100,
            centi % 100
        );
        assert!(
            centi <= 500,
            "{count} samples, jitter {jitter}: {centi} / 100"
        );
    }
}

#[test]
fn the_order_of_arrival_does_not_change_the_root() {
    let items = workout(100, 900);
    let mut turned = items.clone();
    turned.reverse();
    let (one, two) = (sealed(items), sealed(turned));
    assert_eq!(one.root, two.root);
    assert_eq!(one.bytes, two.bytes);
}

#[test]
fn every_path_and_disclosure_of_an_opened_batch_verifies() {
    let mut random = Seeded(7);
    let opened = opened(any_items(&mut random, 21));
    let (root, size) = (opened.place().root, u64::from(opened.place().leaves));
    let check = |index: usize, disclosed: &[u8]| {
        let disclosure = vitalwitness_proof::record::Disclosure::decode(disclosed).unwrap();
        let hash = disclosure.record_hash().unwrap();
        let path = opened.path(index).unwrap();
        let index = u64::try_from(index).unwrap();
        let leaf = merkle::leaf_hash_of(&hash);
        let nodes = path.as_chunks::<32>().0;
        merkle::verify_inclusion(&leaf, index, size, nodes, &root).unwrap();
    };
    check(0, &opened.disclose_header(&[1, 2, 4]));
    for record in opened.records() {
        check(record.index(), &record.disclose_whole());
        check(record.index(), &record.disclose_some(&[0, 5]));
        assert_eq!(
            opened.find(&record.record_hash()).unwrap().index(),
            record.index()
        );
    }
}

#[test]
fn debug_shows_no_value() {
    let mut items = workout(1, 0);
    items[0].slots[4] = Value::Text("oncology".into());
    let shown = format!("{:?} {:?}", items[0], batch(items.clone()));
    let sealed = sealed(items.clone());
    let opened = opened(items);
    let leaf = opened.leaf(1).unwrap();
    let shown = format!("{shown} {sealed:?} {opened:?} {leaf:?}");
    assert_eq!(shown, "Item Batch Sealed Opened Leaf");
}

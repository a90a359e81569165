//! The bytes of `docs/sealed-batch.md`, pinned.

use super::*;
use crate::testing::{unhex, vector_cases};
use serde_json::{Value as Json, json};

#[test]
fn every_vector_of_sealed_holds() {
    for case in vector_cases("sealed") {
        let (id, input, expect) = (&case["id"], &case["input"], &case["expect"]);
        let place = Expect {
            channel: unhex(&input["channel"]).try_into().unwrap(),
            stream_key: unhex(&input["stream_key_id"]).try_into().unwrap(),
            batch: unhex(&input["batch"]).try_into().unwrap(),
            root: unhex(&input["root"]).try_into().unwrap(),
            leaves: u32::try_from(input["leaves"].as_u64().unwrap()).unwrap(),
        };
        let key = Secret32::new(unhex(&input["stream_key"]).try_into().unwrap());
        match open(&unhex(&input["bytes"]), &key, &place) {
            Ok(opened) => assert_eq!(*expect, facts(&opened), "{id}"),
            Err(error) => assert_eq!(expect["reject"], error.code(), "{id}"),
        }
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn vectors_are_current() {
    let mut cases = Vec::new();
    let mut case = |id: &str, why: &str, bytes: &[u8], place: &Expect, key: &Secret32| {
        let expect = match open(bytes, key, place) {
            Ok(opened) => facts(&opened),
            Err(error) => json!({"reject": error.code()}),
        };
        let input = json!({
            "bytes": hex::encode(bytes),
            "stream_key": hex::encode(key.expose()),
            "channel": hex::encode(place.channel),
            "stream_key_id": hex::encode(place.stream_key),
            "batch": hex::encode(place.batch),
            "root": hex::encode(place.root),
            "leaves": place.leaves,
        });
        cases.push(json!({"id": id, "why": why, "input": input, "expect": expect}));
    };
    let key = stream_key();
    let mut random = Seeded(2_025);
    for (id, why, items) in [
        ("one", "the smallest batch: one heart rate", workout(1, 0)),
        (
            "series",
            "heart rate at 1 Hz, starts off the second",
            workout(20, 900),
        ),
        ("late", "arrived last, started first", {
            let mut items = workout(8, 0);
            items[7] = heart_rate(7, START - 60_000, 80);
            items
        }),
        ("intervals", "five minutes each, the last one shorter", {
            let mut items = workout(12, 0);
            for (at, item) in (0..).zip(&mut items) {
                let start = START + at * 300_000;
                item.slots[1] = Value::Int(start);
                item.slots[2] = Value::Int(start + if at == 11 { 70_000 } else { 300_000 });
            }
            items
        }),
        (
            "mixed",
            "every packing, random and adopted rids, authors",
            any_items(&mut random, 24),
        ),
    ] {
        let sealed = sealed(items);
        case(id, why, &sealed.bytes, &expect(&sealed), &key);
    }
    let good = sealed(workout(8, 0));
    let place = expect(&good);
    let erase = |index| {
        let opened = open(&good.bytes, &key, &place).unwrap();
        opened.erase(index).unwrap().seal(&key, [0x0d; 12]).unwrap()
    };
    case(
        "erased",
        "the third record is gone",
        &erase(3),
        &place,
        &key,
    );
    case(
        "erased-first",
        "the first record is gone; the header keeps its start",
        &erase(1),
        &place,
        &key,
    );

    let wrong_key = Secret32::new([0x52; 32]);
    case(
        "wrong-key",
        "another stream key",
        &good.bytes,
        &place,
        &wrong_key,
    );
    let other = Expect {
        batch: [0xb2; 16],
        ..place
    };
    case(
        "other-batch",
        "bytes of another batch",
        &good.bytes,
        &other,
        &key,
    );
    let other = Expect {
        root: [0; 32],
        ..place
    };
    case(
        "other-root",
        "another root than the logged one",
        &good.bytes,
        &other,
        &key,
    );
    let mut newer = good.bytes.clone();
    newer[3] = 2;
    case("newer", "a version to come", &newer, &place, &key);
    case(
        "cut",
        "one byte short",
        &good.bytes[..good.bytes.len() - 1],
        &place,
        &key,
    );
    case("cut-head", "no nonce", &good.bytes[..24], &place, &key);
    let mut flipped = good.bytes.clone();
    flipped[100] ^= 1;
    case(
        "flipped",
        "one bit of the ciphertext",
        &flipped,
        &place,
        &key,
    );

    let plain = open(&good.bytes, &key, &place).unwrap().body.write();
    let close = |plain: &[u8]| frame::close(plain, &key, &place, NONCE).unwrap();
    let mut changed = plain.clone();
    let last = changed.len() - 8;
    changed[last] ^= 2;
    case(
        "other-value",
        "decrypts, but holds another value",
        &close(&changed),
        &place,
        &key,
    );
    case(
        "cut-inside",
        "decrypts, but is cut off",
        &close(&plain[..plain.len() - 1]),
        &place,
        &key,
    );
    let mut newer = plain;
    newer[0] = 2;
    case(
        "newer-inside",
        "plain bytes of a version to come",
        &close(&newer),
        &place,
        &key,
    );

    crate::testing::vectors_are_current(
        "sealed",
        "Sealed batches. Bytes in hex; slots = hex of enc([slot 0, slot 1, ...]); author = hex of \
         SPKI and signature.",
        &cases,
    );
}

fn facts(opened: &Opened) -> Json {
    let leaves: Vec<Json> = opened
        .leaves()
        .map(|leaf| match leaf {
            Leaf::Erased { record_hash, .. } => json!({"erased": hex::encode(record_hash)}),
            Leaf::Record(record) => json!({
                "rc": hex::encode(record.record_hash()),
                "schema": record.schema().name(),
                "seed": hex::encode(record.seed()),
                "slots": hex::encode(cbor::encode(&Value::Array(record.values()))),
                "author": record
                    .author()
                    .map(|author| [hex::encode(author.key), hex::encode(author.signature)]),
            }),
        })
        .collect();
    let header = cbor::encode(&Value::Array(opened.header().values()));
    json!({"revision": opened.revision(), "header": hex::encode(header), "leaves": leaves})
}

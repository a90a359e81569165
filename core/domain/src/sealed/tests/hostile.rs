//! Hostile and faulty bytes: each refused, with its own code, before a value is shown.

use super::*;

/// What is wrong in a case.
type Change<'a, T> = &'a dyn Fn(&mut T);

#[test]
fn each_way_to_be_wrong_has_its_own_code() {
    let good = sealed(workout(50, 0));
    let right = expect(&good);
    let check = |bytes: &[u8], key: &Secret32, expect: &Expect| match open(bytes, key, expect) {
        Ok(_) => "opened",
        Err(error) => error.code(),
    };
    let key = stream_key();
    assert_eq!(check(&good.bytes, &key, &right), "opened");
    let changed = |at: usize| {
        let mut bytes = good.bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    let other = |change: fn(&mut Expect)| {
        let mut expect = right;
        change(&mut expect);
        expect
    };
    let last = good.bytes.len() - 1;
    for (case, bytes, expect, code) in [
        ("magic", changed(0), right, "sealed_damaged"),
        ("version", changed(3), right, "sealed_newer"),
        ("batch id", changed(4), right, "sealed_other_batch"),
        ("nonce", changed(20), right, "sealed_key"),
        ("ciphertext", changed(40), right, "sealed_key"),
        ("tag", changed(last), right, "sealed_key"),
        ("empty", vec![], right, "sealed_damaged"),
        (
            "cut in the head",
            good.bytes[..31].to_vec(),
            right,
            "sealed_damaged",
        ),
        ("cut", good.bytes[..last].to_vec(), right, "sealed_key"),
        (
            "channel",
            good.bytes.clone(),
            other(|e| e.channel[0] ^= 1),
            "sealed_key",
        ),
        (
            "stream key id",
            good.bytes.clone(),
            other(|e| e.stream_key[0] ^= 1),
            "sealed_key",
        ),
        (
            "root",
            good.bytes.clone(),
            other(|e| e.root[0] ^= 1),
            "sealed_key",
        ),
        (
            "size",
            good.bytes.clone(),
            other(|e| e.leaves *= 2),
            "sealed_key",
        ),
        (
            "batch",
            good.bytes.clone(),
            other(|e| e.batch[0] ^= 1),
            "sealed_other_batch",
        ),
    ] {
        assert_eq!(check(&bytes, &key, &expect), code, "{case}");
    }
    let wrong = Secret32::new([0x52; 32]);
    assert_eq!(check(&good.bytes, &wrong, &right), "sealed_key");
}

#[test]
fn a_value_other_than_the_logged_one_is_refused_although_it_decrypts() {
    let good = opened(workout(50, 0));
    let reseal = |change: &dyn Fn(&mut Body)| {
        let mut body = Body::read(&good.body.write()).unwrap();
        change(&mut body);
        let bytes = frame::close(&body.write(), &stream_key(), good.place(), NONCE).unwrap();
        match open(&bytes, &stream_key(), good.place()) {
            Ok(_) => "opened",
            Err(error) => error.code(),
        }
    };
    assert_eq!(reseal(&|_| {}), "opened");
    let cases: [(&str, Change<Body>); 6] = [
        ("another value", &|body| {
            let mut column = column::Column::default();
            for place in 0..50 {
                let value = quantity(99, 0, "/min");
                let own = body.columns[4].get(place).to_vec();
                column.push(&if place == 7 {
                    cbor::encode(&value)
                } else {
                    own
                });
            }
            body.columns[4] = column;
        }),
        ("another secret", &|body| {
            body.keys = Keys::Secret(Secret32::new([1; 32]));
        }),
        ("another header", &|body| body.header.code = None),
        ("another schema", &|body| {
            if let Row::Record(record) = &mut body.rows[3] {
                record.schema = Schema::Note;
            }
        }),
        ("an erased record that was none", &|body| {
            body.columns = body
                .columns
                .iter()
                .map(|column| column.without(3))
                .collect();
            body.rows[3] = Row::Erased([7; 32]);
        }),
        ("two records in the other order", &|body| {
            body.rows.swap(3, 4);
        }),
    ];
    for (case, change) in cases {
        assert_eq!(reseal(change), "sealed_mismatch", "{case}");
    }
}

#[test]
fn a_record_its_author_did_not_sign_is_refused() {
    let mut items = workout(3, 0);
    let author = Signing::new(31);
    let sign = |hash: &Hash| {
        let key = author.spki();
        let id = vitalwitness_proof::keys::spki_id(&key);
        Author {
            key,
            signature: author.sign(&author_message(&id, hash)),
        }
    };
    let hashes = sealed(items.clone()).record_hashes;
    items[1].author = Some(sign(&hashes[0]));
    let refused = seal(&batch(items.clone()), &stream_key(), NONCE);
    assert_eq!(refused, Err(SealError::Author));

    items[1].author = Some(sign(&hashes[1]));
    let good = opened(items);
    let mut body = Body::read(&good.body.write()).unwrap();
    if let Row::Record(record) = &mut body.rows[1] {
        record.author.as_mut().unwrap().signature[5] ^= 1;
    }
    let bytes = frame::close(&body.write(), &stream_key(), good.place(), NONCE).unwrap();
    let refused = open(&bytes, &stream_key(), good.place());
    assert_eq!(refused.unwrap_err(), OpenError::Author);
}

#[test]
fn items_that_could_not_be_opened_are_not_sealed() {
    let change = |change: &dyn Fn(&mut Vec<Item>)| {
        let mut items = workout(3, 0);
        change(&mut items);
        match seal(&batch(items), &stream_key(), NONCE) {
            Ok(_) => "sealed",
            Err(error) => error.code(),
        }
    };
    let deep = (0..14).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    let cases: [(&str, Change<Vec<Item>>, &str); 10] = [
        ("nothing wrong", &|_| {}, "sealed"),
        (
            "a slot too few",
            &|items| _ = items[0].slots.pop(),
            "batch_slots",
        ),
        (
            "no rid",
            &|items| items[0].slots[0] = Value::Null,
            "batch_slots",
        ),
        (
            "no start",
            &|items| items[0].slots[1] = Value::Null,
            "batch_slots",
        ),
        (
            "a header",
            &|items| items[0].schema = Schema::BatchHeader,
            "batch_slots",
        ),
        (
            "too deep",
            &|items| items[0].slots[7] = deep.clone(),
            "batch_slots",
        ),
        (
            "an exponent out of range",
            &|items| items[0].slots[5] = quantity(1, 19, "m"),
            "batch_slots",
        ),
        (
            "another arrival",
            &|items| items[0].source = RidSource::Arrival(9),
            "batch_rid",
        ),
        ("twice", &|items| items[1] = items[0].clone(), "batch_rid"),
        (
            "above 4 MiB",
            &|items| items[0].slots[7] = Value::Bytes(vec![0; MAX_RECORD]),
            "batch_too_large",
        ),
    ];
    for (case, wrong, code) in cases {
        assert_eq!(change(wrong), code, "{case}");
    }
}

#[test]
fn no_mutation_of_the_plain_bytes_panics_or_gives_another_value() {
    let mut random = Seeded(4_095);
    let mut plains = Vec::new();
    for count in [1, 3, 6] {
        plains.push(opened(any_items(&mut random, count)));
    }
    plains.push(opened(workout(5, 900)));
    let erased = opened(workout(6, 900)).erase(2).unwrap();
    plains.push(erased);
    let places: Vec<_> = plains
        .iter()
        .map(|opened| (opened.body.write(), *opened.place()))
        .collect();
    let mut read = 0;
    for case in 0..MUTATIONS {
        let (plain, place) = &places[case % places.len()];
        let bad = random.mutate(plain);
        let Ok(body) = Body::read(&bad) else { continue };
        read += 1;
        // what still opens is another spelling of the same values or another revision number
        if let Ok(opened) = Opened::check(body, *place) {
            let same = plains[case % places.len()].records().map(|r| r.values());
            assert!(opened.records().map(|r| r.values()).eq(same), "{case}");
        }
    }
    assert!(read > MUTATIONS / 100, "only {read} mutations were read");
    for (plain, _) in &places {
        for len in 0..plain.len() {
            assert!(Body::read(&plain[..len]).is_err(), "cut to {len}");
        }
    }
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let bomb = zstd::bulk::compress(&vec![0; frame::MAX_PLAIN + 1], 1).unwrap();
    let mut padded = u32::try_from(bomb.len()).unwrap().to_be_bytes().to_vec();
    padded.extend(bomb);
    let refused = frame::unpad_and_decompress(&padded);
    assert_eq!(refused.unwrap_err(), OpenError::Damaged);

    // 16,383 copies of one megabyte, written as one item for all
    let mut items = workout(16_383, 0);
    for item in &mut items {
        item.slots[7] = Value::Bytes(vec![7; 600]);
    }
    let body = opened(items).body.write();
    let long = cbor::encode(&Value::Bytes(vec![7; 600]));
    let at = body
        .windows(long.len())
        .position(|window| window == long)
        .unwrap();
    let longer = cbor::encode(&Value::Bytes(vec![7; 1 << 20]));
    let bomb = [&body[..at], &longer, &body[at + long.len()..]].concat();
    assert_eq!(Body::read(&bomb).err(), Some(OpenError::Damaged));
}

const MUTATIONS: usize = 100_000;

//! What an erasure leaves behind.

use super::*;

#[test]
fn an_erased_record_leaves_its_hash_and_nothing_else() {
    let mut items = workout(40, 0);
    items[11].slots[7] = Value::Map(vec![(
        Value::Text("note".into()),
        Value::Text("after the funeral".into()),
    )]);
    let before = opened(items);
    let Some(Leaf::Record(gone)) = before.leaf(12) else {
        return assert_eq!(1, 2, "leaf 12 is a record");
    };
    let (gone_rid, gone_seed, gone_hash) = (gone.rid(), gone.seed(), gone.record_hash());
    let place = *before.place();
    let kept: Vec<_> = before
        .records()
        .map(|r| (r.record_hash(), r.seed()))
        .collect();

    let bytes = before
        .erase(12)
        .unwrap()
        .seal(&stream_key(), NONCE)
        .unwrap();
    let after = open(&bytes, &stream_key(), &place).unwrap();
    assert_eq!(after.revision(), 1);
    assert_eq!(after.len(), 40);
    let left: Vec<_> = after
        .records()
        .map(|r| (r.record_hash(), r.seed()))
        .collect();
    let expect: Vec<_> = kept
        .into_iter()
        .filter(|(hash, _)| *hash != gone_hash)
        .collect();
    assert!(left == expect, "the others are as they were");
    assert!(matches!(
        after.leaf(12),
        Some(Leaf::Erased { index: 12, record_hash }) if record_hash == gone_hash
    ));
    assert!(after.find(&gone_hash).is_none());
    assert!(after.path(12).is_some());

    let plain = frame::reveal(&bytes, &stream_key(), &place).unwrap();
    let holds = |part: &[u8]| plain.windows(part.len()).any(|window| window == part);
    assert!(holds(&gone_hash), "the record hash stays");
    for (what, part) in [
        ("its note", &b"funeral"[..]),
        ("its rid", &gone_rid),
        ("its seed", &gone_seed),
        ("the batch secret", &SECRET),
        ("the salt key", salt_key().expose()),
    ] {
        assert!(!holds(part), "{what} is still in the new bytes");
    }
}

#[test]
fn the_heart_rate_of_an_erased_record_cannot_be_found_by_trying_all() {
    let items = workout(40, 0);
    let mut slots = items[11].slots.clone();
    let before = opened(items);
    let Some(Leaf::Record(gone)) = before.leaf(12) else {
        return assert_eq!(1, 2, "leaf 12 is a record");
    };
    let (gone_seed, gone_hash) = (gone.seed(), gone.record_hash());
    let mut finds = |seed: &Seed| {
        (30..=220).any(|beats| {
            slots[5] = quantity(beats, 0, "/min");
            record_hash(Schema::Observation, seed, &slots).unwrap() == gone_hash
        })
    };
    assert!(finds(&gone_seed), "with its seed, trying all finds it");

    // everything else of the record is known; every secret left in the batch is tried as its seed
    let after = before.erase(12).unwrap();
    let plain = after.body.write();
    let mut tried = 0;
    for seed in after.records().map(|record| record.seed()) {
        assert!(!finds(&seed), "found with another record's seed");
        tried += 1;
    }
    assert_eq!(tried, 39);
    for window in plain.windows(32).step_by(16) {
        assert!(
            !finds(window.try_into().unwrap()),
            "found with bytes of the batch"
        );
    }
}

#[test]
fn records_can_be_erased_until_none_is_left() {
    let sealed = sealed(workout(9, 0));
    let place = expect(&sealed);
    let mut batch = open(&sealed.bytes, &stream_key(), &place).unwrap();
    for (revision, index) in (1..).zip([9, 1, 5, 2, 3, 4, 6, 7, 8]) {
        let erased = batch.erase(index).unwrap();
        let erased = erased.erase(index).unwrap_err();
        let bytes = erased.seal(&stream_key(), NONCE).unwrap();
        batch = open(&bytes, &stream_key(), &place).unwrap();
        assert_eq!(batch.revision(), revision);
    }
    assert_eq!(batch.records().count(), 0);
    for index in [0, 10, usize::MAX] {
        batch = *batch.erase(index).unwrap_err();
    }
}

//! What charts read is what a whole opening gives.

use super::super::{Kept, seal_kept, series};
use super::*;

fn check(bytes: &[u8], place: &Expect) {
    let opened = open(bytes, &stream_key(), place).unwrap();
    let series = series(bytes, &stream_key(), place).unwrap().unwrap();
    let mut units = series
        .units
        .iter()
        .flat_map(|(unit, count)| std::iter::repeat_n(unit, *count));
    assert_eq!(series.starts.len(), opened.records().count());
    for (record, (start, number)) in opened
        .records()
        .zip(series.starts.iter().zip(&series.numbers))
    {
        let shown = quantity(number.mantissa(), number.exponent(), units.next().unwrap());
        assert_eq!((record.start(), &record.values()[5]), (*start, &shown));
    }
}

#[test]
fn a_series_is_what_the_opened_batch_holds_also_after_an_erasure() {
    let mut mixed = workout(60, 0);
    mixed[20].slots[5] = quantity(-123, -1, "/h");
    mixed[30].slots[4] = Value::Text("loinc|0-0".into());
    mixed[31].source = RidSource::Random;
    mixed[31].slots[0] = Value::Bytes(vec![7; 16]);
    for items in [workout(1, 0), workout(2_000, 0), mixed] {
        let sealed = sealed(items.clone());
        check(&sealed.bytes, &expect(&sealed));
        let erased = opened(items).erase(1).unwrap();
        let bytes = erased.seal(&stream_key(), NONCE).unwrap();
        check(&bytes, &expect(&sealed));
    }
}

#[test]
fn a_batch_with_other_values_has_no_series() {
    let mut items = workout(5, 0);
    items[2].slots[5] = Value::Text("calm".into());
    let with_text = sealed(items);
    let place = expect(&with_text);
    assert_eq!(series(&with_text.bytes, &stream_key(), &place), Ok(None));
    let other_key = Secret32::new([0; 32]);
    let refused = series(&with_text.bytes, &other_key, &place);
    assert_eq!(refused, Err(OpenError::Key));
}

#[test]
fn sealing_with_the_hashes_of_arrival_gives_the_same_bytes_and_wrong_ones_never_open() {
    let items = workout(50, 0);
    let whole = sealed(items.clone());
    let mut hashes = vec![[0; 32]; 50];
    for (at, hash) in whole.order.iter().zip(&whole.record_hashes) {
        hashes[*at] = *hash;
    }
    let slots: Vec<Vec<u8>> = items
        .iter()
        .map(|item| item.slots.iter().flat_map(cbor::encode).collect())
        .collect();
    let kept = |hashes: &[Hash]| -> Vec<Kept<'_>> {
        let rows = items.iter().zip(&slots).zip(hashes);
        rows.map(|((item, slots), hash)| Kept {
            schema: item.schema,
            slots,
            source: item.source,
            record_hash: *hash,
        })
        .collect()
    };
    let batch = batch(Vec::new());
    let again = seal_kept(&batch, &kept(&hashes), &stream_key(), NONCE).unwrap();
    assert!(again == whole);
    let mut cut = kept(&hashes);
    cut[7].slots = &cut[7].slots[..cut[7].slots.len() - 1];
    let refused = seal_kept(&batch, &cut, &stream_key(), NONCE).err();
    assert_eq!(refused, Some(SealError::Slots));
    let mut moved = kept(&hashes);
    moved[7].source = RidSource::Arrival(8);
    let refused = seal_kept(&batch, &moved, &stream_key(), NONCE).err();
    assert_eq!(refused, Some(SealError::Rid));
    hashes.swap(3, 4);
    let wrong = seal_kept(&batch, &kept(&hashes), &stream_key(), NONCE).unwrap();
    let refused = open(&wrong.bytes, &stream_key(), &expect(&wrong)).err();
    assert_eq!(refused, Some(OpenError::Mismatch));
}

//! One value, one encoding; hostile bytes never panic; Debug never shows a value.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use proptest::prelude::*;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::batch::{Arrival, Header};
use vitalwitness_proof::cbor::{self, Value};
use vitalwitness_proof::record::{
    Disclosure, SaltKey, Schema, disclose_some, disclose_whole, record_hash,
};

#[test]
fn the_first_defect_in_byte_order_decides() {
    // bytes, code
    let cases = [
        ("851801", "NON_CANONICAL"),                   // before the missing items
        ("8218011b8000000000000000", "NON_CANONICAL"), // before the large integer
        ("821b80000000000000001801", "MALFORMED"),     // the large integer comes first
        ("a2010001", "NON_CANONICAL"),                 // a key twice, before its missing value
        ("a19800", "MALFORMED"),                       // an array as key, whatever its head
        ("d80482", "NON_CANONICAL"),                   // tag 4 written long
        ("c49f", "NON_CANONICAL"),                     // a decimal of indefinite length
        ("c483000000", "MALFORMED"),                   // three items in a decimal
        ("c482181201", "NON_CANONICAL"),               // the exponent fits in one byte with 18
        ("c4823201", "MALFORMED"),                     // exponent -19
        ("f816", "MALFORMED"),                         // null in two bytes is not well formed
        ("ff", "MALFORMED"),
        ("1c", "MALFORMED"),
        ("1f", "MALFORMED"),
        ("5f", "NON_CANONICAL"),
        ("bf", "NON_CANONICAL"),
        ("8181818181818181818181818181c4820000", "LIMIT_EXCEEDED"), // a decimal's items on 17
        ("81818181818181818181818181c4820000", ""),                 // and on 16
    ];
    for (bytes, code) in cases {
        let bytes = hex::decode(bytes).unwrap();
        let got = cbor::decode(&bytes).map_or_else(Rejection::code, |_| "");
        assert_eq!(got, code, "{}", hex::encode(&bytes));
        assert_eq!(
            cbor::check(&bytes).map_or_else(Rejection::code, |()| ""),
            code
        );
    }
}

#[test]
fn a_byte_that_cannot_stand_in_a_decimal_decides_before_the_length_of_its_head() {
    // bytes, code
    let cases = [
        ("c482780100", "MALFORMED"),     // text as exponent, its head too long
        ("c4825f", "MALFORMED"),         // bytes of indefinite length as exponent
        ("c482007801", "MALFORMED"),     // text as mantissa, its head too long
        ("c48200d80400", "MALFORMED"),   // a tag as mantissa, written long
        ("c47801", "MALFORMED"),         // text for the pair
        ("c4b80100", "MALFORMED"),       // a map for the pair, its head too long
        ("c41801", "MALFORMED"),         // an integer for the pair
        ("c4980200", "NON_CANONICAL"),   // the pair may stand there; its head is too long
        ("c482180100", "NON_CANONICAL"), // so may the exponent
        ("c482001801", "NON_CANONICAL"), // and the mantissa
        ("c482", "MALFORMED"),
        ("c4", "MALFORMED"),
    ];
    for (bytes, code) in cases {
        let bytes = hex::decode(bytes).unwrap();
        let got = cbor::decode(&bytes).map_or_else(Rejection::code, |_| "");
        assert_eq!(got, code, "{}", hex::encode(&bytes));
        assert_eq!(
            cbor::check(&bytes).map_or_else(Rejection::code, |()| ""),
            code
        );
    }
}

#[test]
fn what_is_shown_in_part_has_the_hash_of_the_whole() {
    let values = record();
    let seed = [5; 32];
    let whole = record_hash(Schema::Observation, &seed, &values).unwrap();
    for shown in 0..=u8::MAX {
        let slots: Vec<u16> = (0..8).filter(|slot| shown >> slot & 1 == 1).collect();
        let bytes = disclose_some(Schema::Observation, &seed, &values, &slots);
        let disclosure = Disclosure::decode(&bytes).unwrap();
        assert_eq!(disclosure.record_hash(), Ok(whole), "{slots:?}");
        let open: Vec<u16> = disclosure.fields.iter().map(|field| field.slot).collect();
        assert_eq!(open, slots);
        for slot in 0..8 {
            let value = disclosure.value(slot);
            let expected = slots
                .contains(&slot)
                .then(|| cbor::encode(&values[usize::from(slot)]));
            assert_eq!(value, expected.as_deref());
        }
    }
    let bytes = disclose_whole(Schema::Observation, &seed, &values);
    assert_eq!(Disclosure::decode(&bytes).unwrap().record_hash(), Ok(whole));
}

#[test]
fn no_debug_output_shows_a_value_or_a_secret() {
    let values = record();
    let bytes = disclose_whole(Schema::Observation, &[5; 32], &values);
    let disclosure = Disclosure::decode(&bytes).unwrap();
    let mut encoder = cbor::Encoder::new();
    encoder.value(&Value::Array(values.clone()));
    let header = Header {
        rid: [1; 16],
        first: 424_242,
        last: 424_242,
        code: Some("secret-code".into()),
        records: 1,
        granularity: "raw".into(),
        device: None,
    };
    let arrival = Arrival {
        start: 424_242,
        rid: [1; 16],
        record_hash: [2; 32],
    };
    let shown = [
        format!("{values:?}"),
        format!("{disclosure:?}"),
        format!("{encoder:?}"),
        format!("{:?}", cbor::Reader::new(&bytes)),
        format!("{header:?}"),
        format!("{arrival:?}"),
        format!("{:?}", SaltKey::derive(&[42; 32])),
    ];
    for text in shown {
        for secret in ["424242", "secret", "42, 42", "1, 1", "5, 5"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

fn record() -> Vec<Value> {
    vec![
        Value::Bytes(vec![1; 16]),
        Value::Int(424_242),
        Value::Null,
        Value::Int(60),
        Value::Text("secret-code".into()),
        Value::Array(vec![
            Value::Decimal {
                exponent: -2,
                mantissa: 424_242,
            },
            Value::Text("secret-unit".into()),
        ]),
        Value::Array(vec![Value::Int(2), Value::Null]),
        Value::Map(vec![(Value::Int(5), Value::Text("secret-reason".into()))]),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::Int),
        (-300..300_i64).prop_map(Value::Int),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        "\\PC{0,40}".prop_map(Value::Text),
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-18..=18_i8, any::<i64>())
            .prop_map(|(exponent, mantissa)| Value::Decimal { exponent, mantissa }),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        let pairs = proptest::collection::btree_map(any::<i64>(), inner.clone(), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Value::Array),
            pairs.prop_map(|pairs| {
                let pairs = pairs.into_iter();
                Value::Map(pairs.map(|(key, value)| (Value::Int(key), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_comes_back_and_encodes_the_same(value in values()) {
        let bytes = cbor::encode(&value);
        let back = cbor::decode(&bytes).unwrap();
        prop_assert!(cbor::encode(&back) == bytes);
        prop_assert_eq!(cbor::check(&bytes), Ok(()));
        for cut in 0..bytes.len() {
            prop_assert!(cbor::decode(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        match cbor::decode(&bytes) {
            Ok(value) => prop_assert!(cbor::encode(&value) == bytes),
            Err(rejection) => prop_assert_eq!(cbor::check(&bytes), Err(rejection)),
        }
    }

    #[test]
    fn a_changed_byte_never_gives_a_second_encoding(value in values(), place in any::<proptest::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = cbor::encode(&value);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(value) = cbor::decode(&bytes) {
            prop_assert!(cbor::encode(&value) == bytes);
        }
    }
}

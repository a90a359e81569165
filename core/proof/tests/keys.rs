//! Keys and signatures against ring and hand-made edge cases.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use vitalwitness_proof::Rejection;
use vitalwitness_proof::keys::{PublicKey, is_well_formed, normalize_low_s};

#[test]
fn the_generator_is_on_the_curve_and_its_neighbours_are_not() {
    let generator = hex::decode(GENERATOR).unwrap();
    let key = PublicKey::p256(&generator).unwrap();
    assert_eq!(PublicKey::from_spki(&key.to_spki()), Ok(key));
    for byte in 1..65 {
        for bit in 0..8 {
            let mut changed = generator.clone();
            changed[byte] ^= 1 << bit;
            let key = PublicKey::p256(&changed);
            assert_eq!(key, Err(Rejection::Malformed), "byte {byte} bit {bit}");
        }
    }
}

#[test]
fn other_forms_of_a_key_are_malformed() {
    let generator = hex::decode(GENERATOR).unwrap();
    let spki = PublicKey::p256(&generator).unwrap().to_spki();
    let mut compressed = generator[..33].to_vec();
    compressed[0] = 3;
    assert!(PublicKey::p256(&compressed).is_err());
    assert!(PublicKey::p256(&[0; 65]).is_err());
    let mut infinity = vec![0; 65];
    infinity[0] = 4;
    assert!(PublicKey::p256(&infinity).is_err());
    for cut in 0..spki.len() {
        assert!(PublicKey::from_spki(&spki[..cut]).is_err(), "{cut} bytes");
    }
    assert!(PublicKey::from_spki(&[spki.as_slice(), &[0]].concat()).is_err());
    // a coordinate that is not below the prime
    let beyond = [
        &[4][..],
        &hex::decode("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff").unwrap(),
        &generator[33..],
    ]
    .concat();
    assert!(PublicKey::p256(&beyond).is_err());
}

#[test]
fn r_and_s_are_in_range_and_s_is_low() {
    // r, s, whether the pair is well formed
    let cases = [
        (ONE, ONE, true),
        (ORDER_LESS_ONE, HALF_ORDER, true),
        (ZERO, ONE, false),
        (ONE, ZERO, false),
        (ORDER, ONE, false),
        (ONE, HALF_ORDER_PLUS_ONE, false),
        (ONE, ORDER_LESS_ONE, false),
        (ONE, ORDER, false),
        (ONES, ONES, false),
    ];
    for (r, s, well_formed) in cases {
        let signature = signature(r, s);
        assert_eq!(is_well_formed(&signature), well_formed, "{r} {s}");
    }
}

#[test]
fn a_high_s_is_brought_low_and_a_low_one_kept() {
    for (s, low) in [
        (ORDER_LESS_ONE, ONE),
        (HALF_ORDER_PLUS_ONE, HALF_ORDER),
        (HALF_ORDER, HALF_ORDER),
        (ONE, ONE),
        (ORDER, ORDER),
        (ZERO, ZERO),
    ] {
        let mut made = signature(ONE, s);
        normalize_low_s(&mut made);
        assert_eq!(made, signature(ONE, low), "{s}");
    }
}

fn signature(r: &str, s: &str) -> [u8; 64] {
    hex::decode(format!("{r}{s}")).unwrap().try_into().unwrap()
}

const GENERATOR: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const ONE: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const ONES: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const ORDER_LESS_ONE: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
const HALF_ORDER: &str = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8";
const HALF_ORDER_PLUS_ONE: &str =
    "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9";

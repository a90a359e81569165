//! Is this a point of P-256? (SEC 2, section 2.4.2; FIPS 186-4, D.1.2.3)
//!
//! ring checks it too, but says "bad key" and "bad signature" with one word;
//! a verifier says `MALFORMED` for the one and `ENTRY_SIGNATURE` for the other.
//! Public values only: nothing here needs constant time.

/// A number below 2^256, least significant word first.
type Number = [u64; 4];

/// Whether (x, y), big-endian, satisfies y² = x³ - 3x + b over the field.
pub(crate) fn is_on_curve(x: &[u8; 32], y: &[u8; 32]) -> bool {
    let (x, y) = (number(x), number(y));
    if !below(&x, &P) || !below(&y, &P) {
        return false;
    }
    // the Montgomery form of a is a * 2^256; every product below keeps that form
    let (x, y, b) = (
        multiply(&x, &R_SQUARED),
        multiply(&y, &R_SQUARED),
        multiply(&B, &R_SQUARED),
    );
    let cube = multiply(&multiply(&x, &x), &x);
    let triple = add(&add(&x, &x), &x);
    multiply(&y, &y) == add(&subtract(&cube, &triple), &b)
}

/// Whether 0 < value < order, for a big-endian value.
pub(crate) fn is_scalar(value: &[u8; 32]) -> bool {
    let value = number(value);
    value != [0; 4] && below(&value, &ORDER)
}

/// Whether 0 < value <= (order - 1) / 2, for a big-endian value.
pub(crate) fn is_low_scalar(value: &[u8; 32]) -> bool {
    let value = number(value);
    value != [0; 4] && !below(&HALF_ORDER, &value)
}

/// order - value, for a big-endian value below the order.
pub(crate) fn negate_scalar(value: &[u8; 32]) -> [u8; 32] {
    let (difference, _) = borrowing(&ORDER, &number(value));
    let mut out = [0; 32];
    for (bytes, word) in out.as_chunks_mut::<8>().0.iter_mut().rev().zip(difference) {
        *bytes = word.to_be_bytes();
    }
    out
}

fn number(bytes: &[u8; 32]) -> Number {
    let mut out = [0; 4];
    for (word, bytes) in out.iter_mut().zip(bytes.as_chunks::<8>().0.iter().rev()) {
        *word = u64::from_be_bytes(*bytes);
    }
    out
}

fn below(a: &Number, b: &Number) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn borrowing(a: &Number, b: &Number) -> (Number, bool) {
    let mut out = [0; 4];
    let mut borrow = false;
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        let (difference, first) = a.overflowing_sub(*b);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        *out = difference;
        borrow = first || second;
    }
    (out, borrow)
}

fn carrying(a: &Number, b: &Number) -> (Number, bool) {
    let mut out = [0; 4];
    let mut carry = false;
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        let (sum, first) = a.overflowing_add(*b);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        *out = sum;
        carry = first || second;
    }
    (out, carry)
}

fn add(a: &Number, b: &Number) -> Number {
    let (sum, carry) = carrying(a, b);
    let (reduced, borrow) = borrowing(&sum, &P);
    if carry || !borrow { reduced } else { sum }
}

fn subtract(a: &Number, b: &Number) -> Number {
    let (difference, borrow) = borrowing(a, b);
    if borrow {
        carrying(&difference, &P).0
    } else {
        difference
    }
}

/// a * b / 2^256 modulo the field's prime, which is -1 modulo 2^64.
fn multiply(a: &Number, b: &Number) -> Number {
    let mut total = [0_u64; 5];
    for factor in b {
        let overflow = add_product(&mut total, a, *factor);
        // adding low * P clears the lowest word
        let [low, ..] = total;
        let overflow = add_product(&mut total, &P, low) | overflow;
        let [_, t1, t2, t3, t4] = total;
        total = [t1, t2, t3, t4, u64::from(overflow)];
    }
    let [t0, t1, t2, t3, top] = total;
    let (reduced, borrow) = borrowing(&[t0, t1, t2, t3], &P);
    if top != 0 || !borrow {
        reduced
    } else {
        [t0, t1, t2, t3]
    }
}

/// total += a * factor; says whether the fifth word overflowed.
fn add_product(total: &mut [u64; 5], a: &Number, factor: u64) -> bool {
    let mut carry = 0_u64;
    let (low, top) = total.split_at_mut(4);
    for (word, a) in low.iter_mut().zip(a) {
        // at most (2^64 - 1)^2 + 2 (2^64 - 1) = 2^128 - 1
        let sum = u128::from(*a)
            .wrapping_mul(u128::from(factor))
            .wrapping_add(u128::from(*word))
            .wrapping_add(u128::from(carry));
        (*word, carry) = halves(sum);
    }
    match top.first_mut() {
        Some(top) => {
            let (sum, overflow) = top.overflowing_add(carry);
            *top = sum;
            overflow
        }
        None => false,
    }
}

/// Low and high word.
fn halves(value: u128) -> (u64, u64) {
    let bytes = value.to_le_bytes();
    let mut words = [0; 2];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    let [low, high] = words;
    (low, high)
}

/// 2^256 - 2^224 + 2^192 + 2^96 - 1.
const P: Number = [
    0xffff_ffff_ffff_ffff,
    0x0000_0000_ffff_ffff,
    0,
    0xffff_ffff_0000_0001,
];
const B: Number = [
    0x3bce_3c3e_27d2_604b,
    0x651d_06b0_cc53_b0f6,
    0xb3eb_bd55_7698_86bc,
    0x5ac6_35d8_aa3a_93e7,
];
/// 2^512 modulo P.
const R_SQUARED: Number = [
    0x0000_0000_0000_0003,
    0xffff_fffb_ffff_ffff,
    0xffff_ffff_ffff_fffe,
    0x0000_0004_ffff_fffd,
];
const ORDER: Number = [
    0xf3b9_cac2_fc63_2551,
    0xbce6_faad_a717_9e84,
    0xffff_ffff_ffff_ffff,
    0xffff_ffff_0000_0000,
];
/// (ORDER - 1) / 2.
const HALF_ORDER: Number = [
    0x79dc_e561_7e31_92a8,
    0xde73_7d56_d38b_cf42,
    0x7fff_ffff_ffff_ffff,
    0x7fff_ffff_8000_0000,
];

//! Decimal numbers as they were measured.
//!
//! A mantissa and a power of ten, never normalised: 6.10 and 6.1 are equal in size and are two
//! values, because their record hashes differ. No floats anywhere.
//!
//! Invariant: the exponent is -18..=18.

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

/// `mantissa` times ten to the `exponent`, as measured.
///
/// `==` compares digits as written; [`Decimal::compare`] compares size. Debug shows no digit:
/// a measurement is health data. Display shows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i64,
    exponent: i8,
}

/// Why text is not a decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// Not a number in digits, or not finite.
    #[error("not a decimal number")]
    Malformed,
    /// More digits than a mantissa of 64 bits and an exponent of -18..=18 hold.
    #[error("too many digits")]
    Overflow,
}

impl Decimal {
    /// The smallest and largest exponent, without its sign.
    pub const MAX_EXPONENT: i8 = 18;

    /// `mantissa` times ten to the `exponent`.
    ///
    /// # Errors
    ///
    /// Overflow if the exponent is not -18..=18.
    pub const fn new(mantissa: i64, exponent: i8) -> Result<Self, DecimalError> {
        if exponent < -Self::MAX_EXPONENT || exponent > Self::MAX_EXPONENT {
            return Err(DecimalError::Overflow);
        }
        Ok(Self { mantissa, exponent })
    }

    /// A whole number.
    pub const fn whole(number: i64) -> Self {
        Self {
            mantissa: number,
            exponent: 0,
        }
    }

    /// The digits with their sign.
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// The power of ten, -18..=18.
    pub const fn exponent(self) -> i8 {
        self.exponent
    }

    /// How many digits stand after the point.
    pub fn places(self) -> u8 {
        self.exponent.min(0).unsigned_abs()
    }

    /// Reads `text`; digits that do not fit are rounded away, half to even.
    ///
    /// For numbers a machine wrote in full binary precision, such as `0.0081234567890123456`.
    /// What a person typed goes through [`FromStr`], which refuses instead.
    ///
    /// # Errors
    ///
    /// Malformed, or Overflow if the number itself is too large.
    pub fn parse_nearest(text: &str) -> Result<Self, DecimalError> {
        let parts = Parts::read(text)?;
        match parts.exact() {
            Err(DecimalError::Overflow) => parts.nearest(),
            done => done,
        }
    }

    /// Compares by size: 6.10 and 6.1 are equal here.
    pub fn compare(self, other: Self) -> Ordering {
        match (self.mantissa.signum()).cmp(&other.mantissa.signum()) {
            Ordering::Equal => {}
            order => return order,
        }
        // At most 36 powers of ten apart; beyond 19 digits the sign alone decides.
        let low = self.exponent.min(other.exponent);
        let size = |value: Self| {
            let shift = value.exponent.abs_diff(low);
            10_i128
                .checked_pow(u32::from(shift))
                .and_then(|factor| i128::from(value.mantissa).checked_mul(factor))
        };
        match (size(self), size(other)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // Overflow needs a factor above 10^19, so that side is the larger in size.
            (None, _) => self.mantissa.cmp(&0),
            (_, None) => 0.cmp(&other.mantissa),
        }
    }

    /// The exact fraction this number is.
    pub(crate) fn ratio(self) -> Ratio {
        let power = 10_i128
            .checked_pow(u32::from(self.exponent.unsigned_abs()))
            .unwrap_or(1);
        if self.exponent < 0 {
            Ratio {
                num: i128::from(self.mantissa),
                den: power,
            }
        } else {
            // 2^63 * 10^18 < 2^127
            Ratio {
                num: i128::from(self.mantissa) * power,
                den: 1,
            }
        }
    }
}

impl From<i32> for Decimal {
    fn from(number: i32) -> Self {
        Self::whole(i64::from(number))
    }
}

/// Reads `-12`, `6.10`, `.5`, `5.`, `1.5e-3`, keeping the digits: "6.10" is 610 times 10^-2.
impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Parts::read(text)?.exact()
    }
}

/// Digits as measured; reading them again gives the same value. A positive exponent is kept: `5e3`.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.exponent >= 0 {
            let digits = self.mantissa.unsigned_abs();
            if self.exponent == 0 {
                format!("{digits}")
            } else {
                format!("{digits}e{}", self.exponent)
            }
        } else {
            let places = usize::from(self.places());
            let digits = format!(
                "{:0>width$}",
                self.mantissa.unsigned_abs(),
                width = places + 1
            );
            let (whole, part) = digits.split_at(digits.len() - places);
            format!("{whole}.{part}")
        };
        f.pad_integral(self.mantissa >= 0, "", &text)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decimal")
    }
}

/// An exact fraction; the denominator is above zero.
#[derive(Clone, Copy)]
pub(crate) struct Ratio {
    num: i128,
    den: i128,
}

impl Ratio {
    pub(crate) const fn new(num: i128, den: i128) -> Self {
        Self { num, den }
    }

    pub(crate) fn times(self, other: Self) -> Option<Self> {
        let a = gcd(self.num, other.den);
        let b = gcd(other.num, self.den);
        Some(Self {
            num: (self.num / a).checked_mul(other.num / b)?,
            den: (self.den / b).checked_mul(other.den / a)?,
        })
    }

    pub(crate) fn over(self, other: Self) -> Option<Self> {
        let sign = other.num.signum();
        if sign == 0 {
            return None;
        }
        self.times(Self {
            num: other.den.checked_mul(sign)?,
            den: other.num.checked_abs()?,
        })
    }

    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        let common = gcd(self.den, other.den);
        let (left, right) = (other.den / common, self.den / common);
        Some(Self {
            num: self
                .num
                .checked_mul(left)?
                .checked_add(other.num.checked_mul(right)?)?,
            den: self.den.checked_mul(left)?,
        })
    }

    pub(crate) fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self {
            num: other.num.checked_neg()?,
            den: other.den,
        })
    }

    pub(crate) fn cmp_whole(self, number: i32) -> Option<Ordering> {
        Some(self.num.cmp(&self.den.checked_mul(i128::from(number))?))
    }

    /// The nearest decimal with `places` digits after the point, half to even.
    pub(crate) fn round(self, places: u8) -> Result<Decimal, DecimalError> {
        let exponent = i8::try_from(places).map_err(|_| DecimalError::Overflow)?;
        let mantissa = 10_i128
            .checked_pow(u32::from(places))
            .and_then(|power| self.times(Self::new(power, 1)))
            .map(|scaled| divide_half_even(scaled.num, scaled.den))
            .and_then(|digits| i64::try_from(digits).ok())
            .ok_or(DecimalError::Overflow)?;
        Decimal::new(mantissa, -exponent)
    }
}

/// A number's digits before they are known to fit.
struct Parts {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Parts {
    fn read(text: &str) -> Result<Self, DecimalError> {
        let (negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] | rest => (false, rest),
        };
        let mut digits = Vec::with_capacity(rest.len().min(MAX_TEXT));
        let mut places: i64 = 0;
        let mut point = false;
        let mut exponent: i64 = 0;
        let mut bytes = rest.iter();
        if rest.len() > MAX_TEXT {
            return Err(DecimalError::Malformed);
        }
        while let Some(byte) = bytes.next() {
            match byte {
                b'0'..=b'9' => {
                    digits.push(byte - b'0');
                    places += i64::from(point);
                }
                b'.' if !point => point = true,
                b'e' | b'E' => {
                    exponent = exponent_of(bytes.as_slice())?;
                    break;
                }
                _ => return Err(DecimalError::Malformed),
            }
        }
        if digits.is_empty() {
            return Err(DecimalError::Malformed);
        }
        Ok(Self {
            negative,
            digits,
            exponent: exponent - places,
        })
    }

    fn exact(&self) -> Result<Decimal, DecimalError> {
        let mut mantissa = 0_i64;
        for digit in &self.digits {
            mantissa = push_digit(mantissa, *digit, self.negative)?;
        }
        let mut exponent = self.exponent;
        while exponent > i64::from(Decimal::MAX_EXPONENT) && mantissa != 0 {
            mantissa = mantissa.checked_mul(10).ok_or(DecimalError::Overflow)?;
            exponent -= 1;
        }
        let exponent = i8::try_from(exponent).map_err(|_| DecimalError::Overflow)?;
        Decimal::new(mantissa, exponent)
    }

    /// Drops digits from the right until the rest fits.
    fn nearest(&self) -> Result<Decimal, DecimalError> {
        let first = self.digits.iter().position(|digit| *digit != 0);
        let Some(first) = first else {
            let exponent = self.exponent.clamp(-18, 18);
            return Decimal::new(0, i8::try_from(exponent).unwrap_or(0));
        };
        let significant = self.digits.get(first..).unwrap_or_default();
        let length = i64::try_from(significant.len()).map_err(|_| DecimalError::Overflow)?;
        // Eighteen digits always fit a mantissa, also after rounding up.
        let surplus = (length - 18).max(-i64::from(Decimal::MAX_EXPONENT) - self.exponent);
        let surplus = surplus.max(0);
        let keep = usize::try_from((length - surplus).max(0)).unwrap_or(0);
        let (kept, dropped) = significant.split_at(keep);
        let mut mantissa = 0_i64;
        for digit in kept {
            mantissa = push_digit(mantissa, *digit, false)?;
        }
        // Else zeros stand between, and all that is dropped is below half of the last place.
        let adjacent = length >= surplus;
        let up = adjacent
            && match dropped.split_first() {
                Some((5, rest)) => rest.iter().any(|digit| *digit != 0) || mantissa % 2 == 1,
                Some((digit, _)) => *digit > 5,
                None => false,
            };
        mantissa += i64::from(up);
        let exponent = self.exponent + surplus;
        if exponent > i64::from(Decimal::MAX_EXPONENT) {
            return Err(DecimalError::Overflow);
        }
        let exponent = i8::try_from(exponent).map_err(|_| DecimalError::Overflow)?;
        Decimal::new(if self.negative { -mantissa } else { mantissa }, exponent)
    }
}

fn exponent_of(bytes: &[u8]) -> Result<i64, DecimalError> {
    let text = core::str::from_utf8(bytes).map_err(|_| DecimalError::Malformed)?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::Malformed);
    }
    let exponent: i64 = text.parse().map_err(|_| DecimalError::Overflow)?;
    if exponent.unsigned_abs() > 1_000 {
        return Err(DecimalError::Overflow);
    }
    Ok(exponent)
}

fn push_digit(mantissa: i64, digit: u8, negative: bool) -> Result<i64, DecimalError> {
    let digit = i64::from(digit);
    mantissa
        .checked_mul(10)
        .and_then(|shifted| {
            if negative {
                shifted.checked_sub(digit)
            } else {
                shifted.checked_add(digit)
            }
        })
        .ok_or(DecimalError::Overflow)
}

fn divide_half_even(num: i128, den: i128) -> i128 {
    let whole = num.div_euclid(den);
    let rest = num.rem_euclid(den);
    let up = match rest.cmp(&(den - rest)) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => whole.rem_euclid(2) == 1,
    };
    whole + i128::from(up)
}

/// Above zero whenever `b` is not zero or `a` is not zero.
fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a).unwrap_or(1).max(1)
}

const MAX_TEXT: usize = 64;

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(mantissa: i64, exponent: i8) -> Decimal {
        Decimal::new(mantissa, exponent).unwrap()
    }

    #[test]
    fn text_keeps_its_digits() {
        for (text, mantissa, exponent) in [
            ("6.10", 610, -2),
            ("6.1", 61, -1),
            ("-0.05", -5, -2),
            ("+7", 7, 0),
            (".5", 5, -1),
            ("5.", 5, 0),
            ("007", 7, 0),
            ("1.5e-3", 15, -4),
            ("1.5E+3", 15, 2),
            ("2e20", 200, 18),
            ("0.000000000000000001", 1, -18),
            ("-9223372036854775808", i64::MIN, 0),
            ("9223372036854775807", i64::MAX, 0),
        ] {
            assert_eq!(text.parse(), Ok(decimal(mantissa, exponent)), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "", ".", "-", "+", "e5", "1e", "1e+", "1e+-2", "--1", "1.2.3", "1,5", " 1", "1 ",
            "NaN", "inf", "0x10", "1_000", "٣",
        ] {
            assert_eq!(
                text.parse::<Decimal>(),
                Err(DecimalError::Malformed),
                "{text}"
            );
        }
        let long = "1".repeat(65);
        assert_eq!(long.parse::<Decimal>(), Err(DecimalError::Malformed));
    }

    #[test]
    fn what_does_not_fit_is_refused_not_rounded() {
        for text in [
            "9223372036854775808",
            "-9223372036854775809",
            "0.0000000000000000001",
            "1e-19",
            "1e99",
            "1e99999999999999999999",
        ] {
            assert_eq!(
                text.parse::<Decimal>(),
                Err(DecimalError::Overflow),
                "{text}"
            );
        }
    }

    #[test]
    fn a_machine_number_is_rounded_half_to_even_when_it_does_not_fit() {
        for (text, expect) in [
            ("6.10", decimal(610, -2)),
            ("0.0081234567890123456", decimal(8_123_456_789_012_346, -18)),
            (
                "0.1234567890123456785",
                decimal(123_456_789_012_345_678, -18),
            ),
            (
                "0.1234567890123456775",
                decimal(123_456_789_012_345_678, -18),
            ),
            (
                "-0.1234567890123456776",
                decimal(-123_456_789_012_345_678, -18),
            ),
            (
                "99999999999999999999",
                decimal(1_000_000_000_000_000_000, 2),
            ),
            ("5e-19", decimal(0, -18)),
            ("51e-20", decimal(1, -18)),
            ("9e-20", decimal(0, -18)),
            ("9e-200", decimal(0, -18)),
            ("0.0000000000000000000", decimal(0, -18)),
        ] {
            assert_eq!(Decimal::parse_nearest(text), Ok(expect), "{text}");
        }
        assert_eq!(Decimal::parse_nearest("1e99"), Err(DecimalError::Overflow));
        assert_eq!(Decimal::parse_nearest("x"), Err(DecimalError::Malformed));
    }

    #[test]
    fn size_is_compared_whatever_the_digits() {
        for (a, b, order) in [
            (decimal(610, -2), decimal(61, -1), Ordering::Equal),
            (decimal(1, 18), decimal(i64::MAX, -18), Ordering::Greater),
            (decimal(-1, 18), decimal(i64::MAX, -18), Ordering::Less),
            (decimal(-1, 18), decimal(i64::MIN, -18), Ordering::Less),
            (
                decimal(i64::MIN, 18),
                decimal(i64::MIN, -18),
                Ordering::Less,
            ),
            (
                decimal(i64::MAX, -18),
                decimal(i64::MAX, 18),
                Ordering::Less,
            ),
            (
                decimal(i64::MIN, -18),
                decimal(i64::MIN, 18),
                Ordering::Greater,
            ),
            (decimal(0, 18), decimal(0, -18), Ordering::Equal),
            (decimal(0, 18), decimal(1, -18), Ordering::Less),
        ] {
            assert_eq!(a.compare(b), order, "{a} {b}");
            assert_eq!(b.compare(a), order.reverse(), "{b} {a}");
        }
        assert_ne!(decimal(610, -2), decimal(61, -1));
    }

    #[test]
    fn display_pads_like_a_number() {
        assert_eq!(format!("{:>7}", decimal(-610, -2)), "  -6.10");
        assert_eq!(decimal(5, -3).to_string(), "0.005");
        assert_eq!(decimal(5, 3).to_string(), "5e3");
    }

    proptest! {
        #[test]
        fn display_then_parse_gives_the_same_value(mantissa: i64, exponent in -18_i8..=18) {
            let value = decimal(mantissa, exponent);
            prop_assert_eq!(value.to_string().parse(), Ok(value));
        }

        #[test]
        fn parsing_never_panics(text in "[-+0-9.eE]{0,40}") {
            let strict = text.parse::<Decimal>();
            let nearest = Decimal::parse_nearest(&text);
            if strict.is_ok() {
                prop_assert_eq!(strict, nearest);
            }
        }
    }
}

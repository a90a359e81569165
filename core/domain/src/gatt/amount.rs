//! Numbers as devices send them: exact, or absent with the reason.
//!
//! SFLOAT and FLOAT are IEEE 11073-20601: a mantissa of 12 or 24 bits and a power of ten of 4 or
//! 8 bits, both two's complement, the power in the high bits. Five bit patterns are no numbers:
//!
//! | | SFLOAT | FLOAT |
//! |---|---|---|
//! | NaN | 07FF | 007FFFFF |
//! | `NRes` (not at this resolution) | 0800 | 00800000 |
//! | +INFINITY | 07FE | 007FFFFE |
//! | -INFINITY | 0802 | 00800002 |
//! | reserved | 0801 | 00800001 |
//!
//! They have power 0: 17FF is the number 2047e1.

use crate::decimal::Decimal;

/// A number, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Amount {
    /// What was sent, digit by digit.
    Number(Decimal),
    /// No number was sent.
    Absent(Absent),
}

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Absent {
    /// The device has no valid value (NaN).
    NotANumber,
    /// The value cannot be given at this resolution (`NRes`).
    Resolution,
    /// More than can be sent.
    AboveAll,
    /// Less than can be sent.
    BelowAll,
    /// A pattern without meaning.
    Reserved,
    /// The device says it does not know, by the number its specification sets aside for that.
    NotKnown,
    /// The measurement failed, by the number its specification sets aside for that.
    Unsuccessful,
    /// A power of ten that a [`Decimal`] does not hold.
    Power,
}

impl Absent {
    /// Stable in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotANumber => "nan",
            Self::Resolution => "nres",
            Self::AboveAll => "plus_inf",
            Self::BelowAll => "minus_inf",
            Self::Reserved => "reserved",
            Self::NotKnown => "not_known",
            Self::Unsuccessful => "unsuccessful",
            Self::Power => "power",
        }
    }
}

impl Amount {
    /// The number, if there is one.
    pub const fn number(self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(number),
            Self::Absent(_) => None,
        }
    }

    /// Reads a 16-bit SFLOAT.
    pub fn sfloat(bits: u16) -> Self {
        match bits {
            0x07ff => Self::Absent(Absent::NotANumber),
            0x0800 => Self::Absent(Absent::Resolution),
            0x07fe => Self::Absent(Absent::AboveAll),
            0x0802 => Self::Absent(Absent::BelowAll),
            0x0801 => Self::Absent(Absent::Reserved),
            _ => {
                // Moved to the top, the signs come down with the shift.
                let [low, high] = bits.to_le_bytes();
                let mantissa = i16::from_le_bytes([low, high])
                    .wrapping_shl(4)
                    .wrapping_shr(4);
                let power = i8::from_le_bytes([high]).wrapping_shr(4);
                Self::scaled(i64::from(mantissa), power)
            }
        }
    }

    /// Reads a 32-bit FLOAT.
    pub fn float(bits: u32) -> Self {
        match bits {
            0x007f_ffff => Self::Absent(Absent::NotANumber),
            0x0080_0000 => Self::Absent(Absent::Resolution),
            0x007f_fffe => Self::Absent(Absent::AboveAll),
            0x0080_0002 => Self::Absent(Absent::BelowAll),
            0x0080_0001 => Self::Absent(Absent::Reserved),
            _ => {
                let [a, b, c, power] = bits.to_le_bytes();
                let mantissa = i32::from_le_bytes([0, a, b, c]).wrapping_shr(8);
                Self::scaled(i64::from(mantissa), i8::from_le_bytes([power]))
            }
        }
    }

    /// `number` times ten to the `power`.
    pub fn scaled(number: i64, power: i8) -> Self {
        if number == 0 {
            let power = power.clamp(-Decimal::MAX_EXPONENT, Decimal::MAX_EXPONENT);
            return Decimal::new(0, power).map_or(Self::Absent(Absent::Power), Self::Number);
        }
        let (mut mantissa, mut power) = (number, power);
        while power > Decimal::MAX_EXPONENT
            && let Some(more) = mantissa.checked_mul(10)
        {
            mantissa = more;
            power = power.saturating_sub(1);
        }
        while power < -Decimal::MAX_EXPONENT
            && mantissa.checked_rem(10) == Some(0)
            && let Some(less) = mantissa.checked_div(10)
        {
            mantissa = less;
            power = power.saturating_add(1);
        }
        Decimal::new(mantissa, power).map_or(Self::Absent(Absent::Power), Self::Number)
    }

    /// `number` pieces of which 2 to the `bits` are one, exact in tens: 1/1024 s has ten bits.
    pub(super) fn binary(number: i64, bits: u8) -> Self {
        // n / 2^b = n * 5^b / 10^b
        let digits = 5_i64
            .checked_pow(u32::from(bits))
            .and_then(|fives| number.checked_mul(fives));
        match (digits, i8::try_from(bits)) {
            (Some(digits), Ok(bits)) => Self::scaled(digits, bits.saturating_neg()),
            _ => Self::Absent(Absent::Power),
        }
    }

    /// A whole number.
    pub fn whole(number: impl Into<i64>) -> Self {
        Self::Number(Decimal::whole(number.into()))
    }

    /// The same number in a unit that is smaller by ten to the `power`.
    pub(super) fn in_smaller(self, power: i8) -> Self {
        match self {
            Self::Number(number) => {
                Self::scaled(number.mantissa(), number.exponent().saturating_add(power))
            }
            absent @ Self::Absent(_) => absent,
        }
    }
}

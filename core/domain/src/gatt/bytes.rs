//! A value, read from its first byte on and never past its end.

use super::time::DeviceTime;
use super::{Amount, Extra, Refused};

/// What is left of a value. All numbers are little-endian (Core Specification, GATT).
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    left: &'a [u8],
}

impl<'a> Bytes<'a> {
    pub(super) const fn new(value: &'a [u8]) -> Self {
        Self { left: value }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.left.len()
    }

    /// All that is left.
    pub(super) const fn rest(self) -> &'a [u8] {
        self.left
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        let (head, tail) = self.left.split_first_chunk().ok_or(Refused::Truncated)?;
        self.left = tail;
        Ok(*head)
    }

    pub(super) fn slice(&mut self, length: usize) -> Result<&'a [u8], Refused> {
        let (head, tail) = self
            .left
            .split_at_checked(length)
            .ok_or(Refused::Truncated)?;
        self.left = tail;
        Ok(head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Refused> {
        self.take().map(u8::from_le_bytes)
    }

    pub(super) fn i8(&mut self) -> Result<i8, Refused> {
        self.take().map(i8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Refused> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn i16(&mut self) -> Result<i16, Refused> {
        self.take().map(i16::from_le_bytes)
    }

    pub(super) fn u24(&mut self) -> Result<u32, Refused> {
        let [a, b, c] = self.take()?;
        Ok(u32::from_le_bytes([a, b, c, 0]))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Refused> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u48(&mut self) -> Result<u64, Refused> {
        let low = u64::from(self.u24()?);
        let high = u64::from(self.u24()?);
        Ok(low | high.wrapping_shl(24))
    }

    /// Two bytes of IEEE 11073-20601 SFLOAT (GSS: medfloat16).
    pub(super) fn sfloat(&mut self) -> Result<Amount, Refused> {
        self.u16().map(Amount::sfloat)
    }

    /// Four bytes of IEEE 11073-20601 FLOAT (GSS: medfloat32).
    pub(super) fn float(&mut self) -> Result<Amount, Refused> {
        self.u32().map(Amount::float)
    }

    /// Seven bytes of GSS Date Time.
    pub(super) fn date_time(&mut self) -> Result<DeviceTime, Refused> {
        let year = self.u16()?;
        let [month, day, hour, minute, second] = self.take()?;
        Ok(DeviceTime::Calendar {
            year,
            month,
            day,
            hour,
            minute,
            second,
        })
    }

    /// Nothing may be left, unless a flag outside `meant` is set in `flags`.
    pub(super) fn end(self, flags: Flags, meant: u32) -> Result<Extra, Refused> {
        let reserved = flags.0 & !meant;
        if reserved == 0 && !self.left.is_empty() {
            return Err(Refused::Overlong);
        }
        Ok(Extra {
            reserved,
            trailing: self.left.to_vec(),
        })
    }

    /// Nothing may be left.
    pub(super) fn done(self) -> Result<(), Refused> {
        if self.left.is_empty() {
            Ok(())
        } else {
            Err(Refused::Overlong)
        }
    }
}

/// A field of bits, bit 0 the lowest of the first byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags(pub(super) u32);

impl Flags {
    pub(super) const fn has(self, bit: u32) -> bool {
        matches!(self.0.checked_shr(bit), Some(shifted) if shifted & 1 == 1)
    }

    /// The bits from `low` on, as many as `mask` has.
    pub(super) const fn field(self, low: u32, mask: u32) -> u32 {
        match self.0.checked_shr(low) {
            Some(shifted) => shifted & mask,
            None => 0,
        }
    }

    /// The words whose bits are set, by bit from 0; an empty word is a bit without one.
    pub(super) fn words(self, words: &[&'static str]) -> Vec<&'static str> {
        (0..)
            .zip(words)
            .filter(|(bit, word)| self.has(*bit) && !word.is_empty())
            .map(|(_, word)| *word)
            .collect()
    }

    /// The bits that `words` gives no word.
    pub(super) fn without(self, words: &[&'static str]) -> u32 {
        (0..)
            .zip(words)
            .filter(|(_, word)| !word.is_empty())
            .fold(self.0, |left, (bit, _)| {
                left & !1_u32.checked_shl(bit).unwrap_or(0)
            })
    }
}

impl From<u8> for Flags {
    fn from(bits: u8) -> Self {
        Self(u32::from(bits))
    }
}

impl From<u16> for Flags {
    fn from(bits: u16) -> Self {
        Self(u32::from(bits))
    }
}

impl From<u32> for Flags {
    fn from(bits: u32) -> Self {
        Self(bits)
    }
}

/// The word of a number, `reserved` where there is none.
pub(super) fn word(number: impl Into<usize>, words: &[&'static str]) -> &'static str {
    match words.get(number.into()) {
        Some(word) if !word.is_empty() => word,
        _ => RESERVED,
    }
}

/// What stands for a number without a meaning.
pub(super) const RESERVED: &str = "reserved";

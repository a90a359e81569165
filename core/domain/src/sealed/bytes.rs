//! Reading and writing the plain bytes: fixed lengths, LEB128, CBOR items.

use super::OpenError;
use vitalwitness_proof::cbor::Reader;

/// Reads from the front; every read is bounded by what is left.
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], OpenError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(OpenError::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], OpenError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(OpenError::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, OpenError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// Unsigned LEB128, at most 64 bits, no longer than needed.
    #[inline]
    pub(super) fn uvar(&mut self) -> Result<u64, OpenError> {
        // most numbers of a series are below 128
        if let [byte @ ..0x80, rest @ ..] = self.0 {
            self.0 = rest;
            return Ok(u64::from(*byte));
        }
        self.long_uvar()
    }

    fn long_uvar(&mut self) -> Result<u64, OpenError> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits > u64::MAX >> shift || (byte == 0 && shift > 0) {
                return Err(OpenError::Damaged);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(OpenError::Damaged)
    }

    /// A signed number: zigzag, then LEB128.
    #[inline]
    pub(super) fn svar(&mut self) -> Result<i64, OpenError> {
        let value = self.uvar()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A number of things, refused above `most`.
    pub(super) fn count(&mut self, most: usize) -> Result<usize, OpenError> {
        usize::try_from(self.uvar()?)
            .ok()
            .filter(|count| *count <= most)
            .ok_or(OpenError::Damaged)
    }

    /// One canonical CBOR item.
    pub(super) fn item(&mut self) -> Result<&'a [u8], OpenError> {
        let mut reader = Reader::new(self.0);
        let item = reader.item().map_err(|_| OpenError::Damaged)?;
        self.take(item.len())
    }

    pub(super) fn finish(self) -> Result<(), OpenError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(OpenError::Damaged)
        }
    }
}

pub(super) fn put_uvar(out: &mut Vec<u8>, value: usize) {
    put_u64(out, u64::try_from(value).unwrap_or(u64::MAX));
}

pub(super) fn put_svar(out: &mut Vec<u8>, value: i64) {
    put_u64(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn signed_numbers_come_back() {
        let ends = [0, 1, -1, 63, -64, 64, 1 << 40, i64::MAX, i64::MIN];
        let mut out = Vec::new();
        for value in ends {
            put_svar(&mut out, value);
        }
        let mut cursor = Cursor::new(&out);
        for value in ends {
            assert_eq!(cursor.svar(), Ok(value));
        }
        cursor.finish().unwrap();
    }

    #[test]
    fn a_number_too_long_or_above_64_bits_is_damage() {
        let mut above = [0xff; 10];
        above[9] = 2;
        for bytes in [&[0x80, 0][..], &[0x80], &above, &[0xff; 11], &[]] {
            assert_eq!(
                Cursor::new(bytes).uvar(),
                Err(OpenError::Damaged),
                "{bytes:?}"
            );
        }
        above[9] = 1;
        assert_eq!(Cursor::new(&above).uvar(), Ok(u64::MAX));
    }
}

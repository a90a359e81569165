//! The signed bytes: a strict subset of deterministic CBOR (RFC 8949, section 4.2.1).
//!
//! Integers of 64 bits with sign, byte strings, text, arrays, maps with
//! integer, byte or text keys, null, booleans, and decimals (tag 4, never
//! normalised). One value has exactly one encoding; everything else is refused.
//!
//! The first defect in byte order decides: long heads, indefinite lengths and
//! map keys twice or out of order are `NON_CANONICAL`, an item below level 16 is
//! `LIMIT_EXCEEDED`, all else is `MALFORMED`. A claimed length is never allocated.

mod encoder;

pub use encoder::Encoder;

use crate::Rejection;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

/// One item. Debug shows its kind and length, never what it holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// Text, NFC by its producer.
    Text(String),
    /// Items in order.
    Array(Vec<Value>),
    /// Keys (integer, bytes or text, each once) and values; encoded in the order of encoded keys.
    Map(Vec<(Value, Value)>),
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// `mantissa` times ten to the `exponent` (-18..=18), as measured: 6.10 is not 6.1.
    Decimal {
        /// Power of ten, -18..=18.
        exponent: i8,
        /// Digits.
        mantissa: i64,
    },
}

/// Decodes exactly one item.
///
/// # Errors
///
/// The first defect in byte order, see the module.
pub fn decode(bytes: &[u8]) -> Result<Value, Rejection> {
    let mut reader = Reader::new(bytes);
    let value = reader.value_at(1)?;
    reader.finish()?;
    Ok(value)
}

/// Checks that `bytes` are exactly one item, allocating nothing.
///
/// # Errors
///
/// As [`decode`].
pub fn check(bytes: &[u8]) -> Result<(), Rejection> {
    let mut reader = Reader::new(bytes);
    reader.walk(1)?;
    reader.finish()
}

/// A document of ours: deterministic CBOR of at most `most` bytes, a map whose key 0 is `version`.
/// Gives a reader at its second pair, and how many pairs are left.
///
/// # Errors
/// In this order: too long `LIMIT_EXCEEDED`; not deterministic `NON_CANONICAL` or `MALFORMED`; of
/// another version `UNSUPPORTED_VERSION`.
pub(crate) fn versioned(
    bytes: &[u8],
    most: usize,
    version: i64,
) -> Result<(Reader<'_>, u64), Rejection> {
    if bytes.len() > most {
        return Err(Rejection::LimitExceeded);
    }
    check(bytes)?;
    let mut reader = Reader::new(bytes);
    let pairs = reader.map()?;
    if reader.int()? != 0 {
        return Err(Rejection::Malformed);
    }
    if reader.int()? != version {
        return Err(Rejection::UnsupportedVersion);
    }
    Ok((reader, pairs.saturating_sub(1)))
}

/// The one encoding of `value`. Map keys must be distinct.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.value(value);
    encoder.finish()
}

/// Reads items one after another without copying. Every read is strict.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// A whole number.
    ///
    /// # Errors
    ///
    /// `MALFORMED` if the next item is another kind; else as [`decode`].
    pub fn int(&mut self) -> Result<i64, Rejection> {
        match self.head()? {
            Head::Uint(n) => i64::try_from(n).map_err(|_| Rejection::Malformed),
            Head::Nint(n) => i64::try_from(n)
                .map(|n| !n)
                .map_err(|_| Rejection::Malformed),
            _ => Err(Rejection::Malformed),
        }
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    ///
    /// As [`Reader::int`].
    pub fn uint(&mut self) -> Result<u64, Rejection> {
        u64::try_from(self.int()?).map_err(|_| Rejection::Malformed)
    }

    /// A byte string.
    ///
    /// # Errors
    ///
    /// As [`Reader::int`].
    pub fn bytes(&mut self) -> Result<&'a [u8], Rejection> {
        match self.head()? {
            Head::Bytes(n) => self.take(n),
            _ => Err(Rejection::Malformed),
        }
    }

    /// A byte string of exactly `N` bytes.
    ///
    /// # Errors
    ///
    /// As [`Reader::int`].
    pub fn byte_array<const N: usize>(&mut self) -> Result<[u8; N], Rejection> {
        self.bytes()?.try_into().map_err(|_| Rejection::Malformed)
    }

    /// A byte string of exactly `N` bytes, or null.
    ///
    /// # Errors
    ///
    /// As [`Reader::int`].
    pub fn optional_byte_array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Rejection> {
        if self.take_null() {
            return Ok(None);
        }
        self.byte_array().map(Some)
    }

    /// Text.
    ///
    /// # Errors
    ///
    /// As [`Reader::int`].
    pub fn text(&mut self) -> Result<&'a str, Rejection> {
        match self.head()? {
            Head::Text(n) => core::str::from_utf8(self.take(n)?).map_err(|_| Rejection::Malformed),
            _ => Err(Rejection::Malformed),
        }
    }

    /// The head of an array: how many items follow.
    ///
    /// # Errors
    ///
    /// As [`Reader::int`].
    pub fn array(&mut self) -> Result<u64, Rejection> {
        match self.head()? {
            Head::Array(n) => Ok(n),
            _ => Err(Rejection::Malformed),
        }
    }

    /// The head of an array of exactly `len` items.
    ///
    /// # Errors
    ///
    /// As [`Reader::int`].
    pub fn array_of(&mut self, len: u64) -> Result<(), Rejection> {
        if self.array()? == len {
            Ok(())
        } else {
            Err(Rejection::Malformed)
        }
    }

    /// The head of a map: how many pairs follow. The caller sees to their order.
    ///
    /// # Errors
    ///
    /// As [`Reader::int`].
    pub fn map(&mut self) -> Result<u64, Rejection> {
        match self.head()? {
            Head::Map(n) => Ok(n),
            _ => Err(Rejection::Malformed),
        }
    }

    /// Takes a null if it is next, and says whether it was.
    pub fn take_null(&mut self) -> bool {
        match self.rest.split_first() {
            Some((&NULL, rest)) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Whether the next item is a byte string.
    pub fn next_is_bytes(&self) -> bool {
        self.major() == Some(2)
    }

    /// The bytes of the next item, whole and checked, as if it were outermost.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    pub fn item(&mut self) -> Result<&'a [u8], Rejection> {
        let start = self.rest;
        self.walk(1)?;
        self.since(start)
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next item as a value.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    pub fn value(&mut self) -> Result<Value, Rejection> {
        self.value_at(1)
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// `MALFORMED` if a byte is left.
    pub fn finish(self) -> Result<(), Rejection> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Rejection::Malformed)
        }
    }

    fn since(&self, start: &'a [u8]) -> Result<&'a [u8], Rejection> {
        start
            .len()
            .checked_sub(self.rest.len())
            .and_then(|used| start.get(..used))
            .ok_or(Rejection::Malformed)
    }

    fn major(&self) -> Option<u8> {
        self.rest.first().map(|first| first >> 5)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], Rejection> {
        let len = usize::try_from(len).map_err(|_| Rejection::Malformed)?;
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(Rejection::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], Rejection> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Rejection::Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn head(&mut self) -> Result<Head, Rejection> {
        let [first] = self.take_array()?;
        let (major, short) = (first >> 5, first & 31);
        if major == 7 {
            return match first {
                FALSE => Ok(Head::Bool(false)),
                TRUE => Ok(Head::Bool(true)),
                NULL => Ok(Head::Null),
                _ => Err(Rejection::Malformed),
            };
        }
        let (argument, least) = match short {
            0..=23 => (u64::from(short), 0),
            24 => (u64::from(u8::from_be_bytes(self.take_array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.take_array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.take_array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.take_array()?), 1 << 32),
            31 if (2..=5).contains(&major) => return Err(Rejection::NonCanonical),
            _ => return Err(Rejection::Malformed),
        };
        if argument < least {
            return Err(Rejection::NonCanonical);
        }
        Ok(match major {
            0 => Head::Uint(argument),
            1 => Head::Nint(argument),
            2 => Head::Bytes(argument),
            3 => Head::Text(argument),
            4 => Head::Array(argument),
            5 => Head::Map(argument),
            _ => Head::Tag(argument),
        })
    }

    /// The head of an item on `level`, refused if that is too deep.
    fn head_at(&mut self, level: u8) -> Result<Head, Rejection> {
        if level > MAX_LEVEL && !self.rest.is_empty() {
            return Err(Rejection::LimitExceeded);
        }
        self.head()
    }

    /// The item on `level` begins with a byte of one of `majors`, read before its argument:
    /// a byte that cannot stand here decides, not how long its head is.
    fn expect(&self, level: u8, majors: RangeInclusive<u8>) -> Result<(), Rejection> {
        let major = self.major().ok_or(Rejection::Malformed)?;
        if level > MAX_LEVEL {
            return Err(Rejection::LimitExceeded);
        }
        if majors.contains(&major) {
            Ok(())
        } else {
            Err(Rejection::Malformed)
        }
    }

    /// A map key, encoded, after `previous`.
    fn key(&mut self, previous: Option<&'a [u8]>, level: u8) -> Result<&'a [u8], Rejection> {
        let start = self.rest;
        self.expect(level, 0..=3)?;
        self.walk(level)?;
        let key = self.since(start)?;
        if previous.is_some_and(|previous| previous >= key) {
            return Err(Rejection::NonCanonical);
        }
        Ok(key)
    }

    /// What follows the head of tag 4 on `level`.
    fn decimal(&mut self, level: u8) -> Result<Value, Rejection> {
        let inner = level.saturating_add(1);
        self.expect(inner, 4..=4)?;
        let Head::Array(2) = self.head()? else {
            return Err(Rejection::Malformed);
        };
        let innermost = inner.saturating_add(1);
        self.expect(innermost, 0..=1)?;
        let exponent = i8::try_from(self.int()?)
            .ok()
            .filter(|exponent| (-MAX_EXPONENT..=MAX_EXPONENT).contains(exponent))
            .ok_or(Rejection::Malformed)?;
        self.expect(innermost, 0..=1)?;
        let mantissa = self.int()?;
        Ok(Value::Decimal { exponent, mantissa })
    }

    /// Passes over one item on `level`.
    fn walk(&mut self, level: u8) -> Result<(), Rejection> {
        let inner = level.saturating_add(1);
        match self.head_at(level)? {
            Head::Uint(n) | Head::Nint(n) => {
                i64::try_from(n).map_err(|_| Rejection::Malformed)?;
            }
            Head::Bytes(n) => {
                self.take(n)?;
            }
            Head::Text(n) => {
                core::str::from_utf8(self.take(n)?).map_err(|_| Rejection::Malformed)?;
            }
            Head::Array(n) => {
                for _ in 0..n {
                    self.walk(inner)?;
                }
            }
            Head::Map(n) => {
                let mut previous = None;
                for _ in 0..n {
                    previous = Some(self.key(previous, inner)?);
                    self.walk(inner)?;
                }
            }
            Head::Tag(4) => {
                self.decimal(level)?;
            }
            Head::Tag(_) => return Err(Rejection::Malformed),
            Head::Bool(_) | Head::Null => {}
        }
        Ok(())
    }

    fn value_at(&mut self, level: u8) -> Result<Value, Rejection> {
        let inner = level.saturating_add(1);
        Ok(match self.head_at(level)? {
            Head::Uint(n) => Value::Int(i64::try_from(n).map_err(|_| Rejection::Malformed)?),
            Head::Nint(n) => Value::Int(!i64::try_from(n).map_err(|_| Rejection::Malformed)?),
            Head::Bytes(n) => Value::Bytes(self.take(n)?.into()),
            Head::Text(n) => Value::Text(
                core::str::from_utf8(self.take(n)?)
                    .map_err(|_| Rejection::Malformed)?
                    .into(),
            ),
            Head::Array(n) => {
                let mut items = Vec::new();
                for _ in 0..n {
                    items.push(self.value_at(inner)?);
                }
                Value::Array(items)
            }
            Head::Map(n) => {
                let mut pairs = Vec::new();
                let mut previous = None;
                for _ in 0..n {
                    let key = self.key(previous, inner)?;
                    previous = Some(key);
                    let key = Reader::new(key).value_at(inner)?;
                    pairs.push((key, self.value_at(inner)?));
                }
                Value::Map(pairs)
            }
            Head::Tag(4) => self.decimal(level)?,
            Head::Tag(_) => return Err(Rejection::Malformed),
            Head::Bool(flag) => Value::Bool(flag),
            Head::Null => Value::Null,
        })
    }
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} bytes left)", self.rest.len())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Int(_) => f.write_str("Int"),
            Value::Bytes(value) => write!(f, "Bytes({})", value.len()),
            Value::Text(value) => write!(f, "Text({})", value.len()),
            Value::Array(items) => f.debug_list().entries(items).finish(),
            Value::Map(pairs) => write!(f, "Map({})", pairs.len()),
            Value::Null => f.write_str("Null"),
            Value::Bool(_) => f.write_str("Bool"),
            Value::Decimal { .. } => f.write_str("Decimal"),
        }
    }
}

enum Head {
    Uint(u64),
    Nint(u64),
    Bytes(u64),
    Text(u64),
    Array(u64),
    Map(u64),
    Tag(u64),
    Bool(bool),
    Null,
}

const MAX_LEVEL: u8 = 16;
const MAX_EXPONENT: i8 = 18;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;

//! Writing: every length and number in its shortest form, maps in order.

use super::{FALSE, NULL, TRUE, Value, encode};
use alloc::vec::Vec;
use core::fmt;

/// Writes items one after another.
#[derive(Clone, Default)]
pub struct Encoder {
    out: Vec<u8>,
}

impl Encoder {
    /// Writes into a new buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on after what `buffer` holds.
    pub fn after(buffer: Vec<u8>) -> Self {
        Self { out: buffer }
    }

    /// A whole number.
    pub fn int(&mut self, value: i64) -> &mut Self {
        if value < 0 {
            self.head(1, (!value).unsigned_abs())
        } else {
            self.head(0, value.unsigned_abs())
        }
    }

    /// A whole number that is not negative. Above `i64::MAX` no reader takes it.
    pub fn uint(&mut self, value: u64) -> &mut Self {
        self.head(0, value)
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.length(2, value.len());
        self.raw(value)
    }

    /// A byte string, or null.
    pub fn optional_bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => self.bytes(value),
            None => self.null(),
        }
    }

    /// Text.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.length(3, value.len());
        self.raw(value.as_bytes())
    }

    /// The head of an array of `len` items; the items follow.
    pub fn array(&mut self, len: usize) -> &mut Self {
        self.length(4, len)
    }

    /// The head of a map of `len` pairs; the pairs follow, by ascending encoded key.
    pub fn map(&mut self, len: usize) -> &mut Self {
        self.length(5, len)
    }

    /// Null.
    pub fn null(&mut self) -> &mut Self {
        self.raw(&[NULL])
    }

    /// True or false.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.raw(&[if value { TRUE } else { FALSE }])
    }

    /// A decimal; `exponent` in -18..=18.
    pub fn decimal(&mut self, exponent: i8, mantissa: i64) -> &mut Self {
        self.head(6, 4)
            .array(2)
            .int(i64::from(exponent))
            .int(mantissa)
    }

    /// An item that is already encoded.
    pub fn raw(&mut self, encoded: &[u8]) -> &mut Self {
        self.out.extend_from_slice(encoded);
        self
    }

    /// Any value; maps are put in order.
    pub fn value(&mut self, value: &Value) -> &mut Self {
        match value {
            Value::Int(value) => self.int(*value),
            Value::Bytes(value) => self.bytes(value),
            Value::Text(value) => self.text(value),
            Value::Array(items) => {
                self.array(items.len());
                for item in items {
                    self.value(item);
                }
                self
            }
            Value::Map(pairs) => {
                let mut pairs: Vec<(Vec<u8>, &Value)> = pairs
                    .iter()
                    .map(|(key, value)| (encode(key), value))
                    .collect();
                pairs.sort_by(|a, b| a.0.cmp(&b.0));
                self.map(pairs.len());
                for (key, value) in pairs {
                    self.raw(&key).value(value);
                }
                self
            }
            Value::Null => self.null(),
            Value::Bool(value) => self.bool(*value),
            Value::Decimal { exponent, mantissa } => self.decimal(*exponent, *mantissa),
        }
    }

    /// How many bytes are written.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    fn length(&mut self, major: u8, len: usize) -> &mut Self {
        self.head(major, u64::try_from(len).unwrap_or(u64::MAX))
    }

    fn head(&mut self, major: u8, argument: u64) -> &mut Self {
        let kind = major << 5;
        if let Ok(short) = u8::try_from(argument) {
            if short < 24 {
                self.out.push(kind | short);
            } else {
                self.out.extend_from_slice(&[kind | ONE_BYTE, short]);
            }
        } else if let Ok(short) = u16::try_from(argument) {
            self.out.push(kind | TWO_BYTES);
            self.out.extend_from_slice(&short.to_be_bytes());
        } else if let Ok(short) = u32::try_from(argument) {
            self.out.push(kind | FOUR_BYTES);
            self.out.extend_from_slice(&short.to_be_bytes());
        } else {
            self.out.push(kind | EIGHT_BYTES);
            self.out.extend_from_slice(&argument.to_be_bytes());
        }
        self
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoder({} bytes)", self.out.len())
    }
}

const ONE_BYTE: u8 = 24;
const TWO_BYTES: u8 = 25;
const FOUR_BYTES: u8 = 26;
const EIGHT_BYTES: u8 = 27;

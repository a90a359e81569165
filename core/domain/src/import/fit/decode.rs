//! The FIT container: header, definitions, messages, checksum.
//!
//! Only numbers are decoded, for no record needs a text or a list. Fields of developers have a
//! length and are passed over.
//!
//! Invariant: every step forward is checked against the length the header states and against the
//! bytes there are; nothing is allocated by a length the file states.

#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

use crate::decimal::Decimal;
use crate::import::{ImportError, Place};

/// One message: its numbers by field.
pub(super) struct Message {
    pub(super) global: u16,
    numbers: Vec<(u8, i64)>,
}

impl Message {
    /// A number as the file has it, without scale.
    pub(super) fn number(&self, field: u8) -> Option<i64> {
        let found = self.numbers.iter().find(|(number, _)| *number == field);
        found.map(|(_, value)| *value)
    }

    /// A number that the profile scales by a power of ten.
    pub(super) fn scaled(&self, field: u8, exponent: i8) -> Option<Decimal> {
        Decimal::new(self.number(field)?, exponent).ok()
    }

    /// A time in UTC milliseconds; times below 2^28 count from when the device was switched on.
    pub(super) fn time(&self, field: u8) -> Option<i64> {
        let seconds = self
            .number(field)
            .filter(|seconds| *seconds >= SINCE_POWER_UP)?;
        seconds.checked_add(EPOCH_S)?.checked_mul(1_000)
    }
}

/// Reads the messages of one file in `bytes`.
pub(super) struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where messages end: as stated, or where the bytes do.
    data_end: usize,
    cut: bool,
    definitions: [Option<Definition>; 16],
    last_time: Option<i64>,
}

struct Definition {
    global: u16,
    big_endian: bool,
    fields: Vec<Field>,
    developer_bytes: usize,
}

#[derive(Clone, Copy)]
struct Field {
    number: u8,
    size: u8,
    base: u8,
}

impl<'a> Decoder<'a> {
    /// Checks the header at `from` and, if the file is whole, its checksum.
    pub(super) fn open(bytes: &'a [u8], from: usize) -> Result<Self, ImportError> {
        let file = bytes.get(from..).unwrap_or_default();
        let Some(header) = file.first_chunk::<12>() else {
            return Err(ImportError::Truncated(place(bytes.len())));
        };
        let [size, _, _, _, d0, d1, d2, d3, b'.', b'F', b'I', b'T'] = *header else {
            return Err(ImportError::Malformed(place(from)));
        };
        let size = usize::from(size);
        if size != 12 && size != 14 {
            return Err(ImportError::Malformed(place(from)));
        }
        if let Some(&[low, high]) = file.get(12..14).filter(|_| size >= 14) {
            let stated = u16::from_le_bytes([low, high]);
            if stated != 0 && stated != checksum(header) {
                return Err(ImportError::Checksum(place(from.saturating_add(12))));
            }
        }
        let data = usize::try_from(u32::from_le_bytes([d0, d1, d2, d3]));
        let data_end = data
            .ok()
            .and_then(|data| from.checked_add(size)?.checked_add(data))
            .ok_or(ImportError::Malformed(place(from)))?;
        let end = data_end.saturating_add(2);
        let whole = bytes.get(from..data_end).zip(bytes.get(data_end..end));
        if let Some((covered, stated)) = whole
            && stated != checksum(covered).to_le_bytes()
        {
            return Err(ImportError::Checksum(place(data_end)));
        }
        Ok(Self {
            bytes,
            at: from.saturating_add(size),
            data_end: data_end.min(bytes.len()),
            cut: whole.is_none(),
            definitions: Default::default(),
            last_time: None,
        })
    }

    /// Where the file after this one begins.
    pub(super) fn end(&self) -> usize {
        self.data_end.saturating_add(2)
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> u64 {
        place(self.at).offset
    }

    /// The next message.
    pub(super) fn next(&mut self) -> Result<Option<Message>, ImportError> {
        while self.at < self.data_end {
            let [header] = self.take()?;
            if header & 0x80 != 0 {
                return self
                    .message((header >> 5) & 3, Some(header & 0x1f))
                    .map(Some);
            }
            if header & 0x40 == 0 {
                return self.message(header & 0x0f, None).map(Some);
            }
            self.define(header & 0x0f, header & 0x20 != 0)?;
        }
        if self.cut {
            return Err(ImportError::Truncated(place(self.at.min(self.bytes.len()))));
        }
        Ok(None)
    }

    fn define(&mut self, local: u8, developer: bool) -> Result<(), ImportError> {
        let [_, order, g0, g1, count] = self.take()?;
        let big_endian = order == 1;
        let global = [g0, g1];
        let mut definition = Definition {
            global: if big_endian {
                u16::from_be_bytes(global)
            } else {
                u16::from_le_bytes(global)
            },
            big_endian,
            fields: Vec::new(),
            developer_bytes: 0,
        };
        for _ in 0..count {
            let [number, size, base] = self.take()?;
            definition.fields.push(Field { number, size, base });
        }
        if developer {
            let [count] = self.take()?;
            for _ in 0..count {
                let [_, size, _] = self.take()?;
                definition.developer_bytes =
                    definition.developer_bytes.saturating_add(usize::from(size));
            }
        }
        if let Some(slot) = self.definitions.get_mut(usize::from(local)) {
            *slot = Some(definition);
        }
        Ok(())
    }

    fn message(&mut self, local: u8, time_offset: Option<u8>) -> Result<Message, ImportError> {
        let begin = self.at.saturating_sub(1);
        let mut at = self.at;
        let Some(Some(definition)) = self.definitions.get(usize::from(local)) else {
            return Err(ImportError::Malformed(place(begin)));
        };
        let mut numbers = Vec::with_capacity(definition.fields.len());
        for field in &definition.fields {
            let raw = self.slice(at, usize::from(field.size))?;
            at = at.saturating_add(raw.len());
            if let Some(value) = number(raw, field.base, definition.big_endian) {
                numbers.push((field.number, value));
            }
        }
        at = at.saturating_add(self.slice(at, definition.developer_bytes)?.len());
        let mut message = Message {
            global: definition.global,
            numbers,
        };
        self.at = at;
        if let Some(offset) = time_offset {
            let time = self.last_time.map(|last| rolled(last, offset));
            message.numbers.retain(|(field, _)| *field != TIMESTAMP);
            message.numbers.extend(time.map(|time| (TIMESTAMP, time)));
        }
        if let Some(time) = message.number(TIMESTAMP) {
            self.last_time = Some(time);
        }
        Ok(message)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ImportError> {
        let found = self.slice(self.at, N)?.first_chunk().copied();
        let found = found.ok_or(ImportError::Malformed(place(self.at)))?;
        self.at = self.at.saturating_add(N);
        Ok(found)
    }

    fn slice(&self, at: usize, len: usize) -> Result<&'a [u8], ImportError> {
        let end = at.saturating_add(len);
        if end <= self.data_end
            && let Some(found) = self.bytes.get(at..end)
        {
            return Ok(found);
        }
        Err(if self.cut {
            ImportError::Truncated(place(self.bytes.len()))
        } else {
            ImportError::Malformed(place(at))
        })
    }
}

/// The time five bits stand for: the first one at or after `last`.
fn rolled(last: i64, offset: u8) -> i64 {
    let low = last & 0x1f;
    let ahead = i64::from(offset).wrapping_sub(low) & 0x1f;
    last.saturating_add(ahead)
}

/// One whole number; none for lists, texts, floats and each type's mark for "not measured".
fn number(raw: &[u8], base: u8, big_endian: bool) -> Option<i64> {
    let unsigned = if big_endian {
        raw.iter()
            .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
    } else {
        raw.iter()
            .rev()
            .fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte))
    };
    let (size, none) = match base & 0x1f {
        // enum, uint8, byte
        0 | 2 | 13 => (1, 0xff),
        // sint8
        1 => (1, 0x7f),
        // sint16, uint16
        3 => (2, 0x7fff),
        4 => (2, 0xffff),
        // sint32, uint32
        5 => (4, 0x7fff_ffff),
        6 => (4, 0xffff_ffff),
        // uint8z, uint16z, uint32z
        10 => (1, 0),
        11 => (2, 0),
        12 => (4, 0),
        _ => return None,
    };
    if raw.len() != size || unsigned == none {
        return None;
    }
    Some(match base & 0x1f {
        1 => i64::from(i8::from_le_bytes([u8::try_from(unsigned).ok()?])),
        3 => i64::from(i16::from_le_bytes(
            u16::try_from(unsigned).ok()?.to_le_bytes(),
        )),
        5 => i64::from(i32::from_le_bytes(
            u32::try_from(unsigned).ok()?.to_le_bytes(),
        )),
        _ => i64::try_from(unsigned).ok()?,
    })
}

/// CRC-16 with polynomial 0x8005, bits reversed, from 0.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xa001
            } else {
                crc >> 1
            }
        })
    })
}

fn place(offset: usize) -> Place {
    Place {
        offset: u64::try_from(offset).unwrap_or(u64::MAX),
        line: None,
    }
}

/// 1989-12-31T00:00:00Z.
const EPOCH_S: i64 = 631_065_600;
const SINCE_POWER_UP: i64 = 0x1000_0000;
const TIMESTAMP: u8 = 253;

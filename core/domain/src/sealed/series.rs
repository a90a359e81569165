//! Starts and numbers of a sealed batch of measurements, for charts: the columns alone, no record
//! and no hash.
//!
//! Only for bytes this device sealed itself or opened with [`super::open`] when it took them in:
//! the AEAD says that they are still those.

use super::bytes::Cursor;
use super::column::{AFTER_START, CONSTANT, DELTA_OF_DELTA, DICTIONARY, ITEMS, QUANTITY};
use super::{Expect, OpenError, frame};
use crate::Secret32;
use crate::decimal::Decimal;
use std::fmt;
use vitalwitness_proof::batch::{MAX_RECORDS, padded_size};
use vitalwitness_proof::cbor::{self, Reader, Value};

/// The measurements of a batch, in leaf order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Series {
    /// Effective starts, ms UTC.
    pub starts: Vec<i64>,
    /// What was measured.
    pub numbers: Vec<Decimal>,
    /// UCUM, and how many numbers in a row are in it.
    pub units: Vec<(String, usize)>,
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series({})", self.starts.len())
    }
}

/// Reads the starts and numbers of a batch. None when its records are not all single quantities,
/// or their numbers are packed as anything else: then [`super::open`] it.
///
/// # Errors
///
/// As [`super::open`], but hashes are not compared.
pub fn series(
    bytes: &[u8],
    stream_key: &Secret32,
    expect: &Expect,
) -> Result<Option<Series>, OpenError> {
    let plain = frame::reveal(bytes, stream_key, expect)?;
    read(&plain)
}

fn read(plain: &[u8]) -> Result<Option<Series>, OpenError> {
    let mut cursor = Cursor::new(plain);
    if cursor.u8()? != 1 {
        return Err(OpenError::NewerVersion);
    }
    let listed = match cursor.u8()? {
        0 => false,
        1 => true,
        _ => return Err(OpenError::NewerVersion),
    };
    cursor.uvar()?;
    cursor.take(if listed { 48 } else { 32 })?;
    let count = records(cursor.item()?)?;
    let kinds = cursor.take(count)?;
    let (mut derived, mut random, mut adopted, mut erased) = (0, 0, 0, 0);
    for kind in kinds {
        match kind {
            0 => derived += 1,
            1 => random += 1,
            2 => adopted += 1,
            3 => erased += 1,
            _ => return Err(OpenError::NewerVersion),
        }
    }
    skip_numbers(&mut cursor, derived)?;
    cursor.take((random + adopted) * 16 + (adopted + erased) * 32)?;
    if listed {
        let size = padded_size(count).ok_or(OpenError::Damaged)?;
        cursor.take((size - count - 1) * 32)?;
    }
    let left = count.checked_sub(erased).ok_or(OpenError::Damaged)?;
    if cursor.take(left)?.iter().any(|schema| *schema != 0) {
        return Ok(None);
    }
    if left == 0 {
        return Ok(Some(Series::default()));
    }
    let Some(starts) = starts(&mut cursor, left)? else {
        return Ok(None);
    };
    for _ in ["end", "offset", "code"] {
        skip(&mut cursor, left)?;
    }
    numbers(&mut cursor, left, starts)
}

/// k, out of the header's item.
fn records(item: &[u8]) -> Result<usize, OpenError> {
    match cbor::decode(item) {
        Ok(Value::Array(slots)) => match slots.get(3) {
            Some(Value::Int(count)) => usize::try_from(*count)
                .ok()
                .filter(|count| (1..=MAX_RECORDS).contains(count))
                .ok_or(OpenError::Damaged),
            _ => Err(OpenError::Damaged),
        },
        _ => Err(OpenError::Damaged),
    }
}

fn starts(cursor: &mut Cursor<'_>, count: usize) -> Result<Option<Vec<i64>>, OpenError> {
    match cursor.u8()? {
        CONSTANT => {
            let start = Reader::new(cursor.item()?).int();
            Ok(Some(vec![start.map_err(|_| OpenError::Damaged)?; count]))
        }
        DELTA_OF_DELTA => {
            let mut starts = Vec::with_capacity(count);
            let (mut value, mut delta) = (0_i64, 0_i64);
            for _ in 0..count {
                delta = delta.wrapping_add(cursor.svar()?);
                value = value.wrapping_add(delta);
                starts.push(value);
            }
            Ok(Some(starts))
        }
        _ => Ok(None),
    }
}

fn numbers(
    cursor: &mut Cursor<'_>,
    count: usize,
    starts: Vec<i64>,
) -> Result<Option<Series>, OpenError> {
    let mut series = Series {
        starts,
        numbers: Vec::with_capacity(count),
        units: Vec::new(),
    };
    match cursor.u8()? {
        CONSTANT => {
            let Ok(Value::Array(slots)) = cbor::decode(cursor.item()?) else {
                return Ok(None);
            };
            let [Value::Decimal { exponent, mantissa }, Value::Text(unit)] = slots.as_slice()
            else {
                return Ok(None);
            };
            let number = Decimal::new(*mantissa, *exponent).map_err(|_| OpenError::Damaged)?;
            series.numbers = vec![number; count];
            series.units.push((unit.clone(), count));
        }
        QUANTITY => {
            while series.numbers.len() < count {
                let run = cursor.count(count - series.numbers.len())?;
                let exponent = i8::from_be_bytes([cursor.u8()?]);
                let unit = Reader::new(cursor.item()?);
                let unit = { unit }.text().map_err(|_| OpenError::Damaged)?.to_owned();
                if run == 0 {
                    return Err(OpenError::Damaged);
                }
                let mut mantissa = 0_i64;
                for _ in 0..run {
                    mantissa = mantissa.wrapping_add(cursor.svar()?);
                    let number = Decimal::new(mantissa, exponent);
                    series.numbers.push(number.map_err(|_| OpenError::Damaged)?);
                }
                series.units.push((unit, run));
            }
        }
        _ => return Ok(None),
    }
    Ok(Some(series))
}

/// Passes over a column.
fn skip(cursor: &mut Cursor<'_>, count: usize) -> Result<(), OpenError> {
    match cursor.u8()? {
        CONSTANT => cursor.item().map(|_| ()),
        ITEMS => (0..count).try_for_each(|_| cursor.item().map(|_| ())),
        DICTIONARY => {
            for _ in 0..cursor.count(count)? {
                cursor.item()?;
            }
            skip_numbers(cursor, count)
        }
        DELTA_OF_DELTA | AFTER_START => skip_numbers(cursor, count),
        _ => Err(OpenError::Damaged),
    }
}

fn skip_numbers(cursor: &mut Cursor<'_>, count: usize) -> Result<(), OpenError> {
    (0..count).try_for_each(|_| cursor.uvar().map(|_| ()))
}

//! One slot of all records, one after another: how it is packed.
//!
//! Each packing gives the slots' encoded bytes back exactly. What fits no packing is CBOR.

use super::OpenError;
use super::bytes::{Cursor, put_svar, put_uvar};
use std::collections::HashMap;
use vitalwitness_proof::cbor::{Encoder, Reader, Value};

/// The encoded values of one slot by place (leaf index - 1); empty where a record has none.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Column {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Column {
    pub(super) fn push(&mut self, encoded: &[u8]) {
        self.bytes.extend_from_slice(encoded);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn get(&self, place: usize) -> &[u8] {
        let end = self.ends.get(place).copied().unwrap_or_default();
        let start = match place.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or_default(),
            None => 0,
        };
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The same without the value at `place`.
    pub(super) fn without(&self, place: usize) -> Self {
        let mut out = Self::default();
        for at in 0..self.ends.len() {
            out.push(if at == place { &[] } else { self.get(at) });
        }
        out
    }

    /// The value at `place` as a whole number.
    pub(super) fn int(&self, place: usize) -> Option<i64> {
        int(self.get(place))
    }
}

/// How many bytes the values of a batch may still take.
pub(super) struct Budget(pub(super) usize);

impl Budget {
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), OpenError> {
        self.0 = self.0.checked_sub(bytes).ok_or(OpenError::Damaged)?;
        Ok(())
    }
}

/// Packs the values of `slot`; `starts` are the values of slot 1 of the same records.
pub(super) fn pack(out: &mut Vec<u8>, slot: usize, items: &[&[u8]], starts: &[i64]) {
    let Some(first) = items.first() else { return };
    if items.iter().all(|item| item == first) {
        out.push(CONSTANT);
        out.extend_from_slice(first);
    } else if let Some(ints) = all(items, int) {
        if slot == END_SLOT {
            out.push(AFTER_START);
            pack_deltas(
                out,
                ints.iter()
                    .zip(starts)
                    .map(|(end, start)| end.wrapping_sub(*start)),
            );
        } else {
            out.push(DELTA_OF_DELTA);
            pack_deltas(out, deltas(&ints));
        }
    } else if let Some(quantities) = all(items, quantity) {
        out.push(QUANTITY);
        pack_quantities(out, &quantities);
    } else {
        pack_items(out, items);
    }
}

/// Unpacks `count` values of `slot`, in order; `starts` as in [`pack`].
pub(super) fn unpack(
    cursor: &mut Cursor<'_>,
    slot: usize,
    count: usize,
    starts: &[i64],
    budget: &mut Budget,
) -> Result<Vec<Vec<u8>>, OpenError> {
    let mut out = Vec::with_capacity(count);
    let mut push = |item: Vec<u8>| {
        budget.take(item.len())?;
        out.push(item);
        Ok::<(), OpenError>(())
    };
    match cursor.u8()? {
        CONSTANT => {
            let item = cursor.item()?;
            for _ in 0..count {
                push(item.to_vec())?;
            }
        }
        ITEMS => {
            for _ in 0..count {
                push(cursor.item()?.to_vec())?;
            }
        }
        DICTIONARY => {
            let words = cursor.count(count)?;
            let words = (0..words)
                .map(|_| cursor.item())
                .collect::<Result<Vec<_>, _>>()?;
            for _ in 0..count {
                let word = cursor.count(words.len())?;
                push(words.get(word).ok_or(OpenError::Damaged)?.to_vec())?;
            }
        }
        DELTA_OF_DELTA => {
            let (mut value, mut delta) = (0_i64, 0_i64);
            for _ in 0..count {
                delta = delta.wrapping_add(cursor.svar()?);
                value = value.wrapping_add(delta);
                push(encode_int(value))?;
            }
        }
        AFTER_START if slot == END_SLOT => {
            let mut length = 0_i64;
            for start in starts {
                length = length.wrapping_add(cursor.svar()?);
                push(encode_int(start.wrapping_add(length)))?;
            }
        }
        QUANTITY => {
            let mut left = count;
            while left > 0 {
                let run = cursor.count(left)?;
                if run == 0 {
                    return Err(OpenError::Damaged);
                }
                left -= run;
                let exponent = i8::from_be_bytes([cursor.u8()?]);
                if !(-MAX_EXPONENT..=MAX_EXPONENT).contains(&exponent) {
                    return Err(OpenError::Damaged);
                }
                let unit = cursor.item()?;
                if !is_text(unit) {
                    return Err(OpenError::Damaged);
                }
                let mut mantissa = 0_i64;
                for _ in 0..run {
                    mantissa = mantissa.wrapping_add(cursor.svar()?);
                    let mut item = Encoder::new();
                    item.array(2).decimal(exponent, mantissa).raw(unit);
                    push(item.finish())?;
                }
            }
        }
        _ => return Err(OpenError::NewerVersion),
    }
    Ok(out)
}

fn all<'a, T>(items: &[&'a [u8]], read: impl Fn(&'a [u8]) -> Option<T>) -> Option<Vec<T>> {
    items.iter().map(|item| read(item)).collect()
}

fn int(item: &[u8]) -> Option<i64> {
    let mut reader = Reader::new(item);
    let value = reader.int().ok()?;
    reader.finish().ok()?;
    Some(value)
}

fn encode_int(value: i64) -> Vec<u8> {
    let mut out = Encoder::new();
    out.int(value);
    out.finish()
}

fn is_text(item: &[u8]) -> bool {
    Reader::new(item).text().is_ok()
}

/// Exponent, encoded unit, mantissa of [decimal, text].
fn quantity(item: &[u8]) -> Option<(i8, &[u8], i64)> {
    let mut reader = Reader::new(item);
    reader.array_of(2).ok()?;
    let Value::Decimal { exponent, mantissa } = reader.value().ok()? else {
        return None;
    };
    let unit = reader.item().ok()?;
    is_text(unit).then_some((exponent, unit, mantissa))
}

fn deltas(ints: &[i64]) -> impl Iterator<Item = i64> + '_ {
    let before = std::iter::once(&0).chain(ints);
    ints.iter()
        .zip(before)
        .map(|(value, before)| value.wrapping_sub(*before))
}

/// Each value less the one before it, the first less 0.
fn pack_deltas(out: &mut Vec<u8>, values: impl Iterator<Item = i64>) {
    let mut before = 0_i64;
    for value in values {
        put_svar(out, value.wrapping_sub(before));
        before = value;
    }
}

fn pack_quantities(out: &mut Vec<u8>, quantities: &[(i8, &[u8], i64)]) {
    for run in quantities.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let Some((exponent, unit, _)) = run.first() else {
            continue;
        };
        put_uvar(out, run.len());
        out.extend_from_slice(&exponent.to_be_bytes());
        out.extend_from_slice(unit);
        pack_deltas(out, run.iter().map(|(_, _, mantissa)| *mantissa));
    }
}

/// A dictionary where values repeat, else the items themselves.
fn pack_items(out: &mut Vec<u8>, items: &[&[u8]]) {
    let mut words: HashMap<&[u8], usize> = HashMap::new();
    let mut order = Vec::new();
    let mut places = Vec::with_capacity(items.len());
    for item in items {
        let next = words.len();
        places.push(*words.entry(item).or_insert_with(|| {
            order.push(*item);
            next
        }));
    }
    if order.len() > items.len() / 2 {
        out.push(ITEMS);
        out.extend(items.iter().copied().flatten());
        return;
    }
    out.push(DICTIONARY);
    put_uvar(out, order.len());
    out.extend(order.into_iter().flatten());
    for place in places {
        put_uvar(out, place);
    }
}

/// One item for all records.
pub(super) const CONSTANT: u8 = 0;
/// One item a record.
pub(super) const ITEMS: u8 = 1;
/// Distinct items, then one number a record.
pub(super) const DICTIONARY: u8 = 2;
/// Whole numbers that advance evenly.
pub(super) const DELTA_OF_DELTA: u8 = 3;
/// Ends, as how long after the start.
pub(super) const AFTER_START: u8 = 4;
/// Decimals in runs of one exponent and unit.
pub(super) const QUANTITY: u8 = 5;

const END_SLOT: usize = 2;
const MAX_EXPONENT: i8 = 18;

//! One change to a value or to its bytes: what a mistake or an attacker would make of them.

use super::dice::Dice;
use vitalwitness_proof::cbor::{Value, decode, encode};

/// Changes one node of the tree.
pub(super) fn value(value: &mut Value, dice: &mut Dice) {
    let mut at = dice.below(count(value));
    change(value, &mut at, dice);
}

/// Changes a file, in its tree or in its bytes.
pub(super) fn file(bytes: &mut Vec<u8>, dice: &mut Dice) {
    if dice.chance(60)
        && let Ok(mut tree) = decode(bytes)
    {
        value(&mut tree, dice);
        *bytes = encode(&tree);
    } else {
        self::bytes(bytes, dice);
    }
}

/// Changes the bytes somewhere; half of the time where an item begins.
pub(super) fn bytes(bytes: &mut Vec<u8>, dice: &mut Dice) {
    if bytes.is_empty() {
        bytes.push(0);
        return;
    }
    let heads = heads(bytes);
    let at = if dice.chance(50) {
        *dice.pick(&heads)
    } else {
        dice.below(bytes.len())
    };
    match dice.below(10) {
        // Down to the last level and below it.
        9 => {
            let deep = 8 + dice.below(10);
            bytes.splice(at..at, vec![0x81; deep]);
            if dice.chance(50) {
                bytes[at + deep] = *dice.pick(&[0xf9, 0xc4, 0xd8, 0x18, 0x1c, 0xa1, 0x41]);
            }
        }
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes[at] = dice.array::<1>()[0],
        2 => bytes.insert(at, dice.array::<1>()[0]),
        3 => drop(bytes.remove(at)),
        4 => bytes.truncate(at),
        5 => lengthen(bytes, at),
        // A reserved length or an indefinite one.
        6 => bytes[at] = bytes[at] & 0xe0 | (28 + u8::try_from(dice.below(4)).unwrap_or(0)),
        7 => bytes.extend(dice.bytes(1)),
        _ => {
            let end = (at + 1 + dice.below(40)).min(bytes.len());
            let cut = bytes[at..end].to_vec();
            let to = dice.below(bytes.len());
            bytes.splice(to..to, cut);
        }
    }
}

/// Where items begin, in bytes that are canonical as far as they can be read.
fn heads(bytes: &[u8]) -> Vec<usize> {
    let mut heads = vec![0];
    let mut at = 0;
    while let Some(initial) = bytes.get(at) {
        heads.push(at);
        let length = match initial & 0x1f {
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => 0,
        };
        let argument = match bytes.get(at + 1..at + 1 + length) {
            Some([]) => u64::from(initial & 0x1f),
            Some(long) => long.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            None => break,
        };
        at += 1 + length;
        if matches!(initial >> 5, 2 | 3) {
            at = at.saturating_add(usize::try_from(argument).unwrap_or(usize::MAX));
        }
    }
    heads
}

/// The head at `at` in its next longer form.
fn lengthen(bytes: &mut Vec<u8>, at: usize) {
    let (major, info) = (bytes[at] & 0xe0, bytes[at] & 0x1f);
    match info {
        0..=23 => {
            bytes[at] = major | 0x18;
            bytes.insert(at + 1, info);
        }
        24..=26 => {
            bytes[at] = major | (info + 1);
            let more = 1_usize << (info - 24);
            bytes.splice(at + 1..=at, vec![0; more]);
        }
        _ => bytes[at] = major | 0x1f,
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Map(pairs) => pairs.iter().map(|(_, item)| count(item)).sum(),
        _ => 0,
    }
}

fn change(value: &mut Value, at: &mut usize, dice: &mut Dice) -> bool {
    if *at == 0 {
        *value = changed(value, dice);
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| change(item, at, dice)),
        Value::Map(pairs) => pairs.iter_mut().any(|(_, item)| change(item, at, dice)),
        _ => false,
    }
}

fn changed(value: &Value, dice: &mut Dice) -> Value {
    if dice.chance(20) {
        return any(dice, 2);
    }
    match value {
        Value::Int(_) if dice.chance(50) => Value::Int(dice.magnitude()),
        Value::Int(number) => {
            let near = [-1, 1, 7, 256].map(|step| number.saturating_add(step));
            let far = [0, 1, 2, -1, 8, 16_384, 32_768, i64::MAX, i64::MIN];
            Value::Int(*dice.pick(&[near.as_slice(), &far].concat()))
        }
        Value::Bytes(bytes) if is_nested(bytes) && dice.chance(80) => {
            let mut nested = bytes.clone();
            file(&mut nested, dice);
            Value::Bytes(nested)
        }
        Value::Bytes(bytes) => Value::Bytes(resized(bytes, dice)),
        Value::Text(text) => {
            let mut text = text.clone();
            match dice.below(4) {
                0 => text.clear(),
                1 => text.push(*dice.pick(&['a', '+', ' ', '\n', 'ß', '/', '\u{feff}'])),
                2 => text = text.repeat(12),
                _ => drop(text.pop()),
            }
            Value::Text(text)
        }
        Value::Array(items) => Value::Array(relisted(items, dice)),
        Value::Map(pairs) => {
            let mut pairs = pairs.clone();
            if dice.chance(50) {
                pairs.push((Value::Int(dice.magnitude() % 14), any(dice, 1)));
                // A key twice is not this mutation's business: the encoder refuses none.
                pairs.dedup_by(|a, b| a.0 == b.0);
            } else if !pairs.is_empty() {
                pairs.remove(dice.below(pairs.len()));
            }
            Value::Map(pairs)
        }
        Value::Null | Value::Bool(_) | Value::Decimal { .. } => any(dice, 1),
    }
}

/// Whether the bytes are an entry, an event, a disclosure or a receipt.
fn is_nested(bytes: &[u8]) -> bool {
    bytes.len() > 40 && matches!(decode(bytes), Ok(Value::Array(_) | Value::Map(_)))
}

fn resized(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match dice.below(7) {
        0 => drop(bytes.pop()),
        1 => bytes.push(0),
        2 => bytes.extend(dice.bytes(32)),
        3 => bytes.truncate(bytes.len().saturating_sub(32)),
        4 => bytes.clear(),
        5 => bytes = bytes.repeat(*dice.pick(&[2, 13, 70])),
        _ => {
            if let Some(byte) = bytes.last_mut() {
                *byte ^= 1;
            }
        }
    }
    bytes
}

fn relisted(items: &[Value], dice: &mut Dice) -> Vec<Value> {
    let mut items = items.to_vec();
    match dice.below(6) {
        0 => drop(items.pop()),
        1 => items.push(any(dice, 1)),
        2 => items.reverse(),
        3 => items.clear(),
        4 if !items.is_empty() => {
            let again = dice.pick(&items).clone();
            items.extend(vec![again; *dice.pick(&[1, 4, 9, 17])]);
        }
        _ if !items.is_empty() => drop(items.remove(dice.below(items.len()))),
        _ => {}
    }
    items
}

/// Anything, at most `depth` deep.
pub(super) fn any(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => Value::Bool(dice.chance(50)),
        2 => Value::Int(dice.magnitude()),
        3 => Value::Int(-1 - dice.magnitude()),
        4 => Value::Text(
            (*dice.pick(&[
                "",
                "loinc|8867-4",
                "/min",
                "Fußweg",
                "e\u{301}",
                "\u{feff}x",
            ]))
            .into(),
        ),
        5 => {
            let length = *dice.pick(&[0, 8, 16, 32, 33]);
            Value::Bytes(dice.bytes(length))
        }
        6 => Value::Decimal {
            exponent: i8::try_from(dice.below(37)).unwrap_or(0) - 18,
            mantissa: dice.magnitude(),
        },
        7 => Value::Array((0..dice.below(4)).map(|_| any(dice, depth - 1)).collect()),
        _ => {
            let keys = [
                Value::Int(1),
                Value::Int(-1),
                Value::Bytes(vec![0]),
                Value::Text("a".into()),
            ];
            let some = dice.below(5);
            Value::Map(
                keys.into_iter()
                    .take(some)
                    .map(|key| (key, any(dice, depth - 1)))
                    .collect(),
            )
        }
    }
}

//! One change to a CBOR file at a time, and vectors that store only what changed.

use serde_json::{Value as Json, json};
use vitalwitness_proof::cbor::Value::{Array, Bytes, Int};
use vitalwitness_proof::cbor::{self, Value};

/// The file with what stands at `path` (map keys and places in arrays) changed.
pub fn edit(file: &[u8], path: &[i64], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = cbor::decode(file).unwrap();
    change(at(&mut value, path));
    cbor::encode(&value)
}

/// What stands at `path`.
pub fn get(file: &[u8], path: &[i64]) -> Value {
    at(&mut cbor::decode(file).unwrap(), path).clone()
}

pub fn set(file: &[u8], path: &[i64], to: Value) -> Vec<u8> {
    edit(file, path, |value| *value = to)
}

/// A map's pair is taken out.
pub fn without(file: &[u8], key: i64) -> Vec<u8> {
    edit(file, &[], |value| match value {
        Value::Map(pairs) => pairs.retain(|(known, _)| *known != Value::Int(key)),
        other => panic!("no map: {other:?}"),
    })
}

/// A map gets a pair, or another value for it.
pub fn with(file: &[u8], key: i64, item: Value) -> Vec<u8> {
    edit(&without(file, key), &[], |value| match value {
        Value::Map(pairs) => pairs.push((Value::Int(key), item)),
        other => panic!("no map: {other:?}"),
    })
}

/// The lowest bit of a byte string's byte is flipped; a number is one more.
pub fn flip(file: &[u8], path: &[i64], place: usize) -> Vec<u8> {
    edit(file, path, |value| match value {
        Value::Bytes(bytes) => bytes[place] ^= 1,
        Value::Int(number) => *number += 1,
        other => panic!("nothing to flip: {other:?}"),
    })
}

pub fn bytes(file: &[u8], path: &[i64]) -> Vec<u8> {
    match get(file, path) {
        Value::Bytes(bytes) => bytes,
        other => panic!("no bytes: {other:?}"),
    }
}

pub fn items(value: &mut Value) -> &mut Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => panic!("no array: {other:?}"),
    }
}

fn at<'a>(value: &'a mut Value, path: &[i64]) -> &'a mut Value {
    let Some((step, rest)) = path.split_first() else {
        return value;
    };
    let inner = match value {
        Value::Map(pairs) => pairs
            .iter_mut()
            .find(|(key, _)| *key == Value::Int(*step))
            .map(|(_, value)| value),
        Value::Array(items) => items.get_mut(usize::try_from(*step).unwrap()),
        other => panic!("nothing inside {other:?}"),
    };
    at(inner.unwrap(), rest)
}

/// `bytes` as the parts of which a vector stores them: hex, [id, from, to] or [hex, count].
pub fn parts(base: &str, of: &[u8], bytes: &[u8]) -> Json {
    let same = |pair: &(&u8, &u8)| pair.0 == pair.1;
    let head = of.iter().zip(bytes).take_while(same).count();
    let most = of.len().min(bytes.len()) - head;
    let pairs = of.iter().rev().zip(bytes.iter().rev());
    let tail = pairs.take(most).take_while(same).count();
    let middle = &bytes[head..bytes.len() - tail];
    let mut parts = Vec::new();
    if head > 0 {
        parts.push(json!([base, 0, head]));
    }
    for run in runs(middle) {
        parts.push(match run.first() {
            Some(first) if run.len() > LONG && run.iter().all(|byte| byte == first) => {
                json!([hex::encode([*first]), run.len()])
            }
            _ => json!(hex::encode(run)),
        });
    }
    if tail > 0 {
        parts.push(json!([base, of.len() - tail, of.len()]));
    }
    Json::Array(parts)
}

/// Cuts out what is one byte more than `LONG` times.
fn runs(bytes: &[u8]) -> Vec<&[u8]> {
    let mut runs = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        let same = bytes[at..].iter().take_while(|byte| **byte == bytes[at]);
        let end = at + same.count();
        if end - at > LONG {
            runs.extend([&bytes[start..at], &bytes[at..end]]);
            start = end;
        }
        at = end;
    }
    runs.push(&bytes[start..]);
    runs.retain(|run| !run.is_empty());
    runs
}

const LONG: usize = 200;

/// The other way round: what `member` of a case holds.
pub fn assemble(cases: &[Json], member: &str, parts: &Json) -> Vec<u8> {
    let number = |json: &Json| usize::try_from(json.as_u64().unwrap()).unwrap();
    match parts {
        Json::String(text) => hex::decode(text).unwrap(),
        Json::Array(parts) => parts
            .iter()
            .flat_map(|part| match part.as_array().map(Vec::as_slice) {
                Some([byte, count]) => hex::decode(byte.as_str().unwrap())
                    .unwrap()
                    .repeat(number(count)),
                Some([id, from, to]) => {
                    let source = cases.iter().find(|case| case["id"] == *id).unwrap();
                    assemble(cases, member, &source["input"][member])[number(from)..number(to)]
                        .to_vec()
                }
                _ => hex::decode(part.as_str().unwrap()).unwrap(),
            })
            .collect(),
        other => panic!("no byte string: {other}"),
    }
}

pub fn number(value: &Value) -> u64 {
    match value {
        Int(number) => u64::try_from(*number).unwrap(),
        other => panic!("no number: {other:?}"),
    }
}

pub fn shorten(value: &mut Value) {
    match value {
        Bytes(bytes) => {
            bytes.pop();
        }
        other => panic!("no bytes: {other:?}"),
    }
}

pub fn lengthen(value: &mut Value) {
    if let Bytes(bytes) = value {
        bytes.extend([0; 32]);
    }
}

pub fn cut_node(value: &mut Value) {
    if let Bytes(bytes) = value {
        bytes.truncate(bytes.len() - 32);
    }
}

pub fn deep(levels: usize) -> Value {
    (0..levels).fold(Int(0), |inner, _| Array(vec![inner]))
}

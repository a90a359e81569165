//! What makes two imported records the same one.

use crate::decimal::Decimal;
use crate::observation::EXERCISE;
use crate::record::{Body, Dose, Hash, MedStatus, NoteBody, Record, Value};
use sha2::{Digest, Sha256};
use vitalwitness_proof::cbor;

/// The canonical bytes of what a record says: schema, code, start, end, value and device.
///
/// Equal for one measurement out of two files, or out of one file read twice. Not in it: the id,
/// the offset from UTC (TCX has none), the grade and the notes. Numbers count by size, so 98 and
/// 98.0 are the same. Of a training by a known device the start is enough, of its energy and
/// distance the start and the number: FIT has the end to the millisecond, TCX to the second.
///
/// These bytes hold health data: key them before they are stored.
pub fn natural_key(record: &Record) -> Vec<u8> {
    let session = record.source.device.is_some() && SESSION.contains(&record.stream_code());
    let mut parts = vec![
        text(record.schema()),
        text(record.stream_code()),
        cbor::Value::Int(record.start_ms),
        record
            .end_ms
            .filter(|_| !session)
            .map_or(cbor::Value::Null, cbor::Value::Int),
        record
            .source
            .device
            .map_or(cbor::Value::Null, |id| cbor::Value::Bytes(id.to_vec())),
    ];
    if !(session && record.stream_code() == EXERCISE) {
        body(&record.body, &mut parts);
    }
    cbor::encode(&cbor::Value::Array(parts))
}

/// SHA-256("vwF1" || [`natural_key`]).
///
/// Unkeyed: a few guesses find the value, so it must not leave the vault.
pub fn fingerprint(record: &Record) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"vwF1");
    hash.update(natural_key(record));
    hash.finalize().into()
}

fn body(body: &Body, parts: &mut Vec<cbor::Value>) {
    match body {
        Body::Observation { value, .. } => observed(value, parts),
        Body::Medicine { name, dose, status } => {
            parts.push(text(name));
            match dose {
                Dose::Quantity(number, unit) => quantity(*number, unit, parts),
                Dose::Text(words) => parts.push(text(words)),
                Dose::Unsaid => parts.push(cbor::Value::Null),
            }
            parts.push(cbor::Value::Int(match status {
                MedStatus::Planned => 0,
                MedStatus::Taken => 1,
                MedStatus::NotTaken => 2,
                MedStatus::Stopped => 3,
            }));
        }
        Body::Note { text: note, .. } => noted(note, parts),
        Body::Episode { title, .. } => parts.push(text(title)),
        // Insurance is not imported from files; its slots are its key.
        Body::Offer { .. } | Body::Cover { .. } | Body::Claim { .. } | Body::Decision { .. } => {}
    }
}

fn observed(value: &Value, parts: &mut Vec<cbor::Value>) {
    match value {
        Value::Quantity(number, unit) => quantity(*number, unit, parts),
        Value::Components(components) => {
            for (code, number, unit) in components {
                parts.push(text(code));
                quantity(*number, unit, parts);
            }
        }
        Value::Text(words) => parts.push(text(words)),
        Value::Waveform { root, count, .. } => {
            parts.push(cbor::Value::Bytes(root.to_vec()));
            parts.push(text(&count.to_string()));
        }
    }
}

fn noted(note: &NoteBody, parts: &mut Vec<cbor::Value>) {
    parts.push(match note {
        NoteBody::Text(words) => text(words),
        NoteBody::File { hash, .. } => cbor::Value::Bytes(hash.to_vec()),
    });
}

fn quantity(number: Decimal, unit: &str, parts: &mut Vec<cbor::Value>) {
    let (mut mantissa, mut exponent) = (number.mantissa(), i64::from(number.exponent()));
    while mantissa != 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        exponent += 1;
    }
    if mantissa == 0 {
        exponent = 0;
    }
    parts.push(cbor::Value::Int(mantissa));
    parts.push(cbor::Value::Int(exponent));
    parts.push(text(unit));
}

fn text(words: &str) -> cbor::Value {
    cbor::Value::Text(words.to_owned())
}

const SESSION: [&str; 3] = [EXERCISE, "loinc|41981-2", "loinc|55430-3"];

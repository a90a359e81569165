//! A record in rows and JSON: numbers as the digits that were measured.

use crate::disclosed::grade_words;
use crate::naming;
use serde_json::{Value, json};
use vitalwitness_domain::record::{Body, Dose, MedStatus, NoteBody, Record, Value as Observed};
use vitalwitness_proof::Hash;

/// A record as JSON: numbers as the digits that were measured.
pub(crate) fn record_json(record: &Record, rc: &Hash) -> Value {
    let parts: Vec<Value> = cells(record)
        .into_iter()
        .map(|(code, name, value, unit)| {
            json!({"code": code, "name": name, "value": value, "unit": unit})
        })
        .collect();
    json!({
        "record": hex::encode(rc),
        "schema": record.schema(),
        "start": rfc3339(record.start_ms, record.offset_min),
        "end": record.end_ms.map(|ms| rfc3339(ms, record.offset_min)),
        "code": record.stream_code(),
        "parts": parts,
        "grade": record.source.grade.number(),
        "origin": grade_words(i64::from(record.source.grade.number())),
        "note": note(record),
    })
}

/// Code, name, value and unit: one line a component.
pub(crate) fn cells(record: &Record) -> Vec<(String, String, String, String)> {
    let one = |value: String, unit: &str| {
        let code = record.stream_code();
        vec![(
            code.to_owned(),
            naming::of_code(code),
            value,
            unit.to_owned(),
        )]
    };
    match &record.body {
        Body::Observation { code, value } => match value {
            Observed::Quantity(number, unit) => one(number.to_string(), unit),
            Observed::Text(text) => one(text.clone(), ""),
            Observed::Waveform { count, unit, .. } => one(format!("{count} samples"), unit),
            Observed::Components(parts) => parts
                .iter()
                .map(|(part, number, unit)| {
                    let name = format!("{}: {}", naming::of_code(code), naming::of_code(part));
                    (part.clone(), name, number.to_string(), unit.clone())
                })
                .collect(),
        },
        Body::Medicine { name, dose, status } => {
            let [planned, taken, not_taken, stopped] = naming::STATUSES;
            let status = match status {
                MedStatus::Planned => planned,
                MedStatus::Taken => taken,
                MedStatus::NotTaken => not_taken,
                MedStatus::Stopped => stopped,
            };
            let (dose, unit) = match dose {
                Dose::Quantity(number, unit) => (number.to_string(), unit.as_str()),
                Dose::Text(text) => (text.clone(), ""),
                Dose::Unsaid => (String::new(), ""),
            };
            let name = format!("{name} ({status})");
            vec![("medicine".to_owned(), name, dose, unit.to_owned())]
        }
        Body::Note { text, .. } => one(body_text(text), ""),
        Body::Episode { title, .. } => one(title.clone(), ""),
        Body::Offer { plan, premium, .. } => {
            one(format!("{plan}: {}", premium.amount), &premium.currency)
        }
        Body::Cover { policy, .. } => one(policy.clone(), ""),
        Body::Claim { amount, .. } => one(amount.amount.to_string(), &amount.currency),
        Body::Decision { amount, .. } => match amount {
            Some(amount) => one(amount.amount.to_string(), &amount.currency),
            None => one(String::new(), ""),
        },
    }
}

fn body_text(text: &NoteBody) -> String {
    match text {
        NoteBody::Text(text) => text.clone(),
        NoteBody::File {
            media_type, bytes, ..
        } => format!("a file of {bytes} bytes ({media_type})"),
    }
}

/// Its notes and reason.
pub(crate) fn note(record: &Record) -> String {
    let Some(context) = &record.context else {
        return String::new();
    };
    let notes = context.notes.iter();
    let mut parts: Vec<String> = notes
        .map(|(name, text)| format!("{name}: {text}"))
        .collect();
    parts.extend(context.reason.iter().map(|why| format!("reason: {why}")));
    parts.join("; ")
}

/// `2026-05-13T12:05:00+02:00`.
pub(crate) fn rfc3339(ms: i64, offset_min: i16) -> String {
    let offset = chrono::FixedOffset::east_opt(i32::from(offset_min) * 60);
    match (chrono::DateTime::from_timestamp_millis(ms), offset) {
        (Some(time), Some(offset)) => time
            .with_timezone(&offset)
            .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false),
        _ => ms.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_own_offset() {
        assert_eq!(rfc3339(1_778_666_700_000, 120), "2026-05-13T12:05:00+02:00");
        assert_eq!(rfc3339(1_500, 0), "1970-01-01T00:00:01.500+00:00");
    }
}

//! One row, to a record.

use super::{COLUMNS, Skip};
use crate::context::Context;
use crate::decimal::Decimal;
use crate::import::time;
use crate::observation::{BLOOD_PRESSURE, DIASTOLIC, SYSTOLIC};
use crate::record::{Body, Dose, Grade, MedStatus, NoteBody, Record, Source, Value};
use std::collections::BTreeMap;

pub(super) fn record(fields: &[String; COLUMNS]) -> Result<Record, Skip> {
    let [code, start, end, value, unit, source, note] = fields;
    let start = time::iso(start).ok_or(Skip::Time)?;
    let end_ms = match end.as_str() {
        "" => None,
        end => Some(time::iso(end).ok_or(Skip::Time)?.ms),
    };
    let source = source_of(source).ok_or(Skip::Value)?;
    let (mut own, notes) = notes_of(note).ok_or(Skip::Value)?;
    let reason = own.remove("reason");
    let body = match code.as_str() {
        "medicine" => Body::Medicine {
            name: own.remove("name").ok_or(Skip::Value)?,
            dose: dose(value, unit)?,
            status: own
                .remove("status")
                .and_then(|word| status(&word))
                .ok_or(Skip::Value)?,
        },
        "note" => Body::Note {
            kind: own.remove("kind").ok_or(Skip::Value)?,
            text: NoteBody::Text(value.clone()),
        },
        "episode" => Body::Episode {
            kind: own.remove("kind").ok_or(Skip::Value)?,
            title: value.clone(),
        },
        code => Body::Observation {
            code: code.to_owned(),
            value: observed(code, value, unit)?,
        },
    };
    if !own.is_empty() {
        return Err(Skip::Value);
    }
    let context = Context {
        reason,
        notes,
        ..Context::default()
    };
    Ok(Record {
        rid: None,
        start_ms: start.ms,
        end_ms,
        offset_min: start.offset_min,
        body,
        source,
        context: (!context.is_empty()).then_some(context),
    })
}

fn observed(code: &str, value: &str, unit: &str) -> Result<Value, Skip> {
    match unit {
        "" => Ok(Value::Text(value.to_owned())),
        "components" => {
            let parts = value.split("; ").map(|part| {
                let mut words = part.splitn(3, ' ');
                let code = words.next()?;
                let number = words.next()?.parse().ok()?;
                Some((code.to_owned(), number, words.next()?.to_owned()))
            });
            let parts = parts.collect::<Option<Vec<_>>>().ok_or(Skip::Value)?;
            Ok(Value::Components(parts))
        }
        unit if code == BLOOD_PRESSURE => {
            let (systolic, diastolic) = value.split_once('/').ok_or(Skip::Value)?;
            let component = |code: &str, text: &str| {
                let number = text.trim().parse().map_err(|_| Skip::Value)?;
                Ok((code.to_owned(), number, unit.to_owned()))
            };
            Ok(Value::Components(vec![
                component(SYSTOLIC, systolic)?,
                component(DIASTOLIC, diastolic)?,
            ]))
        }
        unit => Ok(Value::Quantity(number(value)?, unit.to_owned())),
    }
}

fn dose(value: &str, unit: &str) -> Result<Dose, Skip> {
    Ok(match (value, unit) {
        ("", "") => Dose::Unsaid,
        (words, "") => Dose::Text(words.to_owned()),
        (value, unit) => Dose::Quantity(number(value)?, unit.to_owned()),
    })
}

fn number(text: &str) -> Result<Decimal, Skip> {
    text.trim().parse().map_err(|_| Skip::Value)
}

pub(super) fn status(word: &str) -> Option<MedStatus> {
    STATUS
        .iter()
        .find(|(_, known)| *known == word)
        .map(|row| row.0)
}

pub(super) fn status_word(status: MedStatus) -> &'static str {
    STATUS
        .iter()
        .find(|(known, _)| *known == status)
        .map_or("", |row| row.1)
}

pub(super) fn grade_word(grade: Grade) -> &'static str {
    GRADES
        .iter()
        .find(|(known, _)| *known == grade)
        .map_or("", |row| row.1)
}

fn source_of(text: &str) -> Option<Source> {
    let (word, device) = match text.split_once(':') {
        Some((word, hex)) => {
            let mut id = [0; 16];
            hex::decode_to_slice(hex, &mut id).ok()?;
            (word, Some(id))
        }
        None => (text, None),
    };
    let grade = match word {
        "" => Grade::Typed,
        word => GRADES.iter().find(|(_, known)| *known == word)?.0,
    };
    // A table can be written by anyone: it never makes a signature.
    let grade = grade.min(Grade::VendorFile);
    Some(Source { grade, device })
}

type Notes = BTreeMap<String, String>;

/// Notes of this app, without their `@`, and the person's.
fn notes_of(text: &str) -> Option<(Notes, Notes)> {
    let (mut own, mut notes) = (Notes::new(), Notes::new());
    if text.is_empty() {
        return Some((own, notes));
    }
    for part in text.split("; ") {
        let (name, words) = part.split_once('=')?;
        let words = unescape(words)?;
        let twice = match name.strip_prefix('@') {
            Some(name) => own.insert(unescape(name)?, words),
            None => notes.insert(unescape(name)?, words),
        };
        if twice.is_some() {
            return None;
        }
    }
    Some((own, notes))
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match ESCAPED.iter().position(|special| *special == letter) {
            Some(index) => escaped.push_str(ESCAPES[index]),
            None => escaped.push(letter),
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let code = u8::from_str_radix(part.get(..2)?, 16).ok()?;
        let letter = char::from(code);
        if !ESCAPED.contains(&letter) {
            return None;
        }
        plain.push(letter);
        plain.push_str(part.get(2..)?);
    }
    Some(plain)
}

const ESCAPED: [char; 6] = ['%', ';', '=', '@', '\r', '\n'];
const ESCAPES: [&str; 6] = ["%25", "%3B", "%3D", "%40", "%0D", "%0A"];
const STATUS: [(MedStatus, &str); 4] = [
    (MedStatus::Planned, "planned"),
    (MedStatus::Taken, "taken"),
    (MedStatus::NotTaken, "not taken"),
    (MedStatus::Stopped, "stopped"),
];
const GRADES: [(Grade, &str); 5] = [
    (Grade::Typed, "typed"),
    (Grade::Unbonded, "sensor"),
    (Grade::Bonded, "paired"),
    (Grade::VendorFile, "file"),
    (Grade::ClinicianSigned, "clinician"),
];

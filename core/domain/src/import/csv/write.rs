//! Records, to rows.

use super::HEADER;
use super::row::{self, escape};
use crate::context::Context;
use crate::decimal::Decimal;
use crate::import::time::to_iso;
use crate::observation::{BLOOD_PRESSURE, DIASTOLIC, SYSTOLIC};
use crate::record::{Body, Dose, NoteBody, Record, Value};
use std::io::{self, Write};

/// How many records a table holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows, one a record.
    pub rows: u64,
    /// Records a table cannot hold.
    pub left_out: u64,
}

/// Writes a table of `records`; its rows end in CR LF.
///
/// # Errors
///
/// What `to` says.
pub fn write<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    to: &mut impl Write,
) -> io::Result<Written> {
    let mut written = Written::default();
    to.write_all(HEADER.as_bytes())?;
    to.write_all(b"\r\n")?;
    for record in records {
        // What does not read back equal is not written.
        match fields(record)
            .filter(|fields| row::record(fields).is_ok_and(|read| same(&read, record)))
        {
            Some(fields) => {
                let quoted: Vec<_> = fields.iter().map(|field| quote(field)).collect();
                to.write_all(quoted.join(",").as_bytes())?;
                to.write_all(b"\r\n")?;
                written.rows += 1;
            }
            None => written.left_out += 1,
        }
    }
    Ok(written)
}

fn same(read: &Record, record: &Record) -> bool {
    let blank = record.context.as_ref().is_some_and(Context::is_empty);
    read.start_ms == record.start_ms
        && read.end_ms == record.end_ms
        && read.offset_min == record.offset_min
        && read.body == record.body
        && read.source.device == record.source.device
        && (read.context == record.context || blank && read.context.is_none())
}

fn fields(record: &Record) -> Option<[String; 7]> {
    let mut notes: Vec<(&str, &str)> = Vec::new();
    let (code, value, unit) = match &record.body {
        Body::Observation { code, value } => {
            let (value, unit) = observed(code, value)?;
            (code.as_str(), value, unit)
        }
        Body::Medicine { name, dose, status } => {
            notes.push(("@name", name));
            notes.push(("@status", row::status_word(*status)));
            let (value, unit) = match dose {
                Dose::Quantity(number, unit) => (number.to_string(), unit.clone()),
                Dose::Text(words) => (words.clone(), String::new()),
                Dose::Unsaid => (String::new(), String::new()),
            };
            ("medicine", value, unit)
        }
        Body::Note {
            kind,
            text: NoteBody::Text(text),
        } => {
            notes.push(("@kind", kind));
            ("note", text.clone(), String::new())
        }
        Body::Episode { kind, title } => {
            notes.push(("@kind", kind));
            ("episode", title.clone(), String::new())
        }
        _ => return None,
    };
    if let Some(context) = &record.context {
        notes.extend(context.reason.as_deref().map(|reason| ("@reason", reason)));
    }
    let own = notes
        .iter()
        .map(|(name, text)| format!("{name}={}", escape(text)));
    let theirs = record.context.iter().flat_map(|context| &context.notes);
    let theirs = theirs.map(|(name, text)| format!("{}={}", escape(name), escape(text)));
    let all: Vec<_> = own.chain(theirs).collect();
    let grade = row::grade_word(record.source.grade);
    let row = [
        code.to_owned(),
        to_iso(record.start_ms, record.offset_min)?,
        match record.end_ms {
            Some(end) => to_iso(end, record.offset_min)?,
            None => String::new(),
        },
        value,
        unit,
        match record.source.device {
            Some(device) => format!("{grade}:{}", hex::encode(device)),
            None => grade.to_owned(),
        },
        all.join("; "),
    ];
    row.iter().all(|field| legal(field)).then_some(row)
}

fn observed(code: &str, value: &Value) -> Option<(String, String)> {
    match value {
        Value::Quantity(number, unit) => Some((number.to_string(), unit.clone())),
        Value::Text(words) => Some((words.clone(), String::new())),
        Value::Components(parts) => Some(components(code, parts)),
        Value::Waveform { .. } => None,
    }
}

fn components(code: &str, parts: &[(String, Decimal, String)]) -> (String, String) {
    if let (BLOOD_PRESSURE, [(first, systolic, unit), (second, diastolic, same)]) = (code, parts)
        && first == SYSTOLIC
        && second == DIASTOLIC
        && unit == same
    {
        return (format!("{systolic}/{diastolic}"), unit.clone());
    }
    let parts: Vec<_> = parts
        .iter()
        .map(|(code, number, unit)| format!("{code} {number} {unit}"))
        .collect();
    (parts.join("; "), "components".to_owned())
}

/// Whether a reader will take these characters.
fn legal(field: &str) -> bool {
    field
        .bytes()
        .all(|byte| byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r'))
}

fn quote(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) || field.trim() != field {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

//! A leaked file of whatever form: the ids, times, numbers and words of its rows.
//!
//! JSON (also FHIR bundles and one value a line) by its objects, everything else as delimited text.
//! Nothing is refused: bytes that are no known form are words in lines.

use crate::decimal::Decimal;
use crate::tracing::RowId;
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::Value as Json;
use std::fmt;

/// What a file holds.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Whatever has the form of a row id, each once, in order.
    pub ids: Vec<RowId>,
    /// Rows.
    pub rows: Vec<Row>,
}

/// What of a row can be recognised.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Row {
    /// Whatever can be a time.
    pub times: Vec<When>,
    /// Whatever is a number.
    pub numbers: Vec<Decimal>,
    /// Everything else, in lower case.
    pub words: Vec<String>,
}

/// A time as it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// From `ms` UTC for `step_ms`: how exactly it is written.
    Instant {
        /// ms since 1970 UTC.
        ms: i64,
        /// A millisecond, a second, a minute or a day.
        step_ms: i64,
    },
    /// Without a zone: as the clock on the wall, or in UTC.
    Wall {
        /// ms since 1970 on that clock.
        ms: i64,
        /// As above.
        step_ms: i64,
    },
}

impl fmt::Debug for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leak({} ids, {} rows)", self.ids.len(), self.rows.len())
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Row(..)")
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("When(..)")
    }
}

/// Reads a file.
pub fn read(bytes: &[u8]) -> Leak {
    let text = decoded(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let mut leak = Leak::default();
    let begins = text.trim_start();
    if begins.starts_with(['{', '[']) {
        if let Ok(value) = serde_json::from_str::<Json>(text) {
            leak.json(&value);
            return leak.finished();
        }
        let lines: Result<Vec<Json>, _> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(serde_json::from_str)
            .collect();
        if let Ok(lines) = lines {
            for value in &lines {
                names(value, &mut |name| leak.ids.extend(ids(name)));
                leak.row(&mut |take| scalars(value, take));
            }
            return leak.finished();
        }
    }
    let delimiter = delimiter(text);
    for cells in delimited(text, delimiter) {
        leak.row(&mut |take| cells.iter().for_each(|cell| take(cell)));
    }
    leak.finished()
}

/// Takes a cell, a string or a number.
type Take<'a> = &'a mut dyn FnMut(&str);

impl Leak {
    /// The rows are the objects of the longest list of objects that is in no other such list;
    /// without one, the whole is a row. Ids count wherever they stand.
    fn json(&mut self, value: &Json) {
        scalars(value, &mut |token| self.ids.extend(ids(token)));
        names(value, &mut |name| self.ids.extend(ids(name)));
        match longest(value) {
            Some(list) => {
                for item in list {
                    self.row(&mut |take| scalars(item, take));
                }
            }
            None => self.row(&mut |take| scalars(value, take)),
        }
    }

    fn row(&mut self, tokens: &mut dyn FnMut(Take<'_>)) {
        let mut row = Row::default();
        tokens(&mut |token| {
            // between a time and AM or PM some write a narrow space
            let spaced = token.replace(['\u{202f}', '\u{a0}'], " ");
            let token = spaced.trim().trim_start_matches('\'');
            if token.is_empty() {
                return;
            }
            self.ids.extend(ids(token));
            if let Some(number) = number(token) {
                row.numbers.push(number);
            }
            match time(token) {
                Some(when) => row.times.push(when),
                None => row.words.push(token.to_lowercase()),
            }
        });
        self.rows.push(row);
    }

    fn finished(mut self) -> Self {
        let mut seen = std::collections::HashSet::new();
        self.ids.retain(|id| seen.insert(*id));
        self
    }
}

/// The longest list of objects that is in no other one.
fn longest(value: &Json) -> Option<&Vec<Json>> {
    let below: Vec<&Json> = match value {
        Json::Array(items) if items.iter().any(Json::is_object) => return Some(items),
        Json::Array(items) => items.iter().collect(),
        Json::Object(members) => members.values().collect(),
        _ => return None,
    };
    let found = below.into_iter().filter_map(longest);
    found.max_by_key(|list| list.len())
}

/// Every string and number in it, at any depth (`serde_json` refuses what is deeper than 128).
fn scalars(value: &Json, take: Take<'_>) {
    match value {
        Json::String(text) => take(text),
        Json::Number(number) => take(&number.to_string()),
        Json::Array(items) => items.iter().for_each(|item| scalars(item, take)),
        Json::Object(members) => members.values().for_each(|member| scalars(member, take)),
        Json::Null | Json::Bool(_) => {}
    }
}

/// The name of every member, at any depth.
fn names(value: &Json, take: Take<'_>) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| names(item, take)),
        Json::Object(members) => {
            for (name, member) in members {
                take(name);
                names(member, take);
            }
        }
        _ => {}
    }
}

/// UTF-8, or UTF-16 where its mark comes first ("Unicode text" of spreadsheets).
fn decoded(bytes: &[u8]) -> String {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return String::from_utf8_lossy(bytes).into_owned(),
    };
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    let signs = char::decode_utf16(units);
    signs
        .map(|sign| sign.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// What stands most often in the first line.
fn delimiter(text: &str) -> char {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: &char| first.matches(*delimiter).count();
    let mut best = ',';
    for delimiter in [';', '\t', '|'] {
        if count(&delimiter) > count(&best) {
            best = delimiter;
        }
    }
    best
}

/// Rows of delimited text, RFC 4180 quotes understood; empty ones are left out.
pub fn delimited(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => {
                signs.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            sign if sign == delimiter && !quoted => row.push(std::mem::take(&mut cell)),
            sign => cell.push(sign),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
    rows
}

/// Runs of 32 hex digits, with or without dashes between them.
fn ids(token: &str) -> Vec<RowId> {
    let mut found = Vec::new();
    for run in token.split(|sign: char| !sign.is_ascii_hexdigit() && sign != '-') {
        let joined = run.replace('-', "");
        let parts = run.split('-').filter(|part| part.len() == 32);
        for digits in parts.chain((joined.len() == 32).then_some(joined.as_str())) {
            let mut id = [0; 16];
            if hex::decode_to_slice(digits, &mut id).is_ok() {
                found.push(id);
            }
        }
    }
    found
}

fn number(token: &str) -> Option<Decimal> {
    token
        .parse()
        .or_else(|_| token.replacen(',', ".", 1).parse())
        .ok()
}

fn time(token: &str) -> Option<When> {
    if let Ok(time) = DateTime::parse_from_rfc3339(token) {
        return Some(When::Instant {
            ms: time.timestamp_millis(),
            step_ms: step(token),
        });
    }
    for form in ["%Y-%m-%dT%H:%M%:z", "%Y-%m-%d %H:%M:%S%.f %z"] {
        if let Ok(time) = DateTime::parse_from_str(token, form) {
            let step_ms = if form.contains("%S") {
                step(token)
            } else {
                MINUTE
            };
            let ms = time.timestamp_millis();
            return Some(When::Instant { ms, step_ms });
        }
    }
    for form in [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%d.%m.%Y %H:%M:%S",
        "%m/%d/%Y %H:%M:%S",
        "%m/%d/%Y %I:%M:%S %p",
        "%m/%d/%Y, %I:%M:%S %p",
        "%Y-%m-%d %I:%M:%S %p",
    ] {
        if let Ok(time) = NaiveDateTime::parse_from_str(token, form) {
            let ms = time.and_utc().timestamp_millis();
            let step_ms = step(token);
            return Some(When::Wall { ms, step_ms });
        }
    }
    for form in [
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M",
        "%d.%m.%Y %H:%M",
        "%m/%d/%Y %H:%M",
        "%m/%d/%Y %I:%M %p",
        "%m/%d/%Y, %I:%M %p",
        "%Y-%m-%d %I:%M %p",
    ] {
        if let Ok(time) = NaiveDateTime::parse_from_str(token, form) {
            let ms = time.and_utc().timestamp_millis();
            return Some(When::Wall {
                ms,
                step_ms: MINUTE,
            });
        }
    }
    for form in ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y"] {
        if let Ok(day) = NaiveDate::parse_from_str(token, form) {
            let ms = day.and_time(chrono::NaiveTime::MIN).and_utc();
            return Some(When::Wall {
                ms: ms.timestamp_millis(),
                step_ms: DAY,
            });
        }
    }
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    match (digits, token.len()) {
        (true, 10) => Some(When::Instant {
            ms: token.parse::<i64>().ok()?.saturating_mul(1_000),
            step_ms: 1_000,
        }),
        (true, 13) => Some(When::Instant {
            ms: token.parse().ok()?,
            step_ms: 1,
        }),
        _ => None,
    }
}

/// How exactly a time with seconds is written.
fn step(token: &str) -> i64 {
    if token.contains('.') && !token.contains(". ") && token.matches('.').count() == 1 {
        1
    } else {
        1_000
    }
}

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

//! The files of a folder, read as far as they can be: what is damaged is a row, or a file, that
//! differs, and never a reason to say nothing of the rest.

use super::once::Once;
use super::table::HEADING;
use crate::outcome::{Failure, Outcome};
use serde_json::{Deserializer, Map, Value};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use vitalwitness_domain::export::foreign::without_mark;
use vitalwitness_domain::tracing::delimited;

/// An entry of `records.json`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Row(Map<String, Value>),
    /// What stands where a row must be and is none.
    Broken(String),
}

/// The text of a file, or none where it is not there. What is not UTF-8 in it becomes U+FFFD; what
/// has the name and is no file (a folder, a pipe) is not waited for, and says nothing.
pub(super) fn optional(dir: &Path, name: &str) -> Outcome<Option<String>> {
    let path = dir.join(name);
    if fs::metadata(&path).is_ok_and(|it| !it.is_file()) {
        return Ok(Some(String::new()));
    }
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(
            without_mark(&String::from_utf8_lossy(&bytes)).to_owned(),
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::unreadable(&path.display().to_string(), &error)),
    }
}

/// The rows of `records.json`, and whether every fault of it is one of a row.
pub(super) fn entries(text: &str) -> (Vec<Entry>, bool) {
    if let Some(rows) = whole_rows(text) {
        return (rows, true);
    }
    let (mut found, mut at, mut end) = (Vec::new(), 0, 0);
    let between = |from: usize, to: usize| -> Option<Entry> {
        let broken = text.get(from..to).filter(|it| it.contains('"'))?;
        Some(Entry::Broken(broken.to_owned()))
    };
    while let Some(next) = text.get(at..).and_then(|rest| rest.find('{')) {
        let start = at + next;
        let mut rest = Deserializer::from_str(text.get(start..).unwrap_or_default()).into_iter();
        match rest.next() {
            Some(Ok(Once(Value::Object(row)))) if is_row(&row) => {
                found.extend(between(end, start));
                found.push(Entry::Row(row));
                end = start + rest.byte_offset();
                at = end;
            }
            _ => at = start + 1,
        }
    }
    found.extend(between(end, text.len()));
    let rows = found.iter().any(|it| matches!(it, Entry::Row(_)));
    let broken = found.iter().any(|it| matches!(it, Entry::Broken(_)));
    if rows {
        (found, broken)
    } else {
        (Vec::new(), false)
    }
}

/// The rows of a file without a fault.
fn whole_rows(text: &str) -> Option<Vec<Entry>> {
    let Once(Value::Array(rows)) = serde_json::from_str(text).ok()? else {
        return None;
    };
    let row = |it| match it {
        Value::Object(row) => Some(Entry::Row(row)),
        _ => None,
    };
    rows.into_iter().map(row).collect()
}

/// A part of a row is no row.
fn is_row(row: &Map<String, Value>) -> bool {
    let keys = ["record", "start", "end", "receipt", "parts"];
    keys.iter().filter(|key| row.contains_key(**key)).count() > 2
}

/// The lines of `records.csv`: those that are whole, and what stands between them. A line is whole
/// when it has as many cells as the heading.
pub(super) fn lines(text: &str) -> Vec<Vec<String>> {
    let physical: Vec<&str> = text.split('\n').collect();
    let (mut found, mut broken, mut at) = (Vec::new(), String::new(), 0);
    while let Some(line) = physical.get(at) {
        let whole = whole(physical.get(at..).unwrap_or_default());
        if whole.is_some() || has_hash(&broken) {
            found.extend(split(&broken));
            broken.clear();
        }
        let Some((cells, taken)) = whole else {
            broken.push_str(line);
            broken.push('\n');
            at += 1;
            continue;
        };
        found.push(cells);
        at += taken;
    }
    found.extend(split(&broken));
    found.retain(|cells| cells.iter().any(|cell| !cell.is_empty()));
    found
}

/// The whole line that begins here, and over how many lines of text its cells go.
fn whole(physical: &[&str]) -> Option<(Vec<String>, usize)> {
    let mut text = String::new();
    for (taken, line) in physical.iter().enumerate().take(MOST_LINES) {
        if taken > 0 {
            let another = cells(line).is_some_and(|it| it.len() == HEADING.len());
            if another && has_hash(line) {
                return None;
            }
            text.push('\n');
        }
        text.push_str(line);
        if text.matches('"').count().is_multiple_of(2) {
            let cells = cells(&text)?;
            return (cells.len() == HEADING.len()).then_some((cells, taken + 1));
        }
    }
    None
}

/// The cells of a line that is quoted as it must be.
fn cells(line: &str) -> Option<Vec<String>> {
    let (mut cells, mut rest) = (Vec::new(), line.strip_suffix('\r').unwrap_or(line));
    loop {
        let cell_end;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut cell = String::new();
            let mut inner = quoted;
            loop {
                let (piece, after) = inner.split_once('"')?;
                cell.push_str(piece);
                let Some(more) = after.strip_prefix('"') else {
                    cell_end = after;
                    break;
                };
                cell.push('"');
                inner = more;
            }
            cells.push(cell);
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (cell, after) = rest.split_at(end);
            if cell.contains('\n') {
                return None;
            }
            cells.push(cell.to_owned());
            cell_end = after;
        }
        if cell_end.is_empty() {
            return Some(cells);
        }
        rest = cell_end.strip_prefix(',')?;
    }
}

/// What is no whole line, as cells; two lines between which the break was damaged are two.
fn split(broken: &str) -> Vec<Vec<String>> {
    let line = broken.trim_end_matches('\n');
    if line.is_empty() {
        return Vec::new();
    }
    let found = cells(line).unwrap_or_else(|| delimited(line, ',').concat());
    let last = HEADING.len() - 1;
    if found.len() == HEADING.len() + last
        && let Some(joint) = found.get(last)
    {
        let time = |at: &usize| {
            let tail = joint.get(*at..).unwrap_or_default();
            *at > 0 && chrono::DateTime::parse_from_rfc3339(tail).is_ok()
        };
        if let Some(at) = (0..joint.len()).find(time) {
            let (end, start) = joint.split_at(at);
            let mut first = found.get(..last).unwrap_or_default().to_vec();
            first.push(end.to_owned());
            let mut second = vec![start.to_owned()];
            second.extend(found.iter().skip(last + 1).cloned());
            return vec![first, second];
        }
    }
    vec![found]
}

fn has_hash(text: &str) -> bool {
    let mut words = text.split(|sign: char| !sign.is_ascii_hexdigit());
    words.any(|word| word.len() == 64)
}

/// Over how many lines of text a cell may go.
const MOST_LINES: usize = 1_000;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_entry_ends_where_the_next_one_begins() {
        let row = |record: &str| {
            format!(
                r#"{{"record":"{record}","start":"1","end":"2","parts":[{{"code":"a","value":"b"}}]}}"#
            )
        };
        let honest = format!("[{},{},{}]", row("x"), row("y"), row("z"));
        let (rows, told) = entries(&honest);
        assert_eq!((rows.len(), told), (3, true));
        for at in honest.find(r#"{"record":"y"#).unwrap()..honest.find(r#",{"record":"z"#).unwrap()
        {
            for bit in 0..7 {
                let mut bytes = honest.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let text = String::from_utf8(bytes).unwrap();
                let (found, told) = entries(&text);
                assert!(told, "{text}");
                assert_eq!(found.len(), 3, "{text}");
                assert_eq!((&found[0], &found[2]), (&rows[0], &rows[2]), "{text}");
            }
        }
        for text in [honest.replace('[', "("), "{".to_owned()] {
            assert!(!entries(&text).1, "{text}");
        }
    }

    #[test]
    fn a_row_that_says_something_twice_is_none() {
        let row = |parts: &str| {
            format!(r#"{{"record":"x","start":"1","end":"2","parts":[{{"code":"a",{parts}}}]}}"#)
        };
        let text = format!(
            "[{},{}]",
            row(r#""value":"162","value":"62""#),
            row(r#""value":"63""#)
        );
        let (found, told) = entries(&text);
        assert!(told);
        assert!(
            matches!(&found[..], [Entry::Broken(_), Entry::Row(_)]),
            "{found:?}"
        );
    }

    #[test]
    fn a_damaged_line_takes_no_other_one_with_it() {
        let line = |at: char, note: &str| {
            format!(
                "2026-01-0{at}T08:00:00+00:00,,a,b,1,c,d,e,{note},{},f,g\n",
                String::from(at).repeat(64)
            )
        };
        let honest = [
            line('1', ""),
            line('2', "\"two\nlines, \"\"\""),
            line('3', ""),
        ];
        let whole = lines(&honest.concat());
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[1][8], "two\nlines, \"");
        for (at, _) in honest[1].char_indices() {
            for bit in 0..7 {
                let mut bytes = honest[1].clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let damaged = String::from_utf8(bytes).unwrap();
                let found = lines(&[&honest[0], damaged.as_str(), &honest[2]].concat());
                assert_eq!(found.first(), whole.first(), "{damaged:?}");
                assert_eq!(found.last(), whole.last(), "{damaged:?}");
                assert_ne!(found, whole, "{damaged:?}");
            }
        }
    }
}

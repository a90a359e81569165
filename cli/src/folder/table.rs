//! `records.csv`: as it is written, and compared line by line with what it must say.

use super::proven::{Proven, key_of};
use super::row::{self, BESIDE, Held, Word};
use super::tie::Known;
use super::{CSV, Compared, How, NO_ROW, Place, Sheet, text};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The first line of `records.csv`.
pub(crate) const HEADING: [&str; 12] = [
    "start", "end", "code", "name", "value", "unit", "origin", "state", "note", "record",
    "receipt", "row",
];
const CODE: usize = 2;
const RECORD: usize = 9;

/// The cells of a row of `records.json` as lines of `records.csv`: one for each part.
pub(crate) fn lines_of(row: &Map<String, Value>) -> Vec<Vec<String>> {
    let parts = row.get("parts").and_then(Value::as_array);
    let line = |part: &Value| {
        HEADING
            .iter()
            .map(|name| match *name {
                "code" | "name" | "value" | "unit" => {
                    safe(part[*name].as_str().unwrap_or_default())
                }
                name => safe(&text(row, name)),
            })
            .collect()
    };
    parts.into_iter().flatten().map(line).collect()
}

/// A spreadsheet takes no cell for a formula.
fn safe(text: &str) -> String {
    let number = text
        .parse::<vitalwitness_domain::decimal::Decimal>()
        .is_ok();
    if !number && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

impl Sheet {
    /// Compares `records.csv`; `told`: with what `records.json` says where there is no receipt.
    pub(super) fn take_csv(
        &mut self,
        lines: &[Vec<String>],
        known: &Known,
        told: bool,
        compared: &mut Compared,
    ) {
        let named = self.named(lines, known);
        let mut lines = (1..).zip(lines.iter().zip(&named)).peekable();
        if let Some((row, _)) = lines.next_if(|(_, (heading, _))| *heading != &HEADING) {
            let heading = Place {
                record: String::new(),
                key: (0, String::new()),
                row,
            };
            let fields = vec!["the heading".to_owned()];
            let changed = heading.is(How::Changed, CSV, fields);
            compared.differences.push(changed);
        } else {
            lines.next();
        }
        let mut places = Vec::new();
        while let Some((row, (first, record))) = lines.next() {
            let cell = |at: usize| first.get(at).cloned().unwrap_or_default();
            let key = match known.key(record) {
                Some(key) if first.len() != HEADING.len() => key.clone(),
                _ => key_of(&cell(0), record),
            };
            let place = Place {
                key,
                record: record.clone(),
                row,
            };
            let mut held = Held::default();
            if !told {
                compared.rows += 1;
                if self.proven.contains_key(&place.record) {
                    compared.vouched += 1;
                } else {
                    let cells = HEADING.iter().zip(first);
                    let said = cells.map(|(name, cell)| ((*name).to_owned(), cell.as_str().into()));
                    held = self.unvouched(&place, &said.collect(), compared);
                }
            }
            let must = self.lines_for(&place.record, first);
            self.hold_line(&place.record, must.first(), first, &mut held);
            for must in must.iter().skip(1) {
                match lines.next_if(|(_, (_, record))| **record == place.record) {
                    Some((_, (line, _))) => {
                        self.hold_line(&place.record, Some(must), line, &mut held);
                    }
                    None => held.take("a line of it is missing", Word::Wrong),
                }
            }
            place.tell(held, CSV, compared);
            places.push(place);
        }
        self.order(&places, CSV, compared);
    }

    /// The record of each line: the one it says, or, where that is none, the one it points to.
    fn named(&self, lines: &[Vec<String>], known: &Known) -> Vec<String> {
        let own = |cells: &Vec<String>| match pointed(cells) {
            Some((_, record, _)) => record.to_owned(),
            None => String::new(),
        };
        let mut here: HashMap<String, usize> = HashMap::new();
        for record in lines.iter().map(own) {
            *here.entry(record).or_default() += 1;
        }
        let mut named = Vec::with_capacity(lines.len());
        for (at, cells) in lines.iter().enumerate() {
            let own = own(cells);
            let heading = at == 0;
            if heading || known.has(&own) {
                named.push(own);
                continue;
            }
            let lacks = |record: &str| {
                let must = self.lines_for(record, &[]).len().max(1);
                here.get(record).copied().unwrap_or_default() < must
            };
            let record = known.told_by(&cells.join(","), lacks).unwrap_or(own);
            *here.entry(record.clone()).or_default() += 1;
            named.push(record);
        }
        named
    }

    fn hold_line(
        &self,
        record: &str,
        must: Option<&Vec<String>>,
        line: &[String],
        held: &mut Held,
    ) {
        if line.len() != HEADING.len() {
            if !record.is_empty() {
                held.take(NO_ROW, Word::Wrong);
            }
            return;
        }
        self.compare_beside(record, line, held);
        compare_line(must, line, held);
        if line.get(RECORD).is_some_and(|said| said != record) {
            held.take("record", Word::Wrong);
        }
    }

    /// Holds what a line says beside its record against the receipts.
    fn compare_beside(&self, record: &str, line: &[String], held: &mut Held) {
        let Some(proven) = self.proven.get(record) else {
            return;
        };
        for field in BESIDE {
            let cell = HEADING.iter().position(|it| *it == field);
            let cell = cell.and_then(|at| line.get(at)).cloned();
            let none = field == "receipt" && cell.as_deref() == Some("");
            let said = cell.filter(|_| !none).map_or(Value::Null, Value::from);
            let word = match &said {
                // `list` knows no deliveries
                Value::String(id) if field == "row" && id.is_empty() && self.fetched.is_none() => {
                    Word::Same
                }
                said => self.beside(proven, field, said, held),
            };
            held.take(field, word);
        }
    }

    /// The lines of a record, or none where nothing is known of it.
    fn lines_for(&self, record: &str, first: &[String]) -> Vec<Vec<String>> {
        match (self.proven.get(record), self.said.get(record)) {
            (Some(proven), said) => {
                let cells = HEADING.iter().zip(first);
                let own = cells.filter(|(name, _)| BESIDE.contains(name));
                let own = own.map(|(name, cell)| ((*name).to_owned(), Value::from(cell.clone())));
                let mut beside: Map<String, Value> = own.collect();
                // what records.json says wrongly is named there
                for field in BESIDE {
                    let said = said.and_then(|said| said.get(field));
                    let holds = |said: &&Value| {
                        self.beside(proven, field, said, &mut Held::default()) == Word::Same
                    };
                    let said = said.filter(holds).cloned();
                    beside.extend(said.map(|said| (field.to_owned(), said)));
                }
                lines_of(&must(proven, &beside))
            }
            (None, Some(said)) => lines_of(said),
            (None, None) => Vec::new(),
        }
    }

    /// A record may have no part to write.
    pub(super) fn has_lines(&self, record: &str) -> bool {
        let row = self.proven.get(record).map(|proven| &proven.row);
        let row = row.or_else(|| self.said.get(record));
        row.is_none_or(|row| !lines_of(row).is_empty())
    }
}

/// Start, record and delivery id of a line that has all its cells.
pub(super) fn pointed(cells: &[String]) -> Option<(&str, &str, &str)> {
    let cell = |at: usize| cells.get(at).map(String::as_str);
    let whole = cells.len() == HEADING.len();
    let found = cell(0).zip(cell(RECORD)).zip(cell(HEADING.len() - 1));
    found
        .filter(|_| whole)
        .map(|((start, record), id)| (start, record, id))
}

/// The row as `fetch` writes it from the record that its receipt proves, and as `beside` says.
fn must(proven: &Proven, beside: &Map<String, Value>) -> Map<String, Value> {
    let mut row = proven.row.clone();
    row.extend(beside.clone());
    row
}

fn compare_line(must: Option<&Vec<String>>, line: &[String], held: &mut Held) {
    let Some(must) = must else { return };
    let code = must.get(CODE).map(String::as_str).unwrap_or_default();
    for (at, field) in HEADING.iter().enumerate() {
        let word = match (must.get(at), line.get(at)) {
            (must, said) if must == said => Word::Same,
            (Some(must), Some(said)) if *field == "name" => row::name(code, must, said),
            (Some(must), Some(said)) if *field == "origin" => row::origin(must, said),
            _ => Word::Wrong,
        };
        held.take(field, word);
    }
}

/// A line of a CSV: quoted where it must be.
pub(crate) fn joined(cells: &[String]) -> String {
    let quoted: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    quoted.join(",")
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_and_never_a_formula() {
        for (text, cell) in [
            ("62", "62"),
            ("-3.5", "-3.5"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("=cmd()", "'=cmd()"),
            ("-a", "'-a"),
            ("@x,y", "\"'@x,y\""),
        ] {
            assert_eq!(joined(&[safe(text)]), cell);
        }
    }
}

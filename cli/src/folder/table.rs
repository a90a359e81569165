//! `records.csv`: as it is written, and compared line by line with what it must say.

use super::proven::key_of;
use super::{CSV, Compared, How, Place, Sheet, text};
use serde_json::{Map, Value};
use vitalwitness_domain::tracing::delimited;

/// The first line of `records.csv`.
pub(crate) const HEADING: [&str; 12] = [
    "start", "end", "code", "name", "value", "unit", "origin", "state", "note", "record",
    "receipt", "row",
];
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
    pub(super) fn take_csv(&mut self, text: &str, told: bool, compared: &mut Compared) {
        let lines = delimited(text.trim_start_matches('\u{feff}'), ',');
        let mut lines = (1..).zip(lines.iter()).peekable();
        if let Some((row, _)) = lines.next_if(|(_, heading)| *heading != &HEADING) {
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
        while let Some((row, first)) = lines.next() {
            let cell = |at: usize| first.get(at).cloned().unwrap_or_default();
            let record = cell(RECORD);
            let place = Place {
                key: key_of(&cell(0), &record),
                record,
                row,
            };
            if !told {
                compared.rows += 1;
                let proven = self.proven.contains_key(&place.record);
                compared.vouched += u64::from(proven);
                if !proven && self.may_lack(&place, &cell(RECORD + 1)) {
                    self.lacks(&place);
                }
            }
            let must = self.lines_for(&place.record, first);
            let mut fields = Vec::new();
            compare_line(must.first(), first, &mut fields);
            let more = |line: &Vec<String>| line.get(RECORD) == Some(&place.record);
            for must in must.iter().skip(1) {
                match lines.next_if(|(_, line)| more(line)) {
                    Some((_, line)) => compare_line(Some(must), line, &mut fields),
                    None => fields.push("a line of it is missing".to_owned()),
                }
            }
            fields.dedup();
            if !fields.is_empty() {
                let changed = place.is(How::Changed, CSV, fields);
                compared.differences.push(changed);
            }
            places.push(place);
        }
        self.order(&places, CSV, compared);
    }

    /// The lines of a record, or none where nothing is known of it.
    fn lines_for(&self, record: &str, first: &[String]) -> Vec<Vec<String>> {
        let said = self.said.get(record);
        match (self.proven.get(record), said) {
            (Some(proven), Some(said)) => lines_of(&self.must(proven, said)),
            (Some(proven), None) => {
                let cells = HEADING.iter().zip(first);
                let own = cells.filter(|(name, _)| ["state", "receipt", "row"].contains(name));
                let own = own.map(|(name, cell)| ((*name).to_owned(), Value::from(cell.clone())));
                lines_of(&self.must(proven, &own.collect()))
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

fn compare_line(must: Option<&Vec<String>>, line: &[String], fields: &mut Vec<String>) {
    let Some(must) = must else { return };
    for (at, name) in HEADING.iter().enumerate() {
        if must.get(at) != line.get(at) {
            fields.push((*name).to_owned());
        }
    }
    if line.len() > HEADING.len() {
        fields.push("a cell too many".to_owned());
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

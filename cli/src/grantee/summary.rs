//! `report`: what was fetched, in numbers, and every row of it held against the receipts beside it.
//!
//! Reads the directory that `fetch` wrote and nothing else: no socket, no keys.

use crate::console::{Console, Tone};
use crate::disclosed::{grade_words, printable};
use crate::folder::{self, Fetched};
use crate::naming;
use crate::outcome::{Exit, Outcome};
use crate::wording;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::PathBuf;
use vitalwitness_domain::decimal::Decimal;

/// Sum up what was fetched, and check every receipt of it again.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Summary {
    /// The directory that `fetch` wrote.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness report ward-7
  vitalwitness report ward-7 --json

Every row of records.json and records.csv is compared with the receipts beside them; changed,
missing, added and re-ordered records are named, as is a damaged file. Rows that were fetched
without a receipt are counted: nothing here vouches for them.

Exit codes:
  0  nothing differs: every row that has a receipt says what is sealed
  1  something is changed, missing, added or damaged
  2  DIR is no folder that `fetch` wrote
  3  cannot tell: a receipt that nobody in trust.json stands behind, no receipt at all, other words

Needs no connection and no key. Rows that are not shown and rows that were never measured look
the same: do not read anything into a gap.";

#[derive(Deserialize)]
struct Row {
    start: String,
    state: String,
    grade: u8,
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    code: String,
    name: String,
    value: String,
    unit: String,
}

/// One code in one unit.
#[derive(Default)]
struct Line {
    name: String,
    count: u64,
    numbers: u64,
    least: Option<Decimal>,
    greatest: Option<Decimal>,
    total: Option<(i128, i8)>,
    first: String,
    last: String,
    grades: BTreeMap<u8, u64>,
}

/// Runs it.
pub(crate) fn run(args: &Summary, console: &Console) -> Outcome<Exit> {
    let fetched = folder::fetched(&args.dir)?;
    let rows = fetched.rows.iter().cloned().map(Value::from);
    // a row that cannot be read is named below
    let rows = rows.filter_map(|row| serde_json::from_value::<Row>(row).ok());
    let mut lines: BTreeMap<(String, String), Line> = BTreeMap::new();
    for row in rows.filter(|row| row.state == "current") {
        for part in &row.parts {
            lines
                .entry((part.code.clone(), part.unit.clone()))
                .or_default()
                .take(&row, part);
        }
    }
    if console.json() {
        console.value(&to_json(&lines, &fetched));
    } else {
        show(console, &lines, &fetched);
    }
    Ok(fetched.verdict())
}

impl Line {
    fn take(&mut self, row: &Row, part: &Part) {
        if self.count == 0 {
            self.name.clone_from(&part.name);
            self.first.clone_from(&row.start);
        }
        self.count += 1;
        self.last.clone_from(&row.start);
        *self.grades.entry(row.grade).or_default() += 1;
        let Ok(number) = part.value.parse::<Decimal>() else {
            return;
        };
        let first = self.numbers == 0;
        self.numbers += 1;
        if self
            .least
            .is_none_or(|least| number.compare(least) == Ordering::Less)
        {
            self.least = Some(number);
        }
        if self
            .greatest
            .is_none_or(|most| number.compare(most) == Ordering::Greater)
        {
            self.greatest = Some(number);
        }
        let so_far = if first { Some((0, 0)) } else { self.total };
        self.total = so_far.and_then(|total| add(total, number));
    }

    /// The mean with one more place than the finest value.
    fn mean(&self) -> Option<Decimal> {
        let (total, exponent) = self.total.filter(|_| self.numbers > 0)?;
        let count = i128::from(self.numbers);
        let scaled = total.checked_mul(10)?;
        let (whole, rest) = (scaled.div_euclid(count), scaled.rem_euclid(count));
        let up = match (rest * 2).cmp(&count) {
            Ordering::Less => 0,
            Ordering::Equal => whole & 1,
            Ordering::Greater => 1,
        };
        let mantissa = i64::try_from(whole + up).ok()?;
        Decimal::new(mantissa, exponent.checked_sub(1)?).ok()
    }
}

/// Adds in units of the finer of both exponents.
fn add((total, exponent): (i128, i8), number: Decimal) -> Option<(i128, i8)> {
    let fine = exponent.min(number.exponent());
    let scale = |value: i128, from: i8| {
        let power = 10_i128.checked_pow(u32::from(from.abs_diff(fine)))?;
        value.checked_mul(power)
    };
    let sum = scale(total, exponent)?
        .checked_add(scale(i128::from(number.mantissa()), number.exponent())?)?;
    Some((sum, fine))
}

fn to_json(lines: &BTreeMap<(String, String), Line>, fetched: &Fetched) -> Value {
    let codes: Vec<Value> = lines
        .iter()
        .map(|((code, unit), line)| {
            json!({
                "code": code,
                "name": line.name,
                "unit": unit,
                "count": line.count,
                "min": line.least.map(|it| it.to_string()),
                "max": line.greatest.map(|it| it.to_string()),
                "mean": line.mean().map(|it| it.to_string()),
                "first": line.first,
                "last": line.last,
                "grades": line.grades,
            })
        })
        .collect();
    let mut value = folder::to_json(&fetched.compared);
    value["verdict"] = fetched.word().into();
    value["fetched"] = fetched.summary.clone();
    value["codes"] = codes.into();
    value
}

fn show(console: &Console, lines: &BTreeMap<(String, String), Line>, fetched: &Fetched) {
    let said = |value: &Value| printable(value.as_str().unwrap_or_default());
    let (exit, compared) = (fetched.verdict(), &fetched.compared);
    let fetched_word = fetched.word();
    let fetched = &fetched.summary;
    if fetched_word == "nothing_differs" {
        let word = console.paint(Tone::Seal, "Nothing differs");
        console.line(format!(
            "{word}: {} of {} were compared with their receipts; the others were fetched without one.",
            wording::thousands(compared.vouched),
            wording::count(compared.rows, "record", "records"),
        ));
        console.gap();
    }
    if exit == Exit::CannotTell && compared.rows > 0 {
        let word = console.paint(Tone::Strong, "Cannot tell");
        console.line(format!(
            "{word}: for some or all of it no receipt here says what is true."
        ));
        console.gap();
    }
    if exit == Exit::NotValid {
        let word = console.paint(Tone::Stop, "Changed");
        console.line(format!(
            "{word}: not what was fetched. The numbers below are of the changed files, as far as \
             they can be read; what differs is named at the end."
        ));
        console.gap();
    }
    if fetched.is_object() {
        console.heading(&format!(
            "What {} was allowed to see",
            said(&fetched["organisation"])
        ));
        console.fact("Reason", said(&fetched["grant"]["purpose"]));
    } else {
        console.heading("What was fetched");
    }
    if let Some(items) = fetched["grant"]["scope"].as_array() {
        for item in items {
            let names = match item["codes"].as_array() {
                Some(codes) => codes
                    .iter()
                    .map(|code| naming::of_code(code.as_str().unwrap_or_default()))
                    .collect::<Vec<_>>()
                    .join(", "),
                None => format!("everything in {}", said(&item["category"])),
            };
            console.fact(
                "May see",
                format!("{names}, {} to {}", said(&item["from"]), said(&item["to"])),
            );
        }
    }
    if let Some(expiry) = fetched["grant"]["expiry"].as_i64() {
        console.fact("Until", wording::utc(expiry));
    }
    console.gap();
    for ((_, unit), line) in lines {
        console.heading(&printable(&line.name));
        console.fact("Records", wording::thousands(line.count));
        let unit = printable(naming::of_unit(unit));
        if let (Some(least), Some(greatest), Some(mean)) = (line.least, line.greatest, line.mean())
        {
            console.fact("Range", format!("{least} to {greatest} {unit}"));
            console.fact("Mean", format!("{mean} {unit}"));
        }
        console.fact("From", printable(&line.first));
        console.fact("To", printable(&line.last));
        for (grade, count) in &line.grades {
            let words = grade_words(i64::from(*grade)).unwrap_or("Of unknown origin");
            console.fact(
                "Came from",
                format!("{words}: {}", wording::thousands(*count)),
            );
        }
    }
    if lines.is_empty() {
        console.line("No records.");
    }
    console.gap();
    folder::show(console, compared);
    console.line("Rows not shown and rows never measured look the same here.");
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    fn line_of(values: &[&str]) -> Line {
        let mut line = Line::default();
        for value in values {
            let part = Part {
                code: "c".into(),
                name: "n".into(),
                value: (*value).into(),
                unit: "u".into(),
            };
            let row = Row {
                start: "s".into(),
                state: "current".into(),
                grade: 0,
                parts: Vec::new(),
            };
            line.take(&row, &part);
        }
        line
    }

    #[test]
    fn a_mean_has_one_more_place_than_the_finest_value() {
        for (values, mean) in [
            (vec!["62", "63"], "62.5"),
            (vec!["6.10", "6.1", "6.3"], "6.167"),
            (vec!["-1", "-2"], "-1.5"),
            (vec!["0.05", "0.06"], "0.055"),
        ] {
            assert_eq!(
                line_of(&values).mean().unwrap().to_string(),
                mean,
                "{values:?}"
            );
        }
        assert!(line_of(&["well"]).mean().is_none());
    }

    #[test]
    fn least_and_greatest_go_by_size() {
        let line = line_of(&["10", "9.5", "9.50", "100"]);
        assert_eq!(line.least.unwrap().to_string(), "9.5");
        assert_eq!(line.greatest.unwrap().to_string(), "100");
        assert_eq!((line.count, line.numbers), (4, 4));
    }
}

//! A folder of receipts and the tables beside them: does every row say what its receipt proves?
//!
//! `records.json` and `records.csv` are compared with the receipts by walking one tree over what is
//! sealed and one over what is written, so that exactly the changed, missing, added and re-ordered
//! records are named. Reads nothing but the folder.

mod proven;
mod row;
mod table;
mod told;

pub(crate) use table::{HEADING, joined, lines_of};
pub(crate) use told::{show, to_json};

use crate::outcome::{Exit, Failure, Outcome};
use proven::{Key, Proven, key_of};
use row::Held;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use vitalwitness_domain::export::foreign::without_mark;
use vitalwitness_proof::locate::locate;
use vitalwitness_proof::merkle::Tree;
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::{Rejection, sha256};

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    /// It says something else than its receipt, or its receipt does not hold.
    Changed,
    /// It says what is sealed in words of another program: not changed, and not the same.
    Worded,
    /// It says what no receipt here proves or disproves.
    Unproven,
    /// There is a receipt, and no row.
    Missing,
    /// There is a row, and no receipt where one must be.
    Added,
    /// It stands at another place than its time says.
    Moved,
}

/// One row that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    how: How,
    /// Record hash, as far as the row says one.
    record: String,
    file: &'static str,
    /// As a text editor or a spreadsheet counts; the heading of a CSV is row 1.
    row: Option<usize>,
    /// The columns that differ.
    fields: Vec<String>,
}

/// What comparing a folder gave.
#[derive(Default)]
pub(crate) struct Compared {
    /// Receipts that hold.
    pub(crate) held: u64,
    /// Those among them that show no whole record.
    pub(crate) partial: u64,
    /// Names of receipt files that do not hold.
    pub(crate) broken: Vec<String>,
    /// Names of those of which nothing can be told with this trust file, and why.
    pub(crate) unclear: Vec<(String, Rejection)>,
    /// Rows compared, those of `records.json` if it is there.
    pub(crate) rows: u64,
    /// Rows that a receipt of their own stands behind.
    pub(crate) vouched: u64,
    /// What differs, and what cannot be told.
    pub(crate) differences: Vec<Difference>,
    /// What `fetch.json` counts otherwise, in words: `Missing` or `Added`.
    pub(crate) counts: Vec<(How, String)>,
}

impl Compared {
    /// `NotValid`: something differs. `Done`: every row has a receipt that holds, and says what is
    /// sealed. `CannotTell`: anything between.
    pub(crate) fn verdict(&self) -> Exit {
        let told = self.differences.iter().all(|it| it.how.is_open());
        if !(self.broken.is_empty() && told && self.counts.is_empty()) {
            return Exit::NotValid;
        }
        let vouched = self.held > 0 && self.rows == self.vouched;
        if vouched && self.unclear.is_empty() && self.differences.is_empty() {
            Exit::Done
        } else {
            Exit::CannotTell
        }
    }
}

impl How {
    /// Whether it is neither changed nor unchanged.
    fn is_open(self) -> bool {
        matches!(self, Self::Worded | Self::Unproven)
    }
}

/// Compares the folder with the receipts in it.
pub(crate) fn compare(dir: &Path, trust: &Trust) -> Outcome<Compared> {
    let receipts = proven::read(dir, trust)?;
    let mut compared = Compared {
        held: receipts.held,
        partial: receipts.partial,
        broken: receipts.broken,
        unclear: receipts.unclear,
        ..Compared::default()
    };
    let fetched = optional(dir, "fetch.json")?
        .map(|text| parse::<Value>(dir, "fetch.json", &text))
        .transpose()?;
    let json = optional(dir, JSON)?
        .map(|text| parse::<Vec<Map<String, Value>>>(dir, JSON, &text))
        .transpose()?;
    let csv = optional(dir, CSV)?;
    let receipts_here = compared.held > 0 || !compared.broken.is_empty();
    if json.is_none() && csv.is_none() && !receipts_here && compared.unclear.is_empty() {
        return Err(Failure::usage(
            "no_receipts",
            format!("{} holds no receipt (.vwr) and no table.", dir.display()),
        ));
    }
    let mut sheet = Sheet::new(receipts.proven, fetched.as_ref());
    if let Some(rows) = &json {
        sheet.take_json(rows, &mut compared);
    }
    if let Some(text) = &csv {
        sheet.take_csv(text, json.is_some(), &mut compared);
    }
    sheet.count(&mut compared);
    compared.differences.sort_by_key(|it| (it.how, it.row));
    Ok(compared)
}

/// What each row must say: from its receipt, or, where it has none, from `records.json`.
struct Sheet {
    proven: BTreeMap<String, Proven>,
    /// Records that proven ones replace or take back: what their rows say then, and by which.
    corrected: HashMap<String, BTreeMap<&'static str, BTreeSet<String>>>,
    /// Written by `fetch`: the newest rows have receipts, in order of time.
    fetched: Option<Counts>,
    /// What `records.json` says of rows without a receipt, and of the ids of all rows.
    said: HashMap<String, Map<String, Value>>,
    /// Rows that may be without a receipt, once each.
    lacking: BTreeMap<String, Key>,
}

/// What `fetch.json` counts. Nobody signs it.
#[derive(Clone, Copy)]
struct Counts {
    records: u64,
    receipts: u64,
}

/// One row of one of both files.
struct Place {
    record: String,
    key: Key,
    row: usize,
}

impl Sheet {
    fn new(proven: BTreeMap<String, Proven>, fetched: Option<&Value>) -> Self {
        let mut corrected: HashMap<_, BTreeMap<_, BTreeSet<_>>> = HashMap::new();
        for (by, it) in &proven {
            for (record, how) in it.corrects() {
                let how = corrected.entry(record).or_default().entry(how);
                how.or_default().insert(by.clone());
            }
        }
        let count = |name: &str| fetched.and_then(|it| it[name].as_u64());
        let fetched = count("records").zip(count("receipts"));
        Self {
            proven,
            corrected,
            fetched: fetched.map(|(records, receipts)| Counts { records, receipts }),
            said: HashMap::new(),
            lacking: BTreeMap::new(),
        }
    }

    fn take_json(&mut self, rows: &[Map<String, Value>], compared: &mut Compared) {
        let mut places = Vec::new();
        for (row, said) in (1..).zip(rows) {
            compared.rows += 1;
            let record = text(said, "record");
            let place = Place {
                key: key_of(&text(said, "start"), &record),
                record,
                row,
            };
            let held = match self.proven.get(&place.record) {
                Some(proven) => {
                    compared.vouched += 1;
                    self.hold(proven, said)
                }
                None => Held {
                    changed: self.unvouched(&place, said, compared),
                    ..Held::default()
                },
            };
            place.tell(held, JSON, compared);
            self.said.insert(place.record.clone(), said.clone());
            places.push(place);
        }
        self.order(&places, JSON, compared);
    }

    /// A row without a receipt that holds: which of its columns are wrong in any case.
    fn unvouched(
        &mut self,
        place: &Place,
        said: &Map<String, Value>,
        compared: &Compared,
    ) -> Vec<String> {
        let named = text(said, "receipt");
        if compared.broken.contains(&named) {
            self.lacks(place);
            return vec!["receipt".to_owned()];
        }
        if compared.unclear.iter().any(|(name, _)| *name == named) {
            self.lacks(place);
            return Vec::new();
        }
        if self.may_lack(place, &named) {
            self.lacks(place);
            let Some(states) = self.corrected.get(&place.record) else {
                return Vec::new();
            };
            let state = text(said, "state");
            let wrong = self.fetched.is_some() || state == "current";
            let wrong = wrong && !states.contains_key(state.as_str());
            return wrong.then(|| "state".to_owned()).into_iter().collect();
        }
        Vec::new()
    }

    fn lacks(&mut self, place: &Place) {
        self.lacking.insert(place.record.clone(), place.key.clone());
    }

    /// Whether a row may be without a receipt: `fetch` gives them to the newest rows first.
    fn may_lack(&self, place: &Place, named: &str) -> bool {
        if !named.is_empty() {
            return false;
        }
        let Some(counts) = self.fetched else {
            return true;
        };
        let oldest = self.proven.values().map(|proven| &proven.key).min();
        counts.receipts < counts.records && oldest.is_none_or(|oldest| place.key < *oldest)
    }

    fn unproven_at_most(&self) -> u64 {
        self.fetched
            .map_or(0, |counts| counts.records.saturating_sub(counts.receipts))
    }

    /// Compares which rows there are and in which order.
    fn order(&self, places: &[Place], file: &'static str, compared: &mut Compared) {
        let proven = self.proven.iter().map(|(record, it)| (record, &it.key));
        let mut sealed: Vec<(Key, &str)> = proven
            .chain(&self.lacking)
            .filter(|(record, _)| file == JSON || self.has_lines(record))
            .map(|(record, key)| (key.clone(), record.as_str()))
            .collect();
        sealed.sort();
        let newest_first = match (places.first(), places.last()) {
            (Some(first), Some(last)) => self.fetched.is_none() && first.key > last.key,
            _ => false,
        };
        if newest_first {
            sealed.reverse();
        }
        let leaf = |record: &str| sha256(&[record.as_bytes()]);
        let now: Vec<_> = places.iter().map(|it| leaf(&it.record)).collect();
        let old: Vec<_> = sealed.iter().map(|(_, record)| leaf(record)).collect();
        let found = locate(&Tree::of_leaves(&old), &Tree::of_leaves(&now));
        let replaced = found.changed;
        let gone = replaced.iter().map(|(leaf, _)| leaf).chain(&found.missing);
        for (_, record) in gone.filter_map(|leaf| sealed.get(*leaf)) {
            compared.differences.push(Difference {
                how: How::Missing,
                record: (*record).to_owned(),
                file,
                row: None,
                fields: Vec::new(),
            });
        }
        let fresh = replaced.iter().map(|(_, place)| place).chain(&found.added);
        let fresh = fresh.map(|place| (How::Added, place));
        let moved = found.moved.iter().map(|(_, place)| (How::Moved, place));
        for (how, place) in fresh.chain(moved) {
            let place = places.get(*place);
            compared
                .differences
                .extend(place.map(|place| place.is(how, file, Vec::new())));
        }
    }

    /// `fetch.json` counts rows and receipts: what is gone or added without a trace otherwise.
    fn count(&self, compared: &mut Compared) {
        let Some(counts) = self.fetched else { return };
        let here = compared.held + (compared.broken.len() + compared.unclear.len()) as u64;
        let mut tell = |how, counted: u64, what: &str, here: u64| {
            let line = format!("fetch.json counts {counted} {what}; {here} are here.");
            compared.counts.push((how, line));
        };
        if here < counts.receipts {
            tell(How::Missing, counts.receipts, "receipts", here);
        }
        if compared.rows == 0 {
            return;
        }
        let named = |how| compared.differences.iter().any(|it| it.how == how);
        let (missing, added) = (named(How::Missing), named(How::Added));
        let (lacking, rows) = (self.unproven_at_most(), self.lacking.len() as u64);
        if rows < lacking {
            tell(How::Missing, lacking, "rows without a receipt", rows);
        } else if compared.rows < counts.records && !missing {
            tell(How::Missing, counts.records, "records", compared.rows);
        }
        if compared.rows > counts.records && !added {
            tell(How::Added, counts.records, "records", compared.rows);
        }
    }
}

impl Place {
    fn is(&self, how: How, file: &'static str, fields: Vec<String>) -> Difference {
        Difference {
            how,
            record: self.record.clone(),
            file,
            row: Some(self.row),
            fields,
        }
    }

    fn tell(&self, held: Held, file: &'static str, compared: &mut Compared) {
        for (how, fields) in [
            (How::Changed, held.changed),
            (How::Worded, held.worded),
            (How::Unproven, held.unproven),
        ] {
            if !fields.is_empty() {
                compared.differences.push(self.is(how, file, fields));
            }
        }
    }
}

fn text(row: &Map<String, Value>, name: &str) -> String {
    let value = row.get(name).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

fn optional(dir: &Path, name: &str) -> Outcome<Option<String>> {
    let path = dir.join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::unreadable(&path.display().to_string(), &error)),
    }
}

fn parse<T: serde::de::DeserializeOwned>(dir: &Path, name: &str, text: &str) -> Outcome<T> {
    serde_json::from_str(without_mark(text)).map_err(|_| {
        Failure::usage(
            "not_fetched",
            format!("{} is not what `fetch` wrote.", dir.join(name).display()),
        )
    })
}

const JSON: &str = "records.json";
const CSV: &str = "records.csv";

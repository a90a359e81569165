//! A folder of receipts and the tables beside them: does every row say what its receipt proves?
//!
//! `records.json` and `records.csv` are compared with the receipts by walking one tree over what is
//! sealed and one over what is written, so that exactly the changed, missing, added and re-ordered
//! records are named. Reads nothing but the folder.

mod fetched;
mod once;
mod proven;
mod read;
mod row;
mod table;
mod tie;
mod told;

pub(crate) use fetched::{Fetched, fetched};
pub(crate) use table::{HEADING, joined, lines_of};
pub(crate) use told::{show, to_json};

use crate::outcome::{Exit, Failure, Outcome};
use once::Once;
use proven::{Key, Proven, key_of};
use read::{Entry, optional};
use row::{Held, Word};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use tie::Known;
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
    /// The receipts of it show a part of the record, and no row is compared with that.
    Partly,
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
    /// The columns that differ; of `Partly` the receipts.
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
    /// The tables that are here.
    pub(crate) tables: Vec<&'static str>,
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
        matches!(self, Self::Worded | Self::Unproven | Self::Partly)
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
    let fetched = optional(dir, FETCH)?;
    let json = optional(dir, JSON)?;
    let csv = optional(dir, CSV)?;
    let receipts_here = compared.held > 0 || !compared.broken.is_empty();
    if json.is_none() && csv.is_none() && !receipts_here && compared.unclear.is_empty() {
        return Err(Failure::usage(
            "no_receipts",
            format!("{} holds no receipt (.vwr) and no table.", dir.display()),
        ));
    }
    let tables = [(JSON, json.is_some()), (CSV, csv.is_some())];
    let tables = tables.into_iter().filter(|(_, here)| *here);
    compared.tables = tables.map(|(name, _)| name).collect();
    if fetched.is_some() && compared.tables.is_empty() {
        let gone = [JSON, CSV].map(Difference::gone);
        compared.differences.extend(gone);
    }
    let counts = fetched.as_deref().and_then(Counts::read);
    if fetched.is_some() && counts.is_none() {
        compared.differences.push(Difference::of_file(FETCH));
    }
    let mut sheet = Sheet::new(receipts.proven, receipts.partly, counts);
    let whole = compared.partial == 0;
    sheet.certain = whole && compared.broken.is_empty() && compared.unclear.is_empty();
    let csv = csv.as_deref().map(read::lines);
    if let Some(text) = &json {
        let (rows, told) = read::entries(text);
        if !told {
            compared.differences.push(Difference::of_file(JSON));
        }
        let known = sheet.known_by_csv(csv.as_deref().unwrap_or_default());
        sheet.take_json(&rows, &known, &mut compared);
    }
    if let Some(lines) = &csv {
        let known = sheet.known_by_json();
        sheet.take_csv(lines, &known, compared.rows > 0, &mut compared);
    }
    sheet.count(json.is_some() || csv.is_some(), &mut compared);
    compared.differences.sort_by_key(|it| (it.how, it.row));
    Ok(compared)
}

/// What each row must say: from its receipt, or, where it has none, from `records.json`.
struct Sheet {
    proven: BTreeMap<String, Proven>,
    /// Names of the receipts of records that none shows whole, by record hash.
    partly: BTreeMap<String, Vec<String>>,
    /// Records that proven ones replace or take back: what their rows say then, and by which.
    corrected: HashMap<String, BTreeMap<&'static str, BTreeSet<String>>>,
    /// Written by `fetch`: the newest rows have receipts, in order of time.
    fetched: Option<Counts>,
    /// What `records.json` says of rows without a receipt, and of the ids of all rows.
    said: HashMap<String, Map<String, Value>>,
    /// Rows that may be without a receipt, once each.
    lacking: BTreeMap<String, Key>,
    /// Whether all receipts hold and show whole records: then what none of them says is not so.
    certain: bool,
}

/// What `fetch.json` counts. Nobody signs it.
#[derive(Clone, Copy)]
struct Counts {
    records: u64,
    receipts: u64,
}

impl Counts {
    fn read(text: &str) -> Option<Self> {
        let Once(said) = serde_json::from_str(text).ok()?;
        Some(Self {
            records: said["records"].as_u64()?,
            receipts: said["receipts"].as_u64()?,
        })
    }
}

/// One row of one of both files.
struct Place {
    record: String,
    key: Key,
    row: usize,
}

impl Sheet {
    fn new(
        proven: BTreeMap<String, Proven>,
        partly: BTreeMap<String, Vec<String>>,
        fetched: Option<Counts>,
    ) -> Self {
        let mut corrected: HashMap<_, BTreeMap<_, BTreeSet<_>>> = HashMap::new();
        for (by, it) in &proven {
            for (record, how) in it.corrects() {
                let how = corrected.entry(record).or_default().entry(how);
                how.or_default().insert(by.clone());
            }
        }
        Self {
            proven,
            partly,
            corrected,
            fetched,
            said: HashMap::new(),
            lacking: BTreeMap::new(),
            certain: true,
        }
    }

    /// The records that rows of `records.json` can be of.
    fn known_by_csv(&self, lines: &[Vec<String>]) -> Known {
        let mut known = Known::of(&self.proven);
        for cells in lines {
            if let Some((start, record, id)) = table::pointed(cells) {
                known.add(record, &key_of(start, record));
                known.hint(id, record);
            }
        }
        known
    }

    /// The records that rows of `records.csv` can be of.
    fn known_by_json(&self) -> Known {
        let mut known = Known::of(&self.proven);
        for (record, said) in &self.said {
            known.add(record, &key_of(&text(said, "start"), record));
            known.hint(&text(said, "row"), record);
        }
        known
    }

    fn take_json(&mut self, rows: &[Entry], known: &Known, compared: &mut Compared) {
        let hash = |row: &Entry| match row {
            Entry::Row(said) => text(said, "record"),
            Entry::Broken(_) => String::new(),
        };
        let mut here: BTreeSet<String> = rows.iter().map(hash).collect();
        let mut places = Vec::new();
        for (row, entry) in (1..).zip(rows) {
            compared.rows += 1;
            let (own, written) = (hash(entry), || match entry {
                Entry::Row(said) => Value::from(said.clone()).to_string(),
                Entry::Broken(text) => text.clone(),
            });
            let told = if known.has(&own) {
                None
            } else {
                known.told_by(&written(), |it| !here.contains(it))
            };
            let record = told.unwrap_or_else(|| own.clone());
            here.insert(record.clone());
            let key = match entry {
                Entry::Row(said) => key_of(&text(said, "start"), &record),
                Entry::Broken(_) => known.key(&record).cloned().unwrap_or_else(|| {
                    // its place is not told either
                    key_of("", &record)
                }),
            };
            let place = Place { record, key, row };
            let mut said = match entry {
                Entry::Row(said) => said.clone(),
                Entry::Broken(_) => Map::new(),
            };
            let broken = matches!(entry, Entry::Broken(_));
            said.insert("record".to_owned(), Value::from(place.record.as_str()));
            let mut held = match self.proven.get(&place.record) {
                Some(proven) => {
                    compared.vouched += 1;
                    if broken {
                        Held::default()
                    } else {
                        self.hold(proven, &said)
                    }
                }
                None => self.unvouched(&place, &said, compared),
            };
            if broken && !place.record.is_empty() {
                held.take(NO_ROW, Word::Wrong);
            } else if own != place.record {
                held.take("record", Word::Wrong);
            }
            place.tell(held, JSON, compared);
            if !broken {
                self.said.insert(place.record.clone(), said);
            }
            places.push(place);
        }
        self.order(&places, JSON, compared);
    }

    /// A row that no receipt shows whole: what of it is wrong in any case, and what cannot be told.
    fn unvouched(&mut self, place: &Place, said: &Map<String, Value>, compared: &Compared) -> Held {
        let mut held = Held::default();
        let named = text(said, "receipt");
        if let Some(names) = self.partly.get(&place.record)
            && (named.is_empty() || names.contains(&named))
        {
            held.partly.clone_from(names);
            self.lacks(place);
        } else if compared.broken.contains(&named) {
            held.take("receipt", Word::Wrong);
            self.lacks(place);
        } else if compared.unclear.iter().any(|(name, _)| *name == named) {
            self.lacks(place);
        } else if self.may_lack(place, &named) {
            self.lacks(place);
            let state = text(said, "state");
            let told = self.fetched.is_some() || state == "current";
            let states = self.corrected.get(&place.record).filter(|_| told);
            if states.is_some_and(|states| !states.contains_key(state.as_str())) {
                held.take("state", Word::Wrong);
            }
        }
        held
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
        let (nameless, replaced): (Vec<_>, Vec<_>) = found
            .changed
            .into_iter()
            .partition(|(_, at)| places.get(*at).is_some_and(|place| place.record.is_empty()));
        // a row that names no record stands where that of this record must be
        for (leaf, at) in nameless {
            if let (Some((_, record)), Some(place)) = (sealed.get(leaf), places.get(at)) {
                let mut difference = place.is(How::Changed, file, vec![NO_ROW.to_owned()]);
                (*record).clone_into(&mut difference.record);
                compared.differences.push(difference);
            }
        }
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
    fn count(&self, tables: bool, compared: &mut Compared) {
        let Some(counts) = self.fetched else { return };
        let here = compared.held + (compared.broken.len() + compared.unclear.len()) as u64;
        let mut tell = |how, counted: u64, what: &str, here: u64| {
            let line = format!("fetch.json counts {counted} {what}; {here} are here.");
            compared.counts.push((how, line));
        };
        if here < counts.receipts {
            tell(How::Missing, counts.receipts, "receipts", here);
        }
        if !tables {
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

impl Difference {
    /// A file that is not what `fetch` wrote, and no record is touched.
    fn of_file(file: &'static str) -> Self {
        Self {
            how: How::Changed,
            record: String::new(),
            file,
            row: None,
            fields: vec!["not what `fetch` wrote".to_owned()],
        }
    }

    fn gone(file: &'static str) -> Self {
        Self {
            how: How::Missing,
            fields: Vec::new(),
            ..Self::of_file(file)
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
            (How::Partly, held.partly),
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

const JSON: &str = "records.json";
const CSV: &str = "records.csv";
const FETCH: &str = "fetch.json";
const NO_ROW: &str = "what stands here is no row";

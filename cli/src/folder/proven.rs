//! What the receipts of a folder prove, as the rows that must be there.

use crate::outcome::{Exit, Failure, Outcome};
use crate::recorded::record_json;
use crate::verify::exit_of;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use vitalwitness_domain::record::{Id, Record};
use vitalwitness_proof::cbor;
use vitalwitness_proof::record::Schema;
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::{Facts, Rejection};

/// In which order rows are written: by start, then by record hash.
pub(super) type Key = (i64, String);

/// A record shown whole by a receipt that holds.
pub(super) struct Proven {
    /// What its row says.
    pub(super) row: Map<String, Value>,
    pub(super) key: Key,
    /// The files of its receipts, in order.
    pub(super) names: Vec<String>,
    /// Its record id.
    pub(super) rid: Option<Id>,
    /// Whether it only takes another one back.
    pub(super) withdraws: bool,
    corrects: Vec<(String, &'static str)>,
}

impl Proven {
    /// The records that this one replaces or takes back, and what their rows say then.
    pub(super) fn corrects(&self) -> Vec<(String, &'static str)> {
        self.corrects.clone()
    }
}

/// The receipts of a folder.
#[derive(Default)]
pub(super) struct Receipts {
    /// What those that show a whole record prove, by record hash.
    pub(super) proven: BTreeMap<String, Proven>,
    /// The names of those of records that none shows whole, by record hash.
    pub(super) partly: BTreeMap<String, Vec<String>>,
    /// How many hold.
    pub(super) held: u64,
    /// How many of them show a part, nothing, or no record.
    pub(super) partial: u64,
    /// Names of those that do not hold.
    pub(super) broken: Vec<String>,
    /// Names of those that cannot be told of with this trust file or this program, and why.
    pub(super) unclear: Vec<(String, Rejection)>,
}

/// Checks every receipt of the folder, also those in `receipts/`.
pub(super) fn read(dir: &Path, trust: &Trust) -> Outcome<Receipts> {
    let mut receipts = Receipts::default();
    for (name, path) in files(dir)? {
        // a folder or a pipe of that name is no receipt; a pipe would be waited for
        if fs::metadata(&path).is_ok_and(|it| !it.is_file()) {
            receipts.broken.push(name);
            continue;
        }
        let bytes = fs::read(&path)
            .map_err(|error| Failure::unreadable(&path.display().to_string(), &error))?;
        match vitalwitness_proof::verify(&bytes, None, trust) {
            Ok(facts) => {
                receipts.held += 1;
                let hash = facts.record_hash.map(hex::encode);
                if let Some(found) = record(facts) {
                    let record = super::text(&found.row, "record");
                    let proven = receipts.proven.entry(record).or_insert(found);
                    proven.names.push(name);
                    continue;
                }
                receipts.partial += 1;
                if let Some(hash) = hash {
                    receipts.partly.entry(hash).or_default().push(name);
                }
            }
            Err(why) if exit_of(why) == Exit::CannotTell => receipts.unclear.push((name, why)),
            Err(_) => receipts.broken.push(name),
        }
    }
    let Receipts { proven, partly, .. } = &mut receipts;
    for (record, found) in proven {
        found
            .names
            .extend(partly.remove(record).unwrap_or_default());
    }
    Ok(receipts)
}

/// The receipts by name, as rows name them.
fn files(dir: &Path) -> Outcome<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for (under, prefix) in [(dir.to_owned(), ""), (dir.join("receipts"), "receipts/")] {
        if !prefix.is_empty() && !under.is_dir() {
            continue;
        }
        let unreadable = |error| Failure::unreadable(&under.display().to_string(), &error);
        for entry in fs::read_dir(&under).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(name) = name
                && path.extension().is_some_and(|it| it == "vwr")
            {
                found.insert(format!("{prefix}{name}"), path.clone());
            }
        }
    }
    Ok(found)
}

fn record(facts: Facts) -> Option<Proven> {
    let hash = facts.record_hash?;
    let shown = facts.disclosed.filter(|shown| shown.whole)?;
    if shown.schema == Schema::BatchHeader {
        return None;
    }
    let values: Option<Vec<cbor::Value>> = shown
        .fields
        .iter()
        .map(|(_, bytes)| cbor::decode(bytes).ok())
        .collect();
    let record = Record::from_slots(shown.schema.name(), &values?).ok()?;
    let Value::Object(row) = record_json(&record, &hash) else {
        return None;
    };
    let mut corrects = Vec::new();
    if let Some(context) = &record.context {
        corrects.extend(context.supersedes.map(|rc| (hex::encode(rc), "replaced")));
        corrects.extend(context.voids.map(|rc| (hex::encode(rc), "withdrawn")));
    }
    Some(Proven {
        row,
        key: (record.start_ms, hex::encode(hash)),
        names: Vec::new(),
        rid: record.rid,
        withdraws: record.is_void(),
        corrects,
    })
}

/// What a row itself says of its place; what is no time comes last.
pub(super) fn key_of(start: &str, record: &str) -> Key {
    let start = chrono::DateTime::parse_from_rfc3339(start);
    let ms = start.map_or(i64::MAX, |time| time.timestamp_millis());
    (ms, record.to_owned())
}

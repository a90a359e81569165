//! A folder as `fetch` leaves it: what of its own files is gone or damaged is named like a row.

use super::once::Once;
use super::read::{self, Entry, optional};
use super::{Compared, Difference, FETCH, JSON, compare};
use crate::outcome::{Exit, Failure, Outcome};
use crate::verify::read_trust;
use serde_json::{Map, Value};
use std::path::Path;
use vitalwitness_proof::trust::Trust;

/// What is in such a folder.
pub(crate) struct Fetched {
    /// What differs.
    pub(crate) compared: Compared,
    /// The rows of `records.json` that can be read.
    pub(crate) rows: Vec<Map<String, Value>>,
    /// What `fetch.json` says, null where it cannot be read.
    pub(crate) summary: Value,
}

/// Compares a fetched folder with the receipts in it, by the trust file in it.
pub(crate) fn fetched(dir: &Path) -> Outcome<Fetched> {
    let there = std::fs::read_dir(dir);
    there.map_err(|error| Failure::unreadable(&dir.display().to_string(), &error))?;
    let (json, summary) = (optional(dir, JSON)?, optional(dir, FETCH)?);
    let path = dir.join(TRUST);
    let mut own = Vec::new();
    let trust = match read_trust(&path) {
        Ok(trust) => trust,
        Err(failure) if failure.code == "bad_trust" => {
            own.push(Difference::of_file(TRUST));
            Trust::default()
        }
        Err(_) if !path.exists() && summary.is_some() => {
            own.push(Difference::gone(TRUST));
            Trust::default()
        }
        Err(failure) if path.exists() => return Err(failure),
        Err(_) => {
            return Err(Failure::usage(
                "not_fetched",
                format!("{} is no folder that `fetch` wrote.", dir.display()),
            ));
        }
    };
    let gone = [(JSON, json.is_none()), (FETCH, summary.is_none())];
    let gone = gone.into_iter().filter(|(_, gone)| *gone);
    own.extend(gone.map(|(name, _)| Difference::gone(name)));
    let mut compared = compare(dir, &trust)?;
    own.retain(|it| !compared.differences.contains(it));
    compared.differences.extend(own);
    let rows = json.map_or_else(Vec::new, |text| read::entries(&text).0);
    let rows = rows.into_iter().filter_map(|entry| match entry {
        Entry::Row(row) => Some(row),
        Entry::Broken(_) => None,
    });
    let summary = summary.and_then(|text| serde_json::from_str(&text).ok());
    Ok(Fetched {
        compared,
        rows: rows.collect(),
        summary: summary.map_or(Value::Null, |Once(summary)| summary),
    })
}

impl Fetched {
    /// [`Compared::verdict`], but `Done` also where nothing differs and all that is open are rows
    /// that were fetched without a receipt beside some that have one.
    pub(crate) fn verdict(&self) -> Exit {
        let compared = &self.compared;
        let told = compared.unclear.is_empty() && compared.differences.is_empty();
        match compared.verdict() {
            Exit::CannotTell if told && (compared.held > 0 || compared.rows == 0) => Exit::Done,
            other => other,
        }
    }

    /// Whether that is so, in a word.
    pub(crate) fn word(&self) -> &'static str {
        match (self.verdict(), self.compared.rows == self.compared.vouched) {
            (Exit::Done, true) => "unchanged",
            (Exit::Done, false) => "nothing_differs",
            (Exit::CannotTell, _) => "cannot_tell",
            _ => "changed",
        }
    }
}

const TRUST: &str = "trust.json";

//! Which record a damaged row is of: told by whatever of it still says so, a receipt or the other
//! table.

use super::proven::{Key, Proven};
use std::collections::{BTreeMap, HashMap};

/// The records that rows can be of, and what points to them.
#[derive(Default)]
pub(super) struct Known {
    keys: HashMap<String, Key>,
    hints: HashMap<String, String>,
}

impl Known {
    /// Those that receipts prove.
    pub(super) fn of(proven: &BTreeMap<String, Proven>) -> Self {
        let mut known = Self::default();
        for (record, it) in proven {
            known.add(record, &it.key);
            for name in &it.names {
                known.hint(name, record);
            }
        }
        known
    }

    /// One more record.
    pub(super) fn add(&mut self, record: &str, key: &Key) {
        if record.len() == 64 {
            self.keys
                .entry(record.to_owned())
                .or_insert_with(|| key.clone());
            for end in [record.get(..ENOUGH), record.get(64 - ENOUGH..)] {
                self.hint(end.unwrap_or_default(), record);
            }
        }
    }

    /// Something that stands only in rows of that record.
    pub(super) fn hint(&mut self, word: &str, record: &str) {
        if !word.is_empty() && self.keys.contains_key(record) {
            let hint = self.hints.entry(word.to_owned());
            hint.or_insert_with(|| record.to_owned());
        }
    }

    /// Whether there is such a record.
    pub(super) fn has(&self, record: &str) -> bool {
        self.keys.contains_key(record)
    }

    /// Where the row of a record belongs.
    pub(super) fn key(&self, record: &str) -> Option<&Key> {
        self.keys.get(record)
    }

    /// The record that the text of a row points to, among those that lack a row.
    pub(super) fn told_by(&self, text: &str, lacks: impl Fn(&str) -> bool) -> Option<String> {
        let runs = text.split(|sign: char| !sign.is_ascii_hexdigit());
        let ends = runs.flat_map(|run| {
            let tail = run.len().saturating_sub(ENOUGH);
            [Some(run), run.get(..ENOUGH), run.get(tail..)]
        });
        let cells = text.split(['"', ',']).map(Some);
        let mut found = ends.chain(cells).flatten().filter_map(|word| {
            let whole = self.keys.get_key_value(word).map(|(record, _)| record);
            whole.or_else(|| self.hints.get(word))
        });
        found.find(|record| lacks(record)).cloned()
    }
}

/// So many digits of a record hash are those of no other one.
const ENOUGH: usize = 16;

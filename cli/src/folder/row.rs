//! A row held against the record that its receipt proves.
//!
//! What is sealed decides. Words for what is sealed (`name`, `origin`) are each program's own: other
//! words are told as such, unless they are the words for something else. What no receipt can say is
//! neither changed nor unchanged.

use super::Sheet;
use super::proven::Proven;
use crate::disclosed::grade_words;
use crate::naming;
use serde_json::{Map, Value};
use vitalwitness_domain::tracing::RowId;

/// What came of holding one row against what it must say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Columns that say something else than what is sealed.
    pub(super) changed: Vec<String>,
    /// Columns that say what is sealed in words that this program does not use.
    pub(super) worded: Vec<String>,
    /// Columns that say what nothing here proves or disproves.
    pub(super) unproven: Vec<String>,
    /// Its receipts, where they show a part of the record.
    pub(super) partly: Vec<String>,
}

/// How a word stands to what is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Same,
    /// Nobody says here what it stands for.
    Other,
    /// It stands for something else.
    Wrong,
}

impl Held {
    pub(super) fn take(&mut self, field: &str, word: Word) {
        let list = match word {
            Word::Same => return,
            Word::Other => &mut self.worded,
            Word::Wrong => &mut self.changed,
        };
        if list.iter().all(|it| it != field) {
            list.push(field.to_owned());
        }
    }
}

impl Sheet {
    /// Holds a row of `records.json` against its record.
    pub(super) fn hold(&self, proven: &Proven, said: &Map<String, Value>) -> Held {
        let mut held = Held::default();
        for (field, must) in &proven.row {
            let word = match (field.as_str(), said.get(field)) {
                (_, Some(said)) if said == must => Word::Same,
                ("parts", Some(Value::Array(said))) => parts(must, said, &mut held),
                ("origin", Some(Value::String(said))) => {
                    origin(must.as_str().unwrap_or_default(), said)
                }
                _ => Word::Wrong,
            };
            held.take(field, word);
        }
        for field in BESIDE {
            if self.fetched.is_some() && !said.contains_key(field) {
                held.take(field, Word::Wrong);
            }
        }
        for (field, said) in said {
            if !proven.row.contains_key(field) {
                let word = self.beside(proven, field, said, &mut held);
                held.take(field, word);
            }
        }
        held
    }

    /// Holds what a row says beside its record.
    pub(super) fn beside(
        &self,
        proven: &Proven,
        field: &str,
        said: &Value,
        held: &mut Held,
    ) -> Word {
        let corrected = self.corrected.get(&proven.key.1);
        let by = |how| corrected.and_then(|it| it.get(how));
        let known = match field {
            "state" => self.state(proven, said.as_str()),
            "receipt" => {
                let named = |name| proven.names.iter().any(|it| it == name);
                Some(right(said.is_null() || said.as_str().is_some_and(named)))
            }
            // an id of the delivery, in no receipt
            "row" => Some(right(is_id::<{ size_of::<RowId>() }>(said))),
            // of `list`, which writes no fetch.json
            _ if self.fetched.is_some() => Some(Word::Wrong),
            "id" => Some(right(
                said.as_str() == proven.rid.map(hex::encode).as_deref(),
            )),
            "withdrawn" => match (said.as_bool(), by("withdrawn")) {
                (Some(true), None) => None,
                (said, by) => Some(right(said == Some(by.is_some()))),
            },
            "corrected_by" => match (said, by("replaced")) {
                (Value::Null, by) => Some(right(by.is_none())),
                (Value::String(said), Some(by)) => Some(right(by.contains(said))),
                (said, None) if is_id::<32>(said) => None,
                _ => Some(Word::Wrong),
            },
            // no receipt has such a column
            _ => Some(Word::Wrong),
        };
        known.unwrap_or_else(|| {
            held.unproven.push(field.to_owned());
            Word::Same
        })
    }

    /// Whether a row's `state` is what the receipts say; none where they do not say.
    fn state(&self, proven: &Proven, said: Option<&str>) -> Option<Word> {
        let said = said.unwrap_or_default();
        if self.fetched.is_none() && DELIVERED.contains(&said) {
            return Some(Word::Same);
        }
        if proven.withdraws {
            return Some(right(said == "withdrawal"));
        }
        if let Some(corrected) = self.corrected.get(&proven.key.1) {
            return Some(right(corrected.contains_key(said)));
        }
        match said {
            "current" => Some(Word::Same),
            // what replaces it or takes it back may be a row without a receipt, or not be here
            "replaced" | "withdrawn" => match self.fetched {
                Some(_) if self.certain && self.unproven_at_most() == 0 => Some(Word::Wrong),
                _ => None,
            },
            _ => Some(Word::Wrong),
        }
    }
}

fn right(is: bool) -> Word {
    if is { Word::Same } else { Word::Wrong }
}

fn is_id<const N: usize>(said: &Value) -> bool {
    let said = said.as_str().unwrap_or_default();
    let bytes = hex::decode(said);
    bytes.is_ok_and(|it| it.len() == N && hex::encode(it) == said)
}

/// The parts of a row; their names are words.
fn parts(must: &Value, said: &[Value], held: &mut Held) -> Word {
    let must = must.as_array().map(Vec::as_slice).unwrap_or_default();
    if must.len() != said.len() {
        return Word::Wrong;
    }
    let mut worst = Word::Same;
    for (must, said) in must.iter().zip(said) {
        let mut worded = said.clone();
        if let Some(name) = worded.get_mut("name") {
            *name = must["name"].clone();
        }
        if worded != *must {
            return Word::Wrong;
        }
        let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
        let (code, words) = (text(must, "code"), text(must, "name"));
        match name(&code, &words, &text(said, "name")) {
            Word::Wrong => worst = Word::Wrong,
            other => held.take("name", other),
        }
    }
    worst
}

/// Whether `said` names what `code` is, for which this program writes `must`.
pub(super) fn name(code: &str, must: &str, said: &str) -> Word {
    if must == said {
        return Word::Same;
    }
    if code == "medicine" {
        return medicine(must, said);
    }
    let piece = |text: &str| text.rsplit(": ").next().unwrap_or_default().to_lowercase();
    let (own, other) = (piece(must), piece(said));
    if own != other && naming::is_word(&other) {
        Word::Wrong
    } else {
        Word::Other
    }
}

/// A medicine's name is sealed text; only what became of it is a word.
fn medicine(must: &str, said: &str) -> Word {
    let Some((sealed, status)) = must.rsplit_once(" (") else {
        return Word::Wrong;
    };
    let Some(words) = said.strip_prefix(sealed) else {
        return Word::Wrong;
    };
    let words = words.strip_prefix(" (").and_then(|it| it.strip_suffix(')'));
    let Some(words) = words.filter(|it| !it.is_empty() && !it.contains(['(', ')'])) else {
        return Word::Wrong;
    };
    let (words, status) = (words.to_lowercase(), status.trim_end_matches(')'));
    let of_another = |it: &&str| *it != status && *it == words;
    if naming::STATUSES.iter().any(of_another) {
        Word::Wrong
    } else {
        Word::Other
    }
}

/// Whether `said` names the grade for which this program writes `must`.
pub(super) fn origin(must: &str, said: &str) -> Word {
    if must == said {
        return Word::Same;
    }
    let (own, said) = (must.to_lowercase(), said.to_lowercase());
    let mut all = (0..).map_while(grade_words);
    if said != own && all.any(|words| words.to_lowercase() == said) {
        Word::Wrong
    } else {
        Word::Other
    }
}

/// Columns of `fetch` that are in no receipt.
pub(super) const BESIDE: [&str; 3] = ["receipt", "row", "state"];

/// How far a record is on its way, as `list` says it: nothing about the record.
const DELIVERED: [&str; 6] = ["open", "sealed", "queued", "stored", "logged", "witnessed"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_another_program_are_told_from_words_for_something_else() {
        let heart_rate = ("loinc|8867-4", "Heart rate");
        let medicine = ("medicine", "Aspirin (taken)");
        let diastolic = ("loinc|8462-4", "Blood pressure: Diastolic");
        for ((code, must), said, word) in [
            (heart_rate, "Heart rate", Word::Same),
            (heart_rate, "Pulse per minute", Word::Other),
            (heart_rate, "heart rate", Word::Other),
            (heart_rate, "Body weight", Word::Wrong),
            (heart_rate, "body weight", Word::Wrong),
            (heart_rate, "Vital signs: Body weight", Word::Wrong),
            (diastolic, "Blutdruck: diastolisch", Word::Other),
            (medicine, "Aspirin (eingenommen)", Word::Other),
            (medicine, "Aspirin (Taken)", Word::Other),
            (medicine, "Aspirin (not taken)", Word::Wrong),
            (medicine, "Aspirin", Word::Wrong),
            (medicine, "Aspirin 500 (taken)", Word::Wrong),
            (medicine, "Morphine (taken)", Word::Wrong),
        ] {
            assert_eq!(name(code, must, said), word, "{said}");
        }
        for (said, word) in [
            ("Typed by hand", Word::Same),
            ("Entered manually", Word::Other),
            ("Signed by a clinician", Word::Wrong),
            ("signed by a clinician", Word::Wrong),
        ] {
            assert_eq!(origin("Typed by hand", said), word, "{said}");
        }
    }
}

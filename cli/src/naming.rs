//! Codes and units as people name them.

use crate::disclosed::printable;
use vitalwitness_domain::{observation, units};

/// `Heart rate` for `loinc|8867-4`; a code nobody named stays as it is.
pub(crate) fn of_code(code: &str) -> String {
    match (observation::by_code(code), code) {
        (Some(kind), _) => kind.words.to_owned(),
        (None, "medicine") => "Medicine".to_owned(),
        (None, "note") => "Note".to_owned(),
        (None, "episode") => "Treatment".to_owned(),
        (None, "offer") => "Insurance offer".to_owned(),
        (None, "cover") => "Insurance cover".to_owned(),
        (None, "claim") => "Insurance claim".to_owned(),
        (None, "decision") => "Insurance decision".to_owned(),
        _ => printable(code),
    }
}

/// Whether `words`, in small letters, are what [`of_code`] says of some code.
pub(crate) fn is_word(words: &str) -> bool {
    let mut kinds = observation::all().flat_map(|kind| [kind.words, kind.display]);
    kinds.any(|it| it.to_lowercase() == words)
        || OTHERS.iter().any(|it| of_code(it).to_lowercase() == words)
}

/// What became of a medicine, in the order of `MedStatus`.
pub(crate) const STATUSES: [&str; 4] = ["planned", "taken", "not taken", "stopped"];

/// Stream codes that are no observation.
const OTHERS: [&str; 7] = [
    "medicine", "note", "episode", "offer", "cover", "claim", "decision",
];

/// `mmHg` for `mm[Hg]`, nothing for a plain count.
pub(crate) fn of_unit(ucum: &str) -> &str {
    match ucum {
        "1" => "",
        "/min" => "per minute",
        other => units::shown(other),
    }
}

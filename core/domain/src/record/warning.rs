//! What is unlikely, said and never refused.

use super::slots::nfc;
use super::{Body, MedStatus, Record};
use std::fmt;

/// Something unlikely about a record. It is kept as entered.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The same medicine was taken less than five minutes before or after.
    DuplicateDose,
}

/// Whether `a` and `b` are one medicine taken twice within five minutes.
pub fn duplicate_dose(a: &Record, b: &Record) -> Option<Warning> {
    let (Some(first), Some(second)) = (taken(a), taken(b)) else {
        return None;
    };
    let close = a.start_ms.abs_diff(b.start_ms) < DUPLICATE_MS;
    let same = nfc(first).to_lowercase() == nfc(second).to_lowercase();
    (close && same).then_some(Warning::DuplicateDose)
}

fn taken(record: &Record) -> Option<&str> {
    match &record.body {
        Body::Medicine { name, status, .. } if *status == MedStatus::Taken && !record.is_void() => {
            Some(name.trim())
        }
        _ => None,
    }
}

impl fmt::Debug for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Warning")
    }
}

const DUPLICATE_MS: u64 = 5 * 60 * 1_000;

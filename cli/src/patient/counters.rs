//! Who counted something, by the names people know them by.

use super::failed;
use crate::disclosed::printable;
use crate::outcome::{Failure, Outcome};
use vitalwitness_domain::import::device_reference;
use vitalwitness_domain::record::Grade;
use vitalwitness_vault::ble::Sensor;
use vitalwitness_vault::{Counter, Vault};

/// The sources of a record, named.
pub(crate) struct Counters {
    sensors: Vec<Sensor>,
}

impl Counters {
    /// The paired devices of `vault` by their names; all others by what is known of them.
    pub(crate) fn of(vault: &Vault) -> Outcome<Self> {
        let sensors = vault.sensors().map_err(|error| failed(&error))?;
        Ok(Self { sensors })
    }

    /// The sources that counted `code` so far.
    pub(crate) fn known(&self, vault: &Vault, code: &str) -> Outcome<Vec<Counter>> {
        let days = vault
            .day_totals(code, i32::MIN, i32::MAX)
            .map_err(|_| adds_not_up())?;
        let mut known: Vec<Counter> = self.sensors.iter().map(|it| it.id).map(device).collect();
        let counted = days.iter().flat_map(|day| &day.parts);
        for part in counted {
            if !known.contains(&part.counter) {
                known.push(part.counter);
            }
        }
        Ok(known)
    }

    /// `HR Strap`, `source 5f3c9a01`, `typed`.
    pub(crate) fn name(&self, counter: Counter) -> String {
        match counter {
            Counter::Device(id) => {
                let sensor = self.sensors.iter().find(|it| it.id == id);
                sensor.map_or_else(
                    || format!("source {}", &hex::encode(id)[..8]),
                    |it| printable(&it.name),
                )
            }
            Counter::Unnamed(grade) => word(grade).to_owned(),
        }
    }

    /// The source a person names: a device's name, the name that an imported file gives it, the
    /// beginning of its id, or `typed`, `file`, `clinic` for what has none.
    pub(crate) fn find(&self, text: &str, known: &[Counter]) -> Outcome<Counter> {
        let text = text.trim();
        if let Some(grade) = GRADES.into_iter().find(|grade| word(*grade) == text) {
            return Ok(Counter::Unnamed(grade));
        }
        let start = text.strip_prefix("source ").unwrap_or(text).to_lowercase();
        let is_it = |counter: &&Counter| match counter {
            Counter::Device(id) => {
                let begins = start.len() >= 4 && hex::encode(id).starts_with(&start);
                begins || *id == device_reference(text) || self.name(**counter) == text
            }
            Counter::Unnamed(_) => false,
        };
        let found: Vec<&Counter> = known.iter().filter(is_it).collect();
        match found.as_slice() {
            [counter] => Ok(**counter),
            [] => Err(Failure::usage(
                "no_such_source",
                "Nothing that counted this is named like that; the same command without sources lists them.",
            )),
            _ => Err(Failure::usage(
                "which",
                "Several are named like this; write the beginning of its id.",
            )),
        }
    }
}

/// Stable in every language: an id in hex, or the word for what has none.
pub(crate) fn code(counter: Counter) -> String {
    match counter {
        Counter::Device(id) => hex::encode(id),
        Counter::Unnamed(grade) => word(grade).to_owned(),
    }
}

/// Why a quantity has no total.
pub(crate) fn adds_not_up() -> Failure {
    Failure::usage(
        "no_total",
        "This does not add up over a day; steps, distance, energy and minutes of sleep do.",
    )
}

fn device(id: [u8; 16]) -> Counter {
    Counter::Device(id)
}

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Typed => "typed",
        Grade::Unbonded => "unbonded",
        Grade::Bonded => "bonded",
        Grade::VendorFile => "file",
        Grade::ClinicianSigned => "clinic",
    }
}

const GRADES: [Grade; 5] = [
    Grade::Typed,
    Grade::Unbonded,
    Grade::Bonded,
    Grade::VendorFile,
    Grade::ClinicianSigned,
];

//! Before a device is paired: what it would collect, and who wears it.

use super::BleError;
use super::hints::{self, Hint, Step};
use super::radio::Found;
use super::sensor::Whose;
use std::fmt;

/// What pairing a device would mean, to be shown before it is done.
#[derive(Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The device.
    pub found: Found,
    /// What it would collect, in words.
    pub collects: Vec<&'static str>,
    /// What to do with the device first.
    pub step: Step,
    /// What is known of its model.
    pub hint: Option<&'static Hint>,
}

/// A device whose wearer was asked for and confirmed: the only way to pair it.
#[derive(Clone, PartialEq, Eq)]
pub struct Confirmed {
    pub(crate) proposal: Proposal,
    pub(crate) wearer: String,
    pub(crate) whose: Whose,
    /// Keep its serial number: personal, and useful when it is broken or lost.
    pub keep_serial: bool,
}

impl Proposal {
    /// What pairing `found` would mean.
    pub fn of(found: Found) -> Self {
        let hint = hints::of(&found);
        Self {
            collects: collects(&found.services),
            step: hint.map_or_else(|| hints::step_for(&found.services), |hint| hint.step),
            hint,
            found,
        }
    }

    /// The person said that `wearer` wears it, and which of its users that is.
    ///
    /// # Errors
    ///
    /// [`BleError::NoWearer`] when no name was given.
    pub fn confirm(self, wearer: &str, whose: Whose) -> Result<Confirmed, BleError> {
        let wearer = wearer.trim();
        if wearer.is_empty() {
            return Err(BleError::NoWearer);
        }
        Ok(Confirmed {
            wearer: wearer.to_owned(),
            whose,
            keep_serial: false,
            proposal: self,
        })
    }
}

/// What a person would wear is health data: the step only.
impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proposal({:?}, ..)", self.step)
    }
}

impl fmt::Debug for Confirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Confirmed(..)")
    }
}

/// What services measure, in words; empty when none of them is read here.
pub fn collects(services: &[u16]) -> Vec<&'static str> {
    let known = COLLECTS.iter();
    let known = known.filter(|(service, _)| services.contains(service));
    known.map(|(_, words)| *words).collect()
}

/// All services whose measurements are read here: what to scan for.
pub fn every_service() -> Vec<u16> {
    COLLECTS.iter().map(|(service, _)| *service).collect()
}

const COLLECTS: [(u16, &str); 14] = [
    (0x180D, "heart rate"),
    (0x1810, "blood pressure"),
    (0x1809, "body temperature"),
    (0x1808, "blood glucose"),
    (0x181F, "glucose, all day"),
    (0x1822, "oxygen saturation and pulse"),
    (0x181D, "weight"),
    (0x181B, "body composition"),
    (0x1814, "running speed and cadence"),
    (0x1816, "cycling speed and cadence"),
    (0x1826, "training on a machine"),
    (0x183E, "activity and sleep"),
    (0x1840, "measurements it describes itself"),
    (0x181C, "who uses it"),
];

//! What is known of models before they are connected: what to press, when to bond.
//!
//! A row is public knowledge of a product, with where it was read. An unknown model is treated by
//! its services alone.

use super::radio::Found;

/// What a person should know and do with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// Part of the name it tells, in lower case.
    pub name: &'static str,
    /// The model, as people know it.
    pub model: &'static str,
    /// Bonding comes before anything else, or the device ends the link.
    pub bond_first: bool,
    /// What to do with the device before pairing.
    pub step: Step,
    /// Its firmware sends plain integers where SFLOAT is specified.
    pub plain_integers: bool,
    /// Why it cannot be read here, if it cannot.
    pub closed: bool,
    /// Where this was read.
    pub source: &'static str,
}

/// What to do with a device so that it can be paired. The words are the screen's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Wear it: it wakes on the skin.
    Wear,
    /// Hold its button until its light blinks or it shows that it pairs.
    HoldButton,
    /// Hold its button, then type the number it shows.
    TypeNumber,
    /// Take a measurement: it sends when it is done.
    Measure,
    /// Step on it.
    StepOn,
}

impl Step {
    /// Stable in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wear => "wear",
            Self::HoldButton => "hold_button",
            Self::TypeNumber => "type_number",
            Self::Measure => "measure",
            Self::StepOn => "step_on",
        }
    }

    /// What people read.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Wear => "Put it on: it wakes on the skin.",
            Self::HoldButton => "Hold its button until the light blinks.",
            Self::TypeNumber => {
                "Hold its button until the light blinks, then type the number on its display."
            }
            Self::Measure => "Take a measurement: it sends when it is done.",
            Self::StepOn => "Step on it.",
        }
    }
}

/// What is known of a device by the name it tells.
pub fn of(found: &Found) -> Option<&'static Hint> {
    let name = found.name.as_deref()?.to_lowercase();
    HINTS.iter().find(|hint| name.contains(hint.name))
}

/// What to do with a device by what it offers, if nothing is known of its model.
pub fn step_for(services: &[u16]) -> Step {
    let offers = |service: u16| services.contains(&service);
    match () {
        () if offers(0x1808) || offers(0x181F) => Step::TypeNumber,
        () if offers(0x1810) || offers(0x1809) => Step::Measure,
        () if offers(0x181D) || offers(0x181B) => Step::StepOn,
        () if offers(0x180D) => Step::Wear,
        () => Step::HoldButton,
    }
}

const fn hint(name: &'static str, model: &'static str, step: Step, source: &'static str) -> Hint {
    Hint {
        name,
        model,
        bond_first: false,
        step,
        plain_integers: false,
        closed: false,
        source,
    }
}

/// Models whose habits are on record in public trackers.
pub const HINTS: [Hint; 13] = [
    hint(
        "polar h",
        "Polar H9, H10",
        Step::Wear,
        "standard heart rate service",
    ),
    Hint {
        bond_first: true,
        ..hint(
            "a&d_ua-651ble",
            "A&D UA-651BLE",
            Step::HoldButton,
            "blood-pressure-monitor-fl#659: must be bonded first",
        )
    },
    Hint {
        bond_first: true,
        ..hint(
            "blesmart_",
            "Omron (X4 Smart, X2 Smart+, BP5150, HEM-9210T)",
            Step::HoldButton,
            "hass-omron#91, #92: OS bonding first; X4 Smart empties its memory when it is read",
        )
    },
    Hint {
        plain_integers: true,
        ..hint(
            "sbm69",
            "Silvercrest SBM69",
            Step::Measure,
            "sends plain integers for SFLOAT",
        )
    },
    Hint {
        bond_first: true,
        ..hint(
            "meter+",
            "Accu-Chek Guide, Guide Me",
            Step::TypeNumber,
            "xDrip#208: passkey on its display or back",
        )
    },
    Hint {
        bond_first: true,
        ..hint(
            "accu-chek",
            "Accu-Chek Guide, Guide Me",
            Step::TypeNumber,
            "xDrip#208: passkey on its display or back",
        )
    },
    Hint {
        bond_first: true,
        ..hint(
            "contour",
            "Contour Next One",
            Step::TypeNumber,
            "xDrip#104: passkey from its serial number",
        )
    },
    hint(
        "mightysat",
        "Masimo MightySat",
        Step::Wear,
        "blessed-android#81: spot checks only",
    ),
    hint(
        "nonin3230",
        "Nonin 3230",
        Step::Wear,
        "standard pulse oximeter service",
    ),
    Hint {
        closed: true,
        ..hint(
            "withings",
            "Withings",
            Step::HoldButton,
            "openScale#786: own protocol",
        )
    },
    Hint {
        closed: true,
        ..hint("bf700", "Beurer BF700", Step::StepOn, "own protocol")
    },
    Hint {
        closed: true,
        ..hint("dexcom", "Dexcom", Step::Wear, "own protocol")
    },
    Hint {
        closed: true,
        ..hint("libre", "FreeStyle Libre", Step::Wear, "own protocol")
    },
];

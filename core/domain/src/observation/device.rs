//! The part of the table that only devices fill: local codes where LOINC has none.

use super::Kind;
use super::catalogue::{ACTIVITY, EXAM, LAB, VITAL, kind, range};

const MASS: &[&str] = &["[lb_av]", "[stone_av]", "g"];

/// A code of this project.
const fn local(
    name: &'static str,
    code: &'static str,
    words: &'static str,
    unit: &'static str,
    category: &'static str,
) -> Kind {
    kind(name, code, words, words, unit, category)
}

const fn mass(name: &'static str, code: &'static str, words: &'static str) -> Kind {
    Kind {
        accepts: MASS,
        ..local(name, code, words, "kg", EXAM)
    }
}

pub(super) const KINDS: [Kind; 22] = [
    Kind {
        range: Some(range(20, 600, "mg/dL")),
        ..local(
            "interstitial-glucose-molar",
            "vw|interstitial-glucose-molar",
            "Sensor glucose",
            "mmol/L",
            LAB,
        )
    },
    Kind {
        range: Some(range(20, 600, "mg/dL")),
        ..kind(
            "plasma-glucose-mass",
            "loinc|2345-7",
            "Glucose [Mass/volume] in Serum or Plasma",
            "Plasma glucose",
            "mg/dL",
            LAB,
        )
    },
    Kind {
        range: Some(range(20, 600, "mg/dL")),
        ..kind(
            "plasma-glucose-molar",
            "loinc|14749-6",
            "Glucose [Moles/volume] in Serum or Plasma",
            "Plasma glucose",
            "mmol/L",
            LAB,
        )
    },
    Kind {
        range: Some(range(3, 20, "%")),
        ..kind(
            "hba1c",
            "loinc|4548-4",
            "Hemoglobin A1c/Hemoglobin.total in Blood",
            "Long-term blood sugar (HbA1c)",
            "%",
            LAB,
        )
    },
    local(
        "basal-metabolism",
        "vw|basal-metabolism",
        "Energy used at rest in a day",
        "kJ",
        EXAM,
    ),
    local(
        "muscle-percentage",
        "vw|muscle-percentage",
        "Share of muscle",
        "%",
        EXAM,
    ),
    mass("muscle-mass", "vw|muscle-mass", "Mass of muscle"),
    mass("fat-free-mass", "vw|fat-free-mass", "Mass without fat"),
    mass("soft-lean-mass", "vw|soft-lean-mass", "Soft lean mass"),
    mass("body-water", "vw|body-water", "Mass of body water"),
    local(
        "impedance",
        "vw|impedance",
        "Electrical resistance of the body",
        "Ohm",
        EXAM,
    ),
    local(
        "pulse-amplitude",
        "vw|pulse-amplitude",
        "Pulse amplitude index",
        "%",
        VITAL,
    ),
    Kind {
        accepts: &["km/h"],
        ..local("speed", "vw|speed", "Speed", "m/s", ACTIVITY)
    },
    local(
        "step-rate",
        "vw|step-rate",
        "Steps a minute",
        "/min",
        ACTIVITY,
    ),
    Kind {
        accepts: &["m"],
        ..local(
            "stride-length",
            "vw|stride-length",
            "Length of a stride",
            "cm",
            ACTIVITY,
        )
    },
    local(
        "cycling-cadence",
        "vw|cycling-cadence",
        "Turns of the crank a minute",
        "/min",
        ACTIVITY,
    ),
    local(
        "stroke-rate",
        "vw|stroke-rate",
        "Strokes a minute",
        "/min",
        ACTIVITY,
    ),
    local("power", "vw|power", "Power", "W", ACTIVITY),
    local(
        "walking-steps",
        "vw|walking-steps",
        "Steps at a walk",
        "1",
        ACTIVITY,
    ),
    local(
        "intense-steps",
        "vw|intense-steps",
        "Steps at a high intensity",
        "1",
        ACTIVITY,
    ),
    local(
        "floor-steps",
        "vw|floor-steps",
        "Steps on stairs",
        "1",
        ACTIVITY,
    ),
    local(
        "sleeping-heart-rate",
        "vw|sleeping-heart-rate",
        "Heart rate asleep",
        "/min",
        VITAL,
    ),
];

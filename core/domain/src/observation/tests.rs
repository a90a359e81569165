#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use super::*;
use crate::record::{Body, Dose, MedStatus, NoteBody, Record, Value, Warning};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOON: i64 = 1_767_268_800_000;

fn record(name: &str, text: &str) -> Record {
    let entry = entry(name, text).unwrap_or_else(|error| panic!("{name} {text}: {error}"));
    let mut record = Record::typed(NOON, 60, entry.body);
    record.context = entry.context;
    record
}

/// Code, number and unit of what `text` says; a panel gives its upper and lower number.
fn said(name: &str, text: &str) -> (String, String) {
    match record(name, text).body {
        Body::Observation { code, value } => {
            let value = match value {
                Value::Quantity(number, unit) => format!("{number} {unit}"),
                Value::Components(parts) => parts
                    .iter()
                    .map(|(code, number, unit)| format!("{code} {number} {unit}"))
                    .collect::<Vec<_>>()
                    .join(", "),
                Value::Text(words) => words,
                Value::Waveform { .. } => "waveform".to_owned(),
            };
            (code, value)
        }
        other => panic!("{other:?}"),
    }
}

/// LOINC's check digit: Luhn, modulus 10.
fn check_digit_holds(number: &str) -> bool {
    let (digits, check) = number.split_once('-').unwrap();
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    check.parse() == Ok((10 - sum % 10) % 10)
}

#[test]
fn every_loinc_code_passes_its_check_digit() {
    let mut checked = BTreeSet::new();
    for kind in all() {
        let panel = match kind.shape {
            Shape::Panel(codes) => codes,
            _ => &[],
        };
        for code in [kind.code].iter().chain(kind.also).chain(panel) {
            let (system, number) = code.split_once('|').unwrap();
            match system {
                "loinc" => {
                    assert!(check_digit_holds(number), "{code}");
                    checked.insert(number);
                }
                "vw" => assert!(number.bytes().all(|c| c.is_ascii_lowercase() || c == b'-')),
                other => panic!("{other}"),
            }
        }
    }
    assert!(checked.len() >= 36, "{}", checked.len());
    for wrong in ["8867-5", "8876-4", "93831-5"] {
        assert!(!check_digit_holds(wrong), "{wrong}");
    }
}

#[test]
fn every_code_of_the_standards_is_known_with_its_unit_and_range() {
    for (code, unit, range) in [
        ("8867-4", "/min", Some((25, 240))),
        ("40443-4", "/min", Some((30, 130))),
        ("8637-1", "ms", Some((250, 2_500))),
        ("80404-7", "ms", Some((3, 300))),
        ("112429-6", "ms", Some((3, 300))),
        ("55423-8", "1", Some((0, 100_000))),
        ("41950-7", "1", Some((0, 100_000))),
        ("55430-3", "m", Some((0, 150_000))),
        ("41953-1", "m", Some((0, 150_000))),
        ("41981-2", "kcal", Some((0, 12_000))),
        ("93832-4", "min", Some((0, 1_440))),
        ("93829-0", "min", Some((0, 1_440))),
        ("93830-8", "min", Some((0, 1_440))),
        ("93831-6", "min", Some((0, 1_440))),
        ("103215-0", "min", Some((0, 1_440))),
        ("103212-7", "min", Some((0, 1_440))),
        ("85354-9", "mm[Hg]", None),
        ("8480-6", "mm[Hg]", Some((60, 260))),
        ("8462-4", "mm[Hg]", Some((30, 160))),
        ("8478-0", "mm[Hg]", Some((40, 200))),
        ("2708-6", "%", Some((70, 100))),
        ("59408-5", "%", Some((70, 100))),
        ("8310-5", "Cel", Some((33, 43))),
        ("8331-1", "Cel", Some((33, 43))),
        ("2339-0", "mg/dL", Some((20, 600))),
        ("15074-8", "mmol/L", Some((20, 600))),
        ("41653-7", "mg/dL", Some((20, 600))),
        ("14743-9", "mmol/L", Some((20, 600))),
        ("99504-3", "mg/dL", Some((20, 600))),
        ("29463-7", "kg", Some((2, 400))),
        ("39156-5", "kg/m2", Some((8, 100))),
        ("8302-2", "cm", Some((30, 260))),
        ("41982-0", "%", Some((2, 70))),
        ("9279-1", "/min", Some((4, 60))),
        ("55411-3", "min", Some((0, 1_440))),
        ("75325-1", "", None),
    ] {
        let kind = by_code(&format!("loinc|{code}")).unwrap_or_else(|| panic!("{code}"));
        assert_eq!(kind.unit, unit, "{code}");
        assert_eq!(
            kind.range.map(|range| (range.low, range.high)),
            range,
            "{code}"
        );
    }
}

#[test]
fn no_code_name_or_phone_identifier_means_two_things() {
    let mut seen = BTreeSet::new();
    for kind in all() {
        let names = [kind.name, kind.code].into_iter();
        for name in names
            .chain(kind.healthkit.iter().copied())
            .chain(kind.health_connect)
        {
            assert!(seen.insert(name), "{name}");
        }
        assert_eq!(
            named(kind.name).next().unwrap().code,
            kind.code,
            "{}",
            kind.name
        );
        for alias in kind.aliases {
            assert_eq!(*alias, normal(alias));
            let meant: Vec<_> = named(alias).map(|kind| kind.words).collect();
            assert!(meant.iter().all(|words| *words == kind.words), "{alias}");
        }
    }
    assert_eq!(
        by_healthkit("HKQuantityTypeIdentifierStepCount")
            .unwrap()
            .name,
        "steps"
    );
    assert_eq!(by_health_connect("Weight").unwrap().name, "weight");
    assert!(by_healthkit("").is_none() && by_code("loinc|1-8").is_none());
}

#[test]
fn every_unit_of_the_table_converts_to_the_range_it_is_judged_by() {
    for kind in all().filter(|kind| !kind.unit.is_empty()) {
        for unit in [kind.unit].iter().chain(kind.accepts) {
            assert_eq!(crate::units::ucum(unit), Some(*unit), "{}", kind.name);
            if let Some(range) = kind.range {
                let meets = crate::units::converts(unit, range.unit, kind.quantity());
                assert!(meets, "{} {unit}", kind.name);
            }
        }
    }
}

#[test]
fn what_a_person_types_is_kept_as_typed() {
    for (name, text, code, value) in [
        ("heart-rate", "61", "loinc|8867-4", "61 /min"),
        ("Heart Rate", "61 bpm", "loinc|8867-4", "61 /min"),
        ("resting_heart_rate", "48", "loinc|40443-4", "48 /min"),
        ("weight", "82.40 kg", "loinc|29463-7", "82.40 kg"),
        ("weight", "181lb", "loinc|29463-7", "181 [lb_av]"),
        ("weight", "12 st 8.5 lb", "loinc|29463-7", "176.5 [lb_av]"),
        ("height", "5 ft 11 in", "loinc|8302-2", "71 [in_i]"),
        ("glucose", "5.4 mmol/L", "loinc|15074-8", "5.4 mmol/L"),
        ("glucose", "97 mg/dl", "loinc|2339-0", "97 mg/dL"),
        ("temperature", "98.6 F", "loinc|8310-5", "98.6 [degF]"),
        ("temperature", "37.2", "loinc|8310-5", "37.2 Cel"),
        ("steps", "8000", "loinc|55423-8", "8000 1"),
        ("sleep", "7h30", "loinc|93832-4", "450 min"),
        ("sleep", "7 h 30 min", "loinc|93832-4", "450 min"),
        ("sleep", "7.5 h", "loinc|93832-4", "7.5 h"),
        ("spo2", "97 %", "loinc|2708-6", "97 %"),
        ("spo2", "97%", "loinc|2708-6", "97 %"),
        ("mood", "4", "vw|mood", "4 1"),
        ("mood", "calm", "vw|mood", "calm"),
        (
            "symptom",
            "headache, left",
            "loinc|75325-1",
            "headache, left",
        ),
        ("training", "running 45 min", "loinc|55411-3", "45 min"),
        ("training", "1h30 cycling", "loinc|55411-3", "90 min"),
        (
            "bp",
            "16.0/10.7 kPa",
            BLOOD_PRESSURE,
            "loinc|8480-6 16.0 kPa, loinc|8462-4 10.7 kPa",
        ),
        (
            "blood-pressure",
            "120 / 80",
            BLOOD_PRESSURE,
            "loinc|8480-6 120 mm[Hg], loinc|8462-4 80 mm[Hg]",
        ),
    ] {
        let expect = (code.to_owned(), value.to_owned());
        assert_eq!(said(name, text), expect, "{name} {text}");
        let record = record(name, text);
        assert_eq!(record.check(), Ok(()), "{name} {text}");
        assert_eq!(record.warnings(), [], "{name} {text}");
    }
    let notes = record("training", "easy running 45 min")
        .context
        .unwrap()
        .notes;
    assert_eq!(notes.get("type").unwrap(), "easy running");
}

#[test]
fn a_medicine_has_a_name_a_dose_and_what_became_of_it() {
    for (text, name, dose, status) in [
        ("ibuprofen 400 mg", "ibuprofen", "400 mg", MedStatus::Taken),
        (
            "ibuprofen 400mg not taken",
            "ibuprofen",
            "400 mg",
            MedStatus::NotTaken,
        ),
        (
            "aspirin 2 tablets",
            "aspirin",
            "2 {tablet}",
            MedStatus::Taken,
        ),
        ("vitamin B12", "vitamin B12", "", MedStatus::Taken),
        ("metformin stopped", "metformin", "", MedStatus::Stopped),
        (
            "vitamin D 20 ug planned",
            "vitamin D",
            "20 ug",
            MedStatus::Planned,
        ),
    ] {
        let Body::Medicine {
            name: drug,
            dose: given,
            status: state,
        } = record("medicine", text).body
        else {
            panic!("{text}");
        };
        let given = match given {
            Dose::Quantity(number, unit) => format!("{number} {unit}"),
            Dose::Text(words) => words,
            Dose::Unsaid => String::new(),
        };
        assert_eq!(
            (drug.as_str(), given.as_str(), state),
            (name, dose, status),
            "{text}"
        );
    }
}

#[test]
fn notes_and_episodes_name_their_specialty() {
    let Body::Note {
        kind,
        text: NoteBody::Text(text),
    } = record("note/dentistry", "filling").body
    else {
        panic!("note");
    };
    assert_eq!((kind.as_str(), text.as_str()), ("dentistry", "filling"));
    let Body::Episode { kind, title } = record("episode", "Knee 2026").body else {
        panic!("episode");
    };
    assert_eq!((kind.as_str(), title.as_str()), ("treatment", "Knee 2026"));
}

#[test]
fn what_is_no_entry_says_what_is_missing() {
    for (name, text, error) in [
        ("horoscope", "good", EntryError::Name),
        ("weight", "", EntryError::Empty),
        ("note", " ", EntryError::Empty),
        ("weight", "heavy", EntryError::Number),
        ("weight", "82,4", EntryError::Number),
        ("steps", "8,000", EntryError::Number),
        ("weight", "82 mmHg", EntryError::Unit),
        ("weight", "82 parsec", EntryError::Unit),
        ("weight", "12 st 8", EntryError::UnitNeeded),
        ("weight", "12 st 8 in", EntryError::Unit),
        ("glucose", "5.4", EntryError::UnitNeeded),
        ("blood-pressure", "120", EntryError::Pair),
        ("blood-pressure", "120/", EntryError::Pair),
        ("blood-pressure", "120/80 kg", EntryError::Unit),
        ("training", "running", EntryError::Number),
    ] {
        assert_eq!(entry(name, text).unwrap_err(), error, "{name} {text}");
    }
}

#[test]
fn the_implausible_is_warned_of_and_kept() {
    for (name, text, codes) in [
        ("heart-rate", "25", &[][..]),
        ("heart-rate", "24.99", &["out_of_range"]),
        ("heart-rate", "240.0", &[]),
        ("heart-rate", "241", &["out_of_range"]),
        ("temperature", "109.4 F", &[]),
        ("temperature", "109.5 F", &["out_of_range"]),
        ("glucose", "1.2 mmol/L", &[]),
        ("glucose", "1.1 mmol/L", &["out_of_range"]),
        ("blood-pressure", "80/120", &["pressure_order"]),
        ("blood-pressure", "120/120", &["pressure_order"]),
        (
            "blood-pressure",
            "300/20",
            &["out_of_range", "out_of_range"],
        ),
        ("steps", "100001", &["out_of_range"]),
    ] {
        let record = record(name, text);
        let found: Vec<_> = record.warnings().into_iter().map(Warning::code).collect();
        assert_eq!(found, codes, "{name} {text}");
        assert_eq!(record.check(), Ok(()), "{name} {text}");
        let void = record.void([0; 32], None, record.source);
        assert_eq!(void.warnings(), [], "a void of {name} {text}");
    }
    let body = |code: &str, unit: &str| Body::Observation {
        code: code.to_owned(),
        value: Value::Quantity(Decimal::whole(61), unit.to_owned()),
    };
    for (body, code) in [
        (body("loinc|1-8", "/min"), "unknown_code"),
        (body(HEART_RATE, "bpm"), "unexpected_unit"),
    ] {
        let found = Record::typed(NOON, 0, body).warnings();
        assert_eq!(
            found.into_iter().map(Warning::code).collect::<Vec<_>>(),
            [code]
        );
    }
}

#[test]
fn a_warning_reads_as_a_sentence() {
    let warnings = record("heart-rate", "300").warnings();
    assert_eq!(
        warnings[0].to_string(),
        "Heart rate is unusual: most are between 25 and 240 per minute. Kept as entered."
    );
}

proptest! {
    #[test]
    fn typing_never_panics(index in 0..44_usize, text in "\\PC{0,24}|[0-9a-z/. %]{0,24}") {
        let names: Vec<_> = all().map(|kind| kind.name).collect();
        let name = names.get(index).copied().unwrap_or("medicine");
        if let Ok(entry) = entry(name, &text) {
            let record = Record::typed(NOON, 0, entry.body);
            let _ = (record.check(), record.warnings());
        }
    }
}

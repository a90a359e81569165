#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
use super::*;
use crate::import::mutation::{Dice, TRIES, damaged};
use crate::import::{Event, Place, Tally, fingerprint};
use crate::record::{Body, Grade, Record, Value};
use std::ops::ControlFlow;

mod archive;

const WATCH: &str = "&lt;&lt;HKDevice: 0x2812345&gt;, name:Apple Watch, manufacturer:Apple Inc., \
    model:Watch, hardware:Watch6,2, software:9.1&gt;";

fn document(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE HealthData [\n\
         <!-- HealthKit Export Version: 14 -->\n<!ELEMENT HealthData (ExportDate,Me,(Record)*)>\n\
         <!ATTLIST HealthData\n  locale CDATA #REQUIRED\n>\n]>\n<HealthData locale=\"de_DE\">\n{body}\n</HealthData>\n"
    )
}

fn record(kind: &str, unit: &str, value: &str) -> String {
    let unit = if unit.is_empty() {
        String::new()
    } else {
        format!("unit=\"{unit}\" ")
    };
    format!(
        "<Record type=\"{kind}\" sourceName=\"Watch\" device=\"{WATCH}\" {unit}\
         creationDate=\"2025-03-01 09:00:00 +0100\" startDate=\"2025-03-01 08:00:00 +0100\" \
         endDate=\"2025-03-01 08:30:00 +0100\" value=\"{value}\"/>"
    )
}

fn read_all(bytes: &[u8]) -> (Vec<Record>, Tally, Result<End, ImportError>) {
    let mut records = Vec::new();
    let mut tally = Tally::default();
    let result = read(bytes, None, &mut |event| {
        tally.count(&event);
        if let Event::Record(record) = event {
            records.push(record);
        }
        ControlFlow::Continue(())
    });
    (records, tally, result)
}

fn one(body: &str) -> Record {
    let (mut records, tally, result) = read_all(document(body).as_bytes());
    assert_eq!(result.unwrap(), End::Complete);
    assert_eq!((records.len(), tally.records), (1, 1), "{body}");
    records.pop().unwrap()
}

/// `code value unit`, as tests say what they expect.
fn said(record: &Record) -> String {
    let Body::Observation { code, value } = &record.body else {
        panic!("only observations are imported");
    };
    match value {
        Value::Quantity(number, unit) => format!("{code} {number} {unit}"),
        Value::Text(words) => format!("{code} {words}"),
        Value::Components(parts) => {
            let parts = parts
                .iter()
                .map(|(code, number, unit)| format!(" {code} {number} {unit}"));
            format!("{code}{}", parts.collect::<String>())
        }
        Value::Waveform { .. } => panic!("no waveform is imported"),
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "one row a type")]
fn every_type_becomes_its_code_with_the_number_as_measured() {
    let quantity = |name: &str| format!("HKQuantityTypeIdentifier{name}");
    let category = |name: &str| format!("HKCategoryTypeIdentifier{name}");
    let sleep = |stage: &str| format!("HKCategoryValueSleepAnalysis{stage}");
    let molar = "mmol&lt;180.1558800000541&gt;/L";
    let cases = [
        (
            quantity("HeartRate"),
            "count/min",
            "61",
            "loinc|8867-4 61 /min",
        ),
        (
            quantity("RestingHeartRate"),
            "count/min",
            "54",
            "loinc|40443-4 54 /min",
        ),
        (
            quantity("HeartRateVariabilitySDNN"),
            "ms",
            "41.2345",
            "loinc|80404-7 41.2345 ms",
        ),
        (quantity("StepCount"), "count", "523", "loinc|55423-8 523 1"),
        (
            quantity("DistanceWalkingRunning"),
            "km",
            "0.73425",
            "loinc|55430-3 0.73425 km",
        ),
        (
            quantity("DistanceWalkingRunning"),
            "mi",
            "0.5",
            "loinc|55430-3 0.5 [mi_i]",
        ),
        (
            quantity("ActiveEnergyBurned"),
            "kcal",
            "12.75",
            "loinc|41981-2 12.75 kcal",
        ),
        (
            quantity("ActiveEnergyBurned"),
            "Cal",
            "12.75",
            "loinc|41981-2 12.75 kcal",
        ),
        (
            quantity("ActiveEnergyBurned"),
            "kJ",
            "53",
            "loinc|41981-2 53 kJ",
        ),
        (
            quantity("OxygenSaturation"),
            "%",
            "0.98",
            "loinc|2708-6 98 %",
        ),
        (
            quantity("OxygenSaturation"),
            "%",
            "0.975",
            "loinc|2708-6 97.5 %",
        ),
        (quantity("OxygenSaturation"), "%", "1", "loinc|2708-6 100 %"),
        (
            quantity("BodyTemperature"),
            "degC",
            "36.8",
            "loinc|8310-5 36.8 Cel",
        ),
        (
            quantity("BodyTemperature"),
            "degF",
            "98.6",
            "loinc|8310-5 98.6 [degF]",
        ),
        (
            quantity("BloodGlucose"),
            "mg/dL",
            "95",
            "loinc|2339-0 95 mg/dL",
        ),
        (
            quantity("BloodGlucose"),
            molar,
            "5.3",
            "loinc|15074-8 5.3 mmol/L",
        ),
        (
            quantity("BodyMass"),
            "kg",
            "72.10",
            "loinc|29463-7 72.10 kg",
        ),
        (
            quantity("BodyMass"),
            "lb",
            "158.9",
            "loinc|29463-7 158.9 [lb_av]",
        ),
        (
            quantity("BodyMassIndex"),
            "count",
            "22.8",
            "loinc|39156-5 22.8 kg/m2",
        ),
        (quantity("Height"), "cm", "178", "loinc|8302-2 178 cm"),
        (
            quantity("BodyFatPercentage"),
            "%",
            "0.213",
            "loinc|41982-0 21.3 %",
        ),
        (
            quantity("RespiratoryRate"),
            "count/min",
            "14.5",
            "loinc|9279-1 14.5 /min",
        ),
        (
            category("SleepAnalysis"),
            "",
            &sleep("AsleepCore"),
            "loinc|93830-8 30 min",
        ),
        (
            category("SleepAnalysis"),
            "",
            &sleep("AsleepDeep"),
            "loinc|93831-6 30 min",
        ),
        (
            category("SleepAnalysis"),
            "",
            &sleep("AsleepREM"),
            "loinc|93829-0 30 min",
        ),
        (
            category("SleepAnalysis"),
            "",
            &sleep("AsleepUnspecified"),
            "loinc|93832-4 30 min",
        ),
        (
            category("SleepAnalysis"),
            "",
            &sleep("Asleep"),
            "loinc|93832-4 30 min",
        ),
        (
            category("SleepAnalysis"),
            "",
            &sleep("InBed"),
            "vw|time-in-bed 30 min",
        ),
        (
            category("SleepAnalysis"),
            "",
            &sleep("Awake"),
            "loinc|103215-0 30 min",
        ),
        (
            category("MindfulSession"),
            "",
            "HKCategoryValueNotApplicable",
            "vw|mindful 30 min",
        ),
        (
            category("Headache"),
            "",
            "HKCategoryValueSeverityMild",
            "loinc|75325-1 headache: mild",
        ),
        (
            category("Fatigue"),
            "",
            "HKCategoryValueSeverityNotPresent",
            "loinc|75325-1 fatigue: not present",
        ),
        (
            category("SleepChanges"),
            "",
            "HKCategoryValuePresencePresent",
            "loinc|75325-1 sleep changes: present",
        ),
    ];
    for (kind, unit, value, expect) in cases {
        let found = one(&record(&kind, unit, value));
        assert_eq!(said(&found), expect, "{kind}");
        assert_eq!(found.start_ms, 1_740_812_400_000, "{kind}");
        assert_eq!(found.end_ms, Some(1_740_814_200_000), "{kind}");
        assert_eq!(found.offset_min, 60, "{kind}");
        assert_eq!(found.source.grade, Grade::VendorFile, "{kind}");
    }
}

#[test]
fn what_becomes_no_record_is_counted_by_reason() {
    let heart = "HKQuantityTypeIdentifierHeartRate";
    let good = record(heart, "count/min", "61");
    let cases = [
        (
            record("HKQuantityTypeIdentifierFlightsClimbed", "count", "3"),
            "unknown_type",
        ),
        (record(heart, "count/min", "fast"), "value"),
        (record(heart, "count/min", "NaN"), "value"),
        (record(heart, "count/min", ""), "value"),
        (record(heart, "mg/dL", "61"), "unit"),
        (record(heart, "", "61"), "unit"),
        (
            record("HKCategoryTypeIdentifierSleepAnalysis", "", "Asleep"),
            "value",
        ),
        (
            good.replace("2025-03-01 08:00:00 +0100", "yesterday"),
            "time",
        ),
        (
            good.replace("2025-03-01 08:00:00 +0100", "2025-03-01 08:30:01 +0100"),
            "time",
        ),
        (good.replace("startDate", "begin"), "time"),
        (
            "<Me HKCharacteristicTypeIdentifierDateOfBirth=\"1980-01-01\"/>".to_owned(),
            "not_a_record",
        ),
        (
            "<ActivitySummary dateComponents=\"2025-03-01\"/>".to_owned(),
            "not_a_record",
        ),
        (
            "<ExportDate value=\"2025-03-01 08:00:00 +0100\"/>".to_owned(),
            "not_a_record",
        ),
        ("<Novelty><Record/></Novelty>".to_owned(), "unknown_type"),
    ];
    for (body, reason) in cases {
        let (records, tally, result) = read_all(document(&body).as_bytes());
        assert_eq!(result.unwrap(), End::Complete, "{body}");
        assert!(records.is_empty(), "{body}");
        let codes: Vec<_> = tally.skipped.keys().map(Skip::code).collect();
        assert_eq!(codes, [reason], "{body}");
    }
}

#[test]
fn metadata_says_who_typed_it_and_single_beats_are_passed_over() {
    let open = record("HKQuantityTypeIdentifierBloodGlucose", "mg/dL", "95").replace("/>", ">");
    let typed = one(&format!(
        "{open}<MetadataEntry key=\"HKWasUserEntered\" value=\"1\"/>\
         <MetadataEntry key=\"HKBloodGlucoseMealTime\" value=\"2\"/></Record>"
    ));
    assert_eq!(typed.source.grade, Grade::Typed);
    assert_eq!(typed.context.unwrap().notes["meal"], "after");
    let open = record(
        "HKQuantityTypeIdentifierHeartRateVariabilitySDNN",
        "ms",
        "41",
    )
    .replace("/>", ">");
    let body = format!(
        "{open}<HeartRateVariabilityMetadataList><InstantaneousBeatsPerMinute bpm=\"62\" \
         time=\"08:01:05,43\"/></HeartRateVariabilityMetadataList></Record>"
    );
    let (records, tally, _) = read_all(document(&body).as_bytes());
    assert_eq!(records.len(), 1);
    assert_eq!(tally.skipped_in_all(), 1);
}

const SYSTOLIC: &str = "HKQuantityTypeIdentifierBloodPressureSystolic";
const DIASTOLIC: &str = "HKQuantityTypeIdentifierBloodPressureDiastolic";

fn correlation(inner: &str) -> String {
    format!(
        "<Correlation type=\"HKCorrelationTypeIdentifierBloodPressure\" sourceName=\"Watch\" \
         startDate=\"2025-03-01 08:00:00 +0100\" endDate=\"2025-03-01 08:00:00 +0100\">{inner}</Correlation>"
    )
}

#[test]
fn a_blood_pressure_is_one_panel_however_often_its_halves_stand_there() {
    let halves = record(SYSTOLIC, "mmHg", "121") + &record(DIASTOLIC, "mmHg", "79");
    let together = correlation(&halves);
    let panel = "loinc|85354-9 loinc|8480-6 121 mm[Hg] loinc|8462-4 79 mm[Hg]";
    let mut prints = Vec::new();
    for body in [
        together.clone(),
        halves.clone(),
        format!("{halves}{together}"),
    ] {
        let found = one(&body);
        assert_eq!(said(&found), panel);
        prints.push(fingerprint(&found));
    }
    prints.dedup();
    assert_eq!(prints.len(), 1);
    let alone = one(&record(SYSTOLIC, "kPa", "16.1"));
    assert_eq!(said(&alone), "loinc|85354-9 loinc|8480-6 16.1 kPa");
}

#[test]
fn halves_read_before_the_damage_are_records() {
    let halves = record(SYSTOLIC, "mmHg", "121") + &record(DIASTOLIC, "mmHg", "79");
    let whole = document(&halves);
    let cut = whole.len() - 20;
    let (records, _, result) = read_all(&whole.as_bytes()[..cut]);
    assert_eq!(result.unwrap_err().code(), "import_truncated");
    assert_eq!(records.len(), 1);
}

#[test]
fn a_workout_is_a_training_with_its_energy_and_distance_as_notes() {
    let found = one(
        "<Workout workoutActivityType=\"HKWorkoutActivityTypeTraditionalStrengthTraining\" \
         duration=\"31.25\" durationUnit=\"min\" sourceName=\"Watch\" \
         startDate=\"2025-07-01 18:00:00 +0200\" endDate=\"2025-07-01 18:32:00 +0200\">\
         <MetadataEntry key=\"HKIndoorWorkout\" value=\"1\"/>\
         <WorkoutEvent type=\"HKWorkoutEventTypePause\" date=\"2025-07-01 18:10:00 +0200\"/>\
         <WorkoutStatistics type=\"HKQuantityTypeIdentifierActiveEnergyBurned\" sum=\"210.5\" unit=\"kcal\"/>\
         <WorkoutStatistics type=\"HKQuantityTypeIdentifierDistanceCycling\" sum=\"10.2\" unit=\"km\"/>\
         <WorkoutRoute><FileReference path=\"/r.gpx\"/></WorkoutRoute></Workout>",
    );
    assert_eq!(said(&found), "loinc|55411-3 31.25 min");
    assert_eq!(found.offset_min, 120);
    let notes = found.context.unwrap().notes;
    assert_eq!(notes["type"], "traditional strength training");
    assert_eq!(notes["energy"], "210.5 kcal");
    assert_eq!(notes["distance"], "10.2 km");
}

#[test]
fn a_device_keeps_its_reference_from_export_to_export() {
    let first = one(&record(
        "HKQuantityTypeIdentifierHeartRate",
        "count/min",
        "61",
    ));
    let later = record("HKQuantityTypeIdentifierHeartRate", "count/min", "61")
        .replace("0x2812345", "0x99999")
        .replace("software:9.1", "software:11.4");
    let later = one(&later);
    assert_eq!(first.source.device, later.source.device);
    assert_eq!(fingerprint(&first), fingerprint(&later));
    let phone = record("HKQuantityTypeIdentifierHeartRate", "count/min", "61")
        .replace("\"Watch\"", "\"Phone\"");
    assert_ne!(first.source.device, one(&phone).source.device);
}

#[test]
fn a_damaged_file_names_the_place_and_keeps_what_came_before() {
    let good = record("HKQuantityTypeIdentifierHeartRate", "count/min", "61");
    let whole = document(&format!("{good}\n{good}\nHERE"));
    let at = whole.find("HERE").unwrap();
    let line = 1 + whole[..at].matches('\n').count() as u64;
    for (damage, code) in [
        (&b"\x00"[..], "import_illegal_bytes"),
        (b"\xff", "import_illegal_bytes"),
        (b"<Record type=\"\x1b\"/>", "import_illegal_bytes"),
        (b"&bomb;", "import_entity"),
        (b"<Record type=\"&bomb;\"/>", "import_entity"),
        (b"</Record>", "import_malformed"),
        (b"<Record type=HeartRate/>", "import_malformed"),
        (b"<Record type=\"a\" type=\"b\"/>", "import_malformed"),
        (b"<Record type=\"a", "import_truncated"),
    ] {
        let cut = code == "import_truncated";
        let rest = if cut { &b""[..] } else { b"\n</HealthData>" };
        let bytes = [&whole.as_bytes()[..at], damage, rest].concat();
        let (records, _, result) = read_all(&bytes);
        let error = result.unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(records.len(), 2, "{code}");
        let place = error.place().unwrap();
        assert!(
            place.offset >= at as u64 && place.offset <= bytes.len() as u64,
            "{code}"
        );
        assert_eq!(place.line, Some(line), "{code}");
    }
}

#[test]
fn another_document_is_not_health_data() {
    for text in [
        "<ClinicalDocument/>",
        "<a><HealthData/></a>",
        "<TrainingCenterDatabase></TrainingCenterDatabase>",
    ] {
        let (_, _, result) = read_all(text.as_bytes());
        assert_eq!(
            result.unwrap_err().code(),
            "import_unknown_format",
            "{text}"
        );
    }
}

#[test]
fn breaking_off_ends_the_import_at_once() {
    let good = record("HKQuantityTypeIdentifierHeartRate", "count/min", "61");
    let whole = document(&good.repeat(10));
    let mut seen = 0;
    let end = read(whole.as_bytes(), None, &mut |event| {
        seen += u32::from(matches!(event, Event::Record(_)));
        if seen == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!((end.unwrap(), seen), (End::Cancelled, 3));
}

#[test]
fn no_damaged_export_makes_the_reader_panic() {
    let open = record(
        "HKQuantityTypeIdentifierHeartRateVariabilitySDNN",
        "ms",
        "41",
    )
    .replace("/>", ">");
    let halves = record(SYSTOLIC, "mmHg", "121") + &record(DIASTOLIC, "mmHg", "79");
    let file = document(&format!(
        "<Me a=\"b\"/>{open}<MetadataEntry key=\"HKWasUserEntered\" value=\"1\"/></Record>\n{halves}\n\
         {}\n<Workout workoutActivityType=\"HKWorkoutActivityTypeRunning\" duration=\"3\" durationUnit=\"min\" \
         sourceName=\"W\" startDate=\"2025-03-01 08:00:00 +0100\" endDate=\"2025-03-01 08:03:00 +0100\">\
         <WorkoutStatistics type=\"HKQuantityTypeIdentifierDistanceWalkingRunning\" sum=\"1\" unit=\"km\"/></Workout>",
        correlation(&halves)
    ));
    let words: [&[u8]; 12] = [
        b"<",
        b">",
        b"\"",
        b"&#x110000;",
        b"&amp;",
        b"<!ENTITY a \"b\">",
        b"]]>",
        b"<![CDATA[",
        b"-->",
        b"9999-12-31 23:59:59 -1800",
        b"1e999",
        b"-99999999999999999999",
    ];
    let mut dice = Dice::new(11);
    let (mut whole, mut refused) = (0, 0);
    for _ in 0..TRIES {
        let bytes = damaged(file.as_bytes(), &words, &mut dice);
        match read_all(&bytes).2 {
            Ok(_) => whole += 1,
            Err(error) => {
                refused += 1;
                if let Some(Place { offset, .. }) = error.place() {
                    assert!(offset <= bytes.len() as u64);
                }
            }
        }
    }
    assert!(
        whole > TRIES / 50 && refused > TRIES / 50,
        "{whole} read, {refused} refused"
    );
}

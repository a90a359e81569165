//! Imports of activities that real devices recorded.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use fitparser::de::{DecodeOption, from_bytes_with_options};
use fitparser::profile::MesgNum;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use vitalwitness_domain::import::{self, End, Event, fingerprint};
use vitalwitness_domain::record::{Body, Record, Value};
use vitalwitness_tests::activities;

const HEART_RATE: &str = "loinc|8867-4";

fn imported(path: &Path) -> Vec<Record> {
    let mut records = Vec::new();
    let end = import::read(File::open(path).unwrap(), &|_| 0, &mut |event| {
        if let Event::Record(record) = event {
            records.push(record);
        }
        ControlFlow::Continue(())
    });
    assert_eq!(end.unwrap(), End::Complete, "{}", path.display());
    records
}

/// Start in milliseconds and beats a minute.
fn heart_rates(records: &[Record]) -> Vec<(i64, i64)> {
    records
        .iter()
        .filter_map(|record| match &record.body {
            Body::Observation {
                code,
                value: Value::Quantity(number, _),
            } if code == HEART_RATE => Some((record.start_ms, number.mantissa())),
            _ => None,
        })
        .collect()
}

/// The heart rates another reader finds.
fn by_fitparser(path: &Path) -> Vec<(i64, i64)> {
    let options = [DecodeOption::ReturnNumericEnumValues]
        .into_iter()
        .collect();
    let messages = from_bytes_with_options(&fs::read(path).unwrap(), &options).unwrap();
    let mut found = Vec::new();
    for message in messages
        .iter()
        .filter(|message| message.kind() == MesgNum::Record)
    {
        let field = |name: &str| {
            let field = message.fields().iter().find(|field| field.name() == name)?;
            i64::try_from_value(field.value())
        };
        if let (Some(time), Some(rate)) = (field("timestamp"), field("heart_rate")) {
            found.push((time * 1_000, rate));
        }
    }
    found
}

/// The other reader's numbers.
trait FromValue: Sized {
    fn try_from_value(value: &fitparser::Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn try_from_value(value: &fitparser::Value) -> Option<Self> {
        value.try_into().ok()
    }
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    found.sort();
    found
}

#[test]
fn the_fixture_holds_the_heart_rates_another_reader_finds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sweat/6471559601_ACTIVITY.fit");
    let records = imported(&path);
    let found = heart_rates(&records);
    assert_eq!((found.len(), found[0]), (60, (1_616_410_096_000, 58)));
    assert_eq!(found, by_fitparser(&path));
    assert!(records.iter().all(|record| record.offset_min == 60));
    let mut sports = records
        .iter()
        .filter_map(|record| record.context.as_ref()?.notes.get("type"));
    assert!(sports.by_ref().eq(["running", "transition", "rowing"]));
}

#[test]
fn every_recorded_activity_is_read_whole_and_without_a_warning() {
    let Some(folder) = activities::fetched() else {
        return;
    };
    for (ending, files, rates) in [
        ("fit", files(&folder, "fit"), 13_871),
        ("tcx", files(&folder, "tcx"), 17_130),
    ] {
        let mut sum = 0;
        for path in &files {
            let records = imported(path);
            for record in &records {
                assert!(record.warnings().is_empty(), "{}", path.display());
            }
            let trainings = records
                .iter()
                .filter(|record| record.stream_code() == "loinc|55411-3");
            assert!(trainings.count() > 0, "{}", path.display());
            let found = heart_rates(&records);
            if ending == "fit" {
                assert_eq!(found, by_fitparser(path), "{}", path.display());
            }
            sum += found.len();
        }
        assert_eq!(sum, rates, "{ending}");
    }
}

#[test]
fn the_same_activity_in_fit_and_tcx_is_counted_once() {
    let Some(folder) = activities::fetched() else {
        return;
    };
    for (fit, tcx) in [
        ("4078723797.fit", "activity_4078723797.tcx"),
        ("4801048867.fit", "activity_4801048867.tcx"),
        ("2020-06-01-16-52-40.fit", "activity_5039744860.tcx"),
    ] {
        let first = imported(&folder.join(fit));
        let known: BTreeSet<_> = first.iter().map(fingerprint).collect();
        assert_eq!(known.len(), first.len(), "{fit}");
        let second = imported(&folder.join(tcx));
        let new: Vec<_> = second
            .iter()
            .filter(|record| !known.contains(&fingerprint(record)))
            .collect();
        assert!(
            new.iter().all(|record| record.stream_code() == HEART_RATE),
            "{tcx}"
        );
        // The two do not hold the same seconds when the watch slept; the rest agrees.
        assert!(
            new.len() * 10 < second.len(),
            "{tcx}: {} of {}",
            new.len(),
            second.len()
        );
    }
}

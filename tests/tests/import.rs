//! Imports of what the generator writes: counts, times, memory, repetition.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Cursor};
use std::ops::ControlFlow;
use std::process::Command;
use vitalwitness_domain::import::{self, End, Event, Progress, Tally, csv, fingerprint};
use vitalwitness_domain::record::Record;
use vitalwitness_tests::generator::{self, Expected, Plan, berlin};

/// Five weeks around the beginning of summer time.
fn spring(seed: u64) -> Plan {
    Plan {
        days: 35,
        ..Plan::year(seed)
    }
}

fn generated(plan: &Plan) -> (Vec<u8>, Expected) {
    let mut bytes = Vec::new();
    let expected = generator::write(plan, &mut bytes).unwrap();
    (bytes, expected)
}

fn imported(bytes: Vec<u8>) -> (Vec<Record>, Tally) {
    let (mut records, mut tally) = (Vec::new(), Tally::default());
    let end = import::read(Cursor::new(bytes), &berlin, &mut |event| {
        tally.count(&event);
        if let Event::Record(record) = event {
            records.push(record);
        }
        ControlFlow::Continue(())
    });
    assert_eq!(end.unwrap(), End::Complete);
    (records, tally)
}

#[test]
fn every_record_written_comes_out_once_under_its_code() {
    for seed in [1, 2] {
        let (bytes, expected) = generated(&spring(seed));
        let (records, tally) = imported(bytes);
        let mut codes: BTreeMap<String, u64> = BTreeMap::new();
        for record in &records {
            *codes.entry(record.stream_code().to_owned()).or_default() += 1;
        }
        assert_eq!(codes, expected.records);
        let mut skipped: BTreeMap<&str, u64> = BTreeMap::new();
        for (skip, count) in &tally.skipped {
            *skipped.entry(skip.code()).or_default() += count;
        }
        assert_eq!(skipped, expected.skipped);
        assert!(codes.len() > 20, "{}", codes.len());
    }
}

#[test]
fn every_record_is_plausible_and_keeps_the_offset_of_its_day() {
    let (records, _) = imported(generated(&spring(1)).0);
    let mut offsets = BTreeSet::new();
    for record in &records {
        assert!(record.warnings().is_empty(), "{}", record.stream_code());
        assert_eq!(record.offset_min, berlin(record.start_ms));
        offsets.insert(record.offset_min);
    }
    assert_eq!(offsets, BTreeSet::from([60, 120]));
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_another_person() {
    let week = |seed| {
        generated(&Plan {
            days: 7,
            ..Plan::year(seed)
        })
    };
    assert!(week(1) == week(1));
    assert!(week(1).0 != week(2).0);
}

#[test]
fn a_second_import_finds_nothing_new_and_no_two_records_are_one() {
    let plan = spring(1);
    let (bytes, expected) = generated(&plan);
    let prints = |bytes| -> BTreeSet<_> { imported(bytes).0.iter().map(fingerprint).collect() };
    let first = prints(bytes);
    assert_eq!(first.len() as u64, expected.records_in_all());
    let mut archive = Cursor::new(Vec::new());
    assert_eq!(generator::write_zip(&plan, &mut archive).unwrap(), expected);
    assert!(prints(archive.into_inner()) == first);
}

#[test]
fn a_month_goes_through_a_table_and_back_without_loss() {
    let (records, _) = imported(generated(&spring(1)).0);
    let mut table = Vec::new();
    let written = csv::write(&records, &mut table).unwrap();
    assert_eq!((written.rows, written.left_out), (records.len() as u64, 0));
    assert!(imported(table).0 == records);
}

#[test]
fn progress_rises_to_the_length_of_the_file() {
    let (bytes, _) = generated(&spring(1));
    let length = bytes.len() as u64;
    let mut steps: Vec<Progress> = Vec::new();
    import::read(Cursor::new(bytes), &berlin, &mut |event| {
        if let Event::Progress(step) = event {
            steps.push(step);
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(steps.len() as u64 > length >> 21);
    assert!(steps.is_sorted_by_key(|step| step.bytes));
    assert_eq!(steps.last().unwrap().bytes, length);
    assert!(steps.iter().all(|step| step.total == Some(length)));
}

#[test]
fn a_cut_export_keeps_what_it_held() {
    let (mut bytes, _) = generated(&spring(1));
    bytes.truncate(bytes.len() / 2);
    let mut tally = Tally::default();
    let error = import::read(Cursor::new(bytes), &berlin, &mut |event| {
        tally.count(&event);
        ControlFlow::Continue(())
    });
    assert_eq!(error.unwrap_err().code(), "import_truncated");
    assert!(tally.records > 1_000);
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut peaks = Vec::new();
    for megabytes in [8_u64, 64] {
        let path = folder.path().join(format!("{megabytes}.xml"));
        let plan = Plan {
            days: u32::try_from(megabytes * 5).unwrap(),
            heart_rate_every_s: 450,
            ..Plan::year(1)
        };
        let to = BufWriter::new(File::create(&path).unwrap());
        let expected = generator::write(&plan, to).unwrap();
        let bytes = std::fs::metadata(&path).unwrap().len();
        assert!(bytes > megabytes << 19, "{bytes}");
        let reader = Command::new(env!("CARGO_BIN_EXE_apple-export"))
            .arg("read")
            .arg(&path)
            .output()
            .unwrap();
        let line = String::from_utf8(reader.stdout).unwrap();
        let field = |name: &str| -> u64 {
            let found = line
                .split_whitespace()
                .find_map(|word| word.strip_prefix(name));
            found.unwrap_or_else(|| panic!("{line}")).parse().unwrap()
        };
        assert_eq!(field("records="), expected.records_in_all());
        peaks.push(field("peak_kib="));
    }
    assert!(peaks[1] < 32 * 1024, "{peaks:?} KiB");
    assert!(peaks[1] < peaks[0] + 4 * 1024, "{peaks:?} KiB");
}

//! A year of a made-up person's health, as an Apple Health export.
//!
//! Written in the form phones write it (version 14: document type, `Me`, records grouped by type,
//! correlations, workouts, activity summaries), from a seed: the same plan gives the same bytes.
//! The person lives in Berlin, so offsets change with summer time; wears a watch and carries a
//! phone, so steps stand there twice; sleeps, trains, falls ill, and measures blood pressure,
//! glucose and weight. Streams to any writer; memory does not grow with the length.

mod clock;
mod dice;
mod document;
mod life;
mod samples;

pub use clock::berlin;

use chrono::NaiveDate;
use std::collections::BTreeMap;
use std::io::{self, Seek, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Same seed, same person.
    pub seed: u64,
    /// First day, from local midnight.
    pub first: NaiveDate,
    /// How many days, 1 to 4,000.
    pub days: u32,
    /// Seconds between two heart rates outside of training, 1 to 3,600.
    pub heart_rate_every_s: u32,
}

impl Plan {
    /// A year to the end of February 2026, a heart rate every ten minutes: about 50 MB.
    pub fn year(seed: u64) -> Self {
        Self {
            seed,
            first: NaiveDate::from_ymd_opt(2025, 3, 1).unwrap_or_default(),
            days: 365,
            heart_rate_every_s: 600,
        }
    }

    /// A year of at least `bytes`, by measuring the heart rate more often; up to 10 GB.
    pub fn of_bytes(seed: u64, bytes: u64) -> Self {
        let year = Self::year(seed);
        let samples = (bytes / HEART_RATE_BYTES).max(1);
        let seconds = u64::from(year.days) * 86_400;
        Self {
            heart_rate_every_s: u32::try_from(seconds / samples)
                .unwrap_or(1)
                .clamp(1, 3_600),
            ..year
        }
    }
}

/// What an importer must find in what was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Records by code.
    pub records: BTreeMap<String, u64>,
    /// What becomes no record, by the importer's reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Trainings, for the narration.
    pub trainings: u64,
}

impl Expected {
    /// All records.
    pub fn records_in_all(&self) -> u64 {
        self.records.values().sum()
    }
}

/// Writes `export.xml`.
///
/// # Errors
///
/// What `to` says.
pub fn write(plan: &Plan, to: impl Write) -> io::Result<Expected> {
    document::write(plan, to)
}

/// Writes the archive a phone shares: the export, the clinical document beside it, a route.
///
/// # Errors
///
/// What `to` says.
pub fn write_zip(plan: &Plan, to: impl Write + Seek) -> io::Result<Expected> {
    let mut archive = ZipWriter::new(to);
    let options = SimpleFileOptions::default()
        .compression_level(Some(1))
        .large_file(true);
    archive.start_file("apple_health_export/workout-routes/route_1.gpx", options)?;
    archive.write_all(b"<?xml version=\"1.0\"?>\n<gpx version=\"1.1\"/>\n")?;
    archive.start_file("apple_health_export/export_cda.xml", options)?;
    archive.write_all(b"<?xml version=\"1.0\"?>\n<ClinicalDocument/>\n")?;
    archive.start_file("apple_health_export/Export.xml", options)?;
    let expected = document::write(plan, io::BufWriter::with_capacity(1 << 16, &mut archive))?;
    archive.finish()?;
    Ok(expected)
}

/// About what one heart rate takes in the file.
const HEART_RATE_BYTES: u64 = 440;

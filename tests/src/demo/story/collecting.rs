//! What Robin's phone takes in from files: a year of an Apple Health export, recorded activities.

use super::Story;
use crate::demo::page::thousands;
use crate::demo::people::{Patient, Trouble};
use crate::generator::{self, Plan};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use vitalwitness_vault::{ImportEnd, ImportReport};

impl Story {
    pub(super) fn import(&mut self, robin: &Patient) -> Result<(), Trouble> {
        self.narrator
            .step("Robin imports a year of an Apple Health export");
        let file = self.work.join("export.zip");
        let expected =
            generator::write_zip(&Plan::year(SEED), BufWriter::new(File::create(&file)?))?;
        self.narrator.say(&format!(
            "made by a seeded generator in the real format (zip of {} bytes, DTD, two sources, both changes of the clock)",
            thousands(usize::try_from(file.metadata()?.len())?)
        ));
        let report = self.take(robin, &file)?;
        if report.added != expected.records_in_all() {
            return Err(format!("{} records were expected", expected.records_in_all()).into());
        }
        let again = self.take(robin, &file)?;
        if again.added != 0 {
            return Err("the second import added records".into());
        }

        self.narrator
            .step("Robin imports recorded activities with a heart rate a second");
        let activities = activities();
        if activities.is_empty() {
            self.narrator.say("none here: `tests/fetch-activities.sh` brings them (Python package sweat, MIT), with pip");
        }
        for file in activities {
            self.take(robin, &file)?;
        }
        Ok(())
    }

    fn take(&mut self, robin: &Patient, file: &Path) -> Result<ImportReport, Trouble> {
        let never = AtomicBool::new(false);
        let report = robin.vault.import(file, &|_| 60, &mut |_| {}, &never)?;
        if !matches!(report.end, ImportEnd::Complete) {
            return Err(format!("{} was not read to its end", file.display()).into());
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let count = |n: u64| usize::try_from(n).map(thousands);
        self.narrator.say(&format!(
            "{name}: {} read, {} added, {} there already",
            count(report.read)?,
            count(report.added)?,
            count(report.duplicates)?
        ));
        Ok(report)
    }
}

/// Recorded activities that were fetched before.
fn activities() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(crate::activities::place())
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "fit" || e == "tcx"))
        .collect();
    found.sort();
    found
}

const SEED: u64 = 2017;

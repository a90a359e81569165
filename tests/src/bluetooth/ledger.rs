//! What the emulated devices wrote down: every frame they sent, and the readings in it.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A reading as its device made it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    /// LOINC code, without its system.
    pub code: String,
    /// Its numbers, as text: one, or those of a panel with `/` between.
    pub numbers: Vec<String>,
    /// When it was taken, ms UTC, if it has a time of its own.
    pub at_ms: Option<i64>,
    /// The time it was stamped with was wrong.
    pub clock_off: bool,
    /// Which user of the device it is of.
    pub user: Option<u8>,
}

/// What one scene's devices sent and were told.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Each reading once, however often it was sent.
    pub readings: BTreeMap<String, Sent>,
    /// How often a reading was sent again.
    pub repeated: u64,
    /// Frames that cannot be read.
    pub unreadable: u64,
    /// Frames in all.
    pub frames: u64,
    /// What happened to the link, by name.
    pub events: BTreeMap<String, u64>,
    /// What was written, by characteristic.
    pub written: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Ledger {
    /// Reads the ledgers of `scene` in `folder`.
    ///
    /// # Errors
    ///
    /// Says which file, and what is wrong.
    pub fn read(folder: &Path, scene: &str) -> Result<Self, String> {
        let mut ledger = Self::default();
        let mut files = BTreeSet::new();
        for entry in std::fs::read_dir(folder).map_err(|it| it.to_string())? {
            let path = entry.map_err(|it| it.to_string())?.path();
            let name = path
                .file_name()
                .and_then(|it| it.to_str())
                .unwrap_or_default();
            let of_scene = name
                .strip_prefix(scene)
                .is_some_and(|it| it.starts_with('.'));
            if of_scene && path.extension().is_some_and(|it| it == "jsonl") {
                files.insert(path);
            }
        }
        if files.is_empty() {
            return Err(format!("no device of {scene} wrote anything"));
        }
        for path in files {
            let text = std::fs::read_to_string(&path).map_err(|it| it.to_string())?;
            for line in text.lines() {
                let line: Value = serde_json::from_str(line)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                ledger
                    .take(&line)
                    .ok_or_else(|| format!("{}: not a line of a ledger: {line}", path.display()))?;
            }
        }
        Ok(ledger)
    }

    fn take(&mut self, line: &Value) -> Option<()> {
        match line["kind"].as_str()? {
            "sent" => {
                self.frames += 1;
                self.unreadable += u64::from(!line["refused"].is_null());
                for reading in line["readings"].as_array()? {
                    let id = reading["id"].to_string();
                    if self.readings.insert(id, sent(reading)?).is_some() {
                        self.repeated += 1;
                    }
                }
            }
            "event" => {
                let what = line["what"].as_str()?.to_owned();
                *self.events.entry(what).or_default() += 1;
            }
            "wrote" => {
                let to = line["characteristic"].as_str()?.to_owned();
                let bytes = hex::decode(line["frame"].as_str()?).ok()?;
                self.written.entry(to).or_default().push(bytes);
            }
            _ => return None,
        }
        Some(())
    }
}

fn sent(reading: &Value) -> Option<Sent> {
    let true_time = reading["true"].as_str();
    let at_ms = match true_time.or(reading["time"].as_str()) {
        Some(time) => Some(
            time.parse::<chrono::NaiveDateTime>()
                .ok()?
                .and_utc()
                .timestamp_millis(),
        ),
        None => None,
    };
    let numbers = reading["value"].as_str()?.split('/').map(str::to_owned);
    Some(Sent {
        code: reading["code"].as_str()?.to_owned(),
        numbers: numbers.collect(),
        at_ms,
        clock_off: true_time.is_some(),
        user: reading["user"]
            .as_u64()
            .and_then(|user| u8::try_from(user).ok()),
    })
}

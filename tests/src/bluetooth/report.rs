//! What the guest says of a run, for the judge outside.

use serde::{Deserialize, Serialize};

/// File of the report, beside the ledgers.
pub const REPORT: &str = "report.json";
/// File of the vault, carried out of the guest.
pub const VAULT: &str = "vault.db";
/// File of its keys, under [`PASSPHRASE`].
pub const KEYS: &str = "vault.keys";
/// Of the keys' file: the guest lives for a minute, and holds recorded and made-up values.
pub const PASSPHRASE: &str = "guest";
/// Name of the log that the vault is made for.
pub const ORIGIN: &str = "vitalwitness.local/log";

/// A run.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// When it ended by the guest's clock, ms UTC.
    pub ended_ms: i64,
    /// Its scenes, in the order played.
    pub scenes: Vec<Played>,
}

/// What came of a scene inside the guest.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Played {
    /// Its name.
    pub scene: String,
    /// Id of the device in the vault, hex; none: it was not taken in.
    pub sensor: Option<String>,
    /// Codes of the states a screen would have shown, each once in a row.
    pub states: Vec<String>,
    /// What the inventory counted.
    pub counts: Counts,
    /// Which user of the device the owner is.
    pub user: Option<u8>,
    /// What was not as expected.
    pub failure: Option<String>,
    /// How long it took.
    pub ms: u64,
}

/// What became of values, as the inventory counts them.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
pub struct Counts {
    /// Readings that became records.
    pub kept: u64,
    /// Readings that were there already.
    pub repeated: u64,
    /// Values that could not be read.
    pub refused: u64,
    /// Readings of other people.
    pub others: u64,
    /// Stored readings announced and not given.
    pub missing: u64,
}

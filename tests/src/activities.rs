//! Activities that real devices recorded, kept outside the clone by `tests/fetch-activities.sh`.

use std::io::{Write as _, stderr};
use std::path::PathBuf;

/// Where they are, if they are.
pub fn place() -> PathBuf {
    let cache = std::env::var_os("VW_CACHE").map(PathBuf::from).or_else(|| {
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/vitalwitness"))
    });
    cache.unwrap_or_default().join("sweat")
}

/// The folder, once all of them are in it; else says that the test is skipped.
pub fn fetched() -> Option<PathBuf> {
    let folder = place();
    if folder.join(".version").exists() {
        return Some(folder);
    }
    // Past the test runner's capture, so that it is counted.
    let _ = stderr().write_all(b"\nskipped: no recorded activities in the cache\n");
    None
}

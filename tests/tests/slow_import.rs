//! The import at its promised size: 1 GB in less than 300 MB of memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use std::fs::{File, metadata};
use std::io::{BufWriter, Write, stderr};
use std::process::Command;
use vitalwitness_tests::generator::{self, Plan};

#[test]
fn a_gigabyte_is_read_in_less_than_300_megabytes() {
    if std::env::var_os("VW_SLOW").is_none() {
        // Past the test runner's capture, so that it is counted.
        stderr()
            .write_all(b"\nskipped: the 1 GB import runs in make test-slow\n")
            .unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.xml");
    let to = BufWriter::new(File::create(&path).unwrap());
    let expected = generator::write(&Plan::of_bytes(1, 1_000_000_000), to).unwrap();
    let bytes = metadata(&path).unwrap().len();
    assert!(bytes > 1_000_000_000, "{bytes}");
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
    assert!(field("peak_kib=") < 300_000, "{line}");
}

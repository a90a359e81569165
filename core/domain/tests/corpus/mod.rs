//! The committed inputs of the fuzz targets.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test that includes this uses a part of it"
)]

use std::path::Path;

/// A target's inputs, in order of their names; at least one.
pub fn inputs(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Each input as it is, and cut at every length.
pub fn replay(target: &str, body: fn(&[u8])) {
    for input in inputs(target) {
        for cut in 0..=input.len() {
            body(&input[..cut]);
        }
    }
}

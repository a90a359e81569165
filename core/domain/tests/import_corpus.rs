//! The importers' fuzz targets on their committed corpus, as a plain test.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

#[path = "../../../fuzz/import_bodies.rs"]
mod import_bodies;

use std::path::Path;

#[test]
fn the_corpus_of_exports_breaks_nothing() {
    replay("apple", import_bodies::apple);
}

#[test]
fn the_corpus_of_fit_files_breaks_nothing() {
    replay("fit", import_bodies::fit);
}

#[test]
fn the_corpus_of_tcx_files_breaks_nothing() {
    replay("tcx", import_bodies::tcx);
}

#[test]
fn the_corpus_of_tables_breaks_nothing() {
    replay("csv", import_bodies::csv);
}

/// Each input as it is, and cut at every length. Mutations are tried beside each reader.
fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut inputs: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty());
    for path in inputs {
        let input = std::fs::read(path).unwrap();
        for cut in 0..=input.len() {
            body(&input[..cut]);
        }
    }
}

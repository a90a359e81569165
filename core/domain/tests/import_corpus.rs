//! The importers' fuzz targets on their committed corpus, as a plain test. Mutations are tried
//! beside each reader.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod corpus;
#[path = "../../../fuzz/import_bodies.rs"]
mod import_bodies;

use corpus::replay;

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

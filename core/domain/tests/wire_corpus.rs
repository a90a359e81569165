//! The fuzz targets of documents, requests, batches and files on their committed corpus, as a plain
//! test. Mutations are tried beside each reader.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod corpus;
#[path = "../../../fuzz/wire_bodies.rs"]
mod wire_bodies;

use corpus::{inputs, replay};
use vitalwitness_domain::grant::{GrantDocument, RequestDocument};
use vitalwitness_domain::sealed::inspect_plain;
use vitalwitness_domain::wire::trust::parse_trust;

#[test]
fn the_corpus_of_batches_breaks_nothing() {
    replay("sealed", wire_bodies::sealed);
    let read = inputs("sealed")
        .iter()
        .all(|plain| inspect_plain(plain).is_ok());
    assert!(read, "each is a batch");
}

#[test]
fn the_corpus_of_certificates_breaks_nothing() {
    replay("certificate", wire_bodies::certificate);
}

#[test]
fn the_corpus_of_evidence_breaks_nothing() {
    replay("evidence", wire_bodies::evidence);
}

#[test]
fn the_corpus_of_trust_bundles_breaks_nothing() {
    replay("trust", wire_bodies::trust);
    for text in inputs("trust") {
        assert!(parse_trust(&String::from_utf8(text).unwrap()).is_ok());
    }
}

#[test]
fn the_corpus_of_grants_breaks_nothing() {
    replay("grant", wire_bodies::grant);
    let inputs = inputs("grant");
    assert!(
        inputs
            .iter()
            .any(|bytes| GrantDocument::decode(bytes).is_ok())
    );
    assert!(
        inputs
            .iter()
            .any(|bytes| RequestDocument::decode(bytes).is_ok())
    );
}

#[test]
fn the_corpus_of_requests_breaks_nothing() {
    replay("request", wire_bodies::request);
}

#[test]
fn the_corpus_of_leaked_files_breaks_nothing() {
    replay("leaked", wire_bodies::leaked);
}

//! The C2SP tlog-proof: a receipt as text that a transparency log's verifier reads.
//!
//! The record it proves is the entry. What leads from a record to the entry is
//! `extra`, opaque to others and not authenticated by itself.

use super::Source;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::checkpoint::{Checkpoint, NoteLine, SignedNote};

/// The text, for a file named `.tlog-proof`.
pub fn write(source: &Source<'_>) -> String {
    let log = &source.receipt.log;
    let note = SignedNote {
        checkpoint: Checkpoint {
            origin: log.origin.to_owned(),
            size: log.size,
            root: source.root,
        },
        lines: lines(source),
    };
    let mut text = format!(
        "{FIRST_LINE}\nextra {}\nindex {}\n",
        STANDARD.encode(to_entry(source)),
        log.index
    );
    for node in log.path {
        text.push_str(&STANDARD.encode(node));
        text.push('\n');
    }
    // writing to a String does not fail
    let _ = write!(text, "\n{note}");
    text
}

/// The signed checkpoint of the receipt, as the log published it.
fn lines(source: &Source<'_>) -> Vec<NoteLine> {
    let lines = source.receipt.lines.iter();
    lines
        .map(|(name, blob)| NoteLine {
            name: (*name).to_owned(),
            blob: blob.to_vec(),
        })
        .collect()
}

/// The map of the native receipt's keys 0 to 3.
pub(super) fn to_entry(source: &Source<'_>) -> Vec<u8> {
    let mut out = Encoder::new();
    out.map(if source.receipt.record.is_some() {
        4
    } else {
        2
    });
    out.int(0).int(1);
    if let Some(record) = &source.receipt.record {
        out.int(1).bytes(&record.record_hash);
        out.int(2).array(3).uint(record.size).uint(record.index);
        out.bytes(record.path.as_flattened());
    }
    out.int(3).bytes(source.receipt.entry);
    out.finish()
}

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

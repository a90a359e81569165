//! `inspect`: what a receipt says, without trusting anybody.
//!
//! Checks what needs no trust: the shape, the disclosed fields against the record, the record
//! against the sealed set. Who signed is not checked; `verify` does that.

use crate::console::Console;
use crate::given::{self, Given};
use crate::outcome::{Exit, Failure, Outcome};
use crate::report;
use crate::verify::{chainpoint, exit_of};
use crate::wording;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use vitalwitness_proof::entry::{Entry, entry_leaf};
use vitalwitness_proof::merkle::{leaf_hash_of, root_from_path};
use vitalwitness_proof::receipt::Receipt;
use vitalwitness_proof::record::Disclosure;
use vitalwitness_proof::verify::Disclosed;
use vitalwitness_proof::{Hash, Rejection};

/// Show what a receipt says, without checking who stands behind it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Inspect {
    /// The receipt (.vwr), the text of its QR code, or a Chainpoint proof; `-` reads standard input.
    #[arg(value_name = "FILE")]
    receipt: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness inspect morning.vwr
  vitalwitness inspect morning.vwr --json

It needs no trust file, so it cannot say whether the signatures are good. Use `verify` for that.
Exit codes: 0 readable, 1 damaged or changed, 2 the file cannot be read.";

/// Runs it.
pub(crate) fn run(args: &Inspect, console: &Console) -> Outcome<Exit> {
    let bytes = match given::read(&args.receipt)? {
        Given::Receipt(bytes) => bytes,
        Given::Chainpoint(proof) => return Ok(chainpoint(&proof, Exit::Done, console)),
        Given::Several(..) => {
            return Err(Failure::usage(
                "of_many",
                "This file is of many records; `verify` reads it, with a trust file.",
            ));
        }
    };
    let seen = match Receipt::decode(&bytes).and_then(|receipt| Seen::of(&receipt)) {
        Ok(seen) => seen,
        Err(why) => {
            if console.json() {
                console.value(&json!({ "reject": why.code() }));
            } else {
                report::rejected(console, why);
            }
            return Ok(exit_of(why));
        }
    };
    if console.json() {
        console.value(&json!({ "inspected": seen.to_json(bytes.len()) }));
    } else {
        seen.show(console, bytes.len());
    }
    Ok(Exit::Done)
}

/// What the bytes say, as far as they hang together by themselves.
struct Seen {
    record: Option<(Hash, u64, u64)>,
    disclosed: Option<Disclosed>,
    entry: Entry,
    origin: String,
    size: u64,
    index: u64,
    root: Hash,
    lines: Vec<(String, [u8; 4])>,
    anchors: Vec<u64>,
}

impl Seen {
    fn of(receipt: &Receipt<'_>) -> Result<Self, Rejection> {
        let entry = Entry::decode(receipt.entry)?;
        let disclosed = match receipt.disclosure {
            Some(bytes) => Some(Disclosure::decode(bytes)?),
            None => None,
        };
        if let Some(record) = &receipt.record {
            if let Some(disclosed) = &disclosed
                && disclosed.record_hash()? != record.record_hash
            {
                return Err(Rejection::RecordMismatch);
            }
            let leaf = leaf_hash_of(&record.record_hash);
            let root = root_from_path(&leaf, record.index, record.size, record.path)?;
            if root != entry.event.recordhash {
                return Err(Rejection::EntryMismatch);
            }
        }
        let log = &receipt.log;
        let leaf = entry_leaf(receipt.entry);
        Ok(Self {
            record: receipt
                .record
                .map(|record| (record.record_hash, record.size, record.index)),
            disclosed: disclosed.map(Disclosed::from),
            origin: log.origin.to_owned(),
            size: log.size,
            index: log.index,
            root: root_from_path(&leaf, log.index, log.size, log.path)?,
            lines: receipt
                .lines
                .iter()
                .map(|(name, blob)| {
                    let id = blob.first_chunk::<4>().copied().unwrap_or_default();
                    ((*name).to_owned(), id)
                })
                .collect(),
            anchors: receipt.anchors.iter().map(|(kind, _)| *kind).collect(),
            entry,
        })
    }

    fn to_json(&self, bytes: usize) -> Value {
        let event = &self.entry.event;
        json!({
            "bytes": bytes,
            "rc": self.record.map(|(rc, ..)| hex::encode(rc)),
            "batch": self.record.map(|(_, size, index)| json!({"size": size, "index": index})),
            "disclosed": self.disclosed.as_ref().map(|shown| json!({
                "schema": shown.schema.name(),
                "whole": shown.whole,
                "fields": shown
                    .fields
                    .iter()
                    .map(|(slot, value)| json!([slot, hex::encode(value)]))
                    .collect::<Vec<_>>(),
            })),
            "entry": {
                "type": event.kind.number(),
                "channel": hex::encode(event.channel),
                "owner": hex::encode(event.owner),
                "receiver": event.receiver.map(hex::encode),
                "recordhash": hex::encode(event.recordhash),
                "time": event.time,
                "expiry": event.expiry,
                "signer": hex::encode(self.entry.signed.signer),
                "seq": self.entry.seq,
            },
            "logged": {
                "origin": self.origin,
                "size": self.size,
                "index": self.index,
                "root": hex::encode(self.root),
            },
            "lines": self
                .lines
                .iter()
                .map(|(name, id)| json!({"name": name, "key": hex::encode(id)}))
                .collect::<Vec<_>>(),
            "anchors": self.anchors,
        })
    }

    fn show(&self, console: &Console, bytes: usize) {
        console.heading("What this receipt says");
        console.line("  Nobody's signature is checked here; `vitalwitness verify` does that.");
        console.gap();
        if let Some(shown) = &self.disclosed {
            report::disclosed(console, shown.schema, shown.whole, &shown.fields);
        } else if self.record.is_some() {
            console.fact("Shows", report::NOTHING);
        }
        report::entry(console, &self.entry.event, self.entry.seq);
        if let Some((rc, size, index)) = self.record {
            console.fact("Record", hex::encode(rc));
            console.fact("Sealed set", format!("place {index} of {size}"));
        }
        console.fact("Listed by", &self.origin);
        console.fact(
            "Place there",
            format!(
                "entry {} of {}",
                wording::thousands(self.index),
                wording::thousands(self.size)
            ),
        );
        for (name, id) in &self.lines {
            let who = if *name == self.origin {
                "Signed as"
            } else {
                "Cosigned as"
            };
            console.fact(who, format!("{name} (key {})", hex::encode(id)));
        }
        for kind in &self.anchors {
            console.fact("Also held by", report::anchor_words(*kind));
        }
        console.fact("File", wording::count(bytes as u64, "byte", "bytes"));
    }
}

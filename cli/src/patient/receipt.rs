//! `receipt`: what anyone can check, for one entry.

use super::{At, failed, find};
use crate::console::{Console, write_file};
use crate::disclosed::slots_named;
use crate::outcome::{Exit, Failure, Outcome};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use vitalwitness_proof::record::Schema;
use vitalwitness_vault::Disclosure;

/// Write the receipt of an entry.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Give {
    /// The record, as `list` names it.
    #[arg(value_name = "RECORD")]
    record: String,
    /// Show only these fields: value, time, code, origin, note, status, amount.
    #[arg(long, value_name = "NAMES", conflicts_with = "nothing")]
    fields: Option<String>,
    /// Show no field: only that a record existed.
    #[arg(long)]
    nothing: bool,
    /// Let it become a COSE receipt: the log's signature in that form goes along (90 bytes).
    #[arg(long)]
    for_cose: bool,
    /// Where to (.vwr).
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness receipt 5f3c9a01 -o morning.vwr
  vitalwitness receipt 5f3c9a01 --fields value,time -o value-only.vwr

Anyone you give it to can check it without a connection: vitalwitness verify. It does not say that
the measurement was right.";

/// Runs it.
pub(crate) fn give(args: &Give, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let rc = find(&vault, &args.record)?;
    let disclosure = match &args.fields {
        _ if args.nothing => Disclosure::None,
        None => Disclosure::Whole,
        Some(names) => {
            let record = vault.record(&rc).map_err(|error| failed(&error))?.record;
            let schema = Schema::from_name(record.schema());
            let mut slots = Vec::new();
            for name in names.split(',').map(str::trim) {
                let found = schema.and_then(|schema| slots_named(schema, name));
                slots.extend(found.ok_or_else(|| {
                    Failure::usage("field", format!("This record has no field {name}."))
                })?);
            }
            slots.sort_unstable();
            slots.dedup();
            Disclosure::Fields(slots)
        }
    };
    let bytes = if args.for_cose {
        vault.receipt_for_cose(&rc, &disclosure)
    } else {
        vault.receipt(&rc, &disclosure)
    };
    let bytes = bytes.map_err(|error| failed(&error))?;
    write_file(&args.output, &bytes, false, args.replace)?;
    if console.json() {
        console.value(&json!({
            "record": hex::encode(rc),
            "file": args.output.display().to_string(),
            "bytes": bytes.len(),
        }));
    } else {
        console.line(format!(
            "Receipt written to {} ({} bytes).",
            args.output.display(),
            bytes.len()
        ));
    }
    Ok(Exit::Done)
}

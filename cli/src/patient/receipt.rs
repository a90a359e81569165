//! `receipt`: what anyone can check, for one entry or many.

use super::{At, failed, find};
use crate::console::{Console, write_file};
use crate::disclosed::slots_named;
use crate::months;
use crate::outcome::{Exit, Failure, Outcome};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use vitalwitness_proof::Hash;
use vitalwitness_proof::record::Schema;
use vitalwitness_vault::{Disclosure, Error, Query, Vault};

/// Write the receipts of entries.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Give {
    /// The records, as `list` names them.
    #[arg(value_name = "RECORD", required_unless_present = "code", conflicts_with_all = ["code", "from", "to"])]
    records: Vec<String>,
    /// All records of this kind.
    #[arg(long, value_name = "NAME")]
    code: Option<String>,
    /// From this day.
    #[arg(long, value_name = "DAY", requires = "code")]
    from: Option<String>,
    /// Until this day, included.
    #[arg(long, value_name = "DAY", requires = "code")]
    to: Option<String>,
    #[command(flatten)]
    shown: Shown,
    /// Put all of them into one file (.vwb), with what they share written once.
    #[arg(long, conflicts_with = "for_cose")]
    bundle: bool,
    /// Let it become a COSE receipt: the log's signature in that form goes along (90 bytes).
    #[arg(long)]
    for_cose: bool,
    /// Where to: a file, or a folder for more than one receipt.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    at: At,
}

/// What is shown of each record.
#[derive(Args, Debug)]
struct Shown {
    /// Show only these fields: value, time, code, origin, note, status, amount.
    #[arg(long, value_name = "NAMES", conflicts_with = "nothing")]
    fields: Option<String>,
    /// Show no field: only that a record existed.
    #[arg(long)]
    nothing: bool,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness receipt 5f3c9a01 -o morning.vwr
  vitalwitness receipt 5f3c9a01 --fields value,time -o value-only.vwr
  vitalwitness receipt 5f3c9a01 77ab02cd --fields value,time -o receipts/
  vitalwitness receipt --code blood-pressure --from 2026-05-04 --to 2026-05-10 --bundle -o week.vwb

Anyone you give it to can check it without a connection: vitalwitness verify. It does not say that
the measurement was right. Records listed at different times need a connection to become one bundle.";

/// Runs it.
pub(crate) async fn give(args: &Give, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let mut chosen = Vec::new();
    for rc in records(args, &vault)? {
        chosen.push((rc, disclosure(args, &vault, &rc)?));
    }
    let later = later(&vault, chosen.iter().map(|(rc, _)| rc))?;
    for (rc, by) in &later {
        console.note(format!(
            "{} was withdrawn or replaced by {}: a receipt of it does not say so. Give the later one, too.",
            hex::encode(&rc[..4]),
            hex::encode(&by[..4])
        ));
    }
    if args.bundle {
        let bytes = bundle(&vault, &chosen).await?;
        write_file(&args.output, &bytes, false, args.replace)?;
        say(console, chosen.len(), &args.output, bytes.len(), &later);
        return Ok(Exit::Done);
    }
    let mut receipts = Vec::new();
    for (rc, disclosure) in &chosen {
        let bytes = if args.for_cose {
            vault.receipt_for_cose(rc, disclosure)
        } else {
            vault.receipt(rc, disclosure)
        };
        receipts.push((rc, bytes.map_err(|error| failed(&error))?));
    }
    if let [(rc, bytes)] = receipts.as_slice() {
        write_file(&args.output, bytes, false, args.replace)?;
        if console.json() {
            console.value(&json!({
                "record": hex::encode(rc),
                "file": args.output.display().to_string(),
                "bytes": bytes.len(),
                "later": later_json(&later),
            }));
        } else {
            console.line(format!(
                "Receipt written to {} ({} bytes).",
                args.output.display(),
                bytes.len()
            ));
        }
        return Ok(Exit::Done);
    }
    std::fs::create_dir_all(&args.output)
        .map_err(|error| Failure::unwritable(&args.output.display().to_string(), &error))?;
    let mut total = 0;
    for (rc, bytes) in &receipts {
        let name = format!("{}.vwr", hex::encode(&rc[..8]));
        write_file(&args.output.join(name), bytes, false, args.replace)?;
        total += bytes.len();
    }
    say(console, receipts.len(), &args.output, total, &later);
    Ok(Exit::Done)
}

/// The records that are meant, each once.
fn records(args: &Give, vault: &Vault) -> Outcome<Vec<Hash>> {
    let mut found = Vec::new();
    for name in &args.records {
        let rc = find(vault, name)?;
        if !found.contains(&rc) {
            found.push(rc);
        }
    }
    let Some(code) = &args.code else {
        return Ok(found);
    };
    let from_ms = args.from.as_deref().map(months::start_of_day).transpose()?;
    let to_ms = args.to.as_deref().map(months::end_of_day).transpose()?;
    for code in months::codes(code)? {
        let mut query = Query {
            code: Some(code),
            from_ms: from_ms.unwrap_or(i64::MIN),
            to_ms: to_ms.map_or(i64::MAX, |end| end.saturating_add(1)),
            limit: 10_000,
            ..Query::default()
        };
        loop {
            let page = vault.records(&query).map_err(|error| failed(&error))?;
            found.extend(page.records.iter().map(|record| record.rc));
            if page.next.is_none() {
                break;
            }
            query.after = page.next;
        }
    }
    if found.is_empty() {
        return Err(Failure::usage(
            "not_found",
            "There is no entry of this kind in these days.",
        ));
    }
    Ok(found)
}

/// What is shown of a record.
fn disclosure(args: &Give, vault: &Vault, rc: &Hash) -> Outcome<Disclosure> {
    let Some(names) = &args.shown.fields else {
        return Ok(if args.shown.nothing {
            Disclosure::None
        } else {
            Disclosure::Whole
        });
    };
    let record = vault.record(rc).map_err(|error| failed(&error))?.record;
    let schema = Schema::from_name(record.schema());
    let mut slots = Vec::new();
    for name in names.split(',').map(str::trim) {
        let found = schema.and_then(|schema| slots_named(schema, name));
        slots.extend(
            found.ok_or_else(|| {
                Failure::usage("field", format!("This record has no field {name}."))
            })?,
        );
    }
    slots.sort_unstable();
    slots.dedup();
    Ok(Disclosure::Fields(slots))
}

/// One file of all; the proofs are brought under one head where they are not.
async fn bundle(vault: &Vault, chosen: &[(Hash, Disclosure)]) -> Outcome<Vec<u8>> {
    match vault.bundle(chosen) {
        Err(Error::NotLogged) => {}
        result => return result.map_err(|error| failed(&error)),
    }
    // a record that is not listed at all cannot be renewed
    for (rc, disclosure) in chosen {
        vault
            .receipt(rc, disclosure)
            .map_err(|error| failed(&error))?;
    }
    let records: Vec<Hash> = chosen.iter().map(|(rc, _)| *rc).collect();
    let transport = vault.transport().map_err(|error| failed(&error))?;
    vault
        .renew_proofs(&records, &transport)
        .await
        .map_err(|error| failed(&error))?;
    vault.bundle(chosen).map_err(|error| failed(&error))
}

/// Of these records, those that were withdrawn or replaced, each with what did so.
pub(super) fn later<'a>(
    vault: &Vault,
    records: impl Iterator<Item = &'a Hash>,
) -> Outcome<Vec<(Hash, Hash)>> {
    let mut found = Vec::new();
    for rc in records {
        let it = vault.record(rc).map_err(|error| failed(&error))?;
        found.extend(it.corrected_by.map(|by| (*rc, by)));
    }
    Ok(found)
}

fn later_json(later: &[(Hash, Hash)]) -> serde_json::Value {
    let pairs = later.iter();
    pairs
        .map(|(rc, by)| json!({"record": hex::encode(rc), "by": hex::encode(by)}))
        .collect()
}

fn say(console: &Console, records: usize, output: &Path, bytes: usize, later: &[(Hash, Hash)]) {
    if console.json() {
        console.value(&json!({
            "records": records,
            "file": output.display().to_string(),
            "bytes": bytes,
            "later": later_json(later),
        }));
    } else {
        console.line(format!(
            "Receipts of {records} records written to {} ({bytes} bytes).",
            output.display()
        ));
    }
}

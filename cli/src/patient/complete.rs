//! `completeness`: a proof that none of a period is left out.

use super::receipt::later;
use super::{At, failed};
use crate::console::{Console, Tone, write_file};
use crate::months;
use crate::outcome::{Exit, Failure, Outcome};
use crate::wording;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use vitalwitness_proof::completeness::CompletenessFacts;
use vitalwitness_vault::Error;

/// Prove that none of your entries of a period is left out; says first what that reveals.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Complete {
    /// Of which part of your record.
    #[arg(long, value_name = "PART")]
    category: Category,
    /// From this day.
    #[arg(long, value_name = "DAY")]
    from: String,
    /// Until this day, included.
    #[arg(long, value_name = "DAY")]
    to: String,
    /// Show only these kinds; the others are counted, not shown [default: all].
    #[arg(long, value_name = "NAMES")]
    codes: Option<String>,
    /// Where to (.vwc).
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    replace: bool,
    /// Write it: you have seen what it reveals.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    at: At,
}

/// The parts of a record.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Category {
    /// What you measured and typed.
    Personal,
    /// What clinics wrote.
    History,
    /// Insurance.
    Insurance,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness completeness --category personal --from 2026-05-04 --to 2026-05-10 -o week.vwc
  vitalwitness completeness --category personal --codes blood-pressure --from 2026-05-01 --to 2026-05-31 -o may.vwc --yes

Without --yes nothing is written: it only says what the file would reveal.";

/// Runs it.
pub(crate) fn complete(args: &Complete, console: &Console) -> Outcome<Exit> {
    let from = months::start_of_day(&args.from)?;
    let to = months::end_of_day(&args.to)?.saturating_add(1);
    if from >= to {
        return Err(Failure::usage(
            "period_ends_before_it_begins",
            "--to is a day before --from.",
        ));
    }
    let mut codes = Vec::new();
    for name in args.codes.iter().flat_map(|names| names.split(',')) {
        codes.extend(months::codes(name.trim())?);
    }
    let category = match args.category {
        Category::Personal => 1,
        Category::History => 2,
        Category::Insurance => 3,
    };
    let vault = args.at.open(console)?;
    let proof = vault
        .completeness(category, (from, to), &codes)
        .map_err(|error| match error {
            Error::NotFound => Failure::new(
                Exit::CannotTell,
                "nothing_listed",
                "Nothing of this part of your record is listed yet; `vitalwitness sync` has it listed.",
            ),
            error => failed(&error),
        })?;
    let facts = &proof.facts;
    let shown = facts.batches.iter().flat_map(|batch| &batch.records);
    let shown = shown
        .filter(|record| record.shown)
        .map(|record| &record.record_hash);
    let later = later(&vault, shown)?.len();
    if args.yes {
        write_file(&args.output, &proof.bytes, false, args.replace)?;
    }
    if console.json() {
        console.value(&json!({
            "file": args.yes.then(|| args.output.display().to_string()),
            "bytes": proof.bytes.len(),
            "shown": facts.shown,
            "of": facts.of,
            "edges": edges(facts),
            "events": facts.entries,
            "sets": facts.batches.len(),
            "sets_not_opened": facts.unopened,
            "withdrawn_or_replaced": later,
        }));
        return Ok(Exit::Done);
    }
    reveals(console, facts);
    if later > 0 {
        console.line(format!(
            "{} {} of the entries shown were withdrawn or replaced since. The file does not say so.",
            console.paint(Tone::Decide, "Note:"),
            wording::thousands(later as u64)
        ));
    }
    console.line(if args.yes {
        format!(
            "Written to {} ({} bytes).",
            args.output.display(),
            proof.bytes.len()
        )
    } else {
        "Nothing was written. Say --yes to write it.".to_owned()
    });
    Ok(Exit::Done)
}

/// How many entries beside the period are opened as far as their time, to show where it ends.
fn edges(facts: &CompletenessFacts) -> u64 {
    let records = facts.batches.iter().flat_map(|batch| &batch.records);
    records
        .filter(|record| !record.shown)
        .fold(0, |count, _| count + 1)
}

/// What whoever gets the file learns.
fn reveals(console: &Console, facts: &CompletenessFacts) {
    console.heading("Whoever gets this file learns");
    console.fact(
        "Entries",
        format!(
            "{} of {} in these days, with time and value",
            facts.shown, facts.of
        ),
    );
    let withheld = facts.of.saturating_sub(facts.shown);
    if withheld > 0 {
        console.fact(
            "Not shown",
            format!(
                "{}: that they exist and between which others, no value and no code",
                wording::thousands(withheld)
            ),
        );
    }
    let sets: Vec<_> = facts
        .batches
        .iter()
        .filter_map(|it| it.header.as_ref())
        .collect();
    let records: u64 = sets.iter().map(|header| header.records).sum();
    console.fact(
        "Sealed sets",
        format!(
            "{}, also of other days: when the first and the last entry of each was, and how many it has ({} in all)",
            wording::thousands(sets.len() as u64),
            wording::thousands(records)
        ),
    );
    let edges = edges(facts);
    if edges > 0 {
        console.fact(
            "Edges",
            format!(
                "{} next to these days: the time and the form (measurement, medicine, note), no value and no code",
                wording::count(edges, "entry", "entries")
            ),
        );
    }
    console.fact(
        "Events",
        format!(
            "all {} of this part of your record: when you sealed, allowed, refused or ended something, and with whom (as a number)",
            wording::thousands(facts.entries)
        ),
    );
    if facts.unopened > 0 {
        console.line(format!(
            "{} {} cannot be opened on this device; the file says so.",
            console.paint(Tone::Decide, "Note:"),
            wording::count(facts.unopened, "set", "sets")
        ));
    }
    console.line(format!(
        "It does not cover what comes after event {}.",
        facts.entries,
    ));
}

//! `trace`: whose copy of your records a file is.

use super::{At, failed};
use crate::console::{Console, Tone, read_at_most};
use crate::outcome::{Exit, Failure, Outcome};
use crate::wording;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use vitalwitness_vault::share::Party;
use vitalwitness_vault::tracing::{How, Suspect, Traced};

/// Find out from which look at your records a leaked file comes.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Trace {
    /// The file: a table, JSON, FHIR JSON, or any text; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness trace found-online.csv
  vitalwitness trace bundle.json --json

If ids of rows survived, they name the look; order, format and missing rows do not matter. If none
did, looks are ranked by how well they cover the rows; that is a hint, not a proof (docs/tracing.md
says how often it is wrong). Sync first: a look that is not here yet cannot be named.

Exit codes:
  0  named by row ids    3  ranked by logged looks, or nothing of yours found";

/// Runs it.
pub(crate) fn trace(args: &Trace, console: &Console) -> Outcome<Exit> {
    let file = read_at_most(&args.file, MOST)?;
    if file.len() as u64 > MOST {
        return Err(Failure::usage(
            "too_large",
            "The file is larger than 256 MiB; give a part of it.",
        ));
    }
    let vault = args.at.open(console)?;
    let traced = vault.trace(&file).map_err(|error| failed(&error))?;
    if console.json() {
        console.value(&to_json(&traced));
    } else {
        show(console, &traced);
    }
    Ok(match traced.how {
        How::RowIds => Exit::Done,
        _ => Exit::CannotTell,
    })
}

fn show(console: &Console, traced: &Traced) {
    let rows = wording::count(traced.rows as u64, "row", "rows");
    match traced.how {
        How::RowIds => {
            console.line(console.paint(Tone::Seal, "Named by row ids"));
            let own = wording::count(
                traced.own as u64,
                "record of yours stands",
                "records of yours stand",
            );
            console.line(format!(
                "{own} in it, with ids that only this look's receiver and you can make."
            ));
        }
        How::LoggedAccess => {
            console.line(console.paint(Tone::Decide, "Ranked, not named"));
            console.line(format!(
                "No row id survived. {} of {rows} {} yours by time and value; these looks cover them, the likeliest first.",
                wording::thousands(traced.own as u64),
                if traced.own == 1 { "is" } else { "are" },
            ));
        }
        How::Nothing => {
            console.line(console.paint(Tone::Strong, "Cannot tell"));
            console.line(format!(
                "None of {rows} is what anybody was given from your records."
            ));
        }
    }
    for suspect in traced.suspects.iter().take(SHOWN) {
        console.gap();
        console.heading(&name(&suspect.organisation));
        console.fact("Looked", name(&suspect.person));
        console.fact("When", wording::utc(suspect.time_ms));
        let delivered = wording::count(suspect.delivered as u64, "record", "records");
        let found = suspect.rows as u64;
        let found = match traced.how {
            How::RowIds => wording::count(found, "record", "records"),
            _ => wording::count(found, "row", "rows"),
        };
        console.fact(
            "In the file",
            format!("{found}; this look was of {delivered}"),
        );
        console.fact(
            "Listed as",
            format!(
                "entry {} of the channel, {} of the list",
                wording::thousands(suspect.seq),
                wording::thousands(suspect.index)
            ),
        );
        if suspect.tied {
            console.fact(
                "",
                "Another look explains the file nearly as well: not to be told apart.",
            );
        }
    }
    if traced.suspects.len() > SHOWN {
        console.line(format!(
            "  and {} more (--json)",
            traced.suspects.len() - SHOWN
        ));
    }
    console.gap();
    console.line(match traced.how {
        How::RowIds => {
            "It says whose copy it is, not who passed it on: a copy can be stolen from its receiver. Within an organisation its people share what makes the ids."
        }
        _ => "Who could have seen it is not who passed it on. Ask before you accuse.",
    });
}

fn name(party: &Party) -> String {
    let id = hex::encode(party.id);
    if party.name.is_empty() {
        id
    } else {
        format!(
            "{} ({})",
            crate::disclosed::printable(&party.name),
            &id[..8]
        )
    }
}

fn to_json(traced: &Traced) -> Value {
    json!({
        "how": match traced.how {
            How::RowIds => "ROW_IDS",
            How::LoggedAccess => "LOGGED_ACCESS",
            How::Nothing => "NOTHING",
        },
        "rows": traced.rows,
        "own": traced.own,
        "foreign_ids": traced.foreign_ids,
        "suspects": traced.suspects.iter().map(suspect_json).collect::<Vec<_>>(),
    })
}

fn suspect_json(suspect: &Suspect) -> Value {
    let party = |party: &Party| json!({"id": hex::encode(party.id), "name": party.name});
    json!({
        "grant": suspect.grant.map(hex::encode),
        "organisation": party(&suspect.organisation),
        "person": party(&suspect.person),
        "time": suspect.time_ms,
        "seq": suspect.seq,
        "index": suspect.index,
        "recordhash": hex::encode(suspect.recordhash),
        "rows": suspect.rows,
        "delivered": suspect.delivered,
        "exact": suspect.exact,
        "tied": suspect.tied,
    })
}

const MOST: u64 = 256 << 20;
const SHOWN: usize = 5;

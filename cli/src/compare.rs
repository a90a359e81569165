//! `compare` and `evidence`: whether the log told somebody else another list.
//!
//! A receipt carries a note of the log. Comparing it with what this record, or this organisation,
//! was told finds a log that tells each of us another history.

use crate::console::{Console, Tone};
use crate::evidence;
use crate::given::{self, Given};
use crate::grantee;
use crate::outcome::{Exit, Failure, Outcome};
use crate::patient::{At, failed};
use crate::several::Kind;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use vitalwitness_domain::evidence::Evidence;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::completeness::Completeness;
use vitalwitness_vault::Compared;

/// Compare a receipt from somebody else with the list as you were shown it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Compare {
    /// The receipt (.vwr, or a completeness proof, .vwc); `-` reads standard input.
    #[arg(value_name = "FILE")]
    receipt: PathBuf,
    /// Compare as an organisation: the directory of your work key and papers. Needs no passphrase.
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Ask nobody: what needs an answer from the service is checked later.
    #[arg(long)]
    offline: bool,
    /// Where evidence is written if the two lists contradict each other.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    at: At,
}

/// Write what your record keeps of a list that contradicts itself.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  vitalwitness evidence --out found\n\nWhoever trusts the log's key checks it without a connection:\n  vitalwitness verify --evidence found/fork-1f2e3d4c.json --trust trust.json"
)]
pub(crate) struct Kept {
    /// Where the files go.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness compare from-my-sister.vwr
  vitalwitness compare morning.vwr --home clinic --out found

Exit codes:
  0  one list    1  two lists: evidence is written    3  to be checked, or of another log";

/// What came of it, whoever compared.
pub(crate) enum Met {
    /// One list.
    Same,
    /// Kept until the log answers.
    Later,
    /// Two lists.
    Two(Evidence),
    /// Of another log.
    Other,
    /// Says nothing about the log.
    Refused(Rejection),
}

/// The receipt of a file: a completeness proof carries one.
fn receipt_in(path: &Path) -> Outcome<Vec<u8>> {
    match given::read(path)? {
        Given::Receipt(bytes) => Ok(bytes),
        Given::Several(Kind::Completeness, bytes) => match Completeness::decode(&bytes) {
            Ok(proof) => Ok(proof.receipt.to_vec()),
            Err(_) => Ok(bytes),
        },
        Given::Several(Kind::Bundle, _) => Err(Failure::usage(
            "one_receipt",
            "This is a file of several records; compare a single receipt (.vwr) of the same list.",
        )),
        Given::Chainpoint(_) => Err(Failure::usage(
            "foreign",
            "This is a proof of another service: it says nothing about your list.",
        )),
    }
}

/// Runs it.
pub(crate) async fn compare(args: &Compare, console: &Console) -> Outcome<Exit> {
    let receipt = receipt_in(&args.receipt)?;
    let met = match &args.home {
        Some(home) => grantee::compare::compare(home, &receipt, args.offline).await?,
        None => of_record(args, &receipt, console).await?,
    };
    let (exit, code, word, sentence) = match &met {
        Met::Same => (
            Exit::Done,
            "SAME_LIST",
            "One list",
            "The receipt and you were shown one list.",
        ),
        Met::Later => (
            Exit::CannotTell,
            "TO_BE_CHECKED",
            "To be checked",
            "It speaks of another length of the list. It is kept, and compared when the service answers.",
        ),
        Met::Other => (
            Exit::CannotTell,
            "ORIGIN_UNKNOWN",
            "Cannot tell",
            "The receipt is of another list than yours.",
        ),
        Met::Refused(why) => (
            Exit::NotValid,
            why.code(),
            "Not comparable",
            "The receipt does not hold: it says nothing about the list.",
        ),
        Met::Two(evidence) => (
            Exit::NotValid,
            evidence.code().code(),
            "Two lists",
            "The service showed somebody else another list than you. Nothing more is believed from it.",
        ),
    };
    let file = match &met {
        Met::Two(evidence) => Some(evidence::write(&args.out, evidence)?),
        _ => None,
    };
    let file = file.map(|file| file.display().to_string());
    if console.json() {
        console.value(&json!({"compared": code, "evidence": file}));
        return Ok(exit);
    }
    let tone = match exit {
        Exit::Done => Tone::Seal,
        Exit::CannotTell => Tone::Strong,
        _ => Tone::Stop,
    };
    console.line(console.paint(tone, word));
    console.line(format!("{sentence} [{code}]"));
    if let Some(file) = file {
        console.fact("Evidence", file);
    }
    Ok(exit)
}

async fn of_record(args: &Compare, receipt: &[u8], console: &Console) -> Outcome<Met> {
    let vault = args.at.open(console)?;
    let transport = if args.offline {
        None
    } else {
        Some(vault.transport().map_err(|error| failed(&error))?)
    };
    let compared = vault.compare(receipt, transport.as_ref()).await;
    Ok(match compared.map_err(|error| failed(&error))? {
        Compared::SameList => Met::Same,
        Compared::ToBeChecked => Met::Later,
        Compared::OtherLog => Met::Other,
        Compared::Refused(why) => Met::Refused(why),
        Compared::Caught(found) => Met::Two(found.to_file().ok_or_else(|| {
            Failure::new(Exit::Other, "internal", "The evidence cannot be written.")
        })?),
    })
}

/// Runs it.
pub(crate) fn kept(args: &Kept, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let mut rows = Vec::new();
    for found in vault.evidence().map_err(|error| failed(&error))? {
        let file = match found.to_file() {
            Some(file) => Some(evidence::write(&args.out, &file)?.display().to_string()),
            None => None,
        };
        rows.push((found.code, file));
    }
    let waiting = vault.to_be_compared().map_err(|error| failed(&error))?;
    if console.json() {
        let rows: Vec<_> = rows
            .iter()
            .map(|(code, file)| json!({"code": code, "file": file}))
            .collect();
        console.value(&json!({"evidence": rows, "to_be_checked": waiting}));
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        console.line("Nothing was found against the list.");
    }
    for (code, file) in &rows {
        match file {
            Some(file) => console.fact(code, file),
            None => console.fact(
                code,
                "kept here; not of a form that shows others anything, for the log does not sign what it says",
            ),
        }
    }
    if waiting > 0 {
        console.line(format!(
            "{} to be compared at the next sync.",
            crate::wording::count(waiting as u64, "receipt waits", "receipts wait")
        ));
    }
    Ok(Exit::Done)
}

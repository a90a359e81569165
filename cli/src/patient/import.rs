//! `import`: files of other apps and watches.

use super::sync::stopped;
use super::{At, failed};
use crate::console::Console;
use crate::months;
use crate::outcome::{Exit, Failure, Outcome};
use crate::wording;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vitalwitness_domain::import::ImportError;
use vitalwitness_vault::{ImportEnd, ImportReport};

/// Bring in a file: Apple Health export, FIT or TCX activity, CSV.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    /// The file: export.zip, export.xml, .fit, .tcx or .csv.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness import export.zip
  vitalwitness import ride.fit

A second import of the same file adds nothing. Ctrl-C stops cleanly: what was added stays.";

/// Runs it, within a runtime: an interrupt is waited for beside the import.
pub(crate) fn import(args: &Import, console: &Console) -> Outcome<Exit> {
    if let Err(error) = std::fs::File::open(&args.file) {
        return Err(Failure::unreadable(
            &args.file.display().to_string(),
            &error,
        ));
    }
    let vault = args.at.open(console)?;
    let cancel = Arc::new(AtomicBool::new(false));
    let watched = cancel.clone();
    let watch = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            watched.store(true, Ordering::Relaxed);
        }
    });
    let bar = console.bar(0, "Importing {wide_bar} {bytes} of {total_bytes}");
    let mut progress = |at: vitalwitness_domain::import::Progress| {
        if let Some(total) = at.total {
            bar.set_length(total);
        }
        bar.set_position(at.bytes);
    };
    let zone = |ms: i64| months::offset_at(ms);
    let report =
        tokio::task::block_in_place(|| vault.import(&args.file, &zone, &mut progress, &cancel));
    watch.abort();
    bar.finish_and_clear();
    let report = report.map_err(|error| failed(&error))?;
    if console.json() {
        console.value(&to_json(&report));
    } else if report.read > 0 || matches!(report.end, ImportEnd::Complete) {
        show(console, &report);
    }
    match report.end {
        ImportEnd::Complete => Ok(Exit::Done),
        ImportEnd::Cancelled => Err(stopped(
            "What was added stays; importing again adds the rest.",
        )),
        ImportEnd::Failed(error) => Err(refused(&error)),
    }
}

fn show(console: &Console, report: &ImportReport) {
    console.line(format!(
        "{} added, {} there already.",
        wording::count(report.added, "record", "records"),
        wording::thousands(report.duplicates)
    ));
    for (reason, count) in &report.tally.skipped {
        console.fact(
            "Left out",
            format!(
                "{}: {}",
                wording::thousands(*count),
                skip_words(reason.code())
            ),
        );
    }
}

fn skip_words(code: &str) -> &'static str {
    match code {
        "unknown_type" => "of a kind without a code here",
        "not_a_record" => "not a measurement",
        "value" => "no number, or no word of its kind",
        "unit" => "in a unit that does not fit",
        "time" => "without a usable time",
        "repeated" => "said twice in the file",
        _ => "not usable",
    }
}

fn to_json(report: &ImportReport) -> Value {
    let skipped: Vec<Value> = report
        .tally
        .skipped
        .iter()
        .map(|(reason, count)| json!({"reason": reason.code(), "count": count}))
        .collect();
    json!({
        "read": report.read,
        "added": report.added,
        "duplicates": report.duplicates,
        "skipped": skipped,
        "complete": matches!(report.end, ImportEnd::Complete),
    })
}

fn refused(error: &ImportError) -> Failure {
    let exit = match error {
        ImportError::Read(_) => Exit::Usage,
        _ => Exit::NotValid,
    };
    Failure::new(
        exit,
        error.code(),
        format!("The file cannot be brought in: {error}. What was added before stays."),
    )
}

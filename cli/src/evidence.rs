//! `verify --evidence`: whether a log contradicts itself, from one file, offline.
//!
//! Says what is proven and what is only claimed: a fork proves itself; a rollback or a proof that
//! fails rests on the finder's word about what was shown, or when.

use crate::console::{Console, Tone, read_at_most, write_file};
use crate::outcome::{Exit, Failure, Outcome};
use crate::wording;
use serde_json::json;
use std::path::{Path, PathBuf};
use vitalwitness_domain::evidence::{Evidence, Finding, MAX_FILE, Refused};
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::{Rejection, sha256};

/// Checks the file against the trusted logs.
pub(crate) fn verify(path: &Path, trust: &Trust, console: &Console) -> Outcome<Exit> {
    let bytes = read_at_most(path, u64::try_from(MAX_FILE).unwrap_or(u64::MAX - 1))?;
    let found = std::str::from_utf8(&bytes)
        .map_err(|_| Refused::Not(Rejection::Malformed))
        .and_then(|text| Ok(Evidence::parse(text)?))
        .and_then(|evidence| Ok((evidence.check(trust)?, evidence)));
    if console.json() {
        console.value(&match &found {
            Ok((finding, _)) => json!({"evidence": facts(finding)}),
            Err(why) => json!({"reject": why.code()}),
        });
    }
    Ok(match found {
        Ok((finding, evidence)) => {
            if !console.json() {
                show(console, &finding, &evidence.origin);
            }
            if finding.proven {
                Exit::Done
            } else {
                Exit::CannotTell
            }
        }
        Err(why) => {
            if !console.json() {
                refused(console, why);
            }
            match why {
                Refused::Not(
                    Rejection::OriginUnknown
                    | Rejection::KeyUnknown
                    | Rejection::UnsupportedVersion,
                ) => Exit::CannotTell,
                _ => Exit::NotValid,
            }
        }
    })
}

/// Writes a file of evidence into `dir`, named by its code and content.
pub(crate) fn write(dir: &Path, evidence: &Evidence) -> Outcome<PathBuf> {
    std::fs::create_dir_all(dir)
        .map_err(|error| Failure::unwritable(&dir.display().to_string(), &error))?;
    let notes = [evidence.before.as_bytes(), evidence.after.as_bytes()];
    let name = hex::encode(&sha256(&notes)[..4]);
    let code = evidence.code().code().to_lowercase();
    let path = dir.join(format!("{code}-{name}.json"));
    // found again is the same finding
    write_file(&path, evidence.to_json().as_bytes(), false, true)?;
    Ok(path)
}

fn facts(finding: &Finding) -> serde_json::Value {
    let note = |note: &vitalwitness_proof::checkpoint::Checkpoint| json!({"size": note.size, "root": hex::encode(note.root)});
    json!({
        "code": finding.code.code(),
        "proven": finding.proven,
        "origin": finding.before.origin,
        "before": note(&finding.before),
        "after": note(&finding.after),
        "range": finding.range,
    })
}

fn show(console: &Console, finding: &Finding, origin: &str) {
    let (word, tone) = if finding.proven {
        ("Two lists", Tone::Stop)
    } else {
        ("Not proven by this file", Tone::Strong)
    };
    console.line(console.paint(tone, word));
    let (before, after) = (finding.before.size, finding.after.size);
    let entries = |size| wording::count(size, "entry", "entries");
    match (finding.code, finding.proven, finding.range) {
        (Rejection::Fork, ..) => console.line(format!(
            "{origin} signed two different lists of {}. One of them is not true. [FORK]",
            entries(before)
        )),
        (_, true, Some((first, end))) => console.line(format!(
            "{origin} signed a list of {} and one of {} that differ in entries {first} to {}. One of them is not true. [{}]",
            wording::thousands(before),
            entries(after),
            end.saturating_sub(1),
            finding.code
        )),
        (Rejection::Rollback, ..) => console.line(format!(
            "{origin} signed both a list of {} and one of {}. That it showed the shorter one later is what the finder says: any copy of the older note looks the same. [ROLLBACK]",
            wording::thousands(before),
            entries(after),
        )),
        _ => console.line(format!(
            "{origin} signed a list of {} and one of {}. That it could not show how one became the other is what the finder says: ask it for a consistency proof between the two; an honest log always has one. [{}]",
            wording::thousands(before),
            entries(after),
            finding.code
        )),
    }
    console.gap();
    console.heading("What this does not say");
    console.line("  - which of the two is true, or who was shown which;");
    console.line("  - anything about a record: receipts stay to be checked one by one.");
}

fn refused(console: &Console, why: Refused) {
    let (word, sentence) = match why {
        Refused::NoContradiction => (
            "No contradiction",
            "Both notes go together. This file says nothing against the log.",
        ),
        Refused::Not(Rejection::OriginUnknown) => {
            ("Cannot tell", "Your trust file does not name this log.")
        }
        Refused::Not(Rejection::KeyUnknown) => (
            "Cannot tell",
            "No key of the log that your trust file names signed one of the notes.",
        ),
        Refused::Not(Rejection::UnsupportedVersion) => {
            ("Cannot tell", "A newer version is needed to read it.")
        }
        Refused::Not(Rejection::CheckpointSignature) => {
            ("No evidence", "The log did not sign one of the notes.")
        }
        Refused::Not(_) => ("No evidence", "The file is damaged, or no evidence."),
    };
    console.line(console.paint(Tone::Strong, word));
    console.line(format!("{sentence} [{}]", why.code()));
}

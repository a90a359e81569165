//! `add`, `correct` and `void`: entries made by hand.

use super::{At, failed, find, now_ms};
use crate::console::{Console, Tone};
use crate::months;
use crate::outcome::{Exit, Failure, Outcome};
use crate::recorded::{cells, record_json};
use clap::Args;
use serde_json::json;
use vitalwitness_domain::observation::{self, EntryError};
use vitalwitness_domain::record::{Body, Context, Dose, MedStatus, Record, Source};
use vitalwitness_vault::{Added, Vault};

/// Add an entry by hand.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Add {
    #[command(flatten)]
    entry: Entry,
    #[command(flatten)]
    at: At,
}

/// Correct an entry; the earlier value keeps its receipt, and your list shows it as replaced.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  vitalwitness correct 5f3c9a01 heart-rate 64 --reason \"typing error\""
)]
pub(crate) struct Correct {
    /// The record, as `list` names it.
    #[arg(value_name = "RECORD")]
    record: String,
    #[command(flatten)]
    entry: Entry,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    at: At,
}

/// Withdraw an entry; a receipt of it stays valid, and your list shows it as withdrawn.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  vitalwitness void 5f3c9a01 --reason \"someone else wore the band\""
)]
pub(crate) struct Withdraw {
    /// The record, as `list` names it.
    #[arg(value_name = "RECORD")]
    record: String,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    at: At,
}

/// What is recorded.
#[derive(Args, Debug)]
struct Entry {
    /// What: `heart-rate`, `blood-pressure`, `weight`, `medicine`, `note`, ... (`add names` lists all).
    #[arg(value_name = "KIND")]
    kind: String,
    /// The value, with its unit if it is not the usual one.
    #[arg(value_name = "VALUE", allow_negative_numbers = true)]
    value: Vec<String>,
    /// When, such as "2026-05-13 08:10" or 08:10 [default: now].
    #[arg(long = "at", value_name = "TIME")]
    at_time: Option<String>,
    /// When it ended.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// A medicine's dose: "500 mg".
    #[arg(long)]
    dose: Option<String>,
    /// A medicine: planned, taken, not-taken or stopped.
    #[arg(long, value_parser = ["planned", "taken", "not-taken", "stopped"])]
    status: Option<String>,
    /// A training's minutes.
    #[arg(long)]
    minutes: Option<u32>,
    /// A word to it, as NAME=TEXT; may be given again.
    #[arg(long = "with", value_name = "NAME=TEXT")]
    notes: Vec<String>,
    /// The treatment it belongs to: the id that `add episode` gave.
    #[arg(long, value_name = "ID")]
    episode: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness add heart-rate 62
  vitalwitness add blood-pressure 120/80 --at 08:10
  vitalwitness add weight \"82.4 kg\"
  vitalwitness add glucose \"5.4 mmol/L\" --with meal=before
  vitalwitness add medicine Metformin --dose \"500 mg\" --status taken
  vitalwitness add training run --minutes 40
  vitalwitness add symptom \"headache, left side\"
  vitalwitness add mood calm
  vitalwitness add note/dentistry \"filling, upper left\"
  vitalwitness add episode \"knee physiotherapy\"
  vitalwitness add names

An unusual number is kept: you get a gentle note, not a refusal. It is saved when the command ends.";

/// Runs `add`.
pub(crate) fn add(args: &Add, console: &Console) -> Outcome<Exit> {
    if args.entry.kind == "names" {
        names(console);
        return Ok(Exit::Done);
    }
    let record = args.entry.record()?;
    let vault = args.at.open(console)?;
    let added = vault.add(record.clone()).map_err(|error| failed(&error))?;
    saved(console, &record, &added);
    Ok(Exit::Done)
}

/// Runs `correct`.
pub(crate) fn correct(args: &Correct, console: &Console) -> Outcome<Exit> {
    let mut record = args.entry.record()?;
    let vault = args.at.open(console)?;
    let rc = find(&vault, &args.record)?;
    let old = vault.record(&rc).map_err(|error| failed(&error))?.record;
    if args.entry.at_time.is_none() {
        (record.start_ms, record.offset_min) = (old.start_ms, old.offset_min);
        record.end_ms = record.end_ms.or(old.end_ms);
    }
    if args.reason.is_some() {
        let context = record.context.get_or_insert_default();
        context.reason.clone_from(&args.reason);
    }
    let added = vault
        .supersede(&rc, record.clone())
        .map_err(|error| failed(&error))?;
    saved(console, &record, &added);
    Ok(Exit::Done)
}

/// Runs `void`.
pub(crate) fn withdraw(args: &Withdraw, console: &Console) -> Outcome<Exit> {
    let vault: Vault = args.at.open(console)?;
    let rc = find(&vault, &args.record)?;
    let added = vault
        .void(&rc, args.reason.clone())
        .map_err(|error| failed(&error))?;
    if console.json() {
        console.value(&json!({"record": hex::encode(added.rc), "withdraws": hex::encode(rc)}));
    } else {
        console.line(
            "Withdrawn by you. A receipt of it stays valid and does not say so; the withdrawal has its own.",
        );
    }
    Ok(Exit::Done)
}

fn saved(console: &Console, record: &Record, added: &Added) {
    if console.json() {
        let mut value = record_json(record, &added.rc);
        value["id"] = json!(hex::encode(added.rid));
        value["warnings"] = added.warnings.iter().map(|it| json!(it.code())).collect();
        console.value(&value);
        return;
    }
    for (_, name, value, unit) in cells(record) {
        let unit = crate::naming::of_unit(&unit).to_owned();
        console.line(format!("{name}  {}", format!("{value} {unit}").trim()));
    }
    console.fact("Record", hex::encode(&added.rc[..8]));
    if matches!(record.body, Body::Episode { .. }) {
        console.fact("Treatment", hex::encode(added.rid));
    }
    console.line("Saved on this device.");
    for warning in &added.warnings {
        console.line(format!(
            "{} {warning}",
            console.paint(Tone::Decide, "Note:")
        ));
    }
}

fn names(console: &Console) {
    let kinds: Vec<_> = observation::all().collect();
    if console.json() {
        let names: Vec<_> = kinds
            .iter()
            .map(|kind| json!({"name": kind.name, "code": kind.code, "unit": kind.unit}))
            .collect();
        console.value(&names);
        return;
    }
    for kind in kinds {
        let unit = crate::naming::of_unit(kind.unit);
        console.line(format!("  {:<24} {} {unit}", kind.name, kind.words));
    }
    for (name, words) in [
        ("medicine", "a medicine, with --dose and --status"),
        ("note/SPECIALTY", "a note in words"),
        ("episode", "a treatment that other entries belong to"),
    ] {
        console.line(format!("  {name:<24} {words}"));
    }
}

impl Entry {
    fn record(&self) -> Outcome<Record> {
        let now = now_ms();
        let (start_ms, offset_min) = months::moment(self.at_time.as_deref(), now)?;
        let end_ms = match &self.until {
            Some(text) => Some(months::moment(Some(text), now)?.0),
            None => None,
        };
        let (body, context) = self.body()?;
        let mut context = context.unwrap_or_default();
        for note in &self.notes {
            let (name, text) = note
                .split_once('=')
                .ok_or_else(|| Failure::usage("note", format!("{note} is not NAME=TEXT.")))?;
            context
                .notes
                .insert(name.trim().to_owned(), text.trim().to_owned());
        }
        if let Some(id) = &self.episode {
            let mut episode = [0; 16];
            hex::decode_to_slice(id.trim(), &mut episode).map_err(|_| {
                Failure::usage(
                    "episode",
                    "A treatment is named by the id that `add episode` gave.",
                )
            })?;
            context.episode = Some(episode);
        }
        let record = Record {
            rid: None,
            start_ms,
            end_ms,
            offset_min,
            body,
            source: Source::typed(),
            context: (!context.is_empty()).then_some(context),
        };
        record.check().map_err(|error| failed(&error.into()))?;
        Ok(record)
    }

    fn body(&self) -> Outcome<(Body, Option<Context>)> {
        let kind = self.kind.to_lowercase();
        let mut text = self.value.join(" ");
        let medicine = matches!(kind.as_str(), "medicine" | "med");
        if !medicine && (self.dose.is_some() || self.status.is_some()) {
            return Err(Failure::usage(
                "dose",
                "Only a medicine has a dose and a status.",
            ));
        }
        if medicine && let Some(dose) = &self.dose {
            text = format!("{text} {dose}");
        }
        if let Some(minutes) = self.minutes {
            text = format!("{text} {minutes} min");
        }
        let entry =
            observation::entry(&self.kind, &text).map_err(|error| refused(&self.kind, error))?;
        let mut body = entry.body;
        if let Body::Medicine { name, dose, status } = &mut body {
            if let Some(said) = &self.status {
                *status = match said.as_str() {
                    "planned" => MedStatus::Planned,
                    "not-taken" => MedStatus::NotTaken,
                    "stopped" => MedStatus::Stopped,
                    _ => MedStatus::Taken,
                };
            }
            if let (Some(said), Dose::Unsaid) = (&self.dose, &*dose) {
                // A dose in words stays words.
                *name = self.value.join(" ");
                *dose = Dose::Text(said.clone());
            }
        }
        Ok((body, entry.context))
    }
}

fn refused(kind: &str, error: EntryError) -> Failure {
    let sentence = match error {
        EntryError::Name => format!(
            "{kind} is nothing that can be recorded; `vitalwitness add names` lists the names."
        ),
        other => format!("{kind} does not fit: {other}."),
    };
    Failure::usage(error.code(), sentence)
}

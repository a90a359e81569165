//! `shared`: what patients share with the organisation.

use super::cloud::sign_in;
use super::granted::{Granted, all};
use super::home::At;
use crate::console::{Console, Tone};
use crate::naming;
use crate::outcome::{Exit, Outcome};
use crate::wording;
use clap::Args;
use serde_json::{Value, json};
use vitalwitness_domain::policy::Category;
use vitalwitness_domain::scope::{Codes, Scope};

/// List what patients share with your organisation.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Shared {
    #[command(flatten)]
    at: At,
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness shared
  vitalwitness shared --home clinic --json";

/// Runs it.
pub(crate) async fn run(args: &Shared, console: &Console) -> Outcome<Exit> {
    let home = args.at.open(console)?;
    let client = sign_in(&home).await?;
    let (grants, unfit) = all(&client, &home).await?;
    let now = client.server_now_ms();
    if console.json() {
        let grants: Vec<Value> = grants.iter().map(|grant| to_json(grant, now)).collect();
        console.value(&json!({ "grants": grants, "unreadable": unfit }));
        return Ok(Exit::Done);
    }
    if grants.is_empty() {
        console.line("Nobody shares anything with you yet.");
    }
    for granted in &grants {
        let document = &granted.document;
        let state = granted.state(now);
        let tone = if state == "live" {
            Tone::Seal
        } else {
            Tone::Quiet
        };
        console.line(format!(
            "{}  {}",
            hex::encode(document.id),
            console.paint(tone, state)
        ));
        for line in scope_lines(&document.scope) {
            console.fact("May see", line);
        }
        console.fact("Reason", &document.purpose);
        console.fact("Until", wording::utc(document.expiry_ms));
    }
    if unfit > 0 {
        console.note(format!(
            "{} could not be opened with your key, or does not fit its listed event.",
            wording::count(unfit as u64, "grant", "grants")
        ));
    }
    Ok(Exit::Done)
}

/// `Heart rate, Sleep · 2026-01 to 2026-03`, one line an item.
pub(crate) fn scope_lines(scope: &Scope) -> Vec<String> {
    scope
        .items()
        .iter()
        .map(|item| {
            let what = match &item.codes {
                Codes::All => format!("everything in {}", category_words(item.category)),
                Codes::Only(codes) => {
                    let names: Vec<String> =
                        codes.iter().map(|code| naming::of_code(code)).collect();
                    names.join(", ")
                }
            };
            let episode = if item.episode.is_some() {
                ", of one treatment"
            } else {
                ""
            };
            format!("{what}{episode}, {} to {}", item.from, item.to)
        })
        .collect()
}

/// What a category is called.
pub(crate) fn category_words(category: Category) -> &'static str {
    match category {
        Category::Personal => "personal data",
        Category::MedicalHistory => "medical history",
        Category::Insurance => "insurance information",
    }
}

/// A grant as JSON.
pub(crate) fn to_json(granted: &Granted, now_ms: i64) -> Value {
    let document = &granted.document;
    let scope: Vec<Value> = document.scope.items().iter().map(item_json).collect();
    json!({
        "grant": hex::encode(document.id),
        "channel": hex::encode(document.channel),
        "owner": hex::encode(document.owner),
        "state": granted.state(now_ms),
        "purpose": document.purpose,
        "scope": scope,
        "read": document.rights.read,
        "append": document.rights.append,
        "granularity": document.granularity.name(),
        "not_before": document.not_before_ms,
        "expiry": document.expiry_ms,
    })
}

fn item_json(item: &vitalwitness_domain::scope::ScopeItem) -> Value {
    json!({
        "category": category_words(item.category),
        "codes": match &item.codes {
            Codes::All => Value::Null,
            Codes::Only(codes) => json!(codes),
        },
        "from": item.from.to_string(),
        "to": item.to.to_string(),
    })
}

//! `erase`: one entry, one kind in one month, or everything, for good.

use super::devices::kit;
use super::{At, failed, find};
use crate::console::Console;
use crate::months;
use crate::outcome::{Exit, Failure, Outcome};
use crate::wording;
use clap::Args;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;
use vitalwitness_domain::policy::Category;
use vitalwitness_domain::stream::{Granularity, Month, StreamId};
use vitalwitness_vault::{Query, Vault};

/// Erase for good: an entry, a kind in a month, or all of it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Erase {
    /// The record, as `list` names it.
    #[arg(value_name = "RECORD", required_unless_present_any = ["code", "all", "account"], conflicts_with_all = ["code", "all", "account"])]
    record: Option<String>,
    /// All entries of this kind in `--month`, those of a treatment too; `sleep` is all its stages.
    #[arg(long, value_name = "NAME", requires = "month", conflicts_with_all = ["all", "account"])]
    code: Option<String>,
    /// The month.
    #[arg(long, value_name = "MONTH")]
    month: Option<String>,
    /// The whole record on this computer, with its keys.
    #[arg(long)]
    all: bool,
    /// The account at the service, and then the record on this computer. Takes your 24 words.
    #[arg(long, conflicts_with = "all")]
    account: bool,
    /// The 24 words in a file; asked for without it.
    #[arg(long, value_name = "FILE", requires = "account")]
    kit: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    at: At,
}

/// None, and every treatment that entries of this code belong to.
fn episodes(vault: &Vault, code: &str) -> Outcome<BTreeSet<Option<[u8; 16]>>> {
    let mut episodes = BTreeSet::from([None]);
    let mut query = Query {
        code: Some(code.to_owned()),
        voids: true,
        limit: 10_000,
        ..Query::default()
    };
    loop {
        let page = vault.records(&query).map_err(|error| failed(&error))?;
        let of_page = page.records.iter();
        episodes.extend(of_page.map(|found| found.record.episode().copied()));
        if page.next.is_none() {
            return Ok(episodes);
        }
        query.after = page.next;
    }
}

fn erase_month(vault: &Vault, code: &str, episode: Option<[u8; 16]>, month: Month) -> Outcome<u64> {
    let mut erased = 0;
    for category in Category::ALL {
        for granularity in [Granularity::Raw, Granularity::Daily] {
            let stream = StreamId {
                category: category.byte(),
                code: code.to_owned(),
                episode,
                granularity,
                month,
            };
            let gone = vault.erase_stream(&stream);
            erased += gone.map_err(|error| failed(&error))?;
        }
    }
    Ok(erased)
}

const EXAMPLES: &str = "\
Examples:
  vitalwitness erase 5f3c9a01
  vitalwitness erase --code mood --month 2026-05
  vitalwitness erase --all
  vitalwitness erase --account --kit kit.txt

What others were shown by then stays seen. The list keeps marks that nothing opens any more.";

/// Runs it.
pub(crate) async fn erase(args: &Erase, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    if !args.yes && !console.agree("Erase for good? This cannot be undone.")? {
        return Err(Failure::new(Exit::Refused, "kept", "Nothing was erased."));
    }
    if args.account {
        let kit = kit(args.kit.as_ref(), console)?;
        let transport = vault.transport().map_err(|error| failed(&error))?;
        vault
            .delete_account(&kit, &transport)
            .await
            .map_err(|error| failed(&error))?;
    }
    let erased = if args.all || args.account {
        let all = vault.counts().map_err(|error| failed(&error))?;
        let records = all.iter().map(|count| count.records).sum();
        vault.erase_all().map_err(|error| failed(&error))?;
        records
    } else if let (Some(name), Some(month)) = (&args.code, &args.month) {
        let month = months::month(month)?;
        let mut erased = 0;
        for code in months::codes(name)? {
            for episode in episodes(&vault, &code)? {
                erased += erase_month(&vault, &code, episode, month)?;
            }
        }
        erased
    } else {
        let rc = find(&vault, args.record.as_deref().unwrap_or_default())?;
        vault.erase(&rc).map_err(|error| failed(&error))?;
        1
    };
    if console.json() {
        console.value(&json!({ "erased": erased }));
    } else {
        console.line(format!(
            "{} erased. What was seen by then stays seen.",
            wording::count(erased, "entry is", "entries are")
        ));
    }
    Ok(Exit::Done)
}

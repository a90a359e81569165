//! `sync` and `trust`: what waits goes up, what happened comes down, every listed entry is checked.

use super::{At, failed};
use crate::console::{Console, Tone, write_file};
use crate::grantee::cloud::{connect, failed as of_client, refusal_words};
use crate::outcome::{Exit, Failure, Outcome};
use crate::verify::read_trust;
use crate::wording;
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use vitalwitness_domain::wire::slug;
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_vault::clock::{Clock as _, SystemClock};
use vitalwitness_vault::kit::Kit;
use vitalwitness_vault::sync::{CloudSettings, Network, QuotaLevel, SyncReport};
use vitalwitness_vault::{Seal, Vault};

/// Send what waits, fetch what happened, and get receipts.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Sync {
    #[command(flatten)]
    service: Service,
    /// Your recovery kit in a file, when the service keeps another list than the record was begun for.
    #[arg(long, value_name = "FILE", requires = "cloud")]
    kit: Option<PathBuf>,
    /// Leave entries of the last hour open; they may still get company.
    #[arg(long)]
    due: bool,
    /// Put what was set aside back into the queue first.
    #[arg(long)]
    try_again: bool,
    #[command(flatten)]
    at: At,
}

/// Which service.
#[derive(Args, Debug)]
pub(crate) struct Service {
    /// The service's address; needed once.
    #[arg(long, value_name = "URL")]
    cloud: Option<String>,
    /// The trust file you expect; without it the service's own is kept at the first contact.
    #[arg(long, value_name = "BUNDLE", requires = "cloud")]
    trust: Option<PathBuf>,
}

/// Write the trust file that others check your receipts with.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  vitalwitness trust -o trust.json\n\nGive it to whoever checks your receipts, or let them get it from the service's operator: that is\nbetter, because then it is not your word."
)]
pub(crate) struct Trust {
    /// Where to.
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
  vitalwitness sync --cloud https://records.example     (the first time)
  vitalwitness sync
  vitalwitness sync --cloud http://127.0.0.1:8480 --trust trust.json

Only locked copies leave this computer. Without a connection everything else works and nothing is
lost. Exit codes: 0 all done, 1 the service's list does not hold together, 4 something was refused
for good and is set aside, 5 the service does not answer, 6 your storage there is full. What is
not sent yet stays on this computer and waits.";

impl Service {
    /// What to pin: asked from the service, compared with what is expected.
    pub(crate) async fn settings(&self) -> Outcome<Option<CloudSettings>> {
        let Some(url) = &self.cloud else {
            return Ok(None);
        };
        let url = url.trim_end_matches('/');
        let client = connect(url).await?;
        let settings = CloudSettings::fetch(url, &client)
            .await
            .map_err(|error| of_client(&error))?;
        if let Some(path) = &self.trust {
            compare(path, &settings)?;
        }
        Ok(Some(settings))
    }
}

fn compare(path: &Path, settings: &CloudSettings) -> Outcome {
    let expected = read_trust(path)?;
    let expected = expected.log(&settings.origin).cloned();
    let shown = parse_trust(&settings.trust)
        .ok()
        .and_then(|trust| trust.log(&settings.origin).cloned());
    if expected.is_some() && expected == shown {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        "trust_differs",
        "The service's trust file is not the one you expect; nothing was sent.",
    ))
}

/// Runs `sync`.
pub(crate) async fn sync(args: &Sync, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    if let Some(settings) = args.service.settings().await? {
        if let Some(path) = &args.kit {
            let words = super::init::from_file(path)?;
            let kit = Kit::from_words(&words).map_err(|error| super::of_kit(&error))?;
            vault
                .state_device(&kit, &settings.origin)
                .map_err(|error| failed(&error))?;
        }
        vault.connect(&settings).map_err(|error| failed(&error))?;
    }
    let transport = vault.transport().map_err(|error| failed(&error))?;
    if args.try_again {
        for item in vault.set_aside().map_err(|error| failed(&error))? {
            vault.try_again(item.item).map_err(|error| failed(&error))?;
        }
    }
    let which = if args.due { Seal::Due } else { Seal::All };
    vault.seal(which).map_err(|error| failed(&error))?;
    let before = vault.status().map_err(|error| failed(&error))?.waiting;
    let bar = console.bar(before, "Syncing {wide_bar} {pos} of {len}");
    let mut total = None::<SyncReport>;
    loop {
        let deadline = SystemClock.monotonic_ms().saturating_add(500);
        let step = vault.sync_step(&transport, deadline, Network::default());
        let report = tokio::select! {
            report = step => report.map_err(|error| failed(&error))?,
            _ = tokio::signal::ctrl_c() => {
                bar.finish_and_clear();
                return Err(stopped("What was sent stays sent, the rest waits."));
            }
        };
        let over = report.done || report.retry_at_ms.is_some() || report.frozen.is_some();
        let stuck = report.sent == 0 && report.checked == 0;
        total = Some(add(total, report));
        let waiting = vault.status().map_err(|error| failed(&error))?.waiting;
        bar.set_position(before.saturating_sub(waiting));
        if over || (stuck && waiting == 0) {
            break;
        }
    }
    bar.finish_and_clear();
    let Some(report) = total else {
        return Ok(Exit::Done);
    };
    tell(&vault, &report, console)
}

fn add(total: Option<SyncReport>, mut report: SyncReport) -> SyncReport {
    if let Some(total) = total {
        report.sent = report.sent.saturating_add(total.sent);
        report.checked = report.checked.saturating_add(total.checked);
        report.set_aside = report.set_aside.saturating_add(total.set_aside);
        report.storage_full |= total.storage_full;
    }
    report
}

/// Says what happened, what waits and why.
pub(crate) fn tell(vault: &Vault, report: &SyncReport, console: &Console) -> Outcome<Exit> {
    let status = vault.status().map_err(|error| failed(&error))?;
    let aside = vault.set_aside().map_err(|error| failed(&error))?;
    let exit = if report.frozen.is_some() {
        Exit::NotValid
    } else if report.retry_at_ms.is_some() && !report.done {
        Exit::Offline
    } else if !aside.is_empty() {
        Exit::Refused
    } else if report.storage_full {
        Exit::Other
    } else {
        Exit::Done
    };
    if console.json() {
        let aside: Vec<Value> = aside
            .iter()
            .map(|item| json!({"item": item.item, "code": item.code}))
            .collect();
        console.value(&json!({
            "sent": report.sent,
            "checked": report.checked,
            "waiting": status.waiting,
            "done": report.done,
            "retry_at": report.retry_at_ms,
            "set_aside": aside,
            "storage": report.quota.map(|quota| json!({"used": quota.used, "limit": quota.limit})),
            "storage_full": report.storage_full,
            "stale": report.stale,
            "frozen": report.frozen,
            "logged": status.logged,
            "witnessed": status.witnessed,
        }));
        return Ok(exit);
    }
    console.line(format!(
        "Sent {}; {} checked in the list.",
        wording::count(u64::from(report.sent), "item", "items"),
        wording::count(u64::from(report.checked), "entry was", "entries were"),
    ));
    console.fact(
        "Receipts",
        format!(
            "{} ready, {} of them witnessed",
            wording::thousands(status.logged + status.witnessed),
            wording::thousands(status.witnessed)
        ),
    );
    if status.waiting > 0 {
        console.fact("Waiting", wording::count(status.waiting, "item", "items"));
    }
    for item in &aside {
        console.line(format!(
            "{} item {} was set aside: {} [{}]",
            console.paint(Tone::Decide, "Note:"),
            item.item,
            aside_words(&item.code),
            item.code
        ));
    }
    storage(console, report);
    if report.stale {
        console.line(format!(
            "{} No witness has seen the list for a day. [STALE]",
            console.paint(Tone::Decide, "Note:")
        ));
    }
    if let Some(code) = &report.frozen {
        return Err(Failure::new(
            Exit::NotValid,
            code.clone(),
            "The service showed two different lists. Nothing is synced with it any more; both are kept as evidence.",
        ));
    }
    match left(exit, aside.len(), report) {
        Some(failure) => Err(failure),
        None => Ok(exit),
    }
}

/// Why not all is done, for an exit code that says so.
fn left(exit: Exit, aside: usize, report: &SyncReport) -> Option<Failure> {
    let (code, sentence) = match exit {
        Exit::Refused => (
            "set_aside",
            format!(
                "{} set aside; nothing is lost. After the cause is gone: vitalwitness sync --try-again.",
                wording::count(u64::try_from(aside).unwrap_or(u64::MAX), "item is", "items are"),
            ),
        ),
        Exit::Other => (
            "quota_exceeded",
            "Your storage there is full. What did not fit stays here and waits; ask who runs the service for more room.".to_owned(),
        ),
        Exit::Offline => {
            let seconds = report.retry_at_ms.map_or(0, |at| {
                at.saturating_sub(SystemClock.now_ms()).max(0) / 1_000
            });
            let when = match seconds {
                0 => "in a moment".to_owned(),
                seconds => format!("in {seconds} s"),
            };
            (
                "offline",
                format!("The service does not answer. Nothing is lost; try again {when}."),
            )
        }
        _ => return None,
    };
    Some(Failure::new(exit, code, sentence))
}

/// Why an item was set aside, and what to do where that is not to wait.
fn aside_words(code: &str) -> &'static str {
    if code == slug::KIT {
        return "Another of your devices changed the account's key at the same moment. Do once more what you did, with your recovery kit: vitalwitness devices --end DEVICE --kit FILE, or vitalwitness pair CODE --kit FILE";
    }
    if code == "recovery_not_sealed" {
        return "A newer key of your account is sealed neither to this device nor to your kit. All that came before is here; what came under it comes once another of your devices syncs. If none of them made it, end the device that did";
    }
    refusal_words(code)
}

fn storage(console: &Console, report: &SyncReport) {
    let Some(quota) = report.quota else { return };
    if let Some(words) = storage_words(quota.used, quota.limit, report.quota_level()) {
        console.line(format!("{} {words}", console.paint(Tone::Decide, "Note:")));
    }
}

/// An account may use a little more than its limit for keys; a batch may find no room before that.
fn storage_words(used: u64, limit: u64, level: QuotaLevel) -> Option<String> {
    let percent = (u128::from(used) * 100)
        .checked_div(u128::from(limit))
        .unwrap_or(100);
    match level {
        QuotaLevel::Fine => None,
        QuotaLevel::Filling => Some(format!(
            "{percent} % of your storage is used. If it fills up, new entries stay here."
        )),
        QuotaLevel::Full if percent >= 100 => Some(
            "Your storage at the service is full. New entries stay here, and nothing is lost. [quota_exceeded]"
                .to_owned(),
        ),
        QuotaLevel::Full => Some(format!(
            "What waits is larger than the room left at the service ({percent} % is used). It stays here, and nothing is lost. [quota_exceeded]"
        )),
    }
}

/// Stopped by the person.
pub(crate) fn stopped(what_stays: &str) -> Failure {
    Failure::new(Exit::Other, "cancelled", format!("Stopped. {what_stays}"))
}

/// Runs `trust`.
pub(crate) fn trust(args: &Trust, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let settings = vault.cloud().map_err(|error| failed(&error))?;
    let settings = settings.ok_or_else(not_connected)?;
    write_file(&args.output, settings.trust.as_bytes(), false, args.replace)?;
    if console.json() {
        console.value(&json!({
            "file": args.output.display().to_string(),
            "origin": settings.origin,
        }));
    } else {
        console.line(format!("Trust file written to {}.", args.output.display()));
    }
    Ok(Exit::Done)
}

/// No service is named yet.
pub(crate) fn not_connected() -> Failure {
    Failure::usage(
        "not_connected",
        "No service is named yet; `vitalwitness sync --cloud URL` does.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_that_has_no_room_is_never_called_full_at_0_percent() {
        let full = |used| storage_words(used, 1_000, QuotaLevel::Full).unwrap_or_default();
        for used in [1_000, 5_000] {
            assert!(full(used).contains("is full") && !full(used).contains('%'));
        }
        for (used, percent) in [(3, "0 %"), (999, "99 %")] {
            assert!(full(used).contains(percent) && !full(used).contains("full"));
        }
        assert_eq!(storage_words(3, 1_000, QuotaLevel::Fine), None);
    }

    #[test]
    fn who_lost_a_race_for_the_account_s_key_is_told_what_to_do() {
        let words = aside_words(slug::KIT);
        assert!(words.contains("--end") && words.contains("pair") && words.contains("--kit"));
    }
}

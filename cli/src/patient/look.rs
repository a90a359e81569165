//! `list`, `summary` and `status`: what there is, and how far it is on its way.

use super::counters::{self, Counters};
use super::{At, failed, now_ms};
use crate::console::{Console, Tone};
use crate::months;
use crate::naming;
use crate::outcome::{Exit, Outcome};
use crate::recorded::{cells, record_json, rfc3339};
use crate::wording;
use clap::Args;
use serde_json::{Value, json};
use vitalwitness_vault::store::BatchState;
use vitalwitness_vault::{Count, Day, DayTotal, Error, Found, Query, Vault};

/// List your entries, newest first.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  vitalwitness list --limit 20\n  vitalwitness list --code heart-rate --from 2026-05-01 --to 2026-05-13"
)]
pub(crate) struct List {
    /// Only this kind.
    #[arg(long, value_name = "NAME")]
    code: Option<String>,
    /// From this day.
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Until this day, included.
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    at: At,
}

/// Sum up your entries by day; what several devices counted counts once.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  vitalwitness summary\n  vitalwitness summary --code steps --from 2026-05-01 --to 2026-05-31"
)]
pub(crate) struct Days {
    /// Only this kind.
    #[arg(long, value_name = "NAME")]
    code: Option<String>,
    /// From this day [default: two weeks before the last].
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Until this day, included [default: the day of the newest entry].
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    #[command(flatten)]
    at: At,
}

/// Show how far your entries are on their way.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vitalwitness status --json")]
pub(crate) struct Standing {
    #[command(flatten)]
    at: At,
}

/// Runs `list`.
pub(crate) fn list(args: &List, console: &Console) -> Outcome<Exit> {
    let codes = one_kind(args.code.as_deref())?;
    let vault = args.at.open(console)?;
    let (from_ms, to_ms) = span(args.from.as_deref(), args.to.as_deref())?;
    let mut found = Vec::new();
    for code in codes {
        let mut query = Query {
            code,
            from_ms,
            to_ms,
            limit: args.limit,
            ..Query::default()
        };
        let page = vault.records(&query).map_err(|error| failed(&error))?;
        query.after = page.next;
        found.extend(page.records);
    }
    found.sort_by_key(|it| std::cmp::Reverse((it.record.start_ms, it.rc)));
    found.truncate(args.limit);
    if console.json() {
        let rows: Vec<Value> = found.iter().map(found_json).collect();
        console.value(&rows);
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        console
            .line("No records yet. The first one takes a minute: vitalwitness add heart-rate 62");
    }
    for it in &found {
        for (_, name, value, unit) in cells(&it.record) {
            let unit = naming::of_unit(&unit);
            let when = wording::local(it.record.start_ms, i64::from(it.record.offset_min));
            let value = crate::disclosed::printable(&format!("{value} {unit}"));
            let name = crate::disclosed::printable(&name);
            let (words, tone) = state_words(it);
            console.line(format!(
                "{}  {when}  {name:<22}  {}  {}",
                console.paint(Tone::Quiet, &hex::encode(&it.rc[..4])),
                console.paint(Tone::Strong, &format!("{:<16}", value.trim())),
                console.paint(tone, words),
            ));
        }
    }
    Ok(Exit::Done)
}

/// Runs `summary`.
pub(crate) fn days(args: &Days, console: &Console) -> Outcome<Exit> {
    let wanted = one_kind(args.code.as_deref())?;
    let vault = args.at.open(console)?;
    let counts = vault.counts().map_err(|error| failed(&error))?;
    let counts: Vec<_> = counts
        .into_iter()
        .filter(|count| wanted == [None] || wanted.contains(&Some(count.code.clone())))
        .collect();
    let newest = counts.iter().map(|count| count.last_ms).max();
    let newest = newest.unwrap_or_else(now_ms);
    let offset = i64::from(months::offset_at(newest)) * 60_000;
    let last_day = i32::try_from((newest + offset).div_euclid(86_400_000)).unwrap_or(i32::MAX);
    let to = match &args.to {
        Some(text) => months::day_number(text)?,
        None => last_day,
    };
    let from = match &args.from {
        Some(text) => months::day_number(text)?,
        None => to - 13,
    };
    let counters = Counters::of(&vault)?;
    let mut rows = Vec::new();
    for count in counts {
        let days = vault
            .day_summary(&count.code, from, to.saturating_add(1))
            .map_err(|error| failed(&error))?;
        let totals = match vault.day_totals(&count.code, from, to.saturating_add(1)) {
            Ok(totals) => Some(totals),
            Err(Error::NotFound) => None, // it does not add up
            Err(error) => return Err(failed(&error)),
        };
        rows.push(Summed {
            count,
            days,
            totals,
        });
    }
    if console.json() {
        let rows: Vec<Value> = rows.iter().map(|row| row.json(&counters)).collect();
        console.value(&rows);
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        console.line("No records yet.");
    }
    for row in &rows {
        row.show(console, &counters);
    }
    Ok(Exit::Done)
}

/// One quantity.
struct Summed {
    count: Count,
    days: Vec<Day>,
    /// None: it does not add up over a day.
    totals: Option<Vec<DayTotal>>,
}

impl Summed {
    fn json(&self, counters: &Counters) -> Value {
        let count = &self.count;
        let totals = self.totals.as_ref();
        json!({
            "code": count.code,
            "name": naming::of_code(&count.code),
            "records": count.records,
            "first": rfc3339(count.first_ms, 0),
            "last": rfc3339(count.last_ms, 0),
            "days": self.days.iter().map(day_json).collect::<Vec<_>>(),
            "totals": totals.map(|totals| {
                totals.iter().map(|total| total_json(total, counters)).collect::<Vec<_>>()
            }),
        })
    }

    fn show(&self, console: &Console, counters: &Counters) {
        console.heading(&format!(
            "{} ({} in all)",
            naming::of_code(&self.count.code),
            wording::count(self.count.records, "entry", "entries")
        ));
        match &self.totals {
            Some(totals) => {
                for total in totals {
                    show_total(console, total, counters);
                }
            }
            None => {
                for day in &self.days {
                    show_day(console, day);
                }
            }
        }
        if self.days.is_empty() {
            console.line("  nothing in these days");
        }
    }
}

/// Runs `status`.
pub(crate) fn status(args: &Standing, console: &Console) -> Outcome<Exit> {
    let vault: Vault = args.at.open(console)?;
    let status = vault.status().map_err(|error| failed(&error))?;
    let kit = vault
        .asked_words()
        .map_err(|error| failed(&error))?
        .is_none();
    if console.json() {
        console.value(&json!({
            "open": status.open,
            "queued": status.queued,
            "stored": status.stored,
            "logged": status.logged,
            "witnessed": status.witnessed,
            "sealed_sets": status.batches,
            "sealed_bytes": status.sealed_bytes,
            "waiting": status.waiting,
            "set_aside": status.quarantined,
            "kit_confirmed": kit,
        }));
        return Ok(Exit::Done);
    }
    for (words, number) in [
        ("Saved here", status.open),
        ("Waiting", status.queued),
        ("Locked copy", status.stored),
        ("Receipt ready", status.logged),
        ("Witnessed", status.witnessed),
    ] {
        console.fact(words, wording::count(number, "entry", "entries"));
    }
    console.fact(
        "In all",
        format!(
            "{}, {} sealed",
            wording::count(status.batches, "set", "sets"),
            wording::count(status.sealed_bytes, "byte", "bytes")
        ),
    );
    if status.quarantined > 0 {
        console.line(format!(
            "{} {} set aside: the service refused for good. `vitalwitness sync` says why.",
            console.paint(Tone::Decide, "Note:"),
            wording::count(status.quarantined, "item is", "items are")
        ));
    }
    if !kit {
        console.line("Your recovery kit is not confirmed yet; nothing is synced before.");
    }
    Ok(Exit::Done)
}

fn one_kind(name: Option<&str>) -> Outcome<Vec<Option<String>>> {
    match name {
        Some(name) => Ok(months::codes(name)?.into_iter().map(Some).collect()),
        None => Ok(vec![None]),
    }
}

fn span(from: Option<&str>, to: Option<&str>) -> Outcome<(i64, i64)> {
    let from = match from {
        Some(text) => months::start_of_day(text)?,
        None => i64::MIN,
    };
    let to = match to {
        Some(text) => months::end_of_day(text)?.saturating_add(1),
        None => i64::MAX,
    };
    Ok((from, to))
}

/// How an entry stands, in the words of the interface.
fn state_words(found: &Found) -> (&'static str, Tone) {
    if found.voided {
        return ("Withdrawn by you", Tone::Quiet);
    }
    if found.corrected_by.is_some() {
        return ("Replaced by a newer entry", Tone::Quiet);
    }
    match found.state {
        BatchState::Open | BatchState::Frozen => ("Saved on this device", Tone::Quiet),
        BatchState::Sealed => ("Sealed", Tone::Quiet),
        BatchState::Queued => ("Waiting to sync", Tone::Quiet),
        BatchState::Stored => ("Locked copy stored", Tone::Quiet),
        BatchState::Logged => ("Receipt ready", Tone::Seal),
        BatchState::Witnessed => ("Witnessed", Tone::Seal),
    }
}

fn state_code(state: BatchState) -> &'static str {
    match state {
        BatchState::Open | BatchState::Frozen => "open",
        BatchState::Sealed => "sealed",
        BatchState::Queued => "queued",
        BatchState::Stored => "stored",
        BatchState::Logged => "logged",
        BatchState::Witnessed => "witnessed",
    }
}

fn found_json(found: &Found) -> Value {
    let mut value = record_json(&found.record, &found.rc);
    value["id"] = json!(hex::encode(found.rid));
    value["state"] = json!(state_code(found.state));
    value["withdrawn"] = json!(found.voided);
    value["corrected_by"] = json!(found.corrected_by.map(hex::encode));
    value
}

fn day_json(day: &Day) -> Value {
    json!({
        "day": day_text(day.day),
        "component": day.component,
        "unit": day.unit,
        "count": day.count,
        "min": day.least.to_string(),
        "max": day.greatest.to_string(),
        "mean": day.mean.to_string(),
    })
}

fn total_json(total: &DayTotal, counters: &Counters) -> Value {
    let sources = total.parts.iter().map(|part| {
        json!({
            "source": counters::code(part.counter),
            "name": counters.name(part.counter),
            "counted": part.counted.to_string(),
            "said": part.raw.to_string(),
        })
    });
    json!({
        "day": day_text(total.day),
        "unit": total.unit,
        "total": total.total.to_string(),
        "sources": sources.collect::<Vec<_>>(),
    })
}

/// The total, and of several sources what each gave to it.
fn show_total(console: &Console, total: &DayTotal, counters: &Counters) {
    let unit = naming::of_unit(&total.unit);
    console.line(format!("  {}  {} {unit}", day_text(total.day), total.total).trim_end());
    if total.parts.len() < 2 {
        return;
    }
    for part in &total.parts {
        console.line(console.paint(
            Tone::Quiet,
            &format!(
                "              {} of {} from {}",
                part.counted,
                part.raw,
                counters.name(part.counter)
            ),
        ));
    }
}

fn show_day(console: &Console, day: &Day) {
    let part = if day.component.is_empty() {
        String::new()
    } else {
        format!("{}: ", naming::of_code(&day.component))
    };
    let unit = naming::of_unit(&day.unit);
    console.line(format!(
        "  {}  {part}{} to {}, mean {} {unit} ({})",
        day_text(day.day),
        day.least,
        day.greatest,
        day.mean,
        wording::count(day.count, "entry", "entries"),
    ));
}

fn day_text(day: i32) -> String {
    let date =
        chrono::NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(i64::from(day)));
    date.map_or_else(|| day.to_string(), |date| date.to_string())
}

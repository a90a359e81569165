//! `share-code`, `requests`, `grant`, `deny`, `revoke`, `grants`, `activity`: who may see what, and
//! who looked.
//!
//! Deciding is slow, stopping is fast: a request shows its rows before the answer.

use super::{At, failed};
use crate::console::{Console, Tone};
use crate::disclosed::printable;
use crate::grantee::shared::scope_lines;
use crate::months;
use crate::naming;
use crate::outcome::{Exit, Failure, Outcome};
use crate::wording;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use vitalwitness_domain::wire::Role;
use vitalwitness_vault::Vault;
use vitalwitness_vault::share::{
    Activity, Done, GrantState, GrantView, LeaveOut, Party, Proven, RequestState, RequestView,
};

/// Show the code that lets a clinic or an insurer ask you.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  vitalwitness share-code\n  vitalwitness share-code --of history\n\nShowing it shares nothing: they can only ask."
)]
pub(crate) struct Code {
    /// What it is about.
    #[arg(long, value_enum, default_value_t = Kind::Personal)]
    of: Kind,
    #[command(flatten)]
    at: At,
}

/// A category, as it is typed.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum Kind {
    /// What you and your devices measure and write.
    Personal,
    /// What clinics write.
    History,
    /// What insurers write.
    Insurance,
}

/// List who asks, with exactly the rows they would see.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vitalwitness sync && vitalwitness requests")]
pub(crate) struct Requests {
    /// Also those you answered.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    at: At,
}

/// Say yes to a request, whole or in part.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  vitalwitness grant 81ad\n  vitalwitness grant 81ad --leave-out sleep,mood --until 2026-12-31\n\nThey see only what you allow. Whether the rest holds anything, they cannot tell. You can stop this\nat any time. What was seen by then stays seen."
)]
pub(crate) struct Grant {
    /// The request, as `requests` names it.
    #[arg(value_name = "REQUEST")]
    request: String,
    /// Kinds they shall not see, with commas.
    #[arg(long, value_name = "NAMES")]
    leave_out: Option<String>,
    /// Months they shall not see, with commas: 2026-02,2026-03.
    #[arg(long, value_name = "MONTHS")]
    leave_out_months: Option<String>,
    /// Until when [default: as they asked].
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    at: At,
}

/// Say no to a request; it stays no.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vitalwitness deny 81ad")]
pub(crate) struct Deny {
    /// The request, as `requests` names it.
    #[arg(value_name = "REQUEST")]
    request: String,
    #[command(flatten)]
    at: At,
}

/// Stop sharing.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  vitalwitness revoke 4f1c && vitalwitness sync\n\nFrom then on they can open nothing new. What was seen by then stays seen."
)]
pub(crate) struct Revoke {
    /// The grant, as `grants` names it.
    #[arg(value_name = "GRANT")]
    grant: String,
    #[command(flatten)]
    at: At,
}

/// List who may see what.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vitalwitness grants --json")]
pub(crate) struct Grants {
    #[command(flatten)]
    at: At,
}

/// List who asked, who was refused and who looked.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  vitalwitness activity\n  vitalwitness activity --from 2026-05-01 --to 2026-05-31\n\nEach line but a refusal has a receipt. The list does not say that nothing happened outside it."
)]
pub(crate) struct Looked {
    /// From this day.
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Until this day, included.
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    #[command(flatten)]
    at: At,
}

/// Runs `share-code`.
pub(crate) fn code(args: &Code, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let category = match args.of {
        Kind::Personal => 1,
        Kind::History => 2,
        Kind::Insurance => 3,
    };
    let code = vault.share_code(category).map_err(|error| failed(&error))?;
    if console.json() {
        console.value(&json!({ "code": code.text(), "typed": code.typed() }));
        return Ok(Exit::Done);
    }
    console.line(code.text());
    console.fact("For typing", code.typed());
    console.line("It can be found after your next sync. The long form proves that you showed it; the short one does not.");
    Ok(Exit::Done)
}

/// Runs `requests`.
pub(crate) fn requests(args: &Requests, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let mut requests = vault.requests().map_err(|error| failed(&error))?;
    let refused = vault.refused_requests().map_err(|error| failed(&error))?;
    if !args.all {
        requests.retain(|request| request.state == RequestState::Waiting);
    }
    if console.json() {
        let requests: Vec<Value> = requests.iter().map(request_json).collect();
        let refused: Vec<Value> = refused
            .iter()
            .map(|it| json!({"request": hex::encode(it.id), "code": it.code}))
            .collect();
        console.value(&json!({ "requests": requests, "did_not_hold": refused }));
        return Ok(Exit::Done);
    }
    if requests.is_empty() {
        console.line("Nobody asks. When someone does, it appears here after a sync.");
    }
    for request in &requests {
        show_request(console, request);
    }
    if !refused.is_empty() {
        console.line(format!(
            "{} did not hold and cannot be answered.",
            wording::count(refused.len() as u64, "request", "requests")
        ));
    }
    Ok(Exit::Done)
}

/// Runs `grant`.
pub(crate) fn grant(args: &Grant, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let request = request_named(&vault, &args.request)?;
    let mut leave_out = LeaveOut::default();
    if let Some(names) = &args.leave_out {
        leave_out.codes.extend(months::codes(names)?);
    }
    for month in args
        .leave_out_months
        .iter()
        .flat_map(|text| text.split(','))
    {
        leave_out.months.insert(months::month(month)?);
    }
    let expiry = match &args.until {
        Some(day) => months::end_of_day(day)?,
        None => request.wanted_end_ms,
    };
    let (shown, total) = rows(&request, &leave_out);
    if !args.yes && !console.json() {
        show_request(console, &request);
        let question = if shown == total {
            format!("Allow all {}?", wording::count(total, "entry", "entries"))
        } else {
            format!(
                "Allow {} of {}?",
                wording::thousands(shown),
                wording::thousands(total)
            )
        };
        if !console.agree(&question)? {
            return Err(Failure::new(Exit::Refused, "kept", "Nothing was shared."));
        }
    }
    let id = vault
        .grant(&request.id, &leave_out, expiry)
        .map_err(|error| failed(&error))?;
    if console.json() {
        console.value(&json!({
            "grant": hex::encode(id),
            "shown": shown,
            "of": total,
            "expiry": expiry,
        }));
        return Ok(Exit::Done);
    }
    console.line(format!(
        "{} may see {} until {}. They are told with the next sync.",
        request.organisation.name,
        wording::count(shown, "entry", "entries"),
        wording::utc(expiry)
    ));
    console.fact("Grant", hex::encode(&id[..4]));
    Ok(Exit::Done)
}

/// Runs `deny`.
pub(crate) fn deny(args: &Deny, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let request = request_named(&vault, &args.request)?;
    vault.deny(&request.id).map_err(|error| failed(&error))?;
    if console.json() {
        console.value(&json!({ "denied": hex::encode(request.id) }));
    } else {
        console.line(format!(
            "{} is told no with the next sync. Nothing was shown.",
            request.organisation.name
        ));
    }
    Ok(Exit::Done)
}

/// Runs `revoke`.
pub(crate) fn revoke(args: &Revoke, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let prefix = args.grant.trim().to_lowercase();
    let grants = vault.grants().map_err(|error| failed(&error))?;
    let mut named = grants
        .iter()
        .filter(|it| hex::encode(it.id).starts_with(&prefix));
    let grant = match (named.next(), named.next()) {
        (Some(grant), None) if !prefix.is_empty() => grant,
        (None, _) => return Err(failed(&vitalwitness_vault::Error::NotFound)),
        _ => return Err(ambiguous()),
    };
    vault.revoke(&grant.id).map_err(|error| failed(&error))?;
    if console.json() {
        console.value(&json!({ "revoked": hex::encode(grant.id) }));
    } else {
        console.line("It takes effect once the service has confirmed it: vitalwitness sync");
        console.line("What was seen by then stays seen.");
    }
    Ok(Exit::Done)
}

/// Runs `grants`.
pub(crate) fn grants(args: &Grants, console: &Console) -> Outcome<Exit> {
    let vault = args.at.open(console)?;
    let grants = vault.grants().map_err(|error| failed(&error))?;
    if console.json() {
        let grants: Vec<Value> = grants.iter().map(grant_json).collect();
        console.value(&grants);
        return Ok(Exit::Done);
    }
    if grants.is_empty() {
        console.line("Nobody can see your record. When someone asks, it appears under `requests`.");
    }
    for grant in &grants {
        let (words, tone) = match grant.state {
            GrantState::Live => ("Can see now", Tone::Seal),
            GrantState::Revoked => ("Ended by you", Tone::Quiet),
            GrantState::Expired => ("Ended, its time is over", Tone::Quiet),
        };
        console.line(format!(
            "{}  {}  {}",
            console.paint(Tone::Quiet, &hex::encode(&grant.id[..4])),
            console.paint(Tone::Strong, &name(&grant.organisation)),
            console.paint(tone, words),
        ));
        for line in scope_lines(&grant.scope) {
            console.fact("Asked for", line);
        }
        let left_out = &grant.left_out;
        if !left_out.codes.is_empty() || !left_out.months.is_empty() {
            let codes = left_out.codes.iter().map(|code| naming::of_code(code));
            let months = left_out.months.iter().map(ToString::to_string);
            console.fact(
                "Left out",
                codes.chain(months).collect::<Vec<_>>().join(", "),
            );
        }
        console.fact("Reason", printable(&grant.purpose));
        console.fact("Until", wording::utc(grant.expiry_ms));
    }
    Ok(Exit::Done)
}

/// Runs `activity`.
pub(crate) fn activity(args: &Looked, console: &Console) -> Outcome<Exit> {
    let from = match &args.from {
        Some(day) => months::start_of_day(day)?,
        None => i64::MIN,
    };
    let to = match &args.to {
        Some(day) => months::end_of_day(day)?.saturating_add(1),
        None => i64::MAX,
    };
    let vault = args.at.open(console)?;
    let mut rows = vault.activity(from, to).map_err(|error| failed(&error))?;
    rows.reverse();
    if console.json() {
        let rows: Vec<Value> = rows.iter().map(activity_json).collect();
        console.value(&rows);
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        console.line("Nobody has looked.");
    }
    for row in &rows {
        let when = wording::local(row.time_ms, i64::from(months::offset_at(row.time_ms)));
        let tone = match row.done {
            Done::Emergency => Tone::Stop,
            _ => Tone::Strong,
        };
        console.line(format!("{when}  {}", console.paint(tone, &row_words(row))));
    }
    Ok(Exit::Done)
}

fn request_named(vault: &Vault, prefix: &str) -> Outcome<RequestView> {
    let prefix = prefix.trim().to_lowercase();
    let mut requests = vault.requests().map_err(|error| failed(&error))?;
    requests.retain(|request| hex::encode(request.id).starts_with(&prefix));
    match requests.len() {
        1 if !prefix.is_empty() => requests
            .pop()
            .ok_or_else(|| failed(&vitalwitness_vault::Error::NotFound)),
        0 => Err(failed(&vitalwitness_vault::Error::NotFound)),
        _ => Err(ambiguous()),
    }
}

fn ambiguous() -> Failure {
    Failure::usage("which", "Several begin like this; write more of it.")
}

/// How many entries would be shown, of how many asked for.
fn rows(request: &RequestView, leave_out: &LeaveOut) -> (u64, u64) {
    let total = request.rows.iter().map(|row| row.records).sum();
    let shown = request
        .rows
        .iter()
        .filter(|row| !leave_out.holds(&row.stream))
        .map(|row| row.records)
        .sum();
    (shown, total)
}

fn name(party: &Party) -> String {
    if party.name.is_empty() {
        format!("somebody ({})", hex::encode(&party.id[..4]))
    } else {
        printable(&party.name)
    }
}

fn show_request(console: &Console, request: &RequestView) {
    let what = match request.role {
        Role::Provider => "a clinic or practice",
        Role::Insurer => "an insurer",
        Role::Auditor => "an auditor",
    };
    console.line(format!(
        "{}  {} asks to see",
        console.paint(Tone::Quiet, &hex::encode(&request.id[..4])),
        console.paint(Tone::Strong, &name(&request.organisation)),
    ));
    console.fact("Who", format!("{}, {what}", name(&request.person)));
    console.fact("Why", printable(&request.purpose));
    if !request.message.is_empty() {
        console.fact("Message", printable(&request.message));
    }
    for line in scope_lines(&request.scope) {
        console.fact("Asks for", line);
    }
    for row in &request.rows {
        console.fact(
            "Would see",
            format!(
                "{} {}, {}",
                naming::of_code(&row.stream.code),
                row.stream.month,
                wording::count(row.records, "entry", "entries")
            ),
        );
    }
    if request.rows.is_empty() {
        console.fact("Would see", "nothing so far");
    }
    console.fact("Until", wording::utc(request.wanted_end_ms));
    if request.rights.append {
        console.fact("Also", "may add to your list");
    }
    if request.proven == Proven::Typed && request.state == RequestState::Waiting {
        console.line(format!(
            "  {} A typed code. Did you give it to them?",
            console.paint(Tone::Decide, "Note:")
        ));
    }
    match request.state {
        RequestState::Waiting => {}
        RequestState::Granted => console.fact("You said", "yes"),
        RequestState::Denied => console.fact("You said", "no"),
    }
}

fn row_words(row: &Activity) -> String {
    let who = row.organisation.as_ref().map(name);
    let who = match (who, &row.person) {
        (Some(organisation), Some(person)) => format!("{organisation} ({})", name(person)),
        (Some(organisation), None) => organisation,
        (None, _) => "Somebody".to_owned(),
    };
    match &row.done {
        Done::Enrolled => "A key of yours was added".to_owned(),
        Done::Logged { records, .. } => format!(
            "You listed a sealed set of {}",
            wording::count(*records, "entry", "entries")
        ),
        Done::Asked => format!("{who} asked to see entries"),
        Done::Granted => format!("You allowed {who}"),
        Done::Denied => format!("You said no to {who}"),
        Done::Revoked if row.organisation.is_some() => format!("You stopped sharing with {who}"),
        Done::Revoked => "You ended a key of yours".to_owned(),
        Done::Accessed { records, .. } => match records {
            Some(records) => format!(
                "{who} looked at {}",
                wording::count(*records, "entry", "entries")
            ),
            None => format!("{who} looked at entries"),
        },
        Done::Emergency => format!("Emergency access by {who}"),
        Done::Refused { code } => format!("{who} was refused [{code}]"),
    }
}

fn party_json(party: Option<&Party>) -> Value {
    party.map_or(
        Value::Null,
        |party| json!({"id": hex::encode(party.id), "name": party.name}),
    )
}

fn request_json(request: &RequestView) -> Value {
    let rows: Vec<Value> = request
        .rows
        .iter()
        .map(|row| {
            json!({
                "code": row.stream.code,
                "month": row.stream.month.to_string(),
                "records": row.records,
            })
        })
        .collect();
    json!({
        "request": hex::encode(request.id),
        "organisation": party_json(Some(&request.organisation)),
        "role": request.role,
        "person": party_json(Some(&request.person)),
        "purpose": request.purpose,
        "message": request.message,
        "scope": scope_lines(&request.scope),
        "rows": rows,
        "scanned": request.proven == Proven::Qr,
        "time": request.time_ms,
        "wanted_end": request.wanted_end_ms,
        "append": request.rights.append,
        "state": match request.state {
            RequestState::Waiting => "waiting",
            RequestState::Granted => "granted",
            RequestState::Denied => "denied",
        },
    })
}

fn grant_json(grant: &GrantView) -> Value {
    json!({
        "grant": hex::encode(grant.id),
        "organisation": party_json(Some(&grant.organisation)),
        "purpose": grant.purpose,
        "scope": scope_lines(&grant.scope),
        "left_out": {
            "codes": grant.left_out.codes,
            "months": grant.left_out.months.iter().map(ToString::to_string).collect::<Vec<_>>(),
        },
        "expiry": grant.expiry_ms,
        "state": match grant.state {
            GrantState::Live => "live",
            GrantState::Revoked => "revoked",
            GrantState::Expired => "expired",
        },
    })
}

fn activity_json(row: &Activity) -> Value {
    let (done, records, code) = match &row.done {
        Done::Enrolled => ("enrolled", None, None),
        Done::Logged { records, .. } => ("logged", Some(*records), None),
        Done::Asked => ("asked", None, None),
        Done::Granted => ("granted", None, None),
        Done::Denied => ("denied", None, None),
        Done::Revoked => ("revoked", None, None),
        Done::Accessed { records, .. } => ("accessed", *records, None),
        Done::Emergency => ("emergency", None, None),
        Done::Refused { code } => ("refused", None, Some(code)),
    };
    json!({
        "time": row.time_ms,
        "done": done,
        "records": records,
        "code": code,
        "organisation": party_json(row.organisation.as_ref()),
        "person": party_json(row.person.as_ref()),
        "category": row.category,
        "recordhash": row.recordhash.map(hex::encode),
        "seq": row.seq,
    })
}

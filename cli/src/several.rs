//! `verify` of what holds several records: bundles (.vwb) and completeness proofs (.vwc).

use crate::console::{Console, Tone};
use crate::outcome::Exit;
use crate::report;
use crate::verify::exit_of;
use crate::wording;
use serde::Serialize;
use vitalwitness_domain::wire::facts::{AtJson, BundleVerdict, CompletenessVerdict};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::bundle::{At, Bundle, BundleFacts};
use vitalwitness_proof::cbor::{self, Value};
use vitalwitness_proof::completeness::{Completeness, CompletenessFacts};
use vitalwitness_proof::trust::Trust;
use vitalwitness_proof::verify::Disclosed;

/// What a file of several records is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Many records under one checkpoint.
    Bundle,
    /// How many of a period's records are shown.
    Completeness,
}

/// Verifies its bytes.
pub(crate) fn check(kind: Kind, bytes: &[u8], trust: &Trust, console: &Console) -> Exit {
    match kind {
        Kind::Bundle => {
            let result = Bundle::verify(bytes, trust);
            let verdict = BundleVerdict::from(&result);
            let refused = result.as_ref().err().copied();
            let changed = match refused {
                Some(_) => Bundle::decode(bytes).map_or(Vec::new(), |it| it.changed_records()),
                None => Vec::new(),
            };
            let verdict = Named {
                verdict,
                changed: changed.iter().copied().map(AtJson::from).collect(),
            };
            tell(
                console,
                &verdict,
                refused.map(|it| (it.rejection, it.at)),
                &changed,
                || {
                    if let Ok(facts) = &result {
                        bundle(console, facts);
                    }
                },
            )
        }
        Kind::Completeness => {
            let result = Completeness::verify(bytes, trust);
            let verdict = CompletenessVerdict::from(&result);
            let refused = result.as_ref().err().copied();
            tell(
                console,
                &verdict,
                refused.map(|why| (why, None)),
                &[],
                || {
                    if let Ok(facts) = &result {
                        completeness(console, facts);
                    }
                },
            )
        }
    }
}

fn tell(
    console: &Console,
    verdict: &impl Serialize,
    refused: Option<(Rejection, Option<At>)>,
    changed: &[At],
    valid: impl FnOnce(),
) -> Exit {
    if console.json() {
        console.value(verdict);
    }
    match refused {
        None => {
            if !console.json() {
                valid();
            }
            Exit::Done
        }
        Some((why, at)) => {
            if !console.json() {
                report::rejected(console, why);
                if let Some(at) = at.filter(|at| !changed.contains(at)) {
                    console.line(about(at));
                }
                for at in changed {
                    let word = console.paint(Tone::Stop, "Changed:");
                    console.line(format!("{word} {}", place(*at)));
                }
            }
            exit_of(why)
        }
    }
}

fn about(at: At) -> String {
    format!("It is about {}.", place(at))
}

fn place(at: At) -> String {
    let entry = wording::thousands(at.entry);
    match at.leaf {
        Some(leaf) => {
            let leaf = wording::thousands(leaf);
            format!("record {leaf} of the set listed as entry {entry}")
        }
        None => format!("entry {entry}"),
    }
}

/// The verdict, and every record whose shown fields are not those that were sealed.
#[derive(Serialize)]
struct Named {
    #[serde(flatten)]
    verdict: BundleVerdict,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changed: Vec<AtJson>,
}

fn bundle(console: &Console, facts: &BundleFacts) {
    let records = || facts.entries.iter().flat_map(|of| &of.records);
    let all = records().count() as u64;
    let shown = records().filter(|it| it.disclosed.is_some()).count() as u64;
    console.line(console.paint(Tone::Seal, "Unchanged"));
    let count = match all - shown {
        0 => wording::count(all, "record is", "records are"),
        hidden if shown == 0 => {
            format!(
                "{} of a sealed set, of which nothing is shown,",
                wording::count(hidden, "place", "places")
            ) + if hidden == 1 { " is" } else { " are" }
        }
        hidden => format!(
            "{} and {}, of which nothing is shown, are",
            wording::count(shown, "record", "records"),
            wording::count(hidden, "further place", "further places")
        ),
    };
    console.line(match existed(facts.existed_by) {
        Some(when) => format!("{count} exactly what was sealed, and existed by {when}."),
        None => format!("{count} exactly what was sealed. Nobody was asked since when."),
    });
    for of in &facts.entries {
        console.gap();
        console.heading(&format!("Entry {}", wording::thousands(of.index)));
        report::entry(console, &of.entry.event, of.entry.seq);
        for record in &of.records {
            console.gap();
            match &record.disclosed {
                Some(shown) => report::disclosed(console, shown.schema, shown.whole, &shown.fields),
                None => console.fact("Shows", report::NOTHING),
            }
        }
    }
    console.gap();
    console.heading("Who stands behind it");
    console.fact("Listed by", &facts.logged.origin);
    report::witnesses(console, &facts.witnessed, &facts.logged.origin);
}

fn completeness(console: &Console, facts: &CompletenessFacts) {
    let (shown, of) = (
        wording::thousands(facts.shown),
        wording::thousands(facts.of),
    );
    let tone = if facts.shown == facts.of && facts.unopened == 0 {
        Tone::Seal
    } else {
        Tone::Decide
    };
    console.line(console.paint(tone, &format!("{shown} of {of} shown")));
    console.fact(
        "Period",
        format!(
            "{} to before {}",
            wording::utc(facts.period.0),
            wording::utc(facts.period.1)
        ),
    );
    console.fact(
        "Up to",
        format!("entry {} of the list", wording::thousands(facts.entries)),
    );
    if let Some(when) = existed(facts.existed_by) {
        console.fact("Existed by", when);
    }
    if facts.unopened > 0 {
        let sets = wording::count(facts.unopened, "set", "sets");
        console.fact(
            "Not opened",
            format!("{sets}: what they hold is not counted here"),
        );
    }
    if !facts.uncounted.is_empty() {
        let by_others = facts.uncounted.len();
        console.fact(
            "Not counted",
            format!("{by_others} by keys that may not seal"),
        );
    }
    match &facts.head {
        Some(head) => console.fact(
            "Later",
            format!(
                "the list had {} entries on {}, it says itself",
                wording::thousands(head.seq),
                wording::utc(head.time)
            ),
        ),
        None => console.fact("Later", "entries after that are not covered"),
    }
    for record in facts.batches.iter().flat_map(|batch| &batch.records) {
        console.gap();
        let shown = &record.disclosed;
        if !record.shown {
            let inside =
                start(shown).is_some_and(|at| (facts.period.0..facts.period.1).contains(&at));
            let why = if inside {
                "In the period, but not shown as far as counts: not among those shown"
            } else {
                "Outside the period: opened only to show where it ends, not counted"
            };
            console.line(console.paint(Tone::Decide, why));
        }
        report::disclosed(console, shown.schema, shown.whole, &shown.fields);
    }
    console.gap();
    console.heading("Who stands behind it");
    console.fact("Listed by", &facts.logged.origin);
    report::witnesses(console, &facts.witnessed, &facts.logged.origin);
    console.gap();
    console.line("Counts and periods are what the authors stated when they sealed.");
    console
        .line("A record that is listed here may have been corrected or withdrawn by a later one.");
}

/// When a record begins, if that is shown.
fn start(shown: &Disclosed) -> Option<i64> {
    let (_, bytes) = shown.fields.iter().find(|(slot, _)| *slot == 1)?;
    match cbor::decode(bytes) {
        Ok(Value::Int(ms)) => Some(ms),
        _ => None,
    }
}

fn existed(seconds: Option<u64>) -> Option<String> {
    let seconds = i64::try_from(seconds?).ok()?;
    Some(wording::utc_seconds(seconds))
}

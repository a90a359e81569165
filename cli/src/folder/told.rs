//! What comparing a folder gave, in words and as JSON.

use super::{CSV, Compared, Difference, How, JSON};
use crate::console::{Console, Tone};
use crate::disclosed::printable;
use crate::outcome::Exit;
use crate::wording;
use serde_json::{Value, json};

/// `{"verdict": .., "receipts": {..}, "tables": [..], "rows": {..}, "changed": [..], "missing": [..], "added": [..], "moved": [..], "worded": [..], "unproven": [..], "partly": [..]}`.
pub(crate) fn to_json(compared: &Compared) -> Value {
    let of = |how: How| -> Vec<Value> {
        let found = compared.differences.iter().filter(|it| it.how == how);
        found.map(json_of).collect()
    };
    let unclear = compared.unclear.iter();
    let unclear: Vec<Value> = unclear
        .map(|(name, why)| json!({"receipt": name, "code": why.code()}))
        .collect();
    json!({
        "verdict": match compared.verdict() {
            Exit::Done => "unchanged",
            Exit::CannotTell => "cannot_tell",
            _ => "changed",
        },
        "receipts": {
            "unchanged": compared.held,
            "not_whole": compared.partial,
            "changed": compared.broken,
            "cannot_tell": unclear,
        },
        "tables": compared.tables,
        "rows": {"all": compared.rows, "with_receipt": compared.vouched},
        "changed": of(How::Changed),
        "missing": of(How::Missing),
        "added": of(How::Added),
        "moved": of(How::Moved),
        "worded": of(How::Worded),
        "unproven": of(How::Unproven),
        "partly": of(How::Partly),
        "counts": compared.counts.iter().map(|(_, line)| line).collect::<Vec<_>>(),
    })
}

fn json_of(found: &Difference) -> Value {
    let fields = match found.how {
        How::Partly => "receipts",
        _ => "fields",
    };
    json!({
        "record": found.record,
        "file": found.file,
        "row": found.row,
        fields: found.fields,
    })
}

/// Says what holds and names what does not.
pub(crate) fn show(console: &Console, compared: &Compared) {
    let held = wording::thousands(compared.held);
    let others = compared.broken.len() + compared.unclear.len();
    let all = wording::thousands(compared.held + others as u64);
    console.line(format!("{held} of {all} receipts hold."));
    if compared.partial > 0 {
        let partial = wording::count(compared.partial, "receipt shows", "receipts show");
        console.line(format!(
            "{} {partial} no whole record: no row can be compared with that.",
            console.paint(Tone::Decide, "Note:"),
        ));
    }
    if let [table] = compared.tables.as_slice() {
        let other = if *table == JSON { CSV } else { JSON };
        console.line(format!(
            "{} {other} is not here; {table} was compared.",
            console.paint(Tone::Decide, "Note:"),
        ));
    }
    if compared.rows > 0 {
        console.line(format!(
            "{} of {} have a receipt of their own and were compared with it.",
            wording::thousands(compared.vouched),
            wording::count(compared.rows, "record", "records"),
        ));
        let rest = compared.rows.saturating_sub(compared.vouched);
        if rest > 0 {
            console.line(format!(
                "{} {} without one: nothing here vouches for what {} (`fetch --receipts N` \
                 writes more).",
                console.paint(Tone::Decide, "Note:"),
                wording::count(rest, "record is", "records are"),
                if rest == 1 { "it says" } else { "they say" },
            ));
        }
    }
    for (name, why) in &compared.unclear {
        console.line(format!(
            "{} {}: nobody your trust file names stands behind it, or a newer program reads it [{}]",
            console.paint(Tone::Decide, "Cannot tell:"),
            printable(name),
            why.code()
        ));
    }
    for name in &compared.broken {
        let word = console.paint(Tone::Stop, "Changed:");
        console.line(format!(
            "{word} {}: this receipt does not hold",
            printable(name)
        ));
    }
    for found in &compared.differences {
        console.line(sentence(console, found));
    }
    for (how, line) in &compared.counts {
        let word = match how {
            How::Added => "Added:",
            _ => "Missing:",
        };
        console.line(format!("{} {line}", console.paint(Tone::Stop, word)));
    }
}

fn sentence(console: &Console, found: &Difference) -> String {
    let (word, why) = match found.how {
        How::Changed => ("Changed:", format!(": {}", found.fields.join(", "))),
        How::Missing => ("Missing:", ": it must be here, and is not".into()),
        How::Added => ("Added:", ": nothing here says that it belongs here".into()),
        How::Moved => ("Re-ordered:", ": it stands at another place".into()),
        How::Worded => (
            "Worded otherwise:",
            format!(": {}; what is sealed is the same", found.fields.join(", ")),
        ),
        How::Unproven => (
            "Cannot tell:",
            format!(
                ": {}, of which no receipt here says",
                found.fields.join(", ")
            ),
        ),
        How::Partly => (
            "Cannot tell:",
            format!(
                ": {} shows a part of it, and the rest of the row is not proven",
                found.fields.join(", ")
            ),
        ),
    };
    let tone = if found.how.is_open() {
        Tone::Decide
    } else {
        Tone::Stop
    };
    let row = found.row.map(|row| format!(", row {row}"));
    let record = match found.record.as_str() {
        "" => String::new(),
        record => format!("record {} in ", printable(record)),
    };
    format!(
        "{} {record}{}{}{}",
        console.paint(tone, word),
        found.file,
        row.unwrap_or_default(),
        printable(&why)
    )
}

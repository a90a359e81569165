//! A checked receipt in the words a stranger needs.
//!
//! One word first (Unchanged, Changed, Cannot tell), then what the receipt says, who stands behind
//! it, and what it does not say.

use crate::console::{Console, Tone};
use crate::disclosed;
use crate::wording;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::checkpoint::Witnessed;
use vitalwitness_proof::entry::{Event, EventType};
use vitalwitness_proof::record::Schema;
use vitalwitness_proof::verify::{AnchorStatus, Enrolled, Facts, SignatureStatus};

/// A receipt that holds.
pub(crate) fn valid(console: &Console, facts: &Facts) {
    console.line(console.paint(Tone::Seal, "Unchanged"));
    let what = match (&facts.record_hash, &facts.disclosed) {
        (Some(_), Some(_)) => "This record is exactly what was sealed.",
        (Some(_), None) => "What this receipt is of is exactly what was sealed.",
        (None, _) => "This event is exactly what was listed.",
    };
    match facts
        .existed_by
        .and_then(|seconds| i64::try_from(seconds).ok())
    {
        Some(seconds) => console.line(format!(
            "{what} It existed by {}.",
            wording::utc_seconds(seconds)
        )),
        None => console.line(format!("{what} Nobody was asked since when it exists.")),
    }
    console.gap();
    console.heading("What the receipt says");
    match &facts.disclosed {
        Some(shown) => disclosed(console, shown.schema, shown.whole, &shown.fields),
        None if facts.record_hash.is_some() => {
            console.fact("Shows", NOTHING);
        }
        None => {}
    }
    entry(console, &facts.entry.event, facts.entry.seq);
    if let Some(author) = &facts.author {
        let known = match author.signature {
            SignatureStatus::Pinned => "a key your trust file names",
            _ => "a key you do not know yet",
        };
        console.fact(
            "Written by",
            format!("{} ({known})", hex::encode(author.id)),
        );
    }
    console.gap();
    console.heading("Who stands behind it");
    signer(console, facts);
    console.fact(
        "Listed by",
        format!(
            "{}, as entry {} of {}",
            facts.logged.origin,
            wording::thousands(facts.index),
            wording::thousands(facts.logged.size)
        ),
    );
    witnesses(console, &facts.witnessed, &facts.logged.origin);
    for anchor in &facts.anchors {
        console.fact(
            "Also held by",
            format!(
                "{}: {}",
                anchor_words(anchor.kind),
                status_words(anchor.status)
            ),
        );
    }
    console.gap();
    console.heading("What this does not say");
    for line in NOT_SAID {
        console.line(format!("  - {line}"));
    }
}

/// A receipt that does not hold, or that nobody trusted stands behind.
pub(crate) fn rejected(console: &Console, why: Rejection) {
    let (word, tone) = match why {
        Rejection::OriginUnknown
        | Rejection::KeyUnknown
        | Rejection::QuorumNotMet
        | Rejection::UnsupportedVersion
        | Rejection::SchemaUnknown => ("Cannot tell", Tone::Strong),
        Rejection::Malformed | Rejection::NonCanonical | Rejection::LimitExceeded => {
            ("Damaged, or no receipt", Tone::Stop)
        }
        _ => ("Changed", Tone::Stop),
    };
    console.line(console.paint(tone, word));
    console.line(format!("{} [{}]", sentence(why), why.code()));
}

/// The shown fields.
pub(crate) fn disclosed(console: &Console, schema: Schema, whole: bool, fields: &[(u16, Vec<u8>)]) {
    let how_much = if whole { "all of it" } else { "in part" };
    console.fact(
        "Shows",
        format!("{}, {how_much}", disclosed::schema_words(schema)),
    );
    for shown in disclosed::fields(schema, fields) {
        console.fact(shown.name, shown.text);
    }
}

/// The event behind the receipt, in words.
pub(crate) fn entry(console: &Console, event: &Event, seq: u64) {
    console.fact("Event", event_words(event.kind));
    console.fact(
        "Said to be at",
        format!("{} (by its author's own clock)", wording::utc(event.time)),
    );
    if let Some(expiry) = event.expiry {
        console.fact("Until", wording::utc(expiry));
    }
    if let Some(receiver) = event.receiver {
        console.fact("For", hex::encode(receiver));
    }
    let kept_in = match event.channel.first() {
        Some(0) => "the public directory".to_owned(),
        Some(1) => "personal data".to_owned(),
        Some(2) => "medical history".to_owned(),
        Some(3) => "insurance information".to_owned(),
        _ => "a list of an unknown kind".to_owned(),
    };
    console.fact("Kept in", format!("{kept_in}, event {seq} of its list"));
    console.fact("List", hex::encode(event.channel));
    console.fact("Owner there", hex::encode(event.owner));
}

/// What kind of outside proof it is.
pub(crate) fn anchor_words(kind: u64) -> &'static str {
    match kind {
        1 => "a Fabric channel",
        2 => "a Fabric block",
        3 => "a time stamp authority",
        4 => "OpenTimestamps",
        _ => "something of an unknown kind",
    }
}

fn status_words(status: AnchorStatus) -> String {
    match status {
        AnchorStatus::NeedsTrust => {
            "not checked, your trust file does not name it [NEEDS_TRUST]".to_owned()
        }
        AnchorStatus::Unsupported => "not checked by this version [UNSUPPORTED]".to_owned(),
        other => format!("does not hold [{}]", other.code()),
    }
}

fn signer(console: &Console, facts: &Facts) {
    let entry = &facts.entry;
    let name = hex::encode(entry.signer);
    let words = match (entry.signature, entry.enrolled) {
        (SignatureStatus::Pinned, Enrolled::ByOwner) => {
            "a key your trust file names, for the owner"
        }
        (SignatureStatus::Pinned, Enrolled::Unchecked) => "a key your trust file names",
        (SignatureStatus::Carried, Enrolled::ByOwner) => {
            "checked; the owner's own list says this key may sign"
        }
        (SignatureStatus::Carried, Enrolled::Unchecked) => {
            "checked; whose key it is, the receipt does not say"
        }
        (SignatureStatus::Unchecked, _) => "not checked: the key is not at hand",
    };
    console.fact("Signed by", format!("{name} ({words})"));
}

pub(crate) fn witnesses(console: &Console, seen: &Witnessed, origin: &str) {
    if seen.of == 0 {
        console.fact("Witnessed by", "nobody: your trust file names no witness");
        console.line(format!(
            "  {} The list is as its operator {} says.",
            console.paint(Tone::Decide, "Note:"),
            operator(origin)
        ));
        return;
    }
    let names = if seen.names.is_empty() {
        "nobody".to_owned()
    } else {
        seen.names.join(", ")
    };
    console.fact(
        "Witnessed by",
        format!(
            "{} of {} ({} asked for): {names}",
            seen.names.len(),
            seen.of,
            seen.quorum
        ),
    );
    if seen.names.is_empty() {
        return;
    }
    let log = operator(origin);
    let same = seen.names.iter().all(|name| operator(name) == log);
    if same {
        console.fact("Run by", format!("{log} itself, which also keeps the list"));
        console.line(format!(
            "  {} The time is by the operator's own word: one operator runs the list and every witness.",
            console.paint(Tone::Decide, "Note:")
        ));
    } else {
        let mut operators: Vec<&str> = seen.names.iter().map(|name| operator(name)).collect();
        operators.sort_unstable();
        operators.dedup();
        console.fact(
            "Run by",
            format!("{} (the list: {log})", operators.join(", ")),
        );
    }
}

/// Who runs what is called `name`: the last two labels of its host. Erring here says "the
/// operator's own word" too often, never too seldom for hosts of one domain.
pub(crate) fn operator(name: &str) -> &str {
    let host = name.split('/').next().unwrap_or(name);
    let host = host.split(':').next().unwrap_or(host);
    match host.rmatch_indices('.').nth(1) {
        Some((at, _)) => host.get(at + 1..).unwrap_or(host),
        None => host,
    }
}

fn event_words(kind: EventType) -> &'static str {
    match kind {
        EventType::Genesis => "the list begins",
        EventType::Enrol => "a key or person was added",
        EventType::Batch => "entries were sealed",
        EventType::Request => "somebody asked to see entries",
        EventType::Grant => "the owner allowed it",
        EventType::Deny => "the owner said no",
        EventType::Revoke => "it was ended",
        EventType::Access => "entries were looked at",
        EventType::Emergency => "emergency access",
        _ => "an event of an unknown kind",
    }
}

fn sentence(why: Rejection) -> &'static str {
    match why {
        Rejection::Malformed => {
            "The file is not a whole receipt: bytes are missing, added or wrong."
        }
        Rejection::NonCanonical => {
            "The file says the same thing in another spelling; only one spelling is a receipt."
        }
        Rejection::UnsupportedVersion => {
            "It is of a version that this program does not read: a newer one, or one from before."
        }
        Rejection::LimitExceeded => "The file is larger than any receipt.",
        Rejection::SchemaUnknown => "The record is of a kind this version does not know.",
        Rejection::RecordMismatch => "The fields shown are not those that were sealed.",
        Rejection::AuthorSignature => "The named author did not sign this record.",
        Rejection::HeaderMismatch => "The head of the sealed set contradicts the set.",
        Rejection::IndexOutOfRange => "The place it names does not exist.",
        Rejection::PathLength => "The steps from the record to the list are too many or too few.",
        Rejection::EntryMismatch => "The record is not part of what was listed.",
        Rejection::EntrySignature => "The event was not signed by the key it names.",
        Rejection::OriginUnknown => {
            "The receipt comes from a list your trust file does not name. That is no sign of a fault."
        }
        Rejection::KeyUnknown => {
            "The list is known, but no key you trust for it signed this receipt."
        }
        Rejection::CheckpointSignature => {
            "What the list and its witnesses signed is not what the receipt shows."
        }
        Rejection::QuorumNotMet => "Fewer witnesses saw it than your trust file asks for.",
        _ => "The receipt does not hold.",
    }
}

/// What a receipt shows that discloses no field. A set is filled up with leaves that are no records,
/// so without a field nobody can tell which of both it is.
pub(crate) const NOTHING: &str = "nothing of it. Whether it is a record is not shown";

const NOT_SAID: [&str; 5] = [
    "That the measurement was right, or whose body it was: only that it is unchanged since.",
    "That nobody looked without being listed, if the service is dishonest.",
    "That a permission or key named here is still good today.",
    "That the person showing it is its owner.",
    "Receipts of one list show the same owner and can be linked; of different lists not.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_operator_is_known_by_its_domain() {
        assert_eq!(operator("log.example/vw1"), "log.example");
        assert_eq!(operator("witness.example/w1"), "witness.example");
        assert_eq!(operator("w2.clinic.example:8443/w"), "clinic.example");
        assert_eq!(operator("log.clinic.example"), "clinic.example");
        assert_eq!(operator("localhost/log"), "localhost");
    }

    #[test]
    fn every_rejection_has_a_sentence_of_its_own() {
        let verdicts = &Rejection::ALL[..16];
        for why in verdicts {
            assert_ne!(sentence(*why), "The receipt does not hold.", "{why}");
        }
    }
}

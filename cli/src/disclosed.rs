//! The shown fields of a record, in words.
//!
//! A verifier checks that the fields are those that were sealed; what they mean is read here. A
//! field that is not of the kind its place asks for is shown as such, never guessed.

use crate::naming;
use crate::wording;
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::export::misleads;
use vitalwitness_proof::cbor::{self, Value};
use vitalwitness_proof::record::Schema;

/// `Pulse` and `62 per minute`: one shown field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// What the field is.
    pub(crate) name: &'static str,
    /// What it says.
    pub(crate) text: String,
}

/// What kind of record it is.
pub(crate) fn schema_words(schema: Schema) -> &'static str {
    match schema {
        Schema::Observation => "a measurement or observation",
        Schema::Medicine => "a medicine",
        Schema::Note => "a note",
        Schema::Episode => "a treatment",
        Schema::Offer => "an insurer's offer",
        Schema::Cover => "an insurance cover",
        Schema::Claim => "a claim to an insurer",
        Schema::Decision => "an insurer's decision",
        Schema::BatchHeader => "the head of a sealed set: its period and count",
        _ => "a record",
    }
}

/// The fields in words; what says nothing (an id, an absent end) is left out.
pub(crate) fn fields(schema: Schema, fields: &[(u16, Vec<u8>)]) -> Vec<Shown> {
    let values: Vec<(u16, Value)> = fields
        .iter()
        .filter_map(|(slot, bytes)| Some((*slot, cbor::decode(bytes).ok()?)))
        .collect();
    let offset = values.iter().find_map(|(slot, value)| match value {
        Value::Int(minutes) if *slot == 3 && schema != Schema::BatchHeader => Some(*minutes),
        _ => None,
    });
    values
        .iter()
        .filter_map(|(slot, value)| {
            let kind = kind_of(schema, *slot)?;
            let text = match kind {
                Kind::Nothing => return None,
                _ if *value == Value::Null => return None,
                _ => text(kind, value, offset),
            };
            Some(Shown {
                name: kind.name(),
                text: text
                    .unwrap_or_else(|| "not readable: of another kind than its place".to_owned()),
            })
        })
        .collect()
}

/// Labels of slots by the word a person types: `value`, `time`, `code`, `origin`, `note`.
pub(crate) fn slots_named(schema: Schema, word: &str) -> Option<Vec<u16>> {
    let last = schema.slots().saturating_sub(1);
    let found: Vec<u16> = match word {
        "time" | "when" => vec![1, 2, 3],
        "origin" | "source" => vec![last.saturating_sub(1)],
        "note" | "context" => vec![last],
        "code" | "what" | "name" | "kind" => vec![4],
        "value" | "dose" | "text" | "title" => vec![5],
        "status" => match schema {
            Schema::Medicine | Schema::Decision => vec![6],
            _ => return None,
        },
        "amount" => match schema {
            Schema::Claim => vec![6],
            Schema::Decision => vec![7],
            Schema::Offer => vec![5],
            _ => return None,
        },
        _ => return None,
    };
    Some(found)
}

/// How a slot is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Nothing,
    Start,
    End,
    First,
    Last,
    Code,
    Observed,
    Medicine,
    Dose,
    Taken,
    Topic,
    Body,
    Title,
    Plan,
    Premium,
    Policy,
    RefersTo,
    Amount,
    Decided,
    Origin,
    Context,
    Count,
    Granularity,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Nothing => "",
            Kind::Start => "When",
            Kind::End => "Until",
            Kind::First => "First",
            Kind::Last => "Last",
            Kind::Code => "What",
            Kind::Observed => "Value",
            Kind::Medicine => "Medicine",
            Kind::Dose => "Dose",
            Kind::Taken | Kind::Decided => "Status",
            Kind::Topic => "About",
            Kind::Body => "Text",
            Kind::Title => "Title",
            Kind::Plan => "Plan",
            Kind::Premium => "Price",
            Kind::Policy => "Policy",
            Kind::RefersTo => "Refers to",
            Kind::Amount => "Amount",
            Kind::Origin => "Came from",
            Kind::Context => "Note",
            Kind::Count => "Entries",
            Kind::Granularity => "Detail",
        }
    }
}

fn kind_of(schema: Schema, slot: u16) -> Option<Kind> {
    use Kind as K;
    let own: &[K] = match schema {
        Schema::Observation => &[K::Code, K::Observed],
        Schema::Medicine => &[K::Medicine, K::Dose, K::Taken],
        Schema::Note => &[K::Topic, K::Body],
        Schema::Episode => &[K::Topic, K::Title],
        Schema::Offer => &[K::Plan, K::Premium, K::Body],
        Schema::Cover => &[K::Policy, K::RefersTo, K::Body],
        Schema::Claim => &[K::Topic, K::RefersTo, K::Amount],
        Schema::Decision => &[K::Topic, K::RefersTo, K::Decided, K::Amount],
        Schema::BatchHeader => {
            let header = [
                K::Nothing,
                K::First,
                K::Last,
                K::Code,
                K::Count,
                K::Granularity,
            ];
            return header.get(usize::from(slot)).copied();
        }
        _ => return None,
    };
    let first = [K::Nothing, K::Start, K::End, K::Nothing];
    let last = [K::Origin, K::Context];
    first
        .iter()
        .chain(own)
        .chain(&last)
        .nth(usize::from(slot))
        .copied()
}

fn text(kind: Kind, value: &Value, offset: Option<i64>) -> Option<String> {
    match kind {
        Kind::Nothing => None,
        Kind::Start | Kind::End => time(value, offset),
        Kind::First | Kind::Last => time(value, None),
        Kind::Code => as_text(value).map(naming::of_code),
        Kind::Observed => observed(value),
        Kind::Medicine | Kind::Topic | Kind::Title | Kind::Plan | Kind::Policy => {
            as_text(value).map(printable)
        }
        Kind::Dose => match value {
            Value::Text(text) => Some(printable(text)),
            other => quantity(other),
        },
        Kind::Taken => one_of(value, &["planned", "taken", "not taken", "stopped"]),
        Kind::Decided => one_of(value, &["refused", "accepted", "accepted in part"]),
        Kind::Body => body(value),
        Kind::Premium => premium(value),
        Kind::Amount => match value {
            Value::Array(items) => match items.as_slice() {
                [amount, Value::Text(currency)] => {
                    Some(format!("{} {}", decimal(amount)?, printable(currency)))
                }
                _ => None,
            },
            _ => None,
        },
        Kind::RefersTo => match value {
            Value::Bytes(hash) if hash.len() == 32 => Some(format!("record {}", hex::encode(hash))),
            _ => None,
        },
        Kind::Origin => origin(value),
        Kind::Context => context(value),
        Kind::Count => match value {
            Value::Int(count) => u64::try_from(*count).ok().map(wording::thousands),
            _ => None,
        },
        Kind::Granularity => match value {
            Value::Array(items) => match items.first().and_then(as_text)? {
                "raw" => Some("every reading".to_owned()),
                "daily" => Some("daily averages".to_owned()),
                other => Some(printable(other)),
            },
            _ => None,
        },
    }
}

fn time(value: &Value, offset: Option<i64>) -> Option<String> {
    match (value, offset) {
        (Value::Int(ms), Some(offset)) => Some(wording::local(*ms, offset)),
        (Value::Int(ms), None) => Some(wording::utc(*ms)),
        _ => None,
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Text without control and direction characters: a record cannot move the cursor of who reads it,
/// nor turn the order of what is read.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if misleads(c) { ' ' } else { c })
        .collect()
}

fn decimal(value: &Value) -> Option<String> {
    match value {
        Value::Decimal { exponent, mantissa } => Decimal::new(*mantissa, *exponent)
            .ok()
            .map(|it| it.to_string()),
        _ => None,
    }
}

fn with_unit(number: &str, ucum: &str) -> String {
    match naming::of_unit(ucum) {
        "" => number.to_owned(),
        unit => format!("{number} {}", printable(unit)),
    }
}

fn quantity(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => match items.as_slice() {
            [number, Value::Text(unit)] => Some(with_unit(&decimal(number)?, unit)),
            _ => None,
        },
        _ => None,
    }
}

fn observed(value: &Value) -> Option<String> {
    let items = match value {
        Value::Text(text) => return Some(printable(text)),
        Value::Array(items) => items.as_slice(),
        _ => return None,
    };
    match items {
        [Value::Decimal { .. }, Value::Text(_)] => quantity(value),
        [
            Value::Bytes(_),
            Value::Int(count),
            period,
            Value::Text(unit),
        ] => Some(format!(
            "a curve of {} samples, one every {} ms, in {}",
            wording::thousands(u64::try_from(*count).ok()?),
            decimal(period)?,
            printable(naming::of_unit(unit)),
        )),
        components => {
            let parts: Option<Vec<String>> = components.iter().map(component).collect();
            parts.map(|parts| parts.join(", "))
        }
    }
}

fn component(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => match items.as_slice() {
            [Value::Text(code), number, Value::Text(unit)] => Some(format!(
                "{} {}",
                naming::of_code(code),
                with_unit(&decimal(number)?, unit)
            )),
            _ => None,
        },
        _ => None,
    }
}

fn one_of(value: &Value, words: &[&str]) -> Option<String> {
    match value {
        Value::Int(number) => words
            .get(usize::try_from(*number).ok()?)
            .map(|word| (*word).to_owned()),
        _ => None,
    }
}

fn body(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(printable(text)),
        Value::Array(items) => match items.as_slice() {
            [Value::Bytes(_), Value::Text(media), Value::Int(bytes)] => {
                Some(format!("a file of {bytes} bytes ({})", printable(media)))
            }
            _ => None,
        },
        _ => None,
    }
}

fn premium(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => match items.as_slice() {
            [amount, Value::Text(currency), Value::Text(period)] => {
                let period = match period.as_str() {
                    "mo" => "a month",
                    "a" => "a year",
                    other => other,
                };
                Some(format!(
                    "{} {} {}",
                    decimal(amount)?,
                    printable(currency),
                    printable(period)
                ))
            }
            _ => None,
        },
        _ => None,
    }
}

fn origin(value: &Value) -> Option<String> {
    let Value::Array(items) = value else {
        return None;
    };
    match items.as_slice() {
        [Value::Int(grade), Value::Null | Value::Bytes(_)] => {
            grade_words(*grade).map(str::to_owned)
        }
        _ => None,
    }
}

/// Where a value came from. A grade is a place, not a rank.
pub(crate) fn grade_words(grade: i64) -> Option<&'static str> {
    match grade {
        0 => Some("Typed by hand"),
        1 => Some("From a device, not paired"),
        2 => Some("From a paired device"),
        3 => Some("From a file"),
        4 => Some("Signed by a clinician"),
        _ => None,
    }
}

fn context(value: &Value) -> Option<String> {
    let Value::Map(pairs) = value else {
        return None;
    };
    let parts: Vec<String> = pairs
        .iter()
        .filter_map(|(key, value)| match (key, value) {
            (Value::Int(1), _) => Some("replaces an earlier entry".to_owned()),
            (Value::Int(2), _) => Some("withdraws an earlier entry".to_owned()),
            (Value::Int(3), _) => Some("part of a treatment".to_owned()),
            (Value::Int(4), _) => Some("computed from other entries".to_owned()),
            (Value::Int(5), Value::Text(why)) => Some(format!("reason: {}", printable(why))),
            (Value::Text(name), Value::Text(note)) => {
                Some(format!("{}: {}", printable(name), printable(note)))
            }
            _ => None,
        })
        .collect();
    Some(parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_named_are_those_of_the_schema() {
        assert_eq!(slots_named(Schema::Observation, "value"), Some(vec![5]));
        assert_eq!(slots_named(Schema::Medicine, "status"), Some(vec![6]));
        assert_eq!(slots_named(Schema::Observation, "status"), None);
        assert_eq!(slots_named(Schema::Claim, "amount"), Some(vec![6]));
        assert_eq!(slots_named(Schema::Observation, "origin"), Some(vec![6]));
    }

    #[test]
    fn a_field_of_another_kind_is_not_guessed() {
        let value = cbor::encode(&Value::Int(62));
        let shown = fields(Schema::Observation, &[(5, value)]);
        assert_eq!(shown.len(), 1);
        assert!(shown.iter().all(|it| it.text.starts_with("not readable")));
    }

    #[test]
    fn text_cannot_turn_the_order_of_what_is_read() {
        for hidden in [
            '\u{85}', '\u{61c}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{2029}', '\u{202a}',
            '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
            '\u{2069}', '\u{feff}',
        ] {
            let value = cbor::encode(&Value::Text(format!("paid {hidden}001 not")));
            let shown = fields(Schema::Note, &[(5, value)]);
            assert_eq!(shown.len(), 1);
            assert!(
                shown.iter().all(|it| it.text == "paid  001 not"),
                "{hidden:?}"
            );
        }
        assert_eq!(
            printable("\u{645}\u{200c}\u{62f}"),
            "\u{645}\u{200c}\u{62f}"
        );
    }

    #[test]
    fn text_cannot_move_the_cursor_of_its_reader() {
        let value = cbor::encode(&Value::Text("\u{1b}[2Jgone".to_owned()));
        let shown = fields(Schema::Note, &[(5, value)]);
        assert!(shown.iter().all(|it| !it.text.contains('\u{1b}')));
    }
}

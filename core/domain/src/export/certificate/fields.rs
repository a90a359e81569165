//! The disclosed fields of a record, as a label and words.
//!
//! A field that is not of the kind its place asks for is said to be so, never guessed.

use super::words::{Language, Words};
use crate::decimal::Decimal;
use crate::{observation, units};
use chrono::{DateTime, Datelike as _, FixedOffset, Timelike as _};
use vitalwitness_proof::cbor::{self, Value};
use vitalwitness_proof::record::Schema;

/// The shown fields in words, and the labels of those not shown.
pub(super) fn in_words(
    schema: Schema,
    fields: &[(u16, Vec<u8>)],
    language: Language,
) -> (Vec<(&'static str, String)>, Vec<&'static str>) {
    let words = language.words();
    let values: Vec<(u16, Value)> = fields
        .iter()
        .filter_map(|(slot, bytes)| Some((*slot, cbor::decode(bytes).ok()?)))
        .collect();
    let offset = values.iter().find_map(|(slot, value)| match value {
        Value::Int(minutes) if *slot == 3 && schema != Schema::BatchHeader => Some(*minutes),
        _ => None,
    });
    let say = Say { language, offset };
    let mut shown = Vec::new();
    let mut hidden = Vec::new();
    for slot in 0..schema.slots() {
        let label = label_of(schema, slot);
        if label == NOTHING {
            continue;
        }
        let name = words.labels.get(label).copied().unwrap_or_default();
        match values.iter().find(|(found, _)| *found == slot) {
            None => hidden.push(name),
            Some((_, Value::Null)) => {}
            Some((_, value)) => {
                let text = say.field(label, value);
                let text = text.unwrap_or_else(|| words.unreadable.to_owned());
                shown.push((name, text));
            }
        }
    }
    (shown, hidden)
}

/// `13 May 2026, 10:05 UTC`; with an offset the clock on the wall there and then.
pub(super) fn moment(ms: i64, offset_min: Option<i64>, words: &Words) -> Option<String> {
    let time = DateTime::from_timestamp_millis(ms)?;
    let seconds = i32::try_from(offset_min.unwrap_or(0).checked_mul(60)?).ok()?;
    let time = time.with_timezone(&FixedOffset::east_opt(seconds)?);
    let month = words.months.get(usize::try_from(time.month0()).ok()?)?;
    let zone = match offset_min {
        None => "UTC".to_owned(),
        Some(_) => format!("(UTC{})", time.format("%:z")),
    };
    let dot = if words.code == "de" { "." } else { "" };
    Some(format!(
        "{}{dot} {month} {}, {:02}:{:02} {zone}",
        time.day(),
        time.year(),
        time.hour(),
        time.minute()
    ))
}

/// `10,000`, in German `10.000`.
pub(super) fn count(number: u64, language: Language) -> String {
    let mark = match language {
        Language::English => ',',
        Language::German => '.',
    };
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// `template` with its `{}` filled in order.
pub(super) fn fill(template: &str, parts: &[&str]) -> String {
    let mut parts = parts.iter();
    let mut pieces = template.split("{}");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str(parts.next().unwrap_or(&""));
        out.push_str(piece);
    }
    out
}

/// The index in `Words::labels` of what a slot holds.
fn label_of(schema: Schema, slot: u16) -> usize {
    let own: &[usize] = match schema {
        Schema::Observation => &[WHAT, VALUE],
        Schema::Medicine => &[MEDICINE, DOSE, STATUS],
        Schema::Note => &[ABOUT, TEXT],
        Schema::Episode => &[ABOUT, TITLE],
        Schema::Offer => &[PLAN, PRICE, TEXT],
        Schema::Cover => &[POLICY, REFERS, TEXT],
        Schema::Claim => &[ABOUT, REFERS, AMOUNT],
        Schema::Decision => &[ABOUT, REFERS, DECISION, AMOUNT],
        Schema::BatchHeader => {
            let header = [NOTHING, FIRST, LAST, WHAT, ENTRIES, DETAIL];
            return header.get(usize::from(slot)).copied().unwrap_or(NOTHING);
        }
        _ => &[],
    };
    let head = [NOTHING, MEASURED, UNTIL, NOTHING];
    let tail = [ORIGIN, NOTE];
    let all = head.iter().chain(own).chain(&tail);
    all.copied().nth(usize::from(slot)).unwrap_or(NOTHING)
}

struct Say {
    language: Language,
    offset: Option<i64>,
}

impl Say {
    fn field(&self, label: usize, value: &Value) -> Option<String> {
        let words = self.language.words();
        match label {
            MEASURED | UNTIL => moment(int(value)?, self.offset, words),
            FIRST | LAST => moment(int(value)?, None, words),
            WHAT => text(value).map(|code| self.name_of(code)),
            VALUE => self.observed(value),
            DOSE => match value {
                Value::Text(text) => Some(text.clone()),
                other => self.quantity(other),
            },
            STATUS => one_of(value, &words.taken),
            DECISION => one_of(value, &words.decided),
            TEXT => match value {
                Value::Array(items) => match items.as_slice() {
                    [Value::Bytes(_), Value::Text(media), Value::Int(bytes)] => {
                        Some(fill(words.file, &[&bytes.to_string(), media]))
                    }
                    _ => None,
                },
                other => text(other).map(str::to_owned),
            },
            PRICE => {
                let [amount, currency, period] = items(value)?;
                let period = match text(period)? {
                    "mo" => words.per_month,
                    "a" => words.per_year,
                    other => other,
                };
                let amount = self.decimal(amount)?;
                Some(format!("{amount} {} {period}", text(currency)?))
            }
            AMOUNT => {
                let [amount, currency] = items(value)?;
                Some(format!("{} {}", self.decimal(amount)?, text(currency)?))
            }
            REFERS => match value {
                Value::Bytes(hash) => Some(hex::encode(hash.get(..8)?)),
                _ => None,
            },
            ORIGIN => {
                let [grade, _] = items(value)?;
                one_of(grade, &words.grades)
            }
            NOTE => self.context(value),
            ENTRIES => Some(count(u64::try_from(int(value)?).ok()?, self.language)),
            DETAIL => {
                let [granularity, _] = items(value)?;
                Some(match text(granularity)? {
                    "raw" => words.every_reading.to_owned(),
                    "daily" => words.daily.to_owned(),
                    other => other.to_owned(),
                })
            }
            _ => text(value).map(str::to_owned),
        }
    }

    fn name_of(&self, code: &str) -> String {
        match observation::by_code(code) {
            Some(kind) => self.language.name_of(kind.words).to_owned(),
            None => code.to_owned(),
        }
    }

    fn observed(&self, value: &Value) -> Option<String> {
        match value {
            Value::Text(text) => Some(text.clone()),
            Value::Array(all) => match all.as_slice() {
                [Value::Decimal { .. }, Value::Text(_)] => self.quantity(value),
                [
                    Value::Bytes(_),
                    Value::Int(samples),
                    period,
                    Value::Text(unit),
                ] => Some(fill(
                    self.language.words().curve,
                    &[
                        &count(u64::try_from(*samples).ok()?, self.language),
                        &self.decimal(period)?,
                        units::shown(unit),
                    ],
                )),
                parts => {
                    let parts: Option<Vec<String>> =
                        parts.iter().map(|part| self.component(part)).collect();
                    parts.map(|parts| parts.join(", "))
                }
            },
            _ => None,
        }
    }

    fn component(&self, value: &Value) -> Option<String> {
        let [code, number, unit] = items(value)?;
        Some(format!(
            "{} {}",
            self.name_of(text(code)?),
            self.with_unit(&self.decimal(number)?, text(unit)?)
        ))
    }

    fn quantity(&self, value: &Value) -> Option<String> {
        let [number, unit] = items(value)?;
        Some(self.with_unit(&self.decimal(number)?, text(unit)?))
    }

    fn with_unit(&self, number: &str, unit: &str) -> String {
        match unit {
            "1" => number.to_owned(),
            "/min" => format!("{number} {}", self.language.words().per_minute),
            other => format!("{number} {}", units::shown(other)),
        }
    }

    /// As measured, with the language's decimal mark.
    fn decimal(&self, value: &Value) -> Option<String> {
        let Value::Decimal { exponent, mantissa } = value else {
            return None;
        };
        let text = Decimal::new(*mantissa, *exponent).ok()?.to_string();
        Some(match self.language {
            Language::English => text,
            Language::German => text.replace('.', ","),
        })
    }

    fn context(&self, value: &Value) -> Option<String> {
        let Value::Map(pairs) = value else {
            return None;
        };
        let words = self.language.words();
        let parts: Vec<String> = pairs
            .iter()
            .filter_map(|(key, value)| match (key, value) {
                (Value::Int(5), Value::Text(why)) => Some(fill(words.context[4], &[why])),
                (Value::Int(number), _) => {
                    let place = usize::try_from(number.checked_sub(1)?).ok()?;
                    let before_the_reason = words.context.get(..4)?;
                    before_the_reason.get(place).map(|it| (*it).to_owned())
                }
                (Value::Text(name), Value::Text(note)) => Some(format!("{name}: {note}")),
                _ => None,
            })
            .collect();
        Some(parts.join("; "))
    }
}

fn items<const N: usize>(value: &Value) -> Option<&[Value; N]> {
    match value {
        Value::Array(items) => items.as_slice().try_into().ok(),
        _ => None,
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

fn one_of(value: &Value, words: &[&str]) -> Option<String> {
    let word = words.get(usize::try_from(int(value)?).ok()?)?;
    Some((*word).to_owned())
}

const NOTHING: usize = 0;
const MEASURED: usize = 1;
const UNTIL: usize = 2;
const FIRST: usize = 3;
const LAST: usize = 4;
const WHAT: usize = 5;
const VALUE: usize = 6;
const MEDICINE: usize = 7;
const DOSE: usize = 8;
const STATUS: usize = 9;
const ABOUT: usize = 10;
const TEXT: usize = 11;
const TITLE: usize = 12;
const PLAN: usize = 13;
const PRICE: usize = 14;
const POLICY: usize = 15;
const REFERS: usize = 16;
const AMOUNT: usize = 17;
const DECISION: usize = 18;
const ORIGIN: usize = 19;
const NOTE: usize = 20;
const ENTRIES: usize = 21;
const DETAIL: usize = 22;

//! What a person types, as a record body: `blood-pressure 120/80`, `weight 12 st 8 lb`,
//! `glucose 5.4 mmol/L`, `training running 45 min`, `medicine ibuprofen 400 mg`.

use super::{BLOOD_PRESSURE, DIASTOLIC, EXERCISE, Kind, SYSTOLIC, Shape, normal};
use crate::decimal::Decimal;
use crate::record::{Body, Context, Dose, MedStatus, NoteBody, Value};
use crate::units;
use std::fmt;

/// What was typed, ready for a record.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it says.
    pub body: Body,
    /// The type of a training.
    pub context: Option<Context>,
}

/// Why what was typed is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// No such thing to record.
    #[error("nothing of this name can be recorded")]
    Name,
    /// Say something.
    #[error("a value is needed")]
    Empty,
    /// A number is needed, with a point before the decimals: `82.4`.
    #[error("a number is needed, such as 82.4")]
    Number,
    /// Two units are in use and mean different things: say which.
    #[error("a unit is needed")]
    UnitNeeded,
    /// This is not measured in that unit.
    #[error("the unit does not fit")]
    Unit,
    /// Two numbers are needed: `120/80`.
    #[error("two numbers are needed, such as 120/80")]
    Pair,
}

impl EntryError {
    /// Stable in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Name => "name_unknown",
            Self::Empty => "text_empty",
            Self::Number => "number_needed",
            Self::UnitNeeded => "unit_needed",
            Self::Unit => "unit_wrong",
            Self::Pair => "pair_needed",
        }
    }
}

/// Reads `text` as a value of `name`: a name of the catalogue, `medicine`, `note` or `episode`.
///
/// Without a unit the usual one is meant. A note or episode names its specialty after a slash:
/// `note/dentistry`. A medicine ends in `not taken`, `planned` or `stopped` if it was not taken.
///
/// # Errors
///
/// Says what is missing. A plausible value is not asked for: that is a warning of the record.
pub fn entry(name: &str, text: &str) -> Result<Entry, EntryError> {
    let name = normal(name);
    let text = text.trim();
    let (word, kind) = name.split_once('/').unwrap_or((&name, ""));
    let specialty = |default: &str| match kind {
        "" => default.to_owned(),
        kind => kind.to_owned(),
    };
    if matches!(word, "medicine" | "med" | "note" | "episode") && text.is_empty() {
        return Err(EntryError::Empty);
    }
    let body = match word {
        "medicine" | "med" => medicine(text)?,
        "note" => Body::Note {
            kind: specialty("note"),
            text: NoteBody::Text(text.to_owned()),
        },
        "episode" => Body::Episode {
            kind: specialty("treatment"),
            title: text.to_owned(),
        },
        _ => return observed(&name, text),
    };
    Ok(Entry {
        body,
        context: None,
    })
}

fn observed(name: &str, text: &str) -> Result<Entry, EntryError> {
    let kinds: Vec<&Kind> = super::named(name).collect();
    let [first, others @ ..] = kinds.as_slice() else {
        return Err(EntryError::Name);
    };
    if text.is_empty() {
        return Err(EntryError::Empty);
    }
    let mut context = None;
    let mut kind = *first;
    let value = match (kind.code, kind.shape) {
        (BLOOD_PRESSURE, _) => pressure(text)?,
        (EXERCISE, _) => {
            let (value, words) = duration(text)?;
            if !words.is_empty() {
                let mut notes = Context::default();
                notes.notes.insert("type".to_owned(), words);
                context = Some(notes);
            }
            value
        }
        (_, Shape::Words) => Value::Text(text.to_owned()),
        (_, Shape::Rating) => match text.parse() {
            Ok(number) => Value::Quantity(number, kind.unit.to_owned()),
            Err(_) => Value::Text(text.to_owned()),
        },
        _ => {
            let (number, unit) = amount(text)?;
            let unit = match unit {
                Some(unit) => unit,
                None if others.is_empty() => kind.unit,
                None => return Err(EntryError::UnitNeeded),
            };
            kind = kinds
                .into_iter()
                .find(|kind| kind.takes(unit))
                .ok_or(EntryError::Unit)?;
            Value::Quantity(number, unit.to_owned())
        }
    };
    let body = Body::Observation {
        code: kind.code.to_owned(),
        value,
    };
    Ok(Entry { body, context })
}

/// `120/80`, with a unit after it if it is not mmHg.
fn pressure(text: &str) -> Result<Value, EntryError> {
    let (upper, rest) = text.split_once('/').ok_or(EntryError::Pair)?;
    let upper = upper.trim().parse().map_err(|_| EntryError::Pair)?;
    let (lower, unit) = amount(rest.trim()).map_err(|error| match error {
        EntryError::Number => EntryError::Pair,
        other => other,
    })?;
    let unit = unit.unwrap_or("mm[Hg]");
    if !matches!(unit, "mm[Hg]" | "kPa") {
        return Err(EntryError::Unit);
    }
    let part = |code: &str, number| (code.to_owned(), number, unit.to_owned());
    Ok(Value::Components(vec![
        part(SYSTOLIC, upper),
        part(DIASTOLIC, lower),
    ]))
}

/// A duration anywhere in the text, and the words around it.
fn duration(text: &str) -> Result<(Value, String), EntryError> {
    let tokens = tokens(text);
    let is_time = |word: &str| units::ucum(word).is_some_and(units::is_time);
    let (mut measure, mut words) = (Vec::new(), Vec::new());
    let mut after_number = false;
    for token in tokens {
        let number = token.parse::<Decimal>().is_ok();
        if number || (after_number && is_time(token)) {
            measure.push(token);
        } else {
            words.push(token);
        }
        after_number = number;
    }
    let (number, unit) = sum(&measure)?;
    let value = Value::Quantity(number, unit.unwrap_or("min").to_owned());
    Ok((value, words.join(" ")))
}

/// `ibuprofen 400 mg`, `aspirin 1 tablet not taken`.
fn medicine(text: &str) -> Result<Body, EntryError> {
    let lower = text.to_lowercase();
    let ending = STATUS.iter().find(|(ending, _)| {
        lower.ends_with(ending) && text.is_char_boundary(text.len() - ending.len())
    });
    let (text, status) = match ending {
        Some((ending, status)) => (text[..text.len() - ending.len()].trim_end(), *status),
        None => (text, MedStatus::Taken),
    };
    let words = tokens(text);
    let (name, dose) = match words.as_slice() {
        [name @ .., number, unit] if !name.is_empty() => match number.parse() {
            Ok(number) => (name, Dose::Quantity(number, dose_unit(unit))),
            Err(_) => (words.as_slice(), Dose::Unsaid),
        },
        all => (all, Dose::Unsaid),
    };
    // Without a dose the name stays as typed, `vitamin b12` included.
    let name = match dose {
        Dose::Unsaid => text.to_owned(),
        _ => name.join(" "),
    };
    if name.is_empty() {
        return Err(EntryError::Empty);
    }
    Ok(Body::Medicine { name, dose, status })
}

/// A UCUM unit, or what is counted in UCUM's braces: `{tablet}`.
fn dose_unit(word: &str) -> String {
    match units::ucum(word) {
        Some(unit) => unit.to_owned(),
        None if word.is_ascii() && !word.contains(['{', '}']) => {
            let word = word.to_lowercase();
            format!("{{{}}}", word.strip_suffix('s').unwrap_or(&word))
        }
        None => word.to_owned(),
    }
}

/// A number with or without a unit, or several of one kind: `5 ft 11 in`.
fn amount(text: &str) -> Result<(Decimal, Option<&'static str>), EntryError> {
    sum(&tokens(text))
}

/// Several amounts are added in the last one's unit.
fn sum(tokens: &[&str]) -> Result<(Decimal, Option<&'static str>), EntryError> {
    let mut parts: Vec<(Decimal, Option<&'static str>)> = Vec::new();
    for token in tokens {
        match (token.parse(), parts.last_mut()) {
            (Ok(number), _) => parts.push((number, None)),
            (Err(_), Some((_, unit @ None))) => {
                *unit = Some(units::ucum(token).ok_or(EntryError::Unit)?);
            }
            (Err(_), Some(_)) => return Err(EntryError::Unit),
            (Err(_), None) => return Err(EntryError::Number),
        }
    }
    match parts.as_mut_slice() {
        [] => Err(EntryError::Number),
        [one] => Ok(*one),
        [first, .., last] => {
            // `7h30`: what follows hours without a unit is minutes.
            if last.1.is_none() && first.1 == Some("h") {
                last.1 = Some("min");
            }
            let parts: Option<Vec<_>> = parts
                .iter()
                .map(|(number, unit)| unit.map(|unit| (*number, unit)))
                .collect();
            let parts = parts.ok_or(EntryError::UnitNeeded)?;
            let (total, unit) = units::sum(&parts).map_err(|_| EntryError::Unit)?;
            Ok((total, Some(unit)))
        }
    }
}

/// Words, with a number cut from the unit that follows it: `82.4kg`, `7h30`.
fn tokens(text: &str) -> Vec<&str> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'+' | b'-');
    let mut found = Vec::new();
    for word in text.split_whitespace() {
        let length = word.bytes().take_while(|byte| is_digit(byte)).count();
        let (number, rest) = word.split_at(length);
        let minutes = rest
            .strip_prefix(['h', 'H'])
            .filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        match minutes {
            Some(minutes) if length > 0 => {
                found.extend([number, &rest[..1]]);
                let length = minutes.bytes().take_while(u8::is_ascii_digit).count();
                let (number, unit) = minutes.split_at(length);
                found.extend([number, unit].into_iter().filter(|part| !part.is_empty()));
            }
            _ if length > 0 && number.parse::<Decimal>().is_ok() => {
                found.extend([number, rest].into_iter().filter(|part| !part.is_empty()));
            }
            _ => found.push(word),
        }
    }
    found
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body.fmt(f)
    }
}

const STATUS: [(&str, MedStatus); 4] = [
    (" not taken", MedStatus::NotTaken),
    (" taken", MedStatus::Taken),
    (" planned", MedStatus::Planned),
    (" stopped", MedStatus::Stopped),
];

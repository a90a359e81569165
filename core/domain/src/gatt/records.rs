//! What was measured, as records.

use super::heart_rate::NO_CONTACT;
use super::measure::{HEART_RATE, RR_INTERVAL};
use super::{Amount, Measured, Reading};
use crate::context::Context;
use crate::decimal::Decimal;
use crate::record::{Body, Record, Source, TEXT_LIMIT, Value};
use std::collections::BTreeMap;
use std::fmt;

/// When a reading is held to apply: what is decided from the device's time, its clock's known
/// offset and the moment of arrival.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Milliseconds since 1970 UTC; its beginning where it lasts.
    pub start_ms: i64,
    /// Its end, where it lasts.
    pub end_ms: Option<i64>,
    /// Minutes to add to UTC for the clock on the wall.
    pub offset_min: i16,
}

/// What became of a reading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Records, none with an id.
    pub records: Vec<Record>,
    /// Numbers that became none, and why. They stay in the raw frame.
    pub left: Vec<Left>,
}

/// A number that became no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its [`Measure::name`](super::Measure).
    pub what: &'static str,
    /// A code of [`super::Absent`]; `no_code` for what is no record by itself; `no_unit` where the
    /// unit is not known; `nothing` for a heart rate of zero; `no_contact` for one that was measured
    /// on no skin; `repeated` for a second number of one part of a panel; `demonstration`,
    /// `testing`, `invalid`, `unavailable` as the device says.
    pub why: &'static str,
}

impl Reading {
    /// The records of this reading: one for each number with a code, one for each panel, one for
    /// each RR interval.
    ///
    /// RR intervals end at `at.start_ms`, the newest last; each record begins where its interval
    /// began. What the device said beside the numbers stands in the notes of each record: `status`,
    /// `device-time`, `sequence`, `user` and the words by their names.
    pub fn records(&self, at: At, source: Source) -> Kept {
        let mut kept = Kept::default();
        let mut panels: Vec<&'static str> = Vec::new();
        for value in &self.values {
            match value.what.panel {
                Some(panel) if panels.contains(&panel) => {}
                Some(panel) => {
                    panels.push(panel);
                    self.panel(panel, at, source, &mut kept);
                }
                None => self.single(value, at, source, &mut kept),
            }
        }
        self.intervals(at, source, &mut kept);
        kept
    }

    fn single(&self, value: &Measured, at: At, source: Source, kept: &mut Kept) {
        let what = value.what.name;
        let mut leave = |why| kept.left.push(Left { what, why });
        let number = match value.amount {
            Amount::Absent(absent) => return leave(absent.code()),
            Amount::Number(number) => number,
        };
        let Some(code) = value.what.code else {
            return leave("no_code");
        };
        if value.unit.is_empty() {
            return leave("no_unit");
        }
        if let Some(why) = self.forbids() {
            return leave(why);
        }
        if value.what == HEART_RATE {
            if number.mantissa() == 0 {
                return leave("nothing");
            }
            if self.status.contains(&NO_CONTACT) {
                return leave("no_contact");
            }
        }
        let body = Body::Observation {
            code: code.to_owned(),
            value: Value::Quantity(number, value.unit.to_owned()),
        };
        kept.records.push(self.record(body, at, source));
    }

    /// What the device says beside its numbers that makes them no measurement of a person.
    fn forbids(&self) -> Option<&'static str> {
        NO_MEASUREMENT
            .into_iter()
            .find(|word| self.status.contains(word))
    }

    /// One record of all numbers of a panel; none without a number.
    fn panel(&self, panel: &'static str, at: At, source: Source, kept: &mut Kept) {
        let mut parts: Vec<(String, Decimal, String)> = Vec::new();
        for value in &self.values {
            let (true, Some(code)) = (value.what.panel == Some(panel), value.what.code) else {
                continue;
            };
            let mut leave = |why| {
                let what = value.what.name;
                kept.left.push(Left { what, why });
            };
            match value.amount {
                Amount::Number(_) if value.unit.is_empty() => leave("no_unit"),
                Amount::Number(_) if parts.iter().any(|(known, ..)| known == code) => {
                    leave("repeated");
                }
                Amount::Number(number) => {
                    parts.push((code.to_owned(), number, value.unit.to_owned()));
                }
                Amount::Absent(absent) => leave(absent.code()),
            }
        }
        if parts.is_empty() {
            return;
        }
        if let Some(why) = self.forbids() {
            kept.left.push(Left { what: "panel", why });
            return;
        }
        let body = Body::Observation {
            code: panel.to_owned(),
            value: Value::Components(parts),
        };
        kept.records.push(self.record(body, at, source));
    }

    fn intervals(&self, at: At, source: Source, kept: &mut Kept) {
        let code = RR_INTERVAL.code.unwrap_or_default();
        let contact = !self.status.contains(&NO_CONTACT);
        let mut end = 0_i64;
        let mut found = Vec::new();
        for beat in self.beats.iter().rev() {
            // 1/1024 s from the packet back, to the millisecond for the time, exact for the value
            let start = end.saturating_add(i64::from(*beat));
            let before = |pieces: i64| {
                pieces
                    .saturating_mul(1_000)
                    .checked_div(1_024)
                    .unwrap_or_default()
            };
            // 1000/1024 ms = 125/128 ms
            let amount = Amount::binary(i64::from(*beat).saturating_mul(125), 7);
            let at = At {
                start_ms: at.start_ms.saturating_sub(before(start)),
                end_ms: Some(at.start_ms.saturating_sub(before(end))),
                ..at
            };
            end = start;
            match amount.number() {
                Some(number) if *beat > 0 && contact => {
                    let body = Body::Observation {
                        code: code.to_owned(),
                        value: Value::Quantity(number, "ms".to_owned()),
                    };
                    found.push(self.record(body, at, source));
                }
                _ => kept.left.push(Left {
                    what: RR_INTERVAL.name,
                    why: if contact { "nothing" } else { "no_contact" },
                }),
            }
        }
        kept.records.extend(found.into_iter().rev());
    }

    fn record(&self, body: Body, at: At, source: Source) -> Record {
        let notes = self.notes();
        Record {
            rid: None,
            start_ms: at.start_ms,
            end_ms: at.end_ms,
            offset_min: at.offset_min,
            body,
            source,
            context: (!notes.is_empty()).then(|| Context {
                notes,
                ..Context::default()
            }),
        }
    }

    /// What stands beside the numbers, by name. An empty word is left out; one that is longer than a
    /// note may be is cut, and ends in `...`.
    fn notes(&self) -> BTreeMap<String, String> {
        let mut notes = BTreeMap::<String, String>::new();
        let mut note = |name: &str, text: &str| {
            if text.trim().is_empty() {
                return;
            }
            let known = notes.entry(name.to_owned()).or_default();
            if !known.is_empty() {
                known.push_str("; ");
            }
            known.push_str(text);
        };
        for (name, word) in &self.words {
            note(name, word);
        }
        note("status", &self.status.join(" "));
        if let Some(time) = self.time {
            note("device-time", &time.sent());
        }
        if let Some(time) = self.user_time {
            note("user-time", &time.sent());
        }
        if let Some(minutes) = self.offset_min {
            note("device-offset", &format!("{minutes} min"));
        }
        if let Some(sequence) = self.sequence {
            note("sequence", &sequence.to_string());
        }
        if let Some(number) = self.record_number {
            note("sequence", &number.to_string());
        }
        if let Some(user) = self.user {
            note("user", &user.to_string());
        }
        notes.values_mut().for_each(shorten);
        notes
    }
}

/// Cuts a note to what a record takes; text grows at most threefold in NFC.
fn shorten(note: &mut String) {
    let most = TEXT_LIMIT.checked_div(3).unwrap_or_default();
    if note.len() > most {
        let end = note.floor_char_boundary(most);
        note.truncate(end);
        note.push_str("...");
    }
}

const NO_MEASUREMENT: [&str; 4] = ["demonstration", "testing", "invalid", "unavailable"];

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("At")
    }
}

//! Packets of one measurement, brought together.
//!
//! | what is split | how it is known | joined when |
//! |---|---|---|
//! | glucose and its context | the measurement announces a context; one sequence number | the context comes |
//! | body composition | "multiple packet measurement" in both | the second comes |
//! | treadmill, bike, rower, cross trainer | "more data" in all but the last | the last comes |
//!
//! A reading that is whole passes at once. What waits in vain comes out by [`Join::flush`], marked
//! `incomplete`; so does a part whose other part was lost, when the next measurement begins. No
//! reading is dropped. Nothing waits for more than [`Join::MOST`] others.

use super::{Reading, uuid};

/// What waits for its other part. One for each connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Join {
    waiting: Vec<Reading>,
}

/// What a reading marked so waited for never came.
pub const INCOMPLETE: &str = "incomplete";

impl Join {
    /// How many readings may wait; the oldest comes out incomplete.
    pub const MOST: usize = 64;

    /// Takes a reading in; gives the ones that are whole now, in order.
    #[must_use]
    pub fn apply(mut self, reading: Reading) -> (Self, Vec<Reading>) {
        let mut whole = Vec::new();
        let partner = self
            .waiting
            .iter()
            .position(|waiting| belong(waiting, &reading));
        match partner {
            Some(at) => {
                let mut first = self.waiting.remove(at);
                if first.characteristic == uuid::GLUCOSE_CONTEXT {
                    // the context came first
                    let mut measurement = reading;
                    take_in(&mut measurement, first);
                    measurement.more = false;
                    whole.push(measurement);
                } else {
                    let goes_on = reading.more && is_machine(reading.characteristic);
                    take_in(&mut first, reading);
                    first.more = goes_on;
                    if goes_on {
                        self.waiting.insert(at, first);
                    } else {
                        whole.push(first);
                    }
                }
            }
            None if reading.more || reading.characteristic == uuid::GLUCOSE_CONTEXT => {
                whole.extend(self.give_up(reading.characteristic));
                self.waiting.push(reading);
                if self.waiting.len() > Self::MOST {
                    whole.push(incomplete(self.waiting.remove(0)));
                }
            }
            None => {
                whole.extend(self.give_up(reading.characteristic));
                whole.push(reading);
            }
        }
        (self, whole)
    }

    /// What waits in a characteristic whose packets follow each other, now that another
    /// measurement began: its other part was lost.
    fn give_up(&mut self, characteristic: u16) -> Option<Reading> {
        if characteristic != uuid::BODY_COMPOSITION_MEASUREMENT && !is_machine(characteristic) {
            return None;
        }
        let at = self
            .waiting
            .iter()
            .position(|waiting| waiting.characteristic == characteristic)?;
        Some(incomplete(self.waiting.remove(at)))
    }

    /// Gives out all that waits: the link ended, or the download did.
    pub fn flush(self) -> Vec<Reading> {
        self.waiting.into_iter().map(incomplete).collect()
    }
}

fn incomplete(mut reading: Reading) -> Reading {
    reading.status.push(INCOMPLETE);
    reading.more = false;
    reading
}

/// Whether `next` is a part of what `waiting` is a part of.
fn belong(waiting: &Reading, next: &Reading) -> bool {
    match (waiting.characteristic, next.characteristic) {
        (uuid::GLUCOSE_MEASUREMENT, uuid::GLUCOSE_CONTEXT) => waiting.sequence == next.sequence,
        (uuid::GLUCOSE_CONTEXT, uuid::GLUCOSE_MEASUREMENT) => {
            next.more && waiting.sequence == next.sequence
        }
        (uuid::BODY_COMPOSITION_MEASUREMENT, uuid::BODY_COMPOSITION_MEASUREMENT) => {
            next.more && fits(waiting, next)
        }
        (first, second) => first == second && is_machine(first) && fits(waiting, next),
    }
}

const fn is_machine(characteristic: u16) -> bool {
    matches!(
        characteristic,
        uuid::TREADMILL_DATA | uuid::CROSS_TRAINER_DATA | uuid::ROWER_DATA | uuid::INDOOR_BIKE_DATA
    )
}

/// No number, time or user of one contradicts that of the other.
fn fits(first: &Reading, second: &Reading) -> bool {
    let agrees = second.values.iter().all(|value| {
        first.values.iter().all(|known| {
            known.what.name != value.what.name
                || known.amount == value.amount
                || known.amount.number().is_none()
                || value.amount.number().is_none()
        })
    });
    let meets = |a: bool, b: bool, same: bool| !(a && b) || same;
    agrees
        && meets(
            first.time.is_some(),
            second.time.is_some(),
            first.time == second.time,
        )
        && meets(
            first.user.is_some(),
            second.user.is_some(),
            first.user == second.user,
        )
}

/// Adds what `second` knows more.
fn take_in(first: &mut Reading, second: Reading) {
    for value in second.values {
        let known = first
            .values
            .iter_mut()
            .find(|known| known.what.name == value.what.name);
        match known {
            Some(known) if known.amount.number().is_none() => *known = value,
            Some(_) => {}
            None => first.values.push(value),
        }
    }
    for status in second.status {
        if !first.status.contains(&status) {
            first.status.push(status);
        }
    }
    for word in second.words {
        if !first.words.contains(&word) {
            first.words.push(word);
        }
    }
    first.time = first.time.or(second.time);
    first.user_time = first.user_time.or(second.user_time);
    first.offset_min = first.offset_min.or(second.offset_min);
    first.user = first.user.or(second.user);
    first.beats.extend(second.beats);
    first.extra.reserved |= second.extra.reserved;
    first.extra.trailing.extend(second.extra.trailing);
}

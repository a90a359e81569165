//! Counters that wrap, turned into differences (CSC Measurement; distances and energies that only
//! count up).
//!
//! A sensor of wheel or crank sends how often it turned since it was made or reset, and when it
//! turned last, in 1/1024 s that wrap every 64 s. Two packets give a difference; one gives none.
//!
//! | counters | then | difference |
//! |---|---|---|
//! | first packet, or after [`Counter::FORGET_MS`] without one | kept | none: the clock may have wrapped unseen |
//! | same time | kept | none: it did not turn |
//! | later time | kept | turns and time modulo the width |
//! | wheel turned back | kept | turns below zero (a wheel may) |

use super::measure::{CYCLING_CADENCE, WHEEL_RATE};
use super::{Amount, Reading};

/// One counter and its clock, as sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    /// How often, since the sensor began.
    pub count: u32,
    /// When last, in 1/1024 s.
    pub at: u16,
}

/// How wide the counter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Cumulative crank revolutions.
    Bits16,
    /// Cumulative wheel revolutions.
    Bits32,
}

/// What happened between two packets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Between {
    /// Turns; below zero if it turned back.
    pub turns: i32,
    /// Time between the last turn of each, in 1/1024 s.
    pub time: u16,
}

/// A counter followed over packets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    width: Width,
    last: Option<(Turns, u64)>,
}

impl Counter {
    /// Its clock wraps after 64 s; older than this, nothing can be said.
    pub const FORGET_MS: u64 = 60_000;

    /// A counter that has seen no packet.
    pub const fn new(width: Width) -> Self {
        Self { width, last: None }
    }

    /// Takes in what arrived at `now_ms`, a clock that does not jump; gives what happened since.
    #[must_use]
    pub fn apply(self, turns: Turns, now_ms: u64) -> (Self, Option<Between>) {
        let next = Self {
            last: Some((turns, now_ms)),
            ..self
        };
        let Some((last, then_ms)) = self.last else {
            return (next, None);
        };
        if now_ms.saturating_sub(then_ms) >= Self::FORGET_MS {
            return (next, None);
        }
        let time = turns.at.wrapping_sub(last.at);
        if time == 0 {
            return (next, None);
        }
        let [a, b, c, d] = turns.count.wrapping_sub(last.count).to_le_bytes();
        let turns = match self.width {
            // A crank has no way back: pedalling backwards is not counted.
            Width::Bits16 => i32::from(u16::from_le_bytes([a, b])),
            Width::Bits32 => i32::from_le_bytes([a, b, c, d]),
        };
        (next, Some(Between { turns, time }))
    }
}

/// Wheel and crank of one sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ride {
    wheel: Counter,
    crank: Counter,
}

impl Default for Ride {
    fn default() -> Self {
        Self {
            wheel: Counter::new(Width::Bits32),
            crank: Counter::new(Width::Bits16),
        }
    }
}

impl Ride {
    /// Adds to a reading of a cycling sensor that arrived at `now_ms`, a clock that does not jump,
    /// how often crank and wheel turn a minute since the reading before: `cycling-cadence`, which
    /// becomes a record, and `wheel-rate`, which does not without the wheel's size. Marked
    /// `computed`, for the sensor sends counters. Other readings pass as they are.
    #[must_use]
    pub fn apply(mut self, mut reading: Reading, now_ms: u64) -> (Self, Reading) {
        let mut rates = Vec::new();
        if let Some(turns) = reading.wheel {
            let between;
            (self.wheel, between) = self.wheel.apply(turns, now_ms);
            rates.push((WHEEL_RATE, between));
        }
        if let Some(turns) = reading.crank {
            let between;
            (self.crank, between) = self.crank.apply(turns, now_ms);
            rates.push((CYCLING_CADENCE, between));
        }
        let mut computed = false;
        for (what, between) in rates {
            if let Some(rate) = between.and_then(Between::per_minute) {
                reading.push(what, Amount::whole(rate), "/min");
                computed = true;
            }
        }
        if computed {
            reading.status.push("computed");
        }
        (self, reading)
    }
}

impl Between {
    /// Turns a minute, rounded half up; none if it turned back or not at all.
    pub fn per_minute(self) -> Option<u32> {
        let turns = u64::try_from(self.turns).ok()?;
        let time = u64::from(self.time);
        let pieces = turns.checked_mul(60 * 1_024)?.checked_add(time / 2)?;
        u32::try_from(pieces.checked_div(time)?).ok()
    }
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Turns")
    }
}

impl std::fmt::Debug for Between {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Between")
    }
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter")
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

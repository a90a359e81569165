//! When a reading applies: from what the device's clock showed, and how far it is off.
//!
//! Devices keep the time on somebody's wall, without a zone. Three cases:
//!
//! 1. The device's clock was read and shows the time on the wall here, within 90 s: what it stamped
//!    was the time on the wall then, also across a change to summer time.
//! 2. It was read and is off: it ran on evenly, so what it stamped is off by as much
//!    (`clock-corrected`, in seconds).
//! 3. It was not read: its time is taken as the time on the wall, unless it lies ahead of the
//!    arrival or years before it; then the time of arrival stands (`time-from` `arrival`).
//!
//! When its clock is set, what it stored before stays off: a time up to where the clock then stood
//! is corrected by what it was off then.
//!
//! Pure. What was sent stays in the record's note `device-time`; a correction is a note beside it.

use super::sensor::ClockSeen;
use std::collections::BTreeMap;
use vitalwitness_domain::gatt::{At, DeviceTime, Reading};
use vitalwitness_domain::import::Zone;

/// When a reading applies, and the notes that say what was corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timed {
    pub(crate) at: At,
    pub(crate) notes: BTreeMap<String, String>,
}

/// What is known of the clock that stamped a reading.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stamps {
    /// As it was read when the link was made.
    pub(crate) clock: Option<ClockSeen>,
    /// As it was before it was set in an earlier session.
    pub(crate) before: Option<ClockSeen>,
    /// When the session began that minutes count from (CGM), ms UTC.
    pub(crate) session_ms: Option<i64>,
}

/// Decides when `reading`, arrived at `arrived_ms`, applies.
pub(crate) fn when(reading: &Reading, arrived_ms: i64, stamps: Stamps, zone: Zone<'_>) -> Timed {
    let Stamps {
        clock,
        before,
        session_ms,
    } = stamps;
    let mut notes = BTreeMap::new();
    let mut note = |name: &str, text: String| {
        notes.insert(name.to_owned(), text);
    };
    let start_ms = match (reading.time, reading.face_ms()) {
        (None, _) => arrived_ms,
        (Some(DeviceTime::Session { minutes }), _) => {
            if let Some(start) = session_ms {
                start.saturating_add(i64::from(minutes) * 60_000)
            } else {
                note("time-from", "arrival".to_owned());
                arrived_ms
            }
        }
        (Some(_), None) => {
            note("time-from", "arrival".to_owned());
            arrived_ms
        }
        (Some(_), Some(face)) => {
            match clock.map(|clock| off_by(face, arrived_ms, clock, before, zone)) {
                Some(Some(off)) => {
                    note(
                        "clock-corrected",
                        format!("{:+} s", rounded_s(off.behind_ms)),
                    );
                    face.saturating_add(off.delta_ms)
                }
                Some(None) => on_wall(face, arrived_ms, zone),
                None => {
                    let start = on_wall(face, arrived_ms, zone);
                    if plausible(start, arrived_ms) {
                        start
                    } else {
                        note("time-from", "arrival".to_owned());
                        arrived_ms
                    }
                }
            }
        }
    };
    // a record cannot be before 1970; what the device sent stays in its note
    let start_ms = if start_ms < 0 { arrived_ms } else { start_ms };
    Timed {
        at: At {
            start_ms,
            end_ms: None,
            offset_min: zone(start_ms),
        },
        notes,
    }
}

/// How the device's clock, that showed `face_ms` (taken as UTC) at `at_ms`, stands.
pub(crate) fn seen(face_ms: i64, at_ms: i64, zone: Zone<'_>) -> ClockSeen {
    let delta_ms = at_ms.saturating_sub(face_ms);
    let offset_ms = i64::from(zone(at_ms)) * 60_000;
    ClockSeen {
        delta_ms,
        at_ms,
        behind_ms: delta_ms.saturating_add(offset_ms),
        set_ms: None,
    }
}

/// By what the stamp `face_ms` is off; none: it is the time on the wall.
fn off_by(
    face_ms: i64,
    arrived_ms: i64,
    clock: ClockSeen,
    before: Option<ClockSeen>,
    zone: Zone<'_>,
) -> Option<ClockSeen> {
    let was_off = |it: &ClockSeen| it.behind_ms.abs() > TOLERANCE_MS;
    if was_off(&clock) {
        let stamped = on_wall(face_ms, arrived_ms, zone);
        let since_set = clock.set_ms.is_some_and(|set| {
            stamped >= set - TOLERANCE_MS && stamped <= arrived_ms + TOLERANCE_MS
        });
        return (!since_set).then_some(clock);
    }
    before.filter(was_off).filter(|before| {
        let ahead = on_wall(face_ms, arrived_ms, zone) > arrived_ms + AHEAD_MS;
        let stood = before.set_ms.map(|set| set - before.delta_ms);
        let until = before.behind_ms > 0 && stood.is_some_and(|stood| face_ms <= stood);
        ahead || until
    })
}

/// Whether a clock is so far off that it should be set.
pub(crate) fn is_off(clock: ClockSeen) -> bool {
    clock.behind_ms.abs() > DRIFT_MS
}

/// The time, ms UTC, at which a clock on the wall showed `face_ms`. In the hour that a wall shows
/// twice, the one nearer to the arrival; in the hour it skips, as if it had not.
fn on_wall(face_ms: i64, arrived_ms: i64, zone: Zone<'_>) -> i64 {
    let before = zone(face_ms.saturating_sub(DAY_MS));
    let after = zone(face_ms.saturating_add(DAY_MS));
    let at = |offset: i16| face_ms.saturating_sub(i64::from(offset) * 60_000);
    let mut fitting: Vec<i64> = [before, after]
        .into_iter()
        .filter(|offset| zone(at(*offset)) == *offset)
        .map(at)
        .collect();
    fitting.sort_by_key(|start| start.abs_diff(arrived_ms));
    fitting.first().copied().unwrap_or_else(|| at(before))
}

fn plausible(start_ms: i64, arrived_ms: i64) -> bool {
    start_ms <= arrived_ms.saturating_add(AHEAD_MS)
        && start_ms >= arrived_ms.saturating_sub(OLDEST_MS)
}

fn rounded_s(ms: i64) -> i64 {
    (ms + 500 * ms.signum()) / 1_000
}

const DAY_MS: i64 = 86_400_000;
/// A clock this near to the one on the wall is right.
const TOLERANCE_MS: i64 = 90_000;
/// A clock is set when it is off by more.
const DRIFT_MS: i64 = 2_000;
/// A time may be this far ahead: clocks drift.
const AHEAD_MS: i64 = 5 * 60_000;
/// Nothing is older than what a device with an empty battery says: five years.
const OLDEST_MS: i64 = 5 * 365 * DAY_MS;

#[cfg(test)]
mod tests;

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
//! A correction that ends after the arrival is none: the clock was right when it stamped and lost
//! its time later (a battery was changed). Then the time stands as sent. Whatever the clock shows
//! now, a time ahead of the arrival or more than five years before it counts as in case 3, and so
//! does one of which the device says that its clock was not set.
//!
//! A time that says how it stands to UTC needs no wall.
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

impl Timed {
    /// Whether the device's time was not trusted.
    pub(crate) fn is_from_arrival(&self) -> bool {
        self.notes.get(TIME_FROM).is_some_and(|it| it == ARRIVAL)
    }

    /// Whether the device's clock was off and its time corrected.
    pub(crate) fn is_corrected(&self) -> bool {
        self.notes.contains_key(CORRECTED)
    }
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
    let mut notes = BTreeMap::new();
    let mut note = |name: &str, text: String| {
        notes.insert(name.to_owned(), text);
    };
    let sent = match (reading.time, reading.face_ms()) {
        (None, _) => Some(arrived_ms),
        (Some(DeviceTime::Session { minutes }), _) => stamps
            .session_ms
            .map(|start| start.saturating_add(i64::from(minutes) * 60_000)),
        // the device says so itself
        _ if reading.status.contains(&"clock-not-set") => None,
        (Some(_), None) => None,
        (Some(time), Some(face_ms)) => {
            let stamp = Stamp::of(time, face_ms, arrived_ms, zone);
            let off = stamps
                .clock
                .and_then(|clock| off_by(stamp, arrived_ms, clock, stamps.before));
            let corrected = off.map(|off| (off, stamp.corrected(off)));
            match corrected.filter(|(_, at)| *at <= arrived_ms.saturating_add(AHEAD_MS)) {
                Some((off, at)) => {
                    note(CORRECTED, format!("{:+} s", rounded_s(off.behind_ms)));
                    Some(at)
                }
                None => plausible(stamp.sent_ms, arrived_ms).then_some(stamp.sent_ms),
            }
        }
    };
    // a record cannot be before 1970; what the device sent stays in its note
    let sent = sent.filter(|start| *start >= 0);
    if sent.is_none() {
        note(TIME_FROM, ARRIVAL.to_owned());
    }
    let start_ms = sent.unwrap_or(arrived_ms);
    let own = match reading.time {
        Some(DeviceTime::Elapsed(elapsed)) if sent.is_some() => elapsed.offset_min(),
        _ => None,
    };
    Timed {
        at: At {
            start_ms,
            end_ms: None,
            offset_min: own.unwrap_or_else(|| zone(start_ms)),
        },
        notes,
    }
}

/// What a device stamped.
#[derive(Clone, Copy)]
struct Stamp {
    face_ms: i64,
    /// In UTC, if its clock was right.
    sent_ms: i64,
    /// It says how it stands to UTC: the wall here has no part in it.
    of_itself: bool,
}

impl Stamp {
    fn of(time: DeviceTime, face_ms: i64, arrived_ms: i64, zone: Zone<'_>) -> Self {
        let own = match time {
            DeviceTime::Elapsed(elapsed) if elapsed.is_utc() => Some(0),
            DeviceTime::Elapsed(elapsed) => elapsed.offset_min(),
            _ => None,
        };
        let sent_ms = match own {
            Some(offset_min) => face_ms.saturating_sub(i64::from(offset_min) * 60_000),
            None => on_wall(face_ms, arrived_ms, zone),
        };
        Self {
            face_ms,
            sent_ms,
            of_itself: own.is_some(),
        }
    }

    fn corrected(self, off: ClockSeen) -> i64 {
        if self.of_itself {
            self.sent_ms.saturating_add(off.behind_ms)
        } else {
            self.face_ms.saturating_add(off.delta_ms)
        }
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

/// By what `stamp` is off; none: it is the time as it was.
fn off_by(
    stamp: Stamp,
    arrived_ms: i64,
    clock: ClockSeen,
    before: Option<ClockSeen>,
) -> Option<ClockSeen> {
    if clock.was_off() {
        let since_set = clock.set_ms.is_some_and(|set| {
            stamp.sent_ms >= set - TOLERANCE_MS && stamp.sent_ms <= arrived_ms + TOLERANCE_MS
        });
        return (!since_set).then_some(clock);
    }
    before.filter(ClockSeen::was_off).filter(|before| {
        let ahead = stamp.sent_ms > arrived_ms + AHEAD_MS;
        let stood = before.set_ms.map(|set| set - before.delta_ms);
        let until = before.behind_ms > 0 && stood.is_some_and(|stood| stamp.face_ms <= stood);
        ahead || until
    })
}

impl ClockSeen {
    /// Whether what it stamps must be corrected.
    pub(crate) fn was_off(&self) -> bool {
        self.behind_ms.abs() > TOLERANCE_MS
    }
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

const TIME_FROM: &str = "time-from";
const ARRIVAL: &str = "arrival";
const CORRECTED: &str = "clock-corrected";
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

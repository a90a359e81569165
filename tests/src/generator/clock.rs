//! The clock on the wall in Berlin.

use chrono::{DateTime, Datelike, NaiveDate};

/// Minutes east of UTC in Berlin at `ms` (UTC): 120 from the last Sunday of March, 01:00 UTC, to
/// the last Sunday of October, 01:00 UTC, else 60.
pub fn berlin(ms: i64) -> i16 {
    let Some(time) = DateTime::from_timestamp_millis(ms) else {
        return WINTER;
    };
    let begin = last_sunday(time.year(), 3);
    let end = last_sunday(time.year(), 10);
    let seconds = time.timestamp();
    if seconds >= begin && seconds < end {
        SUMMER
    } else {
        WINTER
    }
}

/// Seconds since 1970 of `minute` after midnight on `date`, by the clock on the wall.
pub(super) fn at(date: NaiveDate, minute: i64) -> i64 {
    let wall = date
        .and_hms_opt(0, 0, 0)
        .unwrap_or_default()
        .and_utc()
        .timestamp()
        + minute * 60;
    let winter = wall - i64::from(WINTER) * 60;
    let offset = berlin((winter - 3_600) * 1_000).max(berlin(winter * 1_000));
    let summer = wall - i64::from(SUMMER) * 60;
    if offset == SUMMER && berlin(summer * 1_000) == SUMMER {
        summer
    } else {
        winter
    }
}

/// `2025-03-01 08:00:00 +0100`.
pub(super) fn push(to: &mut String, seconds: i64) {
    use std::fmt::Write as _;
    let offset = i64::from(berlin(seconds * 1_000));
    let local = DateTime::from_timestamp(seconds + offset * 60, 0).unwrap_or_default();
    let day = local.date_naive();
    let of_day = (seconds + offset * 60).rem_euclid(86_400);
    // Writing to a string cannot fail.
    let _ = write!(
        to,
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02} +{:02}{:02}",
        day.year(),
        day.month(),
        day.day(),
        of_day / 3_600,
        of_day / 60 % 60,
        of_day % 60,
        offset / 60,
        offset % 60,
    );
}

fn last_sunday(year: i32, month: u32) -> i64 {
    // Both months have 31 days.
    let last = NaiveDate::from_ymd_opt(year, month, 31).unwrap_or_default();
    let back = u64::from(last.weekday().num_days_from_sunday());
    let sunday = last - chrono::Days::new(back);
    sunday
        .and_hms_opt(1, 0, 0)
        .unwrap_or_default()
        .and_utc()
        .timestamp()
}

const WINTER: i16 = 60;
const SUMMER: i16 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summer_time_begins_and_ends_with_the_second() {
        for (ms, offset) in [
            (1_743_296_399_000, 60),
            (1_743_296_400_000, 120),
            (1_761_440_399_000, 120),
            (1_761_440_400_000, 60),
        ] {
            assert_eq!(berlin(ms), offset, "{ms}");
        }
    }

    #[test]
    fn a_wall_clock_time_is_written_as_it_was_asked_for() {
        for (day, text) in [
            ((2025, 3, 1), "2025-03-01 06:45:00 +0100"),
            ((2025, 3, 30), "2025-03-30 06:45:00 +0200"),
            ((2025, 10, 26), "2025-10-26 06:45:00 +0100"),
            ((2025, 7, 1), "2025-07-01 06:45:00 +0200"),
        ] {
            let date = NaiveDate::from_ymd_opt(day.0, day.1, day.2).unwrap_or_default();
            let mut found = String::new();
            push(&mut found, at(date, 405));
            assert_eq!(found, text);
            let mut midnight = String::new();
            push(&mut midnight, at(date, 0));
            assert!(midnight.contains(" 00:00:00 "), "{midnight}");
        }
    }
}

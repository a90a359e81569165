//! A device's time, as it was sent.
//!
//! Devices have no time zone, forget their battery and start in 2010, or show what somebody set by
//! hand. What was sent is kept; what it is held to mean is decided where the offset between the
//! device's clock and a good one is known.

use chrono::NaiveDate;
use std::fmt;

/// A time as sent. Debug shows its kind only.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceTime {
    /// GSS Date Time: what the device's clock showed. 0 for a year, month or day is "not known".
    Calendar {
        /// Gregorian, 1582 to 9999, or 0.
        year: u16,
        /// 1 to 12, or 0.
        month: u8,
        /// 1 to 31, or 0.
        day: u8,
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
        /// 0 to 59.
        second: u8,
    },
    /// GSS Enhanced Blood Pressure Measurement, Time Stamp: seconds since 1 January 00:00.
    Seconds {
        /// 1900 or 2000.
        since: u16,
        /// As sent.
        seconds: u32,
    },
    /// GSS CGM Measurement, Time Offset: minutes since the session's start.
    Session {
        /// As sent.
        minutes: u16,
    },
}

impl DeviceTime {
    /// Milliseconds since 1970 as if the clock had shown UTC; none if it shows no possible time,
    /// or counts from something else than a date.
    pub fn face_ms(self) -> Option<i64> {
        match self {
            Self::Calendar {
                year,
                month,
                day,
                hour,
                minute,
                second,
            } => {
                if !(1582..=9999).contains(&year) {
                    return None;
                }
                let date =
                    NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))?;
                let time =
                    date.and_hms_opt(u32::from(hour), u32::from(minute), u32::from(second))?;
                Some(time.and_utc().timestamp_millis())
            }
            Self::Seconds { since, seconds } => {
                let start =
                    NaiveDate::from_ymd_opt(i32::from(since), 1, 1)?.and_hms_opt(0, 0, 0)?;
                start
                    .and_utc()
                    .timestamp()
                    .checked_add(i64::from(seconds))?
                    .checked_mul(1_000)
            }
            Self::Session { .. } => None,
        }
    }

    /// As sent, in words that a note of a record keeps: `2010-01-01T00:00:07`.
    pub fn sent(self) -> String {
        match self {
            Self::Calendar {
                year,
                month,
                day,
                hour,
                minute,
                second,
            } => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
            Self::Seconds { since, seconds } => format!("{seconds} s since {since}"),
            Self::Session { minutes } => format!("{minutes} min since the session's start"),
        }
    }
}

impl fmt::Debug for DeviceTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calendar { .. } => "Calendar",
            Self::Seconds { .. } => "Seconds",
            Self::Session { .. } => "Session",
        })
    }
}

//! A device's time, as it was sent.
//!
//! Devices have no time zone, forget their battery and start in 2010, or show what somebody set by
//! hand. What was sent is kept; what it is held to mean is decided where the offset between the
//! device's clock and a good one is known.

use super::Refused;
use super::bytes::{Bytes, Flags};
use chrono::{DateTime, Datelike, NaiveDate, Timelike};
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
    /// Physical activity monitor: seconds since the session's start.
    Running {
        /// As sent.
        seconds: u32,
    },
    /// GSS Elapsed Time.
    Elapsed(Elapsed),
}

/// GSS Elapsed Time, as sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Elapsed {
    /// Bit 0 a tick counter, 1 UTC (else local), 2 and 3 resolution, 4 the offset counts, 5 of the
    /// clock's current timeline.
    pub flags: u8,
    /// Units since 2000, or ticks.
    pub value: u64,
    /// What the clock was set by.
    pub source: u8,
    /// Time zone and DST, in quarters of an hour from UTC.
    pub offset: i8,
}

/// GSS Time Zone and DST Offset: how local time stands to UTC.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    /// Standard time minus UTC, minutes; none if the device does not know.
    pub standard_min: Option<i16>,
    /// What summer time adds, minutes; none if the device does not know.
    pub summer_min: Option<i16>,
}

/// Reads time zone and DST offset, two bytes.
pub(super) fn zone(bytes: &mut Bytes<'_>) -> Result<Zone, Refused> {
    let (quarters, summer) = (bytes.i8()?, bytes.u8()?);
    let standard_min = match quarters {
        i8::MIN => None,
        -48..=56 => Some(i16::from(quarters).saturating_mul(15)),
        _ => return Err(Refused::Range),
    };
    let summer_min = match summer {
        u8::MAX => None,
        0 => Some(0),
        2 => Some(30),
        4 => Some(60),
        8 => Some(120),
        _ => return Err(Refused::Reserved),
    };
    Ok(Zone {
        standard_min,
        summer_min,
    })
}

impl Zone {
    /// What to write; what GSS cannot say is "not known".
    pub fn bytes(self) -> [u8; 2] {
        let quarters = self
            .standard_min
            .filter(|minutes| minutes.checked_rem(15) == Some(0))
            .and_then(|minutes| minutes.checked_div(15))
            .and_then(|quarters| i8::try_from(quarters).ok())
            .filter(|quarters| (-48..=56).contains(quarters))
            .unwrap_or(i8::MIN);
        let summer = match self.summer_min {
            Some(0) => 0,
            Some(30) => 2,
            Some(60) => 4,
            Some(120) => 8,
            _ => u8::MAX,
        };
        let [quarters] = quarters.to_le_bytes();
        [quarters, summer]
    }

    /// Local time minus UTC, minutes, if both are known.
    pub fn offset_min(self) -> Option<i16> {
        self.standard_min?.checked_add(self.summer_min?)
    }
}

impl Elapsed {
    /// Milliseconds since 1970 UTC, or as if its local clock had shown UTC; none of a tick counter.
    pub fn face_ms(self) -> Option<i64> {
        let flags = Flags::from(self.flags);
        if flags.has(0) {
            return None;
        }
        let value = i64::try_from(self.value).ok()?;
        let since_2000 = match flags.field(2, 0b11) {
            0 => value.checked_mul(1_000)?,
            1 => value.checked_mul(100)?,
            2 => value,
            _ => value.checked_div(10)?,
        };
        since_2000.checked_add(YEAR_2000_MS)
    }

    /// Whether its value is UTC, not local time.
    pub fn is_utc(self) -> bool {
        Flags::from(self.flags).has(1)
    }

    /// Local time minus UTC, minutes, where the device says that it counts.
    pub fn offset_min(self) -> Option<i16> {
        let counts = Flags::from(self.flags).has(4);
        counts.then_some(i16::from(self.offset).saturating_mul(15))
    }
}

const YEAR_2000_MS: i64 = 946_684_800_000;

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
            Self::Elapsed(elapsed) => elapsed.face_ms(),
            Self::Session { .. } | Self::Running { .. } => None,
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
            Self::Running { seconds } => format!("{seconds} s since the session's start"),
            Self::Elapsed(elapsed) => format!(
                "elapsed {} flags {:02x} source {} offset {}",
                elapsed.value, elapsed.flags, elapsed.source, elapsed.offset
            ),
        }
    }

    /// The calendar time that a clock shows at `ms` since 1970; none outside of years 1582 to 9999.
    pub fn at(ms: i64) -> Option<Self> {
        let time = DateTime::from_timestamp_millis(ms)?;
        let year = u16::try_from(time.year()).ok()?;
        let small = |number: u32| u8::try_from(number).ok();
        (1582..=9999).contains(&year).then_some(Self::Calendar {
            year,
            month: small(time.month())?,
            day: small(time.day())?,
            hour: small(time.hour())?,
            minute: small(time.minute())?,
            second: small(time.second())?,
        })
    }

    /// Seven bytes of GSS Date Time; none for the other kinds.
    pub fn bytes(self) -> Option<Vec<u8>> {
        let Self::Calendar {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self
        else {
            return None;
        };
        let mut bytes = year.to_le_bytes().to_vec();
        bytes.extend([month, day, hour, minute, second]);
        Some(bytes)
    }
}

impl fmt::Debug for DeviceTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calendar { .. } => "Calendar",
            Self::Seconds { .. } => "Seconds",
            Self::Session { .. } => "Session",
            Self::Running { .. } => "Running",
            Self::Elapsed(_) => "Elapsed",
        })
    }
}

impl fmt::Debug for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Elapsed")
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Zone")
    }
}

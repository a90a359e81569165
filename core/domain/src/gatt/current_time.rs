//! Current time (service 1805) and elapsed time (service 183F): a device's clock, read and set.
//!
//! GSS Current Time (Exact Time 256 and the reasons it changed), Local Time Information, Elapsed
//! Time. Current Elapsed Time is an Elapsed Time, a clock status and clock capabilities (Elapsed
//! Time Service 1.0; read in a published implementation, GSS has only its first nine bytes).

use super::bytes::{Bytes, Flags, RESERVED, word};
use super::time::{Elapsed, Zone, zone};
use super::{DeviceTime, Packet, Refused};
use chrono::{DateTime, Datelike, Timelike};
use std::fmt;

/// What a device's clock shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Clock {
    /// Its time.
    pub time: DeviceTime,
    /// 1/256 s.
    pub fraction: u8,
    /// `monday` to `sunday`, `not-known` or `reserved`; it may contradict the date.
    pub weekday: &'static str,
    /// Why it was set last, or `needs-setting` of an elapsed time.
    pub status: Vec<&'static str>,
}

/// Why a clock is set. GSS Current Time, Adjust Reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// By hand, bit 0.
    Manual,
    /// To an external reference, bit 1: what a phone does.
    Reference,
    /// Another time zone, bit 2.
    TimeZone,
    /// Summer time, bit 3.
    SummerTime,
}

/// GSS Current Time: Date Time, day of week, 1/256 s, reasons.
pub(super) fn current_time(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let time = bytes.date_time()?;
    let weekday = word(bytes.u8()?, &WEEKDAYS);
    let fraction = bytes.u8()?;
    let reasons = Flags::from(bytes.u8()?);
    bytes.done()?;
    let mut status = reasons.words(&REASONS);
    if reasons.without(&REASONS) != 0 {
        status.push(RESERVED);
    }
    Ok(Packet::Clock(Clock {
        time,
        fraction,
        weekday,
        status,
    }))
}

/// What to write to Current Time so that the device shows `now_ms` (since 1970 UTC) on a clock
/// that is `offset_min` ahead of UTC.
///
/// # Errors
///
/// Range, for a year that GSS Date Time does not hold.
pub fn current_time_bytes(
    now_ms: i64,
    offset_min: i16,
    reason: Reason,
) -> Result<Vec<u8>, Refused> {
    let local_ms = i64::from(offset_min)
        .checked_mul(60_000)
        .and_then(|offset| now_ms.checked_add(offset))
        .ok_or(Refused::Range)?;
    let local = DateTime::from_timestamp_millis(local_ms).ok_or(Refused::Range)?;
    let mut bytes = DeviceTime::at(local_ms)
        .and_then(DeviceTime::bytes)
        .ok_or(Refused::Range)?;
    let small = |number: u32| u8::try_from(number).map_err(|_| Refused::Range);
    let pieces = u64::from(local.nanosecond()).saturating_mul(256);
    let fraction = pieces.checked_div(1_000_000_000).unwrap_or_default();
    bytes.push(small(local.weekday().number_from_monday())?);
    // a leap second is the last piece of the one before
    bytes.push(u8::try_from(fraction).unwrap_or(u8::MAX));
    bytes.push(match reason {
        Reason::Manual => 1,
        Reason::Reference => 2,
        Reason::TimeZone => 4,
        Reason::SummerTime => 8,
    });
    Ok(bytes)
}

/// GSS Local Time Information: time zone and DST offset; the same bytes are written
/// ([`Zone::bytes`]).
pub(super) fn local_time(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let zone: Zone = zone(&mut bytes)?;
    bytes.done()?;
    Ok(Packet::Zone(zone))
}

/// Elapsed Time Service, Current Elapsed Time: nine bytes of Elapsed Time, clock status (bit 0:
/// the clock needs to be set), clock capabilities.
pub(super) fn current_elapsed(value: &[u8]) -> Result<Packet, Refused> {
    let mut bytes = Bytes::new(value);
    let time = DeviceTime::Elapsed(elapsed(&mut bytes)?);
    let status = Flags::from(bytes.u8()?);
    bytes.u8()?;
    bytes.done()?;
    Ok(Packet::Clock(Clock {
        time,
        fraction: 0,
        weekday: "not-known",
        status: status.words(&["needs-setting"]),
    }))
}

/// GSS Elapsed Time: flags, 48 bits, source, offset in quarters of an hour.
pub(super) fn elapsed(bytes: &mut Bytes<'_>) -> Result<Elapsed, Refused> {
    Ok(Elapsed {
        flags: bytes.u8()?,
        value: bytes.u48()?,
        source: bytes.u8()?,
        offset: bytes.i8()?,
    })
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

const WEEKDAYS: [&str; 8] = [
    "not-known",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

const REASONS: [&str; 4] = ["manual", "reference", "time-zone", "summer-time"];

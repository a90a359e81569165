//! The parsed form of every measurement.

use super::cadence::Turns;
use super::{Amount, DeviceTime, Measure};
use std::borrow::Cow;
use std::fmt;

/// One measurement, or one part of a split one, as sent.
///
/// Debug shows which parts are there, no number, word or time.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The characteristic it came in.
    pub characteristic: u16,
    /// The numbers, in the order sent.
    pub values: Vec<Measured>,
    /// When, by the device's clock.
    pub time: Option<DeviceTime>,
    /// When, by what the device showed to its user (enhanced blood pressure).
    pub user_time: Option<DeviceTime>,
    /// Minutes to add to [`Self::time`]: glucose meters keep the base time and move this when
    /// somebody sets their clock.
    pub offset_min: Option<i16>,
    /// Number of the record in the device's memory; wraps at 65,536.
    pub sequence: Option<u16>,
    /// Number of the record in a generic health sensor's memory.
    pub record_number: Option<u32>,
    /// Which user of the device; 255 is one it does not know.
    pub user: Option<u8>,
    /// What the device says about the measurement: `contact`, `body-movement`, `low-battery`.
    pub status: Vec<&'static str>,
    /// Circumstances by name: `site` `ear`, `meal` `fasting`.
    pub words: Vec<(&'static str, Cow<'static, str>)>,
    /// RR intervals in 1/1024 s, oldest first.
    pub beats: Vec<u16>,
    /// Wheel revolutions since the sensor began ([`super::cadence`]).
    pub wheel: Option<Turns>,
    /// Crank revolutions since the sensor began.
    pub crank: Option<Turns>,
    /// More packets of the same measurement follow.
    pub more: bool,
    /// What is beyond this version of the specification.
    pub extra: Extra,
}

/// A number and what it is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// What it is of.
    pub what: Measure,
    /// The number, or why there is none.
    pub amount: Amount,
    /// UCUM unit, also where the number is absent.
    pub unit: &'static str,
}

/// Bits and bytes that this version of the specification gives no meaning.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Extra {
    /// Reserved bits of the flags that are set.
    pub reserved: u32,
    /// What follows the last known field; only where a reserved bit is set.
    pub trailing: Vec<u8>,
}

/// What a device is or can do.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Features {
    /// The characteristic it came in.
    pub characteristic: u16,
    /// What is there: `contact`, `multiple-bonds`.
    pub has: Vec<&'static str>,
    /// Facts by name: `location` `chest`.
    pub words: Vec<(&'static str, Cow<'static, str>)>,
    /// Numbers with units: a range, an interval, a battery's level.
    pub values: Vec<Measured>,
    /// Reserved bits that are set, and what follows them.
    pub extra: Extra,
}

impl Reading {
    pub(super) fn of(characteristic: u16) -> Self {
        Self {
            characteristic,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, what: Measure, amount: Amount, unit: &'static str) {
        self.values.push(Measured { what, amount, unit });
    }

    pub(super) fn say(&mut self, name: &'static str, word: &'static str) {
        self.words.push((name, Cow::Borrowed(word)));
    }

    /// Milliseconds since 1970 as if the device's clock had shown UTC, its time offset added.
    pub fn face_ms(&self) -> Option<i64> {
        let offset_ms = i64::from(self.offset_min.unwrap_or(0)).checked_mul(60_000)?;
        self.time?.face_ms()?.checked_add(offset_ms)
    }

    /// The number of this name, if it is one.
    pub fn number(&self, name: &str) -> Option<crate::decimal::Decimal> {
        let found = self.values.iter().find(|value| value.what.name == name)?;
        found.amount.number()
    }
}

impl Features {
    pub(super) fn of(characteristic: u16) -> Self {
        Self {
            characteristic,
            ..Self::default()
        }
    }

    /// Whether a feature of this name is there.
    pub fn has(&self, name: &str) -> bool {
        self.has.contains(&name)
    }

    /// The fact of this name.
    pub fn word(&self, name: &str) -> Option<&str> {
        let found = self.words.iter().find(|(known, _)| *known == name)?;
        Some(&found.1)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field(
                "characteristic",
                &format_args!("{:04x}", self.characteristic),
            )
            .field("values", &self.values.len())
            .field("time", &self.time)
            .field("more", &self.more)
            .field("extra", &self.extra)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Measured").field(&self.what.name).finish()
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extra")
            .field("reserved", &(self.reserved != 0))
            .field("trailing", &!self.trailing.is_empty())
            .finish()
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Features")
            .field(
                "characteristic",
                &format_args!("{:04x}", self.characteristic),
            )
            .field("has", &self.has.len())
            .finish_non_exhaustive()
    }
}

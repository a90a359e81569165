//! Days, weeks and months of a quantity, summed here: a chart of ten years asks once.
//!
//! A week begins on Monday (ISO 8601). A period is named by its first day, also where the range
//! asked for begins inside it; then only the days inside the range count.

use crate::Error;
use crate::summary::Day;
use crate::vault::Vault;
use chrono::{Datelike as _, NaiveDate};
use std::collections::BTreeMap;
use std::fmt;
use vitalwitness_domain::decimal::Decimal;

/// How long the bars of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day on the wearer's wall.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

/// What adds up over a period: steps, distance, energy.
#[derive(Clone, PartialEq, Eq)]
pub struct PeriodTotal {
    /// The period's first day, days since 1970-01-01.
    pub first_day: i32,
    /// How many of its days have something.
    pub days: u32,
    /// UCUM.
    pub unit: String,
    /// The sum of those days.
    pub total: Decimal,
}

impl fmt::Debug for PeriodTotal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeriodTotal({} days)", self.days)
    }
}

impl Period {
    /// The first day of the period that `day` is in, days since 1970-01-01.
    pub fn first_day(self, day: i32) -> i32 {
        match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday
            Self::Week => day - (day + 3).rem_euclid(7),
            Self::Month => {
                let date = NaiveDate::from_epoch_days(day);
                let before = date.map_or(0, |date| date.day0());
                day - i32::try_from(before).unwrap_or(0)
            }
        }
    }
}

impl Vault {
    /// Least, greatest, mean and count of a code from `from_day` to before `to_day`, by period, in
    /// order. What was replaced or taken back does not count.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn summary(
        &self,
        code: &str,
        from_day: i32,
        to_day: i32,
        period: Period,
    ) -> Result<Vec<Day>, Error> {
        self.with(|core| {
            let sums = core.day_sums(code, from_day, to_day)?;
            let joined = sums.joined(from_day, to_day, |day| period.first_day(day));
            Ok(joined.days(i32::MIN, i32::MAX))
        })
    }

    /// Totals of a code whose values add up, from `from_day` to before `to_day`, by period, in
    /// order; each stretch of time once, as [`Vault::day_totals`].
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when `code` is no quantity that adds up.
    pub fn period_totals(
        &self,
        code: &str,
        from_day: i32,
        to_day: i32,
        period: Period,
    ) -> Result<Vec<PeriodTotal>, Error> {
        let mut totals: BTreeMap<i32, PeriodTotal> = BTreeMap::new();
        for day in self.day_totals(code, from_day, to_day)? {
            let first_day = period.first_day(day.day);
            if let Some(there) = totals.get_mut(&first_day) {
                there.total = plus(there.total, day.total);
                there.days += 1;
            } else {
                let total = PeriodTotal {
                    first_day,
                    days: 1,
                    unit: day.unit,
                    total: day.total,
                };
                totals.insert(first_day, total);
            }
        }
        Ok(totals.into_values().collect())
    }
}

/// Exact, or the greater one where the sum has no place.
fn plus(a: Decimal, b: Decimal) -> Decimal {
    let exponent = a.exponent().min(b.exponent());
    let at = |number: Decimal| {
        let places = u32::try_from(number.exponent() - exponent).ok()?;
        i128::from(number.mantissa()).checked_mul(10_i128.checked_pow(places)?)
    };
    let sum = at(a).zip(at(b)).and_then(|(a, b)| a.checked_add(b));
    let sum = sum.and_then(|sum| i64::try_from(sum).ok());
    sum.and_then(|sum| Decimal::new(sum, exponent).ok())
        .unwrap_or(a)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    fn day(text: &str) -> i32 {
        text.parse::<NaiveDate>().unwrap().to_epoch_days()
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first_also_before_1970() {
        for (period, of, first) in [
            (Period::Day, "2026-03-05", "2026-03-05"),
            (Period::Week, "2026-03-02", "2026-03-02"),
            (Period::Week, "2026-03-08", "2026-03-02"),
            (Period::Week, "2026-01-01", "2025-12-29"),
            (Period::Week, "1969-12-31", "1969-12-29"),
            (Period::Month, "2024-02-29", "2024-02-01"),
            (Period::Month, "1969-12-31", "1969-12-01"),
        ] {
            assert_eq!(period.first_day(day(of)), day(first), "{period:?} {of}");
        }
    }

    #[test]
    fn sums_are_exact_whatever_their_places() {
        let number = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(plus(number("1.25"), number("3")).to_string(), "4.25");
        assert_eq!(plus(number("0.1"), number("0.2")).to_string(), "0.3");
    }
}

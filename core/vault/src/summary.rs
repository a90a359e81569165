//! Day sums: count, least, greatest and mean of a quantity, by the day on its wearer's wall.
//!
//! Kept in each batch's header, so that a year of days opens no batch. A unit of its own has sums
//! of its own: nothing is converted here.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Body, Record, Value};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{self, Encoder, Reader};

/// What is summed by itself: a day, a component (empty: the value itself), a unit.
pub(crate) type DayKey = (i32, String, String);

/// One day of one quantity in one unit.
#[derive(Clone, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970-01-01, by the record's own clock on the wall.
    pub day: i32,
    /// Code of the component; empty: the value itself.
    pub component: String,
    /// UCUM.
    pub unit: String,
    /// How many values.
    pub count: u64,
    /// The least.
    pub least: Decimal,
    /// The greatest.
    pub greatest: Decimal,
    /// The arithmetic mean, rounded half to even at two more places than the finest value.
    pub mean: Decimal,
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Day(..)")
    }
}

#[derive(Clone)]
struct Sum {
    count: u64,
    least: Decimal,
    greatest: Decimal,
    /// In units of ten to the `exponent`.
    total: i128,
    exponent: i8,
}

/// Sums by day.
#[derive(Clone, Default)]
pub(crate) struct DaySums(BTreeMap<DayKey, Sum>);

impl DaySums {
    /// Takes a record in. What is no quantity counts nowhere.
    pub(crate) fn add(&mut self, record: &Record) {
        let Body::Observation { value, .. } = &record.body else {
            return;
        };
        let day = day_of(record.start_ms, record.offset_min);
        match value {
            Value::Quantity(number, unit) => self.add_value(day, "", unit, *number),
            Value::Components(parts) => {
                for (component, number, unit) in parts {
                    self.add_value(day, component, unit, *number);
                }
            }
            Value::Text(_) | Value::Waveform { .. } => {}
        }
    }

    fn add_value(&mut self, day: i32, component: &str, unit: &str, number: Decimal) {
        let one = Sum {
            count: 1,
            least: number,
            greatest: number,
            total: i128::from(number.mantissa()),
            exponent: number.exponent(),
        };
        // a hot path: most records are of the day and unit of the one before
        if let Some(mut last) = self.0.last_entry() {
            let key = last.key();
            if key.0 == day && key.1 == component && key.2 == unit {
                last.get_mut().merge(&one);
                return;
            }
        }
        let key = (day, component.to_owned(), unit.to_owned());
        match self.0.get_mut(&key) {
            Some(sum) => sum.merge(&one),
            None => {
                self.0.insert(key, one);
            }
        }
    }

    /// Adds the sums of another batch.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (key, sum) in &other.0 {
            match self.0.get_mut(key) {
                Some(there) => there.merge(sum),
                None => {
                    self.0.insert(key.clone(), sum.clone());
                }
            }
        }
    }

    /// The days from `from` to before `to`, in order.
    pub(crate) fn days(&self, from: i32, to: i32) -> Vec<Day> {
        let range = (from, String::new(), String::new())..(to, String::new(), String::new());
        let days = self.0.range(range);
        days.map(|((day, component, unit), sum)| Day {
            day: *day,
            component: component.clone(),
            unit: unit.clone(),
            count: sum.count,
            least: sum.least,
            greatest: sum.greatest,
            mean: sum.mean(),
        })
        .collect()
    }

    /// Days joined to longer stretches: `first` gives the day each is counted under.
    pub(crate) fn joined(&self, from: i32, to: i32, first: impl Fn(i32) -> i32) -> Self {
        let range = (from, String::new(), String::new())..(to, String::new(), String::new());
        let mut joined = Self::default();
        for ((day, component, unit), sum) in self.0.range(range) {
            let key = (first(*day), component.clone(), unit.clone());
            match joined.0.get_mut(&key) {
                Some(there) => there.merge(sum),
                None => drop(joined.0.insert(key, sum.clone())),
            }
        }
        joined
    }

    pub(crate) fn encode(&self, out: &mut Encoder) {
        out.array(self.0.len());
        for ((day, component, unit), sum) in &self.0 {
            out.array(8).int(i64::from(*day)).text(component).text(unit);
            out.uint(sum.count);
            out.decimal(sum.least.exponent(), sum.least.mantissa());
            out.decimal(sum.greatest.exponent(), sum.greatest.mantissa());
            out.bytes(&sum.total.to_be_bytes());
            out.int(i64::from(sum.exponent));
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, Rejection> {
        let mut sums = BTreeMap::new();
        for _ in 0..reader.array()? {
            reader.array_of(8)?;
            let day = i32::try_from(reader.int()?).map_err(|_| Rejection::Malformed)?;
            let key = (day, reader.text()?.to_owned(), reader.text()?.to_owned());
            let sum = Sum {
                count: reader.uint()?,
                least: decimal(reader)?,
                greatest: decimal(reader)?,
                total: i128::from_be_bytes(reader.byte_array()?),
                exponent: i8::try_from(reader.int()?).map_err(|_| Rejection::Malformed)?,
            };
            sums.insert(key, sum);
        }
        Ok(Self(sums))
    }
}

impl Sum {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        if other.least.compare(self.least) == Ordering::Less {
            self.least = other.least;
        }
        if other.greatest.compare(self.greatest) == Ordering::Greater {
            self.greatest = other.greatest;
        }
        let exponent = self.exponent.min(other.exponent);
        self.total = rescaled(self.total, self.exponent, exponent).saturating_add(rescaled(
            other.total,
            other.exponent,
            exponent,
        ));
        self.exponent = exponent;
    }

    fn mean(&self) -> Decimal {
        let exponent = self.exponent.max(2 - Decimal::MAX_EXPONENT) - 2;
        let total = rescaled(self.total, self.exponent, exponent);
        let count = i128::from(self.count.max(1));
        let (down, rest) = (total.div_euclid(count), total.rem_euclid(count));
        let mean = match (rest * 2).cmp(&count) {
            Ordering::Less => down,
            Ordering::Greater => down + 1,
            Ordering::Equal => down + down.rem_euclid(2),
        };
        let mean = i64::try_from(mean).unwrap_or(i64::MAX);
        Decimal::new(mean, exponent).unwrap_or(Decimal::whole(0))
    }
}

fn rescaled(total: i128, from: i8, to: i8) -> i128 {
    let places = u32::try_from(i16::from(from) - i16::from(to)).unwrap_or(0);
    total.saturating_mul(10_i128.saturating_pow(places))
}

fn decimal(reader: &mut Reader<'_>) -> Result<Decimal, Rejection> {
    match reader.value()? {
        cbor::Value::Decimal { exponent, mantissa } => {
            Decimal::new(mantissa, exponent).map_err(|_| Rejection::Malformed)
        }
        _ => Err(Rejection::Malformed),
    }
}

/// Days since 1970-01-01 on the wearer's wall.
pub(crate) fn day_of(start_ms: i64, offset_min: i16) -> i32 {
    let local = start_ms.saturating_add(i64::from(offset_min) * 60_000);
    i32::try_from(local.div_euclid(DAY_MS)).unwrap_or(i32::MAX)
}

pub(crate) const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    fn heart_rate(start_ms: i64, offset_min: i16, value: &str) -> Record {
        let body = Body::Observation {
            code: "loinc|8867-4".into(),
            value: Value::Quantity(value.parse().unwrap(), "/min".into()),
        };
        Record::typed(start_ms, offset_min, body)
    }

    #[test]
    fn days_are_those_of_the_wearers_wall_and_means_round_half_to_even() {
        let mut sums = DaySums::default();
        for (start, offset, value) in [
            (DAY_MS - 1, 0, "60"),
            (DAY_MS - 1, 60, "61.5"),
            (DAY_MS, 0, "70"),
            (DAY_MS, -1, "61"),
        ] {
            sums.add(&heart_rate(start, offset, value));
        }
        let days = sums.days(0, 2);
        let shown: Vec<_> = days
            .iter()
            .map(|day| (day.day, day.count, day.mean.to_string()))
            .collect();
        assert_eq!(
            shown,
            [(0, 2, "60.50".to_owned()), (1, 2, "65.750".to_owned())]
        );
        assert_eq!(days[1].least.to_string(), "61.5");
        assert_eq!(days[1].greatest.to_string(), "70");
    }

    #[test]
    fn sums_read_back_and_merge() {
        let mut one = DaySums::default();
        one.add(&heart_rate(5, 0, "60"));
        let mut out = Encoder::new();
        one.encode(&mut out);
        let bytes = out.finish();
        let mut again = DaySums::decode(&mut Reader::new(&bytes)).unwrap();
        again.merge(&one);
        let days = again.days(0, 1);
        assert_eq!(
            (days[0].count, days[0].mean.to_string()),
            (2, "60.00".to_owned())
        );
    }
}

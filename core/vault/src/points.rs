//! Points for charts: starts and numbers of one code, straight from the columns.

use crate::Error;
use crate::filter;
use crate::store::BatchId;
use crate::vault::{Core, Vault};
use std::fmt;
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Body, Hash, Value};
use vitalwitness_domain::sealed;

/// One measured number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Effective start, ms UTC.
    pub start_ms: i64,
    /// What was measured.
    pub number: Decimal,
}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Point(..)")
    }
}

/// Points in one unit.
#[derive(Clone, PartialEq, Eq)]
pub struct Points {
    /// UCUM.
    pub unit: String,
    /// By start, ascending.
    pub points: Vec<Point>,
}

impl fmt::Debug for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Points({})", self.points.len())
    }
}

impl Vault {
    /// The quantities of `code` that start from `from_ms` to before `to_ms`, by unit. What was
    /// replaced or taken back is not in it.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn points(&self, code: &str, from_ms: i64, to_ms: i64) -> Result<Vec<Points>, Error> {
        self.with(|core| core.points(code, from_ms, to_ms))
    }
}

impl Core {
    fn points(&mut self, code: &str, from_ms: i64, to_ms: i64) -> Result<Vec<Points>, Error> {
        let mut rows = Vec::new();
        let mut corrected: Vec<Hash> = Vec::new();
        for (row, batch) in self
            .index
            .all()
            .filter(|(_, batch)| batch.stream.code == code)
        {
            let header = &batch.header;
            corrected.extend(
                header
                    .corrections
                    .iter()
                    .map(|correction| correction.target),
            );
            if header.count > 0 && header.last_ms >= from_ms && header.first_ms < to_ms {
                rows.push((header.first_ms, row));
            }
        }
        rows.sort_unstable();
        let mut all = Collected::default();
        for (_, row) in rows {
            if !self.points_of_columns(row, &corrected, from_ms..to_ms, &mut all)? {
                self.points_of_records(row, from_ms..to_ms, &mut all)?;
            }
        }
        Ok(all.sorted())
    }

    /// False: the batch must be opened.
    fn points_of_columns(
        &self,
        row: BatchId,
        corrected: &[Hash],
        range: std::ops::Range<i64>,
        all: &mut Collected,
    ) -> Result<bool, Error> {
        let Ok((expect, key)) = self.expect(row) else {
            return Ok(false);
        };
        let reader = self.store.reader();
        if !corrected.is_empty() {
            let filter = reader.filter(row)?.ok_or(Error::NotFound)?;
            if corrected.iter().any(|rc| filter::may_hold(&filter, rc)) {
                return Ok(false);
            }
        }
        let bytes = reader.body(row)?.ok_or(Error::NotFound)?;
        let Some(series) = sealed::series(&bytes, &key.key, &expect)? else {
            return Ok(false);
        };
        // leaf order is by start: the range is one piece
        let from = series.starts.partition_point(|start| *start < range.start);
        let to = series.starts.partition_point(|start| *start < range.end);
        let mut place = 0;
        for (unit, count) in &series.units {
            let (first, end) = (from.max(place), to.min(place + count));
            place += count;
            if first >= end {
                continue;
            }
            let points = all.of_unit(unit);
            let starts = series.starts.get(first..end).unwrap_or_default();
            let numbers = series.numbers.get(first..end).unwrap_or_default();
            points.extend(starts.iter().zip(numbers).map(|(start, number)| Point {
                start_ms: *start,
                number: *number,
            }));
        }
        Ok(true)
    }

    fn points_of_records(
        &mut self,
        row: BatchId,
        range: std::ops::Range<i64>,
        all: &mut Collected,
    ) -> Result<(), Error> {
        for stored in self.records_of(row)?.iter() {
            let start_ms = stored.record.start_ms;
            if let Body::Observation { value, .. } = &stored.record.body
                && let Value::Quantity(number, unit) = value
                && range.contains(&start_ms)
                && self.index.corrected(&stored.rc).is_none()
            {
                let number = *number;
                all.of_unit(unit).push(Point { start_ms, number });
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Collected(Vec<Points>);

impl Collected {
    fn of_unit(&mut self, unit: &str) -> &mut Vec<Point> {
        let at = self.0.iter().position(|points| points.unit == unit);
        let at = at.unwrap_or_else(|| {
            self.0.push(Points {
                unit: unit.to_owned(),
                points: Vec::new(),
            });
            self.0.len() - 1
        });
        &mut self.0[at].points
    }

    fn sorted(mut self) -> Vec<Points> {
        for points in &mut self.0 {
            if !points.points.is_sorted_by_key(|point| point.start_ms) {
                points.points.sort_by_key(|point| point.start_ms);
            }
        }
        self.0
    }
}

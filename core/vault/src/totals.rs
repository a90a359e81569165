//! Daily totals of what several devices counted at the same time: steps, distance, energy, sleep.
//!
//! Every record stays as it is; only the sum is decided here. Sources are taken in the order of
//! their priority for the quantity. What a source measured covers that stretch of time: of a record
//! of a later source only the part outside of it counts, in proportion. So nothing counts twice,
//! and a gap of the first source is filled by the next.
//!
//! A record across midnight counts for each day by its part. A count of a whole day (LOINC 24 hour
//! codes) says nothing about when, so it cannot fill a gap: it stands where no source before it has
//! measured that day, and else for nothing.

use crate::Error;
use crate::store::{DAMAGED, Kind as Stored};
use crate::summary::DAY_MS;
use crate::vault::{Core, Vault};
use std::collections::BTreeMap;
use std::fmt;
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::observation::{self, Kind};
use vitalwitness_domain::record::{Body, Grade, Id, Record, Source, Value};
use vitalwitness_domain::units;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};

/// Who counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// This device.
    Device(Id),
    /// Something unnamed of this grade: a person, a file.
    Unnamed(Grade),
}

/// One day of one quantity.
#[derive(Clone, PartialEq, Eq)]
pub struct DayTotal {
    /// Days since 1970-01-01, by the wearer's clock on the wall.
    pub day: i32,
    /// UCUM.
    pub unit: String,
    /// What was counted, each stretch of time once.
    pub total: Decimal,
    /// By source, in the order they were taken.
    pub parts: Vec<Part>,
}

/// What a source gave to a day.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// Who.
    pub counter: Counter,
    /// Of its records, what counts.
    pub counted: Decimal,
    /// Of its records, all.
    pub raw: Decimal,
}

impl Vault {
    /// Days of a quantity that adds up over a day, from `from_day` to before `to_day`, in order.
    /// What was replaced or taken back does not count.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when `code` is no quantity that adds up.
    pub fn day_totals(
        &self,
        code: &str,
        from_day: i32,
        to_day: i32,
    ) -> Result<Vec<DayTotal>, Error> {
        self.with(|core| core.day_totals(code, from_day, to_day))
    }

    /// Which sources count first of a quantity, as set by the person; the others follow: devices
    /// before files before what was typed.
    ///
    /// # Errors
    ///
    /// As [`Error`].
    pub fn priority(&self, code: &str) -> Result<Vec<Counter>, Error> {
        self.with(|core| core.priority(code))
    }

    /// Says which sources count first of a quantity.
    ///
    /// # Errors
    ///
    /// As [`Error`]; the order is as before then.
    pub fn set_priority(&self, code: &str, order: &[Counter]) -> Result<(), Error> {
        self.with(|core| {
            let mut out = Encoder::new();
            out.array(order.len());
            for counter in order {
                match counter {
                    Counter::Device(id) => out.bytes(id),
                    Counter::Unnamed(grade) => out.uint(u64::from(grade.number())),
                };
            }
            let bytes = out.finish();
            core.store.write(|tx| {
                tx.put(Stored::Priority, code.as_bytes(), 0, &bytes)?;
                Ok::<_, Error>(())
            })
        })
    }
}

impl Core {
    fn priority(&self, code: &str) -> Result<Vec<Counter>, Error> {
        let Some(item) = self.store.reader().get(Stored::Priority, code.as_bytes())? else {
            return Ok(Vec::new());
        };
        let parse = || {
            let mut reader = Reader::new(&item.plain);
            let mut order = Vec::new();
            for _ in 0..reader.array()? {
                order.push(if reader.next_is_bytes() {
                    Counter::Device(reader.byte_array()?)
                } else {
                    let number = reader.uint()?;
                    let grade = GRADES
                        .into_iter()
                        .find(|it| u64::from(it.number()) == number);
                    Counter::Unnamed(grade.ok_or(Rejection::Malformed)?)
                });
            }
            reader.finish()?;
            Ok::<_, Rejection>(order)
        };
        Ok(parse().map_err(|_| DAMAGED)?)
    }

    fn day_totals(&mut self, code: &str, from: i32, to: i32) -> Result<Vec<DayTotal>, Error> {
        let kind = observation::by_code(code).filter(|kind| adds_up(kind));
        let kind = kind.ok_or(Error::NotFound)?;
        let whole_days = WHOLE_DAYS.iter().find(|(of, _)| *of == kind.code);
        let codes = [Some(kind.code), whole_days.map(|(_, code)| *code)];
        let from_ms = (i64::from(from) - 2).saturating_mul(DAY_MS);
        let to_ms = (i64::from(to) + 2).saturating_mul(DAY_MS);
        let rows: Vec<_> = self
            .index
            .all()
            .filter(|(_, batch)| codes.contains(&Some(batch.stream.code.as_str())))
            .filter(|(_, batch)| batch.header.last_ms >= from_ms && batch.header.first_ms < to_ms)
            .map(|(row, _)| row)
            .collect();
        let mut spans = Vec::new();
        for row in rows {
            let records = self.records_of(row)?;
            let standing = records
                .iter()
                .filter(|it| self.index.corrected(&it.rc).is_none());
            spans.extend(standing.filter_map(|it| Span::of(&it.record, kind)));
        }
        let order = self.priority(kind.code)?;
        spans.sort_by_cached_key(|span| (rank(span, &order), span.start, span.end));
        let mut days = Days::default();
        let mut covered = Covered::default();
        for span in &spans {
            let late = span.whole_day && covered.within(span.start, span.end) > 0;
            days.add(span, &covered, late);
            if !late {
                covered.add(span.start, span.end);
            }
        }
        Ok(days.finish(kind, from..to))
    }
}

/// Whether values of a kind are summed over a day.
fn adds_up(kind: &Kind) -> bool {
    kind.range.is_some_and(|range| range.per_day)
}

/// Set by the person first; then by grade; then by device, so that the order is always the same.
fn rank(span: &Span, order: &[Counter]) -> (usize, usize, bool, Option<Id>) {
    let source = span.source;
    let counter = Counter::of(source);
    let set = order.iter().position(|it| *it == counter);
    let grade = GRADES.iter().position(|it| *it == source.grade);
    (
        set.unwrap_or(usize::MAX),
        grade.unwrap_or(usize::MAX),
        span.whole_day,
        source.device,
    )
}

impl Counter {
    /// Who gave a record.
    pub fn of(source: Source) -> Self {
        match source.device {
            Some(id) => Self::Device(id),
            None => Self::Unnamed(source.grade),
        }
    }
}

/// A stretch of time and what was counted in it.
struct Span {
    source: Source,
    start: i64,
    end: i64,
    offset_ms: i64,
    whole_day: bool,
    /// In millionths of the kind's unit.
    micros: i128,
}

impl Span {
    fn of(record: &Record, kind: &Kind) -> Option<Self> {
        let Body::Observation { code, value } = &record.body else {
            return None;
        };
        let Value::Quantity(number, unit) = value else {
            return None;
        };
        let number = units::convert(*number, unit, kind.unit, kind.quantity(), PLACES).ok()?;
        let shift = u32::try_from(i32::from(number.exponent()) + i32::from(PLACES)).ok()?;
        let micros = i128::from(number.mantissa()).checked_mul(10_i128.checked_pow(shift)?)?;
        let whole_day = WHOLE_DAYS.iter().any(|(_, day)| day == code);
        let end = match record.end_ms {
            _ if whole_day => record.start_ms.saturating_add(DAY_MS),
            Some(end) => end,
            None => record.start_ms,
        };
        Some(Self {
            source: record.source,
            start: record.start_ms,
            // a moment is the shortest stretch there is
            end: end.max(record.start_ms + 1),
            offset_ms: i64::from(record.offset_min) * 60_000,
            whole_day,
            micros,
        })
    }
}

/// Time that is counted already: stretches that do not touch, in order.
#[derive(Default)]
struct Covered(BTreeMap<i64, i64>);

impl Covered {
    fn add(&mut self, mut start: i64, mut end: i64) {
        let touched: Vec<(i64, i64)> = self
            .0
            .range(..=end)
            .rev()
            .map(|(from, to)| (*from, *to))
            .take_while(|(_, to)| *to >= start)
            .collect();
        for (from, to) in touched {
            self.0.remove(&from);
            (start, end) = (start.min(from), end.max(to));
        }
        self.0.insert(start, end);
    }

    /// How much of a stretch is counted.
    fn within(&self, start: i64, end: i64) -> i64 {
        let stretches = self.0.range(..end).rev();
        let touching = stretches.take_while(|(_, to)| **to > start);
        touching
            .map(|(from, to)| end.min(*to) - start.max(*from))
            .sum()
    }
}

/// Sums by day and source, in millionths.
#[derive(Default)]
struct Days(BTreeMap<i64, Vec<(Source, i128, i128)>>);

impl Days {
    fn add(&mut self, span: &Span, covered: &Covered, late: bool) {
        let length = i128::from(span.end - span.start);
        let mut start = span.start;
        while start < span.end {
            let day = (start + span.offset_ms).div_euclid(DAY_MS);
            let midnight = (day + 1) * DAY_MS - span.offset_ms;
            let end = span.end.min(midnight);
            let free = if late {
                0
            } else {
                (end - start) - covered.within(start, end)
            };
            let share = |ms: i64| share(span.micros, i128::from(ms), length);
            let (counted, raw) = (share(free), share(end - start));
            let sums = self.0.entry(day).or_default();
            let who = Counter::of(span.source);
            match sums.iter_mut().find(|it| Counter::of(it.0) == who) {
                Some(sum) => (sum.1, sum.2) = (sum.1 + counted, sum.2 + raw),
                None => sums.push((span.source, counted, raw)),
            }
            start = end;
        }
    }

    fn finish(self, kind: &Kind, days: std::ops::Range<i32>) -> Vec<DayTotal> {
        let mut totals = Vec::new();
        for (day, sums) in self.0 {
            let Ok(day) = i32::try_from(day) else {
                continue;
            };
            if !days.contains(&day) {
                continue;
            }
            let parts = sums.iter().map(|(source, counted, raw)| Part {
                counter: Counter::of(*source),
                counted: decimal(*counted),
                raw: decimal(*raw),
            });
            totals.push(DayTotal {
                day,
                unit: kind.unit.to_owned(),
                total: decimal(sums.iter().map(|it| it.1).sum()),
                parts: parts.collect(),
            });
        }
        totals
    }
}

/// `micros` times `part` of `whole`, half to even.
fn share(micros: i128, part: i128, whole: i128) -> i128 {
    let product = micros.saturating_mul(part);
    let (quotient, rest) = (product.div_euclid(whole), product.rem_euclid(whole));
    let up = match (rest * 2).cmp(&whole) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    quotient + i128::from(up)
}

/// To the thousandth, without zeros at its end.
fn decimal(micros: i128) -> Decimal {
    let mut mantissa = share(micros, 1, 1_000);
    let mut exponent = -3;
    while exponent < 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        exponent += 1;
    }
    let mantissa = i64::try_from(mantissa).unwrap_or(i64::MAX);
    Decimal::new(mantissa, exponent).unwrap_or(Decimal::whole(0))
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Device(_) => "Device(..)",
            Self::Unnamed(_) => "Unnamed(..)",
        })
    }
}

impl fmt::Debug for DayTotal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DayTotal({} parts)", self.parts.len())
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Part(..)")
    }
}

/// What counts before what, where nothing was set.
const GRADES: [Grade; 5] = [
    Grade::ClinicianSigned,
    Grade::Bonded,
    Grade::Unbonded,
    Grade::VendorFile,
    Grade::Typed,
];
/// A quantity, and its LOINC code for a count of 24 hours.
const WHOLE_DAYS: [(&str, &str); 2] = [
    ("loinc|55423-8", "loinc|41950-7"),
    ("loinc|55430-3", "loinc|41953-1"),
];
/// Places that sums are kept with.
const PLACES: u8 = 6;

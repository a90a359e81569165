//! Blood pressures: two values that belong together.
//!
//! A half that stands alone waits for its correlation, which comes later in the file; what no
//! correlation claims is paired by time and source at the end.
//!
//! Invariant: at most `MAX_WAITING` halves wait. Beyond that they are let go in pairs, and a
//! correlation that comes later repeats a panel, which the fingerprint of both shows.

use super::element::Element;
use crate::decimal::Decimal;
use crate::import::Skip;
use crate::import::sink::{Sink, Stop};
use crate::observation::{BLOOD_PRESSURE, DIASTOLIC, SYSTOLIC};
use crate::record::{Body, Grade, Id, Record, Source, Value};
use crate::units;
use std::collections::BTreeMap;

/// The systolic or the diastolic value.
pub(super) struct Half {
    key: Key,
    offset_min: i16,
    systolic: bool,
    number: Decimal,
    unit: &'static str,
    pub(super) typed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    start_ms: i64,
    end_ms: i64,
    device: Option<Id>,
}

impl Half {
    /// None if the element is no blood pressure.
    pub(super) fn of(element: &Element) -> Option<Result<Self, Skip>> {
        let systolic = match element.kind.as_str() {
            "HKQuantityTypeIdentifierBloodPressureSystolic" => true,
            "HKQuantityTypeIdentifierBloodPressureDiastolic" => false,
            _ => return None,
        };
        Some(Self::read(element, systolic))
    }

    fn read(element: &Element, systolic: bool) -> Result<Self, Skip> {
        let (start, end) = element.times()?;
        let number = Decimal::parse_nearest(&element.value).map_err(|_| Skip::Value)?;
        let unit = units::ucum(&element.unit)
            .filter(|unit| units::converts(unit, "mm[Hg]", units::Quantity::Plain))
            .ok_or(Skip::Unit)?;
        let source = element.source();
        Ok(Self {
            key: Key {
                start_ms: start.ms,
                end_ms: end.ms,
                device: source.device,
            },
            offset_min: start.offset_min,
            systolic,
            number,
            unit,
            typed: source.grade == Grade::Typed,
        })
    }
}

/// Halves that wait for each other.
#[derive(Default)]
pub(super) struct Halves {
    waiting: BTreeMap<Key, [Option<Half>; 2]>,
}

impl Halves {
    /// A half that stands alone in the file.
    pub(super) fn add(&mut self, half: Half, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if self.waiting.len() >= MAX_WAITING {
            self.flush(sink)?;
        }
        let pair = self.waiting.entry(half.key).or_default();
        let place = &mut pair[usize::from(!half.systolic)];
        if place.is_some() {
            return sink.skip(Skip::Repeated);
        }
        *place = Some(half);
        Ok(())
    }

    /// Halves of one correlation: one panel, and those that waited for it are done.
    pub(super) fn pair(&mut self, found: Vec<Half>, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let mut pair = [None, None];
        for half in found {
            self.waiting.remove(&half.key);
            let place = usize::from(!half.systolic);
            pair[place] = Some(half);
        }
        panel(&pair, sink)
    }

    /// Lets all go that still wait.
    pub(super) fn flush(&mut self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        for (_, pair) in std::mem::take(&mut self.waiting) {
            panel(&pair, sink)?;
        }
        Ok(())
    }
}

/// One record of one or both halves.
fn panel(pair: &[Option<Half>; 2], sink: &mut Sink<'_>) -> Result<(), Stop> {
    let Some(first) = pair.iter().flatten().next() else {
        return sink.skip(Skip::Value);
    };
    let (key, offset_min) = (first.key, first.offset_min);
    let typed = pair.iter().flatten().any(|half| half.typed);
    let components = pair.iter().flatten().map(|half| {
        let code = if half.systolic { SYSTOLIC } else { DIASTOLIC };
        (code.to_owned(), half.number, half.unit.to_owned())
    });
    sink.record(Record {
        rid: None,
        start_ms: key.start_ms,
        end_ms: (key.end_ms != key.start_ms).then_some(key.end_ms),
        offset_min,
        body: Body::Observation {
            code: BLOOD_PRESSURE.to_owned(),
            value: Value::Components(components.collect()),
        },
        source: Source {
            grade: if typed {
                Grade::Typed
            } else {
                Grade::VendorFile
            },
            device: key.device,
        },
        context: None,
    })
}

const MAX_WAITING: usize = 100_000;

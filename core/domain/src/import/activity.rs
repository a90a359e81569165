//! What a recorded activity becomes, whatever file it was in.
//!
//! One exercise record; its energy; its distance where it was walked or run, for there is a code;
//! one heart rate per sample. An activity that was ridden or swum has its distance as a note.

use super::Skip;
use super::sink::{Sink, Stop};
use super::time::minutes;
use crate::context::Context;
use crate::decimal::Decimal;
use crate::observation::{EXERCISE, HEART_RATE};
use crate::record::{Body, Record, Source, Value};
use std::collections::BTreeMap;

/// One session as the device summed it up.
pub(super) struct Session {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) offset_min: i16,
    pub(super) sport: String,
    /// Without pauses.
    pub(super) seconds: Option<Decimal>,
    pub(super) energy_kcal: Option<Decimal>,
    pub(super) distance_m: Option<Decimal>,
    pub(super) source: Source,
}

impl Session {
    pub(super) fn emit(self, sink: &mut Sink<'_>) -> Result<(), Stop> {
        if self.end_ms < self.start_ms {
            return sink.skip(Skip::Time);
        }
        let elapsed = Decimal::new(self.end_ms.saturating_sub(self.start_ms), -3).ok();
        let Some(duration) = self.seconds.or(elapsed).and_then(minutes) else {
            return sink.skip(Skip::Value);
        };
        let on_foot = ["running", "walking", "hiking"].contains(&self.sport.as_str());
        let mut notes = BTreeMap::from([("type".to_owned(), self.sport.clone())]);
        if let Some(metres) = self
            .distance_m
            .filter(|metres| !on_foot && measured_any(metres))
        {
            notes.insert("distance".to_owned(), format!("{metres} m"));
        }
        let mut exercise = self.record(EXERCISE, duration, "min");
        exercise.context = Some(Context {
            notes,
            ..Context::default()
        });
        sink.record(exercise)?;
        if let Some(energy) = self.energy_kcal.filter(measured_any) {
            sink.record(self.record("loinc|41981-2", energy, "kcal"))?;
        }
        if let Some(metres) = self
            .distance_m
            .filter(|metres| on_foot && measured_any(metres))
        {
            sink.record(self.record("loinc|55430-3", metres, "m"))?;
        }
        Ok(())
    }

    fn record(&self, code: &str, number: Decimal, unit: &str) -> Record {
        Record {
            end_ms: (self.end_ms > self.start_ms).then_some(self.end_ms),
            ..measured(
                self.start_ms,
                self.offset_min,
                self.source,
                code,
                number,
                unit,
            )
        }
    }
}

/// Devices without the sensor say 0.
fn measured_any(number: &Decimal) -> bool {
    number.mantissa() > 0
}

/// One heart rate; a sensor that was off says 0.
pub(super) fn heart_rate(
    ms: i64,
    offset_min: i16,
    bpm: i64,
    source: Source,
    sink: &mut Sink<'_>,
) -> Result<(), Stop> {
    if bpm <= 0 {
        return sink.skip(Skip::Value);
    }
    let number = Decimal::whole(bpm);
    sink.record(measured(ms, offset_min, source, HEART_RATE, number, "/min"))
}

/// One number at one moment.
pub(super) fn measured(
    ms: i64,
    offset_min: i16,
    source: Source,
    code: &str,
    number: Decimal,
    unit: &str,
) -> Record {
    Record {
        rid: None,
        start_ms: ms,
        end_ms: None,
        offset_min,
        body: Body::Observation {
            code: code.to_owned(),
            value: Value::Quantity(number, unit.to_owned()),
        },
        source,
        context: None,
    }
}

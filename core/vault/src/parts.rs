//! Records of an open batch as they wait in rows: enc([[source, rid, RC, schema, [slots]]...]), one
//! row per group that was added together. The source is the order of arrival, from which the rid
//! comes; null when the rid is its own; the seed (32 bytes) when both came from another batch.

use crate::store::{BatchId, DAMAGED, StoreError, Tx};
use std::fmt;
use vitalwitness_domain::record::{Hash, Id, Record, RecordError};
use vitalwitness_domain::sealed::{Kept, RidSource};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader, Value};
use vitalwitness_proof::record::{SaltKey, Schema, record_hash_of_encoded};
use zeroize::Zeroizing;

/// A record that waits to be sealed.
pub(crate) struct Waiting {
    /// Where its rid and seed come from.
    pub(crate) source: RidSource,
    pub(crate) rid: Id,
    pub(crate) rc: Hash,
    pub(crate) schema: Schema,
    pub(crate) slots: Vec<Value>,
}

impl Waiting {
    /// Reads the record.
    pub(crate) fn record(&self) -> Result<Record, StoreError> {
        Record::from_slots(self.schema.name(), &self.slots).map_err(|_| DAMAGED)
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiting(..)")
    }
}

/// Collects the records of one group for one batch.
#[derive(Default)]
pub(crate) struct PartWriter {
    count: usize,
    bytes: Vec<u8>,
}

impl PartWriter {
    /// Adds the batch's `arrival`-th record. Returns its rid and RC.
    pub(crate) fn add(
        &mut self,
        record: &Record,
        arrival: u32,
        salt: &SaltKey,
    ) -> Result<(Id, Hash), RecordError> {
        let rid = record.rid.unwrap_or_else(|| salt.rid(arrival));
        let schema = Schema::from_name(record.schema()).ok_or(RecordError::Schema)?;
        let values = record.to_slots(&rid);
        let mut slots = Encoder::after(Vec::with_capacity(128));
        let mut ends = [0; MOST_SLOTS];
        for (end, value) in ends.iter_mut().zip(&values) {
            *end = slots.value(value).len();
        }
        let slots = slots.finish();
        let mut start = 0;
        let encoded = ends.iter().take(values.len()).map(|end| {
            let slot = slots.get(start..*end).unwrap_or_default();
            start = *end;
            slot
        });
        let rc = record_hash_of_encoded(schema, &salt.seed(&rid), encoded)
            .map_err(|_| RecordError::SlotCount)?;

        let mut out = Encoder::after(std::mem::take(&mut self.bytes));
        out.array(5);
        match record.rid {
            Some(_) => out.null(),
            None => out.uint(u64::from(arrival)),
        };
        out.bytes(&rid).bytes(&rc).text(schema.name());
        out.array(values.len()).raw(&slots);
        self.bytes = out.finish();
        self.count += 1;
        Ok((rid, rc))
    }

    /// Takes a record over as it waits elsewhere.
    pub(crate) fn keep(&mut self, waiting: &Waiting) {
        let mut out = Encoder::after(std::mem::take(&mut self.bytes));
        out.array(5);
        match waiting.source {
            RidSource::Random => out.null(),
            RidSource::Arrival(arrival) => out.uint(u64::from(arrival)),
            RidSource::Adopted(seed) => out.bytes(&seed),
        };
        out.bytes(&waiting.rid).bytes(&waiting.rc);
        out.text(waiting.schema.name()).array(waiting.slots.len());
        for slot in &waiting.slots {
            out.value(slot);
        }
        self.bytes = out.finish();
        self.count += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        let mut out = Encoder::after(Vec::with_capacity(self.bytes.len() + 9));
        out.array(self.count).raw(&self.bytes);
        out.finish()
    }
}

/// The records of an open or frozen batch, in order of arrival.
pub(crate) fn waiting(tx: &Tx<'_>, batch: BatchId) -> Result<Vec<Waiting>, StoreError> {
    let mut out = Vec::new();
    for part in tx.parts(batch)? {
        read(&part, &mut out).map_err(|_| DAMAGED)?;
    }
    Ok(out)
}

/// The same as they are sealed, borrowed from the parts.
pub(crate) fn kept(parts: &[Zeroizing<Vec<u8>>]) -> Result<Vec<Kept<'_>>, StoreError> {
    let mut out = Vec::new();
    for part in parts {
        read_kept(part, &mut out).map_err(|_| DAMAGED)?;
    }
    Ok(out)
}

fn read_kept<'a>(part: &'a [u8], out: &mut Vec<Kept<'a>>) -> Result<(), Rejection> {
    let mut reader = Reader::new(part);
    for _ in 0..reader.array()? {
        reader.array_of(5)?;
        let source = read_source(&mut reader)?;
        reader.byte_array::<16>()?;
        let record_hash = reader.byte_array()?;
        let schema = Schema::from_name(reader.text()?).ok_or(Rejection::SchemaUnknown)?;
        let slots = reader.item()?;
        let mut inside = Reader::new(slots);
        inside.array_of(u64::from(schema.slots()))?;
        let slots = inside.rest();
        out.push(Kept {
            schema,
            slots,
            source,
            record_hash,
        });
    }
    reader.finish()
}

fn read_source(reader: &mut Reader<'_>) -> Result<RidSource, Rejection> {
    if reader.take_null() {
        return Ok(RidSource::Random);
    }
    match reader.value()? {
        Value::Bytes(seed) => {
            let seed = seed.as_slice().try_into();
            Ok(RidSource::Adopted(seed.map_err(|_| Rejection::Malformed)?))
        }
        Value::Int(arrival) => {
            let arrival = u32::try_from(arrival);
            Ok(RidSource::Arrival(
                arrival.map_err(|_| Rejection::Malformed)?,
            ))
        }
        _ => Err(Rejection::Malformed),
    }
}

fn read(part: &[u8], out: &mut Vec<Waiting>) -> Result<(), Rejection> {
    let mut reader = Reader::new(part);
    for _ in 0..reader.array()? {
        reader.array_of(5)?;
        let source = read_source(&mut reader)?;
        let rid = reader.byte_array()?;
        let rc = reader.byte_array()?;
        let schema = Schema::from_name(reader.text()?).ok_or(Rejection::SchemaUnknown)?;
        let Value::Array(slots) = reader.value()? else {
            return Err(Rejection::Malformed);
        };
        out.push(Waiting {
            source,
            rid,
            rc,
            schema,
            slots,
        });
    }
    reader.finish()
}

/// `decision/1` has the most.
const MOST_SLOTS: usize = 10;

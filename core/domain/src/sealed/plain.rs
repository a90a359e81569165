//! The plain bytes of a batch: its secret, then kinds, ids and values by column, in leaf order.

use super::bytes::{Cursor, put_svar, put_uvar};
use super::column::{self, Budget, Column};
use super::frame::MAX_PLAIN;
use super::{Author, OpenError};
use crate::Secret32;
use vitalwitness_proof::Hash;
use vitalwitness_proof::batch::{self, Header};
use vitalwitness_proof::cbor::{Encoder, Value, decode};
use vitalwitness_proof::record::{
    HEADER_ARRIVAL, Rid, SaltKey, Schema, Seed, record_hash, record_hash_of_encoded,
};

/// Everything a batch holds, in leaf order, its hashes not yet compared with anything.
pub(super) struct Body {
    pub(super) revision: u32,
    pub(super) keys: Keys,
    pub(super) header: Header,
    pub(super) rows: Vec<Row>,
    /// Slots 1, 2, ... of the rows; slot 0 is the rid.
    pub(super) columns: Vec<Column>,
}

/// Where seeds and fillers come from.
pub(super) enum Keys {
    /// From the batch secret.
    Secret(Secret32),
    /// The secret is destroyed: what it gave is listed.
    Listed {
        header_seed: Seed,
        fillers: Vec<Hash>,
    },
}

pub(super) enum Row {
    Record(Record),
    /// The record hash is all that is left.
    Erased(Hash),
}

pub(super) struct Record {
    pub(super) schema: Schema,
    pub(super) rid: Rid,
    pub(super) seed: Seed,
    pub(super) origin: Origin,
    pub(super) author: Option<Author>,
}

/// What of a record's rid and seed is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Derived(u32),
    Rid,
    RidAndSeed,
}

impl Body {
    /// Writes the plain bytes.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        match &self.keys {
            Keys::Secret(secret) => {
                out.push(KEYS_SECRET);
                put_uvar(
                    &mut out,
                    usize::try_from(self.revision).unwrap_or(usize::MAX),
                );
                out.extend_from_slice(secret.expose());
            }
            Keys::Listed { header_seed, .. } => {
                out.push(KEYS_LISTED);
                put_uvar(
                    &mut out,
                    usize::try_from(self.revision).unwrap_or(usize::MAX),
                );
                out.extend_from_slice(&self.header.rid);
                out.extend_from_slice(header_seed);
            }
        }
        // the header's rid is listed or derived, so its other five slots follow
        let mut header = Encoder::new();
        header.value(&Value::Array(self.header.values().split_off(1)));
        out.extend(header.finish());
        out.extend(self.rows.iter().map(Row::kind));
        self.write_ids(&mut out);
        if let Keys::Listed { fillers, .. } = &self.keys {
            out.extend(fillers.as_flattened());
        }
        self.write_values(&mut out);
        self.write_authors(&mut out);
        out
    }

    fn write_ids(&self, out: &mut Vec<u8>) {
        let mut before = -1;
        for record in self.records() {
            if let Origin::Derived(arrival) = record.origin {
                put_svar(out, i64::from(arrival) - before - 1);
                before = i64::from(arrival);
            }
        }
        for record in self.records() {
            if !matches!(record.origin, Origin::Derived(_)) {
                out.extend_from_slice(&record.rid);
            }
        }
        for record in self.records() {
            if record.origin == Origin::RidAndSeed {
                out.extend_from_slice(&record.seed);
            }
        }
        for row in &self.rows {
            if let Row::Erased(record_hash) = row {
                out.extend_from_slice(record_hash);
            }
        }
    }

    fn write_values(&self, out: &mut Vec<u8>) {
        for record in self.records() {
            out.extend(
                SCHEMAS
                    .iter()
                    .zip(0_u8..)
                    .find_map(|(schema, number)| (*schema == record.schema).then_some(number)),
            );
        }
        for (slot, column) in (1..).zip(&self.columns) {
            let places: Vec<usize> = self.places_with(slot).collect();
            let items: Vec<&[u8]> = places.iter().map(|place| column.get(*place)).collect();
            let starts: Vec<i64> = places.iter().map(|place| self.start(*place)).collect();
            column::pack(out, slot, &items, &starts);
        }
    }

    fn write_authors(&self, out: &mut Vec<u8>) {
        let authored = || {
            self.rows.iter().enumerate().filter_map(|(place, row)| {
                let Row::Record(record) = row else {
                    return None;
                };
                Some((place, record.author.as_ref()?))
            })
        };
        let mut keys: Vec<&[u8; 91]> = Vec::new();
        for (_, author) in authored() {
            if !keys.contains(&&author.key) {
                keys.push(&author.key);
            }
        }
        put_uvar(out, keys.len());
        out.extend(keys.iter().copied().flatten());
        put_uvar(out, authored().count());
        let mut next = 0;
        for (place, author) in authored() {
            put_uvar(out, place - next);
            next = place + 1;
            let key = keys.iter().position(|key| *key == &author.key);
            put_uvar(out, key.unwrap_or_default());
            out.extend_from_slice(&author.signature);
        }
    }

    /// Reads plain bytes. Derives rids and seeds; compares no hash.
    pub(super) fn read(plain: &[u8]) -> Result<Self, OpenError> {
        let mut cursor = Cursor::new(plain);
        if cursor.u8()? != VERSION {
            return Err(OpenError::NewerVersion);
        }
        let mode = cursor.u8()?;
        let revision = u32::try_from(cursor.uvar()?).map_err(|_| OpenError::Damaged)?;
        let (key, header_rid, mut keys) = match mode {
            KEYS_SECRET => {
                let secret = Secret32::new(cursor.array()?);
                let key = SaltKey::derive(secret.expose());
                let rid = key.rid(HEADER_ARRIVAL);
                (Some(key), rid, Keys::Secret(secret))
            }
            KEYS_LISTED => {
                let rid = cursor.array()?;
                let keys = Keys::Listed {
                    header_seed: cursor.array()?,
                    fillers: Vec::new(),
                };
                (None, rid, keys)
            }
            _ => return Err(OpenError::NewerVersion),
        };
        let header = read_header(&mut cursor, header_rid)?;
        let count = usize::try_from(header.records).map_err(|_| OpenError::Damaged)?;
        let size = batch::padded_size(count).ok_or(OpenError::Damaged)?;

        let kinds = cursor.take(count)?;
        let mut rows = read_ids(&mut cursor, kinds, key.as_ref())?;
        if let Keys::Listed { fillers, .. } = &mut keys {
            for _ in count + 1..size {
                fillers.push(cursor.array()?);
            }
        }
        let columns = read_values(&mut cursor, &mut rows)?;
        read_authors(&mut cursor, &mut rows)?;
        cursor.finish()?;
        Ok(Self {
            revision,
            keys,
            header,
            rows,
            columns,
        })
    }

    /// Leaf data: header, rows, fillers.
    pub(super) fn leaves(&self, batch: &[u8; 16]) -> Result<Vec<Hash>, OpenError> {
        let mut hashes = Vec::with_capacity(self.rows.len());
        for place in 0..self.rows.len() {
            hashes.push(self.record_hash(place).ok_or(OpenError::Mismatch)?);
        }
        match &self.keys {
            Keys::Secret(secret) => {
                let key = SaltKey::derive(secret.expose());
                let header = batch::header_hash(&key, &self.header);
                header.and_then(|header| batch::leaves(&key, batch, header, &hashes))
            }
            Keys::Listed {
                header_seed,
                fillers,
            } => {
                record_hash(Schema::BatchHeader, header_seed, &self.header.values()).map(|header| {
                    let mut leaves = vec![header];
                    leaves.append(&mut hashes);
                    leaves.extend_from_slice(fillers);
                    leaves
                })
            }
        }
        .map_err(|_| OpenError::Mismatch)
    }

    /// RC of the row at `place`: recomputed, or what an erasure left.
    pub(super) fn record_hash(&self, place: usize) -> Option<Hash> {
        match self.rows.get(place)? {
            Row::Erased(record_hash) => Some(*record_hash),
            Row::Record(record) => {
                let rid = encode_rid(&record.rid);
                let slots = usize::from(record.schema.slots());
                let values = self.columns.iter().map(|column| column.get(place));
                let values = std::iter::once(rid.as_slice()).chain(values).take(slots);
                record_hash_of_encoded(record.schema, &record.seed, values).ok()
            }
        }
    }

    /// The slots of the record at `place`.
    pub(super) fn values(&self, place: usize) -> Option<Vec<Value>> {
        let Row::Record(record) = self.rows.get(place)? else {
            return None;
        };
        let mut values = vec![Value::Bytes(record.rid.to_vec())];
        for column in self
            .columns
            .iter()
            .take(usize::from(record.schema.slots()) - 1)
        {
            values.push(decode(column.get(place)).ok()?);
        }
        Some(values)
    }

    /// Effective start of the record at `place`, ms UTC.
    pub(super) fn start(&self, place: usize) -> i64 {
        let column = self.columns.first();
        column
            .and_then(|column| column.int(place))
            .unwrap_or_default()
    }

    /// Whether the rows are in leaf order and the header says what heads them.
    pub(super) fn is_ordered(&self) -> bool {
        let known: Vec<(i64, Rid)> = self
            .rows
            .iter()
            .enumerate()
            .filter_map(|(place, row)| match row {
                Row::Record(record) => Some((self.start(place), record.rid)),
                Row::Erased(_) => None,
            })
            .collect();
        let (first, last) = (self.header.first, self.header.last);
        let is = |row: Option<&Row>, start: i64, place: usize| match row {
            Some(Row::Record(_)) => self.start(place) == start,
            _ => true,
        };
        known.windows(2).all(|pair| pair.first() < pair.get(1))
            && first <= last
            && known
                .iter()
                .all(|(start, _)| (first..=last).contains(start))
            && is(self.rows.first(), first, 0)
            && is(self.rows.last(), last, self.rows.len().saturating_sub(1))
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.rows.iter().filter_map(|row| match row {
            Row::Record(record) => Some(record),
            Row::Erased(_) => None,
        })
    }

    fn places_with(&self, slot: usize) -> impl Iterator<Item = usize> + '_ {
        places_with(&self.rows, slot)
    }
}

impl Row {
    fn kind(&self) -> u8 {
        match self {
            Self::Erased(_) => KIND_ERASED,
            Self::Record(record) => match record.origin {
                Origin::Derived(_) => KIND_DERIVED,
                Origin::Rid => KIND_RID,
                Origin::RidAndSeed => KIND_RID_AND_SEED,
            },
        }
    }
}

/// How many slots the longest schema of `rows` has.
pub(super) fn widest(rows: &[Row]) -> usize {
    let slots = rows.iter().map(|row| match row {
        Row::Record(record) => usize::from(record.schema.slots()),
        Row::Erased(_) => 0,
    });
    slots.max().unwrap_or_default()
}

pub(super) fn encode_rid(rid: &Rid) -> Vec<u8> {
    let mut out = Encoder::new();
    out.bytes(rid);
    out.finish()
}

/// Where the records stand that have `slot`.
fn places_with(rows: &[Row], slot: usize) -> impl Iterator<Item = usize> + '_ {
    rows.iter().enumerate().filter_map(move |(place, row)| {
        let Row::Record(record) = row else {
            return None;
        };
        (usize::from(record.schema.slots()) > slot).then_some(place)
    })
}

fn read_header(cursor: &mut Cursor<'_>, rid: Rid) -> Result<Header, OpenError> {
    let Ok(Value::Array(rest)) = decode(cursor.item()?) else {
        return Err(OpenError::Damaged);
    };
    let mut values = vec![Value::Bytes(rid.to_vec())];
    values.extend(rest);
    Header::from_values(&values).map_err(|_| OpenError::Damaged)
}

/// The rows without schema, values and authors; those come later and need the rows.
fn read_ids(
    cursor: &mut Cursor<'_>,
    kinds: &[u8],
    key: Option<&SaltKey>,
) -> Result<Vec<Row>, OpenError> {
    let mut rows = Vec::with_capacity(kinds.len());
    let mut before = -1_i64;
    for kind in kinds {
        let mut origin = Origin::RidAndSeed;
        let mut rid = Rid::default();
        match (*kind, key) {
            (KIND_DERIVED, Some(key)) => {
                before = before
                    .checked_add(cursor.svar()?)
                    .and_then(|arrival| arrival.checked_add(1))
                    .ok_or(OpenError::Damaged)?;
                let arrival = u32::try_from(before).map_err(|_| OpenError::Damaged)?;
                if arrival == HEADER_ARRIVAL {
                    return Err(OpenError::Damaged);
                }
                origin = Origin::Derived(arrival);
                rid = key.rid(arrival);
            }
            (KIND_RID, Some(_)) => origin = Origin::Rid,
            (KIND_RID_AND_SEED, _) => {}
            (KIND_ERASED, _) => {
                rows.push(Row::Erased(Hash::default()));
                continue;
            }
            (KIND_DERIVED | KIND_RID, None) => return Err(OpenError::Damaged),
            _ => return Err(OpenError::NewerVersion),
        }
        rows.push(Row::Record(Record {
            schema: Schema::Observation,
            rid,
            seed: Seed::default(),
            origin,
            author: None,
        }));
    }
    for row in &mut rows {
        if let Row::Record(record) = row
            && !matches!(record.origin, Origin::Derived(_))
        {
            record.rid = cursor.array()?;
        }
    }
    for row in &mut rows {
        if let Row::Record(record) = row {
            record.seed = match (record.origin, key) {
                (Origin::RidAndSeed, _) => cursor.array()?,
                (_, Some(key)) => key.seed(&record.rid),
                (_, None) => return Err(OpenError::Damaged),
            };
        }
    }
    for row in &mut rows {
        if let Row::Erased(record_hash) = row {
            *record_hash = cursor.array()?;
        }
    }
    Ok(rows)
}

/// Schemas into the rows; the columns of their slots.
fn read_values(cursor: &mut Cursor<'_>, rows: &mut [Row]) -> Result<Vec<Column>, OpenError> {
    for row in rows.iter_mut() {
        if let Row::Record(record) = row {
            let number = usize::from(cursor.u8()?);
            record.schema = *SCHEMAS.get(number).ok_or(OpenError::NewerVersion)?;
        }
    }
    let mut budget = Budget(MAX_PLAIN);
    let mut columns: Vec<Column> = Vec::new();
    for slot in 1..widest(rows) {
        let places: Vec<usize> = places_with(rows, slot).collect();
        let starts: Vec<i64> = match columns.first() {
            Some(starts) => places
                .iter()
                .filter_map(|place| starts.int(*place))
                .collect(),
            None => Vec::new(),
        };
        let mut items =
            column::unpack(cursor, slot, places.len(), &starts, &mut budget)?.into_iter();
        let mut column = Column::default();
        let mut places = places.into_iter().peekable();
        for place in 0..rows.len() {
            match places.next_if_eq(&place) {
                Some(_) => column.push(&items.next().ok_or(OpenError::Damaged)?),
                None => column.push(&[]),
            }
            if slot == START_SLOT
                && matches!(rows.get(place), Some(Row::Record(_)))
                && column.int(place).is_none()
            {
                return Err(OpenError::Damaged);
            }
        }
        columns.push(column);
    }
    Ok(columns)
}

fn read_authors(cursor: &mut Cursor<'_>, rows: &mut [Row]) -> Result<(), OpenError> {
    let count = cursor.count(rows.len())?;
    let keys = (0..count)
        .map(|_| cursor.array())
        .collect::<Result<Vec<[u8; 91]>, _>>()?;
    let mut next = 0;
    for _ in 0..cursor.count(rows.len())? {
        let place = next + cursor.count(rows.len())?;
        next = place + 1;
        let key = cursor.count(keys.len())?;
        let author = Author {
            key: *keys.get(key).ok_or(OpenError::Damaged)?,
            signature: cursor.array()?,
        };
        match rows.get_mut(place) {
            Some(Row::Record(record)) => record.author = Some(author),
            _ => return Err(OpenError::Damaged),
        }
    }
    Ok(())
}

/// By number in the plain bytes.
const SCHEMAS: [Schema; 8] = [
    Schema::Observation,
    Schema::Medicine,
    Schema::Note,
    Schema::Episode,
    Schema::Offer,
    Schema::Cover,
    Schema::Claim,
    Schema::Decision,
];

const VERSION: u8 = 1;
const KEYS_SECRET: u8 = 0;
const KEYS_LISTED: u8 = 1;
const KIND_DERIVED: u8 = 0;
const KIND_RID: u8 = 1;
const KIND_RID_AND_SEED: u8 = 2;
const KIND_ERASED: u8 = 3;
const START_SLOT: usize = 1;

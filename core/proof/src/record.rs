//! Record hashes with salted slots, and disclosures of some slots or all.
//!
//! A record is a schema and its slots; each slot is hashed with its own salt,
//! so one can be shown without the others, and none can be guessed. From one
//! batch secret come the rids, seeds and salts of all its records; destroying
//! a record's rid and seed, and the batch secret, erases it for good.

use crate::Rejection;
use crate::cbor::{self, Encoder, Reader, Value};
use crate::hash::{Hash, Hasher, Hmac, IV, compress, hash_block, hkdf, pad, to_hash};
use crate::keys::{Id, PublicKey, Signature};
use crate::merkle::leaf_hash;
use alloc::vec::Vec;
use core::fmt;

/// Names a record for good: 16 bytes, random or derived.
pub type Rid = [u8; 16];
/// From which a record's salts come. A secret until the record is shown whole.
pub type Seed = [u8; 32];
/// Hides one slot.
pub type Salt = [u8; 16];

/// What KS of one batch gives: rids, seeds, fillers. Overwritten when dropped.
#[derive(Clone)]
pub struct SaltKey {
    ks: [u8; 32],
    mac: Hmac,
}

impl SaltKey {
    /// KS = HKDF-SHA256(batch secret). The caller wipes the secret.
    pub fn derive(batch_secret: &[u8; 32]) -> Self {
        let ks = hkdf(batch_secret, b"vitalwitness salt v1");
        Self {
            mac: Hmac::new(&ks),
            ks,
        }
    }

    /// KS itself. A secret.
    pub fn expose(&self) -> &[u8; 32] {
        &self.ks
    }

    /// The rid of the batch's `arrival`-th record, from 0; [`HEADER_ARRIVAL`] for the header.
    pub fn rid(&self, arrival: u32) -> Rid {
        let mut message = *b"vwI1\0\0\0\0";
        message[4..].copy_from_slice(&arrival.to_be_bytes());
        crate::keys::id_of(&self.mac.mac_short(&message))
    }

    /// The seed of the record `rid`.
    pub fn seed(&self, rid: &Rid) -> Seed {
        let mut message = [0; 20];
        message[..4].copy_from_slice(b"vwS1");
        message[4..].copy_from_slice(rid);
        self.mac.mac_short(&message)
    }

    /// Leaf data that fills place `leaf` of batch `batch_id`.
    pub fn filler(&self, batch_id: &[u8; 16], leaf: u32) -> Hash {
        let mut message = [0; 24];
        message[..4].copy_from_slice(b"vwP1");
        message[4..20].copy_from_slice(batch_id);
        message[20..].copy_from_slice(&leaf.to_be_bytes());
        self.mac.mac_short(&message)
    }
}

impl Drop for SaltKey {
    fn drop(&mut self) {
        self.ks = core::hint::black_box([0; 32]);
        self.mac.wipe();
    }
}

impl fmt::Debug for SaltKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltKey")
    }
}

/// What kind of record; fixes how many slots it has and what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Schema {
    /// `obs/1`: code, value.
    Observation,
    /// `med/1`: medicine, dose, status.
    Medicine,
    /// `note/1`: kind, body.
    Note,
    /// `episode/1`: kind, title.
    Episode,
    /// `offer/1`: plan, price, body.
    Offer,
    /// `cover/1`: policy, RC of the offer, body.
    Cover,
    /// `claim/1`: kind, RC of the cover, amount.
    Claim,
    /// `decision/1`: kind, RC of the claim, status, amount.
    Decision,
    /// `batch/1`: a batch's header, at leaf 0 and nowhere else.
    BatchHeader,
}

impl Schema {
    /// Every schema.
    pub const ALL: [Schema; 9] = [
        Schema::Observation,
        Schema::Medicine,
        Schema::Note,
        Schema::Episode,
        Schema::Offer,
        Schema::Cover,
        Schema::Claim,
        Schema::Decision,
        Schema::BatchHeader,
    ];

    /// Its name in the signed bytes.
    pub const fn name(self) -> &'static str {
        match self {
            Schema::Observation => "obs/1",
            Schema::Medicine => "med/1",
            Schema::Note => "note/1",
            Schema::Episode => "episode/1",
            Schema::Offer => "offer/1",
            Schema::Cover => "cover/1",
            Schema::Claim => "claim/1",
            Schema::Decision => "decision/1",
            Schema::BatchHeader => "batch/1",
        }
    }

    /// The schema of that name; None if unknown.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.name() == name)
    }

    /// How many slots it has.
    pub const fn slots(self) -> u16 {
        match self {
            Schema::BatchHeader => 6,
            Schema::Observation | Schema::Note | Schema::Episode => 8,
            Schema::Medicine | Schema::Offer | Schema::Cover | Schema::Claim => 9,
            Schema::Decision => 10,
        }
    }
}

/// The salt of slot `slot`.
pub fn salt(seed: &Seed, slot: u16) -> Salt {
    let mut block = salt_block(seed);
    block[36..38].copy_from_slice(&slot.to_be_bytes());
    crate::keys::id_of(&hash_block(&block))
}

/// The padded block of "vwT1" || seed || slot, for slot 0.
fn salt_block(seed: &Seed) -> [u8; 64] {
    let mut block = [0; 64];
    block[..4].copy_from_slice(b"vwT1");
    block[4..36].copy_from_slice(seed);
    pad(&mut block, 38);
    block
}

/// The digest of slot `slot`, whose value is encoded as `value`.
pub fn digest(salt: &Salt, slot: u16, value: &[u8]) -> Hash {
    if let Some(block) = digest_block(salt, slot, value) {
        return hash_block(&block);
    }
    let mut hasher = Hasher::new();
    hasher
        .update(b"vwF1")
        .update(salt)
        .update(&slot.to_be_bytes())
        .update(value);
    hasher.finish()
}

/// The padded block of "vwF1" || salt || slot || value; None for a value longer than 33 bytes.
#[inline]
fn digest_block(salt: &Salt, slot: u16, value: &[u8]) -> Option<[u8; 64]> {
    if value.len() > 33 {
        return None;
    }
    let mut block = [0; 64];
    block[..4].copy_from_slice(b"vwF1");
    block[4..20].copy_from_slice(salt);
    block[20..22].copy_from_slice(&slot.to_be_bytes());
    for (byte, value) in block[22..55].iter_mut().zip(value) {
        *byte = *value;
    }
    pad(&mut block, value.len().saturating_add(22));
    Some(block)
}

/// The record hash RC over the digests of all slots, in slot order.
///
/// # Errors
///
/// `RECORD_MISMATCH` unless there is one digest a slot.
pub fn record_hash_of_digests(
    schema: Schema,
    digests: impl IntoIterator<Item = Hash>,
) -> Result<Hash, Rejection> {
    let mut message = Encoder::after(Vec::with_capacity(MOST_BYTES));
    message.raw(b"vwR1").raw(&schema.slots().to_be_bytes());
    message.text(schema.name());
    let mut count = 0_u16;
    for digest in digests {
        message.raw(&digest);
        count = count.saturating_add(1);
    }
    if count != schema.slots() {
        return Err(Rejection::RecordMismatch);
    }
    let mut message = message.finish();
    let bits = u64::try_from(message.len().saturating_mul(8)).unwrap_or(u64::MAX);
    message.push(0x80);
    let blocks = message.len().saturating_add(8).div_ceil(64);
    message.resize(blocks.saturating_mul(64).saturating_sub(8), 0);
    message.extend_from_slice(&bits.to_be_bytes());
    let mut state = IV;
    compress(&mut state, message.as_chunks::<64>().0);
    Ok(to_hash(&state))
}

/// The record hash RC of already encoded values, in slot order. 21 compressions for 8 short slots.
///
/// All salts, then all digests, then the hash over them: a block is filled some time before it is
/// compressed, as in [`merkle`](crate::merkle).
///
/// # Errors
///
/// `RECORD_MISMATCH` unless there is one value a slot.
pub fn record_hash_of_encoded<'a>(
    schema: Schema,
    seed: &Seed,
    values: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Hash, Rejection> {
    let mut blocks = [salt_block(seed); MOST_SLOTS];
    for (slot, block) in (0..=u16::MAX).zip(&mut blocks) {
        block[36..38].copy_from_slice(&slot.to_be_bytes());
    }
    let slots = usize::from(schema.slots());
    let mut hashes = [[0; 32]; MOST_SLOTS];
    for (block, hash) in blocks.iter().zip(&mut hashes).take(slots) {
        *hash = hash_block(block);
    }
    let mut values = values.into_iter();
    let mut long = [false; MOST_SLOTS];
    let rows = blocks.iter_mut().zip(&mut hashes).zip(&mut long);
    for (slot, ((block, hash), long)) in (0..=u16::MAX).zip(rows).take(slots) {
        let value = values.next().ok_or(Rejection::RecordMismatch)?;
        let salt = crate::keys::id_of(hash);
        if let Some(short) = digest_block(&salt, slot, value) {
            *block = short;
        } else {
            (*hash, *long) = (digest(&salt, slot, value), true);
        }
    }
    if values.next().is_some() {
        return Err(Rejection::RecordMismatch);
    }
    let rows = blocks.iter().zip(&mut hashes).zip(&long);
    for ((block, hash), long) in rows.take(slots) {
        if !long {
            *hash = hash_block(block);
        }
    }
    record_hash_of_digests(schema, hashes.into_iter().take(slots))
}

/// The record hash RC of `values`, in slot order.
///
/// # Errors
///
/// `RECORD_MISMATCH` unless there is one value a slot.
pub fn record_hash(schema: Schema, seed: &Seed, values: &[Value]) -> Result<Hash, Rejection> {
    let mut encoded = Encoder::after(Vec::with_capacity(256));
    let mut ends = Vec::with_capacity(values.len());
    for value in values {
        ends.push(encoded.value(value).len());
    }
    let encoded = encoded.finish();
    let starts = core::iter::once(0).chain(ends.iter().copied());
    let values = starts
        .zip(ends.iter().copied())
        .map(|(start, end)| encoded.get(start..end).unwrap_or_default());
    record_hash_of_encoded(schema, seed, values)
}

/// One shown slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Which slot.
    pub slot: u16,
    /// Its salt.
    pub salt: Salt,
    /// Its value, encoded.
    pub value: &'a [u8],
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({})", self.slot)
    }
}

/// A record shown whole or in part. Debug shows which slots, never their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure<'a> {
    /// The record's schema.
    pub schema: Schema,
    /// Whether the seed came along, so that every slot is shown.
    pub whole: bool,
    /// The shown slots, ascending.
    pub fields: Vec<Field<'a>>,
    /// The digests of the other slots, in slot order.
    hidden: &'a [Hash],
}

/// A disclosure of a whole record: anyone who has it can show any part of it.
pub fn disclose_whole(schema: Schema, seed: &Seed, values: &[Value]) -> Vec<u8> {
    let mut out = Encoder::new();
    out.array(3).text(schema.name()).bytes(seed);
    out.array(values.len());
    for value in values {
        out.value(value);
    }
    out.finish()
}

/// A disclosure of `slots` only (any order, each once); the others stay digests.
pub fn disclose_some(schema: Schema, seed: &Seed, values: &[Value], slots: &[u16]) -> Vec<u8> {
    let numbered = || (0..=u16::MAX).zip(values);
    let shown = numbered().filter(|(slot, _)| slots.contains(slot));
    let mut out = Encoder::new();
    out.array(3).text(schema.name());
    out.array(shown.clone().count());
    for (slot, value) in shown {
        out.array(3)
            .int(i64::from(slot))
            .bytes(&salt(seed, slot))
            .value(value);
    }
    let hidden: Vec<Hash> = numbered()
        .filter(|(slot, _)| !slots.contains(slot))
        .map(|(slot, value)| digest(&salt(seed, slot), slot, &cbor::encode(value)))
        .collect();
    out.bytes(hidden.as_flattened());
    out.finish()
}

impl<'a> Disclosure<'a> {
    /// Reads a disclosure.
    ///
    /// # Errors
    ///
    /// `MALFORMED`, `NON_CANONICAL`, `LIMIT_EXCEEDED`; then `SCHEMA_UNKNOWN`;
    /// then `RECORD_MISMATCH` where the slots are not the schema's.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Rejection> {
        cbor::check(bytes)?;
        Self::check_shape(bytes)?;
        Self::read(bytes)
    }

    /// Checks what can be checked without knowing the schema. `bytes` are one checked item.
    pub(crate) fn check_shape(bytes: &[u8]) -> Result<(), Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(3)?;
        reader.text()?;
        if reader.next_is_bytes() {
            reader.byte_array::<32>()?;
            for _ in 0..reader.array()? {
                reader.item()?;
            }
            return Ok(());
        }
        let mut previous = None;
        for _ in 0..reader.array()? {
            reader.array_of(3)?;
            let slot = reader.uint()?;
            if previous.is_some_and(|previous| previous >= slot) {
                return Err(Rejection::Malformed);
            }
            previous = Some(slot);
            reader.byte_array::<16>()?;
            reader.item()?;
        }
        if !reader.bytes()?.len().is_multiple_of(32) {
            return Err(Rejection::Malformed);
        }
        Ok(())
    }

    /// Reads what passed `check_shape`, against its schema.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(3)?;
        let schema = Schema::from_name(reader.text()?).ok_or(Rejection::SchemaUnknown)?;
        let mut fields = Vec::new();
        if reader.next_is_bytes() {
            let seed = reader.byte_array::<32>()?;
            if reader.array()? != u64::from(schema.slots()) {
                return Err(Rejection::RecordMismatch);
            }
            for slot in 0..schema.slots() {
                fields.push(Field {
                    slot,
                    salt: salt(&seed, slot),
                    value: reader.item()?,
                });
            }
            return Ok(Self {
                schema,
                whole: true,
                fields,
                hidden: &[],
            });
        }
        for _ in 0..reader.array()? {
            reader.array_of(3)?;
            let slot = u16::try_from(reader.uint()?)
                .ok()
                .filter(|slot| *slot < schema.slots())
                .ok_or(Rejection::RecordMismatch)?;
            fields.push(Field {
                slot,
                salt: reader.byte_array()?,
                value: reader.item()?,
            });
        }
        let (hidden, []) = reader.bytes()?.as_chunks::<32>() else {
            return Err(Rejection::Malformed);
        };
        let slots = fields.len().saturating_add(hidden.len());
        if slots != usize::from(schema.slots()) {
            return Err(Rejection::RecordMismatch);
        }
        Ok(Self {
            schema,
            whole: false,
            fields,
            hidden,
        })
    }

    /// The record hash of what is shown.
    ///
    /// # Errors
    ///
    /// `RECORD_MISMATCH` if slots are missing, which [`Disclosure::decode`] rules out.
    pub fn record_hash(&self) -> Result<Hash, Rejection> {
        let mut fields = self.fields.iter().peekable();
        let mut hidden = self.hidden.iter();
        let digests = (0..self.schema.slots()).map_while(|slot| {
            match fields.next_if(|field| field.slot == slot) {
                Some(field) => Some(digest(&field.salt, slot, field.value)),
                None => hidden.next().copied(),
            }
        });
        record_hash_of_digests(self.schema, digests)
    }

    /// The encoded value of `slot`, if shown.
    pub fn value(&self, slot: u16) -> Option<&'a [u8]> {
        self.fields
            .iter()
            .find(|field| field.slot == slot)
            .map(|field| field.value)
    }
}

/// What an author other than the owner signs: "vwA1" || id || RC.
pub fn author_message(author: &Id, record_hash: &Hash) -> Vec<u8> {
    [b"vwA1".as_slice(), author, record_hash].concat()
}

/// Checks that `author`, a P-256 key, signed the record.
///
/// # Errors
///
/// `AUTHOR_SIGNATURE`.
pub fn verify_author(
    author: &PublicKey,
    record_hash: &Hash,
    signature: &Signature,
) -> Result<(), Rejection> {
    let message = author_message(&author.id(), record_hash);
    match author {
        PublicKey::P256(_) if author.verifies(&message, signature) => Ok(()),
        _ => Err(Rejection::AuthorSignature),
    }
}

/// Leaf `block` of a waveform's own tree: a salt, then up to 256 samples as encoded decimals.
///
/// `samples` is the encoded array of the block's decimals.
pub fn waveform_leaf(seed: &Seed, block: u32, samples: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new();
    hasher
        .update(b"vwW1")
        .update(seed)
        .update(&block.to_be_bytes());
    let salt: Salt = crate::keys::id_of(&hasher.finish());
    [salt.as_slice(), samples].concat()
}

/// The leaf hashes of a waveform's tree, from its samples (decimals) in order.
pub fn waveform_leaf_hashes(seed: &Seed, samples: &[Value]) -> Vec<Hash> {
    (0..=u32::MAX)
        .zip(samples.chunks(WAVEFORM_BLOCK))
        .map(|(block, samples)| {
            let mut encoded = Encoder::new();
            encoded.array(samples.len());
            for sample in samples {
                encoded.value(sample);
            }
            leaf_hash(&waveform_leaf(seed, block, &encoded.finish()))
        })
        .collect()
}

/// The arrival number from which a batch header's rid is derived.
pub const HEADER_ARRIVAL: u32 = u32::MAX;
/// Samples in a waveform block.
pub const WAVEFORM_BLOCK: usize = 256;
/// Slots of the schema that has most.
const MOST_SLOTS: usize = 10;
/// What is hashed for the schema that has most slots, padded.
const MOST_BYTES: usize = 384;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;
    use crate::hash::count;
    use alloc::vec;

    fn heart_rate() -> Vec<Vec<u8>> {
        let quantity = vec![Value::Int(61), Value::Text("/min".into())];
        let values = [
            Value::Bytes(vec![1; 16]),
            Value::Int(1_764_000_000_000),
            Value::Null,
            Value::Int(60),
            Value::Text("loinc|8867-4".into()),
            Value::Array(quantity),
            Value::Array(vec![Value::Int(2), Value::Bytes(vec![1; 16])]),
            Value::Null,
        ];
        values.iter().map(cbor::encode).collect()
    }

    #[test]
    fn a_record_of_eight_short_slots_takes_25_compressions_with_its_rid_and_seed() {
        let values = heart_rate();
        let key = SaltKey::derive(&[7; 32]);
        let taken = count::of(|| {
            let seed = key.seed(&key.rid(0));
            let values = values.iter().map(Vec::as_slice);
            record_hash_of_encoded(Schema::Observation, &seed, values).unwrap();
        });
        assert_eq!(taken, 25);
    }

    #[test]
    fn a_long_value_hashes_as_a_short_one_does_and_each_slot_needs_its_value() {
        let seed = [5; 32];
        for length in [0, 1, 32, 33, 34, 41, 42, 100, 1_000] {
            let mut values = heart_rate();
            values[5] = vec![0x61; length];
            let slots = (0..8_u16).zip(&values);
            let by_slot = slots.map(|(slot, value)| {
                crate::sha256(&[
                    b"vwF1",
                    &salt(&seed, slot),
                    &slot.to_be_bytes(),
                    value.as_slice(),
                ])
            });
            let digests: Vec<Hash> = by_slot.collect();
            let message = [b"vwR1".as_slice(), &[0, 8, 0x65], b"obs/1"].concat();
            let want = crate::sha256(&[&message, digests.as_flattened()]);
            let got = |values: &[Vec<u8>]| {
                let values = values.iter().map(Vec::as_slice);
                record_hash_of_encoded(Schema::Observation, &seed, values)
            };
            assert_eq!(got(&values), Ok(want), "{length}");
            assert_eq!(got(&values[..7]), Err(Rejection::RecordMismatch));
            values.push(Vec::new());
            assert_eq!(got(&values), Err(Rejection::RecordMismatch));
        }
    }
}

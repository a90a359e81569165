//! Stream keys on this device: which key a stream uses now, and every key there is.
//!
//! Invariant: a stream has at most one key in use; a closed key seals nothing again.

use crate::Error;
use crate::bag::BagSecret;
use crate::keys::{Random, random_bytes};
use crate::store::{DAMAGED, Kind, Priority, StoreError, Tx};
use crate::tasks::Task;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use vitalwitness_domain::Secret32;
use vitalwitness_domain::stream::StreamId;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use zeroize::Zeroizing;

/// A stream key.
pub struct StreamKey {
    /// The stream.
    pub stream: StreamId,
    /// From 0; a new one after a revoke.
    pub generation: u32,
    /// Its id, random.
    pub id: [u8; 16],
    /// The key.
    pub key: Secret32,
}

impl StreamKey {
    pub(crate) fn generate(
        stream: StreamId,
        generation: u32,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        Ok(Self {
            stream,
            generation,
            id: random_bytes(random)?,
            key: Secret32::new(random_bytes(random)?),
        })
    }

    /// The key that came in the bag.
    ///
    /// # Errors
    ///
    /// `MALFORMED` or another code of its descriptor.
    pub fn of_bag(descriptor: &[u8], id: [u8; 16], key: Secret32) -> Result<Self, Rejection> {
        let (stream, generation) = StreamId::from_descriptor(descriptor)?;
        Ok(Self {
            stream,
            generation,
            id,
            key,
        })
    }

    /// Stores a key made here: in the bag too, and to be wrapped for live grants.
    pub(crate) fn found(&self, tx: &Tx<'_>) -> Result<(), Error> {
        self.save(false, tx)?;
        let bag = BagSecret::Stream {
            descriptor: self.stream.descriptor(self.generation),
            id: self.id,
            key: self.key.duplicate(),
        };
        bag.put(tx)?;
        let task = Task::Envelopes {
            stream_key: self.id,
        };
        tx.queue(Priority::Grant, &task.encode())?;
        Ok(())
    }

    pub(crate) fn save(&self, closed: bool, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(3).bytes(&self.stream.descriptor(self.generation));
        out.bytes(&self.id).bytes(self.key.expose());
        let plain = Zeroizing::new(out.finish());
        tx.put(Kind::Stream, &self.id, i64::from(closed), &plain)
            .map(|_| ())
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(3)?;
        let descriptor = reader.bytes()?;
        let id = reader.byte_array()?;
        let key = Secret32::new(reader.byte_array()?);
        reader.finish()?;
        Self::of_bag(descriptor, id, key)
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamKey({:?}, ..)", self.stream)
    }
}

/// Every stream key this device knows.
#[derive(Default)]
pub struct Streams {
    by_id: HashMap<[u8; 16], (Arc<StreamKey>, bool)>,
    in_use: HashMap<StreamId, [u8; 16]>,
}

impl Streams {
    pub(crate) fn load(tx: &Tx<'_>) -> Result<Self, StoreError> {
        let mut streams = Self::default();
        for item in tx.all(Kind::Stream)? {
            let key = StreamKey::parse(&item.plain).map_err(|_| DAMAGED)?;
            streams.insert(Arc::new(key), item.state == 1);
        }
        Ok(streams)
    }

    /// Takes a key in. Of two in use, which two devices opened, the first stays the one this
    /// device seals under; readers follow the id.
    pub(crate) fn insert(&mut self, key: Arc<StreamKey>, closed: bool) {
        if !closed {
            self.in_use.entry(key.stream.clone()).or_insert(key.id);
        }
        self.by_id.insert(key.id, (key, closed));
    }

    /// Closes a key in memory; its row is closed by [`StreamKey::save`] in the same transaction.
    pub(crate) fn close(&mut self, id: &[u8; 16]) {
        if let Some((key, closed)) = self.by_id.get_mut(id) {
            *closed = true;
            if self.in_use.get(&key.stream) == Some(id) {
                self.in_use.remove(&key.stream);
            }
        }
    }

    /// Closes every key, as [`Streams::close`].
    pub(crate) fn close_all(&mut self) {
        self.in_use.clear();
        self.by_id
            .values_mut()
            .for_each(|(_, closed)| *closed = true);
    }

    pub(crate) fn forget(&mut self, id: &[u8; 16]) {
        self.close(id);
        self.by_id.remove(id);
    }

    /// The key `stream` uses now.
    pub fn in_use(&self, stream: &StreamId) -> Option<&Arc<StreamKey>> {
        let id = self.in_use.get(stream)?;
        self.by_id.get(id).map(|(key, _)| key)
    }

    /// The key of an id.
    pub fn get(&self, id: &[u8; 16]) -> Option<&Arc<StreamKey>> {
        self.by_id.get(id).map(|(key, _)| key)
    }

    /// Whether the key may seal nothing more.
    pub fn is_closed(&self, id: &[u8; 16]) -> bool {
        self.by_id.get(id).is_some_and(|(_, closed)| *closed)
    }

    /// Every key, and whether it is closed.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<StreamKey>, bool)> {
        self.by_id.values().map(|(key, closed)| (key, *closed))
    }

    /// The generation of the next key of `stream`.
    pub(crate) fn next_generation(&self, stream: &StreamId) -> u32 {
        let generations = self.by_id.values().filter(|(key, _)| key.stream == *stream);
        generations
            .map(|(key, _)| key.generation + 1)
            .max()
            .unwrap_or(0)
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Streams({} keys)", self.by_id.len())
    }
}

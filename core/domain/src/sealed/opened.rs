//! An opened batch: its leaves in tree order, what receipts and disclosures need, and erasure.

use super::plain::{self, Body, Keys, Origin, Row};
use super::{Author, Expect, OpenError, SealError, frame};
use crate::Secret32;
use std::fmt;
use vitalwitness_proof::Hash;
use vitalwitness_proof::batch::Header;
use vitalwitness_proof::cbor::Value;
use vitalwitness_proof::merkle::Tree;
use vitalwitness_proof::record::{
    HEADER_ARRIVAL, Rid, SaltKey, Schema, Seed, disclose_some, disclose_whole,
};

/// A batch whose every hash is the one that was logged.
pub struct Opened {
    place: Expect,
    pub(super) body: Body,
    tree: Tree,
    leaves: Vec<Hash>,
}

/// One leaf of an opened batch.
#[derive(Clone, Copy)]
pub enum Leaf<'a> {
    /// A record.
    Record(RecordRef<'a>),
    /// Only its record hash is left.
    Erased {
        /// From 1.
        index: usize,
        /// RC.
        record_hash: Hash,
    },
}

/// A record in an opened batch.
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    opened: &'a Opened,
    record: &'a plain::Record,
    place: usize,
}

impl Opened {
    pub(super) fn check(body: Body, place: Expect) -> Result<Self, OpenError> {
        let leaves = body.leaves(&place.batch)?;
        let tree = Tree::of_leaves(&leaves);
        if tree.root() != place.root
            || u32::try_from(leaves.len()) != Ok(place.leaves)
            || !body.is_ordered()
        {
            return Err(OpenError::Mismatch);
        }
        for (record, record_hash) in body.rows.iter().zip(leaves.iter().skip(1)) {
            if let Row::Record(record) = record
                && let Some(author) = &record.author
            {
                author.verify(record_hash).map_err(|_| OpenError::Author)?;
            }
        }
        Ok(Self {
            place,
            body,
            tree,
            leaves,
        })
    }

    /// Which batch this is.
    pub fn place(&self) -> &Expect {
        &self.place
    }

    /// 0, and one more with each erasure.
    pub fn revision(&self) -> u32 {
        self.body.revision
    }

    /// What leaf 0 says: first and last start, code, count, granularity, device.
    pub fn header(&self) -> &Header {
        &self.body.header
    }

    /// k, erased ones too.
    pub fn len(&self) -> usize {
        self.body.rows.len()
    }

    /// Never: a batch has at least one leaf.
    pub fn is_empty(&self) -> bool {
        self.body.rows.is_empty()
    }

    /// Leaves 1 to k.
    pub fn leaves(&self) -> impl Iterator<Item = Leaf<'_>> {
        (1..=self.len()).filter_map(|index| self.leaf(index))
    }

    /// The records, in leaf order; without erased ones.
    pub fn records(&self) -> impl Iterator<Item = RecordRef<'_>> {
        self.leaves().filter_map(|leaf| match leaf {
            Leaf::Record(record) => Some(record),
            Leaf::Erased { .. } => None,
        })
    }

    /// Leaf `index`, from 1 to k.
    pub fn leaf(&self, index: usize) -> Option<Leaf<'_>> {
        let place = index.checked_sub(1)?;
        Some(match self.body.rows.get(place)? {
            Row::Record(record) => Leaf::Record(RecordRef {
                opened: self,
                record,
                place,
            }),
            Row::Erased(record_hash) => Leaf::Erased {
                index,
                record_hash: *record_hash,
            },
        })
    }

    /// The record with this record hash, unless it is erased.
    pub fn find(&self, record_hash: &Hash) -> Option<RecordRef<'_>> {
        let index = self.leaves.iter().position(|leaf| leaf == record_hash)?;
        match self.leaf(index)? {
            Leaf::Record(record) => Some(record),
            Leaf::Erased { .. } => None,
        }
    }

    /// Inclusion path of leaf `index` (0 = the header), leaf to root, 32 bytes each.
    pub fn path(&self, index: usize) -> Option<Vec<u8>> {
        self.tree.path_bytes(index)
    }

    /// The tree over the leaves; its root is BR.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// A disclosure of the header's `slots`, for a proof of completeness.
    pub fn disclose_header(&self, slots: &[u16]) -> Vec<u8> {
        let header = &self.body.header;
        let seed = self.header_seed();
        disclose_some(Schema::BatchHeader, &seed, &header.values(), slots)
    }

    /// The batch without the record at leaf `index`: revision + 1, its record hash in place, the
    /// others' rids and seeds listed, the batch secret dropped. Seal it, destroy the old bytes.
    ///
    /// # Errors
    ///
    /// Gives the batch back if there is no record at that leaf.
    pub fn erase(mut self, index: usize) -> Result<Self, Box<Self>> {
        let Some(Leaf::Record(RecordRef { place, .. })) = self.leaf(index) else {
            return Err(Box::new(self));
        };
        let (Some(record_hash), Some(row)) = (
            self.leaves.get(index).copied(),
            self.body.rows.get_mut(place),
        ) else {
            return Err(Box::new(self));
        };
        *row = Row::Erased(record_hash);
        for row in &mut self.body.rows {
            if let Row::Record(record) = row {
                record.origin = Origin::RidAndSeed;
            }
        }
        let wide = plain::widest(&self.body.rows).saturating_sub(1);
        self.body.columns = self
            .body
            .columns
            .iter()
            .take(wide)
            .map(|column| column.without(place))
            .collect();
        let fillers = self.leaves.get(self.len() + 1..).unwrap_or_default();
        self.body.keys = Keys::Listed {
            header_seed: self.header_seed(),
            fillers: fillers.to_vec(),
        };
        self.body.revision = self.body.revision.saturating_add(1);
        Ok(self)
    }

    /// The same batch, to be sealed under another key of its stream: the one before was closed.
    #[must_use]
    pub fn under(mut self, stream_key: [u8; 16]) -> Self {
        self.place.stream_key = stream_key;
        self
    }

    /// The same batch in another channel: two devices made one before they knew of each other.
    #[must_use]
    pub fn in_channel(mut self, channel: [u8; 16]) -> Self {
        self.place.channel = channel;
        self
    }

    /// Seals it as it is now, under the stream key of the same id.
    ///
    /// # Errors
    ///
    /// `TooLarge`: listed rids and seeds may take a batch over its limit.
    pub fn seal(&self, stream_key: &Secret32, nonce: [u8; 12]) -> Result<Vec<u8>, SealError> {
        frame::close(&self.body.write(), stream_key, &self.place, nonce)
    }

    fn header_seed(&self) -> Seed {
        match &self.body.keys {
            Keys::Secret(secret) => {
                let key = SaltKey::derive(secret.expose());
                key.seed(&key.rid(HEADER_ARRIVAL))
            }
            Keys::Listed { header_seed, .. } => *header_seed,
        }
    }
}

impl<'a> RecordRef<'a> {
    /// Its leaf, from 1.
    pub fn index(&self) -> usize {
        self.place + 1
    }

    /// Its rid.
    pub fn rid(&self) -> Rid {
        self.record.rid
    }

    /// What its salts come from. A secret until the record is shown whole.
    pub fn seed(&self) -> Seed {
        self.record.seed
    }

    /// RC.
    pub fn record_hash(&self) -> Hash {
        let hash = self.opened.leaves.get(self.index());
        hash.copied().unwrap_or_default()
    }

    /// What its slots mean.
    pub fn schema(&self) -> Schema {
        self.record.schema
    }

    /// Effective start, ms UTC.
    pub fn start(&self) -> i64 {
        self.opened.body.start(self.place)
    }

    /// All slots.
    pub fn values(&self) -> Vec<Value> {
        let values = self.opened.body.values(self.place);
        values.unwrap_or_default()
    }

    /// The encoded value of `slot` (1 up), without decoding the others.
    pub fn encoded(&self, slot: usize) -> Option<&'a [u8]> {
        let column = self.opened.body.columns.get(slot.checked_sub(1)?)?;
        Some(column.get(self.place)).filter(|value| !value.is_empty())
    }

    /// Who signed it, if not the owner; the signature holds, whose key it is was not checked.
    pub fn author(&self) -> Option<&'a Author> {
        self.record.author.as_ref()
    }

    /// A disclosure of the whole record.
    pub fn disclose_whole(&self) -> Vec<u8> {
        disclose_whole(self.record.schema, &self.record.seed, &self.values())
    }

    /// A disclosure of some slots.
    pub fn disclose_some(&self, slots: &[u16]) -> Vec<u8> {
        disclose_some(self.record.schema, &self.record.seed, &self.values(), slots)
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened")
    }
}

impl fmt::Debug for Leaf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leaf")
    }
}

impl fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordRef")
    }
}

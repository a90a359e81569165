//! Receipts: from the sealed batch, and from what the log said of its entry.

use crate::Error;
use crate::store::{BatchState, DAMAGED, Kind, StoreError, Tx};
use crate::vault::{Core, Vault};
use std::fmt;
use vitalwitness_domain::export::cose;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::checkpoint::SignedNote;
use vitalwitness_proof::keys::{PublicKey, Signature};
use vitalwitness_proof::receipt::{LogPlace, Receipt, Record};
use vitalwitness_proof::trust::TrustedLog;

/// What a receipt shows of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disclosure {
    /// Everything.
    Whole,
    /// Slots by number.
    Fields(Vec<u16>),
    /// Nothing.
    None,
}

/// Which signature lines a receipt carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    /// Those that sign the checkpoint.
    Checkpoint,
    /// And the one in COSE form.
    WithCose,
}

/// What the log says of an entry: from the entry up to a signed checkpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct EventProof {
    /// Full bytes of the entry.
    pub entry: Vec<u8>,
    /// The log.
    pub origin: String,
    /// How many entries the checkpoint covers.
    pub size: u64,
    /// The entry's index.
    pub index: u64,
    /// Siblings from leaf to root.
    pub path: Vec<Hash>,
    /// Who signed the checkpoint: name, key id and signature.
    pub lines: Vec<(String, Vec<u8>)>,
    /// The log's signature of the root in COSE form, with its key id; not in receipts by default.
    pub in_cose: Option<Vec<u8>>,
    /// SPKIs for the reader's convenience: the signer's.
    pub keys: Vec<Vec<u8>>,
    /// The ENROL event of the entry's signer, and the owner's signature over it.
    pub enrolment: Option<(Vec<u8>, Signature)>,
}

impl EventProof {
    /// Stores it for the batch `batch`.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn save_batch(&self, batch: &Id, tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.put(Kind::BatchProof, batch, 0, &self.encode())
            .map(|_| ())
    }

    /// Stores it for the event with this recordhash.
    ///
    /// # Errors
    ///
    /// As [`StoreError`].
    pub fn save_event(&self, recordhash: &Hash, tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.put(Kind::EventProof, recordhash, 0, &self.encode())
            .map(|_| ())
    }

    pub(crate) fn load(kind: Kind, name: &[u8], tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        tx.get(kind, name)?
            .map(|item| Self::decode(&item.plain).map_err(|_| DAMAGED))
            .transpose()
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Encoder::new();
        out.array(9).bytes(&self.entry).text(&self.origin);
        out.uint(self.size).uint(self.index);
        out.bytes(self.path.as_flattened());
        out.array(self.lines.len());
        for (name, blob) in &self.lines {
            out.array(2).text(name).bytes(blob);
        }
        out.array(self.keys.len());
        for key in &self.keys {
            out.bytes(key);
        }
        match &self.enrolment {
            None => out.null(),
            Some((event, signature)) => out.array(2).bytes(event).bytes(signature),
        };
        out.optional_bytes(self.in_cose.as_deref());
        out.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        // proofs kept by earlier versions end before the last item
        let items = reader.array()?;
        if !(8..=9).contains(&items) {
            return Err(Rejection::Malformed);
        }
        let entry = reader.bytes()?.to_vec();
        let origin = reader.text()?.to_owned();
        let (size, index) = (reader.uint()?, reader.uint()?);
        let (path, rest) = reader.bytes()?.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(Rejection::Malformed);
        }
        let path = path.to_vec();
        let mut lines = Vec::new();
        for _ in 0..reader.array()? {
            reader.array_of(2)?;
            lines.push((reader.text()?.to_owned(), reader.bytes()?.to_vec()));
        }
        let mut keys = Vec::new();
        for _ in 0..reader.array()? {
            keys.push(reader.bytes()?.to_vec());
        }
        let mut enrolment = None;
        if !reader.take_null() {
            reader.array_of(2)?;
            enrolment = Some((reader.bytes()?.to_vec(), reader.byte_array()?));
        }
        let in_cose = if items == 8 || reader.take_null() {
            None
        } else {
            Some(reader.bytes()?.to_vec())
        };
        reader.finish()?;
        Ok(Self {
            entry,
            origin,
            size,
            index,
            path,
            lines,
            in_cose,
            keys,
            enrolment,
        })
    }

    /// Puts the entry under `note`, where `path` leads.
    pub(crate) fn move_to(&mut self, note: &SignedNote, path: Vec<Hash>, log: &TrustedLog) {
        (self.lines, self.in_cose) = sorted(note, log);
        self.size = note.checkpoint.size;
        self.path = path;
    }

    pub(crate) fn receipt<'a>(&'a self, record: Option<Record<'a>>) -> Receipt<'a> {
        let lines = self.lines.iter();
        let keys = self.keys.iter();
        let enrolment = self.enrolment.as_ref();
        Receipt {
            record,
            entry: &self.entry,
            log: LogPlace {
                origin: &self.origin,
                size: self.size,
                index: self.index,
                path: &self.path,
            },
            lines: lines
                .map(|(name, blob)| (name.as_str(), blob.as_slice()))
                .collect(),
            anchors: Vec::new(),
            disclosure: None,
            keys: keys
                .filter_map(|spki| PublicKey::from_spki(spki).ok())
                .collect(),
            author: None,
            enrolment: enrolment.map(|(event, signature)| (event.as_slice(), *signature)),
        }
    }
}

/// A key's name, then its id and signature.
type Line = (String, Vec<u8>);

/// The lines of a note, and the log's in COSE form by itself.
pub(crate) fn sorted(note: &SignedNote, log: &TrustedLog) -> (Vec<Line>, Option<Vec<u8>>) {
    let ids: Vec<[u8; 4]> = log.keys.iter().map(cose::line_id).collect();
    let (in_cose, lines): (Vec<_>, Vec<_>) = note.lines.iter().partition(|line| {
        line.name == note.checkpoint.origin && ids.iter().any(|id| line.blob.starts_with(id))
    });
    let lines = lines.iter();
    (
        lines
            .map(|line| (line.name.clone(), line.blob.clone()))
            .collect(),
        in_cose.first().map(|line| line.blob.clone()),
    )
}

impl fmt::Debug for EventProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventProof({} of {})", self.index, self.size)
    }
}

impl Vault {
    /// The receipt (`.vwr`) of the record `rc`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] when there is no such record; [`Error::NotLogged`] until its batch's
    /// entry is in the log and checked.
    pub fn receipt(&self, rc: &Hash, disclosure: &Disclosure) -> Result<Vec<u8>, Error> {
        self.with(|core| core.receipt(rc, disclosure, Lines::Checkpoint))
    }

    /// As [`Vault::receipt`], with the log's signature in COSE form among the lines: what
    /// [`cose`](vitalwitness_domain::export::cose) needs, and no other verifier looks at.
    ///
    /// # Errors
    ///
    /// As [`Vault::receipt`]; [`Error::NotLogged`] also where the log gave no such signature.
    pub fn receipt_for_cose(&self, rc: &Hash, disclosure: &Disclosure) -> Result<Vec<u8>, Error> {
        self.with(|core| core.receipt(rc, disclosure, Lines::WithCose))
    }

    /// The receipts of all records of the batch `batch`, in leaf order.
    ///
    /// # Errors
    ///
    /// As [`Vault::receipt`].
    pub fn receipts(&self, batch: &Id, disclosure: &Disclosure) -> Result<Vec<Vec<u8>>, Error> {
        self.with(|core| core.receipts(batch, disclosure, None, Lines::Checkpoint))
    }

    /// The receipt of an own event: a grant, a denial, a revocation, a request, an access.
    ///
    /// # Errors
    ///
    /// [`Error::NotLogged`] until its entry is in the log and checked.
    pub fn event_receipt(&self, recordhash: &Hash) -> Result<Vec<u8>, Error> {
        self.with(|core| {
            let reader = core.store.reader();
            let proof = EventProof::load(Kind::EventProof, recordhash, &reader)?;
            Ok(proof.ok_or(Error::NotLogged)?.receipt(None).encode())
        })
    }
}

impl Core {
    fn receipt(
        &mut self,
        rc: &Hash,
        disclosure: &Disclosure,
        lines: Lines,
    ) -> Result<Vec<u8>, Error> {
        let row = self.row_of(rc)?;
        let batch = self.index.get(row).ok_or(Error::NotFound)?.header.id;
        let mut receipts = self.receipts(&batch, disclosure, Some(rc), lines)?;
        receipts.pop().ok_or(Error::NotFound)
    }

    fn receipts(
        &self,
        batch: &Id,
        disclosure: &Disclosure,
        only: Option<&Hash>,
        lines: Lines,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let row = self.row(batch)?;
        let indexed = self.index.get(row).ok_or(Error::NotFound)?;
        if indexed.state < BatchState::Logged {
            return Err(Error::NotLogged);
        }
        let reader = self.store.reader();
        let proof = EventProof::load(Kind::BatchProof, batch, &reader)?.ok_or(Error::NotLogged)?;
        let opened = self.open_body(row)?;
        let size = u64::from(opened.place().leaves);
        let mut receipts = Vec::new();
        for leaf in opened.records() {
            let rc = leaf.record_hash();
            if only.is_some_and(|only| *only != rc) {
                continue;
            }
            let path = opened.path(leaf.index()).ok_or(DAMAGED)?;
            let (path, _) = path.as_chunks::<32>();
            let shown = match disclosure {
                Disclosure::Whole => Some(leaf.disclose_whole()),
                Disclosure::Fields(slots) => Some(leaf.disclose_some(slots)),
                Disclosure::None => None,
            };
            let mut receipt = proof.receipt(Some(Record {
                record_hash: rc,
                size,
                index: leaf.index() as u64,
                path,
            }));
            if lines == Lines::WithCose {
                let line = proof.in_cose.as_deref().ok_or(Error::NotLogged)?;
                receipt.lines.push((&proof.origin, line));
            }
            receipt.disclosure = shown.as_deref();
            receipt.author = match leaf.author() {
                Some(author) => {
                    let key = PublicKey::from_spki(&author.key).map_err(|_| DAMAGED)?;
                    Some((key, author.signature))
                }
                None => None,
            };
            receipts.push(receipt.encode());
        }
        Ok(receipts)
    }
}

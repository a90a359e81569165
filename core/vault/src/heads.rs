//! The log's head, as this phone last accepted it, and what it keeps when the log cheats.
//!
//! Each new note must extend the accepted one. One that does not, though the log signed it, is
//! evidence: both notes are kept and the log is frozen; nothing is synced with it any more. What
//! the log did not sign proves nothing about it and is only refused.
//!
//! Invariant: an accepted head is replaced by one that extends it, or stays.

use crate::Error;
use crate::store::{DAMAGED, Kind, StoreError, Tx};
use crate::vault::Vault;
use std::fmt;
use vitalwitness_domain::evidence::{self, Place, Under};
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::checkpoint::{Checkpoint, SignedNote, check_fresh};
use vitalwitness_proof::trust::TrustedLog;
use vitalwitness_proof::{Hash, Rejection, sha256};

/// A head that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The signed note.
    pub note: String,
    /// When a quorum of witnesses had seen it, in seconds; none: no quorum has.
    pub witnessed_s: Option<u64>,
    /// The quorum's time is over a day before the last look at it: warn.
    pub stale: bool,
}

impl Head {
    /// The note, read.
    ///
    /// # Errors
    ///
    /// Damaged: it was readable when it was stored.
    pub fn read(&self) -> Result<SignedNote, StoreError> {
        SignedNote::parse(&self.note).map_err(|_| DAMAGED)
    }

    pub(crate) fn load(origin: &str, tx: &Tx<'_>) -> Result<Option<Self>, StoreError> {
        tx.get(Kind::Head, origin.as_bytes())?
            .map(|item| Self::parse(&item.plain).map_err(|_| DAMAGED))
            .transpose()
    }

    pub(crate) fn save(&self, origin: &str, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(3).text(&self.note);
        match self.witnessed_s {
            None => out.null(),
            Some(time) => out.uint(time),
        };
        out.bool(self.stale);
        tx.put(Kind::Head, origin.as_bytes(), 0, &out.finish())
            .map(drop)
    }

    fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(3)?;
        let note = reader.text()?.to_owned();
        let witnessed_s = if reader.take_null() {
            None
        } else {
            Some(reader.uint()?)
        };
        let stale = crate::header::bool_of(&mut reader)?;
        reader.finish()?;
        Ok(Self {
            note,
            witnessed_s,
            stale,
        })
    }
}

/// What a new note is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It extends the accepted one.
    Accept(Head),
    /// Not by the log, or unreadable: refused, proves nothing.
    Refuse(Rejection),
    /// By the log, and against what it said before.
    Caught(Rejection),
}

/// The size that a note claims; nothing of it is checked.
///
/// # Errors
///
/// `MALFORMED`, `LIMIT_EXCEEDED`.
pub(crate) fn claimed(note: &str) -> Result<Checkpoint, Rejection> {
    Ok(SignedNote::parse(note)?.checkpoint)
}

/// Judges a new note against the accepted one. `proof` is the consistency proof between them.
/// A note that lacks only the quorum is accepted, as not witnessed.
pub(crate) fn judge(
    accepted: Option<&Head>,
    note: &str,
    proof: &[Hash],
    log: &TrustedLog,
    now_ms: i64,
) -> Verdict {
    let signed = match SignedNote::parse(note) {
        Ok(signed) => signed,
        Err(rejection) => return Verdict::Refuse(rejection),
    };
    let witnessed = match signed.verify(log) {
        Ok(witnessed) => Some(witnessed),
        Err(Rejection::QuorumNotMet) => None,
        Err(rejection) => return Verdict::Refuse(rejection),
    };
    let before = match accepted.map(|head| SignedNote::parse(&head.note)) {
        None => None,
        Some(Ok(before)) => Some(before.checkpoint),
        Some(Err(rejection)) => return Verdict::Refuse(rejection),
    };
    if let Some(before) = &before
        && let Err(rejection) = signed.checkpoint.check_extends(before, proof)
    {
        return Verdict::Caught(rejection);
    }
    let time = witnessed.as_ref().and_then(|witnessed| witnessed.time);
    // The same tree, by fewer witnesses than before: what they said stays said.
    if let (Some(before), Some(head)) = (&before, accepted)
        && before.size == signed.checkpoint.size
        && head.witnessed_s > time
    {
        let mut head = head.clone();
        head.stale = is_stale(head.witnessed_s, now_ms);
        return Verdict::Accept(head);
    }
    Verdict::Accept(Head {
        note: note.to_owned(),
        witnessed_s: time,
        stale: is_stale(time, now_ms),
    })
}

fn is_stale(witnessed_s: Option<u64>, now_ms: i64) -> bool {
    witnessed_s.is_some_and(|time| check_fresh(time, now_ms).is_err())
}

/// What was kept of a log that cheats: enough for a third party to see it.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    /// `ROLLBACK`, `FORK`, `INCONSISTENT`, `SEQ_GAP`, `ENTRY_SIGNATURE`, `FROM_FUTURE`.
    pub code: String,
    /// The log.
    pub origin: String,
    /// The note that was accepted before, or the entry before.
    pub before: Vec<u8>,
    /// The note or entry that contradicts it.
    pub after: Vec<u8>,
    /// The consistency proof that came with it.
    pub proof: Vec<Hash>,
    /// Places of entries under the notes, where receipts gave them.
    pub paths: Vec<Place>,
    /// When, by this device's clock.
    pub time_ms: i64,
}

impl Evidence {
    pub(crate) fn save(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut out = Encoder::new();
        out.array(7).text(&self.code).text(&self.origin);
        out.bytes(&self.before).bytes(&self.after);
        out.bytes(self.proof.as_flattened()).int(self.time_ms);
        out.array(self.paths.len());
        for place in &self.paths {
            out.array(4).bool(place.under == Under::After);
            out.uint(place.index).bytes(&place.leaf);
            out.bytes(place.path.as_flattened());
        }
        // named by what contradicts what: the same finding twice is one
        let name = sha256(&[self.code.as_bytes(), &self.before, &self.after]);
        tx.put(Kind::Evidence, &name, 0, &out.finish()).map(drop)
    }

    fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        let length = reader.array()?;
        let code = reader.text()?.to_owned();
        let origin = reader.text()?.to_owned();
        let before = reader.bytes()?.to_vec();
        let after = reader.bytes()?.to_vec();
        let proof = hashes(reader.bytes()?)?;
        let time_ms = reader.int()?;
        let mut paths = Vec::new();
        // kept by an earlier version: six
        let count = match length {
            6 => 0,
            7 => reader.array()?,
            _ => return Err(Rejection::Malformed),
        };
        for _ in 0..count {
            reader.array_of(4)?;
            paths.push(Place {
                under: if crate::header::bool_of(&mut reader)? {
                    Under::After
                } else {
                    Under::Before
                },
                index: reader.uint()?,
                leaf: reader.byte_array()?,
                path: hashes(reader.bytes()?)?,
            });
        }
        reader.finish()?;
        Ok(Self {
            code,
            origin,
            before,
            after,
            proof,
            paths,
            time_ms,
        })
    }

    /// As a file for others; none where it is no matter of two notes: the log signs its notes,
    /// not what else it tells.
    pub fn to_file(&self) -> Option<evidence::Evidence> {
        let note = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes).ok()?;
            SignedNote::parse(text).ok()?;
            Some(text.to_owned())
        };
        Some(evidence::Evidence {
            origin: self.origin.clone(),
            before: note(&self.before)?,
            after: note(&self.after)?,
            proof: self.proof.clone(),
            paths: self.paths.clone(),
            found_ms: self.time_ms,
        })
    }

    pub(crate) fn of_file(file: evidence::Evidence) -> Self {
        Self {
            code: file.code().code().to_owned(),
            origin: file.origin,
            before: file.before.into_bytes(),
            after: file.after.into_bytes(),
            proof: file.proof,
            paths: file.paths,
            time_ms: file.found_ms,
        }
    }
}

fn hashes(bytes: &[u8]) -> Result<Vec<Hash>, Rejection> {
    match bytes.as_chunks::<32>() {
        (hashes, []) => Ok(hashes.to_vec()),
        _ => Err(Rejection::Malformed),
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Evidence({})", self.code)
    }
}

impl Vault {
    /// The accepted head of the log, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn head(&self, origin: &str) -> Result<Option<Head>, Error> {
        self.with(|core| Ok(Head::load(origin, &core.store.reader())?))
    }

    /// What was kept of logs that cheat, in order of finding.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn evidence(&self) -> Result<Vec<Evidence>, Error> {
        self.with(|core| {
            let items = core.store.reader().all(Kind::Evidence)?.into_iter();
            items
                .map(|item| Ok(Evidence::parse(&item.plain).map_err(|_| DAMAGED)?))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests;

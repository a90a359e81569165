//! Evidence against a log: two notes it signed, and why they cannot both be of one list.
//!
//! Answers one question: does the log contradict itself, and can a stranger see it from this
//! file alone? The file is `vw-evidence/1` (`docs/evidence.md`). Pure: no I/O, no clock.
//!
//! | found | proven | what a stranger sees |
//! |---|---|---|
//! | `FORK` | yes | one size, two roots |
//! | `INCONSISTENT` with paths | yes | one range of entries, two hashes |
//! | `INCONSISTENT` with a consistency proof | no | a proof that fails; the log signs no proofs |
//! | `ROLLBACK` | no | two notes of two sizes; in which order they were shown is a claim |
//!
//! Invariant: nothing is found unless a key of the log signed both notes.

use crate::wire::Hash32;
use crate::wire::trust::Object;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use vitalwitness_proof::checkpoint::{Checkpoint, NoteLine, SignedNote};
use vitalwitness_proof::entry::entry_leaf;
use vitalwitness_proof::merkle::{node_hash, root_from_path, verify_consistency};
use vitalwitness_proof::receipt::Receipt;
use vitalwitness_proof::trust::{Trust, TrustedLog};
use vitalwitness_proof::{Hash, Rejection};

/// Two notes of one log, and what shows that they contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The log.
    pub origin: String,
    /// The note that was accepted before, or the one of the smaller size.
    pub before: String,
    /// The note that contradicts it.
    pub after: String,
    /// What came as consistency proof between them.
    pub proof: Vec<Hash>,
    /// Entries under either note.
    pub paths: Vec<Place>,
    /// When it was found, by the finder's clock; nothing rests on it.
    pub found_ms: i64,
}

/// An entry's place under one of the notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Under which note.
    pub under: Under,
    /// The entry's index in the log.
    pub index: u64,
    /// The entry's leaf hash.
    pub leaf: Hash,
    /// Siblings from leaf to root.
    pub path: Vec<Hash>,
}

/// Which of the two notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Under {
    /// [`Evidence::before`].
    Before,
    /// [`Evidence::after`].
    After,
}

/// What the file shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `FORK`, `INCONSISTENT` or `ROLLBACK`.
    pub code: Rejection,
    /// Whether the file alone proves it to anyone who knows the log's key.
    pub proven: bool,
    /// The first note.
    pub before: Checkpoint,
    /// The second note.
    pub after: Checkpoint,
    /// `INCONSISTENT` by paths: entries first..end have two hashes.
    pub range: Option<(u64, u64)>,
}

/// Why a file is no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not readable, or not by the log.
    #[error(transparent)]
    Not(#[from] Rejection),
    /// The notes go together: who accuses the log is wrong.
    #[error("NO_CONTRADICTION")]
    NoContradiction,
}

impl Refused {
    /// The same in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Not(why) => why.code(),
            Self::NoContradiction => "NO_CONTRADICTION",
        }
    }
}

/// A note somebody showed, with an entry's place under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The note; a key of the log signed it.
    pub note: SignedNote,
    /// The entry's index in the log.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Hash,
    /// Siblings from leaf to root.
    pub path: Vec<Hash>,
}

impl Seen {
    /// The note of a receipt. Whether the receipt holds otherwise is not asked: what counts is
    /// that the log signed the root its path leads to. A quorum is not needed.
    ///
    /// # Errors
    ///
    /// As `verify`, steps 1, 5 and 6: `MALFORMED` and the like, `INDEX_OUT_OF_RANGE`,
    /// `PATH_LENGTH`, `ORIGIN_UNKNOWN`, `KEY_UNKNOWN`, `CHECKPOINT_SIGNATURE`.
    pub fn of_receipt(receipt: &[u8], log: &TrustedLog) -> Result<Self, Rejection> {
        let receipt = Receipt::decode(receipt)?;
        let lines = receipt.lines.iter().map(|(name, blob)| NoteLine {
            name: (*name).to_owned(),
            blob: blob.to_vec(),
        });
        let place = &receipt.log;
        Self::new(
            (place.origin, place.size, lines.collect()),
            (place.index, entry_leaf(receipt.entry), place.path.to_vec()),
            log,
        )
    }

    /// A note (origin, size, lines) over the root that a place (index, leaf, path) leads to.
    ///
    /// # Errors
    ///
    /// As [`Seen::of_receipt`].
    pub fn new(
        (origin, size, lines): (&str, u64, Vec<NoteLine>),
        (index, leaf, path): (u64, Hash, Vec<Hash>),
        log: &TrustedLog,
    ) -> Result<Self, Rejection> {
        let checkpoint = Checkpoint {
            origin: origin.to_owned(),
            size,
            root: root_from_path(&leaf, index, size, &path)?,
        };
        let note = SignedNote { checkpoint, lines };
        check_signed(&note, log)?;
        Ok(Self {
            note,
            index,
            leaf,
            path,
        })
    }

    fn place(&self, under: Under) -> Place {
        Place {
            under,
            index: self.index,
            leaf: self.leaf,
            path: self.path.clone(),
        }
    }

    /// Evidence that both cannot be of one list, if their paths show it.
    pub fn contradicts(&self, other: &Self, now_ms: i64) -> Option<Evidence> {
        let (a, b) = (&self.note.checkpoint, &other.note.checkpoint);
        if a.origin != b.origin {
            return None;
        }
        let (before, after) = if a.size <= b.size {
            (self, other)
        } else {
            (other, self)
        };
        let evidence = Evidence {
            origin: a.origin.clone(),
            before: before.note.to_string(),
            after: after.note.to_string(),
            proof: Vec::new(),
            paths: vec![before.place(Under::Before), after.place(Under::After)],
            found_ms: now_ms,
        };
        let notes = (&before.note.checkpoint, &after.note.checkpoint);
        let shown =
            (a.size == b.size && a.root != b.root) || two_hashes(notes, &evidence.paths).is_some();
        shown.then_some(evidence)
    }
}

/// What comes of comparing a seen note with a known one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meeting {
    /// One list.
    Same,
    /// Ask the log for the consistency proof between these sizes, and compare again.
    NeedsProof {
        /// The smaller size.
        from: u64,
        /// The larger size.
        to: u64,
    },
    /// Not one list.
    Contradiction(Evidence),
}

/// Compares a seen note with a known one of the same log; `proof` is what the log answered when it
/// was asked for the consistency proof between them, empty where it said that it has none.
pub fn meet(known: &SignedNote, seen: &Seen, proof: Option<Vec<Hash>>, now_ms: i64) -> Meeting {
    let turned = seen.note.checkpoint.size < known.checkpoint.size;
    let (before, after) = if turned {
        (&seen.note, known)
    } else {
        (known, &seen.note)
    };
    let (old, new) = (&before.checkpoint, &after.checkpoint);
    if old == new {
        return Meeting::Same;
    }
    let proof = match proof {
        _ if old.size == new.size => Vec::new(),
        Some(proof) => proof,
        None => {
            return Meeting::NeedsProof {
                from: old.size,
                to: new.size,
            };
        }
    };
    if verify_consistency(old.size, &old.root, new.size, &new.root, &proof).is_ok() {
        return Meeting::Same;
    }
    let under = if turned { Under::Before } else { Under::After };
    Meeting::Contradiction(Evidence {
        origin: old.origin.clone(),
        before: before.to_string(),
        after: after.to_string(),
        proof,
        paths: vec![seen.place(under)],
        found_ms: now_ms,
    })
}

impl Evidence {
    /// The code of what two notes of these sizes can show, without checking that they do.
    pub fn code(&self) -> Rejection {
        let size = |note: &str| SignedNote::parse(note).map(|note| note.checkpoint.size);
        match (size(&self.before), size(&self.after)) {
            (Ok(before), Ok(after)) if before == after => Rejection::Fork,
            (Ok(before), Ok(after)) if before > after => Rejection::Rollback,
            _ => Rejection::Inconsistent,
        }
    }

    /// Says what the file shows to whoever trusts the log's keys in `trust`.
    ///
    /// # Errors
    ///
    /// `ORIGIN_UNKNOWN`, also for a note of another log; `KEY_UNKNOWN`, `CHECKPOINT_SIGNATURE`;
    /// `INDEX_OUT_OF_RANGE`, `PATH_LENGTH`, `ENTRY_MISMATCH` for a path that leads elsewhere than
    /// to its note; `NO_CONTRADICTION`.
    pub fn check(&self, trust: &Trust) -> Result<Finding, Refused> {
        let log = trust.log(&self.origin).ok_or(Rejection::OriginUnknown)?;
        let before = SignedNote::parse(&self.before)?;
        let after = SignedNote::parse(&self.after)?;
        check_signed(&before, log)?;
        check_signed(&after, log)?;
        let (before, after) = (before.checkpoint, after.checkpoint);
        for place in &self.paths {
            let note = match place.under {
                Under::Before => &before,
                Under::After => &after,
            };
            if root_from_path(&place.leaf, place.index, note.size, &place.path)? != note.root {
                return Err(Rejection::EntryMismatch.into());
            }
        }
        let range = two_hashes((&before, &after), &self.paths);
        let (code, proven) = if before.size == after.size && before.root != after.root {
            (Rejection::Fork, true)
        } else if range.is_some() {
            (Rejection::Inconsistent, true)
        } else if after.size < before.size {
            (Rejection::Rollback, false)
        } else if verify_consistency(
            before.size,
            &before.root,
            after.size,
            &after.root,
            &self.proof,
        )
        .is_err()
            && before.size != after.size
        {
            (Rejection::Inconsistent, false)
        } else {
            return Err(Refused::NoContradiction);
        };
        Ok(Finding {
            code,
            proven,
            before,
            after,
            range: range.filter(|_| code == Rejection::Inconsistent),
        })
    }

    /// The file.
    pub fn to_json(&self) -> String {
        let hashes = |hashes: &[Hash]| hashes.iter().copied().map(Hash32).collect();
        let file = File {
            schema: SCHEMA.to_owned(),
            origin: self.origin.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
            proof: hashes(&self.proof),
            paths: self
                .paths
                .iter()
                .map(|place| {
                    Object(FilePath {
                        under: place.under,
                        index: place.index,
                        leaf: Hash32(place.leaf),
                        path: hashes(&place.path),
                    })
                })
                .collect(),
            found: self.found_ms,
        };
        // of strings and numbers alone: always JSON
        serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
    }

    /// Reads a file. Nothing of it is checked but its shape.
    ///
    /// # Errors
    ///
    /// `LIMIT_EXCEEDED` above 256 KiB, 64 nodes or 16 paths; `MALFORMED`;
    /// `UNSUPPORTED_VERSION` for another schema.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        if text.len() > MAX_FILE {
            return Err(Rejection::LimitExceeded);
        }
        let Object::<serde_json::Value>(any) =
            serde_json::from_str(text).map_err(|_| Rejection::Malformed)?;
        match any.get("schema").and_then(serde_json::Value::as_str) {
            Some(SCHEMA) => {}
            Some(_) => return Err(Rejection::UnsupportedVersion),
            None => return Err(Rejection::Malformed),
        }
        let Object::<File>(file) = serde_json::from_str(text).map_err(|_| Rejection::Malformed)?;
        let nodes = |nodes: Vec<Hash32>| {
            if nodes.len() > MAX_NODES {
                return Err(Rejection::LimitExceeded);
            }
            Ok(nodes.into_iter().map(|node| node.0).collect())
        };
        if file.paths.len() > MAX_PATHS {
            return Err(Rejection::LimitExceeded);
        }
        let paths = file.paths.into_iter().map(|Object(path)| {
            Ok(Place {
                under: path.under,
                index: path.index,
                leaf: path.leaf.0,
                path: nodes(path.path)?,
            })
        });
        Ok(Self {
            origin: file.origin,
            before: file.before,
            after: file.after,
            paths: paths.collect::<Result<_, Rejection>>()?,
            proof: nodes(file.proof)?,
            found_ms: file.found,
        })
    }
}

/// The log's signature, whoever else signed: a note that lacks only its quorum is the log's word.
fn check_signed(note: &SignedNote, log: &TrustedLog) -> Result<(), Rejection> {
    match note.verify(log) {
        Ok(_) | Err(Rejection::QuorumNotMet) => Ok(()),
        Err(why) => Err(why),
    }
}

/// The smallest range of entries, under both notes whole, that has one hash under each.
fn two_hashes((before, after): (&Checkpoint, &Checkpoint), paths: &[Place]) -> Option<(u64, u64)> {
    let mut known = [HashMap::new(), HashMap::new()];
    for (note, nodes) in [before, after].into_iter().zip(&mut known) {
        if note.size.is_power_of_two() {
            nodes.insert((0, note.size), note.root);
        }
    }
    for place in paths {
        let (note, nodes) = match place.under {
            Under::Before => (before, &mut known[0]),
            Under::After => (after, &mut known[1]),
        };
        for (range, hash) in subtrees(note.size, place) {
            nodes.insert(range, hash);
        }
    }
    let [of_before, of_after] = &known;
    let mut found: Vec<(u64, u64)> = of_before
        .iter()
        .filter(|(range, hash)| of_after.get(*range).is_some_and(|other| other != *hash))
        .map(|(range, _)| *range)
        .collect();
    found.sort_by_key(|(first, end)| (end - first, *first));
    found.first().copied()
}

/// Hashes that a path shows of perfect subtrees: entries `first..end`, as many as a power of two
/// and beginning at a multiple of it. In every larger log each of them is the same.
fn subtrees(size: u64, place: &Place) -> Vec<((u64, u64), Hash)> {
    let (mut low, mut high) = (0, size);
    let mut turns = Vec::new();
    while high - low > 1 {
        let middle = low + (1 << (high - low - 1).ilog2());
        let sibling = if place.index < middle {
            (middle, high)
        } else {
            (low, middle)
        };
        turns.push((sibling, (low, high)));
        (low, high) = if place.index < middle {
            (low, middle)
        } else {
            (middle, high)
        };
    }
    let (mut range, mut hash) = ((low, high), place.leaf);
    let mut all = vec![(range, hash)];
    for ((sibling, parent), node) in turns.into_iter().rev().zip(&place.path) {
        hash = if sibling.0 < range.0 {
            node_hash(node, &hash)
        } else {
            node_hash(&hash, node)
        };
        range = parent;
        all.push((sibling, *node));
        all.push((range, hash));
    }
    all.retain(|((first, end), _)| {
        let length = end - first;
        length.is_power_of_two() && first % length == 0
    });
    all
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    origin: String,
    before: String,
    after: String,
    proof: Vec<Hash32>,
    paths: Vec<Object<FilePath>>,
    found: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePath {
    under: Under,
    index: u64,
    leaf: Hash32,
    path: Vec<Hash32>,
}

const SCHEMA: &str = "vw-evidence/1";
/// The longest file, in bytes.
pub const MAX_FILE: usize = 256 << 10;
const MAX_NODES: usize = 64;
const MAX_PATHS: usize = 16;

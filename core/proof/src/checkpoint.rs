//! Checkpoints (C2SP tlog-checkpoint) as signed notes, with the log's signature
//! and witness cosignatures (C2SP tlog-cosignature).
//!
//! Invariant: a note has exactly three lines of body, and every line of a key
//! the verifier trusts must verify; lines of other keys are ignored.

use crate::hash::{Hash, sha256};
use crate::keys::{PublicKey, Signature};
use crate::trust::TrustedLog;
use crate::{Rejection, base64, merkle};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// The size and root of a named log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The RFC 9162 root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The note body: origin, size, root, each with its line feed.
    pub fn body(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            base64::encode(&self.root)
        )
    }

    /// Reads a note body.
    ///
    /// # Errors
    ///
    /// `MALFORMED`: other than three lines, a name outside the grammar, a number
    /// not in shortest form, a root not of 32 bytes.
    pub fn parse_body(body: &str) -> Result<Self, Rejection> {
        Self::parse(body).ok_or(Rejection::Malformed)
    }

    fn parse(body: &str) -> Option<Self> {
        let mut lines = body.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        if lines.next().is_some() || !is_name(origin) {
            return None;
        }
        Some(Self {
            origin: origin.into(),
            size: decimal(size)?,
            root: base64::decode(root)?.try_into().ok()?,
        })
    }

    /// Checks that this checkpoint of a log extends `old`, which was accepted before.
    ///
    /// `proof` is a consistency proof from the old size to this one.
    ///
    /// # Errors
    ///
    /// `ORIGIN_UNKNOWN` for another log; `ROLLBACK` for a smaller size; `FORK` for the
    /// same size with another root; `INCONSISTENT` for a proof that does not hold.
    pub fn check_extends(&self, old: &Checkpoint, proof: &[Hash]) -> Result<(), Rejection> {
        if self.origin != old.origin {
            Err(Rejection::OriginUnknown)
        } else if self.size < old.size {
            Err(Rejection::Rollback)
        } else if self.size == old.size && self.root != old.root {
            Err(Rejection::Fork)
        } else {
            merkle::verify_consistency(old.size, &old.root, self.size, &self.root, proof)
        }
    }
}

/// Checks that a cosignature time (seconds) is not over 24 hours before `now_ms`.
///
/// # Errors
///
/// `STALE`; a reason to warn, not to refuse.
pub fn check_fresh(cosigned_at: u64, now_ms: i64) -> Result<(), Rejection> {
    let now = u64::try_from(now_ms / 1000).unwrap_or(0);
    if now.saturating_sub(cosigned_at) > FRESH_SECONDS {
        Err(Rejection::Stale)
    } else {
        Ok(())
    }
}

/// Checks that a claimed time is not over five minutes ahead of `now_ms`.
///
/// # Errors
///
/// `FROM_FUTURE`.
pub fn check_not_from_future(claimed_ms: i64, now_ms: i64) -> Result<(), Rejection> {
    if claimed_ms.saturating_sub(now_ms) > AHEAD_MS {
        Err(Rejection::FromFuture)
    } else {
        Ok(())
    }
}

/// What a key signs in a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// The log: the body. Type 01.
    Log,
    /// A witness: time and body. Type 04.
    Witness,
}

impl KeyKind {
    const fn number(self) -> u8 {
        match self {
            KeyKind::Log => 1,
            KeyKind::Witness => 4,
        }
    }
}

/// A named Ed25519 key that signs notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    /// The log's origin, or the witness's name.
    pub name: String,
    /// What it signs.
    pub kind: KeyKind,
    /// The public key.
    pub key: [u8; 32],
}

impl NoteKey {
    /// The key of that name.
    ///
    /// # Errors
    ///
    /// `MALFORMED`: a name outside the grammar.
    pub fn new(name: &str, kind: KeyKind, key: [u8; 32]) -> Result<Self, Rejection> {
        if !is_name(name) {
            return Err(Rejection::Malformed);
        }
        Ok(Self {
            name: name.into(),
            kind,
            key,
        })
    }

    /// H(name || 0a || type || key)[0..4].
    pub fn id(&self) -> [u8; 4] {
        let kind = [b'\n', self.kind.number()];
        let [a, b, c, d, ..] = sha256(&[self.name.as_bytes(), &kind, &self.key]);
        [a, b, c, d]
    }

    /// Reads a C2SP vkey: name, hex id and base64 of type and key, with `+` between.
    ///
    /// # Errors
    ///
    /// `MALFORMED`: another form, or an id that is not the key's.
    pub fn parse_vkey(vkey: &str) -> Result<Self, Rejection> {
        Self::parse(vkey).ok_or(Rejection::Malformed)
    }

    /// The C2SP vkey.
    pub fn vkey(&self) -> String {
        let key = [[self.kind.number()].as_slice(), &self.key].concat();
        let id = u32::from_be_bytes(self.id());
        format!("{}+{id:08x}+{}", self.name, base64::encode(&key))
    }

    /// The note line by which a log signs `body`.
    pub fn sign(&self, body: &str, sign: impl FnOnce(&[u8]) -> Signature) -> NoteLine {
        NoteLine {
            name: self.name.clone(),
            blob: [self.id().as_slice(), &sign(body.as_bytes())].concat(),
        }
    }

    /// The note line by which a witness cosigns `body` at `time`, in seconds.
    pub fn cosign(&self, body: &str, time: u64, sign: impl FnOnce(&[u8]) -> Signature) -> NoteLine {
        let signature = sign(&cosignature_message(body, time));
        NoteLine {
            name: self.name.clone(),
            blob: [self.id().as_slice(), &time.to_be_bytes(), &signature].concat(),
        }
    }

    fn parse(vkey: &str) -> Option<Self> {
        let (name, rest) = vkey.split_once('+')?;
        let (_, encoded) = rest.split_once('+')?;
        let key = base64::decode(encoded)?;
        let (kind, key) = key.split_first()?;
        let kind = match kind {
            1 => KeyKind::Log,
            4 => KeyKind::Witness,
            _ => return None,
        };
        let parsed = Self::new(name, kind, key.try_into().ok()?).ok()?;
        (parsed.vkey() == vkey).then_some(parsed)
    }

    /// Checks this key's line; gives the time of a cosignature.
    fn check_line(&self, body: &str, blob: &[u8]) -> Option<u64> {
        let key = PublicKey::Ed25519(self.key);
        let (_, signed) = blob.split_first_chunk::<4>()?;
        let (message, signature, time) = match self.kind {
            KeyKind::Log => (body.as_bytes().to_vec(), signed, 0),
            KeyKind::Witness => {
                let (time, signature) = signed.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                (cosignature_message(body, time), signature, time)
            }
        };
        key.verifies(&message, signature.try_into().ok()?)
            .then_some(time)
    }
}

/// What a witness signs.
pub fn cosignature_message(body: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{body}").into_bytes()
}

/// One signature line of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteLine {
    /// The key's name.
    pub name: String,
    /// Key id (4 bytes), then a signature, or seconds (u64) and a cosignature.
    pub blob: Vec<u8>,
}

/// A checkpoint and who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    /// What is signed.
    pub checkpoint: Checkpoint,
    /// By whom: first the log, then witnesses.
    pub lines: Vec<NoteLine>,
}

impl SignedNote {
    /// Reads a signed note.
    ///
    /// # Errors
    ///
    /// `MALFORMED`; `LIMIT_EXCEEDED` above 16 lines or 64 KiB.
    pub fn parse(text: &str) -> Result<Self, Rejection> {
        if text.len() > MAX_NOTE {
            return Err(Rejection::LimitExceeded);
        }
        let (body, lines) = text.split_once("\n\n").ok_or(Rejection::Malformed)?;
        let checkpoint = Checkpoint::parse_body(&format!("{body}\n"))?;
        let lines = lines.strip_suffix('\n').ok_or(Rejection::Malformed)?;
        if lines.split('\n').count() > MAX_LINES {
            return Err(Rejection::LimitExceeded);
        }
        let lines = lines
            .split('\n')
            .map(|line| NoteLine::parse(line).ok_or(Rejection::Malformed))
            .collect::<Result<Vec<_>, _>>()?;
        check_distinct(lines.iter().map(NoteLine::borrowed))?;
        Ok(Self { checkpoint, lines })
    }

    /// Checks all lines of keys that `log` trusts.
    ///
    /// # Errors
    ///
    /// `ORIGIN_UNKNOWN`, `KEY_UNKNOWN`, `CHECKPOINT_SIGNATURE`, `QUORUM_NOT_MET`.
    pub fn verify(&self, log: &TrustedLog) -> Result<Witnessed, Rejection> {
        if self.checkpoint.origin != log.origin {
            return Err(Rejection::OriginUnknown);
        }
        let lines = self.lines.iter().map(NoteLine::borrowed);
        verify_lines(&self.checkpoint.body(), lines, log)
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.checkpoint.body())?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl NoteLine {
    /// Name and blob.
    pub fn borrowed(&self) -> (&str, &[u8]) {
        (&self.name, &self.blob)
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, blob) = line.strip_prefix(DASH)?.split_once(' ')?;
        let blob = base64::decode(blob)?;
        (is_name(name) && blob.len() >= MIN_BLOB).then(|| Self {
            name: name.to_string(),
            blob,
        })
    }
}

impl fmt::Display for NoteLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DASH}{} {}", self.name, base64::encode(&self.blob))
    }
}

/// What the witnesses said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// The names of the witnesses whose cosignature is valid, in line order.
    pub names: Vec<String>,
    /// How many witnesses the bundle knows for this log.
    pub of: usize,
    /// How many it asks for.
    pub quorum: usize,
    /// By when a quorum had seen it, in seconds; None where no quorum is asked for.
    pub time: Option<u64>,
}

/// Checks the signature lines under a note body.
///
/// # Errors
///
/// `KEY_UNKNOWN`: no line of a key of the log. `CHECKPOINT_SIGNATURE`: a line of a
/// known key does not verify. `QUORUM_NOT_MET`.
pub fn verify_lines<'a>(
    body: &str,
    lines: impl Iterator<Item = (&'a str, &'a [u8])> + Clone,
    log: &TrustedLog,
) -> Result<Witnessed, Rejection> {
    let known = |(name, blob): (&str, &[u8])| {
        let keys = log.keys.iter().chain(&log.witnesses);
        let id = blob.first_chunk::<4>()?;
        keys.into_iter()
            .find(|key| key.name == name && key.id() == *id)
    };
    let by_log = lines.clone().filter_map(known);
    if !by_log.into_iter().any(|key| key.kind == KeyKind::Log) {
        return Err(Rejection::KeyUnknown);
    }
    let mut names = Vec::new();
    let mut times = Vec::new();
    for line in lines {
        let Some(key) = known(line) else { continue };
        let time = key
            .check_line(body, line.1)
            .ok_or(Rejection::CheckpointSignature)?;
        if key.kind == KeyKind::Witness {
            names.push(key.name.clone());
            times.push(time);
        }
    }
    if times.len() < log.quorum {
        return Err(Rejection::QuorumNotMet);
    }
    times.sort_unstable();
    Ok(Witnessed {
        names,
        of: log.witnesses.len(),
        quorum: log.quorum,
        time: log
            .quorum
            .checked_sub(1)
            .and_then(|place| times.get(place).copied()),
    })
}

/// `MALFORMED` if one name has the same key id twice.
pub(crate) fn check_distinct<'a>(
    lines: impl Iterator<Item = (&'a str, &'a [u8])> + Clone,
) -> Result<(), Rejection> {
    let key = |(name, blob): (&'a str, &'a [u8])| (name, blob.first_chunk::<4>());
    let mut later = lines.clone();
    for line in lines {
        later.next();
        if later.clone().any(|other| key(other) == key(line)) {
            return Err(Rejection::Malformed);
        }
    }
    Ok(())
}

/// Whether `name` is an origin or key name: 1 to 128 of `A-Z a-z 0-9 . - _ : /`.
pub fn is_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|letter| letter.is_ascii_alphanumeric() || b".-_:/".contains(&letter))
}

/// A number in shortest decimal form.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

const DASH: &str = "\u{2014} ";
const MAX_NOTE: usize = 65_536;
/// The most signature lines.
pub(crate) const MAX_LINES: usize = 16;
/// Key id and at least one byte.
pub(crate) const MIN_BLOB: usize = 5;
const FRESH_SECONDS: u64 = 24 * 60 * 60;
const AHEAD_MS: i64 = 5 * 60 * 1000;

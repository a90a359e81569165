//! The signed notes that the log shows, and the cosignatures they collect.
//!
//! Shown is the newest note with a quorum of cosignatures, while it is at most five seconds
//! behind; else the newest note. What is shown never gets smaller.

use super::LogKey;
use crate::clock::Env;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use vitalwitness_domain::export::cose;
use vitalwitness_proof::Hash;
use vitalwitness_proof::checkpoint::{Checkpoint, NoteKey, NoteLine, SignedNote, verify_lines};
use vitalwitness_proof::trust::TrustedLog;

/// A signed checkpoint as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) size: u64,
    pub(crate) note: SignedNote,
}

/// The notes of one log.
#[derive(Debug)]
pub(crate) struct Notes {
    key: LogKey,
    origin: String,
    witnesses: Vec<NoteKey>,
    quorum: usize,
    env: Env,
    inner: Mutex<Inner>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By size; only the newest ones are kept.
    notes: BTreeMap<u64, Kept>,
    /// Size of the newest note with a quorum.
    witnessed: Option<u64>,
    /// Largest size that was shown.
    shown: u64,
}

#[derive(Debug, Clone)]
struct Kept {
    note: SignedNote,
    made_ms: i64,
}

impl Notes {
    pub(crate) fn new(key: LogKey, witnesses: Vec<NoteKey>, quorum: u32, env: Env) -> Self {
        Self {
            origin: key.note_key().name.clone(),
            key,
            witnesses,
            quorum: usize::try_from(quorum).unwrap_or(usize::MAX),
            env,
            inner: Mutex::default(),
            newest: watch::channel(0).0,
        }
    }

    /// Signs and shows a head. Its entries are durable before this is called.
    pub(crate) fn publish(&self, size: u64, root: Hash) {
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size,
            root,
        };
        let key = self.key.note_key();
        let line = key.sign(&checkpoint.body(), |body| self.key.sign(body));
        // the root once more, for receipts in COSE form; verifiers of notes pass this line over
        let in_cose = cose::line(key, &root, |message| self.key.sign(message));
        let note = SignedNote {
            checkpoint,
            lines: vec![line, in_cose],
        };
        let mut inner = self.lock();
        let made_ms = self.env.now_ms();
        inner.notes.entry(size).or_insert(Kept { note, made_ms });
        while inner.notes.len() > KEPT {
            let oldest = inner.notes.keys().copied().find(|size| {
                // the one that is shown stays
                Some(*size) != inner.witnessed
            });
            match oldest {
                Some(oldest) => inner.notes.remove(&oldest),
                None => break,
            };
        }
        drop(inner);
        self.newest.send_replace(size);
    }

    /// The newest note, cosigned or not.
    pub(crate) fn newest(&self) -> Option<Head> {
        self.lock().notes.iter().next_back().map(head)
    }

    /// The log's name.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The log's size.
    pub(crate) fn size(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Tells of each new size.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// What the log shows.
    pub(crate) fn shown(&self) -> Option<Head> {
        self.covering(0)
    }

    /// What the log shows, or the newest note where that does not cover `index`.
    pub(crate) fn covering(&self, index: u64) -> Option<Head> {
        let mut inner = self.lock();
        let (newest, _) = inner.notes.iter().next_back()?;
        let mut size = *newest;
        if let Some(witnessed) = inner.witnessed
            && witnessed >= inner.shown
            && witnessed > index
            && !self.is_late(&inner, witnessed)
        {
            size = witnessed;
        }
        inner.shown = inner.shown.max(size);
        inner.notes.get_key_value(&size).map(head)
    }

    /// Adds a witness's lines to the note of that size; unknown or bad ones are dropped.
    pub(crate) fn add_cosignatures(&self, size: u64, lines: Vec<NoteLine>) -> usize {
        let mut inner = self.lock();
        let Some(kept) = inner.notes.get_mut(&size) else {
            return 0;
        };
        let body = kept.note.checkpoint.body();
        let mut added = 0;
        for line in lines {
            let known = kept.note.lines.iter().any(|old| old.name == line.name);
            if !known && self.is_cosignature(&body, &line) {
                kept.note.lines.push(line);
                added += 1;
            }
        }
        let count = kept.note.lines.len().saturating_sub(OWN_LINES);
        if self.quorum > 0 && count >= self.quorum && inner.witnessed.is_none_or(|old| old < size) {
            inner.witnessed = Some(size);
        }
        added
    }

    /// Whether the note of that size has its quorum.
    pub(crate) fn is_witnessed(&self, size: u64) -> bool {
        self.lock().witnessed.is_some_and(|known| known >= size)
    }

    /// The trust bundle: what a verifier needs to know of this log.
    pub(crate) fn trust_bundle(&self) -> String {
        serde_json::json!({
            "schema": "vw-trust/1",
            "logs": [{
                "origin": self.origin,
                "keys": [self.key.note_key().vkey()],
                "witnesses": self.witnesses.iter().map(NoteKey::vkey).collect::<Vec<_>>(),
                "quorum": self.quorum,
            }],
        })
        .to_string()
    }

    /// A newer note has waited too long for its cosignatures.
    fn is_late(&self, inner: &Inner, witnessed: u64) -> bool {
        inner
            .notes
            .range(witnessed.saturating_add(1)..)
            .next()
            .is_some_and(|(_, next)| self.env.now_ms().saturating_sub(next.made_ms) > LATE_MS)
    }

    fn is_cosignature(&self, body: &str, line: &NoteLine) -> bool {
        let witness = self
            .witnesses
            .iter()
            .filter(|witness| witness.name == line.name)
            .cloned()
            .collect();
        let log = TrustedLog {
            origin: self.origin.clone(),
            keys: vec![self.key.note_key().clone()],
            witnesses: witness,
            quorum: 1,
        };
        let own = self.key.note_key().sign(body, |body| self.key.sign(body));
        verify_lines(body, [own.borrowed(), line.borrowed()].into_iter(), &log).is_ok()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // no step between lock and unlock leaves the notes half changed
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn head((size, kept): (&u64, &Kept)) -> Head {
    Head {
        size: *size,
        note: kept.note.clone(),
    }
}

/// The log's own lines stand before the witnesses'.
const OWN_LINES: usize = 2;
const LATE_MS: i64 = 5000;
/// More than are made while a slow witness answers.
const KEPT: usize = 4096;

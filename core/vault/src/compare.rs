//! Notes that others show: compared with the log as this vault knows it.
//!
//! A receipt from somebody else carries a note of the log. If the log tells each of us another
//! history, two such notes contradict each other. One size with two roots, or paths that give one
//! range of entries two hashes, show it at once, also offline; two sizes need a consistency proof,
//! asked from the log when it can be reached and kept as "to be checked" until then.
//!
//! Invariant: an older or newer note of an honest log is never evidence. Only what the log signed
//! counts, and only a refusal to prove, or a proof that fails, speaks against it; no answer does not.

use crate::Error;
use crate::client::{Client, ClientError, Transport};
use crate::heads::{Evidence, Head};
use crate::receipts::EventProof;
use crate::store::{DAMAGED, Kind, StoreError, Tx};
use crate::sync::{CloudSettings, link};
use crate::vault::{Core, Vault};
use std::sync::Arc;
use vitalwitness_domain::evidence::{Meeting, Seen, meet};
use vitalwitness_domain::wire::{Proof, slug};
use vitalwitness_proof::cbor::{Encoder, Reader};
use vitalwitness_proof::checkpoint::SignedNote;
use vitalwitness_proof::entry::entry_leaf;
use vitalwitness_proof::trust::TrustedLog;
use vitalwitness_proof::{Hash, Rejection, sha256};

/// What came of comparing a receipt's note with the log as this vault knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// One list: the same head, or one that extends the other.
    SameList,
    /// Two sizes and no answer from the log: kept, and checked at the next sync.
    ToBeChecked,
    /// The log contradicts itself: evidence is kept, and nothing is synced with it any more.
    Caught(Evidence),
    /// The receipt is of another log than this vault's.
    OtherLog,
    /// The log did not sign it, or it cannot be read: it says nothing about the log.
    Refused(Rejection),
}

impl Vault {
    /// Compares the note of a receipt, whoever gave it, with the log as this vault knows it.
    /// Without `transport` only what needs no answer from the log is found.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotConnected`] when no cloud is named; [`Error::Locked`].
    pub async fn compare(
        &self,
        receipt: &[u8],
        transport: Option<&Arc<dyn Transport>>,
    ) -> Result<Compared, Error> {
        let (settings, now_ms) = self.with(|core| {
            let settings = CloudSettings::load(&core.store.reader())?;
            let settings = settings.ok_or(ClientError::NotConnected)?;
            Ok::<_, Error>((settings, core.env.clock.now_ms()))
        })?;
        let log = settings.log()?;
        let seen = match Seen::of_receipt(receipt, &log) {
            Ok(seen) => seen,
            Err(Rejection::OriginUnknown) => return Ok(Compared::OtherLog),
            Err(why) => return Ok(Compared::Refused(why)),
        };
        if let Some(evidence) = self.with(|core| core.contradicted(&seen, &log, now_ms))? {
            return self.caught(evidence);
        }
        let head = self.with(|core| {
            let head = Head::load(&settings.origin, &core.store.reader())?;
            if head.as_ref().is_some_and(|head| is_same(head, &seen)) {
                return Ok(head);
            }
            core.store.write(|tx| keep(&seen, tx))?;
            Ok::<_, Error>(head)
        })?;
        let Some(head) = head else {
            return Ok(Compared::ToBeChecked);
        };
        if is_same(&head, &seen) {
            return Ok(Compared::SameList);
        }
        let Some(transport) = transport else {
            return Ok(Compared::ToBeChecked);
        };
        let client = self.client(transport)?;
        match against(&client, &head, &seen, now_ms).await? {
            Verdict::Unknown => Ok(Compared::ToBeChecked),
            Verdict::Same => {
                self.with(|core| Ok::<_, Error>(core.store.write(|tx| forget(&seen, tx))?))?;
                Ok(Compared::SameList)
            }
            Verdict::Caught(evidence) => self.caught(evidence),
        }
    }

    /// How many notes of receipts wait to be compared.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn to_be_compared(&self) -> Result<usize, Error> {
        self.with(|core| Ok(core.store.reader().all(Kind::Seen)?.len()))
    }

    fn caught(&self, evidence: Evidence) -> Result<Compared, Error> {
        log::error!("the log contradicts itself: {}", evidence.code);
        self.with(|core| {
            Ok::<_, Error>(core.store.write(|tx| {
                evidence.save(tx)?;
                link::freeze(&evidence.code, tx)
            })?)
        })?;
        Ok(Compared::Caught(evidence))
    }
}

/// Compares what waits with an accepted head. What turns out well is forgotten; what the log does
/// not answer for now waits on.
pub(crate) async fn settle(
    vault: &Vault,
    client: &Client,
    settings: &CloudSettings,
    head: &Head,
) -> Result<Option<Evidence>, Error> {
    let (waiting, now_ms) = vault.with(|core| {
        let reader = core.store.reader();
        let waiting = reader.all(Kind::Seen)?;
        let waiting = waiting.iter().map(|item| read(&item.plain));
        let waiting: Result<Vec<Seen>, _> = waiting.map(|seen| seen.map_err(|_| DAMAGED)).collect();
        Ok::<_, Error>((waiting?, core.env.clock.now_ms()))
    })?;
    for seen in waiting {
        if seen.note.checkpoint.origin != settings.origin {
            continue;
        }
        match against(client, head, &seen, now_ms).await? {
            Verdict::Unknown => break,
            Verdict::Same => {
                vault.with(|core| Ok::<_, Error>(core.store.write(|tx| forget(&seen, tx))?))?;
            }
            Verdict::Caught(evidence) => return Ok(Some(evidence)),
        }
    }
    Ok(None)
}

/// The log's consistency proof; empty where it says that it has none.
///
/// # Errors
///
/// Why there is no answer, which says nothing about the log.
pub async fn consistency(client: &Client, from: u64, to: u64) -> Result<Vec<Hash>, ClientError> {
    let target = format!("/v1/log/consistency?from={from}&to={to}");
    let proof: Result<Proof, _> = client.open("GET", &target, None::<&()>).await;
    match proof {
        Ok(proof) => Ok(proof.nodes.into_iter().map(|node| node.0).collect()),
        // It says that it cannot prove it: judged as a proof that does not hold. Too many
        // requests, a slow line and the like are no such word.
        Err(ClientError::Refused(problem))
            if [slug::BAD_REQUEST, slug::NOT_FOUND].contains(&problem.code.as_str()) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

enum Verdict {
    Same,
    Unknown,
    Caught(Evidence),
}

/// Judges a seen note against the accepted head, with the log's help where the sizes differ.
async fn against(client: &Client, head: &Head, seen: &Seen, now_ms: i64) -> Result<Verdict, Error> {
    let known = head.read()?;
    let mut meeting = meet(&known, seen, None, now_ms);
    if let Meeting::NeedsProof { from, to } = meeting {
        match consistency(client, from, to).await {
            Ok(proof) => meeting = meet(&known, seen, Some(proof), now_ms),
            Err(error) => log::warn!("a seen note could not be compared: {error}"),
        }
    }
    Ok(match meeting {
        Meeting::Same => Verdict::Same,
        Meeting::NeedsProof { .. } => Verdict::Unknown,
        Meeting::Contradiction(file) => Verdict::Caught(Evidence::of_file(file)),
    })
}

impl Core {
    /// Evidence that needs no answer from the log: the accepted head, notes that wait, and every
    /// note under which an own entry's place is kept.
    fn contradicted(
        &self,
        seen: &Seen,
        log: &TrustedLog,
        now_ms: i64,
    ) -> Result<Option<Evidence>, Error> {
        let reader = self.store.reader();
        if let Some(head) = Head::load(&log.origin, &reader)?
            && let Meeting::Contradiction(file) = meet(&head.read()?, seen, None, now_ms)
        {
            return Ok(Some(Evidence::of_file(file)));
        }
        let mut known = Vec::new();
        for kind in [Kind::BatchProof, Kind::EventProof] {
            for item in reader.all(kind)? {
                let proof = EventProof::decode(&item.plain).map_err(|_| DAMAGED)?;
                // from before the log's keys were these: says nothing now
                known.extend(proof.seen(log));
            }
        }
        for item in reader.all(Kind::Seen)? {
            known.push(read(&item.plain).map_err(|_| DAMAGED)?);
        }
        for other in &known {
            if let Some(file) = seen.contradicts(other, now_ms) {
                return Ok(Some(Evidence::of_file(file)));
            }
        }
        Ok(None)
    }
}

fn is_same(head: &Head, seen: &Seen) -> bool {
    head.read()
        .is_ok_and(|note| note.checkpoint == seen.note.checkpoint)
}

/// Keeps a seen note; beyond [`MOST`] it is forgotten instead: who floods us with receipts does not
/// fill the store.
fn keep(seen: &Seen, tx: &Tx<'_>) -> Result<(), StoreError> {
    let there = tx.get(Kind::Seen, &name(seen))?.is_some();
    if !there && tx.all(Kind::Seen)?.len() >= MOST {
        return Ok(());
    }
    let mut out = Encoder::new();
    out.array(4).text(&seen.note.to_string()).uint(seen.index);
    out.bytes(&seen.leaf).bytes(seen.path.as_flattened());
    tx.put(Kind::Seen, &name(seen), 0, &out.finish()).map(drop)
}

fn forget(seen: &Seen, tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.remove(Kind::Seen, &name(seen))
}

fn name(seen: &Seen) -> Hash {
    sha256(&[seen.note.checkpoint.body().as_bytes()])
}

fn read(plain: &[u8]) -> Result<Seen, Rejection> {
    let mut reader = Reader::new(plain);
    reader.array_of(4)?;
    let note = SignedNote::parse(reader.text()?)?;
    let (index, leaf) = (reader.uint()?, reader.byte_array()?);
    let (path, rest) = reader.bytes()?.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(Rejection::Malformed);
    }
    let path = path.to_vec();
    reader.finish()?;
    Ok(Seen {
        note,
        index,
        leaf,
        path,
    })
}

impl EventProof {
    /// The note this entry's place is kept under.
    fn seen(&self, log: &TrustedLog) -> Option<Seen> {
        let lines = self.lines.iter();
        let lines = lines.map(|(name, blob)| vitalwitness_proof::checkpoint::NoteLine {
            name: name.clone(),
            blob: blob.clone(),
        });
        Seen::new(
            (&self.origin, self.size, lines.collect()),
            (self.index, entry_leaf(&self.entry), self.path.clone()),
            log,
        )
        .ok()
    }
}

/// Notes that wait.
const MOST: usize = 1_000;

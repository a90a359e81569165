//! A patient's list of events as a grantee checks it.
//!
//! Invariant: a [`List`] begins with its owner's own ENROL, and every later entry follows the one
//! before it; a signature whose key is there has been checked.

use super::cloud::failed;
use super::compare::{keep_evidence, settle};
use super::home::{Home, Papers};
use crate::outcome::{Exit, Failure, Outcome};
use std::collections::HashMap;
use std::path::Path;
use vitalwitness_domain::evidence::Evidence;
use vitalwitness_domain::wire::{ChannelEntries, Id16, Proof};
use vitalwitness_proof::Rejection;
use vitalwitness_proof::checkpoint::SignedNote;
use vitalwitness_proof::entry::{Channel, Entry, Event, EventType, Purpose, entry_leaf};
use vitalwitness_proof::keys::{Id, PublicKey, Signature, id_of};
use vitalwitness_proof::{Hash, merkle};
use vitalwitness_vault::client::Client;

/// An entry, its bytes and its place in the log.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The entry.
    pub(crate) entry: Entry,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// Its index in the log.
    pub(crate) index: u64,
}

/// The entries of one channel, checked.
#[derive(Debug)]
pub(crate) struct List {
    entries: Vec<Listed>,
    keys: HashMap<Id, PublicKey>,
    owner: Id,
}

impl List {
    /// Reads and checks all entries the caller may see.
    pub(crate) async fn read(client: &Client, channel: &Channel) -> Outcome<Self> {
        let mut entries: Vec<Listed> = Vec::new();
        let mut keys = HashMap::new();
        loop {
            let after = entries.last().map_or(0, |last| last.entry.seq);
            let path = format!("/v1/channels/{}/entries?after={after}", Id16(*channel));
            let page: ChannelEntries = client
                .call("GET", &path, None::<&()>)
                .await
                .map_err(|error| failed(&error))?;
            for spki in &page.keys {
                let key = PublicKey::from_spki(&spki.0).map_err(distrust)?;
                keys.insert(key.id(), key);
            }
            if page.entries.is_empty() {
                break;
            }
            for logged in page.entries {
                let entry = Entry::decode(&logged.entry.0).map_err(distrust)?;
                let before = entries
                    .last()
                    .map(|last| (&last.entry, last.bytes.as_slice()));
                entry.check_follows(before).map_err(distrust)?;
                if entry.event.channel != *channel {
                    return Err(distrust(Rejection::EntryMismatch));
                }
                entries.push(Listed {
                    entry,
                    bytes: logged.entry.0,
                    index: logged.index,
                });
            }
        }
        Self::check(entries, keys).map_err(distrust)
    }

    /// Checks what was read as a whole.
    fn check(entries: Vec<Listed>, keys: HashMap<Id, PublicKey>) -> Result<Self, Rejection> {
        let first = entries.first().ok_or(Rejection::SeqGap)?;
        let owner = first.entry.event.owner;
        if !first.entry.event.enrols_owner() || first.entry.signed.signer != owner {
            return Err(Rejection::EntryMismatch);
        }
        for listed in &entries {
            let entry = &listed.entry;
            if entry.event.owner != owner {
                return Err(Rejection::EntryMismatch);
            }
            entry.signed.check_range(entry.event.kind)?;
            if let Some(key) = keys.get(&entry.signed.signer) {
                entry.signed.verify(entry.event.kind, key)?;
            }
        }
        if !keys.contains_key(&owner) {
            return Err(Rejection::EntrySignature);
        }
        Ok(Self {
            entries,
            keys,
            owner,
        })
    }

    /// Id of the owner's key in this channel.
    pub(crate) fn owner(&self) -> Id {
        self.owner
    }

    /// The entry of that type and recordhash.
    pub(crate) fn find(&self, kind: EventType, recordhash: &Hash) -> Option<&Listed> {
        self.entries.iter().find(|listed| {
            listed.entry.event.kind == kind && listed.entry.event.recordhash == *recordhash
        })
    }

    /// Whether a REVOKE by the owner, or by a key that may, ends what has this recordhash.
    pub(crate) fn is_revoked(&self, recordhash: &Hash) -> bool {
        self.find(EventType::Revoke, recordhash)
            .is_some_and(|revoke| self.counts(&revoke.entry))
    }

    /// Whether the owner's side signed it, with a key that may sign this and was not ended before.
    pub(crate) fn counts(&self, entry: &Entry) -> bool {
        let signer = &entry.signed.signer;
        let kind = entry.event.kind;
        if !self.keys.contains_key(signer) {
            return false;
        }
        if *signer == self.owner {
            return matches!(kind, EventType::Enrol | EventType::Revoke);
        }
        self.enrolment(signer).is_some_and(|enrol| {
            enrol.entry.event.enrolled_may_sign(kind)
                && enrol.entry.seq < entry.seq
                && !self.ended_before(&enrol.entry.event.recordhash, entry.seq)
        })
    }

    /// The key of a device of the owner that may sign envelopes now.
    pub(crate) fn device_key(&self, signer: &Id) -> Option<&PublicKey> {
        let enrol = self.enrolment(signer)?;
        let event = &enrol.entry.event;
        let device = event.purpose.unwrap_or(Purpose::Device) == Purpose::Device;
        let live = !self.ended_before(&event.recordhash, u64::MAX);
        (device && live && !event.enrols_owner())
            .then(|| self.keys.get(signer))
            .flatten()
    }

    /// The ENROL of a key, signed by the owner's key.
    fn enrolment(&self, signer: &Id) -> Option<&Listed> {
        self.entries.iter().find(|listed| {
            let entry = &listed.entry;
            entry.event.kind == EventType::Enrol
                && id_of(&entry.event.recordhash) == *signer
                && entry.signed.signer == self.owner
        })
    }

    /// Whether the owner's key ended a key before entry `seq`.
    fn ended_before(&self, recordhash: &Hash, seq: u64) -> bool {
        self.entries.iter().any(|listed| {
            let entry = &listed.entry;
            entry.event.kind == EventType::Revoke
                && entry.event.recordhash == *recordhash
                && entry.signed.signer == self.owner
                && entry.seq < seq
        })
    }

    /// What a receipt of an entry carries besides: keys, and the signer's ENROL with its signature.
    pub(crate) fn papers_of(&self, entry: &Entry) -> (Vec<PublicKey>, Option<(&[u8], Signature)>) {
        let signer = &entry.signed.signer;
        let keys = [signer, &self.owner]
            .into_iter()
            .filter_map(|id| self.keys.get(id).cloned())
            .collect();
        let enrolment = self
            .enrolment(signer)
            .map(|enrol| &enrol.entry.signed)
            .map(|signed| (signed.event.as_slice(), signed.signature));
        (keys, enrolment)
    }
}

/// The log's newest checkpoint, checked against the one accepted before, which it then replaces;
/// what waits to be compared is compared with it.
pub(crate) async fn accept_head(client: &Client, home: &mut Home) -> Outcome<SignedNote> {
    let dir = home.dir().to_owned();
    let note = newest_head(client, &dir, &mut home.papers).await?;
    settle(client, &dir, &home.papers).await?;
    Ok(note)
}

/// The same for the papers in `dir`; what waits goes on waiting.
pub(crate) async fn newest_head(
    client: &Client,
    dir: &Path,
    papers: &mut Papers,
) -> Outcome<SignedNote> {
    let text = client
        .open_text("/v1/log/checkpoint")
        .await
        .map_err(|error| failed(&error))?;
    let note = SignedNote::parse(&text).map_err(distrust)?;
    note.verify(&papers.log(dir)?).map_err(distrust)?;
    if let Some(before) = &papers.head {
        let before = SignedNote::parse(before).map_err(distrust)?.checkpoint;
        let (from, to) = (before.size, note.checkpoint.size);
        let proof = if from < to {
            let proof = vitalwitness_vault::consistency(client, from, to).await;
            proof.map_err(|error| failed(&error))?
        } else {
            Vec::new()
        };
        if let Err(why) = note.checkpoint.check_extends(&before, &proof) {
            let found = Evidence {
                origin: before.origin.clone(),
                before: papers.head.clone().unwrap_or_default(),
                after: text,
                proof,
                paths: Vec::new(),
                found_ms: client.server_now_ms(),
            };
            keep_evidence(dir, &found)?;
            return Err(distrust(why));
        }
    }
    papers.head = Some(text);
    papers.save(dir)?;
    Ok(note)
}

/// The checked path of an entry under a checkpoint.
pub(crate) async fn inclusion(
    client: &Client,
    note: &SignedNote,
    listed: &Listed,
) -> Outcome<Vec<Hash>> {
    let head = &note.checkpoint;
    let path = format!(
        "/v1/log/inclusion?index={}&size={}",
        listed.index, head.size
    );
    let proof: Proof = client
        .open("GET", &path, None::<&()>)
        .await
        .map_err(|error| failed(&error))?;
    let nodes: Vec<Hash> = proof.nodes.iter().map(|node| node.0).collect();
    let root = merkle::root_from_path(&entry_leaf(&listed.bytes), listed.index, head.size, &nodes)
        .map_err(distrust)?;
    if root != head.root {
        return Err(distrust(Rejection::CheckpointSignature));
    }
    Ok(nodes)
}

/// What the cloud shows does not hold together: not believed, and said so.
pub(crate) fn distrust(why: Rejection) -> Failure {
    let exit = match why {
        Rejection::OriginUnknown | Rejection::KeyUnknown | Rejection::QuorumNotMet => {
            Exit::CannotTell
        }
        _ => Exit::NotValid,
    };
    let sentence = match why {
        Rejection::QuorumNotMet => {
            "Too few witnesses have seen the newest list yet; try again in a moment."
        }
        Rejection::Rollback | Rejection::Fork | Rejection::Inconsistent => {
            "The service shows another list than before; nothing of it was accepted. Keep this directory as evidence."
        }
        _ => "What the service shows does not hold together; nothing of it was accepted.",
    };
    Failure::new(exit, why.code(), sentence)
}

/// Whether an event is what a grantee's own organisation received.
pub(crate) fn is_for(event: &Event, receiver: &Id) -> bool {
    event.receiver.as_ref() == Some(receiver)
}

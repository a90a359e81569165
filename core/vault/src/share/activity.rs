//! Who asked, who got in, who was refused: entries of the owner's channels and what the cloud says
//! it refused, in order of time.
//!
//! An ACCESS names its batches by a root over them only. Which they were is found out by trying
//! what the grants could show; where nothing fits, the row says so and counts nothing.

use super::Party;
use super::kept::{KeptGrant, KeptRequest};
use crate::Error;
use crate::store::Kind;
use crate::sync::{entries::Kept, errands};
use crate::vault::{Core, Vault};
use std::collections::HashMap;
use std::fmt;
use vitalwitness_domain::record::{Hash, Id};
use vitalwitness_domain::wire::Refusal;
use vitalwitness_proof::entry::{Entry, EventType};
use vitalwitness_proof::merkle::Tree;

/// One row.
#[derive(Clone, PartialEq)]
pub struct Activity {
    /// When, as who did it says; of a refusal, as the cloud says. ms UTC.
    pub time_ms: i64,
    /// Category byte of the channel.
    pub category: u8,
    /// What was done.
    pub done: Done,
    /// The organisation it is about; its name is empty where no certificate of it was seen.
    pub organisation: Option<Party>,
    /// Who signed, where it was a person of the organisation.
    pub person: Option<Party>,
    /// What the entry records; for its receipt.
    pub recordhash: Option<Hash>,
    /// Its entry's place in the channel; none: a refusal, which is no entry.
    pub seq: Option<u64>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A key of the owner was enrolled.
    Enrolled,
    /// Records were logged.
    Logged {
        /// The batch, if it is here.
        batch: Option<Id>,
        /// How many records stand in it.
        records: u64,
    },
    /// Somebody asked.
    Asked,
    /// The owner granted.
    Granted,
    /// The owner denied.
    Denied,
    /// The owner revoked a grant or a key.
    Revoked,
    /// Somebody got records.
    Accessed {
        /// The batches, where they could be found out.
        batches: Vec<Id>,
        /// How many records stand in them; none: not found out.
        records: Option<u64>,
    },
    /// Somebody broke the glass.
    Emergency,
    /// Somebody was refused, with this code.
    Refused {
        /// The cloud's code.
        code: String,
    },
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.done {
            Done::Enrolled => "Enrolled",
            Done::Logged { .. } => "Logged",
            Done::Asked => "Asked",
            Done::Granted => "Granted",
            Done::Denied => "Denied",
            Done::Revoked => "Revoked",
            Done::Accessed { .. } => "Accessed",
            Done::Emergency => "Emergency",
            Done::Refused { .. } => "Refused",
        };
        write!(f, "Activity({name})")
    }
}

impl Vault {
    /// What was done in the owner's channels from `from_ms` on and before `to_ms`, oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`].
    pub fn activity(&self, from_ms: i64, to_ms: i64) -> Result<Vec<Activity>, Error> {
        self.with(|core| {
            let mut rows = core.activity()?;
            rows.retain(|row| (from_ms..to_ms).contains(&row.time_ms));
            rows.sort_by_key(|row| (row.time_ms, row.seq.unwrap_or(u64::MAX)));
            Ok(rows)
        })
    }
}

impl Core {
    fn activity(&self) -> Result<Vec<Activity>, Error> {
        let reader = self.store.reader();
        let names = self.names()?;
        let party = |id: Id| Party {
            id,
            name: names.get(&id).cloned().unwrap_or_default(),
        };
        let roots = Roots::of(self)?;
        let mut rows = Vec::new();
        for kept in Kept::all(&reader)? {
            let entry = kept.read()?;
            let event = &entry.event;
            let owners = matches!(
                event.kind,
                EventType::Enrol | EventType::Grant | EventType::Deny | EventType::Revoke
            ) || (event.kind == EventType::Batch && event.receiver.is_none());
            rows.push(Activity {
                time_ms: event.time,
                category: event.channel[0],
                done: roots.done(&entry, kept.index),
                organisation: event.receiver.map(party),
                person: (!owners).then(|| party(entry.signed.signer)),
                recordhash: Some(event.recordhash),
                seq: Some(entry.seq),
            });
        }
        for item in reader.all(Kind::Refusal)? {
            let refusal: Refusal = errands::read(&item.plain)?;
            rows.push(Activity {
                time_ms: refusal.time,
                category: refusal.channel.0[0],
                done: Done::Refused { code: refusal.code },
                organisation: Some(party(refusal.organisation.0)),
                person: None,
                recordhash: None,
                seq: None,
            });
        }
        Ok(rows)
    }

    /// Every ACCESS of the owner's channels with the batches it was of; where they cannot be found
    /// out, all that its receiver could have seen then.
    pub(crate) fn deliveries(&self) -> Result<Vec<Delivered>, Error> {
        let roots = Roots::of(self)?;
        let mut all = Vec::new();
        for kept in Kept::all(&self.store.reader())? {
            let entry = kept.read()?;
            if entry.event.kind != EventType::Access {
                continue;
            }
            let (batches, exact) = match roots.accessed(&entry, kept.index) {
                Done::Accessed {
                    batches,
                    records: Some(_),
                } => (batches, true),
                _ => (roots.could_see(&entry, kept.index), false),
            };
            all.push(Delivered {
                entry,
                index: kept.index,
                bytes: kept.bytes,
                batches,
                exact,
            });
        }
        Ok(all)
    }

    /// Names of organisations and persons, from requests and grants that held.
    pub(crate) fn names(&self) -> Result<HashMap<Id, String>, Error> {
        let reader = self.store.reader();
        let mut names = HashMap::new();
        for kept in KeptGrant::all(&reader)? {
            names.insert(kept.organisation.id, kept.organisation.name);
        }
        for kept in KeptRequest::all(&reader)? {
            if let Some(checked) = kept.checked {
                names.insert(checked.organisation.id, checked.organisation.name);
                names.insert(checked.person.id, checked.person.name);
            }
        }
        Ok(names)
    }
}

/// An ACCESS and what it was of.
pub(crate) struct Delivered {
    pub(crate) entry: Entry,
    /// In the log.
    pub(crate) index: u64,
    /// Full bytes of the entry.
    pub(crate) bytes: Vec<u8>,
    pub(crate) batches: Vec<Id>,
    /// The batches are exactly those of the entry's root.
    pub(crate) exact: bool,
}

/// Batch roots by the log's order, and which of them a grantee could see.
struct Roots {
    /// Index of the BATCH entry, root, batch, records, stream code, for each batch here.
    batches: Vec<Logged>,
    /// Per receiver, for each of its grants: positions in `batches` that it shows.
    shown: HashMap<Id, Vec<Vec<usize>>>,
}

struct Logged {
    index: u64,
    root: Hash,
    batch: Id,
    records: u64,
    code: String,
}

impl Roots {
    fn of(core: &Core) -> Result<Self, Error> {
        let reader = core.store.reader();
        let mut by_root = HashMap::new();
        for kept in Kept::all(&reader)? {
            let event = kept.read()?.event;
            if event.kind == EventType::Batch {
                by_root.insert(event.recordhash, kept.index);
            }
        }
        let grants = KeptGrant::all(&reader)?;
        let mut batches = Vec::new();
        let mut shown: HashMap<Id, Vec<Vec<usize>>> = HashMap::new();
        let mut of_grant = vec![Vec::new(); grants.len()];
        for (_, batch) in core.index.all() {
            let Some(sealed) = batch.header.sealed else {
                continue;
            };
            let Some(index) = by_root.get(&sealed.root) else {
                continue;
            };
            for (grant, positions) in grants.iter().zip(&mut of_grant) {
                if grant.shows(&batch.stream) {
                    positions.push(batches.len());
                }
            }
            batches.push(Logged {
                index: *index,
                root: sealed.root,
                batch: batch.header.id,
                records: u64::from(batch.header.count),
                code: batch.stream.code.clone(),
            });
        }
        for (grant, positions) in grants.iter().zip(of_grant) {
            let receiver = grant.document.person.unwrap_or(grant.document.organisation);
            shown.entry(receiver).or_default().push(positions);
        }
        Ok(Self { batches, shown })
    }

    fn done(&self, entry: &Entry, index: u64) -> Done {
        let event = &entry.event;
        match event.kind {
            EventType::Enrol => Done::Enrolled,
            EventType::Batch => {
                let found = self.batches.iter().find(|b| b.root == event.recordhash);
                Done::Logged {
                    batch: found.map(|found| found.batch),
                    records: found.map_or(0, |found| found.records),
                }
            }
            EventType::Request => Done::Asked,
            EventType::Grant => Done::Granted,
            EventType::Deny => Done::Denied,
            EventType::Revoke => Done::Revoked,
            EventType::Access => self.accessed(entry, index),
            _ => Done::Emergency,
        }
    }

    /// All that any grant to the receiver showed when the ACCESS was logged.
    fn could_see(&self, entry: &Entry, index: u64) -> Vec<Id> {
        let receiver = entry.event.receiver.unwrap_or_default();
        let grants = self.shown.get(&receiver).into_iter().flatten();
        let mut seen: Vec<usize> = grants.flatten().copied().collect();
        seen.sort_unstable();
        seen.dedup();
        let batches = seen.into_iter().map(|at| &self.batches[at]);
        let then = batches.filter(|batch| batch.index < index);
        then.map(|batch| batch.batch).collect()
    }

    /// Which batches an ACCESS was of: all that a grant showed then, all of one code of it, one
    /// batch, or all since a batch.
    fn accessed(&self, entry: &Entry, index: u64) -> Done {
        let receiver = entry.event.receiver.unwrap_or_default();
        for grant in self.shown.get(&receiver).into_iter().flatten() {
            let mut then: Vec<&Logged> = grant.iter().map(|at| &self.batches[*at]).collect();
            then.retain(|batch| batch.index < index);
            then.sort_by_key(|batch| batch.index);
            let mut tries: Vec<Vec<&Logged>> = vec![then.clone()];
            let mut codes: Vec<&str> = then.iter().map(|batch| batch.code.as_str()).collect();
            codes.sort_unstable();
            codes.dedup();
            for code in codes {
                let of_code = then.iter().filter(|batch| batch.code == code);
                tries.push(of_code.copied().collect());
            }
            tries.extend(then.iter().map(|batch| vec![*batch]));
            tries.extend((1..then.len()).map(|from| then[from..].to_vec()));
            for batches in tries.into_iter().take(MOST_TRIES) {
                if access_root(&batches) == Some(entry.event.recordhash) {
                    return Done::Accessed {
                        records: Some(batches.iter().map(|batch| batch.records).sum()),
                        batches: batches.iter().map(|batch| batch.batch).collect(),
                    };
                }
            }
        }
        Done::Accessed {
            batches: Vec::new(),
            records: None,
        }
    }
}

/// recordhash of an ACCESS: the RFC 9162 root over the batch roots, ascending, each once.
fn access_root(batches: &[&Logged]) -> Option<Hash> {
    let mut roots: Vec<Hash> = batches.iter().map(|batch| batch.root).collect();
    roots.sort_unstable();
    roots.dedup();
    (!roots.is_empty()).then(|| Tree::of_leaves(&roots).root())
}

/// Enough for a year of records by code; each costs one hash per batch.
const MOST_TRIES: usize = 2_000;

//! The cloud by the rules of its interface.

use crate::PARTS;
use crate::phone::{Batch, Grant, Sealed, Sends, StreamKey};
use std::collections::{BTreeMap, BTreeSet};
use vitalwitness_domain::wire::slug;

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Batch(Batch, Sealed),
    Closed(StreamKey),
    Granted(Grant),
    Revoked(Grant),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Batch(Batch),
    Grant(Grant),
    Revoke(Grant),
    Access(Grant, Batch),
}

#[derive(Debug, Default)]
pub(crate) struct Cloud {
    pub(crate) now: i64,
    pub(crate) parts: BTreeMap<Batch, BTreeSet<u32>>,
    pub(crate) batches: BTreeMap<Batch, Sealed>,
    pub(crate) closed: BTreeSet<StreamKey>,
    pub(crate) grants: BTreeMap<Grant, (usize, bool, BTreeSet<StreamKey>)>,
    pub(crate) log: Vec<Entry>,
    pub(crate) changes: Vec<Change>,
    pub(crate) sessions: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
pub(crate) enum Request {
    SignIn(i64),
    Pull(u64),
    Announce(Batch, Sealed),
    Part(Batch, u32),
    Commit(Batch, Sealed),
    Send(Sends),
    Head,
    Check(Batch),
}

#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Ok,
    Session(i64),
    Changes(Vec<(u64, Change)>, u64),
    Missing(Vec<u32>),
    No(u16, &'static str),
    Skew(i64),
}

impl Cloud {
    pub(crate) fn answer(&mut self, phone: usize, request: &Request) -> Reply {
        match request {
            Request::SignIn(clock) if (clock - self.now).abs() > 300_000 => {
                return Reply::Skew(self.now);
            }
            Request::SignIn(..) => {
                self.sessions.insert(phone);
                return Reply::Session(self.now + 600_000);
            }
            _ if !self.sessions.contains(&phone) => return Reply::No(401, slug::SESSION),
            _ => {}
        }
        match request {
            Request::Pull(after) => {
                let from = usize::try_from(*after).unwrap();
                let page = self.changes.iter().enumerate().skip(from).take(4);
                let page = page.map(|(at, change)| (at as u64 + 1, change.clone()));
                Reply::Changes(page.collect(), self.changes.len() as u64)
            }
            Request::Announce(batch, sealed) => {
                if self.batches.contains_key(batch) {
                    return Reply::Missing(Vec::new());
                }
                if self.closed.contains(&sealed.key) {
                    return Reply::No(409, slug::KEY_CLOSED);
                }
                let here = self.parts.entry(*batch).or_default();
                Reply::Missing((0..PARTS).filter(|part| !here.contains(part)).collect())
            }
            Request::Part(batch, part) => {
                self.parts.entry(*batch).or_default().insert(*part);
                Reply::Ok
            }
            Request::Commit(batch, sealed) => self.commit(*batch, sealed),
            Request::Send(sends) => self.take(sends),
            Request::Head => Reply::Ok,
            Request::Check(batch) if self.log.contains(&Entry::Batch(*batch)) => Reply::Ok,
            Request::Check(_) | Request::SignIn(..) => Reply::No(404, slug::NOT_FOUND),
        }
    }

    pub(crate) fn commit(&mut self, batch: Batch, sealed: &Sealed) -> Reply {
        if let Some(there) = self.batches.get(&batch) {
            // The event may have been signed anew; the bytes are the same.
            let same = (there.key, &there.records) == (sealed.key, &sealed.records);
            assert!(same, "one batch id, two contents");
            return Reply::Ok;
        }
        if self.closed.contains(&sealed.key) {
            return Reply::No(409, slug::KEY_CLOSED);
        }
        if self.parts.get(&batch).map_or(0, BTreeSet::len) < PARTS as usize {
            return Reply::No(409, slug::CONFLICT);
        }
        if sealed.time > self.now + 300_000 {
            return Reply::No(400, slug::FROM_FUTURE);
        }
        self.log.push(Entry::Batch(batch));
        self.batches.insert(batch, sealed.clone());
        self.changes.push(Change::Batch(batch, sealed.clone()));
        Reply::Ok
    }

    pub(crate) fn take(&mut self, sends: &Sends) -> Reply {
        match sends {
            Sends::Batch(_) => Reply::No(400, slug::BAD_REQUEST),
            Sends::Grant(grant, grantee, keys) => {
                if !self.grants.contains_key(grant) {
                    self.log.push(Entry::Grant(*grant));
                    self.grants.insert(*grant, (*grantee, true, keys.clone()));
                    self.changes.push(Change::Granted(*grant));
                }
                Reply::Ok
            }
            Sends::Envelope(grant, key) => {
                match self.grants.get_mut(grant) {
                    Some((_, true, keys)) => keys.insert(*key),
                    _ => return Reply::No(409, slug::REVOKED),
                };
                Reply::Ok
            }
            Sends::Revoke(grant, closed) => {
                let Some((_, live, keys)) = self.grants.get_mut(grant) else {
                    return Reply::No(404, slug::NOT_FOUND);
                };
                if *live {
                    *live = false;
                    keys.clear();
                    self.log.push(Entry::Revoke(*grant));
                    self.changes.push(Change::Revoked(*grant));
                    for key in closed {
                        if self.closed.insert(*key) {
                            self.changes.push(Change::Closed(*key));
                        }
                    }
                }
                Reply::Ok
            }
        }
    }

    /// A grantee asks for a batch; logged first.
    pub(crate) fn access(&mut self, grantee: usize, grant: Grant, batch: Batch) -> Option<Sealed> {
        let (receiver, live, keys) = self.grants.get(&grant)?;
        let sealed = self.batches.get(&batch)?;
        if *receiver != grantee || !live || !keys.contains(&sealed.key) {
            return None;
        }
        self.log.push(Entry::Access(grant, batch));
        Some(sealed.clone())
    }
}

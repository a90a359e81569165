//! A phone's store and what its transactions do to it.

use crate::cloud::{Change, Reply, Request};
use std::collections::{BTreeMap, BTreeSet};
use vitalwitness_domain::sync::{Backoff, ItemId, Queued, Step, SyncTask, View};

pub(crate) type Batch = u64;
pub(crate) type StreamKey = u64;
pub(crate) type Grant = u64;
pub(crate) type Record = u64;

/// What an outbox item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sends {
    Batch(Batch),
    Grant(Grant, usize, BTreeSet<StreamKey>),
    Envelope(Grant, StreamKey),
    Revoke(Grant, BTreeSet<StreamKey>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) key: StreamKey,
    pub(crate) records: Vec<Record>,
    pub(crate) time: i64,
}

/// The durable half of a phone.
#[derive(Debug, Clone, Default)]
pub(crate) struct PhoneStore {
    pub(crate) cursor: u64,
    pub(crate) applied: Vec<u64>,
    pub(crate) session_end: Option<i64>,
    pub(crate) backoff: Backoff,
    pub(crate) offset: i64,
    pub(crate) open: Vec<Record>,
    pub(crate) key: Option<StreamKey>,
    pub(crate) keys: BTreeSet<StreamKey>,
    pub(crate) closed: BTreeSet<StreamKey>,
    pub(crate) batches: BTreeMap<Batch, Sealed>,
    pub(crate) stored: BTreeSet<Batch>,
    pub(crate) checked: BTreeSet<Batch>,
    pub(crate) outbox: BTreeMap<ItemId, (u8, Sends)>,
    pub(crate) aside: BTreeMap<ItemId, String>,
    pub(crate) grants: BTreeMap<Grant, bool>,
    pub(crate) next: u64,
}

impl PhoneStore {
    pub(crate) fn queue(&mut self, priority: u8, sends: Sends) {
        self.next += 1;
        let id = i64::try_from(self.next).unwrap();
        self.outbox.insert(id, (priority, sends));
    }

    pub(crate) fn view(&self) -> View {
        let mut order: Vec<_> = self
            .outbox
            .iter()
            .filter(|(id, _)| !self.aside.contains_key(id))
            .map(|(id, (priority, sends))| (*priority, *id, matches!(sends, Sends::Batch(_))))
            .collect();
        order.sort_unstable();
        let pick = |wanted: &dyn Fn(&(u8, ItemId, bool)) -> bool| {
            order
                .iter()
                .find(|item| wanted(item))
                .map(|(_, id, batch)| Queued {
                    id: *id,
                    batch: *batch,
                })
        };
        View {
            registered: true,
            session_end_ms: self.session_end,
            cursor: self.cursor,
            first: pick(&|_| true),
            first_urgent: pick(&|(priority, ..)| *priority < 4),
            first_small: pick(&|(.., batch)| !batch),
            unchecked: self
                .stored
                .difference(&self.checked)
                .next()
                .map(|batch| i64::try_from(*batch).unwrap()),
        }
    }
}

pub(crate) struct Phone {
    pub(crate) number: usize,
    pub(crate) store: PhoneStore,
    pub(crate) task: Option<SyncTask>,
    pub(crate) clock_error: i64,
    pub(crate) disk_full: bool,
}

impl Phone {
    /// One transaction: all of it, or, on a full disk, none.
    pub(crate) fn write(&mut self, change: impl FnOnce(&mut PhoneStore)) -> bool {
        if self.disk_full {
            return false;
        }
        change(&mut self.store);
        true
    }

    pub(crate) fn fresh(&mut self) -> u64 {
        self.store.next += 1;
        (self.number as u64 + 1) * 1_000_000 + self.store.next
    }
}

pub(crate) fn live(store: &PhoneStore) -> impl Iterator<Item = Grant> {
    store
        .grants
        .iter()
        .filter(|(_, live)| **live)
        .map(|(id, _)| *id)
}

/// The open key of the phone, or a new one, wrapped to every live grant.
pub(crate) fn usable_key(store: &mut PhoneStore, fresh: StreamKey) -> StreamKey {
    if let Some(key) = store.key.filter(|key| !store.closed.contains(key)) {
        return key;
    }
    store.key = Some(fresh);
    store.keys.insert(fresh);
    let live: Vec<_> = live(store).collect();
    for grant in live {
        store.queue(2, Sends::Envelope(grant, fresh));
    }
    fresh
}

pub(crate) fn seal_anew(store: &mut PhoneStore, item: ItemId, fresh: u64, time: i64) {
    let Some((priority, Sends::Batch(batch))) = store.outbox.remove(&item) else {
        return;
    };
    let Some(old) = store.batches.remove(&batch) else {
        return;
    };
    store.closed.insert(old.key);
    let key = usable_key(store, fresh);
    let again = batch + 500_000_000;
    let records = old.records;
    store.batches.insert(again, Sealed { key, records, time });
    store.queue(priority, Sends::Batch(again));
}

pub(crate) fn request(store: &PhoneStore, step: Step, server: i64) -> Request {
    let sends = |item: ItemId| store.outbox[&item].1.clone();
    let batch = |item: ItemId| match sends(item) {
        Sends::Batch(batch) => (batch, store.batches[&batch].clone()),
        other => panic!("not a batch: {other:?}"),
    };
    match step {
        Step::SignIn => Request::SignIn(server),
        Step::Pull { after } => Request::Pull(after),
        Step::Announce(item) => Request::Announce(batch(item).0, batch(item).1),
        Step::Part(item, part) => Request::Part(batch(item).0, part),
        Step::Commit(item) => Request::Commit(batch(item).0, batch(item).1),
        Step::Send(item) => Request::Send(sends(item)),
        Step::Head => Request::Head,
        Step::Check(item) => Request::Check(u64::try_from(item).unwrap()),
        Step::Register | Step::Reconcile => panic!("{step:?} was not needed"),
    }
}

/// What an answer brings, in the transaction that moves what counts it.
pub(crate) fn apply(store: &mut PhoneStore, step: Step, reply: Option<&Reply>, now: i64) {
    match (step, reply) {
        (Step::SignIn, Some(Reply::Session(end))) => store.session_end = Some(*end),
        (_, Some(Reply::Skew(server))) => store.offset = server - now,
        (_, Some(Reply::Changes(page, _))) => {
            for (cursor, change) in page {
                // A page that comes twice is applied once.
                if *cursor != store.cursor + 1 {
                    continue;
                }
                store.cursor = *cursor;
                store.applied.push(*cursor);
                match change {
                    Change::Batch(batch, sealed) => {
                        store.keys.insert(sealed.key);
                        store.batches.insert(*batch, sealed.clone());
                        store.stored.insert(*batch);
                    }
                    Change::Closed(key) => {
                        store.closed.insert(*key);
                    }
                    Change::Granted(grant) => {
                        store.grants.entry(*grant).or_insert(true);
                    }
                    Change::Revoked(grant) => {
                        store.grants.insert(*grant, false);
                        store.outbox.retain(
                            |_, (_, sends)| !matches!(sends, Sends::Envelope(of, _) if of == grant),
                        );
                    }
                }
            }
        }
        (Step::Commit(item), Some(Reply::Ok)) => {
            if let Some((_, Sends::Batch(batch))) = store.outbox.remove(&item) {
                store.stored.insert(batch);
            }
        }
        (Step::Send(item), Some(Reply::Ok)) => {
            store.outbox.remove(&item);
        }
        (Step::Check(batch), Some(Reply::Ok)) => {
            store.checked.insert(u64::try_from(batch).unwrap());
        }
        _ => {}
    }
}

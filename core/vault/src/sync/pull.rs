//! Changes of the account, applied page by page: what a page brings and the cursor that counts it
//! are one transaction. What needs another request (bytes of a batch, a request's organisation)
//! becomes an item of the outbox in that transaction.

use super::entries::{self, Own, Wrong};
use super::errands::Errand;
use super::link::{self, Number};
use crate::Error;
use crate::account::VaultSecret;
use crate::bag::BagSecret;
use crate::devices::is_shared_with_ended;
use crate::devices::secrets::forget_fetch;
use crate::erasing::is_erased;
use crate::heads::Evidence;
use crate::index::Index;
use crate::store::{BatchId, BatchState, Kind, StoreError, Tx};
use crate::streams::StreamKey;
use crate::tasks::Task;
use crate::vault::Core;
use std::sync::Arc;
use vitalwitness_domain::record::Id;
use vitalwitness_domain::wire::{BagItem, BatchInfo, Change, Hash32, What};
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::entry::{Entry, EventType};

/// What changed in memory once the transaction is durable.
#[derive(Default)]
struct Brought {
    keys: Vec<(StreamKey, bool)>,
    closed: Vec<Id>,
    stored: Vec<BatchId>,
    /// A key was ended, or a device said which keys are its own.
    ends: bool,
    frozen: Option<&'static str>,
}

impl Core {
    /// Applies a page. The code of a finding that freezes the log, if there is one.
    pub(crate) fn apply_changes(
        &mut self,
        page: &[Change],
        origin: &str,
        server_ms: i64,
    ) -> Result<Option<&'static str>, Error> {
        let reader = self.store.reader();
        let own = Own::load(&reader, self.env.keystore.as_ref())?;
        let mut cursor = Number::Cursor.load(&reader)?;
        let env = self.env.clone();
        let account = self.account.id;
        let index = &self.index;
        let time_ms = env.clock.now_ms();
        let brought = self.store.write(|tx| {
            let mut brought = Brought::default();
            for change in page {
                // A page that comes twice is applied once; one with a hole is not applied.
                match i64::try_from(change.cursor) {
                    Ok(at) if at <= cursor => continue,
                    Ok(at) if at == cursor + 1 => {}
                    _ => break,
                }
                match &change.what {
                    What::Entry { index, entry, spki } => {
                        let spki = spki.as_ref().map(|spki| spki.0.as_slice());
                        match entries::take(*index, &entry.0, spki, &own, server_ms, tx)? {
                            Ok(entry) => {
                                brought.ends |= entry.event.kind == EventType::Revoke;
                                follow(&entry, tx)?;
                            }
                            Err(wrong) => {
                                let after = entry.0.clone();
                                brought.frozen =
                                    Some(keep_evidence(wrong, after, origin, time_ms, tx)?);
                                break;
                            }
                        }
                    }
                    // what was erased here stays erased, whatever is told of it again
                    What::Batch { info } if is_erased(&info.batch.0, tx)? => {}
                    What::Bag { item } if is_erased(&item.item.0, tx)? => {}
                    What::Batch { info } => take_batch(info, index, &mut brought, tx)?,
                    What::Bag { item } => {
                        take_bag(item, cursor + 1, &account, &mut brought, tx)?;
                    }
                    // Nobody signed it: it says that the cloud's copy is gone, no more. What is
                    // here stays.
                    What::Erased { .. } => {}
                    // The same; but what were sealed under a key that is gone there, no other
                    // device could read. A lie costs a new key.
                    What::BagErased { item } => {
                        if let Some(BagSecret::Stream { id, .. }) = BagSecret::get(&item.0, tx)? {
                            brought.closed.push(id);
                        }
                    }
                    What::Request { request } => {
                        crate::share::arrived(request, tx)?;
                    }
                    What::Refusal { refusal } => {
                        let name = change.cursor.to_be_bytes();
                        let plain = super::errands::json(refusal)?;
                        tx.put(Kind::Refusal, &name, 0, &plain)?;
                    }
                    What::Closed { stream_key } => brought.closed.push(stream_key.0),
                    What::Recovery { generation } => {
                        let here = VaultSecret::load(tx, Some(*generation))?.is_some();
                        let waiting = VaultSecret::waiting(tx)?;
                        let passed = VaultSecret::is_passed_over(*generation, tx)?;
                        if (!here && !passed)
                            || waiting.iter().any(|it| it.generation == *generation)
                        {
                            Errand::FetchSecret(*generation).queue(tx)?;
                        }
                    }
                }
                cursor += 1;
            }
            for id in &brought.closed {
                close_stored(id, &mut brought.keys, tx)?;
            }
            Number::Cursor.save(cursor, tx)?;
            if let Some(code) = brought.frozen {
                link::freeze(code, tx)?;
            }
            Ok::<_, Error>(brought)
        })?;
        self.take_keys(brought.keys);
        if page
            .iter()
            .any(|change| matches!(change.what, What::Bag { .. }))
        {
            self.adopt_kept_channels()?;
        }
        for id in &brought.closed {
            self.streams.close(id);
        }
        for row in brought.stored {
            self.index.set_state(row, BatchState::Stored);
        }
        if brought.ends {
            self.cut_off_ended()?;
        }
        Ok(brought.frozen)
    }

    fn take_keys(&mut self, keys: Vec<(StreamKey, bool)>) {
        for (key, closed) in keys {
            self.streams.insert(Arc::new(key), closed);
        }
    }

    /// Stores a vault secret, and opens what of the bag waited for it.
    pub(crate) fn take_secret(&mut self, secret: &VaultSecret) -> Result<(), Error> {
        let account = self.account.id;
        let keys = self.store.write(|tx| {
            secret.save(tx)?;
            let mut brought = Brought::default();
            open_waiting(&account, &mut brought, tx)?;
            Ok::<_, Error>(brought.keys)
        })?;
        self.take_keys(keys);
        self.adopt_kept_channels()
    }
}

fn keep_evidence(
    wrong: Wrong,
    after: Vec<u8>,
    origin: &str,
    time_ms: i64,
    tx: &Tx<'_>,
) -> Result<&'static str, StoreError> {
    let code = wrong.code.code();
    let evidence = Evidence {
        code: code.to_owned(),
        origin: origin.to_owned(),
        before: wrong.before,
        after,
        proof: Vec::new(),
        paths: Vec::new(),
        time_ms,
    };
    evidence.save(tx)?;
    Ok(code)
}

/// What an entry means for what is kept of grants and requests.
fn follow(entry: &Entry, tx: &Tx<'_>) -> Result<(), Error> {
    match entry.event.kind {
        EventType::Revoke => crate::share::ended(&entry.event.recordhash, tx),
        EventType::Deny => crate::share::denied(&entry.event.recordhash, tx),
        EventType::Batch => fetch_again(tx, |info| info.root.0 == entry.event.recordhash),
        _ => Ok(()),
    }
}

/// The cloud stored a batch: one that is here is no longer to be sent, another is to be fetched.
fn take_batch(
    info: &BatchInfo,
    index: &Index,
    brought: &mut Brought,
    tx: &Tx<'_>,
) -> Result<(), Error> {
    let row = index.row_of(&info.batch.0);
    let held = row.and_then(|row| Some((row, index.get(row)?)));
    let held = held.and_then(|(row, held)| Some((row, held.state, held.header.sealed?)));
    let held = held.filter(|(.., sealed)| sealed.root == info.root.0);
    if held.is_some() || batch_of(&info.root.0, tx)?.is_none() {
        remember_batch(info, tx)?;
    }
    let Some((row, state, _)) = held.filter(|(.., sealed)| sealed.revision >= info.revision) else {
        Errand::Fetch(info.clone()).queue(tx)?;
        return Ok(());
    };
    // The answer to the commit was lost, and it may have been sealed anew since under another
    // key: what the cloud has is the same batch all the same.
    if state < BatchState::Stored {
        tx.set_state(row, BatchState::Stored)?;
        brought.stored.push(row);
        for aside in [false, true] {
            for item in tx.queued(aside)? {
                let sent = matches!(
                    Task::decode(&item.plain),
                    Ok(Task::Batch { batch, revision })
                        if batch == info.batch.0 && revision <= info.revision
                );
                if sent {
                    tx.unqueue(item.id)?;
                }
            }
        }
    }
    Ok(())
}

/// Batches of which something had not come when they were asked for (their entry, their grant) are
/// no longer set aside.
pub(crate) fn fetch_again(tx: &Tx<'_>, of: impl Fn(&BatchInfo) -> bool) -> Result<(), Error> {
    if tx.queued_count(true)? == 0 {
        return Ok(());
    }
    for item in tx.queued(true)? {
        if let Ok(Task::Other { what, bytes }) = Task::decode(&item.plain)
            && let Ok(Errand::Fetch(info)) = Errand::of(what, &bytes)
            && of(&info)
        {
            tx.quarantine(item.id, false)?;
        }
    }
    Ok(())
}

/// Remembers which batch a BATCH entry's root is of.
pub(super) fn remember_batch(info: &BatchInfo, tx: &Tx<'_>) -> Result<(), StoreError> {
    let mut out = Encoder::new();
    out.bytes(&info.batch.0);
    link::put(&root_name(&info.root), out, tx)
}

/// The batch with this root.
pub(crate) fn batch_of(root: &[u8; 32], tx: &Tx<'_>) -> Result<Option<Id>, StoreError> {
    link::get(&root_name(&Hash32(*root)), tx, link::id)
}

fn root_name(root: &Hash32) -> Vec<u8> {
    [b"root".as_slice(), &root.0].concat()
}

/// A bag item: opened if its vault secret is here, else kept until it is.
fn take_bag(
    item: &BagItem,
    cursor: i64,
    account: &Id,
    brought: &mut Brought,
    tx: &Tx<'_>,
) -> Result<(), Error> {
    if let Some(known) = tx.get(Kind::Bag, &item.item.0)? {
        // this device's own: its place among the changes is known now
        if known.state == 0 {
            tx.set_item_state(Kind::Bag, &item.item.0, cursor)?;
        }
        return Ok(());
    }
    let keep_sealed = || {
        let plain = super::errands::json(item)?;
        tx.put(Kind::SealedBag, &item.item.0, cursor, &plain)
            .map(drop)
    };
    let Some(under) = VaultSecret::load(tx, Some(item.generation))? else {
        return Ok(keep_sealed()?);
    };
    // What does not open under the account's own secret was not put there by the account.
    let Ok(secret) = BagSecret::open(&item.sealed.0, &item.item.0, account, &under) else {
        let waiting = VaultSecret::waiting(tx)?;
        if waiting.iter().any(|it| it.generation == item.generation) {
            // this device's own is not in the cloud: another device's may be
            return Ok(keep_sealed()?);
        }
        log::warn!("a bag item of generation {} does not open", item.generation);
        return Ok(());
    };
    if let BagSecret::Secret(old) = &secret
        && old.generation >= item.generation
    {
        log::warn!("a vault secret of the bag does not precede the one it is sealed under");
        return Ok(());
    }
    if let BagSecret::Stream { id, .. } = &secret
        && is_erased(id, tx)?
    {
        // another device put it there once more
        Errand::EraseBag(item.item).queue(tx)?;
        return Ok(());
    }
    secret.keep_at(&item.item.0, cursor, tx)?;
    match secret {
        BagSecret::Stream {
            descriptor,
            id,
            key,
        } => {
            let Ok(key) = StreamKey::of_bag(&descriptor, id, key) else {
                log::warn!("a stream key of a newer version is in the bag");
                return Ok(());
            };
            if tx.get(Kind::Stream, &id)?.is_none() {
                // what it seals, a device that has ended could read
                let closed = is_shared_with_ended(item.generation, tx)?;
                key.save(closed, tx)?;
                brought.keys.push((key, closed));
            }
        }
        // A channel is taken in after the page, once it is known which of a category stands first.
        BagSecret::Channel(_) => {}
        BagSecret::Device(_) => brought.ends = true,
        BagSecret::Grant(bytes) => crate::share::learned(&bytes.0, tx)?,
        BagSecret::Secret(secret) => {
            if VaultSecret::load(tx, Some(secret.generation))?.is_none() {
                secret.save(tx)?;
            }
            forget_fetch(secret.generation, tx)?;
            open_waiting(account, brought, tx)?;
        }
    }
    Ok(())
}

/// Tries what waited for a vault secret.
fn open_waiting(account: &Id, brought: &mut Brought, tx: &Tx<'_>) -> Result<(), Error> {
    for waiting in tx.all(Kind::SealedBag)? {
        let item: BagItem = super::errands::read(&waiting.plain)?;
        if VaultSecret::load(tx, Some(item.generation))?.is_some() {
            tx.remove(Kind::SealedBag, &item.item.0)?;
            take_bag(&item, waiting.state, account, brought, tx)?;
        }
    }
    Ok(())
}

/// Closes a key's row; also one that came with the same page.
fn close_stored(id: &Id, new: &mut [(StreamKey, bool)], tx: &Tx<'_>) -> Result<(), StoreError> {
    if let Some((key, closed)) = new.iter_mut().find(|(key, _)| key.id == *id) {
        *closed = true;
        return key.save(true, tx);
    }
    tx.set_item_state(Kind::Stream, id, 1)
}

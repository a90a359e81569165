//! A cloud that forges: erasures, batches, entries and requests that nobody signed change nothing.

use crate::clinic::{Clinic, scope, signed};
use crate::devices::pair;
use crate::net::{Gap, Liar};
use crate::town::{DAY, HEART, NOON, Phone, SLEEP, Town, all, in_state, series, sync};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Body, Money, NoteBody, Record};
use vitalwitness_domain::wire::{
    BatchInfo, BatchStatus, Bytes, Change, Changes, Id16, NewBatch, Request, Role, SubmittedEvent,
    What,
};
use vitalwitness_proof::entry::{Entry, Event, EventType, Purpose, SignedEvent, entry_hash};
use vitalwitness_proof::sha256;
use vitalwitness_vault::bag::BagSecret;
use vitalwitness_vault::client::{Pending, Request as HttpRequest, Response, Transport};
use vitalwitness_vault::keys::{OsRandom, PrivateKey};
use vitalwitness_vault::share::{GrantState, LeaveOut, Rights};
use vitalwitness_vault::store::BatchState;
use vitalwitness_vault::{Seal, Vault};

/// A line that remembers what honest pages told, and forges further changes.
#[derive(Default)]
pub(crate) struct Forger {
    to: Option<Arc<dyn Transport>>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    seen: Vec<What>,
    append: Vec<What>,
    replace: VecDeque<What>,
    objects: HashMap<String, Vec<u8>>,
}

impl Forger {
    pub(crate) fn before(to: Arc<dyn Transport>) -> Arc<Self> {
        Arc::new(Self {
            to: Some(to),
            ..Self::default()
        })
    }

    pub(crate) fn seen(&self) -> Vec<What> {
        self.told.lock().unwrap().seen.clone()
    }

    /// Adds changes to the end of the next page.
    pub(crate) fn append(&self, forged: Vec<What>) {
        self.told.lock().unwrap().append = forged;
    }

    /// Tells these in place of the next items of the bag, which the phone put there itself: what
    /// comes behind them stays as it is.
    fn replace(&self, forged: Vec<What>) {
        self.told.lock().unwrap().replace = forged.into();
    }

    /// Has a batch's bytes, whatever the cloud behind it says.
    pub(crate) fn serve(&self, batch: Id16, bytes: Vec<u8>) {
        let target = format!("/v1/objects/{batch}");
        self.told.lock().unwrap().objects.insert(target, bytes);
    }

    /// Whether all that was forged was told.
    pub(crate) fn is_done(&self) -> bool {
        let told = self.told.lock().unwrap();
        told.append.is_empty() && told.replace.is_empty()
    }

    fn forge(&self, body: &[u8]) -> Vec<u8> {
        let mut told = self.told.lock().unwrap();
        let mut page: Changes = serde_json::from_slice(body).unwrap();
        told.seen
            .extend(page.changes.iter().map(|change| change.what.clone()));
        for change in &mut page.changes {
            if matches!(change.what, What::Bag { .. })
                && let Some(what) = told.replace.pop_front()
            {
                change.what = what;
            }
        }
        for what in std::mem::take(&mut told.append) {
            page.latest += 1;
            let cursor = page.latest;
            page.changes.push(Change { cursor, what });
        }
        serde_json::to_vec(&page).unwrap()
    }
}

impl fmt::Debug for Forger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forger")
    }
}

impl Transport for Forger {
    fn send(&self, request: HttpRequest) -> Pending<'_> {
        let object = self
            .told
            .lock()
            .unwrap()
            .objects
            .get(&request.target)
            .cloned();
        Box::pin(async move {
            if let Some(body) = object {
                return Ok(Response {
                    status: 200,
                    retry_after_s: None,
                    body,
                });
            }
            let target = request.target.clone();
            let mut answer = self.to.as_ref().unwrap().send(request).await?;
            if target.starts_with("/v1/changes") && answer.status == 200 {
                answer.body = self.forge(&answer.body);
            }
            Ok(answer)
        })
    }
}

/// The next batch of a vault as it would be announced, with its bytes. The cloud hears nothing.
pub(crate) async fn steal(vault: &Vault, town: &Town) -> (NewBatch, Vec<u8>) {
    let taken = Arc::new(Mutex::new(Vec::<NewBatch>::new()));
    let into = taken.clone();
    let line = Gap::before(town.transport(), move |request| {
        let announces = (request.method, request.target.as_str()) == ("POST", "/v1/batches");
        if announces {
            let new = serde_json::from_slice(&request.body).unwrap();
            into.lock().unwrap().push(new);
        }
        announces
    });
    vault.sync_all(&line).await.unwrap();
    let new = taken.lock().unwrap().remove(0);
    let bytes = vault.upload(&new.batch.0).unwrap().bytes;
    (new, bytes)
}

pub(crate) fn info(new: &NewBatch, seq: u64) -> BatchInfo {
    BatchInfo {
        channel: new.channel,
        batch: new.batch,
        revision: new.revision,
        stream_key: new.stream_key,
        root: new.root,
        leaves: new.leaves,
        bytes: new.bytes,
        digest: new.digest,
        index: FAR,
        seq,
    }
}

/// Forges entries behind the last one of a channel that was told.
pub(crate) struct Chain {
    pub(crate) seq: u64,
    prev: [u8; 32],
}

impl Chain {
    pub(crate) fn after(seen: &[What], channel: &[u8; 16]) -> Self {
        let last = seen.iter().rev().find_map(|what| match what {
            What::Entry { entry, .. } => {
                let read = Entry::decode(&entry.0).unwrap();
                (read.event.channel == *channel).then(|| (read.seq, entry_hash(&entry.0)))
            }
            _ => None,
        });
        let (seq, prev) = last.unwrap_or_default();
        Self { seq, prev }
    }

    pub(crate) fn entry(&mut self, event: &SubmittedEvent, spki: Option<Bytes>) -> What {
        self.seq += 1;
        let signed = SignedEvent {
            event: event.event.0.clone(),
            signer: event.signer.0,
            signature: event.signature.0,
        };
        let bytes = vitalwitness_proof::entry::encode_entry(&signed, self.seq, &self.prev);
        self.prev = entry_hash(&bytes);
        What::Entry {
            index: FAR + self.seq,
            entry: Bytes(bytes),
            spki,
        }
    }
}

/// An index that no log of a test reaches.
const FAR: u64 = 1_000_000;

/// The account's channel of a category, and a second holder of its owner key.
pub(crate) fn owner_of(vault: &Vault, category: u8) -> ([u8; 16], PrivateKey) {
    let mut bag = vault.bag().unwrap().into_iter();
    let found = bag.find_map(|(.., secret)| match secret {
        BagSecret::Channel(secrets) if secrets.channel[0] == category => {
            Some((secrets.channel, secrets.owner))
        }
        _ => None,
    });
    found.unwrap()
}

pub(crate) fn event(kind: EventType, channel: [u8; 16], owner: &PrivateKey) -> Event {
    Event {
        kind,
        channel,
        owner: owner.id(),
        receiver: None,
        recordhash: [9; 32],
        time: NOON,
        location: None,
        expiry: None,
        purpose: None,
    }
}

fn batches(seen: &[What]) -> Vec<BatchInfo> {
    let batch = |what: &What| match what {
        What::Batch { info } => Some(info.clone()),
        _ => None,
    };
    seen.iter().filter_map(batch).collect()
}

#[tokio::test]
async fn an_erasure_that_only_the_cloud_tells_of_deletes_nothing() {
    let town = Town::new().await;
    let mut phone = town.phone("p").await;
    let forger = Forger::before(town.transport());
    phone.transport = forger.clone();
    phone.add(HEART, NOON, 10);
    phone.sync().await;
    phone.sync().await;
    let before = all(&phone.vault);
    let secrets = phone.vault.bag().unwrap().len();
    let seen = forger.seen();
    assert_eq!(batches(&seen).len(), 1);
    let batch = |info: BatchInfo| What::Erased { batch: info.batch };
    let bag = |what: &What| match what {
        What::Bag { item } => Some(What::BagErased { item: item.item }),
        _ => None,
    };
    let mut erased: Vec<What> = batches(&seen).into_iter().map(batch).collect();
    erased.extend(seen.iter().filter_map(bag));
    forger.append(erased);
    let report = phone.vault.sync_all(&phone.transport).await.unwrap();
    assert!(forger.is_done(), "it was told");
    assert_eq!(report.frozen, None);
    assert_eq!(all(&phone.vault), before);
    assert_eq!(phone.vault.bag().unwrap().len(), secrets);
    phone.reopen();
    assert_eq!(all(&phone.vault), before);
}

/// A phone behind a forger with records in the cloud, and a second one of its account with a batch
/// that the cloud does not know.
async fn two(town: &Town) -> (Phone, Arc<Forger>, Vault, NewBatch) {
    let mut phone = town.phone("p").await;
    let forger = Forger::before(town.transport());
    phone.transport = forger.clone();
    phone.add(HEART, NOON - DAY, 5);
    phone.sync().await;
    let (second, _) = pair(town, &phone, "second").await;
    sync(&second, &town.transport(), &town.time).await;
    phone.sync().await;
    second.add_many(series(HEART, NOON, 7)).unwrap();
    second.seal(Seal::All).unwrap();
    let (new, bytes) = steal(&second, town).await;
    forger.serve(new.batch, bytes);
    (phone, forger, second, new)
}

pub(crate) fn codes(vault: &Vault) -> Vec<String> {
    let aside = vault.set_aside().unwrap().into_iter();
    aside.map(|aside| aside.code).collect()
}

#[tokio::test]
async fn a_batch_that_no_entry_covers_is_set_aside_and_the_rest_syncs() {
    let town = Town::new().await;
    let (mut phone, forger, second, new) = two(&town).await;
    // one names an entry that never comes, one an entry of something else
    forger.replace(vec![
        What::Batch {
            info: info(&new, FAR),
        },
        What::Batch {
            info: info(&new, 2),
        },
    ]);
    phone.add(SLEEP, NOON, 3);
    phone.add(HEART, NOON + 40 * DAY, 4);
    let report = phone.sync().await;
    assert!(forger.is_done(), "it was told");
    assert_eq!((report.frozen, report.done), (None, true));
    assert_eq!(codes(&phone.vault), ["batch_entry", "batch_entry"]);
    assert_eq!(all(&phone.vault).len(), 12, "nothing was taken in");
    assert_eq!(in_state(&phone.vault, BatchState::Logged), 12);
    // the same batch, by its owner's way
    phone.transport = town.transport();
    town.time.pass(DAY);
    sync(&second, &phone.transport, &town.time).await;
    phone.sync().await;
    sync(&second, &phone.transport, &town.time).await;
    assert_eq!(all(&phone.vault).len(), 19);
    assert_eq!(all(&phone.vault), all(&second));
    assert_eq!(in_state(&phone.vault, BatchState::Logged), 19);
}

#[tokio::test]
async fn a_batch_that_is_told_before_its_entry_comes_in_with_the_entry() {
    let town = Town::new().await;
    let (mut phone, forger, second, new) = two(&town).await;
    sync(&second, &town.transport(), &town.time).await;
    let seq = Chain::after(&forger.seen(), &new.channel.0).seq + 1;
    forger.append(vec![What::Batch {
        info: info(&new, seq),
    }]);
    // told in a page that ends before the entry
    let line = Liar::before(phone.transport.clone(), |target, body| {
        if !target.starts_with("/v1/changes") {
            return body;
        }
        let mut page: Changes = serde_json::from_slice(&body).unwrap();
        let first = page.changes.first().map(|change| change.cursor);
        if let (Some(cursor), Some(mut last)) = (first, page.changes.pop()) {
            last.cursor = cursor;
            page.latest = cursor;
            page.changes = vec![last];
        }
        serde_json::to_vec(&page).unwrap()
    });
    phone.vault.sync_all(&line).await.unwrap();
    assert!(forger.is_done(), "it was told");
    assert_eq!(codes(&phone.vault), ["batch_entry"]);
    assert_eq!(all(&phone.vault).len(), 5);
    // the entry, in the place of the change behind
    let told = forger.seen();
    let at = told
        .iter()
        .rposition(|what| matches!(what, What::Entry { .. }));
    let entry = told[at.unwrap()].clone();
    phone.transport = Liar::before(town.transport(), move |target, body| {
        if !target.starts_with("/v1/changes") {
            return body;
        }
        let mut page: Changes = serde_json::from_slice(&body).unwrap();
        if let Some(change) = page.changes.first_mut()
            && matches!(change.what, What::Batch { .. })
        {
            change.what = entry.clone();
        }
        serde_json::to_vec(&page).unwrap()
    });
    phone.sync().await;
    assert_eq!(all(&phone.vault), all(&second));
    assert!(codes(&phone.vault).is_empty());
    assert_eq!(in_state(&phone.vault, BatchState::Logged), 12);
}

#[tokio::test]
async fn a_batch_whose_entry_is_by_a_key_that_may_not_write_is_never_taken_in() {
    for who in ["an ended device", "a grant key", "a stranger"] {
        let town = Town::new().await;
        let (phone, forger, _, new) = two(&town).await;
        let (channel, owner) = owner_of(&phone.vault, 1);
        let key = PrivateKey::generate(&OsRandom).unwrap();
        let spki = Some(Bytes(key.spki().to_vec()));
        let enrol = |purpose| Event {
            recordhash: sha256(&[&key.spki()]),
            purpose: Some(purpose),
            ..event(EventType::Enrol, channel, &owner)
        };
        let mut chain = Chain::after(&forger.seen(), &channel);
        let mut changes = match who {
            "an ended device" => {
                let enrol = enrol(Purpose::Device);
                let end = Event {
                    recordhash: enrol.recordhash,
                    ..event(EventType::Revoke, channel, &owner)
                };
                vec![
                    chain.entry(&signed(&owner, &enrol), spki),
                    chain.entry(&signed(&owner, &end), None),
                ]
            }
            "a grant key" => vec![chain.entry(&signed(&owner, &enrol(Purpose::Grant)), spki)],
            _ => Vec::new(),
        };
        let batch = Event {
            recordhash: new.root.0,
            ..event(EventType::Batch, channel, &owner)
        };
        changes.push(chain.entry(&signed(&key, &batch), Some(Bytes(key.spki().to_vec()))));
        changes.push(What::Batch {
            info: info(&new, chain.seq),
        });
        forger.append(changes);
        let report = phone.vault.sync_all(&phone.transport).await.unwrap();
        assert!(forger.is_done(), "{who}: it was told");
        assert_eq!(report.frozen.as_deref(), Some("ENTRY_SIGNATURE"), "{who}");
        assert_eq!(phone.vault.evidence().unwrap().len(), 1, "{who}");
        assert_eq!(all(&phone.vault).len(), 5, "{who}");
    }
}

/// An insurer's offer, as a phone seals it.
pub(crate) fn offer(at: i64) -> Record {
    let money = |amount| Money {
        amount: Decimal::new(amount, 0).unwrap(),
        currency: "EUR".to_owned(),
    };
    Record::typed(
        at,
        120,
        Body::Offer {
            plan: "basic".to_owned(),
            premium: money(31),
            period: "mo".to_owned(),
            text: NoteBody::Text("conditions".to_owned()),
        },
    )
}

#[tokio::test]
async fn a_grantee_s_batch_is_taken_in_under_a_live_grant_to_append_and_not_otherwise() {
    // rights to append, and what stands between the grant and the batch
    for (append, revoked, taken) in [(true, false, 1), (false, false, 0), (true, true, 0)] {
        let case = format!("append {append}, revoked {revoked}");
        let town = Town::new().await;
        let mut phone = town.phone("p").await;
        phone.vault.add(offer(NOON)).unwrap();
        phone.sync().await;
        let (second, _) = pair(&town, &phone, "second").await;
        sync(&second, &phone.transport, &town.time).await;
        let insurer = Clinic::enrol_as(&town, "Alpen Insurance", Role::Insurer).await;
        let code = phone.vault.share_code(3).unwrap();
        let rights = Rights {
            append,
            ..Rights::READ
        };
        let request = insurer.request_for(&code, &scope(3, &[]), rights).await;
        let id = insurer.send(&request).await;
        phone.sync().await;
        let grant = phone.vault.grant(&id, &LeaveOut::default(), NOON + DAY);
        let grant = grant.unwrap();
        phone.sync().await;
        second.add(offer(NOON + 1)).unwrap();
        second.seal(Seal::All).unwrap();
        let (mut new, bytes) = steal(&second, &town).await;
        let (channel, owner) = owner_of(&phone.vault, 3);
        let batch = Event {
            receiver: Some(insurer.organisation.id()),
            recordhash: new.root.0,
            time: town.time.now(),
            ..event(EventType::Batch, channel, &owner)
        };
        new.event = Some(signed(&insurer.person, &batch));
        let before = all(&phone.vault).len();
        if append && !revoked {
            // the cloud itself takes it
            let call = &insurer.client;
            let _: BatchStatus = call.call("POST", "/v1/batches", Some(&new)).await.unwrap();
            let target = format!("/v1/batches/{}/0", new.batch);
            let part = format!("{target}/parts/0");
            let _: BatchStatus = call.put_bytes(&part, &bytes).await.unwrap();
            let commit = format!("{target}/commit");
            let _: BatchStatus = call.call("POST", &commit, None::<&()>).await.unwrap();
            phone.sync().await;
        } else {
            if revoked {
                phone.vault.revoke(&grant).unwrap();
                phone.sync().await;
                assert_eq!(phone.vault.grants().unwrap()[0].state, GrantState::Revoked);
            }
            let forger = Forger::before(town.transport());
            phone.transport = forger.clone();
            let told = phone_chain(&town, &phone).await;
            let mut chain = Chain::after(&told, &channel);
            let entry = chain.entry(new.event.as_ref().unwrap(), None);
            let info = info(&new, chain.seq);
            forger.serve(new.batch, bytes);
            forger.append(vec![entry, What::Batch { info }]);
            let report = phone.vault.sync_all(&phone.transport).await.unwrap();
            assert!(forger.is_done(), "{case}: it was told");
            assert_eq!(report.frozen, None, "{case}");
            let codes = codes(&phone.vault);
            assert!(
                codes.contains(&"batch_entry".to_owned()),
                "{case}: {codes:?}"
            );
        }
        assert_eq!(all(&phone.vault).len(), before + taken, "{case}");
        let batch = phone.vault.upload(&new.batch.0);
        assert_eq!(batch.is_ok(), taken == 1, "{case}");
    }
}

/// All that the cloud told a phone's account, as a further device of it hears it.
pub(crate) async fn phone_chain(town: &Town, phone: &Phone) -> Vec<What> {
    let forger = Forger::before(town.transport());
    let line: Arc<dyn Transport> = forger.clone();
    let settings = phone.vault.cloud().unwrap().unwrap();
    let path = town.dir.path().join("listener");
    let env = Town::env_like(phone);
    let (listener, _) = Vault::restore(&path, &phone.kit, &settings, env, &line)
        .await
        .unwrap();
    sync(&listener, &line, &town.time).await;
    phone.sync().await;
    forger.seen()
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_refused_by_its_code_and_the_rest_syncs() {
    type Spoil = fn(&Clinic, &mut Request);
    let cases: [(&str, Spoil); 2] = [
        ("request_expiry", |clinic, request| {
            let mut event = Event::decode(&request.event.event.0).unwrap();
            event.expiry = None;
            request.event = signed(&clinic.person, &event);
        }),
        ("request_event", |_, request| {
            request.event.event.0.truncate(40);
        }),
    ];
    for (expect, spoil) in cases {
        let town = Town::new().await;
        let mut phone = town.phone("p").await;
        let forger = Forger::before(town.transport());
        phone.transport = forger.clone();
        phone.add(HEART, NOON, 10);
        phone.sync().await;
        let clinic = Clinic::enrol(&town, "Seehof Clinic").await;
        let code = phone.vault.share_code(1).unwrap();
        let mut request = clinic.request(&code, &scope(1, &[HEART])).await;
        spoil(&clinic, &mut request);
        forger.replace(vec![What::Request { request }]);
        phone.add(SLEEP, NOON, 3);
        let report = phone.sync().await;
        assert!(forger.is_done(), "{expect}: it was told");
        assert!(report.done && report.frozen.is_none(), "{expect}");
        let refused = phone.vault.refused_requests().unwrap();
        let codes: Vec<&str> = refused
            .iter()
            .map(|refused| refused.code.as_str())
            .collect();
        assert_eq!(codes, [expect]);
        assert!(phone.vault.requests().unwrap().is_empty(), "{expect}");
        assert_eq!(in_state(&phone.vault, BatchState::Logged), 13, "{expect}");
        // an honest one still gets through
        clinic.ask(&code, &scope(1, &[HEART])).await;
        phone.sync().await;
        assert_eq!(phone.vault.requests().unwrap().len(), 1, "{expect}");
    }
}

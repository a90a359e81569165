//! Sealed batches between devices and the log.

use crate::support::{HEART_RATE, Home, MARCH, ORIGIN, heart_rate, seconds};
use ring::signature::{Ed25519KeyPair, KeyPair};
use vitalwitness_domain::record::Hash;
use vitalwitness_domain::sealed;
use vitalwitness_proof::checkpoint::{Checkpoint, KeyKind, NoteKey};
use vitalwitness_proof::entry::{
    Event, EventType, SignedEvent, encode_entry, entry_leaf, event_message,
};
use vitalwitness_proof::merkle::Tree;
use vitalwitness_proof::trust::{Trust, TrustedLog};
use vitalwitness_vault::bag::BagSecret;
use vitalwitness_vault::keys::{OsRandom, PrivateKey};
use vitalwitness_vault::store::BatchState;
use vitalwitness_vault::tasks::Task;
use vitalwitness_vault::{Adopt, Disclosure, Error, EventProof, Found, Query, Seal, Sealer, Vault};

fn all(vault: &Vault) -> Vec<Found> {
    let query = Query {
        limit: 100_000,
        ..Query::default()
    };
    vault.records(&query).unwrap().records
}

fn batches(vault: &Vault) -> Vec<[u8; 16]> {
    let mut batches: Vec<_> = all(vault).iter().map(|found| found.batch).collect();
    batches.sort_unstable();
    batches.dedup();
    batches
}

/// Carries what the cloud would: bag, then sealed batches.
fn carry(from: &Vault, to: &Vault) {
    for (item, _, secret) in from.bag().unwrap() {
        to.adopt_secret(&item, secret).unwrap();
    }
    for batch in batches(from) {
        let Ok(upload) = from.upload(&batch) else {
            continue;
        };
        let adopt = Adopt {
            expect: upload.expect,
            revision: upload.revision,
            sealer: Sealer::Device,
        };
        to.adopt(&adopt, &upload.bytes, BatchState::Logged).unwrap();
    }
}

#[test]
fn two_devices_converge_also_when_both_began_alone() {
    let (first, second) = (Home::new(1), Home::new(2));
    let (one, kit) = Vault::create(&first.path(), ORIGIN, first.env.clone()).unwrap();
    let two = Vault::join(&second.path(), ORIGIN, &kit, second.env.clone()).unwrap();
    one.add_many(seconds(0, 30)).unwrap();
    one.seal(Seal::All).unwrap();
    two.add_many(seconds(100, 20)).unwrap();
    two.seal(Seal::All).unwrap();

    carry(&one, &two);
    carry(&two, &one);
    carry(&one, &two);
    let hashes = |vault: &Vault| -> Vec<Hash> { all(vault).iter().map(|found| found.rc).collect() };
    assert_eq!(hashes(&one).len(), 50);
    assert_eq!(hashes(&one), hashes(&two));
    drop(two);
    assert_eq!(hashes(&one), hashes(&second.open()));
    let channels = |vault: &Vault| {
        let bag = vault.bag().unwrap().into_iter();
        bag.filter(|(_, _, secret)| matches!(secret, BagSecret::Channel(_)))
            .count()
    };
    assert_eq!((channels(&one), channels(&second.open())), (1, 1));
}

#[test]
fn a_batch_that_is_not_what_was_logged_is_not_taken_in() {
    let (first, second) = (Home::new(3), Home::new(4));
    let (one, kit) = Vault::create(&first.path(), ORIGIN, first.env.clone()).unwrap();
    let two = Vault::join(&second.path(), ORIGIN, &kit, second.env.clone()).unwrap();
    one.add_many(seconds(0, 30)).unwrap();
    one.seal(Seal::All).unwrap();
    let upload = one.upload(&batches(&one)[0]).unwrap();
    let adopt = Adopt {
        expect: upload.expect,
        revision: 0,
        sealer: Sealer::Device,
    };
    let error = two
        .adopt(&adopt, &upload.bytes, BatchState::Logged)
        .unwrap_err();
    assert!(matches!(error, Error::NotFound), "no key yet: {error:?}");
    for (item, _, secret) in one.bag().unwrap() {
        two.adopt_secret(&item, secret).unwrap();
    }
    let mut other = adopt;
    other.expect.root[0] ^= 1;
    let error = two
        .adopt(&other, &upload.bytes, BatchState::Logged)
        .unwrap_err();
    assert!(
        matches!(error, Error::Open(sealed::OpenError::Key)),
        "{error:?}"
    );
    assert!(all(&two).is_empty());
}

#[test]
fn an_older_revision_under_a_newer_number_does_not_bring_an_erased_record_back() {
    let home = Home::new(8);
    let vault = home.create();
    let rc = vault.add_many(seconds(0, 10)).unwrap()[3].rc;
    vault.seal(Seal::All).unwrap();
    let old = vault.upload(&batches(&vault)[0]).unwrap();
    vault.erase(&rc).unwrap();
    for revision in [0, 1, 2, 7] {
        let adopt = Adopt {
            expect: old.expect,
            revision,
            sealer: Sealer::Device,
        };
        let taken = vault.adopt(&adopt, &old.bytes, BatchState::Stored);
        let refused = matches!(taken, Err(Error::Open(sealed::OpenError::Mismatch)));
        // up to the one that is held there is nothing to take in
        assert_eq!(refused, revision > 1, "{revision}: {taken:?}");
        assert!(vault.record(&rc).is_err(), "{revision}");
        assert_eq!(all(&vault).len(), 9, "{revision}");
    }
}

#[test]
fn a_batch_from_elsewhere_takes_no_record_away_that_waits_under_its_id() {
    // two files of one vault, as copying it while it is closed makes them
    let home = Home::new(9);
    let one = home.create();
    let shared = one.add(heart_rate(MARCH, 60)).unwrap();
    drop(one);
    let path = home.folder.path().join("copy.db");
    std::fs::copy(home.path(), &path).unwrap();
    let (one, two) = (home.open(), home.open_at(&path));
    let of_one = one.add(heart_rate(MARCH + 1_000, 61)).unwrap();
    let of_two = two.add(heart_rate(MARCH + 1_000, 99)).unwrap();
    one.seal(Seal::All).unwrap();
    carry(&one, &two);
    let check = |vault: &Vault| {
        assert_eq!(all(vault).len(), 3);
        for rc in [shared.rc, of_one.rc, of_two.rc] {
            vault.record(&rc).unwrap();
        }
        assert_eq!(batches(vault).len(), 2);
    };
    check(&two);
    two.seal(Seal::All).unwrap();
    check(&two);
    drop(two);
    check(&home.open_at(&path));
}

#[test]
fn after_a_key_is_closed_nothing_more_is_sealed_under_it() {
    let home = Home::new(5);
    let vault = home.create();
    vault.add_many(seconds(0, 10)).unwrap();
    vault.seal(Seal::All).unwrap();
    let sealed_before = batches(&vault)[0];
    vault.add_many(seconds(10, 10)).unwrap();
    let hashes: Vec<_> = all(&vault).iter().map(|found| found.rc).collect();
    let old = vault.upload(&sealed_before).unwrap().expect.stream_key;

    vault.close_streams(&[old]).unwrap();
    vault.seal(Seal::All).unwrap();
    vault.reseal(&sealed_before).unwrap();
    drop(vault);
    let vault = home.open();
    for batch in batches(&vault) {
        let upload = vault.upload(&batch).unwrap();
        assert_ne!(upload.expect.stream_key, old);
    }
    let again: Vec<_> = all(&vault).iter().map(|found| found.rc).collect();
    assert_eq!(hashes, again, "record hashes were told already");
    let envelopes = vault.waiting().unwrap().into_iter();
    let envelopes = envelopes.filter(|task| matches!(task, Task::Envelopes { .. }));
    assert_eq!(envelopes.count(), 2, "one for each key");
}

#[test]
fn what_waits_goes_account_first_and_typed_entries_before_series() {
    let home = Home::new(6);
    let vault = home.create();
    vault.add_many(seconds(0, 10)).unwrap();
    vault.seal(Seal::All).unwrap();
    let mut typed = heart_rate(MARCH, 60);
    typed.source = vitalwitness_domain::record::Source::typed();
    vault.add(typed).unwrap();
    vault.seal(Seal::All).unwrap();
    let waiting = vault.waiting().unwrap();
    assert_eq!(waiting[0], Task::Account);
    assert_eq!(waiting[1], Task::VaultSecret { generation: 1 });
    // which of two devices' channels counts is known from the bag, before either is opened
    assert!(matches!(waiting[2], Task::Bag { .. }));
    assert_eq!(waiting[3], Task::Channel { category: 1 });
    let sealed: Vec<_> = waiting
        .iter()
        .filter_map(|task| match task {
            Task::Batch { batch, .. } => Some(vault.upload(batch).unwrap().expect.leaves),
            _ => None,
        })
        .collect();
    assert_eq!(sealed, [8, 16]);
}

/// A log of two entries, the second that of `root`; gives the proof and who to trust.
fn logged(channel: [u8; 16], root: Hash) -> (EventProof, Trust) {
    let device = PrivateKey::generate(&OsRandom).unwrap();
    let event = Event {
        kind: EventType::Batch,
        channel,
        owner: [7; 16],
        receiver: None,
        recordhash: root,
        time: MARCH,
        location: None,
        expiry: None,
        purpose: None,
    };
    let event = event.encode();
    let signer = device.id();
    let signature = device.sign(&event_message(&signer, &event)).unwrap();
    let submitted = SignedEvent {
        event,
        signer,
        signature,
    };
    let entry = encode_entry(&submitted, 2, &[3; 32]);
    let tree = Tree::of_leaf_hashes(&[[9; 32], entry_leaf(&entry)]);
    let log_key = Ed25519KeyPair::from_seed_unchecked(&[4; 32]).unwrap();
    let public = log_key.public_key().as_ref().try_into().unwrap();
    let note_key = NoteKey::new(ORIGIN, KeyKind::Log, public).unwrap();
    let checkpoint = Checkpoint {
        origin: ORIGIN.into(),
        size: 2,
        root: tree.root(),
    };
    let line = note_key.sign(&checkpoint.body(), |body| {
        log_key.sign(body).as_ref().try_into().unwrap()
    });
    let proof = EventProof {
        entry,
        origin: ORIGIN.into(),
        size: 2,
        index: 1,
        path: vec![[9; 32]],
        lines: vec![(line.name, line.blob)],
        keys: vec![device.spki().to_vec()],
        in_cose: None,
        enrolment: None,
    };
    let log = TrustedLog {
        origin: ORIGIN.into(),
        keys: vec![note_key],
        witnesses: Vec::new(),
        quorum: 0,
    };
    let trust = Trust {
        logs: vec![log],
        ..Trust::default()
    };
    (proof, trust)
}

#[test]
fn every_record_of_a_logged_batch_has_a_receipt_that_verifies() {
    let home = Home::new(7);
    let vault = home.create();
    vault.add_many(seconds(0, 20)).unwrap();
    vault.seal(Seal::All).unwrap();
    let batch = batches(&vault)[0];
    let rc = all(&vault)[4].rc;
    let whole = Disclosure::Whole;
    assert!(matches!(vault.receipt(&rc, &whole), Err(Error::NotLogged)));
    let expect = vault.upload(&batch).unwrap().expect;
    let (proof, trust) = logged(expect.channel, expect.root);
    vault.keep_batch_proof(&batch, &proof).unwrap();
    vault.advance(&batch, BatchState::Logged).unwrap();
    drop(vault);

    let vault = home.open();
    let receipts = vault.receipts(&batch, &whole).unwrap();
    assert_eq!(receipts.len(), 20);
    let mut proven: Vec<Hash> = Vec::new();
    for receipt in &receipts {
        let facts = vitalwitness_proof::verify(receipt, None, &trust).unwrap();
        assert!(facts.disclosed.unwrap().whole);
        proven.push(facts.record_hash.unwrap());
    }
    assert!(all(&vault).iter().all(|found| proven.contains(&found.rc)));

    let some = vault.receipt(&rc, &Disclosure::Fields(vec![4])).unwrap();
    let facts = vitalwitness_proof::verify(&some, None, &trust).unwrap();
    assert_eq!(facts.record_hash, Some(rc));
    let shown = facts.disclosed.unwrap();
    assert_eq!((shown.whole, shown.fields.len()), (false, 1));
    let code = String::from_utf8_lossy(&shown.fields[0].1).into_owned();
    assert!(code.ends_with(HEART_RATE));
    let none = vault.receipt(&rc, &Disclosure::None).unwrap();
    let facts = vitalwitness_proof::verify(&none, None, &trust).unwrap();
    assert!(facts.disclosed.is_none());

    // erasing one leaves the receipts of the others, and their roots, as they were
    vault.erase(&rc).unwrap();
    let rest = vault.receipts(&batch, &whole).unwrap();
    assert_eq!(rest.len(), 19);
    assert!(rest.iter().all(|receipt| receipts.contains(receipt)));
}

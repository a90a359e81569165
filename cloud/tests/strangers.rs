//! What certified strangers, squatters, former grantees and sessions alone do not get.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use support::{
    Batch, Client, Key, Patient, base, enrol_clinic, enrolment, fresh, now_ms, operator, server,
};
use vitalwitness_cloud::{Config, Env, Server};
use vitalwitness_domain::wire::{
    BagItem, BatchStatus, Bytes, Change, Changes, ChannelEntries, DeviceStatement, Devices,
    EnrolmentCode, Grants, Id16, NewAccount, NewBatch, NewOrganisation, NewRecovery, Quota,
    Recovery, Role, SealedTo, What, slug,
};
use vitalwitness_proof::entry::{Event, EventType};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_locks_a_person_out_by_stating_their_key_as_a_device() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let eve = Patient::new(&base, "eve").await;
    let state = |key: &Key| -> DeviceStatement { eve.statement(key, None, &eve.aik()) };
    for certified in [&clinic.person, &clinic.organisation] {
        let account = NewAccount {
            device: state(certified),
            ..eve.account()
        };
        let squat = eve.client.post("/v1/accounts", &account).await;
        assert_eq!(squat.code(), slug::CONFLICT);
        let squat = eve.client.post("/v1/devices", &state(certified)).await;
        assert_eq!(squat.code(), slug::CONFLICT);
    }
    let _: Grants = clinic.client.get("/v1/grants").await.json();
    let mut again = Client::new(base);
    again.sign_in(&clinic.person).await.unwrap().ok();
    let _: Grants = again.get("/v1/grants").await.json();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_a_device_is_not_certified() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let client = Client::new(base);
    let organisation = Key::of("organisation");
    for (organisation, person) in [
        (&organisation, &patient.device()),
        (&patient.device(), &Key::of("person")),
    ] {
        let new = NewOrganisation {
            name: "Clinic".to_owned(),
            role: Role::Provider,
        };
        let code: EnrolmentCode = operator(
            &client,
            folder.path(),
            "/v1/operator/organisations",
            Some(&new),
        )
        .await
        .json();
        let body = enrolment("Clinic", &code.code, Some(organisation), person);
        let refused = client.post("/v1/enrolments", &body).await;
        assert_eq!(refused.code(), slug::CONFLICT);
        // the code is not used up by it
        let (organisation, person) = (Key::of(&code.code), Key::of(&format!("{} p", code.code)));
        let body = enrolment("Clinic", &code.code, Some(&organisation), &person);
        client.post("/v1/enrolments", &body).await.ok();
    }
    let _: Quota = patient.client.get("/v1/quota").await.json();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_stays_what_its_subject_was_at_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    Patient::new(&base, "ada").await;
    // as if a row of an older server had it
    let db = rusqlite::Connection::open(folder.path().join("cloud.db")).unwrap();
    let count = db
        .execute(
            "INSERT INTO device (id, account, dsk, statement)
             SELECT ?1, account, ?2, statement FROM device",
            rusqlite::params![clinic.person.id().0, clinic.person.spki()],
        )
        .unwrap();
    assert_eq!(count, 1);
    let _: Grants = clinic.client.get("/v1/grants").await.json();
    let mut again = Client::new(base);
    again.sign_in(&clinic.person).await.unwrap().ok();
    let _: Grants = again.get("/v1/grants").await.json();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_grantee_reads_no_entry_that_came_after_its_grant() {
    let folder = tempfile::tempdir().unwrap();
    let ahead = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&ahead);
    let count = AtomicI64::new(0);
    let env = Env::new(
        move || now_ms() + clock.load(Ordering::SeqCst),
        move |bytes| {
            let seed = count.fetch_add(1, Ordering::SeqCst).to_be_bytes();
            let stream = vitalwitness_proof::sha256(&[&seed]);
            for (byte, random) in bytes.iter_mut().zip(stream.iter().cycle()) {
                *byte = *random;
            }
        },
    );
    let server = Server::start_in(Config::new(folder.path()), env)
        .await
        .unwrap();
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let grant = patient.grant(clinic.id(), &[], now_ms() + 60_000);
    patient.client.post("/v1/grants", &grant).await.ok();
    let during = Batch::new(Id16(fresh()), vec![1]);
    patient.upload(&during).await.ok();
    let path = format!("/v1/channels/{}/entries", patient.channel);
    let seen = || async {
        let seen: ChannelEntries = clinic.client.get(&path).await.json();
        seen.entries.len()
    };
    assert_eq!(seen().await, 5);
    ahead.store(120_000, Ordering::SeqCst);
    assert_eq!(seen().await, 5, "what was there stays");
    let after = Batch::new(Id16(fresh()), vec![2]);
    patient.upload(&after).await.ok();
    patient
        .upload(&Batch::new(Id16(fresh()), vec![3]))
        .await
        .ok();
    assert_eq!(seen().await, 5);
    let receipt = |batch: &Batch| format!("/v1/receipts/{}", batch.root);
    clinic.client.get(&receipt(&during)).await.ok();
    assert_eq!(
        clinic.client.get(&receipt(&after)).await.code(),
        slug::NOT_FOUND
    );
    // a revoke that comes later opens nothing again
    let revocation = patient.revocation(&grant, Vec::new());
    patient
        .client
        .post("/v1/revocations", &revocation)
        .await
        .ok();
    assert_eq!(seen().await, 5);
    let all: ChannelEntries = patient.client.get(&path).await.json();
    assert_eq!(all.entries.len(), 8);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_person_learns_nothing_of_uploads_and_room_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::in_category(&base, "ada", 2).await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let other = enrol_clinic(&base, folder.path(), "Other", Role::Provider).await;
    let stream = Id16(fresh());
    let mut grant = patient.grant(clinic.id(), &[stream], now_ms() + 3_600_000);
    grant.terms.append = true;
    patient.client.post("/v1/grants", &grant).await.ok();
    let batch = Batch::new(stream, vec![8; 500]);
    let event = Event {
        receiver: Some(clinic.id().0),
        ..patient.event(EventType::Batch, batch.root.0)
    };
    let new = NewBatch {
        event: Some(clinic.person.submit(&event)),
        ..patient.announcement(&batch)
    };
    let path = format!("/v1/batches/{}/0", batch.id);
    let nothing = Quota { used: 0, limit: 0 };
    let announced: BatchStatus = clinic.client.post("/v1/batches", &new).await.json();
    assert_eq!(announced.quota, nothing);
    assert_eq!(other.client.get(&path).await.code(), slug::NOT_FOUND);
    let bytes = &batch.bytes;
    let part = format!("{path}/parts/0");
    let sent = clinic.client.send("PUT", &part, None, bytes).await.unwrap();
    sent.ok();
    let commit = format!("{path}/commit");
    let done: BatchStatus = clinic.client.post_empty(&commit).await.json();
    let seen: BatchStatus = clinic.client.get(&path).await.json();
    assert_eq!((&seen.logged, &seen.quota), (&done.logged, &nothing));
    assert!(seen.logged.is_some());
    for answer in [
        other.client.get(&path).await,
        other.client.post_empty(&commit).await,
        other.client.send("PUT", &part, None, bytes).await.unwrap(),
        other
            .client
            .post("/v1/batches", &repeat(&other.person, &event, &new))
            .await,
    ] {
        assert_eq!(answer.code(), slug::NOT_FOUND);
    }
    let own: BatchStatus = patient.client.get(&path).await.json();
    let quota: Quota = patient.client.get("/v1/quota").await.json();
    assert_eq!(own.quota, quota, "its owner learns of both");
    assert!(quota.used > 500);

    let ada = Patient::new(&base, "ada two").await;
    let batch = Batch::new(Id16(fresh()), vec![1; 9]);
    ada.upload(&batch).await.ok();
    let path = format!("/v1/batches/{}/0", batch.id);
    assert_eq!(clinic.client.get(&path).await.code(), slug::NOT_FOUND);
    server.shutdown().await;
}

/// The same batch as `new`, announced by another.
fn repeat(by: &Key, event: &Event, new: &NewBatch) -> NewBatch {
    NewBatch {
        event: Some(by.submit(event)),
        ..new.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_that_lists_a_batch_twice_is_refused_before_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let batch = Batch::new(Id16(fresh()), vec![1; 9]);
    patient.upload(&batch).await.ok();
    let grant = patient.grant(clinic.id(), &[batch.stream_key], now_ms() + 3_600_000);
    patient.client.post("/v1/grants", &grant).await.ok();
    let one = (batch.id, batch.root);
    let twice = clinic.access(&patient, grant.terms.grant, &[one, one]);
    let refused = clinic.client.post("/v1/access", &twice).await.problem();
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (422, slug::BAD_REQUEST)
    );
    let single = clinic.access(&patient, grant.terms.grant, &[one]);
    clinic.client.post("/v1/access", &single).await.ok();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_expiry_never_reaches_the_owner() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let mut request = clinic.request(&patient);
    let event = Event {
        expiry: None,
        ..Event::decode(&request.event.event.0).unwrap()
    };
    request.event = clinic.person.submit(&event);
    let refused = clinic.client.post("/v1/requests", &request).await;
    assert_eq!(refused.code(), slug::EVENT_REFUSED);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_alone_takes_nothing_out_of_the_bag() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let eve = Patient::new(&base, "eve").await;
    let (device, second) = (patient.device(), Key::of("ada second"));
    let stated = patient.statement(&second, Some(device.id()), &device);
    patient.client.post("/v1/devices", &stated).await.ok();
    let [item, other] = [1, 2].map(|it| Id16([it; 16]));
    let path = format!("/v1/bag/{item}");
    let body = BagItem {
        item,
        generation: 1,
        sealed: Bytes(vec![6; 40]),
    };
    patient.client.put(&path, &body).await.ok();
    assert_eq!(patient.client.delete(&path).await.code(), slug::BAD_REQUEST);
    let end = patient.end_of(second.id(), None, &patient.aik());
    let ending = format!("/v1/devices/{}/end", second.id());
    patient.client.post(&ending, &end).await.ok();
    let (id, session) = (device.id(), Key::of("session"));
    let stranger = eve.device();
    let erasure = |item, id, key| patient.erasure(item, id, key);
    let refused = [
        ("by the session's key", erasure(item, id, &session)),
        ("of another item", erasure(other, id, &device)),
        ("by an ended device", erasure(item, second.id(), &second)),
        ("in another device's name", erasure(item, id, &second)),
        (
            "by another's device",
            erasure(item, stranger.id(), &stranger),
        ),
    ];
    for (who, body) in refused {
        let answer = patient.client.delete_with(&path, &body).await;
        assert_eq!(answer.code(), slug::KIT, "{who}");
    }
    let changes: Changes = patient.client.get("/v1/changes").await.json();
    let bag = |change: &Change| matches!(&change.what, What::Bag { item } if *item == body);
    assert!(changes.changes.iter().any(bag), "it is there");
    let good = erasure(item, id, &device);
    patient.client.delete_with(&path, &good).await.ok();
    let changes: Changes = patient.client.get("/v1/changes").await.json();
    assert!(!changes.changes.iter().any(bag));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_states_another_by_the_clock_and_not_as_of_before_or_later() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let (first, second) = (patient.device(), Key::of("ada second"));
    let (now, hour) = (now_ms(), 3_600_000);
    for off in [-hour, hour, i64::MIN / 2] {
        let stated = patient.statement_at(now + off, &second, Some(first.id()), &first);
        let answer = patient.client.post("/v1/devices", &stated).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, slug::CLOCK));
    }
    let none = Client::new(base.clone()).sign_in(&second).await.unwrap();
    assert_eq!(none.code(), slug::CERTIFICATE, "nothing changed");
    let stated = patient.statement_at(now - 60_000, &second, Some(first.id()), &first);
    patient.client.post("/v1/devices", &stated).await.ok();
    // known: its own answer was lost, and it says so again much later
    let again = patient.statement_at(now - hour, &second, Some(first.id()), &first);
    patient.client.post("/v1/devices", &again).await.ok();
    // the kit signed before there was a connection
    let third = Key::of("ada third");
    let by_kit = patient.statement_at(now - 900 * hour, &third, None, &patient.aik());
    patient.client.post("/v1/devices", &by_kit).await.ok();
    let told: Devices = patient.client.get("/v1/devices").await.json();
    assert_eq!(told.devices.len(), 3);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_secret_that_is_not_sealed_to_the_kit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let patient = Patient::new(&base(&server), "ada").await;
    let secret = |generation, to: &[&Key]| Recovery {
        generation,
        sealed: to
            .iter()
            .map(|key| SealedTo {
                to: key.id(),
                enc: Bytes(vec![4; 65]),
                ciphertext: Bytes(vec![1; 48]),
            })
            .collect(),
    };
    let (kit, device) = (patient.kk(), patient.device());
    let put = async |recovery| {
        let body = patient.secret(recovery, Some(patient.gsk.id()), &patient.gsk);
        patient.client.put("/v1/recovery", &body).await
    };
    put(secret(1, &[&kit])).await.ok();
    let refused = put(secret(2, &[&device, &patient.aik()])).await;
    assert_eq!(refused.code(), slug::BAD_REQUEST);
    let newest: NewRecovery = patient.client.get("/v1/recovery").await.json();
    assert_eq!(newest.recovery.generation, 1, "nothing changed");
    put(secret(2, &[&device, &kit])).await.ok();
    server.shutdown().await;
}

//! What grantees may, may not, and see; what an owner can take back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod support;

use support::{Batch, Client, Key, Patient, base, enrol_clinic, fresh, now_ms, server};
use vitalwitness_cloud::{Config, Rate, Server};
use vitalwitness_domain::wire::{
    BagItem, BatchStatus, Bytes, Changes, ChannelEntries, Contact, Devices, EntryProof, Grants,
    Hash32, Id16, Manifest, NewBatch, NewDenial, NewRecovery, NewRevocation, Recovery, Role,
    SealedTo, What, slug,
};
use vitalwitness_proof::entry::{Entry, Event, EventType, Purpose};
use vitalwitness_proof::sha256;

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_request_stays_denied_and_its_asker_can_prove_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let path = format!("/v1/contacts/{}", patient.locator);
    let contact: Contact = clinic.client.get(&path).await.json();
    assert_eq!(contact.channel, patient.channel);
    assert_eq!(patient.client.get(&path).await.code(), slug::FORBIDDEN);

    let request = clinic.request(&patient);
    clinic.client.post("/v1/requests", &request).await.ok();
    let denial = NewDenial {
        event: patient.deny(&request.event),
    };
    patient.client.post("/v1/denials", &denial).await.ok();
    patient.client.post("/v1/denials", &denial).await.ok();
    let asked = Event::decode(&request.event.event.0).unwrap();
    let hash = Hash32(asked.recordhash);
    for (kind, wanted) in [("?type=3", EventType::Request), ("", EventType::Request)] {
        let path = format!("/v1/receipts/{hash}{kind}");
        let proof: EntryProof = clinic.client.get(&path).await.json();
        let entry = Entry::decode(&proof.logged.entry.0).unwrap();
        assert_eq!(entry.event.kind, wanted);
    }
    // it has no receiver and the clinic no grant: the entry itself is the owner's
    let path = format!("/v1/receipts/{hash}?type=5");
    patient.client.get(&path).await.ok();
    let entries = format!("/v1/channels/{}/entries", patient.channel);
    assert_eq!(clinic.client.get(&entries).await.code(), slug::NOT_FOUND);
    let stranger = Patient::new(&base, "eve").await;
    assert_eq!(stranger.client.get(&entries).await.code(), slug::NOT_FOUND);
    assert_eq!(stranger.client.get(&path).await.code(), slug::NOT_FOUND);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_writes_medical_history_under_its_grant_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::in_category(&base, "ada", 2).await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let insurer = enrol_clinic(&base, folder.path(), "Insurer", Role::Insurer).await;
    let stream = Id16(fresh());
    let own = patient.upload(&Batch::new(stream, vec![1; 9])).await;
    assert_eq!(
        own.code(),
        slug::FORBIDDEN,
        "Table I: the patient does not write here"
    );

    let mut grant = patient.grant(clinic.id(), &[stream], now_ms() + 3_600_000);
    grant.terms.append = true;
    patient.client.post("/v1/grants", &grant).await.ok();
    let mut wrong = patient.grant(insurer.id(), &[stream], now_ms() + 3_600_000);
    wrong.terms.append = true;
    let refused = patient.client.post("/v1/grants", &wrong).await;
    assert_eq!(
        refused.code(),
        slug::FORBIDDEN,
        "Table I: nor does an insurer"
    );

    let write = |stream_key: Id16| {
        let batch = Batch::new(stream_key, vec![8; 500]);
        let event = Event {
            receiver: Some(clinic.id().0),
            ..patient.event(EventType::Batch, batch.root.0)
        };
        let new = NewBatch {
            event: Some(clinic.person.submit(&event)),
            ..patient.announcement(&batch)
        };
        (batch, new)
    };
    let (batch, new) = write(stream);
    clinic.client.post("/v1/batches", &new).await.ok();
    let path = format!("/v1/batches/{}/0", batch.id);
    clinic
        .client
        .send("PUT", &format!("{path}/parts/0"), None, &batch.bytes)
        .await
        .unwrap()
        .ok();
    let done: BatchStatus = clinic
        .client
        .post_empty(&format!("{path}/commit"))
        .await
        .json();
    assert!(done.logged.is_some());
    let object = format!("/v1/objects/{}", batch.id);
    assert_eq!(patient.client.get(&object).await.body, batch.bytes);
    let (_, elsewhere) = write(Id16(fresh()));
    let refused = clinic.client.post("/v1/batches", &elsewhere).await;
    assert_eq!(refused.code(), slug::NOT_FOUND, "no key of the grant");
    let revocation = patient.revocation(&grant, Vec::new());
    patient
        .client
        .post("/v1/revocations", &revocation)
        .await
        .ok();
    let (_, late) = write(stream);
    assert_eq!(
        clinic.client.post("/v1/batches", &late).await.code(),
        slug::REVOKED
    );
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_refused_by_code_and_leave_no_entry() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let client = &patient.client;
    let batch = Batch::new(Id16(fresh()), vec![1; 10]);
    let good = patient.announcement(&batch);
    let event = patient.event(EventType::Batch, batch.root.0);
    let by = |key: &Key, event: &Event| NewBatch {
        event: Some(key.submit(event)),
        ..good.clone()
    };
    let mut forged = good.clone();
    forged.event.as_mut().unwrap().signature.0[40] ^= 1;
    let mut other_root = event.clone();
    other_root.recordhash[0] ^= 1;
    let late = Event {
        time: now_ms() + 400_000,
        ..event.clone()
    };
    let cases = [
        ("grant key", by(&patient.gsk, &event), slug::EVENT_REFUSED),
        ("stranger", by(&Key::of("eve"), &event), slug::EVENT_REFUSED),
        ("forged", forged, slug::EVENT_REFUSED),
        (
            "other root",
            by(&patient.dsk, &other_root),
            slug::EVENT_REFUSED,
        ),
        ("ahead", by(&patient.dsk, &late), slug::FROM_FUTURE),
    ];
    for (why, new, code) in cases {
        assert_eq!(client.post("/v1/batches", &new).await.code(), code, "{why}");
    }
    let resigned = patient.announcement(&batch);
    client.post("/v1/batches", &resigned).await.ok();
    // signed anew, the bytes are the same: the first announcement stands
    client.post("/v1/batches", &good).await.ok();
    patient.upload_as(&good, &batch.bytes).await.unwrap().ok();
    // the same event under another batch: replayed
    let mut replayed = resigned;
    replayed.batch = Id16(fresh());
    let answer = patient.upload_as(&replayed, &batch.bytes).await.unwrap();
    assert_eq!(answer.code(), slug::EVENT_REFUSED);

    let expired = patient.grant(clinic.id(), &[], now_ms() - 1);
    assert_eq!(
        client.post("/v1/grants", &expired).await.code(),
        slug::EXPIRED
    );
    let nobody = patient.grant(Id16([9; 16]), &[], now_ms() + 1000);
    assert_eq!(
        client.post("/v1/grants", &nobody).await.code(),
        slug::CERTIFICATE
    );
    let mut slipped = patient.grant(clinic.id(), &[batch.stream_key], now_ms() + 1000);
    slipped.envelopes[0].ciphertext.0[0] ^= 1;
    assert_eq!(
        client.post("/v1/grants", &slipped).await.code(),
        slug::FORBIDDEN
    );
    let mut stolen = clinic.request(&patient);
    stolen.organisation = clinic.enrolment.person_certificate.clone();
    let refused = clinic.client.post("/v1/requests", &stolen).await;
    assert_eq!(refused.code(), slug::CERTIFICATE);

    let entries: ChannelEntries = client
        .get(&format!("/v1/channels/{}/entries", patient.channel))
        .await
        .json();
    assert_eq!(entries.entries.len(), 4, "three ENROLs and one BATCH");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_signs_no_more_and_a_new_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let mut patient = Patient::new(&base(&server), "ada").await;
    let new_key = Key::of("ada second dsk");
    let enrol = Event {
        purpose: Some(Purpose::Device),
        ..patient.event(EventType::Enrol, sha256(&[&new_key.spki()]))
    };
    let enrol = patient.owner.enrol(&enrol, &new_key);
    patient.client.post("/v1/entries", &enrol).await.ok();
    patient.client.post("/v1/entries", &enrol).await.ok();
    let revoke = patient.event(EventType::Revoke, sha256(&[&patient.dsk.spki()]));
    let revocation = NewRevocation {
        event: patient.owner.submit(&revoke),
        closed: vec![Id16([5; 16])],
    };
    patient
        .client
        .post("/v1/revocations", &revocation)
        .await
        .ok();
    let old = patient.upload(&Batch::new(Id16(fresh()), vec![1])).await;
    assert_eq!(old.code(), slug::EVENT_REFUSED);
    patient.dsk = new_key;
    patient
        .upload(&Batch::new(Id16(fresh()), vec![1]))
        .await
        .ok();
    let closed = patient.upload(&Batch::new(Id16([5; 16]), vec![1])).await;
    assert_eq!(closed.code(), slug::KEY_CLOSED);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resealed_batch_takes_the_place_of_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let patient = Patient::new(&base(&server), "ada").await;
    let batch = Batch::new(Id16(fresh()), vec![1; 1000]);
    patient.upload(&batch).await.ok();
    let fewer = vec![2; 700];
    let mut new = patient.announcement(&batch);
    new.revision = 1;
    new.event = None;
    new.bytes = 700;
    new.digest = Hash32(sha256(&[&fewer]));
    new.parts = support::part_digests(&fewer);
    let mut skipped = new.clone();
    skipped.revision = 2;
    let refused = patient.client.post("/v1/batches", &skipped).await;
    assert_eq!(refused.code(), slug::BAD_REQUEST);
    let done: BatchStatus = patient.upload_as(&new, &fewer).await.unwrap().json();
    assert_eq!(done.quota.used, 700);
    let object = format!("/v1/objects/{}", batch.id);
    assert_eq!(patient.client.get(&object).await.body, fewer);
    let first = hex::encode(&batch.id.0[..1]);
    let files = std::fs::read_dir(folder.path().join("objects").join(first)).unwrap();
    assert_eq!(files.count(), 1, "the old bytes are gone");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_kept_sealed_told_and_erased_with_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let mut patient = Patient::new(&base, "ada").await;
    let client = &patient.client;
    let recovery = |generation| Recovery {
        generation,
        sealed: vec![SealedTo {
            to: patient.kk().id(),
            enc: Bytes(vec![4; 65]),
            ciphertext: Bytes(vec![1; 48]),
        }],
    };
    assert_eq!(client.get("/v1/recovery").await.code(), slug::NOT_FOUND);
    let put = |generation| patient.secret(recovery(generation), None, &patient.aik());
    client.put("/v1/recovery", &put(1)).await.ok();
    client.put("/v1/recovery", &put(2)).await.ok();
    client.put("/v1/recovery", &put(2)).await.ok();
    for (refused, why) in [(1, "an older one"), (4, "one is missing before it")] {
        let answer = client.put("/v1/recovery", &put(refused)).await;
        assert_eq!(answer.code(), slug::CONFLICT, "{why}");
    }
    let before = client.get("/v1/recovery?generation=1").await;
    assert_eq!(before.json::<NewRecovery>(), put(1));
    client.put("/v1/recovery", &put(3)).await.ok();
    let gone = client.get("/v1/recovery?generation=1").await;
    assert_eq!(gone.code(), slug::NOT_FOUND, "two are kept");
    let newest: NewRecovery = client.get("/v1/recovery").await.json();
    assert_eq!(newest, put(3));
    let item = BagItem {
        item: Id16(fresh()),
        generation: 2,
        sealed: Bytes(vec![6; 40]),
    };
    let path = format!("/v1/bag/{}", item.item);
    client.put(&path, &item).await.ok();
    let device = patient.device();
    let erasure = patient.erasure(item.item, device.id(), &device);
    client.delete_with(&path, &erasure).await.ok();
    client.delete_with(&path, &erasure).await.ok();
    let changes: Changes = client.get("/v1/changes?after=6").await.json();
    let gone = What::BagErased { item: item.item };
    assert!(changes.changes.iter().all(|change| change.what == gone));
    assert_eq!(changes.changes.len(), 2);
    let devices: Devices = client.get("/v1/devices").await.json();
    assert_eq!(devices.devices.len(), 1);

    let batch = Batch::new(Id16(fresh()), vec![1; 1000]);
    patient.upload(&batch).await.ok();
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let request = clinic.request(&patient);
    clinic.client.post("/v1/requests", &request).await.ok();
    let grant = patient.grant(clinic.id(), &[batch.stream_key], now_ms() + 3_600_000);
    client.post("/v1/grants", &grant).await.ok();
    let access = clinic.access(&patient, grant.terms.grant, &[(batch.id, batch.root)]);
    clinic.client.post("/v1/access", &access).await.ok();
    let export: serde_json::Value = client.get("/v1/export").await.json();
    assert_eq!(export["schema"], "vw-export/1");

    let deletion = patient.deletion(&patient.aik()).await;
    client.post("/v1/account/deletion", &deletion).await.ok();
    assert_eq!(client.get("/v1/quota").await.code(), slug::SESSION);
    let manifest = format!("/v1/grants/{}/manifest", grant.terms.grant);
    assert_eq!(clinic.client.get(&manifest).await.code(), slug::NOT_FOUND);
    let first = hex::encode(&batch.id.0[..1]);
    let files = std::fs::read_dir(folder.path().join("objects").join(first)).unwrap();
    assert_eq!(files.count(), 0);
    let again = patient.client.sign_in(&patient.device()).await.unwrap();
    assert_eq!(again.code(), slug::CERTIFICATE);
    // the same kit begins anew, in a new channel
    let account = patient.account();
    patient.client.post("/v1/accounts", &account).await.ok();
    patient.sign_in().await;
    let taken = patient
        .client
        .post("/v1/channels", &patient.new_channel())
        .await;
    assert_eq!(taken.code(), slug::CONFLICT);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_organisation_sees_the_channel_up_to_the_revoke() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let grant = patient.grant(clinic.id(), &[], now_ms() + 3_600_000);
    patient.client.post("/v1/grants", &grant).await.ok();
    let revocation = patient.revocation(&grant, Vec::new());
    patient
        .client
        .post("/v1/revocations", &revocation)
        .await
        .ok();
    let later = Batch::new(Id16(fresh()), vec![1]);
    patient.upload(&later).await.ok();
    let path = format!("/v1/channels/{}/entries", patient.channel);
    let seen: ChannelEntries = clinic.client.get(&path).await.json();
    let all: ChannelEntries = patient.client.get(&path).await.json();
    assert_eq!((seen.entries.len(), all.entries.len()), (5, 6));
    let last = Entry::decode(&seen.entries[4].entry.0).unwrap();
    assert_eq!(last.event.kind, EventType::Revoke);
    let receipt = format!("/v1/receipts/{}", later.root);
    assert_eq!(clinic.client.get(&receipt).await.code(), slug::NOT_FOUND);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_waits_and_a_manifest_is_for_its_grantee_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    config.rate = Rate {
        session_per_s: 1,
        session_burst: 8,
        ..Rate::default()
    };
    let server = Server::start(config).await.unwrap();
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let other = enrol_clinic(&base, folder.path(), "Other", Role::Provider).await;
    let grant = patient.grant(clinic.id(), &[Id16([4; 16])], now_ms() + 3_600_000);
    patient.client.post("/v1/grants", &grant).await.ok();
    let path = format!("/v1/grants/{}/manifest", grant.terms.grant);
    let manifest: Manifest = clinic.client.get(&path).await.json();
    assert_eq!(manifest.envelopes, grant.envelopes);
    assert_eq!(other.client.get(&path).await.code(), slug::NOT_FOUND);
    let mut refused = None;
    for _ in 0..20 {
        let answer = clinic.client.get(&path).await;
        if answer.status != 200 {
            refused = Some(answer.problem());
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!((refused.status, refused.code.as_str()), (429, slug::RATE));
    assert!(refused.retry_after_s.is_some());
    let anyone = Client::new(base);
    let metrics = anyone.get("/metrics").await;
    let text = String::from_utf8(metrics.body).unwrap();
    assert!(text.contains("vw_log_entries_total"), "{text}");
    assert!(
        !text.contains(&patient.channel.to_string()),
        "nothing personal"
    );
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_come_in_pages_and_none_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let (ada, ben) = (
        Patient::new(&base, "ada").await,
        Patient::new(&base, "ben").await,
    );
    let mut made = Vec::new();
    for patient in [&ada, &ben, &ada, &ben, &ada] {
        let grant = patient.grant(clinic.id(), &[], now_ms() + 3_600_000);
        patient.client.post("/v1/grants", &grant).await.ok();
        made.push(grant.terms.grant);
    }
    let ids = |page: &Grants| -> Vec<Id16> { page.grants.iter().map(|g| g.terms.grant).collect() };
    let ask = |query: String| {
        let client = clinic.client.clone();
        async move { client.get(&format!("/v1/grants?{query}")).await }
    };
    let first: Grants = ask("limit=2".to_owned()).await.json();
    assert_eq!(ids(&first), made[..2]);
    // one is made and one is revoked while the clinic reads
    let late = ben.grant(clinic.id(), &[], now_ms() + 3_600_000);
    ben.client.post("/v1/grants", &late).await.ok();
    made.push(late.terms.grant);
    let revoke = ben.revocation(&late, Vec::new());
    ben.client.post("/v1/revocations", &revoke).await.ok();
    let mut seen = ids(&first);
    let mut next = first.next;
    while let Some(after) = next {
        let page: Grants = ask(format!("limit=2&after={after}")).await.json();
        assert!(page.grants.len() <= 2);
        seen.extend(ids(&page));
        next = page.next;
    }
    assert_eq!(seen, made);
    let exact: Grants = ask("limit=6".to_owned()).await.json();
    assert_eq!((ids(&exact), exact.next), (made.clone(), None));
    assert!(exact.grants[5].revoked);
    let beyond: Grants = ask("after=1000000".to_owned()).await.json();
    assert_eq!((beyond.grants.len(), beyond.next), (0, None));
    for bad in ["after=-1", "after=x", "limit=x"] {
        assert_eq!(ask(bad.to_owned()).await.code(), slug::BAD_REQUEST, "{bad}");
    }
    for _ in 0..100 {
        let grant = ada.grant(clinic.id(), &[], now_ms() + 3_600_000);
        ada.client.post("/v1/grants", &grant).await.ok();
        made.push(grant.terms.grant);
    }
    let page: Grants = ask("limit=5000".to_owned()).await.json();
    assert_eq!(ids(&page), made[..100], "a page has at most 100");
    let page: Grants = ask(format!("after={}", page.next.unwrap())).await.json();
    assert_eq!((ids(&page), page.next), (made[100..].to_vec(), None));
    server.shutdown().await;
}

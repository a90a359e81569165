//! A batch's whole way, and a grant's, against a real server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod support;

use support::{Batch, Patient, base, enrol_clinic, fresh, now_ms, server};
use vitalwitness_domain::wire::{
    BatchStatus, Changes, Delivery, EntryProof, Grants, Id16, Logged, Manifest, Role, What, slug,
};
use vitalwitness_proof::checkpoint::SignedNote;
use vitalwitness_proof::entry::{Entry, EventType, entry_leaf};
use vitalwitness_proof::merkle::verify_inclusion;

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_stored_logged_told_and_proven() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let patient = Patient::new(&base(&server), "ada").await;
    let batch = Batch::new(Id16(fresh()), vec![3; 600_000]);
    let status: BatchStatus = patient.upload(&batch).await.json();
    let logged = status.logged.unwrap();
    assert_eq!(status.quota.used, 600_000);
    let entry = Entry::decode(&logged.entry.0).unwrap();
    assert_eq!((entry.event.kind, entry.seq), (EventType::Batch, 4));

    let again: BatchStatus = patient.upload(&batch).await.json();
    assert_eq!(
        again.logged.as_ref(),
        Some(&logged),
        "the first answer again"
    );

    let object = patient
        .client
        .get(&format!("/v1/objects/{}", batch.id))
        .await;
    assert_eq!(object.body, batch.bytes);

    let changes: Changes = patient.client.get("/v1/changes?after=0").await.json();
    let cursors: Vec<u64> = changes.changes.iter().map(|change| change.cursor).collect();
    assert_eq!(cursors, [1, 2, 3, 4, 5], "gapless");
    assert!(matches!(&changes.changes[4].what, What::Batch { info } if info.batch == batch.id));

    let proof: EntryProof = patient
        .client
        .get(&format!("/v1/receipts/{}", batch.root))
        .await
        .json();
    assert_eq!(proof.logged, logged);
    let note = SignedNote::parse(&proof.note).unwrap();
    let path: Vec<[u8; 32]> = proof.path.iter().map(|node| node.0).collect();
    verify_inclusion(
        &entry_leaf(&logged.entry.0),
        logged.index,
        note.checkpoint.size,
        &path,
        &note.checkpoint.root,
    )
    .unwrap();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_revoke_nothing_opens_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;

    let (heart, sleep) = (Id16(fresh()), Id16(fresh()));
    let granted = Batch::new(heart, vec![1; 1000]);
    let withheld = Batch::new(sleep, vec![2; 1000]);
    for batch in [&granted, &withheld] {
        patient.upload(batch).await.ok();
    }
    let request = clinic.request(&patient);
    let logged: Logged = clinic.client.post("/v1/requests", &request).await.json();
    let again: Logged = clinic.client.post("/v1/requests", &request).await.json();
    assert_eq!(logged, again);

    let grant = patient.grant(clinic.id(), &[heart], now_ms() + 3_600_000);
    patient.client.post("/v1/grants", &grant).await.ok();
    let id = grant.terms.grant;
    let grants: Grants = clinic.client.get("/v1/grants").await.json();
    assert_eq!(grants.grants[0].terms, grant.terms);
    let manifest: Manifest = clinic
        .client
        .get(&format!("/v1/grants/{id}/manifest"))
        .await
        .json();
    let open: Vec<Id16> = manifest.batches.iter().map(|info| info.batch).collect();
    assert_eq!(open, [granted.id], "what has no envelope is not shown");

    let too_much = clinic.access(
        &patient,
        id,
        &[(granted.id, granted.root), (withheld.id, withheld.root)],
    );
    let refused = clinic.client.post("/v1/access", &too_much).await;
    assert_eq!(refused.code(), slug::FORBIDDEN);
    let access = clinic.access(&patient, id, &[(granted.id, granted.root)]);
    let delivery: Delivery = clinic.client.post("/v1/access", &access).await.json();
    let again: Delivery = clinic.client.post("/v1/access", &access).await.json();
    assert_eq!(delivery, again);
    let fetch = format!("/v1/deliveries/{}/{}", delivery.delivery, granted.id);
    assert_eq!(clinic.client.get(&fetch).await.body, granted.bytes);

    let revocation = patient.revocation(&grant, vec![heart]);
    patient
        .client
        .post("/v1/revocations", &revocation)
        .await
        .ok();
    assert_eq!(clinic.client.get(&fetch).await.code(), slug::REVOKED);
    let manifest = format!("/v1/grants/{id}/manifest");
    assert_eq!(clinic.client.get(&manifest).await.code(), slug::REVOKED);
    let fresh_access = clinic.access(&patient, id, &[(granted.id, granted.root)]);
    for access in [&access, &fresh_access] {
        let refused = clinic.client.post("/v1/access", access).await;
        assert_eq!(refused.code(), slug::REVOKED);
    }
    let new = patient.upload(&Batch::new(heart, vec![4; 10])).await;
    assert_eq!(new.code(), slug::KEY_CLOSED);
    let envelope = patient.envelope(id, Id16(fresh()));
    let more = vitalwitness_domain::wire::NewEnvelopes {
        grant: id,
        envelopes: vec![envelope],
    };
    let refused = patient.client.post("/v1/envelopes", &more).await;
    assert_eq!(refused.code(), slug::REVOKED);

    let changes: Changes = patient.client.get("/v1/changes?after=0").await.json();
    let kinds: Vec<String> = changes
        .changes
        .iter()
        .map(|change| match &change.what {
            What::Entry { entry, .. } => {
                format!("{:?}", Entry::decode(&entry.0).unwrap().event.kind)
            }
            What::Refusal { refusal } => refusal.code.clone(),
            What::Closed { .. } => "closed".to_owned(),
            What::Request { .. } => "asked".to_owned(),
            What::Batch { .. } => "stored".to_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds[3..],
        [
            "Batch",
            "stored",
            "Batch",
            "stored",
            "Request",
            "asked",
            "Grant",
            "forbidden",
            "Access",
            "Revoke",
            "closed",
            "grant_revoked",
            "grant_revoked",
            "grant_revoked",
            "grant_revoked"
        ]
    );
    server.shutdown().await;
}

//! Everything an owner stores counts in the quota, and a full account keeps its say.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod support;

use support::{Batch, Key, Patient, base, enrol_clinic, fresh, now_ms};
use vitalwitness_cloud::{Config, Server};
use vitalwitness_domain::wire::{
    BagItem, Bytes, Id16, Manifest, NewDenial, NewEnvelopes, Quota, Recovery, Role, SealedTo, slug,
};

fn recovery(generation: u32, receivers: usize) -> Recovery {
    let sealed = SealedTo {
        to: Key::of("ada kk").id(),
        enc: Bytes(vec![4; 65]),
        ciphertext: Bytes(vec![1; 48]),
    };
    Recovery {
        generation,
        sealed: vec![sealed; receivers],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_count_in_the_quota_and_are_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = support::server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let client = &patient.client;
    let used = || async { client.get("/v1/quota").await.json::<Quota>().used };
    assert_eq!(used().await, 0);
    let signed = |secret| patient.secret(secret, None, &patient.aik());
    for (generation, kept) in [(1, 1), (2, 2), (2, 2), (3, 2)] {
        let secret = recovery(generation, 3);
        let put = signed(secret);
        client.put("/v1/recovery", &put).await.ok();
        let stored = serde_json::to_vec(&put).unwrap().len() as u64;
        let why = "the newest and the one before are kept and counted";
        assert_eq!(used().await, kept * stored, "{why}");
    }
    let mut long = recovery(4, 1);
    long.sealed[0].ciphertext = Bytes(vec![1; 513]);
    for refused in [long, recovery(4, 65), recovery(4, 0)] {
        let answer = client.put("/v1/recovery", &signed(refused)).await;
        assert!(matches!(answer.status, 413 | 422));
    }
    let before = used().await;
    let streams = [Id16(fresh()), Id16(fresh())];
    let grant = patient.grant(clinic.id(), &streams, now_ms() + 3_600_000);
    let size = |value: &[u8]| value.len() as u64;
    let document = size(&serde_json::to_vec(&grant.document).unwrap());
    let envelopes: u64 = grant
        .envelopes
        .iter()
        .map(|envelope| size(&serde_json::to_vec(envelope).unwrap()))
        .sum();
    client.post("/v1/grants", &grant).await.ok();
    assert_eq!(used().await, before + document + envelopes);
    client.post("/v1/grants", &grant).await.ok();
    let more = NewEnvelopes {
        grant: grant.terms.grant,
        envelopes: grant.envelopes.clone(),
    };
    client.post("/v1/envelopes", &more).await.ok();
    assert_eq!(
        used().await,
        before + document + envelopes,
        "told again, counted once"
    );
    let third = NewEnvelopes {
        grant: grant.terms.grant,
        envelopes: vec![patient.envelope(grant.terms.grant, Id16(fresh()))],
    };
    client.post("/v1/envelopes", &third).await.ok();
    assert!(used().await > before + document + envelopes);
    let revoke = patient.revocation(&grant, Vec::new());
    client.post("/v1/revocations", &revoke).await.ok();
    assert_eq!(
        used().await,
        before + document,
        "a revoke gives its keys back"
    );
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_account_still_revokes_denies_ends_and_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    config.limits.quota_bytes = 20_000;
    let server = Server::start(config).await.unwrap();
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let client = &patient.client;
    let put = |secret| patient.secret(secret, None, &patient.aik());
    client.put("/v1/recovery", &put(recovery(1, 2))).await.ok();
    let stream = Id16(fresh());
    let grant = patient.grant(clinic.id(), &[stream], now_ms() + 3_600_000);
    client.post("/v1/grants", &grant).await.ok();
    let other = patient.grant(clinic.id(), &[stream], now_ms() + 3_600_000);
    client.post("/v1/grants", &other).await.ok();
    let Quota { used, limit } = client.get("/v1/quota").await.json();
    let room = usize::try_from(limit - used).unwrap();
    let batch = Batch::new(stream, vec![1; room]);
    patient.upload(&batch).await.ok();
    let over = patient.upload(&Batch::new(stream, vec![2; 1])).await;
    assert_eq!(over.code(), slug::QUOTA);
    let request = clinic.request(&patient);
    clinic.client.post("/v1/requests", &request).await.ok();

    // secrets have a reserve, and it has an end
    let mut stored = 0;
    let refused = loop {
        let item = BagItem {
            item: Id16(fresh()),
            generation: 1,
            sealed: Bytes(vec![6; 65_536]),
        };
        let answer = client.put(&format!("/v1/bag/{}", item.item), &item).await;
        if answer.status >= 300 {
            break answer;
        }
        stored += 1;
    };
    assert_eq!((refused.code().as_str(), stored), (slug::QUOTA, 64));
    assert!(refused.problem().title.starts_with("your storage is full"));
    // the last of it is for what is as short as a vault secret that another follows
    let short = |len| BagItem {
        item: Id16(fresh()),
        generation: 2,
        sealed: Bytes(vec![6; len]),
    };
    for (len, code) in [(73, slug::QUOTA), (69, "")] {
        let item = short(len);
        let answer = client.put(&format!("/v1/bag/{}", item.item), &item).await;
        if code.is_empty() {
            answer.ok();
        } else {
            assert_eq!(answer.code(), code, "{len} bytes");
        }
    }
    let another = patient.grant(clinic.id(), &[stream; 1], now_ms() + 3_600_000);
    let mut big = another.clone();
    big.document.ciphertext = Bytes(vec![7; 60_000]);
    assert_eq!(client.post("/v1/grants", &big).await.code(), slug::QUOTA);

    client.put("/v1/recovery", &put(recovery(2, 64))).await.ok();
    let denial = NewDenial {
        event: patient.deny(&request.event),
    };
    client.post("/v1/denials", &denial).await.ok();
    let revoke = patient.revocation(&grant, Vec::new());
    client.post("/v1/revocations", &revoke).await.ok();
    let end = patient.end_of(Id16(fresh()), None, &patient.aik());
    let path = format!("/v1/devices/{}/end", end.device);
    let answer = client.post(&path, &end).await;
    assert_eq!(answer.code(), slug::NOT_FOUND, "asked, not refused");
    let object = format!("/v1/objects/{}", batch.id);
    assert_eq!(client.get(&object).await.body, batch.bytes);
    let manifest = format!("/v1/grants/{}/manifest", other.terms.grant);
    let manifest: Manifest = clinic.client.get(&manifest).await.json();
    assert_eq!(manifest.batches.len(), 1);
    let read = [(batch.id, batch.root)];
    let access = clinic.access(&patient, other.terms.grant, &read);
    clinic.client.post("/v1/access", &access).await.ok();
    server.shutdown().await;
}

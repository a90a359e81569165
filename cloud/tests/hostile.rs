//! What is not of the interface is refused with a code, and nothing is taken twice.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod support;

use support::{Batch, Client, Key, Patient, base, enrol_clinic, fresh, now_ms, server, signed};
use vitalwitness_cloud::{Config, Server};
use vitalwitness_domain::wire::{
    AccountDeletion, BatchStatus, Bytes, Challenge, DeviceEnd, Devices, EnrolmentCode, Hash32,
    Id16, NewOrganisation, NewRecovery, NewRevocation, NewSession, Quota, Recovery, Role, SealedTo,
    Sig64, slug,
};
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::entry::{Event, EventType};
use vitalwitness_proof::sha256;

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_garbage_with_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let anyone = Client::new(base.clone());
    let document: serde_json::Value = anyone.get("/v1/openapi.json").await.json();
    let bodies: [(Option<&str>, &[u8]); 7] = [
        (None, b""),
        (None, b"\xff\xfe\x00"),
        (Some("application/json"), b""),
        (Some("application/json"), b"{"),
        (Some("application/json"), b"null"),
        (Some("application/json"), b"{\"x\":1}"),
        (Some("application/json"), b"[[[[[[[[]]]]]]]]"),
    ];
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            if operation["operationId"] == "end_session" {
                continue;
            }
            for garbage in ["zz", "%00", "00000000000000000000000000000000"] {
                let filled: String = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { garbage } else { part })
                    .collect::<Vec<_>>()
                    .join("/");
                for client in [&anyone, &patient.client, &clinic.client] {
                    for (kind, body) in bodies {
                        let answer = client.send(&method, &filled, kind, body).await.unwrap();
                        asked += 1;
                        if answer.status >= 300 {
                            assert_ne!(answer.problem().status, 500, "{method} {filled}");
                        }
                    }
                }
            }
        }
    }
    assert!(asked > 2000, "{asked}");
    assert_eq!(anyone.get("/v1/nothing").await.problem().status, 404);
    assert_eq!(anyone.delete("/v1/limits").await.problem().status, 405);
    let large = vec![b' '; 5 << 20];
    let answer = anyone
        .send("POST", "/v1/accounts", Some("application/json"), &large)
        .await
        .unwrap();
    assert_eq!(answer.code(), slug::TOO_LARGE);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_counts_once_in_its_time_for_what_was_signed() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let patient = Patient::new(&base(&server), "ada").await;
    let client = &patient.client;
    let key = client.session_key();
    let now = now_ms() / 1000;
    let path = "/v1/quota";
    let good = signed(key, "GET", path, b"", now, fresh());
    let send = |headers, path: &'static str, body: &'static [u8]| async move {
        client.raw("GET", path, None, body, headers).await.unwrap()
    };
    send(good.clone(), path, b"").await.ok();
    assert_eq!(
        send(good, path, b"").await.code(),
        slug::SIGNATURE,
        "replayed"
    );
    let cases = [
        ("unsigned", vec![], path, slug::SESSION),
        (
            "old",
            signed(key, "GET", path, b"", now - 400, fresh()),
            path,
            slug::CLOCK,
        ),
        (
            "from the future",
            signed(key, "GET", path, b"", now + 400, fresh()),
            path,
            slug::CLOCK,
        ),
        (
            "another method",
            signed(key, "PUT", path, b"", now, fresh()),
            path,
            slug::SIGNATURE,
        ),
        (
            "another query",
            signed(key, "GET", "/v1/changes?after=1", b"", now, fresh()),
            "/v1/changes?after=0",
            slug::SIGNATURE,
        ),
        (
            "another body",
            signed(key, "GET", path, b"x", now, fresh()),
            path,
            slug::SIGNATURE,
        ),
        (
            "no session's key",
            signed(&Key::of("stranger"), "GET", path, b"", now, fresh()),
            path,
            slug::SESSION,
        ),
    ];
    for (why, headers, path, code) in cases {
        assert_eq!(send(headers, path, b"").await.code(), code, "{why}");
    }

    // an ended session is no session
    let kept = signed(key, "GET", path, b"", now, fresh());
    client.delete("/v1/session").await.ok();
    assert_eq!(send(kept, path, b"").await.code(), slug::SESSION);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_remembered_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = server(folder.path()).await;
    let patient = Patient::new(&base(&first), "ada").await;
    let key = patient.client.session_key();
    let headers = signed(key, "GET", "/v1/quota", b"", now_ms() / 1000, fresh());
    let answer = patient
        .client
        .raw("GET", "/v1/quota", None, b"", headers.clone())
        .await
        .unwrap();
    answer.ok();
    first.shutdown().await;
    let second = server(folder.path()).await;
    let client = Client::new(base(&second));
    let answer = client
        .raw("GET", "/v1/quota", None, b"", headers)
        .await
        .unwrap();
    assert_eq!(answer.code(), slug::SIGNATURE);
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_needs_a_fresh_challenge_and_a_live_device() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let patient = Patient::new(&base(&server), "ada").await;
    let second = Key::of("ada second device");
    let by = patient.device();
    let statement = patient.statement(&second, Some(by.id()), &by);
    let anyone = Client::new(base(&server));
    anyone.post("/v1/devices", &statement).await.ok();
    anyone.post("/v1/devices", &statement).await.ok();
    let forged = patient.statement(&Key::of("eve"), Some(by.id()), &Key::of("eve"));
    assert_eq!(
        anyone.post("/v1/devices", &forged).await.code(),
        slug::FORBIDDEN
    );

    let challenge: Challenge = anyone.post_empty("/v1/challenges").await.json();
    let open = |session: Key| {
        let end_ms = now_ms() + 60_000;
        let mut message = Encoder::after(b"vwL1".to_vec());
        message
            .array(4)
            .text("vitalwitness.local/log")
            .bytes(&challenge.challenge.0)
            .bytes(&session.spki())
            .int(end_ms);
        NewSession {
            subject: second.id(),
            challenge: challenge.challenge,
            session: Bytes(session.spki()),
            end_ms,
            signature: second.sign(&message.finish()),
        }
    };
    anyone.post("/v1/sessions", &open(Key::of("s1"))).await.ok();
    let used = anyone.post("/v1/sessions", &open(Key::of("s2"))).await;
    assert_eq!(used.code(), slug::SIGNATURE, "the challenge was used");

    let mut other = Client::new(base(&server));
    other.sign_in(&second).await.unwrap().ok();
    other.get("/v1/quota").await.ok();
    let path = format!("/v1/devices/{}/end", second.id());
    let end = patient.end_of(second.id(), Some(patient.gsk.id()), &patient.gsk);
    patient.client.post(&path, &end).await.ok();
    patient.client.post(&path, &end).await.ok();
    assert_eq!(other.get("/v1/quota").await.code(), slug::SESSION);
    let refused = other.sign_in(&second).await.unwrap();
    assert_eq!(refused.code(), slug::SESSION);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_alone_puts_no_vault_secret_after_another() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let eve = Patient::new(&base, "eve").await;
    let secret = |generation, byte| Recovery {
        generation,
        sealed: vec![SealedTo {
            to: patient.kk().id(),
            enc: Bytes(vec![4; 65]),
            ciphertext: Bytes(vec![byte; 48]),
        }],
    };
    let put = async |body: NewRecovery| patient.client.put("/v1/recovery", &body).await;
    let signed = |recovery, by: Option<&Key>, signer: &Key| {
        patient.secret(recovery, by.map(Key::id), signer)
    };
    let first = NewRecovery {
        by: None,
        signature: None,
        ..signed(secret(1, 1), None, &patient.aik())
    };
    put(first.clone()).await.ok();
    let good = signed(secret(2, 2), Some(&patient.gsk), &patient.gsk);
    let (gsk, device) = (&patient.gsk, &patient.device());
    let refused = [
        (
            "unsigned",
            NewRecovery {
                by: None,
                signature: None,
                ..good.clone()
            },
        ),
        (
            "by the session's device",
            signed(secret(2, 2), Some(device), device),
        ),
        ("in the kit's name", signed(secret(2, 2), None, device)),
        (
            "in a grant key's name",
            signed(secret(2, 2), Some(gsk), device),
        ),
        (
            "by a key of batches",
            signed(secret(2, 2), Some(&patient.dsk), &patient.dsk),
        ),
        (
            "by another's grant key",
            signed(secret(2, 2), Some(&eve.gsk), &eve.gsk),
        ),
        (
            "sent by no device",
            NewRecovery {
                device: None,
                ..good.clone()
            },
        ),
        (
            "sent by another's device",
            NewRecovery {
                device: Some(eve.device().id()),
                ..good.clone()
            },
        ),
        (
            "other sealings than signed",
            NewRecovery {
                recovery: secret(2, 3),
                ..good.clone()
            },
        ),
    ];
    for (who, body) in refused {
        assert_eq!(put(body).await.code(), slug::KIT, "{who}");
    }
    let ahead = signed(secret(3, 2), None, &patient.aik());
    assert_eq!(put(ahead).await.code(), slug::CONFLICT, "2 is missing");
    let newest: NewRecovery = patient.client.get("/v1/recovery").await.json();
    assert_eq!(newest, first, "nothing changed");
    put(good.clone()).await.ok();
    put(good).await.ok();
    put(signed(secret(3, 3), None, &patient.aik())).await.ok();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_stated_after_its_end_ends_with_it_and_nothing_before() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    for (name, later, ended) in [("ada", 0, 3), ("eve", 1, 1)] {
        let patient = Patient::new(&base, name).await;
        let names = ["device", "second", "third", "fourth"];
        let keys = names.map(|it| Key::of(&format!("{name} {it}")));
        let now = now_ms();
        for pair in keys.windows(2) {
            let stated = patient.statement_at(now, &pair[1], Some(pair[0].id()), &pair[0]);
            patient.client.post("/v1/devices", &stated).await.ok();
        }
        let mut third = Client::new(base.clone());
        third.sign_in(&keys[2]).await.unwrap().ok();
        let (id, account) = (keys[1].id(), patient.aik().id());
        let mut end = patient.end_of(id, None, &patient.aik());
        end.time = now + later;
        let message = DeviceEnd::message("vitalwitness.local/log", account, id, end.time);
        end.signature = patient.aik().sign(&message);
        let path = format!("/v1/devices/{id}/end");
        patient.client.post(&path, &end).await.ok();
        let told: Devices = patient.client.get("/v1/devices").await.json();
        assert_eq!((told.devices.len(), told.ended.len()), (4 - ended, ended));
        assert!(told.ended.iter().all(|it| it.time == end.time));
        assert_eq!(third.get("/v1/quota").await.status == 200, ended == 1);
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_alone_ends_no_device() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let eve = Patient::new(&base, "eve").await;
    let (first, second) = (patient.device(), Key::of("ada second device"));
    let statement = patient.statement(&second, Some(first.id()), &first);
    patient.client.post("/v1/devices", &statement).await.ok();
    let path = format!("/v1/devices/{}/end", second.id());
    let end = |by: Option<&Key>, signer: &Key| patient.end_of(second.id(), by.map(Key::id), signer);
    let refused = [
        ("by the session's device", end(Some(&first), &first)),
        ("by the device itself", end(Some(&second), &second)),
        ("in the kit's name", end(None, &first)),
        ("by a key of batches", end(Some(&patient.dsk), &patient.dsk)),
        (
            "by the channel's owner key",
            end(Some(&patient.owner), &patient.owner),
        ),
        ("by another's grant key", end(Some(&eve.gsk), &eve.gsk)),
        ("in a grant key's name", end(Some(&patient.gsk), &first)),
    ];
    for (who, body) in refused {
        let answer = patient.client.post(&path, &body).await;
        assert_eq!(answer.code(), slug::KIT, "{who}");
    }
    let other = patient.end_of(first.id(), Some(patient.gsk.id()), &patient.gsk);
    assert_eq!(
        patient.client.post(&path, &other).await.code(),
        slug::BAD_REQUEST,
        "signed for another device"
    );
    let unsigned = format!("/v1/devices/{}", second.id());
    let gone = patient.client.delete(&unsigned).await;
    assert_eq!(gone.code(), slug::NOT_FOUND, "the unsigned way is gone");
    let mut client = Client::new(base);
    client.sign_in(&second).await.unwrap().ok();

    let revoke = Event {
        recordhash: sha256(&[&patient.gsk.spki()]),
        ..patient.event(EventType::Revoke, [0; 32])
    };
    let body = NewRevocation {
        event: patient.owner.submit(&revoke),
        closed: Vec::new(),
    };
    patient.client.post("/v1/revocations", &body).await.ok();
    let revoked = end(Some(&patient.gsk), &patient.gsk);
    let answer = patient.client.post(&path, &revoked).await;
    assert_eq!(answer.code(), slug::KIT, "by a revoked grant key");
    client.get("/v1/quota").await.ok();
    let kit = end(None, &patient.aik());
    patient.client.post(&path, &kit).await.ok();
    assert_eq!(client.get("/v1/quota").await.code(), slug::SESSION);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_alone_deletes_no_account() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let patient = Patient::new(&base, "ada").await;
    let eve = Patient::new(&base, "eve").await;
    let batch = Batch::new(Id16(fresh()), vec![7; 1000]);
    patient.upload(&batch).await.ok();
    let path = "/v1/account/deletion";
    let client = &patient.client;
    let empty = client.post_empty(path).await;
    assert_eq!(empty.code(), slug::BAD_REQUEST);
    let old = client.delete("/v1/account").await;
    assert_eq!(old.code(), slug::NOT_FOUND, "the unsigned way is gone");
    for signer in [patient.device(), patient.gsk.clone(), eve.aik()] {
        let body = patient.deletion(&signer).await;
        assert_eq!(client.post(path, &body).await.code(), slug::KIT);
    }
    let of_eve = eve.deletion(&patient.aik()).await;
    assert_eq!(client.post(path, &of_eve).await.code(), slug::KIT);
    let mut invented = patient.deletion(&patient.aik()).await;
    let challenge = Hash32([9; 32]);
    let message = AccountDeletion::message("vitalwitness.local/log", patient.aik().id(), challenge);
    invented.challenge = challenge;
    invented.signature = patient.aik().sign(&message);
    let answer = client.post(path, &invented).await;
    assert_eq!(answer.code(), slug::SIGNATURE, "a challenge nobody gave");
    let object = format!("/v1/objects/{}", batch.id);
    assert_eq!(
        client.get(&object).await.body,
        batch.bytes,
        "nothing is deleted"
    );

    let body = patient.deletion(&patient.aik()).await;
    client.post(path, &body).await.ok();
    assert_eq!(client.get("/v1/quota").await.code(), slug::SESSION);
    // the same kit begins anew; what it signed for the account before does not end this one
    let mut again = Client::new(base);
    again.post("/v1/accounts", &patient.account()).await.ok();
    again.sign_in(&patient.device()).await.unwrap().ok();
    let replayed = again.post(path, &body).await;
    assert_eq!(replayed.code(), slug::SIGNATURE);
    again.get("/v1/quota").await.ok();
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_account_is_told_plainly_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    config.limits.quota_bytes = 1000;
    let server = Server::start(config).await.unwrap();
    let patient = Patient::new(&base(&server), "ada").await;
    let first = Batch::new(Id16(fresh()), vec![1; 900]);
    let status: BatchStatus = patient.upload(&first).await.json();
    assert_eq!(
        status.quota,
        Quota {
            used: 900,
            limit: 1000
        }
    );
    let second = Batch::new(Id16(fresh()), vec![2; 200]);
    let refused = patient.upload(&second).await;
    assert_eq!(
        (refused.status, refused.code()),
        (507, slug::QUOTA.to_owned())
    );
    assert!(refused.problem().title.starts_with("your storage is full"));
    let object = format!("/v1/objects/{}", first.id);
    assert_eq!(patient.client.get(&object).await.body, first.bytes);
    patient.client.delete(&object).await.ok();
    assert_eq!(patient.client.get(&object).await.code(), slug::NOT_FOUND);
    let status: BatchStatus = patient.upload(&second).await.json();
    assert_eq!(status.quota.used, 200, "erasing gave room");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_it_stopped_and_never_with_other_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let patient = Patient::new(&base(&server), "ada").await;
    let client = &patient.client;
    let bytes: Vec<u8> = (0..700_000_u32)
        .map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[2])
        .collect();
    let batch = Batch::new(Id16(fresh()), bytes);
    let new = patient.announcement(&batch);
    let status: BatchStatus = client.post("/v1/batches", &new).await.json();
    assert_eq!(status.missing, [0, 1, 2]);
    let path = format!("/v1/batches/{}/0", batch.id);
    let part = |n: usize| &batch.bytes[n * 262_144..(n * 262_144 + 262_144).min(700_000)];
    let put = |n: usize, bytes: &[u8]| {
        let (path, bytes) = (format!("{path}/parts/{n}"), bytes.to_vec());
        async move { client.send("PUT", &path, None, &bytes).await.unwrap() }
    };
    let status: BatchStatus = put(2, part(2)).await.json();
    assert_eq!(status.missing, [0, 1]);
    assert_eq!(put(0, part(1)).await.code(), slug::DIGEST);
    assert_eq!(put(3, part(1)).await.code(), slug::BAD_REQUEST);
    let early = client.post_empty(&format!("{path}/commit")).await;
    assert_eq!(early.code(), slug::BAD_REQUEST);
    let mut other = new.clone();
    other.stream_key = Id16(fresh());
    assert_eq!(
        client.post("/v1/batches", &other).await.code(),
        slug::CONFLICT
    );
    let status: BatchStatus = client.post("/v1/batches", &new).await.json();
    assert_eq!(status.missing, [0, 1], "announced again, the first answer");
    put(0, part(0)).await.ok();
    put(1, part(1)).await.ok();
    let commit = format!("{path}/commit");
    let done: BatchStatus = client.post_empty(&commit).await.json();
    let again: BatchStatus = client.post_empty(&commit).await.json();
    assert_eq!(done, again);
    let key = client.session_key();
    let target = format!("/v1/objects/{}", batch.id);
    let mut headers = signed(key, "GET", &target, b"", now_ms() / 1000, fresh());
    headers.push(("range", "bytes=600000-".to_owned()));
    let tail = client
        .raw("GET", &target, None, b"", headers)
        .await
        .unwrap();
    assert_eq!(tail.status, 206);
    assert_eq!(tail.body, batch.bytes[600_000..]);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_enrols_once_and_a_revoked_certificate_counts_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let clinic = enrol_clinic(&base, folder.path(), "Clinic", Role::Provider).await;
    let anyone = Client::new(base.clone());
    let new = NewOrganisation {
        name: "Insurer".to_owned(),
        role: Role::Insurer,
    };
    let unsigned = anyone.post("/v1/operator/organisations", &new).await;
    assert_eq!(unsigned.code(), slug::SESSION);

    let path = format!("/v1/operator/organisations/{}/codes", clinic.id());
    let code: EnrolmentCode = support::operator::<()>(&anyone, folder.path(), &path, None)
        .await
        .json();
    let nurse = Key::of("nurse");
    let body = support::enrolment("Clinic", &code.code, None, &nurse);
    let mut forged = body.clone();
    forged.signature = Sig64([1; 64]);
    assert_eq!(
        anyone.post("/v1/enrolments", &forged).await.code(),
        slug::FORBIDDEN
    );
    let first = anyone.post("/v1/enrolments", &body).await;
    first.ok();
    let again = anyone.post("/v1/enrolments", &body).await;
    assert_eq!(first.body, again.body, "the same answer");
    let other = support::enrolment("Clinic", &code.code, None, &Key::of("eve"));
    assert_eq!(
        anyone.post("/v1/enrolments", &other).await.code(),
        slug::CONFLICT
    );

    clinic.client.get("/v1/grants").await.ok();
    let certificate = &clinic.enrolment.person_certificate;
    let hash = hex::encode(sha256(&[&certificate.0]));
    let path = format!("/v1/operator/certificates/{hash}/revoke");
    support::operator::<()>(&anyone, folder.path(), &path, None)
        .await
        .ok();
    let refused = clinic.client.get("/v1/grants").await;
    assert_eq!(refused.code(), slug::CERTIFICATE, "at the next request");
    let mut nurse_client = Client::new(base);
    nurse_client.sign_in(&nurse).await.unwrap().ok();
    nurse_client.get("/v1/grants").await.ok();
    assert_eq!(anyone.get("/v1/ca/crl").await.status, 200);
    server.shutdown().await;
}

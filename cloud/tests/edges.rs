//! TLS, slow callers, stopping, and what an auditor finds in a channel afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod support;

use std::collections::BTreeMap;
use support::{Batch, Client, Clinic, Patient, base, enrol_clinic, fresh, now_ms, server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vitalwitness_cloud::{Config, Error, Server, Tls};
use vitalwitness_domain::wire::{ChannelEntries, Id16, NewGrant, Problem, Role, Time, slug};
use vitalwitness_proof::entry::{Entry, EventType};

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_it_speaks_tls_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut config = Config::new(folder.path().join("data"));
    config.tls = Some(Tls { certificate, key });
    let server = Server::start(config.clone()).await.unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let http = reqwest::Client::builder()
        .tls_certs_only([root])
        .build()
        .unwrap();
    let url = format!("https://{}/v1/time", server.addr());
    let answer = http.get(url).send().await.unwrap();
    let time: Time = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert!((time.now_ms - now_ms()).abs() < 60_000);
    let plain = Client::new(base(&server));
    assert!(plain.send("GET", "/v1/time", None, b"").await.is_none());

    let busy = Server::start(config.clone()).await.unwrap_err();
    assert!(
        matches!(busy, Error::Config(_)),
        "one server per folder: {busy}"
    );
    server.shutdown().await;
    std::fs::write(folder.path().join("k.pem"), "no key").unwrap();
    let wrong = Server::start(config).await.unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "setting `tls.key` must be a PEM file with the server's private key"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_slowly_gets_a_problem_and_a_stopped_server_no_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    config.limits.request_s = 1;
    let server = Server::start(config).await.unwrap();
    let mut slow = TcpStream::connect(server.addr()).await.unwrap();
    slow.write_all(
        b"POST /v1/accounts HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
          content-type: application/json\r\ncontent-length: 10\r\n\r\n{",
    )
    .await
    .unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 408"), "{head}");
    assert!(head.contains("application/problem+json"), "{head}");
    let problem: Problem = serde_json::from_str(body).unwrap();
    assert_eq!(problem.code, slug::UNAVAILABLE);
    let addr = server.addr();
    server.shutdown().await;
    assert!(TcpStream::connect(addr).await.is_err());
}

struct Walk {
    patient: Patient,
    clinics: Vec<Clinic>,
    grants: Vec<(NewGrant, usize)>,
    batches: Vec<Batch>,
    seed: u64,
}

impl Walk {
    fn next(&mut self, below: usize) -> usize {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.seed >> 33).unwrap() % below
    }

    async fn step(&mut self) {
        match self.next(6) {
            0 => {
                let clinic = self.next(self.clinics.len());
                let streams: Vec<Id16> = self.batches.iter().map(|b| b.stream_key).collect();
                let id = self.clinics[clinic].id();
                let grant = self.patient.grant(id, &streams, now_ms() + 3_600_000);
                self.patient.client.post("/v1/grants", &grant).await.ok();
                self.grants.push((grant, clinic));
            }
            1 if !self.grants.is_empty() => {
                let at = self.next(self.grants.len());
                let revocation = self.patient.revocation(&self.grants[at].0, Vec::new());
                // the second revoke of one grant is refused
                let _ = self
                    .patient
                    .client
                    .post("/v1/revocations", &revocation)
                    .await;
            }
            _ if !self.grants.is_empty() => {
                // by its own clinic or by another one, on a grant that lives or not
                let at = self.next(self.grants.len());
                let who = self.next(self.clinics.len());
                let batch = self.next(self.batches.len());
                let batch = (self.batches[batch].id, self.batches[batch].root);
                let grant = self.grants[at].0.terms.grant;
                let clinic = &self.clinics[who];
                let access = clinic.access(&self.patient, grant, &[batch]);
                let _ = clinic.client.post("/v1/access", &access).await;
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn before_every_access_stands_a_live_grant_to_the_same_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let base = base(&server);
    let mut walk = Walk {
        patient: Patient::new(&base, "ada").await,
        clinics: Vec::new(),
        grants: Vec::new(),
        batches: Vec::new(),
        seed: 7,
    };
    for name in ["One", "Two"] {
        let clinic = enrol_clinic(&base, folder.path(), name, Role::Provider).await;
        walk.clinics.push(clinic);
    }
    for size in 1..4 {
        let batch = Batch::new(Id16(fresh()), vec![1; size]);
        walk.patient.upload(&batch).await.ok();
        walk.batches.push(batch);
    }
    for _ in 0..150 {
        walk.step().await;
    }
    let path = format!("/v1/channels/{}/entries", walk.patient.channel);
    let entries: ChannelEntries = walk.patient.client.get(&path).await.json();
    let mut live: BTreeMap<[u8; 32], Option<[u8; 16]>> = BTreeMap::new();
    let (mut accesses, mut revokes) = (0, 0);
    for logged in entries.entries {
        let event = Entry::decode(&logged.entry.0).unwrap().event;
        match event.kind {
            EventType::Grant => {
                assert!(live.insert(event.recordhash, event.receiver).is_none());
            }
            EventType::Revoke => {
                assert!(live.remove(&event.recordhash).is_some(), "of a live grant");
                revokes += 1;
            }
            EventType::Access => {
                assert!(live.values().any(|receiver| *receiver == event.receiver));
                accesses += 1;
            }
            _ => {}
        }
    }
    assert!(accesses > 10 && revokes > 5, "{accesses} {revokes}");
    server.shutdown().await;
}

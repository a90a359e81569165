//! A patient and a grantee, as small as the interface allows, against a real server.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses a part; a test that fails should panic"
)]

mod grantee;
mod patient;

pub(crate) use grantee::*;
pub(crate) use patient::*;

use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use vitalwitness_cloud::{Config, RunningServer, Server};
use vitalwitness_domain::httpsig::sign_request;
use vitalwitness_domain::wire::{
    Bytes, Challenge, Id16, NewSession, Problem, Session, Sig64, SubmittedEvent,
};
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::entry::{Event, event_message};
use vitalwitness_proof::keys::{normalize_low_s, spki_id};
use vitalwitness_proof::sha256;

/// A P-256 key.
#[derive(Clone)]
pub(crate) struct Key(SigningKey);

impl Key {
    /// The key of a name: the same name is the same key.
    pub(crate) fn of(name: &str) -> Self {
        let mut seed = sha256(&[name.as_bytes()]);
        seed[0] &= 0x7f;
        Self(SigningKey::from_slice(&seed).unwrap())
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        let point = self.0.verifying_key().to_sec1_point(false);
        vitalwitness_proof::keys::PublicKey::p256(point.as_bytes())
            .unwrap()
            .to_spki()
    }

    pub(crate) fn id(&self) -> Id16 {
        Id16(spki_id(&self.spki()))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Sig64 {
        let signature: Signature = self.0.sign(message);
        let mut bytes: [u8; 64] = signature.to_bytes().into();
        normalize_low_s(&mut bytes);
        Sig64(bytes)
    }

    /// `event` signed by this key.
    pub(crate) fn submit(&self, event: &Event) -> SubmittedEvent {
        let bytes = event.encode();
        SubmittedEvent {
            signature: self.sign(&event_message(&self.id().0, &bytes)),
            event: Bytes(bytes),
            signer: self.id(),
            spki: None,
        }
    }

    /// An ENROL by this key of `enrolled`.
    pub(crate) fn enrol(&self, event: &Event, enrolled: &Key) -> SubmittedEvent {
        SubmittedEvent {
            spki: Some(Bytes(enrolled.spki())),
            ..self.submit(event)
        }
    }
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        assert!(
            (200..300).contains(&self.status),
            "{}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn ok(&self) {
        assert!(
            (200..300).contains(&self.status),
            "{}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
    }

    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(
            self.content_type,
            "application/problem+json",
            "{}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        problem
    }

    pub(crate) fn code(&self) -> String {
        self.problem().code
    }
}

/// Speaks HTTP to one server, signed once a session is open.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) base: String,
    http: reqwest::Client,
    session: Option<Key>,
}

impl Client {
    pub(crate) fn new(base: String) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            base,
            http: reqwest::Client::new(),
            session: None,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &[]).await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None, &[]).await.unwrap()
    }

    pub(crate) async fn delete_with<T: serde::Serialize>(&self, path: &str, body: &T) -> Answer {
        let bytes = serde_json::to_vec(body).unwrap();
        let json = Some("application/json");
        self.send("DELETE", path, json, &bytes).await.unwrap()
    }

    pub(crate) async fn post<T: serde::Serialize>(&self, path: &str, body: &T) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    pub(crate) async fn try_post<T: serde::Serialize>(
        &self,
        path: &str,
        body: &T,
    ) -> Option<Answer> {
        let body = serde_json::to_vec(body).unwrap();
        self.send("POST", path, Some("application/json"), &body)
            .await
    }

    pub(crate) async fn post_empty(&self, path: &str) -> Answer {
        self.send("POST", path, None, &[]).await.unwrap()
    }

    pub(crate) async fn put<T: serde::Serialize>(&self, path: &str, body: &T) -> Answer {
        let body = serde_json::to_vec(body).unwrap();
        self.send("PUT", path, Some("application/json"), &body)
            .await
            .unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Option<Answer> {
        let headers = match &self.session {
            Some(key) => signed(key, method, path, body, now_ms() / 1000, fresh()),
            None => Vec::new(),
        };
        self.raw(method, path, content_type, body, headers).await
    }

    /// Sends with exactly these further headers. None if the server does not answer.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: &[u8],
        headers: Vec<(&'static str, String)>,
    ) -> Option<Answer> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .body(body.to_vec());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let response = request.send().await.ok()?;
        let content_type = response
            .headers()
            .get("content-type")
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default();
        Some(Answer {
            status: response.status().as_u16(),
            content_type,
            body: response.bytes().await.ok()?.to_vec(),
        })
    }

    /// Opens a session for a device or person.
    pub(crate) async fn sign_in(&mut self, subject: &Key) -> Option<Answer> {
        self.session = None;
        let answer = self.send("POST", "/v1/challenges", None, &[]).await?;
        if answer.status != 200 {
            return Some(answer);
        }
        let challenge: Challenge = answer.json();
        let session = Key::of(&format!("session {}", hex::encode(fresh())));
        let end_ms = now_ms() + 3_600_000;
        let mut message = Encoder::after(b"vwL1".to_vec());
        message
            .array(4)
            .text("vitalwitness.local/log")
            .bytes(&challenge.challenge.0)
            .bytes(&session.spki())
            .int(end_ms);
        let new = NewSession {
            subject: subject.id(),
            challenge: challenge.challenge,
            session: Bytes(session.spki()),
            end_ms,
            signature: subject.sign(&message.finish()),
        };
        let answer = self.try_post("/v1/sessions", &new).await?;
        if answer.status == 200 {
            let opened: Session = answer.json();
            assert_eq!(opened.session, session.id());
            self.session = Some(session);
        }
        Some(answer)
    }

    pub(crate) fn session_key(&self) -> &Key {
        self.session.as_ref().unwrap()
    }
}

/// Headers of a signed request.
pub(crate) fn signed(
    key: &Key,
    method: &str,
    path: &str,
    body: &[u8],
    created: i64,
    nonce: [u8; 16],
) -> Vec<(&'static str, String)> {
    let created = u64::try_from(created).unwrap();
    sign_request(method, path, body, created, &nonce, &key.id().0, |base| {
        key.sign(base).0
    })
    .unwrap()
}

/// A server in this process, in `folder`.
pub(crate) async fn server(folder: &Path) -> RunningServer {
    Server::start(Config::new(folder)).await.unwrap()
}

pub(crate) fn base(server: &RunningServer) -> String {
    format!("http://{}", server.addr())
}

#[allow(clippy::disallowed_methods, reason = "a real server has the real time")]
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Sixteen bytes that no other call gives.
pub(crate) fn fresh() -> [u8; 16] {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let seed = [
        std::process::id().to_be_bytes().as_slice(),
        &count.to_be_bytes(),
        &now_ms().to_be_bytes(),
    ]
    .concat();
    sha256(&[&seed])[..16].try_into().unwrap()
}

//! The cloud over HTTP: sign in, signed requests, answers of bounded size.
//!
//! One request, one answer; when to ask what, and what to do about a refusal, is for the caller
//! ([`vitalwitness_domain::sync`] on a phone). Used by grantees as well: whoever can sign with the
//! key of a device or a person can open a session.
//!
//! A device's clock may be off. [`Client::learn_time`] measures how far the server's is from it;
//! requests are signed by the corrected time. Nothing else is corrected: a time that was observed
//! stays as it was observed.
//!
//! Invariant: no answer is read further than its limit, and none is followed to another address.

mod http;

pub use http::Http;

use crate::clock::Clock;
use crate::keys::{KeyError, PrivateKey, Random, random_bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use vitalwitness_domain::httpsig;
use vitalwitness_domain::wire::{
    Bytes, Challenge, GrantForGrantee, Grants, Id16, NewSession, Problem, Session, Sig64, Time,
    slug,
};
use vitalwitness_proof::cbor::Encoder;
use zeroize::Zeroizing;

/// A request on its way.
pub struct Request {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// Name and value.
    pub headers: Vec<(&'static str, String)>,
    /// The body; may be empty.
    pub body: Vec<u8>,
    /// The longest answer that is read, bytes.
    pub limit: usize,
}

/// An answer.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Seconds of a `Retry-After` header.
    pub retry_after_s: Option<u32>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAnswer {
    /// Nobody answered, or the line broke.
    #[error("the cloud does not answer")]
    Unreachable,
    /// The answer is longer than the limit.
    #[error("the answer is too long")]
    TooLong,
}

/// An answer that is waited for.
pub type Pending<'a> = Pin<Box<dyn Future<Output = Result<Response, NoAnswer>> + Send + 'a>>;

/// Carries requests. [`Http`] is the real one.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends `request` once.
    fn send(&self, request: Request) -> Pending<'_>;
}

/// Why a call did not give what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No answer, or the cloud asks to wait. Try later.
    #[error("the cloud cannot be reached")]
    Offline {
        /// Seconds it asked to wait.
        retry_after_s: Option<u32>,
    },
    /// The cloud refused; the problem's code says why.
    #[error("the cloud refused: {}", .0.code)]
    Refused(Problem),
    /// The device's clock is too far off. Measure with [`Client::learn_time`] and ask again.
    #[error("the device's clock is off")]
    ClockSkew,
    /// The answer is not what the interface says. Do not trust it; try later.
    #[error("the cloud's answer cannot be read")]
    Unreadable,
    /// The cloud gave a vault secret that no device of the account made. Nothing is sealed under
    /// it. Keep what this device has, and ask the operator.
    #[error("the cloud gave a vault secret that no device of the account made")]
    ForeignSecret,
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No cloud is named yet.
    #[error("no cloud is named yet")]
    NotConnected,
    /// The address is none, or asks for health data to travel unprotected.
    #[error("the cloud's address must be https, or http on this machine")]
    Address,
}

/// A session: its key, and until when it lasts by the server's clock.
pub struct SessionKey {
    key: PrivateKey,
    end_ms: i64,
}

impl SessionKey {
    /// A session kept from an earlier run.
    pub fn new(key: PrivateKey, end_ms: i64) -> Self {
        Self { key, end_ms }
    }

    /// The scalar of its key, to keep it sealed.
    pub fn scalar(&self) -> &Zeroizing<[u8; 32]> {
        self.key.scalar()
    }

    /// Until when it lasts, by the server's clock.
    pub fn end_ms(&self) -> i64 {
        self.end_ms
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey(until {})", self.end_ms)
    }
}

/// A caller of the cloud. Cheap to clone; clones share nothing that changes.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    offset_ms: i64,
    session: Option<Arc<SessionKey>>,
}

impl Client {
    /// A caller without a session.
    pub fn new(
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            transport,
            clock,
            random,
            offset_ms: 0,
            session: None,
        }
    }

    /// With what was kept: the server's clock minus this device's, and a session.
    #[must_use]
    pub fn resume(mut self, offset_ms: i64, session: Option<Arc<SessionKey>>) -> Self {
        self.offset_ms = offset_ms;
        self.session = session;
        self
    }

    /// The session, if one is open.
    pub fn session(&self) -> Option<&Arc<SessionKey>> {
        self.session.as_ref()
    }

    /// The server's clock minus this device's, as last measured.
    pub fn offset_ms(&self) -> i64 {
        self.offset_ms
    }

    /// Now, by the server's clock as far as it is known.
    pub fn server_now_ms(&self) -> i64 {
        self.clock.now_ms().saturating_add(self.offset_ms)
    }

    /// Measures how far the server's clock is from this device's; half the way there and back is
    /// taken for the way.
    ///
    /// # Errors
    ///
    /// As [`ClientError`].
    pub async fn learn_time(&mut self) -> Result<i64, ClientError> {
        let (wall, began) = (self.clock.now_ms(), self.clock.monotonic_ms());
        let time: Time = self.open("GET", "/v1/time", None::<&()>).await?;
        let took = self.clock.monotonic_ms().saturating_sub(began);
        let half = i64::try_from(took / 2).unwrap_or(0);
        self.offset_ms = time.now_ms.saturating_sub(wall.saturating_add(half));
        Ok(self.offset_ms)
    }

    /// Opens a session for `subject` (a device's or a person's key id); `sign` signs with its key.
    ///
    /// # Errors
    ///
    /// As [`ClientError`]; the session before stays then.
    pub async fn sign_in(
        &mut self,
        origin: &str,
        subject: [u8; 16],
        length_s: u32,
        sign: impl FnOnce(&[u8]) -> Result<[u8; 64], KeyError> + Send,
    ) -> Result<(), ClientError> {
        self.learn_time().await?;
        let Challenge { challenge } = self.open("POST", "/v1/challenges", None::<&()>).await?;
        let key = PrivateKey::generate(self.random.as_ref())?;
        let end_ms = self
            .server_now_ms()
            .saturating_add(i64::from(length_s).saturating_mul(1000));
        let mut message = Encoder::after(b"vwL1".to_vec());
        message
            .array(4)
            .text(origin)
            .bytes(&challenge.0)
            .bytes(&key.spki())
            .int(end_ms);
        let new = NewSession {
            subject: Id16(subject),
            challenge,
            session: Bytes(key.spki().to_vec()),
            end_ms,
            signature: Sig64(sign(&message.finish())?),
        };
        let opened: Session = self.open("POST", "/v1/sessions", Some(&new)).await?;
        if opened.session.0 != key.id() {
            return Err(ClientError::Unreadable);
        }
        self.session = Some(Arc::new(SessionKey::new(key, opened.end_ms.min(end_ms))));
        Ok(())
    }

    /// A signed call with JSON both ways.
    ///
    /// # Errors
    ///
    /// As [`ClientError`]; `Refused` with `session_required` when no session is open.
    pub async fn call<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        method: &'static str,
        target: &str,
        body: Option<&B>,
    ) -> Result<T, ClientError> {
        let request = self.signed(method, target, json(body)?, JSON_LIMIT)?;
        read(&self.send(request).await?)
    }

    /// A signed call whose answer has no content.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    pub async fn tell<B: Serialize + Sync>(
        &self,
        method: &'static str,
        target: &str,
        body: Option<&B>,
    ) -> Result<(), ClientError> {
        let request = self.signed(method, target, json(body)?, JSON_LIMIT)?;
        self.send(request).await.map(drop)
    }

    /// All grants to the organisation of who is signed in, in order of the log: page after page.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]; `Unreadable` when a page does not go on from the one before.
    pub async fn grants(&self) -> Result<Vec<GrantForGrantee>, ClientError> {
        let mut all: Vec<GrantForGrantee> = Vec::new();
        let mut after = 0;
        loop {
            let before = after;
            let target = format!("/v1/grants?after={after}");
            let page: Grants = self.call("GET", &target, None::<&()>).await?;
            for grant in page.grants {
                if grant.logged.index <= after {
                    return Err(ClientError::Unreadable);
                }
                after = grant.logged.index;
                all.push(grant);
            }
            match page.next {
                None => return Ok(all),
                // a page that leads nowhere would be asked for without end
                Some(next) if next == after && after > before => {}
                Some(_) => return Err(ClientError::Unreadable),
            }
        }
    }

    /// A signed upload of bytes.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    pub async fn put_bytes<T: DeserializeOwned>(
        &self,
        target: &str,
        bytes: &[u8],
    ) -> Result<T, ClientError> {
        let body = Some((OCTETS, bytes.to_vec()));
        let request = self.signed("PUT", target, body, JSON_LIMIT)?;
        read(&self.send(request).await?)
    }

    /// A signed download of exactly `length` bytes.
    ///
    /// # Errors
    ///
    /// As [`Client::call`]; `Unreadable` for another length.
    pub async fn get_bytes(&self, target: &str, length: u64) -> Result<Vec<u8>, ClientError> {
        let limit = usize::try_from(length).map_err(|_| ClientError::Unreadable)?;
        let request = self.signed("GET", target, None, limit)?;
        let bytes = self.send(request).await?;
        if bytes.len() == limit {
            Ok(bytes)
        } else {
            Err(ClientError::Unreadable)
        }
    }

    /// A call that anybody may make, JSON both ways.
    ///
    /// # Errors
    ///
    /// As [`ClientError`].
    pub async fn open<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        method: &'static str,
        target: &str,
        body: Option<&B>,
    ) -> Result<T, ClientError> {
        let bytes = self.send(plain(method, target, json(body)?)).await?;
        read(&bytes)
    }

    /// A call that anybody may make and that is answered without content.
    ///
    /// # Errors
    ///
    /// As [`ClientError`].
    pub async fn open_tell<B: Serialize + Sync>(
        &self,
        method: &'static str,
        target: &str,
        body: Option<&B>,
    ) -> Result<(), ClientError> {
        self.send(plain(method, target, json(body)?))
            .await
            .map(drop)
    }

    /// A text that anybody may read.
    ///
    /// # Errors
    ///
    /// As [`ClientError`].
    pub async fn open_text(&self, target: &str) -> Result<String, ClientError> {
        let bytes = self.send(plain("GET", target, None)).await?;
        String::from_utf8(bytes).map_err(|_| ClientError::Unreadable)
    }

    fn signed(
        &self,
        method: &'static str,
        target: &str,
        body: Option<(&'static str, Vec<u8>)>,
        limit: usize,
    ) -> Result<Request, ClientError> {
        let session = self.session.as_ref().ok_or_else(no_session)?;
        let mut request = plain(method, target, body);
        request.limit = limit;
        let created = u64::try_from(self.server_now_ms() / 1000).unwrap_or(0);
        let nonce = random_bytes(self.random.as_ref()).map_err(KeyError::from)?;
        let mut failed = None;
        let headers = httpsig::sign_request(
            method,
            target,
            &request.body,
            created,
            &nonce,
            &session.key.id(),
            |base| {
                session.key.sign(base).unwrap_or_else(|error| {
                    failed = Some(error);
                    [0; 64]
                })
            },
        )
        .map_err(|_| ClientError::Address)?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        request.headers.extend(headers);
        Ok(request)
    }

    /// Sends; gives the body of a good answer.
    async fn send(&self, request: Request) -> Result<Vec<u8>, ClientError> {
        let response = match self.transport.send(request).await {
            Ok(response) => response,
            Err(NoAnswer::Unreachable) => {
                return Err(ClientError::Offline {
                    retry_after_s: None,
                });
            }
            Err(NoAnswer::TooLong) => return Err(ClientError::Unreadable),
        };
        if (200..300).contains(&response.status) {
            return Ok(response.body);
        }
        let retry_after_s = response.retry_after_s;
        match serde_json::from_slice::<Problem>(&response.body) {
            Ok(problem) if problem.code == slug::CLOCK => Err(ClientError::ClockSkew),
            Ok(mut problem) => {
                // the status line is what was answered; the body only comments on it
                problem.status = response.status;
                problem.retry_after_s = problem.retry_after_s.or(retry_after_s);
                Err(ClientError::Refused(problem))
            }
            // A proxy on the way, not the cloud.
            Err(_) if response.status == 429 || response.status >= 500 => {
                Err(ClientError::Offline { retry_after_s })
            }
            Err(_) => Err(ClientError::Unreadable),
        }
    }
}

fn plain(method: &'static str, target: &str, body: Option<(&'static str, Vec<u8>)>) -> Request {
    let (headers, body) = match body {
        Some((kind, body)) => (vec![("content-type", kind.to_owned())], body),
        None => (Vec::new(), Vec::new()),
    };
    Request {
        method,
        target: target.to_owned(),
        headers,
        body,
        limit: JSON_LIMIT,
    }
}

fn json<B: Serialize>(body: Option<&B>) -> Result<Option<(&'static str, Vec<u8>)>, ClientError> {
    body.map(|body| {
        let bytes = serde_json::to_vec(body).map_err(|_| ClientError::Unreadable)?;
        Ok((JSON, bytes))
    })
    .transpose()
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(|_| ClientError::Unreadable)
}

fn no_session() -> ClientError {
    ClientError::Refused(Problem {
        kind: String::new(),
        title: "no session is open".to_owned(),
        status: 401,
        code: slug::SESSION.to_owned(),
        retry_after_s: None,
    })
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {} bytes)", self.method, self.body.len())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

const JSON: &str = "application/json";
const OCTETS: &str = "application/octet-stream";
/// The longest JSON answer, bytes.
const JSON_LIMIT: usize = 16 << 20;

#[cfg(test)]
mod tests;

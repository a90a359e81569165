//! Who calls: sessions, signed requests, the operator's token, and how often.

use super::{App, Caller, Who};
use crate::clock::Env;
use crate::config::Rate;
use crate::store::{SessionRow, SubjectKind};
use crate::{Refusal, Result};
use axum::http::{HeaderMap, Method};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use vitalwitness_domain::httpsig::{self, SignatureError};
use vitalwitness_domain::wire::{Hash32, Id16, Role};
use vitalwitness_proof::sha256;

/// Challenges that wait for a session; each is good once, for a minute.
#[derive(Debug, Default)]
pub(crate) struct Challenges(Mutex<HashMap<[u8; 32], i64>>);

impl Challenges {
    pub(crate) fn make(&self, env: &Env) -> Result<Hash32> {
        let challenge = env.random();
        let now = env.now_ms();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= CHALLENGES {
            waiting.retain(|_, end| *end > now);
        }
        if waiting.len() >= CHALLENGES {
            return Err(Refusal::rate(5).into());
        }
        waiting.insert(challenge, now.saturating_add(CHALLENGE_MS));
        Ok(Hash32(challenge))
    }

    /// Whether it waited and is in time; it is used up.
    pub(crate) fn take(&self, challenge: Hash32, now_ms: i64) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&challenge.0)
            .is_some_and(|end| end > now_ms)
    }
}

/// How often an address and a session may call.
pub(crate) struct Rates {
    by_ip: DefaultKeyedRateLimiter<IpAddr>,
    by_session: DefaultKeyedRateLimiter<Id16>,
    /// Refusals told to a channel's owner, by channel and organisation.
    told: DefaultKeyedRateLimiter<(Id16, Id16)>,
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rates")
    }
}

impl Rates {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            by_ip: RateLimiter::keyed(quota(rate.ip_per_s, rate.ip_burst)),
            by_session: RateLimiter::keyed(quota(rate.session_per_s, rate.session_burst)),
            told: RateLimiter::keyed(
                Quota::per_minute(NonZeroU32::MIN)
                    .allow_burst(NonZeroU32::new(TOLD).unwrap_or(NonZeroU32::MIN)),
            ),
        }
    }

    pub(crate) fn check_ip(&self, ip: IpAddr) -> Result<(), Refusal> {
        check(&self.by_ip, &ip)
    }

    /// Whether one more refusal is told: who asks without end does not fill the owner's changes.
    pub(crate) fn may_tell(&self, channel: Id16, organisation: Id16) -> bool {
        self.told.check_key(&(channel, organisation)).is_ok()
    }

    fn check_session(&self, session: Id16) -> Result<(), Refusal> {
        check(&self.by_session, &session)
    }

    /// Forgets who has not called lately.
    pub(crate) fn forget_idle(&self) {
        self.by_ip.retain_recent();
        self.by_session.retain_recent();
        self.told.retain_recent();
    }
}

fn quota(per_s: u32, burst: u32) -> Quota {
    let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(per_s)).allow_burst(at_least_one(burst))
}

fn check<K: Hash + Eq + Clone>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
) -> Result<(), Refusal> {
    limiter.check_key(key).map_err(|until| {
        let wait = until.wait_time_from(DefaultClock::default().now());
        Refusal::rate(
            u32::try_from(wait.as_secs())
                .unwrap_or(60)
                .saturating_add(1),
        )
    })
}

/// Finds out who calls, or refuses.
pub(crate) fn authenticate(
    app: &App,
    who: Who,
    (method, target): (&Method, &str),
    headers: &HeaderMap,
    body: &[u8],
    now_ms: i64,
) -> Result<Caller> {
    match who {
        Who::Anyone => Ok(Caller::Anyone),
        Who::Operator => operator(app, headers),
        Who::Session => signed(app, (method, target), headers, body, now_ms),
        Who::Owner | Who::Grantee | Who::Party | Who::Auditor => {
            let caller = signed(app, (method, target), headers, body, now_ms)?;
            match (who, &caller) {
                (_, Caller::Grantee { certificate, .. })
                    if (certificate.role == Role::Auditor) != (who == Who::Auditor) =>
                {
                    Err(Refusal::forbidden("an auditor reads the log and nothing else").into())
                }
                (Who::Auditor, Caller::Owner { .. }) => {
                    Err(Refusal::forbidden("this is for auditors").into())
                }
                (Who::Owner, Caller::Grantee { .. }) => {
                    Err(Refusal::forbidden("this is for owners").into())
                }
                (Who::Grantee, Caller::Owner { .. }) => {
                    Err(Refusal::forbidden("this is for grantees").into())
                }
                _ => Ok(caller),
            }
        }
    }
}

fn operator(app: &App, headers: &HeaderMap) -> Result<Caller> {
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or(Refusal::session())?;
    // of hashes, so that how long it takes says nothing about the token
    if sha256(&[token.as_bytes()]) == app.operator {
        Ok(Caller::Operator)
    } else {
        Err(Refusal::session().into())
    }
}

fn signed(
    app: &App,
    (method, target): (&Method, &str),
    headers: &HeaderMap,
    body: &[u8],
    now_ms: i64,
) -> Result<Caller> {
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    };
    let verified = httpsig::verify_request(method.as_str(), target, body, only).map_err(
        |error| match error {
            SignatureError::Missing => Refusal::session(),
            SignatureError::Digest => Refusal::signature("the body is not the one that was signed"),
            _ => Refusal::signature("the request's signature is not of this profile"),
        },
    )?;
    let created_ms = i64::try_from(verified.created)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000);
    let tolerance_ms = i64::from(app.config.limits.clock_tolerance_s) * 1000;
    if created_ms.saturating_sub(now_ms).saturating_abs() > tolerance_ms {
        return Err(Refusal::clock().into());
    }
    let session = app
        .store
        .session(Id16(verified.keyid))?
        .filter(|session| session.end_ms > now_ms)
        .ok_or(Refusal::session())?;
    verified
        .verify(&session.spki)
        .map_err(|_| Refusal::signature("the request is not signed by this session"))?;
    app.rates.check_session(session.session)?;
    if !app.nonces.take(verified.keyid, verified.nonce, now_ms)? {
        return Err(Refusal::signature("this request was made before").into());
    }
    subject(app, &session, now_ms)
}

/// What a session's subject is now: a revoked device or certificate is refused at once.
fn subject(app: &App, row: &SessionRow, now_ms: i64) -> Result<Caller> {
    let session = row.session;
    match row.kind {
        SubjectKind::Device => {
            let device = app
                .store
                .device(row.subject)?
                .filter(|device| !device.revoked)
                .ok_or(Refusal::session())?;
            Ok(Caller::Owner {
                account: device.statement.account,
                session,
            })
        }
        SubjectKind::Certified => {
            let certificate = app
                .store
                .valid_certificate(row.subject, now_ms)?
                .filter(|certificate| certificate.organisation != certificate.subject)
                .ok_or(Refusal::certificate())?;
            Ok(Caller::Grantee {
                certificate,
                session,
            })
        }
    }
}

const CHALLENGE_MS: i64 = 60_000;
const CHALLENGES: usize = 100_000;
/// Refusals of one organisation in one channel at once; then one a minute.
const TOLD: u32 = 60;

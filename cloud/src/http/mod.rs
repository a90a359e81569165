//! The HTTP interface: one table of routes, one way through for every request.
//!
//! A request passes, in this order: its address's rate, its route, its size, its signature and
//! session, its session's rate, and then one synchronous function of the route. Every refusal
//! leaves as `application/problem+json`.

mod accounts;
mod auth;
mod authority;
mod batches;
mod channels;
mod colleagues;
mod nonces;
mod openapi;
mod pipeline;
mod public;
mod reply;
mod routes;
mod schemas;
mod sharing;
mod submit;

pub(crate) use auth::{Challenges, Rates};
pub(crate) use nonces::Nonces;
pub(crate) use pipeline::{Peer, router};
pub(crate) use routes::{Body, Gives, Route, Who, routes};

use crate::ca::Ca;
use crate::clock::Env;
use crate::config::Config;
use crate::log::Notes;
use crate::store::{Blobs, Certificate, Store};
use crate::{Error, Refusal, Result};
use axum::http::HeaderMap;
use reply::Reply;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use vitalwitness_domain::wire::Id16;

/// All that a request may need.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) env: Env,
    pub(crate) store: Box<dyn Store>,
    pub(crate) blobs: Blobs,
    pub(crate) notes: Arc<Notes>,
    pub(crate) ca: Ca,
    /// The text whose hash GENESIS records.
    pub(crate) policy: Vec<u8>,
    /// SHA-256 of the operator's token.
    pub(crate) operator: [u8; 32],
    pub(crate) challenges: Challenges,
    pub(crate) nonces: Nonces,
    pub(crate) rates: Rates,
    /// No new work is taken.
    pub(crate) stopping: AtomicBool,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

/// Who calls, as far as the route asks.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Not asked.
    Anyone,
    /// A device of an account.
    Owner { account: Id16, session: Id16 },
    /// A person of an organisation.
    Grantee {
        certificate: Certificate,
        session: Id16,
    },
    /// Whoever holds the operator's token.
    Operator,
}

/// A request that has passed all gates.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) caller: Caller,
    pub(crate) now_ms: i64,
}

/// What a route does.
pub(crate) type Run = fn(&App, &Call) -> Result<Reply>;

impl Call {
    /// The body as JSON of exactly this shape.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        let is_json = self
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/json"));
        if !is_json {
            return Err(Refusal::bad_request("the body must be application/json").into());
        }
        serde_json::from_slice(&self.body).map_err(|cause| {
            if cause.is_data() {
                Refusal::contradiction("the body has not the fields this endpoint takes").into()
            } else {
                Refusal::bad_request("the body is not JSON").into()
            }
        })
    }

    /// A part of the path.
    pub(crate) fn param<T: FromStr>(&self, name: &str) -> Result<T> {
        self.params
            .get(name)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Refusal::bad_request("a part of the path has the wrong form").into())
    }

    /// A value of the query, if it is there.
    pub(crate) fn query<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let mut found = None;
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key == name {
                let value = value
                    .parse()
                    .map_err(|_| Refusal::bad_request("a value of the query has the wrong form"))?;
                found = Some(value);
            }
        }
        Ok(found)
    }

    /// A value of the query that must be there.
    pub(crate) fn needed<T: FromStr>(&self, name: &str) -> Result<T> {
        self.query(name)?
            .ok_or_else(|| Refusal::bad_request("a value of the query is missing").into())
    }

    /// The account that calls.
    pub(crate) fn account(&self) -> Result<Id16> {
        match &self.caller {
            Caller::Owner { account, .. } => Ok(*account),
            _ => Err(Refusal::forbidden("this is for owners").into()),
        }
    }

    /// The certificate of the person that calls.
    pub(crate) fn person(&self) -> Result<&Certificate> {
        match &self.caller {
            Caller::Grantee { certificate, .. } => Ok(certificate),
            _ => Err(Refusal::forbidden("this is for grantees").into()),
        }
    }
}

impl From<axum::Error> for Error {
    fn from(_: axum::Error) -> Self {
        Refusal::bad_request("the body ended early").into()
    }
}

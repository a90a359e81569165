//! Answers: JSON, bytes with ranges, text, problems.

use super::Call;
use crate::{Error, Refusal, Result};
use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use vitalwitness_domain::wire::Problem;

/// What a route answers.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    content_type: &'static str,
    content_range: Option<String>,
    is_stored_object: bool,
    body: Vec<u8>,
}

impl Reply {
    fn new(content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            content_range: None,
            is_stored_object: false,
            body,
        }
    }

    /// A wire type.
    pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<Self> {
        let body =
            serde_json::to_vec(value).map_err(|_| Error::Corrupt("an answer that is no JSON"))?;
        Ok(Self::new(JSON, body))
    }

    /// JSON made before.
    pub(crate) fn raw_json(body: Vec<u8>) -> Self {
        Self::new(JSON, body)
    }

    /// Text, UTF-8.
    pub(crate) fn text(body: String) -> Self {
        Self::new("text/plain; charset=utf-8", body.into_bytes())
    }

    /// Bytes of a kind.
    pub(crate) fn bytes(content_type: &'static str, body: Vec<u8>) -> Self {
        Self::new(content_type, body)
    }

    /// 204.
    pub(crate) fn empty() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            ..Self::new("", Vec::new())
        }
    }

    /// `length` stored bytes, or the range of them that the call asks for.
    pub(crate) fn stored(
        call: &Call,
        length: u64,
        read: impl FnOnce(u64, u64) -> Result<Vec<u8>>,
    ) -> Result<Self> {
        let asked = call
            .headers
            .get("range")
            .and_then(|value| value.to_str().ok())
            .and_then(parse_range);
        let (from, to) = match asked {
            None => (0, length),
            Some((Some(from), last)) => {
                let to = last.map_or(length, |last| last.saturating_add(1).min(length));
                (from, to)
            }
            Some((None, last)) => (length.saturating_sub(last.unwrap_or(0)), length),
        };
        if from > to || (asked.is_some() && from == to) {
            let mut refusal = Refusal::bad_request("there are no bytes in that range");
            refusal.status = 416;
            return Err(refusal.into());
        }
        let mut reply = Self::new("application/octet-stream", read(from, to)?);
        reply.is_stored_object = true;
        if asked.is_some() {
            reply.status = StatusCode::PARTIAL_CONTENT;
            let last = to.saturating_sub(1);
            reply.content_range = Some(format!("bytes {from}-{last}/{length}"));
        }
        Ok(reply)
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if !self.content_type.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.is_stored_object {
            headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        if let Some(range) = self.content_range
            && let Ok(range) = HeaderValue::from_str(&range)
        {
            headers.insert(CONTENT_RANGE, range);
        }
        response
    }
}

/// A refusal as `application/problem+json`.
pub(crate) fn problem(refusal: Refusal) -> Response<Body> {
    let problem = Problem {
        kind: format!("https://vitalwitness.example/problems/{}", refusal.code),
        title: refusal.title.to_owned(),
        status: refusal.status,
        code: refusal.code.to_owned(),
        retry_after_s: refusal.retry_after_s,
    };
    // a struct of texts and numbers is always JSON
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = refusal.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// `bytes=a-b`, `bytes=a-`, `bytes=-n`; any other form is as if it was not there.
fn parse_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| -> Option<Option<u64>> {
        if text.is_empty() {
            Some(None)
        } else {
            text.parse().ok().map(Some)
        }
    };
    match (number(from)?, number(to)?) {
        (None, None) => None,
        (Some(from), Some(to)) if from > to => None,
        range => Some(range),
    }
}

const JSON: &str = "application/json";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_range_counts() {
        for (text, range) in [
            ("bytes=0-9", Some((Some(0), Some(9)))),
            ("bytes=5-", Some((Some(5), None))),
            ("bytes=-3", Some((None, Some(3)))),
            ("bytes=-", None),
            ("bytes=9-5", None),
            ("bytes=0-1,4-5", None),
            ("lines=0-1", None),
        ] {
            assert_eq!(parse_range(text), range, "{text}");
        }
    }
}

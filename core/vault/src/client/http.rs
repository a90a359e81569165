//! HTTP by reqwest and rustls. Plain http only to this machine.

use super::{ClientError, NoAnswer, Pending, Request, Response, Transport};
use std::fmt;
use std::time::Duration;

/// A connection to one cloud.
pub struct Http {
    client: reqwest::Client,
    base: String,
}

impl Http {
    /// To the cloud at `base`, such as `https://cloud.example` or `http://127.0.0.1:8480`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Address`].
    pub fn new(base: &str) -> Result<Self, ClientError> {
        let url = reqwest::Url::parse(base).map_err(|_| ClientError::Address)?;
        let local = match url.host_str() {
            Some("localhost" | "[::1]") => true,
            Some(host) => host
                .parse::<std::net::Ipv4Addr>()
                .is_ok_and(|address| address.is_loopback()),
            None => false,
        };
        let only_host = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !only_host || !(url.scheme() == "https" || (url.scheme() == "http" && local)) {
            return Err(ClientError::Address);
        }
        // Fine when another client of this process has installed one: it is ring everywhere.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .no_proxy()
            .build()
            .map_err(|_| ClientError::Address)?;
        Ok(Self {
            client,
            base: base.trim_end_matches('/').to_owned(),
        })
    }
}

impl Transport for Http {
    fn send(&self, request: Request) -> Pending<'_> {
        Box::pin(async move {
            let url = format!("{}{}", self.base, request.target);
            let method = match request.method {
                "GET" => reqwest::Method::GET,
                "PUT" => reqwest::Method::PUT,
                "DELETE" => reqwest::Method::DELETE,
                _ => reqwest::Method::POST,
            };
            let mut builder = self.client.request(method, url).body(request.body);
            for (name, value) in request.headers {
                builder = builder.header(name, value);
            }
            let mut answer = builder.send().await.map_err(|_| NoAnswer::Unreachable)?;
            let status = answer.status().as_u16();
            let retry_after_s = answer
                .headers()
                .get("retry-after")
                .and_then(|value| value.to_str().ok())
                .and_then(|text| text.parse().ok());
            // A refusal's text is short, whatever the request asked for.
            let limit = if (200..300).contains(&status) {
                request.limit
            } else {
                PROBLEM_LIMIT
            };
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(|_| NoAnswer::Unreachable)? {
                if body.len() + chunk.len() > limit {
                    return Err(NoAnswer::TooLong);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Response {
                status,
                retry_after_s,
                body,
            })
        })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http(..)")
    }
}

const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(90);
const PROBLEM_LIMIT: usize = 65_536;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn health_data_travels_over_https_or_on_this_machine() {
        for (base, fine) in [
            ("https://cloud.example", true),
            ("https://cloud.example:8443/", true),
            ("http://127.0.0.1:8480", true),
            ("http://localhost:8480", true),
            ("http://[::1]:8480", true),
            ("http://cloud.example", false),
            ("http://10.0.0.1", false),
            ("http://127.0.0.1.example", false),
            ("https://cloud.example/path", false),
            ("ftp://127.0.0.1", false),
            ("cloud.example", false),
        ] {
            assert_eq!(Http::new(base).is_ok(), fine, "{base}");
        }
    }
}

//! The way of a request: router, rate, size, time, signature, route, answer.

use super::auth::authenticate;
use super::reply::{Reply, problem};
use super::{App, Body, Call, Route, routes};
use crate::listener::TlsListener;
use crate::{Error, Refusal, Result};
use axum::Router;
use axum::body::{Body as HttpBody, HttpBody as _, to_bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{RawPathParams, Request};
use axum::http::Response;
use axum::routing::{MethodFilter, MethodRouter};
use axum::serve::IncomingStream;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;

/// The address of who is connected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Every route of the table; what is not there is a problem too.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut by_path: BTreeMap<&'static str, MethodRouter> = BTreeMap::new();
    for route in routes() {
        let app = Arc::clone(app);
        let serve = move |params: RawPathParams, request: Request| {
            let app = Arc::clone(&app);
            async move { serve(app, route, &params, request).await }
        };
        let methods = by_path.remove(route.path).unwrap_or_default();
        by_path.insert(route.path, methods.on(filter(route.method), serve));
    }
    let mut router = Router::new();
    for (path, methods) in by_path {
        router = router.route(path, methods);
    }
    router
        .fallback(|| async { refused("none", "-", Refusal::not_found()) })
        .method_not_allowed_fallback(|| async { refused("none", "-", Refusal::method()) })
}

fn filter(method: &str) -> MethodFilter {
    match method {
        "GET" => MethodFilter::GET,
        "PUT" => MethodFilter::PUT,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::POST,
    }
}

async fn serve(
    app: Arc<App>,
    route: &'static Route,
    params: &RawPathParams,
    request: Request,
) -> Response<HttpBody> {
    let limit = Duration::from_secs(u64::from(app.config.limits.request_s));
    let done = tokio::time::timeout(limit, run(app, route, params, request)).await;
    match done.unwrap_or_else(|_| Err(Refusal::timeout().into())) {
        Ok(reply) => {
            metrics::counter!("vw_requests_total", "route" => route.name, "code" => "ok")
                .increment(1);
            reply.into_response()
        }
        Err(error) => {
            let refusal = error.refusal();
            if refusal.status >= 500 {
                tracing::error!(
                    route = route.name,
                    code = error.log_code(),
                    "request failed"
                );
            }
            refused(route.name, refusal.code, refusal)
        }
    }
}

fn refused(route: &'static str, code: &'static str, refusal: Refusal) -> Response<HttpBody> {
    metrics::counter!("vw_requests_total", "route" => route, "code" => code).increment(1);
    problem(refusal)
}

/// Reads on for a while: who still sends would not see an answer on a cut connection.
async fn drain(mut body: HttpBody) {
    let mut read = 0;
    while read < DRAINED {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        match frame {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, axum::body::Bytes::len),
            _ => return,
        }
    }
}

async fn run(
    app: Arc<App>,
    route: &'static Route,
    params: &RawPathParams,
    request: Request,
) -> Result<Reply> {
    let ip = request
        .extensions()
        .get::<ConnectInfo<Peer>>()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.0.ip());
    app.rates.check_ip(ip)?;
    if app.stopping.load(Ordering::Relaxed) && !route.path.ends_with("healthz") {
        return Err(Error::Unavailable);
    }
    let (parts, body) = request.into_parts();
    let most = match route.takes {
        Body::Nothing => 0,
        Body::Json(_) => app.config.limits.body_bytes,
        Body::Bytes => app.config.limits.part_bytes,
    };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let announced = parts
        .headers
        .get("content-length")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        drain(body).await;
        return Err(Refusal::too_large("the body is larger than this endpoint takes").into());
    }
    let body = to_bytes(body, most).await.map_err(|cause| {
        let too_long = std::error::Error::source(&cause)
            .is_some_and(|source| source.to_string().contains("length limit"));
        if too_long {
            Refusal::too_large("the body is larger than this endpoint takes")
        } else {
            Refusal::bad_request("the body ended early")
        }
    })?;
    let params = params
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let work = move || {
        let now_ms = app.env.now_ms();
        let target = parts
            .uri
            .path_and_query()
            .map_or("/", axum::http::uri::PathAndQuery::as_str);
        let caller = authenticate(
            &app,
            route.who,
            (&parts.method, target),
            &parts.headers,
            &body,
            now_ms,
        )?;
        let call = Call {
            params,
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: body.into(),
            caller,
            now_ms,
        };
        (route.run)(&app, &call)
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Corrupt("a request's thread ended"))?
}

const DRAINED: usize = 32 << 20;

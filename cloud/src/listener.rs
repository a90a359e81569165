//! Accepts connections: plain on loopback, TLS by rustls where a certificate is configured.

use crate::config::{Tls, wrong};
use crate::http::Peer;
use crate::{Error, Result};
use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::serve::Listener;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A bound listener.
#[derive(Debug)]
pub(crate) struct Incoming {
    addr: SocketAddr,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Plain(TcpListener),
    Tls(TlsListener),
}

impl Incoming {
    pub(crate) async fn bind(listen: SocketAddr, tls: Option<&Tls>) -> Result<Self> {
        let acceptor = tls.map(acceptor).transpose()?;
        let listener = TcpListener::bind(listen).await.map_err(|cause| {
            Error::Config(format!(
                "setting `listen` must be an address that is free: {listen}: {cause}"
            ))
        })?;
        let addr = listener
            .local_addr()
            .map_err(Error::io("read the listening address"))?;
        let kind = match acceptor {
            None => Kind::Plain(listener),
            Some(acceptor) => Kind::Tls(TlsListener::start(listener, addr, acceptor)),
        };
        Ok(Self { addr, kind })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `stop` ends and what is under way is answered.
    pub(crate) async fn serve(
        self,
        service: IntoMakeServiceWithConnectInfo<Router, Peer>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) {
        let done = match self.kind {
            Kind::Plain(listener) => {
                axum::serve(listener, service)
                    .with_graceful_shutdown(stop)
                    .await
            }
            Kind::Tls(listener) => {
                axum::serve(listener, service)
                    .with_graceful_shutdown(stop)
                    .await
            }
        };
        if done.is_err() {
            tracing::error!(code = "serve", "the listener ended");
        }
    }
}

fn acceptor(tls: &Tls) -> Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|_| {
            wrong(
                "tls.certificate",
                "a PEM file with the server's certificates",
            )
        })?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|_| wrong("tls.key", "a PEM file with the server's private key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::Key("no TLS version"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|_| wrong("tls.key", "the key of tls.certificate"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Handshakes run beside each other, so that a slow one holds up nobody.
#[derive(Debug)]
pub(crate) struct TlsListener {
    addr: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    fn start(listener: TcpListener, addr: SocketAddr, acceptor: TlsAcceptor) -> Self {
        let (done, ready) = mpsc::channel(64);
        tokio::spawn(async move {
            let mut listener = listener;
            while !done.is_closed() {
                let (stream, peer) = tokio::select! {
                    accepted = Listener::accept(&mut listener) => accepted,
                    () = done.closed() => return,
                };
                let (acceptor, done) = (acceptor.clone(), done.clone());
                tokio::spawn(async move {
                    let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = shaken {
                        // the server may have stopped meanwhile
                        let _ = done.send((stream, peer)).await;
                    }
                });
            }
        });
        Self { addr, ready }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.addr)
    }
}

const HANDSHAKE: Duration = Duration::from_secs(10);

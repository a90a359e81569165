//! The witness: cosigns a checkpoint only if it extends the last one it cosigned.
//!
//! | answer | when |
//! |---|---|
//! | 200, cosignature lines | consistent with what was cosigned before |
//! | 400 | the body has another form, or names an old size above the checkpoint's |
//! | 403 | not signed by a key of the log |
//! | 404 | no such log |
//! | 409, the last size | the log names another old size; or the same size has another root |
//! | 422 | the consistency proof does not hold |

use super::message::AddCheckpoint;
use super::state::{Memory, Seen};
use crate::clock::Env;
use crate::config::{Keys, overlay, read_toml, wrong};
use crate::log::LogKey;
use crate::{Error, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_TYPE};
use axum::response::IntoResponse as _;
use axum::response::Response;
use axum::routing::{get, post};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vitalwitness_proof::checkpoint::{KeyKind, NoteKey, SignedNote};
use vitalwitness_proof::merkle::verify_consistency;
use vitalwitness_proof::trust::TrustedLog;

/// A witness's settings: `listen`, `data`, `name`, `logs` (vkeys); over them `VW_WITNESS_*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessConfig {
    /// Loopback, or behind a proxy that speaks TLS.
    pub listen: SocketAddr,
    /// Folder of its key and memory.
    pub data: PathBuf,
    /// Its name in cosignatures.
    pub name: String,
    /// Keys of the logs it watches.
    pub logs: Vec<String>,
}

/// The way to start a witness.
#[derive(Debug)]
pub struct Witness;

/// A witness that listens.
#[derive(Debug)]
pub struct RunningWitness {
    addr: SocketAddr,
    vkey: String,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl WitnessConfig {
    /// Reads `file` (if there is one) and puts `env` over it.
    ///
    /// # Errors
    ///
    /// [`Error::Config`]: one sentence that names the key.
    pub fn load(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let mut table = file.map(read_toml).transpose()?.unwrap_or_default();
        overlay(&mut table, "VW_WITNESS_", env)?;
        let mut keys = Keys::new(table);
        let listen = keys
            .text("listen")?
            .unwrap_or_else(|| "127.0.0.1:8490".to_owned());
        let config = Self {
            listen: listen
                .parse()
                .map_err(|_| wrong("listen", "an address and port such as \"127.0.0.1:8490\""))?,
            data: keys
                .text("data")?
                .map_or_else(|| PathBuf::from("vitalwitness-witness"), PathBuf::from),
            name: keys
                .text("name")?
                .ok_or_else(|| wrong("name", "this witness's name"))?,
            logs: keys.texts("logs")?,
        };
        keys.none_left()?;
        if !config.listen.ip().is_loopback() {
            return Err(wrong("listen", "a loopback address"));
        }
        Ok(config)
    }
}

impl Witness {
    /// Makes the witness's key if there is none; its vkey, as logs are told it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Key`].
    pub fn vkey(config: &WitnessConfig) -> Result<String> {
        Ok(open_key(config, &Env::system())?.note_key().vkey())
    }

    /// Starts it with the machine's clock and randomness.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a setting that does not work here.
    pub async fn start(config: WitnessConfig) -> Result<RunningWitness> {
        Self::start_in(config, Env::system()).await
    }

    /// Starts it with a clock and randomness of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Witness::start`].
    pub async fn start_in(config: WitnessConfig, env: Env) -> Result<RunningWitness> {
        let key = open_key(&config, &env)?;
        let vkey = key.note_key().vkey();
        let mut logs = HashMap::new();
        for text in &config.logs {
            let log = NoteKey::parse_vkey(text)
                .ok()
                .filter(|key| key.kind == KeyKind::Log)
                .ok_or_else(|| wrong("logs", "C2SP vkeys of logs (type 01)"))?;
            let memory = Memory::open(&config.data, &log.name)?;
            logs.insert(log.name.clone(), Mutex::new((log, memory)));
        }
        if logs.is_empty() {
            return Err(wrong("logs", "the vkeys of at least one log"));
        }
        let listener = TcpListener::bind(config.listen).await.map_err(|cause| {
            Error::Config(format!(
                "setting `listen` must be an address that is free: {}: {cause}",
                config.listen
            ))
        })?;
        let addr = listener
            .local_addr()
            .map_err(Error::io("read the listening address"))?;
        std::fs::write(config.data.join("listening"), format!("{addr}\n"))
            .map_err(Error::io("write the address"))?;
        let desk = Arc::new(Desk { key, logs, env });
        let router = Router::new()
            .route("/add-checkpoint", post(add_checkpoint))
            .route("/healthz", get(|| async { "alive\n" }))
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .with_state(desk);
        let (stop, mut stopped) = watch::channel(false);
        let serving = tokio::spawn(async move {
            let done = axum::serve(listener, router)
                .with_graceful_shutdown(async move {
                    // an error means that the witness itself is gone
                    let _ = stopped.wait_for(|stop| *stop).await;
                })
                .await;
            if done.is_err() {
                tracing::error!(code = "serve", "the listener ended");
            }
        });
        tracing::info!(%addr, "witness listening");
        Ok(RunningWitness {
            addr,
            vkey,
            stop,
            serving,
        })
    }
}

impl RunningWitness {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its key, as logs and verifiers are told it.
    pub fn vkey(&self) -> &str {
        &self.vkey
    }

    /// Answers what is under way, then ends.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(DRAIN, &mut self.serving)
            .await
            .is_err()
        {
            self.serving.abort();
        }
    }
}

struct Desk {
    key: LogKey,
    logs: HashMap<String, Mutex<(NoteKey, Memory)>>,
    env: Env,
}

enum Verdict {
    Cosigned(String),
    Malformed,
    NotSigned,
    UnknownLog,
    OtherSize(u64),
    Inconsistent,
}

async fn add_checkpoint(State(desk): State<Arc<Desk>>, body: Bytes) -> Response {
    let work =
        move || std::str::from_utf8(&body).map_or(Ok(Verdict::Malformed), |body| desk.judge(body));
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(verdict)) => verdict.into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

impl Desk {
    fn judge(&self, body: &str) -> Result<Verdict> {
        let Some(asked) = AddCheckpoint::read(body) else {
            return Ok(Verdict::Malformed);
        };
        let Ok(note) = SignedNote::parse(&asked.note) else {
            return Ok(Verdict::Malformed);
        };
        let new = &note.checkpoint;
        let Some(log) = self.logs.get(&new.origin) else {
            return Ok(Verdict::UnknownLog);
        };
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, memory) = &mut *log;
        let trusted = TrustedLog {
            origin: new.origin.clone(),
            keys: vec![key.clone()],
            witnesses: Vec::new(),
            quorum: 0,
        };
        if note.verify(&trusted).is_err() {
            return Ok(Verdict::NotSigned);
        }
        if asked.old_size > new.size {
            return Ok(Verdict::Malformed);
        }
        let last = memory.seen();
        let size = last.map_or(0, |seen| seen.size);
        if asked.old_size != size {
            return Ok(Verdict::OtherSize(size));
        }
        if let Some(last) = last {
            if last.size == new.size && last.root != new.root {
                tracing::error!(code = "fork", "a log shows two roots of one size");
                return Ok(Verdict::OtherSize(size));
            }
            if verify_consistency(last.size, &last.root, new.size, &new.root, &asked.proof).is_err()
            {
                tracing::error!(code = "inconsistent", "a log does not extend itself");
                return Ok(Verdict::Inconsistent);
            }
        } else if !asked.proof.is_empty() {
            return Ok(Verdict::Inconsistent);
        }
        let seen = Seen {
            size: new.size,
            root: new.root,
        };
        if last != Some(seen) {
            memory.remember(seen)?;
        }
        let time = u64::try_from(self.env.now_ms() / 1000).unwrap_or(0);
        let line = self
            .key
            .note_key()
            .cosign(&new.body(), time, |message| self.key.sign(message));
        Ok(Verdict::Cosigned(format!("{line}\n")))
    }
}

impl Verdict {
    fn into_response(self) -> Response {
        match self {
            Self::Cosigned(lines) => lines.into_response(),
            Self::Malformed => StatusCode::BAD_REQUEST.into_response(),
            Self::NotSigned => StatusCode::FORBIDDEN.into_response(),
            Self::UnknownLog => StatusCode::NOT_FOUND.into_response(),
            Self::OtherSize(size) => {
                let kind = HeaderValue::from_static("text/x.tlog.size");
                let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
                (StatusCode::CONFLICT, headers, format!("{size}\n")).into_response()
            }
            Self::Inconsistent => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        }
    }
}

fn open_key(config: &WitnessConfig, env: &Env) -> Result<LogKey> {
    std::fs::create_dir_all(&config.data).map_err(|cause| {
        Error::Config(format!(
            "setting `data` must be a folder that can be made: {}: {cause}",
            config.data.display()
        ))
    })?;
    let file = config.data.join("witness.key");
    LogKey::open(&file, &config.name, KeyKind::Witness, env)
}

const MOST_BYTES: usize = 65_536;
const DRAIN: Duration = Duration::from_secs(5);

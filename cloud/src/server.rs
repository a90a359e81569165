//! Starts and stops the server.

use crate::ca::Ca;
use crate::clock::Env;
use crate::config::{Config, wrong};
use crate::http::{App, Nonces, Peer, router};
use crate::listener::Incoming;
use crate::log::{LogKey, Notes, Verified, secret_file};
use crate::store::{Batches as _, Blobs, Sqlite};
use crate::{Error, Result, observe, witness};
use std::fs::{DirBuilder, File};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vitalwitness_proof::checkpoint::{KeyKind, NoteKey};
use vitalwitness_proof::entry::{DIRECTORY, Event, EventType, SignedEvent, event_message};
use vitalwitness_proof::keys::spki_id;
use vitalwitness_proof::sha256;

/// The way to start a server.
#[derive(Debug)]
pub struct Server;

/// A server that listens.
#[derive(Debug)]
pub struct RunningServer {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
    app: Arc<App>,
    // held for as long as the folder is in use
    lock: File,
}

impl Server {
    /// Starts a server with the machine's clock and randomness.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a setting that does not work here; else what the data folder says.
    pub async fn start(config: Config) -> Result<RunningServer> {
        Self::start_in(config, Env::system()).await
    }

    /// Starts a server with a clock and randomness of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub async fn start_in(config: Config, env: Env) -> Result<RunningServer> {
        config.check()?;
        observe::start();
        let (app, lock) = tokio::task::spawn_blocking(move || open(config, env))
            .await
            .map_err(|_| Error::Corrupt("the start was cut off"))??;
        let app = Arc::new(app);
        let listening = Incoming::bind(app.config.listen, app.config.tls.as_ref()).await?;
        let addr = listening.addr();
        std::fs::write(app.config.data.join("listening"), format!("{addr}\n"))
            .map_err(Error::io("write the address"))?;
        let (stop, stopped) = watch::channel(false);
        let service = router(&app).into_make_service_with_connect_info::<Peer>();
        let serving = tokio::spawn(listening.serve(service, stopping(stopped.clone())));
        let tasks = vec![
            tokio::spawn(witness::collect(
                Arc::clone(&app.notes),
                app.config.witnesses.clone(),
                Arc::new(Proofs(Arc::clone(&app))),
                stopped.clone(),
            )),
            tokio::spawn(housekeeping(Arc::clone(&app), stopped)),
        ];
        tracing::info!(%addr, log_size = app.notes.size(), "listening");
        Ok(RunningServer {
            addr,
            stop,
            serving,
            tasks,
            app,
            lock,
        })
    }

    /// Makes the log's key if there is none; its vkey, as witnesses are told it.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn log_vkey(config: &Config) -> Result<String> {
        make_data(&config.data)?;
        let key = log_key(config, &Env::system())?;
        Ok(key.note_key().vkey())
    }
}

impl RunningServer {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The trust bundle (`vw-trust/1`) of its log.
    pub fn trust_bundle(&self) -> String {
        self.app.notes.trust_bundle()
    }

    /// Takes no new work, answers what is under way, and closes the store.
    pub async fn shutdown(mut self) {
        self.app.stopping.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
        if tokio::time::timeout(DRAIN, &mut self.serving)
            .await
            .is_err()
        {
            tracing::warn!(code = "drain_timeout", "open connections are cut");
            self.serving.abort();
        }
        for task in &mut self.tasks {
            if tokio::time::timeout(DRAIN, &mut *task).await.is_err() {
                task.abort();
            }
        }
        // a process that was forked meanwhile and has not begun its program holds the file, too
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(
                code = "lock",
                "the lock is left to the end of the process: {error}"
            );
        }
        tracing::info!("stopped");
    }
}

/// Waits for SIGTERM or SIGINT.
///
/// # Errors
///
/// [`Error::Io`] if the signals cannot be watched.
pub async fn stop_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::io("watch for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::io("watch for SIGINT"))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Consistency proofs for witnesses, out of the store.
struct Proofs(Arc<App>);

impl witness::ProofSource for Proofs {
    fn consistency(&self, from: u64, to: u64) -> Result<Vec<[u8; 32]>> {
        let nodes = self.0.store.consistency(from, to)?;
        Ok(nodes.into_iter().map(|node| node.0).collect())
    }
}

fn open(config: Config, env: Env) -> Result<(App, File)> {
    make_data(&config.data)?;
    let data = config.data.clone();
    let lock = lock(&data)?;
    let key = log_key(&config, &env)?;
    let witnesses = witness_keys(&config, &key)?;
    let policy = log_policy(&data, &config.origin)?;
    let genesis = genesis(&key, &policy, env.now_ms());
    let notes = Arc::new(Notes::new(key, witnesses, config.quorum, env.clone()));
    let store = Sqlite::open(
        &data.join("cloud.db"),
        config.limits.quota_bytes,
        Arc::clone(&notes),
        genesis,
    )?;
    let blobs = Blobs::open(&data)?;
    let swept = blobs.sweep(|batch, revision| store.keeps_blob(batch, revision))?;
    if swept > 0 {
        tracing::info!(count = swept, "files without a row were deleted");
    }
    let ca = Ca::open(&data, &config.ca_name, &env)?;
    let token = secret_file(&data.join("operator.token"), || {
        hex::encode(env.random::<32>()).into_bytes()
    })?;
    let window_ms = i64::from(config.limits.clock_tolerance_s) * 2000;
    let nonces = Nonces::open(&data, window_ms, env.now_ms())?;
    let app = App {
        operator: sha256(&[token.trim_ascii()]),
        rates: crate::http::Rates::new(config.rate),
        challenges: crate::http::Challenges::default(),
        store: Box::new(store),
        blobs,
        notes,
        ca,
        policy,
        nonces,
        stopping: AtomicBool::new(false),
        config,
        env,
    };
    Ok((app, lock))
}

fn make_data(data: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .map_err(|cause| {
            Error::Config(format!(
                "setting `data` must be a folder that can be made: {}: {cause}",
                data.display()
            ))
        })
}

fn lock(data: &Path) -> Result<File> {
    let file = File::create(data.join("lock")).map_err(Error::io("open the lock file"))?;
    file.try_lock().map_err(|_| {
        Error::Config(format!(
            "setting `data` must be a folder no other server uses: {}",
            data.display()
        ))
    })?;
    Ok(file)
}

fn log_key(config: &Config, env: &Env) -> Result<LogKey> {
    LogKey::open(
        &config.data.join("log.key"),
        &config.origin,
        KeyKind::Log,
        env,
    )
}

fn witness_keys(config: &Config, log: &LogKey) -> Result<Vec<NoteKey>> {
    let mut keys: Vec<NoteKey> = Vec::new();
    for witness in &config.witnesses {
        let key = NoteKey::parse_vkey(&witness.vkey)
            .ok()
            .filter(|key| key.kind == KeyKind::Witness)
            .ok_or_else(|| wrong("witness.vkey", "a C2SP vkey of a witness (type 04)"))?;
        let is_new = key.key != log.note_key().key
            && keys
                .iter()
                .all(|known| known.key != key.key && known.name != key.name);
        if !is_new {
            return Err(wrong(
                "witness.vkey",
                "another key and name for each witness",
            ));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// The text whose hash GENESIS records.
fn log_policy(data: &Path, origin: &str) -> Result<Vec<u8>> {
    secret_file(&data.join("log-policy.txt"), || {
        format!(
            "log {origin}\n\
             One entry per (channel, seq). Entries enter by the rules of docs/receipt-format.md,\n\
             section 3. Nothing is ever removed. Refusals are no entries.\n"
        )
        .into_bytes()
    })
}

/// Entry 0, signed by the log itself.
fn genesis(key: &LogKey, policy: &[u8], now_ms: i64) -> impl FnOnce() -> Result<Verified> + use<> {
    let id = spki_id(&key.spki());
    let event = Event {
        kind: EventType::Genesis,
        channel: DIRECTORY,
        owner: id,
        receiver: None,
        recordhash: sha256(&[policy]),
        time: now_ms,
        location: None,
        expiry: None,
        purpose: None,
    };
    let bytes = event.encode();
    let signature = key.sign(&event_message(&id, &bytes));
    move || {
        Ok(Verified {
            hash: sha256(&[&bytes]),
            event,
            signed: SignedEvent {
                event: bytes,
                signer: id,
                signature,
            },
            spki: None,
        })
    }
}

/// Forgets what time has ended.
async fn housekeeping(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(HOUSEKEEPING) => {}
            _ = stopped.changed() => return,
        }
        let app = Arc::clone(&app);
        let done = tokio::task::spawn_blocking(move || {
            app.rates.forget_idle();
            app.store.expire_sessions(app.env.now_ms())
        })
        .await;
        if !matches!(done, Ok(Ok(()))) {
            tracing::warn!(code = "housekeeping", "sessions were not tidied");
        }
    }
}

async fn stopping(mut stopped: watch::Receiver<bool>) {
    // an error means that the server itself is gone
    let _ = stopped.wait_for(|stop| *stop).await;
}

const DRAIN: Duration = Duration::from_secs(10);
const HOUSEKEEPING: Duration = Duration::from_mins(1);

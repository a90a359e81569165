//! A cloud and the phones around it, under one clock that tests move.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tempfile::TempDir;
use vitalwitness_cloud::{Config, RunningServer, Server};
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Body, Record, Value};
use vitalwitness_proof::Facts;
use vitalwitness_vault::client::{Client, Http, Transport};
use vitalwitness_vault::clock::Clock;
use vitalwitness_vault::keys::{MemoryKeyStore, OsRandom};
use vitalwitness_vault::kit::Kit;
use vitalwitness_vault::store::BatchState;
use vitalwitness_vault::sync::{CloudSettings, SyncReport};
use vitalwitness_vault::{Disclosure, Env, Query, Seal, Vault};

/// 2025-06-15T12:00:00Z.
pub(crate) const NOON: i64 = 1_749_988_800_000;
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;
pub(crate) const HEART: &str = "loinc|8867-4";
pub(crate) const SLEEP: &str = "loinc|93832-4";

/// The true time of a town.
#[derive(Debug, Clone)]
pub(crate) struct Time(Arc<AtomicI64>);

impl Time {
    pub(crate) fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

/// A phone's clock: the town's time, off by so much.
#[derive(Debug)]
pub(crate) struct PhoneClock {
    time: Time,
    off: AtomicI64,
    ticks: AtomicU64,
}

impl PhoneClock {
    pub(crate) fn set_off(&self, ms: i64) {
        self.off.store(ms, Ordering::SeqCst);
    }
}

impl Clock for PhoneClock {
    fn now_ms(&self) -> i64 {
        self.time.now() + self.off.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }
}

pub(crate) struct Town {
    pub(crate) time: Time,
    pub(crate) dir: TempDir,
    pub(crate) server: Option<RunningServer>,
    pub(crate) config: Config,
}

impl Town {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let time = Time(Arc::new(AtomicI64::new(NOON)));
        let mut config = Config::new(dir.path().join("cloud"));
        // how often a test calls is not what it is about
        config.rate.session_per_s = 1_000_000;
        config.rate.session_burst = 1_000_000;
        config.rate.ip_per_s = 1_000_000;
        config.rate.ip_burst = 1_000_000;
        change(&mut config);
        let mut town = Self {
            time,
            dir,
            server: None,
            config,
        };
        town.start().await;
        town
    }

    /// The town's time, for a server or witness.
    pub(crate) fn cloud_env(&self) -> vitalwitness_cloud::Env {
        let time = self.time.clone();
        let fill = |bytes: &mut [u8]| {
            vitalwitness_vault::keys::Random::fill(&OsRandom, bytes).unwrap();
        };
        vitalwitness_cloud::Env::new(move || time.now(), fill)
    }

    pub(crate) async fn start(&mut self) {
        let env = self.cloud_env();
        self.server = Some(Server::start_in(self.config.clone(), env).await.unwrap());
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.shutdown().await;
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("cloud")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.as_ref().unwrap().addr())
    }

    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(Http::new(&self.url()).unwrap())
    }

    pub(crate) fn clock(&self) -> Arc<PhoneClock> {
        Arc::new(PhoneClock {
            time: self.time.clone(),
            off: AtomicI64::new(0),
            ticks: AtomicU64::new(0),
        })
    }

    pub(crate) fn env(&self) -> (Env, Arc<PhoneClock>) {
        let clock = self.clock();
        let env = Env {
            keystore: Arc::new(MemoryKeyStore::new()),
            clock: clock.clone(),
            random: Arc::new(OsRandom),
        };
        (env, clock)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.transport(), self.clock(), Arc::new(OsRandom))
    }

    pub(crate) async fn settings(&self) -> CloudSettings {
        CloudSettings::fetch(&self.url(), &self.client())
            .await
            .unwrap()
    }

    /// A phone with a new account, its kit confirmed, connected and not synced.
    pub(crate) async fn phone(&self, name: &str) -> Phone {
        let (env, clock) = self.env();
        let settings = self.settings().await;
        let path = self.dir.path().join(name);
        let (vault, kit) = Vault::create(&path, &settings.origin, env.clone()).unwrap();
        confirm(&vault, &kit);
        vault.connect(&settings).unwrap();
        Phone {
            vault,
            kit,
            env,
            clock,
            path,
            transport: self.transport(),
            time: self.time.clone(),
        }
    }
}

pub(crate) fn confirm(vault: &Vault, kit: &Kit) {
    let words = kit.words().unwrap();
    let words: Vec<&str> = words.split(' ').collect();
    let asked = vault.asked_words().unwrap().unwrap();
    let given = asked.map(|position| words[usize::from(position) - 1]);
    vault.confirm_kit(&given).unwrap();
}

pub(crate) struct Phone {
    pub(crate) vault: Vault,
    pub(crate) kit: Kit,
    pub(crate) env: Env,
    pub(crate) clock: Arc<PhoneClock>,
    pub(crate) path: PathBuf,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) time: Time,
}

impl Phone {
    /// Syncs until nothing is left, letting time pass where it must wait.
    pub(crate) async fn sync(&self) -> SyncReport {
        sync(&self.vault, &self.transport, &self.time).await
    }

    /// Opens the vault anew, as after a kill.
    pub(crate) fn reopen(&mut self) {
        self.vault.lock();
        self.vault = Vault::open(&self.path, self.env.clone()).unwrap();
    }

    /// Adds `count` values of a code, one a minute from `start`, and seals them.
    pub(crate) fn add(&self, code: &str, start: i64, count: i64) {
        self.vault.add_many(series(code, start, count)).unwrap();
        self.vault.seal(Seal::All).unwrap();
    }
}

pub(crate) async fn sync(vault: &Vault, to: &Arc<dyn Transport>, time: &Time) -> SyncReport {
    let mut tries = 0;
    loop {
        let report = vault.sync_all(to).await.unwrap();
        if report.done || report.frozen.is_some() {
            return report;
        }
        let left = vault.waiting().unwrap();
        assert!(tries < 200, "it does not finish: {report:?}, {left:?}");
        tries += 1;
        time.pass(60_000);
    }
}

pub(crate) fn value(code: &str, at: i64, number: i64) -> Record {
    let unit = if code == HEART { "/min" } else { "h" };
    let value = Value::Quantity(Decimal::new(number, 0).unwrap(), unit.to_owned());
    let code = code.to_owned();
    Record::typed(at, 120, Body::Observation { code, value })
}

pub(crate) fn series(code: &str, start: i64, count: i64) -> Vec<Record> {
    (0..count)
        .map(|at| value(code, start + at * 60_000, 50 + at % 60))
        .collect()
}

/// Every record of a vault: (start, record hash), ascending.
pub(crate) fn all(vault: &Vault) -> Vec<(i64, [u8; 32])> {
    let query = Query {
        limit: 100_000,
        ..Query::default()
    };
    let page = vault.records(&query).unwrap();
    let mut all: Vec<_> = page
        .records
        .iter()
        .map(|f| (f.record.start_ms, f.rc))
        .collect();
    all.sort_unstable();
    all
}

/// How many records stand in a state.
pub(crate) fn in_state(vault: &Vault, state: BatchState) -> usize {
    let query = Query {
        limit: 100_000,
        ..Query::default()
    };
    let page = vault.records(&query).unwrap();
    page.records
        .iter()
        .filter(|found| found.state == state)
        .count()
}

/// Checks a record's receipt as a stranger would.
pub(crate) fn verified(vault: &Vault, rc: &[u8; 32], trust: &str) -> Facts {
    let receipt = vault.receipt(rc, &Disclosure::Whole).unwrap();
    let trust = vitalwitness_domain::wire::trust::parse_trust(trust).unwrap();
    vitalwitness_proof::verify(&receipt, None, &trust).unwrap()
}

/// Every file under a folder, with its bytes.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

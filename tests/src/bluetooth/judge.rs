//! The judge of a run: what the vault holds against what the devices wrote down, and the records'
//! way on to a cloud.

use super::ledger::{Ledger, Sent};
use super::report::{KEYS, ORIGIN, PASSPHRASE, Played, REPORT, Report, VAULT};
use super::scenes::SCENES;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use vitalwitness_cloud::{Config, Server};
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Body, Hash, Record, Value};
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_vault::client::{Client, Http, Transport};
use vitalwitness_vault::clock::{Clock, SystemClock};
use vitalwitness_vault::keys::{Argon, FileKeyStore, OsRandom, Random};
use vitalwitness_vault::sync::CloudSettings;
use vitalwitness_vault::{Disclosure, Env, Query, Seal, Vault};

/// What is wrong, in words.
pub type Wrong = String;

/// A run, opened outside the guest.
#[derive(Debug)]
pub struct Run {
    report: Report,
    vault: Vault,
    records: Vec<(Hash, Record)>,
    ledgers: PathBuf,
    clock: Arc<Later>,
}

/// The guest's time going on: the vault must not see its own future, nor the cloud.
#[derive(Debug)]
struct Later(AtomicI64);

impl Later {
    fn pass(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for Later {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        SystemClock.monotonic_ms()
    }
}

impl Run {
    /// Opens what a run left in `folder`.
    ///
    /// # Errors
    ///
    /// Says what is missing or does not open.
    pub fn open(folder: &Path) -> Result<Self, Wrong> {
        let report = std::fs::read(folder.join(REPORT)).map_err(|it| format!("{REPORT}: {it}"))?;
        let report: Report =
            serde_json::from_slice(&report).map_err(|it| format!("{REPORT}: {it}"))?;
        let keys = FileKeyStore::open(&folder.join(KEYS), PASSPHRASE, Argon::LEAST)
            .map_err(|it| format!("{KEYS}: {it}"))?;
        let clock = Arc::new(Later(AtomicI64::new(
            report.ended_ms - SystemClock.now_ms(),
        )));
        let env = Env {
            keystore: Arc::new(keys),
            clock: clock.clone(),
            random: Arc::new(OsRandom),
        };
        let vault = Vault::open(&folder.join(VAULT), env).map_err(|it| format!("{VAULT}: {it}"))?;
        let everything = Query {
            limit: ALL,
            ..Query::default()
        };
        let page = vault.records(&everything).map_err(|it| it.to_string())?;
        let records = page.records.into_iter().map(|it| (it.rc, it.record));
        Ok(Self {
            report,
            records: records.collect(),
            vault,
            ledgers: folder.to_owned(),
            clock,
        })
    }

    /// The scenes that were played.
    pub fn scenes(&self) -> &[Played] {
        &self.report.scenes
    }

    /// How many records the vault holds.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the vault is empty.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Holds a scene's records against its ledger: none lost, none twice, each with the number and
    /// the time it was sent with.
    ///
    /// # Errors
    ///
    /// What differs first.
    pub fn scene(&self, played: &Played) -> Result<String, Wrong> {
        if let Some(failure) = &played.failure {
            return Err(failure.clone());
        }
        let ledger = Ledger::read(&self.ledgers, &played.scene)?;
        if ledger.events.contains_key("broken") {
            return Err("the emulated device itself failed".to_owned());
        }
        let scene = SCENES.iter().find(|scene| scene.name == played.scene);
        for (event, least) in scene.map_or(&[][..], |scene| scene.must) {
            let times = ledger.events.get(*event).copied().unwrap_or_default();
            if times < *least {
                return Err(format!(
                    "\"{event}\" was to happen {least} times, and did {times}"
                ));
            }
        }
        let ours = |sent: &&Sent| match (sent.user, played.user) {
            (Some(user), Some(owner)) => user == owner,
            _ => true,
        };
        let expected: Vec<&Sent> = ledger.readings.values().filter(ours).collect();
        let sensor = played.sensor.as_deref();
        let found: Vec<&Record> = self
            .records
            .iter()
            .map(|(_, record)| record)
            .filter(|record| {
                sensor.is_some() && record.source.device.map(hex::encode).as_deref() == sensor
            })
            .collect();
        compare(&expected, &found)?;
        if played.counts.refused != ledger.unreadable {
            return Err(format!(
                "{} unreadable values were sent, {} were told of",
                ledger.unreadable, played.counts.refused
            ));
        }
        Ok(format!(
            "{} frames, {} readings, {} sent again, {} unreadable, {} records",
            ledger.frames,
            ledger.readings.len(),
            ledger.repeated,
            ledger.unreadable,
            found.len()
        ))
    }

    /// The rest of the way: the vault seals, syncs to a cloud over loopback, and a receipt of each
    /// record verifies as a stranger would check it. How many.
    ///
    /// # Errors
    ///
    /// What did not go through.
    pub async fn rest_of_the_way(&self) -> Result<usize, Wrong> {
        let folder = tempfile::tempdir().map_err(|it| it.to_string())?;
        let mut config = Config::new(folder.path().join("cloud"));
        ORIGIN.clone_into(&mut config.origin);
        let clock = self.clock.clone();
        let env = vitalwitness_cloud::Env::new(
            move || clock.now_ms(),
            |bytes: &mut [u8]| {
                // the system's randomness does not fail on a machine that runs tests
                let _ = OsRandom.fill(bytes);
            },
        );
        let server = Server::start_in(config, env).await;
        let server = server.map_err(|it| format!("cloud: {it}"))?;
        let receipts = self.through(&format!("http://{}", server.addr())).await;
        server.shutdown().await;
        receipts
    }

    async fn through(&self, url: &str) -> Result<usize, Wrong> {
        let transport: Arc<dyn Transport> =
            Arc::new(Http::new(url).map_err(|it| format!("cloud: {it}"))?);
        let client = Client::new(transport.clone(), self.clock.clone(), Arc::new(OsRandom));
        let settings = CloudSettings::fetch(url, &client).await;
        let settings = settings.map_err(|it| format!("settings: {it}"))?;
        let said = |it: vitalwitness_vault::Error| it.to_string();
        self.vault.connect(&settings).map_err(said)?;
        self.vault.seal(Seal::All).map_err(said)?;
        for round in 0.. {
            let report = self.vault.sync_all(&transport).await.map_err(said)?;
            if report.done {
                break;
            }
            if report.frozen.is_some() || report.set_aside > 0 || round > 50 {
                return Err(format!("the sync does not end: {report:?}"));
            }
            self.clock.pass(60_000);
        }
        let cloud = self.vault.cloud().map_err(said)?;
        let trust = cloud.ok_or("the vault knows no cloud")?.trust;
        let trust = parse_trust(&trust).map_err(|it| it.to_string())?;
        let everything = Query {
            limit: ALL,
            ..Query::default()
        };
        let page = self.vault.records(&everything).map_err(said)?;
        let batches: BTreeSet<_> = page.records.iter().map(|found| found.batch).collect();
        let mut proven = BTreeSet::new();
        for batch in batches {
            for receipt in self
                .vault
                .receipts(&batch, &Disclosure::Whole)
                .map_err(said)?
            {
                let facts = vitalwitness_proof::verify(&receipt, None, &trust)
                    .map_err(|it| format!("a receipt is refused: {}", it.code()))?;
                proven.extend(facts.record_hash);
            }
        }
        let unproven = self.records.iter().filter(|(rc, _)| !proven.contains(rc));
        match unproven.count() {
            0 => Ok(proven.len()),
            some => Err(format!("{some} records have no receipt")),
        }
    }
}

/// Records and readings side by side, each by code and numbers, ascending in time.
fn compare(expected: &[&Sent], found: &[&Record]) -> Result<(), Wrong> {
    let mut sent: BTreeMap<Key, Vec<&Sent>> = BTreeMap::new();
    for &reading in expected {
        sent.entry(key_of_sent(reading)?).or_default().push(reading);
    }
    let mut kept: BTreeMap<Key, Vec<&Record>> = BTreeMap::new();
    for &record in found {
        kept.entry(key_of_record(record)?).or_default().push(record);
    }
    let keys: BTreeSet<&Key> = sent.keys().chain(kept.keys()).collect();
    for key in keys {
        let (mut sent, mut kept) = (
            sent.get(key).cloned().unwrap_or_default(),
            kept.get(key).cloned().unwrap_or_default(),
        );
        if sent.len() != kept.len() {
            return Err(format!(
                "{} {:?}: sent {} times, kept {} times ({} readings sent, {} records in all)",
                key.0,
                key.1,
                sent.len(),
                kept.len(),
                expected.len(),
                found.len()
            ));
        }
        sent.sort_by_key(|it| it.at_ms);
        kept.sort_by_key(|it| it.start_ms);
        for (sent, kept) in sent.iter().zip(kept) {
            let Some(at_ms) = sent.at_ms else { continue };
            let off = kept.start_ms.abs_diff(at_ms);
            let allowed = if sent.clock_off { CLOCK_READ_MS } else { 0 };
            if off > allowed {
                return Err(format!(
                    "{} {:?}: {off} ms from when it was taken",
                    key.0, key.1
                ));
            }
        }
    }
    Ok(())
}

/// Code without its system, and numbers without trailing zeros.
type Key = (String, Vec<String>);

fn key_of_sent(sent: &Sent) -> Result<Key, Wrong> {
    let numbers = sent.numbers.iter().map(|text| {
        let number: Decimal = text.parse().map_err(|_| format!("{text} is no number"))?;
        Ok(plain(number))
    });
    Ok((sent.code.clone(), numbers.collect::<Result<_, Wrong>>()?))
}

fn key_of_record(record: &Record) -> Result<Key, Wrong> {
    let Body::Observation { code, value } = &record.body else {
        return Err("a device made a record that is no observation".to_owned());
    };
    let numbers = match value {
        Value::Quantity(number, _) => vec![plain(*number)],
        Value::Components(parts) => parts.iter().map(|part| plain(part.1)).collect(),
        _ => return Err(format!("{code} has no number")),
    };
    let code = code.strip_prefix("loinc|").unwrap_or(code);
    Ok((code.to_owned(), numbers))
}

fn plain(number: Decimal) -> String {
    let text = number.to_string();
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

/// A clock shows whole seconds, and takes a moment to be read, in the guest of a busy machine a long
/// one: how far a corrected time may be off. It was off by sixteen years.
const CLOCK_READ_MS: u64 = 30_000;

/// More records than a run makes.
const ALL: usize = 1_000_000;

#[cfg(test)]
mod tests;

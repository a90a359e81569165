//! What the tests of the vault share: a clock that stands still, seeded bytes, records.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Body, Grade, Record, Source, Value};
use vitalwitness_vault::clock::Clock;
use vitalwitness_vault::keys::{MemoryKeyStore, NoRandomness, Random};
use vitalwitness_vault::{Env, Vault};

pub(crate) const HEART_RATE: &str = "loinc|8867-4";
/// 2026-03-01T00:00:00Z.
pub(crate) const MARCH: i64 = 1_772_323_200_000;
pub(crate) const ORIGIN: &str = "vitalwitness.local/log";

/// Stands at a time until it is moved.
#[derive(Debug)]
pub(crate) struct StillClock(AtomicI64);

impl StillClock {
    pub(crate) fn pass(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for StillClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    fn monotonic_ms(&self) -> u64 {
        self.now_ms().unsigned_abs()
    }
}

/// `SplitMix64`: the same bytes for the same seed.
#[derive(Debug)]
pub(crate) struct Seeded(AtomicU64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&self, end: u64) -> u64 {
        self.next() % end
    }
}

impl Random for Seeded {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// A vault in a folder of its own, with keys in memory.
pub(crate) struct Home {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<StillClock>,
    pub(crate) env: Env,
}

impl Home {
    pub(crate) fn new(seed: u64) -> Self {
        let clock = Arc::new(StillClock(AtomicI64::new(MARCH)));
        Self {
            folder: tempfile::tempdir().unwrap(),
            env: Env {
                keystore: Arc::new(MemoryKeyStore::new()),
                clock: clock.clone(),
                random: Arc::new(Seeded::new(seed)),
            },
            clock,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("vault.db")
    }

    pub(crate) fn create(&self) -> Vault {
        Vault::create(&self.path(), ORIGIN, self.env.clone())
            .unwrap()
            .0
    }

    pub(crate) fn open(&self) -> Vault {
        self.open_at(&self.path())
    }

    pub(crate) fn open_at(&self, path: &Path) -> Vault {
        Vault::open(path, self.env.clone()).unwrap()
    }
}

pub(crate) fn heart_rate(start_ms: i64, beats: i64) -> Record {
    let value = Value::Quantity(Decimal::whole(beats), "/min".into());
    let body = Body::Observation {
        code: HEART_RATE.into(),
        value,
    };
    let mut record = Record::typed(start_ms, 60, body);
    record.source = Source {
        grade: Grade::Bonded,
        device: Some([9; 16]),
    };
    record
}

/// One a second, from `MARCH` on.
pub(crate) fn seconds(from: i64, count: i64) -> Vec<Record> {
    (from..from + count)
        .map(|at| heart_rate(MARCH + at * 1000, 55 + at % 60))
        .collect()
}

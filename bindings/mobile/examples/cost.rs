//! What a thousand records in one call cost in Rust, for `bindings/cost.sh`: CPU time of the process.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and should stop where something is wrong"
)]

use std::hint::black_box;
use std::sync::Arc;
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Body, Record, Value};
use vitalwitness_vault::clock::SystemClock;
use vitalwitness_vault::keys::{MemoryKeyStore, OsRandom};
use vitalwitness_vault::{Env, Query, Vault};

const CODE: &str = "loinc|8867-4";
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const RECORDS: i64 = 1_000;
const ADDS: i64 = 40;
const READS: u32 = 1_000;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let env = Env {
        keystore: Arc::new(MemoryKeyStore::new()),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
    };
    let (vault, _) = Vault::create(&folder.path().join("vault"), "cost", env).unwrap();
    for round in 0..ADDS {
        vault.add_many(thousand(round)).unwrap();
    }
    let before = cpu_ms();
    for round in ADDS..2 * ADDS {
        vault.add_many(thousand(round)).unwrap();
    }
    said("add", cpu_ms() - before, ADDS.unsigned_abs());

    let query = Query {
        code: Some(CODE.to_owned()),
        limit: 1_000,
        ..Query::default()
    };
    let read = || {
        assert_eq!(
            black_box(vault.records(&query).unwrap()).records.len(),
            1_000
        );
    };
    (0..READS).for_each(|_| read());
    let before = cpu_ms();
    (0..READS).for_each(|_| read());
    said("read", cpu_ms() - before, u64::from(READS));
}

fn thousand(round: i64) -> Vec<Record> {
    let one = |at: i64| {
        let value = Value::Quantity(Decimal::whole(60 + at % 40), "/min".to_owned());
        let code = CODE.to_owned();
        Record::typed(
            START + (round * RECORDS + at) * 1_000,
            60,
            Body::Observation { code, value },
        )
    };
    (0..RECORDS).map(one).collect()
}

/// User and system time of all threads: fields 14 and 15 of `/proc/self/stat`, in ticks of 10 ms.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap());
    ticks.sum::<u64>() * 10
}

fn said(what: &str, ms: u64, calls: u64) {
    println!("cost {what} {}", ms * 1_000 / calls);
}

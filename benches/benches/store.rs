//! The vault beside plain SQLite rows of the same records: ingest, a day's view, size, cold open.
//!
//! CPU time of the process, contenders in turn, median and least over the rounds. Both files are
//! WAL with `synchronous=FULL`; both get a thousand records a transaction. Prints Markdown.
//!
//! `VW_BENCH_SAMPLES` (3,000,000 unless set) heart rates, one a second.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench prints, computes means, and should stop where something is wrong"
)]

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rusqlite::Connection;
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use vitalwitness_domain::decimal::Decimal;
use vitalwitness_domain::record::{Body, Grade, Record, Source, Value};
use vitalwitness_vault::clock::SystemClock;
use vitalwitness_vault::keys::{MemoryKeyStore, OsRandom, random_bytes};
use vitalwitness_vault::{Env, Seal, Vault};

const CODE: &str = "loinc|8867-4";
const GROUP: i64 = 1_000;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;

fn main() {
    let samples = std::env::var("VW_BENCH_SAMPLES").ok();
    let samples = samples.map_or(3_000_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let env = Env {
        keystore: Arc::new(MemoryKeyStore::new()),
        clock: Arc::new(SystemClock),
        random: Arc::new(OsRandom),
    };
    let file = |name: &str| folder.path().join(name);
    let (ours, plain, by_id) = (file("vault.db"), file("plain.db"), file("by-id.db"));
    let (vault, _) = Vault::create(&ours, "bench", env.clone()).unwrap();
    let (rows, rows_by_id) = (plain_file(&plain, false), plain_file(&by_id, true));

    ingest(samples, &vault, [&rows, &rows_by_id]);
    vault.compact().unwrap();
    for conn in [&rows, &rows_by_id] {
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
    }
    let bytes = |path: &Path| std::fs::metadata(path).unwrap().len() as f64 / samples as f64;
    println!("\n## size, {samples} samples\n\n| | bytes a sample |\n|---|---|");
    println!(
        "| vault, sealed and with every index | {:.2} |",
        bytes(&ours)
    );
    println!("| plain SQLite rows | {:.2} |", bytes(&plain));
    println!("| the same, found by id too | {:.2} |", bytes(&by_id));

    day_view(samples, &vault, &rows);
    drop((vault, rows, rows_by_id));
    cold_open(&ours, &env);
}

fn record(at: i64) -> Record {
    let beats = 62 + at % 7 + (at / 60) % 23 - (at / 3_600) % 5;
    let body = Body::Observation {
        code: CODE.into(),
        value: Value::Quantity(Decimal::whole(beats), "/min".into()),
    };
    let mut record = Record::typed(START + at * 1_000, 60, body);
    record.source = Source {
        grade: Grade::Bonded,
        device: Some([7; 16]),
    };
    record
}

fn plain_file(path: &Path, by_id: bool) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE observation (
           id INTEGER PRIMARY KEY, rid BLOB NOT NULL, code TEXT NOT NULL, start_ms INTEGER NOT NULL,
           end_ms INTEGER, offset_min INTEGER NOT NULL, value TEXT NOT NULL, unit TEXT NOT NULL,
           grade INTEGER NOT NULL, device BLOB, context TEXT, uploaded INTEGER NOT NULL) STRICT;
         CREATE INDEX observation_by_time ON observation (code, start_ms);",
    )
    .unwrap();
    if by_id {
        let sql = "CREATE UNIQUE INDEX observation_by_rid ON observation (rid)";
        conn.execute(sql, []).unwrap();
    }
    conn
}

fn insert(conn: &Connection, records: &[Record]) {
    let transaction = conn.unchecked_transaction().unwrap();
    {
        let mut statement = transaction
            .prepare_cached(
                "INSERT INTO observation (rid, code, start_ms, end_ms, offset_min, value, unit,
                 grade, device, context, uploaded) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0)",
            )
            .unwrap();
        for record in records {
            let Body::Observation {
                code,
                value: Value::Quantity(number, unit),
            } = &record.body
            else {
                panic!("a heart rate");
            };
            let rid: [u8; 16] = random_bytes(&OsRandom).unwrap();
            statement
                .execute(rusqlite::params![
                    rid,
                    code,
                    record.start_ms,
                    record.end_ms,
                    record.offset_min,
                    number.to_string(),
                    unit,
                    record.source.grade.number(),
                    record.source.device,
                    None::<String>,
                ])
                .unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// Both take all samples, a thousand at a time, in turn. Ours includes sealing.
fn ingest(samples: i64, vault: &Vault, rows: [&Connection; 2]) {
    let mut times: [Vec<f64>; 3] = Default::default();
    for from in (0..samples).step_by(100 * usize::try_from(GROUP).unwrap()) {
        let to = (from + 100 * GROUP).min(samples);
        let groups: Vec<Vec<Record>> = (from..to)
            .step_by(usize::try_from(GROUP).unwrap())
            .map(|start| (start..(start + GROUP).min(to)).map(record).collect())
            .collect();
        let count = (to - from) as f64;
        for (conn, times) in rows.iter().zip(&mut times[1..]) {
            let start = cpu_ns();
            for group in &groups {
                insert(conn, group);
            }
            times.push((cpu_ns() - start) as f64 / count);
        }
        let start = cpu_ns();
        for group in groups {
            vault.add_many(group).unwrap();
        }
        times[0].push((cpu_ns() - start) as f64 / count);
    }
    vault.seal(Seal::All).unwrap();
    let [ours, plain, by_id] = &mut times;
    table(
        &format!("ingest to durable and sealed, {GROUP} a transaction (ns a record)"),
        &mut [
            ("vault", ours),
            ("plain SQLite rows", plain),
            ("the same, found by id too", by_id),
        ],
    );
}

/// A day of samples for a chart, and the day sums of all of it.
fn day_view(samples: i64, vault: &Vault, rows: &Connection) {
    let mut statement = rows
        .prepare(
            "SELECT start_ms, value FROM observation
             WHERE code = ?1 AND start_ms >= ?2 AND start_ms < ?3 ORDER BY start_ms",
        )
        .unwrap();
    let days = samples / 86_400;
    let mut times: [Vec<f64>; 3] = Default::default();
    for round in 0..15.min(days.max(1)) {
        // another day each round: nothing is cached for it
        let from = START + (round * 7 % days.max(1)) * 86_400_000;
        let to = from + 86_400_000;
        let start = cpu_ns();
        let points = vault.points(CODE, from, to).unwrap();
        times[0].push((cpu_ns() - start) as f64 / 1e6);
        let start = cpu_ns();
        let read: Vec<(i64, f64)> = statement
            .query_map((CODE, from, to), |row| {
                let value: String = row.get(1)?;
                Ok((row.get(0)?, value.parse().unwrap()))
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        times[1].push((cpu_ns() - start) as f64 / 1e6);
        assert_eq!(points[0].points.len(), read.len());
        black_box((points, read));
        let start = cpu_ns();
        black_box(vault.day_summary(CODE, 0, i32::MAX).unwrap());
        times[2].push((cpu_ns() - start) as f64 / 1e6);
    }
    let [ours, plain, sums] = &mut times;
    table(
        &format!("a day of 86,400 out of {samples} (CPU ms)"),
        &mut [
            ("vault, points", ours),
            ("plain SQLite rows", plain),
            ("vault, sums of every day there is", sums),
        ],
    );
}

/// Opening the vault beside opening the bare file and reading what it must read.
fn cold_open(path: &Path, env: &Env) {
    let mut times: [Vec<f64>; 3] = Default::default();
    let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap();
    let key = LessSafeKey::new(key);
    let nonce = || Nonce::assume_unique_for_key([0; 12]);
    for _ in 0..15 {
        let start = cpu_ns();
        let vault = Vault::open(path, env.clone()).unwrap();
        times[0].push((cpu_ns() - start) as f64 / 1e6);
        drop(vault);
        let start = cpu_ns();
        let conn = Connection::open(path).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .unwrap();
        let mut statement = conn.prepare("SELECT id, state, header FROM batch").unwrap();
        let headers: Vec<(i64, i64, Vec<u8>)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        times[1].push((cpu_ns() - start) as f64 / 1e6);
        // its headers are sealed: opening them is part of the bare work
        let mut sealed: Vec<Vec<u8>> = headers.into_iter().map(|(_, _, header)| header).collect();
        for header in &mut sealed {
            let tag = key
                .seal_in_place_separate_tag(nonce(), Aad::empty(), header)
                .unwrap();
            header.extend_from_slice(tag.as_ref());
        }
        let start = cpu_ns();
        for header in &mut sealed {
            black_box(key.open_in_place(nonce(), Aad::empty(), header)).unwrap();
        }
        let opened = (cpu_ns() - start) as f64 / 1e6;
        let rows = times[1].last().copied().unwrap();
        times[2].push(rows + opened);
    }
    let [ours, bare, opened] = &mut times;
    table(
        "cold open (CPU ms)",
        &mut [
            ("vault", ours),
            ("bare SQLite file and its header rows", bare),
            ("the same, and each header's seal opened", opened),
        ],
    );
}

fn table(title: &str, rows: &mut [(&str, &mut Vec<f64>)]) {
    println!("\n## {title}\n\n| | median | least | of ours |\n|---|---|---|---|");
    let mut ours = None;
    for (name, times) in rows {
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        let base = *ours.get_or_insert(median);
        println!(
            "| {name} | {median:.2} | {:.2} | {:.2} |",
            times[0],
            median / base
        );
    }
}

fn cpu_ns() -> i64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

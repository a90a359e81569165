//! What survives a killed process, a power cut, and a full disk.

use crate::support::{HEART_RATE, Home, MARCH, ORIGIN, Seeded, heart_rate};
use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use vitalwitness_domain::record::{Body, Grade, NoteBody, Record, Value};
use vitalwitness_vault::keys::{Argon, Fault, FileKeyStore, MemoryKeyStore};
use vitalwitness_vault::store::StoreError;
use vitalwitness_vault::{Env, Error, Query, Seal, Vault};

/// Says to a copy of this test that it is the one to be killed, and where its vault is.
const CHILD: &str = "VITALWITNESS_TEST_KILLED_CHILD";
const KILLS: u32 = 200;
const CUTS: u64 = 2_000;

fn env_at(folder: &Path, seed: u64) -> Env {
    let home = Home::new(seed);
    let keys = FileKeyStore::open(&folder.join("keys"), "passphrase", Argon::LEAST).unwrap();
    Env {
        keystore: Arc::new(keys),
        ..home.env.clone()
    }
}

/// A folder in memory where there is one: what is lost is chosen here, not by the disk.
fn memory_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// The number each record carries, as often as it is there.
fn numbers(vault: &Vault) -> HashMap<i64, usize> {
    let query = Query {
        code: Some(HEART_RATE.into()),
        limit: 1_000_000,
        ..Query::default()
    };
    let mut found = HashMap::new();
    for record in vault.records(&query).unwrap().records {
        let Body::Observation {
            value: Value::Quantity(number, _),
            ..
        } = record.record.body
        else {
            panic!("a record of another kind");
        };
        *found.entry(number.mantissa()).or_default() += 1;
    }
    found
}

/// Adds records until it is killed, and tells each number once it is durable.
fn add_until_killed(folder: &Path, round: u64) {
    let vault = Vault::open(&folder.join("vault.db"), env_at(folder, round)).unwrap();
    vault.set_batch_limit(64).unwrap();
    let random = Seeded::new(round);
    let mut out = std::io::stdout();
    let mut number = i64::try_from(round).unwrap() * 1_000_000;
    loop {
        let count = i64::try_from(1 + random.below(30)).unwrap();
        let group: Vec<_> = (number..number + count)
            .map(|number| {
                let at = i64::try_from(random.below(60 * 86_400)).unwrap();
                heart_rate(MARCH + at * 1_000, number)
            })
            .collect();
        vault.add_many(group).unwrap();
        for number in number..number + count {
            writeln!(out, "added {number}").unwrap();
        }
        out.flush().unwrap();
        number += count;
        if random.below(4) == 0 {
            vault.seal(Seal::All).unwrap();
        }
    }
}

#[test]
fn no_kill_loses_or_doubles_an_acknowledged_record() {
    if let Ok(place) = std::env::var(CHILD) {
        let (round, folder) = place.split_once(' ').unwrap();
        add_until_killed(Path::new(folder), round.parse().unwrap());
        return;
    }
    let folder = memory_folder();
    let path = folder.path().join("vault.db");
    Vault::create(&path, ORIGIN, env_at(folder.path(), 0)).unwrap();
    let random = Seeded::new(77);
    let mut acknowledged = BTreeSet::new();
    for round in 1..=KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("crash::no_kill_loses_or_doubles_an_acknowledged_record")
            .env(CHILD, format!("{round} {}", folder.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        // killed a moment after a seeded number of acknowledgements, inside whatever it does then
        let wanted = random.below(60);
        let moment = Duration::from_micros(random.below(4_000));
        let mut count = 0;
        for line in told.lines() {
            let Ok(line) = line else { break };
            let Some(number) = line.strip_prefix("added ") else {
                continue;
            };
            // a line cut off by the kill was not told
            if let Ok(number) = number.parse::<i64>() {
                acknowledged.insert(number);
            }
            count += 1;
            if count == wanted + 1 {
                std::thread::park_timeout(moment);
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        if round % 20 == 0 {
            let vault = Vault::open(&path, env_at(folder.path(), 0)).unwrap();
            let found = numbers(&vault);
            for number in &acknowledged {
                let times = found.get(number).copied().unwrap_or(0);
                assert_eq!(times, 1, "record {number} after kill {round}");
            }
            assert!(found.values().all(|times| *times == 1), "kill {round}");
        }
    }
    assert!(acknowledged.len() > 2_000, "{}", acknowledged.len());
}

/// The file and its log at a moment, and which records were acknowledged by then.
struct Moment {
    file: Vec<u8>,
    log: Vec<u8>,
    acknowledged: i64,
}

fn moment(path: &Path, acknowledged: i64) -> Moment {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    Moment {
        file: std::fs::read(path).unwrap(),
        log: std::fs::read(log).unwrap_or_default(),
        acknowledged,
    }
}

/// What a cut of power between `before` (synced) and `after` (being written) may leave of a file:
/// any of the sectors that differ, old or new; the file's end anywhere between.
fn torn(before: &[u8], after: &[u8], random: &Seeded) -> Vec<u8> {
    let len = if after.len() > before.len() {
        let grown = u64::try_from(after.len() - before.len()).unwrap();
        before.len() + usize::try_from(random.below(grown + 1)).unwrap()
    } else {
        before.len()
    };
    let mut left = before.to_vec();
    left.resize(len, 0);
    let style = random.below(3);
    for start in (0..len).step_by(512) {
        let end = (start + 512).min(len);
        let Some(new) = after.get(start..end) else {
            break;
        };
        let written = match style {
            0 => true,
            1 => random.below(2) == 0,
            _ => random.below(8) == 0,
        };
        if written {
            left[start..end].copy_from_slice(new);
        }
    }
    left
}

#[test]
fn no_cut_of_power_loses_an_acknowledged_record_or_shows_half_a_group() {
    let folder = memory_folder();
    let path = folder.path().join("vault.db");
    let vault = Vault::create(&path, ORIGIN, env_at(folder.path(), 0))
        .unwrap()
        .0;
    vault.set_batch_limit(20).unwrap();
    let random = Seeded::new(5);
    let mut moments = vec![moment(&path, 0)];
    let mut number = 0;
    let mut group_ends = BTreeSet::from([0]);
    for step in 0..60 {
        let count = i64::try_from(1 + random.below(6)).unwrap();
        let group = (number..number + count).map(|number| {
            let at = i64::try_from(random.below(40 * 86_400)).unwrap();
            heart_rate(MARCH + at * 1_000, number)
        });
        vault.add_many(group.collect()).unwrap();
        number += count;
        group_ends.insert(number);
        moments.push(moment(&path, number));
        if step % 7 == 3 {
            vault.seal(Seal::All).unwrap();
            moments.push(moment(&path, number));
        }
        if step % 13 == 9 {
            vault.compact().unwrap();
            moments.push(moment(&path, number));
        }
    }
    drop(vault);

    let cut = folder.path().join("cut");
    std::fs::create_dir(&cut).unwrap();
    std::fs::copy(folder.path().join("keys"), cut.join("keys")).unwrap();
    let env = env_at(&cut, 1);
    let (file, log) = (cut.join("vault.db"), cut.join("vault.db-wal"));
    for point in 0..CUTS {
        let random = Seeded::new(1_000 + point);
        let at = usize::try_from(random.below(u64::try_from(moments.len() - 1).unwrap())).unwrap();
        let (before, after) = (&moments[at], &moments[at + 1]);
        // SQLite syncs the log before it writes the file, and the file before it restarts the log
        let file_changes = before.file != after.file;
        let (left_file, left_log) = if !file_changes {
            (before.file.clone(), torn(&before.log, &after.log, &random))
        } else if after.log.is_empty() && random.below(2) == 0 {
            (after.file.clone(), before.log.clone())
        } else {
            (torn(&before.file, &after.file, &random), before.log.clone())
        };
        std::fs::write(&file, left_file).unwrap();
        std::fs::write(&log, left_log).unwrap();
        let vault = Vault::open(&file, env.clone()).unwrap_or_else(|error| {
            panic!("cut {point} after moment {at}: {error:?}");
        });
        let found = numbers(&vault);
        let count = i64::try_from(found.len()).unwrap();
        assert!(group_ends.contains(&count), "cut {point}: half a group");
        for number in 0..before.acknowledged.max(count) {
            let times = found.get(&number).copied().unwrap_or(0);
            assert_eq!(times, 1, "cut {point}: record {number}");
        }
        assert!(count >= before.acknowledged, "cut {point}");
    }
}

#[test]
fn a_full_disk_is_said_and_nothing_acknowledged_is_lost() {
    let home = Home::new(3);
    let vault = home.create();
    vault.set_batch_limit(200).unwrap();
    vault.limit_pages(60).unwrap();
    let mut number = 0;
    let error = loop {
        let group: Vec<_> = (number..number + 40)
            .map(|number| heart_rate(MARCH + number * 1_000, number))
            .collect();
        match vault.add_many(group) {
            Ok(added) => number += i64::try_from(added.len()).unwrap(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Store(StoreError::Full)), "{error:?}");
    assert!(number > 0);
    let check = |vault: &Vault| {
        let found = numbers(vault);
        assert_eq!(i64::try_from(found.len()).unwrap(), number);
        assert!((0..number).all(|number| found.get(&number) == Some(&1)));
    };
    check(&vault);
    drop(vault);
    let vault = home.open();
    check(&vault);
    // space again: it goes on where it stopped
    vault.add(heart_rate(MARCH, number)).unwrap();
    number += 1;
    let found = numbers(&vault);
    assert_eq!(i64::try_from(found.len()).unwrap(), number);
}

#[test]
fn a_frozen_batch_that_cannot_be_sealed_keeps_neither_the_vault_nor_another_batch_shut() {
    let home = Home::new(4);
    let keys = Arc::new(MemoryKeyStore::new());
    let env = Env {
        keystore: keys.clone(),
        ..home.env.clone()
    };
    let (vault, _) = Vault::create(&home.path(), ORIGIN, env.clone()).unwrap();
    vault.add(heart_rate(MARCH, 0)).unwrap();
    // the key that names the sealing device is gone for good
    keys.fail(Fault::Lose);
    assert!(vault.seal(Seal::All).is_err());
    drop(vault);

    let vault = Vault::open(&home.path(), env).unwrap();
    assert_eq!(numbers(&vault).len(), 1);
    vault.add(heart_rate(MARCH, 1)).unwrap();
    assert_eq!(numbers(&vault).len(), 2);
    // another category has another key
    let note = Body::Note {
        kind: "entry".into(),
        text: NoteBody::Text("slept well".into()),
    };
    let mut note = Record::typed(MARCH, 60, note);
    note.source.grade = Grade::ClinicianSigned;
    let note = vault.add(note).unwrap();
    assert!(vault.seal(Seal::All).is_err(), "it is still told");
    let batch = vault.record(&note.rc).unwrap().batch;
    vault.upload(&batch).unwrap();
}

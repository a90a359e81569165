//! Files of released schemas open, with what was put into them then.
//!
//! A fixture is made once, by the release that brings the schema:
//! `VITALWITNESS_NEW_FIXTURE=schema-3 cargo test -p vitalwitness-vault --test it schema`

use crate::support::{Home, MARCH, ORIGIN, heart_rate, seconds};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vitalwitness_domain::gatt::Refused;
use vitalwitness_domain::record::{Body, NoteBody, Record};
use vitalwitness_vault::ble::{
    Characteristic, Cursor, Found, Intake, Item, Learned, Proposal, Whose,
};
use vitalwitness_vault::keys::{Argon, FileKeyStore};
use vitalwitness_vault::{Env, Query, Seal, Vault};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn env_of(folder: &Path) -> Env {
    let keys = FileKeyStore::open(&folder.join("keys"), "fixture", Argon::LEAST).unwrap();
    Env {
        keystore: Arc::new(keys),
        ..Home::new(1).env
    }
}

fn make(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let (vault, _) = Vault::create(&folder.join("vault.db"), ORIGIN, env_of(folder)).unwrap();
    let added = vault.add_many(seconds(0, 30)).unwrap();
    vault.seal(Seal::All).unwrap();
    vault
        .supersede(&added[3].rc, heart_rate(MARCH + 3_000, 99))
        .unwrap();
    vault.void(&added[4].rc, None).unwrap();
    let note = Body::Note {
        kind: "dentistry".into(),
        text: NoteBody::Text("no caries".into()),
    };
    vault.add(Record::typed(MARCH, 60, note)).unwrap();
    vault.erase(&added[5].rc).unwrap();
    pair_a_cuff(&vault);
    vault.compact().unwrap();
}

/// Since schema 2: a device, and a value of it that cannot be read.
fn pair_a_cuff(vault: &Vault) {
    let found = Found {
        peripheral: "F0:0D:BE:EF:00:02".into(),
        name: Some("BP Cuff".into()),
        services: vec![0x1810],
        rssi: None,
    };
    let confirmed = Proposal::of(found).confirm("Ada", Whose::User(1)).unwrap();
    let sensor = vault.keep_sensor(&confirmed, &Learned::default()).unwrap();
    let from = Characteristic {
        service: 0x1810,
        number: 0x2A35,
    };
    let bytes = vec![0x00, 121, 0];
    let item = Item {
        says: Err(Refused::Truncated),
        frames: vec![(from, MARCH, bytes)],
    };
    let intake = Intake {
        items: vec![item],
        cursor: Some(Cursor {
            service: 0x1810,
            through: 7,
            mark: Some(-3),
        }),
        ..Intake::default()
    };
    vault.take_in(&sensor.id, &intake, &|_| 60).unwrap();
}

#[test]
fn a_file_of_every_released_schema_opens_with_its_records() {
    if let Ok(name) = std::env::var("VITALWITNESS_NEW_FIXTURE") {
        make(&fixtures().join(name));
    }
    let mut seen = 0;
    for fixture in fs::read_dir(fixtures()).unwrap() {
        let fixture = fixture.unwrap().path();
        let folder = tempfile::tempdir().unwrap();
        for file in ["vault.db", "keys"] {
            fs::copy(fixture.join(file), folder.path().join(file)).unwrap();
        }
        let path = folder.path().join("vault.db");
        let vault = Vault::open(&path, env_of(folder.path())).unwrap();
        let found = vault.records(&Query::default()).unwrap().records;
        assert_eq!(found.len(), 31, "{}", fixture.display());
        let corrected = found.iter().filter(|found| found.corrected_by.is_some());
        assert_eq!(corrected.count(), 2);
        for found in &found {
            assert!(vault.record(&found.rc).unwrap().record == found.record);
        }
        vault.check().unwrap();
        vault.add(heart_rate(MARCH, 61)).unwrap();
        if fixture.ends_with("schema-1") {
            assert!(vault.sensors().unwrap().is_empty());
            pair_a_cuff(&vault);
        }
        let [cuff] = vault.sensors().unwrap().try_into().unwrap();
        assert_eq!((cuff.wearer.as_str(), cuff.whose), ("Ada", Whose::User(1)));
        assert_eq!((cuff.through(0x1810), cuff.counts.refused), (Some(7), 1));
        let frames = vault.frames(&cuff.id).unwrap();
        assert_eq!(frames[0].bytes, [0x00, 121, 0]);
        seen += 1;
    }
    assert!(seen >= 1, "no fixture");
}

/// The sealed rows of a file that hold records.
fn sealed(path: &Path) -> Vec<Vec<u8>> {
    let conn = rusqlite::Connection::open(path).unwrap();
    let mut found = Vec::new();
    for table in ["part", "body"] {
        let mut rows = conn
            .prepare(&format!("SELECT sealed FROM {table}"))
            .unwrap();
        let rows = rows.query_map([], |row| row.get(0)).unwrap();
        found.extend(rows.map(Result::unwrap));
    }
    found
}

fn holds(folder: &Path, bytes: &[u8]) -> bool {
    // a long row is spread over pages: a piece of it that stands in one
    let piece = &bytes[..bytes.len().min(64)];
    fs::read_dir(folder).unwrap().any(|file| {
        let file = fs::read(file.unwrap().path()).unwrap();
        file.windows(piece.len()).any(|window| window == piece)
    })
}

#[test]
fn the_copy_of_a_migration_goes_with_what_is_erased_or_at_the_next_open() {
    for erase in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        for file in ["vault.db", "keys"] {
            let from = fixtures().join("schema-1").join(file);
            fs::copy(from, folder.path().join(file)).unwrap();
        }
        let path = folder.path().join("vault.db");
        let rows = sealed(&path);
        assert!(rows.iter().all(|row| holds(folder.path(), row)));
        let vault = Vault::open(&path, env_of(folder.path())).unwrap();
        let copy = folder.path().join("vault.db.schema-1");
        assert!(copy.exists());
        if erase {
            let stream = vault.records(&Query::default()).unwrap().records;
            for found in stream {
                vault.erase(&found.rc).unwrap();
            }
            assert!(!copy.exists());
            for row in &rows {
                assert!(!holds(folder.path(), row), "erased, and in a file");
            }
        } else {
            vault.lock();
            drop(Vault::open(&path, env_of(folder.path())).unwrap());
            assert!(!copy.exists());
        }
    }
}

#[test]
fn erasing_all_removes_the_copy_of_a_migration() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["vault.db", "keys"] {
        let from = fixtures().join("schema-1").join(file);
        fs::copy(from, folder.path().join(file)).unwrap();
    }
    let path = folder.path().join("vault.db");
    let vault = Vault::open(&path, env_of(folder.path())).unwrap();
    vault.erase_all().unwrap();
    let left = fs::read_dir(folder.path()).unwrap();
    let left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["keys"]);
}

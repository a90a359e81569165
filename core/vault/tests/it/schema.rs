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
use vitalwitness_vault::ble::{Characteristic, Found, Intake, Item, Learned, Proposal, Whose};
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
        cursor: Some((0x1810, 7)),
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

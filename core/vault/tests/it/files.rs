//! Files in and out: imports, backups, and what the vault's own file shows.

use crate::support::{self, HEART_RATE, Home, MARCH, ORIGIN, heart_rate, seconds};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vitalwitness_domain::record::{Body, Context, NoteBody, Record};
use vitalwitness_vault::keys::{Fault, MemoryKeyStore};
use vitalwitness_vault::kit::Kit;
use vitalwitness_vault::store::BatchState;
use vitalwitness_vault::{
    Adopt, BackupError, Env, Error, Found, ImportEnd, ImportReport, Query, Seal, Sealer, Vault,
};

fn all(vault: &Vault) -> Vec<Found> {
    let query = Query {
        limit: 1_000_000,
        ..Query::default()
    };
    vault.records(&query).unwrap().records
}

/// An export with `count` heart rates, one a minute, and one type nobody knows.
fn export(count: i64) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<HealthData locale=\"en_GB\">\n\
         <Record type=\"HKQuantityTypeIdentifierNovelty\" sourceName=\"Watch\" unit=\"count\" \
         startDate=\"2026-03-01 00:00:00 +0100\" endDate=\"2026-03-01 00:00:00 +0100\" value=\"1\"/>\n",
    );
    for at in 0..count {
        let (hour, minute, day) = (at / 60 % 24, at % 60, 1 + at / 1440);
        writeln!(
            xml,
            "<Record type=\"HKQuantityTypeIdentifierHeartRate\" sourceName=\"Watch\" \
             unit=\"count/min\" startDate=\"2026-03-{day:02} {hour:02}:{minute:02}:00 +0100\" \
             endDate=\"2026-03-{day:02} {hour:02}:{minute:02}:00 +0100\" value=\"{}\"/>",
            60 + at % 40
        )
        .unwrap();
    }
    xml.push_str("</HealthData>\n");
    xml
}

fn import(vault: &Vault, path: &Path) -> ImportReport {
    let cancel = AtomicBool::new(false);
    vault.import(path, &|_| 60, &mut |_| {}, &cancel).unwrap()
}

#[test]
fn a_second_import_adds_nothing_also_after_sealing_and_beside_new_records() {
    let home = Home::new(1);
    let vault = home.create();
    vault.set_batch_limit(500).unwrap();
    let file = home.folder.path().join("export.xml");
    fs::write(&file, export(3_000)).unwrap();
    let report = import(&vault, &file);
    assert!(matches!(report.end, ImportEnd::Complete), "{report:?}");
    assert_eq!(
        (report.read, report.added, report.duplicates),
        (3_000, 3_000, 0)
    );
    assert_eq!(report.tally.skipped_in_all(), 1);

    let report = import(&vault, &file);
    assert_eq!((report.added, report.duplicates), (0, 3_000));
    vault.seal(Seal::All).unwrap();
    drop(vault);
    let vault = home.open();
    fs::write(&file, export(3_010)).unwrap();
    let report = import(&vault, &file);
    assert_eq!((report.added, report.duplicates), (10, 3_000));
    assert_eq!(all(&vault).len(), 3_010);
}

#[test]
fn a_broken_or_cancelled_import_keeps_what_came_before_and_goes_on_later() {
    let home = Home::new(2);
    let vault = home.create();
    let whole = export(2_000);
    let file = home.folder.path().join("export.xml");
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let report = import(&vault, &file);
    let ImportEnd::Failed(error) = &report.end else {
        panic!("{report:?}");
    };
    assert_eq!(error.code(), "import_truncated");
    assert!(report.added > 900, "{report:?}");
    assert_eq!(all(&vault).len() as u64, report.added);

    fs::write(&file, &whole).unwrap();
    let cancel = AtomicBool::new(true);
    let cancelled = vault.import(&file, &|_| 60, &mut |_| {}, &cancel).unwrap();
    assert!(matches!(cancelled.end, ImportEnd::Cancelled));
    cancel.store(false, Ordering::Relaxed);
    let rest = vault.import(&file, &|_| 60, &mut |_| {}, &cancel).unwrap();
    assert_eq!(rest.added + report.added, 2_000);
    assert_eq!(all(&vault).len(), 2_000);
}

#[test]
fn a_file_of_no_known_kind_says_so() {
    let home = Home::new(3);
    let vault = home.create();
    let file = home.folder.path().join("photo.jpg");
    fs::write(&file, [0xff, 0xd8, 0xff, 0xe0, 0, 16]).unwrap();
    for path in [file.as_path(), Path::new("/no/such/file")] {
        let report = import(&vault, path);
        let ImportEnd::Failed(error) = &report.end else {
            panic!("{report:?}");
        };
        let expect = if path == file {
            "import_unknown_format"
        } else {
            "import_read"
        };
        assert_eq!(error.code(), expect);
    }
}

fn with_backup(seed: u64) -> (Home, Kit, Vec<Found>) {
    let home = Home::new(seed);
    let (vault, kit) = Vault::create(&home.path(), ORIGIN, home.env.clone()).unwrap();
    vault.add_many(seconds(0, 300)).unwrap();
    vault.seal(Seal::All).unwrap();
    // more than one chunk once they are sealed
    vault.add_many(seconds(300, 20_000)).unwrap();
    let rc = vault.add(heart_rate(MARCH, 40)).unwrap().rc;
    vault.void(&rc, None).unwrap();
    vault.backup(&home.folder.path().join("backup")).unwrap();
    let found = all(&vault);
    (home, kit, found)
}

#[test]
fn a_restored_vault_holds_the_same_records_with_the_same_hashes() {
    let (home, kit, before) = with_backup(4);
    let from = home.folder.path().join("backup");
    let words = kit.words().unwrap();
    let kit = Kit::from_words(&words).unwrap();
    // another phone: other keys, another place
    let other = Home::new(5);
    let env = other.env.clone();
    let vault = Vault::restore_backup(&from, &kit, &other.path(), ORIGIN, env).unwrap();
    assert!(before == all(&vault));
    assert_eq!(vault.asked_words().unwrap(), None);
    vault.add(heart_rate(MARCH, 61)).unwrap();
    vault.seal(Seal::All).unwrap();
    drop(vault);
    let vault = other.open();
    assert_eq!(all(&vault).len(), before.len() + 1);
    for found in &before {
        assert!(vault.record(&found.rc).unwrap().record == found.record);
    }
}

/// Ids of the batches that records are in.
fn batches(vault: &Vault) -> BTreeSet<[u8; 16]> {
    all(vault).iter().map(|found| found.batch).collect()
}

#[test]
fn a_restored_vault_shares_no_open_batch_id_or_nonce_with_the_original() {
    let home = Home::new(101);
    let (one, kit) = Vault::create(&home.path(), ORIGIN, home.env.clone()).unwrap();
    let before = one.add(heart_rate(MARCH, 60)).unwrap();
    let from = home.folder.path().join("backup");
    one.backup(&from).unwrap();
    let shared = batches(&one);
    let other = Home::new(202);
    let two = Vault::restore_backup(&from, &kit, &other.path(), ORIGIN, other.env.clone()).unwrap();
    assert_eq!(shared, batches(&two));
    let of_one = one.add(heart_rate(MARCH + 1_000, 61)).unwrap();
    let of_two = two.add(heart_rate(MARCH + 1_000, 99)).unwrap();
    assert_ne!(of_one.rid, of_two.rid);
    one.seal(Seal::All).unwrap();
    two.seal(Seal::All).unwrap();
    assert_eq!(&batches(&one) & &batches(&two), shared);
    for batch in batches(&one) {
        let upload = one.upload(&batch).unwrap();
        let adopt = Adopt {
            expect: upload.expect,
            revision: upload.revision,
            sealer: Sealer::Device,
        };
        // the key of the stream came with the backup
        two.adopt(&adopt, &upload.bytes, BatchState::Stored)
            .unwrap();
    }
    assert_eq!(all(&two).len(), 3);
    for rc in [before.rc, of_one.rc, of_two.rc] {
        two.record(&rc).unwrap();
    }
}

#[test]
fn what_could_not_be_sealed_before_a_backup_is_restored_into_a_batch_of_its_own() {
    let home = Home::new(103);
    let keys = Arc::new(MemoryKeyStore::new());
    let env = Env {
        keystore: keys.clone(),
        ..home.env.clone()
    };
    let (one, kit) = Vault::create(&home.path(), ORIGIN, env).unwrap();
    one.add_many(seconds(0, 3)).unwrap();
    let from = home.folder.path().join("backup");
    keys.fail(Fault::Unavailable);
    one.backup(&from).unwrap();
    let held = all(&one);
    let other = Home::new(204);
    let two = Vault::restore_backup(&from, &kit, &other.path(), ORIGIN, other.env.clone()).unwrap();
    let hashes = |found: &[Found]| -> Vec<_> { found.iter().map(|f| (f.rc, f.rid)).collect() };
    assert_eq!(hashes(&held), hashes(&all(&two)));
    assert!(batches(&one).is_disjoint(&batches(&two)));
    one.seal(Seal::All).unwrap();
    two.seal(Seal::All).unwrap();
    assert!(batches(&one).is_disjoint(&batches(&two)));
    assert_eq!(hashes(&held), hashes(&all(&two)), "sealed with its hashes");
    drop(two);
    let two = other.open();
    assert_eq!(hashes(&held), hashes(&all(&two)));
}

#[test]
fn a_backup_that_cannot_be_restored_says_why_and_leaves_nothing() {
    let (home, kit, _) = with_backup(6);
    let whole = fs::read(home.folder.path().join("backup")).unwrap();
    let other_kit = Kit::generate(home.env.random.as_ref()).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let mut newer = whole.clone();
    newer[8] = 2;
    let mut longer = whole.clone();
    longer.push(0);
    let cases = [
        ("another kit", &whole[..], &other_kit, BackupError::OtherKit),
        (
            "cut in a chunk",
            &whole[..whole.len() - 7],
            &kit,
            BackupError::Truncated,
        ),
        (
            "cut between chunks",
            &whole[..172 + 4 + 65_552],
            &kit,
            BackupError::Truncated,
        ),
        ("no backup", b"hello", &kit, BackupError::NotBackup),
        ("flipped", &flipped, &kit, BackupError::Damaged),
        ("longer", &longer, &kit, BackupError::Damaged),
        ("newer", &newer, &kit, BackupError::Newer),
    ];
    for (case, bytes, kit, expect) in cases {
        let other = Home::new(7);
        let from = home.folder.path().join("case");
        fs::write(&from, bytes).unwrap();
        let env = other.env.clone();
        let error = Vault::restore_backup(&from, kit, &other.path(), ORIGIN, env).unwrap_err();
        assert!(
            matches!(&error, Error::Backup(found) if *found == expect),
            "{case}: {error:?}"
        );
        assert_eq!(
            fs::read_dir(other.folder.path()).unwrap().count(),
            0,
            "{case}"
        );
    }
}

#[test]
fn nothing_readable_is_in_the_file_its_log_or_a_backup() {
    let home = Home::new(8);
    let (vault, kit) = Vault::create(&home.path(), ORIGIN, home.env.clone()).unwrap();
    let mut record = Record::typed(
        MARCH,
        60,
        Body::Note {
            kind: "zxqvdentistry".into(),
            text: NoteBody::Text("zxqvcaries".into()),
        },
    );
    record.context = Some(Context {
        reason: Some("zxqvreason".into()),
        ..Context::default()
    });
    vault.add(record).unwrap();
    let marked = MARCH + 123_457;
    vault.add(heart_rate(marked, 123_456_789)).unwrap();
    vault.backup(&home.folder.path().join("backup")).unwrap();
    let look = |when: &str| {
        let mut needles: Vec<Vec<u8>> = ["zxqv", "8867-4", "loinc", "/min", ORIGIN]
            .map(|text| text.as_bytes().to_vec())
            .into();
        needles.extend([marked, 123_456_789].map(|number| number.to_string().into_bytes()));
        needles.push(marked.to_be_bytes()[2..].to_vec());
        needles.push(123_456_789_i32.to_be_bytes().to_vec());
        for file in fs::read_dir(home.folder.path()).unwrap() {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            for needle in &needles {
                let found = bytes.windows(needle.len()).any(|window| window == needle);
                assert!(!found, "{needle:?} in {} {when}", path.display());
            }
        }
    };
    assert!(home.path().with_extension("db-wal").exists());
    look("while open");
    vault.seal(Seal::All).unwrap();
    look("after sealing");
    drop(vault);
    look("when closed");
    drop(kit);
}

#[test]
fn no_debug_shows_a_value_a_word_or_a_key() {
    let home = Home::new(9);
    let (vault, kit) = Vault::create(&home.path(), ORIGIN, home.env.clone()).unwrap();
    let added = vault.add(heart_rate(MARCH, 987_654)).unwrap();
    let note = Body::Note {
        kind: "zxqvkind".into(),
        text: NoteBody::Text("zxqvtext".into()),
    };
    vault.add(Record::typed(MARCH, 60, note)).unwrap();
    let query = Query {
        code: Some(HEART_RATE.into()),
        ..Query::default()
    };
    let page = vault.records(&Query::default()).unwrap();
    let days = vault.day_summary(HEART_RATE, 0, i32::MAX).unwrap();
    let mut shown = format!(
        "{vault:?} {kit:?} {added:?} {query:?} {page:?} {days:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        vault.counts().unwrap(),
        vault.status().unwrap(),
        home.env.keystore,
        kit.kk(),
        vault.record(&[1; 32]).unwrap_err(),
        vault.add(heart_rate(-1, 987_654)).unwrap_err(),
    );
    for found in &page.records {
        write!(shown, "{:?} {:?}", found.record, found.record.body).unwrap();
    }
    let words = kit.words().unwrap();
    let march = MARCH.to_string();
    let secrets = [
        "987654",
        "zxqv",
        "8867-4",
        &march,
        words.as_str(),
        support::ORIGIN,
    ];
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

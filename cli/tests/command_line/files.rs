//! Files that come in and go out, and a service that is not there.

use crate::home::{Home, is_refused};
use crate::program::put;
use std::path::Path;

const EXPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<HealthData locale="en_GB">
 <ExportDate value="2026-05-13 10:00:00 +0200"/>
 <Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Watch" unit="count/min" creationDate="2026-05-13 08:10:00 +0200" startDate="2026-05-13 08:10:00 +0200" endDate="2026-05-13 08:10:00 +0200" value="62"/>
 <Record type="HKQuantityTypeIdentifierHeartRate" sourceName="Watch" unit="count/min" creationDate="2026-05-13 08:15:00 +0200" startDate="2026-05-13 08:15:00 +0200" endDate="2026-05-13 08:15:00 +0200" value="64"/>
 <Record type="HKQuantityTypeIdentifierInventedByNobody" sourceName="Watch" unit="x" creationDate="2026-05-13 08:15:00 +0200" startDate="2026-05-13 08:15:00 +0200" endDate="2026-05-13 08:15:00 +0200" value="1"/>
</HealthData>
"#;

/// An address of this machine where nobody listens.
fn nobody() -> String {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", socket.local_addr().unwrap())
}

fn records(home: &Home) -> usize {
    home.run(&["list", "--json"])
        .json()
        .as_array()
        .unwrap()
        .len()
}

#[test]
fn a_second_import_adds_nothing() {
    let home = Home::made();
    let file = put(home.0.path(), "export.xml", EXPORT.as_bytes());
    let first = home.run(&["import", &file, "--json"]);
    assert_eq!(first.exit, 0, "{first:?}");
    let first = first.json();
    assert_eq!(
        (&first["added"], &first["duplicates"]),
        (&2.into(), &0.into())
    );
    assert_eq!(first["skipped"][0]["reason"], "unknown_type");
    let second = home.run(&["import", &file, "--json"]).json();
    assert_eq!(
        (&second["added"], &second["duplicates"]),
        (&0.into(), &2.into())
    );
    assert_eq!(records(&home), 2);
}

#[test]
fn a_file_that_cannot_be_imported_is_refused_with_its_code() {
    let home = Home::made();
    home.run(&["add", "heart-rate", "60"]);
    let illegal = EXPORT.replace("Watch", "W\u{1}tch");
    let cut = &EXPORT[..EXPORT.len() - 200];
    let entity = EXPORT.replace(
        "<HealthData",
        "<!DOCTYPE HealthData [<!ENTITY a \"b\">]>\n<HealthData",
    );
    let entity = entity.replace("Watch", "&a;");
    for (name, bytes, code) in [
        ("illegal.xml", illegal.as_bytes(), "import_illegal_bytes"),
        ("cut.xml", cut.as_bytes(), "import_truncated"),
        ("entity.xml", entity.as_bytes(), "import_entity"),
        (
            "broken.zip",
            b"PK\x03\x04 and then nothing of the kind",
            "import_archive",
        ),
        ("other.bin", &[0, 1, 2, 3], "import_unknown_format"),
    ] {
        let file = put(home.0.path(), name, bytes);
        let ran = home.run(&["import", &file]);
        assert_eq!(ran.exit, 1, "{name}: {ran:?}");
        assert!(
            ran.err.trim_end().ends_with(&format!("[{code}]")),
            "{name}: {ran:?}"
        );
    }
    is_refused(
        &home.run(&["import", &home.path("absent")]),
        2,
        "unreadable",
    );
    assert!(records(&home) >= 1, "what was there stays");
}

#[test]
fn a_backup_opens_with_its_kit_and_no_other() {
    let home = Home::made();
    home.run(&["add", "heart-rate", "62"]);
    let backup = home.path("record.vwbackup");
    assert_eq!(home.run(&["backup", "-o", &backup]).exit, 0);
    let kit = home.path("kit.txt");
    let restored = home.path("restored");
    let args = [
        "restore", "--vault", &restored, "--kit", &kit, "--from", &backup,
    ];
    let ran = home.run(&args);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let listed = home.run(&["list", "--vault", &restored, "--json"]).json();
    let own = home.run(&["list", "--json"]).json();
    assert_eq!(listed[0]["record"], own[0]["record"]);
    is_refused(&home.run(&args), 2, "exists");

    let other = Home::made();
    let kit = other.path("kit.txt");
    let nowhere = home.path("nowhere");
    let args = [
        "restore", "--vault", &nowhere, "--kit", &kit, "--from", &backup,
    ];
    is_refused(&home.run(&args), 1, "kit_other_account");
    assert!(!Path::new(&nowhere).join("vault.db").exists());
}

#[test]
fn a_damaged_or_cut_backup_gives_no_record() {
    let home = Home::made();
    home.run(&["add", "heart-rate", "62"]);
    let backup = home.path("record.vwbackup");
    home.run(&["backup", "-o", &backup]);
    let whole = std::fs::read(&backup).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let kit = home.path("kit.txt");
    for (name, bytes, code) in [
        ("cut", &whole[..whole.len() - 40], "backup_truncated"),
        ("flipped", flipped.as_slice(), "backup_damaged"),
        ("other", b"not a backup at all".as_slice(), "not_backup"),
    ] {
        let from = put(home.0.path(), name, bytes);
        let to = home.path(&format!("to-{name}"));
        let ran = home.run(&["restore", "--vault", &to, "--kit", &kit, "--from", &from]);
        is_refused(&ran, 1, code);
        assert!(!Path::new(&to).join("vault.db").exists(), "{name}");
    }
}

#[test]
fn wrong_words_of_a_kit_restore_nothing_and_are_named() {
    let home = Home::made();
    home.run(&["backup", "-o", &home.path("b")]);
    let words = std::fs::read_to_string(home.path("kit.txt")).unwrap();
    let mut list: Vec<&str> = words.split_whitespace().collect();
    list[16] = "vitalwitness";
    let misspelt = put(home.0.path(), "misspelt", list.join(" ").as_bytes());
    let short = put(home.0.path(), "short", list[..12].join(" ").as_bytes());
    let swapped = {
        let mut list: Vec<&str> = words.split_whitespace().collect();
        list[0] = if list[0] == "zoo" { "abandon" } else { "zoo" };
        put(home.0.path(), "swapped", list.join(" ").as_bytes())
    };
    for (kit, code) in [
        (&misspelt, "kit_word"),
        (&short, "kit_word_count"),
        (&swapped, "kit_checksum"),
    ] {
        let to = home.path("to");
        let from = home.path("b");
        let ran = home.run(&["restore", "--vault", &to, "--kit", kit, "--from", &from]);
        is_refused(&ran, 1, code);
    }
    let ran = home.run(&["restore", "--vault", "x", "--kit", &misspelt, "--from", "y"]);
    assert!(ran.err.contains("Word 17"), "{ran:?}");
}

#[test]
fn a_paper_is_checked_to_the_last_word_before_and_after_it_was_confirmed() {
    let home = Home::made();
    let fits = home.run(&["confirm-kit", "--words", &home.path("kit.txt")]);
    assert_eq!(
        (fits.exit, fits.out.trim()),
        (0, "Your kit fits."),
        "{fits:?}"
    );
    let other = Home::made();
    let of_another = home.run(&["confirm-kit", "--words", &other.path("kit.txt")]);
    is_refused(&of_another, 1, "kit_other_account");

    let fresh = Home::empty();
    let kit = fresh.path("kit.txt");
    fresh.run(&["init", "--words-out", &kit]);
    let mut unconfirmed: Vec<String> = std::fs::read_to_string(&kit)
        .unwrap()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    unconfirmed[5] = "vitalwitness".to_owned();
    let wrong = put(fresh.0.path(), "wrong", unconfirmed.join(" ").as_bytes());
    is_refused(
        &fresh.run(&["confirm-kit", "--words", &wrong]),
        1,
        "kit_word",
    );
    assert_eq!(fresh.run(&["confirm-kit", "--words", &kit]).exit, 0);
}

#[test]
fn without_a_service_everything_waits_and_nothing_is_lost() {
    let home = Home::made();
    home.run(&["add", "heart-rate", "62"]);
    is_refused(&home.run(&["sync"]), 2, "not_connected");
    is_refused(&home.run(&["share-code"]), 2, "not_connected");
    is_refused(
        &home.run(&["trust", "-o", &home.path("t")]),
        2,
        "not_connected",
    );
    is_refused(&home.run(&["sync", "--cloud", &nobody()]), 5, "offline");
    is_refused(
        &home.run(&["sync", "--cloud", "http://records.example"]),
        2,
        "cloud_url",
    );
    is_refused(
        &home.run(&["sync", "--cloud", "not an address"]),
        2,
        "cloud_url",
    );
    let kit = home.path("kit.txt");
    let to = home.path("to");
    let ran = home.run(&[
        "restore",
        "--vault",
        &to,
        "--kit",
        &kit,
        "--cloud",
        &nobody(),
    ]);
    is_refused(&ran, 5, "offline");
    assert!(!Path::new(&to).exists());
    assert_eq!(records(&home), 1);
}

#[test]
fn a_grantee_without_a_key_or_a_service_is_told_what_to_do() {
    let home = Home::empty();
    let work = home.path("work");
    let out = home.path("out");
    is_refused(&home.run(&["shared", "--home", &work]), 2, "not_enrolled");
    is_refused(
        &home.run(&["fetch", "--home", &work, "--out", &out]),
        2,
        "not_enrolled",
    );
    let ran = home.run(&[
        "enrol",
        "--home",
        &work,
        "--cloud",
        &nobody(),
        "--code",
        "1",
        "--name",
        "Dr Ada Low",
    ]);
    is_refused(&ran, 5, "offline");
    assert!(!Path::new(&work).join("work.json").exists());
    is_refused(&home.run(&["report", &out]), 2, "unreadable");
    std::fs::create_dir(&out).unwrap();
    put(Path::new(&out), "records.json", b"{}");
    is_refused(&home.run(&["report", &out]), 2, "not_fetched");
}

#[test]
fn an_empty_record_says_what_to_do_next() {
    let home = Home::made();
    for (args, words) in [
        (vec!["list"], "No records yet."),
        (vec!["requests"], "Nobody asks."),
        (vec!["grants"], "Nobody can see your record."),
        (vec!["activity"], "Nobody has looked."),
    ] {
        let ran = home.run(&args);
        assert_eq!(ran.exit, 0, "{ran:?}");
        assert!(ran.out.contains(words), "{args:?}: {}", ran.out);
    }
    is_refused(&home.run(&["deny", "81ad"]), 2, "not_found");
    is_refused(&home.run(&["revoke", "81ad"]), 2, "not_found");
}

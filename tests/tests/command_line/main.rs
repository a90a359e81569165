//! The built program as people run it, against a real cloud: exit codes, and what it says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod enrol;
mod fetched;
mod flipped;
mod place;
mod proofs;

use place::Place;
use serde_json::Value;
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_goes_its_whole_way_by_the_program_alone() {
    let place = Place::new().await;
    let records = place.patient();
    let (receipt, trust) = (place.path("one.vwr"), place.path("trust.json"));
    place
        .run("me", &["receipt", &records[0], "-o", &receipt])
        .done();
    place.run("me", &["trust", "-o", &trust]).done();
    let verify = ["verify", &receipt, "--trust", &trust];
    let facts = place.run("nobody", &verify).done();
    // [4([0, 61]), "/min"], in slot 5
    let value = facts["facts"]["disclosed"]["fields"][5].to_string();
    assert!(value.contains("c48200183d642f6d696e"), "{facts}");
    // in the record hash
    let mut bytes = std::fs::read(&receipt).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&receipt, bytes).unwrap();
    let changed = place.run("nobody", &verify);
    assert_eq!(changed.exit, 1, "{changed:?}");

    place.clinic("clinic", "Dr Ada Low").await;
    let grant = place.share("clinic");
    let shared = place.run("clinic", &["shared"]).done();
    assert_eq!(shared["grants"].as_array().unwrap().len(), 1, "{shared}");
    assert_eq!(place.fetched("clinic", "first"), 3);
    place.run("me", &["sync"]).done();
    let looked = place.text("me", &["activity"]);
    assert!(looked.out.contains("Seehof Clinic"), "{looked:?}");
    place.run("me", &["revoke", &grant]).done();
    place.run("me", &["sync"]).done();
    let out = place.path("second");
    let again = place.run("clinic", &["fetch", "--out", &out, &grant]);
    again.refused(4, "grant_revoked");
    assert!(!Path::new(&out).exists(), "nothing is written");

    // the account ends with the words alone
    let wrong = place.path("wrong.txt");
    let other = place.path("other");
    let init = ["init", "--words-out", &wrong, "--confirm-words", &wrong];
    place.run(&other, &init).done();
    let erase = |kit: &str| place.run("me", &["erase", "--account", "--yes", "--kit", kit]);
    erase(&wrong).refused(1, "kit_other_account");
    place.run("me", &["sync"]).done();
    let erased = erase(&place.path("kit.txt")).done();
    assert_eq!(erased["erased"], 3);
    place.run("me", &["sync"]).refused(2, "no_vault");
    let (url, kit) = (place.url(), place.path("kit.txt"));
    let back = ["restore", "--kit", &kit, "--cloud", &url];
    assert_eq!(
        place.run("back", &back).exit,
        4,
        "the service knows no such account"
    );
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_reads_once_a_colleague_lets_them_in_and_no_longer_than_certified() {
    let place = Place::new().await;
    place.patient();
    let first = place.clinic("ada", "Dr Ada Low").await;
    assert_eq!(first["waiting"], false);
    place.share("ada");
    let organisation = first["organisation"].as_str().unwrap();
    let codes = format!("/v1/operator/organisations/{organisation}/codes");
    let code = place.code(&codes, None).await;
    let second = place.enrol("eva", "Eva Roth", &code);
    assert_eq!(second["waiting"], true);
    assert_eq!(second["organisation"], first["organisation"]);
    let out = place.path("early");
    let early = place.run("eva", &["fetch", "--out", &out]);
    early.refused(4, "not_admitted");
    assert!(!Path::new(&out).exists(), "nothing is written");

    let listed = place.run("ada", &["colleagues"]).done();
    let state = |name: &str| -> String {
        let listed = place.run("ada", &["colleagues"]).done();
        let persons = listed["colleagues"].as_array().unwrap().clone();
        let found = persons.iter().find(|it| it["name"] == name).unwrap();
        found["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(listed["colleagues"].as_array().unwrap().len(), 2);
    assert_eq!(listed["colleagues"][1]["key"], second["person"]);
    assert_eq!(
        (state("Dr Ada Low"), state("Eva Roth")),
        ("can read".into(), "waiting".into())
    );
    place
        .run("ada", &["admit", "Eva Roth"])
        .refused(2, "no_terminal");
    place
        .run("ada", &["admit", "Nobody", "--yes"])
        .refused(2, "not_found");
    let admitted = place.run("ada", &["admit", "eva roth", "--yes"]).done();
    assert_eq!(admitted["admitted"], second["person"]);
    place
        .run("ada", &["admit", "Eva Roth", "--yes"])
        .refused(4, "admitted");
    assert_eq!(state("Eva Roth"), "can read");
    assert_eq!(place.fetched("eva", "eva-first"), 3);

    // who was let in lets in
    let code = place.code(&codes, None).await;
    let third = place.enrol("tom", "Tom Lee", &code);
    let key = third["person"].as_str().unwrap();
    place.run("eva", &["admit", &key[..8], "--yes"]).done();
    assert_eq!(place.fetched("tom", "tom-first"), 3);

    let papers = std::fs::read_to_string(Path::new(&place.path("eva")).join("work.json")).unwrap();
    let papers: Value = serde_json::from_str(&papers).unwrap();
    let certificate: vitalwitness_domain::wire::Bytes =
        serde_json::from_value(papers["person_certificate"].clone()).unwrap();
    let hash = hex::encode(vitalwitness_proof::sha256(&[&certificate.0]));
    let revoke = format!("/v1/operator/certificates/{hash}/revoke");
    place.operator(&revoke, None).await;
    let out = place.path("eva-second");
    let gone = place.run("eva", &["fetch", "--out", &out]);
    gone.refused(4, "certificate_refused");
    assert!(!Path::new(&out).exists(), "nothing is written");
    assert_eq!(state("Eva Roth"), "taken back");
    assert_eq!(place.fetched("tom", "tom-second"), 3, "the others read on");
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_ends_with_another_code_than_0_while_a_full_account_keeps_entries_here() {
    let place = Place::with(|config| config.limits.quota_bytes = 3_000).await;
    place.patient();
    let mut ended = 0;
    for month in 1..=12 {
        let at = format!("2025-{month:02}-03T08:00");
        place
            .run("me", &["add", "heart-rate", "64", "--at", &at])
            .done();
        ended = place.run("me", &["sync"]).exit;
        if ended != 0 {
            break;
        }
    }
    assert_eq!(ended, 6);
    let said = place.text("me", &["sync"]);
    assert_eq!(said.exit, 6);
    assert!(
        said.err.trim_end().ends_with("[quota_exceeded]"),
        "{said:?}"
    );
    assert!(said.out.contains("Waiting"), "{said:?}");
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_and_bars_are_for_terminals_and_no_color_is_honoured() {
    let place = Place::new().await;
    place.patient();
    let escape = '\u{1b}';
    assert!(place.seen("me", &["list"], &[]).contains(escape));
    let plain = place.seen("me", &["list"], &[("NO_COLOR", "1")]);
    assert!(!plain.contains(escape) && plain.contains("62"), "{plain:?}");
    let piped = place.text("me", &["list"]);
    assert!(!piped.out.contains(escape) && piped.out.contains("62"));
    assert!(!place.seen("me", &["list", "--json"], &[]).contains(escape));

    let table = place.path("many.csv");
    let rows: Vec<String> = (0..4_000)
        .map(|row| {
            let (day, hour, minute) = (row / 1_440 + 1, row / 60 % 24, row % 60);
            let at = format!("2025-03-{day:02}T{hour:02}:{minute:02}:00Z");
            format!("loinc|8867-4,{at},,{},/min,typed,\r\n", 60 + row % 30)
        })
        .collect();
    let head = "code,start,end,value,unit,source,note\r\n";
    std::fs::write(&table, format!("{head}{}", rows.concat())).unwrap();
    let seen = place.seen("me", &["import", &table], &[]);
    assert!(
        seen.contains("4,000") && seen.contains("Importing"),
        "{seen:?}"
    );
    let again = place.text("me", &["import", &table]);
    assert_eq!(again.err, "");
    assert!(!again.out.contains("Importing"), "{again:?}");
    place.server.shutdown().await;
}

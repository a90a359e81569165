//! What a person shows others, and finds out: bundles, completeness, leaks, lists that differ.

use crate::place::Place;
use serde_json::{Value, json};
use std::path::Path;
use vitalwitness_cloud::{Config, Server};

impl Place {
    /// Writes the trust file; gives its path.
    fn trust(&self) -> String {
        let trust = self.path("trust.json");
        self.run("me", &["trust", "-o", &trust, "--replace"]).done();
        trust
    }

    /// What who was given a file reads in it.
    fn read(&self, file: &str) -> String {
        let told = self.text("nobody", &["verify", file, "--trust", &self.trust()]);
        assert_eq!(told.exit, 0, "{told:?}");
        told.out
    }

    fn verify(&self, file: &str) -> crate::place::Ran {
        self.run("nobody", &["verify", file, "--trust", &self.trust()])
    }
}

/// Changes a byte in the middle of a file.
fn change(file: &str) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_records_is_written_checked_and_refused_when_it_was_changed() {
    let place = Place::new().await;
    let records = place.patient();
    // listed at another time: brought under one head
    let late = ["add", "heart-rate", "64", "--at", "2026-01-08T08:00"];
    place.run("me", &late).done();
    place.run("me", &["sync"]).done();
    let all = place.path("all.vwb");
    let give = ["receipt", "--code", "heart-rate", "--bundle", "-o", &all];
    let given = place.run("me", &give).done();
    assert_eq!(given["records"], 4);
    let size = std::fs::metadata(&all).unwrap().len();
    assert_eq!(given["bytes"], size);
    place.run("me", &give).refused(2, "exists");
    place.verify(&all).done();
    let told = place.read(&all);
    for value in [
        "61 per minute",
        "62 per minute",
        "63 per minute",
        "64 per minute",
    ] {
        assert!(told.contains(value), "{told}");
    }
    // two of them, without the value
    let two = place.path("two.vwb");
    let give = ["receipt", &records[0], &records[2], "--bundle", "-o", &two];
    let given = place.run("me", &[&give[..], &["--fields", "time"]].concat());
    assert_eq!(given.done()["records"], 2);
    let facts = place.verify(&two).done().to_string();
    assert!(facts.contains(&records[0]) && facts.contains(&records[2]));
    assert!(!facts.contains(&records[1]), "{facts}");
    assert!(
        !place.read(&two).contains("per minute"),
        "no value is shown"
    );
    // a folder of receipts, each checked by itself
    let folder = place.path("receipts");
    let give = ["receipt", &records[0], &records[1], "-o", &folder];
    assert_eq!(place.run("me", &give).done()["records"], 2);
    for receipt in std::fs::read_dir(&folder).unwrap() {
        place
            .verify(receipt.unwrap().path().to_str().unwrap())
            .done();
    }
    change(&all);
    assert_eq!(place.verify(&all).exit, 1);
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completeness_proof_says_first_what_it_reveals_and_counts_what_is_left_out() {
    let place = Place::new().await;
    place.patient();
    for (value, day) in [("64", 8), ("65", 9), ("66", 10), ("67", 11)] {
        let at = format!("2026-01-{day:02}T08:00");
        let add = ["add", "heart-rate", value, "--at", &at];
        place.run("me", &add).done();
    }
    let weight = ["add", "weight", "81.5", "--at", "2026-01-06T09:00"];
    place.run("me", &weight).done();
    place.run("me", &["sync"]).done();
    let file = place.path("days.vwc");
    let ask = |from: &str, to: &str, more: &[&str]| {
        let days = [
            "completeness",
            "--category",
            "personal",
            "--from",
            from,
            "--to",
            to,
        ];
        place.text("me", &[&days[..], &["-o", &file], more].concat())
    };
    let told = ask("2026-01-05", "2026-01-06", &[]);
    assert_eq!(told.exit, 0, "{told:?}");
    assert!(told.out.contains("3 of 3 in these days"), "{told:?}");
    assert!(told.out.contains("Nothing was written"), "{told:?}");
    assert!(!told.out.contains("Not shown"), "{told:?}");
    assert!(
        !told.out.contains("Edges"),
        "no entry beside them is opened: {told:?}"
    );
    assert!(!Path::new(&file).exists());

    // the last day ends within a set of four: the entry after it is opened as far as its time
    let heart = ["--codes", "heart-rate"];
    let said = ask(
        "2026-01-05",
        "2026-01-09",
        &[&heart[..], &["--json"]].concat(),
    );
    let said: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&said["shown"], &said["of"]), (&json!(5), &json!(6)));
    assert_eq!((&said["file"], &said["edges"]), (&Value::Null, &json!(1)));
    let told = ask(
        "2026-01-05",
        "2026-01-09",
        &[&heart[..], &["--yes"]].concat(),
    );
    assert!(told.out.contains("Not shown"), "{told:?}");
    assert!(told.out.contains("1 entry next to these days"), "{told:?}");
    let facts = place.verify(&file).done();
    let facts = &facts["facts"];
    assert_eq!(
        (&facts["shown"], &facts["of"]),
        (&json!(5), &json!(6)),
        "{facts}"
    );
    let bytes = std::fs::read(&file).unwrap();
    let shows = |code: &str| {
        bytes
            .windows(code.len())
            .any(|part| part == code.as_bytes())
    };
    assert!(shows("8867-4"));
    assert!(!shows("29463-7"), "no code of what is left out");
    change(&file);
    assert_eq!(place.verify(&file).exit, 1);
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_copy_names_who_looked_and_without_ids_is_ranked() {
    let place = Place::new().await;
    place.patient();
    place.clinic("clinic", "Dr Ada Low").await;
    place.share("clinic");
    assert_eq!(place.fetched("clinic", "out"), 3);
    place.run("me", &["sync"]).done();
    let csv = Path::new(&place.path("out")).join("records.csv");
    let csv = std::fs::read_to_string(csv).unwrap();
    let leak = |name: &str, text: &str| {
        let file = place.path(name);
        std::fs::write(&file, text).unwrap();
        place.run("me", &["trace", &file])
    };
    let named = leak("leak.csv", &csv);
    let traced = named.done();
    assert_eq!(traced["how"], "ROW_IDS", "{traced}");
    assert_eq!(
        traced["suspects"][0]["organisation"]["name"],
        "Seehof Clinic"
    );
    assert_eq!(traced["suspects"][0]["person"]["name"], "Dr Ada Low");
    assert_eq!(traced["suspects"][0]["rows"], 3);

    // one row of it, and the column of ids cut away
    let mut lines = csv.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let id = head.iter().position(|name| *name == "row").unwrap();
    let cut: Vec<String> = csv
        .lines()
        .map(|line| {
            let mut cells: Vec<&str> = line.split(',').collect();
            cells.remove(id);
            cells.join(",")
        })
        .collect();
    let ranked = leak("cut.csv", &cut.join("\n"));
    assert_eq!(ranked.exit, 3, "{ranked:?}");
    let traced: Value = serde_json::from_str(&ranked.out).unwrap();
    assert_eq!(traced["how"], "LOGGED_ACCESS", "{traced}");
    assert_eq!(
        traced["suspects"][0]["organisation"]["name"],
        "Seehof Clinic"
    );

    let other = leak(
        "other.csv",
        "time,code,value\n2020-01-01T00:00:00Z,8867-4,199\n",
    );
    assert_eq!(other.exit, 3, "{other:?}");
    let traced: Value = serde_json::from_str(&other.out).unwrap();
    assert_eq!(
        (&traced["how"], &traced["own"]),
        (&json!("NOTHING"), &json!(0))
    );
    place.server.shutdown().await;
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, to).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lists_of_one_log_become_evidence_that_anyone_checks() {
    let mut place = Place::new().await;
    place.patient();
    let trust = place.trust();
    let nothing = place
        .run("me", &["evidence", "--out", &place.path("none")])
        .done();
    assert_eq!(nothing, json!({"evidence": [], "to_be_checked": 0}));
    assert!(!Path::new(&place.path("none")).exists());

    // a second cloud with a copy of everything, the log's key too, tells bob another story
    let folder = place.dir.path().to_owned();
    place.server.shutdown().await;
    copy(&folder.join("cloud"), &folder.join("copy"));
    place.server = Server::start(Config::new(folder.join("cloud")))
        .await
        .unwrap();
    let second = Server::start(Config::new(folder.join("copy")))
        .await
        .unwrap();
    place.clinic("clinic", "Dr Ada Low").await;
    let (url, kit) = (format!("http://{}", second.addr()), place.path("bob.txt"));
    let init = [
        "init",
        "--cloud",
        &url,
        "--words-out",
        &kit,
        "--confirm-words",
        &kit,
    ];
    place.run("bob", &init).done();
    let add = |who: &str, value: &str| {
        let at = format!("2026-02-01T08:{value}");
        let added = place
            .run(who, &["add", "heart-rate", value, "--at", &at])
            .done();
        added["record"].as_str().unwrap().to_owned()
    };
    // a receipt, and how long the list is that it speaks of
    let receipt = |who: &str, record: &str| {
        let file = place.path(&format!("{who}.vwr"));
        let give = ["receipt", record, "-o", &file, "--replace"];
        place.run(who, &give).done();
        let size = place.verify(&file).done()["facts"]["logged"]["size"]
            .as_u64()
            .unwrap();
        (file, size)
    };
    let record = add("bob", "31");
    place.run("bob", &["sync"]).done();
    let (bobs, wanted) = receipt("bob", &record);
    let own = place.url();
    let mut size = 0;
    for value in 40..59 {
        let record = add("me", &value.to_string());
        place.run("me", &["sync", "--cloud", &own]).done();
        size = receipt("me", &record).1;
        if size >= wanted {
            break;
        }
    }
    assert_eq!(size, wanted);
    a_clinic_that_meets_both_finds_it(&place, &bobs, &trust);
    let found = place.path("found");
    let caught = place.run("me", &["compare", &bobs, "--offline", "--out", &found]);
    assert_eq!(caught.exit, 1, "{caught:?}");
    let said: Value = serde_json::from_str(&caught.out).unwrap();
    assert_eq!(said["compared"], "FORK");
    // kept, and written again
    let again = place.path("again");
    let kept = place.run("me", &["evidence", "--out", &again]).done();
    assert_eq!(kept["evidence"][0]["code"], "FORK");
    let file = kept["evidence"][0]["file"].as_str().unwrap();
    let (first, second_file) = (said["evidence"].as_str().unwrap(), file);
    assert_eq!(
        std::fs::read(first).unwrap(),
        std::fs::read(second_file).unwrap()
    );
    let check = ["verify", "--evidence", file, "--trust", &trust];
    let proven = place.run("nobody", &check).done();
    assert_eq!(proven["evidence"]["code"], "FORK");
    assert_eq!(proven["evidence"]["proven"], true);
    let told = place.text("nobody", &check);
    assert!(told.out.starts_with("Two lists"), "{told:?}");
    // one of its notes changed: no evidence
    let text = std::fs::read_to_string(file).unwrap();
    let word = text.find("before").unwrap() + 60;
    let mut bytes = text.into_bytes();
    bytes[word] ^= 1;
    std::fs::write(file, bytes).unwrap();
    assert_ne!(place.run("nobody", &check).exit, 0);
    // and the list is believed no more
    assert_eq!(place.run("me", &["sync"]).exit, 1);
    place.server.shutdown().await;
    second.shutdown().await;
}

/// The clinic compares a receipt of each patient: one is of its own list, the other proves two.
fn a_clinic_that_meets_both_finds_it(place: &Place, bobs: &str, trust: &str) {
    let (mine, home) = (place.path("me.vwr"), place.path("clinic"));
    place.run("clinic", &["shared"]).done();
    let met = |receipt: &str| {
        let out = place.path("found-by-clinic");
        let compare = ["compare", receipt, "--home", &home, "--out", &out];
        place.run("clinic", &compare)
    };
    assert_eq!(met(&mine).done()["compared"], "SAME_LIST");
    let caught = met(bobs);
    assert_eq!(caught.exit, 1, "{caught:?}");
    let said: Value = serde_json::from_str(&caught.out).unwrap();
    assert_eq!(said["compared"], "FORK");
    let file = said["evidence"].as_str().unwrap();
    let check = ["verify", "--evidence", file, "--trust", trust];
    let proven = place.run("nobody", &check).done();
    assert_eq!(proven["evidence"]["proven"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withdrawn_or_replaced_is_told_before_a_receipt_of_it_is_given() {
    let place = Place::new().await;
    place.patient();
    let add = |value: &str, day: u8| {
        let at = format!("2026-01-{day:02}T08:00");
        let added = place.run("me", &["add", "heart-rate", value, "--at", &at]);
        added.done()["record"].as_str().unwrap().to_owned()
    };
    let (first, second, third) = (add("61", 8), add("62", 9), add("63", 10));
    let by = |args: &[&str]| {
        let done = place.run("me", args).done();
        done["record"].as_str().unwrap().to_owned()
    };
    let replaces = by(&["correct", &first, "heart-rate", "99"]);
    let withdraws = by(&["void", &second]);
    place.run("me", &["sync"]).done();

    let file = place.path("one.vwr");
    let give = |record: &str| {
        let args = ["receipt", record, "-o", &file, "--replace"];
        place.run("me", &args).done()["later"].clone()
    };
    assert_eq!(give(&first), json!([{"record": first, "by": replaces}]));
    assert_eq!(give(&second), json!([{"record": second, "by": withdraws}]));
    assert_eq!(give(&third), json!([]));
    let told = place.text("me", &["receipt", &second, "-o", &file, "--replace"]);
    assert!(told.err.contains("was withdrawn or replaced"), "{told:?}");

    let days = |from: &str, category: &str| {
        let days = ["completeness", "--category", category, "--from", from];
        let rest = ["--to", "2026-01-31", "-o", &file];
        place.run("me", &[&days[..], &rest].concat())
    };
    let said = days("2026-01-01", "personal").done();
    assert_eq!(said["withdrawn_or_replaced"], json!(2));
    days("2026-02-01", "personal").refused(2, "period_ends_before_it_begins");
    days("2026-01-01", "insurance").refused(3, "nothing_listed");

    for (url, exit) in [
        ("javascript:alert(1)", 2),
        ("log.example", 2),
        ("https://", 2),
        ("https://log.example/", 0),
    ] {
        let out = place.path("one.chp.json");
        let export = ["export", &file, "--as", "chainpoint", "--log-url", url];
        let args = [&export[..], &["-o", &out, "--replace"]].concat();
        assert_eq!(place.text("me", &args).exit, exit, "{url}");
    }
    let text = std::fs::read_to_string(place.path("one.chp.json")).unwrap();
    assert!(text.contains("https://log.example/calendar/"), "{text}");
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_a_chainpoint_export_leads_to_is_at_the_address_it_names() {
    let place = Place::new().await;
    let records = place.patient();
    let (file, out) = (place.path("one.vwr"), place.path("one.chp.json"));
    place
        .run("me", &["receipt", &records[0], "-o", &file])
        .done();
    let url = place.url();
    let export = ["export", &file, "--as", "chainpoint", "--log-url", &url];
    place
        .run("me", &[&export[..], &["-o", &out]].concat())
        .done();
    // the log goes on: the root is that of its first entries
    place.run("me", &["add", "heart-rate", "70"]).done();
    place.run("me", &["sync"]).done();

    let trust = place.path("trust.json");
    place.run("me", &["trust", "-o", &trust]).done();
    let shown = place.run("nobody", &["verify", &out, "--trust", &trust]);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    let anchor = &shown["foreign"]["anchors"][0];
    let uri = anchor["uris"][0].as_str().unwrap();
    let path = uri.strip_prefix(&url).unwrap();
    let (status, body) = place.answered(path).await;
    let value = anchor["value"].as_str().unwrap();
    assert_eq!((status, body.as_slice()), (200, value.as_bytes()), "{uri}");

    let size = path.trim_end_matches("/data").rsplit('.').next().unwrap();
    let sized = |other: &str| path.replace(&format!(".{size}/data"), &format!(".{other}/data"));
    for wrong in [
        sized("0"),
        sized("1000000"),
        sized(&format!("0{size}")),
        sized("-1"),
        sized("18446744073709551616"),
        path.replace("vitalwitness.local", "log.example"),
        path.replace("vw.", "fabric."),
        "/calendar/1/data".to_owned(),
    ] {
        assert_eq!(place.answered(&wrong).await.0, 404, "{wrong}");
    }
    let (_, document) = place.answered("/v1/openapi.json").await;
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert!(document["paths"]["/calendar/{id}/data"]["get"].is_object());
    place.server.shutdown().await;
}

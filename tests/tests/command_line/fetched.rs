//! What a clinic fetched, falsified afterwards: `report` and `verify` name every record of it.

use crate::place::Place;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

struct Folder(PathBuf);

impl Folder {
    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn rows(&self) -> Vec<Value> {
        serde_json::from_str(&self.text("records.json")).unwrap()
    }

    fn put_rows(&self, rows: &[Value]) {
        self.put("records.json", &Value::from(rows).to_string());
    }
}

/// (record, file) of each that is named so.
fn named(said: &Value, how: &str) -> Vec<(String, String)> {
    let word = |it: &Value| it.as_str().unwrap().to_owned();
    let all = said[how].as_array().unwrap();
    let mut named: Vec<_> = all
        .iter()
        .map(|it| (word(&it["record"]), word(&it["file"])))
        .collect();
    named.sort();
    named
}

/// A clinic's folder of nine records, each with its receipt.
async fn fetched() -> (Place, Folder) {
    let place = Place::new().await;
    place.patient();
    for (value, day) in [
        ("64", 8),
        ("65", 9),
        ("66", 10),
        ("67", 11),
        ("68", 12),
        ("69", 13),
    ] {
        let at = format!("2026-01-{day:02}T08:00");
        place
            .run("me", &["add", "heart-rate", value, "--at", &at])
            .done();
    }
    place.run("me", &["sync"]).done();
    place.clinic("clinic", "Dr Ada Low").await;
    place.share_of("clinic", 9);
    assert_eq!(place.fetched("clinic", "ward"), 9);
    let folder = Folder(Path::new(&place.path("ward")).to_owned());
    (place, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_that_was_falsified_after_a_fetch_is_named_and_no_other() {
    let (place, folder) = fetched().await;
    let dir = folder.0.to_str().unwrap().to_owned();
    let trust = folder.0.join("trust.json");
    let trust = trust.to_str().unwrap().to_owned();
    let report = || place.run("nobody", &["report", &dir]);
    let verify = || place.run("nobody", &["verify", &dir, "--trust", &trust]);
    let honest = report().done();
    assert_eq!(honest["receipts"]["unchanged"], 9);
    assert_eq!(honest["rows"], json!({"all": 9, "with_receipt": 9}));
    verify().done();

    let rows = folder.rows();
    let csv = folder.text("records.csv");
    let record = |at: usize| rows[at]["record"].as_str().unwrap().to_owned();
    let invented = "ab".repeat(32);
    let all = |said: &Value| ["changed", "missing", "added", "moved"].map(|how| named(said, how));
    let of = |file: &str, records: &[String]| -> Vec<(String, String)> {
        let mut all: Vec<_> = records
            .iter()
            .map(|it| (it.clone(), file.to_owned()))
            .collect();
        all.sort();
        all
    };
    let expected = |file: &str| {
        [
            of(file, &[record(1)]),
            of(file, &[record(4)]),
            of(file, std::slice::from_ref(&invented)),
            of(file, &[record(2), record(7)]),
        ]
    };

    let mut forged = rows.clone();
    forged[1]["parts"][0]["value"] = json!("162");
    forged.swap(2, 7);
    let mut new = rows[5].clone();
    new["record"] = json!(invented);
    new["receipt"] = Value::Null;
    new["parts"][0]["value"] = json!("40");
    forged.insert(6, new);
    forged.remove(4);
    folder.put_rows(&forged);
    for ran in [report(), verify()] {
        assert_eq!(ran.exit, 1, "{ran:?}");
        let said: Value = serde_json::from_str(&ran.out).unwrap();
        // records.csv still is as it was: what it lacks is the row that only records.json has
        assert_eq!(all(&said), expected("records.json"), "{said}");
        assert_eq!(said["changed"][0]["fields"], json!(["parts"]));
    }
    let told = place.text("nobody", &["report", &dir]).out;
    assert!(told.starts_with("Changed"), "{told}");
    for words in [
        format!(
            "Changed: record {} in records.json, row 2: parts",
            record(1)
        ),
        format!("Missing: record {}", record(4)),
        format!("Added: record {invented}"),
        format!("Re-ordered: record {}", record(7)),
    ] {
        assert!(told.contains(&words), "{words}: {told}");
    }

    // the same in the table that people open
    folder.put_rows(&rows);
    let mut lines: Vec<String> = csv.lines().map(str::to_owned).collect();
    lines[2] = lines[2].replace(",62,", ",162,");
    lines.swap(3, 8);
    let new = lines[6].replace(&record(5), &invented);
    lines.insert(7, new);
    lines.remove(5);
    folder.put("records.csv", &(lines.join("\n") + "\n"));
    for ran in [report(), verify()] {
        assert_eq!(ran.exit, 1, "{ran:?}");
        let said: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(all(&said), expected("records.csv"), "{said}");
        assert_eq!(said["changed"][0]["fields"], json!(["value"]));
    }
    folder.put("records.csv", &csv);
    report().done();

    // a receipt that is gone or changed
    let name = rows[3]["receipt"].as_str().unwrap();
    let receipt = std::fs::read(folder.0.join(name)).unwrap();
    let cut = &receipt[..receipt.len() - 1];
    std::fs::write(folder.0.join(name), cut).unwrap();
    let said: Value = serde_json::from_str(&report().out).unwrap();
    assert_eq!(said["receipts"]["changed"], json!([name]));
    assert_eq!(
        named(&said, "changed"),
        of("records.json", &[record(3)]),
        "{said}"
    );
    std::fs::remove_file(folder.0.join(name)).unwrap();
    assert_eq!(report().exit, 1);
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_whose_tables_are_gone_is_not_called_unchanged() {
    let (place, folder) = fetched().await;
    let dir = folder.0.to_str().unwrap().to_owned();
    let trust = folder.0.join("trust.json").to_str().unwrap().to_owned();
    let verify = || place.run("nobody", &["verify", &dir, "--trust", &trust]);
    std::fs::remove_file(folder.0.join("records.csv")).unwrap();
    assert_eq!(verify().done()["tables"], json!(["records.json"]));
    let told = place.text("nobody", &["verify", &dir, "--trust", &trust]);
    assert!(told.out.contains("records.csv is not here"), "{told:?}");
    std::fs::remove_file(folder.0.join("records.json")).unwrap();
    for ran in [verify(), place.run("nobody", &["report", &dir])] {
        assert_eq!(ran.exit, 1, "{ran:?}");
        let said: Value = serde_json::from_str(&ran.out).unwrap();
        let gone = ["records.csv", "records.json"].map(|it| (String::new(), it.to_owned()));
        assert_eq!(named(&said, "missing")[..2], gone, "{said}");
        assert_eq!(said["missing"].as_array().unwrap().len(), 2, "{said}");
    }
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_no_receipt_vouches_for_is_not_called_unchanged_or_changed() {
    let (place, folder) = fetched().await;
    let dir = folder.0.to_str().unwrap().to_owned();
    let trust = folder.0.join("trust.json").to_str().unwrap().to_owned();
    // trust in nobody
    let stranger = place.path("stranger.json");
    let none = r#"{"schema":"vw-trust/1","logs":[],"keys":[],"fabric":[],"tsa":[]}"#;
    std::fs::write(&stranger, none).unwrap();
    let ran = place.run("nobody", &["verify", &dir, "--trust", &stranger]);
    assert_eq!(ran.exit, 3, "{ran:?}");
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["verdict"], "cannot_tell");
    assert_eq!(said["receipts"]["changed"], json!([]));
    assert_eq!(said["receipts"]["cannot_tell"].as_array().unwrap().len(), 9);
    assert_eq!(said["receipts"]["cannot_tell"][0]["code"], "ORIGIN_UNKNOWN");
    assert_eq!(named(&said, "changed"), []);

    // the receipts and what counts them are gone, and a value is changed
    std::fs::remove_dir_all(folder.0.join("receipts")).unwrap();
    std::fs::remove_file(folder.0.join("fetch.json")).unwrap();
    std::fs::remove_file(folder.0.join("records.csv")).unwrap();
    let mut rows = folder.rows();
    for row in &mut rows {
        row["receipt"] = Value::Null;
    }
    rows[1]["parts"][0]["value"] = json!("162");
    folder.put_rows(&rows);
    let told = place.text("nobody", &["verify", &dir, "--trust", &trust]);
    assert_eq!(told.exit, 3, "{told:?}");
    assert!(told.out.starts_with("Cannot tell"), "{told:?}");
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_receipt_are_counted_and_never_vouched_for() {
    let (place, folder) = fetched().await;
    let dir = folder.0.to_str().unwrap().to_owned();
    let again = ["fetch", "--out", &dir, "--receipts", "3"];
    place.run("clinic", &again).done();
    let receipts = std::fs::read_dir(folder.0.join("receipts")).unwrap();
    assert_eq!(receipts.count(), 3, "those of the fetch before are gone");
    let report = || place.run("nobody", &["report", &dir]);
    let said = report().done();
    assert_eq!(said["verdict"], "nothing_differs");
    assert_eq!(said["rows"], json!({"all": 9, "with_receipt": 3}));
    let told = place.text("nobody", &["report", &dir]).out;
    let first = "Nothing differs: 3 of 9 records were compared with their receipts";
    assert!(told.starts_with(first), "{told}");
    assert!(
        told.contains("6 records are without one: nothing here vouches"),
        "{told}"
    );

    // an invented row among those that have receipts, a row gone among those without
    let rows = folder.rows();
    let mut forged = rows.clone();
    forged[8]["record"] = json!("ab".repeat(32));
    forged[8]["receipt"] = Value::Null;
    forged.push(rows[8].clone());
    folder.put_rows(&forged);
    let said: Value = serde_json::from_str(&report().out).unwrap();
    let added = ("ab".repeat(32), "records.json".to_owned());
    assert_eq!(named(&said, "added"), [added], "{said}");
    let mut forged = rows.clone();
    let gone = forged.remove(0);
    folder.put_rows(&forged);
    let ran = report();
    assert_eq!(ran.exit, 1, "{ran:?}");
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    let left = gone["record"].as_str().unwrap().to_owned();
    // records.csv still has it
    assert_eq!(named(&said, "added"), [(left, "records.csv".to_owned())]);
    assert!(
        said["counts"][0].as_str().unwrap().contains("5 are here"),
        "{said}"
    );

    // an old row too many, in both tables
    let mut old = rows[0].clone();
    old["record"] = json!("ab".repeat(32));
    old["state"] = json!("replaced");
    old["start"] = json!("2020-01-01T08:00:00+00:00");
    let mut forged = rows.clone();
    forged.insert(0, old);
    folder.put_rows(&forged);
    let csv = folder.text("records.csv");
    let first = csv.lines().nth(1).unwrap();
    let record = rows[0]["record"].as_str().unwrap();
    let line = first.replace(record, &"ab".repeat(32));
    let line = line.replace("current", "replaced");
    let start = rows[0]["start"].as_str().unwrap();
    let line = line.replacen(start, "2020-01-01T08:00:00+00:00", 1);
    folder.put(
        "records.csv",
        &csv.replacen(first, &format!("{line}\n{first}"), 1),
    );
    let ran = report();
    assert_eq!(ran.exit, 1, "{ran:?}");
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        said["counts"],
        json!(["fetch.json counts 9 records; 10 are here."]),
        "{said}"
    );
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_decides_and_what_no_receipt_says_is_not_called_unchanged() {
    let (place, folder) = fetched().await;
    let dir = folder.0.to_str().unwrap().to_owned();
    let trust = folder.0.join("trust.json").to_str().unwrap().to_owned();
    std::fs::remove_file(folder.0.join("records.csv")).unwrap();
    let rows = folder.rows();
    let receipt = rows[4]["receipt"].as_str().unwrap();
    let second = folder.0.join("receipts/ffffffffffffffff.vwr");
    let counted = folder.text("fetch.json");
    for fetch_json in [true, false] {
        if fetch_json {
            folder.put("fetch.json", &counted);
        } else {
            std::fs::remove_file(folder.0.join("fetch.json")).unwrap();
        }
        let verdict = |change: &dyn Fn(&mut Value)| {
            let mut rows = rows.clone();
            change(&mut rows[4]);
            folder.put_rows(&rows);
            let ran = place.run("nobody", &["verify", &dir, "--trust", &trust]);
            let said: Value = serde_json::from_str(&ran.out).unwrap();
            let fields: Vec<Value> = ["changed", "worded", "unproven"]
                .iter()
                .map(|how| said[how][0]["fields"].clone())
                .filter(|it| !it.is_null())
                .collect();
            (ran.exit, Value::from(fields))
        };
        let nothing = json!([]);
        assert_eq!(verdict(&|_| ()), (0, nothing.clone()));

        // a second receipt of the same record
        std::fs::copy(folder.0.join(receipt), &second).unwrap();
        assert_eq!(verdict(&|_| ()), (0, nothing.clone()));
        std::fs::remove_file(&second).unwrap();

        // the state, and a column of somebody's own
        let unproven = if fetch_json { 1 } else { 3 };
        let state = json!([["state"]]);
        let withdrawn = verdict(&|row| row["state"] = json!("withdrawn"));
        assert_eq!(withdrawn, (unproven, state.clone()));
        let withdrawal = verdict(&|row| row["state"] = json!("withdrawal"));
        assert_eq!(withdrawal, (1, state));
        let column = verdict(&|row| row["diagnosis"] = json!("diabetes"));
        assert_eq!(column, (1, json!([["diagnosis"]])));
        let delivery = verdict(&|row| row["row"] = json!("nobody"));
        assert_eq!(delivery, (1, json!([["row"]])));

        // words for what is sealed: of another program, and for something else
        let name = verdict(&|row| row["parts"][0]["name"] = json!("Pulse, at rest"));
        assert_eq!(name, (3, json!([["name"]])));
        let origin = verdict(&|row| row["origin"] = json!("Entered by the person"));
        assert_eq!(origin, (3, json!([["origin"]])));
        let name = verdict(&|row| row["parts"][0]["name"] = json!("Body weight"));
        assert_eq!(name, (1, json!([["parts"]])));
        let origin = verdict(&|row| row["origin"] = json!("Signed by a clinician"));
        assert_eq!(origin, (1, json!([["origin"]])));
        let grade = verdict(&|row| row["grade"] = json!(4));
        assert_eq!(grade, (1, json!([["grade"]])));
    }
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_list_prints_is_held_against_the_receipts_beside_it() {
    let place = Place::new().await;
    place.patient();
    let printed = place.text("me", &["list", "--json"]);
    let mut rows: Vec<Value> = serde_json::from_str(&printed.out).unwrap();
    let (dir, trust) = (place.path("given"), place.path("trust.json"));
    let folder = Folder(Path::new(&dir).to_owned());
    std::fs::create_dir(&folder.0).unwrap();
    place.run("me", &["trust", "-o", &trust]).done();
    for (at, row) in rows.iter().enumerate() {
        let (record, file) = (row["record"].as_str().unwrap(), format!("{dir}/{at}.vwr"));
        place.run("me", &["receipt", record, "-o", &file]).done();
    }
    let verdict = |rows: &[Value]| {
        folder.put_rows(rows);
        place
            .run("nobody", &["verify", &dir, "--trust", &trust])
            .exit
    };
    assert_eq!(verdict(&rows), 0);
    let honest = rows[0].clone();
    for (column, said, exit) in [
        ("id", json!("ab".repeat(16)), 1),
        ("state", json!("stored"), 0),
        ("state", json!("believed"), 1),
        ("withdrawn", json!(true), 3),
        ("corrected_by", json!("ab".repeat(32)), 3),
        ("corrected_by", json!("nobody"), 1),
        ("diagnosis", json!("diabetes"), 1),
    ] {
        rows[0][column] = said.clone();
        assert_eq!(verdict(&rows), exit, "{column} {said}");
        rows[0] = honest.clone();
    }
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_a_part_of_a_record_leaves_its_row_open() {
    let (place, folder) = fetched().await;
    let dir = folder.0.to_str().unwrap().to_owned();
    let rows = folder.rows();
    let (record, name) = (rows[4]["record"].as_str(), rows[4]["receipt"].as_str());
    let (record, name) = (record.unwrap(), name.unwrap());
    let (whole, other) = (folder.0.join(name), folder.0.join("receipts/kept.vwr"));
    std::fs::rename(&whole, &other).unwrap();
    let file = whole.to_str().unwrap();
    let part = ["receipt", record, "--fields", "value,time", "-o", file];
    place.run("me", &part).done();
    let trust = folder.0.join("trust.json").to_str().unwrap().to_owned();
    let check = ["verify", &dir, "--trust", &trust];
    let report = || {
        let ran = place.run("nobody", &check);
        (ran.exit, serde_json::from_str::<Value>(&ran.out).unwrap())
    };
    let wrong = |said: &Value| {
        ["changed", "missing", "added", "moved", "counts"].map(|how| said[how].clone())
    };
    let nothing = [(); 5].map(|()| json!([]));

    // the row names the receipt of a part, and another one shows all of it
    let (exit, said) = report();
    assert_eq!((exit, wrong(&said)), (0, nothing.clone()), "{said}");

    std::fs::remove_file(&other).unwrap();
    for file in ["records.json", "records.csv"] {
        let verified = report();
        let (exit, said) = &verified;
        assert_eq!((*exit, wrong(said)), (3, nothing.clone()), "{file}: {said}");
        let open = json!([{"record": record, "file": file, "receipts": [name], "row": said["partly"][0]["row"]}]);
        assert_eq!(said["partly"], open);
        assert_eq!(said["rows"], json!({"all": 9, "with_receipt": 8}));
        let told = place.text("nobody", &check).out;
        assert!(
            told.contains(&format!("{name} shows a part of it")),
            "{told}"
        );
        if file == "records.json" {
            // another row says that it was replaced: by the record shown in part, for all anyone knows
            let mut replaced = rows.clone();
            replaced[2]["state"] = json!("replaced");
            folder.put_rows(&replaced);
            assert_eq!(
                report().1["changed"].as_array().unwrap().len(),
                1,
                "records.csv differs"
            );
            assert_eq!(report().1["unproven"][0]["fields"], json!(["state"]));
            std::fs::remove_file(folder.0.join(file)).unwrap();
        }
    }
    place.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_of_a_fetched_folder_is_named_and_never_a_wrong_command() {
    let (place, folder) = fetched().await;
    let dir = folder.0.to_str().unwrap().to_owned();
    let report = || place.run("nobody", &["report", &dir]);
    let rows = folder.rows();
    let record = rows[4]["record"].as_str().unwrap();
    let table = folder.text("records.json");
    let twice = rows[4].to_string();
    let twice = twice.replace("\"parts\":", "\"parts\":[],\"parts\":");
    for (name, text, how, meant) in [
        ("records.json", table.replacen('}', "", 1), "changed", ""),
        (
            "records.json",
            table.replace(&rows[4].to_string(), &twice),
            "changed",
            record,
        ),
        ("records.json", "{".to_owned(), "changed", ""),
        ("fetch.json", "{\"records\":".to_owned(), "changed", ""),
        ("trust.json", "{".to_owned(), "changed", ""),
        ("records.json", String::new(), "missing", ""),
        ("fetch.json", String::new(), "missing", ""),
        ("trust.json", String::new(), "missing", ""),
    ] {
        let honest = folder.text(name);
        if text.is_empty() {
            std::fs::remove_file(folder.0.join(name)).unwrap();
        } else {
            folder.put(name, &text);
        }
        let ran = report();
        let told = place.text("nobody", &["report", &dir]);
        folder.put(name, &honest);
        assert_eq!((ran.exit, told.exit), (1, 1), "{name} {how}: {ran:?}");
        let said: Value = serde_json::from_str(&ran.out).unwrap();
        let found = named(&said, how);
        let it = |(of, file): &(String, String)| file == name && (meant.is_empty() || of == meant);
        assert!(found.iter().any(it), "{name} {how}: {said}");
        assert!(told.out.contains(name), "{told:?}");
    }
    report().done();
    let empty = place.path("empty");
    std::fs::create_dir(&empty).unwrap();
    place
        .run("nobody", &["report", &empty])
        .refused(2, "not_fetched");
    place.server.shutdown().await;
}

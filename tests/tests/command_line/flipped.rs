//! One bit of a fetched folder flips: it is told, and of no other record than the one it is in.

use crate::place::Place;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// Where the records of a file are in it.
fn touched(name: &str, text: &str, at: usize, rows: &[Value]) -> Option<String> {
    let record = |row: &Value| row["record"].as_str().unwrap().to_owned();
    match name {
        "records.json" => {
            let row = rows.iter().find(|row| {
                let start = text.find(&row.to_string()).unwrap();
                (start..start + row.to_string().len()).contains(&at)
            });
            row.map(record)
        }
        "records.csv" => {
            let line = text.as_bytes()[..at].iter().filter(|it| **it == b'\n');
            let line = text.lines().nth(line.count()).unwrap();
            rows.iter().map(record).find(|it| line.contains(it))
        }
        receipt => rows
            .iter()
            .find(|row| row["receipt"] == receipt)
            .map(record),
    }
}

/// The records that are named, also by a receipt that is told of.
fn named(said: &Value, rows: &[Value]) -> BTreeSet<String> {
    // not those "unproven": a state that the receipt of another record proved
    let hows = ["changed", "missing", "added", "moved", "worded"];
    let all = hows.iter().flat_map(|how| said[how].as_array().unwrap());
    let mut found: BTreeSet<String> = all
        .map(|it| it["record"].as_str().unwrap().to_owned())
        .filter(|it| !it.is_empty())
        .collect();
    let receipts = &said["receipts"];
    let broken = receipts["changed"].as_array().unwrap().iter();
    let unclear = receipts["cannot_tell"].as_array().unwrap().iter();
    for name in broken.chain(unclear.map(|it| &it["receipt"])) {
        let row = rows.iter().find(|row| row["receipt"] == *name).unwrap();
        found.insert(row["record"].as_str().unwrap().to_owned());
    }
    found
}

/// A clinic's folder of six records, one of them corrected by another.
async fn fetched() -> Place {
    let place = Place::new().await;
    let records = place.patient();
    let me = |args: &[&str]| place.run("me", args).done();
    me(&[
        "correct",
        &records[1],
        "heart-rate",
        "72",
        "--reason",
        "a, \"typing\" error",
    ]);
    for (value, day) in [("64", 8), ("65", 9)] {
        let at = format!("2026-01-{day:02}T08:00");
        me(&["add", "heart-rate", value, "--at", &at]);
    }
    me(&["sync"]);
    place.clinic("clinic", "Dr Ada Low").await;
    place.share_of("clinic", 6);
    place.fetched("clinic", "ward");
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_of_a_fetched_folder_is_told_and_no_other_record_is_named() {
    let place = fetched().await;
    let dir = place.path("ward");
    let trust = place.path("own-trust.json");
    std::fs::copy(Path::new(&dir).join("trust.json"), &trust).unwrap();
    let verify = || place.run("nobody", &["verify", &dir, "--trust", &trust]);
    verify().done();
    let said = verify().out;
    // what a receipt by itself proves: every fact, and who stands behind it
    let alone = |name: &str| {
        let file = Path::new(&dir).join(name);
        let file = file.to_str().unwrap();
        let ran = place.run("nobody", &["verify", file, "--trust", &trust]);
        (ran.exit, ran.out)
    };
    let read = |name: &str| std::fs::read(Path::new(&dir).join(name)).unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&read("records.json")).unwrap();
    let mut files = vec!["records.json".to_owned(), "records.csv".to_owned()];
    let receipts = rows.iter().map(|row| row["receipt"].as_str().unwrap());
    files.extend(receipts.map(str::to_owned));

    let (mut state, mut wrong) = (0x5eed_u64, Vec::new());
    let mut next = |below: usize| {
        // Knuth's MMIX generator
        state = state.wrapping_mul(6_364_136_223_846_793_005);
        state = state.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for flip in 0..240 {
        // the tables are where a flip can mean anything
        let name = &files[if flip % 8 == 0 {
            next(files.len())
        } else {
            flip % 2
        }];
        let honest = read(name);
        let (at, bit) = (next(honest.len()), next(8));
        let mut bytes = honest.clone();
        bytes[at] ^= 1 << bit;
        let receipt = name.starts_with("receipts/");
        let facts = receipt.then(|| alone(name));
        std::fs::write(Path::new(&dir).join(name), &bytes).unwrap();
        let ran = verify();
        let flipped = receipt.then(|| alone(name));
        std::fs::write(Path::new(&dir).join(name), &honest).unwrap();
        let text = String::from_utf8_lossy(&honest);
        let meant = touched(name, &text, at, &rows);
        let told: Value = serde_json::from_str(&ran.out)
            .unwrap_or_else(|error| panic!("{name} {at} {bit}: {error}: {ran:?}"));
        let found = named(&told, &rows);
        // a line by a witness whom nobody trusts is read over: then all that is said is as before,
        // of the folder and of the receipt by itself
        let right = if ran.exit == 0 {
            receipt && ran.out == said && flipped == facts
        } else {
            [1, 3].contains(&ran.exit) && found == meant.iter().cloned().collect()
        };
        if !right {
            wrong.push(format!("{name} {at} {bit}: {meant:?} {found:?} {ran:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of 240:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for (text, exit) in [("{", 1), ("[]", 1), ("\u{ff}", 1)] {
        for name in ["records.json", "fetch.json"] {
            let honest = read(name);
            std::fs::write(Path::new(&dir).join(name), text).unwrap();
            let ran = verify();
            std::fs::write(Path::new(&dir).join(name), &honest).unwrap();
            assert_eq!(ran.exit, exit, "{name} {text}: {ran:?}");
            assert!(ran.out.contains(name), "{ran:?}");
        }
    }
    place.server.shutdown().await;
}

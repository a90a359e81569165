//! A person's own record from the command line, without a network.

use crate::home::{Home, is_refused};
use crate::program::put;
use std::path::Path;

#[test]
fn every_kind_is_added_by_hand_and_listed_as_it_was_typed() {
    let home = Home::made();
    let entries: [(&[&str], &str, &str); 11] = [
        (&["heart-rate", "62"], "Heart rate", "62 per minute"),
        (
            &["blood-pressure", "120/80"],
            "Upper blood pressure",
            "120 mmHg",
        ),
        (&["weight", "82.40 kg"], "Weight", "82.40 kg"),
        (&["glucose", "5.4 mmol/L"], "Blood glucose", "5.4 mmol/L"),
        (
            &[
                "medicine",
                "Metformin",
                "--dose",
                "500 mg",
                "--status",
                "not-taken",
            ],
            "Metformin (not taken)",
            "500 mg",
        ),
        (
            &["medicine", "Ibuprofen", "--dose", "half a spoon"],
            "Ibuprofen (taken)",
            "half a spoon",
        ),
        (
            &["training", "run", "--minutes", "40"],
            "Training",
            "40 min",
        ),
        (
            &["symptom", "headache, left side"],
            "Symptom",
            "headache, left side",
        ),
        (&["mood", "calm"], "Mood", "calm"),
        (&["note/dentistry", "filling"], "dentistry", "filling"),
        (
            &["episode", "knee physiotherapy"],
            "Treatment",
            "knee physiotherapy",
        ),
    ];
    for (args, name, value) in entries {
        let mut all = vec!["add"];
        all.extend(args);
        let ran = home.run(&all);
        assert_eq!(ran.exit, 0, "{args:?}: {ran:?}");
        assert!(ran.out.contains("Saved on this device."), "{ran:?}");
        let listed = home.run(&["list"]);
        let line = listed
            .out
            .lines()
            .find(|line| line.contains(name) && line.contains(value));
        assert!(line.is_some(), "{args:?}: {}", listed.out);
    }
    let status = home.run(&["status", "--json"]).json();
    assert_eq!(status["open"], 11);
    assert_eq!(status["kit_confirmed"], true);
}

#[test]
fn an_unusual_number_draws_a_note_and_is_kept() {
    let home = Home::made();
    let ran = home.run(&["add", "heart-rate", "300", "--json"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert_eq!(ran.json()["warnings"][0], "out_of_range");
    let listed = home.run(&["list", "--code", "heart-rate", "--json"]).json();
    assert_eq!(listed[0]["parts"][0]["value"], "300");
}

#[test]
fn what_does_not_fit_is_refused_with_its_code_and_nothing_is_saved() {
    let home = Home::made();
    for (args, code) in [
        (vec!["add", "hart-rate", "62"], "name_unknown"),
        (vec!["add", "heart-rate"], "text_empty"),
        (vec!["add", "heart-rate", "many"], "number_needed"),
        (vec!["add", "heart-rate", "62 kg"], "unit_wrong"),
        (vec!["add", "glucose", "5.4"], "unit_needed"),
        (vec!["add", "blood-pressure", "120"], "pair_needed"),
        (vec!["add", "heart-rate", "62", "--at", "noon"], "time"),
        (
            vec![
                "add",
                "heart-rate",
                "62",
                "--at",
                "2026-05-13 08:10",
                "--until",
                "2026-05-13 08:00",
            ],
            "end_before_start",
        ),
        (vec!["add", "heart-rate", "62", "--dose", "1 mg"], "dose"),
        (
            vec!["add", "heart-rate", "62", "--episode", "knee"],
            "episode",
        ),
        (vec!["add", "heart-rate", "62", "--with", "arm"], "note"),
        (vec!["list", "--from", "yesterday"], "day"),
        (vec!["void", "beef"], "record_name"),
        (vec!["void", "00000000"], "not_found"),
    ] {
        is_refused(&home.run(&args), 2, code);
    }
    assert_eq!(home.run(&["status", "--json"]).json()["open"], 0);
}

#[test]
fn a_corrected_entry_shows_replaced_and_a_withdrawn_one_withdrawn() {
    let home = Home::made();
    home.run(&[
        "add",
        "heart-rate",
        "162",
        "--at",
        "2026-05-13T08:10:00+02:00",
    ]);
    let wrong = home.newest();
    let ran = home.run(&[
        "correct",
        &wrong[..8],
        "heart-rate",
        "62",
        "--reason",
        "typing error",
    ]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let listed = home.run(&["list", "--json"]).json();
    let rows = listed.as_array().unwrap();
    let old = rows.iter().find(|row| row["record"] == wrong).unwrap();
    let new = rows.iter().find(|row| row["record"] != wrong).unwrap();
    assert_eq!(old["corrected_by"], new["record"]);
    assert_eq!(new["start"], "2026-05-13T08:10:00+02:00");
    assert_eq!(new["note"], "reason: typing error");

    let right = new["record"].as_str().unwrap();
    let ran = home.run(&["void", right, "--reason", "someone else wore it"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let listed = home.run(&["list"]);
    assert!(listed.out.contains("Withdrawn by you"), "{}", listed.out);
}

#[test]
fn an_erased_entry_is_gone() {
    let home = Home::made();
    home.run(&["add", "mood", "calm"]);
    let record = home.newest();
    is_refused(&home.run(&["erase", &record]), 2, "no_terminal");
    let ran = home.run(&["erase", &record, "--yes"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert_eq!(
        home.run(&["list", "--json"])
            .json()
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn an_erased_month_leaves_no_entry_of_a_treatment() {
    let home = Home::made();
    let at = "2026-05-13T08:10:00+00:00";
    let episode = "5e".repeat(16);
    for (value, at) in [("61", at), ("62", "2026-06-13T08:10:00+00:00")] {
        home.run(&["add", "heart-rate", value, "--at", at]);
        let of_treatment = [
            "add",
            "heart-rate",
            value,
            "--at",
            at,
            "--episode",
            &episode,
        ];
        assert_eq!(home.run(&of_treatment).exit, 0);
    }
    let erase = ["erase", "--code", "heart-rate", "--month", "2026-05"];
    let ran = home.run(&[&erase[..], &["--yes", "--json"]].concat());
    assert_eq!(ran.json()["erased"], 2, "{ran:?}");
    let left = home.run(&["list", "--code", "heart-rate", "--json"]).json();
    let left = left.as_array().unwrap();
    assert_eq!(left.len(), 2, "June stays: {left:?}");
    assert!(left.iter().all(|row| row["parts"][0]["value"] == "62"));
}

#[test]
fn a_day_is_summed_up_with_its_range_and_mean() {
    let home = Home::made();
    for value in ["60", "64"] {
        home.run(&[
            "add",
            "heart-rate",
            value,
            "--at",
            "2026-05-13T08:10:00+00:00",
        ]);
    }
    let days = home
        .run(&["summary", "--code", "heart-rate", "--json"])
        .json();
    let day = &days[0]["days"][0];
    assert_eq!(day["day"], "2026-05-13");
    assert_eq!((&day["min"], &day["max"]), (&"60".into(), &"64".into()));
    assert_eq!(day["count"], 2);
}

#[test]
fn a_receipt_before_the_first_sync_is_not_there_yet() {
    let home = Home::made();
    home.run(&["add", "heart-rate", "62"]);
    let record = home.newest();
    let file = home.path("morning.vwr");
    is_refused(
        &home.run(&["receipt", &record, "-o", &file]),
        3,
        "not_logged",
    );
    assert!(!Path::new(&file).exists());
}

#[test]
fn a_wrong_passphrase_opens_nothing_and_changes_nothing() {
    let home = Home::made();
    home.run(&["add", "heart-rate", "62"]);
    let before = std::fs::read(home.path("me/keys")).unwrap();
    is_refused(
        &home.run_as("battery staple", &["list"]),
        4,
        "wrong_passphrase",
    );
    assert_eq!(std::fs::read(home.path("me/keys")).unwrap(), before);
    is_refused(&home.run_as("", &["list"]), 2, "passphrase_empty");
    assert_eq!(
        home.run(&["list", "--json"])
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_wrong_word_of_the_kit_is_named_and_can_be_tried_again() {
    let home = Home::empty();
    let kit = home.path("kit.txt");
    assert_eq!(home.run(&["init", "--words-out", &kit]).exit, 0);
    assert_eq!(
        home.run(&["status", "--json"]).json()["kit_confirmed"],
        false
    );
    let words = std::fs::read_to_string(&kit).unwrap();
    assert_eq!(words.split_whitespace().count(), 24);

    let misspelt = words.replacen(words.split_whitespace().next().unwrap(), "zebrra", 1);
    // 24 times "zebra" is a kit, whose check sum holds: of somebody else
    let another = "zebra ".repeat(24);
    for (text, code) in [(misspelt, "kit_word"), (another, "kit_other_account")] {
        let wrong = put(home.0.path(), "wrong.txt", text.as_bytes());
        is_refused(&home.run(&["confirm-kit", "--words", &wrong]), 1, code);
    }
    let short = put(home.0.path(), "short.txt", b"zebra zebra");
    is_refused(
        &home.run(&["confirm-kit", "--words", &short]),
        1,
        "kit_word_count",
    );
    assert_eq!(home.run(&["confirm-kit", "--words", &kit]).exit, 0);
    assert_eq!(
        home.run(&["status", "--json"]).json()["kit_confirmed"],
        true
    );
}

#[test]
fn the_kit_is_readable_by_its_owner_alone_and_never_printed_to_a_pipe() {
    let home = Home::empty();
    is_refused(&home.run(&["init"]), 2, "no_terminal");
    assert!(!Path::new(&home.path("me/vault.db")).exists());
    let kit = home.path("kit.txt");
    let ran = home.run(&["init", "--words-out", &kit]);
    let words = std::fs::read_to_string(&kit).unwrap();
    let first = words.split_whitespace().next().unwrap();
    assert!(
        !ran.out.split_whitespace().any(|word| word == first)
            || first == "your"
            || first == "record"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&kit), 0o600);
        assert_eq!(mode(&home.path("me")), 0o700);
    }
}

#[test]
fn no_record_stays_whose_words_could_not_be_written() {
    let home = Home::empty();
    let nowhere = home.path("nowhere/kit.txt");
    is_refused(
        &home.run(&["init", "--words-out", &nowhere]),
        6,
        "unwritable",
    );
    let kit = home.path("kit.txt");
    is_refused(
        &home.run_as("", &["init", "--words-out", &kit]),
        2,
        "passphrase_empty",
    );
    for name in ["me/vault.db", "me/keys", "kit.txt"] {
        assert!(!Path::new(&home.path(name)).exists(), "{name}");
    }
    let again = home.run_as("battery staple", &["init", "--words-out", &kit]);
    assert_eq!(again.exit, 0, "{again:?}");
    let words = std::fs::read_to_string(&kit).unwrap();
    assert_eq!(words.split_whitespace().count(), 24);
}

#[test]
fn a_second_record_does_not_replace_the_first() {
    let home = Home::made();
    let kit = home.path("kit2.txt");
    is_refused(&home.run(&["init", "--words-out", &kit]), 2, "exists");
    let elsewhere = Home::empty();
    is_refused(&elsewhere.run(&["list"]), 2, "no_vault");
}

#[test]
fn a_damaged_record_file_is_set_aside_and_a_damaged_key_file_stays() {
    let home = Home::made();
    std::fs::write(
        home.path("me/vault.db"),
        b"not a database at all, not even close",
    )
    .unwrap();
    is_refused(&home.run(&["list"]), 6, "storage_corrupt");
    let kept: Vec<_> = std::fs::read_dir(home.path("me")).unwrap().collect();
    assert!(kept.len() >= 2, "nothing is deleted: {kept:?}");

    let home = Home::made();
    std::fs::write(home.path("me/keys"), b"VWKE").unwrap();
    is_refused(&home.run(&["list"]), 6, "keys_damaged");
    assert_eq!(std::fs::read(home.path("me/keys")).unwrap(), b"VWKE");
}

#[test]
fn help_of_every_command_has_an_example() {
    let home = Home::empty();
    let help = home.run(&["--help"]).out;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 12, "{help}");
    for command in commands {
        let help = home.run(&[command, "--help"]);
        assert_eq!(help.exit, 0, "{command}");
        assert!(help.out.contains("Example"), "{command}: {}", help.out);
        assert!(
            help.out.contains(&format!("vitalwitness {command}")),
            "{command}: {}",
            help.out
        );
        for word in ["blockchain", "wallet", "token", "ledger"] {
            assert!(!help.out.to_lowercase().contains(word), "{command}: {word}");
        }
    }
}

#[test]
fn a_failure_with_json_is_one_object_on_standard_output() {
    let (made, empty) = (Home::made(), Home::empty());
    let absent = empty.path("absent.vwr");
    let trust = empty.path("trust.json");
    for (home, args, exit, code) in [
        (&made, vec!["add", "hart-rate", "62"], 2, "name_unknown"),
        (
            &made,
            vec!["receipt", "5f3c9a01", "-o", &absent],
            2,
            "not_found",
        ),
        (
            &made,
            vec!["sync", "--cloud", "http://127.0.0.1:1"],
            5,
            "offline",
        ),
        (&empty, vec!["list"], 2, "no_vault"),
        (&empty, vec!["sync"], 2, "no_vault"),
        (&empty, vec!["inspect", &absent], 2, "unreadable"),
        (
            &empty,
            vec!["verify", &absent, "--trust", &trust],
            2,
            "unreadable",
        ),
        (&empty, vec!["report", &absent], 2, "unreadable"),
        (&empty, vec!["fetch", "--out", &absent], 2, "not_enrolled"),
    ] {
        is_refused(&home.run(&args), exit, code);
        let args = [&args[..], &["--json"]].concat();
        is_refused(&home.run(&args), exit, code);
    }
}

#[test]
fn a_command_line_that_is_not_understood_is_told_in_json_too() {
    let home = Home::empty();
    for (args, word) in [
        (vec!["--json"], "--help"),
        (vec!["--json", "certify"], "certify"),
        (vec!["verify", "a.vwr", "--json"], "--trust"),
        (vec!["verify", "a.vwr", "--trsut", "b", "--json"], "--trsut"),
        (vec!["monitor", "--every", "often", "--json"], "often"),
    ] {
        let ran = home.run(&args);
        assert_eq!(ran.exit, 2, "{ran:?}");
        let error = &ran.json()["error"];
        assert_eq!(
            (&error["code"], &error["exit"]),
            (&"usage".into(), &2.into())
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(word), "{message}");
        assert!(
            !message.contains('\n') && !message.starts_with("error"),
            "{message}"
        );
        assert!(!ran.err.is_empty(), "{ran:?}");
    }
    // what is not an option is not one, and help is no failure
    let ran = home.run(&["certify", "--", "--json"]);
    assert_eq!((ran.exit, ran.out.as_str()), (2, ""), "{ran:?}");
    let ran = home.run(&["--help", "--json"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.out.contains("Exit codes:"), "{ran:?}");
}

//! What the documents say exists: links lead somewhere, named tests are there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .into()
}

/// Files below `folder` whose name ends in `.ending`, build output left out.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            let entries = entries.map(|entry| entry.unwrap().path());
            open.extend(entries.filter(|entry| !entry.ends_with("target")));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Names of functions that follow a test attribute.
fn test_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["core", "cloud", "cli", "tests"] {
        for path in files(folder, "rs") {
            let text = std::fs::read_to_string(path).unwrap();
            let mut after_attribute = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
                    after_attribute = true;
                } else if let Some((_, rest)) = line.split_once("fn ")
                    && after_attribute
                {
                    names.insert(rest.split('(').next().unwrap().to_owned());
                    after_attribute = false;
                }
            }
        }
    }
    names
}

/// Text between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Targets of `[text](target)` outside code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for rest in prose.split("](").skip(1) {
            found.push(rest.split(')').next().unwrap().to_owned());
        }
    }
    found
}

fn documents() -> Vec<PathBuf> {
    let mut all = files("docs", "md");
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ] {
        all.push(root().join(name));
    }
    all
}

#[test]
fn every_threat_names_tests_that_exist_or_says_that_there_is_none() {
    let names = test_names();
    let text = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let mut held = 0;
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{row}");
        if cells == ["threat", "mitigation", "test"] {
            continue;
        }
        let tests: Vec<&str> = quoted(cells[2]).collect();
        assert_eq!(tests.is_empty(), cells[2] == "no test yet", "{row}");
        for test in tests {
            assert!(names.contains(test), "SECURITY.md names no test: {test}");
            held += 1;
        }
    }
    assert!(held > 50, "{held} tests named");
}

#[test]
fn a_test_named_in_any_document_exists() {
    let names = test_names();
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            let Some((_, after)) = line.split_once("Test: `") else {
                continue;
            };
            let name = after.split('`').next().unwrap();
            assert!(names.contains(name), "{}: {name}", path.display());
        }
    }
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut seen = 0;
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in links(&text) {
            let target = link.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let to = path.parent().unwrap().join(target);
            assert!(to.exists(), "{} links {link}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen} links");
}

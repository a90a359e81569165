//! The laws of ARCHITECTURE.md, held against `cargo metadata` and the sources.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .into()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Package names that `name` links, itself not counted; dev- and build-dependencies left out.
fn links(metadata: &Value, name: &str) -> BTreeSet<String> {
    let packages: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["id"].as_str().unwrap(), p["name"].as_str().unwrap()))
        .collect();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| (n["id"].as_str().unwrap(), n))
        .collect();
    let start = packages.iter().find(|(_, n)| **n == name).unwrap().0;
    let mut seen = BTreeSet::new();
    let mut open = vec![*start];
    while let Some(id) = open.pop() {
        for dep in nodes[id]["deps"].as_array().unwrap() {
            let normal = dep["dep_kinds"]
                .as_array()
                .unwrap()
                .iter()
                .any(|k| k["kind"].is_null());
            let to = dep["pkg"].as_str().unwrap();
            if normal && seen.insert(packages[to].to_owned()) {
                open.push(to);
            }
        }
    }
    seen
}

fn direct(metadata: &Value, name: &str) -> BTreeSet<String> {
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["name"] == name)
        .unwrap()["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|d| d["kind"].is_null())
        .map(|d| d["name"].as_str().unwrap().to_owned())
        .collect()
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path).unwrap() {
                let entry = entry.unwrap().path();
                if !entry.ends_with("target") {
                    open.push(entry);
                }
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(root()).unwrap().into(), text));
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no source below {folder}");
    found
}

#[test]
fn proof_has_exactly_its_listed_dependencies() {
    let expected: BTreeSet<String> = ["ring", "sha2"].map(str::to_owned).into();
    assert_eq!(direct(&metadata(), "vitalwitness-proof"), expected);
}

#[test]
fn proof_and_domain_do_no_input_or_output() {
    let metadata = metadata();
    for name in ["vitalwitness-proof", "vitalwitness-domain"] {
        let linked = links(&metadata, name);
        for banned in [
            "rusqlite", "reqwest", "tokio", "btleplug", "axum", "uniffi", "hyper", "mio",
        ] {
            assert!(!linked.contains(banned), "{name} links {banned}");
        }
    }
    for folder in ["core/proof/src", "core/domain/src"] {
        for (path, text) in sources(folder) {
            for banned in [
                "std::fs",
                "std::net",
                "std::process",
                "std::env",
                "File::open",
            ] {
                assert!(!text.contains(banned), "{} uses {banned}", path.display());
            }
        }
    }
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let ours = |name| {
        links(&metadata, name)
            .into_iter()
            .filter(|n| n.starts_with("vitalwitness"))
            .collect::<Vec<_>>()
    };
    assert_eq!(ours("vitalwitness-proof"), Vec::<String>::new());
    assert_eq!(ours("vitalwitness-domain"), ["vitalwitness-proof"]);
    let core = ["vitalwitness-domain", "vitalwitness-proof"];
    assert_eq!(ours("vitalwitness-vault"), core);
    assert_eq!(ours("vitalwitness-cloud"), core);
    assert!(
        !ours("vitalwitness").contains(&"vitalwitness-cloud".to_owned()),
        "the command line links no server"
    );
}

#[test]
fn one_version_of_each_crypto_crate_and_no_banned_one() {
    let metadata = metadata();
    let shipped: BTreeSet<String> = ["vitalwitness", "vitalwitness-cloud"]
        .iter()
        .flat_map(|name| links(&metadata, name))
        .collect();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        assert!(
            ![
                "openssl",
                "openssl-sys",
                "native-tls",
                "aws-lc-rs",
                "aws-lc-sys",
                "aws-lc-fips-sys"
            ]
            .contains(&name),
            "{name} is banned"
        );
        if shipped.contains(name) {
            versions
                .entry(name)
                .or_default()
                .insert(package["version"].as_str().unwrap());
        }
    }
    for name in ["ring", "rustls", "p256", "hkdf", "hmac", "argon2"] {
        let found = versions.get(name).map_or(0, BTreeSet::len);
        assert!(found <= 1, "{name} has {found} versions");
    }
}

#[test]
fn no_binding_attribute_below_the_bindings() {
    for (path, text) in sources("core") {
        assert!(!text.contains("uniffi"), "{}", path.display());
    }
}

#[test]
fn crates_have_no_drawer_for_everything() {
    for folder in ["core", "cloud", "cli", "tests", "benches"] {
        for (path, _) in sources(folder) {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            assert!(
                !["common", "utils", "util", "types", "helpers", "misc"].contains(&stem),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn no_source_file_outgrows_a_reader() {
    for folder in ["core", "cloud", "cli", "tests", "benches"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= 620, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn no_test_is_ignored_sleeps_or_expects_a_panic() {
    let banned = [
        concat!("#[ign", "ore"),
        concat!("#[should", "_panic"),
        concat!("thread::", "sleep"),
        concat!("time::", "sleep("),
    ];
    for folder in ["core", "cloud", "cli", "tests"] {
        for (path, text) in sources(folder) {
            let is_test = path.components().any(|c| c.as_os_str() == "tests");
            for word in &banned {
                assert!(
                    !(is_test && text.contains(word)),
                    "{} has {word}",
                    path.display()
                );
            }
        }
    }
}

//! The crate needs no standard library: not itself, not through what it links.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn no_source_outside_tests_names_the_standard_library() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let root = std::fs::read_to_string(source.join("lib.rs")).unwrap();
    assert!(root.contains("\n#![no_std]\n"));
    assert!(root.contains("#![forbid(unsafe_code)]"));
    for lint in [
        "indexing_slicing",
        "arithmetic_side_effects",
        "as_conversions",
    ] {
        assert!(
            root.contains(&format!("clippy::{lint}")),
            "{lint} is allowed"
        );
    }
    let mut folders = vec![source];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            // tests stand at the end of a file
            let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            let named = shipped.contains("std::");
            assert!(!named, "{} names std", path.display());
            let lifted = [
                "allow(clippy::indexing_slicing",
                "allow(clippy::arithmetic_side_effects",
                "allow(clippy::as_conversions",
            ];
            for allow in lifted {
                assert!(!shipped.contains(allow), "{}: {allow}", path.display());
            }
            read += 1;
        }
    }
    assert!(read > 20);
}

#[test]
fn no_dependency_is_built_with_the_standard_library() {
    let listed = cargo(&[
        "tree",
        "--package",
        "vitalwitness-proof",
        "--edges",
        "normal",
        "--no-dedupe",
        "--prefix",
        "none",
        "--format",
        "{p}|{f}",
        "--offline",
    ]);
    let listed = String::from_utf8(listed).unwrap();
    let mut names = Vec::new();
    for line in listed.lines() {
        let (package, features) = line.split_once('|').unwrap();
        let std = features.split(',').any(|feature| feature == "std");
        assert!(!std, "{package} with {features}");
        names.push(package.split(' ').next().unwrap());
    }
    assert!(
        names.contains(&"ring") && names.contains(&"sha2"),
        "{names:?}"
    );
}

/// On a target that has no standard library at all, where one is installed.
#[test]
fn it_is_checked_for_a_target_without_a_standard_library() {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .unwrap();
    let sysroot = PathBuf::from(String::from_utf8(sysroot.stdout).unwrap().trim());
    let installed = |target: &&&str| {
        sysroot
            .join("lib/rustlib")
            .join(target)
            .join("lib")
            .is_dir()
    };
    let bare = [
        "thumbv7em-none-eabi",
        "thumbv7em-none-eabihf",
        "aarch64-unknown-none",
    ];
    let compiler = Command::new("arm-none-eabi-gcc").arg("--version").output();
    let Some(target) = bare.iter().find(installed).filter(|_| compiler.is_ok()) else {
        let why =
            b"skipped: no target without a standard library, with its C compiler, is installed\n";
        std::io::stderr().write_all(why).unwrap();
        return;
    };
    cargo(&[
        "check",
        "--package",
        "vitalwitness-proof",
        "--target",
        target,
        "--offline",
    ]);
}

fn cargo(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    output.stdout
}

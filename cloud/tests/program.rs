//! The programs as an operator meets them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use std::process::{Command, Output};

fn cloud(arguments: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitalwitness-cloud"))
        .args(arguments)
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

fn witness(arguments: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitalwitness-witness"))
        .args(arguments)
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

fn said(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap().trim()
}

#[test]
fn settings_are_checked_and_a_wrong_one_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cloud.toml");
    std::fs::write(&file, "origin = \"clinic.example/log\"\n").unwrap();
    let path = file.to_str().unwrap();
    let good = cloud(&["--config", path, "--check-config"], &[]);
    assert!(good.status.success());
    assert_eq!(said(&good.stdout), "the settings are in order");
    let env = [("VW_CLOUD_LISTEN", "0.0.0.0:80")];
    let bad = cloud(&["--config", path, "--check-config"], &env);
    assert!(!bad.status.success());
    assert_eq!(
        said(&bad.stderr),
        "vitalwitness-cloud: setting `listen` must be a loopback address unless tls.certificate and tls.key are set"
    );
    std::fs::write(&file, "origin = \n").unwrap();
    let bad = cloud(&["--config", path], &[]);
    assert!(said(&bad.stderr).contains("is not TOML at line 1"));
    let bad = cloud(&["--colour"], &[]);
    assert!(said(&bad.stderr).ends_with("`--colour` is no option; --help lists them"));
    let bad = witness(&["--check-config"], &[]);
    assert_eq!(
        said(&bad.stderr),
        "vitalwitness-witness: setting `name` must be this witness's name"
    );
}

#[test]
fn keys_are_printed_and_stay_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let env = [("VW_CLOUD_DATA", data)];
    let first = cloud(&["--print-key"], &env);
    let again = cloud(&["--print-key"], &env);
    assert!(said(&first.stdout).starts_with("vitalwitness.local/log+"));
    assert_eq!(first.stdout, again.stdout);
    let env = [("VW_WITNESS_DATA", data), ("VW_WITNESS_NAME", "w.example")];
    let key = witness(&["--print-key"], &env);
    assert!(said(&key.stdout).starts_with("w.example+"), "{key:?}");
    for secret in ["log.key", "witness.key"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join(secret)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{secret}");
    }
}

//! The real command line, as a process.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}: {}", self.err, self.out))
    }
}

/// Runs `vitalwitness` to its end, beside a server that answers meanwhile.
pub(crate) async fn run(args: &[&str]) -> Ran {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    tokio::task::spawn_blocking(move || {
        let output = Command::new(program())
            .args(&args)
            .env("VW_PASSPHRASE", "a passphrase of a test")
            .env("VW_TEST_ARGON", "least")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    })
    .await
    .unwrap()
}

/// Built once for all tests of this process, as it stands.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "-p",
                "vitalwitness",
                "--bin",
                "vitalwitness",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success());
        // target/debug/deps/e2e_sync-1f2e, and the program two folders up
        let mut path = std::env::current_exe().unwrap();
        path.pop();
        path.pop();
        path.join(format!("vitalwitness{}", std::env::consts::EXE_SUFFIX))
    })
}

//! A directory with a record in it, and the program run on it.

use crate::program::{Ran, run_with};
use tempfile::TempDir;

/// A directory with a record in it.
pub(crate) struct Home(pub(crate) TempDir);

impl Home {
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn made() -> Self {
        let home = Self::empty();
        let kit = home.path("kit.txt");
        let ran = home.run(&["init", "--words-out", &kit, "--confirm-words", &kit]);
        assert_eq!(ran.exit, 0, "{ran:?}");
        home
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_as("correct horse", args)
    }

    pub(crate) fn run_as(&self, passphrase: &str, args: &[&str]) -> Ran {
        let vault = self.path("me");
        let variables = [
            ("VW_VAULT", vault.as_str()),
            ("VW_PASSPHRASE", passphrase),
            ("VW_TEST_ARGON", "least"),
            ("TZ", "UTC"),
        ];
        run_with(args, &variables, &[])
    }

    pub(crate) fn newest(&self) -> String {
        let listed = self.run(&["list", "--limit", "1", "--json"]).json();
        listed[0]["record"].as_str().unwrap().to_owned()
    }
}

/// One sentence with its code, the exit code, and no output but the error that `--json` prints.
pub(crate) fn is_refused(ran: &Ran, exit: i32, code: &str) {
    assert_eq!(ran.exit, exit, "{ran:?}");
    assert!(
        ran.err.trim_end().ends_with(&format!("[{code}]")),
        "{ran:?}"
    );
    assert_eq!(ran.err.lines().count(), 1, "one sentence: {ran:?}");
    if !ran.json {
        assert_eq!(ran.out, "", "{ran:?}");
        return;
    }
    let error = &ran.json()["error"];
    assert_eq!(error["code"], code, "{ran:?}");
    assert_eq!(error["exit"], exit, "{ran:?}");
    let said = format!("{} [{code}]", error["message"].as_str().unwrap());
    assert_eq!(ran.err.trim_end(), said);
}

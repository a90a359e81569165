//! How a command ends: an exit code, one sentence and a stable code.

use serde_json::{Value, json};
use std::fmt;
use std::process::ExitCode;

/// What the exit code says. Listed in `--help`; never renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done; a checked receipt holds.
    Done = 0,
    /// A receipt, file or code that does not hold.
    NotValid = 1,
    /// The command, a value or an input file is not what the command takes.
    Usage = 2,
    /// No trusted log or too few witnesses stand behind it, or only a newer version can read it.
    CannotTell = 3,
    /// Not shared, not any more, or locked.
    Refused = 4,
    /// No connection; what waits stays and can be sent again.
    Offline = 5,
    /// Storage, keys or a fault.
    Other = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do it. The sentence is for people and holds no health data.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// Stable, in brackets behind the sentence.
    pub(crate) code: String,
    /// One sentence: what happened, what to do.
    pub(crate) sentence: String,
}

impl Failure {
    /// A failure with `code`.
    pub(crate) fn new(exit: Exit, code: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            exit,
            code: code.into(),
            sentence: sentence.into(),
        }
    }

    /// The command or a value in it is wrong.
    pub(crate) fn usage(code: &str, sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, sentence)
    }

    /// A file cannot be read.
    pub(crate) fn unreadable(what: &str, error: &std::io::Error) -> Self {
        Self::new(
            Exit::Usage,
            "unreadable",
            format!("{what} cannot be read: {}.", reason(error)),
        )
    }

    /// What `--json` prints: `{"error": {"code", "message", "exit"}}`.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "error": {"code": self.code, "message": self.sentence, "exit": self.exit as u8},
        })
    }

    /// A file cannot be written.
    pub(crate) fn unwritable(what: &str, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::StorageFull => "storage_full",
            std::io::ErrorKind::AlreadyExists => "exists",
            _ => "unwritable",
        };
        Self::new(
            Exit::Other,
            code,
            format!("{what} cannot be written: {}.", reason(error)),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.sentence, self.code)
    }
}

/// What the system says, without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

/// What a command gives: done, or why not.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

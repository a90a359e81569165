//! Where keys and files are kept, and what a key store's refusal means.

use crate::outcome::{Exit, Failure, Outcome};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use vitalwitness_vault::keys::{Argon, KeyError};

/// `~/.vitalwitness/NAME`.
pub(crate) fn default_dir(name: &str) -> Outcome<PathBuf> {
    match std::env::home_dir() {
        Some(home) if !home.as_os_str().is_empty() => Ok(home.join(".vitalwitness").join(name)),
        _ => Err(Failure::usage(
            "no_directory",
            "There is no home directory; say where with --home or --vault.",
        )),
    }
}

/// A key store's refusal in words.
pub(crate) fn of_keys(error: &KeyError) -> Failure {
    let (exit, code, sentence) = match error {
        KeyError::WrongPassphrase => (
            Exit::Refused,
            "wrong_passphrase",
            "The passphrase does not open it; nothing was changed.",
        ),
        KeyError::Damaged => (
            Exit::Other,
            "keys_damaged",
            "The key file is damaged. It stays as it is.",
        ),
        KeyError::KeyLost => (Exit::Other, "key_lost", "A key is not there any more."),
        KeyError::Refused => (
            Exit::Refused,
            "key_refused",
            "The key was not allowed to sign.",
        ),
        _ => (
            Exit::Other,
            "key_store",
            "The key file cannot be used right now.",
        ),
    };
    Failure::new(exit, code, sentence)
}

/// Writes a file whole, then puts it in place.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Outcome {
    let aside = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    write().map_err(|error| Failure::unwritable(&path.display().to_string(), &error))
}

/// What Argon2id costs; `VW_TEST_ARGON=least` is for tests, whose keys are worth nothing.
pub(crate) fn argon() -> Argon {
    match std::env::var("VW_TEST_ARGON").as_deref() {
        Ok("least") => Argon::LEAST,
        _ => Argon::DEFAULT,
    }
}

/// Makes a directory that only its owner may enter; one that is there stays as it is.
pub(crate) fn make_private(dir: &Path) -> Outcome {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(dir)
        .map_err(|error| Failure::unwritable(&dir.display().to_string(), &error))
}

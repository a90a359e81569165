//! What a person does with their own record on this computer.

pub(crate) mod add;
pub(crate) mod complete;
pub(crate) mod counters;
pub(crate) mod devices;
pub(crate) mod erase;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod look;
pub(crate) mod receipt;
pub(crate) mod share;
pub(crate) mod sync;
pub(crate) mod trace;
pub(crate) mod worn;

use crate::console::{self, Console};
use crate::outcome::{Exit, Failure, Outcome};
use crate::place::{argon, default_dir, of_keys};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use vitalwitness_proof::Hash;
use vitalwitness_vault::clock::{Clock as _, SystemClock};
use vitalwitness_vault::keys::{FileKeyStore, OsRandom};
use vitalwitness_vault::kit::KitError;
use vitalwitness_vault::share::ShareError;
use vitalwitness_vault::store::StoreError;
use vitalwitness_vault::{BackupError, Env, Error, Query, Vault};

/// Where a person's record is.
#[derive(Args, Debug)]
pub(crate) struct At {
    /// The directory of your record [default: ~/.vitalwitness/vault].
    #[arg(long, value_name = "DIR", env = "VW_VAULT")]
    vault: Option<PathBuf>,
    /// Read the passphrase from a file instead of asking (or set `VW_PASSPHRASE`).
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl At {
    /// The directory.
    pub(crate) fn dir(&self) -> Outcome<PathBuf> {
        match &self.vault {
            Some(dir) => Ok(dir.clone()),
            None => default_dir("vault"),
        }
    }

    /// The file of the record.
    pub(crate) fn file(&self) -> Outcome<PathBuf> {
        Ok(self.dir()?.join("vault.db"))
    }

    /// Keys, clock and randomness; `new` makes the key file.
    pub(crate) fn env(&self, console: &Console, new: bool) -> Outcome<Env> {
        let passphrase = console::passphrase(console, self.passphrase_file.as_deref(), new)?;
        let keys = FileKeyStore::open(&self.dir()?.join("keys"), &passphrase, argon())
            .map_err(|error| of_keys(&error))?;
        Ok(Env {
            keystore: Arc::new(keys),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        })
    }

    /// The open vault.
    pub(crate) fn open(&self, console: &Console) -> Outcome<Vault> {
        let file = self.file()?;
        if !file.exists() {
            return Err(of_store(&StoreError::Missing));
        }
        Vault::open(&file, self.env(console, false)?).map_err(|error| failed(&error))
    }
}

/// Now.
pub(crate) fn now_ms() -> i64 {
    SystemClock.now_ms()
}

/// The record a person names: its whole name in hex, or at least 8 digits of its beginning.
pub(crate) fn find(vault: &Vault, text: &str) -> Outcome<Hash> {
    let text = text.trim().to_lowercase();
    let mut rc = [0; 32];
    if text.len() == 64 && hex::decode_to_slice(&text, &mut rc).is_ok() {
        return Ok(rc);
    }
    if text.len() < 8 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Failure::usage(
            "record_name",
            "A record is named by at least the first 8 digits that `vitalwitness list` shows.",
        ));
    }
    let mut found = Vec::new();
    let mut query = Query {
        limit: 10_000,
        ..Query::default()
    };
    loop {
        let page = vault.records(&query).map_err(|error| failed(&error))?;
        let names = page.records.iter().map(|found| found.rc);
        found.extend(names.filter(|rc| hex::encode(rc).starts_with(&text)));
        if page.next.is_none() {
            break;
        }
        query.after = page.next;
    }
    match found.as_slice() {
        [rc] => Ok(*rc),
        [] => Err(failed(&Error::NotFound)),
        _ => Err(Failure::usage(
            "record_name",
            "Several records begin like this; write more of it.",
        )),
    }
}

/// What a vault's refusal means.
pub(crate) fn failed(error: &Error) -> Failure {
    match error {
        Error::Store(error) => of_store(error),
        Error::Key(error) => of_keys(error),
        Error::Kit(error) => of_kit(error),
        Error::Record(error) => {
            Failure::usage(error.code(), format!("This cannot be recorded: {error}."))
        }
        Error::Open(error) => Failure::new(
            Exit::NotValid,
            error.code(),
            "A sealed set is not what was listed; it is kept as evidence and nothing of it is used.",
        ),
        Error::Hpke(_) => Failure::new(
            Exit::NotValid,
            "not_for_this_key",
            "It was not sealed for this record, or its bytes were changed.",
        ),
        Error::Cloud(error) => crate::grantee::cloud::failed(error),
        Error::Share(error) => of_share(*error),
        Error::Backup(error) => of_backup(*error),
        Error::NotLogged => Failure::new(
            Exit::CannotTell,
            "not_logged",
            "There is no receipt yet; `vitalwitness sync` gets it.",
        ),
        Error::NotFound => Failure::usage("not_found", "There is no record of that name."),
        Error::Locked => Failure::new(Exit::Refused, "locked", "Your record is locked."),
        _ => Failure::new(
            Exit::Other,
            "internal",
            "Something went wrong on our side; your records stay as they are.",
        ),
    }
}

fn of_store(error: &StoreError) -> Failure {
    let (exit, code, sentence) = match error {
        StoreError::Full => (
            Exit::Other,
            "storage_full",
            "There is no space left; nothing new was saved. Free some and try again.".to_owned(),
        ),
        StoreError::Corrupt { set_aside } => (
            Exit::Other,
            "storage_corrupt",
            match set_aside {
                Some(path) => format!(
                    "Your record file is damaged. It was set aside as {}, not deleted; restore a backup.",
                    path.display()
                ),
                None => {
                    "Your record file is damaged. Nothing was deleted; restore a backup.".to_owned()
                }
            },
        ),
        StoreError::WrongKey => (
            Exit::Refused,
            "wrong_key",
            "The keys beside it do not open this record; nothing was changed.".to_owned(),
        ),
        StoreError::NewerSchema { found, known } => (
            Exit::Other,
            "newer_schema",
            format!(
                "A newer version wrote this record (form {found}, this one knows {known}); update first."
            ),
        ),
        StoreError::InUse => (
            Exit::Other,
            "in_use",
            "Your record is open in another program; close it there first.".to_owned(),
        ),
        StoreError::Missing => (
            Exit::Usage,
            "no_vault",
            "There is no record here yet; `vitalwitness init` makes one.".to_owned(),
        ),
        StoreError::Exists => (
            Exit::Usage,
            "exists",
            "There is a record here already; it stays as it is.".to_owned(),
        ),
        _ => (
            Exit::Other,
            "storage",
            "Your record could not be read or written; try again.".to_owned(),
        ),
    };
    Failure::new(exit, code, sentence)
}

fn of_share(error: ShareError) -> Failure {
    let (code, sentence) = match error {
        ShareError::Answered => (
            "answered",
            "You answered this request before; the decision stays.".to_owned(),
        ),
        ShareError::NotChecked => (
            "not_checked",
            "This request is not checked yet, or did not hold; sync first.".to_owned(),
        ),
        ShareError::Expired => ("expired", "Its time is over.".to_owned()),
        ShareError::Revoked => ("revoked", "You stopped sharing this before.".to_owned()),
        other => ("not_allowed", format!("This cannot be shared: {other}.")),
    };
    Failure::new(Exit::Refused, code, sentence)
}

fn of_backup(error: BackupError) -> Failure {
    let (exit, code, sentence) = match error {
        BackupError::NotBackup => (Exit::NotValid, "not_backup", "This is no backup."),
        BackupError::Newer => (
            Exit::NotValid,
            "newer_backup",
            "A newer version wrote this backup; update first.",
        ),
        BackupError::OtherKit => (
            Exit::NotValid,
            "kit_other_account",
            "This backup is not of this recovery kit.",
        ),
        BackupError::Truncated => (
            Exit::NotValid,
            "backup_truncated",
            "The end of the backup is missing; copy it again.",
        ),
        BackupError::Damaged => (
            Exit::NotValid,
            "backup_damaged",
            "The backup is damaged; copy it again.",
        ),
        BackupError::Io(std::io::ErrorKind::StorageFull) => (
            Exit::Other,
            "storage_full",
            "There is no space left; the backup before stays as it was.",
        ),
        _ => (
            Exit::Other,
            "backup_file",
            "The backup cannot be read or written.",
        ),
    };
    Failure::new(exit, code, sentence)
}

/// What is wrong with the words of a kit.
pub(crate) fn of_kit(error: &KitError) -> Failure {
    let (code, sentence) = match error {
        KitError::Word { position } => (
            "kit_word",
            format!("Word {position} does not fit your recovery kit."),
        ),
        KitError::WordCount { found } => (
            "kit_word_count",
            format!("A recovery kit has 24 words; these are {found}."),
        ),
        KitError::Checksum => (
            "kit_checksum",
            "These words do not belong together: one is wrong, or their order is.".to_owned(),
        ),
        KitError::NotConfirmed => {
            return Failure::new(
                Exit::Refused,
                "kit_not_confirmed",
                "Confirm your recovery kit first (vitalwitness confirm-kit); nothing is synced before.",
            );
        }
        KitError::Needed => {
            return Failure::new(
                Exit::Refused,
                "kit_needed",
                "Nothing of your record is listed yet, so this needs your recovery kit: add --kit FILE.",
            );
        }
        KitError::OtherAccount => (
            "kit_other_account",
            "This is the recovery kit of another record.".to_owned(),
        ),
        _ => ("kit", "This is no recovery kit.".to_owned()),
    };
    Failure::new(Exit::NotValid, code, sentence)
}

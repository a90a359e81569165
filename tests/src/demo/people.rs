//! The patients of the demonstration: a vault each, and what they type.

use std::path::Path;
use std::sync::Arc;
use vitalwitness_domain::observation::entry;
use vitalwitness_domain::record::Record;
use vitalwitness_vault::clock::{Clock, SystemClock};
use vitalwitness_vault::keys::{Argon, FileKeyStore, OsRandom};
use vitalwitness_vault::kit::Kit;
use vitalwitness_vault::{Env, Vault};

/// What went wrong, in one line: the demonstration ends there.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// A patient with a phone.
#[derive(Debug)]
pub struct Patient {
    /// Their name, for the narration; it is in no file.
    pub name: &'static str,
    /// The vault.
    pub vault: Vault,
    /// The recovery kit.
    pub kit: Kit,
}

/// Keys, clock and randomness of a device whose keys are in `folder`, under a passphrase.
///
/// # Errors
///
/// As the key store.
pub fn device(folder: &Path) -> Result<Env, Trouble> {
    std::fs::create_dir_all(folder)?;
    let keys = FileKeyStore::open(&folder.join("keys"), "correct horse battery", Argon::LEAST)?;
    Ok(Env {
        keystore: Arc::new(keys),
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        random: Arc::new(OsRandom),
    })
}

impl Patient {
    /// Makes a vault in `folder` and confirms the kit as a person would: by typing the three words
    /// that are asked for.
    ///
    /// # Errors
    ///
    /// As the vault.
    pub fn new(name: &'static str, folder: &Path, origin: &str) -> Result<Self, Trouble> {
        let env = device(folder)?;
        let (vault, kit) = Vault::create(&folder.join("vault.db"), origin, env)?;
        let words = kit.words()?;
        let words: Vec<&str> = words.split(' ').collect();
        if let Some(asked) = vault.asked_words()? {
            let typed = asked.map(|at| words.get(usize::from(at) - 1).copied().unwrap_or_default());
            vault.confirm_kit(&typed)?;
        }
        Ok(Self { name, vault, kit })
    }

    /// Types one value, as on the add screen.
    ///
    /// # Errors
    ///
    /// When the value is not one of its kind.
    pub fn types(&self, kind: &str, value: &str, start_ms: i64) -> Result<[u8; 32], Trouble> {
        let read = entry(kind, value)?;
        let mut record = Record::typed(start_ms, 60, read.body);
        record.context = read.context;
        Ok(self.vault.add(record)?.rc)
    }
}

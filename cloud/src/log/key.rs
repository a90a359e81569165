//! An Ed25519 key in a file of the data folder, made at the first start.

use crate::clock::Env;
use crate::{Error, Result};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use vitalwitness_proof::checkpoint::{KeyKind, NoteKey};
use vitalwitness_proof::keys::{PublicKey, Signature};
use zeroize::Zeroizing;

/// The signing key of a log or a witness.
pub struct LogKey {
    pair: Ed25519KeyPair,
    note: NoteKey,
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogKey({})", self.note.vkey())
    }
}

impl LogKey {
    /// Reads the key's seed from `file`, or makes one there (mode 0600).
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Key`] for a file that holds no key.
    pub fn open(file: &Path, name: &str, kind: KeyKind, env: &Env) -> Result<Self> {
        let seed: Zeroizing<Vec<u8>> =
            Zeroizing::new(secret_file(file, || env.random::<32>().to_vec())?);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| Error::Key("the key file does not hold 32 bytes"))?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| Error::Key("no Ed25519 key"))?;
        let note = NoteKey::new(name, kind, public)
            .map_err(|_| Error::Key("the key's name is outside the grammar"))?;
        Ok(Self { pair, note })
    }

    /// Its public half, as verifiers know it.
    pub fn note_key(&self) -> &NoteKey {
        &self.note
    }

    /// Its SPKI and that one's id.
    pub(crate) fn spki(&self) -> Vec<u8> {
        PublicKey::Ed25519(self.note.key).to_spki()
    }

    /// Signs a message.
    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }
}

/// Reads a secret from `file`, or writes what `make` gives there, readable by its owner only.
pub(crate) fn secret_file(file: &Path, make: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>> {
    match std::fs::read(file) {
        Ok(bytes) => return Ok(bytes),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
        Err(cause) => return Err(Error::io("read a key file")(cause)),
    }
    let bytes = Zeroizing::new(make());
    let fresh = file.with_extension("new");
    let write = || -> std::io::Result<()> {
        let mut out = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        out.write_all(&bytes)?;
        out.sync_all()?;
        std::fs::rename(&fresh, file)?;
        File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(Error::io("write a key file"))?;
    Ok(bytes.to_vec())
}

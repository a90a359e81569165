//! What a witness remembers of each log: the last size and root it cosigned.
//!
//! Durable before the cosignature is made, so that no crash lets a log roll back.

use crate::store::sync_folder;
use crate::{Error, Result};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use vitalwitness_proof::sha256;

/// The last cosigned head of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) size: u64,
    pub(crate) root: [u8; 32],
}

/// One log's memory.
#[derive(Debug)]
pub(crate) struct Memory {
    folder: PathBuf,
    file: PathBuf,
    seen: Option<Seen>,
}

impl Memory {
    /// Reads what was remembered of `origin`.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] for a file of another form: guessing would allow a rollback.
    pub(crate) fn open(data: &Path, origin: &str) -> Result<Self> {
        let name = hex::encode(&sha256(&[origin.as_bytes()])[..8]);
        let file = data.join(format!("seen-{name}"));
        let seen = match std::fs::read_to_string(&file) {
            Ok(text) => Some(parse(&text).ok_or(Error::Corrupt("what the witness remembers"))?),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
            Err(cause) => return Err(Error::io("read what was seen")(cause)),
        };
        Ok(Self {
            folder: data.to_owned(),
            file,
            seen,
        })
    }

    pub(crate) fn seen(&self) -> Option<Seen> {
        self.seen
    }

    /// Remembers; durable when this returns.
    pub(crate) fn remember(&mut self, seen: Seen) -> Result<()> {
        let fresh = self.file.with_extension("new");
        let text = format!("{} {}\n", seen.size, hex::encode(seen.root));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&fresh)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&fresh, &self.file)
        };
        write().map_err(Error::io("remember a checkpoint"))?;
        sync_folder(&self.folder)?;
        self.seen = Some(seen);
        Ok(())
    }
}

fn parse(text: &str) -> Option<Seen> {
    let (size, root) = text.strip_suffix('\n')?.split_once(' ')?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(root, &mut bytes).ok()?;
    Some(Seen {
        size: size.parse().ok()?,
        root: bytes,
    })
}

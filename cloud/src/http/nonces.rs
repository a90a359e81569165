//! Nonces of signed requests, each good once.
//!
//! Kept as long as a request that carries them could still be in time, in memory and in two files
//! that take turns, so that a restart does not forget them. The files are not synced: they survive
//! the process, not the machine, whose start takes longer than a session's clock may be off.

use crate::{Error, Result};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What was seen lately.
#[derive(Debug)]
pub(crate) struct Nonces {
    inner: Mutex<Inner>,
    window_ms: i64,
}

#[derive(Debug)]
struct Inner {
    now: Generation,
    before: Generation,
}

#[derive(Debug)]
struct Generation {
    seen: HashSet<[u8; 32]>,
    began_ms: i64,
    path: PathBuf,
    file: File,
}

impl Nonces {
    /// Reads what an earlier process left. A nonce is kept for at least `window_ms`.
    pub(crate) fn open(data: &Path, window_ms: i64, now_ms: i64) -> Result<Self> {
        let mut now = Generation::open(&data.join("nonces.a"), now_ms)?;
        let mut before = Generation::open(&data.join("nonces.b"), now_ms)?;
        if before.began_ms > now.began_ms {
            std::mem::swap(&mut now, &mut before);
        }
        Ok(Self {
            inner: Mutex::new(Inner { now, before }),
            window_ms,
        })
    }

    /// Takes a session's nonce; false if it was seen.
    pub(crate) fn take(&self, keyid: [u8; 16], nonce: [u8; 16], now_ms: i64) -> Result<bool> {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&keyid);
        key[16..].copy_from_slice(&nonce);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        if now_ms.saturating_sub(inner.now.began_ms) > self.window_ms {
            std::mem::swap(&mut inner.now, &mut inner.before);
            inner.now.begin(now_ms)?;
        }
        if inner.before.seen.contains(&key) || !inner.now.seen.insert(key) {
            return Ok(false);
        }
        inner
            .now
            .file
            .write_all(&key)
            .map_err(Error::io("write a nonce"))?;
        Ok(true)
    }
}

impl Generation {
    fn open(path: &Path, now_ms: i64) -> Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(Error::io("open the nonces"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(Error::io("read the nonces"))?;
        let began = bytes.split_first_chunk::<8>();
        let mut generation = Self {
            seen: HashSet::new(),
            began_ms: now_ms,
            path: path.to_owned(),
            file,
        };
        match began {
            Some((began, keys)) => {
                generation.began_ms = i64::from_be_bytes(*began);
                let (keys, rest) = keys.as_chunks::<32>();
                generation.seen.extend(keys);
                if !rest.is_empty() {
                    // a torn last write would shift all that follow it
                    let whole = u64::try_from(8 + keys.len() * 32).unwrap_or(u64::MAX);
                    generation
                        .file
                        .set_len(whole)
                        .map_err(Error::io("mend the nonces"))?;
                }
            }
            None => generation.begin(now_ms)?,
        }
        Ok(generation)
    }

    fn begin(&mut self, now_ms: i64) -> Result<()> {
        self.seen.clear();
        self.began_ms = now_ms;
        self.file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&self.path)
            .map_err(Error::io("begin the nonces"))?;
        self.file
            .write_all(&now_ms.to_be_bytes())
            .map_err(Error::io("begin the nonces"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once_for_its_window_also_across_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let open = |now| Nonces::open(folder.path(), 1000, now).unwrap();
        let nonces = open(0);
        assert!(nonces.take([1; 16], [1; 16], 0).unwrap());
        assert!(!nonces.take([1; 16], [1; 16], 900).unwrap());
        assert!(nonces.take([2; 16], [1; 16], 900).unwrap());
        drop(nonces);
        let nonces = open(950);
        assert!(!nonces.take([1; 16], [1; 16], 960).unwrap());
        assert!(!nonces.take([2; 16], [1; 16], 1500).unwrap());
        assert!(!nonces.take([2; 16], [1; 16], 1900).unwrap());
    }
}

//! Key stores in software, for desktops and tests: one file under a passphrase, or memory alone.
//!
//! File: `VWKEYS1\0` || Argon2id memory KiB, passes, lanes (u32 each) || salt (16) || nonce (12) ||
//! AES-256-GCM of the keys, with everything before as associated data. A key is u16 length of the
//! alias || alias || kind (u8) || secret (32).

use super::{KeyError, KeyKind, KeyStore, OsRandom, Point, PrivateKey, Spki, random_bytes};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// Cost of turning a passphrase into a key (Argon2id, RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Argon {
    /// For people's passphrases: 64 MiB, three passes, one lane.
    pub const DEFAULT: Self = Self {
        memory_kib: 65_536,
        passes: 3,
        lanes: 1,
    };
    /// For tests: the least there is.
    pub const LEAST: Self = Self {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    };
}

struct Secret {
    kind: KeyKind,
    scalar: Zeroizing<[u8; 32]>,
}

type Keys = BTreeMap<String, Secret>;

/// A key store in one file under a passphrase.
///
/// Presence is not asked for: who has the passphrase is present.
pub struct FileKeyStore {
    path: PathBuf,
    key: LessSafeKey,
    head: Vec<u8>,
    keys: Mutex<Keys>,
}

impl FileKeyStore {
    /// Opens the store at `path`, or makes one.
    ///
    /// # Errors
    ///
    /// [`KeyError::WrongPassphrase`], [`KeyError::Damaged`] or [`KeyError::Io`].
    pub fn open(path: &Path, passphrase: &str, argon: Argon) -> Result<Self, KeyError> {
        match fs::read(path) {
            Ok(bytes) => Self::read(path, passphrase, &bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut head = MAGIC.to_vec();
                for cost in [argon.memory_kib, argon.passes, argon.lanes] {
                    head.extend_from_slice(&cost.to_be_bytes());
                }
                head.extend_from_slice(&random_bytes::<16>(&OsRandom)?);
                let store = Self {
                    path: path.to_path_buf(),
                    key: derive(passphrase, &head)?,
                    head,
                    keys: Mutex::new(Keys::new()),
                };
                store.write(&Keys::new())?;
                Ok(store)
            }
            Err(error) => Err(KeyError::Io(error.kind())),
        }
    }

    fn read(path: &Path, passphrase: &str, bytes: &[u8]) -> Result<Self, KeyError> {
        let (head, sealed) = bytes.split_at_checked(HEAD_LEN).ok_or(KeyError::Damaged)?;
        if !head.starts_with(MAGIC) {
            return Err(KeyError::Damaged);
        }
        let key = derive(passphrase, head)?;
        let plain = open(&key, sealed, head).ok_or(KeyError::WrongPassphrase)?;
        let keys = parse(&plain).ok_or(KeyError::Damaged)?;
        Ok(Self {
            path: path.to_path_buf(),
            key,
            head: head.to_vec(),
            keys: Mutex::new(keys),
        })
    }

    /// Replaces the file: written beside it, synced, then renamed over it. Its owner alone reads it.
    fn write(&self, keys: &Keys) -> Result<(), KeyError> {
        let mut plain = Zeroizing::new(Vec::new());
        for (alias, secret) in keys {
            let len = u16::try_from(alias.len()).map_err(|_| KeyError::NotValid)?;
            plain.extend_from_slice(&len.to_be_bytes());
            plain.extend_from_slice(alias.as_bytes());
            plain.push(code_of(secret.kind));
            plain.extend_from_slice(secret.scalar.as_slice());
        }
        let mut bytes = self.head.clone();
        bytes.extend_from_slice(&seal(&self.key, &plain, &self.head)?);
        let beside = self.path.with_extension("new");
        let io = |error: std::io::Error| KeyError::Io(error.kind());
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // one that a crash left may be open to others
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let mut file = options.open(&beside).map_err(io)?;
        file.write_all(&bytes).map_err(io)?;
        file.sync_all().map_err(io)?;
        fs::rename(&beside, &self.path).map_err(io)?;
        if let Some(folder) = self.path.parent() {
            // Not every file system lets a folder be synced; the rename is done either way.
            if let Ok(folder) = File::open(folder) {
                let _ = folder.sync_all();
            }
        }
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Keys)) -> Result<(), KeyError> {
        let mut keys = lock(&self.keys);
        let mut next: Keys = keys
            .iter()
            .map(|(alias, secret)| {
                let secret = Secret {
                    kind: secret.kind,
                    scalar: secret.scalar.clone(),
                };
                (alias.clone(), secret)
            })
            .collect();
        change(&mut next);
        self.write(&next)?;
        *keys = next;
        Ok(())
    }
}

impl fmt::Debug for FileKeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKeyStore(..)")
    }
}

/// What a [`MemoryKeyStore`] answers instead of working.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The next use that needs presence is refused.
    Refuse,
    /// The next use finds the store not answering.
    Unavailable,
    /// The next use finds its key lost; it stays lost.
    Lose,
}

/// A key store in memory, for tests. Faults are answered in the order they were asked for.
#[derive(Default)]
pub struct MemoryKeyStore {
    keys: Mutex<Keys>,
    faults: Mutex<VecDeque<Fault>>,
}

impl MemoryKeyStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets a coming use fail.
    pub fn fail(&self, fault: Fault) {
        lock(&self.faults).push_back(fault);
    }

    fn fault(&self, alias: &str, presence: bool) -> Result<(), KeyError> {
        let mut faults = lock(&self.faults);
        match faults.front() {
            Some(Fault::Refuse) if presence => {
                faults.pop_front();
                Err(KeyError::Refused)
            }
            Some(Fault::Unavailable) => {
                faults.pop_front();
                Err(KeyError::Unavailable)
            }
            Some(Fault::Lose) => {
                faults.pop_front();
                lock(&self.keys).remove(alias);
                Err(KeyError::KeyLost)
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for MemoryKeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryKeyStore(..)")
    }
}

impl KeyStore for FileKeyStore {
    fn create(&self, alias: &str, kind: KeyKind) -> Result<(), KeyError> {
        let secret = new_secret(kind)?;
        self.change(|keys| {
            keys.insert(alias.to_owned(), secret);
        })
    }

    fn public(&self, alias: &str) -> Result<Spki, KeyError> {
        public(&lock(&self.keys), alias)
    }

    fn sign(&self, alias: &str, message: &[u8]) -> Result<[u8; 64], KeyError> {
        sign(&lock(&self.keys), alias, message)
    }

    fn agree(&self, alias: &str, peer: &Point) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        agree(&lock(&self.keys), alias, peer)
    }

    fn wrap(&self, alias: &str, secret: &[u8], context: &[u8]) -> Result<Vec<u8>, KeyError> {
        seal(&wrapping(&lock(&self.keys), alias)?, secret, context)
    }

    fn unwrap(
        &self,
        alias: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        open(&wrapping(&lock(&self.keys), alias)?, wrapped, context).ok_or(KeyError::NotValid)
    }

    fn delete(&self, alias: &str) -> Result<(), KeyError> {
        self.change(|keys| {
            keys.remove(alias);
        })
    }
}

impl KeyStore for MemoryKeyStore {
    fn create(&self, alias: &str, kind: KeyKind) -> Result<(), KeyError> {
        self.fault(alias, false)?;
        lock(&self.keys).insert(alias.to_owned(), new_secret(kind)?);
        Ok(())
    }

    fn public(&self, alias: &str) -> Result<Spki, KeyError> {
        self.fault(alias, false)?;
        public(&lock(&self.keys), alias)
    }

    fn sign(&self, alias: &str, message: &[u8]) -> Result<[u8; 64], KeyError> {
        let presence =
            kind_of(&lock(&self.keys), alias).is_ok_and(|kind| kind == KeyKind::SignWithPresence);
        self.fault(alias, presence)?;
        sign(&lock(&self.keys), alias, message)
    }

    fn agree(&self, alias: &str, peer: &Point) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        self.fault(alias, false)?;
        agree(&lock(&self.keys), alias, peer)
    }

    fn wrap(&self, alias: &str, secret: &[u8], context: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.fault(alias, false)?;
        seal(&wrapping(&lock(&self.keys), alias)?, secret, context)
    }

    fn unwrap(
        &self,
        alias: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.fault(alias, false)?;
        open(&wrapping(&lock(&self.keys), alias)?, wrapped, context).ok_or(KeyError::NotValid)
    }

    fn delete(&self, alias: &str) -> Result<(), KeyError> {
        lock(&self.keys).remove(alias);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_secret(kind: KeyKind) -> Result<Secret, KeyError> {
    let scalar = match kind {
        KeyKind::Wrap => Zeroizing::new(random_bytes(&OsRandom)?),
        _ => PrivateKey::generate(&OsRandom)?.scalar().clone(),
    };
    Ok(Secret { kind, scalar })
}

fn kind_of(keys: &Keys, alias: &str) -> Result<KeyKind, KeyError> {
    keys.get(alias)
        .map(|secret| secret.kind)
        .ok_or(KeyError::KeyLost)
}

fn private(keys: &Keys, alias: &str, kinds: &[KeyKind]) -> Result<PrivateKey, KeyError> {
    let secret = keys.get(alias).ok_or(KeyError::KeyLost)?;
    if !kinds.contains(&secret.kind) {
        return Err(KeyError::WrongKind);
    }
    PrivateKey::from_scalar(&secret.scalar)
}

fn public(keys: &Keys, alias: &str) -> Result<Spki, KeyError> {
    let kinds = [KeyKind::Sign, KeyKind::SignWithPresence, KeyKind::Agree];
    private(keys, alias, &kinds).map(|key| key.spki())
}

fn sign(keys: &Keys, alias: &str, message: &[u8]) -> Result<[u8; 64], KeyError> {
    private(keys, alias, &[KeyKind::Sign, KeyKind::SignWithPresence])?.sign(message)
}

fn agree(keys: &Keys, alias: &str, peer: &Point) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    private(keys, alias, &[KeyKind::Agree])?.agree(peer)
}

fn wrapping(keys: &Keys, alias: &str) -> Result<LessSafeKey, KeyError> {
    let secret = keys.get(alias).ok_or(KeyError::KeyLost)?;
    if secret.kind != KeyKind::Wrap {
        return Err(KeyError::WrongKind);
    }
    aead(&secret.scalar)
}

fn aead(key: &[u8; 32]) -> Result<LessSafeKey, KeyError> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| KeyError::NotValid)?;
    Ok(LessSafeKey::new(key))
}

fn seal(key: &LessSafeKey, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, KeyError> {
    let nonce: [u8; NONCE_LEN] = random_bytes(&OsRandom)?;
    let mut out = nonce.to_vec();
    let mut sealed = plain.to_vec();
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(context),
            &mut sealed,
        )
        .map_err(|_| KeyError::NotValid)?;
    out.extend_from_slice(&sealed);
    out.extend_from_slice(tag.as_ref());
    Ok(out)
}

fn open(key: &LessSafeKey, sealed: &[u8], context: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let len = key
        .open_in_place(nonce, Aad::from(context), &mut bytes)
        .ok()?
        .len();
    bytes.truncate(len);
    Some(bytes)
}

fn derive(passphrase: &str, head: &[u8]) -> Result<LessSafeKey, KeyError> {
    let cost = |at: usize| {
        let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_be_bytes).ok_or(KeyError::Damaged)
    };
    let (memory, passes, lanes) = (cost(8)?, cost(12)?, cost(16)?);
    if memory > MOST_MEMORY_KIB || passes > MOST_PASSES || lanes > MOST_LANES {
        return Err(KeyError::Damaged);
    }
    let params =
        argon2::Params::new(memory, passes, lanes, Some(32)).map_err(|_| KeyError::Damaged)?;
    let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut key = Zeroizing::new([0; 32]);
    argon
        .hash_password_into(
            passphrase.as_bytes(),
            &head[20..HEAD_LEN],
            key.as_mut_slice(),
        )
        .map_err(|_| KeyError::Damaged)?;
    aead(&key)
}

fn parse(mut bytes: &[u8]) -> Option<Keys> {
    let mut keys = Keys::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk::<2>()?;
        let (alias, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        let (&kind, rest) = rest.split_first()?;
        let (scalar, rest) = rest.split_first_chunk::<32>()?;
        let secret = Secret {
            kind: KINDS.into_iter().find(|known| code_of(*known) == kind)?,
            scalar: Zeroizing::new(*scalar),
        };
        keys.insert(std::str::from_utf8(alias).ok()?.to_owned(), secret);
        bytes = rest;
    }
    Some(keys)
}

fn code_of(kind: KeyKind) -> u8 {
    match kind {
        KeyKind::Sign => 1,
        KeyKind::SignWithPresence => 2,
        KeyKind::Agree => 3,
        KeyKind::Wrap => 4,
    }
}

const KINDS: [KeyKind; 4] = [
    KeyKind::Sign,
    KeyKind::SignWithPresence,
    KeyKind::Agree,
    KeyKind::Wrap,
];
const MAGIC: &[u8; 8] = b"VWKEYS1\0";
const HEAD_LEN: usize = 36;
/// A damaged or hostile file must not cost more than this.
const MOST_MEMORY_KIB: u32 = 1 << 20;
const MOST_PASSES: u32 = 64;
const MOST_LANES: u32 = 16;

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
mod tests {
    use super::*;

    #[test]
    fn a_file_store_keeps_its_keys_and_opens_under_its_passphrase_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let store = FileKeyStore::open(&path, "correct horse", Argon::LEAST).unwrap();
        store.create("a", KeyKind::Agree).unwrap();
        store.create("w", KeyKind::Wrap).unwrap();
        let spki = store.public("a").unwrap();
        let wrapped = store.wrap("w", b"secret", b"here").unwrap();

        let again = FileKeyStore::open(&path, "correct horse", Argon::LEAST).unwrap();
        assert_eq!(again.public("a").unwrap(), spki);
        assert_eq!(
            again.unwrap("w", &wrapped, b"here").unwrap().as_slice(),
            b"secret"
        );
        assert_eq!(
            again.unwrap("w", &wrapped, b"there").unwrap_err(),
            KeyError::NotValid
        );
        let wrong = FileKeyStore::open(&path, "battery staple", Argon::LEAST).unwrap_err();
        assert_eq!(wrong, KeyError::WrongPassphrase);
        fs::write(&path, b"VWKE").unwrap();
        let damaged = FileKeyStore::open(&path, "correct horse", Argon::LEAST).unwrap_err();
        assert_eq!(damaged, KeyError::Damaged);
    }

    #[cfg(unix)]
    #[test]
    fn the_key_file_is_its_owners_alone_also_after_a_crash_left_another() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let store = FileKeyStore::open(&path, "correct horse", Argon::LEAST).unwrap();
        assert_eq!(mode(), 0o600);
        let left = path.with_extension("new");
        fs::write(&left, b"half").unwrap();
        fs::set_permissions(&left, fs::Permissions::from_mode(0o644)).unwrap();
        store.create("a", KeyKind::Agree).unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn a_key_serves_only_what_it_was_made_for() {
        let store = MemoryKeyStore::new();
        store.create("s", KeyKind::Sign).unwrap();
        store.create("w", KeyKind::Wrap).unwrap();
        let point = super::super::point_of(&store.public("s").unwrap()).unwrap();
        assert_eq!(store.agree("s", &point).unwrap_err(), KeyError::WrongKind);
        assert_eq!(store.sign("w", b"m").unwrap_err(), KeyError::WrongKind);
        assert_eq!(store.wrap("s", b"m", b"").unwrap_err(), KeyError::WrongKind);
        assert_eq!(store.public("none").unwrap_err(), KeyError::KeyLost);
    }

    #[test]
    fn faults_are_answered_once_and_a_lost_key_stays_lost() {
        let store = MemoryKeyStore::new();
        store.create("s", KeyKind::SignWithPresence).unwrap();
        store.fail(Fault::Refuse);
        store.fail(Fault::Unavailable);
        assert_eq!(store.sign("s", b"m").unwrap_err(), KeyError::Refused);
        assert_eq!(store.sign("s", b"m").unwrap_err(), KeyError::Unavailable);
        store.sign("s", b"m").unwrap();
        store.fail(Fault::Lose);
        assert_eq!(store.sign("s", b"m").unwrap_err(), KeyError::KeyLost);
        assert_eq!(store.sign("s", b"m").unwrap_err(), KeyError::KeyLost);
    }

    #[test]
    fn signatures_are_low_s_and_verify() {
        let key = PrivateKey::generate(&OsRandom).unwrap();
        for round in 0..32_u8 {
            let signature = key.sign(&[round]).unwrap();
            let parsed = p256::ecdsa::Signature::from_slice(&signature).unwrap();
            assert_eq!(parsed.normalize_s(), parsed, "round {round}");
            let verifier = ring::signature::UnparsedPublicKey::new(
                &ring::signature::ECDSA_P256_SHA256_FIXED,
                key.point(),
            );
            verifier.verify(&[round], &signature).unwrap();
        }
    }
}

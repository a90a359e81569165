//! Backup: the whole vault in one file that the recovery kit alone opens.
//!
//! ```text
//! VWBACKUP || u8 version = 1 || account (16) || enc (65) || u16 length || ciphertext
//!   ciphertext: HPKE to KK of content key (32) || database key (32),
//!   info = "vitalwitness backup v1" || account
//! then chunks: u32 length || AES-256-GCM(content key, nonce = 7 zero bytes || u32 number || u8 last,
//!   plain, AAD = SHA-256 of all before the chunks); plain: 64 KiB each, the last one shorter or empty
//! ```
//!
//! The plain bytes are a copy of the vault's file. Without its last chunk a backup is refused:
//! cut off is told from damaged.

use crate::Error;
use crate::account::{Account, ephemeral, new_alias};
use crate::channels::Channel;
use crate::keys::{KeyError, KeyKind, Point, key_id, point_of, random_bytes};
use crate::kit::Kit;
use crate::sealing::Seal;
use crate::store::{DAMAGED, Priority, Store, StoreError};
use crate::tasks::Task;
use crate::vault::{Core, Env, Statement, Vault};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use vitalwitness_domain::hpke;
use zeroize::Zeroizing;

/// Why a file gives no vault back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Choose another file.
    #[error("this is no backup")]
    NotBackup,
    /// Update, then restore.
    #[error("the backup is of a newer version")]
    Newer,
    /// The kit is one, of another account.
    #[error("the backup is not of this recovery kit")]
    OtherKit,
    /// Copy it again: the end is missing.
    #[error("the backup ends too early")]
    Truncated,
    /// Copy it again: bytes were changed.
    #[error("the backup is damaged")]
    Damaged,
    /// The file cannot be read or written.
    #[error("the backup cannot be read or written")]
    Io(io::ErrorKind),
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            kind => Self::Io(kind),
        }
    }
}

impl Vault {
    /// Writes a backup to `path`, in place of one that is there. Needs no kit, so it can run by
    /// schedule. Open batches are sealed first.
    ///
    /// # Errors
    ///
    /// [`Error::Backup`]; a file that was at `path` is then as it was.
    pub fn backup(&self, path: &Path) -> Result<(), Error> {
        let copy = beside(path, "copy");
        let done = self.with(|core| {
            if let Err(error) = core.seal_open(Seal::All) {
                // it goes along unsealed: restoring moves it to a batch of another id
                log::warn!("a batch was not sealed before a backup: {error}");
            }
            remove(&copy)?;
            core.store.copy_to(&copy)?;
            let database_key = core.store.database_key(core.env.keystore.as_ref())?;
            let next = beside(path, "new");
            let written = write(&core.account, &database_key, &copy, &next, &core.env);
            if let Err(error) = written {
                remove(&next)?;
                return Err(error);
            }
            fs::rename(&next, path).map_err(BackupError::from)?;
            Ok(())
        });
        remove(&copy)?;
        done
    }

    /// Makes a vault at `path` from the backup `from`, on a new device of the account of `kit`.
    ///
    /// The same records with the same hashes; keys of this device are new, and are stated and
    /// enrolled at the next sync.
    ///
    /// # Errors
    ///
    /// [`Error::Backup`] says what is wrong with the file or the kit; nothing is at `path` then.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "as create and open, which keep it"
    )]
    pub fn restore_backup(
        from: &Path,
        kit: &Kit,
        path: &Path,
        origin: &str,
        env: Env,
    ) -> Result<Self, Error> {
        if path.exists() {
            return Err(StoreError::Exists.into());
        }
        let restored = restore(from, kit, path, origin, &env);
        if restored.is_err() {
            for suffix in ["", "-wal"] {
                let mut name = path.as_os_str().to_owned();
                name.push(suffix);
                remove(Path::new(&name))?;
            }
        }
        Ok(Self::with_core(restored?))
    }
}

fn restore(from: &Path, kit: &Kit, path: &Path, origin: &str, env: &Env) -> Result<Core, Error> {
    let database_key = read(from, kit, path)?;
    let (keystore, random) = (env.keystore.as_ref(), env.random.as_ref());
    let dbk = new_alias(random)?;
    keystore.create(&dbk, KeyKind::Wrap)?;
    Store::rewrap(path, &database_key, &dbk, keystore)?;
    let store = Store::open(path, keystore, env.random.clone())?;
    let mut core = Core::load(store, env.clone())?;
    core.move_unsealed()?;
    let account = Account::new_device(kit, true, keystore, random, |_| [0; 16])?;
    let statement = Statement::sign(kit, &account, origin, env)?;
    let mut channels = Vec::new();
    for channel in Channel::all(&core.store.reader())? {
        let category = channel.category();
        channels.push(Channel::new(
            category,
            Some(channel.secrets),
            keystore,
            random,
        )?);
    }
    core.store.write(|tx| {
        account.save(tx)?;
        statement.save(tx)?;
        crate::sync::link::forget_device(tx)?;
        crate::devices::forget_newest(tx)?;
        crate::devices::secrets::RestoredBy::save(kit, env.clock.now_ms(), tx)?;
        tx.queue(Priority::Account, &Task::Account.encode())?;
        for channel in &channels {
            channel.save(tx)?;
            channel.queue_enrolment(tx)?;
        }
        Ok::<_, Error>(())
    })?;
    core.account = account;
    Ok(core)
}

fn write(
    account: &Account,
    database_key: &[u8; 32],
    copy: &Path,
    to: &Path,
    env: &Env,
) -> Result<(), Error> {
    let random = env.random.as_ref();
    let kk = point_of(&account.kk).ok_or(DAMAGED)?;
    let content_key = Zeroizing::new(random_bytes::<32>(random)?);
    let mut secrets = Zeroizing::new(content_key.to_vec());
    secrets.extend_from_slice(database_key);
    let info = hpke::info::backup(&account.id);
    let sealed = hpke::seal(&kk, &info, &[], &secrets, ephemeral(random)?)?;
    let mut head = MAGIC.to_vec();
    head.push(VERSION);
    head.extend_from_slice(&account.id);
    head.extend_from_slice(&sealed.enc);
    let len = u16::try_from(sealed.ciphertext.len()).map_err(|_| BackupError::Damaged)?;
    head.extend_from_slice(&len.to_be_bytes());
    head.extend_from_slice(&sealed.ciphertext);

    let chunks = Chunks::new(&content_key, &head)?;
    let io = |error: io::Error| Error::from(BackupError::from(error));
    let mut out = BufWriter::new(File::create(to).map_err(io)?);
    out.write_all(&head).map_err(io)?;
    let mut plain = File::open(copy).map_err(io)?;
    for number in 0.. {
        let mut chunk = Vec::with_capacity(CHUNK + 16);
        let read = Read::by_ref(&mut plain)
            .take(CHUNK as u64)
            .read_to_end(&mut chunk);
        let last = read.map_err(io)? < CHUNK;
        chunks.seal(number, last, &mut chunk)?;
        let len = u32::try_from(chunk.len()).map_err(|_| BackupError::Damaged)?;
        out.write_all(&len.to_be_bytes()).map_err(io)?;
        out.write_all(&chunk).map_err(io)?;
        if last {
            break;
        }
    }
    let file = out.into_inner().map_err(|error| io(error.into_error()))?;
    file.sync_all().map_err(io)
}

/// Decrypts the vault's file to `to`. Returns its database key.
fn read(from: &Path, kit: &Kit, to: &Path) -> Result<Zeroizing<[u8; 32]>, Error> {
    let io = |error: io::Error| Error::from(BackupError::from(error));
    let mut input = BufReader::new(File::open(from).map_err(io)?);
    let mut head = vec![0; HEAD_LEN];
    input
        .read_exact(&mut head)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::from(BackupError::NotBackup),
            _ => io(error),
        })?;
    let (magic, rest) = head.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(BackupError::NotBackup.into());
    }
    let [version, rest @ ..] = rest else {
        return Err(BackupError::NotBackup.into());
    };
    if *version != VERSION {
        return Err(BackupError::Newer.into());
    }
    let damaged = || Error::from(BackupError::Damaged);
    let (account, rest) = rest.split_first_chunk::<16>().ok_or_else(damaged)?;
    let (enc, len) = rest.split_first_chunk::<65>().ok_or_else(damaged)?;
    let (account, enc): ([u8; 16], Point) = (*account, *enc);
    let len = u16::from_be_bytes(len.try_into().map_err(|_| damaged())?);
    if account != key_id(&kit.aik().spki()) {
        return Err(BackupError::OtherKit.into());
    }
    let mut ciphertext = vec![0; usize::from(len)];
    input.read_exact(&mut ciphertext).map_err(io)?;
    head.extend_from_slice(&ciphertext);
    let info = hpke::info::backup(&account);
    let secrets = hpke::open(kit.kk(), &enc, &info, &[], &ciphertext).map_err(|_| damaged())?;
    let (content_key, database_key) = secrets.split_first_chunk::<32>().ok_or_else(damaged)?;
    let database_key = database_key.try_into().map_err(|_| damaged())?;

    let chunks = Chunks::new(content_key, &head)?;
    let mut out = BufWriter::new(File::create(to).map_err(io)?);
    for number in 0.. {
        let mut len = [0; 4];
        input.read_exact(&mut len).map_err(io)?;
        let len = usize::try_from(u32::from_be_bytes(len)).map_err(|_| damaged())?;
        if !(16..=CHUNK + 16).contains(&len) {
            return Err(damaged());
        }
        let mut chunk = vec![0; len];
        input.read_exact(&mut chunk).map_err(io)?;
        let last = len < CHUNK + 16;
        let plain = chunks.open(number, last, &mut chunk)?;
        out.write_all(plain).map_err(io)?;
        if last {
            break;
        }
    }
    if input.read(&mut [0]).map_err(io)? != 0 {
        return Err(damaged());
    }
    let file = out.into_inner().map_err(|error| io(error.into_error()))?;
    file.sync_all().map_err(io)?;
    Ok(Zeroizing::new(database_key))
}

struct Chunks {
    key: LessSafeKey,
    head: digest::Digest,
}

impl Chunks {
    fn new(key: &[u8; 32], head: &[u8]) -> Result<Self, Error> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| KeyError::NotValid)?;
        Ok(Self {
            key: LessSafeKey::new(key),
            head: digest::digest(&digest::SHA256, head),
        })
    }

    fn nonce(number: u32, last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[7..11].copy_from_slice(&number.to_be_bytes());
        nonce[11] = u8::from(last);
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&self, number: u32, last: bool, chunk: &mut Vec<u8>) -> Result<(), Error> {
        let (nonce, aad) = (Self::nonce(number, last), Aad::from(self.head.as_ref()));
        self.key
            .seal_in_place_append_tag(nonce, aad, chunk)
            .map_err(|_| BackupError::Damaged.into())
    }

    fn open<'a>(&self, number: u32, last: bool, chunk: &'a mut [u8]) -> Result<&'a [u8], Error> {
        let (nonce, aad) = (Self::nonce(number, last), Aad::from(self.head.as_ref()));
        let opened = self.key.open_in_place(nonce, aad, chunk);
        opened
            .map(|plain| &*plain)
            .map_err(|_| BackupError::Damaged.into())
    }
}

fn beside(path: &Path, word: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(word);
    PathBuf::from(name)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(BackupError::Io(error.kind()).into())
        }
        _ => Ok(()),
    }
}

const MAGIC: &[u8] = b"VWBACKUP";
const VERSION: u8 = 1;
const HEAD_LEN: usize = 8 + 1 + 16 + 65 + 2;
const CHUNK: usize = 65_536;

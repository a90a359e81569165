//! What a person at an organisation keeps: keys under a passphrase, certificates, trust, requests.
//!
//! ```text
//! DIR/keys        key file (Argon2id): organisation, person, person-ecdh, organisation-wrap
//! DIR/organisation.key   the organisation's HPKE key, wrapped: handed from colleague to colleague
//! DIR/work.json   certificates, trust, accepted checkpoint, what was asked for
//! DIR/parts/      downloads that were cut off
//! ```
//!
//! Invariant: `work.json` is replaced whole or not at all.

use crate::console::{self, Console};
use crate::outcome::{Exit, Failure, Outcome};
use crate::place::{argon, default_dir, of_keys, replace};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use vitalwitness_domain::hpke::{Dh, KeyRefused, point_of_spki};
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_domain::wire::{Bytes, Hash32, Id16, Role, Sig64, SubmittedEvent};
use vitalwitness_proof::entry::{Event, event_message};
use vitalwitness_proof::keys::Signature;
use vitalwitness_proof::trust::{Trust, TrustedLog};
use vitalwitness_vault::keys::{FileKeyStore, KeyError, KeyKind, KeyStore, Point, PrivateKey};
use zeroize::Zeroizing;

/// Where a grantee's keys and papers are.
#[derive(Args, Debug)]
pub(crate) struct At {
    /// The directory of your work key and papers [default: ~/.vitalwitness/work].
    #[arg(long, value_name = "DIR", env = "VW_HOME")]
    home: Option<PathBuf>,
    /// Read the passphrase from a file instead of asking (or set `VW_PASSPHRASE`).
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// What is kept beside the keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Papers {
    /// Where the cloud is.
    pub(crate) cloud: String,
    /// Organisation.
    pub(crate) organisation: Id16,
    /// Its name.
    pub(crate) organisation_name: String,
    /// What it is.
    pub(crate) role: Role,
    /// DER.
    pub(crate) organisation_certificate: Bytes,
    /// Id of the person's signing key.
    pub(crate) person: Id16,
    /// The person's name.
    pub(crate) person_name: String,
    /// DER.
    pub(crate) person_certificate: Bytes,
    /// The pinned authority, DER.
    pub(crate) ca: Bytes,
    /// The pinned trust bundle.
    pub(crate) trust: String,
    /// The newest accepted checkpoint, a signed note.
    pub(crate) head: Option<String>,
    /// What was asked for.
    pub(crate) asked: Vec<Asked>,
}

/// A request that was sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The patient's channel.
    pub(crate) channel: Id16,
    /// Of the REQUEST.
    pub(crate) recordhash: Hash32,
    /// 16 random bytes.
    pub(crate) salt: Id16,
    /// enc(scope).
    pub(crate) scope: Bytes,
    /// As the patient reads it.
    pub(crate) purpose: String,
    /// When.
    pub(crate) time: i64,
}

/// An open home.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    keys: FileKeyStore,
    /// The papers.
    pub(crate) papers: Papers,
}

impl Papers {
    /// Writes them into `dir`.
    pub(crate) fn save(&self, dir: &Path) -> Outcome {
        let path = dir.join(PAPERS);
        let bytes = serde_json::to_vec_pretty(self).map_err(|_| damaged(&path))?;
        replace(&path, &bytes)
    }

    fn trust(&self, dir: &Path) -> Outcome<Trust> {
        parse_trust(&self.trust).map_err(|_| damaged(&dir.join(PAPERS)))
    }

    /// The pinned log of the papers in `dir`.
    pub(crate) fn log(&self, dir: &Path) -> Outcome<TrustedLog> {
        let first = self.trust(dir)?.logs.into_iter().next();
        first.ok_or_else(|| damaged(&dir.join(PAPERS)))
    }
}

impl At {
    /// The directory.
    pub(crate) fn dir(&self) -> Outcome<PathBuf> {
        match &self.home {
            Some(dir) => Ok(dir.clone()),
            None => default_dir("work"),
        }
    }

    /// Opens the keys; `new` makes them.
    pub(crate) fn keys(&self, console: &Console, new: bool) -> Outcome<FileKeyStore> {
        let passphrase = console::passphrase(console, self.passphrase_file.as_deref(), new)?;
        FileKeyStore::open(&self.dir()?.join("keys"), &passphrase, argon())
            .map_err(|error| of_keys(&error))
    }

    /// Opens everything.
    pub(crate) fn open(&self, console: &Console) -> Outcome<Home> {
        let dir = self.dir()?;
        let papers = read_papers(&dir)?;
        Ok(Home {
            keys: self.keys(console, false)?,
            dir,
            papers,
        })
    }
}

impl Home {
    /// A new home; written at the next [`Home::save`].
    pub(crate) fn new(dir: PathBuf, keys: FileKeyStore, papers: Papers) -> Self {
        Self { dir, keys, papers }
    }

    /// Writes the papers.
    pub(crate) fn save(&self) -> Outcome {
        self.papers.save(&self.dir)
    }

    /// A file of a download that may be cut off.
    pub(crate) fn part(&self, name: &str) -> Outcome<PathBuf> {
        let dir = self.dir.join("parts");
        fs::create_dir_all(&dir)
            .map_err(|error| Failure::unwritable(&dir.display().to_string(), &error))?;
        Ok(dir.join(name))
    }

    /// The pinned trust.
    pub(crate) fn trust(&self) -> Outcome<Trust> {
        self.papers.trust(&self.dir)
    }

    /// The pinned log.
    pub(crate) fn log(&self) -> Outcome<TrustedLog> {
        self.papers.log(&self.dir)
    }

    /// Where it is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The keys.
    pub(crate) fn keys(&self) -> &FileKeyStore {
        &self.keys
    }

    /// An event signed by the person.
    pub(crate) fn submit(&self, event: &Event) -> Outcome<SubmittedEvent> {
        submit(&self.keys, PERSON, event, None)
    }

    /// The key that grants are sealed to.
    pub(crate) fn hpke(&self) -> Outcome<PrivateKey> {
        read_organisation_key(&self.dir, &self.keys)
    }

    /// Whether the organisation's key is here.
    pub(crate) fn holds_key(&self) -> bool {
        holds_organisation_key(&self.dir)
    }

    /// Keeps the organisation's key, wrapped.
    pub(crate) fn keep_organisation_key(&self, scalar: &[u8; 32]) -> Outcome {
        write_organisation_key(&self.dir, &self.keys, scalar)
    }
}

/// Writes the organisation's HPKE key, wrapped by a key of the key file.
pub(crate) fn write_organisation_key(
    dir: &Path,
    keys: &FileKeyStore,
    scalar: &[u8; 32],
) -> Outcome {
    let wrapped = match keys.wrap(WRAP, scalar, WRAP_CONTEXT) {
        Err(KeyError::KeyLost) => {
            keys.create(WRAP, KeyKind::Wrap)
                .map_err(|error| of_keys(&error))?;
            keys.wrap(WRAP, scalar, WRAP_CONTEXT)
        }
        wrapped => wrapped,
    };
    replace(
        &dir.join(ORGANISATION_KEY),
        &wrapped.map_err(|error| of_keys(&error))?,
    )
}

/// Whether the organisation's key is in `dir`.
pub(crate) fn holds_organisation_key(dir: &Path) -> bool {
    dir.join(ORGANISATION_KEY).exists()
}

/// Forgets a key that is none of an organisation; fine when it is not there.
pub(crate) fn forget_organisation_key(dir: &Path) -> Outcome {
    forget(&dir.join(ORGANISATION_KEY))
}

/// Removes a file; fine when it is not there.
pub(crate) fn forget(path: &Path) -> Outcome {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::unwritable(&path.display().to_string(), &error))
        }
        _ => Ok(()),
    }
}

/// Reads it.
pub(crate) fn read_organisation_key(dir: &Path, keys: &FileKeyStore) -> Outcome<PrivateKey> {
    let path = dir.join(ORGANISATION_KEY);
    let wrapped = fs::read(&path)
        .map_err(|error| Failure::unreadable(&path.display().to_string(), &error))?;
    let scalar = keys
        .unwrap(WRAP, &wrapped, WRAP_CONTEXT)
        .map_err(|error| of_keys(&error))?;
    let scalar = scalar.as_slice().try_into().map_err(|_| damaged(&path))?;
    PrivateKey::from_scalar(&Zeroizing::new(scalar)).map_err(|_| damaged(&path))
}

/// What is kept beside the keys of `dir`; needs no passphrase.
pub(crate) fn read_papers(dir: &Path) -> Outcome<Papers> {
    let path = dir.join(PAPERS);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Failure::usage(
                "not_enrolled",
                format!(
                    "There is no work key in {}; `vitalwitness enrol` makes one.",
                    dir.display()
                ),
            ));
        }
        Err(error) => return Err(Failure::unreadable(&path.display().to_string(), &error)),
    };
    serde_json::from_str(&text).map_err(|_| damaged(&path))
}

/// An ECDH key in the key file.
pub(crate) struct AgreeKey<'a> {
    keys: &'a FileKeyStore,
    alias: &'static str,
    point: Point,
}

impl<'a> AgreeKey<'a> {
    /// The person's own, that colleagues seal to.
    pub(crate) fn person(keys: &'a FileKeyStore) -> Outcome<Self> {
        let alias = PERSON_ECDH;
        let spki = public(keys, alias)?;
        let point = point_of_spki(&spki).map_err(|_| of_keys(&KeyError::Damaged))?;
        Ok(Self { keys, alias, point })
    }
}

impl Dh for AgreeKey<'_> {
    fn public(&self) -> [u8; 65] {
        self.point
    }

    fn dh(&self, peer: &[u8; 65]) -> Result<Zeroizing<[u8; 32]>, KeyRefused> {
        self.keys.agree(self.alias, peer).map_err(|_| KeyRefused)
    }
}

/// The SPKI of a key.
pub(crate) fn public(keys: &FileKeyStore, alias: &str) -> Outcome<Vec<u8>> {
    let spki = keys.public(alias).map_err(|error| of_keys(&error))?;
    Ok(spki.to_vec())
}

/// A signature by a key.
pub(crate) fn sign(keys: &FileKeyStore, alias: &str, message: &[u8]) -> Outcome<Signature> {
    keys.sign(alias, message).map_err(|error| of_keys(&error))
}

/// An event signed by a key, with its SPKI if it enrols itself.
pub(crate) fn submit(
    keys: &FileKeyStore,
    alias: &str,
    event: &Event,
    spki: Option<Vec<u8>>,
) -> Outcome<SubmittedEvent> {
    let signer = vitalwitness_proof::keys::spki_id(&public(keys, alias)?);
    let bytes = event.encode();
    let signature = sign(keys, alias, &event_message(&signer, &bytes))?;
    Ok(SubmittedEvent {
        event: Bytes(bytes),
        signer: Id16(signer),
        signature: Sig64(signature),
        spki: spki.map(Bytes),
    })
}

pub(crate) fn damaged(path: &Path) -> Failure {
    Failure::new(
        Exit::Other,
        "papers_damaged",
        format!("{} is damaged. It stays as it is.", path.display()),
    )
}

/// Alias of the organisation's signing key.
pub(crate) const ORGANISATION: &str = "organisation";
/// Alias of the person's signing key.
pub(crate) const PERSON: &str = "person";
/// Alias of the person's ECDH key.
pub(crate) const PERSON_ECDH: &str = "person-ecdh";
/// Alias of the key that wraps the organisation's HPKE key.
const WRAP: &str = "organisation-wrap";
const WRAP_CONTEXT: &[u8] = b"organisation hpke";
const ORGANISATION_KEY: &str = "organisation.key";
const PAPERS: &str = "work.json";

//! Who signs in the judged receipts: a log, its witnesses, persons and devices. Their secrets are
//! of this file only.

use super::dice::Dice;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};
use vitalwitness_proof::checkpoint::{KeyKind, NoteKey, NoteLine};
use vitalwitness_proof::keys::normalize_low_s;

/// A P-256 key.
pub(super) struct Person {
    key: SigningKey,
    pub(super) spki: Vec<u8>,
}

impl Person {
    fn new(dice: &mut Dice) -> Self {
        loop {
            let Ok(key) = SigningKey::from_slice(&dice.array::<32>()) else {
                continue;
            };
            let point = key.verifying_key().to_sec1_point(false);
            let spki = [P256_SPKI.as_slice(), point.as_bytes()].concat();
            return Self { key, spki };
        }
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.spki).into()
    }

    pub(super) fn id(&self) -> [u8; 16] {
        core::array::from_fn(|at| self.hash()[at])
    }

    /// r||s, low S; the same for the same message.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.key.sign(message);
        let mut bytes: [u8; 64] = signature.to_bytes().into();
        normalize_low_s(&mut bytes);
        bytes
    }

    pub(super) fn base64(&self) -> String {
        base64(&self.spki)
    }
}

/// An Ed25519 key with a name: of a log or of a witness.
pub(super) struct NoteSigner {
    key: Ed25519KeyPair,
    note: NoteKey,
}

impl NoteSigner {
    fn new(name: &str, kind: KeyKind, dice: &mut Dice) -> Self {
        loop {
            let Ok(key) = Ed25519KeyPair::from_seed_unchecked(&dice.array::<32>()) else {
                continue;
            };
            let public = key.public_key().as_ref().try_into().ok();
            if let Some(note) = public.and_then(|public| NoteKey::new(name, kind, public).ok()) {
                return Self { key, note };
            }
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.note.name
    }

    pub(super) fn vkey(&self) -> String {
        self.note.vkey()
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature = self.key.sign(message);
        core::array::from_fn(|at| signature.as_ref()[at])
    }

    pub(super) fn line(&self, body: &str) -> NoteLine {
        self.note.sign(body, |message| self.sign(message))
    }

    pub(super) fn cosign(&self, body: &str, time: u64) -> NoteLine {
        self.note.cosign(body, time, |message| self.sign(message))
    }

    pub(super) fn spki(&self) -> Vec<u8> {
        [ED25519_SPKI.as_slice(), &self.note.key].concat()
    }

    pub(super) fn spki_base64(&self) -> String {
        base64(&self.spki())
    }

    pub(super) fn id(&self) -> [u8; 16] {
        let hash = Sha256::digest(self.spki());
        core::array::from_fn(|at| hash[at])
    }
}

pub(super) struct People {
    pub(super) log: NoteSigner,
    pub(super) other_log: NoteSigner,
    pub(super) other_log_key: NoteSigner,
    pub(super) witnesses: Vec<NoteSigner>,
    /// The owner first, then a device, a grant key, a delegate, a clinic, a stranger.
    pub(super) keys: Vec<Person>,
}

impl People {
    pub(super) fn new(dice: &mut Dice) -> Self {
        Self {
            log: NoteSigner::new("log.example/judged", KeyKind::Log, dice),
            other_log: NoteSigner::new("log.example/other", KeyKind::Log, dice),
            other_log_key: NoteSigner::new("log.example/judged", KeyKind::Log, dice),
            witnesses: [
                "witness.example/1",
                "witness.example/2",
                "witness.example/3",
            ]
            .iter()
            .map(|name| NoteSigner::new(name, KeyKind::Witness, dice))
            .collect(),
            keys: (0..6).map(|_| Person::new(dice)).collect(),
        }
    }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

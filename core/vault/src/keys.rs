//! Keys of a device: what a phone's key store does, and software doubles of it.
//!
//! A key is known by its alias, made inside the store and never leaves it. The only file that
//! reads the operating system's randomness.
//!
//! Invariant: every signature that leaves this module is 64 bytes `r||s`, low-S.

#![allow(
    clippy::disallowed_methods,
    reason = "these are the files that ask the system for randomness"
)]

mod private;
mod software;

pub use private::{PrivateKey, StoredKey};
pub use software::{Argon, Fault, FileKeyStore, MemoryKeyStore};

use std::fmt;
use zeroize::Zeroizing;

/// SPKI of a P-256 key in DER, uncompressed.
pub type Spki = [u8; 91];

/// An uncompressed P-256 point.
pub type Point = [u8; 65];

/// What a key is for. A store refuses every other use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// ECDSA P-256 signatures without asking.
    Sign,
    /// ECDSA P-256 signatures, each after the user's presence is shown.
    SignWithPresence,
    /// ECDH P-256.
    Agree,
    /// Wraps other secrets with AES-256-GCM.
    Wrap,
}

/// Why a key store did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The user said no, or did not show presence. Ask again when they want it.
    #[error("the user refused")]
    Refused,
    /// The user closed the question without an answer. Say nothing; ask when they want it.
    #[error("the user cancelled")]
    Cancelled,
    /// The store does not answer now. Try again later.
    #[error("the key store does not answer")]
    Unavailable,
    /// The key is gone for good (a reset, a new lock screen). Restore from the kit.
    #[error("the key is lost")]
    KeyLost,
    /// Software store only: the passphrase opens nothing.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// Software store only: the file is not one, or is damaged.
    #[error("the key file is damaged")]
    Damaged,
    /// What was given to unwrap or agree with is not valid under this key.
    #[error("not valid under this key")]
    NotValid,
    /// The key is of another kind than its use.
    #[error("the key is not for this use")]
    WrongKind,
    /// The file of the software store cannot be read or written.
    #[error("the key file cannot be read or written")]
    Io(std::io::ErrorKind),
}

/// A device's key store. Android Keystore and Secure Enclave implement it; so do
/// [`FileKeyStore`] and [`MemoryKeyStore`].
pub trait KeyStore: Send + Sync + fmt::Debug {
    /// Makes a key under `alias`, in place of one that is there.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] or [`KeyError::Io`]: nothing was made.
    fn create(&self, alias: &str, kind: KeyKind) -> Result<(), KeyError>;

    /// The public half of a key that signs or agrees.
    ///
    /// # Errors
    ///
    /// [`KeyError::KeyLost`] when it is not there.
    fn public(&self, alias: &str) -> Result<Spki, KeyError>;

    /// ECDSA P-256 over SHA-256 of `message`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Refused`] when presence is asked for and not shown.
    fn sign(&self, alias: &str, message: &[u8]) -> Result<[u8; 64], KeyError>;

    /// The x coordinate of the ECDH product with `peer`.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotValid`] when `peer` is not a point of the curve.
    fn agree(&self, alias: &str, peer: &Point) -> Result<Zeroizing<[u8; 32]>, KeyError>;

    /// Seals `secret` under the key, bound to `context`.
    ///
    /// # Errors
    ///
    /// [`KeyError::KeyLost`] when the key is not there.
    fn wrap(&self, alias: &str, secret: &[u8], context: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Opens what [`KeyStore::wrap`] sealed with the same `context`.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotValid`] when it was sealed by another key or for another context.
    fn unwrap(
        &self,
        alias: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError>;

    /// Destroys a key; fine when it is not there.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] or [`KeyError::Io`]: the key may still be there.
    fn delete(&self, alias: &str) -> Result<(), KeyError>;
}

/// A source of random bytes good enough for keys.
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills `out`.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`] when the source fails; `out` must not be used then.
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The source of randomness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no randomness")]
pub struct NoRandomness;

impl From<NoRandomness> for KeyError {
    fn from(_: NoRandomness) -> Self {
        Self::Unavailable
    }
}

/// `N` random bytes.
///
/// # Errors
///
/// [`NoRandomness`] when the source fails.
pub fn random_bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], NoRandomness> {
    let mut out = [0; N];
    random.fill(&mut out)?;
    Ok(out)
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        getrandom::fill(out).map_err(|_| NoRandomness)
    }
}

/// A signature as platforms give it (DER, or 64 bytes `r||s`), as `r||s`, low-S; none when it is
/// no signature.
pub fn signature_of(bytes: &[u8]) -> Option<[u8; 64]> {
    use p256::ecdsa::Signature;
    let signature = Signature::from_der(bytes).or_else(|_| Signature::from_slice(bytes));
    Some(signature.ok()?.normalize_s().to_bytes().into())
}

/// SPKI (DER) of an uncompressed P-256 point.
pub fn spki_of(point: &Point) -> Spki {
    let mut spki = [0; 91];
    spki[..26].copy_from_slice(&SPKI_HEAD);
    spki[26..].copy_from_slice(point);
    spki
}

/// The point of a P-256 SPKI; none when it is not one of this shape.
pub fn point_of(spki: &[u8]) -> Option<Point> {
    let (head, point) = spki.split_at_checked(26)?;
    (head == SPKI_HEAD).then(|| point.try_into().ok())?
}

/// Id of a key: the first 16 bytes of SHA-256 of its SPKI.
pub fn key_id(spki: &[u8]) -> [u8; 16] {
    let digest = ring::digest::digest(&ring::digest::SHA256, spki);
    let mut id = [0; 16];
    id.copy_from_slice(&digest.as_ref()[..16]);
    id
}

/// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING }, up to the point.
const SPKI_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

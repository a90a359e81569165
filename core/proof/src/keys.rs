//! Public keys as SPKI, their ids, and signature checks.
//!
//! Two kinds only: P-256 as 91 bytes (uncompressed, on the curve), Ed25519 as
//! 44. An ECDSA signature is r || s of 64 bytes with low S, so that nobody but
//! the signer can make a second one.

use crate::Rejection;
use crate::curve::{is_low_scalar, is_on_curve, is_scalar, negate_scalar};
use crate::hash::{Hash, sha256};
use alloc::vec::Vec;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};

/// The first 16 bytes of H(SPKI): names a key, says nothing about whose it is.
pub type Id = [u8; 16];
/// r || s, or an Ed25519 signature.
pub type Signature = [u8; 64];

/// A public key, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// An uncompressed point: 04 || x || y.
    P256([u8; 65]),
    /// RFC 8032.
    Ed25519([u8; 32]),
}

impl PublicKey {
    /// Reads an SPKI.
    ///
    /// # Errors
    ///
    /// `MALFORMED`: another length, algorithm or form, or no point of the curve.
    pub fn from_spki(spki: &[u8]) -> Result<Self, Rejection> {
        if let Some(key) = spki.strip_prefix(&ED25519_SPKI) {
            let key = key.try_into().map_err(|_| Rejection::Malformed)?;
            return Ok(Self::Ed25519(key));
        }
        let point = spki.strip_prefix(&P256_SPKI).ok_or(Rejection::Malformed)?;
        Self::p256(point)
    }

    /// A P-256 key from 04 || x || y.
    ///
    /// # Errors
    ///
    /// `MALFORMED`: another form, or no point of the curve.
    pub fn p256(point: &[u8]) -> Result<Self, Rejection> {
        let point: [u8; 65] = point.try_into().map_err(|_| Rejection::Malformed)?;
        let (Some((&UNCOMPRESSED, xy)), Some(y)) = (point.split_first(), point.last_chunk::<32>())
        else {
            return Err(Rejection::Malformed);
        };
        match xy.first_chunk::<32>() {
            Some(x) if is_on_curve(x, y) => Ok(Self::P256(point)),
            _ => Err(Rejection::Malformed),
        }
    }

    /// Its SPKI: 91 or 44 bytes of DER.
    pub fn to_spki(&self) -> Vec<u8> {
        match self {
            Self::P256(point) => [P256_SPKI.as_slice(), point].concat(),
            Self::Ed25519(key) => [ED25519_SPKI.as_slice(), key].concat(),
        }
    }

    /// H(SPKI): what an ENROL records.
    pub fn hash(&self) -> Hash {
        match self {
            Self::P256(point) => sha256(&[&P256_SPKI, point]),
            Self::Ed25519(key) => sha256(&[&ED25519_SPKI, key]),
        }
    }

    /// The key's id.
    pub fn id(&self) -> Id {
        id_of(&self.hash())
    }

    /// Whether `signature` over `message` is by this key. ECDSA is over SHA-256 and needs low S.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        match self {
            Self::P256(point) => {
                is_well_formed(signature)
                    && UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                        .verify(message, signature)
                        .is_ok()
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key)
                .verify(message, signature)
                .is_ok(),
        }
    }
}

/// The id within H(SPKI).
pub fn id_of(hash: &Hash) -> Id {
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    id
}

/// The id of a key given as SPKI bytes, unchecked.
pub fn spki_id(spki: &[u8]) -> Id {
    id_of(&sha256(&[spki]))
}

/// Whether r and s are in range and s is in its lower half. Needs no key.
pub fn is_well_formed(signature: &Signature) -> bool {
    let (r, s) = r_and_s(signature);
    is_scalar(&r) && is_low_scalar(&s)
}

/// Replaces s by order - s where s is in its upper half; both sign the same.
///
/// Key stores give either; the format takes only the lower one.
pub fn normalize_low_s(signature: &mut Signature) {
    let (_, s) = r_and_s(signature);
    if is_scalar(&s) && !is_low_scalar(&s) {
        signature[32..].copy_from_slice(&negate_scalar(&s));
    }
}

fn r_and_s(signature: &Signature) -> ([u8; 32], [u8; 32]) {
    let mut halves = [[0; 32]; 2];
    for (half, bytes) in halves.iter_mut().zip(signature.as_chunks::<32>().0) {
        *half = *bytes;
    }
    let [r, s] = halves;
    (r, s)
}

const UNCOMPRESSED: u8 = 4;
/// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of 65 bytes }.
const P256_SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING of 32 bytes }.
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

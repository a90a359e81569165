//! Keys that agree: the trait a hardware key implements, and one in software.

use super::{KEM_ID, POINT_LEN, labeled_expand, labeled_extract};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::{PublicKey, SecretKey};
use std::fmt;
use zeroize::Zeroizing;

/// A P-256 key that can agree with a peer; the private half may never leave its hardware.
pub trait Dh {
    /// The public half: an uncompressed point, first byte 4.
    fn public(&self) -> [u8; POINT_LEN];

    /// The x coordinate of the shared point. `peer` was checked to be on the curve.
    ///
    /// # Errors
    ///
    /// The key cannot be used now.
    fn dh(&self, peer: &[u8; POINT_LEN]) -> Result<Zeroizing<[u8; 32]>, KeyRefused>;
}

/// The key cannot be used: locked, cancelled by its user, gone, or the peer is no point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key did not agree")]
pub struct KeyRefused;

/// A P-256 key in memory: ephemeral keys, organisations, desktops. Wiped when dropped.
pub struct SoftwareKey(SecretKey);

impl SoftwareKey {
    /// Derives a key from 32 random bytes (RFC 9180, section 7.1.3, `DeriveKeyPair`).
    ///
    /// # Errors
    ///
    /// Never with random bytes: 256 candidates in a row out of range.
    pub fn derive(ikm: &[u8; 32]) -> Result<Self, KeyRefused> {
        let prk = labeled_extract(KEM_ID, &[], b"dkp_prk", ikm);
        for counter in 0..=u8::MAX {
            let mut candidate = Zeroizing::new([0; 32]);
            labeled_expand(
                KEM_ID,
                &prk,
                b"candidate",
                &[&[counter]],
                candidate.as_mut_slice(),
            )
            .map_err(|_| KeyRefused)?;
            if let Ok(key) = Self::from_scalar(&candidate) {
                return Ok(key);
            }
        }
        Err(KeyRefused)
    }

    /// Takes a private scalar, big-endian.
    ///
    /// # Errors
    ///
    /// Zero, or not below the group order.
    pub fn from_scalar(scalar: &[u8; 32]) -> Result<Self, KeyRefused> {
        SecretKey::from_slice(scalar)
            .map(Self)
            .map_err(|_| KeyRefused)
    }

    /// The private scalar, big-endian, to be sealed or stored.
    pub fn scalar(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }
}

impl Dh for SoftwareKey {
    fn public(&self) -> [u8; POINT_LEN] {
        point_bytes(&self.0.public_key())
    }

    fn dh(&self, peer: &[u8; POINT_LEN]) -> Result<Zeroizing<[u8; 32]>, KeyRefused> {
        let peer = check_point(peer)?;
        let shared = p256::ecdh::diffie_hellman(self.0.to_nonzero_scalar(), peer.as_affine());
        let mut x = Zeroizing::new([0; 32]);
        x.copy_from_slice(shared.raw_secret_bytes());
        Ok(x)
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SoftwareKey")
    }
}

/// The point inside a `SubjectPublicKeyInfo` of P-256 (DER, 91 bytes), checked to be on the curve.
///
/// # Errors
///
/// Another algorithm, another length, or no point of the curve.
pub fn point_of_spki(spki: &[u8]) -> Result<[u8; POINT_LEN], KeyRefused> {
    let point = spki.strip_prefix(SPKI_HEAD).ok_or(KeyRefused)?;
    let point = point.try_into().map_err(|_| KeyRefused)?;
    check_point(&point)?;
    Ok(point)
}

/// The `SubjectPublicKeyInfo` (DER, 91 bytes) around an uncompressed point.
pub fn spki_of_point(point: &[u8; POINT_LEN]) -> [u8; 91] {
    let mut spki = [0; 91];
    let (head, tail) = spki.split_at_mut(SPKI_HEAD.len());
    head.copy_from_slice(SPKI_HEAD);
    tail.copy_from_slice(point);
    spki
}

pub(super) fn check_point(point: &[u8; POINT_LEN]) -> Result<PublicKey, KeyRefused> {
    if point[0] != 4 {
        return Err(KeyRefused);
    }
    PublicKey::from_sec1_bytes(point).map_err(|_| KeyRefused)
}

fn point_bytes(key: &PublicKey) -> [u8; POINT_LEN] {
    let mut out = [0; POINT_LEN];
    out.copy_from_slice(key.to_sec1_point(false).as_bytes());
    out
}

/// DER up to the point: sequence, id-ecPublicKey, prime256v1, bit string.
const SPKI_HEAD: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

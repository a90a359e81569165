//! A P-256 private key in memory.

use super::{KeyError, KeyStore, Point, Random, Spki, key_id, point_of, spki_of};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use std::fmt;
use vitalwitness_domain::hpke::{Dh, KeyRefused};
use zeroize::Zeroizing;

/// A P-256 private key in memory: of the kit, of a channel's owner, of an inbox, or of a software
/// key store. Wiped when dropped.
pub struct PrivateKey {
    scalar: Zeroizing<[u8; 32]>,
    point: Point,
}

impl PrivateKey {
    /// A new key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] when the randomness fails.
    pub fn generate(random: &dyn Random) -> Result<Self, KeyError> {
        // A random scalar is out of range once in 2^32 draws.
        for _ in 0..8 {
            let mut scalar = Zeroizing::new([0; 32]);
            random.fill(scalar.as_mut_slice())?;
            if let Ok(key) = Self::from_scalar(&scalar) {
                return Ok(key);
            }
        }
        Err(KeyError::Unavailable)
    }

    /// The key of a big-endian scalar in `[1, q-1]`.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotValid`] outside of it.
    pub fn from_scalar(scalar: &[u8; 32]) -> Result<Self, KeyError> {
        let key = p256::SecretKey::from_slice(scalar).map_err(|_| KeyError::NotValid)?;
        let point = key
            .public_key()
            .to_sec1_bytes()
            .as_ref()
            .try_into()
            .map_err(|_| KeyError::NotValid)?;
        Ok(Self {
            scalar: Zeroizing::new(*scalar),
            point,
        })
    }

    /// The scalar, for a sealed row.
    pub fn scalar(&self) -> &Zeroizing<[u8; 32]> {
        &self.scalar
    }

    /// The public point.
    pub fn point(&self) -> &Point {
        &self.point
    }

    /// The public key in DER.
    pub fn spki(&self) -> Spki {
        spki_of(&self.point)
    }

    /// The key's id.
    pub fn id(&self) -> [u8; 16] {
        key_id(&self.spki())
    }

    /// ECDSA over SHA-256 of `message`, `r||s`, low-S.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] when the operating system gives no randomness.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], KeyError> {
        let random = ring::rand::SystemRandom::new();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            self.scalar.as_slice(),
            &self.point,
            &random,
        )
        .map_err(|_| KeyError::NotValid)?;
        let signature = pair
            .sign(&random, message)
            .map_err(|_| KeyError::Unavailable)?;
        let signature = p256::ecdsa::Signature::from_slice(signature.as_ref())
            .map_err(|_| KeyError::NotValid)?;
        Ok(signature.normalize_s().to_bytes().into())
    }

    /// The x coordinate of the ECDH product with `peer`.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotValid`] when `peer` is not a point of the curve.
    pub fn agree(&self, peer: &Point) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let peer = p256::PublicKey::from_sec1_bytes(peer).map_err(|_| KeyError::NotValid)?;
        let key =
            p256::SecretKey::from_slice(self.scalar.as_slice()).map_err(|_| KeyError::NotValid)?;
        let shared = key.diffie_hellman(&peer);
        Ok(Zeroizing::new((*shared.raw_secret_bytes()).into()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

impl Dh for PrivateKey {
    fn public(&self) -> Point {
        self.point
    }

    fn dh(&self, peer: &Point) -> Result<Zeroizing<[u8; 32]>, KeyRefused> {
        self.agree(peer).map_err(|_| KeyRefused)
    }
}

/// A key of a key store, as HPKE takes it.
#[derive(Debug)]
pub struct StoredKey<'a> {
    keystore: &'a dyn KeyStore,
    alias: &'a str,
    point: Point,
}

impl<'a> StoredKey<'a> {
    /// The key that agrees under `alias`.
    ///
    /// # Errors
    ///
    /// What the key store says.
    pub fn new(keystore: &'a dyn KeyStore, alias: &'a str) -> Result<Self, KeyError> {
        let point = point_of(&keystore.public(alias)?).ok_or(KeyError::NotValid)?;
        Ok(Self {
            keystore,
            alias,
            point,
        })
    }
}

impl Dh for StoredKey<'_> {
    fn public(&self) -> Point {
        self.point
    }

    fn dh(&self, peer: &Point) -> Result<Zeroizing<[u8; 32]>, KeyRefused> {
        self.keystore
            .agree(self.alias, peer)
            .map_err(|_| KeyRefused)
    }
}

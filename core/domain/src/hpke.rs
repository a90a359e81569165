//! HPKE (RFC 9180), base mode, one message per key: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM.
//!
//! Written over [`Dh`], so that a key that never leaves its hardware can open. The sender's
//! ephemeral key is an argument, taken by value: it seals one message.
//!
//! Pure: no I/O, no randomness. Invariant: a peer's point is on the curve before it is used.

mod key;

pub use key::{Dh, KeyRefused, SoftwareKey, point_of_spki, spki_of_point};

use ring::aead::{self, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use zeroize::{Zeroize, Zeroizing};

/// What [`seal`] makes: the encapsulated key and the ciphertext with its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The ephemeral public key, an uncompressed point.
    pub enc: [u8; POINT_LEN],
    /// The plaintext's length plus 16.
    pub ciphertext: Vec<u8>,
}

/// Why HPKE refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HpkeError {
    /// The peer's key is not a P-256 point; take no message from there.
    #[error("not a point of P-256")]
    Point,
    /// The key store did not agree: locked, cancelled or gone.
    #[error(transparent)]
    Key(#[from] KeyRefused),
    /// Another key, other info or aad, or changed bytes; which one cannot be told.
    #[error("does not open with this key")]
    Open,
    /// More bytes than one AES-GCM message may hold.
    #[error("too long for one message")]
    TooLong,
}

impl HpkeError {
    /// The same in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Point => "hpke_point",
            Self::Key(_) => "key_refused",
            Self::Open => "hpke_open",
            Self::TooLong => "hpke_too_long",
        }
    }
}

/// Seals `plaintext` to `recipient` (an uncompressed point), bound to `info` and `aad`.
///
/// # Errors
///
/// `Point` if the recipient's key is not on the curve, `TooLong` above 2^36 - 32 bytes.
pub fn seal(
    recipient: &[u8; POINT_LEN],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    ephemeral: SoftwareKey,
) -> Result<Sealed, HpkeError> {
    seal_with(&Suite::AES_256, recipient, info, aad, plaintext, ephemeral)
}

/// Opens what was sealed to `key` with the same `info` and `aad`.
///
/// # Errors
///
/// `Point` before the key is used, `Key` if it refuses, else `Open`.
pub fn open(
    key: &dyn Dh,
    enc: &[u8; POINT_LEN],
    info: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
    open_with(&Suite::AES_256, key, enc, info, aad, ciphertext)
}

/// The info strings of this project: what a sealed message is for is part of its key.
pub mod info {
    /// A stream key for one grant.
    pub fn envelope(channel: &[u8; 16], grant: &[u8; 16]) -> Vec<u8> {
        [b"vitalwitness envelope v1", &channel[..], grant].concat()
    }

    /// An organisation's request, to the inbox key of a channel.
    pub fn request(channel: &[u8; 16]) -> Vec<u8> {
        [b"vitalwitness request v1", &channel[..]].concat()
    }

    /// A grant document, to the grantee.
    pub fn grant(channel: &[u8; 16], grant: &[u8; 16]) -> Vec<u8> {
        [b"vitalwitness grant v1", &channel[..], grant].concat()
    }

    /// The vault secret, to the kit's key and to each device.
    pub fn vault_secret(account: &[u8; 16], generation: u32) -> Vec<u8> {
        [
            b"vitalwitness vault secret v1",
            &account[..],
            &generation.to_be_bytes(),
        ]
        .concat()
    }

    /// A backup file, to the kit's key.
    pub fn backup(account: &[u8; 16]) -> Vec<u8> {
        [b"vitalwitness backup v1", &account[..]].concat()
    }

    /// An organisation's private HPKE key, to a person of it.
    pub fn organisation_key(organisation: &[u8; 16]) -> Vec<u8> {
        [b"vitalwitness organisation key v1", &organisation[..]].concat()
    }
}

/// RFC 9180 numbers of one choice of AEAD.
struct Suite {
    aead: &'static aead::Algorithm,
    id: [u8; 10],
}

impl Suite {
    const AES_256: Self = Self {
        aead: &aead::AES_256_GCM,
        id: *b"HPKE\x00\x10\x00\x01\x00\x02",
    };
}

fn seal_with(
    suite: &Suite,
    recipient: &[u8; POINT_LEN],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    ephemeral: SoftwareKey,
) -> Result<Sealed, HpkeError> {
    let enc = ephemeral.public();
    let shared = encap(&ephemeral, recipient, &enc, recipient)?;
    drop(ephemeral);
    let schedule = key_schedule(suite, &shared, info)?;
    let mut ciphertext = plaintext.to_vec();
    schedule
        .key
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(schedule.base_nonce),
            aead::Aad::from(aad),
            &mut ciphertext,
        )
        .map_err(|_| HpkeError::TooLong)?;
    Ok(Sealed { enc, ciphertext })
}

fn open_with(
    suite: &Suite,
    key: &dyn Dh,
    enc: &[u8; POINT_LEN],
    info: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HpkeError> {
    let shared = encap(key, enc, enc, &key.public())?;
    let schedule = key_schedule(suite, &shared, info)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let opened = schedule
        .key
        .open_in_place(
            Nonce::assume_unique_for_key(schedule.base_nonce),
            aead::Aad::from(aad),
            &mut buffer,
        )
        .map_err(|_| HpkeError::Open)?
        .len();
    buffer.truncate(opened);
    Ok(buffer)
}

/// The KEM's shared secret (RFC 9180, section 4.1), the same for both sides.
fn encap(
    own: &dyn Dh,
    peer: &[u8; POINT_LEN],
    enc: &[u8; POINT_LEN],
    recipient: &[u8; POINT_LEN],
) -> Result<Zeroizing<[u8; 32]>, HpkeError> {
    key::check_point(peer).map_err(|_| HpkeError::Point)?;
    let dh = own.dh(peer)?;
    let prk = labeled_extract(KEM_ID, &[], b"eae_prk", dh.as_slice());
    let mut shared = Zeroizing::new([0; 32]);
    labeled_expand(
        KEM_ID,
        &prk,
        b"shared_secret",
        &[enc, recipient],
        shared.as_mut_slice(),
    )?;
    Ok(shared)
}

struct Schedule {
    key: LessSafeKey,
    base_nonce: [u8; 12],
    #[cfg(test)]
    key_bytes: Vec<u8>,
}

/// RFC 9180, section 5.1, mode base (0), without a pre-shared key.
fn key_schedule(
    suite: &Suite,
    shared: &Zeroizing<[u8; 32]>,
    info: &[u8],
) -> Result<Schedule, HpkeError> {
    let psk_id_hash = labeled_extract(&suite.id, &[], b"psk_id_hash", &[]);
    let info_hash = labeled_extract(&suite.id, &[], b"info_hash", info);
    let context: [&[u8]; 3] = [&[0], psk_id_hash.as_slice(), info_hash.as_slice()];
    let secret = labeled_extract(&suite.id, shared.as_slice(), b"secret", &[]);
    let mut key = Zeroizing::new(vec![0; suite.aead.key_len()]);
    labeled_expand(&suite.id, &secret, b"key", &context, &mut key)?;
    let mut base_nonce = [0; 12];
    labeled_expand(&suite.id, &secret, b"base_nonce", &context, &mut base_nonce)?;
    let unbound = UnboundKey::new(suite.aead, &key).map_err(|_| HpkeError::TooLong)?;
    Ok(Schedule {
        key: LessSafeKey::new(unbound),
        base_nonce,
        #[cfg(test)]
        key_bytes: key.to_vec(),
    })
}

fn labeled_extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, salt));
    for part in [VERSION, suite, label, ikm] {
        mac.update(part);
    }
    let mut prk = Zeroizing::new([0; 32]);
    prk.copy_from_slice(mac.sign().as_ref());
    prk
}

fn labeled_expand(
    suite: &[u8],
    prk: &Zeroizing<[u8; 32]>,
    label: &[u8],
    info: &[&[u8]],
    out: &mut [u8],
) -> Result<(), HpkeError> {
    let length = u16::try_from(out.len()).map_err(|_| HpkeError::TooLong)?;
    let mut labeled = [&length.to_be_bytes()[..], VERSION, suite, label].concat();
    for part in info {
        labeled.extend_from_slice(part);
    }
    let expanded = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, prk.as_slice())
        .expand(&[&labeled], Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .map_err(|_| HpkeError::TooLong);
    labeled.zeroize();
    expanded
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Bytes of an uncompressed P-256 point.
pub const POINT_LEN: usize = 65;

const VERSION: &[u8] = b"HPKE-v1";
const KEM_ID: &[u8] = b"KEM\x00\x10";

#[cfg(test)]
mod tests;

//! Envelopes: a stream key, sealed to a grantee for one grant and signed by the owner's device.
//!
//! HPKE in base mode names no sender, so the signature does: a grantee that seals under a key from
//! an envelope first checks that a device of the owner made it, or the cloud could slip in its own.
//!
//! Invariant: nothing is opened, and no key used, before the signature holds.

use crate::Secret32;
use crate::hpke::{self, Dh, HpkeError, KeyRefused, SoftwareKey, info};
use std::fmt;
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::sha256;
use zeroize::Zeroizing;

/// What a grant opens with one envelope.
#[derive(Debug)]
pub struct Contents {
    /// The stream key.
    pub stream_key: Secret32,
    /// The grant's tracing key: gives rows their delivery-bound ids.
    pub tracing_key: Secret32,
}

/// An envelope without its signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsigned {
    /// The grant it serves.
    pub grant: [u8; 16],
    /// Id of the stream key inside.
    pub stream_key: [u8; 16],
    /// The encapsulated key.
    pub enc: [u8; hpke::POINT_LEN],
    /// 80 bytes: both keys and the tag.
    pub ciphertext: Vec<u8>,
}

/// An envelope as it travels.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What is signed.
    pub unsigned: Unsigned,
    /// r || s by a device key of the owner in the channel.
    pub signature: [u8; 64],
}

/// Why an envelope was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not made by this device: trust neither it nor who served it.
    #[error("the envelope is not signed by this device")]
    Signature,
    /// For another grantee, channel, grant or stream key, or damaged.
    #[error("the envelope does not open")]
    Open,
    /// The own key cannot be used now; unlock and try again.
    #[error(transparent)]
    Key(#[from] KeyRefused),
    /// Signed, and yet not two keys: made by a newer or a faulty app.
    #[error("the envelope holds something else")]
    Contents,
    /// The grantee's key is no point of P-256.
    #[error("the grantee's key is not a point of P-256")]
    Grantee,
}

impl EnvelopeError {
    /// The same in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Signature => "envelope_signature",
            Self::Open => "envelope_open",
            Self::Key(_) => "key_refused",
            Self::Contents => "envelope_contents",
            Self::Grantee => "envelope_grantee",
        }
    }
}

impl Unsigned {
    /// What the device signs: "vwV1" || H(enc([grant, stream key id, enc, ciphertext])).
    pub fn message(&self) -> [u8; 36] {
        let mut body = Encoder::new();
        body.array(4)
            .bytes(&self.grant)
            .bytes(&self.stream_key)
            .bytes(&self.enc)
            .bytes(&self.ciphertext);
        let mut message = [0; 36];
        message[..4].copy_from_slice(b"vwV1");
        message[4..].copy_from_slice(&sha256(&[&body.finish()]));
        message
    }

    /// The envelope, with the device's signature over [`Unsigned::message`].
    pub fn signed(self, signature: [u8; 64]) -> Envelope {
        Envelope {
            unsigned: self,
            signature,
        }
    }
}

/// Seals a stream key and the grant's tracing key to `grantee` (SPKI of its HPKE key).
///
/// # Errors
///
/// `Grantee` if that key is no P-256 key on the curve.
pub fn seal_envelope(
    grantee: &[u8],
    channel: &[u8; 16],
    grant: &[u8; 16],
    stream_key_id: &[u8; 16],
    contents: &Contents,
    ephemeral: SoftwareKey,
) -> Result<Unsigned, EnvelopeError> {
    let recipient = hpke::point_of_spki(grantee).map_err(|_| EnvelopeError::Grantee)?;
    let mut plaintext = Zeroizing::new([0; 64]);
    plaintext[..32].copy_from_slice(contents.stream_key.expose());
    plaintext[32..].copy_from_slice(contents.tracing_key.expose());
    let sealed = hpke::seal(
        &recipient,
        &info::envelope(channel, grant),
        stream_key_id,
        plaintext.as_slice(),
        ephemeral,
    )
    .map_err(|_| EnvelopeError::Grantee)?;
    Ok(Unsigned {
        grant: *grant,
        stream_key: *stream_key_id,
        enc: sealed.enc,
        ciphertext: sealed.ciphertext,
    })
}

/// Opens an envelope made in `channel` by the device whose SPKI is `signer`.
///
/// That the device is the owner's, enrolled in the channel and not revoked, is for the caller.
///
/// # Errors
///
/// `Signature` first, whatever else is wrong; then `Open`, `Key` or `Contents`.
pub fn open_envelope(
    envelope: &Envelope,
    channel: &[u8; 16],
    signer: &[u8],
    key: &dyn Dh,
) -> Result<Contents, EnvelopeError> {
    verify_envelope(envelope, signer)?;
    let Unsigned {
        grant,
        stream_key,
        enc,
        ciphertext,
    } = &envelope.unsigned;
    let info = info::envelope(channel, grant);
    let opened =
        hpke::open(key, enc, &info, stream_key, ciphertext).map_err(|error| match error {
            HpkeError::Key(refused) => EnvelopeError::Key(refused),
            _ => EnvelopeError::Open,
        })?;
    match opened.as_chunks::<32>() {
        ([stream_key, tracing_key], []) => Ok(Contents {
            stream_key: Secret32::new(*stream_key),
            tracing_key: Secret32::new(*tracing_key),
        }),
        _ => Err(EnvelopeError::Contents),
    }
}

/// Checks that the device whose SPKI is `signer` signed the envelope; opens nothing.
///
/// # Errors
///
/// `Signature`: another key, no P-256 key, or a signature with high S.
pub fn verify_envelope(envelope: &Envelope, signer: &[u8]) -> Result<(), EnvelopeError> {
    match PublicKey::from_spki(signer) {
        Ok(key @ PublicKey::P256(_))
            if key.verifies(&envelope.unsigned.message(), &envelope.signature) =>
        {
            Ok(())
        }
        _ => Err(EnvelopeError::Signature),
    }
}

impl fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsigned envelope")
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Envelope")
    }
}

#[cfg(test)]
mod tests;

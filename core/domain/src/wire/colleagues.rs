//! Handing an organisation's HPKE key from person to person; the cloud carries ciphertext.

use super::{Bytes, Id16, Logged, Sealed, Sig64};
use serde::{Deserialize, Serialize};
use vitalwitness_proof::cbor::Encoder;

/// `GET /v1/colleagues`: persons of the caller's organisation whose certificate has not expired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Colleagues {
    /// In the order they were certified.
    pub colleagues: Vec<Colleague>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Colleague {
    /// DER of the person's certificate; it names the ECDH key that the organisation's is sealed to.
    pub certificate: Bytes,
    /// Revoked by the authority.
    pub revoked: bool,
    /// The person brought the organisation's key, or it was handed over.
    pub holds: bool,
    /// The person's ENROL in the directory; null before it is there.
    pub logged: Option<Logged>,
}

/// `POST /v1/colleagues/{person}/key`: the organisation's HPKE private key, for a colleague.
///
/// HPKE to the ECDH key of the person's certificate, info `vitalwitness organisation key v1` ||
/// organisation, aad = the person's id, plaintext = the scalar, 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyHandover {
    /// Id of the person it is for.
    pub to: Id16,
    /// Id of the person who hands it over, and signs.
    pub by: Id16,
    /// The sealing.
    pub sealed: Sealed,
    /// Over [`KeyHandover::message`].
    pub signature: Sig64,
}

impl KeyHandover {
    /// What is signed: `vwO1` || enc([1, origin, organisation, to, enc, ciphertext]).
    pub fn message(origin: &str, organisation: Id16, to: Id16, sealed: &Sealed) -> Vec<u8> {
        let mut message = Encoder::after(b"vwO1".to_vec());
        message
            .array(6)
            .int(1)
            .text(origin)
            .bytes(&organisation.0)
            .bytes(&to.0)
            .bytes(&sealed.enc.0)
            .bytes(&sealed.ciphertext.0);
        message.finish()
    }
}

/// `GET /v1/organisation-key`: what a colleague handed to the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandedKey {
    /// It.
    pub handover: KeyHandover,
    /// DER of the certificate of who handed it over.
    pub certificate: Bytes,
}

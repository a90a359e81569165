//! Signed requests: one profile of RFC 9421 (HTTP message signatures) with RFC 9530 digests.
//!
//! Covered, in this order: `@method`, `@path`, `@query`, `content-digest` (sha-256, also of an
//! empty body). Parameters, in this order: `created` (s), `nonce` (16 bytes, base64url), `keyid`
//! (hex session id), `alg="ecdsa-p256-sha256"`. One signature, labelled `vw`. Every other form that
//! RFC 9421 allows is refused, so a request has one signature base and one spelling.
//!
//! Answers: what did the holder of which session key sign, and does it cover this request? Whether
//! the session lives, the nonce is new and the time near is for the server.
//! Pure: no I/O, no clock, no randomness.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use std::fmt;
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::sha256;

/// What a request's signature covers, and by which session.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified {
    /// Id of the session key that is said to have signed.
    pub keyid: [u8; 16],
    /// Seconds since 1970, by the signer's clock.
    pub created: u64,
    /// Different in each request of a session.
    pub nonce: [u8; 16],
    /// The signature base: the signed bytes.
    pub base: Vec<u8>,
    /// r || s.
    pub signature: [u8; 64],
}

/// Why a signed request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A header is not there; the request is not signed.
    #[error("the request is not signed")]
    Missing,
    /// A header is not of this profile.
    #[error("the signature is not of this profile")]
    Profile,
    /// Method or target holds bytes that cannot stand in a signature base.
    #[error("the request's target cannot be signed")]
    Target,
    /// The body is not the one that was signed.
    #[error("the body is not the signed one")]
    Digest,
    /// The session key did not sign this request.
    #[error("the signature is not by this session")]
    Signature,
}

impl SignatureError {
    /// The same in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::Profile => "signature_profile",
            Self::Target => "signature_target",
            Self::Digest => "signature_digest",
            Self::Signature => "signature_invalid",
        }
    }
}

/// Signs a request; gives the three headers to send.
///
/// `path_and_query` is as on the request line. `sign` makes r || s over the bytes with the session
/// key (ECDSA P-256, SHA-256). `created` is in seconds since 1970.
///
/// # Errors
///
/// `Target` if method or target could not stand on a request line.
pub fn sign_request(
    method: &str,
    path_and_query: &str,
    body: &[u8],
    created: u64,
    nonce: &[u8; 16],
    keyid: &[u8; 16],
    sign: impl FnOnce(&[u8]) -> [u8; 64],
) -> Result<Vec<(&'static str, String)>, SignatureError> {
    let digest = content_digest(body);
    let params = Params {
        created,
        nonce: *nonce,
        keyid: *keyid,
    }
    .write();
    let base = signature_base(method, path_and_query, &digest, &params)?;
    let signature = STANDARD.encode(sign(&base));
    Ok(vec![
        (CONTENT_DIGEST, digest),
        (SIGNATURE_INPUT, format!("{LABEL}={params}")),
        (SIGNATURE, format!("{LABEL}=:{signature}:")),
    ])
}

/// Checks a request's form and body against its headers; gives what is signed.
///
/// `headers` finds a header's only value by its lower-case name. The signature itself is then
/// checked with [`Verified::verify`] and the key of session `keyid`.
///
/// # Errors
///
/// `Missing`, `Profile`, `Target`, `Digest`, in this order.
pub fn verify_request<'a>(
    method: &str,
    path_and_query: &str,
    body: &[u8],
    headers: impl Fn(&str) -> Option<&'a str>,
) -> Result<Verified, SignatureError> {
    let [digest, input, signature] = [CONTENT_DIGEST, SIGNATURE_INPUT, SIGNATURE]
        .map(|name| headers(name).ok_or(SignatureError::Missing));
    let (digest, input, signature) = (digest?, input?, signature?);

    let params = labelled(input).ok_or(SignatureError::Profile)?;
    let parsed = Params::read(params).ok_or(SignatureError::Profile)?;
    let signature = read_signature(signature).ok_or(SignatureError::Profile)?;
    if !is_content_digest(digest) {
        return Err(SignatureError::Profile);
    }
    let base = signature_base(method, path_and_query, digest, params)?;
    if digest != content_digest(body) {
        return Err(SignatureError::Digest);
    }
    Ok(Verified {
        keyid: parsed.keyid,
        created: parsed.created,
        nonce: parsed.nonce,
        base,
        signature,
    })
}

impl Verified {
    /// Checks that the session key (SPKI, P-256) signed. A high S is accepted, as `WebCrypto`
    /// gives it: the nonce is what counts once, not the signature's bytes.
    ///
    /// # Errors
    ///
    /// `Signature`, also for another kind of key.
    pub fn verify(&self, session_spki: &[u8]) -> Result<(), SignatureError> {
        match PublicKey::from_spki(session_spki) {
            Ok(PublicKey::P256(point)) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(&self.base, &self.signature)
                .map_err(|_| SignatureError::Signature),
            _ => Err(SignatureError::Signature),
        }
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified(created {})", self.created)
    }
}

/// `sha-256=:...:` of a body (RFC 9530).
pub fn content_digest(body: &[u8]) -> String {
    format!("{DIGEST_HEAD}{}:", STANDARD.encode(sha256(&[body])))
}

fn is_content_digest(text: &str) -> bool {
    text.strip_prefix(DIGEST_HEAD)
        .and_then(|text| text.strip_suffix(':'))
        .and_then(|text| STANDARD.decode(text).ok())
        .is_some_and(|digest| digest.len() == 32)
}

/// The lines of RFC 9421, section 2.5, without a final line feed.
fn signature_base(
    method: &str,
    path_and_query: &str,
    digest: &str,
    params: &str,
) -> Result<Vec<u8>, SignatureError> {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, query),
        None => (path_and_query, ""),
    };
    let stands = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    };
    if method.is_empty()
        || !method.bytes().all(|byte| byte.is_ascii_uppercase())
        || !path.starts_with('/')
        || !stands(path_and_query)
    {
        return Err(SignatureError::Target);
    }
    let base = format!(
        "\"@method\": {method}\n\"@path\": {path}\n\"@query\": ?{query}\n\
         \"content-digest\": {digest}\n\"@signature-params\": {params}"
    );
    Ok(base.into_bytes())
}

/// The value after `vw=`.
fn labelled(text: &str) -> Option<&str> {
    text.strip_prefix(LABEL)?.strip_prefix('=')
}

fn read_signature(text: &str) -> Option<[u8; 64]> {
    let text = labelled(text)?.strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(text).ok()?.try_into().ok()
}

struct Params {
    created: u64,
    nonce: [u8; 16],
    keyid: [u8; 16],
}

impl Params {
    fn write(&self) -> String {
        format!(
            "{COVERED};created={};nonce=\"{}\";keyid=\"{}\";alg=\"{ALG}\"",
            self.created,
            URL_SAFE_NO_PAD.encode(self.nonce),
            hex::encode(self.keyid)
        )
    }

    /// Reads exactly what [`Params::write`] writes.
    fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(COVERED)?.strip_prefix(";created=")?;
        let (created, rest) = rest.split_once(";nonce=\"")?;
        let (nonce, rest) = rest.split_once("\";keyid=\"")?;
        let (keyid, _) = rest.split_once("\";alg=\"")?;
        let params = Self {
            created: created.parse().ok().filter(|created| *created < MAX_TIME)?,
            nonce: URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?,
            keyid: hex::decode(keyid).ok()?.try_into().ok()?,
        };
        (params.write() == text).then_some(params)
    }
}

/// Name of the digest header.
pub const CONTENT_DIGEST: &str = "content-digest";
/// Name of the header that says what is signed.
pub const SIGNATURE_INPUT: &str = "signature-input";
/// Name of the header with the signature.
pub const SIGNATURE: &str = "signature";

const LABEL: &str = "vw";
const COVERED: &str = "(\"@method\" \"@path\" \"@query\" \"content-digest\")";
const ALG: &str = "ecdsa-p256-sha256";
const DIGEST_HEAD: &str = "sha-256=:";
/// RFC 9421 integers have at most 15 digits.
const MAX_TIME: u64 = 1_000_000_000_000_000;

#[cfg(test)]
mod tests;

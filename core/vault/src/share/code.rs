//! The code by which an organisation finds one channel of an owner.
//!
//! ```text
//! QR     vw1: base64url(enc([1, cloud URL, locator (16), secret (16) | null]))
//! typed  the locator in hex, in groups of four
//! ```
//! The cloud never sees the secret. A request made from the QR carries an HMAC of it, so the cloud
//! cannot put another organisation's key in its place; one made from the typed code cannot, and
//! the screen says so.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use std::fmt;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::cbor::{Encoder, Reader};

/// A share code.
#[derive(Clone, PartialEq, Eq)]
pub struct ShareCode {
    /// The owner's cloud; none in a typed code.
    pub url: Option<String>,
    /// Under which the channel is found.
    pub locator: [u8; 16],
    secret: Option<[u8; 16]>,
}

/// What is no share code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a share code")]
pub struct NotShareCode;

impl ShareCode {
    pub(crate) fn new(url: &str, locator: [u8; 16], secret: [u8; 16]) -> Self {
        Self {
            url: Some(url.to_owned()),
            locator,
            secret: Some(secret),
        }
    }

    /// The QR's text.
    pub fn text(&self) -> String {
        let mut out = Encoder::new();
        out.array(4).int(1);
        out.text(self.url.as_deref().unwrap_or_default());
        out.bytes(&self.locator);
        out.optional_bytes(self.secret.as_ref().map(<[u8; 16]>::as_slice));
        format!("{HEAD}{}", URL_SAFE_NO_PAD.encode(out.finish()))
    }

    /// For typing: without the secret.
    pub fn typed(&self) -> String {
        let hex: Vec<String> = self.locator.iter().map(|b| format!("{b:02x}")).collect();
        let groups: Vec<String> = hex.chunks(2).map(<[String]>::concat).collect();
        groups.join("-")
    }

    /// Reads either form.
    ///
    /// # Errors
    ///
    /// [`NotShareCode`].
    pub fn parse(text: &str) -> Result<Self, NotShareCode> {
        let text = text.trim();
        match text.strip_prefix(HEAD) {
            Some(body) => {
                let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| NotShareCode)?;
                Self::decode(&bytes).map_err(|_| NotShareCode)
            }
            None => Ok(Self {
                url: None,
                locator: typed(text).ok_or(NotShareCode)?,
                secret: None,
            }),
        }
    }

    /// Whether it came from the QR, with the secret.
    pub fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// What a request carries to show that it was made from the QR:
    /// HMAC-SHA256(secret, organisation HPKE SPKI || recordhash). None for a typed code.
    pub fn proof(&self, hpke_spki: &[u8], recordhash: &[u8; 32]) -> Option<[u8; 32]> {
        self.secret
            .map(|secret| proof(&secret, hpke_spki, recordhash))
    }

    fn decode(bytes: &[u8]) -> Result<Self, Rejection> {
        let mut reader = Reader::new(bytes);
        reader.array_of(4)?;
        if reader.int()? != 1 {
            return Err(Rejection::UnsupportedVersion);
        }
        let code = Self {
            url: Some(reader.text()?.to_owned()).filter(|url| !url.is_empty()),
            locator: reader.byte_array()?,
            secret: reader.optional_byte_array()?,
        };
        reader.finish()?;
        Ok(code)
    }
}

impl fmt::Debug for ShareCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShareCode(..)")
    }
}

pub(crate) fn proof(secret: &[u8; 16], hpke_spki: &[u8], recordhash: &[u8; 32]) -> [u8; 32] {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    mac.update(hpke_spki);
    mac.update(recordhash);
    let mut out = [0; 32];
    out.copy_from_slice(mac.sign().as_ref());
    out
}

/// Thirty-two hex digits, in any case, with any of `-` and space between.
fn typed(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'-' | b' '))
        .map(|byte| {
            char::from(byte)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        })
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    (digits.len() == 32).then(|| bytes.try_into().ok())?
}

const HEAD: &str = "vw1:";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should panic")]
mod tests {
    use super::*;

    #[test]
    fn the_qr_carries_the_secret_and_the_typed_code_does_not() {
        let code = ShareCode::new("https://cloud.example", [0xa1; 16], [7; 16]);
        assert_eq!(ShareCode::parse(&code.text()).unwrap(), code);
        let typed = code.typed();
        assert_eq!(typed, "a1a1-a1a1-a1a1-a1a1-a1a1-a1a1-a1a1-a1a1");
        for text in [typed.clone(), typed.to_uppercase(), typed.replace('-', " ")] {
            let read = ShareCode::parse(&text).unwrap();
            assert_eq!(read.locator, code.locator);
            assert_eq!(read.proof(b"key", &[1; 32]), None);
        }
        assert!(code.proof(b"key", &[1; 32]) != code.proof(b"kez", &[1; 32]));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let good = ShareCode::new("https://cloud.example", [1; 16], [2; 16]).text();
        for text in [
            "",
            "vw1:",
            "vw1:AAAA",
            "a1a1",
            &good[..good.len() - 2],
            &good[1..],
        ] {
            assert_eq!(ShareCode::parse(text), Err(NotShareCode), "{text}");
        }
    }
}

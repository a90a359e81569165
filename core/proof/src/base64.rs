//! Standard base64 with padding (RFC 4648, section 4), strict.

use alloc::string::String;
use alloc::vec::Vec;

/// Encodes with padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        for (to, from) in three.iter_mut().zip(chunk) {
            *to = *from;
        }
        let [a, b, c] = three;
        let word = u32::from_be_bytes([0, a, b, c]);
        for (place, shift) in [18_u32, 12, 6, 0].into_iter().enumerate() {
            let digit = usize::try_from((word >> shift) & 63).unwrap_or_default();
            let letter = ALPHABET.get(digit).copied().unwrap_or(b'=');
            let padding = place > chunk.len();
            out.push(char::from(if padding { b'=' } else { letter }));
        }
    }
    out
}

/// Decodes; None unless `text` is the one encoding of what it says.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let (quads, []) = text.as_bytes().as_chunks::<4>() else {
        return None;
    };
    let mut out = Vec::new();
    for quad in quads {
        let padding = quad.rsplit(|letter| *letter != b'=').next()?.len();
        let mut word = 0_u32;
        for letter in quad {
            let digit = match letter {
                b'=' => 0,
                _ => ALPHABET.iter().position(|known| known == letter)?,
            };
            word = (word << 6) | u32::try_from(digit).ok()?;
        }
        let [_, bytes @ ..] = word.to_be_bytes();
        out.extend_from_slice(bytes.get(..3_usize.checked_sub(padding)?)?);
    }
    // padding elsewhere than at the end, or bits under it, encode differently
    (encode(&out) == text).then_some(out)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

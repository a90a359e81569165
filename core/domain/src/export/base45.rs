//! Base45 (RFC 9285): bytes in the 45 letters that a QR code packs tightest.

/// Encodes.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(2) * 3);
    for chunk in bytes.chunks(2) {
        let number = chunk
            .iter()
            .fold(0_u32, |sum, byte| sum * 256 + u32::from(*byte));
        let digits = [number % 45, number / 45 % 45, number / 2025];
        for digit in digits.iter().take(chunk.len() + 1) {
            let letter = usize::try_from(*digit).ok().and_then(|at| ALPHABET.get(at));
            out.push(char::from(letter.copied().unwrap_or(b'0')));
        }
    }
    out
}

/// Decodes; None where `text` is no base45, or says more than its bytes hold.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 3 * 2 + 1);
    for chunk in text.as_bytes().chunks(3) {
        let mut number = 0;
        for letter in chunk.iter().rev() {
            let digit = ALPHABET.iter().position(|known| known == letter)?;
            number = number * 45 + u32::try_from(digit).ok()?;
        }
        match chunk.len() {
            3 => out.extend(u16::try_from(number).ok()?.to_be_bytes()),
            2 => out.push(u8::try_from(number).ok()?),
            _ => return None,
        }
    }
    Some(out)
}

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_hold() {
        for (bytes, text) in [
            ("AB", "BB8"),
            ("Hello!!", "%69 VD92EX0"),
            ("base-45", "UJCLQE7W581"),
            ("ietf!", "QED8WEX0"),
            ("", ""),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_no_bytes_encode_to_is_refused() {
        for text in ["A", "AAAA", "a00", "GGW", "::", "00\n", "Ä0"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    #[test]
    fn every_pair_of_bytes_comes_back() {
        for number in 0..=u16::MAX {
            let bytes = number.to_be_bytes();
            assert_eq!(decode(&encode(&bytes)).as_deref(), Some(bytes.as_slice()));
        }
    }
}

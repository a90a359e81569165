//! What a file that should be checked turns out to be, by its content.

use crate::console::{Console, Tone, read_at_most};
use crate::disclosed::printable;
use crate::outcome::Outcome;
use std::path::Path;
use vitalwitness_domain::export::base45;
use vitalwitness_domain::export::foreign::{self, Foreign};

/// A file to check.
pub(crate) enum Given {
    /// A receipt of ours, or what is none at all: its reader says.
    Receipt(Vec<u8>),
    /// A Chainpoint proof.
    Chainpoint(Vec<u8>),
}

/// Reads a file (`-`: standard input): a receipt, the text of its QR code, or a proof of others.
pub(crate) fn read(path: &Path) -> Outcome<Given> {
    let limit = u64::try_from(foreign::MAX_BYTES).unwrap_or(u64::MAX - 1);
    let bytes = read_at_most(path, limit)?;
    if foreign::looks_like_one(&bytes) {
        return Ok(Given::Chainpoint(bytes));
    }
    Ok(Given::Receipt(scanned(&bytes).unwrap_or(bytes)))
}

/// The receipt in the text of a QR code; a receipt is a CBOR map.
fn scanned(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let decoded = base45::decode(text.trim_end_matches(['\r', '\n']))?;
    let map = decoded.first().is_some_and(|head| head >> 5 == 5);
    map.then_some(decoded)
}

/// Tells of a proof of another service.
pub(crate) fn show(console: &Console, proof: &Foreign) {
    console.line(console.paint(Tone::Strong, "A proof of another service"));
    console.line(format!(
        "This is a Chainpoint {} proof, no receipt of ours. Its steps were computed here; whether \
         what they lead to stands where it says was not looked up.",
        proof.version
    ));
    console.gap();
    console.fact("Of", &proof.hash);
    if let Some(received) = &proof.received {
        console.fact("Received", format!("{} (as it says)", printable(received)));
    }
    for anchor in &proof.anchors {
        console.fact(
            "Should stand",
            format!(
                "{} in {} {}",
                anchor.value,
                printable(&anchor.kind),
                printable(&anchor.id)
            ),
        );
        for uri in &anchor.uris {
            console.fact("Look there", printable(uri));
        }
    }
    if proof.anchors.is_empty() {
        console.fact("Leads", "nowhere: it names no anchor");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_code_is_the_receipt_in_it() {
        let receipt = [0xa4, 0, 1, 2, 3];
        let text = base45::encode(&receipt);
        for end in ["", "\n", "\r\n"] {
            assert_eq!(
                scanned(format!("{text}{end}").as_bytes()).as_deref(),
                Some(receipt.as_slice())
            );
        }
        assert_eq!(scanned(&receipt), None);
        assert_eq!(scanned(base45::encode(b"text").as_bytes()), None);
    }
}

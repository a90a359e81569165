//! What a file that should be checked turns out to be: by its content, or, where that is damaged,
//! by the ending of its name.

use crate::console::{Console, Tone, read_at_most};
use crate::disclosed::printable;
use crate::outcome::Outcome;
use crate::several::Kind;
use std::path::Path;
use vitalwitness_domain::export::base45;
use vitalwitness_domain::export::foreign::{self, Foreign};
use vitalwitness_proof::cbor::Reader;

/// A file to check.
pub(crate) enum Given {
    /// A receipt of ours, or what is none at all: its reader says.
    Receipt(Vec<u8>),
    /// A file of several records.
    Several(Kind, Vec<u8>),
    /// A Chainpoint proof.
    Chainpoint(Vec<u8>),
}

/// Reads a file (`-`: standard input): a receipt, the text of its QR code, a bundle, a
/// completeness proof, or a proof of others.
pub(crate) fn read(path: &Path) -> Outcome<Given> {
    let bytes = read_at_most(path, MOST)?;
    if foreign::looks_like_one(&bytes) {
        return Ok(Given::Chainpoint(bytes));
    }
    let bytes = scanned(&bytes).unwrap_or(bytes);
    Ok(match several(&bytes).or_else(|| by_name(path)) {
        Some(kind) => Given::Several(kind, bytes),
        None => Given::Receipt(bytes),
    })
}

/// What a map's key 1 tells: an array of arrays, of numbers, or, of a receipt, no array. Who then
/// reads the file checks all of it.
fn several(bytes: &[u8]) -> Option<Kind> {
    let mut reader = Reader::new(bytes);
    reader.map().ok()?;
    let heads = (reader.int().ok()?, reader.int().ok()?, reader.int().ok()?);
    if heads.0 != 0 || heads.2 != 1 || reader.array().ok()? == 0 {
        return None;
    }
    match reader.array() {
        Ok(_) => Some(Kind::Bundle),
        Err(_) => Some(Kind::Completeness),
    }
}

fn by_name(path: &Path) -> Option<Kind> {
    match path.extension()?.to_str()? {
        "vwb" => Some(Kind::Bundle),
        "vwc" => Some(Kind::Completeness),
        _ => None,
    }
}

/// The receipt in the text of a QR code, as it was scanned or pasted; a receipt is a CBOR map.
fn scanned(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = foreign::without_mark(text);
    // a space at an end may be of the code itself
    let text = text.trim_matches(['\r', '\n', '\t']);
    // a mail program breaks lines; no letter of a code is a break
    let text = &text.replace(['\r', '\n'], "");
    let decoded = base45::decode(text).or_else(|| base45::decode(text.trim()))?;
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

/// The longest bundle and completeness proof.
const MOST: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_head() {
        let kind = |text: &str| match several(&hex::decode(text).unwrap_or_default()) {
            Some(Kind::Bundle) => "bundle",
            Some(Kind::Completeness) => "completeness",
            None => "receipt",
        };
        for (head, wanted) in [
            ("a6000101582000", "receipt"),
            ("a400010358", "receipt"),
            ("a40001018187", "bundle"),
            ("a600010182001a", "completeness"),
            ("a600010180", "receipt"),
            ("", "receipt"),
        ] {
            assert_eq!(kind(head), wanted, "{head}");
        }
    }

    #[test]
    fn the_text_of_a_code_is_the_receipt_in_it() {
        let receipt = [0xa4, 0, 1, 2, 3];
        let text = base45::encode(&receipt);
        for (before, after) in [
            ("", ""),
            ("", "\n"),
            ("", "\r\n"),
            ("\n\t", "\r\n\r\n"),
            ("  ", "  \n"),
            ("\u{feff}", "\n"),
        ] {
            assert_eq!(
                scanned(format!("{before}{text}{after}").as_bytes()).as_deref(),
                Some(receipt.as_slice()),
                "{before:?} {after:?}"
            );
        }
        let (half, rest) = text.split_at(3);
        let broken = scanned(format!("{half}\r\n{rest}\r\n").as_bytes());
        assert_eq!(broken.as_deref(), Some(receipt.as_slice()), "broken lines");
        assert_eq!(scanned(&receipt), None);
        assert_eq!(scanned(base45::encode(b"text").as_bytes()), None);
    }
}

//! What a dump of everything the cloud holds shows, and whether a marker of the records is in it.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};
use std::io::Result;
use std::path::{Path, PathBuf};

/// A kind of file the cloud keeps.
#[derive(Debug)]
pub struct Holding {
    /// Path below the data folder, numbers and ids left out.
    pub kind: String,
    /// How many files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The first bytes of one of them, in hex.
    pub sample: String,
}

/// Everything below `data`, grouped by kind.
///
/// # Errors
///
/// When a file cannot be read.
pub fn holdings(data: &Path) -> Result<Vec<Holding>> {
    let mut all: Vec<Holding> = Vec::new();
    for path in files(data)? {
        let bytes = std::fs::read(&path)?;
        let inside = path.strip_prefix(data).unwrap_or(&path);
        let kind = match (inside.parent(), inside.file_name()) {
            (Some(folder), _) if folder.components().next().is_some() => folder
                .components()
                .next()
                .map(|c| format!("{}/", c.as_os_str().to_string_lossy()))
                .unwrap_or_default(),
            (_, Some(name)) => name.to_string_lossy().into_owned(),
            _ => String::new(),
        };
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if let Some(seen) = all.iter_mut().find(|h| h.kind == kind) {
            seen.files += 1;
            seen.bytes += length;
        } else {
            all.push(Holding {
                kind,
                files: 1,
                bytes: length,
                sample: sample(&path, &bytes),
            });
        }
    }
    Ok(all)
}

/// The first bytes in hex; of a secret of the cloud's own, none.
fn sample(path: &Path, bytes: &[u8]) -> String {
    let secret = path.extension().is_some_and(|e| e == "key" || e == "token");
    if secret {
        "(a secret of the cloud's own) ".to_owned()
    } else {
        hex::encode(bytes.get(..24).unwrap_or(bytes))
    }
}

/// Of `markers`, those that stand anywhere in the files below `data`, as bytes, also where they are
/// written in base64 or hex.
///
/// # Errors
///
/// When a file cannot be read.
pub fn found(data: &Path, markers: &[Vec<u8>]) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut hits = Vec::new();
    for path in files(data)? {
        let layers = layers(std::fs::read(&path)?);
        for marker in markers {
            let is_in = |bytes: &Vec<u8>| bytes.windows(marker.len()).any(|w| w == marker);
            if layers.iter().any(is_in) {
                hits.push((path.clone(), marker.clone()));
            }
        }
    }
    Ok(hits)
}

/// The bytes, and what is written in them as base64 (either alphabet) or hex, to the third depth.
pub fn layers(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let mut all = vec![bytes];
    let mut from = 0;
    for _ in 0..3 {
        let till = all.len();
        for at in from..till {
            let inner: Vec<Vec<u8>> = texts(&all[at]).flat_map(decoded).collect();
            all.extend(inner);
        }
        from = till;
    }
    all
}

/// Runs of letters that base64 and hex are made of.
fn texts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    bytes
        .split(move |byte| !is_letter(byte))
        .filter(|text| text.len() >= SHORTEST)
}

fn decoded(text: &[u8]) -> Vec<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let mut found: Vec<Vec<u8>> = hex::decode(text).into_iter().collect();
    for alphabet in [alphabet::STANDARD, alphabet::URL_SAFE] {
        // a length of 4n + 1 is none; the last letter may belong to what follows
        let text = if text.len() % 4 == 1 {
            &text[..text.len() - 1]
        } else {
            text
        };
        found.extend(GeneralPurpose::new(&alphabet, lenient).decode(text));
    }
    found.dedup();
    found
}

/// Shorter text than this holds no marker.
const SHORTEST: usize = 8;

fn files(data: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![data.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                open.push(entry?.path());
            }
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails should panic")]
    use super::*;

    #[test]
    fn a_marker_is_found_wherever_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("blobs")).unwrap();
        std::fs::write(folder.path().join("blobs/a"), b"xxloinc|8867-4yy").unwrap();
        let hits = found(folder.path(), &[b"8867-4".to_vec(), b"absent".to_vec()]).unwrap();
        assert_eq!(hits.len(), 1);
        let standard = base64::engine::general_purpose::STANDARD;
        let once = standard.encode("a loinc|8867-4 of 61");
        for written in [
            once.clone(),
            once.trim_end_matches('=').to_owned(),
            hex::encode("8867-4 again"),
            standard.encode(format!("{{\"scope\":\"{once}\"}}")),
        ] {
            let row = format!("{{\"document\":\"{written}\",\"n\":1}}");
            std::fs::write(folder.path().join("blobs/a"), row).unwrap();
            let hits = found(folder.path(), &[b"8867-4".to_vec(), b"absent".to_vec()]).unwrap();
            assert_eq!(hits.len(), 1, "{written}");
        }
        assert_eq!(holdings(folder.path()).unwrap()[0].kind, "blobs/");
    }
}

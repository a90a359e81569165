//! What unit tests of this crate share: seeded bytes, deterministic signatures, vector files.
//! It reads and writes files, so it stands outside `src` (ARCHITECTURE.md, law 2).
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use crate::hpke::{Dh as _, SoftwareKey, spki_of_point};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::Value;
use std::path::PathBuf;
use vitalwitness_proof::keys::normalize_low_s;

/// Bytes that look random, the same in every run (splitmix64).
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut out: Vec<u8> = (0..len.div_ceil(8))
            .flat_map(|_| self.next().to_be_bytes())
            .collect();
        out.truncate(len);
        out
    }

    /// Changes 1 to 4 places of `bytes`: a bit, a byte, an insertion, a removal, a cut, a doubling.
    pub(crate) fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(out.len().max(1));
            let byte = self.bytes(1)[0];
            match self.below(7) {
                _ if out.is_empty() => out.push(byte),
                0 => out[at] ^= 1 << self.below(8),
                1 => out[at] = byte,
                2 => out.insert(at, byte),
                3 => {
                    out.remove(at);
                }
                4 => out.truncate(at),
                5 => out[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
                _ => {
                    let end = (at + 1 + self.below(16)).min(out.len());
                    let piece = out[at..end].to_vec();
                    out.splice(at..at, piece);
                }
            }
        }
        out
    }
}

/// A P-256 key whose signatures are the same in every run (RFC 6979).
pub(crate) struct Signing(SigningKey);

impl Signing {
    pub(crate) fn new(seed: u8) -> Self {
        let key = SoftwareKey::derive(&[seed; 32]).unwrap();
        Self(SigningKey::from_slice(key.scalar().as_slice()).unwrap())
    }

    pub(crate) fn spki(&self) -> [u8; 91] {
        let scalar: [u8; 32] = self.0.to_bytes().into();
        spki_of_point(&SoftwareKey::from_scalar(&scalar).unwrap().public())
    }

    /// r || s, low S.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.0.sign(message);
        let mut bytes: [u8; 64] = signature.to_bytes().into();
        normalize_low_s(&mut bytes);
        bytes
    }
}

/// Writes `tests/vectors/NAME.json` if asked to (`make vectors`), else checks it is this.
pub(crate) fn vectors_are_current(name: &str, note: &str, cases: &[Value]) {
    let lines: Vec<String> = cases.iter().map(ToString::to_string).collect();
    let text = format!(
        "{{\"schema\":\"vw-vectors/1 {name}\",\n\"note\":{},\n\"cases\":[\n{}\n]}}\n",
        Value::from(note),
        lines.join(",\n")
    );
    if std::env::var_os("VW_WRITE_VECTORS").is_some() {
        std::fs::write(path(name), &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(path(name)).unwrap() == text,
        "tests/vectors/{name}.json is not what this code makes: make vectors, review the difference"
    );
}

/// The cases of `tests/vectors/NAME.json`.
pub(crate) fn vector_cases(name: &str) -> Vec<Value> {
    let text = std::fs::read(path(name)).unwrap();
    let file: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(file["schema"], format!("vw-vectors/1 {name}"));
    file["cases"].as_array().unwrap().clone()
}

/// The bytes of a hex member.
pub(crate) fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/vectors")
        .join(format!("{name}.json"))
}

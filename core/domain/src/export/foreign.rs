//! Chainpoint proofs of others (versions 2, 3 and 4, JSON or binary): read, never believed.
//!
//! The path is computed and where it leads is told. Whether that value stands in the ledger
//! the proof names is for its reader to look up; nothing here is a receipt.

use flate2::read::ZlibDecoder;
use serde::{Deserialize as _, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use std::io::Read as _;
use vitalwitness_proof::Rejection;

/// A proof of another service. What it calls things is its own word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Foreign {
    /// 2, 3 or 4.
    pub version: u8,
    /// Whether it came as zlib of `MessagePack`.
    pub binary: bool,
    /// What it is of, hex.
    pub hash: String,
    /// When it was received, as it says.
    pub received: Option<String>,
    /// Where its paths lead.
    pub anchors: Vec<Anchor>,
}

/// Where a path ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Anchor {
    /// `cal`, `btc`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// What the ledger calls it.
    pub id: String,
    /// The value that has to stand there, hex; of Bitcoin in the order of its Merkle roots.
    pub value: String,
    /// Where to look, as the proof says.
    pub uris: Vec<String>,
}

/// Whether `bytes` begin as a Chainpoint proof does: with zlib's head, or as a JSON object.
pub fn looks_like_one(bytes: &[u8]) -> bool {
    let text = bytes_without_mark(bytes).trim_ascii_start();
    bytes.first() == Some(&ZLIB) || text.first() == Some(&b'{')
}

/// Reads a proof and walks its paths.
///
/// # Errors
///
/// `LIMIT_EXCEEDED`: over 1 MiB, also unpacked; over 4,096 steps, 256 anchors, 8 levels of
/// branches, or 64 KiB beside a value. `UNSUPPORTED_VERSION`: another version, or an
/// operation or algorithm that the versions here do not have. `ENTRY_MISMATCH`: the path of a
/// version 2 proof does not lead to the root it states. `MALFORMED`: anything else.
pub fn read(bytes: &[u8]) -> Result<Foreign, Rejection> {
    if bytes.len() > MAX_BYTES {
        return Err(Rejection::LimitExceeded);
    }
    let binary = bytes.first() == Some(&ZLIB);
    let value = if binary {
        unpack(bytes)?
    } else {
        serde_json::from_slice(bytes_without_mark(bytes)).map_err(|_| Rejection::Malformed)?
    };
    let proof = value.as_object().ok_or(Rejection::Malformed)?;
    let context = text(proof, "@context")?;
    let mut walk = Walk::default();
    let (version, hash) = match context {
        "https://w3id.org/chainpoint/v2" => (2, walk.version_2(proof)?),
        "https://w3id.org/chainpoint/v3" => (3, walk.branched(proof)?),
        "https://w3id.org/chainpoint/v4" => (4, walk.branched(proof)?),
        _ => return Err(Rejection::UnsupportedVersion),
    };
    let received = ["hash_received", "hash_submitted_core_at"];
    let received = received
        .iter()
        .find_map(|name| proof.get(*name)?.as_str())
        .map(str::to_owned);
    Ok(Foreign {
        version,
        binary,
        hash: hex::encode(hash),
        received,
        anchors: walk.anchors,
    })
}

/// Text without the byte order mark that some editors write before it.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

/// The same of bytes that may be no text.
pub fn bytes_without_mark(bytes: &[u8]) -> &[u8] {
    let mut mark = [0; MARK.len_utf8()];
    let mark = MARK.encode_utf8(&mut mark).as_bytes();
    bytes.strip_prefix(mark).unwrap_or(bytes)
}

fn unpack(bytes: &[u8]) -> Result<Value, Rejection> {
    let mut packed = Vec::new();
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    ZlibDecoder::new(bytes)
        .take(limit.saturating_add(1))
        .read_to_end(&mut packed)
        .map_err(|_| Rejection::Malformed)?;
    if packed.len() > MAX_BYTES {
        return Err(Rejection::LimitExceeded);
    }
    let mut rest = packed.as_slice();
    let mut reader = rmp_serde::Deserializer::new(&mut rest);
    reader.set_max_depth(MAX_DEPTH);
    let value = Value::deserialize(&mut reader).map_err(|error| match error {
        rmp_serde::decode::Error::DepthLimitExceeded => Rejection::LimitExceeded,
        _ => Rejection::Malformed,
    })?;
    drop(reader);
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(Rejection::Malformed)
    }
}

/// What is walked so far.
#[derive(Default)]
struct Walk {
    steps: usize,
    anchors: Vec<Anchor>,
}

impl Walk {
    fn version_2(&mut self, proof: &Map<String, Value>) -> Result<Vec<u8>, Rejection> {
        let kind = text(proof, "type")?;
        let algorithm = kind
            .strip_prefix("Chainpoint")
            .and_then(|rest| rest.strip_suffix("v2"))
            .and_then(|name| V2.iter().find(|(known, _)| *known == name))
            .map(|(_, algorithm)| *algorithm)
            .ok_or(Rejection::UnsupportedVersion)?;
        let hash = hex_of(text(proof, "targetHash")?)?;
        let mut value = hash.clone();
        for step in list(proof, "proof")? {
            self.count()?;
            let step = step.as_object().ok_or(Rejection::Malformed)?;
            value = match (step.get("left"), step.get("right"), step.len()) {
                (Some(left), None, 1) => beside(&hex_of(string(left)?)?, &value)?,
                (None, Some(right), 1) => beside(&value, &hex_of(string(right)?)?)?,
                _ => return Err(Rejection::Malformed),
            };
            value = algorithm.hash(&value);
        }
        if hex_of(text(proof, "merkleRoot")?)? != value {
            return Err(Rejection::EntryMismatch);
        }
        for anchor in list(proof, "anchors")? {
            let anchor = anchor.as_object().ok_or(Rejection::Malformed)?;
            self.anchor(Anchor {
                kind: text(anchor, "type")?.to_owned(),
                id: text(anchor, "sourceId")?.to_owned(),
                value: hex::encode(&value),
                uris: Vec::new(),
            })?;
        }
        Ok(hash)
    }

    fn branched(&mut self, proof: &Map<String, Value>) -> Result<Vec<u8>, Rejection> {
        if text(proof, "type")? != "Chainpoint" {
            return Err(Rejection::Malformed);
        }
        let hash = hex_of(text(proof, "hash")?)?;
        self.branches(list(proof, "branches")?, &hash, 1)?;
        Ok(hash)
    }

    /// Each branch goes on from where the one around it ended.
    fn branches(&mut self, all: &[Value], from: &[u8], level: usize) -> Result<(), Rejection> {
        if level > MAX_LEVELS {
            return Err(Rejection::LimitExceeded);
        }
        for branch in all {
            self.count()?;
            let branch = branch.as_object().ok_or(Rejection::Malformed)?;
            let mut value = from.to_vec();
            for op in list(branch, "ops")? {
                self.count()?;
                value = self.step(op, value)?;
            }
            if let Some(inner) = branch.get("branches") {
                let inner = inner.as_array().ok_or(Rejection::Malformed)?;
                self.branches(inner, &value, level + 1)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, op: &Value, value: Vec<u8>) -> Result<Vec<u8>, Rejection> {
        let op = op.as_object().filter(|op| op.len() == 1);
        let (name, what) = op
            .and_then(|op| op.iter().next())
            .ok_or(Rejection::Malformed)?;
        match name.as_str() {
            "l" => beside(&hex_or_text(string(what)?), &value),
            "r" => beside(&value, &hex_or_text(string(what)?)),
            "op" => {
                let name = string(what)?;
                if name == "sha-256-x2" {
                    return Ok(Algorithm::Sha256.hash(&Algorithm::Sha256.hash(&value)));
                }
                let known = OPS.iter().find(|(known, _)| *known == name);
                let (_, algorithm) = known.ok_or(Rejection::UnsupportedVersion)?;
                Ok(algorithm.hash(&value))
            }
            "anchors" => {
                for anchor in what.as_array().ok_or(Rejection::Malformed)? {
                    self.count()?;
                    let anchor = anchor.as_object().ok_or(Rejection::Malformed)?;
                    let kind = text(anchor, "type")?.to_owned();
                    let mut value = value.clone();
                    if matches!(kind.as_str(), "btc" | "tbtc") {
                        value.reverse();
                    }
                    let uris = match anchor.get("uris") {
                        None => &[],
                        Some(uris) => uris.as_array().ok_or(Rejection::Malformed)?.as_slice(),
                    };
                    self.anchor(Anchor {
                        kind,
                        id: text(anchor, "anchor_id")?.to_owned(),
                        value: hex::encode(value),
                        uris: uris
                            .iter()
                            .map(|uri| string(uri).map(str::to_owned))
                            .collect::<Result<_, _>>()?,
                    })?;
                }
                Ok(value)
            }
            _ => Err(Rejection::UnsupportedVersion),
        }
    }

    fn count(&mut self) -> Result<(), Rejection> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(Rejection::LimitExceeded);
        }
        Ok(())
    }

    fn anchor(&mut self, anchor: Anchor) -> Result<(), Rejection> {
        if self.anchors.len() == MAX_ANCHORS {
            return Err(Rejection::LimitExceeded);
        }
        self.anchors.push(anchor);
        Ok(())
    }
}

/// A hash that a proof may ask for.
#[derive(Clone, Copy)]
enum Algorithm {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

impl Algorithm {
    fn hash(self, value: &[u8]) -> Vec<u8> {
        match self {
            Algorithm::Sha224 => Sha224::digest(value).to_vec(),
            Algorithm::Sha256 => Sha256::digest(value).to_vec(),
            Algorithm::Sha384 => Sha384::digest(value).to_vec(),
            Algorithm::Sha512 => Sha512::digest(value).to_vec(),
            Algorithm::Sha3_224 => Sha3_224::digest(value).to_vec(),
            Algorithm::Sha3_256 => Sha3_256::digest(value).to_vec(),
            Algorithm::Sha3_384 => Sha3_384::digest(value).to_vec(),
            Algorithm::Sha3_512 => Sha3_512::digest(value).to_vec(),
        }
    }
}

fn beside(left: &[u8], right: &[u8]) -> Result<Vec<u8>, Rejection> {
    if left.len().saturating_add(right.len()) > MAX_VALUE {
        return Err(Rejection::LimitExceeded);
    }
    Ok([left, right].concat())
}

/// A member that is text.
fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, Rejection> {
    string(object.get(name).ok_or(Rejection::Malformed)?)
}

fn string(value: &Value) -> Result<&str, Rejection> {
    value.as_str().ok_or(Rejection::Malformed)
}

fn list<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a [Value], Rejection> {
    let found = object.get(name).and_then(Value::as_array);
    found.map(Vec::as_slice).ok_or(Rejection::Malformed)
}

/// A hash: 20 to 64 bytes of hex.
fn hex_of(text: &str) -> Result<Vec<u8>, Rejection> {
    let bytes = hex::decode(text).map_err(|_| Rejection::Malformed)?;
    if (20..=64).contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(Rejection::Malformed)
    }
}

/// The form says so: even hex is bytes, all else is its own letters.
fn hex_or_text(text: &str) -> Vec<u8> {
    let found = if text.is_empty() {
        None
    } else {
        hex::decode(text).ok()
    };
    found.unwrap_or_else(|| text.as_bytes().to_vec())
}

const V2: [(&str, Algorithm); 8] = [
    ("SHA224", Algorithm::Sha224),
    ("SHA256", Algorithm::Sha256),
    ("SHA384", Algorithm::Sha384),
    ("SHA512", Algorithm::Sha512),
    ("SHA3-224", Algorithm::Sha3_224),
    ("SHA3-256", Algorithm::Sha3_256),
    ("SHA3-384", Algorithm::Sha3_384),
    ("SHA3-512", Algorithm::Sha3_512),
];
const OPS: [(&str, Algorithm); 8] = [
    ("sha-224", Algorithm::Sha224),
    ("sha-256", Algorithm::Sha256),
    ("sha-384", Algorithm::Sha384),
    ("sha-512", Algorithm::Sha512),
    ("sha3-224", Algorithm::Sha3_224),
    ("sha3-256", Algorithm::Sha3_256),
    ("sha3-384", Algorithm::Sha3_384),
    ("sha3-512", Algorithm::Sha3_512),
];
/// The first byte of zlib with a 32 KiB window.
const ZLIB: u8 = 0x78;
/// The byte order mark.
const MARK: char = '\u{feff}';
/// The longest proof, also unpacked.
const MAX_BYTES: usize = 1 << 20;
const MAX_VALUE: usize = 64 << 10;
const MAX_STEPS: usize = 4_096;
const MAX_ANCHORS: usize = 256;
const MAX_LEVELS: usize = 8;
const MAX_DEPTH: usize = 64;

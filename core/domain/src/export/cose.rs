//! COSE receipts (RFC 9942, `RFC9162_SHA256`): the entry's inclusion, signed by the log in COSE form.
//!
//! A checkpoint's signature is over a note, so the log signs each root a second time, over the
//! `Sig_structure` of RFC 9052. That signature is a line of the checkpoint like any other: who
//! does not know its kind passes it over, and a receipt that carries it becomes a COSE receipt
//! without asking the log again.
//!
//! Both are by one key. A `Sig_structure` begins with the byte 84, which begins no note and no
//! label, so neither signature can be taken for the other.

use super::{Source, tlog};
use vitalwitness_proof::cbor::Encoder;
use vitalwitness_proof::checkpoint::{KeyKind, NoteKey, NoteLine};
use vitalwitness_proof::keys::{PublicKey, Signature};
use vitalwitness_proof::trust::TrustedLog;
use vitalwitness_proof::{Hash, Rejection, sha256};

/// The checkpoint line by which the log signs `root` in COSE form. `key` is the log's.
pub fn line(key: &NoteKey, root: &Hash, sign: impl FnOnce(&[u8]) -> Signature) -> NoteLine {
    let signature = sign(&signed_bytes(key, root));
    NoteLine {
        name: key.name.clone(),
        blob: [line_id(key).as_slice(), &signature].concat(),
    }
}

/// The key id of such a line: H(name || 0a || ff || kind || key)[0..4], as C2SP signed-note has
/// it for kinds of its users' own.
pub fn line_id(key: &NoteKey) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256(&[key.name.as_bytes(), b"\n\xff", KIND, &key.key]);
    [a, b, c, d]
}

/// The COSE receipt of the entry (tagged `COSE_Sign1`, payload detached: the log's root).
///
/// # Errors
///
/// `ORIGIN_UNKNOWN`: the receipt is of another log. `KEY_UNKNOWN`: it carries no line in COSE
/// form by a key of the log. `CHECKPOINT_SIGNATURE`: that line does not sign the root.
pub fn write(source: &Source<'_>, log: &TrustedLog) -> Result<Vec<u8>, Rejection> {
    let place = &source.receipt.log;
    if place.origin != log.origin {
        return Err(Rejection::OriginUnknown);
    }
    let mut keys = log.keys.iter().filter(|key| key.kind == KeyKind::Log);
    let lines = &source.receipt.lines;
    let (key, blob) = keys
        .find_map(|key| {
            let id = line_id(key);
            let found = |(name, blob): &&(&str, &[u8])| *name == key.name && blob.starts_with(&id);
            lines.iter().find(found).map(|(_, blob)| (key, *blob))
        })
        .ok_or(Rejection::KeyUnknown)?;
    let signature = blob.get(4..).and_then(|it| it.try_into().ok());
    let signature: Signature = signature.ok_or(Rejection::CheckpointSignature)?;
    let message = signed_bytes(key, &source.root);
    if !PublicKey::Ed25519(key.key).verifies(&message, &signature) {
        return Err(Rejection::CheckpointSignature);
    }
    let mut proof = Encoder::new();
    proof.array(3).uint(place.size).uint(place.index);
    proof.array(place.path.len());
    for node in place.path {
        proof.bytes(node);
    }
    let mut out = Encoder::after(vec![COSE_SIGN1]);
    out.array(4).bytes(&protected(key));
    out.map(2).int(VDP).map(1).int(INCLUSION);
    out.array(1).bytes(&proof.finish());
    out.text("vw-entry").bytes(&tlog::to_entry(source));
    out.null().bytes(&signature);
    Ok(out.finish())
}

/// The `Sig_structure` over a root.
fn signed_bytes(key: &NoteKey, root: &Hash) -> Vec<u8> {
    let mut out = Encoder::new();
    out.array(4).text("Signature1").bytes(&protected(key));
    out.bytes(&[]).bytes(root);
    out.finish()
}

/// What is signed beside the root: the algorithm, the key, the log's name as issuer, the tree.
fn protected(key: &NoteKey) -> Vec<u8> {
    let mut out = Encoder::new();
    out.map(4).int(ALG).int(EDDSA).int(KID).bytes(&key.id());
    out.int(CWT_CLAIMS).map(1).int(ISS).text(&key.name);
    out.int(VDS).int(RFC9162_SHA256);
    out.finish()
}

const KIND: &[u8] = b"vitalwitness/cose-receipt/v1";
/// Tag 18.
const COSE_SIGN1: u8 = 0xd2;
const ALG: i64 = 1;
const EDDSA: i64 = -8;
const KID: i64 = 4;
const CWT_CLAIMS: i64 = 15;
const ISS: i64 = 1;
const VDS: i64 = 395;
const RFC9162_SHA256: i64 = 1;
const VDP: i64 = 396;
const INCLUSION: i64 = -1;

//! What each fuzz target of documents, requests, batches and files does with its bytes. A plain
//! test replays the committed corpus through the same functions.
#![allow(dead_code, reason = "each target uses one of these")]

use vitalwitness_domain::cert::{verify_organisation, verify_person};
use vitalwitness_domain::evidence::Evidence;
use vitalwitness_domain::grant::{GrantDocument, RequestDocument};
use vitalwitness_domain::httpsig::verify_request;
use vitalwitness_domain::scope::Scope;
use vitalwitness_domain::sealed::inspect_plain;
use vitalwitness_domain::tracing;
use vitalwitness_domain::wire::trust::{parse_trust, write_trust};

/// 2025-04-11, within the certificates of the corpus.
const NOW_MS: i64 = 1_744_329_600_000;

/// The plain bytes of a batch claim no more records than they hold bytes.
pub(crate) fn sealed(bytes: &[u8]) {
    if let Ok(records) = inspect_plain(bytes) {
        assert!(records <= bytes.len());
    }
}

/// Two bytes say how long the certificate is; the root follows. What is certified has a name and
/// has not ended.
pub(crate) fn certificate(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (leaf, root) = rest.split_at(length);
    if let Ok(organisation) = verify_organisation(leaf, root, NOW_MS) {
        assert!(!organisation.name.is_empty() && organisation.not_after_ms >= NOW_MS);
        assert!(verify_person(leaf, root, NOW_MS).is_err());
    }
    if let Ok(person) = verify_person(leaf, root, NOW_MS) {
        assert!(!person.name.is_empty() && person.not_after_ms >= NOW_MS);
    }
}

/// A file that is read is written as one that reads the same, and its verdict is the same.
pub(crate) fn evidence(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    let Ok(read) = Evidence::parse(text) else {
        return;
    };
    let again = read.to_json();
    // hex and base64 have one form, and the pretty form may be longer than a file may be
    if let Ok(same) = Evidence::parse(&again) {
        assert_eq!(same.to_json(), again);
    }
    if let Ok(trust) = parse_trust(TRUST) {
        let _ = read.check(&trust);
    }
}

/// A bundle that is read is written as one that reads the same.
pub(crate) fn trust(bytes: &[u8]) {
    if let Ok(text) = core::str::from_utf8(bytes)
        && let Ok(read) = parse_trust(text)
    {
        let written = write_trust(&read);
        let again = written.as_deref().map(parse_trust);
        assert!(matches!(again, Ok(Ok(same)) if same == read));
    }
}

/// A grant, a request or a scope that decodes has one encoding.
pub(crate) fn grant(bytes: &[u8]) {
    if let Ok(document) = GrantDocument::decode(bytes) {
        assert!(document.encode() == bytes);
    }
    if let Ok(document) = RequestDocument::decode(bytes) {
        assert!(document.encode() == bytes);
    }
    if let Ok(scope) = Scope::decode(bytes) {
        assert!(scope.encode() == bytes);
    }
}

/// Lines: method, target, content-digest, signature-input, signature; then the body. What verifies is
/// what was signed.
pub(crate) fn request(bytes: &[u8]) {
    let mut parts = bytes.splitn(6, |byte| *byte == b'\n');
    let mut line = || {
        parts
            .next()
            .and_then(|part| core::str::from_utf8(part).ok())
    };
    let [method, target, digest, input, signature] = core::array::from_fn(|_| line());
    let (Some(method), Some(target)) = (method, target) else {
        return;
    };
    let body = parts.next().unwrap_or_default();
    let headers = |name: &str| match name {
        "content-digest" => digest,
        "signature-input" => input,
        "signature" => signature,
        _ => None,
    };
    if let Ok(verified) = verify_request(method, target, body, headers)
        && verified.verify(&SESSION).is_ok()
    {
        assert!(SIGNED.contains(&(method, target, body)), "nobody signed it");
    }
}

/// A leaked file of any form is read without a fault, and no more rows than it has bytes.
pub(crate) fn leaked(bytes: &[u8]) {
    let read = tracing::read(bytes);
    assert!(read.rows.len() <= bytes.len());
}

/// The log and the witnesses of evidence.json.
const TRUST: &str = r#"{
  "schema": "vw-trust/1",
  "logs": [
    {
      "origin": "log.example/purpose",
      "keys": [
        "log.example/purpose+dc39f8dc+AYixae1QHf8egVuFA34PVpC1O6V4mDN46mC1YMZMWZsK"
      ],
      "witnesses": [
        "witness.example/1+7a5d0204+BK3QqB+/e/RiKnxOZLvugyN60dJ1YqxlSbX3m0mgZceb",
        "witness.example/2+f427f523+BB9ujoZlG31SmvBpevyvLczD6/16Dmm1gz/ETEVl074d"
      ],
      "quorum": 2
    }
  ]
}"#;

/// The key of the session of httpsig.json (SPKI), and all that it signed.
const SESSION: [u8; 91] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04, 0x73, 0x8e, 0x0a, 0x07, 0x79,
    0x23, 0xba, 0xe8, 0x6d, 0x01, 0x26, 0x6a, 0x61, 0x15, 0x5d, 0xd1, 0x85, 0x20, 0x1b, 0xaa, 0x58,
    0x90, 0xea, 0x91, 0x77, 0x76, 0x02, 0x24, 0x07, 0xd0, 0xae, 0x12, 0x9e, 0xc6, 0xff, 0x82, 0xa5,
    0x69, 0x7d, 0x9c, 0xa9, 0x76, 0xcd, 0xf4, 0xd7, 0x0b, 0x80, 0xba, 0x78, 0xfa, 0x23, 0x39, 0xbd,
    0xff, 0x16, 0xdd, 0x05, 0xaf, 0x25, 0xbb, 0xb5, 0x62, 0x8d, 0xfc,
];
const SIGNED: [(&str, &str, &[u8]); 2] = [
    ("POST", "/v1/batches?cursor=12&full", b"{\"a\":1}"),
    ("GET", "/v1/changes", b""),
];

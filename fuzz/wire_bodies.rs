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

/// Lines: method, target, content-digest, signature-input, signature; then the body.
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
    if let Ok(verified) = verify_request(method, target, body, headers) {
        assert!(verified.verify(&[0; 91]).is_err(), "no key, no signature");
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

#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use super::*;
use crate::testing::{Seeded, Signing, unhex, vector_cases};
use serde_json::{Value, json};

const NONCE: [u8; 16] = [9; 16];
const KEYID: [u8; 16] = [0xab; 16];
const CREATED: u64 = 1_750_000_000;

/// A request with its three headers.
#[derive(Clone)]
struct Signed {
    method: String,
    target: String,
    body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Signed {
    fn make(method: &str, target: &str, body: &[u8]) -> Self {
        let sign = |base: &[u8]| session().sign(base);
        let headers = sign_request(method, target, body, CREATED, &NONCE, &KEYID, sign).unwrap();
        Self {
            method: method.into(),
            target: target.into(),
            body: body.into(),
            headers: headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn header(&mut self, name: &str) -> &mut String {
        let header = self.headers.iter_mut().find(|header| header.0 == name);
        &mut header.unwrap().1
    }

    fn verify(&self) -> Result<Verified, SignatureError> {
        let find = |name: &str| {
            let header = self.headers.iter().find(|header| header.0 == name);
            header.map(|(_, value)| value.as_str())
        };
        let verified = verify_request(&self.method, &self.target, &self.body, find)?;
        verified.verify(&session().spki())?;
        Ok(verified)
    }
}

fn session() -> Signing {
    Signing::new(7)
}

fn post() -> Signed {
    Signed::make("POST", "/v1/batches?cursor=12&full", b"{\"a\":1}")
}

#[test]
fn a_signed_request_verifies_and_says_who_when_and_once() {
    for (method, target, body) in [
        ("POST", "/v1/batches?cursor=12&full", &b"{\"a\":1}"[..]),
        ("GET", "/", b""),
        ("GET", "/v1/changes?", b""),
        ("DELETE", "/v1/grants/00%20ff?a=b?c", b""),
        ("PUT", "/v1/batches/00/parts/3", &[0; 9_000]),
    ] {
        let verified = Signed::make(method, target, body).verify().unwrap();
        assert_eq!(
            (verified.keyid, verified.created, verified.nonce),
            (KEYID, CREATED, NONCE),
            "{method} {target}"
        );
    }
}

#[test]
fn the_signature_base_is_that_of_rfc_9421() {
    let verified = post().verify().unwrap();
    let expect = "\"@method\": POST\n\
        \"@path\": /v1/batches\n\
        \"@query\": ?cursor=12&full\n\
        \"content-digest\": sha-256=:AVq9f1zFei3ZS3WQ8ErYCEJzkF7jPsXOvq5iJ2qX+GI=:\n\
        \"@signature-params\": (\"@method\" \"@path\" \"@query\" \"content-digest\")\
        ;created=1750000000;nonce=\"CQkJCQkJCQkJCQkJCQkJCQ\"\
        ;keyid=\"abababababababababababababababab\";alg=\"ecdsa-p256-sha256\"";
    assert_eq!(String::from_utf8(verified.base).unwrap(), expect);
}

#[test]
fn content_digest_is_that_of_rfc_9530() {
    let digest = content_digest(b"{\"hello\": \"world\"}");
    assert_eq!(
        digest,
        "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    );
}

#[test]
fn a_request_that_differs_from_the_signed_one_is_refused() {
    for (id, _, signed, expect) in refused_cases() {
        assert_eq!(signed.verify().unwrap_err().code(), expect, "{id}");
    }
}

#[test]
fn another_session_key_did_not_sign() {
    let verified = post().verify().unwrap();
    for spki in [Signing::new(8).spki().to_vec(), vec![], vec![0x30; 91]] {
        assert_eq!(verified.verify(&spki), Err(SignatureError::Signature));
    }
}

#[test]
fn a_target_that_could_smuggle_a_line_is_not_signed() {
    for (method, target) in [
        ("post", "/"),
        ("", "/"),
        ("GET\n", "/"),
        ("GET", ""),
        ("GET", "v1"),
        ("GET", "/a b"),
        ("GET", "/a\n\"@query\": ?"),
        ("GET", "/a#b"),
        ("GET", "/é"),
        ("GET", "http://host/"),
    ] {
        let sign = |_: &[u8]| [1; 64];
        let refused = sign_request(method, target, b"", 1, &NONCE, &KEYID, sign);
        assert_eq!(
            refused,
            Err(SignatureError::Target),
            "{method:?} {target:?}"
        );
    }
}

#[test]
fn no_mutation_of_a_signed_request_verifies_or_panics() {
    let mut random = Seeded(9421);
    let good = post();
    let mut checked = 0;
    while checked < MUTATIONS {
        let mut bad = good.clone();
        let place = random.below(12);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        match place {
            0 => bad.body = random.mutate(&bad.body),
            1 => bad.target = text(random.mutate(bad.target.as_bytes())),
            2 => bad.method = text(random.mutate(bad.method.as_bytes())),
            _ => {
                let header = &mut bad.headers[place % 3].1;
                *header = text(random.mutate(header.as_bytes()));
            }
        }
        let same = bad.body == good.body
            && bad.target == good.target
            && bad.method == good.method
            && bad.headers == good.headers;
        if same {
            continue;
        }
        assert!(bad.verify().is_err(), "mutation {checked} of part {place}");
        checked += 1;
    }
}

#[test]
fn every_vector_of_httpsig_holds() {
    for case in vector_cases("httpsig") {
        let (id, input, expect) = (&case["id"], &case["input"], &case["expect"]);
        let headers = input["headers"].as_object().unwrap();
        let verified = verify_request(
            input["method"].as_str().unwrap(),
            input["target"].as_str().unwrap(),
            &unhex(&input["body"]),
            |name| headers.get(name).map(|value| value.as_str().unwrap()),
        )
        .and_then(|verified| {
            verified.verify(&unhex(&input["session"]))?;
            Ok(verified)
        });
        match verified {
            Ok(verified) => assert_eq!(*expect, facts(&verified), "{id}"),
            Err(error) => assert_eq!(expect["reject"], error.code(), "{id}"),
        }
    }
}

#[test]
fn vectors_are_current() {
    let mut cases = Vec::new();
    let mut case = |id: &str, why: &str, signed: &Signed, expect: &Value| {
        let headers: serde_json::Map<String, Value> = signed
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let input = json!({
            "method": signed.method,
            "target": signed.target,
            "body": hex::encode(&signed.body),
            "headers": headers,
            "session": hex::encode(session().spki()),
        });
        cases.push(json!({"id": id, "why": why, "input": input, "expect": expect}));
    };
    for (id, why, signed) in [
        ("post", "a body and a query", post()),
        (
            "empty-body",
            "an empty body has a digest too; no query is signed as ?",
            Signed::make("GET", "/v1/changes", b""),
        ),
        (
            "high-s",
            "both forms of s sign; the nonce is what counts once",
            high_s(),
        ),
    ] {
        let expect = facts(&signed.verify().unwrap());
        case(id, why, &signed, &expect);
    }
    for (id, why, signed, code) in refused_cases() {
        case(id, why, &signed, &json!({"reject": code}));
    }
    crate::testing::vectors_are_current(
        "httpsig",
        "RFC 9421 profile: signed requests. body, session (SPKI), keyid, nonce in hex; base is the \
         signature base as text.",
        &cases,
    );
}

fn facts(verified: &Verified) -> Value {
    json!({
        "keyid": hex::encode(verified.keyid),
        "created": verified.created,
        "nonce": hex::encode(verified.nonce),
        "base": String::from_utf8(verified.base.clone()).unwrap(),
    })
}

/// The same request with the order minus s for s.
fn high_s() -> Signed {
    post().with(|signed| {
        let header = signed.header(SIGNATURE);
        let signature = read_signature(header).unwrap();
        let signature = p256::ecdsa::Signature::from_slice(&signature).unwrap();
        let (r, s) = (signature.r(), signature.s());
        let high = p256::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
        *header = format!("vw=:{}:", STANDARD.encode(high.to_bytes()));
    })
}

type Refused = (&'static str, &'static str, Signed, &'static str);

#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn refused_cases() -> Vec<Refused> {
    let input = |id, why, from: &str, to: &str| {
        let signed = post().with(|signed| {
            let header = signed.header(SIGNATURE_INPUT);
            assert!(header.contains(from), "{id}");
            *header = header.replace(from, to);
        });
        (id, why, signed, "signature_profile")
    };
    let missing = |id, name: &'static str| {
        let signed = post().with(|signed| signed.headers.retain(|header| header.0 != name));
        (
            id,
            "each of the three headers is needed",
            signed,
            "signature_missing",
        )
    };
    vec![
        missing("no-digest", CONTENT_DIGEST),
        missing("no-input", SIGNATURE_INPUT),
        missing("no-signature", SIGNATURE),
        (
            "other-body",
            "the digest is of another body",
            post().with(|signed| signed.body.push(b' ')),
            "signature_digest",
        ),
        (
            "other-body-and-digest",
            "a digest that fits the new body was not signed",
            post().with(|signed| {
                signed.body = b"{}".into();
                *signed.header(CONTENT_DIGEST) = content_digest(b"{}");
            }),
            "signature_invalid",
        ),
        (
            "other-method",
            "the method is signed",
            post().with(|signed| signed.method = "PUT".into()),
            "signature_invalid",
        ),
        (
            "other-path",
            "the path is signed",
            post().with(|signed| signed.target = "/v1/batche?cursor=12&full".into()),
            "signature_invalid",
        ),
        (
            "other-query",
            "the query is signed",
            post().with(|signed| signed.target = "/v1/batches?cursor=13&full".into()),
            "signature_invalid",
        ),
        (
            "lower-case-method",
            "a method is upper-case letters",
            post().with(|signed| signed.method = "post".into()),
            "signature_target",
        ),
        (
            "line-in-target",
            "a target cannot add a line to the base",
            post().with(|signed| signed.target = "/v1\n\"@query\": ?".into()),
            "signature_target",
        ),
        input("other-created", "created is a number", "=1750000000", "=x"),
        input(
            "created-plus",
            "one spelling of a number",
            "=1750000000",
            "=+1750000000",
        ),
        input(
            "created-zero",
            "no leading zero",
            "=1750000000",
            "=01750000000",
        ),
        input(
            "created-long",
            "at most 15 digits",
            "=1750000000",
            "=1000000000000000",
        ),
        input(
            "short-nonce",
            "a nonce has 16 bytes",
            "CQkJCQkJCQkJCQkJCQkJCQ",
            "CQkJCQ",
        ),
        input(
            "padded-nonce",
            "base64url without padding",
            "CQ\";keyid",
            "CQ==\";keyid",
        ),
        input(
            "short-keyid",
            "a key id has 16 bytes",
            "ababababab\"",
            "abababab\"",
        ),
        input("upper-keyid", "hex is lower-case", "ababab\"", "ababAB\""),
        input(
            "other-alg",
            "one algorithm",
            "ecdsa-p256-sha256",
            "hmac-sha256",
        ),
        input(
            "less-covered",
            "all four components",
            " \"content-digest\"",
            "",
        ),
        input(
            "other-order",
            "one order of components",
            "\"@method\" \"@path\"",
            "\"@path\" \"@method\"",
        ),
        input("other-label", "one label", "vw=", "sig1="),
        input("space", "one spelling", ";created", "; created"),
        input("two", "one signature", "vw=", "vw=(), vw="),
        (
            "created-changed",
            "created is signed",
            post().with(|signed| {
                let header = signed.header(SIGNATURE_INPUT);
                *header = header.replace("=1750000000", "=1750000001");
            }),
            "signature_invalid",
        ),
        (
            "nonce-changed",
            "the nonce is signed",
            post().with(|signed| {
                let header = signed.header(SIGNATURE_INPUT);
                *header = header.replace("CQkJCQkJ", "DQkJCQkJ");
            }),
            "signature_invalid",
        ),
        (
            "signature-short",
            "a signature has 64 bytes",
            post().with(|signed| *signed.header(SIGNATURE) = "vw=:AAAA:".into()),
            "signature_profile",
        ),
        (
            "signature-zero",
            "r and s of zero sign nothing",
            post().with(|signed| {
                *signed.header(SIGNATURE) = format!("vw=:{}:", STANDARD.encode([0; 64]));
            }),
            "signature_invalid",
        ),
        (
            "digest-sha-512",
            "sha-256 only",
            post().with(|signed| {
                let header = signed.header(CONTENT_DIGEST);
                *header = header.replace("sha-256", "sha-512");
            }),
            "signature_profile",
        ),
        (
            "two-digests",
            "one digest",
            post().with(|signed| {
                let header = signed.header(CONTENT_DIGEST);
                *header = format!("{header}, {header}");
            }),
            "signature_profile",
        ),
    ]
}

const MUTATIONS: usize = 100_000;

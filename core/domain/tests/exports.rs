//! Exports against `tests/vectors/chainpoint.json`, and proofs of others read here.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::path::Path;
use vitalwitness_domain::export::certificate::{self, Language};
use vitalwitness_domain::export::chainpoint::Chainpoint;
use vitalwitness_domain::export::foreign::{self, Foreign};
use vitalwitness_domain::export::qr::Symbol;
use vitalwitness_domain::export::{Source, base45, cose, tlog};
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::cbor;
use vitalwitness_proof::checkpoint::{Checkpoint, KeyKind, NoteKey, NoteLine, verify_lines};
use vitalwitness_proof::receipt::Receipt;
use vitalwitness_proof::trust::TrustedLog;
use vitalwitness_proof::{Facts, Rejection, verify};

mod corpus;
#[path = "../../../fuzz/export_bodies.rs"]
mod export_bodies;

#[test]
fn every_case_is_exported_as_its_vector_says() {
    let cases = vectors();
    assert!(cases.len() >= 12);
    for case in &cases {
        let receipt = hex::decode(case["input"]["receipt"].as_str().unwrap()).unwrap();
        let source = Source::read(&receipt).unwrap();
        let proof = Chainpoint::of(&source, case["input"]["base_url"].as_str()).unwrap();
        let name = &case["id"];
        let json: Value = serde_json::from_str(&proof.to_json().unwrap()).unwrap();
        assert_eq!(json, case["expect"]["chainpoint"], "{name}");
        assert_eq!(
            hex::encode(source.root),
            case["expect"]["expected_value"],
            "{name}"
        );
        assert_eq!(tlog::write(&source), case["expect"]["tlog_proof"], "{name}");
    }
}

#[test]
fn a_receipt_with_the_logs_line_in_cose_form_becomes_a_cose_receipt() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = pair.public_key().as_ref().try_into().unwrap();
    let origin = "log.example/vw1";
    let key = NoteKey::new(origin, KeyKind::Log, public).unwrap();
    let sign = |message: &[u8]| pair.sign(message).as_ref().try_into().unwrap();
    let log = TrustedLog {
        origin: origin.to_owned(),
        keys: vec![key.clone()],
        witnesses: Vec::new(),
        quorum: 0,
    };
    for case in &vectors() {
        let receipt = hex::decode(case["input"]["receipt"].as_str().unwrap()).unwrap();
        let mut source = Source::read(&receipt).unwrap();
        let name = &case["id"];
        assert_eq!(
            cose::write(&source, &log),
            Err(Rejection::KeyUnknown),
            "{name}: its log signed no COSE receipt"
        );
        let line = cose::line(&key, &source.root, sign);
        let other = cose::line(&key, &[0; 32], sign);
        source.receipt.lines.push((&other.name, &other.blob));
        assert_eq!(
            cose::write(&source, &log),
            Err(Rejection::CheckpointSignature),
            "{name}: of another root"
        );
        source.receipt.lines.pop();
        source.receipt.lines.push((&line.name, &line.blob));
        let bytes = cose::write(&source, &log).unwrap();
        // tagged COSE_Sign1; protected {1: -8, 4: key id, 15: {1: origin}, 395: 1}
        let head = format!(
            "d2845820a401270444{}0fa1016f{}19018b01a219018ca12081",
            hex::encode(key.id()),
            hex::encode(origin)
        );
        assert!(hex::encode(&bytes).starts_with(&head), "{name}: {head}");
        assert!(bytes.ends_with(&line.blob[4..]), "{name}");
        let elsewhere = TrustedLog {
            origin: "other.example/log".to_owned(),
            ..log.clone()
        };
        assert_eq!(
            cose::write(&source, &elsewhere),
            Err(Rejection::OriginUnknown),
            "{name}"
        );
    }
}

#[test]
fn a_line_in_cose_form_is_no_checkpoint_signature() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = pair.public_key().as_ref().try_into().unwrap();
    let key = NoteKey::new("log.example/vw1", KeyKind::Log, public).unwrap();
    let sign = |message: &[u8]| pair.sign(message).as_ref().try_into().unwrap();
    let checkpoint = Checkpoint {
        origin: key.name.clone(),
        size: 4,
        root: [9; 32],
    };
    let in_cose = cose::line(&key, &checkpoint.root, sign);
    let signed = key.sign(&checkpoint.body(), sign);
    let log = TrustedLog {
        origin: key.name.clone(),
        keys: vec![key.clone()],
        witnesses: Vec::new(),
        quorum: 0,
    };
    let check = |lines: &[&NoteLine]| {
        let lines = lines.iter().map(|line| line.borrowed());
        verify_lines(&checkpoint.body(), lines, &log).map(|_| ())
    };
    assert_eq!(check(&[&signed, &in_cose]), Ok(()));
    assert_eq!(check(&[&in_cose]), Err(Rejection::KeyUnknown));
    let renamed = NoteLine {
        name: key.name.clone(),
        blob: [&key.id(), &in_cose.blob[4..]].concat(),
    };
    assert_eq!(check(&[&renamed]), Err(Rejection::CheckpointSignature));
}

#[test]
fn an_export_read_back_leads_to_the_logs_root() {
    for case in &vectors() {
        let receipt = hex::decode(case["input"]["receipt"].as_str().unwrap()).unwrap();
        let source = Source::read(&receipt).unwrap();
        let proof = Chainpoint::of(&source, None).unwrap();
        for bytes in [
            proof.to_json().unwrap().into_bytes(),
            proof.to_binary().unwrap(),
        ] {
            let read = foreign::read(&bytes).unwrap();
            assert_eq!(read.hash, hex::encode(source.hash()));
            assert_eq!(
                leads_to(&read),
                [("cal", case["expect"]["expected_value"].as_str().unwrap())]
            );
        }
    }
}

#[test]
fn a_receipt_whose_parts_do_not_fit_is_not_exported() {
    let cases = vectors();
    let receipt = hex::decode(cases[0]["input"]["receipt"].as_str().unwrap()).unwrap();
    let mut changed = receipt.clone();
    changed[8] ^= 1;
    for (bytes, why) in [
        (changed.as_slice(), Rejection::EntryMismatch),
        (&receipt[..receipt.len() - 1], Rejection::Malformed),
    ] {
        assert_eq!(Source::read(bytes).unwrap_err(), why);
    }
}

#[test]
fn an_address_too_long_for_the_form_is_refused() {
    let cases = vectors();
    let receipt = hex::decode(cases[0]["input"]["receipt"].as_str().unwrap()).unwrap();
    let source = Source::read(&receipt).unwrap();
    let base = format!("https://{}.example", "a".repeat(500));
    let refused = Chainpoint::of(&source, Some(&base));
    assert_eq!(refused.unwrap_err(), Rejection::LimitExceeded);
}

#[test]
fn proofs_of_others_are_read_as_their_own_parsers_read_them() {
    // the values are those that chainpoint-parse gives for the same files; its versions before 4
    // left the order of Bitcoin's roots to their caller
    let v3 = [("cal", "940f86a3"), ("btc", "6ca04599")];
    for (file, version, anchors) in [
        ("v2.chp.json", 2, vec![("BTCOpReturn", "51296468")]),
        ("v3.chp.json", 3, v3.to_vec()),
        ("v3.chp", 3, v3.to_vec()),
    ] {
        let read = foreign::read(&fixture(file)).unwrap();
        assert_eq!(read.version, version, "{file}");
        let found = leads_to(&read);
        assert_eq!(found.len(), anchors.len(), "{file}: {found:?}");
        for ((kind, value), (want, start)) in found.iter().zip(&anchors) {
            assert!(
                kind == want && value.starts_with(start),
                "{file}: {found:?}"
            );
        }
    }
    for file in ["v4.chp.json", "v4.chp"] {
        let read = foreign::read(&fixture(file)).unwrap();
        assert_eq!((read.version, read.anchors.len()), (4, 2), "{file}");
    }
    assert_eq!(
        leads_to(&foreign::read(&fixture("v4.chp.json")).unwrap())[1],
        (
            "btc",
            "269b833efd1deaa80456cb50d13d311b81806519c00239de9671d8f1d47412dd"
        )
    );
    assert_eq!(
        foreign::read(&fixture("v5.chp.json")),
        Err(Rejection::UnsupportedVersion)
    );
}

#[test]
fn hostile_proofs_get_a_code() {
    let v4 = |ops: Value| {
        json!({"@context": "https://w3id.org/chainpoint/v4", "type": "Chainpoint", "proof_id": "",
            "hash": "00".repeat(32), "hash_received": "", "branches": [{"ops": ops}]})
    };
    let v2 = |change: &str, to: Value| {
        let mut proof: Value = serde_json::from_slice(&fixture("v2.chp.json")).unwrap();
        proof[change] = to;
        proof
    };
    let mut nested = json!([{"ops": []}]);
    for _ in 0..8 {
        nested = json!([{"ops": [], "branches": nested}]);
    }
    let mut deep = v4(json!([]));
    deep["branches"] = nested;
    let many: Vec<Value> = vec![json!({"op": "sha-256"}); 4_097];
    let anchor = json!({"type": "cal", "anchor_id": "1"});
    for (name, proof, why) in [
        ("no object", json!([]), Rejection::Malformed),
        ("nothing", json!({}), Rejection::Malformed),
        (
            "no context",
            v2("@context", Value::Null),
            Rejection::Malformed,
        ),
        (
            "version 5",
            v2("@context", json!("https://w3id.org/chainpoint/v5")),
            Rejection::UnsupportedVersion,
        ),
        (
            "another hash",
            v2("type", json!("ChainpointMD5v2")),
            Rejection::UnsupportedVersion,
        ),
        (
            "another root",
            v2("merkleRoot", json!("00".repeat(32))),
            Rejection::EntryMismatch,
        ),
        (
            "another leaf",
            v2("targetHash", json!("00".repeat(32))),
            Rejection::EntryMismatch,
        ),
        (
            "odd hex",
            v2("targetHash", json!("0".repeat(63))),
            Rejection::Malformed,
        ),
        (
            "two sides",
            v2(
                "proof",
                json!([{"left": "00".repeat(32), "right": "00".repeat(32)}]),
            ),
            Rejection::Malformed,
        ),
        (
            "two keys",
            v4(json!([{"l": "00", "op": "sha-256"}])),
            Rejection::Malformed,
        ),
        ("no step", v4(json!([{}])), Rejection::Malformed),
        (
            "unknown step",
            v4(json!([{"x": "00"}])),
            Rejection::UnsupportedVersion,
        ),
        (
            "unknown hash",
            v4(json!([{"op": "md5"}])),
            Rejection::UnsupportedVersion,
        ),
        ("number beside", v4(json!([{"l": 1}])), Rejection::Malformed),
        (
            "long value",
            v4(json!([{"l": "ab".repeat(65_505)}])),
            Rejection::LimitExceeded,
        ),
        ("many steps", v4(json!(many)), Rejection::LimitExceeded),
        (
            "many anchors",
            v4(json!([{"anchors": vec![anchor; 257]}])),
            Rejection::LimitExceeded,
        ),
        ("deep branches", deep, Rejection::LimitExceeded),
    ] {
        assert_eq!(
            foreign::read(proof.to_string().as_bytes()),
            Err(why),
            "{name}"
        );
        let packed = zlib(&rmp_serde::to_vec_named(&proof).unwrap());
        assert_eq!(foreign::read(&packed), Err(why), "{name}, binary");
    }
}

#[test]
fn a_file_that_grows_when_unpacked_is_refused() {
    for (name, packed, why) in [
        ("bomb", zlib(&vec![0; 64 << 20]), Rejection::LimitExceeded),
        ("deep", zlib(&[0x91; 10_000]), Rejection::LimitExceeded),
        (
            "long array",
            zlib(&[0xdd, 0xff, 0xff, 0xff, 0xff]),
            Rejection::Malformed,
        ),
        ("not zlib", vec![0x78, 0x9c, 1, 2, 3], Rejection::Malformed),
        (
            "too long",
            vec![b' '; (1 << 20) + 1],
            Rejection::LimitExceeded,
        ),
    ] {
        assert_eq!(foreign::read(&packed), Err(why), "{name}");
    }
}

#[test]
fn the_chainpoint_corpus_breaks_nothing() {
    let inputs = corpus::inputs("chainpoint");
    let mut random = 1_u64;
    let mut below = |bound: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(random >> 33).unwrap() % bound
    };
    let changes = 100_000_usize.div_ceil(inputs.len());
    for input in inputs {
        export_bodies::chainpoint(&input);
        for _ in 0..changes {
            let mut input = input.clone();
            for _ in 0..=below(3) {
                let place = below(input.len());
                match below(3) {
                    0 => input[place] = u8::try_from(below(256)).unwrap(),
                    1 => input.truncate(place + 1),
                    _ => input.insert(place, u8::try_from(below(256)).unwrap()),
                }
            }
            export_bodies::chainpoint(&input);
        }
    }
}

#[test]
fn a_symbol_is_no_larger_than_its_bytes_need() {
    // capacities of ISO 18004 for level L: letters that fit versions 26, 28 and 35
    for (letters, version) in [(1_990, 26), (2_223, 28), (3_351, 35), (4_296, 40)] {
        let bytes = vec![0xff; letters / 3 * 2];
        assert_eq!(base45::encode(&bytes).len(), letters / 3 * 3);
        let symbol = Symbol::of(&bytes).unwrap();
        assert_eq!(symbol.version(), version, "{letters}");
        assert_eq!(symbol.width(), 17 + 4 * usize::try_from(version).unwrap());
    }
    assert_eq!(Symbol::of(&[0; 2_865]), Err(Rejection::LimitExceeded));
    assert!(Symbol::of(&[0; 2_864]).is_ok());
}

#[test]
fn receipts_are_as_large_as_the_format_says() {
    // section 5: batch of 2^7, log of 2^20
    let cases = vectors();
    let bytes = hex::decode(cases[0]["input"]["receipt"].as_str().unwrap()).unwrap();
    let (whole, _) = whole_receipt();
    let shown = Receipt::decode(&whole).unwrap().disclosure;
    let (short, long) = ([[7; 32]; 7], [[9; 32]; 20]);
    let mut receipt = Receipt::decode(&bytes).unwrap();
    receipt.disclosure = None;
    let record = receipt.record.as_mut().unwrap();
    (record.size, record.path) = (1 << 7, &short);
    (receipt.log.size, receipt.log.index, receipt.log.path) = (1 << 20, 1 << 19, &long);
    let given = given_receipt();
    let mut given = Receipt::decode(&given).unwrap();
    let value_and_time = given.disclosure;
    let record = given.record.as_mut().unwrap();
    (record.size, record.path) = (1 << 7, &short);
    (given.log.size, given.log.index, given.log.path) = (1 << 20, 1 << 19, &long);
    given.log.origin = receipt.log.origin;
    assert!(given.keys.len() == 2 && given.enrolment.is_some());
    for (lines, most) in [(1, [26, 29, 32, 31]), (3, [28, 31, 34, 32])] {
        let shapes = [
            ("keys 0 to 5", &receipt, None),
            ("as given, nothing shown", &given, None),
            ("as given, value and time shown", &given, value_and_time),
            ("as given, the whole record shown", &given, shown),
        ];
        for ((shape, from, disclosure), most) in shapes.into_iter().zip(most) {
            let mut receipt = from.clone();
            receipt.lines = from_lines(&bytes, lines);
            receipt.disclosure = disclosure;
            let bytes = receipt.encode();
            let version = Symbol::of(&bytes).unwrap().version();
            eprintln!(
                "{} witnesses, {shape}: {} bytes, QR {version}-L",
                lines - 1,
                bytes.len()
            );
            assert!(
                version <= most,
                "{shape}: {} bytes, {version}-L",
                bytes.len()
            );
        }
    }
}

/// The first lines of a receipt's note: the log's, then witnesses'.
fn from_lines(receipt: &[u8], count: usize) -> Vec<(&str, &[u8])> {
    let mut lines = Receipt::decode(receipt).unwrap().lines;
    lines.truncate(count);
    lines
}

/// A receipt as a phone gives it: with its keys and who enrolled the signer.
fn given_receipt() -> Vec<u8> {
    let bytes = std::fs::read(root().join("tests/vectors/receipt-more.json")).unwrap();
    let file: Value = serde_json::from_slice(&bytes).unwrap();
    let mut cases = file["cases"].as_array().unwrap().iter();
    let shown = cases.find(|case| case["id"] == "shown").unwrap();
    hex::decode(shown["input"]["receipt"].as_str().unwrap()).unwrap()
}

#[test]
fn a_certificate_says_what_was_found_and_fetches_nothing() {
    let (receipt, facts) = whole_receipt();
    for (language, words) in [
        (
            Language::English,
            [
                "Unchanged",
                "It existed by 24 November 2025, 16:18 UTC.",
                "Heart rate",
                "60 per minute",
                "From a paired device",
                "2 of 3",
                "That the measurement was right.",
            ],
        ),
        (
            Language::German,
            [
                "Unverändert",
                "Vorhanden spätestens am 24. November 2025, 16:18 UTC.",
                "Herzfrequenz",
                "60 pro Minute",
                "Von einem gekoppelten Gerät",
                "2 von 3",
                "Dass die Messung richtig war.",
            ],
        ),
    ] {
        let page = certificate::page(&facts, &receipt, language);
        for word in words {
            assert!(page.contains(word), "{language:?}: {word}");
        }
        assert!(page.contains(&Symbol::of(&receipt).unwrap().to_svg()));
        for fetched in ["<script", "src=", "<link", "url(", "@import", "href"] {
            assert!(!page.contains(fetched), "{fetched}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn a_record_cannot_write_markup_into_its_certificate() {
    let (receipt, mut facts) = whole_receipt();
    let note = "<img src=x onerror=alert(1)>\u{202e}\u{1b}[2J&\"'".repeat(50);
    let fields = &mut facts.disclosed.as_mut().unwrap().fields;
    let value = fields.iter_mut().find(|(slot, _)| *slot == 5).unwrap();
    value.1 = cbor::encode(&cbor::Value::Text(note));
    let page = certificate::page(&facts, &receipt, Language::English);
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt; [2J&amp;&quot;&#39;"));
    assert!(!page.contains("<img") && !page.contains('\u{202e}') && !page.contains('\u{1b}'));
    assert!(page.contains("(in full in the receipt)"));
}

/// A receipt that shows all of its record, and what a verifier finds in it.
fn whole_receipt() -> (Vec<u8>, Facts) {
    let bytes = std::fs::read(root().join("tests/vectors/receipt.json")).unwrap();
    let file: Value = serde_json::from_slice(&bytes).unwrap();
    let cases = file["cases"].as_array().unwrap();
    let find = |id: &str| cases.iter().find(|case| case["id"] == id).unwrap();
    let whole = find("record-whole");
    let trust = match &whole["input"]["trust"] {
        Value::String(id) => &find(id)["input"]["trust"],
        trust => trust,
    };
    let trust = parse_trust(&trust.to_string()).unwrap();
    let parts = whole["input"]["receipt"].as_array().unwrap().iter();
    let receipt: Vec<u8> = parts
        .flat_map(|part| match part {
            Value::String(text) => hex::decode(text).unwrap(),
            part => {
                let of = find(part[0].as_str().unwrap())["input"]["receipt"].as_str();
                let at = |place: usize| usize::try_from(part[place].as_u64().unwrap()).unwrap();
                hex::decode(of.unwrap()).unwrap()[at(1)..at(2)].to_vec()
            }
        })
        .collect();
    let facts = verify(&receipt, None, &trust).unwrap();
    (receipt, facts)
}

fn leads_to(read: &Foreign) -> Vec<(&str, &str)> {
    let anchors = read.anchors.iter();
    anchors
        .map(|anchor| (anchor.kind.as_str(), anchor.value.as_str()))
        .collect()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    let mut packed = out.finish().unwrap();
    // another level writes another head; the one every producer in use writes is 78
    packed[0] = 0x78;
    packed[1] = 0x9c;
    packed
}

fn vectors() -> Vec<Value> {
    let bytes = std::fs::read(root().join("tests/vectors/chainpoint.json")).unwrap();
    let file: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(file["schema"], "vw-vectors/1 chainpoint");
    file["cases"].as_array().unwrap().clone()
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/fixtures/chainpoint").join(name)).unwrap()
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

//! Receipts in the forms that others read, and proofs of others given to the program.

use crate::program::{put, run_with};
use crate::receipts::case;
use serde_json::Value;
use std::path::Path;
use vitalwitness_domain::export::base45;

#[test]
fn a_receipt_is_written_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let whole = case("record-whole");
    let receipt = put(folder.path(), "receipt.vwr", &whole.receipt);
    let trust = put(folder.path(), "trust.json", whole.trust.as_bytes());
    for (form, starts) in [
        (
            "chainpoint",
            "{\"@context\":\"https://w3id.org/chainpoint/v4\"",
        ),
        ("tlog", "c2sp.org/tlog-proof@v1\nextra "),
        ("qr-svg", "<svg "),
        ("certificate", "<!doctype html>"),
    ] {
        let out = folder.path().join(form);
        let out = out.to_str().unwrap();
        let args = [
            "export", &receipt, "--as", form, "--trust", &trust, "-o", out,
        ];
        let ran = run_with(&args, &[], &[]);
        assert_eq!(ran.exit, 0, "{form}: {ran:?}");
        let written = std::fs::read_to_string(out).unwrap();
        assert!(written.starts_with(starts), "{form}");
        let again = run_with(&args, &[], &[]);
        assert_eq!(again.exit, 2, "{form}: a file that is there stays");
    }
    for (form, starts) in [("chp", b"\x78".as_slice()), ("qr-png", b"\x89PNG")] {
        let out = folder.path().join(form);
        let out = out.to_str().unwrap();
        let ran = run_with(&["export", &receipt, "--as", form, "-o", out], &[], &[]);
        assert_eq!(ran.exit, 0, "{form}: {ran:?}");
        assert!(std::fs::read(out).unwrap().starts_with(starts), "{form}");
    }
}

#[test]
fn what_is_not_one_receipt_is_refused_by_its_own_name() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (of, id, words) in [
        ("bundle", "channels", "a bundle of several records"),
        ("completeness", "withheld", "a completeness proof"),
    ] {
        let file = std::fs::read(corpus.join(of).join(id)).unwrap();
        let file = put(folder.path(), of, &file);
        for form in ["certificate", "chainpoint"] {
            let out = folder.path().join("out");
            let out = out.to_str().unwrap();
            let ran = run_with(&["export", &file, "--as", form, "-o", out], &[], &[]);
            assert_eq!(ran.exit, 2, "{ran:?}");
            assert!(ran.err.contains(words), "{ran:?}");
            assert!(!ran.err.contains("another service"), "{ran:?}");
        }
    }
}

#[test]
fn a_mark_before_json_and_space_around_a_code_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let whole = case("record-whole");
    let marked = |text: &[u8]| [b"\xef\xbb\xbf", text].concat();
    let trust = put(folder.path(), "trust.json", &marked(whole.trust.as_bytes()));
    let code = format!("\n {} \r\n", base45::encode(&whole.receipt));
    for (name, text) in [
        ("pasted", code.as_bytes().to_vec()),
        ("marked", marked(code.trim().as_bytes())),
    ] {
        let code = put(folder.path(), name, &text);
        let ran = run_with(&["verify", &code, "--trust", &trust], &[], &[]);
        assert_eq!(ran.exit, 0, "{name}: {ran:?}");
    }
    let v3 = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/chainpoint");
    let mut read = 0;
    for file in std::fs::read_dir(v3).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|it| it != "json") {
            continue;
        }
        let bytes = std::fs::read(&file).unwrap();
        let plain = put(folder.path(), "plain", &bytes);
        let bom = put(folder.path(), "bom", &marked(&bytes));
        let [plain, bom] = [plain, bom]
            .map(|file| run_with(&["verify", &file, "--trust", &trust, "--json"], &[], &[]));
        assert_eq!((plain.exit, &plain.out), (bom.exit, &bom.out), "{file:?}");
        read += usize::from(bom.json()["foreign"].is_object());
    }
    assert!(read > 0);
    let v1 = br#"{"@context": "https://w3id.org/chainpoint/v1", "proof": []}"#;
    let v1 = put(folder.path(), "v1.json", v1);
    let ran = run_with(&["verify", &v1, "--trust", &trust], &[], &[]);
    assert_eq!(ran.exit, 3, "{ran:?}");
    assert!(
        ran.out.contains("a newer one, or one from before"),
        "{ran:?}"
    );
}

#[test]
fn what_does_not_hold_or_was_not_checked_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let whole = case("record-whole");
    let receipt = put(folder.path(), "receipt.vwr", &whole.receipt);
    let trust = put(folder.path(), "trust.json", whole.trust.as_bytes());
    let mut changed = whole.receipt.clone();
    changed[10] ^= 1;
    let changed = put(folder.path(), "changed.vwr", &changed);
    let v4 = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/chainpoint/v4.chp");
    let v4 = v4.to_str().unwrap();
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    for (args, exit, code) in [
        (
            vec!["export", &changed, "--as", "tlog", "-o", out],
            1,
            "[ENTRY_MISMATCH]",
        ),
        (
            vec!["export", &receipt, "--as", "cose", "-o", out],
            2,
            "needs_trust",
        ),
        (
            vec!["export", &receipt, "--as", "certificate", "-o", out],
            2,
            "needs_trust",
        ),
        (
            vec![
                "export", &receipt, "--as", "cose", "--trust", &trust, "-o", out,
            ],
            3,
            "not_for_cose",
        ),
        (vec!["export", v4, "--as", "tlog", "-o", out], 2, "not_ours"),
    ] {
        let ran = run_with(&args, &[], &[]);
        assert_eq!(ran.exit, exit, "{args:?}: {ran:?}");
        assert!(format!("{}{}", ran.out, ran.err).contains(code), "{ran:?}");
        assert!(!Path::new(out).exists(), "{args:?}");
    }
}

#[test]
fn the_text_of_a_qr_code_is_checked_as_its_receipt_is() {
    let folder = tempfile::tempdir().unwrap();
    let whole = case("record-whole");
    let trust = put(folder.path(), "trust.json", whole.trust.as_bytes());
    let receipt = put(folder.path(), "receipt.vwr", &whole.receipt);
    let text = format!("{}\n", base45::encode(&whole.receipt));
    let file = run_with(&["verify", &receipt, "--trust", &trust, "--json"], &[], &[]);
    let scanned = run_with(
        &["verify", "-", "--trust", &trust, "--json"],
        &[],
        text.as_bytes(),
    );
    assert_eq!((scanned.exit, &scanned.out), (0, &file.out));
}

#[test]
fn a_proof_of_another_service_is_shown_as_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let trust = put(
        folder.path(),
        "trust.json",
        case("record-whole").trust.as_bytes(),
    );
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/chainpoint");
    for (file, version, anchors) in [
        ("v2.chp.json", 2, 1),
        ("v3.chp", 3, 2),
        ("v3.chp.json", 3, 2),
        ("v4.chp", 4, 2),
        ("v4.chp.json", 4, 2),
    ] {
        let file = fixtures.join(file);
        let file = file.to_str().unwrap();
        let verified = run_with(&["verify", file, "--trust", &trust, "--json"], &[], &[]);
        assert_eq!(verified.exit, 3, "{file}: nobody looked its anchors up");
        let foreign: Value = verified.json()["foreign"].clone();
        assert_eq!(foreign["version"], version, "{file}");
        assert_eq!(
            foreign["anchors"].as_array().unwrap().len(),
            anchors,
            "{file}"
        );
        let inspected = run_with(&["inspect", file], &[], &[]);
        assert_eq!(inspected.exit, 0, "{file}");
        assert!(
            inspected.out.contains("A proof of another service"),
            "{file}"
        );
    }
    let v5 = fixtures.join("v5.chp.json");
    let ran = run_with(
        &["verify", v5.to_str().unwrap(), "--trust", &trust, "--json"],
        &[],
        &[],
    );
    assert_eq!(
        (ran.exit, &ran.json()["reject"]),
        (3, &Value::from("UNSUPPORTED_VERSION"))
    );
}

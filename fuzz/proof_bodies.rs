//! What each fuzz target of vitalwitness-proof does with its bytes. A plain
//! test replays the committed corpus through the same functions.
#![allow(dead_code, reason = "each target uses one of these")]

use std::sync::LazyLock;
use vitalwitness_proof::bundle::Bundle;
use vitalwitness_proof::cbor;
use vitalwitness_proof::checkpoint::{Checkpoint, NoteKey, SignedNote};
use vitalwitness_proof::completeness::Completeness;
use vitalwitness_proof::entry::{ChannelHead, Entry, Event};
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::receipt::Receipt;
use vitalwitness_proof::record::Disclosure;
use vitalwitness_proof::trust::{Trust, TrustedLog};
use vitalwitness_proof::verify;

/// A receipt that decodes has one encoding; verifying never panics.
pub(crate) fn receipt(bytes: &[u8]) {
    if let Ok(receipt) = Receipt::decode(bytes) {
        assert!(receipt.encode() == bytes);
    }
    let trust = Trust::default();
    assert!(verify(bytes, None, &trust).is_err(), "no log is trusted");
    if let Some((cut, rest)) = bytes.split_first() {
        let (disclosure, receipt) = rest.split_at(rest.len().min(usize::from(*cut)));
        let _ = verify(receipt, Some(disclosure), &trust);
    }
}

/// A bundle that decodes has one encoding; what it proves was in it.
pub(crate) fn bundle(bytes: &[u8]) {
    let decoded = Bundle::decode(bytes);
    if let Ok(bundle) = &decoded {
        assert!(bundle.encode() == bytes);
        let _ = bundle.changed_records();
    }
    match (Bundle::verify(bytes, &LOGS), decoded) {
        (Ok(facts), Ok(bundle)) => {
            assert_eq!(facts.entries.len(), bundle.entries.len());
            assert!(bundle.changed_records().is_empty());
        }
        (Err(_), _) => {}
        (Ok(_), Err(why)) => assert_eq!(why.code(), "", "proven though refused"),
    }
}

/// A completeness proof that decodes has one encoding; it shows no more than there is.
pub(crate) fn completeness(bytes: &[u8]) {
    if let Ok(proof) = Completeness::decode(bytes) {
        assert!(proof.encode() == bytes);
    }
    if let Ok(facts) = Completeness::verify(bytes, &LOGS) {
        assert!(facts.shown <= facts.of);
        for batch in &facts.batches {
            let records = batch.header.as_ref().map_or(0, |header| header.records);
            assert!(batch.shown <= batch.of && batch.of <= records);
        }
    }
}

/// The logs of the vectors, so that what comes after the checkpoint is reached too.
pub(crate) static LOGS: LazyLock<Trust> = LazyLock::new(|| {
    let log = |keys: &[&str]| {
        let keys: Vec<NoteKey> = keys
            .iter()
            .filter_map(|key| NoteKey::parse_vkey(key).ok())
            .collect();
        TrustedLog {
            origin: keys.first().map(|key| key.name.clone()).unwrap_or_default(),
            keys: keys.get(..1).unwrap_or_default().to_vec(),
            witnesses: keys.get(1..).unwrap_or_default().to_vec(),
            quorum: 1,
        }
    };
    let trust = Trust {
        logs: vec![log(&SHARED), log(&OWN)],
        ..Trust::default()
    };
    assert_eq!(trust.check(), Ok(()));
    trust
});

/// completeness.json: the log, its witness.
const SHARED: [&str; 2] = [
    "log.example/vw1+cc8a9a3e+AV0CNiC2HB0Thmjrj7tO2JV3VCkaB8pAI/3+qQE3KDnW",
    "witness.example/w1+dd093d0e+BLKzE6dbbO3MOpTUgmLcY4QC3ZMa9ESiXjhzNMYCGGXd",
];
/// bundle.json and completeness-more.json.
const OWN: [&str; 3] = [
    "log.example/purpose+dc39f8dc+AYixae1QHf8egVuFA34PVpC1O6V4mDN46mC1YMZMWZsK",
    "witness.example/1+7a5d0204+BK3QqB+/e/RiKnxOZLvugyN60dJ1YqxlSbX3m0mgZceb",
    "witness.example/2+f427f523+BB9ujoZlG31SmvBpevyvLczD6/16Dmm1gz/ETEVl074d",
];

/// Decoding and checking agree; a value that decodes has one encoding.
pub(crate) fn cbor(bytes: &[u8]) {
    match cbor::decode(bytes) {
        Ok(value) => assert!(cbor::encode(&value) == bytes),
        Err(rejection) => assert_eq!(cbor::check(bytes), Err(rejection)),
    }
    if let Ok(disclosure) = Disclosure::decode(bytes) {
        assert!(disclosure.record_hash().is_ok());
    }
}

/// A note, body or vkey that parses is written back as it was.
pub(crate) fn checkpoint(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(note) = SignedNote::parse(text) {
        assert_eq!(note.to_string(), text);
    }
    if let Ok(checkpoint) = Checkpoint::parse_body(text) {
        assert_eq!(checkpoint.body(), text);
    }
    if let Ok(key) = NoteKey::parse_vkey(text) {
        assert_eq!(key.vkey(), text);
    }
}

/// An entry, event, head or key that decodes has one encoding.
pub(crate) fn entry(bytes: &[u8]) {
    if let Ok(entry) = Entry::decode(bytes) {
        assert!(entry.encode() == bytes);
        let _ = entry.signed.check_range(entry.event.kind);
    }
    if let Ok(event) = Event::decode(bytes) {
        assert!(event.encode() == bytes);
    }
    if let Ok(head) = ChannelHead::decode(bytes) {
        assert!(head.encode() == bytes);
    }
    if let Ok(key) = PublicKey::from_spki(bytes) {
        assert!(key.to_spki() == bytes);
    }
}

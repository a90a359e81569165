//! What each fuzz target of vitalwitness-proof does with its bytes. A plain
//! test replays the committed corpus through the same functions.
#![allow(dead_code, reason = "each target uses one of these")]

use vitalwitness_proof::cbor;
use vitalwitness_proof::checkpoint::{Checkpoint, NoteKey, SignedNote};
use vitalwitness_proof::entry::{ChannelHead, Entry, Event};
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::receipt::Receipt;
use vitalwitness_proof::record::Disclosure;
use vitalwitness_proof::trust::Trust;
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

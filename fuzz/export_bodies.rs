//! What each fuzz target of the exports does with its bytes. A plain test replays the committed
//! corpus through the same functions.
#![allow(dead_code, reason = "each target uses one of these")]

use vitalwitness_domain::export::{base45, foreign};

/// A proof of another service is read within its bounds; base45 that decodes has one spelling.
pub(crate) fn chainpoint(bytes: &[u8]) {
    if let Ok(read) = foreign::read(bytes) {
        assert!((2..=4).contains(&read.version));
        assert!(read.anchors.len() <= 256);
    }
    if let Ok(text) = core::str::from_utf8(bytes)
        && let Some(decoded) = base45::decode(text)
    {
        assert_eq!(base45::encode(&decoded), text);
    }
}

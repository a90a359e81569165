//! Where an imported record comes from.

use crate::record::{Grade, Id, Source};
use sha2::{Digest, Sha256};

/// The reference of a device that a file names in words: the first 16 bytes of
/// SHA-256("vwDev1" || text).
///
/// Whoever knows the words can compute it: outside the vault only salted or encrypted forms of
/// it may appear.
pub fn device_reference(text: &str) -> Id {
    let mut hash = Sha256::new();
    hash.update(b"vwDev1");
    hash.update(text.as_bytes());
    let digest = hash.finalize();
    let mut id = Id::default();
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    id
}

/// A vendor's file; the device is none when no words name it.
pub(super) fn vendor(text: &str) -> Source {
    Source {
        grade: Grade::VendorFile,
        device: (!text.is_empty()).then(|| device_reference(text)),
    }
}

/// A sports device by its maker's product number and its serial number, the same in FIT and TCX.
pub(super) fn sports_device(product: u64, serial: u64) -> Source {
    vendor(&format!("product {product} unit {serial}"))
}

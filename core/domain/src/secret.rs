//! Thirty-two secret bytes that are wiped when dropped.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret of 32 bytes: a stream key, a batch secret, a tracing key.
///
/// No Clone, no Display; Debug shows the name only; wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret32([u8; 32]);

impl Secret32 {
    /// Takes `bytes` over.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for as long as the secret lives.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A second holder of the same secret; a word of its own, so that copies are seen.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0)
    }
}

impl From<[u8; 32]> for Secret32 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Secret32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret32")
    }
}

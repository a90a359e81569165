//! The log: what may enter it, how it is kept, and what it shows.
//!
//! Invariant: entries are durable before their root is signed, and signed before it is shown;
//! recovery takes the same steps in the same order.

mod embedded;
mod key;
mod rules;
mod served;
mod submitted;

pub(crate) use embedded::{Embedded, Ledger, TILE, is_public, node, read_tile};
pub use key::LogKey;
pub(crate) use key::secret_file;
pub(crate) use rules::{Facts, GrantFact, KeyFact, PersonFact, Target, admit};
pub(crate) use served::{Head, Notes};
pub(crate) use submitted::{Verified, decode};

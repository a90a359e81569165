//! What makes a health record provable: record hashes, Merkle trees, entries,
//! checkpoints, receipts, and their verification offline.
//!
//! An auditor reads this crate in an hour. It does no I/O, reads no clock,
//! keeps no state, draws no randomness, and never panics, whatever the bytes.
//! The formats are those of `docs/receipt-format.md`, pinned by `tests/vectors`.
//!
//! Verification is not failure: [`verify`](verify::verify) gives facts, or a
//! [`Rejection`] whose code is the same in every language.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod batch;
pub mod bundle;
pub mod cbor;
pub mod checkpoint;
pub mod completeness;
pub mod entry;
pub mod keys;
pub mod locate;
pub mod merkle;
pub mod receipt;
pub mod record;
pub mod trust;
pub mod verify;

mod base64;
mod curve;
mod hash;
mod rejection;

pub use hash::{Hash, sha256};
pub use rejection::Rejection;
pub use verify::{Facts, verify};

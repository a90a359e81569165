//! The vault for Kotlin and Swift: converts, calls, converts.
//!
//! Everything a person does with their record stands in [`vitalwitness_vault`]; nothing is decided
//! here. What is decided here is only how a call crosses:
//!
//! - Calls that touch the file, the keys or the network wait without holding the caller's thread:
//!   they run on this library's own threads ([`runtime`]).
//! - Lists are paged or summed before they cross; there is no call for a single record of a list.
//! - A panic ends as [`VaultError::Internal`]; the vault stays usable.
//! - No free text crosses in an error: a stable code, and [`advice`] for the person.
//!
//! Kotlin and Swift are generated from this crate (`docs/bindings.md`); neither is committed.

pub mod advice;
pub mod cloud;
pub mod error;
pub mod importing;
pub mod keys;
pub mod names;
pub mod observer;
pub mod proofs;
pub mod radio;
pub mod reading;
pub mod record;
pub mod recovery;
mod runtime;
pub mod sensors;
pub mod settings;
pub mod sharing;
pub mod vault;

pub use advice::{Advice, NextStep, advice, every_code};
pub use error::VaultError;
pub use vault::Vault;

uniffi::setup_scaffolding!("vitalwitness");

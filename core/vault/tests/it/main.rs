//! The vault as its callers see it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod ble;
mod crash;
mod files;
mod handover;
mod records;
mod schema;
mod support;
mod totals;

//! The built program from outside: arguments in, exit code and words out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod exports;
mod files;
mod home;
mod program;
mod receipts;
mod record;
mod several;
mod totals;
mod worn;

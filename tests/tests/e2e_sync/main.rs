#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
//! Real vaults against the real cloud over loopback, with faults, lies and kills.

mod cheats;
mod cli;
mod clinic;
mod cut;
mod devices;
mod ended;
mod exports;
mod faults;
mod forged;
mod forger;
mod limits;
mod monitor;
mod net;
mod rules;
mod secrets;
mod share;
mod split;
mod stolen;
mod storm;
mod swapped;
mod town;
mod trace;
mod way;
mod witnesses;
mod writers;

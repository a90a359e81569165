#![no_main]

#[path = "../export_bodies.rs"]
mod export_bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| export_bodies::chainpoint(bytes));

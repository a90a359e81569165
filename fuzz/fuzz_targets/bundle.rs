#![no_main]

#[path = "../proof_bodies.rs"]
mod proof_bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proof_bodies::bundle(bytes));

#![no_main]

#[path = "../import_bodies.rs"]
mod import_bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| import_bodies::tcx(bytes));

#![no_main]

#[path = "../gatt_bodies.rs"]
mod gatt_bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatt_bodies::cadence(bytes));

//! The fuzz targets of the Bluetooth values on their committed corpus and on mutations of the
//! vectors, as plain tests.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod corpus;
#[path = "../../../fuzz/gatt_bodies.rs"]
mod gatt_bodies;

use corpus::replay;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

#[test]
fn the_corpus_of_vital_signs_breaks_nothing() {
    replay("gatt-vitals", gatt_bodies::vitals);
}

#[test]
fn the_corpus_of_glucose_and_scales_breaks_nothing() {
    replay("gatt-body", gatt_bodies::body);
}

#[test]
fn the_corpus_of_motion_breaks_nothing() {
    replay("gatt-motion", gatt_bodies::motion);
}

#[test]
fn the_corpus_of_devices_and_clocks_breaks_nothing() {
    replay("gatt-device", gatt_bodies::device);
}

#[test]
fn the_corpus_of_control_points_breaks_nothing() {
    replay("gatt-racp", gatt_bodies::racp);
}

#[test]
fn the_corpus_of_counters_breaks_nothing() {
    replay("gatt-cadence", gatt_bodies::cadence);
}

#[test]
fn a_hundred_thousand_damaged_values_break_nothing() {
    let values = values();
    assert!(values.len() > 400, "{}", values.len());
    let mut dice = Dice(0x6761_7474);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..TRIES {
        let (characteristic, value) = &values[dice.below(values.len())];
        let mut damaged = value.clone();
        for _ in 0..=dice.below(3) {
            damage(&mut damaged, &mut dice);
        }
        let known = gatt_bodies::known(u8::try_from(dice.below(8)).unwrap() & 2);
        match gatt_bodies::value_of(*characteristic, &damaged, known) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    }
    // both ways are taken, or the mutations test nothing
    assert!(
        read > TRIES / 10 && refused > TRIES / 10,
        "{read} {refused}"
    );
}

#[test]
fn debug_of_what_was_read_shows_no_number_word_or_time() {
    let known = gatt_bodies::known(0);
    let mut shown = String::new();
    for (characteristic, value) in [
        ("2A37", "1fc700991ec70477"),
        ("2A35", "1f4f006b0043d9e807030c081e0fc70063c700"),
        ("2A18", "0b631ee807030c081e0fc700c7b01100c7"),
        ("2A25", "7a617562657266757373"),
        ("2A2B", "e807030c081e0f05c701"),
        ("2A5B", "03c71e0000631ec71e631e"),
        ("2A9A", "c7"),
        ("2B8B", "01c7631e"),
        ("2A2A", "c7631e"),
    ] {
        let number = u16::from_str_radix(characteristic, 16).unwrap();
        let value = hex::decode(value).unwrap();
        let packet = gatt_bodies::value_of(number, &value, known);
        let Ok(packet) = packet else { continue };
        write!(shown, "{packet:?} {packet:#?}").unwrap();
        for reading in packet.readings() {
            write!(shown, "{reading:?} {:?}", reading.values).unwrap();
            write!(shown, "{:?} {:?}", reading.wheel, reading.crank).unwrap();
        }
    }
    for hidden in [
        "199",
        "c7",
        "7779",
        "1e63",
        "zauber",
        "7a61",
        "2024",
        "08:30",
        "user\": 1",
        "4711",
    ] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    assert!(shown.len() > 200);
}

#[test]
fn damaged_sequences_of_values_break_nothing() {
    let mut dice = Dice(0x7365_7173);
    for _ in 0..TRIES / 10 {
        let length = dice.below(160);
        let bytes: Vec<u8> = (0..length)
            .map(|_| u8::try_from(dice.below(256)).unwrap())
            .collect();
        gatt_bodies::vitals(&bytes);
        gatt_bodies::body(&bytes);
        gatt_bodies::motion(&bytes);
        gatt_bodies::device(&bytes);
        gatt_bodies::racp(&bytes);
        gatt_bodies::cadence(&bytes);
    }
}

/// Every value of the vectors, with its characteristic.
fn values() -> Vec<(u16, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/gatt");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    paths.sort();
    let mut values = Vec::new();
    for path in paths {
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for case in file["cases"].as_array().unwrap() {
            let input = &case["input"];
            if let (Some(number), Some(value)) =
                (input["characteristic"].as_str(), input["value"].as_str())
            {
                let number = u16::from_str_radix(number, 16).unwrap();
                values.push((number, hex::decode(value).unwrap()));
            }
        }
    }
    values
}

fn damage(value: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(value.len());
    match dice.below(6) {
        0 => {
            if let Some(byte) = value.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => {
            if let Some(byte) = value.get_mut(at) {
                *byte = u8::try_from(dice.below(256)).unwrap();
            }
        }
        2 => value.truncate(at),
        3 => value.push(u8::try_from(dice.below(256)).unwrap()),
        4 => {
            let piece = value[at..].to_vec();
            value.extend(piece);
        }
        _ => {
            let special = [0x07ff_u16, 0x0800, 0x07fe, 0x0802, 0x0801, 0xffff][dice.below(6)];
            for (byte, new) in value.iter_mut().skip(at).zip(special.to_le_bytes()) {
                *byte = new;
            }
        }
    }
}

/// A sequence of numbers from a seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = mixed ^ (mixed >> 31);
        usize::try_from(number % (limit.max(1) as u64)).unwrap()
    }
}

const TRIES: usize = 100_000;

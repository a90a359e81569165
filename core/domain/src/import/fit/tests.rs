#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
use super::*;
use crate::import::mutation::{Dice, TRIES, damaged};
use crate::import::{Event, Tally};
use std::ops::ControlFlow;

/// A FIT file under construction.
struct Writer {
    body: Vec<u8>,
    big_endian: bool,
}

impl Writer {
    fn new(big_endian: bool) -> Self {
        Self {
            body: Vec::new(),
            big_endian,
        }
    }

    fn bytes(&self, number: u64, size: usize) -> Vec<u8> {
        if self.big_endian {
            number.to_be_bytes()[8 - size..].to_vec()
        } else {
            number.to_le_bytes()[..size].to_vec()
        }
    }

    /// Fields are (number, base type, size).
    fn define(&mut self, local: u8, global: u16, fields: &[(u8, u8, u8)]) -> &mut Self {
        self.body
            .extend([0x40 | local, 0, u8::from(self.big_endian)]);
        self.body.extend(self.bytes(u64::from(global), 2));
        self.body.push(u8::try_from(fields.len()).unwrap());
        for (number, base, size) in fields {
            self.body.extend([*number, *size, *base]);
        }
        self
    }

    fn message(&mut self, header: u8, values: &[(u64, usize)]) -> &mut Self {
        self.body.push(header);
        for (value, size) in values {
            let bytes = self.bytes(*value, *size);
            self.body.extend(bytes);
        }
        self
    }

    fn file(&self) -> Vec<u8> {
        let mut file = vec![14, 0x20, 0x54, 0x08];
        file.extend(u32::try_from(self.body.len()).unwrap().to_le_bytes());
        file.extend(b".FIT\0\0");
        file.extend(&self.body);
        let sum = crc::of(&file);
        file.extend(sum.to_le_bytes());
        file
    }
}

/// The published nibble table, a second way to the same checksum.
mod crc {
    const TABLE: [u16; 16] = [
        0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401, 0xa001, 0x6c00, 0x7800,
        0xb401, 0x5000, 0x9c01, 0x8801, 0x4400,
    ];

    pub(super) fn of(bytes: &[u8]) -> u16 {
        let step = |crc: u16, nibble: u8| {
            let mixed = TABLE[usize::from(crc & 0xf)];
            (crc >> 4) ^ mixed ^ TABLE[usize::from(nibble & 0xf)]
        };
        bytes
            .iter()
            .fold(0, |crc, byte| step(step(crc, *byte), *byte >> 4))
    }
}

/// 2021-06-01T10:00:00Z.
const BEGIN: u64 = 991_476_000;
const BEGIN_MS: i64 = 1_622_541_600_000;

fn activity(big_endian: bool, local: bool) -> Vec<u8> {
    let mut fit = Writer::new(big_endian);
    fit.define(0, 0, &[(0, 0, 1), (1, 0x84, 2), (2, 0x84, 2), (3, 0x8c, 4)])
        .message(0, &[(4, 1), (1, 2), (1836, 2), (3_907_354_759, 4)])
        .define(1, 20, &[(253, 0x86, 4), (3, 0x02, 1), (13, 0x01, 1)])
        .message(1, &[(BEGIN, 4), (120, 1), (20, 1)])
        .message(1, &[(BEGIN + 1, 4), (0xff, 1), (20, 1)])
        .message(1, &[(BEGIN + 2, 4), (0, 1), (20, 1)])
        .define(2, 20, &[(3, 0x02, 1)])
        .message(
            0x80 | (2 << 5) | u8::try_from((BEGIN + 5) & 31).unwrap(),
            &[(121, 1)],
        )
        .define(
            3,
            18,
            &[
                (2, 0x86, 4),
                (7, 0x86, 4),
                (8, 0x86, 4),
                (9, 0x86, 4),
                (11, 0x84, 2),
                (5, 0, 1),
            ],
        )
        .message(
            3,
            &[
                (BEGIN, 4),
                (61_500, 4),
                (60_000, 4),
                (25_050, 4),
                (7, 2),
                (1, 1),
            ],
        );
    if local {
        fit.define(4, 34, &[(253, 0x86, 4), (5, 0x86, 4)])
            .message(4, &[(BEGIN + 62, 4), (BEGIN + 61 + 7_200, 4)]);
    }
    fit.file()
}

fn read_all(bytes: &[u8]) -> (Vec<Record>, Tally, Result<End, ImportError>) {
    let (mut records, mut tally) = (Vec::new(), Tally::default());
    let result = read(bytes, &|_| -150, &mut |event| {
        tally.count(&event);
        if let Event::Record(record) = event {
            records.push(record);
        }
        ControlFlow::Continue(())
    });
    (records, tally, result)
}

fn said(record: &Record) -> String {
    let Body::Observation { code, value } = &record.body else {
        panic!("only observations are imported");
    };
    let value = match value {
        Value::Quantity(number, unit) => format!("{number} {unit}"),
        Value::Components(parts) => format!("{}/{}", parts[0].1, parts[1].1),
        _ => panic!("a number"),
    };
    format!("{code} {} {value}", (record.start_ms - BEGIN_MS) / 1_000)
}

#[test]
fn an_activity_is_a_training_its_sums_and_every_heart_rate() {
    for big_endian in [false, true] {
        for (local, offset) in [(true, 120), (false, -150)] {
            let (records, tally, result) = read_all(&activity(big_endian, local));
            assert_eq!(result.unwrap(), End::Complete);
            let lines: Vec<_> = records.iter().map(said).collect();
            assert_eq!(
                lines,
                [
                    "loinc|8867-4 0 120 /min",
                    "loinc|8867-4 5 121 /min",
                    "loinc|55411-3 0 1 min",
                    "loinc|41981-2 0 7 kcal",
                    "loinc|55430-3 0 250.50 m",
                ]
            );
            assert!(records.iter().all(|record| record.offset_min == offset));
            assert_eq!(tally.skipped_in_all(), 1, "the sensor that was off");
            assert_eq!(records[2].end_ms, Some(BEGIN_MS + 61_500));
            assert_eq!(
                records[2].context.as_ref().unwrap().notes["type"],
                "running"
            );
            let device = crate::import::device_reference("product 1836 unit 3907354759");
            assert!(
                records
                    .iter()
                    .all(|record| record.source.device == Some(device))
            );
        }
    }
}

#[test]
fn scales_and_cuffs_write_fit_as_well() {
    let mut fit = Writer::new(false);
    fit.define(0, 30, &[(253, 0x86, 4), (0, 0x84, 2), (1, 0x84, 2)])
        .message(0, &[(BEGIN, 4), (7_215, 2), (0xffff, 2)])
        .define(
            1,
            51,
            &[(253, 0x86, 4), (0, 0x84, 2), (1, 0x84, 2), (6, 0x02, 1)],
        )
        .message(1, &[(BEGIN + 9, 4), (121, 2), (79, 2), (64, 1)]);
    let (records, _, result) = read_all(&fit.file());
    result.unwrap();
    let lines: Vec<_> = records.iter().map(said).collect();
    assert_eq!(
        lines,
        [
            "loinc|29463-7 0 72.15 kg",
            "loinc|85354-9 9 121/79",
            "loinc|8867-4 9 64 /min"
        ]
    );
}

#[test]
fn fields_of_developers_are_passed_over() {
    let mut fit = Writer::new(false);
    fit.body.extend([0x60, 0, 0, 20, 0, 2]);
    fit.body.extend([253, 4, 0x86, 3, 1, 0x02]);
    fit.body.extend([1, 9, 3, 0]);
    fit.message(0, &[(BEGIN, 4), (99, 1), (7, 3)]);
    let (records, _, result) = read_all(&fit.file());
    result.unwrap();
    assert_eq!(said(&records[0]), "loinc|8867-4 0 99 /min");
}

#[test]
fn files_put_together_are_all_read() {
    let twice = [activity(false, true), activity(true, false)].concat();
    let (records, _, result) = read_all(&twice);
    assert_eq!((result.unwrap(), records.len()), (End::Complete, 10));
}

#[test]
fn a_file_that_ends_early_gives_what_it_holds() {
    let whole = activity(false, true);
    for cut in 0..whole.len() {
        let (records, _, result) = read_all(&whole[..cut]);
        let error = result.unwrap_err();
        assert_eq!(error.code(), "import_truncated", "{cut}");
        assert!(error.place().unwrap().offset <= cut as u64, "{cut}");
        assert_eq!(records.is_empty(), cut < 64, "{cut}");
    }
}

#[test]
fn one_flipped_bit_is_refused_before_the_first_record() {
    let whole = activity(false, true);
    for at in 0..whole.len() {
        for bit in 0..8 {
            // Version, profile and the header's unused checksum are covered by the file's.
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let (records, _, result) = read_all(&bytes);
            let shortened = (4..8).contains(&at);
            assert!(result.is_err(), "{at}.{bit}");
            assert!(records.is_empty() || shortened, "{at}.{bit}");
        }
    }
}

#[test]
fn a_message_without_a_definition_is_malformed() {
    let mut fit = Writer::new(false);
    fit.message(3, &[(1, 1)]);
    assert_eq!(
        read_all(&fit.file()).2.unwrap_err().code(),
        "import_malformed"
    );
    let mut fit = Writer::new(false);
    fit.define(0, 20, &[(253, 0x86, 4)]).message(0, &[(1, 1)]);
    assert_eq!(
        read_all(&fit.file()).2.unwrap_err().code(),
        "import_malformed"
    );
}

#[test]
fn no_damaged_file_makes_the_reader_panic() {
    let whole = activity(false, true);
    let words: [&[u8]; 4] = [b".FIT", &[0xff; 16], &[0x40, 0, 0, 20, 0, 255], &[0x80; 9]];
    let mut dice = Dice::new(5);
    let mut read_on = 0;
    for _ in 0..TRIES {
        let mut bytes = damaged(&whole, &words, &mut dice);
        // A checksum that fits lets the damage through to the messages.
        if let Some(data) = bytes.len().checked_sub(16)
            && dice.below(4) > 0
        {
            bytes[0] = 14;
            bytes[4..8].copy_from_slice(&u32::try_from(data).unwrap().to_le_bytes());
            bytes[8..14].copy_from_slice(b".FIT\0\0");
            let sum = crc::of(&bytes[..data + 14]).to_le_bytes();
            bytes[data + 14..].copy_from_slice(&sum);
        }
        read_on += usize::from(read_all(&bytes).1.records > 0);
    }
    assert!(read_on > TRIES / 10, "{read_on}");
}

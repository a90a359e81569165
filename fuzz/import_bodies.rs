//! What each fuzz target of the importers does with its bytes. A plain test replays the committed
//! corpus through the same functions.
#![allow(dead_code, reason = "each target uses one of these")]

use std::io::Cursor;
use std::ops::ControlFlow;
use vitalwitness_domain::import::{self, Event, ImportError, csv as table};
use vitalwitness_domain::record::Record;

/// Reading ends; every record may be written by a producer; an error stays within the file.
fn read(bytes: &[u8]) -> (Vec<Record>, bool) {
    let mut records = Vec::new();
    let result = import::read(Cursor::new(bytes), &|_| 60, &mut |event| {
        if let Event::Record(record) = event {
            assert!(record.check().is_ok());
            records.push(record);
        }
        ControlFlow::Continue(())
    });
    within(result.as_ref().err(), bytes);
    (records, result.is_ok())
}

fn within(error: Option<&ImportError>, bytes: &[u8]) {
    let archive = bytes.starts_with(b"PK");
    if let Some(error) = error
        && let Some(place) = error.place()
    {
        assert!(archive || place.offset <= bytes.len() as u64);
    }
}

/// An Apple Health export, alone or in an archive.
pub(crate) fn apple(bytes: &[u8]) {
    read(bytes);
    let _ = import::apple::read(bytes, None, &mut |_| ControlFlow::Continue(()));
    let _ = import::apple::read_zip(Cursor::new(bytes), &mut |_| ControlFlow::Continue(()));
}

/// A FIT file, as it is and with a checksum that fits.
pub(crate) fn fit(bytes: &[u8]) {
    let each = &mut |_| ControlFlow::Continue(());
    let _ = import::fit::read(bytes, &|_| 0, each);
    let mut whole = vec![14, 0x20, 0, 0];
    whole.extend(u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    whole.extend(b".FIT\0\0");
    whole.extend(bytes);
    let sum = whole.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xa001 * (crc & 1))
        })
    });
    whole.extend(sum.to_le_bytes());
    read(&whole);
}

/// A TCX activity.
pub(crate) fn tcx(bytes: &[u8]) {
    read(bytes);
    let _ = import::tcx::read(bytes, None, &|_| 0, &mut |_| ControlFlow::Continue(()));
}

/// A table; what is read and written reads back equal.
pub(crate) fn csv(bytes: &[u8]) {
    let mut text = table::HEADER.as_bytes().to_vec();
    text.extend(b"\n");
    text.extend(bytes);
    let (records, _) = read(&text);
    let mut written = Vec::new();
    if let Ok(counts) = table::write(&records, &mut written) {
        let (again, whole) = read(&written);
        assert!(whole && again.len() as u64 == counts.rows);
        if counts.left_out == 0 {
            assert!(again == records);
        }
    }
}

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
use super::*;
use crate::import::mutation::{Dice, TRIES, damaged};
use crate::import::{Event, Tally, device_reference};
use crate::record::{Body, Record, Value};
use std::ops::ControlFlow;

const FILE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2">
 <Activities><Activity Sport="Running"><Id>2021-06-01T10:00:00.000Z</Id>
  <Lap StartTime="2021-06-01T10:00:00.000Z"><TotalTimeSeconds>40.0</TotalTimeSeconds>
   <DistanceMeters>142.89999389648438</DistanceMeters><MaximumSpeed>1.75</MaximumSpeed><Calories>4</Calories>
   <AverageHeartRateBpm><Value>117</Value></AverageHeartRateBpm>
   <Track><Trackpoint><Time>2021-06-01T10:00:00.000Z</Time><DistanceMeters>0.6</DistanceMeters>
     <HeartRateBpm><Value>109</Value></HeartRateBpm></Trackpoint>
    <Trackpoint><Time>2021-06-01T10:00:01Z</Time></Trackpoint>
    <Trackpoint><Time>noon</Time><HeartRateBpm><Value>110</Value></HeartRateBpm></Trackpoint>
    <Trackpoint><Time>2021-06-01T10:00:03Z</Time><HeartRateBpm><Value>fast</Value></HeartRateBpm></Trackpoint>
   </Track></Lap>
  <Lap StartTime="2021-06-01T10:00:40.000Z"><TotalTimeSeconds>20.0</TotalTimeSeconds>
   <DistanceMeters>57.1</DistanceMeters><Calories>3</Calories>
   <Track><Trackpoint><Time>2021-06-01T10:01:01.000Z</Time>
     <HeartRateBpm><Value>121</Value></HeartRateBpm></Trackpoint></Track></Lap>
  <Creator xmlns:xsi="x" xsi:type="Device_t"><Name>Garmin Edge 1000</Name><UnitId>3907354759</UnitId><ProductID>1836</ProductID></Creator>
 </Activity></Activities>
 <Author><Name>Connect Api</Name></Author>
</TrainingCenterDatabase>
"#;

fn read_all(bytes: &[u8]) -> (Vec<Record>, Tally, Result<End, ImportError>) {
    let (mut records, mut tally) = (Vec::new(), Tally::default());
    let result = read(bytes, None, &|_| 120, &mut |event| {
        tally.count(&event);
        if let Event::Record(record) = event {
            records.push(record);
        }
        ControlFlow::Continue(())
    });
    (records, tally, result)
}

fn said(record: &Record) -> String {
    let Body::Observation {
        code,
        value: Value::Quantity(number, unit),
    } = &record.body
    else {
        panic!("only numbers are imported");
    };
    format!(
        "{code} {} {number} {unit}",
        (record.start_ms - 1_622_541_600_000) / 1_000
    )
}

#[test]
fn laps_add_up_to_one_training_and_every_heart_rate_is_kept() {
    let (records, tally, result) = read_all(FILE.as_bytes());
    assert_eq!(result.unwrap(), End::Complete);
    let lines: Vec<_> = records.iter().map(said).collect();
    assert_eq!(
        lines,
        [
            "loinc|55411-3 0 1 min",
            "loinc|41981-2 0 7 kcal",
            "loinc|55430-3 0 200.00 m",
            "loinc|8867-4 0 109 /min",
            "loinc|8867-4 61 121 /min",
        ]
    );
    assert_eq!(records[0].end_ms, Some(records[0].start_ms + 61_000));
    let device = device_reference("product 1836 unit 3907354759");
    for record in &records {
        assert_eq!(
            (record.source.device, record.offset_min),
            (Some(device), 120)
        );
    }
    assert_eq!(tally.skipped.get(&Skip::Time), Some(&1));
    assert_eq!(tally.skipped.get(&Skip::Value), Some(&1));
}

#[test]
fn an_activity_comes_out_whole_or_not_at_all() {
    let end = FILE.find("</Activity>").unwrap() + "</Activity>".len();
    for cut in 1..FILE.len() - 1 {
        let (records, _, result) = read_all(&FILE.as_bytes()[..cut]);
        assert_eq!(result.unwrap_err().code(), "import_truncated", "{cut}");
        assert_eq!(records.len(), if cut < end { 0 } else { 5 }, "{cut}");
    }
}

#[test]
fn illegal_bytes_and_other_documents_are_refused() {
    for (text, code) in [
        (
            FILE.replace("Running", "Run\u{1}ning"),
            "import_illegal_bytes",
        ),
        (FILE.replace("Running", "&x;"), "import_entity"),
        (FILE.replace("</Track>", "</Lap>"), "import_malformed"),
        (
            FILE.replace("TrainingCenterDatabase", "gpx"),
            "import_unknown_format",
        ),
        ("<Activity/>".to_owned(), "import_unknown_format"),
    ] {
        assert_eq!(read_all(text.as_bytes()).2.unwrap_err().code(), code);
    }
}

#[test]
fn no_damaged_file_makes_the_reader_panic() {
    let words: [&[u8]; 7] = [
        b"<Lap>",
        b"</Lap>",
        b"<Value>",
        b"-9e999",
        b"99999999999999999999",
        b"&lt;",
        b"9999-12-31T23:59:59Z",
    ];
    let mut dice = Dice::new(3);
    let (mut whole, mut refused) = (0, 0);
    for _ in 0..TRIES {
        match read_all(&damaged(FILE.as_bytes(), &words, &mut dice)).2 {
            Ok(_) => whole += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(
        whole > TRIES / 50 && refused > TRIES / 50,
        "{whole} read, {refused} refused"
    );
}

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]
use super::*;
use crate::context::Context;
use crate::decimal::Decimal;
use crate::import::mutation::{Dice, TRIES, damaged};
use crate::import::{Event, Tally, fingerprint};
use crate::record::{Body, Dose, Grade, MedStatus, NoteBody, Record, Source, Value};
use proptest::prelude::*;
use std::ops::ControlFlow;

fn read_all(bytes: &[u8]) -> (Vec<Record>, Tally, Result<End, ImportError>) {
    let (mut records, mut tally) = (Vec::new(), Tally::default());
    let result = read(bytes, None, &mut |event| {
        tally.count(&event);
        if let Event::Record(record) = event {
            records.push(record);
        }
        ControlFlow::Continue(())
    });
    (records, tally, result)
}

fn rows(text: &str) -> Vec<u8> {
    format!("{HEADER}\r\n{text}").into_bytes()
}

#[test]
fn a_table_written_by_hand_is_read() {
    let text = "loinc|8867-4,2025-03-01T08:00:00+01:00,,61,/min,,\n\
        \n\
        loinc|85354-9,2025-03-01T08:00:00+01:00,,120/80,mm[Hg],typed,arm=left\r\n\
        medicine,2025-03-01T08:00:00+01:00,,400,mg,typed,@name=Ibuprofen; @status=taken\n\
        \"vw|mood\",2025-03-01T08:00:00+01:00,,\"good, \"\"very\"\"\nreally\",,typed,\n\
        loinc|55411-3,2025-03-01T08:00:00+01:00,2025-03-01T08:45:00+01:00,45,min,file,type=running";
    let (records, tally, result) = read_all(&rows(text));
    assert_eq!(result.unwrap(), End::Complete);
    assert_eq!((records.len(), tally.skipped_in_all()), (5, 0));
    let Body::Observation { value, .. } = &records[3].body else {
        panic!("a mood");
    };
    assert!(*value == Value::Text("good, \"very\"\nreally".to_owned()));
    assert_eq!(records[4].end_ms, Some(records[4].start_ms + 45 * 60_000));
    assert_eq!(records[1].context.as_ref().unwrap().notes["arm"], "left");
    assert_eq!(records[0].source, Source::typed());
    let marked = [b"\xef\xbb\xbf".to_vec(), rows(text)].concat();
    assert_eq!(read_all(&marked).0.len(), 5);
}

#[test]
fn a_row_that_is_no_record_is_skipped_with_its_reason() {
    let time = "2025-03-01T08:00:00+01:00";
    for (row, reason) in [
        (format!("loinc|8867-4,{time},,sixty,/min,,"), Skip::Value),
        (format!("loinc|8867-4,{time},,6_0,/min,,"), Skip::Value),
        (format!("8867-4,{time},,60,/min,,"), Skip::Value),
        (format!("loinc|85354-9,{time},,120,mm[Hg],,"), Skip::Value),
        (
            format!("medicine,{time},,400,mg,,@name=Ibuprofen"),
            Skip::Value,
        ),
        (format!("loinc|8867-4,{time},,60,/min,,left"), Skip::Value),
        (
            format!("loinc|8867-4,{time},,60,/min,,a=1; a=2"),
            Skip::Value,
        ),
        (format!("loinc|8867-4,{time},,60,/min,,@x=1"), Skip::Value),
        (format!("loinc|8867-4,{time},,60,/min,,a=%41"), Skip::Value),
        (format!("loinc|8867-4,{time},,60,/min,doctor,"), Skip::Value),
        (
            format!("loinc|8867-4,{time},,60,/min,file:00,"),
            Skip::Value,
        ),
        (
            "loinc|8867-4,2025-03-01 08:00,,60,/min,,".to_owned(),
            Skip::Time,
        ),
        (
            "loinc|8867-4,2025-03-01T08:00:00,,60,/min,,".to_owned(),
            Skip::Time,
        ),
        (
            format!("loinc|8867-4,{time},2025-03-01T07:00:00+01:00,60,/min,,"),
            Skip::Time,
        ),
    ] {
        let (records, tally, result) = read_all(&rows(&row));
        assert_eq!(result.unwrap(), End::Complete, "{row}");
        assert!(records.is_empty(), "{row}");
        assert_eq!(tally.skipped.keys().collect::<Vec<_>>(), [&reason], "{row}");
    }
}

#[test]
fn a_damaged_table_names_the_place_and_keeps_the_rows_before() {
    let good = "loinc|8867-4,2025-03-01T08:00:00+01:00,,61,/min,,\r\n";
    for (damage, code) in [
        (&b"\x00"[..], "import_illegal_bytes"),
        (b"a,\xff,b\r\n", "import_illegal_bytes"),
        (b"a,b\r\n", "import_malformed"),
        (b"a,b,c,d,e,f,g,h\r\n", "import_malformed"),
        (b"\"a\"b,,,,,,\r\n", "import_malformed"),
        (b"a\"b,,,,,,\r\n", "import_malformed"),
        (b"\"a,,,,,,\r\n", "import_truncated"),
        (b"a\rb,,,,,,\r\n", "import_malformed"),
    ] {
        let bytes = [&rows(&good.repeat(2)), damage].concat();
        let (records, _, result) = read_all(&bytes);
        let error = result.unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(records.len(), 2, "{code}");
        assert!(error.place().unwrap().line.unwrap() >= 4, "{code}");
    }
    let long = [rows(good), vec![b'x'; 2 << 20]].concat();
    assert_eq!(read_all(&long).2.unwrap_err().code(), "import_too_large");
    assert_eq!(
        read_all(b"a,b,c\n").2.unwrap_err().code(),
        "import_unknown_format"
    );
}

#[test]
fn a_table_makes_no_signature() {
    let row = "loinc|8867-4,2025-03-01T08:00:00+01:00,,61,/min,clinician,\r\n";
    assert_eq!(read_all(&rows(row)).0[0].source.grade, Grade::VendorFile);
}

#[test]
fn links_to_other_records_are_left_out_and_counted() {
    let mut linked = Record::typed(0, 0, mood("fine"));
    linked.context = Some(Context {
        supersedes: Some([1; 32]),
        ..Context::default()
    });
    let control = Record::typed(0, 0, mood("a\u{1}b"));
    let good = Record::typed(0, 0, mood("fine"));
    let mut table = Vec::new();
    let written = write([&linked, &control, &good], &mut table).unwrap();
    assert_eq!(
        written,
        Written {
            rows: 1,
            left_out: 2
        }
    );
    assert_eq!(read_all(&table).0.len(), 1);
}

fn mood(words: &str) -> Body {
    Body::Observation {
        code: "vw|mood".to_owned(),
        value: Value::Text(words.to_owned()),
    }
}

fn words() -> impl Strategy<Value = String> {
    "[ -~\u{e4}\u{20ac}\t\r\n]{1,20}"
}

fn decimal() -> impl Strategy<Value = Decimal> + Clone {
    (any::<i64>(), -18_i8..=18).prop_filter_map("fits", |(mantissa, exponent)| {
        Decimal::new(mantissa, exponent).ok()
    })
}

fn body() -> impl Strategy<Value = Body> {
    let code = "(loinc|vw)\\|[0-9a-z-]{1,12}";
    let unit = prop::sample::select(vec!["/min", "mm[Hg]", "kg", "1", "{tablet}"]);
    let quantity = (decimal(), unit.clone()).prop_map(|(number, unit)| (number, unit.to_owned()));
    let value = prop_oneof![
        quantity
            .clone()
            .prop_map(|(number, unit)| Value::Quantity(number, unit)),
        words().prop_map(Value::Text),
        prop::collection::vec((code, decimal(), unit), 1..4).prop_map(|parts| {
            let parts = parts
                .into_iter()
                .map(|(code, number, unit)| (code, number, unit.to_owned()));
            Value::Components(parts.collect())
        }),
    ];
    let pressure = (decimal(), decimal()).prop_map(|(systolic, diastolic)| Body::Observation {
        code: "loinc|85354-9".to_owned(),
        value: Value::Components(vec![
            ("loinc|8480-6".to_owned(), systolic, "mm[Hg]".to_owned()),
            ("loinc|8462-4".to_owned(), diastolic, "mm[Hg]".to_owned()),
        ]),
    });
    let dose = prop_oneof![
        quantity.prop_map(|(number, unit)| Dose::Quantity(number, unit)),
        words().prop_map(Dose::Text),
        Just(Dose::Unsaid),
    ];
    let status = prop::sample::select(vec![
        MedStatus::Planned,
        MedStatus::Taken,
        MedStatus::NotTaken,
        MedStatus::Stopped,
    ]);
    prop_oneof![
        (code, value).prop_map(|(code, value)| Body::Observation { code, value }),
        pressure,
        (words(), dose, status).prop_map(|(name, dose, status)| Body::Medicine {
            name,
            dose,
            status
        }),
        (words(), words()).prop_map(|(kind, text)| Body::Note {
            kind,
            text: NoteBody::Text(text)
        }),
        (words(), words()).prop_map(|(kind, title)| Body::Episode { kind, title }),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let grade = prop::sample::select(vec![
        Grade::Typed,
        Grade::Unbonded,
        Grade::Bonded,
        Grade::VendorFile,
    ]);
    let source = (grade, any::<Option<[u8; 16]>>());
    let context = (
        prop::option::of(words()),
        prop::collection::btree_map(words(), words(), 0..3),
    );
    let span = prop::option::of(0_i64..100_000_000);
    let start = -2_000_000_000_000_i64..200_000_000_000_000;
    (start, span, -1_080_i16..=1_080, body(), source, context).prop_map(
        |(start_ms, span, offset_min, body, (grade, device), (reason, notes))| {
            let context = Context {
                reason,
                notes,
                ..Context::default()
            };
            Record {
                rid: None,
                start_ms,
                end_ms: span.map(|span| start_ms + span),
                offset_min,
                body,
                source: Source { grade, device },
                context: (!context.is_empty()).then_some(context),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn what_is_written_reads_back_equal(records in prop::collection::vec(record(), 1..5)) {
        let records: Vec<_> = records.into_iter().filter(|record| record.check().is_ok()).collect();
        let mut table = Vec::new();
        let written = write(&records, &mut table).unwrap();
        let (found, tally, result) = read_all(&table);
        prop_assert!(result.is_ok());
        prop_assert_eq!(tally.skipped_in_all(), 0);
        prop_assert_eq!(written.left_out, 0);
        prop_assert!(found == records);
        let prints = |records: &[Record]| records.iter().map(fingerprint).collect::<Vec<_>>();
        prop_assert_eq!(prints(&found), prints(&records));
    }
}

#[test]
fn no_damaged_table_makes_the_reader_panic() {
    let file = rows(
        "loinc|8867-4,2025-03-01T08:00:00+01:00,,61,/min,,\r\n\
         loinc|85354-9,2025-03-01T08:00:00+01:00,,120/80,mm[Hg],typed,arm=left\r\n\
         medicine,2025-03-01T08:00:00+01:00,,400,mg,typed,@name=Ibuprofen; @status=taken\r\n\
         vw|mood,2025-03-01T08:00:00+01:00,,\"a, \"\"b\"\"\",,file:00112233445566778899aabbccddeeff,\r\n",
    );
    let words: [&[u8]; 6] = [
        b"\"",
        b",",
        b"\r\n",
        b"%",
        b"components",
        b"9223372036854775808e99",
    ];
    let mut dice = Dice::new(9);
    let (mut whole, mut refused) = (0, 0);
    for _ in 0..TRIES {
        match read_all(&damaged(&file, &words, &mut dice)).2 {
            Ok(_) => whole += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(
        whole > TRIES / 50 && refused > TRIES / 50,
        "{whole} read, {refused} refused"
    );
}

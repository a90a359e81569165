#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]
use super::*;

fn sent(number: &str, at_ms: Option<i64>) -> Sent {
    Sent {
        code: "8867-4".to_owned(),
        numbers: vec![number.to_owned()],
        at_ms,
        clock_off: false,
        user: None,
    }
}

fn kept(number: i64, at_ms: i64) -> Record {
    let value = Value::Quantity(Decimal::whole(number), "/min".to_owned());
    let code = "loinc|8867-4".to_owned();
    Record::typed(at_ms, 0, Body::Observation { code, value })
}

fn judged(sent: &[Sent], kept: &[Record]) -> Result<(), Wrong> {
    compare(
        &sent.iter().collect::<Vec<_>>(),
        &kept.iter().collect::<Vec<_>>(),
    )
}

#[test]
fn what_was_sent_and_kept_once_passes_however_its_digits_are_written() {
    let sent = [sent("60.0", None), sent("60", None), sent("61", Some(5))];
    judged(&sent, &[kept(61, 5), kept(60, 1), kept(60, 2)]).unwrap();
}

#[test]
fn a_reading_that_is_lost_twice_changed_or_moved_is_found() {
    let readings = [sent("60", Some(1)), sent("61", Some(2))];
    let cases: [(&str, Vec<Record>); 5] = [
        ("lost", vec![kept(60, 1)]),
        ("twice", vec![kept(60, 1), kept(61, 2), kept(61, 2)]),
        ("changed", vec![kept(60, 1), kept(62, 2)]),
        ("moved", vec![kept(60, 1), kept(61, 3)]),
        ("all lost", Vec::new()),
    ];
    for (name, records) in cases {
        assert!(judged(&readings, &records).is_err(), "{name}");
    }
}

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use super::*;
use serde_json::{Value as Json, json};

const VECTORS: &str = include_str!("../../../../tests/vectors/tracing.json");

fn array<const N: usize>(value: &Json) -> [u8; N] {
    hex::decode(value.as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap()
}

#[test]
fn every_row_id_of_tracing_json_comes_out() {
    let vectors: Json = serde_json::from_str(VECTORS).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 4);
    for case in cases {
        let input = &case["input"];
        let key = Secret32::new(array(&input["tracing_key"]));
        let entry = hex::decode(input["access_entry"].as_str().unwrap()).unwrap();
        let leaf = vitalwitness_proof::entry::entry_leaf(&entry);
        assert_eq!(json!(hex::encode(leaf)), case["expect"]["leaf"]);
        let id = Marker::new(&key, &leaf).row(&array(&input["rid"]));
        assert_eq!(
            json!(hex::encode(id)),
            case["expect"]["row"],
            "{}",
            case["id"]
        );
    }
}

#[test]
fn ids_differ_by_grant_delivery_and_record() {
    let (a, b) = (Secret32::new([1; 32]), Secret32::new([2; 32]));
    let mut all = HashSet::new();
    for key in [&a, &b] {
        for leaf in 0..10_u8 {
            let marker = Marker::new(key, &[leaf; 32]);
            for rid in 0..50_u8 {
                assert!(all.insert(marker.row(&[rid; 16])), "{leaf} {rid}");
            }
        }
    }
}

/// Whoever lacks the tracing key of a grant makes none of its ids, though the leaf and the rids are
/// no secret to them.
#[test]
fn no_grantee_can_frame_another() {
    let (own, others) = (Secret32::new([1; 32]), Secret32::new([2; 32]));
    let leaf = [9; 32];
    let true_ids: HashSet<RowId> = (0..200_u8)
        .map(|rid| Marker::new(&others, &leaf).row(&[rid; 16]))
        .collect();
    for rid in 0..200_u8 {
        assert!(!true_ids.contains(&Marker::new(&own, &leaf).row(&[rid; 16])));
    }
}

#[test]
fn ids_are_found_in_any_column_field_and_spelling() {
    let id: RowId = [0xab; 16];
    let plain = hex::encode(id);
    let dashed = "abababab-abab-abab-abab-abababababab";
    let upper = plain.to_uppercase();
    for file in [
        format!("start,row\n2026-01-01,{plain}\n"),
        format!("a;b;c\n1;\"{upper}\";2\n"),
        format!("x\ty\n1\t'{plain}\n"),
        format!("[{{\"row\":\"{plain}\"}}]"),
        format!("{{\"row\":\"{plain}\"}}\n{{\"row\":\"00\"}}\n"),
        format!(
            "{{\"resourceType\":\"Bundle\",\"entry\":[{{\"fullUrl\":\"urn:uuid:{dashed}\",\"resource\":{{}}}}]}}"
        ),
        format!("{{\"entry\":[{{\"resource\":{{\"id\":\"vw-{plain}\"}}}}]}}"),
        format!("[{{\"row\":\"{plain}\",\"parts\":[{{\"a\":1}},{{\"b\":2}}]}}]"),
        format!("{{\"of\":\"{plain}\",\"rows\":[{{\"a\":1}}]}}"),
        format!("<row id=\"{plain}\"/>"),
        format!("\u{feff}note\n\"see Observation/{plain}, and\nmore\"\n"),
    ] {
        assert_eq!(read(file.as_bytes()).ids, [id], "{file}");
    }
    // a record hash is none
    let rc = "cd".repeat(32);
    assert!(read(format!("record\n{rc}\n").as_bytes()).ids.is_empty());
}

#[test]
fn whatever_the_bytes_reading_ends_and_gives_rows() {
    let mut seed = 7_u32;
    for length in 0..400 {
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                b"{}[]\",;\n\t 2026-01-01T10:05Z1.5ab\xff"[seed as usize >> 16 & 31]
            })
            .collect();
        let leak = read(&bytes);
        assert!(leak.rows.len() <= length + 1);
    }
    let deep = "[".repeat(5_000);
    assert!(read(deep.as_bytes()).ids.is_empty());
}

fn beat(start_ms: i64, number: i64) -> Record {
    Record::typed(
        start_ms,
        120,
        Body::Observation {
            code: "loinc|8867-4".to_owned(),
            value: Value::Quantity(Decimal::new(number, 0).unwrap(), "/min".to_owned()),
        },
    )
}

/// 2026-05-13T10:05:30Z, 12:05:30 on the wall.
const START: i64 = 1_778_666_730_000;

#[test]
fn a_row_is_recognised_by_time_and_value_in_many_spellings() {
    let known = [Known::of(&beat(START, 62))];
    for (row, told) in [
        ("2026-05-13T12:05:30+02:00,62", true),
        ("2026-05-13T10:05:30Z,62.0", true),
        ("2026-05-13T12:05+02:00,62", true),
        ("2026-05-13 12:05:30;62", true),
        ("2026-05-13 12:05,62", true),
        ("2026-05-13 10:05,62", true),
        ("13.05.2026 12:05;62,0", true),
        ("05/13/2026 12:05:30,62", true),
        ("1778666730,62", true),
        ("1778666730000,62", true),
        ("2026-05-13,62", true),
        ("05/13/2026 12:05 PM,62", true),
        ("05/13/2026 12:05:30 PM,62", true),
        ("5/13/2026 10:05 AM,62", true),
        ("5/13/2026 10:05\u{202f}AM,62", true),
        ("\"5/13/2026, 12:05:30 pm\",62", true),
        ("05/13/2026 12:05 AM,62", false),
        ("05/13/2026 10:05 PM,62", false),
        ("2026-05-13 12:06,62", false),
        ("2026-05-13T12:05:30+02:00,63", false),
        ("2026-05-14,62", false),
        ("62", false),
    ] {
        let header = if row.contains(';') { "t;v" } else { "t,v" };
        let leak = read(format!("{header}\n{row}\n").as_bytes());
        let found = candidates(&leak.rows, &known);
        let expect: &[usize] = if told { &[0] } else { &[] };
        assert_eq!(found[1], expect, "{row}");
    }
    let fhir = json!({"resourceType": "Bundle", "entry": [{"resource": {
        "resourceType": "Observation", "effectiveDateTime": "2026-05-13T12:05:30+02:00",
        "valueQuantity": {"value": 62, "unit": "/min"},
    }}]});
    let leak = read(fhir.to_string().as_bytes());
    assert_eq!(candidates(&leak.rows, &known), [vec![0]]);
}

#[test]
fn ids_are_found_in_the_names_of_members_too() {
    let (one, two) = (
        "0123456789abcdef0123456789abcdef",
        "FEDCBA98-7654-3210-fedc-ba9876543210",
    );
    let keyed = json!({"rows": {one: {"value": 62}, two: {"value": 63}}}).to_string();
    let lines = format!("{{\"{one}\": 62}}\n{{\"{two}\": 63}}\n");
    for text in [keyed, lines] {
        let mut ids: Vec<String> = read(text.as_bytes()).ids.iter().map(hex::encode).collect();
        ids.sort();
        assert_eq!(ids, [one, "fedcba9876543210fedcba9876543210"], "{text}");
    }
}

#[test]
fn a_table_in_utf_16_is_read_as_the_same_in_utf_8() {
    let id = "0123456789abcdef0123456789abcdef";
    let text =
        format!("\u{feff}when\tvalue\tnote\trow\r\n2026-05-13 12:05\t62\tÜbung 🏃\t{id}\r\n");
    let plain = read(text.as_bytes());
    assert_eq!((plain.rows.len(), plain.ids.len()), (2, 1));
    for big in [false, true] {
        let order = |unit: u16| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        };
        let mut bytes: Vec<u8> = text.encode_utf16().flat_map(order).collect();
        assert!(read(&bytes) == plain, "big: {big}");
        // cut within a sign: what comes before it is still read
        bytes.pop();
        assert_eq!(read(&bytes).ids, plain.ids);
    }
}

#[test]
fn of_two_deliveries_that_hold_all_rows_the_smaller_is_the_likelier_source() {
    let rows: Vec<Vec<usize>> = (10..40).map(|at| vec![at]).collect();
    let held = |from, to| (from..to).collect::<HashSet<usize>>();
    let ranked = rank(&rows, &[held(0, 1_000), held(0, 50), held(20, 40)], 1_000);
    let order: Vec<usize> = ranked.iter().map(|ranked| ranked.delivery).collect();
    assert_eq!(order, [1, 0, 2]);
    assert_eq!((ranked[0].covered, ranked[2].covered), (30, 20));
    assert!(ranked.iter().all(|ranked| !ranked.tied && ranked.of == 30));
    // two that hold the same cannot be told apart, and it is said
    let ranked = rank(&rows, &[held(0, 50), held(0, 50), held(0, 90)], 1_000);
    let tied: Vec<bool> = ranked.iter().map(|ranked| ranked.tied).collect();
    assert_eq!(tied, [true, true, false]);
    // what held none of it is no suspect
    assert!(rank(&rows, &[held(500, 600)], 1_000).is_empty());
}

#[test]
fn debug_shows_no_time_value_or_key() {
    let known = Known::of(&beat(START, 778_899));
    let leak = read(b"t,v\n2026-05-13 12:05,778899\n");
    let marker = Marker::new(&Secret32::new([7; 32]), &[1; 32]);
    let text = format!("{known:?} {leak:?} {:?} {marker:?}", leak.rows);
    assert_eq!(
        text,
        "Known(..) Leak(0 ids, 2 rows) [Row(..), Row(..)] Marker"
    );
}

//! Changes of bytes and shape.

use super::world::cases::Cases;
use super::world::mutate::{deep, edit, flip, get, items, number, set, shorten, with, without};
use super::world::town::Twist;
use super::{bundle_of, week_of};
use serde_json::{Value as Json, json};
use vitalwitness_proof::cbor;
use vitalwitness_proof::cbor::Value::{self, Array, Bytes, Int, Text};

/// `[week's entry]`, `[its records]`, one of them.
const ENTRY: [i64; 2] = [1, 0];
pub(crate) const RECORDS: [i64; 3] = [1, 0, 4];

#[allow(clippy::too_many_lines, reason = "a table of cases")]
pub(crate) fn shape(cases: &mut Cases) {
    for base in ["week", "channels"] {
        let whole = cases.bases[base].clone();
        let file = whole.as_slice();
        let mut bad = |what: &str, why: &str, bundle: Vec<u8>| {
            cases.refuse("MALFORMED", base, what, why, &bundle);
        };
        bad(
            "array",
            "a map, no array",
            cbor::encode(&Array(vec![cbor::decode(file).unwrap()])),
        );
        bad("trailing", "a byte after the map", [file, &[0]].concat());
        bad(
            "cut",
            "the last byte is missing",
            file[..file.len() - 1].to_vec(),
        );
        bad("key-7", "map key 7", with(file, 7, Int(0)));
        bad("no-entries", "key 1 is missing", without(file, 1));
        bad("no-log", "key 2 is missing", without(file, 2));
        bad("no-lines", "key 3 is missing", without(file, 3));
        bad("empty-entries", "no entry", set(file, &[1], Array(vec![])));
        bad(
            "empty-records",
            "no record",
            set(file, &RECORDS, Array(vec![])),
        );
        bad("empty-lines", "no line", set(file, &[3], Array(vec![])));
        bad(
            "empty-keys",
            "key 5 is there and empty",
            set(file, &[5], Array(vec![])),
        );
        bad(
            "leaf-order",
            "leaf indices ascend",
            edit(file, &RECORDS, |it| items(it).swap(0, 1)),
        );
        bad(
            "leaf-twice",
            "a leaf once",
            edit(file, &RECORDS, |it| {
                let again = items(it)[0].clone();
                items(it).insert(0, again);
            }),
        );
        bad(
            "entry-twice",
            "an entry once",
            edit(file, &[1], |it| {
                let again = items(it)[0].clone();
                items(it).insert(0, again);
            }),
        );
        bad(
            "entry-five",
            "an entry has six items",
            edit(file, &ENTRY, |it| {
                items(it).pop();
            }),
        );
        bad(
            "n-24",
            "n is a power of two",
            set(file, &[1, 0, 2], Int(24)),
        );
        bad("n-4", "n is at least 8", set(file, &[1, 0, 2], Int(4)));
        bad(
            "n-32768",
            "n is at most 16,384",
            set(file, &[1, 0, 2], Int(32_768)),
        );
        bad(
            "rc-short",
            "RC has 32 bytes",
            edit(file, &[1, 0, 4, 0, 1], shorten),
        );
        bad(
            "nodes-31",
            "nodes have 32 bytes each",
            edit(file, &[2, 2], shorten),
        );
        bad(
            "nodes-text",
            "nodes are bytes",
            set(file, &[1, 0, 3], Text("no nodes".into())),
        );
        bad(
            "size-1",
            "a log has two entries",
            set(file, &[2, 1], Int(1)),
        );
        bad(
            "origin",
            "an origin with a line feed",
            set(file, &[2, 0], Text("a\nb".into())),
        );
        bad(
            "line-twice",
            "a line once",
            edit(file, &[3], |it| {
                let again = items(it)[1].clone();
                items(it).push(again);
            }),
        );
        bad(
            "off-curve",
            "a key is a point of the curve",
            flip(file, &[5, 0], 90),
        );
        bad(
            "shown-inline",
            "a disclosure is a byte string",
            edit(file, &[1, 0, 4, 0, 2], |it| {
                *it = Array(vec![it.clone()]);
            }),
        );
        bad(
            "enrol-beyond",
            "there is no such ENROL",
            set(file, &[1, 0, 5], Int(9)),
        );
        bad(
            "enrol-negative",
            "ENROLs count from 0",
            set(file, &[1, 0, 5], Int(-1)),
        );
        bad(
            "enrol-missing",
            "an ENROL is used and not there",
            without(file, 6),
        );
        bad(
            "enrol-unused",
            "an ENROL is there and not used",
            edit(file, &[6], |it| {
                let again = items(it)[0].clone();
                items(it).push(again);
            }),
        );
        bad(
            "event-bytes",
            "an ENROL's event is no event",
            set(file, &[6, 0, 0], Bytes(vec![0x80])),
        );
        let mut named = |what: &str, why: &str, at: Json, bundle: Vec<u8>| {
            cases.refuse_at("MALFORMED", &at, base, what, why, &bundle);
        };
        let (entry, leaf) = (get(file, &[1, 0, 1]), get(file, &[1, 0, 4, 0, 0]));
        let at =
            |leaf: Option<&Value>| json!({ "entry": number(&entry), "leaf": leaf.map(number) });
        named(
            "entry-bytes",
            "an entry is no entry",
            at(None),
            set(file, &[1, 0, 0], Bytes(vec![0x80])),
        );
        named(
            "shown-cut",
            "a disclosure is cut",
            at(Some(&leaf)),
            edit(file, &[1, 0, 4, 0, 2], shorten),
        );
        named(
            "shown-trailing",
            "a disclosure goes on",
            at(Some(&leaf)),
            edit(file, &[1, 0, 4, 0, 2], |it| {
                if let Bytes(bytes) = it {
                    bytes.push(0);
                }
            }),
        );
    }
    let channels = cases.bases["channels"].clone();
    let mut bad = |what: &str, why: &str, bundle: &[u8]| {
        cases.refuse("MALFORMED", "channels", what, why, bundle);
    };
    bad(
        "entry-order",
        "log indices ascend",
        &edit(&channels, &[1], |it| items(it).swap(0, 1)),
    );
    bad(
        "enrol-order",
        "ENROLs are numbered by first use",
        &edit(&channels, &[1], |it| {
            for (entry, number) in items(it).iter_mut().zip([1, 1, 0]) {
                items(entry)[5] = Int(number);
            }
        }),
    );
    bad(
        "author-ed25519",
        "an author's key is P-256",
        &edit(&channels, &[1, 0, 4, 1, 3, 0], |it| {
            *it = Bytes(
                [
                    &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0],
                    [1; 32].as_slice(),
                ]
                .concat(),
            );
        }),
    );
    encoding(cases);
}

fn encoding(cases: &mut Cases) {
    for base in ["week", "channels", "mixed"] {
        let file = cases.bases[base].clone();
        let long = [&file[..2], &[0x18, 1], &file[3..]].concat();
        cases.refuse(
            "NON_CANONICAL",
            base,
            "long-version",
            "the version in two bytes",
            &long,
        );
        for (what, version) in [("version-2", 2), ("version-0", 0), ("version-minus", -1)] {
            let other = set(&file, &[0], Int(version));
            cases.refuse("UNSUPPORTED_VERSION", base, what, "another version", &other);
        }
    }
    let week = cases.bases["week"].clone();
    let swapped = {
        let mut file = week.clone();
        let keys = get(&week, &[5]);
        let at = week.len() - cbor::encode(&keys).len() - cbor::encode(&get(&week, &[6])).len() - 2;
        file[at] = 6;
        file
    };
    cases.refuse(
        "NON_CANONICAL",
        "week",
        "key-twice",
        "key 6 where key 5 belongs, then again",
        &swapped,
    );
    let at = json!({ "entry": 4, "leaf": 1 });
    let long = edit(&week, &[1, 0, 4, 0, 2], |it| {
        // the array head 83 written long
        if let Bytes(bytes) = it {
            bytes.splice(0..1, [0x98, 3]);
        }
    });
    cases.refuse_at(
        "NON_CANONICAL",
        &at,
        "week",
        "shown-long",
        "a long head in a disclosure",
        &long,
    );
    let deep = edit(&week, &[1, 0, 4, 0, 2], |it| {
        if let Bytes(bytes) = it {
            *bytes = [[0x81].repeat(16), vec![0]].concat();
        }
    });
    cases.refuse_at(
        "LIMIT_EXCEEDED",
        &at,
        "week",
        "shown-deep",
        "a disclosure of 17 levels",
        &deep,
    );
    let version = bundle_of(&week_of(Twist::EventVersion));
    let at = json!({ "entry": 4, "leaf": null });
    cases.refuse_at(
        "UNSUPPORTED_VERSION",
        &at,
        "week",
        "event-version",
        "an event of version 2",
        &version,
    );
}

pub(crate) fn limits(cases: &mut Cases) {
    let week = cases.bases["week"].clone();
    let mut over = |what: &str, why: &str, bundle: &[u8]| {
        cases.refuse("LIMIT_EXCEEDED", "week", what, why, bundle);
    };
    let many = |of: Value, count: usize| Array(vec![of; count]);
    over(
        "entries-4097",
        "4,097 entries",
        &set(&week, &[1], many(Int(0), 4_097)),
    );
    over(
        "records-65537",
        "65,537 records",
        &set(&week, &RECORDS, many(Int(0), 65_537)),
    );
    over("lines-17", "17 lines", &set(&week, &[3], many(Int(0), 17)));
    over("anchors-9", "9 anchors", &with(&week, 4, many(Int(0), 9)));
    over("keys-257", "257 keys", &set(&week, &[5], many(Int(0), 257)));
    over(
        "enrols-257",
        "257 ENROLs",
        &set(&week, &[6], many(Int(0), 257)),
    );
    over(
        "entry-1025",
        "an entry of 1,025 bytes",
        &set(&week, &[1, 0, 0], Bytes(vec![0; 1_025])),
    );
    let long = Bytes(vec![0; 65_537]);
    over(
        "shown-65537",
        "a disclosure of 65,537 bytes",
        &set(&week, &[1, 0, 4, 0, 2], long),
    );
    over("bytes-16777217", "16 MiB and a byte", &vec![0; 16_777_217]);
    over("deep", "17 levels", &set(&week, &[2], deep(16)));
}

//! Changes of bytes and shape.

use super::world::cases::Cases;
use super::world::mutate::{deep, edit, items, set, shorten, with, without};
use vitalwitness_proof::cbor::Value::{Array, Bytes, Int, Map, Null, Text};
use vitalwitness_proof::cbor::{self, Value};

#[allow(clippy::too_many_lines, reason = "a table of cases")]
pub(crate) fn shape(cases: &mut Cases, base: &str) {
    let whole = cases.bases[base].clone();
    let file = whole.as_slice();
    let again = |path: &[i64]| {
        edit(file, path, |it| {
            let first = items(it)[0].clone();
            items(it).push(first);
        })
    };
    for (what, why, changed) in [
        (
            "array",
            "a map, no array",
            cbor::encode(&Array(vec![Int(0), Int(1)])),
        ),
        (
            "cut",
            "the last byte is missing",
            file[..file.len() - 1].to_vec(),
        ),
        ("trailing", "a byte after the map", [file, &[0]].concat()),
        ("key-11", "map key 11", with(file, 11, Null)),
        (
            "key-text",
            "a key that is no number",
            edit(file, &[], |it| {
                if let Map(pairs) = it {
                    pairs.push((Text("a".into()), Null));
                }
            }),
        ),
        ("no-entry", "key 3 is missing", without(file, 3)),
        ("no-log", "key 4 is missing", without(file, 4)),
        ("no-lines", "key 5 is missing", without(file, 5)),
        (
            "empty-lines",
            "key 5 is empty",
            set(file, &[5], Array(vec![])),
        ),
        (
            "empty-anchors",
            "key 6 is there and empty",
            with(file, 6, Array(vec![])),
        ),
        (
            "empty-keys",
            "key 8 is there and empty",
            with(file, 8, Array(vec![])),
        ),
        (
            "log-three",
            "key 4 has four items",
            edit(file, &[4], |it| {
                items(it).pop();
            }),
        ),
        (
            "origin-space",
            "an origin with a space",
            set(file, &[4, 0], Text("log example".into())),
        ),
        (
            "origin-empty",
            "an origin without a letter",
            set(file, &[4, 0], Text(String::new())),
        ),
        ("size-0", "a log of no entry", set(file, &[4, 1], Int(0))),
        (
            "index-negative",
            "an index below 0",
            set(file, &[4, 2], Int(-1)),
        ),
        (
            "log-path-31",
            "nodes have 32 bytes",
            edit(file, &[4, 3], shorten),
        ),
        (
            "line-name",
            "a line's name with a plus",
            set(file, &[5, 1, 0], Text("a+b".into())),
        ),
        (
            "line-short",
            "a line of the key id alone",
            set(file, &[5, 1, 1], Bytes(vec![1; 4])),
        ),
        ("line-twice", "a line once", again(&[5])),
        (
            "entry-short",
            "an entry is none",
            set(file, &[3], Bytes(vec![0x85, 0])),
        ),
        (
            "entry-text",
            "an entry is a byte string",
            set(file, &[3], Text("entry".into())),
        ),
        (
            "enrol-empty",
            "key 10 without event",
            with(file, 10, Array(vec![Bytes(vec![0x80]), Bytes(vec![1; 64])])),
        ),
        (
            "enrol-63",
            "a signature has 64 bytes",
            with(file, 10, Array(vec![Bytes(vec![0x80]), Bytes(vec![1; 63])])),
        ),
    ] {
        cases.refuse("MALFORMED", base, what, why, &changed);
    }
    let long = [&file[..2], &[0x18, 1], &file[3..]].concat();
    cases.refuse(
        "NON_CANONICAL",
        base,
        "long-version",
        "the version in two bytes",
        &long,
    );
    let long = [&[0xb8, file[0] & 31], &file[1..]].concat();
    cases.refuse(
        "NON_CANONICAL",
        base,
        "long-map",
        "the map's length in two bytes",
        &long,
    );
    let open = [&[0xbf], &file[1..], &[0xff]].concat();
    cases.refuse(
        "NON_CANONICAL",
        base,
        "indefinite",
        "a map of no stated length",
        &open,
    );
    let entry_long = edit(file, &[3], |it| {
        if let Bytes(bytes) = it {
            bytes.splice(0..1, [0x98, 5]);
        }
    });
    cases.refuse(
        "NON_CANONICAL",
        base,
        "entry-long",
        "a long head in the entry",
        &entry_long,
    );
    for (what, version) in [("version-2", 2), ("version-0", 0), ("version-minus", -1)] {
        let changed = set(file, &[0], Int(version));
        cases.refuse(
            "UNSUPPORTED_VERSION",
            base,
            what,
            "another version",
            &changed,
        );
    }
    let entry_version = edit(file, &[3], |it| {
        edit_event(it, |event| set(event, &[0], Int(2)));
    });
    cases.refuse(
        "UNSUPPORTED_VERSION",
        base,
        "event-version",
        "an event of version 2",
        &entry_version,
    );
}

/// Changes the event inside an entry's bytes.
fn edit_event(entry: &mut Value, change: impl FnOnce(&[u8]) -> Vec<u8>) {
    let Bytes(bytes) = entry else {
        panic!("no entry")
    };
    *bytes = edit(bytes, &[0], |event| match event {
        Bytes(event) => *event = change(event),
        other => panic!("no event: {other:?}"),
    });
}

pub(crate) fn lengths(cases: &mut Cases) {
    let file = cases.bases["shown"].clone();
    let mut over = |what: &str, why: &str, changed: Vec<u8>| {
        cases.refuse("LIMIT_EXCEEDED", "shown", what, why, &changed);
    };
    let zeros = |count: usize| Array(vec![Int(0); count]);
    over("bytes-65537", "64 KiB and a byte", vec![0; 65_537]);
    over(
        "batch-path-65",
        "65 nodes in the batch",
        set(&file, &[2, 2], Bytes(vec![0; 32 * 65])),
    );
    over(
        "log-path-65",
        "65 nodes in the log",
        set(&file, &[4, 3], Bytes(vec![0; 32 * 65])),
    );
    over(
        "path-2049",
        "64 nodes and a byte",
        set(&file, &[4, 3], Bytes(vec![0; 2_049])),
    );
    over("lines-17", "17 lines", set(&file, &[5], zeros(17)));
    over("anchors-9", "9 anchors", with(&file, 6, zeros(9)));
    over("keys-5", "5 keys", set(&file, &[8], zeros(5)));
    over(
        "entry-1025",
        "an entry of 1,025 bytes",
        set(&file, &[3], Bytes(vec![0; 1_025])),
    );
    over("deep", "17 levels", set(&file, &[7], deep(16)));
}

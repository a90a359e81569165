//! One change each.

use super::channel::{Open, Story, Twist, UNCOUNTED};
use super::world::cases::Cases;
use super::world::mutate::{
    bytes, cut_node, deep, edit, flip, get, items, lengthen, set, shorten, with, without,
};
use vitalwitness_proof::cbor::Value::{Array, Bytes, Int, Null, Text};
use vitalwitness_proof::cbor::{self, Value};

/// The first opened batch, its header, its first record.
const BATCH: [i64; 2] = [5, 0];
const HEADER: [i64; 3] = [5, 0, 2];
const HEADER_PATH: [i64; 3] = [5, 0, 3];
const RECORD: [i64; 4] = [5, 0, 4, 0];
const BASES: [&str; 2] = ["purposes", "withheld"];

#[allow(clippy::too_many_lines, reason = "a table of cases")]
pub(crate) fn shape(cases: &mut Cases) {
    for base in BASES {
        let whole = cases.bases[base].clone();
        let file = whole.as_slice();
        let again = |path: &[i64]| {
            edit(file, path, |it| {
                let first = items(it)[0].clone();
                items(it).insert(0, first);
            })
        };
        let (from, to) = (get(file, &[1, 0]), get(file, &[1, 1]));
        for (what, why, changed) in [
            (
                "array",
                "a map, no array",
                cbor::encode(&Array(vec![cbor::decode(file).unwrap()])),
            ),
            (
                "cut",
                "the last byte is missing",
                file[..file.len() - 1].to_vec(),
            ),
            ("key-7", "map key 7", with(file, 7, Null)),
            ("no-period", "key 1 is missing", without(file, 1)),
            ("no-receipt", "key 2 is missing", without(file, 2)),
            ("no-entries", "key 3 is missing", without(file, 3)),
            ("no-keys", "key 4 is missing", without(file, 4)),
            (
                "empty-keys",
                "key 4 is empty",
                set(file, &[4], Array(vec![])),
            ),
            ("no-batches", "key 5 is missing", without(file, 5)),
            (
                "period-empty",
                "from is before to",
                set(file, &[1, 1], from),
            ),
            ("period-back", "from is before to", set(file, &[1, 0], to)),
            ("batch-twice", "a batch once", again(&[5])),
            (
                "batch-0",
                "entries count from 1",
                set(file, &[5, 0, 0], Int(0)),
            ),
            ("leaf-twice", "a record once", again(&[5, 0, 4])),
            (
                "leaf-0",
                "records begin at leaf 1",
                set(file, &[5, 0, 4, 0, 0], Int(0)),
            ),
            (
                "n-12",
                "n is a power of two",
                set(file, &[5, 0, 1], Int(12)),
            ),
            (
                "header-inline",
                "a header is a byte string",
                edit(file, &HEADER, |it| {
                    *it = Array(vec![it.clone()]);
                }),
            ),
            (
                "path-31",
                "nodes have 32 bytes",
                edit(file, &HEADER_PATH, shorten),
            ),
            (
                "off-curve",
                "a key is a point of the curve",
                flip(file, &[4, 1], 90),
            ),
            (
                "line-67",
                "the log's line has 68 bytes",
                with(file, 6, Array(vec![Bytes(vec![0x80]), Bytes(vec![0; 67])])),
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
        for (what, version) in [("version-2", 2), ("version-0", 0)] {
            let changed = set(file, &[0], Int(version));
            cases.refuse(
                "UNSUPPORTED_VERSION",
                base,
                what,
                "another version",
                &changed,
            );
        }
        let zeros = |count: usize| Array(vec![Int(0); count]);
        let path = Bytes(vec![0; 32 * 65]);
        for (what, why, changed) in [
            (
                "entries-65537",
                "65,537 entries",
                set(file, &[3], zeros(65_537)),
            ),
            ("keys-257", "257 keys", set(file, &[4], zeros(257))),
            ("path-65", "65 nodes", set(file, &HEADER_PATH, path)),
            ("deep", "17 levels", set(file, &[1], deep(16))),
        ] {
            cases.refuse("LIMIT_EXCEEDED", base, what, why, &changed);
        }
    }
    let huge = vec![0; 16_777_217];
    cases.refuse(
        "LIMIT_EXCEEDED",
        "purposes",
        "bytes-16777217",
        "16 MiB and a byte",
        &huge,
    );
}

/// Changes inside a byte string of the outer map.
fn inside(file: &[u8], path: &[i64], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    set(file, path, Bytes(change(&bytes(file, path))))
}

pub(crate) fn bytes_inside(cases: &mut Cases) {
    let file = cases.bases["withheld"].clone();
    let mut no = |code: &str, what: &str, why: &str, changed: Vec<u8>| {
        cases.refuse(code, "withheld", what, why, &changed);
    };
    let empty = |path: &[i64]| set(&file, path, Bytes(vec![0x80]));
    no(
        "MALFORMED",
        "receipt-empty",
        "the receipt is none",
        empty(&[2]),
    );
    no(
        "MALFORMED",
        "entry-empty",
        "an entry is none",
        empty(&[3, 4]),
    );
    no(
        "MALFORMED",
        "header-empty",
        "a header's disclosure is none",
        empty(&HEADER),
    );
    no(
        "MALFORMED",
        "head-empty",
        "the head is none",
        empty(&[6, 0]),
    );
    no(
        "NON_CANONICAL",
        "receipt-long",
        "a long head in the receipt",
        inside(&file, &[2], |it| [&it[..2], &[0x18, 1], &it[3..]].concat()),
    );
    no(
        "NON_CANONICAL",
        "entry-long",
        "a long head in an entry",
        inside(&file, &[3, 1], |it| [&[0x98, 5], &it[1..]].concat()),
    );
    no(
        "NON_CANONICAL",
        "record-long",
        "a long head in a disclosure",
        {
            let path = [RECORD.as_slice(), &[1]].concat();
            inside(&file, &path, |it| [&[0x98, 3], &it[1..]].concat())
        },
    );
    no(
        "UNSUPPORTED_VERSION",
        "receipt-version",
        "a receipt of version 2",
        inside(&file, &[2], |it| set(it, &[0], Int(2))),
    );
    no(
        "UNSUPPORTED_VERSION",
        "entry-version",
        "an event of version 2",
        {
            inside(&file, &[3, 2], |it| {
                inside(it, &[0], |event| set(event, &[0], Int(2)))
            })
        },
    );
    no(
        "UNSUPPORTED_VERSION",
        "head-version",
        "a head of version 2",
        inside(&file, &[6, 0], |it| set(it, &[0], Int(2))),
    );
    no("LIMIT_EXCEEDED", "entry-1025", "an entry of 1,025 bytes", {
        set(&file, &[3, 0], Bytes(vec![0; 1_025]))
    });
    no(
        "LIMIT_EXCEEDED",
        "header-65537",
        "a disclosure of 65,537 bytes",
        set(&file, &HEADER, Bytes(vec![0; 65_537])),
    );
}

#[allow(clippy::too_many_lines, reason = "a table of cases")]
pub(crate) fn records(cases: &mut Cases, story: &Story) {
    let file = cases.bases["purposes"].clone();
    let mut no = |code: &str, what: &str, why: &str, changed: Vec<u8>| {
        cases.refuse(code, "purposes", what, why, &changed);
    };
    let record = |place: i64, item: i64| [5, 0, 4, place, item];
    let schema = |it: &[u8]| set(it, &[0], Text("obs/9".into()));
    for (what, path) in [
        ("header-schema", HEADER.as_slice()),
        ("record-1-schema", &record(0, 1)),
        ("record-5-schema", &record(4, 1)),
    ] {
        no(
            "SCHEMA_UNKNOWN",
            what,
            "unknown schema",
            inside(&file, path, schema),
        );
    }
    let put = |path: &[i64], disclosure: Vec<u8>| set(&file, path, Bytes(disclosure));
    no(
        "RECORD_MISMATCH",
        "header-is-record",
        "a record as header",
        put(&HEADER, story.disclosure(3, 1)),
    );
    no(
        "RECORD_MISMATCH",
        "record-is-header",
        "a header as record",
        put(&record(0, 1), story.shown(3, 0, &[1, 2, 4])),
    );
    no(
        "RECORD_MISMATCH",
        "digest-missing",
        "seven of eight slots",
        {
            inside(&file, &record(1, 1), |it| {
                edit(it, &[2], |digests| {
                    if let Bytes(bytes) = digests {
                        bytes.truncate(bytes.len() - 32);
                    }
                })
            })
        },
    );
    for (what, slots) in [("first", [2, 4]), ("last", [1, 4]), ("count", [1, 2])] {
        let what = format!("header-no-{what}");
        no(
            "HEADER_MISMATCH",
            &what,
            "the header shows period and count",
            put(&HEADER, story.shown(3, 0, &slots)),
        );
    }
    no(
        "HEADER_MISMATCH",
        "record-no-start",
        "a record shows its start",
        put(&record(2, 1), story.shown(3, 3, &[4, 5])),
    );
    no(
        "INDEX_OUT_OF_RANGE",
        "leaf-k-1",
        "a record beyond the count",
        set(&file, &record(4, 0), Int(6)),
    );
    no(
        "INDEX_OUT_OF_RANGE",
        "leaf-n",
        "a leaf beyond the tree",
        set(&file, &record(4, 0), Int(8)),
    );
    no(
        "INDEX_OUT_OF_RANGE",
        "leaf-far",
        "a leaf far away",
        set(&file, &record(4, 0), Int(i64::MAX)),
    );
    no(
        "PATH_LENGTH",
        "header-path-long",
        "a node too many",
        edit(&file, &HEADER_PATH, lengthen),
    );
    no(
        "PATH_LENGTH",
        "header-path-short",
        "a node is missing",
        edit(&file, &HEADER_PATH, cut_node),
    );
    no(
        "PATH_LENGTH",
        "record-path-short",
        "a node is missing",
        edit(&file, &record(3, 2), cut_node),
    );
    no(
        "PATH_LENGTH",
        "n-16",
        "a larger batch has longer paths",
        set(&file, &[5, 0, 1], Int(16)),
    );
    no(
        "ENTRY_MISMATCH",
        "header-node",
        "a node of the header's path changed",
        flip(&file, &HEADER_PATH, 3),
    );
    no(
        "ENTRY_MISMATCH",
        "record-node",
        "a node of a record's path changed",
        flip(&file, &record(1, 2), 95),
    );
    no("ENTRY_MISMATCH", "record-value", "a value changed", {
        inside(&file, &record(2, 1), |it| {
            edit(it, &[1, 2, 2, 0], |value| {
                if let Value::Decimal { mantissa, .. } = value {
                    *mantissa += 1;
                }
            })
        })
    });
    no(
        "ENTRY_MISMATCH",
        "record-place",
        "a record at another's place",
        put(&record(1, 1), story.disclosure(3, 3)),
    );
    for seq in UNCOUNTED {
        let what = format!("uncounted-{seq}");
        let opened = story.proof(&[Open::All(seq)], None);
        no(
            "ENTRY_MISMATCH",
            &what,
            "a batch that does not count is not opened",
            opened,
        );
    }
    no(
        "ENTRY_MISMATCH",
        "no-batch",
        "entry 4 is no BATCH",
        set(&file, &[BATCH[0], BATCH[1], 0], Int(4)),
    );
    no(
        "ENTRY_MISMATCH",
        "beyond",
        "entry 19 is not there",
        set(&file, &[5, 3, 0], Int(19)),
    );
}

#[allow(clippy::too_many_lines, reason = "a table of cases")]
pub(crate) fn chain(cases: &mut Cases, story: &Story) {
    for base in BASES {
        let file = cases.bases[base].clone();
        let mut gap = |what: &str, why: &str, changed: Vec<u8>| {
            cases.refuse("SEQ_GAP", base, what, why, &changed);
        };
        gap(
            "entry-out",
            "an entry is left out",
            edit(&file, &[3], |it| {
                items(it).remove(5);
            }),
        );
        gap(
            "entries-swapped",
            "two entries exchanged",
            edit(&file, &[3], |it| items(it).swap(1, 2)),
        );
        gap(
            "entry-changed",
            "an entry's signature changed: another hash",
            inside(&file, &[3, 3], |it| flip(it, &[2], 0)),
        );
        gap(
            "first-out",
            "the first entry is left out",
            edit(&file, &[3], |it| {
                items(it).remove(0);
            }),
        );
    }
    let file = cases.bases["withheld"].clone();
    let head = |head: (Vec<u8>, [u8; 68])| {
        set(
            &file,
            &[6],
            Array(vec![Bytes(head.0), Bytes(head.1.into())]),
        )
    };
    for (what, seq) in [("last", 18), ("middle", 9), ("none", 0)] {
        let forked = head(story.head_of(seq, [5; 32], |_| {}));
        let what = format!("head-fork-{what}");
        cases.refuse(
            "FORK",
            "withheld",
            &what,
            "the log signed another entry there",
            &forked,
        );
    }
    let mut no = |code: &str, what: &str, why: &str, changed: Vec<u8>| {
        cases.refuse(code, "withheld", what, why, &changed);
    };
    let other = |change: fn(&mut vitalwitness_proof::entry::ChannelHead)| {
        head(story.head_of(40, [5; 32], change))
    };
    no(
        "ENTRY_MISMATCH",
        "head-channel",
        "the head of another channel",
        other(|it| it.channel[3] ^= 1),
    );
    no(
        "ORIGIN_UNKNOWN",
        "head-origin",
        "the head of another log",
        other(|it| it.origin = "b.example".into()),
    );
    no(
        "CHECKPOINT_SIGNATURE",
        "head-line",
        "the log's signature changed",
        flip(&file, &[6, 1], 67),
    );
    no(
        "CHECKPOINT_SIGNATURE",
        "head-time",
        "the head's time is signed",
        inside(&file, &[6, 0], |it| flip(it, &[6], 0)),
    );
    no(
        "KEY_UNKNOWN",
        "head-key",
        "not a key of the log",
        flip(&file, &[6, 1], 0),
    );
    for (twist, code, what, why) in [
        (
            Twist::EnrolSignature,
            "ENTRY_SIGNATURE",
            "enrol-signature",
            "the owner's signature over an ENROL",
        ),
        (
            Twist::BatchSignature,
            "ENTRY_SIGNATURE",
            "batch-signature",
            "a device's signature over a BATCH",
        ),
        (
            Twist::RevokeSignature,
            "ENTRY_SIGNATURE",
            "revoke-signature",
            "the owner's signature over a REVOKE",
        ),
        (
            Twist::OtherOwner,
            "ENTRY_MISMATCH",
            "other-owner",
            "the owner changes",
        ),
        (
            Twist::FirstIsDevice,
            "ENTRY_MISMATCH",
            "first-device",
            "the first entry enrols the owner key",
        ),
    ] {
        let changed = Story::new(twist).proof(&[Open::All(3)], None);
        no(code, what, why, changed);
    }
}

pub(crate) fn signatures(cases: &mut Cases, story: &Story) {
    let file = cases.bases["purposes"].clone();
    for (key, what) in [(0, "owner"), (1, "device"), (2, "old-device")] {
        let without = edit(&file, &[4], |it| {
            items(it).remove(key);
        });
        let what = format!("no-key-{what}");
        cases.refuse(
            "KEY_UNKNOWN",
            "purposes",
            &what,
            "a signer's key is not there",
            &without,
        );
    }
    for base in BASES {
        let file = cases.bases[base].clone();
        let mut no = |code: &str, what: &str, why: &str, change: &dyn Fn(&[u8]) -> Vec<u8>| {
            let changed = inside(&file, &[2], change);
            cases.refuse(code, base, what, why, &changed);
        };
        let sign = "CHECKPOINT_SIGNATURE";
        no(sign, "receipt-node", "a node of the log changed", &|it| {
            flip(it, &[4, 3], 0)
        });
        no(sign, "receipt-line", "the log's signature changed", &|it| {
            flip(it, &[5, 0, 1], 9)
        });
        no(
            sign,
            "receipt-witness",
            "a witness's signature changed",
            &|it| flip(it, &[5, 1, 1], 40),
        );
        no("KEY_UNKNOWN", "receipt-log", "no line of the log", &|it| {
            edit(it, &[5], |lines| {
                items(lines).remove(0);
            })
        });
        no(
            "QUORUM_NOT_MET",
            "receipt-quorum",
            "one witness of two",
            &|it| {
                edit(it, &[5], |lines| {
                    items(lines).pop();
                })
            },
        );
        no("QUORUM_NOT_MET", "receipt-alone", "only the log", &|it| {
            edit(it, &[5], |lines| items(lines).truncate(1))
        });
        no("ORIGIN_UNKNOWN", "receipt-origin", "another log", &|it| {
            set(it, &[4, 0], Text("log.example/other".into()))
        });
        no("PATH_LENGTH", "receipt-path", "a node too many", &|it| {
            edit(it, &[4, 3], lengthen)
        });
        let mut trust = story.world.trust();
        trust.logs[0].origin = "log.example/q".into();
        trust.logs[0].keys[0].name = "log.example/q".into();
        cases.distrust(
            "ORIGIN_UNKNOWN",
            base,
            "trust-origin",
            "the log is not trusted",
            &trust,
        );
    }
}

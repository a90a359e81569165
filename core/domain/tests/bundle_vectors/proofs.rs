//! Changes of what is hashed and signed.

use super::shape::RECORDS;
use super::world::Actor;
use super::world::cases::Cases;
use super::world::mutate::{bytes, cut_node, edit, flip, get, items, lengthen, number, set};
use super::world::town::{HEART, Town, Twist};
use super::{bundle_of, week_of};
use serde_json::{Value as Json, json};
use vitalwitness_proof::cbor::Value::{self, Bytes, Int, Null, Text};

#[allow(clippy::too_many_lines, reason = "a table of cases")]
pub(crate) fn records(cases: &mut Cases, town: &Town) {
    let week = cases.bases["week"].clone();
    let mixed = cases.bases["mixed"].clone();
    let shown = |place: i64| [1, 0, 4, place, 2];
    for place in [0, 6, 13] {
        let at = json!({ "entry": 4, "leaf": place + 1 });
        let mut no = |code: &str, what: &str, why: &str, bundle: Vec<u8>| {
            let what = format!("{what}-{}", place + 1);
            cases.refuse_at(code, &at, "week", &what, why, &bundle);
        };
        let disclosure = |change: &dyn Fn(&[u8]) -> Vec<u8>| {
            let changed = change(&bytes(&week, &shown(place)));
            set(&week, &shown(place), Bytes(changed))
        };
        // [schema, [[slot, salt, value]...], digests]
        no(
            "SCHEMA_UNKNOWN",
            "schema",
            "unknown schema",
            disclosure(&|it| set(it, &[0], Text("obs/2".into()))),
        );
        no(
            "RECORD_MISMATCH",
            "value",
            "a reading one higher",
            disclosure(&|it| {
                edit(it, &[1, 2, 2, 0, 1], |value| {
                    if let Value::Decimal { mantissa, .. } = value {
                        *mantissa += 1;
                    }
                })
            }),
        );
        no(
            "RECORD_MISMATCH",
            "time",
            "a millisecond later",
            disclosure(&|it| flip(it, &[1, 0, 2], 0)),
        );
        no(
            "RECORD_MISMATCH",
            "salt",
            "another salt",
            disclosure(&|it| flip(it, &[1, 0, 1], 15)),
        );
        no(
            "RECORD_MISMATCH",
            "hidden",
            "another hidden digest",
            disclosure(&|it| flip(it, &[2], 70)),
        );
        no(
            "RECORD_MISMATCH",
            "slots",
            "a digest is missing",
            disclosure(&|it| {
                edit(it, &[2], |digests| {
                    if let Bytes(bytes) = digests {
                        bytes.truncate(128);
                    }
                })
            }),
        );
        no(
            "RECORD_MISMATCH",
            "rc",
            "another record hash",
            flip(&week, &[1, 0, 4, place, 1], 0),
        );
    }
    let at = |leaf: u64| json!({ "entry": 4, "leaf": leaf });
    let exchanged = edit(&week, &RECORDS, |it| {
        let other = items(&mut items(it)[3])[2].clone();
        items(&mut items(it)[2])[2] = other;
    });
    cases.refuse_at(
        "RECORD_MISMATCH",
        &at(3),
        "week",
        "exchanged",
        "the disclosure of the next record",
        &exchanged,
    );
    let at = |leaf: u64| json!({ "entry": 6, "leaf": leaf });
    let header = bytes(&mixed, &[1, 0, 4, 0, 2]);
    let elsewhere = edit(&mixed, &[1, 0, 4, 2], |it| {
        items(it)[1] = Bytes(town.batches[HEART].sealed.leaves[0].into());
        items(it)[2] = Bytes(header.clone());
    });
    cases.refuse_at(
        "RECORD_MISMATCH",
        &at(4),
        "mixed",
        "header-elsewhere",
        "a header is leaf 0",
        &elsewhere,
    );
    let first = get(&mixed, &[1, 0, 4, 1]);
    let no_header = edit(&mixed, &RECORDS, |it| {
        items(it)[0] = first.clone();
        items(&mut items(it)[0])[0] = Int(0);
    });
    cases.refuse_at(
        "RECORD_MISMATCH",
        &at(0),
        "mixed",
        "no-header",
        "leaf 0 is a header",
        &no_header,
    );
}

pub(crate) fn authors(cases: &mut Cases) {
    let channels = cases.bases["channels"].clone();
    let author = |entry: i64, record: i64| [1, entry, 4, record, 3];
    let at = |entry: u64, leaf: u64| json!({ "entry": entry, "leaf": leaf });
    let signature = |entry, record| [author(entry, record).as_slice(), &[1]].concat();
    let flipped = flip(&channels, &signature(0, 1), 40);
    cases.refuse_at(
        "AUTHOR_SIGNATURE",
        &at(4, 3),
        "channels",
        "author-signature",
        "the author's signature changed",
        &flipped,
    );
    let other = set(&channels, &author(2, 1), get(&channels, &author(2, 0)));
    cases.refuse_at(
        "AUTHOR_SIGNATURE",
        &at(9, 3),
        "channels",
        "author-other",
        "the author signed another record",
        &other,
    );
    let key = [author(2, 0).as_slice(), &[0]].concat();
    let swapped = set(
        &channels,
        &key,
        Bytes(Actor::named("device").public.to_spki()),
    );
    cases.refuse_at(
        "AUTHOR_SIGNATURE",
        &at(9, 1),
        "channels",
        "author-key",
        "another author's key",
        &swapped,
    );
}

#[allow(clippy::too_many_lines, reason = "a table of cases")]
pub(crate) fn trees(cases: &mut Cases) {
    for (base, entry, n) in [("week", 4, 16), ("channels", 4, 16), ("mixed", 6, 8)] {
        let file = cases.bases[base].clone();
        let last = {
            let mut records = get(&file, &RECORDS);
            i64::try_from(items(&mut records).len()).unwrap() - 1
        };
        let size = number(&get(&file, &[2, 1]));
        let here = json!({ "entry": entry, "leaf": null });
        let mut no = |code: &str, at: &Json, what: &str, why: &str, bundle: Vec<u8>| {
            cases.refuse_at(code, at, base, what, why, &bundle);
        };
        let leaf = [1, 0, 4, last, 0];
        no(
            "INDEX_OUT_OF_RANGE",
            &json!({ "entry": entry, "leaf": n }),
            "leaf-n",
            "leaf n of n",
            set(&file, &leaf, Int(n)),
        );
        let far = i64::MAX;
        no(
            "INDEX_OUT_OF_RANGE",
            &json!({ "entry": entry, "leaf": far }),
            "leaf-far",
            "a leaf far away",
            set(&file, &leaf, Int(far)),
        );
        let log = i64::try_from(size).unwrap();
        let entries = {
            let mut all = get(&file, &[1]);
            i64::try_from(items(&mut all).len()).unwrap() - 1
        };
        let beyond = set(&file, &[1, entries, 1], Int(log));
        no(
            "INDEX_OUT_OF_RANGE",
            &json!({ "entry": log, "leaf": null }),
            "entry-n",
            "entry n of n",
            beyond,
        );
        no(
            "PATH_LENGTH",
            &here,
            "batch-long",
            "a node too many",
            edit(&file, &[1, 0, 3], lengthen),
        );
        no(
            "PATH_LENGTH",
            &here,
            "batch-2n",
            "twice the leaves",
            set(&file, &[1, 0, 2], Int(2 * n)),
        );
        no(
            "PATH_LENGTH",
            &Json::Null,
            "log-long",
            "a node too many",
            edit(&file, &[2, 2], lengthen),
        );
        no(
            "PATH_LENGTH",
            &Json::Null,
            "log-short",
            "a node is missing",
            edit(&file, &[2, 2], cut_node),
        );
        if base != "week" {
            no(
                "PATH_LENGTH",
                &here,
                "batch-short",
                "a node is missing",
                edit(&file, &[1, 0, 3], cut_node),
            );
        }
        no(
            "ENTRY_MISMATCH",
            &here,
            "node",
            "a node of the batch changed",
            flip(&file, &[1, 0, 3], 31),
        );
        let nothing = edit(&file, &[1, 0, 4, last], |it| {
            items(it)[2] = Null;
            items(it)[3] = Null;
            if let Bytes(bytes) = &mut items(it)[1] {
                bytes[9] ^= 0x80;
            }
        });
        no(
            "ENTRY_MISMATCH",
            &here,
            "rc-alone",
            "a record hash changed that discloses nothing",
            nothing,
        );
    }
}

pub(crate) fn entries(cases: &mut Cases) {
    let here = json!({ "entry": 4, "leaf": null });
    for (twist, code, what, why) in [
        (
            Twist::TypeGrant,
            "ENTRY_MISMATCH",
            "type-grant",
            "the batch root in a GRANT",
        ),
        (
            Twist::GrantKeySeals,
            "ENTRY_MISMATCH",
            "grant-key",
            "a grant key seals nothing",
        ),
        (
            Twist::EnrolOfAnother,
            "ENTRY_MISMATCH",
            "enrol-other",
            "the ENROL of another key",
        ),
        (
            Twist::EntrySignature,
            "ENTRY_SIGNATURE",
            "signature",
            "a bad signature in a well-signed log",
        ),
        (
            Twist::HighS,
            "ENTRY_SIGNATURE",
            "high-s",
            "a signature in its other form",
        ),
        (
            Twist::EnrolByItself,
            "ENTRY_SIGNATURE",
            "enrol-itself",
            "an ENROL by the enrolled key, not by the owner",
        ),
    ] {
        let bundle = bundle_of(&week_of(twist));
        cases.refuse_at(code, &here, "week", what, why, &bundle);
    }
    let channels = cases.bases["channels"].clone();
    let mut no = |code: &str, entry: u64, what: &str, why: &str, bundle: Vec<u8>| {
        let at = json!({ "entry": entry, "leaf": null });
        cases.refuse_at(code, &at, "channels", what, why, &bundle);
    };
    let other = edit(&channels, &[1], |it| {
        let entry = items(&mut items(it)[1])[0].clone();
        items(&mut items(it)[0])[0] = entry;
    });
    no(
        "ENTRY_MISMATCH",
        4,
        "entry-other",
        "the entry of another batch",
        other,
    );
    let enrol = edit(&channels, &[6], |it| items(it).swap(0, 1));
    no(
        "ENTRY_MISMATCH",
        4,
        "enrol-swapped",
        "the ENROLs exchanged",
        enrol,
    );
    no(
        "ENTRY_SIGNATURE",
        9,
        "enrol-signature",
        "the second owner's signature changed",
        flip(&channels, &[6, 1, 1], 63),
    );
    no(
        "ENTRY_MISMATCH",
        0,
        "entry-0",
        "only GENESIS is entry 0",
        set(&channels, &[1, 0, 1], Int(0)),
    );
}

pub(crate) fn checkpoint(cases: &mut Cases, town: &Town) {
    for base in ["week", "mixed", "channels"] {
        let file = cases.bases[base].clone();
        let mut no = |code: &str, what: &str, why: &str, bundle: Vec<u8>| {
            cases.refuse(code, base, what, why, &bundle);
        };
        let sign = "CHECKPOINT_SIGNATURE";
        no(
            sign,
            "log-node",
            "a node of the log changed",
            flip(&file, &[2, 2], 0),
        );
        no(
            sign,
            "log-line",
            "the log's signature changed",
            flip(&file, &[3, 0, 1], 20),
        );
        no(
            sign,
            "witness-line",
            "a witness's signature changed",
            flip(&file, &[3, 1, 1], 30),
        );
        no(
            sign,
            "witness-time",
            "the time is signed",
            flip(&file, &[3, 2, 1], 11),
        );
        no(
            "ORIGIN_UNKNOWN",
            "origin-other",
            "another log",
            set(&file, &[2, 0], Text("log.example/other".into())),
        );
        no(
            "KEY_UNKNOWN",
            "log-name",
            "no line of the log",
            set(&file, &[3, 0, 0], Text("log.example/p".into())),
        );
        no(
            "KEY_UNKNOWN",
            "log-id",
            "another key of the log",
            flip(&file, &[3, 0, 1], 0),
        );
        no(
            "KEY_UNKNOWN",
            "only-witnesses",
            "no signature of the log",
            edit(&file, &[3], |it| {
                items(it).remove(0);
            }),
        );
        no(
            "QUORUM_NOT_MET",
            "one-witness",
            "one witness of two",
            edit(&file, &[3], |it| {
                items(it).pop();
            }),
        );
        no(
            "QUORUM_NOT_MET",
            "no-witness",
            "only the log",
            edit(&file, &[3], |it| items(it).truncate(1)),
        );
        no(
            "QUORUM_NOT_MET",
            "witness-name",
            "the second is no witness of this log",
            set(&file, &[3, 2, 0], Text("witness.example/3".into())),
        );
        let mut trust = town.world.trust();
        trust.logs[0].origin = "log.example/q".into();
        trust.logs[0].keys[0].name = "log.example/q".into();
        cases.distrust(
            "ORIGIN_UNKNOWN",
            base,
            "trust-origin",
            "the bundle's log is not trusted",
            &trust,
        );
    }
}

//! Changes of what is hashed and signed.

use super::shown;
use super::world::cases::Cases;
use super::world::mutate::{
    cut_node, edit, flip, get, items, lengthen, set, shorten, with, without,
};
use super::world::town::Show::{Slots, Whole};
use super::world::town::{NOTES, Town, Twist, WEEK};
use super::world::{Actor, enrol};
use vitalwitness_proof::cbor::Value;
use vitalwitness_proof::cbor::Value::{Array, Bytes, Int, Null, Text};
use vitalwitness_proof::entry::Purpose;

#[allow(clippy::too_many_lines, reason = "a table of cases")]
pub(crate) fn records(cases: &mut Cases, town: &Town) {
    let file = cases.bases["shown"].clone();
    let note = cases.bases["authored"].clone();
    for (what, why, changed) in [
        ("no-rc", "key 2 without key 1", without(&file, 1)),
        ("no-batch", "key 1 without key 2", without(&file, 2)),
        ("rc-31", "RC has 32 bytes", edit(&file, &[1], shorten)),
        ("n-24", "n is a power of two", set(&file, &[2, 0], Int(24))),
        ("n-0", "a batch of no leaf", set(&file, &[2, 0], Int(0))),
        (
            "batch-path-31",
            "nodes have 32 bytes",
            edit(&file, &[2, 2], shorten),
        ),
        (
            "shown-two",
            "a disclosure has three items",
            edit(&file, &[7], |it| {
                items(it).pop();
            }),
        ),
        (
            "slots-swapped",
            "slots ascend",
            edit(&file, &[7, 1], |it| items(it).swap(0, 1)),
        ),
        (
            "salt-15",
            "a salt has 16 bytes",
            edit(&file, &[7, 1, 0, 1], shorten),
        ),
        (
            "digests-31",
            "digests have 32 bytes",
            edit(&file, &[7, 2], shorten),
        ),
    ] {
        cases.refuse("MALFORMED", "shown", what, why, &changed);
    }
    for (what, why, changed) in [
        (
            "seed-31",
            "a seed has 32 bytes",
            edit(&note, &[7, 1], shorten),
        ),
        (
            "author-63",
            "a signature has 64 bytes",
            edit(&note, &[9, 1], shorten),
        ),
        (
            "author-curve",
            "a key is a point of the curve",
            flip(&note, &[9, 0], 90),
        ),
    ] {
        cases.refuse("MALFORMED", "authored", what, why, &changed);
    }
    let event = cases.bases["event"].clone();
    let author = with(&event, 9, get(&note, &[9]));
    cases.refuse(
        "MALFORMED",
        "event",
        "author",
        "an author needs a record",
        &author,
    );
    let beside = with(&event, 7, get(&note, &[7]));
    cases.refuse(
        "MALFORMED",
        "event",
        "shown",
        "a disclosure needs a record",
        &beside,
    );

    for (base, file, name) in [
        ("shown", &file, "obs/2"),
        ("shown", &file, "OBS/1"),
        ("authored", &note, "note"),
    ] {
        let what = format!("schema-{}", name.replace('/', "-"));
        let changed = set(file, &[7, 0], Text(name.into()));
        cases.refuse("SCHEMA_UNKNOWN", base, &what, "unknown schema", &changed);
    }
    let decimal = |exponent: i8, mantissa: i64| Value::Decimal { exponent, mantissa };
    let reading = [7, 1, 2, 2, 0, 1];
    for (what, why, changed) in [
        (
            "value",
            "a reading one higher",
            set(&file, &reading, decimal(0, 126)),
        ),
        (
            "value-digits",
            "125.0 is not 125",
            set(&file, &reading, decimal(-1, 1_250)),
        ),
        ("time", "a millisecond later", flip(&file, &[7, 1, 0, 2], 0)),
        ("salt", "another salt", flip(&file, &[7, 1, 1, 1], 0)),
        (
            "slot",
            "the same value in another slot",
            set(&file, &[7, 1, 2, 0], Int(6)),
        ),
        (
            "slot-8",
            "slot 8 of eight",
            set(&file, &[7, 1, 2, 0], Int(8)),
        ),
        (
            "digest",
            "a hidden digest changed",
            flip(&file, &[7, 2], 159),
        ),
        (
            "digest-more",
            "a digest too many",
            edit(&file, &[7, 2], lengthen),
        ),
        (
            "schema-note",
            "another schema of as many slots",
            set(&file, &[7, 0], Text("note/1".into())),
        ),
        ("rc", "another record hash", flip(&file, &[1], 31)),
        ("index-0", "leaf 0 is a header", set(&file, &[2, 1], Int(0))),
    ] {
        cases.refuse("RECORD_MISMATCH", "shown", what, why, &changed);
    }
    let fewer = edit(&note, &[7, 2], |it| {
        items(it).pop();
    });
    cases.refuse(
        "RECORD_MISMATCH",
        "authored",
        "seven",
        "seven values",
        &fewer,
    );
    let seed = flip(&note, &[7, 1], 7);
    cases.refuse("RECORD_MISMATCH", "authored", "seed", "another seed", &seed);
    let other = town.receipt(NOTES, 1, Whole, true);
    for (what, why, changed) in [
        (
            "author-signature",
            "the author's signature changed",
            flip(&note, &[9, 1], 33),
        ),
        (
            "author-r-0",
            "r is zero",
            edit(&note, &[9, 1], |it| {
                if let Bytes(bytes) = it {
                    bytes[..32].fill(0);
                }
            }),
        ),
        (
            "author-other",
            "the author signed another record",
            set(&note, &[9], get(&other, &[9])),
        ),
        ("author-key", "another author's key", {
            set(
                &note,
                &[9, 0],
                Bytes(Actor::named("device").public.to_spki()),
            )
        }),
    ] {
        cases.refuse("AUTHOR_SIGNATURE", "authored", what, why, &changed);
    }
    for base in ["shown", "authored"] {
        let file = cases.bases[base].clone();
        let n = get(&file, &[2, 0]);
        let mut no = |code: &str, what: &str, why: &str, changed: Vec<u8>| {
            cases.refuse(code, base, what, why, &changed);
        };
        no(
            "INDEX_OUT_OF_RANGE",
            "leaf-n",
            "leaf n of n",
            set(&file, &[2, 1], n),
        );
        no(
            "INDEX_OUT_OF_RANGE",
            "leaf-far",
            "a leaf far away",
            set(&file, &[2, 1], Int(i64::MAX)),
        );
        no(
            "PATH_LENGTH",
            "batch-long",
            "a node too many",
            edit(&file, &[2, 2], lengthen),
        );
        no(
            "PATH_LENGTH",
            "batch-short",
            "a node is missing",
            edit(&file, &[2, 2], cut_node),
        );
        no(
            "PATH_LENGTH",
            "n-8192",
            "a larger batch has longer paths",
            set(&file, &[2, 0], Int(8_192)),
        );
        no(
            "ENTRY_MISMATCH",
            "batch-node",
            "a node of the batch changed",
            flip(&file, &[2, 2], 64),
        );
        no(
            "ENTRY_MISMATCH",
            "leaf-next",
            "the next leaf's place",
            flip(&file, &[2, 1], 0),
        );
    }
}

pub(crate) fn entries(cases: &mut Cases, town: &Town) {
    let file = cases.bases["shown"].clone();
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
            "an ENROL by the enrolled key",
        ),
    ] {
        cases.refuse(code, "shown", what, why, &shown(&Town::new(twist)));
    }
    let owner = Actor::named("owner");
    let put = |enrol: &vitalwitness_proof::entry::SignedEvent| {
        let pair = Array(vec![
            Bytes(enrol.event.clone()),
            Bytes(enrol.signature.into()),
        ]);
        with(&file, 10, pair)
    };
    let of_device = |purpose| enrol(&owner, &Actor::named("device"), purpose);
    let mut no = |code: &str, what: &str, why: &str, changed: Vec<u8>| {
        cases.refuse(code, "shown", what, why, &changed);
    };
    let delegate = put(&of_device(Some(Purpose::Delegate)));
    no(
        "ENTRY_MISMATCH",
        "enrol-delegate",
        "a delegate seals nothing",
        delegate,
    );
    no(
        "ENTRY_MISMATCH",
        "enrol-owner",
        "the owner key's ENROL is of another key",
        put(&enrol(&owner, &owner, None)),
    );
    no(
        "ENTRY_SIGNATURE",
        "enrol-signature",
        "the owner's signature changed",
        flip(&file, &[10, 1], 63),
    );
    no(
        "ENTRY_SIGNATURE",
        "enrol-s-0",
        "s is zero",
        edit(&file, &[10, 1], |it| {
            if let Bytes(bytes) = it {
                bytes[32..].fill(0);
            }
        }),
    );
    no(
        "ENTRY_MISMATCH",
        "entry-0",
        "only GENESIS is entry 0",
        set(&file, &[4, 2], Int(0)),
    );
    let other = town.receipt(WEEK + 1, 1, Slots(&[1]), false);
    no(
        "ENTRY_MISMATCH",
        "entry-other",
        "the entry of another batch",
        set(&file, &[3], get(&other, &[3])),
    );
}

#[allow(clippy::too_many_lines, reason = "a table of cases")]
pub(crate) fn log(cases: &mut Cases, base: &str, town: &Town) {
    let file = cases.bases[base].clone();
    let mut no = |code: &str, what: &str, why: &str, changed: Vec<u8>| {
        cases.refuse(code, base, what, why, &changed);
    };
    let size = get(&file, &[4, 1]);
    no(
        "INDEX_OUT_OF_RANGE",
        "entry-n",
        "entry n of n",
        set(&file, &[4, 2], size),
    );
    no(
        "PATH_LENGTH",
        "log-long",
        "a node too many",
        edit(&file, &[4, 3], lengthen),
    );
    no(
        "PATH_LENGTH",
        "log-short",
        "a node is missing",
        edit(&file, &[4, 3], cut_node),
    );
    let sign = "CHECKPOINT_SIGNATURE";
    no(
        sign,
        "log-node",
        "a node of the log changed",
        flip(&file, &[4, 3], 0),
    );
    no(
        sign,
        "log-line",
        "the log's signature changed",
        flip(&file, &[5, 0, 1], 67),
    );
    no(
        sign,
        "witness-line",
        "a witness's signature changed",
        flip(&file, &[5, 1, 1], 75),
    );
    no(
        sign,
        "witness-time",
        "the time is signed",
        flip(&file, &[5, 2, 1], 11),
    );
    no(
        sign,
        "entry-seq",
        "the entry's number changed",
        edit(&file, &[3], |it| {
            if let Bytes(bytes) = it {
                *bytes = flip(bytes, &[3], 0);
            }
        }),
    );
    no(
        "ORIGIN_UNKNOWN",
        "origin-other",
        "another log",
        set(&file, &[4, 0], Text("log.example/other".into())),
    );
    no(
        "KEY_UNKNOWN",
        "log-name",
        "no line of the log's name",
        set(&file, &[5, 0, 0], Text("log.example/p".into())),
    );
    no(
        "KEY_UNKNOWN",
        "log-id",
        "another key of the log",
        flip(&file, &[5, 0, 1], 3),
    );
    no(
        "KEY_UNKNOWN",
        "only-witnesses",
        "no signature of the log",
        edit(&file, &[5], |it| {
            items(it).remove(0);
        }),
    );
    no(
        "QUORUM_NOT_MET",
        "one-witness",
        "one witness of two",
        edit(&file, &[5], |it| {
            items(it).pop();
        }),
    );
    no(
        "QUORUM_NOT_MET",
        "no-witness",
        "only the log",
        edit(&file, &[5], |it| items(it).truncate(1)),
    );
    no(
        "QUORUM_NOT_MET",
        "witness-id",
        "a witness's unknown key",
        flip(&file, &[5, 1, 1], 0),
    );
    let mut trust = town.world.trust();
    trust.logs[0].witnesses.swap(0, 1);
    trust.logs[0].keys[0].key = [9; 32];
    cases.distrust(
        "KEY_UNKNOWN",
        base,
        "trust-key",
        "the bundle has another key of the log",
        &trust,
    );
    let mut trust = town.world.trust();
    trust.logs.clear();
    cases.distrust(
        "ORIGIN_UNKNOWN",
        base,
        "trust-none",
        "no log is trusted",
        &trust,
    );
}

/// An anchor never spoils a receipt, but its place in the map is shape.
pub(crate) fn anchors(cases: &mut Cases) {
    let file = cases.bases["anchored"].clone();
    for (what, why, changed) in [
        (
            "type-text",
            "an anchor's type is a number",
            set(&file, &[6, 0, 0], Text("1".into())),
        ),
        (
            "type-negative",
            "types are not negative",
            set(&file, &[6, 0, 0], Int(-1)),
        ),
        (
            "body-null",
            "an anchor's body is a byte string",
            set(&file, &[6, 0, 1], Null),
        ),
        (
            "anchor-three",
            "an anchor has two items",
            edit(&file, &[6, 0], |it| items(it).push(Null)),
        ),
    ] {
        cases.refuse("MALFORMED", "anchored", what, why, &changed);
    }
}

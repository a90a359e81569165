//! The vectors of what a phone or witness checks of a log.
//!
//! `VW_WRITE_VECTORS=1` writes them anew; otherwise they must be as they are.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod world;

use serde_json::{Value as Json, json};
use vitalwitness_proof::batch::{Arrival, seal};
use vitalwitness_proof::cbor::{self, Value};
use vitalwitness_proof::entry::Purpose;
use vitalwitness_proof::merkle::{Hash, Tree, consistency_proof};
use vitalwitness_proof::record::SaltKey;
use vitalwitness_proof::sha256;
use world::{Actor, CHANNEL, TIME, World, enrol, keep_vectors};

#[test]
fn vectors_are_current() {
    keep_vectors("sync", NOTE, &sync_cases());
}

const NOTE: &str = "What a phone or witness checks of a log: a checkpoint extends the one before (extends), cosignatures are not old (fresh, seconds and ms), a claimed time is not ahead (claimed, ms), an entry follows another in its channel (follows), a header heads its batch (header).";

#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn sync_cases() -> Vec<Json> {
    let mut cases = Vec::new();
    let mut case = |id: &str, why: &str, input: Json, expect: Json| {
        cases.push(json!({ "id": id, "why": why, "input": input, "expect": expect }));
    };
    let reject = |code: &str| json!({ "reject": code });

    let leaves: Vec<Hash> = (0..20_u8).map(|leaf| sha256(&[&[leaf]])).collect();
    let tree = |size: usize| Tree::of_leaves(&leaves[..size]);
    let whole = tree(20);
    let node = |level, index| whole.node(level, index).copied().ok_or(());
    let at = |size: usize| {
        let root = hex::encode(tree(size).root());
        json!({ "origin": "log.example/vw1", "size": size, "root": root })
    };
    let proof = |old: u64, new: u64| -> Vec<String> {
        let proof = consistency_proof(old, new, node).unwrap();
        proof.iter().map(hex::encode).collect()
    };
    let extends = |old: Json, new: Json, proof: &[String]| json!({ "op": "extends", "old": old, "new": new, "proof": proof });
    for (old, new) in [
        (1, 2),
        (4, 7),
        (6, 8),
        (7, 13),
        (8, 20),
        (13, 13),
        (19, 20),
        (0, 5),
    ] {
        let (from, to) = (u64::try_from(old).unwrap(), u64::try_from(new).unwrap());
        case(
            &format!("extends-{old}-{new}"),
            "RFC 9162 consistency proof",
            extends(at(old), at(new), &proof(from, to)),
            json!({ "extends": true }),
        );
    }
    let mut split = at(13);
    split["root"] = at(12)["root"].clone();
    let mut elsewhere = at(13);
    elsewhere["origin"] = json!("b.example");
    let mut changed = proof(7, 13);
    changed[1] = hex::encode([7; 32]);
    let mut long = proof(7, 13);
    long.push(hex::encode([0; 32]));
    case(
        "rollback",
        "fewer entries than before",
        extends(at(13), at(7), &[]),
        reject("ROLLBACK"),
    );
    case(
        "fork",
        "one size, two roots",
        extends(at(13), split, &[]),
        reject("FORK"),
    );
    case(
        "rollback-one",
        "one entry fewer, with the proof the other way round",
        extends(at(13), at(12), &proof(12, 13)),
        reject("ROLLBACK"),
    );
    case(
        "rollback-empty",
        "no entry is left",
        extends(at(13), at(0), &[]),
        reject("ROLLBACK"),
    );
    let mut other_bit = at(20);
    other_bit["root"] = json!(hex::encode(whole.root().map(|byte| byte ^ 1)));
    case(
        "fork-bit",
        "one size, another root",
        extends(at(20), other_bit, &[]),
        reject("FORK"),
    );
    let mut of_one = at(1);
    of_one["root"] = at(2)["root"].clone();
    case(
        "fork-proof",
        "one size, two roots, and a proof",
        extends(at(1), of_one, &proof(1, 2)),
        reject("FORK"),
    );
    case(
        "inconsistent-node",
        "a node changed",
        extends(at(7), at(13), &changed),
        reject("INCONSISTENT"),
    );
    case(
        "inconsistent-short",
        "a node is missing",
        extends(at(7), at(13), &proof(7, 13)[1..]),
        reject("INCONSISTENT"),
    );
    case(
        "inconsistent-long",
        "a node too many",
        extends(at(7), at(13), &long),
        reject("INCONSISTENT"),
    );
    case(
        "inconsistent-empty",
        "no proof",
        extends(at(7), at(13), &[]),
        reject("INCONSISTENT"),
    );
    case(
        "inconsistent-same",
        "a proof where none is needed",
        extends(at(13), at(13), &proof(7, 13)),
        reject("INCONSISTENT"),
    );
    case(
        "origin",
        "the checkpoint of another log",
        extends(at(7), elsewhere, &proof(7, 13)),
        reject("ORIGIN_UNKNOWN"),
    );

    let cosigned = |at: i64, now: i64| json!({ "op": "fresh", "cosigned_at": at, "now": now });
    let seconds = TIME / 1000;
    let day = 24 * 60 * 60;
    case(
        "fresh",
        "24 hours are not old",
        cosigned(seconds, TIME + day * 1000),
        json!({ "fresh": true }),
    );
    case(
        "stale",
        "a second more is",
        cosigned(seconds, TIME + (day + 1) * 1000),
        reject("STALE"),
    );
    for (id, why, age) in [
        ("stale-week", "a week is", 7 * day),
        ("stale-epoch", "a cosignature of 1970 is", seconds),
    ] {
        let input = cosigned(seconds - age, TIME);
        case(id, why, input, reject("STALE"));
    }
    let claimed = |time: i64| json!({ "op": "claimed", "time": time, "now": TIME });
    case(
        "claimed-ahead",
        "five minutes ahead are allowed",
        claimed(TIME + 300_000),
        json!({ "accepted": true }),
    );
    case(
        "claimed-old",
        "older times are claims",
        claimed(0),
        json!({ "accepted": true }),
    );
    case(
        "from-future",
        "a millisecond more is not",
        claimed(TIME + 300_001),
        reject("FROM_FUTURE"),
    );

    for (id, why, ahead) in [
        ("from-future-day", "nor is a day", day * 1000),
        (
            "from-future-far",
            "nor is the last time there is",
            i64::MAX - TIME,
        ),
    ] {
        case(id, why, claimed(TIME + ahead), reject("FROM_FUTURE"));
    }

    let owner = Actor::named("owner");
    let mut world = World::new();
    let own = enrol(&owner, &owner, None);
    let first = world.append(CHANNEL, &own);
    let second = world.append(
        CHANNEL,
        &enrol(&owner, &Actor::named("device"), Some(Purpose::Device)),
    );
    let third = world.append(
        CHANNEL,
        &enrol(&owner, &Actor::named("grant"), Some(Purpose::Grant)),
    );
    let entry = |place: usize| hex::encode(&world.entries[place]);
    let follows = |before: Json, place: usize| json!({ "op": "follows", "before": before, "entry": entry(place) });
    let held = json!({ "follows": true });
    case(
        "follows-first",
        "a channel begins with seq 1",
        follows(Json::Null, first),
        held.clone(),
    );
    case(
        "follows",
        "seq 2 after 1, with its hash",
        follows(json!(entry(first)), second),
        held,
    );
    case(
        "gap-first",
        "a channel cannot begin with seq 2",
        follows(Json::Null, second),
        reject("SEQ_GAP"),
    );
    case(
        "gap",
        "seq 3 after 1",
        follows(json!(entry(first)), third),
        reject("SEQ_GAP"),
    );
    case(
        "gap-channel",
        "the entry before is another channel's",
        follows(json!(entry(0)), second),
        reject("SEQ_GAP"),
    );
    let mut forged = World::new();
    forged.channels.insert(CHANNEL, (1, [9; 32]));
    let forged_place = forged.append(CHANNEL, &own);
    case(
        "gap-prev",
        "seq 2 after 1, with another hash",
        json!({ "op": "follows", "before": entry(first), "entry": hex::encode(&forged.entries[forged_place]) }),
        reject("SEQ_GAP"),
    );

    let records: Vec<Arrival> = (0..9_u8)
        .map(|number| Arrival {
            start: TIME + i64::from(number),
            rid: [number; 16],
            record_hash: sha256(&[&[number]]),
        })
        .collect();
    let key = SaltKey::derive(&[3; 32]);
    let sealed = seal(&key, &[4; 16], Some("loinc|8867-4"), "raw", None, &records).unwrap();
    let header = |header: Vec<Value>, starts: &[i64], size: usize| {
        let header = hex::encode(cbor::encode(&Value::Array(header)));
        json!({ "op": "header", "header": header, "starts": starts, "size": size })
    };
    let values = || sealed.header.values();
    let with = |slot: usize, value: Value| {
        let mut values = values();
        values[slot] = value;
        values
    };
    let starts: Vec<i64> = records.iter().map(|record| record.start).collect();
    let mut unsorted = starts.clone();
    unsorted.swap(3, 4);
    let mismatch = || reject("HEADER_MISMATCH");
    case(
        "header",
        "nine records, sixteen leaves",
        header(values(), &starts, 16),
        json!({ "heads": true }),
    );
    case(
        "header-count",
        "eight records of nine",
        header(values(), &starts[..8], 16),
        mismatch(),
    );
    case(
        "header-first",
        "another first start",
        header(with(1, Value::Int(TIME - 1)), &starts, 16),
        mismatch(),
    );
    case(
        "header-last",
        "another last start",
        header(with(2, Value::Int(TIME)), &starts, 16),
        mismatch(),
    );
    case(
        "header-records",
        "another count",
        header(with(4, Value::Int(8)), &starts, 16),
        mismatch(),
    );
    case(
        "header-size",
        "another size",
        header(values(), &starts, 32),
        mismatch(),
    );
    case(
        "header-order",
        "starts do not ascend",
        header(values(), &unsorted, 16),
        mismatch(),
    );
    case(
        "header-slots",
        "a count in text",
        header(with(4, Value::Text("9".into())), &starts, 16),
        mismatch(),
    );
    cases
}

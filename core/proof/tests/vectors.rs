//! Every case of the shared vectors that needs no JSON form of trust or facts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails should panic"
)]

use serde_json::{Value as Json, json};
use std::path::Path;
use vitalwitness_proof::batch::{Arrival, seal};
use vitalwitness_proof::cbor::{self, Value};
use vitalwitness_proof::checkpoint::{
    Checkpoint, KeyKind, NoteKey, SignedNote, check_fresh, check_not_from_future,
};
use vitalwitness_proof::entry::{Entry, EventType, entry_hash, entry_leaf};
use vitalwitness_proof::keys::PublicKey;
use vitalwitness_proof::merkle::{self, Frontier, Tree, leaf_hash, root_from_path};
use vitalwitness_proof::record::{
    Disclosure, SaltKey, Schema, digest, record_hash, salt, waveform_leaf_hashes,
};
use vitalwitness_proof::{Rejection, batch, sha256};

#[test]
fn every_case_of_record_json_holds() {
    check_file("record", &|input| match text(input, "op") {
        "cbor" => cbor_case(input),
        "record" => record_case(input),
        "rid" => {
            let key = SaltKey::derive(&bytes(input, "batch_secret"));
            let j = u32::try_from(input["j"].as_u64().unwrap()).unwrap();
            Ok(json!({ "rid": hex::encode(key.rid(j)) }))
        }
        "waveform" => waveform_case(input),
        "disclosure" => disclosure_case(input),
        op => panic!("unknown op {op}"),
    });
}

#[test]
fn every_case_of_batch_json_holds() {
    check_file("batch", &|input| match text(input, "op") {
        "seal" => seal_case(input),
        "path" => {
            let path = hex(input, "path");
            let (path, []) = path.as_chunks::<32>() else {
                panic!("no whole nodes")
            };
            let index = input["index"].as_u64().unwrap();
            let size = input["size"].as_u64().unwrap();
            let leaf = leaf_hash(&hex(input, "leaf_data"));
            let root = root_from_path(&leaf, index, size, path)?;
            Ok(json!({ "root": hex::encode(root) }))
        }
        op => panic!("unknown op {op}"),
    });
}

#[test]
fn every_case_of_entry_json_holds() {
    check_file("entry", &entry_case);
}

/// Cases about trust bundles are in the tests of vitalwitness-domain.
#[test]
fn every_case_of_checkpoint_json_about_notes_and_roots_holds() {
    check_file("checkpoint", &|input| match text(input, "op") {
        "note" => Ok(note_case(input)),
        "root" => {
            let entries = list(input, "entries");
            Ok(roots(entries.iter().map(|entry| entry_leaf(entry))))
        }
        "leaf-root" => {
            let leaves = list(input, "leaf_hashes");
            Ok(roots(
                leaves
                    .iter()
                    .map(|leaf| leaf.as_slice().try_into().unwrap()),
            ))
        }
        "trust" => Ok(Json::Null),
        op => panic!("unknown op {op}"),
    });
}

#[test]
fn every_case_of_sync_json_holds() {
    check_file("sync", &|input| match text(input, "op") {
        "extends" => {
            let checkpoint = |member: &str| Checkpoint {
                origin: text(&input[member], "origin").into(),
                size: input[member]["size"].as_u64().unwrap(),
                root: bytes(&input[member], "root"),
            };
            let proof: Vec<[u8; 32]> = list(input, "proof")
                .iter()
                .map(|node| node.as_slice().try_into().unwrap())
                .collect();
            checkpoint("new").check_extends(&checkpoint("old"), &proof)?;
            Ok(json!({ "extends": true }))
        }
        "fresh" => {
            let (at, now) = (input["cosigned_at"].as_u64(), input["now"].as_i64());
            check_fresh(at.unwrap(), now.unwrap())?;
            Ok(json!({ "fresh": true }))
        }
        "claimed" => {
            let (claimed, now) = (input["time"].as_i64(), input["now"].as_i64());
            check_not_from_future(claimed.unwrap(), now.unwrap())?;
            Ok(json!({ "accepted": true }))
        }
        "follows" => {
            let entry = Entry::decode(&hex(input, "entry"))?;
            if input["before"].is_null() {
                entry.check_follows(None)?;
            } else {
                let before = hex(input, "before");
                entry.check_follows(Some((&Entry::decode(&before)?, &before)))?;
            }
            Ok(json!({ "follows": true }))
        }
        "header" => {
            let Value::Array(values) = cbor::decode(&hex(input, "header"))? else {
                panic!("no array")
            };
            let starts: Vec<i64> = input["starts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|start| start.as_i64().unwrap())
                .collect();
            let size = usize::try_from(input["size"].as_u64().unwrap()).unwrap();
            batch::Header::from_values(&values)?.check(&starts, size)?;
            Ok(json!({ "heads": true }))
        }
        op => panic!("unknown op {op}"),
    });
}

fn cbor_case(input: &Json) -> Result<Json, Rejection> {
    let bytes = hex(input, "cbor");
    let value = cbor::decode(&bytes);
    assert_eq!(
        value.as_ref().err(),
        cbor::check(&bytes).as_ref().err(),
        "decoding and checking disagree"
    );
    Ok(json!({ "reencoded": hex::encode(cbor::encode(&value?)) }))
}

fn record_case(input: &Json) -> Result<Json, Rejection> {
    let key = SaltKey::derive(&bytes(input, "batch_secret"));
    let schema = Schema::from_name(text(input, "schema")).unwrap();
    let Value::Array(values) = cbor::decode(&hex(input, "values"))? else {
        panic!("values are no array")
    };
    let Some(Value::Bytes(rid)) = values.first() else {
        panic!("slot 0 is no rid")
    };
    let seed = key.seed(rid.as_slice().try_into().unwrap());
    let salts: Vec<[u8; 16]> = (0..schema.slots()).map(|slot| salt(&seed, slot)).collect();
    let digests: Vec<String> = (0..)
        .zip(&salts)
        .zip(&values)
        .map(|((slot, salt), value)| hex::encode(digest(salt, slot, &cbor::encode(value))))
        .collect();
    Ok(json!({
        "ks": hex::encode(key.expose()),
        "seed": hex::encode(seed),
        "salts": salts.iter().map(hex::encode).collect::<Vec<_>>(),
        "digests": digests,
        "rc": hex::encode(record_hash(schema, &seed, &values)?),
    }))
}

fn waveform_case(input: &Json) -> Result<Json, Rejection> {
    let Value::Array(samples) = cbor::decode(&hex(input, "samples"))? else {
        panic!("samples are no array")
    };
    let leaves = waveform_leaf_hashes(&bytes(input, "seed"), &samples);
    Ok(json!({
        "count": samples.len(),
        "leaf_hashes": leaves.iter().map(hex::encode).collect::<Vec<_>>(),
        "root": hex::encode(Tree::of_leaf_hashes(&leaves).root()),
    }))
}

fn disclosure_case(input: &Json) -> Result<Json, Rejection> {
    let bytes = hex(input, "disclosure");
    let disclosure = Disclosure::decode(&bytes)?;
    let fields: Vec<(u16, String)> = disclosure
        .fields
        .iter()
        .map(|field| (field.slot, hex::encode(field.value)))
        .collect();
    Ok(json!({
        "rc": hex::encode(disclosure.record_hash()?),
        "disclosed": {
            "schema": disclosure.schema.name(),
            "whole": disclosure.whole,
            "fields": fields,
        },
    }))
}

fn seal_case(input: &Json) -> Result<Json, Rejection> {
    let records: Vec<Arrival> = input["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| Arrival {
            start: record[0].as_i64().unwrap(),
            rid: hex::decode(record[1].as_str().unwrap())
                .unwrap()
                .try_into()
                .unwrap(),
            record_hash: hex::decode(record[2].as_str().unwrap())
                .unwrap()
                .try_into()
                .unwrap(),
        })
        .collect();
    let sealed = seal(
        &SaltKey::derive(&bytes(input, "batch_secret")),
        &bytes(input, "batch_id"),
        input["code"].as_str(),
        text(input, "granularity"),
        Some(bytes(input, "device")),
        &records,
    )?;
    let starts: Vec<i64> = sealed.order.iter().map(|at| records[*at].start).collect();
    sealed.header.check(&starts, sealed.leaves.len())?;
    let path = |index| hex::encode(sealed.tree.path_bytes(index).unwrap());
    Ok(json!({
        "header": hex::encode(cbor::encode(&Value::Array(sealed.header.values()))),
        "size": sealed.leaves.len(),
        "leaf_data": sealed.leaves.iter().map(hex::encode).collect::<Vec<_>>(),
        "root": hex::encode(sealed.root()),
        "paths": [path(0), path(1), path(records.len())],
    }))
}

fn entry_case(input: &Json) -> Result<Json, Rejection> {
    let bytes = hex(input, "entry");
    let entry = Entry::decode(&bytes)?;
    assert_eq!(entry.encode(), bytes, "an entry has one encoding");
    assert_eq!(entry.event.encode(), entry.signed.event);
    let kind = entry.event.kind;
    let spki = list(input, "keys");
    let keys = spki.iter().map(|spki| PublicKey::from_spki(spki).unwrap());
    let log_keys = list(input, "log_keys");
    let log_keys = log_keys
        .iter()
        .map(|key| PublicKey::Ed25519(key.as_slice().try_into().unwrap()));
    let mut keys: Box<dyn Iterator<Item = PublicKey>> = if kind == EventType::Genesis {
        Box::new(log_keys)
    } else {
        Box::new(keys)
    };
    entry.signed.check_range(kind)?;
    let key = keys.find(|key| key.id() == entry.signed.signer);
    if let Some(key) = &key {
        entry.signed.verify(kind, key)?;
    }
    let mut out = json!({
        "type": kind.number(),
        "channel": hex::encode(entry.event.channel),
        "seq": entry.seq,
        "prev": hex::encode(entry.prev),
        "signer": hex::encode(entry.signed.signer),
        "event_hash": hex::encode(sha256(&[&entry.signed.event])),
        "entry_hash": hex::encode(entry_hash(&bytes)),
        "leaf_hash": hex::encode(entry_leaf(&bytes)),
        "signature": if key.is_some() { "PINNED" } else { "UNCHECKED" },
    });
    if let Some(purpose) = entry.event.purpose {
        out["purpose"] = json!(purpose.number());
    }
    Ok(out)
}

fn note_case(input: &Json) -> Json {
    let checkpoint = Checkpoint {
        origin: text(input, "origin").into(),
        size: input["size"].as_u64().unwrap(),
        root: bytes(input, "root"),
    };
    let body = checkpoint.body();
    assert_eq!(Checkpoint::parse_body(&body), Ok(checkpoint.clone()));
    let (log, log_pair) = note_key(&checkpoint.origin, KeyKind::Log, input, "log_secret");
    let mut lines = vec![log.sign(&body, |message| ed25519(&log_pair, message))];
    let mut witnesses = Vec::new();
    for witness in input["witnesses"].as_array().unwrap() {
        let (key, pair) = note_key(text(witness, "name"), KeyKind::Witness, witness, "secret");
        let time = witness["time"].as_u64().unwrap();
        lines.push(key.cosign(&body, time, |message| ed25519(&pair, message)));
        witnesses.push(key.vkey());
    }
    let blobs: Vec<String> = lines.iter().map(|line| hex::encode(&line.blob)).collect();
    let note = SignedNote { checkpoint, lines };
    assert_eq!(SignedNote::parse(&note.to_string()), Ok(note.clone()));
    json!({
        "body": body,
        "log_vkey": log.vkey(),
        "note": note.to_string(),
        "witness_vkeys": witnesses,
        "signatures": blobs,
    })
}

fn note_key(
    name: &str,
    kind: KeyKind,
    input: &Json,
    member: &str,
) -> (NoteKey, ring::signature::Ed25519KeyPair) {
    use ring::signature::KeyPair;
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&hex(input, member)).unwrap();
    let public = pair.public_key().as_ref().try_into().unwrap();
    let key = NoteKey::new(name, kind, public).unwrap();
    assert_eq!(NoteKey::parse_vkey(&key.vkey()), Ok(key.clone()));
    (key, pair)
}

fn ed25519(pair: &ring::signature::Ed25519KeyPair, message: &[u8]) -> [u8; 64] {
    pair.sign(message).as_ref().try_into().unwrap()
}

fn roots(leaves: impl Iterator<Item = merkle::Hash>) -> Json {
    let leaves: Vec<merkle::Hash> = leaves.collect();
    let mut frontier = Frontier::new();
    for leaf in &leaves {
        frontier.append(*leaf);
    }
    let root = Tree::of_leaf_hashes(&leaves).root();
    assert_eq!(frontier.root(), root);
    json!({ "root": hex::encode(root) })
}

/// Runs every case; what a case gives must be exactly what it expects, member by member.
fn check_file(name: &str, run: &dyn Fn(&Json) -> Result<Json, Rejection>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/vectors")
        .join(format!("{name}.json"));
    let file: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let schema = file["schema"].as_str().unwrap();
    assert_eq!(schema, format!("vw-vectors/1 {name}"));
    for case in file["cases"].as_array().unwrap() {
        let got = match run(&case["input"]) {
            Ok(Json::Null) => continue,
            Ok(got) => got,
            Err(rejection) => json!({ "reject": rejection.code() }),
        };
        assert_eq!(
            got, case["expect"],
            "{name} {}: {}",
            case["id"], case["why"]
        );
    }
}

fn text<'a>(input: &'a Json, member: &str) -> &'a str {
    input[member].as_str().unwrap()
}

fn hex(input: &Json, member: &str) -> Vec<u8> {
    hex::decode(text(input, member)).unwrap()
}

fn bytes<const N: usize>(input: &Json, member: &str) -> [u8; N] {
    hex(input, member).try_into().unwrap()
}

fn list(input: &Json, member: &str) -> Vec<Vec<u8>> {
    let items = input[member].as_array().unwrap();
    items
        .iter()
        .map(|item| hex::decode(item.as_str().unwrap()).unwrap())
        .collect()
}

//! Trees, proofs, record hashes and receipts beside their peers, in one process.
//!
//! CPU time of the process, contenders in turn within each round, median and
//! least over the rounds. Prints Markdown tables; figures are ns an item.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench prints, computes means, and should stop where something is wrong"
)]

use ct_merkle::RootHash;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use merkle_light::hash::Algorithm;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use rs_merkle::Hasher as _;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::hash::Hasher;
use std::hint::black_box;
use vitalwitness_domain::wire::trust::parse_trust;
use vitalwitness_proof::cbor::Value;
use vitalwitness_proof::merkle::{Hash, Tree, leaf_hash_of, root_from_path, verify_all};
use vitalwitness_proof::record::{SaltKey, Schema, record_hash, record_hash_of_encoded};
use vitalwitness_proof::verify::verify;
use vitalwitness_proof::{cbor, sha256};

/// Runs the parts named on the command line (`trees`, `curve`, `records`, `receipts`), or all.
fn main() {
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let runs = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    if runs("trees") {
        for size in [1_000, 4_096, 10_000, 100_000] {
            trees(size);
        }
    }
    if runs("curve") {
        curve();
    }
    if runs("records") {
        records();
    }
    if runs("receipts") {
        receipts();
    }
}

/// A name and what is timed under it.
type Contender<'a> = (&'static str, Box<dyn FnMut() + 'a>);

fn trees(size: usize) {
    let leaves = leaves(size);
    let ours = Tree::of_leaves(&leaves);
    let ct = ct_tree(&leaves);
    let ct_root = ct.root();
    let rs = rs_merkle::MerkleTree::<RsHasher>::from_leaves(&rs_leaves(&leaves));
    let rs_root = rs.root().unwrap();
    let light = light_tree(&leaves);
    assert_eq!(ours.root().as_slice(), ct_root.as_bytes().as_slice());

    compare(
        &format!("build, {size} leaves"),
        size,
        vec![
            (
                "ours",
                Box::new(|| drop(black_box(Tree::of_leaves(&leaves)))),
            ),
            (
                "ct-merkle",
                Box::new(|| {
                    black_box(ct_tree(&leaves).root());
                }),
            ),
            (
                "rs_merkle",
                Box::new(|| {
                    let tree = rs_merkle::MerkleTree::<RsHasher>::from_leaves(&rs_leaves(&leaves));
                    black_box(tree.root());
                }),
            ),
            (
                "merkle_light",
                Box::new(|| drop(black_box(light_tree(&leaves)))),
            ),
        ],
    );

    let mut path = [[0; 32]; 64];
    let mut all = Vec::new();
    compare(
        &format!("all proofs, {size} leaves"),
        size,
        vec![
            (
                "ours, all_paths_into",
                Box::new(|| {
                    ours.all_paths_into(&mut all);
                    black_box(&all);
                }),
            ),
            (
                "ours, path by path",
                Box::new(|| {
                    for index in 0..size {
                        let siblings = ours.path(index).unwrap();
                        for (to, from) in path.iter_mut().zip(siblings) {
                            *to = *from;
                        }
                        black_box(&path);
                    }
                }),
            ),
            (
                "ct-merkle",
                Box::new(|| {
                    for index in 0..size {
                        black_box(ct.prove_inclusion(index));
                    }
                }),
            ),
            (
                "rs_merkle",
                Box::new(|| {
                    for index in 0..size {
                        black_box(rs.proof(&[index]));
                    }
                }),
            ),
            (
                "merkle_light",
                Box::new(|| {
                    for index in 0..size {
                        black_box(light.gen_proof(index));
                    }
                }),
            ),
        ],
    );

    verification(
        size,
        &leaves,
        &ours,
        (&ct, &ct_root),
        (&rs, rs_root),
        &light,
    );
}

fn verification(
    size: usize,
    leaves: &[Hash],
    ours: &Tree,
    (ct, ct_root): (&MemoryBackedTree<Sha256, Hash>, &RootHash<Sha256>),
    (rs, rs_root): (&rs_merkle::MerkleTree<RsHasher>, Hash),
    light: &merkle_light::merkle::MerkleTree<Hash, LightHasher>,
) {
    let root = ours.root();
    let all = ours.all_paths();
    let paths: Vec<Vec<Hash>> = (0..size)
        .map(|index| ours.path(index).unwrap().copied().collect())
        .collect();
    let ct_proofs: Vec<_> = (0..size).map(|index| ct.prove_inclusion(index)).collect();
    let rs_proofs: Vec<_> = (0..size).map(|index| rs.proof(&[index])).collect();
    let light_proofs: Vec<_> = (0..size).map(|index| light.gen_proof(index)).collect();

    // negative controls: each gate refuses a flipped bit
    let mut flipped = all.clone();
    flipped[size / 2][31] ^= 1;
    assert!(verify_all(leaves, &flipped, &root).is_err());
    assert!(verify_all(leaves, &all, &root).is_ok());
    let mut wrong = leaves[7];
    wrong[0] ^= 1;
    assert!(ct_root.verify_inclusion(&wrong, 7, &ct_proofs[7]).is_err());
    assert!(!rs_proofs[7].verify(rs_root, &[7], &[wrong], size));

    let wide = u64::try_from(size).unwrap();
    compare(
        &format!("verify one by one, {size} leaves"),
        size,
        vec![
            (
                "ours",
                Box::new(|| {
                    for ((leaf, index), path) in leaves.iter().zip(0..).zip(&paths) {
                        let reached = root_from_path(&leaf_hash_of(leaf), index, wide, path);
                        assert_eq!(reached, Ok(root));
                    }
                }),
            ),
            (
                "ours, verify_all",
                Box::new(|| {
                    assert!(verify_all(leaves, &all, &root).is_ok());
                }),
            ),
            (
                "ct-merkle",
                Box::new(|| {
                    for ((leaf, index), proof) in leaves.iter().zip(0..).zip(&ct_proofs) {
                        assert!(ct_root.verify_inclusion(leaf, index, proof).is_ok());
                    }
                }),
            ),
            (
                "rs_merkle",
                Box::new(|| {
                    for ((leaf, index), proof) in leaves.iter().zip(0..).zip(&rs_proofs) {
                        let leaf = RsHasher::hash(leaf);
                        assert!(proof.verify(rs_root, &[index], &[leaf], size));
                    }
                }),
            ),
            (
                "merkle_light",
                Box::new(|| {
                    for proof in &light_proofs {
                        assert!(proof.validate::<LightHasher>());
                    }
                }),
            ),
        ],
    );
}

/// Verifying one proof against log2 of the size: a line.
fn curve() {
    println!("\n## verify one, by size\n\n| log2 n | ns |\n|---|---|");
    let mut points = Vec::new();
    for exponent in 4..=20_u32 {
        let size = 1_usize << exponent;
        let leaves = leaves(size);
        let tree = Tree::of_leaves(&leaves);
        let root = tree.root();
        let wide = u64::try_from(size).unwrap();
        let chosen: Vec<(usize, Vec<Hash>)> = (0..512)
            .map(|number| number * 7919 % size)
            .map(|index| (index, tree.path(index).unwrap().copied().collect()))
            .collect();
        let mut times = Vec::new();
        for _ in 0..15 {
            let start = cpu_ns();
            for (index, path) in &chosen {
                let leaf = leaf_hash_of(&leaves[*index]);
                let index = u64::try_from(*index).unwrap();
                assert_eq!(root_from_path(&leaf, index, wide, path), Ok(root));
            }
            times.push((cpu_ns() - start) as f64 / chosen.len() as f64);
        }
        times.sort_by(f64::total_cmp);
        let ns = times[times.len() / 2];
        println!("| {exponent} | {ns:.0} |");
        points.push((f64::from(exponent), ns));
    }
    let (slope, r_squared) = line(&points);
    println!("\n{slope:.1} ns a level, R² = {r_squared:.4}");
}

fn records() {
    let key = SaltKey::derive(&[7; 32]);
    let rid = key.rid(0);
    let values = vec![
        Value::Bytes(rid.into()),
        Value::Int(1_764_000_000_000),
        Value::Null,
        Value::Int(60),
        Value::Text("loinc|8867-4".into()),
        Value::Array(vec![
            Value::Decimal {
                exponent: 0,
                mantissa: 61,
            },
            Value::Text("/min".into()),
        ]),
        Value::Array(vec![Value::Int(2), Value::Bytes(vec![1; 16])]),
        Value::Null,
    ];
    let encoded: Vec<Vec<u8>> = values.iter().map(cbor::encode).collect();
    let schema = Schema::Observation;
    let count = 1_000;
    let mut plain = Sha256::new();
    compare(
        "record to RC, 8 salted slots",
        count,
        vec![
            (
                "rid, seed, RC from encoded",
                Box::new(|| {
                    for arrival in 0..1_000 {
                        let seed = key.seed(&key.rid(arrival));
                        let values = encoded.iter().map(Vec::as_slice);
                        black_box(record_hash_of_encoded(schema, &seed, values)).unwrap();
                    }
                }),
            ),
            (
                "rid, seed, encode, RC",
                Box::new(|| {
                    for arrival in 0..1_000 {
                        let seed = key.seed(&key.rid(arrival));
                        black_box(record_hash(schema, &seed, &values)).unwrap();
                    }
                }),
            ),
            (
                "25 compressions",
                Box::new(|| {
                    for _ in 0..1_000 {
                        plain.update([1; 25 * 64]);
                    }
                    black_box(&plain);
                }),
            ),
        ],
    );
}

/// A whole receipt against its bare signature checks and hashes.
fn receipts() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/receipt.json");
    let file: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let case = &file["cases"][0]["input"];
    let receipt = hex::decode(case["receipt"].as_str().unwrap()).unwrap();
    let trust = parse_trust(&case["trust"].to_string()).unwrap();
    assert!(verify(&receipt, None, &trust).is_ok());
    let mut flipped = receipt.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert!(verify(&flipped, None, &trust).is_err());

    let parsed = vitalwitness_proof::receipt::Receipt::decode(&receipt).unwrap();
    let entry = vitalwitness_proof::entry::Entry::decode(parsed.entry).unwrap();
    let message =
        vitalwitness_proof::entry::event_message(&entry.signed.signer, &entry.signed.event);
    let vitalwitness_proof::keys::PublicKey::P256(point) = trust.keys[0].key else {
        return;
    };
    let log = &trust.logs[0];
    let facts = verify(&receipt, None, &trust).unwrap();
    let body = facts.logged.body();
    let notes: Vec<([u8; 32], Vec<u8>, Vec<u8>)> = parsed
        .lines
        .iter()
        .map(|(name, blob)| {
            let mut keys = log.keys.iter().chain(&log.witnesses);
            let key = keys.find(|key| key.name == *name).unwrap();
            if blob.len() == 68 {
                (key.key, body.clone().into_bytes(), blob[4..].to_vec())
            } else {
                let time = u64::from_be_bytes(blob[4..12].try_into().unwrap());
                let message = vitalwitness_proof::checkpoint::cosignature_message(&body, time);
                (key.key, message, blob[12..].to_vec())
            }
        })
        .collect();
    let hashed = vec![0_u8; 64 * 24];
    compare(
        "whole receipt, log and two witnesses",
        100,
        vec![
            (
                "verify",
                Box::new(|| {
                    for _ in 0..100 {
                        assert!(verify(&receipt, None, &trust).is_ok());
                    }
                }),
            ),
            (
                "bare: 1 P-256, 3 Ed25519, hashes",
                Box::new(|| {
                    for _ in 0..100 {
                        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point);
                        key.verify(&message, &entry.signed.signature).unwrap();
                        for (key, message, signature) in &notes {
                            let key = UnparsedPublicKey::new(&ED25519, key);
                            key.verify(message, signature).unwrap();
                        }
                        black_box(sha256(&[&hashed]));
                    }
                }),
            ),
        ],
    );
}

/// Times the contenders in turn, over rounds, and prints a table.
fn compare(title: &str, items: usize, mut contenders: Vec<Contender<'_>>) {
    let rounds = if items > 50_000 { 7 } else { 15 };
    let repeat = (2_000 / items).max(1);
    let mut times: Vec<Vec<f64>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for ((_, run), times) in contenders.iter_mut().zip(&mut times) {
            let start = cpu_ns();
            for _ in 0..repeat {
                run();
            }
            let each = (cpu_ns() - start) as f64 / (items * repeat) as f64;
            // the first round warms up
            if round > 0 {
                times.push(each);
            }
        }
    }
    println!("\n## {title}\n\n| | median | least | of ours |\n|---|---|---|---|");
    let mut ours = None;
    for ((name, _), times) in contenders.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        let base = *ours.get_or_insert(median);
        println!(
            "| {name} | {median:.1} | {:.1} | {:.2} |",
            times[0],
            median / base
        );
    }
}

/// Slope and coefficient of determination of a least-squares line.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |pick: &dyn Fn(f64, f64) -> f64| -> f64 {
        points
            .iter()
            .map(|(x, y)| pick(x - mean_x, y - mean_y))
            .sum()
    };
    let (xy, xx, yy) = (sum(&|x, y| x * y), sum(&|x, _| x * x), sum(&|_, y| y * y));
    (xy / xx, xy * xy / (xx * yy))
}

fn cpu_ns() -> i64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

fn leaves(size: usize) -> Vec<Hash> {
    (0..size)
        .map(|index| sha256(&[&index.to_be_bytes()]))
        .collect()
}

fn ct_tree(leaves: &[Hash]) -> MemoryBackedTree<Sha256, Hash> {
    let mut tree = MemoryBackedTree::new();
    for leaf in leaves {
        tree.push(*leaf);
    }
    tree
}

fn rs_leaves(leaves: &[Hash]) -> Vec<Hash> {
    leaves.iter().map(|leaf| RsHasher::hash(leaf)).collect()
}

fn light_tree(leaves: &[Hash]) -> merkle_light::merkle::MerkleTree<Hash, LightHasher> {
    merkle_light::merkle::MerkleTree::new(leaves.iter().copied())
}

#[derive(Clone)]
struct RsHasher;

impl rs_merkle::Hasher for RsHasher {
    type Hash = Hash;

    fn hash(bytes: &[u8]) -> Hash {
        Sha256::digest(bytes).into()
    }
}

#[derive(Clone, Default)]
struct LightHasher(Sha256);

impl Hasher for LightHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

impl Algorithm<Hash> for LightHasher {
    fn hash(&mut self) -> Hash {
        self.0.finalize_reset().into()
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

//! How long proofs take for the paper's sizes: 1 to 10,000 concurrent records (figures 5 and 6).

use super::clock::{Stopwatch, thread_cpu_ns};
use super::page::Timing;
use sha2::{Digest as _, Sha256};
use vitalwitness_proof::Hash;
use vitalwitness_proof::merkle::{Tree, leaf_hash_of, root_from_path};

/// The sizes of the paper.
pub const SIZES: [usize; 5] = [1, 10, 100, 1_000, 10_000];

/// Average processor time to make and to check one proof, for batches of `records` leaves.
///
/// Making is the whole tree and every path, divided by the number of records; checking is one
/// path at a time. Small sizes are repeated until there is something to measure.
pub fn measure(records: usize) -> Option<Timing> {
    let leaves: Vec<Hash> = (0..records)
        .map(|i| Sha256::digest(i.to_be_bytes()).into())
        .collect();
    let watch = Stopwatch::start();
    let rounds = (AT_LEAST / records).max(1);

    let began = thread_cpu_ns(&watch);
    let mut tree = Tree::of_leaves(&leaves);
    let mut paths = tree.all_paths();
    for _ in 1..rounds {
        tree = Tree::of_leaves(std::hint::black_box(&leaves));
        paths = std::hint::black_box(tree.all_paths());
    }
    let made = thread_cpu_ns(&watch);

    let depth = paths.len() / records;
    let root = tree.root();
    let size = u64::try_from(records).ok()?;
    let mut held = 0;
    for _ in 0..rounds {
        let mut path = paths.as_slice();
        for (index, leaf) in (0..size).zip(&leaves) {
            let length = tree.path(usize::try_from(index).ok()?)?.count();
            let (own, rest) = path.split_at_checked(length)?;
            path = rest;
            let computed = root_from_path(&leaf_hash_of(leaf), index, size, own).ok()?;
            held += usize::from(computed == root);
        }
    }
    let checked = thread_cpu_ns(&watch);
    if held != records * rounds || depth > 64 {
        return None;
    }
    Some(Timing {
        records,
        generate_us: micros(made - began, records * rounds),
        validate_us: micros(checked - made, records * rounds),
    })
}

#[allow(
    clippy::cast_precision_loss,
    reason = "nanoseconds of one run stay far below 2^52"
)]
fn micros(ns: u64, proofs: usize) -> f64 {
    ns as f64 / 1000.0 / proofs as f64
}

/// Proofs to make at least, so that the clock's step does not show.
const AT_LEAST: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_of_the_papers_sizes_holds() {
        for size in SIZES {
            let timing = measure(size);
            assert!(timing.is_some_and(|t| t.validate_us >= 0.0), "{size}");
        }
    }
}

//! The tree against ct-merkle, an independent RFC 9162 implementation.
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use vitalwitness_proof::Rejection;
use vitalwitness_proof::merkle::{
    AllFailed, Frontier, Hash, Tree, consistency_proof, leaf_hash_of, log_path, log_root,
    path_length, root_from_path, verify_all, verify_consistency, verify_inclusion,
};
use vitalwitness_proof::sha256;

#[test]
fn every_path_of_every_size_to_300_is_that_of_ct_merkle() {
    let mut theirs = MemoryBackedTree::<Sha256, Hash>::new();
    let mut frontier = Frontier::new();
    let leaves = leaves(300);
    for size in 1..=leaves.len() {
        let leaf = leaves[size - 1];
        theirs.push(leaf);
        frontier.append(leaf_hash_of(&leaf));
        let ours = Tree::of_leaves(&leaves[..size]);
        assert_eq!(ours.root().as_slice(), theirs.root().as_bytes().as_slice());
        assert_eq!(frontier.root(), ours.root(), "frontier of {size}");
        let all = ours.all_paths();
        let mut all = all.as_slice();
        for (index, leaf) in leaves[..size].iter().enumerate() {
            let path: Vec<Hash> = ours.path(index).unwrap().copied().collect();
            let proof = theirs.prove_inclusion(index);
            assert_eq!(path.as_flattened(), proof.as_bytes(), "{index} of {size}");
            assert_eq!(ours.path_bytes(index).unwrap(), proof.as_bytes());
            let (first, rest) = all.split_at(path.len());
            assert_eq!(first, path, "{index} of {size} in all paths");
            all = rest;
            let (index, size) = (wide(index), wide(size));
            assert_eq!(
                path_length(index, size),
                Ok(u32::try_from(path.len()).unwrap())
            );
            let root = ours.root();
            assert_eq!(
                verify_inclusion(&leaf_hash_of(leaf), index, size, &path, &root),
                Ok(())
            );
        }
        assert!(all.is_empty());
    }
}

#[test]
fn every_consistency_proof_to_size_120_is_that_of_ct_merkle() {
    let leaves = leaves(120);
    let trees: Vec<Tree> = (0..=120)
        .map(|size| Tree::of_leaves(&leaves[..size]))
        .collect();
    let whole = trees.last().unwrap();
    let node = |level, index| whole.node(level, index).copied().ok_or(());
    for new in 1..=leaves.len() {
        let mut theirs = MemoryBackedTree::<Sha256, Hash>::new();
        for leaf in &leaves[..new] {
            theirs.push(*leaf);
        }
        for old in 1..=new {
            let proof = consistency_proof(wide(old), wide(new), node).unwrap();
            let their_proof = theirs.prove_consistency(new - old);
            assert_eq!(
                proof.as_flattened(),
                their_proof.as_bytes(),
                "{old} to {new}"
            );
            let (from, to) = (trees[old].root(), trees[new].root());
            let check =
                |proof: &[Hash]| verify_consistency(wide(old), &from, wide(new), &to, proof);
            assert_eq!(check(&proof), Ok(()), "{old} to {new}");
            for place in 0..proof.len() {
                let mut changed = proof.clone();
                changed[place][0] ^= 1;
                assert_eq!(
                    check(&changed),
                    Err(Rejection::Inconsistent),
                    "{old} to {new}"
                );
            }
            let longer = [proof.as_slice(), &[[0; 32]]].concat();
            assert_eq!(
                check(&longer),
                Err(Rejection::Inconsistent),
                "{old} to {new}"
            );
        }
    }
}

#[test]
fn a_log_gives_the_paths_and_roots_of_its_tree_from_perfect_subtrees_alone() {
    let leaves = leaves(70);
    let mut frontier = Frontier::new();
    let mut nodes = std::collections::BTreeMap::new();
    for (size, leaf) in (1..).zip(&leaves) {
        frontier.append_with(leaf_hash_of(leaf), |level, index, hash| {
            assert!(nodes.insert((level, index), *hash).is_none(), "given twice");
        });
        assert_eq!(
            Frontier::from_bytes(&frontier.to_bytes()),
            Some(frontier.clone())
        );
        let node = |level, index| nodes.get(&(level, index)).copied().ok_or("missing");
        let tree = Tree::of_leaves(&leaves[..size]);
        assert_eq!(log_root(wide(size), node), Ok(tree.root()));
        for index in 0..size {
            let path = log_path(wide(index), wide(size), node).unwrap();
            assert!(
                path.iter().eq(tree.path(index).unwrap()),
                "{index} of {size}"
            );
        }
    }
}

#[test]
fn a_path_of_the_wrong_length_or_index_is_refused() {
    let leaves = leaves(13);
    let tree = Tree::of_leaves(&leaves);
    for (index, leaf) in leaves.iter().enumerate() {
        let path: Vec<Hash> = tree.path(index).unwrap().copied().collect();
        let leaf = leaf_hash_of(leaf);
        let longer = [path.as_slice(), &[[0; 32]]].concat();
        let shorter = &path[1..];
        for path in [longer.as_slice(), shorter] {
            let reached = root_from_path(&leaf, wide(index), 13, path);
            assert_eq!(reached, Err(Rejection::PathLength));
        }
    }
    for (index, size) in [(0, 0), (13, 13), (u64::MAX, 13), (u64::MAX, u64::MAX)] {
        let reached = root_from_path(&leaves[0], index, size, &[]);
        assert_eq!(
            reached,
            Err(Rejection::IndexOutOfRange),
            "{index} of {size}"
        );
    }
    assert!(tree.path(13).is_none());
}

#[test]
fn one_flipped_bit_anywhere_fails_exactly_the_proofs_it_is_in() {
    // sizes around a group of 4096, and odd right borders
    for size in [1, 2, 3, 7, 8, 200, 4096, 4097, 5000, 8192] {
        let leaves = leaves(size);
        let tree = Tree::of_leaves(&leaves);
        let paths = tree.all_paths();
        let root = tree.root();
        assert_eq!(verify_all(&leaves, &paths, &root), Ok(()), "{size}");
        let mut owner = Vec::new();
        for index in 0..size {
            let length = path_length(wide(index), wide(size)).unwrap();
            owner.extend((0..length).map(|_| index));
        }
        for step in 0..40 {
            let Some(place) = (step * 7919 % size.max(2) * 13).checked_rem(paths.len()) else {
                continue;
            };
            let mut changed = paths.clone();
            changed[place][step % 32] ^= 1 << (step % 8);
            let failed = Err(AllFailed::Leaves(vec![owner[place]]));
            assert_eq!(
                verify_all(&leaves, &changed, &root),
                failed,
                "node {place} of {size}"
            );
        }
        for index in [0, size / 3, size - 1] {
            let mut changed = leaves.clone();
            changed[index][31] ^= 0x80;
            let failed = Err(AllFailed::Leaves(vec![index]));
            assert_eq!(
                verify_all(&changed, &paths, &root),
                failed,
                "leaf {index} of {size}"
            );
            assert_eq!(
                tree.changed(&Tree::of_leaves(&changed)),
                [index],
                "leaf {index} of {size}"
            );
        }
        let mut other = root;
        other[0] ^= 1;
        let all = Err(AllFailed::Leaves((0..size).collect()));
        assert_eq!(verify_all(&leaves, &paths, &other), all, "{size}");
        let longer = [paths.as_slice(), &[[0; 32]]].concat();
        assert_eq!(
            verify_all(&leaves, &longer, &root),
            Err(AllFailed::PathLength)
        );
        if let Some((_, shorter)) = paths.split_last() {
            assert_eq!(
                verify_all(&leaves, shorter, &root),
                Err(AllFailed::PathLength)
            );
        }
    }
}

#[test]
fn an_empty_tree_has_the_root_of_nothing() {
    assert_eq!(Tree::of_leaves(&[]).root(), sha256(&[]));
    assert_eq!(Frontier::new().root(), sha256(&[]));
    assert_eq!(verify_all(&[], &[], &[0; 32]), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_changed_leaves_are_named_exactly(
        size in 1..3000_usize,
        picks in proptest::collection::btree_set(0..3000_usize, 0..20),
    ) {
        let leaves = leaves(size);
        let tree = Tree::of_leaves(&leaves);
        let mut claimed = leaves.clone();
        let picks: Vec<usize> = picks.into_iter().filter(|pick| *pick < size).collect();
        for pick in &picks {
            claimed[*pick][pick % 32] ^= 1;
        }
        prop_assert_eq!(&tree.changed(&Tree::of_leaves(&claimed)), &picks);
        claimed.push([0; 32]);
        let longer: Vec<usize> = picks.into_iter().chain([size]).collect();
        prop_assert_eq!(tree.changed(&Tree::of_leaves(&claimed)), longer);
    }

    #[test]
    fn random_sizes_agree_with_ct_merkle(size in 1..5000_usize, pick in any::<proptest::sample::Index>()) {
        let leaves = leaves(size);
        let tree = Tree::of_leaves(&leaves);
        let mut theirs = MemoryBackedTree::<Sha256, Hash>::new();
        for leaf in &leaves {
            theirs.push(*leaf);
        }
        let index = pick.index(size);
        let proof = theirs.prove_inclusion(index);
        prop_assert_eq!(tree.path_bytes(index).unwrap(), proof.as_bytes());
        prop_assert_eq!(verify_all(&leaves, &tree.all_paths(), &tree.root()), Ok(()));
    }

    #[test]
    fn random_paths_never_panic(
        index in any::<u64>(),
        size in any::<u64>(),
        path in proptest::collection::vec(any::<[u8; 32]>(), 0..66),
        old in any::<u64>(),
    ) {
        let hash = [1; 32];
        let _ = root_from_path(&hash, index, size, &path);
        let _ = verify_consistency(old, &hash, size, &[2; 32], &path);
        let _ = Frontier::from_bytes(path.as_flattened());
    }
}

fn leaves(size: usize) -> Vec<Hash> {
    (0..size)
        .map(|index| sha256(&[&index.to_le_bytes()]))
        .collect()
}

fn wide(value: usize) -> u64 {
    u64::try_from(value).unwrap()
}

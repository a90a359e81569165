//! Merkle trees of RFC 9162, section 2.1: leaf H(00 || d), node H(01 || l || r).
//!
//! Answers one question: is this leaf in the tree that this root commits to?
//! [`Tree`] holds a sealed batch, [`Frontier`] and [`log_path`] serve the log,
//! which keeps its nodes elsewhere. Pure: no I/O, no global state.
//!
//! Invariant: an index out of range or a path of the wrong length is refused
//! before anything is hashed.

mod log;
mod shared;
mod tree;

pub use crate::hash::Hash;
pub use log::{Frontier, PathError, consistency_proof, log_path, log_root};
pub use shared::{Place, root_from_shared, share_paths, shared_places};
pub use tree::{AllFailed, Path, Tree, verify_all};

use crate::Rejection;
use crate::hash::{Hasher, IV, compress, sha256, to_hash};

/// The hash of a leaf that holds `data`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut hasher = Hasher::new();
    hasher.update(&[0]).update(data);
    hasher.finish()
}

/// The hash of a leaf that holds 32 bytes, such as a record hash: one compression.
#[inline]
pub fn leaf_hash_of(data: &Hash) -> Hash {
    let mut state = IV;
    compress(&mut state, &[leaf_block(data)]);
    to_hash(&state)
}

/// The hash of the node over `left` and `right`: two compressions.
#[inline]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    NodeHasher::new().node(left, right)
}

/// The root of the tree without leaves: H of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// How many nodes the path of leaf `index` in a tree of `size` leaves has.
///
/// # Errors
///
/// `INDEX_OUT_OF_RANGE` unless `index < size`.
pub fn path_length(index: u64, size: u64) -> Result<u32, Rejection> {
    let (inner, border) = path_shape(index, size)?;
    Ok(inner.saturating_add(border))
}

/// The root that `path`, siblings from leaf to root, leads to.
///
/// # Errors
///
/// `INDEX_OUT_OF_RANGE`, `PATH_LENGTH`; both before hashing.
pub fn root_from_path(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
) -> Result<Hash, Rejection> {
    let (inner, border) = path_shape(index, size)?;
    let expected = usize::try_from(inner.saturating_add(border));
    if expected != Ok(path.len()) {
        return Err(Rejection::PathLength);
    }
    let mut hasher = NodeHasher::new();
    let mut hash = *leaf_hash;
    let mut turns = index;
    let mut inner = inner;
    for sibling in path {
        // on the tree's right border every remaining sibling is to the left
        hash = if turns & 1 == 1 || inner == 0 {
            hasher.node(sibling, &hash)
        } else {
            hasher.node(&hash, sibling)
        };
        turns >>= 1;
        inner = inner.saturating_sub(1);
    }
    Ok(hash)
}

/// Checks that the leaf with `leaf_hash` is at `index` in the tree of `size` leaves under `root`.
///
/// # Errors
///
/// `INDEX_OUT_OF_RANGE`, `PATH_LENGTH`, or `ENTRY_MISMATCH` where the path leads to another root.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), Rejection> {
    if root_from_path(leaf_hash, index, size, path)? == *root {
        Ok(())
    } else {
        Err(Rejection::EntryMismatch)
    }
}

/// Checks that the tree of `new_size` leaves under `new_root` extends the one
/// of `old_size` under `old_root` (RFC 9162, section 2.1.4.2).
///
/// A tree without leaves is extended by every tree, with an empty proof.
///
/// # Errors
///
/// `INCONSISTENT`, whatever is wrong.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), Rejection> {
    log::consistency(old_size, old_root, new_size, new_root, proof)
        .filter(|proven| *proven)
        .map(|_| ())
        .ok_or(Rejection::Inconsistent)
}

/// Inner levels (where the sibling may be on either side), then border levels.
fn path_shape(index: u64, size: u64) -> Result<(u32, u32), Rejection> {
    let last = size
        .checked_sub(1)
        .filter(|last| index <= *last)
        .ok_or(Rejection::IndexOutOfRange)?;
    let inner = u64::BITS.saturating_sub((index ^ last).leading_zeros());
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    Ok((inner, border))
}

/// The two padded blocks of a node, of which only 65 bytes change from node to node.
#[derive(Clone, Copy)]
pub(crate) struct NodeHasher {
    blocks: [[u8; 64]; 2],
}

impl NodeHasher {
    #[inline]
    pub(crate) fn new() -> Self {
        let mut blocks = [[0; 64]; 2];
        blocks[0][0] = 1;
        blocks[1][1] = 0x80;
        blocks[1][62..64].copy_from_slice(&NODE_BITS);
        Self { blocks }
    }

    #[inline]
    pub(crate) fn node(&mut self, left: &Hash, right: &Hash) -> Hash {
        self.fill(left, right);
        self.compress()
    }

    #[inline]
    fn fill(&mut self, left: &Hash, right: &Hash) {
        let [first, second] = &mut self.blocks;
        first[1..33].copy_from_slice(left);
        first[33..64].copy_from_slice(&right[..31]);
        second[0] = right[31];
    }

    #[inline]
    fn compress(&self) -> Hash {
        let mut state = IV;
        compress(&mut state, &self.blocks);
        to_hash(&state)
    }
}

/// Hashes `pairs` into `parents`, one each.
///
/// Blocks are filled some ahead of their compression: bytes just stored cannot
/// be loaded at once, and that wait costs as much as half a compression.
pub(crate) fn hash_nodes(pairs: &[[Hash; 2]], parents: &mut [Hash]) {
    let mut ahead = [NodeHasher::new(); AHEAD];
    for (pairs, parents) in pairs.chunks(AHEAD).zip(parents.chunks_mut(AHEAD)) {
        for ([left, right], hasher) in pairs.iter().zip(&mut ahead) {
            hasher.fill(left, right);
        }
        for (hasher, parent) in ahead.iter().zip(parents) {
            *parent = hasher.compress();
        }
    }
}

/// Hashes leaves of 32 bytes into `hashes`, one each; filled ahead likewise.
pub(crate) fn hash_leaves(leaves: &[Hash], hashes: &mut [Hash]) {
    let mut ahead = [[leaf_block(&[0; 32])]; AHEAD];
    for (leaves, hashes) in leaves.chunks(AHEAD).zip(hashes.chunks_mut(AHEAD)) {
        for (leaf, [block]) in leaves.iter().zip(&mut ahead) {
            block[1..33].copy_from_slice(leaf);
        }
        for (block, hash) in ahead.iter().zip(hashes) {
            let mut state = IV;
            compress(&mut state, block);
            *hash = to_hash(&state);
        }
    }
}

#[inline]
fn leaf_block(data: &Hash) -> [u8; 64] {
    let mut block = [0; 64];
    block[1..33].copy_from_slice(data);
    block[33] = 0x80;
    block[62..64].copy_from_slice(&LEAF_BITS);
    block
}

/// How many blocks are filled ahead of their compression.
const AHEAD: usize = 16;
/// 33 bytes, in bits.
const LEAF_BITS: [u8; 2] = 264_u16.to_be_bytes();
/// 65 bytes, in bits.
const NODE_BITS: [u8; 2] = 520_u16.to_be_bytes();

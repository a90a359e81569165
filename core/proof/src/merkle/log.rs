//! What an append-only log needs: its frontier, and proofs over nodes it stored.

use super::{Hash, empty_root, node_hash};
use alloc::vec::Vec;

/// The right edge of a log: enough to append and to give the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of the perfect subtrees from left to right, one per bit of `size`.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A log without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves were appended.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub fn append(&mut self, leaf_hash: Hash) {
        self.append_with(leaf_hash, |_, _, _| {});
    }

    /// Appends a leaf and gives each subtree this completes, lowest first:
    /// `(level, index, hash)`, the leaf itself at level 0. What is given never changes.
    pub fn append_with(&mut self, leaf_hash: Hash, mut complete: impl FnMut(u32, u64, &Hash)) {
        let mut hash = leaf_hash;
        let mut index = self.size;
        let mut level = 0_u32;
        complete(level, index, &hash);
        while index & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            index >>= 1;
            level = level.saturating_add(1);
            complete(level, index, &hash);
        }
        self.peaks.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        fold(&self.peaks).unwrap_or_else(empty_root)
    }

    /// Size (u64, big-endian), then the subtree roots from left to right.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::from(self.size.to_be_bytes());
        for peak in &self.peaks {
            out.extend_from_slice(peak);
        }
        out
    }

    /// Reads what [`Frontier::to_bytes`] wrote; None if it cannot be that.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk::<8>()?;
        let size = u64::from_be_bytes(*size);
        let (peaks, []) = rest.as_chunks::<32>() else {
            return None;
        };
        if usize::try_from(size.count_ones()) != Ok(peaks.len()) {
            return None;
        }
        Some(Self {
            size,
            peaks: peaks.to_vec(),
        })
    }
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError<E> {
    /// The log is not that large.
    OutOfRange,
    /// The node source failed.
    Source(E),
}

impl<E: core::fmt::Display> core::fmt::Display for PathError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            PathError::OutOfRange => f.write_str("the log is not that large"),
            PathError::Source(cause) => write!(f, "no node: {cause}"),
        }
    }
}

impl<E: core::fmt::Debug + core::fmt::Display> core::error::Error for PathError<E> {}

/// The inclusion path, leaf to root, of `index` in the log's first `size` leaves.
///
/// `node(level, index)` gives the root of the perfect subtree over leaves
/// `index << level ..` of `1 << level` leaves; only complete ones are asked for.
///
/// # Errors
///
/// `OutOfRange` unless `index < size`; else what `node` says.
pub fn log_path<E>(
    index: u64,
    size: u64,
    mut node: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, PathError<E>> {
    if index >= size {
        return Err(PathError::OutOfRange);
    }
    let mut path = Vec::new();
    let (mut low, mut high) = (0, size);
    while let Some(middle) = split(low, high) {
        let sibling = if index < middle {
            let sibling = (middle, high);
            high = middle;
            sibling
        } else {
            let sibling = (low, middle);
            low = middle;
            sibling
        };
        path.push(range_root(sibling.0, sibling.1, &mut node).map_err(PathError::Source)?);
    }
    path.reverse();
    Ok(path)
}

/// The proof that the log's first `new_size` leaves extend its first `old_size`.
///
/// Empty where the sizes are equal or the old one is 0. `node` as in [`log_path`].
///
/// # Errors
///
/// `OutOfRange` if the old size is above the new one; else what `node` says.
pub fn consistency_proof<E>(
    old_size: u64,
    new_size: u64,
    mut node: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, PathError<E>> {
    if old_size > new_size {
        return Err(PathError::OutOfRange);
    }
    let mut proof = Vec::new();
    if old_size == 0 || old_size == new_size {
        return Ok(proof);
    }
    let mut root = |low, high| range_root(low, high, &mut node).map_err(PathError::Source);
    let (mut low, mut high) = (0, new_size);
    while high != old_size {
        let Some(middle) = split(low, high) else {
            break;
        };
        if old_size <= middle {
            proof.push(root(middle, high)?);
            high = middle;
        } else {
            proof.push(root(low, middle)?);
            low = middle;
        }
    }
    // the old tree itself is known to the verifier, a part of it is not
    if low != 0 {
        proof.push(root(low, high)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The root over the log's first `size` leaves. `node` as in [`log_path`].
///
/// # Errors
///
/// What `node` says.
pub fn log_root<E>(
    size: u64,
    mut node: impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    range_root(0, size, &mut node)
}

/// RFC 9162, section 2.1.4.2; None where the proof has the wrong length.
pub(super) fn consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Option<bool> {
    if old_size == 0 || old_size == new_size {
        let same = old_root == new_root || new_size > old_size;
        return Some(same && proof.is_empty());
    }
    let (mut old, mut new) = (old_size.checked_sub(1)?, new_size.checked_sub(1)?);
    if old >= new {
        return None;
    }
    let shared = old.trailing_ones();
    old = old.checked_shr(shared)?;
    new = new.checked_shr(shared)?;
    // a perfect old tree is its own first node
    let (first, rest) = if old == 0 {
        (old_root, proof)
    } else {
        proof.split_first()?
    };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if new == 0 {
            return None;
        }
        if old & 1 == 1 || old == new {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            let border = old.trailing_zeros();
            if old & 1 == 0 && old != 0 {
                old = old.checked_shr(border)?;
                new = new.checked_shr(border)?;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        old >>= 1;
        new >>= 1;
    }
    Some(new == 0 && old_hash == *old_root && new_hash == *new_root)
}

/// Where RFC 9162 splits `low..high`; None for a single leaf.
fn split(low: u64, high: u64) -> Option<u64> {
    let last = high.checked_sub(low)?.checked_sub(1)?;
    low.checked_add(1_u64.checked_shl(last.checked_ilog2()?)?)
}

/// The root over leaves `low..high`, where `low` is a place RFC 9162 splits at.
fn range_root<E>(
    low: u64,
    high: u64,
    node: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let mut peaks = Vec::new();
    let mut start = low;
    while let Some(level) = high.saturating_sub(start).checked_ilog2() {
        peaks.push(node(level, start.checked_shr(level).unwrap_or(0))?);
        start = start.saturating_add(1_u64.checked_shl(level).unwrap_or(0));
    }
    Ok(fold(&peaks).unwrap_or_else(empty_root))
}

/// Folds subtree roots from right to left.
fn fold(peaks: &[Hash]) -> Option<Hash> {
    let (last, others) = peaks.split_last()?;
    Some(
        others
            .iter()
            .rev()
            .fold(*last, |right, left| node_hash(left, &right)),
    )
}

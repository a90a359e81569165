//! Paths of several leaves at once, each node once: what a bundle carries.

use super::{Hash, NodeHasher, path_length};
use crate::Rejection;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Where a node stands: level above the leaves, position from the left.
pub type Place = (u32, u64);

/// Which nodes the shared path of these leaves has, in its order.
///
/// # Errors
///
/// `INDEX_OUT_OF_RANGE` unless there is a leaf, and the indices ascend, each once, below `size`.
pub fn shared_places(indices: &[u64], size: u64) -> Result<Vec<Place>, Rejection> {
    let leaves = indices.iter().map(|index| (*index, ())).collect();
    let mut places = Vec::new();
    let take = |place| {
        places.push(place);
        Some(())
    };
    rise(leaves, size, take, |(), ()| ())?;
    Ok(places)
}

/// The root to which leaf hashes, by ascending index, and their shared path lead.
///
/// # Errors
///
/// As [`shared_places`]; then `PATH_LENGTH`. Both before hashing.
pub fn root_from_shared(
    leaves: Vec<(u64, Hash)>,
    size: u64,
    nodes: &[Hash],
) -> Result<Hash, Rejection> {
    let mut length = 0_usize;
    let indices = leaves.iter().map(|(index, _)| (*index, ())).collect();
    let mut count = |_| {
        length = length.saturating_add(1);
        Some(())
    };
    rise(indices, size, &mut count, |(), ()| ())?;
    if length != nodes.len() {
        return Err(Rejection::PathLength);
    }
    let mut nodes = nodes.iter().copied();
    let mut hasher = NodeHasher::new();
    rise(
        leaves,
        size,
        |_| nodes.next(),
        |left, right| hasher.node(&left, &right),
    )
}

/// The shared path of leaves whose own paths are known, by ascending index.
///
/// # Errors
///
/// As [`shared_places`]; `PATH_LENGTH`; `ENTRY_MISMATCH` if two paths contradict each other.
pub fn share_paths(paths: &[(u64, &[Hash])], size: u64) -> Result<Vec<Hash>, Rejection> {
    let mut known = BTreeMap::new();
    for (index, path) in paths {
        if usize::try_from(path_length(*index, size)?) != Ok(path.len()) {
            return Err(Rejection::PathLength);
        }
        for (place, node) in shared_places(&[*index], size)?.into_iter().zip(*path) {
            if known
                .insert(place, *node)
                .is_some_and(|before| before != *node)
            {
                return Err(Rejection::EntryMismatch);
            }
        }
    }
    let indices: Vec<u64> = paths.iter().map(|(index, _)| *index).collect();
    let places = shared_places(&indices, size)?;
    Ok(places
        .iter()
        .filter_map(|place| known.get(place).copied())
        .collect())
}

/// Goes up from known leaves to the root, level by level, asking for siblings that are not known.
fn rise<T>(
    leaves: Vec<(u64, T)>,
    size: u64,
    mut sibling: impl FnMut(Place) -> Option<T>,
    mut join: impl FnMut(T, T) -> T,
) -> Result<T, Rejection> {
    let ascending = leaves.is_sorted_by(|(before, _), (after, _)| before < after);
    if !ascending || leaves.last().is_none_or(|(last, _)| *last >= size) {
        return Err(Rejection::IndexOutOfRange);
    }
    let mut known = leaves;
    let (mut level, mut width) = (0_u32, size);
    while width > 1 {
        let mut above = Vec::with_capacity(known.len());
        let mut pairs = known.into_iter().peekable();
        while let Some((position, hash)) = pairs.next() {
            let beside = position ^ 1;
            let parent = if beside >= width {
                hash
            } else if let Some((_, right)) = pairs.next_if(|(next, _)| *next == beside) {
                join(hash, right)
            } else {
                let node = sibling((level, beside)).ok_or(Rejection::PathLength)?;
                if position & 1 == 1 {
                    join(node, hash)
                } else {
                    join(hash, node)
                }
            };
            above.push((position >> 1, parent));
        }
        known = above;
        level = level.saturating_add(1);
        width = width.div_ceil(2);
    }
    let root = known.into_iter().next().map(|(_, root)| root);
    root.ok_or(Rejection::IndexOutOfRange)
}

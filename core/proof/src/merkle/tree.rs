//! A whole tree in memory, as one array with its levels one after another.

use super::{
    Hash, empty_root, hash_leaves, hash_nodes, leaf_hash_of, node_hash, path_length, root_from_path,
};
use crate::Rejection;
use alloc::vec;
use alloc::vec::Vec;
use core::iter::FusedIterator;

/// A tree of any size over leaf hashes, in one allocation of 64 bytes a leaf.
///
/// A level's lone last node is carried up as it is; that gives the shape of RFC 9162.
#[derive(Clone)]
pub struct Tree {
    nodes: Vec<Hash>,
    leaves: usize,
}

impl Tree {
    /// The tree over leaves that hold 32 bytes each, such as record hashes.
    pub fn of_leaves(leaves: &[Hash]) -> Self {
        Self::build(leaves.len(), |level| {
            hash_leaves(leaves, level);
        })
    }

    /// The tree over leaves that are already hashed.
    pub fn of_leaf_hashes(hashes: &[Hash]) -> Self {
        Self::build(hashes.len(), |level| {
            level.copy_from_slice(hashes);
        })
    }

    /// How many leaves.
    pub fn len(&self) -> usize {
        self.leaves
    }

    /// Whether there is no leaf.
    pub fn is_empty(&self) -> bool {
        self.leaves == 0
    }

    /// The root.
    pub fn root(&self) -> Hash {
        self.nodes.last().copied().unwrap_or_else(empty_root)
    }

    /// The leaf hashes in order.
    pub fn leaf_hashes(&self) -> &[Hash] {
        self.nodes.get(..self.leaves).unwrap_or_default()
    }

    /// The siblings of leaf `index` from leaf to root, borrowed; None unless `index < len`.
    pub fn path(&self, index: usize) -> Option<Path<'_>> {
        (index < self.leaves).then_some(Path {
            levels: Levels::new(self),
            index,
        })
    }

    /// The path of leaf `index` as receipts carry it: 32 bytes a node, one after another.
    pub fn path_bytes(&self, index: usize) -> Option<Vec<u8>> {
        Some(self.path(index)?.flatten().copied().collect())
    }

    /// All paths one after another by leaf, in one allocation.
    ///
    /// Leaf i's path has [`path_length`]`(i, len)` nodes: log2 of a power of two.
    pub fn all_paths(&self) -> Vec<Hash> {
        let depth = usize::try_from(bits(self.leaves.saturating_sub(1))).unwrap_or_default();
        let mut out = Vec::with_capacity(self.leaves.saturating_mul(depth));
        self.all_paths_into(&mut out);
        out
    }

    /// [`Tree::all_paths`] into a buffer, whose content is replaced.
    pub fn all_paths_into(&self, out: &mut Vec<Hash>) {
        out.clear();
        let levels = LevelTable::new(self);
        for index in 0..self.leaves {
            let start = out.len();
            // this leaf and the one before it have the same siblings above where they part
            levels.extend(out, index, parting(index));
            let own = out.len().saturating_sub(start);
            let shared = length(index, self.leaves).saturating_sub(own);
            out.extend_from_within(start.saturating_sub(shared)..start);
        }
    }

    /// The roots of perfect subtrees as [`log_path`](super::log_path) asks for them.
    pub fn node(&self, level: u32, index: u64) -> Option<&Hash> {
        let end = index
            .checked_add(1)?
            .checked_mul(1_u64.checked_shl(level)?)?;
        if end > wide(self.leaves) {
            return None;
        }
        let nodes = Levels::new(self).nth(usize::try_from(level).ok()?)?;
        nodes.get(usize::try_from(index).ok()?)
    }

    /// Puts another leaf hash at `index` and hashes its way to the root anew; false if it is not there.
    pub fn set_leaf_hash(&mut self, index: usize, hash: Hash) -> bool {
        let mut rest = self.nodes.as_mut_slice();
        let (mut width, mut place, mut hash) = (self.leaves, index, hash);
        if index >= width {
            return false;
        }
        loop {
            let Some((level, above)) = rest.split_at_mut_checked(width) else {
                return false;
            };
            if let Some(node) = level.get_mut(place) {
                *node = hash;
            }
            if width == 1 {
                return true;
            }
            let pair = level.chunks(2).nth(place >> 1).unwrap_or_default();
            hash = match pair {
                [left, right] => node_hash(left, right),
                _ => hash,
            };
            (rest, width, place) = (above, width.div_ceil(2), place >> 1);
        }
    }

    /// The leaves in which `self` and `other` differ, found by walking down from the roots.
    ///
    /// Leaves that only the longer tree has count as different.
    pub fn changed(&self, other: &Tree) -> Vec<usize> {
        if self.leaves == other.leaves {
            return self.descend(other);
        }
        let pairs = self.leaf_hashes().iter().zip(other.leaf_hashes());
        let unequal = pairs
            .enumerate()
            .filter(|(_, (ours, theirs))| ours != theirs);
        let longer = self.leaves.min(other.leaves)..self.leaves.max(other.leaves);
        unequal.map(|(index, _)| index).chain(longer).collect()
    }

    fn descend(&self, other: &Tree) -> Vec<usize> {
        let ours = LevelTable::new(self);
        let theirs = LevelTable::new(other);
        let mut changed = Vec::from([0]);
        for (ours, theirs) in ours.levels.iter().zip(&theirs.levels).rev() {
            let differs = |index: &usize| ours.get(*index) != theirs.get(*index);
            changed = match ours.len() {
                0 => continue,
                1 => changed.into_iter().filter(differs).collect(),
                _ => changed
                    .into_iter()
                    .map(|parent: usize| parent.saturating_mul(2))
                    .flat_map(|left| [left, left.saturating_add(1)])
                    .filter(differs)
                    .collect(),
            };
        }
        if self.is_empty() { Vec::new() } else { changed }
    }

    fn build(leaves: usize, fill: impl FnOnce(&mut [Hash])) -> Self {
        let mut total = leaves;
        let mut width = leaves;
        while width > 1 {
            width = width.div_ceil(2);
            total = total.saturating_add(width);
        }
        let mut nodes = vec![[0; 32]; total];
        let (mut lower, mut rest) = nodes.split_at_mut(leaves.min(total));
        fill(lower);
        while lower.len() > 1 {
            let (upper, higher) = rest.split_at_mut(lower.len().div_ceil(2).min(rest.len()));
            let (pairs, lone) = lower.as_chunks::<2>();
            hash_nodes(pairs, upper);
            if let (Some(lone), Some(parent)) = (lone.first(), upper.last_mut()) {
                *parent = *lone;
            }
            (lower, rest) = (upper, higher);
        }
        Self { nodes, leaves }
    }
}

impl core::fmt::Debug for Tree {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Tree({} leaves)", self.leaves)
    }
}

/// The siblings of one leaf, from leaf to root.
#[derive(Clone, Debug)]
pub struct Path<'a> {
    levels: Levels<'a>,
    index: usize,
}

impl<'a> Iterator for Path<'a> {
    type Item = &'a Hash;

    fn next(&mut self) -> Option<&'a Hash> {
        loop {
            let level = self.levels.next()?;
            let sibling = self.index ^ 1;
            self.index >>= 1;
            if let Some(hash) = level.get(sibling) {
                return Some(hash);
            }
        }
    }
}

impl FusedIterator for Path<'_> {}

/// Which proofs of a batch do not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllFailed {
    /// The paths together have not the length that the number of leaves asks for.
    PathLength,
    /// These leaves, by index, are not proven under the root.
    Leaves(Vec<usize>),
}

impl core::fmt::Display for AllFailed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            AllFailed::PathLength => f.write_str(Rejection::PathLength.code()),
            AllFailed::Leaves(leaves) => write!(f, "{} leaves are not proven", leaves.len()),
        }
    }
}

impl core::error::Error for AllFailed {}

/// Checks that every leaf's own path leads to `root`. `paths` as [`Tree::all_paths`] gives them.
///
/// Every byte of every path counts, but a node that neighbouring paths share
/// is hashed once: a group of up to 4096 leaves is built up, its first upper
/// path is followed to the root, and each path is compared with what was built.
///
/// # Errors
///
/// Names the leaves that are not proven.
pub fn verify_all(leaves: &[Hash], paths: &[Hash], root: &Hash) -> Result<(), AllFailed> {
    let size = leaves.len();
    let mut failed = Vec::new();
    let mut rest = paths;
    let mut expected = Vec::new();
    for (number, group) in leaves.chunks(GROUP).enumerate() {
        let first = number.saturating_mul(GROUP);
        let tree = Tree::of_leaves(group);
        let above = Above {
            number: wide(number),
            size: wide(size.div_ceil(GROUP)),
        };
        let upper = usize::try_from(above.length()).unwrap_or(usize::MAX);
        let table = LevelTable::new(&tree);
        let uniform = group
            .len()
            .is_power_of_two()
            .then(|| length(0, group.len()));
        let mut trusted: Option<&[Hash]> = None;
        let mut before: &[Hash] = &[];
        for (index, leaf) in group.iter().enumerate() {
            let within = match uniform {
                Some(depth) => depth,
                None => length(index, group.len()),
            };
            let (path, later) = rest
                .split_at_checked(within.saturating_add(upper))
                .ok_or(AllFailed::PathLength)?;
            rest = later;
            let (lower, higher) = path.split_at_checked(within).unwrap_or_default();
            let above_holds = match trusted {
                Some(trusted) => trusted == higher,
                None => above.leads_to(&tree.root(), higher, root),
            };
            let (own, shared) = lower
                .split_at_checked(parting(index))
                .unwrap_or((lower, &[]));
            let below_holds = if before.len() == lower.len() {
                table.equals(own, index) && before.ends_with(shared)
            } else {
                expected.clear();
                table.extend(&mut expected, index, usize::MAX);
                expected == lower
            };
            if above_holds && below_holds {
                trusted = Some(higher);
                before = lower;
                continue;
            }
            // a wrong neighbour makes the shared nodes wrong: this path by itself
            before = &[];
            let index = first.saturating_add(index);
            let reached = root_from_path(&leaf_hash_of(leaf), wide(index), wide(size), path);
            if reached.as_ref() != Ok(root) {
                failed.push(index);
            }
        }
    }
    if !rest.is_empty() {
        return Err(AllFailed::PathLength);
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(AllFailed::Leaves(failed))
    }
}

/// Where a group's root stands in the tree over all groups.
struct Above {
    number: u64,
    size: u64,
}

impl Above {
    fn length(&self) -> u32 {
        path_length(self.number, self.size).unwrap_or(0)
    }

    fn leads_to(&self, group: &Hash, path: &[Hash], root: &Hash) -> bool {
        root_from_path(group, self.number, self.size, path).as_ref() == Ok(root)
    }
}

/// The levels of a tree from the leaves up.
#[derive(Clone)]
struct Levels<'a> {
    rest: &'a [Hash],
    width: usize,
}

impl<'a> Levels<'a> {
    fn new(tree: &'a Tree) -> Self {
        Self {
            rest: &tree.nodes,
            width: tree.leaves,
        }
    }
}

impl core::fmt::Debug for Levels<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Levels({} nodes)", self.rest.len())
    }
}

impl<'a> Iterator for Levels<'a> {
    type Item = &'a [Hash];

    fn next(&mut self) -> Option<&'a [Hash]> {
        let (level, rest) = self
            .rest
            .split_at_checked(self.width)
            .filter(|(level, _)| !level.is_empty())?;
        self.rest = rest;
        self.width = self.width.div_ceil(2);
        Some(level)
    }
}

/// The levels of a tree below its root, to be looked up again and again.
struct LevelTable<'a> {
    levels: [&'a [Hash]; 64],
}

impl<'a> LevelTable<'a> {
    fn new(tree: &'a Tree) -> Self {
        let mut levels: [&[Hash]; 64] = [&[]; 64];
        for (slot, level) in levels.iter_mut().zip(Levels::new(tree)) {
            *slot = level;
        }
        Self { levels }
    }

    /// The siblings of leaf `index` on its lowest `count` levels.
    fn siblings(&self, index: usize, count: usize) -> impl Iterator<Item = &'a Hash> {
        let mut index = index;
        self.levels.iter().take(count).filter_map(move |level| {
            let sibling = level.get(index ^ 1);
            index >>= 1;
            sibling
        })
    }

    #[inline]
    fn extend(&self, out: &mut Vec<Hash>, index: usize, count: usize) {
        for sibling in self.siblings(index, count) {
            out.push(*sibling);
        }
    }

    /// Whether `path` is what the lowest levels say, one sibling each.
    #[inline]
    fn equals(&self, path: &[Hash], index: usize) -> bool {
        let mut index = index;
        path.iter().zip(&self.levels).all(|(node, level)| {
            let same = level.get(index ^ 1) == Some(node);
            index >>= 1;
            same
        })
    }
}

/// How many nodes the path of leaf `index` of `size` has.
fn length(index: usize, size: usize) -> usize {
    let length = path_length(wide(index), wide(size)).unwrap_or(0);
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// The level above which leaf `index` has the siblings of the leaf before it.
fn parting(index: usize) -> usize {
    usize::try_from(bits(index ^ index.wrapping_sub(1))).unwrap_or_default()
}

fn bits(value: usize) -> u32 {
    usize::BITS.saturating_sub(value.leading_zeros())
}

fn wide(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

const GROUP: usize = 4096;

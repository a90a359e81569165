//! Tamper localisation: which records are changed, missing, added or moved.
//!
//! [`locate`] compares what was sealed (a batch's leaves, or the record hashes
//! that receipts or a bundle prove) with what is claimed now. [`KnownNodes`] is
//! for who has the batch root and some receipts only: it names the smallest
//! parts of the tree that differ from what those prove.

use crate::Rejection;
use crate::hash::Hash;
use crate::merkle::{Place, Tree, node_hash, path_length, shared_places};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::ops::Range;

/// How a claimed sequence of records differs from the sealed one. Sealed leaves
/// and claimed places count from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// A sealed leaf and the claimed place that holds something else instead.
    pub changed: Vec<(usize, usize)>,
    /// Sealed leaves of which nothing is left.
    pub missing: Vec<usize>,
    /// Claimed places that hold what was never sealed, beside all that was.
    pub added: Vec<usize>,
    /// A sealed leaf and the claimed place where it stands out of order: the
    /// fewest that explain the order, both of two that changed places.
    pub moved: Vec<(usize, usize)>,
}

impl Differences {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Names exactly the leaves in which `claimed` differs from `sealed`.
///
/// Walks down from the roots, so one changed leaf among n costs log n
/// comparisons; only where leaves moved, are missing or added are all compared.
/// The leaf of a record that cannot be read may be any value that was never sealed.
pub fn locate(sealed: &Tree, claimed: &Tree) -> Differences {
    let differing = sealed.changed(claimed);
    if differing.is_empty() {
        return Differences::default();
    }
    let (old, new) = (sealed.leaf_hashes(), claimed.leaf_hashes());
    if old.len() == new.len() && !is_shuffled(&differing, old, new) {
        return Differences {
            changed: differing.into_iter().map(|place| (place, place)).collect(),
            ..Differences::default()
        };
    }
    let mut sealed_at: BTreeMap<&Hash, VecDeque<usize>> = BTreeMap::new();
    for (leaf, hash) in old.iter().enumerate() {
        sealed_at.entry(hash).or_default().push_back(leaf);
    }
    // (sealed leaf, claimed place) of all that is still there; equal leaves in their order
    let still: Vec<(usize, usize)> = new
        .iter()
        .enumerate()
        .filter_map(|(place, hash)| Some((sealed_at.get_mut(hash)?.pop_front()?, place)))
        .collect();
    let now_at: BTreeMap<usize, usize> = still.iter().copied().collect();
    let exchanged =
        |(leaf, place): &(usize, usize)| leaf != place && now_at.get(place) == Some(leaf);
    let others: Vec<(usize, usize)> = still.iter().filter(|it| !exchanged(it)).copied().collect();
    let in_order = longest_ascending(&others);
    let mut found = Differences::default();
    let held: BTreeSet<usize> = still.iter().map(|(_, place)| *place).collect();
    let (mut leaf, mut place) = (0, 0);
    let end = (old.len(), new.len());
    for (next_leaf, next_place) in in_order.iter().copied().chain([end]) {
        // what is gone and what is new between two fixed points explain each other in order
        let mut gone = (leaf..next_leaf).filter(|leaf| !now_at.contains_key(leaf));
        let mut fresh = (place..next_place).filter(|place| !held.contains(place));
        loop {
            match (gone.next(), fresh.next()) {
                (Some(leaf), Some(place)) => found.changed.push((leaf, place)),
                (Some(leaf), None) => found.missing.push(leaf),
                (None, Some(place)) => found.added.push(place),
                (None, None) => break,
            }
        }
        (leaf, place) = (next_leaf.saturating_add(1), next_place.saturating_add(1));
    }
    let fixed: BTreeSet<usize> = in_order.iter().map(|(leaf, _)| *leaf).collect();
    let moved = now_at.iter().filter(|(leaf, _)| !fixed.contains(leaf));
    found.moved = moved.map(|(leaf, place)| (*leaf, *place)).collect();
    found
}

/// Whether a differing place holds what was sealed at another differing place.
fn is_shuffled(differing: &[usize], old: &[Hash], new: &[Hash]) -> bool {
    let sealed: BTreeSet<&Hash> = differing.iter().filter_map(|at| old.get(*at)).collect();
    let mut claimed = differing.iter().filter_map(|at| new.get(*at));
    claimed.any(|hash| sealed.contains(hash))
}

/// The longest part of `pairs` in which the first numbers ascend; the second ones do.
fn longest_ascending(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // ends[l] = where the smallest end of an ascending part of length l + 1 is
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let first = |at: usize| pairs.get(at).map(|(first, _)| *first);
    for (at, (leaf, _)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| first(*end) < Some(*leaf));
        let previous = length.checked_sub(1);
        before.push(previous.and_then(|length| ends.get(length)).copied());
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut longest = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(at) = next {
        longest.extend(pairs.get(at));
        next = before.get(at).copied().flatten();
    }
    longest.reverse();
    longest
}

/// Nodes of a batch's tree that its root and some receipts prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownNodes {
    size: u64,
    root: Hash,
    nodes: BTreeMap<Place, Hash>,
}

impl KnownNodes {
    /// Nothing but the root of a tree of `size` leaves.
    pub fn of_root(size: u64, root: Hash) -> Self {
        Self {
            size,
            root,
            nodes: BTreeMap::new(),
        }
    }

    /// Takes in the nodes that a leaf and its path prove.
    ///
    /// # Errors
    ///
    /// `INDEX_OUT_OF_RANGE`, `PATH_LENGTH`, or `ENTRY_MISMATCH` where the path leads elsewhere.
    pub fn learn(&mut self, index: u64, leaf_hash: &Hash, path: &[Hash]) -> Result<(), Rejection> {
        if usize::try_from(path_length(index, self.size)?) != Ok(path.len()) {
            return Err(Rejection::PathLength);
        }
        let places = shared_places(&[index], self.size)?;
        let mut learned = Vec::from([((0, index), *leaf_hash)]);
        let mut hash = *leaf_hash;
        for ((level, place), sibling) in places.iter().zip(path) {
            learned.push(((*level, *place), *sibling));
            hash = if place & 1 == 0 {
                node_hash(sibling, &hash)
            } else {
                node_hash(&hash, sibling)
            };
            learned.push(((level.saturating_add(1), place >> 1), hash));
        }
        if hash != self.root {
            return Err(Rejection::EntryMismatch);
        }
        self.nodes.extend(learned);
        Ok(())
    }

    /// The smallest ranges of leaves in which `claimed` differs from what is known;
    /// a single leaf where a receipt proves its neighbour or itself.
    ///
    /// None unless both are of one size, a power of two, as a batch's tree is.
    pub fn differing(&self, claimed: &Tree) -> Option<Vec<Range<u64>>> {
        let size = u64::try_from(claimed.len()).ok()?;
        if size != self.size || !size.is_power_of_two() {
            return None;
        }
        let top = size.trailing_zeros();
        let mut ranges = Vec::new();
        let mut open = Vec::from([(top, 0_u64)]);
        while let Some((level, place)) = open.pop() {
            let known = if level == top {
                Some(&self.root)
            } else {
                self.nodes.get(&(level, place))
            };
            if known.is_some() && known == claimed.node(level, place) {
                continue;
            }
            let left = place.saturating_mul(2);
            let children = level.checked_sub(1).map(|below| {
                let right = left.saturating_add(1);
                [(below, right), (below, left)]
            });
            match children {
                Some(children) if children.iter().any(|it| self.nodes.contains_key(it)) => {
                    open.extend(children);
                }
                _ => {
                    let width = 1_u64.checked_shl(level)?;
                    let start = place.saturating_mul(width);
                    ranges.push(start..start.saturating_add(width));
                }
            }
        }
        Some(ranges)
    }
}

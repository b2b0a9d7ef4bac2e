//! Which of n consecutive ranges holds a key: a 16-ary search tree, one cache line a node.
//!
//! The ranges cover every `u32`, so their *last* keys describe them, and the answer is the number of last keys below
//! the key looked for. Last keys rather than first ones, because a node that is not full is then padded with
//! `u32::MAX`, which is below no key: the search needs no bound, no sentinel and no special case for the final range.
//! 400 routes are three levels.

/// Keys in a node: 16 × 4 bytes fill one cache line.
const FANOUT: usize = 16;

/// Keys that are searched side by side, so that the cache misses of one hide behind the work of the others.
pub(crate) const BATCH: usize = 32;

/// Ascending keys, padded with `u32::MAX`: last keys of ranges (leaf), or the greatest key of each child.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[repr(align(64))]
struct Node([u32; FANOUT]);

impl Node {
    fn new(keys: &[u32]) -> Self {
        let mut padded = [u32::MAX; FANOUT];
        padded[..keys.len()].copy_from_slice(keys);
        Self(padded)
    }

    /// How many keys of this node are below `key`, which must not be above the last of them.
    ///
    /// Six comparisons without a branch: three tell in which four keys the answer lies, three tell where. Sixteen side
    /// by side take twice the time as long as the compiler may use only the oldest vector instructions.
    #[inline]
    fn count_below(&self, key: u32) -> usize {
        let (fours, _) = self.0.as_chunks::<4>();
        let four = fours[..3]
            .iter()
            .map(|four| usize::from(four[3] < key))
            .sum::<usize>();
        four * 4
            + fours[four][..3]
                .iter()
                .map(|&own| usize::from(own < key))
                .sum::<usize>()
    }
}

/// Consecutive ranges over all `u32` keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RangeTree {
    /// Level by level, root first; within a level from left to right.
    nodes: Vec<Node>,
    /// Index in `nodes` of the first node of each level, root first.
    levels: Vec<usize>,
}

impl RangeTree {
    /// `lasts`: the last key of each range, strictly ascending, the final one `u32::MAX`.
    pub(crate) fn new(lasts: &[u32]) -> Self {
        debug_assert!(lasts.is_sorted_by(|a, b| a < b) && lasts.last() == Some(&u32::MAX));

        let mut bottom_up: Vec<Vec<Node>> = Vec::new();
        let mut keys = lasts.to_vec();
        // A single range needs no search, and therefore no level.
        while keys.len() > 1 {
            let level: Vec<Node> = keys.chunks(FANOUT).map(Node::new).collect();
            // Only the rightmost node is padded, and its greatest key is `u32::MAX` with or without padding.
            keys = level.iter().map(|node| node.0[FANOUT - 1]).collect();
            bottom_up.push(level);
        }

        let (mut nodes, mut levels) = (Vec::new(), Vec::new());
        for level in bottom_up.into_iter().rev() {
            levels.push(nodes.len());
            nodes.extend(level);
        }
        Self { nodes, levels }
    }

    /// Position of the range that holds `key`, counted from 0.
    #[inline]
    pub(crate) fn position(&self, key: u32) -> usize {
        let mut position = 0;
        for &first in &self.levels {
            // The last key of this node is not below `key`: that is why the search came here.
            position = position * FANOUT + self.nodes[first + position].count_below(key);
        }
        position
    }

    /// [`position`](Self::position) of each key, all searches descending together.
    #[inline]
    pub(crate) fn positions(&self, keys: &[u32; BATCH]) -> [usize; BATCH] {
        let mut positions = [0; BATCH];
        for &first in &self.levels {
            for (position, &key) in positions.iter_mut().zip(keys) {
                *position = *position * FANOUT + self.nodes[first + *position].count_below(key);
            }
        }
        positions
    }

    /// Last keys of the ranges in ascending order, then `u32::MAX` as padding without end.
    pub(crate) fn lasts(&self) -> impl Iterator<Item = u32> {
        let leaves = self.levels.last().copied().unwrap_or_default(); // one range: no leaf, only padding
        self.nodes[leaves..]
            .iter()
            .flat_map(|node| node.0)
            .chain(std::iter::repeat(u32::MAX))
    }

    /// Heap memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of_val(self.nodes.as_slice()) + size_of_val(self.levels.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranges of `width` keys each, the final one up to the end.
    fn evenly_cut(ranges: u32, width: u32) -> Vec<u32> {
        (1..ranges)
            .map(|i| i * width - 1)
            .chain([u32::MAX])
            .collect()
    }

    #[test]
    fn every_boundary_is_found_at_every_fill_of_one_two_three_and_four_levels() {
        for ranges in [
            1, 2, 15, 16, 17, 31, 32, 33, 255, 256, 257, 4095, 4096, 4097,
        ] {
            let lasts = evenly_cut(ranges, 10);
            let tree = RangeTree::new(&lasts);
            for (position, &last) in lasts.iter().enumerate() {
                assert_eq!(
                    tree.position(last),
                    position,
                    "last key of range {position} of {ranges}"
                );
                if last != u32::MAX {
                    assert_eq!(
                        tree.position(last + 1),
                        position + 1,
                        "first key after range {position} of {ranges}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_node_is_one_cache_line() {
        assert_eq!((size_of::<Node>(), align_of::<Node>()), (64, 64));
    }

    #[test]
    fn a_batch_finds_what_single_searches_find() {
        let tree = RangeTree::new(&evenly_cut(300, 1000));
        let keys = std::array::from_fn(|i| u32::try_from(i).unwrap() * 9_999);
        assert_eq!(tree.positions(&keys), keys.map(|key| tree.position(key)));
    }
}

//! Which of n consecutive ranges holds a key: a search tree, one cache line a node. `kernels` walks it.
//!
//! The ranges cover every `u32`, so their *last* keys describe them, and the answer is the number of last keys below
//! the key looked for. Last keys rather than first ones, because a node that is not full is then padded with
//! `u32::MAX`, which is below no key: the search needs no bound, no sentinel and no special case for the final range.
//!
//! A node has 16 children. The top level is up to four nodes, since vector registers hold so many: 64 ranges need no
//! other level, 1,024 need one more (400 routes have less than 800 ranges), 16,384 two.

/// Keys in a node: 16 × 4 bytes fill one cache line.
pub(crate) const FANOUT: usize = 16;

/// Nodes of the top level, at most.
const TOP: usize = 4;

/// Ascending keys, padded with `u32::MAX`: last keys of ranges (leaf), or the greatest key of each child.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[repr(align(64))]
pub(crate) struct Node(pub(crate) [u32; FANOUT]);

impl Node {
    fn new(keys: &[u32]) -> Self {
        let mut padded = [u32::MAX; FANOUT];
        padded[..keys.len()].copy_from_slice(keys);
        Self(padded)
    }

    /// The last of the keys.
    #[inline]
    pub(crate) fn greatest(&self) -> u32 {
        self.0[FANOUT - 1]
    }

    /// How many keys of this node are below `key`, which must not be above the last of them.
    ///
    /// Six comparisons without a branch: three tell in which four keys the answer lies, three tell where. Sixteen side
    /// by side take twice the time as long as the compiler may use only the oldest vector instructions.
    #[inline]
    pub(crate) fn count_below(&self, key: u32) -> u32 {
        let (fours, _) = self.0.as_chunks::<4>();
        let four = fours[..3]
            .iter()
            .map(|four| u32::from(four[3] < key))
            .sum::<u32>();
        four * 4
            + fours[four as usize][..3]
                .iter()
                .map(|&own| u32::from(own < key))
                .sum::<u32>()
    }
}

/// Consecutive ranges over all `u32` keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RangeTree {
    /// The top level, then level by level down to the leaves; within a level from left to right.
    nodes: Vec<Node>,
    /// Number of nodes in the top level: 1, 2 or 4.
    top: usize,
    /// Index in `nodes` of the first node of each level below the top.
    levels: Vec<usize>,
}

impl RangeTree {
    /// `lasts`: the last key of each range, strictly ascending, the final one `u32::MAX`.
    pub(crate) fn new(lasts: &[u32]) -> Self {
        debug_assert!(lasts.is_sorted_by(|a, b| a < b) && lasts.last() == Some(&u32::MAX));

        let mut bottom_up: Vec<Vec<Node>> = Vec::new();
        let mut keys = lasts.to_vec();
        while keys.len() > TOP * FANOUT {
            let level: Vec<Node> = keys.chunks(FANOUT).map(Node::new).collect();
            // Only the rightmost node is padded, and its greatest key is `u32::MAX` with or without padding.
            keys = level.iter().map(Node::greatest).collect();
            bottom_up.push(level);
        }

        let mut nodes: Vec<Node> = keys.chunks(FANOUT).map(Node::new).collect();
        let top = nodes.len().next_power_of_two();
        nodes.resize(top, Node::new(&[]));
        let mut levels = Vec::with_capacity(bottom_up.len());
        for level in bottom_up.into_iter().rev() {
            levels.push(nodes.len());
            nodes.extend(level);
        }
        Self { nodes, top, levels }
    }

    /// The nodes of the top level: 1, 2 or 4.
    #[inline]
    pub(crate) fn top(&self) -> &[Node] {
        &self.nodes[..self.top]
    }

    /// The levels below the top, each from its first node on. A key's node there has the position that was found for the
    /// key in the level above, and no key of it is needed to know that the last of them is not below the key.
    #[inline]
    pub(crate) fn levels(&self) -> impl Iterator<Item = &[Node]> {
        self.levels.iter().map(|&first| &self.nodes[first..])
    }

    /// Last keys of the ranges in ascending order, then `u32::MAX` as padding without end.
    pub(crate) fn lasts(&self) -> impl Iterator<Item = u32> {
        let leaves = self.levels.last().copied().unwrap_or_default(); // no level below: the top has them
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
    use crate::Kernel;

    /// Numbers of ranges around every change in the shape of the tree.
    const SIZES: [u32; 20] = [
        1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 16_383, 16_384,
        16_385,
    ];

    /// Ranges of `width` keys each, the final one up to the end.
    fn evenly_cut(ranges: u32, width: u32) -> Vec<u32> {
        (1..ranges)
            .map(|i| i * width - 1)
            .chain([u32::MAX])
            .collect()
    }

    /// First and last key of each range, and the position of the range.
    fn borders(lasts: &[u32]) -> Vec<(u32, usize)> {
        let firsts = std::iter::once(0).chain(lasts.iter().map(|last| last.wrapping_add(1)));
        let borders = firsts.zip(lasts).enumerate();
        borders
            .flat_map(|(position, (first, &last))| [(first, position), (last, position)])
            .collect()
    }

    #[test]
    fn every_border_is_found_in_trees_of_every_shape_by_every_kernel() {
        for (ranges, width) in SIZES
            .into_iter()
            .flat_map(|ranges| [(ranges, 10), (ranges, 1)])
        {
            let lasts = evenly_cut(ranges, width);
            let tree = RangeTree::new(&lasts);
            let (keys, expected): (Vec<u32>, Vec<usize>) = borders(&lasts).into_iter().unzip();
            for kernel in Kernel::available() {
                let mut found = vec![usize::MAX; keys.len()];
                kernel.look_up(&tree, &keys, &mut found, |position| position);
                assert_eq!(found, expected, "{kernel:?}, {ranges} ranges of {width}");
                for (&key, &position) in keys.iter().zip(&expected) {
                    assert_eq!(
                        kernel.position(&tree, key),
                        position,
                        "{kernel:?}, key {key} of {ranges} ranges of {width}"
                    );
                }
            }
        }
    }

    #[test]
    fn batches_of_every_length_set_their_values_and_no_other() {
        for ranges in [10, 30, 60, 300, 2000] {
            let tree = RangeTree::new(&evenly_cut(ranges, 1000));
            for kernel in Kernel::available() {
                let keys: Vec<u32> = (0..200).map(|i| i * 9_973).collect();
                let single = |&key| kernel.position(&tree, key);
                let expected: Vec<usize> = keys.iter().map(single).collect();
                for length in 0..keys.len() {
                    let mut found = vec![usize::MAX; keys.len()];
                    kernel.look_up(&tree, &keys[..length], &mut found, |position| position);
                    assert_eq!(
                        found[..length],
                        expected[..length],
                        "{kernel:?}, {length} keys"
                    );
                    assert!(
                        found[length..]
                            .iter()
                            .all(|&position| position == usize::MAX)
                    );
                }
            }
        }
    }

    #[test]
    fn a_node_is_one_cache_line() {
        assert_eq!((size_of::<Node>(), align_of::<Node>()), (64, 64));
    }
}

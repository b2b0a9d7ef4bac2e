//! How a range tree is searched: in plain code on every processor, with vector instructions on those that have them.
//!
//! Knows the shape of the tree (`range_tree`), not what its ranges mean. All kernels walk it alike, level by level for a
//! block of keys at a time, so that the loads of one key hide behind the work of the others. They differ in how they
//! search the top level, and in how they read one node below it.

#![expect(
    clippy::inline_always,
    reason = "what kernels share is compiled into each, with its instructions: a function apart would do without them"
)]

#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::LazyLock;

use crate::key::{BLOCK, Key};
use crate::range_tree::{FANOUT, Node, RangeTree};

/// Fewer keys than this are faster one by one.
const FEW: usize = 4;

/// Keys that are handled without a branch between them.
const UNROLLED: usize = 8;

/// A way to search tables that this processor is able to run.
///
/// Lookups take the fastest by themselves. Tests and benches name one, to see them all.
///
/// ```
/// # use fib::Kernel;
/// assert!(Kernel::available().any(|kernel| kernel.name() == "portable"));
/// assert!(Kernel::available().any(|kernel| kernel == Kernel::fastest()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel(Variant);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx512),
}

/// Asked before every lookup, so it has to be one look at memory.
static FASTEST: LazyLock<Kernel> = LazyLock::new(|| {
    Kernel::available()
        .last()
        .unwrap_or(Kernel(Variant::Portable))
});

impl Kernel {
    /// The fastest that this processor runs. The processor is asked once a process.
    #[inline]
    pub fn fastest() -> Self {
        *FASTEST
    }

    /// All that this processor runs, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        let variants = [
            Some(Variant::Portable),
            #[cfg(target_arch = "x86_64")]
            x86::Avx2::detect().map(Variant::Avx2),
            #[cfg(target_arch = "x86_64")]
            x86::Avx512::detect().map(Variant::Avx512),
        ];
        variants.into_iter().flatten().map(Self)
    }

    /// `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Variant::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Variant::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Variant::Avx512(_) => "avx512",
        }
    }

    /// Position of the range that holds `key`.
    #[inline]
    pub(crate) fn position(self, tree: &RangeTree, key: u32) -> usize {
        match self.0 {
            Variant::Portable => walk_one(tree, key, child),
            #[cfg(target_arch = "x86_64")]
            Variant::Avx2(avx2) => avx2.position(tree, key),
            #[cfg(target_arch = "x86_64")]
            Variant::Avx512(avx512) => avx512.position(tree, key),
        }
    }

    /// Sets each of `values` to what `value` makes of the position of its key's range. Of two lengths the shorter counts.
    #[inline]
    pub(crate) fn look_up<K: Key, T>(
        self,
        tree: &RangeTree,
        keys: &[K],
        values: &mut [T],
        value: impl Fn(usize) -> T,
    ) {
        if keys.len() < FEW {
            for (slot, &key) in values.iter_mut().zip(keys) {
                *slot = value(self.position(tree, key.into()));
            }
            return;
        }
        match self.0 {
            Variant::Portable => {
                let top = |top: &[Node], keys: &[u32], positions: &mut Lanes| {
                    each(&mut positions.0, keys, |position, key| {
                        *position = child(top, node_of(top, key), key);
                    });
                };
                walk_blocks(tree, keys, values, value, top, child);
            }
            #[cfg(target_arch = "x86_64")]
            Variant::Avx2(avx2) => avx2.look_up(tree, keys, values, value),
            #[cfg(target_arch = "x86_64")]
            Variant::Avx512(avx512) => avx512.look_up(tree, keys, values, value),
        }
    }
}

/// The positions found so far for the keys of one block.
#[repr(align(64))]
struct Lanes([u32; BLOCK]);

/// Position in the next level of the child that holds `key`, from the position of its parent in `level`.
#[inline]
fn child(level: &[Node], parent: u32, key: u32) -> u32 {
    first_child(parent) + level[parent as usize].count_below(key)
}

#[inline]
fn first_child(parent: u32) -> u32 {
    parent << FANOUT.ilog2() // FANOUT is a power of two
}

/// Which node of the top level holds `key`.
#[inline(always)]
fn node_of(top: &[Node], key: u32) -> u32 {
    let ends_below = |node: &Node| u32::from(node.greatest() < key);
    match top {
        [a, b, c, _] => ends_below(a) + ends_below(b) + ends_below(c),
        [a, _] => ends_below(a),
        _ => 0,
    }
}

/// Position of the range that holds `key`. `child` as [`child()`].
#[inline(always)]
fn walk_one(tree: &RangeTree, key: u32, child: impl Fn(&[Node], u32, u32) -> u32) -> usize {
    let top = tree.top();
    let mut position = child(top, node_of(top, key), key);
    for level in tree.levels() {
        position = child(level, position, key);
    }
    position as usize
}

/// [`Kernel::look_up`]. `search_top` finds the positions of keys behind the top level; `child` as [`child()`].
#[inline(always)]
fn walk_blocks<K: Key, T>(
    tree: &RangeTree,
    keys: &[K],
    values: &mut [T],
    value: impl Fn(usize) -> T,
    search_top: impl Fn(&[Node], &[u32], &mut Lanes),
    child: impl Fn(&[Node], u32, u32) -> u32,
) {
    let mut converted = [0; BLOCK];
    let mut positions = Lanes([0; BLOCK]);
    let (mut keys, mut values) = (keys, values);
    while !keys.is_empty() && !values.is_empty() {
        let count = BLOCK.min(keys.len()).min(values.len());
        let (block, keys_behind) = keys.split_at(count);
        let (found, values_behind) = values.split_at_mut(count);
        (keys, values) = (keys_behind, values_behind);

        let block = K::numbers(block, &mut converted);
        search_top(tree.top(), block, &mut positions);
        for level in tree.levels() {
            each(&mut positions.0, block, |position, key| {
                *position = child(level, *position, key);
            });
        }
        each(found, &positions.0, |slot, position| {
            *slot = value(position as usize);
        });
    }
}

/// `set` for each slot and its number, as far as both go; [`UNROLLED`] of them without a branch.
#[inline(always)]
fn each<T>(slots: &mut [T], numbers: &[u32], set: impl Fn(&mut T, u32)) {
    let count = slots.len().min(numbers.len());
    let (slots, last_slots) = slots[..count].as_chunks_mut::<UNROLLED>();
    let (numbers, last_numbers) = numbers[..count].as_chunks::<UNROLLED>();
    for (slots, numbers) in slots.iter_mut().zip(numbers) {
        for lane in 0..UNROLLED {
            set(&mut slots[lane], numbers[lane]);
        }
    }
    for (slot, &number) in last_slots.iter_mut().zip(last_numbers) {
        set(slot, number);
    }
}

//! A step function from `u32` keys (addresses, ports) to values.

use std::ops::RangeInclusive;

use ipnet::Ipv4Net;

use crate::kernels::Kernel;
use crate::key::Key;
use crate::range_tree::RangeTree;

/// A value for every `u32` key, stored as maximal ranges of equal value.
///
/// Keys are addresses, but anything that converts to `u32` without loss will do (a port, for instance).
///
/// ```
/// # use fib::Ranges;
/// # use std::net::Ipv4Addr;
/// // Which tags does an address have? Bit 0: inside the company; bit 1: a printer.
/// let tags = [("10.0.0.0/8".parse()?, 0b01), ("10.9.0.0/16".parse()?, 0b10)];
/// let tags = Ranges::fold_prefixes(0u32, tags, |tags, tag| tags | tag);
/// assert_eq!(tags.lookup(Ipv4Addr::new(10, 9, 1, 1)), 0b11);
/// assert_eq!(tags.lookup(Ipv4Addr::new(10, 8, 1, 1)), 0b01);
/// assert_eq!(tags.lookup(Ipv4Addr::new(8, 8, 8, 8)), 0);
/// # Ok::<(), ipnet::AddrParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ranges<T> {
    tree: RangeTree,
    /// One a range, in the order of the ranges.
    values: Vec<T>,
}

impl<T: Copy + PartialEq> Ranges<T> {
    /// The step function that is `first` from key 0 on and changes to each step's value at the step's key.
    ///
    /// Steps may come in any order; of several at the same key the last one counts.
    pub fn from_steps(first: T, steps: impl IntoIterator<Item = (u32, T)>) -> Self {
        let mut steps: Vec<(u32, T)> = std::iter::once((0, first)).chain(steps).collect();
        steps.sort_by_key(|&(start, _)| start); // stable: the last of equal keys stays last

        let mut starts: Vec<u32> = Vec::with_capacity(steps.len());
        let mut values: Vec<T> = Vec::with_capacity(steps.len());
        for (position, &(start, value)) in steps.iter().enumerate() {
            let overruled = steps
                .get(position + 1)
                .is_some_and(|&(next, _)| next == start);
            if !overruled && values.last() != Some(&value) {
                starts.push(start);
                values.push(value);
            }
        }

        let lasts: Vec<u32> = starts[1..]
            .iter()
            .map(|start| start - 1)
            .chain([u32::MAX])
            .collect();
        Self {
            tree: RangeTree::new(&lasts),
            values,
        }
    }

    /// The value of an address: `outside`, combined with the item of every prefix that contains the address, from the
    /// shortest prefix to the longest (equal prefixes in the order given). Host bits of a prefix are ignored.
    ///
    /// `combine` runs once a prefix, not once an address: it gets the value of what encloses the prefix.
    pub fn fold_prefixes<I>(
        outside: T,
        prefixes: impl IntoIterator<Item = (Ipv4Net, I)>,
        mut combine: impl FnMut(T, I) -> T,
    ) -> Self {
        let mut prefixes: Vec<(Ipv4Net, I)> = prefixes.into_iter().collect();
        prefixes.sort_by_key(|&(prefix, _)| from_outside_in(prefix));

        let mut steps: Vec<(u32, T)> = Vec::with_capacity(2 * prefixes.len());
        // The prefixes around the current position with their last key and value, the innermost on top.
        let mut open: Vec<(u32, T)> = Vec::new();
        for (prefix, item) in prefixes {
            let first = u32::from(prefix.network());
            close_before(u64::from(first), outside, &mut open, &mut steps);
            let around = open.last().map_or(outside, |&(_, value)| value);
            let value = combine(around, item);
            steps.push((first, value));
            open.push((u32::from(prefix.broadcast()), value));
        }
        close_before(1 << 32, outside, &mut open, &mut steps);
        Self::from_steps(outside, steps)
    }

    /// The value of `key`.
    #[inline]
    pub fn lookup(&self, key: impl Into<u32>) -> T {
        self.lookup_with(Kernel::fastest(), key)
    }

    /// [`lookup`](Self::lookup) with a kernel of the caller's choice.
    #[inline]
    pub fn lookup_with(&self, kernel: Kernel, key: impl Into<u32>) -> T {
        self.values[kernel.position(&self.tree, key.into())]
    }

    /// [`lookup`](Self::lookup) of every key, many side by side: much faster than one by one. Any number of keys will do.
    ///
    /// # Panics
    ///
    /// If `values` is not as long as `keys`.
    #[inline]
    pub fn lookup_batch<K: Key>(&self, keys: &[K], values: &mut [T]) {
        self.lookup_batch_with(Kernel::fastest(), keys, values);
    }

    /// [`lookup_batch`](Self::lookup_batch) with a kernel of the caller's choice.
    ///
    /// # Panics
    ///
    /// If `values` is not as long as `keys`.
    #[inline]
    pub fn lookup_batch_with<K: Key>(&self, kernel: Kernel, keys: &[K], values: &mut [T]) {
        self.map_batch(kernel, keys, values, |value| value);
    }

    /// [`lookup_batch_with`](Self::lookup_batch_with), each value replaced by what `map` makes of it.
    #[inline]
    pub(crate) fn map_batch<K: Key, U>(
        &self,
        kernel: Kernel,
        keys: &[K],
        values: &mut [U],
        map: impl Fn(T) -> U,
    ) {
        assert_eq!(keys.len(), values.len(), "one value a key");
        kernel.look_up(&self.tree, keys, values, |position| {
            map(self.values[position])
        });
    }

    /// The ranges in ascending order. Together they hold every key, and neighbours differ in value.
    pub fn iter(&self) -> impl Iterator<Item = (RangeInclusive<u32>, T)> {
        let firsts = std::iter::once(0).chain(self.tree.lasts().map(|last| last.wrapping_add(1)));
        self.values
            .iter()
            .zip(firsts.zip(self.tree.lasts()))
            .map(|(&value, (first, last))| (first..=last, value))
    }

    /// Number of ranges, at least 1.
    pub fn range_count(&self) -> usize {
        self.values.len()
    }

    /// Heap memory in bytes.
    pub fn memory(&self) -> usize {
        self.tree.memory() + size_of_val(self.values.as_slice())
    }
}

/// Sorts prefixes by their first address, and those that share it from the shortest to the longest: a prefix comes
/// after all that enclose it. A number, since it is compared many times a prefix.
pub(crate) fn from_outside_in(prefix: Ipv4Net) -> u64 {
    u64::from(u32::from(prefix.network())) << 8 | u64::from(prefix.prefix_len())
}

/// Closes the open prefixes that end before `position`: behind each, the value of what encloses it resumes.
fn close_before<T: Copy>(
    position: u64,
    outside: T,
    open: &mut Vec<(u32, T)>,
    steps: &mut Vec<(u32, T)>,
) {
    while let Some((last, _)) = open.pop_if(|&mut (last, _)| u64::from(last) < position) {
        // Nothing lies behind a prefix that reaches the last address.
        if let Some(behind) = last.checked_add(1) {
            steps.push((behind, open.last().map_or(outside, |&(_, value)| value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ranges_of(table: &Ranges<u32>) -> Vec<(RangeInclusive<u32>, u32)> {
        table.iter().collect()
    }

    #[test]
    fn steps_may_be_unordered_repeated_or_without_effect() {
        let table = Ranges::from_steps(
            7,
            [(20, 1), (10, 5), (10, 7), (30, 1), (20, 2), (u32::MAX, 3)],
        );
        // 10 → 7 changes nothing, 20 → 2 overrules 20 → 1, 30 → 1 stays.
        assert_eq!(
            ranges_of(&table),
            [
                (0..=19, 7),
                (20..=29, 2),
                (30..=u32::MAX - 1, 1),
                (u32::MAX..=u32::MAX, 3)
            ]
        );
    }

    #[test]
    fn a_step_at_key_zero_replaces_the_first_value() {
        assert_eq!(
            ranges_of(&Ranges::from_steps(1, [(0, 2)])),
            [(0..=u32::MAX, 2)]
        );
    }

    #[test]
    fn no_steps_leave_one_range() {
        let table = Ranges::from_steps('x', []);
        assert_eq!(
            (
                table.range_count(),
                table.lookup(0u32),
                table.lookup(u32::MAX)
            ),
            (1, 'x', 'x')
        );
    }

    #[test]
    fn prefixes_are_combined_from_the_outside_in() {
        let prefixes = [
            ("10.1.0.0/16", "inner"),
            ("0.0.0.0/0", "all"),
            ("10.0.0.0/8", "outer"),
        ];
        let mut seen = Vec::new();
        let prefixes = prefixes.map(|(prefix, name)| (prefix.parse().unwrap(), name));
        let table = Ranges::fold_prefixes(0, prefixes, |depth, name| {
            seen.push(name);
            depth + 1
        });
        assert_eq!(seen, ["all", "outer", "inner"]);
        assert_eq!(table.lookup(Ipv4Addr::new(10, 1, 255, 255)), 3);
        assert_eq!(table.lookup(Ipv4Addr::new(10, 2, 0, 0)), 2);
        assert_eq!(table.lookup(Ipv4Addr::BROADCAST), 1);
    }

    #[test]
    fn ports_are_keys_too() {
        let table = Ranges::from_steps(false, [(80, true), (81, false)]);
        assert_eq!(
            [79u16, 80, 81].map(|port| table.lookup(port)),
            [false, true, false]
        );
    }

    #[test]
    fn a_batch_takes_addresses_ports_and_plain_numbers() {
        let table = Ranges::from_steps('a', [(100, 'b'), (0x0A00_0000, 'c')]);
        let mut values = ['-'; 3];
        table.lookup_batch(&[99u16, 100, 101], &mut values);
        assert_eq!(values, ['a', 'b', 'b']);
        table.lookup_batch(&[99u32, 100, u32::MAX], &mut values);
        assert_eq!(values, ['a', 'b', 'c']);
        table.lookup_batch(&[Ipv4Addr::new(10, 0, 0, 0)], &mut values[..1]);
        assert_eq!(values, ['c', 'b', 'c']);
    }
}

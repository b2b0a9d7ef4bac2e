//! Sets of addresses: the algebra of prefix lists.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use ipnet::{Ipv4Net, Ipv4Subnets};

/// A set of IPv4 addresses, held as sorted ranges that neither overlap nor touch. Equal sets are equal values, however
/// their prefixes were written.
///
/// ```
/// # use fib::AddressSet;
/// let all: AddressSet = ["10.0.0.0/25".parse()?, "10.0.0.128/25".parse()?].into_iter().collect();
/// assert_eq!(all.to_string(), "10.0.0.0/24");
/// # Ok::<(), ipnet::AddrParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressSet {
    /// First and last address, both inclusive.
    ranges: Vec<(u32, u32)>,
}

impl AddressSet {
    /// The set without an address.
    pub const EMPTY: Self = Self { ranges: Vec::new() };

    /// The set of all addresses, `0.0.0.0/0`.
    pub fn all() -> Self {
        Self {
            ranges: vec![(0, u32::MAX)],
        }
    }

    /// The union of the ranges, in any order, overlapping or not. A range whose end is below its start holds no address.
    pub fn from_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Self {
        let ranges = ranges.into_iter().filter(|range| !range.is_empty());
        Self::merged(ranges.map(RangeInclusive::into_inner).collect())
    }

    /// Whether no address is in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether every address is in the set.
    pub fn is_all(&self) -> bool {
        self.ranges == [(0, u32::MAX)]
    }

    /// Whether `address` is in the set.
    #[inline]
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        let address = u32::from(address);
        // The first range that does not end below the address, or the last of all: one of both is always there.
        let [all_but_last @ .., _] = self.ranges.as_slice() else {
            return false;
        };
        let candidate = all_but_last.partition_point(|&(_, last)| last < address);
        let (first, last) = self.ranges[candidate];
        // One comparison for two: below `first` the difference wraps around.
        address.wrapping_sub(first) <= last - first
    }

    /// Whether every address of `other` is in this set.
    pub fn is_superset(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// Whether some address is in both sets.
    pub fn intersects(&self, other: &Self) -> bool {
        !self.intersection(other).is_empty()
    }

    /// Addresses in this set, in `other`, or in both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::merged(self.ranges.iter().chain(&other.ranges).copied().collect())
    }

    /// Addresses in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.ranges.as_slice(), other.ranges.as_slice());
        let mut ranges = Vec::new();
        while let (Some((&(a_first, a_last), a_rest)), Some((&(b_first, b_last), b_rest))) =
            (a.split_first(), b.split_first())
        {
            let (first, last) = (a_first.max(b_first), a_last.min(b_last));
            if first <= last {
                ranges.push((first, last));
            }
            // The range that ends first cannot meet anything further.
            if a_last < b_last {
                a = a_rest;
            } else {
                b = b_rest;
            }
        }
        Self { ranges }
    }

    /// Addresses that are not in this set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len() + 1);
        let mut gap = Some(0); // first address behind the last range, if there is one
        for &(first, last) in &self.ranges {
            if let Some(start) = gap
                && start < first
            {
                ranges.push((start, first - 1));
            }
            gap = last.checked_add(1);
        }
        ranges.extend(gap.map(|start| (start, u32::MAX)));
        Self { ranges }
    }

    /// Addresses of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// The shortest list of prefixes that covers exactly this set, ascending.
    pub fn prefixes(&self) -> impl Iterator<Item = Ipv4Net> {
        self.ranges
            .iter()
            .flat_map(|&(first, last)| Ipv4Subnets::new(first.into(), last.into(), 0))
    }

    /// The maximal ranges of the set, ascending; between two of them lies at least one address that is not in the set.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = RangeInclusive<u32>> {
        self.ranges.iter().map(|&(first, last)| first..=last)
    }

    /// Number of addresses, 0 to 2³².
    pub fn address_count(&self) -> u64 {
        self.ranges
            .iter()
            .map(|&(first, last)| u64::from(last - first) + 1)
            .sum()
    }

    /// Sorts ranges and merges those that overlap or touch.
    fn merged(mut unsorted: Vec<(u32, u32)>) -> Self {
        unsorted.sort_unstable();
        let mut ranges: Vec<(u32, u32)> = Vec::with_capacity(unsorted.len());
        for (first, last) in unsorted {
            match ranges.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => ranges.push((first, last)),
            }
        }
        Self { ranges }
    }
}

/// The prefixes of [`AddressSet::prefixes`] with `, ` between them; `∅` for the empty set.
impl fmt::Display for AddressSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("∅");
        }
        for (i, prefix) in self.prefixes().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{prefix}")?;
        }
        Ok(())
    }
}

/// Host bits of a prefix are ignored.
impl From<Ipv4Net> for AddressSet {
    fn from(prefix: Ipv4Net) -> Self {
        Self {
            ranges: vec![(prefix.network().into(), prefix.broadcast().into())],
        }
    }
}

/// The union of the prefixes. Host bits of a prefix are ignored.
impl FromIterator<Ipv4Net> for AddressSet {
    fn from_iter<I: IntoIterator<Item = Ipv4Net>>(prefixes: I) -> Self {
        let bounds = |prefix: Ipv4Net| (prefix.network().into(), prefix.broadcast().into());
        Self::merged(prefixes.into_iter().map(bounds).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(prefixes: &[&str]) -> AddressSet {
        prefixes
            .iter()
            .map(|prefix| prefix.parse::<Ipv4Net>().unwrap())
            .collect()
    }

    #[test]
    fn overlapping_and_adjacent_prefixes_become_one() {
        assert_eq!(
            set(&["10.0.1.0/24", "10.0.0.0/24", "10.0.0.7/32"]).to_string(),
            "10.0.0.0/23"
        );
    }

    #[test]
    fn a_hole_is_covered_by_the_fewest_prefixes_around_it() {
        let hole = set(&["10.0.0.0/29"]).difference(&set(&["10.0.0.5/32"]));
        assert_eq!(hole.to_string(), "10.0.0.0/30, 10.0.0.4/32, 10.0.0.6/31");
    }

    #[test]
    fn public_space_begins_as_azure_prints_it() {
        // First rows of the expansion of the tag Internet that Network Watcher shows.
        let public = set(&["0.0.0.0/8", "10.0.0.0/8"]).complement();
        let shown: Vec<String> = public
            .prefixes()
            .take(6)
            .map(|prefix| prefix.to_string())
            .collect();
        assert_eq!(
            shown,
            [
                "1.0.0.0/8",
                "2.0.0.0/7",
                "4.0.0.0/6",
                "8.0.0.0/7",
                "11.0.0.0/8",
                "12.0.0.0/6"
            ]
        );
    }

    #[test]
    fn the_whole_space_and_the_empty_set_are_complements() {
        assert_eq!(AddressSet::all().complement(), AddressSet::EMPTY);
        assert_eq!(AddressSet::EMPTY.complement(), AddressSet::all());
        assert_eq!(AddressSet::all().to_string(), "0.0.0.0/0");
        assert_eq!(AddressSet::EMPTY.to_string(), "∅");
        assert_eq!(AddressSet::all().address_count(), 1 << 32);
        assert!(set(&["0.0.0.0/1", "128.0.0.0/1"]).is_all());
    }

    #[test]
    fn the_last_address_is_an_address_like_any_other() {
        let last = set(&["255.255.255.255/32"]);
        assert!(last.contains(Ipv4Addr::BROADCAST));
        assert_eq!(last.complement().address_count(), (1 << 32) - 1);
        assert_eq!(last.complement().union(&last), AddressSet::all());
    }

    #[test]
    fn superset_and_intersection_see_partial_overlap() {
        let (wide, narrow, across) = (
            set(&["10.0.0.0/8"]),
            set(&["10.1.0.0/16"]),
            set(&["10.1.0.0/16", "11.0.0.0/8"]),
        );
        assert!(wide.is_superset(&narrow) && !narrow.is_superset(&wide));
        assert!(wide.intersects(&across) && !wide.is_superset(&across));
        assert!(!narrow.intersects(&set(&["10.2.0.0/16"])));
    }
}

//! The port side of a rule.

use std::ops::RangeInclusive;

/// A set of ports: sorted ranges that neither overlap nor touch.
///
/// The default is the empty set, which no packet matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ports(Vec<RangeInclusive<u16>>);

impl Ports {
    /// Every port, 0 to 65535. Such a set also accepts packets that have no port.
    pub fn full() -> Self {
        Self(vec![0..=u16::MAX])
    }

    /// Whether every port is in the set.
    pub fn is_full(&self) -> bool {
        self.0 == [0..=u16::MAX]
    }

    /// Whether no port is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `port` is in the set.
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }

    /// Whether a packet with this port, or (`None`) with no port at all, is accepted. Without a port only the full set
    /// accepts: it is the one that does not ask.
    pub fn matches(&self, port: Option<u16>) -> bool {
        port.map_or(self.is_full(), |port| self.contains(port))
    }

    /// The maximal ranges, ascending.
    pub fn ranges(&self) -> &[RangeInclusive<u16>] {
        &self.0
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self(vec![port..=port])
    }
}

/// The union of the ranges, in any order, overlapping or not. A range whose end is below its start holds no port.
impl FromIterator<RangeInclusive<u16>> for Ports {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<u16>>>(ranges: I) -> Self {
        let mut unsorted: Vec<_> = ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .collect();
        unsorted.sort_unstable_by_key(|range| *range.start());

        let mut merged: Vec<RangeInclusive<u16>> = Vec::with_capacity(unsorted.len());
        for range in unsorted {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_overlap_or_touch_become_one() {
        let ports: Ports = [443..=443, 90..=100, 80..=89, 85..=87, 444..=444]
            .into_iter()
            .collect();
        assert_eq!(ports.ranges(), [80..=100, 443..=444]);
    }

    #[test]
    fn a_set_written_in_pieces_is_full_when_nothing_is_missing() {
        assert!(Ports::from_iter([32_768..=65_535, 0..=32_767]).is_full());
        assert!(!Ports::from_iter([1..=65_535]).is_full());
        assert!(!Ports::from_iter([0..=65_534]).is_full());
    }

    #[test]
    fn a_reversed_range_holds_no_port() {
        #[expect(
            clippy::reversed_empty_ranges,
            reason = "what a careless caller passes"
        )]
        let ports = Ports::from_iter([9..=3]);
        assert!(ports.is_empty());
    }

    #[test]
    fn a_packet_without_port_matches_only_the_full_set() {
        assert!(Ports::full().matches(None));
        assert!(!Ports::from_iter([0..=65_534]).matches(None));
        assert!(!Ports::default().matches(None));
        assert!(Ports::from(80).matches(Some(80)));
    }
}

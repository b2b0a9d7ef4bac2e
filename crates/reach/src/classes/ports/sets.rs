//! Sets of ports by number, so that sets are compared and put together at the price of a look-up.
//!
//! It does not know what the ports are of.

use std::collections::HashMap;

use acl::Ports;
use foldhash::fast::FixedState;

/// Results that are remembered, at most: then they are worked out anew.
const REMEMBERED: usize = 1 << 20;

/// The number of a set in its [`PortSets`]. Equal sets have one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::classes) struct PortSet(u32);

impl PortSet {
    /// No port.
    pub(in crate::classes) const NONE: Self = Self(0);
    /// Every port that is asked for.
    pub(in crate::classes) const ALL: Self = Self(1);
}

/// Sets of some of the ports that are asked for.
#[derive(Debug)]
pub(in crate::classes) struct PortSets {
    list: Vec<Ports>,
    numbers: HashMap<Ports, PortSet, FixedState>,
    known: HashMap<(Operation, PortSet, PortSet), PortSet, FixedState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Operation {
    Both,
    Either,
    Without,
}

impl PortSets {
    /// `asked`: what there is beside no port; not empty.
    pub(in crate::classes) fn new(asked: &Ports) -> Self {
        let mut sets = Self {
            list: Vec::new(),
            numbers: HashMap::default(),
            known: HashMap::default(),
        };
        sets.number(Ports::default());
        sets.number(asked.clone());
        sets
    }

    /// Those of some ports that are asked for.
    pub(in crate::classes) fn of(&mut self, ports: &Ports) -> PortSet {
        if ports.is_full() {
            return PortSet::ALL;
        }
        if let Some(&known) = self.numbers.get(ports) {
            return known;
        }
        let asked = &self.list[PortSet::ALL.0 as usize];
        let ports = together(ports, asked, |one, other| one && other);
        self.number(ports)
    }

    pub(in crate::classes) fn both(&mut self, one: PortSet, other: PortSet) -> PortSet {
        match (one, other) {
            (PortSet::NONE, _) | (_, PortSet::NONE) => PortSet::NONE,
            (PortSet::ALL, set) | (set, PortSet::ALL) => set,
            _ if one == other => one,
            _ => self.ask(Operation::Both, one.min(other), one.max(other)),
        }
    }

    pub(in crate::classes) fn either(&mut self, one: PortSet, other: PortSet) -> PortSet {
        match (one, other) {
            (PortSet::ALL, _) | (_, PortSet::ALL) => PortSet::ALL,
            (PortSet::NONE, set) | (set, PortSet::NONE) => set,
            _ if one == other => one,
            _ => self.ask(Operation::Either, one.min(other), one.max(other)),
        }
    }

    /// Those of one set that are not in another.
    pub(in crate::classes) fn without(&mut self, one: PortSet, other: PortSet) -> PortSet {
        match (one, other) {
            (PortSet::NONE, _) | (_, PortSet::ALL) => PortSet::NONE,
            (_, PortSet::NONE) => one,
            _ if one == other => PortSet::NONE,
            _ => self.ask(Operation::Without, one, other),
        }
    }

    fn ask(&mut self, operation: Operation, one: PortSet, other: PortSet) -> PortSet {
        let key = (operation, one, other);
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let [left, right] = [one, other].map(|set| &self.list[set.0 as usize]);
        let ports = match operation {
            Operation::Both => together(left, right, |one, other| one && other),
            Operation::Either => together(left, right, |one, other| one || other),
            Operation::Without => together(left, right, |one, other| one && !other),
        };
        let set = self.number(ports);
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key, set);
        set
    }

    fn number(&mut self, ports: Ports) -> PortSet {
        let next = PortSet(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        *self.numbers.entry(ports).or_insert_with_key(|ports| {
            self.list.push(ports.clone());
            next
        })
    }
}

impl PortSet {
    fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}

/// The ports that are kept, by whether they are in the one set and in the other. Ports in neither are not.
fn together(one: &Ports, other: &Ports, keep: impl Fn(bool, bool) -> bool) -> Ports {
    let bounds = |ports: &Ports| -> Vec<u32> {
        let ranges = ports.ranges().iter();
        ranges
            .flat_map(|range| [u32::from(*range.start()), u32::from(*range.end()) + 1])
            .collect()
    };
    let (one, other) = (bounds(one), bounds(other));
    let (mut left, mut right) = (&one[..], &other[..]);
    let mut start = None;
    let mut kept = Vec::new();
    while let Some(&at) = left.first().into_iter().chain(right.first()).min() {
        // A set is entered at every other bound.
        left = left.strip_prefix(&[at]).unwrap_or(left);
        right = right.strip_prefix(&[at]).unwrap_or(right);
        let is_kept = keep(
            (one.len() - left.len()) % 2 == 1,
            (other.len() - right.len()) % 2 == 1,
        );
        match (start, is_kept) {
            (None, true) => start = Some(at),
            (Some(first), false) => {
                let narrow = |port: u32| u16::try_from(port).unwrap_or(u16::MAX);
                kept.push(narrow(first)..=narrow(at - 1));
                start = None;
            }
            _ => {}
        }
    }
    kept.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ports() -> impl Strategy<Value = Ports> {
        let bound = prop_oneof![0_u16..=6, 65530..=u16::MAX];
        prop::collection::vec((bound.clone(), bound), 0..4).prop_map(|ranges| {
            let ranges = ranges.into_iter().map(|(start, end)| start..=end);
            ranges.collect()
        })
    }

    proptest! {
        #[test]
        fn sets_hold_the_ports_that_they_should(
            asked in ports().prop_filter("some", |ports| !ports.is_empty()),
            one in ports(),
            other in ports(),
        ) {
            let mut sets = PortSets::new(&asked);
            let (left, right) = (sets.of(&one), sets.of(&other));
            let results = [
                sets.both(left, right),
                sets.either(left, right),
                sets.without(left, right),
            ];
            for port in (0..=8).chain(65528..=u16::MAX) {
                let (left, right) = (one.contains(port), other.contains(port));
                let expected = [left && right, left || right, left && !right];
                for (set, expected) in results.iter().zip(expected) {
                    let found = sets.list[set.0 as usize].contains(port);
                    prop_assert_eq!(found, expected && asked.contains(port), "{}", port);
                }
            }
            for set in results {
                let ports = &sets.list[set.0 as usize];
                prop_assert_eq!(set == PortSet::NONE, ports.is_empty());
                prop_assert_eq!(set == PortSet::ALL, *ports == asked);
            }
        }
    }
}

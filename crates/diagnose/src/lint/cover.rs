//! Whether earlier rules leave anything to a later one: boxes of five fields, and what remains of one when others are cut out of it.
//!
//! Never claims too much: a tag that differs from NIC to NIC is covered by everything and by itself only.

use acl::{Addresses, Protocols, Rule};
use fib::AddressSet;

/// Behind all ports: a packet without one, which only the full set accepts.
const NO_PORT: u32 = 65_536;
/// Pieces beyond which the question is given up; a rule that needs more is not called covered.
const MAX_PIECES: usize = 2_048;

/// Positions of the earlier rules that together leave nothing of `rule`; `None` if something is left, or if the rule matches nothing.
pub(super) fn covered_by(rule: &Rule, earlier: &[Rule]) -> Option<Vec<usize>> {
    let whole = Piece::of(rule)?;
    let mut left = vec![whole];
    let mut covering = Vec::new();
    for (position, other) in earlier.iter().enumerate() {
        let Some(other) = Piece::of(other) else {
            continue;
        };
        if !left.iter().any(|piece| piece.meets(&other)) {
            continue;
        }
        covering.push(position);
        left = left
            .iter()
            .flat_map(|piece| piece.without(&other))
            .collect();
        if left.is_empty() {
            return Some(covering);
        }
        if left.len() > MAX_PIECES {
            return None;
        }
    }
    None
}

/// What a rule matches, or a part of it; no side is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    source: Side,
    destination: Side,
    protocols: Numbers,
    source_ports: Numbers,
    destination_ports: Numbers,
}

impl Piece {
    fn of(rule: &Rule) -> Option<Self> {
        let protocols = match rule.protocol {
            Protocols::Any => Numbers(vec![(0, 255)]),
            Protocols::Number(number) => Numbers(vec![(number.into(), number.into())]),
        };
        let piece = Self {
            source: Side::of(&rule.source),
            destination: Side::of(&rule.destination),
            protocols,
            source_ports: Numbers::of_ports(&rule.source_ports),
            destination_ports: Numbers::of_ports(&rule.destination_ports),
        };
        (!piece.is_empty()).then_some(piece)
    }

    fn is_empty(&self) -> bool {
        self.source.is_empty()
            || self.destination.is_empty()
            || self.protocols.0.is_empty()
            || self.source_ports.0.is_empty()
            || self.destination_ports.0.is_empty()
    }

    fn common(&self, other: &Self) -> Self {
        Self {
            source: self.source.common(&other.source),
            destination: self.destination.common(&other.destination),
            protocols: self.protocols.common(&other.protocols),
            source_ports: self.source_ports.common(&other.source_ports),
            destination_ports: self.destination_ports.common(&other.destination_ports),
        }
    }

    fn meets(&self, other: &Self) -> bool {
        !self.common(other).is_empty()
    }

    /// What remains when `other` is cut out: one piece a field, the fields before it narrowed to what both have.
    fn without(&self, other: &Self) -> Vec<Self> {
        let common = self.common(other);
        if common.is_empty() {
            return vec![self.clone()];
        }
        let mut rest = self.clone();
        let mut pieces = Vec::new();
        macro_rules! cut {
            ($($field:ident),+) => {$(
                pieces.push(Self { $field: self.$field.without(&other.$field), ..rest.clone() });
                rest.$field = common.$field;
            )+};
        }
        cut!(
            source,
            destination,
            protocols,
            source_ports,
            destination_ports
        );
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }
}

/// Addresses: those that are listed, and classes whose members nobody knows here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Side {
    listed: AddressSet,
    classes: u32,
}

impl Side {
    fn of(addresses: &Addresses) -> Self {
        Self {
            listed: addresses.listed().clone(),
            classes: addresses.classes(),
        }
    }

    fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.classes == 0
    }

    /// Everything holds every class.
    fn all_classes(&self) -> u32 {
        if self.listed.is_all() {
            u32::MAX
        } else {
            self.classes
        }
    }

    fn common(&self, other: &Self) -> Self {
        Self {
            listed: self.listed.intersection(&other.listed),
            classes: self.classes & other.all_classes(),
        }
    }

    fn without(&self, other: &Self) -> Self {
        Self {
            listed: self.listed.difference(&other.listed),
            classes: self.classes & !other.all_classes(),
        }
    }
}

/// Sorted disjoint ranges, both ends inclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    fn of_ports(ports: &acl::Ports) -> Self {
        let ranges = ports.ranges().iter();
        let ranges = ranges.map(|range| (u32::from(*range.start()), u32::from(*range.end())));
        let none = ports.is_full().then_some((NO_PORT, NO_PORT));
        Self(ranges.chain(none).collect())
    }

    fn common(&self, other: &Self) -> Self {
        let meets = |&(first, last): &(u32, u32)| {
            other.0.iter().filter_map(move |&(from, to)| {
                let (first, last) = (first.max(from), last.min(to));
                (first <= last).then_some((first, last))
            })
        };
        Self(self.0.iter().flat_map(meets).collect())
    }

    fn without(&self, other: &Self) -> Self {
        let mut left = self.0.clone();
        for &(from, to) in &other.0 {
            left = left
                .into_iter()
                .flat_map(|(first, last)| {
                    let before = (first < from).then(|| (first, last.min(from.saturating_sub(1))));
                    let behind = (last > to).then(|| (first.max(to + 1), last));
                    [before, behind].into_iter().flatten()
                })
                .filter(|(first, last)| first <= last)
                .collect();
        }
        Self(left)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use acl::{ClassId, Key, Ports};
    use proptest::prelude::*;

    use super::*;

    /// Few values, so that rules meet: addresses 0 to 3, ports 0 to 3, two protocols, one class.
    fn rule() -> impl Strategy<Value = Rule> {
        let side = prop_oneof![
            2 => Just(Addresses::any()),
            2 => (0_u32..4, 30_u8..=32).prop_map(|(address, length)| {
                let net = ipnet::Ipv4Net::new(Ipv4Addr::from(address), length).unwrap();
                [net.trunc()].into_iter().collect()
            }),
            1 => Just(Addresses::from(ClassId::new(0).unwrap())),
            1 => Just(Addresses::default()),
        ];
        let ports = || {
            prop_oneof![
                2 => Just(Ports::full()),
                2 => (0_u16..4, 0_u16..4).prop_map(|(a, b)| Ports::from_iter([a.min(b)..=a.max(b)])),
                1 => Just(Ports::from_iter([2..=65_535])),
            ]
        };
        let protocol = prop_oneof![
            Just(Protocols::Any),
            Just(Protocols::Number(6)),
            Just(Protocols::Number(1))
        ];
        (side.clone(), side, protocol, ports(), ports()).prop_map(
            |(source, destination, protocol, source_ports, destination_ports)| Rule {
                source,
                destination,
                protocol,
                source_ports,
                destination_ports,
            },
        )
    }

    fn key() -> impl Strategy<Value = Key> {
        let port = || prop_oneof![(0_u16..5).prop_map(Some), Just(None)];
        (
            0_u32..5,
            0_u32..5,
            prop_oneof![Just(6_u8), Just(1), Just(47)],
            port(),
            port(),
            0_u32..2,
            0_u32..2,
        )
            .prop_map(
                |(source, destination, protocol, source_port, destination_port, s, d)| Key {
                    source: source.into(),
                    destination: destination.into(),
                    protocol,
                    source_port,
                    destination_port,
                    source_classes: s,
                    destination_classes: d,
                },
            )
    }

    proptest! {
        /// No packet that a covered rule matches gets past the rules that cover it.
        #[test]
        fn a_covered_rule_never_decides(
            rules in proptest::collection::vec(rule(), 1..6),
            keys in proptest::collection::vec(key(), 64),
        ) {
            let (last, earlier) = rules.split_last().unwrap();
            if let Some(covering) = covered_by(last, earlier) {
                for key in keys.iter().filter(|key| last.matches(key)) {
                    prop_assert!(covering.iter().any(|&position| earlier[position].matches(key)), "{key:?}");
                }
            }
        }

        /// A rule behind itself is covered, one alone is not.
        #[test]
        fn a_rule_is_covered_by_itself_and_not_by_nothing(rule in rule()) {
            let matches_nothing = Piece::of(&rule).is_none();
            prop_assert_eq!(covered_by(&rule, &[]), None);
            let twice = covered_by(&rule, std::slice::from_ref(&rule));
            prop_assert_eq!(twice, (!matches_nothing).then(|| vec![0]));
        }
    }

    #[test]
    fn halves_cover_a_whole_together() {
        let part = |ports: std::ops::RangeInclusive<u16>, protocol| Rule {
            protocol,
            destination_ports: Ports::from_iter([ports]),
            ..Rule::any()
        };
        let whole = part(10..=20, Protocols::Number(6));
        let halves = [
            part(0..=14, Protocols::Any),
            part(80..=80, Protocols::Any),
            part(15..=30, Protocols::Number(6)),
        ];
        assert_eq!(covered_by(&whole, &halves), Some(vec![0, 2]));
        assert_eq!(covered_by(&whole, &halves[..2]), None);
    }

    /// Ports written in full accept packets that have none.
    #[test]
    fn all_ports_are_not_covered_by_those_that_leave_out_packets_without_ports() {
        let narrow = |range| Rule {
            destination_ports: Ports::from_iter([range]),
            ..Rule::any()
        };
        let halves = [narrow(0..=100), narrow(101..=65_535)];
        assert_eq!(covered_by(&Rule::any(), &halves), None);
    }
}

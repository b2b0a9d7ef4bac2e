//! Address spaces and the ranges that Azure keeps for itself.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// 168.63.129.16: DNS, DHCP, agent and health probes (N-11).
pub const HOST_ADDRESS: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
/// 169.254.169.254: instance metadata (N-11).
pub const METADATA_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Ranges that no virtual network may touch (N-4, S-28).
pub const FORBIDDEN_IN_VIRTUAL_NETWORKS: [(Ipv4Addr, u8); 5] = [
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::BROADCAST, 32),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (HOST_ADDRESS, 32),
];

/// True if the two prefixes share an address.
pub fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// The first pair of prefixes, one of each list, that share an address.
pub fn first_overlap(ones: &[Ipv4Net], others: &[Ipv4Net]) -> Option<(Ipv4Net, Ipv4Net)> {
    ones.iter().find_map(|&one| {
        others
            .iter()
            .find(|&&other| overlap(one, other))
            .map(|&other| (one, other))
    })
}

/// Prefixes that share no address, for the question whether there is room for one more: their last addresses by their first ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DisjointPrefixes(BTreeMap<Ipv4Addr, Ipv4Addr>);

impl DisjointPrefixes {
    /// Whether a prefix shares an address with one of them.
    pub(crate) fn overlap(&self, prefix: Ipv4Net) -> bool {
        let mut before_its_end = self.0.range(..=prefix.broadcast());
        before_its_end
            .next_back()
            .is_some_and(|(_, &last)| last >= prefix.network())
    }

    /// Adds prefixes that overlap with none.
    pub(crate) fn extend(&mut self, prefixes: &[Ipv4Net]) {
        let ends = prefixes.iter();
        self.0
            .extend(ends.map(|prefix| (prefix.network(), prefix.broadcast())));
    }
}

/// The address space of a virtual network: disjoint prefixes in the order in which they were written, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSpace(Vec<Ipv4Net>);

/// Why a list of prefixes is no address space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressSpaceError {
    /// No prefix at all.
    #[error("an address space needs at least one prefix")]
    Empty,
    /// Bits beyond the prefix length are set.
    #[error("{0} has host bits set; the network is {network}", network = .0.trunc())]
    HostBits(Ipv4Net),
    /// Two prefixes share addresses.
    #[error("address prefixes {0} and {1} overlap")]
    Overlap(Ipv4Net, Ipv4Net),
    /// A range that Azure keeps for itself (N-4).
    #[error("{0} touches {1}, which Azure does not allow in a virtual network")]
    Forbidden(Ipv4Net, Ipv4Net),
}

impl AddressSpace {
    /// The prefixes, in the order in which they were written.
    pub fn prefixes(&self) -> &[Ipv4Net] {
        &self.0
    }

    /// True if one prefix contains the whole of `prefix`.
    pub fn contains(&self, prefix: Ipv4Net) -> bool {
        self.0.iter().any(|own| own.contains(&prefix))
    }

    /// True if the address lies in the space.
    pub fn contains_address(&self, address: Ipv4Addr) -> bool {
        self.0.iter().any(|own| own.contains(&address))
    }
}

impl TryFrom<Vec<Ipv4Net>> for AddressSpace {
    type Error = AddressSpaceError;

    fn try_from(prefixes: Vec<Ipv4Net>) -> Result<Self, AddressSpaceError> {
        if prefixes.is_empty() {
            return Err(AddressSpaceError::Empty);
        }
        for (position, &prefix) in prefixes.iter().enumerate() {
            if prefix.trunc() != prefix {
                return Err(AddressSpaceError::HostBits(prefix));
            }
            for (address, length) in FORBIDDEN_IN_VIRTUAL_NETWORKS {
                let forbidden = Ipv4Net::new_assert(address, length);
                if overlap(prefix, forbidden) {
                    return Err(AddressSpaceError::Forbidden(prefix, forbidden));
                }
            }
            if let Some(&earlier) = prefixes[..position]
                .iter()
                .find(|&&earlier| overlap(earlier, prefix))
            {
                return Err(AddressSpaceError::Overlap(earlier, prefix));
            }
        }
        Ok(Self(prefixes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(prefixes: &[&str]) -> Result<AddressSpace, AddressSpaceError> {
        AddressSpace::try_from(
            prefixes
                .iter()
                .map(|prefix| prefix.parse().unwrap())
                .collect::<Vec<Ipv4Net>>(),
        )
    }

    #[test]
    fn a_prefix_overlaps_with_some_exactly_if_it_does_with_one_of_them() {
        let prefixes: Vec<Ipv4Net> = [0, 1, 64, 65, 127, 128, 192, 254, 255]
            .into_iter()
            .flat_map(|last| {
                let address = Ipv4Addr::new(10, 0, 0, last);
                [0, 24, 25, 26, 27, 31, 32]
                    .map(|length| Ipv4Net::new_assert(address, length).trunc())
            })
            .collect();
        let mut several = DisjointPrefixes::default();
        let mut accepted: Vec<Ipv4Net> = Vec::new();
        for &prefix in prefixes.iter().rev() {
            let one = accepted.iter().any(|&other| overlap(prefix, other));
            assert_eq!(several.overlap(prefix), one, "{prefix} {accepted:?}");
            if !one {
                several.extend(&[prefix]);
                accepted.push(prefix);
            }
        }
        assert!(accepted.len() > 5);
    }

    #[test]
    fn overlapping_prefixes_are_named_in_the_error() {
        let error = space(&["10.0.0.0/16", "10.1.0.0/16", "10.0.4.0/24"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "address prefixes 10.0.0.0/16 and 10.0.4.0/24 overlap"
        );
    }

    #[test]
    fn host_bits_and_platform_ranges_are_refused() {
        assert_eq!(
            space(&["10.0.0.1/16"]).unwrap_err().to_string(),
            "10.0.0.1/16 has host bits set; the network is 10.0.0.0/16"
        );
        assert!(matches!(
            space(&["168.63.0.0/16"]),
            Err(AddressSpaceError::Forbidden(..))
        ));
        assert_eq!(space(&[]), Err(AddressSpaceError::Empty));
    }
}

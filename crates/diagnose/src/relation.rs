//! How two virtual networks stand to each other: what lies between "no route" and what to do about it.

use std::net::Ipv4Addr;

use model::{LinkId, Network, PeeringState, VnetId};

/// How one virtual network stands to another, seen from the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They are one.
    Same,
    /// The first has a link to the second.
    Linked {
        /// The link.
        link: LinkId,
        /// Its state.
        state: PeeringState,
        /// Whether the link knows the address that is asked for (P-6, P-8).
        knows_address: bool,
    },
    /// Only the second has a link to the first.
    LinkedBack(LinkId),
    /// No link, but networks that are peered with both: peering is not transitive (P-4).
    Through(Vec<VnetId>),
    /// Nothing joins them.
    Apart,
}

impl Relation {
    /// How `from` stands to `to`, as far as `address`, which lies in `to`, is concerned.
    pub fn between(network: &Network, from: VnetId, to: VnetId, address: Ipv4Addr) -> Self {
        if from == to {
            return Self::Same;
        }
        if let Some(link) = link_to(network, from, to) {
            let peering = &network.peerings()[link];
            return Self::Linked {
                link,
                state: peering.state,
                knows_address: peering
                    .remote_address_space
                    .iter()
                    .any(|prefix| prefix.contains(&address)),
            };
        }
        if let Some(link) = link_to(network, to, from) {
            return Self::LinkedBack(link);
        }
        let middles: Vec<VnetId> = network
            .virtual_networks()
            .keys()
            .filter(|&middle| {
                is_connected(network, from, middle) && is_connected(network, to, middle)
            })
            .collect();
        if middles.is_empty() {
            Self::Apart
        } else {
            Self::Through(middles)
        }
    }
}

/// The link of one network to another.
pub fn link_to(network: &Network, from: VnetId, to: VnetId) -> Option<LinkId> {
    let remote = &network.virtual_networks().get(to)?.id;
    network
        .virtual_networks()
        .get(from)?
        .peerings
        .iter()
        .copied()
        .find(|&link| network.peerings()[link].remote == *remote)
}

fn is_connected(network: &Network, from: VnetId, to: VnetId) -> bool {
    link_to(network, from, to)
        .is_some_and(|link| network.peerings()[link].state == PeeringState::Connected)
}

/// The virtual network in which an address lies: the one in which somebody owns it, else the first whose space contains it.
pub fn home_of(network: &Network, address: Ipv4Addr) -> Option<VnetId> {
    let containing = || {
        network
            .virtual_networks()
            .iter()
            .filter(move |(_, vnet)| vnet.address_space.contains_address(address))
    };
    containing()
        .find(|(_, vnet)| {
            vnet.subnets
                .iter()
                .any(|&subnet| network.subnets()[subnet].addresses.owner(address).is_some())
        })
        .or_else(|| containing().next())
        .map(|(key, _)| key)
}

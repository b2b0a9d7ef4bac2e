//! What each peering link admits into the network that holds it: the receiver's link is the gatekeeper (F-6).

use fib::AddressSet;
use model::options::ForwardedTraffic as Reading;
use model::{LinkId, VnetId};

use crate::next_hop::Owners;
use crate::snapshot::{ForwardedTraffic, Link, VirtualNetwork};
use crate::wiring::Wiring;

pub(crate) fn link(wiring: &Wiring<'_>, key: LinkId) -> Link {
    let network = wiring.network;
    let peering = &network.peerings()[key];
    let remote = wiring.remote(key);
    Link {
        local: peering.virtual_network,
        remote,
        connected: wiring.is_connected(key),
        // F-7.1, P-6, P-8: what this side knows of the remote network, which may be old or no more than some subnets.
        known_sources: peering.remote_address_space.iter().copied().collect(),
        // F-7.2
        remote_space: remote.map_or(AddressSet::EMPTY, |remote| space(wiring, remote)),
        forwarded: forwarded(wiring, key),
        global: wiring.is_global(key),
    }
}

/// A virtual network as packets see it.
pub(crate) fn virtual_network(wiring: &Wiring<'_>, owners: &Owners, key: VnetId) -> VirtualNetwork {
    VirtualNetwork {
        owners: owners.of(key),
        space: space(wiring, key),
        links: links_by_remote(wiring, key),
        grouped: wiring.grouped(key).collect(),
    }
}

/// The present address space of a network.
fn space(wiring: &Wiring<'_>, vnet: VnetId) -> AddressSet {
    let network = &wiring.network.virtual_networks()[vnet];
    network.address_space.prefixes().iter().copied().collect()
}

/// F-6, F-9a, F-10.
fn forwarded(wiring: &Wiring<'_>, link: LinkId) -> ForwardedTraffic {
    let network = wiring.network;
    if network.peerings()[link].flags.allow_forwarded_traffic {
        return ForwardedTraffic::Allowed;
    }
    match network.options.forwarded_traffic {
        // A route server alone is no gateway: the exemption was seen with one only.
        Reading::Observed | Reading::Lenient
            if wiring.uses_remote_gateway(link)
                && wiring
                    .remote(link)
                    .is_some_and(|hub| !wiring.gateways_in(hub).is_empty()) =>
        {
            ForwardedTraffic::AllowedByRemoteGateway
        }
        Reading::Lenient => ForwardedTraffic::Tolerated,
        Reading::Observed | Reading::Documented => ForwardedTraffic::Blocked,
    }
}

/// A network's own links by remote network, for a binary search. Of two links to one network, which only a broken input has, the
/// Connected one counts.
fn links_by_remote(wiring: &Wiring<'_>, vnet: VnetId) -> Vec<(VnetId, LinkId)> {
    let own = &wiring.network.virtual_networks()[vnet].peerings;
    let mut links: Vec<(VnetId, LinkId)> = own
        .iter()
        .filter_map(|&link| Some((wiring.remote(link)?, link)))
        .collect();
    links.sort_by_key(|&(remote, link)| (remote, !wiring.is_connected(link)));
    links.dedup_by_key(|&mut (remote, _)| remote);
    links
}

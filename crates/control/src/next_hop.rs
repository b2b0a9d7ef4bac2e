//! Who stands behind an address, and so what the next hop of a row comes to.

use std::net::Ipv4Addr;
use std::sync::Arc;

use model::table::Key;
use model::{AddressOwner, GatewayId, GatewayType, Network, NextHopType, VnetId};

use crate::load_balancers::Frontends;
use crate::snapshot::{AddressOwners, EffectiveRoute, NextHop, Owner, RouteOrigin};
use crate::wiring::{GatewayAccess, Wiring};

/// Who owns which address, network by network.
#[derive(Debug)]
pub(crate) struct Owners {
    by_vnet: Vec<Arc<AddressOwners>>,
    /// By frontend, whether it is a Basic one (P-7).
    basic: Vec<bool>,
}

impl Owners {
    pub(crate) fn new(network: &Network, frontends: &Frontends) -> Self {
        let mut by_vnet = vec![AddressOwners::default(); network.virtual_networks().capacity()];
        for subnet in network.subnets().values() {
            let owners = &mut by_vnet[subnet.virtual_network.index()];
            owners.extend(subnet.addresses.iter().map(|(address, owner)| {
                let owner = match *owner {
                    AddressOwner::Nic(nic, _) => Owner::Nic(nic),
                    AddressOwner::LoadBalancer(balancer, position) => frontends
                        .numbers
                        .get(&(balancer, position))
                        .map_or(Owner::Unsimulated, |&frontend| Owner::Frontend(frontend)),
                    AddressOwner::Other(_) => Owner::Unsimulated,
                };
                (address, owner)
            }));
        }
        for owners in &mut by_vnet {
            owners.shrink_to_fit();
        }
        let by_vnet = by_vnet.into_iter().map(Arc::new).collect();
        let basic = frontends.list.iter().map(|frontend| frontend.basic);
        Self {
            by_vnet,
            basic: basic.collect(),
        }
    }

    /// The owners of addresses in a network.
    pub(crate) fn of(&self, vnet: VnetId) -> Arc<AddressOwners> {
        Arc::clone(&self.by_vnet[vnet.index()])
    }

    /// an appliance's address is resolved against the own space, then against what Connected links know of their networks;
    /// never against user or gateway routes, and without asking any security group.
    fn appliance(&self, wiring: &Wiring<'_>, vnet: VnetId, address: Ipv4Addr) -> NextHop {
        let network = wiring.network;
        let own = &network.virtual_networks()[vnet];
        if own.address_space.contains_address(address) {
            return self.owner(vnet, address);
        }
        let behind = own.peerings.iter().copied().find(|&link| {
            let space = &network.peerings()[link].remote_address_space;
            wiring.is_connected(link) && space.iter().any(|prefix| prefix.contains(&address))
        });
        match behind {
            Some(link) => match wiring
                .remote(link)
                .map(|remote| self.owner(remote, address))
            {
                // P-7: a Basic frontend is out of reach across global peering.
                Some(NextHop::Frontend(frontend))
                    if wiring.is_global(link) && self.basic[frontend.0 as usize] =>
                {
                    NextHop::Unreachable
                }
                Some(next_hop) => next_hop,
                None => NextHop::Outside(link),
            },
            None => Self::group_with(wiring, vnet, address)
                .map_or(NextHop::Unreachable, |other| self.owner(other, address)),
        }
    }

    /// the network of a connected group that holds an address.
    fn group_with(wiring: &Wiring<'_>, vnet: VnetId, address: Ipv4Addr) -> Option<VnetId> {
        wiring.grouped(vnet).find(|&other| {
            wiring.network.virtual_networks()[other]
                .address_space
                .contains_address(address)
        })
    }

    fn owner(&self, vnet: VnetId, address: Ipv4Addr) -> NextHop {
        match self.by_vnet[vnet.index()].get(&address) {
            Some(&Owner::Nic(nic)) => NextHop::Nic(nic),
            Some(&Owner::Frontend(frontend)) => NextHop::Frontend(frontend),
            Some(Owner::Unsimulated) => NextHop::Unsimulated,
            None => NextHop::NobodyThere, // R-26a
        }
    }

    /// What the next hop of a row comes to for the NICs of a network.
    pub(crate) fn resolve(
        &self,
        wiring: &Wiring<'_>,
        vnet: VnetId,
        row: &EffectiveRoute,
    ) -> NextHop {
        match (row.next_hop_type, &row.origin) {
            (_, &RouteOrigin::Gateway(gateway)) => NextHop::Gateway(gateway),
            // G-10: straight to the appliance, as with a user route.
            (_, &RouteOrigin::RouteServer(_)) => row
                .next_hop_ips
                .first()
                .map_or(NextHop::Unreachable, |&address| {
                    self.appliance(wiring, vnet, address)
                }),
            (_, &RouteOrigin::Peering(link)) => match wiring.remote(link) {
                Some(_) => NextHop::Peer(link),
                None => NextHop::Outside(link),
            },
            // a user route to `VnetLocal` outside the network finds nobody there, which is what the owner look-up says.
            (NextHopType::VnetLocal, _) => NextHop::Local,
            (NextHopType::VirtualAppliance, _) => row
                .next_hop_ips
                .first()
                .map_or(NextHop::Unreachable, |&address| {
                    self.appliance(wiring, vnet, address)
                }),
            (NextHopType::VirtualNetworkGateway, _) => user_gateway(wiring, vnet),
            (NextHopType::Internet, _) => NextHop::Internet,
            (NextHopType::VirtualNetworkServiceEndpoint, _) => NextHop::AzureService,
            (NextHopType::InterfaceEndpoint, _) => row.prefixes.first().map_or(
                NextHop::Unreachable,
                |prefix| self.appliance(wiring, vnet, prefix.addr()),
            ),
            (NextHopType::None, _) => NextHop::Discard,
            (NextHopType::ConnectedGroup, _) => row
                .prefixes
                .first()
                .and_then(|prefix| Self::group_with(wiring, vnet, prefix.network()))
                .map_or(NextHop::Unreachable, NextHop::Group),
            // Rows of these types come from links only.
            (NextHopType::VNetPeering | NextHopType::VNetGlobalPeering, _) => NextHop::Unreachable,
        }
    }
}

/// G-5: a user route to `VirtualNetworkGateway` means the own VPN gateway, else that of the network whose gateway this one uses.
fn user_gateway(wiring: &Wiring<'_>, vnet: VnetId) -> NextHop {
    let vpn = |gateways: &[GatewayId]| {
        vpn_alone(wiring, gateways).map_or(NextHop::NoGateway, NextHop::Gateway)
    };
    match wiring.gateway_access(vnet) {
        GatewayAccess::Own(gateways) | GatewayAccess::Remote(_, gateways) => vpn(gateways),
        GatewayAccess::Outside(link) => NextHop::Outside(link),
        GatewayAccess::TransitOff(link) => NextHop::TransitOff(link),
        GatewayAccess::None => NextHop::NoGateway,
    }
}

/// VPN only, and not beside an ExpressRoute gateway (G-9).
fn vpn_alone(wiring: &Wiring<'_>, gateways: &[GatewayId]) -> Option<GatewayId> {
    let kind = |gateway: &GatewayId| wiring.network.gateways()[*gateway].kind;
    if gateways
        .iter()
        .any(|gateway| kind(gateway) == GatewayType::ExpressRoute)
    {
        return None;
    }
    gateways.first().copied()
}

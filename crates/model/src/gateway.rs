//! Virtual network gateways, the sites and circuits behind them, and what they have learned (G-1, G-2).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::id::ResourceId;
use crate::spelling::{ConnectionType, GatewayType, VpnType};
use crate::table::{GatewayId, LocalGatewayId, NicId, PublicIpId, Resource, VnetId};
use crate::virtual_network::Location;

/// A VPN or ExpressRoute gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualNetworkGateway {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// The network in whose `GatewaySubnet` it lives.
    pub virtual_network: VnetId,
    /// VPN or ExpressRoute.
    pub kind: GatewayType,
    /// How a VPN gateway chooses a tunnel.
    pub vpn_type: VpnType,
    /// Both instances carry traffic (G-2).
    pub active_active: bool,
    /// At least one.
    pub instances: Vec<GatewayInstance>,
    /// BGP on the gateway as a whole.
    pub bgp: bool,
    /// Autonomous system number; 65515 unless set.
    pub asn: u32,
    /// Site that gets everything that no other route takes (G-8).
    pub default_site: Option<LocalGatewayId>,
    /// Address pool of point-to-site clients (G-11).
    pub client_pool: Vec<Ipv4Net>,
    /// Routes learned by BGP: an input (DESIGN: `learnedRoutes`).
    pub learned_routes: Vec<LearnedRoute>,
}

/// One instance of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayInstance {
    /// Its hidden NIC.
    pub nic: NicId,
    /// Its public address, where it has one.
    pub public_ip: Option<PublicIpId>,
}

/// A route that a gateway or route server has learned by BGP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearnedRoute {
    /// Where to.
    pub prefix: Ipv4Net,
    /// Next hop as the BGP table shows it; `None` = not given.
    pub next_hop: Option<Ipv4Addr>,
    /// Autonomous systems on the way; a shorter path wins, equal ones share.
    pub as_path: Vec<u32>,
}

/// A site outside Azure, as a gateway knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalNetworkGateway {
    /// Full resource id.
    pub id: ResourceId,
    /// Static prefixes of the site.
    pub prefixes: Vec<Ipv4Net>,
    /// Public address of the site's device.
    pub gateway_address: Option<Ipv4Addr>,
    /// BGP peer address of the site's device.
    pub bgp_address: Option<Ipv4Addr>,
    /// Autonomous system of the site.
    pub asn: Option<u32>,
}

/// A connection of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Full resource id.
    pub id: ResourceId,
    /// What it joins.
    pub kind: ConnectionType,
    /// The gateway that owns it.
    pub gateway: GatewayId,
    /// The other end.
    pub peer: ConnectionPeer,
    /// BGP over this connection.
    pub bgp: bool,
    /// False if the input says that it is not connected; unknown counts as up.
    pub up: bool,
    /// Weight among connections to the same prefix.
    pub routing_weight: u32,
    /// `trafficSelectorPolicies`: the only traffic that the tunnel carries; empty = everything that is routed into it (G-7).
    pub traffic_selectors: Vec<TrafficSelector>,
}

/// A pair of prefix lists: a policy-based tunnel carries a packet if one end lies in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficSelector {
    /// Prefixes on the side of Azure.
    pub local: Vec<Ipv4Net>,
    /// Prefixes on the far side.
    pub remote: Vec<Ipv4Net>,
}

impl TrafficSelector {
    /// Whether it lets packets between an address in Azure and one on the far side pass.
    pub fn carries(&self, local: Ipv4Addr, remote: Ipv4Addr) -> bool {
        let any =
            |prefixes: &[Ipv4Net], address| prefixes.iter().any(|prefix| prefix.contains(&address));
        any(&self.local, local) && any(&self.remote, remote)
    }
}

/// Other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionPeer {
    /// A site.
    Site(LocalGatewayId),
    /// Another gateway of the input.
    Gateway(GatewayId),
    /// A resource that is not in the input, or an ExpressRoute circuit.
    Outside(ResourceId),
}

/// Autonomous system number of an Azure VPN gateway and of a route server unless set (G-10).
pub const DEFAULT_ASN: u32 = 65515;

macro_rules! resources {
    ($($name:ident),+) => {$(
        impl Resource for $name {
            fn id(&self) -> &ResourceId {
                &self.id
            }
        }
    )+};
}

resources!(VirtualNetworkGateway, LocalNetworkGateway, Connection);

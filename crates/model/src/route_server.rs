//! Route servers: they take routes from appliances by BGP and program them into networks; no packet passes them (G-10).

use std::net::Ipv4Addr;

use crate::gateway::LearnedRoute;
use crate::id::ResourceId;
use crate::spelling::RoutingPreference;
use crate::table::{Resource, SubnetId, VnetId};
use crate::virtual_network::Location;

/// A route server (`Microsoft.Network/virtualHubs` of kind `RouteServer`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteServer {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// The network in whose `RouteServerSubnet` it lives.
    pub virtual_network: VnetId,
    /// That subnet.
    pub subnet: SubnetId,
    /// `virtualRouterIps`: the addresses of its instances, two in Azure.
    pub instances: Vec<Ipv4Addr>,
    /// `virtualRouterAsn`; 65515 in Azure.
    pub asn: u32,
    /// `allowBranchToBranchTraffic`: it hands routes on between gateways and appliances (G-9, G-10).
    pub branch_to_branch: bool,
    /// `hubRoutingPreference`: which source of one prefix wins.
    pub preference: RoutingPreference,
    /// Its BGP connections, in the order of the input.
    pub peers: Vec<RouteServerPeer>,
}

/// A BGP connection of a route server to an appliance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteServerPeer {
    /// Full resource id.
    pub id: ResourceId,
    /// `peerIp`: the address of the appliance.
    pub address: Ipv4Addr,
    /// `peerAsn`.
    pub asn: u32,
    /// False if the input says that it is not connected; unknown counts as up (G-3).
    pub up: bool,
    /// Routes learned from the appliance: an input. A next hop of its own points to a third party, else to the appliance.
    pub learned_routes: Vec<LearnedRoute>,
}

impl Resource for RouteServer {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

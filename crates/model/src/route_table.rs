//! Route tables: user-defined routes.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::id::ResourceId;
use crate::security::ServiceTag;
use crate::spelling::NextHopType;
use crate::table::Resource;
use crate::virtual_network::Location;

/// A route table; one may serve many subnets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTable {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// In the order of the input; no two with the same destination.
    pub routes: Vec<Route>,
    /// `disableBgpRoutePropagation`: no gateway routes on the subnets of this table.
    pub gateway_propagation_disabled: bool,
}

/// One user-defined route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Name, unique in the table.
    pub name: String,
    /// Which packets it is for.
    pub destination: RouteDestination,
    /// Where they go.
    pub next_hop: UserNextHop,
}

/// Destination of a user-defined route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RouteDestination {
    /// A prefix.
    Prefix(Ipv4Net),
    /// All prefixes of a service tag.
    Tag(ServiceTag),
}

/// Next hop of a user-defined route: the five kinds that Azure accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserNextHop {
    /// An address that forwards.
    VirtualAppliance(Ipv4Addr),
    /// The VPN gateway of this network or of the peer whose gateway it uses (G-5).
    VirtualNetworkGateway,
    /// The own virtual network.
    VnetLocal,
    /// The Internet.
    Internet,
    /// Dropped.
    None,
}

impl UserNextHop {
    /// The type as effective routes print it.
    pub const fn kind(self) -> NextHopType {
        match self {
            Self::VirtualAppliance(_) => NextHopType::VirtualAppliance,
            Self::VirtualNetworkGateway => NextHopType::VirtualNetworkGateway,
            Self::VnetLocal => NextHopType::VnetLocal,
            Self::Internet => NextHopType::Internet,
            Self::None => NextHopType::None,
        }
    }

    /// The address of an appliance.
    pub const fn address(self) -> Option<Ipv4Addr> {
        match self {
            Self::VirtualAppliance(address) => Some(address),
            Self::VirtualNetworkGateway | Self::VnetLocal | Self::Internet | Self::None => None,
        }
    }
}

impl Resource for RouteTable {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

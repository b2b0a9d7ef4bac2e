//! Virtual networks and their subnets.

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::address::{AddressSpace, DisjointPrefixes};
use crate::allocation::AddressPool;
use crate::id::ResourceId;
use crate::spelling::{Cloud, DeploymentModel, PrivateEndpointPolicies};
use crate::table::{LinkId, NatGatewayId, NsgId, Resource, RouteTableId, SubnetId, VnetId};

/// An Azure region by its location id: lower case, no spaces (`northeurope`; `North Europe` is read too).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Location(String);

impl Location {
    /// From a display name or a location id.
    pub fn new(text: &str) -> Self {
        Self(
            text.chars()
                .filter(|c| !c.is_whitespace())
                .collect::<String>()
                .to_lowercase(),
        )
    }

    /// The location id; empty if the input names no region.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The cloud that has this region; `None` if the input names no region. A region that is neither of the government's nor in
    /// China counts as public.
    pub fn cloud(&self) -> Option<Cloud> {
        match self.as_str() {
            "" => None,
            region if region.starts_with("usgov") || region.starts_with("usdod") => {
                Some(Cloud::UsGovernment)
            }
            region if region.starts_with("china") => Some(Cloud::China),
            _ => Some(Cloud::Public),
        }
    }

    /// True if the input names no region. Networks without a region count as being in one region.
    pub fn is_unknown(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A virtual network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualNetwork {
    /// Full resource id.
    pub id: ResourceId,
    /// Region; decides between `VNetPeering` and `VNetGlobalPeering`.
    pub location: Location,
    /// Never empty, disjoint.
    pub address_space: AddressSpace,
    /// In the order of the input.
    pub subnets: Vec<SubnetId>,
    /// All prefixes of all subnets.
    pub(crate) subnet_prefixes: DisjointPrefixes,
    /// Resource Manager or classic.
    pub deployment_model: DeploymentModel,
    /// Idle time of flows in minutes, 4 to 30; `None` = not set, counts as 4 (S-19, S-21).
    pub flow_timeout_minutes: Option<u8>,
    /// Custom DNS servers; empty = Azure's own.
    pub dns_servers: Vec<Ipv4Addr>,
    /// What its gateways tell instead of its address space and of the spokes that lie in these prefixes (G-4); empty = not set.
    pub summarized_gateway_prefixes: Vec<Ipv4Net>,
    /// Its own peering links, in the order of their creation.
    pub peerings: Vec<LinkId>,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Full resource id.
    pub id: ResourceId,
    /// The network it lies in.
    pub virtual_network: VnetId,
    /// Inside the network's address space; disjoint from the other subnets'.
    pub prefixes: Vec<Ipv4Net>,
    /// Rules for all NICs in the subnet (S-9).
    pub network_security_group: Option<NsgId>,
    /// User routes for all NICs in the subnet.
    pub route_table: Option<RouteTableId>,
    /// Outbound address translation for all NICs in the subnet (N-12).
    pub nat_gateway: Option<NatGatewayId>,
    /// Whether NICs without any other method reach the Internet (N-12); `None` = the property is not given.
    pub default_outbound_access: Option<bool>,
    /// Services with an endpoint in this subnet, e.g. `Microsoft.Storage`.
    pub service_endpoints: Vec<String>,
    /// Service to which the subnet is delegated, if any.
    pub delegation: Option<String>,
    /// Which policies reach the private endpoints of this subnet.
    pub private_endpoint_policies: PrivateEndpointPolicies,
    /// Which addresses are taken.
    pub addresses: AddressPool,
}

impl Resource for VirtualNetwork {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

impl Resource for Subnet {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

impl VirtualNetwork {
    /// True if the network was deployed through the classic model, which has no peering links of its own (P-9).
    pub fn is_classic(&self) -> bool {
        self.deployment_model == DeploymentModel::Classic
    }
}

impl Subnet {
    /// True if the address lies in one of the subnet's prefixes.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.prefixes.iter().any(|prefix| prefix.contains(&address))
    }

    /// True for the subnet in which gateways live (G-1).
    pub fn is_gateway_subnet(&self) -> bool {
        self.id.name().eq_ignore_ascii_case("GatewaySubnet")
    }

    /// True for the subnet in which a managed routing appliance lives (G-12).
    pub fn is_appliance_subnet(&self) -> bool {
        self.id
            .name()
            .eq_ignore_ascii_case("VirtualNetworkApplianceSubnet")
    }

    /// True for the subnet in which a route server lives (G-1).
    pub fn is_route_server_subnet(&self) -> bool {
        self.id.name().eq_ignore_ascii_case("RouteServerSubnet")
    }
}

//! Private endpoints: addresses of a virtual network that lead to a service of Azure.

use crate::id::ResourceId;
use crate::request::RequestedAddress;
use crate::spelling::PrivateEndpointPolicies;
use crate::table::{NicId, Resource, SubnetId};
use crate::virtual_network::Location;

/// A private endpoint. Its addresses are those of its NIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateEndpoint {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Its NIC: one of the input, or a hidden one. Nothing is sent from it.
    pub nic: NicId,
    /// The id of the service behind it, as written.
    pub service: Option<String>,
}

/// A private endpoint that is to be created.
#[derive(Clone, Debug)]
pub struct PrivateEndpointRequest {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Where its addresses come from.
    pub addresses: EndpointAddresses,
    /// The id of the service behind it.
    pub service: Option<String>,
}

/// Where the addresses of a private endpoint come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointAddresses {
    /// A NIC of the input, which nobody else uses.
    Nic(NicId),
    /// Addresses of a subnet, at least one.
    Subnet(SubnetId, Vec<RequestedAddress>),
}

impl Resource for PrivateEndpoint {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

impl PrivateEndpointPolicies {
    /// Whether the security group of the subnet judges what comes to its private endpoints.
    pub const fn has_rules(self) -> bool {
        matches!(self, Self::Enabled | Self::NetworkSecurityGroupEnabled)
    }

    /// Whether user routes wider than /32 take effect on what goes to the private endpoints of the subnet.
    pub const fn has_routes(self) -> bool {
        matches!(self, Self::Enabled | Self::RouteTableEnabled)
    }
}

//! Private endpoints: addresses of a virtual network that lead to a service of Azure.

use crate::error::OperationError;
use crate::id::ResourceId;
use crate::network::{Network, not_there};
use crate::network_interface::NicOwner;
use crate::request::{IpConfigurationRequest, NicRequest, RequestedAddress};
use crate::spelling::PrivateEndpointPolicies;
use crate::table::{NicId, PrivateEndpointId, Resource, SubnetId};
use crate::virtual_network::Location;

/// A private endpoint. Its addresses are those of its NIC.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
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

impl Network {
    /// Creates a private endpoint, with a hidden NIC unless it has one of the input.
    pub fn create_private_endpoint(
        &mut self,
        request: PrivateEndpointRequest,
    ) -> Result<PrivateEndpointId, OperationError> {
        not_there(&self.private_endpoints, &request.id)?;
        let owner = NicOwner::PrivateEndpoint(self.private_endpoints.next_key());
        let nic = match request.addresses {
            EndpointAddresses::Nic(nic) => {
                let interface = &self.nics[nic];
                if let Some(user) = self.user_of(interface.owner) {
                    return Err(OperationError::InUse {
                        resource: interface.id.clone(),
                        user,
                    });
                }
                self.nic_mut(nic).owner = owner;
                nic
            }
            EndpointAddresses::Subnet(subnet, addresses) => {
                let configurations = addresses.into_iter().enumerate();
                let ip_configurations = configurations
                    .map(|(number, address)| IpConfigurationRequest {
                        name: format!("privateEndpointIpConfig.{number}"),
                        subnet,
                        // Who chose it shows nowhere.
                        address: match address {
                            RequestedAddress::Assigned(address) => {
                                RequestedAddress::Static(address)
                            }
                            wanted => wanted,
                        },
                        public_ip: None,
                        application_security_groups: Vec::new(),
                        backend_pools: Vec::new(),
                        primary: number == 0,
                    })
                    .collect();
                let nic = NicRequest {
                    id: request.id.child("interfaces", request.id.name()),
                    location: request.location.clone(),
                    ip_configurations,
                    network_security_group: None,
                    ip_forwarding: false,
                    tcp_state_tracking_disabled: false,
                    mac_address: None,
                };
                self.create_nic_for(nic, owner)?
            }
        };
        Ok(self.private_endpoints.add(PrivateEndpoint {
            id: request.id,
            location: request.location,
            nic,
            service: request.service,
        }))
    }
}

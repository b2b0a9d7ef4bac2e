//! Private endpoints.

use super::{Network, not_there};
use crate::error::OperationError;
use crate::network_interface::NicOwner;
use crate::private_endpoint::{EndpointAddresses, PrivateEndpoint, PrivateEndpointRequest};
use crate::request::{IpConfigurationRequest, NicRequest, RequestedAddress};
use crate::table::PrivateEndpointId;

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

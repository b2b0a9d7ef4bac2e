//! Operations on route servers and managed routing appliances.

use super::{Network, not_there};
use crate::allocation::AddressOwner;
use crate::delivery::VirtualNetworkAppliance;
use crate::error::OperationError;
use crate::gateway::LearnedRoute;
use crate::id::ResourceId;
use crate::network_interface::NicOwner;
use crate::request::{IpConfigurationRequest, NicRequest, RouteServerRequest};
use crate::route_server::RouteServer;
use crate::table::{RouteServerId, VirtualNetworkApplianceId, VnetId};
use crate::virtual_network::Location;

impl Network {
    /// Creates a route server, and assigns the addresses of its instances (G-1, G-10).
    pub fn create_route_server(
        &mut self,
        request: RouteServerRequest,
    ) -> Result<RouteServerId, OperationError> {
        not_there(&self.route_servers, &request.id)?;
        let subnet = &self.subnets[request.subnet];
        let virtual_network = subnet.virtual_network;
        let refuse = |reason| {
            Err(OperationError::Gateway {
                gateway: request.id.clone(),
                reason,
            })
        };
        if !subnet.is_route_server_subnet() {
            return refuse("it has to be in the subnet named RouteServerSubnet");
        }
        if subnet.network_security_group.is_some() {
            return refuse("RouteServerSubnet takes no network security group");
        }
        if self.route_server_of(virtual_network).is_some() {
            return refuse("the virtual network has a route server already");
        }
        for (position, peer) in request.peers.iter().enumerate() {
            let earlier = &request.peers[..position];
            if earlier.iter().any(|other| other.address == peer.address) {
                return refuse("two of its BGP connections lead to one address");
            }
        }
        let mut claimed = Vec::new();
        for &wanted in &request.instances {
            let owner = AddressOwner::Other(request.id.clone());
            match self.claim(&request.id, request.subnet, wanted, owner) {
                Ok(address) => claimed.push((request.subnet, address)),
                Err(error) => {
                    self.release(&claimed);
                    return Err(error);
                }
            }
        }
        Ok(self.route_servers.add(RouteServer {
            id: request.id,
            location: request.location,
            virtual_network,
            subnet: request.subnet,
            instances: claimed.into_iter().map(|(_, address)| address).collect(),
            asn: request.asn,
            branch_to_branch: request.branch_to_branch,
            preference: request.preference,
            peers: request.peers,
        }))
    }

    /// Creates a managed routing appliance with its hidden NIC (G-12).
    pub fn create_network_appliance(
        &mut self,
        id: ResourceId,
        location: Location,
        configurations: Vec<IpConfigurationRequest>,
    ) -> Result<VirtualNetworkApplianceId, OperationError> {
        not_there(&self.routing_appliances, &id)?;
        let elsewhere = configurations
            .iter()
            .any(|wanted| !self.subnets[wanted.subnet].is_appliance_subnet());
        if elsewhere {
            return Err(OperationError::Gateway {
                gateway: id,
                reason: "it has to be in the subnet named VirtualNetworkApplianceSubnet",
            });
        }
        let appliance = self.routing_appliances.next_key();
        let nic = NicRequest {
            id: id.child("networkInterfaces", "nic"),
            location: location.clone(),
            ip_configurations: configurations,
            network_security_group: None,
            ip_forwarding: true,
            tcp_state_tracking_disabled: false,
            mac_address: None,
        };
        let nic = self.create_nic_for(nic, NicOwner::VirtualNetworkAppliance(appliance))?;
        Ok(self
            .routing_appliances
            .add(VirtualNetworkAppliance { id, location, nic }))
    }

    /// Replaces what a route server has learned from one of its peers, by the peer's position.
    pub fn set_routes_of_peer(
        &mut self,
        server: RouteServerId,
        peer: usize,
        routes: Vec<LearnedRoute>,
    ) {
        let server = self
            .route_servers
            .get_mut(server)
            .expect("a key held by a live resource names a live resource");
        if let Some(peer) = server.peers.get_mut(peer) {
            peer.learned_routes = routes;
        }
    }

    /// The route server of a virtual network.
    pub fn route_server_of(&self, vnet: VnetId) -> Option<(RouteServerId, &RouteServer)> {
        self.route_servers
            .iter()
            .find(|(_, server)| server.virtual_network == vnet)
    }
}

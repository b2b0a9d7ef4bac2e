//! Operations on load balancers, firewalls, gateways and their connections.

use super::{Network, not_there};
use crate::allocation::AddressOwner;
use crate::delivery::{
    AzureFirewall, Frontend, FrontendAddress, InboundNatTarget, LoadBalancer, NatGateway,
    PublicIpAddress,
};
use crate::error::OperationError;
use crate::gateway::{
    Connection, GatewayInstance, LearnedRoute, LocalNetworkGateway, VirtualNetworkGateway,
};
use crate::network_interface::NicOwner;
use crate::request::{
    FirewallRequest, FrontendRequest, GatewayRequest, IpConfigurationRequest, LoadBalancerRequest,
    NicRequest,
};
use crate::table::{
    ConnectionId, FirewallId, GatewayId, LoadBalancerId, LocalGatewayId, NatGatewayId, NicId,
    PublicIpId,
};

impl Network {
    /// Creates a public address.
    pub fn create_public_ip(
        &mut self,
        address: PublicIpAddress,
    ) -> Result<PublicIpId, OperationError> {
        not_there(&self.public_ips, &address.id)?;
        Ok(self.public_ips.add(address))
    }

    /// Creates a NAT gateway.
    pub fn create_nat_gateway(
        &mut self,
        gateway: NatGateway,
    ) -> Result<NatGatewayId, OperationError> {
        not_there(&self.nat_gateways, &gateway.id)?;
        Ok(self.nat_gateways.add(gateway))
    }

    /// Creates a load balancer and assigns its dynamic frontend addresses.
    pub fn create_load_balancer(
        &mut self,
        request: LoadBalancerRequest,
    ) -> Result<LoadBalancerId, OperationError> {
        not_there(&self.load_balancers, &request.id)?;
        let balancer = self.load_balancers.next_key();
        let mut claimed = Vec::new();
        let mut frontends = Vec::with_capacity(request.frontends.len());
        for (position, (name, frontend)) in request.frontends.into_iter().enumerate() {
            let address = match frontend {
                FrontendRequest::Public(address) => FrontendAddress::Public(address),
                FrontendRequest::Private(subnet, wanted) => {
                    match self.claim(
                        &request.id,
                        subnet,
                        wanted,
                        AddressOwner::LoadBalancer(balancer, position),
                    ) {
                        Ok(address) => {
                            claimed.push((subnet, address));
                            FrontendAddress::Private(subnet, address)
                        }
                        Err(error) => {
                            self.release(&claimed);
                            return Err(error);
                        }
                    }
                }
            };
            frontends.push(Frontend { name, address });
        }
        Ok(self.load_balancers.add(LoadBalancer {
            id: request.id,
            location: request.location,
            sku: request.sku,
            frontends,
            pools: request.pools,
            rules: request.rules,
            probes: request.probes,
            inbound_nat_rules: request.inbound_nat_rules,
            outbound_rules: request.outbound_rules,
        }))
    }

    /// An IP configuration names an inbound NAT rule: its packets are for this address. False if there is no such rule, or if it is
    /// for the members of a pool.
    pub fn aim_inbound_nat_rule(
        &mut self,
        balancer: LoadBalancerId,
        rule: &str,
        nic: NicId,
        configuration: usize,
    ) -> bool {
        let rule = self.load_balancers.get_mut(balancer).and_then(|balancer| {
            balancer
                .inbound_nat_rules
                .iter_mut()
                .find(|known| known.name.eq_ignore_ascii_case(rule))
        });
        match rule {
            Some(rule) if !matches!(rule.target, InboundNatTarget::Pool(_)) => {
                rule.target = InboundNatTarget::Configuration(nic, configuration);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Creates an Azure firewall with its hidden NIC. Returns its key; the private address is that NIC's.
    pub fn create_firewall(
        &mut self,
        request: FirewallRequest,
    ) -> Result<FirewallId, OperationError> {
        let FirewallRequest {
            id,
            location,
            configuration,
            ..
        } = request;
        not_there(&self.firewalls, &id)?;
        let firewall = self.firewalls.next_key();
        let nic = NicRequest {
            id: id.child("azureFirewallIpConfigurations", &configuration.name),
            location: location.clone(),
            ip_configurations: vec![configuration],
            network_security_group: None,
            ip_forwarding: true,
            tcp_state_tracking_disabled: false,
            mac_address: None,
        };
        let nic = self.create_nic_for(nic, NicOwner::AzureFirewall(firewall))?;
        Ok(self.firewalls.add(AzureFirewall {
            id,
            location,
            nic,
            policy: request.policy,
            classic_collections: request.classic_collections,
            classic_private_ranges: request.classic_private_ranges,
            public_ips: request.public_ips,
        }))
    }

    /// Creates a gateway with the hidden NICs of its instances (G-1).
    pub fn create_gateway(&mut self, request: GatewayRequest) -> Result<GatewayId, OperationError> {
        not_there(&self.gateways, &request.id)?;
        let refuse = |reason| {
            Err(OperationError::Gateway {
                gateway: request.id.clone(),
                reason,
            })
        };
        let subnet = &self.subnets[request.subnet];
        let virtual_network = subnet.virtual_network;
        if !subnet.is_gateway_subnet() {
            return refuse("it has to be in the subnet named GatewaySubnet");
        }
        if request.instances.is_empty() {
            return refuse("it has no IP configuration");
        }
        if self
            .gateways_of(virtual_network)
            .any(|(_, other)| other.kind == request.kind)
        {
            return refuse("the virtual network has a gateway of this type already"); // G-1
        }
        let gateway = self.gateways.next_key();
        let mut instances = Vec::with_capacity(request.instances.len());
        for (number, &(public_ip, address)) in request.instances.iter().enumerate() {
            let name = format!("instance{number}");
            let nic = NicRequest {
                id: request.id.child("instances", &number.to_string()),
                location: request.location.clone(),
                ip_configurations: vec![IpConfigurationRequest {
                    name,
                    subnet: request.subnet,
                    address,
                    public_ip,
                    application_security_groups: Vec::new(),
                    backend_pools: Vec::new(),
                    primary: true,
                }],
                network_security_group: None,
                ip_forwarding: true,
                tcp_state_tracking_disabled: false,
                mac_address: None,
            };
            let owner = NicOwner::GatewayInstance(gateway, u8::try_from(number).unwrap_or(u8::MAX));
            match self.create_nic_for(nic, owner) {
                Ok(nic) => instances.push(GatewayInstance { nic, public_ip }),
                Err(error) => {
                    for instance in instances {
                        self.nic_mut(instance.nic).owner = NicOwner::Unattached;
                        self.delete_nic(instance.nic)?;
                    }
                    return Err(error);
                }
            }
        }
        Ok(self.gateways.add(VirtualNetworkGateway {
            id: request.id,
            location: request.location,
            virtual_network,
            kind: request.kind,
            vpn_type: request.vpn_type,
            active_active: request.active_active,
            instances,
            bgp: request.bgp,
            asn: request.asn,
            default_site: request.default_site,
            client_pool: request.client_pool,
            learned_routes: request.learned_routes,
        }))
    }

    /// Replaces what a gateway has learned by BGP.
    pub fn set_learned_routes(&mut self, gateway: GatewayId, routes: Vec<LearnedRoute>) {
        self.gateways
            .get_mut(gateway)
            .expect("a key held by a live resource names a live resource")
            .learned_routes = routes;
    }

    /// Creates a local network gateway.
    pub fn create_local_gateway(
        &mut self,
        gateway: LocalNetworkGateway,
    ) -> Result<LocalGatewayId, OperationError> {
        not_there(&self.local_gateways, &gateway.id)?;
        Ok(self.local_gateways.add(gateway))
    }

    /// Creates a connection.
    pub fn create_connection(
        &mut self,
        connection: Connection,
    ) -> Result<ConnectionId, OperationError> {
        not_there(&self.connections, &connection.id)?;
        Ok(self.connections.add(connection))
    }
}

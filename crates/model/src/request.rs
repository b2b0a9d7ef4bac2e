//! What is asked of the operations that create resources.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::delivery::{BackendPool, HealthProbe, InboundNatRule, LoadBalancingRule, OutboundRule};
use crate::firewall::RuleCollection;
use crate::gateway::LearnedRoute;
use crate::id::ResourceId;
use crate::route_server::RouteServerPeer;
use crate::spelling::{
    DeploymentModel, GatewayType, PowerState, PrivateEndpointPolicies, RoutingPreference, Sku,
    VpnType,
};
use crate::table::{
    AsgId, LoadBalancerId, LocalGatewayId, NatGatewayId, NicId, NsgId, PublicIpId, RouteTableId,
    SubnetId,
};
use crate::virtual_machine::Guest;
use crate::virtual_network::Location;

/// A virtual network that is to be created.
#[derive(Clone, Debug)]
pub struct VirtualNetworkRequest {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Checked by [`crate::AddressSpace`].
    pub address_space: Vec<Ipv4Net>,
    /// Created with the network, in this order.
    pub subnets: Vec<SubnetRequest>,
    /// Resource Manager or classic.
    pub deployment_model: DeploymentModel,
    /// See [`crate::VirtualNetwork::flow_timeout_minutes`].
    pub flow_timeout_minutes: Option<u8>,
    /// See [`crate::VirtualNetwork::dns_servers`].
    pub dns_servers: Vec<Ipv4Addr>,
}

/// A subnet that is to be created.
#[derive(Clone, Debug)]
pub struct SubnetRequest {
    /// Name, unique in the network.
    pub name: String,
    /// At least one.
    pub prefixes: Vec<Ipv4Net>,
    /// See [`crate::Subnet::network_security_group`].
    pub network_security_group: Option<NsgId>,
    /// See [`crate::Subnet::route_table`].
    pub route_table: Option<RouteTableId>,
    /// See [`crate::Subnet::nat_gateway`].
    pub nat_gateway: Option<NatGatewayId>,
    /// See [`crate::Subnet::default_outbound_access`].
    pub default_outbound_access: Option<bool>,
    /// See [`crate::Subnet::service_endpoints`].
    pub service_endpoints: Vec<String>,
    /// See [`crate::Subnet::delegation`].
    pub delegation: Option<String>,
    /// See [`crate::Subnet::private_endpoint_policies`].
    pub private_endpoint_policies: PrivateEndpointPolicies,
}

impl SubnetRequest {
    /// A subnet with one prefix and nothing else.
    pub fn new(name: &str, prefix: Ipv4Net) -> Self {
        Self {
            name: name.to_owned(),
            prefixes: vec![prefix],
            network_security_group: None,
            route_table: None,
            nat_gateway: None,
            default_outbound_access: None,
            service_endpoints: Vec::new(),
            delegation: None,
            private_endpoint_policies: PrivateEndpointPolicies::Disabled,
        }
    }
}

/// A VM that is to be created.
#[derive(Clone, Debug)]
pub struct VirtualMachineRequest {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Availability zone.
    pub zone: Option<String>,
    /// The primary NIC first.
    pub nics: Vec<NicId>,
    /// Unknown counts as running.
    pub power: PowerState,
    /// What runs in it.
    pub guest: Guest,
}

impl VirtualMachineRequest {
    /// A running machine about whose guest nothing is said, in no region.
    pub fn new(id: ResourceId, nics: Vec<NicId>) -> Self {
        Self {
            id,
            location: Location::default(),
            zone: None,
            nics,
            power: PowerState::Running,
            guest: Guest::default(),
        }
    }
}

/// An Azure firewall to create.
#[derive(Clone, Debug)]
pub struct FirewallRequest {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Its place in `AzureFirewallSubnet`.
    pub configuration: IpConfigurationRequest,
    /// Its policy, if it has one.
    pub policy: Option<ResourceId>,
    /// Rule collections of its own.
    pub classic_collections: Vec<RuleCollection>,
    /// Destinations for which the source is kept.
    pub classic_private_ranges: Option<Vec<Ipv4Net>>,
    /// Its public addresses.
    pub public_ips: Vec<PublicIpId>,
}

/// A gateway that is to be created.
#[derive(Clone, Debug)]
pub struct GatewayRequest {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Its `GatewaySubnet`.
    pub subnet: SubnetId,
    /// VPN or ExpressRoute.
    pub kind: GatewayType,
    /// How a VPN gateway chooses a tunnel.
    pub vpn_type: VpnType,
    /// Both instances carry traffic.
    pub active_active: bool,
    /// Public address and wanted private address of each instance; at least one.
    pub instances: Vec<(Option<PublicIpId>, RequestedAddress)>,
    /// BGP on the gateway as a whole.
    pub bgp: bool,
    /// Autonomous system number.
    pub asn: u32,
    /// See [`crate::VirtualNetworkGateway::default_site`].
    pub default_site: Option<LocalGatewayId>,
    /// See [`crate::VirtualNetworkGateway::client_pool`].
    pub client_pool: Vec<Ipv4Net>,
    /// See [`crate::VirtualNetworkGateway::learned_routes`].
    pub learned_routes: Vec<LearnedRoute>,
}

/// A route server that is to be created.
#[derive(Clone, Debug)]
pub struct RouteServerRequest {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Its subnet, named `RouteServerSubnet`.
    pub subnet: SubnetId,
    /// Wanted addresses of its instances.
    pub instances: Vec<RequestedAddress>,
    /// Autonomous system number.
    pub asn: u32,
    /// See [`crate::RouteServer::branch_to_branch`].
    pub branch_to_branch: bool,
    /// See [`crate::RouteServer::preference`].
    pub preference: RoutingPreference,
    /// Its BGP connections.
    pub peers: Vec<RouteServerPeer>,
}

/// A load balancer that is to be created.
#[derive(Clone, Debug)]
pub struct LoadBalancerRequest {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Product tier.
    pub sku: Sku,
    /// Frontends by name.
    pub frontends: Vec<(String, FrontendRequest)>,
    /// Back-end pools.
    pub pools: Vec<BackendPool>,
    /// Rules.
    pub rules: Vec<LoadBalancingRule>,
    /// Probes.
    pub probes: Vec<HealthProbe>,
    /// Inbound NAT rules; those that NICs name have no target yet ([`Network::aim_inbound_nat_rule`](crate::Network::aim_inbound_nat_rule)).
    pub inbound_nat_rules: Vec<InboundNatRule>,
    /// Outbound rules.
    pub outbound_rules: Vec<OutboundRule>,
}

/// Address of a frontend that is to be created.
#[derive(Clone, Copy, Debug)]
pub enum FrontendRequest {
    /// Internal.
    Private(SubnetId, RequestedAddress),
    /// Public.
    Public(Option<PublicIpId>),
}

/// A NIC that is to be created.
#[derive(Clone, Debug)]
pub struct NicRequest {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// At least one.
    pub ip_configurations: Vec<IpConfigurationRequest>,
    /// See [`crate::NetworkInterface::network_security_group`].
    pub network_security_group: Option<NsgId>,
    /// See [`crate::NetworkInterface::ip_forwarding`].
    pub ip_forwarding: bool,
    /// See [`crate::NetworkInterface::tcp_state_tracking_disabled`].
    pub tcp_state_tracking_disabled: bool,
    /// See [`crate::NetworkInterface::mac_address`].
    pub mac_address: Option<[u8; 6]>,
}

impl NicRequest {
    /// A NIC with the first free address of a subnet and nothing else, in no region.
    pub fn new(id: ResourceId, subnet: SubnetId) -> Self {
        Self {
            id,
            location: Location::default(),
            ip_configurations: vec![IpConfigurationRequest::new("ipconfig1", subnet)],
            network_security_group: None,
            ip_forwarding: false,
            tcp_state_tracking_disabled: false,
            mac_address: None,
        }
    }
}

/// The address that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestedAddress {
    /// Allocation `Static`.
    Static(Ipv4Addr),
    /// Allocation `Dynamic`, and Azure has already given this address (a dump says so).
    Assigned(Ipv4Addr),
    /// Allocation `Dynamic`: the first free address of the subnet (N-4).
    FirstFree,
}

/// An IP configuration that is to be created.
#[derive(Clone, Debug)]
pub struct IpConfigurationRequest {
    /// Name, unique in the NIC.
    pub name: String,
    /// The subnet.
    pub subnet: SubnetId,
    /// The private address.
    pub address: RequestedAddress,
    /// See [`crate::IpConfiguration::public_ip`].
    pub public_ip: Option<PublicIpId>,
    /// See [`crate::IpConfiguration::application_security_groups`].
    pub application_security_groups: Vec<AsgId>,
    /// See [`crate::IpConfiguration::backend_pools`].
    pub backend_pools: Vec<(LoadBalancerId, String)>,
    /// If no configuration claims to be primary, the first one is.
    pub primary: bool,
}

impl IpConfigurationRequest {
    /// The primary configuration with the first free address of a subnet and nothing else.
    pub fn new(name: &str, subnet: SubnetId) -> Self {
        Self {
            name: name.to_owned(),
            subnet,
            address: RequestedAddress::FirstFree,
            public_ip: None,
            application_security_groups: Vec::new(),
            backend_pools: Vec::new(),
            primary: true,
        }
    }
}

//! The nouns of Azure virtual networking and the operations that change them, as Azure validates them.
//!
//! A [`Network`] holds resources as Azure stores them. Every change goes through one validated operation that answers with
//! Azure's own error code and leaves the network untouched when it refuses.
//!
//! What this crate does **not** know: files and their spellings on disk (`formats`), effective routes and rules (`control`),
//! packets (`dataplane`). It never prints, never reads a clock and has no global state.
//!
//! | module | what it holds |
//! |---|---|
//! | [`id`] | resource ids, compared without regard to letter case |
//! | [`spelling`] | every word that Azure spells in its own way: the one table of `Display`/`FromStr` |
//! | [`address`] | address spaces, reserved ranges |
//! | [`allocation`] | which addresses of a subnet are taken, and by whom |
//! | [`virtual_network`], [`network_interface`], [`virtual_machine`], [`route_table`], [`security`], [`network_manager`], [`gateway`], [`route_server`], [`delivery`], [`firewall`], [`on_premises`] | the resources |
//! | [`outside`] | hosts outside Azure, which send and receive without being NICs |
//! | [`peering`] | peering links and their life cycle |
//! | [`network`], [`request`] | the tables, the operations on them and what these ask for |
//! | [`journal`] | which rows of a table were touched since a moment |
//! | [`changes`] | which objects of a network may have changed since |
//! | [`lookup`] | what a person types (a VM, a NIC, an address) to what it means |
//! | [`authorization`] | who may do what with networks and peerings |
//! | [`names`] | private DNS zones, DNS servers in machines |
//! | [`options`] | decisions that a user may take differently |
#![forbid(unsafe_code)]

pub mod address;
pub mod allocation;
pub mod authorization;
pub mod changes;
pub mod connectivity;
pub mod delivery;
pub mod error;
pub mod firewall;
pub mod gateway;
pub mod id;
pub mod journal;
pub mod lookup;
pub mod names;
pub mod network;
pub mod network_interface;
pub mod network_manager;
pub mod on_premises;
pub mod options;
pub mod outside;
pub mod peering;
pub mod private_endpoint;
pub mod request;
pub mod route_server;
pub mod route_table;
pub mod security;
pub mod spelling;
pub mod table;
pub mod virtual_machine;
pub mod virtual_network;

pub use address::{AddressSpace, AddressSpaceError};
pub use allocation::{AddressOwner, AddressPool};
pub use connectivity::{ConnectivityConfiguration, ConnectivityGroup};
pub use delivery::{
    AzureFirewall, BackendAddress, BackendPool, Frontend, FrontendAddress, HealthProbe,
    InboundNatRule, InboundNatTarget, LoadBalancer, NatGateway, OutboundRule, PublicIpAddress,
    VirtualNetworkAppliance,
};
pub use error::OperationError;
pub use firewall::{
    CollectionAction, FirewallAddresses, FirewallPolicy, FirewallRule, IpGroup, RuleCollection,
    RuleCollectionGroup, TranslatedDestination,
};
pub use gateway::{
    Connection, ConnectionPeer, GatewayInstance, LearnedRoute, LocalNetworkGateway,
    TrafficSelector, VirtualNetworkGateway,
};
pub use id::ResourceId;
pub use network::Network;
pub use network_interface::{IpConfiguration, NetworkInterface, NicOwner};
pub use network_manager::{
    AdminRuleCollection, NetworkGroup, NetworkManager, SecurityAdminConfiguration,
    SecurityAdminRule,
};
pub use on_premises::{OnPremisesNetwork, OnPremisesRequest, VpnClient};
pub use options::Options;
pub use outside::{OutsideHost, OutsidePlace, StationId};
pub use peering::{Peering, PeeringFlags, PeeringRecord, PeeringScope};
pub use private_endpoint::{EndpointAddresses, PrivateEndpoint, PrivateEndpointRequest};
pub use request::{
    FirewallRequest, FrontendRequest, GatewayRequest, IpConfigurationRequest, LoadBalancerRequest,
    NicRequest, RequestedAddress, RouteServerRequest, SubnetRequest, VirtualMachineRequest,
    VirtualNetworkRequest,
};
pub use route_server::{RouteServer, RouteServerPeer};
pub use route_table::{Route, RouteDestination, RouteTable, UserNextHop};
pub use security::{
    ApplicationSecurityGroup, NetworkSecurityGroup, Ports, RuleAddresses, RuleProtocol,
    SecurityRule, ServiceTag,
};
pub use spelling::{
    Access, AdminAccess, AllocationMethod, Cloud, ConnectionType, ConnectivityTopology,
    DeploymentModel, Direction, GatewayType, IntentPolicyServices, NextHopType, PeeringState,
    PeeringSyncLevel, PowerState, PrivateEndpointPolicies, RouteSource, RouteState,
    RoutingPreference, Sku, VpnType,
};
pub use table::{
    AsgId, ConnectionId, FirewallId, FirewallPolicyId, GatewayId, IpGroupId, LinkId,
    LoadBalancerId, LocalGatewayId, NatGatewayId, NetworkManagerId, NicId, NsgId, OnPremisesId,
    PrivateEndpointId, PublicIpId, RouteServerId, RouteTableId, SubnetId, Table,
    VirtualNetworkApplianceId, VmId, VnetId,
};
pub use virtual_machine::{Guest, GuestRole, Listener, VirtualMachine};
pub use virtual_network::{Location, Subnet, VirtualNetwork};

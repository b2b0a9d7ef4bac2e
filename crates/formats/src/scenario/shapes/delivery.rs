//! Public addresses, NAT gateways, load balancers, private endpoints, and what only holds addresses.

use schemars::JsonSchema;

use super::{Allocation, LoadBalancedProtocol, Missing, Named, OneOrMany};

shapes! {
    /// A public IP address.
    PublicIp {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// The address.
        address: Option<String>,
        /// Basic or Standard.
        sku: Option<String>,
    }

    /// A NAT gateway.
    NatGateway {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Names or ids of its public IP addresses.
        public_ip_addresses: Vec<String>,
    }

    /// A load balancer. Its members are the NICs that name one of its pools.
    LoadBalancer {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Basic or Standard.
        sku: Option<String>,
        /// Frontends by name.
        frontends: Named<Frontend>,
        /// Names of the back-end pools.
        pools: Vec<String>,
        /// Members that are named by their address instead of by their network interface.
        pool_addresses: Vec<PoolAddress>,
        /// Rules.
        rules: Vec<LoadBalancingRule>,
        /// Probes of the members.
        probes: Vec<HealthProbe>,
        /// Inbound NAT rules: a port of a frontend for one member. The network interface names the rule, or the rule a pool.
        inbound_nat_rules: Vec<InboundNatRule>,
        /// Outbound rules: what gives the members of a pool a way to the Internet.
        outbound_rules: Vec<OutboundRule>,
    }

    /// A member of a pool by its address.
    PoolAddress {
        /// Name of the back-end pool.
        pool: Option<String>,
        /// Private address.
        address: Option<String>,
        /// Name or id of the virtual network it lies in; default that of the frontends.
        virtual_network: Option<String>,
    }

    /// A probe: members that do not answer it get no packets.
    HealthProbe {
        /// Name, unique in the load balancer.
        name: Option<String>,
        /// Tcp (default), Http or Https.
        protocol: Option<String>,
        /// Port of the members.
        port: Option<u16>,
    }

    /// An inbound NAT rule.
    InboundNatRule {
        /// Name, unique in the load balancer.
        name: Option<String>,
        /// Name of the frontend.
        frontend: Option<String>,
        /// Tcp, Udp or All.
        protocol: Option<LoadBalancedProtocol>,
        /// Port of the frontend.
        frontend_port: Option<u16>,
        /// First port of the frontend, where the rule is for a pool.
        frontend_port_range_start: Option<u16>,
        /// Last port of the frontend, where the rule is for a pool.
        frontend_port_range_end: Option<u16>,
        /// Port of the member.
        backend_port: Option<u16>,
        /// Name of a back-end pool, each member of which gets one of the ports.
        pool: Option<String>,
        /// Whether members see the frontend's address as destination.
        floating_ip: Option<bool>,
    }

    /// An outbound rule.
    OutboundRule {
        /// Name, unique in the load balancer.
        name: Option<String>,
        /// Names of public frontends.
        frontends: Vec<String>,
        /// Name of the back-end pool.
        pool: Option<String>,
        /// Tcp, Udp or All.
        protocol: Option<LoadBalancedProtocol>,
    }

    /// A frontend: internal with a subnet, public without.
    Frontend {
        /// VNET/SUBNET, or the id of a subnet.
        subnet: Option<String>,
        /// Private address; default the first free one.
        address: Option<String>,
        /// Dynamic if Azure chose the address.
        allocation: Option<Allocation>,
        /// Name or id of a public IP address.
        public_ip: Option<String>,
    }

    /// A load-balancing rule.
    LoadBalancingRule {
        /// Name, unique in the load balancer.
        name: Option<String>,
        /// Name of the frontend.
        frontend: Option<String>,
        /// Name of the back-end pool.
        pool: Option<String>,
        /// Tcp, Udp or All.
        protocol: Option<LoadBalancedProtocol>,
        /// Port of the frontend; 0 for all.
        frontend_port: Option<u16>,
        /// Port of the members; 0 for all.
        backend_port: Option<u16>,
        /// Whether members see the frontend's address as destination.
        floating_ip: Option<bool>,
        /// Name of the probe that tells which members are up; without one every running member is.
        probe: Option<String>,
        /// Whether a public frontend of this rule is no way out for the members.
        disable_outbound_snat: Option<bool>,
    }

    /// A private endpoint: addresses that lead to a service of Azure.
    PrivateEndpoint {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// VNET/SUBNET, or the id of a subnet.
        subnet: Option<String>,
        /// Its addresses; default the first free one of the subnet.
        addresses: Option<OneOrMany>,
        /// Its network interface in place of subnet and addresses, if that is in the file.
        nic: Option<String>,
        /// The id of the service behind it.
        service: Option<String>,
    }

    /// A resource whose packets are not simulated.
    AddressHolder {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// The addresses that it holds.
        addresses: Vec<HeldAddress>,
    }

    /// An address that is not free for others.
    HeldAddress {
        /// VNET/SUBNET, or the id of a subnet.
        subnet: Option<String>,
        /// The address; default the first free one of the subnet.
        address: Option<String>,
    }
}

/// An address, or a public IP address with more to say.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum PublicIpForm {
    /// The address.
    #[expect(dead_code, reason = "a form that is read and never written")]
    Address(String),
    /// In full.
    Full(PublicIp),
}

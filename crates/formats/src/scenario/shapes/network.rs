//! Virtual networks, links, route tables, network interfaces and machines.

use schemars::JsonSchema;

use super::{
    Allocation, DeploymentModel, DnsServer, Missing, Named, OneOrMany, PeeringState, PowerState,
    PrivateEndpointPolicies, Role,
};

shapes! {
    /// A virtual network.
    VirtualNetwork {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region. Networks of different regions are peered globally.
        location: Option<String>,
        /// IPv4 prefixes that do not overlap, e.g. [10.1.0.0/16].
        address_space: Option<OneOrMany>,
        /// Subnets by name: a prefix, or an object.
        subnets: Named<SubnetForm>,
        /// Idle time of flows in minutes, 4 to 30.
        flow_timeout_in_minutes: Option<u8>,
        /// Custom DNS servers.
        dns_servers: Vec<String>,
        /// ResourceManager (default) or Classic.
        deployment_model: Option<DeploymentModel>,
        /// What gateways tell sites in place of the address space and of spokes that lie in these prefixes.
        summarized_gateway_prefixes: Vec<String>,
    }

    /// A subnet.
    Subnet {
        /// The prefix, or several.
        prefix: Option<OneOrMany>,
        /// Name or id of a network security group.
        network_security_group: Option<String>,
        /// Name or id of a route table.
        route_table: Option<String>,
        /// Name or id of a NAT gateway.
        nat_gateway: Option<String>,
        /// Whether machines without any other method reach the Internet.
        default_outbound_access: Option<bool>,
        /// Services with an endpoint here, e.g. Microsoft.Storage.
        service_endpoints: Vec<String>,
        /// Service to which the subnet is delegated.
        delegation: Option<String>,
        /// Which policies reach the private endpoints of the subnet; default none.
        private_endpoint_network_policies: Option<PrivateEndpointPolicies>,
    }

    /// One peering link, in the network `from`, to the network `to`.
    Peering {
        /// Name, unique in the network; default FROM-To-TO.
        name: Option<String>,
        /// Name or id of the network that holds the link.
        from: Option<String>,
        /// Name or id of the remote network, which need not be in the input.
        to: Option<String>,
        /// Whether the remote prefixes belong to the VirtualNetwork tag; default true.
        allow_virtual_network_access: Option<bool>,
        /// Whether forwarded packets may come in through this link; default false.
        allow_forwarded_traffic: Option<bool>,
        /// Whether the remote network may use this network's gateway; default false.
        allow_gateway_transit: Option<bool>,
        /// Whether this network uses the remote gateway; default false.
        use_remote_gateways: Option<bool>,
        /// Skips the check that there is a remote gateway; default false.
        do_not_verify_remote_gateways: Option<bool>,
        /// False if only some subnets are peered; default true.
        peer_complete_vnets: Option<bool>,
        /// Own subnets that are peered.
        local_subnet_names: Vec<String>,
        /// Remote subnets that are peered.
        remote_subnet_names: Vec<String>,
        /// Whether only the IPv6 prefixes of those subnets are peered; default false.
        enable_only_ipv6_peering as "enableOnlyIPv6Peering": Option<bool>,
        /// As recorded: Initiated, Connected or Disconnected; Updating counts as not recorded. Without it the state follows from which links there are.
        peering_state: Option<PeeringState>,
        /// As recorded; used where the remote network is not in the input.
        peering_sync_level: Option<String>,
        /// Remote prefixes that are in force; default: the present ones.
        remote_address_space: Vec<String>,
        /// As recorded.
        resource_guid: Option<String>,
    }

    /// A route table.
    RouteTable {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Routes with different destinations.
        routes: Vec<Route>,
        /// Whether gateway routes stay away from the subnets of this table.
        disable_bgp_route_propagation: Option<bool>,
    }

    /// A user-defined route.
    Route {
        /// Name, unique in the table.
        name: Option<String>,
        /// Destination: a prefix or a service tag.
        prefix: Option<String>,
        /// "VirtualAppliance ADDRESS", VirtualNetworkGateway, VnetLocal, Internet or None.
        next_hop: Option<String>,
    }

    /// A network interface, with one IP configuration written beside its properties or several in a list.
    NetworkInterface {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// VNET/SUBNET, or the id of a subnet.
        subnet: Option<String>,
        /// Private address; default the first free one of the subnet.
        address: Option<String>,
        /// Dynamic if Azure chose the address.
        allocation: Option<Allocation>,
        /// Name or id of a public IP address.
        public_ip: Option<String>,
        /// Names or ids of application security groups.
        application_security_groups: Vec<String>,
        /// LOADBALANCER/POOL for each back-end pool.
        backend_pools: Vec<String>,
        /// LOADBALANCER/RULE for each inbound NAT rule whose packets are for it.
        inbound_nat_rules: Vec<String>,
        /// Several IP configurations.
        ip_configurations: Vec<IpConfiguration>,
        /// Name or id of a network security group.
        network_security_group: Option<String>,
        /// Whether it may send from and receive for addresses that are not its own.
        ip_forwarding: Option<bool>,
        /// Whether TCP state is not tracked.
        disable_tcp_state_tracking: Option<bool>,
        /// As Azure prints it: 00-0D-3A-01-02-03.
        mac_address: Option<String>,
        /// Custom DNS servers, instead of those of the network.
        dns_servers: Vec<String>,
    }

    /// One address of a network interface.
    IpConfiguration {
        /// Name, unique in the interface.
        name: Option<String>,
        /// VNET/SUBNET, or the id of a subnet.
        subnet: Option<String>,
        /// Private address; default the first free one of the subnet.
        address: Option<String>,
        /// Dynamic if Azure chose the address.
        allocation: Option<Allocation>,
        /// Name or id of a public IP address.
        public_ip: Option<String>,
        /// Names or ids of application security groups.
        application_security_groups: Vec<String>,
        /// LOADBALANCER/POOL for each back-end pool.
        backend_pools: Vec<String>,
        /// LOADBALANCER/RULE for each inbound NAT rule whose packets are for it.
        inbound_nat_rules: Vec<String>,
        /// Whether the guest sends from it.
        primary: Option<bool>,
    }

    /// A virtual machine, with network interfaces of its own section (`nics`) or one that is described here.
    VirtualMachine {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Names or ids of its network interfaces, the primary one first.
        nics: Vec<String>,
        /// Name of the network interface that is described here; default the machine's name with VMNic behind it.
        nic: Option<String>,
        /// VNET/SUBNET, or the id of a subnet.
        subnet: Option<String>,
        /// Private address; default the first free one of the subnet.
        address: Option<String>,
        /// Name or id of a public IP address.
        public_ip: Option<String>,
        /// Names or ids of application security groups.
        application_security_groups: Vec<String>,
        /// LOADBALANCER/POOL for each back-end pool.
        backend_pools: Vec<String>,
        /// LOADBALANCER/RULE for each inbound NAT rule whose packets are for it.
        inbound_nat_rules: Vec<String>,
        /// Name or id of a network security group.
        network_security_group: Option<String>,
        /// Short for networkSecurityGroup.
        nsg: Option<String>,
        /// Whether it may send from and receive for addresses that are not its own.
        ip_forwarding: Option<bool>,
        /// Availability zone.
        zone: Option<String>,
        /// running (default), stopped or deallocated.
        power_state: Option<PowerState>,
    }

    /// What runs in a virtual machine.
    Guest {
        /// host, appliance (forwards packets) or stopped. Default: appliance if an interface has IP forwarding on, else host.
        role: Option<Role>,
        /// Whether an appliance puts its own address in place of the source.
        snat: Option<bool>,
        /// Whether an appliance drops TCP packets of connections whose beginning it has not seen.
        stateful: Option<bool>,
        /// What listens, e.g. [tcp/443, udp/53]; default everything.
        listen: Option<Vec<String>>,
        /// A DNS server.
        dns: Option<DnsServer>,
    }
}

/// A prefix, or a subnet with more to say.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum SubnetForm {
    /// A prefix.
    Prefix(String),
    /// In full.
    Full(Subnet),
}

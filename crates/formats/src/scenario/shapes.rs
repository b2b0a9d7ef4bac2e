//! What a scenario looks like: one type for the schema that is published, the check of what is read, and what is written.
//!
//! Reading goes through the schema rather than through `Deserialize`, since serde stops at the first problem and forgets where
//! the others stand.

#![expect(
    clippy::doc_markdown,
    reason = "these comments are the descriptions of the published schema, which is plain text"
)]
#![expect(
    clippy::struct_field_names,
    reason = "the names of the service's own objects"
)]

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::Options;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Entries by name, in the order of the file.
#[derive(Clone, Debug)]
pub(super) struct Named<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<T>() })
    }
}

/// Options by name; the schema lists each with its values.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(transparent)]
pub(super) struct OptionValues(pub(super) BTreeMap<&'static str, serde_json::Value>);

impl JsonSchema for OptionValues {
    fn schema_name() -> Cow<'static, str> {
        "Options".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = serde_json::Map::new();
        for option in Options::default().descriptions() {
            let description = format!(
                "{} ({}; default {})",
                option.effect, option.rule, option.default
            );
            let schema = match option.values {
                ["milliseconds"] => {
                    serde_json::json!({ "type": "integer", "minimum": 0, "description": description })
                }
                ["true", "false"] => {
                    serde_json::json!({ "type": "boolean", "description": description })
                }
                values => serde_json::json!({ "enum": values, "description": description }),
            };
            properties.insert(option.name.to_owned(), schema);
        }
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}

/// One value or several.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    /// A single value.
    One(String),
    /// A list.
    Many(Vec<String>),
}

/// Declares a shape whose missing parts are neither required nor written.
macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident $(as $rename:literal)?: $kind:ty,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Serialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub(super) struct $name {
            $(
                $(#[$field_doc])*
                $(#[serde(rename = $rename)])?
                #[serde(skip_serializing_if = "Missing::is_missing", default)]
                pub(super) $field: $kind,
            )+
        }
    )+};
}

/// Something that need not be written because reading would find the same without it.
pub(super) trait Missing {
    fn is_missing(&self) -> bool;
}

impl<T> Missing for Option<T> {
    fn is_missing(&self) -> bool {
        self.is_none()
    }
}

impl<T> Missing for Vec<T> {
    fn is_missing(&self) -> bool {
        self.is_empty()
    }
}

impl<T> Missing for Named<T> {
    fn is_missing(&self) -> bool {
        self.is_empty()
    }
}

impl Missing for OptionValues {
    fn is_missing(&self) -> bool {
        self.0.is_empty()
    }
}

impl Missing for Defaults {
    fn is_missing(&self) -> bool {
        self.subscription.is_none() && self.resource_group.is_none() && self.location.is_none()
    }
}

shapes! {
    /// A network for vnetsim. Resources are named by their key: a plain name, which lies in the default resource group, or a full
    /// resource id. Where a resource refers to another one, it gives that one's name (VNET/SUBNET for a subnet) or id.
    Scenario {
        /// What the resources describe was read from Azure, not written by a person: odd values are warnings instead of errors.
        recorded: Option<bool>,
        /// Other files and folders to read first: ARM templates, az output, scenarios; relative to this file.
        topology: Vec<String>,
        /// Where resources are that do not say it themselves.
        defaults: Defaults,
        /// Decisions that can be taken differently where Azure's documents are silent or disagree.
        options: OptionValues,
        /// Virtual networks.
        virtual_networks: Named<VirtualNetwork>,
        /// Peering links. A peering of two networks needs two of them.
        peerings: Vec<Peering>,
        /// Network security groups.
        network_security_groups: Named<NetworkSecurityGroup>,
        /// Application security groups. Their members say so themselves.
        application_security_groups: Named<Placed>,
        /// Route tables.
        route_tables: Named<RouteTable>,
        /// Public IP addresses.
        public_ip_addresses as "publicIPAddresses": Named<PublicIpForm>,
        /// NAT gateways.
        nat_gateways: Named<NatGateway>,
        /// Load balancers.
        load_balancers: Named<LoadBalancer>,
        /// Network interfaces. A virtual machine may also bring its own.
        network_interfaces: Named<NetworkInterface>,
        /// Virtual machines.
        virtual_machines: Named<VirtualMachine>,
        /// Azure firewalls.
        azure_firewalls: Named<AzureFirewall>,
        /// Firewall policies.
        firewall_policies: Named<FirewallPolicy>,
        /// Groups of addresses that firewall rules name.
        ip_groups: Named<IpGroup>,
        /// VPN and ExpressRoute gateways.
        virtual_network_gateways: Named<VirtualNetworkGateway>,
        /// Managed routing appliances.
        virtual_network_appliances: Named<VirtualNetworkAppliance>,
        /// Route servers.
        route_servers: Named<RouteServer>,
        /// Sites outside Azure, as a VPN gateway knows them.
        local_network_gateways: Named<LocalNetworkGateway>,
        /// Connections of gateways.
        connections: Named<Connection>,
        /// Bastion hosts; they only hold addresses.
        bastion_hosts: Named<AddressHolder>,
        /// Private endpoints.
        private_endpoints: Named<PrivateEndpoint>,
        /// Application gateways; they only hold addresses.
        application_gateways: Named<AddressHolder>,
        /// Network managers with their network groups and security admin rules.
        network_managers: Named<NetworkManager>,
        /// Security admin rules in short: each with the networks that it reaches, all of one network manager.
        security_admin_rules: Vec<ShortAdminRule>,
        /// Private DNS zones, by name of the zone.
        private_dns_zones: Named<PrivateDnsZone>,
        /// What runs in virtual machines, by name of the machine.
        guests: Named<Guest>,
        /// Routes learned by BGP, by name of the gateway, or SERVER/PEER for what a route server has learned from an appliance.
        learned_routes: Named<Vec<LearnedRoute>>,
        /// Networks outside Azure.
        on_premises: Named<OnPremises>,
        /// Point-to-site clients of VPN gateways.
        vpn_clients: Named<VpnClient>,
        /// Prefixes of service tags, by name of the tag.
        service_tags: Named<Vec<String>>,
        /// Subscriptions by their id.
        subscriptions: Named<Subscription>,
        /// Users, groups and service principals, by name; needed only to say in which tenant they are.
        principals: Named<Principal>,
        /// Who has which role where; holds for commands with --as.
        role_assignments: Vec<RoleAssignment>,
    }

    /// Where resources are that do not say it themselves.
    Defaults {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region, e.g. northeurope.
        location: Option<String>,
    }

    /// A resource that has nothing but its name and place.
    Placed {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
    }

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

    /// A network security group; its six default rules are always there.
    NetworkSecurityGroup {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Rules, in any order.
        security_rules: Vec<SecurityRule>,
        /// Whether changed rules are applied to running connections.
        flush_connection: Option<bool>,
    }

    /// A security rule. Addresses and ports that are left out are all of them.
    SecurityRule {
        /// Name, unique in the group.
        name: Option<String>,
        /// Free text.
        description: Option<String>,
        /// 100 to 4096, unique in a direction; lower goes first.
        priority: Option<u16>,
        /// Inbound or Outbound.
        direction: Option<Direction>,
        /// Allow or Deny.
        access: Option<Access>,
        /// Tcp, Udp, Icmp, Esp, Ah or *; default *.
        protocol: Option<Protocol>,
        /// A prefix, a service tag or *, a list of prefixes, or application security groups; default *.
        source: Option<RuleAddresses>,
        /// A port, a range such as 8000-8999 or *, or a list; default *.
        source_ports: Option<RulePorts>,
        /// As `source`.
        destination: Option<RuleAddresses>,
        /// As `sourcePorts`.
        destination_ports: Option<RulePorts>,
    }

    /// A network manager.
    NetworkManager {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Ids of the management groups that it manages; a manager with one goes before those without.
        management_groups: Vec<String>,
        /// Ids of the subscriptions that it manages.
        subscriptions: Vec<String>,
        /// Names or ids of the virtual networks of each group, by name of the group.
        network_groups: Named<Vec<String>>,
        /// Connectivity configurations.
        connectivity_configurations: Named<ConnectivityConfiguration>,
        /// Security admin configurations.
        security_admin_configurations: Named<SecurityAdminConfiguration>,
    }

    /// Virtual networks that reach each other without peering links.
    ConnectivityConfiguration {
        /// HubAndSpoke or Mesh.
        connectivity_topology: Option<ConnectivityTopology>,
        /// Name or id of the hub.
        hub: Option<String>,
        /// Whether a mesh reaches across regions; default false.
        is_global: Option<bool>,
        /// Network groups.
        applies_to: Vec<ConnectivityGroup>,
        /// Regions where it is deployed; default all, and [] is nowhere.
        deployed_to: Option<Vec<String>>,
    }

    /// A network group in a connectivity configuration.
    ConnectivityGroup {
        /// Name of the network group.
        group: Option<String>,
        /// Whether spokes of the group reach each other; default false.
        direct: Option<bool>,
        /// Whether the spokes use the gateway of the hub; default false.
        use_hub_gateway: Option<bool>,
        /// Whether they reach each other across regions; default false.
        is_global: Option<bool>,
    }

    /// Rule collections that are deployed together.
    SecurityAdminConfiguration {
        /// Whether it reaches networks with a SQL managed instance or Databricks; default None.
        apply_on_network_intent_policy_based_services: Option<IntentPolicyServices>,
        /// Regions where it is deployed; default all, and [] is nowhere.
        deployed_to: Option<Vec<String>>,
        /// Rule collections by name.
        rule_collections: Named<AdminRuleCollection>,
    }

    /// Security admin rules for some network groups.
    AdminRuleCollection {
        /// Names of the network groups.
        applies_to: Vec<String>,
        /// Rules.
        rules: Vec<SecurityAdminRule>,
    }

    /// A security admin rule. Addresses and ports that are left out are all of them.
    SecurityAdminRule {
        /// Name, unique in the collection.
        name: Option<String>,
        /// Free text.
        description: Option<String>,
        /// 1 to 4096; lower goes first.
        priority: Option<u16>,
        /// Inbound or Outbound.
        direction: Option<Direction>,
        /// Allow, AlwaysAllow or Deny.
        access: Option<AdminAccess>,
        /// Tcp, Udp, Icmp, Esp, Ah or *; default *.
        protocol: Option<Protocol>,
        /// A prefix, a service tag or *, or a list of prefixes; default *.
        source: Option<OneOrMany>,
        /// A port, a range such as 8000-8999 or *, or a list; default *.
        source_ports: Option<RulePorts>,
        /// As `source`.
        destination: Option<OneOrMany>,
        /// As `sourcePorts`.
        destination_ports: Option<RulePorts>,
    }

    /// A security admin rule with the networks that it reaches.
    ShortAdminRule {
        /// Names or ids of the virtual networks that it reaches.
        virtual_networks: Vec<String>,
        /// Name, unique among these rules.
        name: Option<String>,
        /// Free text.
        description: Option<String>,
        /// 1 to 4096; lower goes first.
        priority: Option<u16>,
        /// Inbound or Outbound.
        direction: Option<Direction>,
        /// Allow, AlwaysAllow or Deny.
        access: Option<AdminAccess>,
        /// Tcp, Udp, Icmp, Esp, Ah or *; default *.
        protocol: Option<Protocol>,
        /// A prefix, a service tag or *, or a list of prefixes; default *.
        source: Option<OneOrMany>,
        /// A port, a range such as 8000-8999 or *, or a list; default *.
        source_ports: Option<RulePorts>,
        /// As `source`.
        destination: Option<OneOrMany>,
        /// As `sourcePorts`.
        destination_ports: Option<RulePorts>,
    }

    /// Members of application security groups.
    RuleGroups {
        /// Names or ids.
        application_security_groups: Vec<String>,
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

    /// An Azure firewall.
    AzureFirewall {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// VNET/AzureFirewallSubnet, or the id of that subnet.
        subnet: Option<String>,
        /// Private address; default the first free one of the subnet.
        address: Option<String>,
        /// Name or id of a public IP address.
        public_ip: Option<String>,
        /// Name of its IP configuration.
        ip_configuration: Option<String>,
        /// Further public IP addresses by name or id.
        public_ips: Vec<String>,
        /// Name or id of its policy. Without one, and without rule collections, it denies everything.
        policy: Option<String>,
        /// Rule collections of its own: the classic form.
        rule_collections: Vec<FirewallRuleCollection>,
        /// As in a policy, for the classic form.
        private_ranges: Option<Vec<String>>,
    }

    /// A firewall policy.
    FirewallPolicy {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Name or id of the parent policy, whose rules go first.
        base_policy: Option<String>,
        /// Destinations for which the source is kept; default private space. 0.0.0.0/0: always, 255.255.255.255/32: never.
        private_ranges: Option<Vec<String>>,
        /// Rule collection groups by name.
        rule_collection_groups: Named<RuleCollectionGroup>,
        /// True if there are groups that nobody has given: what the policy decides is unknown.
        incomplete: Option<bool>,
    }

    /// A rule collection group of a firewall policy.
    RuleCollectionGroup {
        /// 100 to 65000; lower goes first.
        priority: Option<u32>,
        /// Rule collections, in any order.
        rule_collections: Vec<FirewallRuleCollection>,
    }

    /// Rules of one kind with one action.
    FirewallRuleCollection {
        /// Name, unique in the group.
        name: Option<String>,
        /// Nat, Network (default) or Application.
        kind: Option<String>,
        /// 100 to 65000; lower goes first. Nat goes before network, network before application.
        priority: Option<u32>,
        /// Allow or Deny; none for Nat.
        action: Option<Access>,
        /// Rules in order: the first that matches decides.
        rules: Vec<FirewallRule>,
    }

    /// A rule of a firewall. Addresses and ports that are left out are all of them.
    FirewallRule {
        /// Name, unique in the collection.
        name: Option<String>,
        /// Tcp, Udp, Icmp or Any (default).
        ip_protocols: Vec<String>,
        /// Prefixes, addresses, ranges, service tags or *.
        source_addresses: Option<Vec<String>>,
        /// Names or ids of IP groups.
        source_ip_groups: Option<Vec<String>>,
        /// As `sourceAddresses`.
        destination_addresses: Option<Vec<String>>,
        /// Names or ids of IP groups.
        destination_ip_groups: Option<Vec<String>>,
        /// Ports and ranges of ports.
        destination_ports: Vec<String>,
        /// Names of destinations; what they stand for is unknown.
        destination_fqdns: Vec<String>,
        /// New destination, for Nat.
        translated_address: Option<String>,
        /// New destination by name, for Nat.
        translated_fqdn: Option<String>,
        /// New port, for Nat; default the same.
        translated_port: Option<u16>,
    }

    /// A group of addresses for firewall rules.
    IpGroup {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Prefixes, addresses and ranges.
        prefixes: Vec<String>,
    }

    /// A VPN or ExpressRoute gateway.
    VirtualNetworkGateway {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// VNET/GatewaySubnet, or the id of that subnet.
        subnet: Option<String>,
        /// Vpn (default) or ExpressRoute.
        gateway_type: Option<GatewayType>,
        /// RouteBased (default) or PolicyBased.
        vpn_type: Option<VpnType>,
        /// Whether both instances carry traffic.
        active_active: Option<bool>,
        /// Public IP address of a gateway with one instance.
        public_ip: Option<String>,
        /// The instances; default one.
        instances: Vec<Instance>,
        /// Whether it speaks BGP.
        bgp: Option<bool>,
        /// Autonomous system number; default 65515.
        asn: Option<u32>,
        /// Site that gets what no other route takes.
        default_site: Option<String>,
        /// Addresses of VPN clients.
        client_pool: Vec<String>,
    }

    /// One instance of a gateway.
    Instance {
        /// Private address; default the first free one of the subnet.
        address: Option<String>,
        /// Dynamic if Azure chose the address.
        allocation: Option<Allocation>,
        /// Name or id of a public IP address.
        public_ip: Option<String>,
    }

    /// A site outside Azure.
    LocalNetworkGateway {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Static prefixes of the site.
        prefixes: Vec<String>,
        /// Public address of its device.
        gateway_address: Option<String>,
        /// BGP address of its device.
        bgp_address: Option<String>,
        /// Autonomous system number.
        asn: Option<u32>,
    }

    /// A connection of a gateway, to a site, another gateway or a circuit.
    Connection {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// Name or id of the gateway.
        gateway: Option<String>,
        /// Name or id of a local network gateway.
        site: Option<String>,
        /// Name or id of another gateway.
        remote_gateway: Option<String>,
        /// Id of an ExpressRoute circuit.
        circuit: Option<String>,
        /// IPsec (default), Vnet2Vnet, ExpressRoute or VPNClient.
        connection_type: Option<ConnectionType>,
        /// Whether BGP is spoken over it.
        bgp: Option<bool>,
        /// False if it is down.
        up: Option<bool>,
        /// Weight among connections to the same prefix.
        routing_weight: Option<u32>,
        /// The only traffic that the tunnel carries; default everything that is routed into it.
        traffic_selectors: Vec<TrafficSelector>,
    }

    /// Traffic that a policy-based tunnel carries: between a local and a remote prefix.
    TrafficSelector {
        /// Prefixes on the side of Azure.
        local: Vec<String>,
        /// Prefixes of the other side.
        remote: Vec<String>,
    }

    /// A managed routing appliance.
    VirtualNetworkAppliance {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// VNET/VirtualNetworkApplianceSubnet, or the id of that subnet.
        subnet: Option<String>,
        /// Its addresses; default the first free one of the subnet.
        addresses: Vec<String>,
    }

    /// A route server.
    RouteServer {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Region.
        location: Option<String>,
        /// VNET/RouteServerSubnet, or the id of that subnet.
        subnet: Option<String>,
        /// Addresses of its instances; default the first two free ones of the subnet.
        instances: Vec<String>,
        /// Autonomous system number; default 65515.
        asn: Option<u32>,
        /// Whether it hands routes on between gateways and appliances; default false.
        branch_to_branch: Option<bool>,
        /// Which source of one prefix wins; default ExpressRoute.
        routing_preference: Option<RoutingPreference>,
        /// The appliances with which it speaks BGP, by name.
        peers: Named<RouteServerPeer>,
    }

    /// An appliance with which a route server speaks BGP.
    RouteServerPeer {
        /// Its address.
        address: Option<String>,
        /// Its autonomous system number.
        asn: Option<u32>,
        /// False if the session is down.
        up: Option<bool>,
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

    /// A DNS server in a virtual machine.
    DnsServer {
        /// Zones that it holds, each with addresses by name; "@" is the zone itself.
        zones: Named<Named<OneOrMany>>,
        /// Addresses of the servers that it asks for other names; 168.63.129.16 is Azure's own.
        forwarders: Vec<String>,
    }

    /// A private DNS zone.
    PrivateDnsZone {
        /// Subscription id.
        subscription: Option<String>,
        /// Resource group.
        resource_group: Option<String>,
        /// Addresses by name, or the other name that a name stands for; "@" is the zone itself, "*" whatever has no record of its own.
        records: Named<OneOrMany>,
        /// The networks in which it holds, by name of the link: the name or id of a network, or an object.
        virtual_network_links: Named<ZoneLinkForm>,
    }

    /// A network in which a private DNS zone holds.
    ZoneLink {
        /// Name or id of a virtual network.
        virtual_network: Option<String>,
        /// Whether machines of the network have records in the zone; default false.
        registration_enabled: Option<bool>,
    }

    /// A route learned by BGP.
    LearnedRoute {
        /// Prefix.
        network: Option<String>,
        /// Next hop.
        next_hop: Option<String>,
        /// Autonomous systems on the way, e.g. "65010-65020".
        as_path: Option<String>,
    }

    /// A subscription.
    Subscription {
        /// Its directory tenant: name or id.
        tenant: Option<String>,
    }

    /// A user, group or service principal.
    Principal {
        /// Its home tenant: name or id.
        tenant: Option<String>,
        /// Tenants of which it is a guest.
        guest_of: Vec<String>,
    }

    /// A role that a principal has on a scope and everything below it.
    RoleAssignment {
        /// Name of the principal.
        principal: Option<String>,
        /// A built-in role: Owner, Contributor, Reader, Network Contributor or Classic Network Contributor.
        role: Option<String>,
        /// Or the actions of a custom role, e.g. Microsoft.Network/virtualNetworks/peer/action; * stands for any text.
        actions: Vec<String>,
        /// Actions that a custom role does not allow after all.
        not_actions: Vec<String>,
        /// "/", /subscriptions/ID, the id of a resource group or resource, or the name of a virtual network.
        scope: Option<String>,
    }

    /// A network outside Azure.
    OnPremises {
        /// Name or id of the gateway that it hangs on.
        gateway: Option<String>,
        /// Its prefixes.
        prefixes: Vec<String>,
        /// Prefixes of Azure that its routers know; default everything that the gateway advertises to it.
        knows: Option<Vec<String>>,
        /// Addresses that answer, by name.
        hosts: Named<String>,
        /// One-way latency to the gateway in milliseconds.
        latency_ms: Option<f64>,
    }

    /// A point-to-site client of a VPN gateway.
    VpnClient {
        /// Name or id of the gateway.
        gateway: Option<String>,
        /// Its address in the gateway's pool; default the first that is free.
        address: Option<String>,
        /// Prefixes in its profile when that was downloaded; default what the gateway tells now.
        profile: Option<Vec<String>>,
        /// One-way latency to the gateway in milliseconds.
        latency_ms: Option<f64>,
    }
}

/// A prefix, or a subnet with more to say.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum SubnetForm {
    /// A prefix.
    Prefix(String),
    /// In full.
    Full(Subnet),
}

/// A network, or a link to it with more to say.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum ZoneLinkForm {
    /// Name or id of a virtual network.
    Network(String),
    /// In full.
    Full(ZoneLink),
}

/// An address, or a public IP address with more to say.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum PublicIpForm {
    /// The address.
    #[expect(dead_code, reason = "a form that is read and never written")]
    Address(String),
    /// In full.
    Full(PublicIp),
}

/// Addresses of one side of a rule.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RuleAddresses {
    /// A prefix, a service tag, or *.
    One(String),
    /// Prefixes.
    Many(Vec<String>),
    /// Application security groups.
    Groups(RuleGroups),
}

/// Ports of one side of a rule.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum RulePorts {
    /// A port.
    #[expect(dead_code, reason = "a form that is read and never written")]
    Port(u16),
    /// A port, a range, or *.
    One(String),
    /// Ports and ranges.
    Many(Vec<String>),
}

/// Declares words that a scenario takes; they are read in any letter case.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = [$($word:literal),+])+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize)]
        #[serde(transparent)]
        pub(super) struct $name(pub(super) $kind);

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "enum": [$($word),+] })
            }
        }
    )+};
}

words! {
    /// Who chose an address.
    Allocation: &'static str = ["Dynamic", "Static"]
    /// Through which management layer a network was deployed.
    DeploymentModel: &'static str = ["ResourceManager", "Classic"]
    /// State of a link.
    PeeringState: &'static str = ["Initiated", "Connected", "Disconnected", "Updating"]
    /// Direction of a rule.
    Direction: &'static str = ["Inbound", "Outbound"]
    /// What a rule says.
    Access: &'static str = ["Allow", "Deny"]
    /// What a security admin rule says.
    AdminAccess: &'static str = ["Allow", "AlwaysAllow", "Deny"]
    /// Whether security admin rules reach networks of certain services.
    IntentPolicyServices: &'static str = ["None", "All", "AllowRulesOnly"]
    /// How a connectivity configuration joins networks.
    ConnectivityTopology: &'static str = ["HubAndSpoke", "Mesh"]
    /// Which policies of a subnet reach its private endpoints.
    PrivateEndpointPolicies: &'static str = ["Disabled", "Enabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled"]
    /// Protocol of a rule.
    Protocol: &'static str = ["Tcp", "Udp", "Icmp", "Esp", "Ah", "*"]
    /// Protocol of a load-balancing rule.
    LoadBalancedProtocol: &'static str = ["Tcp", "Udp", "All"]
    /// Power state.
    PowerState: &'static str = ["running", "stopped", "deallocated"]
    /// Kind of a gateway.
    GatewayType: &'static str = ["Vpn", "ExpressRoute"]
    /// How a VPN gateway chooses a tunnel.
    VpnType: &'static str = ["RouteBased", "PolicyBased"]
    /// What a connection joins.
    ConnectionType: &'static str = ["IPsec", "Vnet2Vnet", "ExpressRoute", "VPNClient"]
    /// Which source of a prefix a route server prefers.
    RoutingPreference: &'static str = ["ExpressRoute", "VpnGateway", "ASPath"]
    /// What a guest does.
    Role: &'static str = ["host", "appliance", "stopped"]
}

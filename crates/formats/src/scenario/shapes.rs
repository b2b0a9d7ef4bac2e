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
pub(in crate::scenario) struct Named<T>(pub(in crate::scenario) Vec<(String, T)>);

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
pub(in crate::scenario) struct OptionValues(
    pub(in crate::scenario) BTreeMap<&'static str, serde_json::Value>,
);

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
pub(in crate::scenario) enum OneOrMany {
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
        pub(in crate::scenario) struct $name {
            $(
                $(#[$field_doc])*
                $(#[serde(rename = $rename)])?
                #[serde(skip_serializing_if = "Missing::is_missing", default)]
                pub(in crate::scenario) $field: $kind,
            )+
        }
    )+};
}

// Behind the macro, which they use.
mod delivery;
mod firewall;
mod gateway;
mod names;
mod network;
mod security;

pub(in crate::scenario) use delivery::*;
pub(in crate::scenario) use firewall::*;
pub(in crate::scenario) use gateway::*;
pub(in crate::scenario) use names::*;
pub(in crate::scenario) use network::*;
pub(in crate::scenario) use security::*;

/// Something that need not be written because reading would find the same without it.
pub(in crate::scenario) trait Missing {
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
}

/// Declares words that a scenario takes; they are read in any letter case.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = [$($word:literal),+])+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize)]
        #[serde(transparent)]
        pub(in crate::scenario) struct $name(pub(in crate::scenario) $kind);

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

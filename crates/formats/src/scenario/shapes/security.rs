//! Security groups, network managers, and their rules.

use schemars::JsonSchema;

use super::{
    Access, AdminAccess, ConnectivityTopology, Direction, IntentPolicyServices, Missing, Named,
    OneOrMany, Protocol,
};

shapes! {
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
}

/// Addresses of one side of a rule.
#[derive(Clone, Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::scenario) enum RuleAddresses {
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
pub(in crate::scenario) enum RulePorts {
    /// A port.
    #[expect(dead_code, reason = "a form that is read and never written")]
    Port(u16),
    /// A port, a range, or *.
    One(String),
    /// Ports and ranges.
    Many(Vec<String>),
}

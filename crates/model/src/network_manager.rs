//! Virtual network managers: network groups, and the security admin rules that go before every security group (S-13).

use crate::connectivity::ConnectivityConfiguration;
use crate::id::ResourceId;
use crate::security::{Ports, RuleAddresses, RuleProtocol, SecurityRule};
use crate::spelling::{Access, AdminAccess, Direction, IntentPolicyServices};
use crate::table::Resource;
use crate::virtual_network::Location;

/// A virtual network manager with what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkManager {
    /// Full resource id.
    pub id: ResourceId,
    /// Region.
    pub location: Location,
    /// Ids of the management groups that it manages, as written. A manager of a management group goes before one of subscriptions.
    pub management_groups: Vec<String>,
    /// Ids of the subscriptions that it manages, as written.
    pub subscriptions: Vec<String>,
    /// Its network groups, in the order of the input.
    pub network_groups: Vec<NetworkGroup>,
    /// Its connectivity configurations, in the order of the input.
    pub connectivity_configurations: Vec<ConnectivityConfiguration>,
    /// Its security admin configurations, in the order of the input.
    pub security_admin_configurations: Vec<SecurityAdminConfiguration>,
}

/// Virtual networks that are configured together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkGroup {
    /// Name, unique in the manager.
    pub name: String,
    /// Ids of its static members, virtual networks or subnets, which need not be in the input.
    pub members: Vec<ResourceId>,
}

/// Rule collections that are deployed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityAdminConfiguration {
    /// Name, unique in the manager.
    pub name: String,
    /// Whether it reaches networks of services that bring their own network intent policy.
    pub intent_policy_services: IntentPolicyServices,
    /// Regions where it is deployed; `None` = everywhere, which is what a file that does not say counts as.
    pub deployed_to: Option<Vec<Location>>,
    /// Its collections, in the order of the input.
    pub rule_collections: Vec<AdminRuleCollection>,
}

/// Security admin rules for some network groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminRuleCollection {
    /// Name, unique in the configuration.
    pub name: String,
    /// Names of the manager's groups that it applies to.
    pub applies_to: Vec<String>,
    /// Its rules, in the order of the input.
    pub rules: Vec<SecurityAdminRule>,
}

/// One security admin rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityAdminRule {
    /// Name, unique in the collection.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// 1 to 4096; lower is asked first.
    pub priority: u16,
    /// Seen from the VM.
    pub direction: Direction,
    /// What it says.
    pub access: AdminAccess,
    /// Which protocol.
    pub protocol: RuleProtocol,
    /// Source: everything, prefixes or one service tag; never an application security group.
    pub source: RuleAddresses,
    /// Source ports.
    pub source_ports: Ports,
    /// As `source`.
    pub destination: RuleAddresses,
    /// Destination ports; the ICMP type for ICMP packets (S-6).
    pub destination_ports: Ports,
}

/// Lowest and highest priority of a security admin rule (S-13).
pub const ADMIN_PRIORITIES: std::ops::RangeInclusive<u16> = 1..=4096;

impl NetworkManager {
    /// A manager with a management group in its scope goes before those that have subscriptions only (S-13).
    pub fn has_management_group(&self) -> bool {
        !self.management_groups.is_empty()
    }

    /// Whether a group of this name holds the network or one of its subnets.
    pub fn group_holds(&self, group: &str, virtual_network: &ResourceId) -> bool {
        self.network_groups
            .iter()
            .filter(|candidate| candidate.name.eq_ignore_ascii_case(group))
            .flat_map(|group| &group.members)
            .any(|member| member == virtual_network)
    }

    /// The id of a rule.
    pub fn rule_id(&self, configuration: &str, collection: &str, rule: &str) -> ResourceId {
        self.id
            .child("securityAdminConfigurations", configuration)
            .child("ruleCollections", collection)
            .child("rules", rule)
    }
}

impl SecurityAdminRule {
    /// The same fields as a rule of a security group: what matches a packet does not depend on what is then done with it.
    pub fn as_security_rule(&self) -> SecurityRule {
        SecurityRule {
            name: self.name.clone(),
            description: self.description.clone(),
            priority: self.priority,
            direction: self.direction,
            access: match self.access {
                AdminAccess::Allow | AdminAccess::AlwaysAllow => Access::Allow,
                AdminAccess::Deny => Access::Deny,
            },
            protocol: self.protocol,
            source: self.source.clone(),
            source_ports: self.source_ports.clone(),
            destination: self.destination.clone(),
            destination_ports: self.destination_ports.clone(),
        }
    }
}

impl Resource for NetworkManager {
    fn id(&self) -> &ResourceId {
        &self.id
    }
}

//! Virtual network managers: network groups, and the security admin rules that go before every security group (S-13).

use std::collections::HashSet;

use crate::connectivity::ConnectivityConfiguration;
use crate::error::OperationError;
use crate::id::ResourceId;
use crate::network::{Network, not_there};
use crate::security::{Ports, RuleAddresses, RuleProtocol, SecurityRule};
use crate::spelling::{Access, AdminAccess, Direction, IntentPolicyServices};
use crate::table::{NetworkManagerId, Resource};
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

impl Network {
    /// Creates a network manager with what it holds. Names are unique among siblings, and a collection applies to groups that exist.
    pub fn create_network_manager(
        &mut self,
        manager: NetworkManager,
    ) -> Result<NetworkManagerId, OperationError> {
        not_there(&self.managers, &manager.id)?;
        check(&manager)?;
        Ok(self.managers.add(manager))
    }

    /// Replaces the security admin configurations of a manager.
    pub fn set_security_admin_configurations(
        &mut self,
        manager: NetworkManagerId,
        configurations: Vec<SecurityAdminConfiguration>,
    ) -> Result<(), OperationError> {
        let changed = NetworkManager {
            security_admin_configurations: configurations,
            ..self.managers[manager].clone()
        };
        check(&changed)?;
        *self.managers.get_mut(manager).expect("indexed above") = changed;
        Ok(())
    }
}

fn check(manager: &NetworkManager) -> Result<(), OperationError> {
    let id = &manager.id;
    unique(
        id,
        "network groups",
        manager.network_groups.iter().map(|group| &group.name),
    )?;
    unique(
        id,
        "connectivity configurations",
        manager
            .connectivity_configurations
            .iter()
            .map(|configuration| &configuration.name),
    )?;
    let configurations = &manager.security_admin_configurations;
    unique(
        id,
        "security admin configurations",
        configurations
            .iter()
            .map(|configuration| &configuration.name),
    )?;
    for configuration in configurations {
        let id = id.child("securityAdminConfigurations", &configuration.name);
        let collections = &configuration.rule_collections;
        unique(
            &id,
            "rule collections",
            collections.iter().map(|collection| &collection.name),
        )?;
        for collection in collections {
            let id = id.child("ruleCollections", &collection.name);
            let rules = &collection.rules;
            unique(
                &id,
                "security admin rules",
                rules.iter().map(|rule| &rule.name),
            )?;
            let stranger = collection.applies_to.iter().find(|name| {
                !manager
                    .network_groups
                    .iter()
                    .any(|group| group.name.eq_ignore_ascii_case(name))
            });
            if let Some(group) = stranger {
                return Err(OperationError::UnknownNetworkGroup {
                    collection: id,
                    group: group.clone(),
                });
            }
        }
    }
    Ok(())
}

fn unique<'a>(
    resource: &ResourceId,
    what: &'static str,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), OperationError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(OperationError::DuplicateName {
                resource: resource.clone(),
                what,
                name: name.clone(),
            });
        }
    }
    Ok(())
}

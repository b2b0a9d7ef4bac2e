//! Security groups, network managers, and their rules as a scenario has them.

use super::super::shapes::{self, Named, OneOrMany};
use super::{Writer, location, set, texts};

impl Writer<'_> {
    pub(super) fn security_groups(&self) -> Named<shapes::NetworkSecurityGroup> {
        self.named(self.network.nsgs().values(), |group| {
            shapes::NetworkSecurityGroup {
                location: location(&group.location),
                security_rules: group
                    .rules
                    .iter()
                    .map(|rule| self.security_rule(rule))
                    .collect(),
                flush_connection: set(group.flush_connection),
                ..shapes::NetworkSecurityGroup::default()
            }
        })
    }

    pub(super) fn managers(&self) -> Named<shapes::NetworkManager> {
        self.named(self.network.managers().values(), |manager| {
            let groups = manager.network_groups.iter().map(|group| {
                let members = group.members.iter().map(ToString::to_string).collect();
                (group.name.clone(), members)
            });
            let configurations = manager.security_admin_configurations.iter();
            let configurations = configurations.map(|configuration| {
                let intent = configuration.intent_policy_services;
                let collections = configuration.rule_collections.iter().map(|collection| {
                    let shape = shapes::AdminRuleCollection {
                        applies_to: collection.applies_to.clone(),
                        rules: collection.rules.iter().map(admin_rule).collect(),
                    };
                    (collection.name.clone(), shape)
                });
                let shape = shapes::SecurityAdminConfiguration {
                    apply_on_network_intent_policy_based_services: (intent
                        != model::IntentPolicyServices::None)
                        .then(|| shapes::IntentPolicyServices(intent.as_str())),
                    deployed_to: configuration
                        .deployed_to
                        .as_ref()
                        .map(|regions| regions.iter().map(ToString::to_string).collect()),
                    rule_collections: Named(collections.collect()),
                };
                (configuration.name.clone(), shape)
            });
            let connected = manager.connectivity_configurations.iter().map(connectivity);
            shapes::NetworkManager {
                connectivity_configurations: Named(connected.collect()),
                location: location(&manager.location),
                management_groups: manager.management_groups.clone(),
                subscriptions: manager.subscriptions.clone(),
                network_groups: Named(groups.collect()),
                security_admin_configurations: Named(configurations.collect()),
                ..shapes::NetworkManager::default()
            }
        })
    }

    fn security_rule(&self, rule: &model::SecurityRule) -> shapes::SecurityRule {
        shapes::SecurityRule {
            name: Some(rule.name.clone()),
            description: rule.description.clone(),
            priority: Some(rule.priority),
            direction: Some(shapes::Direction(rule.direction.as_str())),
            access: Some(shapes::Access(rule.access.as_str())),
            protocol: Some(shapes::Protocol(rule.protocol.as_str())),
            source: self.rule_addresses(&rule.source),
            source_ports: rule_ports(&rule.source_ports),
            destination: self.rule_addresses(&rule.destination),
            destination_ports: rule_ports(&rule.destination_ports),
        }
    }

    fn rule_addresses(&self, addresses: &model::RuleAddresses) -> Option<shapes::RuleAddresses> {
        match addresses {
            model::RuleAddresses::Any => None,
            model::RuleAddresses::Prefixes(prefixes) => Some(match prefixes.as_slice() {
                [prefix] => shapes::RuleAddresses::One(prefix.to_string()),
                several => shapes::RuleAddresses::Many(texts(several)),
            }),
            model::RuleAddresses::Tag(tag) => Some(shapes::RuleAddresses::One(tag.to_string())),
            model::RuleAddresses::ApplicationSecurityGroups(groups) => {
                Some(shapes::RuleAddresses::Groups(shapes::RuleGroups {
                    application_security_groups: groups
                        .iter()
                        .map(|&key| self.network.asgs()[key].id.to_string())
                        .collect(),
                }))
            }
        }
    }
}

///
fn connectivity(
    configuration: &model::ConnectivityConfiguration,
) -> (String, shapes::ConnectivityConfiguration) {
    let groups = configuration.applies_to.iter();
    let applies_to = groups.map(|group| shapes::ConnectivityGroup {
        group: Some(group.group.clone()),
        direct: set(group.direct),
        use_hub_gateway: set(group.use_hub_gateway),
        is_global: set(group.global),
    });
    let shape = shapes::ConnectivityConfiguration {
        connectivity_topology: Some(shapes::ConnectivityTopology(
            configuration.topology.as_str(),
        )),
        hub: configuration.hub.as_ref().map(ToString::to_string),
        is_global: set(configuration.global_mesh),
        applies_to: applies_to.collect(),
        deployed_to: configuration
            .deployed_to
            .as_ref()
            .map(|regions| regions.iter().map(ToString::to_string).collect()),
    };
    (configuration.name.clone(), shape)
}

fn admin_rule(rule: &model::SecurityAdminRule) -> shapes::SecurityAdminRule {
    let addresses = |side: &model::RuleAddresses| match side {
        // Members of application security groups are no part of an admin rule.
        model::RuleAddresses::Any | model::RuleAddresses::ApplicationSecurityGroups(_) => None,
        model::RuleAddresses::Prefixes(prefixes) => Some(OneOrMany::Many(texts(prefixes))),
        model::RuleAddresses::Tag(tag) => Some(OneOrMany::One(tag.to_string())),
    };
    shapes::SecurityAdminRule {
        name: Some(rule.name.clone()),
        description: rule.description.clone(),
        priority: Some(rule.priority),
        direction: Some(shapes::Direction(rule.direction.as_str())),
        access: Some(shapes::AdminAccess(rule.access.as_str())),
        protocol: Some(shapes::Protocol(rule.protocol.as_str())),
        source: addresses(&rule.source),
        source_ports: rule_ports(&rule.source_ports),
        destination: addresses(&rule.destination),
        destination_ports: rule_ports(&rule.destination_ports),
    }
}

fn rule_ports(ports: &model::Ports) -> Option<shapes::RulePorts> {
    if ports.is_all() {
        return None;
    }
    let ranges = ports.ranges().iter();
    let mut texts: Vec<String> = ranges
        .map(|&(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    Some(if texts.len() == 1 {
        shapes::RulePorts::One(texts.remove(0))
    } else {
        shapes::RulePorts::Many(texts)
    })
}

//! Rules of security groups, managers and firewalls.

use model::{
    AzureFirewall, CollectionAction, FirewallAddresses, FirewallPolicy, FirewallRule, Network,
    NetworkManager, Ports, ResourceId, RuleAddresses, RuleCollection, SecurityAdminRule,
    SecurityRule,
};

use super::super::Value;
use super::{Properties, id, ids, in_order, list, optional, text};

pub(super) fn security_rule(network: &Network, rule: &SecurityRule, access: &str) -> Properties {
    let [source, source_groups] = rule_addresses(network, &rule.source);
    let [destination, destination_groups] = rule_addresses(network, &rule.destination);
    vec![
        ("access", text(access)),
        ("direction", text(rule.direction)),
        ("priority", text(rule.priority)),
        ("protocol", text(rule.protocol)),
        ("source", source),
        ("sourceApplicationSecurityGroups", source_groups),
        ("sourcePorts", ports(&rule.source_ports)),
        ("destination", destination),
        ("destinationApplicationSecurityGroups", destination_groups),
        ("destinationPorts", ports(&rule.destination_ports)),
    ]
}

pub(super) fn admin_rule(
    network: &Network,
    rule: &SecurityAdminRule,
    applies_to: &[String],
) -> Properties {
    let access = rule.access.as_str();
    let mut properties = security_rule(network, &rule.as_security_rule(), access);
    properties.push(("appliesToGroups", list(applies_to)));
    properties
}

/// Words, and groups.
fn rule_addresses(network: &Network, addresses: &RuleAddresses) -> [Value; 2] {
    match addresses {
        RuleAddresses::Any => [text("*"), Value::Missing],
        RuleAddresses::Prefixes(prefixes) => [list(prefixes), Value::Missing],
        // Tags are compared without regard to letter case (T-8).
        RuleAddresses::Tag(tag) => [text(tag), Value::Missing],
        RuleAddresses::ApplicationSecurityGroups(groups) => [
            Value::Missing,
            ids(groups.iter().map(|&key| &network.asgs()[key].id)),
        ],
    }
}

fn ports(ports: &Ports) -> Value {
    if ports.is_all() {
        return text("*");
    }
    in_order(ports.ranges().iter().map(|&(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    }))
}

pub(super) fn manager(manager: &NetworkManager) -> Properties {
    vec![
        (
            "networkGroups",
            in_order(manager.network_groups.iter().map(|group| {
                let mut names: Vec<&str> = group.members.iter().map(ResourceId::name).collect();
                names.sort_unstable();
                format!("{} [{}]", group.name, names.join(" "))
            })),
        ),
        (
            "connectivityConfigurations",
            in_order(
                manager
                    .connectivity_configurations
                    .iter()
                    .map(|configuration| {
                        let groups: Vec<String> = configuration
                            .applies_to
                            .iter()
                            .map(|group| {
                                let direct = if group.direct { " direct" } else { "" };
                                let global = if group.global { " global" } else { "" };
                                format!("{}{direct}{global}", group.group)
                            })
                            .collect();
                        let global = if configuration.global_mesh {
                            " global"
                        } else {
                            ""
                        };
                        format!(
                            "{} {}{global} [{}]",
                            configuration.name,
                            configuration.topology,
                            groups.join(", ")
                        )
                    }),
            ),
        ),
    ]
}

pub(super) fn firewall(network: &Network, firewall: &AzureFirewall) -> Properties {
    vec![
        ("firewallPolicy", id(firewall.policy.as_ref())),
        (
            "publicIpAddresses",
            ids(firewall
                .public_ips
                .iter()
                .map(|&key| &network.public_ips()[key].id)),
        ),
        (
            "privateRanges",
            list(firewall.classic_private_ranges.iter().flatten()),
        ),
    ]
}

pub(super) fn firewall_policy(policy: &FirewallPolicy) -> Properties {
    vec![
        ("basePolicy", id(policy.base.as_ref())),
        (
            "privateRanges",
            list(policy.private_ranges.iter().flatten()),
        ),
        (
            "ruleCollectionGroups",
            in_order(
                policy
                    .groups
                    .iter()
                    .map(|group| format!("{} {}", group.priority, group.name)),
            ),
        ),
    ]
}

pub(super) fn firewall_rule(rule: &FirewallRule, collection: &RuleCollection) -> Properties {
    vec![
        ("priority", text(collection.priority)),
        (
            "action",
            text(match collection.action {
                CollectionAction::DestinationNat => "Nat",
                CollectionAction::Network(access) | CollectionAction::Application(access) => {
                    access.as_str()
                }
            }),
        ),
        (
            "protocols",
            list(rule.protocols.iter().map(|protocol| protocol.as_str())),
        ),
        ("sources", firewall_addresses(&rule.sources)),
        ("destinations", firewall_addresses(&rule.destinations)),
        ("destinationPorts", ports(&rule.ports)),
        ("names", list(&rule.names)),
        (
            "translated",
            optional(rule.translated.as_ref().map(|to| {
                let address = to.address.map(|address| address.to_string());
                let host = address.or_else(|| to.fqdn.clone()).unwrap_or_default();
                match to.port {
                    Some(port) => format!("{host}:{port}"),
                    None => host,
                }
            })),
        ),
    ]
}

fn firewall_addresses(addresses: &FirewallAddresses) -> Value {
    if addresses.everything {
        return text("*");
    }
    let prefixes = addresses.prefixes.iter().map(ToString::to_string);
    let tags = addresses.tags.iter().cloned();
    let groups = addresses.ip_groups.iter().map(|id| id.name().to_owned());
    list(prefixes.chain(tags).chain(groups))
}

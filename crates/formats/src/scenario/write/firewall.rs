//! Azure firewalls, their policies with rules, and IP groups as a scenario has them.

use model::{CollectionAction, FirewallAddresses, FirewallRule, RuleCollection};

use super::super::shapes::{self, Named};
use super::{Writer, location, set, texts};

impl Writer<'_> {
    pub(super) fn firewalls(&self) -> Named<shapes::AzureFirewall> {
        let network = self.network;
        self.named(network.firewalls().values(), |firewall| {
            let configuration = network.nics()[firewall.nic].primary();
            shapes::AzureFirewall {
                location: location(&firewall.location),
                subnet: Some(self.subnet(configuration.subnet)),
                address: Some(configuration.private_address.to_string()),
                public_ip: self.public_ip(configuration.public_ip),
                ip_configuration: Some(configuration.name.clone()),
                public_ips: firewall
                    .public_ips
                    .iter()
                    .filter(|&&id| configuration.public_ip != Some(id))
                    .filter_map(|&id| self.public_ip(Some(id)))
                    .collect(),
                policy: firewall.policy.as_ref().map(ToString::to_string),
                rule_collections: firewall
                    .classic_collections
                    .iter()
                    .map(collection)
                    .collect(),
                private_ranges: firewall.classic_private_ranges.as_deref().map(texts),
                ..shapes::AzureFirewall::default()
            }
        })
    }

    pub(super) fn firewall_policies(&self) -> Named<shapes::FirewallPolicy> {
        self.named(self.network.firewall_policies().values(), |policy| {
            let groups = policy.groups.iter();
            let groups = groups.map(|named| (named.name.clone(), group(named)));
            shapes::FirewallPolicy {
                location: location(&policy.location),
                base_policy: policy.base.as_ref().map(ToString::to_string),
                private_ranges: policy.private_ranges.as_deref().map(texts),
                rule_collection_groups: Named(groups.collect()),
                incomplete: set(policy.incomplete),
                ..shapes::FirewallPolicy::default()
            }
        })
    }

    pub(super) fn ip_groups(&self) -> Named<shapes::IpGroup> {
        self.named(self.network.ip_groups().values(), |group| shapes::IpGroup {
            location: location(&group.location),
            prefixes: texts(&group.prefixes),
            ..shapes::IpGroup::default()
        })
    }
}

pub(super) fn group(group: &model::RuleCollectionGroup) -> shapes::RuleCollectionGroup {
    shapes::RuleCollectionGroup {
        priority: Some(group.priority),
        rule_collections: group.collections.iter().map(collection).collect(),
    }
}

pub(super) fn collection(collection: &RuleCollection) -> shapes::FirewallRuleCollection {
    let (kind, access) = match collection.action {
        CollectionAction::DestinationNat => ("Nat", None),
        CollectionAction::Network(access) => ("Network", Some(access)),
        CollectionAction::Application(access) => ("Application", Some(access)),
    };
    shapes::FirewallRuleCollection {
        name: Some(collection.name.clone()),
        kind: Some(kind.to_owned()),
        priority: Some(collection.priority),
        action: access.map(|access| shapes::Access(access.as_str())),
        rules: collection.rules.iter().map(rule).collect(),
    }
}

fn rule(rule: &FirewallRule) -> shapes::FirewallRule {
    let groups = |side: &FirewallAddresses| {
        let groups: Vec<String> = side.ip_groups.iter().map(ToString::to_string).collect();
        (!groups.is_empty()).then_some(groups)
    };
    // Left out: everything. An empty list: nothing.
    let addresses = |side: &FirewallAddresses| {
        let mut addresses = texts(&side.prefixes);
        addresses.extend(side.tags.iter().cloned());
        (!side.everything && (!addresses.is_empty() || side.ip_groups.is_empty()))
            .then_some(addresses)
    };
    let translated = rule.translated.as_ref();
    shapes::FirewallRule {
        name: Some(rule.name.clone()),
        ip_protocols: rule
            .protocols
            .iter()
            .map(|protocol| protocol.as_str().to_owned())
            .collect(),
        source_addresses: addresses(&rule.sources),
        source_ip_groups: groups(&rule.sources),
        destination_addresses: addresses(&rule.destinations),
        destination_ip_groups: groups(&rule.destinations),
        destination_ports: rule
            .ports
            .ranges()
            .iter()
            .map(|&(first, last)| {
                if first == last {
                    first.to_string()
                } else {
                    format!("{first}-{last}")
                }
            })
            .collect(),
        destination_fqdns: rule.names.clone(),
        translated_address: translated
            .and_then(|to| to.address)
            .map(|address| address.to_string()),
        translated_fqdn: translated.and_then(|to| to.fqdn.clone()),
        translated_port: translated.and_then(|to| to.port),
    }
}

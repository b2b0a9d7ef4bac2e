//! Azure firewalls, their policies with rules, and IP groups.

use std::borrow::Cow;

use model::{
    AzureFirewall, CollectionAction, FirewallAddresses, FirewallPolicy, FirewallRule, IpGroup,
    Network, ResourceId, RuleCollection, RuleCollectionGroup,
};
use serde_json::{Map, Value, json};

use super::{NotWritable, Show, Shown, shown, texts};
use crate::resources::kind::Kind;

/// Refuses what is known in less detail than these forms have it.
pub(super) fn check(network: &Network) -> Result<(), NotWritable> {
    let has_names = |collections: &[RuleCollection]| {
        let rules = { collections.iter() }.flat_map(|collection| &collection.rules);
        { rules }.any(|rule| !rule.names.is_empty())
    };
    let names = "whether its rules name hosts, tags or categories is not told apart";
    for policy in network.firewall_policies().values() {
        let what = if policy.incomplete {
            "some of its rule collection groups are not known"
        } else if { policy.groups.iter() }.any(|group| has_names(&group.collections)) {
            names
        } else {
            continue;
        };
        let id = policy.id.clone();
        return Err(NotWritable::Part { id, what });
    }
    let mut firewalls = network.firewalls().values();
    match firewalls.find(|firewall| has_names(&firewall.classic_collections)) {
        Some(firewall) => Err(NotWritable::Part {
            id: firewall.id.clone(),
            what: names,
        }),
        None => Ok(()),
    }
}

pub(super) fn ip_group(group: &IpGroup) -> Shown<'_> {
    let properties = json!({ "ipAddresses": texts(&group.prefixes) });
    shown(&group.id, &group.location, properties)
}

/// Where a collection stands, which has much to do with how it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Policy,
    Classic,
}

impl<'a> Show<'a> {
    pub(super) fn firewall_policy(&self, policy: &'a FirewallPolicy) -> Shown<'a> {
        let mut properties = json!({ "sku": { "tier": "Standard" } });
        let mut needs: Vec<ResourceId> = { policy.groups.iter() }
            .flat_map(|group| &group.collections)
            .flat_map(ip_groups)
            .cloned()
            .collect();
        if let Some(base) = &policy.base {
            properties["basePolicy"] = self.reference(base);
            needs.push(base.clone());
        }
        if let Some(ranges) = &policy.private_ranges {
            properties["snat"] = json!({ "privateRanges": texts(ranges) });
        }
        needs.sort();
        needs.dedup();
        let mut children: Vec<Shown<'a>> = Vec::new();
        for group in &policy.groups {
            // Azure changes a policy by one group at a time.
            let before = children.last().map_or(&policy.id, |child| &*child.id);
            let needs = vec![before.clone()];
            children.push(self.rule_collection_group(policy, group, needs));
        }
        let ids = children.iter().map(|child| &*child.id);
        properties["ruleCollectionGroups"] = self.references(ids);
        Shown {
            needs,
            children,
            ..shown(&policy.id, &policy.location, properties)
        }
    }

    fn rule_collection_group(
        &self,
        policy: &FirewallPolicy,
        group: &RuleCollectionGroup,
        needs: Vec<ResourceId>,
    ) -> Shown<'a> {
        let collections = { group.collections.iter() }.map(|collection| {
            let translates = collection.action == CollectionAction::DestinationNat;
            let kind = if translates { "Nat" } else { "Filter" };
            json!({
                "action": { "type": action(collection.action, "DNAT") },
                "name": collection.name,
                "priority": collection.priority,
                "ruleCollectionType": format!("FirewallPolicy{kind}RuleCollection"),
                "rules": self.rules(collection, Form::Policy),
            })
        });
        let collections: Vec<Value> = collections.collect();
        Shown {
            id: Cow::Owned(policy.id.child("ruleCollectionGroups", &group.name)),
            kind: Kind::RuleCollectionGroup,
            envelope: Map::new(),
            properties: json!({ "priority": group.priority, "ruleCollections": collections }),
            needs,
            children: Vec::new(),
        }
    }

    pub(super) fn firewall(&self, firewall: &'a AzureFirewall) -> Shown<'a> {
        let network = self.network;
        let nic = &network.nics()[firewall.nic];
        let configuration = nic.primary();
        let mut needs = vec![network.virtual_networks()[nic.virtual_network].id.clone()];
        let mut own = json!({
            "privateIPAddress": configuration.private_address,
            "privateIPAllocationMethod": "Dynamic",
            "subnet": self.reference(&network.subnets()[configuration.subnet].id),
        });
        if let Some(address) = configuration.public_ip {
            own["publicIPAddress"] = self.reference(&network.public_ips()[address].id);
        }
        let mut configurations = vec![json!({ "name": configuration.name, "properties": own })];
        for &address in &firewall.public_ips {
            let id = &network.public_ips()[address].id;
            needs.push(id.clone());
            if configuration.public_ip != Some(address) {
                let name = format!("further-{}", configurations.len());
                let properties = json!({ "publicIPAddress": self.reference(id) });
                configurations.push(json!({ "name": name, "properties": properties }));
            }
        }
        let mut properties = json!({
            "ipConfigurations": configurations,
            "sku": { "name": "AZFW_VNet", "tier": "Standard" },
        });
        if let Some(policy) = &firewall.policy {
            properties["firewallPolicy"] = self.reference(policy);
            needs.push(policy.clone());
            let policies = network.firewall_policies();
            if let Some(key) = policies.find(policy) {
                // A firewall without the rules of its policy would be there for a while.
                let groups = policies[key].groups.iter();
                needs.extend(groups.map(|group| policy.child("ruleCollectionGroups", &group.name)));
            }
        }
        self.classic_rules(firewall, &mut properties);
        let collections = firewall.classic_collections.iter();
        needs.extend(collections.flat_map(ip_groups).cloned());
        needs.sort();
        needs.dedup();
        Shown {
            needs,
            ..shown(&firewall.id, &firewall.location, properties)
        }
    }

    fn classic_rules(&self, firewall: &AzureFirewall, properties: &mut Value) {
        if let Some(ranges) = &firewall.classic_private_ranges {
            let text = texts(ranges).join(",");
            properties["additionalProperties"] = json!({ "Network.SNAT.PrivateRanges": text });
        }
        for collection in &firewall.classic_collections {
            let list = match collection.action {
                CollectionAction::DestinationNat => "natRuleCollections",
                CollectionAction::Network(_) => "networkRuleCollections",
                CollectionAction::Application(_) => "applicationRuleCollections",
            };
            let shown = json!({
                "name": collection.name,
                "properties": {
                    "action": { "type": action(collection.action, "Dnat") },
                    "priority": collection.priority,
                    "rules": self.rules(collection, Form::Classic),
                },
            });
            match properties[list].as_array_mut() {
                Some(collections) => collections.push(shown),
                None => properties[list] = json!([shown]),
            }
        }
    }

    fn rules(&self, collection: &RuleCollection, form: Form) -> Value {
        let rules = collection.rules.iter();
        rules
            .map(|rule| self.rule_of_a_firewall(rule, collection.action, form))
            .collect()
    }

    fn rule_of_a_firewall(
        &self,
        rule: &FirewallRule,
        action: CollectionAction,
        form: Form,
    ) -> Value {
        let mut shown = json!({ "name": rule.name });
        for (side, addresses) in [
            ("source", &rule.sources),
            ("destination", &rule.destinations),
        ] {
            if !addresses.ip_groups.is_empty() {
                let groups = addresses.ip_groups.iter();
                shown[format!("{side}IpGroups")] = groups.map(|id| (self.refer)(id)).collect();
            }
            if let Some(listed) = listed(addresses) {
                shown[format!("{side}Addresses")] = json!(listed);
            }
        }
        let rule_type = match action {
            CollectionAction::Application(_) => {
                shown["protocols"] = protocols_of_names(rule);
                "ApplicationRule"
            }
            CollectionAction::Network(_) | CollectionAction::DestinationNat => {
                let key = match form {
                    Form::Policy => "ipProtocols",
                    Form::Classic => "protocols",
                };
                let protocols = rule.protocols.iter().map(|protocol| protocol.as_str());
                shown[key] = protocols.collect();
                let ports = rule.ports.ranges().iter();
                shown["destinationPorts"] = ports.map(|&range| super::port_range(range)).collect();
                if action == CollectionAction::DestinationNat {
                    "NatRule"
                } else {
                    "NetworkRule"
                }
            }
        };
        if form == Form::Policy {
            shown["ruleType"] = json!(rule_type);
        }
        if let Some(translated) = &rule.translated {
            if let Some(address) = translated.address {
                shown["translatedAddress"] = json!(address);
            }
            if let Some(name) = &translated.fqdn {
                shown["translatedFqdn"] = json!(name);
            }
            if let Some(port) = translated.port {
                shown["translatedPort"] = json!(port.to_string());
            }
        }
        shown
    }
}

/// What a collection does, in a word.
const fn action(action: CollectionAction, translate: &'static str) -> &'static str {
    match action {
        CollectionAction::DestinationNat => translate,
        CollectionAction::Network(access) | CollectionAction::Application(access) => {
            access.as_str()
        }
    }
}

/// The IP groups that a collection names.
fn ip_groups(collection: &RuleCollection) -> impl Iterator<Item = &ResourceId> {
    let rules = collection.rules.iter();
    let sides = rules.flat_map(|rule| [&rule.sources, &rule.destinations]);
    sides.flat_map(|side| &side.ip_groups)
}

/// Addresses of a side; `None`: IP groups say all.
fn listed(addresses: &FirewallAddresses) -> Option<Vec<String>> {
    if addresses.everything {
        return Some(vec!["*".to_owned()]);
    }
    let mut listed = texts(&addresses.prefixes);
    listed.extend(addresses.tags.iter().cloned());
    (!listed.is_empty() || addresses.ip_groups.is_empty()).then_some(listed)
}

/// Ports of an application rule, each with the protocol that goes with it.
fn protocols_of_names(rule: &FirewallRule) -> Value {
    let ranges = rule.ports.ranges().iter();
    ranges
        .flat_map(|&(first, last)| first..=last)
        .map(|port| {
            let kind = match port {
                80 => "Http",
                1433 => "Mssql",
                _ => "Https",
            };
            json!({ "protocolType": kind, "port": port })
        })
        .collect()
}

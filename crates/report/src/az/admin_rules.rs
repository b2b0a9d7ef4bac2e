//! What `az network manager list-effective-security-admin-rule` prints: the admin rules that reach a virtual network (S-13).

use control::admin_rules::{ReachingRule, rules_reaching};
use model::{Network, Ports, RuleAddresses, RuleProtocol, VnetId};
use serde_json::{Value, json};

/// The rules, in the order in which they are asked.
pub fn effective(network: &Network, vnet: VnetId) -> Value {
    let rules: Vec<Value> = rules_reaching(network, vnet).iter().map(rule).collect();
    json!({ "skipToken": "", "value": rules })
}

fn rule(reaching: &ReachingRule<'_>) -> Value {
    let ReachingRule {
        manager,
        configuration,
        collection,
        rule,
    } = reaching;
    let groups: Vec<Value> = collection
        .applies_to
        .iter()
        .map(|name| manager.id.child("networkGroups", name).to_string())
        .map(|id| json!({ "networkGroupId": id }))
        .collect();
    let id = manager.rule_id(&configuration.name, &collection.name, &rule.name);
    json!({
        "access": rule.access.as_str(),
        "description": rule.description,
        "destinationPortRanges": ports(&rule.destination_ports),
        "destinations": addresses(&rule.destination),
        "direction": rule.direction.as_str(),
        "id": id.as_str(),
        "kind": "Custom",
        "priority": rule.priority,
        "protocol": match rule.protocol {
            RuleProtocol::Any => "Any",
            other => other.as_str(),
        },
        "provisioningState": "Succeeded",
        "resourceGroup": id.resource_group(),
        "ruleCollectionAppliesToGroups": groups,
        "sourcePortRanges": ports(&rule.source_ports),
        "sources": addresses(&rule.source),
    })
}

fn addresses(side: &RuleAddresses) -> Vec<Value> {
    let item =
        |prefix: String, kind: &str| json!({ "addressPrefix": prefix, "addressPrefixType": kind });
    match side {
        // Members of application security groups are no part of an admin rule.
        RuleAddresses::Any | RuleAddresses::ApplicationSecurityGroups(_) => {
            vec![item("*".to_owned(), "IPPrefix")]
        }
        RuleAddresses::Prefixes(prefixes) => prefixes
            .iter()
            .map(|prefix| item(prefix.to_string(), "IPPrefix"))
            .collect(),
        RuleAddresses::Tag(tag) => vec![item(tag.to_string(), "ServiceTag")],
    }
}

fn ports(ports: &Ports) -> Vec<String> {
    let text = |&(first, last): &(u16, u16)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    };
    ports.ranges().iter().map(text).collect()
}

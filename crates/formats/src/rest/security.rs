//! NSGs with their rules, and route tables.

use model::{
    NetworkSecurityGroup, Ports, RouteDestination, RouteTable, RuleAddresses, SecurityRule,
    UserNextHop,
};
use serde_json::{Value, json};

use super::{Show, Shown, port_range, shown, texts};

impl<'a> Show<'a> {
    pub(super) fn security_group(&self, group: &'a NetworkSecurityGroup) -> Shown<'a> {
        let rules: Vec<Value> = group
            .rules
            .iter()
            .map(|rule| json!({ "name": rule.name, "properties": self.rule(rule) }))
            .collect();
        let mut properties = json!({ "securityRules": rules });
        if group.flush_connection {
            properties["flushConnection"] = json!(true);
        }
        let mut shown = shown(&group.id, &group.location, properties);
        let members = group
            .rules
            .iter()
            .flat_map(|rule| [&rule.source, &rule.destination]);
        for side in members {
            if let RuleAddresses::ApplicationSecurityGroups(groups) = side {
                let ids = groups
                    .iter()
                    .map(|&key| self.network.asgs()[key].id.clone());
                shown.needs.extend(ids);
            }
        }
        shown.needs.sort();
        shown.needs.dedup();
        shown
    }

    fn rule(&self, rule: &SecurityRule) -> Value {
        let mut properties = json!({
            "access": rule.access.as_str(),
            "direction": rule.direction.as_str(),
            "priority": rule.priority,
            "protocol": rule.protocol.as_str(),
        });
        if let Some(description) = &rule.description {
            properties["description"] = json!(description);
        }
        for (side, addresses, ports) in [
            ("source", &rule.source, &rule.source_ports),
            ("destination", &rule.destination, &rule.destination_ports),
        ] {
            let (key, value) = self.rule_addresses(addresses);
            properties[format!("{side}{key}")] = value;
            let (key, value) = port_ranges(ports);
            properties[format!("{side}{key}")] = value;
        }
        properties
    }

    /// Exactly one of three properties (S-4).
    fn rule_addresses(&self, addresses: &RuleAddresses) -> (&'static str, Value) {
        match addresses {
            RuleAddresses::Any => ("AddressPrefix", json!("*")),
            RuleAddresses::Tag(tag) => ("AddressPrefix", json!(tag.as_str())),
            RuleAddresses::Prefixes(prefixes) => match prefixes.as_slice() {
                [prefix] => ("AddressPrefix", json!(prefix.to_string())),
                several => ("AddressPrefixes", json!(texts(several))),
            },
            RuleAddresses::ApplicationSecurityGroups(groups) => {
                let ids = groups.iter().map(|&key| &self.network.asgs()[key].id);
                ("ApplicationSecurityGroups", self.references(ids))
            }
        }
    }
}

pub(super) fn route_table(table: &RouteTable) -> Shown<'_> {
    let routes: Vec<Value> = table
        .routes
        .iter()
        .map(|route| {
            let destination = match &route.destination {
                RouteDestination::Prefix(prefix) => json!(prefix.to_string()),
                RouteDestination::Tag(tag) => json!(tag.as_str()),
            };
            let mut properties = json!({
                "addressPrefix": destination,
                "nextHopType": match route.next_hop {
                    // A route names its own network by another word than an effective route does.
                    UserNextHop::VnetLocal => "VnetLocal",
                    other => other.kind().as_str(),
                },
            });
            if let Some(address) = route.next_hop.address() {
                properties["nextHopIpAddress"] = json!(address);
            }
            json!({ "name": route.name, "properties": properties })
        })
        .collect();
    let properties = json!({
        "disableBgpRoutePropagation": table.gateway_propagation_disabled,
        "routes": routes,
    });
    shown(&table.id, &table.location, properties)
}

/// One range or several (S-5).
fn port_ranges(ports: &Ports) -> (&'static str, Value) {
    match ports.ranges() {
        [range] => ("PortRange", json!(port_range(*range))),
        several => (
            "PortRanges",
            several.iter().map(|&range| port_range(range)).collect(),
        ),
    }
}

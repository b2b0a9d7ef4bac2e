//! What `az network watcher show-security-group-view` prints (D-2): the rules of every NIC of a machine, as recorded in 2025.

use control::Snapshot;
use control::snapshot::{GroupRules, Level, Nic, Rules};
use model::security::default_rules;
use model::{Direction, Network, NicId, Ports, ResourceId, RuleAddresses, SecurityRule, VmId};
use serde_json::{Map, Value, json};

use super::effective::{addresses, is_default, protocol, ranges};

/// The view of a machine's NICs.
pub fn of_machine(network: &Network, snapshot: &Snapshot, machine: VmId) -> Value {
    let nics = &network.virtual_machines()[machine].nics;
    let views: Vec<Value> = nics
        .iter()
        .filter_map(|&nic| Some(of_nic(network, snapshot, nic, snapshot.nic(nic)?)))
        .collect();
    json!({ "networkInterfaces": views })
}

/// The keys of the associations exist only for levels that have a group (D-21).
fn of_nic(network: &Network, snapshot: &Snapshot, key: NicId, nic: &Nic) -> Value {
    let id = &network.nics()[key].id;
    let mut associations = Map::new();
    let subnet = &network.subnets()[nic.subnet].id;
    let policy = snapshot.policy_of(nic);
    for (level, name, at) in [
        (Level::Nic, "networkInterfaceAssociation", id),
        (Level::Subnet, "subnetAssociation", subnet),
    ] {
        let Some(group) =
            group_at(&policy.inbound, level).and_then(|at| snapshot.rules(at.rules).group)
        else {
            continue;
        };
        let group = &network.nsgs()[group];
        let rules = group
            .rules
            .iter()
            .map(|rule| written(network, &group.id, rule));
        associations.insert(
            name.to_owned(),
            json!({ "id": at.as_str(), "resourceGroup": at.resource_group(), "securityRules": rules.collect::<Vec<_>>() }),
        );
    }
    let is_filtered = !associations.is_empty();
    associations.insert("defaultSecurityRules".to_owned(), defaults(is_filtered));
    associations.insert(
        "effectiveSecurityRules".to_owned(),
        effective(network, snapshot, nic, is_filtered),
    );
    json!({
        "id": id.as_str(),
        "resourceGroup": id.resource_group(),
        "securityRuleAssociations": associations,
    })
}

fn group_at(rules: &Rules, level: Level) -> Option<GroupRules> {
    match rules {
        Rules::Groups(groups) => groups.iter().copied().find(|group| group.level == level),
        Rules::None | Rules::BlockedPeers { .. } => None,
    }
}

/// A rule of a user as its group holds it: single values in the single form, several in the list form.
fn written(network: &Network, group: &ResourceId, rule: &SecurityRule) -> Value {
    let side = |side: &RuleAddresses| match side {
        RuleAddresses::Any => (Some("*".to_owned()), Vec::new()),
        RuleAddresses::Tag(tag) => (Some(tag.to_string()), Vec::new()),
        RuleAddresses::Prefixes(prefixes) => match prefixes.as_slice() {
            [prefix] => (Some(prefix.to_string()), Vec::new()),
            several => (None, several.iter().map(ToString::to_string).collect()),
        },
        RuleAddresses::ApplicationSecurityGroups(_) => (None, Vec::new()),
    };
    let groups = |side: &RuleAddresses| match side {
        RuleAddresses::ApplicationSecurityGroups(groups) => json!(
            groups
                .iter()
                .map(|&group| super::reference(&network.asgs()[group].id))
                .collect::<Vec<_>>()
        ),
        _ => Value::Null,
    };
    let ports = |ports: &Ports| {
        let mut list: Vec<String> = ports
            .ranges()
            .iter()
            .map(|&(first, last)| match (first, last) {
                (0, u16::MAX) => "*".to_owned(),
                (first, last) if first == last => first.to_string(),
                (first, last) => format!("{first}-{last}"),
            })
            .collect();
        let only = (list.len() == 1).then(|| list.remove(0));
        (only, list)
    };
    let (source, sources) = side(&rule.source);
    let (destination, destinations) = side(&rule.destination);
    let (source_port, source_ports) = ports(&rule.source_ports);
    let (destination_port, destination_ports) = ports(&rule.destination_ports);
    let id = group.child("securityRules", &rule.name);
    super::with_etag(json!({
        "access": rule.access.as_str(),
        "description": rule.description,
        "destinationAddressPrefix": destination,
        "destinationAddressPrefixes": destinations,
        "destinationApplicationSecurityGroups": groups(&rule.destination),
        "destinationPortRange": destination_port,
        "destinationPortRanges": destination_ports,
        "direction": rule.direction.as_str(),
        "id": id.as_str(),
        "name": rule.name,
        "priority": rule.priority,
        "protocol": rule.protocol.as_str(),
        "provisioningState": "Succeeded",
        "resourceGroup": id.resource_group(),
        "sourceAddressPrefix": source,
        "sourceAddressPrefixes": sources,
        "sourceApplicationSecurityGroups": groups(&rule.source),
        "sourcePortRange": source_port,
        "sourcePortRanges": source_ports,
        "type": "Microsoft.Network/networkSecurityGroups/securityRules",
    }))
}

/// The six rules of every group; their ids name no subscription, group or security group in the recording.
fn defaults(is_filtered: bool) -> Value {
    const KIND: &str = "Microsoft.Network/networkSecurityGroups/defaultSecurityRules";
    if !is_filtered {
        return json!([]);
    }
    let side = |side: &RuleAddresses| match side {
        RuleAddresses::Tag(tag) => tag.to_string(),
        _ => "*".to_owned(),
    };
    let rules = [Direction::Inbound, Direction::Outbound].map(default_rules);
    let rules = rules.iter().flatten().map(|rule| {
        json!({
            "access": rule.access.as_str(),
            "description": rule.description,
            "destinationAddressPrefix": side(&rule.destination),
            "destinationAddressPrefixes": [],
            "destinationPortRange": "*",
            "destinationPortRanges": [],
            "direction": rule.direction.as_str(),
            "id": format!("/subscriptions//resourceGroups//providers/Microsoft.Network/networkSecurityGroups//defaultSecurityRules/{}", rule.name),
            "name": rule.name,
            "priority": rule.priority,
            "protocol": "*",
            "provisioningState": "Succeeded",
            "resourceGroup": "",
            "sourceAddressPrefix": side(&rule.source),
            "sourceAddressPrefixes": [],
            "sourcePortRange": "*",
            "sourcePortRanges": [],
            "type": KIND,
        })
    });
    rules.collect()
}

/// Outbound before inbound, each with an implicit denial and the defaults; then what users and network managers have written.
fn effective(network: &Network, snapshot: &Snapshot, nic: &Nic, is_filtered: bool) -> Value {
    let mut rows = Vec::new();
    for direction in [Direction::Outbound, Direction::Inbound] {
        if is_filtered {
            rows.push(implicit_denial(direction));
            let defaults = default_rules(direction);
            rows.extend(
                defaults
                    .iter()
                    .map(|rule| row(network, rule, "DefaultRule_")),
            );
        }
    }
    let policy = snapshot.policy_of(nic);
    for direction in [Direction::Outbound, Direction::Inbound] {
        for &set in policy.admin_in(direction) {
            for compiled in &snapshot.admin_rules(set).rules {
                let mut admin = row(network, &compiled.rule.as_security_rule(), "");
                admin["access"] = json!(compiled.rule.access.as_str());
                rows.push(admin);
            }
        }
        let rules = policy.rules_in(direction);
        for level in [Level::Subnet, Level::Nic] {
            let Some(group) = group_at(rules, level) else {
                continue;
            };
            let written = snapshot.rules(group.rules).rules.iter();
            let written = written.filter(|rule| !is_default(rule));
            rows.extend(written.map(|rule| row(network, rule, "UserRule_")));
        }
    }
    Value::Array(rows)
}

fn implicit_denial(direction: Direction) -> Value {
    let all = ["0-65535"];
    json!({
        "access": "Deny",
        "destinationAddressPrefix": "*",
        "destinationAddressPrefixes": ["*"],
        "destinationPortRange": "0-65535",
        "destinationPortRanges": all,
        "direction": direction.as_str(),
        "name": format!("Default{direction}DenyAll"),
        "priority": 65500,
        "protocol": "All",
        "sourceAddressPrefix": "*",
        "sourceAddressPrefixes": ["*"],
        "sourcePortRange": "0-65535",
        "sourcePortRanges": all,
    })
}

/// No expansions; what is everything stands twice in the list form (D-2).
fn row(network: &Network, rule: &SecurityRule, prefix: &str) -> Value {
    let side = |side: &RuleAddresses| {
        let list = addresses(side, network);
        let list = match side {
            RuleAddresses::Any => vec!["0.0.0.0/0".to_owned(); 2],
            _ => list,
        };
        (list.first().cloned(), list)
    };
    let ports = |ports: &Ports| {
        let list = ranges(ports);
        (list.first().cloned(), list)
    };
    let (source, sources) = side(&rule.source);
    let (destination, destinations) = side(&rule.destination);
    let (source_port, source_ports) = ports(&rule.source_ports);
    let (destination_port, destination_ports) = ports(&rule.destination_ports);
    json!({
        "access": rule.access.as_str(),
        "destinationAddressPrefix": destination,
        "destinationAddressPrefixes": destinations,
        "destinationPortRange": destination_port,
        "destinationPortRanges": destination_ports,
        "direction": rule.direction.as_str(),
        "name": format!("{prefix}{}", rule.name),
        "priority": rule.priority,
        "protocol": protocol(rule.protocol),
        "sourceAddressPrefix": source,
        "sourceAddressPrefixes": sources,
        "sourcePortRange": source_port,
        "sourcePortRanges": source_ports,
    })
}

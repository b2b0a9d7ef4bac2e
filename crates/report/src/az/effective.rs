//! What Azure has programmed into a NIC: effective routes (O-1) and effective security rules (D-1).

use control::snapshot::{
    AdminRulesId, EffectiveRoute, GroupRules, Level, Nic, RouteOrigin, Rules, Snapshot,
};
use fib::AddressSet;
use model::address::HOST_ADDRESS;
use model::security::default_rules;
use model::{
    Direction, Network, NicId, Ports, ResourceId, RuleAddresses, RuleProtocol, SecurityRule,
    ServiceTag,
};
use serde_json::{Map, Value, json};

use crate::table::Table;

/// What `az network nic show-effective-route-table` prints; no rows if the snapshot does not have the NIC.
pub fn routes(network: &Network, snapshot: &Snapshot, nic: NicId) -> Value {
    let rows = snapshot
        .nic(nic)
        .map_or_else(Vec::new, |nic| rows(network, snapshot, nic));
    json!({ "nextLink": null, "value": rows })
}

fn rows(network: &Network, snapshot: &Snapshot, compiled: &Nic) -> Vec<Value> {
    let table = network.subnets()[compiled.subnet].route_table;
    let propagation_disabled =
        table.is_some_and(|table| network.route_tables()[table].gateway_propagation_disabled);
    snapshot
        .fib_of(compiled)
        .routes
        .iter()
        .map(|row| {
            json!({
                "addressPrefix": texts(&row.prefixes),
                "destinationServiceTags": [],
                "disableBgpRoutePropagation": propagation_disabled,
                "hasBgpOverride": false,
                "name": route_name(network, row),
                "nextHopIpAddress": texts(&row.next_hop_ips),
                "nextHopType": row.next_hop_type.as_str(),
                "source": row.source.as_str(),
                "state": row.state.as_str(),
                "tagMap": {},
            })
        })
        .collect()
}

/// System rows have no name; a user row has that of its route.
fn route_name<'a>(network: &'a Network, row: &EffectiveRoute) -> Option<&'a str> {
    match row.origin {
        RouteOrigin::User(table, position) => {
            let routes = &network.route_tables()[table].routes;
            Some(routes.get(usize::from(position))?.name.as_str())
        }
        RouteOrigin::System
        | RouteOrigin::Peering(_)
        | RouteOrigin::Gateway(_)
        | RouteOrigin::RouteServer(_) => None,
    }
}

/// The same as a table (O-2).
pub fn routes_table(routes: &Value) -> Table {
    let mut table = Table::new([
        "Source",
        "State",
        "Address Prefix",
        "Next Hop Type",
        "Next Hop IP",
    ]);
    for row in elements(&routes["value"]) {
        table.push([
            text(&row["source"]),
            text(&row["state"]),
            joined(&row["addressPrefix"]),
            text(&row["nextHopType"]),
            joined(&row["nextHopIpAddress"]),
        ]);
    }
    table
}

/// What `az network nic list-effective-nsg` prints: network managers with security admin rules (S-13), the subnet's group, then the
/// NIC's (D-21); nothing if there is none of them.
pub fn security_groups(network: &Network, snapshot: &Snapshot, nic: NicId) -> Value {
    let managers = snapshot
        .nic(nic)
        .into_iter()
        .flat_map(|nic| admin_blocks(network, snapshot, nic));
    let groups = [Level::Subnet, Level::Nic]
        .into_iter()
        .filter_map(|level| block(network, snapshot, nic, level));
    let blocks: Vec<Value> = managers.chain(groups).collect();
    json!({ "nextLink": null, "value": blocks })
}

/// One block a manager, in the order in which they are asked. That there is no group in such a block is assumed.
fn admin_blocks(network: &Network, snapshot: &Snapshot, nic: &Nic) -> Vec<Value> {
    let policy = snapshot.policy_of(nic);
    let inbound = policy.admin_in(Direction::Inbound);
    let outbound = policy.admin_in(Direction::Outbound);
    let tags = TagSets::of(network, snapshot, nic);
    let block = |(&inbound, &outbound): (&AdminRulesId, &AdminRulesId)| {
        let sets = [inbound, outbound].map(|set| snapshot.admin_rules(set));
        let mut tag_map = Map::new();
        let rules: Vec<Value> = sets
            .iter()
            .flat_map(|set| set.rules.iter())
            .map(|compiled| {
                let fields = compiled.rule.as_security_rule();
                tags.add_to(&mut tag_map, &fields);
                let mut rule = security_rule(&fields, &tags);
                rule["access"] = json!(compiled.rule.access.as_str());
                rule["name"] = json!(compiled.rule.name);
                rule
            })
            .collect();
        let manager = &network.managers()[sets[0].manager];
        json!({
            "association": {
                "networkInterface": null,
                "networkManager": super::reference(&manager.id),
                "subnet": null,
            },
            "effectiveSecurityRules": rules,
            "networkSecurityGroup": null,
            "tagMap": tag_map,
        })
    };
    inbound.iter().zip(outbound).map(block).collect()
}

/// The group that is attached at one level.
fn block(network: &Network, snapshot: &Snapshot, nic: NicId, level: Level) -> Option<Value> {
    let compiled = snapshot.nic(nic)?;
    let policy = snapshot.policy_of(compiled);
    let directions = [
        group_at(&policy.inbound, level)?,
        group_at(&policy.outbound, level)?,
    ];
    let group = snapshot.rules(directions[0].rules).group?;
    let tags = TagSets::of(network, snapshot, compiled);
    let mut tag_map = Map::new();
    let mut rules = Vec::new();
    for rule in directions
        .iter()
        .flat_map(|group| snapshot.rules(group.rules).rules.iter())
    {
        tags.add_to(&mut tag_map, rule);
        rules.push(security_rule(rule, &tags));
    }
    let attached = |here: Level, id: &ResourceId| {
        if here == level {
            super::reference(id)
        } else {
            Value::Null
        }
    };
    Some(json!({
        "association": {
            "networkInterface": attached(Level::Nic, &network.nics()[nic].id),
            "networkManager": null,
            "subnet": attached(Level::Subnet, &network.subnets()[compiled.subnet].id),
        },
        "effectiveSecurityRules": rules,
        "networkSecurityGroup": super::reference(&network.nsgs()[group].id),
        "tagMap": tag_map,
    }))
}

/// True if no rule applies.
pub fn is_empty(answer: &Value) -> bool {
    elements(&answer["value"]).is_empty()
}

fn group_at(rules: &Rules, level: Level) -> Option<GroupRules> {
    match rules {
        Rules::Groups(groups) => groups.iter().copied().find(|group| group.level == level),
        Rules::None | Rules::BlockedPeers { .. } => None,
    }
}

/// What tags mean to one NIC.
struct TagSets<'a> {
    network: &'a Network,
    virtual_network: &'a AddressSet,
    internet: &'a AddressSet,
}

impl<'a> TagSets<'a> {
    fn of(network: &'a Network, snapshot: &'a Snapshot, nic: &Nic) -> Self {
        let view = snapshot.tags_of(nic);
        Self {
            network,
            virtual_network: &view.virtual_network,
            internet: &view.internet,
        }
    }

    /// Adds the tags of a rule with their prefixes.
    fn add_to(&self, tag_map: &mut Map<String, Value>, rule: &SecurityRule) {
        let tags = [&rule.source, &rule.destination]
            .into_iter()
            .filter_map(tag_of);
        for tag in tags {
            if let Some(prefixes) = self.expand(tag) {
                tag_map.insert(tag.to_string(), json!(prefixes));
            }
        }
    }

    /// The prefixes of a tag; `None` if nobody has given them.
    fn expand(&self, tag: &ServiceTag) -> Option<Vec<String>> {
        match tag {
            ServiceTag::VirtualNetwork => Some(texts(self.virtual_network.prefixes())),
            ServiceTag::Internet => Some(texts(self.internet.prefixes())),
            ServiceTag::AzureLoadBalancer => Some(vec![format!("{HOST_ADDRESS}/32")]),
            ServiceTag::Other(name) => Some(texts(self.network.service_tag(name)?)),
        }
    }
}

fn tag_of(addresses: &RuleAddresses) -> Option<&ServiceTag> {
    match addresses {
        RuleAddresses::Tag(tag) => Some(tag),
        RuleAddresses::Any
        | RuleAddresses::Prefixes(_)
        | RuleAddresses::ApplicationSecurityGroups(_) => None,
    }
}

fn security_rule(rule: &SecurityRule, tags: &TagSets<'_>) -> Value {
    let [source, destination] =
        [&rule.source, &rule.destination].map(|side| addresses(side, tags.network));
    let [source_ports, destination_ports] =
        [&rule.source_ports, &rule.destination_ports].map(ranges);
    let [expanded_source, expanded_destination] =
        [&rule.source, &rule.destination].map(|side| tag_of(side).and_then(|tag| tags.expand(tag)));
    json!({
        "access": rule.access.as_str(),
        "destinationAddressPrefix": only(&destination),
        "destinationAddressPrefixes": destination,
        "destinationPortRange": only(&destination_ports),
        "destinationPortRanges": destination_ports,
        "direction": rule.direction.as_str(),
        "expandedDestinationAddressPrefix": expanded_destination,
        "expandedSourceAddressPrefix": expanded_source,
        "name": rule_name(rule),
        "priority": rule.priority,
        "protocol": protocol(rule.protocol),
        "sourceAddressPrefix": only(&source),
        "sourceAddressPrefixes": source,
        "sourcePortRange": only(&source_ports),
        "sourcePortRanges": source_ports,
    })
}

/// `securityRules/NAME` or `defaultSecurityRules/NAME` (D-1, D-3).
pub fn rule_name(rule: &SecurityRule) -> String {
    let kind = if is_default(rule) {
        "defaultSecurityRules"
    } else {
        "securityRules"
    };
    format!("{kind}/{}", rule.name)
}

/// True for one of the six rules that every group has (S-7).
pub(super) fn is_default(rule: &SecurityRule) -> bool {
    default_rules(rule.direction).contains(rule)
}

/// `*` prints as `All` (S-3).
pub(super) fn protocol(protocol: RuleProtocol) -> &'static str {
    match protocol {
        RuleProtocol::Any => "All",
        other => other.as_str(),
    }
}

/// `*` prints as `0.0.0.0/0`; groups print as the addresses of their members (D-1).
pub(super) fn addresses(side: &RuleAddresses, network: &Network) -> Vec<String> {
    match side {
        RuleAddresses::Any => vec!["0.0.0.0/0".to_owned()],
        RuleAddresses::Prefixes(prefixes) => texts(prefixes),
        RuleAddresses::Tag(tag) => vec![tag.to_string()],
        RuleAddresses::ApplicationSecurityGroups(groups) => groups
            .iter()
            .flat_map(|&group| network.asg_members(group))
            .map(|address| format!("{address}/32"))
            .collect(),
    }
}

/// A single port prints as a range too: `22-22`.
pub(super) fn ranges(ports: &Ports) -> Vec<String> {
    ports
        .ranges()
        .iter()
        .map(|(first, last)| format!("{first}-{last}"))
        .collect()
}

/// The single form of a property that has a list form.
fn only(values: &[String]) -> Option<&String> {
    match values {
        [value] => Some(value),
        _ => None,
    }
}

/// The groups as a table: names of the attachment on the first line of each group only.
pub fn security_groups_table(groups: &Value) -> Table {
    let mut table = Table::new([
        "NIC",
        "Subnet",
        "NSG",
        "Rule Name",
        "Protocol",
        "Direction",
        "Access",
    ]);
    for block in elements(&groups["value"]) {
        let name = |id: &Value| {
            let id = id.as_str().unwrap_or("-");
            id.rsplit('/').next().unwrap_or(id).to_owned()
        };
        let mut attachment = [
            name(&block["association"]["networkInterface"]["id"]),
            name(&block["association"]["subnet"]["id"]),
            match &block["association"]["networkManager"] {
                Value::Null => name(&block["networkSecurityGroup"]["id"]),
                manager => name(&manager["id"]),
            },
        ];
        for rule in elements(&block["effectiveSecurityRules"]) {
            let [nic, subnet, group] =
                std::mem::replace(&mut attachment, [const { String::new() }; 3]);
            table.push([
                nic,
                subnet,
                group,
                text(&rule["name"]),
                text(&rule["protocol"]),
                text(&rule["direction"]),
                text(&rule["access"]),
            ]);
        }
    }
    table
}

fn texts(values: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn joined(value: &Value) -> String {
    elements(value)
        .iter()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(" ")
}

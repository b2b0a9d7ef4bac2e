//! Recorded tables of a NIC beside ours: routes, rules, tags.

use ipnet::Ipv4Net;
use model::NicId;
use model::table::Resource;
use report::compare::routes::{OwnRow, Row, RowHop};
use report::compare::{Class, Comparison, Difference, groups, routes};
use serde_json::{Map, Value, json};

use crate::case::{Case, Folder};
use crate::reading::{is_ipv6, list, same, short, text, unknown_keys};
use crate::tally::Tally;
use crate::topology::Topology;
use crate::world::World;

/// Everything that is needed to answer for a case.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) case: &'a Case,
    pub(crate) topology: &'a Topology,
    pub(crate) world: &'a World,
}

impl Asked<'_> {
    /// `effective_routes`: tables by NIC.
    pub(crate) fn effective_routes(&self, tables: &Value, phase: &str, tally: &mut Tally) {
        let Some(tables) = tables.as_object() else {
            tally.explain(format!("effective_routes{phase}: {}", short(tables)));
            return;
        };
        for (name, rows) in tables {
            let subject = format!("routes of {name}{phase}");
            if !rows.is_array() && rows.get("value").is_none() {
                tally.explain(format!("{subject}: {} is no table", short(rows)));
                continue;
            }
            match self.world.nic(name) {
                Some(nic) => self.route_table(name, &subject, nic, rows, tally),
                None => tally.explain(format!("{subject}: the topology holds no such NIC")),
            }
        }
    }

    fn route_table(
        &self,
        name: &str,
        subject: &str,
        nic: NicId,
        recorded: &Value,
        tally: &mut Tally,
    ) {
        let written = report::compare::rows(recorded).len();
        let recorded = printed_columns(recorded, subject, tally);
        let (azure, unread) = routes::of_azure(&recorded);
        // As many rows of ours may be what could not be read.
        let mut lost = written - report::compare::rows(&recorded).len();
        for remark in unread {
            if !remark.contains("the next hop is not compared") {
                lost += 1;
            }
            tally.explain(format!("{subject}: {remark}"));
        }
        let ours = self.own_rows(nic);
        let comparison = routes::compare(&azure, &ours);
        self.none_rows(subject, name, nic, &azure, &comparison, tally);
        let inputs = self.inputs_of_gateways(nic);
        tally.take(subject, &comparison, |difference| {
            if difference.azure.is_none() && self.case.is_excerpt(name) {
                return Some(format!(
                    "the table is an excerpt: {}",
                    self.case.completeness_of(name)
                ));
            }
            if difference.azure.is_none() && lost > 0 {
                lost -= 1;
                return Some("a row of the table could not be read".to_owned());
            }
            if is_gateway_row(difference)
                && !inputs
                    .iter()
                    .any(|prefix| prefix.to_string() == difference.key)
            {
                return Some("no input of the case explains this gateway row".to_owned());
            }
            if let Some(why) = self.stands_in(difference) {
                return Some(why);
            }
            let told = format!(
                "{} {}",
                difference.azure.as_deref().unwrap_or_default(),
                difference.vnetsim.as_deref().unwrap_or_default()
            );
            let mut subjects = vec![name];
            if told.contains("VirtualNetworkGateway") {
                subjects.extend(["gateway", "flags"]);
            }
            self.case.excuse(&subjects)
        });
    }

    /// Why a difference comes of what was not recorded, if it does.
    fn stands_in(&self, difference: &Difference) -> Option<String> {
        let sides = [&difference.azure, &difference.vnetsim];
        let told = |word: &str| {
            let mut sides = sides.iter().filter_map(|side| side.as_deref());
            sides.any(|side| side.split(' ').any(|part| part == word))
        };
        let stand_in = self.topology.stand_ins.iter().find(|prefix| {
            told(&prefix.to_string())
                || prefix.prefix_len() == 32 && told(&prefix.addr().to_string())
        });
        if let Some(prefix) = stand_in {
            return Some(format!("{prefix} stands for what was not recorded"));
        }
        let by_user = difference
            .azure
            .as_deref()
            .is_some_and(|row| row.starts_with("User") || row.contains(" Invalid "));
        if self.topology.routes_left_out && by_user {
            return Some("a route of the case could not be read".to_owned());
        }
        let networks_unknown = self
            .topology
            .stand_ins
            .iter()
            .any(|prefix| prefix.prefix_len() < 32);
        let of_networks = ["VnetLocal", "VNetPeering", "VNetGlobalPeering"];
        if networks_unknown && of_networks.into_iter().any(told) {
            return Some("the prefixes of a network were not recorded".to_owned());
        }
        let unexplained = ["InterfaceEndpoint", "VirtualNetworkServiceEndpoint"];
        let only_azure = difference.vnetsim.is_none() && unexplained.into_iter().any(told);
        only_azure.then(|| "no endpoint of the case explains this row".to_owned())
    }

    /// Our rows; where the recording has no address of a gateway, any will do.
    fn own_rows(&self, nic: NicId) -> Vec<OwnRow> {
        let network = &self.world.network;
        let mut rows = routes::of_snapshot(network, &self.world.snapshot, nic);
        for own in &mut rows {
            let gateway = own
                .gateway
                .and_then(|gateway| network.gateways().get(gateway));
            let recorded = gateway.and_then(|gateway| self.topology.gateway_of(gateway.name()));
            if recorded.is_some_and(|gateway| !gateway.next_hop_known) {
                own.row.next_hop = RowHop::Any;
            }
        }
        rows
    }

    /// `None` rows are a class apart: which list was printed, if any.
    fn none_rows(
        &self,
        subject: &str,
        name: &str,
        nic: NicId,
        azure: &[Row],
        comparison: &Comparison,
        tally: &mut Tally,
    ) {
        let differing = |difference: &&Difference| difference.class == Class::NoneRoute;
        if comparison.differences.iter().filter(differing).count() == 0 {
            return;
        }
        let printed: Vec<&Row> = azure.iter().filter(|row| row.is_system_none()).collect();
        if printed.is_empty() {
            tally.remark(format!("{subject}: no None rows are printed"));
            return;
        }
        if let Some(list) = routes::none_routes_of(&self.world.network, nic, azure) {
            tally.remark(format!("{subject}: None rows as noneRoutes={list}"));
            return;
        }
        let said = self.case.completeness_of(name);
        if self.case.is_excerpt(name) {
            tally.remark(format!("{subject}: None rows are an excerpt ({said})"));
        } else {
            let prefixes: Vec<String> = printed.iter().map(|row| row.prefix.to_string()).collect();
            tally.explain(format!(
                "{subject}: no list of None rows prints just {}",
                prefixes.join(" ")
            ));
        }
    }

    /// Prefixes that a gateway row of this NIC can have: what the gateways of its network and of peers were given, and what
    /// connections carry to them (G-2, G-4).
    fn inputs_of_gateways(&self, nic: NicId) -> Vec<Ipv4Net> {
        let network = &self.world.network;
        let subnet = &network.subnets()[network.nics()[nic].subnet()];
        let home = network.virtual_networks()[subnet.virtual_network].name();
        let peers = |vnet: &str| -> Vec<String> {
            let links = self
                .topology
                .links
                .iter()
                .filter(|link| same(&link.vnet, vnet));
            links.map(|link| link.remote.clone()).collect()
        };
        let mut near = peers(home);
        near.push(home.to_owned());
        let is_near = |vnet: &str| near.iter().any(|name| same(name, vnet));
        let mut inputs = Vec::new();
        for server in self
            .topology
            .servers
            .iter()
            .filter(|server| is_near(&server.vnet))
        {
            let routes = server.peers.iter().flat_map(|peer| &peer.advertises);
            inputs.extend(routes.map(|route| route.prefix));
        }
        let mut reached: Vec<&str> = Vec::new();
        let gateways = self
            .topology
            .gateways
            .iter()
            .filter(|gateway| is_near(&gateway.vnet));
        let mut queue: Vec<&str> = gateways.map(|gateway| gateway.name.as_str()).collect();
        while let Some(name) = queue.pop() {
            if reached.contains(&name) {
                continue;
            }
            reached.push(name);
            let Some(gateway) = self
                .topology
                .gateways
                .iter()
                .find(|gateway| gateway.name == name)
            else {
                continue;
            };
            inputs.extend(gateway.learned.iter().map(|route| route.prefix));
            inputs.extend(&gateway.client_pool);
            inputs.extend(&gateway.advertises);
            let far = !is_near(&gateway.vnet) || reached.len() > 1;
            if far {
                inputs.extend(gateway.bgp_address.map(Ipv4Net::from));
                inputs.extend(gateway.instances.iter().copied().map(Ipv4Net::from));
                for vnet in peers(&gateway.vnet).iter().chain([&gateway.vnet]) {
                    inputs.extend(
                        self.topology
                            .vnet(vnet)
                            .into_iter()
                            .flat_map(|vnet| &vnet.prefixes),
                    );
                }
            }
            for connection in &self.topology.connections {
                let ends = [&connection.one, &connection.other]
                    .map(|end| self.topology.gateway_of(end).map(|end| end.name.as_str()));
                if ends.contains(&Some(name)) {
                    queue.extend(ends.into_iter().flatten());
                }
            }
        }
        inputs
    }

    /// `effective_nsg`: by NIC groups with rules, or what tags mean; by tag alone for any NIC.
    pub(crate) fn effective_groups(&self, tables: &Value, phase: &str, tally: &mut Tally) {
        let Some(tables) = tables.as_object() else {
            tally.explain(format!("effective_nsg{phase}: {}", short(tables)));
            return;
        };
        for (key, value) in tables {
            let subject = format!("rules of {key}{phase}");
            let blocks = value
                .as_array()
                .filter(|blocks| blocks.iter().all(Value::is_object));
            let is_tag = value
                .as_array()
                .is_some_and(|entries| !entries.is_empty() && entries.iter().all(Value::is_string));
            if is_tag {
                self.tag_of_any_nic(key, value, phase, tally);
                continue;
            }
            let Some(nic) = self.world.nic(key) else {
                tally.explain(format!("{subject}: {} is not understood", short(value)));
                continue;
            };
            if let Some(blocks) = blocks {
                self.group_blocks(key, &subject, nic, blocks, tally);
            } else if let Some(tags) = value.as_object() {
                if tags.contains_key("rules") || tags.contains_key("effectiveSecurityRules") {
                    self.group_blocks(key, &subject, nic, std::slice::from_ref(value), tally);
                    continue;
                }
                for (tag, prefixes) in tags {
                    self.tag(&subject, nic, tag, prefixes, tally);
                }
            } else {
                tally.explain(format!("{subject}: {} is not understood", short(value)));
            }
        }
    }

    fn tag_of_any_nic(&self, tag: &str, prefixes: &Value, phase: &str, tally: &mut Tally) {
        let Some((nic, _)) = self.world.network.listed_nics().next() else {
            tally.explain(format!("tag {tag}{phase}: the topology holds no NIC"));
            return;
        };
        self.tag(&format!("tags{phase}"), nic, tag, prefixes, tally);
    }

    fn tag(&self, subject: &str, nic: NicId, tag: &str, prefixes: &Value, tally: &mut Tally) {
        if tag == "rule_order_as_printed" {
            self.rule_names(subject, nic, prefixes, tally);
            return;
        }
        if !prefixes.is_array() {
            tally.explain(format!(
                "{subject}: {tag} {} is not understood",
                short(prefixes)
            ));
            return;
        }
        let listed: Vec<&str> = prefixes
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let unreadable = |text: &&&str| crate::reading::prefix(text).is_none() && !is_ipv6(text);
        if let Some(odd) = listed.iter().find(unreadable) {
            tally.explain(format!("{subject}: '{odd}' of tag {tag} is no prefix"));
            return;
        }
        let own = self.world.tags(nic);
        let excuse = |_: &Difference| self.case.excuse(&["tag", "flags", tag]);
        if let Some(tag) = tag.strip_suffix("_expansion_head") {
            // The list begins so.
            let tag = if same(tag, "internet") {
                "Internet"
            } else {
                tag
            };
            let ours = own["value"][0]["tagMap"][tag]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let head = ours.iter().take(listed.len()).filter_map(Value::as_str);
            let equal = listed.iter().copied().eq(head);
            tally.row(equal, self.case.excuse(&["tag"]), || {
                format!(
                    "{subject}: the expansion of {tag} begins otherwise than {}",
                    listed.join(" ")
                )
            });
            return;
        }
        tally.take(subject, &groups::compare_tag(tag, &listed, &own), excuse);
    }

    fn rule_names(&self, subject: &str, nic: NicId, names: &Value, tally: &mut Tally) {
        let own = self.world.groups(nic);
        let bare = |name: &str| name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        let blocks = own["value"].as_array().into_iter().flatten();
        let rules = blocks.flat_map(|block| {
            block["effectiveSecurityRules"]
                .as_array()
                .into_iter()
                .flatten()
        });
        let mut ours: Vec<String> = rules
            .filter_map(|rule| rule["name"].as_str())
            .map(bare)
            .collect();
        let mut azure: Vec<String> = names
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(bare)
            .collect();
        ours.sort();
        azure.sort();
        tally.row(ours == azure, self.case.excuse(&["rule"]), || {
            format!(
                "{subject}: Azure lists the rules {}, vnetsim {}",
                azure.join(" "),
                ours.join(" ")
            )
        });
    }

    fn group_blocks(
        &self,
        key: &str,
        subject: &str,
        nic: NicId,
        blocks: &[Value],
        tally: &mut Tally,
    ) {
        // As many rules of ours may be what could not be read.
        let mut lost = 0;
        let blocks: Vec<Value> = blocks
            .iter()
            .map(|block| self.block(subject, block, &mut lost, tally))
            .collect();
        let azure = json!({ "value": blocks });
        let comparison = groups::compare(&azure, &self.world.network, &self.world.snapshot, nic);
        tally.take(subject, &comparison, |difference| {
            if difference.azure.is_none() && lost > 0 {
                lost -= 1;
                return Some("a rule of the answer could not be read".to_owned());
            }
            self.case.excuse(&[key, "rule", "nsg"])
        });
    }

    /// A recorded group in the keys of the service.
    fn block(&self, subject: &str, block: &Value, lost: &mut usize, tally: &mut Tally) -> Value {
        let mut odd = Vec::new();
        unknown_keys(
            block,
            subject,
            "association rules effectiveSecurityRules networkSecurityGroup tagMap",
            &mut odd,
        );
        let mut rules = Vec::new();
        if !["rules", "effectiveSecurityRules"]
            .iter()
            .any(|key| block.get(key).is_some_and(Value::is_array))
        {
            *lost = usize::MAX;
            odd.push(format!("{subject}: {} holds no rules", short(block)));
        }
        for rule in list(block, &["rules", "effectiveSecurityRules"]) {
            if text(rule, &["name"]).is_none() {
                *lost = lost.saturating_add(1);
                odd.push(format!("{subject}: {} is no rule with a name", short(rule)));
                continue;
            }
            let mut members = Map::new();
            for (key, value) in rule.as_object().into_iter().flatten() {
                let key = match key.as_str() {
                    "sourcePrefixes" => "sourceAddressPrefixes",
                    "destinationPrefixes" => "destinationAddressPrefixes",
                    "sourcePorts" => "sourcePortRanges",
                    "destinationPorts" => "destinationPortRanges",
                    "expandedSource" => "expandedSourceAddressPrefix",
                    "expandedDestination" => "expandedDestinationAddressPrefix",
                    other => other,
                };
                let value = match value.as_str().filter(|_| key.starts_with("expanded")) {
                    Some(remark) => {
                        if let Some(prefixes) = self.folder.tag_list(remark) {
                            json!(prefixes)
                        } else {
                            let name = text(rule, &["name"]).unwrap_or("?");
                            odd.push(format!(
                                "{subject}: {name}.{key} '{remark}' is not compared"
                            ));
                            Value::Null
                        }
                    }
                    None if list_of_unknown(value) => {
                        odd.push(format!("{subject}: {key} {} is not compared", short(value)));
                        Value::Null
                    }
                    None if key.starts_with("expanded") && !is_prefixes(value) => {
                        odd.push(format!("{subject}: {key} {} is not compared", short(value)));
                        Value::Null
                    }
                    None => value.clone(),
                };
                members.insert(key.to_owned(), value);
            }
            let what = format!("{subject}, rule {}", text(rule, &["name"]).unwrap_or("?"));
            unknown_keys(
                &Value::Object(members.clone()),
                &what,
                "name priority direction access protocol sourceAddressPrefix sourceAddressPrefixes \
destinationAddressPrefix destinationAddressPrefixes sourcePortRange sourcePortRanges \
destinationPortRange destinationPortRanges expandedSourceAddressPrefix \
expandedDestinationAddressPrefix",
                &mut odd,
            );
            rules.push(Value::Object(members));
        }
        for remark in odd {
            tally.explain(remark);
        }
        json!({
            "association": block.get("association"),
            "effectiveSecurityRules": rules,
            "tagMap": block.get("tagMap"),
        })
    }
}

fn list_of_unknown(value: &Value) -> bool {
    let mut entries = value.as_array().into_iter().flatten();
    entries.any(|entry| entry.as_str().is_some_and(|text| text.trim() == "?"))
}

/// A list of prefixes and nothing else; nothing at all is one too.
fn is_prefixes(value: &Value) -> bool {
    let readable = |text: &str| crate::reading::prefix(text).is_some() || is_ipv6(text);
    value.is_null()
        || value.as_array().is_some_and(|entries| {
            let mut entries = entries.iter();
            entries.all(|entry| entry.as_str().is_some_and(readable))
        })
}

fn is_gateway_row(difference: &Difference) -> bool {
    let azure = difference.azure.as_deref().unwrap_or_default();
    azure.contains(" VirtualNetworkGateway") && !azure.starts_with("User")
}

const NEXT_HOP_TYPES: &[&str] = &[
    "VnetLocal",
    "VNetPeering",
    "VNetGlobalPeering",
    "VirtualNetworkGateway",
    "VirtualAppliance",
    "Internet",
    "None",
    "InterfaceEndpoint",
    "VirtualNetworkServiceEndpoint",
];

/// A column that was not printed is not compared; what is no word either.
fn printed_columns(table: &Value, subject: &str, tally: &mut Tally) -> Value {
    let rows = report::compare::rows(table);
    let mut without_state = false;
    let mut printed = Vec::new();
    for row in rows {
        let Some(members) = row.as_object() else {
            tally.explain(format!("{subject}: {} is no row", short(row)));
            continue;
        };
        let mut members = members.clone();
        if members.get("state_printed") == Some(&Value::Bool(false)) {
            members.remove("state");
            without_state = true;
        }
        for (column, known) in [
            ("state", &["Active", "Invalid"][..]),
            ("source", &["Default", "User", "VirtualNetworkGateway"]),
            ("nextHopType", NEXT_HOP_TYPES),
        ] {
            let Some(word) = members.get(column).cloned() else {
                continue;
            };
            let is_known = |word: &str| known.iter().any(|known| same(known, word));
            if !word.as_str().is_some_and(is_known) {
                let word = short(&word);
                tally.explain(format!("{subject}: {column} {word} is not compared"));
                members.remove(column);
            }
        }
        let known = "source state prefix nextHopType nextHopIps udrName \
            state_printed addressPrefix nextHopIpAddress name count hasBgpOverride disableBgpRoutePropagation";
        let mut odd = Vec::new();
        unknown_keys(row, subject, known, &mut odd);
        for remark in odd {
            tally.explain(remark);
        }
        printed.push(Value::Object(members));
    }
    if without_state {
        tally.remark(format!(
            "{subject}: the State column was not printed and is not compared"
        ));
    }
    Value::Array(printed)
}

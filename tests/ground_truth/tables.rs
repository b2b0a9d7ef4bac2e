//! Recorded tables and answers of a NIC beside ours: routes, rules, tags, IP flow, next hop, peering states.

use std::net::Ipv4Addr;

use acl::Key;
use control::questions::{decide, next_hop_of};
use ipnet::Ipv4Net;
use model::table::Resource;
use model::{Direction, NicId};
use report::compare::routes::{OwnRow, Row, RowHop};
use report::compare::{Class, Comparison, Difference, answers, groups, routes};
use serde_json::{Map, Value, json};

use crate::case::{Case, Folder};
use crate::reading::{address, is_ipv6, list, number, same, short, text, unknown_keys};
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

    /// `ip_flow`.
    pub(crate) fn ip_flow(&self, value: &Value, tally: &mut Tally) {
        let written = |key: &str| text(value, &[key]).unwrap_or_default();
        let subject = format!(
            "ip flow {} {} {} {}",
            written("direction"),
            written("protocol"),
            written("local"),
            written("remote")
        );
        let mut odd = Vec::new();
        unknown_keys(
            value,
            &subject,
            "direction protocol local remote access rule ruleName nic vm localIp localPort remoteIp remotePort",
            &mut odd,
        );
        for remark in odd {
            tally.explain(remark);
        }
        if text(value, &["access"])
            .is_none_or(|word| !["Allow", "Deny"].iter().any(|known| same(known, word)))
        {
            tally.explain(format!("{subject}: no access is told"));
            return;
        }
        let (local, remote) = (end(value, "local"), end(value, "remote"));
        let direction = match written("direction").to_ascii_lowercase().as_str() {
            "inbound" | "in" => Direction::Inbound,
            "outbound" | "out" => Direction::Outbound,
            _ => {
                tally.explain(format!("{subject}: no direction"));
                return;
            }
        };
        let protocol = match written("protocol").to_ascii_lowercase().as_str() {
            "tcp" | "6" => 6,
            "udp" | "17" => 17,
            "icmp" | "1" => 1,
            _ => {
                tally.explain(format!("{subject}: no protocol"));
                return;
            }
        };
        let named = text(value, &["nic", "vm"]).and_then(|name| self.world.nic(name));
        let nic = named.or_else(|| self.world.owner(local?.0));
        let nic = nic.or_else(|| {
            let mut listed = self.world.network.listed_nics().map(|(nic, _)| nic);
            let only = listed.next()?;
            listed.next().is_none().then_some(only)
        });
        let (Some(nic), Some((remote, remote_port))) = (nic, remote) else {
            tally.explain(format!("{subject}: the ends are not known"));
            return;
        };
        let own = local.map(|(address, _)| address);
        let own = own.or_else(|| Some(self.world.network.nics().get(nic)?.primary_address()));
        let (Some(own), Some(compiled)) = (own, self.world.snapshot.nic(nic)) else {
            tally.explain(format!("{subject}: the NIC has no address"));
            return;
        };
        let port = |port: Option<u16>| {
            if protocol == 1 {
                None
            } else {
                Some(port.unwrap_or(49152))
            }
        };
        let local_port = port(local.and_then(|(_, port)| port));
        let remote_port = port(remote_port);
        let (source, destination, source_port, destination_port) = match direction {
            Direction::Inbound => (remote, own, remote_port, local_port),
            Direction::Outbound => (own, remote, local_port, remote_port),
        };
        let key = Key {
            source,
            destination,
            protocol,
            source_port,
            destination_port: if protocol == 1 {
                Some(8)
            } else {
                destination_port
            },
            source_classes: 0,
            destination_classes: 0,
        };
        let decision = decide(&self.world.snapshot, compiled, direction, key);
        tally.take(&subject, &answers::ip_flow(value, &decision), |_| {
            self.case.excuse(&["ip_flow", "flow"])
        });
    }

    /// `next_hop`.
    pub(crate) fn next_hop(&self, value: &Value, tally: &mut Tally) {
        let from = text(value, &["nic", "src", "source", "vm", "from", "sourceIp"]);
        let to = text(
            value,
            &["dst", "destination", "dest", "to", "destinationIp"],
        );
        let subject = format!("next hop {} -> {}", from.unwrap_or("?"), to.unwrap_or("?"));
        let mut odd = Vec::new();
        unknown_keys(
            value,
            &subject,
            "src source nic vm from sourceIp dst destination dest to destinationIp nextHopType nextHopIpAddress \
nextHopIps routeTableId routeTable type ip",
            &mut odd,
        );
        for remark in odd {
            tally.explain(remark);
        }
        let nic = from.and_then(|from| self.world.nic(from)).or_else(|| {
            let source = text(value, &["sourceIp"]).and_then(address)?;
            self.world.owner(source)
        });
        let to = to.and_then(|to| self.address_of(to));
        let (Some(compiled), Some(to)) = (nic.and_then(|nic| self.world.snapshot.nic(nic)), to)
        else {
            tally.explain(format!("{subject}: the ends are not known"));
            return;
        };
        let mut answer = value.clone();
        if let Some(object) = answer.as_object_mut() {
            for (short, long) in [("type", "nextHopType"), ("ip", "nextHopIpAddress")] {
                if let Some(value) = object.remove(short) {
                    object.insert(long.to_owned(), value);
                }
            }
        }
        let own = next_hop_of(&self.world.snapshot, compiled, to);
        let comparison = answers::next_hop(&self.world.network, &answer, &own);
        tally.take(&subject, &comparison, |_| {
            self.case.excuse(&["next hop", "next_hop"])
        });
    }

    pub(crate) fn address_of(&self, text: &str) -> Option<Ipv4Addr> {
        if let Some(address) = address(text) {
            return Some(address);
        }
        if same(text, "Internet") {
            return Some(Ipv4Addr::new(1, 1, 1, 1));
        }
        let words = text.strip_prefix("vpn-client").unwrap_or(text);
        if let Some(address) = address(words) {
            return Some(address);
        }
        let nic = self.world.nic(text)?;
        Some(self.world.network.nics().get(nic)?.primary_address())
    }

    /// `security_group_view`: rules of a machine, by level or in one list. The names and what they say are compared.
    pub(crate) fn security_view(&self, name: &str, value: &Value, tally: &mut Tally) {
        let subject = format!("security view of {name}");
        let nic = self
            .world
            .nic(name)
            .or_else(|| self.world.nic(text(value, &["nic", "vm"])?));
        let Some(nic) = nic else {
            tally.explain(format!("{subject}: the topology holds no such NIC"));
            return;
        };
        let mut recorded = Vec::new();
        gather_rules(value, &mut recorded);
        if recorded.is_empty() {
            tally.explain(format!("{subject}: {} is not understood", short(value)));
            return;
        }
        let own = self.world.groups(nic);
        let mut ours = Vec::new();
        gather_rules(&own, &mut ours);
        let bare = |rule: &Value| {
            let name = text(rule, &["name"]).unwrap_or_default();
            let name = name.rsplit('/').next().unwrap_or(name);
            let name = name
                .strip_prefix("UserRule_")
                .or_else(|| name.strip_prefix("DefaultRule_"));
            name.or_else(|| text(rule, &["name"]).and_then(|name| name.rsplit('/').next()))
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        for rule in recorded {
            let direction = text(rule, &["direction"]);
            let found = ours.iter().find(|own| {
                let same_direction = direction.is_none_or(|word| {
                    text(own, &["direction"]).is_some_and(|own| same(own, word))
                });
                bare(own) == bare(rule) && same_direction
            });
            let equal = found.is_some_and(|own| {
                let word = |key: &str| match (text(rule, &[key]), text(own, &[key])) {
                    (Some(azure), Some(own)) => same(azure, own),
                    _ => true,
                };
                let priority = match (number(rule, &["priority"]), number(own, &["priority"])) {
                    (Some(azure), Some(own)) => azure == own,
                    _ => true,
                };
                word("access") && priority
            });
            tally.row(equal, self.case.excuse(&["security", "rule"]), || {
                format!(
                    "{subject}: rule {}: vnetsim has {}",
                    short(rule),
                    found.map_or_else(|| "none".to_owned(), |own| short(own))
                )
            });
        }
    }

    /// `nsg_diagnostic`: a flow and what the groups say of it.
    pub(crate) fn nsg_diagnostic(&self, value: &Value, tally: &mut Tally) {
        let question = value
            .get("profile")
            .or_else(|| value.get("query"))
            .unwrap_or(value);
        let direction = text(question, &["direction"]).unwrap_or_default();
        let inbound = same(direction, "Inbound");
        let (source, destination) = (
            text(question, &["source", "src"]),
            text(question, &["destination", "dst"]),
        );
        let (local, remote) = if inbound {
            (destination, source)
        } else {
            (source, destination)
        };
        let port = match number(question, &["destinationPort", "port"]) {
            Some(port) => port.to_string(),
            None => text(question, &["destinationPort", "port"])
                .unwrap_or_default()
                .to_owned(),
        };
        let with_port = |end: Option<&str>, here: bool| {
            let end = end
                .and_then(|end| self.address_of(end))
                .map(|address| address.to_string())
                .unwrap_or_default();
            if here && !port.is_empty() && port != "*" {
                format!("{end}:{port}")
            } else {
                end
            }
        };
        let result = text(value, &["securityRuleAccessResult", "access", "result"]).or_else(|| {
            text(
                value.get("networkSecurityGroupResult")?,
                &["securityRuleAccessResult"],
            )
        });
        let evaluated = list(value, &["evaluatedNetworkSecurityGroups"]);
        let matched = evaluated
            .iter()
            .find_map(|group| text(group.get("matchedRule")?, &["ruleName"]));
        let asked = json!({
            "direction": direction,
            "protocol": text(question, &["protocol"]),
            "local": with_port(local, inbound),
            "remote": with_port(remote, !inbound),
            "nic": text(value, &["nic", "vm"]),
            "access": result,
            "rule": text(value, &["rule", "ruleName"]).or(matched.filter(|_| evaluated.len() == 1)),
        });
        if result.is_none() {
            tally.explain(format!(
                "nsg diagnostic: {} is not understood",
                short(value)
            ));
            return;
        }
        self.ip_flow(&asked, tally);
    }

    /// `peering_state`: of all links, or of one by its names.
    pub(crate) fn peering_state(&self, value: &Value, tally: &mut Tally) {
        let network = &self.world.network;
        let mut wanted: Vec<(Vec<model::LinkId>, Value)> = Vec::new();
        let named =
            |vnet: Option<&str>, remote: Option<&str>, name: Option<&str>| -> Vec<model::LinkId> {
                let links = network.peerings().iter().filter(|(_, link)| {
                    let local = network.virtual_networks()[link.virtual_network].name();
                    vnet.is_none_or(|vnet| same(vnet, local))
                        && remote.is_none_or(|remote| same(remote, link.remote.name()))
                        && name.is_none_or(|name| same(name, link.name()))
                });
                links.map(|(link, _)| link).collect()
            };
        let vnet = text(value, &["vnet", "virtualNetwork"]);
        let name = text(value, &["name", "peering"]);
        let remote = text(value, &["remoteVnet", "remote"]);
        if vnet.is_some() || name.is_some() {
            let mut answer = value.clone();
            if let Some(object) = answer.as_object_mut() {
                if let Some(state) = object.remove("state") {
                    object.insert("peeringState".to_owned(), state);
                }
                for key in [
                    "vnet",
                    "virtualNetwork",
                    "name",
                    "peering",
                    "remoteVnet",
                    "remote",
                ] {
                    object.remove(key);
                }
            }
            wanted.push((named(vnet, remote, name), answer));
        } else {
            for (key, state) in value.as_object().into_iter().flatten() {
                let links = if same(key, "all") {
                    named(None, None, None)
                } else {
                    let (first, last) = key.split_once(['/', '>']).unwrap_or((key, ""));
                    let found = named(Some(first), None, Some(last));
                    if found.is_empty() {
                        named(Some(first), Some(last), None)
                    } else {
                        found
                    }
                };
                let answer = if state.is_string() {
                    json!({ "peeringState": state })
                } else {
                    state.clone()
                };
                wanted.push((links, answer));
            }
        }
        if wanted.is_empty() {
            tally.explain(format!("peering_state: {} is not understood", short(value)));
        }
        for (links, answer) in wanted {
            if links.is_empty() {
                tally.explain(format!("peering_state: no link fits {}", short(value)));
            }
            for link in links {
                let subject = format!("peering {}", network.peerings()[link].id.name());
                tally.take(&subject, &answers::link(network, &answer, link), |_| {
                    self.case.excuse(&["peering state", "flags"])
                });
            }
        }
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

/// Objects that look like rules, wherever they are.
fn gather_rules<'v>(value: &'v Value, rules: &mut Vec<&'v Value>) {
    match value {
        Value::Object(members) => {
            let has = |key: &str| members.contains_key(key);
            if has("name") && (has("access") || has("priority")) {
                rules.push(value);
                return;
            }
            for value in members.values() {
                gather_rules(value, rules);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| gather_rules(value, rules)),
        _ => {}
    }
}

fn is_gateway_row(difference: &Difference) -> bool {
    let azure = difference.azure.as_deref().unwrap_or_default();
    azure.contains(" VirtualNetworkGateway") && !azure.starts_with("User")
}

/// `ADDRESS:PORT`, or the two apart.
fn end(value: &Value, side: &str) -> Option<(Ipv4Addr, Option<u16>)> {
    let apart = text(value, &[&format!("{side}Ip")]).and_then(address);
    if let Some(address) = apart {
        let port = number(value, &[&format!("{side}Port")]);
        return Some((address, port.and_then(|port| u16::try_from(port).ok())));
    }
    let words = text(value, &[side])?;
    match words.rsplit_once(':') {
        Some((host, port)) => Some((address(host)?, port.parse().ok())),
        None => Some((address(words)?, None)),
    }
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

//! Route tables and security groups, and where they are attached.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use super::{Draft, Group, Route, Rule, Subnet, Table, is_for_machines, is_named};
use crate::reading::{
    address, flag, get, is_ipv6, list, name_of, number, objects, prefix, same, short, text, texts,
    unknown_keys,
};

impl Draft<'_> {
    pub(super) fn tables(&mut self, topology: &Value) {
        for (at, value) in objects(topology, "routeTables", self.odd)
            .into_iter()
            .enumerate()
        {
            let name = text(value, &["name"]).map_or_else(|| format!("rt{at}"), name_of);
            unknown_keys(
                value,
                &format!("routeTables.{name}"),
                "name disableBgpRoutePropagation subnets routes routes_by_phase location",
                self.odd,
            );
            let disabled = flag(value, "disableBgpRoutePropagation", self.odd);
            let routes = self.routes(&name, &list(value, &["routes"]));
            self.topology.tables.push(Table {
                name: name.clone(),
                propagation_disabled: disabled.unwrap_or(false),
                routes,
            });
            for place in list(value, &["subnets"]) {
                if !self.attach(place, |subnet| subnet.table = Some(name.clone())) {
                    self.odd.push(format!("{name}: no subnet {}", short(place)));
                }
            }
        }
        // A subnet may name a table that nobody described: it has no routes.
        let names: Vec<String> = self
            .topology
            .tables
            .iter()
            .map(|table| table.name.clone())
            .collect();
        for vnet in &mut self.topology.vnets {
            for subnet in &mut vnet.subnets {
                if let Some(table) = &subnet.table
                    && !names.iter().any(|name| same(name, table))
                {
                    self.odd.push(format!(
                        "{}/{}: no route table '{table}'",
                        vnet.name, subnet.name
                    ));
                    subnet.table = None;
                }
            }
        }
    }

    /// Applies to what `vnet/subnet`, `vnet/*` or a subnet's own name means. False if that is nothing.
    pub(super) fn attach(&mut self, place: &Value, mut apply: impl FnMut(&mut Subnet)) -> bool {
        let (vnet, subnet) = match place {
            Value::String(text) => match text.trim().rsplit_once('/') {
                Some((vnet, subnet)) => (Some(vnet.to_owned()), subnet.to_owned()),
                None => (None, text.trim().to_owned()),
            },
            object => match text(object, &["subnet", "name"]) {
                Some(subnet) => (
                    text(object, &["vnet"]).map(str::to_owned),
                    subnet.to_owned(),
                ),
                None => return false,
            },
        };
        let mut found = false;
        for network in &mut self.topology.vnets {
            if vnet.as_ref().is_some_and(|vnet| !same(vnet, &network.name)) {
                continue;
            }
            for entry in &mut network.subnets {
                let every = subnet == "*" && is_for_machines(&entry.name);
                if every || same(&entry.name, &subnet) {
                    apply(entry);
                    found = true;
                }
            }
        }
        found
    }

    pub(super) fn routes(&mut self, table: &str, values: &[&Value]) -> Vec<Route> {
        let mut routes: Vec<Route> = Vec::new();
        for (at, value) in values.iter().enumerate() {
            let destination = text(value, &["addressPrefix", "prefix"]).unwrap_or_default();
            let kind = text(value, &["nextHopType"]).unwrap_or_default();
            let place = format!("route {destination} of {table}");
            unknown_keys(
                value,
                &place,
                "name addressPrefix prefix nextHopType nextHopIpAddress nextHopIps",
                self.odd,
            );
            if is_ipv6(destination) {
                continue;
            }
            let is_tag = !destination.is_empty()
                && destination.starts_with(|c: char| c.is_ascii_alphabetic())
                && destination
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
            if prefix(destination).is_none() && !is_tag {
                self.odd.push(format!(
                    "{table}: '{destination}' is no prefix: the route is left out"
                ));
                self.topology.routes_left_out = true;
                continue;
            }
            let kinds = [
                "VirtualAppliance",
                "VirtualNetworkGateway",
                "VnetLocal",
                "Internet",
                "None",
            ];
            let Some(kind) = kinds.into_iter().find(|known| same(known, kind)) else {
                self.odd.push(format!(
                    "{place}: '{kind}' is no next hop type: the route is left out"
                ));
                self.topology.routes_left_out = true;
                continue;
            };
            let hop = text(value, &["nextHopIpAddress"])
                .or_else(|| texts(value, &["nextHopIps"]).first().copied());
            let mut hop_address = hop.and_then(address);
            if kind == "VirtualAppliance" && hop_address.is_none() {
                // An address of the network that nobody has: the route is there, and its next hop is not compared.
                self.odd.push(format!(
                    "{place}: '{}' is no address; a free one stands for it",
                    hop.unwrap_or_default()
                ));
                let space = self
                    .topology
                    .vnets
                    .first()
                    .and_then(|vnet| vnet.prefixes.first());
                hop_address = space.map(|space| Ipv4Addr::from(u32::from(space.broadcast()) - 2));
                let stand_in = hop_address.map(Ipv4Net::from);
                self.topology.stand_ins.extend(stand_in);
            }
            let name = text(value, &["name"]).map_or_else(|| format!("route{at}"), name_of);
            routes.push(Route {
                name,
                destination: destination.to_owned(),
                kind: kind.to_owned(),
                address: hop_address.filter(|_| kind == "VirtualAppliance"),
            });
        }
        routes
    }

    /// A table that names no subnet is that of the NICs whose recorded user routes are its routes.
    pub(super) fn unattached_tables(&mut self, topology: &Value, observed: &Value) {
        let listed = objects(topology, "routeTables", &mut Vec::new());
        for (value, table) in listed.into_iter().zip(self.topology.tables.clone()) {
            let named = get(value, &["subnets"]).is_some()
                || self
                    .topology
                    .vnets
                    .iter()
                    .flat_map(|vnet| &vnet.subnets)
                    .any(|subnet| {
                        subnet
                            .table
                            .as_ref()
                            .is_some_and(|name| same(name, &table.name))
                    });
            if named {
                continue;
            }
            let wanted: Vec<(String, String, Option<Ipv4Addr>)> = table
                .routes
                .iter()
                .map(|route| (route.destination.clone(), route.kind.clone(), route.address))
                .collect();
            let tables = observed.get("effective_routes").and_then(Value::as_object);
            let mut places: Vec<(String, String)> = Vec::new();
            for (nic, rows) in tables.into_iter().flatten() {
                let users = rows.as_array().into_iter().flatten().filter(|row| {
                    text(row, &["source"]).is_some_and(|source| same(source, "User"))
                });
                let mut recorded: Vec<(String, String, Option<Ipv4Addr>)> = users
                    .map(|row| {
                        let word = |keys: &[&str]| text(row, keys).unwrap_or_default().to_owned();
                        let hop = texts(row, &["nextHopIps"])
                            .first()
                            .and_then(|hop| address(hop));
                        (word(&["prefix"]), word(&["nextHopType"]), hop)
                    })
                    .collect();
                let mut wanted = wanted.clone();
                recorded.sort();
                wanted.sort();
                if recorded == wanted && !wanted.is_empty() {
                    let nic = self
                        .topology
                        .nics
                        .iter()
                        .find(|entry| same(&entry.name, nic));
                    places.extend(nic.map(|nic| (nic.vnet.clone(), nic.subnet.clone())));
                }
            }
            if places.is_empty() && self.topology.vnets.len() == 1 {
                // The only network there is.
                let vnet = &self.topology.vnets[0];
                places.extend(
                    vnet.subnets
                        .iter()
                        .filter(|subnet| is_for_machines(&subnet.name))
                        .map(|subnet| (vnet.name.clone(), subnet.name.clone())),
                );
            }
            if places.is_empty() {
                self.odd.push(format!(
                    "{}: no subnet is known to have this table",
                    table.name
                ));
            }
            for (vnet, subnet) in places {
                let place = Value::String(format!("{vnet}/{subnet}"));
                self.attach(&place, |entry| entry.table = Some(table.name.clone()));
            }
        }
    }

    pub(super) fn groups(&mut self, topology: &Value) {
        for (at, value) in objects(topology, "nsgs", self.odd).into_iter().enumerate() {
            let name = text(value, &["name"]).map_or_else(|| format!("nsg{at}"), name_of);
            unknown_keys(
                value,
                &format!("nsgs.{name}"),
                "name attachedTo rules defaultRules rules_by_phase",
                self.odd,
            );
            let rules = self.rules(&name, &list(value, &["rules"]));
            self.topology.groups.push(Group {
                name: name.clone(),
                rules,
            });
            if get(value, &["attachedTo"]).is_none() {
                for nic in self
                    .topology
                    .nics
                    .iter_mut()
                    .filter(|nic| nic.group.is_none())
                {
                    nic.group = Some(name.clone());
                }
            }
            for place in list(value, &["attachedTo"]) {
                let nic = place
                    .as_str()
                    .or_else(|| text(place, &["nic"]))
                    .unwrap_or_default();
                let mut found = false;
                for entry in self
                    .topology
                    .nics
                    .iter_mut()
                    .filter(|entry| is_named(entry, nic))
                {
                    entry.group = Some(name.clone());
                    found = true;
                }
                if !found && !self.attach(place, |subnet| subnet.group = Some(name.clone())) {
                    self.odd.push(format!(
                        "{name}: attached to {}, which is nothing known",
                        short(place)
                    ));
                }
            }
        }
        let names: Vec<String> = self
            .topology
            .groups
            .iter()
            .map(|group| group.name.clone())
            .collect();
        for group in self
            .topology
            .vnets
            .iter_mut()
            .flat_map(|vnet| &mut vnet.subnets)
            .map(|subnet| &mut subnet.group)
            .chain(self.topology.nics.iter_mut().map(|nic| &mut nic.group))
        {
            if group
                .as_ref()
                .is_some_and(|group| !names.iter().any(|name| same(name, group)))
            {
                self.odd.push(format!(
                    "no security group '{}'",
                    group.take().unwrap_or_default()
                ));
            }
        }
    }

    pub(super) fn rules(&mut self, group: &str, values: &[&Value]) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (at, value) in values.iter().enumerate() {
            let name = text(value, &["name"]).map_or_else(|| format!("rule{at}"), name_of);
            unknown_keys(
                value,
                &format!("rule {name} of {group}"),
                "name priority direction access protocol source destination sourcePorts destinationPorts \
sourcePrefixes destinationPrefixes sourceAddressPrefix destinationAddressPrefix \
sourceAddressPrefixes destinationAddressPrefixes sourcePortRange destinationPortRange \
sourcePortRanges destinationPortRanges",
                self.odd,
            );
            let words = |keys: &[&str]| {
                let words: Vec<String> = list(value, keys)
                    .into_iter()
                    .map(|word| {
                        word.as_str()
                            .map_or_else(|| word.to_string(), str::to_owned)
                    })
                    .collect();
                if words.is_empty() {
                    vec!["*".to_owned()]
                } else {
                    words
                }
            };
            let (Some(direction), Some(access)) =
                (text(value, &["direction"]), text(value, &["access"]))
            else {
                self.odd.push(format!(
                    "rule {name} of {group}: without direction or access it is left out"
                ));
                continue;
            };
            let protocol = match text(value, &["protocol"]) {
                Some(word) if !same(word, "All") && !same(word, "Any") => word.to_owned(),
                _ => "*".to_owned(),
            };
            let position = i64::try_from(at).unwrap_or(0);
            let rule = Rule {
                priority: number(value, &["priority"]).unwrap_or(100 + position),
                direction: direction.to_owned(),
                access: access.to_owned(),
                protocol,
                source: words(&[
                    "source",
                    "sourcePrefixes",
                    "sourceAddressPrefix",
                    "sourceAddressPrefixes",
                ]),
                destination: words(&[
                    "destination",
                    "destinationPrefixes",
                    "destinationAddressPrefix",
                    "destinationAddressPrefixes",
                ]),
                source_ports: words(&["sourcePorts", "sourcePortRange", "sourcePortRanges"]),
                destination_ports: words(&[
                    "destinationPorts",
                    "destinationPortRange",
                    "destinationPortRanges",
                ]),
                name,
            };
            match unusable(&rule) {
                Some(what) => self.odd.push(format!(
                    "rule {} of {group}: {what}: it is left out",
                    rule.name
                )),
                None => rules.push(rule),
            }
        }
        rules
    }
}

/// The word of a rule that means nothing.
fn unusable(rule: &Rule) -> Option<String> {
    let is_in = |word: &str, known: &[&str]| known.iter().any(|known| same(known, word));
    let addresses = |word: &&String| {
        let tag = |c: char| c.is_ascii_alphanumeric() || c == '.';
        let is_tag = word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(tag);
        *word != "*" && prefix(word).is_none() && !is_ipv6(word) && !is_tag
    };
    let ports = |word: &&String| {
        let ends: Vec<&str> = word.split('-').collect();
        let numbers = ends.iter().all(|end| end.trim().parse::<u16>().is_ok());
        *word != "*" && !(numbers && ends.len() <= 2)
    };
    let mut sides = rule.source.iter().chain(&rule.destination);
    let mut ranges = rule.source_ports.iter().chain(&rule.destination_ports);
    if !is_in(&rule.direction, &["Inbound", "Outbound"]) {
        return Some(format!("'{}' is no direction", rule.direction));
    }
    if !is_in(&rule.access, &["Allow", "Deny"]) {
        return Some(format!("'{}' is neither Allow nor Deny", rule.access));
    }
    if !is_in(&rule.protocol, &["*", "Tcp", "Udp", "Icmp", "Esp", "Ah"]) {
        return Some(format!("'{}' is no protocol", rule.protocol));
    }
    if !(100..=65535).contains(&rule.priority) {
        return Some(format!("{} is no priority", rule.priority));
    }
    sides
        .find(addresses)
        .map(|word| format!("'{word}' is no address"))
        .or_else(|| {
            ranges
                .find(ports)
                .map(|word| format!("'{word}' is no port"))
        })
}

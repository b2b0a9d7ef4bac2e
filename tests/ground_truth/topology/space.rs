//! Networks, their subnets, and free room for what a recording does not place.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use super::{Draft, Subnet, Vnet, is_for_machines};
use crate::reading::{
    address, addresses_in, get, is_ipv6, list, name_of, objects, prefix, same, short, text, texts,
    unknown_keys,
};

impl Draft<'_> {
    pub(super) fn vnets(&mut self, topology: &Value) {
        for (at, value) in objects(topology, "virtualNetworks", self.odd)
            .into_iter()
            .enumerate()
        {
            let mut name = text(value, &["name"]).map_or_else(|| format!("vnet{at}"), name_of);
            if self.topology.vnet(&name).is_some() {
                self.odd.push(format!("two networks are named {name}"));
                name = format!("{name}-{at}");
            }
            unknown_keys(
                value,
                &format!("virtualNetworks.{name}"),
                "name addressPrefixes subnets location region resourceGroup",
                self.odd,
            );
            let mut prefixes = Vec::new();
            for text in texts(value, &["addressPrefixes", "addressSpace"]) {
                match prefix(text) {
                    Some(prefix) => prefixes.push(prefix),
                    None if is_ipv6(text) => {}
                    None => self.odd.push(format!(
                        "{name}: '{text}' is no prefix; a free one stands for it"
                    )),
                }
            }
            let location = text(value, &["location", "region"])
                .filter(|location| !location.is_empty() && *location != "?");
            self.topology.vnets.push(Vnet {
                name,
                prefixes,
                location: location.map(str::to_owned),
                subnets: Vec::new(),
            });
        }
        // A network whose space was not told gets one that nobody has.
        for at in 0..self.topology.vnets.len() {
            if self.topology.vnets[at].prefixes.is_empty() {
                let free = (200..=255)
                    .filter_map(|second| prefix(&format!("10.{second}.0.0/16")))
                    .find(|free| !self.is_taken(*free));
                self.topology.vnets[at].prefixes.extend(free);
                self.topology.stand_ins.extend(free);
            }
        }
    }

    pub(super) fn is_taken(&self, wanted: Ipv4Net) -> bool {
        let spaces = self.topology.vnets.iter().flat_map(|vnet| &vnet.prefixes);
        spaces.into_iter().any(|space| overlap(*space, wanted))
    }

    /// Networks without location are in one region, unless the recording says that the peering is global.
    pub(super) fn locations(&mut self, topology: &Value) {
        let kind = match get(topology, &["peeringKind"]) {
            Some(Value::String(kind)) => kind.trim().to_ascii_lowercase(),
            None => String::new(),
            Some(other) => {
                self.odd.push(format!("peeringKind: {}", short(other)));
                String::new()
            }
        };
        let shared = self
            .topology
            .vnets
            .iter()
            .find_map(|vnet| vnet.location.clone())
            .unwrap_or_else(|| "region0".to_owned());
        for (at, vnet) in self.topology.vnets.iter_mut().enumerate() {
            if vnet.location.is_none() {
                vnet.location = Some(if kind.starts_with("global") {
                    format!("region{}", at + 1)
                } else {
                    shared.clone()
                });
            }
        }
    }

    /// Subnets as recorded; those whose prefix cannot be read get a free block that holds the addresses known to lie in them.
    pub(super) fn unreadable_prefixes(&mut self, topology: &Value) {
        for (at, value) in objects(topology, "virtualNetworks", &mut Vec::new())
            .into_iter()
            .enumerate()
        {
            let vnet = self.topology.vnets[at].name.clone();
            let listed = objects(value, "subnets", self.odd);
            let mut unread: Vec<(usize, String)> = Vec::new();
            for subnet in listed {
                let mut name = name_of(text(subnet, &["name"]).unwrap_or("subnet"));
                let present = &self.topology.vnets[at].subnets;
                if present.iter().any(|entry| same(&entry.name, &name)) {
                    self.odd
                        .push(format!("two subnets are named {vnet}/{name}"));
                    name = format!("{name}-{}", present.len());
                }
                unknown_keys(
                    subnet,
                    &format!("{vnet}/{name}"),
                    "name prefix prefixes addressPrefix addressPrefixes routeTable nsg networkSecurityGroup privateEndpointNetworkPolicies",
                    self.odd,
                );
                let written = texts(
                    subnet,
                    &["prefix", "prefixes", "addressPrefix", "addressPrefixes"],
                );
                let mut prefixes: Vec<Ipv4Net> =
                    written.iter().filter_map(|text| prefix(text)).collect();
                let home = &self.topology.vnets[at];
                let fits = |prefix: &Ipv4Net| {
                    let mut others = home.subnets.iter().flat_map(|subnet| &subnet.prefixes);
                    prefix.prefix_len() <= 29
                        && home.prefixes.iter().any(|space| space.contains(prefix))
                        && !others.any(|other| overlap(*other, *prefix))
                };
                if let Some(misfit) = prefixes.iter().find(|prefix| !fits(prefix)) {
                    self.odd.push(format!(
                        "{vnet}/{name}: {misfit} does not fit into the network; a free one stands for it"
                    ));
                    prefixes.clear();
                }
                let word = |keys: &[&str]| {
                    let name = text(subnet, keys).filter(|name| !name.is_empty());
                    name.map(str::to_owned)
                };
                let subnets = &mut self.topology.vnets[at].subnets;
                if prefixes.is_empty() {
                    if written.iter().all(|text| prefix(text).is_none()) {
                        self.odd.push(format!(
                            "{vnet}/{name}: '{}' is no prefix; a free one stands for it",
                            written.join(" ")
                        ));
                    }
                    unread.push((subnets.len(), written.join(" ")));
                }
                subnets.push(Subnet {
                    name,
                    prefixes,
                    table: word(&["routeTable"]),
                    group: word(&["nsg", "networkSecurityGroup"]),
                    policies: word(&["privateEndpointNetworkPolicies"]),
                });
            }
            for (position, said) in unread {
                let name = self.topology.vnets[at].subnets[position].name.clone();
                let mut inside = addresses_in(&said);
                inside.extend(known_addresses(topology, &vnet, &name));
                let alone = self.topology.vnets[at].subnets.len() == 1 && is_for_machines(&name);
                let size = if alone {
                    0
                } else if is_for_machines(&name) {
                    24
                } else {
                    27
                };
                let block = self
                    .free_block(at, size, &inside)
                    .or_else(|| self.free_block(at, size, &[]));
                self.topology.vnets[at].subnets[position]
                    .prefixes
                    .extend(block);
            }
            self.subnet_for_machines(at, topology);
        }
    }

    /// A network in which no machine could stand gets a subnet of what is free in it.
    fn subnet_for_machines(&mut self, at: usize, topology: &Value) {
        let vnet = self.topology.vnets[at].name.clone();
        let machines = self.topology.vnets[at]
            .subnets
            .iter()
            .any(|subnet| is_for_machines(&subnet.name) && !subnet.prefixes.is_empty());
        if !machines {
            let reserved = !gateways_in(topology, &vnet).is_empty();
            let inside = known_addresses(topology, &vnet, "");
            if reserved {
                self.gateway_subnet(at, topology);
            }
            let block = self
                .free_block(at, 0, &inside)
                .or_else(|| self.free_block(at, 0, &[]));
            self.topology.vnets[at]
                .subnets
                .extend(block.map(|block| Subnet {
                    name: "default".to_owned(),
                    prefixes: vec![block],
                    table: None,
                    group: None,
                    policies: None,
                }));
        }
    }

    /// The largest free block of a network's space that holds these addresses and is no larger than `/shortest`.
    pub(super) fn free_block(
        &self,
        vnet: usize,
        shortest: u8,
        inside: &[Ipv4Addr],
    ) -> Option<Ipv4Net> {
        let vnet = &self.topology.vnets[vnet];
        let taken: Vec<Ipv4Net> = vnet
            .subnets
            .iter()
            .flat_map(|subnet| subnet.prefixes.iter().copied())
            .collect();
        let free = |block: &Ipv4Net| !taken.iter().any(|other| overlap(*block, *other));
        let holds = |block: &Ipv4Net| inside.iter().all(|address| block.contains(address));
        for length in shortest..=29 {
            for space in &vnet.prefixes {
                if length < space.prefix_len() {
                    continue;
                }
                // With an address to hold there is one candidate of each length.
                if let Some(address) = inside.first() {
                    let block = Ipv4Net::new(*address, length).ok()?.trunc();
                    if space.contains(&block) && free(&block) && holds(&block) {
                        return Some(block);
                    }
                } else if let Some(block) = space.subnets(length).ok()?.take(4096).find(free) {
                    return Some(block);
                }
            }
        }
        None
    }

    pub(super) fn gateway_subnets(&mut self, topology: &Value) {
        for at in 0..self.topology.vnets.len() {
            if !gateways_in(topology, &self.topology.vnets[at].name).is_empty() {
                self.gateway_subnet(at, topology);
            }
            let vnet = self.topology.vnets[at].name.clone();
            let servers = list(topology, &["routeServers"]);
            let here = servers
                .iter()
                .find(|server| text(server, &["vnet"]).is_some_and(|name| same(name, &vnet)));
            if let Some(server) = here {
                let inside: Vec<Ipv4Addr> = texts(server, &["instances"])
                    .into_iter()
                    .filter_map(address)
                    .collect();
                self.service_subnet(at, "RouteServerSubnet", &inside);
            }
        }
    }

    pub(super) fn gateway_subnet(&mut self, at: usize, topology: &Value) {
        let name = self.topology.vnets[at].name.clone();
        let inside = known_addresses(topology, &name, "GatewaySubnet");
        self.service_subnet(at, "GatewaySubnet", &inside);
    }

    pub(super) fn service_subnet(&mut self, at: usize, name: &str, inside: &[Ipv4Addr]) {
        let present = self.topology.vnets[at]
            .subnets
            .iter()
            .any(|subnet| same(&subnet.name, name));
        if present {
            return;
        }
        // Addresses that lie nowhere in the network place nothing.
        let block = self
            .free_block(at, 27, inside)
            .or_else(|| self.free_block(at, 27, &[]));
        self.topology.vnets[at]
            .subnets
            .extend(block.map(|block| Subnet {
                name: name.to_owned(),
                prefixes: vec![block],
                table: None,
                group: None,
                policies: None,
            }));
    }
}

/// Addresses that the recording places in a subnet of a network; those of NICs without subnet for the empty name.
pub(super) fn known_addresses(topology: &Value, vnet: &str, subnet: &str) -> Vec<Ipv4Addr> {
    let here = |value: &&Value| text(value, &["vnet"]).is_some_and(|name| same(name, vnet));
    if same(subnet, "GatewaySubnet") {
        return gateways_in(topology, vnet)
            .into_iter()
            .flat_map(|gateway| {
                let mut found = texts(gateway, &["instances"]);
                found.extend(texts(gateway, &["privateIp"]));
                found.extend(texts(gateway, &["bgpIp"]));
                found
            })
            .filter_map(address)
            .collect();
    }
    list(topology, &["nics"])
        .into_iter()
        .filter(here)
        .filter(|nic| {
            let own = text(nic, &["subnet"]);
            own.is_none_or(|own| same(own, subnet))
        })
        .filter_map(|nic| address(text(nic, &["ip", "privateIp", "address"])?))
        .collect()
}

pub(super) fn gateways_in<'v>(topology: &'v Value, vnet: &str) -> Vec<&'v Value> {
    list(topology, &["gateways"])
        .into_iter()
        .filter(|gateway| text(gateway, &["vnet"]).is_some_and(|name| same(name, vnet)))
        .collect()
}

pub(super) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

//! NICs, appliances and load balancers.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::{
    Appliance, Balancer, Draft, Group, Nic, PrivateEndpoint, Route, Rule, Subnet, Table, Vnet,
    is_for_machines, is_named,
};
use crate::reading::{
    address, flag, get, list, name_of, objects, same, short, text, texts, truth, unknown_keys,
};

impl Draft<'_> {
    pub(super) fn nics(&mut self, topology: &Value) {
        // Those with an address first, so that free ones are really free.
        let listed = objects(topology, "nics", self.odd);
        let (with, without): (Vec<&Value>, Vec<&Value>) = listed
            .into_iter()
            .partition(|nic| text(nic, &["ip", "privateIp", "address"]).is_some());
        for value in with.into_iter().chain(without) {
            let Some(name) = text(value, &["name"]).map(name_of) else {
                self.odd
                    .push(format!("a NIC without name: {}", short(value)));
                continue;
            };
            let name = name.as_str();
            if self.topology.nics.iter().any(|nic| same(&nic.name, name)) {
                self.odd.push(format!("two NICs are named {name}"));
                continue;
            }
            unknown_keys(
                value,
                &format!("nics.{name}"),
                "name vnet subnet ip privateIp address enableIPForwarding subnetEvidence vm publicIp nsg",
                self.odd,
            );
            let forwarding = flag(value, "enableIPForwarding", self.odd).unwrap_or(false);
            let wanted = text(value, &["ip", "privateIp", "address"]);
            let wanted_address = wanted.and_then(address);
            if let (Some(text), None) = (wanted, wanted_address) {
                self.odd.push(format!(
                    "{name}: '{text}' is no address; a free one stands for it"
                ));
            }
            let subnet = text(value, &["subnet"]);
            let Some(vnet) = text(value, &["vnet"]) else {
                self.odd.push(format!("{name}: no network is named"));
                continue;
            };
            let Some(nic) = self.place(name, vnet, subnet, wanted_address) else {
                self.odd
                    .push(format!("{name}: there is no place for it in '{vnet}'"));
                continue;
            };
            self.topology.nics.push(Nic {
                forwarding,
                machine: text(value, &["vm"]).unwrap_or(name).to_owned(),
                group: text(value, &["nsg"]).map(str::to_owned),
                public_ip: text(value, &["publicIp"]).and_then(address),
                appliance: forwarding.then(Appliance::default),
                ..nic
            });
        }
    }

    /// A NIC in the named subnet, or the one that holds the address, or the first; at the address or the first free one.
    pub(super) fn place(
        &mut self,
        name: &str,
        vnet: &str,
        subnet: Option<&str>,
        wanted: Option<Ipv4Addr>,
    ) -> Option<Nic> {
        let network = self
            .topology
            .vnets
            .iter()
            .find(|entry| same(&entry.name, vnet))?;
        let named = subnet.and_then(|subnet| {
            network
                .subnets
                .iter()
                .find(|entry| same(&entry.name, subnet))
        });
        if let (Some(subnet), None) = (subnet, named) {
            self.odd
                .push(format!("{name}: no subnet '{subnet}' in {vnet}"));
        }
        let holds = |entry: &&Subnet| {
            wanted
                .is_some_and(|wanted| entry.prefixes.iter().any(|prefix| prefix.contains(&wanted)))
        };
        let first = || {
            let mut subnets = network.subnets.iter();
            subnets.find(|entry| is_for_machines(&entry.name) && !entry.prefixes.is_empty())
        };
        let outside = wanted.filter(|wanted| {
            named.is_none()
                && network.prefixes.iter().any(|space| space.contains(wanted))
                && !network.subnets.iter().any(|entry| holds(&entry))
        });
        if let Some(address) = outside {
            let made = self.subnet_around(vnet, address)?;
            return self.place(name, vnet, Some(&made), wanted);
        }
        let subnet = named
            .or_else(|| network.subnets.iter().find(holds))
            .or_else(first)?;
        let range = *subnet.prefixes.first()?;
        let inside = |address: &Ipv4Addr| {
            subnet
                .prefixes
                .iter()
                .any(|prefix| prefix.contains(address))
        };
        if let Some(outside) = wanted.filter(|address| !inside(address)) {
            self.odd.push(format!(
                "{name}: {outside} lies outside {}/{}; a free address stands for it",
                network.name, subnet.name
            ));
        }
        let taken = |address: &Ipv4Addr| {
            let frontends = self
                .topology
                .balancers
                .iter()
                .map(|balancer| balancer.frontend);
            let nics = self
                .topology
                .nics
                .iter()
                .filter(|nic| same(&nic.vnet, vnet))
                .map(|nic| nic.address);
            let endpoints = self.topology.endpoints.iter();
            let endpoints = endpoints.map(|endpoint| endpoint.address);
            nics.chain(frontends)
                .chain(endpoints)
                .any(|own| own == *address)
        };
        let free = || {
            let first = u32::from(range.network()) + 4;
            let last = u32::from(range.broadcast());
            (first..last)
                .map(Ipv4Addr::from)
                .take(4096)
                .find(|address| !taken(address))
        };
        let address = wanted.filter(inside).or_else(free)?;
        Some(Nic {
            name: name.to_owned(),
            vnet: network.name.clone(),
            subnet: subnet.name.clone(),
            address,
            forwarding: false,
            machine: name.to_owned(),
            group: None,
            public_ip: None,
            appliance: None,
            drops: Vec::new(),
        })
    }

    /// A subnet for an address that lies in a network, but in none of its recorded subnets; its name.
    fn subnet_around(&mut self, vnet: &str, address: Ipv4Addr) -> Option<String> {
        let at = self
            .topology
            .vnets
            .iter()
            .position(|entry| same(&entry.name, vnet))?;
        let block = self.free_block(at, 24, &[address])?;
        let subnets = &mut self.topology.vnets[at].subnets;
        let made = format!("subnet-of-{}", address.to_string().replace('.', "-"));
        subnets.push(Subnet {
            name: made.clone(),
            prefixes: vec![block],
            table: None,
            group: None,
            policies: None,
        });
        Some(made)
    }

    pub(super) fn balancer_names(&mut self, topology: &Value) {
        for (at, value) in objects(topology, "loadBalancers", self.odd)
            .into_iter()
            .enumerate()
        {
            let name = text(value, &["name"]).map_or_else(|| format!("lb{at}"), name_of);
            unknown_keys(
                value,
                &format!("loadBalancers.{name}"),
                "name frontend frontendIp vnet subnet haPorts backends sku",
                self.odd,
            );
            let written = text(value, &["frontend", "frontendIp"]).unwrap_or_default();
            let Some(frontend) = address(written) else {
                self.odd
                    .push(format!("{name}: frontend '{written}' is no address"));
                continue;
            };
            let holds = |vnet: &&Vnet| {
                vnet.prefixes
                    .iter()
                    .any(|prefix| prefix.contains(&frontend))
            };
            let vnet = text(value, &["vnet"])
                .and_then(|name| self.topology.vnet(name))
                .or_else(|| self.topology.vnets.iter().find(holds));
            let Some(vnet) = vnet.map(|vnet| vnet.name.clone()) else {
                self.odd
                    .push(format!("{name}: no network holds {frontend}"));
                continue;
            };
            let subnets = self
                .topology
                .vnet(&vnet)
                .map(|vnet| vnet.subnets.as_slice());
            let mut prefixes = subnets
                .into_iter()
                .flatten()
                .flat_map(|subnet| &subnet.prefixes);
            if !prefixes.any(|prefix| prefix.contains(&frontend)) {
                self.odd
                    .push(format!("{name}: no subnet of {vnet} holds {frontend}"));
                continue;
            }
            self.topology.balancers.push(Balancer {
                name,
                vnet,
                frontend,
                basic: text(value, &["sku"]).is_some_and(|sku| same(sku, "Basic")),
                backends: texts(value, &["backends"])
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
            });
        }
    }

    /// Private endpoints as recorded, and those of which only a row tells.
    pub(super) fn private_endpoints(&mut self, topology: &Value, observed: &Value) {
        let mut found: Vec<(String, Ipv4Addr)> = Vec::new();
        for value in objects(topology, "privateEndpoints", self.odd) {
            let written = text(value, &["ip", "privateIp", "address"]).unwrap_or_default();
            match address(written) {
                Some(at) => found.push((name_of(text(value, &["name"]).unwrap_or("endpoint")), at)),
                None => self.odd.push(format!("a private endpoint at '{written}'")),
            }
        }
        let mut rows = Vec::new();
        rows_of(observed, &mut rows);
        for row in rows {
            let is_endpoint =
                text(row, &["nextHopType"]).is_some_and(|kind| same(kind, "InterfaceEndpoint"));
            let prefix = text(row, &["prefix"]).filter(|_| is_endpoint);
            let at = prefix.and_then(|prefix| address(prefix.trim_end_matches("/32")));
            if let Some(at) = at
                && !found.iter().any(|(_, known)| *known == at)
            {
                found.push((format!("endpoint-{}", at.to_string().replace('.', "-")), at));
            }
        }
        for (name, at) in found {
            let place = self.topology.vnets.iter().find_map(|vnet| {
                let subnet = vnet
                    .subnets
                    .iter()
                    .find(|subnet| subnet.prefixes.iter().any(|prefix| prefix.contains(&at)))?;
                Some((vnet.name.clone(), subnet.name.clone()))
            });
            match place {
                Some((vnet, subnet)) => self.topology.endpoints.push(PrivateEndpoint {
                    name,
                    vnet,
                    subnet,
                    address: at,
                }),
                None => self
                    .odd
                    .push(format!("no subnet holds the private endpoint {at}")),
            }
        }
    }

    /// `nva`: by NIC, or one description for all that forward or for the one that it names.
    pub(super) fn appliances(&mut self, topology: &Value) {
        let Some(value) = get(topology, &["nva"]) else {
            return;
        };
        let Some(object) = value.as_object() else {
            if let Value::Array(values) = value {
                for value in values {
                    self.appliance(value, None);
                }
            } else {
                self.odd.push(format!("nva: {}", short(value)));
                self.appliance_in_words(value.as_str().unwrap_or_default());
            }
            return;
        };
        let by_nic = !object.is_empty() && object.values().all(Value::is_object);
        if by_nic {
            for (nic, value) in object {
                self.appliance(value, Some(nic));
            }
        } else {
            self.appliance(value, None);
        }
    }

    pub(super) fn appliance(&mut self, value: &Value, nic: Option<&str>) {
        unknown_keys(
            value,
            "nva",
            "name nic vm vnet ip snat forwards stateful drops allows",
            self.odd,
        );
        let known = |key: &str| get(value, &[key]).and_then(truth);
        let appliance = Appliance {
            forwards: known("forwards"),
            snat: known("snat"),
            stateful: known("stateful"),
        };
        let drops = self.dropped_protocols(value);
        let at = text(value, &["ip"]).and_then(address);
        let name = nic.or_else(|| text(value, &["nic", "name", "vm"]));
        if let Some(at) = at
            && !self.topology.nics.iter().any(|nic| nic.address == at)
        {
            let home = self
                .topology
                .vnets
                .iter()
                .find(|vnet| vnet.prefixes.iter().any(|prefix| prefix.contains(&at)));
            let home = home.map(|vnet| vnet.name.clone());
            let made =
                home.and_then(|vnet| self.place(name.unwrap_or("nva"), &vnet, None, Some(at)));
            match made {
                Some(nic) => self.topology.nics.push(Nic {
                    forwarding: true,
                    ..nic
                }),
                None => self.odd.push(format!("nva: no network holds {at}")),
            }
        }
        let belongs = |nic: &Nic| match (at, name) {
            (Some(at), _) => nic.address == at,
            (None, Some(name)) => is_named(nic, name),
            (None, None) => nic.forwarding,
        };
        let mut found = false;
        for nic in self.topology.nics.iter_mut().filter(|nic| belongs(nic)) {
            nic.appliance = Some(appliance);
            nic.drops.clone_from(&drops);
            found = true;
        }
        if !found {
            self.odd.push(format!("nva: no NIC fits {}", short(value)));
        }
    }

    /// `drops: ICMP`.
    fn dropped_protocols(&mut self, value: &Value) -> Vec<&'static str> {
        let mut drops = Vec::new();
        for words in texts(value, &["drops"]) {
            let known = ["Icmp", "Tcp", "Udp"].into_iter().filter(|protocol| {
                let mut parts = words.split(|c: char| !c.is_alphanumeric());
                parts.any(|part| same(part, protocol))
            });
            let before = drops.len();
            drops.extend(known);
            if drops.len() == before {
                self.odd
                    .push(format!("nva: drops '{words}' is not understood"));
            }
        }
        drops
    }

    /// A guest's own filter acts where a security group of its interface would: rules that deny those protocols and allow the rest.
    pub(super) fn dropping_appliances(&mut self) {
        for nic in self
            .topology
            .nics
            .iter_mut()
            .filter(|nic| !nic.drops.is_empty())
        {
            if nic.group.is_some() {
                self.odd.push(format!(
                    "{}: what it drops is not replayed beside its security group",
                    nic.name
                ));
                continue;
            }
            let name = format!("filter-of-{}", nic.name);
            let mut rules = Vec::new();
            for direction in ["Inbound", "Outbound"] {
                let mut rule = |priority: i64, protocol: &str, access: &str| {
                    let any = || vec!["*".to_owned()];
                    rules.push(Rule {
                        name: format!("{access}-{protocol}-{direction}").replace('*', "rest"),
                        priority,
                        direction: direction.to_owned(),
                        access: access.to_owned(),
                        protocol: protocol.to_owned(),
                        source: any(),
                        destination: any(),
                        source_ports: any(),
                        destination_ports: any(),
                    });
                };
                for (priority, protocol) in (100..).zip(&nic.drops) {
                    rule(priority, protocol, "Deny");
                }
                rule(4096, "*", "Allow");
            }
            nic.group = Some(name.clone());
            self.topology.groups.push(Group { name, rules });
        }
    }

    /// A sentence: where it stands, and whether it translates. Read as far as its words are plain.
    pub(super) fn appliance_in_words(&mut self, words: &str) {
        let lower = words.to_ascii_lowercase();
        let home = self.topology.vnets.iter().find(|vnet| {
            let name = format!("in {}", vnet.name.to_ascii_lowercase());
            lower.contains(&name)
                || lower.contains(&format!("in the {}", vnet.name.to_ascii_lowercase()))
        });
        let Some(home) = home.map(|vnet| vnet.name.clone()) else {
            return;
        };
        if let Some(nic) = self.place("NVA", &home, None, None) {
            let snat = if lower.contains("no snat") || lower.contains("without snat") {
                Some(false)
            } else {
                None
            };
            let forwards = lower.contains("forwarding on").then_some(true);
            self.topology.from_words = true;
            self.topology.nics.push(Nic {
                forwarding: true,
                appliance: Some(Appliance {
                    forwards,
                    snat,
                    stateful: None,
                }),
                ..nic
            });
        }
    }

    /// A recorded table belongs to a NIC, or to any NIC of the subnet that it is keyed by.
    pub(super) fn observed_nics(&mut self, observed: &Value) {
        let mut keys: Vec<&str> = Vec::new();
        let note = |value: Option<&'_ Value>| -> Vec<String> {
            value
                .and_then(Value::as_object)
                .map(|object| object.keys().cloned().collect())
                .unwrap_or_default()
        };
        let mut names = note(observed.get("effective_routes"));
        names.extend(note(observed.get("effective_nsg")));
        for phases in ["effective_routes_phases", "effective_nsg_phases"] {
            let tables = observed.get(phases).and_then(Value::as_object);
            for (_, table) in tables.into_iter().flatten() {
                names.extend(note(Some(table)));
            }
        }
        keys.extend(names.iter().map(String::as_str));
        for key in keys {
            let known = self
                .topology
                .nics
                .iter()
                .any(|nic| same(&nic.name, key) || same(&nic.machine, key));
            if known {
                continue;
            }
            let place = self.topology.vnets.iter().find_map(|vnet| {
                let subnet = vnet.subnets.iter().find(|subnet| {
                    same(&subnet.name, key) || same(&format!("{}/{}", vnet.name, subnet.name), key)
                })?;
                Some((vnet.name.clone(), subnet.name.clone()))
            });
            if let Some((vnet, subnet)) = place
                && !self
                    .topology
                    .nics
                    .iter()
                    .any(|nic| same(&nic.vnet, &vnet) && same(&nic.subnet, &subnet))
                && let Some(nic) = self.place(
                    &format!("nic-in-{}", subnet.replace(' ', "-")),
                    &vnet,
                    Some(&subnet),
                    None,
                )
            {
                self.topology.nics.push(nic);
            }
        }
        // What a case asks of no NIC in particular is asked of one.
        if self.topology.nics.is_empty()
            && let Some(vnet) = self.topology.vnets.first().map(|vnet| vnet.name.clone())
            && observed.get("effective_nsg").is_some_and(Value::is_object)
            && let Some(nic) = self.place("nic", &vnet, None, None)
        {
            self.topology.nics.push(nic);
        }
    }

    /// Ends of recorded packets that no NIC of the recording is: an address in a network, or `NETWORK VM`.
    pub(super) fn observed_ends(&mut self, observed: &Value) {
        for key in ["reachability", "traceroute", "path", "next_hop"] {
            for entry in list(observed, &[key]) {
                let ends = ["src", "dst", "source", "destination", "from", "to"];
                let ways = ["via", "forward_via", "return_via"];
                for (end, forwards) in ends
                    .map(|end| (end, false))
                    .into_iter()
                    .chain(ways.map(|way| (way, true)))
                {
                    for words in texts(entry, &[end]) {
                        self.observed_end(words, forwards);
                    }
                }
            }
        }
    }

    /// Appliances that only a user route names. Packets that were seen to arrive passed them.
    pub(super) fn unowned_next_hops(&mut self, observed: &Value) {
        let travelled = ["reachability", "traceroute", "captures"];
        if travelled
            .iter()
            .all(|key| list(observed, &[key]).is_empty())
        {
            return;
        }
        let routes = self.topology.tables.iter().flat_map(|table| &table.routes);
        let hops: Vec<Ipv4Addr> = routes.filter_map(|route| route.address).collect();
        for hop in hops {
            self.observed_end(&hop.to_string(), true);
        }
    }

    fn observed_end(&mut self, words: &str, forwards: bool) {
        let present = |nic: &Nic| same(&nic.name, words) || same(&nic.machine, words);
        if self.topology.nics.iter().any(present) {
            return;
        }
        let made = if let Some(at) = address(words) {
            let owned = self.topology.nics.iter().any(|nic| nic.address == at)
                || self
                    .topology
                    .balancers
                    .iter()
                    .any(|balancer| balancer.frontend == at);
            let home = self.topology.vnets.iter().find(|vnet| {
                let reserved = vnet.subnets.iter().any(|subnet| {
                    let inside = subnet.prefixes.iter().any(|prefix| prefix.contains(&at));
                    let firewall = forwards && same(&subnet.name, "AzureFirewallSubnet");
                    inside && !is_for_machines(&subnet.name) && !firewall
                });
                !reserved && vnet.prefixes.iter().any(|prefix| prefix.contains(&at))
            });
            let home = home.filter(|_| !owned).map(|vnet| vnet.name.clone());
            let name = format!("vm-at-{}", words.trim().replace('.', "-"));
            home.and_then(|home| self.place(&name, &home, None, Some(at)))
        } else {
            let bare = words
                .strip_suffix("VM")
                .or_else(|| words.strip_suffix("vm"));
            let bare = bare.map(str::trim).filter(|_| !forwards);
            let home = bare.and_then(|bare| self.topology.vnet(bare));
            let home = home.map(|vnet| vnet.name.clone());
            let machines = |home: &String| {
                let mut nics = self.topology.nics.iter();
                nics.any(|nic| same(&nic.vnet, home) && !nic.forwarding)
            };
            let home = home.filter(|home| !machines(home));
            home.and_then(|home| self.place(&format!("{home}-vm"), &home, None, None))
        };
        self.topology.nics.extend(made.map(|nic| Nic {
            forwarding: forwards,
            appliance: forwards.then(Appliance::default),
            ..nic
        }));
    }

    /// `UDRs on spoke subnets to the NVA`: a default route to the appliance wherever it does not stand itself.
    pub(super) fn tables_in_words(&mut self, topology: &Value) {
        let words = topology.get("routeTables").and_then(Value::as_str);
        let lower = words.unwrap_or_default().to_ascii_lowercase();
        let speaks = [
            "to the nva",
            "to nva",
            "to the appliance",
            "to the firewall",
        ]
        .iter()
        .any(|words| lower.contains(words));
        let appliance = self.topology.nics.iter().find(|nic| nic.forwarding);
        let Some(appliance) = appliance.filter(|_| speaks).cloned() else {
            return;
        };
        let name = "table-in-words".to_owned();
        self.topology.from_words = true;
        self.topology.tables.push(Table {
            name: name.clone(),
            propagation_disabled: false,
            routes: vec![Route {
                name: "default".to_owned(),
                destination: "0.0.0.0/0".to_owned(),
                kind: "VirtualAppliance".to_owned(),
                address: Some(appliance.address),
            }],
        });
        for vnet in self
            .topology
            .vnets
            .iter_mut()
            .filter(|vnet| !same(&vnet.name, &appliance.vnet))
        {
            for subnet in vnet
                .subnets
                .iter_mut()
                .filter(|subnet| is_for_machines(&subnet.name))
            {
                subnet.table.get_or_insert_with(|| name.clone());
            }
        }
    }
}

/// Objects that look like rows of effective routes, wherever they are.
fn rows_of<'v>(value: &'v Value, rows: &mut Vec<&'v Value>) {
    match value {
        Value::Object(members) if members.contains_key("nextHopType") => rows.push(value),
        Value::Object(members) => members.values().for_each(|value| rows_of(value, rows)),
        Value::Array(values) => values.iter().for_each(|value| rows_of(value, rows)),
        _ => {}
    }
}

//! Peerings, gateways, their connections, and route servers.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use super::{Connection, Draft, Gateway, Learned, Link, RouteServer, Speaker};
use crate::reading::{
    address, addresses_in, flag, is_ipv6, list, name_of, number, objects, prefix, same, short,
    text, texts, unknown_keys,
};

impl Draft<'_> {
    pub(super) fn links(&mut self, topology: &Value) {
        for value in objects(topology, "peerings", self.odd) {
            let (Some(vnet), Some(remote)) = (
                text(value, &["vnet"]),
                text(value, &["remoteVnet", "remote"]),
            ) else {
                self.odd
                    .push(format!("a peering without networks: {}", short(value)));
                continue;
            };
            let name =
                text(value, &["name"]).map_or_else(|| format!("{vnet}-to-{remote}"), str::to_owned);
            let name = name_of(&name);
            let place = format!("peering {vnet}/{name}");
            unknown_keys(
                value,
                &place,
                "name vnet remoteVnet remote allowVirtualNetworkAccess allowForwardedTraffic allowGatewayTransit \
useRemoteGateways peeringState peeringSyncLevel peerCompleteVnets localSubnetNames remoteSubnetNames \
remoteAddressSpace",
                self.odd,
            );
            if self.topology.vnet(vnet).is_none() {
                self.odd.push(format!("{place}: no network '{vnet}'"));
                continue;
            }
            if self.topology.vnet(remote).is_none() {
                self.odd.push(format!(
                    "{place}: the remote network '{remote}' is not described"
                ));
            }
            let twice = |link: &Link| {
                same(&link.vnet, vnet) && (same(&link.remote, remote) || same(&link.name, &name))
            };
            if self.topology.links.iter().any(twice) || same(vnet, remote) {
                self.odd.push(format!(
                    "{place}: a second link, or one to itself, is left out"
                ));
                continue;
            }
            let mut set = |key: &str, unsaid: bool| flag(value, key, self.odd).unwrap_or(unsaid);
            let (access, forwarded) = (
                set("allowVirtualNetworkAccess", true),
                set("allowForwardedTraffic", false),
            );
            let (transit, remote_gateways) = (
                set("allowGatewayTransit", false),
                set("useRemoteGateways", false),
            );
            let whole = set("peerCompleteVnets", true);
            let states = ["Initiated", "Connected", "Disconnected"];
            let state = text(value, &["peeringState"])
                .and_then(|state| states.into_iter().find(|known| same(known, state)));
            let names = |key: &str| {
                texts(value, &[key])
                    .into_iter()
                    .map(str::to_owned)
                    .collect()
            };
            let (local_subnets, remote_subnets) =
                (names("localSubnetNames"), names("remoteSubnetNames"));
            self.topology.links.push(Link {
                name,
                vnet: vnet.to_owned(),
                remote: remote.to_owned(),
                access,
                forwarded,
                transit,
                remote_gateways,
                state: state.map(str::to_owned),
                local_subnets,
                remote_subnets,
                whole,
                remote_space: texts(value, &["remoteAddressSpace"])
                    .into_iter()
                    .filter_map(prefix)
                    .collect(),
            });
        }
    }

    pub(super) fn gateways(&mut self, topology: &Value) {
        for (at, value) in objects(topology, "gateways", self.odd)
            .into_iter()
            .enumerate()
        {
            let Some(vnet) = text(value, &["vnet"]) else {
                self.odd
                    .push(format!("a gateway without network: {}", short(value)));
                continue;
            };
            let name = text(value, &["name"]).map_or_else(|| format!("gateway{at}"), name_of);
            let place = format!("gateway of {vnet}");
            unknown_keys(
                value,
                &place,
                "name vnet type sku asn bgpIp publicIp privateIp instances activeActive learned advertises \
p2sClientPool peers",
                self.odd,
            );
            if self.topology.vnet(vnet).is_none() {
                self.odd.push(format!("{place}: there is no such network"));
                continue;
            }
            let mut read = |key: &str| self.parsed(value, &place, key, address);
            let public_ip = read("publicIp").first().copied();
            let mut instances = read("instances");
            let private = read("privateIp");
            let bgp_address = read("bgpIp").first().copied();
            if instances.is_empty() {
                instances = private;
            }
            let Some(range) = self.service_range(vnet, "GatewaySubnet") else {
                self.odd
                    .push(format!("{place}: there is no room for a GatewaySubnet"));
                continue;
            };
            // Provider edges of an ExpressRoute gateway: rows show them, and the gateway stands elsewhere.
            let kind = text(value, &["type"]).unwrap_or("Vpn");
            let (inside, edges): (Vec<Ipv4Addr>, Vec<Ipv4Addr>) = instances
                .into_iter()
                .partition(|instance| range.contains(instance));
            let instances = inside;
            if !edges.is_empty() && !same(kind, "ExpressRoute") {
                self.odd.push(format!(
                    "{place}: {edges:?} lie outside GatewaySubnet {range}"
                ));
            }
            let next_hop_known = public_ip.is_some() || !instances.is_empty();
            let said = flag(value, "activeActive", self.odd).unwrap_or(false);
            let active_active = instances.len() > 1 && (said || public_ip.is_none());
            let mut learned = Vec::new();
            for entry in list(value, &["learned"]) {
                match learned_route(entry) {
                    Some(route) if route.next_hop.is_none() && !edges.is_empty() => {
                        learned.extend(edges.iter().map(|&edge| Learned {
                            next_hop: Some(edge),
                            ..route.clone()
                        }));
                    }
                    Some(route) => learned.push(route),
                    None if entry.as_str().is_some_and(is_ipv6) => {}
                    None => self
                        .odd
                        .push(format!("{place}: learned {} is no prefix", short(entry))),
                }
            }
            let told =
                same(kind, "ExpressRoute") && learned.iter().any(|route| route.next_hop.is_some());
            let next_hop_known = next_hop_known || told;
            if !same(kind, "Vpn") && !same(kind, "ExpressRoute") {
                self.odd
                    .push(format!("{place}: type '{kind}' counts as Vpn"));
            }
            let mut prefixes = |key: &str| self.parsed(value, &place, key, prefix);
            let (advertises, client_pool) = (prefixes("advertises"), prefixes("p2sClientPool"));
            self.topology.gateways.push(Gateway {
                name,
                vnet: vnet.to_owned(),
                express_route: same(kind, "ExpressRoute"),
                public_ip,
                instances,
                active_active,
                asn: number(value, &["asn"]),
                bgp_address,
                learned,
                advertises,
                client_pool,
                next_hop_known,
            });
        }
    }

    /// Where the instances of a gateway or route server of a network stand.
    fn service_range(&self, vnet: &str, subnet: &str) -> Option<Ipv4Net> {
        let vnet = self.topology.vnet(vnet)?;
        let mut subnets = vnet.subnets.iter();
        let subnet = subnets.find(|entry| same(&entry.name, subnet))?;
        subnet.prefixes.first().copied()
    }

    /// What of the texts under a key can be read; prose is told.
    pub(super) fn parsed<T>(
        &mut self,
        value: &Value,
        place: &str,
        key: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        for text in texts(value, &[key]) {
            match parse(text) {
                Some(parsed) => found.push(parsed),
                None if is_ipv6(text) => {}
                None => self
                    .odd
                    .push(format!("{place}: {key} '{text}' cannot be read")),
            }
        }
        found
    }

    pub(super) fn connections(&mut self, topology: &Value) {
        for value in objects(topology, "vpnConnections", self.odd) {
            let (Some(one), Some(other)) = (text(value, &["a", "from"]), text(value, &["b", "to"]))
            else {
                self.odd
                    .push(format!("a connection without ends: {}", short(value)));
                continue;
            };
            let place = format!("connection {one}-{other}");
            unknown_keys(value, &place, "name a b from to bgp status up", self.odd);
            if self.topology.gateway_of(one).is_none() || self.topology.gateway_of(other).is_none()
            {
                self.odd
                    .push(format!("{place}: one end is no gateway of the case"));
                continue;
            }
            let status = text(value, &["status"]).unwrap_or_default();
            let up = flag(value, "up", self.odd).unwrap_or(!same(status, "NotConnected"));
            let bgp = flag(value, "bgp", self.odd).unwrap_or(false);
            self.topology.connections.push(Connection {
                one: one.to_owned(),
                other: other.to_owned(),
                bgp,
                up,
            });
        }
    }

    pub(super) fn servers(&mut self, topology: &Value) {
        for (at, value) in objects(topology, "routeServers", self.odd)
            .into_iter()
            .enumerate()
        {
            let Some(vnet) =
                text(value, &["vnet"]).filter(|vnet| self.topology.vnet(vnet).is_some())
            else {
                self.odd
                    .push(format!("a route server without network: {}", short(value)));
                continue;
            };
            unknown_keys(
                value,
                &format!("route server of {vnet}"),
                "name vnet instances peers asn branchToBranch allowBranchToBranchTraffic",
                self.odd,
            );
            let branch = flag(value, "branchToBranch", self.odd)
                .or_else(|| flag(value, "allowBranchToBranchTraffic", self.odd));
            let mut peers = Vec::new();
            for peer in objects(value, "peers", self.odd) {
                unknown_keys(
                    peer,
                    "peer of a route server",
                    "name ip asn advertises",
                    self.odd,
                );
                let written = text(peer, &["ip"]).unwrap_or_default();
                let Some(at) = address(written) else {
                    self.odd.push(format!(
                        "route server of {vnet}: peer '{written}' is no address"
                    ));
                    continue;
                };
                let mut advertises = Vec::new();
                for entry in list(peer, &["advertises"]) {
                    match learned_route(entry) {
                        Some(route) => advertises.push(route),
                        None => self.odd.push(format!(
                            "route server of {vnet}: {} is no prefix",
                            short(entry)
                        )),
                    }
                }
                peers.push(Speaker {
                    address: at,
                    asn: number(peer, &["asn"]),
                    advertises,
                });
            }
            let Some(range) = self.service_range(vnet, "RouteServerSubnet") else {
                self.odd.push(format!(
                    "route server of {vnet}: there is no room for its subnet"
                ));
                continue;
            };
            self.topology.servers.push(RouteServer {
                name: text(value, &["name"]).map_or_else(|| format!("routeserver{at}"), name_of),
                vnet: vnet.to_owned(),
                instances: texts(value, &["instances"])
                    .into_iter()
                    .filter_map(address)
                    .filter(|instance| range.contains(instance))
                    .collect(),
                branch_to_branch: branch.unwrap_or(false),
                peers,
            });
        }
    }
}

/// `10.0.0.0/8`, `10.0.0.0/8 via 10.1.0.4`, or an object as a BGP table has it.
pub(super) fn learned_route(value: &Value) -> Option<Learned> {
    if let Some(words) = value.as_str() {
        let (network, via) = match words.split_once(" via ") {
            Some((network, via)) => (network, addresses_in(via).first().copied()),
            None => (words, None),
        };
        return Some(Learned {
            prefix: prefix(network)?,
            next_hop: via,
            path: None,
        });
    }
    Some(Learned {
        prefix: prefix(text(value, &["prefix", "network", "addressPrefix"])?)?,
        next_hop: text(value, &["nextHop", "via", "next_hop"]).and_then(address),
        path: text(value, &["asPath", "as_path"]).map(str::to_owned),
    })
}

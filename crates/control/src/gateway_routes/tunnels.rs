//! What leads out of a gateway and into it: its connections as tunnels, the prefixes behind them, and what the other ends know of Azure
//! (G-3, G-4, G-7, G-8, G-11).

use std::collections::{BTreeMap, HashMap};

use fib::{AddressSet, Fib};
use ipnet::Ipv4Net;
use model::{
    Connection, ConnectionId, ConnectionPeer, GatewayType, LearnedRoute, LocalNetworkGateway,
    OnPremisesNetwork, StationId, TrafficSelector, VpnType,
};

use super::{ConnectionsByGateway, EVERYTHING, Knowledge};
use crate::snapshot::{Far, Gateway, Site, Tunnel};

/// A prefix behind a tunnel, with what ranks it among others of the same prefix: the shorter path, then the greater weight.
struct Reach {
    prefix: Ipv4Net,
    tunnel: u16,
    path: usize,
    weight: u32,
}

impl<'n> Knowledge<'_, 'n> {
    /// The gateway as packets meet it.
    pub(crate) fn compiled(&self) -> Gateway {
        let network = self.wiring.network;
        let gateway = self.gateway_of(self.gateway);
        let (tunnels, numbers) = self.tunnels();
        let mut groups: Vec<Vec<u16>> = Vec::new();
        let mut table: Vec<(Ipv4Net, u16)> = Vec::new();
        for (prefix, reaches) in by_prefix(self.reaches(&numbers)) {
            let best = |reach: &Reach| (reach.path, std::cmp::Reverse(reach.weight));
            let Some(first) = reaches.iter().map(best).min() else {
                continue;
            };
            let mut group: Vec<u16> = reaches
                .iter()
                .filter(|reach| best(reach) == first)
                .map(|reach| reach.tunnel)
                .collect();
            group.sort_unstable();
            group.dedup();
            let number = groups.iter().position(|known| *known == group);
            let number = number.unwrap_or_else(|| {
                groups.push(group);
                groups.len() - 1
            });
            if let Ok(number) = u16::try_from(number) {
                table.push((prefix, number));
            }
        }
        let server = self.wiring.route_server_in(gateway.virtual_network);
        Gateway {
            instances: gateway
                .instances
                .iter()
                .map(|instance| instance.nic)
                .collect(),
            inside: self.inside(),
            tunnels,
            groups,
            table: compiled_table(table),
            down: compiled_table(self.down_prefixes()),
            profile: self.profile(),
            branch_to_branch: server
                .is_some_and(|server| network.route_servers()[server].branch_to_branch),
        }
    }

    /// The own space, and what Connected links know of their networks.
    fn inside(&self) -> AddressSet {
        let network = self.wiring.network;
        let vnet = &network.virtual_networks()[self.gateway_of(self.gateway).virtual_network];
        let links = vnet.peerings.iter().copied();
        let peered = links
            .filter(|&link| self.wiring.is_connected(link))
            .flat_map(|link| &network.peerings()[link].remote_address_space);
        let own = vnet.address_space.prefixes().iter();
        own.chain(peered).copied().collect()
    }

    /// The tunnels, one for each connection; then one for networks on premises without a connection, and one for VPN clients.
    fn tunnels(&self) -> (Vec<Tunnel>, Numbers) {
        let mut tunnels = Vec::new();
        let mut numbers = Numbers::default();
        let mut add = |tunnel| {
            tunnels.push(tunnel);
            u16::try_from(tunnels.len() - 1).unwrap_or(u16::MAX)
        };
        for (key, connection) in self.connections_of(self.gateway) {
            let far = match connection.peer {
                ConnectionPeer::Site(_) => Far::Site,
                ConnectionPeer::Gateway(peer) => Far::Gateway(peer),
                ConnectionPeer::Outside(_) => match connection.kind {
                    model::ConnectionType::Vnet2Vnet => Far::Unknown,
                    _ => Far::Site,
                },
            };
            let number = add(Tunnel {
                connection: Some(key),
                up: self.stands(connection),
                far,
                selectors: self.selectors(connection),
            });
            numbers.of_connection.insert(key, number);
        }
        let plain = |far| Tunnel {
            connection: None,
            up: true,
            far,
            selectors: Vec::new(),
        };
        numbers.undescribed = add(plain(Far::Site));
        numbers.clients = add(plain(Far::Site));
        (tunnels, numbers)
    }

    /// G-3; a tunnel between two gateways needs a connection at both.
    fn stands(&self, connection: &Connection) -> bool {
        connection.up
            && match connection.peer {
                ConnectionPeer::Gateway(peer) => self
                    .wiring
                    .neighbours(connection.gateway)
                    .iter()
                    .any(|neighbour| neighbour.gateway == peer),
                ConnectionPeer::Site(_) | ConnectionPeer::Outside(_) => true,
            }
    }

    /// What was written, or what a policy-based gateway makes of its own network and the site.
    fn selectors(&self, connection: &Connection) -> Vec<TrafficSelector> {
        if !connection.traffic_selectors.is_empty() {
            return connection.traffic_selectors.clone();
        }
        let network = self.wiring.network;
        let gateway = self.gateway_of(self.gateway);
        match connection.peer {
            ConnectionPeer::Site(site)
                if gateway.kind == GatewayType::Vpn && gateway.vpn_type == VpnType::PolicyBased =>
            {
                let own = &network.virtual_networks()[gateway.virtual_network].address_space;
                vec![TrafficSelector {
                    local: own.prefixes().to_vec(),
                    remote: network.local_gateways()[site].prefixes.clone(),
                }]
            }
            _ => Vec::new(),
        }
    }

    /// Everything that leads into a tunnel that is up.
    fn reaches(&self, numbers: &Numbers) -> Vec<Reach> {
        let gateway = self.gateway_of(self.gateway);
        let mut reaches = Vec::new();
        let mut add = |prefix: Ipv4Net, tunnel, path, weight| {
            reaches.push(Reach {
                prefix: prefix.trunc(),
                tunnel,
                path,
                weight,
            });
        };
        for (key, connection) in self.live_connections() {
            let tunnel = numbers.of_connection[&key];
            let Some(site) = self.site_of(connection) else {
                continue;
            };
            for &prefix in &site.prefixes {
                add(prefix, tunnel, 0, connection.routing_weight);
            }
            if connection.bgp
                && let Some(address) = site.bgp_address
            {
                add(address.into(), tunnel, 0, connection.routing_weight);
            }
            // G-8: a default site gets everything that no other prefix takes.
            if gateway.default_site.is_some()
                && gateway.default_site == default_site_key(connection)
            {
                add(EVERYTHING, tunnel, usize::MAX, connection.routing_weight);
            }
        }
        for prefix in self.undescribed(self.gateway) {
            add(prefix, numbers.undescribed, 0, 0);
        }
        for &prefix in &gateway.client_pool {
            add(prefix, numbers.clients, 0, 0);
        }
        for route in self.learned(self.gateway) {
            for (tunnel, weight) in self.tunnels_of(route, numbers) {
                add(route.prefix, tunnel, route.as_path.len(), weight);
            }
        }
        for told in self.told() {
            for (key, connection) in self.live_connections() {
                if connection.peer == ConnectionPeer::Gateway(told.over) {
                    let tunnel = numbers.of_connection[&key];
                    add(
                        told.prefix,
                        tunnel,
                        told.distance,
                        connection.routing_weight,
                    );
                }
            }
        }
        reaches
    }

    /// The connections over which a route was learned: its next hop is the BGP address of the other end, or the other end's autonomous
    /// system is the first on the path; where neither tells, every connection that may have (assumed).
    fn tunnels_of(&self, route: &LearnedRoute, numbers: &Numbers) -> Vec<(u16, u32)> {
        let live: Vec<(ConnectionId, &Connection)> = self.live_connections().collect();
        let numbered = |wanted: &dyn Fn(&Connection) -> bool| {
            let fitting = live.iter().filter(|(_, connection)| wanted(connection));
            let found: Vec<(u16, u32)> = fitting
                .map(|(key, connection)| (numbers.of_connection[key], connection.routing_weight))
                .collect();
            (!found.is_empty()).then_some(found)
        };
        let by_address = |connection: &Connection| {
            route
                .next_hop
                .is_some_and(|next_hop| match connection.peer {
                    ConnectionPeer::Site(_) => self
                        .site_of(connection)
                        .is_some_and(|site| site.bgp_address == Some(next_hop)),
                    ConnectionPeer::Gateway(peer) => self.speaks_bgp_at(peer, next_hop),
                    ConnectionPeer::Outside(_) => false,
                })
        };
        let by_number = |connection: &Connection| {
            let nearest = route.as_path.first().copied();
            nearest.is_some()
                && match connection.peer {
                    ConnectionPeer::Site(_) => self
                        .site_of(connection)
                        .is_some_and(|site| site.asn == nearest),
                    ConnectionPeer::Gateway(peer) => Some(self.gateway_of(peer).asn) == nearest,
                    ConnectionPeer::Outside(_) => false,
                }
        };
        let express = self.gateway_of(self.gateway).kind == GatewayType::ExpressRoute;
        let speaks = |connection: &Connection| express || connection.bgp;
        numbered(&by_address)
            .or_else(|| numbered(&by_number))
            .or_else(|| numbered(&speaks))
            .or_else(|| numbered(&|_| true))
            .unwrap_or_else(|| vec![(numbers.undescribed, 0)])
    }

    /// Prefixes behind connections that are down, each with one of them.
    fn down_prefixes(&self) -> Vec<(Ipv4Net, ConnectionId)> {
        let gateway = self.gateway_of(self.gateway);
        let mut down: BTreeMap<Ipv4Net, ConnectionId> = BTreeMap::new();
        let all = || self.connections_of(self.gateway);
        for (key, connection) in all().filter(|(_, connection)| !self.stands(connection)) {
            let site = self.site_of(connection);
            let mut prefixes: Vec<Ipv4Net> =
                site.map_or_else(Vec::new, |site| site.prefixes.clone());
            if let ConnectionPeer::Gateway(peer) = connection.peer {
                prefixes.extend(self.azure_prefixes(peer));
            }
            if gateway.default_site.is_some()
                && gateway.default_site == default_site_key(connection)
            {
                prefixes.push(EVERYTHING);
            }
            for prefix in prefixes {
                down.entry(prefix.trunc()).or_insert(key);
            }
        }
        // What was learned went with the last connection.
        if all().all(|(_, connection)| !connection.up)
            && let Some((key, _)) = all().next()
        {
            for route in &gateway.learned_routes {
                down.entry(route.prefix.trunc()).or_insert(key);
            }
        }
        down.into_iter().collect()
    }

    fn live_connections(&self) -> impl Iterator<Item = (ConnectionId, &'n Connection)> {
        self.connections_of(self.gateway)
            .filter(|(_, connection)| self.stands(connection))
    }

    fn site_of(&self, connection: &Connection) -> Option<&'n LocalNetworkGateway> {
        match connection.peer {
            ConnectionPeer::Site(site) => self.wiring.network.local_gateways().get(site),
            ConnectionPeer::Gateway(_) | ConnectionPeer::Outside(_) => None,
        }
    }

    /// A network on premises as packets meet it: the tunnels that lead to it, and what it knows of Azure.
    pub(crate) fn site(&self, network: &OnPremisesNetwork) -> Site {
        let (_, numbers) = self.tunnels();
        let connections = self.connections_to(network);
        let bgp = self.gateway_of(self.gateway).kind == GatewayType::ExpressRoute
            || connections.iter().any(|(_, connection)| connection.bgp);
        let knows = match &network.knows {
            Some(known) => known.clone(),
            None => self.advertised(bgp),
        };
        let mut tunnels: Vec<u16> = connections
            .iter()
            .map(|(key, _)| numbers.of_connection[key])
            .collect();
        if tunnels.is_empty() {
            tunnels.push(numbers.undescribed);
        }
        Site {
            gateway: self.gateway,
            prefixes: network.prefixes.iter().copied().collect(),
            knows: knows.into_iter().collect(),
            tunnels,
            has_hosts: !network.hosts.is_empty(),
        }
    }

    /// The connections of a network on premises: to sites whose prefixes or BGP address lie in it; where no site tells, all that lead
    /// outside (assumed).
    fn connections_to(&self, network: &OnPremisesNetwork) -> Vec<(ConnectionId, &'n Connection)> {
        let space: AddressSet = network.prefixes.iter().copied().collect();
        let outward: Vec<(ConnectionId, &Connection)> = self
            .connections_of(self.gateway)
            .filter(|(_, connection)| !matches!(connection.peer, ConnectionPeer::Gateway(_)))
            .collect();
        let lies_there = |connection: &Connection| {
            self.site_of(connection).is_some_and(|site| {
                let written: AddressSet = site.prefixes.iter().copied().collect();
                written.intersects(&space)
                    || site
                        .bgp_address
                        .is_some_and(|address| space.contains(address))
            })
        };
        let told: Vec<(ConnectionId, &Connection)> = outward
            .iter()
            .copied()
            .filter(|(_, connection)| lies_there(connection))
            .collect();
        if told.is_empty() { outward } else { told }
    }

    /// G-4, G-7: what the gateway tells a site; without BGP no more than Azure's own prefixes.
    fn advertised(&self, bgp: bool) -> Vec<Ipv4Net> {
        let mut prefixes = self.azure_prefixes(self.gateway);
        if bgp {
            prefixes.extend(self.told_by_neighbours());
            prefixes.extend(self.handed_on(self.gateway));
            prefixes.extend(self.behind_sites());
            prefixes.extend(&self.gateway_of(self.gateway).client_pool);
        }
        prefixes.retain(|prefix| prefix.prefix_len() > 0);
        prefixes
    }

    /// G-11: what a client's profile holds when it is downloaded now. Never what lies behind an ExpressRoute gateway (G-9).
    fn profile(&self) -> AddressSet {
        let own = self.azure_prefixes(self.gateway);
        let told = self.told_by_neighbours();
        let sites = self.behind_sites();
        own.into_iter().chain(told).chain(sites).collect()
    }

    /// What sites of this gateway have told over BGP.
    fn behind_sites(&self) -> Vec<Ipv4Net> {
        let learned = self.learned(self.gateway).into_iter();
        let learned = learned.map(|route| route.prefix);
        let written = self.live_connections().filter(|(_, it)| it.bgp);
        let written = written
            .filter_map(|(_, connection)| self.site_of(connection))
            .flat_map(|site| site.prefixes.iter().copied());
        learned
            .chain(written)
            .filter(|prefix| prefix.prefix_len() > 0)
            .collect()
    }
}

/// Numbers of tunnels in [`Gateway::tunnels`].
#[derive(Default)]
struct Numbers {
    of_connection: HashMap<ConnectionId, u16>,
    /// Networks on premises that hang on the gateway without a connection.
    undescribed: u16,
    clients: u16,
}

/// What VPN clients send into the tunnel.
pub(super) fn profiles(
    wiring: &crate::wiring::Wiring<'_>,
    connections: &ConnectionsByGateway<'_>,
) -> BTreeMap<StationId, AddressSet> {
    let clients = wiring.network.vpn_clients();
    let profiles = clients.map(|(station, client)| {
        let known = Knowledge {
            wiring,
            connections,
            gateway: client.gateway,
        };
        let profile = match &client.profile {
            Some(prefixes) => prefixes.iter().copied().collect(),
            None => known.profile(),
        };
        (station, profile)
    });
    profiles.collect()
}

fn default_site_key(connection: &Connection) -> Option<model::LocalGatewayId> {
    match connection.peer {
        ConnectionPeer::Site(site) => Some(site),
        ConnectionPeer::Gateway(_) | ConnectionPeer::Outside(_) => None,
    }
}

fn by_prefix(reaches: Vec<Reach>) -> BTreeMap<Ipv4Net, Vec<Reach>> {
    let mut by_prefix: BTreeMap<Ipv4Net, Vec<Reach>> = BTreeMap::new();
    for reach in reaches {
        by_prefix.entry(reach.prefix).or_default().push(reach);
    }
    by_prefix
}

fn compiled_table<T>(routes: Vec<(Ipv4Net, T)>) -> Fib<T> {
    Fib::build(routes).expect("a map has every prefix once")
}

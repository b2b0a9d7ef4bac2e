//! What gateways know: the prefixes for which they add rows to the NICs of their own network and of the networks that use them.

mod tunnels;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use fib::AddressSet;
use ipnet::Ipv4Net;
use model::options::BgpPeerRoutes;
use model::table::Key;
use model::{
    Connection, ConnectionId, ConnectionPeer, GatewayId, GatewayType, LearnedRoute, RouteServer,
    RouteServerId, RoutingPreference, StationId, VirtualNetworkGateway, VnetId,
};

use crate::note::Note;
use crate::snapshot::{Gateway, Site};
use crate::wiring::Wiring;

/// One gateway row: a prefix with one next hop; several rows share a prefix under ECMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GatewayRoute {
    pub(crate) prefix: Ipv4Net,
    /// Printed, and no more than that: the packet goes to the gateway (G-2).
    pub(crate) next_hop: Ipv4Addr,
    pub(crate) teller: Teller,
    /// Autonomous systems on the way; 0 for what nobody has told by BGP.
    path: usize,
}

/// Who offers a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Teller {
    Gateway(GatewayId),
    RouteServer(RouteServerId),
}

/// The rows that the gateways of each virtual network offer.
#[derive(Clone, Debug)]
pub(crate) struct GatewayRoutes {
    by_vnet: Arc<[Vec<GatewayRoute>]>,
    /// By gateway, network on premises and VPN client: what packets meet.
    pub(crate) gateways: Arc<[Option<Gateway>]>,
    pub(crate) sites: Arc<[Option<Site>]>,
    pub(crate) profiles: Arc<BTreeMap<StationId, AddressSet>>,
    pub(crate) notes: Arc<[Note]>,
}

impl GatewayRoutes {
    pub(crate) fn new(wiring: &Wiring<'_>) -> Self {
        let network = wiring.network;
        let connections = connections_by_gateway(wiring);
        let mut by_vnet = vec![Vec::new(); network.virtual_networks().capacity()];
        for vnet in network.virtual_networks().keys() {
            let gateways = wiring.gateways_in(vnet);
            let of_kind = |kind| {
                gateways
                    .iter()
                    .copied()
                    .filter(move |&gateway| network.gateways()[gateway].kind == kind)
            };
            let mut offered = Vec::new();
            for gateway in of_kind(GatewayType::ExpressRoute).chain(of_kind(GatewayType::Vpn)) {
                let known = Knowledge {
                    wiring,
                    connections: &connections,
                    gateway,
                };
                offered.extend(known.routes());
            }
            let server = wiring.route_server_in(vnet);
            offered.extend(
                server
                    .into_iter()
                    .flat_map(|server| route_server_rows(server, &network.route_servers()[server])),
            );
            by_vnet[vnet.index()] = preferred(wiring, server, offered);
        }
        let known = |gateway| Knowledge {
            wiring,
            connections: &connections,
            gateway,
        };
        let mut gateways: Vec<Option<Gateway>> = Vec::new();
        gateways.resize_with(network.gateways().capacity(), || None);
        for key in network.gateways().keys() {
            gateways[key.index()] = Some(known(key).compiled());
        }
        let mut sites: Vec<Option<Site>> = Vec::new();
        sites.resize_with(network.on_premises().capacity(), || None);
        for (key, site) in network.on_premises().iter() {
            sites[key.index()] = Some(known(site.gateway).site(site));
        }
        Self {
            by_vnet: by_vnet.into(),
            gateways: gateways.into(),
            sites: sites.into(),
            profiles: Arc::new(tunnels::profiles(wiring, &connections)),
            notes: one_sided_connections(wiring).into(),
        }
    }

    /// Rows of the gateways that live in a virtual network.
    pub(crate) fn of(&self, vnet: VnetId) -> &[GatewayRoute] {
        &self.by_vnet[vnet.index()]
    }

    /// The virtual networks whose gateways offer other rows than before.
    pub(crate) fn changed_since(&self, before: &Self) -> impl Iterator<Item = VnetId> {
        let pairs = self.by_vnet.iter().zip(before.by_vnet.iter()).enumerate();
        pairs
            .filter(|(_, (now, before))| now != before)
            .map(|(position, _)| VnetId::from_index(position))
    }
}

/// G-10: what the peers of a route server have told, with the appliance or the third party that it named as next hop.
fn route_server_rows(key: RouteServerId, server: &RouteServer) -> Vec<GatewayRoute> {
    let mut rows: Vec<GatewayRoute> = Vec::new();
    for peer in server.peers.iter().filter(|peer| peer.up) {
        for route in &peer.learned_routes {
            let row = GatewayRoute {
                prefix: route.prefix.trunc(),
                next_hop: route.next_hop.unwrap_or(peer.address),
                teller: Teller::RouteServer(key),
                path: route.as_path.len(),
            };
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
    }
    rows
}

/// Of all rows for a prefix those that win. Without a route server those of an ExpressRoute gateway do (G-9); a route server compares
/// sources as it was told to, and lengths of paths (G-10).
fn preferred(
    wiring: &Wiring<'_>,
    server: Option<RouteServerId>,
    offered: Vec<GatewayRoute>,
) -> Vec<GatewayRoute> {
    let network = wiring.network;
    let preference = server.map(|server| network.route_servers()[server].preference);
    let rank = |route: &GatewayRoute| {
        let express = match route.teller {
            Teller::Gateway(gateway) => {
                network.gateways()[gateway].kind == GatewayType::ExpressRoute
            }
            Teller::RouteServer(_) => false,
        };
        match (preference, express) {
            (None | Some(RoutingPreference::ExpressRoute), true) => (0, 0, 0),
            (None, false) => (1, 0, 0),
            (Some(RoutingPreference::ExpressRoute), false)
            | (Some(RoutingPreference::VpnGateway), true) => (1, route.path, 0),
            (Some(RoutingPreference::VpnGateway), false) => (0, route.path, 0),
            (Some(RoutingPreference::AsPath), express) => (0, route.path, u8::from(!express)),
        }
    };
    let mut best: HashMap<Ipv4Net, (u8, usize, u8)> = HashMap::new();
    for route in &offered {
        let rank = rank(route);
        let known = best.entry(route.prefix).or_insert(rank);
        *known = rank.min(*known);
    }
    offered
        .into_iter()
        .filter(|route| rank(route) == best[&route.prefix])
        .collect()
}

type ConnectionsByGateway<'n> = HashMap<GatewayId, Vec<(ConnectionId, &'n Connection)>>;

const EVERYTHING: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

fn connections_by_gateway<'n>(wiring: &Wiring<'n>) -> ConnectionsByGateway<'n> {
    let mut connections: ConnectionsByGateway<'n> = HashMap::new();
    for (key, connection) in wiring.network.connections().iter() {
        connections
            .entry(connection.gateway)
            .or_default()
            .push((key, connection));
    }
    connections
}

fn one_sided_connections(wiring: &Wiring<'_>) -> Vec<Note> {
    let connections = wiring.network.connections().values();
    connections
        .filter(|connection| connection.up)
        .filter(|connection| match connection.peer {
            ConnectionPeer::Gateway(peer) => !wiring
                .neighbours(connection.gateway)
                .iter()
                .any(|neighbour| neighbour.gateway == peer),
            ConnectionPeer::Site(_) | ConnectionPeer::Outside(_) => false,
        })
        .map(|connection| Note::OneSidedConnection {
            connection: connection.id.clone(),
        })
        .collect()
}

/// What a gateway at the other end of a VNet-to-VNet connection tells.
struct Told {
    prefix: Ipv4Net,
    /// The neighbour that told it.
    over: GatewayId,
    /// How many gateways away it is, from 1.
    distance: usize,
}

/// What one gateway knows.
struct Knowledge<'a, 'n> {
    wiring: &'a Wiring<'n>,
    connections: &'a ConnectionsByGateway<'n>,
    gateway: GatewayId,
}

impl<'n> Knowledge<'_, 'n> {
    /// All its rows, each prefix with its next hops.
    fn routes(&self) -> Vec<GatewayRoute> {
        let gateway = self.gateway_of(self.gateway);
        let own = self.next_hops();
        let mut seen = HashSet::new();
        let mut routes = Vec::new();
        let mut add = |prefix: Ipv4Net, next_hop, path| {
            let route = GatewayRoute {
                prefix: prefix.trunc(),
                next_hop,
                teller: Teller::Gateway(self.gateway),
                path,
            };
            if seen.insert((route.prefix, next_hop)) {
                routes.push(route);
            }
        };
        for learned in self.learned(self.gateway) {
            // Over ExpressRoute the row shows the provider edge that announced the prefix; over VPN the gateway itself.
            let path = learned.as_path.len();
            match (gateway.kind, learned.next_hop) {
                (GatewayType::ExpressRoute, Some(next_hop)) => add(learned.prefix, next_hop, path),
                (GatewayType::ExpressRoute | GatewayType::Vpn, _) => {
                    for &next_hop in &own {
                        add(learned.prefix, next_hop, path);
                    }
                }
            }
        }
        let rest = [
            self.peer_addresses_of_sites(self.gateway),
            self.static_prefixes(self.gateway),
            self.told_by_neighbours(),
            gateway.client_pool.clone(), // G-11
        ];
        for prefix in rest.into_iter().flatten() {
            for &next_hop in &own {
                add(prefix, next_hop, 0);
            }
        }
        routes
    }

    fn gateway_of(&self, gateway: GatewayId) -> &'n VirtualNetworkGateway {
        &self.wiring.network.gateways()[gateway]
    }

    /// G-2: active-standby shows the public address, active-active the private address of each instance.
    fn next_hops(&self) -> Vec<Ipv4Addr> {
        let network = self.wiring.network;
        let gateway = self.gateway_of(self.gateway);
        let private =
            |instance: &model::GatewayInstance| network.nics()[instance.nic].primary_address();
        if gateway.active_active && gateway.instances.len() > 1 {
            return gateway.instances.iter().map(private).collect();
        }
        let shown = gateway.instances.first().map(|instance| {
            let public = instance
                .public_ip
                .and_then(|id| network.public_ips().get(id)?.address);
            public.unwrap_or_else(|| private(instance))
        });
        shown.into_iter().collect()
    }

    /// Routes learned by BGP, each prefix over its shortest path. None if every connection is down (G-3).
    fn learned(&self, gateway: GatewayId) -> Vec<&'n LearnedRoute> {
        let mut connections = self.connections_of(gateway).peekable();
        if connections.peek().is_some() && !connections.any(|(_, connection)| connection.up) {
            return Vec::new();
        }
        let routes = &self.gateway_of(gateway).learned_routes;
        let mut shortest: HashMap<Ipv4Net, usize> = HashMap::with_capacity(routes.len());
        for route in routes {
            let length = shortest.entry(route.prefix.trunc()).or_insert(usize::MAX);
            *length = route.as_path.len().min(*length);
        }
        routes
            .iter()
            .filter(|route| route.as_path.len() == shortest[&route.prefix.trunc()])
            .collect()
    }

    fn connections_of(
        &self,
        gateway: GatewayId,
    ) -> impl Iterator<Item = (ConnectionId, &'n Connection)> {
        self.connections
            .get(&gateway)
            .into_iter()
            .flatten()
            .copied()
    }

    /// Sites behind connections that are up (G-3).
    fn sites(
        &self,
        gateway: GatewayId,
    ) -> impl Iterator<Item = (&'n Connection, &'n model::LocalNetworkGateway)> {
        let sites = self.wiring.network.local_gateways();
        self.connections_of(gateway)
            .filter(|(_, connection)| connection.up)
            .filter_map(|(_, connection)| match connection.peer {
                ConnectionPeer::Site(site) => Some((connection, sites.get(site)?)),
                ConnectionPeer::Gateway(_) | ConnectionPeer::Outside(_) => None,
            })
    }

    /// prefixes written at local network gateways.
    ///
    /// Assumed: a scenario that describes a network outside Azure behind a gateway, but neither a connection nor a learned route of
    /// that gateway, means that the gateway knows the network's prefixes.
    fn static_prefixes(&self, gateway: GatewayId) -> Vec<Ipv4Net> {
        let mut prefixes: Vec<Ipv4Net> = self
            .sites(gateway)
            .flat_map(|(_, site)| site.prefixes.iter().copied())
            .collect();
        prefixes.extend(self.undescribed(gateway));
        prefixes
    }

    /// Prefixes of described networks outside Azure that neither a connection nor a learned route tells of.
    fn undescribed(&self, gateway: GatewayId) -> Vec<Ipv4Net> {
        let told = self.connections_of(gateway).next().is_some()
            || !self.gateway_of(gateway).learned_routes.is_empty();
        if told {
            return Vec::new();
        }
        let outside = self.wiring.network.on_premises().values();
        outside
            .filter(|network| network.gateway == gateway)
            .flat_map(|network| network.prefixes.iter().copied())
            .collect()
    }

    /// G-2: the BGP address of a site's device is a row of its own.
    fn peer_addresses_of_sites(&self, gateway: GatewayId) -> Vec<Ipv4Net> {
        if self.wiring.network.options.bgp_peer_routes == BgpPeerRoutes::False {
            return Vec::new();
        }
        self.sites(gateway)
            .filter(|(connection, _)| connection.bgp)
            .filter_map(|(_, site)| site.bgp_address.map(Ipv4Net::from))
            .collect()
    }

    /// G-4: what the gateways at the other end of VNet-to-VNet connections tell: their network with the networks that use them;
    /// over BGP also what they know from sites and from further gateways, but never a default route.
    fn told_by_neighbours(&self) -> Vec<Ipv4Net> {
        self.told().into_iter().map(|told| told.prefix).collect()
    }

    /// The same with the neighbour over which each prefix is reached, and how many gateways away it is.
    fn told(&self) -> Vec<Told> {
        let mut all = Vec::new();
        let mut tell = |over, distance, prefixes: Vec<Ipv4Net>| {
            all.extend(prefixes.into_iter().map(|prefix| Told {
                prefix,
                over,
                distance,
            }));
        };
        let mut visited = BTreeSet::from([self.gateway]);
        let mut queue = VecDeque::new();
        for neighbour in self.wiring.neighbours(self.gateway) {
            let gateway = neighbour.gateway;
            if neighbour.bgp {
                visited.insert(gateway);
                queue.push_back((gateway, gateway, 1));
                tell(gateway, 1, self.bgp_addresses(gateway));
            } else {
                tell(gateway, 1, self.azure_prefixes(gateway));
            }
        }
        while let Some((gateway, over, distance)) = queue.pop_front() {
            tell(over, distance, self.azure_prefixes(gateway));
            let retold = self.learned(gateway).into_iter().map(|route| route.prefix);
            let retold = retold
                .chain(self.handed_on(gateway))
                .chain(self.peer_addresses_of_sites(gateway))
                .chain(self.static_prefixes(gateway))
                .chain(self.gateway_of(gateway).client_pool.iter().copied())
                .filter(|prefix| prefix.prefix_len() > 0);
            tell(over, distance, retold.collect());
            for neighbour in self.wiring.neighbours(gateway) {
                if neighbour.bgp && visited.insert(neighbour.gateway) {
                    queue.push_back((neighbour.gateway, over, distance + 1));
                }
            }
        }
        all
    }

    /// G-9, G-10: with branch-to-branch a route server hands on what its appliances and the other gateway of the network have told;
    /// never the pool of VPN clients.
    fn handed_on(&self, gateway: GatewayId) -> Vec<Ipv4Net> {
        let vnet = self.gateway_of(gateway).virtual_network;
        let Some(server) = self.wiring.route_server_in(vnet) else {
            return Vec::new();
        };
        let server = &self.wiring.network.route_servers()[server];
        if !server.branch_to_branch {
            return Vec::new();
        }
        let peers = server.peers.iter().filter(|peer| peer.up);
        let appliances = peers
            .flat_map(|peer| &peer.learned_routes)
            .map(|route| route.prefix);
        let beside = self.wiring.gateways_in(vnet).iter().copied();
        let others = beside.filter(|&other| other != gateway).flat_map(|other| {
            let learned = self.learned(other).into_iter().map(|route| route.prefix);
            learned.chain(self.static_prefixes(other))
        });
        appliances.chain(others).collect()
    }

    /// The address space of a gateway's network and of the spokes that use the gateway.
    fn azure_prefixes(&self, gateway: GatewayId) -> Vec<Ipv4Net> {
        let network = self.wiring.network;
        let vnet = self.gateway_of(gateway).virtual_network;
        let hub = &network.virtual_networks()[vnet];
        let spokes = self
            .wiring
            .transit_links(vnet)
            .flat_map(|link| &network.peerings()[link].remote_address_space);
        let summaries = &hub.summarized_gateway_prefixes;
        if summaries.is_empty() {
            return hub
                .address_space
                .prefixes()
                .iter()
                .chain(spokes)
                .copied()
                .collect();
        }
        let covered = |prefix: &&Ipv4Net| summaries.iter().any(|summary| summary.contains(*prefix));
        let rest = spokes.filter(|prefix| !covered(prefix));
        summaries.iter().chain(rest).copied().collect()
    }

    /// Whether an address is one at which a gateway may speak BGP, whatever the options show of it.
    fn speaks_bgp_at(&self, gateway: GatewayId, address: Ipv4Addr) -> bool {
        let network = self.wiring.network;
        let instances = &self.gateway_of(gateway).instances;
        instances
            .iter()
            .map(|instance| &network.nics()[instance.nic])
            .any(|nic| {
                nic.primary_address() == address
                    || network.subnets()[nic.subnet()].contains(address)
            })
    }

    /// The addresses at which a gateway speaks BGP: those of its instances, for a single one the last of its subnet (G-2).
    fn bgp_addresses(&self, gateway: GatewayId) -> Vec<Ipv4Net> {
        let network = self.wiring.network;
        if network.options.bgp_peer_routes == BgpPeerRoutes::False {
            return Vec::new();
        }
        let gateway = self.gateway_of(gateway);
        let nics = gateway
            .instances
            .iter()
            .map(|instance| &network.nics()[instance.nic]);
        if gateway.active_active && gateway.instances.len() > 1 {
            return nics.map(|nic| nic.primary_address().into()).collect();
        }
        let subnets = nics
            .take(1)
            .filter_map(|nic| network.subnets()[nic.subnet()].prefixes.first());
        subnets
            .map(|prefix| Ipv4Addr::from(u32::from(prefix.broadcast()) - 1).into())
            .collect()
    }
}

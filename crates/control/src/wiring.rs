//! Which link answers which, and who may use whose gateway: what every step of the compilation asks, found once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::table::Key;
use model::{
    ConnectionPeer, ConnectionType, GatewayId, LinkId, Network, PeeringState, RouteServerId, VnetId,
};

/// The network with its links and gateways joined up.
pub(crate) struct Wiring<'n> {
    pub(crate) network: &'n Network,
    pub(crate) ends: Arc<LinkEnds>,
    pub(crate) joints: Arc<Joints>,
}

/// Where links lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkEnds {
    /// By link: the network it points to, if the input has it.
    remotes: Vec<Option<VnetId>>,
    /// By link: the link that points back.
    reverses: Vec<Option<LinkId>>,
}

/// What is joined otherwise than by links.
#[derive(Debug)]
pub(crate) struct Joints {
    /// By virtual network.
    gateways: Vec<Vec<GatewayId>>,
    /// By virtual network.
    route_servers: Vec<Option<RouteServerId>>,
    /// By gateway: the gateways that a VNet-to-VNet connection joins it to.
    neighbours: Vec<Vec<Neighbour>>,
    /// By virtual network: those in a connected group with it, ascending.
    grouped: Vec<Vec<VnetId>>,
}

/// The other end of a VNet-to-VNet connection that is up on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) gateway: GatewayId,
    /// Both connections speak BGP.
    pub(crate) bgp: bool,
}

/// How the NICs of a virtual network come to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GatewayAccess<'a> {
    /// The network has gateways of its own; none if it has a route server alone.
    Own(&'a [GatewayId]),
    /// It uses those of the network behind this link (F-11).
    Remote(LinkId, &'a [GatewayId]),
    /// It would use those of a network that is not part of the input.
    Outside(LinkId),
    /// The network behind this link has one, but the flags of the two links do not pair.
    TransitOff(LinkId),
    /// There is none.
    None,
}

impl<'n> Wiring<'n> {
    pub(crate) fn new(network: &'n Network) -> Self {
        let links = network.peerings();
        let mut remotes = vec![None; links.capacity()];
        let mut by_ends = HashMap::with_capacity(links.len());
        for (key, link) in links.iter() {
            remotes[key.index()] = network.virtual_networks().find(&link.remote);
            if let Some(remote) = remotes[key.index()] {
                by_ends.entry((link.virtual_network, remote)).or_insert(key);
            }
        }
        let mut reverses = vec![None; links.capacity()];
        for (key, link) in links.iter() {
            reverses[key.index()] = remotes[key.index()]
                .and_then(|remote| by_ends.get(&(remote, link.virtual_network)).copied());
        }

        let mut gateways = vec![Vec::new(); network.virtual_networks().capacity()];
        for (key, gateway) in network.gateways().iter() {
            gateways[gateway.virtual_network.index()].push(key);
        }
        let mut route_servers = vec![None; network.virtual_networks().capacity()];
        for (key, server) in network.route_servers().iter() {
            route_servers[server.virtual_network.index()] = Some(key);
        }
        Self {
            network,
            ends: Arc::new(LinkEnds { remotes, reverses }),
            joints: Arc::new(Joints {
                gateways,
                route_servers,
                neighbours: neighbours(network),
                grouped: grouped(network),
            }),
        }
    }

    /// The same after a change of some links between these networks, and of nothing else.
    pub(crate) fn after_links(
        network: &'n Network,
        before: &LinkEnds,
        joints: &Arc<Joints>,
        changed: &[LinkId],
        pairs: &BTreeSet<(VnetId, VnetId)>,
    ) -> Self {
        let mut ends = before.clone();
        let links = network.peerings();
        ends.remotes.resize(links.capacity(), None);
        ends.reverses.resize(links.capacity(), None);
        for &key in changed {
            let remote = links.get(key).map(|link| &link.remote);
            ends.remotes[key.index()] =
                remote.and_then(|remote| network.virtual_networks().find(remote));
            ends.reverses[key.index()] = None;
        }
        for &(one, other) in pairs {
            let there: Vec<LinkId> = ends.between(network, one, other).collect();
            let back: Vec<LinkId> = ends.between(network, other, one).collect();
            // Of two links to one network, which only a broken input has, the older one counts.
            for (links, reverse) in [(&there, back.iter().min()), (&back, there.iter().min())] {
                for link in links {
                    ends.reverses[link.index()] = reverse.copied();
                }
            }
        }
        Self {
            network,
            ends: Arc::new(ends),
            joints: Arc::clone(joints),
        }
    }

    /// The links of one network to another.
    pub(crate) fn between(&self, from: VnetId, to: VnetId) -> impl Iterator<Item = LinkId> {
        self.ends.between(self.network, from, to)
    }

    /// The network to which a link points, if the input has it.
    pub(crate) fn remote(&self, link: LinkId) -> Option<VnetId> {
        self.ends.remotes[link.index()]
    }

    /// The networks that a connected group joins to this one, ascending; those behind a Connected link are left out, since the link
    /// goes first.
    pub(crate) fn grouped(&self, vnet: VnetId) -> impl Iterator<Item = VnetId> {
        let own = &self.network.virtual_networks()[vnet].peerings;
        self.joints.grouped[vnet.index()]
            .iter()
            .copied()
            .filter(|&other| {
                !own.iter()
                    .any(|&link| self.is_connected(link) && self.remote(link) == Some(other))
            })
    }

    /// The gateways that live in a virtual network.
    pub(crate) fn gateways_in(&self, vnet: VnetId) -> &[GatewayId] {
        &self.joints.gateways[vnet.index()]
    }

    /// The route server that lives in a virtual network.
    pub(crate) fn route_server_in(&self, vnet: VnetId) -> Option<RouteServerId> {
        self.joints.route_servers[vnet.index()]
    }

    /// F-11: whether a network has anything that shares routes: a gateway or a route server.
    fn shares_routes(&self, vnet: VnetId) -> bool {
        !self.gateways_in(vnet).is_empty() || self.route_server_in(vnet).is_some()
    }

    /// The gateways that VNet-to-VNet connections join to this one.
    pub(crate) fn neighbours(&self, gateway: GatewayId) -> &[Neighbour] {
        &self.joints.neighbours[gateway.index()]
    }

    /// Whether the network that holds the link is Connected through it.
    pub(crate) fn is_connected(&self, link: LinkId) -> bool {
        self.network.peerings()[link].state == PeeringState::Connected
    }

    /// Whether the two networks lie in different regions. One without region counts as lying in the other's.
    pub(crate) fn is_global(&self, link: LinkId) -> bool {
        let networks = self.network.virtual_networks();
        let local = &networks[self.network.peerings()[link].virtual_network].location;
        self.remote(link).is_some_and(|remote| {
            let remote = &networks[remote].location;
            !local.is_unknown() && !remote.is_unknown() && local != remote
        })
    }

    /// Whether the network that holds the link uses the gateway behind it: both links are Connected, the hub's offers and the
    /// spoke's uses, and there is a gateway or route server (F-11).
    pub(crate) fn uses_remote_gateway(&self, link: LinkId) -> bool {
        let links = self.network.peerings();
        self.is_connected(link)
            && links[link].flags.use_remote_gateways
            && self
                .remote(link)
                .is_some_and(|remote| self.shares_routes(remote))
            && self.ends.reverses[link.index()].is_some_and(|reverse| {
                self.is_connected(reverse) && links[reverse].flags.allow_gateway_transit
            })
    }

    /// Links of a hub whose other side uses the hub's gateway (F-11, G-4).
    pub(crate) fn transit_links(&self, hub: VnetId) -> impl Iterator<Item = LinkId> {
        self.network.virtual_networks()[hub]
            .peerings
            .iter()
            .copied()
            .filter(|link| {
                self.ends.reverses[link.index()]
                    .is_some_and(|reverse| self.uses_remote_gateway(reverse))
            })
    }

    /// How the NICs of a virtual network come to a gateway.
    pub(crate) fn gateway_access(&self, vnet: VnetId) -> GatewayAccess<'_> {
        let own = self.gateways_in(vnet);
        if self.shares_routes(vnet) {
            return GatewayAccess::Own(own);
        }
        let mut access = GatewayAccess::None;
        for &link in &self.network.virtual_networks()[vnet].peerings {
            let flags = self.network.peerings()[link].flags;
            match self.remote(link) {
                Some(remote) if self.uses_remote_gateway(link) => {
                    return GatewayAccess::Remote(link, self.gateways_in(remote));
                }
                Some(remote) if self.shares_routes(remote) => {
                    // The link that at least asks for the gateway is the one to mend.
                    if access == GatewayAccess::None || flags.use_remote_gateways {
                        access = GatewayAccess::TransitOff(link);
                    }
                }
                None if flags.use_remote_gateways && self.is_connected(link) => {
                    access = GatewayAccess::Outside(link);
                }
                Some(_) | None => {}
            }
        }
        access
    }
}

impl LinkEnds {
    fn between(&self, network: &Network, from: VnetId, to: VnetId) -> impl Iterator<Item = LinkId> {
        let own = &network.virtual_networks()[from].peerings;
        own.iter()
            .copied()
            .filter(move |link| self.remotes[link.index()] == Some(to))
    }
}

/// A tunnel between two gateways stands when each of them has a connection to the other.
fn neighbours(network: &Network) -> Vec<Vec<Neighbour>> {
    let ends = || {
        network.connections().values().filter_map(|connection| {
            let ConnectionPeer::Gateway(peer) = connection.peer else {
                return None;
            };
            (connection.up && connection.kind == ConnectionType::Vnet2Vnet).then_some((
                connection.gateway,
                peer,
                connection.bgp,
            ))
        })
    };
    let mut bgp = HashMap::new();
    for (near, far, speaks) in ends() {
        *bgp.entry((near, far)).or_insert(false) |= speaks;
    }
    let mut neighbours: Vec<Vec<Neighbour>> = vec![Vec::new(); network.gateways().capacity()];
    for (near, far, _) in ends() {
        let known = &mut neighbours[near.index()];
        if let Some(&back) = bgp.get(&(far, near))
            && network.gateways().get(near).is_some()
            && network.gateways().get(far).is_some()
            && !known.iter().any(|neighbour| neighbour.gateway == far)
        {
            known.push(Neighbour {
                gateway: far,
                bgp: back && bgp[&(near, far)],
            });
        }
    }
    neighbours
}

/// by virtual network, those in a connected group with it. Networks that overlap cannot tell each other apart, and do not.
fn grouped(network: &Network) -> Vec<Vec<VnetId>> {
    let mut grouped = vec![Vec::new(); network.virtual_networks().capacity()];
    let space = |vnet: VnetId| network.virtual_networks()[vnet].address_space.prefixes();
    for members in network.connected_groups() {
        for &vnet in &members {
            let apart = members.iter().copied().filter(|&other| {
                other != vnet
                    && !space(vnet).iter().any(|own| {
                        space(other)
                            .iter()
                            .any(|prefix| own.contains(prefix) || prefix.contains(own))
                    })
            });
            grouped[vnet.index()].extend(apart);
        }
    }
    for others in &mut grouped {
        others.sort_unstable();
        others.dedup();
    }
    grouped
}

//! The rows of a NIC in the order in which Azure prints them, and which of them answers for a prefix.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::{
    LinkId, NextHopType, RouteDestination, RouteSource, RouteState, RouteTable, RouteTableId,
    ServiceTag, SubnetId, UserNextHop, VnetId,
};

use crate::few::Few;
use crate::gateway_routes::{GatewayRoute, GatewayRoutes, Teller};
use crate::none_routes::none_prefixes;
use crate::note::Note;
use crate::snapshot::{EffectiveRoute, RouteOrigin};
use crate::wiring::{GatewayAccess, Wiring};

/// What makes a table of effective routes: NICs with the same view share one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteView {
    /// The virtual network: its space, its links, the gateways it may use.
    pub virtual_network: VnetId,
    /// User routes, and whether gateway routes come in.
    pub route_table: Option<RouteTableId>,
    /// Services with an endpoint in the subnet.
    pub service_endpoints: Vec<String>,
}

impl RouteView {
    /// The view of a subnet.
    pub(crate) fn of_subnet(wiring: &Wiring<'_>, subnet: SubnetId) -> Self {
        let subnet = &wiring.network.subnets()[subnet];
        Self {
            virtual_network: subnet.virtual_network,
            route_table: subnet.route_table,
            service_endpoints: subnet.service_endpoints.clone(),
        }
    }
}

/// Breaks the tie between equal prefixes: the earlier variant wins (R-20.3, among tags R-30). Gateway rows inside a system row never
/// get here; they are left out below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    User,
    UserRegionalTag,
    UserTag,
    UserRegionalAzureCloud,
    UserAzureCloud,
    Gateway,
    System,
}

/// Effective routes with what ranks them.
#[derive(Default)]
pub(crate) struct Rows {
    routes: Vec<EffectiveRoute>,
    precedence: Vec<Precedence>,
    pub(crate) notes: Vec<Note>,
}

/// Positions of rows in a compiled table are 16 bits wide; Azure's limits are far below.
const MOST_ROWS: usize = u16::MAX as usize;

impl Rows {
    /// The rows of a view.
    pub(crate) fn of(
        wiring: &Wiring<'_>,
        gateway_routes: &GatewayRoutes,
        view: &RouteView,
    ) -> Self {
        let builder = Builder::new(wiring, gateway_routes, view);
        let mut rows = builder.rows();
        if rows.routes.len() > MOST_ROWS {
            rows.notes.push(Note::TooManyRoutes {
                virtual_network: wiring.network.virtual_networks()[view.virtual_network]
                    .id
                    .clone(),
                left_out: rows.routes.len() - MOST_ROWS,
            });
            rows.routes.truncate(MOST_ROWS);
            rows.precedence.truncate(MOST_ROWS);
        }
        rows
    }

    fn with_room_for(rows: usize) -> Self {
        Self {
            routes: Vec::with_capacity(rows),
            precedence: Vec::with_capacity(rows),
            notes: Vec::new(),
        }
    }

    /// By prefix, ascending, the position of the row that answers for it; of equals the one that is printed first.
    pub(crate) fn winners(&self) -> Vec<(Ipv4Net, usize)> {
        let mut candidates = Vec::with_capacity(self.routes.len());
        for (position, row) in self.routes.iter().enumerate() {
            // a shorter user route takes the place of an endpoint's row, which is otherwise decided by the prefix alone.
            if row.next_hop_type == NextHopType::InterfaceEndpoint
                && row.state == RouteState::Invalid
            {
                continue;
            }
            for &prefix in &row.prefixes {
                let length = u64::from(prefix.prefix_len());
                let number = u64::from(u32::from(prefix.addr())) << 8 | length;
                candidates.push((number, self.precedence[position], position, prefix));
            }
        }
        candidates.sort_by_key(|&(number, precedence, position, _)| (number, precedence, position));
        candidates.dedup_by_key(|&mut (number, ..)| number);
        let winners = candidates.into_iter();
        winners
            .map(|(_, _, position, prefix)| (prefix, position))
            .collect()
    }

    /// by prefix, all gateway rows where there are several and they answer for it; the winner is the first of them.
    pub(crate) fn sharing(&self) -> HashMap<Ipv4Net, Vec<usize>> {
        let mut sharing: HashMap<Ipv4Net, Vec<usize>> = HashMap::new();
        for (position, row) in self.routes.iter().enumerate() {
            if self.precedence[position] == Precedence::Gateway {
                for &prefix in &row.prefixes {
                    sharing.entry(prefix).or_default().push(position);
                }
            }
        }
        sharing.retain(|_, positions| positions.len() > 1);
        sharing
    }

    pub(crate) fn into_routes(self) -> Vec<EffectiveRoute> {
        self.routes
    }

    pub(crate) fn routes(&self) -> &[EffectiveRoute] {
        &self.routes
    }

    fn push(&mut self, precedence: Precedence, row: EffectiveRoute) {
        self.precedence.push(precedence);
        self.routes.push(row);
    }
}

/// Everything that the rows of one view depend on.
struct Builder<'a, 'n> {
    wiring: &'a Wiring<'n>,
    view: &'a RouteView,
    table: Option<(RouteTableId, &'n RouteTable)>,
    gateway_routes: &'a [GatewayRoute],
    /// Connected links with their row type.
    links: Vec<(LinkId, NextHopType)>,
    endpoints: Vec<Few<Ipv4Net>>,
    private_endpoints: Vec<PrivateAddress>,
    user: Vec<UserRoute>,
    notes: Vec<Note>,
}

/// The address of a private endpoint in the own network or in one behind a Connected link.
struct PrivateAddress {
    address: Ipv4Addr,
    /// The prefix of its network's space: user routes from this length on take effect, if the policies of its subnet let them.
    space: Option<Ipv4Net>,
}

impl PrivateAddress {
    /// a user route of 32 bits always takes over; a shorter one where policies are enabled, unless it is shorter than the
    /// prefix of the network's space.
    fn state(&self, user: &PrefixSet) -> RouteState {
        let shortest = self.space.map_or(32, |space| space.prefix_len());
        let taken = supernets(Ipv4Net::from(self.address))
            .any(|around| around.prefix_len() >= shortest && user.contains(&around));
        if taken {
            RouteState::Invalid
        } else {
            RouteState::Active
        }
    }
}

/// A user route with its prefixes.
struct UserRoute {
    position: u16,
    prefixes: Few<Ipv4Net>,
    next_hop: UserNextHop,
    precedence: Precedence,
}

impl<'a, 'n> Builder<'a, 'n> {
    fn new(wiring: &'a Wiring<'n>, gateway_routes: &'a GatewayRoutes, view: &'a RouteView) -> Self {
        let network = wiring.network;
        let table = view
            .route_table
            .map(|table| (table, &network.route_tables()[table]));
        let propagates = table.is_none_or(|(_, table)| !table.gateway_propagation_disabled);
        let mut notes = Vec::new();
        let offered = match wiring.gateway_access(view.virtual_network) {
            GatewayAccess::Own(_) => gateway_routes.of(view.virtual_network),
            GatewayAccess::Remote(link, _) => wiring
                .remote(link)
                .map_or(&[][..], |hub| gateway_routes.of(hub)),
            GatewayAccess::Outside(link) => {
                notes.push(Note::GatewayOutsideInput {
                    peering: network.peerings()[link].id.clone(),
                });
                &[]
            }
            GatewayAccess::TransitOff(_) | GatewayAccess::None => &[],
        };
        let mut builder = Self {
            wiring,
            view,
            table,
            gateway_routes: if propagates { offered } else { &[] },
            links: connected_links(wiring, view.virtual_network),
            endpoints: Vec::new(),
            private_endpoints: Vec::new(),
            user: Vec::new(),
            notes,
        };
        builder.read_private_endpoints();
        builder.read_service_endpoints();
        builder.read_user_routes();
        builder.note_coexisting_gateways();
        builder
    }

    /// own space, local peers, gateway, 0.0.0.0/0 to the Internet, None, user, global peers, service endpoints, private endpoints.
    fn rows(self) -> Rows {
        let user: PrefixSet = self
            .user
            .iter()
            .flat_map(|route| &route.prefixes)
            .copied()
            .collect();
        let gateway = self.admitted_gateway_routes();
        let mut rows = Rows::with_room_for(self.user.len() + 16);

        let system = |prefix: Ipv4Net, kind, origin| EffectiveRoute {
            source: RouteSource::Default,
            state: state(prefix, &user),
            prefixes: Few::One(prefix),
            next_hop_type: kind,
            next_hop_ips: Few::default(),
            origin,
        };
        for &prefix in self.own_space() {
            let row = system(prefix, NextHopType::VnetLocal, RouteOrigin::System);
            rows.push(Precedence::System, row);
        }
        let peering = |rows: &mut Rows, wanted| {
            for &(link, kind) in self.links.iter().filter(|&&(_, kind)| kind == wanted) {
                for &prefix in &self.wiring.network.peerings()[link].remote_address_space {
                    let row = system(prefix, kind, RouteOrigin::Peering(link));
                    rows.push(Precedence::System, row);
                }
            }
        };
        peering(&mut rows, NextHopType::VNetPeering);
        for prefix in self.grouped_space() {
            let row = system(prefix, NextHopType::ConnectedGroup, RouteOrigin::System);
            rows.push(Precedence::System, row);
        }
        for route in &gateway {
            rows.push(
                Precedence::Gateway,
                EffectiveRoute {
                    source: RouteSource::VirtualNetworkGateway,
                    state: state(route.prefix, &user),
                    prefixes: Few::One(route.prefix),
                    next_hop_type: NextHopType::VirtualNetworkGateway,
                    next_hop_ips: Few::One(route.next_hop),
                    origin: match route.teller {
                        Teller::Gateway(gateway) => RouteOrigin::Gateway(gateway),
                        Teller::RouteServer(server) => RouteOrigin::RouteServer(server),
                    },
                },
            );
        }
        // a system 0/0 that yields to one learned by a gateway is not listed at all.
        if !gateway.iter().any(|route| route.prefix == EVERYTHING) {
            let row = system(EVERYTHING, NextHopType::Internet, RouteOrigin::System);
            rows.push(Precedence::System, row);
        }
        for prefix in self.none_routes(&gateway, &user) {
            let row = system(prefix, NextHopType::None, RouteOrigin::System);
            rows.push(Precedence::System, row);
        }
        if let Some((table, _)) = self.table {
            for route in &self.user {
                rows.push(
                    route.precedence,
                    EffectiveRoute {
                        source: RouteSource::User,
                        state: RouteState::Active, // user rows always are
                        prefixes: route.prefixes.clone(),
                        next_hop_type: route.next_hop.kind(),
                        next_hop_ips: route.next_hop.address().into_iter().collect(),
                        origin: RouteOrigin::User(table, route.position),
                    },
                );
            }
        }
        peering(&mut rows, NextHopType::VNetGlobalPeering);
        for prefixes in &self.endpoints {
            rows.push(
                Precedence::System,
                EffectiveRoute {
                    source: RouteSource::Default,
                    state: RouteState::Active,
                    prefixes: prefixes.clone(),
                    next_hop_type: NextHopType::VirtualNetworkServiceEndpoint,
                    next_hop_ips: Few::default(),
                    origin: RouteOrigin::System,
                },
            );
        }
        for endpoint in &self.private_endpoints {
            let row = EffectiveRoute {
                state: endpoint.state(&user),
                ..system(
                    Ipv4Net::from(endpoint.address),
                    NextHopType::InterfaceEndpoint,
                    RouteOrigin::System,
                )
            };
            rows.push(Precedence::System, row);
        }
        rows.notes = self.notes;
        rows
    }

    fn own_space(&self) -> &'n [Ipv4Net] {
        self.wiring.network.virtual_networks()[self.view.virtual_network]
            .address_space
            .prefixes()
    }

    /// the space of the networks in a connected group with this one.
    fn grouped_space(&self) -> impl Iterator<Item = Ipv4Net> {
        let networks = self.wiring.network.virtual_networks();
        self.wiring
            .grouped(self.view.virtual_network)
            .flat_map(|other| networks[other].address_space.prefixes())
            .copied()
    }

    /// a gateway prefix inside a `VnetLocal`, peering or service endpoint row, or equal to one, does not count and is not
    /// printed, not even while that row is Invalid.
    fn admitted_gateway_routes(&self) -> Vec<GatewayRoute> {
        if self.gateway_routes.is_empty() {
            return Vec::new();
        }
        let links = self.wiring.network.peerings();
        let peered = self
            .links
            .iter()
            .flat_map(|&(link, _)| &links[link].remote_address_space);
        let endpoints = self.endpoints.iter().flatten();
        let protected: PrefixSet = self
            .own_space()
            .iter()
            .chain(peered)
            .chain(endpoints)
            .copied()
            .chain(self.grouped_space())
            .collect();
        self.gateway_routes
            .iter()
            .copied()
            .filter(|route| !supernets(route.prefix).any(|around| protected.contains(&around)))
            .collect()
    }

    /// R-4 less what take away.
    fn none_routes(&self, gateway: &[GatewayRoute], user: &PrefixSet) -> Vec<Ipv4Net> {
        // 0.0.0.0/0 leads to an appliance or a gateway, and then so do the reserved ranges.
        let by_user = self
            .user
            .iter()
            .filter(|route| route.prefixes.contains(&EVERYTHING));
        let diverted = match by_user.min_by_key(|route| route.precedence) {
            Some(route) => match route.next_hop {
                UserNextHop::VirtualAppliance(_) | UserNextHop::VirtualNetworkGateway => true,
                UserNextHop::VnetLocal | UserNextHop::Internet | UserNextHop::None => false,
            },
            None => gateway.iter().any(|route| route.prefix == EVERYTHING),
        };
        if diverted {
            return Vec::new();
        }
        let links = self.wiring.network.peerings();
        let equal: PrefixSet = self
            .links
            .iter()
            .flat_map(|&(link, _)| &links[link].remote_address_space)
            .copied()
            .chain(self.grouped_space())
            .chain(gateway.iter().map(|route| route.prefix))
            .collect();
        none_prefixes(self.wiring.network.options.none_routes)
            .filter(|none| !equal.contains(none) && !user.contains(none))
            .filter(|none| !self.own_space().iter().any(|own| own.contains(none))) // equal or wider
            .collect()
    }

    fn read_service_endpoints(&mut self) {
        let network = self.wiring.network;
        let region = &network.virtual_networks()[self.view.virtual_network].location;
        for service in &self.view.service_endpoints {
            let tag = endpoint_tag(service);
            let regional = format!("{tag}.{region}");
            let known = network
                .service_tag(&regional)
                .or_else(|| network.service_tag(tag));
            match known {
                Some(prefixes) => self.endpoints.push(truncated(prefixes)),
                None => self.notes.push(Note::UnknownServiceEndpoint {
                    service: service.clone(),
                    tag: tag.to_owned(),
                }),
            }
        }
    }

    /// private endpoints of the own network, and of networks behind Connected links as far as these know their addresses; not
    /// of networks further away.
    fn read_private_endpoints(&mut self) {
        let network = self.wiring.network;
        for endpoint in network.private_endpoints().values() {
            let nic = &network.nics()[endpoint.nic];
            let home = nic.virtual_network;
            let is_own = home == self.view.virtual_network;
            let known: Vec<Ipv4Net> = if is_own {
                self.own_space().to_vec()
            } else {
                let behind = self
                    .links
                    .iter()
                    .filter(|&&(link, _)| self.wiring.remote(link) == Some(home));
                behind
                    .flat_map(|&(link, _)| &network.peerings()[link].remote_address_space)
                    .copied()
                    .chain(self.grouped_space().filter(|_| {
                        self.wiring
                            .grouped(self.view.virtual_network)
                            .any(|other| other == home)
                    }))
                    .collect()
            };
            for configuration in &nic.ip_configurations {
                let address = configuration.private_address;
                if !known.iter().any(|prefix| prefix.contains(&address)) {
                    continue;
                }
                let policies = network.subnets()[configuration.subnet].private_endpoint_policies;
                let space = network.virtual_networks()[home].address_space.prefixes();
                let space = space.iter().find(|prefix| prefix.contains(&address));
                self.private_endpoints.push(PrivateAddress {
                    address,
                    space: space.copied().filter(|_| policies.has_routes()),
                });
            }
        }
    }

    fn read_user_routes(&mut self) {
        let Some((_, table)) = self.table else { return };
        for (route, position) in table.routes.iter().zip(0_u16..) {
            let (prefixes, precedence) = match &route.destination {
                RouteDestination::Prefix(prefix) => (Few::One(prefix.trunc()), Precedence::User),
                RouteDestination::Tag(tag) => {
                    let Some(prefixes) = self.wiring.network.service_tag(tag.as_str()) else {
                        self.notes.push(Note::UnknownTagInRoute {
                            table: table.id.clone(),
                            route: route.name.clone(),
                            tag: tag.to_string(),
                        });
                        continue;
                    };
                    (truncated(prefixes), tag_precedence(tag))
                }
            };
            self.user.push(UserRoute {
                position,
                prefixes,
                next_hop: route.next_hop,
                precedence,
            });
        }
    }

    /// R-23, G-9: a user route to a gateway is not allowed where VPN and ExpressRoute stand side by side.
    fn note_coexisting_gateways(&mut self) {
        let asks = |route: &UserRoute| route.next_hop == UserNextHop::VirtualNetworkGateway;
        if !self.user.iter().any(asks) {
            return;
        }
        let (GatewayAccess::Own(gateways) | GatewayAccess::Remote(_, gateways)) =
            self.wiring.gateway_access(self.view.virtual_network)
        else {
            return;
        };
        if let [one, _, ..] = *gateways {
            let network = self.wiring.network;
            let home = network.gateways()[one].virtual_network;
            self.notes.push(Note::CoexistingGateways {
                virtual_network: network.virtual_networks()[home].id.clone(),
            });
        }
    }
}

/// Asked and filled for every table that is compiled, so the hasher is a quick one.
type PrefixSet = HashSet<Ipv4Net, foldhash::fast::RandomState>;

const EVERYTHING: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

/// Connected links, local or global. A network without region counts as lying in the same one.
fn connected_links(wiring: &Wiring<'_>, vnet: VnetId) -> Vec<(LinkId, NextHopType)> {
    wiring.network.virtual_networks()[vnet]
        .peerings
        .iter()
        .filter(|&&link| wiring.is_connected(link))
        .map(|&link| {
            let kind = if wiring.is_global(link) {
                NextHopType::VNetGlobalPeering
            } else {
                NextHopType::VNetPeering
            };
            (link, kind)
        })
        .collect()
}

/// equality of prefix decides, nothing else.
fn state(prefix: Ipv4Net, user: &PrefixSet) -> RouteState {
    if user.contains(&prefix) {
        RouteState::Invalid
    } else {
        RouteState::Active
    }
}

/// The prefix and everything around it, 33 prefixes at most.
fn supernets(prefix: Ipv4Net) -> impl Iterator<Item = Ipv4Net> {
    (0..=prefix.prefix_len())
        .map(move |length| Ipv4Net::new_assert(prefix.network(), length).trunc())
}

fn truncated(prefixes: &[Ipv4Net]) -> Few<Ipv4Net> {
    prefixes.iter().map(Ipv4Net::trunc).collect()
}

/// a regional service before a global one, `AzureCloud` after both.
fn tag_precedence(tag: &ServiceTag) -> Precedence {
    let (name, region) = match tag.as_str().split_once('.') {
        Some((name, _)) => (name, true),
        None => (tag.as_str(), false),
    };
    match (name.eq_ignore_ascii_case("AzureCloud"), region) {
        (false, true) => Precedence::UserRegionalTag,
        (false, false) => Precedence::UserTag,
        (true, true) => Precedence::UserRegionalAzureCloud,
        (true, false) => Precedence::UserAzureCloud,
    }
}

/// The service tag that holds the prefixes behind a service endpoint.
fn endpoint_tag(service: &str) -> &str {
    const NAMES: [(&str, &str); 6] = [
        ("Microsoft.Storage.Global", "Storage"),
        ("Microsoft.KeyVault", "AzureKeyVault"),
        ("Microsoft.Web", "AppService"),
        ("Microsoft.ContainerRegistry", "AzureContainerRegistry"),
        ("Microsoft.CognitiveServices", "CognitiveServicesManagement"),
        ("Microsoft.ActiveDirectory", "AzureActiveDirectory"),
    ];
    NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(service))
        .map_or_else(
            || service.rsplit('.').next().unwrap_or(service),
            |&(_, tag)| tag,
        )
}

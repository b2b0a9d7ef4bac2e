//! Compiled tables beside an obvious reading of the rules, for random networks.

use std::net::Ipv4Addr;

use control::few::Few;
use control::snapshot::{EffectiveRoute, RouteOrigin, Snapshot};
use ipnet::Ipv4Net;
use model::options::NoneRoutes;
use model::{GatewayId, GatewayType, NextHopType, NicId, RouteSource, RouteState, UserNextHop};
use proptest::prelude::*;

use crate::topology::{Topology, flags, net, nic};

/// A network with peers, a gateway that has learned something, and user routes.
#[derive(Clone, Debug)]
struct Design {
    own: Vec<Ipv4Net>,
    /// Space, `allowVirtualNetworkAccess`, other region.
    peers: Vec<(Ipv4Net, bool, bool)>,
    learned: Vec<Ipv4Net>,
    user: Vec<(Ipv4Net, UserNextHop)>,
    propagation_disabled: bool,
    none_routes: NoneRoutes,
}

/// Prefixes that nest in each other often, and meet the edges of the spaces below.
fn prefix() -> impl Strategy<Value = Ipv4Net> {
    let places = prop::sample::select(vec![
        "10.0.0.0",
        "10.0.5.0",
        "10.0.255.128",
        "10.2.0.0",
        "10.4.0.0",
        "10.4.7.77",
        "10.8.3.0",
        "25.4.0.0",
        "25.48.0.0",
        "100.64.0.0",
        "172.16.0.0",
        "192.168.0.0",
        "192.168.50.1",
        "8.8.8.8",
        "0.0.0.0",
        "255.255.255.255",
    ]);
    let lengths = prop::sample::select(vec![0, 1, 8, 10, 12, 14, 15, 16, 17, 24, 25, 31, 32]);
    (places, lengths).prop_map(|(place, length)| {
        let place: Ipv4Addr = place.parse().unwrap();
        Ipv4Net::new_assert(place, length).trunc()
    })
}

fn next_hop() -> impl Strategy<Value = UserNextHop> {
    prop_oneof![
        Just(UserNextHop::None),
        Just(UserNextHop::Internet),
        Just(UserNextHop::VnetLocal),
        Just(UserNextHop::VirtualNetworkGateway),
        prop::sample::select(vec!["10.0.5.4", "10.4.0.4", "10.4.0.99", "172.16.0.4"])
            .prop_map(|address| UserNextHop::VirtualAppliance(address.parse().unwrap())),
    ]
}

fn design() -> impl Strategy<Value = Design> {
    let own = prop::sample::select(vec![
        vec![net("10.0.0.0/16")],
        vec![net("10.0.0.0/15")],
        vec![
            net("10.0.0.0/17"),
            net("10.0.128.0/17"),
            net("192.168.0.0/16"),
        ],
        vec![net("10.0.0.0/16"), net("25.0.0.0/8")],
    ]);
    let spaces = [net("10.4.0.0/16"), net("10.8.0.0/14"), net("172.16.0.0/12")];
    let peers = prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), spaces.len())
        .prop_map(move |choices| {
            let chosen = choices
                .into_iter()
                .zip(spaces)
                .filter(|((chosen, _, _), _)| *chosen);
            chosen
                .map(|((_, access, global), space)| (space, access, global))
                .collect()
        });
    let profiles = vec![
        NoneRoutes::Seed,
        NoneRoutes::Doc4,
        NoneRoutes::Doc8,
        NoneRoutes::Obs2019,
        NoneRoutes::Obs2021,
        NoneRoutes::Obs2023,
        NoneRoutes::Obs2025,
    ];
    let user = prop::collection::btree_map(prefix(), next_hop(), 0..8);
    (
        own,
        peers,
        prop::collection::vec(prefix(), 0..8),
        user,
        prop::bool::weighted(0.2),
        prop::sample::select(profiles),
    )
        .prop_map(
            |(own, peers, learned, user, propagation_disabled, none_routes)| Design {
                own,
                peers,
                learned,
                user: user.into_iter().collect(),
                propagation_disabled,
                none_routes,
            },
        )
}

fn build(design: &Design) -> (Topology, NicId, GatewayId) {
    let mut topology = Topology::default();
    topology.network.options.none_routes = design.none_routes;
    let space: Vec<String> = design.own.iter().map(ToString::to_string).collect();
    let space: Vec<&str> = space.iter().map(String::as_str).collect();
    let own = topology.vnet("own", "northeurope", &space);
    let subnet = topology.subnet(own, "apps", "10.0.5.0/24");
    let vm = topology.vm("vm", subnet);
    let gateway = topology.gateway("gw", own, "10.0.127.0/27", GatewayType::Vpn, &[None]);
    let learned: Vec<String> = design.learned.iter().map(ToString::to_string).collect();
    topology.learned(
        gateway,
        &learned.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    for (position, (space, access, global)) in design.peers.iter().enumerate() {
        let region = if *global { "westus" } else { "northeurope" };
        let (peer, _, _) = topology.site(&format!("peer{position}"), region, &space.to_string());
        topology.link(own, peer, flags(if *access { &["access"] } else { &[] }));
        topology.link(peer, own, flags(&["access"]));
    }
    let user: Vec<(String, UserNextHop)> = design
        .user
        .iter()
        .map(|(prefix, hop)| (prefix.to_string(), *hop))
        .collect();
    let user: Vec<(&str, UserNextHop)> = user
        .iter()
        .map(|(prefix, hop)| (prefix.as_str(), *hop))
        .collect();
    topology.routes_with(subnet, &user, design.propagation_disabled);
    (topology, vm, gateway)
}

/// Addresses at which an answer may change, and some in between.
fn destinations(design: &Design) -> Vec<Ipv4Addr> {
    let peers = design.peers.iter().map(|(space, _, _)| space);
    let user = design.user.iter().map(|(prefix, _)| prefix);
    let prefixes = design
        .own
        .iter()
        .chain(peers)
        .chain(&design.learned)
        .chain(user);
    prefixes
        .flat_map(|prefix| {
            let (first, last) = (u32::from(prefix.network()), u32::from(prefix.broadcast()));
            [
                first.wrapping_sub(1),
                first,
                first / 2 + last / 2,
                last,
                last.wrapping_add(1),
            ]
        })
        .chain([0, 0x0A63_0001, 0xC0A8_0101, 0x0808_0808, u32::MAX])
        .map(Ipv4Addr::from)
        .collect()
}

/// R-20 as it is written, over the rows that are printed and everything that the gateway has told.
fn selected(
    printed: &[EffectiveRoute],
    told: &[EffectiveRoute],
    destination: Ipv4Addr,
) -> Option<(Ipv4Net, RouteSource, NextHopType)> {
    let system = printed.iter().filter(|row| {
        matches!(
            row.next_hop_type,
            NextHopType::VnetLocal | NextHopType::VNetPeering | NextHopType::VNetGlobalPeering
        ) && row.source == RouteSource::Default
    });
    // 1. A system row that contains the destination discards all gateway rows, whatever their length (R-21: also while Invalid).
    let protected = system
        .clone()
        .any(|row| row.prefixes[0].contains(&destination));
    let others = printed
        .iter()
        .filter(|row| row.source != RouteSource::VirtualNetworkGateway);
    let candidates = others.chain(told.iter().filter(|_| !protected));
    candidates
        .filter(|row| row.state == RouteState::Active && row.prefixes[0].contains(&destination))
        // 2. The longest prefix. 3. Of equal ones user, gateway, system.
        .min_by_key(|row| (std::cmp::Reverse(row.prefixes[0].prefix_len()), row.source))
        .map(|row| (row.prefixes[0], row.source, row.next_hop_type))
}

/// Every learned prefix as a row, without the filter of.
fn told(design: &Design, gateway: GatewayId) -> Vec<EffectiveRoute> {
    if design.propagation_disabled {
        return Vec::new();
    }
    let row = |&prefix| EffectiveRoute {
        source: RouteSource::VirtualNetworkGateway,
        state: if design.user.iter().any(|(user, _)| *user == prefix) {
            RouteState::Invalid
        } else {
            RouteState::Active
        },
        prefixes: Few::One(prefix),
        next_hop_type: NextHopType::VirtualNetworkGateway,
        next_hop_ips: Few::default(),
        origin: RouteOrigin::Gateway(gateway),
    };
    design.learned.iter().map(row).collect()
}

fn routes(snapshot: &Snapshot, vm: NicId) -> &[EffectiveRoute] {
    &snapshot.fib_of(nic(snapshot, vm)).routes
}

proptest! {
    #[test]
    fn the_table_selects_what_the_written_rule_selects(design in design()) {
        let (topology, vm, gateway) = build(&design);
        let snapshot = topology.compile();
        let (printed, told) = (routes(&snapshot, vm), told(&design, gateway));
        let fib = &snapshot.fib_of(nic(&snapshot, vm)).table;
        for destination in destinations(&design) {
            let compiled = fib.lookup_route(destination).map(|(prefix, entry)| {
                let row = &printed[usize::from(entry.route)];
                (prefix, row.source, row.next_hop_type)
            });
            prop_assert_eq!(compiled, selected(printed, &told, destination), "to {}", destination);
        }
    }

    #[test]
    fn rows_are_invalid_exactly_where_a_user_row_has_their_prefix(design in design()) {
        //
        let (topology, vm, _) = build(&design);
        let snapshot = topology.compile();
        for row in routes(&snapshot, vm) {
            let overridden = design.user.iter().any(|(prefix, _)| *prefix == row.prefixes[0]);
            let expected = if row.source != RouteSource::User && overridden { RouteState::Invalid } else { RouteState::Active };
            prop_assert_eq!(row.state, expected, "{:?}", row);
        }
    }

    #[test]
    fn gateway_rows_are_what_was_told_less_what_lies_in_azure(design in design()) {
        // I5, R-29
        let (topology, vm, _) = build(&design);
        let snapshot = topology.compile();
        let peers = design.peers.iter().map(|(space, _, _)| space);
        let azure: Vec<Ipv4Net> = design.own.iter().chain(peers).copied().collect();
        let mut expected: Vec<Ipv4Net> = design.learned.clone();
        expected.retain(|prefix| !design.propagation_disabled && !azure.iter().any(|space| space.contains(prefix)));
        expected.sort();
        expected.dedup();
        let rows = routes(&snapshot, vm).iter().filter(|row| row.source == RouteSource::VirtualNetworkGateway);
        let mut shown: Vec<Ipv4Net> = rows.map(|row| row.prefixes[0]).collect();
        shown.sort();
        prop_assert_eq!(shown, expected);
    }

    #[test]
    fn the_tag_holds_what_the_table_of_t1_lists(design in design()) {
        let (topology, vm, gateway) = build(&design);
        let snapshot = topology.compile();
        let told = told(&design, gateway);
        let peers = design.peers.iter().map(|(space, _, _)| space);
        let azure: Vec<Ipv4Net> = design.own.iter().chain(peers).copied().collect();
        let open = design.peers.iter().filter(|(_, access, _)| *access).map(|(space, _, _)| space);
        let user = design.user.iter().map(|(prefix, _)| prefix);
        let outside = told.iter().map(|row| &row.prefixes[0]).filter(|prefix| !azure.iter().any(|space| space.contains(*prefix)));
        let listed: Vec<&Ipv4Net> = design.own.iter().chain(open).chain(outside).chain(user).collect();
        let tag = &snapshot.tags_of(nic(&snapshot, vm)).virtual_network;
        for address in destinations(&design) {
            let expected = address == model::address::HOST_ADDRESS || listed.iter().any(|prefix| prefix.contains(&address));
            prop_assert_eq!(tag.contains(address), expected, "{}", address);
        }
    }
}

//! Route servers: the rows they program, where these lead, and which source of a prefix wins (G-1, G-9, G-10, R-32, F-9a, F-11).

use control::snapshot::{ForwardedTraffic, NextHop, Snapshot};
use model::{
    GatewayType, LearnedRoute, NicId, RequestedAddress, RouteServerId, RouteServerPeer,
    RouteServerRequest, RoutingPreference, VnetId,
};

use crate::topology::{Topology, hop, id, ip, net, table};

/// What a peer tells: prefix and path.
type Told<'a> = (&'a str, &'a [u32]);

struct Fixture {
    topology: Topology,
    hub: VnetId,
    hub_nic: NicId,
    /// At 10.0.2.4 and 10.0.2.5, both with forwarding on.
    appliances: [NicId; 2],
    spoke: VnetId,
    spoke_nic: NicId,
}

/// A hub 10.0.0.0/16 with two appliances, and a spoke 10.1.0.0/16 that may use the hub's routes.
fn hub() -> Fixture {
    let mut topology = Topology::of_the_exercise();
    let (hub, _, hub_nic) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let subnet = topology.subnet(hub, "appliances", "10.0.2.0/24");
    let appliances = ["nva1", "nva2"]
        .map(|name| topology.nic_with(name, subnet, |nic| nic.ip_forwarding = true));
    let (spoke, _, spoke_nic) = topology.site("spoke", "northeurope", "10.1.0.0/16");
    Fixture {
        topology,
        hub,
        hub_nic,
        appliances,
        spoke,
        spoke_nic,
    }
}

fn route_server(topology: &mut Topology, vnet: VnetId, peers: &[(&str, &[Told])]) -> RouteServerId {
    preferring(topology, vnet, RoutingPreference::ExpressRoute, peers)
}

fn preferring(
    topology: &mut Topology,
    vnet: VnetId,
    preference: RoutingPreference,
    peers: &[(&str, &[Told])],
) -> RouteServerId {
    let subnet = topology.subnet(vnet, "RouteServerSubnet", "10.0.254.0/27");
    let server = id("virtualHubs", "rs");
    let peers = peers.iter().enumerate().map(|(number, (address, told))| {
        let routes = told.iter().map(|(prefix, path)| LearnedRoute {
            prefix: net(prefix),
            next_hop: None,
            as_path: path.to_vec(),
        });
        RouteServerPeer {
            id: server.child("bgpConnections", &format!("peer{number}")),
            address: ip(address),
            asn: 65001,
            up: true,
            learned_routes: routes.collect(),
        }
    });
    let peers = peers.collect();
    let request = RouteServerRequest {
        id: server,
        location: model::Location::new("northeurope"),
        subnet,
        instances: vec![RequestedAddress::FirstFree; 2],
        asn: 65515,
        branch_to_branch: false,
        preference,
        peers,
    };
    topology.network.create_route_server(request).unwrap()
}

fn learned(snapshot: &Snapshot, nic: NicId) -> Vec<String> {
    let rows = table(snapshot, nic).into_iter();
    rows.filter(|row| row.starts_with("VirtualNetworkGateway"))
        .collect()
}

#[test]
fn what_an_appliance_tells_is_a_row_that_leads_straight_to_it() {
    // G-10, G-2
    let mut it = hub();
    route_server(
        &mut it.topology,
        it.hub,
        &[("10.0.2.4", &[("172.16.0.0/12", &[65001])])],
    );
    it.topology.transit(it.hub, it.spoke);
    let snapshot = it.topology.compile();
    let row = "VirtualNetworkGateway Active 172.16.0.0/12 VirtualNetworkGateway 10.0.2.4";
    for nic in [it.hub_nic, it.spoke_nic] {
        assert_eq!(learned(&snapshot, nic), [row]);
        assert_eq!(
            hop(&snapshot, nic, "172.16.9.9"),
            Some(NextHop::Nic(it.appliances[0]))
        );
    }
}

#[test]
fn a_spoke_needs_both_flags_to_get_the_rows_of_a_route_server() {
    // F-11
    let mut it = hub();
    route_server(
        &mut it.topology,
        it.hub,
        &[("10.0.2.4", &[("172.16.0.0/12", &[65001])])],
    );
    it.topology.peer(it.hub, it.spoke);
    let snapshot = it.topology.compile();
    assert_eq!(learned(&snapshot, it.spoke_nic), Vec::<String>::new());
    assert_eq!(learned(&snapshot, it.hub_nic).len(), 1);
}

#[test]
fn a_route_server_alone_does_not_let_forwarded_packets_in() {
    // F-6, F-9a, G-10: the leg from the appliance to the spoke is judged by the spoke's flag.
    let mut it = hub();
    route_server(&mut it.topology, it.hub, &[]);
    let (_, spoke_link) = it.topology.transit(it.hub, it.spoke);
    let snapshot = it.topology.compile();
    let link = snapshot.link(spoke_link).unwrap();
    assert_eq!(link.forwarded, ForwardedTraffic::Blocked);
}

#[test]
fn equal_paths_share_and_a_shorter_one_wins_alone() {
    //
    let mut it = hub();
    let server = route_server(
        &mut it.topology,
        it.hub,
        &[
            (
                "10.0.2.4",
                &[("0.0.0.0/0", &[65001]), ("172.16.0.0/16", &[65001])],
            ),
            (
                "10.0.2.5",
                &[("0.0.0.0/0", &[65001]), ("172.16.0.0/16", &[65001, 65002])],
            ),
        ],
    );
    let snapshot = it.topology.compile();
    let row = |prefix: &str, address: &str| {
        format!("VirtualNetworkGateway Active {prefix} VirtualNetworkGateway {address}")
    };
    assert_eq!(
        learned(&snapshot, it.hub_nic),
        [
            row("0.0.0.0/0", "10.0.2.4"),
            row("172.16.0.0/16", "10.0.2.4"),
            row("0.0.0.0/0", "10.0.2.5"),
        ]
    );
    let Some(NextHop::Shared(group)) = hop(&snapshot, it.hub_nic, "9.9.9.9") else {
        panic!("two appliances share 0.0.0.0/0");
    };
    let nic = snapshot.nic(it.hub_nic).unwrap();
    let shared: Vec<NextHop> = snapshot.fib_of(nic).shared[usize::from(group)]
        .iter()
        .map(|entry| entry.next_hop)
        .collect();
    assert_eq!(shared, it.appliances.map(NextHop::Nic));
    assert_eq!(
        hop(&snapshot, it.hub_nic, "172.16.0.1"),
        Some(NextHop::Nic(it.appliances[0]))
    );

    // What the network was told anew counts.
    it.topology
        .network
        .set_routes_of_peer(server, 0, Vec::new());
    let snapshot = control::recompile(&it.topology.network, &snapshot);
    assert_eq!(
        hop(&snapshot, it.hub_nic, "9.9.9.9"),
        Some(NextHop::Nic(it.appliances[1]))
    );
}

#[test]
fn a_row_inside_own_or_peered_space_does_not_count() {
    // a route server cannot steer traffic between subnets of a network or to a peer.
    let mut it = hub();
    route_server(
        &mut it.topology,
        it.hub,
        &[(
            "10.0.2.4",
            &[("10.0.1.0/24", &[65001]), ("10.1.0.0/16", &[65001])],
        )],
    );
    it.topology.peer(it.hub, it.spoke);
    let snapshot = it.topology.compile();
    assert_eq!(learned(&snapshot, it.hub_nic), Vec::<String>::new());
}

#[test]
fn a_session_that_is_down_tells_nothing() {
    // G-3
    let mut it = hub();
    let subnet = it
        .topology
        .subnet(it.hub, "RouteServerSubnet", "10.0.254.0/27");
    let server = id("virtualHubs", "rs");
    let down = RouteServerPeer {
        id: server.child("bgpConnections", "nva"),
        address: ip("10.0.2.4"),
        asn: 65001,
        up: false,
        learned_routes: vec![LearnedRoute {
            prefix: net("172.16.0.0/12"),
            next_hop: None,
            as_path: vec![65001],
        }],
    };
    let request = RouteServerRequest {
        id: server,
        location: model::Location::default(),
        subnet,
        instances: Vec::new(),
        asn: 65515,
        branch_to_branch: false,
        preference: RoutingPreference::ExpressRoute,
        peers: vec![down],
    };
    it.topology.network.create_route_server(request).unwrap();
    assert_eq!(
        learned(&it.topology.compile(), it.hub_nic),
        Vec::<String>::new()
    );
}

#[test]
fn a_route_server_compares_an_expressroute_gateway_with_appliances_as_it_was_told_to() {
    // G-9, G-10
    let told: [(&str, &[Told]); 1] = [("10.0.2.4", &[("172.16.0.0/12", &[65001])])];
    for (preference, address) in [
        (RoutingPreference::ExpressRoute, "20.0.0.9"),
        (RoutingPreference::VpnGateway, "10.0.2.4"),
        (RoutingPreference::AsPath, "10.0.2.4"),
    ] {
        let mut it = hub();
        let gateway = it.topology.gateway(
            "er",
            it.hub,
            "10.0.255.0/27",
            GatewayType::ExpressRoute,
            &[Some("20.0.0.9")],
        );
        let route = LearnedRoute {
            prefix: net("172.16.0.0/12"),
            next_hop: None,
            as_path: vec![12076, 65010],
        };
        it.topology.network.set_learned_routes(gateway, vec![route]);
        preferring(&mut it.topology, it.hub, preference, &told);
        let row =
            format!("VirtualNetworkGateway Active 172.16.0.0/12 VirtualNetworkGateway {address}");
        assert_eq!(
            learned(&it.topology.compile(), it.hub_nic),
            [row],
            "{preference}"
        );
    }
}

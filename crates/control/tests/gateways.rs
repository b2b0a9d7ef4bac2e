//! Gateway rows: where they come from, which NICs get them, and what they yield to (R-6, R-8, R-20, R-21, R-29, R-32, G-2 to G-5, G-9, F-11).

use control::Note;
use control::snapshot::{NextHop, Snapshot};
use model::GatewayType::{ExpressRoute, Vpn};
use model::options::BgpPeerRoutes;
use model::{ConnectionPeer, GatewayId, LearnedRoute, NicId, SubnetId, UserNextHop, VnetId};

use crate::topology::{Topology, appliance, flags, hop, id, ip, net, table};

fn gateway_rows(snapshot: &Snapshot, nic: NicId) -> Vec<String> {
    let rows = table(snapshot, nic).into_iter().filter_map(|row| {
        let row = row.strip_prefix("VirtualNetworkGateway ")?;
        let (state, rest) = row.split_once(' ')?;
        let (prefix, address) = rest.split_once(" VirtualNetworkGateway")?;
        let mark = if state == "Invalid" { " invalid" } else { "" };
        Some(format!("{prefix}{address}{mark}"))
    });
    rows.collect()
}

/// A hub 10.0.0.0/16 with a VPN gateway (public address 20.0.0.1) and a spoke 10.1.0.0/16 without peering yet.
struct VpnHub {
    topology: Topology,
    hub: VnetId,
    hub_subnet: SubnetId,
    hub_nic: NicId,
    gateway: GatewayId,
    spoke: VnetId,
    spoke_subnet: SubnetId,
    spoke_nic: NicId,
}

fn hub() -> VpnHub {
    let mut topology = Topology::of_the_exercise();
    let (hub, hub_subnet, hub_nic) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let gateway = topology.gateway("gw", hub, "10.0.255.0/27", Vpn, &[Some("20.0.0.1")]);
    let (spoke, spoke_subnet, spoke_nic) = topology.site("spoke", "northeurope", "10.1.0.0/16");
    VpnHub {
        topology,
        hub,
        hub_subnet,
        hub_nic,
        gateway,
        spoke,
        spoke_subnet,
        spoke_nic,
    }
}

#[test]
fn on_premises_prefixes_reach_the_hub_and_the_spokes_that_use_its_gateway() {
    // V-17, G-2, G-4, F-11
    let VpnHub {
        mut topology,
        hub,
        hub_nic,
        gateway,
        spoke,
        spoke_subnet,
        spoke_nic,
        ..
    } = hub();
    topology.learned(gateway, &["192.168.50.0/24"]);
    topology.transit(hub, spoke);
    let snapshot = topology.compile();
    let row = "VirtualNetworkGateway Active 192.168.50.0/24 VirtualNetworkGateway 20.0.0.1";
    assert_eq!(
        table(&snapshot, hub_nic)[..4],
        [
            "Default Active 10.0.0.0/16 VnetLocal",
            "Default Active 10.1.0.0/16 VNetPeering",
            row,
            "Default Active 0.0.0.0/0 Internet",
        ]
    );
    assert!(table(&snapshot, spoke_nic).contains(&row.to_owned()));
    assert_eq!(
        hop(&snapshot, spoke_nic, "192.168.50.9"),
        Some(NextHop::Gateway(gateway))
    );

    //
    topology.routes_with(spoke_subnet, &[], true);
    let snapshot = topology.compile();
    assert_eq!(gateway_rows(&snapshot, spoke_nic), Vec::<String>::new());
    assert_eq!(
        hop(&snapshot, spoke_nic, "192.168.50.9"),
        Some(NextHop::Discard)
    );
}

#[test]
fn either_flag_alone_shares_no_gateway() {
    // F-11. A link with useRemoteGateways and no partner is refused by the service, but found in files.
    for (hub_flags, spoke_flags) in [
        (&["access"][..], &["access", "use-remote"][..]),
        (&["access", "transit"], &["access"]),
    ] {
        let VpnHub {
            mut topology,
            hub,
            gateway,
            spoke,
            spoke_subnet,
            spoke_nic,
            ..
        } = hub();
        topology.learned(gateway, &["192.168.50.0/24"]);
        topology.routes(
            spoke_subnet,
            &[("172.16.0.0/16", UserNextHop::VirtualNetworkGateway)],
        );
        let record = |from: VnetId, to: VnetId, words: &[&str]| model::PeeringRecord {
            id: topology.network.virtual_networks()[from]
                .id
                .child("virtualNetworkPeerings", "p"),
            virtual_network: from,
            remote: topology.network.virtual_networks()[to].id.clone(),
            flags: flags(words),
            scope: model::PeeringScope::default(),
            state: None,
            remote_address_space: None,
            resource_guid: None,
            sync_level: None,
        };
        let records = vec![
            record(hub, spoke, hub_flags),
            record(spoke, hub, spoke_flags),
        ];
        topology.network.import_peerings(records);
        let snapshot = topology.compile();
        assert_eq!(gateway_rows(&snapshot, spoke_nic), Vec::<String>::new());
        let link = topology.network.virtual_networks()[spoke].peerings[0];
        assert_eq!(
            hop(&snapshot, spoke_nic, "172.16.0.1"),
            Some(NextHop::TransitOff(link))
        );
    }
}

#[test]
fn a_user_route_to_a_gateway_means_the_own_one_or_the_hubs() {
    // V-18, G-5
    let VpnHub {
        mut topology,
        hub,
        hub_subnet,
        hub_nic,
        gateway,
        spoke,
        spoke_subnet,
        spoke_nic,
    } = hub();
    let routes = [("10.2.0.0/16", UserNextHop::VirtualNetworkGateway)];
    topology.routes(hub_subnet, &routes);
    topology.routes(spoke_subnet, &routes);
    let snapshot = topology.compile();
    assert_eq!(
        hop(&snapshot, hub_nic, "10.2.0.4"),
        Some(NextHop::Gateway(gateway))
    );
    assert_eq!(
        hop(&snapshot, spoke_nic, "10.2.0.4"),
        Some(NextHop::NoGateway)
    );
    topology.transit(hub, spoke);
    assert_eq!(
        hop(&topology.compile(), spoke_nic, "10.2.0.4"),
        Some(NextHop::Gateway(gateway))
    );
}

#[test]
fn a_user_route_to_a_gateway_needs_a_vpn_gateway_that_stands_alone() {
    // R-23, G-5, G-9
    let VpnHub {
        mut topology,
        hub,
        hub_subnet,
        hub_nic,
        ..
    } = hub();
    topology.routes(
        hub_subnet,
        &[("172.16.0.0/16", UserNextHop::VirtualNetworkGateway)],
    );
    topology.gateway("er", hub, "", ExpressRoute, &[None]);
    let snapshot = topology.compile();
    assert_eq!(
        hop(&snapshot, hub_nic, "172.16.0.1"),
        Some(NextHop::NoGateway)
    );
    let note = Note::CoexistingGateways {
        virtual_network: id("virtualNetworks", "hub"),
    };
    assert_eq!(*snapshot.provenance.notes, [note]);
}

#[test]
fn spokes_learn_nothing_of_each_other() {
    // V-19, G-4
    let VpnHub {
        mut topology,
        hub,
        gateway,
        spoke,
        spoke_nic,
        ..
    } = hub();
    topology.learned(gateway, &["192.168.50.0/24"]);
    let (other, _, _) = topology.site("other", "northeurope", "10.2.0.0/16");
    topology.transit(hub, spoke);
    topology.transit(hub, other);
    let snapshot = topology.compile();
    assert_eq!(
        gateway_rows(&snapshot, spoke_nic),
        ["192.168.50.0/24 20.0.0.1"]
    );
    assert_eq!(
        hop(&snapshot, spoke_nic, "10.2.0.4"),
        Some(NextHop::Discard)
    );
}

#[test]
fn a_gateway_prefix_inside_own_or_peered_space_is_not_even_printed() {
    // V-16, R-20.1, I5: equal or inside goes, around stays and replaces the equal None row.
    let VpnHub {
        mut topology,
        hub,
        hub_nic,
        gateway,
        spoke,
        ..
    } = hub();
    topology.peer(hub, spoke);
    topology.learned(
        gateway,
        &[
            "10.0.0.0/16",
            "10.0.5.0/24",
            "10.1.0.0/16",
            "10.1.7.7/32",
            "10.0.0.0/8",
            "10.9.0.0/16",
            "10.0.0.0/15",
        ],
    );
    let snapshot = topology.compile();
    assert_eq!(
        gateway_rows(&snapshot, hub_nic),
        [
            "10.0.0.0/8 20.0.0.1",
            "10.9.0.0/16 20.0.0.1",
            "10.0.0.0/15 20.0.0.1"
        ]
    );
    assert!(!table(&snapshot, hub_nic).contains(&"Default Active 10.0.0.0/8 None".to_owned()));
    assert_eq!(hop(&snapshot, hub_nic, "10.0.5.7"), Some(NextHop::Local));
    assert!(matches!(
        hop(&snapshot, hub_nic, "10.1.7.7"),
        Some(NextHop::Peer(_))
    ));
    assert_eq!(
        hop(&snapshot, hub_nic, "10.50.0.1"),
        Some(NextHop::Gateway(gateway))
    );
}

#[test]
fn the_protection_of_own_space_outlives_its_row() {
    // VnetLocal is Invalid, yet 10.0.5.0/24 from the gateway stays out and the user route takes the packet.
    let VpnHub {
        mut topology,
        hub_subnet,
        hub_nic,
        gateway,
        ..
    } = hub();
    topology.learned(gateway, &["10.0.5.0/24"]);
    topology.routes(hub_subnet, &[("10.0.0.0/16", appliance("10.0.0.4"))]);
    let snapshot = topology.compile();
    assert_eq!(gateway_rows(&snapshot, hub_nic), Vec::<String>::new());
    assert_eq!(
        hop(&snapshot, hub_nic, "10.0.5.7"),
        Some(NextHop::Nic(hub_nic))
    );
}

#[test]
fn a_default_route_learned_from_outside_hides_the_system_one_and_the_none_rows() {
    //
    let VpnHub {
        mut topology,
        hub_subnet,
        hub_nic,
        gateway,
        ..
    } = hub();
    topology.learned(gateway, &["0.0.0.0/0"]);
    assert_eq!(
        table(&topology.compile(), hub_nic),
        [
            "Default Active 10.0.0.0/16 VnetLocal",
            "VirtualNetworkGateway Active 0.0.0.0/0 VirtualNetworkGateway 20.0.0.1",
        ]
    );
    // A user route to the Internet wins the tie, so the None rows are back; the system row is not.
    topology.routes(hub_subnet, &[("0.0.0.0/0", UserNextHop::Internet)]);
    let snapshot = topology.compile();
    assert_eq!(
        table(&snapshot, hub_nic),
        [
            "Default Active 10.0.0.0/16 VnetLocal",
            "VirtualNetworkGateway Invalid 0.0.0.0/0 VirtualNetworkGateway 20.0.0.1",
            "Default Active 10.0.0.0/8 None",
            "Default Active 100.64.0.0/10 None",
            "Default Active 192.168.0.0/16 None",
            "User Active 0.0.0.0/0 Internet",
        ]
    );
    assert_eq!(hop(&snapshot, hub_nic, "8.8.8.8"), Some(NextHop::Internet));
}

#[test]
fn both_instances_of_an_active_active_gateway_have_rows() {
    // G-2, R-32
    let mut topology = Topology::of_the_exercise();
    let (hub, _, nic) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let gateway = topology.gateway(
        "gw",
        hub,
        "10.0.255.0/27",
        Vpn,
        &[Some("20.0.0.1"), Some("20.0.0.2")],
    );
    topology.learned(gateway, &["192.168.50.0/24"]);
    let snapshot = topology.compile();
    assert_eq!(
        gateway_rows(&snapshot, nic),
        ["192.168.50.0/24 10.0.255.4", "192.168.50.0/24 10.0.255.5"]
    );
    assert_eq!(snapshot.gateway(gateway).unwrap().instances.len(), 2);
}

#[test]
fn a_gateway_without_known_public_address_shows_its_private_one() {
    let mut topology = Topology::of_the_exercise();
    let (hub, _, nic) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let gateway = topology.gateway("gw", hub, "10.0.255.0/27", Vpn, &[None]);
    topology.learned(gateway, &["192.168.50.0/24"]);
    assert_eq!(
        gateway_rows(&topology.compile(), nic),
        ["192.168.50.0/24 10.0.255.4"]
    );
}

#[test]
fn the_prefixes_of_a_site_are_rows_while_its_connection_is_up() {
    // R-8, G-2, G-3
    let VpnHub {
        mut topology,
        hub_nic,
        gateway,
        ..
    } = hub();
    let up = topology.local_gateway(
        "up",
        &["192.168.1.0/24", "192.168.2.0/24"],
        Some("192.168.1.254"),
    );
    let down = topology.local_gateway("down", &["192.168.3.0/24"], None);
    topology.connection(gateway, ConnectionPeer::Site(up), true, true);
    topology.connection(gateway, ConnectionPeer::Site(down), false, false);
    let snapshot = topology.compile();
    let rows = [
        "192.168.1.254/32 20.0.0.1",
        "192.168.1.0/24 20.0.0.1",
        "192.168.2.0/24 20.0.0.1",
    ];
    assert_eq!(gateway_rows(&snapshot, hub_nic), rows);

    topology.network.options.bgp_peer_routes = BgpPeerRoutes::False;
    assert_eq!(gateway_rows(&topology.compile(), hub_nic), rows[1..]);
}

#[test]
fn learned_routes_are_withdrawn_when_no_connection_is_up() {
    // G-3
    let VpnHub {
        mut topology,
        hub_nic,
        gateway,
        ..
    } = hub();
    topology.learned(gateway, &["192.168.50.0/24"]);
    let site = topology.local_gateway("site", &[], None);
    topology.connection(gateway, ConnectionPeer::Site(site), true, false);
    assert_eq!(
        gateway_rows(&topology.compile(), hub_nic),
        Vec::<String>::new()
    );
    topology.connection(gateway, ConnectionPeer::Site(site), true, true);
    assert_eq!(
        gateway_rows(&topology.compile(), hub_nic),
        ["192.168.50.0/24 20.0.0.1"]
    );
}

#[test]
fn a_described_site_without_connection_or_learned_route_is_known_to_its_gateway() {
    let VpnHub {
        mut topology,
        hub_nic,
        gateway,
        ..
    } = hub();
    let branch = model::OnPremisesRequest {
        id: id("onPremises", "branch"),
        gateway,
        prefixes: vec![net("192.168.50.0/24")],
        hosts: Vec::new(),
        knows: None,
        latency_us: 0,
    };
    topology.network.create_on_premises(branch).unwrap();
    assert_eq!(
        gateway_rows(&topology.compile(), hub_nic),
        ["192.168.50.0/24 20.0.0.1"]
    );
    // What the gateway has learned is said, so nothing is assumed.
    topology.learned(gateway, &["192.168.60.0/24"]);
    assert_eq!(
        gateway_rows(&topology.compile(), hub_nic),
        ["192.168.60.0/24 20.0.0.1"]
    );
}

#[test]
fn over_expressroute_the_shortest_path_counts_and_equal_ones_share() {
    // R-32, G-9
    let mut topology = Topology::of_the_exercise();
    let (hub, _, nic) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let er = topology.gateway("er", hub, "10.0.255.0/27", ExpressRoute, &[None]);
    let vpn = topology.gateway("vpn", hub, "", Vpn, &[Some("20.0.0.1")]);
    let route = |prefix: &str, edge: &str, as_path: &[u32]| LearnedRoute {
        prefix: net(prefix),
        next_hop: Some(ip(edge)),
        as_path: as_path.to_vec(),
    };
    topology.network.set_learned_routes(
        er,
        vec![
            route("172.20.0.0/16", "10.0.250.6", &[12076, 65001]),
            route("172.20.0.0/16", "10.0.250.7", &[12076, 65001]),
            route("172.20.0.0/16", "10.0.250.8", &[12076, 65001, 65001]),
        ],
    );
    topology.learned(vpn, &["172.20.0.0/16", "172.21.0.0/16"]);
    let snapshot = topology.compile();
    assert_eq!(
        gateway_rows(&snapshot, nic),
        [
            "172.20.0.0/16 10.0.250.6",
            "172.20.0.0/16 10.0.250.7",
            "172.21.0.0/16 20.0.0.1"
        ]
    );
    assert_eq!(
        hop(&snapshot, nic, "172.20.0.1"),
        Some(NextHop::Gateway(er))
    );
    assert_eq!(
        hop(&snapshot, nic, "172.21.0.1"),
        Some(NextHop::Gateway(vpn))
    );
}

/// Three networks joined in a triangle of tunnels, each hub with a spoke; hub1 is also peered with hub2.
/// The addresses are those of a public lab with recorded tables (fabferri/az-pattern, two hubs and four spokes).
#[test]
fn a_triangle_of_tunnels_gives_the_rows_that_were_recorded() {
    let mut topology = Topology::of_the_exercise();
    let regions = [
        ("dc0", "eastus", "10.0.0.0/24"),
        ("hub1", "eastus", "10.0.1.0/24"),
        ("hub2", "northeurope", "10.0.2.0/24"),
    ];
    let [dc0, hub1, hub2] =
        regions.map(|(name, region, space)| topology.vnet(name, region, &[space]));
    let subnet = topology.subnet(hub1, "subnet1", "10.0.1.0/27");
    let spokes = [
        ("spoke3", "eastus2", "10.0.3.0/24", hub1),
        ("spoke5", "uksouth", "10.0.5.0/24", hub2),
        ("spoke6", "westeurope", "10.0.6.0/24", hub2),
    ];
    let gateways = [
        topology.gateway("gw0", dc0, "10.0.0.224/27", Vpn, &[None]),
        topology.gateway("gw1", hub1, "10.0.1.224/27", Vpn, &[Some("40.87.85.116")]),
        topology.gateway("gw2", hub2, "10.0.2.224/27", Vpn, &[Some("137.135.160.38")]),
    ];
    topology.tunnel(gateways[0], gateways[1], true);
    topology.tunnel(gateways[0], gateways[2], true);
    topology.tunnel(gateways[1], gateways[2], true);
    topology.peer(hub1, hub2);
    let spoke_nics = spokes.map(|(name, region, space, hub)| {
        let (spoke, _, nic) = topology.site(name, region, space);
        topology.transit(hub, spoke);
        (spoke, nic)
    });
    topology.peer(spoke_nics[0].0, spoke_nics[1].0);
    let vm = topology.vm("vm1", subnet);
    topology.routes(
        subnet,
        &[
            ("10.0.5.0/24", appliance("10.0.1.5")),
            ("10.0.2.64/27", appliance("10.0.2.5")),
        ],
    );

    let snapshot = topology.compile();
    let mut rows = gateway_rows(&snapshot, vm);
    rows.sort();
    assert_eq!(
        rows,
        [
            "10.0.0.0/24 40.87.85.116",
            "10.0.0.254/32 40.87.85.116",
            "10.0.5.0/24 40.87.85.116 invalid",
            "10.0.6.0/24 40.87.85.116",
        ],
        "10.0.2.0/24 and its BGP address lie in a peered network, 10.0.3.0/24 too"
    );
    // The spoke of hub1 is not peered with hub2, but with spoke5.
    let mut rows = gateway_rows(&snapshot, spoke_nics[0].1);
    rows.sort();
    assert_eq!(
        rows,
        [
            "10.0.0.0/24 40.87.85.116",
            "10.0.0.254/32 40.87.85.116",
            "10.0.2.0/24 40.87.85.116",
            "10.0.2.254/32 40.87.85.116",
            "10.0.6.0/24 40.87.85.116",
        ]
    );
}

#[test]
fn bgp_hands_prefixes_on_and_plain_tunnels_do_not() {
    // G-4: a chain a - b - c, a site and a default route behind c.
    for (bgp, expected) in [
        (
            true,
            vec![
                "10.2.255.30/32",
                "10.2.0.0/16",
                "10.3.0.0/16",
                "192.168.9.0/24",
            ],
        ),
        (false, vec!["10.2.0.0/16"]),
    ] {
        let mut topology = Topology::of_the_exercise();
        let ends = [("a", "10.1"), ("b", "10.2"), ("c", "10.3")].map(|(name, start)| {
            let (vnet, _, nic) = topology.site(name, "northeurope", &format!("{start}.0.0/16"));
            (
                topology.gateway(
                    &format!("gw-{name}"),
                    vnet,
                    &format!("{start}.255.0/27"),
                    Vpn,
                    &[None],
                ),
                nic,
            )
        });
        let [(a, nic), (b, _), (c, _)] = ends;
        topology.tunnel(a, b, bgp);
        topology.tunnel(b, c, bgp);
        topology.learned(c, &["192.168.9.0/24", "0.0.0.0/0"]);
        let expected: Vec<String> = expected
            .into_iter()
            .map(|prefix| format!("{prefix} 10.1.255.4"))
            .collect();
        assert_eq!(
            gateway_rows(&topology.compile(), nic),
            expected,
            "bgp: {bgp}"
        );
    }
}

#[test]
fn a_tunnel_needs_a_connection_at_both_ends() {
    let VpnHub {
        mut topology,
        hub_nic,
        gateway,
        ..
    } = hub();
    let (far, _, _) = topology.site("far", "westus", "10.7.0.0/16");
    let other = topology.gateway("gw-far", far, "10.7.255.0/27", Vpn, &[None]);
    topology.connection(gateway, ConnectionPeer::Gateway(other), false, true);
    let snapshot = topology.compile();
    assert_eq!(gateway_rows(&snapshot, hub_nic), Vec::<String>::new());
    let note = Note::OneSidedConnection {
        connection: id("connections", "connection0"),
    };
    assert_eq!(*snapshot.provenance.notes, [note]);
}

#[test]
fn the_addresses_of_vpn_clients_are_a_row() {
    // G-11
    let mut topology = Topology::of_the_exercise();
    let (hub, _, nic) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let subnet = topology.subnet(hub, "GatewaySubnet", "10.0.255.0/27");
    let request = model::GatewayRequest {
        id: id("virtualNetworkGateways", "gw"),
        location: model::Location::default(),
        subnet,
        kind: Vpn,
        vpn_type: model::VpnType::RouteBased,
        active_active: false,
        instances: vec![(None, model::RequestedAddress::FirstFree)],
        bgp: false,
        asn: model::gateway::DEFAULT_ASN,
        default_site: None,
        client_pool: vec![net("172.31.9.0/24")],
        learned_routes: Vec::new(),
    };
    topology.network.create_gateway(request).unwrap();
    assert_eq!(
        gateway_rows(&topology.compile(), nic),
        ["172.31.9.0/24 10.0.255.4"]
    );
}

#[test]
fn a_gateway_outside_the_input_is_noted_and_user_routes_to_it_leave_the_input() {
    let mut topology = Topology::of_the_exercise();
    let (spoke, subnet, nic) = topology.site("spoke", "northeurope", "10.1.0.0/16");
    let link = topology.network.virtual_networks()[spoke]
        .id
        .child("virtualNetworkPeerings", "to-hub");
    let record = model::PeeringRecord {
        id: link.clone(),
        virtual_network: spoke,
        remote: id("virtualNetworks", "hub"),
        flags: flags(&["access", "use-remote"]),
        scope: model::PeeringScope::default(),
        state: None,
        remote_address_space: Some(vec![net("10.0.0.0/16")]),
        resource_guid: None,
        sync_level: None,
    };
    topology.network.import_peerings(vec![record]);
    topology.routes(
        subnet,
        &[("172.16.0.0/16", UserNextHop::VirtualNetworkGateway)],
    );
    let snapshot = topology.compile();
    let key = topology.network.peerings().find(&link).unwrap();
    assert_eq!(
        hop(&snapshot, nic, "172.16.0.1"),
        Some(NextHop::Outside(key))
    );
    assert_eq!(
        *snapshot.provenance.notes,
        [Note::GatewayOutsideInput { peering: link }]
    );
}

#[test]
fn more_rows_than_a_table_numbers_are_cut_off_and_noted() {
    let VpnHub {
        mut topology,
        hub_nic,
        gateway,
        ..
    } = hub();
    let routes = (0..70_000_u32).map(|number| LearnedRoute {
        prefix: std::net::Ipv4Addr::from(0xAC10_0000 + number).into(),
        next_hop: None,
        as_path: Vec::new(),
    });
    topology
        .network
        .set_learned_routes(gateway, routes.collect());
    let snapshot = topology.compile();
    assert_eq!(table(&snapshot, hub_nic).len(), 65_535);
    assert_eq!(
        hop(&snapshot, hub_nic, "172.16.0.7"),
        Some(NextHop::Gateway(gateway))
    );
    let [note] = &snapshot.provenance.notes[..] else {
        panic!("one note for the network, however many views of it are cut off");
    };
    assert!(matches!(
        note,
        Note::TooManyRoutes {
            left_out: 4_470,
            ..
        }
    ));
}

//! Effective routes: the tables of the exercise, and without gateways.

use control::Note;
use control::questions::next_hop_of;
use control::snapshot::{NextHop, Snapshot};
use model::options::NoneRoutes;
use model::{
    NextHopType, NicId, PeeringFlags, PeeringScope, ServiceTag, SubnetId, UserNextHop, VnetId,
};

use crate::topology::{
    HubAndSpoke, Topology, appliance, flags, hop, hub_and_spoke, id, ip, nets, nic, table,
};

/// Sales and Marketing in one region, Research in another; Marketing is peered with both.
struct Exercise {
    topology: Topology,
    vnets: [VnetId; 3],
    nics: [NicId; 3],
}

fn unpeered() -> Exercise {
    let mut topology = Topology::of_the_exercise();
    let (sales, _, sales_nic) = topology.site("SalesVNet", "northeurope", "10.1.0.0/16");
    let (marketing, _, marketing_nic) =
        topology.site("MarketingVNet", "northeurope", "10.2.0.0/16");
    let (research, _, research_nic) = topology.site("ResearchVNet", "westeurope", "10.3.0.0/16");
    Exercise {
        topology,
        vnets: [sales, marketing, research],
        nics: [sales_nic, marketing_nic, research_nic],
    }
}

fn exercise() -> Exercise {
    let mut exercise = unpeered();
    let [sales, marketing, research] = exercise.vnets;
    exercise.topology.peer(sales, marketing);
    exercise.topology.peer(marketing, research);
    exercise
}

fn none_rows(snapshot: &Snapshot, nic: NicId) -> Vec<String> {
    table(snapshot, nic)
        .into_iter()
        .filter(|row| row.ends_with(" None") && row.starts_with("Default"))
        .collect()
}

#[test]
fn the_exercise_prints_its_three_tables() {
    // V-1, V-2
    let exercise = exercise();
    let [sales, marketing, research] = exercise.nics;
    let snapshot = exercise.topology.compile();
    assert_eq!(
        table(&snapshot, sales),
        [
            "Default Active 10.1.0.0/16 VnetLocal",
            "Default Active 10.2.0.0/16 VNetPeering",
            "Default Active 0.0.0.0/0 Internet",
            "Default Active 10.0.0.0/8 None",
            "Default Active 100.64.0.0/10 None",
            "Default Active 192.168.0.0/16 None",
        ]
    );
    assert_eq!(
        table(&snapshot, marketing),
        [
            "Default Active 10.2.0.0/16 VnetLocal",
            "Default Active 10.1.0.0/16 VNetPeering",
            "Default Active 0.0.0.0/0 Internet",
            "Default Active 10.0.0.0/8 None",
            "Default Active 100.64.0.0/10 None",
            "Default Active 192.168.0.0/16 None",
            "Default Active 10.3.0.0/16 VNetGlobalPeering",
        ]
    );
    assert_eq!(
        table(&snapshot, research),
        [
            "Default Active 10.3.0.0/16 VnetLocal",
            "Default Active 0.0.0.0/0 Internet",
            "Default Active 10.0.0.0/8 None",
            "Default Active 100.64.0.0/10 None",
            "Default Active 192.168.0.0/16 None",
            "Default Active 10.2.0.0/16 VNetGlobalPeering",
        ]
    );
}

#[test]
fn peering_is_not_transitive_so_the_none_row_takes_the_packet() {
    // V-4, P-4
    let exercise = exercise();
    let snapshot = exercise.topology.compile();
    let sales = nic(&snapshot, exercise.nics[0]);
    let answer = next_hop_of(&snapshot, sales, ip("10.3.1.4"));
    assert_eq!(answer.next_hop_type, NextHopType::None);
    let (row, entry) = answer.route.unwrap();
    assert_eq!(
        (&*row.prefixes, entry.next_hop),
        (&nets(&["10.0.0.0/8"])[..], NextHop::Discard)
    );
    assert_eq!(answer.route_table, None);
}

#[test]
fn a_link_has_rows_only_while_it_is_connected() {
    // V-5, V-6, R-2
    let mut exercise = unpeered();
    let [sales, marketing, _] = exercise.vnets;
    let [sales_nic, marketing_nic, _] = exercise.nics;
    let to_marketing = exercise
        .topology
        .link(sales, marketing, PeeringFlags::default());
    let snapshot = exercise.topology.compile();
    assert_eq!(
        hop(&snapshot, sales_nic, "10.2.1.4"),
        Some(NextHop::Discard),
        "Initiated"
    );

    let to_sales = exercise
        .topology
        .link(marketing, sales, PeeringFlags::default());
    let snapshot = exercise.topology.compile();
    assert_eq!(
        hop(&snapshot, sales_nic, "10.2.1.4"),
        Some(NextHop::Peer(to_marketing))
    );
    assert_eq!(
        hop(&snapshot, marketing_nic, "10.1.1.4"),
        Some(NextHop::Peer(to_sales))
    );

    exercise.topology.network.delete_peering(to_marketing);
    let snapshot = exercise.topology.compile();
    assert_eq!(
        hop(&snapshot, marketing_nic, "10.1.1.4"),
        Some(NextHop::Discard),
        "Disconnected"
    );
    assert!(
        !table(&snapshot, marketing_nic)
            .iter()
            .any(|row| row.contains("10.1.0.0/16"))
    );
}

#[test]
fn a_new_prefix_of_a_peer_is_unknown_until_the_link_is_synced() {
    // V-7, P-6
    let mut exercise = exercise();
    let [_, marketing, _] = exercise.vnets;
    let sales_nic = exercise.nics[0];
    let network = &mut exercise.topology.network;
    network
        .change_address_space(marketing, nets(&["10.2.0.0/16", "10.11.0.0/16"]))
        .unwrap();
    let snapshot = exercise.topology.compile();
    assert_eq!(
        hop(&snapshot, sales_nic, "10.11.0.4"),
        Some(NextHop::Discard)
    );
    assert!(
        table(&snapshot, exercise.nics[1])
            .contains(&"Default Active 10.11.0.0/16 VnetLocal".to_owned())
    );

    let link = exercise.topology.network.virtual_networks()[exercise.vnets[0]].peerings[0];
    exercise.topology.network.sync_peering(link).unwrap();
    let snapshot = exercise.topology.compile();
    assert_eq!(
        hop(&snapshot, sales_nic, "10.11.0.4"),
        Some(NextHop::Peer(link))
    );
}

#[test]
fn a_default_route_to_an_appliance_takes_the_none_rows_away() {
    // V-13, R-6, R-13
    let HubAndSpoke {
        mut topology,
        spoke_subnet,
        spoke,
        nva,
    } = hub_and_spoke();
    topology.routes(spoke_subnet, &[("0.0.0.0/0", appliance("10.4.0.4"))]);
    let snapshot = topology.compile();
    assert_eq!(
        table(&snapshot, spoke),
        [
            "Default Active 10.1.0.0/16 VnetLocal",
            "Default Active 10.4.0.0/16 VNetPeering",
            "Default Invalid 0.0.0.0/0 Internet",
            "User Active 0.0.0.0/0 VirtualAppliance 10.4.0.4",
        ]
    );
    assert_eq!(hop(&snapshot, spoke, "10.99.0.1"), Some(NextHop::Nic(nva)));
    assert_eq!(hop(&snapshot, spoke, "8.8.8.8"), Some(NextHop::Nic(nva)));
}

#[test]
fn a_default_route_elsewhere_leaves_the_none_rows() {
    // no source, decided so.
    for next_hop in [
        UserNextHop::Internet,
        UserNextHop::None,
        UserNextHop::VnetLocal,
    ] {
        let HubAndSpoke {
            mut topology,
            spoke_subnet,
            spoke,
            ..
        } = hub_and_spoke();
        topology.routes(spoke_subnet, &[("0.0.0.0/0", next_hop)]);
        assert_eq!(
            none_rows(&topology.compile(), spoke).len(),
            3,
            "{next_hop:?}"
        );
    }
    let HubAndSpoke {
        mut topology,
        spoke_subnet,
        spoke,
        ..
    } = hub_and_spoke();
    topology.routes(
        spoke_subnet,
        &[
            ("0.0.0.0/1", appliance("10.4.0.4")),
            ("128.0.0.0/1", appliance("10.4.0.4")),
        ],
    );
    assert_eq!(
        none_rows(&topology.compile(), spoke).len(),
        3,
        "a split default route is none"
    );
    // ... and one to a gateway takes them away, whether or not there is one.
    let HubAndSpoke {
        mut topology,
        spoke_subnet,
        spoke,
        ..
    } = hub_and_spoke();
    topology.routes(
        spoke_subnet,
        &[("0.0.0.0/0", UserNextHop::VirtualNetworkGateway)],
    );
    assert_eq!(none_rows(&topology.compile(), spoke), Vec::<String>::new());
}

#[test]
fn a_user_route_equal_to_a_none_row_replaces_it_without_a_trace() {
    // V-14, R-7; V-12, R-22: the wider user route does not catch what lies in the peered hub.
    let HubAndSpoke {
        mut topology,
        spoke_subnet,
        spoke,
        nva,
    } = hub_and_spoke();
    topology.routes(spoke_subnet, &[("10.0.0.0/8", appliance("10.4.0.4"))]);
    let snapshot = topology.compile();
    assert_eq!(
        table(&snapshot, spoke),
        [
            "Default Active 10.1.0.0/16 VnetLocal",
            "Default Active 10.4.0.0/16 VNetPeering",
            "Default Active 0.0.0.0/0 Internet",
            "Default Active 100.64.0.0/10 None",
            "Default Active 192.168.0.0/16 None",
            "User Active 10.0.0.0/8 VirtualAppliance 10.4.0.4",
        ]
    );
    assert!(matches!(
        hop(&snapshot, spoke, "10.4.1.9"),
        Some(NextHop::Peer(_))
    ));
    assert_eq!(hop(&snapshot, spoke, "10.2.0.4"), Some(NextHop::Nic(nva)));
}

#[test]
fn a_user_route_equal_to_a_peering_row_makes_it_invalid() {
    // V-15, R-13; a more specific one leaves the row Active.
    let HubAndSpoke {
        mut topology,
        spoke_subnet,
        spoke,
        ..
    } = hub_and_spoke();
    topology.routes(
        spoke_subnet,
        &[
            ("10.4.0.0/16", UserNextHop::None),
            ("10.1.7.0/24", UserNextHop::None),
        ],
    );
    let snapshot = topology.compile();
    let rows = table(&snapshot, spoke);
    assert!(rows.contains(&"Default Invalid 10.4.0.0/16 VNetPeering".to_owned()));
    assert!(rows.contains(&"Default Active 10.1.0.0/16 VnetLocal".to_owned()));
    assert_eq!(hop(&snapshot, spoke, "10.4.0.4"), Some(NextHop::Discard));
    assert_eq!(hop(&snapshot, spoke, "10.1.7.4"), Some(NextHop::Discard));
    assert_eq!(hop(&snapshot, spoke, "10.1.8.4"), Some(NextHop::Local));
    let answer = next_hop_of(&snapshot, nic(&snapshot, spoke), ip("10.4.0.4"));
    assert_eq!(answer.route_table.unwrap().1, &id("routeTables", "rt0"));
}

#[test]
fn own_space_equal_to_a_none_row_or_around_it_removes_the_row() {
    //
    let shown = |space: &str| {
        let mut topology = Topology::default();
        topology.network.options.none_routes = NoneRoutes::Obs2023;
        let (_, _, nic) = topology.site("v", "northeurope", space);
        let snapshot = topology.compile();
        let removed = |prefix: &str| {
            !table(&snapshot, nic).contains(&format!("Default Active {prefix} None"))
        };
        (
            removed("10.0.0.0/8"),
            removed("192.168.0.0/16"),
            removed("25.4.0.0/14"),
            none_rows(&snapshot, nic).len(),
        )
    };
    assert_eq!(
        shown("10.1.0.0/16"),
        (false, false, false, 17),
        "inside: the row stays"
    );
    assert_eq!(
        shown("192.168.0.0/16"),
        (false, true, false, 16),
        "equal: the row becomes VnetLocal"
    );
    // 25.0.0.0/8 holds 25.48.0.0/12, 25.4.0.0/14, 25.33.0.0/16 and 25.41.0.0/20.
    assert_eq!(
        shown("25.0.0.0/8"),
        (false, false, true, 13),
        "around: the rows inside go"
    );
}

#[test]
fn a_peer_equal_to_a_none_row_removes_it_and_a_wider_one_does_not() {
    //
    let shown = |space: &str| {
        let mut topology = Topology::default();
        topology.network.options.none_routes = NoneRoutes::Obs2023;
        let (own, _, nic) = topology.site("own", "northeurope", "10.1.0.0/16");
        let (peer, _, _) = topology.site("peer", "northeurope", space);
        topology.peer(own, peer);
        none_rows(&topology.compile(), nic).len()
    };
    assert_eq!(shown("192.168.0.0/16"), 16);
    assert_eq!(shown("25.0.0.0/8"), 17);
}

#[test]
fn every_profile_of_none_rows_is_printed_whole() {
    //
    let profiles = [
        (NoneRoutes::Seed, 3),
        (NoneRoutes::Doc4, 4),
        (NoneRoutes::Doc8, 8),
        (NoneRoutes::Obs2019, 5),
        (NoneRoutes::Obs2021, 15),
        (NoneRoutes::Obs2023, 17),
        (NoneRoutes::Obs2025, 21),
    ];
    for (profile, count) in profiles {
        let mut topology = Topology::default();
        topology.network.options.none_routes = profile;
        let (_, _, nic) = topology.site("v", "northeurope", "10.1.0.0/16");
        assert_eq!(
            none_rows(&topology.compile(), nic).len(),
            count,
            "{profile}"
        );
    }
}

#[test]
fn the_worked_example_of_the_documents_is_reproduced() {
    // The table of Subnet1 in the article on user-defined routes, without gateway and service endpoint (see `gateways.rs`).
    let mut topology = Topology::of_the_exercise();
    let one = topology.vnet("Virtual-network-1", "northeurope", &["10.0.0.0/16"]);
    let subnet1 = topology.subnet(one, "Subnet1", "10.0.0.0/24");
    let other = topology.subnet(one, "nva", "10.0.100.0/24");
    let (vm, nva) = (topology.vm("vm", subnet1), topology.vm("nva", other));
    let two = topology.vnet(
        "Virtual-network-2",
        "northeurope",
        &["10.1.0.0/16", "10.2.0.0/16"],
    );
    topology.peer(one, two);
    topology.routes(
        subnet1,
        &[
            ("10.0.0.0/16", appliance("10.0.100.4")),
            ("10.0.0.0/24", UserNextHop::VnetLocal),
            ("10.1.0.0/16", UserNextHop::None),
            ("10.2.0.0/16", UserNextHop::None),
            ("0.0.0.0/0", appliance("10.0.100.4")),
        ],
    );
    let snapshot = topology.compile();
    assert_eq!(
        table(&snapshot, vm),
        [
            "Default Invalid 10.0.0.0/16 VnetLocal",
            "Default Invalid 10.1.0.0/16 VNetPeering",
            "Default Invalid 10.2.0.0/16 VNetPeering",
            "Default Invalid 0.0.0.0/0 Internet",
            "User Active 10.0.0.0/16 VirtualAppliance 10.0.100.4",
            "User Active 10.0.0.0/24 VnetLocal",
            "User Active 10.1.0.0/16 None",
            "User Active 10.2.0.0/16 None",
            "User Active 0.0.0.0/0 VirtualAppliance 10.0.100.4",
        ]
    );
    assert_eq!(
        hop(&snapshot, vm, "10.0.0.9"),
        Some(NextHop::Local),
        "the own subnet directly"
    );
    assert_eq!(
        hop(&snapshot, vm, "10.0.100.4"),
        Some(NextHop::Nic(nva)),
        "the rest of the network through the appliance"
    );
}

#[test]
fn rows_of_a_subnet_peering_are_the_remote_subnets_and_reach_every_local_subnet() {
    // V-22, P-8, R-2
    let mut topology = Topology::of_the_exercise();
    let left = topology.vnet("left", "northeurope", &["10.0.0.0/16", "172.16.0.0/16"]);
    let right = topology.vnet("right", "northeurope", &["10.1.0.0/16", "172.16.0.0/16"]);
    let left0 = topology.subnet(left, "subnet0", "10.0.0.0/24");
    topology.subnet(left, "subnet1", "10.0.1.0/24");
    for (name, prefix) in [
        ("subnet0", "10.1.0.0/24"),
        ("subnet1", "10.1.1.0/24"),
        ("subnet2", "10.1.2.0/24"),
    ] {
        topology.subnet(right, name, prefix);
    }
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<String>>()
    };
    let sides = [names(&["subnet1"]), names(&["subnet0", "subnet2"])];
    for (from, to, [local, remote]) in [
        (left, right, sides.clone()),
        (right, left, [sides[1].clone(), sides[0].clone()]),
    ] {
        let id = topology.network.virtual_networks()[to].id.clone();
        let scope = PeeringScope::Subnets {
            local,
            remote,
            only_ipv6: false,
        };
        topology
            .network
            .create_peering(from, "p", &id, flags(&["access"]), scope)
            .unwrap();
    }
    let not_peered = topology.vm("vm", left0);
    assert_eq!(
        table(&topology.compile(), not_peered)[..4],
        [
            "Default Active 10.0.0.0/16 VnetLocal",
            "Default Active 172.16.0.0/16 VnetLocal",
            "Default Active 10.1.0.0/24 VNetPeering",
            "Default Active 10.1.2.0/24 VNetPeering",
        ]
    );
}

#[test]
fn a_service_endpoint_is_one_row_of_many_prefixes_on_its_subnet_alone() {
    //
    let mut topology = Topology::of_the_exercise();
    let vnet = topology.vnet("v", "West Europe", &["10.1.0.0/16"]);
    let mut request = model::SubnetRequest::new("with", "10.1.0.0/24".parse().unwrap());
    request.service_endpoints = vec![
        "Microsoft.Storage".to_owned(),
        "Microsoft.KeyVault".to_owned(),
    ];
    let with = topology.network.create_subnet(vnet, request).unwrap();
    let without = topology.subnet(vnet, "without", "10.1.1.0/24");
    let (with, without) = (topology.vm("with", with), topology.vm("without", without));
    topology
        .network
        .set_service_tag("Storage", nets(&["20.0.0.0/8"]));
    topology.network.set_service_tag(
        "storage.westeurope",
        nets(&["20.38.108.0/23", "20.60.26.0/23"]),
    );
    let snapshot = topology.compile();
    assert_eq!(
        table(&snapshot, with).last().unwrap(),
        "Default Active 20.38.108.0/23 20.60.26.0/23 VirtualNetworkServiceEndpoint"
    );
    assert_eq!(
        hop(&snapshot, with, "20.60.26.7"),
        Some(NextHop::AzureService)
    );
    assert_eq!(
        hop(&snapshot, without, "20.60.26.7"),
        Some(NextHop::Internet)
    );
    let note = Note::UnknownServiceEndpoint {
        service: "Microsoft.KeyVault".to_owned(),
        tag: "AzureKeyVault".to_owned(),
    };
    assert_eq!(*snapshot.provenance.notes, [note]);
}

#[test]
fn tag_routes_yield_to_prefixes_and_wider_tags_to_narrower_ones() {
    //
    let HubAndSpoke {
        mut topology,
        spoke_subnet,
        spoke,
        nva,
    } = hub_and_spoke();
    for (tag, prefixes) in [
        (
            "AzureCloud",
            &["20.1.0.0/16", "20.2.0.0/16", "20.3.0.0/16", "20.4.0.0/16"][..],
        ),
        ("Storage", &["20.2.0.0/16", "20.3.0.0/16", "20.4.0.0/16"]),
        ("Storage.WestEurope", &["20.3.0.0/16", "20.4.0.0/16"]),
    ] {
        topology.network.set_service_tag(tag, nets(prefixes));
    }
    topology.routes(
        spoke_subnet,
        &[
            ("AzureCloud", UserNextHop::None),
            ("Storage", UserNextHop::Internet),
            ("Storage.WestEurope", UserNextHop::VnetLocal),
            ("20.4.0.0/16", appliance("10.4.0.4")),
            ("NoSuchTag", UserNextHop::None),
        ],
    );
    let snapshot = topology.compile();
    let hops = ["20.1.0.1", "20.2.0.1", "20.3.0.1", "20.4.0.1"]
        .map(|address| hop(&snapshot, spoke, address).unwrap());
    assert_eq!(
        hops,
        [
            NextHop::Discard,
            NextHop::Internet,
            NextHop::Local,
            NextHop::Nic(nva)
        ]
    );
    let note = Note::UnknownTagInRoute {
        table: id("routeTables", "rt0"),
        route: "route4".to_owned(),
        tag: ServiceTag::named("NoSuchTag").to_string(),
    };
    assert_eq!(*snapshot.provenance.notes, [note]);
}

#[test]
fn subnets_with_the_same_view_share_one_table_and_others_do_not() {
    let mut topology = Topology::of_the_exercise();
    let vnet = topology.vnet("v", "northeurope", &["10.1.0.0/16"]);
    let subnets: Vec<SubnetId> = (0..4)
        .map(|i| topology.subnet(vnet, &format!("s{i}"), &format!("10.1.{i}.0/24")))
        .collect();
    let nics: Vec<NicId> = subnets
        .iter()
        .enumerate()
        .map(|(i, &subnet)| topology.vm(&format!("vm{i}"), subnet))
        .collect();
    let shared = topology.routes(subnets[2], &[("0.0.0.0/0", UserNextHop::None)]);
    topology
        .network
        .set_subnet_route_table(subnets[3], Some(shared))
        .unwrap();
    let snapshot = topology.compile();
    let fibs: Vec<u32> = nics.iter().map(|&key| nic(&snapshot, key).fib.0).collect();
    assert_eq!(fibs, [0, 0, 1, 1]);
    assert_eq!(snapshot.fibs.len(), 2);
}

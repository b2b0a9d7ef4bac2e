//! The test vectors V-1 to V-25: small networks and what Azure does with them, one test a vector, by the commands that users run.
//!
//! The worked examples of single rules stand in `worked_examples`. Where a crate below holds the same in more detail, this is the
//! place where the whole program is held against it.

use crate::vnetsim::world::{World, row};

/// The network of the exercise with the three `None` rows that it prints.
fn seed() -> World {
    World::example("sales-marketing-research").set("noneRoutes=seed")
}

/// Sales and Marketing with the links that are named.
fn sales_and_marketing(links: &str) -> World {
    World::of(&format!(
        "
defaults: {{ location: northeurope }}
virtualNetworks:
  SalesVNet: {{ addressSpace: 10.1.0.0/16, subnets: {{ Apps: 10.1.1.0/24 }} }}
  MarketingVNet: {{ addressSpace: 10.2.0.0/16, subnets: {{ Apps: 10.2.1.0/24 }} }}
peerings:
{links}
virtualMachines:
  SalesVM: {{ subnet: SalesVNet/Apps }}
  MarketingVM: {{ subnet: MarketingVNet/Apps }}
options: {{ noneRoutes: seed }}
"
    ))
}

/// A hub 10.4/16 with an appliance and a machine, two spokes whose route tables lead 10/8 to the appliance.
const HUB_AND_SPOKES: &str = "
defaults: { location: westeurope }
virtualNetworks:
  Hub: { addressSpace: 10.4.0.0/16, subnets: { Nva: 10.4.0.0/24, Apps: 10.4.1.0/24 } }
  Spoke1: { addressSpace: 10.1.0.0/16, subnets: { Apps: { prefix: 10.1.0.0/24, routeTable: udr } } }
  Spoke2: { addressSpace: 10.2.0.0/16, subnets: { Apps: { prefix: 10.2.0.0/24, routeTable: udr } } }
routeTables:
  udr: { routes: [ { name: nva, prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.4.0.4 } ] }
peerings:
  - { name: hub-spoke1, from: Hub, to: Spoke1 }
  - { name: hub-spoke2, from: Hub, to: Spoke2 }
  - { name: spoke1-hub, from: Spoke1, to: Hub, allowForwardedTraffic: true }
  - { name: spoke2-hub, from: Spoke2, to: Hub, allowForwardedTraffic: true }
virtualMachines:
  nva: { subnet: Hub/Nva, address: 10.4.0.4, ipForwarding: true }
  shared: { subnet: Hub/Apps, address: 10.4.1.9 }
  vm1: { subnet: Spoke1/Apps }
  vm2: { subnet: Spoke2/Apps }
guests: { nva: { role: appliance, snat: false } }
";

fn hub_and_spokes(changes: &[(&str, &str)]) -> World {
    World::changed(HUB_AND_SPOKES, changes)
}

/// A hub with a VPN gateway that two spokes use, and a site behind it.
const TRANSIT: &str = "
defaults: { location: westeurope }
virtualNetworks:
  Hub: { addressSpace: 10.4.0.0/16, subnets: { GatewaySubnet: 10.4.255.0/27, Nva: 10.4.0.0/24 } }
  Spoke1: { addressSpace: 10.1.0.0/16, subnets: { Apps: { prefix: 10.1.0.0/24, routeTable: own } } }
  Spoke2: { addressSpace: 10.2.0.0/16, subnets: { Apps: { prefix: 10.2.0.0/24, routeTable: own } } }
routeTables:
  own: { routes: [] }
publicIPAddresses: { gw-ip: 20.0.0.1 }
virtualNetworkGateways:
  gw: { subnet: Hub/GatewaySubnet, publicIp: gw-ip }
localNetworkGateways:
  branch: { prefixes: [192.168.50.0/24], gatewayAddress: 203.0.113.9 }
connections:
  tunnel: { gateway: gw, site: branch }
onPremises:
  office: { gateway: gw, prefixes: [192.168.50.0/24], hosts: { pc: 192.168.50.10 } }
peerings:
  - { name: hub-spoke1, from: Hub, to: Spoke1, allowGatewayTransit: true }
  - { name: hub-spoke2, from: Hub, to: Spoke2, allowGatewayTransit: true }
  - { name: spoke1-hub, from: Spoke1, to: Hub, useRemoteGateways: true }
  - { name: spoke2-hub, from: Spoke2, to: Hub, useRemoteGateways: true }
virtualMachines:
  nva: { subnet: Hub/Nva, address: 10.4.0.4, ipForwarding: true }
  vm1: { subnet: Spoke1/Apps }
  vm2: { subnet: Spoke2/Apps }
guests: { nva: { role: appliance } }
";

#[test]
fn v01_the_sales_nic_has_own_space_a_local_peer_the_internet_and_three_none_rows() {
    assert_eq!(
        seed().rows("SalesVM"),
        [
            row("Active", "10.1.0.0/16", "VnetLocal"),
            row("Active", "10.2.0.0/16", "VNetPeering"),
            row("Active", "0.0.0.0/0", "Internet"),
            row("Active", "10.0.0.0/8", "None"),
            row("Active", "100.64.0.0/10", "None"),
            row("Active", "192.168.0.0/16", "None"),
        ]
    );
}

#[test]
fn v02_the_marketing_nic_shows_the_global_peer_last() {
    let rows = seed().rows("MarketingVM");
    assert_eq!(
        rows.first(),
        Some(&row("Active", "10.2.0.0/16", "VnetLocal"))
    );
    assert_eq!(rows[1], row("Active", "10.1.0.0/16", "VNetPeering"));
    assert_eq!(
        rows.last(),
        Some(&row("Active", "10.3.0.0/16", "VNetGlobalPeering"))
    );
    assert_eq!(rows.len(), 7);
}

#[test]
fn v03_a_ping_between_peers_arrives_with_its_ttl_unchanged() {
    assert_eq!(seed().ping("SalesVM", "MarketingVM"), Some(64));
}

#[test]
fn v04_sales_does_not_reach_research_and_the_none_row_takes_the_packet_at_the_source() {
    let answer = seed().explain("SalesVM", "ResearchVM", &[]);
    assert_eq!(
        answer.obstacle(),
        ("route-none".into(), "SalesVM/SalesVMVMNic".into())
    );
    assert!(answer.names("10.0.0.0/8"), "{answer:?}");
}

#[test]
fn v05_one_link_alone_is_initiated_gives_no_row_and_lets_nothing_pass() {
    let world = sales_and_marketing("  - { name: s2m, from: SalesVNet, to: MarketingVNet }");
    assert_eq!(world.link("SalesVNet", "s2m")["peeringState"], "Initiated");
    for (from, to) in [("SalesVM", "MarketingVM"), ("MarketingVM", "SalesVM")] {
        let kinds: Vec<String> = world.rows(from).into_iter().map(|row| row.2).collect();
        assert!(!kinds.iter().any(|kind| kind == "VNetPeering"), "{kinds:?}");
        assert_eq!(world.explain(from, to, &[]).obstacle().0, "route-none");
    }
}

#[test]
fn v06_deleting_a_link_disconnects_the_other_which_is_then_in_the_way() {
    let links = "  - { name: s2m, from: SalesVNet, to: MarketingVNet }\n  - { name: m2s, from: MarketingVNet, to: SalesVNet }";
    let world = sales_and_marketing(links);
    assert_eq!(world.ping("SalesVM", "MarketingVM"), Some(64));
    world.change("az network vnet peering delete -n s2m --vnet-name SalesVNet");
    assert_eq!(
        world.link("MarketingVNet", "m2s")["peeringState"],
        "Disconnected"
    );
    let kinds: Vec<String> = world
        .rows("MarketingVM")
        .into_iter()
        .map(|row| row.2)
        .collect();
    assert!(!kinds.iter().any(|kind| kind == "VNetPeering"), "{kinds:?}");
    let message = world.refused(
        "az network vnet peering create -n s2m --vnet-name SalesVNet --remote-vnet MarketingVNet --allow-vnet-access",
    );
    assert!(
        message.contains("(RemotePeeringIsDisconnected)"),
        "{message}"
    );
}

#[test]
fn v07_a_new_prefix_of_a_peer_is_unknown_until_the_link_is_synced() {
    let world = seed();
    world.change(
        "az network vnet update -n MarketingVNet --address-prefixes 10.2.0.0/16 10.11.0.0/16",
    );
    let answer = world.explain("SalesVM", "10.11.0.4", &[]);
    assert_eq!(answer.obstacle().0, "route-none");
    assert!(answer.names("10.0.0.0/8"), "{answer:?}");
    for (vnet, level) in [
        ("MarketingVNet", "RemoteNotInSync"),
        ("SalesVNet", "LocalNotInSync"),
        ("ResearchVNet", "LocalNotInSync"),
    ] {
        for link in world.links(vnet) {
            assert_eq!(link["peeringSyncLevel"], level, "{vnet}");
            assert_eq!(link["peeringState"], "Connected", "{vnet}");
        }
    }
    world
        .change("az network vnet peering sync -n SalesVNet-To-MarketingVNet --vnet-name SalesVNet");
    assert!(
        world
            .rows("SalesVM")
            .contains(&row("Active", "10.11.0.0/16", "VNetPeering"))
    );
    assert_eq!(
        world.link("SalesVNet", "SalesVNet-To-MarketingVNet")["peeringSyncLevel"],
        "FullyInSync"
    );
    // Nobody has the address yet, so it is the right network that says so.
    let answer = world.explain("SalesVM", "10.11.0.4", &[]);
    assert_eq!(answer.obstacle().0, "no-such-host");
}

#[test]
fn v08_spokes_talk_through_the_appliance_if_their_own_links_let_forwarded_traffic_in() {
    let world = hub_and_spokes(&[]);
    assert_eq!(world.ping("vm1", "vm2"), Some(63));
    assert_eq!(world.ping("vm2", "vm1"), Some(63));
    assert_eq!(world.hops("vm1", "vm2"), ["10.4.0.4", "10.2.0.4"]);
}

#[test]
fn v09_without_the_flag_on_spoke2s_link_requests_and_replies_die_entering_spoke2() {
    let world = hub_and_spokes(&[(
        "from: Spoke2, to: Hub, allowForwardedTraffic: true",
        "from: Spoke2, to: Hub",
    )]);
    let there = world.explain("vm1", "vm2", &[]);
    assert_eq!(
        (there.verdict(), there.obstacle().0.as_str()),
        ("unreachable", "peering-forwarded-blocked")
    );
    assert!(there.names("spoke2-hub"), "{there:?}");
    let back = world.explain("vm2", "vm1", &[]);
    assert_eq!(
        (back.verdict(), back.obstacle().0.as_str()),
        ("forward-only", "peering-forwarded-blocked")
    );
    assert!(back.names("spoke2-hub"), "{back:?}");
}

#[test]
fn v10_an_appliance_that_puts_its_own_address_needs_no_flag() {
    let world = hub_and_spokes(&[
        (
            "from: Spoke1, to: Hub, allowForwardedTraffic: true",
            "from: Spoke1, to: Hub",
        ),
        (
            "from: Spoke2, to: Hub, allowForwardedTraffic: true",
            "from: Spoke2, to: Hub",
        ),
        ("snat: false", "snat: true"),
    ]);
    assert!(world.ping("vm1", "vm2").is_some());
    assert!(world.ping("vm2", "vm1").is_some());
}

#[test]
fn v11_without_ip_forwarding_the_packet_dies_at_the_nic_of_the_appliance() {
    let world = hub_and_spokes(&[("ipForwarding: true", "ipForwarding: false")]);
    assert_eq!(
        world.explain("vm1", "vm2", &[]).obstacle(),
        ("not-owner-no-forwarding".into(), "nva/nvaVMNic".into())
    );
}

#[test]
fn v12_a_machine_of_the_hub_is_reached_directly_past_a_wider_user_route() {
    let world = hub_and_spokes(&[]);
    assert_eq!(
        world.next_hop("vm1", "10.4.1.9"),
        ("VNetPeering".to_owned(), None)
    );
    assert_eq!(world.ping("vm1", "shared"), Some(64));
    assert_eq!(world.hops("vm1", "shared"), ["10.4.1.9"]);
}

#[test]
fn v13_a_default_route_to_an_appliance_takes_the_internet_row_and_all_none_rows() {
    let world = hub_and_spokes(&[("prefix: 10.0.0.0/8", "prefix: 0.0.0.0/0")]);
    assert_eq!(
        world.rows("vm1"),
        [
            row("Active", "10.1.0.0/16", "VnetLocal"),
            row("Active", "10.4.0.0/16", "VNetPeering"),
            row("Invalid", "0.0.0.0/0", "Internet"),
            row("Active", "0.0.0.0/0", "VirtualAppliance"),
        ]
    );
    assert_eq!(
        world.next_hop("vm1", "10.99.0.1"),
        ("VirtualAppliance".to_owned(), Some("10.4.0.4".to_owned()))
    );
}

#[test]
fn v14_a_user_route_equal_to_a_none_row_replaces_that_row_alone() {
    let rows = hub_and_spokes(&[]).set("noneRoutes=seed").rows("vm1");
    let none: Vec<&str> = rows
        .iter()
        .filter(|row| row.2 == "None")
        .map(|row| row.1.as_str())
        .collect();
    assert_eq!(none, ["100.64.0.0/10", "192.168.0.0/16"]);
    assert!(rows.contains(&row("Active", "10.0.0.0/8", "VirtualAppliance")));
}

#[test]
fn v15_a_user_route_to_none_with_the_prefix_of_a_peer_makes_that_row_invalid_and_drops() {
    let world = hub_and_spokes(&[(
        "prefix: 10.0.0.0/8, nextHop: VirtualAppliance 10.4.0.4",
        "prefix: 10.4.0.0/16, nextHop: None",
    )]);
    assert!(
        world
            .rows("vm1")
            .contains(&row("Invalid", "10.4.0.0/16", "VNetPeering"))
    );
    assert_eq!(
        world.explain("vm1", "shared", &[]).obstacle(),
        ("route-none".into(), "vm1/vm1VMNic".into())
    );
}

#[test]
fn v16_what_lies_in_own_space_stays_local_whatever_bgp_says_and_wider_routes_lead_to_the_gateway() {
    let world = World::of(
        "
virtualNetworks:
  Net: { addressSpace: 10.1.0.0/16, subnets: { GatewaySubnet: 10.1.255.0/27, Apps: 10.1.0.0/24 } }
publicIPAddresses: { gw-ip: 20.0.0.1 }
virtualNetworkGateways:
  gw: { subnet: Net/GatewaySubnet, publicIp: gw-ip, bgp: true }
localNetworkGateways:
  branch: { gatewayAddress: 203.0.113.9, bgpAddress: 192.168.255.1, asn: 65010 }
connections:
  tunnel: { gateway: gw, site: branch, bgp: true }
learnedRoutes:
  gw: [ { network: 10.1.5.0/24, nextHop: 192.168.255.1, asPath: '65010' }, { network: 10.0.0.0/8, nextHop: 192.168.255.1, asPath: '65010' } ]
virtualMachines:
  vm: { subnet: Net/Apps }
",
    );
    assert_eq!(world.next_hop("vm", "10.1.5.7").0, "VnetLocal");
    assert_eq!(world.next_hop("vm", "10.50.0.1").0, "VirtualNetworkGateway");
}

#[test]
fn v17_a_spoke_with_transit_sees_the_site_at_the_public_address_of_the_gateway_unless_propagation_is_off()
 {
    let world = World::of(TRANSIT);
    let site = |world: &World| world.hop_addresses("vm1", "192.168.50.0/24");
    assert_eq!(site(&world), Some(vec!["20.0.0.1".to_owned()]));
    assert!(
        world
            .rows("vm1")
            .contains(&row("Active", "192.168.50.0/24", "VirtualNetworkGateway"))
    );
    let off = World::changed(
        TRANSIT,
        &[(
            "own: { routes: [] }",
            "own: { routes: [], disableBgpRoutePropagation: true }",
        )],
    );
    assert_eq!(site(&off), None);
}

#[test]
fn v18_user_routes_to_the_gateway_join_the_spokes_through_it_whatever_the_forwarded_flags() {
    let routes = (
        "own: { routes: [] }",
        "own: { routes: [ { name: spokes, prefix: 10.0.0.0/8, nextHop: VirtualNetworkGateway } ] }",
    );
    let open = (
        "useRemoteGateways: true",
        "useRemoteGateways: true, allowForwardedTraffic: true",
    );
    for changes in [&[routes][..], &[routes, open]] {
        for reading in ["documented", "observed"] {
            let world =
                World::changed(TRANSIT, changes).set(&format!("forwardedTraffic={reading}"));
            for (from, to) in [("vm1", "vm2"), ("vm2", "vm1")] {
                // A machine answers with 64, and the gateway takes one from it.
                assert_eq!(world.ping(from, to), Some(63), "{from} {to} {reading}");
            }
        }
    }
}

#[test]
fn v19_without_user_routes_spokes_do_not_learn_each_other_from_the_gateway() {
    let world = World::of(TRANSIT);
    let rows = world.rows("vm1");
    assert!(
        !rows.iter().any(|row| row.1.starts_with("10.2.")),
        "{rows:?}"
    );
    assert_eq!(
        world.explain("vm1", "vm2", &[]).obstacle(),
        ("route-none".into(), "vm1/vm1VMNic".into())
    );
}

#[test]
fn v20_two_spokes_of_one_hub_must_not_have_the_same_space() {
    let world = World::of(
        "
virtualNetworks:
  Hub: { addressSpace: 10.0.0.0/16 }
  One: { addressSpace: 10.1.0.0/16 }
  Two: { addressSpace: 10.1.0.0/16 }
",
    );
    let create = "peering create --vnet-name Hub --remote-vnet";
    world.change(&format!(
        "{create} One --name hub-one --both --remote-name one-hub"
    ));
    for refused in [
        format!("{create} Two --name hub-two"),
        "peering create --vnet-name Two --remote-vnet Hub --name two-hub".to_owned(),
    ] {
        let message = world.refused(&refused);
        assert!(
            message.contains("(VnetAddressSpaceOverlapsWithAlreadyPeeredVnet)"),
            "{message}"
        );
    }
}

#[test]
fn v21_a_remote_gateway_is_offered_before_it_is_used() {
    let world = World::changed(
        TRANSIT,
        &[
            (
                "to: Spoke1, allowGatewayTransit: true",
                "to: Spoke1, allowGatewayTransit: false",
            ),
            ("to: Hub, useRemoteGateways: true", "to: Hub"),
        ],
    );
    let update = "peering update --vnet-name Spoke1 --name spoke1-hub --use-remote-gateways";
    let message = world.refused(update);
    assert!(
        message.contains(
            "cannot have UseRemoteGateways flag set to true, because corresponding remote peering"
        ) && message.contains("has AllowGatewayTransit flag set to false"),
        "{message}"
    );
    world.change("peering update --vnet-name Hub --name hub-spoke1 --allow-gateway-transit");
    world.change(update);
}

#[test]
fn v22_rows_of_a_subnet_peering_reach_subnets_outside_of_it_and_their_packets_do_not_get_in() {
    let world = World::of(
        "
virtualNetworks:
  Left: { addressSpace: 10.0.0.0/16, subnets: { subnet0: 10.0.0.0/24, subnet1: 10.0.1.0/24 } }
  Right: { addressSpace: 10.1.0.0/16, subnets: { subnet0: 10.1.0.0/24, subnet1: 10.1.1.0/24, subnet2: 10.1.2.0/24 } }
peerings:
  - { name: l2r, from: Left, to: Right, peerCompleteVnets: false, localSubnetNames: [subnet1], remoteSubnetNames: [subnet0, subnet2] }
  - { name: r2l, from: Right, to: Left, peerCompleteVnets: false, localSubnetNames: [subnet0, subnet2], remoteSubnetNames: [subnet1] }
virtualMachines:
  outside: { subnet: Left/subnet0 }
  inside: { subnet: Left/subnet1 }
  target: { subnet: Right/subnet0 }
",
    );
    let rows = world.rows("outside");
    for prefix in ["10.1.0.0/24", "10.1.2.0/24"] {
        assert!(
            rows.contains(&row("Active", prefix, "VNetPeering")),
            "{rows:?}"
        );
    }
    assert!(
        !rows.iter().any(|row| row.1 == "10.1.1.0/24"),
        "what is not peered is no row: {rows:?}"
    );
    assert_eq!(
        world.explain("outside", "target", &[]).obstacle().0,
        "source-prefix-not-peered"
    );
    assert_eq!(world.ping("outside", "target"), None);
    assert_eq!(world.ping("inside", "target"), Some(64));
}

#[test]
fn v23_a_false_access_flag_blocks_both_ways_at_its_own_side_unless_rules_allow() {
    let network = |rules: &str| {
        World::of(&format!(
            "
virtualNetworks:
  Sales: {{ addressSpace: 10.1.0.0/16, subnets: {{ Apps: 10.1.1.0/24 }} }}
  Marketing: {{ addressSpace: 10.2.0.0/16, subnets: {{ Apps: 10.2.1.0/24 }} }}
peerings:
  - {{ name: s2m, from: Sales, to: Marketing, allowVirtualNetworkAccess: false }}
  - {{ name: m2s, from: Marketing, to: Sales }}
networkSecurityGroups:
  sales-nsg: {{ securityRules: [{rules}] }}
  marketing-nsg: {{}}
virtualMachines:
  SalesVM: {{ subnet: Sales/Apps, nsg: sales-nsg }}
  MarketingVM: {{ subnet: Marketing/Apps, nsg: marketing-nsg }}
"
        ))
    };
    let world = network("");
    for (from, to, rule) in [
        ("SalesVM", "MarketingVM", "DenyAllOutBound"),
        ("MarketingVM", "SalesVM", "DenyAllInBound"),
    ] {
        let answer = world.explain(from, to, &[]);
        assert_eq!(
            answer.obstacle(),
            ("nsg-deny".into(), "SalesVM/SalesVMVMNic".into())
        );
        assert!(answer.names(rule), "{answer:?}");
    }
    let allowed = network(
        "{ name: out, priority: 100, direction: Outbound, access: Allow, destination: 10.2.0.0/16 },
         { name: in, priority: 100, direction: Inbound, access: Allow, source: 10.2.0.0/16 }",
    );
    assert_eq!(allowed.ping("SalesVM", "MarketingVM"), Some(64));
    assert_eq!(allowed.ping("MarketingVM", "SalesVM"), Some(64));
    for world in [world, allowed] {
        assert!(
            world
                .rows("SalesVM")
                .contains(&row("Active", "10.2.0.0/16", "VNetPeering"))
        );
    }
}

#[test]
fn v24_gre_between_peers_is_not_carried_and_nobody_says_so() {
    use ::vnetsim::dataplane::flow::FlowTable;
    use ::vnetsim::dataplane::guest::Guests;
    use ::vnetsim::dataplane::packet::{Envelope, Packet};
    use ::vnetsim::dataplane::pipeline::{Outcome, Pipeline, Position};
    use ::vnetsim::dataplane::time::SimTime;

    let links = "  - { name: s2m, from: SalesVNet, to: MarketingVNet }\n  - { name: m2s, from: MarketingVNet, to: SalesVNet }";
    let network = sales_and_marketing(links).load();
    let snapshot = ::vnetsim::control::compile(&network);
    let nic_of = |name: &str| {
        let mut nics = network.nics().iter();
        let found = nics.find(|(_, nic)| nic.id.name() == name);
        let (key, nic) = found.expect("a NIC of the exercise");
        (key, nic.primary_address())
    };
    let (from, source) = nic_of("SalesVMVMNic");
    let (_, destination) = nic_of("MarketingVMVMNic");
    let envelope = Envelope::new(source, destination);
    let mut packet = Packet::other(envelope, 47, &[0; 8]).expect("a GRE packet");
    let (mut pairs, mut guests) = (FlowTable::default(), Guests::without_rate_limits());
    let mut recorder = ();
    let mut pipeline = Pipeline::new(
        &snapshot,
        &mut pairs,
        &mut guests,
        &mut recorder,
        SimTime::ZERO,
    );
    let Outcome::Dropped { nic, dropped } = pipeline.walk(Position::Leaving(from), &mut packet)
    else {
        panic!("a GRE packet arrived");
    };
    assert_eq!((nic, dropped.reason().name()), (from, "fabric-protocol"));
    assert!(pipeline.spawned.is_empty(), "the fabric is silent");
}

#[test]
fn v25_what_a_gateway_subnet_leads_through_an_appliance_needs_the_flag_or_a_live_gateway_in_use() {
    let through = [
        (
            "GatewaySubnet: 10.4.255.0/27",
            "GatewaySubnet: { prefix: 10.4.255.0/27, routeTable: inward }",
        ),
        (
            "own: { routes: [] }",
            "own: { routes: [] }\n  inward: { routes: [ { name: spoke, prefix: 10.1.0.0/16, nextHop: VirtualAppliance 10.4.0.4 } ] }",
        ),
    ];
    let documented = World::changed(TRANSIT, &through).set("forwardedTraffic=documented");
    let answer = documented.explain("pc", "vm1", &[]);
    assert_eq!(answer.obstacle().0, "peering-forwarded-blocked");
    assert!(answer.names("spoke1-hub"), "{answer:?}");
    assert_eq!(documented.ping("pc", "vm1"), None);
    let observed = World::changed(TRANSIT, &through);
    assert!(observed.ping("pc", "vm1").is_some());
    for reading in ["documented", "observed"] {
        let direct = World::of(TRANSIT).set(&format!("forwardedTraffic={reading}"));
        assert!(direct.ping("pc", "vm1").is_some(), "{reading}");
        assert!(direct.ping("vm1", "pc").is_some(), "{reading}");
    }
}

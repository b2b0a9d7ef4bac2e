//! Service tags: what `VirtualNetwork` and `Internet` mean to a NIC (T-1 to T-7).

use control::snapshot::Snapshot;
use model::options::{InternetTag, UdrInVnetTag};
use model::{Direction, GatewayType, NicId, UserNextHop};

use crate::topology::{Topology, appliance, decided, flags, ip, nets, nic, tag, tcp};

const HOST: &str = "168.63.129.16/32";

#[test]
fn the_tag_holds_own_space_open_peers_gateway_prefixes_user_routes_and_the_host() {
    // T-1, F-2, F-5
    let mut topology = Topology::of_the_exercise();
    let (hub, subnet, vm) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let gateway = topology.gateway("gw", hub, "10.0.255.0/27", GatewayType::Vpn, &[None]);
    topology.learned(gateway, &["192.168.50.0/24"]);
    let (open, _, _) = topology.site("open", "westus", "10.2.0.0/16");
    let (shut, _, _) = topology.site("shut", "northeurope", "10.4.0.0/16");
    let (waiting, _, _) = topology.site("waiting", "northeurope", "10.6.0.0/16");
    topology.peer(hub, open);
    topology.link(hub, shut, flags(&[]));
    topology.link(shut, hub, flags(&["access"]));
    topology.link(hub, waiting, flags(&["access"]));
    topology.routes(subnet, &[("172.16.0.0/16", UserNextHop::None)]);
    let snapshot = topology.compile();
    assert_eq!(
        tag(&snapshot, vm),
        format!("10.0.0.0/16, 10.2.0.0/16, {HOST}, 172.16.0.0/16, 192.168.50.0/24")
    );
}

#[test]
fn neighbouring_prefixes_are_printed_as_one() {
    // Two peered networks, as recorded from the service in a public lab: 10.0.0.0/15.
    let mut topology = Topology::of_the_exercise();
    let (hub, _, vm) = topology.site("hub", "northeurope", "10.1.0.0/16");
    let (spoke, _, _) = topology.site("spoke", "northeurope", "10.0.0.0/16");
    topology.peer(hub, spoke);
    assert_eq!(tag(&topology.compile(), vm), format!("10.0.0.0/15, {HOST}"));
}

#[test]
fn a_default_route_makes_the_tag_everything() {
    // T-3: by a user, whatever its next hop, and by BGP.
    for next_hop in [
        appliance("10.0.0.4"),
        UserNextHop::None,
        UserNextHop::Internet,
    ] {
        let mut topology = Topology::of_the_exercise();
        let (_, subnet, vm) = topology.site("v", "northeurope", "10.0.0.0/16");
        topology.routes(subnet, &[("0.0.0.0/0", next_hop)]);
        assert_eq!(tag(&topology.compile(), vm), "0.0.0.0/0");
    }
    let mut topology = Topology::of_the_exercise();
    let (hub, _, vm) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let gateway = topology.gateway("gw", hub, "10.0.255.0/27", GatewayType::Vpn, &[None]);
    topology.learned(gateway, &["0.0.0.0/0"]);
    assert_eq!(tag(&topology.compile(), vm), "0.0.0.0/0");
}

#[test]
fn user_routes_may_be_held_to_appliances_and_gateways() {
    // T-3, udrInVnetTag
    let mut topology = Topology::of_the_exercise();
    let (_, subnet, vm) = topology.site("v", "northeurope", "10.0.0.0/16");
    topology.routes(
        subnet,
        &[
            ("172.16.0.0/16", appliance("10.0.0.4")),
            ("172.18.0.0/16", UserNextHop::VirtualNetworkGateway),
            ("172.20.0.0/16", UserNextHop::None),
            ("20.0.0.0/16", UserNextHop::Internet),
        ],
    );
    topology.network.options.udr_in_vnet_tag = UdrInVnetTag::ApplianceAndGateway;
    assert_eq!(
        tag(&topology.compile(), vm),
        format!("10.0.0.0/16, {HOST}, 172.16.0.0/16, 172.18.0.0/16")
    );
}

#[test]
fn a_subnet_without_propagation_knows_no_gateway_prefix() {
    let mut topology = Topology::of_the_exercise();
    let (hub, subnet, vm) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let gateway = topology.gateway("gw", hub, "10.0.255.0/27", GatewayType::Vpn, &[None]);
    topology.learned(gateway, &["192.168.50.0/24"]);
    topology.routes_with(subnet, &[], true);
    assert_eq!(tag(&topology.compile(), vm), format!("10.0.0.0/16, {HOST}"));
}

#[test]
fn a_gateway_prefix_that_a_user_route_has_taken_counts_as_that_user_route() {
    // T-1 c follows the rows in force: the gateway's is Invalid, and the user's does not count under this option.
    let mut topology = Topology::of_the_exercise();
    let (hub, subnet, vm) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let gateway = topology.gateway("gw", hub, "10.0.255.0/27", GatewayType::Vpn, &[None]);
    topology.learned(gateway, &["192.168.50.0/24", "192.168.60.0/24"]);
    topology.routes(subnet, &[("192.168.50.0/24", UserNextHop::None)]);
    topology.network.options.udr_in_vnet_tag = UdrInVnetTag::ApplianceAndGateway;
    assert_eq!(
        tag(&topology.compile(), vm),
        format!("10.0.0.0/16, {HOST}, 192.168.60.0/24")
    );
}

#[test]
fn the_recorded_internet_tag_has_257_prefixes_whatever_the_network() {
    // T-6
    let mut topology = Topology::of_the_exercise();
    let (_, subnet, vm) = topology.site("v", "northeurope", "10.0.0.0/16");
    topology.routes(subnet, &[("0.0.0.0/0", appliance("10.0.0.4"))]);
    let snapshot = topology.compile();
    let internet = &snapshot.tags_of(nic(&snapshot, vm)).internet;
    let prefixes: Vec<String> = internet
        .prefixes()
        .map(|prefix| prefix.to_string())
        .collect();
    assert_eq!(prefixes.len(), 257);
    assert_eq!(
        prefixes[..7],
        [
            "1.0.0.0/8",
            "2.0.0.0/7",
            "4.0.0.0/6",
            "8.0.0.0/7",
            "11.0.0.0/8",
            "12.0.0.0/8",
            "13.0.0.0/10"
        ]
    );
    assert!(internet.contains(ip("168.63.129.16")) && internet.contains(ip("13.107.21.200")));
    assert!(!internet.contains(ip("172.31.0.100")) && !internet.contains(ip("20.35.252.1")));
}

#[test]
fn the_internet_tag_of_the_formula_is_public_space_without_the_own_tag() {
    // T-6, internetTag: the cover of public space has 74 prefixes; the user route takes 20.0.0.0/8 out.
    let mut topology = Topology::of_the_exercise();
    topology.network.options.internet_tag = InternetTag::MinusVirtualNetwork;
    let (_, _, plain) = topology.site("plain", "northeurope", "10.0.0.0/16");
    let (_, subnet, routed) = topology.site("routed", "northeurope", "10.1.0.0/16");
    topology.routes(subnet, &[("20.0.0.0/8", UserNextHop::None)]);
    let (_, subnet, defaulted) = topology.site("defaulted", "northeurope", "10.2.0.0/16");
    topology.routes(subnet, &[("0.0.0.0/0", UserNextHop::None)]);
    let snapshot = topology.compile();
    let internet = |vm| &snapshot.tags_of(nic(&snapshot, vm)).internet;
    assert_eq!(internet(plain).prefixes().count(), 74);
    assert!(internet(plain).contains(ip("20.1.1.1")) && !internet(routed).contains(ip("20.1.1.1")));
    assert!(!internet(plain).contains(ip("168.63.129.16")));
    assert!(internet(defaulted).is_empty());
}

/// What the group of a NIC says of a new TCP connection.
fn verdict(
    snapshot: &Snapshot,
    vm: NicId,
    direction: Direction,
    source: &str,
    destination: &str,
) -> String {
    decided(snapshot, vm, direction, tcp(source, destination, 443))
}

#[test]
fn the_tag_differs_between_subnets_of_one_network() {
    // T-2, worked: the client's subnet has a user route, the router's has none.
    let mut topology = Topology::of_the_exercise();
    let vnet = topology.vnet("v", "northeurope", &["10.0.0.0/24"]);
    let clients = topology.subnet(vnet, "clients", "10.0.0.8/29");
    let routers = topology.subnet(vnet, "routers", "10.0.0.0/29");
    let (client, router) = (
        topology.vm("client", clients),
        topology.vm("router", routers),
    );
    let group = topology.group("default", Vec::new());
    topology
        .network
        .set_subnet_security_group(clients, Some(group));
    topology
        .network
        .set_subnet_security_group(routers, Some(group));
    topology.routes(clients, &[("10.50.0.0/16", appliance("10.0.0.4"))]);
    let snapshot = topology.compile();
    assert_eq!(
        verdict(
            &snapshot,
            client,
            Direction::Outbound,
            "10.0.0.12",
            "10.50.1.1"
        ),
        "Allow AllowVnetOutBound"
    );
    assert_eq!(
        verdict(
            &snapshot,
            router,
            Direction::Inbound,
            "10.0.0.12",
            "10.50.1.1"
        ),
        "Deny DenyAllInBound"
    );

    // The same route on the router's subnet mends it.
    let table = topology.network.subnets()[clients].route_table;
    topology
        .network
        .set_subnet_route_table(routers, table)
        .unwrap();
    let snapshot = topology.compile();
    assert_eq!(
        verdict(
            &snapshot,
            router,
            Direction::Inbound,
            "10.0.0.12",
            "10.50.1.1"
        ),
        "Allow AllowVnetInBound"
    );
}

#[test]
fn a_spoke_admits_another_spoke_only_because_of_its_own_return_route() {
    // T-2, T-5: spoke to spoke over an appliance in the hub.
    let mut topology = Topology::of_the_exercise();
    let (hub, hub_subnet, nva) = topology.site("hub", "northeurope", "10.0.0.0/16");
    let (spoke1, subnet1, vm1) = topology.site("spoke1", "northeurope", "10.1.0.0/16");
    let (spoke2, subnet2, vm2) = topology.site("spoke2", "northeurope", "10.2.0.0/16");
    topology.peer(hub, spoke1);
    topology.peer(hub, spoke2);
    let group = topology.group("default", Vec::new());
    for subnet in [hub_subnet, subnet1, subnet2] {
        topology
            .network
            .set_subnet_security_group(subnet, Some(group));
    }
    topology.routes(subnet1, &[("10.2.0.0/16", appliance("10.0.0.4"))]);
    let ends = ("10.1.0.4", "10.2.0.4");
    let snapshot = topology.compile();
    assert_eq!(
        verdict(&snapshot, vm1, Direction::Outbound, ends.0, ends.1),
        "Allow AllowVnetOutBound"
    );
    assert_eq!(
        verdict(&snapshot, nva, Direction::Inbound, ends.0, ends.1),
        "Allow AllowVnetInBound"
    );
    assert_eq!(
        verdict(&snapshot, nva, Direction::Outbound, ends.0, ends.1),
        "Allow AllowVnetOutBound"
    );
    assert_eq!(
        verdict(&snapshot, vm2, Direction::Inbound, ends.0, ends.1),
        "Deny DenyAllInBound"
    );

    topology.routes(subnet2, &[("10.1.0.0/16", appliance("10.0.0.4"))]);
    assert_eq!(
        verdict(&topology.compile(), vm2, Direction::Inbound, ends.0, ends.1),
        "Allow AllowVnetInBound"
    );
}

#[test]
fn an_appliance_on_the_way_to_the_internet_needs_a_rule_of_its_own() {
    // T-2, last case; T-3: the client's default route lets everything in.
    let mut topology = Topology::of_the_exercise();
    let vnet = topology.vnet("v", "northeurope", &["10.0.0.0/16"]);
    let clients = topology.subnet(vnet, "clients", "10.0.0.0/24");
    let routers = topology.subnet(vnet, "routers", "10.0.1.0/24");
    let (client, nva) = (topology.vm("client", clients), topology.vm("nva", routers));
    let group = topology.group("default", Vec::new());
    topology
        .network
        .set_subnet_security_group(clients, Some(group));
    topology
        .network
        .set_subnet_security_group(routers, Some(group));
    topology.routes(clients, &[("0.0.0.0/0", appliance("10.0.1.4"))]);
    let snapshot = topology.compile();
    assert_eq!(
        verdict(
            &snapshot,
            client,
            Direction::Outbound,
            "10.0.0.4",
            "8.8.8.8"
        ),
        "Allow AllowVnetOutBound"
    );
    assert_eq!(
        verdict(&snapshot, client, Direction::Inbound, "8.8.8.8", "10.0.0.4"),
        "Allow AllowVnetInBound"
    );
    assert_eq!(
        verdict(&snapshot, nva, Direction::Inbound, "10.0.0.4", "8.8.8.8"),
        "Deny DenyAllInBound"
    );
    assert_eq!(
        verdict(&snapshot, nva, Direction::Outbound, "10.0.0.4", "8.8.8.8"),
        "Allow AllowInternetOutBound"
    );
}

#[test]
fn a_false_access_flag_blocks_new_connections_both_ways_at_its_own_side() {
    // T-4, F-3, V-23: the four rows of the table; rows of routes stay throughout.
    for (a_open, b_open) in [(true, true), (false, true), (true, false), (false, false)] {
        let mut topology = Topology::of_the_exercise();
        let (a, a_subnet, a_vm) = topology.site("a", "northeurope", "10.1.0.0/16");
        let (b, b_subnet, b_vm) = topology.site("b", "northeurope", "10.2.0.0/16");
        let group = topology.group("default", Vec::new());
        topology
            .network
            .set_subnet_security_group(a_subnet, Some(group));
        topology
            .network
            .set_subnet_security_group(b_subnet, Some(group));
        let open = |open: bool| flags(if open { &["access"] } else { &[] });
        topology.link(a, b, open(a_open));
        topology.link(b, a, open(b_open));
        let snapshot = topology.compile();
        let (a_to_b, b_to_a) = (("10.1.0.4", "10.2.0.4"), ("10.2.0.4", "10.1.0.4"));
        let say = |vm, direction, (from, to)| verdict(&snapshot, vm, direction, from, to);
        let outbound = |open: bool| {
            if open {
                "Allow AllowVnetOutBound"
            } else {
                "Deny DenyAllOutBound"
            }
        };
        let inbound = |open: bool| {
            if open {
                "Allow AllowVnetInBound"
            } else {
                "Deny DenyAllInBound"
            }
        };
        assert_eq!(say(a_vm, Direction::Outbound, a_to_b), outbound(a_open));
        assert_eq!(say(b_vm, Direction::Inbound, a_to_b), inbound(b_open));
        assert_eq!(say(b_vm, Direction::Outbound, b_to_a), outbound(b_open));
        assert_eq!(say(a_vm, Direction::Inbound, b_to_a), inbound(a_open));
        for vm in [a_vm, b_vm] {
            assert!(
                crate::topology::table(&snapshot, vm)
                    .iter()
                    .any(|row| row.ends_with("VNetPeering"))
            );
        }
    }
}

#[test]
fn a_shut_peer_in_public_space_is_reached_as_the_internet() {
    // T-4, last sentence
    let mut topology = Topology::of_the_exercise();
    let (a, a_subnet, a_vm) = topology.site("a", "northeurope", "10.1.0.0/16");
    let (b, _, _) = topology.site("b", "northeurope", "11.2.0.0/16");
    let group = topology.group("default", Vec::new());
    topology
        .network
        .set_subnet_security_group(a_subnet, Some(group));
    topology.link(a, b, flags(&[]));
    topology.link(b, a, flags(&["access"]));
    let snapshot = topology.compile();
    assert_eq!(
        verdict(&snapshot, a_vm, Direction::Outbound, "10.1.0.4", "11.2.0.4"),
        "Allow AllowInternetOutBound"
    );
}

#[test]
fn class_bits_agree_with_the_sets_they_stand_for() {
    use control::snapshot::{AZURE_LOAD_BALANCER, INTERNET, VIRTUAL_NETWORK};
    let mut topology = Topology::of_the_exercise();
    let (_, subnet, vm) = topology.site("v", "northeurope", "10.0.0.0/16");
    topology.routes(
        subnet,
        &[
            ("20.0.0.0/7", UserNextHop::None),
            ("255.255.255.0/24", UserNextHop::None),
        ],
    );
    let snapshot = topology.compile();
    let view = snapshot.tags_of(nic(&snapshot, vm));
    let edges = nets(&[
        "0.0.0.0/8",
        "10.0.0.0/16",
        "20.0.0.0/7",
        "168.63.129.16/32",
        "223.0.0.0/8",
        "255.255.255.0/24",
    ]);
    for prefix in edges {
        let (first, last) = (u32::from(prefix.network()), u32::from(prefix.broadcast()));
        for address in
            [first.wrapping_sub(1), first, last, last.wrapping_add(1)].map(std::net::Ipv4Addr::from)
        {
            let bit = |set: bool, bit: u8| u32::from(set) << bit;
            let expected = bit(view.virtual_network.contains(address), VIRTUAL_NETWORK)
                | bit(view.internet.contains(address), INTERNET)
                | bit(address == ip("168.63.129.16"), AZURE_LOAD_BALANCER);
            assert_eq!(view.classes.lookup(address), expected, "{address}");
        }
    }
}

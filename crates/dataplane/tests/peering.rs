//! Boundaries between networks: P-2 to P-8, F-4, F-6 to F-9a, N-6, N-8.

use model::options::VnetAccessWithoutNsg;
use model::{Access, Direction, Guest, PeeringScope};

use crate::world::{Site, World, appliance, flags, hub_and_spokes, ip, rule};

/// Sales and Marketing, Marketing and Research are peered.
fn exercise() -> (World, [Site; 3]) {
    let mut world = World::new();
    let sales = world.site("SalesVNet", "10.1.0.0/16");
    let marketing = world.site("MarketingVNet", "10.2.0.0/16");
    let research = world.site("ResearchVNet", "10.3.0.0/16");
    world.peer(sales.vnet, marketing.vnet);
    world.peer(marketing.vnet, research.vnet);
    (world, [sales, marketing, research])
}

#[test]
fn peered_machines_reach_each_other_and_the_fabric_leaves_the_ttl_alone() {
    // V-3
    let (mut world, [sales, marketing, research]) = exercise();
    for (from, to) in [
        (sales, marketing),
        (marketing, sales),
        (marketing, research),
    ] {
        let trip = world.ping(from.nic, to.nic);
        assert_eq!(trip.there.visited, [to.nic]);
        assert_eq!(trip.ttl(), Some(64));
    }
}

#[test]
fn peering_is_not_transitive() {
    // V-4
    let (mut world, [sales, _, research]) = exercise();
    let trip = world.ping(sales.nic, research.nic);
    assert_eq!(
        world.stories(&trip).0,
        "SalesVNetVMNic: route-none at row 10.0.0.0/8 None"
    );
}

#[test]
fn one_link_alone_carries_nothing_in_either_direction() {
    // V-5
    let mut world = World::new();
    let sales = world.site("SalesVNet", "10.1.0.0/16");
    let marketing = world.site("MarketingVNet", "10.2.0.0/16");
    world.link(sales.vnet, marketing.vnet, flags(&["access"]));
    for (from, to, nic) in [
        (sales, marketing, "SalesVNetVMNic"),
        (marketing, sales, "MarketingVNetVMNic"),
    ] {
        let trip = world.ping(from.nic, to.nic);
        assert_eq!(
            world.stories(&trip).0,
            format!("{nic}: route-none at row 10.0.0.0/8 None")
        );
    }
}

#[test]
fn a_user_route_with_a_peerings_prefix_and_next_hop_none_drops() {
    // V-15
    let (mut world, [sales, marketing, _]) = exercise();
    world.routes(sales.subnet, &[("10.2.0.0/16", model::UserNextHop::None)]);
    let trip = world.ping(sales.nic, marketing.nic);
    assert_eq!(
        world.stories(&trip).0,
        "SalesVNetVMNic: route-none at row 10.2.0.0/16 None (rt0/route0)"
    );
}

#[test]
fn a_subnet_outside_a_subnet_peering_sends_but_is_not_let_in() {
    // V-22
    let mut world = World::new();
    let left = world.vnet("left", &["10.1.0.0/16"]);
    let right = world.vnet("right", &["10.2.0.0/16"]);
    let outside = world.subnet(left, "subnet0", "10.1.0.0/24");
    let inside = world.subnet(left, "subnet1", "10.1.1.0/24");
    let target = world.subnet(right, "subnet0", "10.2.0.0/24");
    let [outside, inside, target] = [("a", outside), ("b", inside), ("c", target)]
        .map(|(name, subnet)| world.vm(name, subnet).0);
    let scope = |local: &str, remote: &str| PeeringScope::Subnets {
        local: vec![local.to_owned()],
        remote: vec![remote.to_owned()],
        only_ipv6: false,
    };
    for (from, to, scope) in [
        (left, right, scope("subnet1", "subnet0")),
        (right, left, scope("subnet0", "subnet1")),
    ] {
        let remote = world.network.virtual_networks()[to].id.clone();
        world
            .network
            .create_peering(from, "link", &remote, flags(&["access"]), scope)
            .unwrap();
    }
    assert_eq!(world.ping(inside, target).ttl(), Some(64));
    let trip = world.ping(outside, target);
    assert_eq!(
        world.stories(&trip).0,
        "aNic: source-prefix-not-peered at link right/link"
    );
}

#[test]
fn a_false_access_flag_leaves_the_default_rules_to_drop_at_that_side() {
    // V-23, F-3
    let (mut world, [sales, marketing, _]) = exercise_with_groups(&[]);
    let trip = world.ping(sales.nic, marketing.nic);
    assert_eq!(
        world.stories(&trip).0,
        "SalesVNetVMNic: nsg-deny at DenyAllOutBound of SalesVNet-nsg at subnet"
    );
    let trip = world.ping(marketing.nic, sales.nic);
    assert_eq!(
        world.stories(&trip).0,
        "SalesVNetVMNic: nsg-deny at DenyAllInBound of SalesVNet-nsg at subnet"
    );

    // Explicit rules admit what the tag no longer does.
    let rules = [
        rule("AllowIn", 100, Direction::Inbound, Access::Allow),
        rule("AllowOut", 100, Direction::Outbound, Access::Allow),
    ];
    let (mut world, [sales, marketing, _]) = exercise_with_groups(&rules);
    assert_eq!(world.ping(sales.nic, marketing.nic).ttl(), Some(64));
    assert_eq!(world.ping(marketing.nic, sales.nic).ttl(), Some(64));
}

/// The exercise with a group on every subnet; Sales' has these rules, and Sales' link has a false access flag.
fn exercise_with_groups(sales_rules: &[model::SecurityRule]) -> (World, [Site; 3]) {
    let mut world = World::new();
    let sales = world.site("SalesVNet", "10.1.0.0/16");
    let marketing = world.site("MarketingVNet", "10.2.0.0/16");
    let research = world.site("ResearchVNet", "10.3.0.0/16");
    world.link(sales.vnet, marketing.vnet, flags(&[]));
    world.link(marketing.vnet, sales.vnet, flags(&["access"]));
    world.peer(marketing.vnet, research.vnet);
    for (site, name, rules) in [
        (sales, "SalesVNet-nsg", sales_rules),
        (marketing, "MarketingVNet-nsg", &[]),
        (research, "ResearchVNet-nsg", &[]),
    ] {
        let group = world.group(name, rules.to_vec());
        world
            .network
            .set_subnet_security_group(site.subnet, Some(group));
    }
    (world, [sales, marketing, research])
}

#[test]
fn the_side_with_the_false_flag_is_the_one_that_drops() {
    // T-4: (A's flag, B's flag) → who drops A → B, who drops B → A.
    let table = [
        ((true, true), None, None),
        ((false, true), Some("A"), Some("A")),
        ((true, false), Some("B"), Some("B")),
        ((false, false), Some("A"), Some("B")),
    ];
    for with_groups in [true, false] {
        for ((flag_a, flag_b), forth, back) in table {
            let mut world = World::new();
            let a = world.site("A", "10.1.0.0/16");
            let b = world.site("B", "10.2.0.0/16");
            let on = |flag| if flag { flags(&["access"]) } else { flags(&[]) };
            world.link(a.vnet, b.vnet, on(flag_a));
            world.link(b.vnet, a.vnet, on(flag_b));
            if with_groups {
                let group = world.group("nsg", Vec::new());
                for site in [a, b] {
                    world
                        .network
                        .set_subnet_security_group(site.subnet, Some(group));
                }
            }
            for (from, to, denier) in [(a, b, forth), (b, a, back)] {
                let packet = world.echo(from.nic, world.address(to.nic));
                let walk = world.send(from.nic, packet);
                let name = |nic| if nic == a.nic { "A" } else { "B" };
                let seen = match walk.outcome {
                    dataplane::Outcome::Dropped { nic, dropped } => {
                        let reason = dropped.reason().name();
                        let expected = if with_groups {
                            "nsg-deny"
                        } else {
                            "vnet-access-blocked"
                        };
                        assert_eq!(reason, expected);
                        Some(name(nic))
                    }
                    dataplane::Outcome::Delivered(_) => None,
                };
                assert_eq!(
                    seen, denier,
                    "flags {flag_a} {flag_b}, groups {with_groups}"
                );
            }
        }
    }
}

#[test]
fn without_a_group_a_false_flag_blocks_and_names_its_link() {
    // F-4
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let b = world.site("B", "10.2.0.0/16");
    world.link(a.vnet, b.vnet, flags(&[]));
    world.link(b.vnet, a.vnet, flags(&["access"]));
    let trip = world.ping(a.nic, b.nic);
    assert_eq!(
        world.stories(&trip).0,
        "AVMNic: vnet-access-blocked at link A/to-B allowVirtualNetworkAccess"
    );
    let trip = world.ping(b.nic, a.nic);
    assert_eq!(
        world.stories(&trip).0,
        "AVMNic: vnet-access-blocked at link A/to-B allowVirtualNetworkAccess"
    );

    // A user route puts the range back into the tag, for its own subnet.
    world.routes(a.subnet, &[("10.2.0.0/16", model::UserNextHop::VnetLocal)]);
    world.snapshot = None;
    let packet = world.echo(b.nic, world.address(a.nic));
    assert!(world.send(b.nic, packet).is_delivered());

    let mut world = World::new();
    world.network.options.vnet_access_without_nsg = VnetAccessWithoutNsg::Literal;
    let a = world.site("A", "10.1.0.0/16");
    let b = world.site("B", "10.2.0.0/16");
    world.link(a.vnet, b.vnet, flags(&[]));
    world.link(b.vnet, a.vnet, flags(&["access"]));
    assert_eq!(world.ping(a.nic, b.nic).ttl(), Some(64));
}

#[test]
fn tunnels_multicast_and_dhcp_are_not_carried() {
    // V-24, N-8
    let (mut world, [sales, marketing, _]) = exercise();
    let (from, to) = (world.address(sales.nic), world.address(marketing.nic));
    let envelope = dataplane::packet::Envelope::new(from, to);
    let group = dataplane::packet::Envelope::new(from, ip("224.0.0.5"));
    let udp = |ports: (u16, u16)| dataplane::Packet::udp(envelope, ports.0, ports.1, b"x").unwrap();
    for packet in [
        dataplane::Packet::other(envelope, 47, &[0; 8]).unwrap(),
        dataplane::Packet::other(envelope, 4, &[0; 20]).unwrap(),
        dataplane::Packet::other(group, 89, &[0; 8]).unwrap(),
        udp((68, 67)),
        udp((65330, 9)),
    ] {
        let walk = world.send(sales.nic, packet);
        assert_eq!(
            world.story(&walk),
            "SalesVNetVMNic: fabric-protocol at NIC SalesVNetVMNic"
        );
        assert!(walk.spawned.is_empty(), "the fabric is silent");
    }
    let esp = dataplane::Packet::other(envelope, 50, &[0; 8]).unwrap();
    assert!(world.send(sales.nic, esp).is_delivered());
    assert!(world.send(sales.nic, udp((67, 68))).is_delivered());
}

#[test]
fn a_forwarded_packet_needs_the_flag_of_the_receivers_link() {
    // V-8, V-9, F-8
    let mut net = hub_and_spokes([true, true], Guest::default());
    let trip = net.world.ping(net.one.nic, net.two.nic);
    assert_eq!(trip.there.visited, [net.nva, net.two.nic]);
    assert_eq!(trip.there.packet.ttl(), 63);
    assert_eq!(trip.ttl(), Some(63));

    let mut net = hub_and_spokes([true, false], Guest::default());
    let trip = net.world.ping(net.one.nic, net.two.nic);
    let at_the_link =
        "nvaNic: peering-forwarded-blocked at link spoke2/to-hub allowForwardedTraffic";
    assert_eq!(net.world.stories(&trip).0, at_the_link);
    let trip = net.world.ping(net.two.nic, net.one.nic);
    assert!(trip.there.is_delivered());
    assert_eq!(net.world.stories(&trip).1, at_the_link);
}

#[test]
fn the_lenient_option_lets_forwarded_packets_in() {
    // F-10
    let mut net = hub_and_spokes([false, false], Guest::default());
    net.world.network.options.forwarded_traffic = model::options::ForwardedTraffic::Lenient;
    assert_eq!(net.world.ping(net.one.nic, net.two.nic).ttl(), Some(63));
}

#[test]
fn a_deleted_link_stops_running_flows_at_the_next_packet() {
    // S-22: routes and peerings are obeyed at once, whatever the flow tables know.
    let mut net = hub_and_spokes([true, true], Guest::default());
    assert_eq!(net.world.ping(net.one.nic, net.two.nic).ttl(), Some(63));
    let link = net.links[1];
    net.world.change(|network| network.delete_peering(link));
    let trip = net.world.ping(net.one.nic, net.two.nic);
    assert!(!trip.there.is_delivered());
    assert_eq!(trip.there.reason().unwrap().name(), "route-none");
}

#[test]
fn a_peerings_row_is_longer_than_a_user_route_around_it() {
    // V-12, R-22
    let mut net = hub_and_spokes([true, true], Guest::default());
    let trip = net.world.ping(net.one.nic, net.hub.nic);
    assert_eq!(trip.there.visited, [net.hub.nic]);
    assert_eq!(trip.ttl(), Some(64));
}

#[test]
fn a_default_route_to_an_appliance_takes_unknown_private_addresses_there() {
    // V-13, R-6: no None rows any more.
    let mut net = hub_and_spokes([true, true], Guest::default());
    net.world
        .routes(net.one.subnet, &[("0.0.0.0/0", appliance("10.0.0.5"))]);
    let trip = net.world.ping_address(net.one.nic, ip("10.99.0.1"));
    assert_eq!(trip.there.visited, [net.nva]);
    assert_eq!(
        net.world.stories(&trip).0,
        "nvaNic: route-none at row 10.0.0.0/8 None"
    );
}

//! Rules of NICs and subnets: S-6, S-10 to S-15, S-26, T-2.

use dataplane::packet::{Envelope, TcpFlags};
use dataplane::recorder::FlowFound;
use dataplane::{Evidence, Packet, Position, Step};
use model::options::IcmpPorts;
use model::{Access, Direction, Guest, Ports, RuleProtocol};

use crate::world::{Site, World, deny_all, flags, hub_and_spokes, ip, rule, tag};

/// Two VMs in one subnet.
fn neighbours() -> (World, Site, model::NicId) {
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    (world, a, b)
}

#[test]
fn outbound_asks_the_nic_first_and_inbound_the_subnet() {
    // S-11, S-12
    for (direction, story) in [
        (
            Direction::Outbound,
            "AVMNic: nsg-deny at DenyAll of nicNsg at NIC",
        ),
        (
            Direction::Inbound,
            "BNic: nsg-deny at DenyAll of subnetNsg at subnet",
        ),
    ] {
        let (mut world, a, b) = neighbours();
        let at_nic = world.group("nicNsg", vec![deny_all(direction)]);
        let at_subnet = world.group("subnetNsg", vec![deny_all(direction)]);
        for nic in [a.nic, b] {
            world.network.set_nic_security_group(nic, Some(at_nic));
        }
        world
            .network
            .set_subnet_security_group(a.subnet, Some(at_subnet));
        let trip = world.ping(a.nic, b);
        assert_eq!(world.stories(&trip).0, story);
        // The decision of every level is reported, not only the first deny.
        let levels = trip.there.steps.iter().filter(|step| {
            matches!(step, Step::Judged { visit, allows: false, .. } if visit.direction == direction)
        });
        assert_eq!(levels.count(), 2);
    }
}

#[test]
fn the_verdict_is_the_same_whether_it_is_recorded_or_not() {
    let (mut world, a, b) = neighbours();
    let group = world.group("nsg", vec![deny_all(Direction::Inbound)]);
    world.network.set_nic_security_group(b, Some(group));
    let recorded = world.ping(a.nic, b).there.outcome;
    let mut packet = world.echo(a.nic, world.address(b));
    let mut silence = ();
    let mut pipeline = dataplane::Pipeline::new(
        world.snapshot.as_ref().unwrap(),
        &mut world.pairs,
        &mut world.guests,
        &mut silence,
        world.now,
    );
    let silent = pipeline.walk(Position::Leaving(a.nic), &mut packet);
    assert_eq!(silent, recorded);
}

#[test]
fn the_destination_port_of_an_icmp_rule_is_the_icmp_type() {
    // S-6
    let allow = |port| {
        let mut allow = rule("AllowOne", 100, Direction::Inbound, Access::Allow);
        allow.destination_ports = Ports::from_ranges([(port, port)]);
        vec![allow, {
            let mut deny = deny_all(Direction::Inbound);
            deny.priority = 200;
            deny
        }]
    };
    for (port, option, passes) in [
        (8, IcmpPorts::Type, true),
        (22, IcmpPorts::Type, false),
        (22, IcmpPorts::Ignore, true),
    ] {
        let (mut world, a, b) = neighbours();
        world.network.options.icmp_ports = option;
        let group = world.group("nsg", allow(port));
        world.network.set_nic_security_group(b, Some(group));
        let trip = world.ping(a.nic, b);
        let expected = if passes {
            "delivered to BNic"
        } else {
            "BNic: nsg-deny at DenyAll of nsg at NIC"
        };
        assert_eq!(world.stories(&trip).0, expected, "port {port}, {option}");
    }
    // The option is about ICMP alone.
    let (mut world, a, b) = neighbours();
    world.network.options.icmp_ports = IcmpPorts::Ignore;
    let group = world.group("nsg", allow(22));
    world.network.set_nic_security_group(b, Some(group));
    let syn = world.tcp(a.nic, b, (5, 80), TcpFlags::SYN);
    assert!(!world.send(a.nic, syn).is_delivered());
}

#[test]
fn an_appliances_own_rules_see_both_ends_of_what_it_forwards() {
    // S-15, T-2: without a route for it, the appliance's tag does not hold 8.8.8.8.
    let mut net = hub_and_spokes([true, true], Guest::default());
    net.world.routes(
        net.one.subnet,
        &[("0.0.0.0/0", crate::world::appliance("10.0.0.5"))],
    );
    let group = net.world.group("nvaNsg", Vec::new());
    net.world
        .network
        .set_nic_security_group(net.nva, Some(group));
    let trip = net.world.ping_address(net.one.nic, ip("8.8.8.8"));
    assert_eq!(
        net.world.stories(&trip).0,
        "nvaNic: nsg-deny at DenyAllInBound of nvaNsg at NIC"
    );
    let trip = net.world.ping(net.one.nic, net.hub.nic);
    assert_eq!(trip.ttl(), Some(64));
}

#[test]
fn the_platform_is_exempt_from_rules_unless_they_name_it() {
    // S-26, N-11
    let udp = |to: &str, port| {
        let envelope = Envelope::new(ip("10.1.0.4"), ip(to));
        Packet::udp(envelope, 5000, port, b"?").unwrap()
    };
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let mut deny_dns = deny_all(Direction::Outbound);
    deny_dns.name = "DenyDns".to_owned();
    deny_dns.destination = tag("AzurePlatformDNS");
    deny_dns.protocol = RuleProtocol::Udp;
    let mut deny = deny_all(Direction::Outbound);
    deny.priority = 200;
    let group = world.group("nsg", vec![deny]);
    world
        .network
        .set_subnet_security_group(a.subnet, Some(group));
    for to in ["168.63.129.16", "169.254.169.254"] {
        let walk = world.send(a.nic, udp(to, 53));
        assert_eq!(world.story(&walk), "delivered to Platform");
    }
    world.change(|network| network.set_security_rules(group, vec![deny_dns]).unwrap());
    let walk = world.send(a.nic, udp("168.63.129.16", 53));
    assert_eq!(
        world.story(&walk),
        "AVMNic: nsg-deny at DenyDns of nsg at subnet"
    );
    let walk = world.send(a.nic, udp("169.254.169.254", 80));
    assert_eq!(world.story(&walk), "delivered to Platform");
}

#[test]
fn nobody_sends_with_the_platforms_address() {
    // S-26, not even an appliance
    let mut net = hub_and_spokes([true, true], Guest::default());
    let envelope = Envelope::new(ip("168.63.129.16"), net.world.address(net.hub.nic));
    let packet = Packet::echo_request(envelope, 1, 1, &[]).unwrap();
    let walk = net.world.send(net.nva, packet);
    assert_eq!(net.world.story(&walk), "nvaNic: spoof-source at NIC nvaNic");
}

#[test]
fn a_counterfactual_walk_notes_every_filter_and_goes_on() {
    // DESIGN section 3, S-14
    let mut net = hub_and_spokes([true, false], Guest::default());
    let group = net.world.group("nsg", vec![deny_all(Direction::Outbound)]);
    net.world
        .network
        .set_subnet_security_group(net.one.subnet, Some(group));
    net.world.network.set_ip_forwarding(net.nva, false);
    let packet = net.world.echo(net.one.nic, net.world.address(net.two.nic));
    let walk = net.world.follow(
        Position::Leaving(net.one.nic),
        packet,
        Evidence::counterfactual(),
    );
    assert_eq!(walk.visited, [net.nva, net.two.nic]);
    assert!(walk.is_delivered(), "if all of this were changed");
    let refusals: Vec<String> = walk
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Refused { dropped } => Some(crate::world::tell(
                net.world.snapshot.as_ref().unwrap(),
                *dropped,
            )),
            _ => None,
        })
        .collect();
    assert_eq!(
        refusals,
        [
            "nsg-deny at DenyAll of nsg at subnet",
            "not-owner-no-forwarding at NIC nvaNic",
            "guest-not-forwarding at NIC nvaNic",
            "spoof-source at NIC nvaNic",
            "peering-forwarded-blocked at link spoke2/to-hub allowForwardedTraffic",
        ]
    );
    // What has no next hop ends it all the same.
    let packet = net.world.echo(net.hub.nic, ip("10.77.0.1"));
    let walk = net.world.follow(
        Position::Leaving(net.hub.nic),
        packet,
        Evidence::counterfactual(),
    );
    assert_eq!(
        net.world.story(&walk),
        "hubVMNic: route-none at row 10.0.0.0/8 None"
    );
}

#[test]
fn evidence_tells_the_life_of_a_packet_in_order() {
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let b = world.site("B", "10.2.0.0/16");
    world.link(a.vnet, b.vnet, flags(&["access"]));
    world.link(b.vnet, a.vnet, flags(&["access"]));
    let group = world.group("nsg", Vec::new());
    world.network.set_nic_security_group(b.nic, Some(group));
    let trip = world.ping(a.nic, b.nic);
    let words: Vec<&str> = trip
        .there
        .steps
        .iter()
        .map(|step| match step {
            Step::Sent { .. } => "sent",
            Step::Flow {
                found: FlowFound::NotKept,
                ..
            } => "no memory",
            Step::Routed { .. } => "routed",
            Step::Crossed { .. } => "crossed",
            Step::Received { own: true, .. } => "received",
            Step::Flow {
                found: FlowFound::New,
                ..
            } => "new",
            Step::Judged { allows: true, .. } => "allowed",
            Step::Delivered { .. } => "delivered",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        words,
        [
            "sent",
            "no memory",
            "routed",
            "crossed",
            "received",
            "new",
            "allowed",
            "delivered"
        ]
    );
}

#[test]
fn a_packet_through_an_appliance_meets_eight_groups_and_each_sees_the_same_ends() {
    // S-15, the chain: A out (NIC, subnet), appliance in (subnet, NIC) and out (NIC, subnet), B in (subnet, NIC).
    let mut net = hub_and_spokes([true, true], Guest::default());
    let allow = |direction| rule(&format!("Pass{direction}"), 100, direction, Access::Allow);
    let both = || vec![allow(Direction::Inbound), allow(Direction::Outbound)];
    for (name, site) in [("one", net.one), ("two", net.two), ("hub", net.hub)] {
        let group = net.world.group(&format!("{name}SubnetNsg"), both());
        net.world
            .network
            .set_subnet_security_group(site.subnet, Some(group));
    }
    for (name, nic) in [("one", net.one.nic), ("two", net.two.nic), ("nva", net.nva)] {
        let group = net.world.group(&format!("{name}NicNsg"), both());
        net.world.network.set_nic_security_group(nic, Some(group));
    }
    let trip = net.world.ping(net.one.nic, net.two.nic);
    assert!(trip.there.is_delivered());
    let names: Vec<String> = trip
        .there
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Judged { visit, rules, .. } => {
                let snapshot = net.world.snapshot.as_ref().unwrap();
                let group = snapshot.rules(*rules).group.unwrap();
                let name = net.world.network.nsgs()[group].id.name().to_owned();
                Some(format!("{name} {}", visit.direction))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        names,
        [
            "oneNicNsg Outbound",
            "oneSubnetNsg Outbound",
            "hubSubnetNsg Inbound",
            "nvaNicNsg Inbound",
            "nvaNicNsg Outbound",
            "hubSubnetNsg Outbound",
            "twoSubnetNsg Inbound",
            "twoNicNsg Inbound",
        ]
    );
    // The appliance's own address is the source of nothing that its rules see.
    let own = net.world.address(net.nva);
    let deny = model::SecurityRule {
        source: model::RuleAddresses::Prefixes(vec![own.into()]),
        ..deny_all(Direction::Outbound)
    };
    let group = net.world.network.nics()[net.nva]
        .network_security_group
        .unwrap();
    net.world.change(|network| {
        network
            .set_security_rules(
                group,
                vec![deny, allow(Direction::Inbound), {
                    let mut pass = allow(Direction::Outbound);
                    pass.priority = 4000;
                    pass
                }],
            )
            .unwrap();
    });
    assert!(
        net.world
            .ping(net.one.nic, net.two.nic)
            .there
            .is_delivered()
    );
}

//! What NICs remember: S-17 to S-25.

use dataplane::FlowTable;
use dataplane::packet::{Envelope, TcpFlags};
use dataplane::{DropReason, Evidence, Packet};
use model::options::{IcmpRelated, TcpStrict};
use model::{Access, Direction, Guest, NicId, NsgId, Ports};

use crate::world::{Site, World, deny_all, hub_and_spokes, rule};

/// Two VMs in one subnet; the first one's group lets nothing in, the second one's nothing out.
fn one_way_street() -> (World, Site, NicId, [NsgId; 2]) {
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    let nothing_in = world.group("nothingIn", vec![deny_all(Direction::Inbound)]);
    let nothing_out = world.group("nothingOut", vec![deny_all(Direction::Outbound)]);
    world
        .network
        .set_nic_security_group(a.nic, Some(nothing_in));
    world.network.set_nic_security_group(b, Some(nothing_out));
    (world, a, b, [nothing_in, nothing_out])
}

#[test]
fn an_answer_needs_no_rule_at_either_end() {
    // S-17, S-18, S-23
    let (mut world, a, b, _) = one_way_street();
    let trip = world.ping(b, a.nic);
    assert_eq!(
        world.stories(&trip).0,
        "BNic: nsg-deny at DenyAll of nothingOut at NIC"
    );
    assert_eq!(world.ping(a.nic, b).ttl(), Some(64));
    let syn = world.tcp(a.nic, b, (5, 80), TcpFlags::SYN);
    assert!(world.ask(a.nic, syn).back.unwrap().is_delivered());
    // S-23: a reply that nobody asked for is a new flow.
    let envelope = Envelope::new(world.address(b), world.address(a.nic));
    let unasked = Packet::echo_reply(envelope, 99, 1, &[]).unwrap();
    assert_eq!(world.send(b, unasked).reason(), Some(DropReason::NsgDeny));
}

#[test]
fn an_answer_after_the_idle_time_meets_the_rules() {
    // S-21
    let (mut world, a, b, _) = one_way_street();
    let packet = world.udp(a.nic, b, (5, 53), b"?");
    let there = world.send(a.nic, packet);
    let (nic, answer) = world.answers(&there).remove(0);
    world.wait(240);
    assert!(world.send(nic, answer.clone()).is_delivered());
    world.wait(241);
    let walk = world.send(nic, answer);
    assert_eq!(
        world.story(&walk),
        "BNic: nsg-deny at DenyAll of nothingOut at NIC"
    );
}

#[test]
fn a_denied_packet_leaves_nothing_behind() {
    // S-17
    let (mut world, a, b, _) = one_way_street();
    world.ping(b, a.nic);
    assert_eq!(world.pairs.records(), 0);
    world.ping(a.nic, b);
    assert_eq!(world.pairs.records(), 2, "one at each NIC");
}

#[test]
fn a_nic_without_rules_remembers_nothing() {
    let mut net = hub_and_spokes([true, true], Guest::default());
    net.world.ping(net.one.nic, net.two.nic);
    assert_eq!(net.world.pairs.records(), 0);
    // An appliance keeps two pairs per connection (S-17).
    let group = net.world.group("nsg", Vec::new());
    net.world.change(|network| {
        network.set_nic_security_group(NicId::new(1), Some(group));
    });
    assert_eq!(net.nva, NicId::new(1));
    assert_eq!(net.world.ping(net.one.nic, net.two.nic).ttl(), Some(63));
    assert_eq!(net.world.pairs.records(), 2);
}

#[test]
fn a_rule_change_leaves_running_flows_alone() {
    // S-22: the document's own example.
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    let mut ssh = rule("AllowSsh", 100, Direction::Inbound, Access::Allow);
    ssh.destination_ports = Ports::from_ranges([(22, 22)]);
    let deny = {
        let mut deny = deny_all(Direction::Inbound);
        deny.priority = 200;
        deny
    };
    let group = world.group("nsg", vec![ssh, deny.clone()]);
    world.network.set_nic_security_group(b, Some(group));
    let syn = |world: &World, port| world.tcp(a.nic, b, (port, 22), TcpFlags::SYN);
    let first = syn(&world, 5000);
    assert!(world.ask(a.nic, first).back.unwrap().is_delivered());
    world.change(|network| network.set_security_rules(group, vec![deny]).unwrap());
    let data = world.tcp(a.nic, b, (5000, 22), TcpFlags::PSH.with(TcpFlags::ACK));
    assert!(world.send(a.nic, data).is_delivered(), "the session lives");
    let second = syn(&world, 5001);
    let walk = world.send(a.nic, second);
    assert_eq!(
        world.story(&walk),
        "BNic: nsg-deny at DenyAll of nsg at NIC"
    );
}

#[test]
fn a_group_that_flushes_judges_running_flows_again_from_their_forward_side() {
    // S-22, flushConnection
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    let group = world
        .network
        .create_network_security_group(model::NetworkSecurityGroup {
            id: crate::world::id("networkSecurityGroups", "nsg"),
            location: model::Location::default(),
            rules: [].into(),
            flush_connection: true,
        })
        .unwrap();
    world.network.set_nic_security_group(a.nic, Some(group));
    let packet = world.udp(a.nic, b, (5, 53), b"?");
    let there = world.send(a.nic, packet.clone());
    let answer = world.answers(&there).remove(0).1;

    // A rule that still admits the flow: it goes on, and inbound rules are not asked although the answer comes first.
    let no_entry = deny_all(Direction::Inbound);
    world.change(|network| {
        network
            .set_security_rules(group, vec![no_entry.clone()])
            .unwrap();
    });
    assert!(world.send(b, answer.clone()).is_delivered());
    // One that does not: the answer dies at the outbound rule that its question would meet.
    let no_dns = {
        let mut rule = deny_all(Direction::Outbound);
        rule.name = "NoDns".to_owned();
        rule.destination_ports = Ports::from_ranges([(53, 53)]);
        rule
    };
    world.change(|network| network.set_security_rules(group, vec![no_dns]).unwrap());
    let walk = world.send(b, answer.clone());
    assert_eq!(
        world.story(&walk),
        "AVMNic: nsg-deny at NoDns of nsg at NIC"
    );
    // The flow is gone: the answer is a new flow now, and default rules admit it.
    assert!(world.send(b, answer).is_delivered());
    let walk = world.send(a.nic, packet);
    assert!(
        walk.is_delivered(),
        "it belongs to the flow that the answer began"
    );
}

#[test]
fn the_first_group_of_a_nic_judges_running_connections_as_new_ones() {
    // DESIGN section 4, S-20
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    let syn = world.tcp(a.nic, b, (5, 80), TcpFlags::SYN);
    assert!(world.ask(a.nic, syn).back.unwrap().is_delivered());
    let group = world.group("nsg", vec![deny_all(Direction::Inbound)]);
    world.change(|network| network.set_nic_security_group(b, Some(group)));
    let data = world.tcp(a.nic, b, (5, 80), TcpFlags::ACK);
    let walk = world.send(a.nic, data);
    assert_eq!(
        world.story(&walk),
        "BNic: nsg-deny at DenyAll of nsg at NIC"
    );
}

#[test]
fn tcp_without_syn_begins_a_flow_unless_told_otherwise() {
    // S-20
    for (strict, story) in [
        (TcpStrict::False, "delivered to BNic"),
        (TcpStrict::True, "AVMNic: tcp-no-syn at NIC AVMNic"),
    ] {
        let mut world = World::new();
        world.network.options.tcp_strict = strict;
        let a = world.site("A", "10.1.0.0/16");
        let (b, _) = world.vm("B", a.subnet);
        let group = world.group("nsg", Vec::new());
        world.network.set_nic_security_group(a.nic, Some(group));
        let packet = world.tcp(a.nic, b, (5, 80), TcpFlags::ACK);
        let walk = world.send(a.nic, packet);
        assert_eq!(world.story(&walk), story);
        let syn = world.tcp(a.nic, b, (6, 80), TcpFlags::SYN);
        assert!(world.ask(a.nic, syn).back.unwrap().is_delivered());
    }
}

#[test]
fn an_error_about_a_live_flow_passes_where_nothing_else_does() {
    // S-24: traceroute through an appliance whose address is in no rule.
    for (option, arrives) in [(IcmpRelated::True, true), (IcmpRelated::False, false)] {
        let mut net = hub_and_spokes([true, true], Guest::default());
        net.world.network.options.icmp_related = option;
        let group = net
            .world
            .group("nothingIn", vec![deny_all(Direction::Inbound)]);
        net.world
            .network
            .set_nic_security_group(net.one.nic, Some(group));
        let envelope = Envelope {
            ttl: 1,
            ..Envelope::new(
                net.world.address(net.one.nic),
                net.world.address(net.two.nic),
            )
        };
        let probe = Packet::udp(envelope, 5, 33434, b"probe").unwrap();
        let walk = net.world.send(net.one.nic, probe);
        assert_eq!(walk.reason(), Some(DropReason::Ttl));
        let report = walk.spawned[0].clone();
        let report = net
            .world
            .follow(report.position, report.packet, Evidence::default());
        assert_eq!(report.is_delivered(), arrives);

        // Nothing unasked comes in that way.
        let other = Envelope::new(
            net.world.address(net.one.nic),
            net.world.address(net.two.nic),
        );
        let never_sent = Packet::udp(other, 6, 33434, b"probe").unwrap();
        let reporter = net.world.address(net.nva);
        let forged = never_sent
            .error(dataplane::packet::IcmpError::TimeExceeded, reporter)
            .unwrap();
        let walk = net.world.send(net.nva, forged);
        assert_eq!(walk.reason(), Some(DropReason::NsgDeny));
    }
}

#[test]
fn an_error_that_rules_admit_begins_no_flow() {
    // Assumed: it is judged each time, so that its zero ports are nobody's key.
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    let group = world.group("nsg", Vec::new());
    world.network.set_nic_security_group(b, Some(group));
    let about = world.udp(b, a.nic, (6, 33434), b"never sent");
    let error = dataplane::packet::IcmpError::PortUnreachable;
    let error = about.error(error, world.address(a.nic)).unwrap();
    assert!(world.send(a.nic, error).is_delivered());
    assert_eq!(world.pairs.records(), 0);
}

#[test]
fn fragments_follow_the_verdict_on_the_first_and_never_come_before_it() {
    // S-25
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    let mut no_dns = deny_all(Direction::Inbound);
    no_dns.destination_ports = Ports::from_ranges([(53, 53)]);
    let group = world.group("nsg", vec![no_dns]);
    world.network.set_nic_security_group(b, Some(group));
    let long = |world: &World, port, identification| {
        let envelope = Envelope {
            identification,
            ..Envelope::new(world.address(a.nic), world.address(b))
        };
        let packet = Packet::udp(envelope, 5, port, &[1; 2000]).unwrap();
        packet.fit(1500).unwrap()
    };
    let early = long(&world, 80, 1).remove(1);
    let walk = world.send(a.nic, early);
    assert_eq!(
        world.story(&walk),
        "AVMNic: fragment-out-of-order at NIC AVMNic"
    );
    for part in long(&world, 80, 2) {
        assert!(world.send(a.nic, part).is_delivered());
    }
    let stories: Vec<String> = long(&world, 53, 3)
        .into_iter()
        .map(|part| {
            let walk = world.send(a.nic, part);
            world.story(&walk)
        })
        .collect();
    assert_eq!(
        stories,
        [
            "BNic: nsg-deny at DenyAll of nsg at NIC",
            "BNic: fragment-out-of-order at NIC BNic"
        ]
    );
}

#[test]
fn a_full_table_drops_new_flows_only() {
    // S-8, S-21
    let (mut world, a, b, _) = one_way_street();
    world.pairs = FlowTable::with_limit(2);
    let syn = |world: &World, port| world.tcp(a.nic, b, (port, 80), TcpFlags::SYN);
    for port in [1, 2] {
        let packet = syn(&world, port);
        assert!(world.send(a.nic, packet).is_delivered());
    }
    let third = syn(&world, 3);
    let walk = world.send(a.nic, third);
    assert_eq!(world.story(&walk), "AVMNic: flow-table-full at NIC AVMNic");
    let data = world.tcp(a.nic, b, (1, 80), TcpFlags::ACK);
    assert!(world.send(a.nic, data).is_delivered());
}

#[test]
fn an_asymmetric_answer_passes_the_end_hosts_but_is_new_to_an_appliance() {
    // S-18, S-20: the way there is direct, the way back leads through an appliance that denies.
    let mut net = hub_and_spokes([true, true], Guest::default());
    let group = net
        .world
        .group("nothingIn", vec![deny_all(Direction::Inbound)]);
    net.world
        .network
        .set_nic_security_group(net.nva, Some(group));
    net.world.routes(
        net.one.subnet,
        &[("10.0.0.4/32", crate::world::appliance("10.0.0.5"))],
    );
    let trip = net.world.ping(net.hub.nic, net.one.nic);
    assert!(trip.there.is_delivered());
    assert_eq!(
        net.world.stories(&trip).1,
        "nvaNic: nsg-deny at DenyAll of nothingIn at NIC"
    );
}

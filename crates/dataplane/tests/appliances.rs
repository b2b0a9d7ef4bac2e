//! Appliances, guests and what they answer, N-1 to N-3, K-6 to K-9, S-16.

use dataplane::dropped::DropReason;
use dataplane::packet::{Content, Envelope, TcpFlags};
use dataplane::{Evidence, Outcome, Packet, Position};
use model::{Guest, GuestRole, Listener, LoadBalancerId, PowerState, RequestedAddress};

use crate::world::{World, appliance, hub_and_spokes, id, ip};

fn source_nat() -> Guest {
    Guest {
        source_nat: true,
        ..Guest::default()
    }
}

#[test]
fn an_appliance_that_translates_needs_no_flag() {
    // V-10
    let mut net = hub_and_spokes([false, false], source_nat());
    let trip = net.world.ping(net.one.nic, net.two.nic);
    assert_eq!(trip.there.visited, [net.nva, net.two.nic]);
    assert_eq!(trip.there.packet.source(), net.world.address(net.nva));
    let back = trip.back.as_ref().unwrap();
    assert_eq!(back.visited, [net.nva, net.one.nic]);
    assert_eq!(back.packet.source(), net.world.address(net.two.nic));
    assert!(back.packet.has_valid_transport_checksum());
    assert_eq!(trip.ttl(), Some(63));
}

#[test]
fn two_origins_with_one_port_stay_apart_behind_a_translation() {
    let mut net = hub_and_spokes([false, false], source_nat());
    let (neighbour, _) = net.world.vm("neighbour", net.one.subnet);
    let mut seen = Vec::new();
    for from in [net.one.nic, neighbour] {
        for packet in [
            net.world.udp(from, net.two.nic, (5000, 53), b"hello"),
            net.world.tcp(from, net.two.nic, (5000, 80), TcpFlags::SYN),
        ] {
            let trip = net.world.ask(from, packet);
            let back = trip.back.expect("everything listens");
            assert!(trip.there.packet.has_valid_transport_checksum());
            assert!(back.packet.has_valid_transport_checksum());
            assert_eq!(back.visited, [net.nva, from]);
            assert_eq!(back.packet.tuple().destination_port, 5000);
            seen.push(trip.there.packet.tuple().source_port);
        }
        let trip = net.world.ping(from, net.two.nic);
        assert_eq!(trip.back.unwrap().visited, [net.nva, from]);
    }
    assert_eq!(seen[..2], [5000, 5000], "the wanted port, if it is free");
    assert!(seen[2..].iter().all(|&port| port != 5000));
}

#[test]
fn an_error_about_a_translated_packet_finds_its_origin() {
    let mut net = hub_and_spokes([false, false], source_nat());
    let guest = Guest {
        listen: Some(vec![Listener::Tcp(80)]),
        ..Guest::default()
    };
    net.world.network.set_guest(net.two.vm, guest);
    let packet = net
        .world
        .udp(net.one.nic, net.two.nic, (5000, 53), b"hello");
    let trip = net.world.ask(net.one.nic, packet.clone());
    let back = trip.back.expect("port unreachable");
    assert_eq!(back.visited, [net.nva, net.one.nic]);
    assert_eq!(back.packet.payload()[..2], [3, 3]);
    assert_eq!(back.packet.quoted(), Some(packet.tuple()));
    assert!(back.packet.has_valid_transport_checksum());
}

#[test]
fn an_error_about_an_answer_names_what_the_answerer_sent() {
    // The far end knows the appliance's address only.
    let mut net = hub_and_spokes([false, false], source_nat());
    let packet = net
        .world
        .udp(net.one.nic, net.two.nic, (5000, 53), b"hello");
    let there = net.world.send(net.one.nic, packet);
    let (nic, answer) = net.world.answers(&there).remove(0);
    let back = net.world.send(nic, answer.clone());
    let refused = dataplane::packet::IcmpError::PortUnreachable;
    let report = back.packet.error(refused, back.packet.destination());
    let walk = net.world.send(net.one.nic, report.unwrap());
    assert_eq!(walk.visited, [net.nva, net.two.nic]);
    assert_eq!(walk.packet.source(), net.world.address(net.nva));
    assert_eq!(walk.packet.quoted(), Some(answer.tuple()));
    assert!(walk.packet.has_valid_transport_checksum());
}

#[test]
fn a_translation_that_was_idle_for_five_minutes_is_forgotten() {
    let mut net = hub_and_spokes([false, false], source_nat());
    let packet = net
        .world
        .udp(net.one.nic, net.two.nic, (5000, 53), b"hello");
    let there = net.world.send(net.one.nic, packet);
    let (nic, answer) = net.world.answers(&there).remove(0);
    for (wait, arrives_at) in [(300, "spoke1VMNic"), (300, "spoke1VMNic"), (301, "nvaNic")] {
        net.world.wait(wait);
        let walk = net.world.send(nic, answer.clone());
        assert_eq!(net.world.story(&walk), format!("delivered to {arrives_at}"));
    }
}

#[test]
fn fragments_are_translated_like_the_first_of_them() {
    let mut net = hub_and_spokes([false, false], source_nat());
    let data: Vec<u8> = (0..=250).cycle().take(3000).collect();
    let envelope = Envelope {
        identification: 77,
        ..Envelope::new(
            net.world.address(net.one.nic),
            net.world.address(net.two.nic),
        )
    };
    let parts = Packet::echo_request(envelope, 9, 1, &data)
        .unwrap()
        .fit(1500);
    let mut answers = Vec::new();
    for part in parts.unwrap() {
        let walk = net.world.send(net.one.nic, part);
        assert_eq!(walk.visited, [net.nva, net.two.nic]);
        assert_eq!(walk.packet.source(), net.world.address(net.nva));
        answers.extend(net.world.answers(&walk));
    }
    // K-9: answered once it is whole; the answer is as long, and cut by the guest.
    assert_eq!(answers.len(), 3);
    let mut received = vec![0; data.len() + 8];
    for (nic, part) in answers {
        let walk = net.world.send(nic, part);
        assert_eq!(walk.visited, [net.nva, net.one.nic]);
        let at = walk.packet.fragment_offset();
        received[at..][..walk.packet.payload().len()].copy_from_slice(walk.packet.payload());
    }
    assert_eq!(received[8..], data);
}

#[test]
fn an_appliance_whose_nic_does_not_forward_gets_nothing() {
    // V-11, R-26b
    let mut net = hub_and_spokes([true, true], Guest::default());
    net.world.network.set_ip_forwarding(net.nva, false);
    let trip = net.world.ping(net.one.nic, net.two.nic);
    assert_eq!(
        net.world.stories(&trip).0,
        "nvaNic: not-owner-no-forwarding at NIC nvaNic"
    );
}

#[test]
fn an_appliance_that_is_stopped_or_a_host_passes_nothing_on() {
    // R-26a, R-26c
    let mut net = hub_and_spokes([true, true], Guest::default());
    net.world
        .network
        .set_power(net.nva_vm, PowerState::Deallocated);
    let trip = net.world.ping(net.one.nic, net.two.nic);
    assert_eq!(
        net.world.stories(&trip).0,
        "nvaNic: vm-stopped at NIC nvaNic"
    );

    let host = Guest {
        role: Some(GuestRole::Host),
        ..Guest::default()
    };
    let mut net = hub_and_spokes([true, true], host);
    let trip = net.world.ping(net.one.nic, net.two.nic);
    assert_eq!(
        net.world.stories(&trip).0,
        "nvaNic: guest-not-forwarding at NIC nvaNic"
    );
}

#[test]
fn an_address_that_nobody_owns_is_told_from_one_that_is_out_of_reach() {
    // R-24, R-26a, N-1
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let nobody = ip("10.1.0.77");
    world.routes(
        a.subnet,
        &[
            ("10.7.0.0/16", appliance("10.1.0.99")),
            ("10.8.0.0/16", appliance("10.9.0.4")),
        ],
    );
    for (to, story) in [
        (nobody, "AVMNic: no-such-host at row 10.1.0.0/16 VnetLocal"),
        (
            ip("10.7.0.1"),
            "AVMNic: no-such-host at row 10.7.0.0/16 VirtualAppliance (rt0/route0)",
        ),
        (
            ip("10.8.0.1"),
            "AVMNic: next-hop-unreachable at row 10.8.0.0/16 VirtualAppliance (rt0/route1)",
        ),
        (ip("203.0.113.9"), "delivered to Internet"),
    ] {
        let trip = world.ping_address(a.nic, to);
        assert_eq!(world.stories(&trip).0, story);
    }
    let spoofed = Packet::echo_request(Envelope::new(nobody, ip("10.1.0.4")), 1, 1, &[]);
    let walk = world.send(a.nic, spoofed.unwrap());
    assert_eq!(world.story(&walk), "AVMNic: spoof-source at NIC AVMNic");
}

#[test]
fn a_route_that_leads_an_appliance_back_to_itself_ends_by_ttl_and_is_reported() {
    // R-27, K-9
    let mut net = hub_and_spokes([true, true], Guest::default());
    net.world
        .routes(net.hub.subnet, &[("10.2.0.0/16", appliance("10.0.0.5"))]);
    let packet = net.world.echo(net.one.nic, net.world.address(net.two.nic));
    let walk = net.world.send(net.one.nic, packet);
    assert_eq!(net.world.story(&walk), "nvaNic: ttl at NIC nvaNic");
    assert_eq!(walk.visited.len(), 64, "once per unit of its time to live");
    let [error] = &walk.spawned[..] else {
        panic!("one report");
    };
    assert_eq!(error.position, Position::Leaving(net.nva));
    assert_eq!(error.packet.content(), Content::IcmpError(11));
    let report = net
        .world
        .follow(error.position, error.packet.clone(), Evidence::default());
    assert_eq!(net.world.story(&report), "delivered to spoke1VMNic");
    assert_eq!(report.packet.source(), net.world.address(net.nva));
}

#[test]
fn reports_are_limited_to_a_hundred_at_once() {
    // K-9
    let mut net = hub_and_spokes([true, true], Guest::default());
    let envelope = Envelope {
        ttl: 1,
        ..Envelope::new(
            net.world.address(net.one.nic),
            net.world.address(net.two.nic),
        )
    };
    let packet = Packet::echo_request(envelope, 1, 1, &[]).unwrap();
    let reports = |net: &mut crate::world::HubAndSpokes| {
        let walks = (0..150).map(|_| net.world.send(net.one.nic, packet.clone()));
        let walks: Vec<_> = walks.collect();
        assert!(
            walks
                .iter()
                .all(|walk| walk.reason() == Some(DropReason::Ttl))
        );
        walks.iter().map(|walk| walk.spawned.len()).sum::<usize>()
    };
    assert_eq!(reports(&mut net), 100);
    net.world.guests = dataplane::Guests::without_rate_limits();
    assert_eq!(reports(&mut net), 150);
}

#[test]
fn a_stateful_appliance_drops_tcp_whose_beginning_it_has_not_seen() {
    //
    let stateful = Guest {
        stateful: true,
        ..Guest::default()
    };
    let mut net = hub_and_spokes([true, true], stateful);
    let ack = net
        .world
        .tcp(net.one.nic, net.two.nic, (5, 80), TcpFlags::ACK);
    let walk = net.world.send(net.one.nic, ack.clone());
    assert_eq!(net.world.story(&walk), "nvaNic: tcp-no-syn at NIC nvaNic");
    let syn = net
        .world
        .tcp(net.one.nic, net.two.nic, (5, 80), TcpFlags::SYN);
    let trip = net.world.ask(net.one.nic, syn);
    assert!(trip.back.unwrap().is_delivered());
    assert!(net.world.send(net.one.nic, ack.clone()).is_delivered());
    net.world.wait(8000);
    assert_eq!(
        net.world.send(net.one.nic, ack).reason(),
        Some(DropReason::TcpNoSyn)
    );
}

#[test]
fn a_stateful_appliance_that_translates_knows_the_answers_to_what_it_has_translated() {
    //
    let guest = Guest {
        stateful: true,
        ..source_nat()
    };
    let mut net = hub_and_spokes([true, true], guest);
    let syn = net
        .world
        .tcp(net.one.nic, net.two.nic, (5, 80), TcpFlags::SYN);
    let trip = net.world.ask(net.one.nic, syn);
    assert!(trip.back.unwrap().is_delivered());
    let ack = net
        .world
        .tcp(net.one.nic, net.two.nic, (6, 80), TcpFlags::ACK);
    assert_eq!(
        net.world.send(net.one.nic, ack).reason(),
        Some(DropReason::TcpNoSyn)
    );
}

#[test]
fn listeners_grant_connections_and_closed_ports_refuse_them() {
    // K-9
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, b_vm) = world.vm("B", a.subnet);
    let guest = Guest {
        listen: Some(vec![Listener::Tcp(443), Listener::Udp(53)]),
        ..Guest::default()
    };
    world.network.set_guest(b_vm, guest);
    let mut flags_of_answer = |port, flags| {
        let packet = world.tcp(a.nic, b, (5000, port), flags);
        let back = world.ask(a.nic, packet).back?;
        let tcp = etherparse::TcpHeaderSlice::from_slice(back.packet.payload()).unwrap();
        assert!(back.is_delivered() && back.packet.has_valid_transport_checksum());
        Some((
            (tcp.syn(), tcp.ack(), tcp.rst()),
            tcp.sequence_number(),
            tcp.acknowledgment_number(),
        ))
    };
    let (granted, _, acknowledged) = flags_of_answer(443, TcpFlags::SYN).unwrap();
    assert_eq!((granted, acknowledged), ((true, true, false), 1001));
    // RFC 9293 §3.10.7.1, with and without an acknowledgment.
    assert_eq!(
        flags_of_answer(80, TcpFlags::SYN),
        Some(((false, true, true), 0, 1001))
    );
    assert_eq!(
        flags_of_answer(80, TcpFlags::ACK),
        Some(((false, false, true), 2000, 0))
    );
    assert_eq!(flags_of_answer(80, TcpFlags::RST), None);
    assert_eq!(flags_of_answer(443, TcpFlags::ACK), None);
    assert_eq!(
        flags_of_answer(443, TcpFlags::FIN.with(TcpFlags::ACK)),
        Some(((false, true, false), 2000, 1001))
    );

    let answer = |world: &mut World, port| {
        let packet = world.udp(a.nic, b, (5000, port), b"hello");
        world.ask(a.nic, packet).back.unwrap().packet
    };
    let same = answer(&mut world, 53);
    assert_eq!(
        (same.content(), &same.payload()[8..]),
        (Content::Udp, &b"hello"[..])
    );
    let refused = answer(&mut world, 54);
    assert_eq!(refused.payload()[..2], [3, 3]);
    assert!(refused.quoted().is_some());
}

#[test]
fn two_guests_on_which_everything_listens_do_not_talk_for_ever() {
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    let packet = world.udp(a.nic, b, (53, 53), b"hello");
    let trip = world.ask(a.nic, packet);
    let back = trip.back.unwrap();
    assert!(back.is_delivered());
    assert_eq!(world.answers(&back), []);
}

#[test]
fn a_packet_with_a_broken_checksum_reaches_the_guest_and_is_not_answered() {
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    let mut bytes = world.echo(a.nic, world.address(b)).datagram().to_vec();
    bytes[30] ^= 0xFF;
    let trip = world.ask(a.nic, Packet::from_datagram(&bytes).unwrap());
    assert!(trip.there.is_delivered());
    assert!(trip.back.is_none());
}

#[test]
fn a_guest_with_two_nics_sends_by_its_connected_subnets_then_by_its_primary() {
    // N-3
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let inner = world.subnet(a.vnet, "inner", "10.1.1.0/24");
    let far = world.subnet(a.vnet, "far", "10.1.2.0/24");
    let (first, second) = (
        world.nic("first", a.subnet, true),
        world.nic("second", inner, true),
    );
    world.machine("router", &[first, second], Guest::default());
    let (inner_vm, _) = world.vm("innerVM", inner);
    let (far_vm, _) = world.vm("farVM", far);
    world.routes(a.subnet, &[("10.1.1.0/24", appliance("10.1.0.5"))]);
    world.routes(far, &[("10.1.0.0/16", appliance("10.1.1.4"))]);

    let packet = world.echo(a.nic, world.address(inner_vm));
    let walk = world.send(a.nic, packet);
    assert_eq!(walk.visited, [first, inner_vm]);
    let left: Vec<_> = walk
        .steps
        .iter()
        .filter_map(|step| match step {
            dataplane::Step::Forwarded {
                entered, leaves, ..
            } => Some((*entered, *leaves)),
            _ => None,
        })
        .collect();
    assert_eq!(left, [(first, second)]);

    let packet = world.echo(far_vm, ip("203.0.113.5"));
    let walk = world.send(far_vm, packet);
    assert_eq!(world.story(&walk), "delivered to Internet");
    let packet = world.echo(far_vm, world.address(a.nic));
    let walk = world.send(far_vm, packet);
    assert_eq!(walk.visited, [second, a.nic], "out through the first");
}

#[test]
fn a_translating_appliance_with_two_nics_sends_answers_back_where_they_are_wanted() {
    // N-3: by the origin's address, not by its own, which is what the answer was sent to.
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let outer = world.subnet(a.vnet, "outer", "10.1.1.0/24");
    let nics = [
        world.nic("outerNic", outer, true),
        world.nic("innerNic", a.subnet, true),
    ];
    world.machine("nat", &nics, source_nat());
    let (target, _) = world.vm("target", outer);
    world.routes(a.subnet, &[("10.1.1.0/24", appliance("10.1.0.5"))]);
    let trip = world.ping(a.nic, target);
    assert_eq!(trip.there.packet.source(), world.address(nics[0]));
    let back = trip.back.expect("an answer");
    assert_eq!(back.visited, [nics[0], a.nic]);
    let left = back.steps.iter().find_map(|step| match step {
        dataplane::Step::Forwarded { leaves, .. } => Some(*leaves),
        _ => None,
    });
    assert_eq!(left, Some(nics[1]));
}

#[test]
fn a_packet_to_the_senders_own_address_stays_in_the_guest() {
    // S-16: no rule is asked.
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let group = world.group(
        "nsg",
        vec![crate::world::deny_all(model::Direction::Outbound)],
    );
    world
        .network
        .set_subnet_security_group(a.subnet, Some(group));
    let trip = world.ping(a.nic, a.nic);
    assert!(trip.there.is_delivered() && trip.there.visited.is_empty());
    assert_eq!(trip.ttl(), Some(64));
}

#[test]
fn a_pool_of_appliances_sends_both_directions_through_one_member() {
    //
    let mut net = hub_and_spokes([true, true], Guest::default());
    let balancer = balancer_with(&mut net, 3);
    for subnet in [net.one.subnet, net.two.subnet] {
        net.world
            .routes(subnet, &[("10.0.0.0/8", appliance("10.0.0.100"))]);
    }
    let mut used = std::collections::BTreeSet::new();
    for port in 1..60 {
        let packet = net
            .world
            .tcp(net.one.nic, net.two.nic, (port, 80), TcpFlags::SYN);
        let trip = net.world.ask(net.one.nic, packet);
        let member = trip.there.visited[0];
        assert_eq!(trip.back.unwrap().visited[0], member);
        used.insert(member);
    }
    assert_eq!(used.len(), 3, "every member has some flows");

    let members: Vec<_> = used.into_iter().collect();
    for nic in members {
        let model::NicOwner::VirtualMachine(vm) = net.world.network.nics()[nic].owner else {
            panic!("members are VMs");
        };
        net.world
            .change(|network| network.set_power(vm, PowerState::Stopped));
        let packet = net
            .world
            .tcp(net.one.nic, net.two.nic, (1, 80), TcpFlags::SYN);
        let walk = net.world.send(net.one.nic, packet);
        assert!(
            !walk.visited.contains(&nic),
            "members that are down are skipped"
        );
    }
    let trip = net.world.ping(net.one.nic, net.two.nic);
    let name = net.world.network.load_balancers()[balancer].id.name();
    assert_eq!(
        net.world.stories(&trip).0,
        format!("spoke1VMNic: no-backend at balancer {name}")
    );
}

/// An internal load balancer at 10.0.0.100 with new appliances behind it.
fn balancer_with(net: &mut crate::world::HubAndSpokes, members: usize) -> LoadBalancerId {
    let world = &mut net.world;
    let balancer = world
        .network
        .create_load_balancer(model::LoadBalancerRequest {
            id: id("loadBalancers", "ilb"),
            location: model::Location::default(),
            sku: model::Sku::Standard,
            frontends: vec![(
                "front".to_owned(),
                model::FrontendRequest::Private(
                    net.hub.subnet,
                    RequestedAddress::Static(ip("10.0.0.100")),
                ),
            )],
            pools: vec![model::BackendPool {
                name: "pool".to_owned(),
                addresses: Vec::new(),
            }],
            rules: vec![model::delivery::LoadBalancingRule {
                name: "ha".to_owned(),
                frontend: "front".to_owned(),
                pool: "pool".to_owned(),
                protocol: None,
                frontend_port: 0,
                backend_port: 0,
                floating_ip: false,
                probe: None,
                disable_outbound_snat: false,
            }],
            probes: Vec::new(),
            inbound_nat_rules: Vec::new(),
            outbound_rules: Vec::new(),
        })
        .unwrap();
    for number in 0..members {
        let name = format!("member{number}");
        let nic = world
            .network
            .create_nic(model::NicRequest {
                id: id("networkInterfaces", &name),
                location: model::Location::default(),
                ip_configurations: vec![model::IpConfigurationRequest {
                    backend_pools: vec![(balancer, "pool".to_owned())],
                    ..model::IpConfigurationRequest::new("ipconfig1", net.hub.subnet)
                }],
                network_security_group: None,
                ip_forwarding: true,
                tcp_state_tracking_disabled: false,
                mac_address: None,
            })
            .unwrap();
        world.machine(&name, &[nic], Guest::default());
    }
    balancer
}

#[test]
fn what_leaves_azure_is_cut_at_1400_bytes_or_dropped() {
    // K-7
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let packet = |dont_fragment| {
        let envelope = Envelope {
            dont_fragment,
            ..Envelope::new(ip("10.1.0.4"), ip("203.0.113.5"))
        };
        Packet::udp(envelope, 1, 2, &[0; 1472]).unwrap()
    };
    let walk = world.send(a.nic, packet(false));
    assert_eq!(world.story(&walk), "delivered to Internet");
    let lengths = (walk.packet.len(), walk.spawned[0].packet.len());
    assert_eq!(lengths, (1396, 124));
    let rest = walk.spawned[0].clone();
    let rest = world.follow(rest.position, rest.packet, Evidence::default());
    assert_eq!(world.story(&rest), "delivered to Internet");

    let walk = world.send(a.nic, packet(true));
    assert_eq!(world.story(&walk), "AVMNic: mtu-df at NIC AVMNic");
    assert!(walk.spawned.is_empty(), "K-8: silently");
    world.change(|network| {
        network.options.fabric_icmp = model::options::FabricIcmp::FragNeeded;
    });
    let walk = world.send(a.nic, packet(true));
    let report = walk.spawned[0].clone();
    assert_eq!(report.packet.source(), ip("10.1.0.1"));
    assert_eq!(report.packet.payload()[6..8], 1400_u16.to_be_bytes());
    let report = world.follow(report.position, report.packet, Evidence::default());
    assert_eq!(world.story(&report), "delivered to AVMNic");
}

#[test]
fn a_packet_is_sent_at_most_255_times() {
    // K-6: every loop passes a guest, so that only a driver that forgets step 13 could get here.
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    let mut packet = world.echo(a.nic, world.address(b));
    for sent in 1..=255 {
        let walk = world.follow(Position::Leaving(a.nic), packet, Evidence::default());
        if sent < 255 {
            assert!(walk.is_delivered());
        } else {
            assert_eq!(world.story(&walk), "AVMNic: loop-guard at NIC AVMNic");
        }
        packet = walk.packet;
    }
}

#[test]
fn frames_carry_the_stations_that_a_capture_in_the_guest_shows() {
    // N-7
    let mut world = World::new();
    let a = world.site("A", "10.1.0.0/16");
    let (b, _) = world.vm("B", a.subnet);
    let packet = world.echo(a.nic, world.address(b));
    let walk = world.send(a.nic, packet);
    let fabric = [0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];
    assert_eq!(walk.packet.frame()[..6], dataplane::packet::derived_mac(b));
    assert_eq!(walk.packet.frame()[6..12], fabric);
    assert!(matches!(walk.outcome, Outcome::Delivered(_)));
}

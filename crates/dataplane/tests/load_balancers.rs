//! Frontends as destinations: which rule takes a packet, who gets it, and what the client sees of that.

use dataplane::packet::{Content, Envelope, IcmpError, TcpFlags, TcpSegment};
use dataplane::{DropReason, Packet};
use model::delivery::LoadBalancingRule;
use model::{
    Access, BackendAddress, BackendPool, Direction, FrontendRequest, Guest, HealthProbe,
    InboundNatRule, InboundNatTarget, Listener, LoadBalancerId, LoadBalancerRequest, Location,
    NicId, PowerState, RequestedAddress, Sku,
};

use crate::world::{Site, World, deny_all, flags, id, ip, rule, tag};

/// A network with a client, a subnet of members and a load balancer at 10.0.1.100, and a peered network with a client of its own.
struct Balanced {
    world: World,
    site: Site,
    far: Site,
    balancer: LoadBalancerId,
    members: Vec<NicId>,
}

fn balancing(name: &str, protocol: Option<u8>, ports: (u16, u16)) -> LoadBalancingRule {
    LoadBalancingRule {
        name: name.to_owned(),
        frontend: "front".to_owned(),
        pool: "pool".to_owned(),
        protocol,
        frontend_port: ports.0,
        backend_port: ports.1,
        floating_ip: false,
        probe: None,
        disable_outbound_snat: false,
    }
}

fn nat_rule(name: &str, port: u16) -> InboundNatRule {
    InboundNatRule {
        name: name.to_owned(),
        frontend: "front".to_owned(),
        protocol: Some(6),
        frontend_ports: port..=port,
        backend_port: 22,
        floating_ip: false,
        target: InboundNatTarget::Nobody,
    }
}

fn balanced(count: usize, change: impl FnOnce(&mut LoadBalancerRequest)) -> Balanced {
    let mut world = World::new();
    let site = world.site("web", "10.0.0.0/16");
    let far = world.site("far", "10.5.0.0/16");
    world.link(site.vnet, far.vnet, flags(&["access"]));
    world.link(far.vnet, site.vnet, flags(&["access"]));
    let subnet = world.subnet(site.vnet, "members", "10.0.1.0/24");
    let frontend = RequestedAddress::Static(ip("10.0.1.100"));
    let mut request = LoadBalancerRequest {
        id: id("loadBalancers", "ilb"),
        location: Location::default(),
        sku: Sku::Standard,
        frontends: vec![(
            "front".to_owned(),
            FrontendRequest::Private(subnet, frontend),
        )],
        pools: vec![BackendPool {
            name: "pool".to_owned(),
            addresses: Vec::new(),
        }],
        rules: vec![balancing("web", Some(6), (80, 8080))],
        probes: Vec::new(),
        inbound_nat_rules: Vec::new(),
        outbound_rules: Vec::new(),
    };
    change(&mut request);
    let balancer = world.network.create_load_balancer(request).unwrap();
    let members = (0..count)
        .map(|number| {
            let name = format!("member{number}");
            let nic = world.nic_with(&name, subnet, |nic| {
                nic.ip_configurations[0].backend_pools = vec![(balancer, "pool".to_owned())];
            });
            world.machine(&name, &[nic], Guest::default());
            nic
        })
        .collect();
    Balanced {
        world,
        site,
        far,
        balancer,
        members,
    }
}

const FRONT: &str = "10.0.1.100";

fn syn(world: &World, from: NicId, to: &str, ports: (u16, u16)) -> Packet {
    let segment = TcpSegment {
        source_port: ports.0,
        destination_port: ports.1,
        sequence: 1,
        acknowledgment: 0,
        flags: TcpFlags::SYN,
        window: 1024,
    };
    Packet::tcp(Envelope::new(world.address(from), ip(to)), segment, &[]).unwrap()
}

#[test]
fn a_member_gets_the_clients_packet_and_the_client_an_answer_from_the_frontend() {
    let mut net = balanced(3, |_| {});
    let client = net.far.nic;
    let mut used = std::collections::BTreeSet::new();
    for port in 50_000..50_040 {
        let packet = syn(&net.world, client, FRONT, (port, 80));
        let trip = net.world.ask(client, packet);
        let there = trip.there.packet.tuple();
        let member = trip.there.visited[0];
        assert!(net.members.contains(&member));
        assert_eq!(
            (there.source, there.source_port),
            (net.world.address(client), port),
            "the client's source is kept"
        );
        assert_eq!(
            (there.destination, there.destination_port),
            (net.world.address(member), 8080)
        );
        let back = trip.back.unwrap();
        assert!(back.is_delivered(), "{:?}", back.outcome);
        let answer = back.packet.tuple();
        assert_eq!((answer.source, answer.source_port), (ip(FRONT), 80));
        assert!(back.packet.has_valid_transport_checksum());
        used.insert(member);
    }
    assert_eq!(used.len(), 3, "every member has some flows");
}

#[test]
fn a_port_without_rule_and_a_frontend_without_members_are_silent() {
    let mut net = balanced(1, |_| {});
    let client = net.site.nic;
    for packet in [
        syn(&net.world, client, FRONT, (50_000, 81)),
        net.world.echo(client, ip(FRONT)),
    ] {
        let walk = net.world.send(client, packet);
        assert_eq!(
            net.world.story(&walk),
            "webVMNic: no-backend at balancer ilb"
        );
    }
    let mut empty = balanced(0, |_| {});
    let packet = syn(&empty.world, empty.site.nic, FRONT, (50_000, 80));
    let walk = empty.world.send(empty.site.nic, packet);
    assert_eq!(walk.reason(), Some(DropReason::NoBackend));
}

#[test]
fn rules_of_members_see_the_client_and_the_private_address_and_port() {
    // S-4: neither the frontend's address nor its port.
    let mut net = balanced(1, |_| {});
    let mut allow = rule("AllowClient", 100, Direction::Inbound, Access::Allow);
    allow.source = model::RuleAddresses::Prefixes(vec!["10.5.0.4/32".parse().unwrap()]);
    allow.destination = model::RuleAddresses::Prefixes(vec!["10.0.1.4/32".parse().unwrap()]);
    allow.destination_ports = model::Ports::from_ranges([(8080, 8080)]);
    let mut deny = deny_all(Direction::Inbound);
    deny.priority = 200;
    let group = net.world.group("members", vec![allow, deny]);
    let member = net.members[0];
    net.world
        .network
        .set_nic_security_group(member, Some(group));
    let packet = syn(&net.world, net.far.nic, FRONT, (50_000, 80));
    let trip = net.world.ask(net.far.nic, packet);
    assert!(trip.back.unwrap().is_delivered());
    let packet = syn(&net.world, net.site.nic, FRONT, (50_000, 80));
    let walk = net.world.send(net.site.nic, packet);
    assert_eq!(
        net.world.story(&walk),
        "member0: nsg-deny at DenyAll of members at NIC"
    );
}

#[test]
fn members_that_are_stopped_or_do_not_answer_the_probe_get_nothing() {
    let probed = |request: &mut LoadBalancerRequest| {
        request.probes = vec![HealthProbe {
            name: "health".to_owned(),
            protocol: "Tcp".to_owned(),
            port: 8080,
        }];
        request.rules[0].probe = Some("Health".to_owned());
    };
    let mut net = balanced(4, probed);
    let vm = |world: &World, nic: NicId| match world.network.nics()[nic].owner {
        model::NicOwner::VirtualMachine(vm) => vm,
        other => panic!("{other:?}"),
    };
    let stopped = vm(&net.world, net.members[0]);
    net.world.network.set_power(stopped, PowerState::Stopped);
    let deaf = vm(&net.world, net.members[1]);
    let guest = Guest {
        listen: Some(vec![Listener::Tcp(22)]),
        ..Guest::default()
    };
    net.world.network.set_guest(deaf, guest);
    // S-26: the probe is subject to inbound rules; T-7: it comes from the tag AzureLoadBalancer.
    let mut deny = deny_all(Direction::Inbound);
    deny.source = tag("AzureLoadBalancer");
    let group = net.world.group("no-probes", vec![deny]);
    net.world
        .network
        .set_nic_security_group(net.members[2], Some(group));
    for port in 50_000..50_040 {
        let packet = syn(&net.world, net.site.nic, FRONT, (port, 80));
        let walk = net.world.send(net.site.nic, packet);
        assert_eq!(walk.visited, [net.members[3]]);
    }
    let last = vm(&net.world, net.members[3]);
    net.world
        .change(|network| network.set_power(last, PowerState::Stopped));
    let packet = syn(&net.world, net.site.nic, FRONT, (50_000, 80));
    let walk = net.world.send(net.site.nic, packet);
    assert_eq!(walk.reason(), Some(DropReason::NoBackend));
}

#[test]
fn an_inbound_nat_rule_leads_to_its_one_member_or_to_those_of_a_pool_in_turn() {
    let mut net = balanced(2, |request| {
        request.rules.clear();
        request.inbound_nat_rules = vec![
            nat_rule("ssh", 2222),
            InboundNatRule {
                frontend_ports: 5000..=5010,
                target: InboundNatTarget::Pool("pool".to_owned()),
                ..nat_rule("each", 0)
            },
        ];
    });
    let aimed = net.members[1];
    assert!(
        net.world
            .network
            .aim_inbound_nat_rule(net.balancer, "SSH", aimed, 0)
    );
    for (port, member) in [(2222, 1), (5000, 0), (5001, 1)] {
        let packet = syn(&net.world, net.site.nic, FRONT, (50_000 + port, port));
        let trip = net.world.ask(net.site.nic, packet);
        assert_eq!(trip.there.visited, [net.members[member]]);
        assert_eq!(trip.there.packet.tuple().destination_port, 22);
        assert_eq!(trip.back.unwrap().packet.tuple().source_port, port);
    }
    let packet = syn(&net.world, net.site.nic, FRONT, (50_000, 5002));
    let walk = net.world.send(net.site.nic, packet);
    assert_eq!(walk.reason(), Some(DropReason::NoBackend));
}

#[test]
fn with_floating_ip_members_see_the_frontend_and_answer_as_it() {
    let mut net = balanced(1, |request| request.rules[0].floating_ip = true);
    let packet = syn(&net.world, net.site.nic, FRONT, (50_000, 80));
    let trip = net.world.ask(net.site.nic, packet);
    assert!(trip.there.is_delivered(), "{:?}", trip.there.outcome);
    let there = trip.there.packet.tuple();
    assert_eq!((there.destination, there.destination_port), (ip(FRONT), 80));
    let back = trip.back.unwrap();
    assert!(back.is_delivered());
    assert_eq!(back.packet.source(), ip(FRONT));
}

#[test]
fn a_pool_may_name_its_members_by_address() {
    let mut net = balanced(0, |request| {
        request.pools[0].addresses = vec![BackendAddress {
            address: ip("10.0.0.4"),
            virtual_network: None,
        }];
    });
    let packet = syn(&net.world, net.far.nic, FRONT, (50_000, 80));
    let walk = net.world.send(net.far.nic, packet);
    assert_eq!(walk.visited, [net.site.nic]);
    // A member that asks its own frontend would get its own packet back, and discards it.
    let packet = syn(&net.world, net.site.nic, FRONT, (50_000, 80));
    let walk = net.world.send(net.site.nic, packet);
    assert_eq!(
        net.world.story(&walk),
        "webVMNic: no-backend at balancer ilb"
    );
}

#[test]
fn a_rule_for_one_port_passes_nothing_else_on_as_a_next_hop() {
    // HA ports are what Azure documents for appliances; a narrower rule is taken at its word.
    let mut net = balanced(1, |_| {});
    net.world.routes(
        net.site.subnet,
        &[("10.5.0.0/16", crate::world::appliance(FRONT))],
    );
    for (port, taken) in [(80, true), (443, false)] {
        let packet = syn(&net.world, net.site.nic, "10.5.0.4", (50_000, port));
        let walk = net.world.send(net.site.nic, packet);
        assert_eq!(walk.reason() != Some(DropReason::NoBackend), taken);
        // It is passed on for its own destination: nothing is translated.
        assert_eq!(walk.packet.destination(), ip("10.5.0.4"));
    }
}

#[test]
fn ha_ports_take_every_protocol_and_fragments_follow_their_first() {
    let mut net = balanced(2, |request| {
        request.rules = vec![balancing("ha", None, (0, 0))];
    });
    let client = net.site.nic;
    let trip = net.world.ping_address(client, ip(FRONT));
    assert_eq!(trip.back.unwrap().packet.source(), ip(FRONT));

    let envelope = Envelope {
        identification: 77,
        ..Envelope::new(net.world.address(client), ip(FRONT))
    };
    let long = Packet::udp(envelope, 5000, 53, &[7; 3000]).unwrap();
    let mut at = None;
    for part in long.fit(1500).unwrap() {
        let walk = net.world.send(client, part);
        assert!(walk.is_delivered(), "{:?}", walk.outcome);
        assert_eq!(
            *at.get_or_insert(walk.visited[0]),
            walk.visited[0],
            "all fragments reach one member"
        );
        assert_eq!(
            walk.packet.destination(),
            net.world.address(walk.visited[0])
        );
    }
    // The answer is cut by the member, and all of its parts come from the frontend.
    let member = at.unwrap();
    let envelope = Envelope {
        identification: 78,
        ..Envelope::new(net.world.address(member), net.world.address(client))
    };
    let answer = Packet::udp(envelope, 53, 5000, &[8; 3000]).unwrap();
    for part in answer.fit(1500).unwrap() {
        let walk = net.world.send(member, part);
        assert!(walk.is_delivered(), "{:?}", walk.outcome);
        assert_eq!(walk.packet.source(), ip(FRONT));
    }
}

#[test]
fn errors_about_translated_packets_name_what_each_side_knows() {
    let mut net = balanced(1, |_| {});
    let (client, member) = (net.site.nic, net.members[0]);
    let (own, real) = (net.world.address(client), net.world.address(member));
    let packet = syn(&net.world, client, FRONT, (50_000, 80));
    let trip = net.world.ask(client, packet);

    // The member complains about what it got.
    let complaint = trip.there.packet.error(IcmpError::PortUnreachable, real);
    let walk = net.world.send(member, complaint.unwrap());
    assert!(walk.is_delivered(), "{:?}", walk.outcome);
    assert_eq!(walk.packet.source(), ip(FRONT));
    let quoted = walk.packet.quoted().unwrap();
    assert_eq!((quoted.source, quoted.source_port), (own, 50_000));
    assert_eq!(
        (quoted.destination, quoted.destination_port),
        (ip(FRONT), 80)
    );
    assert!(walk.packet.has_valid_transport_checksum());

    // The client complains about the answer.
    let answer = trip.back.unwrap().packet;
    let complaint = answer.error(IcmpError::PortUnreachable, own).unwrap();
    assert!(matches!(complaint.content(), Content::IcmpError(_)));
    let walk = net.world.send(client, complaint);
    assert_eq!(net.world.story(&walk), "delivered to member0");
    let quoted = walk.packet.quoted().unwrap();
    assert_eq!((quoted.source, quoted.source_port), (real, 8080));
    assert!(walk.packet.has_valid_transport_checksum());
}

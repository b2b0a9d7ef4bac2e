//! An Azure firewall at work: flows, translations, silence (S-35).

use dataplane::dropped::DropReason;
use dataplane::packet::{Content, Envelope, TcpFlags, TcpSegment};
use dataplane::{Packet, Step};
use model::spelling::Access;
use model::{
    CollectionAction, FirewallAddresses, FirewallPolicy, FirewallRequest, FirewallRule,
    IpConfigurationRequest, Location, NicId, Ports, PublicIpAddress, RuleCollection,
    RuleCollectionGroup, RuleProtocol, Sku, TranslatedDestination,
};

use crate::world::{Site, World, appliance, flags, id, ip};

const PUBLIC: &str = "203.0.113.77";

struct Estate {
    world: World,
    hub: Site,
    one: Site,
    two: Site,
    firewall: NicId,
}

fn everything() -> FirewallAddresses {
    FirewallAddresses {
        everything: true,
        ..FirewallAddresses::default()
    }
}

fn allow(name: &str, protocol: RuleProtocol, sources: &str) -> FirewallRule {
    FirewallRule {
        name: name.to_owned(),
        protocols: vec![protocol],
        sources: FirewallAddresses {
            prefixes: vec![sources.parse().unwrap()],
            ..FirewallAddresses::default()
        },
        destinations: everything(),
        ports: Ports::all(),
        names: Vec::new(),
        translated: None,
    }
}

/// A hub with a firewall at 10.0.1.4, two spokes whose way everywhere leads through it. Spoke 1 may ask anybody by TCP and ICMP; what
/// comes to the firewall's public address at port 8080 goes to port 80 in spoke 2.
fn estate(private_ranges: Option<&str>) -> Estate {
    let mut world = World::new();
    let hub = world.site("hub", "10.0.0.0/16");
    let one = world.site("spoke1", "10.1.0.0/16");
    let two = world.site("spoke2", "10.2.0.0/16");
    for spoke in [one, two] {
        world.link(hub.vnet, spoke.vnet, flags(&["access"]));
        world.link(spoke.vnet, hub.vnet, flags(&["access", "forwarded"]));
        world.routes(spoke.subnet, &[("0.0.0.0/0", appliance("10.0.1.4"))]);
    }
    world.routes(hub.subnet, &[("203.0.113.77/32", appliance("10.0.1.4"))]);
    let subnet = world.subnet(hub.vnet, "AzureFirewallSubnet", "10.0.1.0/26");
    let public = world
        .network
        .create_public_ip(PublicIpAddress {
            id: id("publicIPAddresses", "fw-ip"),
            location: Location::default(),
            address: Some(ip(PUBLIC)),
            sku: Sku::Standard,
        })
        .unwrap();
    let published = FirewallRule {
        sources: everything(),
        destinations: FirewallAddresses {
            prefixes: vec![ip(PUBLIC).into()],
            ..FirewallAddresses::default()
        },
        ports: Ports::from_ranges(vec![(8080, 8080)]),
        translated: Some(TranslatedDestination {
            address: Some(world.address(two.nic)),
            fqdn: None,
            port: Some(80),
        }),
        ..allow("site", RuleProtocol::Tcp, "0.0.0.0/0")
    };
    let collection = |name: &str, action, rules| RuleCollection {
        name: name.to_owned(),
        priority: 100,
        action,
        rules,
    };
    let collections = vec![
        collection(
            "published",
            CollectionAction::DestinationNat,
            vec![published],
        ),
        collection(
            "east-west",
            CollectionAction::Network(Access::Allow),
            vec![
                allow("tcp", RuleProtocol::Tcp, "10.1.0.0/16"),
                allow("echo", RuleProtocol::Icmp, "10.1.0.0/16"),
            ],
        ),
    ];
    world
        .network
        .create_firewall_policy(FirewallPolicy {
            id: id("firewallPolicies", "p"),
            location: Location::default(),
            base: None,
            private_ranges: private_ranges.map(|range| vec![range.parse().unwrap()]),
            groups: vec![RuleCollectionGroup {
                name: "g".to_owned(),
                priority: 100,
                collections,
            }],
            incomplete: false,
        })
        .unwrap();
    let key = world
        .network
        .create_firewall(FirewallRequest {
            id: id("azureFirewalls", "fw"),
            location: Location::default(),
            configuration: IpConfigurationRequest {
                public_ip: Some(public),
                ..IpConfigurationRequest::new("ipconfig1", subnet)
            },
            policy: Some(id("firewallPolicies", "p")),
            classic_collections: Vec::new(),
            classic_private_ranges: None,
            public_ips: vec![public],
        })
        .unwrap();
    let firewall = world.network.firewalls()[key].nic;
    Estate {
        world,
        hub,
        one,
        two,
        firewall,
    }
}

fn syn(from: std::net::Ipv4Addr, to: std::net::Ipv4Addr, ports: (u16, u16)) -> Packet {
    let segment = TcpSegment {
        source_port: ports.0,
        destination_port: ports.1,
        sequence: 1000,
        acknowledgment: 0,
        flags: TcpFlags::SYN,
        window: 1024,
    };
    Packet::tcp(Envelope::new(from, to), segment, &[]).unwrap()
}

#[test]
fn answers_of_a_flow_pass_and_nothing_else_does() {
    let mut net = estate(None);
    let (one, two) = (net.one.nic, net.two.nic);
    let trip = net.world.ping(one, two);
    assert_eq!(trip.there.visited, [net.firewall, two]);
    assert_eq!(trip.there.packet.source(), net.world.address(one)); // private: the source is kept
    assert_eq!(trip.back.unwrap().visited, [net.firewall, one]);
    assert_eq!(trip.there.packet.ttl(), 63);

    let asked = net.world.ping(two, one);
    assert_eq!(asked.there.reason(), Some(DropReason::GuestNotForwarding));
    assert_eq!(
        net.world.story(&asked.there),
        "ipconfig1: guest-not-forwarding at fw without rule"
    );
}

#[test]
fn a_connection_that_the_firewall_has_not_seen_begin_is_none() {
    let mut net = estate(None);
    let (one, two) = (net.one.nic, net.two.nic);
    let midstream = net.world.tcp(one, two, (5000, 1433), TcpFlags::ACK);
    let walk = net.world.send(one, midstream);
    assert_eq!(walk.reason(), Some(DropReason::TcpNoSyn));
    let begun = net.world.tcp(one, two, (5000, 1433), TcpFlags::SYN);
    assert!(net.world.send(one, begun).is_delivered());
    let midstream = net.world.tcp(one, two, (5000, 1433), TcpFlags::ACK);
    assert!(net.world.send(one, midstream).is_delivered());
    // Five idle minutes between private ends, and it is forgotten.
    net.world.wait(301);
    let late = net.world.tcp(one, two, (5000, 1433), TcpFlags::ACK);
    assert_eq!(
        net.world.send(one, late).reason(),
        Some(DropReason::TcpNoSyn)
    );
}

#[test]
fn what_comes_to_the_public_address_goes_where_the_rule_says_and_the_answer_comes_from_there() {
    let mut net = estate(None);
    let client = net.hub.nic;
    let from = net.world.address(client);
    let trip = net.world.ask(client, syn(from, ip(PUBLIC), (5000, 8080)));
    let there = &trip.there;
    assert_eq!(there.visited, [net.firewall, net.two.nic]);
    assert_eq!(there.packet.source(), net.world.address(net.firewall));
    assert_eq!(there.packet.destination(), net.world.address(net.two.nic));
    assert_eq!(there.packet.tuple().destination_port, 80);
    assert!(there.packet.has_valid_transport_checksum());

    let back = trip.back.expect("everything listens");
    assert_eq!(back.visited, [net.firewall, client]);
    let tuple = back.packet.tuple();
    assert_eq!((tuple.source, tuple.source_port), (ip(PUBLIC), 8080));
    assert_eq!((tuple.destination, tuple.destination_port), (from, 5000));
    assert!(back.packet.has_valid_transport_checksum());

    let other_port = net.world.send(client, syn(from, ip(PUBLIC), (5000, 8081)));
    assert_eq!(other_port.reason(), Some(DropReason::GuestNotForwarding));
}

#[test]
fn toward_public_addresses_the_firewall_speaks_in_its_own_name_unless_told_otherwise() {
    for (ranges, kept) in [(None, false), (Some("0.0.0.0/0"), true)] {
        let mut net = estate(ranges);
        let one = net.one.nic;
        let from = net.world.address(one);
        let walk = net
            .world
            .send(one, syn(from, ip("198.51.100.9"), (5000, 443)));
        let source = walk.steps.iter().find_map(|step| match step {
            Step::Forwarded {
                entered, source, ..
            } if *entered == net.firewall => Some(*source),
            _ => None,
        });
        let own = (!kept).then(|| net.world.address(net.firewall));
        assert_eq!(source, Some(own), "{ranges:?}");
    }
    // 255.255.255.255/32: toward private addresses too.
    let mut net = estate(Some("255.255.255.255/32"));
    let trip = net.world.ping(net.one.nic, net.two.nic);
    assert_eq!(trip.there.packet.source(), net.world.address(net.firewall));
    assert_eq!(trip.back.unwrap().visited, [net.firewall, net.one.nic]);
}

#[test]
fn fragments_and_errors_belong_to_their_flow() {
    let mut net = estate(None);
    let (one, two) = (net.one.nic, net.two.nic);
    let long = Packet::echo_request(
        Envelope::new(net.world.address(one), net.world.address(two)),
        7,
        1,
        &[0; 3000],
    )
    .unwrap();
    let pieces = long.fit(1500).unwrap();
    assert_eq!(pieces.len(), 3);
    for piece in pieces {
        assert!(net.world.send(one, piece).is_delivered());
    }
    // An error about a flow comes back; the same about none does not.
    let begun = net.world.tcp(one, two, (6000, 22), TcpFlags::SYN);
    let there = net.world.send(one, begun);
    let error = dataplane::packet::IcmpError::PortUnreachable;
    let report = there.packet.error(error, net.world.address(two)).unwrap();
    assert!(matches!(report.content(), Content::IcmpError(_)));
    assert!(net.world.send(two, report).is_delivered());
    let stray = net.world.tcp(one, two, (6001, 22), TcpFlags::SYN);
    let report = stray.error(error, net.world.address(two)).unwrap();
    assert_eq!(
        net.world.send(two, report).reason(),
        Some(DropReason::GuestNotForwarding)
    );
}

//! The Internet as an end (N-12, N-13, R-35): under which address packets go out, who is reached from there, and what comes back.

use std::net::Ipv4Addr;

use dataplane::packet::{Content, Envelope, IcmpError, TcpFlags, TcpSegment};
use dataplane::{DropReason, Packet};
use model::delivery::LoadBalancingRule;
use model::{
    Access, BackendPool, Direction, FrontendRequest, Guest, LoadBalancerRequest, Location,
    NatGateway, NicId, PublicIpAddress, PublicIpId, Sku, SubnetId, SubnetRequest,
};

use crate::world::{Site, Trip, World, appliance, deny_all, id, ip, rule};

const SERVER: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);

/// A network that is joined to the Internet.
struct Joined {
    world: World,
    site: Site,
    internet: NicId,
}

fn joined() -> Joined {
    let mut world = World::new();
    let site = world.site("web", "10.0.0.0/16");
    let internet = world
        .network
        .connect_internet(model::outside::INTERNET_HOST);
    Joined {
        world,
        site,
        internet,
    }
}

impl Joined {
    fn public(&mut self, name: &str, address: &str) -> PublicIpId {
        let public = PublicIpAddress {
            id: id("publicIPAddresses", name),
            location: Location::default(),
            address: Some(ip(address)),
            sku: Sku::Standard,
        };
        self.world.network.create_public_ip(public).unwrap()
    }

    /// A subnet, and machines in it with and without a public address.
    fn machine(&mut self, name: &str, subnet: SubnetId, public: Option<PublicIpId>) -> NicId {
        let nic = self.world.nic_with(name, subnet, |nic| {
            nic.ip_configurations[0].public_ip = public;
        });
        self.world.machine(name, &[nic], Guest::default());
        nic
    }

    /// A NAT gateway's subnet.
    fn behind_nat_gateway(&mut self, address: &str) -> SubnetId {
        let public = self.public("nat-pip", address);
        let gateway = NatGateway {
            id: id("natGateways", "nat"),
            location: Location::default(),
            public_ips: vec![public],
        };
        let gateway = self.world.network.create_nat_gateway(gateway).unwrap();
        let mut request = SubnetRequest::new("nat", "10.0.7.0/24".parse().unwrap());
        request.nat_gateway = Some(gateway);
        let vnet = self.site.vnet;
        self.world.network.create_subnet(vnet, request).unwrap()
    }

    /// A packet from a host in the Internet, and the first answer to it.
    fn ask_from_internet(&mut self, packet: Packet) -> Trip {
        self.world.ask(self.internet, packet)
    }

    fn seen_by(&mut self, from: NicId, packet: Packet) -> (Ipv4Addr, u16) {
        let walk = self.world.send(from, packet);
        assert!(walk.is_delivered(), "{:?}", walk.outcome);
        assert_eq!(walk.visited, [self.internet]);
        let tuple = walk.packet.tuple();
        (tuple.source, tuple.source_port)
    }
}

fn syn(source: Ipv4Addr, destination: Ipv4Addr, ports: (u16, u16)) -> Packet {
    let segment = TcpSegment {
        source_port: ports.0,
        destination_port: ports.1,
        sequence: 1,
        acknowledgment: 0,
        flags: TcpFlags::SYN,
        window: 1024,
    };
    Packet::tcp(Envelope::new(source, destination), segment, &[]).unwrap()
}

#[test]
fn a_public_address_is_one_machines_in_both_directions() {
    // N-13
    let mut net = joined();
    let public = net.public("pip", "20.0.0.5");
    let vm = net.machine("vm", net.site.subnet, Some(public));
    let own = net.world.address(vm);

    let trip = net.world.ping_address(vm, SERVER);
    assert_eq!(trip.there.packet.source(), ip("20.0.0.5"));
    assert_eq!(trip.back.unwrap().packet.destination(), own);

    let trip = net.ask_from_internet(syn(SERVER, ip("20.0.0.5"), (5000, 443)));
    assert_eq!(trip.there.packet.destination(), own);
    let back = trip.back.unwrap();
    assert!(back.is_delivered());
    assert_eq!(back.packet.source(), ip("20.0.0.5"));
}

#[test]
fn rules_see_the_private_address_on_both_ways() {
    // S-4
    let mut net = joined();
    let public = net.public("pip", "20.0.0.5");
    let vm = net.machine("vm", net.site.subnet, Some(public));
    let own = net.world.address(vm);
    let own = model::RuleAddresses::Prefixes(vec![own.into()]);
    let mut inbound = rule("In", 100, Direction::Inbound, Access::Allow);
    inbound.destination = own.clone();
    let mut outbound = rule("Out", 100, Direction::Outbound, Access::Allow);
    outbound.source = own;
    let mut rules = vec![inbound, outbound];
    for direction in [Direction::Inbound, Direction::Outbound] {
        rules.push(model::SecurityRule {
            name: format!("Deny{direction:?}"),
            priority: 200,
            ..deny_all(direction)
        });
    }
    let group = net.world.group("strict", rules);
    net.world.network.set_nic_security_group(vm, Some(group));
    let trip = net.ask_from_internet(syn(SERVER, ip("20.0.0.5"), (5000, 443)));
    assert!(trip.back.unwrap().is_delivered());
    let trip = net.world.ping_address(vm, SERVER);
    assert!(trip.back.unwrap().is_delivered());

    // Without a rule for it the default rules keep the Internet out (S-7).
    let closed = net.world.group("closed", Vec::new());
    net.world
        .change(|network| network.set_nic_security_group(vm, Some(closed)));
    let trip = net.ask_from_internet(syn(SERVER, ip("20.0.0.5"), (5001, 443)));
    assert_eq!(
        net.world.stories(&trip).0,
        "vm: nsg-deny at DenyAllInBound of closed at NIC"
    );
}

#[test]
fn a_default_route_of_the_user_opens_a_public_address_to_the_internet() {
    // T-3: the tag VirtualNetwork becomes everything, so AllowVnetInBound admits the Internet.
    let mut net = joined();
    let public = net.public("pip", "20.0.0.5");
    let vm = net.machine("vm", net.site.subnet, Some(public));
    let group = net.world.group("defaults", Vec::new());
    net.world.network.set_nic_security_group(vm, Some(group));
    net.world
        .routes(net.site.subnet, &[("0.0.0.0/0", appliance("10.0.0.99"))]);
    let walk = net
        .world
        .send(net.internet, syn(SERVER, ip("20.0.0.5"), (5000, 443)));
    assert_eq!(net.world.story(&walk), "delivered to vm");
}

#[test]
fn behind_a_nat_gateway_machines_share_an_address_and_keep_their_answers_apart() {
    // N-12
    let mut net = joined();
    let subnet = net.behind_nat_gateway("20.0.0.7");
    let public = net.public("pip", "20.0.0.8");
    let machines = [
        net.machine("one", subnet, None),
        net.machine("two", subnet, None),
        // The gateway goes before the own public address.
        net.machine("three", subnet, Some(public)),
    ];
    let mut ports = std::collections::BTreeSet::new();
    for vm in machines {
        let own = net.world.address(vm);
        let packet = syn(own, SERVER, (40_000, 443));
        let (address, port) = net.seen_by(vm, packet.clone());
        assert_eq!(address, ip("20.0.0.7"));
        assert!(ports.insert(port), "two machines have port {port}");
        let back = net.world.ask(vm, packet).back.unwrap();
        assert!(back.is_delivered());
        assert_eq!(back.visited, [vm]);
        let tuple = back.packet.tuple();
        assert_eq!((tuple.destination, tuple.destination_port), (own, 40_000));
    }
    // Nobody comes in who was not asked.
    for port in [22, *ports.first().unwrap()] {
        let packet = syn(Ipv4Addr::new(9, 9, 9, 9), ip("20.0.0.7"), (1, port));
        let walk = net.world.send(net.internet, packet);
        assert_eq!(walk.reason(), Some(DropReason::NoSuchHost));
    }
    // But the third machine's own address still is its own, and answers from there.
    let trip = net.ask_from_internet(syn(SERVER, ip("20.0.0.8"), (5000, 443)));
    assert_eq!(trip.back.unwrap().packet.source(), ip("20.0.0.8"));
}

#[test]
fn a_private_subnet_has_no_way_out_and_nobody_reaches_a_private_address() {
    let mut net = joined();
    let mut request = SubnetRequest::new("private", "10.0.8.0/24".parse().unwrap());
    request.default_outbound_access = Some(false);
    let subnet = net
        .world
        .network
        .create_subnet(net.site.vnet, request)
        .unwrap();
    let vm = net.machine("vm", subnet, None);
    let trip = net.world.ping_address(vm, SERVER);
    assert_eq!(
        net.world.stories(&trip).0,
        "vm: no-outbound-method at NIC vm"
    );
    let own = net.world.address(vm);
    let walk = net.world.send(net.internet, syn(SERVER, own, (1, 22)));
    assert_eq!(walk.reason(), Some(DropReason::NoSuchHost));
    // Where nothing is said, there is default outbound access.
    let back = net.world.ping_address(net.site.nic, SERVER).back.unwrap();
    assert!(back.is_delivered());
    let sent = net.world.echo(net.site.nic, ip("172.20.0.1"));
    net.world.network.options.none_routes = model::options::NoneRoutes::Seed;
    let walk = net.world.send(net.site.nic, sent);
    assert_eq!(walk.reason(), Some(DropReason::NoSuchHost), "{walk:?}");
}

#[test]
fn an_appliance_has_to_translate_what_it_sends_to_the_internet() {
    for (translates, story) in [(true, "delivered to webVMNic"), (false, "nothing")] {
        let mut net = joined();
        let subnet = net.world.subnet(net.site.vnet, "nva", "10.0.9.0/24");
        let nva = net.world.nic("nva", subnet, true);
        let guest = Guest {
            role: Some(model::GuestRole::Appliance),
            source_nat: translates,
            ..Guest::default()
        };
        net.world.machine("nva", &[nva], guest);
        net.world
            .routes(net.site.subnet, &[("0.0.0.0/0", appliance("10.0.9.4"))]);
        let trip = net.world.ping_address(net.site.nic, SERVER);
        let (there, back) = net.world.stories(&trip);
        assert_eq!(back, story, "{there}");
        if !translates {
            assert_eq!(there, "nva: no-outbound-method at NIC nva");
        }
    }
}

#[test]
fn a_reply_takes_the_machines_own_route_and_not_the_way_the_packet_came() {
    //
    let mut net = joined();
    let public = net.public("pip", "20.0.0.5");
    let vm = net.machine("vm", net.site.subnet, Some(public));
    let subnet = net.world.subnet(net.site.vnet, "nva", "10.0.9.0/24");
    let of_nva = net.public("nva-pip", "20.0.0.6");
    let nva = net.world.nic_with("nva", subnet, |nic| {
        nic.ip_forwarding = true;
        nic.ip_configurations[0].public_ip = Some(of_nva);
    });
    let guest = Guest {
        role: Some(model::GuestRole::Appliance),
        source_nat: true,
        ..Guest::default()
    };
    net.world.machine("nva", &[nva], guest);
    net.world
        .routes(net.site.subnet, &[("0.0.0.0/0", appliance("10.0.9.4"))]);
    let trip = net.ask_from_internet(syn(SERVER, ip("20.0.0.5"), (5000, 443)));
    assert_eq!(trip.there.visited, [vm]);
    let back = trip.back.unwrap();
    assert_eq!(back.visited, [nva, net.internet]);
    assert_eq!(back.packet.source(), ip("20.0.0.6"), "not who was asked");
}

#[test]
fn a_public_frontend_takes_what_its_rules_name_and_keeps_the_clients_source() {
    let mut net = joined();
    let public = net.public("lb-pip", "20.0.0.9");
    let subnet = net.world.subnet(net.site.vnet, "members", "10.0.9.0/24");
    let request = LoadBalancerRequest {
        id: id("loadBalancers", "plb"),
        location: Location::default(),
        sku: Sku::Standard,
        frontends: vec![("front".to_owned(), FrontendRequest::Public(Some(public)))],
        pools: vec![BackendPool {
            name: "pool".to_owned(),
            addresses: Vec::new(),
        }],
        rules: vec![LoadBalancingRule {
            name: "web".to_owned(),
            frontend: "front".to_owned(),
            pool: "pool".to_owned(),
            protocol: Some(6),
            frontend_port: 80,
            backend_port: 8080,
            floating_ip: false,
            probe: None,
            disable_outbound_snat: false,
        }],
        probes: Vec::new(),
        inbound_nat_rules: Vec::new(),
        outbound_rules: Vec::new(),
    };
    let balancer = net.world.network.create_load_balancer(request).unwrap();
    let member = net.world.nic_with("member", subnet, |nic| {
        nic.ip_configurations[0].backend_pools = vec![(balancer, "pool".to_owned())];
    });
    net.world.machine("member", &[member], Guest::default());

    let trip = net.ask_from_internet(syn(SERVER, ip("20.0.0.9"), (5000, 80)));
    let there = trip.there.packet.tuple();
    assert_eq!((there.source, there.source_port), (SERVER, 5000));
    assert_eq!(there.destination_port, 8080);
    let back = trip.back.unwrap().packet.tuple();
    assert_eq!((back.source, back.source_port), (ip("20.0.0.9"), 80));

    let walk = net
        .world
        .send(net.internet, syn(SERVER, ip("20.0.0.9"), (5000, 443)));
    assert_eq!(walk.reason(), Some(DropReason::NoBackend));
    // The rule is a way out too (N-12).
    let own = net.world.address(member);
    let trip = net.world.ask(member, syn(own, SERVER, (40_000, 443)));
    assert_eq!(trip.there.packet.source(), ip("20.0.0.9"));
    assert!(trip.back.unwrap().is_delivered());
    // A neighbour that asks the public frontend turns round at the edge.
    let client = net.site.nic;
    let own = net.world.address(client);
    let trip = net
        .world
        .ask(client, syn(own, ip("20.0.0.9"), (40_000, 80)));
    assert_eq!(trip.there.visited, [member]);
    assert_ne!(trip.there.packet.source(), own, "a public source");
    let back = trip.back.unwrap();
    assert_eq!(back.visited, [client]);
    assert_eq!(back.packet.source(), ip("20.0.0.9"));
}

#[test]
fn what_is_cut_at_the_edge_is_translated_whole_and_errors_come_home() {
    let mut net = joined();
    let public = net.public("pip", "20.0.0.5");
    let vm = net.machine("vm", net.site.subnet, Some(public));
    let own = net.world.address(vm);
    let envelope = Envelope {
        identification: 9,
        ..Envelope::new(own, SERVER)
    };
    let long = Packet::udp(envelope, 5000, 53, &[1; 1472]).unwrap();
    let walk = net.world.send(vm, long);
    assert!(walk.is_delivered(), "{:?}", walk.outcome);
    assert_eq!(walk.packet.source(), ip("20.0.0.5"));
    let [rest] = &walk.spawned[..] else {
        panic!("one more fragment, not {}", walk.spawned.len());
    };
    assert_eq!(rest.packet.source(), ip("20.0.0.5"));
    assert_eq!(rest.packet.content(), Content::LaterFragment);

    let error = walk
        .packet
        .error(IcmpError::PortUnreachable, SERVER)
        .unwrap();
    let walk = net.world.send(net.internet, error);
    assert_eq!(net.world.story(&walk), "delivered to vm");
    let quoted = walk.packet.quoted().unwrap();
    assert_eq!((quoted.source, quoted.source_port), (own, 5000));
    assert!(walk.packet.has_valid_transport_checksum());
}

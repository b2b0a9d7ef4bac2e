//! Gateways as far as they forward between networks: G-5, N-6, F-9.

use dataplane::packet::Envelope;
use dataplane::{Evidence, Packet};
use model::UserNextHop;
use model::options::ForwardedTraffic;

use crate::world::{Site, World, flags, ip};

/// Two spokes that use the hub's VPN gateway, each with a route for the other one's prefix to it.
fn transit() -> (World, [Site; 2]) {
    let mut world = World::new();
    let hub = world.vnet("hub", &["10.0.0.0/16"]);
    world.vpn_gateway(hub, "10.0.255.0/27");
    let spokes = [
        ("spoke1", "10.1.0.0/16", "10.2.0.0/16"),
        ("spoke2", "10.2.0.0/16", "10.1.0.0/16"),
    ]
    .map(|(name, space, other)| {
        let spoke = world.site(name, space);
        world.link(hub, spoke.vnet, flags(&["access", "transit"]));
        world.link(spoke.vnet, hub, flags(&["access", "use-remote"]));
        world.routes(spoke.subnet, &[(other, UserNextHop::VirtualNetworkGateway)]);
        spoke
    });
    (world, spokes)
}

#[test]
fn a_gateway_passes_packets_between_spokes_and_takes_one_hop() {
    // V-18, F-9: forwarded flags do not matter, not even where a live gateway in use does not stand for them (F-9a).
    let (mut world, [one, two]) = transit();
    world.network.options.forwarded_traffic = ForwardedTraffic::Documented;
    let trip = world.ping(one.nic, two.nic);
    assert_eq!(trip.there.visited.len(), 2);
    assert_eq!(trip.ttl(), Some(63));
}

#[test]
fn a_gateway_answers_with_ttl_128_and_reports_what_ends_at_it() {
    // N-6
    let (mut world, [one, two]) = transit();
    let gateway = ip("10.0.255.4");
    assert_eq!(world.ping_address(one.nic, gateway).ttl(), Some(128));
    let envelope = Envelope {
        ttl: 1,
        ..Envelope::new(world.address(one.nic), world.address(two.nic))
    };
    let walk = world.send(one.nic, Packet::echo_request(envelope, 1, 1, &[]).unwrap());
    let report = walk.spawned[0].clone();
    assert_eq!(report.packet.source(), gateway);
    let report = world.follow(report.position, report.packet, Evidence::default());
    assert_eq!(world.story(&report), "delivered to spoke1VMNic");
}

#[test]
fn a_route_to_a_gateway_that_is_not_there_says_which_half_is_missing() {
    let mut world = World::new();
    let hub = world.vnet("hub", &["10.0.0.0/16"]);
    world.vpn_gateway(hub, "10.0.255.0/27");
    let with_link = world.site("spoke1", "10.1.0.0/16");
    let alone = world.site("spoke2", "10.2.0.0/16");
    world.peer(hub, with_link.vnet);
    for spoke in [with_link, alone] {
        let route = ("10.9.0.0/16", UserNextHop::VirtualNetworkGateway);
        world.routes(spoke.subnet, &[route]);
    }
    for (spoke, story) in [
        (
            with_link,
            "spoke1VMNic: gateway-transit-off at link spoke1/to-hub",
        ),
        (
            alone,
            "spoke2VMNic: no-gateway at row 10.9.0.0/16 VirtualNetworkGateway (rt1/route0)",
        ),
    ] {
        let trip = world.ping_address(spoke.nic, ip("10.9.0.4"));
        assert_eq!(world.stories(&trip).0, story);
    }
}

//! What is sent to a private endpoint reaches a service of Azure.

use dataplane::{Delivery, Outcome};
use model::{
    Access, Direction, EndpointAddresses, Location, PrivateEndpointPolicies,
    PrivateEndpointRequest, RequestedAddress, SubnetRequest,
};

use crate::world::{World, appliance, deny_all, id, ip, rule};

/// Two peered networks; the second has an endpoint at 10.2.200.4 in a subnet whose group denies everything.
fn world(policies: PrivateEndpointPolicies) -> (World, crate::world::Site) {
    let mut world = World::new();
    let left = world.site("left", "10.1.0.0/16");
    let right = world.site("right", "10.2.0.0/16");
    world.peer(left.vnet, right.vnet);
    let group = world.group("shut", vec![deny_all(Direction::Inbound)]);
    let mut request = SubnetRequest::new("endpoints", "10.2.200.0/24".parse().unwrap());
    request.private_endpoint_policies = policies;
    request.network_security_group = Some(group);
    let subnet = world.network.create_subnet(right.vnet, request).unwrap();
    let request = PrivateEndpointRequest {
        id: id("privateEndpoints", "e"),
        location: Location::default(),
        addresses: EndpointAddresses::Subnet(
            subnet,
            vec![RequestedAddress::Static(ip("10.2.200.4"))],
        ),
        service: None,
    };
    world.network.create_private_endpoint(request).unwrap();
    (world, left)
}

#[test]
fn a_packet_to_a_private_endpoint_reaches_the_service_and_gets_no_answer() {
    let (mut world, left) = world(PrivateEndpointPolicies::Disabled);
    let packet = world.echo(left.nic, ip("10.2.200.4"));
    let walk = world.send(left.nic, packet);
    assert_eq!(walk.outcome, Outcome::Delivered(Delivery::AzureService));
    assert!(world.answers(&walk).is_empty());
}

#[test]
fn the_rules_of_its_subnet_hold_for_a_private_endpoint_only_if_the_subnet_says_so() {
    let (mut world, left) = world(PrivateEndpointPolicies::NetworkSecurityGroupEnabled);
    let packet = world.echo(left.nic, ip("10.2.200.4"));
    let walk = world.send(left.nic, packet);
    assert_eq!(
        world.story(&walk),
        "e: nsg-deny at DenyAll of shut at subnet"
    );
    // The sender's own group judges in any case.
    let (mut world, left) = self::world(PrivateEndpointPolicies::Disabled);
    let group = world.group(
        "out",
        vec![rule("no", 100, Direction::Outbound, Access::Deny)],
    );
    world.network.set_nic_security_group(left.nic, Some(group));
    let packet = world.echo(left.nic, ip("10.2.200.4"));
    let walk = world.send(left.nic, packet);
    assert!(!matches!(walk.outcome, Outcome::Delivered(_)));
}

#[test]
fn a_route_to_an_appliance_takes_the_packet_where_the_subnet_lets_routes_act() {
    for (policies, passes) in [
        (PrivateEndpointPolicies::Disabled, false),
        (PrivateEndpointPolicies::RouteTableEnabled, true),
    ] {
        let (mut world, left) = world(policies);
        let transit = world.subnet(left.vnet, "transit", "10.1.99.0/24");
        let nic = world.nic("nvaNic", transit, true);
        world.machine("nva", &[nic], model::Guest::default());
        let address = world.address(nic).to_string();
        world.routes(left.subnet, &[("10.2.0.0/16", appliance(&address))]);
        let packet = world.echo(left.nic, ip("10.2.200.4"));
        let walk = world.send(left.nic, packet);
        assert_eq!(walk.visited.contains(&nic), passes, "{policies:?}");
    }
}

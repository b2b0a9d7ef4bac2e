//! Service endpoints (R-9, T-9): a route to the service, and no prefix of the own network.

use dataplane::{Delivery, Outcome};
use model::{Access, Direction, SubnetRequest};

use crate::world::{World, ip, rule, tag};

#[test]
fn a_service_behind_an_endpoint_is_reached_by_its_row_and_judged_as_the_internet() {
    for (denied, reaches) in [
        (None, true),
        (Some("Internet"), false),
        (Some("VirtualNetwork"), true),
    ] {
        let mut world = World::new();
        let vnet = world.vnet("v", &["10.1.0.0/16"]);
        let mut request = SubnetRequest::new("apps", "10.1.0.0/24".parse().unwrap());
        request.service_endpoints = vec!["Microsoft.Storage".to_owned()];
        if let Some(name) = denied {
            let mut deny = rule("no", 100, Direction::Outbound, Access::Deny);
            deny.destination = tag(name);
            request.network_security_group = Some(world.group("g", vec![deny]));
        }
        let subnet = world.network.create_subnet(vnet, request).unwrap();
        let prefixes = vec!["20.60.26.0/23".parse().unwrap()];
        world.network.set_service_tag("Storage", prefixes);
        let (nic, _) = world.vm("vm", subnet);
        let packet = world.echo(nic, ip("20.60.26.7"));
        let walk = world.send(nic, packet);
        let reached = walk.outcome == Outcome::Delivered(Delivery::AzureService);
        assert_eq!(reached, reaches, "{denied:?}: {}", world.story(&walk));
    }
}

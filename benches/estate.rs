//! Networks as large estates have them: hubs with appliances, spokes with user routes and security groups.
#![allow(dead_code, reason = "each bench uses a part of it")]

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::{
    Access, DeploymentModel, Direction, Location, Network, NetworkSecurityGroup, NicRequest, NsgId,
    PeeringFlags, PeeringScope, Ports, ResourceId, Route, RouteDestination, RouteTable,
    RouteTableId, RuleAddresses, RuleProtocol, SecurityRule, SubnetId, SubnetRequest, UserNextHop,
    VirtualMachineRequest, VirtualNetworkRequest, VnetId,
};

/// NICs in a spoke: four subnets of 50.
const NICS: usize = 200;
const SUBNETS: u8 = 4;
/// Spokes of a hub.
const SPOKES: usize = 50;
/// Rules of a security group, in each direction.
const RULES: u16 = 100;
/// Routes of a table.
const ROUTES: u8 = 40;

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group(
        "00000000-0000-0000-0000-000000000000",
        "rg-network-prod",
        &format!("Microsoft.Network/{kind}"),
        name,
    )
}

pub(crate) fn prefix(address: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::from(address), length)
}

/// Hubs 10.0.0.0/16 and so on (not peered with each other), each with spokes 10.128.0.0/22 and so on, which repeat from hub to hub.
pub(crate) fn estate(nics: usize) -> Network {
    let mut network = Network::default();
    let spokes = nics.div_ceil(NICS);
    for hub in 0..spokes.div_ceil(SPOKES) {
        let name = format!("hub{hub}");
        let hub_vnet = virtual_network(&mut network, &name, prefix([10, 0, 0, 0], 16));
        let subnet = subnet(
            &mut network,
            hub_vnet,
            "appliances",
            prefix([10, 0, 0, 0], 24),
            None,
            None,
        );
        vm(&mut network, &format!("{name}-nva"), subnet, true);
        for spoke in 0..SPOKES.min(spokes - hub * SPOKES) {
            spoke_of(
                &mut network,
                hub_vnet,
                &format!("{name}-spoke{spoke}"),
                spoke,
            );
        }
    }
    network
}

fn spoke_of(network: &mut Network, hub: VnetId, name: &str, number: usize) {
    let third = u8::try_from(number * 4).expect("50 spokes of four blocks stay below 256");
    let space = prefix([10, 128, third, 0], 22);
    let vnet = virtual_network(network, name, space);
    let group = security_group(network, name);
    let table = route_table(network, name);
    for block in 0..SUBNETS {
        let place = prefix([10, 128, third + block, 0], 24);
        let subnet = subnet(
            network,
            vnet,
            &format!("tier{block}"),
            place,
            Some(group),
            Some(table),
        );
        for nic in 0..NICS / usize::from(SUBNETS) {
            vm(network, &format!("{name}-vm{block}-{nic}"), subnet, false);
        }
    }
    let flags = PeeringFlags {
        allow_forwarded_traffic: true,
        ..PeeringFlags::default()
    };
    let ends = [hub, vnet].map(|vnet| network.virtual_networks()[vnet].id.clone());
    for (from, to) in [(hub, &ends[1]), (vnet, &ends[0])] {
        network
            .create_peering(
                from,
                &format!("to-{}", to.name()),
                to,
                flags,
                PeeringScope::default(),
            )
            .expect("spaces do not overlap");
    }
}

pub(crate) fn virtual_network(network: &mut Network, name: &str, space: Ipv4Net) -> VnetId {
    let request = VirtualNetworkRequest {
        id: id("virtualNetworks", name),
        location: Location::new("northeurope"),
        address_space: vec![space],
        subnets: Vec::new(),
        deployment_model: DeploymentModel::ResourceManager,
        flow_timeout_minutes: None,
        dns_servers: Vec::new(),
    };
    network
        .create_virtual_network(request)
        .expect("the name is new")
}

pub(crate) fn subnet(
    network: &mut Network,
    vnet: VnetId,
    name: &str,
    prefix: Ipv4Net,
    network_security_group: Option<NsgId>,
    route_table: Option<RouteTableId>,
) -> SubnetId {
    let request = SubnetRequest {
        network_security_group,
        route_table,
        ..SubnetRequest::new(name, prefix)
    };
    network
        .create_subnet(vnet, request)
        .expect("subnets do not overlap")
}

pub(crate) fn vm(network: &mut Network, name: &str, subnet: SubnetId, ip_forwarding: bool) {
    let nic = network
        .create_nic(NicRequest {
            ip_forwarding,
            ..NicRequest::new(id("networkInterfaces", name), subnet)
        })
        .expect("a subnet has room");
    let request = VirtualMachineRequest::new(id("virtualMachines", name), vec![nic]);
    network
        .create_virtual_machine(request)
        .expect("the name is new");
}

pub(crate) fn security_group(network: &mut Network, name: &str) -> NsgId {
    let rule = |direction: Direction, number: u16| {
        let [high, low] = number.to_be_bytes();
        let peer = RuleAddresses::Prefixes(vec![
            prefix([10, 64 + high, low, 0], 24),
            prefix([172, 16 + high, low, 0], 24),
        ]);
        let (source, destination) = match direction {
            Direction::Inbound => (peer, RuleAddresses::Any),
            Direction::Outbound => (RuleAddresses::Any, peer),
        };
        SecurityRule {
            name: format!("{direction}-{number}"),
            description: None,
            priority: 100 + number,
            direction,
            access: if number.is_multiple_of(4) {
                Access::Deny
            } else {
                Access::Allow
            },
            protocol: RuleProtocol::Tcp,
            source,
            source_ports: Ports::all(),
            destination,
            destination_ports: Ports::from_ranges([(443, 443), (8000 + number, 8010 + number)]),
        }
    };
    let rules = (0..RULES).flat_map(|number| {
        [
            rule(Direction::Inbound, number),
            rule(Direction::Outbound, number),
        ]
    });
    let group = NetworkSecurityGroup {
        id: id("networkSecurityGroups", name),
        location: Location::default(),
        rules: rules.collect(),
        flush_connection: false,
    };
    network
        .create_network_security_group(group)
        .expect("the name is new")
}

/// A default route and many specific ones through the hub's appliance.
pub(crate) fn route_table(network: &mut Network, name: &str) -> RouteTableId {
    let appliance = UserNextHop::VirtualAppliance(Ipv4Addr::new(10, 0, 0, 4));
    let specific = (1..ROUTES).map(|number| prefix([172, 16, number, 0], 24));
    let routes = [Ipv4Net::default()]
        .into_iter()
        .chain(specific)
        .map(|prefix| Route {
            name: format!("to-{}", prefix.addr()),
            destination: RouteDestination::Prefix(prefix),
            next_hop: appliance,
        });
    let table = RouteTable {
        id: id("routeTables", name),
        location: Location::default(),
        routes: routes.collect(),
        gateway_propagation_disabled: true,
    };
    network.create_route_table(table).expect("the name is new")
}

/// Spokes without hubs, all with one security group and one route table.
pub(crate) fn spokes_that_share_tables(nics: usize) -> Network {
    let mut network = Network::default();
    let group = security_group(&mut network, "shared");
    let table = route_table(&mut network, "shared");
    for spoke in 0..nics.div_ceil(NICS) {
        let name = format!("spoke{spoke}");
        let vnet = virtual_network(&mut network, &name, prefix([10, 128, 0, 0], 22));
        for block in 0..SUBNETS {
            let place = prefix([10, 128, block, 0], 24);
            let tier = format!("tier{block}");
            let place = subnet(&mut network, vnet, &tier, place, Some(group), Some(table));
            for nic in 0..NICS / usize::from(SUBNETS) {
                vm(
                    &mut network,
                    &format!("{name}-vm{block}-{nic}"),
                    place,
                    false,
                );
            }
        }
    }
    network
}

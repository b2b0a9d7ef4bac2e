//! Networks, their links and routes, and what stands in them.

use model::virtual_machine::GuestRole;
use model::{
    Network, NetworkInterface, NicOwner, Peering, PeeringScope, ResourceId, Route,
    RouteDestination, Subnet, VirtualMachine, VirtualNetwork,
};

use super::super::Value;
use super::{Properties, id, ids, list, optional, text};

pub(super) fn virtual_network(vnet: &VirtualNetwork) -> Properties {
    vec![
        ("addressSpace", list(vnet.address_space.prefixes())),
        ("location", text(&vnet.location)),
        (
            "summarizedGatewayPrefixes",
            list(&vnet.summarized_gateway_prefixes),
        ),
    ]
}

pub(super) fn subnet(network: &Network, subnet: &Subnet) -> Properties {
    vec![
        ("addressPrefixes", list(&subnet.prefixes)),
        (
            "networkSecurityGroup",
            id(subnet
                .network_security_group
                .map(|key| &network.nsgs()[key].id)),
        ),
        (
            "routeTable",
            id(subnet
                .route_table
                .map(|key| &network.route_tables()[key].id)),
        ),
        (
            "natGateway",
            id(subnet
                .nat_gateway
                .map(|key| &network.nat_gateways()[key].id)),
        ),
        (
            "defaultOutboundAccess",
            optional(subnet.default_outbound_access),
        ),
        ("serviceEndpoints", list(&subnet.service_endpoints)),
        (
            "privateEndpointNetworkPolicies",
            text(subnet.private_endpoint_policies.as_str()),
        ),
    ]
}

pub(super) fn peering(link: &Peering) -> Properties {
    let scope = match &link.scope {
        PeeringScope::CompleteVirtualNetworks => [Value::Missing, Value::Missing],
        PeeringScope::Subnets { local, remote, .. } => [list(local), list(remote)],
    };
    let [local, remote] = scope;
    vec![
        ("peeringState", text(link.state)),
        (
            "allowVirtualNetworkAccess",
            text(link.flags.allow_virtual_network_access),
        ),
        (
            "allowForwardedTraffic",
            text(link.flags.allow_forwarded_traffic),
        ),
        (
            "allowGatewayTransit",
            text(link.flags.allow_gateway_transit),
        ),
        ("useRemoteGateways", text(link.flags.use_remote_gateways)),
        ("remoteVirtualNetwork", id(Some(&link.remote))),
        ("remoteAddressSpace", list(&link.remote_address_space)),
        ("localSubnetNames", local),
        ("remoteSubnetNames", remote),
    ]
}

pub(super) fn route(route: &Route) -> Properties {
    vec![
        (
            "addressPrefix",
            match &route.destination {
                RouteDestination::Prefix(prefix) => text(prefix),
                RouteDestination::Tag(tag) => text(tag),
            },
        ),
        ("nextHopType", text(route.next_hop.kind())),
        ("nextHopIpAddress", optional(route.next_hop.address())),
    ]
}

pub(super) fn virtual_machine(network: &Network, vm: &VirtualMachine) -> Properties {
    vec![
        ("powerState", text(vm.power)),
        (
            "networkInterfaces",
            // The first one has the guest's default route.
            match vm.nics.as_slice() {
                [] => Value::Missing,
                nics => Value::Ids(
                    nics.iter()
                        .map(|&nic| network.nics()[nic].id.clone())
                        .collect(),
                ),
            },
        ),
        (
            "role",
            optional(vm.guest.role.map(|role| match role {
                GuestRole::Host => "host",
                GuestRole::Appliance => "appliance",
            })),
        ),
        ("snat", text(vm.guest.source_nat)),
        ("stateful", text(vm.guest.stateful)),
        ("listen", list(vm.guest.listen.iter().flatten())),
    ]
}

pub(super) fn nic(network: &Network, nic: &NetworkInterface) -> Properties {
    let configurations = || nic.ip_configurations.iter();
    let mut subnets: Vec<&ResourceId> = configurations()
        .map(|configuration| &network.subnets()[configuration.subnet].id)
        .collect();
    subnets.dedup();
    vec![
        ("address", text(nic.primary_address())),
        (
            "addresses",
            if nic.ip_configurations.len() > 1 {
                list(nic.addresses())
            } else {
                Value::Missing
            },
        ),
        ("subnet", ids(subnets)),
        (
            "networkSecurityGroup",
            id(nic
                .network_security_group
                .map(|key| &network.nsgs()[key].id)),
        ),
        ("enableIPForwarding", text(nic.ip_forwarding)),
        (
            "applicationSecurityGroups",
            ids(configurations()
                .flat_map(|configuration| &configuration.application_security_groups)
                .map(|&key| &network.asgs()[key].id)),
        ),
        (
            "publicIpAddress",
            ids(configurations()
                .filter_map(|configuration| configuration.public_ip)
                .map(|key| &network.public_ips()[key].id)),
        ),
        ("loadBalancerBackendAddressPools", {
            let pools: Vec<ResourceId> = configurations()
                .flat_map(|configuration| &configuration.backend_pools)
                .map(|(balancer, pool)| {
                    network.load_balancers()[*balancer]
                        .id
                        .child("backendAddressPools", pool)
                })
                .collect();
            ids(&pools)
        }),
        (
            "disableTcpStateTracking",
            text(nic.tcp_state_tracking_disabled),
        ),
        (
            "virtualMachine",
            id(match nic.owner {
                NicOwner::VirtualMachine(vm) => Some(&network.virtual_machines()[vm].id),
                _ => None,
            }),
        ),
    ]
}

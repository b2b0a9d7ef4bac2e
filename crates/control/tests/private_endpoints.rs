//! Private endpoints: whose tables show them, and what takes their rows away.

use control::snapshot::{GuestKind, NextHop, Rules};
use model::{
    EndpointAddresses, NicId, PrivateEndpointPolicies, PrivateEndpointRequest, RequestedAddress,
    SubnetId, SubnetRequest,
};

use crate::topology::{Topology, appliance, decided, hop, id, ip, net, nic, policy, table, tcp};

/// An endpoint in a network of its own, in a subnet with these policies. Its NIC is the answer.
fn endpoint(topology: &mut Topology, subnet: SubnetId, address: &str) -> NicId {
    let request = PrivateEndpointRequest {
        id: id("privateEndpoints", &format!("to-{address}")),
        location: model::Location::default(),
        addresses: EndpointAddresses::Subnet(subnet, vec![RequestedAddress::Static(ip(address))]),
        service: None,
    };
    let key = topology.network.create_private_endpoint(request).unwrap();
    topology.network.private_endpoints()[key].nic
}

fn subnet_with(
    topology: &mut Topology,
    vnet: model::VnetId,
    prefix: &str,
    policies: PrivateEndpointPolicies,
) -> SubnetId {
    let mut request = SubnetRequest::new("endpoints", net(prefix));
    request.private_endpoint_policies = policies;
    topology.network.create_subnet(vnet, request).unwrap()
}

fn endpoint_rows(topology: &Topology, key: NicId) -> Vec<String> {
    let rows = table(&topology.compile(), key);
    rows.into_iter()
        .filter(|row| row.contains("InterfaceEndpoint"))
        .collect()
}

#[test]
fn an_endpoint_is_a_last_row_in_its_network_and_in_those_directly_peered() {
    let mut topology = Topology::of_the_exercise();
    let (hub, _, hub_vm) = topology.site("hub", "northeurope", "10.4.0.0/16");
    let (spoke, _, spoke_vm) = topology.site("spoke", "northeurope", "10.1.0.0/16");
    let (far, _, far_vm) = topology.site("far", "westeurope", "10.2.0.0/16");
    topology.peer(hub, spoke);
    topology.peer(hub, far);
    let subnet = subnet_with(
        &mut topology,
        spoke,
        "10.1.200.0/24",
        PrivateEndpointPolicies::Disabled,
    );
    let endpoint = endpoint(&mut topology, subnet, "10.1.200.4");
    let snapshot = topology.compile();
    for vm in [spoke_vm, hub_vm] {
        assert_eq!(
            table(&snapshot, vm).last().unwrap(),
            "Default Active 10.1.200.4/32 InterfaceEndpoint"
        );
        assert_eq!(
            hop(&snapshot, vm, "10.1.200.4"),
            Some(NextHop::Nic(endpoint))
        );
    }
    assert!(endpoint_rows(&topology, far_vm).is_empty(), "not further");
    assert_eq!(
        snapshot.guest_of(nic(&snapshot, endpoint)).kind,
        GuestKind::PrivateEndpoint
    );
}

#[test]
fn a_shorter_user_route_takes_over_only_where_policies_are_enabled() {
    let state = |policies, prefix: &str| {
        let mut topology = Topology::of_the_exercise();
        let (vnet, place, vm) = topology.site("v", "northeurope", "192.168.0.0/20");
        let subnet = subnet_with(&mut topology, vnet, "192.168.2.0/24", policies);
        endpoint(&mut topology, subnet, "192.168.2.4");
        topology.routes(place, &[(prefix, appliance("192.168.0.100"))]);
        let rows = endpoint_rows(&topology, vm);
        let taken = hop(&topology.compile(), vm, "192.168.2.4") == Some(NextHop::NobodyThere);
        assert_eq!(taken, rows[0].contains("Invalid"), "{rows:?}");
        taken
    };
    let enabled = PrivateEndpointPolicies::Enabled;
    let routes = PrivateEndpointPolicies::RouteTableEnabled;
    let rules = PrivateEndpointPolicies::NetworkSecurityGroupEnabled;
    for (policies, prefix, taken) in [
        (enabled, "192.168.2.0/24", true),
        (routes, "192.168.2.0/24", true),
        (routes, "192.168.0.0/20", true),
        (routes, "192.168.0.0/16", false), // shorter than the network's prefix
        (routes, "0.0.0.0/0", false),
        (rules, "192.168.2.0/24", false),
        (PrivateEndpointPolicies::Disabled, "192.168.2.0/24", false),
        (PrivateEndpointPolicies::Disabled, "192.168.2.4/32", true),
        (routes, "192.168.3.0/24", false),
    ] {
        assert_eq!(state(policies, prefix), taken, "{policies:?} {prefix}");
    }
}

#[test]
fn the_group_of_its_subnet_judges_only_where_policies_are_enabled() {
    for (policies, judges) in [
        (PrivateEndpointPolicies::Disabled, false),
        (PrivateEndpointPolicies::RouteTableEnabled, false),
        (PrivateEndpointPolicies::NetworkSecurityGroupEnabled, true),
        (PrivateEndpointPolicies::Enabled, true),
    ] {
        let mut topology = Topology::of_the_exercise();
        let (vnet, ..) = topology.site("v", "northeurope", "10.1.0.0/16");
        let group = topology.group("g", Vec::new());
        let mut request = SubnetRequest::new("endpoints", net("10.1.200.0/24"));
        request.private_endpoint_policies = policies;
        request.network_security_group = Some(group);
        let subnet = topology.network.create_subnet(vnet, request).unwrap();
        let endpoint = endpoint(&mut topology, subnet, "10.1.200.4");
        let snapshot = topology.compile();
        let has_rules = !matches!(policy(&snapshot, endpoint).inbound, Rules::None);
        assert_eq!(has_rules, judges, "{policies:?}");
        let from_outside = tcp("203.0.113.1", "10.1.200.4", 443);
        let said = decided(&snapshot, endpoint, model::Direction::Inbound, from_outside);
        assert_eq!(said.starts_with("Deny"), judges, "{policies:?}: {said}");
    }
}

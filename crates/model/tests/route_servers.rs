//! What operations on route servers refuse, and what a route server means to peerings (G-1, F-11, P-3).

use model::{
    DeploymentModel, Location, Network, NetworkSecurityGroup, OperationError, PeeringFlags,
    PeeringScope, RequestedAddress, ResourceId, RouteServerPeer, RouteServerRequest, RouteTable,
    RoutingPreference, SubnetId, SubnetRequest, VirtualNetworkRequest, VnetId,
};

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group("sub1", "rg1", &format!("Microsoft.Network/{kind}"), name)
}

fn vnet(network: &mut Network, name: &str, space: &str) -> VnetId {
    let request = VirtualNetworkRequest {
        id: id("virtualNetworks", name),
        location: Location::default(),
        address_space: vec![space.parse().unwrap()],
        subnets: Vec::new(),
        deployment_model: DeploymentModel::ResourceManager,
        flow_timeout_minutes: None,
        dns_servers: Vec::new(),
    };
    network.create_virtual_network(request).unwrap()
}

fn subnet(network: &mut Network, vnet: VnetId, name: &str, prefix: &str) -> SubnetId {
    let request = SubnetRequest::new(name, prefix.parse().unwrap());
    network.create_subnet(vnet, request).unwrap()
}

fn request(name: &str, subnet: SubnetId, peers: &[&str]) -> RouteServerRequest {
    let server = id("virtualHubs", name);
    let peers = peers.iter().enumerate().map(|(number, address)| {
        let id = server.child("bgpConnections", &number.to_string());
        RouteServerPeer {
            id,
            address: address.parse().unwrap(),
            asn: 65001,
            up: true,
            learned_routes: Vec::new(),
        }
    });
    RouteServerRequest {
        peers: peers.collect(),
        id: server,
        location: Location::default(),
        subnet,
        instances: vec![RequestedAddress::FirstFree; 2],
        asn: 65515,
        branch_to_branch: false,
        preference: RoutingPreference::ExpressRoute,
    }
}

#[test]
fn a_route_server_lives_in_its_own_subnet_without_rules_and_routes() {
    // G-1
    let mut network = Network::default();
    let hub = vnet(&mut network, "hub", "10.0.0.0/16");
    let apps = subnet(&mut network, hub, "apps", "10.0.1.0/24");
    let own = subnet(&mut network, hub, "RouteServerSubnet", "10.0.2.0/27");
    let refused = |network: &mut Network, request| {
        let error = network.create_route_server(request).unwrap_err();
        assert!(matches!(error, OperationError::Gateway { .. }), "{error}");
    };
    refused(&mut network, request("rs", apps, &[]));
    refused(&mut network, request("rs", own, &["10.0.1.4", "10.0.1.4"]));

    let table = network
        .create_route_table(RouteTable {
            id: id("routeTables", "t"),
            location: Location::default(),
            routes: Vec::new(),
            gateway_propagation_disabled: false,
        })
        .unwrap();
    let error = network
        .set_subnet_route_table(own, Some(table))
        .unwrap_err();
    assert!(matches!(error, OperationError::RouteTableNotAllowed { .. }));
    let group = network
        .create_network_security_group(NetworkSecurityGroup {
            id: id("networkSecurityGroups", "g"),
            location: Location::default(),
            rules: [].into(),
            flush_connection: false,
        })
        .unwrap();
    let other = vnet(&mut network, "other", "10.9.0.0/16");
    let guarded = SubnetRequest {
        network_security_group: Some(group),
        ..SubnetRequest::new("RouteServerSubnet", "10.9.0.0/27".parse().unwrap())
    };
    let error = network.create_subnet(other, guarded).unwrap_err();
    assert!(matches!(
        error,
        OperationError::SecurityGroupNotAllowed { .. }
    ));

    let server = network
        .create_route_server(request("rs", own, &["10.0.1.4"]))
        .unwrap();
    let instances: Vec<String> = network.route_servers()[server]
        .instances
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(instances, ["10.0.2.4", "10.0.2.5"]);
    refused(&mut network, request("second", own, &[]));
}

#[test]
fn a_route_server_is_a_remote_gateway_and_an_own_one() {
    // F-11, P-3
    let mut network = Network::default();
    let hub = vnet(&mut network, "hub", "10.0.0.0/16");
    let spoke = vnet(&mut network, "spoke", "10.1.0.0/16");
    let far = vnet(&mut network, "far", "10.2.0.0/16");
    let own = subnet(&mut network, hub, "RouteServerSubnet", "10.0.2.0/27");
    let link = |network: &mut Network, from: VnetId, to: VnetId, flags| {
        let remote = network.virtual_networks()[to].id.clone();
        let name = remote.name().to_owned();
        network.create_peering(
            from,
            &name,
            &remote,
            flags,
            PeeringScope::CompleteVirtualNetworks,
        )
    };
    let offers = PeeringFlags {
        allow_gateway_transit: true,
        ..PeeringFlags::default()
    };
    let uses = PeeringFlags {
        use_remote_gateways: true,
        ..PeeringFlags::default()
    };
    link(&mut network, hub, spoke, offers).unwrap();
    let error = link(&mut network, spoke, hub, uses).unwrap_err();
    assert!(matches!(
        error,
        OperationError::RemoteVnetHasNoGateways { .. }
    ));
    network
        .create_route_server(request("rs", own, &[]))
        .unwrap();
    link(&mut network, spoke, hub, uses).unwrap();

    link(&mut network, far, hub, offers).unwrap();
    let error = link(&mut network, hub, far, uses).unwrap_err();
    assert!(matches!(error, OperationError::OwnGatewayPresent { .. }));
}

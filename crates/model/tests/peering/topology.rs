//! Networks and links in a few words.

use ipnet::Ipv4Net;
use model::{
    DeploymentModel, GatewayRequest, GatewayType, LinkId, Location, Network, OperationError,
    PeeringFlags, PeeringScope, PeeringState, RequestedAddress, ResourceId, SubnetRequest,
    VirtualNetworkRequest, VnetId, VpnType,
};

pub(crate) fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group("sub1", "rg1", &format!("Microsoft.Network/{kind}"), name)
}

pub(crate) fn nets(texts: &[&str]) -> Vec<Ipv4Net> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub(crate) fn flags(on: &[&str]) -> PeeringFlags {
    let is = |flag| on.contains(&flag);
    PeeringFlags {
        allow_virtual_network_access: is("access"),
        allow_forwarded_traffic: is("forwarded"),
        allow_gateway_transit: is("transit"),
        use_remote_gateways: is("use-remote"),
        do_not_verify_remote_gateways: is("do-not-verify"),
    }
}

pub(crate) fn vnet(network: &mut Network, name: &str, space: &[&str]) -> VnetId {
    network
        .create_virtual_network(VirtualNetworkRequest {
            id: id("virtualNetworks", name),
            location: Location::new("northeurope"),
            address_space: nets(space),
            subnets: Vec::new(),
            deployment_model: DeploymentModel::ResourceManager,
            flow_timeout_minutes: None,
            dns_servers: Vec::new(),
        })
        .unwrap()
}

pub(crate) fn subnet(network: &mut Network, vnet: VnetId, name: &str, prefix: &str) {
    network
        .create_subnet(vnet, SubnetRequest::new(name, prefix.parse().unwrap()))
        .unwrap();
}

pub(crate) fn gateway(network: &mut Network, vnet: VnetId, prefix: &str) {
    let subnet = network
        .create_subnet(
            vnet,
            SubnetRequest::new("GatewaySubnet", prefix.parse().unwrap()),
        )
        .unwrap();
    let name = network.virtual_networks()[vnet].id.name().to_owned();
    network
        .create_gateway(GatewayRequest {
            id: id("virtualNetworkGateways", &format!("{name}-gw")),
            location: Location::default(),
            subnet,
            kind: GatewayType::Vpn,
            vpn_type: VpnType::RouteBased,
            active_active: false,
            instances: vec![(None, RequestedAddress::FirstFree)],
            bgp: false,
            asn: model::gateway::DEFAULT_ASN,
            default_site: None,
            client_pool: Vec::new(),
            learned_routes: Vec::new(),
        })
        .unwrap();
}

pub(crate) fn try_link(
    network: &mut Network,
    from: VnetId,
    to: VnetId,
    flags: PeeringFlags,
) -> Result<LinkId, OperationError> {
    let remote = network.virtual_networks()[to].id.clone();
    network.create_peering(
        from,
        &format!("to-{}", remote.name()),
        &remote,
        flags,
        PeeringScope::default(),
    )
}

pub(crate) fn link(network: &mut Network, from: VnetId, to: VnetId) -> LinkId {
    try_link(network, from, to, PeeringFlags::default()).unwrap()
}

pub(crate) fn state(network: &Network, link: LinkId) -> PeeringState {
    network.peerings()[link].state
}

/// Networks a 10.1.0.0/16 and b 10.2.0.0/16 without a link.
pub(crate) fn two() -> (Network, VnetId, VnetId) {
    let mut network = Network::default();
    let a = vnet(&mut network, "a", &["10.1.0.0/16"]);
    let b = vnet(&mut network, "b", &["10.2.0.0/16"]);
    (network, a, b)
}

pub(crate) fn peered() -> (Network, [VnetId; 2], [LinkId; 2]) {
    let (mut network, a, b) = two();
    let links = [link(&mut network, a, b), link(&mut network, b, a)];
    (network, [a, b], links)
}

/// Everything that an operation on links could change.
pub(crate) fn picture(network: &Network) -> Vec<String> {
    let links = network.peerings().values().map(|link| {
        format!(
            "{} {} {:?} {:?}",
            link.id, link.state, link.flags, link.remote_address_space
        )
    });
    let spaces = network
        .virtual_networks()
        .values()
        .map(|vnet| format!("{:?} {:?}", vnet.address_space, vnet.peerings));
    links.chain(spaces).collect()
}

/// Asserts that an operation is refused and changes nothing; returns the refusal.
pub(crate) fn refused<T: std::fmt::Debug>(
    network: &mut Network,
    operation: impl FnOnce(&mut Network) -> Result<T, OperationError>,
) -> OperationError {
    let before = picture(network);
    let error = operation(network).unwrap_err();
    assert_eq!(
        picture(network),
        before,
        "a refused operation changes nothing"
    );
    error
}

//! Networks in a few lines, and compiled tables as text.

use std::net::Ipv4Addr;

use control::Snapshot;
use control::questions::decide;
use control::snapshot::{NextHop, Nic, Policy};
use ipnet::Ipv4Net;
use model::options::NoneRoutes;
use model::{
    Connection, ConnectionPeer, ConnectionType, Direction, GatewayId, GatewayRequest, GatewayType,
    LearnedRoute, LinkId, LocalGatewayId, LocalNetworkGateway, Location, Network,
    NetworkSecurityGroup, NicId, NicRequest, NsgId, PeeringFlags, PeeringScope, PublicIpAddress,
    RequestedAddress, ResourceId, Route, RouteDestination, RouteTable, RouteTableId, SecurityRule,
    Sku, SubnetId, SubnetRequest, UserNextHop, VirtualMachineRequest, VirtualNetworkRequest,
    VnetId, VpnType,
};

/// A network that grows; names are resource names.
#[derive(Default)]
pub(crate) struct Topology {
    pub(crate) network: Network,
}

pub(crate) fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::in_group("sub1", "rg1", &format!("Microsoft.Network/{kind}"), name)
}

pub(crate) fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

pub(crate) fn nets(texts: &[&str]) -> Vec<Ipv4Net> {
    texts.iter().map(|text| net(text)).collect()
}

pub(crate) fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub(crate) fn appliance(address: &str) -> UserNextHop {
    UserNextHop::VirtualAppliance(ip(address))
}

/// Flags of a link by the words that are true.
pub(crate) fn flags(on: &[&str]) -> PeeringFlags {
    let is = |flag| on.contains(&flag);
    PeeringFlags {
        allow_virtual_network_access: is("access"),
        allow_forwarded_traffic: is("forwarded"),
        allow_gateway_transit: is("transit"),
        use_remote_gateways: is("use-remote"),
        do_not_verify_remote_gateways: false,
    }
}

impl Topology {
    /// A topology that prints the `None` rows of the exercise.
    pub(crate) fn of_the_exercise() -> Self {
        let mut topology = Self::default();
        topology.network.options.none_routes = NoneRoutes::Seed;
        topology
    }

    pub(crate) fn vnet(&mut self, name: &str, region: &str, space: &[&str]) -> VnetId {
        self.network
            .create_virtual_network(VirtualNetworkRequest {
                id: id("virtualNetworks", name),
                location: Location::new(region),
                address_space: nets(space),
                subnets: Vec::new(),
                deployment_model: model::DeploymentModel::ResourceManager,
                flow_timeout_minutes: None,
                dns_servers: Vec::new(),
            })
            .unwrap()
    }

    pub(crate) fn subnet(&mut self, vnet: VnetId, name: &str, prefix: &str) -> SubnetId {
        self.network
            .create_subnet(vnet, SubnetRequest::new(name, net(prefix)))
            .unwrap()
    }

    pub(crate) fn nic(&mut self, name: &str, subnet: SubnetId) -> NicId {
        self.nic_with(name, subnet, |_| {})
    }

    pub(crate) fn nic_with(
        &mut self,
        name: &str,
        subnet: SubnetId,
        change: impl FnOnce(&mut NicRequest),
    ) -> NicId {
        let mut request = NicRequest::new(id("networkInterfaces", name), subnet);
        change(&mut request);
        self.network.create_nic(request).unwrap()
    }

    /// A running VM with one NIC.
    pub(crate) fn vm(&mut self, name: &str, subnet: SubnetId) -> NicId {
        let nic = self.nic(&format!("{name}Nic"), subnet);
        self.machine(name, &[nic]);
        nic
    }

    pub(crate) fn machine(&mut self, name: &str, nics: &[NicId]) -> model::VmId {
        self.network
            .create_virtual_machine(VirtualMachineRequest::new(
                ResourceId::in_group("sub1", "rg1", "Microsoft.Compute/virtualMachines", name),
                nics.to_vec(),
            ))
            .unwrap()
    }

    /// A network with one subnet, its first /24, and a VM in it.
    pub(crate) fn site(
        &mut self,
        name: &str,
        region: &str,
        space: &str,
    ) -> (VnetId, SubnetId, NicId) {
        let vnet = self.vnet(name, region, &[space]);
        let subnet = Ipv4Net::new(net(space).network(), 24).unwrap();
        let subnet = self.subnet(vnet, "apps", &subnet.to_string());
        let nic = self.vm(&format!("{name}VM"), subnet);
        (vnet, subnet, nic)
    }

    pub(crate) fn link(&mut self, from: VnetId, to: VnetId, flags: PeeringFlags) -> LinkId {
        let remote = self.network.virtual_networks()[to].id.clone();
        let name = format!("to-{}", remote.name());
        let scope = PeeringScope::CompleteVirtualNetworks;
        self.network
            .create_peering(from, &name, &remote, flags, scope)
            .unwrap()
    }

    /// Both links of a peering with the default flags.
    pub(crate) fn peer(&mut self, one: VnetId, other: VnetId) -> (LinkId, LinkId) {
        let flags = PeeringFlags::default();
        (self.link(one, other, flags), self.link(other, one, flags))
    }

    /// A hub that lends its gateway, and a spoke that uses it. The hub needs its gateway first.
    pub(crate) fn transit(&mut self, hub: VnetId, spoke: VnetId) -> (LinkId, LinkId) {
        let hub_link = self.link(hub, spoke, flags(&["access", "transit"]));
        (
            hub_link,
            self.link(spoke, hub, flags(&["access", "use-remote"])),
        )
    }

    pub(crate) fn routes(
        &mut self,
        subnet: SubnetId,
        routes: &[(&str, UserNextHop)],
    ) -> RouteTableId {
        self.routes_with(subnet, routes, false)
    }

    pub(crate) fn routes_with(
        &mut self,
        subnet: SubnetId,
        routes: &[(&str, UserNextHop)],
        gateway_propagation_disabled: bool,
    ) -> RouteTableId {
        let name = format!("rt{}", self.network.route_tables().len());
        let routes = routes
            .iter()
            .enumerate()
            .map(|(position, &(destination, next_hop))| Route {
                name: format!("route{position}"),
                destination: match destination.parse() {
                    Ok(prefix) => RouteDestination::Prefix(prefix),
                    Err(_) => RouteDestination::Tag(model::ServiceTag::named(destination)),
                },
                next_hop,
            });
        let table = RouteTable {
            id: id("routeTables", &name),
            location: Location::default(),
            routes: routes.collect(),
            gateway_propagation_disabled,
        };
        let table = self.network.create_route_table(table).unwrap();
        self.network
            .set_subnet_route_table(subnet, Some(table))
            .unwrap();
        table
    }

    /// A gateway with these instances (public address, none = not in the input) in a new `GatewaySubnet`.
    pub(crate) fn gateway(
        &mut self,
        name: &str,
        vnet: VnetId,
        subnet: &str,
        kind: GatewayType,
        publics: &[Option<&str>],
    ) -> GatewayId {
        let existing = self.network.virtual_networks()[vnet].subnets.clone();
        let subnet = existing
            .into_iter()
            .find(|&subnet| self.network.subnets()[subnet].is_gateway_subnet())
            .unwrap_or_else(|| self.subnet(vnet, "GatewaySubnet", subnet));
        let instances = publics.iter().enumerate().map(|(position, address)| {
            let public = address.map(|address| {
                self.network
                    .create_public_ip(PublicIpAddress {
                        id: id("publicIPAddresses", &format!("{name}-pip{position}")),
                        location: Location::default(),
                        address: Some(ip(address)),
                        sku: Sku::Standard,
                    })
                    .unwrap()
            });
            (public, RequestedAddress::FirstFree)
        });
        let request = GatewayRequest {
            id: id("virtualNetworkGateways", name),
            location: Location::default(),
            subnet,
            kind,
            vpn_type: VpnType::RouteBased,
            active_active: publics.len() > 1,
            instances: instances.collect(),
            bgp: true,
            asn: 65515,
            default_site: None,
            client_pool: Vec::new(),
            learned_routes: Vec::new(),
        };
        self.network.create_gateway(request).unwrap()
    }

    pub(crate) fn learned(&mut self, gateway: GatewayId, prefixes: &[&str]) {
        let routes = nets(prefixes).into_iter().map(|prefix| LearnedRoute {
            prefix,
            next_hop: None,
            as_path: vec![65010],
        });
        self.network.set_learned_routes(gateway, routes.collect());
    }

    pub(crate) fn local_gateway(
        &mut self,
        name: &str,
        prefixes: &[&str],
        bgp_address: Option<&str>,
    ) -> LocalGatewayId {
        let gateway = LocalNetworkGateway {
            id: id("localNetworkGateways", name),
            prefixes: nets(prefixes),
            gateway_address: None,
            bgp_address: bgp_address.map(ip),
            asn: None,
        };
        self.network.create_local_gateway(gateway).unwrap()
    }

    pub(crate) fn connection(
        &mut self,
        gateway: GatewayId,
        peer: ConnectionPeer,
        bgp: bool,
        up: bool,
    ) {
        let name = format!("connection{}", self.network.connections().len());
        let connection = Connection {
            id: id("connections", &name),
            kind: match peer {
                ConnectionPeer::Gateway(_) => ConnectionType::Vnet2Vnet,
                ConnectionPeer::Site(_) | ConnectionPeer::Outside(_) => ConnectionType::IPsec,
            },
            gateway,
            peer,
            bgp,
            up,
            routing_weight: 0,
            traffic_selectors: Vec::new(),
        };
        self.network.create_connection(connection).unwrap();
    }

    /// Both connections of a VNet-to-VNet tunnel.
    pub(crate) fn tunnel(&mut self, one: GatewayId, other: GatewayId, bgp: bool) {
        self.connection(one, ConnectionPeer::Gateway(other), bgp, true);
        self.connection(other, ConnectionPeer::Gateway(one), bgp, true);
    }

    pub(crate) fn group(&mut self, name: &str, rules: Vec<SecurityRule>) -> NsgId {
        let group = NetworkSecurityGroup {
            id: id("networkSecurityGroups", name),
            location: Location::default(),
            rules: rules.into(),
            flush_connection: false,
        };
        self.network.create_network_security_group(group).unwrap()
    }

    pub(crate) fn compile(&self) -> Snapshot {
        control::compile(&self.network)
    }
}

/// A spoke 10.1.0.0/16 peered with a hub 10.4.0.0/16, in which an appliance has 10.4.0.4.
pub(crate) struct HubAndSpoke {
    pub(crate) topology: Topology,
    pub(crate) spoke_subnet: SubnetId,
    pub(crate) spoke: NicId,
    pub(crate) nva: NicId,
}

pub(crate) fn hub_and_spoke() -> HubAndSpoke {
    let mut topology = Topology::of_the_exercise();
    let (hub, _, nva) = topology.site("hub", "northeurope", "10.4.0.0/16");
    let (spoke, spoke_subnet, spoke_nic) = topology.site("spoke", "northeurope", "10.1.0.0/16");
    topology.peer(hub, spoke);
    HubAndSpoke {
        topology,
        spoke_subnet,
        spoke: spoke_nic,
        nva,
    }
}

pub(crate) fn nic(snapshot: &Snapshot, nic: NicId) -> &Nic {
    snapshot.nic(nic).unwrap()
}

pub(crate) fn policy(snapshot: &Snapshot, key: NicId) -> &Policy {
    snapshot.policy_of(nic(snapshot, key))
}

/// Effective routes as lines of the table that Azure's command line prints, one blank between columns.
pub(crate) fn table(snapshot: &Snapshot, key: NicId) -> Vec<String> {
    let routes = &snapshot.fib_of(nic(snapshot, key)).routes;
    routes
        .iter()
        .map(|row| {
            let prefixes: Vec<String> = row.prefixes.iter().map(ToString::to_string).collect();
            let addresses: Vec<String> = row.next_hop_ips.iter().map(ToString::to_string).collect();
            let cells = [
                row.source.as_str(),
                row.state.as_str(),
                &prefixes.join(" "),
                row.next_hop_type.as_str(),
                &addresses.join(" "),
            ];
            cells.join(" ").trim_end().to_owned()
        })
        .collect()
}

/// Where the packets of a NIC to this address go.
pub(crate) fn hop(snapshot: &Snapshot, key: NicId, destination: &str) -> Option<NextHop> {
    let fib = snapshot.fib_of(nic(snapshot, key));
    fib.table
        .lookup(ip(destination))
        .map(|entry| entry.next_hop)
}

/// The `VirtualNetwork` tag of a NIC.
pub(crate) fn tag(snapshot: &Snapshot, key: NicId) -> String {
    snapshot
        .tags_of(nic(snapshot, key))
        .virtual_network
        .to_string()
}

/// A new TCP connection from a high port.
pub(crate) fn tcp(source: &str, destination: &str, port: u16) -> acl::Key {
    packet(source, destination, 6, Some(49152), Some(port))
}

/// What a packet shows to the rules, its classes aside.
pub(crate) fn packet(
    source: &str,
    destination: &str,
    protocol: u8,
    source_port: Option<u16>,
    destination_port: Option<u16>,
) -> acl::Key {
    acl::Key {
        source: ip(source),
        destination: ip(destination),
        protocol,
        source_port,
        destination_port,
        source_classes: 0,
        destination_classes: 0,
    }
}

/// What the rules of a NIC say: `Deny DenyAllInBound`, or `Allow` alone where there are none.
pub(crate) fn decided(
    snapshot: &Snapshot,
    key: NicId,
    direction: Direction,
    packet: acl::Key,
) -> String {
    let decision = decide(snapshot, nic(snapshot, key), direction, packet);
    if let Some(admin) = decision.settled_by_admin() {
        return format!("{} {}", admin.rule.access, admin.rule.name);
    }
    let access = if decision.allows() { "Allow" } else { "Deny" };
    let rule = decision.decisive().map_or("", |verdict| &verdict.rule.name);
    format!("{access} {rule}").trim_end().to_owned()
}

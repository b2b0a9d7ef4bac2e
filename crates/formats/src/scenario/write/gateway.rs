//! Gateways, connections, route servers, what was learned by BGP, and what lies outside Azure, as a scenario has them.

use model::{ConnectionPeer, LearnedRoute, RouteServer, RouteServerPeer};

use super::super::shapes::{self, Named};
use super::{Writer, dynamic, location, set, texts};
use crate::resources::kind::Kind;

impl Writer<'_> {
    pub(super) fn gateways(&self) -> Named<shapes::VirtualNetworkGateway> {
        let network = self.network;
        let instance = |instance: &model::GatewayInstance| {
            let configuration = network.nics()[instance.nic].primary();
            shapes::Instance {
                address: Some(configuration.private_address.to_string()),
                allocation: dynamic(configuration.allocation),
                public_ip: self.public_ip(instance.public_ip),
            }
        };
        self.named(network.gateways().values(), |gateway| {
            shapes::VirtualNetworkGateway {
                location: location(&gateway.location),
                subnet: gateway
                    .instances
                    .first()
                    .map(|instance| self.subnet(network.nics()[instance.nic].subnet())),
                gateway_type: Some(shapes::GatewayType(gateway.kind.as_str())),
                vpn_type: Some(shapes::VpnType(gateway.vpn_type.as_str())),
                active_active: set(gateway.active_active),
                instances: gateway.instances.iter().map(instance).collect(),
                bgp: set(gateway.bgp),
                asn: Some(gateway.asn),
                default_site: gateway
                    .default_site
                    .map(|key| network.local_gateways()[key].id.to_string()),
                client_pool: texts(&gateway.client_pool),
                ..shapes::VirtualNetworkGateway::default()
            }
        })
    }

    pub(super) fn connections(&self) -> Named<shapes::Connection> {
        let network = self.network;
        self.named(network.connections().values(), |connection| {
            let mut shape = shapes::Connection {
                gateway: Some(network.gateways()[connection.gateway].id.to_string()),
                connection_type: Some(shapes::ConnectionType(connection.kind.as_str())),
                bgp: set(connection.bgp),
                up: (!connection.up).then_some(false),
                routing_weight: Some(connection.routing_weight),
                traffic_selectors: selectors(&connection.traffic_selectors),
                ..shapes::Connection::default()
            };
            match &connection.peer {
                ConnectionPeer::Site(key) => {
                    shape.site = Some(network.local_gateways()[*key].id.to_string());
                }
                ConnectionPeer::Gateway(key) => {
                    shape.remote_gateway = Some(network.gateways()[*key].id.to_string());
                }
                ConnectionPeer::Outside(id) if Kind::of_id(id) == Kind::VirtualNetworkGateway => {
                    shape.remote_gateway = Some(id.to_string());
                }
                ConnectionPeer::Outside(id) => shape.circuit = Some(id.to_string()),
            }
            shape
        })
    }

    pub(super) fn on_premises(&self) -> Named<shapes::OnPremises> {
        let network = self.network;
        self.named(network.on_premises().values(), |site| shapes::OnPremises {
            gateway: Some(network.gateways()[site.gateway].id.to_string()),
            prefixes: texts(&site.prefixes),
            knows: site.knows.as_deref().map(texts),
            hosts: Named(
                site.hosts
                    .iter()
                    .filter_map(|&station| network.outside_host(station))
                    .map(|host| (host.name.clone(), host.address.to_string()))
                    .collect(),
            ),
            latency_ms: Some(f64::from(site.latency_us) / 1000.0),
        })
    }

    pub(super) fn route_servers(&self) -> Named<shapes::RouteServer> {
        let peer = |peer: &RouteServerPeer| {
            let shape = shapes::RouteServerPeer {
                address: Some(peer.address.to_string()),
                asn: Some(peer.asn),
                up: (!peer.up).then_some(false),
            };
            (peer.id.name().to_owned(), shape)
        };
        self.named(
            self.network.route_servers().values(),
            |server: &RouteServer| shapes::RouteServer {
                location: location(&server.location),
                subnet: Some(self.subnet(server.subnet)),
                instances: server.instances.iter().map(ToString::to_string).collect(),
                asn: Some(server.asn),
                branch_to_branch: set(server.branch_to_branch),
                routing_preference: Some(shapes::RoutingPreference(server.preference.as_str())),
                peers: Named(server.peers.iter().map(peer).collect()),
                ..shapes::RouteServer::default()
            },
        )
    }

    pub(super) fn routing_appliances(&self) -> Named<shapes::VirtualNetworkAppliance> {
        let network = self.network;
        self.named(network.routing_appliances().values(), |appliance| {
            let nic = &network.nics()[appliance.nic];
            shapes::VirtualNetworkAppliance {
                location: location(&appliance.location),
                subnet: Some(self.subnet(nic.subnet())),
                addresses: nic.addresses().map(|address| address.to_string()).collect(),
                ..shapes::VirtualNetworkAppliance::default()
            }
        })
    }

    pub(super) fn vpn_clients(&self) -> Named<shapes::VpnClient> {
        let clients = self.network.vpn_clients().map(|(_, client)| {
            let shape = shapes::VpnClient {
                gateway: Some(self.network.gateways()[client.gateway].id.to_string()),
                address: Some(client.address.to_string()),
                profile: client.profile.as_deref().map(texts),
                latency_ms: Some(f64::from(client.latency_us) / 1000.0),
            };
            (client.name.clone(), shape)
        });
        Named(clients.collect())
    }

    /// By id of the gateway, or of the BGP connection of a route server.
    pub(super) fn learned_routes(&self) -> Named<Vec<shapes::LearnedRoute>> {
        let network = self.network;
        let gateways = network.gateways().values();
        let gateways = gateways.map(|gateway| (&gateway.id, &gateway.learned_routes));
        let servers = network.route_servers().values();
        let peers = servers
            .flat_map(|server| &server.peers)
            .map(|peer| (&peer.id, &peer.learned_routes));
        let known = gateways
            .chain(peers)
            .filter(|(_, routes)| !routes.is_empty());
        let rows = known.map(|(id, routes)| (id.to_string(), routes.iter().map(route).collect()));
        Named(rows.collect())
    }
}

fn route(route: &LearnedRoute) -> shapes::LearnedRoute {
    let path: Vec<String> = route.as_path.iter().map(ToString::to_string).collect();
    shapes::LearnedRoute {
        network: Some(route.prefix.to_string()),
        next_hop: route.next_hop.map(|address| address.to_string()),
        as_path: (!path.is_empty()).then(|| path.join("-")),
    }
}

pub(super) fn selectors(selectors: &[model::TrafficSelector]) -> Vec<shapes::TrafficSelector> {
    let shape = |selector: &model::TrafficSelector| shapes::TrafficSelector {
        local: texts(&selector.local),
        remote: texts(&selector.remote),
    };
    selectors.iter().map(shape).collect()
}

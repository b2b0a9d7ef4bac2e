//! Gateways' parts that have a form of their own: route servers, what was learned by BGP, traffic selectors.

use model::{LearnedRoute, RouteServer, RouteServerPeer};

use super::super::shapes::{self, Named};
use super::{Writer, location, set, texts};

impl Writer<'_> {
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

//! Gateways, and what they join networks to.

use ipnet::Ipv4Net;
use model::{
    Connection, ConnectionPeer, LearnedRoute, LocalNetworkGateway, Network, OnPremisesNetwork,
    RouteServer, VirtualNetworkGateway,
};

use super::super::Value;
use super::{Properties, id, in_order, list, optional, text};

pub(super) fn gateway(network: &Network, gateway: &VirtualNetworkGateway) -> Properties {
    vec![
        ("gatewayType", text(gateway.kind)),
        ("vpnType", text(gateway.vpn_type)),
        ("activeActive", text(gateway.active_active)),
        ("enableBgp", text(gateway.bgp)),
        ("asn", text(gateway.asn)),
        (
            "gatewayDefaultSite",
            id(gateway
                .default_site
                .map(|key| &network.local_gateways()[key].id)),
        ),
        ("vpnClientAddressPool", list(&gateway.client_pool)),
        ("learnedRoutes", learned(&gateway.learned_routes)),
    ]
}

pub(super) fn local_gateway(site: &LocalNetworkGateway) -> Properties {
    vec![
        ("addressPrefixes", list(&site.prefixes)),
        ("bgpPeeringAddress", optional(site.bgp_address)),
        ("asn", optional(site.asn)),
    ]
}

pub(super) fn connection(network: &Network, connection: &Connection) -> Properties {
    vec![
        ("connectionType", text(connection.kind)),
        (
            "gateway",
            id(Some(&network.gateways()[connection.gateway].id)),
        ),
        (
            "peer",
            id(Some(match &connection.peer {
                ConnectionPeer::Site(key) => &network.local_gateways()[*key].id,
                ConnectionPeer::Gateway(key) => &network.gateways()[*key].id,
                ConnectionPeer::Outside(id) => id,
            })),
        ),
        ("connected", text(connection.up)),
        ("enableBgp", text(connection.bgp)),
        ("routingWeight", text(connection.routing_weight)),
        (
            "trafficSelectors",
            in_order(connection.traffic_selectors.iter().map(|selector| {
                let prefixes = |list: &[Ipv4Net]| {
                    let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
                    texts.join(" ")
                };
                format!(
                    "{} - {}",
                    prefixes(&selector.local),
                    prefixes(&selector.remote)
                )
            })),
        ),
    ]
}

pub(super) fn route_server(server: &RouteServer) -> Properties {
    vec![
        ("asn", text(server.asn)),
        ("allowBranchToBranchTraffic", text(server.branch_to_branch)),
        ("hubRoutingPreference", text(server.preference)),
        (
            "peers",
            in_order(server.peers.iter().map(|peer| {
                let state = if peer.up { "up" } else { "down" };
                let routes = match learned(&peer.learned_routes) {
                    Value::Text(routes) => routes,
                    _ => String::new(),
                };
                format!(
                    "{} {} AS {} {state} [{routes}]",
                    peer.id.name(),
                    peer.address,
                    peer.asn
                )
            })),
        ),
    ]
}

pub(super) fn on_premises(network: &Network, site: &OnPremisesNetwork) -> Properties {
    vec![
        ("gateway", id(Some(&network.gateways()[site.gateway].id))),
        ("prefixes", list(&site.prefixes)),
        ("knows", list(site.knows.iter().flatten())),
    ]
}

fn learned(routes: &[LearnedRoute]) -> Value {
    list(routes.iter().map(|route| {
        let path: Vec<String> = route.as_path.iter().map(ToString::to_string).collect();
        let hop = route.next_hop.map(|hop| format!(" via {hop}"));
        format!(
            "{}{} [{}]",
            route.prefix,
            hop.unwrap_or_default(),
            path.join(" ")
        )
    }))
}

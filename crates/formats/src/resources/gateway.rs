//! Virtual network gateways, sites, connections, and what gateways have learned (G-1, G-2).

use std::net::Ipv4Addr;

use model::gateway::DEFAULT_ASN;
use model::{
    Connection, ConnectionPeer, ConnectionType, GatewayRequest, GatewayType, LocalNetworkGateway,
    RequestedAddress, ResourceId, TrafficSelector, VpnType,
};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// A gateway that waits for its addresses.
pub(super) struct GatewayDraft {
    pub(super) request: GatewayRequest,
    span: Span,
}

impl Builder<'_> {
    pub(super) fn local_gateways(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::LocalNetworkGateway) {
            let view = self.open(record);
            let space = view
                .object("localNetworkAddressSpace")
                .unwrap_or_else(|| view.clone());
            let bgp = view.object("bgpSettings").unwrap_or_else(|| view.clone());
            let gateway = LocalNetworkGateway {
                id: record.id.clone(),
                prefixes: self.reader.prefixes(&space, &["addressPrefixes"]),
                gateway_address: self.reader.address_in_passing(&view, "gatewayIpAddress"),
                bgp_address: self.reader.address_in_passing(&bgp, "bgpPeeringAddress"),
                asn: self
                    .reader
                    .number(&bgp, "asn", "an autonomous system number"),
            };
            let result = self.network.create_local_gateway(gateway);
            self.created(&record.id, record.span, result);
        }
    }

    pub(super) fn gateway(&mut self, record: &Record, view: &View<'_>) -> Option<GatewayDraft> {
        let configurations = self.reader.objects(view, "ipConfigurations");
        let bgp = view.object("bgpSettings").unwrap_or_else(|| view.clone());
        let known = instance_addresses(&bgp);
        let mut subnet = None;
        let mut instances = Vec::new();
        for (number, configuration) in configurations.iter().enumerate() {
            let Some((place, wanted)) = self.subnet_address(configuration) else {
                continue;
            };
            subnet = subnet.or(Some(place));
            let wanted = match (wanted, known.get(number)) {
                // Azure shows the addresses of the instances only as BGP addresses.
                (RequestedAddress::FirstFree, Some(&address)) => {
                    RequestedAddress::Assigned(address)
                }
                _ => wanted,
            };
            instances.push((self.public_ip_of(configuration, "publicIPAddress"), wanted));
        }
        let Some(subnet) = subnet else {
            if configurations.is_empty() {
                self.reader.missing(
                    view,
                    "ipConfigurations",
                    "an IP configuration in GatewaySubnet",
                );
            }
            return None;
        };
        for (key, effect) in [
            ("customRoutes", "VPN clients do not get these routes"),
            ("natRules", "addresses are not translated in the tunnel"),
            (
                "virtualNetworkGatewayPolicyGroups",
                "clients are not grouped",
            ),
        ] {
            if view.has_any(key) {
                self.reader.unsupported(view, key, effect);
            }
        }
        let active_active = self
            .reader
            .flag(view, "activeActive")
            .or_else(|| self.reader.flag(view, "active"));
        let clients = view.object("vpnClientConfiguration");
        let pool = clients
            .as_ref()
            .and_then(|clients| clients.object("vpnClientAddressPool"));
        let request = GatewayRequest {
            id: record.id.clone(),
            location: self.location(view),
            subnet,
            kind: self
                .reader
                .word(view, "gatewayType")
                .unwrap_or(GatewayType::Vpn),
            vpn_type: self
                .reader
                .word(view, "vpnType")
                .unwrap_or(VpnType::RouteBased),
            active_active: active_active.unwrap_or(false),
            instances,
            bgp: self.reader.flag(view, "enableBgp").unwrap_or(false),
            asn: self
                .reader
                .number(&bgp, "asn", "an autonomous system number")
                .unwrap_or(DEFAULT_ASN),
            default_site: self.optional(
                view,
                "gatewayDefaultSite",
                Kind::LocalNetworkGateway,
                |network| network.local_gateways(),
            ),
            client_pool: match pool {
                Some(pool) => self.reader.prefixes(&pool, &["addressPrefixes"]),
                None => self.reader.prefixes(view, &["clientPool"]),
            },
            learned_routes: Vec::new(),
        };
        Some(GatewayDraft {
            request,
            span: record.span,
        })
    }

    pub(super) fn create_gateway(&mut self, draft: GatewayDraft) {
        let id = draft.request.id.clone();
        self.reopen(&id);
        let result = self.network.create_gateway(draft.request);
        self.created(&id, draft.span, result);
    }

    pub(super) fn connections(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::Connection) {
            if self.connection(record).is_none() {
                self.give_up(&record.id);
            }
        }
    }

    fn connection(&mut self, record: &Record) -> Option<()> {
        let view = self.open(record);
        let gateway = self.required(
            &view,
            "virtualNetworkGateway1",
            Kind::VirtualNetworkGateway,
            |network| network.gateways(),
        )?;
        let kind = self
            .reader
            .word(&view, "connectionType")
            .unwrap_or(ConnectionType::IPsec);
        let peer = self.connection_peer(&view)?;
        for (key, effect) in [
            (
                "ingressNatRules",
                "addresses are not translated in the tunnel",
            ),
            (
                "egressNatRules",
                "addresses are not translated in the tunnel",
            ),
        ] {
            if view.has_any(key) {
                self.reader.unsupported(&view, key, effect);
            }
        }
        let status = self
            .reader
            .label(&view, "connectionStatus")
            .unwrap_or_default();
        let connection = Connection {
            id: record.id.clone(),
            kind,
            gateway,
            peer,
            bgp: self.reader.flag(&view, "enableBgp").unwrap_or(false),
            up: !status.eq_ignore_ascii_case("NotConnected"),
            routing_weight: self
                .reader
                .number(&view, "routingWeight", "a weight")
                .unwrap_or(0),
            traffic_selectors: self.traffic_selectors(&view),
        };
        let result = self.network.create_connection(connection);
        self.created(&record.id, record.span, result).map(|_| ())
    }

    fn traffic_selectors(&mut self, view: &View<'_>) -> Vec<TrafficSelector> {
        let listed = self.reader.objects(view, "trafficSelectorPolicies");
        let selectors = listed.iter().map(|selector| TrafficSelector {
            local: self.reader.prefixes(selector, &["localAddressRanges"]),
            remote: self.reader.prefixes(selector, &["remoteAddressRanges"]),
        });
        selectors.collect()
    }

    fn connection_peer(&mut self, view: &View<'_>) -> Option<ConnectionPeer> {
        if let Some(reference) =
            self.reader
                .reference(view, "localNetworkGateway2", Kind::LocalNetworkGateway)
        {
            return self
                .lookup(&reference, Kind::LocalNetworkGateway, |network| {
                    network.local_gateways()
                })
                .map(ConnectionPeer::Site);
        }
        if let Some(reference) =
            self.reader
                .reference(view, "virtualNetworkGateway2", Kind::VirtualNetworkGateway)
        {
            let id = self.resolve(&reference, Kind::VirtualNetworkGateway)?;
            // The other gateway may be somebody else's.
            return Some(
                self.network
                    .gateways()
                    .find(&id)
                    .map_or(ConnectionPeer::Outside(id), ConnectionPeer::Gateway),
            );
        }
        if let Some(reference) = self.reader.reference(view, "peer", Kind::Irrelevant) {
            return match ResourceId::parse(reference.text) {
                Ok(id) => Some(ConnectionPeer::Outside(id)),
                Err(error) => {
                    let problem =
                        Diagnostic::error(Code::BadValue, format!("{}: {error}", reference.path))
                            .at(reference.span);
                    self.reader.push(
                        problem
                            .property(reference.path)
                            .expected("the id of an ExpressRoute circuit"),
                    );
                    None
                }
            };
        }
        self.reader.missing(
            view,
            "localNetworkGateway2",
            "the other end: localNetworkGateway2, virtualNetworkGateway2 or peer",
        );
        None
    }
}

/// Addresses of the instances: `"10.4.0.4,10.4.0.5"`.
fn instance_addresses(bgp: &View<'_>) -> Vec<Ipv4Addr> {
    let text = bgp
        .get("bgpPeeringAddress")
        .and_then(|value| value.as_str())
        .unwrap_or_default();
    text.split(',')
        .map_while(|address| address.trim().parse().ok())
        .collect()
}

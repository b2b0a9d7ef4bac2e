//! Route servers: `Microsoft.Network/virtualHubs` that belong to no virtual WAN, with their IP configurations and BGP connections
//! (G-10); managed routing appliances (G-12).

use std::net::Ipv4Addr;

use model::gateway::DEFAULT_ASN;
use model::{
    IpConfigurationRequest, Location, RequestedAddress, ResourceId, RouteServerPeer,
    RouteServerRequest, RoutingPreference, SubnetId,
};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};
use crate::json::Value;
use crate::source::Span;

/// Instances of a route server in Azure.
const INSTANCES: usize = 2;

/// A route server that waits for its addresses.
pub(super) struct RouteServerDraft {
    pub(super) request: RouteServerRequest,
    span: Span,
}

/// A managed routing appliance that waits for its addresses.
pub(super) struct ApplianceDraft {
    pub(super) configurations: Vec<IpConfigurationRequest>,
    id: ResourceId,
    location: Location,
    span: Span,
}

/// Whether a virtual hub is a route server: its kind says so, or it belongs to no virtual WAN and has no address prefix of its own.
pub(super) fn is_route_server(body: &Value) -> bool {
    let kind = body.get("kind").and_then(Value::as_str);
    if kind.is_some_and(|kind| kind.eq_ignore_ascii_case("RouteServer")) {
        return true;
    }
    let has = |key: &str| {
        let found = body.path(["properties", key]).or_else(|| body.get(key));
        found.is_some_and(|value| !value.is_null())
    };
    !has("virtualWan") && !has("addressPrefix")
}

impl Builder<'_> {
    pub(super) fn route_server(
        &mut self,
        record: &Record,
        view: &View<'_>,
    ) -> Option<RouteServerDraft> {
        let known = self.reader.texts(view, "virtualRouterIps");
        let mut instances: Vec<Ipv4Addr> = Vec::new();
        for (text, value, path) in known {
            match text.parse() {
                Ok(address) => instances.push(address),
                Err(_) => self.reader.bad_at(path, value, "an IPv4 address"),
            }
        }
        let subnet = self.subnet_of_route_server(record, view, &instances)?;
        let peers = self
            .children_of(record, view, "peers", Kind::RouteServerPeer)
            .into_iter()
            .filter_map(|child| self.route_server_peer(child.id, &child.view))
            .collect();
        self.reopen(&record.id);
        let mut wanted: Vec<RequestedAddress> = instances
            .into_iter()
            .map(RequestedAddress::Assigned)
            .collect();
        if wanted.is_empty() {
            wanted = vec![RequestedAddress::FirstFree; INSTANCES];
        }
        let request = RouteServerRequest {
            id: record.id.clone(),
            location: self.location(view),
            subnet,
            instances: wanted,
            asn: self
                .reader
                .number(view, "virtualRouterAsn", "an autonomous system number")
                .unwrap_or(DEFAULT_ASN),
            branch_to_branch: self
                .reader
                .flag(view, "allowBranchToBranchTraffic")
                .unwrap_or(false),
            preference: self
                .reader
                .word(view, "hubRoutingPreference")
                .unwrap_or(RoutingPreference::ExpressRoute),
            peers,
        };
        Some(RouteServerDraft {
            request,
            span: record.span,
        })
    }

    /// The subnet: as an IP configuration says, or the one in which the known addresses of the instances lie, since the answers of
    /// `az network routeserver` and of the resource graph hold no more than these.
    fn subnet_of_route_server(
        &mut self,
        record: &Record,
        view: &View<'_>,
        instances: &[Ipv4Addr],
    ) -> Option<SubnetId> {
        if view.get("subnet").is_some() {
            return self.required(view, "subnet", Kind::Subnet, |network| network.subnets());
        }
        let configurations = self.children_of(
            record,
            view,
            "configurations",
            Kind::RouteServerConfiguration,
        );
        for configuration in &configurations {
            self.reopen(&configuration.id);
            if configuration.view.get("subnet").is_some() {
                return self.required(&configuration.view, "subnet", Kind::Subnet, |network| {
                    network.subnets()
                });
            }
        }
        self.reopen(&record.id);
        let subnets = self.network.subnets().iter();
        let mut around = subnets.filter(|(_, subnet)| {
            subnet.is_route_server_subnet()
                && !instances.is_empty()
                && instances.iter().all(|&address| subnet.contains(address))
        });
        if let (Some((subnet, _)), None) = (around.next(), around.next()) {
            return Some(subnet);
        }
        let message = format!(
            "route server '{}' is left out: it is not known in which network it lives",
            record.id.name()
        );
        self.reader.push(
                    Diagnostic::warning(Code::MissingProperty, message)
                        .at(record.span)
                        .expected(
                            "an IP configuration in RouteServerSubnet, or virtualRouterIps that lie in one such subnet of the input",
                        ),
                );
        None
    }

    fn route_server_peer(&mut self, id: ResourceId, view: &View<'_>) -> Option<RouteServerPeer> {
        self.reopen(&id);
        if view.get("peerIp").is_none() {
            self.reader
                .missing(view, "peerIp", "the address of the appliance");
        }
        let Some(address) = self.reader.address(view, "peerIp") else {
            self.give_up(&id);
            return None;
        };
        let state = self
            .reader
            .label(view, "connectionState")
            .unwrap_or_default();
        Some(RouteServerPeer {
            id,
            address,
            asn: self
                .reader
                .number(view, "peerAsn", "an autonomous system number")
                .unwrap_or(0),
            up: !state.eq_ignore_ascii_case("NotConnected"),
            learned_routes: Vec::new(),
        })
    }

    /// The service gives the addresses itself; a template names the subnet alone.
    pub(super) fn network_appliance(
        &mut self,
        record: &Record,
        view: &View<'_>,
    ) -> Option<ApplianceDraft> {
        let subnet = self.required(view, "subnet", Kind::Subnet, |network| network.subnets())?;
        let listed = self.reader.objects(view, "ipConfigurations");
        let mut wanted: Vec<RequestedAddress> = listed
            .iter()
            .filter_map(|configuration| self.reader.address(configuration, "privateIPAddress"))
            .map(RequestedAddress::Assigned)
            .collect();
        if wanted.is_empty() {
            wanted.push(RequestedAddress::FirstFree);
        }
        let configurations = wanted.into_iter().enumerate();
        let configurations = configurations.map(|(number, address)| IpConfigurationRequest {
            name: format!("ipconfig{number}"),
            subnet,
            address,
            public_ip: None,
            application_security_groups: Vec::new(),
            backend_pools: Vec::new(),
            primary: number == 0,
        });
        Some(ApplianceDraft {
            configurations: configurations.collect(),
            id: record.id.clone(),
            location: self.location(view),
            span: record.span,
        })
    }

    pub(super) fn create_network_appliance(&mut self, draft: ApplianceDraft) {
        let ApplianceDraft {
            configurations,
            id,
            location,
            span,
        } = draft;
        self.reopen(&id);
        let result = self
            .network
            .create_network_appliance(id.clone(), location, configurations);
        self.created(&id, span, result);
    }

    pub(super) fn create_route_server(&mut self, draft: RouteServerDraft) {
        let id = draft.request.id.clone();
        self.reopen(&id);
        let result = self.network.create_route_server(draft.request);
        self.created(&id, draft.span, result);
    }
}

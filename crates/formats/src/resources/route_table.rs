//! Route tables and their routes.

use std::collections::HashMap;

use model::{
    NextHopType, OperationError, Route, RouteDestination, RouteTable, ServiceTag, UserNextHop,
};

use super::Record;
use super::build::Builder;
use super::kind::Kind;
use super::reader::{is_ipv6, parse_prefix};
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// How often a table or group is tried again without the entry that was refused, so that several conflicts are told in one run.
pub(super) const ATTEMPTS: usize = 20;

const NEXT_HOPS: &str = "VirtualAppliance, VirtualNetworkGateway, VnetLocal, Internet or None";

impl Builder<'_> {
    pub(super) fn route_tables(&mut self) {
        let collection = self.collection;
        for record in collection.of_kind(Kind::RouteTable) {
            self.route_table(record);
        }
    }

    fn route_table(&mut self, record: &Record) {
        let view = self.open(record);
        let mut spans = HashMap::new();
        let mut routes = Vec::new();
        for child in self.children_of(record, &view, "routes", Kind::Route) {
            if let Some(route) = self.route(child.id.name(), &child.view) {
                spans.insert(route.name.to_ascii_lowercase(), child.view.span());
                routes.push(route);
            }
        }
        let mut table = RouteTable {
            id: record.id.clone(),
            location: self.location(&view),
            routes,
            gateway_propagation_disabled: self
                .reader
                .flag(&view, "disableBgpRoutePropagation")
                .unwrap_or(false),
        };
        for _ in 0..ATTEMPTS {
            match self.network.create_route_table(table.clone()) {
                Ok(_) => return,
                Err(error) => {
                    let name = match &error {
                        OperationError::RouteConflict { second, .. } => second.clone(),
                        OperationError::DuplicateName { name, .. } => name.clone(),
                        _ => String::new(),
                    };
                    self.reader
                        .refused(&error, span_of(&spans, &name, record.span));
                    let Some(position) = table.routes.iter().rposition(|route| route.name == name)
                    else {
                        break;
                    };
                    table.routes.remove(position);
                }
            }
        }
        self.give_up(&record.id);
    }

    fn route(&mut self, name: &str, view: &View<'_>) -> Option<Route> {
        let destination = self.route_destination(view);
        let next_hop = self.next_hop(view);
        Some(Route {
            name: name.to_owned(),
            destination: destination?,
            next_hop: next_hop?,
        })
    }

    /// A prefix, or a service tag.
    fn route_destination(&mut self, view: &View<'_>) -> Option<RouteDestination> {
        let Some(text) = self.reader.text(view, "addressPrefix") else {
            if view.get("addressPrefix").is_none() {
                self.reader
                    .missing(view, "addressPrefix", "a prefix or a service tag");
            }
            return None;
        };
        let value = view.get("addressPrefix").expect("its text was read above");
        if parse_prefix(text.trim()).is_some() || is_ipv6(text.trim()) {
            return self
                .reader
                .prefix(view.path("addressPrefix"), value)
                .map(RouteDestination::Prefix);
        }
        if !is_tag(text) {
            self.reader.bad(
                view,
                "addressPrefix",
                value,
                "an IPv4 prefix such as 10.0.0.0/16, or a service tag",
            );
            return None;
        }
        Some(RouteDestination::Tag(ServiceTag::named(text)))
    }

    /// five types; an address belongs to `VirtualAppliance` and to no other.
    fn next_hop(&mut self, view: &View<'_>) -> Option<UserNextHop> {
        let Some(value) = view.get("nextHopType") else {
            self.reader.missing(view, "nextHopType", NEXT_HOPS);
            return None;
        };
        let Some(Ok(kind)) = value.as_str().map(str::parse) else {
            self.reader.bad(view, "nextHopType", value, NEXT_HOPS);
            return None;
        };
        let hop = match kind {
            NextHopType::VirtualAppliance => {
                if view.get("nextHopIpAddress").is_none() {
                    self.reader
                        .missing(view, "nextHopIpAddress", "the address of the appliance");
                }
                return self
                    .reader
                    .address(view, "nextHopIpAddress")
                    .map(UserNextHop::VirtualAppliance);
            }
            NextHopType::VirtualNetworkGateway => UserNextHop::VirtualNetworkGateway,
            NextHopType::VnetLocal => UserNextHop::VnetLocal,
            NextHopType::Internet => UserNextHop::Internet,
            NextHopType::None => UserNextHop::None,
            NextHopType::VNetPeering
            | NextHopType::VNetGlobalPeering
            | NextHopType::VirtualNetworkServiceEndpoint
            | NextHopType::InterfaceEndpoint
            | NextHopType::ConnectedGroup => {
                let message = format!(
                    "{} cannot be {kind}: Azure has no such user route",
                    view.path("nextHopType")
                );
                let problem = Diagnostic::error(Code::BadValue, message).at(value.span);
                self.reader.push(
                    problem
                        .property(view.path("nextHopType"))
                        .value(value)
                        .expected(NEXT_HOPS),
                );
                return None;
            }
        };
        if let Some(address) = view.get("nextHopIpAddress") {
            let message = format!(
                "{} is given, but the next hop is {kind}",
                view.path("nextHopIpAddress")
            );
            let severity = self.reader.origin().severity();
            let problem = Diagnostic::new(severity, Code::BadValue, message).at(address.span);
            self.reader.push(
                problem
                    .property(view.path("nextHopIpAddress"))
                    .value(address)
                    .expected("an address only with nextHopType VirtualAppliance"),
            );
        }
        Some(hop)
    }
}

/// A word that may be the name of a service tag, e.g. `Storage.WestEurope`.
pub(super) fn is_tag(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// Where the entry of this name stands; the whole resource if it has no place of its own.
pub(super) fn span_of(spans: &HashMap<String, Span>, name: &str, otherwise: Span) -> Span {
    spans
        .get(&name.to_ascii_lowercase())
        .copied()
        .unwrap_or(otherwise)
}

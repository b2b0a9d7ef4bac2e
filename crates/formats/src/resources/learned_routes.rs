//! Routes that gateways and route servers have learned by BGP: an input (G-2, G-10).
//!
//! `az network vnet-gateway list-learned-routes` and `az network routeserver peering list-learned-routes` do not name whose routes they
//! print. The name of the file does (`GATEWAY.learned-routes.json`, `SERVER.PEER.learned-routes.json`), or else the rows: they hold the
//! addresses at both ends of the BGP session.

use std::net::Ipv4Addr;

use model::{GatewayId, LearnedRoute, ResourceId, RouteServerId};

use super::build::Builder;
use super::kind::Kind;
use super::reader::{Origin, Reader, Reference};
use super::scenario_only::{Entry, member};
use super::view::View;
use crate::diagnostic::{Code, Diagnostic};
use crate::json::Value;

/// Whose routes they are.
enum Learner {
    Gateway(GatewayId),
    /// A BGP connection of a route server, by its position.
    Peer(RouteServerId, usize),
}

impl Builder<'_> {
    pub(super) fn learned_routes(&mut self, entry: &Entry) {
        self.reader.begin(
            format_args!("learned routes of {}", entry.key),
            Origin::Authored,
        );
        let rows = rows(&entry.value);
        let learner = self.learner(entry, rows.as_array().unwrap_or_default());
        let holder = Value::new(rows.span, vec![member("learnedRoutes", &rows)]);
        let view = View::of_resource([&holder], rows.span);
        let listed = self.reader.objects(&view, "learnedRoutes");
        let routes: Vec<LearnedRoute> = listed
            .iter()
            .filter_map(|row| learned_route(&mut self.reader, row))
            .collect();
        let routes = each_once(routes);
        match learner {
            Some(Learner::Gateway(gateway)) => self.network.set_learned_routes(gateway, routes),
            Some(Learner::Peer(server, peer)) => {
                self.network.set_routes_of_peer(server, peer, routes);
            }
            None => {}
        }
    }

    fn learner(&mut self, entry: &Entry, rows: &[Value]) -> Option<Learner> {
        if let Some((server, peer)) = self.peer_named(&entry.key) {
            return Some(Learner::Peer(server, peer));
        }
        if !entry.key.is_empty() {
            let reference = Reference {
                text: &entry.key,
                span: entry.key_span,
                path: "the gateway".to_owned(),
            };
            return self
                .lookup(&reference, Kind::VirtualNetworkGateway, |network| {
                    network.gateways()
                })
                .map(Learner::Gateway);
        }
        let told = self.learner_of_rows(rows);
        if told.is_none() {
            let message = "these learned routes are of no gateway or route server of the input";
            self.reader.push(
                Diagnostic::error(Code::DanglingReference, message)
                    .at(entry.key_span)
                    .expected(
                        "rows whose localAddress belongs to one of them, or a file named GATEWAY.learned-routes.json",
                    ),
            );
        }
        told
    }

    /// The one to which both addresses of the session belong. Gateways tell no peer, so their own address has to do.
    fn learner_of_rows(&self, rows: &[Value]) -> Option<Learner> {
        if let Some((server, peer)) = self.peer_of_rows(rows) {
            return Some(Learner::Peer(server, peer));
        }
        let local = address_of(rows.first()?, "localAddress")?;
        let gateways = self.network.gateways().iter();
        let mut own = gateways.filter(|(_, gateway)| {
            let nics = self.network.nics();
            let mut addresses = gateway
                .instances
                .iter()
                .map(|instance| nics[instance.nic].primary_address());
            addresses.any(|address| address == local)
        });
        let (found, _) = own.next()?;
        own.next().is_none().then_some(Learner::Gateway(found))
    }

    /// The peer that a name means: `SERVER/PEER`, in the name of a file `SERVER.PEER`, or the id of its BGP connection.
    pub(super) fn peer_named(&self, name: &str) -> Option<(RouteServerId, usize)> {
        let servers = self.network.route_servers();
        let peers = || {
            servers.iter().flat_map(|(key, server)| {
                let peers = server.peers.iter().enumerate();
                peers.map(move |(position, peer)| ((key, position), server, peer))
            })
        };
        if let Ok(id) = ResourceId::parse(name) {
            return peers()
                .find(|(_, _, peer)| peer.id == id)
                .map(|(found, ..)| found);
        }
        let mut named = peers().filter(|(_, server, peer)| {
            ["/", "."].iter().any(|between| {
                let own = format!("{}{between}{}", server.id.name(), peer.id.name());
                own.eq_ignore_ascii_case(name)
            })
        });
        let (found, ..) = named.next()?;
        named.next().is_none().then_some(found)
    }

    /// The peer of which rows of `az network routeserver peering list-learned-routes` tell: they hold both ends of the session.
    pub(super) fn peer_of_rows(&self, rows: &[Value]) -> Option<(RouteServerId, usize)> {
        let row = rows.first()?;
        let address = |key| -> Option<Ipv4Addr> { row.get(key)?.as_str()?.parse().ok() };
        let (local, source) = (address("localAddress")?, address("sourcePeer")?);
        let mut found = self
            .network
            .route_servers()
            .iter()
            .filter(|(_, server)| server.instances.contains(&local))
            .filter_map(|(key, server)| {
                let at = server
                    .peers
                    .iter()
                    .position(|peer| peer.address == source)?;
                Some((key, at))
            });
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

/// Whether rows hold the address of the session's near end.
pub(crate) fn tell_their_session(value: &Value) -> bool {
    let rows = rows(value);
    let first = rows.as_array().and_then(<[Value]>::first);
    first.is_some_and(|row| address_of(row, "localAddress").is_some())
}

fn address_of(row: &Value, key: &str) -> Option<Ipv4Addr> {
    row.get(key)?.as_str()?.parse().ok()
}

/// The rows of an answer: a plain list, `value`, or of a route server a list for each of its instances.
fn rows(value: &Value) -> Value {
    if let Some(rows) = rows_of_instances(value) {
        return Value::new(value.span, rows);
    }
    value.get("value").unwrap_or(value).clone()
}

/// The rows of an answer of `az network routeserver peering list-learned-routes`: a list for each instance. Both instances learn the
/// same, so a route counts once.
fn rows_of_instances(value: &Value) -> Option<Vec<Value>> {
    let object = value.as_object()?;
    let lists = object
        .iter()
        .filter(|member| member.key.starts_with("RouteServiceRole"));
    let mut rows = Vec::new();
    let mut any = false;
    for list in lists {
        any = true;
        rows.extend(list.value.as_array().unwrap_or_default().iter().cloned());
    }
    any.then_some(rows)
}

/// Each route once, in the order in which they came.
fn each_once(routes: Vec<LearnedRoute>) -> Vec<LearnedRoute> {
    let mut once: Vec<LearnedRoute> = Vec::with_capacity(routes.len());
    for route in routes {
        if !once.contains(&route) {
            once.push(route);
        }
    }
    once
}

/// `None` for what the gateway knows of its own network (`origin: Network`), and for what cannot be read.
fn learned_route(reader: &mut Reader<'_>, row: &View<'_>) -> Option<LearnedRoute> {
    if row
        .get("origin")
        .and_then(|value| value.as_str())
        .is_some_and(|origin| origin.eq_ignore_ascii_case("Network"))
    {
        return None;
    }
    let value = row.first(&["network", "prefix"]);
    let Some((key, value)) = value else {
        reader.missing(row, "network", "a prefix");
        return None;
    };
    let prefix = reader.prefix(row.path(key), value)?;
    Some(LearnedRoute {
        prefix,
        next_hop: reader.address(row, "nextHop"),
        as_path: as_path(reader, row),
    })
}

/// `65010-65020` as Azure prints it; blanks and a list of numbers are read too.
fn as_path(reader: &mut Reader<'_>, row: &View<'_>) -> Vec<u32> {
    let Some(value) = row.get("asPath") else {
        return Vec::new();
    };
    let parts: Vec<String> = match (value.as_array(), value.as_i64(), value.as_str()) {
        (Some(values), _, _) => values
            .iter()
            .map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            })
            .collect(),
        (_, Some(number), _) => vec![number.to_string()],
        (_, _, Some(text)) => text
            .split(['-', ' ', ','])
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect(),
        _ => {
            reader.bad(
                row,
                "asPath",
                value,
                "autonomous system numbers such as 65010-65020",
            );
            return Vec::new();
        }
    };
    let path: Option<Vec<u32>> = parts.iter().map(|part| part.parse().ok()).collect();
    path.unwrap_or_else(|| {
        reader.bad(
            row,
            "asPath",
            value,
            "autonomous system numbers such as 65010-65020",
        );
        Vec::new()
    })
}

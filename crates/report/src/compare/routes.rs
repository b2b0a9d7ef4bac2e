//! Effective routes beside Azure's.

use std::fmt;
use std::net::Ipv4Addr;

use control::snapshot::{EffectiveRoute, RouteOrigin, Snapshot};
use ipnet::Ipv4Net;
use model::table::Resource;
use model::{GatewayId, Network, NicId};
use serde_json::Value;

use super::{Class, Comparison, Difference, get, is_ipv6, prefix, text, texts};

/// One row with one prefix and at most one next hop: what the API prints as one row with two next hops are two of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `Default`, `User` or `VirtualNetworkGateway`; none if it was not printed.
    pub source: Option<String>,
    /// `Active` or `Invalid`; none if it was not printed.
    pub state: Option<String>,
    /// Destination.
    pub prefix: Ipv4Net,
    /// `VnetLocal`, `VNetPeering`, ...
    pub next_hop_type: String,
    /// The next hop's address.
    pub next_hop: RowHop,
}

/// The address column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowHop {
    /// Empty.
    None,
    /// An address.
    Address(Ipv4Addr),
    /// Unknown on one side: equal to anything.
    Any,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
        let (source, state) = (unknown(&self.source), unknown(&self.state));
        write!(f, "{source} {state} {} {}", self.prefix, self.next_hop_type)?;
        match self.next_hop {
            RowHop::None => Ok(()),
            RowHop::Address(address) => write!(f, " {address}"),
            RowHop::Any => f.write_str(" (any address)"),
        }
    }
}

impl Row {
    /// Equal in everything that both sides say.
    pub fn matches(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            _ => true,
        };
        self.prefix == other.prefix
            && self
                .next_hop_type
                .eq_ignore_ascii_case(&other.next_hop_type)
            && same(&self.source, &other.source)
            && same(&self.state, &other.state)
            && match (self.next_hop, other.next_hop) {
                (RowHop::Any, _) | (_, RowHop::Any) => true,
                (one, other) => one == other,
            }
    }

    /// A row of the system that leads nowhere.
    pub fn is_system_none(&self) -> bool {
        let is_user = self
            .source
            .as_deref()
            .is_some_and(|source| source.eq_ignore_ascii_case("User"));
        self.next_hop_type.eq_ignore_ascii_case("None") && !is_user
    }
}

/// A row of ours, with what made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRow {
    /// The row.
    pub row: Row,
    /// Who made it, in words.
    pub made_by: String,
    /// The gateway behind a gateway row.
    pub gateway: Option<GatewayId>,
}

/// Azure's rows, and what could not be read of them, in words.
pub fn of_azure(answer: &Value) -> (Vec<Row>, Vec<String>) {
    let mut rows = Vec::new();
    let mut unread = Vec::new();
    for row in super::rows(answer) {
        read(row, &mut rows, &mut unread);
    }
    (rows, unread)
}

/// The keys of the service, and the columns of tables that others have made of them.
fn read(row: &Value, rows: &mut Vec<Row>, unread: &mut Vec<String>) {
    let Some(next_hop_type) = text(row, "nextHopType") else {
        unread.push(format!("a route without nextHopType: {row}"));
        return;
    };
    let prefixes = texts(get(row, "addressPrefix").or_else(|| get(row, "prefix")));
    if prefixes.is_empty() {
        unread.push(format!("a route without addressPrefix: {row}"));
    }
    let word = |key| text(row, key).map(str::to_owned);
    let hops = get(row, "nextHopIpAddress").or_else(|| get(row, "nextHopIps"));
    let mut next_hops = Vec::new();
    for hop in texts(hops).into_iter().filter(|hop| !hop.is_empty()) {
        match hop.parse() {
            Ok(address) => next_hops.push(RowHop::Address(address)),
            Err(_) if is_ipv6(hop) => {}
            Err(_) => {
                unread.push(format!(
                    "'{hop}' is no address: the next hop is not compared"
                ));
                next_hops.push(RowHop::Any);
            }
        }
    }
    if next_hops.is_empty() {
        next_hops.push(RowHop::None);
    }
    for text in prefixes {
        let Some(prefix) = prefix(text) else {
            if !is_ipv6(text) {
                unread.push(format!("'{text}' is no prefix: the row is not compared"));
            }
            continue;
        };
        rows.extend(next_hops.iter().map(|&next_hop| Row {
            source: word("source"),
            state: word("state"),
            prefix,
            next_hop_type: next_hop_type.to_owned(),
            next_hop,
        }));
    }
}

/// Our rows for a NIC.
pub fn of_snapshot(network: &Network, snapshot: &Snapshot, nic: NicId) -> Vec<OwnRow> {
    let Some(compiled) = snapshot.nic(nic) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    for route in &snapshot.fib_of(compiled).routes {
        let gateway = match route.origin {
            RouteOrigin::Gateway(gateway) => Some(gateway),
            _ => None,
        };
        let mut hops: Vec<RowHop> = route
            .next_hop_ips
            .iter()
            .map(|&address| RowHop::Address(address))
            .collect();
        if hops.is_empty() {
            hops.push(RowHop::None);
        }
        for prefix in &route.prefixes {
            rows.extend(hops.iter().map(|&next_hop| OwnRow {
                row: Row {
                    source: Some(route.source.as_str().to_owned()),
                    state: Some(route.state.as_str().to_owned()),
                    prefix: prefix.trunc(),
                    next_hop_type: route.next_hop_type.as_str().to_owned(),
                    next_hop,
                },
                made_by: maker(network, route),
                gateway,
            }));
        }
    }
    rows
}

/// What made a row, in words.
pub(super) fn maker(network: &Network, route: &EffectiveRoute) -> String {
    match route.origin {
        RouteOrigin::System => match route.next_hop_type {
            model::NextHopType::VnetLocal => {
                "address space of the virtual network (R-1)".to_owned()
            }
            model::NextHopType::None => {
                format!("option noneRoutes={} (R-4)", network.options.none_routes)
            }
            model::NextHopType::VirtualNetworkServiceEndpoint => {
                "service endpoint of the subnet (R-9)".to_owned()
            }
            model::NextHopType::ConnectedGroup => "connected group (R-11)".to_owned(),
            model::NextHopType::InterfaceEndpoint => "private endpoint (R-10)".to_owned(),
            _ => "system route (R-3)".to_owned(),
        },
        RouteOrigin::Peering(link) => {
            let named = network.peerings().get(link);
            named.map_or_else(
                || "peering".to_owned(),
                |link| format!("peering {} (R-2)", link.id),
            )
        }
        RouteOrigin::Gateway(gateway) => {
            let named = network.gateways().get(gateway);
            named.map_or_else(
                || "gateway".to_owned(),
                |gateway| format!("gateway {} (R-8)", gateway.id()),
            )
        }
        RouteOrigin::RouteServer(server) => {
            let named = network.route_servers().get(server);
            named.map_or_else(
                || "route server".to_owned(),
                |server| format!("route server {} (G-10)", server.id()),
            )
        }
        RouteOrigin::User(table, position) => {
            let Some(table) = network.route_tables().get(table) else {
                return "route table".to_owned();
            };
            let route = table.routes.get(usize::from(position));
            let route = route.map_or("?", |route| route.name.as_str());
            format!("route '{route}' of {}", table.id)
        }
    }
}

/// Both tables as sets. Differences in one prefix stand side by side.
pub fn compare(azure: &[Row], ours: &[OwnRow]) -> Comparison {
    let mut comparison = Comparison::default();
    let duplicates = (1..azure.len())
        .filter(|&at| azure[..at].contains(&azure[at]))
        .count();
    if duplicates > 0 {
        comparison.remarks.push(format!(
            "Azure prints {duplicates} rows twice (R-32: as many tunnels or instances)"
        ));
    }
    let mut missing: Vec<&Row> = Vec::new();
    for (at, row) in azure.iter().enumerate() {
        if azure[..at].contains(row) {
            continue;
        }
        if !row.is_system_none() {
            comparison.compared += 1;
        }
        if !ours.iter().any(|own| own.row.matches(row)) {
            missing.push(row);
        }
    }
    let mut extra: Vec<&OwnRow> = Vec::new();
    for own in ours {
        let known = azure.iter().any(|row| row.matches(&own.row));
        if !known && !extra.contains(&own) {
            extra.push(own);
        }
    }
    for row in missing {
        // The nearest of ours: same prefix and type, else same prefix.
        let near = |same_type: bool| {
            extra.iter().position(|own| {
                own.row.prefix == row.prefix
                    && own.row.is_system_none() == row.is_system_none()
                    && (!same_type
                        || own
                            .row
                            .next_hop_type
                            .eq_ignore_ascii_case(&row.next_hop_type))
            })
        };
        let own = near(true)
            .or_else(|| near(false))
            .map(|at| extra.remove(at));
        comparison
            .differences
            .push(difference(row.prefix, Some(row), own));
    }
    for own in extra {
        if !own.row.is_system_none() {
            comparison.compared += 1;
        }
        comparison
            .differences
            .push(difference(own.row.prefix, None, Some(own)));
    }
    comparison
}

/// The value of the option `noneRoutes` under which our table has just the `None` routes that Azure prints; none if no list is so.
pub fn none_routes_of(network: &Network, nic: NicId, azure: &[Row]) -> Option<&'static str> {
    let options = network.options.descriptions();
    let option = options
        .into_iter()
        .find(|option| option.name == "noneRoutes")?;
    option.values.iter().copied().find(|value| {
        let mut network = network.clone();
        network.options.set(option.name, value).is_ok() && {
            let snapshot = control::compile(&network);
            let comparison = compare(azure, &of_snapshot(&network, &snapshot, nic));
            let mut differences = comparison.differences.iter();
            !differences.any(|difference| difference.class == Class::NoneRoute)
        }
    })
}

fn difference(prefix: Ipv4Net, azure: Option<&Row>, own: Option<&OwnRow>) -> Difference {
    let none = |row: Option<&Row>| row.is_none_or(Row::is_system_none);
    Difference {
        what: "route",
        key: prefix.to_string(),
        azure: azure.map(ToString::to_string),
        vnetsim: own.map(|own| own.row.to_string()),
        made_by: own.map(|own| own.made_by.clone()),
        class: if none(azure) && none(own.map(|own| &own.row)) {
            Class::NoneRoute
        } else {
            Class::Different
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(text: &str) -> Row {
        let words: Vec<&str> = text.split(' ').collect();
        Row {
            source: Some(words[0].to_owned()),
            state: Some(words[1].to_owned()),
            prefix: words[2].parse().unwrap(),
            next_hop_type: words[3].to_owned(),
            next_hop: words
                .get(4)
                .map_or(RowHop::None, |hop| RowHop::Address(hop.parse().unwrap())),
        }
    }

    fn own(text: &str) -> OwnRow {
        OwnRow {
            row: row(text),
            made_by: "test".to_owned(),
            gateway: None,
        }
    }

    const LOCAL: &str = "Default Active 10.0.0.0/16 VnetLocal";
    const NONE: &str = "Default Active 10.0.0.0/8 None";
    const USER: &str = "User Active 0.0.0.0/0 VirtualAppliance 10.0.0.4";

    #[test]
    fn order_and_repetition_do_not_matter() {
        let azure = [row(USER), row(LOCAL), row(USER)];
        let comparison = compare(&azure, &[own(LOCAL), own(USER)]);
        assert_eq!(comparison.compared, 2);
        assert_eq!(comparison.differences, []);
        assert_eq!(comparison.remarks.len(), 1);
    }

    #[test]
    fn none_rows_are_a_class_of_their_own() {
        let comparison = compare(&[row(LOCAL)], &[own(LOCAL), own(NONE)]);
        assert_eq!(comparison.compared, 1);
        assert_eq!(comparison.differences[0].class, Class::NoneRoute);
        assert!(comparison.agrees());
    }

    #[test]
    fn rows_of_one_prefix_stand_side_by_side() {
        let invalid = "User Invalid 0.0.0.0/0 VirtualAppliance 10.0.0.4";
        let comparison = compare(&[row(invalid)], &[own(LOCAL), own(USER)]);
        assert_eq!(comparison.differences.len(), 2);
        let both = &comparison.differences[0];
        assert_eq!(both.azure.as_deref(), Some(invalid));
        assert_eq!(both.vnetsim.as_deref(), Some(USER));
        assert!(!comparison.agrees());
    }

    #[test]
    fn the_row_with_two_next_hops_is_two_rows_and_ipv6_is_none() {
        let answer = json!({ "value": [{
            "source": "VirtualNetworkGateway", "state": "Active", "nextHopType": "VirtualNetworkGateway",
            "addressPrefix": ["10.2.0.0/24", "fd00::/8"], "nextHopIpAddress": ["10.1.0.4", "10.1.0.5"],
        }] });
        let (rows, unread) = of_azure(&answer);
        assert_eq!((rows.len(), unread.len()), (2, 0));
        let (_, unread) = of_azure(&json!([{ "nextHopType": "None", "addressPrefix": "?" }]));
        assert_eq!(unread.len(), 1);
    }

    #[test]
    fn what_was_not_printed_is_not_compared() {
        let bare = json!([{ "addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.0.4" }]);
        let (rows, _) = of_azure(&bare);
        assert_eq!(compare(&rows, &[own(USER)]).differences, []);
    }
}

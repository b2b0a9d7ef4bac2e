//! Tables of a wanted size: rules and routes that the bench's packets are held against and that decide nothing.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::address::overlap;
use model::security::MIN_PRIORITY;
use model::{
    Access, Direction, Network, NsgId, OperationError, Ports, Route, RouteDestination,
    RouteTableId, RuleAddresses, RuleProtocol, SecurityRule, UserNextHop,
};

/// Whether a group's own rules may be rearranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// They stay as they are, in their order, behind what is added.
    Kept,
    /// The one that lets the traffic pass goes to the end, or is written; others that would decide before it are left out.
    Rearranged,
}

/// Fills both directions of a group to this many rules. Traffic: TCP to `port`.
pub(super) fn fill_rules(
    network: &mut Network,
    nsg: NsgId,
    count: usize,
    port: u16,
    own: Own,
) -> Result<(), OperationError> {
    let strangers = Strangers::of(network);
    let present = network.nsgs()[nsg].rules.to_vec();
    let mut rules = Vec::with_capacity(2 * count);
    for direction in [Direction::Outbound, Direction::Inbound] {
        let mut there: Vec<SecurityRule> = present
            .iter()
            .filter(|rule| rule.direction == direction)
            .cloned()
            .collect();
        there.sort_by_key(|rule| rule.priority);
        let (before, behind) = match own {
            Own::Kept => (Vec::new(), there),
            Own::Rearranged => {
                let (deciding, mut others): (Vec<_>, Vec<_>) =
                    there.into_iter().partition(|rule| judges(rule, port));
                let allows = |rule: &SecurityRule| rule.access == Access::Allow;
                let last = deciding.into_iter().find(allows);
                others.truncate(count.saturating_sub(1));
                let last = last.unwrap_or_else(|| deciding_rule(direction, port));
                (others, vec![last])
            }
        };
        let missing = count.saturating_sub(before.len() + behind.len());
        let fillers = (0..missing).map(|number| filler(direction, number, port, &strangers));
        let filled = before.into_iter().chain(fillers).chain(behind);
        rules.extend(
            (MIN_PRIORITY..)
                .zip(filled)
                .map(|(priority, rule)| SecurityRule { priority, ..rule }),
        );
    }
    network.set_security_rules(nsg, rules)
}

/// Fills a table to this many routes; those that are there stay.
pub(super) fn fill_routes(
    network: &mut Network,
    table: RouteTableId,
    count: usize,
) -> Result<(), OperationError> {
    let strangers = Strangers::of(network);
    let mut routes = network.route_tables()[table].routes.clone();
    let appliance = routes
        .iter()
        .map(|route| route.next_hop)
        .find(|hop| hop.address().is_some());
    let hops = [
        appliance.unwrap_or(UserNextHop::None),
        UserNextHop::Internet,
        appliance.unwrap_or(UserNextHop::None),
        UserNextHop::None,
    ];
    let taken: Vec<RouteDestination> = routes
        .iter()
        .map(|route| route.destination.clone())
        .collect();
    let free = (0..)
        .map(|number| (number, strangers.prefix(number)))
        .filter(|&(_, prefix)| !taken.contains(&RouteDestination::Prefix(prefix)));
    routes.extend(
        free.take(count.saturating_sub(taken.len()))
            .map(|(number, prefix)| Route {
                name: format!("bench-{number}"),
                destination: RouteDestination::Prefix(prefix),
                next_hop: hops[number % hops.len()],
            }),
    );
    network.set_routes(table, routes)
}

/// A rule that is asked first and meets nothing.
pub(super) fn unused_rule(network: &Network) -> SecurityRule {
    let nobody = unused_prefix(network);
    SecurityRule {
        name: "bench-churn".to_owned(),
        description: None,
        priority: MIN_PRIORITY - 1,
        direction: Direction::Inbound,
        access: Access::Deny,
        protocol: RuleProtocol::Any,
        source: RuleAddresses::Prefixes(vec![nobody]),
        source_ports: Ports::all(),
        destination: RuleAddresses::Prefixes(vec![nobody]),
        destination_ports: Ports::all(),
    }
}

/// Private addresses that no network of the input has, and no filled table names before it is long.
pub(super) fn unused_prefix(network: &Network) -> Ipv4Net {
    Strangers::of(network).prefix(usize::from(u16::MAX))
}

/// Whether a rule could decide about the traffic, as far as protocol and port say.
fn judges(rule: &SecurityRule, port: u16) -> bool {
    matches!(rule.protocol, RuleProtocol::Any | RuleProtocol::Tcp)
        && rule
            .destination_ports
            .ranges()
            .iter()
            .any(|&(first, last)| (first..=last).contains(&port))
}

fn deciding_rule(direction: Direction, port: u16) -> SecurityRule {
    SecurityRule {
        name: format!("bench-{direction}-traffic"),
        description: None,
        priority: 0,
        direction,
        access: Access::Allow,
        protocol: RuleProtocol::Tcp,
        source: RuleAddresses::Prefixes(vec![Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8)]),
        source_ports: Ports::all(),
        destination: RuleAddresses::Prefixes(vec![Ipv4Net::new_assert(
            Ipv4Addr::new(10, 0, 0, 0),
            8,
        )]),
        destination_ports: Ports::from_ranges([(port, port)]),
    }
}

/// A rule that misses the traffic by one of its fields, in turns: address, port, protocol.
fn filler(direction: Direction, number: usize, port: u16, strangers: &Strangers) -> SecurityRule {
    #[expect(clippy::cast_possible_truncation, reason = "below 1,023")]
    let other_port = match 1 + (number * 5 % 1_023) as u16 {
        same if same == port => 1 + same % 1_023,
        other => other,
    };
    let any_of_them = || RuleAddresses::Any;
    let stranger = RuleAddresses::Prefixes(vec![strangers.prefix(number)]);
    let (protocol, peer, local, ports) = match number % 4 {
        0 => (RuleProtocol::Tcp, stranger, any_of_them(), (port, port)),
        1 => (
            RuleProtocol::Tcp,
            any_of_them(),
            any_of_them(),
            (other_port, other_port),
        ),
        2 => (
            RuleProtocol::Udp,
            any_of_them(),
            stranger,
            (other_port, other_port + 40),
        ),
        _ => (RuleProtocol::Tcp, any_of_them(), stranger, (0, u16::MAX)),
    };
    let (source, destination) = match direction {
        Direction::Inbound => (peer, local),
        Direction::Outbound => (local, peer),
    };
    SecurityRule {
        name: format!("bench-{direction}-{number}"),
        description: None,
        priority: 0,
        direction,
        access: if number.is_multiple_of(3) {
            Access::Deny
        } else {
            Access::Allow
        },
        protocol,
        source,
        source_ports: Ports::all(),
        destination,
        destination_ports: Ports::from_ranges([ports]),
    }
}

/// Private address space that no network of the input uses.
struct Strangers {
    blocks: Vec<Ipv4Net>,
}

impl Strangers {
    /// Blocks of 4,096 addresses.
    const BLOCK: u8 = 20;

    fn of(network: &Network) -> Self {
        let used: Vec<Ipv4Net> = network
            .virtual_networks()
            .values()
            .flat_map(|vnet| vnet.address_space.prefixes())
            .chain(
                network
                    .on_premises()
                    .values()
                    .flat_map(|site| &site.prefixes),
            )
            .copied()
            .collect();
        let private = [
            (Ipv4Addr::new(10, 0, 0, 0), 8),
            (Ipv4Addr::new(172, 16, 0, 0), 12),
            (Ipv4Addr::new(192, 168, 0, 0), 16),
        ];
        let blocks = private
            .into_iter()
            .flat_map(|(address, length)| {
                let space = Ipv4Net::new_assert(address, length);
                space.subnets(Self::BLOCK).into_iter().flatten()
            })
            .filter(|&block| !used.iter().any(|&space| overlap(space, block)))
            .collect();
        Self { blocks }
    }

    /// A prefix of 24 to 28 bits, another for each number as long as there are any.
    fn prefix(&self, number: usize) -> Ipv4Net {
        // Networks for benchmarks (RFC 2544), where the input has used up all private ones.
        let spare = Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), Self::BLOCK);
        let block = match self.blocks.len() {
            0 => spare,
            count => self.blocks[number % count],
        };
        let round = number / self.blocks.len().max(1);
        #[expect(clippy::cast_possible_truncation, reason = "below 16, and below 5")]
        let (part, length) = ((round % 16) as u32, 24 + (number % 5) as u8);
        let address = u32::from(block.network()) | part << 8;
        Ipv4Net::new_assert(address.into(), length)
    }
}

//! What happens to a network while packets run.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::{
    Access, Direction, Guest, GuestRole, LinkId, Network, NicId, NsgId, PeeringFlags, PeeringScope,
    PeeringState, Ports, PowerState, ResourceId, Route, RouteDestination, RouteTableId,
    RuleAddresses, RuleProtocol, SecurityRule, ServiceTag, SubnetId, UserNextHop, VmId, VnetId,
};

use super::case::Theme;
use super::random::Random;

/// One operation. What the model refuses changes nothing, and what is no longer there neither.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Routes(RouteTableId, Vec<Route>),
    Flags(LinkId, PeeringFlags),
    Disconnect(LinkId),
    Connect(VnetId, ResourceId, PeeringFlags),
    Rules(NsgId, Vec<SecurityRule>),
    NicGroup(NicId, Option<NsgId>),
    SubnetGroup(SubnetId, Option<NsgId>),
    Power(VmId, PowerState),
    Guest(VmId, Guest),
    Forwarding(NicId, bool),
    Delete(NicId),
    /// A new generation in which nothing is different.
    Nothing,
}

/// Next hops of appliances and their load balancer.
const APPLIANCES: [[u8; 4]; 5] = [
    [10, 0, 1, 4],
    [10, 0, 2, 4],
    [10, 0, 5, 4],
    [10, 0, 6, 4],
    [10, 0, 4, 100],
];

impl Change {
    pub(super) fn apply(&self, network: &mut Network) {
        match self.clone() {
            Self::Routes(table, routes) => drop(network.set_routes(table, routes)),
            Self::Flags(link, flags) if network.peerings().get(link).is_some() => {
                drop(network.update_peering(link, flags));
            }
            Self::Disconnect(link) if network.peerings().get(link).is_some() => {
                network.delete_peering(link);
            }
            Self::Connect(from, to, flags) => {
                let scope = PeeringScope::CompleteVirtualNetworks;
                let name = format!("again-to-{}", to.name());
                let created = network.create_peering(from, &name, &to, flags, scope);
                let back = network.virtual_networks().find(&to);
                // The other side's link was left behind as Disconnected; storing it anew connects both.
                if let (Ok(link), Some(_)) = (created, back)
                    && let Some(reverse) = network.reverse_link(link)
                    && network.peerings()[reverse].state == PeeringState::Disconnected
                {
                    let flags = network.peerings()[reverse].flags;
                    drop(network.update_peering(reverse, flags));
                }
            }
            Self::Rules(group, rules) => drop(network.set_security_rules(group, rules)),
            Self::NicGroup(nic, group) if network.nics().get(nic).is_some() => {
                network.set_nic_security_group(nic, group);
            }
            Self::SubnetGroup(subnet, group) => network.set_subnet_security_group(subnet, group),
            Self::Power(vm, power) => network.set_power(vm, power),
            Self::Guest(vm, guest) => network.set_guest(vm, guest),
            Self::Forwarding(nic, on) if network.nics().get(nic).is_some() => {
                network.set_ip_forwarding(nic, on);
            }
            Self::Delete(nic) if network.nics().get(nic).is_some() => {
                drop(network.delete_nic(nic));
            }
            Self::Flags(..)
            | Self::Disconnect(_)
            | Self::NicGroup(..)
            | Self::Forwarding(..)
            | Self::Delete(_)
            | Self::Nothing => {}
        }
    }

    /// What makes a network of the topology: routes of a certain shape, guests, groups, rules, flags.
    pub(super) fn opening(random: &mut Random, network: &Network, theme: Theme) -> Vec<Self> {
        let mut changes = shape(random, network, theme);
        for (group, _) in network.nsgs().iter() {
            changes.push(Self::Rules(group, rules(random)));
        }
        let groups: Vec<NsgId> = network.nsgs().iter().map(|(group, _)| group).collect();
        let (of_subnets, of_nics) = match theme {
            Theme::TwoWays | Theme::Chain => (90, 30),
            _ => random.pick(&[(0, 0), (40, 20), (60, 30), (90, 30), (20, 70)]),
        };
        for (subnet, _) in network.subnets().iter() {
            if random.percent(of_subnets) {
                changes.push(Self::SubnetGroup(subnet, Some(random.pick(&groups))));
            }
        }
        for (nic, _) in network.listed_nics() {
            if random.percent(of_nics) {
                changes.push(Self::NicGroup(nic, Some(random.pick(&groups))));
            }
        }
        for _ in 0..random.below(4) {
            changes.extend(flags(random, network));
        }
        if random.percent(30) {
            changes.push(power(random, network, PowerState::Deallocated));
        }
        changes
    }

    /// Something else while packets run; sometimes several things.
    pub(super) fn next(random: &mut Random, network: &Network) -> Vec<Self> {
        // Behind closed doors only what is remembered passes: then it shows what is.
        if random.percent(15) {
            let closed = random.percent(60);
            return network
                .nsgs()
                .iter()
                .map(|(group, _)| {
                    let rules = if closed {
                        closed_doors()
                    } else {
                        rules(random)
                    };
                    Self::Rules(group, rules)
                })
                .collect();
        }
        vec![Self::single(random, network)]
    }

    fn single(random: &mut Random, network: &Network) -> Self {
        let change = match random.below(100) {
            0..=24 => Some(routes(random, network)),
            25..=34 => flags(random, network),
            35..=42 => connect(random, network).or_else(|| disconnect(random, network)),
            43..=57 => {
                let groups: Vec<NsgId> = network.nsgs().iter().map(|(group, _)| group).collect();
                let group = random.pick(&groups);
                let mut edited = network.nsgs()[group].rules.to_vec();
                match edited.first_mut() {
                    Some(rule) if random.percent(60) => {
                        rule.access = match rule.access {
                            Access::Allow => Access::Deny,
                            Access::Deny => Access::Allow,
                        };
                    }
                    _ => edited = rules(random),
                }
                Some(Self::Rules(group, edited))
            }
            58..=73 => {
                let groups: Vec<NsgId> = network.nsgs().iter().map(|(group, _)| group).collect();
                let group = random.percent(60).then(|| random.pick(&groups));
                Some(if random.percent(60) {
                    let nics: Vec<NicId> = network.listed_nics().map(|(nic, _)| nic).collect();
                    Self::NicGroup(random.pick(&nics), group)
                } else {
                    let subnets: Vec<SubnetId> =
                        network.subnets().iter().map(|(subnet, _)| subnet).collect();
                    Self::SubnetGroup(random.pick(&subnets), group)
                })
            }
            74..=79 => Some(power(
                random,
                network,
                random
                    .clone()
                    .pick(&[PowerState::Running, PowerState::Stopped]),
            )),
            80..=87 => Some(guest(random, network)),
            88..=91 => {
                let routers = ["aVMNic", "bVMNic", "c-nic", "back-nic", "one0VMNic"];
                let name = random.pick(&routers);
                let nic = network.listed_nics().find(|(_, nic)| nic.id.name() == name);
                nic.map(|(nic, _)| Self::Forwarding(nic, random.percent(60)))
            }
            92 => {
                let loose = network
                    .listed_nics()
                    .find(|(_, nic)| nic.id.name() == "loose-nic");
                loose.map(|(nic, _)| Self::Delete(nic))
            }
            _ => None,
        };
        change.unwrap_or(Self::Nothing)
    }
}

fn appliance(address: [u8; 4]) -> UserNextHop {
    UserNextHop::VirtualAppliance(Ipv4Addr::from(address))
}

/// Routes to these prefixes, with these next hops.
fn table(network: &Network, name: &str, routes: &[(&str, UserNextHop)]) -> Option<Change> {
    let (table, _) = network
        .route_tables()
        .iter()
        .find(|(_, table)| table.id.name() == name)?;
    let route = |(position, &(prefix, next_hop)): (usize, &(&str, UserNextHop))| Route {
        name: format!("route{position}"),
        destination: RouteDestination::Prefix(prefix.parse().expect("a prefix")),
        next_hop,
    };
    let routes = routes.iter().enumerate().map(route).collect();
    Some(Change::Routes(table, routes))
}

fn machine(network: &Network, name: &str) -> Option<VmId> {
    let mut machines = network.virtual_machines().iter();
    machines
        .find(|(_, vm)| vm.id.name() == name)
        .map(|(vm, _)| vm)
}

/// How spokes reach each other, and what the appliances on the way are like.
fn shape(random: &mut Random, network: &Network, theme: Theme) -> Vec<Change> {
    let [a, b, c, back, pool] = APPLIANCES.map(appliance);
    let mut changes = Vec::new();
    let mut add = |name, routes: &[(&str, UserNextHop)]| {
        changes.extend(table(network, name, routes));
    };
    let shape = match theme {
        Theme::TwoWays => 3,
        Theme::Chain => random.pick(&[4, 5]),
        Theme::Stateful => 0,
        Theme::Anything | Theme::FullNics | Theme::Frontend => random.below(8),
    };
    match shape {
        // Through one appliance, or through a pool of two, or one with two NICs.
        0..=2 => {
            let way = random.pick(&[a, a, b, pool, pool, c]);
            for spoke in ["one", "two", "three"] {
                // As specific as the rows of peerings, which would win otherwise.
                let wide = [
                    ("10.0.0.0/8", way),
                    ("10.1.0.0/16", way),
                    ("10.2.0.0/16", way),
                ];
                add(spoke, &wide[..random.pick(&[1, 3, 3, 3])]);
            }
        }
        // Out through an appliance, back directly.
        3 => add("one", &[("10.2.0.0/16", random.pick(&[a, c, pool]))]),
        // Two in a row; the way back is as long, or shorter.
        4 => {
            add("one", &[("10.2.0.0/16", a), ("10.3.0.0/16", a)]);
            add("a", &[("10.2.0.0/16", b)]);
            let back = random.pick(&[a, b]);
            add("two", &[("10.1.0.0/16", back), ("10.3.0.0/16", b)]);
            add("three", &[("10.0.0.0/8", b)]);
            if random.percent(50) {
                add("b", &[("10.1.0.0/16", a)]);
            }
        }
        // Three in a row, back in reverse.
        5 => {
            add("one", &[("10.2.0.0/16", a)]);
            add("a", &[("10.2.0.0/16", b)]);
            add("b", &[("10.2.0.0/16", c), ("10.1.0.0/16", a)]);
            add("c", &[("10.1.0.0/16", b)]);
            add("two", &[("10.1.0.0/16", random.pick(&[c, back]))]);
        }
        // No way but the direct one.
        6 => {}
        _ => {
            for (id, _) in network.route_tables().iter() {
                changes.push(Change::Routes(id, some_routes(random)));
            }
        }
    }
    let plain = matches!(theme, Theme::TwoWays | Theme::Chain) || random.percent(50);
    for name in ["a", "b", "c"] {
        let guest = if theme == Theme::Stateful {
            Guest {
                role: Some(GuestRole::Appliance),
                stateful: true,
                ..Guest::default()
            }
        } else if plain {
            Guest {
                role: Some(GuestRole::Appliance),
                ..Guest::default()
            }
        } else {
            some_router(random)
        };
        let vm = machine(network, name).expect("of the topology");
        changes.push(Change::Guest(vm, guest));
    }
    changes
}

fn some_router(random: &mut Random) -> Guest {
    Guest {
        role: Some(GuestRole::Appliance),
        source_nat: random.percent(20),
        stateful: random.percent(50),
        listen: None,
    }
}

fn some_routes(random: &mut Random) -> Vec<Route> {
    let prefixes = [
        "10.0.0.0/8",
        "10.0.0.0/16",
        "10.1.0.0/16",
        "10.2.0.0/16",
        "10.2.0.0/24",
        "10.3.0.0/16",
        "10.0.3.0/24",
        "10.200.0.0/16",
        "0.0.0.0/0",
    ];
    let mut routes: Vec<Route> = Vec::new();
    for _ in 0..random.below(4) {
        let prefix: Ipv4Net = random.pick(&prefixes).parse().expect("a prefix");
        let destination = RouteDestination::Prefix(prefix);
        if routes.iter().any(|route| route.destination == destination) {
            continue;
        }
        let next_hop = match random.below(12) {
            0 => UserNextHop::None,
            1 => UserNextHop::VnetLocal,
            2 => UserNextHop::Internet,
            3 => appliance([10, 0, 3, 99]),
            _ => appliance(random.pick(&APPLIANCES)),
        };
        routes.push(Route {
            name: format!("route{}", routes.len()),
            destination,
            next_hop,
        });
    }
    routes
}

fn routes(random: &mut Random, network: &Network) -> Change {
    let tables: Vec<RouteTableId> = network.route_tables().iter().map(|(id, _)| id).collect();
    let table = random.pick(&tables);
    let mut routes = network.route_tables()[table].routes.clone();
    if routes.is_empty() || random.percent(30) {
        return Change::Routes(table, some_routes(random));
    }
    // The same prefix to another appliance, as when one is replaced.
    let changed = random.below(routes.len());
    routes[changed].next_hop = appliance(random.pick(&APPLIANCES));
    Change::Routes(table, routes)
}

fn flags(random: &mut Random, network: &Network) -> Option<Change> {
    let links: Vec<LinkId> = network.peerings().iter().map(|(link, _)| link).collect();
    if links.is_empty() {
        return None;
    }
    let link = random.pick(&links);
    let present = network.peerings()[link].flags;
    let flags = if random.percent(50) {
        PeeringFlags {
            allow_virtual_network_access: !present.allow_virtual_network_access,
            ..present
        }
    } else {
        PeeringFlags {
            allow_forwarded_traffic: !present.allow_forwarded_traffic,
            ..present
        }
    };
    Some(Change::Flags(link, flags))
}

fn disconnect(random: &mut Random, network: &Network) -> Option<Change> {
    let links: Vec<LinkId> = network.peerings().iter().map(|(link, _)| link).collect();
    (!links.is_empty()).then(|| Change::Disconnect(random.pick(&links)))
}

/// Mends the first link that has lost its other side.
fn connect(random: &mut Random, network: &Network) -> Option<Change> {
    if random.percent(30) {
        return None;
    }
    let broken = network
        .peerings()
        .iter()
        .find(|(_, link)| link.state == PeeringState::Disconnected)?;
    let remote = network.virtual_networks().find(&broken.1.remote)?;
    let own = network.virtual_networks()[broken.1.virtual_network]
        .id
        .clone();
    Some(Change::Connect(remote, own, broken.1.flags))
}

fn power(random: &mut Random, network: &Network, power: PowerState) -> Change {
    let machines: Vec<VmId> = network
        .virtual_machines()
        .iter()
        .map(|(vm, _)| vm)
        .collect();
    // Who is down comes back sooner than others go down.
    let down = network
        .virtual_machines()
        .iter()
        .find(|(_, vm)| vm.power != PowerState::Running);
    match down {
        Some((vm, _)) if random.percent(60) => Change::Power(vm, PowerState::Running),
        _ => Change::Power(random.pick(&machines), power),
    }
}

fn guest(random: &mut Random, network: &Network) -> Change {
    let name = random.pick(&["a", "b", "c"]);
    let vm = machine(network, name).expect("of the topology");
    let guest = if random.percent(10) {
        Guest {
            role: Some(GuestRole::Host),
            ..Guest::default()
        }
    } else {
        some_router(random)
    };
    Change::Guest(vm, guest)
}

fn closed_doors() -> Vec<SecurityRule> {
    [Direction::Inbound, Direction::Outbound]
        .map(|direction| SecurityRule {
            name: "closed".to_owned(),
            description: None,
            priority: 100,
            direction,
            access: Access::Deny,
            protocol: RuleProtocol::Any,
            source: RuleAddresses::Any,
            source_ports: Ports::all(),
            destination: RuleAddresses::Any,
            destination_ports: Ports::all(),
        })
        .into_iter()
        .enumerate()
        .map(|(number, rule)| SecurityRule {
            name: format!("closed{number}"),
            ..rule
        })
        .collect()
}

/// A few rules, more of which allow than deny.
fn rules(random: &mut Random) -> Vec<SecurityRule> {
    (0..random.below(6))
        .map(|number| rule(random, number))
        .collect()
}

fn rule(random: &mut Random, number: usize) -> SecurityRule {
    let addresses = |random: &mut Random| match random.below(8) {
        0..=2 => RuleAddresses::Any,
        3 => RuleAddresses::Tag(ServiceTag::VirtualNetwork),
        4 => RuleAddresses::Tag(ServiceTag::Internet),
        _ => {
            let prefixes = [
                "10.0.0.0/8",
                "10.1.0.0/16",
                "10.2.0.0/16",
                "10.1.0.4/32",
                "10.200.0.0/24",
            ];
            let prefix = random.pick(&prefixes).parse().expect("a prefix");
            RuleAddresses::Prefixes(vec![prefix])
        }
    };
    let ports = random.pick(&[
        (0, 65535),
        (0, 65535),
        (80, 80),
        (0, 1023),
        (8, 8),
        (0, 0),
        (1024, 65535),
    ]);
    SecurityRule {
        name: format!("rule{number}"),
        description: None,
        priority: 100 + u16::try_from(number).expect("a few"),
        direction: random.pick(&[Direction::Inbound, Direction::Outbound]),
        access: if random.percent(65) {
            Access::Allow
        } else {
            Access::Deny
        },
        protocol: random.pick(&[
            RuleProtocol::Any,
            RuleProtocol::Tcp,
            RuleProtocol::Tcp,
            RuleProtocol::Udp,
            RuleProtocol::Icmp,
            RuleProtocol::Esp,
        ]),
        source: addresses(random),
        source_ports: Ports::all(),
        destination: addresses(random),
        destination_ports: Ports::from_ranges([ports]),
    }
}

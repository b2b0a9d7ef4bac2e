//! Security rules as people write them: prefixes of subnets, virtual networks and hosts, service tags, application groups, well-known ports.
//!
//! The share of rules that overlap an earlier one is exact. Two rules overlap if one packet can match both; a service tag or an
//! application security group counts as every address.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use model::address::overlap;
use model::security::{MAX_PRIORITY, MIN_PRIORITY};
use model::{
    Access, AsgId, Direction, Ports, RuleAddresses, RuleProtocol, SecurityRule, ServiceTag,
};

use crate::plan::{Plan, Role};
use crate::random::Random;
use crate::share::Share;

/// Services that rules are about, by how often.
pub(crate) const SERVICES: [(usize, (RuleProtocol, u16, u16)); 16] = [
    (20, (RuleProtocol::Tcp, 443, 443)),
    (10, (RuleProtocol::Tcp, 80, 80)),
    (8, (RuleProtocol::Tcp, 22, 22)),
    (8, (RuleProtocol::Tcp, 3389, 3389)),
    (8, (RuleProtocol::Tcp, 1433, 1433)),
    (5, (RuleProtocol::Tcp, 5432, 5432)),
    (5, (RuleProtocol::Tcp, 3306, 3306)),
    (4, (RuleProtocol::Tcp, 6379, 6380)),
    (6, (RuleProtocol::Tcp, 8080, 8090)),
    (4, (RuleProtocol::Tcp, 9090, 9100)),
    (4, (RuleProtocol::Tcp, 5985, 5986)),
    (6, (RuleProtocol::Udp, 53, 53)),
    (4, (RuleProtocol::Any, 53, 53)),
    (3, (RuleProtocol::Udp, 123, 123)),
    (3, (RuleProtocol::Udp, 514, 514)),
    (2, (RuleProtocol::Any, 1, 1023)),
];
/// Ports from here on are those of rules that have to overlap with none: no rule for all addresses names them.
const OWN_PORTS: u16 = 40_000;
/// How often a rule is drawn anew before one is made that overlaps with none for certain.
const DRAWS: usize = 6;
/// Out of a hundred NSGs that may, so many end with a rule that denies everything from the virtual networks around; and the same outbound.
const CLOSED: [(Direction, usize); 2] = [(Direction::Inbound, 40), (Direction::Outbound, 15)];
/// Blocks of 16 addresses in 172.16.0.0/12, where partners live.
const PARTNERS: usize = 1 << 16;

/// Where an NSG is used first: what its rules know.
pub(crate) struct Surroundings<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) subnet: usize,
    /// Application security groups of its virtual network.
    pub(crate) asgs: &'a [AsgId],
    /// True if it belongs to a NIC and not to the subnet.
    pub(crate) of_a_nic: bool,
}

/// What a rule matches, seen from the machines that it protects.
#[derive(Clone)]
struct Match {
    protocol: RuleProtocol,
    ports: Ports,
    local: RuleAddresses,
    peer: RuleAddresses,
}

/// The rules of an NSG: inbound ones, then outbound ones.
pub(crate) fn rules(
    surroundings: &Surroundings<'_>,
    count: usize,
    overlapping: Share,
    random: &mut Random,
) -> Vec<SecurityRule> {
    let inbound = (count * 3).div_ceil(5);
    let mut rules = Vec::with_capacity(count);
    for (direction, count) in [
        (Direction::Inbound, inbound),
        (Direction::Outbound, count - inbound),
    ] {
        rules.extend(of_direction(
            surroundings,
            direction,
            count,
            overlapping,
            random,
        ));
    }
    rules
}

fn of_direction(
    surroundings: &Surroundings<'_>,
    direction: Direction,
    count: usize,
    overlapping: Share,
    random: &mut Random,
) -> Vec<SecurityRule> {
    if count == 0 {
        return Vec::new();
    }
    // The first rule has no earlier one.
    let mut later = overlapping.of(count).min(count - 1);
    let denies = |&(of, share): &(Direction, usize)| of == direction && random.percent(share);
    let closes = later > 0 && CLOSED.iter().any(denies);
    later -= usize::from(closes);
    let mut overlaps = vec![false; count];
    for number in random.some_of(later, count - 1 - usize::from(closes)) {
        overlaps[number + 1] = true;
    }
    let step = usize::from(MAX_PRIORITY - MIN_PRIORITY) / count;
    let mut matches: Vec<Match> = Vec::with_capacity(count);
    let mut rules = Vec::with_capacity(count);
    let first_partner = random.below(PARTNERS);
    for (number, overlaps) in overlaps.into_iter().enumerate() {
        let last = closes && number + 1 == count;
        let (found, access) = if last {
            (everything(random), Access::Deny)
        } else {
            let found = if overlaps {
                let earlier = &matches[random.below(number)];
                like(earlier, random)
            } else {
                let partner = (first_partner + number) % PARTNERS;
                apart(surroundings, &matches, partner, random)
            };
            let access = if random.percent(65) {
                Access::Allow
            } else {
                Access::Deny
            };
            (found, access)
        };
        let priority = usize::from(MIN_PRIORITY) + number * step;
        rules.push(rule(
            &found,
            direction,
            access,
            u16::try_from(priority).unwrap_or(MAX_PRIORITY),
        ));
        matches.push(found);
    }
    rules
}

fn rule(found: &Match, direction: Direction, access: Access, priority: u16) -> SecurityRule {
    let (way, source, destination) = match direction {
        Direction::Inbound => ("in", &found.peer, &found.local),
        Direction::Outbound => ("out", &found.local, &found.peer),
    };
    let verb = match access {
        Access::Allow => "allow",
        Access::Deny => "deny",
    };
    SecurityRule {
        name: format!("{verb}-{way}-{priority}"),
        description: None,
        priority,
        direction,
        access,
        protocol: found.protocol,
        source: source.clone(),
        source_ports: Ports::all(),
        destination: destination.clone(),
        destination_ports: found.ports.clone(),
    }
}

/// What the last rule of a closed NSG denies.
fn everything(random: &mut Random) -> Match {
    Match {
        protocol: RuleProtocol::Any,
        ports: Ports::all(),
        local: RuleAddresses::Any,
        peer: if random.percent(60) {
            RuleAddresses::Tag(ServiceTag::VirtualNetwork)
        } else {
            RuleAddresses::Any
        },
    }
}

/// A match that shares packets with this one: wider in its ports or on its own side, or narrower on the other.
fn like(earlier: &Match, random: &mut Random) -> Match {
    let mut found = earlier.clone();
    match (random.below(3), &earlier.peer) {
        // What is for all addresses stays with its ports, so that there is room for rules that overlap with none.
        (0, RuleAddresses::Prefixes(_)) => {
            found.protocol = RuleProtocol::Any;
            found.ports = Ports::all();
        }
        (1, RuleAddresses::Prefixes(prefixes)) => {
            let prefix = *random.choose(prefixes);
            found.peer = RuleAddresses::Prefixes(vec![within(prefix, random)]);
        }
        _ => found.local = RuleAddresses::Any,
    }
    found
}

/// A quarter of a prefix, or one of its addresses.
fn within(prefix: Ipv4Net, random: &mut Random) -> Ipv4Net {
    let length = if random.percent(50) {
        (prefix.prefix_len() + 2).min(32)
    } else {
        32
    };
    let hosts = u32::from(prefix.hostmask());
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is as good")]
    let address = u32::from(prefix.network()) | random.next() as u32 & hosts;
    net(address.into(), length)
}

/// A match that shares no packet with any of these.
fn apart(
    surroundings: &Surroundings<'_>,
    earlier: &[Match],
    partner: usize,
    random: &mut Random,
) -> Match {
    for _ in 0..DRAWS {
        let drawn = surroundings.draw(random);
        if !earlier.iter().any(|other| overlapping(&drawn, other)) {
            return drawn;
        }
    }
    // A partner of its own: nobody else has these addresses, and rules for all addresses do not have these ports.
    let port = OWN_PORTS + u16::try_from(random.below(20_000)).unwrap_or(0);
    let block = u32::try_from(partner * 16).unwrap_or(0);
    Match {
        protocol: random.weighted(&[(3, RuleProtocol::Tcp), (1, RuleProtocol::Udp)]),
        ports: Ports::from_ranges([(port, port)]),
        local: RuleAddresses::Any,
        peer: RuleAddresses::Prefixes(vec![net(
            Ipv4Addr::from(u32::from(Ipv4Addr::new(172, 16, 0, 0)) + block),
            28,
        )]),
    }
}

/// Whether one packet can match both.
fn overlapping(one: &Match, other: &Match) -> bool {
    let ports = || {
        one.ports.ranges().iter().any(|one| {
            let mut others = other.ports.ranges().iter();
            others.any(|other| one.0 <= other.1 && other.0 <= one.1)
        })
    };
    let protocols = one.protocol == other.protocol
        || one.protocol == RuleProtocol::Any
        || other.protocol == RuleProtocol::Any;
    protocols
        && ports()
        && addresses_meet(&one.peer, &other.peer)
        && addresses_meet(&one.local, &other.local)
}

fn addresses_meet(ones: &RuleAddresses, others: &RuleAddresses) -> bool {
    match (ones, others) {
        (RuleAddresses::Prefixes(ones), RuleAddresses::Prefixes(others)) => ones
            .iter()
            .any(|&one| others.iter().any(|&other| overlap(one, other))),
        _ => true,
    }
}

fn net(address: Ipv4Addr, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(address, length.min(32)).trunc()
}

impl Surroundings<'_> {
    fn draw(&self, random: &mut Random) -> Match {
        let peer = self.peer(random);
        let bounded = matches!(peer, RuleAddresses::Prefixes(_));
        let (protocol, ports) = match random.below(20) {
            0 if bounded => (RuleProtocol::Any, Ports::all()),
            1 => (RuleProtocol::Icmp, Ports::all()),
            2 if bounded => {
                let first = 10_000 + u16::try_from(random.below(20_000)).unwrap_or(0);
                (RuleProtocol::Tcp, Ports::from_ranges([(first, first + 99)]))
            }
            3..=6 => {
                let (protocol, first, last) = random.weighted(&SERVICES);
                let (_, second, end) = random.weighted(&SERVICES);
                let ranges = [(first, last), (second, end)];
                (protocol, Ports::from_ranges(ranges))
            }
            _ => {
                let (protocol, first, last) = random.weighted(&SERVICES);
                (protocol, Ports::from_ranges([(first, last)]))
            }
        };
        Match {
            protocol,
            ports,
            local: self.local(random),
            peer,
        }
    }

    /// The side of the machines that the NSG protects.
    fn local(&self, random: &mut Random) -> RuleAddresses {
        let subnet = &self.plan.subnets[self.subnet];
        if self.of_a_nic {
            return RuleAddresses::Any;
        }
        match random.below(20) {
            0..=3 => RuleAddresses::Prefixes(vec![subnet.prefix]),
            4..=5 if subnet.nics > 0 => {
                RuleAddresses::Prefixes(vec![self.host(self.subnet, random)])
            }
            6 => RuleAddresses::Tag(ServiceTag::VirtualNetwork),
            7 if !self.asgs.is_empty() => {
                RuleAddresses::ApplicationSecurityGroups(vec![*random.choose(self.asgs)])
            }
            8 => RuleAddresses::Prefixes(self.plan.vnets[subnet.vnet].space.clone()),
            _ => RuleAddresses::Any,
        }
    }

    /// The other side.
    fn peer(&self, random: &mut Random) -> RuleAddresses {
        let plan = self.plan;
        let own = plan.subnets[self.subnet].vnet;
        let group = plan.vnets[own].group;
        let prefixes = |prefixes: &[Ipv4Net]| RuleAddresses::Prefixes(prefixes.to_vec());
        let vnet_of = |group: usize, random: &mut Random| {
            let vnets = plan.groups[group].vnets.clone();
            &plan.vnets[vnets.start + random.below(vnets.len())]
        };
        match random.below(100) {
            0..=19 => prefixes(&vnet_of(group, random).space),
            20..=39 => prefixes(&[plan.subnets[self.neighbour(group, random)].prefix]),
            40..=47 => prefixes(&plan.vnets[own].space),
            48..=53 => {
                let subnets = plan.vnets[own].subnets.clone();
                let sibling = subnets.start + random.below(subnets.len());
                prefixes(&[plan.subnets[sibling].prefix])
            }
            54..=61 => {
                let shared = plan.hub(group).subnets.start + 1;
                prefixes(&[plan.subnets[shared].prefix])
            }
            62..=71 => {
                let subnet = self.neighbour(group, random);
                prefixes(&[self.host(subnet, random)])
            }
            72..=79 => {
                let several = 2 + random.below(4);
                let mut hosts: Vec<Ipv4Net> = (0..several)
                    .map(|_| {
                        let subnet = self.neighbour(group, random);
                        self.host(subnet, random)
                    })
                    .collect();
                hosts.sort_unstable();
                hosts.dedup();
                RuleAddresses::Prefixes(hosts)
            }
            80..=84 => {
                let other = random.below(plan.groups.len());
                prefixes(&vnet_of(other, random).space)
            }
            85..=86 => prefixes(&[plan.groups[random.below(plan.groups.len())].space]),
            87..=90 => prefixes(&[site(random.below(256))]),
            91..=93 => RuleAddresses::Tag(ServiceTag::VirtualNetwork),
            94 => RuleAddresses::Tag(ServiceTag::Internet),
            95 => RuleAddresses::Tag(ServiceTag::AzureLoadBalancer),
            96..=97 if !self.asgs.is_empty() => {
                RuleAddresses::ApplicationSecurityGroups(vec![*random.choose(self.asgs)])
            }
            _ => RuleAddresses::Any,
        }
    }

    /// A subnet of machines of a group.
    fn neighbour(&self, group: usize, random: &mut Random) -> usize {
        let subnets = self.plan.subnets_of(group);
        let number = subnets.start + random.below(subnets.len());
        match self.plan.subnets[number].role {
            Role::Tier | Role::Shared => number,
            Role::Appliances | Role::Firewall | Role::Gateway => {
                self.plan.hub(group).subnets.start + 1
            }
        }
    }

    /// A machine of a subnet.
    fn host(&self, subnet: usize, random: &mut Random) -> Ipv4Net {
        let subnet = &self.plan.subnets[subnet];
        Ipv4Net::from(subnet.address(random.below(subnet.nics.max(1))))
    }
}

/// A network on premises: 192.168.0.0/24 to 192.168.255.0/24.
pub(crate) fn site(number: usize) -> Ipv4Net {
    let third = u8::try_from(number % 256).unwrap_or(0);
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, third, 0), 24)
}
